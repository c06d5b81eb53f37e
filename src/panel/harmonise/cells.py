"""Type the cells of one column: each distinct text is read once, and never guessed at."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from panel.model.instrument import Variable

NOT_A_NUMBER = "intake.not_a_number"
NOT_WHOLE = "intake.not_whole"
OUT_OF_RANGE = "intake.out_of_range"
UNKNOWN_CODE = "intake.unknown_code"
NOT_A_DATE = "intake.not_a_date"
TOO_LONG = "intake.too_long"

REASONS_HELD = {
    NOT_A_NUMBER: "not a number written with digits and a decimal point",
    NOT_WHOLE: "not a whole number",
    OUT_OF_RANGE: "outside the range of the instrument",
    UNKNOWN_CODE: "not a code or label of the instrument",
    NOT_A_DATE: "not a date as in 2027-03-08",
    TOO_LONG: "longer than 4,000 characters",
}

_NUMBER = re.compile(r"[+-]?\d{1,15}(\.\d+)?")
_LONGEST_TEXT = 4_000


class CellFault(Exception):
    """A text that cannot be the value of a variable; carries the check that holds it."""


@dataclass(frozen=True)
class Column:
    """One column, typed: values, where a text names a missing reason, which check holds a cell, and a hash."""

    values: pd.Series
    reasons: np.ndarray  # str: a missing reason named by the file, "" elsewhere
    faults: np.ndarray  # str: the check that holds the cell, "" elsewhere
    is_blank: np.ndarray
    canonical: tuple[np.ndarray, list[str]]  # codes into distinct canonical texts


def read_column(texts: pd.Series, variable: Variable, missing: dict[str, str]) -> Column:
    """
    Read the texts of one column as values of `variable`.

    Args:
        texts: as delivered, "" where blank. Not modified.
        variable: says the kind, codes and range.
        missing: texts that name a missing reason.
    """
    codes, distinct = pd.factorize(texts.to_numpy(dtype=object))
    read = reader(variable)
    values: list[object] = []
    reasons, faults, canonical = [], [], []
    for raw in distinct:
        text = str(raw).strip()
        value, reason, fault = _one(text, read, missing)
        values.append(value)
        reasons.append(reason)
        faults.append(fault)
        canonical.append(f"={value!r}" if value is not None else (reason or fault))
    blank = np.array([not str(raw).strip() for raw in distinct], dtype=bool)
    return Column(
        values=pd.Series(_array(values, variable.dtype).take(codes), index=texts.index),
        reasons=np.array(reasons, dtype=object)[codes],
        faults=np.array(faults, dtype=object)[codes],
        is_blank=blank[codes],
        canonical=(codes, canonical),
    )


def _one(text: str, read: Callable[[str], object], missing: dict[str, str]) -> tuple[object, str, str]:
    if not text:
        return None, "", ""
    if text in missing:
        return None, missing[text], ""
    try:
        return read(text), "", ""
    except CellFault as fault:
        return None, "invalid", str(fault)


def _array(values: list[object], dtype: str) -> pd.api.extensions.ExtensionArray:
    return pd.array(values, dtype=dtype)


def reader(variable: Variable) -> Callable[[str], object]:
    """Return the function that reads one text as a value of `variable`, or raises CellFault."""
    if variable.kind == "single":
        return _by_code(variable)
    if variable.kind == "multi":
        one = _by_code(variable)
        return lambda text: ";".join(
            str(code) for code in sorted({one(part) for part in re.split(r"\s*[;,|]\s*", text)}, key=str)
        )
    if variable.kind == "text":
        return _text
    if variable.kind == "date":
        return _date
    return lambda text: _number(text, variable)


def _number(text: str, variable: Variable) -> float | int:
    if not _NUMBER.fullmatch(text):
        raise CellFault(NOT_A_NUMBER)
    number = float(text)
    if (variable.minimum is not None and number < variable.minimum) or (
        variable.maximum is not None and number > variable.maximum
    ):
        raise CellFault(OUT_OF_RANGE)
    if variable.kind != "whole":
        return number
    if not number.is_integer():
        raise CellFault(NOT_WHOLE)
    return int(number)


def _by_code(variable: Variable) -> Callable[[str], object]:
    known: dict[str, object] = {}
    for value in variable.values:
        names = [str(value.code), *value.synonyms, *(text for _, text in value.label.entries)]
        for name in names:
            known.setdefault(_folded(name), value.code)
    for code in variable.codes:
        known[_folded(str(code))] = code

    def read(text: str) -> object:
        folded = _folded(text)
        found = known.get(folded, known.get(folded.removesuffix(".0")))
        if found is None:
            raise CellFault(UNKNOWN_CODE)
        return found

    return read


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).strip().casefold()


def _text(text: str) -> str:
    clean = "".join(mark for mark in unicodedata.normalize("NFC", text) if mark.isprintable() or mark == "\n")
    if len(clean) > _LONGEST_TEXT:
        raise CellFault(TOO_LONG)
    return clean


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise CellFault(NOT_A_DATE) from None
