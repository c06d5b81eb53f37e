"""Members' steps between waves that lie equally far apart, over all years together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.estimators import Estimand, kish, mean
from panel.estimate.grouping import Grouping
from panel.estimate.kernel import covariance
from panel.estimate.pairs import Pair
from panel.estimate.rows import Label
from panel.estimate.sample import Sample


@dataclass(frozen=True)
class Steps:
    """
    All pairs of waves so many years apart; a row for each member and step.

    A member who takes several steps has several rows in one PSU, so that what repeats is not counted as new. `n`
    counts members, however many steps they take. Figures carry their influence where the pairs are `is_joint`.
    """

    pairs: tuple[Pair, ...]
    years: int

    @classmethod
    def of(cls, sample: Sample, weights: pd.DataFrame, years: int, pair_of: Callable[[tuple[int, int]], Pair]) -> Steps:
        """
        Return the steps of so many years for which the weights have a longitudinal weight.

        Args:
            sample: the person-waves.
            weights: schema.WEIGHTS.
            years: how far apart the waves of a step lie.
            pair_of: gives the pair of two waves.

        Raises:
            EstimateError: there is none; says how far apart the waves with such a weight lie. A gap of two years is
                never called one.
        """
        names = weights.loc[weights["kind"] == "longitudinal", "waves"].unique()
        pairs = sorted(tuple(map(int, name.split("-"))) for name in names)
        apart = {pair: _years(sample, pair) for pair in pairs if len(pair) == 2}
        chosen = [pair for pair, distance in apart.items() if distance == years]
        if not chosen:
            known = ", ".join(map(str, sorted(set(apart.values())))) or "none"
            raise EstimateError(
                f"No two waves with a longitudinal weight are {years} years apart; there are: {known}.",
                fix="ask for steps of years that lie between waves",
            )
        return cls(tuple(pair_of((pair[0], pair[1])) for pair in chosen), years)

    @property
    def whole(self) -> Sample:
        """Return the sample that all steps are of."""
        return self.pairs[0].now.whole

    @property
    def is_joint(self) -> bool:
        """Say whether figures are to carry their influence."""
        return self.pairs[0].is_joint

    def each(self, of: Callable[[Pair], np.ndarray]) -> np.ndarray:
        """Return what a function gives for the rows of every pair, one after the other."""
        return np.concatenate([of(pair) for pair in self.pairs])

    @cached_property
    def weight(self) -> np.ndarray:
        """Return the longitudinal weight of each row."""
        return self.each(lambda pair: pair.now.weight)

    @cached_property
    def member(self) -> np.ndarray:
        """Return the number of the member of each row."""
        return self.each(lambda pair: pair.now.member)

    @cached_property
    def begun(self) -> np.ndarray:
        """Return the wave in which each row's step begins."""
        return self.each(lambda pair: np.full(len(pair.now.weight), pair.waves[0]))

    def mean(self, hit: np.ndarray, rows: np.ndarray) -> Estimand:
        """Return the mean over some rows (a mask), with members counted once in n and n_eff."""
        found = mean(hit.astype(float), self.weight, rows)
        held = np.bincount(self.member[rows], weights=self.weight[rows])
        return replace(found, n=int(np.count_nonzero(np.bincount(self.member[rows]))), n_eff=kish(held))

    def totals(self, linear: np.ndarray) -> np.ndarray:
        """Return the weighted influence of an estimate by PSU of the whole sample, all weighting credited."""
        edges = np.cumsum([len(pair.now.weight) for pair in self.pairs])[:-1]
        parts = list(zip(self.pairs, np.split(linear, edges), strict=True))
        moved = [each for each in parts if each[1].any()] or parts[:1]
        return np.asarray(sum(pair.totals_of_whole(part) for pair, part in moved))

    def covariance(self, found: Sequence[Estimand]) -> np.ndarray:
        """Return the joint covariance of estimates over these rows."""
        return self.covariance_of([self.totals(each.linear) for each in found])

    def covariance_of(self, totals: Sequence[np.ndarray]) -> np.ndarray:
        """Return the joint covariance of estimates from their `totals`."""
        return covariance(np.stack(totals, axis=1), self.whole.design)

    def degrees(self, rows: np.ndarray) -> int:
        """Return the degrees of freedom of some rows (a mask)."""
        edges = np.cumsum([len(pair.now.weight) for pair in self.pairs])[:-1]
        design = self.whole.design
        parts = zip(self.pairs, np.split(rows, edges), strict=True)
        return design.degrees(np.logical_or.reduce([design.present(part, pair.now.places) for pair, part in parts]))

    def told(self, method: str) -> Between:
        """Return what figures about all steps together share."""
        waves = (self.pairs[0].waves[0], max(pair.waves[1] for pair in self.pairs))
        weight = f"longitudinal {', '.join(f'{first}-{second}' for first, second in (p.waves for p in self.pairs))}"
        return Between(waves=waves, weight=weight, method=self.whole.design.said(method))

    def words(self, label: Label, rows: int) -> Label:
        """Return a label whose denominator tells how many steps of how many years there are."""
        years = "1 year" if self.years == 1 else f"{self.years} years"
        return replace(label, denominator=f"{label.denominator}, {rows} steps of {years}")


def _years(sample: Sample, pair: tuple[int, ...]) -> int:
    first, second = (sample.study.wave(wave).reference_year for wave in pair)
    return second - first


@dataclass(frozen=True)
class Taken:
    """
    What a coded variable was at the beginning and the end of each row's step, and who is in which group.

    `source` and `target` are places in `codes`, -1 where there is no answer; `inside` are those of a group who answered
    at both ends.
    """

    steps: Steps
    variable: str
    codes: tuple[object, ...]
    source: np.ndarray
    target: np.ndarray
    inside: np.ndarray
    groups: np.ndarray

    @classmethod
    def of(cls, steps: Steps, variable: str, groups: Callable[[Pair], Grouping]) -> Taken:
        """
        Return the steps of a coded variable, each member in the group that a grouping of the step's pair says.

        Raises:
            EstimateError: nobody of a group answered at both ends of a step; names the variable.
        """
        codes, source, target = _coded(steps, variable)
        own = steps.each(lambda pair: groups(pair).codes)
        inside = (source >= 0) & (target >= 0) & (own >= 0) & (steps.weight > 0)
        if not inside.any():
            years = "1 year" if steps.years == 1 else f"{steps.years} years"
            raise EstimateError(
                f"Nobody in these groups answered '{printable(variable)}' at both ends of a step of {years}.",
                fix="choose steps between waves that asked it, or other groups",
            )
        seen = np.flatnonzero(sum(np.bincount(each[inside], minlength=len(codes)) for each in (source, target)))
        place = np.full(len(codes) + 1, -1)
        place[seen] = np.arange(len(seen))
        return cls(steps, variable, tuple(codes[each] for each in seen), place[source], place[target], inside, own)

    def is_one(self, values: np.ndarray, places: Sequence[int]) -> np.ndarray:
        """Return which of some sources or targets are one of these places (a mask)."""
        known = np.zeros(len(self.codes) + 1, dtype=bool)  # the last is of those without an answer
        known[list(places)] = True
        return known[values]

    def places(self, codes: Sequence[object]) -> list[int]:
        """Return where codes are; what nobody answered is nowhere."""
        return [self.codes.index(code) for code in codes if code in self.codes]


def _coded(steps: Steps, variable: str) -> tuple[list[object], np.ndarray, np.ndarray]:
    """Return the codes of a variable, those of the questionnaire first, and the place of each row's at either end."""
    found = [pair.coded(variable) for pair in steps.pairs]
    known = list(steps.whole.study.variable(variable).codes)
    codes = [*known, *sorted({code for each in found for code in each.codes} - set(known), key=str)]
    place = {code: at for at, code in enumerate(codes)}
    ends: list[list[np.ndarray]] = [[], []]
    for pair, each in zip(steps.pairs, found, strict=True):
        table = np.array([*(place[code] for code in each.codes), -1])
        for end, values in zip(ends, (each.source, each.target), strict=True):
            end.append(np.full(len(pair.now.weight), -1))
            end[-1][pair.part.places] = table[values]
    return codes, np.concatenate(ends[0]), np.concatenate(ends[1])
