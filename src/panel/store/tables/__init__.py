"""The tables of the panel database, a module a subject. Their classes never leave the store."""

from panel.store.tables.alerts import Incident, IncidentEvent, Outbox
from panel.store.tables.base import Base
from panel.store.tables.cases import (
    AccessCode,
    CaseEvent,
    Erasure,
    ErasureStep,
    FieldworkDay,
    Member,
    MemberCase,
    MemberEvent,
    PreloadFreeze,
    SampleLoad,
    SampleRow,
)
from panel.store.tables.contacts import Contact, ContactDecision
from panel.store.tables.derived import CaseCount, Estimate, Part, PersonWave, WeightSet
from panel.store.tables.fieldwork import InstrumentVersion, Staging, StudyVersion, Wave, WaveEvent
from panel.store.tables.judged import Gate, OverrideDecision, RowDecision, RowVerdict
from panel.store.tables.ledger import WaveAction, WaveActionEvent
from panel.store.tables.received import Delivery, Held, Ignored, Receipt, Response
from panel.store.tables.releases import Release, ReleaseEvent

__all__ = [
    "AccessCode",
    "Base",
    "CaseCount",
    "CaseEvent",
    "Contact",
    "ContactDecision",
    "Delivery",
    "Erasure",
    "ErasureStep",
    "Estimate",
    "FieldworkDay",
    "Gate",
    "Held",
    "Ignored",
    "Incident",
    "IncidentEvent",
    "InstrumentVersion",
    "Member",
    "MemberCase",
    "MemberEvent",
    "Outbox",
    "OverrideDecision",
    "Part",
    "PersonWave",
    "PreloadFreeze",
    "Receipt",
    "Release",
    "ReleaseEvent",
    "Response",
    "RowDecision",
    "RowVerdict",
    "SampleLoad",
    "SampleRow",
    "Staging",
    "StudyVersion",
    "Wave",
    "WaveAction",
    "WaveActionEvent",
    "WaveEvent",
    "WeightSet",
]
