"""Levels and quantiles as R's survey package gives them: cases o01 and o02, to 1e-8 relative."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from panel.errors import UnknownKey
from panel.estimate.estimators import quantile, ratio, total
from panel.estimate.kernel import Design, Stage
from panel.estimate.quantile_rules import RULES, quantile_by
from tests.unit.oracle_samples import BESIDE, EXACT, Sampled, data, designed, expected, near, stratified_schools

pytestmark = BESIDE


@pytest.fixture(scope="module")
def stratified() -> Sampled:
    """Return the stratified sample of schools."""
    return stratified_schools()


@pytest.fixture(scope="module")
def clustered() -> Sampled:
    """Return the sample of whole districts."""
    frame = data("apiclus1")
    share = pd.Series({"": 15 / 757})
    return Sampled(frame, frame["pw"].to_numpy(), designed(frame, member="cds", stratum=None, psu="dnum", share=share))


def test_levels_of_a_stratified_sample(stratified):
    """o01: means, total, ratio and proportions with the finite population correction."""
    wanted = expected("o01")
    for name, figure in wanted["strat_mean"].items():
        stratified.agrees(stratified.mean(name), figure)
    enrolled = stratified.frame["enroll"].to_numpy(float)
    everybody = stratified.everybody
    stratified.agrees(total(enrolled, stratified.weights, everybody), wanted["strat_total"]["enroll"])
    tested = stratified.frame["api.stu"].to_numpy(float)
    stratified.agrees(ratio(tested, enrolled, stratified.weights, everybody), wanted["strat_ratio"]["api.stu/enroll"])
    for name in ("awards", "comp.imp"):
        for answer in ("No", "Yes"):
            hit = (stratified.frame[name] == answer).to_numpy(float)
            stratified.agrees(stratified.mean(hit), wanted["strat_prop"][f"{name}{answer}"])


def test_levels_without_the_correction(stratified):
    """o01: without sampling fractions the strata are taken as infinite."""
    plain = Sampled(
        stratified.frame, stratified.weights, designed(stratified.frame, member="cds", stratum="stype", psu=None)
    )
    for name, figure in expected("o01")["strat_mean_nofpc"].items():
        plain.agrees(plain.mean(name), figure)


def test_levels_by_domain_and_their_covariance(stratified):
    """o01: domains across strata keep the PSUs outside them, and covary."""
    wanted, found = expected("o01"), []
    for name in ("api00", "api99"):
        for answer in ("No", "Yes"):
            rows = (stratified.frame["sch.wide"] == answer).to_numpy()
            found.append(stratified.mean(name, rows))
            stratified.agrees(found[-1], wanted["by_schwide"][f"{answer}:{name}"])
    matrix = stratified.covariance(*found)
    scale = np.sqrt(np.outer(np.diag(matrix), np.diag(matrix)))
    assert np.max(np.abs(matrix - np.array(wanted["by_schwide_vcov"])) / scale) < EXACT
    for kind, figure in wanted["by_stype"].items():
        stratified.agrees(stratified.mean("api00", (stratified.frame["stype"] == kind).to_numpy()), figure)


def test_totals_and_ratios_by_domain(stratified):
    """o01: a total and ratios of part of the sample."""
    wanted, frame = expected("o01"), stratified.frame
    enrolled, tested = frame["enroll"].to_numpy(float), frame["api.stu"].to_numpy(float)
    awarded = (frame["awards"] == "Yes").to_numpy()
    stratified.agrees(total(enrolled, stratified.weights, awarded), wanted["domain_total_awardsYes"]["enroll"])
    for answer, figure in wanted["domain_ratio_by"].items():
        rows = (frame["awards"] == answer).to_numpy()
        stratified.agrees(ratio(tested, enrolled, stratified.weights, rows), figure)


def test_levels_of_a_sample_of_districts(clustered):
    """o01: whole districts are drawn, so schools of one district are one PSU."""
    wanted, frame = expected("o01"), clustered.frame
    clustered.agrees(clustered.mean("api00"), wanted["clus1_mean"]["api00"])
    enrolled, tested = frame["enroll"].to_numpy(float), frame["api.stu"].to_numpy(float)
    clustered.agrees(total(enrolled, clustered.weights, clustered.everybody), wanted["clus1_total"]["enroll"])
    clustered.agrees(
        ratio(tested, enrolled, clustered.weights, clustered.everybody), wanted["clus1_ratio"]["api.stu/enroll"]
    )


@pytest.fixture(scope="module")
def two_stages() -> Sampled:
    """Return the sample of districts, and of schools within them."""
    frame = data("apiclus2")
    stages = [
        Stage(frame["dnum"].to_numpy(), frame["fpc1"].to_numpy(float)),
        Stage(frame["snum"].to_numpy(), frame["fpc2"].to_numpy(float)),
    ]
    return Sampled(frame, frame["pw"].to_numpy(), Design.of_stages(stages))


def test_levels_of_a_sample_in_two_stages(two_stages):
    """o01: districts, then schools within them, each with its finite population correction."""
    wanted, enrolled = expected("o01"), two_stages.frame["enroll"].to_numpy(float)
    two_stages.agrees(two_stages.mean("api00"), wanted["clus2_mean"]["api00"])
    two_stages.agrees(total(enrolled, two_stages.weights, np.isfinite(enrolled)), wanted["clus2_total"]["enroll"])


def test_degrees_of_freedom(stratified, clustered, two_stages):
    """o01: PSUs less strata."""
    wanted = expected("o01")["degf"]
    assert two_stages.design.degrees_of_freedom(two_stages.everybody) == wanted["clus2"]
    assert stratified.design.degrees_of_freedom(stratified.everybody) == wanted["strat"]
    assert clustered.design.degrees_of_freedom(clustered.everybody) == wanted["clus1"]


def test_quantiles_by_their_definition(stratified):
    """o02: quantiles of the "math" rule, Woodruff's interval and its standard error."""
    wanted = expected("o02")
    rule, scores = wanted["strat"]["math"], stratified.frame["api00"].to_numpy(float)
    for place, p in enumerate(wanted["q"]):
        found = quantile(scores, stratified.weights, stratified.everybody, stratified.design, p=p)
        assert (found.value, found.low, found.high) == (
            rule["quantile"][place], rule["ci.2.5"][place], rule["ci.97.5"][place]
        )  # fmt: skip
        assert found.se == near(rule["se"][place], rel=EXACT)


def _agrees(stratified: Sampled, wanted: dict[str, Any], **chosen: str) -> None:
    """Hold the five quantiles against R's, 1e-6 relative."""
    scores, shares = stratified.frame["api00"].to_numpy(float), expected("o02")["q"]
    name = next(name for name in wanted if name.startswith("quantile"))
    for place, p in enumerate(shares):
        found = quantile(scores, stratified.weights, stratified.everybody, stratified.design, p=p, **chosen)
        ours = (found.value, found.low, found.high, found.se)
        assert ours == near(tuple(wanted[each][place] for each in (name, "ci.2.5", "ci.97.5", "se")), rel=1e-6), p


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "shahvaish"])
def test_quantile_rules(stratified, rule):
    """o02: quantile, interval and standard error under each rule."""
    _agrees(stratified, expected("o02")["strat"][rule], rule=rule)


@pytest.mark.parametrize("interval", ["xlogit", "beta"])
def test_quantile_intervals(stratified, interval):
    """o02: intervals by the logit and by the beta distribution."""
    _agrees(stratified, expected("o02")[f"strat_{interval}"], interval=interval)


def test_shah_and_vaish_with_weights_that_average_to_one(stratified):
    """
    o02: R's rule takes half of the raw weight where the paper takes half of the weight over its mean.

    Its quantiles then lie outside their own intervals. Where weights average to one the two are the same formula;
    ours is the paper's, and near to the definition.
    """
    scores, w = np.sort(stratified.frame["api00"].to_numpy(float)), np.ones(200)
    wanted = [float(scores[int(np.flatnonzero((np.arange(1, 201)) / 201 <= p)[-1])]) for p in (0.1, 0.5, 0.9)]
    assert [quantile_by("shahvaish", scores, w, p) for p in (0.1, 0.5, 0.9)] == wanted
    drawn = [
        quantile(stratified.frame["api00"].to_numpy(float), stratified.weights, stratified.everybody,
                 stratified.design, p=p, rule="shahvaish")
        for p in (0.1, 0.25, 0.5, 0.75, 0.9)
    ]  # fmt: skip
    assert all(each.low <= each.value <= each.high for each in drawn)
    assert [each.value for each in drawn] == near(expected("o02")["strat"]["math"]["quantile"], rel=0.02)


def test_r_s_shah_and_vaish_is_ours_but_for_the_raw_weight(stratified):
    """o02: with half of the raw weight, as R has it, its quantiles come out to the last digit."""
    rule, scores = expected("o02")["strat"]["shahvaish"], stratified.frame["api00"].to_numpy(float)
    order = np.argsort(scores, kind="stable")
    own, w = scores[order], stratified.weights[order]
    at = (np.cumsum(w / w.mean()) + 0.5 - w / 2) / (len(w) + 1)
    value = dict(zip((0.1, 0.25, 0.5, 0.75, 0.9), rule["quantile"], strict=True))
    for p, wanted in value.items():
        by_position = np.argsort(at, kind="stable")  # R sorts positions that no longer rise
        place = np.searchsorted(at[by_position], p, side="right") - 1
        assert own[by_position][max(place, 0)] == wanted
    spread = (np.array(rule["ci.97.5"]) - np.array(rule["ci.2.5"])) / 2
    assert spread / stats.t.ppf(0.975, 197) == near(np.array(rule["se"]), rel=EXACT)


def test_rules_that_are_not_there_are_answered(stratified):
    """A wrong rule or interval: the nearest name."""
    scores = stratified.frame["api00"].to_numpy(float)
    for chosen in ({"rule": "hf77"}, {"interval": "xlogitt"}):
        with pytest.raises(UnknownKey) as raised:
            quantile(scores, stratified.weights, stratified.everybody, stratified.design, **chosen)
        assert raised.value.fix


def _median_by_stype(stratified: Sampled, values: np.ndarray, wanted: dict[str, Any]) -> None:
    for place, kind in enumerate(wanted["levels"]):
        rows = (stratified.frame["stype"] == kind).to_numpy()
        found = quantile(values, stratified.weights, rows, stratified.design)
        assert found.value == wanted["est"][place]
        assert found.se == near(wanted["se"][place], rel=EXACT)


def test_medians_by_domain(stratified):
    """o02: medians of levels and of individual changes by kind of school."""
    wanted, frame = expected("o02"), stratified.frame
    _median_by_stype(stratified, frame["api00"].to_numpy(float), wanted["median_by_stype"])
    _median_by_stype(stratified, (frame["api00"] - frame["api99"]).to_numpy(float), wanted["median_change_by_stype"])


LONELY = {  # R 4.2, survey 4.1.1: overall, schools that missed their target, schools that met it
    "adjust": (9.5367996155387189, 18.944179009372775, 10.653214387895957),
    "average": (12.127888575159684, 18.944179009372775, 13.514798456088151),
    "certainty": (9.3942220952505302, 18.944179009372775, 10.468517869555823),
    "remove": (9.3942220952505302, 18.944179009372775, 10.468517869555823),
}


@pytest.mark.parametrize("lonely", LONELY)
def test_strata_with_one_school_by_each_choice(lonely):
    """Two schools of apistrat made strata of their own: R's errors overall and by domain, one without those strata."""
    frame = data("apistrat")
    stratum = frame["stype"].astype("str")
    stratum.iloc[:2] = ["X", "Y"]
    nobody = pd.Series(pd.NA, index=frame.index, dtype="str")
    columns = pd.DataFrame({"member": frame["cds"].astype("str"), "stratum": stratum, "psu": nobody})
    drawn = Sampled(frame, frame["pw"].to_numpy(), Design.of(columns, lonely=lonely))
    domains = [drawn.everybody, *((frame["sch.wide"] == answer).to_numpy() for answer in ("No", "Yes"))]
    assert [drawn.se(drawn.mean("api00", rows)) for rows in domains] == near(list(LONELY[lonely]), rel=EXACT)
