"""Quantiles of a number in each wave by the rule and interval that are asked for, and how they changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError
from panel.estimate.between import Between
from panel.estimate.contrasts import difference, relative
from panel.estimate.decomposition import Amount
from panel.estimate.estimators import Quantile, quantile
from panel.estimate.grouping import Grouping
from panel.estimate.net_change import Redrawn
from panel.estimate.quantile_rules import quantile_by
from panel.estimate.rows import Figure, Label
from panel.estimate.sample import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Percentile:
    """Which quantile, how it lies between values, and how the interval of the share below it is made."""

    p: float = 0.5
    rule: str = "math"
    interval: str = "mean"

    def __post_init__(self) -> None:
        """Refuse a share outside 0 and 1."""
        if not 0 < self.p < 1:
            raise EstimateError("A quantile is at a share between 0 and 1.", fix="p=0.5 is the median")


def percentiles(
    sample: Sample, labels: Sequence[Label], amount: Amount, groups: Grouping, asked: Percentile, *, method: str,
    redrawn: Redrawn | None = None,
) -> list[Figure]:  # fmt: skip
    """
    Return a quantile of each group in both waves of an amount (or in one, where they are the same), and its change.

    The level has Woodruff's interval. The change is the difference of both, its error from the joint covariance by the
    densities that Woodruff's intervals imply, or from replicates where those are given, so that what waves share is
    subtracted; it is of the group's distribution, not of any member. `value` is the share below.

    Source: Woodruff (1952), JASA 47; Francisco and Fuller (1991), Annals of Statistics 19. Oracle: o02 (twelve rules,
    three intervals, medians by domain); change by coverage (`benchmarks/estimation_coverage.py`).

    Args:
        sample: cross-sectional weights of both waves.
        labels: what the figures of each group are about.
        amount: values by rows of the sample, NaN where missing; its waves.
        groups: who is in which, in each wave by the group of then.
        asked: the quantile.
        method: how the intervals are meant.
        redrawn: both waves drawn anew, for the error of the change.

    Raises:
        UnknownKey: there is no such rule or interval.
    """
    said = _Said.of(sample, f"{method}, rule {asked.rule}", asked, redrawn)
    words = [replace(each, value=f"{asked.p:g}") for each in labels]
    matrices = {} if redrawn is None else _redrawn(redrawn, amount, groups, asked)
    return [
        figure
        for place, label in enumerate(words)
        for figure in _of_group(sample, label, amount, groups.codes == place, asked, said, matrices.get(place))
    ]


@dataclass(frozen=True)
class _Said:
    """How the intervals of a level are meant, and those of a change."""

    level: str
    change: str

    @classmethod
    def of(cls, sample: Sample, method: str, asked: Percentile, redrawn: Redrawn | None) -> _Said:
        level = sample.design.said(f"{method}, interval {asked.interval}")
        return cls(level, level if redrawn is None else sample.design.said(f"{method}, {redrawn.convention}"))


def _redrawn(redrawn: Redrawn, amount: Amount, groups: Grouping, asked: Percentile) -> dict[int, np.ndarray]:
    codes = np.where(np.isfinite(amount.values), groups.codes, -1)
    return redrawn.of_quantiles(amount.values, codes, lambda y, weights: quantile_by(asked.rule, y, weights, asked.p))


def _of_group(
    sample: Sample, label: Label, amount: Amount, own: np.ndarray, asked: Percentile, said: _Said,
    matrix: np.ndarray | None,
) -> Iterator[Figure]:  # fmt: skip
    inside, found = own & np.isfinite(amount.values), {}
    for wave in dict.fromkeys(amount.waves):
        rows = inside & sample.rows(wave)
        if rows.any():
            found[wave] = _at(sample, amount.values, rows, wave, asked)
    for wave, each in found.items():
        yield Figure(
            label=label, statistic="quantile", wave=wave, estimate=each.value, se=each.se, low=each.low, high=each.high,
            n=each.n, n_eff=each.n_eff, weight=f"{sample.label} {wave}", method=said.level,
            is_provisional=amount.is_provisional,
        )  # fmt: skip
    if len(found) == 2:
        levels = list(found.values())
        whole = sample.covariance(*(each.linear for each in levels)) if matrix is None else matrix
        yield from _change(sample, label, amount, levels, whole, said.change)


def _at(sample: Sample, values: np.ndarray, rows: np.ndarray, wave: int, asked: Percentile) -> Quantile:
    return quantile(
        values, sample.weight, rows, sample.design, p=asked.p, rule=asked.rule, interval=asked.interval,
        influence=lambda linear: sample.influence(linear, wave),
    )  # fmt: skip


def _change(
    sample: Sample, label: Label, amount: Amount, found: list[Quantile], matrix: np.ndarray, method: str
) -> Iterator[Figure]:
    values = np.array([each.value for each in found])
    degrees = sample.design.degrees_of_freedom(np.logical_or.reduce([each.rows for each in found]))
    told = Between(
        waves=amount.waves, weight=f"{sample.label} {amount.waves[0]} and {amount.waves[1]}", method=method,
        is_provisional=amount.is_provisional,
    )  # fmt: skip
    least = min(found, key=lambda each: each.n)
    changes = [("quantile_change", label, difference(values, matrix))]
    if values[0] > 0:
        changes.append(("relative_quantile_change", replace(label, unit="ratio"), relative(values, matrix)))
    for name, words, each in changes:
        yield told.figure(
            words, name, value=each.value, se=each.se, degrees=degrees, n=least.n, n_eff=min(x.n_eff for x in found)
        )
