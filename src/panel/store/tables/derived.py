"""What is computed from the responses and can be rebuilt."""

from sqlalchemy import Text
from sqlmodel import Field

from panel.store.tables.base import Base


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
