"""
The digest of a release: one hash of what it says, whatever the machine, database, file format or order of rows.

Computed numbers count to nine significant digits, answers to twelve. Rounding does not make a sum independent of its
order, it only makes a visible difference rare: with a relative noise of 1e-15 a number flips its last digit about once
in a thousand at twelve digits, and once in a million at nine. Hence the rows are sorted before anything is computed,
and the few digits are the second line of defence. A computed number nearer to nought than 1e-9 is nought, for a
difference of equal numbers is all noise.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

CHUNK = 50_000
_SEPARATOR = "\x1f"  # JSON escapes it inside texts, so it never occurs in a cell


def table_hash(frame: pd.DataFrame, key: Sequence[str], *, digits: int) -> str:
    """
    Return the SHA-256 of the canonical text of a table.

    Columns are taken by name and rows by `key` (by all columns where the key repeats), so that neither order counts.
    A whole number is the same text whether a column is of integers or floats; null is `null`; NaN is null.
    """
    names = sorted(map(str, frame.columns))
    columns = {name: _Texts.of(frame[name], digits) for name in names}
    by = list(key) if not frame.duplicated(list(key)).any() else names
    order = np.lexsort([columns[name].places for name in reversed(by)])
    digest = hashlib.sha256(json.dumps(names).encode())
    for start in range(0, len(order), CHUNK):
        rows = order[start : start + CHUNK]
        lines = pc.binary_join_element_wise(*(columns[name].at(rows) for name in names), _SEPARATOR)
        digest.update("".join(f"{line}\n" for line in lines.to_pylist()).encode())
    return digest.hexdigest()


@dataclass(frozen=True)
class _Texts:
    """A column as its canonical texts: each different one once, in order, and its place for every row."""

    distinct: pa.Array
    places: np.ndarray

    @classmethod
    def of(cls, column: pd.Series, digits: int) -> _Texts:
        codes, found = pd.factorize(column)
        texts = [canonical(value, digits) for value in found]
        distinct = sorted({*texts, "null"})
        place = {text: number for number, text in enumerate(distinct)}
        numbers = np.array([*(place[text] for text in texts), place["null"]])  # code -1 is null: it takes the last
        return cls(pa.array(distinct, type=pa.string()), numbers.astype(np.min_scalar_type(len(distinct)))[codes])

    def at(self, rows: np.ndarray) -> pa.Array:
        return self.distinct.take(pa.array(self.places[rows]))


def content_digest(facts: Mapping[str, object], hashes: Mapping[str, str]) -> str:
    """Return the SHA-256 of the facts of a release (study, wave, …) and the hashes of its tables."""
    text = json.dumps({"facts": dict(facts), "tables": dict(hashes)}, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def canonical(value: object, digits: int) -> str:
    """Return the canonical text of one cell."""
    if value is None or value is pd.NA or value is pd.NaT or value != value:
        return "null"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, bool) or type(value).__name__ == "bool":
        return "true" if value else "false"
    return _number(float(value), value, digits)  # type: ignore[arg-type]


def _number(number: float, value: object, digits: int) -> str:
    if number.is_integer():
        return str(int(value))  # type: ignore[call-overload]
    if digits < 12 and abs(number) < 10.0**-digits:
        return "0"
    rounded = float(f"{number:.{digits}g}")
    return str(int(rounded)) if rounded.is_integer() else repr(rounded)
