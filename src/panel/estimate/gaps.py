"""How far one group stands from another, and whether they drew apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from panel.errors import EstimateError, did_you_mean, printable
from panel.estimate.between import Between
from panel.estimate.contrasts import Contrast, difference, difference_in_differences, gap_change, relative
from panel.estimate.grouped import Grouped, means
from panel.estimate.kernel import covariance
from panel.estimate.pairs import Pair
from panel.estimate.part import Part
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.sample import Sample
from panel.estimate.split import Split
from panel.estimate.strands import Strand, Strands, degrees_of

Middle = Literal["mean", "median"]
MIDDLES: tuple[Middle, ...] = get_args(Middle)
GAPS = ("gap", "relative_gap", "gap_change", "relative_gap_change")


@dataclass(frozen=True)
class Sides:
    """
    The levels of the groups of a domain in two waves: a strand each.

    Figures carry their influence where they are `is_joint`.
    """

    strands: Strands
    waves: tuple[int, int]
    weight: str
    middle: Middle
    is_provisional: bool = False
    is_joint: bool = False

    @classmethod
    def of_everybody(
        cls, sample: Sample, waves: tuple[int, int], values: np.ndarray, codes: np.ndarray, count: int, middle: Middle
    ) -> Sides:
        """
        Return the levels of everybody in each wave, by the group of then, under cross-sectional weights.

        Args:
            sample: of both waves.
            waves: the earlier and the later.
            values: a number a row, NaN where missing.
            codes: the group of each row, -1 for none.
            count: how many groups there are.
            middle: mean or median.
        """
        own = np.where(np.isfinite(values), codes, -1)
        parts = [sample.part(wave) for wave in waves]
        found = [_level(sample, each, values[each.places], own[each.places], count, middle) for each in parts]
        strands = [Strand.of_wave(sample, wave, each) for wave, each in zip(waves, found, strict=True)]
        return cls(Strands(sample, strands), waves, f"{sample.label} {waves[0]} and {waves[1]}", middle)

    @classmethod
    def of_members(
        cls, pair: Pair, values: Sequence[np.ndarray], codes: np.ndarray, count: int, middle: Middle
    ) -> Sides:
        """
        Return the levels of the same members in both waves, by one group each, under their longitudinal weight.

        Args:
            pair: the two waves.
            values: a number a member in the first wave and in the second, NaN where missing; both count or neither.
            codes: the group of each member, -1 for none.
            count: how many groups there are.
            middle: mean or median.
        """
        part = pair.part
        answered = np.isfinite(values[0]) & np.isfinite(values[1])
        own = np.where(answered, codes, -1)[part.places]
        found = [_level(pair.now, part, each[part.places], own, count, middle) for each in values]
        strands = [Strand.of_pair(pair, each) for each in found]
        return cls(Strands(pair.now.whole, strands), pair.waves, pair.now.label, middle)

    @property
    def levels(self) -> list[Grouped]:
        """Return the levels of every group, by wave."""
        return [each.found for each in self.strands.each]

    def told(self, method: str, at: int | None) -> Between:
        """Return what figures about one of the waves share, or about both."""
        wave = self.waves[1 if at is None else at]
        return Between(
            waves=(self.waves[0], wave), weight=self.weight, method=self.strands.design.said(method),
            is_provisional=self.is_provisional,
        )  # fmt: skip


def _level(sample: Sample, part: Part, values: np.ndarray, codes: np.ndarray, count: int, middle: Middle) -> Grouped:
    if middle == "median":
        return sample.quantiles(part, values, Split.of(codes, count))
    return means(values, part.weight, Split.of(codes, count))


def gaps(sides: Sides, labels: Sequence[Label], label: Label, places: tuple[int, int], *, method: str) -> list[Figure]:
    """
    Return the level of every group, the gap between two in each wave, absolute and relative, and how both changed.

        gap = a - b,   relative_gap = a / b - 1,
        gap_change = (a2 - a1) - (b2 - b1),   relative_gap_change = a2 / b2 - a1 / b1

    `gap_change` is the difference in differences. All four levels are in one covariance: members in both waves, or in
    one PSU, are subtracted where they should be.

    Source: delta method, Wolter (2007), ch. 6. Oracle: o05 (did_1_4, gap_ratio_w1, gap_ratio_change_1_4).

    Args:
        sides: the levels.
        labels: what a figure of each group is about.
        label: what a gap is about.
        places: which two groups, by place.
        method: how the intervals are meant.

    Raises:
        EstimateError: nobody of one of the two groups has a value in one of the waves; names group and wave.
    """
    for level, wave in zip(sides.levels, sides.waves, strict=True):
        for place in places:
            if not level.there[place]:
                raise EstimateError(
                    f"Nobody of '{printable(labels[place].group)}' has a value of '{printable(label.variable)}' and a "
                    f"weight in wave {wave}.",
                    fix="choose other groups or waves",
                )
    own = list(_levels(sides, labels, method))
    return [*own, *_Gaps.of(sides, label, places, method).figures()]


def _levels(sides: Sides, labels: Sequence[Label], method: str) -> Iterator[Figure]:
    """Yield the level of every group that is there, wave by wave."""
    strands = sides.strands
    for at, level in enumerate(sides.levels):
        degrees, told = degrees_of(strands.design, [strands.each[at]]), sides.told(method, at)
        slope = np.eye(len(strands.each))[at]
        for place in map(int, np.flatnonzero(level.there)):
            se = float(np.sqrt(strands.variances(place, slope[None, :])[0]))
            figure = told.figure(
                labels[place], sides.middle, value=float(level.value[place]), se=se, degrees=degrees[place],
                n=int(level.n[place]), n_eff=float(level.n_eff[place]),
                influence=strands.influence(place, slope, degrees[place]) if sides.is_joint else None,
            )  # fmt: skip
            if level.se is not None and level.low is not None and level.high is not None:
                se, low, high = (float(each[place]) for each in (level.se, level.low, level.high))
                figure = replace(figure, se=se, low=low, high=high)
            yield replace(figure, from_wave=None)


@dataclass(frozen=True)
class _Gaps:
    """Two groups: their levels, first group then and now, second then and now; their totals by PSU and covariance."""

    sides: Sides
    label: Label
    places: tuple[int, int]
    method: str
    values: np.ndarray
    totals: np.ndarray
    matrix: np.ndarray

    @classmethod
    def of(cls, sides: Sides, label: Label, places: tuple[int, int], method: str) -> _Gaps:
        strands = sides.strands
        values = np.array([each.value[place] for place in places for each in sides.levels])
        totals = np.stack([each.totals(place) for place in places for each in strands.each])
        return cls(sides, label, places, method, values, totals, covariance(totals.T, strands.design))

    def figures(self) -> Iterator[Figure]:
        """Yield the gap in each wave and its change; relative ones where both levels of the second are above zero."""
        has_ratio = bool((self.values[2:] > 0).all())
        for at in (0, 1):
            yield self._figure("gap", difference, [2 + at, at], at)
            if has_ratio:
                yield self._figure("relative_gap", relative, [2 + at, at], at, "ratio")
        yield self._figure("gap_change", difference_in_differences, [0, 1, 2, 3])
        if has_ratio:
            yield self._figure("relative_gap_change", gap_change, [0, 1, 2, 3], unit="points")

    def _figure(
        self, name: str, made: Callable[[np.ndarray, np.ndarray], Contrast], of: list[int], at: int | None = None,
        unit: str | None = None,
    ) -> Figure:  # fmt: skip
        sides, own = self.sides, (0, 1) if at is None else (at,)
        found = made(self.values[of], self.matrix[np.ix_(of, of)])
        strands = [sides.strands.each[each] for each in own]
        (degrees,) = degrees_of(sides.strands.design, strands, merged=self.places)
        influence = None
        if sides.is_joint:
            influence = Influence(np.einsum("k,kn->n", found.slope, self.totals[of]), sides.strands.design, degrees)
        levels = [(each.found, place) for each in strands for place in self.places]
        unit = unit or ("points" if self.label.unit == "share" else self.label.unit)
        figure = sides.told(self.method, at).figure(
            replace(self.label, unit=unit), name, value=found.value, se=found.se, degrees=degrees,
            n=min(int(level.n[place]) for level, place in levels),
            n_eff=min(float(level.n_eff[place]) for level, place in levels), influence=influence,
        )  # fmt: skip
        return figure if at is None else replace(figure, from_wave=None)


def middle_of(name: str) -> Middle:
    """Return a middle by its name, or raise EstimateError with a suggestion."""
    for known in MIDDLES:
        if name == known:
            return known
    raise EstimateError(f"There is no middle '{printable(name)}'.", fix=did_you_mean(name, MIDDLES))
