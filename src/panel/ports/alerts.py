"""What incidents need of the outside: a place where they are kept, and somebody who tells people."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from panel.model.incident import Incident, IncidentEvent, Message, Parcel, Posted, Reaction
from panel.model.results import Gate
from panel.model.routing import Target

Reacting = Callable[[Sequence[Incident]], Reaction]
"""What follows from the incidents of a study as they stand; called inside the transaction that keeps it."""
GateReacting = Callable[[Gate, Sequence[Incident]], Reaction]
"""The same, of a gate with its overrides."""


class IncidentStore(Protocol):
    """Keeps incidents, their history, and the messages about them until they are delivered."""

    def react(self, study: str, reaction_of: Reacting) -> Reaction:
        """Keep what follows from the incidents of a study as they stand (oldest first), in one transaction."""
        ...

    def incidents(self, study: str | None = None) -> Sequence[Incident]:
        """Return every incident, of one study or of all, oldest first."""
        ...

    def incident(self, key: str) -> Incident:
        """Return an incident by its id, or raise UnknownKey."""
        ...

    def incident_events(self, key: str) -> Sequence[IncidentEvent]:
        """Return the history of an incident, oldest first."""
        ...

    def posted(self, incident: str | None = None) -> Sequence[Posted]:
        """Return what became of the messages about one incident, or of all, oldest first."""
        ...

    def lease(self, seconds: float, *, avoiding: Sequence[str] = (), singly: Sequence[str] = ()) -> Parcel | None:
        """
        Lease what is due next for a target not in `avoiding`, for so many seconds of the database's clock.

        A digest is leased as one parcel, and so is a storm: more than three messages due at once for a target that is
        not in `singly`. In a parcel are messages of one timing that were tried equally often. None where nothing is
        due.
        """
        ...

    def sent(self, parcel: Parcel, at: datetime) -> bool:
        """Note that a parcel was taken in; False where its lease went to somebody else meanwhile."""
        ...

    def postpone(self, parcel: Parcel, reason: str, seconds: float) -> bool:
        """Note that a parcel was not taken in, and make it due after so many seconds."""
        ...

    def give_up(self, parcel: Parcel, reason: str, reactions: Mapping[str, Reacting]) -> bool:
        """Make dead letters of a parcel, and keep what follows in each study in the same transaction."""
        ...

    def waiting_messages(self) -> int:
        """Return how many messages are due or will be, dead letters left out."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of an attempt: taken in, or the reason why not, as a code without address or content."""

    is_taken: bool
    reason: str = ""


class Sender(Protocol):
    """Delivers messages to a target."""

    def send(self, target: Target, messages: Sequence[Message]) -> Sent:
        """
        Deliver one message, or the digest of several; never raises for what the target or the network does.

        Every incident's id is in what is delivered, and a webhook gets the first message's key as Idempotency-Key. All
        text is made harmless: it can ping nobody and open no link or markup.
        """
        ...
