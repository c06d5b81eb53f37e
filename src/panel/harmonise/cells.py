"""Type the cells of one column: each distinct text is read once, and never guessed at."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from panel.model.instrument import Variable

NOT_A_NUMBER = "intake.not_a_number"
NOT_WHOLE = "intake.not_whole"
OUT_OF_RANGE = "intake.out_of_range"
UNKNOWN_CODE = "intake.unknown_code"
NOT_A_DATE = "intake.not_a_date"
NOT_A_MOMENT = "intake.not_a_moment"
TOO_LONG = "intake.too_long"

REASONS_HELD = {
    NOT_A_NUMBER: "not a number written with digits and a decimal point",
    NOT_WHOLE: "not a whole number",
    OUT_OF_RANGE: "outside the range of the instrument",
    UNKNOWN_CODE: "not a code or label of the instrument",
    NOT_A_DATE: "not a date as in 2027-03-08",
    NOT_A_MOMENT: "not a date and time as in 2027-03-08T14:30:00+01:00",
    TOO_LONG: "longer than 4,000 characters",
}

_NUMBER = re.compile(r"[+-]?([0-9]{1,15}(\.[0-9]+)?|\.[0-9]+)")  # SPSS writes .5 for 0.5
_SCIENTIFIC = re.compile(_NUMBER.pattern.removesuffix(")") + r")([eE][+-]?[0-9]{1,3})?")  # not money: Excel cuts digits
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MARGINS = re.compile(r"^[\s\u200b\ufeff]+|[\s\u200b\ufeff]+$")
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
        value, reason, fault = _one(trim(str(raw)), read, missing)
        values.append(value)
        reasons.append(reason)
        faults.append(fault)
        canonical.append(f"={value!r}" if value is not None else (reason or fault))
    blank = np.array([value is None and not reason for value, reason in zip(values, reasons, strict=True)], dtype=bool)
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


def read_moments(texts: pd.Series, time_zone: str) -> Column:
    """
    Read moments as in ISO 8601, in UTC; one without an offset is of `time_zone`, and of the first of two equal hours.

    Args:
        texts: as delivered, "" where blank. Not modified.
        time_zone: of the study.
    """
    zone = ZoneInfo(time_zone)
    codes, distinct = pd.factorize(texts.to_numpy(dtype=object))
    moments, faults = [], []
    for raw in distinct:
        text = trim(str(raw))
        moment = _moment(text, zone)
        moments.append(moment)
        faults.append(NOT_A_MOMENT if text and moment is None else "")
    values = pd.Series(pd.to_datetime(moments, utc=True)).astype("datetime64[us, UTC]").array.take(codes)
    fault = np.array(faults, dtype=object)[codes]
    return Column(
        values=pd.Series(values, index=texts.index),
        reasons=np.where(fault == "", "", "invalid").astype(object),
        faults=fault,
        is_blank=np.array([moment is None for moment in moments], dtype=bool)[codes],
        canonical=(codes, ["" for _ in distinct]),
    )


def _moment(text: str, zone: ZoneInfo) -> datetime | None:
    if not _DATE.fullmatch(text[:10]):
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def trim(text: str) -> str:
    """Return `text` without what cannot be seen at its ends: spaces, zero-width spaces, byte order marks."""
    return _MARGINS.sub("", text)


def _array(values: list[object], dtype: str) -> pd.api.extensions.ExtensionArray:
    return pd.array(values, dtype=dtype)


def reader(variable: Variable) -> Callable[[str], object]:
    """Return the function that reads one text as a value of `variable`, or raises CellFault."""
    if variable.kind == "single":
        return _by_code(variable)
    if variable.kind == "multi":
        return _by_codes(variable)
    if variable.kind == "text":
        return _text
    if variable.kind == "date":
        return _date
    return lambda text: _number(text, variable)


def _number(text: str, variable: Variable) -> float | int:
    form = _SCIENTIFIC if variable.kind == "decimal" else _NUMBER
    if not form.fullmatch(text) or not math.isfinite(float(text)):
        raise CellFault(NOT_A_NUMBER)
    number = float(text) + 0.0  # minus zero is zero
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
    """Read a code, or a label or synonym in any case; a text that several values share stands for none of them."""
    exact = {str(code): code for code in variable.codes}
    named: dict[str, set[object]] = {}
    for value in variable.values:
        for name in (str(value.code), *value.synonyms, *(text for _, text in value.label.entries)):
            named.setdefault(_folded(name), set()).add(value.code)
    whole = {f"{code}.0": code for code in variable.codes if isinstance(code, int)}

    def read(text: str) -> object:
        found = exact.get(text, whole.get(text))
        if found is not None:
            return found
        meant = named.get(_folded(text), set())
        if len(meant) != 1:
            raise CellFault(UNKNOWN_CODE)
        return next(iter(meant))

    return read


def _by_codes(variable: Variable) -> Callable[[str], object]:
    """Read codes that stand in one cell; the value has each once, in the order of the instrument."""
    one = _by_code(variable)
    order = {code: place for place, code in enumerate(variable.codes)}

    def read(text: str) -> object:
        codes = {one(part) for part in re.split(r"\s*[;,|]\s*", text)}
        return ";".join(str(code) for code in sorted(codes, key=lambda code: order[code]))  # type: ignore[index]

    return read


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).strip().casefold())


def _text(text: str) -> str | None:
    """Return one form of a text: NFC, plain spaces and line ends, nothing that cannot be seen; None if all was so."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n")
    spaced = (" " if mark.isspace() and mark != "\n" else mark for mark in lines)
    clean = "".join(mark for mark in spaced if mark.isprintable() or mark == "\n").strip()
    if len(clean) > _LONGEST_TEXT:
        raise CellFault(TOO_LONG)
    return clean or None


def _date(text: str) -> str:
    """Return the day; a moment is cut to its day as written, which is the respondent's own."""
    try:
        if _DATE.fullmatch(text[:10]):
            return datetime.fromisoformat(text).date().isoformat()
    except ValueError:
        pass
    raise CellFault(NOT_A_DATE)
