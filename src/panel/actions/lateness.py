"""Notice letters that are due and that nobody sends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from panel.model.incident import Sighting
from panel.model.study import Study
from panel.ports import Adapters

LATE = "contacts:late"
LATE_AFTER = timedelta(hours=2)


def late_contacts(app: Adapters, study: Study) -> Sequence[Sighting]:
    """Return whether letters that are due have waited for too long: that nobody sends must not go unheard."""
    waited = app.store.oldest_due_contact(study.key)
    is_late = waited is not None and waited > LATE_AFTER.total_seconds()
    known = any(each.check == LATE and not each.is_over for each in app.store.incidents(study.key))
    if not is_late and not known:
        return ()
    return (
        Sighting(
            study=study.key,
            suite="contacts",
            check=LATE,
            wave=study.waves[0].number,
            outcome="failed" if is_late else "passed",
            why="Letters to members are due and not sent. `panelctl outbox list --state waiting` says what the mail "
            "server answered; where it says nothing, `panelctl outbox send` must run every few minutes.",
        ),
    )
