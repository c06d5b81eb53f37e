"""Deliveries of the small study, as small as a test needs them."""

from datetime import UTC, datetime

import pandas as pd

from panel.harmonise import harmonise
from panel.model.load import load_study
from tests.unit.study_factory import FILES

NOW = datetime(2025, 11, 1, 12, tzinfo=UTC)
LATER = datetime(2025, 12, 1, 12, tzinfo=UTC)
STUDY = load_study(FILES)


def receive(store, content=b"bytes", wave=1, at=NOW):
    """Receive a delivery."""
    return store.receive(
        study=STUDY.key, wave=wave, content=content, filename="export.csv", source="file", is_synthetic=False, at=at
    )


def typed(delivery, *rows, wave=1):
    """Return the harmonised rows of a delivery: member and first answer a row."""
    question = STUDY.instrument_of(wave).questions[0]
    required = [each for each in STUDY.instrument_of(wave).questions if each.is_required]
    table = pd.DataFrame(
        {
            STUDY.layout.member: [member for member, _ in rows],
            STUDY.layout.wave: {1: "one", 2: "two"}[wave],
            STUDY.layout.outcome: "done",
            **{each.column: "1" for each in required},
            question.column: [answer for _, answer in rows],
        },
        index=range(2, len(rows) + 2),
        dtype="str",
    )
    return harmonise(table, study=STUDY, wave=wave, delivery=delivery.id, received_at=NOW, key=b"key")


def accept(store, content, *rows):
    """Receive and accept a delivery of these rows."""
    delivery = receive(store, content)
    made = typed(delivery, *rows)
    return store.accept(delivery.id, made.rows, made.held, made.ignored)
