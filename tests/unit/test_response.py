"""What weighting does to standard errors: a nudge to a design weight moves the estimate as its influence says."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from panel.estimate import Pair, Sample
from panel.estimate.calibration import Calibration
from panel.estimate.estimators import Estimand, mean
from panel.estimate.margins import Cells, Target
from panel.estimate.response import ResponseCredit
from panel.weigh import by_class, by_logit, longitudinal, rake
from tests.unit.test_weigh import answers, study, tracked

DRAW = np.random.default_rng(7)
ROWS = 60
Y = DRAW.normal(100, 20, ROWS)
DESIGN = DRAW.uniform(0.5, 2.0, ROWS)
GROUP = DRAW.integers(0, 3, ROWS)
ANSWERED = (DRAW.random(ROWS) < 0.4 + 0.2 * (GROUP == 1)).astype(float)


def slope(estimate: Callable[[np.ndarray], float], step: float = 1e-5) -> np.ndarray:
    """Return how an estimate moves as each design weight is raised a little, relative."""
    moved = []
    for place in range(ROWS):
        nudge = np.where(np.arange(ROWS) == place, step, 0.0)
        moved.append((estimate(DESIGN * (1 + nudge)) - estimate(DESIGN * (1 - nudge))) / (2 * step))
    return np.array(moved)


def test_a_weighting_class_by_hand():
    """
    Class A: two of four answered, 1 and 3; class B both, 5 and 7.

    Who answered has its class's mean and, times two, its distance from it; who did not has the mean of the class.
    """
    answered = np.array([1.0, 1.0, 0.0, 0.0, 1.0, 1.0])
    found = by_class(np.array([0, 0, 0, 0, 1, 1]), answered.astype(bool), np.ones(6), ["A", "B"])
    assert found.propensity.tolist() == [0.5, 0.5, 0.5, 0.5, 1.0, 1.0]
    credit = ResponseCredit(answered, found.propensity, Cells.of_rows(found.x, ["A", "B"]), np.ones(6))
    weighted = answered / found.propensity * np.array([1.0, 3.0, 0.0, 0.0, 5.0, 7.0])
    assert credit.influence(weighted) == pytest.approx([0.0, 4.0, 2.0, 2.0, 5.0, 7.0])


def _weights(design: np.ndarray, method: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    came = ANSWERED.astype(bool)
    x = np.stack([np.ones(ROWS), GROUP == 1, Y > 100], axis=1).astype(float)
    found = by_logit(x, came, design) if method == "logit" else by_class(GROUP, came, design, ["a", "b", "c"])
    return design * ANSWERED / found.propensity, found.propensity, found.x


@pytest.mark.parametrize("method", ["logit", "classes"])
def test_estimated_propensities_are_credited(method):
    """The influence of a mean under estimated propensities is its slope in the design weights, for the lost too."""
    everybody = np.ones(ROWS, dtype=bool)
    weights, propensity, x = _weights(DESIGN, method)
    found = mean(Y, weights, everybody)
    credit = ResponseCredit(ANSWERED, propensity, Cells.of_rows(x, [""] * x.shape[1]), DESIGN)
    influence = credit.influence(weights * found.linear)
    wanted = slope(lambda design: mean(Y, _weights(design, method)[0], everybody).value)
    assert influence == pytest.approx(wanted, abs=2e-4)  # the ridge of the logit leaves its score a little off zero
    assert np.abs(influence[ANSWERED == 0]).max() > 0.1


def test_the_share_of_those_in_no_group_has_a_variance():
    """
    Margins that the sample meets already: the credited influence is the slope of the raked mean.

    Members in no group keep the share they happen to have, so a nudge to their weights moves the mean.
    """
    first, second = GROUP - 1, (GROUP + np.arange(ROWS)) % 4 - 1  # -1 is in no group
    targets = []
    for name, codes in (("a", first), ("b", second)):
        held = np.bincount(codes[codes >= 0], weights=DESIGN[codes >= 0])
        targets.append(Target(name, tuple(map(str, range(len(held)))), codes, held / held.sum()))
    everybody = np.ones(ROWS, dtype=bool)
    weights = rake(DESIGN, targets, total=ROWS).weights
    linear = mean(Y, weights, everybody).linear
    wanted = slope(lambda design: mean(Y, rake(design, targets, total=ROWS).weights, everybody).value)
    known = Calibration.of(everybody, targets, DESIGN)
    counted = Calibration.of(everybody, targets, DESIGN, weights)
    assert weights * counted.credited(linear) == pytest.approx(wanted, abs=1e-6)
    assert np.abs(weights * known.credited(linear) - wanted).max() > 1e-3


def test_figures_of_stayers_credit_the_propensity():
    """
    A nudge to a member's design weight moves the mean change of stayers as their influence says, the lost ones' too.

    Through the weights of a study and the pair that reads them; without benchmarks, so that nothing else moves.
    """
    draw, names = np.random.default_rng(3), [f"m{place}" for place in range(40)]
    codes, came = draw.integers(1, 3, 40).tolist(), draw.random(40) < 0.6
    amounts = {wave: draw.normal(100, 10, 40) for wave in (1, 2)}

    def paired(design: np.ndarray) -> tuple[Pair, Estimand]:
        rows = [answers(codes, wave=wave, weights=design.tolist()).assign(profit_eur=amounts[wave]) for wave in (1, 2)]
        frame = pd.concat([rows[0], rows[1][came]], ignore_index=True)
        made = study(half=None)
        weights = longitudinal(frame, tracked(40, {}), study=made, waves=(1, 2)).rows
        first = Sample(made, frame, weights, label="w", keys=("member", "wave"))
        pair = Pair.of(first, weights, (1, 2))
        change = pair.then.number("profit_eur") - pair.now.number("profit_eur")
        return pair, mean(change, pair.now.weight, np.ones(len(change), dtype=bool))

    base = np.ones(40)
    pair, found = paired(base)
    totals = pair.now.totals(found.linear)
    assert pair.now.lost is not None
    rows = pd.concat([pair.now.frame["member"], pd.Series([n for n, c in zip(names, came, strict=True) if not c])])
    by_member = dict(zip(rows, totals[pair.now.lost.design.psu], strict=True))
    for place in range(0, 40, 5):
        nudge = np.where(np.arange(40) == place, 1e-4, 0.0)
        moved = (paired(base + nudge)[1].value - paired(base - nudge)[1].value) / 2e-4
        assert by_member[names[place]] == pytest.approx(moved, abs=2e-4)
    in_whole = dict(
        zip(pair.now.whole.frame["member"], pair.totals_of_whole(found.linear)[pair.now.whole.design.psu], strict=True)
    )
    assert in_whole == pytest.approx(by_member)  # the same, beside estimates of other waves
