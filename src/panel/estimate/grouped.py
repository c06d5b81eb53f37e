"""
An estimate of every group of a grouping at once: each a value and the influence of the rows of its own group.

The estimators of `panel.estimate.estimators`, for groups no row is in two of; held to them, one by one, in
tests/unit/test_grouped.py.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from panel.errors import EstimateError
from panel.estimate.estimators import Estimand, at_share


@dataclass(frozen=True)
class Grouped:
    """
    A number for each group, and how a row of a group would move it.

    `rows` are the places of the rows that are in any group, `owner` the group of each and `pull` its linearised
    variable. `n` counts the rows of a group, `n_eff` is Kish's effective number of them. A group without rows, or with
    weights of zero only, is not `there`, and its numbers mean nothing. A quantile has the `se`, `low` and `high` of
    Woodruff's interval.
    """

    value: np.ndarray
    n: np.ndarray
    n_eff: np.ndarray
    there: np.ndarray
    rows: np.ndarray
    owner: np.ndarray
    pull: np.ndarray
    se: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    @property
    def count(self) -> int:
        """Return the number of groups."""
        return len(self.value)


def means(y: np.ndarray, weights: np.ndarray, codes: np.ndarray, count: int) -> Grouped:
    """
    Return the weighted mean of `y` in each group; a share, where y is 0 and 1.

    Source: Särndal, Swensson and Wretman (1992), eq. 5.6.8. Oracle: o05 (change_income_by_status), o07.

    Args:
        y: a number a row; anything where the code is -1.
        weights: a weight a row.
        codes: the group of each row, from 0 to `count` - 1, or -1.
        count: how many groups there are.
    """
    rows = np.flatnonzero(codes >= 0).astype(np.int32)
    owner, inside, own = codes[rows], weights[rows], y[rows]
    held = np.bincount(owner, weights=inside, minlength=count).astype(float, copy=False)  # whole where nobody is in
    there, safe = held > 0, np.where(held > 0, held, 1.0)
    value = np.bincount(owner, weights=inside * own, minlength=count) / safe
    return Grouped(
        value, np.bincount(owner, minlength=count), _kish(owner, inside, held), there, rows, owner,
        (own - value[owner]) / safe[owner],
    )  # fmt: skip


def of_each(
    estimator: Callable[[np.ndarray, np.ndarray, np.ndarray], Estimand],
    y: np.ndarray,
    weights: np.ndarray,
    codes: np.ndarray,
    count: int,
    rising: np.ndarray,
) -> Grouped:
    """
    Return what an estimator gives for each group by itself; a group that it has no meaning for is not there.

    It gets the rows of the group only, in rising order of `y`: what sorts them has little to do.

    Args:
        estimator: of values, weights and who is inside (a mask), such as those of `panel.estimate.inequality`.
        y: a number a row; anything where the code is -1.
        weights: a weight a row.
        codes: the group of each row, from 0 to `count` - 1, or -1.
        count: how many groups there are.
        rising: the places of `y` in rising order.
    """
    order, edges = _in_groups(codes, count, rising)
    numbers, there = np.zeros((3, count)), np.zeros(count, dtype=bool)
    pull = np.zeros(len(order))
    for place, (start, stop) in enumerate(pairwise(edges)):
        mine = order[start:stop]
        with suppress(EstimateError):
            found = estimator(y[mine], weights[mine], np.ones(len(mine), dtype=bool))
            numbers[:, place], there[place] = (found.value, found.n, found.n_eff), True
            pull[start:stop] = found.linear
    owner = np.repeat(np.arange(count, dtype=np.int32), np.diff(edges))
    inside = there[owner]
    return Grouped(
        numbers[0], numbers[1].astype(np.int64), numbers[2], there, order[inside], owner[inside], pull[inside]
    )


def _in_groups(codes: np.ndarray, count: int, rising: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the places of the rows in any group, group after group, each in rising order; and where groups begin."""
    order = rising[codes[rising] >= 0]
    own = codes[order].astype(np.int16 if count < 1 << 15 else np.int64)
    by_group = np.argsort(own, kind="stable")
    return order[by_group], np.searchsorted(own[by_group], np.arange(count + 1))


def _kish(owner: np.ndarray, weights: np.ndarray, held: np.ndarray) -> np.ndarray:
    squares = np.bincount(owner, weights=weights**2, minlength=len(held))
    return np.divide(held**2, squares, out=np.zeros_like(held), where=squares > 0)


def quantiles(
    y: np.ndarray,
    weights: np.ndarray,
    codes: np.ndarray,
    count: int,
    rising: np.ndarray,
    *,
    variance: Callable[[Grouped], np.ndarray],
    reach: Callable[[Grouped], np.ndarray],
    p: float = 0.5,
) -> Grouped:
    """
    Return a weighted quantile of each group with Woodruff's interval; see `panel.estimate.estimators.quantile`.

    Args:
        y: a number a row; anything where the code is -1.
        weights: a weight a row.
        codes: the group of each row, from 0 to `count` - 1, or -1.
        count: how many groups there are.
        rising: the places of `y` in rising order; that among equal values does not matter, only their sum is read.
        variance: gives the variance of the mean of each group.
        reach: gives the t quantile of each group.
        p: which quantile.
    """
    order, edges = _in_groups(codes, count, rising)
    parts = [order[start:stop] for start, stop in pairwise(edges)]
    spread = [(y[each], np.cumsum(weights[each])) for each in parts]
    has = [len(total) > 0 and total[-1] > 0 for _, total in spread]
    value = np.array([at_share(*each, p) if ok else 0.0 for ok, each in zip(has, spread, strict=True)])
    below = means((y <= value[codes]).astype(float), weights, codes, count)
    se_share, t = np.sqrt(variance(below)), reach(below)
    low, high = (
        np.array([
            at_share(*each, below.value[place] + sign * t[place] * se_share[place]) if has[place] else 0.0
            for place, each in enumerate(spread)
        ])
        for sign in (-1, 1)
    )  # fmt: skip
    se = (high - low) / (2 * t)
    slope = np.divide(se, se_share, out=np.zeros_like(se), where=se_share > 0)  # one over the density
    return Grouped(
        value, below.n, below.n_eff, below.there, below.rows, below.owner, -below.pull * slope[below.owner],
        se, low, high,
    )  # fmt: skip
