"""Estimates on a terminal: a table for each figure, its waves and answers by name, its denominators below."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

import pandas as pd
from rich.text import Text

from panel.cli.output import as_table, console, figure
from panel.errors import PanelError
from panel.model.study import Study

OF_A_TABLE = ["indicator", "statistic", "terms"]


@dataclass(frozen=True)
class Section:
    """One figure in all its waves and groups: a title, the rows, and what the numbers under `among` stand for."""

    title: str
    rows: pd.DataFrame
    notes: tuple[str, ...]


def print_estimates(estimates: pd.DataFrame, study: Study, *, title: str) -> None:
    """
    Print estimates (schema.ESTIMATES) for a person, a table for each indicator and statistic.

    What is the same in a whole table stands in its title; denominators are numbered and stand below it.
    """
    screen = console()
    screen.print(Text(f"{title} of {study.title}", style="bold"))
    for section in sections(estimates, study):
        screen.print()
        screen.print(as_table(section.rows, section.title))
        for number, note in enumerate(section.notes, start=1):
            screen.print(Text(f" {number}  {note}", style="dim"))


def sections(estimates: pd.DataFrame, study: Study) -> Iterator[Section]:
    """Yield a section for each indicator and statistic, in the order in which they stand."""
    for key, rows in estimates.groupby(OF_A_TABLE, sort=False, dropna=False):
        words = [*map(str, key), *(_one(rows, column) for column in ("unit", "method"))]
        among = {name: number for number, name in zip(count(1), rows["denominator"].unique(), strict=False)}
        yield Section(" · ".join(filter(None, words)), _shown(rows, study, among), tuple(map(str, among)))


def _one(rows: pd.DataFrame, column: str) -> str:
    values = rows[column].dropna().unique()
    return str(values[0]) if len(values) == 1 else ""


def _shown(rows: pd.DataFrame, study: Study, among: dict[object, int]) -> pd.DataFrame:
    shown: dict[str, list[object]] = {"group": rows["group"].tolist()}
    if rows["value"].notna().any():
        shown["answer"] = [
            answer(study, name, value) for name, value in zip(rows["variable"], rows["value"], strict=True)
        ]
    if rows["from_wave"].notna().any():
        shown["from"] = [_wave(study, number) for number in rows["from_wave"]]
    shown |= {
        "wave": [_wave(study, number) for number in rows["wave"]],
        "estimate": [figure(value, unit) for value, unit in zip(rows["estimate"], rows["unit"], strict=True)],
        "interval": [interval(*bounds) for bounds in zip(rows["low"], rows["high"], rows["unit"], strict=True)],
        "n": rows["n"].tolist(),
        "n_eff": rows["n_eff"].round(0).astype("Int64").tolist(),
    }
    shown |= _held(rows)
    if (rows["status"] != "final").any():
        shown["status"] = rows["status"].tolist()
    return pd.DataFrame(shown | {"among": [among[name] for name in rows["denominator"]]})


def _held(rows: pd.DataFrame) -> dict[str, list[object]]:
    """Return how many members checks hold out of each figure, and the figure with them, where they hold any."""
    if rows["n_held"].isna().all() or rows["n_held"].eq(0).all():
        return {}
    few = ["" if status == "hidden" else "few" for status in rows["status"]]
    counts = [less if pd.isna(count) else count for count, less in zip(rows["n_held"], few, strict=True)]
    values = [
        "" if pd.isna(value) else figure(value, unit)
        for value, unit in zip(rows["estimate_with_held"], rows["unit"], strict=True)
    ]
    return {"held": counts, "with held": values}


def _wave(study: Study, number: object) -> str:
    return "" if pd.isna(number) else study.wave(int(str(number))).key


def interval(low: object, high: object, unit: object) -> str:
    """Return the bounds of an interval in their unit, "" where there are none."""
    return "" if pd.isna(low) else f"{figure(low, unit)} … {figure(high, unit)}"


def answer(study: Study, variable: object, value: object) -> str:
    """Return the labels of the codes in a value ("6", "1,2", "1>2"); what is no code of the variable stays as it is."""
    if pd.isna(value):
        return ""
    try:
        labels = {str(each.code): str(each.label) for each in study.variable(str(variable)).values}
    except PanelError:
        labels = {}
    sides = (" / ".join(labels.get(code, code) for code in side.split(",")) for side in str(value).split(">"))
    return " → ".join(sides)
