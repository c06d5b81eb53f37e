"""Close the runs of the calendar whose process died: Prefect cannot know, the ledger does."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from panel.ports import Adapters

log = logging.getLogger(__name__)
ACTION, ALL_DUE = "calendar-action", "do-due-actions"
"""Names of the flows of the calendar: one action, and all that is due."""
IDLE_AFTER = timedelta(minutes=10)
"""A run that does all that is due and has had no action in hand for so long after its start is gone."""
_MESSAGE = "No worker holds this action any more: its process died. The ledger gives it to the next."


def close_dead_runs(app: Adapters) -> int:
    """
    Mark as crashed every run of the calendar that is running or pending while no lease in the ledger holds it.

    A run names its action by the ledger's key and its claim by the attempt, so that one whose lease went to another
    worker is dead too. With it end the runs and tasks it began. Runs by hand are not the ledger's, and stay. Return how
    many runs were closed.
    """
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        suspects = _unfinished(client, flow=ACTION)
        held = app.store.held_actions()
        gone = [each for each in suspects if held.get(each.parameters.get("key")) != each.parameters.get("attempt")]
        # One that ended between the two looks let go of its lease, and is not unfinished any more.
        dead = _unfinished(client, ids=[each.id for each in gone])
        closed = _close(client, dead)
        closed += _close(client, _idle(client, held))
    if closed:
        log.warning("closed %d runs whose process died", closed)
    return closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs of actions that are unfinished while no lease holds them, and those that crashed in so many days."""

    left_behind: int
    crashed: int
    days: int


def count_runs(app: Adapters, days: int = 30) -> Runs:
    """Count the runs of actions that died, closing none."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.filters import FlowFilter, FlowRunFilter

    since = {"after_": (datetime.now(UTC) - timedelta(days=days)).isoformat()}
    asked = FlowRunFilter.model_validate({"state": {"type": {"any_": ["CRASHED"]}}, "start_time": since})
    of = FlowFilter.model_validate({"name": {"any_": [ACTION]}})
    with get_client(sync_client=True) as client:
        runs, held = _unfinished(client, flow=ACTION), app.store.held_actions()
        crashed = client.read_flow_runs(flow_filter=of, flow_run_filter=asked)
    left = sum(held.get(each.parameters.get("key")) != each.parameters.get("attempt") for each in runs)
    return Runs(left_behind=left, crashed=len(crashed), days=days)


def _idle(client: Any, held: Any) -> Sequence[Any]:
    """Return the runs that do all that is due, are long at it, and have no action in hand."""
    begun = datetime.now(UTC) - IDLE_AFTER
    old = [each for each in _unfinished(client, flow=ALL_DUE) if each.start_time and each.start_time < begun]
    return [each for each in old if not held or not _unfinished(client, parents=[each.id])]


def _close(client: Any, runs: Iterable[Any]) -> int:
    from prefect.states import Crashed

    closed = 0
    for run in runs:
        closed += _close(client, _unfinished(client, parents=[run.id]))
        client.set_flow_run_state(run.id, Crashed(message=_MESSAGE), force=True)
        closed += 1
    return closed


def _unfinished(
    client: Any, *, flow: str | None = None, ids: Sequence[Any] | None = None, parents: Sequence[Any] | None = None
) -> Sequence[Any]:
    from prefect.client.schemas.filters import FlowFilter, FlowRunFilter

    if ids is not None and not ids:
        return []
    asked: dict[str, Any] = {"state": {"type": {"any_": ["RUNNING", "PENDING"]}}}
    asked |= {"id": {"any_": list(ids)}} if ids else {}
    asked |= {"parent_flow_run_id": {"any_": list(parents)}} if parents else {}
    of = FlowFilter.model_validate({"name": {"any_": [flow]}}) if flow else None
    found: Sequence[Any] = client.read_flow_runs(flow_filter=of, flow_run_filter=FlowRunFilter.model_validate(asked))
    return found
