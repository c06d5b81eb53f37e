"""
Variance by replicates: the whole estimate made again under other weights, weighting steps among it.

    V = sum_r c_r (theta_r - centre)(theta_r - centre)'

A PSU has one factor in a replicate, in every wave: what waves share is shared by their replicates, too. Which scale
and which centre were used is part of every result, since programs differ (R's survey has 1/(R - 1) about the mean of
the replicates for a bootstrap, others 1/R about the estimate).

Source: Wolter (2007), Introduction to Variance Estimation, ch. 3 to 5; Rao and Wu (1988), JASA 83; Rao, Wu and Yue
(1992), Survey Methodology 18; Judkins (1990), Journal of Official Statistics 6 (Fay). Oracle: o03 (rake_jk1).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from panel.errors import EstimateError
from panel.estimate.contrasts import Contrast, contrast
from panel.estimate.kernel import Design, refuse_lonely

log = logging.getLogger(__name__)
SAID_EVERY = 100
"""After how many replicates it is said how many are done."""

Kind = Literal["rao-wu", "jk1", "jkn", "brr", "fay", "bootstrap"]
Centre = Literal["mean", "estimate"]
JACKKNIVES = ("jk1", "jkn")
NAMES: dict[Kind, str] = {
    "rao-wu": "Rao-Wu bootstrap",
    "jk1": "jackknife JK1",
    "jkn": "jackknife JKn",
    "brr": "balanced repeated replication",
    "fay": "Fay's balanced repeated replication",
    "bootstrap": "bootstrap",
}


@dataclass(frozen=True)
class Convention:
    """How replicates become a variance: their kind, number, centre, and the scale in words."""

    kind: Kind
    count: int
    centre: Centre
    scale: str
    seed: int | None = None

    def __str__(self) -> str:
        seed = "" if self.seed is None else f", seed {self.seed}"
        about = "their mean" if self.centre == "mean" else "the estimate"
        return f"{NAMES[self.kind]}, {self.count} replicates about {about}, scale {self.scale}{seed}"


@dataclass(frozen=True)
class Replicated:
    """Estimates with the covariance that their replicates give, and the convention it was made by."""

    values: np.ndarray
    matrix: np.ndarray
    replicates: np.ndarray  # replicates by estimates
    convention: Convention

    @property
    def se(self) -> np.ndarray:
        """Return the standard errors."""
        return np.sqrt(np.diag(self.matrix))

    def contrast(self, function: Callable[[np.ndarray], float]) -> Contrast:
        """Return a function of the estimates by the delta method; see `panel.estimate.contrasts.contrast`."""
        return contrast(self.values, self.matrix, function)


@dataclass(frozen=True)
class Replicates:
    """
    Factors on the weights, one a unit and replicate, and what each replicate counts for.

    The factor of a unit is `start` plus `step` times how often a replicate has drawn it; `drawn` is replicates by
    units. Units are PSUs, with `unit` telling that of each row; or rows, for weights that somebody brings.
    """

    unit: np.ndarray
    drawn: np.ndarray
    scales: np.ndarray
    convention: Convention
    start: np.ndarray | float = 0.0
    step: np.ndarray | float = 1.0

    def about(self, centre: Centre) -> Replicates:
        """Return the same replicates about another centre."""
        return replace(self, convention=replace(self.convention, centre=centre))

    def weights(self, base: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the weights of each replicate, a number a row."""
        for place in range(len(self.drawn)):
            yield base * self.factors(place)[self.unit]

    def factors(self, replicate: int) -> np.ndarray:
        """Return the factor of each unit in a replicate."""
        return np.asarray(self.start + self.step * self.drawn[replicate])

    def estimate(
        self,
        function: Callable[[np.ndarray], np.ndarray],
        base: np.ndarray,
        *,
        reweigh: Callable[[np.ndarray], np.ndarray] | None = None,
        of: Literal["smooth", "quantile"] = "smooth",
    ) -> Replicated:
        """
        Return estimates with their covariance.

        Args:
            function: takes a weight a row and returns k estimates, all waves of the contrasts among them.
            base: the weights that replicates start from: design weights where `reweigh` makes the others.
            reweigh: makes the final weights from the replicate's: nonresponse and calibration done anew.
            of: "quantile" where any of the estimates is one, or jumps as one does.

        Raises:
            EstimateError: a jackknife is asked for a quantile, whose variance it misses however large the sample;
                some replicate cannot be weighted, or an estimate of it is not finite.
        """
        if of == "quantile" and self.convention.kind in JACKKNIVES:
            raise EstimateError(
                f"The {NAMES[self.convention.kind]} does not give the variance of a quantile: it stays wrong however "
                "large the sample.",
                fix="use Rao-Wu replicates, balanced repeated replication, or Woodruff's interval",
            )
        made = reweigh or (lambda weights: weights)
        values = np.atleast_1d(np.asarray(function(made(base)), dtype=float))
        each = np.empty((len(self.drawn), len(values)))
        for place, weights in enumerate(self.weights(base)):
            each[place] = function(_made_in(place, made, weights))
            if (place + 1) % SAID_EVERY == 0:
                log.info("%d of %d replicates", place + 1, len(each))
        if not np.isfinite(each).all():
            place = int(np.argmax(~np.isfinite(each).all(axis=1)))
            raise EstimateError(
                f"Replicate {place + 1} has no finite estimate: nobody of a domain is left in it.",
                fix="join small domains, or use the kernel's linearised variance",
            )
        return Replicated(values, self.covariance(each, values), each, self.convention)

    def covariance(self, each: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Return the covariance matrix from the estimates of the replicates (replicates by k) and the estimates."""
        centre = each.mean(axis=0) if self.convention.centre == "mean" else values
        apart = (each - centre) * np.sqrt(self.scales)[:, None]
        return np.asarray(np.einsum("ri,rj->ij", apart, apart))


def _made_in(place: int, made: Callable[[np.ndarray], np.ndarray], weights: np.ndarray) -> np.ndarray:
    """Return the final weights of a replicate, or raise EstimateError that says which one has none."""
    try:
        return made(weights)
    except EstimateError as error:
        raise EstimateError(f"Replicate {place + 1} cannot be weighted. {error.what}", fix=error.fix) from error


def rao_wu(design: Design, count: int, *, seed: int) -> Replicates:
    """
    Return bootstrap replicates: in each stratum n - 1 of its n PSUs drawn with replacement, once for all waves.

    The factor of a PSU drawn m times is 1 - l + l m n / (n - 1), l = sqrt(1 - f) for the sampling fraction f. About
    their mean, scale 1 / (R - 1).

    Source: Rao and Wu (1988), eq. 4.1 with m_h = n_h - 1. Any smooth estimate or quantile.

    Args:
        design: PSUs and strata of all rows of all waves.
        count: how many replicates.
        seed: the same seed, the same replicates.

    Raises:
        EstimateError: a stratum has a single PSU and the design made no choice, or PSUs of it have no rows here.
    """
    _need_whole(design)
    random = np.random.default_rng(seed)
    n = design.drawn.astype(float)
    share = np.where(n > 1, np.sqrt(1 - design.sampled_share), 0.0)
    drawn = np.zeros((count, len(design.stratum)), dtype=np.uint16)
    for place in np.flatnonzero(n > 1):
        own = np.flatnonzero(design.stratum == place)
        for replicate in drawn:
            replicate[own] = np.bincount(random.integers(0, len(own), len(own) - 1), minlength=len(own))
    convention = Convention("rao-wu", count, "mean", f"1/{count - 1}", seed)
    step = share * n / np.maximum(n - 1, 1)
    scales = np.full(count, 1 / (count - 1))
    return Replicates(design.psu, drawn, scales, convention, (1 - share)[design.stratum], step[design.stratum])


def jackknife(design: Design) -> Replicates:
    """
    Return a replicate for each PSU, which it leaves out: JK1 where there are no strata, else JKn.

    The others of its stratum get n / (n - 1); scale (1 - f) (n - 1) / n. About the mean of the replicates, as in R.
    For smooth estimates only. Oracle: o03 (rake_jk1).

    Raises:
        EstimateError: a stratum has a single PSU and the design made no choice, or PSUs of it have no rows here.
    """
    _need_whole(design)
    n = design.drawn[design.stratum].astype(float)
    left_out = np.flatnonzero(n > 1)
    same = design.stratum[left_out][:, None] == design.stratum[None, :]
    factors = np.where(same, n / np.maximum(n - 1, 1), 1.0)
    factors[np.arange(len(left_out)), left_out] = 0.0
    scales = ((1 - design.sampled_share[design.stratum]) * (n - 1) / n)[left_out]
    kind: Kind = "jk1" if len(design.strata) == 1 else "jkn"
    return Replicates(design.psu, factors, scales, Convention(kind, len(left_out), "mean", "(1 - f)(n - 1)/n"))


def brought(
    weights: np.ndarray,
    base: np.ndarray,
    kind: Kind,
    *,
    rho: float = 0.0,
    scales: np.ndarray | None = None,
    centre: Centre = "estimate",
) -> Replicates:
    """
    Return replicates from weights that a file brings.

    Args:
        weights: rows by replicates, whole weights (not factors).
        base: the weight of each row.
        kind: jk1 has scale (R - 1)/R, brr 1/R, fay 1/(R (1 - rho)^2), bootstrap and rao-wu 1/R; jkn needs `scales`.
        rho: Fay's constant, 0 to below 1.
        scales: one a replicate, where the producer publishes them; they go before the rule of the kind.
        centre: what squares are taken about.

    Raises:
        EstimateError: weights are missing, negative, or do not belong to the rows; or scales are needed.
    """
    rows, count = weights.shape
    if rows != len(base) or not np.isfinite(weights).all() or (weights < 0).any():
        raise EstimateError(
            f"The replicate weights are missing or negative somewhere, or are not for these {len(base)} rows.",
            fix="give one whole weight a row and replicate",
        )
    if not 0 <= rho < 1 or (rho and kind != "fay"):
        raise EstimateError(f"A constant of {rho:g} does not go with {NAMES[kind]}.", fix="rho is for Fay, below 1")
    rule = {"jk1": (count - 1) / count, "fay": 1 / (count * (1 - rho) ** 2)}.get(kind, 1 / count)
    said = {"jk1": "(R - 1)/R", "fay": f"1/(R (1 - {rho:g})^2)"}.get(kind, "1/R")
    if scales is None and kind == "jkn":
        raise EstimateError(
            "JKn weights need the scale of each replicate.", fix="give scales, (n - 1)/n of its stratum"
        )
    factors = np.divide(weights, base[:, None], out=np.zeros_like(weights, dtype=float), where=base[:, None] > 0)
    convention = Convention(kind, count, centre, said if scales is None else "as published")
    return Replicates(np.arange(rows), factors.T, np.full(count, rule) if scales is None else scales, convention)


def _need_whole(design: Design) -> None:
    if design.absent is not None and design.absent.any():
        raise EstimateError(
            "Replicates are drawn among all PSUs, and some have no rows here.",
            fix="make them from the whole sample, with a weight of zero outside the domain",
        )
    if design.alone.any():
        refuse_lonely(design, design.lonely)
        if design.lonely in ("adjust", "average"):
            raise EstimateError(
                f"Replicates cannot {design.lonely} strata with a single PSU.",
                fix="merge them with like strata, or take them as certain (lonely_psu = certainty)",
            )
