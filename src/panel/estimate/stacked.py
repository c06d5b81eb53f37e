"""Person-waves of several waves one under the other, as a regression takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from panel.errors import EstimateError
from panel.estimate.kernel import Design
from panel.estimate.pairs import Pair
from panel.estimate.sample import Sample


@dataclass(frozen=True)
class Stacked:
    """
    Rows of a sample: everybody of each wave, or the same members in every wave, under one weight each.

    `places` are the rows, `member` the number of each row's member, `weight` its weight. Of the same members `pair` is
    that of the first and the last wave; rows are then by wave, members in its order in each.
    """

    sample: Sample
    waves: tuple[int, ...]
    places: np.ndarray
    weight: np.ndarray
    member: np.ndarray
    label: str
    pair: Pair | None = None

    @classmethod
    def of_everybody(cls, sample: Sample, waves: Sequence[int]) -> Stacked:
        """Return everybody of each wave, under the cross-sectional weight of then."""
        places = np.flatnonzero(sample.rows(*waves))
        label = f"{sample.label} {', '.join(map(str, waves))}"
        return cls(sample, tuple(waves), places, sample.weight[places], sample.member[places], label)

    @classmethod
    def of_members(cls, sample: Sample, weights: pd.DataFrame, waves: Sequence[int]) -> Stacked:
        """
        Return those who answered every wave of a set, under the longitudinal weight of that set: one a member.

        Args:
            sample: of all waves; its own weights are not used.
            weights: schema.WEIGHTS.
            waves: two or more, in order.

        Raises:
            EstimateError: the set has no longitudinal weight; names those that have.
        """
        name, ends = "-".join(map(str, waves)), (waves[0], waves[-1])
        own = weights[(weights["waves"] == name) & weights["kind"].isin(["longitudinal", "lost"])]
        if own.empty:
            known = ", ".join("-".join(map(str, each)) for each in wave_sets(weights)) or "none"
            raise EstimateError(
                f"Waves {name} have no longitudinal weight; sets of waves that have one: {known}.",
                fix="name the waves of one of these sets, or panelctl weigh",
            )
        pair = Pair.of(sample, own.assign(waves="-".join(map(str, ends))), ends)  # lost and design are of the whole set
        number = pair.now.member
        by_wave = [sample.row_of(wave)[number] for wave in waves]
        if any((each < 0).any() for each in by_wave):
            raise EstimateError(
                f"Members have a weight for waves {name} and no answers in one of them.",
                fix="panelctl weigh computes the weights anew",
            )
        several = len(by_wave)
        return cls(
            sample, tuple(waves), np.concatenate(by_wave), np.tile(pair.now.weight, several),
            np.tile(np.arange(len(number)), several), f"longitudinal {name}", pair,
        )  # fmt: skip

    @cached_property
    def wave(self) -> np.ndarray:
        """Return the wave of each row."""
        return np.asarray(self.sample.wave[self.places])

    @property
    def design(self) -> Design:
        """Return the design whose PSUs `totals` are about."""
        return (self.sample if self.pair is None else self.pair.now).variance_design

    def totals(self, linear: np.ndarray) -> np.ndarray:
        """Return the weighted influence of an estimate by PSU, all weighting credited; `linear` is a number a row."""
        if self.pair is not None:
            return self.pair.now.totals(linear.reshape(len(self.waves), -1).sum(axis=0))
        whole = np.zeros(len(self.sample.wave))
        whole[self.places] = linear
        return self.sample.totals(whole)

    def degrees(self, rows: np.ndarray) -> int:
        """Return the degrees of freedom of some rows (a mask)."""
        if self.pair is not None:
            own = np.asarray(rows.reshape(len(self.waves), -1).any(axis=0))
            return self.pair.now.design.degrees_of_freedom(own)
        whole = np.zeros(len(self.sample.wave), dtype=bool)
        whole[self.places[rows]] = True
        return self.sample.design.degrees_of_freedom(whole)

    def by_member(self, of: np.ndarray, rule: str) -> np.ndarray:
        """
        Return for each row what its member was: in the "first" or "second" (last) wave, or in "both" (all), else -1.

        `of` is a place a row, -1 for none; of the same members only.
        """
        table = of.reshape(len(self.waves), -1)
        own = table[-1] if rule == "second" else table[0]
        if rule == "both":
            own = np.where((table == table[0]).all(axis=0), own, -1)
        return np.tile(own, len(self.waves))


def wave_sets(weights: pd.DataFrame) -> list[tuple[int, ...]]:
    """Return the sets of waves with a longitudinal weight, the longest first, of equal ones the latest."""
    names = weights.loc[weights["kind"] == "longitudinal", "waves"].unique()
    sets = [tuple(map(int, str(name).split("-"))) for name in names]
    return sorted(sets, key=lambda each: (len(each), each), reverse=True)
