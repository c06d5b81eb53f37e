"""Income dynamics of ten members who can be counted by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.errors import EstimateError
from panel.estimate import Dynamics, Pair, Sample, dynamics, everybody, grouping, ruled, to_frame
from panel.estimate.rows import Label
from panel.schema import PERSON_WAVES, WEIGHTS
from tests.unit import release_factory

STUDY = release_factory.study()
FIRST = [100.0, 200.0, 400.0, 500.0, 1000.0, 100.0, 0.0, -50.0, 100.0, 300.0]
SECOND = [50.0, 200.0, 420.0, 750.0, 900.0, 103.0, 80.0, 10.0, 100.0, None]
"""Relative changes: -50 %, 0, +5 %, +50 %, -10 %, +3 %, none, none, 0, unknown."""


def pair_of(first=FIRST, second=SECOND, classes=None, weights=None):
    """Return the pair of two waves of members with these amounts."""
    count = len(first)
    classes = classes or [[1] * count, [1] * count]
    rows = [
        {"member": f"m{number}", "wave": wave, "cohort": 1, "emp_class": work[number], "profit": amount[number]}
        for wave, amount, work in ((1, first, classes[0]), (2, second, classes[1]))
        for number in range(count)
    ]
    own = weights or [1.0] * count
    sets = [("cross-sectional", 1, "1"), ("cross-sectional", 2, "2"), ("longitudinal", 2, "1-2")]
    kept = [
        {"member": f"m{n}", "wave": wave, "kind": kind, "waves": name, "weight": own[n], "design_weight": own[n]}
        for kind, wave, name in sets
        for n in range(count)
    ]
    made = WEIGHTS.coerce(pd.DataFrame(kept))
    cross = made[made["kind"] == "cross-sectional"]
    frame = PERSON_WAVES.coerce(pd.DataFrame(rows), STUDY.variables)
    sample = Sample(STUDY, frame, cross, label="cross-sectional", keys=("member", "wave"))
    return Pair.of(sample, made, (1, 2))


LABEL = Label(
    indicator="profit", variable="profit", domain=None, group="all", denominator="everybody", unit="ratio",
    terms="nominal",
)  # fmt: skip


def table(pair, *, threshold=0.0, groups=None, labels=(LABEL,)):
    """Return the figures by group and statistic."""
    asked = Dynamics(variable="profit", threshold=threshold, in_real_terms=False)
    found = to_frame(dynamics(pair, labels, asked, groups or everybody(pair.now), method="model-assisted"))
    return found.set_index(["group", "statistic"])


def shares(found, group="all"):
    """Return the shares that fell, stayed, rose, and had no base."""
    return [found.loc[(group, f"dynamics_share_{name}"), "estimate"] for name in ("fell", "same", "rose", "no_base")]


def test_everybody_with_both_amounts_is_counted_once_and_openly():
    """Of nine: two fell, two stayed, three rose, and two had nothing to tell a change from; one is in no figure."""
    found = table(pair_of())
    assert shares(found) == pytest.approx([2 / 9, 2 / 9, 3 / 9, 2 / 9])
    assert set(found.loc[("all",), "n"].loc[["dynamics_share_fell", "dynamics_share_no_base"]]) == {9}


def test_a_change_within_the_threshold_counts_as_none():
    """Five per cent up is still the same at a threshold of five, ten per cent down is not."""
    found = table(pair_of(), threshold=0.05)
    assert shares(found) == pytest.approx([2 / 9, 4 / 9, 1 / 9, 2 / 9])


def test_the_median_and_percentiles_are_of_members_with_a_base():
    """Of -50, -10, 0, 0, 3, 5, 50 per cent the middle is 0; a fifth of seven members lies at the second."""
    found = table(pair_of())
    assert found.loc[("all", "dynamics_median"), "estimate"] == pytest.approx(0.0)
    got = [found.loc[("all", f"dynamics_p{each}"), "estimate"] for each in (20, 40, 60, 80)]
    assert got == pytest.approx([-0.10, 0.0, 0.03, 0.05])
    assert found.loc[("all", "dynamics_median"), "n"] == 7
    row = found.loc[("all", "dynamics_p80")]
    assert row["low"] <= row["estimate"] <= row["high"]


def test_the_rule_says_whose_group_counts():
    """Three were self-employed, of whom one became an employee and for whom one came: two, three, three."""
    first, second = [1, 1, 1, 2, 2, 2], [1, 1, 2, 1, 2, 2]
    pair = pair_of([100.0] * 6, [90.0, 100.0, 110.0, 120.0, 130.0, 80.0], [first, second])
    domain = STUDY.domain("work")
    now, then = grouping(pair.now, domain), grouping(pair.then, domain)
    labels = [replace(LABEL, domain="work", group=key) for key in now.keys]
    counts = {}
    for rule in ("both", "first", "second"):
        found = table(pair, groups=ruled(now, then, rule), labels=labels)
        counts[rule] = found.loc[(now.keys[0], "dynamics_share_fell"), ["n", "estimate"]].tolist()
    assert counts["both"] == [2, pytest.approx(1 / 2)]
    assert counts["first"] == [3, pytest.approx(1 / 3)]
    assert counts["second"] == [3, pytest.approx(1 / 3)]
    with pytest.raises(EstimateError, match="no rule"):
        ruled(now, then, "always")


def test_weights_count():
    """A member with a weight of three counts three times in shares and percentiles."""
    found = table(pair_of([100.0, 100.0], [50.0, 120.0], weights=[3.0, 1.0]))
    assert shares(found) == pytest.approx([0.75, 0.0, 0.25, 0.0])
    assert found.loc[("all", "dynamics_median"), "estimate"] == pytest.approx(-0.5)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(-5, 20), st.integers(-5, 20)), min_size=12, max_size=40), st.integers(2, 9))
def test_the_shares_add_up_and_the_scale_of_money_does_not_matter(amounts, factor):
    """For any amounts: four shares are one, percentiles are in order, and cents tell what euros do."""
    first, second = (np.array(each, dtype=float) for each in zip(*amounts, strict=True))
    found = table(pair_of(first.tolist(), second.tolist()))
    assert sum(shares(found)) == pytest.approx(1.0)
    if ("all", "dynamics_p20") in found.index:
        got = [found.loc[("all", f"dynamics_p{each}"), "estimate"] for each in (20, 40, 60, 80)]
        assert got == sorted(got)
    again = table(pair_of((first * factor).tolist(), (second * factor).tolist()))
    for name in ("estimate", "se"):
        assert again[name].tolist() == pytest.approx(found[name].tolist(), rel=1e-9, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize(
    ("pair", "threshold", "said"),
    [
        (pair_of([None, None], [1.0, 2.0]), 0.0, "Nobody in these groups gave 'profit' in both waves 1 and 2"),
        (pair_of(), -0.1, "threshold"),
        (pair_of(), float("nan"), "threshold"),
    ],
    ids=["nobody", "negative", "no number"],
)
def test_what_cannot_be_told_is_a_sentence(pair, threshold, said):
    """Never an empty table, never a NaN."""
    with pytest.raises(EstimateError, match=said):
        table(pair, threshold=threshold)
