"""Tables without slips and change by where members began: put in by arithmetic, and counted by hand."""

import numpy as np
import pytest

from panel.errors import EstimateError
from tests.unit.oracle_samples import BESIDE
from tests.unit.panel_factory import opened, people_of, row, small, study
from tests.unit.test_flows import asked, guarded, walks
from tests.unit.test_panel_gaps import members


def slipped(true: np.ndarray, s: float) -> np.ndarray:
    """Return the table that people of the true one give who slip with probability s, in each wave anew."""
    k = len(true)
    q = np.full((k, k), s / (k - 1)) + np.eye(k) * (1 - s - s / (k - 1))
    return q @ true @ q.T


def test_slips_that_were_put_in_are_undone():
    """A table of three categories, 5 % slips in each wave: the corrected rows are the true ones."""
    true = np.array([[0.40, 0.05, 0.05], [0.02, 0.26, 0.02], [0.01, 0.01, 0.18]])
    seen = slipped(true, 0.05)
    frame = walks(*[(at + 1, end + 1) for at in range(3) for end in range(3)])
    frame["weight"] = np.repeat(seen.ravel(), 2)
    found = opened(people_of(frame, study())).corrected("role", waves=(1, 2), slips=0.05)
    wanted = true / true.sum(axis=1, keepdims=True)
    for at in range(3):
        for end in range(3):
            got = row(found, "corrected_transition", value=f"{at + 1}>{end + 1}")
            assert got["estimate"] == pytest.approx(wanted[at, end], rel=1e-10)
    assert found["denominator"].str.endswith("had 0.05 of answers been slips").all()


def test_without_slips_the_table_is_the_plain_one():
    """No slips: rows and standard errors are those of the from-to table."""
    people = asked(*[(1, 1)] * 9, *[(1, 2)] * 3, *[(2, 2)] * 8, *[(2, 1)] * 2, (3, 3), (3, 1))
    plain, found = people.transitions("role", waves=(1, 2)), people.corrected("role", waves=(1, 2), slips=0)
    one, two = (each.set_index("value").sort_index() for each in (plain, found))
    for name in ("estimate", "se"):
        assert two[name].to_numpy(float) == pytest.approx(one[name].to_numpy(float), rel=1e-9, abs=1e-12)


def test_rows_of_a_corrected_table_are_one_and_moves_are_fewer():
    """Whatever is assumed, somebody who was somewhere is somewhere; fewer people have moved."""
    people = asked(*[(1, 1)] * 30, *[(1, 2)] * 8, *[(2, 2)] * 25, *[(2, 1)] * 6)
    moved = []
    for slips in (0.0, 0.02, 0.05):
        found = people.corrected("role", waves=(1, 2), slips=slips)
        rows = found.groupby(found["value"].str.split(">").str[0])["estimate"].sum()
        assert rows.tolist() == pytest.approx([1.0, 1.0])
        moved.append(row(found, "corrected_transition", value="1>2")["estimate"])
    assert moved == sorted(moved, reverse=True)


@pytest.mark.parametrize(
    ("slips", "said"), [(-0.1, "between 0 and 0.4"), (0.5, "between 0 and 0.4"), (0.3, "more moves of 'role' in 'all'")]
)
def test_slips_that_cannot_be_are_a_sentence(slips, said):
    """No share, or more slips than there are moves: said, never a share below nothing."""
    people = asked(*[(1, 1)] * 60, (1, 2), *[(2, 2)] * 50, (2, 1))
    with pytest.raises(EstimateError, match=said):
        people.corrected("role", waves=(1, 2), slips=slips)


def test_a_move_that_nobody_made_stays_at_nothing():
    """Of forty nobody went from 1 to 2: with one per cent of slips still nobody, and the row is one."""
    people = asked(*[(1, 1)] * 40, *[(2, 2)] * 30, *[(2, 1)] * 5)
    found = people.corrected("role", waves=(1, 2), slips=0.01)
    assert row(found, "corrected_transition", value="1>2")["estimate"] == 0.0
    assert row(found, "corrected_transition", value="1>1")["estimate"] == pytest.approx(1.0)


def test_a_table_with_a_hidden_cell_is_not_corrected():
    """One member went from 1 to 2: the corrected cells would tell it, so none is shown."""
    people = guarded(*[(1, 1)] * 20, (1, 2), *[(2, 2)] * 20, *[(2, 1)] * 6)
    assert set(people.corrected("role", waves=(1, 2), slips=0.01)["status"]) == {"hidden"}


def test_change_by_half_is_that_of_arithmetic():
    """The lower half 10 and 20 rose by 5 and fell by 5, the upper 30 and 40 fell by 10 and stayed."""
    steps = [(1, 1, 10.0, 15.0), (1, 1, 20.0, 15.0), (1, 1, 30.0, 20.0), (1, 1, 40.0, 40.0)]
    found = opened(people_of(members(*steps), study((2025, 2026)))).ranks("profit", waves=(1, 2), parts=2)
    assert row(found, "rank_change_mean", value="1")["estimate"] == pytest.approx(0.0)
    assert row(found, "rank_change_mean", value="2")["estimate"] == pytest.approx(-5.0)
    assert row(found, "rank_share_fell", value="1")["estimate"] == pytest.approx(0.5)
    assert row(found, "rank_share_stayed", value="2")["estimate"] == pytest.approx(1.0)
    assert row(found, "rank_share_stayed", value="1")["n"] == 2


@pytest.mark.shared
@BESIDE[1]
def test_parts_add_up_to_everybody():
    """On R's small panel the mean of the fifths' changes is that of all stayers."""
    people = opened(small())
    found = people.ranks("profit", waves=(1, 2))
    mean = row(people.individual("profit", waves=(1, 2)), "own_change_mean")["estimate"]
    parts = found[found["statistic"] == "rank_change_mean"].sort_values("value")["estimate"].to_numpy(float)
    assert parts.mean() == pytest.approx(mean, rel=0.02)


def test_parts_that_cannot_be_are_a_sentence():
    """One part, or nobody with both amounts."""
    people = opened(people_of(members((1, 1, 5.0, None), (1, 1, None, 6.0)), study((2025, 2026))))
    with pytest.raises(EstimateError, match="2 to 20 parts"):
        people.ranks("profit", waves=(1, 2), parts=1)
    with pytest.raises(EstimateError, match="'profit' in both waves"):
        people.ranks("profit", waves=(1, 2))
