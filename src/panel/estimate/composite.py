"""Net change by two roads, and by the steadiest way between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.decomposition import Amount
from panel.estimate.grouped import Grouped, means
from panel.estimate.grouping import Grouping
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Label
from panel.estimate.sample import Sample
from panel.estimate.split import Split
from panel.estimate.strands import Strand, Strands, degrees_of

ROADS = np.array([[-1.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
"""Both roads, made of the mean of everybody earlier, that later, and the mean change of the same members."""
COMPOSITE = ("cross_sectional_change", "stayers_change", "composite_change", "composite_weight")
"""What is told together: any one could be had from the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Roads:
    """What both roads to a change need: everybody's sample, the pair of the same members, and who is in which group."""

    sample: Sample
    pair: Pair
    amount: Amount
    everybody: Grouping
    stayers: Grouping


def composite(roads: Roads, labels: Sequence[Label], *, method: str) -> list[Figure]:
    """
    Return for each group the change of its mean by cross-sections, within stayers, and by the composite of both.

        D = k Ds + (1 - k) Dc,   k = (Vc - C) / (Vs + Vc - 2 C), kept between 0 and 1

    Dc is the mean of everybody later less that of everybody earlier, under cross-sectional weights; Ds the mean change
    of the same members, in the group in both waves, under the longitudinal weight; C their covariance. The composite
    has the least variance where both estimate one change; where those who came or left moved the mean, Ds is about
    other people and the composite lies between two answers: `decomposition` tells how much that is. The standard error
    takes k as known.

    Source: Patterson (1950), JRSS B 12; Wolter (1979), JASA 74, eq. 2.1. No program to hold it against: both ends are
    oracle o05's, and the composite is held to the matrix of the two by arithmetic.

    Args:
        roads: sample, pair and groups; `stayers` by rows of the pair.
        labels: what the figures of each group are about.
        method: how the intervals are meant.

    Raises:
        EstimateError: no group has anybody with an amount in both waves; names the variable and waves.
    """
    everybody, members = roads.sample, roads.pair
    ends, paired = [_means(roads, wave, len(labels)) for wave in members.waves], _paired(roads, len(labels))
    there = np.logical_and.reduce([each.there for each in (*ends, paired)])
    if not there.any():
        raise EstimateError(
            f"Nobody in these groups gave '{printable(roads.amount.variable)}' in both waves {members.waves[0]} and "
            f"{members.waves[1]}.",
            fix="choose waves that both asked it, or other groups",
        )
    strands = [Strand.of_wave(everybody, wave, each) for wave, each in zip(members.waves, ends, strict=True)]
    degrees = degrees_of(everybody.design, strands)
    both = Strands(everybody, [*strands, Strand.of_pair(members, paired)])
    told = Between(
        waves=members.waves, weight=f"{everybody.label} and {members.now.label}", method=everybody.design.said(method),
        is_provisional=roads.amount.is_provisional,
    )  # fmt: skip
    return [
        figure
        for place, label in enumerate(labels)
        if there[place]
        for figure in _of_group(both, label, place, told, degrees[place], is_joint=roads.amount.is_joint)
    ]


def _means(roads: Roads, wave: int, count: int) -> Grouped:
    """Return the mean of everybody in a wave, by group."""
    part = roads.sample.part(wave)
    values = roads.amount.values[part.places]
    codes = np.where(np.isfinite(values), roads.everybody.codes[part.places], -1)
    return means(values, part.weight, Split.of(codes, count))


def _paired(roads: Roads, count: int) -> Grouped:
    """Return the mean change of the same members, by group."""
    pair, part = roads.pair, roads.pair.part
    first, second = (roads.amount.values[each.places][part.places] for each in (pair.now, pair.then))
    with np.errstate(invalid="ignore"):
        change = second - first
    codes = np.where(np.isfinite(first) & np.isfinite(second), roads.stayers.codes[part.places], -1)
    return means(change, part.weight, Split.of(codes, count))


def _of_group(
    both: Strands, label: Label, place: int, told: Between, degrees: int, *, is_joint: bool
) -> Iterator[Figure]:
    earlier, later, paired = (each.found for each in both.each)
    changes = np.array([later.value[place] - earlier.value[place], paired.value[place]])
    matrix = both.matrix(place, ROADS)
    share = best_share(matrix)
    n, n_eff = (min(each[place] for each in numbers) for numbers in (
        (earlier.n, later.n, paired.n), (earlier.n_eff, later.n_eff, paired.n_eff)
    ))  # fmt: skip
    figure = partial(told.figure, degrees=degrees, n=int(n), n_eff=float(n_eff))
    words = replace(label, unit="points") if label.unit == "share" else label
    for name, k in (("cross_sectional_change", 0.0), ("stayers_change", 1.0), ("composite_change", share)):
        slope = np.array([1 - k, k])
        se = float(np.sqrt(max(slope @ matrix @ slope, 0.0)))
        influence = both.influence(place, slope @ ROADS, degrees) if is_joint else None
        yield figure(words, name, value=float(slope @ changes), se=se, influence=influence)
    known = replace(influence, totals=np.zeros_like(influence.totals)) if influence else None
    unit = replace(label, unit="index", terms="")
    yield figure(unit, "composite_weight", value=share, se=np.nan, influence=known)


def best_share(matrix: np.ndarray) -> float:
    """Return the weight of the second of two estimates of one thing that gives the least variance, between 0 and 1."""
    apart = float(matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1])
    if apart <= 0:
        return 1.0  # the two are one
    return float(np.clip((matrix[0, 0] - matrix[0, 1]) / apart, 0.0, 1.0))
