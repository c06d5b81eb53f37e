"""How members changed their minds between two waves about the same thing, and whether they could have known."""

from __future__ import annotations

import numpy as np
from scipy.special import fdtrc

from panel.estimate.estimators import Estimand
from panel.estimate.kernel import Design, covariance
from panel.forecast.claims import OUTCOMES, UNCLEAR, Said
from panel.forecast.linear import average, slope


def revisions(before: Said, after: Said, weights: np.ndarray) -> dict[tuple[str, str | None], Estimand]:
    """
    Return the revisions of members who spoke at both waves, by statistic and value.

    `revision_mean`, the later less the earlier: of a probability, or of a direction as -1, 0 and 1; `revision_slope`,
    that difference regressed on what was said first; both are zero where members use what they know, for then nobody
    can tell beforehand which way they will change their mind (the martingale property: Nordhaus 1987, Review of
    Economics and Statistics 69). `revised_down_share`, `revised_same_share`, `revised_up_share`; and of those who said
    that it was impossible to predict, `clear_now_share`.
    """
    first, second = _numbers(before), _numbers(after)
    both = np.isfinite(first) & np.isfinite(second)
    found: dict[tuple[str, str | None], Estimand] = {}
    if both.any():
        moved = np.where(both, second - first, 0.0)
        found["revision_mean", None] = average(moved, weights, both)
        for name, rows in (("down", moved < 0), ("same", moved == 0), ("up", moved > 0)):
            found[f"revised_{name}_share", name] = average((rows & both).astype(float), weights, both)
        steep = slope(first[both], moved[both], weights[both])
        if steep is not None:
            found["revision_slope", None] = _spread(steep, both)
    unclear = (before.category == UNCLEAR) & after.known
    if unclear.any():
        clear = (after.category != UNCLEAR).astype(float)
        found["clear_now_share", None] = average(clear, weights, unclear)
    return found


def martingale_p(mean: Estimand, steep: Estimand, weights: np.ndarray, design: Design) -> float:
    """
    Return the p value of the hypothesis that revisions have mean zero and slope zero.

    Wald's F on two and the design's degrees of freedom, adjusted (Korn and Graubard 1990, American Statistician 44).
    """
    totals = np.stack([design.totals(weights * each.linear) for each in (mean, steep)], axis=1)
    matrix = covariance(totals, design)
    values, degrees = np.array([mean.value, steep.value]), design.degrees_of_freedom(mean.rows)
    if degrees < 2 or np.linalg.det(matrix) <= 0:
        return float("nan")
    wald = float(values @ np.linalg.solve(matrix, values))
    return float(fdtrc(2, degrees - 1, wald * (degrees - 1) / (2 * degrees)))


def _numbers(each: Said) -> np.ndarray:
    """Return a probability, or a direction as -1, 0 and 1; NaN where neither was said."""
    out = each.probability.copy()
    for number, name in zip((-1.0, 0.0, 1.0), OUTCOMES, strict=True):
        out[each.category == name] = number
    return out


def _spread(found: Estimand, rows: np.ndarray) -> Estimand:
    """Return an estimate over some rows as one over all."""
    linear = np.zeros(len(rows))
    linear[rows] = found.linear
    return Estimand(found.value, linear, found.n, found.n_eff, rows)
