"""The only door to SQL, and the files beside it."""

from __future__ import annotations

from pathlib import Path

from panel.store import migrate as _migrate
from panel.store.derived import Derived
from panel.store.received import Received
from panel.store.records import Records

__all__ = ["SqlStore", "migrate", "open_store"]


class SqlStore(Received, Derived, Records):
    """Implements ports.Store on SQLite or PostgreSQL, with wide answers in Parquet files named by their hash."""


def open_store(url: str, home: Path) -> SqlStore:
    """
    Return the store of a database and the files in `home`.

    Raises:
        SettingsError: it cannot be reached, or is not of this version.
    """
    store = SqlStore(url, home)
    try:
        _migrate.need_current(store._engine)  # noqa: SLF001 - its own package
    except Exception:
        store.close()
        raise
    return store


def migrate(url: str) -> str:
    """Create or upgrade the tables of a database and return its revision; see store.migrate."""
    return _migrate.migrate(url)
