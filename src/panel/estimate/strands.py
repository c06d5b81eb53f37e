"""
Estimates of the same groups from several waves or pairs of waves, and how what is made of them varies.

A strand is what the rows of one wave, or of one pair, say of every group. A figure of a group is made of its strands by
a slope, so many times each:

    V(sum_k a_k s_k) = sum_k sum_l a_k a_l C(s_k, s_l)

All groups are made at once where PSUs are one row each (`panel.estimate.overlap`); where they are not, a variance is
small beside the squares it is left of, or there is one group only, the kernel is asked, with a number for each PSU.

Source and oracle: as `panel.estimate.kernel`, to which it is held in tests/unit/test_strands.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from panel.estimate.grouped import Grouped
from panel.estimate.kernel import Design, covariance
from panel.estimate.overlap import SMALL, Crowd, Pulls
from panel.estimate.pairs import Pair
from panel.estimate.rows import Influence
from panel.estimate.sample import Sample


@dataclass(frozen=True, eq=False)
class Strand:
    """
    An estimate of every group from the rows of one wave or pair.

    `at` says which row of the whole sample each row of `found` is; `crowd` is None where a PSU has several rows;
    `totals` gives the weighted influence of the estimate of a group, by PSU of the whole sample.
    """

    found: Grouped
    at: np.ndarray
    crowd: Crowd | None
    totals: Callable[[int], np.ndarray]

    @classmethod
    def of_wave(cls, sample: Sample, wave: int, found: Grouped) -> Strand:
        """Return what the rows of a wave say under the sample's own weights; `found` is over its part."""
        part = sample.part(wave)

        def totals(place: int) -> np.ndarray:
            return np.asarray(sample.totals_by_group(part, found, range(place, place + 1))[0])

        return cls(found, part.at(found.rows), sample.crowd(part), totals)

    @classmethod
    def of_pair(cls, pair: Pair, found: Grouped) -> Strand:
        """Return what the members of a pair say under their longitudinal weight; `found` is over its part."""
        at = pair.part.at(found.rows)

        def totals(place: int) -> np.ndarray:
            linear, own = np.zeros(len(pair.now.weight)), found.owner == place
            linear[at[own]] = found.pull[own]
            return pair.totals_of_whole(linear)

        return cls(found, pair.now.places[at], pair.now.crowd(pair.part), totals)

    @cached_property
    def pulls(self) -> Pulls | None:
        """Return what the rows do to the estimates of groups; None where a PSU has several rows."""
        return None if self.crowd is None else self.crowd.pulls(self.found)


@dataclass(frozen=True, eq=False)
class Strands:
    """Strands of one sample, all with the same groups. Slopes are figures by strands. What was made is kept."""

    whole: Sample
    each: Sequence[Strand]
    _kept: dict[tuple[int, int], np.ndarray] = field(default_factory=dict, repr=False)

    def variances(self, place: int, slopes: np.ndarray) -> np.ndarray:
        """Return the variance of the figures that slopes make of the strands of a group."""
        short = self._short(place, slopes, [(at, at) for at in range(len(slopes))])
        return np.diag(self._long(place, slopes) if short is None else short)

    def matrix(self, place: int, slopes: np.ndarray | None = None) -> np.ndarray:
        """Return the covariance matrix of figures of a group; of its strands themselves where no slopes are told."""
        made = np.eye(len(self.each)) if slopes is None else slopes
        short = self._short(place, made, [(one, two) for one in range(len(made)) for two in range(one + 1)])
        return self._long(place, made) if short is None else short

    def influence(self, place: int, slope: np.ndarray, degrees: int) -> Influence:
        """Return the influence of a figure of a group by PSU of the whole sample, all weighting credited."""
        moved = [(much, each) for much, each in zip(slope, self.each, strict=True) if much]
        totals = np.sum([much * each.totals(place) for much, each in moved], axis=0)
        return Influence(totals, self.design, degrees)

    @property
    def design(self) -> Design:
        """Return the design whose PSUs influences are about."""
        return self.whole.variance_design

    def _short(self, place: int, slopes: np.ndarray, wanted: Sequence[tuple[int, int]]) -> np.ndarray | None:
        """Return the covariance of pairs of figures, without a number a PSU; None where it cannot be had so."""
        pulls = self._pulls if self.each[0].found.count > 1 else None
        if pulls is None:
            return None
        out = np.zeros((len(slopes), len(slopes)))
        for one, two in wanted:
            out[one, two] = out[two, one] = self._product(pulls, place, slopes[one], slopes[two])
        squares = np.array([each.squares[place] for each in pulls])
        return out if (np.diag(out) >= SMALL * (slopes**2 * squares).sum(axis=1)).all() else None

    @cached_property
    def _pulls(self) -> list[Pulls] | None:
        known = [each.pulls for each in self.each if each.pulls is not None]
        return known if len(known) == len(self.each) else None

    def _product(self, pulls: Sequence[Pulls], place: int, one: np.ndarray, two: np.ndarray) -> float:
        return sum(
            float(left * right * self._shared(pulls, first, second)[place])
            for first, left in enumerate(one)
            for second, right in enumerate(two)
            if left and right
        )

    def _shared(self, pulls: Sequence[Pulls], left: int, right: int) -> np.ndarray:
        """Return for each group the covariance of two strands."""
        key = (min(left, right), max(left, right))
        if key not in self._kept:
            one, two = (pulls[at] for at in key)
            both = left != right
            self._kept[key] = self.whole.overlap(one.crowd, two.crowd).of(one, two).covariance if both else one.variance
        return self._kept[key]

    def _long(self, place: int, slopes: np.ndarray) -> np.ndarray:
        """Return the covariance matrix of figures of a group by the kernel itself."""
        moved = np.any(slopes != 0, axis=0)
        columns = np.stack([each.totals(place) for at, each in enumerate(self.each) if moved[at]])
        return covariance(np.einsum("fk,kn->nf", slopes[:, moved], columns), self.design)


def degrees_of(design: Design, strands: Sequence[Strand], *, merged: Sequence[int] | None = None) -> list[int]:
    """
    Return for each group the PSUs that its rows in any strand have, less the strata they lie in; at least 1.

    With `merged`, places of groups, one number: of all of these groups together.
    """
    count = strands[0].found.count
    who = [(each.found.owner, each.at) for each in strands]
    if merged is not None:
        count, who = 1, [_together(owner, at, merged) for owner, at in who]
    if any(each.crowd is None for each in strands):
        present = np.logical_or.reduce([design.present_by(owner, count, at) for owner, at in who])
        return [design.degrees(row) for row in present]
    heads, seen = np.zeros(count * len(design.strata), dtype=np.int64), list[np.ndarray]()
    for owner, at in who:
        here = np.full(len(design.stratum), -1, dtype=np.int32)
        here[design.psu[at]] = owner
        new = here >= 0
        for before in seen:
            new &= here != before
        keys = here[new].astype(np.int64) * len(design.strata) + design.stratum[new]
        heads += np.bincount(keys, minlength=len(heads))
        seen.append(here)
    by_stratum = heads.reshape(count, -1)
    return [int(each) for each in np.maximum(by_stratum.sum(axis=1) - (by_stratum > 0).sum(axis=1), 1)]


def _together(owner: np.ndarray, at: np.ndarray, places: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
    own = np.isin(owner, list(places))
    return np.zeros(np.count_nonzero(own), dtype=np.int32), at[own]
