"""How good a wave is: every check by count, what changed since it was judged before, and failing rows by id."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from panel.actions.permissions import see_members
from panel.actions.quarantine import waiting
from panel.errors import UnknownKey, did_you_mean, printable
from panel.model.results import RANKS, Gate, Verdict
from panel.ports import Adapters

log = logging.getLogger(__name__)
_FIRST = {"broken": 0, "failed": 1, "passed": 2}


@dataclass(frozen=True, slots=True, kw_only=True)
class StageQuality:
    """One stage of one wave: how many checks said what, and what is held and waits."""

    wave: str
    stage: str
    checks: int
    passed: int
    failed: int
    broken: int
    blocking: int
    is_open: bool
    held: int
    undecided: int
    overdue: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckQuality:
    """One check of one wave."""

    stage: str
    check: str
    catalogue: str
    state: str
    severity: str
    action: str
    owner: str
    checked_count: int
    failing_count: int
    overridden_by: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckChange:
    """What another run of the suites says otherwise than the run before; "" where a check was not in a run."""

    stage: str
    check: str
    state_before: str
    state: str
    version_before: int | None
    version: int | None
    failing_before: int
    failing: int
    new_count: int
    no_longer_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingRow:
    """A row that a check failed, by id."""

    member: str
    wave: str
    check: str


def overview(app: Adapters, study_key: str) -> list[StageQuality]:
    """Return a row for every stage of every wave that was judged."""
    study = app.study(study_key)
    rows = waiting(app, study.key)
    found = []
    for gate in app.store.gates(study.key):
        key = study.wave(gate.wave).key
        mine = [each for each in rows if each.wave == key and gate.stage == "panel"]
        states = [verdict.state for verdict in gate.verdicts]
        found.append(
            StageQuality(
                wave=key,
                stage=gate.stage,
                checks=len(states),
                passed=states.count("passed"),
                failed=states.count("failed"),
                broken=states.count("broken"),
                blocking=len(gate.blocking),
                is_open=gate.is_open,
                held=sum(each.is_held for each in mine),
                undecided=sum(each.is_held and each.state == "open" for each in mine),
                overdue=sum(each.is_overdue for each in mine),
            )
        )
    return found


def of_wave(app: Adapters, study_key: str, wave: int | str) -> list[CheckQuality]:
    """Return every check of a wave: those that could not run first, then those that failed, by severity."""
    found = [
        CheckQuality(
            stage=gate.stage,
            check=verdict.check,
            catalogue=verdict.catalogue,
            state=verdict.state,
            severity=verdict.severity,
            action=verdict.action,
            owner=verdict.owner,
            checked_count=verdict.checked_count,
            failing_count=verdict.failing_count,
            overridden_by=verdict.override.by if verdict.override else "",
            why=verdict.why,
        )
        for gate in _gates(app, study_key, wave)
        for verdict in gate.verdicts
    ]
    return sorted(found, key=lambda each: (_FIRST[each.state], -RANKS[each.severity], each.stage, each.check))


def changes(app: Adapters, study_key: str, wave: int | str) -> list[CheckChange]:
    """Return what the last run of a wave's suites says otherwise than the run before it; nothing after a first run."""
    study = app.study(study_key)
    found: list[CheckChange] = []
    for gate in _gates(app, study_key, wave):
        before = app.store.gate_before(study.key, gate.wave, gate.stage)
        if before is not None:
            found += _changes(gate, before)
    return found


def _changes(gate: Gate, before: Gate) -> list[CheckChange]:
    old, new = ({verdict.check: verdict for verdict in each.verdicts} for each in (before, gate))
    made = [_change(gate.stage, check, old.get(check), new.get(check)) for check in dict.fromkeys([*new, *old])]
    return [each for each in made if each]


def _change(stage: str, check: str, old: Verdict | None, new: Verdict | None) -> CheckChange | None:
    before, now = (set(each.failing) if each else set() for each in (old, new))
    said = [(each.state, each.version, each.failing_count) if each else ("", None, 0) for each in (old, new)]
    if said[0] == said[1] and before == now:
        return None
    return CheckChange(
        stage=stage,
        check=check,
        state_before=said[0][0],
        state=said[1][0],
        version_before=said[0][1],
        version=said[1][1],
        failing_before=said[0][2],
        failing=said[1][2],
        new_count=len(now - before),
        no_longer_count=len(before - now),
    )


def failing_rows(app: Adapters, study_key: str, wave: int | str, check: str) -> list[FailingRow]:
    """
    Return the rows that a check failed in a wave, by id and without answers; who looked is in the log.

    Raises:
        DisclosureRefused: who asks was not given the permission to see members.
        UnknownKey: the wave has no such check.
    """
    see_members(app, "failing rows")
    study = app.study(study_key)
    verdicts = {verdict.check: verdict for gate in _gates(app, study_key, wave) for verdict in gate.verdicts}
    if check not in verdicts:
        raise UnknownKey(
            f"Check '{printable(check)}' was not judged in {study.key}/{study.wave(wave).key}.",
            fix=did_you_mean(check, verdicts) or f"panelctl quality show {study.key} {study.wave(wave).key}",
        )
    failing = verdicts[check].failing
    log.info("failing rows check=%s wave=%s/%s count=%d", check, study.key, wave, len(failing))
    return [FailingRow(member=member, wave=study.wave(number).key, check=check) for member, number in failing]


def report(app: Adapters, study_key: str, wave: int | str) -> Mapping[str, str]:
    """Return the quality report of a wave by file name, in either language."""
    study = app.study(study_key)
    number = study.wave(wave).number
    synthetic = any(delivery.is_synthetic for delivery in app.store.deliveries(study.key))
    gates = _gates(app, study_key, wave)
    return app.publisher.quality(study, number, gates, app.store.held(study.key, number), is_synthetic=synthetic)


def _gates(app: Adapters, study_key: str, wave: int | str) -> Sequence[Gate]:
    study = app.study(study_key)
    number = study.wave(wave).number
    gates = app.store.gates(study.key, number)
    if not gates:
        raise UnknownKey(
            f"Wave {study.key}/{study.wave(number).key} was not judged yet.",
            fix=f"panelctl check {study.key} {study.wave(number).key}",
        )
    return gates
