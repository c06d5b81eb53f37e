"""A release of a wave: its machine, from what was taken in to what was published, superseded or retracted."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from panel.errors import ReleaseState
from panel.model.machine import machine

RELEASE = machine(
    "release",
    initial="ingested",
    means={
        "ingest": "what it is made of has changed: the wave is collected, withdrawn from or derived anew",
        "validate": "both gates of its wave are open: `panelctl check`, `panelctl quarantine`",
        "hold": "a gate of its wave is shut: `panelctl check`",
        "weigh": "its weights are computed: `panelctl weigh`",
        "estimate": "its figures are computed and protected: `panelctl estimate`",
        "review": "the gates still vouch for it on the way out: `panelctl release`",
        "publish": "its folder is written, for ever: `panelctl release`",
        "supersede": "a newer release of the same wave takes its place: `panelctl release`",
        "retract": "nobody is to use it any more: `panelctl retract`",
    },
    table="""
                ingest    validate   hold  weigh     estimate   review    publish    supersede   retract
    ingested    ingested  validated  held  -         -          -         -          -           -
    held        ingested  validated  held  -         -          -         -          -           -
    validated   ingested  validated  held  weighted  -          -         -          -           -
    weighted    ingested  validated  held  weighted  estimated  -         -          -           -
    estimated   ingested  validated  held  weighted  estimated  reviewed  -          -           -
    reviewed    ingested  validated  held  weighted  estimated  reviewed  published  -           -
    published   -         -          -     -         -          -         -          superseded  retracted
    superseded  -         -          -     -         -          -         -          -           retracted
    retracted   -         -          -     -         -          -         -          -           -
    """,
)
MADE: tuple[str, ...] = ("published", "superseded", "retracted")
"""States of a release whose folder was written; in any other it is still in the making."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseEvent:
    """One move of a release: which event, from what to what, who, when, why."""

    event: str
    from_state: str
    to_state: str
    by: str
    reason: str
    at: datetime


def after(key: str, state: str, event: str) -> str:
    """
    Return the state of a release after an event.

    Raises:
        ReleaseState: it is not legal; says why, and what is.
    """
    to = RELEASE.after(state, event)
    if to is None:
        may = "; ".join(f"{each} ({RELEASE.means[each]})" for each in RELEASE.legal(state)) or "none: it is over"
        raise ReleaseState(f"Release {key} is {state}: {RELEASE.refusal(event)}.", fix=f"legal here: {may}")
    return to
