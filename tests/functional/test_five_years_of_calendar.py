"""Five years of the calendar of creative-ai with a clock that is set: nothing missed, nothing twice, in order."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from panel.actions import fieldwork, ledger
from panel.actions.fieldwork import carry_out, prepare
from panel.actions.set_up import load_study
from panel.calendar import agenda
from panel.sources.studyfile import study_files
from tests.unit.watch_factory import Watch

STUDY = "creative-ai"
CALENDAR = """
[calendar]
allowed_hours = ["09:00", "20:00"]

[[calendar.action]]
kind = "invite"
days_after_opening = 0
at = "10:00"

[[calendar.action]]
kind = "remind"
days_after_opening = 14
at = "10:00"

[[calendar.action]]
kind = "remind"
ordinal = 2
days_after_end = -10
at = "10:00"

[[calendar.action]]
kind = "close"
days_after_end = 1
at = "02:30"

[[calendar.action]]
kind = "finalise"
days_after_end = 15
at = "09:00"
"""
STEP = timedelta(minutes=15)
OUTAGES = (("2026-09-28", "2026-10-03"), ("2028-02-28", "2028-03-02"), ("2030-10-14", "2030-10-16"))


def at(text):
    """Return a moment in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def years(tmp_path_factory):
    """Live through five years and a half, a tick each quarter of an hour near what is due; return what was seen."""
    watch = Watch(tmp_path_factory.mktemp("years"))
    watch.clock.at = at("2025-06-01")
    files = study_files(STUDY)
    files = {**files, "study.toml": files["study.toml"] + CALENDAR}
    watch.app = replace(watch.app, study_files=lambda _key: files)
    load_study(watch.app, STUDY)
    done = []

    def do(claimed):
        if claimed.entry.study != STUDY:
            return
        done.append((claimed.entry.key, watch.clock.now(), claimed.lateness))
        if claimed.entry.kind == "finalise":
            fieldwork.finish_close(watch.app, STUDY, claimed.entry.wave)
        elif claimed.entry.kind not in ("invite", "remind"):
            ledger.perform(watch.app, claimed.entry)

    waiting = [("2027", (2028, 2, 15), (2028, 3, 25)), ("2028", (2028, 9, 18), (2028, 10, 28))]
    while watch.clock.at < at("2031-01-15"):
        if watch.clock.at >= at("2027-06-01"):
            _postpone(watch, waiting)
        if not any(at(first) <= watch.clock.at < at(last) for first, last in OUTAGES):
            ledger.tick(watch.app, do)
        watch.clock.at = _next_look(watch)
    yield watch, done
    watch.app.store.close()


def _postpone(watch, waiting):
    """Put the wave of 2027 off across a leap day and the spring change, and end that of 2028 at the autumn's."""
    while waiting:
        wave, first, last = waiting.pop(0)
        dates = {"start": date(*first), "end": date(*last)}
        carry_out(watch.app, prepare(watch.app, STUDY, wave, "postpone", reason="elections", **dates))


def _next_look(watch):
    """Return when to tick next: each quarter of an hour from an hour before something falls due, else within a day."""
    now = watch.clock.at
    coming = [each.due for each in watch.app.store.actions(STUDY) if each.state == "planned"]
    near = min(coming, default=now + timedelta(days=9)) - timedelta(hours=1)
    return now + STEP if near <= now else min(near, now + timedelta(days=1))


def test_nothing_is_missed_and_nothing_done_twice(years):
    """Six waves of seven actions: every one is done, once."""
    watch, done = years
    entries = watch.app.store.actions(STUDY)
    assert len(entries) == 6 * 7
    assert Counter(each.state for each in entries) == {"done": 42}
    assert Counter(key for key, _, _ in done) == {each.key: 1 for each in entries}
    assert set(watch.app.store.wave_states(STUDY).values()) == {"closed"}


def test_the_order_is_kept_also_after_an_outage(years):
    """Of each wave and over all of them, by moment and precedence."""
    watch, done = years
    planned = [f"{each.study}/{each.wave}/{each.kind}/{each.ordinal}" for each in agenda(watch.app.study(STUDY))]
    assert [key for key, _, _ in done] == planned


def test_what_was_late_is_on_record_as_late_and_nothing_else_is(years):
    """Only what fell due in an outage, or waited for that, is later than a quarter of an hour."""
    watch, done = years
    due = {each.key: each for each in watch.app.store.actions(STUDY)}
    out = [(at(first), at(last)) for first, last in OUTAGES]
    late = {key for key, _, lateness in done if lateness > STEP.total_seconds()}
    expected = {key for key, entry in due.items() if any(first <= entry.due < last for first, last in out)}
    assert late == expected
    assert len(late) >= 3
    for key, when, lateness in done:
        assert lateness == pytest.approx((when - due[key].due).total_seconds())
        assert due[key].lateness == pytest.approx(lateness)


def test_the_clock_was_turned_both_ways_and_a_leap_day_kept(years):
    """A skipped hour is done an hour later by the wall, a repeated one at its first time, the leap day on its day."""
    watch, done = years
    moments = {key: when for key, when, _ in done}
    notes = {(each.wave_key, each.kind): each.note for each in agenda(watch.app.study(STUDY)) if each.note}
    assert "skipped" in notes["2027", "close"]
    assert "twice" in notes["2028", "close"]
    assert moments[f"{STUDY}/3/close/1"] == at("2028-03-26 01:30")
    assert moments[f"{STUDY}/4/close/1"] == at("2028-10-29 00:30")
    leap = next(each for each in agenda(watch.app.study(STUDY)) if (each.wave_key, each.kind) == ("2027", "remind"))
    assert leap.local == datetime.fromisoformat("2028-02-29 10:00")


def test_a_postponed_wave_took_its_actions_with_it(years):
    """Each was replanned, on record, and done at its new time only."""
    watch, _ = years
    events = [each.event for each in watch.app.store.action_events(STUDY, 3, "open", 1)]
    assert events == ["replan", "claim", "complete"]
    assert watch.app.study(STUDY).wave(3).fieldwork.start == date(2028, 2, 15)
