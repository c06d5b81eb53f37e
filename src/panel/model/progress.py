"""Fieldwork against its plan: what earlier waves had reached by the same day, and where this one will end."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from panel.model.contact import ContactCount
from panel.model.rates import Rate

CONFIDENCE_95 = 1.959964


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Interviews of one wave by day of fieldwork (0 is the first), cumulated; days without a count are left out."""

    wave: str
    by_day: Mapping[int, int]

    @property
    def final(self) -> int:
        """Return the interviews at the last day that was counted."""
        return self.by_day[max(self.by_day)] if self.by_day else 0

    def share(self, day: int) -> float:
        """Return the share of the final interviews that was there by the end of a day of fieldwork."""
        past = [number for number in self.by_day if number <= day]
        return self.by_day[max(past)] / self.final if past and self.final else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """
    What should be there by today and what will be there at the end; None where no earlier wave tells.

    `low` and `high` are what the fastest and the slowest of the earlier waves would make of it.
    """

    expected: float | None
    forecast: float | None
    low: float | None
    high: float | None


def outlook(done: int, target: int, day: int, earlier: Sequence[Curve]) -> Outlook:
    """
    Return expected and forecast interviews from the curves of earlier waves.

    Expected is the target times the mean share that earlier waves had by this day; the forecast is what is done over
    that share. No model stands behind it but that the days go as they went.
    """
    shares = [each.share(day) for each in earlier if each.final]
    if not shares:
        return Outlook(expected=None, forecast=None, low=None, high=None)
    mean = sum(shares) / len(shares)
    return Outlook(
        expected=target * mean,
        forecast=_over(done, mean),
        low=_over(done, max(shares)),
        high=_over(done, min(shares)),
    )


def _over(done: int, share: float) -> float | None:
    return done / share if share else None


def margin_of_error(interviews: float | None, design_effect: float = 1.0) -> float | None:
    """
    Return half the 95 % interval of a share of one half, from so many interviews: 1.96 sqrt(deff / 4n).

    Source: Kish (1965), Survey Sampling, section 8.1: the effective number of interviews is n / deff.
    """
    if not interviews:
        return None
    return CONFIDENCE_95 * math.sqrt(design_effect / (4 * interviews))


@dataclass(frozen=True, slots=True, kw_only=True)
class DayDone:
    """One day of fieldwork: interviews that day, and all so far, as they were counted then."""

    day: str
    new: int
    done: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDone:
    """Cases and interviews of one group; the group is that of the member's last interview in an earlier wave."""

    domain: str
    group: str
    issued: int
    done: int
    share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NextAction:
    """
    One action of the calendar that is still to be done: its state in the ledger, when it is due, and what is wrong.

    `due` is wall time in the study's zone. One that is failed or missed keeps the later ones of its wave waiting.
    """

    action: str
    ordinal: int
    state: str
    due: str
    is_late: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaveView:
    """
    One wave as its operator sees it.

    `done` are complete and partial interviews; `ahead` is done less expected, negative where behind; `is_final` says
    that outcomes are those of a finalised wave. `unlisted` members answered and are in no sample. `contacted` counts
    members, `sent` and `held` letters; `contacts` says of which kind, and why.
    """

    study: str
    wave: str
    state: str
    day: int
    target: int
    issued: int
    not_issued: int
    done: int
    expected: float | None
    ahead: float | None
    forecast: float | None
    forecast_low: float | None
    forecast_high: float | None
    design_effect: float
    margin_now: float | None
    margin_forecast: float | None
    contacted: int
    sent: int
    held: int
    unlisted: int
    is_final: bool
    states: tuple[tuple[str, int], ...]
    rates: tuple[Rate, ...]
    retention: tuple[Rate, ...]
    days: tuple[DayDone, ...]
    groups: tuple[GroupDone, ...]
    contacts: tuple[ContactCount, ...]
    actions: tuple[NextAction, ...]
    next_steps: tuple[str, ...]
