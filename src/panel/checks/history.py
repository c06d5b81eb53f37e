"""The rows that checks judge: the wave's answers, what the same member said before, and signs of careless answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from panel.checks.identity import identity_score
from panel.checks.statistics import modified_z, slip_factor
from panel.merge import settled
from panel.model.instrument import Instrument, Variable
from panel.model.results import Stage
from panel.model.study import Study
from panel.schema import reason_column

BEFORE, TYPICAL, USUAL, MODE, OUTLYING = "_before", "_typical", "_usual", "_mode", "_z"
MEANT, MASHED = "_meant", "_mashed"
UNITS = (12.0, 100.0, 1_000.0)
"""Units that a proposal knows. Where incomes swing a tenth is like a twelfth, and months are the commoner slip."""
_NEAR = 2.2  # how far off its unit an amount may be for a proposal: a year's swing of a freelancer's income
PARADATA = ("duration_seconds", "attention_failed_count", "honeypot_text", "human_score")
"""Names under which an instrument may carry what the platform measured; checks that need them wait until it does."""
SIGNS = ("is_fast", "is_copied", "is_mashed", "is_silent", "is_straight", "is_outlying")
_GRID = 5  # so many questions of one scale in one section are a grid
_Z = 3.5


def rows_of(
    frame: pd.DataFrame, study: Study, wave: int, stage: Stage, known: pd.DataFrame | None = None
) -> pd.DataFrame:
    """
    Return the rows of the wave that is judged, with what is computed of each once.

    At stage responses `is_late`; at both stages `NAME_z` of amounts, `NAME_mashed` of open texts, the SIGNS and their
    number `suspicion_count`. At stage panel besides: `NAME_before` (the member's value at the interview before),
    `NAME_typical` (the median of the earlier amounts), `NAME_usual` (the same where there are at least two),
    `NAME_meant` (an amount in its probable unit), `NAME_mode` (what an immutable fact is over all waves known,
    `panel.merge.settled`), `identity_score` and `is_newcomer`.

    Args:
        frame: responses that stand, or person-waves of all waves so far. Not modified.
        study: whose.
        wave: its number.
        stage: responses or panel.
        known: member, wave and immutable facts of every wave, where later ones than `frame` has are known.
    """
    instrument = study.instrument_of(wave)
    rows = frame[frame["wave"] == wave].reset_index(drop=True)
    made = _signs(rows, instrument)
    if stage == "responses":
        made["is_late"] = _late(rows, study, wave)
    else:
        made |= _over_waves(frame, rows, instrument, wave)
        made |= _facts(frame if known is None else known, rows, instrument)
        made["is_newcomer"] = (rows["cohort"] == wave).to_numpy(dtype=bool)
    return pd.concat([rows, pd.DataFrame(made, index=rows.index)], axis=1)


def earlier_of(frame: pd.DataFrame, rows: pd.DataFrame, wave: int) -> pd.DataFrame:
    """Return who was interviewed in the wave before, with their answers then and whether they are back (`is_back`)."""
    before = frame[frame["wave"] == wave - 1].reset_index(drop=True)
    return before.assign(is_back=before["member"].isin(set(rows["member"])).to_numpy(dtype=bool))


def _over_waves(
    frame: pd.DataFrame, rows: pd.DataFrame, instrument: Instrument, wave: int
) -> dict[str, pd.Series | np.ndarray]:
    kept = [each for each in instrument.variables if each.name in frame and (each.is_numeric or each.kind == "single")]
    names = [each.name for each in kept]
    earlier = frame.loc[frame["wave"] < wave, ["member", "wave", *names]].sort_values("wave", kind="stable")
    last = earlier.drop_duplicates("member", keep="last").set_index("member")
    made: dict[str, pd.Series | np.ndarray] = {
        f"{name}{BEFORE}": last[name].reindex(rows["member"]).set_axis(rows.index) for name in names
    }
    money = [each.name for each in kept if each.kind == "money"]
    by_member = earlier.groupby("member")[money] if money else None
    typical = by_member.median() if by_member is not None else pd.DataFrame()
    told = by_member.count() if by_member is not None else pd.DataFrame()
    for name in money:
        usual = typical[name].reindex(rows["member"]).set_axis(rows.index).astype("Float64")
        value, size = (each.astype("Float64").to_numpy(dtype=float, na_value=np.nan) for each in (rows[name], usual))
        _, meant = slip_factor(value, size, UNITS, _NEAR)
        made[f"{name}{TYPICAL}"] = usual
        made[f"{name}{USUAL}"] = usual.where(told[name].reindex(rows["member"]).fillna(0).to_numpy() >= 2)
        made[f"{name}{MEANT}"] = np.round(meant)
    asked = {question.variable.name for question in instrument.questions if question.asked == "every"} & set(names)
    codes = [each.name for each in kept if each.name in asked and each.kind == "single" and each.dtype != "str"]
    score = identity_score(rows, earlier, codes, [name for name in money if name in asked])
    made["identity_score"] = pd.Series(score, index=rows.index).astype("Float64")
    return made


def _facts(known: pd.DataFrame, rows: pd.DataFrame, instrument: Instrument) -> dict[str, pd.Series]:
    """Return what each member's immutable facts are, by the name of their column."""
    names = [each.name for each in instrument.variables if each.is_immutable and each.name in rows]
    return {
        f"{name}{MODE}": settled(known, name).reindex(rows["member"]).set_axis(rows.index).astype(rows[name].dtype)
        for name in names
    }


def _signs(rows: pd.DataFrame, instrument: Instrument) -> dict[str, pd.Series | np.ndarray]:
    asked = [question.variable for question in instrument.questions if question.variable.name in rows]
    made: dict[str, pd.Series | np.ndarray] = {}
    outlying, mashed = np.zeros(len(rows), dtype=bool), np.zeros(len(rows), dtype=bool)
    for each in instrument.variables:
        if each.kind == "money" and each.name in rows:
            z = modified_z(rows[each.name])
            made[f"{each.name}{OUTLYING}"] = z
            outlying |= (z.abs() > _Z).to_numpy()
        elif each.kind == "text" and each.sensitivity == "open_text" and each.name in rows:
            made[f"{each.name}{MASHED}"] = _mashed(rows[each.name])
            mashed |= made[f"{each.name}{MASHED}"] == 1
    signs = {
        "is_fast": _fast(rows),
        "is_copied": _copied(rows, asked),
        "is_mashed": mashed,
        "is_silent": _silent(rows, asked),
        "is_straight": _straight(rows, instrument),
        "is_outlying": outlying,
    }
    made |= {name: values.astype(np.int64) for name, values in signs.items()}
    made["suspicion_count"] = np.sum([values.astype(np.int64) for values in signs.values()], axis=0)
    return made


def _late(rows: pd.DataFrame, study: Study, wave: int) -> np.ndarray:
    """Say who answered after the last day of fieldwork, in UTC."""
    if "submitted_at" not in rows:
        return np.zeros(len(rows), dtype=np.int64)
    closed = pd.Timestamp(study.wave(wave).fieldwork.end, tz="UTC") + pd.Timedelta(days=1)
    return np.asarray((rows["submitted_at"] >= closed).to_numpy(), dtype=np.int64)


def _fast(rows: pd.DataFrame) -> np.ndarray:
    """Say who needed less than half of the median time."""
    if "duration_seconds" not in rows:
        return np.zeros(len(rows), dtype=bool)
    time = rows["duration_seconds"].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
    with np.errstate(invalid="ignore"):
        return np.asarray(time < 0.5 * np.nanmedian(time)) if np.isfinite(time).any() else np.zeros(len(rows), bool)


def _copied(rows: pd.DataFrame, asked: Sequence[Variable]) -> np.ndarray:
    """Say who gave the very answers of another member; with fewer than ten answers that may be chance."""
    names = [each.name for each in asked if each.kind != "text"]
    if len(names) < 10 or rows.empty:
        return np.zeros(len(rows), dtype=bool)
    answered = rows[names].notna().sum(axis=1).to_numpy() >= 10
    return np.asarray(rows.duplicated(names, keep=False).to_numpy() & answered)


def _silent(rows: pd.DataFrame, asked: Sequence[Variable]) -> np.ndarray:
    """Say who left more than half of what they were asked without an answer."""
    due, unsaid = np.zeros(len(rows)), np.zeros(len(rows))
    for each in asked:
        if reason_column(each.name) in rows and each.kind != "text":
            reason = rows[reason_column(each.name)]
            due += ~reason.isin(["not_applicable", "not_fielded"]).to_numpy()
            unsaid += reason.isin(["dont_know", "refused", "no_answer"]).to_numpy()
    return np.asarray(unsaid > due / 2)


def _straight(rows: pd.DataFrame, instrument: Instrument) -> np.ndarray:
    """Say who gave one answer throughout a grid: at least five questions of one scale in one section."""
    grids: dict[object, list[str]] = {}
    for question in instrument.questions:
        if question.variable.kind == "single" and len(question.variable.values) > 2 and question.variable.name in rows:
            grids.setdefault((question.section, question.variable.codes), []).append(question.variable.name)
    straight = np.zeros(len(rows), dtype=bool)
    for names in grids.values():
        if len(names) >= _GRID:
            grid = rows[names]
            straight |= (grid.nunique(axis=1).eq(1) & grid.notna().sum(axis=1).ge(_GRID)).to_numpy()
    return straight


_CONSONANTS = re.compile(r"[bcdfghjklmnpqrstvwxz]{7,}", re.IGNORECASE)
_REPEATED = re.compile(r"(.)\1{4,}|^(.{1,3})\2{3,}$")


def _mashed(texts: pd.Series) -> np.ndarray:
    """Say of each text whether it looks like keys struck at random; missing where there is none."""
    known = texts.notna().to_numpy(dtype=bool)
    hit = np.array([bool(_CONSONANTS.search(text) or _REPEATED.search(text)) for text in texts[known].astype(str)])
    answer = np.full(len(texts), np.nan)
    answer[known] = hit.astype(float) if known.any() else []
    return answer


def truth(values: pd.Series | np.ndarray) -> np.ndarray:
    """Return logic as numbers that a check can judge: 1 holds, 0 does not, NaN where it has no say."""
    return pd.Series(values).astype("boolean").to_numpy(dtype=float, na_value=np.nan)
