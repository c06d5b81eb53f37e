"""What is fed forward from earlier waves, and what members did with it. Pure: frames in, frames out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection

import numpy as np
import pandas as pd

from panel.model.people import INTERVIEWED
from panel.model.study import Study
from panel.schema import PRELOAD, reason_column, shown_column

OUTCOMES: tuple[str, ...] = ("confirmed", "changed", "not_answered", "not_shown")
DEPENDENT, INDEPENDENT = "dependent", "independent"
OPEN: tuple[str, ...] = ("dont_know", "refused", "no_answer", "invalid", "broke_off")
"""Reasons of a question that was put and left open."""


def fed_forward(
    panel: pd.DataFrame, *, study: Study, wave: int, members: Collection[str] | None = None
) -> pd.DataFrame:
    """
    Return what members said last of the variables that the study feeds forward (schema.PRELOAD), sorted by key.

    Args:
        panel: person-waves with every held cell set aside, so that nothing doubtful is put into a member's mouth. Only
            waves before `wave` are read. Not modified.
        study: names the variables and how they are fed, and which share of the members is asked without them.
        wave: into which they are fed; variables its instrument does not ask are left out.
        members: who is due; everybody, where None.
    """
    asked = {each.variable.name for each in study.instrument_of(wave).questions}
    rows = panel[panel["wave"] < wave]
    rows = rows if members is None else rows[rows["member"].isin(set(members))]
    pieces = [
        _last_said(rows, each.variable, each.mode)
        for each in study.sample.preload
        if each.variable in asked and each.variable in rows
    ]
    frame = PRELOAD.coerce(pd.concat([PRELOAD.empty(), *[each for each in pieces if len(each)]], ignore_index=True))
    arms = {each: arm(each, study=study, wave=wave) for each in frame["member"].unique()}
    frame = frame.assign(wave=wave, arm=frame["member"].map(arms).astype("str"))
    return frame.astype({"wave": "Int64"}).sort_values(["member", "variable"], ignore_index=True)


def arm(member: str, *, study: Study, wave: int) -> str:
    """
    Return whether a member is fed its earlier answers in a wave, or asked without them: the same whenever it is asked.

    A hash of study, salt, wave and member, read as a number in [0, 1), is held against the share; so that the draw is
    random, no order or platform changes it, and it is another one in the next wave.
    """
    text = "\0".join((study.key, study.sample.independent_salt, str(wave), member))
    drawn = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
    return INDEPENDENT if drawn < study.sample.independent_share else DEPENDENT


def _last_said(rows: pd.DataFrame, variable: str, mode: str) -> pd.DataFrame:
    said = rows[rows[variable].notna()].sort_values("wave").drop_duplicates("member", keep="last")
    return pd.DataFrame(
        {
            "member": said["member"].to_numpy(),
            "variable": variable,
            "mode": mode,
            "value": [_text(value) for value in said[variable]],
            "source_wave": said["wave"].to_numpy(),
            "source_revision": said["revision"].to_numpy(),
            "source_response": said["response"].to_numpy(),
        }
    )


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def handled(preload: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """
    Return the preload with `outcome`: what each member did with it, by its response that stands.

    confirmed: the answer is what was fed forward; changed: it is another; not_answered: the question was put and left
    open; not_shown: the member never saw it. Where the delivery says what was on the screen (`shown` in the study file)
    that is what counts, and `basis` is delivered. Elsewhere it is inferred: not shown is who gave no interview, or was
    not put the question, and what was answered the same without being read counts as confirmed. A member asked
    independently was shown nothing, so its outcome is not_shown, unless the delivery says otherwise.

    `is_changed` says of every answer, of both arms and shown or not, whether it differs; null where there is none.

    Args:
        preload: schema.PRELOAD of one wave. Not modified.
        responses: of that wave, one row a member. Not modified.
    """
    given = responses[responses["disposition"].isin(INTERVIEWED)].drop_duplicates("member").set_index("member")
    found = preload.assign(
        arm=preload["arm"].fillna(DEPENDENT),
        outcome=pd.Series("not_shown", index=preload.index, dtype="str"),
        basis=pd.Series("inferred", index=preload.index, dtype="str"),
        is_changed=pd.Series(pd.NA, index=preload.index, dtype="boolean"),
    )
    for variable, own in found.groupby("variable"):
        if variable in given:
            told = _told(str(variable), own, given.reindex(own["member"]))
            found.loc[own.index, list(told.columns)] = told
    return found


def _told(variable: str, own: pd.DataFrame, answers: pd.DataFrame) -> pd.DataFrame:
    """Return outcome, basis and is_changed of one variable, by the answers of the same members in the same order."""
    texts = np.array(["" if pd.isna(each) else _text(each) for each in answers[variable]], dtype=object)
    reasons = answers[reason_column(variable)].astype("str").to_numpy()
    there = answers["disposition"].notna().to_numpy()
    said = there & (texts != "")
    same = said & (texts == own["value"].to_numpy(dtype=object))
    column = shown_column(variable)
    flags = answers[column] if column in answers else pd.Series(pd.NA, index=answers.index, dtype="Int64")
    is_told = there & flags.notna().to_numpy()
    on_screen = (flags == 1).fillna(value=False).to_numpy(dtype=bool)
    is_independent = (own["arm"] == INDEPENDENT).to_numpy()
    put = there & (said | np.isin(reasons, OPEN))
    seen = np.where(is_told, on_screen, put & ~is_independent)
    outcome = np.select([~seen, same, said], ["not_shown", "confirmed", "changed"], "not_answered")
    is_changed = pd.array(np.where(said, ~same, False), dtype="boolean")
    is_changed[~said] = pd.NA
    basis = np.where(is_told, "delivered", "inferred")
    return pd.DataFrame({"outcome": outcome, "basis": basis, "is_changed": is_changed}, index=own.index)


def compared(found: pd.DataFrame) -> pd.DataFrame:
    """
    Return, by variable, how often the answer differs from the earlier one, where that was fed forward and where not.

    Independent less dependent: what is above nought is change that showing the earlier answer takes away, spurious
    change of memory and coding or true change that members did not bother to tell; a randomised share says how much,
    not which. Members stay in the arm they were drawn for, whatever their platform did (`shown_anyway` counts those of
    the independent arm who saw it). The standard error is that of a difference of two independent shares,
    sqrt(p1(1-p1)/n1 + p2(1-p2)/n2), unweighted: of these members, not of a population.

    Source: Jäckle (2009), Dependent interviewing: a framework and application; Neyman (1923) for the variance.

    Args:
        found: as `handled` returns it. Not modified.
    """
    names = [
        "variable", "mode", "dependent_n", "dependent_share", "independent_n", "independent_share", "difference", "se",
        "shown_anyway",
    ]  # fmt: skip
    rows = []
    for (variable, mode), own in found.groupby(["variable", "mode"]):
        fed, asked = (own.loc[own["arm"] == each, "is_changed"].dropna().astype("float") for each in _ARMS)
        seen = (own["arm"] == INDEPENDENT) & (own["basis"] == "delivered") & (own["outcome"] != "not_shown")
        shares = [each.mean() if len(each) else math.nan for each in (fed, asked)]
        variances = [
            share * (1 - share) / len(each) if len(each) else math.nan
            for share, each in zip(shares, (fed, asked), strict=True)
        ]
        rows.append(
            (variable, mode, len(fed), shares[0], len(asked), shares[1], shares[1] - shares[0],
             math.sqrt(sum(variances)), int(seen.sum()))
        )  # fmt: skip
    return pd.DataFrame(rows, columns=names)


_ARMS = (DEPENDENT, INDEPENDENT)
