"""How much movement there is in a from-to table: who moved at all, and the index of Prais and Shorrocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.grouped import Grouped, means
from panel.estimate.grouping import Grouping
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Label
from panel.estimate.split import Split


def mobility(pair: Pair, labels: Sequence[Label], variable: str, groups: Grouping, *, method: str) -> list[Figure]:
    """
    Return for each group the share that is in another category, and the mobility index of its from-to table.

        M = (k - sum_c p_cc) / (k - 1)

    k categories that somebody was in first, p_cc the share of those in c that stayed there. M is 0 where nobody moves,
    1 where where one ends does not depend on where one began, and above 1 where moving is the rule. Categories count
    alike in it, however few they are; in the share that moved people do. A group that began in one category only has no
    index.

    Source: Shorrocks (1978), Econometrica 46, eq. 1, after Prais (1955); influences of the p_cc as ratios. Oracle: o07
    (row_props, of which it is a sum; its standard error by their joint covariance).

    Args:
        pair: the two waves.
        labels: what the figures of each group are about.
        variable: a coded variable.
        groups: who is in which, by rows of `pair.now`.
        method: how the intervals are meant.

    Raises:
        EstimateError: nobody of these groups answered in both waves; names the variable and the waves.
    """
    coded = pair.coded(variable)
    inside = (groups.codes[pair.part.places] >= 0) & (coded.source >= 0) & (coded.target >= 0)
    if not (inside & (pair.part.weight > 0)).any():
        raise EstimateError(
            f"Nobody in these groups answered '{printable(variable)}' in both waves {pair.waves[0]} and "
            f"{pair.waves[1]}.",
            fix="choose waves that both asked it, or other groups",
        )
    stayed = (inside & (coded.source == coded.target)).astype(float)
    codes = np.where(inside, groups.codes[pair.part.places], -1)
    split = Split.of(codes, len(labels))
    moved = means(1 - stayed, pair.part.weight, split)
    index = _index(pair, stayed, np.where(inside, coded.source, -1), split)
    told = [
        pair.figures([replace(each, unit=unit) for each in labels], name, found, pair.degrees(found), method=method)
        for name, unit, found in (("moved_share", "share", moved), ("mobility", "index", index))
    ]
    return [figure for row in zip(*told, strict=True) for figure in row if figure is not None]


def _index(pair: Pair, stayed: np.ndarray, begun: np.ndarray, split: Split) -> Grouped:
    """Return the mobility index of each group from where its rows began, with their influence."""
    count, k, cell = split.count, int(begun.max(initial=0)) + 1, np.full(len(begun), -1)
    cell[split.rows] = split.owner * k + begun[split.rows]
    rows = means(stayed, pair.part.weight, Split.of(cell, count * k))
    there = rows.there.reshape(count, k)
    categories = there.sum(axis=1)
    safe = np.maximum(categories - 1, 1)
    value = (categories - np.where(there, rows.value.reshape(count, k), 0.0).sum(axis=1)) / safe
    whole = means(stayed, pair.part.weight, split)
    return Grouped(value, whole.n, whole.n_eff, categories > 1, split, -rows.pull / safe[split.owner])
