"""What a question to a panel is about: whose answers, divided how, under which weight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self

import numpy as np
import pandas as pd

from panel.analysis.tables import Tables
from panel.disclose import protect
from panel.errors import EstimateError, UnknownKey, UnknownVariable, did_you_mean, printable
from panel.estimate import (
    Figure,
    Grouping,
    Label,
    Pair,
    Rule,
    Sample,
    everybody,
    grouping,
    method_of,
    simultaneous,
    to_frame,
)
from panel.model.instrument import Code, Variable
from panel.model.study import Domain, Group
from panel.model.text import Text

Weight = Literal["longitudinal", "cross-sectional"]

WHOSE: dict[Rule, str] = {
    "both": ", in the group in both waves",
    "first": ", by the group of the earlier wave",
    "second": ", by the group of the later wave",
}
"""In words, whom a rule of groups takes among those who answered both waves."""


@dataclass(frozen=True)
class Subject:
    """
    The person-waves of a release, with a way to divide them and a subpopulation that questions are about.

    Immutable: `by` and `where` return another. `where` marks, it never drops: who is outside still tells how the
    sample was drawn.
    """

    release: Tables
    weight: Weight
    division: Domain | None = None
    conditions: tuple[tuple[str, tuple[Code, ...]], ...] = ()
    is_simultaneous: bool = False

    def __repr__(self) -> str:
        frame = self._sample.frame
        waves = sorted(frame["wave"].unique())
        label = " · SYNTHETIC" if self.release.record.is_synthetic else ""
        return (
            f"<Panel {self.release.study.key} {self.release.key} · {frame['member'].nunique():,} members · "
            f"waves {waves[0]}–{waves[-1]} · {len(frame):,} person-waves · weight {self.weight}{label}>"
        )

    @property
    def _sample(self) -> Sample:
        return self.release.sample

    @property
    def _weights(self) -> pd.DataFrame:
        return self.release.weights

    def by(self, name: str, *, simultaneous: bool = False) -> Self:
        """
        Divide answers by a domain of the study, or by the values of a coded variable.

        Args:
            name: of the domain or variable.
            simultaneous: make the intervals of each statistic hold together, over all groups, answers and waves that
                are told: in 95 samples of 100 none of them misses. See `panel.estimate.simultaneous`. An answer that
                has no such intervals refuses.
        """
        return replace(self, division=self._domain(name), is_simultaneous=simultaneous)

    def _domain(self, name: str) -> Domain:
        study = self.release.study
        for domain in study.domains:
            if domain.key == name:
                return domain
        variable = self._variable(name, also=[domain.key for domain in study.domains])
        groups = tuple(Group(key=str(value.code), label=value.label, codes=(value.code,)) for value in variable.values)
        return Domain(key=name, label=variable.label, variable=name, groups=groups)

    def where(self, **conditions: str | Code | Sequence[Code]) -> Self:
        """Mark a subpopulation: domain=group, or variable=code or codes. Several conditions all hold."""
        study, added = self.release.study, []
        for name, wanted in conditions.items():
            if name in [domain.key for domain in study.domains]:
                added.append((study.domain(name).variable, study.domain(name).group(str(wanted)).codes))
            else:
                codes = (wanted,) if isinstance(wanted, (str, int)) else tuple(wanted)
                added.append((self._variable(name).name, codes))
        return replace(self, conditions=(*self.conditions, *added))

    def _variable(self, name: str, also: Sequence[str] = ()) -> Variable:
        study = self.release.study
        names = [variable.name for variable in study.variables]
        if name not in names:
            raise UnknownVariable(
                f"Release {study.key} {self.release.key} has no variable '{name}'.",
                fix=did_you_mean(name, [*names, *also]),
            )
        return study.variable(name)

    def _number(self, variable: str) -> Variable:
        found = self._variable(variable)
        if not found.is_numeric:
            raise UnknownVariable(f"'{variable}' is not a number.", fix=f"share('{variable}', codes=[…])")
        return found

    @property
    def _method(self) -> str:
        return method_of(self.release.study)

    def _pair_of(self, waves: tuple[int | str, int | str]) -> tuple[int, int]:
        first, second = sorted(self._number_of(wave) for wave in waves)
        if first == second:
            raise EstimateError(f"Nothing changes within wave {first}.", fix="name two waves")
        return first, second

    def _number_of(self, wave: int | str) -> int:
        """Return the number of a wave that the release has answers of, or raise EstimateError."""
        found = self.release.study.wave(wave)
        known = self._sample.waves
        if found.number not in known:
            keys = ", ".join(self.release.study.wave(number).key for number in known)
            raise EstimateError(
                f"Release {self.release.key} has no answers of wave '{found.key}'.", fix=f"choose among {keys}"
            )
        return found.number

    def _inside(self, sample: Sample) -> np.ndarray:
        marked = np.ones(len(sample.wave), dtype=bool)
        for variable, codes in self.conditions:
            marked &= sample.among(variable, list(codes))
        return marked

    def _groups(self, sample: Sample) -> Grouping:
        """Return the groups of the division, or everybody; only those the conditions mark are in one."""
        groups = grouping(sample, self.division) if self.division else everybody(sample)
        return groups.among(self._inside(sample))

    def _labels(self, variable: str, *, unit: str | None = None, value: str | None = None) -> list[Label]:
        """Return a label for each group of the division, or for everybody."""
        found = self.release.study.variable(variable)
        groups: list[tuple[str, Text | str]] = [("all", "everybody")]
        if self.division is not None:
            groups = [(each.key, each.label) for each in self.division.groups]
        return [
            Label(
                indicator=variable,
                variable=variable,
                domain=self.division.key if self.division else None,
                group=key,
                denominator=f"{name}{self._marked} with an answer",
                unit=unit or found.unit or "count",
                terms="nominal" if found.kind == "money" and unit is None else "",
                value=value,
            )
            for key, name in groups
        ]

    def _in_terms(self, labels: list[Label], in_real_terms: bool) -> list[Label]:
        """Return the labels, of amounts in real terms where asked."""
        return [replace(each, terms="real") for each in labels] if in_real_terms else labels

    def _by_rule(self, labels: list[Label], rule: Rule) -> list[Label]:
        """Return the labels of groups of the same members, with the rule that says whose group counts."""
        if self.division is None:
            return labels
        return [replace(each, denominator=f"{each.denominator}{WHOSE.get(rule, '')}") for each in labels]

    def _codes(self, variable: str, given: Code | Sequence[Code]) -> tuple[Code, ...]:
        """Return codes of a variable, each as itself or as text, or raise UnknownKey with a suggestion."""
        known = {str(code): code for code in self.release.study.variable(variable).codes}
        wanted = (given,) if isinstance(given, (str, int)) else tuple(given)
        for each in wanted:
            if known and str(each) not in known:
                raise UnknownKey(
                    f"'{variable}' has no code '{printable(str(each))}'.", fix=did_you_mean(str(each), known)
                )
        return tuple(known.get(str(each), each) for each in wanted)

    @property
    def _marked(self) -> str:
        return "".join(f", {name} in {', '.join(map(str, codes))}" for name, codes in self.conditions)

    def _protected(
        self, figures: list[Figure], about: str = "what was asked", waves: Sequence[int] = ()
    ) -> pd.DataFrame:
        """Return figures as they may be shown, or raise EstimateError that says about what there are none."""
        if not figures:
            raise EstimateError(self._nobody(about, waves), fix="choose other groups, waves or variables")
        return protect(self._frame(figures), threshold=self.release.study.disclosure_threshold)

    def _nobody(self, about: str, waves: Sequence[int]) -> str:
        """Return the sentence that nobody of the groups told has a value and a weight."""
        groups = "everybody" if self.division is None else ", ".join(each.key for each in self.division.groups)
        when = f" in wave{'s' if len(waves) > 1 else ''} {' and '.join(map(str, waves))}" if waves else ""
        return f"Nobody of {printable(groups + self._marked)} has a value of '{printable(about)}' and a weight{when}."

    def _frame(self, figures: Sequence[Figure]) -> pd.DataFrame:
        """Return figures as a frame, with intervals that hold together where that was asked."""
        return to_frame(simultaneous(figures) if self.is_simultaneous else figures)

    def _pair(self, waves: tuple[int, int]) -> Pair:
        """Return the members who answered both waves, under their longitudinal weight."""
        return replace(self.release.pair(waves), is_joint=self.is_simultaneous)
