"""Whether a member's answers are the answers of the same person as before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

_FEWEST = 50
"""With fewer members who answered both times, agreement by chance cannot be told from that of one person."""
_WIDE = 2.5
"""Amounts agree where they differ by at most so many times the median difference of their logs."""


def identity_score(
    rows: pd.DataFrame, earlier: pd.DataFrame, codes: Sequence[str], amounts: Sequence[str]
) -> np.ndarray:
    """
    Return by how much the answers speak for the same person: the log of the odds, over the last two interviews.

    Each answer that is the same as before adds log(m / u), each that differs log((1 - m) / (1 - u)): m is the share of
    members who repeat it, u the share of pairs of any two people who agree. Both come from the wave itself, so that
    habits that change fast say little. Where two interviews are there, the score is the mean of both: one of them that
    was somebody else's does not accuse the next. Answers hang together, so the odds are an order, not a probability.

    Source: Fellegi and Sunter (1969), A theory for record linkage, eq. 9 to 11, with m and u by answer.

    Args:
        rows: of the wave that is judged. Not modified.
        earlier: person-waves of waves before, by wave. Not modified.
        codes: single answers that are asked in every wave.
        amounts: amounts that are.

    Returns:
        One number for each row; NaN where nothing earlier is known.
    """
    last = earlier.drop_duplicates("member", keep="last").set_index("member")
    older = earlier[earlier.duplicated("member", keep="last")].drop_duplicates("member", keep="last")
    scores = [_score(rows, each, codes, amounts) for each in (last, older.set_index("member"))]
    known = np.isfinite(scores)
    total = np.where(known, scores, 0.0).sum(axis=0)
    return np.where(known.any(axis=0), total / np.maximum(known.sum(axis=0), 1), np.nan)


def _score(rows: pd.DataFrame, before: pd.DataFrame, codes: Sequence[str], amounts: Sequence[str]) -> np.ndarray:
    score = np.where(rows["member"].isin(before.index).to_numpy(dtype=bool), 0.0, np.nan)
    for name in (*codes, *amounts):
        now = rows[name].to_numpy(dtype=float, na_value=np.nan)
        then = before[name].reindex(rows["member"]).to_numpy(dtype=float, na_value=np.nan)
        if name in amounts:
            now, then = (np.log(np.where(each > 0, each, np.nan)) for each in (now, then))
        known = np.isfinite(now) & np.isfinite(then)
        if known.sum() >= _FEWEST:
            score[known] += _weights(now[known], then[known], is_amount=name in amounts)
    return score


def _weights(now: np.ndarray, then: np.ndarray, *, is_amount: bool) -> np.ndarray:
    """Return the weight of each pair of answers; none where two people agree as often as one does with oneself."""
    width = _WIDE * float(np.median(np.abs(now - then))) if is_amount else 0.0
    same = np.abs(now - then) <= width
    ordered = np.sort(then)
    near = np.searchsorted(ordered, now + width, side="right") - np.searchsorted(ordered, now - width, side="left")
    one, any_two = (same.sum() + 0.5) / (len(same) + 1), float(np.clip(near.mean() / len(then), 1e-3, 0.999))
    if one <= any_two:
        return np.zeros(len(now))
    return np.where(same, np.log(one / any_two), np.log((1 - one) / (1 - any_two)))
