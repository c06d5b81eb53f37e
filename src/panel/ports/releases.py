"""What the actions need of whoever keeps what was published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from panel.model.release import ReleaseEvent
from panel.model.results import ReleaseRecord


class ReleaseStore(Protocol):
    """Keeps what each release is, where it stands, and how it came there. Append-only."""

    def save_release(self, release: ReleaseRecord, *, by: str) -> ReleaseRecord:
        """
        Record a release as published and the published one of its wave as superseded, in one transaction.

        One that is published with the same digest is returned instead of recorded again.

        Raises:
            ReleaseExists: the key is taken by other content.
            ReleaseState: it is not reviewed, so that nothing is published past its gates.
        """
        ...

    def releases(self, study: str) -> Sequence[ReleaseRecord]:
        """Return the releases of a study that were made, oldest first, whatever became of them."""
        ...

    def release_states(self, study: str) -> Mapping[str, str]:
        """Return the state of every release by key, those in the making too."""
        ...

    def move_release(
        self, study: str, key: str, wave: int, event: str, *, at: datetime, by: str, reason: str = ""
    ) -> str:
        """
        Let an event happen to a release, on record, and return its state after it.

        Raises:
            ReleaseState: it is not legal in the state it meets; says why, and what is.
        """
        ...

    def release_events(self, study: str, key: str) -> Sequence[ReleaseEvent]:
        """Return the history of a release, oldest first."""
        ...
