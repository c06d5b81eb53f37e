"""The levels of every group wave by wave, and the change between any two, from one joint covariance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from panel.errors import EstimateError
from panel.estimate.contrasts import Contrast, difference, relative
from panel.estimate.estimators import logit_interval
from panel.estimate.grouped import Grouped, means, of_each
from panel.estimate.grouping import Grouping
from panel.estimate.inequality import ESTIMATORS
from panel.estimate.kernel import Design, covariance, t_quantile
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.sample import Sample


@dataclass(frozen=True, kw_only=True)
class Measure:
    """
    What is measured in each wave: a number a row, who answered, which statistic of it, and a label a group.

    Figures carry their influence where they are `is_joint`.
    """

    labels: Sequence[Label]
    statistic: str
    values: np.ndarray
    answered: np.ndarray
    in_real_terms: bool = False
    is_joint: bool = False


def series(sample: Sample, measure: Measure, groups: Grouping, waves: Sequence[int], *, method: str) -> list[Figure]:
    """
    Return the level of a measure for each group in each wave, and its change between every two of them.

    Levels of different waves share members, so changes take their standard errors from the joint covariance: the
    delta method on PSU totals over both waves. PSUs of all waves count, with zero where absent. A wave without anybody
    in the group has no figure.

    Source: kernel; oracle o05 (by_wave, change_all, change_by_status).

    Args:
        sample: cross-sectional weights of every wave.
        measure: what is measured.
        groups: who is in which, at each wave by the group they are in then.
        waves: wave numbers in order.
        method: how the intervals are meant: "design-based" or "model-assisted".
    """
    codes = np.where(measure.answered, groups.codes, -1)
    found = {wave: _found(sample, measure, codes, len(groups.keys), wave) for wave in waves}
    said = sample.design.said(method)
    return [
        figure
        for place, label in enumerate(measure.labels)
        for figure in _Series(sample, measure, label, place, found, said).figures()
    ]


@dataclass(frozen=True)
class _Wave:
    """The levels of every group in a wave, their influence by PSU, and the PSUs each group has anybody in."""

    level: Grouped
    totals: np.ndarray
    present: np.ndarray


def _found(sample: Sample, measure: Measure, codes: np.ndarray, count: int, wave: int) -> _Wave:
    part = sample.part(wave)
    values, own = measure.values[part.places], codes[part.places]
    if measure.statistic == "median":
        level = sample.quantiles(part, values, own, count)
    elif measure.statistic in ESTIMATORS:
        level = of_each(ESTIMATORS[measure.statistic], values, part.weight, own, count)
    else:
        level = means(values, part.weight, own, count)
    return _Wave(level, sample.totals_by_group(part, level), sample.present(part, level))


@dataclass(frozen=True)
class _Series:
    """The levels of one group in the waves that have anybody of it, and their covariance."""

    sample: Sample
    measure: Measure
    label: Label
    place: int
    waves: dict[int, _Wave]
    method: str

    def figures(self) -> Iterator[Figure]:
        """Yield the levels, and the changes between any two."""
        there = [wave for wave, each in self.waves.items() if each.level.there[self.place]]
        if not there:
            return
        matrix = covariance(np.stack([self.waves[wave].totals[self.place] for wave in there], axis=1), self.design)
        for at, wave in enumerate(there):
            yield self._level(wave, float(np.sqrt(matrix[at, at])))
        for pair in combinations(range(len(there)), 2):
            first, second = (there[at] for at in pair)
            yield from self._changes((first, second), matrix[np.ix_(pair, pair)])

    @property
    def design(self) -> Design:
        """Return the design of all waves together."""
        return self.sample.design

    def _degrees(self, *waves: int) -> int:
        return self.design.degrees(np.logical_or.reduce([self.waves[wave].present[self.place] for wave in waves]))

    def _level(self, wave: int, se: float) -> Figure:
        level, place, degrees = self.waves[wave].level, self.place, self._degrees(wave)
        value, n_eff = float(level.value[place]), float(level.n_eff[place])
        if level.se is not None and level.low is not None and level.high is not None:
            se, low, high = (float(each[place]) for each in (level.se, level.low, level.high))
        elif self.label.unit == "share":
            low, high = logit_interval(value, se, degrees, n_eff)
        else:
            reach = t_quantile(degrees) * se
            low, high = value - reach, value + reach
        return Figure(
            label=self.label,
            statistic=self.measure.statistic,
            wave=wave,
            estimate=value,
            se=se,
            low=low,
            high=high,
            n=int(level.n[place]),
            n_eff=n_eff,
            weight=f"{self.sample.label} {wave}",
            method=self.method,
            is_provisional=self.measure.in_real_terms and self.sample.is_provisional(wave),
            influence=self._influence([1.0], wave),
        )

    def _changes(self, waves: tuple[int, int], matrix: np.ndarray) -> Iterator[Figure]:
        values = np.array([self.waves[wave].level.value[self.place] for wave in waves])
        degrees = self._degrees(*waves)
        yield self._contrast(waves, "change", difference(values, matrix), degrees)
        if self.label.unit != "share":
            with suppress(EstimateError):
                yield self._contrast(waves, "relative_change", relative(values, matrix), degrees)

    def _contrast(self, waves: tuple[int, int], name: str, found: Contrast, degrees: int) -> Figure:
        reach, levels = t_quantile(degrees) * found.se, [self.waves[wave].level for wave in waves]
        unit = "points" if self.label.unit == "share" else self.label.unit
        return Figure(
            label=replace(self.label, unit="ratio" if name == "relative_change" else unit),
            statistic=name,
            from_wave=waves[0],
            wave=waves[1],
            estimate=found.value,
            se=found.se,
            low=found.value - reach,
            high=found.value + reach,
            n=int(min(each.n[self.place] for each in levels)),
            n_eff=float(min(each.n_eff[self.place] for each in levels)),
            weight=f"{self.sample.label} {waves[0]} and {waves[1]}",
            method=self.method,
            is_provisional=self.measure.in_real_terms and self.sample.is_provisional(*waves),
            influence=self._influence(_slope(name, [each.value[self.place] for each in levels]), *waves),
        )

    def _influence(self, slope: Sequence[float], *waves: int) -> Influence | None:
        """Return the influence of a contrast of waves, where it was asked for."""
        if not self.measure.is_joint:
            return None
        totals = [each * self.waves[wave].totals[self.place] for each, wave in zip(slope, waves, strict=True)]
        return Influence(np.sum(totals, axis=0), self.design, self._degrees(*waves))


def _slope(name: str, levels: Sequence[float]) -> list[float]:
    """Return how a change moves with the two levels it is of."""
    first, second = map(float, levels)
    return [-second / first**2, 1 / first] if name == "relative_change" else [-1.0, 1.0]
