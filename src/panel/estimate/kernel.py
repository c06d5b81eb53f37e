"""
One variance for everything: weighted influence, summed to the PSU over all waves of a contrast, by stratum.

    V = sum_h (1 - f_h) n_h / (n_h - 1) sum_a (z_ha - mean_h z)(z_ha - mean_h z)'

and, where units were drawn within the PSUs, the same sum within each, times the sampling fractions above it.

Source: Särndal, Swensson and Wretman (1992), eq. 5.5.10 and result 4.3.1 (stages); Wolter (2007), Introduction to
Variance Estimation, ch. 6; influence as in Deville (1999), Survey Methodology 25. Checked by oracles o01, o04 and o05.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from panel.errors import EstimateError, printable

Lonely = Literal["fail", "adjust", "average", "certainty", "remove"]
LONELY_SAID: dict[Lonely, str] = {
    "adjust": "strata with one PSU centred at the mean of all",
    "average": "strata with one PSU given the mean variance of the others",
    "certainty": "strata with one PSU taken as certain",
    "remove": "strata with one PSU left out of the variance",
}


@dataclass(frozen=True)
class Stage:
    """
    One stage of a draw, told row by row: the unit drawn, of how many, and in which stratum.

    Units and strata are labels, and count within the unit of the stage above. `population` is the number of units
    there were to draw from; None where they are too many to count.
    """

    unit: np.ndarray
    population: np.ndarray | None = None
    stratum: np.ndarray | None = None


@dataclass(frozen=True)
class Design:
    """
    Who was drawn together: for each row its PSU, and for each PSU its stratum.

    A member without a PSU is one; a study without strata has one. `sampled_share` is the sampling fraction of each
    stratum (0 where unknown), for the finite population correction. `absent` counts the PSUs of each stratum that have
    no row here, where these rows are part of a larger sample. `lonely` is what a stratum with a single PSU does to
    figures of this design. `within` is the next stage of the draw: its strata are the PSUs here, and its `share_above`
    the product of the sampling fractions that led to each.
    """

    psu: np.ndarray  # per row, into the PSUs
    stratum: np.ndarray  # per PSU, into the strata
    strata: tuple[str, ...]
    sampled_share: np.ndarray
    absent: np.ndarray | None = None
    lonely: Lonely = "fail"
    within: Design | None = None
    share_above: np.ndarray | None = None

    @classmethod
    def of(cls, frame: pd.DataFrame, *, sampled_share: pd.Series | None = None, lonely: Lonely = "fail") -> Design:
        """
        Return the design of person-waves, members of one PSU in different waves together.

        Args:
            frame: columns member, stratum, psu. Not modified.
            sampled_share: sampling fraction by stratum label.
            lonely: what a stratum with one PSU does, see `covariance`.
        """
        psu, labels = pd.factorize(frame["psu"])
        if (psu < 0).any():
            psu, _ = pd.factorize(np.where(psu < 0, len(labels) + pd.factorize(frame["member"])[0], psu))
        units, stratum, names = _nested_codes(psu, *_labelled(frame["stratum"]))
        share = (
            np.zeros(len(names)) if sampled_share is None else sampled_share.reindex(names).fillna(0).to_numpy(float)
        )
        return cls(units, stratum, names, share, lonely=lonely)

    @classmethod
    def of_stages(cls, stages: Sequence[Stage], *, lonely: Lonely = "fail") -> Design:
        """
        Return the design of a draw in several stages, the first of them first.

        Without a population at a stage it counts as drawn with replacement, and later stages add nothing: the PSUs
        carry all of the variance. Oracle: o01 (clus2).

        Raises:
            EstimateError: a stratum has fewer units to draw from than were drawn; names it.
        """
        rows = len(stages[0].unit)
        return cls._stage(stages, np.zeros(rows, dtype=np.int64), ("",), np.ones(rows), lonely)

    @classmethod
    def _stage(
        cls, stages: Sequence[Stage], parents: np.ndarray, names: tuple[str, ...], above: np.ndarray, lonely: Lonely
    ) -> Design:
        stage, later = stages[0], stages[1:]
        if stage.stratum is not None:
            codes, labels = _labelled(stage.stratum)
            parents, places, inner = _nested(codes, parents, names)
            names = tuple(f"{inner[place]} {labels[code]}".strip() for place, code in zip(
                places, codes[_first(parents, len(places))], strict=True
            ))  # fmt: skip
        units, stratum, names = _nested(stage.unit, parents, names)
        share = _shares(stage, stratum, parents, names)
        within = None
        if later:
            labels = tuple(map(str, stage.unit[_first(units, len(stratum))]))
            within = cls._stage(later, units, labels, above * share[parents], lonely)
        return cls(units, stratum, names, share, None, lonely, within, above[_first(parents, len(names))])

    def take(self, places: np.ndarray) -> Design:
        """Return the design of some rows; PSUs without any of them are told in `absent`, and count with zero."""
        own = self.psu[places]
        has = np.zeros(len(self.stratum), dtype=bool)
        has[own] = True
        absent = np.bincount(self.stratum[~has], minlength=len(self.strata))
        absent = absent if self.absent is None else absent + self.absent
        within = self.within.take(places) if self.within else None
        return Design(
            (np.cumsum(has) - 1)[own], self.stratum[has], self.strata, self.sampled_share, absent, self.lonely, within,
            self.share_above,
        )  # fmt: skip

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
    def alone(self) -> np.ndarray:
        """Return which strata have one PSU drawn out of several, so that its variance cannot be seen (a mask)."""
        reached = True if self.share_above is None else self.share_above > 0
        return np.asarray((self.drawn == 1) & (self.sampled_share < 1) & reached)

    def said(self, method: str) -> str:
        """Return a method with the choice for strata with one PSU added, where it was made."""
        if self.lonely == "fail" or not self.alone.any():
            return method
        return f"{method}, {LONELY_SAID[self.lonely]}"

    def totals(self, influence: np.ndarray, places: np.ndarray | slice | None = None) -> np.ndarray:
        """
        Return the sum of weighted influence by PSU, and after them by unit of each later stage.

        Rows are those of the design, or those at `places`; `influence` is one estimate's, or has a row for each of
        several.
        """
        own = self._totals(influence, places)
        return own if self.within is None else np.concatenate([own, self.within.totals(influence, places)], axis=-1)

    def _totals(self, influence: np.ndarray, places: np.ndarray | slice | None) -> np.ndarray:
        if places is None and self.is_one_row_a_psu:
            return influence
        psu = self.psu if places is None else self.psu[places]
        if influence.ndim == 1:
            return np.bincount(psu, weights=influence, minlength=len(self.stratum))
        out = np.empty((len(influence), len(self.stratum)))
        for row, each in zip(out, influence, strict=True):
            row[:] = np.bincount(psu, weights=each, minlength=len(self.stratum))
        return out

    def present(self, rows: np.ndarray, places: np.ndarray | slice | None = None) -> np.ndarray:
        """Return which PSUs have any of these rows (a mask); rows as in `totals`."""
        if places is None and self.is_one_row_a_psu:
            return rows
        has = np.zeros(len(self.stratum), dtype=bool)
        has[(self.psu if places is None else self.psu[places])[rows]] = True
        return has

    def present_by(self, owner: np.ndarray, count: int, places: np.ndarray) -> np.ndarray:
        """Return which PSUs have rows of each of `count` groups (groups by PSUs); rows at `places`, `owner` of each."""
        has = np.zeros((count, len(self.stratum)), dtype=bool)
        has[owner, self.psu[places]] = True
        return has

    def degrees(self, present: np.ndarray) -> int:
        """Return these PSUs (a mask) less the strata they lie in; at least 1."""
        strata = 1 if len(self.strata) == 1 else np.count_nonzero(np.bincount(self.stratum[present]))
        return max(int(np.count_nonzero(present)) - int(strata), 1)

    def degrees_of_freedom(self, rows: np.ndarray) -> int:
        """Return the PSUs less the strata that have any of these rows: counted on the domain, not on the sample."""
        return self.degrees(self.present(rows))


def covariance(totals: np.ndarray, design: Design, *, lonely: Lonely | None = None) -> np.ndarray:
    """
    Return the covariance matrix of k estimates.

    Args:
        totals: units by k, weighted influence summed over all waves of the contrast (`Design.totals`); zero outside
            a domain.
        design: PSUs and strata; every PSU drawn counts, also those outside the domain.
        lonely: what a stratum with one PSU does; the design's own choice where not told. "fail" refuses; "adjust"
            centres it at the mean over all PSUs; "average" gives it the mean variance of the others; "certainty" and
            "remove" give it none. A stratum drawn whole has no variance, with one PSU too.

    Raises:
        EstimateError: a stratum has a single PSU and the choice is "fail", or no stratum has more; names it.
    """
    z = totals.reshape(len(totals), -1)
    choice, whole, stage = lonely or design.lonely, np.zeros((z.shape[1], z.shape[1])), design
    while True:
        own = len(stage.stratum)
        whole = whole + _of_stage(z[:own], stage, choice)
        if stage.within is None:
            return whole
        z, stage = z[own:], stage.within


def variances(totals: np.ndarray, design: Design, *, lonely: Lonely | None = None) -> np.ndarray:
    """
    Return the variance of each of k estimates: the diagonal of `covariance`, without the rest.

    Args:
        totals: k by units, as `Design.totals` gives them for several estimates.
        design: as in `covariance`.
        lonely: as in `covariance`.
    """
    choice, whole, stage, z = lonely or design.lonely, np.zeros(len(totals)), design, totals
    while True:
        own = len(stage.stratum)
        means, factors = _centres(z[:, :own].T, stage, choice)
        scale = _averaged(z[:, :own].T, stage, choice)
        if len(factors) == 1:
            own_part = factors[0] * _squares(z[:, :own] - means[0][:, None])
        else:
            centred = z[:, :own] - np.take(means.T, stage.stratum, axis=1)
            centred *= np.sqrt(factors)[stage.stratum]
            own_part = _squares(centred)
        if stage.absent is not None:
            own_part = own_part + ((factors * stage.absent)[:, None] * means**2).sum(axis=0)
        whole = whole + own_part * scale
        if stage.within is None:
            return whole
        z, stage = z[:, own:], stage.within


def _squares(z: np.ndarray) -> np.ndarray:
    """Return the sum of squares of each row."""
    z *= z  # of a difference just made
    return np.asarray(z.sum(axis=1))


def _of_stage(z: np.ndarray, design: Design, lonely: Lonely) -> np.ndarray:
    means, factors = _centres(z, design, lonely)
    scale = _averaged(np.abs(z).sum(axis=1, keepdims=True), design, lonely)  # what is told together shares its strata
    if len(factors) == 1:
        whole = factors[0] * _products(z - means[0])
    else:
        whole = _products((z - means[design.stratum]) * np.sqrt(factors)[design.stratum][:, None])
    if design.absent is not None:
        whole = whole + (means * (factors * design.absent)[:, None]).T @ means
    return np.asarray(whole * scale)


def _centres(z: np.ndarray, design: Design, lonely: Lonely) -> tuple[np.ndarray, np.ndarray]:
    """Return what totals are centred at, by stratum and estimate; and the factor of each stratum."""
    n, alone = design.drawn.astype(float), design.alone
    if alone.any():
        refuse_lonely(design, lonely)
    means = _sums(z, design) / np.maximum(n, 1)[:, None]
    if lonely == "adjust":
        means[alone] = z.sum(axis=0) / n.sum()
    return means, stratum_factors(design, alone=1.0 if lonely == "adjust" else 0.0)


def _averaged(z: np.ndarray, design: Design, lonely: Lonely) -> np.ndarray | float:
    """
    Return by how much strata with one PSU raise each estimate's variance, where they get the mean of the others.

    Strata in which nobody of the domain is do not count, neither way, as in R.
    """
    if lonely != "average" or not design.alone.any():
        return 1.0
    seen = _sums(np.abs(z), design) > 0
    others = np.count_nonzero(seen & ~design.alone[:, None], axis=0)
    if (seen.any(axis=0) & (others == 0)).any():
        raise EstimateError(
            "All of the domain is in strata with a single PSU, so there is no average to give them.",
            fix="merge strata, or choose a larger domain",
        )
    return np.where(others > 0, np.count_nonzero(seen, axis=0) / np.maximum(others, 1), 1.0)


def stratum_factors(design: Design, *, alone: float = 0.0) -> np.ndarray:
    """Return (1 - f) n / (n - 1) of each stratum times the shares above it; `alone` in place of n / (n - 1) of 1."""
    n = design.drawn.astype(float)
    factors = (1 - design.sampled_share) * np.where(n > 1, n / np.maximum(n - 1, 1), alone)
    return np.asarray(factors if design.share_above is None else factors * design.share_above)


def refuse_lonely(design: Design, lonely: Lonely) -> None:
    """Raise where a choice for strata with one PSU cannot be kept."""
    name = design.strata[int(np.argmax(design.alone))]
    where = f"Stratum '{printable(name)}' has" if name else "The sample has"
    if lonely == "fail":
        raise EstimateError(
            f"{where} a single PSU, so its variance cannot be estimated.",
            fix="merge it with a like stratum, or choose adjust, average, certainty or remove "
            "(lonely_psu under [layout] of study.toml)",
        )
    if lonely == "average" and not (design.drawn > 1).any():
        raise EstimateError(
            f"{where} a single PSU, and no stratum has more, so there is no average to give it.",
            fix="merge strata until each has two PSUs",
        )


def _labelled(labels: np.ndarray | pd.Series) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the code of each label, and the labels as text; rows without one are together, and have an empty name."""
    codes, known = pd.factorize(labels)
    names = tuple(map(str, known))
    return (codes, names) if codes.min(initial=0) >= 0 else (np.where(codes < 0, len(names), codes), (*names, ""))


def _nested(
    labels: np.ndarray, parents: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the unit of each row and the parent of each unit: the same label in another parent is another unit."""
    return _nested_codes(pd.factorize(labels)[0], parents, names)


def _nested_codes(
    inner: np.ndarray, parents: np.ndarray, names: tuple[str, ...]
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the same of labels that are numbers from 0 on, in the order they first appear."""
    units, parent = inner, np.zeros(int(inner.max(initial=-1)) + 1, dtype=np.int64)
    parent[inner] = parents
    if len(names) > 1 and (parent[inner] != parents).any():  # a label in several parents
        units = pd.factorize(inner.astype(np.int64) * (len(names) + 1) + parents)[0]
        parent = parents[_first(units, int(units.max()) + 1)]
    return units, parent, names


def _first(codes: np.ndarray, count: int) -> np.ndarray:
    """Return the first row of each code."""
    first = np.zeros(count, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes))[::-1]
    return first


def _shares(stage: Stage, stratum: np.ndarray, parents: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """Return the sampling fraction of each stratum of a stage."""
    if stage.population is None:
        return np.zeros(len(names))
    drawn = np.bincount(stratum, minlength=len(names))
    share = np.asarray(drawn / stage.population[_first(parents, len(names))])
    if (share > 1).any():
        place = int(np.argmax(share))
        raise EstimateError(
            f"Stratum '{printable(names[place])}' has {drawn[place]} units drawn, more than there were to draw from.",
            fix="correct the population of the stratum",
        )
    return share


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


@lru_cache(maxsize=4096)
def t_quantile(degrees: int, level: float = 0.95) -> float:
    """Return the two-sided t quantile."""
    return float(stdtrit(degrees, 0.5 + level / 2))
