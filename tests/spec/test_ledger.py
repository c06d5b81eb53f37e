"""
The ledger of predictions, as a table of cases: what moves a claim, and to where.

Each case draws what one or two members answered in the waves of 2025, 2026 and 2027, and the claims of 2025 as they
stand after each wave: state, reason, outcome and the wave it was read in. The target year is 2027.
"""

from dataclasses import replace

import pandas as pd
import pytest

from panel import merge as merging
from panel.forecast import STATES, ledger
from panel.harmonise import correct_cells
from panel.model.instrument import Prediction
from panel.model.study import Study
from panel.schema import CLAIMS
from tests import factories as make
from tests.factories import cells, instrument, named, question, study, values, variable, wave

DIRECTIONS = ((1, "fall"), (2, "same"), (3, "rise"), (9, "unclear"))
CODES = values((1, "Less"), (2, "The same"), (3, "More"), (9, "Impossible to predict"))
OUTLOOK = variable("outlook", "single", values=CODES, off_scale=(9,))
CUSTOM = variable("custom", "single", values=CODES, off_scale=(9,))
CHANCE = variable("chance", "probability")
FIELD = variable("field", "single", values=CODES, off_scale=(9,))

ON_INCOME = Prediction(
    variable="income", kind="direction", horizon="target", threshold=0.05, directions=DIRECTIONS, better="rise"
)
ON_PROFIT = replace(ON_INCOME, variable="profit")
IN_A_YEAR = Prediction(variable="income", kind="probability", horizon=1, event="then < now", better="no_event")
ON_THE_FIELD = Prediction(kind="direction", horizon="target", directions=DIRECTIONS)

ASKED = (
    *make.QUESTIONS[:3],
    question(OUTLOOK, predicts=ON_INCOME),
    question(CUSTOM, predicts=ON_PROFIT, route="job == 1"),
    question(CHANCE, predicts=IN_A_YEAR),
    question(FIELD, predicts=ON_THE_FIELD),
)
STUDY = study(*ASKED, derived=make.DERIVED[:1], horizon_years=2)
WITHOUT_PROFIT = replace(
    STUDY,
    instruments=(STUDY.instruments[0], instrument(*(each for each in ASKED if each.key != "profit"), version="2")),
    waves=(wave(1), wave(2), wave(3, version="2")),
)
HEADING = "member | wave | submitted_at | job | profit | wage | outlook | custom | chance | field\n"


def as_of(newest: int, waves: dict[int, str], *, of: Study = STUDY, open_waves: tuple[int, ...] = ()) -> pd.DataFrame:
    """Return the ledger after a wave, of answers drawn wave by wave; waves without any are fielded."""
    responses = {
        number: named(HEADING + waves.get(number, ""), of=of, wave=number)
        for number in range(1, newest + 1)
        if waves.get(number)
    }
    index = pd.concat(responses.values())
    fielded = list(range(1, newest + 1))
    merged = merging.merge(responses, study=of, index=index, fielded=fielded, open_waves=open_waves)
    panel = pd.concat(merged.person_waves.values(), ignore_index=True)
    first = merging.as_first_given(panel, responses, of)
    return ledger(of, panel, merged.tracking, wave=newest, first_given=first)


def claim(rows: pd.DataFrame, question: str = "outlook", member: str = "a") -> list[str]:
    """Return state, reason, outcome and wave of reading of a claim of the first wave, "-" for none."""
    own = rows[(rows["question"] == question) & (rows["member"] == member) & (rows["wave"] == 1)]
    assert len(own) == 1
    found = own[["state", "reason", "outcome", "read_wave"]].iloc[0]
    return ["-" if pd.isna(each) or each == "" else str(each) for each in found]


START = "a | 1 | 2025-10-01 | 1 | 100 | | 1 | 1 | 80 | 1"

CASES = {
    "stays, and is right": (
        {2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1", 3: "a | 3 | 2027-10-01 | 1 | 80 | | 1 | 1 | 50 | 1"},
        """
        after | state    | reason         | outcome | read
        1     | open     | not_due        | -       | -
        2     | on_track | as_said_so_far | fall    | 2
        3     | resolved | -              | fall    | 3
        """,
    ),
    "stays, and it turns": (
        {2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1", 3: "a | 3 | 2027-10-01 | 1 | 120 | | 1 | 1 | 50 | 1"},
        """
        after | state    | reason         | outcome | read
        2     | on_track | as_said_so_far | fall    | 2
        3     | resolved | -              | rise    | 3
        """,
    ),
    "leaves, and stays away": (
        {2: "b | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1", 3: "b | 3 | 2027-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"},
        """
        after | state    | reason      | outcome | read
        1     | open     | not_due     | -       | -
        2     | censored | no_response | -       | -
        3     | censored | no_response | -       | -
        """,
    ),
    "leaves, and returns": (
        {2: "b | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1", 3: "a | 3 | 2027-10-01 | 1 | 80 | | 1 | 1 | 50 | 1"},
        """
        after | state    | reason      | outcome | read
        2     | censored | no_response | -       | -
        3     | resolved | -           | fall    | 3
        """,
    ),
    "leaves after a reading": (
        {2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1", 3: "b | 3 | 2027-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"},
        """
        after | state    | reason         | outcome | read
        2     | on_track | as_said_so_far | fall    | 2
        3     | censored | no_response    | fall    | 2
        """,
    ),
    "does not say what it came to": (
        {2: "a | 2 | 2026-10-01 | 1 | RF | | 1 | 1 | 50 | 1", 3: "a | 3 | 2027-10-01 | 1 | RF | | 1 | 1 | 50 | 1"},
        """
        after | state    | reason  | outcome | read
        2     | open     | not_due | -       | -
        3     | censored | refused | -       | -
        """,
    ),
    "corrects an income, and is right after all": (
        {
            2: "a | 2 | 2026-10-01 | 1 | 130 | | 1 | 1 | 50 | 1\na | 2 | 2026-11-20 | 1 | 90 | | 1 | 1 | 50 | 1",
            3: "a | 3 | 2027-10-01 | 1 | 130 | | 1 | 1 | 50 | 1\na | 3 | 2027-11-20 | 1 | 80 | | 1 | 1 | 50 | 1",
        },
        """
        after | state    | reason         | outcome | read
        2     | on_track | as_said_so_far | fall    | 2
        3     | resolved | -              | fall    | 3
        """,
    ),
    "corrects the income it starts from": (
        {
            1: START + "\n" + START.replace("2025-10-01", "2025-11-20").replace("| 100 |", "| 70 |"),
            2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1",
            3: "a | 3 | 2027-10-01 | 1 | 90 | | 1 | 1 | 50 | 1",
        },
        """
        after | state    | reason             | outcome | read
        1     | open     | not_due            | -       | -
        2     | open     | not_as_said_so_far | rise    | 2
        3     | resolved | -                  | rise    | 3
        """,
    ),
    "changes class of worker: income goes on": (
        {2: "a | 2 | 2026-10-01 | 2 | | 90 | 1 | | 50 | 1", 3: "a | 3 | 2027-10-01 | 2 | | 130 | 1 | | 50 | 1"},
        """
        after | state    | reason         | outcome | read
        2     | on_track | as_said_so_far | fall    | 2
        3     | resolved | -              | rise    | 3
        """,
    ),
    "changes class of worker: profit is no longer asked": (
        {2: "a | 2 | 2026-10-01 | 2 | | 90 | 1 | | 50 | 1", 3: "a | 3 | 2027-10-01 | 2 | | 130 | 1 | | 50 | 1"},
        """
        after | state | reason         | outcome | read
        2     | void  | not_applicable | -       | -
        3     | void  | not_applicable | -       | -
        """,
    ),
    "changes class of worker, and back: profit is asked again": (
        {2: "a | 2 | 2026-10-01 | 2 | | 90 | 1 | | 50 | 1", 3: "a | 3 | 2027-10-01 | 1 | 80 | | 1 | 1 | 50 | 1"},
        """
        after | state    | reason         | outcome | read
        2     | void     | not_applicable | -       | -
        3     | resolved | -              | fall    | 3
        """,
    ),
    "meets a changed question: the instrument of 2027 does not ask for profit": (
        {2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1", 3: "a | 3 | 2027-10-01 | 1 |  | | 1 | 1 | 50 | 1"},
        """
        after | state    | reason           | outcome | read
        2     | on_track | as_said_so_far   | fall    | 2
        3     | void     | question_changed | fall    | 2
        """,
    ),
}
ON_PROFIT_ALONE = [case for case in CASES if "profit" in case]


@pytest.mark.parametrize("case", CASES)
def test_a_claim_about_the_target_year(case):
    """The case moves the claim "less" of 2025, on income or on profit, exactly as its table says."""
    later, told = CASES[case]
    about = "custom" if case in ON_PROFIT_ALONE else "outlook"
    of = WITHOUT_PROFIT if "changed question" in case else STUDY
    for after, *wanted in cells(told)[1:]:
        assert claim(as_of(int(after), {1: START, **later}, of=of), about) == wanted, f"after wave {after}"


def test_a_one_year_claim_resolves_in_the_next_year_and_not_later():
    """80 % that income falls within a year: it fell; what 2027 says does not matter, nor does leaving then."""
    waves = {1: START, 2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"}
    waves[3] = "b | 3 | 2027-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"
    for newest in (2, 3):
        rows = as_of(newest, waves)
        assert claim(rows, "chance") == ["resolved", "-", "event", "2"]
    own = rows[(rows["question"] == "chance") & (rows["member"] == "a") & (rows["wave"] == 1)].iloc[0]
    assert (own["probability"], own["is_true"], own["due_year"]) == (0.8, True, 2026)


def test_a_one_year_claim_missed_in_its_year_stays_censored_though_the_member_returns():
    """What would resolve it was never seen: a later wave cannot tell."""
    waves = {1: START, 2: "b | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"}
    waves[3] = "a | 3 | 2027-10-01 | 1 | 80 | | 1 | 1 | 50 | 1"
    assert claim(as_of(3, waves), "chance") == ["censored", "no_response", "-", "-"]


def test_impossible_to_predict_is_a_claim_of_its_own_kind():
    """It is followed like the others and never true or false."""
    waves = {1: START.replace("| 1 | 1 | 80", "| 9 | 9 | 80"), 2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"}
    waves[3] = "a | 3 | 2027-10-01 | 1 | 80 | | 1 | 1 | 50 | 1"
    assert claim(as_of(2, waves)) == ["open", "not_due", "fall", "2"]
    rows = as_of(3, waves)
    assert claim(rows) == ["resolved", "-", "fall", "3"]
    own = rows[(rows["question"] == "outlook") & (rows["wave"] == 1)].iloc[0]
    assert (own["kind"], own["said"]) == ("unclear", "unclear")
    assert pd.isna(own["is_true"])


def test_a_claim_about_the_field_stays_open():
    """No member's answer resolves it: it is kept, dated, and never read."""
    waves = {1: START, 2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"}
    assert claim(as_of(2, waves), "field") == ["open", "nothing_resolves_it", "-", "-"]


def test_a_claim_that_starts_from_nothing_is_void():
    """Less than an income that was refused cannot be resolved."""
    waves = {1: START.replace("| 100 |", "| RF |"), 2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"}
    assert claim(as_of(2, waves)) == ["void", "no_answer_to_start_from", "-", "-"]


def test_silence_in_an_open_wave_decides_nothing():
    """While the wave is in the field nobody has left it."""
    waves = {1: START + "\nb | 1 | 2025-10-01 | 1 | 100 | | 1 | 1 | 80 | 1"}
    waves[2] = "b | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"
    rows = as_of(2, waves, open_waves=(2,))
    assert claim(rows) == ["open", "in_the_field", "-", "-"]
    assert claim(rows, member="b") == ["on_track", "as_said_so_far", "fall", "2"]


CORRECTED = "a | 3 | 2027-10-01 | 1 | 130 | | 1 | 1 | 50 | 1\na | 3 | 2027-11-20 | 1 | 80 | | 1 | 1 | 50 | 1"


def test_a_late_correction_of_the_income_resolves_again_and_says_so():
    """130 became 80: the claim comes true, by the second revision, and what it was before is on record."""
    rows = as_of(3, {1: START, 2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1", 3: CORRECTED})
    own = rows[(rows["question"] == "outlook") & (rows["wave"] == 1)].iloc[0]
    assert (own["state"], own["outcome"], own["is_true"], own["read_revision"]) == ("resolved", "fall", True, 2)
    assert (own["is_corrected"], own["before"]) == (True, "fall: resolved rise")
    assert set(rows.loc[rows["is_corrected"], "question"]) == {"outlook", "custom", "chance"}


def test_a_correction_of_what_was_said_is_a_revision_of_the_claim():
    """Less became more within the wave: the claim is the later one, and says what it was."""
    twice = START + "\n" + START.replace("2025-10-01", "2025-10-09").replace("| 1 | 1 | 80", "| 3 | 1 | 80")
    rows = as_of(1, {1: twice})
    own = rows[rows["question"] == "outlook"].iloc[0]
    assert (own["said"], own["made_revision"], own["before"]) == ("rise", 2, "fall: open unknown")
    assert not rows.loc[rows["question"] == "chance", "is_corrected"].any()


def test_a_correction_that_changes_nothing_is_none():
    """80 became 79: the claim was true and is."""
    third = CORRECTED.replace("| 130 |", "| 79 |")
    rows = as_of(3, {1: START, 2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1", 3: third})
    assert not rows.loc[rows["question"] == "outlook", "is_corrected"].any()


def test_a_decision_that_another_value_counts_resolves_again_and_says_so():
    """The income of 130 was decided to be 80: the claim comes true, and what it was is on record."""
    waves = {1: START, 2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"}
    waves[3] = "a | 3 | 2027-10-01 | 1 | 130 | | 1 | 1 | 50 | 1"
    responses = {number: named(HEADING + rows, of=STUDY, wave=number) for number, rows in waves.items()}
    merged = merging.merge(responses, study=STUDY, index=pd.concat(responses.values()), fielded=[1, 2, 3])
    said = pd.concat(merged.person_waves.values(), ignore_index=True)
    decided = pd.DataFrame({"member": ["a"], "wave": [3], "variable": ["profit"], "value": [80.0]})
    rows = ledger(STUDY, correct_cells(said, decided, STUDY), merged.tracking, wave=3, first_given=said)
    assert claim(rows) == ["resolved", "-", "fall", "3"]
    own = rows[(rows["question"] == "outlook") & (rows["wave"] == 1)].iloc[0]
    assert (own["is_true"], own["is_corrected"], own["before"]) == (True, True, "fall: resolved rise")


def test_the_response_that_decided_is_on_record():
    """A resolved claim names the responses that made and that resolved it."""
    waves = {1: START, 2: "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"}
    rows = as_of(2, waves)
    own = rows[(rows["question"] == "chance") & (rows["wave"] == 1)].iloc[0]
    made, read = (named(HEADING + waves[number], of=STUDY, wave=number)["response"].iloc[0] for number in (1, 2))
    assert (own["made_response"], own["read_response"]) == (made, read)


def test_the_order_of_arrival_does_not_matter():
    """The corrected income before the first gives the same ledger."""
    second = "a | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"
    turned = "\n".join(reversed(CORRECTED.split("\n")))
    one, other = (as_of(3, {1: START, 2: second, 3: third}) for third in (CORRECTED, turned))
    pd.testing.assert_frame_equal(one, other)


def test_the_ledger_has_its_shape():
    """Columns and key are those of the frame, and its states are the five."""
    rows = as_of(2, {1: START, 2: "b | 2 | 2026-10-01 | 1 | 90 | | 1 | 1 | 50 | 1"})
    assert list(rows) == CLAIMS.names
    assert not rows.duplicated(list(CLAIMS.key)).any()
    assert set(rows["state"]) <= set(STATES)
