"""What is fed forward from earlier waves, and what members did with it. Pure: frames in, frames out."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from panel.model.people import INTERVIEWED
from panel.model.study import Study
from panel.schema import PRELOAD, reason_column

OUTCOMES: tuple[str, ...] = ("confirmed", "changed", "not_answered", "not_shown")


def fed_forward(
    panel: pd.DataFrame, *, study: Study, wave: int, members: Collection[str] | None = None
) -> pd.DataFrame:
    """
    Return what members said last of the variables that the study feeds forward (schema.PRELOAD), sorted by key.

    Args:
        panel: person-waves with every held cell set aside, so that nothing doubtful is put into a member's mouth. Only
            waves before `wave` are read. Not modified.
        study: names the variables and how they are fed.
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
    return frame.assign(wave=wave).astype({"wave": "Int64"}).sort_values(["member", "variable"], ignore_index=True)


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
    open; not_shown: there is no interview, or the question was not on the member's route. The platform does not say
    what was on the screen, so what was answered the same without being read counts as confirmed.

    Args:
        preload: schema.PRELOAD of one wave. Not modified.
        responses: of that wave, one row a member. Not modified.
    """
    given = responses[responses["disposition"].isin(INTERVIEWED)].drop_duplicates("member").set_index("member")
    outcome = pd.Series("not_shown", index=preload.index, dtype="str")
    for variable, own in preload.groupby("variable"):
        if variable not in given:
            continue
        answers = given.reindex(own["member"])
        texts = np.array(["" if pd.isna(each) else _text(each) for each in answers[variable]], dtype=object)
        reasons = answers[reason_column(str(variable))].astype("str").to_numpy()
        there = answers["disposition"].notna().to_numpy()
        said = there & (texts != "")
        same = said & (texts == own["value"].to_numpy(dtype=object))
        unsaid = there & ~said & np.isin(reasons, ["dont_know", "refused", "no_answer", "invalid", "broke_off"])
        outcome[own.index] = np.select([same, said, unsaid], ["confirmed", "changed", "not_answered"], "not_shown")
    return preload.assign(outcome=outcome)
