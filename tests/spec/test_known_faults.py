"""
Faults that other systems of fieldwork had, each shown not to happen here, through the code that runs.

What each fault was and which other tests hold against it is in docs/reference/known-faults.md.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from panel.actions import cases, fieldwork, ledger, withdrawal
from panel.actions.contacts import select
from panel.actions.delivery import deliver
from panel.actions.set_up import load_study
from panel.errors import CaseState, DefinitionError, UnknownKey, WaveState
from panel.model.contact import Contact, Ruling
from panel.model.member import SampleLoad
from panel.model.wave import WAVE
from panel.store import SqlStore
from tests.unit.contact_factory import WRITING, Office, response

STUDY, AMSTERDAM = "bakers", ZoneInfo("Europe/Amsterdam")
CONTACTS = """spacing_days = 2

[[calendar.action]]
kind = "invite"
days_after_opening = 1
at = "10:00"

[[calendar.action]]
kind = "remind"
days_after_opening = 14
at = "10:00"
"""
PLANNED = {**WRITING, "study.toml": WRITING["study.toml"].replace("spacing_days = 2\n", CONTACTS, 1)}
ORDER = ["stage", "open", "invite", "remind", "close", "finalise"]


def at(text):
    """Return a wall time of Amsterdam."""
    return datetime.fromisoformat(text).replace(tzinfo=AMSTERDAM).astimezone(UTC)


BOTH = pytest.mark.parametrize("office", ["sqlite", "postgres"], indirect=True)
"""Where what the database does is what holds the fault off."""


@pytest.fixture
def office(request, tmp_path):
    """Return a study of two waves and three members whose calendar writes to them."""
    is_postgres = getattr(request, "param", "sqlite") == "postgres"
    url = request.getfixturevalue("postgres_url") if is_postgres else ""
    made = Office(tmp_path, url)
    made.watch.checker.digest = lambda _study: "suites"
    made.app = replace(made.app, study_files=lambda _key: PLANNED)
    load_study(made.app, STUDY)
    yield made
    made.close()


def tick(office, moment):
    """Let the calendar do what is due at a wall time; a wave is settled without the way to a release."""
    office.clock.at = at(moment)

    def do(claimed):
        if ledger.needs_flow(office.app, claimed.entry):
            fieldwork.finish_close(office.app, STUDY, claimed.entry.wave)
            return
        ledger.perform(office.app, claimed.entry)

    return ledger.tick(office.app, do)


def action(office, kind, wave=1):
    """Return an action as the ledger has it."""
    return next(each for each in office.store.actions(STUDY, wave) if each.kind == kind)


def done(office, wave=1):
    """Return the kinds of the actions of a wave that are done, in the order in which they were done."""
    found = [each for each in office.store.actions(STUDY, wave) if each.state == "done"]
    return [each.kind for each in sorted(found, key=lambda each: (each.done_at, ORDER.index(each.kind)))]


def reload(office, *changes):
    """Load the study again with texts of its file exchanged."""
    text = PLANNED["study.toml"]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return load_study(replace(office.app, study_files=lambda _: {**PLANNED, "study.toml": text}), STUDY)


@BOTH
def test_a_move_that_fails_is_not_taken_for_done(office):
    """ONS 2: a wave that could not open has not opened: failed and told, nothing overtakes it, and it is done later."""
    tick(office, "2025-09-24T10:00")
    office.watch.checker.digest = lambda _study: "other suites"
    assert tick(office, "2025-10-02T12:00").failed == 1
    assert (action(office, "open").state, action(office, "invite").state) == ("failed", "planned")
    assert office.store.wave_states(STUDY)[1] == "staged"
    assert any(each.subgroup == "open" and not each.is_over for each in office.store.incidents(STUDY))
    office.move("unstage")
    office.move("stage")
    ledger.by_hand(office.app, STUDY, 1, "open", 1, "retry", reason="the suites are right now")
    assert tick(office, "2025-10-02T13:00").done == 2
    assert office.store.wave_states(STUDY)[1] == "open"
    assert len(office.store.contacts(STUDY, 1)) == 3


def test_after_an_outage_nothing_is_done_before_what_it_follows(office):
    """ONS 3: down from before opening until after the end, a wave is opened, then closed, each on record as late."""
    tick(office, "2025-09-01T10:00")
    tick(office, "2025-12-20T10:00")
    assert done(office) == ORDER
    moves = [each.event for each in fieldwork.history(office.app, STUDY, 1)]
    assert moves == ["stage", "open", "close", "finalise"]
    assert all(each.lateness > 86_400 for each in office.store.actions(STUDY, 1))


def test_a_member_drawn_in_the_field_stalls_nothing(office):
    """ONS 4: counts of sample and cases that differ hold up no action, and who came late is written to as well."""
    tick(office, "2025-10-02T12:00")
    office.add("m00000000000000ff")
    tick(office, "2025-10-15T12:00")
    reminded = {each.member for each in office.store.contacts(STUDY, 1) if each.kind == "remind"}
    assert "m00000000000000ff" in reminded
    tick(office, "2025-12-20T10:00")
    assert done(office) == ORDER


IN_FIELD = [
    ("2025-10-01, end", "2025-10-08, end", "its first day was 2025-10-01, not 2025-10-08"),
    ("2025-11-30}", "2025-11-20}", "its last day is 2025-11-30; only `panelctl wave extend` moves it"),
    ('key = "2025"', 'key = "autumn"', "its key cannot be autumn"),
]


@pytest.mark.parametrize(("old", "new", "said"), IN_FIELD)
def test_what_is_in_the_field_is_not_moved_by_a_file(office, old, new, said):
    """ONS 5: the opening of a wave that is open cannot be moved, nor its end without a reason; nothing is kept."""
    tick(office, "2025-10-02T12:00")
    before = office.store.study_files(STUDY)
    with pytest.raises(WaveState) as refused:
        reload(office, (old, new))
    assert said in str(refused.value.faults)
    assert office.store.study_files(STUDY) == before


def test_a_wave_that_was_begun_cannot_be_left_out_of_the_study(office):
    """ONS 5, formr 656: no wave vanishes with what was collected in it; one that was not begun may."""
    tick(office, "2025-10-02T12:00")
    assert len(load_study(without_second(office), STUDY).study.waves) == 1
    load_study(office.app, STUDY)
    for moment in ("2025-12-20T10:00", "2026-09-24T10:00"):
        tick(office, moment)
    assert office.store.wave_states(STUDY)[2] == "staged"
    with pytest.raises(WaveState, match="begun") as refused:
        load_study(without_second(office), STUDY)
    assert "wave 2026 is staged: it cannot be left out" in str(refused.value.faults)


def without_second(office):
    """Return the adapters where the files of the study have its first wave only."""
    text = PLANNED["study.toml"]
    second = text[text.index("[[wave]]\nnumber = 2") : text.index("[contact]")]
    for old, new in ((second, ""), (", two = 2", ""), ("waves = [1, 2]", "waves = [1]")):
        assert old in text
        text = text.replace(old, new, 1)
    return replace(office.app, study_files=lambda _: {**PLANNED, "study.toml": text})


def test_a_wave_in_the_field_keeps_its_questionnaire(office):
    """Episphere 1420, kpi 2089: no second version is put under a wave whose first answers are in."""
    newer = PLANNED["instrument-1.toml"].replace('version = "1"', 'version = "2"', 1)
    text = PLANNED["study.toml"]
    at_second = text.index("number = 2")
    last = text[:at_second] + text[at_second:].replace('instrument = "1"', 'instrument = "2"', 1)
    both = last.replace('instrument = "1"', 'instrument = "2"', 1)
    tick(office, "2025-10-02T12:00")
    files = {**PLANNED, "instrument-2.toml": newer, "study.toml": both}
    with pytest.raises(WaveState) as refused:
        load_study(replace(office.app, study_files=lambda _: files), STUDY)
    assert "it is fielded with questionnaire 1, not 2" in str(refused.value.faults)
    files = {**files, "study.toml": last}
    assert load_study(replace(office.app, study_files=lambda _: files), STUDY).study.wave(2).instrument == "2"


@BOTH
def test_a_step_that_is_refused_changes_nothing(office):
    """ONS 5: what a step did before it was refused is not kept, be it the state, the history, cases or letters."""
    tick(office, "2025-10-02T12:00")

    def everything():
        return (
            office.store.wave_states(STUDY), office.store.case_events(STUDY, 1), office.store.contacts(STUDY),
            fieldwork.history(office.app, STUDY, 1), fieldwork.history(office.app, STUDY, 2),
        )  # fmt: skip

    before = everything()
    for wave, event in ((2, "open"), (1, "finalise"), (1, "cancel"), (1, "stage"), (1, "unplan"), (2, "close")):
        with pytest.raises(WaveState):
            office.move(event, wave)
    assert everything() == before


def test_names_are_compared_whole(office):
    """ONS 8: a part of a state, an event, a kind or a wave is none of them."""
    tick(office, "2025-10-02T12:00")
    member = office.members[0]
    for event in {each[:-1] for each in WAVE.events}:
        with pytest.raises((WaveState, KeyError)):
            fieldwork.prepare(office.app, STUDY, 1, event, reason="x")
    for part in ("complet", "contac", "ref", ""):
        with pytest.raises(CaseState):
            cases.act(office.app, STUDY, 1, member, part)
    for kind in ("invit", "in", "remind,thank", ""):
        with pytest.raises(UnknownKey):
            office.select(kind)
    for wave in ("202", "2025 ", "20252026", ""):
        with pytest.raises(UnknownKey):
            office.app.study(STUDY).wave(wave)
    with pytest.raises(UnknownKey):
        ledger.by_hand(office.app, STUDY, 1, "clos", 1, "skip", reason="x")


@BOTH
def test_what_raises_is_tried_once_and_holds_up_no_other_study(office):
    """ONS 10: an error nobody expected fails its action, in a transaction of its own, and does not loop."""
    other = PLANNED["study.toml"].replace('key = "bakers"', 'key = "millers"', 1)
    load_study(replace(office.app, study_files=lambda _: {**PLANNED, "study.toml": other}), "millers")
    office.clock.at = at("2025-09-24T10:00")

    tried = []

    def do(claimed):
        if claimed.entry.study != STUDY:
            ledger.perform(office.app, claimed.entry)
            return
        tried.append(claimed)
        if len(tried) > 3:
            raise SystemExit("it loops")
        raise ZeroDivisionError

    assert (ledger.tick(office.app, do).failed, ledger.tick(office.app, do).failed) == (1, 0)
    assert (action(office, "stage").state, action(office, "stage").attempts) == ("failed", 1)
    assert office.store.wave_states("millers")[1] == "staged"


def test_a_study_that_cannot_be_read_silences_no_other(office):
    """ONS 10: files that this version refuses hold up neither letters nor alerts of other studies, and that is told."""
    other = {name: text.replace('key = "bakers"', 'key = "apples"', 1) for name, text in PLANNED.items()}
    office.store.keep_study("apples", other, at("2025-06-03T10:00"))
    members = [replace(each, study="apples") for each in office.store.members(STUDY)]
    load = SampleLoad(
        id="l", study="apples", wave=1, cohort="c", filename="f", sha256="s", rows=3, added=3, known=0, held=0, by="x",
        at=at("2025-06-03T10:00"),
    )  # fmt: skip
    office.store.add_sample(load, members, [])
    cases.issue(office.app, "apples", 1)
    waits = [
        Contact(key=each.member, study="apples", wave=1, member=each.member, kind="invite", ordinal=1)
        for each in members
    ]
    office.store.select_contacts(waits, lambda *_: Ruling(verdict="allowed"))
    tick(office, "2025-10-02T12:00")
    office.store.keep_study("apples", {**other, "study.toml": "curency = 1"}, office.clock.now())
    assert (office.send().sent, len(office.mailbox.taken)) == (3, 3)
    assert {each.reason for each in office.store.contacts("apples")} == {"study_unreadable"}
    office.clock.pass_(days=10)
    with pytest.raises(DefinitionError):
        deliver(office.app)
    told = {message.study for _, messages in office.watch.sink.taken for message in messages}
    assert STUDY in told


def test_a_wave_is_of_the_panel_and_not_of_a_member(office):
    """Formr, 409: all are invited at one moment, whenever they answered before, and who never finished is, too."""
    early, late, never = office.members
    tick(office, "2025-10-02T12:00")
    office.send()
    response(office, early, "complete", at=at("2025-10-03T12:00"))
    response(office, late, "complete", at=at("2025-11-30T23:00"))
    response(office, never, "broke_off", at=at("2025-11-01T12:00"))
    tick(office, "2025-12-20T10:00")
    assert office.store.wave_states(STUDY)[1] == "closed"
    tick(office, "2026-10-02T10:00")
    office.send()
    line = [each for each in office.store.contact_decisions(STUDY, 2) if each.stage == "selection"]
    assert {each.member for each in line if each.verdict == "allowed"} == {early, late, never}
    assert {each.at for each in line} == {at("2026-10-02T10:00")}


def test_nobody_expires_while_answering(office):
    """Formr 0.25.6: who had begun when the wave closed and ends after it is taken in, and nothing of it is lost."""
    slow = office.members[0]
    tick(office, "2025-10-02T12:00")
    cases.act(office.app, STUDY, 1, slow, "start")
    tick(office, "2025-12-01T10:00")
    assert office.store.wave_states(STUDY)[1] == "closing"
    response(office, slow, "complete", at=at("2025-12-02T10:00"))
    tick(office, "2025-12-20T10:00")
    (case,) = office.store.cases(STUDY, 1, slow)
    assert (case.state, case.outcome) == ("complete", "1.1")


@BOTH
def test_two_who_select_at_one_moment_write_to_everybody_once(office, tmp_path):
    """Formr 0.25.7: eight at a time on connections of their own; a member gets one letter, and no run fails."""
    tick(office, "2025-10-01T12:00")
    url = office.store._engine.url.render_as_string(hide_password=False)
    gate, made, wrong = threading.Barrier(8), [], []

    def work():
        store = SqlStore(url, tmp_path, moment=lambda _: office.clock.now().timestamp())
        try:
            gate.wait()
            made.append(select(replace(office.app, store=store), STUDY, 1, "invite").allowed)
        except Exception as error:  # noqa: BLE001 - told below
            wrong.append(repr(error))
        finally:
            store.close()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert (wrong, len(made)) == ([], 8)
    assert (office.send().sent, len(set(office.mailbox.keys()))) == (3, 3)


def test_a_refusal_ends_with_its_wave_and_a_withdrawal_does_not(office):
    """Surveda, episphere 881: who refused a wave, or left the sector, is asked again; who withdrew is not."""
    refused, left, gone = office.members
    tick(office, "2025-10-02T12:00")
    cases.act(office.app, STUDY, 1, refused, "refuse")
    response(office, left, "complete", at=at("2025-10-05T12:00"))
    office.person(gone, "withdraw", "no_contact")
    for moment in ("2025-12-20T10:00", "2026-10-02T10:00"):
        tick(office, moment)
    states = {each.member: (each.state, each.why) for each in office.store.cases(STUDY, 2)}
    assert states == {refused: ("issued", ""), left: ("issued", ""), gone: ("not_issued", "withdrawn")}
    assert {each.member for each in office.store.contacts(STUDY, 2)} == {refused, left}


def test_a_wave_has_its_dates_and_its_name_before_it_begins(office):
    """Surveda: nothing of a wave is copied from the one before or named for the day on which somebody began it."""
    tick(office, "2025-06-03T10:00")
    planned = [each.kind for each in office.store.actions(STUDY, 2)]
    assert planned == ORDER
    tick(office, "2025-12-20T10:00")
    tick(office, "2026-10-09T10:00")
    assert (office.app.study(STUDY).wave(2).key, office.store.wave_states(STUDY)[2]) == ("2026", "open")
    assert action(office, "open", 2).due == at("2026-10-01T08:00")


def test_what_was_late_moves_nothing_that_comes_after_it(office):
    """Juniper: opened nine days late, the reminder and the next wave stay where they were, to the hour by the wall."""
    tick(office, "2025-09-25T10:00")
    before = [(each.kind, each.wave, each.due) for each in office.store.actions(STUDY)]
    tick(office, "2025-10-10T08:00")
    assert action(office, "open").lateness == 9 * 86_400
    tick(office, "2025-12-20T10:00")
    tick(office, "2026-10-20T10:00")
    assert [(each.kind, each.wave, each.due) for each in office.store.actions(STUDY)] == before
    hours = {(each.kind, f"{each.due.astimezone(AMSTERDAM):%H:%M}") for each in office.store.actions(STUDY)}
    assert {each for each in hours if each[0] in ("open", "close")} == {("open", "08:00"), ("close", "00:30")}


def test_an_answer_in_a_later_wave_leaves_the_earlier_one_as_it_was(office):
    """Juniper 1476: a recurring survey keeps a response for each wave; the second is never written over the first."""
    member = office.members[0]
    response(office, member, "complete", wave=1, at=at("2025-10-05T12:00"))
    first = office.store.response_index(STUDY)
    response(office, member, "refused", wave=2, at=at("2026-10-05T12:00"))
    both = office.store.response_index(STUDY)
    assert sorted(both["wave"]) == [1, 2]
    assert both[both["wave"] == 1].reset_index(drop=True).equals(first.reset_index(drop=True))


def test_erasing_is_a_withdrawal_too(office):
    """Episphere 1117: whose data are destroyed has withdrawn, is written to no more, and is not asked again."""
    gone = office.members[0]
    tick(office, "2025-10-02T12:00")
    withdrawal.withdraw(office.app, STUDY, gone, "erase", reason="asked")
    member = office.store.member(STUDY, gone)
    assert (member.state, member.may_be_contacted, member.may_be_used) == ("withdrawn", False, False)
    assert (office.send().sent, office.states()[gone]) == (2, "held")
    tick(office, "2025-12-20T10:00")
    tick(office, "2026-10-02T12:00")
    assert gone not in {each.member for each in office.store.contacts(STUDY, 2)}
