"""Where releases stand: the one of each wave that is in the making, and what becomes of those that were made."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from panel.errors import ReleaseState, UnknownKey, did_you_mean, printable
from panel.model.release import MADE, RELEASE, ReleaseEvent, after
from panel.model.results import Gate, ReleaseRecord
from panel.model.study import Study
from panel.ports import Adapters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseStanding:
    """Where one release stands: in the making, published, superseded or retracted; since when, by whom, why."""

    release: str
    wave: str
    state: str
    since: datetime
    by: str
    reason: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraction:
    """A release that is to be retracted; `successor` is the published release of its wave, if there is another."""

    record: ReleaseRecord
    from_state: str
    reason: str
    successor: str


def next_key(app: Adapters, study: Study, wave: int) -> str:
    """Return the key of the release of a wave that is in the making: the number after those that were made."""
    made = sum(each.wave == wave for each in app.store.releases(study.key))
    return f"{study.wave(wave).key}.{made + 1}"


def state_of(app: Adapters, study: Study, key: str) -> str:
    """Return the state of a release, the first one where nothing happened to it yet."""
    return app.store.release_states(study.key).get(key, RELEASE.initial)


def need(app: Adapters, study: Study, wave: int, event: str) -> None:
    """
    Refuse a step that is not legal for the release in the making, before any work is done for it.

    Raises:
        ReleaseState: says why, and what is legal.
    """
    key = next_key(app, study, wave)
    after(key, state_of(app, study, key), event)


def advance(app: Adapters, study: Study, wave: int, event: str, reason: str = "") -> str:
    """Let an event happen to the release of a wave that is in the making, on record; return its state."""
    return app.store.move_release(
        study.key, next_key(app, study, wave), wave, event, at=app.clock.now(), by=getpass.getuser(), reason=reason
    )


def judged(app: Adapters, study: Study, gate: Gate) -> None:
    """Say on record what a gate means for the release in the making: held, or with both gates open validated."""
    if not gate.is_open:
        advance(app, study, gate.wave, "hold", f"stage {gate.stage}: {len(gate.blocking)} checks block")
    elif {each.stage for each in app.store.gates(study.key, gate.wave) if each.is_open} == {"responses", "panel"}:
        advance(app, study, gate.wave, "validate")


def changed(app: Adapters, study: Study, wave: int, reason: str) -> None:
    """Send releases in the making back to the start, of a wave and of every later one: each publishes all before it."""
    _back(app, study, wave, "ingest", ("held", "validated", "weighted", "estimated", "reviewed"), reason)


def settled(app: Adapters, study: Study, wave: int, reason: str) -> None:
    """Ask for weights and figures anew of releases in the making, of a wave and of every later one."""
    _back(app, study, wave, "validate", ("weighted", "estimated", "reviewed"), reason)


def _back(app: Adapters, study: Study, wave: int, event: str, states: Sequence[str], reason: str) -> None:
    for each in study.waves:
        if each.number >= wave and state_of(app, study, next_key(app, study, each.number)) in states:
            advance(app, study, each.number, event, reason)


def standing(app: Adapters, study_key: str) -> tuple[ReleaseStanding, ...]:
    """Return where every release of a study stands that anything happened to, by wave and number."""
    study = app.study(study_key)
    digests = {each.key: each.digest for each in app.store.releases(study.key)}
    found = []
    for key in app.store.release_states(study.key):
        last = app.store.release_events(study.key, key)[-1]
        found.append(
            ReleaseStanding(
                release=key,
                wave=_wave_of(key),
                state=last.to_state,
                since=last.at,
                by=last.by,
                reason=last.reason,
                digest=digests.get(key, ""),
            )
        )
    return tuple(sorted(found, key=lambda each: (study.wave(each.wave).number, _number_of(each.release))))


def _wave_of(key: str) -> str:
    return key.rpartition(".")[0]


def _number_of(key: str) -> int:
    return int(key.rpartition(".")[2])


def history(app: Adapters, study_key: str, key: str) -> Sequence[ReleaseEvent]:
    """
    Return what happened to a release, oldest first.

    Raises:
        UnknownKey: nothing did.
    """
    study = app.study(study_key)
    events = app.store.release_events(study.key, key)
    if not events:
        known = app.store.release_states(study.key)
        fix = did_you_mean(key, known) or f"panelctl releases {study.key}"
        raise UnknownKey(f"Study '{study.key}' has no release '{printable(key)}'.", fix=fix)
    return events


def prepare_retraction(app: Adapters, study_key: str, key: str, *, reason: str) -> Retraction:
    """
    Return what retracting a release would do, changing nothing.

    Raises:
        UnknownKey: there is no such release.
        ReleaseState: it is still in the making, is retracted already, or no reason is given.
    """
    study = app.study(study_key)
    from_state = history(app, study.key, key)[-1].to_state
    after(key, from_state, "retract")
    if not reason.strip():
        raise ReleaseState("To retract a release needs a reason on record.", fix='give it: --reason "…"')
    made = {each.key: each for each in app.store.releases(study.key)}
    states = app.store.release_states(study.key)
    same = [each for each in made.values() if each.wave == made[key].wave and each.key != key]
    successor = next((each.key for each in same if states[each.key] == "published"), "")
    return Retraction(record=made[key], from_state=from_state, reason=reason.strip(), successor=successor)


def retract(app: Adapters, planned: Retraction) -> Retraction:
    """
    Retract a release: nobody is given it any more, and a notice beside its folder says why. The folder stays as it is.

    Raises:
        ReleaseState: somebody else has retracted it meanwhile.
    """
    record = planned.record
    instead = f" Use {planned.successor} instead." if planned.successor else ""
    notice = f"Release {record.study} {record.key} was retracted: {planned.reason}{instead}"
    app.publisher.retract(Path(record.path), notice)
    app.store.move_release(
        record.study, record.key, record.wave, "retract",
        at=app.clock.now(), by=getpass.getuser(), reason=planned.reason,
    )  # fmt: skip
    log.warning("retracted release=%s/%s", record.study, record.key)
    return planned


def made_of(app: Adapters, study: Study, wave: int, state: str) -> list[ReleaseRecord]:
    """Return the releases of a wave that were made and are in a state, oldest first."""
    if state not in MADE:
        raise ValueError(f"'{state}' is no state of a release that was made")
    states = app.store.release_states(study.key)
    return [each for each in app.store.releases(study.key) if each.wave == wave and states[each.key] == state]
