"""What the actions need of whoever keeps where each wave stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from panel.model.study import Period
from panel.model.wave import Frozen, WaveEvent


class WaveStore(Protocol):
    """Keeps the state of waves, how they came there, where their fieldwork was moved, and what staging froze."""

    def wave_states(self, study: str) -> Mapping[int, str]:
        """Return the state of every wave that an event happened to; every other wave is planned."""
        ...

    def move_wave(
        self,
        study: str,
        wave: int,
        events: Sequence[str],
        *,
        at: datetime,
        by: str,
        reason: str,
        frozen: Sequence[Frozen] = (),
        fieldwork: Period | None = None,
    ) -> str:
        """
        Let events happen to a wave, in order, and return the state after them; all in one transaction or none.

        With them are kept what staging froze, and where fieldwork was moved to.

        Raises:
            WaveState: one of them is not legal in the state it meets; says why, and what is.
        """
        ...

    def wave_events(self, study: str, wave: int) -> Sequence[WaveEvent]:
        """Return the history of a wave, oldest first."""
        ...

    def moved_fieldwork(self, study: str) -> Mapping[int, Period]:
        """Return the fieldwork of the waves where it was postponed or extended."""
        ...

    def reopened(self, study: str) -> Mapping[int, int]:
        """Return how often waves were reopened, for those that were."""
        ...

    def staged(self, study: str, wave: int) -> Sequence[Frozen]:
        """Return what the last staging of a wave froze, by part; empty where it was never staged."""
        ...
