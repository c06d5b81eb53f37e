"""`wave status`: where every wave stands, or one of them; tables where a person looks, whole as JSON."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, fields, is_dataclass
from typing import Annotated, Any

import pandas as pd
import typer

from panel.cli.operate import Form, StudyKey, connect
from panel.cli.output import Format, emit, for_a_person
from panel.model.contact import ContactCount
from panel.model.progress import NextAction, WaveView
from panel.ports import Adapters

PARTS = ("states", "rates", "retention", "days", "groups", "contacts", "actions", "next_steps")
EMPTY = {
    "contacts": [each.name for each in fields(ContactCount)],
    "actions": [each.name for each in fields(NextAction)],
}
"""Columns of parts that may well be empty."""


def wave_status(
    study: StudyKey,
    wave: Annotated[str | None, typer.Argument(metavar="[WAVE]", help="One wave, in full.")] = None,
    show: Annotated[
        str,
        typer.Option(
            help="Of one wave: summary, states, rates, retention, days, groups, contacts, actions or next_steps."
        ),
    ] = "summary",
    form: Form = Format.auto,
) -> None:
    """
    Say where every wave of a study stands, or one of them against its target and earlier waves.

    Example: panelctl wave status creative-ai 2026 --show groups
    """
    if wave is not None:
        show_wave(connect(), study, wave, show, form)
        return
    from panel.actions.progress import overview

    emit(overview(connect(), study), form, title=study)


def show_wave(app: Adapters, study: str, wave: str, show: str, form: Format) -> None:
    """Print one wave, or a part of what is known of it; JSON of the summary has all parts."""
    from panel.actions.progress import view

    if show not in ("summary", *PARTS):
        raise typer.BadParameter(f"'{show}' is none of summary, {', '.join(PARTS)}", param_hint="--show")
    found = view(app, study, wave)
    if show != "summary":
        emit(part(found, show), form, title=f"{study}/{wave}: {show}")
    elif form is Format.json:
        sys.stdout.write(json.dumps(whole(found), ensure_ascii=False, indent=1) + "\n")
    else:
        emit(_summary(found), form, title=f"{study}/{wave}")
        if for_a_person(form):
            for step in found.next_steps:
                typer.echo(f"next: {step}")


def part(found: WaveView, name: str) -> pd.DataFrame:
    """Return a part of a view as a frame."""
    columns = {"states": ["state", "cases"], "next_steps": ["next_step"]}
    items = getattr(found, name)
    if name in columns:
        rows = [item if isinstance(item, tuple) else (item,) for item in items]
        return pd.DataFrame(rows, columns=columns[name])
    return pd.DataFrame([_plain(each) for each in items], columns=EMPTY.get(name) if not items else None)


def whole(found: WaveView) -> dict[str, Any]:
    """Return a view as what JSON can hold, rates with their value."""
    return {
        **asdict(found),
        "states": dict(found.states),
        "rates": [_plain(each) for each in found.rates],
        "retention": [_plain(each) for each in found.retention],
    }


def _plain(item: Any) -> dict[str, Any]:
    row = asdict(item) if is_dataclass(item) and not isinstance(item, type) else dict(item)
    return row | ({"value": item.value} if hasattr(item, "formula") else {})


def _summary(found: WaveView) -> pd.DataFrame:
    rows = [(name, value) for name, value in asdict(found).items() if name not in PARTS]
    said = [
        f"{value:.1f}" if isinstance(value, float) and not name.startswith(("margin", "design")) else _text(value)
        for name, value in rows
    ]
    return pd.DataFrame({"what": [name for name, _ in rows], "value": said})


def _text(value: object) -> str:
    if value is None:
        return "not known"
    return f"{value:.4f}" if isinstance(value, float) else str(value)
