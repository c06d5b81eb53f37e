"""Judge many checks of one form by one expectation each: what must hold of answers, and what a fact may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from panel.checks.entries import HOLDS, Entry

_BETWEEN = ("expect_column_max_to_be_between", "expect_column_values_to_be_between")


def is_about_answers(entry: Entry) -> bool:
    """Say whether an entry holds of each row, whatever else: all such are judged by one expectation."""
    column = str(entry.arguments.get("column", ""))
    return column.startswith(HOLDS) and set(entry.arguments) == {"column", "value_set"}


def is_about_a_fact(entry: Entry) -> bool:
    """Say whether an entry bounds one fact about the wave: all such are judged by one expectation a side."""
    bounds = {name: each for name, each in entry.arguments.items() if name != "column"}
    numbers = all(type(each) in (int, float) for each in bounds.values())
    sided = bool(bounds) and set(bounds) <= {"min_value", "max_value"}
    return entry.table == "facts" and entry.expectation in _BETWEEN and sided and numbers


def failing_of(columns: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return by entry the places of rows where it does not hold: neither 1 nor NaN."""
    return {check: np.flatnonzero((column != 1) & ~np.isnan(column)) for check, column in columns.items()}


def answers_table(failing: Mapping[str, np.ndarray], size: int) -> pd.DataFrame:
    """Return one row for each row of the wave: `row` (its place) and `failing` (how many entries do not hold there)."""
    count = np.zeros(size, dtype=np.int64)
    for places in failing.values():
        count[places] += 1
    return pd.DataFrame({"row": np.arange(size, dtype=np.int64), "failing": count})


def facts_table(entries: Sequence[Entry], facts: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each entry about a fact: `check` (its place), `value`, `least` and `most`."""
    return pd.DataFrame(
        {
            "check": np.arange(len(entries), dtype=np.int32),
            "value": [float(facts[entry.arguments["column"]].iloc[0]) for entry in entries],
            "least": [_bound(entry, "min_value", -np.inf) for entry in entries],
            "most": [_bound(entry, "max_value", np.inf) for entry in entries],
        }
    )


def _bound(entry: Entry, name: str, default: float) -> float:
    found: Any = entry.arguments.get(name)
    return default if found is None else float(found)
