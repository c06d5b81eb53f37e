"""Open and close waves, and say where they stand."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass
from itertools import takewhile

from panel.actions import cases
from panel.actions.set_up import inbox
from panel.model.people import INTERVIEWED, WaveStatus
from panel.model.study import Study, Wave
from panel.ports import Adapters

log = logging.getLogger(__name__)


def open_wave(app: Adapters, study_key: str, wave: int | str) -> Wave:
    """
    Open a planned wave for fieldwork; opening an open wave changes nothing.

    Raises:
        WaveState: the wave is closing or closed.
    """
    study = app.study(study_key)
    found = study.wave(wave)
    _move(app, study, found, expected=("planned", "open"), to="open", reason="opened")
    cases.issue(app, study.key, found.number)
    return found


def begin_close(app: Adapters, study_key: str, wave: int | str) -> Wave:
    """
    Start closing a wave: late answers are still taken in, nothing else changes hands.

    A close that was cut off, or a closed wave with late corrections, may be closed again.

    Raises:
        WaveState: the wave was never opened.
    """
    study = app.study(study_key)
    found = study.wave(wave)
    _move(app, study, found, expected=("open", "closing", "closed"), to="closing", reason="closing")
    return found


def finish_close(app: Adapters, study_key: str, wave: int | str) -> Wave:
    """Mark a closing wave as closed, each of its cases with its outcome."""
    study = app.study(study_key)
    found = study.wave(wave)
    cases.finalise(app, study.key, found.number)
    _move(app, study, found, expected=("closing", "closed"), to="closed", reason="closed and released")
    return found


def _move(app: Adapters, study: Study, wave: Wave, *, expected: tuple[str, ...], to: str, reason: str) -> None:
    app.store.move_wave(study.key, wave.number, expected=expected, to=to, at=app.clock.now(), reason=reason)
    log.info("moved wave=%s/%s to=%s", study.key, wave.key, to)


def wave_status(app: Adapters, study_key: str) -> tuple[WaveStatus, ...]:
    """Return where every wave of a study stands, planned ones included."""
    study = app.study(study_key)
    states = app.store.wave_states(study.key)
    tracking = app.store.tracking(study.key)
    released = {release.wave: release.key for release in app.store.releases(study.key)}
    members = Counter(tracking.loc[~tracking["disposition"].isin(["not_yet"]), "wave"].tolist())
    interviewed = Counter(tracking.loc[tracking["disposition"].isin(INTERVIEWED), "wave"].tolist())
    return tuple(
        _status(app, study, wave, states.get(wave.number, "planned"), members, interviewed, released)
        for wave in study.waves
    )


def _status(
    app: Adapters,
    study: Study,
    wave: Wave,
    state: str,
    members: Counter[int],
    interviewed: Counter[int],
    released: dict[int, str],
) -> WaveStatus:
    held = app.store.held(study.key, wave.number)
    return WaveStatus(
        study=study.key,
        number=wave.number,
        key=wave.key,
        state=state,
        fieldwork=f"{wave.fieldwork.start:%Y-%m-%d} – {wave.fieldwork.end:%Y-%m-%d}",
        members=members[wave.number],
        interviewed=interviewed[wave.number],
        deliveries=len(app.store.deliveries(study.key, wave.number)),
        rows_held=int(held["variable"].isna().sum()),
        cells_held=int(held["variable"].notna().sum()),
        released=released.get(wave.number),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DueWave:
    """A wave that is not closed yet and has deliveries; `is_planned` where it was never opened."""

    key: str
    is_planned: bool


def due_waves(app: Adapters, study_key: str) -> tuple[DueWave, ...]:
    """Return the waves still to be closed, in order, up to the first for which nothing has been delivered."""
    study = app.study(study_key)
    states = app.store.wave_states(study.key)
    delivered = takewhile(lambda wave: _has_deliveries(app, study, wave), study.waves)
    waiting = (wave for wave in delivered if states.get(wave.number) != "closed")
    return tuple(DueWave(key=wave.key, is_planned=wave.number not in states) for wave in waiting)


def _has_deliveries(app: Adapters, study: Study, wave: Wave) -> bool:
    return bool(app.store.deliveries(study.key, wave.number)) or any(inbox(app, study, wave.number).glob("[!.]*"))
