"""What the gate, the intake and the calendar saw, as sightings; and what follows, for the store to keep with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from panel.actions.incidents import Scene, react
from panel.actions.quarantine import Waiting, waiting
from panel.model.action import Entry
from panel.model.incident import Incident, Reaction, Sighting
from panel.model.quarantine import OLDEST_DAYS
from panel.model.results import STAGES, Gate, Stage, Verdict
from panel.model.study import Study, Wave
from panel.model.wave import FIELDED
from panel.ports import Adapters, GateReacting, Reacting

SCHEMA = "S1"
"""The catalogue's entry for the form of a wave: where it fails, everything else about the wave is noise."""
WRONG_ROWS = ("S18", "X1")
"""Entries about whether these are the rows of the wave at all: its size, and that members are who they were."""
OF_WHO_CAME = ("X6", "X7", "X8", "X9", "X10", "X11")
"""Entries that compare who came with who came before: noise where the rows are not those of the wave."""
SUITE, ROWS, REFUSED = "gate:suite", "gate:rows", "intake:refused"
OVERDUE = "quarantine:overdue"
OPENING, ANSWERS, CLOSING = "calendar:opening", "calendar:answers", "calendar:closing"
OBSTRUCTED, NOT_DONE = "calendar:obstructed", "calendar:not_done"
LEFT_OUT = "calendar:left_out"
OPEN_WITHIN = timedelta(days=1)
ANSWERS_WITHIN = timedelta(days=7)
CLOSE_WITHIN = timedelta(days=28)


def scene_of(app: Adapters, study: Study, at: datetime | None = None) -> Scene:
    """Return what reactions in a study need to know."""
    keys = {wave.number: wave.key for wave in study.waves}
    return Scene(routing=app.routing, at=at or app.clock.now(), wave_key=lambda number: keys.get(number, str(number)))


def after_gate(app: Adapters, study: Study, gate: Gate) -> GateReacting:
    """Return what follows from a gate, to be kept in the transaction of its verdicts, overrides applied."""
    scene = scene_of(app, study)
    is_synthetic = _is_synthetic(app, gate.study, gate.wave)
    before = [
        each for each in app.store.gates(gate.study, gate.wave) if STAGES.index(each.stage) < STAGES.index(gate.stage)
    ]

    def follow(kept: Gate, known: Sequence[Incident]) -> Reaction:
        return react(of_gate(kept, before, is_synthetic=is_synthetic), known, scene)

    return follow


def of_gate(gate: Gate, before: Iterable[Gate] = (), *, is_synthetic: bool) -> tuple[Sighting, ...]:
    """
    Return a sighting of each check, and whether suite and rows were there at all.

    Where the form of the wave failed, at this stage or at one before it, everything else about the wave is kept and
    nobody is told; where its rows are not those of the wave, what compares who came is. A later stage never mutes an
    earlier one: it is not judged again before that, so that what it muted would stay unsaid.

    Args:
        gate: the gate, overrides applied.
        before: the newest gates of the wave's earlier stages.
        is_synthetic: whether the wave's answers are.
    """
    failing = [each for judged in (*before, gate) for each in judged.verdicts if _fails(each)]
    own = partial(Sighting, study=gate.study, suite=gate.stage, wave=gate.wave, is_synthetic=is_synthetic)
    rows = own(
        check=ROWS,
        outcome="passed" if gate.verdicts else "failed",
        why="There was nothing to check: no response of this wave stands.",
    )
    checks = [
        own(
            check=verdict.check,
            subgroup=verdict.subgroup,
            outcome=verdict.state if _fails(verdict) else "passed",
            severity="critical" if verdict.state == "broken" or verdict.action == "block_wave" else verdict.severity,
            owner=verdict.owner,
            why=verdict.why,
            checked_count=verdict.checked_count,
            failing_count=verdict.failing_count,
            by=verdict.override.by if verdict.override else "",
            note=f"let pass: {verdict.override.reason}" if verdict.override else "",
            is_muted=_is_muted(verdict, failing),
        )
        for verdict in gate.verdicts
    ]
    return (own(check=SUITE, outcome="passed"), rows, *checks)


def _fails(verdict: Verdict) -> bool:
    return verdict.state != "passed" and verdict.override is None


def _is_muted(verdict: Verdict, failing: Sequence[Verdict]) -> bool:
    """Say whether a verdict is noise beside what fails; what mutes others is not muted by its like."""
    if _stops(verdict, (SCHEMA,)):
        return False
    if any(_stops(each, (SCHEMA,)) for each in failing):
        return True
    return verdict.catalogue in OF_WHO_CAME and any(_stops(each, WRONG_ROWS) for each in failing)


def _stops(verdict: Verdict, entries: Sequence[str]) -> bool:
    is_severe = verdict.severity == "critical" or verdict.action == "block_wave"
    return verdict.catalogue in entries and is_severe


def _is_synthetic(app: Adapters, study: str, wave: int) -> bool:
    return any(each.is_synthetic for each in app.store.deliveries(study, wave))


def suite_failed(app: Adapters, study: Study, wave: int, stage: Stage) -> None:
    """Open an incident about a suite that could not be used: without it nothing was checked."""
    seen = Sighting(
        study=study.key,
        suite=stage,
        check=SUITE,
        wave=wave,
        outcome="broken",
        why="The suite of checks could not be used, so nothing was checked. `panelctl checks lint` names the faults.",
        is_synthetic=_is_synthetic(app, study.key, wave),
    )
    app.store.react(study.key, _following([seen], scene_of(app, study)))


def obstructed(app: Adapters, study: Study, wave: int, obstacles: Sequence[str]) -> None:
    """Open an incident about what keeps a wave from opening, or resolve it where nothing does."""
    seen = Sighting(
        study=study.key,
        suite="calendar",
        check=OBSTRUCTED,
        wave=wave,
        outcome="failed" if obstacles else "passed",
        why="A wave could not be opened: what it needs is not as it was staged, or an earlier wave is in the field.",
        checked_count=len(obstacles),
        failing_count=len(obstacles),
    )
    app.store.react(study.key, _following([seen], scene_of(app, study)))


def of_action(entry: Entry, scene: Scene, *, is_failing: bool, told: str = "") -> Reacting:
    """Return what follows from an action of the calendar that could not be done in time, or now was; `told` is why."""
    cause = f": {told}" if told else ""
    seen = Sighting(
        study=entry.study,
        suite="calendar",
        check=NOT_DONE,
        subgroup=entry.kind,
        wave=entry.wave,
        outcome="failed" if is_failing else "passed",
        why=f"An action of the calendar could not be done{cause}. `panelctl actions list` says which and why; "
        "what comes after it in the wave waits.",
        checked_count=1,
        failing_count=int(is_failing),
    )
    return _following([seen], scene)


def of_intake(app: Adapters, study: Study, wave: int, *, outcome: str) -> Reacting:
    """Return what follows from a delivery that was taken in or refused."""
    seen = Sighting(
        study=study.key,
        suite="intake",
        check=REFUSED,
        wave=wave,
        outcome=outcome,  # type: ignore[arg-type]
        why="A delivery could not be taken in. Its bytes are kept; `panelctl collect` says what is wrong with it.",
        is_synthetic=_is_synthetic(app, study.key, wave),
    )
    return _following([seen], scene_of(app, study))


def _following(sightings: Iterable[Sighting], scene: Scene) -> Reacting:
    return lambda known: react(sightings, known, scene)


def overdue(app: Adapters, study: Study, known: Iterable[Incident]) -> tuple[Sighting, ...]:
    """
    Return, for each owner, whether something that a check holds has waited for a decision for too long.

    Args:
        app: the adapters.
        study: the study.
        known: its incidents; an owner with one about this who has nothing overdue is seen to pass.
    """
    late = [each for each in waiting(app, study.key) if each.is_overdue]
    owners = {each.owner for each in late} | {each.subgroup for each in known if each.check == OVERDUE}
    return tuple(_overdue(app, study, owner, [row for row in late if row.owner == owner]) for owner in sorted(owners))


def _overdue(app: Adapters, study: Study, owner: str, late: Sequence[Waiting]) -> Sighting:
    numbers = [study.wave(each.wave).number for each in late]
    return Sighting(
        study=study.key,
        suite="quarantine",
        check=OVERDUE,
        subgroup=owner,
        owner=owner,
        severity="warning",
        wave=max(numbers, default=len(study.waves)),
        outcome="failed" if late else "passed",
        why=f"Held for more than {OLDEST_DAYS} days without a decision: panelctl quarantine list --held.",
        checked_count=len(late),
        failing_count=len(late),
        is_synthetic=any(_is_synthetic(app, study.key, number) for number in sorted(set(numbers))),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """Something that should have happened to some wave by a moment, and whether it did."""

    check: str
    wave: int
    by: datetime
    is_done: bool


def calendar(app: Adapters, study: Study, now: datetime) -> tuple[Sighting, ...]:
    """
    Return what the wave calendar says of runs that should have happened: the dead-man's switch.

    A wave opens within a day of its fieldwork's start, has answers within a week, and is closed within four weeks of
    its end. What fell due before the study was loaded here is nobody's omission.
    """
    since = app.store.loaded_at(study.key)
    states = app.store.wave_states(study.key)
    expected = [each for wave in study.waves for each in _expected(app, study, wave, states.get(wave.number, ""))]
    return tuple(
        _missed([each for each in expected if each.check == check and since < each.by <= now], study, check, why)
        for check, why in _MISSED.items()
    )


_MISSED = {
    OPENING: "A wave should be in the field and was never opened.",
    ANSWERS: "A wave has been in the field for a week and nothing was delivered.",
    CLOSING: "Fieldwork ended four weeks ago and the wave is not closed.",
}


def _missed(due: Sequence[Expected], study: Study, check: str, why: str) -> Sighting:
    late = [each for each in due if not each.is_done]
    return Sighting(
        study=study.key,
        suite="calendar",
        check=check,
        wave=late[0].wave if late else max((each.wave for each in due), default=len(study.waves)),
        outcome="failed" if late else "passed",
        why=why,
        checked_count=len(due),
        failing_count=len(late),
    )


def _expected(app: Adapters, study: Study, wave: Wave, state: str) -> tuple[Expected, ...]:
    zone = ZoneInfo(study.time_zone)
    first, last = (
        datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        for day in (wave.fieldwork.start, wave.fieldwork.end + timedelta(days=1))
    )
    is_off = state == "cancelled"
    was_opened = is_off or state in FIELDED
    has_answers = not was_opened or is_off or bool(app.store.deliveries(study.key, wave.number))
    is_closed = is_off or not was_opened or state in ("closed", "archived")
    return (
        Expected(check=OPENING, wave=wave.number, by=first + OPEN_WITHIN, is_done=was_opened),
        Expected(check=ANSWERS, wave=wave.number, by=first + ANSWERS_WITHIN, is_done=has_answers),
        Expected(check=CLOSING, wave=wave.number, by=last + CLOSE_WITHIN, is_done=is_closed),
    )
