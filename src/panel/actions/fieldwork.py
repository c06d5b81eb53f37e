"""Move waves through fieldwork: what an event would do, and letting it happen."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import takewhile
from zoneinfo import ZoneInfo

from panel.actions import cases, preload
from panel.actions.set_up import inbox
from panel.actions.sightings import obstructed
from panel.actions.staging import parts
from panel.calendar import faults
from panel.errors import Fault, WaveState
from panel.model.study import Period, Study, Wave
from panel.model.wave import IN_FIELD, NEED_A_REASON, WAVE, Frozen, WaveEvent, after, moved_to, with_fieldwork
from panel.ports import Adapters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveMove:
    """
    What is about to happen to a wave.

    `events` is empty where it is there already. `obstacles` are sentences about what is not as it must be for it.
    """

    study: str
    number: int
    key: str
    events: tuple[str, ...]
    from_state: str
    to_state: str
    reason: str
    fieldwork: Period
    frozen: tuple[Frozen, ...] = ()
    obstacles: tuple[str, ...] = ()
    moves_fieldwork: bool = field(default=False, repr=False)


_THERE_ALREADY = {"open": "open", "close": "closing", "finalise": "closed", "stage": "staged", "pause": "paused"}
_ON_THE_WAY = {("planned", "open"): ("stage", "open"), ("closed", "close"): ("amend",)}
"""Events that a state needs first, or instead: opening stages, and a closed wave is closed again to amend it."""


def prepare(
    app: Adapters,
    study_key: str,
    wave: int | str,
    event: str,
    *,
    reason: str = "",
    start: date | None = None,
    end: date | None = None,
) -> WaveMove:
    """
    Return what an event would do to a wave, changing nothing.

    Opening a planned wave stages it as well; closing a closed one opens its books for late corrections; an event that
    leads where the wave is does nothing.

    Args:
        app: the adapters.
        study_key: key of the study.
        wave: number or key of the wave.
        event: of `panel.model.wave.WAVE`.
        reason: why; obligatory for what departs from the plan.
        start: with `postpone`, the new first day of fieldwork.
        end: with `postpone`, `extend` and `reopen`, the new last day; the calendar closes the wave after it.

    Raises:
        WaveState: the event is not legal in the wave's state, lacks a reason or dates, or they do not fit, also with
            the order of the calendar.
    """
    study = app.study(study_key)
    found = study.wave(wave)
    state = app.store.wave_states(study.key).get(found.number, "planned")
    events = () if _THERE_ALREADY.get(event) == state else _ON_THE_WAY.get((state, event), (event,))
    to = after(state, events)[-1] if events else state
    if event in NEED_A_REASON and not reason.strip():
        raise WaveState(f"To {event} a wave needs a reason on record.", fix='give it: --reason "…"')
    moves = event in ("extend", "postpone", "reopen")
    if moves and end is None:
        raise WaveState(f"To {event} a wave needs its new last day.", fix="give it: --until 2027-12-15")
    if event == "reopen" and end and end < app.clock.now().date():
        raise WaveState(f"Nobody can answer until {end}: it is over.", fix="give a day to come: --until 2027-12-15")
    period = moved_to(study, found.number, start=start, end=end) if moves and end else found.fieldwork
    if moves:
        _keeps_order(study, found, period)
    frozen = parts(app, study, found) if "stage" in events else ()
    return WaveMove(
        study=study.key,
        number=found.number,
        key=found.key,
        events=events,
        from_state=state,
        to_state=to,
        reason=reason or _reason(event, found, _today(app, study)),
        fieldwork=period,
        frozen=frozen,
        obstacles=_obstacles(app, study, found, events),
        moves_fieldwork=moves,
    )


def _today(app: Adapters, study: Study) -> date:
    """Return the day it is where the study is."""
    return app.clock.now().astimezone(ZoneInfo(study.time_zone)).date()


def _keeps_order(study: Study, wave: Wave, period: Period) -> None:
    """Refuse fieldwork with which actions would come in the wrong order; what was wrong before is not its fault."""
    known = faults(study)
    wrong = [each for each in faults(with_fieldwork(study, {wave.number: period})) if each not in known]
    if wrong:
        raise WaveState(
            f"Fieldwork from {period.start} to {period.end} does not fit the calendar.",
            faults=[Fault(each) for each in wrong],
            fix="choose other dates, or change [calendar] in the study file",
        )


def _reason(event: str, wave: Wave, today: date) -> str:
    is_early = event == "close" and today < wave.fieldwork.end
    return f"{WAVE.means[event]} ({'before' if is_early else 'at'} its time)" if event == "close" else WAVE.means[event]


def _obstacles(app: Adapters, study: Study, wave: Wave, events: Sequence[str]) -> tuple[str, ...]:
    """Return why a wave must not open: another is in the field, or what was frozen is no longer the same."""
    if "open" not in events:
        return ()
    states = app.store.wave_states(study.key)
    others = [(each, states.get(each.number)) for each in study.waves if each.number != wave.number]
    found = [f"wave {each.key} is {state}: close it first" for each, state in others if state in IN_FIELD]
    found += [
        f"wave {each.key} is staged: open and close it first, or unstage it"
        for each, state in others
        if state == "staged" and each.number < wave.number
    ]
    if "stage" not in events:
        now = {each.part: each for each in parts(app, study, wave)}
        kept = app.store.staged(study.key, wave.number)
        found += [_changed(each, now.get(each.part)) for each in kept if now.get(each.part) != each]
    return tuple(found)


def _changed(frozen: Frozen, now: Frozen | None) -> str:
    what = f"{frozen.count} when it was staged, {now.count if now else 0} now"
    return f"the {frozen.part} changed since the wave was staged ({what}): unstage it and stage it again"


def carry_out(app: Adapters, move: WaveMove) -> WaveMove:
    """
    Let what was prepared happen, and record who did it and why.

    An obstacle is told to whoever hears of the calendar, so that no wave that is due waits in silence; once there is
    none, that is told too. Before its first day only who asked is answered. Cases are issued before the wave is open:
    cut off in between, it is opened again, and nobody is without a case in a wave that is.

    Raises:
        WaveState: there is an obstacle, or somebody else moved the wave meanwhile.
    """
    study = app.study(move.study)
    is_due = study.wave(move.number).fieldwork.start <= _today(app, study)
    if "open" in move.events and (is_due or not move.obstacles):
        obstructed(app, study, move.number, move.obstacles)
    if move.obstacles:
        raise WaveState(
            f"Wave {move.study}/{move.key} cannot {move.events[-1]}.",
            faults=[Fault(each) for each in move.obstacles],
            fix="see to each, and try again",
        )
    if "finalise" in move.events:
        cases.finalise(app, move.study, move.number)
    if "stage" in move.events:
        preload.freeze(app, study, move.number)
    if move.to_state == "open":
        cases.issue(app, move.study, move.number)
    if move.events:
        app.store.move_wave(
            move.study,
            move.number,
            move.events,
            at=app.clock.now(),
            by=getpass.getuser(),
            reason=move.reason,
            frozen=move.frozen,
            fieldwork=move.fieldwork if move.moves_fieldwork else None,
        )
        log.info("moved wave=%s/%s to=%s events=%s", move.study, move.key, move.to_state, ",".join(move.events))
    return move


def open_wave(app: Adapters, study_key: str, wave: int | str) -> Wave:
    """
    Open a wave for fieldwork, staging it first where it was not; opening an open wave changes nothing.

    Raises:
        WaveState: it is in another state, another wave is in the field, or what was staged has changed.
    """
    return _moved(app, study_key, wave, "open")


def begin_close(app: Adapters, study_key: str, wave: int | str) -> Wave:
    """
    Start closing a wave: late answers are still taken in, nothing else changes hands.

    A close that was cut off, or a closed wave with late corrections, may be closed again.

    Raises:
        WaveState: the wave was never opened.
    """
    return _moved(app, study_key, wave, "close")


def finish_close(app: Adapters, study_key: str, wave: int | str) -> Wave:
    """Mark a closing wave as closed, each of its cases with its outcome."""
    return _moved(app, study_key, wave, "finalise")


def _moved(app: Adapters, study_key: str, wave: int | str, event: str) -> Wave:
    move = carry_out(app, prepare(app, study_key, wave, event))
    return app.study(study_key).wave(move.number)


def history(app: Adapters, study_key: str, wave: int | str) -> Sequence[WaveEvent]:
    """Return what happened to a wave, oldest first."""
    study = app.study(study_key)
    return app.store.wave_events(study.key, study.wave(wave).number)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWave:
    """A wave that is not closed yet and has deliveries; `is_planned` where it was never opened."""

    key: str
    is_planned: bool


def due_waves(app: Adapters, study_key: str) -> tuple[DueWave, ...]:
    """Return the waves still to be closed, in order, up to the first for which nothing has been delivered."""
    study = app.study(study_key)
    states = app.store.wave_states(study.key)
    called_off = [each.number for each in study.waves if states.get(each.number) == "cancelled"]
    waves = [each for each in study.waves if each.number not in called_off]
    delivered = takewhile(lambda wave: _has_deliveries(app, study, wave), waves)
    waiting = (wave for wave in delivered if states.get(wave.number) not in ("closed", "archived"))
    return tuple(
        DueWave(key=wave.key, is_planned=states.get(wave.number, "planned") in ("planned", "staged"))
        for wave in waiting
    )


def _has_deliveries(app: Adapters, study: Study, wave: Wave) -> bool:
    return bool(app.store.deliveries(study.key, wave.number)) or any(inbox(app, study, wave.number).glob("[!.]*"))
