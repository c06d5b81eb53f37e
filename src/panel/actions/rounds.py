"""Go round all studies such that what is wrong with one keeps nothing from the others, and say which it was."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from panel.actions.incidents import Scene, react
from panel.actions.sightings import LEFT_OUT, scene_of
from panel.errors import PanelError, may_pass, printable
from panel.model.incident import Sighting
from panel.ports import Adapters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A study that a round could do nothing for, and what it raised."""

    study: str
    error: Exception

    @property
    def kind(self) -> str:
        """Return the kind of the error: its text may repeat what stands in a file."""
        return type(self.error).__name__


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """What was done for all studies together, and which were left out."""

    total: int
    left_out: tuple[LeftOut, ...] = ()


def for_each_study(app: Adapters, act: Callable[[str], int], *, job: str) -> Round:
    """
    Do something for every study and return the sum.

    A study for which it raises is left out, logged by the kind of error, and, unless what keeps it passes, an incident
    (`calendar:left_out`, by job) until it goes well again.
    """
    total, left_out = 0, []
    for key in app.store.study_keys():
        try:
            total += act(key)
        except Exception as error:  # noqa: BLE001 - one study keeps nothing from the others
            left_out.append(LeftOut(study=key, error=error))
            log.error("study %s left out: %s", printable(key), type(error).__name__)
            if not may_pass(error):
                _told(app, key, job, is_left_out=True)
        else:
            if _is_known(app, key, job):
                _told(app, key, job, is_left_out=False)
    return Round(total=total, left_out=tuple(left_out))


def scene_without(app: Adapters, key: str) -> Scene:
    """Return what reactions in a study need to know, also where its files cannot be read: waves by number then."""
    try:
        return scene_of(app, app.study(key))
    except PanelError:
        return Scene(routing=app.routing, at=app.clock.now(), wave_key=str)


def _is_known(app: Adapters, key: str, job: str) -> bool:
    return any((each.check, each.subgroup) == (LEFT_OUT, job) and not each.is_over for each in app.store.incidents(key))


def _told(app: Adapters, key: str, job: str, *, is_left_out: bool) -> None:
    seen = Sighting(
        study=key,
        suite="calendar",
        check=LEFT_OUT,
        subgroup=job,
        wave=1,
        outcome="failed" if is_left_out else "passed",
        why="The calendar of this study is not kept: it could not be read, or what is due could not be worked out. "
        f"`panelctl calendar {printable(key)}` says what is wrong; other studies go on.",
    )
    scene = scene_without(app, key)
    app.store.react(key, lambda known: react([seen], known, scene))
