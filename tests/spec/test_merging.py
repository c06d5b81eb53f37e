"""Folding waves into the panel: the rules, as small tables."""

from __future__ import annotations

import pandas as pd
import pytest

from panel.merge import cohorts, current, settled
from panel.schema import PERSON_WAVES, TRACKING
from tests import factories as make
from tests.factories import cells, drawn, merged, named, question, study, variable

HEADING = "member | wave | submitted_at | job | profit | wage | born | since | changed\n"


def panel_of(waves: dict[int, str], *columns: str) -> list[list[str]]:
    """Return the merged panel as cells of a drawn table."""
    return drawn(merged(waves).person_waves, *columns)


# answers that differ


def test_a_later_answer_stands_and_is_a_revision():
    """Of different answers of one member the one submitted last stands, whichever row comes first."""
    assert panel_of({1: """
        member | wave | submitted_at | job | profit
        a      | 1    | 2025-10-09   | 1   | 120
        a      | 1    | 2025-10-01   | 1   | 100
        b      | 1    | 2025-10-01   | 1   | 50
    """}, "member", "profit", "revision") == cells("""
        member | profit | revision
        a      | 120    | 2
        b      | 50     | 1
    """)  # fmt: skip


def test_moments_are_compared_across_offsets():
    """Noon in summer time is before noon in winter time less an hour: 10:00 UTC and 10:30 UTC."""
    assert panel_of({1: """
        member | wave | submitted_at              | job | profit
        a      | 1    | 2025-10-26T11:30:00+01:00 | 1   | 2
        a      | 1    | 2025-10-26T12:00:00+02:00 | 1   | 1
    """}, "member", "profit") == cells("member | profit\n a | 2")  # fmt: skip


def test_without_a_moment_the_answer_received_last_stands():
    """Where the delivery says no moment, the moment of its arrival does."""
    first = make.take_in("member | wave | job | profit\n a | 1 | 1 | 1", delivery="d1").rows
    late = pd.Timestamp("2026-01-01", tz="UTC").to_pydatetime()
    second = make.take_in("member | wave | job | profit\n a | 1 | 1 | 2", delivery="d2", received_at=late).rows
    for rows in ([first, second], [second, first]):
        assert current(pd.concat(rows, ignore_index=True))["profit"].tolist() == [2.0]


def test_an_interview_stands_over_a_refusal_that_came_later():
    """Somebody who answered and then refused a reminder has answered."""
    of = study(layout=make.layout(outcome="outcome", outcomes=(("done", "complete"), ("no", "refused"))))
    result = merged({1: """
        member | wave | submitted_at | outcome | job
        a      | 1    | 2025-10-01   | done    | 1
        a      | 1    | 2025-10-09   | no      |
        b      | 1    | 2025-10-09   | no      |
    """}, of=of)  # fmt: skip
    assert drawn(result.person_waves, "member", "disposition", "job", "revision") == cells("""
        member | disposition | job | revision
        a      | complete    | 1   | 2
    """)
    assert drawn(result.tracking, "member", "disposition") == cells("""
        member | disposition
        a      | complete
        b      | refused
    """)


def test_what_does_not_stand_is_named():
    """Every response given either stands or is superseded; none is gone."""
    rows = named(HEADING + " a | 1 | 2025-10-01 | 1 | 1 |||| \n a | 1 | 2025-10-02 | 1 | 2 ||||")
    result = make.merge_frames({1: rows})
    assert result.superseded["member"].tolist() == ["a"]
    assert {*result.superseded["response"], *result.person_waves[1]["response"]} == set(rows["response"])


# members over waves


THREE_WAVES = {
    1: "member | wave | job\n stays | 1 | 1\n back | 1 | 1\n gone | 1 | 1",
    2: "member | wave | job\n stays | 2 | 1\n fresh | 2 | 1",
    3: "member | wave | job\n stays | 3 | 2\n back | 3 | 1",
}


def test_every_member_has_a_row_for_every_wave_that_was_fielded():
    """Nobody is lost from sight: not yet a member, no response, or what came of it; a gap stays a gap."""
    tracking = merged(THREE_WAVES).tracking
    assert drawn(tracking, "member", "wave", "cohort", "disposition", "is_interviewed", "is_returning") == cells("""
        member | wave | cohort | disposition | is_interviewed | is_returning
        back   | 1    | 1      | complete    | True           | False
        fresh  | 1    | 2      | not_yet     | False          | False
        gone   | 1    | 1      | complete    | True           | False
        stays  | 1    | 1      | complete    | True           | False
        back   | 2    | 1      | no_response | False          | False
        fresh  | 2    | 2      | complete    | True           | False
        gone   | 2    | 1      | no_response | False          | False
        stays  | 2    | 1      | complete    | True           | False
        back   | 3    | 1      | complete    | True           | True
        fresh  | 3    | 2      | no_response | False          | False
        gone   | 3    | 1      | no_response | False          | False
        stays  | 3    | 1      | complete    | True           | False
    """)


def test_while_a_wave_is_open_silence_is_not_an_answer():
    """Who has not answered in an open wave is pending."""
    tracking = merged(THREE_WAVES, open_waves=[3]).tracking
    last = tracking[tracking["wave"] == 3].set_index("member")["disposition"]
    assert last.to_dict() == {"back": "complete", "fresh": "pending", "gone": "pending", "stays": "complete"}


def test_the_cohort_is_the_wave_of_the_first_response():
    """Also where that response was a refusal."""
    index = pd.DataFrame(
        {"member": ["a", "b", "a"], "wave": [2, 3, 1], "disposition": ["complete", "complete", "refused"]}
    )
    assert cohorts(index).to_dict() == {"a": 1, "b": 3}


# facts


def test_a_fact_asked_once_is_carried_to_later_waves():
    """It was asked in the member's first wave and holds in every later one, over a gap too."""
    assert panel_of({
        1: HEADING + "a | 1 | | 1 | | | | 2001 |\n b | 1 | | 1 | | | | RF |",
        2: HEADING + "b | 2 | | 1 | | | | |\n c | 2 | | 1 | | | | 2020 |",
        3: HEADING + "a | 3 | | 1 | | | | |\n c | 3 | | 1 | | | | |",
    }, "member", "wave", "since") == cells("""
        member | wave | since
        a      | 1    | 2001
        b      | 1    | (refused)
        b      | 2    | (not_fielded)
        c      | 2    | 2020
        a      | 3    | 2001
        c      | 3    | 2020
    """)  # fmt: skip


def test_a_blank_of_who_has_just_entered_is_no_answer():
    """The fact was put to c, who entered in this wave as d did, and not to a; a later question was put to a only."""
    assert panel_of({
        1: HEADING + "a | 1 | | 1 | | | | 2001 |",
        2: HEADING + "a | 2 | | 1 | | | | |\n c | 2 | | 1 | | | | |\n d | 2 | | 1 | | | | 2020 |",
    }, "member", "wave", "since", "changed") == cells("""
        member | wave | since       | changed
        a      | 1    | 2001        | (not_fielded)
        a      | 2    | 2001        | (no_answer)
        c      | 2    | (no_answer) | (not_fielded)
        d      | 2    | 2020        | (not_fielded)
    """)  # fmt: skip


def test_a_fact_of_a_later_instrument_was_not_fielded_before():
    """Members who entered before a question existed were not asked it: that is no refusal to answer."""
    old, new = make.QUESTIONS[:1], (*make.QUESTIONS[:1], question(variable("union"), asked="first"))
    of = study(
        instruments=(make.instrument(*old), make.instrument(*new, version="2")),
        waves=(make.wave(1), make.wave(2, version="2")),
    )
    result = merged({
        1: "member | wave | job\n a | 1 | 1",
        2: "member | wave | job | union\n a | 2 | 1 |\n b | 2 | 1 | 1\n c | 2 | 1 |",
    }, of=of)  # fmt: skip
    assert drawn(result.person_waves, "member", "wave", "union") == cells("""
        member | wave | union
        a      | 1    | (not_fielded)
        a      | 2    | (not_fielded)
        b      | 2    | 1
        c      | 2    | (no_answer)
    """)


def test_an_immutable_fact_that_changes_stays_as_it_was_said():
    """A merge overwrites nothing and holds nothing: what a fact is, most waves decide, or the earliest of equals."""
    result = merged({
        1: HEADING + "a | 1 | | 1 | | | 1980 | |\n b | 1 | | 1 | | | 1970 | |",
        2: HEADING + "a | 2 | | 1 | | | 1981 | |\n b | 2 | | 1 | | | 1971 | |",
        3: HEADING + "a | 3 | | 1 | | | 1981 | |\n b | 3 | | 1 | | | | |",
    })  # fmt: skip
    assert drawn(result.person_waves, "member", "wave", "born", "age") == cells("""
        member | wave | born        | age
        a      | 1    | 1980        | 45
        b      | 1    | 1970        | 55
        a      | 2    | 1981        | 45
        b      | 2    | 1971        | 55
        a      | 3    | 1981        | 46
        b      | 3    | (no_answer) | (no_answer)
    """)
    every = pd.concat(result.person_waves.values(), ignore_index=True)
    assert settled(every, "born").to_dict() == {"a": 1981, "b": 1970}
    assert settled(every.iloc[::-1], "born").to_dict() == {"a": 1981, "b": 1970}


def test_a_late_correction_of_a_fact_reaches_later_waves():
    """A correction of wave 1 that arrives after wave 2 changes what wave 2 carries."""
    second = HEADING + "a | 2 | | 1 | | | | |"
    first = HEADING + "a | 1 | 2025-10-01 | 1 | | | | 2001 |"
    late = first + "\n a | 1 | 2026-12-01 | 1 | | | | 2011 |"
    columns = ("wave", "since", "revision")
    assert panel_of({1: first, 2: second}, *columns) == cells("wave|since|revision\n1|2001|1\n2|2001|1")
    assert panel_of({1: late, 2: second}, *columns) == cells("wave|since|revision\n1|2011|2\n2|2011|1")


# derived variables


def test_derived_variables_follow_from_what_stands():
    """The total of what is known; missing for the reason of its sources, not applicable only where all are."""
    assert panel_of({1: HEADING + """
        a | 1 | | 1  | 100 |    | 1980 | |
        b | 1 | | 2  |     | RF |      | |
        c | 1 | | DK |     |    | 1990 | |
        d | 1 | | 1  | 10  | 5  | x    | |
    """}, "member", "profit", "wage", "income", "age") == cells("""
        member | profit           | wage             | income      | age
        a      | 100              | (not_applicable) | 100         | 45
        b      | (not_applicable) | (refused)        | (refused)   | (no_answer)
        c      | (no_answer)      | (no_answer)      | (no_answer) | 35
        d      | 10               | 5                | 15          | (invalid)
    """)  # fmt: skip


# the frames


def test_the_panel_has_the_columns_of_the_schema():
    """Person-waves have every variable of the study, tracking its own columns, also with no waves."""
    result = merged(THREE_WAVES)
    for frame in result.person_waves.values():
        assert {name: str(frame[name].dtype) for name in PERSON_WAVES.names} == dict(PERSON_WAVES.columns)
        assert {each.name for each in make.STUDY.variables} <= set(frame)
        assert not {"row", "delivery", "received_at", "submitted_at"} & set(frame)
        assert not frame.duplicated(["member", "wave"]).any()
    assert {name: str(result.tracking[name].dtype) for name in TRACKING.names} == dict(TRACKING.columns)
    empty = merged({})
    assert (len(empty.tracking), len(empty.superseded)) == (0, 0)


@pytest.mark.parametrize("number", [1, 2])
def test_a_wave_in_which_nobody_was_interviewed_has_no_person_waves(number):
    """It is fielded, and every member has a tracking row for it."""
    of = study(layout=make.layout(outcome="outcome", outcomes=(("done", "complete"), ("no", "refused"))))
    waves = {
        wave: f"member | wave | outcome | job\n a | {wave} | {'no' if wave == number else 'done'} | 1"
        for wave in (1, 2)
    }
    result = merged(waves, of=of)
    assert len(result.person_waves[number]) == 0
    assert drawn(result.tracking, "wave", "is_interviewed")[number] == [str(number), "False"]
