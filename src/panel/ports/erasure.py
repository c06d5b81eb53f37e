"""What erasing a member needs of the outside: a store that lets go of what it otherwise keeps for ever."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from panel.model.erasure import Erasure, ErasureStep


class ErasureStore(Protocol):
    """Lets go of one member: its rows, its answers, and its lines in deliveries."""

    def erase(
        self, study: str, member: str, deliveries: Mapping[str, bytes], *, by: str, reason: str, at: datetime
    ) -> Erasure:
        """
        Remove a member from everything that is kept, in one transaction, then the old files; return the tombstone.

        `deliveries` are the bytes, by delivery, that replace those in which the member has a row. The member's
        responses, verdicts and decisions are removed, its rows in every frame beside the database too. Cut off before
        the old files were removed, erasing again removes them.
        """
        ...

    def erasures(self, study: str) -> Sequence[Erasure]:
        """Return the tombstones of a study, oldest first."""
        ...

    def erasure_steps(self, study: str, member: str) -> Sequence[ErasureStep]:
        """Return what an erasure removed or wrote anew, in order."""
        ...
