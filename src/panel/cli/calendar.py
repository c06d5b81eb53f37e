"""Commands about the ledger of actions: what is due, done, late; and the one process that does it."""

from __future__ import annotations

import logging
import math
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from typing import TYPE_CHECKING, Annotated

import pandas as pd
import typer

from panel.cli.operate import Form, StudyKey, WaveKey, connect, flows_api
from panel.cli.output import Format, emit
from panel.errors import PanelError, printable
from panel.model.action import Claimed
from panel.ports import Adapters
from panel.settings import Settings

if TYPE_CHECKING:
    from panel.actions.rounds import LeftOut

log = logging.getLogger(__name__)
Doing = Callable[[Claimed], None]
Kind = Annotated[str, typer.Argument(metavar="KIND", help="stage, open, invite, remind, thank, close or finalise.")]
Ordinal = Annotated[int, typer.Option("--ordinal", "-n", min=1, help="Which one, where a wave has several.")]
Why = Annotated[str, typer.Option("--reason", "-r", help="Why; stored with your name and the time.")]


API_WITHIN = 30.0
"""Seconds that an action waits for another process to be done with its flows; then it is done without one."""
LONGEST_ACTION = 3_600.0
"""Seconds within which one action, or a run of letters, must end; a close of a large wave takes many minutes."""


def actions_list(
    study: StudyKey,
    is_open: Annotated[bool, typer.Option("--open", help="Only what is still to be done, or failed.")] = False,
    form: Form = Format.auto,
) -> None:
    """
    List the actions of a study's calendar as the ledger has them: when due, how late, what came of them.

    Example: panelctl actions list creative-ai --open
    """
    from panel.actions.ledger import plan

    app = connect()
    found = app.study(study)
    plan(app, study)
    left = ("done", "skipped")
    rows = [
        {
            "wave": found.wave(each.wave).key,
            "action": each.kind,
            "ordinal": each.ordinal,
            "state": each.state,
            "due": f"{each.due:%Y-%m-%dT%H:%MZ}",
            "late_minutes": None if each.lateness is None else int(each.lateness // 60),
            "attempts": each.attempts,
            "reason": each.reason,
        }
        for each in app.store.actions(study)
        if not is_open or each.state not in left
    ]
    names = ["wave", "action", "ordinal", "state", "due", "late_minutes", "attempts", "reason"]
    emit(pd.DataFrame(rows, columns=names), form, title=f"{study}: actions")


def actions_history(study: StudyKey, wave: WaveKey, kind: Kind, ordinal: Ordinal = 1, form: Form = Format.auto) -> None:
    """
    Show what happened to one action.

    Example: panelctl actions history creative-ai 2026 open
    """
    app = connect()
    number = app.study(study).wave(wave).number
    emit(list(app.store.action_events(study, number, kind, ordinal)), form, title=f"{study}/{wave}: {kind} {ordinal}")


def actions_retry(study: StudyKey, wave: WaveKey, kind: Kind, reason: Why, ordinal: Ordinal = 1) -> None:
    """
    Let an action that failed, or was too late, be done again.

    Example: panelctl actions retry creative-ai 2026 finalise --reason "the delivery was mended"
    """
    _by_hand(study, wave, kind, ordinal, "retry", reason)


def actions_skip(study: StudyKey, wave: WaveKey, kind: Kind, reason: Why, ordinal: Ordinal = 1) -> None:
    """
    Leave an action out, so that the later ones of the wave go on.

    Example: panelctl actions skip creative-ai 2026 remind --ordinal 2 --reason "enough came"
    """
    _by_hand(study, wave, kind, ordinal, "skip", reason)


def _by_hand(study: str, wave: str, kind: str, ordinal: int, event: str, reason: str) -> None:
    from panel.actions.ledger import by_hand

    entry = by_hand(connect(), study, wave, kind, ordinal, event, reason=reason)
    typer.echo(f"{entry.key} is {entry.state}", err=True)


def tick(
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    form: Form = Format.auto,
) -> None:
    """
    Do once what the calendars of all studies say is due. For a timer, where `serve` does not run.

    Example: panelctl tick
    """
    from panel.actions.ledger import tick as act

    app = keep()
    if dry:
        emit(_due(app), form, title="would be done")
        return
    with _doing(app) as do:
        made = act(app, do)
    told = {each.name: getattr(made, each.name) for each in fields(made)}
    emit({**told, "left_out": ", ".join(each.study for each in made.left_out)}, form)
    made.must_be_whole()
    if os.environ.get("PREFECT_API_URL"):  # a server of the home itself does so whenever it starts
        _close_dead_runs(app)


def keep() -> Adapters:
    """Return the adapters of the keeper of the calendar."""
    from panel.app import open_keeper

    return open_keeper(Settings.from_environment())


def _due(app: Adapters) -> pd.DataFrame:
    from panel.actions.ledger import calendar_of

    now = app.clock.now()
    rows = []
    for key in app.store.study_keys():
        left = {(each.wave, each.kind, each.ordinal): each.state for each in app.store.actions(key)}
        rows += [
            (key, each.wave_key, each.kind, each.ordinal, f"{each.at:%Y-%m-%dT%H:%MZ}")
            for each in calendar_of(app, app.study(key))
            if app.store.loaded_at(key) <= each.at <= now
            and left.get((each.wave, each.kind, each.ordinal), "planned") in ("planned", "running")
        ]
    return pd.DataFrame(rows, columns=["study", "wave", "action", "ordinal", "due"])


def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where GET /health is answered, on this machine.")] = 8700,
    every: Annotated[float, typer.Option(min=0.1, help="So many seconds between two looks at the ledger.")] = 15.0,
) -> None:
    """
    Keep the calendar: do what falls due, deliver alerts and letters, until stopped.

    The one process of the embedded default.

    Example: panelctl serve --port 8700
    """
    from panel.actions.delivery import deliver
    from panel.actions.ledger import count_days
    from panel.actions.ledger import tick as act
    from panel.actions.post import may_send, send
    from panel.schedule import HealthEndpoint, Job, Ticker

    app = keep()
    stopped = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: stopped.set())
    seldom = max(every, 60.0)

    def calendar() -> None:
        with _doing(app, lambda: ticker.beat("calendar")) as do:
            _whole(act(app, do).left_out)

    jobs = {
        "calendar": Job(act=calendar, every=every, within=LONGEST_ACTION),
        "alerts": Job(act=lambda: deliver(app), every=seldom),
        "days": Job(act=lambda: _whole(count_days(app).left_out), every=3_600.0),
    }
    if may_send(app):
        jobs["letters"] = Job(act=lambda: send(app), every=seldom, within=LONGEST_ACTION)
    if os.environ.get("PREFECT_API_URL"):  # a server of the home itself does so whenever it starts
        jobs["runs"] = Job(act=lambda: _close_dead_runs(app), every=max(every, 300.0))
    ticker = Ticker(jobs)
    endpoint = HealthEndpoint(port, lambda: ticker.health)
    endpoint.start()
    ticker.start()
    typer.echo(f"keeping the calendar; http://127.0.0.1:{endpoint.port}/health", err=True)
    if "letters" not in jobs:
        typer.echo("no letter leaves: PANEL_MAIL_URL is not set, or there is no key of contact details here", err=True)
    while not stopped.wait(0.2):
        pass
    ended = ticker.stop()
    endpoint.stop()
    typer.echo("stopped" if ended else "stopped; what was running is done by the next one", err=True)
    if not ended:
        os._exit(0)  # as a kill would: the lease of what runs ends, and another worker takes it over


def _close_dead_runs(app: Adapters) -> None:
    with flows_api():
        from panel.flows.reconcile import close_dead_runs

        close_dead_runs(app)


def _whole(left_out: Sequence[LeftOut]) -> None:
    """Raise Unwell where studies were left out, so that health says which."""
    from panel.schedule import Unwell

    if left_out:
        raise Unwell(", ".join(f"{printable(each.study)} left out ({each.kind})" for each in left_out))


@contextmanager
def _doing(app: Adapters, beat: Callable[[], None] = lambda: None) -> Iterator[Doing]:
    """
    Yield what does an action: as a Prefect flow, with an API from the first action on until the block ends.

    Prefect keeps the history and the ledger the truth: where no API can be had an action is done without one, save for
    finalising, whose steps are Prefect's to retry; that is put off.
    """
    from panel.actions.ledger import needs_flow, perform

    with ExitStack() as stack:
        has_api = False

        def do(claimed: Claimed) -> None:
            nonlocal has_api
            beat()
            needs_one = needs_flow(app, claimed.entry)
            try:
                has_api = has_api or bool(stack.enter_context(flows_api(math.inf if needs_one else API_WITHIN)))
            except PanelError as error:
                if needs_one:
                    raise
                log.warning("no Prefect for %s: %s", claimed.entry.key, error.what)
                perform(app, claimed.entry)
                return
            from panel.flows.calendar import as_flow

            as_flow(claimed)

        yield do


def register(program: typer.Typer) -> None:
    """Add the commands about the calendar."""
    actions = typer.Typer(help="Actions of the calendar.", no_args_is_help=True, rich_markup_mode=None)
    program.add_typer(actions, name="actions")
    actions.command("list")(actions_list)
    actions.command("history")(actions_history)
    actions.command("retry")(actions_retry)
    actions.command("skip")(actions_skip)
    program.command()(tick)
    program.command()(serve)
