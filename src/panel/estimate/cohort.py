"""The members who answered the first of some waves, whether they answered the others, and figures about them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from panel.errors import EstimateError, printable
from panel.estimate.contrasts import Contrast
from panel.estimate.estimators import logit_interval
from panel.estimate.grouped import Grouped
from panel.estimate.kernel import variances
from panel.estimate.part import Part
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.sample import Sample

UNWEIGHTED = "unweighted"


@dataclass(frozen=True)
class Cohort:
    """
    The members who answered the first of some waves and were due in the others, once each.

    `part` are the weighted rows of the first wave, a domain of the whole sample: its other PSUs count in the variance,
    with zero. `rows` has for each wave the row of the sample in which each of these members answered, -1 for none.
    Figures carry their influence where they are `is_joint`.
    """

    sample: Sample
    waves: tuple[int, ...]
    part: Part
    is_due: np.ndarray
    rows: np.ndarray
    is_joint: bool = False

    @classmethod
    def of(cls, sample: Sample, waves: Sequence[int], gone: Collection[str] = ()) -> Cohort:
        """
        Return the cohort of two waves or more.

        Args:
            sample: cross-sectional weights of the first wave.
            waves: their numbers.
            gone: members who died or left the scope after the first wave: not due, unless they answered every wave.

        Raises:
            EstimateError: there is one wave only, or nobody answered the first with a weight; names it.
        """
        first, *later = sorted(set(waves))
        if not later:
            raise EstimateError(f"Attrition is between two waves or more, not within wave {first}.", fix="name two")
        if not sample.rows(first).any():
            raise EstimateError(f"Nobody answered wave {first} with a weight.", fix="choose another first wave")
        part = sample.part(first)
        member = sample.member[part.places]
        rows = np.stack([sample.row_of(wave)[member] for wave in (first, *later)])
        lost = np.zeros(len(member), dtype=bool)
        if gone:
            lost = pd.Index(sample.frame["member"].iloc[part.places]).isin(list(gone))
        return cls(sample, (first, *later), part, ~lost | (rows >= 0).all(axis=0), rows)

    @property
    def came(self) -> np.ndarray:
        """Return who answered each wave: waves by members (a mask)."""
        return self.rows >= 0

    @cached_property
    def stayed(self) -> np.ndarray:
        """Return who answered every wave (a mask)."""
        return np.asarray(self.came.all(axis=0))

    @cached_property
    def interrupted(self) -> np.ndarray:
        """Return who missed a wave and answered a later one: whose pattern is not monotone (a mask)."""
        came = self.came.astype(int)
        return np.asarray((np.diff(came, axis=0) > 0).any(axis=0))

    @property
    def name(self) -> str:
        """Return the waves as text, such as 1-2-3."""
        return "-".join(map(str, self.waves))

    def later(self, values: np.ndarray) -> np.ndarray:
        """Return what each member had in the last wave, of a number a row of the sample; NaN where nothing."""
        last = self.rows[-1]
        return np.where(last >= 0, values[np.maximum(last, 0)], np.nan)

    def codes(self, groups: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
        """
        Return the group of each member who was due, -1 for others; `groups` are by rows of the sample.

        Raises:
            EstimateError: nobody of the groups was due; names them and the waves.
        """
        own = np.where(self.is_due, groups[self.part.places], -1)
        if (own < 0).all():
            named = ", ".join(printable(label.group) for label in labels)
            raise EstimateError(
                f"Nobody of {named} answered wave {self.waves[0]} and was due in the others.",
                fix="choose other groups or waves",
            )
        return own


@dataclass(frozen=True)
class Told:
    """How figures of a cohort are told: under which weight, between which waves, and how intervals are meant."""

    cohort: Cohort
    part: Part
    weight: str
    wave: int
    method: str

    @classmethod
    def weighted(cls, cohort: Cohort, method: str, wave: int | None = None) -> Told:
        """Return figures under the cross-sectional weight of the first wave."""
        first = cohort.waves[0]
        return cls(cohort, cohort.part, f"{cohort.sample.label} {first}", wave or cohort.waves[-1], method)

    def unweighted(self) -> Told:
        """Return the same figures with every member counted once."""
        ones = np.ones(len(self.part.weight))
        return replace(self, part=replace(self.part, weight=ones, calibration=None), weight=UNWEIGHTED)

    def levels(self, labels: Sequence[Label], statistic: str, found: Grouped) -> list[Figure]:
        """Return the figure of each group that has anybody."""
        sample = self.cohort.sample
        totals = sample.totals_by_group(self.part, found)
        se = np.sqrt(variances(totals, sample.design))
        degrees = sample.degrees(self.part, found)
        return [
            self.figure(
                label, statistic, Contrast(float(found.value[at]), float(se[at])), degrees[at], int(found.n[at]),
                float(found.n_eff[at]), totals[at],
            )
            for at, label in enumerate(labels)
            if found.there[at]
        ]  # fmt: skip

    def figure(
        self, label: Label, statistic: str, found: Contrast, degrees: int, n: int, n_eff: float, totals: np.ndarray
    ) -> Figure:
        """Return one figure with its interval: by the logit for a share. `totals` is its influence by PSU."""
        low, high = found.interval(degrees)
        if label.unit == "share":
            low, high = logit_interval(found.value, found.se, degrees, n_eff)
        design = self.cohort.sample.design
        return Figure(
            label=label, statistic=statistic, from_wave=self.cohort.waves[0], wave=self.wave, estimate=found.value,
            se=found.se, low=low, high=high, n=n, n_eff=n_eff, weight=self.weight, method=design.said(self.method),
            influence=Influence(totals, design, degrees) if self.cohort.is_joint else None,
        )  # fmt: skip
