"""What is derived from what was received: the panel, tracking, weights, estimates. Replaced whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection, Select, delete, insert, select

from panel.schema import CLAIMS, ESTIMATES, HELD, PERSON_WAVES, TRACKING, WEIGHTS, reason_column
from panel.store import tables
from panel.store.base import PART, Database, put
from panel.store.frames import core_json
from panel.store.held_figures import COLUMNS, held_table, split_held, with_held

PERSON_WAVE = tables.PersonWave.__table__  # type: ignore[attr-defined]
CASES = tables.CaseCount.__table__  # type: ignore[attr-defined]
HELD_ROW = tables.Held.__table__  # type: ignore[attr-defined]
WEIGHT_SET = tables.WeightSet.__table__  # type: ignore[attr-defined]
ESTIMATE = tables.Estimate.__table__  # type: ignore[attr-defined]

_IN_DATABASE = ["member", "wave", "revision", "response", "disposition", "cohort"]
_INTAKE = "intake"
_KEPT = ("answers", "preload")
"""Kinds of frames that are no results: what was said, and what was shown."""


class Derived(Database):
    """The part of the store that a rebuild drops and makes anew."""

    def save_person_waves(self, study: str, frames: Mapping[int, pd.DataFrame], core: Sequence[str]) -> None:
        """Replace the person-waves of the waves given; see ports.Store. A wave that did not change is left alone."""
        with self._writes() as connection:
            kept = {part.wave: part.sha256 for part in self._parts(connection, study=study, kind="person_waves")}
            for wave, frame in frames.items():
                self._keep_part(connection, frame, study=study, kind="person_waves", wave=wave)
                now = {part.wave: part.sha256 for part in self._parts(connection, study=study, kind="person_waves")}
                if now[wave] == kept.get(wave):
                    continue
                connection.execute(delete(PERSON_WAVE).where(PERSON_WAVE.c.study == study, PERSON_WAVE.c.wave == wave))
                put(connection, PERSON_WAVE, frame[_IN_DATABASE].assign(study=study, core=core_json(frame, core)))

    def person_waves(
        self, study: str, waves: Iterable[int] | None = None, columns: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """Return person-waves sorted by (wave, member); `columns` limits the variables read (with their reasons)."""
        wanted = None if waves is None else set(waves)
        names = None
        if columns is not None:
            names = [*PERSON_WAVES.names, *columns, *map(reason_column, columns)]
        with self._reads() as connection:
            parts = self._parts(connection, study=study, kind="person_waves")
        frames = [self._frame(part, names) for part in parts if wanted is None or part.wave in wanted]
        return pd.concat(frames, ignore_index=True) if frames else PERSON_WAVES.empty()

    def person_waves_digest(self, study: str, waves: Iterable[int]) -> str:
        """Return a hash of the person-waves of these waves as kept, without reading them."""
        wanted = set(waves)
        with self._reads() as connection:
            parts = self._parts(connection, study=study, kind="person_waves")
        text = "\n".join(f"{part.wave} {part.sha256}" for part in parts if part.wave in wanted)
        return hashlib.sha256(text.encode()).hexdigest()

    def save_tracking(self, study: str, tracking: pd.DataFrame) -> None:
        """Replace the tracking rows of a study."""
        counts = tracking.groupby(["wave", "disposition"]).size().reset_index(name="members")
        with self._writes() as connection:
            self._keep_part(connection, tracking, study=study, kind="tracking", wave=0)
            connection.execute(delete(CASES).where(CASES.c.study == study))
            put(connection, CASES, counts.assign(study=study))

    def tracking(self, study: str) -> pd.DataFrame:
        """Return the tracking rows of a study."""
        return self._one("tracking", study, 0, TRACKING.empty())

    def _one(self, kind: str, study: str, wave: int, otherwise: pd.DataFrame) -> pd.DataFrame:
        with self._reads() as connection:
            parts = [part for part in self._parts(connection, study=study, kind=kind) if part.wave == wave]
        return self._frame(parts[0]) if parts else otherwise

    def save_held(self, study: str, stage: str, held: pd.DataFrame) -> None:
        """Replace what one stage of the pipeline held back in a study; never what intake held."""
        if stage == _INTAKE:
            raise ValueError("what intake held is append-only")
        with self._writes() as connection:
            keep_held(connection, study, stage, held)

    def held(self, study: str, wave: int | None = None) -> pd.DataFrame:
        """Return what intake and every later stage held back."""
        query = select(*(HELD_ROW.c[name] for name in HELD.names)).where(HELD_ROW.c.study == study)
        if wave is not None:
            query = query.where(HELD_ROW.c.wave == wave)
        with self._reads() as connection:
            frame = pd.DataFrame(connection.execute(query).all(), columns=HELD.names)
        return HELD.coerce(frame).sort_values([*HELD.key, "reason"], ignore_index=True)

    def save_weights(self, study: str, wave: int, weights: pd.DataFrame, diagnostics: str) -> None:
        """Replace the weights computed at a wave, with their diagnostics as JSON."""
        with self._writes() as connection:
            self._keep_part(connection, weights, study=study, kind="weights", wave=wave)
            connection.execute(delete(WEIGHT_SET).where(WEIGHT_SET.c.study == study, WEIGHT_SET.c.wave == wave))
            connection.execute(insert(WEIGHT_SET).values(study=study, wave=wave, diagnostics=diagnostics))

    def weights(self, study: str, wave: int) -> pd.DataFrame:
        """Return the weights computed at a wave (empty where none)."""
        return self._one("weights", study, wave, WEIGHTS.empty())

    def weight_diagnostics(self, study: str, wave: int) -> str:
        """Return the diagnostics of the weights computed at a wave, as JSON."""
        query = select(WEIGHT_SET.c.diagnostics).where(WEIGHT_SET.c.study == study, WEIGHT_SET.c.wave == wave)
        with self._reads() as connection:
            return str(connection.execute(query).scalar() or "[]")

    def save_estimates(self, study: str, wave: int, tables_: Mapping[str, pd.DataFrame]) -> None:
        """Replace the estimates computed at a wave: tables by name, schema.ESTIMATES."""
        here = (ESTIMATE.c.study == study, ESTIMATE.c.computed_at == wave)
        with self._writes() as connection:
            connection.execute(delete(ESTIMATE).where(*here))
            for name, table in tables_.items():
                for kept, rows in split_held(name, ESTIMATES.coerce(table)[ESTIMATES.names]):
                    place = {"study": study, "computed_at": wave, "table_name": kept}
                    put(connection, ESTIMATE, rows.assign(**place, place=range(len(rows))))

    def estimates(self, study: str, wave: int, table: str = "estimates") -> pd.DataFrame:
        """Return a table of estimates computed at a wave (empty where none)."""
        with self._reads() as connection:
            rows, beside = (
                pd.DataFrame(connection.execute(_figures(study, wave, name)).all(), columns=COLUMNS)
                for name in (table, held_table(table))
            )
        return with_held(rows, beside)

    def save_claims(self, study: str, wave: int, claims: pd.DataFrame) -> None:
        """Replace the ledger of predictions as of a wave (schema.CLAIMS)."""
        with self._writes() as connection:
            self._keep_part(connection, CLAIMS.coerce(claims), study=study, kind="claims", wave=wave)

    def claims(self, study: str, wave: int) -> pd.DataFrame:
        """Return the ledger of predictions as of a wave (empty where none)."""
        return self._one("claims", study, wave, CLAIMS.empty())

    def forget_derived(self, study: str) -> None:
        """Drop person-waves, tracking, merge and check holds, weights, estimates and claims, for a rebuild."""
        with self._writes() as connection:
            for table in (PERSON_WAVE, CASES, WEIGHT_SET, ESTIMATE):
                connection.execute(delete(table).where(table.c.study == study))
            connection.execute(delete(HELD_ROW).where(HELD_ROW.c.study == study, HELD_ROW.c.stage != _INTAKE))
            connection.execute(delete(PART).where(PART.c.study == study, PART.c.kind.not_in(_KEPT)))


def _figures(study: str, wave: int, table: str) -> Select[Any]:
    return (
        select(*(ESTIMATE.c[name] for name in COLUMNS))
        .where(ESTIMATE.c.study == study, ESTIMATE.c.computed_at == wave, ESTIMATE.c.table_name == table)
        .order_by(ESTIMATE.c.place)
    )


def keep_held(connection: Connection, study: str, stage: str, held: pd.DataFrame) -> None:
    """Replace what one stage held back, in the transaction it belongs to."""
    connection.execute(delete(HELD_ROW).where(HELD_ROW.c.study == study, HELD_ROW.c.stage == stage))
    put(connection, HELD_ROW, HELD.coerce(held)[HELD.names].assign(study=study, stage=stage))
