"""The only door to Great Expectations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.resources.abc import Traversable
from typing import Any

import numpy as np
import pandas as pd

from panel.checks.entries import Entry, digest
from panel.checks.facts import fact_names, facts_of, parameter_names, parameters_of
from panel.checks.history import earlier_of, rows_of, truth
from panel.checks.pooled import is_about_answers
from panel.checks.run import judge
from panel.checks.structural import structural
from panel.checks.suites import FileEntry, Known, Suites, files_digest, load_suites, overridden, shipped
from panel.errors import DefinitionError, PanelError
from panel.evaluate import evaluate
from panel.model.expression import parse
from panel.model.instrument import Instrument
from panel.model.results import Gate, Stage
from panel.model.study import Study
from panel.schema import HELD

__all__ = ["SuiteChecker", "held_cells"]


class SuiteChecker:
    """Implements ports.Checker: suites from files, and what the instrument implies, judged by Great Expectations."""

    def __init__(self, folder: Traversable | None = None) -> None:
        self._folder = folder

    def suites(self, study: Study, instrument: Instrument, stage: Stage, rows: pd.DataFrame) -> Suites:
        """
        Return what the files of a stage say, held against the columns of `rows`.

        Raises:
            DefinitionError: with every fault of the files.
        """
        facts = frozenset(fact_names(instrument, stage))
        earlier = frozenset({*rows.columns, "is_back"}) if stage == "panel" else frozenset[str]()
        known = Known(
            {"rows": frozenset(rows.columns), "facts": facts, "earlier": earlier},
            frozenset(parameter_names(instrument)),
        )
        return load_suites(self._folder or shipped(), study, instrument, stage, known)

    def digest(self, study: Study) -> str:
        """Return a hash of the files of suites that speak about a study; see ports.Checker."""
        return files_digest(self._folder or shipped(), study.key)

    def check(
        self,
        study: Study,
        instrument: Instrument,
        wave: int,
        stage: Stage,
        frame: pd.DataFrame,
        known: pd.DataFrame | None = None,
    ) -> Gate:
        """
        Return one verdict per check of the stage; a wave without rows has none, and so is not open.

        A check over waves has no say in a first wave, and no verdict there. `known` are the immutable facts of every
        wave, see ports.Checker.

        Raises:
            DefinitionError: a suite is empty, repeats an id, names an unknown column or lost an expectation.
        """
        rows = rows_of(frame, study, wave, stage, known)
        year = study.wave(wave).fieldwork.start.year
        implied = {each.entry.id: each for each in structural(rows, instrument, stage, year)}
        asked = [FileEntry(each.entry, None, each.entry.id) for each in implied.values()]
        asked += self.suites(study, instrument, stage, rows).entries
        asked = _with_thresholds(asked, study)
        same = wave == 1 or study.instrument_of(wave - 1).version == instrument.version
        facts = facts_of(frame, rows, instrument, wave, stage, same=same)
        asked = _said(asked, facts, parameters_of(frame, instrument, wave) if stage == "panel" else {})
        columns = {key: each.column for key, each in implied.items() if each.column is not None}
        computed, broken = _computed(asked, rows, year)
        columns |= computed
        tables = {
            "rows": _rows(rows, asked, columns),
            "facts": pd.DataFrame(
                {"member": ["all"], "wave": [wave], **{name: [each] for name, each in facts.items()}}
            ),
            "earlier": earlier_of(frame, rows, wave),
        }
        asked = [each for each in asked if len(tables[each.entry.table])]
        entries = tuple(each.entry for each in asked)
        return Gate(
            study=study.key,
            wave=wave,
            stage=stage,
            suite_digest=digest(entries),
            data_digest="",
            verdicts=judge(tables, entries, columns, broken) if len(rows) else (),
        )


def _with_thresholds(asked: Sequence[FileEntry], study: Study) -> list[FileEntry]:
    faults: list[Any] = []
    found = overridden(asked, study.thresholds, faults)
    if faults:
        raise DefinitionError(f"{len(faults)} thresholds of {study.key} fit no check.", faults=faults)
    return found


def _said(asked: Sequence[FileEntry], facts: Mapping[str, float], taken: Mapping[str, Any]) -> list[FileEntry]:
    """Return the entries that have a say in this wave: those over waves have none in a first one."""
    found = []
    for each in asked:
        if each.entry.table == "facts" and each.entry.arguments["column"] not in facts:
            continue
        if any(name not in taken for name in each.taken.values()):
            continue
        arguments = {**each.entry.arguments, **{key: taken[name] for key, name in each.taken.items()}}
        found.append(replace(each, entry=replace(each.entry, arguments=arguments)))
    return found


def _computed(
    asked: Sequence[FileEntry], rows: pd.DataFrame, year: int
) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Return the columns of expressions by check, and of those that raised what went wrong."""
    columns, broken = {}, {}
    for each in asked:
        if each.holds is not None:
            try:
                columns[each.entry.id] = truth(evaluate(parse(each.holds), rows, {"wave_year": year, **each.limits}))
            except (PanelError, TypeError, ValueError) as error:
                broken[each.entry.id] = error.what if isinstance(error, PanelError) else type(error).__name__
    return columns, broken


def _rows(rows: pd.DataFrame, asked: Sequence[FileEntry], columns: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """Return the rows that are judged: only the columns that some check reads."""
    named = {
        str(each.entry.arguments["column"]): columns[each.entry.id]
        for each in asked
        if each.entry.id in columns and not is_about_answers(each.entry)
    }
    plain = {name for each in asked if each.entry.table == "rows" for name in _read(each.entry)} & set(rows.columns)
    own = rows[["member", "wave", *sorted(plain - {"member", "wave"})]].copy()
    own["wave"] = own["wave"].astype(np.int64)
    return pd.concat([own, pd.DataFrame(named, index=own.index)], axis=1)


def _read(entry: Entry) -> list[str]:
    keys = ("column", "column_A", "column_B", "group_column")
    named = [entry.arguments[key] for key in keys if key in entry.arguments]
    listed = [each for key in ("column_list", "predictors") for each in entry.arguments.get(key, [])]
    return [*map(str, named), *map(str, listed), *([entry.proposes] if entry.proposes else [])]


def held_cells(study: Study, instrument: Instrument, gate: Gate, frame: pd.DataFrame) -> pd.DataFrame:
    """
    Return what a gate's failed checks hold (schema.HELD): cells with the action `hold_cell`, rows with `hold_row`.

    A check that somebody overrode holds nothing: its decision was to let the answers stand.
    """
    del study, frame
    pieces = [
        pd.DataFrame(
            {
                "wave": [wave for _, wave in verdict.failing],
                "member": [member for member, _ in verdict.failing],
                "variable": column,
                "check": verdict.check,
                "reason": verdict.why,
            }
        )
        for verdict in gate.verdicts
        if verdict.action in ("hold_cell", "hold_row") and verdict.failing and verdict.override is None
        for column in (verdict.columns if verdict.action == "hold_cell" else (None,))
        if column is None or instrument.has(column)
    ]
    return HELD.coerce(pd.concat(pieces, ignore_index=True)) if pieces else HELD.empty()
