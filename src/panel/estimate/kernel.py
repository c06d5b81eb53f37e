"""
One variance for everything: weighted influence, summed to the PSU over all waves of a contrast, by stratum.

    V = sum_h (1 - f_h) n_h / (n_h - 1) sum_a (z_ha - mean_h z)(z_ha - mean_h z)'

Source: Wolter (2007), Introduction to Variance Estimation, ch. 6; Särndal, Swensson and Wretman (1992), eq. 5.5.10;
influence as in Deville (1999), Survey Methodology 25. Checked by oracles o01, o04 and o05.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from panel.errors import EstimateError

Lonely = Literal["fail", "adjust", "average", "certainty", "remove"]


@dataclass(frozen=True)
class Design:
    """
    Who was drawn together: for each row its PSU, and for each PSU its stratum.

    A member without a PSU is one; a study without strata has one. `sampled_share` is the sampling fraction of each
    stratum (0 where unknown), for the finite population correction.
    """

    psu: np.ndarray  # per row, into the PSUs
    stratum: np.ndarray  # per PSU, into the strata
    strata: tuple[str, ...]
    sampled_share: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, *, sampled_share: pd.Series | None = None) -> Design:
        """
        Return the design of person-waves, members of one PSU in different waves together.

        Args:
            frame: columns member, stratum, psu. Not modified.
            sampled_share: sampling fraction by stratum label.
        """
        strata = frame["stratum"].astype("str").fillna("").to_numpy(dtype=object)
        psu = frame["psu"].astype("str").fillna(frame["member"]).to_numpy(dtype=object)
        stratum_codes, labels = pd.factorize(strata)
        inner_codes, _ = pd.factorize(psu)
        pairs, _ = pd.factorize(inner_codes.astype(np.int64) * (len(labels) + 1) + stratum_codes)
        count = int(pairs.max()) + 1 if len(pairs) else 0
        stratum = np.zeros(count, dtype=np.int64)
        stratum[pairs] = stratum_codes
        names = tuple(map(str, labels))
        share = (
            np.zeros(len(names)) if sampled_share is None else sampled_share.reindex(names).fillna(0).to_numpy(float)
        )
        return cls(pairs, stratum, names, share)

    def totals(self, influence: np.ndarray) -> np.ndarray:
        """Return the sum of weighted influence by PSU; rows are those of the design."""
        return np.bincount(self.psu, weights=influence, minlength=len(self.stratum))

    def take(self, places: np.ndarray) -> Design:
        """Return the design of some rows; PSUs without any of them stay, and count with zero."""
        return Design(self.psu[places], self.stratum, self.strata, self.sampled_share)

    def present(self, rows: np.ndarray) -> np.ndarray:
        """Return which PSUs have any of these rows (a mask)."""
        return np.bincount(self.psu[rows], minlength=len(self.stratum)) > 0

    def degrees_of_freedom(self, rows: np.ndarray) -> int:
        """Return the PSUs less the strata that have any of these rows: counted on the domain, not on the sample."""
        present = self.present(rows)
        return max(int(present.sum()) - len(np.unique(self.stratum[present])), 1)


def covariance(
    totals: np.ndarray, design: Design, *, present: np.ndarray | None = None, lonely: Lonely = "fail"
) -> np.ndarray:
    """
    Return the covariance matrix of k estimates.

    Args:
        totals: PSUs by k, weighted influence summed to the PSU over all waves of the contrast; zero outside a domain.
        design: PSUs and strata.
        present: PSUs that are in the design of the contrast at all, also those outside the domain; all by default.
        lonely: what a stratum with one PSU does. "fail" refuses; "adjust" centres it at the mean over all PSUs;
            "average" gives it the mean variance of the others; "certainty" and "remove" give it none.

    Raises:
        EstimateError: a stratum has a single PSU and `lonely` is "fail"; names the stratum.
    """
    z = totals.reshape(len(design.stratum), -1)
    stratum = design.stratum
    if present is not None:
        z, stratum = z[present], stratum[present]
    if len(design.strata) == 1 and len(z) > 1:
        centred = z - z.mean(axis=0)
        factor = (1 - design.sampled_share[0]) * len(z) / (len(z) - 1)
        return np.asarray(factor * centred.T @ centred)
    n = np.bincount(stratum, minlength=len(design.strata)).astype(float)
    sums = np.stack([np.bincount(stratum, weights=column, minlength=len(n)) for column in z.T], axis=1)
    alone = n == 1
    if alone.any() and lonely == "fail":
        raise EstimateError(
            f"Stratum '{design.strata[int(np.argmax(alone))]}' has a single PSU, so its variance cannot be estimated.",
            fix="merge it with a like stratum, or choose adjust, average, certainty or remove",
        )
    means = sums / np.maximum(n, 1)[:, None]
    if lonely == "adjust":
        means[alone] = z.sum(axis=0) / len(z)
    factors = (1 - design.sampled_share) * np.where(n > 1, n / np.maximum(n - 1, 1), 1.0 if lonely == "adjust" else 0.0)
    centred = (z - means[stratum]) * np.sqrt(factors[stratum])[:, None]
    whole = np.asarray(centred.T @ centred)
    if lonely == "average" and alone.any():
        whole = whole * (len(n[n > 0]) / max(int((n > 1).sum()), 1))
    return whole


@dataclass(frozen=True)
class Contrast:
    """A function of several estimates, with its standard error by the delta method."""

    value: float
    se: float


def contrast(values: np.ndarray, matrix: np.ndarray, gradient: np.ndarray, value: float) -> Contrast:
    """Return `value`, a function of `values` whose gradient there is `gradient`, with its standard error."""
    del values
    return Contrast(value, float(np.sqrt(max(gradient @ matrix @ gradient, 0.0))))


def difference(values: np.ndarray, matrix: np.ndarray) -> Contrast:
    """Return the second of two estimates less the first."""
    return contrast(values, matrix, np.array([-1.0, 1.0]), float(values[1] - values[0]))


def relative(values: np.ndarray, matrix: np.ndarray) -> Contrast:
    """Return the change of the second of two estimates relative to the first."""
    first, second = values
    if first == 0:
        raise EstimateError("The first level is zero, so a relative change has no meaning.")
    gradient = np.array([-second / first**2, 1 / first])
    return contrast(values, matrix, gradient, float(second / first - 1))


def t_quantile(degrees: int, level: float = 0.95) -> float:
    """Return the two-sided t quantile."""
    return float(stats.t.ppf(0.5 + level / 2, degrees))
