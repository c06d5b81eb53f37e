"""Derived variables, and cells that a decision sets aside."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from panel.evaluate import evaluate
from panel.model.expression import parse
from panel.model.instrument import Derived, Instrument
from panel.model.study import Study
from panel.schema import REASON_DTYPE, reason_column


def derive(frame: pd.DataFrame, instrument: Instrument, *, wave_year: int) -> pd.DataFrame:
    """
    Return `frame` with every derived variable of `instrument` computed anew.

    A derived value is missing for the reason of its sources: not applicable where that holds for all of them, else the
    first source's reason that is another.

    Args:
        frame: person-waves or responses of one wave. Not modified.
        instrument: whose derived variables, in the order of the file.
        wave_year: year of fieldwork, the name `wave_year` in expressions.
    """
    columns: dict[str, pd.Series] = {}
    for derived in instrument.derived:
        seen = frame.assign(**columns)
        value, reason = _derived(seen, derived, wave_year)
        columns[derived.variable.name] = value
        columns[reason_column(derived.variable.name)] = reason
    return frame.assign(**columns)


def _derived(frame: pd.DataFrame, derived: Derived, wave_year: int) -> tuple[pd.Series, pd.Series]:
    expression = parse(derived.expression)
    needed = {column for name in expression.names for column in (name, reason_column(name)) if column in frame}
    value = evaluate(expression, frame[sorted(needed)], {"wave_year": wave_year})
    value = _fitted(value, derived.variable.dtype)
    reasons = [frame[reason_column(name)].astype("str") for name in expression.names if reason_column(name) in frame]
    return value, _reason(value, reasons)


def _fitted(value: pd.Series, dtype: str) -> pd.Series:
    if dtype == "Int64":
        return value.astype("Float64").round().astype("Int64")
    return value.astype(dtype)


def _reason(value: pd.Series, sources: list[pd.Series]) -> pd.Series:
    reason = np.full(len(value), "not_applicable", dtype=object)
    settled = np.zeros(len(value), dtype=bool)
    for source in sources:
        texts = source.to_numpy(dtype=object)
        here = ~settled & (texts != "") & (texts != "not_applicable")
        reason[here] = texts[here]
        settled |= here
    reason[value.notna().to_numpy()] = ""
    return pd.Series(pd.Categorical(reason, dtype=REASON_DTYPE), index=value.index)


def with_sources(study: Study, names: Iterable[str]) -> list[str]:
    """Return the names and every variable that a derived one among them comes from, in any instrument, sorted."""
    found, waiting = set[str](), list(names)
    comes_from: dict[str, set[str]] = {}
    for instrument in study.instruments:
        for derived in instrument.derived:
            comes_from.setdefault(derived.variable.name, set()).update(parse(derived.expression).names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += comes_from.get(name, ())
    return sorted(found)


def hold_cells(frame: pd.DataFrame, held: pd.DataFrame, study: Study) -> pd.DataFrame:
    """
    Return person-waves with held cells missing, for the reason invalid, and derived variables computed anew.

    Args:
        frame: schema.PERSON_WAVES with variables. Not modified.
            It may have some variables only, those that the derived ones among them come from included.
        held: schema.HELD; rows without a variable or about variables that `frame` lacks do nothing here.
        study: says which variables derive from which.
    """
    wanted = held[held["variable"].isin(frame.columns) & held["member"].notna()]
    if wanted.empty:
        return frame
    places = frame[["member", "wave"]].assign(place=np.arange(len(frame)))
    cells = wanted[["member", "wave", "variable"]].merge(places, on=["member", "wave"])
    touched: dict[str, pd.Series] = {}
    for name, rows in cells.groupby("variable"):
        reason = reason_column(str(name))
        touched[str(name)] = _with(frame[str(name)], rows["place"].to_numpy(), None)
        touched[reason] = _with(frame[reason], rows["place"].to_numpy(), "invalid")
    return _derive_again(frame.assign(**touched), np.unique(cells["place"]), study)


def correct_cells(frame: pd.DataFrame, corrections: pd.DataFrame, study: Study) -> pd.DataFrame:
    """
    Return person-waves with decided values in place of what was said, and derived variables computed anew.

    Args:
        frame: schema.PERSON_WAVES with variables. Not modified.
        corrections: member, wave, variable and value, of the variable's kind; about a variable that `frame` lacks it
            does nothing.
        study: says which variables derive from which.
    """
    wanted = corrections[corrections["variable"].isin(frame.columns)]
    if wanted.empty:
        return frame
    places = frame[["member", "wave"]].assign(place=np.arange(len(frame)))
    cells = wanted.merge(places, on=["member", "wave"])
    touched: dict[str, pd.Series] = {}
    for name, rows in cells.groupby("variable"):
        values = pd.array(rows["value"].tolist(), dtype=frame[str(name)].dtype)
        touched[str(name)] = _with(frame[str(name)], rows["place"].to_numpy(), values)
        touched[reason_column(str(name))] = _with(frame[reason_column(str(name))], rows["place"].to_numpy(), "")
    return _derive_again(frame.assign(**touched), np.unique(cells["place"]), study)


def _derive_again(frame: pd.DataFrame, places: np.ndarray, study: Study) -> pd.DataFrame:
    """Compute the derived variables of the rows at these places anew, wave by wave; only their columns are copied."""
    columns: dict[str, pd.Series] = {}
    waves = frame["wave"].to_numpy(dtype=np.int64)[places]
    for number in np.unique(waves):
        wave, own = study.wave(int(number)), places[waves == number]
        instrument = study.instrument(wave.instrument)
        there = tuple(each for each in instrument.derived if each.variable.name in frame)
        fresh = derive(frame.iloc[own], replace(instrument, derived=there), wave_year=wave.fieldwork.start.year)
        for derived in there:
            for name in (derived.variable.name, reason_column(derived.variable.name)):
                columns[name] = _with(columns.get(name, frame[name]), own, fresh[name].array)
    return frame.assign(**columns)


def _with(column: pd.Series, places: np.ndarray, values: object) -> pd.Series:
    """Return a copy of a column with other values at some places."""
    out = column.copy()
    out.iloc[places] = values
    return out
