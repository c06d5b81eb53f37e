"""How things stood in each wave, and how everybody then compares with everybody later."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from panel.analysis.subject import Subject
from panel.errors import UnknownKey, did_you_mean
from panel.estimate import Measure, series, unit_of
from panel.model.instrument import Code
from panel.model.study import INDICES


class Levels(Subject):
    """Questions about each wave by itself."""

    def share(self, variable: str, *, codes: Sequence[Code], wave: int | str | None = None) -> pd.DataFrame:
        """Return the share of `codes` among all who answered; "too early to say" stays in the denominator."""
        self._variable(variable)
        values = self._sample.among(variable, list(codes)).astype(float)
        text = ",".join(map(str, codes))
        return self._levels(variable, "share", values, self._sample.known(variable), wave, unit="share", value=text)

    def mean(self, variable: str, *, wave: int | str | None = None) -> pd.DataFrame:
        """Return the mean of a number, nominal."""
        return self._level_of_number(variable, "mean", wave)

    def median(self, variable: str, *, wave: int | str | None = None) -> pd.DataFrame:
        """Return the median of a number, nominal, with Woodruff's interval."""
        return self._level_of_number(variable, "median", wave)

    def _level_of_number(self, variable: str, statistic: str, wave: int | str | None) -> pd.DataFrame:
        values = self._sample.number(self._number(variable).name)
        return self._levels(variable, statistic, values, np.isfinite(values), wave)

    def inequality(
        self, variable: str, *, index: str = "gini", wave: int | str | None = None,
        waves: tuple[int | str, int | str] | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return an index of inequality by wave, or of two waves with its change; `panel.estimate.inequality` has which.

        Raises:
            UnknownKey: there is no such index.
        """
        if index not in INDICES:
            raise UnknownKey(f"There is no index '{index}'.", fix=did_you_mean(index, INDICES))
        unit, values = unit_of(index, self._number(variable)), self._sample.number(variable)
        both = self._pair_of(waves) if waves else None
        return self._levels(variable, index, values, np.isfinite(values), wave, waves=both, unit=unit)

    def _mean_of(self, variable: str, *, in_real_terms: bool) -> Measure:
        """Return the mean of a number by group, to be measured in several waves."""
        values = self._sample.number(variable, in_real_terms=in_real_terms)
        return Measure(
            labels=self._in_terms(self._labels(variable), in_real_terms), statistic="mean", values=values,
            answered=np.isfinite(values), in_real_terms=in_real_terms, is_joint=self.is_simultaneous,
        )  # fmt: skip

    def _levels(
        self,
        variable: str,
        statistic: str,
        values: np.ndarray,
        known: np.ndarray,
        wave: int | str | None,
        *,
        waves: Sequence[int] | None = None,
        unit: str | None = None,
        value: str | None = None,
        in_real_terms: bool = False,
    ) -> pd.DataFrame:
        sample = self._sample
        numbers = list(sample.waves if waves is None else waves)
        if wave is not None:
            numbers = [self._number_of(wave)]
        labels = self._in_terms(self._labels(variable, unit=unit, value=value), in_real_terms)
        measure = Measure(
            labels=labels, statistic=statistic, values=values, answered=known, in_real_terms=in_real_terms,
            is_joint=self.is_simultaneous,
        )  # fmt: skip
        between = () if waves is None else None
        figures = series(sample, measure, self._groups(sample), numbers, method=self._method, between=between)
        if waves is not None and all(each.from_wave is None for each in figures):
            figures = []  # a change was asked, and no group has both levels
        return self._protected(figures, variable, numbers)
