"""The tables of the panel database. Their classes never leave the store."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field, MetaData, SQLModel

NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}
WAVE_STATES = ("draft", "planned", "staged", "open", "paused", "closing", "closed", "archived", "cancelled")
_STATES = ", ".join(f"'{each}'" for each in WAVE_STATES)


class Base(SQLModel):
    """All tables share one set of names for constraints."""

    metadata = MetaData(naming_convention=NAMES)


class StudyVersion(Base, table=True):
    """The files of a study, each time they changed. Append-only."""

    __tablename__ = "study_version"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    sha256: str
    files: str = Field(sa_type=Text)
    kept_at: datetime


class InstrumentVersion(Base, table=True):
    """The hash under which an instrument was first kept: a version never changes. Append-only."""

    __tablename__ = "instrument_version"
    study: str = Field(primary_key=True)
    file: str = Field(primary_key=True)
    sha256: str


class Wave(Base, table=True):
    """The state of every wave that left `planned`."""

    __tablename__ = "wave"
    __table_args__ = (CheckConstraint(f"state IN ({_STATES})", name="state"),)
    study: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    state: str


class WaveEvent(Base, table=True):
    """Each move of a wave from state to state, with the reason. Append-only."""

    __tablename__ = "wave_event"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    number: int
    from_state: str
    to_state: str
    reason: str
    at: datetime


class Delivery(Base, table=True):
    """A file as it arrived; its bytes lie beside the database under their hash. Append-only but for its state."""

    __tablename__ = "delivery"
    __table_args__ = (CheckConstraint("state IN ('received', 'parsed', 'refused')", name="state"),)
    id: str = Field(primary_key=True)
    study: str = Field(index=True)
    wave: int
    sha256: str
    size: int
    filename: str
    source: str
    is_synthetic: bool
    received_at: datetime
    state: str
    refusal: str | None = Field(default=None, sa_type=Text)


class Receipt(Base, table=True):
    """What became of every row of a delivery. Append-only."""

    __tablename__ = "receipt"
    __table_args__ = (CheckConstraint("row_count = accepted + held + ignored", name="rows_conserved"),)
    delivery: str = Field(primary_key=True, foreign_key="delivery.id")
    row_count: int
    accepted: int
    held: int
    ignored: int
    held_cells: int
    revisions: int
    reasons: str = Field(sa_type=Text)


class Response(Base, table=True):
    """Every different response of a member in a wave; the answers lie in a part. Append-only."""

    __tablename__ = "response"
    __table_args__ = (Index(None, "study", "wave", "member"),)
    study: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    response: str = Field(primary_key=True)
    member: str
    delivery: str = Field(foreign_key="delivery.id")
    row: int
    submitted_at: datetime | None
    received_at: datetime
    disposition: str


class Held(Base, table=True):
    """A cell or row held back, by intake or a later stage, without its value."""

    __tablename__ = "held"
    __table_args__ = (Index(None, "study", "stage"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    stage: str
    wave: int
    member: str | None
    variable: str | None
    check: str
    reason: str
    delivery: str | None
    row: int | None


class Ignored(Base, table=True):
    """A row that carried nothing new, with the reason. Append-only."""

    __tablename__ = "ignored"
    delivery: str = Field(primary_key=True, foreign_key="delivery.id")
    row: int = Field(primary_key=True)
    reason: str


class PersonWave(Base, table=True):
    """One row per member and wave, with the core variables as JSON for the views. Derived."""

    __tablename__ = "person_wave"
    study: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    member: str = Field(primary_key=True)
    revision: int
    response: str
    disposition: str
    cohort: int
    core: str = Field(sa_type=Text)


class CaseCount(Base, table=True):
    """How many members of a wave have each disposition. Derived."""

    __tablename__ = "case_count"
    study: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    disposition: str = Field(primary_key=True)
    members: int


class Part(Base, table=True):
    """A frame that lies beside the database as Parquet, named by its hash."""

    __tablename__ = "part"
    study: str = Field(primary_key=True)
    kind: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    key: str = Field(primary_key=True)
    sha256: str
    row_count: int


class Gate(Base, table=True):
    """One run of the suites over a stage of a wave. Append-only."""

    __tablename__ = "gate"
    __table_args__ = (Index(None, "study", "wave", "stage"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    wave: int
    stage: str
    suite_digest: str
    data_digest: str
    verdicts: str = Field(sa_type=Text)
    at: datetime


class OverrideDecision(Base, table=True):
    """A decision to let a failed check pass, for the rows that failed then. Append-only."""

    __tablename__ = "override_decision"
    id: int | None = Field(default=None, primary_key=True)
    study: str = Field(index=True)
    wave: int
    stage: str
    check: str
    by: str
    reason: str = Field(sa_type=Text)
    failing_digest: str
    at: datetime


class RowVerdict(Base, table=True):
    """What a check said of one cell or row, whenever the value or the rule is another. Append-only."""

    __tablename__ = "row_verdict"
    __table_args__ = (Index(None, "study", "wave"),)
    id: int | None = Field(default=None, primary_key=True)
    study: str
    wave: int
    member: str
    variable: str
    check: str
    version: int
    severity: str
    owner: str
    action: str
    why: str = Field(sa_type=Text)
    value_digest: str
    proposed: str | None
    at: datetime


class RowDecision(Base, table=True):
    """What somebody decided about one value that a check failed. Append-only."""

    __tablename__ = "row_decision"
    __table_args__ = (
        CheckConstraint("outcome IN ('accept', 'correct', 'reject')", name="outcome"),
        Index(None, "study", "wave"),
    )
    id: int | None = Field(default=None, primary_key=True)
    study: str
    wave: int
    member: str
    variable: str
    check: str
    version: int
    value_digest: str
    outcome: str
    value: str | None
    by: str
    reason: str = Field(sa_type=Text)
    at: datetime


class Incident(Base, table=True):
    """One problem of one check, as it stands. Its history is in incident_event."""

    __tablename__ = "incident"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'acknowledged', 'silenced', 'resolved', 'reopened')", name="state"),
        Index(None, "study", "fingerprint"),
    )
    id: str = Field(primary_key=True)
    fingerprint: str
    study: str
    suite: str
    check: str
    subgroup: str
    severity: str
    owner: str
    why: str = Field(sa_type=Text)
    state: str
    opened_at: datetime
    since: datetime
    seen_at: datetime
    wave: int
    failing_waves: str
    passed_wave: int | None
    occurrences: int
    checked_count: int
    failing_count: int
    is_broken: bool
    is_failing: bool
    is_muted: bool
    is_synthetic: bool
    told: str = Field(sa_type=Text)
    told_count: int
    told_share: float
    until: datetime | None
    by: str
    note: str = Field(sa_type=Text)
    resolved_at: datetime | None
    escalated_at: datetime | None


class IncidentEvent(Base, table=True):
    """One line of an incident's history. Append-only."""

    __tablename__ = "incident_event"
    id: int | None = Field(default=None, primary_key=True)
    incident: str = Field(foreign_key="incident.id", index=True)
    at: datetime
    event: str
    from_state: str
    to_state: str
    by: str
    note: str = Field(sa_type=Text)
    until: datetime | None
    wave: int | None
    checked_count: int | None
    failing_count: int | None
    is_muted: bool


class Outbox(Base, table=True):
    """
    A message to one target, from the transaction that made it until it was taken in or given up.

    Moments of `due` and `lease_until` are seconds of the database's own clock, which all workers share.
    """

    __tablename__ = "outbox"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sent', 'dead')", name="state"),
        Index(None, "state", "due"),
    )
    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    study: str
    incident: str = Field(index=True)
    target: str
    timing: str
    notice: str
    message: str = Field(sa_type=Text)
    state: str
    attempts: int
    due: float
    lease: str | None
    lease_until: float
    reason: str
    created_at: datetime
    sent_at: datetime | None


class WeightSet(Base, table=True):
    """The diagnostics of the weights computed at a wave. Derived."""

    __tablename__ = "weight_set"
    study: str = Field(primary_key=True)
    wave: int = Field(primary_key=True)
    diagnostics: str = Field(sa_type=Text)


class Estimate(Base, table=True):
    """Every figure computed at a wave, as in schema.ESTIMATES. Derived."""

    __tablename__ = "estimate"
    study: str = Field(primary_key=True)
    computed_at: int = Field(primary_key=True)
    table_name: str = Field(primary_key=True)
    place: int = Field(primary_key=True)
    indicator: str
    statistic: str
    variable: str | None
    value: str | None
    domain: str | None
    group: str | None
    from_wave: int | None
    wave: int
    estimate: float | None
    se: float | None
    low: float | None
    high: float | None
    n: int | None
    n_eff: float | None
    denominator: str | None
    unit: str | None
    terms: str | None
    weight: str | None
    method: str | None
    status: str


class Release(Base, table=True):
    """The identity of every release. Append-only."""

    __tablename__ = "release"
    study: str = Field(primary_key=True)
    key: str = Field(primary_key=True)
    wave: int
    digest: str
    path: str
    is_synthetic: bool
    created_at: datetime
    manifest: str = Field(sa_type=Text)
