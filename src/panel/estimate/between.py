"""Figures about two waves, or about several steps between waves, with what they share said once."""

from __future__ import annotations

from dataclasses import dataclass

from panel.estimate.estimators import logit_interval
from panel.estimate.kernel import t_quantile
from panel.estimate.rows import Figure, Influence, Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """The waves figures are about (the first and the last), under which weight, and how their intervals are meant."""

    waves: tuple[int, int]
    weight: str
    method: str
    is_provisional: bool = False

    def figure(
        self, label: Label, statistic: str, *, value: float, se: float, degrees: int, n: int, n_eff: float,
        influence: Influence | None = None,
    ) -> Figure:  # fmt: skip
        """
        Return a figure with its interval: by the logit for a share, value -/+ t se for all else.

        `influence` is given where intervals are to hold together.
        """
        if label.unit == "share":
            low, high = logit_interval(value, se, degrees, n_eff)
        else:
            reach = t_quantile(degrees) * se
            low, high = value - reach, value + reach
        return Figure(
            label=label,
            statistic=statistic,
            from_wave=self.waves[0],
            wave=self.waves[1],
            estimate=value,
            se=se,
            low=low,
            high=high,
            n=n,
            n_eff=n_eff,
            weight=self.weight,
            method=self.method,
            is_provisional=self.is_provisional,
            influence=influence,
        )
