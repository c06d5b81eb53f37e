"""Taking in a delivery, its cells: the rules, as small tables."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
import pytest

from panel.schema import HELD, IGNORED, RESPONSES
from tests import factories as make
from tests.factories import fates, ignored, question, row_of, study, table, take_in, told, values, variable

# rows


def test_every_row_is_accepted_held_or_ignored():
    """Rows in are the rows accepted, held whole and ignored: here 1 + 1 + 2 of 4."""
    taken = take_in("""
        member | wave | job | profit
        a      | 1    | 1   | 100
               | 1    | 1   | 100
               |      |     |
        a      | 1    | 1   | 100
    """)
    assert list(taken.rows["row"]) == [2]
    assert fates(taken) == [(3, "intake.no_member", "")]
    assert ignored(taken) == {4: "blank line", 5: "same answers as row 2"}


def test_a_line_of_spaces_is_a_blank_line():
    """What cannot be seen is not an answer: spaces, no-break spaces and zero-width spaces are blank."""
    frame = pd.DataFrame(
        {"member": ["a", " ", "\u200b"], "wave": ["1", "\xa0", ""], "job": ["1", "  ", "\ufeff"]}, index=[2, 3, 4]
    )
    assert ignored(take_in(frame)) == {3: "blank line", 4: "blank line"}


def test_the_frames_have_the_columns_and_dtypes_of_the_schema():
    """Accepted, held and ignored rows come in the frames of `panel.schema`, also where there are none."""
    for text in ("member | wave | job\n a | 1 | 1", "member | wave | job\n  | 1 | 1", "member|wave|job\n | | "):
        taken = take_in(text)
        for kind, frame in ((RESPONSES, taken.rows), (HELD, taken.held), (IGNORED, taken.ignored)):
            assert {name: str(frame[name].dtype) for name in kind.names} == dict(kind.columns)


def test_the_table_that_was_given_is_not_touched():
    """Harmonising changes nothing in its input."""
    given = table("member | wave | job\n a | 1 | zzp")
    before = given.copy(deep=True)
    take_in(given)
    pd.testing.assert_frame_equal(given, before)


def test_columns_that_nobody_reads_are_named_and_left():
    """An unknown column is not an error; it is listed, and its cells go nowhere."""
    taken = take_in("member | wave | job | weather\n a | 1 | 1 | rain")
    assert taken.unread == ("weather",)
    assert "weather" not in taken.rows


# values


@pytest.mark.parametrize(
    ("kind", "text", "cell"),
    [
        ("whole", "4", "4"), ("whole", "4.0", "4"), ("whole", "+4", "4"), ("whole", "-4", "-4"), ("whole", " 4 ", "4"),
        ("money", "2.500", "2.5"), ("money", "12345.67", "12345.67"), ("money", "-0", "0"), ("money", ".5", "0.5"),
        ("decimal", "1.5e-3", "0.0015"), ("decimal", "0.1", "0.1"),
        ("share", "0", "0"), ("share", "100", "100"), ("probability", "33.3", "33.3"),
        ("date", "2025-11-03", "2025-11-03"), ("date", "2025-11-03T23:30:00+01:00", "2025-11-03"),
        ("text", " Jan\xa0Smit\u200b ", "Jan Smit"), ("text", "Cafe\u0301", "Caf\xe9"), ("text", "a\tb", "a b"),
        ("text", "=1+1", "=1+1"), ("text", "one\r\ntwo", "one\ntwo"),
    ],
)  # fmt: skip
def test_a_cell_with_one_reading_is_read(kind, text, cell):
    """A number has digits and a decimal point, a date is ISO 8601, a text keeps what can be seen of it."""
    of = study(question(variable("x", kind, **(RANGE if kind in ("share", "probability") else {}))))
    assert told(row_of(take_in(one_cell(text), of=of), 2), "x") == cell


RANGE = {"minimum": 0.0, "maximum": 100.0}


def one_cell(text: str) -> pd.DataFrame:
    """Return a delivery of one row with one answer."""
    return pd.DataFrame({"member": ["a"], "wave": ["1"], "x": [text]}, index=[2], dtype="str")


@pytest.mark.parametrize(
    ("kind", "text", "check"),
    [
        ("money", "12.345,67", "not_a_number"), ("money", "1,234", "not_a_number"), ("money", "12,50", "not_a_number"),
        ("money", "€ 12", "not_a_number"), ("money", "12k", "not_a_number"), ("money", "1 000", "not_a_number"),
        ("money", "ca. 15000", "not_a_number"), ("money", "(500)", "not_a_number"), ("money", "1E+05", "not_a_number"),
        ("money", "nan", "not_a_number"), ("money", "inf", "not_a_number"), ("money", "NA", "not_a_number"),
        ("money", "1" * 22, "not_a_number"), ("money", "１２", "not_a_number"), ("decimal", "1e999", "not_a_number"),
        ("whole", "3.5", "not_whole"), ("whole", "4.", "not_a_number"), ("whole", "--4", "not_a_number"),
        ("share", "101", "out_of_range"), ("share", "45%", "not_a_number"), ("probability", "-1", "out_of_range"),
        ("date", "03-11-2025", "not_a_date"), ("date", "2025-02-30", "not_a_date"), ("date", "45689", "not_a_date"),
        ("date", "2025-11-03 or later", "not_a_date"), ("date", "20251103", "not_a_date"),
        ("date", "0000-00-00", "not_a_date"), ("text", "x" * 4001, "too_long"),
    ],
)  # fmt: skip
def test_a_cell_with_two_readings_or_none_is_held(kind, text, check):
    """Nothing is guessed: the value is missing as invalid, the cell is held by name, the row stays."""
    of = study(question(variable("x", kind, **(RANGE if kind in ("share", "probability") else {}))))
    taken = take_in(one_cell(text), of=of)
    assert told(row_of(taken, 2), "x") == "(invalid)"
    assert fates(taken) == [(2, f"intake.{check}", "x")]


def test_the_reason_of_a_held_cell_does_not_say_the_answer():
    """What is held back must not stand in the words about it."""
    taken = take_in("member | wave | job | profit\n a | 1 | painter | 77777")
    assert len(taken.held) == 2
    for cell in taken.held.astype("str").to_numpy().ravel():
        assert "painter" not in cell
        assert "77777" not in cell


@pytest.mark.parametrize("text", ["1", "1.0", "Own account", "OWN ACCOUNT", "zzp", "ZZP", " own account "])
def test_a_single_choice_is_read_by_code_label_or_synonym(text):
    """Code, label and synonym name one value, in any case; the label is compared after Unicode normalisation."""
    assert told(row_of(take_in(table(f"member | wave | job\n a | 1 | {text}")), 2), "job") == "1"


@pytest.mark.parametrize("text", ["3", "own", "01", "1.5", "1 - Own account", "both"])
def test_a_text_that_is_no_value_is_held(text):
    """A value is taken whole or not at all."""
    taken = take_in(f"member | wave | job\n a | 1 | {text}")
    assert fates(taken) == [(2, "intake.unknown_code", "job")]


def test_a_label_that_two_values_share_is_held():
    """Where a text names two values, neither is taken; their codes still are."""
    of = study(question(variable("x", "single", values=values((1, "Other"), (2, "other"), (3, "None")))))
    taken = take_in("member | wave | x\n a | 1 | Other\n b | 1 | 2\n c | 1 | none", of=of)
    assert [told(row_of(taken, row), "x") for row in (2, 3, 4)] == ["(invalid)", "2", "3"]


def test_codes_that_differ_in_case_only_are_told_apart():
    """A code written exactly is that code."""
    of = study(question(variable("x", "single", values=values(("a", "Small"), ("A", "Large")))))
    taken = take_in("member | wave | x\n p | 1 | a\n q | 1 | A", of=of)
    assert [told(row_of(taken, row), "x") for row in (2, 3)] == ["a", "A"]


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("1", "1"), ("10;2", "2;10"), ("2, 1,2", "1;2"), ("Film;1", "1;2"), ("1;7", "(invalid)"),
        ("1;;2", "(invalid)"),
    ],
)  # fmt: skip
def test_several_choices_stand_once_each_in_the_order_of_the_instrument(text, cell):
    """A multiple choice is one text of codes; one unknown part holds the cell."""
    kinds = values((1, "Music"), (2, "Film"), (10, "Games"))
    of = study(question(variable("x", "multi", values=kinds)))
    assert told(row_of(take_in(one_cell(text), of=of), 2), "x") == cell


# missing answers


def test_a_blank_says_why_it_is_missing():
    """Off the route: not applicable. Not asked in this wave: not fielded. Asked and not answered: no answer."""
    taken = take_in("""
        member | wave | job | profit | wage | born | since | changed
        a      | 1    | 1   |        |      |      |       |
        b      | 1    |     | 10     |      | DK   | RF    |
    """)
    assert [told(row_of(taken, 2), name) for name in ("job", "profit", "wage", "born", "since", "changed")] == [
        "1", "(no_answer)", "(not_applicable)", "(no_answer)", "(no_answer)", "(not_fielded)"
    ]  # fmt: skip
    assert [told(row_of(taken, 3), name) for name in ("job", "profit", "wage", "born", "since")] == [
        "(no_answer)", "10", "(no_answer)", "(dont_know)", "(refused)"
    ]  # fmt: skip


def test_a_fact_asked_once_is_not_fielded_later():
    """In a later wave a blank fact was not asked, as far as the delivery can tell; later questions were."""
    taken = take_in("member | wave | job | since | changed\n a | 2 | 1 | | ", wave=2)
    assert [told(row_of(taken, 2), name) for name in ("since", "changed")] == ["(not_fielded)", "(no_answer)"]


def test_an_answer_off_the_route_stays():
    """Intake does not overrule a respondent: a wage of the self-employed stays, for the checks to judge."""
    taken = take_in("member | wave | job | wage\n a | 1 | 1 | 50")
    assert told(row_of(taken, 2), "wage") == "50"
    assert taken.held.empty


def test_only_texts_that_the_layout_names_are_missing_codes():
    """NA and - are no missing codes unless the study says so."""
    taken = take_in("member | wave | job | profit\n a | 1 | 1 | NA\n b | 1 | 1 | DK")
    assert [told(row_of(taken, row), "profit") for row in (2, 3)] == ["(invalid)", "(dont_know)"]


def test_a_column_that_is_not_in_the_file_is_not_fielded():
    """Without its column a question that need not be answered was not fielded."""
    assert told(row_of(take_in("member | wave | job\n a | 1 | 1"), 2), "profit") == "(not_fielded)"


# outcomes


OUTCOMES = make.layout(
    outcome="outcome", outcomes=(("done", "complete"), ("some", "partial"), ("no", "refused"), ("left", "broke_off"))
)


def test_the_outcome_comes_from_the_file_or_from_the_required_answers():
    """Where the file does not say, a row is complete if every required question on the route has a value."""
    plain = take_in("member | wave | job | profit\n a | 1 | 1 |\n b | 1 | | 10\n c | 1 | RF | 10")
    assert list(plain.rows["disposition"]) == ["complete", "partial", "partial"]
    given = take_in("""
        member | wave | outcome | job
        a      | 1    | done    |
        b      | 1    | no      |
        c      | 1    |         | 1
    """, of=study(layout=OUTCOMES))  # fmt: skip
    assert list(given.rows["disposition"]) == ["complete", "refused", "complete"]


def test_a_row_without_an_interview_has_no_answers():
    """A refusal is accepted as a response without answers, whatever stands in its cells."""
    taken = take_in("member | wave | outcome | job\n a | 1 | no | 1\n b | 1 | left | 1", of=study(layout=OUTCOMES))
    assert told(row_of(taken, 2), "job") == "(no_answer)"
    assert told(row_of(taken, 3), "job") == "(broke_off)"


def test_an_outcome_that_the_layout_does_not_know_holds_the_row():
    """An unknown outcome is not taken for an interview."""
    taken = take_in("member | wave | outcome | job\n a | 1 | perhaps | 1", of=study(layout=OUTCOMES))
    assert taken.rows.empty
    assert fates(taken) == [(2, "intake.unknown_outcome", "")]


def test_after_the_last_answer_of_a_partial_interview_the_respondent_had_left():
    """Blanks after the last answer, refusals being answers, are `broke_off`; those before stay `no_answer`."""
    of = study(*(question(variable(name)) for name in ("one", "two", "three", "four")), layout=OUTCOMES)
    taken = take_in("""
        member | wave | outcome | one | two | three | four
        a      | 1    | some    |     | 2   |       |
        b      | 1    | some    | 1   |     | RF    |
        c      | 1    | done    | 1   |     |       |
    """, of=of)  # fmt: skip
    told_of = [[told(row_of(taken, row), name) for name in ("one", "two", "three", "four")] for row in (2, 3, 4)]
    assert told_of == [
        ["(no_answer)", "2", "(broke_off)", "(broke_off)"],
        ["1", "(no_answer)", "(refused)", "(broke_off)"],
        ["1", "(no_answer)", "(no_answer)", "(no_answer)"],
    ]


# moments


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-10-01T10:00:00+02:00", datetime(2025, 10, 1, 8, tzinfo=UTC)),
        ("2025-11-01T10:00:00+01:00", datetime(2025, 11, 1, 9, tzinfo=UTC)),
        ("2025-11-01T10:00:00Z", datetime(2025, 11, 1, 10, tzinfo=UTC)),
        ("2025-10-01 10:00", datetime(2025, 10, 1, 8, tzinfo=UTC)),  # of the study's zone: summer time
        ("2025-11-01 10:00", datetime(2025, 11, 1, 9, tzinfo=UTC)),  # winter time
        ("2025-11-01", datetime(2025, 10, 31, 23, tzinfo=UTC)),
    ],
)
def test_moments_are_kept_in_utc(text, moment):
    """An offset counts; without one the moment is of the study's time zone."""
    assert row_of(take_in(f"member | wave | job | submitted_at\n a | 1 | 1 | {text}"), 2)["submitted_at"] == moment


def test_offsets_before_and_after_the_clocks_change_stand_in_one_file():
    """Fieldwork of October and November has both offsets; each row keeps its own moment."""
    taken = take_in("""
        member | wave | job | submitted_at
        a      | 1    | 1   | 2025-10-25T12:00:00+02:00
        b      | 1    | 1   | 2025-10-27T12:00:00+01:00
        c      | 1    | 1   | 2025-10-27 12:00
    """)
    assert [moment.hour for moment in taken.rows["submitted_at"]] == [10, 11, 11]


@pytest.mark.parametrize("text", ["yesterday", "03/11/2025", "2025-13-01", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_cannot_be_read_is_held(text):
    """The response stays, without a moment, and the cell is on record."""
    taken = take_in(f"member | wave | job | submitted_at\n a | 1 | 1 | {text}")
    assert pd.isna(row_of(taken, 2)["submitted_at"])
    assert fates(taken) == [(2, "intake.not_a_moment", "submitted_at")]
