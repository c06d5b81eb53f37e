"""From-to tables as they would be without slips: what a share of wrong answers makes of moves, and undoes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.contrasts import Contrast, contrast
from panel.estimate.estimators import Estimand
from panel.estimate.grouping import Grouping
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Label
from panel.estimate.steps import Steps, Taken

MOST_SLIPS = 0.4
FAR = 3.0
"""As many standard errors below nothing as no chance explains."""


def corrected(
    pair: Pair, labels: Sequence[Label], variable: str, groups: Grouping, slips: float, *, method: str
) -> list[Figure]:
    """
    Return the from-to table of each group as it would be had nobody slipped, if so many answers are slips.

        N* = Q^-1 N Q^-1',   q_aa = 1 - s,   q_ab = s / (k - 1)

    N are the shares of all that went from a to b, s the share of answers that name another category than the true one,
    by chance: in each wave anew, whoever answers, any of the other k - 1 alike. Slips make moves of people who stayed,
    so the corrected table has fewer. A share that comes out below nothing, as where nobody went at all, is told as
    nothing where chance explains it, and the others of its row make one. It is what to hold the plain table against at
    several s; s itself is an assumption (a second interview of some would tell it), and the standard error takes it as
    known.

    Source: Singh and Rao (1995), JASA 90, with misclassification that is independent between waves; delta method. Held
    to tables that slips were put into by arithmetic.

    Args:
        pair: the two waves.
        labels: what the figures of each group are about.
        variable: a coded variable.
        groups: who is in which, by rows of `pair.now`.
        slips: the share of answers that are slips, 0 to below 0.4.
        method: how the intervals are meant.

    Raises:
        EstimateError: slips is no such share, nobody answered both, or the table has far fewer moves than so many
            slips would make; names the group.
    """
    if not 0 <= slips <= MOST_SLIPS:
        raise EstimateError(f"Slips are a share of answers between 0 and {MOST_SLIPS:g}.", fix="slips=0.02")
    first, second = (pair.now.study.wave(wave).reference_year for wave in pair.waves)
    taken = Taken.of(Steps((pair,), second - first), variable, lambda _: groups)
    return [
        figure for place, label in enumerate(labels) for figure in _of_group(taken, label, place, slips, method, pair)
    ]


def _of_group(taken: Taken, label: Label, place: int, slips: float, method: str, pair: Pair) -> Iterator[Figure]:
    own, k = taken.inside & (taken.groups == place), len(taken.codes)
    if not own.any() or k < 2:
        return
    steps = taken.steps
    cells = [steps.mean((taken.source == at) & (taken.target == end), own) for at in range(k) for end in range(k)]
    values, matrix = np.array([each.value for each in cells]), steps.covariance(cells)
    undo = np.linalg.inv(np.full((k, k), slips / (k - 1)) + np.eye(k) * (1 - slips - slips / (k - 1)))
    told = replace(steps.told(method), weight=pair.now.label)
    whole = undo @ values.reshape(k, k) @ undo.T
    words = replace(label, unit="share", denominator=f"{label.denominator}, had {slips:g} of answers been slips")
    for at, source in enumerate(taken.codes):
        rows = own & (taken.source == at)
        base = steps.mean(rows, rows) if rows.any() else None
        if base is None or whole[at].sum() <= 0:
            continue
        found = [contrast(values, matrix, partial(_share, undo=undo, at=at, end=end)) for end in range(k)]
        for target, value, each in zip(taken.codes, _kept(found, base, taken, label), found, strict=True):
            yield told.figure(
                replace(words, value=f"{source}>{target}"), "corrected_transition", value=value, se=each.se,
                degrees=steps.degrees(rows), n=base.n, n_eff=base.n_eff,
            )  # fmt: skip


def _kept(found: Sequence[Contrast], base: Estimand, taken: Taken, label: Label) -> list[float]:
    """Return the shares of a row; those below nothing by chance are nothing, and the others make one."""
    if any(each.value < -FAR * each.se - FAR / base.n_eff for each in found):  # of n, none is up to 3 / n by chance
        raise EstimateError(
            f"So many slips alone would make more moves of '{printable(taken.variable)}' in '{printable(label.group)}' "
            "than there are.",
            fix="assume fewer slips",
        )
    shares = [max(each.value, 0.0) for each in found]
    return [min(each / sum(shares), 1.0) for each in shares]


def _share(values: np.ndarray, undo: np.ndarray, at: int, end: int) -> float:
    """Return the share of a row of the table that is in one cell, slips undone."""
    row = undo[at] @ values.reshape(len(undo), len(undo)) @ undo.T
    return row[end] / row.sum()
