"""The gate: suites judge a stage of a wave, and a critical failure stops the flow."""

from __future__ import annotations

import getpass
import logging

from panel.actions.fold import current_responses
from panel.errors import CheckFailed, Fault, UnknownKey, Where, did_you_mean
from panel.model.results import Gate, Override, Stage, Verdict
from panel.model.study import Study
from panel.ports import Adapters

log = logging.getLogger(__name__)


def check(app: Adapters, study_key: str, wave: int | str, stage: Stage) -> Gate:
    """
    Judge a stage of a wave, record every verdict, and refuse to go on when a critical one fails.

    At stage `panel` the cells that a verdict holds are set aside as well: they are missing, with the reason invalid,
    in every later step.

    Raises:
        CheckFailed: a critical check failed, or any check could not run, and nobody has overridden it.
    """
    study = app.study(study_key)
    number = study.wave(wave).number
    gate = _judge(app, study, number, stage)
    log.info(
        "checked wave=%s/%d stage=%s checks=%d failed=%d blocking=%d",
        *(study.key, number, stage, len(gate.verdicts)),
        *(sum(verdict.state != "passed" for verdict in gate.verdicts), len(gate.blocking)),
    )
    if not gate.is_open:
        raise _refusal(study, number, gate)
    return gate


def _judge(app: Adapters, study: Study, wave: int, stage: Stage) -> Gate:
    instrument = study.instrument_of(wave)
    if stage == "responses":
        frame = current_responses(app, study, wave)
        frame = frame[frame["disposition"].isin(["complete", "partial"])].reset_index(drop=True)
    else:
        frame = app.store.person_waves(study.key, [each.number for each in study.waves if each.number <= wave])
    gate = app.checker.check(study, instrument, wave, stage, frame)
    app.store.save_gate(gate, app.clock.now())
    if stage == "panel":
        app.store.save_held(study.key, f"check-{wave}", app.held_cells(study, instrument, gate, frame))
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
            f"Nothing was checked at stage {gate.stage} of {study.key}/{key}.", fix="collect a delivery, then close again"
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
