"""Checks that the instrument itself implies: codes, ranges, routes, sums, reasons. Nobody writes these by hand."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.checks.entries import Entry, at_most, both, holding
from panel.checks.history import truth
from panel.evaluate import evaluate
from panel.model.expression import parse
from panel.model.instrument import Instrument, Question, SumGroup, Variable
from panel.model.results import Stage
from panel.schema import reason_column

MOST_INVALID, TOO_MANY_INVALID, MOST_UNANSWERED, MOST_OFF_ROUTE = 0.01, 0.20, 0.30, 0.05
_FACTS = (
    ("invalid", "invalid_share", MOST_INVALID, "warning", "S2",
     both("Meer antwoorden waren onleesbaar dan vergissingen verklaren.",
          "More answers could not be read than slips explain.")),
    ("mostly_invalid", "invalid_share", TOO_MANY_INVALID, "critical", "S2",
     both("Zoveel antwoorden waren onleesbaar dat de export of zijn codes fout moeten zijn.",
          "So many answers could not be read that the export or its codes must be wrong.")),
    ("unanswered", "no_answer_share", MOST_UNANSWERED, "warning", "S5",
     both("Velen die de vraag kregen, antwoordden niet: de vraag, haar plaats of de export.",
          "Many who were asked did not answer: the question, its place or the export.")),
)  # fmt: skip


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
        for kind, fact, most, severity, catalogue, why in _FACTS:
            entry_id, column = f"{kind}:{name}", f"{fact}:{name}"
            made = at_most(entry_id, column, most, columns=(name,), severity=severity, catalogue=catalogue, why=why)
            yield Judged(made)


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
        action="block_wave",
        catalogue="S1",
        why=both(
            "Elke ontbrekende waarde heeft een reden en elke waarde geen; anders tellen cijfers de verkeerde mensen.",
            "Every missing value has a reason and every value has none; else figures count the wrong people.",
        ),
    )
    return Judged(entry, truth(sound))


def _values(rows: pd.DataFrame, variable: Variable, stage: Stage) -> Iterator[Judged]:
    values = rows[variable.name]
    if variable.kind == "single" and variable.values:
        name, catalogue, sound = "codes", "S2", values.isin(list(variable.codes))
        why = both("Alleen codes van het instrument betekenen iets.", "Only codes of the instrument have a meaning.")
    elif variable.is_numeric and (variable.minimum is not None or variable.maximum is not None):
        low = -np.inf if variable.minimum is None else variable.minimum
        high = np.inf if variable.maximum is None else variable.maximum
        name, catalogue, sound = "range", "S3", values.astype("Float64").between(low, high)
        why = both(
            "Getallen buiten het bereik van het instrument zijn vergissingen.",
            "Numbers beyond the range of the instrument are slips.",
        )
    else:
        return
    judged = sound.astype("boolean").mask(values.isna())
    check = f"{stage}:{name}:{variable.name}"
    entry = holding(
        check, f"holds:{check}", columns=(variable.name,), severity="critical", catalogue=catalogue, why=why
    )
    yield Judged(entry, truth(judged))


def _questions(rows: pd.DataFrame, question: Question, wave_year: int) -> Iterator[Judged]:
    name = question.variable.name
    extra = {"wave_year": wave_year}
    if question.route and _readable(question.route, rows):
        on_route = evaluate(parse(question.route), rows, extra).astype("boolean")
        wrong = (~on_route) & rows[name].notna().to_numpy(dtype=bool)
        check = f"route:{name}"
        why = both(
            "Beantwoord hoewel de route de vraag overslaat: een fout in de vragenlijst als het er veel zijn.",
            "Answered although the route skips it: a questionnaire fault where many do.",
        )
        # A few are slips of people or platforms; many are a fault of the questionnaire, and stop the wave.
        share = float(wrong.fillna(value=False).mean()) if len(rows) else 0.0
        severity = "critical" if share > MOST_OFF_ROUTE else "warning"
        made = holding(
            check, f"holds:{check}", columns=(name,), severity=severity, catalogue="S4", why=why
        )  # fmt: skip
        yield Judged(made, truth(~wrong))
    if question.check and _readable(question.check, rows):
        check = f"agrees:{name}"
        judged = evaluate(parse(question.check), rows, extra)
        why = both(
            f"De antwoorden spreken elkaar tegen: {question.check}.",
            f"The answers contradict each other: {question.check}.",
        )
        yield Judged(holding(check, f"holds:{check}", columns=(name,), catalogue="S4", why=why), truth(judged))
    if question.is_required:
        check = f"required:{name}"
        off = (rows[reason_column(name)] == "not_applicable").to_numpy(dtype=bool)
        answered = rows[name].notna().to_numpy(dtype=bool) | off
        why = both(
            "Zonder dit antwoord valt het lid in geen enkele groep en geen enkel cijfer.",
            "Without it the member is in no group and no figure.",
        )
        yield Judged(holding(check, f"holds:{check}", columns=(name,), catalogue="S5", why=why), truth(answered))


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
        catalogue="S3",
        why=both(
            f"Delen die niet optellen tot {group.total:g} zijn geen aandelen; ze wachten, de rest blijft.",
            f"Parts that do not add up to {group.total:g} cannot be shares; they are held, the other answers stay.",
        ),
    )
    return Judged(entry, truth(judged))
