"""Everybody then against everybody now, with the variance that is asked for; and change within the same members."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.analysis.levels import Levels
from panel.errors import EstimateError, UnknownKey, did_you_mean, printable
from panel.estimate import (
    FIXED_OVERLAP,
    VARIANCES,
    CovarianceOf,
    Figure,
    Joint,
    Redrawn,
    Rule,
    Variance,
    fixed_overlap,
    ruled,
    series,
    stayers,
)
from panel.weigh import by_wave


@dataclass(frozen=True)
class Errors:
    """How errors are made: by which variance; of replicates, how many and from which seed."""

    variance: Variance = "kernel"
    replicates: int = 500
    seed: int = 1

    def __post_init__(self) -> None:
        """Refuse what is no variance."""
        if self.variance not in VARIANCES:
            raise UnknownKey(
                f"There is no variance '{printable(self.variance)}'.", fix=did_you_mean(self.variance, VARIANCES)
            )


class Net(Levels):
    """The net change of a mean, what other variances of it need, and the change within the same members."""

    def _net_change(
        self, variable: str, waves: tuple[int, int], errors: Errors, *, in_real_terms: bool
    ) -> pd.DataFrame:
        sample, measure = self._sample, self._mean_of(variable, in_real_terms=in_real_terms)
        method: str = self._method
        varied: Callable[[Joint], CovarianceOf] | None = None
        if errors.variance != "kernel":
            self._one_by_one(errors.variance)
        if errors.variance == "fixed-overlap":
            method, varied = f"{method}, {FIXED_OVERLAP}", fixed_overlap
        elif errors.variance == "rao-wu":
            redrawn = self._redrawn(waves, errors)
            method, varied = f"{method}, {redrawn.convention}", redrawn.of_means(measure.values)
        found = series(sample, measure, self._groups(sample), waves, method=method, varied=varied)
        return self._changes_of(found, variable, waves)

    def _changes_of(self, found: list[Figure], variable: str, waves: Sequence[int]) -> pd.DataFrame:
        """Return the changes among figures; a level that is hidden hides those that it is in."""
        if all(each.from_wave is None for each in found):
            found = []  # no group has both levels
        shown = self._protected(found, variable, waves)
        return shown[shown["from_wave"].notna()].reset_index(drop=True)

    def _stayers(self, variable: str, waves: tuple[int, int], groups: Rule, *, in_real_terms: bool) -> list[Figure]:
        """Return what changed within the members who answered two waves, by the group that a rule says."""
        pair = self._pair(waves)
        labels = self._by_rule(self._in_terms(self._labels(variable), in_real_terms), groups)
        rule = ruled(self._groups(pair.now), self._groups(pair.then), groups)
        return stayers(pair, labels, variable, rule, in_real_terms=in_real_terms, method=self._method)

    def _redrawn(self, waves: tuple[int, int], errors: Errors) -> Redrawn:
        """Return the sample of two waves to be drawn anew, with the weighting of the study to be done in each draw."""
        sample, study = self._sample, self.release.study
        own = sample.frame[np.isin(sample.wave, waves)]
        return Redrawn(sample, waves, by_wave(own, study), errors.replicates, errors.seed)

    def _one_by_one(self, variance: Variance) -> None:
        if self.is_simultaneous:
            raise EstimateError(
                f"The variance '{variance}' is of each figure by itself, and gives no intervals that hold together.",
                fix="by(domain) without simultaneous, or the kernel's variance",
            )
