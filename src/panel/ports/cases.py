"""What the sample and its cases need of the outside: a place where they are kept."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import pandas as pd

from panel.model.case import Case, CaseEvent
from panel.model.member import Member, MemberEvent, SampleFault, SampleLoad


@dataclass(frozen=True, slots=True, kw_only=True)
class DayCount:
    """How many cases of a group stood in a state at the end of a day; the group of everybody is in domain ""."""

    day: date
    domain: str
    group: str
    state: str
    cases: int


class CaseStore(Protocol):
    """Keeps members, cases, their histories, and what fieldwork looked like day by day."""

    def add_sample(self, load: SampleLoad, members: Sequence[Member], faults: Sequence[SampleFault]) -> SampleLoad:
        """
        Keep what a sample file brought, in one transaction; a load that is there already is returned as a repeat.

        Members that are known stay as they are.
        """
        ...

    def sample_loads(self, study: str) -> Sequence[SampleLoad]:
        """Return the sample files of a study, oldest first."""
        ...

    def sample_faults(self, load: str) -> Sequence[SampleFault]:
        """Return the rows of a sample file that were held, in the order of the file."""
        ...

    def members(self, study: str) -> Sequence[Member]:
        """Return the members of a study by id."""
        ...

    def member(self, study: str, member: str) -> Member:
        """Return one member, or raise UnknownKey."""
        ...

    def move_members(self, events: Sequence[MemberEvent]) -> int:
        """
        Append events and move their members, in one transaction; return how many moved.

        An event whose member no longer stands in its `from_state` is left out: somebody else was first.
        """
        ...

    def member_events(self, study: str, member: str) -> Sequence[MemberEvent]:
        """Return the history of a member, oldest first."""
        ...

    def add_cases(self, cases: Sequence[Case], events: Sequence[CaseEvent]) -> int:
        """Keep new cases with their first events; those that are there stay as they are. Return how many are new."""
        ...

    def cases(self, study: str, wave: int | None = None, member: str | None = None) -> Sequence[Case]:
        """Return cases by wave and member."""
        ...

    def case_events(self, study: str, wave: int | None = None, member: str | None = None) -> Sequence[CaseEvent]:
        """Return the histories of cases, oldest line first."""
        ...

    def case_states(self, study: str, wave: int) -> Mapping[str, str]:
        """Return the state of every case of a wave by member."""
        ...

    def case_history(self, study: str, wave: int) -> Mapping[str, Collection[str]]:
        """Return which events happened to each case of a wave, by member, each once."""
        ...

    def case_keys(self, study: str, wave: int, source: str) -> Collection[tuple[str, str]]:
        """Return (member, key) of every event of a wave that came from a source."""
        ...

    def contacted(self, study: str, wave: int) -> int:
        """Return how many members of a wave were contacted."""
        ...

    def move_cases(self, events: Sequence[CaseEvent]) -> int:
        """
        Append events in order and move their cases, in one transaction; return how many were new.

        An event of a key that the case has already is left out. The state an event starts from is read anew.

        Raises:
            CaseState: an event is not legal; nothing is kept.
            UnknownKey: there is no such case; nothing is kept.
        """
        ...

    def finalise_cases(self, cases: Sequence[Case]) -> None:
        """Keep the computed outcome of cases, and when; an override that stands is left."""
        ...

    def override_outcome(self, study: str, wave: int, member: str, code: str, *, by: str, reason: str) -> None:
        """Let another outcome count than the computed one, or raise UnknownKey."""
        ...

    def add_codes(self, study: str, wave: int, hashes: Mapping[str, str], *, by: str, at: datetime) -> Sequence[str]:
        """Keep the hashes of access codes by member; return the members who had none before, whose codes hold."""
        ...

    def code_holder(self, code_hash: str) -> Case | None:
        """Return the case that a code opens, None where there is none."""
        ...

    def coded(self, study: str, wave: int) -> Sequence[str]:
        """Return the members who have a code for a wave."""
        ...

    def keep_day(self, study: str, wave: int, counts: Sequence[DayCount], at: datetime) -> None:
        """Replace the counts of the days given; other days stay as they were."""
        ...

    def days(self, study: str, wave: int) -> Sequence[DayCount]:
        """Return the counts of a wave by day, domain, group and state."""
        ...

    def freeze_preload(self, study: str, wave: int, frame: pd.DataFrame, *, by: str, at: datetime) -> str:
        """Keep what is fed forward into a wave (schema.PRELOAD), with a line on record, and return its SHA-256."""
        ...

    def preload(self, study: str, wave: int) -> pd.DataFrame:
        """Return what was last frozen to be fed forward into a wave (schema.PRELOAD; empty where nothing was)."""
        ...

    def preload_freezes(self, study: str, wave: int) -> Sequence[str]:
        """Return the SHA-256 of each preload that was frozen for a wave, oldest first."""
        ...
