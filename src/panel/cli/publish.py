"""Commands about releases: make, list, show, retract; and the demonstration."""

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
    from panel.actions.releases import history
    from panel.cite import cite

    app = connect()
    record = find_release(app, study, key)
    last = history(app, study, record.key)[-1]
    emit(
        pd.DataFrame(
            [
                ("release", f"{record.study} {record.key}"),
                ("state", f"{last.to_state}: {last.reason}" if last.to_state == "retracted" else last.to_state),
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


def releases(
    study: StudyKey,
    key: Annotated[str | None, typer.Argument(metavar="[RELEASE]", help="One release: what happened to it.")] = None,
    form: Form = Format.auto,
) -> None:
    """
    List the releases of a study with their state, those in the making too, or what happened to one of them.

    Example: panelctl releases creative-ai 2026.1
    """
    from panel.actions.releases import history, standing

    found = standing(connect(), study) if key is None else history(connect(), study, key)
    emit(list(found), form, title=f"{study}: releases" if key is None else f"{study} {key}")


def retract(
    study: StudyKey,
    key: Annotated[str, typer.Argument(metavar="RELEASE", help="Key of a release, e.g. 2026.1.")],
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; stored with your name and the time.")],
    dry: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")] = False,
    form: Form = Format.auto,
) -> None:
    """
    Retract a release for good: its folder stays, with a notice beside it, and nobody is given it any more.

    Example: panelctl retract creative-ai 2026.1 --reason "incomes of one platform were in cents"
    """
    from panel.actions import releases as act

    app = connect()
    planned = act.prepare_retraction(app, study, key, reason=reason)
    done = planned if dry else act.retract(app, planned)
    told = {"release": key, "from_state": done.from_state, "to_state": "retracted", "reason": done.reason}
    emit({**told, "successor": done.successor, "folder": done.record.path}, form, title="would happen" if dry else "")


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
    for command in (release, releases, show, retract, demo):
        program.command()(command)
