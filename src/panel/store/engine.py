"""Connections: SQLite by default, PostgreSQL by its address; every error of the driver in our own words."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, exc

from panel.errors import SettingsError, StorageError

BUSY_SECONDS = 30.0
ONE_WRITER = 4_273_651_908  # any number, the same in every process: PostgreSQL's name for the right to write

_AGAIN = "run it again; nothing accepted is lost"
_SENTENCES: tuple[tuple[tuple[str, ...], type[StorageError | SettingsError], str, str], ...] = (
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED", "55P03", "40P01", "40001"),
        StorageError,
        "The database is locked by another process.",
        f"wait until it is done, and {_AGAIN}",
    ),
    (("SQLITE_FULL", "53100"), StorageError, "The disk is full.", f"free space and {_AGAIN}"),
    (
        ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_TRUNCATE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_SHMSIZE"),
        StorageError,
        "The disk is full or failed while the database was written.",  # over a quota, SQLite cannot tell
        f"free space, or look at the disk, and {_AGAIN}",
    ),
    (
        ("SQLITE_IOERR", "58"),
        StorageError,
        "The disk of the database could not be read or written.",
        f"look at the disk of PANEL_HOME, and {_AGAIN}",
    ),
    (
        ("SQLITE_CORRUPT", "SQLITE_NOTADB", "XX001", "XX002"),
        StorageError,
        "The database is damaged.",
        "restore the backup; `panelctl rebuild` derives the rest",
    ),
    (
        ("SQLITE_CONSTRAINT_TRIGGER", "P0001"),
        StorageError,
        "What was received or decided is never changed or removed.",
        "record something new instead; what was kept stays as it is",
    ),
    (
        ("SQLITE_READONLY", "25006", "42501"),
        StorageError,
        "The database may not be written to.",
        "check the rights on PANEL_HOME, or of the user in PANEL_DATABASE_URL",
    ),
    (
        ("SQLITE_CANTOPEN", "08", "28", "3D000", "53300", "57P", "no connection"),
        SettingsError,
        "The database cannot be reached.",
        "run `panelctl init`, or check PANEL_DATABASE_URL and PANEL_HOME",
    ),
    (
        ("no such table", "42P01"),
        SettingsError,
        "The database has no tables of this program.",
        "run `panelctl init`",
    ),
)
_PASSING = (
    *("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR"),
    *("55P03", "40P01", "40001", "53", "58", "08", "57P", "no connection"),
)
"""Codes of what passes without anybody changing the step: a lock, a full or failing disk, a server that starts anew."""


def make_engine(url: str, *, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """
    Return the engine of a database address; a writer waits `busy_seconds` for its turn.

    Raises:
        SettingsError: the address is neither SQLite's nor PostgreSQL's. It is not repeated: it may hold a password.
    """
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    try:
        if url.startswith("postgresql+psycopg://"):
            engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
            event.listen(engine, "begin", _beginner_of_postgres(busy_seconds))
            return engine
        if url.startswith("sqlite://"):
            engine = create_engine(url, connect_args={"timeout": busy_seconds}, hide_parameters=True)
            event.listen(engine, "connect", _set_up_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
            return engine
    except (exc.ArgumentError, ValueError):
        pass
    raise SettingsError(
        "PANEL_DATABASE_URL is the address of neither SQLite nor PostgreSQL.",
        fix="write sqlite:////path/panel.db or postgresql://user:password@host/database",
    )


def _set_up_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # transactions are begun by us, see _begin_sqlite
    # Without recursive triggers INSERT OR REPLACE would remove a row behind the triggers' back.
    for setting in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", "recursive_triggers = ON"):
        connection.execute(f"PRAGMA {setting}")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")


def _beginner_of_postgres(busy_seconds: float) -> Any:
    """Return what begins a transaction: one writer at a time, as on SQLite, so that both behave alike."""

    def begin(connection: Connection) -> None:
        if _writes(connection):
            patience = f"SET LOCAL lock_timeout = {int(busy_seconds * 1000)}"
            connection.exec_driver_sql(f"{patience}; SELECT pg_advisory_xact_lock({ONE_WRITER})")  # one round trip

    return begin


def _writes(connection: Connection) -> bool:
    return bool(connection.get_execution_options().get("writes", False))


def database_moment(connection: Connection) -> float:
    """Return the moment on the database's own clock, in seconds since 1970: the same for every worker."""
    if connection.dialect.name == "postgresql":
        return float(connection.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar() or 0.0)
    days = connection.exec_driver_sql("SELECT julianday('now') - 2440587.5").scalar()
    return float(days or 0.0) * 86_400


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """
    Open a connection that only reads.

    On SQLite all of it sees one moment. PostgreSQL at its default level looks anew for every statement, within a
    transaction or without, so none is begun: that spares two round trips.
    """
    alone = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "postgresql" else {}
    with spoken(), engine.connect().execution_options(**alone) as connection:
        yield connection


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open one transaction that writes: all of it is kept, or nothing."""
    with spoken(), engine.connect().execution_options(writes=True) as connection, connection.begin():
        yield connection


@contextmanager
def spoken() -> Iterator[None]:
    """
    Turn errors of the driver and of the disk into sentences, without what the driver says: it may quote a row.

    Raises:
        StorageError: locked, full or damaged.
        SettingsError: out of reach, or without our tables.
    """
    try:
        yield
    except exc.DBAPIError as error:
        raise in_words(error.orig) from None
    except exc.SQLAlchemyError as error:
        raise in_words(error) from None
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise StorageError("The disk is full.", fix=f"free space and {_AGAIN}", passes=True) from error
        raise


def in_words(error: BaseException | None) -> StorageError | SettingsError:
    """Return the sentence for an error of a driver, by its code: its text is in the language of the server."""
    code = _code(error)
    for codes, kind, what, fix in _SENTENCES:
        if code.startswith(codes):
            return kind(what, fix=fix, passes=code.startswith(_PASSING))
    return StorageError(f"The database refused the step ({code}).", fix="report the code in brackets")


def _code(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    if code == "SQLITE_ERROR" and "no such table" in str(error):  # SQLite has one code for many faults
        return "no such table"
    if code is None and type(error).__name__ == "OperationalError":  # psycopg has none before it is connected
        return "no connection"
    return str(code or type(error).__name__)
