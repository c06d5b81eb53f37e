"""Read the table `calendar` of a study file, and fieldwork that is said by a rule."""

from __future__ import annotations

from datetime import time, timedelta

from panel.errors import DefinitionError, printable
from panel.model.agenda import ANCHORS, CONTACTS, KINDS, LATE, USUAL, CalendarRules, PlannedAction
from panel.model.reading import FIRST_DAY, Table
from panel.model.recurrence import day_of
from panel.model.study import Period


def read_period(table: Table, key: str) -> Period:
    """
    Return a period: its first and last day, or a day that comes back every year, the year, and how many days it lasts.

    `{start = 2027-10-01, end = 2027-11-30}` or `{on = "first monday of october", year = 2027, days = 56}`.
    """
    inner = table.table(key)
    if not table.has(key):
        table.fault("is not there", key, f"add {key} = {{start = 2027-10-01, end = 2027-11-30}}")
        return Period(start=FIRST_DAY, end=FIRST_DAY)
    period = _by_rule(inner) if inner.has("on") else Period(start=inner.day("start"), end=inner.day("end"))
    inner.done()
    if period.start > period.end:
        table.fault("starts after it ends", key, "exchange start and end")
    return period


def _by_rule(table: Table) -> Period:
    rule, year, days = table.get("on", str), table.get("year", int), table.get("days", int)
    if not 1970 <= year <= 9000 or not 1 <= days <= 366:
        table.fault("has a year or a number of days that cannot be", fix="days are from 1 to 366")
        return Period(start=FIRST_DAY, end=FIRST_DAY)
    try:
        start = day_of(rule, year)
    except DefinitionError as error:
        table.fault(error.what, "on", error.fix)
        return Period(start=FIRST_DAY, end=FIRST_DAY)
    return Period(start=start, end=start + timedelta(days=days - 1))


def read_calendar(table: Table) -> CalendarRules:
    """Return the calendar of every wave; what the study does not say is as usual."""
    hours = table.list_of("allowed_hours", str, ("08:00", "21:00"))
    allowed = tuple(_clock(table, "allowed_hours", each) for each in hours)
    if len(allowed) != 2 or allowed[0] >= allowed[1]:
        table.fault("is not a first and a last hour", "allowed_hours", 'write ["08:00", "21:00"]')
        allowed = (time(8), time(21))
    spacing = table.get("spacing_days", int, 3)
    if spacing < 0:
        table.fault(f"is {spacing}", "spacing_days", "write a whole number of 0 or more")
    places = [(each, _action(each)) for each in table.tables("action")]
    actions = [action for _, action in places]
    for number, (place, action) in enumerate(places):
        if (action.kind, action.ordinal) in [(each.kind, each.ordinal) for each in actions[:number]]:
            place.fault(f"is a second {action.kind} {action.ordinal}", "ordinal", "number them 1, 2, 3")
        if action.kind in CONTACTS and not allowed[0] <= action.at <= allowed[1]:
            window = f"{allowed[0]:%H:%M} and {allowed[1]:%H:%M}"
            place.fault(f"is {action.at:%H:%M}", "at", f"contacts leave between {window}")
    table.done()
    named = {each.kind for each in actions}
    usual = [each for each in USUAL if each.kind not in named]
    return CalendarRules(actions=(*usual, *actions), allowed=(allowed[0], allowed[1]), spacing_days=max(spacing, 0))


def _action(table: Table) -> PlannedAction:
    kind = table.one_of("kind", KINDS)
    anchors = [each for each in ANCHORS if table.has(f"days_after_{each}")]
    if len(anchors) != 1:
        fix = "give days_after_opening or days_after_end, one of them; days before are negative"
        table.fault("does not say when", fix=fix)
    for each in ANCHORS:
        table.get(f"days_after_{each}", int, 0)
    action = PlannedAction(
        kind=kind,
        ordinal=table.get("ordinal", int, 1),
        anchor=anchors[0] if anchors else "opening",
        days=table.get(f"days_after_{anchors[0]}", int, 0) if anchors else 0,
        at=_clock(table, "at", table.get("at", str)),
        late=table.one_of("late", LATE, "run"),
        within_hours=table.get("within_hours", int, 72),
    )
    table.done()
    if abs(action.days) > 366 or action.ordinal < 1 or action.within_hours < 0:
        table.fault("has a number that cannot be", fix="days within a year, ordinal from 1, within_hours from 0")
        return PlannedAction(kind=kind, anchor=action.anchor, days=0, at=action.at)
    return action


def _clock(table: Table, key: str, text: str) -> time:
    try:
        return time.fromisoformat(text) if len(text) == 5 else _no_time(table, key, text)
    except ValueError:
        return _no_time(table, key, text)


def _no_time(table: Table, key: str, text: str) -> time:
    if table.has(key):
        table.fault(f"is '{printable(text)}'", key, 'write a wall time as in "10:00"')
    return time(10)
