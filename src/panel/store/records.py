"""Records of decisions: gates and overrides. Append-only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from panel.errors import UnknownKey, did_you_mean, printable
from panel.model.results import Gate, Override, Verdict
from panel.ports import GateReacting, Settling
from panel.store import tables
from panel.store.alerts import keep_reaction
from panel.store.base import Database, utc
from panel.store.derived import keep_held
from panel.store.quarantine import append, newest

GATE = tables.Gate.__table__  # type: ignore[attr-defined]
DECISION = tables.OverrideDecision.__table__  # type: ignore[attr-defined]


MANY_FAILING = 10_000
"""Above this many failing rows their keys lie beside the database, named by their hash."""


class Records(Database):
    """The part of the store that says who vouched for what."""

    def save_gate(
        self, gate: Gate, at: datetime, *, settling: Settling | None = None, reaction_of: GateReacting | None = None
    ) -> None:
        """Append the record of a check run, what it means for cells and rows, and who is told; see ports.Store."""
        verdicts = [self._kept_verdict(verdict) for verdict in gate.verdicts]
        with self._writes() as connection:
            connection.execute(
                insert(GATE).values(
                    study=gate.study,
                    wave=gate.wave,
                    stage=gate.stage,
                    suite_digest=gate.suite_digest,
                    data_digest=gate.data_digest,
                    verdicts=json.dumps(verdicts, ensure_ascii=False),
                    at=at,
                )
            )
            judged = _overridden(gate, self._decisions(connection, gate.study))
            if settling is not None:
                _settle(connection, judged, settling, at)
            if reaction_of is not None:
                now = self._moment(connection)
                keep_reaction(connection, now, gate.study, lambda known: reaction_of(judged, known))

    def _kept_verdict(self, verdict: Verdict) -> dict[str, Any]:
        kept = {**asdict(verdict), "override": None}
        if len(verdict.failing) > MANY_FAILING:
            kept["failing"] = {"sha256": self._blobs.keep(json.dumps(verdict.failing).encode())}
        return kept

    def _verdict(self, kept: Mapping[str, Any]) -> Verdict:
        failing = kept["failing"]
        if isinstance(failing, dict):
            failing = json.loads(self._blobs.read(failing["sha256"]))
        pairs = tuple((member, wave) for member, wave in failing)
        proposed = tuple((member, wave, value) for member, wave, value in kept.get("proposed", ()))
        return Verdict(**{**kept, "columns": tuple(kept["columns"]), "failing": pairs, "proposed": proposed})

    def gates(self, study: str, wave: int | None = None) -> Sequence[Gate]:
        """Return the latest gate of each wave and stage, overrides applied to its verdicts."""
        latest = select(func.max(GATE.c.id)).where(GATE.c.study == study).group_by(GATE.c.wave, GATE.c.stage)
        if wave is not None:
            latest = latest.where(GATE.c.wave == wave)
        with self._reads() as connection:
            rows = connection.execute(select(GATE).where(GATE.c.id.in_(latest))).all()
            decisions = self._decisions(connection, study)
        ordered = sorted(rows, key=lambda row: (row.wave, row.stage != "responses"))
        return [_gate(row, [self._verdict(each) for each in json.loads(row.verdicts)], decisions) for row in ordered]

    def _decisions(self, connection: Any, study: str) -> Mapping[tuple[int, str, str, str], Override]:
        rows = connection.execute(select(DECISION).where(DECISION.c.study == study).order_by(DECISION.c.id))
        return {
            (row.wave, row.stage, row.check, row.failing_digest): Override(by=row.by, reason=row.reason, at=utc(row.at))
            for row in rows
        }

    def gate_before(self, study: str, wave: int, stage: str) -> Gate | None:
        """Return the gate of the run before the latest one of a wave and stage, None after a first run."""
        query = select(GATE).where(GATE.c.study == study, GATE.c.wave == wave, GATE.c.stage == stage)
        with self._reads() as connection:
            row = connection.execute(query.order_by(GATE.c.id.desc()).offset(1).limit(1)).first()
            decisions = self._decisions(connection, study)
        return (
            None if row is None else _gate(row, [self._verdict(each) for each in json.loads(row.verdicts)], decisions)
        )

    def override(self, study: str, wave: int, stage: str, check: str, override: Override) -> None:
        """
        Append a decision to let a check pass; it holds as long as the same rows fail.

        Raises:
            UnknownKey: the stage was not checked, or not by a check of this name.
        """
        run = [each for gate in self.gates(study, wave) if gate.stage == stage for each in gate.verdicts]
        checked = {verdict.check: verdict for verdict in run}
        if check not in checked:
            raise UnknownKey(
                f"No check '{printable(check)}' was run at stage {printable(stage)} of wave {wave}.",
                fix=did_you_mean(check, checked) or "run `panelctl check` first",
            )
        with self._writes() as connection:
            connection.execute(
                insert(DECISION).values(
                    study=study,
                    wave=wave,
                    stage=stage,
                    check=check,
                    by=override.by,
                    reason=override.reason,
                    failing_digest=_failing_digest(checked[check]),
                    at=override.at,
                )
            )


def _failing_digest(verdict: Verdict) -> str:
    keys = sorted(f"{member}\0{wave}" for member, wave in verdict.failing)
    text = f"{verdict.state}\n{verdict.failing_count}\n" + "\n".join(keys)
    return hashlib.sha256(text.encode()).hexdigest()


def _settle(connection: Connection, gate: Gate, settling: Settling, at: datetime) -> None:
    """Append what a gate says of cells and rows, then hold what of it is held, decisions applied."""
    known = newest(connection, gate.study, gate.wave)
    append(connection, known, settling.verdicts_of(gate, list(known.values())), at)
    standing = list(newest(connection, gate.study, gate.wave).values())
    keep_held(connection, gate.study, f"check-{gate.wave}", settling.held_of(gate, standing))


def _gate(row: Any, run: Sequence[Verdict], decisions: Mapping[tuple[int, str, str, str], Override]) -> Gate:
    gate = Gate(
        study=row.study,
        wave=row.wave,
        stage=row.stage,
        suite_digest=row.suite_digest,
        data_digest=row.data_digest,
        verdicts=tuple(run),
    )
    return _overridden(gate, decisions)


def _overridden(gate: Gate, decisions: Mapping[tuple[int, str, str, str], Override]) -> Gate:
    """Return a gate with the overrides of its verdicts that are about the very same failing rows."""
    verdicts = []
    for verdict in gate.verdicts:
        found = decisions.get((gate.wave, gate.stage, verdict.check, _failing_digest(verdict)))
        verdicts.append(replace(verdict, override=found) if found and verdict.state != "passed" else verdict)
    return replace(gate, verdicts=tuple(verdicts))
