"""Do what falls due, once each, in order, and say what was late or could not be done."""

from __future__ import annotations

import getpass
import logging
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

from panel.actions import fieldwork
from panel.actions.contacts import select_due
from panel.actions.progress import snapshot
from panel.actions.rounds import LeftOut, Round, for_each_study, scene_without
from panel.actions.sightings import of_action
from panel.calendar import Due, agenda, counted
from panel.errors import PanelError, UnknownKey, WaveState, may_pass, printable
from panel.model.action import Claimed, Entry, Outcome
from panel.model.agenda import CONTACTS
from panel.model.study import Study
from panel.model.wave import FIELDED, IN_FIELD
from panel.ports import Adapters, Reacting

log = logging.getLogger(__name__)
LEASE_SECONDS = 60.0
LATE_SECONDS = 300.0
"""
What is done so soon after it was due is counted as in time: a timer looks once a minute. How late it was is on record.
"""
Doing = Callable[[Claimed], None]
"""Does one claimed action; whatever it raises is a failure, and is told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticked:
    """
    What a tick did: actions planned or moved, done, done late, put off because what keeps them passes, failed.

    Of the studies that were left out nothing was done.
    """

    planned: int
    done: int
    late: int
    deferred: int
    failed: int
    left_out: tuple[LeftOut, ...] = ()

    def must_be_whole(self) -> None:
        """
        Raise where somebody must see to something, so that a timer turns red.

        Raises:
            PanelError: what kept the first study that was left out.
            WaveState: an action failed; it is an incident too.
        """
        if self.left_out:
            raise self.left_out[0].error
        if self.failed:
            what = f"{self.failed} actions of the calendar could not be done."
            raise WaveState(what, fix="`panelctl actions list STUDY --open` says which and why")


def plan(app: Adapters, study_key: str) -> int:
    """
    Put the calendar of a study into the ledger, as it is now; return how many actions are new or have another time.

    The actions of a wave that was called off or taken off the calendar are skipped; what was due before the study was
    loaded here is nobody's.
    """
    study = app.study(study_key)
    states = app.store.wave_states(study.key)
    due = [each for each in calendar_of(app, study) if states.get(each.wave) not in ("cancelled", "draft")]
    since = app.store.loaded_at(study.key)
    over = _over(app, study_key, due)
    changed = app.store.plan_actions(study.key, due, since=since, by=_me(), at=app.clock.now())
    for each in over:
        app.store.react(study.key, _about(app, each, is_failing=False))
    return changed


def calendar_of(app: Adapters, study: Study) -> tuple[Due, ...]:
    """Return every action of every wave of a study, those included that end a wave once more that was reopened."""
    return counted(agenda(study), app.store.reopened(study.key))


def _over(app: Adapters, study_key: str, due: Sequence[Due]) -> list[Entry]:
    """Return the actions that failed or were missed and that nobody wants any more: their incidents may rest."""
    wanted = {(each.wave, each.kind, each.ordinal) for each in due}
    left = [each for each in app.store.actions(study_key) if each.state in ("failed", "missed")]
    return [each for each in left if (each.wave, each.kind, each.ordinal) not in wanted]


def tick(app: Adapters, do: Doing, *, lease_seconds: float = LEASE_SECONDS) -> Ticked:
    """
    Bring the ledger up to date, then do every action that is due, one after the other.

    Any number of workers may tick at a time: each action is one worker's at a time, by the database's clock, and takes
    effect once: a worker that lost its lease cannot complete it. One that is killed leaves its action to the next. What
    is kept by something that passes is tried again by a later tick (`panel.model.action.PAUSES`); anything else that
    an action raises has failed it. A study whose calendar cannot be worked out is left out, and the others are not.
    """
    planned = for_each_study(app, lambda key: plan(app, key), job="actions")
    without = [each.study for each in planned.left_out]
    counts: Counter[str] = Counter()
    while claimed := app.store.claim(lease_seconds, by=_me(), missing=_missed(app), without=without):
        outcome = _attempt(app, claimed, do, lease_seconds)
        counts[outcome] += 1
        counts["late"] += claimed.lateness > LATE_SECONDS and outcome == "complete"
    return Ticked(
        planned=planned.total,
        done=counts["complete"],
        late=counts["late"],
        deferred=counts["defer"],
        failed=counts["fail"],
        left_out=planned.left_out,
    )


def count_days(app: Adapters) -> Round:
    """Count the cases of every wave in the field as they stand today, and keep the counts; return how many waves."""
    return for_each_study(app, lambda key: _count_day(app, key), job="days")


def _count_day(app: Adapters, key: str) -> int:
    waves = [number for number, state in app.store.wave_states(key).items() if state in IN_FIELD]
    for number in waves:
        snapshot(app, key, number)
    return len(waves)


def _attempt(app: Adapters, claimed: Claimed, do: Doing, lease_seconds: float) -> str:
    """Do an action and note what came of it; return the event."""
    error: Exception | None = None
    with _held(app, claimed, lease_seconds):
        try:
            do(claimed)
        except Exception as raised:  # noqa: BLE001 - the ledger outlives whatever an action raises
            error = raised
    entry, event = claimed.entry, _event(claimed.entry, error)
    if not _is_kept(app, claimed, event, _in_words(error)):
        log.warning("lost the lease of %s: another worker has it", entry.key)
    log.info("action %s %s late=%ds", entry.key, event, claimed.lateness)
    return event


def _event(entry: Entry, error: Exception | None) -> Outcome | Literal["defer"]:
    if error is None:
        return "complete"
    return "defer" if may_pass(error) and entry.pause is not None else "fail"


def _is_kept(app: Adapters, claimed: Claimed, event: Outcome | Literal["defer"], reason: str) -> bool:
    if event == "defer":
        return app.store.defer(claimed, claimed.entry.pause or 0.0, reason=reason, by=_me())
    reacting = _about(app, claimed.entry, is_failing=event == "fail")
    return app.store.settle(claimed, event, reason=reason, by=_me(), reacting=reacting)


def _in_words(error: Exception | None) -> str:
    if error is None:
        return ""
    if isinstance(error, PanelError):
        return error.what
    told = f": {error.strerror}" if isinstance(error, OSError) and error.strerror else ""
    return f"unexpected {type(error).__name__}{told}"


@contextmanager
def _held(app: Adapters, claimed: Claimed, seconds: float) -> Iterator[None]:
    """Renew the lease as long as the action is being done: closing a large wave takes many minutes."""
    done = threading.Event()

    def renew() -> None:
        while not done.wait(seconds / 3):
            try:
                if not app.store.renew(claimed, seconds):
                    return
            except PanelError as error:  # a lock passes; the lease has two more thirds of its time
                log.warning("could not renew the lease of %s: %s", claimed.entry.key, type(error).__name__)

    keeper = threading.Thread(target=renew, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        done.set()
        keeper.join()


def _missed(app: Adapters) -> Callable[[Entry], Reacting]:
    return lambda entry: _about(app, entry, is_failing=True, told=entry.reason)


def _about(app: Adapters, entry: Entry, *, is_failing: bool, told: str = "") -> Reacting:
    return of_action(entry, scene_without(app, entry.study), is_failing=is_failing, told=told)


def entry(app: Adapters, key: str) -> Entry:
    """
    Return an action by its key in the ledger.

    Raises:
        UnknownKey: the ledger has no such action.
    """
    study, wave, *_ = (*key.split("/"), "")
    found = [each for each in app.store.actions(study, int(wave) if wave.isdigit() else None) if each.key == key]
    if not found:
        raise UnknownKey(f"The ledger has no action {printable(key)}.", fix=f"panelctl actions list {printable(study)}")
    return found[0]


def perform(app: Adapters, entry: Entry) -> None:
    """
    Do one action of a wave, save for finalising, which takes a flow.

    What the wave is past already is done: an operator may have been first.

    Raises:
        WaveState: the wave is not where the action needs it, or an invitation reached nobody.
        SettingsError: members are to be written to, and this process can not reach contact details.
    """
    study = app.study(entry.study)
    if entry.kind in CONTACTS:
        select_due(app, study.key, entry.wave, entry.kind, entry.ordinal, entry.due)
        return
    if _is_past(app, study, entry):
        return
    event = {"stage": "stage", "open": "open", "close": "close"}[entry.kind]
    move = fieldwork.prepare(app, study.key, entry.wave, event)
    fieldwork.carry_out(app, replace(move, reason=f"{move.reason}, by the calendar"))


def _is_past(app: Adapters, study: Study, entry: Entry) -> bool:
    state = app.store.wave_states(study.key).get(entry.wave, "planned")
    past = {
        "stage": ("staged", *FIELDED),
        "open": FIELDED,
        "close": ("closing", "closed", "archived"),
        "finalise": ("closed", "archived"),
    }
    return state in past[entry.kind]


def needs_flow(app: Adapters, entry: Entry) -> bool:
    """Say whether an action is still to be done and takes many steps: finalising runs the whole way to a release."""
    return entry.kind == "finalise" and not _is_past(app, app.study(entry.study), entry)


def by_hand(
    app: Adapters, study_key: str, wave: int | str, kind: str, ordinal: int, event: str, *, reason: str
) -> Entry:
    """
    Retry or skip an action, on record, and let its incident rest.

    Raises:
        WaveState: not legal in the action's state, or without a reason.
        UnknownKey: the ledger has no such action.
    """
    if not reason.strip():
        raise WaveState(f"To {event} an action needs a reason on record.", fix='give it: --reason "…"')
    study = app.study(study_key)
    number = study.wave(wave).number
    entry = app.store.move_action(study.key, number, kind, ordinal, event, by=_me(), reason=reason, at=app.clock.now())
    app.store.react(study.key, _about(app, entry, is_failing=False))
    log.info("action %s %s by hand", entry.key, event)
    return entry


def _me() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"
