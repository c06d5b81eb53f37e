"""Results of checks and the identity of a release."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

Severity = Literal["critical", "warning", "info"]
RANKS: dict[str, int] = {"info": 0, "warning": 1, "critical": 2}
"""Severities from the mildest to the worst."""
Stage = Literal["responses", "panel"]
Action = Literal["flag", "hold_cell", "hold_row", "block_wave"]
STAGES: tuple[str, ...] = ("responses", "panel")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A decision to let a failed critical check pass: who, why, when."""

    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """
    What one check said of one wave.

    With the action `hold_cell` the cells of `columns` are set aside in the rows that fail, with `hold_row` those rows;
    `block_wave` stops the flow whatever the severity. `version` counts changes of the rule, `catalogue` is its entry of
    the catalogue, `subgroup` says about whom it is, and `proposed` has the values that failing cells probably were
    meant to have, each with its key.

    `state` is passed, failed (the data are wrong) or broken (the check itself could not run, which never passes).
    `failing` are the (member, wave) keys of failing rows, all of them; `failing_count` counts them.
    """

    check: str
    expectation: str
    columns: tuple[str, ...]
    severity: Severity
    owner: str
    why: str
    state: Literal["passed", "failed", "broken"]
    checked_count: int
    failing_count: int
    failing: tuple[tuple[str, int], ...] = ()
    observed: str | None = None
    action: Action = "flag"
    override: Override | None = None
    version: int = 1
    catalogue: str = ""
    subgroup: str = ""
    proposed: tuple[tuple[str, int, float | str], ...] = ()

    @property
    def blocks(self) -> bool:
        """Say whether this verdict stands in the way of the next step."""
        stops = self.severity == "critical" or self.action == "block_wave" or self.state == "broken"
        return self.state != "passed" and stops and not self.override

    def overridden(self, override: Override) -> Verdict:
        """Return the verdict with a decision on record."""
        return replace(self, override=override)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """The record of one run of the suites over one stage of one wave."""

    study: str
    wave: int
    stage: Stage
    suite_digest: str
    data_digest: str
    verdicts: tuple[Verdict, ...]

    @property
    def blocking(self) -> tuple[Verdict, ...]:
        """Return the verdicts that stop the flow."""
        return tuple(verdict for verdict in self.verdicts if verdict.blocks)

    @property
    def is_open(self) -> bool:
        """Say whether the wave may go on: something was checked and nothing blocks."""
        return bool(self.verdicts) and not self.blocking


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRecord:
    """The identity of a release: the same content is the same release."""

    study: str
    key: str
    wave: int
    digest: str
    path: str
    is_synthetic: bool
    created_at: datetime
    manifest: str
