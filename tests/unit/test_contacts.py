"""Who is written to and why not: selection, suppression at selection and again at sending, the outbox, dead letters."""

from datetime import UTC, datetime, timedelta

import pytest

from panel.actions import cases
from panel.actions.contacts import select_due, would_select
from panel.actions.delivery import Pace
from panel.actions.lateness import LATE
from panel.actions.post import UNDELIVERED, send, would_send
from panel.errors import DefinitionError, SettingsError, StorageError, UnknownKey, WaveState
from panel.model.contact import CONTACT, Circumstances, Contact, Reach, ruling
from panel.ports.contacts import Handover
from tests.unit.contact_factory import Office, addressee, response
from tests.unit.study_factory import FILES

NOW = datetime(2025, 10, 6, 9, tzinfo=UTC)
FREE = Circumstances(member="m", wave_state="open", case_state="issued", member_state="recruited")
KNOWN = Reach(address_since=NOW - timedelta(days=9))


@pytest.fixture
def office(tmp_path):
    """Return an open wave of three members who may be written to."""
    made = Office(tmp_path)
    made.open()
    yield made
    made.close()


def contact(kind="invite", ordinal=1):
    """Return a contact."""
    return Contact(key="k", study="s", wave=1, member="m", kind=kind, ordinal=ordinal)


RULES = [
    ("invite", {}, KNOWN, "allowed", ""),
    ("invite", {"member_state": "deceased"}, KNOWN, "held", "deceased"),
    ("invite", {"dispositions": frozenset({"deceased"})}, KNOWN, "held", "deceased"),
    ("thank", {"member_state": "withdrawn", "case_state": "complete"}, KNOWN, "held", "withdrawn"),
    ("remind", {"dispositions": frozenset({"withdrawn"})}, KNOWN, "held", "withdrawn"),
    ("remind", {"case_state": "refused"}, KNOWN, "held", "refused"),
    ("remind", {"dispositions": frozenset({"refused"})}, KNOWN, "held", "refused"),
    ("remind", {"case_state": "ineligible"}, KNOWN, "held", "ineligible"),
    ("invite", {"case_state": "not_issued"}, KNOWN, "held", "not_issued"),
    ("remind", {"case_state": "complete"}, KNOWN, "held", "answered"),
    ("remind", {"dispositions": frozenset({"partial"})}, KNOWN, "held", "answered"),
    ("remind", {"case_state": "break_off"}, KNOWN, "allowed", ""),
    ("remind", {"case_state": "unreachable"}, KNOWN, "allowed", ""),
    ("thank", {}, KNOWN, "held", "not_answered"),
    ("thank", {"case_state": "complete", "last_sent": NOW}, KNOWN, "allowed", ""),
    ("invite", {"ranks_sent": frozenset({1})}, KNOWN, "held", "overtaken"),
    ("invite", {}, Reach(address_since=None), "held", "no_address"),
    ("invite", {"bounced_at": NOW}, KNOWN, "held", "bounced"),
    ("invite", {"bounced_at": NOW - timedelta(days=10)}, KNOWN, "allowed", ""),
    ("invite", {}, Reach(address_since=NOW, has_code=False), "held", "no_code"),
    ("invite", {"wave_state": "paused"}, KNOWN, "later", "wave_paused"),
    ("remind", {"wave_state": "closing"}, KNOWN, "held", "wave_not_open"),
    ("thank", {"wave_state": "closed", "case_state": "complete"}, KNOWN, "held", "wave_not_open"),
    ("remind", {"last_sent": NOW - timedelta(hours=47)}, KNOWN, "later", "too_recent"),
    ("remind", {"last_sent": NOW - timedelta(hours=48)}, KNOWN, "allowed", ""),
]


@pytest.mark.parametrize(("kind", "known", "reach", "verdict", "reason"), RULES)
def test_a_contact_is_allowed_held_or_put_off_for_a_reason(kind, known, reach, verdict, reason):
    """Each reason not to write to somebody, one a line."""
    from dataclasses import replace

    made = ruling(contact(kind), replace(FREE, **known), reach, now=NOW, spacing_days=2)
    assert (made.verdict, made.reason) == (verdict, reason)


def test_what_was_sent_is_never_sent_again_by_any_event():
    """Sent is the end of a contact; what ended otherwise can be tried again by hand."""
    assert CONTACT.final == ("sent",)
    assert {state for state in CONTACT.states if CONTACT.after(state, "retry")} == {
        "waiting",
        "held",
        "dead",
        "bounced",
    }


def test_selecting_twice_is_once_and_takes_in_who_came_since(office):
    """ONS 4: a member drawn during the wave is invited by the next selection, and nobody twice."""
    assert office.select().allowed == 3
    again = office.select()
    assert (again.allowed, again.already) == (0, 3)
    office.add("m00000000000000ff")
    assert (office.select().allowed, office.send().sent) == (1, 4)
    assert len(set(office.mailbox.keys())) == 4


def test_one_contact_of_a_kind_channel_and_ordinal_is_a_law_of_the_database(office):
    """ONS 7, formr's 18 people: a second row is refused by a constraint, not by a look beforehand."""
    from sqlalchemy import text

    office.select()
    copy = (
        "INSERT INTO contact (key, study, wave, member, kind, channel, ordinal, state, attempts, due, lease_until, "
        "reason, created_at) SELECT key || 'x', study, wave, member, kind, channel, ordinal, state, attempts, due, "
        "lease_until, reason, created_at FROM contact LIMIT 1"
    )
    with pytest.raises(StorageError), office.store._writes() as connection:
        connection.execute(text(copy))


def test_whoever_answers_refuses_or_withdraws_after_selection_gets_nothing(office):
    """ONS 9, episphere: suppression is code, and judged again when the letter is about to leave."""
    first, second, third = office.members
    office.select()
    response(office, first, "complete")
    cases.act(office.app, "bakers", 1, second, "refuse")
    office.person(third, "withdraw", "no_contact")
    assert (office.send().sent, office.mailbox.taken) == (0, [])
    assert [office.reasons(each, "sending")[-1] for each in office.members] == [
        ("held", "answered"),
        ("held", "refused"),
        ("held", "withdrawn"),
    ]
    assert set(office.states().values()) == {"held"}


def test_reminders_go_to_who_has_not_answered_wherever_they_stopped(office):
    """Formr 409: who opened it and broke off, or whose invitation was lost, is reminded as well."""
    office.select()
    office.send()
    office.clock.pass_(hours=49)
    response(office, office.members[0], "complete")
    response(office, office.members[1], "broke_off")
    assert office.select("remind").allowed == 2
    office.send()
    assert {each.to for each in office.mailbox.taken[3:]} == {f"{each}@mail.example" for each in office.members[1:]}


def test_too_soon_after_another_contact_is_put_off_and_then_sent(office):
    """The spacing holds at sending as well, and the record says why it waited."""
    office.select()
    office.send()
    office.clock.pass_(hours=40)
    made = office.select("remind")
    assert (made.later, made.reasons) == (3, (("too_recent", 3),))
    assert office.send().sent == 0
    office.clock.pass_(hours=8)
    assert office.send().sent == 3
    assert office.reasons(office.members[0], "sending")[-1] == ("allowed", "")


def test_a_pause_puts_letters_off_and_closing_holds_them(office):
    """Nothing leaves while a wave is paused or closing."""
    office.select()
    office.move("pause")
    assert office.send().sent == 0
    assert set(office.states().values()) == {"waiting"}
    office.move("resume")
    office.clock.pass_(hours=1)
    office.mailbox.says = lambda letter: Handover(outcome="taken" if "0000@" in letter.to else "refused", reason="421")
    assert office.send().sent == 1
    office.move("close")
    office.clock.pass_(hours=1)
    office.send()
    assert sorted(office.states().values()) == ["held", "held", "sent"]


def test_an_invitation_that_is_late_does_not_follow_its_reminder(office):
    """What a later contact has overtaken stays where it is."""
    office.mailbox.says = lambda _: Handover(outcome="refused", reason="421")
    office.select()
    office.send(Pace(first_seconds=400_000, most_seconds=400_000, patience=9))
    office.mailbox.says = lambda _: Handover(outcome="taken")
    office.clock.pass_(hours=49)
    office.select("remind")
    assert office.send().sent == 3
    office.clock.pass_(days=5)
    assert office.send().sent == 0
    assert {each.reason for each in office.store.contacts("bakers") if each.kind == "invite"} == {"overtaken"}


def test_a_bounce_holds_what_follows_until_the_address_changes(office):
    """5xx about the address is not tried again; a new address is."""
    gone = office.members[0]
    office.mailbox.says = lambda letter: Handover(outcome="bounced" if gone in letter.to else "taken")
    office.select()
    assert office.send().bounced == 1
    office.clock.pass_(hours=49)
    assert office.select("remind").reasons == (("bounced", 1),)
    from dataclasses import replace

    office.clock.pass_(hours=1)
    office.book.keep("bakers", {gone: replace(addressee(gone), email="new@mail.example")}, office.clock.now())
    assert office.select("remind").allowed == 1
    office.send()
    assert "new@mail.example" in {each.to for each in office.mailbox.taken}


def test_a_refusal_is_retried_with_the_same_key_after_growing_pauses(office):
    """ONS 6: never once and then failed; the attempt after a crash or refusal carries the same key."""
    tried = []
    office.mailbox.says = lambda letter: tried.append(letter.key) or Handover(outcome="refused", reason="451")
    office.select()
    pace = Pace(first_seconds=60, attempts=9, patience=9)
    for expected in (3, 0):
        assert office.send(pace).postponed == expected
    office.clock.pass_(seconds=60)
    assert office.send(pace).postponed == 3
    assert sorted(tried[:3]) == sorted(tried[3:])
    assert {each.attempts for each in office.store.contacts("bakers")} == {2}


def test_dead_letters_open_an_incident_and_can_be_tried_again(office):
    """After the last attempt somebody is told; once retried and sent, the incident is over."""
    office.mailbox.says = lambda _: Handover(outcome="refused", reason="451")
    office.select()
    assert office.send(Pace(attempts=1, patience=9)).dead == 3
    (incident,) = [each for each in office.store.incidents("bakers") if each.check == UNDELIVERED]
    assert (incident.state, incident.severity) == ("open", "critical")
    office.mailbox.says = lambda _: Handover(outcome="taken")
    dead = [each.key for each in office.store.contacts() if each.state == "dead"]
    assert office.store.retry_contacts(dead) == 3
    assert office.send().sent == 3
    assert office.store.retry_contacts(dead) == 0
    assert [each.is_over for each in office.store.incidents("bakers") if each.check == UNDELIVERED] == [True]


def test_letters_that_nobody_sends_are_heard_of(office):
    """Formr's cron_only: due for two hours and not sent is an incident, and no longer once they are."""
    from panel.actions.sweep import sweep

    def heard():
        sweep(office.app, "bakers")
        return [each.is_over for each in office.store.incidents("bakers") if each.check == LATE]

    office.select()
    assert heard() == []
    office.clock.pass_(hours=3)
    assert heard() == [False]
    office.send()
    assert heard() == [True]


def test_a_mail_server_that_refuses_for_hours_is_heard_of(office):
    """Each refusal puts a letter off, so that none is due for long: what counts is when it was first tried."""
    from panel.actions.lateness import late_contacts

    def heard():
        return [each.outcome for each in late_contacts(office.app, office.app.study("bakers"))]

    office.mailbox.says = lambda _: Handover(outcome="refused", reason="ConnectionRefusedError")
    office.select()
    pace = Pace(first_seconds=3_000, most_seconds=3_000, attempts=99, patience=9)
    office.send(pace)
    assert heard() == []
    for _ in range(3):
        office.clock.pass_(seconds=3_000)
        assert office.send(pace).postponed == 3
    assert heard() == ["failed"]
    office.move("pause")
    office.clock.pass_(seconds=3_000)
    office.send(pace)
    assert heard() == []


@pytest.mark.parametrize(("count", "said"), [(0, "the sample is empty"), (3, "of 3 members there is no address")])
def test_an_invitation_that_reaches_nobody_is_not_done(tmp_path, count, said):
    """Where the sample or the addresses were forgotten the calendar says so; loaded and retried, they are invited."""
    office = Office(tmp_path, members=0)
    members = [f"m{number:016x}" for number in range(3)]
    if count:
        office.add(*members, is_listed=False)
    office.open()
    with pytest.raises(WaveState, match=said):
        select_due(office.app, "bakers", 1, "invite", 1, NOW)
    assert select_due(office.app, "bakers", 1, "remind", 1, NOW).allowed == 0  # nobody to remind is no fault
    if count:
        office.book.keep("bakers", {each: addressee(each) for each in members}, NOW)
    else:
        office.add(*members)
    assert select_due(office.app, "bakers", 1, "invite", 1, NOW).allowed == 3
    assert select_due(office.app, "bakers", 1, "invite", 1, NOW).already == 3
    office.close()


def test_a_fault_in_one_study_holds_up_no_other_and_loops_nowhere(office):
    """ONS 10: what raises for one contact is put off with its reason; the run goes on and ends."""
    office.select()
    office.store.keep_study(
        "bakers", {**office.store.study_files("bakers"), "templates/invite.nl.txt": "S\n\n{{ salary }}"}, NOW
    )
    made = office.send(Pace(patience=9))
    assert (made.postponed, made.sent) == (3, 0)
    assert {each.reason for each in office.store.contacts("bakers")} == {"DefinitionError"}


def test_a_dry_run_says_what_would_happen_and_changes_nothing(office):
    """Selection and sending alike."""
    response(office, office.members[0], "complete")
    made = would_select(office.app, "bakers", 1, "invite")
    assert (made.allowed, made.held, office.store.contacts()) == (2, 1, [])
    office.select()
    response(office, office.members[1], "complete")
    before = office.store.contact_decisions("bakers")
    assert sorted(each.verdict for each in would_send(office.app)) == ["allowed", "held"]
    assert office.store.contact_decisions("bakers") == before
    assert office.mailbox.taken == []


def test_every_member_has_a_reason_on_record_and_none_is_ever_rewritten(office):
    """Allowed or held, at selection and at sending; the database refuses to change a line."""
    from sqlalchemy import text

    response(office, office.members[0], "refused")
    office.select()
    office.send()
    assert office.reasons(office.members[0], "selection") == [("held", "refused")]
    assert office.reasons(office.members[1], "sending") == [("allowed", "")]
    for change in ("UPDATE contact_decision SET reason = 'x'", "DELETE FROM contact_decision"):
        with pytest.raises(StorageError), office.store._writes() as connection:
            connection.execute(text(change))


def test_the_letter_opens_the_case_of_its_member_alone(office):
    """The code in the link is registered for the member; one handed out by other means holds the letter."""
    from panel.actions.sample import opened_by

    office.select()
    office.send()
    for letter in office.mailbox.taken:
        code = letter.opt_out.rpartition("/")[2]
        assert opened_by(office.app, "bakers", 1, code).member in letter.to


def test_contact_details_of_who_was_erased_are_forgotten(office):
    """By the next run, whoever recorded the withdrawal."""
    office.person(office.members[0], "withdraw", "erase")
    office.send()
    assert office.book.find("bakers", office.members[0]) is None
    assert office.book.find("bakers", office.members[1]) is not None


def test_what_cannot_be_sent_is_refused_in_words(office):
    """Another kind, a study that writes to nobody, a process without contact details, no mail server."""
    from dataclasses import replace

    with pytest.raises(UnknownKey, match="nothing that is sent"):
        office.select("invoice")
    with pytest.raises(SettingsError, match="contact details"):
        would_select(replace(office.app, correspondence=office.watch.app.correspondence), "bakers", 1, "invite")
    post = office.app.correspondence()
    mute = replace(office.app, correspondence=lambda: replace(post, mailer=None))
    with pytest.raises(SettingsError, match="mail server"):
        send(mute)
    office.store.keep_study("bakers", FILES, NOW)
    with pytest.raises(DefinitionError, match="does not say"):
        office.select()


def test_letters_leave_within_the_allowed_hours_by_the_clock_on_the_wall():
    """At night they wait for the morning, also on the night when clocks change."""
    from datetime import time

    from panel.model.contact import quiet_until

    allowed, zone = (time(9), time(20)), "Europe/Amsterdam"
    said = [
        quiet_until(datetime.fromisoformat(f"{each}+00:00"), allowed, zone)
        for each in ("2026-01-05T08:00", "2026-01-05T07:59", "2026-03-28T20:00", "2026-10-24T18:00")
    ]
    assert said == [None, datetime(2026, 1, 5, 8, tzinfo=UTC), datetime(2026, 3, 29, 7, tzinfo=UTC), None]
    made = ruling(contact(), FREE, KNOWN, now=NOW, spacing_days=2, quiet=NOW + timedelta(hours=3))
    assert (made.verdict, made.reason, made.until) == ("later", "outside_hours", NOW + timedelta(hours=3))


def test_the_calendar_selects_what_is_due(office):
    """An invitation in the ledger puts letters into the outbox, once; without contact details it fails and is told."""
    from panel.actions import ledger

    calendar = '[calendar]\n[[calendar.action]]\nkind = "invite"\ndays_after_opening = 0\nat = "10:00"\n'
    files = office.store.study_files("bakers")
    text = files["study.toml"].replace("[calendar]\n", "", 1).replace("spacing_days = 2\n", "")
    text = text.replace('allowed_hours = ["00:00", "23:59"]\n', calendar)
    office.store.keep_study("bakers", {**files, "study.toml": text}, office.clock.now())
    office.clock.at = datetime(2025, 10, 1, 12, tzinfo=UTC)
    ledger.tick(office.watch.app, lambda claimed: ledger.perform(office.watch.app, claimed.entry))
    invite = next(each for each in office.store.actions("bakers") if each.kind == "invite")
    assert (invite.state, office.store.contacts()) == ("failed", [])
    assert "contact details" in invite.reason
    ledger.by_hand(office.app, "bakers", 1, "invite", 1, "retry", reason="the key is here now")
    ledger.tick(office.app, lambda claimed: ledger.perform(office.app, claimed.entry))
    assert len(office.store.contacts()) == 3
    assert office.send().sent == 3
