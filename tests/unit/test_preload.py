"""What is fed forward: facts of the last interview, frozen when the wave is staged, never what is doubtful."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from panel.actions import fieldwork, fold, intake, preload, withdrawal
from panel.errors import DefinitionError, SettingsError
from panel.model.load import load_study
from panel.preload import arm, compared, handled
from panel.schema import PRELOAD
from panel.sources.studyfile import study_files
from tests.unit import test_sample
from tests.unit.study_factory import FILES, Q, S
from tests.unit.test_sample import RULES, deliver, loaded, of, written

app = test_sample.app
FED = (
    RULES
    + """
[[sample.preload]]
variable = "job"
mode = "proactive"

[[sample.preload]]
variable = "income_eur"
mode = "reactive"
"""
)


@pytest.fixture
def asked(app, tmp_path):
    """Return the bakers after a first wave of three members, with job and income to be fed forward."""
    app.store.keep_study("bakers", FILES | {S: FILES[S] + FED}, app.clock.now())
    loaded(app, tmp_path, "ann", "bob", "cas")
    fieldwork.open_wave(app, "bakers", 1)
    deliver(app, tmp_path, ("ann", "done"), ("bob", "done"), ("cas", "no"))
    fold.merge(app, "bakers")
    fieldwork.begin_close(app, "bakers", 1)
    return replace(app, permissions=frozenset({"members"}))


def staged(app):
    """Stage the second wave and return what is fed forward."""
    fieldwork.carry_out(app, fieldwork.prepare(app, "bakers", 2, "stage"))
    return preload.shown(app, "bakers", 2)


def fed(frame):
    """Return (member, variable): value."""
    return dict(zip(zip(frame["member"], frame["variable"], strict=True), frame["value"], strict=True))


def test_the_last_answer_is_fed_with_where_it_comes_from(asked):
    """Of those interviewed, job and income, with mode, wave and revision of the answer."""
    frame = staged(asked)
    pairs = {(of(name), variable) for name in ("ann", "bob") for variable in ("job", "income_eur")}
    assert fed(frame) == {pair: "1" if pair[1] == "job" else "10" for pair in pairs}
    assert set(zip(frame["variable"], frame["mode"], strict=True)) == {("job", "proactive"), ("income_eur", "reactive")}
    assert (set(frame["source_wave"]), set(frame["source_revision"])) == ({1}, {1})


def test_what_was_frozen_stays_when_answers_are_corrected(asked, tmp_path):
    """A correction after the wave was staged is not fed; the hash on record is that of what was frozen."""
    before = staged(asked)
    asked.clock.pass_(days=1)
    line = "one,ann,done,2,99,,50,50,1,20,2025-10-09T10:00:00Z,1"
    heading = "wave,member,outcome,job,income_eur,band,bread_share,cake_share,outlook,chance,submitted_at,w12"
    intake.collect(asked, "bakers", 1, [written(tmp_path / "late.csv", line, heading=heading)])
    fold.merge(asked, "bakers")
    assert fed(preload.prepared(asked, asked.study("bakers"), 2)) != fed(before)
    assert fed(preload.shown(asked, "bakers", 2)) == fed(before)
    assert len(asked.store.preload_freezes("bakers", 2)) == 1
    fieldwork.open_wave(asked, "bakers", 2)  # nothing that was frozen has changed
    fold.merge(asked, "bakers")
    asked.store.forget_derived("bakers")
    assert fed(preload.shown(asked, "bakers", 2)) == fed(before)  # a rebuild makes no other


def test_what_members_did_with_it_is_counted(asked, tmp_path):
    """Confirmed, changed, and not shown to who gave no interview."""
    staged(asked)
    fieldwork.open_wave(asked, "bakers", 2)
    heading = "wave,member,outcome,job,income_eur,band,bread_share,cake_share,outlook,chance,submitted_at,w12"
    line = "two,ann,done,1,77,,50,50,1,20,2026-10-09T10:00:00Z,1"
    intake.collect(asked, "bakers", 2, [written(tmp_path / "two.csv", line, heading=heading)])
    told = preload.outcomes(asked, "bakers", 2)
    assert {(row.variable, row.outcome): row.members for row in told.itertuples()} == {
        ("job", "confirmed"): 1,
        ("job", "not_shown"): 1,
        ("income_eur", "changed"): 1,
        ("income_eur", "not_shown"): 1,
    }
    assert told.groupby("variable")["share"].sum().tolist() == [1.0, 1.0]


SHOWN = FED.replace('variable = "job"\nmode = "proactive"', 'variable = "job"\nmode = "proactive"\nshown = "saw_job"')
HEADING = "wave,member,outcome,job,income_eur,band,bread_share,cake_share,outlook,chance,submitted_at,w12,saw_job"


def test_what_was_on_the_screen_is_what_the_delivery_says(asked, tmp_path):
    """The same answer is not confirmed by who did not see the earlier one; a cell that says neither is held."""
    asked.store.keep_study("bakers", FILES | {S: FILES[S] + SHOWN}, asked.clock.now())
    staged(asked)
    fieldwork.open_wave(asked, "bakers", 2)
    lines = [
        "two,ann,done,1,77,,50,50,1,20,2026-10-09T10:00:00Z,1,No",
        "two,bob,done,2,77,,50,50,1,20,2026-10-09T10:00:00Z,1,perhaps",
    ]
    (receipt,) = intake.collect(asked, "bakers", 2, [written(tmp_path / "two.csv", *lines, heading=HEADING)])
    told = preload.outcomes(asked, "bakers", 2)
    jobs = told[told["variable"] == "job"]
    assert {(row.outcome, row.basis): row.members for row in jobs.itertuples()} == {
        ("not_shown", "delivered"): 1,
        ("changed", "inferred"): 1,
    }
    assert receipt.held_cells == 1
    assert set(told.loc[told["variable"] == "income_eur", "basis"]) == {"inferred"}


def test_a_share_is_asked_without_being_shown_anything(asked):
    """Who is drawn is not handed to the platform and is on record as frozen; the draw is the same every time."""
    rules = FED.replace("[sample]", "[sample]\nindependent_share = 1.0", 1)
    asked.store.keep_study("bakers", FILES | {S: FILES[S] + rules}, asked.clock.now())
    assert staged(asked).empty
    kept = asked.store.preload("bakers", 2)
    assert set(kept["arm"]) == {"independent"}
    assert {of("ann"), of("bob")} == set(kept["member"])
    asked.store.keep_study("bakers", FILES | {S: FILES[S] + FED}, asked.clock.now())
    assert set(asked.store.preload("bakers", 2)["arm"]) == {"independent"}  # frozen: a later rule changes nothing


def test_the_draw_is_of_its_size_and_another_in_the_next_wave():
    """A tenth of 20,000 within four standard errors; about a hundredth are drawn twice; another salt draws others."""
    study = load_study(FILES)
    drawn = {}
    for wave, salt in ((1, ""), (2, ""), (1, "other")):
        own = replace(study, sample=replace(study.sample, independent_share=0.1, independent_salt=salt))
        drawn[wave, salt] = {n for n in range(20_000) if arm(f"m{n:016x}", study=own, wave=wave) == "independent"}
    spread = (20_000 * 0.1 * 0.9) ** 0.5
    assert all(abs(len(each) - 2000) < 4 * spread for each in drawn.values())
    both = (20_000 * 0.01 * 0.99) ** 0.5
    for other in ((2, ""), (1, "other")):
        assert abs(len(drawn[1, ""] & drawn[other]) - 200) < 4 * both
    nobody = replace(study, sample=replace(study.sample, independent_share=0.0))
    assert {arm(f"m{n}", study=nobody, wave=1) for n in range(1000)} == {"dependent"}


def arms_of(fed, asked, *, seen=None):
    """Return a preload and responses in which so many of each arm answered, and so many of them differently."""
    rows, answers = [], []
    for which, (count, differing) in (("dependent", fed), ("independent", asked)):
        for number in range(count):
            member = f"{which}{number}"
            rows.append(
                {"member": member, "wave": 2, "variable": "job", "mode": "proactive", "value": "1", "arm": which}
            )
            answers.append(
                {"member": member, "disposition": "complete", "job": 2 if number < differing else 1, "job__missing": "",
                 "shown:job": (which == "dependent") if seen is None else seen}
            )  # fmt: skip
    frame = pd.DataFrame(answers).astype({"job": "Int64", "shown:job": "Int64"})
    return PRELOAD.coerce(pd.DataFrame(rows)), frame


def test_change_is_compared_between_the_arms_as_by_hand():
    """8 of 80 against 6 of 20: 0.1 and 0.3, difference 0.2, error sqrt(0.1 x 0.9 / 80 + 0.3 x 0.7 / 20) = 0.10782."""
    told = compared(handled(*arms_of((80, 8), (20, 6))))
    (row,) = told.to_dict("records")
    assert (row["dependent_n"], row["independent_n"], row["shown_anyway"]) == (80, 20, 0)
    assert (row["dependent_share"], row["independent_share"]) == (pytest.approx(0.1), pytest.approx(0.3))
    assert row["difference"] == pytest.approx(0.2)
    assert row["se"] == pytest.approx(0.107819, abs=1e-6)


def test_members_stay_in_the_arm_they_were_drawn_for():
    """A platform that shows it to all of them changes no count of an arm, and is told; one that shows none, neither."""
    for seen in (True, False):
        (row,) = compared(handled(*arms_of((80, 8), (20, 6), seen=seen))).to_dict("records")
        assert (row["dependent_n"], row["independent_n"]) == (80, 20)
        assert row["difference"] == pytest.approx(0.2)
        assert row["shown_anyway"] == (20 if seen else 0)


def test_an_arm_of_nobody_has_no_share():
    """Without independent members there is no difference and no error, and nothing is divided by nought."""
    (row,) = compared(handled(*arms_of((10, 1), (0, 0)))).to_dict("records")
    assert row["independent_n"] == 0
    assert math.isnan(row["difference"])
    assert math.isnan(row["se"])


def test_who_may_not_be_contacted_is_fed_nothing(asked):
    """A member who withdrew is not in the preload; one erased is taken out of a frozen one."""
    withdrawal.withdraw(asked, "bakers", of("bob"), "no_contact", reason="asked")
    assert {member for member, _ in fed(staged(asked))} == {of("ann")}
    withdrawal.withdraw(asked, "bakers", of("ann"), "erase", reason="asked")
    assert preload.shown(asked, "bakers", 2).empty


def test_seeing_it_needs_the_permission(asked):
    """They are answers; without `members` they are not shown."""
    with pytest.raises(SettingsError, match="permission"):
        preload.shown(replace(asked, permissions=frozenset()), "bakers", 2)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('variable = "outlook"\nmode = "proactive"', "never fed forward"),
        ('variable = "cake_share"\nmode = "proactive"\nshown = "job"', "column of a question"),
        ('variable = "jub"\nmode = "proactive"', "is not asked"),
        ('variable = "job"\nmode = "guess"', "guess"),
        ('mode = "reactive"', "variable"),
    ],
)
def test_only_facts_are_fed_forward(text, said):
    """A prediction, a variable that is not asked and a mode that is none are faults of the study file."""
    with pytest.raises(DefinitionError) as refusal:
        load_study(FILES | {S: FILES[S] + "\n[sample]\n\n[[sample.preload]]\n" + text + "\n"})
    assert said in str(refusal.value)


def test_an_opinion_is_never_fed_forward():
    """A question that the instrument marks so is refused as a prediction is; without the mark it is a fact."""
    mark = FILES[Q].replace('key = "job"\n', 'key = "job"\nopinion = true\n', 1)
    rules = FILES[S] + '\n[sample]\n\n[[sample.preload]]\nvariable = "job"\nmode = "proactive"\n'
    assert load_study(FILES | {S: rules}).sample.preload
    with pytest.raises(DefinitionError, match="is an opinion, which is never fed forward"):
        load_study(FILES | {S: rules, Q: mark})


def test_no_opinion_of_creative_workers_is_fed_forward():
    """The study that ships marks what members think; what it feeds forward is none of it."""
    study = load_study(study_files("creative-ai"))
    opinions = {each.variable.name for each in study.instruments[-1].questions if each.is_opinion}
    assert {"ai_eval_own", "fund_support", "creative_control", "making_ends_meet"} <= opinions
    assert not opinions & {each.variable for each in study.sample.preload}
    assert not opinions & {"emp_class", "occupation", "profit_eur", "wage_eur", "assignments_count"}


@pytest.mark.parametrize(
    ("rule", "said"),
    [("eligible_share = 1.5", "no share"), ("dormant_after = 0", "1 or more"), ("target = -1", "0 or more"),
     ("size = 3", "not a key")],
)  # fmt: skip
def test_a_wrong_rule_of_the_sample_is_a_fault(rule, said):
    """Each with what is wrong and what to write."""
    with pytest.raises(DefinitionError) as refusal:
        load_study(FILES | {S: FILES[S] + f"\n[sample]\n{rule}\n"})
    assert said in str(refusal.value)
