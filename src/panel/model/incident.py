"""Incidents: one problem is one incident, however often it is seen, until it is over."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from panel.errors import IncidentState

State = Literal["open", "acknowledged", "silenced", "resolved", "reopened"]
Event = Literal["failed", "worsened", "passed", "acknowledge", "silence", "resolve", "assign", "lapsed", "cleared"]
Notice = Literal["opened", "reminder", "worsened", "reopened", "resolved", "assigned", "escalated", "alive", "test"]

STATES: tuple[State, ...] = ("open", "acknowledged", "silenced", "resolved", "reopened")
EVENTS: tuple[Event, ...] = (
    "failed", "worsened", "passed", "acknowledge", "silence", "resolve", "assign", "lapsed", "cleared",
)  # fmt: skip
BY_HAND: tuple[Event, ...] = ("acknowledge", "silence", "resolve", "assign")
SAME_WITHIN = timedelta(days=7)
"""A check that fails again so soon after its incident was resolved reopens that incident."""
LONGEST_SILENCE = timedelta(days=90)
WORSE_BY = 1.5
"""The share of failing rows has worsened when it is so many times what people were last told."""
WORSE_ROWS = 5
"""… and by at least so many rows."""


@dataclass(frozen=True, slots=True)
class Move:
    """Where an event takes an incident, and what its targets are told about it."""

    to: State
    notice: Notice | None = None


MOVES: Mapping[tuple[State, Event], Move | None] = {
    # The check fails as before: whoever took it on is left in peace.
    ("open", "failed"): Move("open", "reminder"),
    ("acknowledged", "failed"): Move("acknowledged"),
    ("silenced", "failed"): Move("silenced"),
    ("resolved", "failed"): Move("reopened", "reopened"),
    ("reopened", "failed"): Move("reopened", "reminder"),
    # It fails worse than people were told; only a silence stays quiet.
    ("open", "worsened"): Move("open", "worsened"),
    ("acknowledged", "worsened"): Move("reopened", "reopened"),
    ("silenced", "worsened"): Move("silenced"),
    ("resolved", "worsened"): Move("reopened", "reopened"),
    ("reopened", "worsened"): Move("reopened", "worsened"),
    # It passes, or its failure was let pass on record.
    ("open", "passed"): Move("resolved", "resolved"),
    ("acknowledged", "passed"): Move("resolved", "resolved"),
    ("silenced", "passed"): Move("silenced"),
    ("resolved", "passed"): Move("resolved"),
    ("reopened", "passed"): Move("resolved", "resolved"),
    # Somebody takes it on, until a date or for good.
    ("open", "acknowledge"): Move("acknowledged"),
    ("acknowledged", "acknowledge"): Move("acknowledged"),
    ("silenced", "acknowledge"): Move("acknowledged"),
    ("resolved", "acknowledge"): None,
    ("reopened", "acknowledge"): Move("acknowledged"),
    # Nobody wants to hear of it until a date.
    ("open", "silence"): Move("silenced"),
    ("acknowledged", "silence"): Move("silenced"),
    ("silenced", "silence"): Move("silenced"),
    ("resolved", "silence"): None,
    ("reopened", "silence"): Move("silenced"),
    # Somebody calls it over; when the check fails again it is back.
    ("open", "resolve"): Move("resolved", "resolved"),
    ("acknowledged", "resolve"): Move("resolved", "resolved"),
    ("silenced", "resolve"): Move("resolved"),
    ("resolved", "resolve"): None,
    ("reopened", "resolve"): Move("resolved", "resolved"),
    # It gets another owner, whose targets hear of it.
    ("open", "assign"): Move("open", "assigned"),
    ("acknowledged", "assign"): Move("acknowledged", "assigned"),
    ("silenced", "assign"): Move("silenced"),
    ("resolved", "assign"): None,
    ("reopened", "assign"): Move("reopened", "assigned"),
    # The date of an acknowledgement or silence is there and the check still fails …
    ("open", "lapsed"): None,
    ("acknowledged", "lapsed"): Move("open", "reminder"),
    ("silenced", "lapsed"): Move("open", "reminder"),
    ("resolved", "lapsed"): None,
    ("reopened", "lapsed"): None,
    # … or it passed meanwhile, which only a silence has kept to itself.
    ("open", "cleared"): None,
    ("acknowledged", "cleared"): None,
    ("silenced", "cleared"): Move("resolved", "resolved"),
    ("resolved", "cleared"): None,
    ("reopened", "cleared"): None,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What a run said of one check: the wave, passed, failed or broken, and how many rows; never which values."""

    study: str
    suite: str
    check: str
    subgroup: str = ""
    wave: int
    outcome: Literal["passed", "failed", "broken"]
    severity: str = "critical"
    owner: str = "operator"
    why: str = ""
    checked_count: int = 0
    failing_count: int = 0
    by: str = ""
    note: str = ""
    is_synthetic: bool = False
    is_muted: bool = False
    """Another failure of the same wave explains it: it is kept, and nobody is told."""

    @property
    def fingerprint(self) -> str:
        """Return what makes two sightings one problem."""
        return fingerprint(self.study, self.suite, self.check, self.subgroup)

    @property
    def share(self) -> float:
        """Return the share of rows that fail."""
        return self.failing_count / self.checked_count if self.checked_count else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """
    One problem of one check: grain is its fingerprint, over waves and counts, from opening until it stayed resolved.

    `wave` is the newest it failed in, `failing_waves` are all in which it failed last time they were judged, and
    `passed_wave` the newest it passed in. `occurrences` counts the runs that failed. `told` says which
    target was last told when, `told_count` how often any was, and `told_share` which share of failing rows people know
    of. `until` is the end of an acknowledgement or silence, `by` and `note` say who did the last thing by hand and why.
    """

    id: str
    study: str
    suite: str
    check: str
    subgroup: str
    severity: str
    owner: str
    why: str
    state: State
    opened_at: datetime
    since: datetime
    seen_at: datetime
    wave: int
    failing_waves: tuple[int, ...] = ()
    passed_wave: int | None = None
    occurrences: int = 0
    checked_count: int = 0
    failing_count: int = 0
    is_broken: bool = False
    is_failing: bool = True
    is_muted: bool = False
    is_synthetic: bool = False
    told: tuple[tuple[str, datetime], ...] = ()
    told_count: int = 0
    told_share: float = 0.0
    until: datetime | None = None
    by: str = ""
    note: str = ""
    resolved_at: datetime | None = None
    escalated_at: datetime | None = None

    @property
    def fingerprint(self) -> str:
        """Return what makes two sightings one problem."""
        return fingerprint(self.study, self.suite, self.check, self.subgroup)

    @property
    def share(self) -> float:
        """Return the share of rows that failed when it failed last."""
        return self.failing_count / self.checked_count if self.checked_count else 0.0

    @property
    def is_over(self) -> bool:
        """Say whether it is resolved."""
        return self.state == "resolved"

    def stays_over(self, at: datetime) -> bool:
        """Say whether it was resolved so long ago that the next failure is another incident."""
        return self.is_over and self.resolved_at is not None and at - self.resolved_at > SAME_WITHIN


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEvent:
    """One line of an incident's history. Append-only."""

    incident: str
    at: datetime
    event: str
    from_state: str
    to_state: str
    by: str = ""
    note: str = ""
    until: datetime | None = None
    wave: int | None = None
    checked_count: int | None = None
    failing_count: int | None = None
    is_muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """
    What one target is told of one incident, without answers, notes or contact details.

    `key` is the same for every attempt, so that whoever receives it twice can tell.
    """

    key: str
    incident: str
    notice: Notice
    study: str
    suite: str
    check: str
    subgroup: str
    wave: str
    severity: str
    owner: str
    why: str
    occurrences: int
    checked_count: int
    failing_count: int
    is_broken: bool
    is_synthetic: bool
    at: datetime
    opened_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A message on its way to one target, at once or with the day's others; not before `due_at`."""

    target: str
    timing: Literal["at_once", "digest"]
    due_at: datetime
    message: Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """What one worker has leased for one target: a message, or the digest of many."""

    token: str
    target: str
    timing: Literal["at_once", "digest"]
    attempts: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of one message: waiting, sent, or dead, after how many attempts, and why not."""

    key: str
    incident: str
    target: str
    notice: str
    timing: str
    state: str
    attempts: int
    reason: str
    created_at: datetime
    sent_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction:
    """What follows from what was seen or done: incidents as they are now, history and messages, kept together."""

    incidents: tuple[Incident, ...] = ()
    events: tuple[IncidentEvent, ...] = ()
    outgoing: tuple[Outgoing, ...] = ()

    def __add__(self, other: Reaction) -> Reaction:
        """Return both, in order."""
        return Reaction(
            incidents=self.incidents + other.incidents,
            events=self.events + other.events,
            outgoing=self.outgoing + other.outgoing,
        )


def fingerprint(study: str, suite: str, check: str, subgroup: str) -> str:
    """Return a hash over study, suite, check and subgroup: not over wave or counts."""
    return hashlib.sha256("\0".join((study, suite, check, subgroup)).encode()).hexdigest()


def incident_id(of: str, ordinal: int) -> str:
    """Return the id of the incident with this ordinal of a fingerprint: short enough to be said on the telephone."""
    return hashlib.sha256(f"{of}\0{ordinal}".encode()).hexdigest()[:10]


def move(incident: Incident, event: Event) -> Move:
    """
    Return where an event takes an incident.

    Raises:
        IncidentState: it is not legal in the incident's state; names those that are.
    """
    found = MOVES[incident.state, event]
    if found is None:
        legal = [each for each in BY_HAND if MOVES[incident.state, each]]
        raise IncidentState(
            f"Incident {incident.id} is {incident.state}; it cannot take '{event}'.",
            fix=f"legal now: {', '.join(legal)}" if legal else "it reopens by itself when its check fails again",
        )
    return found
