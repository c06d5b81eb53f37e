"""
One variance for everything: weighted influence, summed to the PSU over all waves of a contrast, by stratum.

    V = sum_h (1 - f_h) n_h / (n_h - 1) sum_a (z_ha - mean_h z)(z_ha - mean_h z)'

Source: Wolter (2007), Introduction to Variance Estimation, ch. 6; Särndal, Swensson and Wretman (1992), eq. 5.5.10;
influence as in Deville (1999), Survey Methodology 25. Checked by oracles o01, o04 and o05.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from scipy import stats

from panel.errors import EstimateError, printable

Lonely = Literal["fail", "adjust", "average", "certainty", "remove"]


@dataclass(frozen=True)
class Design:
    """
    Who was drawn together: for each row its PSU, and for each PSU its stratum.

    A member without a PSU is one; a study without strata has one. `sampled_share` is the sampling fraction of each
    stratum (0 where unknown), for the finite population correction. `absent` counts the PSUs of each stratum that have
    no row here, where these rows are part of a larger sample.
    """

    psu: np.ndarray  # per row, into the PSUs
    stratum: np.ndarray  # per PSU, into the strata
    strata: tuple[str, ...]
    sampled_share: np.ndarray
    absent: np.ndarray | None = None

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

    def take(self, places: np.ndarray) -> Design:
        """Return the design of some rows; PSUs without any of them are told in `absent`, and count with zero."""
        own = self.psu[places]
        has = np.zeros(len(self.stratum), dtype=bool)
        has[own] = True
        absent = np.bincount(self.stratum[~has], minlength=len(self.strata))
        absent = absent if self.absent is None else absent + self.absent
        return Design((np.cumsum(has) - 1)[own], self.stratum[has], self.strata, self.sampled_share, absent)

    @cached_property
    def is_one_row_a_psu(self) -> bool:
        """Say whether the rows are the PSUs, in order."""
        return len(self.psu) == len(self.stratum) and bool(np.array_equal(self.psu, np.arange(len(self.psu))))

    @cached_property
    def drawn(self) -> np.ndarray:
        """Return the number of PSUs of each stratum, those without rows here too."""
        here = np.bincount(self.stratum, minlength=len(self.strata))
        return here if self.absent is None else here + self.absent

    @cached_property
    def lonely(self) -> Lonely:
        """Return what figures of this design choose: "adjust" where a stratum has one PSU, else nothing to choose."""
        return "adjust" if bool((self.drawn == 1).any()) else "fail"

    def said(self, method: str) -> str:
        """Return a method with the choice for strata with one PSU added, where it was made."""
        return method if self.lonely == "fail" else f"{method}, strata with one PSU adjusted"

    def totals(self, influence: np.ndarray, places: np.ndarray | slice | None = None) -> np.ndarray:
        """Return the sum of weighted influence by PSU; rows are those of the design, or those at `places`."""
        if places is None and self.is_one_row_a_psu:
            return influence
        psu = self.psu if places is None else self.psu[places]
        return np.bincount(psu, weights=influence, minlength=len(self.stratum))

    def present(self, rows: np.ndarray, places: np.ndarray | slice | None = None) -> np.ndarray:
        """Return which PSUs have any of these rows (a mask); rows as in `totals`."""
        if places is None and self.is_one_row_a_psu:
            return rows
        has = np.zeros(len(self.stratum), dtype=bool)
        has[(self.psu if places is None else self.psu[places])[rows]] = True
        return has

    def degrees(self, present: np.ndarray) -> int:
        """Return these PSUs (a mask) less the strata they lie in; at least 1."""
        strata = 1 if len(self.strata) == 1 else np.count_nonzero(np.bincount(self.stratum[present]))
        return max(int(np.count_nonzero(present)) - int(strata), 1)

    def degrees_of_freedom(self, rows: np.ndarray) -> int:
        """Return the PSUs less the strata that have any of these rows: counted on the domain, not on the sample."""
        return self.degrees(self.present(rows))


def covariance(totals: np.ndarray, design: Design, *, lonely: Lonely = "fail") -> np.ndarray:
    """
    Return the covariance matrix of k estimates.

    Args:
        totals: PSUs by k, weighted influence summed to the PSU over all waves of the contrast; zero outside a domain.
        design: PSUs and strata; every PSU drawn counts, also those outside the domain.
        lonely: what a stratum with one PSU does. "fail" refuses; "adjust" centres it at the mean over all PSUs;
            "average" gives it the mean variance of the others; "certainty" and "remove" give it none.

    Raises:
        EstimateError: a stratum has a single PSU and `lonely` is "fail"; names the stratum.
    """
    z, n = totals.reshape(len(design.stratum), -1), design.drawn.astype(float)
    alone = n == 1
    if alone.any() and lonely == "fail":
        name = printable(design.strata[int(np.argmax(alone))])
        raise EstimateError(
            f"Stratum '{name}' has a single PSU, so its variance cannot be estimated.",
            fix="merge it with a like stratum, or choose adjust, average, certainty or remove",
        )
    means = _sums(z, design) / np.maximum(n, 1)[:, None]
    if lonely == "adjust":
        means[alone] = z.sum(axis=0) / n.sum()
    factors = (1 - design.sampled_share) * np.where(n > 1, n / np.maximum(n - 1, 1), 1.0 if lonely == "adjust" else 0.0)
    if len(n) == 1:
        centred = z - means[0]
        whole = factors[0] * _products(centred)
    else:
        centred = (z - means[design.stratum]) * np.sqrt(factors)[design.stratum][:, None]
        whole = _products(centred)
    if design.absent is not None:
        whole = whole + (means * (factors * design.absent)[:, None]).T @ means
    if lonely == "average" and alone.any():
        whole = whole * (len(n[n > 0]) / max(int((n > 1).sum()), 1))
    return np.asarray(whole)


def _products(z: np.ndarray) -> np.ndarray:
    """
    Return z'z, a pair of columns at a time.

    Not by `@`: its threads fight over shared cores, and their number changes the order of summation and so the bits.
    """
    columns = np.ascontiguousarray(z.T)
    whole = np.empty((len(columns), len(columns)))
    for one, left in enumerate(columns):
        for two, right in enumerate(columns[: one + 1]):
            whole[one, two] = whole[two, one] = (left * right).sum()
    return whole


def _sums(z: np.ndarray, design: Design) -> np.ndarray:
    """Return the sum of the totals of each stratum."""
    if len(design.strata) == 1:
        return np.asarray(z.sum(axis=0, keepdims=True))
    return np.stack(
        [np.bincount(design.stratum, weights=column, minlength=len(design.strata)) for column in z.T], axis=1
    )


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


@lru_cache(maxsize=4096)
def t_quantile(degrees: int, level: float = 0.95) -> float:
    """Return the two-sided t quantile."""
    return float(stats.t.ppf(0.5 + level / 2, degrees))
