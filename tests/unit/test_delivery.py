"""Delivery: leases, pauses, dead letters that alert elsewhere, digests, and runs that did not happen."""

from datetime import UTC, datetime, timedelta

import pytest

from panel.actions import fieldwork, monitor
from panel.actions.delivery import Pace, deliver, deliver_due
from panel.actions.sweep import sweep
from panel.errors import DefinitionError, DeliveryFailed, SourceError, UnknownKey
from panel.model.incident import Reaction
from panel.model.load_routing import load_routing
from panel.model.quarantine import Decision, RowVerdict
from panel.model.results import Gate
from tests.unit.watch_factory import ROUTES, START, Watch, verdict

FIRST_DAY = datetime(2025, 10, 1, tzinfo=UTC)
DELIVERED = "member,wave,outcome,job,bread_share,submitted_at\nm1,one,done,1,50,2025-10-02\n"


@pytest.fixture
def watch(tmp_path):
    """Return the small study under watch."""
    made = Watch(tmp_path)
    yield made
    made.app.store.close()


def test_pauses_grow_up_to_an_hour_and_differ_by_chance():
    """Each about twice the one before, never under half of it, and never above the longest."""
    pace = Pace()
    assert [pace.pause(number, 1.0) for number in (0, 1, 2, 7, 60)] == [30, 60, 120, 3600, 3600]
    assert pace.pause(1, 0.0) == 30


def test_a_refused_message_is_tried_again_after_its_pause(watch):
    """Not before, and then with the same key."""
    watch.run(verdict())
    watch.sink.refuses = lambda target: "not taken in" if target == "chat" else ""
    first = deliver(watch.app, chance=lambda: 1.0)
    assert (first.sent, first.postponed, first.waiting) == (1, 1, 1)
    watch.sink.taken.clear()
    watch.sink.refuses = lambda _: ""
    watch.clock.pass_(seconds=29)
    assert watch.deliver() == []
    watch.clock.pass_(seconds=1)
    assert [each[:2] for each in watch.deliver()] == [("chat", "opened")]
    chat = next(each for each in watch.app.store.posted() if each.target == "chat")
    assert (chat.state, chat.attempts) == ("sent", 2)


def test_what_a_killed_worker_leased_is_done_by_another_after_the_lease(watch):
    """Before, nobody else has it; after, the first one's word no longer counts."""
    watch.run(verdict())
    store = watch.app.store
    lost = store.lease(60)
    while other := store.lease(60):
        store.sent(other, watch.clock.now())
    watch.clock.pass_(seconds=60)
    again = store.lease(60)
    assert [each.key for each in again.messages] == [each.key for each in lost.messages]
    assert not store.sent(lost, watch.clock.now())
    assert store.sent(again, watch.clock.now())
    assert store.lease(60) is None


def test_a_target_that_hangs_does_not_hold_up_the_others(watch):
    """After three refusals in a row the rest of its messages wait for the next run; a program gets each by itself."""
    watch.route(load_routing(ROUTES.replace('"mattermost"', '"webhook"')))
    watch.run(*(verdict(f"panel:{number}") for number in range(8)))
    tried = []
    watch.sink.refuses = lambda target: tried.append(target) or ("timeout" if target == "chat" else "")
    assert deliver(watch.app).sent == 8
    assert tried.count("chat") == 3


def test_a_storm_reaches_people_as_one(watch):
    """Eight checks that fail at once are one message a target, with every incident in it."""
    watch.run(*(verdict(f"panel:{number}") for number in range(8)))
    deliver(watch.app)
    assert {(target, len(messages)) for target, messages in watch.sink.taken} == {("chat", 8), ("mail", 8)}


def test_dead_letters_alert_elsewhere_and_stay_visible(watch):
    """After the last attempt the message is dead, an incident says so to the others, and it ends when it answers."""
    watch.run(verdict())
    watch.sink.refuses = lambda target: "gone" if target == "chat" else ""
    pace = Pace(attempts=2)
    deliver_due(watch.app, pace)
    watch.sink.taken.clear()
    watch.clock.pass_(minutes=2)
    assert deliver_due(watch.app, pace).dead == 1
    (dead,) = [each for each in watch.app.store.posted() if each.state == "dead"]
    assert (dead.target, dead.reason, dead.attempts) == ("chat", "gone", 2)
    (about,) = [each for each in watch.app.store.incidents() if each.check == "alerts:undelivered"]
    assert (about.subgroup, about.severity, about.state) == ("chat", "critical", "open")
    assert watch.deliver() == [("mail", "opened", about.id)]
    watch.sink.refuses = lambda _: ""
    watch.run(verdict("panel:other"))
    assert {each[1] for each in watch.deliver()} == {"opened", "resolved"}
    assert watch.app.store.incident(about.id).state == "resolved"


def test_when_nobody_answers_it_ends(watch):
    """Dead letters about dead letters make no more of them."""
    watch.run(verdict())
    watch.sink.refuses = lambda _: "gone"
    for _ in range(12):
        deliver_due(watch.app, Pace(attempts=2))
        watch.clock.pass_(hours=2)
    about = [each for each in watch.app.store.incidents() if each.check == "alerts:undelivered"]
    assert {each.subgroup for each in about} == {"chat", "mail"}
    assert watch.app.store.waiting_messages() == 0


def test_a_target_that_was_taken_out_of_the_file_is_a_dead_letter(watch):
    """What waits for it is told elsewhere."""
    watch.run(verdict())
    watch.route(load_routing(ROUTES.replace('key = "chat"', 'key = "talk"').replace('["chat",', '["talk",')))
    deliver_due(watch.app, Pace(attempts=1))
    assert [each.reason for each in watch.app.store.posted() if each.state == "dead"] == [
        "alerts.toml has no such target any more"
    ]


def test_a_wave_that_nobody_opened_is_missed(watch):
    """The dead-man's switch: a day after fieldwork should have begun; opening it resolves."""
    watch.clock.at = FIRST_DAY
    assert watch.deliver() == []
    watch.clock.pass_(days=1)
    told = watch.deliver()
    (missed,) = {incident for _, _, incident in told}
    assert watch.app.store.incident(missed).check == "calendar:opening"
    assert {target for target, _, _ in told} == {"chat", "mail"}
    fieldwork.open_wave(watch.app, "bakers", 1)
    assert {notice for _, notice, _ in watch.deliver()} == {"resolved"}


def test_a_wave_without_answers_or_not_closed_is_missed(watch):
    """A week without a delivery, and four weeks after the end without a close."""
    watch.clock.at = FIRST_DAY
    fieldwork.open_wave(watch.app, "bakers", 1)
    watch.clock.pass_(days=8)
    sweep(watch.app, "bakers")
    assert [each.check for each in watch.app.store.incidents()] == ["calendar:answers"]
    watch.clock.at = datetime(2025, 12, 29, tzinfo=UTC)
    sweep(watch.app, "bakers")
    assert "calendar:closing" in [each.check for each in watch.app.store.incidents()]
    fieldwork.begin_close(watch.app, "bakers", 1)
    fieldwork.finish_close(watch.app, "bakers", 1)
    sweep(watch.app, "bakers")
    assert {each.check: each.state for each in watch.app.store.incidents()}["calendar:closing"] == "resolved"


def test_what_fell_due_before_the_study_was_here_is_nobodys_omission(tmp_path):
    """A study of past waves that is loaded today raises nothing."""
    watch = Watch(tmp_path)
    watch.clock.at = datetime(2031, 1, 1, tzinfo=UTC)
    watch.app.store.loaded_at = lambda _key: watch.clock.at - timedelta(days=1)
    assert watch.deliver() == []
    assert watch.app.store.incidents() == []
    watch.app.store.close()


def test_what_is_held_for_too_long_is_told_its_owner(watch):
    """Looked for in the hour of the digest; a decision resolves it."""
    held = verdict("hold:x", severity="warning", owner="analyst", action="hold_cell", failing=(("m1", 1),))
    gate = Gate(study="bakers", wave=1, stage="panel", suite_digest="s", data_digest="d", verdicts=(held,))
    cell = RowVerdict(
        study="bakers", wave=1, member="m1", variable="job", check="hold:x", version=1, severity="warning",
        owner="analyst", action="hold_cell", why="w", value_digest="v",
    )  # fmt: skip
    watch.app.store.save_gate(gate, watch.clock.now())
    watch.app.store.add_row_verdicts("bakers", 1, [cell], watch.clock.now())
    watch.clock.at = START.replace(hour=6) + timedelta(days=14)  # eight in the morning in Amsterdam
    assert watch.deliver() == []
    watch.clock.pass_(days=2, hours=1)
    assert sweep(watch.app, "bakers") == Reaction()  # not at this hour
    watch.clock.pass_(hours=23)
    sweep(watch.app, "bakers")
    (late,) = watch.app.store.incidents()
    assert (late.check, late.owner, late.severity, late.failing_count) == (
        "quarantine:overdue",
        "analyst",
        "warning",
        1,
    )
    watch.app.store.decide([(cell, Decision(outcome="accept", by="me", reason="right", at=watch.clock.now()))])
    sweep(watch.app, "bakers")
    assert watch.app.store.incidents()[0].state == "resolved"


def test_a_sign_of_life_goes_out_once_in_each_period(watch):
    """Its silence is the alarm; two workers send one."""
    watch.route(load_routing('heartbeat = "boss"\nheartbeat_hours = 1\n' + ROUTES))
    assert [each[:2] for each in watch.deliver()] == [("boss", "alive")]
    assert watch.deliver() == []
    watch.clock.pass_(hours=1)
    assert [each[:2] for each in watch.deliver()] == [("boss", "alive")]


def test_trying_a_target_says_why_not(watch):
    """Without the address; a target that is not in the file is answered with the nearest."""
    assert monitor.try_target(watch.app, "mail").kind == "email"
    watch.sink.refuses = lambda _: "not taken in"
    with pytest.raises(DeliveryFailed, match="PANEL_TEST_MAIL"):
        monitor.try_target(watch.app, "mail")
    with pytest.raises(UnknownKey, match="mail"):
        monitor.try_target(watch.app, "mial")


def test_what_people_are_told_has_no_note(watch):
    """Notes may name people; they stay in the database."""
    watch.run(verdict())
    monitor.acknowledge(watch.app, watch.incidents()[0].id, note="ring anna@example.org, 06-12345678")
    watch.run(verdict(failing_count=90))
    deliver(watch.app)
    assert "anna" not in repr(watch.sink.taken)
    assert "ring anna@example.org" in watch.app.store.incident_events(watch.incidents()[0].id)[1].note


def test_the_account_of_an_incident_has_everything(watch):
    """State, history and what became of each message."""
    watch.run(verdict())
    deliver(watch.app)
    key = watch.incidents()[0].id
    monitor.acknowledge(watch.app, key, note="mine")
    found = monitor.account(watch.app, key)
    assert [each.event for each in found.events] == ["failed", "acknowledge"]
    assert [(each.target, each.state) for each in found.posted] == [("chat", "sent"), ("mail", "sent")]
    assert (found.alert.state, found.note, found.failing_waves) == ("acknowledged", "mine", ("2025",))
    assert [each.state for each in monitor.history(watch.app, "bakers", "panel:size")] == ["failed"]
    with pytest.raises(UnknownKey):
        monitor.account(watch.app, "ffff")
    with pytest.raises(UnknownKey):
        monitor.history(watch.app, "bakers", "panel:sise")


def test_open_alerts_come_first_by_severity_and_age(watch):
    """Resolved ones last."""
    watch.run(verdict("panel:w", severity="warning"))
    watch.clock.pass_(hours=1)
    watch.run(verdict("panel:w", severity="warning"), verdict("panel:c"), verdict("panel:d"))
    watch.clock.pass_(hours=1)
    watch.run(verdict("panel:d", "passed"), verdict("panel:e"))
    rows = [(each.check, each.state, each.age_hours) for each in monitor.alerts(watch.app, "bakers")]
    assert rows == [
        ("panel:c", "open", 1.0), ("panel:e", "open", 0.0), ("panel:w", "open", 2.0), ("panel:d", "resolved", 1.0),
    ]  # fmt: skip


def test_a_suite_that_cannot_be_used_is_an_incident_until_it_can(watch):
    """Nothing was checked, so nothing is green; the next run that checks resolves it."""
    watch.checker.says = DefinitionError("the suite repeats an id")
    from panel.actions.gate import check

    with pytest.raises(DefinitionError):
        check(watch.app, "bakers", 1, "responses")
    (broken,) = watch.incidents()
    assert (broken.check, broken.is_broken, broken.severity) == ("gate:suite", True, "critical")
    watch.run(verdict(state="passed"))
    assert watch.incidents()[0].state == "resolved"


ENTRY = """
[[expect]]
id = "any:age"
type = "expect_column_values_to_be_between"
column = "bread_share"
min_value = 0
severity = "warning"
owner = "operator"
action = "flag"
version = 1
why = {nl = "Het moet.", en = "It must."}
"""


@pytest.mark.parametrize(
    ("suite", "said"),
    [
        (ENTRY.replace("expect_column_values_to_be_between", "expect_column_values_to_be_betwen"), "betwen"),
        (ENTRY.replace('column = "bread_share"', 'column = "bread_shaer"'), "bread_shaer"),
        ("", "is empty"),
        (ENTRY.replace("min_value = 0", "min_value = 2025-01-01"), "date"),
        (ENTRY + ENTRY, "any:age"),
    ],
    ids=["misspelt type", "missing column", "empty file", "bare date", "duplicate id"],
)
def test_a_broken_suite_is_never_green_and_is_told(watch, tmp_path, suite, said):
    """It stops the gate with what is wrong, leaves no gate record, and reaches its targets."""
    from dataclasses import replace

    from panel.actions.gate import check
    from panel.actions.intake import collect
    from panel.checks import SuiteChecker
    from panel.sources.files import source_for

    folder = tmp_path / "suites"
    (folder / "any").mkdir(parents=True)
    (folder / "any" / "responses.toml").write_text(suite)
    app = replace(watch.app, checker=SuiteChecker(folder), source_for=source_for)
    fieldwork.open_wave(app, "bakers", 1)
    (tmp_path / "good.csv").write_text(DELIVERED)
    collect(app, "bakers", 1, [tmp_path / "good.csv"])
    with pytest.raises(DefinitionError, match=said):
        check(app, "bakers", 1, "responses")
    assert app.store.gates("bakers") == []
    (incident,) = watch.incidents()
    assert (incident.check, incident.is_broken, incident.severity) == ("gate:suite", True, "critical")
    assert {each[:2] for each in watch.deliver()} == {("chat", "opened"), ("mail", "opened")}


def test_a_gate_with_nothing_to_check_is_an_incident(watch):
    """No row is no pass."""
    watch.run()
    assert [each.check for each in watch.incidents()] == ["gate:rows"]


def test_a_refused_delivery_is_an_incident_until_one_is_taken_in(watch, tmp_path):
    """Written with the refusal; the file's name and content are in no message."""
    from dataclasses import replace

    from panel.actions.intake import collect
    from panel.sources.files import source_for

    app = replace(watch.app, source_for=source_for)
    fieldwork.open_wave(app, "bakers", 1)
    bad, good = tmp_path / "anna@example.org.csv", tmp_path / "good.csv"
    bad.write_text("colour\nred\n")
    with pytest.raises(SourceError):
        collect(app, "bakers", 1, [bad])
    (incident,) = app.store.incidents()
    assert (incident.check, incident.state) == ("intake:refused", "open")
    deliver(app)
    assert "anna" not in repr(watch.sink.taken)
    good.write_text(DELIVERED)
    collect(app, "bakers", 1, [good])
    assert app.store.incident(incident.id).state == "resolved"
