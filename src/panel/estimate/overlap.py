"""
Variances and covariances of the estimates of many groups at once, without a number for each group and PSU.

A row moves the estimate of its own group, and what weighting takes off moves all of them, but through a few auxiliary
variables only: with r the weighted influence of a row on its own group and x the auxiliaries of its cell,

    z_gi = 1(g_i = g) r_i - s_i x_i' b_g

Sums of squares and products of z over PSUs, within a wave or between two, so are sums over the rows of each group, and
a small matrix of products of auxiliaries that all groups and all estimates share. Many groups cost hardly more than
one. Where a variance is small beside what it is the difference of, and rounding would show, it is made the long way.

For draws of one stage, and waves with one row a PSU. Source: Särndal, Swensson and Wretman (1992), eq. 3.7.6,
multiplied out. Oracle: as `panel.estimate.kernel`, to which it is held in tests/unit/test_overlap.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from panel.estimate.calibration import Calibration
from panel.estimate.grouped import Grouped
from panel.estimate.kernel import Design, stratum_factors
from panel.estimate.part import Part
from panel.estimate.response import Lost

SMALL = 1e-4
"""A variance that is so small a part of the squares it is left of is made the long way."""


@dataclass(frozen=True)
class Auxiliary:
    """What weighting takes off each row: a scale a row, times the auxiliaries of its cell, times a slope a group."""

    scale: np.ndarray
    cell: np.ndarray
    x: np.ndarray  # cells by auxiliaries

    def by_group(self, owner: np.ndarray, held: np.ndarray, count: int, at: np.ndarray | slice) -> np.ndarray:
        """Return for each group the sum of a number a row times the auxiliaries of the rows `at`."""
        cells = len(self.x)
        sums = np.bincount(owner * cells + self.cell[at], weights=held * self.scale[at], minlength=count * cells)
        return np.einsum("gc,cq->gq", sums.reshape(count, cells), self.x)

    def products(self, other: Auxiliary, mine: np.ndarray | slice, theirs: np.ndarray | slice) -> np.ndarray:
        """Return the sum of products of these auxiliaries and others, over rows of both in pairs."""
        held, shape = self.scale[mine] * other.scale[theirs], (len(self.x), len(other.x))
        pairs = sparse.coo_array((held, (self.cell[mine], other.cell[theirs])), shape=shape).tocsr()
        return np.einsum("cp,cq->pq", self.x, pairs @ other.x)


@dataclass(frozen=True)
class Pulls:
    """
    What the rows of a part do to the estimates of groups, times the root of their stratum's factor.

    `rows` are the places, in the part's PSUs, of the rows that are in any group; `owner` the group of each; `own` its
    weighted influence. `slopes` are what weighting takes off, groups by auxiliaries, for each `Auxiliary` of the part.
    """

    crowd: Crowd
    count: int
    rows: np.ndarray
    owner: np.ndarray
    own: np.ndarray
    slopes: tuple[np.ndarray, ...]
    sums: np.ndarray  # groups by strata, of the influence
    strata: np.ndarray  # groups by strata: whether there is anybody
    variance: np.ndarray
    squares: np.ndarray  # of `own`, by group

    @property
    def is_sound(self) -> np.ndarray:
        """Return of which groups the variance is large enough beside what it is left of (a mask)."""
        return np.asarray(self.variance >= SMALL * self.squares)


@dataclass(frozen=True, eq=False)
class Crowd:
    """The PSUs of a part, one row each, and what weighting takes off all of them: what all its estimates share."""

    part: Part
    design: Design
    unit: np.ndarray
    stratum: np.ndarray
    root: np.ndarray  # of the factor of each stratum
    lost: Lost | None

    @classmethod
    def of(cls, part: Part, whole: Design, at: np.ndarray | slice, lost: Lost | None) -> Crowd | None:
        """
        Return the PSUs of a part; None where a PSU has several rows, or the draw several stages or lone PSUs.

        Args:
            part: the rows that answered.
            whole: the design that PSUs are numbered in; those without a row count with zero.
            at: where the rows of the part are in it; with `lost`, those of everybody who was due.
            lost: those who were due and did not answer.
        """
        if whole.within is not None or (whole.alone.any() and whole.lonely not in ("certainty", "remove")):
            return None
        unit = whole.psu[at].astype(np.int32)
        has = np.zeros(len(whole.stratum), dtype=bool)
        has[unit] = True
        if np.count_nonzero(has) < len(unit):
            return None
        stratum = whole.stratum[unit].astype(np.int32)
        return cls(part, whole, unit, stratum, np.sqrt(stratum_factors(whole)), lost)

    @property
    def _calibration(self) -> Calibration | None:
        calibration = self.part.calibration
        return calibration if calibration is not None and calibration.cells.x.size else None

    def _at(self, rows: np.ndarray) -> np.ndarray:
        """Return where rows of the part are among the PSUs."""
        return rows if self.lost is None else self.part.at(rows)

    @cached_property
    def _margins(self) -> Auxiliary | None:
        """Return what the margins take off, not yet times the root."""
        calibration = self._calibration
        if calibration is None:
            return None
        scale, cell = self.part.weight, calibration.cells.of
        if calibration.cut is not None:
            scale = scale / calibration.cut
        if self.lost is not None:
            scale, cell = (self.part.spread(each, len(self.unit)) for each in (scale, cell))
        return Auxiliary(scale, cell.astype(np.int32), calibration.basis)

    @cached_property
    def _response(self) -> Auxiliary | None:
        """Return what the estimated propensities take off, not yet times the root."""
        if self.lost is None:
            return None
        credit = self.lost.credit
        return Auxiliary(credit.surprise, credit.cells.of.astype(np.int32), credit.cells.x)

    @cached_property
    def auxiliaries(self) -> tuple[Auxiliary, ...]:
        """Return what is taken off, times the root of the stratum's factor."""
        there = (each for each in (self._margins, self._response) if each is not None)
        return tuple(replace(each, scale=each.scale * self.root[self.stratum]) for each in there)

    @cached_property
    def _by_stratum(self) -> tuple[np.ndarray, ...]:
        count = len(self.root)
        ones = np.ones(len(self.unit))
        return tuple(each.by_group(self.stratum, ones, count, slice(None)) for each in self.auxiliaries)

    @cached_property
    def _products(self) -> dict[tuple[int, int], np.ndarray]:
        return products(self, self, slice(None), slice(None))

    @cached_property
    def _margins_in_response(self) -> tuple[np.ndarray, ...]:
        """Return the sum of what the margins take off times the covariates of the propensity and (1 - p), if any."""
        if self._margins is None or self.lost is None:
            return ()
        return (self._margins.products(_unanswered(self.lost), slice(None), slice(None)),)

    def pulls(self, found: Grouped) -> Pulls:
        """Return what these rows do to the estimates of groups, found among the rows of the part."""
        rows, count = self._at(found.rows), found.count
        own = self.part.weight[found.rows] * found.pull
        slopes = self._slopes(found, rows, own)
        own = own * self.root[self.stratum[rows]]
        keys = found.owner * len(self.root) + self.stratum[rows]
        sums, heads = (
            np.bincount(keys, weights=each, minlength=count * len(self.root)).reshape(count, -1) for each in (own, None)
        )
        for slope, held in zip(slopes, self._by_stratum, strict=True):
            sums = sums - np.einsum("gq,hq->gh", slope, held)
        squares = np.bincount(found.owner, weights=own**2, minlength=count)
        variance = squares - np.einsum("gh,gh,h->g", sums, sums, 1 / np.maximum(self.design.drawn, 1))
        for slope, each in zip(slopes, self.auxiliaries, strict=True):
            variance -= 2 * np.einsum("gq,gq->g", slope, each.by_group(found.owner, own, count, rows))
        variance += _quadratic(slopes, slopes, self._products)
        return Pulls(self, count, rows, found.owner, own, slopes, sums, heads > 0, variance, squares)

    def degrees(self, found: Grouped) -> list[int]:
        """Return the PSUs of each group less the strata they lie in; at least 1."""
        keys = found.owner * len(self.root) + self.stratum[self._at(found.rows)]
        heads = np.bincount(keys, minlength=found.count * len(self.root)).reshape(found.count, -1)
        return [int(each) for each in np.maximum(heads.sum(axis=1) - (heads > 0).sum(axis=1), 1)]

    def _slopes(self, found: Grouped, rows: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, ...]:
        slopes = []
        if self._calibration is not None:
            held = self._calibration.by_cell(found.pull, found.owner, found.rows, found.count)
            slopes.append(self._calibration.slopes(held))
        if self.lost is not None:
            pull = _unanswered(self.lost).by_group(found.owner, own, found.count, rows)
            for slope, held in zip(slopes, self._margins_in_response, strict=True):
                pull = pull - np.einsum("gq,qp->gp", slope, held)
            slopes.append(self.lost.credit.slopes(pull))
        return tuple(slopes)


def _unanswered(lost: Lost) -> Auxiliary:
    """Return the covariates of the propensity of each row, times (1 - p)."""
    credit = lost.credit
    return Auxiliary(1 - credit.propensity, credit.cells.of.astype(np.int32), credit.cells.x)


@dataclass(frozen=True)
class Overlap:
    """The PSUs that two parts have in common, and the products of what weighting takes off them."""

    first: Crowd
    second: Crowd

    @cached_property
    def _both(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the places of the PSUs of both, in the one and in the other."""
        where = np.full(len(self.first.design.stratum), -1, dtype=np.int32)
        where[self.second.unit] = np.arange(len(self.second.unit), dtype=np.int32)
        at = where[self.first.unit]
        mine = np.flatnonzero(at >= 0).astype(np.int32)
        return mine, at[mine]

    @cached_property
    def _products(self) -> dict[tuple[int, int], np.ndarray]:
        return products(self.first, self.second, *self._both)

    def of(self, first: Pulls, second: Pulls) -> Shared:
        """Return the covariance of the estimates of each group in the two parts, and the PSUs it has in both."""
        mine, theirs = self._both
        (own_owner, own), (other_owner, other) = _spread(first), _spread(second)
        own_owner, own, other_owner, other = own_owner[mine], own[mine], other_owner[theirs], other[theirs]
        same = np.flatnonzero((own_owner == other_owner) & (own_owner >= 0))
        owner = own_owner[same]
        # of nobody bincount makes whole numbers
        found = np.bincount(owner, weights=own[same] * other[same], minlength=first.count).astype(float, copy=False)
        found -= _crossed(own_owner, own, theirs, self.second, second.slopes, first.count)
        found -= _crossed(other_owner, other, mine, self.first, first.slopes, first.count)
        found += _quadratic(first.slopes, second.slopes, self._products)
        found -= np.einsum("gh,gh,h->g", first.sums, second.sums, 1 / np.maximum(self.first.design.drawn, 1))
        return Shared(found, np.bincount(owner, minlength=first.count))


@dataclass(frozen=True)
class Shared:
    """By group: the covariance of its estimates in two parts, and how many PSUs it has in both."""

    covariance: np.ndarray
    units: np.ndarray


def products(
    first: Crowd, second: Crowd, mine: np.ndarray | slice, theirs: np.ndarray | slice
) -> dict[tuple[int, int], np.ndarray]:
    """Return the products of every auxiliary of one part with every one of another, over PSUs in pairs."""
    return {
        (one, two): left.products(right, mine, theirs)
        for one, left in enumerate(first.auxiliaries)
        for two, right in enumerate(second.auxiliaries)
    }


def _quadratic(
    first: tuple[np.ndarray, ...], second: tuple[np.ndarray, ...], held: dict[tuple[int, int], np.ndarray]
) -> np.ndarray:
    parts = [
        np.einsum("gp,gp->g", np.einsum("gq,qp->gp", first[one], matrix), second[two])
        for (one, two), matrix in held.items()
    ]
    return np.asarray(np.sum(parts, axis=0))


def _crossed(
    owner: np.ndarray, own: np.ndarray, at: np.ndarray, crowd: Crowd, slopes: tuple[np.ndarray, ...], count: int
) -> np.ndarray:
    """Return the sum of what rows do to their own group times what weighting takes off them elsewhere."""
    inside = np.flatnonzero(owner >= 0)
    mine, held, places = owner[inside], own[inside], at[inside]
    parts = [
        np.einsum("gq,gq->g", slope, each.by_group(mine, held, count, places))
        for slope, each in zip(slopes, crowd.auxiliaries, strict=True)
    ]
    return np.asarray(np.sum(parts, axis=0))


def _spread(pulls: Pulls) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of every PSU, -1 where it is in none, and its influence on it."""
    owner, own = np.full(len(pulls.crowd.unit), -1, dtype=np.int32), np.zeros(len(pulls.crowd.unit))
    owner[pulls.rows], own[pulls.rows] = pulls.owner, pulls.own
    return owner, own
