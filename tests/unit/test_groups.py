"""Every group at once gives what the kernel gives for each by itself."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError
from panel.estimate import Figure, Label, Measure, Sample, grouping, series
from panel.estimate.contrasts import difference
from panel.estimate.estimators import mean
from panel.model.study import Benchmarks, Domain, Group, Margin, WeightingRules
from panel.model.text import Text
from panel.schema import PERSON_WAVES
from panel.weigh import cross_sectional
from tests.properties.test_panel_laws import drawn
from tests.unit import release_factory
from tests.unit.oracle_samples import BESIDE, EXACT, data, expected, near
from tests.unit.panel_factory import people_of, small, study


def domain(key: str, names: tuple[object, ...]) -> Domain:
    """Return a domain with a group for each value of a variable."""
    groups = tuple(Group(key=str(each), label=Text.plain(str(each)), codes=(each,)) for each in names)
    return Domain(key=key, label=Text.plain(key), variable=key, groups=groups)


CLASS, SEX = domain("emp_class", (1, 2, 3)), domain("sex", (1, 2))


def panel(*, psus: int) -> pd.DataFrame:
    """Return 90 members in two strata, of whom three waves have some, with a missing value and a missing class."""
    draw, rows = np.random.default_rng(4), []
    for member in range(90):
        for wave in (1, 2, 3):
            if draw.random() < 0.7:
                code = None if draw.random() < 0.1 else int(draw.integers(1, 4))
                amount = None if draw.random() < 0.1 else float(draw.normal(100, 20))
                rows.append(
                    (f"m{member}", wave, f"s{member % 2}", f"p{member % psus}", code, 1 + member % 3 % 2, amount)
                )
    frame = pd.DataFrame(rows, columns=["member", "wave", "stratum", "psu", "emp_class", "sex", "profit_eur"])
    whole = PERSON_WAVES.coerce(frame.astype({"emp_class": "Int64"}).sort_values(["wave", "member"], ignore_index=True))
    return whole.assign(design_weight=draw.uniform(0.5, 2, len(whole)), profit_eur=whole["profit_eur"])


def sample(frame: pd.DataFrame, **rules: object) -> Sample:
    """Return the sample raked to two margins, one of which some members have no group of."""
    margins = (
        Margin(domain="emp_class", shares=(("1", 0.3), ("2", 0.3), ("3", 0.4)), source="register"),
        Margin(domain="sex", shares=(("1", 0.6), ("2", 0.4)), source="register"),
    )
    study = replace(
        release_factory.study(),
        domains=(CLASS, SEX),
        benchmarks=Benchmarks(frame="register", version="1", margins=margins),
        weighting=WeightingRules(**rules),
    )
    weights = [cross_sectional(frame[frame["wave"] == wave], study=study, wave=wave).rows for wave in (1, 2, 3)]
    return Sample(study, frame, pd.concat(weights), label="cross-sectional", keys=("member", "wave"))


def changes(
    drawn: Sample, pairs: list[tuple[int, int]], variable: str = "profit_eur", name: str = "emp_class"
) -> list[Figure]:
    """Return the change of the mean of every group between pairs of waves."""
    groups, values = grouping(drawn, drawn.study.domain(name)), drawn.number(variable)
    about = {"indicator": variable, "variable": variable, "domain": name, "denominator": "all", "unit": "EUR"}
    labels = [Label(group=key, **about) for key in groups.keys]
    measure = Measure(labels=labels, statistic="mean", values=values, answered=np.isfinite(values))
    waves = sorted({wave for pair in pairs for wave in pair})
    found = series(drawn, measure, groups, waves, method="design-based", between=pairs)
    return [each for each in found if each.statistic == "change"]


@pytest.mark.parametrize("psus", [90, 11])
@pytest.mark.parametrize("rules", [{}, {"trim": (0.5, 1.4)}])
def test_changes_of_all_groups_are_those_of_each(psus, rules):
    """Persons or clusters as PSUs, trimmed or not: estimates, errors and intervals as one by one."""
    drawn = sample(panel(psus=psus), **rules)
    found = changes(drawn, list(combinations((1, 2, 3), 2)))
    y, code = drawn.number("profit_eur"), drawn.groups("emp_class")
    assert len(found) == 9
    for row in found:
        inside = np.isfinite(y) & (code == int(row.label.group) - 1)
        both = [mean(y, drawn.weight, inside & drawn.rows(wave)) for wave in (row.from_wave, row.wave)]
        wanted = difference(np.array([each.value for each in both]), drawn.covariance(*(each.linear for each in both)))
        degrees = drawn.design.degrees_of_freedom(both[0].rows | both[1].rows)
        assert (row.estimate, row.se) == pytest.approx((wanted.value, wanted.se), rel=1e-9)
        assert (row.low, row.high) == pytest.approx(wanted.interval(degrees), rel=1e-9)
        assert row.n == min(each.n for each in both)


def test_a_group_that_nobody_is_in_has_no_row():
    """Nobody of class 3 in wave 2: its changes are left out, never a NaN."""
    frame = panel(psus=90)
    frame.loc[(frame["wave"] == 2) & (frame["emp_class"] == 3), "emp_class"] = 1
    study = replace(release_factory.study(), domains=(CLASS, SEX), benchmarks=None)
    weights = frame[["member", "wave"]].assign(weight=1.0, design_weight=1.0)
    drawn = Sample(study, frame, weights, label="w", keys=("member", "wave"))
    found = changes(drawn, [(1, 2), (1, 3)])
    assert [each.wave for each in found if each.label.group == "3"] == [3]
    assert all(np.isfinite([each.estimate, each.se, each.low, each.high]).all() for each in found)


def test_a_lonely_psu_is_refused_by_name():
    """A stratum with one member has no variance to give: refused, with what can be done."""
    frame = panel(psus=90)
    frame["stratum"] = frame["stratum"].where(frame["member"] != "m0", "alone")
    with pytest.raises(EstimateError, match="'alone'"):
        changes(sample(frame), [(1, 2)])


@pytest.mark.parametrize("mark", [pytest.param(None, marks=BESIDE)])
def test_change_by_class_of_worker(mark):
    """o05: net changes of the three classes, between every pair of waves that R gives."""
    del mark
    raw = data("panel_small")
    frame = raw.rename(columns={"id": "member", "hh": "psu", "income": "profit_eur"})
    frame = PERSON_WAVES.coerce(frame).assign(status=raw["status"], profit_eur=raw["income"])
    study = replace(
        release_factory.study(), domains=(domain("status", ("employee", "hybrid", "zzp")),), benchmarks=None
    )
    weights = frame[["member", "wave"]].assign(weight=raw["w"], design_weight=raw["w"])
    drawn = Sample(study, frame, weights, label="w", keys=("member", "wave"))
    wanted = expected("o05")["change_income_by_status"]
    for row in changes(drawn, [(1, 2), (2, 3), (3, 4), (1, 4)], name="status"):
        figure = wanted[row.label.group][f"{row.from_wave}_{row.wave}"]["diff"]["contrast"]
        assert (row.estimate, row.se) == near((figure["est"], figure["se"]), rel=EXACT)


@pytest.mark.parametrize("mark", [pytest.param(None, marks=BESIDE)])
def test_year_on_year_is_every_yearly_change_of_the_oracle(mark):
    """o05: everybody's change by class between each year and the next, and between years three apart, by the verb."""
    del mark
    people, wanted = small(weight="cross-sectional").by("work"), expected("o05")["change_income_by_status"]
    for years, steps in ((1, [(1, 2), (2, 3), (3, 4)]), (3, [(1, 4)])):
        table = people.year_on_year("profit", years=years)
        found = table[table["statistic"] == "change"]
        assert sorted(set(zip(found["from_wave"], found["wave"], strict=True))) == steps
        for each in found.itertuples():
            figure = wanted[each.group][f"{each.from_wave}_{each.wave}"]["diff"]["contrast"]
            assert (each.estimate, each.se) == near((figure["est"], figure["se"]), rel=EXACT)


def test_year_on_year_of_members_is_change_of_each_pair():
    """Within the same members, the years together are what `change` says of each, in order."""
    people = people_of(drawn(3)).by("work")
    steps = [people.change("profit", waves=pair, groups="both") for pair in ((1, 2), (2, 3))]
    pd.testing.assert_frame_equal(people.year_on_year("profit", groups="both"), pd.concat(steps, ignore_index=True))


def test_year_on_year_of_everybody_hides_what_change_hides():
    """A group too few to be told in a year, and the next smallest of that year, have no change, here as there."""
    frame = drawn(3, members=240).sort_values(["member", "wave"], ignore_index=True)
    for wave, code, most in ((2, 1, 8), (1, 2, 20), (2, 3, 25)):
        left_out = frame[(frame["wave"] == wave) & (frame["emp_class"] == code)].index[most:]
        assert len(left_out)
        frame.loc[left_out, "profit"] = np.nan
    people = people_of(frame, study(disclosure_threshold=10), weight="cross-sectional").by("work")
    told = people.year_on_year("profit")
    steps = [people.change("profit", waves=pair) for pair in ((1, 2), (2, 3))]
    beside = told.merge(pd.concat(steps), on=["statistic", "group", "from_wave", "wave"], suffixes=("", "_there"))
    assert len(beside) == len(told) == sum(map(len, steps))
    assert (beside["status"] == beside["status_there"]).all()
    hidden = set(beside.loc[(beside["from_wave"] == 1) & (beside["status"] == "hidden"), "group"])
    assert {"zzp", "hybrid"} <= hidden
    assert beside["n"].isna().equals(beside["n_there"].isna())


@pytest.mark.parametrize("weight", ["longitudinal", "cross-sectional"])
def test_a_gap_of_years_that_is_not_there_is_a_sentence(weight):
    """No waves lie five years apart: said, with the years there are."""
    with pytest.raises(EstimateError, match="are 5 years apart; there are: 1, 2"):
        people_of(drawn(3), weight=weight).year_on_year("profit", years=5)


@pytest.mark.parametrize("weight", ["longitudinal", "cross-sectional"])
def test_years_hold_together(weight):
    """Simultaneous over groups and years: wider than each by itself, and no wider than Bonferroni's."""
    people = people_of(drawn(3), weight=weight)
    alone, held = people.by("work"), people.by("work", simultaneous=True)
    plain, wide = (each.year_on_year("profit") for each in (alone, held))
    family = wide["statistic"] == ("change" if weight == "cross-sectional" else "stayers_mean_change")
    count = int(family.sum())
    assert wide.loc[family, "method"].str.endswith(f"simultaneous over {count}").all()
    ratio = ((wide["high"] - wide["low"]) / (plain["high"] - plain["low"]))[family]
    assert ratio.between(1.0, 2.5).all()
    assert (ratio > 1.05).any()
