"""What must hold of weights and estimates whatever the data."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.estimate.calibration import Calibration
from panel.estimate.estimators import mean, quantile, quantile_point
from panel.estimate.kernel import Design, covariance
from panel.estimate.margins import Target
from panel.weigh import Distance, rake

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=30, deadline=None)


def panel(seed: int, rows: int = 60) -> pd.DataFrame:
    """Return rows in two waves, in three strata of four PSUs each."""
    draw = np.random.default_rng(seed)
    member = draw.integers(0, 24, rows)
    member[:12] = range(12)  # every PSU has somebody
    return pd.DataFrame(
        {
            "member": [f"m{each}" for each in member],
            "stratum": [f"s{each % 3}" for each in member],
            "psu": [f"p{each % 12}" for each in member],
            "y": draw.normal(100, 30, rows).round(2),
            "w": draw.uniform(0.5, 3, rows),
            "wave": draw.integers(1, 3, rows),
            "to": draw.integers(0, 3, rows),
        }
    ).astype({"member": "str", "stratum": "str", "psu": "str"})


def change(frame: pd.DataFrame) -> tuple[float, float]:
    """Return the net change between the waves and its standard error."""
    where, y, w = Design.of(frame), frame["y"].to_numpy(), frame["w"].to_numpy()
    levels = [mean(y, w, (frame["wave"] == wave).to_numpy()) for wave in (1, 2)]
    matrix = covariance(np.stack([where.totals(w * each.linear) for each in levels], axis=1), where)
    slope = np.array([-1.0, 1.0])
    return levels[1].value - levels[0].value, float(np.sqrt(slope @ matrix @ slope))


@FEW
@given(SEEDS)
def test_the_order_of_rows_and_the_names_of_psus_change_nothing(seed):
    """Shuffled, and with other labels, a change and its standard error are the same."""
    frame = panel(seed)
    other = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    other = other.assign(psu="house " + other["psu"], stratum="region " + other["stratum"])
    assert change(other) == pytest.approx(change(frame), rel=1e-9, abs=1e-9)


@FEW
@given(SEEDS, st.floats(0.01, 1000))
def test_scaling_amounts_scales_estimates(seed, factor):
    """Incomes in cents: the change and its standard error in cents, the quantile too."""
    frame = panel(seed)
    value, se = change(frame)
    scaled = frame.assign(y=frame["y"] * factor)
    assert change(scaled) == pytest.approx((value * factor, se * factor), rel=1e-9, abs=1e-9 * factor)
    y, w = frame["y"].to_numpy(), frame["w"].to_numpy()
    assert quantile_point(y * factor, w, 0.5) == pytest.approx(quantile_point(y, w, 0.5) * factor)


@FEW
@given(SEEDS, st.floats(0.01, 1000))
def test_the_scale_of_weights_changes_nothing(seed, factor):
    """Weights that add up to the population or to the sample give the same."""
    frame = panel(seed)
    assert change(frame.assign(w=frame["w"] * factor)) == pytest.approx(change(frame), rel=1e-8, abs=1e-9)


@FEW
@given(SEEDS)
def test_rows_repeated_within_their_psu_do_not_shrink_the_error(seed):
    """A PSU's people said twice are no more evidence."""
    frame = panel(seed)
    twice = pd.concat([frame, frame], ignore_index=True)
    assert change(twice) == pytest.approx(change(frame), rel=1e-9, abs=1e-9)


@FEW
@given(SEEDS)
def test_rows_of_a_transition_table_add_up_to_one(seed):
    """Whoever was somewhere is somewhere now; the influence of the whole row is nil."""
    frame = panel(seed)
    w, rows = frame["w"].to_numpy(), (frame["wave"] == 1).to_numpy()
    cells = [mean((frame["to"] == each).to_numpy(float), w, rows) for each in range(3)]
    assert sum(each.value for each in cells) == pytest.approx(1.0)
    assert np.sum([each.linear for each in cells], axis=0) == pytest.approx(np.zeros(len(frame)))


@FEW
@given(SEEDS)
def test_a_part_of_the_sample_gives_the_same_as_a_mask_over_it(seed):
    """Leaving rows out and remembering their PSUs is the same as counting them with zero."""
    frame = panel(seed)
    where, y, w = Design.of(frame), frame["y"].to_numpy(), frame["w"].to_numpy()
    rows = (frame["wave"] == 1).to_numpy()
    places = np.flatnonzero(rows)
    whole = quantile(y, w, rows, where)
    part = quantile(y[places], w[places], np.ones(len(places), dtype=bool), where.take(places))
    assert (part.value, part.low, part.high) == (whole.value, whole.low, whole.high)


def margins(draw: np.random.Generator, rows: int = 200) -> list[Target]:
    """Return two margins, some rows in no group of them, with shares near those of the sample."""
    targets = []
    for name, groups in (("a", 3), ("b", 2)):
        codes = draw.integers(-1 if name == "b" else 0, groups, rows)
        held = np.bincount(codes[codes >= 0], minlength=groups) / (codes >= 0).sum()
        shares = held * draw.uniform(0.8, 1.25, groups)
        targets.append(Target(name, tuple(map(str, range(groups))), codes, shares / shares.sum()))
    return targets


@FEW
@given(SEEDS, st.sampled_from(["raking", "linear", "logit"]), st.sampled_from([None, (0.3, 3.0)]))
def test_calibrated_weights_reproduce_every_margin(seed, method, bounds):
    """Whatever the distance and its bounds, shares are met, bounds kept, and rows in no group keep their share."""
    draw = np.random.default_rng(seed)
    targets, design = margins(draw), draw.uniform(0.5, 2, 200)
    distance = Distance.of(method, bounds or ((0.1, 10.0) if method == "logit" else None))
    made = rake(design, targets, distance=distance)
    for target in targets:
        inside = target.codes >= 0
        got = np.bincount(target.codes[inside], weights=made.weights[inside], minlength=len(target.shares))
        assert got / got.sum() == pytest.approx(target.shares, abs=1e-9)
        assert got.sum() / made.weights.sum() == pytest.approx(design[inside].sum() / design.sum(), abs=1e-9)
    assert made.ratio.min() >= distance.low - 1e-12
    assert made.ratio.max() <= distance.high + 1e-12


@FEW
@given(SEEDS)
def test_the_order_of_rows_changes_no_weight(seed):
    """Shuffled rows have the weights they had."""
    draw = np.random.default_rng(seed)
    targets, design, order = margins(draw), draw.uniform(0.5, 2, 200), draw.permutation(200)
    shuffled = rake(design[order], [target.at(order) for target in targets])
    assert shuffled.weights == pytest.approx(rake(design, targets).weights[order], rel=1e-8)


@FEW
@given(SEEDS)
def test_a_margin_itself_has_no_error_once_it_is_met(seed):
    """The share of a calibrated group is known: with the calibration credited its influence is nil."""
    draw = np.random.default_rng(seed)
    targets, design = margins(draw), draw.uniform(0.5, 2, 200)
    made, everybody = rake(design, targets), np.ones(200, dtype=bool)
    share = mean((targets[0].codes == 1).astype(float), made.weights, everybody)
    left = Calibration.of(everybody, targets, design, made.weights).credited(share.linear)
    assert left == pytest.approx(np.zeros(200), abs=1e-10)
