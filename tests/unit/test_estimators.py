"""Estimators on samples small enough for a pencil."""

import numpy as np
import pytest

from panel.errors import EstimateError
from panel.estimate.calibration import Calibration
from panel.estimate.estimators import kish, logit_interval, mean, quantile, quantile_point, ratio, total
from panel.estimate.kernel import Design
from panel.estimate.margins import Target

EVERYBODY = np.ones(4, dtype=bool)
Y, W = np.array([1.0, 2.0, 3.0, 10.0]), np.array([1.0, 1.0, 2.0, 4.0])


def people(count: int) -> Design:
    """Return a design of one stratum in which every row is a PSU."""
    return Design(np.arange(count), np.zeros(count, dtype=int), ("",), np.zeros(1))


def test_a_mean_and_its_influence():
    """1 + 2 + 6 + 40 over 8; each row moves it by its distance over 8."""
    found = mean(Y, W, EVERYBODY)
    assert found.value == pytest.approx(49 / 8)
    assert found.linear == pytest.approx((Y - 49 / 8) / 8)
    assert (found.n, found.n_eff) == (4, pytest.approx(64 / 22))


def test_rows_outside_the_domain_have_no_influence():
    """The mean of the first two is 1.5, whatever the others say, missing or not."""
    found = mean(np.array([1.0, 2.0, np.nan, 10.0]), W, np.array([True, True, False, False]))
    assert found.value == 1.5
    assert found.linear.tolist() == [-0.25, 0.25, 0.0, 0.0]


def test_a_total_and_a_ratio():
    """49 in total; over the doubled values, one half."""
    assert total(Y, W, EVERYBODY).value == 49
    assert ratio(Y, 2 * Y, W, EVERYBODY).value == 0.5


@pytest.mark.parametrize(("rows", "weights"), [(np.zeros(4, dtype=bool), W), (EVERYBODY, np.zeros(4))])
def test_an_empty_domain_is_a_sentence(rows, weights):
    """Nobody, or nobody with a weight, is refused: never a NaN."""
    for ask in (lambda: mean(Y, weights, rows), lambda: quantile(Y, weights, rows, people(4))):
        with pytest.raises(EstimateError, match="empty"):
            ask()


@pytest.mark.parametrize(
    ("p", "wanted"), [(0.125, 1.0), (0.126, 2.0), (0.5, 3.0), (0.51, 10.0), (1.0, 10.0), (0.0, 1.0)]
)
def test_a_quantile_is_the_first_value_that_reaches_its_share(p, wanted):
    """Shares at or below are 1/8, 2/8, 4/8 and 8/8."""
    assert quantile_point(Y, W, p) == wanted


def test_a_woodruff_interval():
    """
    Nineteen equal people: the median is the tenth, F is 10/19.

    Its variance is 10/19 x 9/19 / 18, its t 2.1009 on 18 degrees; 10/19 -/+ 0.2472 of 19 are 5.30 and 14.70, so the
    6th and the 15th.
    """
    found = quantile(np.arange(1.0, 20.0), np.ones(19), np.ones(19, dtype=bool), people(19))
    assert (found.value, found.low, found.high) == (10.0, 6.0, 15.0)
    assert found.se == pytest.approx(9 / (2 * 2.1009220402), rel=1e-9)


def test_the_influence_of_a_quantile_gives_back_its_standard_error():
    """The density is the one that makes the kernel agree with Woodruff, so that changes keep the covariance."""
    found = quantile(np.arange(1.0, 20.0), np.ones(19), np.ones(19, dtype=bool), people(19))
    spread = found.linear - found.linear.mean()
    assert np.sqrt(19 / 18 * spread @ spread) == pytest.approx(found.se, rel=1e-12)


def test_an_interval_of_a_share_stays_inside():
    """A share of 0.5 with se 0.1 reaches 2.228 x 0.4 on the logit: 0.2909 and 0.7091."""
    low, high = logit_interval(0.5, 0.1, 10, 30.0)
    assert (low, high) == (pytest.approx(1 / (1 + np.exp(0.891256)), rel=1e-5), pytest.approx(1 - low))


@pytest.mark.parametrize("count", [10, 200])
def test_all_or_nobody_has_an_exact_interval(count):
    """Of n people nobody: the upper end u has (1 - u)^n = 0.025; all is its mirror."""
    low, high = logit_interval(0.0, 0.0, count - 1, float(count))
    assert (low, high) == (0.0, pytest.approx(1 - 0.025 ** (1 / count)))
    assert logit_interval(1.0, 0.0, count - 1, float(count)) == pytest.approx((1 - high, 1.0))


def test_kish():
    """Weights 1, 1 and 2 are worth 16/6 people; nobody is worth none."""
    assert (kish(np.array([1.0, 1.0, 2.0])), kish(np.zeros(0))) == (pytest.approx(16 / 6), 0.0)


def test_calibration_leaves_what_the_margins_do_not_explain():
    """Groups with means 1.5 and 6.5 are known, so only distances from those count; rows outside stay as they are."""
    margins = [Target("sex", ("m", "f"), np.array([0, 0, 1, 1, 0]), np.array([0.5, 0.5]))]
    rows = np.array([True, True, True, True, False])
    found = Calibration.of(rows, margins, np.ones(5)).credited(np.array([1.0, 2.0, 3.0, 10.0, 7.0]))
    assert found == pytest.approx([-0.5, 0.5, -3.5, 3.5, 7.0])
