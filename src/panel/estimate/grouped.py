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
from panel.estimate.split import Mass, Split


@dataclass(frozen=True)
class Grouped:
    """
    A number for each group, and how a row of a group would move it.

    `split` says which rows are in which group, and `pull` has the linearised variable of each of them. `n` counts the
    rows of a group, `n_eff` is Kish's effective number of them. A group without rows, or with weights of zero only, is
    not `there`, and its numbers mean nothing. A quantile has the `se`, `low` and `high` of Woodruff's interval.
    """

    value: np.ndarray
    n: np.ndarray
    n_eff: np.ndarray
    there: np.ndarray
    split: Split
    pull: np.ndarray
    se: np.ndarray | None = None
    low: np.ndarray | None = None
    high: np.ndarray | None = None

    @property
    def count(self) -> int:
        """Return the number of groups."""
        return len(self.value)

    @property
    def rows(self) -> np.ndarray:
        """Return the places of the rows that are in any group."""
        return self.split.rows

    @property
    def owner(self) -> np.ndarray:
        """Return the group of each of the rows."""
        return self.split.owner


def means(y: np.ndarray, weights: np.ndarray, split: Split) -> Grouped:
    """
    Return the weighted mean of `y` in each group; a share, where y is 0 and 1.

    Source: Särndal, Swensson and Wretman (1992), eq. 5.6.8. Oracle: o05 (change_income_by_status), o07.

    Args:
        y: a number a row; anything for rows in no group.
        weights: a weight a row.
        split: the rows in groups.
    """
    return _means(split.at(y), split, split.mass(weights))


def _means(own: np.ndarray, split: Split, mass: Mass) -> Grouped:
    value = split.sums(mass.row * own) / np.where(mass.there, mass.held, 1.0)
    pull = own - np.take(value, split.owner)
    pull *= mass.inverse
    return Grouped(value, split.n, mass.n_eff, mass.there, split, pull)


def of_each(
    estimator: Callable[[np.ndarray, np.ndarray, np.ndarray], Estimand],
    y: np.ndarray,
    weights: np.ndarray,
    split: Split,
    rising: np.ndarray,
) -> Grouped:
    """
    Return what an estimator gives for each group by itself; a group that it has no meaning for is not there.

    It gets the rows of the group only, in rising order of `y`: what sorts them has little to do.

    Args:
        estimator: of values, weights and who is inside (a mask), such as those of `panel.estimate.inequality`.
        y: a number a row; anything for rows in no group.
        weights: a weight a row.
        split: the rows in groups.
        rising: the places of `y` in rising order.
    """
    ordered = _ordered(split, y, weights, rising)
    numbers, there = np.zeros((3, split.count)), np.zeros(split.count, dtype=bool)
    pull = np.zeros(len(split.rows))
    for place, own in enumerate(ordered.groups):
        with suppress(EstimateError):
            found = estimator(own.y, own.weights, np.ones(len(own.y), dtype=bool))
            numbers[:, place], there[place] = (found.value, found.n, found.n_eff), True
            pull[own.places] = found.linear
    return Grouped(numbers[0], numbers[1].astype(np.int64), numbers[2], there, split, pull)


@dataclass(frozen=True)
class _Ordered:
    """The rows of one group in rising order: their values and weights, these cumulated, and their places in a split."""

    y: np.ndarray
    weights: np.ndarray
    cumulated: np.ndarray
    places: np.ndarray


@dataclass(frozen=True)
class _Order:
    groups: tuple[_Ordered, ...]
    sources: tuple[np.ndarray, ...]  # kept, so that no other arrays take their place in memory


def _ordered(split: Split, y: np.ndarray, weights: np.ndarray, rising: np.ndarray) -> _Order:
    """Return the rows of each group in rising order."""
    sources = (y, weights, rising)

    def made() -> _Order:
        places = rising
        if not split.is_whole:
            where = np.full(len(y), -1, dtype=np.int32)
            where[split.rows] = np.arange(len(split.rows), dtype=np.int32)
            places = np.take(where, rising)
            places = places[places >= 0]
        own = np.take(split.owner, places).astype(np.int16 if split.count < 1 << 15 else np.int32)
        places = np.take(places, np.argsort(own, kind="stable"))
        values, weight = (np.take(split.at(each), places) for each in (y, weights))
        edges = np.concatenate([[0], np.cumsum(split.n)])
        spans = [slice(start, stop) for start, stop in pairwise(edges)]
        groups = (_Ordered(values[at], weight[at], np.cumsum(weight[at]), places[at]) for at in spans)
        return _Order(tuple(groups), sources)

    return split.made(("order", *map(id, sources)), made)


def quantiles(
    y: np.ndarray,
    weights: np.ndarray,
    split: Split,
    rising: np.ndarray,
    *,
    variance: Callable[[Grouped], np.ndarray],
    reach: Callable[[Grouped], np.ndarray],
    p: float = 0.5,
) -> Grouped:
    """
    Return a weighted quantile of each group with Woodruff's interval; see `panel.estimate.estimators.quantile`.

    Args:
        y: a number a row; anything for rows in no group.
        weights: a weight a row.
        split: the rows in groups.
        rising: the places of `y` in rising order; that among equal values does not matter, only their sum is read.
        variance: gives the variance of the mean of each group.
        reach: gives the t quantile of each group.
        p: which quantile.
    """
    spread = [(each.y, each.cumulated) for each in _ordered(split, y, weights, rising).groups]
    has = [len(total) > 0 and total[-1] > 0 for _, total in spread]
    value = np.array([at_share(*each, p) if ok else 0.0 for ok, each in zip(has, spread, strict=True)])
    below = _means((split.at(y) <= np.take(value, split.owner)).astype(float), split, split.mass(weights))
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
        value, below.n, below.n_eff, below.there, split, -below.pull * np.take(slope, split.owner), se, low, high
    )
