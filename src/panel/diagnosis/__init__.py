"""Say whether an installation is sound."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, packages_distributions, version

from panel.diagnosis.fieldwork import fieldwork
from panel.diagnosis.finding import Finding
from panel.errors import PanelError
from panel.ports import Adapters
from panel.settings import Settings, address_of

LIMITS = {"prefect": ("3.8.8", "3.9"), "fastapi": ("0.139", "0.151"), "sqlalchemy": ("2.0.40", "2.1")}
LEAST_FREE_BYTES = 1 << 30
LATE = timedelta(hours=1)
"""A message that goes at once and has waited longer is late."""


def diagnose(settings: Settings, port: int = 8700) -> list[Finding]:
    """Return one finding per thing that keeps installations from working; `port` is where `panelctl serve` answers."""
    return [_python(), _name(), *_packages(), *_home(settings, port)]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    state = "good" if sys.version_info >= (3, 11) else "bad"
    fix = "" if state == "good" else "install a newer Python"
    return Finding(what="Python 3.11 or newer", state=state, found=found, fix=fix)


def _name() -> Finding:
    owners = sorted(set(packages_distributions().get("panel", [])))
    others = [owner for owner in owners if owner != "panel-tracker"]
    return Finding(
        what="the import name `panel` is ours",
        state="bad" if others else "good",
        found=", ".join(owners) or "not installed as a package",
        fix=f"{', '.join(others)} installs a package of the same name; use an environment of its own" if others else "",
    )


def _packages() -> Iterator[Finding]:
    for name, (least, below) in LIMITS.items():
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "absent"
        good = found != "absent" and _number(least) <= _number(found) < _number(below)
        yield Finding(
            what=f"{name} at least {least}, below {below}",
            state="good" if good else "bad",
            found=found,
            fix="" if good else f"pip install '{name}>={least},<{below}'",
        )


def _number(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(".") if part.isdigit())


def _home(settings: Settings, port: int) -> Iterator[Finding]:
    from panel.app import open_app

    if not settings.home.exists():
        yield Finding(what="home", state="bad", found=f"{settings.home} is not there", fix="panelctl init")
        return
    free = shutil.disk_usage(settings.home).free
    roomy = free >= LEAST_FREE_BYTES
    yield Finding(
        what="1 GiB of free disk",
        state="good" if roomy else "bad",
        found=f"{free / (1 << 30):.1f} GiB",
        fix="" if roomy else "free space where the home lies",
    )
    try:
        app = open_app(settings)
        found = f"{len(app.store.study_keys())} studies"
        yield Finding(what="database and key", state="good", found=found)
        yield _alerts(app)
        yield from fieldwork(app, port)
    except PanelError as error:
        yield Finding(what="database and key", state="bad", found=error.what, fix=error.fix or "")


def _alerts(app: Adapters) -> Finding:
    """Say whether people hear of problems: every target has an address, nothing waits long, no letter is dead."""
    mute = [each.key for each in app.routing.targets if not address_of(each)]
    posted = app.store.posted()
    dead = sum(each.state == "dead" for each in posted)
    late = app.clock.now() - LATE
    waiting = sum(each.state == "waiting" and each.timing == "at_once" and each.created_at < late for each in posted)
    fix = ""
    if mute:
        fix = f"set the address of {', '.join(mute)} where alerts.toml says it is"
    elif waiting:
        fix = "run `panelctl alerts deliver` every few minutes"
    return Finding(
        what="alerts are delivered",
        state="bad" if fix else "good",
        found=f"{len(app.routing.targets)} targets, {waiting} messages late, {dead} dead letters",
        fix=fix,
    )
