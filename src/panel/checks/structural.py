"""Checks that the instrument itself implies: codes, ranges, routes, sums, reasons. Nobody writes these by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.checks.entries import Entry, at_most, holding
from panel.checks.facts import truth
from panel.evaluate import evaluate
from panel.model.expression import parse
from panel.model.instrument import Instrument, Question, SumGroup, Variable
from panel.model.results import Stage
from panel.schema import reason_column

MOST_INVALID, TOO_MANY_INVALID, MOST_UNANSWERED, MOST_OFF_ROUTE = 0.01, 0.20, 0.30, 0.05


@dataclass(frozen=True)
class Judged:
    """A check and the column it is judged on, computed from the rows; facts need none."""

    entry: Entry
    column: np.ndarray | None = None


def structural(rows: pd.DataFrame, instrument: Instrument, stage: Stage, wave_year: int) -> Iterator[Judged]:
    """Yield the checks of a stage that the instrument implies, with their columns."""
    yield _reasons(rows, instrument, stage)
    for variable in instrument.variables:
        if variable.name in rows:
            yield from _values(rows, variable, stage)
    if stage == "panel":
        yield from (_sum(rows, group) for group in instrument.sum_groups)
        return
    for question in instrument.questions:
        name = question.variable.name
        if name not in rows:
            continue
        yield from _questions(rows, question, wave_year)
        yield at(at_most, f"invalid:{name}", f"invalid_share:{name}", MOST_INVALID, name, "warning",
                 "More answers could not be read than slips explain.")  # fmt: skip
        yield at(at_most, f"mostly_invalid:{name}", f"invalid_share:{name}", TOO_MANY_INVALID, name, "critical",
                 "So many answers could not be read that the export or its codes must be wrong.")  # fmt: skip
        yield at(at_most, f"unanswered:{name}", f"no_answer_share:{name}", MOST_UNANSWERED, name, "warning",
                 "Many who were asked did not answer: the question, its place or the export.")  # fmt: skip


def at(make: object, entry_id: str, fact: str, most: float, name: str, severity: str, why: str) -> Judged:
    """Return a check of a fact about one variable."""
    return Judged(make(entry_id, fact, most, columns=(name,), severity=severity, why=why))  # type: ignore[operator]


def _reasons(rows: pd.DataFrame, instrument: Instrument, stage: Stage) -> Judged:
    sound = np.ones(len(rows), dtype=bool)
    for variable in instrument.variables:
        if variable.name in rows and reason_column(variable.name) in rows:
            missing = rows[variable.name].isna().to_numpy(dtype=bool)
            sound &= missing == (rows[reason_column(variable.name)] != "").to_numpy(dtype=bool)
    entry = holding(
        f"{stage}:reasons",
        f"holds:{stage}:reasons",
        severity="critical",
        why="Every missing value has a reason and every value has none; else figures count the wrong people.",
    )
    return Judged(entry, truth(sound))


def _values(rows: pd.DataFrame, variable: Variable, stage: Stage) -> Iterator[Judged]:
    values = rows[variable.name]
    if variable.kind == "single" and variable.values:
        name, sound = "codes", values.isin(list(variable.codes))
        why = "Only codes of the instrument have a meaning."
    elif variable.is_numeric and (variable.minimum is not None or variable.maximum is not None):
        low = -np.inf if variable.minimum is None else variable.minimum
        high = np.inf if variable.maximum is None else variable.maximum
        name, sound = "range", values.astype("Float64").between(low, high)
        why = "Amounts beyond the range of the instrument are slips."
    else:
        return
    judged = sound.astype("boolean").mask(values.isna())
    check = f"{stage}:{name}:{variable.name}"
    entry = holding(check, f"holds:{check}", columns=(variable.name,), severity="critical", why=why)
    yield Judged(entry, truth(judged))


def _questions(rows: pd.DataFrame, question: Question, wave_year: int) -> Iterator[Judged]:
    name = question.variable.name
    extra = {"wave_year": wave_year}
    if question.route and _readable(question.route, rows):
        on_route = evaluate(parse(question.route), rows, extra).astype("boolean")
        wrong = (~on_route) & rows[name].notna().to_numpy(dtype=bool)
        check = f"route:{name}"
        why = "Answered although the route skips it: a questionnaire fault where many do."
        # A few are slips of people or platforms; many are a fault of the questionnaire, and stop the wave.
        share = float(wrong.fillna(value=False).mean()) if len(rows) else 0.0
        severity = "critical" if share > MOST_OFF_ROUTE else "warning"
        yield Judged(holding(check, f"holds:{check}", columns=(name,), severity=severity, why=why), truth(~wrong))
    if question.check and _readable(question.check, rows):
        check = f"agrees:{name}"
        judged = evaluate(parse(question.check), rows, extra)
        why = f"The answers contradict each other: {question.check}."
        yield Judged(holding(check, f"holds:{check}", columns=(name,), severity="warning", why=why), truth(judged))
    if question.is_required:
        check = f"required:{name}"
        off = (rows[reason_column(name)] == "not_applicable").to_numpy(dtype=bool)
        answered = rows[name].notna().to_numpy(dtype=bool) | off
        why = "Without it the member is in no group and no figure."
        yield Judged(holding(check, f"holds:{check}", columns=(name,), severity="warning", why=why), truth(answered))


def _readable(text: str, rows: pd.DataFrame) -> bool:
    return all(name in rows or name == "wave_year" for name in parse(text).names)


def _sum(rows: pd.DataFrame, group: SumGroup) -> Judged:
    parts = rows[list(group.members)].astype("Float64")
    total = parts.sum(axis=1, min_count=len(group.members))
    judged = ((total - group.total).abs() <= group.tolerance).astype("boolean").mask(parts.isna().any(axis=1))
    check = f"sum:{group.key}"
    entry = holding(
        check,
        f"holds:{check}",
        columns=group.members,
        severity="warning",
        action="hold_cell",
        why=f"Parts that do not add up to {group.total:g} cannot be shares; they are held, the other answers stay.",
    )
    return Judged(entry, truth(judged))
