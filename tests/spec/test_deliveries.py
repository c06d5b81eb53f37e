"""Taking in a delivery, its responses and members, and what is refused whole: the rules, as small tables."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pandas as pd
import pytest

from panel.errors import SourceError
from panel.model.study import GivenWeight
from panel.schema import reason_column
from tests import factories as make
from tests.factories import fates, ignored, question, row_of, study, table, take_in, variable

# the response


def test_the_same_answers_are_the_same_response():
    """Another file, order of rows and columns, moment, way of writing and delivery: the same responses."""
    one = take_in("""
        member | wave | submitted_at | job | profit
        a      | 1    | 2025-10-01   | 1   | 100
        b      | 1    | 2025-10-02   | 2   |
    """)
    other = take_in("""
        profit | job      | wave | member | submitted_at | weather
               | Employee | 2025 | b      | 2025-10-08   | sun
        100.00 | zzp      | 1.0  | a      |              | rain
    """, delivery="d2", received_at=datetime(2026, 1, 1, tzinfo=UTC))  # fmt: skip
    assert set(one.rows["response"]) == set(other.rows["response"])
    assert one.rows["response"].str.fullmatch("[0-9a-f]{24}").all()


@pytest.mark.parametrize(
    "text",
    ["b | 1 | 1 | 100 |", "a | 1 | 2 | 100 |", "a | 1 | 1 | 101 |", "a | 1 | 1 | DK |", "a | 1 | 1 | |",
     "a | 1 | 1 | 100 | 5"],
)  # fmt: skip
def test_another_answer_reason_or_member_is_another_response(text):
    """Whatever is said counts, a reason too."""
    heading = "member | wave | job | profit | wage\n "
    assert (
        row_of(take_in(heading + "a | 1 | 1 | 100 |"), 2)["response"] != row_of(take_in(heading + text), 2)["response"]
    )


def test_the_same_answers_in_another_wave_are_another_response():
    """The wave belongs to the response."""
    one = take_in("member | wave | job\n a | 1 | 1").rows["response"][0]
    assert take_in("member | wave | job\n a | 2 | 1", wave=2).rows["response"][0] != one


def test_another_design_weight_is_not_the_same_response():
    """A corrected weight or stratum is not thrown away as a repeat."""
    of = study(layout=make.layout(stratum="stratum", design_weight="dw"))
    heading = "member | wave | job | stratum | dw\n "
    texts = ("a | 1 | 1 | x | 1.5", "a | 1 | 1 | y | 1.5", "a | 1 | 1 | x | 1.6", "a | 1 | 1 | x | 1.50")
    found = [take_in(heading + text, of=of).rows["response"][0] for text in texts]
    assert len(set(found)) == 3
    assert found[0] == found[3]


def test_of_repeats_in_a_file_the_last_submitted_stays():
    """Which of two equal rows is taken does not depend on where they stand."""
    taken = take_in("""
        member | wave | job | submitted_at
        a      | 1    | 1   | 2025-10-01
        a      | 1    | 1   | 2025-10-09
        a      | 1    | 1   |
    """)
    assert list(taken.rows["row"]) == [3]
    assert ignored(taken) == {2: "same answers as row 3", 4: "same answers as row 3"}


def test_responses_cannot_be_told_without_the_key():
    """Another key gives other members and other responses for the same answers."""
    frame = table("member | wave | job\n a | 1 | 1")
    one = take_in(frame).rows.iloc[0]
    other = make.harmonise(
        frame, study=make.STUDY, wave=1, delivery="d1", received_at=make.RECEIVED, key=b"x"
    ).rows.iloc[0]
    assert one["member"] != other["member"]
    assert one["response"] != other["response"]


# members


def test_a_member_is_one_for_life_and_in_every_spelling_of_the_id():
    """Full-width digits and spaces around an id do not make another person; the study does."""
    frame = pd.DataFrame({"member": ["12", " 12", "１２"], "wave": "1", "job": ["1", "2", ""]}, index=[2, 3, 4])
    found = take_in(frame).rows["member"]
    assert found.nunique() == 1
    assert found[0].startswith("m")
    assert len(found[0]) == 17
    assert take_in(frame, of=replace(make.STUDY, key="brewers")).rows["member"][0] != found[0]


def test_an_id_with_marks_that_cannot_be_seen_is_held():
    """Such an id may be another's; the row waits for somebody to look."""
    frame = pd.DataFrame({"member": ["a\u200bb", "ab"], "wave": "1", "job": "1"}, index=[2, 3])
    assert fates(take_in(frame)) == [(2, "intake.bad_member", "")]


@pytest.mark.parametrize("text", ["1.23457E+11", "123.0", "1E+05"])
def test_ids_that_were_saved_as_numbers_are_refused(text):
    """A spreadsheet that made numbers of ids made one person of several."""
    with pytest.raises(SourceError, match="member ids were saved as numbers") as caught:
        take_in(f"member | wave | job\n 7 | 1 | 1\n {text} | 1 | 1")
    assert (caught.value.where.row, caught.value.where.column) == (3, "member")


# refusals


def test_every_required_column_that_is_absent_is_named_with_the_nearest():
    """All of them at once, each with the heading that looks like it."""
    with pytest.raises(SourceError) as caught:
        take_in("Member | wav | jobs\n a | 1 | 1")
    assert [fault.where.column for fault in caught.value.faults] == ["member", "wave", "job"]
    assert [fault.fix for fault in caught.value.faults] == [
        "Did you mean 'Member'?", "Did you mean 'wav'?", "Did you mean 'jobs'?"
    ]  # fmt: skip


def test_a_heading_cannot_move_the_cursor():
    """Marks in headings are hostile: the message shows them as replaced."""
    with pytest.raises(SourceError) as caught:
        take_in(pd.DataFrame({"membe\x1b[2Jr": ["a"], "wave": "1", "job": "1"}))
    assert "\x1b" not in str(caught.value)


def test_a_file_of_another_wave_is_refused_and_says_of_which():
    """The wave column decides, and the message names the wave to collect the file for."""
    with pytest.raises(SourceError, match="2 of 2 rows are not of wave 2025") as caught:
        take_in("member | wave | job\n a | 2 | 1\n b | 2026 | 1")
    assert "wave 2026" in caught.value.fix


def rows_of_waves(foreign: int, rows: int) -> pd.DataFrame:
    """Return rows of wave 1 of which some are of wave 2."""
    waves = ["2"] * foreign + ["1"] * (rows - foreign)
    members = [f"p{number}" for number in range(rows)]
    return pd.DataFrame({"member": members, "wave": waves, "job": "1"}, index=pd.RangeIndex(2, rows + 2), dtype="str")


def test_a_few_rows_of_another_wave_are_held():
    """One row in twenty is held; one more, and the file is refused."""
    taken = take_in(rows_of_waves(1, 20))
    assert len(taken.rows) == 19
    assert fates(taken) == [(2, "intake.wrong_wave", "")]
    with pytest.raises(SourceError, match="2 of 20 rows"):
        take_in(rows_of_waves(2, 20))


def test_a_file_that_holds_every_wave_gives_the_rows_of_one():
    """In such a file the rows of other waves are ignored; a wave that the study does not have is held."""
    of = study(layout=make.layout(holds_every_wave=True))
    taken = take_in("member | wave | job\n a | 1 | 1\n a | 2 | 1\n a | 9 | 1", of=of)
    assert list(taken.rows["row"]) == [2]
    assert ignored(taken) == {3: "of another wave"}
    assert fates(taken) == [(4, "intake.unknown_wave", "")]


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        ("email", ""), ("E-mail", "x"), ("emailadres", ""), ("work_phone_number", ""), ("telefoon", ""),
        ("iban_nr", ""),
        ("last_name", ""), ("postcode", ""), ("other", "jan@example.org"), ("other", "06-12345678"),
        ("other", "+31 6 12345678"), ("other", "NL91 ABNA 0417 1643 00"),
        ("remarks", "write to jan@example.org please"),
    ],
)  # fmt: skip
def test_contact_details_are_refused(heading, cell):
    """What is not asked for and names a person must not come in, whatever the column is called."""
    frame = pd.DataFrame({"member": ["a"], "wave": "1", "job": "1", heading: [cell]}, index=[2], dtype="str")
    with pytest.raises(SourceError, match="looks like contact details") as caught:
        take_in(frame)
    assert caught.value.where.column == heading
    assert "example.org" not in str(caught.value)


@pytest.mark.parametrize(
    ("heading", "cell"), [("smartphones", "1"), ("microphone", "1"), ("other", "0.6123456789"), ("other", "2025-10-01"),
                          ("blanket", "a@b"), ("nr", "0123456789012")]
)  # fmt: skip
def test_what_only_resembles_contact_details_is_not_refused(heading, cell):
    """A word inside another, a number or a date is not a way to reach anybody."""
    frame = pd.DataFrame({"member": ["a"], "wave": "1", "job": "1", heading: [cell]}, index=[2], dtype="str")
    assert take_in(frame).unread == (heading,)


def test_a_long_hostile_cell_does_not_slow_the_search():
    """The search for contact details looks at the start of a cell, in bounded steps."""
    frame = pd.DataFrame({"member": ["a"], "wave": "1", "job": "1", "other": ["a" * 90_000 + "@"]}, index=[2])
    assert len(take_in(frame).rows) == 1


# design


def test_weights_of_the_design_are_numbers_or_held():
    """A negative or unreadable weight is missing, and the cell is on record."""
    of = study(
        layout=make.layout(design_weight="dw", stratum="st", given_weights=(GivenWeight(waves=(1, 2), column="w12"),))
    )
    taken = take_in("""
        member | wave | job | st | dw   | w12
        a      | 1    | 1   | x  | 0.75 | 2e0
        b      | 1    | 1   |    | -1   | heavy
    """, of=of)  # fmt: skip
    assert taken.rows["design_weight"].tolist() == [0.75, pd.NA]
    assert taken.rows["given_weight:w12"].tolist() == [2.0, pd.NA]
    assert taken.rows["stratum"].isna().tolist() == [False, True]
    assert fates(taken) == [(3, "intake.not_a_number", "w12"), (3, "intake.out_of_range", "dw")]


def test_an_instrument_of_many_questions_is_read():
    """Two hundred questions with routes, each on the one before."""
    first = question(variable("q0"))
    rest = [question(variable(f"q{number}"), route=f"q{number - 1} is not null") for number in range(1, 200)]
    frame = pd.DataFrame(
        {"member": ["a"], "wave": "1", **{f"q{number}": [str(number)] for number in range(199)}, "q199": ""}
    )
    row = take_in(frame.astype("str"), of=study(first, *rest)).rows.iloc[0]
    assert row["q198"] == 198
    assert row[reason_column("q199")] == "no_answer"
