"""
Inequality of incomes: indices and their influence, so that levels, groups and change over waves come from one kernel.

Where an index needs a density at a quantile, it is the normal kernel estimate with the bandwidth sd / N^0.2, as the
official indicators use it. Incomes of zero and less count in the Gini index, quintile shares and poverty; the logs of
Theil, mean log deviation and Atkinson need incomes above zero, and take those only: `n` says how many they are.

Source: Deville (1999), Survey Methodology 25; Osier (2009), Survey Research Methods 3; Langel and Tillé (2013), JRSS A
176. Oracle: o08.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from panel.errors import EstimateError
from panel.estimate.estimators import Estimand, kish, quantile_point

Estimator = Callable[[np.ndarray, np.ndarray, np.ndarray], Estimand]
POVERTY_LINE = 0.6
"""The at-risk-of-poverty threshold, as a share of the median."""


def gini(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """
    Return the Gini index: sum_ij w_i w_j |y_i - y_j| / (2 N Y), exactly; ties and the scale of weights do not matter.

    Source: the linearised variable by Langel and Tillé (2013), eq. 3.6. Oracle: o08 (laeken, panel_gini_jkn).

    Args:
        y: a number a row; may be anything outside `rows`.
        weights: a weight a row.
        rows: a mask: who is in the domain and answered.

    Raises:
        EstimateError: nobody is in the domain, or the incomes do not add up to more than zero.
    """
    own, inside = _inside(y, weights, rows)
    size, total = float(inside.sum()), _total(inside * own)
    values, place = np.unique(own, return_inverse=True)
    held = np.bincount(place, weights=inside, minlength=len(values))
    up_to, mass = np.cumsum(held), np.cumsum(held * values)
    # what a row differs from all others by, in sum: y (2 C - N) + Y - 2 D
    apart = values * (2 * up_to - size) + total - 2 * mass
    value = float((held * apart).sum()) / (2 * size * total)
    linear = apart[place] / (size * total) - value / size - value * own / total
    return _estimand(value, linear, weights, rows)


def quintile_share_ratio(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """
    Return the income of those above the fourth quintile over that of those at or below the first. Oracle: o08 (qsr).

    See `gini` for arguments and errors.
    """
    own, inside = _inside(y, weights, rows)
    poor, rich = (_part_of_total(own, inside, p, above) for p, above in ((0.2, False), (0.8, True)))
    below = _total(inside * own * poor[0])
    above = float((inside * own * rich[0]).sum())
    value = above / below
    return _estimand(value, (rich[1] - value * poor[1]) / below, weights, rows)


def _part_of_total(own: np.ndarray, inside: np.ndarray, p: float, above: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return who is above a quantile, or not, and the linearised variable of their income."""
    edge = quantile_point(own, inside, p)
    among = own > edge if above else own <= edge
    moved = quantile_linear(own, inside, p)
    sign = -1.0 if above else 1.0
    return among, own * among + sign * _density(own, inside, edge, own) * moved


def percentile_ratio(upper: float, lower: float) -> Estimator:
    """Return the estimator of one quantile over another, such as P90 over P10; see `gini` for its arguments."""

    def found(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
        own, inside = _inside(y, weights, rows)
        below = quantile_point(own, inside, lower)
        if below <= 0:
            raise EstimateError(f"The {100 * lower:g}th percentile is {below:g}, so nothing has a ratio to it.")
        value = quantile_point(own, inside, upper) / below
        linear = (quantile_linear(own, inside, upper) - value * quantile_linear(own, inside, lower)) / below
        return _estimand(value, linear, weights, rows)

    return found


def poverty_threshold(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """Return 60 % of the median. Oracle: o08 (arpt). See `gini` for arguments and errors."""
    own, inside = _inside(y, weights, rows)
    value = POVERTY_LINE * quantile_point(own, inside, 0.5)
    return _estimand(value, POVERTY_LINE * quantile_linear(own, inside, 0.5), weights, rows)


def poverty_rate(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """Return the share at or below 60 % of the median of the same rows. Oracle: o08 (arpr). See `gini`."""
    own, inside = _inside(y, weights, rows)
    value, linear = _poverty(own, inside)
    return _estimand(value, linear, weights, rows)


def _poverty(own: np.ndarray, inside: np.ndarray) -> tuple[float, np.ndarray]:
    size, line = float(inside.sum()), POVERTY_LINE * quantile_point(own, inside, 0.5)
    value = float(inside[own <= line].sum()) / size
    moved = POVERTY_LINE * quantile_linear(own, inside, 0.5)
    return value, ((own <= line) - value) / size + _density(own, inside, line) * moved


def poverty_gap(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """
    Return by how much the median of those at risk of poverty lies below the threshold, relative to it.

    Oracle: o08 (rmpg). See `gini` for arguments and errors.
    """
    own, inside = _inside(y, weights, rows)
    size, line = float(inside.sum()), POVERTY_LINE * quantile_point(own, inside, 0.5)
    rate, moved_rate = _poverty(own, inside)
    poor = own <= line
    middle = quantile_point(own[poor], inside[poor], 0.5)
    moved_middle = (0.5 * moved_rate - ((own <= middle) - 0.5 * rate) / size) / _density(own, inside, middle)
    moved_line = POVERTY_LINE * quantile_linear(own, inside, 0.5)
    linear = -moved_middle / line + middle * moved_line / line**2
    return _estimand(1 - middle / line, linear, weights, rows)


def theil(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """Return Theil's index: the mean of (y / m) log(y / m), m the mean. Oracle: o08 (gei1). See `gini`."""
    own, inside, above = _above_zero(y, weights, rows)
    size, total, logs = float(inside.sum()), float((inside * own).sum()), float((inside * own * np.log(own)).sum())
    value = logs / total - np.log(total / size)
    linear = own * np.log(own) / total - logs / total**2 * own - own / total + 1 / size
    return _estimand(value, linear, weights, above)


def mean_log_deviation(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """Return the log of the mean less the mean of the logs. Oracle: o08 (gei0). See `gini`."""
    own, inside, above = _above_zero(y, weights, rows)
    size, total, logs = float(inside.sum()), float((inside * own).sum()), float((inside * np.log(own)).sum())
    linear = own / total - 1 / size - (np.log(own) - logs / size) / size
    return _estimand(float(np.log(total / size) - logs / size), linear, weights, above)


def atkinson(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """Return Atkinson's index at aversion 1: one less the geometric over the arithmetic mean. Oracle: o08 (atk1)."""
    found = mean_log_deviation(y, weights, rows)
    left = float(np.exp(-found.value))
    return Estimand(1 - left, left * found.linear, found.n, found.n_eff, found.rows)


def quantile_linear(y: np.ndarray, weights: np.ndarray, p: float) -> np.ndarray:
    """Return the linearised variable of a quantile, by the density at it."""
    edge = quantile_point(y, weights, p)
    return -((y <= edge) - p) / (float(weights.sum()) * _density(y, weights, edge))


def _density(y: np.ndarray, weights: np.ndarray, at: float, times: np.ndarray | None = None) -> float:
    """
    Return the density of `y` at a place, by a normal kernel; or that density times what rows there have of `times`.

    The latter is in sum over the population, not per head.
    """
    size = float(weights.sum())
    spread = float(np.sqrt(max((weights * y**2).sum() / size - ((weights * y).sum() / size) ** 2, 0.0)))
    if spread == 0:
        raise EstimateError("Everybody has the same income, so there is no density at it.")
    width = spread / size**0.2
    near = np.exp(-(((at - y) / width) ** 2) / 2) / np.sqrt(2 * np.pi) / width
    return float((near * weights).sum()) / size if times is None else float((near * weights * times).sum())


def _inside(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    inside = weights[rows]
    if not inside.sum() > 0:
        raise EstimateError("The domain is empty: nobody in it answered, or all weights are zero.")
    return np.asarray(y[rows], dtype=float), inside


def _above_zero(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    above = rows & (np.where(rows, y, 0.0) > 0)
    return (*_inside(y, weights, above), above)


def _total(amounts: np.ndarray) -> float:
    total = float(amounts.sum())
    if total <= 0:
        raise EstimateError("The incomes do not add up to more than zero, so shares of them have no meaning.")
    return total


def _estimand(value: float, linear: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    spread = np.zeros(len(weights))
    spread[rows] = linear
    return Estimand(float(value), spread, int(np.count_nonzero(rows)), kish(weights[rows]), rows)


ESTIMATORS: dict[str, Estimator] = {
    "gini": gini,
    "quintile_share_ratio": quintile_share_ratio,
    "p90_p10": percentile_ratio(0.9, 0.1),
    "p90_p50": percentile_ratio(0.9, 0.5),
    "p50_p10": percentile_ratio(0.5, 0.1),
    "poverty_rate": poverty_rate,
    "poverty_gap": poverty_gap,
    "theil": theil,
    "mean_log_deviation": mean_log_deviation,
    "atkinson": atkinson,
}
