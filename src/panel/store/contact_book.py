"""The database of contact details: rows that somebody else sealed, in a database of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    DateTime,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    event,
    select,
    update,
)

from panel.store.base import put, row_of, utc
from panel.store.engine import make_engine, reading, writing

METADATA = MetaData()  # not that of the panel database
ROW = Table(
    "sealed_detail",
    METADATA,
    Column("study", String, primary_key=True),
    Column("member", String, primary_key=True),
    Column("part", String, primary_key=True),
    Column("sealed", LargeBinary, nullable=False),
    Column("changed_at", DateTime(timezone=True), nullable=False),
)
PLACE = ("study", "member", "part")
FEW = 500
"""So many members are looked up one by one; of more all rows are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedRow:
    """One detail of a member: its address, or a code of a wave; what it is only the key tells."""

    study: str
    member: str
    part: str
    sealed: bytes
    changed_at: datetime


class SealedRows:
    """Keeps sealed rows in the database of an address; its table is made on first use."""

    def __init__(self, url: str) -> None:
        self._engine = make_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", lambda made, _: made.execute("PRAGMA secure_delete = ON"))
        with writing(self._engine) as connection:
            METADATA.create_all(connection)

    def put(self, rows: Iterable[SealedRow], *, are_new_only: bool = False) -> None:
        """Keep rows in one transaction, in the place of those that are there; of two for one place the last."""
        given = {(row.study, row.member, row.part): row for row in rows}
        if not given:
            return
        with writing(self._engine) as connection:
            known = _known(connection, given)
            put(connection, ROW, [_values(row) for place, row in given.items() if place not in known])
            old = [] if are_new_only else [_values(row, "new_") for place, row in given.items() if place in known]
            if old:
                here = (ROW.c[name] == bindparam(f"new_{name}") for name in PLACE)
                fresh: dict[str, Any] = {name: bindparam(f"new_{name}") for name in ("sealed", "changed_at")}
                connection.execute(update(ROW).where(*here).values(**fresh), old)

    def rows(
        self, *, study: str | None = None, member: str | None = None, part: str | None = None
    ) -> Sequence[SealedRow]:
        """Return rows, of a study, a member and a part where they are named."""
        query = select(ROW).order_by(ROW.c.study, ROW.c.member, ROW.c.part)
        for name, value in {"study": study, "member": member, "part": part}.items():
            if value is not None:
                query = query.where(ROW.c[name] == value)
        with reading(self._engine) as connection:
            return [
                SealedRow(
                    study=row.study,
                    member=row.member,
                    part=row.part,
                    sealed=bytes(row.sealed),
                    changed_at=utc(row.changed_at),
                )
                for row in connection.execute(query)
            ]

    def since(self, study: str, part: str, member: str | None = None) -> Mapping[str, datetime]:
        """Return since when the rows of a part are as they are, by member, without what they say."""
        query = select(ROW.c.member, ROW.c.changed_at).where(ROW.c.study == study, ROW.c.part == part)
        if member is not None:
            query = query.where(ROW.c.member == member)
        with reading(self._engine) as connection:
            return {row.member: utc(row.changed_at) for row in connection.execute(query)}

    def remove(self, study: str, members: Iterable[str]) -> int:
        """Remove every row of members; return of how many there were any."""
        count = 0
        with writing(self._engine) as connection:
            for member in members:
                gone = delete(ROW).where(ROW.c.study == study, ROW.c.member == member)
                count += bool(connection.execute(gone).rowcount)
        return count

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


def _known(connection: Connection, given: Mapping[tuple[str, str, str], SealedRow]) -> set[tuple[str, str, str]]:
    """Return which places have a row; of few members they are looked up, of many all of the parts are read."""
    studies, members, parts = (set(each) for each in zip(*given, strict=True))
    query = select(*(ROW.c[name] for name in PLACE)).where(ROW.c.study.in_(studies), ROW.c.part.in_(parts))
    if len(members) < FEW:
        query = query.where(ROW.c.member.in_(members))
    return {(row.study, row.member, row.part) for row in connection.execute(query)}


def _values(row: SealedRow, prefix: str = "") -> dict[str, object]:
    return {f"{prefix}{name}": value for name, value in row_of(row).items()}
