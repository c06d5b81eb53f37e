"""
Functions of several estimates, by the delta method on their joint covariance.

    V(f) = g' V g, g the gradient of f at the estimates

Source: Wolter (2007), Introduction to Variance Estimation, ch. 6; the gradient of a function without one by the
complex step, Squire and Trapp (1998), SIAM Review 40. Oracles: o04 and o05.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from panel.errors import EstimateError
from panel.estimate.kernel import Design, Lonely, covariance, t_quantile

STEP = 1e-30
"""The complex step: so small that its square vanishes, so that no digit is lost to it."""
SMOOTH = 1e-4
"""How far the complex step and a plain difference may lie apart, relative, before a function counts as not smooth."""


@dataclass(frozen=True)
class Contrast:
    """A function of several estimates, with its standard error by the delta method, and how it moves with each."""

    value: float
    se: float
    slope: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)

    def interval(self, degrees: int, level: float = 0.95) -> tuple[float, float]:
        """Return the interval value -/+ t se."""
        reach = t_quantile(degrees, level) * self.se
        return self.value - reach, self.value + reach


@dataclass(frozen=True)
class Joint:
    """
    Estimates that belong together: their values, covariance and degrees of freedom.

    A contrast of one's own is a function of the values in the order of `names`:

        joint = Joint.of(design, {"zzp": (16049.1, influence_zzp), "employee": (19163.2, influence_employee)})
        joint.contrast(lambda v: v[0] / v[1])
    """

    names: tuple[str, ...]
    values: np.ndarray
    matrix: np.ndarray
    degrees: int

    @classmethod
    def of(
        cls, design: Design, found: Mapping[str, tuple[float, np.ndarray]], *, lonely: Lonely | None = None
    ) -> Joint:
        """
        Return the joint estimates of one design.

        Args:
            design: of all rows.
            found: by name the value and its weighted influence (weight times linearised variable, calibration
                credited: `Sample.influence`), a number a row, zero outside the domain.
            lonely: what a stratum with one PSU does; the design's own choice where not told.
        """
        totals = np.stack([design.totals(influence) for _, influence in found.values()], axis=1)
        inside = np.logical_or.reduce([influence != 0 for _, influence in found.values()])
        return cls(
            tuple(found),
            np.array([value for value, _ in found.values()]),
            covariance(totals, design, lonely=lonely),
            design.degrees_of_freedom(inside),
        )

    def contrast(
        self, function: Callable[[np.ndarray], float], gradient: Callable[[np.ndarray], np.ndarray] | None = None
    ) -> Contrast:
        """Return a function of the values with its standard error; see the function `contrast`."""
        return contrast(self.values, self.matrix, function, gradient)


def contrast(
    values: np.ndarray,
    matrix: np.ndarray,
    function: Callable[[np.ndarray], float],
    gradient: Callable[[np.ndarray], np.ndarray] | None = None,
) -> Contrast:
    """
    Return a function of estimates with its standard error.

    Args:
        values: the k estimates.
        matrix: their covariance.
        function: takes the values, an array of k, and returns a number. Without `gradient` it must be smooth and
            written in arithmetic and NumPy functions that know complex numbers (`np.log`, `np.exp`, `**`).
        gradient: takes the values and returns the k derivatives.

    Raises:
        EstimateError: the function has no finite value or slope there, or its slope cannot be trusted because it
            takes absolute values, compares, or rounds.
    """
    values = np.asarray(values, dtype=float)
    with np.errstate(all="ignore"):
        value = float(np.real(function(values)))
        slope = np.asarray(gradient(values), dtype=float) if gradient else complex_step(function, values)
    if not (np.isfinite(value) and np.isfinite(slope).all()):
        raise EstimateError(
            "The contrast has no finite value or slope at these estimates: it divides by zero, or leaves its domain.",
            fix="check the levels it starts from",
        )
    return Contrast(value, float(np.sqrt(max(slope @ matrix @ slope, 0.0))), slope)


def complex_step(function: Callable[[np.ndarray], float], values: np.ndarray) -> np.ndarray:
    """
    Return the derivatives of a function by the complex step, held against plain differences.

    Raises:
        EstimateError: both lie apart, as where the function is not smooth.
    """
    slope = np.zeros(len(values))
    for place, value in enumerate(values):
        stepped = values.astype(complex)
        stepped[place] += 1j * STEP
        slope[place] = np.imag(function(stepped)) / STEP
        reach = 1e-6 * (abs(value) or 1.0)
        up, down = (values + sign * reach * (np.arange(len(values)) == place) for sign in (1, -1))
        plain = float(np.real(function(up) - function(down))) / (2 * reach)
        noise = 1e-9 * abs(float(np.real(function(values)))) / reach
        if np.isfinite(plain) and abs(plain - slope[place]) > SMOOTH * max(abs(plain), abs(slope[place])) + noise:
            raise EstimateError(
                f"The slope of the contrast in value {place + 1} cannot be trusted: by the complex step it is "
                f"{slope[place]:g}, by plain differences {plain:g}.",
                fix="give its gradient, or write it without abs, comparisons and rounding",
            )
    return slope


def difference(values: np.ndarray, matrix: np.ndarray) -> Contrast:
    """Return the second of two estimates less the first: a net change, or a gap. Oracle: o04, o05."""
    return contrast(values, matrix, lambda v: v[1] - v[0], lambda _: np.array([-1.0, 1.0]))


def relative(values: np.ndarray, matrix: np.ndarray) -> Contrast:
    """Return the change of the second of two estimates relative to the first. Oracle: o04, o05 (pct)."""
    if values[0] == 0:
        raise EstimateError("The first level is zero, so a relative change has no meaning.")
    return contrast(values, matrix, lambda v: v[1] / v[0] - 1, lambda v: np.array([-v[1] / v[0] ** 2, 1 / v[0]]))


def log_change(values: np.ndarray, matrix: np.ndarray) -> Contrast:
    """Return the logarithm of the ratio of the second of two estimates to the first. Oracle: o04 (logratio)."""
    if not np.all(np.asarray(values) > 0):
        raise EstimateError("A level is zero or less, so a change of its logarithm has no meaning.")
    return contrast(values, matrix, lambda v: np.log(v[1] / v[0]), lambda v: np.array([-1 / v[0], 1 / v[1]]))


def difference_in_differences(values: np.ndarray, matrix: np.ndarray) -> Contrast:
    """
    Return how much more the first group changed than the second.

    Oracle: o05 (did_1_4).

    Args:
        values: first group then and now, second group then and now.
        matrix: their covariance.
    """
    slope = np.array([-1.0, 1.0, 1.0, -1.0])
    return contrast(values, matrix, lambda v: slope @ v, lambda _: slope)


def gap_change(values: np.ndarray, matrix: np.ndarray) -> Contrast:
    """Return the change of the ratio of two groups: first group over second, then and now. Oracle: o05 (gap_ratio)."""
    if values[2] == 0 or values[3] == 0:
        raise EstimateError("A level of the second group is zero, so the ratio of the groups has no meaning.")
    return contrast(values, matrix, lambda v: v[1] / v[3] - v[0] / v[2])


def chain(links: Sequence[float] | np.ndarray, matrix: np.ndarray) -> Contrast:
    """Return the product of ratios between neighbouring waves, less one. Oracle: o05 (chained_index)."""
    return contrast(np.asarray(links, dtype=float), matrix, lambda v: np.prod(v) - 1)
