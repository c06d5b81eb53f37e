"""See to what no run brings about: dates that have come, criticals nobody took on, runs that did not happen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from panel.actions.incidents import Scene, at_once, by_hand, react, tell
from panel.actions.lateness import late_contacts
from panel.actions.sightings import calendar, overdue, scene_of
from panel.model.incident import Incident, IncidentEvent, Message, Outgoing, Reaction
from panel.model.study import Study
from panel.ports import Adapters

HEARTBEAT = "heartbeat"


def sweep(app: Adapters, study_key: str) -> Reaction:
    """
    See to a study's dates, escalations and omissions, in one transaction; where there is nothing, nothing is written.

    An acknowledgement or silence whose date has come ends; a critical incident that nobody took on within its rule's
    hours goes to the next; what the wave calendar says should have happened and did not becomes an incident. What is
    held for too long is looked for in the hour of the digest only: there can be much to read.
    """
    study = app.study(study_key)
    scene = scene_of(app, study)
    seen = calendar(app, study, scene.at)
    seen = (*seen, *late_contacts(app, study))
    if scene.routing.is_digest_hour(scene.at):
        seen += overdue(app, study, app.store.incidents(study_key))

    def follow(known: Sequence[Incident]) -> Reaction:
        first = react(seen, known, scene)
        second = _dates(_as_now(known, first), scene)
        third = _escalations(_as_now(_as_now(known, first), second), scene)
        return first + second + third + _heartbeat(app, study, scene)

    if follow(app.store.incidents(study_key)) == Reaction():
        return Reaction()
    return app.store.react(study_key, follow)


def _as_now(known: Sequence[Incident], reaction: Reaction) -> list[Incident]:
    """Return the incidents as they are after a reaction."""
    return list({each.id: each for each in (*known, *reaction.incidents)}.values())


def _dates(known: Iterable[Incident], scene: Scene) -> Reaction:
    whole = Reaction()
    for incident in known:
        if incident.state in ("acknowledged", "silenced") and incident.until and incident.until <= scene.at:
            whole += by_hand(incident, "lapsed" if incident.is_failing else "cleared", scene, by="", note="")
    return whole


def _escalations(known: Iterable[Incident], scene: Scene) -> Reaction:
    whole = Reaction()
    for incident in known:
        found = scene.routing.escalation(scene.labels(incident))
        if found is None or not _is_left_alone(incident, found.after_hours, scene.at):
            continue
        line = IncidentEvent(
            incident=incident.id,
            at=scene.at,
            event="escalated",
            from_state=incident.state,
            to_state=incident.state,
            note=", ".join(found.targets),
        )
        told = tell(replace(incident, escalated_at=scene.at), "escalated", at_once(found.targets), scene)
        whole += Reaction(events=(line,)) + told
    return whole


def _is_left_alone(incident: Incident, hours: float, at: datetime) -> bool:
    waits = incident.state in ("open", "reopened") and not incident.is_muted and incident.escalated_at is None
    return waits and incident.severity == "critical" and at - incident.since >= timedelta(hours=hours)


def _heartbeat(app: Adapters, study: Study, scene: Scene) -> Reaction:
    """Return a sign of life, once in each period over all studies; the key of a period is the same for all workers."""
    routing = scene.routing
    if not routing.heartbeat or study.key != min(app.store.study_keys()):
        return Reaction()
    period = int(scene.at.timestamp() // (routing.heartbeat_hours * 3600))
    key = f"{HEARTBEAT}.{period}.{routing.heartbeat}"
    if any(each.key == key for each in app.store.posted(HEARTBEAT)):
        return Reaction()
    message = Message(
        key=key, incident=HEARTBEAT, notice="alive", study=study.key, suite="alerts", check="alerts:alive", subgroup="",
        wave="", severity="info", owner="operator", why="", occurrences=0, checked_count=0, failing_count=0,
        is_broken=False, is_synthetic=False, at=scene.at, opened_at=scene.at,
    )  # fmt: skip
    outgoing = Outgoing(target=routing.heartbeat, timing="at_once", due_at=scene.at, message=message)
    return Reaction(outgoing=(outgoing,))
