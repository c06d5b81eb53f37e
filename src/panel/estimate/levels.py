"""The levels of every group wave by wave, and the change between any two, from one joint covariance."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
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
from panel.estimate.joint import Joint
from panel.estimate.kernel import t_quantile
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.sample import Sample

CovarianceOf = Callable[[int, int], np.ndarray]
"""Gives for each group the covariance of its estimates in two waves; its variance, of a wave with itself."""


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


def series(
    sample: Sample, measure: Measure, groups: Grouping, waves: Sequence[int], *, method: str,
    between: Sequence[tuple[int, int]] | None = None, varied: Callable[[Joint], CovarianceOf] | None = None,
) -> list[Figure]:  # fmt: skip
    """
    Return the level of a measure for each group in each wave, and its change between waves.

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
        between: the pairs of waves of which the change is told; every two of `waves` where not told.
        varied: gives another covariance than the kernel's (`panel.estimate.net_change`); `method` says which.
    """
    return several(sample, [measure], groups, waves, method=method, between=between, varied=varied)[0]


def several(
    sample: Sample, measures: Sequence[Measure], groups: Grouping, waves: Sequence[int], *, method: str,
    between: Sequence[tuple[int, int]] | None = None, varied: Callable[[Joint], CovarianceOf] | None = None,
) -> list[list[Figure]]:  # fmt: skip
    """Return `series` of each of several measures of the same groups: what waves share is found once for all."""
    pairs = list(combinations(waves, 2) if between is None else between)
    joints = [Joint(sample, {wave: _found(sample, each, groups, wave) for wave in waves}) for each in measures]
    covariances = [joint.covariance if varied is None else varied(joint) for joint in joints]
    said, errors = sample.design.said(method), _Errors.of(joints, waves, pairs, covariances)
    return [
        [
            figure
            for place, label in enumerate(measure.labels)
            for figure in _Series(joint, measure, label, place, own, said).figures()
        ]
        for measure, joint, own in zip(measures, joints, errors, strict=True)
    ]


def _found(sample: Sample, measure: Measure, groups: Grouping, wave: int) -> Grouped:
    part = sample.part(wave)
    values, known = (sample.of_part(each, part) for each in (measure.values, measure.answered))
    split = sample.split(part, groups.codes, len(groups.keys), known)
    if measure.statistic == "median":
        return sample.quantiles(part, values, split)
    if measure.statistic in ESTIMATORS:
        return of_each(ESTIMATORS[measure.statistic], values, part.weight, split, sample.rising(values))
    return means(values, part.weight, split)


@dataclass(frozen=True)
class _Errors:
    """Of every group: the covariance of its levels and the degrees of freedom, of each wave and each pair of waves."""

    pairs: list[tuple[int, int]]
    covariance: dict[tuple[int, int], np.ndarray]
    degrees: dict[tuple[int, int], np.ndarray]

    @classmethod
    def of(
        cls, joints: Sequence[Joint], waves: Sequence[int], pairs: list[tuple[int, int]],
        covariances: Sequence[CovarianceOf],
    ) -> list[_Errors]:  # fmt: skip
        """Return the errors of each of several measures; two waves after the other, for all of them."""
        out = [cls(pairs, {}, {}) for _ in joints]
        for each in (*((wave, wave) for wave in waves), *pairs):
            for errors, joint, covariance in zip(out, joints, covariances, strict=True):
                errors.covariance[each], errors.degrees[each] = covariance(*each), joint.degrees(*each)
        return out

    def matrix(self, pair: tuple[int, int], place: int) -> np.ndarray:
        """Return the covariance matrix of the levels of a group in two waves."""
        one, two = pair
        first, both, second = (self.covariance[each][place] for each in ((one, one), (one, two), (two, two)))
        return np.array([[first, both], [both, second]])


@dataclass(frozen=True)
class _Series:
    """The levels of one group in the waves that have anybody of it, and their covariance."""

    joint: Joint
    measure: Measure
    label: Label
    place: int
    errors: _Errors
    method: str

    def figures(self) -> Iterator[Figure]:
        """Yield the levels, and the changes between any two."""
        there = [wave for wave, each in self.waves.items() if each.there[self.place]]
        for wave in there:
            yield self._level(wave, float(np.sqrt(self.errors.covariance[wave, wave][self.place])))
        for pair in self.errors.pairs:
            if set(pair) <= set(there):
                yield from self._changes(pair, self.errors.matrix(pair, self.place))

    @property
    def sample(self) -> Sample:
        """Return the sample of all waves."""
        return self.joint.sample

    @property
    def waves(self) -> Mapping[int, Grouped]:
        """Return the levels of every group, by wave."""
        return self.joint.found

    def _degrees(self, one: int, two: int) -> int:
        return int(self.errors.degrees[one, two][self.place])

    def _level(self, wave: int, se: float) -> Figure:
        level, place, degrees = self.waves[wave], self.place, self._degrees(wave, wave)
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
        values = np.array([self.waves[wave].value[self.place] for wave in waves])
        degrees = self._degrees(*waves)
        yield self._contrast(waves, "change", difference(values, matrix), degrees)
        if self.label.unit != "share":
            with suppress(EstimateError):
                yield self._contrast(waves, "relative_change", relative(values, matrix), degrees)

    def _contrast(self, waves: tuple[int, int], name: str, found: Contrast, degrees: int) -> Figure:
        reach, levels = t_quantile(degrees) * found.se, [self.waves[wave] for wave in waves]
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
        totals = [each * self.joint.totals(self.place, wave) for each, wave in zip(slope, waves, strict=True)]
        return Influence(np.sum(totals, axis=0), self.sample.design, self._degrees(waves[0], waves[-1]))


def _slope(name: str, levels: Sequence[float]) -> list[float]:
    """Return how a change moves with the two levels it is of."""
    first, second = map(float, levels)
    return [-second / first**2, 1 / first] if name == "relative_change" else [-1.0, 1.0]
