"""Prepare a home, load a study, make synthetic respondents."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from panel import calendar
from panel.errors import DefinitionError, Fault, StorageError, WaveState, Where, printable
from panel.model.load import load_study as parse_study
from panel.model.study import Study
from panel.model.wave import disturbances, with_fieldwork
from panel.ports import Adapters

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedStudy:
    """A study as kept: its files' hash, and whether they were kept before."""

    study: Study
    sha256: str


def load_study(app: Adapters, path_or_key: str) -> LoadedStudy:
    """
    Read a study's files, validate them whole and keep them as a version.

    Loading the same files again changes nothing.

    Raises:
        DefinitionError: with every fault, or an instrument changed under its old version.
        WaveState: the files leave out or change a wave that was begun.
        UnknownKey: neither a folder nor a study that ships with the package.
    """
    files = app.study_files(path_or_key)
    study = parse_study(files)
    faults = app.letter_faults(study, files)
    if faults:
        raise DefinitionError(f"The templates of '{study.key}' cannot be used.", faults=faults)
    wrong = calendar.faults(study)
    if wrong:
        raise DefinitionError(
            f"The calendar of study '{printable(study.key)}' has {len(wrong)} faults.",
            faults=[Fault(each, Where(file="study.toml", key="calendar")) for each in wrong],
            fix="correct the times of [calendar], or the fieldwork of the waves",
        )
    _leaves_fieldwork_alone(app, study)
    digest = app.store.keep_study(study.key, files, app.clock.now())
    log.info("loaded study=%s sha256=%s waves=%d", study.key, digest[:12], len(study.waves))
    return LoadedStudy(study=study, sha256=digest)


def _leaves_fieldwork_alone(app: Adapters, study: Study) -> None:
    """Refuse files that change a wave which was begun; what is kept now may itself be unreadable to this version."""
    states = app.store.wave_states(study.key)
    if not states:
        return
    try:
        before = app.study(study.key)
    except DefinitionError:
        return
    found = disturbances(before, with_fieldwork(study, app.store.moved_fieldwork(study.key)), states)
    if found:
        raise WaveState(
            f"Study '{printable(study.key)}' would change waves that were begun.",
            faults=[Fault(each, Where(file="study.toml", key="wave")) for each in found],
            fix="leave these waves as they are; what is kept stays as it was",
        )


def inbox(app: Adapters, study: Study, wave: int) -> Path:
    """Return the folder from which a wave's deliveries are collected."""
    return app.home / "inbox" / study.key / study.wave(wave).key


def simulate(
    app: Adapters, study_key: str, *, waves: Sequence[int | str] = (), seed: int = 1, members: int | None = None
) -> tuple[Path, ...]:
    """
    Write synthetic deliveries into the inboxes of `waves` (all by default) and return their paths.

    The same study, seed and size give the same bytes. A file's name says `synthetic`, and so does a column in it.
    """
    study = app.study(study_key)
    numbers = tuple(study.wave(wave).number for wave in waves) or tuple(wave.number for wave in study.waves)
    made = app.simulate(study, app.store.study_files(study_key), seed=seed, waves=numbers, members=members)
    return tuple(
        _write(inbox(app, study, number) / f"{study.key}-{study.wave(number).key}.synthetic.csv", content)
        for number, content in sorted(made.items())
    )


def _write(path: Path, content: bytes) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise StorageError(
            f"{path} cannot be written: {error.strerror}.", fix="free space, or set PANEL_HOME"
        ) from error
    return path
