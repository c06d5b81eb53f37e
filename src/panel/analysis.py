"""
The analyst's read-only view: releases, and a panel of one that answers questions with their uncertainty.

Everything is read from the release's folder, checked against its manifest; nothing here can change anything. Every
answer is one frame shape (schema.ESTIMATES), protected as a publication is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from panel.cite import cite
from panel.codebook import Codebook
from panel.disclose import protect
from panel.errors import EstimateError, StorageError, UnknownKey, UnknownVariable, Where, did_you_mean
from panel.estimate import (
    Figure,
    Grouping,
    Label,
    Measure,
    Pair,
    Sample,
    everybody,
    grouping,
    method_of,
    series,
    stayers,
    to_frame,
    transitions,
    unit_of,
)
from panel.forecast import VIEWS, View, questions_of, tally, view_of
from panel.model.instrument import Code, Variable
from panel.model.load import load_study
from panel.model.results import ReleaseRecord
from panel.model.study import INDICES, Domain, Group, Study
from panel.model.text import Text
from panel.ports import Store

Weight = Literal["longitudinal", "cross-sectional"]
Predicted = View | Literal["ledger", "claims"]


class Connection:
    """A panel database, for reading its releases."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<Connection · studies {', '.join(self._store.study_keys()) or 'none'}>"

    def releases(self, study: str) -> tuple[str, ...]:
        """Return the keys of a study's releases, oldest first."""
        self._store.study_files(study)
        return tuple(record.key for record in self._store.releases(study))

    def release(self, study: str, key: str | None = None) -> Release:
        """Return a release by key, the newest by default, or raise UnknownKey with a suggestion."""
        found = load_study(self._store.study_files(study))
        records = {record.key: record for record in self._store.releases(study)}
        if not records or (key is not None and key not in records):
            what = f"Study '{study}' has no release" + (f" '{key}'." if key else " yet.")
            raise UnknownKey(what, fix=did_you_mean(key or "", records))
        return Release(found, records[key] if key else list(records.values())[-1])


class Release:
    """An immutable, citable cut of a study."""

    def __init__(self, study: Study, record: ReleaseRecord) -> None:
        self.study = study
        self.record = record

    def __repr__(self) -> str:
        label = " · SYNTHETIC" if self.record.is_synthetic else ""
        return f"<Release {self.study.key} {self.record.key} · digest {self.record.digest[:12]}{label}>"

    @property
    def key(self) -> str:
        """Return the key of the release, such as 2026.1."""
        return self.record.key

    @property
    def folder(self) -> Path:
        """Return where the release lies."""
        return Path(self.record.path)

    @cached_property
    def _hashes(self) -> Mapping[str, str]:
        found = json.loads(self.record.manifest)["files"]
        listed = found.items() if isinstance(found, dict) else ((each["name"], each) for each in found)
        return {name: each["sha256"] if isinstance(each, dict) else each for name, each in listed}

    def table(self, name: str) -> pd.DataFrame:
        """
        Return a table of the release: person_waves, weights, tracking, estimates, predictions or claims.

        Raises:
            StorageError: the file is gone, or is not what was released.
        """
        file = self.folder / f"{name}.parquet"
        try:
            content = file.read_bytes()
        except OSError as error:
            raise StorageError("A file of the release is gone.", where=Where(file=file.name)) from error
        if hashlib.sha256(content).hexdigest() != self._hashes.get(file.name):
            raise StorageError(
                "A file is not what was released.",
                where=Where(file=file.name),
                fix="restore the folder from the backup",
            )
        return pd.read_parquet(file)

    @property
    def codebook(self) -> Codebook:
        """Return the codebook, by variable name."""
        return Codebook(self.study)

    def estimates(self) -> pd.DataFrame:
        """Return the published figures (schema.ESTIMATES)."""
        return self.table("estimates")

    def attrition(self) -> pd.DataFrame:
        """Return members by cohort, wave and disposition: one row each, with `members`."""
        tracking = self.table("tracking")
        return tracking.groupby(["cohort", "wave", "disposition"]).size().reset_index(name="members")

    def cite(self, language: str = "en") -> str:
        """Return a line for the footnote, with the digest; SYNTHETIC where nobody answered."""
        return cite(self.record, self.study, language=language)

    def panel(self, *, weight: Weight = "longitudinal") -> Panel:
        """
        Return the panel of the release.

        Args:
            weight: decides what a change is. "longitudinal" follows the same members; "cross-sectional" compares
                everybody in one wave with everybody in another. Levels are always cross-sectional.
        """
        return Panel(self, weight)


@dataclass(frozen=True)
class Panel:
    """
    The person-waves of a release, with a way to divide them and a subpopulation that questions are about.

    Immutable: `by` and `where` return another panel. `where` marks, it never drops: who is outside still tells how the
    sample was drawn.
    """

    release: Release
    weight: Weight
    division: Domain | None = None
    conditions: tuple[tuple[str, tuple[Code, ...]], ...] = ()

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
        if "sample" not in self.release.__dict__:
            frame, weights = self.release.table("person_waves"), self._weights
            cross = weights[weights["kind"] == "cross-sectional"]
            made = Sample(self.release.study, frame, cross, label="cross-sectional", keys=("member", "wave"))
            self.release.__dict__["sample"] = made
        found: Sample = self.release.__dict__["sample"]
        return found

    @property
    def _weights(self) -> pd.DataFrame:
        if "weights" not in self.release.__dict__:
            self.release.__dict__["weights"] = self.release.table("weights")
        found: pd.DataFrame = self.release.__dict__["weights"]
        return found

    def by(self, name: str) -> Panel:
        """Divide answers by a domain of the study, or by the values of a coded variable."""
        return replace(self, division=self._domain(name))

    def _domain(self, name: str) -> Domain:
        study = self.release.study
        for domain in study.domains:
            if domain.key == name:
                return domain
        variable = self._variable(name, also=[domain.key for domain in study.domains])
        groups = tuple(Group(key=str(value.code), label=value.label, codes=(value.code,)) for value in variable.values)
        return Domain(key=name, label=variable.label, variable=name, groups=groups)

    def where(self, **conditions: str | Code | Sequence[Code]) -> Panel:
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

    def _number(self, variable: str) -> Variable:
        found = self._variable(variable)
        if not found.is_numeric:
            raise UnknownVariable(f"'{variable}' is not a number.", fix=f"share('{variable}', codes=[…])")
        return found

    def change(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """
        Return how a number changed between two waves, nominal.

        Under the longitudinal weight: within the same members, by the group they were in first. Under the
        cross-sectional weight: everybody in the later wave against everybody in the earlier, with the overlap in the
        standard error.

        Raises:
            EstimateError: the release has no longitudinal weight for these two waves.
        """
        self._number(variable)
        first, second = self._pair_of(waves)
        if self.weight == "cross-sectional":
            values = self._sample.number(variable)
            table = self._levels(variable, "mean", values, np.isfinite(values), None, waves=[first, second])
            return table[table["statistic"].isin(["change", "relative_change"])].reset_index(drop=True)
        pair = Pair.of(self._sample, self._weights, (first, second))
        labels, groups = self._labels(variable), self._groups(pair.now)
        return self._protected(stayers(pair, labels, variable, groups, in_real_terms=False, method=self._method))

    def transitions(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """Return the from-to table of a coded variable: row shares, under the longitudinal weight of the two waves."""
        self._variable(variable)
        pair = Pair.of(self._sample, self._weights, self._pair_of(waves))
        labels, groups = self._labels(variable, unit="share"), self._groups(pair.now)
        return self._protected(transitions(pair, labels, variable, groups, method=self._method))

    def predictions(self, question: str | None = None, *, show: Predicted = "outcomes") -> pd.DataFrame:
        """
        Return what members predicted against what has happened to them since, of one question or of all.

        Args:
            question: key of a question that predicts.
            show: "outcomes" (predicted, happened, who was right), "scores", "revisions" or "horizon" (the view to the
                target year): published figures (schema.ESTIMATES) of everybody, or by the domain that `by` names.
                "ledger" counts the claims by question, wave and state, "claims" has one a row (schema.CLAIMS without
                hashes): about single members, for researchers, not protected.

        Raises:
            UnknownKey: the question predicts nothing, `show` is none of these, or `by` names what is no domain.
            EstimateError: `where` marked a subpopulation, or `by` divides the ledger.
        """
        known = questions_of(self.release.study)
        if question is not None and question not in known:
            raise UnknownKey(f"No question '{question}' predicts anything.", fix=did_you_mean(question, known))
        if show not in (*VIEWS, "ledger", "claims"):
            raise UnknownKey(f"Nothing to show as '{show}'.", fix=did_you_mean(show, [*VIEWS, "ledger", "claims"]))
        in_ledger = show in ("ledger", "claims")
        if self.conditions or (in_ledger and self.division):
            raise EstimateError("Only published groups have figures, the ledger none.", fix="by(domain).predictions()")
        table = self.release.table("claims" if in_ledger else "predictions")
        if question is not None:
            table = table[table["question" if in_ledger else "indicator"] == question]
        if in_ledger:
            return tally(table) if show == "ledger" else table.reset_index(drop=True)
        return self._divided(table[view_of(table) == show])

    def _divided(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return of published figures those about everybody, or about the groups of the domain chosen."""
        if self.division is None:
            return table[table["group"] == "all"].reset_index(drop=True)
        domain = self.release.study.domain(self.division.key)
        return table[table["domain"] == domain.key].reset_index(drop=True)

    @property
    def _method(self) -> str:
        return method_of(self.release.study)

    def _pair_of(self, waves: tuple[int | str, int | str]) -> tuple[int, int]:
        first, second = sorted(self.release.study.wave(wave).number for wave in waves)
        return first, second

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

    @property
    def _marked(self) -> str:
        return "".join(f", {name} in {', '.join(map(str, codes))}" for name, codes in self.conditions)

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
    ) -> pd.DataFrame:
        sample = self._sample
        numbers = sorted(int(each) for each in np.unique(sample.wave)) if waves is None else list(waves)
        if wave is not None:
            numbers = [self.release.study.wave(wave).number]
        labels = self._labels(variable, unit=unit, value=value)
        measure = Measure(labels=labels, statistic=statistic, values=values, answered=known)
        figures = series(sample, measure, self._groups(sample), numbers, method=self._method)
        if waves is None:
            figures = [each for each in figures if each.from_wave is None]
        return self._protected(figures)

    def _protected(self, figures: list[Figure]) -> pd.DataFrame:
        return protect(to_frame(figures), threshold=self.release.study.disclosure_threshold)
