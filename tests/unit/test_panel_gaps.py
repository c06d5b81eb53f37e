"""The analyst's gap and mobility: by each rule of groups, against R, and hidden where a hidden figure would be told."""

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError, UnknownKey
from tests.unit.oracle_samples import BESIDE, EXACT, expected, near
from tests.unit.panel_factory import people_of, row, small, study

pytestmark = pytest.mark.filterwarnings("error")


def members(*steps: tuple[int, int, float, float]) -> pd.DataFrame:
    """Return two waves of members: class then and now, profit then and now; the role follows the class."""
    rows = [
        (f"m{number}", wave, step[wave - 1], step[wave - 1], step[wave + 1], 1.0, "s", f"p{number}")
        for number, step in enumerate(steps)
        for wave in (1, 2)
    ]
    return pd.DataFrame(rows, columns=["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"])


MIXED = members(
    (1, 1, 10, 20), (1, 1, 30, 50), (1, 2, 50, 90), (2, 2, 60, 60), (2, 2, 80, 90), (2, 1, 40, 10)
)  # fmt: skip
"""Two stayed self-employed, two employees; one went each way."""


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        ("both", ([10, 30], [60, 80]), ([20, 50], [60, 90])),
        ("first", ([10, 30, 50], [60, 80, 40]), ([20, 50, 90], [60, 90, 10])),
        ("second", ([10, 30, 40], [60, 80, 50]), ([20, 50, 10], [60, 90, 90])),
    ],
)
def test_a_longitudinal_gap_is_that_of_the_members_the_rule_names(rule, first, second):
    """Counted by hand: in the same class both times, in it at first, or in it in the end; four or six members."""
    people = people_of(MIXED, study((2025, 2026), disclosure_threshold=1))
    found = people.by("work").gap("profit", groups=("zzp", "employee"), waves=(2025, 2026), rule=rule)
    before, after = (np.mean(one) - np.mean(other) for one, other in (first, second))
    assert row(found, "gap", group="zzp-employee", wave=1)["estimate"] == pytest.approx(before)
    assert row(found, "gap", group="zzp-employee", wave=2)["estimate"] == pytest.approx(after)
    change = row(found, "gap_change", group="zzp-employee")
    assert (change["estimate"], change["n"]) == (pytest.approx(after - before), len(first[0]))
    assert change["weight"] == "longitudinal 1-2"


def test_a_gap_of_everybody_goes_by_the_group_of_then():
    """Under the cross-sectional weight whoever changed class is in one group then and in the other now."""
    people = people_of(MIXED, study((2025, 2026), disclosure_threshold=1), weight="cross-sectional")
    found = people.by("work").gap("profit", groups=("zzp", "employee"), waves=(2025, 2026))
    assert row(found, "gap", group="zzp-employee", wave=1)["estimate"] == pytest.approx(30 - 60)
    assert row(found, "gap", group="zzp-employee", wave=2)["estimate"] == pytest.approx(80 / 3 - 80)


def test_a_longitudinal_gap_change_is_the_difference_of_two_mean_changes():
    """By the rule both, the change of the gap has the standard error of two independent paired means."""
    frame = members(*[(1 + n % 2, 1 + n % 2, 100 + 7 * n % 13, 90 + 11 * n % 17) for n in range(24)])
    people = people_of(frame, study((2025, 2026), disclosure_threshold=1))
    found = people.by("work").gap("profit", groups=("zzp", "employee"), waves=(2025, 2026))
    wide = frame.pivot(index="member", columns="wave", values="profit")
    step = wide[2] - wide[1]
    own = frame[frame["wave"] == 1].set_index("member")["emp_class"]
    spread = [step[own == code].var(ddof=0) / 12 for code in (1, 2)]
    change = row(found, "gap_change", group="zzp-employee")
    assert change["se"] == pytest.approx(np.sqrt(sum(spread) * 24 / 23), rel=1e-12)


@pytest.mark.parametrize("rule", ["both", "first", "second"])
def test_a_group_without_anybody_is_named(rule):
    """Nobody is hybrid: a sentence, no figure."""
    people = people_of(MIXED, study((2025, 2026), disclosure_threshold=1))
    with pytest.raises(EstimateError, match="Nobody of 'hybrid'"):
        people.by("work").gap("profit", groups=("zzp", "hybrid"), waves=(2025, 2026), rule=rule)


def test_a_gap_needs_two_groups_of_a_division():
    """No division, one group twice, or a group that is not there: said."""
    people = people_of(MIXED, study((2025, 2026)))
    with pytest.raises(EstimateError, match="two groups of a division"):
        people.gap("profit", groups=("zzp", "employee"), waves=(1, 2))
    with pytest.raises(EstimateError, match="no gap to itself"):
        people.by("work").gap("profit", groups=("zzp", "zzp"), waves=(1, 2))
    with pytest.raises(UnknownKey):
        people.by("work").gap("profit", groups=("zzp", "emploee"), waves=(1, 2))


def test_a_gap_to_a_hidden_level_is_hidden():
    """Two hybrids are too few: their level goes, a second group with it, and every gap that would tell either."""
    steps = [(1, 1, 10.0 + n, 20.0) for n in range(12)] + [(2, 2, 60.0 + n, 70.0) for n in range(15)]
    frame = members(*steps, (3, 3, 40.0, 45.0), (3, 3, 41.0, 46.0))
    people = people_of(frame, study((2025, 2026), disclosure_threshold=10))
    found = people.by("work").gap("profit", groups=("employee", "hybrid"), waves=(2025, 2026))
    gaps = found[found["group"] == "employee-hybrid"]
    assert set(gaps["statistic"]) == {"gap", "relative_gap", "gap_change", "relative_gap_change"}
    assert set(gaps["status"]) == {"hidden"}
    assert gaps[["estimate", "se", "low", "high", "n"]].isna().all(axis=None)
    levels = found[found["statistic"] == "mean"]
    assert set(levels.loc[levels["status"] == "hidden", "group"]) == {"hybrid", "zzp"}
    assert set(levels.loc[levels["status"] != "hidden", "group"]) == {"employee"}
    told = people.by("work").gap("profit", groups=("zzp", "employee"), waves=(2025, 2026))
    assert set(told.loc[told["group"] == "zzp-employee", "status"]) == {"hidden"}


def test_the_index_of_a_table_that_hides_who_stayed_is_hidden():
    """Of two executors one stayed: their row goes, and with it the index, from which the share could be had."""
    steps = [(1, 1)] * 20 + [(1, 2)] * 5 + [(2, 2)] * 20 + [(2, 1)] * 5
    shown = people_of(_roles([*steps, *[(3, 3)] * 20, *[(3, 1)] * 5]), study((2025, 2026), disclosure_threshold=10))
    assert set(shown.mobility("role", waves=(2025, 2026))["status"]) == {"final"}
    people = people_of(_roles([*steps, (3, 3), (3, 1)]), study((2025, 2026), disclosure_threshold=10))
    cells = people.transitions("role", waves=(2025, 2026))
    assert set(cells.loc[cells["value"].str.startswith("3"), "status"]) == {"hidden"}
    found = people.mobility("role", waves=(2025, 2026)).set_index("statistic")
    assert found.loc["mobility", "status"] == "hidden"
    assert found.loc["mobility", ["estimate", "se", "n"]].isna().all()
    assert found.loc["moved_share", "status"] == "hidden"


def _roles(steps: list[tuple[int, int]]) -> pd.DataFrame:
    frame = members(*[(*step, 1.0, 1.0) for step in steps])
    return frame.assign(emp_class=1)


def test_years_between_the_waves_are_said():
    """A move over two years says so in its denominator."""
    people = people_of(_roles([(1, 1), (1, 2), (2, 2)] * 5), study((2025, 2027), disclosure_threshold=1))
    found = people.mobility("role", waves=(2025, 2027))
    assert found["denominator"].str.contains("years apart: 2").all()


@pytest.mark.shared
@BESIDE[1]
def test_the_gap_of_the_panel_is_that_of_the_oracle():
    """o05 through the verb itself: the difference in differences and the change of the ratio."""
    people = small(weight="cross-sectional").by("work")
    found, wanted = people.gap("profit", groups=("zzp", "employee"), waves=(1, 4)), expected("o05")
    for name, figure in (("gap_change", "did_1_4"), ("relative_gap_change", "gap_ratio_change_1_4")):
        got, rule = row(found, name, group="zzp-employee"), wanted[figure]["contrast"]
        assert (got["estimate"], got["se"]) == near((rule["est"], rule["se"]), rel=EXACT)
