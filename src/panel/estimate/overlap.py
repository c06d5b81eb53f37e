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

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from panel.estimate.auxiliaries import Among, Auxiliary
from panel.estimate.calibration import Calibration
from panel.estimate.grouped import Grouped
from panel.estimate.kept import Kept
from panel.estimate.kernel import Design, stratum_factors
from panel.estimate.part import Part
from panel.estimate.response import Lost
from panel.estimate.split import Split, crossed

SMALL = 1e-4
"""A variance that is so small a part of the squares it is left of is made the long way."""


@dataclass(frozen=True)
class _Rows:
    """The rows of a split among the PSUs of a crowd, and what all pulls of them need."""

    places: np.ndarray  # in the crowd's PSUs
    weight: np.ndarray
    root: np.ndarray  # of the factor of the row's stratum
    stratum: np.ndarray  # group and stratum in one number
    heads: np.ndarray  # groups by strata: how many rows
    margins: np.ndarray | None  # group and cell of the margins in one number
    design_weight: np.ndarray | None
    unanswered: Among | None
    auxiliaries: tuple[Among, ...]


@dataclass(frozen=True)
class Pulls:
    """
    What the rows of a part do to the estimates of groups, times the root of their stratum's factor.

    `own` is the weighted influence of each row of the split. `slopes` are what weighting takes off, groups by
    auxiliaries, for each `Auxiliary` of the part.
    """

    crowd: Crowd
    split: Split
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
        return tuple(each.among(self.stratum, count, slice(None)).sums(ones) for each in self.auxiliaries)

    @cached_property
    def products(self) -> dict[tuple[int, int], np.ndarray]:
        """Return the products of every auxiliary with every other, over all PSUs."""
        return _products(self, self, slice(None), slice(None))

    @cached_property
    def _margins_in_response(self) -> tuple[np.ndarray, ...]:
        """Return the sum of what the margins take off times the covariates of the propensity and (1 - p), if any."""
        if self._margins is None or self.lost is None:
            return ()
        return (self._margins.products(_unanswered(self.lost), slice(None), slice(None)),)

    def _rows(self, split: Split) -> _Rows:
        """Return the rows of a split among these PSUs; made once."""
        return split.made((self, "rows"), lambda: self._found(split))

    def _found(self, split: Split) -> _Rows:
        count, calibration = split.count, self._calibration
        places = split.rows if self.lost is None else self.part.at(split.rows)
        at = slice(None) if split.is_whole and len(places) == len(self.unit) else places
        stratum = self.stratum[at]
        keys = crossed(split.owner, stratum, count, len(self.root))
        heads = np.bincount(keys, minlength=count * len(self.root)).reshape(count, -1)
        margins = design_weight = None
        if calibration is not None:
            margins = crossed(split.owner, split.at(calibration.cells.of), count, len(calibration.cells.x))
            design_weight = split.at(calibration.aimed_weight)
        return _Rows(
            places, split.at(self.part.weight), np.take(self.root, stratum), keys, heads, margins, design_weight,
            None if self.lost is None else _unanswered(self.lost).among(split.owner, count, at),
            tuple(each.among(split.owner, count, at) for each in self.auxiliaries),
        )  # fmt: skip

    def pulls(self, found: Grouped) -> Pulls:
        """Return what these rows do to the estimates of groups, found among the rows of the part."""
        rows, count = self._rows(found.split), found.count
        own = rows.weight * found.pull
        slopes = self._slopes(found, rows, own)
        own *= rows.root
        sums = np.bincount(rows.stratum, weights=own, minlength=count * len(self.root)).reshape(count, -1)
        for slope, held in zip(slopes, self._by_stratum, strict=True):
            sums = sums - np.einsum("gq,hq->gh", slope, held)
        squares = found.split.sums(own**2)
        variance = squares - np.einsum("gh,gh,h->g", sums, sums, 1 / np.maximum(self.design.drawn, 1))
        for slope, each in zip(slopes, rows.auxiliaries, strict=True):
            variance -= 2 * np.einsum("gq,gq->g", slope, each.sums(own))
        variance += _quadratic(slopes, slopes, self.products)
        return Pulls(self, found.split, own, slopes, sums, rows.heads > 0, variance, squares)

    def degrees(self, found: Grouped) -> list[int]:
        """Return the PSUs of each group less the strata they lie in; at least 1."""
        heads = self._rows(found.split).heads
        return [int(each) for each in np.maximum(heads.sum(axis=1) - (heads > 0).sum(axis=1), 1)]

    def placed(self, split: Split) -> np.ndarray:
        """Return where each PSU is among the rows of a split; -1 where it is none of them."""
        out = np.full(len(self.unit), -1, dtype=np.int32)
        out[self._rows(split).places] = np.arange(len(split.rows), dtype=np.int32)
        return out

    def _slopes(self, found: Grouped, rows: _Rows, own: np.ndarray) -> tuple[np.ndarray, ...]:
        slopes, calibration = [], self._calibration
        if calibration is not None and rows.margins is not None and rows.design_weight is not None:
            held, cells = rows.design_weight * found.pull, len(calibration.cells.x)
            sums = np.bincount(rows.margins, weights=held, minlength=found.count * cells)
            slopes.append(calibration.slopes(sums.reshape(found.count, cells)))
        if self.lost is not None and rows.unanswered is not None:
            pull = rows.unanswered.sums(own)
            for slope, held in zip(slopes, self._margins_in_response, strict=True):
                pull = pull - np.einsum("gq,qp->gp", slope, held)
            slopes.append(self.lost.credit.slopes(pull))
        return tuple(slopes)


def _unanswered(lost: Lost) -> Auxiliary:
    """Return the covariates of the propensity of each row, times (1 - p)."""
    credit = lost.credit
    return Auxiliary(1 - credit.propensity, credit.cells.of.astype(np.int32), credit.cells.x)


@dataclass(frozen=True, eq=False)
class Overlap:
    """The PSUs that two parts have in common, and the products of what weighting takes off them."""

    first: Crowd
    second: Crowd
    kept: Kept = field(default_factory=lambda: Kept(most=1), repr=False)  # of a sample: what is large, and used at once

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
        return _products(self.first, self.second, *self._both)

    def of(self, first: Pulls, second: Pulls) -> Shared:
        """Return the covariance of the estimates of each group in the two parts, and the PSUs it has in both."""
        paired = self.paired(first.split, second.split)
        return Shared(self._covariance(first, second, paired)[:, 0, 0], paired.units)

    def of_cells(self, first: Pulls, second: Pulls, many: int) -> np.ndarray:
        """
        Return how estimates of cells vary together: groups, by the cells of each in the first part, and in the second.

        A cell is what a group of the pulls is here: `many` that follow each other are those of one group.
        """
        return self._covariance(first, second, self._paired(first.split, second.split, many))

    def _covariance(self, first: Pulls, second: Pulls, paired: Paired) -> np.ndarray:
        many = paired.many
        found = paired.sums(np.take(first.own, paired.same[0]) * np.take(second.own, paired.same[1]))
        mine, theirs = (tuple(_by_group(each, many) for each in pulls.slopes) for pulls in (first, second))
        for slope, own in zip(theirs, paired.mine.sums(first.own), strict=True):
            found -= np.einsum("gcq,gdq->gcd", _by_group(own, many), slope)
        for slope, own in zip(mine, paired.theirs.sums(second.own), strict=True):
            found -= np.einsum("gcq,gdq->gcd", slope, _by_group(own, many))
        for (one, two), held in self._products.items():
            found += np.einsum("gcp,gdp->gcd", np.einsum("gcq,qp->gcp", mine[one], held), theirs[two])
        sums = _by_group(first.sums / np.maximum(self.first.design.drawn, 1), many)
        return np.asarray(found - np.einsum("gch,gdh->gcd", sums, _by_group(second.sums, many)))

    def paired(self, first: Split, second: Split) -> Paired:
        """Return the rows of two splits by the PSUs they share; made once for the same two."""
        return self.kept.get("paired", (self, first, second), lambda: self._paired(first, second, 1))

    def _paired(self, first: Split, second: Split, many: int) -> Paired:
        mine, theirs = self._both
        ours, others = np.take(self.first.placed(first), mine), np.take(self.second.placed(second), theirs)
        inside, others_inside = ours >= 0, others >= 0
        both = np.flatnonzero(inside & others_inside)
        here, there = np.take(first.owner, ours[both]), np.take(second.owner, others[both])
        is_same = here == there if many == 1 else here // many == there // many
        same = both[is_same]
        owner = here[is_same] if many == 1 else crossed(here[is_same], there[is_same] % many, first.count, many)
        return Paired(
            first.count // many, many, owner, (np.take(ours, same), np.take(others, same)),
            _crossing(first, ours[inside], self.second, theirs[inside]),
            _crossing(second, others[others_inside], self.first, mine[others_inside]),
        )  # fmt: skip


@dataclass(frozen=True)
class Crossing:
    """Rows of a split whose PSU is in another part too, and the auxiliaries they have there."""

    rows: np.ndarray
    auxiliaries: tuple[Among, ...]

    def sums(self, own: np.ndarray) -> list[np.ndarray]:
        """Return for each auxiliary its sum over the rows of each group, times what they do to it."""
        return [each.sums(np.take(own, self.rows)) for each in self.auxiliaries]


def _crossing(split: Split, rows: np.ndarray, crowd: Crowd, at: np.ndarray) -> Crossing:
    owner = np.take(split.owner, rows)
    return Crossing(rows, tuple(each.among(owner, split.count, at) for each in crowd.auxiliaries))


def _by_group(values: np.ndarray, many: int) -> np.ndarray:
    return values.reshape(len(values) // many, many, *values.shape[1:])


@dataclass(frozen=True)
class Paired:
    """
    Two splits by the PSUs they share: rows of one group in both, and the rows of either that are in the other.

    `owner` is the group of a row, its cell in the one and its cell in the other, in one number.
    """

    count: int
    many: int
    owner: np.ndarray
    same: tuple[np.ndarray, np.ndarray]
    mine: Crossing
    theirs: Crossing

    @cached_property
    def units(self) -> np.ndarray:
        """Return how many PSUs each group has in both."""
        return np.bincount(self.owner, minlength=self.count * self.many**2).reshape(self.count, -1).sum(axis=1)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Return the sum of each group, by cells and cells, of a number for each row in one group in both."""
        sums = np.bincount(self.owner, weights=values, minlength=self.count * self.many**2)
        # of nobody bincount makes whole numbers
        return sums.reshape(self.count, self.many, self.many).astype(float, copy=False)


@dataclass(frozen=True)
class Shared:
    """By group: the covariance of estimates in two parts, and how many PSUs it has in both."""

    covariance: np.ndarray
    units: np.ndarray


def _products(
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
