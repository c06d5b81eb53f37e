"""The catalogue on a small panel: each check finds what it is for, and leaves the rest alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from panel.checks import SuiteChecker, held_cells
from panel.checks.entries import Entry
from panel.checks.run import judge
from panel.model.instrument import Derived
from panel.model.study import Benchmarks, Domain, Group, Indicator, Margin, Study, Threshold
from panel.model.text import Text
from panel.schema import PERSON_WAVES
from tests.factories import JOB, question, study, variable

PROFIT = variable("profit", "money", unit="EUR")
BORN = variable("born", "whole", is_immutable=True)
TEXT = variable("remarks", "text", sensitivity="open_text")
SECONDS = variable("duration_seconds", "whole")
AGE = variable("age")
PEOPLE = 120


def _study() -> Study:
    made = study(
        question(JOB, is_required=True), question(PROFIT), question(BORN), question(TEXT), question(SECONDS),
        derived=(Derived(variable=AGE, expression="wave_year - born"),),
    )  # fmt: skip
    groups = (
        Group(key="own", label=Text.plain("own"), codes=(1,)),
        Group(key="staff", label=Text.plain("s"), codes=(2,)),
    )
    work = Domain(key="work", label=Text.plain("work"), variable="job", groups=groups)
    mean = Indicator(key="profit", label=Text.plain("profit"), variable="profit", statistic="mean")
    margin = Margin(domain="work", shares=(("own", 0.5), ("staff", 0.5)), source="arithmetic")
    benchmarks = Benchmarks(frame="all", version="1", margins=(margin,))
    return replace(made, domains=(work,), indicators=(mean,), benchmarks=benchmarks)


STUDY = _study()


def panel(changes: Mapping[tuple[int, int], Mapping[str, Any]] | None = None, *, gone: object = ()) -> pd.DataFrame:
    """Return three waves of the same people; `changes` by (member, wave), `gone` are members without a last wave."""
    rows = [
        {
            "member": f"m{number:03d}", "wave": wave, "revision": 1, "response": f"r{number}-{wave}",
            "disposition": "complete", "cohort": 1, "job": 1 + number % 2, "profit": 30_117.0 + 13 * number + wave,
            "born": 1970 + number % 20, "remarks": None, "duration_seconds": 600 + number % 60,
            **(changes or {}).get((number, wave), {}),
        }
        for wave in (1, 2, 3)
        for number in range(PEOPLE)
        if wave < 3 or number not in gone
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    frame["age"] = 2024 + frame["wave"] - frame["born"]
    for name in ("job", "profit", "born", "remarks", "duration_seconds", "age"):
        frame[f"{name}__missing"] = frame[name].isna().map({True: "no_answer", False: ""})
    return PERSON_WAVES.coerce(frame, STUDY.variables)


def failed(frame: pd.DataFrame, wave: int = 3) -> dict[str, Any]:
    """Return the verdicts that did not pass at stage panel, by check."""
    gate = SuiteChecker().check(STUDY, STUDY.instrument_of(wave), wave, "panel", frame)
    assert all(each.state != "broken" for each in gate.verdicts)
    return {each.check: each for each in gate.verdicts if each.state == "failed"}


def test_a_quiet_panel_has_no_findings():
    """The same people who say the same are left alone, by every check of the catalogue."""
    assert failed(panel()) == {}


def test_an_immutable_fact_is_held_against_the_mode_over_waves():
    """The wave that differs is held and the usual value proposed; the next wave is not blamed for it."""
    frame = panel({(5, 2): {"born": 1991}})
    bad = failed(frame[frame["wave"] <= 2], 2)["panel:fact:born"]
    assert (bad.failing, bad.proposed) == ((("m005", 2),), (("m005", 2, 1975.0),))
    assert "panel:fact:born" not in failed(frame)


def test_a_later_wave_can_say_that_the_first_was_wrong():
    """Two against one: the first wave's fact is held once the third is known, and the second's no more."""
    frame = panel({(5, 2): {"born": 1991}, (5, 3): {"born": 1991}})
    facts = frame[["member", "wave", "born"]]

    def held(wave, known):
        rows = frame[frame["wave"] <= wave]
        gate = SuiteChecker().check(STUDY, STUDY.instrument_of(wave), wave, "panel", rows, known)
        return [each.failing for each in gate.verdicts if each.check == "panel:fact:born" and each.failing]

    assert (held(1, facts[facts["wave"] <= 2]), held(2, facts[facts["wave"] <= 2])) == ([], [(("m005", 2),)])
    assert (held(1, facts), held(2, facts)) == ([(("m005", 1),)], [])


def test_a_jump_of_an_amount_is_flagged_and_stays():
    """More than three times or less than a third is flagged; nothing is held."""
    bad = failed(panel({(7, 3): {"profit": 120_000.0}, (8, 3): {"profit": 60_000.0}}))
    assert bad["panel:jump:profit"].failing == (("m007", 3),)
    assert bad["panel:jump:profit"].action == "flag"


def test_several_signs_of_carelessness_hold_the_row():
    """One sign alone is left; two together hold the whole row."""
    changes = {
        (1, 3): {"duration_seconds": 90},
        (2, 3): {"duration_seconds": 90, "remarks": "sdfghjklmn"},
    }
    frame = panel(changes)
    gate = SuiteChecker().check(STUDY, STUDY.instrument_of(3), 3, "panel", frame)
    held = held_cells(STUDY, STUDY.instrument_of(3), gate, frame)
    assert held[["member", "check"]].to_numpy().tolist() == [["m002", "panel:careless"]]
    assert held["variable"].isna().all()


def test_a_group_that_stays_away_is_named():
    """Half of one group gone and none of the other is a lag of that group, and no lag of the other."""
    bad = failed(panel(gone={number for number in range(PEOPLE) if number % 4 == 0}))
    assert bad["panel:back:work:own"].subgroup == "work=own"
    assert "panel:back:work:staff" not in bad
    assert "panel:representative" in bad


def test_a_changed_composition_is_drift():
    """Thirty of a hundred and twenty who change sides are drift by both measures."""
    moved = {(number, 3): {"job": 2} for number in range(0, 80, 2)}
    bad = failed(panel(moved))
    assert {"panel:drift:job", "panel:drift_js:job"} <= set(bad)
    assert "panel:composition:work" in bad


def test_coarser_amounts_are_seen():
    """A fifth of the amounts rounded to thousands, none before, is a rise in heaping."""
    bad = failed(panel({(number, 3): {"profit": 30_000.0} for number in range(24)}))
    assert "panel:heaping:profit" in bad


def test_newcomers_who_answer_otherwise_are_seen():
    """Forty newcomers with a third more differ surely from those who are back."""
    frame = panel({(number, 3): {"profit": 42_117.0 + 13 * number, "cohort": 3} for number in range(40)})
    newcomers = {f"m{number:03d}" for number in range(40)}
    frame = frame[(frame["wave"] == 3) | ~frame["member"].isin(newcomers)]
    assert "panel:newcomers:profit" in failed(frame)


def test_more_open_questions_than_before_are_seen():
    """An item that a tenth leave open, and nobody did before, is named."""
    bad = failed(panel({(number, 3): {"profit": None} for number in range(12)}))
    assert bad["panel:unanswered_more:profit"].columns == ("profit",)


@pytest.mark.parametrize("stage", ["responses", "panel"])
def test_a_first_wave_is_judged_without_what_it_cannot_have(stage):
    """Checks over waves have no verdict in a first wave, and the others have one."""
    frame = panel()
    frame = frame[frame["wave"] == 1]
    gate = SuiteChecker().check(STUDY, STUDY.instrument_of(1), 1, stage, frame)
    assert gate.is_open
    assert not any(each.check.startswith(("panel:drift", "panel:back")) for each in gate.verdicts)


@pytest.mark.parametrize(("side", "wrong"), [("below", {"a"}), ("above", {"b"}), ("both", {"a", "b"})])
def test_a_unit_slip_is_judged_on_the_side_that_the_rule_says(side, wrong):
    """A twelfth is below, twelve times is above the usual amount; a fall to a half is neither."""
    arguments = {"column_A": "said", "column_B": "usual", "factors": [12, 1000], "tolerance": 1.25, "side": side}
    entry = Entry(id="slip", expectation="expect_amount_not_to_be_a_unit_slip", arguments=arguments)
    rows = pd.DataFrame({"member": ["a", "b", "c"], "wave": 2, "said": [2_500.0, 360_000.0, 15_000.0], "usual": 3e4})
    (verdict,) = judge({"rows": rows}, [entry])
    assert {member for member, _ in verdict.failing} == wrong


def test_answers_of_another_person_are_seen():
    """Two members who exchange every answer are named; those who change one answer are not."""
    other = {
        (0, 3): {"job": 2, "profit": 31_670.0},
        (119, 3): {"job": 1, "profit": 30_120.0},
        (50, 3): {"job": 2},
    }
    frame = panel(other)
    # Among 120 people with one code and one amount the odds are small: the limit is the study's.
    strict = replace(
        STUDY, thresholds=(Threshold(check="panel:another_person", argument="least", value=-3, reason="r"),)
    )
    gate = SuiteChecker().check(strict, strict.instrument_of(3), 3, "panel", frame)
    (found,) = [each for each in gate.verdicts if each.check == "panel:another_person"]
    assert found.failing == (("m000", 3), ("m119", 3))


def test_an_interview_after_fieldwork_is_late():
    """What is filled in on the last day is in time, a day later it is late."""
    end = pd.Timestamp(STUDY.wave(3).fieldwork.end, tz="UTC")
    moments = [end + pd.Timedelta(hours=23), end + pd.Timedelta(hours=25)] + [end] * (PEOPLE - 2)
    frame = panel()
    frame = frame[frame["wave"] == 3].assign(submitted_at=moments)
    gate = SuiteChecker().check(STUDY, STUDY.instrument_of(3), 3, "responses", frame)
    (found,) = [each for each in gate.verdicts if each.check == "responses:late"]
    assert found.failing == (("m001", 3),)
