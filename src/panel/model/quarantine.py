"""Verdicts about single cells and rows, and the decisions that monitors take about them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Outcome = Literal["accept", "correct", "reject"]
OUTCOMES: tuple[str, ...] = ("accept", "correct", "reject")
OLDEST_DAYS = 14
"""A held cell or row that nobody has decided about for so long is overdue."""


def digest_of(member: str, wave: int, variable: str, value: object) -> str:
    """Return a hash of what a verdict is about: the value of a cell, or the response of a row."""
    return hashlib.sha256(f"{member}\0{wave}\0{variable}\0{value}".encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class RowVerdict:
    """
    What one check said of one cell, or of one row where `variable` is "".

    It is about one value: `value_digest` is a hash of it, so that a decision ends where the value changes, and
    `version` is that of the rule, so that it ends where the rule does. `proposed` is what was probably meant, as text.
    """

    study: str
    wave: int
    member: str
    variable: str
    check: str
    version: int
    severity: str
    owner: str
    action: str
    why: str
    value_digest: str
    proposed: str | None = None

    @property
    def key(self) -> tuple[int, str, str, str]:
        """Return what the verdict is about: wave, member, variable and check."""
        return self.wave, self.member, self.variable, self.check

    @property
    def subject(self) -> tuple[int, str, str, str, int, str]:
        """Return the key with the rule's version and the value: what a decision is about."""
        return (*self.key, self.version, self.value_digest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What somebody decided about one verdict: who, when, why, and with `correct` the value as text."""

    outcome: Outcome
    by: str
    reason: str
    at: datetime
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A verdict with the decision about it, if there is one, and since when it is there."""

    verdict: RowVerdict
    since: datetime
    decision: Decision | None = None

    @property
    def state(self) -> str:
        """Return open, accept, correct or reject."""
        return self.decision.outcome if self.decision else "open"

    @property
    def is_held(self) -> bool:
        """Say whether the cell or row stays out of figures: held and open, or rejected."""
        return self.state == "reject" or (self.state == "open" and self.verdict.action in ("hold_cell", "hold_row"))
