"""The operator's view: counts that equal a count of the table, held against what earlier waves had by the same day."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from panel.actions import cases, ledger, members, progress, sample
from panel.calendar import agenda
from panel.cli.output import Format
from panel.cli.progress import PARTS, part, show_wave
from panel.model.contact import ContactCount
from panel.model.progress import Curve, margin_of_error, outlook
from panel.ports.contacts import Handover
from tests.unit import test_sample
from tests.unit.contact_factory import Office, response
from tests.unit.test_sample import loaded, of, written

app = test_sample.app
FIRST = Curve(wave="1", by_day={0: 0, 5: 40, 20: 100})
SECOND = Curve(wave="2", by_day={0: 10, 5: 60, 30: 200})


def test_expected_is_the_share_that_earlier_waves_had():
    """By day 5 the first had 40 % and the second 30 %: of a target of 200 that is 70, and 35 done will be 100."""
    found = outlook(35, 200, 5, [FIRST, SECOND])
    assert found.expected == pytest.approx(70)
    assert found.forecast == pytest.approx(100)
    assert (found.low, found.high) == (pytest.approx(87.5), pytest.approx(35 / 0.3))


def test_a_day_without_a_count_has_that_of_the_day_before():
    """Between counts a curve stays where it was; before the first there is nothing, after the last all of it."""
    assert [FIRST.share(day) for day in (-1, 4, 19, 99)] == [0, 0, 0.4, 1]


def test_without_an_earlier_wave_nothing_is_expected():
    """No curve, or one of a wave without interviews, makes no expectation; nothing is divided by zero."""
    for earlier in ([], [Curve(wave="1", by_day={0: 0})]):
        assert outlook(3, 10, 5, earlier).expected is None
    assert outlook(3, 10, -1, [FIRST]).forecast is None


def test_the_margin_of_error_is_that_of_arithmetic():
    """400 interviews give 4.9 points; with a design effect of 2, 6.9; none give none."""
    assert margin_of_error(400) == pytest.approx(0.0489991)
    assert margin_of_error(400, 2.0) == pytest.approx(0.0692952, abs=1e-6)
    assert margin_of_error(0) is None


@pytest.fixture
def waved(app, tmp_path):
    """Return the bakers after a first wave of four members on two days, and on the third day of the second."""
    app.clock.at = datetime(2025, 10, 1, 12, tzinfo=UTC)
    loaded(app, tmp_path, "ann", "bob", "cas", "dan")
    for day, name in ((1, "ann"), (5, "bob"), (9, "cas")):
        app.clock.at = datetime(2025, 10, day, 12, tzinfo=UTC)
        cases.act(app, "bakers", 1, of(name), "complete")
        progress.snapshot(app, "bakers", 1)
    cases.finalise(app, "bakers", 1)
    members.move(app, "bakers", of("dan"), "rejoin", reason="test")
    app.clock.at = datetime(2026, 10, 5, 12, tzinfo=UTC)
    sample.load_sample(app, "bakers", 2, written(tmp_path / "t.csv", "eve,south"), cohort="refresh")
    cases.issue(app, "bakers", 2)
    cases.act(app, "bakers", 2, of("ann"), "contact")
    cases.act(app, "bakers", 2, of("ann"), "complete")
    cases.act(app, "bakers", 2, of("eve"), "save")
    return app


def test_a_wave_is_held_against_the_one_before(waved):
    """On the fifth day two of the three interviews of the first wave were there; with two of four ours is behind."""
    found = progress.view(waved, "bakers", 2)
    assert (found.day, found.target, found.issued, found.done, found.contacted) == (4, 4, 5, 2, 1)
    assert found.expected == pytest.approx(4 * 2 / 3)
    assert found.ahead == pytest.approx(2 - 8 / 3)
    assert found.forecast == pytest.approx(3)
    assert found.margin_forecast == pytest.approx(margin_of_error(3))


def test_the_numbers_are_those_of_the_table(waved):
    """States, groups and totals equal a count by SQL; groups of a domain add up to the issued."""
    found = progress.view(waved, "bakers", 2)
    query = "SELECT state, COUNT(*) FROM member_case WHERE wave = 2 GROUP BY state"
    with waved.store._reads() as connection:
        assert dict(found.states) == dict(connection.execute(text(query)).all())
    for domain in ("stratum", "cohort", "class"):
        own = [each for each in found.groups if each.domain == domain]
        assert (sum(each.issued for each in own), sum(each.done for each in own)) == (found.issued, found.done)
    assert {(each.group, each.done, each.issued) for each in found.groups if each.domain == "cohort"} == {
        ("2025", 1, 4),
        ("refresh", 1, 1),
    }


def test_retention_is_told_by_cohort(waved):
    """Of the three interviewed at entry one is interviewed now; a cohort that entered now has none yet."""
    (kept,) = progress.view(waved, "bakers", 2).retention
    assert (kept.label, kept.numerator, kept.denominator) == ("retention rate, cohort 2025", 1, 3)


def test_a_day_that_is_over_stays_as_it_was_counted(waved):
    """What changes later does not change the count of an earlier day: it is stored, not derived."""
    before = progress.view(waved, "bakers", 1).days
    assert [(each.day, each.new, each.done) for each in before[:3]] == [
        ("2025-10-01", 1, 1),
        ("2025-10-05", 1, 2),
        ("2025-10-09", 1, 3),
    ]
    cases.act(waved, "bakers", 1, of("dan"), "complete")
    assert progress.view(waved, "bakers", 1).days[:3] == before[:3]


def test_a_count_that_differs_is_told_and_stops_nothing(waved, tmp_path):
    """Members without a case are a next step; the view still comes."""
    sample.load_sample(waved, "bakers", 2, written(tmp_path / "u.csv", "fay,south"))
    found = progress.view(waved, "bakers", 2)
    assert any("1 members have no case" in each for each in found.next_steps)
    assert found.done == 2


def test_what_the_calendar_has_is_a_next_step(waved):
    """Actions of this wave that are still to come are told, the first three, after what is pressing."""
    coming = [each for each in agenda(waved.study("bakers")) if each.wave == 2 and each.at >= waved.clock.now()]
    told = [each for each in progress.view(waved, "bakers", 2).next_steps if " due: " in each]
    assert coming
    assert told == [f"{each.local:%Y-%m-%d %H:%M} due: {each.kind} {each.ordinal}" for each in coming[:3]]


def test_an_opt_in_study_is_told_no_response_rate(waved):
    """The names of the rates follow the kind of sample."""
    assert [each.key for each in progress.view(waved, "bakers", 2).rates][:1] == ["RR1"]
    files = dict(waved.store.study_files("bakers"))
    files["study.toml"] = files["study.toml"].replace("is_probability_sample = true", "is_probability_sample = false")
    waved.store.keep_study("bakers", files, waved.clock.now())
    found = progress.view(waved, "bakers", 2)
    assert {each.key: each.value for each in found.rates} == {"participation": 0.4, "completion": 0.5}
    assert "response rate" not in str(found)


def test_a_wave_without_a_sample_says_what_to_do(app):
    """Zeros, and the command that loads one."""
    found = progress.view(app, "bakers", 1)
    assert (found.issued, found.done, found.margin_now) == (0, 0, None)
    assert "panelctl sample load" in found.next_steps[0]


def test_an_action_tells_its_state_in_the_ledger(waved):
    """What is late or missed says so and comes first; what is skipped or done is left out."""
    waved.clock.at = datetime(2026, 8, 1, 12, tzinfo=UTC)
    waved.store.keep_study("bakers", waved.store.study_files("bakers"), waved.clock.now())
    ledger.plan(waved, "bakers")
    before = progress.view(waved, "bakers", 2).actions
    assert {each.state for each in before} == {"planned"}
    first, second = before[:2]
    skip = {"by": "me", "reason": "by hand", "at": waved.clock.now()}
    waved.store.move_action("bakers", 2, first.action, first.ordinal, "skip", **skip)
    assert progress.view(waved, "bakers", 2).actions == before[1:]
    waved.clock.at = datetime(2026, 10, 5, 12, tzinfo=UTC)
    found = progress.view(waved, "bakers", 2)
    assert (found.actions[0].action, found.actions[0].is_late) == (second.action, True)
    assert f"{second.due} late: {second.action} {second.ordinal}" in found.next_steps


def test_letters_are_counted_by_what_became_of_them(tmp_path):
    """One sent, one that came back, one held since its member answered; each held at selection is counted as well."""
    office = Office(tmp_path)
    office.open()
    first, _, third = office.members
    office.select()
    response(office, first, "complete")
    office.mailbox.says = lambda letter: Handover(outcome="bounced" if third in letter.to else "taken")
    office.send()
    office.clock.pass_(days=3)
    office.select("remind")
    found = progress.view(office.app, "bakers", 1)
    told = [(each.kind, each.outcome, each.reason, each.members) for each in found.contacts]
    assert told == [
        ("invite", "bounced", "bounced", 1),
        ("invite", "held", "answered", 1),
        ("invite", "sent", "", 1),
        ("remind", "held", "answered", 1),
        ("remind", "held", "bounced", 1),
        ("remind", "waiting", "", 1),
    ]
    assert (found.sent, found.held, found.contacted) == (1, 3, 1)
    office.close()


@pytest.mark.parametrize("name", PARTS)
def test_every_part_is_printed(waved, capsys, name):
    """Each part is a table with rows, and the whole is JSON."""
    letters = (ContactCount(kind="invite", ordinal=1, outcome="held", reason="refused", members=2),)
    found = progress.view(waved, "bakers", 2)
    assert len(part(replace(found, next_steps=("x",), contacts=letters), name)) > 0
    assert list(part(replace(found, contacts=()), "contacts").columns) == list(asdict(letters[0]))
    show_wave(waved, "bakers", "2026", "summary", Format.json)
    told = json.loads(capsys.readouterr().out)
    assert told["done"] == 2
    assert told["rates"][0]["value"] == pytest.approx(0.2)
