"""Waves through fieldwork: what staging freezes, what stands in the way, and what is on record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from panel.actions import fieldwork
from panel.actions.delivery import deliver
from panel.actions.fieldwork import carry_out, prepare
from panel.errors import StorageError, WaveState
from panel.model.wave import BY_CLOSING, WAVE, steps
from tests.unit.study_factory import FILES
from tests.unit.watch_factory import Watch

STUDY = "bakers"


@pytest.fixture
def watch(tmp_path):
    """Return the small study under watch."""
    made = Watch(tmp_path)
    yield made
    made.app.store.close()


def do(watch, event, wave=1, **more):
    """Prepare a step and carry it out; return the state after it."""
    carry_out(watch.app, prepare(watch.app, STUDY, wave, event, **more))
    return watch.app.store.wave_states(STUDY)[wave]


def test_a_wave_goes_through_fieldwork_with_every_step_on_record(watch):
    """Each move is kept with who, when and why; nothing of it is ever changed."""
    steps = [
        ("stage", {}), ("unstage", {"reason": "a typing error"}), ("open", {}), ("pause", {"reason": "platform down"}),
        ("resume", {}), ("close", {}), ("reopen", {"reason": "strike", "end": date(2025, 12, 1)}),
        ("close", {}), ("finalise", {}), ("close", {}), ("finalise", {}), ("archive", {}),
    ]  # fmt: skip
    states = [do(watch, event, **more) for event, more in steps]
    assert states == [
        "staged", "planned", "open", "paused", "open", "closing", "open", "closing", "closed", "closing", "closed",
        "archived",
    ]  # fmt: skip
    told = fieldwork.history(watch.app, STUDY, 1)
    assert [each.event for each in told[:4]] == ["stage", "unstage", "stage", "open"]
    assert "amend" in [each.event for each in told]
    assert {each.reason for each in told} >= {"a typing error", "platform down", "strike"}
    assert all(each.by and each.at == watch.clock.now() for each in told)
    assert [each.from_state for each in told[1:]] == [each.to_state for each in told[:-1]]


def test_a_step_where_the_wave_is_already_changes_nothing(watch):
    """Opening twice is opening once, so that a flow may be run again after a crash."""
    do(watch, "open")
    before = fieldwork.history(watch.app, STUDY, 1)
    assert do(watch, "open") == "open"
    assert fieldwork.history(watch.app, STUDY, 1) == before


@pytest.mark.parametrize("event", ["unstage", "pause", "extend", "reopen", "cancel", "postpone"])
def test_what_departs_from_the_plan_is_refused_without_a_reason(watch, event):
    """The refusal says how to give it, and nothing moves."""
    legal = {"unstage": ["stage"], "pause": ["open"], "extend": ["open"], "reopen": ["open", "close"]}
    for each in legal.get(event, []):
        do(watch, each)
    for reason in ("", "  "):
        with pytest.raises(WaveState, match="reason on record") as refused:
            prepare(watch.app, STUDY, 1, event, reason=reason, end=date(2031, 1, 1))
        assert "--reason" in refused.value.fix


def test_what_is_prepared_changes_nothing(watch):
    """A dry run has no wave, no event, no incident, whatever stands in the way."""
    do(watch, "open")
    move = prepare(watch.app, STUDY, 2, "open")
    assert (move.events, move.to_state, len(move.obstacles)) == (("stage", "open"), "open", 1)
    assert watch.app.store.wave_states(STUDY) == {1: "open"}
    assert not watch.app.store.incidents()


def test_a_wave_does_not_open_before_the_one_before_has_ended_and_that_is_told(watch):
    """It is refused with an incident, not left to wait in silence; once it can open, the incident is over."""
    do(watch, "open")
    with pytest.raises(WaveState, match="cannot open"):
        fieldwork.open_wave(watch.app, STUDY, 2)
    assert watch.app.store.incidents() == []  # a slip of whoever typed it, years before its time, alarms nobody
    watch.clock.at = datetime(2026, 9, 30, 22, tzinfo=UTC)  # the first of October where the study is
    with pytest.raises(WaveState, match="cannot open"):
        fieldwork.open_wave(watch.app, STUDY, 2)
    (incident,) = watch.app.store.incidents()
    assert (incident.check, incident.wave, incident.state) == ("calendar:obstructed", 2, "open")
    deliver(watch.app)
    assert {notice for _, notice, _ in watch.sink.told()} == {"opened"}
    do(watch, "close")
    fieldwork.open_wave(watch.app, STUDY, 2)
    told = [each.state for each in watch.app.store.incidents() if each.check == "calendar:obstructed"]
    assert told == ["resolved"]


def test_a_crash_while_opening_leaves_nobody_without_a_case(tmp_path, monkeypatch):
    """Killed as soon as the wave is open, everybody in the sample has a case, whatever is done next."""
    from tests.unit.contact_factory import Office

    office = Office(tmp_path)
    office.watch.checker.digest = lambda _study: "suites"
    move = type(office.store).move_wave

    def killed(store, *rest, **more):
        move(store, *rest, **more)
        raise KeyboardInterrupt

    monkeypatch.setattr(type(office.store), "move_wave", killed)
    with pytest.raises(KeyboardInterrupt):
        office.open()
    assert office.store.wave_states(STUDY) == {1: "open"}
    assert {each.state for each in office.store.cases(STUDY, 1)} == {"issued"}
    assert len(office.store.cases(STUDY, 1)) == len(office.members)
    office.close()


def test_a_wave_that_was_called_off_is_in_nobodys_way(watch):
    """After a cancelled wave the next opens."""
    assert do(watch, "cancel", reason="no funding") == "cancelled"
    fieldwork.open_wave(watch.app, STUDY, 2)
    assert watch.app.store.wave_states(STUDY) == {1: "cancelled", 2: "open"}


def test_waves_are_not_in_the_field_together(watch):
    """A wave opens neither while an earlier nor while a later one is in the field; staging a later one is no matter."""
    do(watch, "stage")
    with pytest.raises(WaveState, match="cannot open") as refused:
        fieldwork.open_wave(watch.app, STUDY, 2)
    assert [each.what for each in refused.value.faults] == [
        "wave 2025 is staged: open and close it first, or unstage it"
    ]
    do(watch, "unstage", reason="not yet")
    fieldwork.open_wave(watch.app, STUDY, 2)
    with pytest.raises(WaveState, match="cannot open") as refused:
        fieldwork.open_wave(watch.app, STUDY, 1)
    assert [each.what for each in refused.value.faults] == ["wave 2026 is open: close it first"]
    fieldwork.begin_close(watch.app, STUDY, 2)
    fieldwork.open_wave(watch.app, STUDY, 1)
    assert watch.app.store.wave_states(STUDY) == {1: "open", 2: "closing"}


def test_what_staging_froze_is_what_is_fielded(watch):
    """A suite that changes after staging keeps the wave from opening, and the message names it; staging anew does."""
    do(watch, "stage")
    parts = {each.part: each.sha256 for each in watch.app.store.staged(STUDY, 1)}
    assert set(parts) >= {"instrument", "suites", "schedule", "sample"}
    watch.checker.says = (1,)
    with pytest.raises(WaveState) as refused:
        fieldwork.open_wave(watch.app, STUDY, 1)
    assert "the suites changed since the wave was staged" in str(refused.value)
    do(watch, "unstage", reason="the suites were mended")
    fieldwork.open_wave(watch.app, STUDY, 1)
    again = {each.part: each.sha256 for each in watch.app.store.staged(STUDY, 1)}
    assert {part for part in parts if parts[part] != again[part]} == {"suites"}


def test_a_refreshment_after_staging_is_seen_and_does_not_stall(watch, tmp_path):
    """Expected and loaded members differ: the counts are told, and staging again is all that is needed (ONS RM)."""
    from panel.actions.sample import load_sample
    from panel.sources.files import source_for

    watch.app = replace(watch.app, source_for=source_for)
    do(watch, "stage")
    file = tmp_path / "sample.csv"
    file.write_text("member\nA1\nA2\n")
    load_sample(watch.app, STUDY, 1, file, cohort="")
    with pytest.raises(WaveState) as refused:
        fieldwork.open_wave(watch.app, STUDY, 1)
    assert "the sample changed since the wave was staged (0 when it was staged, 2 now)" in str(refused.value)
    do(watch, "unstage", reason="two more")
    assert do(watch, "open") == "open"


def test_fieldwork_that_is_moved_is_that_of_the_study_from_then_on(watch):
    """Extended or postponed, the study says the new dates everywhere, and its files stay as they are."""
    app = watch.app
    first = app.study(STUDY).wave(1).fieldwork
    later = first.end.replace(day=first.end.day - 1) if first.end.day > 1 else first.end
    do(watch, "open")
    do(watch, "extend", end=later, reason="enough came")
    assert app.study(STUDY).wave(1).fieldwork.end == later
    second = app.study(STUDY).wave(2).fieldwork
    moved = second.start.replace(year=second.start.year, day=second.start.day + 1)
    do(watch, "postpone", 2, start=moved, end=second.end, reason="elections")
    assert app.study(STUDY).wave(2).fieldwork.start == moved
    assert app.store.study_files(STUDY) == FILES
    assert watch.app.store.wave_states(STUDY)[2] == "planned"


def test_history_is_never_changed_or_removed(watch):
    """The database itself refuses."""
    from sqlalchemy import text

    do(watch, "stage")
    for table in ("staging", "wave_event"):
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET study = 'x'"):
            with pytest.raises(StorageError, match="never changed"), watch.app.store._writes() as connection:
                connection.execute(text(statement))


def test_every_event_is_a_command_or_comes_with_one():
    """An operator can do whatever the machine allows."""
    from panel.cli import waves

    source = waves.register.__code__.co_consts + waves.register.__code__.co_names
    named = {str(each) for const in source for each in (const if isinstance(const, tuple) else (const,))}
    assert set(WAVE.events) - named == set(BY_CLOSING)  # both come with `wave close`
    assert {step for state in WAVE.states for step in steps(state)} == set(WAVE.events) - set(BY_CLOSING)
    assert (steps("closing"), steps("closed")) == (("reopen", "close"), ("close", "archive"))


def test_the_cases_of_waves_in_the_field_are_counted_each_day(watch, tmp_path):
    """Only of those; counting twice a day is counting once."""
    from panel.actions.ledger import count_days
    from panel.actions.sample import load_sample
    from panel.sources.files import source_for

    watch.app = replace(watch.app, source_for=source_for)
    file = tmp_path / "sample.csv"
    file.write_text("member\nA1\nA2\n")
    load_sample(watch.app, STUDY, 1, file, cohort="")
    assert count_days(watch.app).total == 0
    do(watch, "open")
    for _ in range(2):
        assert count_days(watch.app).total == 1
        everybody = [each for each in watch.app.store.days(STUDY, 1) if not each.domain]
        assert [(each.state, each.cases) for each in everybody] == [("issued", 2)]


def test_fieldwork_is_not_moved_where_the_calendar_would_lose_its_order(tmp_path):
    """A reminder that would come after closing is refused with the days it may have, before anything changes."""
    watch = Watch(tmp_path)
    remind = '\n[[calendar.action]]\nkind = "remind"\ndays_after_opening = 14\nat = "10:00"\n'
    watch.app.store.keep_study(STUDY, {**FILES, "study.toml": FILES["study.toml"] + remind}, watch.clock.now())
    kept = watch.app.study(STUDY).wave(1).fieldwork
    with pytest.raises(WaveState) as refused:
        do(watch, "postpone", start=kept.start, end=kept.start + timedelta(days=13), reason="elections")
    (fault,) = refused.value.faults
    window = f"{kept.start} 08:00 to {kept.start + timedelta(days=13)}"
    assert f"remind 1 must lie in fieldwork, {window}" in fault.what
    assert watch.app.study(STUDY).wave(1).fieldwork == kept
    assert do(watch, "postpone", start=kept.start, end=kept.start + timedelta(days=14), reason="x") == "planned"
    watch.app.store.close()
