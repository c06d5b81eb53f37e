"""Arithmetic on estimates: a function of several has the sum of their linearised variables, by its gradient."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from panel.estimate.estimators import Estimand, kish


def shares(codes: np.ndarray, count: int, weights: np.ndarray) -> list[Estimand]:
    """Return the share of each code from 0 to `count` - 1 among all rows."""
    return [average((codes == code).astype(float), weights) for code in range(count)]


def average(y: np.ndarray, weights: np.ndarray, rows: np.ndarray | None = None) -> Estimand:
    """
    Return the weighted mean of `y` over `rows`, all by default; u = (y - mean) / sum w.

    Source: Särndal, Swensson and Wretman (1992), eq. 5.6.8.
    """
    inside = np.ones(len(y), dtype=bool) if rows is None else rows
    total = float(weights[inside].sum())
    value = float((weights[inside] * y[inside]).sum()) / total
    linear = np.where(inside, y - value, 0.0) / total
    return Estimand(value, linear, int(np.count_nonzero(inside)), kish(weights[inside]), inside)


def combine(value: float, parts: Sequence[Estimand], gradient: Sequence[float]) -> Estimand:
    """
    Return a function of estimates from its value and its gradient there, by the delta method.

    Its denominator is that of the part with the fewest members; its rows are those of any part.
    """
    linear = np.zeros(len(parts[0].linear))
    for part, slope in zip(parts, gradient, strict=True):
        linear = linear + slope * part.linear
    least = min(parts, key=lambda part: part.n)
    rows = np.logical_or.reduce([part.rows for part in parts])
    return Estimand(value, linear, least.n, least.n_eff, rows)


def difference(one: Estimand, other: Estimand) -> Estimand:
    """Return the first of two estimates less the second."""
    return combine(one.value - other.value, [one, other], [1.0, -1.0])


def quotient(above: Estimand, below: Estimand) -> Estimand:
    """Return the first of two estimates over the second, which is not zero."""
    value = above.value / below.value
    return combine(value, [above, below], [1 / below.value, -value / below.value])


def slope(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Estimand | None:
    """
    Return the weighted least-squares slope of y on x; None where x does not vary.

    Source: Binder (1983), International Statistical Review 51, for its linearised variable.
    """
    total = weights.sum()
    dx, dy = (each - (weights * each).sum() / total for each in (x, y))
    spread = float((weights * dx**2).sum())
    if spread <= 1e-12 * total:
        return None
    value = float((weights * dx * dy).sum()) / spread
    everybody = np.ones(len(x), dtype=bool)
    return Estimand(value, dx * (dy - value * dx) / spread, len(x), kish(weights), everybody)
