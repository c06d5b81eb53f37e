"""What follows from what a run said of its checks: incidents, their history, and who is told. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from panel.model.incident import (
    WORSE_BY,
    WORSE_ROWS,
    Event,
    Incident,
    IncidentEvent,
    Message,
    Notice,
    Outgoing,
    Reaction,
    Sighting,
    incident_id,
    move,
)
from panel.model.results import RANKS
from panel.model.routing import Route, Routing, Timing


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What a reaction needs to know: the routes, the moment, and what waves are called."""

    routing: Routing
    at: datetime
    wave_key: Callable[[int], str]

    def labels(self, incident: Incident) -> Mapping[str, str]:
        """Return the labels that rules are asked with."""
        names = ("study", "suite", "check", "owner", "severity")
        return {**{name: getattr(incident, name) for name in names}, "wave": self.wave_key(incident.wave)}

    def routes(self, incident: Incident) -> tuple[Route, ...]:
        """Return who hears of an incident."""
        return self.routing.routes(self.labels(incident))


def react(sightings: Iterable[Sighting], known: Sequence[Incident], scene: Scene) -> Reaction:
    """
    Return what follows from what a run saw.

    Args:
        sightings: one per check and subgroup; order is kept.
        known: every incident of the study, oldest first.
        scene: routes, moment and waves.
    """
    counts = Counter(each.fingerprint for each in known)
    newest = {each.fingerprint: each for each in known}
    whole = Reaction()
    for sighting in sightings:
        mark = sighting.fingerprint
        step = _seen(sighting, newest.get(mark), counts[mark], scene)
        for incident in step.incidents:
            counts[mark] += mark not in newest or newest[mark].id != incident.id
            newest[mark] = incident
        whole += step
    return whole


def _seen(sighting: Sighting, earlier: Incident | None, ordinal: int, scene: Scene) -> Reaction:
    if sighting.outcome == "passed":
        return Reaction() if earlier is None or sighting.is_muted else _passed(sighting, earlier, scene)
    if earlier is not None and _is_old_news(sighting, earlier):
        again = replace(earlier, occurrences=earlier.occurrences + 1)
        return Reaction(incidents=(again,), events=(_event(earlier, earlier, "failed", scene.at, sighting),))
    if earlier is None or earlier.stays_over(scene.at):
        return _opened(sighting, ordinal, scene)
    return _failed(sighting, earlier, scene)


def _is_old_news(sighting: Sighting, earlier: Incident) -> bool:
    """Say whether an older wave fails as it did before a newer one passed: judged anew, it is no news."""
    passed_since = earlier.passed_wave is not None and earlier.passed_wave > sighting.wave
    return (
        earlier.is_over and passed_since and sighting.wave in earlier.failing_waves and not is_worse(sighting, earlier)
    )


def is_worse(sighting: Sighting, incident: Incident) -> bool:
    """Say whether it fails worse than people know: more severely, broken, or for half as many rows again."""
    if RANKS[sighting.severity] > RANKS[incident.severity] or (sighting.outcome == "broken" and not incident.is_broken):
        return True
    known = incident.told_share * sighting.checked_count
    more = sighting.failing_count - known
    return known > 0 and more > max(WORSE_ROWS, known * (WORSE_BY - 1)) - 1e-9  # shares are not exact


def _opened(sighting: Sighting, ordinal: int, scene: Scene) -> Reaction:
    incident = Incident(
        id=incident_id(sighting.fingerprint, ordinal),
        study=sighting.study,
        suite=sighting.suite,
        check=sighting.check,
        subgroup=sighting.subgroup,
        severity=sighting.severity,
        owner=sighting.owner,
        why=sighting.why,
        state="open",
        opened_at=scene.at,
        since=scene.at,
        seen_at=scene.at,
        wave=sighting.wave,
    )
    seen = _with(incident, sighting, scene.at)
    event = _event(replace(incident, state="open"), seen, "failed", scene.at, sighting)
    first = Reaction(events=(replace(event, from_state=""),))
    return first + _tell(seen, "opened", scene, is_muted=sighting.is_muted)


def _failed(sighting: Sighting, earlier: Incident, scene: Scene) -> Reaction:
    event: Event = "worsened" if is_worse(sighting, earlier) else "failed"
    step = move(earlier, event)
    seen = _with(moved(earlier, step.to, scene.at), sighting, scene.at)
    if earlier.is_over:
        seen = replace(seen, wave=sighting.wave, told=(), by="", note="", until=None, escalated_at=None)
    events = Reaction(events=(_event(earlier, seen, event, scene.at, sighting),))
    return events + _tell(seen, step.notice, scene, is_muted=sighting.is_muted)


def _with(incident: Incident, sighting: Sighting, at: datetime) -> Incident:
    return replace(
        incident,
        severity=sighting.severity,
        why=sighting.why,
        seen_at=at,
        wave=max(incident.wave, sighting.wave),
        failing_waves=tuple(sorted({*incident.failing_waves, sighting.wave})),
        occurrences=incident.occurrences + 1,
        checked_count=sighting.checked_count,
        failing_count=sighting.failing_count,
        is_broken=sighting.outcome == "broken",
        is_failing=True,
        is_muted=sighting.is_muted,
        is_synthetic=sighting.is_synthetic,
    )


def _passed(sighting: Sighting, earlier: Incident, scene: Scene) -> Reaction:
    """Note a pass; one in the newest wave it failed in, or in a later one, ends it."""
    left = tuple(each for each in earlier.failing_waves if each != sighting.wave)
    newest = max(sighting.wave, earlier.passed_wave or 0)
    if sighting.wave < earlier.wave or not earlier.is_failing:
        same = left == earlier.failing_waves and newest == earlier.passed_wave
        return Reaction() if same else Reaction(incidents=(replace(earlier, failing_waves=left, passed_wave=newest),))
    step = move(earlier, "passed")
    passed = replace(moved(earlier, step.to, scene.at), failing_waves=left, passed_wave=newest, is_failing=False)
    if sighting.note:
        passed = replace(passed, by=sighting.by, note=sighting.note)
    events = Reaction(events=(_event(earlier, passed, "passed", scene.at, sighting),))
    return events + _tell(passed, step.notice, scene)


def moved(incident: Incident, to: str, at: datetime) -> Incident:
    """Return the incident in a state, since now where it is another one."""
    if incident.state == to:
        return incident
    over = to == "resolved"
    return replace(
        incident,
        state=to,  # type: ignore[arg-type]
        since=at,
        resolved_at=at if over else None,
        until=incident.until if to in ("acknowledged", "silenced") else None,
        is_muted=False if over else incident.is_muted,
    )


def _event(before: Incident, after: Incident, event: str, at: datetime, sighting: Sighting) -> IncidentEvent:
    return IncidentEvent(
        incident=after.id,
        at=at,
        event=event,
        from_state=before.state,
        to_state=after.state,
        by=sighting.by,
        note=sighting.note,
        wave=sighting.wave,
        checked_count=sighting.checked_count,
        failing_count=sighting.failing_count,
        is_muted=sighting.is_muted,
    )


def by_hand(
    incident: Incident,
    event: Event,
    scene: Scene,
    *,
    by: str,
    note: str,
    until: datetime | None = None,
    owner: str | None = None,
) -> Reaction:
    """
    Return what follows from what somebody, or the date somebody set, does to an incident.

    Raises:
        IncidentState: it is not legal in the incident's state.
    """
    step = move(incident, event)
    after = replace(moved(incident, step.to, scene.at), owner=owner or incident.owner)
    if event in ("acknowledge", "silence"):
        after = replace(after, until=until, told_share=incident.share, escalated_at=None)
    if by:
        after = replace(after, by=by, note=note or incident.note)
    line = IncidentEvent(
        incident=incident.id,
        at=scene.at,
        event=event,
        from_state=incident.state,
        to_state=after.state,
        by=by,
        note=note,
        until=until,
    )
    if event == "lapsed":  # whatever the interval: it was promised for this date
        return Reaction(events=(line,)) + tell(after, "reminder", scene.routes(after), scene)
    return Reaction(events=(line,)) + _tell(after, step.notice, scene)


def _tell(incident: Incident, notice: Notice | None, scene: Scene, *, is_muted: bool = False) -> Reaction:
    """Return the incident and what its targets are told; those told within the repeat interval are left alone."""
    if notice is None or is_muted:
        return Reaction(incidents=(incident,))
    told = dict(incident.told)
    routes = scene.routes(incident)
    if notice == "resolved":  # whoever was told, by escalation too
        named = {route.target for route in routes}
        late = at_once(target for target in told if target not in named)
        routes = (*(route for route in routes if route.target in told), *late)
    elif notice == "reminder":
        routes = tuple(route for route in routes if _is_due(told.get(route.target), route, scene.at))
    return tell(incident, notice, routes, scene)


def _is_due(last: datetime | None, route: Route, at: datetime) -> bool:
    return last is None or at - last >= timedelta(hours=route.repeat_hours)


def tell(incident: Incident, notice: Notice, routes: Sequence[Route], scene: Scene) -> Reaction:
    """Return the incident as told, and one message to each route; one never told before is told that it opened."""
    if not routes:
        return Reaction(incidents=(incident,))
    told = dict(incident.told)
    count = incident.told_count + 1
    after = replace(
        incident,
        told=tuple(sorted({**told, **{route.target: scene.at for route in routes}}.items())),
        told_count=count,
        told_share=incident.share,
    )
    first: Notice = "reopened" if incident.state == "reopened" else "opened"
    words = [first if notice == "reminder" and route.target not in told else notice for route in routes]
    outgoing = [
        Outgoing(
            target=route.target,
            timing=route.timing,
            due_at=scene.at if route.timing == "at_once" else scene.routing.digest_after(scene.at),
            message=message_of(after, word, scene, key=f"{incident.id}.{count}.{route.target}"),
        )
        for route, word in zip(routes, words, strict=True)
    ]
    return Reaction(incidents=(after,), outgoing=tuple(outgoing))


def message_of(incident: Incident, notice: Notice, scene: Scene, *, key: str) -> Message:
    """Return what a target is told: labels, counts and times; no note, no row and no answer."""
    return Message(
        key=key,
        incident=incident.id,
        notice=notice,
        study=incident.study,
        suite=incident.suite,
        check=incident.check,
        subgroup=incident.subgroup,
        wave=scene.wave_key(incident.wave),
        severity=incident.severity,
        owner=incident.owner,
        why=incident.why,
        occurrences=incident.occurrences,
        checked_count=incident.checked_count,
        failing_count=incident.failing_count,
        is_broken=incident.is_broken,
        is_synthetic=incident.is_synthetic,
        at=scene.at,
        opened_at=incident.opened_at,
    )


def at_once(targets: Iterable[str]) -> tuple[Route, ...]:
    """Return routes to these targets that do not wait for the digest."""
    timing: Timing = "at_once"
    return tuple(Route(target=each, timing=timing, repeat_hours=24.0) for each in targets)
