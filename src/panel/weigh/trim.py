"""Cut extreme weights, and share out what is cut."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from panel.errors import EstimateError

MOST_ROUNDS = 100


@dataclass(frozen=True)
class Trimmed:
    """Weights within limits that add up to the same, and the share of all weight that was moved."""

    weights: np.ndarray
    share: float
    count: int


def trim(weights: np.ndarray, low: float, high: float) -> Trimmed:
    """
    Return weights between two limits: what is cut is shared out equally over the others, in turn until all are within.

    Trimming gives up margins for steadiness: to keep both, calibrate within bounds instead.

    Source: Potter (1990), Proceedings of the Survey Research Methods Section, ASA; `trimWeights(strict = TRUE)` of R's
    survey. Oracle: o03 (trim).

    Args:
        weights: a weight a row, none negative; those of zero stay out of it.
        low: the least a weight may be.
        high: the most.

    Raises:
        EstimateError: the limits leave no room for the sum of the weights.
    """
    out = weights.astype(float).copy()
    used = out > 0
    count, whole = int(used.sum()), float(out.sum())
    if not low * count <= whole * (1 + 1e-12) or not whole * (1 - 1e-12) <= high * count:
        raise EstimateError(
            f"Weights with a mean of {whole / max(count, 1):g} cannot all lie between {low:g} and {high:g}.",
            fix="widen the limits of the trimming around the mean weight",
        )
    cut = np.zeros(len(out), dtype=bool)
    for _ in range(MOST_ROUNDS):
        outside = used & ((out < low) | (out > high))
        if not outside.any():
            break
        cut |= outside
        inside = np.clip(out[outside], low, high)
        spare = float((out[outside] - inside).sum())
        out[outside] = inside
        open_ones = used & ~cut
        if not open_ones.any():
            open_ones = used & ((out < high) if spare > 0 else (out > low))
        out[open_ones] += spare / open_ones.sum()
    return Trimmed(out, float(np.abs(out - weights).sum() / 2 / whole), int(cut.sum()))
