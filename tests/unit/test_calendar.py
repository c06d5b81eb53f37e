"""The calendar: rules of days, wall times and the moments they mean, and the order that contacts keep."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from panel.calendar import agenda, faults, moment_of
from panel.errors import DefinitionError
from panel.model.agenda import KINDS, PlannedAction
from panel.model.load import load_study
from panel.model.recurrence import MONTHS, ORDINALS, WEEKDAYS, day_of
from panel.model.study import Period
from tests.unit.study_factory import FILES, changed

AMSTERDAM = "Europe/Amsterdam"
FIRST, LAST = datetime.fromisoformat("2025-01-01"), datetime.fromisoformat("2035-01-01")  # wall times have no zone
CALENDAR = """
[calendar]
allowed_hours = ["09:00", "20:00"]
spacing_days = 5

[[calendar.action]]
kind = "invite"
days_after_opening = 0
at = "10:00"

[[calendar.action]]
kind = "remind"
days_after_opening = 14
at = "10:00"
late = "skip"
within_hours = 24

[[calendar.action]]
kind = "remind"
ordinal = 2
days_after_end = -7
at = "19:30"
"""


def study_with(text=CALENDAR):
    """Return the small study with this calendar."""
    files = {**FILES, "study.toml": FILES["study.toml"] + text}
    return load_study(files)


@pytest.mark.parametrize(
    ("rule", "year", "day"),
    [
        ("second monday of march", 2027, date(2027, 3, 8)),
        ("first monday of march", 2027, date(2027, 3, 1)),  # the month begins on one
        ("last friday of october", 2027, date(2027, 10, 29)),
        ("last thursday of february", 2028, date(2028, 2, 24)),
        ("Fourth  Sunday of February", 2026, date(2026, 2, 22)),
        ("29 february", 2028, date(2028, 2, 29)),
        ("29 february", 2027, date(2027, 2, 28)),
        ("1 october", 2030, date(2030, 10, 1)),
    ],
)
def test_a_rule_means_the_day_a_wall_calendar_shows(rule, year, day):
    """Days read off a printed calendar, leap years among them."""
    assert day_of(rule, year) == day


@given(st.sampled_from(ORDINALS), st.sampled_from(WEEKDAYS), st.sampled_from(MONTHS), st.integers(1971, 2200))
def test_every_rule_of_weekdays_means_one_day_of_its_month(ordinal, weekday, month, year):
    """It is that weekday of that month, in the week it says."""
    day = day_of(f"{ordinal} {weekday} of {month}", year)
    assert (day.year, MONTHS[day.month - 1], WEEKDAYS[day.weekday()]) == (year, month, weekday)
    if ordinal == "last":
        assert (day + timedelta(days=7)).month != day.month
    else:
        assert (day.day - 1) // 7 == ORDINALS.index(ordinal)


@pytest.mark.parametrize(
    "rule", ["fifth monday of march", "second moonday of march", "31 june", "30 february", "soon", ""]
)
def test_words_that_are_no_rule_are_refused_with_a_fix(rule):
    """The message says what is not understood and how to write it."""
    with pytest.raises(DefinitionError) as refused:
        day_of(rule, 2027)
    assert refused.value.fix


@pytest.mark.parametrize(
    ("local", "utc", "note"),
    [
        ("2027-01-15 10:00", "2027-01-15 09:00", ""),  # winter, one hour ahead
        ("2027-07-15 10:00", "2027-07-15 08:00", ""),  # summer, two
        ("2027-03-28 01:59", "2027-03-28 00:59", ""),
        ("2027-03-28 02:30", "2027-03-28 01:30", "skipped"),  # the clock goes from 2 to 3: it shows 3:30
        ("2027-03-28 03:00", "2027-03-28 01:00", ""),
        ("2027-10-31 02:30", "2027-10-31 00:30", "twice"),  # the first time, still summer
        ("2027-10-31 03:00", "2027-10-31 02:00", ""),
        ("2028-02-29 10:00", "2028-02-29 09:00", ""),
    ],
)
def test_a_wall_time_means_one_moment_also_when_the_clock_is_turned(local, utc, note):
    """Amsterdam, moments worked out by hand from the dates on which the clock is turned."""
    found = moment_of(datetime.fromisoformat(local), AMSTERDAM)
    assert found.at == datetime.fromisoformat(utc).replace(tzinfo=UTC)
    assert (note in found.note) if note else found.note == ""


@given(st.datetimes(FIRST, LAST), st.sampled_from([AMSTERDAM, "America/Curacao", "UTC"]))
def test_a_moment_shows_the_wall_time_it_was_made_of(local, zone):
    """Save for an hour that does not exist, the wall clock shows at that moment what the study says."""
    found = moment_of(local, zone)
    shown = found.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    assert shown == local or ("skipped" in found.note and shown == local + timedelta(hours=1))


def test_a_study_that_says_nothing_has_the_usual_calendar():
    """Every wave is staged, opened, closed and finalised, in that order, and nobody is written to."""
    study = load_study(FILES)
    due = agenda(study)
    assert [each.kind for each in due if each.wave == 1] == ["stage", "open", "close", "finalise"]
    assert faults(study) == ()
    opening = next(each for each in due if each.kind == "open")
    assert opening.local == datetime.combine(study.wave(1).fieldwork.start, time(8))


def test_contacts_are_put_between_opening_and_the_end():
    """Offsets count from the first or the last day; the agenda is ordered by moment and then by kind."""
    study = study_with()
    due = [each for each in agenda(study) if each.wave == 1]
    first, last = study.wave(1).fieldwork.start, study.wave(1).fieldwork.end
    assert [(each.kind, each.ordinal) for each in due] == [
        ("stage", 1), ("open", 1), ("invite", 1), ("remind", 1), ("remind", 2), ("close", 1), ("finalise", 1),
    ]  # fmt: skip
    assert due[2].local == datetime.combine(first, time(10))
    assert due[3].local == datetime.combine(first + timedelta(days=14), time(10))
    assert due[4].local == datetime.combine(last - timedelta(days=7), time(19, 30))
    assert (due[3].late, due[3].not_after - due[3].at) == ("skip", timedelta(hours=24))
    assert faults(study) == ()


def test_what_is_due_at_one_moment_has_an_order():
    """Opening comes before inviting and closing before finalising, whatever the file says first (ONS: no ORDER BY)."""
    study = load_study(FILES)
    at_once = tuple(PlannedAction(kind=kind, anchor="opening", days=0, at=time(9)) for kind in reversed(KINDS))
    due = agenda(replace(study, calendar=replace(study.calendar, actions=at_once)))
    assert [each.kind for each in due if each.wave == 1] == list(KINDS)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "days_after_opening = 14",
            "days_after_opening = 3",
            "remind 1 must come on or after 2025-10-06 10:00",
        ),
        ("days_after_end = -7", "days_after_end = 1", "remind 2 must lie in fieldwork, 2025-10-01 08:00 to 2025-11-30"),
        ("days_after_opening = 0", "days_after_opening = -1", "invite 1 must lie in fieldwork, 2025-10-01 08:00"),
        ("days_after_opening = 14", "days_after_opening = 55", "remind 2 must come on or after"),
    ],
)
def test_an_order_that_cannot_be_is_said_with_the_window(old, new, said):
    """Open, then contacts apart from each other, then the end: the message has the window that is allowed."""
    found = faults(study_with(CALENDAR.replace(old, new)))
    assert any(said in each for each in found), found


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ('kind = "close"\ndays_after_end = 0\nat = "12:00"', "close must come after 2025-11-30"),
        ('kind = "finalise"\ndays_after_end = 0\nat = "12:00"', "finalise must not come before 2025-12-01 00:30"),
        ('kind = "stage"\ndays_after_opening = 1\nat = "12:00"', "stage must come before 2025-10-01 08:00"),
        ('kind = "close"\ndays_after_end = 340\nat = "12:00"', "open must come after"),
    ],
)
def test_a_wave_is_staged_opened_closed_and_finalised_in_order(action, said):
    """Also across waves: one does not open before the one before closes."""
    found = faults(study_with(f"[[calendar.action]]\n{action}"))
    assert any(said in each for each in found), found


def test_contacts_of_two_waves_keep_their_distance():
    """The last reminder of a wave and the invitation of the next lie at least so many days apart."""
    study = study_with(CALENDAR.replace("days_after_end = -7", "days_after_end = 0"))
    first, second = study.waves[:2]
    start = first.fieldwork.end + timedelta(days=1)
    near = replace(study, waves=(first, replace(second, fieldwork=Period(start=start, end=second.fieldwork.end))))
    assert any("5 days after the last contact of 2025" in each for each in faults(near))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('at = "19:30"', 'at = "21:30"', "contacts leave between 09:00 and 20:00"),
        ('at = "19:30"', 'at = "soon"', "write a wall time"),
        ('kind = "invite"', 'kind = "inivte"', "Did you mean 'invite'"),
        ("ordinal = 2", "ordinal = 1", "is a second remind 1"),
        ("days_after_end = -7", "", "does not say when"),
        ("days_after_end = -7", "days_after_end = 9999", "has a number that cannot be"),
        ('["09:00", "20:00"]', '["20:00", "09:00"]', "is not a first and a last hour"),
        ("spacing_days = 5", "spacing_days = -1", "whole number of 0 or more"),
        ('late = "skip"', 'late = "later"', "is 'later'"),
    ],
)
def test_a_wrong_calendar_is_said_with_its_place(old, new, said):
    """Every fault names the key and how to write it."""
    with pytest.raises(DefinitionError) as refused:
        study_with(CALENDAR.replace(old, new))
    assert said in str(refused.value)
    assert "calendar" in str(refused.value)


def test_fieldwork_can_be_said_by_a_rule():
    """From the first Monday of October, for eight weeks."""
    files = changed(
        "study.toml",
        "fieldwork = {start = 2025-10-01, end = 2025-11-30}",
        'fieldwork = {on = "first monday of october", year = 2025, days = 56}',
    )
    assert load_study(files).wave(1).fieldwork == Period(start=date(2025, 10, 6), end=date(2025, 11, 30))
