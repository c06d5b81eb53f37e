"""From estimates to figures: one place where a score gets its standard error and interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from panel.estimate import Figure, Label
from panel.estimate.estimators import Estimand, logit_interval
from panel.estimate.kernel import Design, covariance, t_quantile
from panel.estimate.sample import Part


@dataclass(frozen=True)
class Told:
    """An estimate with the name, value and unit it is told under."""

    statistic: str
    found: Estimand
    value: str | None = None
    unit: str = "share"


@dataclass(frozen=True, kw_only=True)
class Teller:
    """Turns estimates over the rows of a part into figures about one slice of a question and pair of waves."""

    part: Part
    label: Label
    waves: tuple[int | None, int]
    weight: str
    method: str
    is_provisional: bool = False

    def figures(self, told: Iterable[Told]) -> list[Figure]:
        """Return a figure for each estimate."""
        return [self._figure(each) for each in told]

    def _figure(self, told: Told) -> Figure:
        design, found = self.part.design, told.found
        degrees = degrees_of(design, found.rows)
        se = float(np.sqrt(covariance(design.totals(self.part.influence(found.linear)), design)[0, 0]))
        if told.unit == "share":
            low, high = logit_interval(found.value, se, degrees, found.n_eff)
        else:
            reach = t_quantile(degrees) * se
            low, high = found.value - reach, found.value + reach
        return Figure(
            label=replace(self.label, value=told.value, unit=told.unit),
            statistic=told.statistic,
            from_wave=self.waves[0],
            wave=self.waves[1],
            estimate=found.value,
            se=se,
            low=low,
            high=high,
            n=found.n,
            n_eff=found.n_eff,
            weight=self.weight,
            method=design.said(self.method),
            is_provisional=self.is_provisional,
        )

    def probability(self, statistic: str, value: float, found: Estimand) -> Figure:
        """Return a p value as a figure without standard error or interval."""
        nothing = float("nan")
        return Figure(
            label=replace(self.label, unit="p"), statistic=statistic, from_wave=self.waves[0], wave=self.waves[1],
            estimate=value, se=nothing, low=nothing, high=nothing, n=found.n, n_eff=found.n_eff, weight=self.weight,
            method=self.part.design.said(self.method), is_provisional=self.is_provisional,
        )  # fmt: skip


def degrees_of(design: Design, rows: np.ndarray) -> int:
    """Return the degrees of freedom of the rows of an estimate."""
    return design.degrees_of_freedom(rows)
