"""What the command prints: tables on a terminal, CSV or JSON elsewhere or when asked."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from enum import StrEnum
from typing import Any

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

REPORT_WIDTH = 118


class Format(StrEnum):
    """How data are written to stdout."""

    auto = "auto"
    table = "table"
    csv = "csv"
    json = "json"


def emit(data: pd.DataFrame | Sequence[Any] | Mapping[str, Any], form: Format, *, title: str = "") -> None:
    """Write a frame, a list of results or one mapping to stdout, as a table only where a person looks."""
    frame = to_frame(data)
    if for_a_person(form):
        console().print(as_table(frame, title))
    elif form is Format.json:
        sys.stdout.write(as_json(frame) + "\n")
    else:
        sys.stdout.write(frame.to_csv(index=False))


def for_a_person(form: Format) -> bool:
    """Say whether data are read by a person: asked for as a table, or sent to a terminal."""
    return form is Format.table or (form is Format.auto and sys.stdout.isatty())


def to_frame(data: pd.DataFrame | Sequence[Any] | Mapping[str, Any]) -> pd.DataFrame:
    """Return the data as a frame: dataclasses by field, a mapping as one row."""
    if isinstance(data, pd.DataFrame):
        return data
    rows = [data] if isinstance(data, Mapping) else list(data)
    return pd.DataFrame([asdict(row) if is_dataclass(row) and not isinstance(row, type) else row for row in rows])


def as_json(frame: pd.DataFrame) -> str:
    """Return the rows as JSON; what is missing is null."""
    rows = json.loads(frame.to_json(orient="records", date_format="iso", double_precision=15))
    return json.dumps(rows, ensure_ascii=False, indent=1)


def console() -> Console:
    """Return a console on stdout that takes no markup from data."""
    width = None if sys.stdout.isatty() else REPORT_WIDTH
    return Console(file=sys.stdout, markup=False, highlight=False, width=width, emoji=False)


def as_table(frame: pd.DataFrame, title: str = "") -> Table:
    """Return a Rich table; numbers to the right, text as it is."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title=title or None,
        title_justify="left",
        title_style="bold",
        header_style="bold",
        pad_edge=False,
    )
    for name in frame.columns:
        numeric = pd.api.types.is_numeric_dtype(frame[name]) or name in ("estimate", "interval", "change")
        table.add_column(str(name), justify="right" if numeric else "left", overflow="fold")
    for row in frame.itertuples(index=False):
        table.add_row(*(Text(cell(value)) for value in row))
    return table


def cell(value: object) -> str:
    """Return a value as the text of a table cell, without control characters."""
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 100 else f"{value:,.0f}"
    return "".join(mark if mark.isprintable() or mark == "\n" else "\N{REPLACEMENT CHARACTER}" for mark in str(value))


def figure(value: object, unit: object) -> str:
    """Return a figure in its unit, for a table: shares in percent, amounts whole."""
    if value is None or pd.isna(value):
        return "hidden"
    number = float(str(value))
    if unit in ("share", "points"):
        return f"{100 * number:.1f} %" if unit == "share" else f"{100 * number:+.1f} pt"
    if unit == "ratio":
        return f"{100 * number:+.1f} %"
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.2f}"
