"""Facts about a whole wave: sizes, shares, who came back. Computed once, judged by suites."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from panel.checks.statistics import counted, heaped_share
from panel.model.instrument import Instrument, Variable
from panel.model.results import Stage
from panel.schema import reason_column

_ALWAYS = ("row_count", "wrong_dtype_count", "silent_days_count")
_OVER_WAVES = ("retention_share", "size_share", "instrument_changed_count", "changed_share")
_SHARES = ("invalid_share", "no_answer_share")
_RISES = ("no_answer_rise", "dont_know_rise")
HEAP = 1_000.0


def fact_names(instrument: Instrument, stage: Stage) -> list[str]:
    """Return every fact that a suite of the stage may name; those over waves are not there in a first wave."""
    names = [variable.name for variable in instrument.variables]
    fixed = [*_ALWAYS, "suspicious_share"] if stage == "responses" else [*_ALWAYS, "suspicious_share", *_OVER_WAVES]
    kinds = _SHARES if stage == "responses" else (*_SHARES, *_RISES)
    return [*fixed, *(f"{kind}:{name}" for kind in kinds for name in names)]


def parameter_names(instrument: Instrument) -> list[str]:
    """Return what an argument may be taken from: `{from = "counts_before:NAME"}`."""
    return [f"{kind}:{each.name}" for kind in ("counts_before", "heaped_before") for each in instrument.variables]


def facts_of(
    frame: pd.DataFrame, rows: pd.DataFrame, instrument: Instrument, wave: int, stage: Stage, *, same: bool = True
) -> dict[str, float]:
    """
    Return facts about the whole wave, by name.

    `retention_share` is of those interviewed in the wave before, `size_share` the number interviewed over theirs, a
    rise is in share since the wave before, `changed_share` is of the answers of those who are back; none of these is
    there for a first wave. `silent_days_count` is the longest time without a submission between the first and the last.

    Args:
        frame: responses that stand, or person-waves of all waves so far. Not modified.
        rows: of the wave that is judged.
        instrument: of the wave.
        wave: its number.
        stage: responses or panel.
        same: whether the wave before had the same instrument.
    """
    facts = {"row_count": float(len(rows)), "wrong_dtype_count": float(_wrong_dtypes(rows, instrument))}
    facts["silent_days_count"] = _silent_days(rows)
    if "suspicion_count" in rows and len(rows):
        facts["suspicious_share"] = float((rows["suspicion_count"] >= 2).mean())
    now = _reasons(rows, instrument.variables)
    for name, shares in now.items():
        facts[f"invalid_share:{name}"] = shares["invalid"]
        facts[f"no_answer_share:{name}"] = shares["no_answer"]
    if stage == "panel":
        facts |= _over_waves(frame, rows, instrument, wave, now)
        if (frame["wave"] == wave - 1).any():
            facts["instrument_changed_count"] = float(not same)
    return facts


def _over_waves(
    frame: pd.DataFrame, rows: pd.DataFrame, instrument: Instrument, wave: int, now: Mapping[str, Mapping[str, float]]
) -> dict[str, float]:
    before = frame[frame["wave"] == wave - 1]
    if before.empty or rows.empty:
        return {}
    previous = set(before["member"])
    facts = {
        "retention_share": float(rows["member"].isin(previous).sum()) / len(previous),
        "size_share": len(rows) / len(previous),
    }
    earlier = _reasons(before, instrument.variables)
    for name, shares in now.items():
        if name in earlier:
            facts[f"no_answer_rise:{name}"] = shares["no_answer"] - earlier[name]["no_answer"]
            facts[f"dont_know_rise:{name}"] = shares["unsaid"] - earlier[name]["unsaid"]
    single = [each.name for each in instrument.variables if each.kind == "single" and f"{each.name}_before" in rows]
    pairs = [(rows[name], rows[f"{name}_before"]) for name in single]
    known = [one.notna() & other.notna() for one, other in pairs]
    total = sum(int(each.sum()) for each in known)
    if total:
        differ = sum(int((one[here] != other[here]).sum()) for (one, other), here in zip(pairs, known, strict=True))
        facts["changed_share"] = differ / total
    return facts


def parameters_of(frame: pd.DataFrame, instrument: Instrument, wave: int) -> dict[str, Any]:
    """Return what arguments may be taken from: how the wave before answered; nothing for a first wave."""
    before = frame[frame["wave"] == wave - 1]
    if before.empty:
        return {}
    found: dict[str, Any] = {}
    for each in instrument.variables:
        if each.name in before and each.kind == "single":
            found[f"counts_before:{each.name}"] = counted(before[each.name])
        elif each.name in before and each.kind == "money":
            found[f"heaped_before:{each.name}"] = heaped_share(before[each.name], HEAP)
    return found


def _reasons(rows: pd.DataFrame, variables: Iterable[Variable]) -> dict[str, dict[str, float]]:
    """Return for each variable what share of those asked it gave no answer, an invalid one, or would not say."""
    found = {}
    for variable in variables:
        reason = reason_column(variable.name)
        if reason not in rows or not len(rows):
            continue
        counts = rows[reason].value_counts()
        due = len(rows) - int(counts.get("not_applicable", 0)) - int(counts.get("not_fielded", 0))
        share = {each: float(counts.get(each, 0)) / due if due else 0.0 for each in counts.index}
        unsaid = share.get("dont_know", 0.0) + share.get("refused", 0.0)
        found[variable.name] = {
            "invalid": share.get("invalid", 0.0), "no_answer": share.get("no_answer", 0.0), "unsaid": unsaid,
        }  # fmt: skip
    return found


def _wrong_dtypes(rows: pd.DataFrame, instrument: Instrument) -> int:
    """Return how many variables are absent from a wave or of another dtype than the instrument's."""
    return sum(
        variable.name not in rows or str(rows[variable.name].dtype) != variable.dtype
        for variable in instrument.variables
        if variable.name in rows or variable.name in {each.variable.name for each in instrument.questions}
    )


def _silent_days(rows: pd.DataFrame) -> float:
    if "submitted_at" not in rows:
        return 0.0
    moments = rows["submitted_at"].dropna().sort_values()
    gaps = moments.diff().dropna()
    return float(gaps.max().total_seconds() / 86_400) if len(gaps) else 0.0
