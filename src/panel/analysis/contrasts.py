"""A contrast of one's own: any smooth function of levels, with the standard error that their joint covariance gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panel.analysis.subject import Subject
from panel.disclose import HIDDEN, protect
from panel.errors import EstimateError, UnknownKey, did_you_mean
from panel.estimate import (
    INDEX_OF,
    Between,
    Contrast,
    Estimand,
    Figure,
    Influence,
    Label,
    contrast,
    mean,
    quantile,
    unit_of,
)
from panel.model.instrument import Code

STATISTICS = ("mean", "quantile", "share", *INDEX_OF)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """
    A level that a contrast is made of, under cross-sectional weights.

    `statistic` is "mean", "quantile" (at `p`), "share" (of `codes`) or an index of inequality; `group` one of the
    division's, everybody where None.
    """

    variable: str
    wave: int | str
    statistic: str = "mean"
    group: str | None = None
    codes: tuple[Code, ...] = ()
    p: float = 0.5
    in_real_terms: bool = False


class Contrasts(Subject):
    """Questions that nobody foresaw."""

    def contrast(
        self, function: Callable[[np.ndarray], float], terms: Mapping[str, Term], *, name: str, unit: str = "ratio"
    ) -> pd.DataFrame:
        """
        Return a function of several levels with its standard error, after the levels themselves.

        The levels may be of any variables, waves, groups and statistics; their joint covariance credits what they share
        in members, PSUs and weighting, and the function goes through it by the delta method. See `panel.estimate`.
        A contrast is hidden where one of its levels is.

        Args:
            function: takes the levels in the order of `terms` and returns a number; smooth, in arithmetic and NumPy.
            terms: the levels by name.
            name: key of the figure (`indicator`); statistic "contrast".
            unit: of the figure: "ratio" and "points" are told in per cent, "EUR" and others as they are.

        Raises:
            UnknownKey: a statistic, group or wave is not there.
            UnknownVariable: a variable is not there, or no number where one is needed.
            EstimateError: a level has nobody, or the function has no finite value or slope there.
        """
        if not terms:
            raise EstimateError("A contrast is of levels, and there are none.", fix="terms={'one': Term(...)}")
        found = {key: self._level(term) for key, term in terms.items()}
        levels = [self._level_figure(terms[key], each) for key, each in found.items()]
        values = np.array([each.value for each in found.values()])
        matrix = self._sample.covariance(*(each.linear for each in found.values()))
        told = contrast(values, matrix, function)
        own = self._contrast_figure(told, found, terms, Label(
            indicator=name, variable=next(iter(terms.values())).variable, domain=None, group="all",
            denominator="; ".join(terms), unit=unit,
        ))  # fmt: skip
        limit = self.release.study.disclosure_threshold
        shown = protect(self._frame([*levels, own]), threshold=limit)
        if (shown["status"].iloc[:-1] == HIDDEN).any():
            shown["status"] = shown["status"].mask(shown["statistic"] == "contrast", HIDDEN)
        return protect(shown, threshold=limit)

    def _level(self, term: Term) -> Estimand:
        if term.statistic not in STATISTICS:
            raise UnknownKey(f"There is no statistic '{term.statistic}'.", fix=did_you_mean(term.statistic, STATISTICS))
        sample, number = self._sample, self._number_of(term.wave)
        rows = sample.rows(number) & self._in_group(term)
        if term.statistic == "share":
            self._variable(term.variable)
            rows &= sample.known(term.variable)
            hit = sample.among(term.variable, list(term.codes)).astype(float)
            return mean(hit, sample.weight, self._some(rows, term))
        values = sample.number(self._number(term.variable).name, in_real_terms=term.in_real_terms)
        rows = self._some(rows & np.isfinite(values), term)
        if term.statistic == "quantile":
            return quantile(
                values, sample.weight, rows, sample.design, p=term.p,
                influence=lambda linear: sample.influence(linear, number),
            )  # fmt: skip
        return (mean if term.statistic == "mean" else INDEX_OF[term.statistic])(values, sample.weight, rows)

    def _in_group(self, term: Term) -> np.ndarray:
        groups = self._groups(self._sample)
        if term.group is None:
            return self._inside(self._sample)
        if self.division is None:
            raise EstimateError(f"Group '{term.group}' is of a division.", fix="by(domain).contrast(...)")
        self.division.group(term.group)
        return np.asarray(groups.codes == groups.keys.index(term.group))

    def _some(self, rows: np.ndarray, term: Term) -> np.ndarray:
        if not rows.any():
            raise EstimateError(self._nobody(term.variable, [self._number_of(term.wave)]), fix="choose another level")
        return rows

    def _level_figure(self, term: Term, found: Estimand) -> Figure:
        number, sample = self._number_of(term.wave), self._sample
        variable = self.release.study.variable(term.variable)
        unit = "share" if term.statistic == "share" else unit_of(term.statistic, variable)
        value = {"share": ",".join(map(str, term.codes)), "quantile": f"{term.p:g}"}.get(term.statistic)
        terms = ("real" if term.in_real_terms else "nominal") if variable.kind == "money" and unit != "share" else ""
        label = Label(
            indicator=term.variable, variable=term.variable, value=value, unit=unit, terms=terms,
            domain=self.division.key if term.group and self.division else None, group=term.group or "all",
            denominator=f"{term.group or 'everybody'}{self._marked} with an answer",
        )  # fmt: skip
        se = float(np.sqrt(max(sample.covariance(found.linear)[0, 0], 0.0)))
        degrees = sample.design.degrees_of_freedom(found.rows)
        figure = self._told((number, number), term.in_real_terms).figure(
            label, term.statistic, value=found.value, se=se, degrees=degrees, n=found.n, n_eff=found.n_eff,
            influence=self._influence(found.linear, degrees),
        )  # fmt: skip
        return replace(figure, from_wave=None, weight=f"{sample.label} {number}")

    def _contrast_figure(
        self, told: Contrast, found: Mapping[str, Estimand], terms: Mapping[str, Term], label: Label
    ) -> Figure:
        numbers = sorted({self._number_of(term.wave) for term in terms.values()})
        degrees = self._sample.design.degrees_of_freedom(np.logical_or.reduce([each.rows for each in found.values()]))
        linear = np.sum([much * each.linear for much, each in zip(told.slope, found.values(), strict=True)], axis=0)
        figure = self._told((numbers[0], numbers[-1]), any(each.in_real_terms for each in terms.values())).figure(
            label, "contrast", value=told.value, se=told.se, degrees=degrees, n=min(each.n for each in found.values()),
            n_eff=min(each.n_eff for each in found.values()), influence=self._influence(linear, degrees),
        )  # fmt: skip
        return figure if len(numbers) > 1 else replace(figure, from_wave=None)

    def _influence(self, linear: np.ndarray, degrees: int) -> Influence | None:
        """Return the influence of a figure, where intervals are to hold together."""
        if not self.is_simultaneous:
            return None
        return Influence(self._sample.totals(linear), self._sample.variance_design, degrees)

    def _told(self, waves: tuple[int, int], in_real_terms: bool) -> Between:
        sample = self._sample
        return Between(
            waves=waves, weight=f"{sample.label} {' and '.join(map(str, dict.fromkeys(waves)))}",
            method=sample.design.said(self._method), is_provisional=in_real_terms and sample.is_provisional(*waves),
        )  # fmt: skip
