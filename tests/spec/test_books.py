"""The books: a line for every member of the sample in every wave, whatever came of it."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from panel.books import booked
from panel.model.case import Case
from panel.model.member import Member
from panel.schema import TRACKING

NOW = datetime(2025, 10, 1, tzinfo=UTC)


def person(name, entry=1, scope=""):
    """Return a member."""
    return Member(
        study="s", member=name, stratum="", cohort="c", entry_wave=entry, state="withdrawn" if scope else "active",
        scope=scope, since=NOW, loaded_at=NOW,
    )  # fmt: skip


def case(name, state, wave=1, why=""):
    """Return a case."""
    return Case(study="s", wave=wave, member=name, state=state, why=why, since=NOW)


def said(*rows):
    """Return tracking rows of (member, wave, disposition)."""
    frame = pd.DataFrame(rows, columns=["member", "wave", "disposition"])
    return TRACKING.coerce(
        frame.assign(cohort=frame["wave"].min(), is_interviewed=frame["disposition"] == "complete", is_returning=False)
    )


def books(tracking, members, cases=(), fielded=(1,), **more):
    """Return the books as (member, wave): disposition."""
    found = booked(tracking, members=members, cases=cases, fielded=fielded, **more)
    assert list(found.columns) == TRACKING.names
    assert not found.duplicated(["member", "wave"]).any()
    return dict(zip(zip(found["member"], found["wave"], strict=True), found["disposition"], strict=True))


@pytest.mark.parametrize(
    ("state", "why", "told"),
    [
        ("refused", "", "refused"),
        ("ineligible", "abroad", "out_of_scope"),
        ("unreachable", "", "no_contact"),
        ("unreachable", "deceased", "deceased"),
        ("not_issued", "dormant", "not_issued"),
        ("not_issued", "withdrawn", "withdrawn"),
        ("break_off", "", "broke_off"),
        ("contacted", "", "no_response"),
        ("issued", "", "no_response"),
    ],
)
def test_no_disposition_is_missing_from_the_books(state, why, told):
    """Who never answered is there, with what the case says or silence."""
    tracking = said(("a", 1, "complete"))
    found = books(tracking, [person("a"), person("b")], [case("b", state, why=why)])
    assert found == {("a", 1): "complete", ("b", 1): told}


def test_an_answer_comes_before_what_a_case_says():
    """A response that stands is never overruled by the state of the case."""
    found = books(said(("a", 1, "complete")), [person("a")], [case("a", "refused")])
    assert found == {("a", 1): "complete"}


def test_who_enters_later_is_not_yet_there():
    """Before its entry a member is not yet one; a wave in the field is pending."""
    found = books(said(), [person("b", entry=2)], fielded=(1, 2), open_waves=(2,))
    assert found == {("b", 1): "not_yet", ("b", 2): "pending"}


def test_who_is_in_no_sample_stays_in_the_books():
    """A member who answered without being listed keeps its line."""
    found = books(said(("z", 1, "complete")), [person("a")])
    assert found == {("a", 1): "no_response", ("z", 1): "complete"}


def test_who_may_not_be_used_is_withdrawn_in_every_wave():
    """Its answers were left out of the merge, and no wave says that it answered."""
    found = books(said(), [person("a", scope="no_use")], fielded=(1, 2))
    assert set(found.values()) == {"withdrawn"}


def test_without_a_sample_nothing_changes():
    """A study that loaded none has the books of those who answered."""
    tracking = said(("a", 1, "complete"))
    assert booked(tracking, members=[], cases=(), fielded=(1,)) is tracking
