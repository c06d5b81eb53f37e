"""
The mean of a variable for every group of a domain in every wave, and every change, in one pass over each wave.

    cov(t, s) = sum_h (1 - f_h) n_h / (n_h - 1) (sum_a z_t z_s - sum_a z_t sum_a z_s / n_h)

The same variance as the kernel's, without a row for a PSU that is not there: products between waves are taken over the
PSUs both have, and residuals on the margins by cell. Many groups cost hardly more than one.

Source and oracle: as `panel.estimate.kernel`; held to it, and to o05 (change_income_by_status), in
tests/unit/test_groups.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import pandas as pd

from panel.errors import EstimateError, printable
from panel.estimate.grouped import Grouped, means
from panel.estimate.kernel import Design, t_quantile
from panel.estimate.sample import Part, Sample


@dataclass(frozen=True)
class WaveMeans:
    """The means of one wave, a number a group, and the influence of each PSU of the wave on each of them."""

    values: np.ndarray
    n: np.ndarray
    units: np.ndarray  # the PSUs of the wave
    influence: np.ndarray  # groups by PSUs, times the root of the stratum's factor
    sums: np.ndarray  # groups by strata, of the influence
    present: np.ndarray  # groups by all PSUs: who has anybody


@dataclass(frozen=True)
class Means:
    """
    The means of every group and wave of a sample.

    A wave's influence is large, so two waves are held at a time and others made again when asked for.
    """

    design: Design
    groups: tuple[str, ...]
    make: Callable[[int], WaveMeans]

    @cached_property
    def wave(self) -> Callable[[int], WaveMeans]:
        """Return what gives the means of a wave."""
        return lru_cache(maxsize=2)(self.make)

    def covariance(self, one: int, two: int) -> np.ndarray:
        """Return for each group the covariance of its means in two waves (its variance, of a wave with itself)."""
        first, second = self.wave(one), self.wave(two)
        if one == two:
            products = np.einsum("gi,gi->g", first.influence, first.influence)
        else:
            where = np.full(len(self.design.stratum), -1, dtype=np.int32)
            where[second.units] = np.arange(len(second.units), dtype=np.int32)
            at = where[first.units]
            both = at >= 0
            products = np.einsum("gi,gi->g", first.influence[:, both], second.influence[:, at[both]])
        shared = np.einsum("gh,gh,h->g", first.sums, second.sums, 1 / np.maximum(self.design.drawn, 1))
        return np.asarray(products - shared)

    def changes(self, pairs: Sequence[tuple[int, int]]) -> pd.DataFrame:
        """
        Return the net change of every group between pairs of waves: one row a pair and group.

        Columns group, from_wave, wave, estimate, se, low, high (95 %, t on the degrees of freedom of the group), n (the
        smaller of both). A group that a wave has nobody of has no row.
        """
        return pd.concat([self._change(pair) for pair in pairs], ignore_index=True)

    def _change(self, pair: tuple[int, int]) -> pd.DataFrame:
        first, second = (self.wave(wave) for wave in pair)
        variance = sum(self.covariance(wave, wave) for wave in pair) - 2 * self.covariance(*pair)
        se = np.sqrt(np.maximum(variance, 0.0))
        present = first.present | second.present
        reach = se * [t_quantile(self.design.degrees(row)) for row in present]
        change = second.values - first.values
        rows = {
            "group": self.groups, "from_wave": pair[0], "wave": pair[1], "estimate": change, "se": se,
            "low": change - reach, "high": change + reach, "n": np.minimum(first.n, second.n),
        }  # fmt: skip
        return pd.DataFrame(rows)[(first.n > 0) & (second.n > 0)]


def means_by_group(
    sample: Sample, variable: str, domain: str, waves: Sequence[int], *, in_real_terms: bool = False
) -> Means:
    """
    Return the mean of a variable for every group of a domain in some waves, ready for any change between them.

    Args:
        sample: cross-sectional weights of every wave; calibration is credited.
        variable: a numeric variable; rows without a value are in no group.
        domain: its groups, as each row has them in its own wave.
        waves: wave numbers.
        in_real_terms: amounts in prices of the index's base year.

    Raises:
        EstimateError: a wave has no weighted row, or none with a value; the draw has later stages; or a stratum has a
            single PSU and the study takes it for something other than certain or nothing.
    """
    design = sample.design
    factors = _factors(design)
    groups = sample.study.domain(domain).groups
    y, code = sample.number(variable, in_real_terms=in_real_terms), sample.groups(domain)
    for wave in waves:
        if not len(sample.part(wave).weight):
            raise EstimateError(f"Wave {wave} has no row with a weight.", fix="panelctl weigh")
        if not (np.isfinite(y[sample.part(wave).places]) & (code[sample.part(wave).places] >= 0)).any():
            raise EstimateError(
                f"Nobody of a group of '{printable(domain)}' has a value of '{printable(variable)}' in wave {wave}.",
                fix="leave the wave out, or look at its held cells",
            )

    def make(wave: int) -> WaveMeans:
        part = sample.part(wave)
        own = np.where(np.isfinite(y[part.places]), code[part.places], -1)
        found = means(y[part.places], part.weight, own, len(groups))
        return _of_wave(sample, part, found, factors)

    return Means(design, tuple(group.key for group in groups), make)


def _factors(design: Design) -> np.ndarray:
    """Return the root of the factor of each stratum's sum of squares."""
    if design.within is not None or (design.alone.any() and design.lonely not in ("certainty", "remove")):
        name = printable(design.strata[int(np.argmax(design.alone))])
        raise EstimateError(
            f"Groups at once are for draws of one stage with two PSUs or more in each stratum ('{name}' is not).",
            fix="ask for each figure by itself, or choose lonely_psu = certainty",
        )
    n = design.drawn
    return np.sqrt((1 - design.sampled_share) * np.where(n > 1, n / np.maximum(n - 1, 1), 0.0))


def _of_wave(sample: Sample, part: Part, found: Grouped, factors: np.ndarray) -> WaveMeans:
    design = sample.design
    units, influence = _by_unit(part.influences(found, range(found.count)), design.psu[part.places], design, factors)
    stratum = design.stratum[units]
    sums = np.stack([np.bincount(stratum, weights=row, minlength=len(design.strata)) for row in influence])
    return WaveMeans(found.value, found.n, units, influence, sums, sample.present(part, found))


def _by_unit(
    influence: np.ndarray, psu: np.ndarray, design: Design, factors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the PSUs of a wave, and the sum over the rows of each, times the factor of its stratum."""
    influence *= factors[design.stratum[psu]]
    has = np.zeros(len(design.stratum), dtype=bool)
    has[psu] = True
    units = np.flatnonzero(has)
    if len(units) == len(psu):
        return psu, influence
    place = (np.cumsum(has) - 1)[psu]
    return units, np.stack([np.bincount(place, weights=row, minlength=len(units)) for row in influence])
