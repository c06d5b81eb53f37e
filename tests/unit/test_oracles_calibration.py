"""Calibration as R's survey package gives it: case o03, weights and standard errors, to 1e-8 relative."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from panel.estimate.calibration import Calibration
from panel.estimate.estimators import Estimand, ratio, total
from panel.estimate.kernel import covariance
from panel.estimate.margins import Cells, Target
from panel.estimate.replicates import jackknife
from panel.weigh import Distance, calibrate, rake, trim
from tests.unit.oracle_samples import BESIDE, EXACT, Sampled, data, designed, expected, near

pytestmark = BESIDE
BOUNDS = (0.6, 1.7)
DISTANCES = {
    "cal_linear": Distance.of("linear"),
    "cal_raking": Distance.of("raking"),
    "rake": Distance.of("raking"),
    "cal_linear_bounded": Distance.of("linear", BOUNDS),
    "cal_logit_bounded": Distance.of("logit", BOUNDS),
}


@dataclass(frozen=True)
class Made:
    """Weights and how they are credited."""

    sampled: Sampled
    calibration: Calibration


@pytest.fixture(scope="module")
def schools() -> Sampled:
    """Return the sample of whole districts."""
    frame = data("apiclus1")
    share = pd.Series({"": 15 / 757})
    return Sampled(frame, frame["pw"].to_numpy(), designed(frame, member="cds", stratum=None, psu="dnum", share=share))


def columns(frame: pd.DataFrame, *names: str) -> np.ndarray:
    """Return an intercept, two kinds of school, and more columns: numbers, or "Yes" and "No"."""
    more = [frame[each] if frame[each].dtype.kind in "if" else frame[each] == "Yes" for each in names]
    kinds = [frame["stype"] == "H", frame["stype"] == "M"]
    return np.stack([np.ones(len(frame)), *kinds, *more], axis=1).astype(float)


def made(schools: Sampled, weights: np.ndarray, calibration: Calibration) -> Made:
    """Return the sample under other weights."""
    return Made(Sampled(schools.frame, weights, schools.design), calibration)


def calibrated(schools: Sampled, x: np.ndarray, totals: list[float], distance: Distance | None = None) -> Made:
    """Return the sample calibrated to totals."""
    cells = Cells.of_rows(x, [str(place) for place in range(x.shape[1])])
    found = calibrate(schools.weights, cells, np.array(totals), distance=distance)
    return made(schools, found.weights, Calibration.on(x, schools.weights))


def _raked(schools: Sampled, name: str) -> Made:
    x = columns(schools.frame, "sch.wide")
    return calibrated(schools, x, [6194, 755, 1018, 5122], DISTANCES[name])


def _poststratified(schools: Sampled) -> Made:
    return calibrated(schools, columns(schools.frame), [6194, 755, 1018], Distance.of("linear"))


def _regressed(schools: Sampled) -> Made:
    x = columns(schools.frame, "api99")
    return calibrated(schools, x, [6194, 755, 1018, 3914069], Distance.of("linear"))


CASES: dict[str, Callable[[Sampled], Made]] = {
    **{name: (lambda schools, name=name: _raked(schools, name)) for name in DISTANCES},
    "poststrat": _poststratified,
    "greg_api99": _regressed,
    "raw": lambda schools: made(schools, schools.weights, Calibration.of(schools.everybody, [], schools.weights)),
}


def estimates(sampled: Sampled) -> dict[tuple[str, str], Estimand]:
    """Return what R estimated under each set of weights, by case and name."""
    frame, everybody, weights = sampled.frame, sampled.everybody, sampled.weights
    enrolled, tested = frame["enroll"].to_numpy(float), frame["api.stu"].to_numpy(float)
    return {
        ("api00", "api00"): sampled.mean("api00"),
        ("growth", "I(api00 - api99)"): sampled.mean(frame["api00"] - frame["api99"]),
        ("tot", "enroll"): total(enrolled, weights, everybody),
        ("ratio", "api.stu/enroll"): ratio(tested, enrolled, weights, everybody),
        ("bysw", "No"): sampled.mean("api00", (frame["sch.wide"] == "No").to_numpy()),
        ("bysw", "Yes"): sampled.mean("api00", (frame["sch.wide"] == "Yes").to_numpy()),
    }


def agree(case: Made, found: Estimand, wanted: dict[str, float], where: Any = "") -> None:
    """Hold an estimate and its standard error, calibration credited, against R's."""
    sampled = case.sampled
    totals = sampled.design.totals(sampled.weights * case.calibration.credited(found.linear))
    se = float(np.sqrt(covariance(totals, sampled.design)[0, 0]))
    assert (found.value, se) == near((wanted["est"], wanted["se"]), rel=EXACT), where


@pytest.mark.parametrize("name", CASES)
def test_calibrated_weights(schools, name):
    """o03: every distance, bounded and not, post-strata and a regression give R's weights."""
    assert CASES[name](schools).sampled.weights == near(np.array(expected("o03")[name]["w"]), rel=EXACT)


@pytest.mark.parametrize("name", CASES)
def test_standard_errors_that_credit_calibration(schools, name):
    """
    o03: residuals on the auxiliary variables stand in for the variable itself.

    `rake` too: R's rake() sweeps unweighted means ten times where calibrate() regresses under design weights; with the
    equal design weights here both are the same.
    """
    case, wanted = CASES[name](schools), expected("o03")[name]
    for (kind, of), found in estimates(case.sampled).items():
        agree(case, found, wanted[kind][of], (kind, of))


def test_margins_as_shares_give_the_same_weights_and_errors(schools):
    """o03: two margins of shares, as a study gives them, are the same calibration as totals."""
    wanted, targets = expected("o03"), []
    for column, margin in (("stype", "pop_stype"), ("sch.wide", "pop_schwide")):
        groups = [each[column] for each in wanted[margin]]
        shares = np.array([each["Freq"] for each in wanted[margin]], dtype=float)
        assert shares.sum() == 6194
        codes = np.array([groups.index(value) for value in schools.frame[column]])
        targets.append(Target(column, tuple(groups), codes, shares / shares.sum()))
    found = rake(schools.weights, targets, total=6194)
    assert found.weights == near(np.array(wanted["rake"]["w"]), rel=EXACT)
    assert (found.ratio.min(), found.ratio.max()) == near(tuple(wanted["g_range"]["rake"]), rel=1e-6)
    case = made(schools, found.weights, Calibration.of(schools.everybody, targets, schools.weights, found.weights))
    agree(case, case.sampled.mean("api00"), wanted["rake"]["api00"]["api00"])


@pytest.mark.parametrize(
    ("short", "name"), [("rake", "rake"), ("lb", "cal_linear_bounded"), ("lg", "cal_logit_bounded")]
)
def test_the_range_of_the_calibration(schools, short, name):
    """o03: the least and the most a weight moved."""
    moved = CASES[name](schools).sampled.weights / schools.weights
    assert (moved.min(), moved.max()) == near(tuple(expected("o03")["g_range"][short]), rel=EXACT)


def test_trimmed_weights(schools):
    """o03: what is cut at 50 is shared out equally; the calibration is credited as far as it still holds."""
    wanted, raked = expected("o03")["trim"], _raked(schools, "rake").sampled.weights
    cut = trim(raked, 0.0, 50.0).weights
    assert cut == near(np.array(wanted["w"]), rel=EXACT)
    x = columns(schools.frame, "sch.wide")
    case = made(schools, cut, Calibration.on(x, schools.weights, calibrated=raked, weight=cut))
    agree(case, case.sampled.mean("api00"), wanted["api00"]["api00"])


def test_raked_weights_taken_as_fixed(schools):
    """o03: without the credit the standard error is another, as R gives it too."""
    raked = _raked(schools, "rake").sampled
    raked.agrees(raked.mean("api00"), expected("o03")["naive_rake_as_fixed_weights"]["api00"])


def test_a_jackknife_that_rakes_anew(schools):
    """
    o03: JK1 with the sampling fraction, raked in each replicate, about the mean of the replicates.

    R's rake() stops when counts change by less than 1, of 6,194: its totals end a little off, seen in the eighth digit.
    """
    wanted = expected("o03")["rake_jk1"]
    cells = Cells.of_rows(columns(schools.frame, "sch.wide"), ["one", "high", "middle", "wide"])
    score, enrolled = (schools.frame[name].to_numpy(float) for name in ("api00", "enroll"))

    def figures(weights: np.ndarray) -> np.ndarray:
        return np.array([(weights * score).sum() / weights.sum(), (weights * enrolled).sum()])

    def anew(design: np.ndarray) -> np.ndarray:
        return calibrate(design, cells, np.array([6194.0, 755, 1018, 5122])).weights

    drawn = jackknife(schools.design)
    raw = drawn.estimate(figures, schools.weights)
    assert raw.values[0] == near(wanted["raw_api00"]["api00"]["est"], rel=EXACT)
    assert raw.se[0] == near(wanted["raw_api00"]["api00"]["se"], rel=EXACT)
    raked = drawn.estimate(figures, schools.weights, reweigh=anew)
    for place, name in enumerate(("api00", "tot")):
        figure = next(iter(wanted[name].values()))
        assert raked.values[place] == near(figure["est"], rel=EXACT)
        assert raked.se[place] == near(figure["se"], rel=EXACT)
