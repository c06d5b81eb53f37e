"""The flows of the calendar: each action is one, and one does all that is due, for a work pool."""

from __future__ import annotations

from httpx import HTTPError
from panel.flows import reconcile, steps
from panel.flows.waves import close_wave
from prefect import flow

from panel.actions import ledger
from panel.errors import SettingsError
from panel.model.action import Claimed
from panel.model.agenda import CONTACTS


@flow(name=reconcile.ACTION, flow_run_name="{key}", persist_result=False)
def act(key: str, attempt: int) -> str:
    """
    Do one action that this process has claimed; `key` is the ledger's, the same at each attempt.

    Finalising closes the wave, all the way to a release. Contact details are opened for what writes to members only.
    """
    entry = ledger.entry(steps.connect(), key)
    if ledger.needs_flow(steps.connect(), entry):
        close_wave(entry.study, steps.connect().study(entry.study).wave(entry.wave).key)
    else:
        ledger.perform(steps.keep() if entry.kind in CONTACTS else steps.connect(), entry)
    return f"{key} at attempt {attempt}"


def as_flow(claimed: Claimed) -> None:
    """
    Do a claimed action as a flow.

    Raises:
        SettingsError: Prefect went away meanwhile, which passes; whatever the action did is done once at the next try.
    """
    try:
        act(claimed.entry.key, claimed.entry.attempts)
    except HTTPError as error:
        what = f"The Prefect server went away ({type(error).__name__})."
        raise SettingsError(what, fix="see that it runs", passes=True) from error


@flow(name=reconcile.ALL_DUE, persist_result=False)
def do_due() -> int:
    """
    Claim from the ledger what is due, do each action as a flow of its own, close runs that died; return how many.

    Any number of runs may do this side by side, and beside `panelctl serve`: the ledger gives each action to one.
    """
    app = steps.connect()
    made = ledger.tick(app, as_flow)
    reconcile.close_dead_runs(app)
    made.must_be_whole()
    return made.done
