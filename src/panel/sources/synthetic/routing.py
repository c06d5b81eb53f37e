"""Who is asked what, and who keeps silent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator

from panel.evaluate import holds
from panel.model.expression import parse
from panel.model.instrument import Instrument, Question
from panel.schema import reason_column
from panel.sources.synthetic.plan import Plan


@dataclass(frozen=True)
class Heard:
    """For each variable, by person: who is asked it but for routes, why a person keeps silent, and who answers."""

    asked: Mapping[str, np.ndarray]
    silent: Mapping[str, np.ndarray]  # a missing reason, "" where there is an answer
    answered: Mapping[str, np.ndarray]


def heard(
    said: pd.DataFrame, cohort: np.ndarray, plan: Plan, instrument: Instrument, wave: int, draw: Generator
) -> Heard:
    """Return who would answer each question of a wave if no route led past it; parts of a sum are skipped together."""
    first = {name: group.members[0] for group in instrument.sum_groups for name in group.members}
    asked: dict[str, np.ndarray] = {}
    silent: dict[str, np.ndarray] = {}
    answered: dict[str, np.ndarray] = {}
    for question in instrument.questions:
        name = question.variable.name
        asked[name] = _asked(question, cohort, wave)
        alike = first.get(name, name)
        silent[name] = silent[alike] if alike in silent else _silence(question, plan, draw, len(said))
        answered[name] = asked[name] & (silent[name] == "") & said[name].notna().to_numpy()
    return Heard(asked, silent, answered)


def _silence(question: Question, plan: Plan, draw: Generator, size: int) -> np.ndarray:
    chances = {} if question.is_required else plan.missing.get(question.variable.name, plan.missing.get("default", {}))
    edges = np.cumsum([0.0, *chances.values()])[1:]
    return np.array([*chances, ""], dtype=object)[np.searchsorted(edges, draw.random(size), side="right")]


def _asked(question: Question, cohort: np.ndarray, wave: int) -> np.ndarray:
    if question.asked == "every":
        return np.ones(len(cohort), dtype=bool)
    return (cohort == wave) if question.asked == "first" else (cohort < wave)


def routed(entered: pd.DataFrame, open_to: Heard, instrument: Instrument) -> pd.DataFrame:
    """Return answers and reasons, nothing where the route of what was entered before leads past a question."""
    columns: dict[str, pd.Series] = {}
    for question in instrument.questions:
        name = question.variable.name
        asked, answers = open_to.asked[name], open_to.answered[name]
        if question.route:
            asked = asked & _on_route(question.route, columns, entered.index)
        values = entered[name].where(answers & asked, None)
        columns[name] = values if question.variable.dtype == "str" else values.astype("Float64")
        columns[reason_column(name)] = pd.Series(np.where(asked, open_to.silent[name], "not_applicable"))
    return pd.DataFrame(columns)


def _on_route(route: str, columns: Mapping[str, pd.Series], index: pd.Index) -> np.ndarray:
    expression = parse(route)
    names = [*expression.names, *map(reason_column, expression.names)]
    return holds(expression, pd.DataFrame({name: columns[name] for name in names}, index=index))


def off_route(
    written: pd.DataFrame,
    open_to: Heard,
    plan: Plan,
    instrument: Instrument,
    draw: Generator,
) -> Iterator[tuple[int, str]]:
    """Yield the few people who answer a numeric question that their route leads past, and the question."""
    names = [each.variable.name for each in instrument.questions if each.route and each.variable.is_numeric]
    for place in np.flatnonzero(draw.random(len(written)) < plan.errors.get("off_route", 0.0)).tolist():
        past = [
            name
            for name in names
            if open_to.answered[name][place] and written.at[place, reason_column(name)] == "not_applicable"
        ]
        if past:
            yield place, past[int(draw.integers(0, len(past)))]
