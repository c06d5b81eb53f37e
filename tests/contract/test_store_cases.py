"""Members, cases and their histories, on SQLite and on a real PostgreSQL."""

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from sqlalchemy import text

from panel.errors import CaseState, StorageError, UnknownKey
from panel.model.case import Case, CaseEvent
from panel.model.member import Member, MemberEvent, SampleFault, SampleLoad
from panel.ports import DayCount
from panel.schema import PRELOAD
from tests.contract.deliveries import LATER, NOW, STUDY

LOAD = SampleLoad(
    id="l1", study=STUDY.key, wave=1, cohort="2025", filename="s.csv", sha256="x", rows=3, added=2, known=0, held=1,
    by="me", at=NOW,
)  # fmt: skip
FAULT = SampleFault(row=4, column="stratum", reason="no stratum")


def person(name):
    """Return a member as loaded."""
    return Member(
        study=STUDY.key, member=name, stratum="s", cohort="2025", entry_wave=1, state="recruited", scope="", since=NOW,
        loaded_at=NOW,
    )  # fmt: skip


def case(name, state="issued"):
    """Return a case."""
    return Case(study=STUDY.key, wave=1, member=name, state=state, why="", since=NOW)


def event(name, kind, key, at=NOW):
    """Return an event of a case."""
    return CaseEvent(
        study=STUDY.key, wave=1, member=name, event=kind, from_state="", to_state="", source="hand", key=key, why="",
        by="me", at=at, recorded_at=LATER,
    )  # fmt: skip


@pytest.fixture
def sampled(store):
    """Return a store with two members, each with a case."""
    store.add_sample(LOAD, [person("a"), person("b")], [FAULT])
    store.add_cases([case("a"), case("b")], [event("a", "issue", "issue"), event("b", "issue", "issue")])
    return store


def test_a_sample_is_loaded_once(sampled):
    """The same load is a repeat, and members that are there stay as they are under another load."""
    again = sampled.add_sample(LOAD, [person("c")], [])
    assert (again.is_repeat, again.added) == (True, 2)
    second = replace(LOAD, id="l2", rows=2, added=2, held=0)
    kept = sampled.add_sample(second, [replace(person("a"), stratum="other"), person("c")], [])
    assert (kept.added, kept.known) == (1, 1)
    assert {each.member: each.stratum for each in sampled.members(STUDY.key)} == {"a": "s", "b": "s", "c": "s"}
    assert sampled.sample_faults("l1") == [FAULT]
    assert [each.id for each in sampled.sample_loads(STUDY.key)] == ["l1", "l2"]


def test_a_member_moves_from_where_it_stands(sampled):
    """An event from another state than the present one is left out; the history tells every move."""
    move = MemberEvent(
        study=STUDY.key, member="a", event="answer", from_state="recruited", to_state="active", scope="", by="me",
        reason="interviewed", at=LATER,
    )  # fmt: skip
    assert sampled.move_members([move]) == 1
    assert sampled.move_members([move]) == 0
    assert sampled.member(STUDY.key, "a").state == "active"
    assert [each.event for each in sampled.member_events(STUDY.key, "a")] == ["load", "answer"]
    with pytest.raises(UnknownKey, match="no member"):
        sampled.member(STUDY.key, "z")


def test_a_case_moves_once_a_key(sampled):
    """Events move cases in order; the same key again does nothing."""
    events = [event("a", "contact", "c1"), event("a", "complete", "r1", LATER)]
    assert sampled.move_cases(events) == 2
    assert sampled.move_cases(events) == 0
    (found,) = sampled.cases(STUDY.key, 1, "a")
    assert (found.state, found.since) == ("complete", LATER)
    told = [(each.event, each.from_state, each.to_state) for each in sampled.case_events(STUDY.key, 1, "a")]
    assert told[1:] == [("contact", "issued", "contacted"), ("complete", "contacted", "complete")]


def test_an_illegal_event_keeps_nothing(sampled):
    """One event that is not legal, or of no case, undoes all that came with it."""
    with pytest.raises(CaseState):
        sampled.move_cases([event("b", "contact", "c1"), event("a", "refuse", "r"), event("a", "contact", "c1")])
    with pytest.raises(UnknownKey):
        sampled.move_cases([event("b", "contact", "c1"), event("z", "contact", "c1")])
    assert {each.state for each in sampled.cases(STUDY.key, 1)} == {"issued"}


def test_cases_are_added_once(sampled):
    """A case that is there stays as it is; others are added beside it."""
    sampled.move_cases([event("a", "refuse", "r")])
    assert sampled.add_cases([case("a"), case("c")], [event("c", "issue", "issue")]) == 1
    assert {each.member: each.state for each in sampled.cases(STUDY.key)} == {
        "a": "refused",
        "b": "issued",
        "c": "issued",
    }


def test_an_override_stands_when_outcomes_are_computed_anew(sampled):
    """Finalising again changes the computed code; the one that somebody gave counts."""
    (found,) = sampled.cases(STUDY.key, 1, "a")
    sampled.finalise_cases([replace(found, computed="3.19", finalised_at=NOW)])
    sampled.override_outcome(STUDY.key, 1, "a", "2.11", by="me", reason="telephone")
    sampled.finalise_cases([replace(found, computed="2.20", finalised_at=LATER)])
    (kept,) = sampled.cases(STUDY.key, 1, "a")
    assert (kept.computed, kept.outcome, kept.override_reason, kept.finalised_at) == (
        "2.20",
        "2.11",
        "telephone",
        LATER,
    )
    with pytest.raises(UnknownKey):
        sampled.override_outcome(STUDY.key, 1, "z", "2.11", by="me", reason="x")


def test_a_code_is_issued_once_and_opens_its_case(sampled):
    """A second code for the same member and wave is not kept."""
    assert sampled.add_codes(STUDY.key, 1, {"a": "h1"}, by="me", at=NOW) == ["a"]
    assert sampled.add_codes(STUDY.key, 1, {"a": "h2", "b": "h3"}, by="me", at=NOW) == ["b"]
    assert sampled.code_holder("h1").member == "a"
    assert sampled.code_holder("h2") is None
    assert sampled.coded(STUDY.key, 1) == ["a", "b"]


def test_a_day_is_counted_anew_and_other_days_stay(sampled):
    """The counts of one day are replaced; those of the day before are what they were."""
    first = DayCount(day=date(2025, 10, 1), domain="", group="", state="issued", cases=2)
    second = replace(first, day=date(2025, 10, 2))
    sampled.keep_day(STUDY.key, 1, [first, second], NOW)
    sampled.keep_day(STUDY.key, 1, [replace(second, state="complete", cases=1)], LATER)
    assert [(each.day.day, each.state, each.cases) for each in sampled.days(STUDY.key, 1)] == [
        (1, "issued", 2),
        (2, "complete", 1),
    ]


def test_what_is_fed_forward_is_on_record_each_time(sampled):
    """The last frozen stands, each has its hash on record, and a rebuild leaves it."""
    first = PRELOAD.coerce(pd.DataFrame({"member": ["a"], "wave": [1], "variable": ["x"], "value": ["1"]}))
    second = first.assign(value="2").astype({"value": "str"})
    made = [sampled.freeze_preload(STUDY.key, 1, each, by="me", at=NOW) for each in (first, second)]
    sampled.forget_derived(STUDY.key)
    assert_frame_equal(sampled.preload(STUDY.key, 1), second)
    assert sampled.preload_freezes(STUDY.key, 1) == made
    assert sampled.preload(STUDY.key, 2).empty


@pytest.mark.parametrize("table", ["case_event", "member_event", "sample_load", "sample_row"])
def test_histories_are_never_changed_or_removed(sampled, table):
    """The database itself refuses it."""
    with pytest.raises(StorageError, match="never changed"), sampled._writes() as connection:
        connection.execute(text(f"DELETE FROM {table}"))


@pytest.mark.parametrize("statement", ["DELETE FROM response", "UPDATE gate SET at = at", "DELETE FROM row_verdict"])
def test_the_door_of_erasures_is_shut(store, statement):
    """Without an erasure under way what was received stays as it was."""
    from tests.contract.deliveries import accept
    from tests.contract.test_store_quarantine import CELL, GATE

    accept(store, b"one", ("a", "1"))
    store.save_gate(GATE, NOW)
    store.add_row_verdicts(STUDY.key, 1, [CELL], NOW)
    with pytest.raises(StorageError, match="never changed"), store._writes() as connection:
        connection.execute(text(statement))


def test_many_are_moved_in_bulk_as_one_by_one(store):
    """Of 600, each takes two events of one batch in their order; a reason stays where the later event has none."""
    names = [f"m{number:03d}" for number in range(600)]
    store.add_sample(replace(LOAD, rows=600, added=600, held=0), [person(name) for name in names], [])
    store.add_cases([case(name) for name in names], [event(name, "issue", "issue") for name in names])
    lost = [replace(event(name, "lose", "l"), why="moved") for name in names]
    again = [event(name, "lose", "again", LATER) for name in names]
    assert store.move_cases([*lost, *again, *lost]) == 1200
    assert {(each.state, each.why, each.since) for each in store.cases(STUDY.key, 1)} == {
        ("unreachable", "moved", LATER)
    }
    assert set(store.case_states(STUDY.key, 1).values()) == {"unreachable"}
    assert store.case_history(STUDY.key, 1)["m007"] == {"issue", "lose"}
    assert ("m007", "again") in store.case_keys(STUDY.key, 1, "hand")
    answer = [
        MemberEvent(
            study=STUDY.key, member=name, event="answer", from_state="recruited", to_state="active", scope="", by="me",
            reason="interviewed", at=LATER,
        )
        for name in names
    ]  # fmt: skip
    assert store.move_members([*answer, *answer]) == 600
    assert {each.state for each in store.members(STUDY.key)} == {"active"}
    assert len(store.member_events(STUDY.key, "m007")) == 2
