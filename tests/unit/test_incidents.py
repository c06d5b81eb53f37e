"""Incidents: what a monitor hears, and how often, through the real gate, store and outbox."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from panel.actions import monitor
from panel.actions.sightings import of_gate
from panel.errors import DefinitionError, IncidentState, StorageError
from panel.model.incident import BY_HAND, EVENTS, MOVES, STATES, move
from panel.model.results import Gate, Override
from tests.unit.watch_factory import START, Watch, verdict


@pytest.fixture
def watch(tmp_path):
    """Return the small study under watch."""
    made = Watch(tmp_path)
    yield made
    made.app.store.close()


def only(watch):
    """Return the one incident there is."""
    (incident,) = watch.incidents()
    return incident


def test_the_table_is_total_and_every_state_can_be_left():
    """Each pair of state and event has an entry; no state is a trap, and all are reached."""
    assert set(MOVES) == {(state, event) for state in STATES for event in EVENTS}
    assert {each.to for each in MOVES.values() if each} == set(STATES)
    for state in STATES:
        assert {each.to for (here, _), each in MOVES.items() if here == state and each} - {state}


def test_the_table_in_the_documentation_is_this_one():
    """The page for monitors says of every state and event where it leads, and whether people are told."""
    page = Path(__file__).parents[2] / "docs" / "how-to" / "hear-of-problems.md"
    rows = [line.strip()[1:-1].split("|") for line in page.read_text("utf-8").splitlines() if line.startswith("| ")]
    cells = {row[0].strip(): [each.strip() for each in row[1:]] for row in rows if row[0].strip() in STATES}
    assert set(cells) == set(STATES)
    events = ("failed", "worsened", "passed", "acknowledge", "silence", "resolve", "lapsed")
    for state, said in cells.items():
        for event, cell in zip(events, said, strict=True):
            found = MOVES[state, event]
            assert cell.split(",")[0].split(" ")[0] == (found.to if found else ""), (state, event)
            assert ("told" in cell) == bool(found and found.notice), (state, event)


@pytest.mark.parametrize(("state", "event"), sorted(MOVES))
def test_what_the_table_promises(state, event):
    """A silence is never broken, a pass never opens, a failure never closes, and a hand never acts on what is over."""
    found = MOVES[state, event]
    if state == "silenced" and event not in ("lapsed", "cleared"):
        assert found.notice is None
    if event in ("passed", "cleared") and found:
        assert found.to in ("resolved", "silenced")
    if event in ("failed", "worsened"):
        assert found.to != "resolved"
    if state == "resolved" and event in BY_HAND:
        assert found is None
    if found and found.to == "reopened" and state != "reopened":
        assert found.notice == "reopened"


def test_an_illegal_step_names_the_legal_ones(watch):
    """What cannot be done now is refused with what can."""
    watch.run(verdict())
    with pytest.raises(IncidentState, match="acknowledge, silence, resolve, assign"):
        move(only(watch), "lapsed")
    monitor.resolve(watch.app, only(watch).id, note="done")
    with pytest.raises(IncidentState, match="reopens by itself"):
        monitor.acknowledge(watch.app, only(watch).id, note="mine")


def test_ten_failures_are_one_incident_and_one_message_a_target_and_interval(watch):
    """Failing ten times in ten hours is told once; the eleventh, a day after the first, once more."""
    for _ in range(10):
        watch.run(verdict())
        watch.clock.pass_(hours=1)
    incident = only(watch)
    assert incident.occurrences == 10
    assert len(watch.app.store.incident_events(incident.id)) == 10
    assert of_rule(watch.deliver()) == [("chat", "opened", incident.id), ("mail", "opened", incident.id)]
    watch.clock.pass_(hours=14)
    watch.run(verdict())
    assert only(watch).occurrences == 11
    assert of_rule(watch.deliver()) == [("chat", "reminder", incident.id), ("mail", "reminder", incident.id)]


def of_rule(told):
    """Return what the targets of the rule were told; the boss hears besides, since nobody took it on."""
    return [each for each in told if each[0] != "boss"]


def test_better_is_resolved_with_notice_and_worse_is_reopened(watch):
    """A pass resolves and says after how long; a failure within a week is the same incident, later another."""
    watch.run(verdict())
    first = only(watch).id
    watch.deliver()
    watch.clock.pass_(hours=3)
    watch.run(verdict(state="passed"))
    assert (only(watch).state, only(watch).resolved_at - only(watch).opened_at) == ("resolved", timedelta(hours=3))
    assert watch.deliver() == [("chat", "resolved", first), ("mail", "resolved", first)]
    watch.clock.pass_(days=6)
    watch.run(verdict())
    assert (only(watch).id, only(watch).state) == (first, "reopened")
    assert watch.deliver() == [("chat", "reopened", first), ("mail", "reopened", first)]
    watch.run(verdict(state="passed"))
    watch.clock.pass_(days=8)
    watch.run(verdict())
    assert [each.id == first for each in watch.incidents()] == [True, False]


def test_an_acknowledged_incident_is_quiet_until_it_worsens(watch):
    """Whoever took it on is left in peace with the same, and told of half as much again."""
    watch.run(verdict(failing_count=10))
    watch.deliver()
    monitor.acknowledge(watch.app, only(watch).id, note="the bureau sends it anew", days=30)
    for count in (10, 14):
        watch.clock.pass_(days=2)
        watch.run(verdict(failing_count=count))
        assert (only(watch).state, watch.deliver()) == ("acknowledged", [])
    watch.run(verdict(failing_count=15))
    assert only(watch).state == "reopened"
    assert {notice for _, notice, _ in watch.deliver()} == {"reopened"}


def test_an_acknowledgement_ends_on_its_date(watch):
    """It keeps who, note and until; when the date comes and the check still fails, people hear of it again."""
    watch.run(verdict())
    watch.deliver()
    monitor.acknowledge(watch.app, only(watch).id, note="tomorrow", days=1)
    assert (only(watch).note, only(watch).until) == ("tomorrow", START + timedelta(days=1))
    assert only(watch).by
    watch.clock.pass_(hours=25)
    assert {(target, notice) for target, notice, _ in watch.deliver()} == {("chat", "reminder"), ("mail", "reminder")}
    assert only(watch).state == "open"


def test_a_silence_is_quiet_until_its_date_whatever_happens(watch):
    """Worse, better and worse again: nobody hears before the date, then once."""
    watch.run(verdict())
    watch.deliver()
    monitor.silence(watch.app, only(watch).id, until=START + timedelta(days=5), reason="the platform moves")
    for says in (verdict(failing_count=90), verdict(state="passed"), verdict(state="broken"), verdict()):
        watch.clock.pass_(days=1)
        watch.run(says)
        assert (only(watch).state, watch.deliver()) == ("silenced", [])
    watch.clock.pass_(days=1)
    assert {notice for _, notice, _ in watch.deliver()} == {"reminder"}
    assert only(watch).state == "open"


def test_what_passed_in_a_silence_is_resolved_at_its_end(watch):
    """At the end of the silence people hear that it is over."""
    watch.run(verdict())
    watch.deliver()
    monitor.silence(watch.app, only(watch).id, until=START + timedelta(days=2), reason="known")
    watch.run(verdict(state="passed"))
    watch.clock.pass_(days=2)
    assert {notice for _, notice, _ in watch.deliver()} == {"resolved"}


@pytest.mark.parametrize(("days", "reason"), [(91, "long"), (0, "now"), (-1, "past"), (5, " ")])
def test_a_silence_needs_an_end_within_ninety_days_and_a_reason(watch, days, reason):
    """Neither for ever nor without saying why."""
    watch.run(verdict())
    with pytest.raises(DefinitionError):
        monitor.silence(watch.app, only(watch).id, until=START + timedelta(days=days), reason=reason)
    assert only(watch).state == "open"


def test_the_fingerprint_is_neither_wave_nor_count(watch):
    """Another wave and other counts are the same incident; another subgroup, check or suite is another one."""
    watch.run(verdict(failing_count=10), wave=1)
    watch.run(verdict(failing_count=11), wave=2)
    assert (only(watch).occurrences, only(watch).failing_waves) == (2, (1, 2))
    watch.run(verdict(subgroup="zzp"), verdict("panel:other"), wave=2)
    assert len({each.fingerprint for each in watch.incidents()}) == 3


def test_a_pass_of_an_earlier_wave_does_not_hide_a_failure_of_a_later_one(watch):
    """Only a pass in the newest wave that failed, or in a later one, ends it."""
    watch.run(verdict(), wave=1)
    watch.run(verdict(), wave=2)
    watch.run(verdict(state="passed"), wave=1)
    assert only(watch).state == "open"
    watch.run(verdict(), wave=1)
    assert (only(watch).state, only(watch).wave) == ("open", 2)
    watch.run(verdict(state="passed"), wave=2)
    assert only(watch).state == "resolved"


def test_an_old_failure_judged_again_is_no_news(watch):
    """Wave 1 failed, wave 2 passed: that wave 1 still fails as it did, reopens nothing; that it is worse, does."""
    watch.run(verdict(), wave=1)
    watch.deliver()
    watch.run(verdict(state="passed"), wave=2)
    watch.deliver()
    watch.clock.pass_(days=400)
    watch.run(verdict(), wave=1)
    assert (only(watch).state, only(watch).occurrences, watch.incidents()[0].is_over) == ("resolved", 2, True)
    watch.run(verdict(failing_count=90), wave=1)
    assert [each.state for each in watch.incidents()] == ["resolved", "open"]


def test_an_override_on_record_resolves_with_who_and_why(watch):
    """A failure that was let pass is over, and says by whom and for which reason."""
    watch.run(verdict())
    override = Override(by="anna", reason="flood in week 43", at=START)
    watch.app.store.override("bakers", 1, "responses", "panel:size", override)
    watch.run(verdict())
    assert (only(watch).state, only(watch).by, only(watch).note) == ("resolved", "anna", "let pass: flood in week 43")


def test_a_schema_failure_mutes_the_rest_of_its_wave(watch):
    """People hear of the schema only; the rest is on record, passes are not believed, and is told once it can be."""
    schema = verdict("panel:columns", catalogue="S1", action="block_wave")
    watch.run(schema, verdict("panel:a"), verdict("panel:b"))
    told = watch.deliver()
    assert {notice for _, notice, _ in told} == {"opened"}
    (columns,) = {incident for _, _, incident in told}
    assert {each.check: each.is_muted for each in watch.incidents()} == {
        "panel:columns": False, "panel:a": True, "panel:b": True,
    }  # fmt: skip
    watch.run(schema, verdict("panel:a", "passed"), verdict("panel:b"))
    assert watch.deliver() == []
    assert all(each.state == "open" for each in watch.incidents())
    watch.run(verdict("panel:columns", "passed", catalogue="S1"), verdict("panel:a", "passed"), verdict("panel:b"))
    notices = {(notice, incident == columns) for _, notice, incident in watch.deliver()}
    assert notices == {("resolved", True), ("opened", False)}
    assert {each.check: each.state for each in watch.incidents()}["panel:a"] == "resolved"


SCHEMA_FAILS = verdict("responses:dtypes", catalogue="S1", action="block_wave")


@pytest.mark.parametrize(
    ("before", "now", "muted"),
    [
        ((SCHEMA_FAILS,), (verdict("panel:a"),), {"panel:a"}),
        ((verdict("responses:dtypes", catalogue="S1", severity="info"),), (verdict("panel:a"),), set()),
        (
            (),
            (verdict("panel:size", catalogue="S18"), verdict("panel:drift", catalogue="X9"), verdict("b")),
            {"panel:drift"},
        ),
        (
            (verdict("responses:row_count", catalogue="S18"),),
            (verdict("panel:drift", catalogue="X9"),),
            {"panel:drift"},
        ),
        ((), (verdict("panel:late", catalogue="S18", severity="warning"), verdict("d", catalogue="X9")), set()),
    ],
)
def test_what_follows_from_a_wave_that_is_wrong_is_muted(before, now, muted):
    """A wrong form mutes the later stage too; rows that are not the wave's mute what compares who came; no more."""
    earlier, later = (
        Gate(study="bakers", wave=1, stage=stage, suite_digest="", data_digest="", verdicts=verdicts)
        for stage, verdicts in (("responses", before), ("panel", now))
    )
    seen = of_gate(later, [earlier], is_synthetic=True)
    assert {each.check for each in seen if each.is_muted} == muted


def test_an_earlier_stage_is_not_muted_by_a_later_one(watch):
    """What the responses fail is told although the panel's form failed: they are not judged again after it."""
    app = watch.app
    panel = Gate(study="bakers", wave=1, stage="panel", suite_digest="", data_digest="", verdicts=(SCHEMA_FAILS,))
    app.store.save_gate(panel, app.clock.now())
    watch.run(verdict("responses:a"))
    assert [each.is_muted for each in watch.incidents()] == [False]


def test_a_critical_that_nobody_takes_on_goes_to_the_next(watch):
    """After four hours the boss hears, once; of one that was taken on, never."""
    watch.run(verdict())
    watch.deliver()
    watch.clock.pass_(hours=3.9)
    assert watch.deliver() == []
    watch.clock.pass_(hours=0.1)
    assert watch.deliver() == [("boss", "escalated", only(watch).id)]
    watch.clock.pass_(hours=9)
    assert watch.deliver() == []
    watch.run(verdict(state="passed"))
    assert ("boss", "resolved", only(watch).id) in watch.deliver()
    watch.run(verdict("panel:other"))
    watch.deliver()
    monitor.acknowledge(watch.app, watch.incidents()[1].id, note="mine")
    watch.clock.pass_(hours=5)
    assert watch.deliver() == []


def test_what_is_not_critical_waits_for_the_daily_digest(watch):
    """Warnings of a day are one message to each target, at eight in the morning in the study's country."""
    watch.run(verdict("panel:a", severity="warning"), verdict("panel:b", severity="info"))
    assert watch.deliver() == []
    watch.clock.pass_(hours=17.9)
    assert watch.deliver() == []
    watch.clock.pass_(hours=0.2)  # 08:00 in Amsterdam is 06:00 UTC in summer
    from panel.actions.delivery import deliver

    deliver(watch.app)
    ((target, messages),) = watch.sink.taken
    assert (target, [each.check for each in messages]) == ("mail", ["panel:a", "panel:b"])


def test_another_owner_hears_of_it(watch):
    """Handing over changes the owner for good, and tells."""
    watch.run(verdict())
    watch.deliver()
    monitor.assign(watch.app, only(watch).id, owner="analyst")
    assert {notice for _, notice, _ in watch.deliver()} == {"assigned"}
    watch.run(verdict())
    assert only(watch).owner == "analyst"


def test_history_is_never_changed(watch):
    """The database itself refuses."""
    from sqlalchemy import text

    watch.run(verdict())
    for statement in ("DELETE FROM incident_event", "UPDATE incident_event SET note = 'x'"):
        with pytest.raises(StorageError, match="never changed"), watch.app.store._writes() as connection:
            connection.execute(text(statement))


def test_a_gate_that_is_not_kept_leaves_no_incident(watch, monkeypatch):
    """Verdicts, incidents and messages are one transaction: when the outbox fails, nothing is there."""
    import panel.store.alerts as kept

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(kept, "_posting", full)
    with pytest.raises(StorageError, match="full"):
        watch.run(verdict())
    assert (watch.incidents(), watch.app.store.gates("bakers"), watch.app.store.posted()) == ([], [], [])
