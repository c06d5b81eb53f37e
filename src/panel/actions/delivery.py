"""Deliver what waits in the outbox, at least once; and see to what should have happened and did not."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from panel.actions.incidents import react
from panel.actions.sightings import scene_of
from panel.actions.sweep import sweep
from panel.errors import PanelError
from panel.model.incident import Message, Parcel, Sighting
from panel.ports import Adapters, Reacting, Sent

log = logging.getLogger(__name__)
UNDELIVERED = "alerts:undelivered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """
    How patiently messages are delivered.

    The n-th pause is `first_seconds` times 2 to the n, at most `most_seconds`, of which chance takes up to half, so
    that workers do not knock together. After `attempts` a message is a dead letter. A worker has `lease_seconds` for
    one attempt; what a killed one left is done again after that. After `patience` refusals in a row a target is left
    alone until the next run, so that one that hangs does not hold up the others.
    """

    first_seconds: float = 30.0
    most_seconds: float = 3_600.0
    attempts: int = 10
    lease_seconds: float = 60.0
    patience: int = 3

    def pause(self, attempt: int, chance: float) -> float:
        """Return how long to wait after so many attempts, `chance` being from 0 to 1."""
        longest = min(self.first_seconds * 2.0 ** min(attempt, 60), self.most_seconds)
        return float(longest * (0.5 + chance / 2))


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What a run delivered: messages sent, put off and given up in it, and how many still wait."""

    sent: int
    postponed: int
    dead: int
    waiting: int


def deliver(app: Adapters, pace: Pace | None = None, chance: Callable[[], float] = random.random) -> Delivered:
    """
    See to dates and omissions, then deliver every message that is due.

    Any number of workers may run this at a time: each leases what it sends. A worker that is killed between sending and
    noting it leaves the message to be sent again, with the same incident and key. A study that cannot be seen to keeps
    no message of another waiting.

    Raises:
        PanelError: a study could not be seen to, once everything else is done.
    """
    unseen = [error for key in app.store.study_keys() for error in _swept(app, key)]
    made = deliver_due(app, pace or Pace(), chance)
    if unseen:
        raise unseen[0]
    return made


def _swept(app: Adapters, study_key: str) -> Sequence[PanelError]:
    """See to a study, and return what kept that from being done."""
    try:
        sweep(app, study_key)
    except PanelError as error:
        log.error("not seen to study=%s: %s", study_key, type(error).__name__)
        return [error]
    return []


def deliver_due(app: Adapters, pace: Pace, chance: Callable[[], float] = random.random) -> Delivered:
    """Deliver every message that is due, target by target that answers."""
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    machines = [each.key for each in app.routing.targets if each.kind == "webhook"]
    while parcel := app.store.lease(
        pace.lease_seconds, avoiding=[t for t, n in refused.items() if n >= pace.patience], singly=machines
    ):
        outcome = _attempt(app, parcel)
        if outcome.is_taken:
            app.store.sent(parcel, app.clock.now())
            if refused.get(parcel.target) != 0:
                answers_again(app, parcel.target)
            refused[parcel.target] = 0
            counts["sent"] += len(parcel.messages)
            continue
        refused[parcel.target] += 1
        log.warning("not delivered target=%s attempt=%d: %s", parcel.target, parcel.attempts + 1, outcome.reason)
        if parcel.attempts + 1 < pace.attempts:
            app.store.postpone(parcel, outcome.reason, pace.pause(parcel.attempts, chance()))
            counts["postponed"] += len(parcel.messages)
        else:
            app.store.give_up(parcel, outcome.reason, _about_dead_letters(app, parcel))
            counts["dead"] += len(parcel.messages)
    if counts:
        log.info("alerts sent=%d postponed=%d dead=%d", counts["sent"], counts["postponed"], counts["dead"])
    return Delivered(
        sent=counts["sent"],
        postponed=counts["postponed"],
        dead=counts["dead"],
        waiting=app.store.waiting_messages(),
    )


def _attempt(app: Adapters, parcel: Parcel) -> Sent:
    target = app.routing.target(parcel.target)
    if target is None:
        return Sent(is_taken=False, reason="alerts.toml has no such target any more")
    return app.sender.send(target, parcel.messages)


def _about_dead_letters(app: Adapters, parcel: Parcel) -> dict[str, Reacting]:
    """Return, for each study, an incident about a target that does not answer, told to others than that target."""
    lost = [each for each in parcel.messages if each.check != UNDELIVERED and each.notice != "alive"]
    studies = sorted({each.study for each in lost})
    return {key: _about(app, key, parcel.target, [each for each in lost if each.study == key]) for key in studies}


def _about(app: Adapters, study_key: str, target: str, lost: Sequence[Message]) -> Reacting:
    """Return what follows from messages lost to a target, or where none was, from its answering again."""
    study = app.study(study_key)
    scene = scene_of(app, study)
    elsewhere = replace(scene, routing=scene.routing.without(target))
    seen = Sighting(
        study=study_key,
        suite="alerts",
        check=UNDELIVERED,
        subgroup=target,
        wave=study.waves[0].number,
        outcome="failed" if lost else "passed",
        why="A target does not take alerts in. `panelctl alerts test` tries it, `panelctl alerts` says what it missed.",
        is_synthetic=bool(lost) and all(each.is_synthetic for each in lost),
    )
    return lambda known: react([seen], known, elsewhere)


def answers_again(app: Adapters, target: str) -> None:
    """Resolve what is open about a target that did not answer."""
    for incident in app.store.incidents():
        if (incident.check, incident.subgroup) == (UNDELIVERED, target) and not incident.is_over:
            app.store.react(incident.study, _about(app, incident.study, target, ()))
