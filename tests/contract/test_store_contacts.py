"""Contacts on both databases: one each, leased to one worker, fenced, nothing lost when a worker dies."""

import pytest

from panel.ports.contacts import Handover
from tests.unit.contact_factory import Office, response


@pytest.fixture(params=["sqlite", "postgres"])
def office(request, tmp_path):
    """Return an open wave of three members on each kind of database."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgres" else ""
    made = Office(tmp_path, url)
    made.open()
    yield made
    made.close()


def allow(*_):
    """Let everything leave."""
    from panel.model.contact import Ruling

    return Ruling(verdict="allowed")


def test_a_contact_is_leased_to_one_worker_and_goes_to_another_when_the_lease_ends(office):
    """What the first says after that no longer counts."""
    office.select()
    leased = [office.store.lease_contact(60, allow) for _ in range(4)]
    assert len({each.key for each in leased[:3]}) == 3
    assert leased[3] is None
    office.clock.pass_(seconds=60)
    again = office.store.lease_contact(60, allow)
    assert again.key == leased[0].key
    assert not office.store.contact_sent(leased[0])
    assert not office.store.contact_postponed(leased[0], "x", 1)
    assert not office.store.contact_over(leased[0], "give_up", "x")
    assert office.store.contact_sent(again)
    assert not office.store.contact_sent(again)


def test_a_case_knows_of_its_contact_once(office):
    """Sending moves the case in the same transaction, with a line that carries the contact's key."""
    office.select()
    office.send()
    (event,) = [each for each in office.store.case_events("bakers", 1, office.members[0]) if each.event == "contact"]
    assert (event.to_state, event.why) == ("contacted", "invite")
    assert event.key == f"contact:{office.store.contacts()[0].key}"


def test_a_whole_round_is_the_same_on_both_databases(office):
    """Selection, an answer meanwhile, a refusal for now, a bounce, a reminder, thanks; each with its reason."""
    first, second, third = office.members
    office.select()
    response(office, first, "complete")
    office.mailbox.says = lambda letter: Handover(outcome="bounced" if third in letter.to else "taken")
    made = office.send()
    assert (made.sent, made.bounced, made.held, made.waiting) == (1, 1, 1, 0)
    office.clock.pass_(days=3)
    reminded = office.select("remind")
    assert (reminded.allowed, reminded.reasons) == (1, (("answered", 1), ("bounced", 1)))
    assert office.select("thank").reasons == (("not_answered", 2),)
    assert office.send().sent == 2
    assert [each.key for each in office.store.due_contacts()] == []
    counts = [(each.kind, each.outcome, each.reason) for each in office.store.contact_counts("bakers", 1)]
    assert counts == [
        ("invite", "bounced", "bounced"),
        ("invite", "held", "answered"),
        ("invite", "sent", ""),
        ("remind", "held", "answered"),
        ("remind", "held", "bounced"),
        ("remind", "sent", ""),
        ("thank", "held", "not_answered"),
        ("thank", "sent", ""),
    ]
    assert [each.members for each in office.store.contact_counts("bakers", 1)] == [1, 1, 1, 1, 1, 1, 2, 1]
    kinds = [(each.kind, each.state) for each in office.store.contacts("bakers", 1) if each.member == second]
    assert kinds == [("invite", "sent"), ("remind", "sent")]


def test_what_waits_too_long_and_what_was_given_up_is_said_to_whoever_looks(office):
    """`panelctl doctor` counts letters by state, on both databases: late, nobody sends; dead, somebody must decide."""
    from panel.diagnosis.fieldwork import fieldwork

    def letters():
        return next(each for each in fieldwork(office.app, 1) if each.what == "letters to members leave")

    assert (letters().state, office.store.contact_states()) == ("good", {})
    office.select()
    assert (letters().state, office.store.contact_states()) == ("good", {"waiting": 3})
    office.clock.pass_(hours=3)
    assert (letters().state, letters().found) == ("bad", "3 waiting, 0 dead letters, longest due 3.0 h")
    assert "panelctl outbox send" in letters().fix
    assert office.store.contact_over(office.store.lease_contact(60, allow), "give_up", "full")
    assert office.store.contact_states() == {"waiting": 2, "dead": 1}
    assert "panelctl outbox list --state dead" in letters().fix
