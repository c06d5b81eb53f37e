"""From estimates to figures: one place where a score gets its standard error and interval."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

import numpy as np

from panel.estimate import Figure, Label
from panel.estimate.estimators import Estimand, logit_interval
from panel.estimate.kernel import Design, t_quantile, variances
from panel.estimate.part import Part

EVEN = 1e-3
"""So near to one half a share counts as one half."""


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
        estimates = list(told)
        if not estimates:
            return []
        linear = np.stack([each.found.linear for each in estimates])
        spread = variances(self.part.design.totals(self._weighted(linear)), self.part.design)
        degrees = _Degrees(self.part.design)
        said = self.part.design.said(self.method)
        return [
            self._figure(each, se, degrees.of(each.found.rows), said)
            for each, se in zip(estimates, np.sqrt(spread).tolist(), strict=True)
        ]

    def _weighted(self, linear: np.ndarray) -> np.ndarray:
        """Return weighted influence, estimates by rows of the part."""
        calibration = self.part.calibration
        if calibration is None:
            linear *= self.part.weight
            return linear
        return np.stack([self.part.influence(each) for each in linear])

    def _figure(self, told: Told, se: float, degrees: int, said: str) -> Figure:
        found = told.found
        if told.unit == "share":
            low, high = logit_interval(found.value, se, degrees, found.n_eff)
        elif told.statistic == "uncertainty":
            low, high = uncertainty_interval(found.value, se, degrees, found.n_eff)
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
            method=said,
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


def uncertainty_interval(value: float, se: float, degrees: int, n_eff: float) -> tuple[float, float]:
    """
    Return the interval of p (1 - p): that of the share p by the logit, carried over; a quarter is the most it can be.

    At p = 1/2 a little more or less of p moves nothing, so p gets the error of a share of that effective n there.
    """
    away = float(np.sqrt(max(1 - 4 * value, 0.0)))  # 1 - 2p, of the smaller p
    se_share = se / away if away > EVEN else float(np.sqrt(0.25 / max(n_eff, 1.0)))
    low, high = logit_interval((1 - away) / 2, se_share, degrees, n_eff)
    return low * (1 - low), 0.25 if high >= 0.5 else high * (1 - high)


@dataclass(frozen=True)
class _Degrees:
    """The degrees of freedom of rows of a design, told once for rows that come again."""

    design: Design
    known: dict[bytes, int] = field(default_factory=dict)

    def of(self, rows: np.ndarray) -> int:
        key = np.packbits(rows).tobytes()
        if key not in self.known:
            self.known[key] = self.design.degrees_of_freedom(rows)
        return self.known[key]
