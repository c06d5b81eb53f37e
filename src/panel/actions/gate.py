"""The gate: suites judge a stage of a wave, and a critical failure stops the flow."""

from __future__ import annotations

import getpass
import hashlib
import logging
from dataclasses import replace

from panel.actions.fold import Facts, current_responses
from panel.actions.quarantine import settling
from panel.actions.releases import judged
from panel.actions.sightings import after_gate, suite_failed
from panel.errors import CheckFailed, DefinitionError, Fault, UnknownKey, Where, did_you_mean
from panel.model.people import INTERVIEWED
from panel.model.results import Gate, Override, Stage, Verdict
from panel.model.study import Study
from panel.ports import Adapters

log = logging.getLogger(__name__)


def check(app: Adapters, study_key: str, wave: int | str, stage: Stage) -> Gate:
    """
    Judge a stage of a wave, record every verdict, and refuse to go on when a critical one fails.

    Earlier waves whose data have changed since they were judged, by a late correction or a fact settled since, are
    judged again first: the panel's gates never speak of older data. At stage `panel` the cells that a verdict holds
    are set aside as well: they are missing, with the reason invalid, in every later step.

    Raises:
        CheckFailed: a critical check failed, or any check could not run, and nobody has overridden it.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    facts = Facts(app, study)
    for earlier in _stale_waves(app, study, number, stage, facts):
        _open(study, _judge(app, study, earlier, stage, facts))
    gate = _judge(app, study, number, stage, facts)
    judged(app, study, gate)
    return _open(study, gate)


def _stale_waves(app: Adapters, study: Study, before: int, stage: Stage, facts: Facts) -> list[int]:
    judged = {gate.wave: gate.data_digest for gate in app.store.gates(study.key) if gate.stage == stage}
    return sorted(
        wave
        for wave, digest in judged.items()
        if wave < before and digest != _data_digest(app, study, wave, stage, facts)
    )


def _data_digest(app: Adapters, study: Study, wave: int, stage: Stage, facts: Facts) -> str:
    """Return a hash of what a stage of a wave is judged on, reading no answers but immutable facts."""
    if stage == "panel":
        digest = app.store.person_waves_digest(study.key, _up_to(study, wave))
        return hashlib.sha256(f"{digest}\n{facts.differing(wave)}".encode()).hexdigest()
    index = app.store.response_index(study.key)
    responses = sorted(index.loc[index["wave"] == wave, "response"])
    return hashlib.sha256("\n".join(responses).encode()).hexdigest()


def _up_to(study: Study, wave: int) -> list[int]:
    return [each.number for each in study.waves if each.number <= wave]


def _open(study: Study, gate: Gate) -> Gate:
    log.info(
        "checked wave=%s/%d stage=%s checks=%d failed=%d blocking=%d",
        *(study.key, gate.wave, gate.stage, len(gate.verdicts)),
        *(sum(verdict.state != "passed" for verdict in gate.verdicts), len(gate.blocking)),
    )
    if not gate.is_open:
        raise _refusal(study, gate.wave, gate)
    return gate


def _judge(app: Adapters, study: Study, wave: int, stage: Stage, facts: Facts) -> Gate:
    instrument = study.instrument_of(wave)
    if stage == "responses":
        frame = current_responses(app, study, wave)
        frame = frame[frame["disposition"].isin(INTERVIEWED)].reset_index(drop=True)
    else:
        frame = app.store.person_waves(study.key, _up_to(study, wave))
    try:
        found = app.checker.check(study, instrument, wave, stage, frame, facts.known if stage == "panel" else None)
    except DefinitionError:
        suite_failed(app, study, wave, stage)
        raise
    gate = replace(found, data_digest=_data_digest(app, study, wave, stage, facts))
    settles = settling(app, study, frame[frame["wave"] == wave]) if stage == "panel" else None
    app.store.save_gate(gate, app.clock.now(), settling=settles, reaction_of=after_gate(app, study, gate))
    return next(kept for kept in app.store.gates(study.key, wave) if kept.stage == stage)


def override(app: Adapters, study_key: str, wave: int | str, stage: Stage, check: str, *, reason: str) -> Verdict:
    """
    Record the decision to let one failed check pass, with its reason; it is shown in the release.

    Raises:
        UnknownKey: the stage was not checked, or has no such failed check.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    failed = {
        verdict.check: verdict
        for gate in app.store.gates(study.key, number)
        if gate.stage == stage
        for verdict in gate.verdicts
        if verdict.state != "passed"
    }
    if check not in failed:
        raise UnknownKey(
            f"No failed check '{check}' at stage {stage} of {study.key}/{study.wave(number).key}.",
            fix=did_you_mean(check, failed) or "run `panelctl check` first; only a failed check can be overridden",
        )
    decision = Override(by=getpass.getuser(), reason=reason, at=app.clock.now())
    app.store.override(study.key, number, stage, check, decision)
    log.warning("overrode check=%s wave=%s/%d stage=%s", check, study.key, number, stage)
    return failed[check].overridden(decision)


def _refusal(study: Study, wave: int, gate: Gate) -> CheckFailed:
    key = study.wave(wave).key
    if not gate.verdicts:
        return CheckFailed(
            f"Nothing was checked at stage {gate.stage} of {study.key}/{key}.",
            fix="collect a delivery, then close again",
        )
    return CheckFailed(
        f"{len(gate.blocking)} critical checks stop {study.key}/{key} at stage {gate.stage}.",
        faults=[_fault(verdict) for verdict in gate.blocking],
        fix="correct the delivery and collect it again, or let one pass on record: "
        f"panelctl check {study.key} {key} --stage {gate.stage} --override CHECK --reason '…'",
    )


def _fault(verdict: Verdict) -> Fault:
    members = ", ".join(member for member, _ in verdict.failing[:3])
    more = f" (members {members}{', …' if len(verdict.failing) > 3 else ''})" if members else ""
    state = "could not run" if verdict.state == "broken" else f"failed for {verdict.failing_count} rows{more}"
    return Fault(f"{state}: {verdict.why}", Where(check=verdict.check))
