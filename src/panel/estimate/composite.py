"""Net change by two roads, and by the steadiest way between them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.decomposition import Amount
from panel.estimate.estimators import mean
from panel.estimate.grouping import Grouping
from panel.estimate.kernel import covariance
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Label
from panel.estimate.sample import Sample

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
    found = [figure for place, label in enumerate(labels) for figure in _of_group(roads, label, place, method)]
    if not found:
        raise EstimateError(
            f"Nobody in these groups gave '{printable(roads.amount.variable)}' in both waves {roads.pair.waves[0]} and "
            f"{roads.pair.waves[1]}.",
            fix="choose waves that both asked it, or other groups",
        )
    return found


def _of_group(roads: Roads, label: Label, place: int, method: str) -> Iterator[Figure]:
    sample, pair, values = roads.sample, roads.pair, roads.amount.values
    first, second = (values[each.places] for each in (pair.now, pair.then))
    stayed = np.isfinite(first) & np.isfinite(second) & (roads.stayers.codes == place) & (pair.now.weight > 0)
    if not stayed.any():
        return
    inside = sample.is_weighted & np.isfinite(values) & (roads.everybody.codes == place)
    earlier, later = (mean(values, sample.weight, inside & (sample.wave == wave)) for wave in pair.waves)
    with np.errstate(invalid="ignore"):
        paired = mean(second - first, pair.now.weight, stayed)
    totals = [sample.totals(later.linear - earlier.linear), pair.totals_of_whole(paired.linear)]
    matrix = covariance(np.stack(totals, axis=1), sample.design)
    changes = np.array([later.value - earlier.value, paired.value])
    degrees = sample.design.degrees_of_freedom(inside & np.isin(sample.wave, pair.waves))
    told = Between(
        waves=pair.waves, weight=f"{sample.label} and {pair.now.label}", method=sample.design.said(method),
        is_provisional=roads.amount.is_provisional,
    )  # fmt: skip
    share = best_share(matrix)
    n, n_eff = min(earlier.n, later.n, paired.n), min(earlier.n_eff, later.n_eff, paired.n_eff)
    for name, k in (("cross_sectional_change", 0.0), ("stayers_change", 1.0), ("composite_change", share)):
        slope = np.array([1 - k, k])
        se = float(np.sqrt(max(slope @ matrix @ slope, 0.0)))
        yield told.figure(label, name, value=float(slope @ changes), se=se, degrees=degrees, n=n, n_eff=n_eff)
    unit = replace(label, unit="index", terms="")
    yield told.figure(unit, "composite_weight", value=share, se=np.nan, degrees=degrees, n=n, n_eff=n_eff)


def best_share(matrix: np.ndarray) -> float:
    """Return the weight of the second of two estimates of one thing that gives the least variance, between 0 and 1."""
    apart = float(matrix[0, 0] + matrix[1, 1] - 2 * matrix[0, 1])
    if apart <= 0:
        return 1.0  # the two are one
    return float(np.clip((matrix[0, 0] - matrix[0, 1]) / apart, 0.0, 1.0))
