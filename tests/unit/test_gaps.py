"""Gaps between groups and their change: R's figures, arithmetic, and what cannot be told."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.errors import EstimateError
from panel.estimate import Label, Sample, Sides, gaps, grouping, middle_of, to_frame
from tests.unit.oracle_samples import BESIDE, EXACT, data, expected, near
from tests.unit.test_decomposition import BY_HAND, STUDY, _of_frame, sample_of, some_rows

FEW = settings(max_examples=15, deadline=None)
LABEL = Label(indicator="profit", variable="profit", domain="work", group="", denominator="", unit="EUR")


def told(sample: Sample, waves: tuple[int, int] = (1, 2), *, factor: float = 1.0, middle: str = "mean") -> pd.DataFrame:
    """Return the figures of the first group of the domain against the second, by statistic, group and wave."""
    groups = grouping(sample, STUDY.domain("work"))
    values, count = factor * sample.number("profit"), len(groups.keys)
    sides = Sides.of_everybody(sample, waves, values, groups.codes, count, middle_of(middle))
    labels = [replace(LABEL, group=key) for key in groups.keys]
    figures = gaps(sides, labels, replace(LABEL, group="between"), (0, 1), method="model-assisted")
    return to_frame(figures).set_index(["statistic", "group", "wave"]).sort_index()


def test_gaps_are_those_of_arithmetic():
    """Means of 21 and 60 then, of 17.67 and 50 later: apart by 39, then by 32.33."""
    found = told(sample_of(BY_HAND))["estimate"]
    first, second = (10 + 20 + 2 * 30 + 5) / 5, (14 + 22 + 2 * 8 + 28 + 18) / 6
    assert found[("gap", "between", 1)] == pytest.approx(first - 60)
    assert found[("relative_gap", "between", 2)] == pytest.approx(second / 50 - 1)
    assert found[("gap_change", "between", 2)] == pytest.approx((second - first) - (50 - 60))
    assert found[("relative_gap_change", "between", 2)] == pytest.approx(second / 50 - first / 60)


@pytest.mark.shared
@BESIDE[1]
def test_the_gap_of_zzp_and_employees_is_that_of_the_oracle():
    """o05: the ratio at wave 1, its change to wave 4, and the difference in differences, with standard errors."""
    raw, wanted = data("panel_small"), expected("o05")
    frame = raw.assign(emp_class=raw["status"].map({"zzp": 1, "employee": 2, "hybrid": 3}), profit=raw["income"])
    frame = frame.rename(columns={"w": "weight", "hh": "psu", "id": "member"})
    frame["member"], frame["psu"] = frame["member"].astype("str"), frame["psu"].astype("str")
    found = told(_of_frame(frame), (1, 4))
    for name, wave, less, figure in (
        ("relative_gap", 1, 1.0, "gap_ratio_w1"),
        ("gap_change", 4, 0.0, "did_1_4"),
        ("relative_gap_change", 4, 0.0, "gap_ratio_change_1_4"),
    ):
        row, rule = found.loc[(name, "between", wave)], wanted[figure]["contrast"]
        assert row["estimate"] + less == near(rule["est"], rel=EXACT)
        assert row["se"] == near(rule["se"], rel=EXACT)
    level = wanted["by_status_wave"]["zzp.1"]
    row = found.xs(1, level="wave").loc["mean"].iloc[0]
    assert (row["estimate"], row["se"]) == near((level["est"], level["se"]), rel=EXACT)


@FEW
@given(st.integers(0, 10_000), st.floats(0.01, 1000), st.sampled_from(["mean", "median"]))
def test_order_names_and_scale_change_nothing_else(seed, factor, middle):
    """Rows shuffled, PSUs renamed, other money: gaps in that money, relative gaps the same."""
    rows = some_rows(seed)
    before = told(sample_of(rows), middle=middle)
    order = np.random.default_rng(seed + 1).permutation(len(rows))
    other = sample_of([(*rows[place][:5], f"house {rows[place][5]}") for place in order])
    after = told(other, factor=factor, middle=middle)
    assert after.index.equals(before.index)
    scale = np.where(before.index.get_level_values(0).str.startswith("relative"), 1.0, factor)
    for name in ("estimate", "se"):
        wanted = before[name].to_numpy(float) * scale
        assert after[name].to_numpy(float) == pytest.approx(wanted, rel=1e-6, abs=1e-7 * max(factor, 1))


@FEW
@given(st.integers(0, 10_000))
def test_people_said_twice_in_their_psu_do_not_shrink_the_error(seed):
    """A copy of every member in the same PSU is no more evidence."""
    rows = some_rows(seed)
    twice = rows + [(f"copy of {row[0]}", *row[1:]) for row in rows]
    before, after = told(sample_of(rows)), told(sample_of(twice))
    assert after["se"].to_numpy(float) == pytest.approx(before["se"].to_numpy(float), rel=1e-7)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([row for row in BY_HAND if row[2] == 1], "Nobody of .* has a value of 'profit' and a weight in wave 1"),
        ([(*row[:3], None, *row[4:]) for row in BY_HAND], "Nobody of"),
        ([(*row[:4], 0.0, row[5]) for row in BY_HAND], "Nobody of"),
        ([(*row[:5], "one") for row in BY_HAND], "single PSU"),
    ],
    ids=["empty group", "no amounts", "zero weights", "single PSU"],
)
def test_what_cannot_be_told_is_a_sentence(rows, said):
    """Never a NaN: an error that names the group and wave, or why there is no error to tell."""
    with pytest.raises(EstimateError, match=said):
        told(sample_of(rows))


def test_an_unknown_middle_is_answered_with_the_nearest():
    """A slip of the keyboard is told."""
    with pytest.raises(EstimateError, match="no middle 'meen'"):
        middle_of("meen")
