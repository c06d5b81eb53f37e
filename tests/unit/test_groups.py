"""Every group at once gives what the kernel gives for each by itself."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError
from panel.estimate import Sample
from panel.estimate.contrasts import difference
from panel.estimate.estimators import mean
from panel.estimate.groups import means_by_group
from panel.model.study import Benchmarks, Domain, Group, Margin, WeightingRules
from panel.model.text import Text
from panel.schema import PERSON_WAVES
from panel.weigh import cross_sectional
from tests.unit import release_factory
from tests.unit.oracle_samples import BESIDE, EXACT, data, expected, near


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


@pytest.mark.parametrize("psus", [90, 11])
@pytest.mark.parametrize("rules", [{}, {"trim": (0.5, 1.4)}])
def test_changes_of_all_groups_are_those_of_each(psus, rules):
    """Persons or clusters as PSUs, trimmed or not: estimates, errors and intervals as one by one."""
    drawn = sample(panel(psus=psus), **rules)
    found = means_by_group(drawn, "profit_eur", "emp_class", (1, 2, 3)).changes(list(combinations((1, 2, 3), 2)))
    y, code = drawn.number("profit_eur"), drawn.groups("emp_class")
    assert len(found) == 9
    for row in found.itertuples():
        inside = np.isfinite(y) & (code == int(row.group) - 1)
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
    found = means_by_group(drawn, "profit_eur", "emp_class", (1, 2, 3)).changes([(1, 2), (1, 3)])
    assert found.loc[found["group"] == "3", "wave"].tolist() == [3]
    assert found.notna().all().all()


def test_a_wave_without_weights_is_a_sentence():
    """Asked of wave 4 there is nobody: said."""
    with pytest.raises(EstimateError, match="Wave 4"):
        means_by_group(sample(panel(psus=90)), "profit_eur", "emp_class", (1, 4))


def test_an_income_that_nobody_gave_is_a_sentence():
    """Every amount of wave 2 is missing: the variable and the wave are named."""
    frame = panel(psus=90)
    frame.loc[frame["wave"] == 2, "profit_eur"] = np.nan
    with pytest.raises(EstimateError, match="'profit_eur' in wave 2"):
        means_by_group(sample(frame), "profit_eur", "emp_class", (1, 2))


def test_a_lonely_psu_is_refused_by_name():
    """A stratum with one member has no variance to give: refused, with what can be done."""
    frame = panel(psus=90)
    frame["stratum"] = frame["stratum"].where(frame["member"] != "m0", "alone")
    with pytest.raises(EstimateError, match="'alone'"):
        means_by_group(sample(frame), "profit_eur", "emp_class", (1, 2))


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
    made = means_by_group(drawn, "profit_eur", "status", (1, 2, 3, 4))
    wanted = expected("o05")["change_income_by_status"]
    for row in made.changes([(1, 2), (2, 3), (3, 4), (1, 4)]).itertuples():
        figure = wanted[row.group][f"{row.from_wave}_{row.wave}"]["diff"]["contrast"]
        assert (row.estimate, row.se) == near((figure["est"], figure["se"]), rel=EXACT)
