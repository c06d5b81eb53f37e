"""Levels wave by wave, and the change between any two, from one joint covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from panel.errors import EstimateError
from panel.estimate.contrasts import Contrast, difference, relative
from panel.estimate.estimators import Estimand, Quantile, logit_interval, mean, quantile
from panel.estimate.kernel import Design, covariance, t_quantile
from panel.estimate.rows import Figure, Label
from panel.estimate.sample import Part, Sample


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What is measured in each wave: a number a row, who answered, and which statistic of it."""

    label: Label
    statistic: str
    values: np.ndarray
    answered: np.ndarray
    in_real_terms: bool = False


def series(sample: Sample, measure: Measure, inside: np.ndarray, waves: Sequence[int], *, method: str) -> list[Figure]:
    """
    Return the level of a measure in each wave, and its change between every two of them.

    Levels of different waves share members, so changes take their standard errors from the joint covariance: the
    delta method on PSU totals over both waves. PSUs of all waves count, with zero where absent. A wave without anybody
    in the domain has no figure.

    Source: kernel; oracle o05 (by_wave, change_all, change_by_status).

    Args:
        sample: cross-sectional weights of every wave.
        measure: what is measured.
        inside: who is in the domain, at each wave by the group they are in then (a mask).
        waves: wave numbers in order.
        method: how the intervals are meant: "design-based" or "model-assisted".
    """
    found: dict[int, Estimand] = {}
    for wave in waves:
        part = sample.part(wave)
        rows = inside[part.places] & measure.answered[part.places]
        if rows.any():
            found[wave] = _estimand(part, measure, rows)
    if not found:
        return []
    joint = _Joint.of(sample, found)
    levels = [_level(sample, measure, wave, each, joint, method) for wave, each in found.items()]
    changes = [figure for pair in combinations(found, 2) for figure in _changes(sample, measure, pair, joint, method)]
    return levels + changes


@dataclass(frozen=True)
class _Joint:
    """The levels of all waves, their covariance, and the PSUs each has anybody in."""

    found: dict[int, Estimand]
    matrix: np.ndarray
    present: dict[int, np.ndarray]
    design: Design

    @classmethod
    def of(cls, sample: Sample, found: dict[int, Estimand]) -> _Joint:
        totals, present = [], {}
        for wave, each in found.items():
            part = sample.part(wave)
            totals.append(sample.design.totals(part.influence(each.linear), part.places))
            present[wave] = sample.design.present(each.rows, part.places)
        return cls(
            found,
            covariance(np.stack(totals, axis=1), sample.design),
            present,
            sample.design,
        )

    def of_waves(self, *waves: int) -> tuple[np.ndarray, int]:
        """Return the covariance of the levels of these waves, and the degrees of freedom of both together."""
        places = [list(self.found).index(wave) for wave in waves]
        present = np.logical_or.reduce([self.present[wave] for wave in waves])
        return self.matrix[np.ix_(places, places)], self.design.degrees(present)


def _estimand(part: Part, measure: Measure, rows: np.ndarray) -> Estimand:
    values = measure.values[part.places]
    if measure.statistic == "median":
        return quantile(values, part.weight, rows, part.design, influence=part.influence)
    return mean(values, part.weight, rows)


def _level(
    sample: Sample,
    measure: Measure,
    wave: int,
    found: Estimand,
    joint: _Joint,
    method: str,
) -> Figure:
    matrix, degrees = joint.of_waves(wave)
    se = float(np.sqrt(matrix[0, 0]))
    if isinstance(found, Quantile):
        se, low, high = found.se, found.low, found.high
    elif measure.label.unit == "share":
        low, high = logit_interval(found.value, se, degrees, found.n_eff)
    else:
        reach = t_quantile(degrees) * se
        low, high = found.value - reach, found.value + reach
    return Figure(
        label=measure.label,
        statistic=measure.statistic,
        wave=wave,
        estimate=found.value,
        se=se,
        low=low,
        high=high,
        n=found.n,
        n_eff=found.n_eff,
        weight=f"{sample.label} {wave}",
        method=sample.design.said(method),
        is_provisional=measure.in_real_terms and sample.is_provisional(wave),
    )


def _changes(
    sample: Sample,
    measure: Measure,
    waves: tuple[int, int],
    joint: _Joint,
    method: str,
) -> list[Figure]:
    first, second = (joint.found[wave] for wave in waves)
    matrix, degrees = joint.of_waves(*waves)
    values = np.array([first.value, second.value])
    contrasts = {"change": difference(values, matrix)}
    if measure.label.unit != "share":
        try:
            contrasts["relative_change"] = relative(values, matrix)
        except EstimateError:
            contrasts.pop("relative_change", None)
    return [
        _contrast(sample, measure, waves, name, each, degrees, first, second, method)
        for name, each in contrasts.items()
    ]


def _contrast(
    sample: Sample,
    measure: Measure,
    waves: tuple[int, int],
    name: str,
    found: Contrast,
    degrees: int,
    first: Estimand,
    second: Estimand,
    method: str,
) -> Figure:
    reach = t_quantile(degrees) * found.se
    unit = "ratio" if name == "relative_change" else ("points" if measure.label.unit == "share" else measure.label.unit)
    return Figure(
        label=replace(measure.label, unit=unit),
        statistic=name,
        from_wave=waves[0],
        wave=waves[1],
        estimate=found.value,
        se=found.se,
        low=found.value - reach,
        high=found.value + reach,
        n=min(first.n, second.n),
        n_eff=min(first.n_eff, second.n_eff),
        weight=f"{sample.label} {waves[0]} and {waves[1]}",
        method=sample.design.said(method),
        is_provisional=measure.in_real_terms and sample.is_provisional(*waves),
    )
