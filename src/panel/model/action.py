"""An action of a wave in the ledger: its machine, and what a worker holds when it does one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from panel.errors import WaveState
from panel.model.agenda import Kind, Late
from panel.model.machine import machine

ACTION = machine(
    "action",
    initial="planned",
    means={
        "replan": "its time is another",
        "claim": "a worker takes it on",
        "lapse": "the worker that had it is gone",
        "defer": "what kept it passes; it is tried again a while later",
        "complete": "it is done",
        "part": "it is done in part",
        "fail": "it could not be done",
        "miss": "it is later than it may be, and somebody is asked",
        "skip": "it is left out",
        "retry": "it is to be done again",
    },
    table="""
             replan   claim    lapse    defer    complete  part     fail    miss    skip     retry
    planned  planned  running  -        -        -         -        -       missed  skipped  -
    running  -        -        running  planned  done      partial  failed  -       -        -
    done     -        -        -        -        -         -        -       -       -        -
    partial  -        -        -        -        -         -        -       -       done     planned
    failed   -        -        -        -        -         -        -       -       skipped  planned
    missed   -        -        -        -        -         -        -       -       skipped  planned
    skipped  -        -        -        -        -         -        -       -       -        planned
    """,
)
SETTLED: tuple[str, ...] = ("done", "skipped")
"""States that let the later actions of a wave be done; a failed one keeps them waiting, and somebody is told."""
MOST_LAPSES = 5
"""
So many workers in a row may be gone at an action; then it is given up and somebody is told.

One or two are explained by a restart of the machine, five in a row without an end only by the action itself (it takes
all memory, say). Each costs one lease, after which a worker lives to do the rest.
"""
PAUSES = (30.0, 120.0, 600.0, 1_800.0)
"""
Seconds after which an action that was kept by something that passes is tried again; after the last it has failed.

A lock is over in seconds, a server starts anew in minutes; what lasts three quarters of an hour needs somebody.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """
    One action as it stands in the ledger.

    `lateness` are seconds between when it was due and when it was done; `lapses` counts the workers that were gone at
    it in a row, `setbacks` how often in a row it was kept by something that passes; `not_before` is when it may be
    tried again.
    """

    study: str
    wave: int
    kind: Kind
    ordinal: int
    state: str
    due: datetime
    precedence: int
    late: Late
    not_after: datetime
    attempts: int = 0
    lateness: float | None = None
    reason: str = ""
    done_at: datetime | None = None
    lapses: int = 0
    setbacks: int = 0
    not_before: datetime | None = None

    @property
    def pause(self) -> float | None:
        """Return after how many seconds it may be tried again when something that passes kept it; None for never."""
        return PAUSES[self.setbacks] if self.setbacks < len(PAUSES) else None

    @property
    def key(self) -> str:
        """Return the key that every effect of the action carries, the same however often it is tried."""
        return f"{self.study}/{self.wave}/{self.kind}/{self.ordinal}"

    @property
    def is_due(self) -> bool:
        """Say whether it is still to be done."""
        return self.state in ("planned", "running")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """An action that one worker holds until its lease ends; `token` fences its completion."""

    entry: Entry
    token: str
    lateness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionEvent:
    """One line of an action's history."""

    event: str
    from_state: str
    to_state: str
    by: str
    reason: str
    lateness: float
    at: datetime


Outcome = Literal["complete", "part", "fail"]


def move(state: str, event: str) -> str:
    """
    Return the state after an event.

    Raises:
        WaveState: it is not legal; says why, and what is.
    """
    to = ACTION.after(state, event)
    if to is None:
        may = ", ".join(ACTION.legal(state)) or "none: it is over"
        raise WaveState(f"The action is {state}: {ACTION.refusal(event)}.", fix=f"legal here: {may}")
    return to
