"""The only door to Great Expectations."""

from __future__ import annotations

from importlib.resources.abc import Traversable

import numpy as np
import pandas as pd

from panel.checks.entries import Entry, digest
from panel.checks.facts import facts_of, rows_of, truth
from panel.checks.run import judge
from panel.checks.structural import Judged, structural
from panel.checks.suites import load_suites, shipped
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

    def check(self, study: Study, instrument: Instrument, wave: int, stage: Stage, frame: pd.DataFrame) -> Gate:
        """
        Return one verdict per check of the stage; a wave without rows has none, and so is not open.

        Raises:
            DefinitionError: a suite is empty, repeats an id, names an unknown column or lost an expectation.
        """
        rows = rows_of(frame, instrument, wave, stage)
        facts = facts_of(frame, rows, instrument, wave, stage)
        year = study.wave(wave).fieldwork.start.year
        known = [*rows.columns, "wave_year"]
        written = load_suites(self._folder or shipped(), study, stage, known)
        judged = list(structural(rows, instrument, stage, year))
        for each in written:
            column = None
            if each.holds is not None:
                column = truth(evaluate(parse(each.holds), rows, {"wave_year": year}))
            judged.append(Judged(each.entry, column))
        judged = [each for each in judged if each.entry.table == "rows" or each.entry.arguments["column"] in facts]
        entries = tuple(each.entry for each in judged)
        verdicts = judge(_tables(rows, facts, judged, wave), entries) if len(rows) else ()
        return Gate(
            study=study.key,
            wave=wave,
            stage=stage,
            suite_digest=digest(entries),
            data_digest="",
            verdicts=tuple(verdicts),
        )


def _tables(rows: pd.DataFrame, facts: dict[str, float], judged: list[Judged], wave: int) -> dict[str, pd.DataFrame]:
    """Return what is judged: of the rows only the columns that some check reads."""
    computed = {str(each.entry.arguments["column"]): each.column for each in judged if each.column is not None}
    plain = {
        name for each in judged if each.column is None and each.entry.table == "rows" for name in _read(each.entry)
    }
    own = rows[["member", "wave", *sorted(plain - {"member", "wave"})]].copy()
    own["wave"] = own["wave"].astype(np.int64)
    table = pd.concat([own, pd.DataFrame(computed, index=own.index)], axis=1)
    return {
        "rows": table,
        "facts": pd.DataFrame({"member": ["all"], "wave": [wave], **{k: [v] for k, v in facts.items()}}),
    }


def _read(entry: Entry) -> list[str]:
    named = [entry.arguments[key] for key in ("column", "column_A", "column_B") if key in entry.arguments]
    return [*map(str, named), *map(str, entry.arguments.get("column_list", []))]


def held_cells(study: Study, instrument: Instrument, gate: Gate, frame: pd.DataFrame) -> pd.DataFrame:
    """
    Return the cells that a gate's failed checks hold (schema.HELD): those with the action `hold_cell`.

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
        if verdict.action == "hold_cell" and verdict.failing and verdict.override is None
        for column in verdict.columns
        if instrument.has(column)
    ]
    return HELD.coerce(pd.concat(pieces, ignore_index=True)) if pieces else HELD.empty()
