"""How members moved by where they began: change, falls and staying by fifth or tenth of the first amount."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.decomposition import Amount
from panel.estimate.estimators import quantile_point
from panel.estimate.grouped import means
from panel.estimate.grouping import Grouping
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Label
from panel.estimate.split import Split

MOST_PARTS = 20


def by_rank(
    pair: Pair, labels: Sequence[Label], amount: Amount, groups: Grouping, parts: int, *, method: str
) -> list[Figure]:
    """
    Return by part of the first amount (`value`, 1 the lowest) how members' amounts changed.

    `rank_change_mean` is the mean of their own change, `rank_share_fell` the share that has less, `rank_share_stayed`
    the share that is in the same part of the later distribution. Parts are those of each group, equally large under the
    weights; their edges count as known in the standard errors. Whoever stands out by a slip or a lucky year falls back
    without anything having happened: that makes low parts rise and high parts fall (regression to the mean).

    Source: kernel; rank mobility as Jarvis and Jenkins (1998), Economic Journal 108. Counted by hand.

    Args:
        pair: the two waves, with their longitudinal weight.
        labels: what the figures of each group are about.
        amount: values by rows of the whole sample.
        groups: who is in which, by rows of the pair.
        parts: how many parts, 2 to 20.
        method: how the intervals are meant.

    Raises:
        EstimateError: parts is no such number, or nobody of these groups gave both amounts.
    """
    if not 2 <= parts <= MOST_PARTS:
        raise EstimateError(f"A distribution has 2 to {MOST_PARTS} parts here.", fix="parts=5")
    first, second = (amount.values[each.places][pair.part.places] for each in (pair.now, pair.then))
    weight, both = pair.part.weight, np.isfinite(first) & np.isfinite(second) & (pair.part.weight > 0)
    codes = np.where(both, groups.codes[pair.part.places], -1)
    if (codes < 0).all():
        raise EstimateError(
            f"Nobody in these groups gave '{printable(amount.variable)}' in both waves {pair.waves[0]} and "
            f"{pair.waves[1]}.",
            fix="choose waves that both asked it, or other groups",
        )
    began, ended = (_part_of(each, weight, codes, len(labels), parts) for each in (first, second))
    cells = np.where(codes >= 0, codes * parts + began, -1)
    words = [replace(each, value=str(part + 1)) for each in labels for part in range(parts)]
    shares, change = [replace(each, unit="share", terms="") for each in words], np.where(both, second - first, 0.0)
    split, told = Split.of(cells, len(words)), []
    for name, labelled, values in (
        ("rank_change_mean", words, change),
        ("rank_share_fell", shares, (change < 0).astype(float)),
        ("rank_share_stayed", shares, (began == ended).astype(float)),
    ):
        found = means(values, weight, split)
        told.append(
            pair.figures(
                labelled, name, found, pair.degrees(found), method=method, is_provisional=amount.is_provisional
            )
        )
    return [figure for row in zip(*told, strict=True) for figure in row if figure is not None]


def _part_of(values: np.ndarray, weight: np.ndarray, codes: np.ndarray, count: int, parts: int) -> np.ndarray:
    """Return for each row the part of its group's distribution it is in, from 0."""
    out = np.zeros(len(values), dtype=np.int64)
    for place in range(count):
        own = codes == place
        if own.any():
            edges = [quantile_point(values[own], weight[own], part / parts) for part in range(1, parts)]
            out[own] = np.searchsorted(edges, values[own], side="left")
    return out
