"""
The covariance of two waves as statistics offices take it: the overlap is held fixed.

    V(change) = V_1 + V_2 - 2 r sqrt(V_1 V_2)

V_1 and V_2 are each wave's own variance, over the PSUs of that wave; r is the correlation of the PSU totals of both
waves after taking off their means by stratum and by whether a PSU is in the first wave, the second or both.

Holds where the number of PSUs that stay, leave and join was planned, as in a rotating panel, and for domains that were
planned too. The kernel lets those numbers vary, and so is the more careful of the two.

Source: Berger and Priam (2016), JRSS A 179; Berger and Priam (2010), Q2010; as in R's vardpoor (vardchanges) and
ReGenesees (svyDelta). Oracle: o05 (vardchanges).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from panel.errors import EstimateError
from panel.estimate.kernel import Design, covariance

FIXED_OVERLAP = "overlap held fixed (Berger and Priam)"
"""What a figure says of its method where this covariance was used."""


def fixed_overlap_covariance(
    totals: np.ndarray, present: np.ndarray, design: Design, *, waves: str = "both waves"
) -> np.ndarray:
    """
    Return the covariance of the same estimate in two waves, 2 by 2, for the contrasts of `panel.estimate.contrasts`.

    Args:
        totals: PSUs by 2, weighted influence of each wave's estimate (`Design.totals`), calibration credited.
        present: PSUs by 2, which PSUs the sample of each wave has (`Design.present`), in the domain or not.
        design: PSUs and strata of both waves together, in one stage.
        waves: what an error calls them.

    Raises:
        EstimateError: the design has later stages; no PSU is in both waves; or a stratum has a single PSU in a wave and
            the design made no choice for it.
    """
    if design.within is not None:
        raise EstimateError(
            "The covariance with a fixed overlap is for designs of one stage.", fix="use the covariance of the kernel"
        )
    if not present.all(axis=1).any():
        raise EstimateError(
            f"No PSU is in {waves}, so they have no overlap to hold fixed.",
            fix="use the covariance of the kernel, which is none here",
        )
    spread = [_own_variance(totals[:, wave], present[:, wave], design) for wave in (0, 1)]
    joint = _correlation(totals, present, design) * float(np.sqrt(spread[0] * spread[1]))
    return np.array([[spread[0], joint], [joint, spread[1]]])


def _own_variance(totals: np.ndarray, present: np.ndarray, design: Design) -> float:
    """Return the variance of one wave over its own PSUs."""
    own = replace(design, psu=np.arange(int(present.sum())), stratum=design.stratum[present], absent=None)
    return float(covariance(totals[present], own)[0, 0])


def _correlation(totals: np.ndarray, present: np.ndarray, design: Design) -> float:
    kept = present.any(axis=1)
    z = totals[kept]
    # means by stratum and presence are the fit of a regression on stratum x {in the first, in the second, in both}
    cell = design.stratum[kept] * 4 + present[kept, 0] * 2 + present[kept, 1]
    count = np.maximum(np.bincount(cell), 1)
    left = np.stack([column - (np.bincount(cell, weights=column) / count)[cell] for column in z.T])
    sums = np.einsum("ia,ja->ij", left, left)
    return float(sums[0, 1] / np.sqrt(sums[0, 0] * sums[1, 1])) if sums[0, 0] and sums[1, 1] else 0.0
