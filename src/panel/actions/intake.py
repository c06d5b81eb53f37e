"""Take deliveries in: bytes first, then rows."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from panel.actions.cases import feed
from panel.actions.progress import snapshot
from panel.actions.releases import changed
from panel.actions.set_up import inbox
from panel.actions.sightings import of_intake
from panel.actions.withdrawal import without
from panel.errors import SourceError, Where
from panel.harmonise import Harmonised, harmonise
from panel.model.people import Delivery, Receipt
from panel.model.study import Study
from panel.ports import Adapters

log = logging.getLogger(__name__)
SYNTHETIC_COLUMN = "is_synthetic"


def collect(app: Adapters, study_key: str, wave: int | str, files: Sequence[Path] | None = None) -> tuple[Receipt, ...]:
    """
    Take in `files` (those in the wave's inbox by default) and return a receipt for each.

    The bytes are stored before they are read, and stay whatever comes of them. Taking the same file in again
    changes nothing and returns the first receipt, marked as a repeat.

    Raises:
        SourceError: a file cannot be read, or is of another wave, or lacks a required column. What was taken in
            before it stays.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    paths = sorted(inbox(app, study, number).glob("[!.]*")) if files is None else files
    receipts = tuple(_take_in(app, study, number, path) for path in paths)
    if not all(each.is_repeat for each in receipts):
        changed(app, study, number, "a delivery was taken in")
    if feed(app, study.key, number).moved:
        snapshot(app, study.key, number)
    return receipts


def _take_in(app: Adapters, study: Study, wave: int, path: Path) -> Receipt:
    content = _without_erased(app, study, path.name, _bytes(path))
    delivery = app.store.receive(
        study=study.key,
        wave=wave,
        content=content,
        filename=path.name,
        source="file",
        is_synthetic=_is_synthetic(path.name, content),
        at=app.clock.now(),
    )
    try:
        harmonised = read_delivery(app, study, delivery)
    except SourceError as error:
        refusal = _in_file(error, path.name)
        app.store.refuse(delivery.id, str(refusal), of_intake(app, study, wave, outcome="failed"))
        log.warning("refused delivery=%s wave=%s/%d", delivery.id, study.key, wave)
        raise refusal from error
    receipt = app.store.accept(delivery.id, harmonised.rows, harmonised.held, harmonised.ignored)
    if not receipt.is_repeat:
        app.store.react(study.key, of_intake(app, study, wave, outcome="passed"))
    log.info(
        "collected delivery=%s wave=%s/%d rows=%d accepted=%d held=%d ignored=%d",
        *(delivery.id, study.key, wave, receipt.rows, receipt.accepted, receipt.held, receipt.ignored),
    )
    return receipt


def _without_erased(app: Adapters, study: Study, filename: str, content: bytes) -> bytes:
    """
    Return the bytes with the lines of erased members blanked, before anything of them is kept.

    Raises:
        SourceError: somebody was erased and this file cannot be read, so it may hold lines of that member: not kept.
    """
    erased = {each.member for each in app.store.erasures(study.key)}
    return without(app, study, filename, content, erased) if erased else content


def read_delivery(app: Adapters, study: Study, delivery: Delivery) -> Harmonised:
    """
    Read the stored bytes of a delivery into typed rows.

    Raises:
        SourceError: see `collect`; the message names the file as it was delivered.
    """
    content = app.store.content(delivery.id)
    table = app.source_for(delivery.filename, content).table(delivery.filename, content)
    return harmonise(
        table,
        study=study,
        wave=delivery.wave,
        delivery=delivery.id,
        received_at=delivery.received_at,
        key=app.pseudonym_key,
    )


def _in_file(error: SourceError, filename: str) -> SourceError:
    """Return the error with the name of the file it is about."""
    where = replace(error.where or Where(), file=filename)
    return SourceError(error.what, where=where, fix=error.fix, faults=error.faults)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"The file cannot be read: {error.strerror}.", where=Where(file=str(path)), fix="check the path"
        ) from error


def _is_synthetic(filename: str, content: bytes) -> bool:
    heading = content[:65536].split(b"\n", 1)[0]
    return ".synthetic." in filename or SYNTHETIC_COLUMN.encode() in heading
