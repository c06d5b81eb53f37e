"""
The books of a study: a line for every member of the sample in every wave, whatever came of it. Pure.

Merging knows only who answered; the books add who was asked and did not, and take out who gave no leave to be used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from panel.model.case import DISPOSITION_OF_STATE, Case
from panel.model.member import Member
from panel.schema import TRACKING

_SILENT = ("no_response", "pending", "not_yet")


def booked(
    tracking: pd.DataFrame,
    *,
    members: Sequence[Member],
    cases: Iterable[Case],
    fielded: Sequence[int],
    open_waves: Sequence[int] = (),
) -> pd.DataFrame:
    """
    Return tracking with every member of the sample (schema.TRACKING), sorted by wave and member.

    Where nobody answered, the case says why: refused, out of scope, no contact, not issued. A member who may not be
    used is `withdrawn` in every wave from its entry on.

    Args:
        tracking: as merged, of those who answered. Not modified.
        members: the sample.
        cases: of any wave.
        fielded: waves that have been opened, in order.
        open_waves: those still in the field.
    """
    if not members or not fielded:
        return tracking
    said = pd.DataFrame(
        [(each.member, each.wave, _said(each)) for each in cases], columns=["member", "wave", "said"]
    ).astype({"member": "str", "wave": "Int64", "said": "str"})
    grid = _grid(members, fielded, open_waves)
    answered = tracking.astype({"member": "str"})
    whole = grid.merge(answered, on=["member", "wave"], how="outer", suffixes=("_due", "")).merge(
        said[said["said"] != ""], on=["member", "wave"], how="left"
    )
    return _settled(whole).sort_values(["wave", "member"], ignore_index=True)


def _said(case: Case) -> str:
    if case.why == "deceased":
        return "deceased"
    if case.why == "withdrawn":
        return "withdrawn"
    return DISPOSITION_OF_STATE.get(case.state, "")


def _grid(members: Sequence[Member], fielded: Sequence[int], open_waves: Sequence[int]) -> pd.DataFrame:
    rows = [
        (each.member, wave, each.entry_wave, _expected(each, wave, open_waves)) for wave in fielded for each in members
    ]
    frame = pd.DataFrame(rows, columns=["member", "wave", "cohort", "disposition"])
    return frame.astype({"member": "str", "wave": "Int64", "cohort": "Int64", "disposition": "str"})


def _expected(member: Member, wave: int, open_waves: Sequence[int]) -> str:
    if wave < member.entry_wave:
        return "not_yet"
    if not member.may_be_used:
        return "withdrawn"
    return "pending" if wave in open_waves else "no_response"


def _settled(whole: pd.DataFrame) -> pd.DataFrame:
    """Return one disposition a row: an answer before all, then what the case says, then what silence means."""
    given = whole["disposition"].astype(object)
    due = whole["disposition_due"].astype(object)
    given = given.where(given.notna() & ~given.isin(_SILENT), due.where(due.notna(), given))
    from_case = np.asarray(given.isin(_SILENT) & (given != "not_yet") & whole["said"].notna(), dtype=bool)
    frame = whole.assign(
        disposition=given.where(~from_case, whole["said"].astype(object)),
        cohort=whole["cohort"].fillna(whole["cohort_due"]),
        is_interviewed=whole["is_interviewed"].fillna(value=False).astype(bool),
        is_returning=whole["is_returning"].fillna(value=False).astype(bool),
    )
    return TRACKING.coerce(frame)[TRACKING.names]
