"""
Every error that is raised on purpose.

    PanelError                    1   (never raised itself)
    ├── DefinitionError          10   a study, instrument or suite file is wrong
    ├── SourceError              11   a delivery cannot be taken in
    ├── MergeConflict            12   two answers claim one place and no rule decides
    ├── CheckFailed              13   a critical check stands between the wave and the next step
    ├── UnknownVariable          14   a name that the instrument does not have
    ├── UnknownKey               15   a study, wave, release, group or member that is not there
    ├── WaveState                16   the step is not legal in the wave's state
    ├── ReleaseExists            17   a release would be overwritten
    ├── DisclosureRefused        18   the answer would disclose a person
    ├── SettingsError            19   the environment is not set up, or the database is not this version
    ├── StorageError             20   disk full, database locked, a file that changed under us
    ├── EstimateError            21   the figure asked for cannot be computed from these data
    ├── IncidentState            22   the step is not legal in the incident's state
    ├── DeliveryFailed           23   an alert could not be delivered
    ├── CaseState                24   the step is not legal in the case's state
    ├── MemberState              25   the step is not legal in the member's state
    └── ReleaseState             26   the step is not legal in the release's state

Each says what happened, where, and what to do; each class has one exit code.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a fault: a file, then a row and column, or a key path, or a check."""

    file: str | None = None
    row: int | None = None
    column: str | None = None
    key: str | None = None
    check: str | None = None

    def __str__(self) -> str:
        """Return the place in words, outermost first."""
        named = [
            (self.file, "{}"),
            (self.row, "row {}"),
            (self.column, "column '{}'"),
            (self.key, "key {}"),
            (self.check, "check {}"),
        ]
        return ", ".join(form.format(printable(value)) for value, form in named if value is not None)


@dataclass(frozen=True, slots=True)
class Fault:
    """One of several faults that are reported together."""

    what: str
    where: Where | None = None
    fix: str | None = None

    def lines(self) -> list[str]:
        """Return the fault as indented lines of a message."""
        place = f"  at {self.where}: " if self.where else "  "
        return [f"{place}{self.what}", *([f"      fix: {self.fix}"] if self.fix else [])]


class PanelError(Exception):
    """What happened, where, and what to do; `passes` where the same step may well succeed a while later."""

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        what: str,
        *,
        where: Where | None = None,
        fix: str | None = None,
        faults: Sequence[Fault] = (),
        passes: bool = False,
    ) -> None:
        self.what = what
        self.where = where
        self.fix = fix
        self.faults = tuple(faults)
        self.passes = passes
        super().__init__(what)

    def __str__(self) -> str:
        """Return the whole message: a sentence, the place, every fault, the fix."""
        lines = [self.what]
        if self.where:
            lines.append(f"  at {self.where}")
        for fault in self.faults:
            lines.extend(fault.lines())
        if self.fix:
            lines.append(f"  fix: {self.fix}")
        return "\n".join(lines)

    def __reduce__(self) -> tuple[object, ...]:
        """Keep every field when the error crosses a process."""
        return (_rebuild, (type(self), self.what, self.where, self.fix, self.faults, self.passes))


def _rebuild(
    kind: type[PanelError], what: str, where: Where | None, fix: str | None, faults: tuple[Fault, ...], passes: bool
) -> PanelError:
    return kind(what, where=where, fix=fix, faults=faults, passes=passes)


class DefinitionError(PanelError):
    """A study, instrument or suite file is wrong."""

    exit_code = 10


class SourceError(PanelError):
    """A delivery cannot be taken in."""

    exit_code = 11


class MergeConflict(PanelError):
    """Two answers claim one place and no rule decides."""

    exit_code = 12


class CheckFailed(PanelError):
    """A critical check stands between the wave and the next step."""

    exit_code = 13


class UnknownVariable(PanelError):
    """A name that the instrument does not have."""

    exit_code = 14


class UnknownKey(PanelError):
    """A study, wave, release, group or member that is not there."""

    exit_code = 15


class WaveState(PanelError):
    """The step is not legal in the wave's state."""

    exit_code = 16


class ReleaseExists(PanelError):
    """A release would be overwritten."""

    exit_code = 17


class DisclosureRefused(PanelError):
    """The answer would disclose a person."""

    exit_code = 18


class SettingsError(PanelError):
    """The environment is not set up, or the database is not this version."""

    exit_code = 19


class StorageError(PanelError):
    """The disk is full, the database is locked, or a file changed under us."""

    exit_code = 20


class EstimateError(PanelError):
    """The figure asked for cannot be computed from these data."""

    exit_code = 21


class IncidentState(PanelError):
    """The step is not legal in the incident's state."""

    exit_code = 22


class DeliveryFailed(PanelError):
    """An alert could not be delivered."""

    exit_code = 23


class CaseState(PanelError):
    """The step is not legal in the case's state."""

    exit_code = 24


class MemberState(PanelError):
    """The step is not legal in the member's state."""

    exit_code = 25


class ReleaseState(PanelError):
    """The step is not legal in the release's state."""

    exit_code = 26


_PASSING = frozenset(
    [
        *(errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.ENOMEM, errno.EMFILE, errno.ENFILE),
        *(errno.ENOSPC, errno.EDQUOT, errno.ESTALE, errno.ETIMEDOUT, errno.ENETDOWN, errno.ENETUNREACH),
        *(errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.ECONNRESET),
    ]
)
"""What the system says of a disk, a share or a network that is full, busy or away; all of it is mended elsewhere."""


def may_pass(error: BaseException) -> bool:
    """Say whether the same step may well succeed a while later: a lock, a full disk, a network that is away."""
    if isinstance(error, PanelError):
        return error.passes
    return isinstance(error, ConnectionError | TimeoutError) or (isinstance(error, OSError) and error.errno in _PASSING)


def printable(value: object, limit: int = 80) -> str:
    """
    Return `value` fit for a message: one line, no control or bidirectional marks, cut at `limit`.

    Content of files is hostile; a message must not move the cursor, reorder the line or flood the screen.
    """
    text = "".join(mark if mark.isprintable() else "\N{REPLACEMENT CHARACTER}" for mark in str(value))
    return text if len(text) <= limit else f"{text[: limit - 1]}…"


def did_you_mean(name: str, known: Iterable[str]) -> str | None:
    """Return "Did you mean 'x'?" for the nearest of `known`, or the whole list when short and nothing is near."""
    names = sorted(str(each) for each in known)
    near = get_close_matches(name, names, n=3, cutoff=0.6)
    if near:
        return "Did you mean " + " or ".join(f"'{each}'" for each in near) + "?"
    if names and len(names) <= 12:
        return "Known: " + ", ".join(names) + "."
    return None
