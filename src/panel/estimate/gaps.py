"""How far one group stands from another, and whether they drew apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from panel.errors import EstimateError, did_you_mean, printable
from panel.estimate.contrasts import Contrast, difference, difference_in_differences, gap_change, relative
from panel.estimate.grouped import Grouped, means
from panel.estimate.kernel import covariance, t_quantile, variances
from panel.estimate.pairs import Pair
from panel.estimate.part import Part
from panel.estimate.rows import Figure, Label
from panel.estimate.sample import Sample

Middle = Literal["mean", "median"]
MIDDLES: tuple[Middle, ...] = get_args(Middle)
GAPS = ("gap", "relative_gap", "gap_change", "relative_gap_change")


@dataclass(frozen=True)
class Sides:
    """
    The levels of the groups of a domain in two waves, with all that their joint covariance needs.

    `totals` and `present` are by wave: groups by PSUs.
    """

    sample: Sample
    waves: tuple[int, int]
    levels: tuple[Grouped, Grouped]
    totals: tuple[np.ndarray, np.ndarray]
    present: tuple[np.ndarray, np.ndarray]
    weight: str
    middle: Middle
    is_provisional: bool = False

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
        weight = f"{sample.label} {waves[0]} and {waves[1]}"
        return cls._made(sample, waves, parts, found, weight, middle)

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
        return cls._made(pair.now, pair.waves, [part, part], found, pair.now.label, middle)

    @classmethod
    def _made(
        cls,
        sample: Sample,
        waves: tuple[int, int],
        parts: Sequence[Part],
        found: Sequence[Grouped],
        weight: str,
        middle: Middle,
    ) -> Sides:
        first, second = zip(parts, found, strict=True)
        return cls(
            sample,
            waves,
            (first[1], second[1]),
            (sample.totals_by_group(*first), sample.totals_by_group(*second)),
            (sample.present(*first), sample.present(*second)),
            weight,
            middle,
        )


def _level(sample: Sample, part: Part, values: np.ndarray, codes: np.ndarray, count: int, middle: Middle) -> Grouped:
    if middle == "median":
        return sample.quantiles(part, values, codes, count)
    return means(values, part.weight, codes, count)


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
    return [*own, *_Gaps(sides, label, places, method).figures()]


def _levels(sides: Sides, labels: Sequence[Label], method: str) -> Iterator[Figure]:
    """Yield the level of every group that is there, wave by wave."""
    design = sides.sample.design
    for wave, level, totals, present in zip(sides.waves, sides.levels, sides.totals, sides.present, strict=True):
        spread = np.sqrt(variances(totals, sides.sample.variance_design))
        for place in map(int, np.flatnonzero(level.there)):
            value, se = float(level.value[place]), float(spread[place])
            reach = t_quantile(design.degrees(present[place])) * se
            low, high = value - reach, value + reach
            if level.se is not None and level.low is not None and level.high is not None:
                se, low, high = (float(each[place]) for each in (level.se, level.low, level.high))
            yield Figure(
                label=labels[place],
                statistic=sides.middle,
                wave=wave,
                estimate=value,
                se=se,
                low=low,
                high=high,
                n=int(level.n[place]),
                n_eff=float(level.n_eff[place]),
                weight=sides.weight,
                method=design.said(method),
                is_provisional=sides.is_provisional,
            )


@dataclass(frozen=True)
class _Gaps:
    sides: Sides
    label: Label
    places: tuple[int, int]
    method: str

    def figures(self) -> Iterator[Figure]:
        values = np.array([each.value[place] for place in self.places for each in self.sides.levels])
        totals = np.stack([each[place] for place in self.places for each in self.sides.totals], axis=1)
        matrix = covariance(totals, self.sides.sample.variance_design)
        has_ratio = bool((values[2:] > 0).all())
        for at in (0, 1):
            both = np.ix_([2 + at, at], [2 + at, at])
            yield self._figure("gap", difference(values[[2 + at, at]], matrix[both]), at)
            if has_ratio:
                yield self._figure("relative_gap", relative(values[[2 + at, at]], matrix[both]), at, "ratio")
        yield self._figure("gap_change", difference_in_differences(values, matrix))
        if has_ratio:
            yield self._figure("relative_gap_change", gap_change(values, matrix), unit="points")

    def _figure(self, name: str, found: Contrast, at: int | None = None, unit: str | None = None) -> Figure:
        sides, own = self.sides, (0, 1) if at is None else (at,)
        rows = np.logical_or.reduce([sides.present[each][place] for each in own for place in self.places])
        reach = t_quantile(sides.sample.design.degrees(rows)) * found.se
        levels = [(sides.levels[each], place) for each in own for place in self.places]
        return Figure(
            label=replace(self.label, unit=unit or self.label.unit),
            statistic=name,
            from_wave=sides.waves[0] if at is None else None,
            wave=sides.waves[1] if at is None else sides.waves[at],
            estimate=found.value,
            se=found.se,
            low=found.value - reach,
            high=found.value + reach,
            n=min(int(level.n[place]) for level, place in levels),
            n_eff=min(float(level.n_eff[place]) for level, place in levels),
            weight=sides.weight,
            method=sides.sample.design.said(self.method),
            is_provisional=sides.is_provisional,
        )


def middle_of(name: str) -> Middle:
    """Return a middle by its name, or raise EstimateError with a suggestion."""
    for known in MIDDLES:
        if name == known:
            return known
    raise EstimateError(f"There is no middle '{printable(name)}'.", fix=did_you_mean(name, MIDDLES))
