"""What a monitor does with incidents: look, take on, silence, hand over, call over, and try a target."""

from __future__ import annotations

import getpass
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from panel.actions.delivery import answers_again
from panel.actions.incidents import by_hand
from panel.actions.sightings import scene_of
from panel.errors import DefinitionError, DeliveryFailed, UnknownKey, did_you_mean, printable
from panel.model.incident import LONGEST_SILENCE, Event, Incident, IncidentEvent, Message, Posted
from panel.model.results import RANKS
from panel.ports import Adapters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One incident as a monitor sees it in a list; `age_hours` is since it opened."""

    incident: str
    study: str
    suite: str
    check: str
    subgroup: str
    wave: str
    severity: str
    state: str
    owner: str
    age_hours: float
    occurrences: int
    failing_count: int
    checked_count: int
    until: datetime | None
    by: str
    is_muted: bool
    is_synthetic: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Everything kept of one incident: as it stands, its history, and what became of every message about it."""

    alert: Alert
    note: str
    failing_waves: tuple[str, ...]
    opened_at: datetime
    resolved_at: datetime | None
    events: tuple[IncidentEvent, ...]
    posted: tuple[Posted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What a check said of one wave when it was judged last."""

    wave: str
    suite: str
    state: str
    severity: str
    checked_count: int
    failing_count: int
    override: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """A target that took a test message in."""

    target: str
    kind: str
    incident: str


def alerts(app: Adapters, study_key: str | None = None) -> list[Alert]:
    """Return every incident, resolved ones last; the rest by severity, the oldest first."""
    if study_key is not None:
        app.study(study_key)
    found = sorted(
        app.store.incidents(study_key),
        key=lambda each: (each.is_over, -RANKS[each.severity], each.opened_at, each.id),
    )
    return [_alert(app, each) for each in found]


def _alert(app: Adapters, incident: Incident) -> Alert:
    names = ("study", "suite", "check", "subgroup", "severity", "state", "owner", "occurrences", "failing_count")
    more = ("checked_count", "until", "by", "is_muted", "is_synthetic", "why")
    return Alert(
        incident=incident.id,
        wave=_wave_key(app, incident.study, incident.wave),
        age_hours=max(round((app.clock.now() - incident.opened_at).total_seconds() / 3600, 1), 0.0),
        **{name: getattr(incident, name) for name in (*names, *more)},
    )


def _wave_key(app: Adapters, study: str, wave: int) -> str:
    return scene_of(app, app.study(study)).wave_key(wave)


def account(app: Adapters, key: str) -> Account:
    """Return everything kept of an incident, or raise UnknownKey."""
    incident = app.store.incident(key)
    return Account(
        alert=_alert(app, incident),
        note=incident.note,
        failing_waves=tuple(_wave_key(app, incident.study, each) for each in incident.failing_waves),
        opened_at=incident.opened_at,
        resolved_at=incident.resolved_at,
        events=tuple(app.store.incident_events(key)),
        posted=tuple(app.store.posted(key)),
    )


def acknowledge(app: Adapters, key: str, *, note: str, days: int = 7) -> Incident:
    """
    Take an incident on, for so many days; its targets hear nothing more of it unless it worsens.

    Raises:
        UnknownKey: there is none of this id.
        IncidentState: it is resolved.
    """
    return _do(app, key, "acknowledge", note=note, until=app.clock.now() + _days(days))


def silence(app: Adapters, key: str, *, until: datetime, reason: str) -> Incident:
    """
    Let nobody hear of an incident before a moment, whatever happens to it.

    Raises:
        DefinitionError: the moment has passed, is more than 90 days away, or there is no reason.
        UnknownKey: there is none of this id.
        IncidentState: it is resolved.
    """
    now = app.clock.now()
    if not reason.strip():
        raise DefinitionError("A silence needs a reason.", fix="say why nobody should hear of it until then")
    if not now < until <= now + LONGEST_SILENCE:
        raise DefinitionError(
            f"A silence ends at most {LONGEST_SILENCE.days} days from now, and not in the past.",
            fix=f"name a day from {now + timedelta(days=1):%Y-%m-%d} to {now + LONGEST_SILENCE:%Y-%m-%d}",
        )
    return _do(app, key, "silence", note=reason, until=until)


def _days(days: int) -> timedelta:
    if not 1 <= days <= LONGEST_SILENCE.days:
        raise DefinitionError("That is no number of days.", fix=f"give 1 to {LONGEST_SILENCE.days}")
    return timedelta(days=days)


def assign(app: Adapters, key: str, *, owner: str, note: str = "") -> Incident:
    """Give an incident another owner, whose targets hear of it; raises as `acknowledge`."""
    return _do(app, key, "assign", note=note, owner=owner)


def resolve(app: Adapters, key: str, *, note: str) -> Incident:
    """Call an incident over; it reopens when its check fails again within a week. Raises as `acknowledge`."""
    return _do(app, key, "resolve", note=note)


def _do(
    app: Adapters, key: str, event: Event, *, note: str, until: datetime | None = None, owner: str | None = None
) -> Incident:
    study = app.store.incident(key).study
    scene = scene_of(app, app.study(study))
    by = getpass.getuser()
    app.store.react(
        study,
        lambda known: by_hand(
            next(each for each in known if each.id == key), event, scene, by=by, note=note, until=until, owner=owner
        ),
    )
    log.info("%s incident=%s", event, key)
    return app.store.incident(key)


def history(app: Adapters, study_key: str, check: str) -> list[Judged]:
    """
    Return what a check said of every wave when each was judged last.

    Raises:
        UnknownKey: no wave of the study was judged by a check of this id.
    """
    study = app.study(study_key)
    judged = [(gate, each) for gate in app.store.gates(study_key) for each in gate.verdicts]
    rows = [
        Judged(
            wave=study.wave(gate.wave).key,
            suite=gate.stage,
            state=each.state,
            severity=each.severity,
            checked_count=each.checked_count,
            failing_count=each.failing_count,
            override=each.override.reason if each.override else "",
        )
        for gate, each in judged
        if each.check == check
    ]
    if not rows:
        raise UnknownKey(
            f"No check '{printable(check)}' was run in {study_key}.",
            fix=did_you_mean(check, {each.check for _, each in judged}) or "`panelctl check` lists them",
        )
    return rows


def open_counts(found: Sequence[Alert]) -> dict[str, int]:
    """Return how many incidents are not over, by severity."""
    left = [each for each in found if each.state != "resolved"]
    return {name: sum(each.severity == name for each in left) for name in reversed(RANKS)}


def try_target(app: Adapters, key: str) -> Tried:
    """
    Send a test message to a target now, without the outbox.

    Raises:
        UnknownKey: `alerts.toml` has no such target.
        DeliveryFailed: it was not taken in; says why, without the address.
    """
    target = app.routing.target(key)
    if target is None:
        known = [each.key for each in app.routing.targets]
        fix = did_you_mean(key, known) or "name it in alerts.toml"
        raise UnknownKey(f"There is no target '{printable(key)}'.", fix=fix)
    now = app.clock.now()
    message = Message(
        key=f"test.{now:%Y%m%d%H%M%S}.{key}", incident="test", notice="test", study="", suite="alerts",
        check="alerts:test", subgroup="", wave="", severity="info", owner="", why="", occurrences=0, checked_count=0,
        failing_count=0, is_broken=False, is_synthetic=False, at=now, opened_at=now,
    )  # fmt: skip
    sent = app.sender.send(target, [message])
    if not sent.is_taken:
        place = f"variable {target.address_variable}" if target.address_variable else f"file {target.address_file}"
        raise DeliveryFailed(
            f"Target '{printable(key)}' did not take the message in: {sent.reason}.",
            fix=f"look at the address in {place}, and whether it can be reached from here",
        )
    answers_again(app, key)
    return Tried(target=key, kind=target.kind, incident=message.incident)
