"""The actions as Prefect tasks: keys in, keys out, never data."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from panel.actions import delivery, fieldwork, figures, fold, gate, intake, publication
from panel.app import open_app, open_keeper
from panel.errors import PanelError
from panel.ports import Adapters
from panel.settings import Settings


@lru_cache(maxsize=1)
def _open(settings: Settings) -> Adapters:
    return open_app(settings)


def connect() -> Adapters:
    """Return the adapters that the environment names, opened once a process."""
    return _open(Settings.from_environment())


def keep() -> Adapters:
    """Return the adapters of the keeper of the calendar: contact details too, where their keys are on this machine."""
    return _open_keeper(Settings.from_environment())


@lru_cache(maxsize=1)
def _open_keeper(settings: Settings) -> Adapters:
    return open_keeper(settings)


def _may_help(_task: Any, _run: Any, state: Any) -> bool:
    """Try again only what a second try can mend: a share that is away, never a file that is wrong."""
    error = state.result(raise_on_failure=False)
    return not isinstance(error, PanelError) or error.passes


step = partial(task, cache_policy=NO_CACHE, persist_result=False)  # the store makes each step repeatable


@step(retries=3, retry_delay_seconds=[1, 10, 60], retry_condition_fn=_may_help)
def collect(study: str, wave: str) -> int:
    """Take in the inbox of a wave; return the number of deliveries."""
    return len(intake.collect(connect(), study, wave))


@step
def check(study: str, wave: str, stage: str) -> int:
    """Judge a stage of a wave; return the number of checks."""
    return len(gate.check(connect(), study, wave, stage).verdicts)  # type: ignore[arg-type]


@step
def merge(study: str) -> int:
    """Fold every response kept into the panel; return the number of person-waves."""
    return fold.merge(connect(), study).person_waves


@step
def weigh(study: str, wave: str) -> int:
    """Compute the weights of a wave; return their number."""
    return len(figures.weigh(connect(), study, wave))


@step
def estimate(study: str, wave: str) -> int:
    """Compute the figures of a wave; return their number."""
    return len(figures.estimate(connect(), study, wave))


@step
def release(study: str, wave: str) -> str:
    """Publish a wave; return the key of the release."""
    return publication.release(connect(), study, wave).key


@step(retries=3, retry_delay_seconds=[1, 10, 60], retry_condition_fn=_may_help)
def deliver() -> int:
    """Deliver the alerts that are due; return the number sent. What a target refuses waits in the outbox."""
    return delivery.deliver(connect()).sent


@step
def opened(study: str, wave: str) -> str:
    """Open a wave; return its key."""
    return fieldwork.open_wave(connect(), study, wave).key


@step
def closing(study: str, wave: str) -> str:
    """Start closing a wave; return its key."""
    return fieldwork.begin_close(connect(), study, wave).key


@step
def closed(study: str, wave: str) -> str:
    """Mark a wave as closed; return its key."""
    return fieldwork.finish_close(connect(), study, wave).key


@step
def due_waves(study: str) -> tuple[fieldwork.DueWave, ...]:
    """Return the waves still to be closed that have deliveries, in order."""
    return fieldwork.due_waves(connect(), study)
