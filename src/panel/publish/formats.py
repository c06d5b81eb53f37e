"""Files of a release: Parquet, CSV that no spreadsheet executes, JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd

ROWS = 100_000
"""So many rows are made into text at once: a whole wide table as text takes several times its memory."""

_FORMULA = re.compile(r"^[=+\-@\t\r\n＝＋－＠]")
_PLAIN_NUMBER = re.compile(r"^[+-]?\d+(\.\d+)?\Z")


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """
    Write a table as CSV: UTF-8, comma, point, LF, "" for null, and text that a spreadsheet would run made harmless.

    A text that begins with = + - @ (also full width), tab, or a line break gets an apostrophe before it (OWASP, CSV
    Injection); columns of numbers, and texts that are nothing but a number, stay as they are.

    Args:
        frame: any table, written some rows at a time. Not modified.
        path: the file, which is made or replaced.

    Raises:
        OSError: the disk is full or the path cannot be written.
    """
    with path.open("w", encoding="utf-8", newline="") as file:
        for start in range(0, max(len(frame), 1), ROWS):
            part = _harmless(frame.iloc[start : start + ROWS])
            part.to_csv(file, index=False, header=start == 0, lineterminator="\n")


def _harmless(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose names and texts no spreadsheet runs; `frame` is not changed."""
    safe = frame.copy()
    for name in safe.columns:
        if not pd.api.types.is_numeric_dtype(safe[name].dtype):
            texts = safe[name].astype("object")
            made = {text: harmless(text) for text in texts.dropna().unique()}  # few texts, in many cells
            unsafe = {text: safer for text, safer in made.items() if safer is not text}
            safe[name] = texts.map(lambda text, by=unsafe: by.get(text, text)) if unsafe else texts
    safe.columns = pd.Index([harmless(str(name)) for name in frame.columns])
    return safe


def harmless(value: object) -> object:
    """Return a text with an apostrophe before it where a spreadsheet would take it for a formula."""
    if isinstance(value, str) and _FORMULA.match(value) and not _PLAIN_NUMBER.match(value):
        return f"'{value}"
    return value


def write_parquet(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as Parquet."""
    frame.to_parquet(path, index=False, compression="zstd")


def write_json(value: object, path: Path) -> None:
    """Write a value as JSON with sorted keys, readable by people."""
    path.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def records(frame: pd.DataFrame) -> list[dict[str, object]]:
    """Return the rows of a table as JSON values, null where there is nothing."""
    rows: list[dict[str, object]] = json.loads(frame.to_json(orient="records", force_ascii=False))
    return rows
