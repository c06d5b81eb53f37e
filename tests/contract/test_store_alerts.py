"""Incidents and the outbox, on SQLite and on a real PostgreSQL, by the database's own clock."""

import threading
from dataclasses import replace

import pytest
from sqlalchemy import text

from panel.errors import StorageError, UnknownKey
from panel.model.incident import Incident, IncidentEvent, Message, Outgoing, Reaction
from tests.contract.deliveries import LATER, NOW, STUDY

INCIDENT = Incident(
    id="ab12cd34ef", study=STUDY.key, suite="panel", check="panel:size", subgroup="zzp", severity="critical",
    owner="operator", why="It must hold.", state="open", opened_at=NOW, since=NOW, seen_at=LATER, wave=1,
    failing_waves=(1, 2), passed_wave=None, occurrences=2, checked_count=100, failing_count=10, told=(("mail", NOW),),
    told_count=1, told_share=0.1, until=LATER, by="anna", note="é <b>", is_synthetic=True,
)  # fmt: skip
EVENT = IncidentEvent(
    incident=INCIDENT.id, at=NOW, event="failed", from_state="", to_state="open", wave=1, checked_count=100,
    failing_count=10,
)  # fmt: skip


def message(key, **more):
    """Return a message with this key."""
    fields = {
        "incident": INCIDENT.id, "notice": "opened", "study": STUDY.key, "suite": "panel", "check": "panel:size",
        "subgroup": "", "wave": "2025", "severity": "critical", "owner": "operator", "why": "é", "occurrences": 1,
        "checked_count": 100, "failing_count": 10, "is_broken": False, "is_synthetic": False, "at": NOW,
        "opened_at": NOW,
    }  # fmt: skip
    return Message(key=key, **fields | more)


def outgoing(key, target="mail", timing="at_once"):
    """Return a message that is due."""
    return Outgoing(target=target, timing=timing, due_at=NOW, message=message(key))


def keep(store, *out, incidents=(INCIDENT,), events=()):
    """Keep a reaction."""
    made = Reaction(incidents=tuple(incidents), events=tuple(events), outgoing=tuple(out))
    return store.react(STUDY.key, lambda _known: made)


def keys(parcel):
    """Return the keys of a parcel's messages."""
    return [each.key for each in parcel.messages]


def test_an_incident_comes_back_as_it_was_kept(store):
    """Every field, moments aware; kept again it is changed, not doubled."""
    keep(store, events=[EVENT])
    assert (store.incidents(STUDY.key), store.incident(INCIDENT.id)) == ([INCIDENT], INCIDENT)
    assert store.incident_events(INCIDENT.id) == [EVENT]
    changed = replace(INCIDENT, state="resolved", resolved_at=LATER, until=None)
    keep(store, incidents=[changed])
    assert store.incidents() == [changed]
    assert store.incidents("another") == []
    with pytest.raises(UnknownKey):
        store.incident("ffff")


def test_what_follows_from_a_gate_is_kept_with_it_or_not_at_all(store):
    """When the reaction fails, the gate is not there either."""
    from panel.model.results import Gate

    gate = Gate(study=STUDY.key, wave=1, stage="panel", suite_digest="s", data_digest="d", verdicts=())

    def fails(_gate, _known):
        raise StorageError("no")

    with pytest.raises(StorageError):
        store.save_gate(gate, NOW, reaction_of=fails)
    assert store.gates(STUDY.key) == []
    store.save_gate(gate, NOW, reaction_of=lambda _gate, _known: Reaction(incidents=(INCIDENT,)))
    assert (len(store.gates(STUDY.key)), store.incidents()) == (1, [INCIDENT])


def test_a_message_is_kept_once_whatever_is_said_twice(store):
    """Its key makes it; the second is the first."""
    keep(store, outgoing("a"))
    keep(store, outgoing("a"), outgoing("b"))
    assert [each.key for each in store.posted()] == ["a", "b"]
    assert store.waiting_messages() == 2


def test_a_lease_is_one_workers_until_it_ends(store):
    """What is leased nobody else gets; a lease of no time is anybody's, and the first word is then worth nothing."""
    keep(store, outgoing("a"))
    first = store.lease(60)
    assert (keys(first), first.messages[0], store.lease(60)) == (["a"], message("a"), None)
    assert store.postpone(first, "not taken in", 0)
    second, third = store.lease(0), store.lease(60)
    assert (keys(second), keys(third), third.attempts) == (["a"], ["a"], 1)
    assert not store.sent(second, LATER)
    assert store.sent(third, LATER)
    assert [(each.state, each.sent_at, each.attempts) for each in store.posted(INCIDENT.id)] == [("sent", LATER, 2)]


def test_what_is_put_off_is_not_due_and_targets_can_be_avoided(store):
    """The pause is by the database's clock."""
    keep(store, outgoing("a", "mail"), outgoing("b", "chat"))
    assert store.postpone(store.lease(60), "no", 3600)
    assert store.lease(60, avoiding=["chat"]) is None
    assert keys(store.lease(60)) == ["b"]


def test_a_digest_is_leased_whole_and_for_one_target(store):
    """Everything of the day for a target, in order; what goes at once goes alone."""
    keep(store, outgoing("d1", timing="digest"), outgoing("d2", timing="digest"), outgoing("x", "chat", "digest"))
    keep(store, outgoing("now"))
    found = []
    while parcel := store.lease(60):
        found.append(keys(parcel))
    assert found == [["d1", "d2"], ["x"], ["now"]]


def test_a_storm_is_leased_as_one_parcel_but_not_for_a_machine(store):
    """Three messages at once go one by one, four together; a program gets each by itself; retries stay apart."""
    keep(store, *(outgoing(f"m{number}", "mail") for number in range(3)))
    assert [keys(store.lease(60)) for _ in range(3)] == [["m0"], ["m1"], ["m2"]]
    keep(store, *(outgoing(f"s{number}", "mail") for number in range(50)))
    keep(store, *(outgoing(f"h{number}", "hook") for number in range(4)))
    storm = store.lease(60, singly=["hook"])
    assert keys(storm) == [f"s{number}" for number in range(40)]
    assert store.postpone(storm, "no", 0)
    assert keys(store.lease(60, singly=["hook"])) == [f"s{number}" for number in range(40, 50)]
    assert keys(store.lease(60, avoiding=["hook"])) == [f"s{number}" for number in range(40)]
    assert [keys(store.lease(60, singly=["hook"])) for _ in range(4)] == [["h0"], ["h1"], ["h2"], ["h3"]]


def test_a_dead_letter_and_what_follows_are_one_transaction(store):
    """When what follows cannot be kept, the letter still waits."""
    keep(store, outgoing("a"))
    parcel = store.lease(60)

    def fails(_known):
        raise StorageError("no")

    with pytest.raises(StorageError):
        store.give_up(parcel, "gone", {STUDY.key: fails})
    assert store.posted()[0].state == "waiting"
    other = replace(INCIDENT, id="0000000000", check="alerts:undelivered")
    assert store.give_up(parcel, "gone", {STUDY.key: lambda _known: Reaction(incidents=(other,))})
    assert (store.posted()[0].state, store.posted()[0].reason) == ("dead", "gone")
    assert [each.id for each in store.incidents()] == ["0000000000", INCIDENT.id]
    assert store.lease(60) is None


def test_many_workers_lease_each_message_once(store):
    """Eight threads share forty messages without taking one twice."""
    keep(store, *(outgoing(str(number)) for number in range(40)))
    taken, lock = [], threading.Lock()

    def work():
        while parcel := store.lease(60):
            with lock:
                taken.extend(keys(parcel))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(taken, key=int) == [str(number) for number in range(40)]


@pytest.mark.parametrize("statement", ["DELETE FROM incident_event", "UPDATE incident_event SET note = 'x'"])
def test_history_is_never_changed_or_removed(store, statement):
    """The database itself refuses."""
    keep(store, events=[EVENT])
    with pytest.raises(StorageError, match="never changed"), store._writes() as connection:
        connection.execute(text(statement))
    assert store.incident_events(INCIDENT.id) == [EVENT]


def test_a_rebuild_keeps_incidents(store):
    """What is derived is dropped; what people know is not."""
    keep(store, outgoing("a"), events=[EVENT])
    store.forget_derived(STUDY.key)
    assert (len(store.incidents()), len(store.posted()), store.loaded_at(STUDY.key)) == (1, 1, NOW)
