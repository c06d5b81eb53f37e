"""What the parts of the store share: the engine, the blobs, and bulk rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from datetime import UTC, datetime
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

import pandas as pd
from sqlalchemy import Connection, Engine, Table, delete, insert, select

from panel.store.blobs import Blobs
from panel.store.engine import BUSY_SECONDS, database_moment, in_words, make_engine, reading, writing
from panel.store.frames import from_parquet, to_parquet
from panel.store.tables import Part

Made = TypeVar("Made")
PART: Table = Part.__table__  # type: ignore[attr-defined]


class Database:
    """A database and the files beside it."""

    def __init__(
        self,
        url: str,
        home: Path,
        *,
        busy_seconds: float = BUSY_SECONDS,
        moment: Callable[[Connection], float] = database_moment,
    ) -> None:
        self._moment = moment  # leases are by the database's clock: those of workers differ
        self._engine: Engine = make_engine(url, busy_seconds=busy_seconds)
        self._blobs = Blobs(home / "blobs")

    def _reads(self) -> AbstractContextManager[Connection]:
        return reading(self._engine)

    def _writes(self) -> AbstractContextManager[Connection]:
        return writing(self._engine)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _keep_part(
        self, connection: Connection, frame: pd.DataFrame, *, study: str, kind: str, wave: int, key: str = ""
    ) -> None:
        """Keep a frame beside the database and register it, in the transaction it belongs to."""
        place = {"study": study, "kind": kind, "wave": wave, "key": key}
        connection.execute(delete(PART).where(*(PART.c[name] == value for name, value in place.items())))
        sha256 = self._blobs.keep(to_parquet(frame))
        connection.execute(insert(PART).values(**place, sha256=sha256, row_count=len(frame)))

    def _parts(self, connection: Connection, *, study: str, kind: str) -> Sequence[Any]:
        query = select(PART).where(PART.c.study == study, PART.c.kind == kind).order_by(PART.c.wave, PART.c.key)
        return connection.execute(query).all()

    def _frame(self, part: Any, columns: Sequence[str] | None = None) -> pd.DataFrame:
        return from_parquet(self._blobs.read(part.sha256), columns)


def put(connection: Connection, table: Table, rows: Iterable[Mapping[str, Any]] | pd.DataFrame) -> None:
    """Insert rows in bulk; a frame's columns are the table's, its nulls become NULL."""
    if isinstance(rows, pd.DataFrame):
        if connection.dialect.name == "postgresql":
            _copy(connection, table, rows)
            return
        rows = records(rows)
    prepared = list(rows)
    if prepared:
        connection.execute(insert(table), prepared)


def row_of(value: object) -> dict[str, Any]:
    """Return a value of the model as a row, its fields as they are; `asdict` copies each, at ten times the cost."""
    kind: Any = type(value)
    names, fields_of = _shape(kind)
    return dict(zip(names, fields_of(value), strict=True))


def made(kind: Callable[..., Made], row: Any) -> Made:
    """Return a row as a value of the model, its moments aware."""
    names, fields_of = _shape(kind)
    values = dict(zip(names, fields_of(row), strict=True))
    for name in _moments(kind):
        if values[name] is not None:
            values[name] = utc(values[name])
    return kind(**values)


@cache
def _shape(kind: Any) -> tuple[tuple[str, ...], Callable[[Any], tuple[Any, ...]]]:
    names = tuple(each.name for each in fields(kind))
    return names, attrgetter(*names)


@cache
def _moments(kind: Any) -> tuple[str, ...]:
    return tuple(each.name for each in fields(kind) if str(each.type).startswith("datetime"))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as plain Python values, None for null."""
    names = list(frame.columns)
    return [dict(zip(names, row, strict=True)) for row in zip(*(plain(frame[name]) for name in names), strict=True)]


def plain(series: pd.Series) -> list[Any]:
    """Return a column as plain Python values, None for null, moments as datetimes in UTC."""
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return [None if moment is pd.NaT else moment.to_pydatetime() for moment in series]
    return series.astype("object").where(series.notna(), None).tolist()


def _copy(connection: Connection, table: Table, frame: pd.DataFrame) -> None:
    """Insert by PostgreSQL's COPY, an order of magnitude faster than statements; its errors bypass SQLAlchemy."""
    names = ", ".join(f'"{name}"' for name in frame.columns)
    driver = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("no connection")
    try:
        with driver.cursor().copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for row in zip(*(plain(frame[name]) for name in frame.columns), strict=True):
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:
        raise in_words(error) from None


def utc(moment: datetime) -> datetime:
    """Return a moment as aware UTC; SQLite keeps no zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
