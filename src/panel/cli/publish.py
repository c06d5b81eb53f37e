"""Commands about releases, and the demonstration."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from panel.cli.operate import Form, StudyKey, WaveKey, connect
from panel.cli.output import Format, emit


def release(study: StudyKey, wave: WaveKey, form: Form = Format.auto) -> None:
    """
    Publish a wave as an immutable folder; the same content is the same release.

    Example: panelctl release creative-ai 2026
    """
    from panel.actions.publication import release as act

    record = act(connect(), study, wave)
    emit({"release": record.key, "digest": record.digest, "folder": record.path}, form)


def show(
    study: StudyKey,
    key: Annotated[str | None, typer.Argument(metavar="[RELEASE]", help="The newest by default.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    Show a release: its digest, where it lies, how to cite it.

    Example: panelctl show creative-ai 2026.1
    """
    from panel.actions.publication import find_release
    from panel.cite import cite

    app = connect()
    record = find_release(app, study, key)
    emit(
        pd.DataFrame(
            [
                ("release", f"{record.study} {record.key}"),
                ("digest", record.digest),
                ("synthetic", "yes" if record.is_synthetic else "no"),
                ("folder", record.path),
                ("page", str(Path(record.path) / "index.html")),
                ("cite", cite(record, app.study(study))),
            ],
            columns=["what", "is"],
        ),
        form,
    )


def demo(
    home: Annotated[Path | None, typer.Option(help="Where to keep it; a new folder by default.")] = None,
    seed: Annotated[int, typer.Option(help="The same seed gives the same people.")] = 2025,
    members: Annotated[int | None, typer.Option(min=20, help="Members at baseline; the plan's own by default.")] = None,
) -> None:
    """
    Field six SYNTHETIC waves of creative-ai through the real flows and show what changed.

    Example: panelctl demo --home demo-data
    """
    from panel.cli.demonstration import demonstrate

    demonstrate(home or Path(tempfile.mkdtemp(prefix="panel-demo-")), seed=seed, members=members)


def register(program: typer.Typer) -> None:
    """Add the commands about releases."""
    for command in (release, show, demo):
        program.command()(command)
