"""What the actions need of the outside: Protocols, each with at least two implementations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import pandas as pd

from panel.errors import Fault
from panel.model.instrument import Instrument
from panel.model.load import load_study
from panel.model.people import Delivery, Receipt
from panel.model.quarantine import Decision, RowVerdict, Standing
from panel.model.results import Gate, Override, Stage
from panel.model.routing import Routing
from panel.model.study import Study
from panel.model.wave import with_fieldwork
from panel.ports.alerts import GateReacting, IncidentStore, Reacting, Sender, Sent
from panel.ports.cases import CaseStore, DayCount
from panel.ports.contacts import ContactStore, Correspondence, no_correspondence
from panel.ports.erasure import ErasureStore
from panel.ports.ledger import Ledger
from panel.ports.releases import ReleaseStore
from panel.ports.waves import WaveStore

__all__ = [
    "Adapters", "CaseStore", "Checker", "Clock", "ContactStore", "Correspondence", "DayCount", "ErasureStore",
    "GateReacting", "IncidentStore", "Ledger", "PublishedFolder", "Publisher", "Reacting", "ReleaseContent",
    "ReleaseStore", "Sender", "Sent", "Settling", "Source", "Store", "WaveStore",
]  # fmt: skip


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Return the present moment in UTC, aware."""
        ...


class Source(Protocol):
    """Reads the bytes of a delivery as a table of texts."""

    name: str

    def reads(self, filename: str, content: bytes) -> bool:
        """Say whether these bytes are of the kind this source reads, by name and by magic bytes."""
        ...

    def table(self, filename: str, content: bytes) -> pd.DataFrame:
        """
        Return one row a response, every cell a text as delivered ("" for blank), columns as headed.

        The index is the row in the file, the heading being row 1, so that the first data row is 2.

        Raises:
            SourceError: the file is empty, has no rows, repeats a heading, or a row has too many or too few cells.
        """
        ...

    def blanked(self, filename: str, content: bytes, rows: Collection[int]) -> bytes:
        """Return the bytes with every cell of these rows (numbered as in `table`) empty, the others as they were."""
        ...


class Checker(Protocol):
    """Judges a frame by the suites of a stage."""

    def digest(self, study: Study) -> str:
        """Return a hash of the files of suites that speak about a study."""
        ...

    def check(
        self,
        study: Study,
        instrument: Instrument,
        wave: int,
        stage: Stage,
        frame: pd.DataFrame,
        known: pd.DataFrame | None = None,
    ) -> Gate:
        """
        Return one verdict per check of the stage.

        Args:
            study: whose.
            instrument: what the wave fields.
            wave: its number.
            stage: responses or panel.
            frame: responses that stand, or person-waves up to the wave. Not modified.
            known: member, wave and immutable facts of every wave, later ones too; by default those of `frame`.

        Raises:
            DefinitionError: a suite is empty, repeats an id, names an unknown column or lost an expectation.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Settling:
    """What follows from a gate for single cells and rows; called inside the transaction that keeps the gate."""

    verdicts_of: Callable[[Gate, Sequence[Standing]], Sequence[RowVerdict]]
    held_of: Callable[[Gate, Sequence[Standing]], pd.DataFrame]


class Store(IncidentStore, CaseStore, ContactStore, ErasureStore, WaveStore, Ledger, ReleaseStore, Protocol):
    """Keeps everything: what was received for ever, what was derived until it is derived anew."""

    # what is asked
    def keep_study(self, key: str, files: Mapping[str, str], at: datetime) -> str:
        """
        Keep the files of a study as a new version unless they are the newest; return their SHA-256.

        Raises:
            DefinitionError: an instrument file differs from the one kept earlier under the same file name.
        """
        ...

    def study_files(self, key: str) -> Mapping[str, str]:
        """Return the newest files of a study by name, or raise UnknownKey with a suggestion."""
        ...

    def study_keys(self) -> Sequence[str]:
        """Return the keys of all studies, sorted."""
        ...

    def loaded_at(self, key: str) -> datetime:
        """Return when a study was first kept here, or raise UnknownKey."""
        ...

    # deliveries and responses: append-only
    def receive(
        self, *, study: str, wave: int, content: bytes, filename: str, source: str, is_synthetic: bool, at: datetime
    ) -> Delivery:
        """Keep the bytes for ever and return the delivery; the same bytes for the same wave return the first one."""
        ...

    def deliveries(self, study: str, wave: int | None = None) -> Sequence[Delivery]:
        """Return deliveries, oldest first."""
        ...

    def content(self, delivery: str) -> bytes:
        """Return the bytes of a delivery; StorageError when they no longer match their hash."""
        ...

    def refuse(self, delivery: str, reason: str, reaction_of: Reacting | None = None) -> None:
        """Record that a delivery could not be taken in, and what follows, in one transaction; its bytes stay."""
        ...

    def accept(self, delivery: str, responses: pd.DataFrame, held: pd.DataFrame, ignored: pd.DataFrame) -> Receipt:
        """
        Keep the responses of a delivery, and what became of its other rows, in one transaction.

        A response already kept for the wave becomes an ignored row ("already received"). Accepting a delivery a
        second time changes nothing and returns the first receipt, marked as a repeat.
        """
        ...

    def receipts(self, study: str, wave: int | None = None) -> Sequence[Receipt]:
        """Return the receipts of parsed deliveries, oldest first."""
        ...

    def responses(self, study: str, wave: int) -> pd.DataFrame:
        """Return every response kept for a wave (schema.RESPONSES and variables), sorted by response."""
        ...

    def response_index(self, study: str) -> pd.DataFrame:
        """Return member, wave, disposition, submitted_at, received_at, response of every response kept, any wave."""
        ...

    # derived: replaced whole, in one transaction per call
    def save_person_waves(self, study: str, frames: Mapping[int, pd.DataFrame], core: Sequence[str]) -> None:
        """Replace the person-waves of the waves given; `core` variables are kept in the database for the views."""
        ...

    def person_waves(
        self, study: str, waves: Iterable[int] | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return person-waves sorted by (wave, member); `columns` limits the variables read (with their reasons)."""
        ...

    def person_waves_digest(self, study: str, waves: Iterable[int]) -> str:
        """Return a hash of the person-waves of these waves as kept, without reading them."""
        ...

    def save_tracking(self, study: str, tracking: pd.DataFrame) -> None:
        """Replace the tracking rows of a study."""
        ...

    def tracking(self, study: str) -> pd.DataFrame:
        """Return the tracking rows of a study."""
        ...

    def save_held(self, study: str, stage: str, held: pd.DataFrame) -> None:
        """Replace what one stage of the pipeline (the check of a wave) held back in a study."""
        ...

    def held(self, study: str, wave: int | None = None) -> pd.DataFrame:
        """Return what intake and every later stage held back."""
        ...

    def save_gate(
        self, gate: Gate, at: datetime, *, settling: Settling | None = None, reaction_of: GateReacting | None = None
    ) -> None:
        """
        Append the record of a check run.

        `settling` is given the gate with its overrides and what stands about its wave; the verdicts it returns are
        appended and what it holds replaces what the stage held. `reaction_of` is given the gate with its overrides and
        the study's incidents, oldest first; the incidents, history and messages it returns are kept. All of it in the
        same transaction, or nothing is kept.
        """
        ...

    def gates(self, study: str, wave: int | None = None) -> Sequence[Gate]:
        """Return the latest gate of each wave and stage, overrides applied to its verdicts."""
        ...

    def gate_before(self, study: str, wave: int, stage: str) -> Gate | None:
        """Return the gate of the run before the latest one of a wave and stage, None after a first run."""
        ...

    def override(self, study: str, wave: int, stage: str, check: str, override: Override) -> None:
        """Append a decision to let a check pass."""
        ...

    def add_row_verdicts(self, study: str, wave: int, verdicts: Sequence[RowVerdict], at: datetime) -> int:
        """Append the verdicts that differ from the newest of their key by value or rule; return how many did."""
        ...

    def decide(self, decisions: Iterable[tuple[RowVerdict, Decision]]) -> None:
        """Append decisions, each about one verdict, all or none; each holds until value or rule change."""
        ...

    def standing(self, study: str, wave: int | None = None) -> Sequence[Standing]:
        """Return the newest verdict of every cell or row and check, with its decision."""
        ...

    def decided(self, study: str) -> Sequence[Standing]:
        """Return those of `standing` that somebody decided about."""
        ...

    def save_weights(self, study: str, wave: int, weights: pd.DataFrame, diagnostics: str) -> None:
        """Replace the weights computed at a wave, with their diagnostics as JSON."""
        ...

    def weights(self, study: str, wave: int) -> pd.DataFrame:
        """Return the weights computed at a wave (empty where none)."""
        ...

    def weight_diagnostics(self, study: str, wave: int) -> str:
        """Return the diagnostics of the weights computed at a wave, as JSON."""
        ...

    def save_estimates(self, study: str, wave: int, tables: Mapping[str, pd.DataFrame]) -> None:
        """Replace the estimates computed at a wave: tables by name (estimates, predictions), schema.ESTIMATES."""
        ...

    def estimates(self, study: str, wave: int, table: str = "estimates") -> pd.DataFrame:
        """Return a table of estimates computed at a wave (empty where none)."""
        ...

    def save_claims(self, study: str, wave: int, claims: pd.DataFrame) -> None:
        """Replace the ledger of predictions as of a wave (schema.CLAIMS)."""
        ...

    def claims(self, study: str, wave: int) -> pd.DataFrame:
        """Return the ledger of predictions as of a wave (empty where none)."""
        ...

    def forget_derived(self, study: str) -> None:
        """Drop person-waves, tracking, what checks hold, weights, estimates and claims, for a rebuild."""
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


@dataclass(frozen=True, kw_only=True)
class ReleaseContent:
    """Everything a release publishes; no time, no path and no delivery id, so that the same answers give the same."""

    study: Study
    wave: int
    is_synthetic: bool
    person_waves: pd.DataFrame  # schema.PERSON_WAVES with variables, all waves so far
    tracking: pd.DataFrame
    weights: pd.DataFrame
    weight_diagnostics: str  # JSON
    estimates: pd.DataFrame
    predictions: pd.DataFrame
    claims: pd.DataFrame  # schema.CLAIMS
    held: pd.DataFrame
    gates: Sequence[Gate]
    receipts: Sequence[Receipt]


@dataclass(frozen=True, kw_only=True)
class PublishedFolder:
    """Where a release was written, and the hash of its canonical content."""

    path: Path
    digest: str
    manifest: str


class Publisher(Protocol):
    """Writes the immutable folder of a release."""

    def digest(self, content: ReleaseContent) -> str:
        """Return the SHA-256 of the canonical content, the same for any row order, database and machine."""
        ...

    def publish(self, content: ReleaseContent, folder: Path) -> PublishedFolder:
        """
        Write the release into `folder`, whole or not at all; the same content into the same folder is a no-op.

        Raises:
            ReleaseExists: the folder holds other content.
        """
        ...

    def retract(self, folder: Path, notice: str) -> None:
        """Say beside the folder of a release, which never changes, that it was retracted and why."""
        ...

    def quality(
        self, study: Study, wave: int, gates: Sequence[Gate], held: pd.DataFrame, *, is_synthetic: bool
    ) -> Mapping[str, str]:
        """Return the quality report of a wave by file name, in either language, without any answer or member."""
        ...


@dataclass(frozen=True, kw_only=True)
class Adapters:
    """Everything the actions reach the outside through; built once by `panel.app`."""

    home: Path
    store: Store
    checker: Checker
    publisher: Publisher
    clock: Clock
    sender: Sender
    routing: Routing
    pseudonym_key: bytes
    permissions: frozenset[str]
    source_for: Callable[[str, bytes], Source]
    study_files: Callable[[str], Mapping[str, str]]
    held_cells: Callable[[Study, Instrument, Gate, pd.DataFrame], pd.DataFrame]
    simulate: Callable[..., Mapping[int, bytes]]
    letter_faults: Callable[[Study, Mapping[str, str]], Sequence[Fault]] = lambda _study, _files: ()
    correspondence: Callable[[], Correspondence] = no_correspondence

    def study(self, key: str) -> Study:
        """Return the newest kept version of a study, fieldwork as it was moved, or raise UnknownKey."""
        return with_fieldwork(load_study(self.store.study_files(key)), self.store.moved_fieldwork(key))
