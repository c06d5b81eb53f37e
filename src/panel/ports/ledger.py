"""What the calendar needs of the outside: a ledger in which every action is once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

from panel.calendar import Due
from panel.model.action import ActionEvent, Claimed, Entry, Outcome
from panel.ports.alerts import Reacting

Missing = Callable[[Entry], Reacting]
"""What follows from an action that nobody may do any more without asking; the entry's `reason` says why."""


class Ledger(Protocol):
    """Keeps the actions of waves: each once, by study, wave, kind and ordinal, in the order in which they are done."""

    def plan_actions(self, study: str, due: Sequence[Due], *, since: datetime, by: str, at: datetime) -> int:
        """
        Put actions into the ledger, and give those that are still planned the time they have now; return how many.

        Those that were due before `since` are put in as skipped: nobody could have done them. Those that are planned,
        failed or missed and no longer on the agenda are skipped too. What was skipped so is planned again once it is
        back on the agenda at a time from `since`; what somebody skipped by hand is not.
        """
        ...

    def claim(self, seconds: float, *, by: str, missing: Missing, without: Collection[str] = ()) -> Claimed | None:
        """
        Claim the action that is to be done next, for so many seconds of the database's clock; None where none is due.

        The studies of `without` are left alone.

        In order of (due, precedence, ordinal); one waits while an earlier one of its wave is not settled, and one that
        another worker left behind is taken over when its lease ends. The lateness is on record. One that is later than
        it may be is skipped, or missed with what `missing` says, in the same transaction, by its policy. One at which
        `panel.model.action.MOST_LAPSES` workers in a row were gone has failed, with what `missing` says.
        """
        ...

    def defer(self, claimed: Claimed, seconds: float, *, reason: str, by: str) -> bool:
        """Put a claimed action back for so many seconds; False where its lease went to somebody else."""
        ...

    def renew(self, claimed: Claimed, seconds: float) -> bool:
        """Hold a claimed action longer; False where its lease went to somebody else."""
        ...

    def settle(self, claimed: Claimed, outcome: Outcome, *, reason: str, by: str, reacting: Reacting | None) -> bool:
        """Note what came of a claimed action, and what follows, once; False where its lease went to somebody else."""
        ...

    def move_action(
        self, study: str, wave: int, kind: str, ordinal: int, event: str, *, by: str, reason: str, at: datetime
    ) -> Entry:
        """Let an event happen to an action by hand (retry, skip), or raise WaveState or UnknownKey."""
        ...

    def held_actions(self) -> Mapping[str, int]:
        """Return the actions that a worker holds now, by key, with the number of the attempt."""
        ...

    def actions(self, study: str, wave: int | None = None) -> Sequence[Entry]:
        """Return the actions of a study in the order in which they are done."""
        ...

    def action_events(self, study: str, wave: int, kind: str, ordinal: int) -> Sequence[ActionEvent]:
        """Return the history of an action, oldest first."""
        ...
