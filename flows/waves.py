"""The flows of a wave and of a study. They decide order and retries, and nothing else."""

from __future__ import annotations

from panel.flows import steps
from prefect import flow


@flow(name="open-wave", flow_run_name="open-{study}-{wave}", persist_result=False)
def open_wave(study: str, wave: str) -> str:
    """Open a wave of a study for fieldwork; return its key."""
    return steps.opened(study, wave)


@flow(name="close-wave", flow_run_name="close-{study}-{wave}", persist_result=False)
def close_wave(study: str, wave: str) -> str:
    """
    Collect a wave, vouch for it, fold it into the panel and publish what changed; return the release's key.

    Every step may be run again: after a crash, run the flow again from the top. A critical check that fails stops it,
    so nothing unvouched-for is merged or released. However it ends, whoever should hear of it does.
    """
    try:
        steps.closing(study, wave)
        steps.collect(study, wave)
        steps.check(study, wave, "responses")
        steps.merge(study)
        steps.check(study, wave, "panel")
        steps.weigh(study, wave)
        steps.estimate(study, wave)
        key = steps.release(study, wave)
        steps.closed(study, wave)
    finally:
        steps.deliver()
    return key


@flow(name="track-study", flow_run_name="track-{study}", persist_result=False)
def track_study(study: str) -> list[str]:
    """Take a study through its horizon, wave by wave, as far as deliveries have come; return the releases' keys."""
    released = []
    for wave in steps.due_waves(study):
        if wave.is_planned:
            open_wave(study, wave.key)
        released.append(close_wave(study, wave.key))
    return released
