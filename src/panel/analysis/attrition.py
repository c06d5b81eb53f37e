"""Who was lost between waves, how they differed, and what that can have done to the figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from panel.analysis.staying import Staying
from panel.analysis.subject import Subject
from panel.disclose import HIDDEN, protect
from panel.errors import EstimateError, printable
from panel.estimate import Cohort, Guess, Label, Sample, bounds, leavers, patterns
from panel.model.instrument import Code
from panel.weigh import OUT_OF_SCOPE

FEWEST = 3
"""Fewer who stayed, or who left, than this are told of no group: one of them could tell the other."""


class Attrition(Subject):
    """Questions about the members of a wave who were due in later ones."""

    def response(self, *, waves: Sequence[int | str] | None = None) -> pd.DataFrame:
        """
        Return who answered which waves, of the members who answered the first: by wave, way and pattern.

        Weighted by the cross-sectional weight of the first wave, and unweighted; by the group members were in then.
        Members who died or left the scope were not due. See `panel.estimate.attrition.patterns`.

        Args:
            waves: two or more; every wave of the release by default.

        Raises:
            EstimateError: there is one wave only, or nobody of the groups was due.
        """
        sample = self._sample
        labels = [self._about(each, "share") for each in self._labels_of_groups("response")]
        cohort = self._cohort(waves)
        return self._protected(patterns(cohort, labels, self._groups(sample).codes, method=self._method))

    def leavers(
        self, variable: str, *, waves: Sequence[int | str] | None = None, codes: Sequence[Code] | None = None
    ) -> pd.DataFrame:
        """
        Return how members who missed any of the waves differed in the first from those who answered them all.

        The levels of both, their difference, and the difference in standard deviations. See
        `panel.estimate.attrition.leavers`.

        Args:
            variable: a number, or a coded variable with `codes`.
            waves: two or more; every wave of the release by default.
            codes: of a coded variable, the answers whose share is told.

        Raises:
            UnknownVariable: there is no such variable, or it is no number.
            EstimateError: nobody was lost, nobody stayed, or none of either has a value.
        """
        values, labels = self._measured(variable, codes)
        cohort, groups = self._cohort(waves), self._groups(self._sample).codes
        return self._protected(leavers(cohort, labels, values, groups, method=self._method))

    def bounds(
        self, variable: str, *, waves: Sequence[int | str], codes: Sequence[Code] | None = None,
        low: float | None = None, high: float | None = None, drift: tuple[float, float] | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return between what the level of the last wave and the change since the first lie, whatever the lost would say.

        Of a share the worst case is that all or none of them are in it. Of a number it is its smallest and largest
        value as the instrument has them, or what is told here. See `panel.estimate.attrition.bounds`.

        Args:
            variable: a number, or a coded variable with `codes`.
            waves: two or more; the first and the last count.
            codes: of a coded variable, the answers whose share is told.
            low: the least that somebody who was not seen could have said.
            high: the most.
            drift: instead of those, the least and the most relative change of such a member: (-0.2, 0.1).

        Raises:
            UnknownVariable: there is no such variable, or it is no number.
            EstimateError: a number has no limits, or low is above high; or nobody of the groups was seen again.
        """
        values, labels = self._measured(variable, codes)
        cohort, groups = self._cohort(waves), self._groups(self._sample).codes
        first = values[cohort.part.places]
        limits = (0.0, 1.0) if codes is not None else self._limits(variable, low, high)
        if codes is not None and (low, high, drift) != (None, None, None):
            raise EstimateError("A share lies between 0 and 1: it takes no low, high or drift.", fix="leave them out")
        return self._protected(
            bounds(cohort, labels, values, _guess(first, limits, drift, variable), groups, method=self._method)
        )

    def representativity(self, *, waves: Sequence[int | str] | None = None) -> pd.DataFrame:
        """
        Return how alike the chances to stay are: the R-indicator, plain and adjusted, and its parts by variable.

        Propensities are of a logit on the domains the study explains nonresponse by, under design weights. A part of a
        whole variable has its name as `value`; those of its categories stand by domain and group. See
        `panel.estimate.representativity`.

        Raises:
            EstimateError: `by` divided, which this does not answer; or nobody was due.
        """
        staying = self._staying(waves)
        return self._without_few(staying, self._frame(list(staying.representativity())))

    def leaving(self, *, waves: Sequence[int | str] | None = None) -> pd.DataFrame:
        """
        Return who leaves: the log odds to miss any of the waves, of each group against the first, others alike.

        A group of which all stayed, or none, has no row. See `panel.estimate.representativity.log_odds`.

        Raises:
            EstimateError: `by` divided, which this does not answer; or nobody was due, or lost.
        """
        staying = self._staying(waves)
        return self._without_few(staying, self._frame(list(staying.leaving())))

    def _staying(self, waves: Sequence[int | str] | None) -> Staying:
        if self.division is not None:
            raise EstimateError(
                f"Who stays is told of every variable at once, not by '{printable(self.division.key)}'.",
                fix="leave by out, or mark a group with where",
            )
        cohort = self._cohort(waves)
        return Staying.of_cohort(cohort, self._inside(self._sample), f"everybody{self._marked}", self._method)

    def _without_few(self, staying: Staying, table: pd.DataFrame) -> pd.DataFrame:
        """Return figures protected, without those that would tell how few of a category stayed or left."""
        threshold = self.release.study.disclosure_threshold
        few = staying.told_by_few(table, FEWEST, threshold)
        return protect(table.assign(status=table["status"].mask(few, HIDDEN)), threshold=threshold)

    def _cohort(self, waves: Sequence[int | str] | None) -> Cohort:
        sample = self._sample
        numbers = sorted(self._number_of(wave) for wave in waves) if waves else _waves(sample)
        tracking = self.release.table("tracking")
        out = tracking["disposition"].isin(OUT_OF_SCOPE) & tracking["wave"].isin(numbers[1:])
        cohort = Cohort.of(sample, numbers, set(tracking.loc[out, "member"]))
        return replace(cohort, is_joint=self.is_simultaneous)

    def _measured(self, variable: str, codes: Sequence[Code] | None) -> tuple[np.ndarray, list[Label]]:
        if codes is None:
            values = self._sample.number(self._number(variable).name)
            return values, [self._about(each, each.unit) for each in self._labels(variable)]
        self._variable(variable)
        hit = self._sample.among(variable, list(codes)).astype(float)
        labels = self._labels(variable, unit="share", value=",".join(map(str, codes)))
        return np.where(self._sample.known(variable), hit, np.nan), [self._about(each, "share") for each in labels]

    def _labels_of_groups(self, indicator: str) -> list[Label]:
        groups = [("all", "everybody")]
        if self.division is not None:
            groups = [(each.key, str(each.label)) for each in self.division.groups]
        domain = self.division.key if self.division else None
        return [
            Label(
                indicator=indicator, variable="attrition", domain=domain, group=key,
                denominator=f"{name}{self._marked}", unit="share",
            )
            for key, name in groups
        ]  # fmt: skip

    def _about(self, label: Label, unit: str) -> Label:
        words = f"{label.denominator} in the first wave, due in the others"
        return replace(label, denominator=words, unit=unit)

    def _limits(self, variable: str, low: float | None, high: float | None) -> tuple[float | None, float | None]:
        known = self._number(variable)
        return (known.minimum if low is None else low), (known.maximum if high is None else high)


def _waves(sample: Sample) -> list[int]:
    return list(sample.waves)


def _guess(
    first: np.ndarray, limits: tuple[float | None, float | None], drift: tuple[float, float] | None, variable: str
) -> Guess:
    if drift is not None:
        if drift[0] > drift[1]:
            raise EstimateError("The least change is above the most.", fix="give the least first")
        ends = [first * (1 + each) for each in drift]
        return Guess(np.minimum(*ends), np.maximum(*ends))
    low, high = limits
    if low is None or high is None:
        raise EstimateError(
            f"'{printable(variable)}' has no least or no most value, so the worst case has no end.",
            fix="say low and high, or the drift of those who were lost",
        )
    return Guess(np.full(len(first), float(low)), np.full(len(first), float(high)))
