"""What is asked and what was received: studies, deliveries, responses. Append-only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, func, insert, select, update

from panel.errors import DefinitionError, Fault, UnknownKey, Where, did_you_mean, printable
from panel.model.people import Delivery, Receipt
from panel.ports import Reacting
from panel.schema import IGNORED, REASON_DTYPE, REASON_SUFFIX, RESPONSES
from panel.store import tables
from panel.store.alerts import keep_reaction
from panel.store.base import Database, put, utc

STUDY = tables.StudyVersion.__table__  # type: ignore[attr-defined]
INSTRUMENT = tables.InstrumentVersion.__table__  # type: ignore[attr-defined]
DELIVERY = tables.Delivery.__table__  # type: ignore[attr-defined]
RECEIPT = tables.Receipt.__table__  # type: ignore[attr-defined]
RESPONSE = tables.Response.__table__  # type: ignore[attr-defined]
HELD = tables.Held.__table__  # type: ignore[attr-defined]
IGNORED_ROW = tables.Ignored.__table__  # type: ignore[attr-defined]

INDEX = ["response", "member", "wave", "submitted_at", "received_at", "delivery", "row", "disposition"]


class Received(Database):
    """The part of the store that only grows."""

    def keep_study(self, key: str, files: Mapping[str, str], at: datetime) -> str:
        """Keep the files of a study as a new version unless they are the newest; see ports.Store."""
        text = json.dumps(dict(sorted(files.items())), ensure_ascii=False)
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        with self._writes() as connection:
            newest = connection.execute(
                select(STUDY.c.sha256).where(STUDY.c.study == key).order_by(STUDY.c.id.desc()).limit(1)
            ).scalar()
            if newest != sha256:
                _keep_instruments(connection, key, files)
                connection.execute(insert(STUDY).values(study=key, sha256=sha256, files=text, kept_at=at))
        return sha256

    def study_files(self, key: str) -> Mapping[str, str]:
        """Return the newest files of a study by name, or raise UnknownKey."""
        with self._reads() as connection:
            text = connection.execute(
                select(STUDY.c.files).where(STUDY.c.study == key).order_by(STUDY.c.id.desc()).limit(1)
            ).scalar()
        if text is None:
            known = self.study_keys()
            near = did_you_mean(key, known)
            raise UnknownKey(f"No study '{key}' is loaded.", fix=near or f"panelctl study load {key}")
        files: dict[str, str] = json.loads(text)
        return files

    def study_keys(self) -> Sequence[str]:
        """Return the keys of all studies, sorted."""
        with self._reads() as connection:
            return sorted(connection.execute(select(STUDY.c.study).distinct()).scalars())

    def loaded_at(self, key: str) -> datetime:
        """Return when a study was first kept here, or raise UnknownKey."""
        with self._reads() as connection:
            first = connection.execute(select(func.min(STUDY.c.kept_at)).where(STUDY.c.study == key)).scalar()
        if first is None:
            raise UnknownKey(f"No study '{key}' is loaded.", fix=f"panelctl study load {key}")
        return utc(first)

    def receive(
        self, *, study: str, wave: int, content: bytes, filename: str, source: str, is_synthetic: bool, at: datetime
    ) -> Delivery:
        """Keep the bytes for ever and return the delivery; the same bytes for the same wave return the first one."""
        sha256 = self._blobs.keep(content)
        name = hashlib.sha256(f"{study}\0{wave}\0{sha256}".encode()).hexdigest()[:16]
        with self._writes() as connection:
            # A delivery whose lines of an erased member were blanked has other bytes than those that named it.
            same = (DELIVERY.c.study == study) & (DELIVERY.c.wave == wave) & (DELIVERY.c.sha256 == sha256)
            found = connection.execute(select(DELIVERY).where((DELIVERY.c.id == name) | same)).first()
            if found is None:
                values = {"id": name, "study": study, "wave": wave, "sha256": sha256, "size": len(content)}
                values |= {"filename": filename, "source": source, "is_synthetic": is_synthetic, "received_at": at}
                connection.execute(insert(DELIVERY).values(**values, state="received"))
                found = connection.execute(select(DELIVERY).where(DELIVERY.c.id == name)).one()
        return _delivery(found)

    def deliveries(self, study: str, wave: int | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first."""
        query = select(DELIVERY).where(DELIVERY.c.study == study).order_by(DELIVERY.c.received_at, DELIVERY.c.id)
        if wave is not None:
            query = query.where(DELIVERY.c.wave == wave)
        with self._reads() as connection:
            return [_delivery(row) for row in connection.execute(query)]

    def content(self, delivery: str) -> bytes:
        """Return the bytes of a delivery; StorageError when they no longer match their hash."""
        with self._reads() as connection:
            sha256 = _origin(connection, delivery).sha256
        return self._blobs.read(sha256)

    def refuse(self, delivery: str, reason: str, reaction_of: Reacting | None = None) -> None:
        """
        Record that a delivery could not be taken in, and what follows, in one transaction; its bytes stay.

        One that was taken in stays so.
        """
        with self._writes() as connection:
            origin = _origin(connection, delivery)
            connection.execute(
                update(DELIVERY)
                .where(DELIVERY.c.id == delivery, DELIVERY.c.state != "parsed")
                .values(state="refused", refusal=reason[:2000])
            )
            if reaction_of is not None:
                keep_reaction(connection, self._moment(connection), origin.study, reaction_of)

    def accept(self, delivery: str, responses: pd.DataFrame, held: pd.DataFrame, ignored: pd.DataFrame) -> Receipt:
        """Keep the responses of a delivery, and what became of its other rows; see ports.Store."""
        with self._writes() as connection:
            origin = _origin(connection, delivery)
            if origin.state == "parsed":
                return _receipt(connection, origin, is_repeat=True)
            fresh, known = _split(connection, origin, responses)
            ignored = pd.concat([ignored, known], ignore_index=True)
            kept = held[held["variable"].isna() | held["row"].isin(fresh["row"])]
            revisions = _revisions(connection, origin, fresh)
            put(connection, RESPONSE, fresh[INDEX].assign(study=origin.study))
            put(connection, HELD, kept.assign(study=origin.study, stage="intake"))
            put(connection, IGNORED_ROW, IGNORED.coerce(ignored).assign(delivery=delivery))
            if len(fresh):
                part = fresh.sort_values("member", ignore_index=True)
                self._keep_part(connection, part, study=origin.study, kind="answers", wave=origin.wave, key=delivery)
            _keep_receipt(connection, delivery, fresh, kept, ignored, revisions)
            connection.execute(update(DELIVERY).where(DELIVERY.c.id == delivery).values(state="parsed", refusal=None))
            return _receipt(connection, origin, is_repeat=False)

    def receipts(self, study: str, wave: int | None = None) -> Sequence[Receipt]:
        """Return the receipts of parsed deliveries, oldest first."""
        with self._reads() as connection:
            query = select(DELIVERY).where(DELIVERY.c.study == study, DELIVERY.c.state == "parsed")
            if wave is not None:
                query = query.where(DELIVERY.c.wave == wave)
            origins = connection.execute(query.order_by(DELIVERY.c.received_at, DELIVERY.c.id)).all()
            return [_receipt(connection, origin, is_repeat=False) for origin in origins]

    def responses(self, study: str, wave: int) -> pd.DataFrame:
        """Return every response kept for a wave (schema.RESPONSES and variables), sorted by response."""
        with self._reads() as connection:
            parts = [part for part in self._parts(connection, study=study, kind="answers") if part.wave == wave]
        if not parts:
            return RESPONSES.empty()
        frames = [self._frame(part) for part in parts]
        whole = frames[0] if len(frames) == 1 else _stacked(frames)
        return RESPONSES.coerce(whole).sort_values("response", ignore_index=True)

    def response_index(self, study: str) -> pd.DataFrame:
        """Return the index of every response kept, any wave, without answers: a few columns of the files."""
        with self._reads() as connection:
            parts = self._parts(connection, study=study, kind="answers")
        frames = [self._frame(part, INDEX) for part in parts]
        whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
        return RESPONSES.coerce(whole)[INDEX].sort_values(["wave", "response"], ignore_index=True)


def _stacked(frames: list[pd.DataFrame]) -> pd.DataFrame:
    """Return frames of several deliveries as one; a column that one of them lacks is filled by its reason."""
    whole = pd.concat(frames, ignore_index=True)
    for name in whole.columns:
        if name.endswith(REASON_SUFFIX):
            whole[name] = whole[name].astype(REASON_DTYPE).fillna("not_fielded")
    return whole


def _origin(connection: Connection, delivery: str) -> Any:
    row = connection.execute(select(DELIVERY).where(DELIVERY.c.id == delivery)).first()
    if row is None:
        raise UnknownKey(f"There is no delivery '{printable(delivery)}'.", fix="receive its bytes first")
    return row


def _keep_instruments(connection: Connection, study: str, files: Mapping[str, str]) -> None:
    known: dict[str, str] = dict(
        connection.execute(select(INSTRUMENT.c.file, INSTRUMENT.c.sha256).where(INSTRUMENT.c.study == study)).all()  # type: ignore[arg-type]
    )
    changed = []
    for file, text in sorted(files.items()):
        if not file.startswith("instrument-"):
            continue
        sha256 = hashlib.sha256(text.encode()).hexdigest()
        if file not in known:
            connection.execute(insert(INSTRUMENT).values(study=study, file=file, sha256=sha256))
        elif known[file] != sha256:
            fix = "give the changed instrument a new version, and field it in the waves to come"
            changed.append(Fault("differs from what was kept under this version", Where(file=file), fix))
    if changed:
        raise DefinitionError(f"An instrument of '{study}' was changed under its old version.", faults=changed)


def _split(connection: Connection, origin: Any, responses: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    query = select(RESPONSE.c.response).where(RESPONSE.c.study == origin.study, RESPONSE.c.wave == origin.wave)
    known = responses["response"].isin(set(connection.execute(query).scalars())) | responses["response"].duplicated()
    repeated = pd.DataFrame({"row": responses.loc[known, "row"], "reason": "already received"})
    return responses[~known], repeated


def _revisions(connection: Connection, origin: Any, fresh: pd.DataFrame) -> int:
    query = select(RESPONSE.c.member).where(RESPONSE.c.study == origin.study, RESPONSE.c.wave == origin.wave)
    known = set(connection.execute(query.distinct()).scalars())
    return int((fresh["member"].isin(known) | fresh["member"].duplicated()).sum())


def _keep_receipt(
    connection: Connection,
    delivery: str,
    fresh: pd.DataFrame,
    held: pd.DataFrame,
    ignored: pd.DataFrame,
    revisions: int,
) -> None:
    whole_rows = int(held["variable"].isna().sum())
    said = ignored["reason"].str.replace(r"row \d+$", "another row", regex=True)
    reasons = pd.concat([held["reason"], said]).value_counts()
    connection.execute(
        insert(RECEIPT).values(
            delivery=delivery,
            row_count=len(fresh) + whole_rows + len(ignored),
            accepted=len(fresh),
            held=whole_rows,
            ignored=len(ignored),
            held_cells=len(held) - whole_rows,
            revisions=revisions,
            reasons=json.dumps({str(reason): int(count) for reason, count in sorted(reasons.items())}),
        )
    )


def _receipt(connection: Connection, origin: Any, *, is_repeat: bool) -> Receipt:
    row = connection.execute(select(RECEIPT).where(RECEIPT.c.delivery == origin.id)).one()
    return Receipt(
        delivery=origin.id,
        study=origin.study,
        wave=origin.wave,
        filename=origin.filename,
        rows=row.row_count,
        accepted=row.accepted,
        held=row.held,
        ignored=row.ignored,
        held_cells=row.held_cells,
        revisions=row.revisions,
        is_repeat=is_repeat,
        reasons=tuple(json.loads(row.reasons).items()),
    )


def _delivery(row: Any) -> Delivery:
    return Delivery(
        id=row.id,
        study=row.study,
        wave=row.wave,
        sha256=row.sha256,
        size=row.size,
        filename=row.filename,
        source=row.source,
        is_synthetic=row.is_synthetic,
        received_at=utc(row.received_at),
        state=row.state,
    )
