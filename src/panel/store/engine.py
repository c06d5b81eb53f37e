"""Connections: SQLite by default, PostgreSQL by its address; every error of the driver in our own words."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc

from panel.errors import SettingsError, StorageError

BUSY_SECONDS = 30


def make_engine(url: str) -> Engine:
    """
    Return the engine of a database address.

    Raises:
        SettingsError: the address is neither SQLite's nor PostgreSQL's.
    """
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    if url.startswith("postgresql+psycopg://"):
        return create_engine(url, pool_pre_ping=True)
    if not url.startswith("sqlite://"):
        raise SettingsError(
            "PANEL_DATABASE_URL is the address of neither SQLite nor PostgreSQL.",
            fix="write sqlite:////path/panel.db or postgresql://user:password@host/database",
        )
    engine = create_engine(url, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, see _begin_sqlite
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection that only reads."""
    with spoken(), engine.connect() as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open one transaction that writes: all of it is kept, or nothing."""
    with spoken(), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def spoken() -> Iterator[None]:
    """
    Turn errors of the driver and of the disk into sentences.

    Raises:
        StorageError: locked, full or damaged.
        SettingsError: out of reach, or without our tables.
    """
    try:
        yield
    except exc.DBAPIError as error:
        raise _in_words(str(error.orig).lower()) from error
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageError(
                "The disk is full.", fix="free space and run it again; nothing accepted is lost"
            ) from error
        raise


def _in_words(text: str) -> StorageError | SettingsError:
    if "locked" in text or "busy" in text or "lock timeout" in text:
        return StorageError(
            f"The database is locked by another process (waited {BUSY_SECONDS} s).",
            fix="wait until it is done, and run it again; nothing accepted is lost",
        )
    if "full" in text or "no space" in text or "disk i/o" in text:
        return StorageError("The disk is full.", fix="free space and run it again; nothing accepted is lost")
    if "no such table" in text or "undefinedtable" in text or "does not exist" in text:
        return SettingsError("The database has no tables of this program.", fix="run `panelctl init`")
    if "unable to open" in text or "connect" in text or "authentication" in text:
        fix = "run `panelctl init`, or check PANEL_DATABASE_URL and PANEL_HOME"
        return SettingsError("The database cannot be reached.", fix=fix)
    if "malformed" in text or "not a database" in text or "corrupt" in text:
        return StorageError("The database is damaged.", fix="restore the backup; `panelctl rebuild` derives the rest")
    if "append-only" in text:
        return StorageError("What was received is never changed or removed.")
    if "readonly" in text or "read-only" in text:
        return StorageError("The database may not be written to.", fix="check the rights of PANEL_HOME")
    return StorageError("The database refused the step.", fix="run it again with --debug and report it")
