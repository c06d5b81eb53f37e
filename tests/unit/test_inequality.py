"""Inequality: R's convey and laeken to 1e-8 (o08), the laws of the indices, and an indicator of a study."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from panel.errors import EstimateError
from panel.estimate import Label, Measure, grouping, series, to_frame
from panel.estimate import inequality as by
from panel.estimate.contrasts import difference
from panel.estimate.estimators import Estimand, quantile_point
from panel.model.study import INDICES
from tests.unit.oracle_samples import BESIDE, EXACT, ORACLES, Sampled, data, designed, expected, near
from tests.unit.test_groups import panel, sample

OFFICIAL = {
    "qsr": by.quintile_share_ratio, "arpr": by.poverty_rate, "arpt": by.poverty_threshold, "rmpg": by.poverty_gap,
    "atk1": by.atkinson, "gei1": by.theil, "gei0": by.mean_log_deviation,
}  # fmt: skip
RANKED = 5e-4
"""How far a Gini index by ranks, as convey has it, may lie from the exact one: ranks depend on ties and weights."""


def households(*, psu: str | None) -> Sampled:
    """Return R's EU-SILC sample by region, of households or of persons."""
    frame = pd.read_csv(ORACLES / "data" / "eusilc.csv.gz")
    return Sampled(frame, frame["rb050"].to_numpy(float), designed(frame, member="rb030", stratum="db040", psu=psu))


def workers() -> Sampled:
    """Return the panel of four waves, clustered by household."""
    frame = data("panel_small")
    return Sampled(frame, frame["w"].to_numpy(float), designed(frame, member="id", stratum="stratum", psu="hh"))


def oracle(test: Any) -> Any:
    """Mark a test that needs R's results."""
    for mark in BESIDE:
        test = mark(test)
    return test


def ranked(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """
    Return the Gini index as convey has it, by ranks: sum (2 r - 1) w y / (N Y) - 1, r the weight up to a row.

    It depends on the order of ties and on the scale of weights, so it is not offered; here to show that R's numbers
    differ from the exact index by this and nothing else.
    """
    places = np.flatnonzero(rows)
    places = places[np.argsort(y[places], kind="stable")]
    own, w = y[places], weights[places]
    size, total, rank, mass = w.sum(), (w * own).sum(), np.cumsum(w), np.cumsum(w * own)
    value = 2 * (rank * own * w).sum() / (total * size) - 1 / size - 1
    above = 2 * (total - mass + own * w + rank * own) - own
    linear = np.zeros(len(y))
    linear[places] = above / (total * size) - (value + 1) * (own / total + 1 / size)
    return Estimand(value, linear, len(places), float(len(places)), rows)


@oracle
def test_the_gini_by_ranks_is_convey_s_to_the_last_digit():
    """o08: overall, by region, sex, wave and class, its change and covariance: R's numbers, by R's convention."""
    wanted = expected("o08")
    for psu, key in (("db030", "hh_cluster"), (None, "person")):
        drawn = households(psu=psu)
        income = drawn.frame["eqincome"].to_numpy(float)
        drawn.agrees(ranked(income, drawn.weights, drawn.everybody), wanted[key]["gini"]["eqincome"])
    for column, key in (("db040", "gini_by_region"), ("rb090", "gini_by_sex")):
        for group, figure in wanted[key].items():
            drawn.agrees(ranked(income, drawn.weights, (drawn.frame[column] == group).to_numpy()), figure)
    panel_of = workers()
    income, wave = panel_of.frame["income"].to_numpy(float), panel_of.frame["wave"].to_numpy()
    status = panel_of.frame["status"].to_numpy()
    found = [ranked(income, panel_of.weights, wave == each) for each in (1, 2, 3, 4)]
    for each, name in zip(found, "1234", strict=True):
        panel_of.agrees(each, wanted["panel_gini_by_wave"][name])
    assert panel_of.covariance(*found) == near(np.array(wanted["panel_gini_vcov"]), rel=EXACT)
    by_cell = {
        name: ranked(income, panel_of.weights, (status == name.split(".")[0]) & (wave == int(name.split(".")[1])))
        for name in wanted["panel_gini_by_status_wave"]
    }
    for name, each in by_cell.items():
        panel_of.agrees(each, wanted["panel_gini_by_status_wave"][name])
    for pair, key in (
        ((found[0], found[3]), "panel_gini_change_1_4"),
        ((by_cell["zzp.1"], by_cell["zzp.4"]), "panel_gini_change_zzp_1_4"),
    ):
        change = difference(np.array([each.value for each in pair]), panel_of.covariance(*pair))
        rule = wanted[key]["contrast"]
        assert (change.value, change.se) == near((rule["est"], rule["se"]), rel=EXACT)


@oracle
@pytest.mark.parametrize("psu", ["db030", None])
def test_official_indicators(psu):
    """o08: quintile shares, poverty, Atkinson, Theil and mean log deviation, of clusters and of persons."""
    drawn, wanted = households(psu=psu), expected("o08")["hh_cluster" if psu else "person"]
    income = drawn.frame["eqincome"].to_numpy(float)
    for name, estimator in OFFICIAL.items():
        drawn.agrees(estimator(income, drawn.weights, drawn.everybody), wanted[name]["eqincome"])


@oracle
def test_gini_is_the_exact_one():
    """o08: Eurostat's formula as laeken and vardpoor have it, overall; R's by ranks is near, its error too."""
    wanted = expected("o08")
    for psu, key in (("db030", "hh_cluster"), (None, "person")):
        drawn = households(psu=psu)
        found = by.gini(drawn.frame["eqincome"].to_numpy(float), drawn.weights, drawn.everybody)
        assert 100 * found.value == near(wanted["laeken"]["gini"], rel=EXACT)
        ranked = wanted[key]["gini"]["eqincome"]
        assert (found.value, drawn.se(found)) == near((ranked["est"], ranked["se"]), rel=RANKED)
    assert wanted["vardpoor"]["value"][1] == near(wanted["laeken"]["gini"], rel=RANKED)


@oracle
def test_a_third_program_is_near():
    """o08: vardpoor's four indicators; its density, and with it the error of a poverty rate, is another one."""
    wanted, drawn = expected("o08")["vardpoor"], households(psu="db030")
    income = drawn.frame["eqincome"].to_numpy(float)
    ours = {"ARPR": by.poverty_rate, "GINI": ranked, "QSR": by.quintile_share_ratio, "RMPG": by.poverty_gap}
    for place, name in enumerate(wanted["type"]):
        found, scale = ours[name](income, drawn.weights, drawn.everybody), 1 if name == "QSR" else 100
        assert scale * found.value == near(wanted["value"][place], rel=EXACT)
        assert scale * drawn.se(found) == near(wanted["se"][place], rel=0.08)


@oracle
def test_other_official_values():
    """o08: what laeken gives for quintile shares, poverty and quantiles."""
    drawn, wanted = households(psu=None), expected("o08")["laeken"]
    income, w = drawn.frame["eqincome"].to_numpy(float), drawn.weights
    assert by.quintile_share_ratio(income, w, drawn.everybody).value == near(wanted["qsr"], rel=EXACT)
    assert 100 * by.poverty_rate(income, w, drawn.everybody).value == near(wanted["arpr"], rel=EXACT)
    assert 100 * by.poverty_gap(income, w, drawn.everybody).value == near(wanted["rmpg"], rel=EXACT)
    assert quantile_point(income, w, 0.5) == near(wanted["median"], rel=EXACT)
    ratio = by.percentile_ratio(0.9, 0.1)(income, w, drawn.everybody).value
    assert ratio == near(wanted["q"][4] / wanted["q"][0], rel=EXACT)


@oracle
def test_gini_by_domain():
    """o08: regions and sexes, near to R's by ranks."""
    drawn, wanted = households(psu=None), expected("o08")
    income = drawn.frame["eqincome"].to_numpy(float)
    for column, key in (("db040", "gini_by_region"), ("rb090", "gini_by_sex")):
        for group, figure in wanted[key].items():
            rows = (drawn.frame[column] == group).to_numpy()
            found = by.gini(income, drawn.weights, rows)
            assert found.value == near(figure["est"], rel=1e-2)
            assert drawn.se(found) == near(figure["se"], rel=2e-2)


@oracle
def test_change_in_gini():
    """o08: the exact index by wave and its change, with the covariance of waves that share members."""
    drawn, wanted = workers(), expected("o08")
    income, wave = drawn.frame["income"].to_numpy(float), drawn.frame["wave"].to_numpy()
    found = [by.gini(income, drawn.weights, wave == each) for each in (1, 2, 3, 4)]
    matrix = drawn.covariance(*found)
    exact = wanted["panel_gini_jkn"]
    change = found[3].value - found[0].value
    assert (found[0].value, found[3].value, change) == near(tuple(exact["est"]), rel=EXACT)
    assert len(drawn.design.stratum) == exact["n_reps"]  # JKn leaves out one household at a time
    se = np.sqrt(matrix[0, 0] + matrix[3, 3] - 2 * matrix[0, 3])
    by_jackknife = (np.sqrt(matrix[0, 0]), np.sqrt(matrix[3, 3]), se)
    assert by_jackknife == near(tuple(exact["se"]), rel=5e-3)
    assert matrix == near(np.array(wanted["panel_gini_vcov"]), rel=1e-2)
    assert se == near(wanted["panel_gini_change_1_4"]["contrast"]["se"], rel=5e-3)
    zzp = [by.gini(income, drawn.weights, (wave == each) & (drawn.frame["status"] == "zzp")) for each in (1, 4)]
    spread = drawn.covariance(*zzp)
    own = wanted["panel_gini_change_zzp_1_4"]["contrast"]
    assert zzp[1].value - zzp[0].value == near(own["est"], rel=1e-2)
    assert np.sqrt(spread[0, 0] + spread[1, 1] - 2 * spread[0, 1]) == near(own["se"], rel=1e-2)


INCOMES = np.array([0.0, 4.0, 4.0, 9.0, 11.0, 30.0, -2.0, 16.0])
WEIGHTS = np.array([1.0, 2.0, 0.5, 1.5, 1.0, 0.7, 0.3, 2.2])


def test_gini_is_half_the_mean_difference_over_the_mean():
    """All pairs by hand, with ties, a zero and a negative income."""
    pairs = np.abs(INCOMES[:, None] - INCOMES[None, :]) * WEIGHTS[:, None] * WEIGHTS[None, :]
    wanted = pairs.sum() / (2 * WEIGHTS.sum() * (WEIGHTS * INCOMES).sum())
    assert by.gini(INCOMES, WEIGHTS, np.ones(8, dtype=bool)).value == near(wanted, rel=1e-12)


@pytest.mark.parametrize("name", ["gini", "theil", "mean_log_deviation", "atkinson"])
def test_influence_is_what_a_little_more_weight_does(name):
    """Each row's weight nudged: the index moves by its linearised variable."""
    estimator, everybody = by.ESTIMATORS[name], np.ones(8, dtype=bool)
    found = estimator(INCOMES, WEIGHTS, everybody)
    for place in range(8):
        nudge = np.where(np.arange(8) == place, 1e-5, 0.0)
        moved = [estimator(INCOMES, WEIGHTS + sign * nudge, everybody).value for sign in (1, -1)]
        assert found.linear[place] == near((moved[0] - moved[1]) / 2e-5, abs=1e-8)


@pytest.mark.parametrize("name", sorted(by.ESTIMATORS))
def test_no_index_knows_the_order_of_rows_or_the_currency(name):
    """Rows shuffled, incomes in cents, weights doubled: the same index."""
    draw = np.random.default_rng(1)
    income, weights, everybody = draw.lognormal(10, 0.7, 400), draw.uniform(0.5, 3, 400), np.ones(400, dtype=bool)
    order = draw.permutation(400)
    found = by.ESTIMATORS[name](income, weights, everybody)
    assert by.ESTIMATORS[name](income[order], weights[order], everybody).value == near(found.value, rel=1e-12)
    assert by.ESTIMATORS[name](100 * income, 2 * weights, everybody).value == near(found.value, rel=1e-9)


@pytest.mark.parametrize(
    ("name", "incomes", "said"),
    [
        ("gini", [0.0, 0.0], "do not add up"),
        ("quintile_share_ratio", [-5.0, 3.0], "do not add up"),
        ("p90_p10", [0.0, 9.0], "10th percentile is 0"),
        ("poverty_rate", [7.0, 7.0], "same income"),
        ("theil", [0.0, -1.0], "empty"),
    ],
)
def test_an_index_without_a_meaning_is_a_sentence(name, incomes, said):
    """Incomes that have no such index: said, never a number."""
    with pytest.raises(EstimateError, match=said):
        by.ESTIMATORS[name](np.array(incomes), np.ones(2), np.ones(2, dtype=bool))


def test_every_index_a_study_may_name_has_an_estimator():
    """The words of the study file and the estimators are the same."""
    assert set(INDICES) == set(by.ESTIMATORS)


def test_an_index_by_group_and_wave():
    """Level and change of the Gini index by class: the estimator's, with the kernel's covariance in the error."""
    drawn = sample(panel(psus=11))
    y, classes = drawn.number("profit_eur"), grouping(drawn, drawn.study.domain("emp_class"))
    labels = [
        Label(indicator="g", variable="profit_eur", domain="emp_class", group=each, denominator="", unit="index")
        for each in classes.keys
    ]
    measure = Measure(labels=labels, statistic="gini", values=y, answered=np.isfinite(y))
    found = to_frame(series(drawn, measure, classes, [1, 2, 3], method="design-based"))
    assert set(found["statistic"]) == {"gini", "change", "relative_change"}
    own = found[(found["group"] == "1") & (found["statistic"] == "change") & (found["from_wave"] == 1)]
    own = own[own["wave"] == 3].iloc[0]
    rows = [np.isfinite(y) & (classes.codes == 0) & drawn.rows(wave) for wave in (1, 3)]
    first, last = (by.gini(np.nan_to_num(y), drawn.weight, each) for each in rows)
    matrix = drawn.covariance(first.linear, last.linear)
    assert own["estimate"] == near(last.value - first.value, rel=1e-9)
    assert own["se"] == near(np.sqrt(matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1]), rel=1e-9)
