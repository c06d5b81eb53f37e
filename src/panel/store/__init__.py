"""The only door to SQL, and the files beside it."""

from __future__ import annotations

from pathlib import Path

from panel.store import migrate as _migrate
from panel.store.alerts import Alerts
from panel.store.cases import Cases
from panel.store.contacts import Contacts
from panel.store.derived import Derived
from panel.store.engine import BUSY_SECONDS
from panel.store.erasure import Erasures
from panel.store.ledger import Actions
from panel.store.quarantine import Quarantine
from panel.store.received import Received
from panel.store.records import Records
from panel.store.releases import Releases
from panel.store.waves import Waves

__all__ = ["SqlStore", "migrate", "open_store"]


class SqlStore(Waves, Actions, Received, Derived, Records, Releases, Quarantine, Alerts, Cases, Contacts, Erasures):
    """Implements ports.Store on SQLite or PostgreSQL, with wide answers in Parquet files named by their hash."""


def open_store(url: str, home: Path, *, busy_seconds: float = BUSY_SECONDS) -> SqlStore:
    """
    Return the store of a database and the files in `home`; a writer waits `busy_seconds` for another.

    Raises:
        SettingsError: it cannot be reached, or is not of this version.
    """
    store = SqlStore(url, home, busy_seconds=busy_seconds)
    try:
        _migrate.need_current(store._engine)  # noqa: SLF001 - its own package
    except Exception:
        store.close()
        raise
    return store


def migrate(url: str) -> str:
    """Create or upgrade the tables of a database and return its revision; see store.migrate."""
    return _migrate.migrate(url)
