"""What checks judge beside the answers: what a member said before, and facts about the whole wave."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panel.model.instrument import Instrument
from panel.model.results import Stage
from panel.schema import reason_column

BEFORE = "_before"


def before_column(name: str) -> str:
    """Return the name of the column with a member's value at the interview before."""
    return f"{name}{BEFORE}"


def rows_of(frame: pd.DataFrame, instrument: Instrument, wave: int, stage: Stage) -> pd.DataFrame:
    """
    Return the rows of the wave that is judged; at stage panel with each number of the member's interview before.

    Args:
        frame: responses that stand, or person-waves of all waves so far. Not modified.
        instrument: of the wave.
        wave: its number.
        stage: responses or panel.
    """
    rows = frame[frame["wave"] == wave].reset_index(drop=True)
    if stage == "responses":
        return rows
    numbers = [each.name for each in instrument.variables if each.is_numeric and each.name in frame]
    earlier = frame.loc[frame["wave"] < wave, ["member", "wave", *numbers]].sort_values("wave")
    last = earlier.drop_duplicates("member", keep="last").drop(columns="wave")
    last = last.rename(columns={name: before_column(name) for name in numbers})
    return rows.merge(last, on="member", how="left")


def facts_of(
    frame: pd.DataFrame, rows: pd.DataFrame, instrument: Instrument, wave: int, stage: Stage
) -> dict[str, float]:
    """
    Return facts about the whole wave: sizes, shares of invalid and missing answers, who came back.

    `retention_share` is of those interviewed in the wave before, `size_share` the number interviewed over theirs;
    neither is there for a first wave.
    """
    facts = {"row_count": float(len(rows))}
    for variable in instrument.variables:
        reason = reason_column(variable.name)
        if reason in rows and len(rows):
            texts = rows[reason].astype("str")
            due = float((~texts.isin(["not_applicable", "not_fielded"])).sum())
            facts[f"invalid_share:{variable.name}"] = float((texts == "invalid").sum()) / due if due else 0.0
            facts[f"no_answer_share:{variable.name}"] = float((texts == "no_answer").sum()) / due if due else 0.0
    if stage == "panel":
        previous = set(frame.loc[frame["wave"] == wave - 1, "member"])
        if previous:
            facts["retention_share"] = float(rows["member"].isin(previous).sum()) / len(previous)
            facts["size_share"] = len(rows) / len(previous)
    return facts


def truth(values: pd.Series | np.ndarray) -> np.ndarray:
    """Return logic as numbers that a check can judge: 1 holds, 0 does not, NaN where it has no say."""
    return pd.Series(values).astype("boolean").to_numpy(dtype=float, na_value=np.nan)
