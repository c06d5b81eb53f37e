"""Derived variables, and cells that a decision sets aside."""

from __future__ import annotations

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


def hold_cells(frame: pd.DataFrame, held: pd.DataFrame, study: Study) -> pd.DataFrame:
    """
    Return person-waves with held cells missing, for the reason invalid, and derived variables computed anew.

    Args:
        frame: schema.PERSON_WAVES with variables. Not modified.
        held: schema.HELD; rows without a variable or about variables that `frame` lacks do nothing here.
        study: says which variables derive from which.
    """
    wanted = held[held["variable"].isin(frame.columns) & held["member"].notna()]
    if wanted.empty:
        return frame
    place = pd.MultiIndex.from_frame(frame[["member", "wave"]])
    touched: dict[str, pd.Series] = {}
    hit = np.zeros(len(frame), dtype=bool)
    for name, rows in wanted.groupby("variable"):
        here = place.isin(pd.MultiIndex.from_frame(rows[["member", "wave"]]))
        touched[str(name)] = frame[name].mask(here)
        reason = reason_column(str(name))
        touched[reason] = frame[reason].mask(here, "invalid")
        hit |= here
    return _derive_again(frame.assign(**touched), hit, study)


def _derive_again(frame: pd.DataFrame, hit: np.ndarray, study: Study) -> pd.DataFrame:
    """Compute the derived variables of the touched rows anew, wave by wave."""
    pieces = [frame[~hit]]
    for number, rows in frame[hit].groupby("wave"):
        wave = study.wave(int(number))
        fresh = derive(rows, study.instrument(wave.instrument), wave_year=wave.fieldwork.start.year)
        pieces.append(fresh[frame.columns])
    return pd.concat(pieces).loc[frame.index]
