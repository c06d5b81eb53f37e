"""Every estimator is a value and its influence: what each row, were it weighted a little more, would do to it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from panel.errors import EstimateError, UnknownKey, did_you_mean
from panel.estimate.kernel import Design, covariance, t_quantile
from panel.estimate.quantile_rules import quantile_by
from panel.estimate.share_intervals import WAYS, Share, by_mean

INTERVALS = tuple(WAYS)


@dataclass(frozen=True)
class Estimand:
    """
    A value and its linearised variable, a number a row; rows outside the domain have zero.

    `n` counts the rows that make the denominator, `n_eff` is Kish's effective number of them.
    """

    value: float
    linear: np.ndarray
    n: int
    n_eff: float
    rows: np.ndarray


def kish(weights: np.ndarray) -> float:
    """Return the effective n of weights: (sum w)^2 / sum w^2. Source: Kish (1965), Survey Sampling."""
    squares = float(np.sum(weights**2))
    return float(np.sum(weights)) ** 2 / squares if squares else 0.0


def ratio(y: np.ndarray, x: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """
    Return sum wy / sum wx over `rows`; u = (y - R x) / sum wx.

    Source: Särndal, Swensson and Wretman (1992), eq. 5.6.8. Oracle: o01.

    Args:
        y: a number a row; may be anything outside `rows`.
        x: the same.
        weights: a weight a row.
        rows: a mask: who is in the domain and answered.

    Raises:
        EstimateError: nobody is in the domain, or its denominator is zero.
    """
    return _ratio(y, x, weights, rows)


def _ratio(y: np.ndarray, x: np.ndarray | None, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    places = np.flatnonzero(rows)
    inside, above = weights[places], y[places]
    below = 1.0 if x is None else x[places]
    total = float((inside * below).sum())
    if total == 0:
        raise EstimateError("The domain is empty: nobody in it answered, or all weights are zero.")
    value = float((inside * above).sum()) / total  # not by `@`: see kernel
    linear = np.zeros(len(weights))
    linear[places] = (above - value * below) / total
    return Estimand(value, linear, len(places), kish(inside), rows)


def mean(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """Return the weighted mean of `y` over `rows`; a share, where y is 0 and 1. See `ratio`. Oracle: o01, o05."""
    return _ratio(y, None, weights, rows)


def total(y: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> Estimand:
    """Return the weighted total of `y` over `rows`; u = y. Oracle: o01."""
    linear = np.where(rows, y, 0.0)
    inside = weights[rows]
    return Estimand(float((inside * y[rows]).sum()), linear, int(rows.sum()), kish(inside), rows)


@dataclass(frozen=True)
class Quantile(Estimand):
    """A quantile; its interval is Woodruff's, not symmetric."""

    low: float
    high: float
    se: float


def quantile_point(y: np.ndarray, weights: np.ndarray, p: float) -> float:
    """Return inf{y: F(y) >= p}, the weighted quantile by its definition (R's "math", Hyndman and Fan's type 1)."""
    order = np.argsort(y, kind="stable")
    return at_share(y[order], np.cumsum(weights[order]), p)


def at_share(ordered: np.ndarray, cumulated: np.ndarray, p: float) -> float:
    """Return the first of values in rising order at which the weights cumulated so far reach a share of them all."""
    wanted = min(max(p, 0.0), 1.0) * cumulated[-1]
    place = int(np.searchsorted(cumulated, wanted * (1 - 1e-12), side="left"))
    return float(ordered[min(place, len(ordered) - 1)])


def quantile(
    y: np.ndarray, weights: np.ndarray, rows: np.ndarray, design: Design, *, p: float = 0.5,
    influence: object = None, rule: str = "math", interval: str = "mean",
) -> Quantile:  # fmt: skip
    """
    Return a weighted quantile with Woodruff's interval; SE = (high - low) / (2 t).

    The interval is that of the share at or below the quantile, carried back through the distribution. The linearised
    variable is -(1(y <= q) - p) / (N f), the density f being the one that makes the kernel give this SE: a change of
    quantiles then keeps the covariance between waves.

    Source: Woodruff (1952), JASA 47. Oracle: o02 (twelve rules; interval types "mean", "xlogit", "beta").

    Args:
        y: a number a row.
        weights: a weight a row.
        rows: a mask: who is in the domain and answered.
        design: PSUs and strata of all rows.
        p: which quantile.
        influence: turns a linearised variable into weighted influence, with calibration credited; weights by default.
        rule: how a quantile lies between values, one of `panel.estimate.quantile_rules.RULES`.
        interval: how the interval of the share is made: "mean" (share -/+ t se), "xlogit", "beta", "asin", "wilson"
            or "likelihood"; see `panel.estimate.share_intervals`.

    Raises:
        EstimateError: nobody is in the domain.
        UnknownKey: there is no such rule or interval.
    """
    if not rows.any() or weights[rows].sum() == 0:
        raise EstimateError("The domain is empty: nobody in it answered, or all weights are zero.")
    places = np.flatnonzero(rows)
    inside, own = weights[places], y[places]
    order = np.argsort(own, kind="stable")
    ordered, heavy = own[order], inside[order]
    value = quantile_by(rule, ordered, heavy, p)
    below = mean((y <= value).astype(float), weights, rows)
    weighted = weights * below.linear if influence is None else influence(below.linear)  # type: ignore[operator]
    se_share = float(np.sqrt(covariance(design.totals(weighted), design)[0, 0]))
    degrees = design.degrees_of_freedom(rows)
    edges = share_interval(interval, below, se_share, degrees)
    low, high = (quantile_by(rule, ordered, heavy, edge) for edge in edges)
    se = (high - low) / (2 * t_quantile(degrees))
    density = se_share / se if se > 0 else np.inf
    linear = np.zeros(len(weights))
    if np.isfinite(density):
        linear[places] = (below.value - (own <= value)) / (float(heavy.sum()) * density)
    return Quantile(value, linear, len(places), kish(inside), rows, low, high, se)


def share_interval(kind: str, share: Estimand, se: float, degrees: int) -> tuple[float, float]:
    """
    Return the interval of a share by one of `INTERVALS`; see `panel.estimate.share_intervals`.

    Where all or nobody say so, or there is no error, the share -/+ t se: no other way has a meaning there.

    Raises:
        UnknownKey: there is no such interval.
    """
    if kind not in INTERVALS:
        raise UnknownKey(f"There is no interval '{kind}'.", fix=did_you_mean(kind, INTERVALS))
    way = WAYS[kind] if 0 < share.value < 1 and se > 0 else by_mean
    return way(Share(value=share.value, se=se, n=share.n, degrees=degrees))


def logit_interval(share: float, se: float, degrees: int, n_eff: float, level: float = 0.95) -> tuple[float, float]:
    """
    Return the interval of a share that stays between 0 and 1, of 95 % or another level.

    By the logit: logit(p) -/+ t se / (p (1 - p)). Where all or nobody say so, and the logit has no meaning, by the
    exact binomial interval at the effective n (Korn and Graubard 1998, Survey Methodology 24). Oracle: o04, o07.
    """
    from scipy.special import betaincinv  # a twentieth of the time that stats.beta.ppf takes for one number

    if 0 < share < 1 and se > 0:
        middle = math.log(share / (1 - share))
        reach = t_quantile(degrees, level) * se / (share * (1 - share))
        return _expit(middle - reach), _expit(middle + reach)
    count, outside = share * n_eff, (1 - level) / 2
    low = 0.0 if share == 0 else float(betaincinv(count, n_eff - count + 1, outside))
    high = 1.0 if share == 1 else float(betaincinv(count + 1, n_eff - count, 1 - outside))
    return low, high


def _expit(x: float) -> float:
    """Return 1 / (1 + exp(-x)), 0 where that is too small to be a number."""
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0
