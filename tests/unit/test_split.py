"""Rows in groups: who is in which, what is made of them once, and what they weigh."""

import numpy as np
import pytest

from panel.estimate.estimators import kish
from panel.estimate.grouped import means
from panel.estimate.kept import Kept
from panel.estimate.split import Split, crossed

CODES = np.array([1, -1, 0, 1, 1])
WEIGHTS = np.array([1.0, 9.0, 2.0, 3.0, 0.5])


def test_rows_in_no_group_do_not_count():
    """Five rows, one in no group: 1 of group 0, 3 of group 1, and none of group 2, with their weights by hand."""
    split = Split.of(CODES, 3)
    mass = split.mass(WEIGHTS)
    assert (split.rows.tolist(), split.owner.tolist(), split.is_whole) == ([0, 2, 3, 4], [1, 0, 1, 1], False)
    assert (split.n.tolist(), mass.held.tolist(), mass.there.tolist()) == ([1, 3, 0], [2.0, 4.5, 0.0], [1, 1, 0])
    assert mass.n_eff == pytest.approx([1.0, kish(np.array([1.0, 3.0, 0.5])), 0.0])


def test_a_split_of_everybody_takes_arrays_as_they_are():
    """Where every row is in a group, nothing is copied."""
    split = Split.of(np.zeros(5, dtype=int), 1)
    assert split.is_whole
    assert split.at(WEIGHTS) is WEIGHTS


def test_what_is_made_once_is_of_these_very_weights():
    """Asked again, the same; of other weights, even where the first are gone, their own."""
    split = Split.of(CODES, 3)
    assert split.mass(WEIGHTS) is split.mass(WEIGHTS)
    for factor in range(1, 6):
        found = means(np.arange(5.0), WEIGHTS * factor, split)
        assert found.value[1] == pytest.approx((0 * 1 + 3 * 3 + 4 * 0.5) / 4.5)
        assert split.mass(WEIGHTS * factor).held[1] == pytest.approx(4.5 * factor)


def test_many_groups_and_codes_do_not_overflow():
    """A hundred thousand groups by a hundred thousand codes are ten thousand million numbers, each of its own."""
    owner, code = np.array([0, 99_999], dtype=np.int32), np.array([99_999, 99_999], dtype=np.int32)
    assert crossed(owner, code, 100_000, 100_000).tolist() == [99_999, 99_999 * 100_000 + 99_999]


def test_of_what_is_kept_the_oldest_goes():
    """Two are kept of three: what was asked for last, not what came first."""
    kept, sources = Kept(most=2), [np.zeros(1) for _ in range(3)]
    made = [kept.get("one", (each,), lambda: np.ones(1)) for each in sources[:2]]
    assert kept.get("one", (sources[0],), lambda: np.ones(1)) is made[0]
    kept.get("one", (sources[2],), lambda: np.ones(1))
    assert kept.get("one", (sources[0],), lambda: np.ones(1)) is made[0]
    assert kept.get("one", (sources[1],), lambda: np.ones(1)) is not made[1]
