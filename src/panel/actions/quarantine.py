"""What checks hold, and the decisions that release it: every one on record, none of them touching an answer."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import pandas as pd

from panel.actions.releases import settled
from panel.errors import DefinitionError, UnknownKey, Where, printable
from panel.harmonise import CellFault, reader
from panel.model.quarantine import OLDEST_DAYS, Decision, Outcome, RowVerdict, Standing, digest_of
from panel.model.results import Gate, Verdict
from panel.model.study import Study
from panel.ports import Adapters, Settling
from panel.schema import HELD

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """One cell or row that a check failed, as a monitor sees it: by id, without the answer."""

    wave: str
    check: str
    member: str
    variable: str
    state: str
    is_held: bool
    severity: str
    owner: str
    age_days: int
    is_overdue: bool
    has_proposal: bool
    decided_by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingCount:
    """How many cells or rows a check failed in a wave that stand alike: the view that names nobody."""

    wave: str
    check: str
    variable: str
    state: str
    is_held: bool
    severity: str
    owner: str
    count: int
    overdue_count: int
    proposal_count: int
    oldest_days: int


def settling(app: Adapters, study: Study, rows: pd.DataFrame) -> Settling:
    """
    Return what a gate means for single cells and rows: verdicts to append, and what is held, decisions applied.

    A verdict about the same value by the same version of a rule is the one that is there already, so a newer suite
    adds verdicts and leaves decisions as they are; the log says how many are new and how many no longer fail.

    Args:
        app: the adapters.
        study: the study.
        rows: the person-waves of the wave that is judged. Not modified.
    """

    def verdicts_of(gate: Gate, standing: Sequence[Standing]) -> Sequence[RowVerdict]:
        found = [each for verdict in gate.verdicts for each in _row_verdicts(study, gate, verdict, rows)]
        before, now = {each.verdict.subject for each in standing}, {each.subject for each in found}
        counts = (len(now - before), len(before - now))
        log.info("verdicts wave=%s/%d new=%d no_longer=%d", study.key, gate.wave, *counts)
        return found

    return Settling(verdicts_of=verdicts_of, held_of=lambda gate, standing: _held(app, study, gate, standing))


def _row_verdicts(study: Study, gate: Gate, verdict: Verdict, rows: pd.DataFrame) -> Iterator[RowVerdict]:
    if verdict.state != "failed" or not verdict.failing or verdict.override:
        return
    instrument = study.instrument_of(gate.wave)
    columns = [each for each in verdict.columns if instrument.has(each) and each in rows]
    if verdict.action == "hold_row" or not columns:
        columns = [""]
    meant = {(member, wave): str(value) for member, wave, value in verdict.proposed}
    failed = rows[rows["member"].isin({member for member, _ in verdict.failing})]
    members = failed["member"].tolist()
    said = {column: dict(zip(members, failed[column or "response"].tolist(), strict=True)) for column in columns}
    for member, wave in verdict.failing:
        for column in columns:
            yield RowVerdict(
                study=study.key,
                wave=wave,
                member=member,
                variable=column,
                check=verdict.check,
                version=verdict.version,
                severity=verdict.severity,
                owner=verdict.owner,
                action=verdict.action,
                why=verdict.why,
                value_digest=digest_of(member, wave, column, said[column][member]),
                proposed=meant.get((member, wave)),
            )


def _held(app: Adapters, study: Study, gate: Gate, standing: Sequence[Standing]) -> pd.DataFrame:
    """Return what the gate holds and nobody released, and what somebody rejected (schema.HELD)."""
    failing = {(v.check, member, wave) for v in gate.verdicts for member, wave in v.failing}
    known = {each.verdict.key: each for each in standing}
    held = app.held_cells(study, study.instrument_of(gate.wave), gate, pd.DataFrame())
    names = ("wave", "member", "variable", "check")
    keys = [
        (wave, member, "" if pd.isna(variable) else variable, check)
        for wave, member, variable, check in held[list(names)].itertuples(index=False)
    ]
    here = set(keys)
    kept = held[[key not in known or known[key].is_held for key in keys]]
    rejected = [
        dict(zip((*names, "reason"), (*each.verdict.key[:2], each.verdict.variable or None, each.verdict.check,
                                      each.verdict.why), strict=True))
        for key, each in known.items()
        if each.state == "reject" and key not in here and (key[3], key[1], key[0]) in failing
    ]  # fmt: skip
    return pd.concat([kept, HELD.coerce(pd.DataFrame(rejected))], ignore_index=True) if rejected else kept


def waiting(app: Adapters, study_key: str, wave: int | str | None = None, *, check: str | None = None) -> list[Waiting]:
    """Return what checks failed in the newest run of each wave, with decisions; the oldest first."""
    study = app.study(study_key)
    now = app.clock.now()
    found = []
    for each in _current(app, study, None if wave is None else study.wave(wave).number):
        if check in (None, each.verdict.check):
            days = (now - each.since).days
            found.append(
                Waiting(
                    wave=study.wave(each.verdict.wave).key,
                    check=each.verdict.check,
                    member=each.verdict.member,
                    variable=each.verdict.variable,
                    state=each.state,
                    is_held=each.is_held,
                    severity=each.verdict.severity,
                    owner=each.verdict.owner,
                    age_days=days,
                    is_overdue=each.is_held and each.state == "open" and days > OLDEST_DAYS,
                    has_proposal=each.verdict.proposed is not None,
                    decided_by=each.decision.by if each.decision else "",
                    reason=each.decision.reason if each.decision else "",
                )
            )
    return sorted(found, key=lambda each: -each.age_days)


def counted(rows: Sequence[Waiting]) -> list[WaitingCount]:
    """Return `rows` counted by wave, check, variable and how they stand; the oldest first."""
    alike = attrgetter("wave", "check", "variable", "state", "is_held", "severity", "owner")
    groups: dict[tuple[str, ...], list[Waiting]] = {}
    for row in rows:
        groups.setdefault(alike(row), []).append(row)
    found = [_count(group) for group in groups.values()]
    return sorted(found, key=lambda each: (-each.oldest_days, each.wave, each.check, each.variable))


def _count(group: Sequence[Waiting]) -> WaitingCount:
    one = group[0]
    return WaitingCount(
        wave=one.wave,
        check=one.check,
        variable=one.variable,
        state=one.state,
        is_held=one.is_held,
        severity=one.severity,
        owner=one.owner,
        count=len(group),
        overdue_count=sum(each.is_overdue for each in group),
        proposal_count=sum(each.has_proposal for each in group),
        oldest_days=max(each.age_days for each in group),
    )


def _current(app: Adapters, study: Study, wave: int | None) -> list[Standing]:
    failing = {
        (number, member, verdict.check)
        for gate in app.store.gates(study.key, wave)
        if gate.stage == "panel"
        for verdict in gate.verdicts
        for member, number in verdict.failing
    }
    standing = app.store.standing(study.key, wave)
    return [each for each in standing if (each.verdict.wave, each.verdict.member, each.verdict.check) in failing]


def decide(
    app: Adapters,
    study_key: str,
    wave: int | str,
    check: str,
    outcome: Outcome,
    *,
    reason: str,
    members: Sequence[str] = (),
    value: str | None = None,
) -> int:
    """
    Record one decision about every cell or row that a check failed in a wave, or about those of `members`: all or none.

    With `correct` the value is `value`, or where that is None what the check proposes. Figures change when the wave
    is estimated anew. Returns how many were decided about.

    Raises:
        UnknownKey: the check failed nothing there, or not for one of `members`.
        DefinitionError: a row is no cell that could be corrected, nothing is proposed, or the value is none of the
            variable's.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    chosen = [each.verdict for each in _current(app, study, number) if each.verdict.check == check]
    chosen = [each for each in chosen if not members or each.member in members]
    if not chosen or set(members) - {each.member for each in chosen}:
        raise UnknownKey(
            f"Check '{printable(check)}' failed no such cell or row in {study.key}/{study.wave(number).key}.",
            fix=f"panelctl quarantine list {study.key} --wave {study.wave(number).key}",
        )
    values = [_value(study, each, value) if outcome == "correct" else None for each in chosen]
    by, at = getpass.getuser(), app.clock.now()
    app.store.decide(
        (verdict, Decision(outcome=outcome, by=by, reason=reason, at=at, value=decided))
        for verdict, decided in zip(chosen, values, strict=True)
    )
    for gate in app.store.gates(study.key, number):
        if gate.stage == "panel":
            held = _held(app, study, gate, app.store.standing(study.key, number))
            app.store.save_held(study.key, f"check-{number}", HELD.coerce(held))
    settled(app, study, number, f"decided about {check}")
    log.info("decided %s check=%s wave=%s/%d count=%d", outcome, check, study.key, number, len(chosen))
    return len(chosen)


def _value(study: Study, verdict: RowVerdict, given: str | None) -> str:
    text = verdict.proposed if given is None else given
    where = Where(check=verdict.check, column=verdict.variable or None)
    if not verdict.variable or text is None:
        what = "A row cannot be corrected." if not verdict.variable else "The check proposes no value."
        raise DefinitionError(what, where=where, fix="accept or reject it, or give --to VALUE for one cell")
    variable = study.instrument_of(verdict.wave).variable(verdict.variable)
    text = text.removesuffix(".0")
    try:
        reader(variable)(text)
    except CellFault:
        raise DefinitionError("That is no value of the variable.", where=where, fix="see the codebook") from None
    return text
