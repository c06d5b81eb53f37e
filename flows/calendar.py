"""The flow of an action of the calendar that takes one: finalising closes the wave, all the way to a release."""

from __future__ import annotations

from panel.flows.waves import close_wave
from prefect import flow


@flow(name="finalise-wave", flow_run_name="{key}", persist_result=False)
def finalise(key: str, study: str, wave: str) -> str:
    """Close a wave as the calendar says and return the release's key; `key` is the ledger's, the same at each try."""
    del key
    return close_wave(study, wave)
