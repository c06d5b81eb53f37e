"""What a study says about its calendar: which actions a wave has, when, and what contacts must keep to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal, get_args

Kind = Literal["stage", "open", "invite", "remind", "thank", "close", "finalise"]
KINDS: tuple[Kind, ...] = get_args(Kind)
"""In the order in which they are done where several are due at one moment."""
CONTACTS: tuple[Kind, ...] = ("invite", "remind", "thank")
ENDINGS: tuple[Kind, ...] = ("close", "finalise")
"""What ends a wave; a wave that was reopened ends once more."""
Anchor = Literal["opening", "end"]
ANCHORS: tuple[Anchor, ...] = get_args(Anchor)
Late = Literal["run", "skip", "ask"]
LATE: tuple[Late, ...] = get_args(Late)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedAction:
    """
    One action of every wave: `days` after (before, where negative) its first or last day of fieldwork, at a wall time.

    `late` says what is done about it when it is more than `within_hours` late: run it all the same, skip it, or ask.
    """

    kind: Kind
    ordinal: int = 1
    anchor: Anchor
    days: int
    at: time
    late: Late = "run"
    within_hours: int = 72


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarRules:
    """
    The actions of every wave, and what contacts must keep to.

    Contacts leave within `allowed`, wall time, both included; between two of them to one member lie at least
    `spacing_days`, also from one wave to the next.
    """

    actions: tuple[PlannedAction, ...]
    allowed: tuple[time, time] = (time(8), time(21))
    spacing_days: int = 3


USUAL: tuple[PlannedAction, ...] = (
    PlannedAction(kind="stage", anchor="opening", days=-7, at=time(9), late="run"),
    PlannedAction(kind="open", anchor="opening", days=0, at=time(8), late="run"),
    PlannedAction(kind="close", anchor="end", days=1, at=time(0, 30), late="run"),
    PlannedAction(kind="finalise", anchor="end", days=15, at=time(9), late="ask", within_hours=336),
)
"""What every wave has, where the study does not say it otherwise; contacts it has only where the study names them."""
AS_USUAL = CalendarRules(actions=USUAL)
"""The calendar of a study that says nothing of it."""
