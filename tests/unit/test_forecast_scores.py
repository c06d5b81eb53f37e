"""Scores of predictions by pencil: members of weight one, each a PSU of its own, unless a test says otherwise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.estimate.estimators import logit_interval
from panel.estimate.kernel import Design, covariance
from panel.forecast.categories import best_case, hits, median_margin, modal_margin, verdicts
from panel.forecast.censoring import Seen, leavers
from panel.forecast.claims import Said, direction
from panel.forecast.probabilities import BINS, auc, calibration, reliability_curve, scores
from panel.forecast.revisions import martingale_p, revisions
from panel.forecast.telling import uncertainty_interval

ONE = np.ones


def plain(size: int) -> Design:
    """Return a design of one stratum in which every row is a PSU."""
    return Design(np.arange(size), np.zeros(size, dtype=np.int64), ("",), np.zeros(1))


def se(found, weights) -> float:
    """Return the standard error of an estimate in a plain sample."""
    return float(covariance(weights * found.linear, plain(len(weights)))[0, 0]) ** 0.5


def test_nought_evens_and_certainty_have_bins_of_their_own():
    """0, 50 and 100 % are answers people give for more than they mean; 1, 49 and 99 % are not."""
    answers = np.array([0, 0.01, 0.2, 0.49, 0.5, 0.51, 0.6, 0.99, 1.0])
    found = [BINS.labels[place] for place in BINS.of(answers)]
    assert found == ["0", "0-20", "20-40", "40-60", "50", "40-60", "60-80", "80-100", "100"]
    assert BINS.labels == ("0", "0-20", "20-40", "40-60", "50", "60-80", "80-100", "100")


def test_a_perfect_forecaster():
    """Certain and right: no score but uncertainty, full skill, and everybody ordered right."""
    o = np.array([0.0, 0, 1, 1, 1])
    found = scores(o, o, ONE(5))
    assert {name: found[name].value for name in ("brier", "skill", "reliability", "auc", "bias")} == pytest.approx(
        {"brier": 0, "skill": 1, "reliability": 0, "auc": 1, "bias": 0}
    )
    assert found["resolution"].value == pytest.approx(found["uncertainty"].value)


def test_ties_are_half_an_order():
    """Of two to whom it happened and two to whom not, (.9 .5) against (.5 .1): 1, 1, a tie and 1 of four pairs."""
    p, o = np.array([0.9, 0.5, 0.5, 0.1]), np.array([1.0, 1, 0, 0])
    assert auc(p, o, ONE(4))["auc"].value == pytest.approx(3.5 / 4)
    assert auc(p, np.ones(4), ONE(4)) == {}


def test_calibration_of_the_well_calibrated_is_nought_and_one():
    """Of four groups in which the event is exactly as frequent as said, intercept 0 and slope 1."""
    p = np.repeat([0.2, 0.4, 0.6, 0.8], 10)
    o = np.concatenate([np.arange(10) < 10 * each for each in (0.2, 0.4, 0.6, 0.8)]).astype(float)
    found = calibration(p, o, ONE(40))
    assert found["calibration_intercept"].value == pytest.approx(0, abs=1e-9)
    assert found["calibration_slope"].value == pytest.approx(1)


def test_where_a_calibration_has_no_maximum_there_is_none():
    """Where all above a half happened and none below, any slope is too flat."""
    assert calibration(np.array([0.1, 0.2, 0.8, 0.9]), np.array([0.0, 0, 1, 1]), ONE(4)) == {}


def test_a_bin_without_anybody_has_no_figure():
    """Three answers lie in two bins."""
    curve = reliability_curve(np.array([0.5, 0.5, 0.9]), np.array([1.0, 0, 1]), ONE(3))
    assert {name: (one.value, other.value) for name, (one, other) in curve.items()} == {
        "50": (0.5, 0.5), "80-100": (0.9, 1.0),
    }  # fmt: skip


SAID = np.array([0, 0, 0, 0, 1, 1, 2, 2])
CAME = np.array([0, 0, 1, 2, 1, 0, 2, 2])


def test_hits_against_chance():
    """Five of eight right; by chance 4/8 3/8 + 2/8 2/8 + 2/8 3/8 = 22/64; at most 1 - 22/64."""
    found = hits(SAID, CAME, ONE(8), 3)
    assert found["hit_rate"].value == pytest.approx(5 / 8)
    assert found["hit_by_chance"].value == pytest.approx(22 / 64)
    assert found["hit_over_chance"].value == pytest.approx(18 / 64)
    assert found["peirce"].value == pytest.approx(18 / 42)


def test_peirce_of_yes_and_no_is_hits_less_false_alarms():
    """Of four events three were foretold, of six others two: 3/4 - 2/6."""
    said = np.array([1, 1, 1, 0, 1, 1, 0, 0, 0, 0])
    came = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])
    assert hits(said, came, ONE(10), 2)["peirce"].value == pytest.approx(3 / 4 - 2 / 6)


def test_the_modal_rule():
    """Of four who said fall two fell, one stayed, one rose: the mode by a quarter. Of two who said same: even."""
    assert modal_margin(0, SAID, CAME, ONE(8), 3).value == pytest.approx(1 / 4)
    assert modal_margin(1, SAID, CAME, ONE(8), 3).value == pytest.approx(0)
    assert modal_margin(0, np.ones(8), CAME, ONE(8), 3) is None


def test_the_median_rule():
    """Of the four who said fall half did better: just allowed. Of the two who said rise nobody did worse."""
    assert median_margin(0, SAID, CAME, ONE(8)).value == pytest.approx(0)
    assert median_margin(2, SAID, CAME, ONE(8)).value == pytest.approx(1 / 2)


def test_best_case_bounds_of_the_published_share():
    """65 % who say yes are consistent with anything from 32.5 to 82.5 %."""
    yes = np.arange(20) < 13
    found = best_case(yes, np.arange(20) < 6, ONE(20))
    assert (found["best_case_low"].value, found["best_case_high"].value) == pytest.approx((0.325, 0.825))
    assert found["best_case_margin"].value == pytest.approx(0.30 - 0.325)
    assert found["yes_margin"].value == pytest.approx(6 / 13 - 0.5)
    assert found["no_margin"].value == pytest.approx(0.5)
    assert se(found["best_case_low"], ONE(20)) == pytest.approx((0.65 * 0.35 / 19) ** 0.5 / 2)


def test_right_too_gloomy_and_too_hopeful_are_everybody():
    """Three shares that add up to one."""
    found = verdicts(SAID < CAME, SAID == CAME, ONE(8))
    values = {name: each.value for name, each in found.items()}
    assert values == {"right_share": 5 / 8, "too_gloomy_share": 2 / 8, "too_hopeful_share": 1 / 8}


def test_a_direction_needs_a_change_beyond_the_threshold():
    """Five per cent exactly is the same; a loss that halves rises; what is missing has no direction."""
    now, then = np.array([100.0, 100, 100, -100, np.nan, 0]), np.array([105.0, 94, 106, -50, 1, 1])
    assert direction(now, then, 0.05).tolist() == ["same", "fall", "rise", "rise", "", "rise"]


def test_a_band_of_logarithms_is_alike_upwards_and_downwards():
    """95.2 for 100 is as much a same as 105 is (1/1.05); 95 is a fall. Zero and losses have no logarithm."""
    now, then = np.array([100, 100, 100, 100, 0.0, 100, -10]), np.array([95, 95.2, 105, 106, 10, 0.0, 5])
    assert direction(now, then, 0.05, "log").tolist() == ["fall", "same", "same", "rise", "", "", ""]


def test_the_unseen_are_stood_for_by_those_like_them():
    """Of one group half is seen (all events), of another all (none): 1/2, where the seen alone say 1/3."""
    group = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    seen = np.array([True, True, False, False, True, True, True, True])
    found = Seen.of(seen, [group], ONE(8)).mean((group == 0).astype(float), np.ones(8, dtype=bool))
    assert found.value == pytest.approx(0.5, rel=1e-3)
    assert found.n == 6


def test_where_all_are_seen_the_weights_change_nothing():
    """Without censoring the mean is the plain one, with its plain standard error."""
    y = np.arange(8.0)
    found = Seen.of(np.ones(8, dtype=bool), [np.arange(8) % 2], ONE(8)).mean(y, np.ones(8, dtype=bool))
    assert (found.value, se(found, ONE(8))) == pytest.approx((3.5, np.std(y, ddof=1) / 8**0.5))


def test_the_estimated_propensity_is_part_of_the_error():
    """A covariate that says all there is to say about the outcome takes most of the variance out (Beaumont 2005)."""
    draw = np.random.default_rng(11)
    group = draw.integers(0, 2, 4000)
    seen = draw.random(4000) < np.where(group == 1, 0.8, 0.4)
    y = np.where(group == 1, 1.0, 0.0)
    found = Seen.of(seen, [group], ONE(4000)).mean(y, np.ones(4000, dtype=bool))
    assert found.value == pytest.approx(group.mean(), abs=1e-4)
    assert se(found, ONE(4000)) == pytest.approx(np.sqrt(0.25 / 4000), rel=0.05)


def test_what_leavers_would_have_to_be_like():
    """60 % predicted, 40 % of the half seen: the others would have to be at 80 %, 40 points above."""
    said = (np.arange(20) < 12).astype(float)
    seen = np.arange(20) % 2 == 0
    came = np.isin(np.arange(20), (0, 2, 4, 6)).astype(float)
    found = leavers(said, came, seen, np.ones(20, dtype=bool), ONE(20))
    assert (found.share.value, found.needed.value, found.apart.value) == pytest.approx((0.5, 0.8, 0.4))
    assert found.needed.n == 10


def said_of(p) -> Said:
    """Return probabilities as what was said."""
    values = np.array(p, dtype=float)
    return Said(np.full(len(values), "", dtype=object), values)


def test_revisions_of_a_probability():
    """.2 .4 .6 became .4 .4 .4: mean nought, slope -1; one down, one the same, one up."""
    found = revisions(said_of([0.2, 0.4, 0.6]), said_of([0.4, 0.4, 0.4]), ONE(3))
    values = {name: each.value for (name, _), each in found.items()}
    assert values == pytest.approx(
        {"revision_mean": 0, "revision_slope": -1, "revised_down_share": 1 / 3, "revised_same_share": 1 / 3,
         "revised_up_share": 1 / 3}
    )  # fmt: skip


def test_those_who_could_not_say_may_say_now():
    """Of two for whom it was impossible to predict, one predicts a fall a wave later."""
    before = Said(np.array(["unclear", "unclear", "fall"], dtype=object), np.full(3, np.nan))
    after = Said(np.array(["fall", "unclear", "fall"], dtype=object), np.full(3, np.nan))
    found = revisions(before, after, ONE(3))
    assert found["clear_now_share", None].value == 0.5
    assert found["revised_same_share", "same"].value == 1.0


def test_the_martingale_test_rejects_as_often_as_it_says():
    """Of 400 samples in which nobody can know, about 5 % are rejected; drift and regression to the mean are found."""
    draw = np.random.default_rng(5)

    def p_value(drift: float, pull: float) -> float:
        first = draw.uniform(0.2, 0.8, 150)
        second = first + drift - pull * (first - 0.5) + draw.normal(0, 0.1, 150)
        found = revisions(said_of(first), said_of(second), ONE(150))
        return martingale_p(found["revision_mean", None], found["revision_slope", None], ONE(150), plain(150))

    rejected = np.mean([p_value(0, 0) < 0.05 for _ in range(400)])
    assert 0.02 < rejected < 0.09
    assert p_value(0.05, 0) < 0.001
    assert p_value(0, 0.4) < 0.001


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.booleans(), st.integers(1, 9)), min_size=3, max_size=40))
def test_laws_of_the_scores(rows):
    """The parts add up to the score, doubling every weight changes nothing, and linearised variables sum to nought."""
    p, o, w = (np.array(each, dtype=float) for each in zip(*rows, strict=True))
    found, doubled = scores(p / 100, o, w), scores(p / 100, o, 2 * w)
    parts = [found[name].value for name in ("reliability", "resolution", "uncertainty", "within_bin")]
    assert parts[0] - parts[1] + parts[2] + parts[3] == pytest.approx(found["brier"].value, abs=1e-12)
    for name, each in found.items():
        assert each.value == pytest.approx(doubled[name].value, rel=1e-6, abs=1e-9), name
        assert float((w * each.linear).sum()) == pytest.approx(0, abs=1e-6), name


@pytest.mark.parametrize("share", [0.08, 0.3, 0.48, 0.7])
def test_the_interval_of_uncertainty_is_that_of_the_share(share):
    """The product at the ends of the share's interval, on either side of one half; a quarter where half is inside."""
    se, degrees = 0.02, 700
    low, high = logit_interval(min(share, 1 - share), se, degrees, 500.0)
    wanted = (low * (1 - low), 0.25 if high >= 0.5 else high * (1 - high))
    found = uncertainty_interval(share * (1 - share), abs(1 - 2 * share) * se, degrees, 500.0)
    assert found == pytest.approx(wanted, rel=1e-9)
    assert found[0] < share * (1 - share) <= found[1] <= 0.25


def test_the_interval_of_uncertainty_at_one_half():
    """Half of all: the error of the product is nothing, its interval is not, and ends at a quarter."""
    low, high = uncertainty_interval(0.25, 0.0, 700, 500.0)
    assert high == 0.25
    assert 0.24 < low < 0.25
