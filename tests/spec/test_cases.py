"""Cases and members: the whole of both machines, the outcome a case ends with, and the rates by their right names."""

import itertools
import re
from dataclasses import replace
from pathlib import Path

import pytest

from panel.errors import CaseState, MemberState
from panel.model import case, member, rates
from panel.model.panel_rates import CohortWave, Recruited, cohort_rates, whole_panel
from panel.model.rates import Dispositions


def test_the_machine_of_a_case_is_total():
    """Every state times every event has an answer: a state, or a refusal that names what is legal."""
    assert set(case.MOVES) == set(itertools.product(case.STATES, case.EVENTS))
    for (state, event), to in case.MOVES.items():
        if to is None:
            with pytest.raises(CaseState) as refusal:
                case.move(state, event)
            legal = [each for each in case.EVENTS if case.MOVES[state, each]]
            assert refusal.value.fix == f"legal here: {', '.join(legal)}"
        else:
            assert case.move(state, event) == to
            assert to in case.STATES


def test_every_state_of_a_case_is_reached_and_can_end():
    """From `listed` every state is reached, and from every state one in which a wave may end."""
    arrows = {state: {to for event in case.EVENTS if (to := case.MOVES[state, event])} for state in case.STATES}

    def reach(start):
        found, waiting = {start}, [start]
        while waiting:
            for to in arrows[waiting.pop()] - found:
                found.add(to)
                waiting.append(to)
        return found

    assert reach(case.INITIAL) == set(case.STATES)
    assert all(reach(state) & case.FINAL for state in case.STATES)


@pytest.mark.parametrize("state", ["refused", "complete", "not_issued", "ineligible", "listed"])
def test_who_refused_or_is_done_is_never_contacted(state):
    """A contact is no legal event of a case that refused, is complete, ineligible, or was never issued."""
    with pytest.raises(CaseState, match="takes no 'contact'"):
        case.move(state, "contact")


@pytest.mark.parametrize("event", case.EVENTS)
def test_an_interview_is_never_undone(event):
    """Whatever comes after a complete interview, it stays one, unless the member never belonged to the population."""
    to = case.MOVES["complete", event]
    assert to in (None, "complete") or (event == "screen_out" and to == "ineligible")


@pytest.mark.parametrize("of", [case.CASE, member.MEMBER], ids=lambda each: each.name)
def test_the_reference_has_the_machine_as_it_is(of):
    """Diagram and table in the reference are those that the machine makes of itself."""
    text = (Path(__file__).parents[2] / "docs" / "reference" / "cases.md").read_text("utf-8")
    assert of.diagram() in text
    assert of.table() in text


def test_every_outcome_code_is_in_the_reference():
    """The reference lists exactly the codes there are, with what they mean."""
    text = (Path(__file__).parents[2] / "docs" / "reference" / "cases.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| ([1-4]\.[0-9]+) \| (.+?) \|", text, re.MULTILINE))
    assert listed == dict(case.OUTCOMES)


@pytest.mark.parametrize(
    ("state", "why", "history", "is_known", "code"),
    [
        ("complete", "", {"issue", "complete"}, False, "1.1"),
        ("partial", "", {"issue", "save"}, False, "1.2"),
        ("refused", "", {"issue", "contact", "refuse"}, True, "2.11"),
        ("refused", "", {"issue", "save", "refuse"}, True, "1.2"),
        ("break_off", "", {"issue", "break_off"}, True, "2.12"),
        ("started", "", {"issue", "start"}, False, "2.12"),
        ("contacted", "", {"issue", "contact"}, True, "2.20"),
        ("contacted", "", {"issue", "contact"}, False, "3.19"),
        ("issued", "", {"issue"}, False, "3.11"),
        ("unreachable", "", {"issue", "contact", "lose"}, False, "3.40"),
        ("unreachable", "", {"issue", "contact", "lose"}, True, "2.20"),
        ("unreachable", "unable", {"issue", "lose"}, True, "2.32"),
        ("unreachable", "deceased", {"issue", "lose"}, True, "2.31"),
        ("ineligible", "abroad", {"issue", "screen_out"}, True, "4.10"),
        ("not_issued", "withdrawn", {"withhold"}, True, None),
    ],
)
def test_the_outcome_of_a_case(state, why, history, is_known, code):
    """The code follows from state, reason, history and whether the member was ever heard of."""
    assert case.outcome(state, why, history, is_known=is_known) == code
    assert code is None or code in case.OUTCOMES


def test_the_machine_of_a_member_is_total():
    """Every state times every event has an answer, and a refusal names the legal ones."""
    assert set(member.MOVES) == set(itertools.product(member.STATES, member.EVENTS))
    for (state, event), to in member.MOVES.items():
        if to is None:
            with pytest.raises(MemberState, match="takes no") as refusal:
                member.move(state, event)
            assert "legal here" in refusal.value.fix
        else:
            assert member.move(state, event) == to


def test_a_withdrawal_only_gets_deeper():
    """Each level reaches farther than the one before; asking for less than what stands is refused."""
    assert [member.deeper("", scope) for scope in member.SCOPES] == list(member.SCOPES)
    assert member.deeper("no_contact", "erase") == "erase"
    with pytest.raises(MemberState, match="farther"):
        member.deeper("erase", "no_contact")


def test_response_rates_are_those_of_arithmetic_by_hand():
    """RR1 to RR6 of 400 I, 50 P, 120 R, 80 NC, 10 O and 340 UO, with e = 0.5."""
    found = Dispositions(interviews=400, partials=50, refusals=120, non_contacts=80, others=10, unknown=340)
    told = {each.key: (each.numerator, each.denominator, each.value) for each in rates.response_rates(found, 0.5)}
    assert told["RR1"] == (400, 1000, 0.4)
    assert told["RR2"] == (450, 1000, 0.45)
    assert told["RR3"] == (400, 830, pytest.approx(0.481928, abs=1e-6))
    assert told["RR4"] == (450, 830, pytest.approx(0.542169, abs=1e-6))
    assert told["RR5"] == (400, 660, pytest.approx(0.606061, abs=1e-6))
    assert told["RR6"] == (450, 660, pytest.approx(0.681818, abs=1e-6))


def test_the_classes_are_counted_from_codes():
    """Break-offs are refusals; 3.x is unknown; 4.x is in no rate."""
    codes = {"1.1": 5, "1.2": 1, "2.11": 2, "2.12": 3, "2.20": 4, "2.31": 1, "3.19": 6, "3.40": 1, "4.10": 9}
    found = rates.dispositions(codes)
    assert (found.interviews, found.partials, found.refusals, found.break_offs) == (5, 1, 5, 3)
    assert (found.non_contacts, found.others, found.unknown, found.not_eligible) == (4, 1, 7, 9)
    assert found.eligible == 16


def test_an_opt_in_sample_has_no_response_rate():
    """Of an opt-in sample participation and completion are told, and the words response rate are not said."""
    found = Dispositions(interviews=300, partials=60, refusals=70, break_offs=40, non_contacts=570)
    told = rates.participation_rates(found, 1000)
    assert [(each.key, each.value) for each in told] == [("participation", 0.36), ("completion", 0.75)]
    assert "response" not in "".join(f"{each.label}{each.formula}" for each in told)


RECRUITED = Recruited(cohort="2025", recruitment_rate=0.4, profile_rate=0.9)
SEEN = CohortWave(
    cohort="2025",
    joined=1000,
    issued=800,
    found=Dispositions(interviews=500, partials=60, refusals=100, non_contacts=80, others=20, unknown=40),
    entered=700,
    present=490,
    steady=420,
    recruited=RECRUITED,
)


def test_cumulative_rates_are_those_of_arithmetic_by_hand():
    """COMR 560/800 = 0.7, RETR 0.8: CUMRR1 = 0.4 x 0.9 x 0.7 = 0.252, CUMRR2 = 0.8 of it; 490 and 420 of 700 stay."""
    told = {each.key: each.value for each in cohort_rates(SEEN, is_probability_sample=True)}
    assert told == pytest.approx(
        {
            "RETR": 0.8,
            "COMR": 0.7,
            "CUMRR1": 0.252,
            "CUMRR2": 0.2016,
            "retention": 0.7,
            "cumulative_retention": 0.6,
        }
    )


def test_a_panel_of_two_cohorts_has_their_mean_by_issued_cases():
    """0.252 of 800 issued and 0.5 x 1 x 150/200 = 0.375 of 200: (201.6 + 75) / 1000 = 0.2766."""
    refreshed = replace(
        SEEN,
        cohort="2026",
        joined=200,
        issued=200,
        found=Dispositions(interviews=150, refusals=50),
        recruited=Recruited(cohort="2026", recruitment_rate=0.5),
    )
    first, second = whole_panel([SEEN, refreshed])
    assert (first.key, first.value) == ("CUMRR1", pytest.approx(0.2766))
    assert (second.key, second.value) == ("CUMRR2", pytest.approx((800 * 0.2016 + 200 * 0.375) / 1000))
    assert whole_panel([SEEN, replace(refreshed, recruited=None)]) == ()


def test_what_the_study_does_not_state_is_not_told():
    """Without the recruitment of a cohort there is no cumulative response rate; nothing is supposed to be 1."""
    told = {each.key for each in cohort_rates(replace(SEEN, recruited=None), is_probability_sample=True)}
    assert told == {"RETR", "COMR", "retention", "cumulative_retention"}


def test_an_opt_in_panel_has_participation_and_retention_only():
    """560 of 800 invited took part, 500 of 560 who started finished; no rate is called a response rate."""
    found = cohort_rates(SEEN, is_probability_sample=False)
    assert {each.key: each.value for each in found} == pytest.approx(
        {"participation": 0.7, "completion": 500 / 560, "retention": 0.7, "cumulative_retention": 0.6}
    )
    assert "response" not in " ".join(each.label for each in found)


def test_a_rate_of_nobody_is_no_number():
    """Where nobody is in the denominator the rate is None, not a division by zero."""
    assert {each.value for each in rates.response_rates(Dispositions(), 1.0)} == {None}


def test_codes_have_no_mark_that_is_taken_for_another():
    """0, 1, I, L and O are not used; the number of marks is prime, as the check mark needs."""
    assert not set(member.ALPHABET) & set("01ILO")
    assert len(set(member.ALPHABET)) == 31


def test_a_mistyped_code_is_seen():
    """Any one wrong mark, and any two neighbours swapped, fail the check; case, spaces and dashes do not matter."""
    body = "7KQ2MXW4Z"
    code = body + member.check_mark(body)
    assert member.is_code(f"{code[:5].lower()}-{code[5:]} ")
    wrong = {code[:at] + mark + code[at + 1 :] for at in range(len(code)) for mark in member.ALPHABET} - {code}
    swapped = {code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(len(code) - 1)} - {code}
    assert not any(member.is_code(each) for each in wrong | swapped)
    assert not member.is_code(code[:-1])
