"""The record of what was erased: that it was, never what it was."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """
    The tombstone of a member. While it stands, and it does for ever, rows of the member are not taken in.

    `state` is unlinking while files of before are still to be removed, then done.
    """

    study: str
    member: str
    state: str
    by: str
    reason: str
    at: datetime
    done_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureStep:
    """
    One thing an erasure did: rows of a table removed, or a file written anew under another hash.

    `subject` is delivery, answers and other kinds of frames, a table, or release: one that had been made with the
    member in it, which is not rewritten.
    """

    study: str
    member: str
    subject: str
    key: str
    old_sha256: str
    new_sha256: str
    row_count: int
    at: datetime
