"""Everybody then against everybody now, with the variance that is asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.analysis.levels import Levels
from panel.errors import EstimateError, UnknownKey, did_you_mean, printable
from panel.estimate import (
    FIXED_OVERLAP,
    VARIANCES,
    CovarianceOf,
    Joint,
    Redrawn,
    Variance,
    fixed_overlap,
    series,
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
    """The net change of a mean, and what other variances of it need."""

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
        if all(each.from_wave is None for each in found):
            found = []  # no group has both levels
        shown = self._protected(found, variable, waves)
        return shown[shown["from_wave"].notna()].reset_index(drop=True)

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
