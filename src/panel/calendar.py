"""What falls due when: the actions of every wave in local wall time, and the moments they mean. Pure; no clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from panel.model.agenda import ENDINGS, KINDS, Kind, Late, PlannedAction
from panel.model.study import Study, Wave


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """
    One action of one wave.

    `local` is the wall time in `zone` that the study says; `at` the moment it means, computed with the rules of the
    zone as they are known. `note` says where that wall time is skipped or comes twice. `precedence` orders actions that
    are due at one moment, `not_after` is when the late policy begins.
    """

    study: str
    wave: int
    wave_key: str
    kind: Kind
    ordinal: int
    local: datetime
    zone: str
    at: datetime
    precedence: int
    late: Late
    not_after: datetime
    note: str = ""

    @property
    def key(self) -> str:
        """Return the key that the action has in the ledger."""
        return f"{self.study}/{self.wave}/{self.kind}/{self.ordinal}"


def agenda(study: Study) -> tuple[Due, ...]:
    """Return every action of every wave, in the order in which they are to be done: by moment, then precedence."""
    found = [_due(study, wave, action) for wave in study.waves for action in study.calendar.actions]
    return tuple(sorted(found, key=lambda each: (each.at, each.precedence, each.ordinal, each.wave)))


def counted(due: Iterable[Due], reopened: Mapping[int, int]) -> tuple[Due, ...]:
    """Return actions with those that end a wave numbered on for each time it was reopened: it ends once more then."""
    return tuple(
        replace(each, ordinal=each.ordinal + reopened.get(each.wave, 0)) if each.kind in ENDINGS else each
        for each in due
    )


def _due(study: Study, wave: Wave, action: PlannedAction) -> Due:
    day = wave.fieldwork.start if action.anchor == "opening" else wave.fieldwork.end
    local = datetime.combine(day + timedelta(days=action.days), action.at)
    moment = moment_of(local, study.time_zone)
    return Due(
        study=study.key,
        wave=wave.number,
        wave_key=wave.key,
        kind=action.kind,
        ordinal=action.ordinal,
        local=local,
        zone=study.time_zone,
        at=moment.at,
        precedence=KINDS.index(action.kind),
        late=action.late,
        not_after=moment.at + timedelta(hours=action.within_hours),
        note=moment.note,
    )


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment in UTC, and what was decided where the clock is turned."""

    at: datetime
    note: str = ""


def moment_of(local: datetime, zone: str) -> Moment:
    """
    Return the moment that a wall time means.

    A wall time that the spring change skips is as many minutes later as the clock is put forward, so that it never
    comes before what was to be done just before it. One that the autumn change repeats is the first of the two.
    """
    place = ZoneInfo(zone)
    first, second = (local.replace(tzinfo=place, fold=fold) for fold in (0, 1))
    at = first.astimezone(UTC)
    if first.utcoffset() == second.utcoffset():
        return Moment(at)
    if at.astimezone(place).replace(tzinfo=None) != local:
        there = at.astimezone(place)
        return Moment(at, f"{local:%H:%M} is skipped when the clock goes forward: {there:%H:%M}")
    return Moment(at, f"{local:%H:%M} comes twice when the clock goes back: the first time")


def faults(study: Study) -> tuple[str, ...]:
    """
    Return what is wrong with the order of a study's calendar, each with the window that is allowed.

    In a wave: staging, opening, invitations, reminders in order, the end of fieldwork, closing, finalising. Between two
    contacts lie at least `spacing_days`, from the last of a wave to the first of the next as well; thanks go to those
    who answered and so count for neither. No wave opens before the wave before it closes.
    """
    found: list[str] = []
    for wave in study.waves:
        found += _order(study, wave)
    return (*found, *_between(study))


def _order(study: Study, wave: Wave) -> list[str]:
    due = [each for each in agenda(study) if each.wave == wave.number]
    of = {kind: [each for each in due if each.kind == kind] for kind in KINDS}
    opening, closing = of["open"][0], of["close"][0]
    last_day = datetime.combine(wave.fieldwork.end, datetime.max.time())
    found = []
    if of["stage"] and of["stage"][0].at > opening.at:
        found.append(f"wave {wave.key}: stage must come before {opening.local:%Y-%m-%d %H:%M}, when it opens")
    for each in (*of["invite"], *of["remind"], *of["thank"]):
        if not opening.at <= each.at or each.local > last_day:
            window = f"{opening.local:%Y-%m-%d %H:%M} to {last_day:%Y-%m-%d}"
            found.append(f"wave {wave.key}: {each.kind} {each.ordinal} must lie in fieldwork, {window}")
    for one, other in pairwise(sorted((*of["invite"], *of["remind"]), key=lambda x: (x.precedence, x.ordinal))):
        least = one.local + timedelta(days=study.calendar.spacing_days)
        if other.local < least:
            what = f"{other.kind} {other.ordinal} must come on or after {least:%Y-%m-%d %H:%M}"
            found.append(f"wave {wave.key}: {what}, {study.calendar.spacing_days} days after {one.kind} {one.ordinal}")
    if closing.local <= last_day:
        found.append(f"wave {wave.key}: close must come after {wave.fieldwork.end}, the last day of fieldwork")
    if of["finalise"] and of["finalise"][0].at < closing.at:
        found.append(f"wave {wave.key}: finalise must not come before {closing.local:%Y-%m-%d %H:%M}, when it closes")
    return found


def _between(study: Study) -> list[str]:
    found = []
    for one, other in pairwise(study.waves):
        before, after = (_of(study, wave) for wave in (one, other))
        closing, opening = (
            next(each for each in rows if each.kind == kind) for rows, kind in ((before, "close"), (after, "open"))
        )
        if opening.at < closing.at:
            least = f"{closing.local:%Y-%m-%d %H:%M}, when {one.key} closes"
            found.append(f"wave {other.key}: open must come after {least}")
        sent = [each for each in before if each.kind in ("invite", "remind")]
        next_sent = [each for each in after if each.kind in ("invite", "remind")]
        if sent and next_sent:
            earliest = max(each.local for each in sent) + timedelta(days=study.calendar.spacing_days)
            first = min(next_sent, key=lambda each: each.local)
            if first.local < earliest:
                found.append(
                    f"wave {other.key}: {first.kind} {first.ordinal} must come on or after {earliest:%Y-%m-%d %H:%M}, "
                    f"{study.calendar.spacing_days} days after the last contact of {one.key}"
                )
    return found


def _of(study: Study, wave: Wave) -> Sequence[Due]:
    return [each for each in agenda(study) if each.wave == wave.number]
