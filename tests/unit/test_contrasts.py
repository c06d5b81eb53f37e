"""Contrasts of several estimates, by hand."""

import numpy as np
import pytest

from panel.errors import EstimateError
from panel.estimate.contrasts import Joint, chain, contrast, difference, gap_change, log_change, relative
from panel.estimate.kernel import Design

MATRIX = np.array([[4.0, 5.0], [5.0, 9.0]])
VALUES = np.array([10.0, 12.0])


def test_a_change_uses_the_covariance():
    """Variances 4 and 9 with covariance 5 leave 3 for the difference; as if independent it were 13."""
    found = difference(VALUES, MATRIX)
    assert (found.value, found.se) == pytest.approx((2.0, np.sqrt(3.0)))


def test_a_relative_change_by_the_delta_method():
    """12 over 10: gradient (-0.12, 0.1), so 0.0144 x 4 - 2 x 0.012 x 5 + 0.01 x 9 = 0.0276."""
    found = relative(VALUES, MATRIX)
    assert (found.value, found.se**2) == pytest.approx((0.2, 0.0276))


def test_a_log_change_by_the_delta_method():
    """Gradient (-1/10, 1/12): 0.04 - 2 x 5/120 + 9/144 = 0.019167."""
    found = log_change(VALUES, MATRIX)
    assert (found.value, found.se**2) == pytest.approx((np.log(1.2), 0.04 - 10 / 120 + 9 / 144))


@pytest.mark.parametrize(
    ("ask", "values"),
    [(relative, [0.0, 1.0]), (log_change, [0.0, 1.0]), (log_change, [1.0, -1.0]), (gap_change, [1.0, 1.0, 0.0, 1.0])],
)
def test_what_has_no_meaning_at_zero_is_refused(ask, values):
    """A change relative to nothing, a logarithm of nothing, a ratio to nothing: refused in words."""
    with pytest.raises(EstimateError, match="zero"):
        ask(np.array(values), np.eye(len(values)))


def test_a_chain_multiplies_its_links():
    """1.1 x 0.9 - 1 = -0.01, gradient (0.9, 1.1)."""
    found = chain([1.1, 0.9], MATRIX)
    assert (found.value, found.se**2) == pytest.approx((-0.01, 0.81 * 4 + 2 * 0.99 * 5 + 1.21 * 9))


def test_a_contrast_of_ones_own_needs_no_gradient():
    """The complex step gives the slope of any smooth function to the last digit: here that of v1 squared over v0."""
    by_hand = contrast(VALUES, MATRIX, lambda v: v[1] ** 2 / v[0], lambda _: np.array([-1.44, 2.4]))
    found = contrast(VALUES, MATRIX, lambda v: v[1] ** 2 / v[0])
    assert (found.value, found.se) == pytest.approx((by_hand.value, by_hand.se), rel=1e-14)


def test_a_contrast_that_is_not_smooth_is_refused():
    """The complex step sees no slope in an absolute value: that is said, and no wrong error given."""
    with pytest.raises(EstimateError, match="cannot be trusted"):
        contrast(VALUES, MATRIX, lambda v: abs(v[0] - v[1]))


def test_a_contrast_without_a_value_is_refused():
    """One over nothing is a sentence, never a NaN."""
    with pytest.raises(EstimateError, match="no finite value"):
        contrast(np.array([0.0, 1.0]), MATRIX, lambda v: v[1] / v[0])


def test_joint_estimates_of_a_design():
    """
    Three people, two estimates: totals 1, 2, 6 and 2, 1, 0.

    Variances 3/2 x 14 and 3/2 x 2, covariance 3/2 x (2 + 2 + 0 - 3 x 3 x 1) = -7.5; their sum has 21 + 3 - 15 = 9.
    """
    people = Design(np.arange(3), np.zeros(3, dtype=int), ("",), np.zeros(1))
    joint = Joint.of(people, {"a": (1.0, np.array([1.0, 2.0, 6.0])), "b": (2.0, np.array([2.0, 1.0, 0.0]))})
    assert joint.matrix == pytest.approx(np.array([[21.0, -7.5], [-7.5, 3.0]]))
    found = joint.contrast(lambda v: v[0] + v[1])
    assert (found.value, found.se, joint.degrees) == pytest.approx((3.0, 3.0, 2))
    assert found.interval(2) == pytest.approx((3 - 4.30265 * 3, 3 + 4.30265 * 3), rel=1e-5)
