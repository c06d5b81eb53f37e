"""The joint covariance of the estimates of many groups in several waves, and their degrees of freedom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from panel.estimate.grouped import Grouped
from panel.estimate.kernel import covariance
from panel.estimate.overlap import Pulls, Shared
from panel.estimate.sample import Sample


@dataclass(frozen=True)
class Joint:
    """
    What the groups of a grouping were estimated at in each wave, and how those estimates vary together.

    `found` has the estimates of each wave, all with the same groups. Waves share members, so a change takes its error
    from the covariance; every PSU of the sample counts, with zero where it has no row. What is asked for is kept.
    """

    sample: Sample
    found: Mapping[int, Grouped]
    _pulls: dict[int, Pulls | None] = field(default_factory=dict)
    _shared: dict[tuple[int, int], Shared] = field(default_factory=dict)
    _present: dict[int, np.ndarray] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Return the number of groups."""
        return next(iter(self.found.values())).count

    def covariance(self, one: int, two: int) -> np.ndarray:
        """Return for each group the covariance of its estimates in two waves; its variance, of a wave with itself."""
        first, second = self._of(one), self._of(two)
        if first is None or second is None:
            return np.array([self._long(place, one, two) for place in range(self.count)])
        short = first.variance if one == two else self._both((one, first), (two, second)).covariance
        sound = first.is_sound & second.is_sound
        if sound.all():
            return short
        return np.array([
            short[place] if sound[place] else self._long(place, one, two) for place in range(self.count)
        ])  # fmt: skip

    def matrix(self, waves: Sequence[int]) -> np.ndarray:
        """Return the covariance matrix of each group over some waves: groups by waves by waves."""
        out = np.empty((self.count, len(waves), len(waves)))
        for row, one in enumerate(waves):
            for column, two in enumerate(waves[: row + 1]):
                out[:, row, column] = out[:, column, row] = self.covariance(one, two)
        return out

    def degrees(self, one: int, two: int) -> np.ndarray:
        """Return for each group the PSUs it has in either wave less the strata they lie in; at least 1."""
        first, second = self._of(one), self._of(two)
        if first is None or second is None:
            present = self._where(one) | self._where(two)
            return np.array([self.sample.design.degrees(row) for row in present])
        units = [each.split.n for each in (first, second)]
        shared = units[0] if one == two else self._both((one, first), (two, second)).units
        strata = (first.strata | second.strata).sum(axis=1)
        return np.maximum(sum(units) - shared - strata, 1)

    def totals(self, place: int, wave: int) -> np.ndarray:
        """Return the weighted influence of the estimate of a group in a wave, by PSU."""
        part = self.sample.part(wave)
        return np.asarray(self.sample.totals_by_group(part, self.found[wave], range(place, place + 1))[0])

    def _of(self, wave: int) -> Pulls | None:
        if wave not in self._pulls:
            crowd = self.sample.crowd(self.sample.part(wave))
            self._pulls[wave] = None if crowd is None else crowd.pulls(self.found[wave])
        return self._pulls[wave]

    def _both(self, *waves: tuple[int, Pulls]) -> Shared:
        (one, first), (two, second) = sorted(waves, key=lambda each: each[0])
        if (one, two) not in self._shared:
            self._shared[one, two] = self.sample.overlap(first.crowd, second.crowd).of(first, second)
        return self._shared[one, two]

    def _where(self, wave: int) -> np.ndarray:
        if wave not in self._present:
            self._present[wave] = self.sample.present(self.sample.part(wave), self.found[wave])
        return self._present[wave]

    def _long(self, place: int, one: int, two: int) -> float:
        """Return the covariance of a group by the kernel itself, with a number for each PSU."""
        columns = [self.totals(place, wave) for wave in (one, two)]
        return float(covariance(np.stack(columns, axis=1), self.sample.variance_design)[0, 1])
