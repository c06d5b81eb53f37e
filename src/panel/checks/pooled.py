"""Judge many checks of one form by one expectation each: what must hold of answers, and what a fact may be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from panel.checks.entries import HOLDS, Entry

MOST_CELLS = 2_000_000
"""So many answers are judged at a time, which bounds the memory."""
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


def answers_of(entries: Sequence[Entry], columns: Mapping[str, np.ndarray]) -> Iterator[pd.DataFrame]:
    """
    Yield the answers that entries are about, some entries at a time: one row for each entry and row of the wave.

    Args:
        entries: about answers.
        columns: by entry, of each row 1 where it holds, 0 where it does not, NaN where it has no say.

    Returns:
        `check` (the entry's place), `row` (the row's place) and `holds`.
    """
    size = max(len(next(iter(columns.values()))), 1) if columns else 1
    step = max(MOST_CELLS // size, 1)
    for start in range(0, len(entries), step):
        some = [columns[entry.id] for entry in entries[start : start + step]]
        places = np.arange(start, start + len(some), dtype=np.int32)
        yield pd.DataFrame(
            {
                "check": np.repeat(places, size),
                "row": np.tile(np.arange(size, dtype=np.int32), len(some)),
                "holds": np.concatenate(some),
            }
        )


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
