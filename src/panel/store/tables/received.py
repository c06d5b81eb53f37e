"""What arrived, and what became of every row of it."""

from datetime import datetime

from sqlalchemy import CheckConstraint, Index, Text
from sqlmodel import Field

from panel.store.tables.base import Base


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
