"""
Net change by other covariances than the kernel's: the overlap held fixed, or all weighting done anew in replicates.

Each takes the levels of every group in two waves (`panel.estimate.joint.Joint`) and gives their covariance, for
`panel.estimate.levels.series`; the figures say which it was.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from panel.errors import EstimateError
from panel.estimate.berger_priam import fixed_overlap_covariance
from panel.estimate.joint import Joint
from panel.estimate.levels import CovarianceOf
from panel.estimate.replicates import Convention, Replicated, Replicates, rao_wu
from panel.estimate.sample import Sample

Variance = Literal["kernel", "fixed-overlap", "rao-wu"]
VARIANCES: tuple[Variance, ...] = get_args(Variance)
REPRODUCED = 1e-6
"""How far, relative, weights made anew may lie from those of the release."""


def fixed_overlap(joint: Joint) -> CovarianceOf:
    """
    Return the covariance of two waves with their overlap held fixed, group by group.

    All PSUs of a wave's sample count, in the group or not. For designs of one stage.

    Source: Berger and Priam (2016), see `panel.estimate.berger_priam`. Oracle: o05 (vardchanges).

    Raises:
        EstimateError: the waves share no PSU, the design has later stages, or a stratum has a single PSU in a wave.
    """
    design, waves = joint.sample.design, sorted(joint.found)
    present = np.stack([design.present(joint.sample.rows(wave)) for wave in waves], axis=1)
    both = np.logical_and.reduce([joint.found[wave].there for wave in waves])
    matrices = np.zeros((joint.count, 2, 2))
    for place in np.flatnonzero(both):
        totals = np.stack([joint.totals(int(place), wave) for wave in waves], axis=1)
        matrices[place] = fixed_overlap_covariance(
            totals, present, design, waves=f"both waves {waves[0]} and {waves[1]}"
        )
    return lambda one, two: np.asarray(matrices[:, waves.index(one), waves.index(two)])


@dataclass(frozen=True)
class Redrawn:
    """
    The sample of two waves drawn again and again, PSU by PSU for both at once, and weighted anew each time.

    `anew` makes the weights of the rows of these waves from their design weights (`panel.weigh.by_wave`).
    """

    sample: Sample
    waves: tuple[int, int]
    anew: Callable[[np.ndarray], np.ndarray]
    count: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse too few replicates, and weights that cannot be made anew."""
        if self.count < 2:
            raise EstimateError("A variance takes two replicates or more.", fix="replicates=500 is usual")
        held = self.sample.weight[self.rows]
        reach = REPRODUCED * float(held.max(initial=0.0))
        if not self.base.any() or not np.allclose(self.anew(self.base), held, rtol=REPRODUCED, atol=reach):
            raise EstimateError(
                f"The weights of waves {self.waves[0]} and {self.waves[1]} are not those that the study's rules make "
                "of these design weights and margins, so no replicate can be weighted as they were.",
                fix="take the kernel's variance, or that with a fixed overlap",
            )

    @cached_property
    def rows(self) -> np.ndarray:
        """Return the rows of both waves in the sample."""
        return np.flatnonzero(np.isin(self.sample.wave, self.waves))

    @property
    def base(self) -> np.ndarray:
        """Return the design weight of each of these rows."""
        return self.sample.design_weight[self.rows]

    @cached_property
    def draws(self) -> Replicates:
        """Return the replicates, one factor a PSU for all its rows; drawn among all PSUs of the sample."""
        design = self.sample.design
        drawn = rao_wu(design, self.count, seed=self.seed)
        return replace(drawn, unit=design.psu[self.rows])

    @property
    def convention(self) -> Convention:
        """Return how replicates become a variance."""
        return self.draws.convention

    def places(self, rows: np.ndarray) -> np.ndarray:
        """Return where rows of the sample are among these."""
        return np.searchsorted(self.rows, rows)

    def estimate(
        self, function: Callable[[np.ndarray], np.ndarray], *, of: Literal["smooth", "quantile"] = "smooth"
    ) -> Replicated:
        """Return estimates with their covariance; `function` takes a weight for each of `rows`."""
        return self.draws.estimate(function, self.base, reweigh=self.anew, of=of)

    def of_means(self, values: np.ndarray) -> Callable[[Joint], CovarianceOf]:
        """
        Return what gives the covariance of the means of groups in both waves, over all replicates at once.

        Source: Rao and Wu (1988), see `panel.estimate.replicates`. Held to the kernel's in the long run.

        Args:
            values: a number a row of the sample.
        """

        def covariance(joint: Joint) -> CovarianceOf:
            means = [_Means.of(self, joint, wave, values) for wave in self.waves]
            found = self.estimate(lambda weights: np.concatenate([each(weights) for each in means]))
            known = np.concatenate([wave * joint.count + each.groups for wave, each in enumerate(means)])
            whole = np.zeros((len(means) * joint.count,) * 2)
            whole[np.ix_(known, known)] = found.matrix
            matrix, at = whole.reshape(len(means), joint.count, len(means), joint.count), np.arange(joint.count)
            return lambda one, two: np.asarray(matrix[self.waves.index(one), at, self.waves.index(two), at])

        return covariance

    def of_quantiles(
        self, values: np.ndarray, codes: np.ndarray, at: Callable[[np.ndarray, np.ndarray], float]
    ) -> dict[int, np.ndarray]:
        """
        Return for each group with rows in both waves the covariance of its quantiles, 2 by 2.

        Args:
            values: a number a row of the sample.
            codes: the group of each row, or -1.
            at: gives the quantile of values in rising order and their weights.
        """
        order = self.rows[np.argsort(values[self.rows], kind="stable")]
        order = order[self.sample.is_weighted[order] & (codes[order] >= 0)]
        cells = {
            (int(group), wave): order[(codes[order] == group) & (self.sample.wave[order] == wave)]
            for group in np.unique(codes[order])
            for wave in self.waves
        }
        groups = [
            group for group, wave in cells if wave == self.waves[0] and all(len(cells[group, x]) for x in self.waves)
        ]
        chosen = [cells[group, wave] for group in groups for wave in self.waves]
        drawn = [(values[rows], self.places(rows)) for rows in chosen]
        found = self.estimate(lambda weights: np.array([_at(at, y, weights[own]) for y, own in drawn]), of="quantile")
        blocks = found.matrix.reshape(len(groups), 2, len(groups), 2)
        return {group: blocks[place, :, place, :] for place, group in enumerate(groups)}


def _at(at: Callable[[np.ndarray, np.ndarray], float], values: np.ndarray, weights: np.ndarray) -> float:
    return at(values, weights) if weights.any() else np.nan


@dataclass(frozen=True)
class _Means:
    """The means of the groups that are there in a wave, as a function of weights."""

    groups: np.ndarray
    places: np.ndarray
    owner: np.ndarray
    values: np.ndarray

    @classmethod
    def of(cls, redrawn: Redrawn, joint: Joint, wave: int, values: np.ndarray) -> _Means:
        part, found = redrawn.sample.part(wave), joint.found[wave]
        rows = part.at(found.rows)
        return cls(np.flatnonzero(found.there), redrawn.places(rows), found.owner, values[rows])

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        own, most = weights[self.places], int(self.groups.max(initial=-1)) + 1
        held = np.bincount(self.owner, weights=own, minlength=most)[self.groups]
        sums = np.bincount(self.owner, weights=own * self.values, minlength=most)[self.groups]
        return np.divide(sums, held, out=np.full(len(sums), np.nan), where=held > 0)
