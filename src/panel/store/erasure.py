"""Let go of one member: the only way by which anything that was received is ever removed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, delete, func, insert, select, update

from panel.model.erasure import Erasure, ErasureStep
from panel.store import tables
from panel.store.base import PART, Database, put, utc
from panel.store.engine import spoken
from panel.store.frames import from_parquet, to_parquet

ERASURE = tables.Erasure.__table__  # type: ignore[attr-defined]
STEP = tables.ErasureStep.__table__  # type: ignore[attr-defined]
DELIVERY = tables.Delivery.__table__  # type: ignore[attr-defined]
GATE = tables.Gate.__table__  # type: ignore[attr-defined]
MEMBER = tables.Member.__table__  # type: ignore[attr-defined]
RELEASE = tables.Release.__table__  # type: ignore[attr-defined]
ROWS = {
    name: getattr(tables, kind).__table__
    for name, kind in (
        ("response", "Response"),
        ("person_wave", "PersonWave"),
        ("held", "Held"),
        ("row_verdict", "RowVerdict"),
        ("row_decision", "RowDecision"),
        ("access_code", "AccessCode"),
    )
}


class Erasures(Database):
    """The part of the store that forgets."""

    def erase(
        self, study: str, member: str, deliveries: Mapping[str, bytes], *, by: str, reason: str, at: datetime
    ) -> Erasure:
        """Remove a member from everything that is kept; see ports.ErasureStore."""
        with self._writes() as connection:
            _begin(connection, study, member, by=by, reason=reason, at=at)
            note = _Notes(connection, study, member, at)
            for delivery, content in deliveries.items():
                self._rewrite(connection, delivery, content, note)
            for name, table in ROWS.items():
                here = (table.c.study == study, table.c.member == member)
                note.rows(name, connection.execute(delete(table).where(*here)).rowcount)
            self._cut_frames(connection, study, member, note)
            self._cut_gates(connection, study, member, note)
            own = (MEMBER.c.study == study, MEMBER.c.member == member)
            connection.execute(update(MEMBER).where(*own).values(stratum=""))
            for release in connection.execute(select(RELEASE).where(RELEASE.c.study == study)).all():
                note.file("release", release.key, release.digest, release.digest, 0)
            _state(connection, study, member, "unlinking")
        self._unlink(study, member)
        self._scrub()
        with self._writes() as connection:
            _state(connection, study, member, "done", done_at=at)
        return next(each for each in self.erasures(study) if each.member == member)

    def _rewrite(self, connection: Connection, delivery: str, content: bytes, note: _Notes) -> None:
        """Put other bytes in the place of a delivery's."""
        old = connection.execute(select(DELIVERY.c.sha256).where(DELIVERY.c.id == delivery)).scalar_one()
        new = self._blobs.keep(content)
        values = {"sha256": new, "size": len(content)}
        connection.execute(update(DELIVERY).where(DELIVERY.c.id == delivery).values(**values))
        note.file("delivery", delivery, old, new, 1)

    def _cut_frames(self, connection: Connection, study: str, member: str, note: _Notes) -> None:
        """Write every frame beside the database anew without the member's rows."""
        for part in connection.execute(select(PART).where(PART.c.study == study)).all():
            frame = self._frame(part)
            if "member" not in frame or not (gone := (frame["member"] == member).to_numpy(dtype=bool)).any():
                continue
            new = self._blobs.keep(to_parquet(frame[~gone].reset_index(drop=True)))
            place = (PART.c.study == study, PART.c.kind == part.kind, PART.c.wave == part.wave, PART.c.key == part.key)
            values = {"sha256": new, "row_count": len(frame) - int(gone.sum())}
            connection.execute(update(PART).where(*place).values(**values))
            note.file(part.kind, f"{part.wave} {part.key}".strip(), part.sha256, new, int(gone.sum()))

    def _cut_gates(self, connection: Connection, study: str, member: str, note: _Notes) -> None:
        """Take the member out of the lists of failing rows and of proposed values; counts stay what they were."""
        cut = 0
        for gate in connection.execute(select(GATE).where(GATE.c.study == study)).all():
            verdicts = json.loads(gate.verdicts)
            changed = [self._cut_verdict(each, member) for each in verdicts]
            if any(changed):
                text = json.dumps(verdicts, ensure_ascii=False)
                connection.execute(update(GATE).where(GATE.c.id == gate.id).values(verdicts=text))
                cut += 1
        note.rows("gate", cut)

    def _cut_verdict(self, verdict: dict[str, Any], member: str) -> bool:
        failing = verdict["failing"]
        rows = json.loads(self._blobs.read(failing["sha256"])) if isinstance(failing, dict) else failing
        kept = [row for row in rows if row[0] != member]
        proposed = [row for row in verdict.get("proposed", ()) if row[0] != member]
        changed = len(kept) < len(rows) or len(proposed) < len(verdict.get("proposed", ()))
        if changed:
            many = isinstance(failing, dict)
            verdict["failing"] = {"sha256": self._blobs.keep(json.dumps(kept).encode())} if many else kept
            verdict["proposed"] = proposed
        return changed

    def _unlink(self, study: str, member: str) -> None:
        """Remove the files of before, and those that a replaced frame with the member left behind."""
        with self._writes() as connection:  # one writer at a time: no frame is kept while we look
            used = _used(connection)
            old = {each.old_sha256 for each in _steps(connection, study, member) if each.old_sha256}
            left = {sha256 for sha256 in self._blobs.all() - used if self._holds(sha256, member)}
            for sha256 in (old | left) - used:
                self._blobs.remove(sha256)

    def _holds(self, sha256: str, member: str) -> bool:
        """Say whether a file that nothing refers to any more is a frame with rows of the member."""
        content = self._blobs.read(sha256)
        if not content.startswith(b"PAR1"):
            return member.encode() in content
        try:
            frame = from_parquet(content, ["member"])
        except (pa.ArrowException, OSError):
            return False
        return "member" in frame and bool((frame["member"] == member).any())

    def _scrub(self) -> None:
        """Let the database write its pages anew: removed rows lie in them until then."""
        borrowed = self._engine.raw_connection()
        driver: Any = borrowed.driver_connection
        with spoken():
            try:
                if self._engine.dialect.name == "sqlite":
                    driver.execute("VACUUM")
                    driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
                else:
                    driver.autocommit = True
                    for name in (*ROWS, "gate"):
                        driver.execute(f"VACUUM FULL {name}")
                    driver.autocommit = False
            finally:
                borrowed.close()

    def erasures(self, study: str) -> Sequence[Erasure]:
        """Return the tombstones of a study, oldest first."""
        query = select(ERASURE).where(ERASURE.c.study == study).order_by(ERASURE.c.at, ERASURE.c.member)
        with self._reads() as connection:
            return [_tombstone(row) for row in connection.execute(query)]

    def erasure_steps(self, study: str, member: str) -> Sequence[ErasureStep]:
        """Return what an erasure removed or wrote anew, in order."""
        with self._reads() as connection:
            return _steps(connection, study, member)


class _Notes:
    """Writes down what an erasure does, in its transaction."""

    def __init__(self, connection: Connection, study: str, member: str, at: datetime) -> None:
        self._connection, self._study, self._member, self._at = connection, study, member, at

    def rows(self, subject: str, count: int) -> None:
        if count:
            self.file(subject, "", "", "", count)

    def file(self, subject: str, key: str, old: str, new: str, count: int) -> None:
        step = ErasureStep(
            study=self._study, member=self._member, subject=subject, key=key, old_sha256=old, new_sha256=new,
            row_count=count, at=self._at,
        )  # fmt: skip
        put(self._connection, STEP, [asdict(step)])


def _begin(connection: Connection, study: str, member: str, *, by: str, reason: str, at: datetime) -> None:
    """Open the door for this study, and write the tombstone."""
    here = (ERASURE.c.study == study, ERASURE.c.member == member)
    if connection.execute(update(ERASURE).where(*here).values(state="running")).rowcount == 0:
        row = {"study": study, "member": member, "state": "running", "by": by, "reason": reason, "at": at}
        connection.execute(insert(ERASURE).values(**row, done_at=None))


def _state(connection: Connection, study: str, member: str, state: str, **more: Any) -> None:
    here = (ERASURE.c.study == study, ERASURE.c.member == member)
    connection.execute(update(ERASURE).where(*here).values(state=state, **more))


def _steps(connection: Connection, study: str, member: str) -> list[ErasureStep]:
    query = select(STEP).where(STEP.c.study == study, STEP.c.member == member).order_by(STEP.c.id)
    names = [each.name for each in fields(ErasureStep)]
    return [
        ErasureStep(**{**{name: getattr(row, name) for name in names}, "at": utc(row.at)})
        for row in connection.execute(query)
    ]


def _tombstone(row: Any) -> Erasure:
    values: dict[str, Any] = {each.name: getattr(row, each.name) for each in fields(Erasure)}
    aware = {name: utc(values[name]) for name in ("at", "done_at") if values[name]}
    return Erasure(**(values | aware))


def _used(connection: Connection) -> set[str]:
    """Return the hashes of all files that anything refers to, of any study."""
    hashes = set(connection.execute(select(PART.c.sha256)).scalars())
    hashes |= set(connection.execute(select(DELIVERY.c.sha256)).scalars())
    for text in connection.execute(select(GATE.c.verdicts).where(func.length(GATE.c.verdicts) > 0)).scalars():
        hashes |= {each["failing"]["sha256"] for each in json.loads(text) if isinstance(each["failing"], dict)}
    return hashes
