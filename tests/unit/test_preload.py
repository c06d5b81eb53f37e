"""What is fed forward: facts of the last interview, frozen when the wave is staged, never what is doubtful."""

from __future__ import annotations

from dataclasses import replace

import pytest

from panel.actions import fieldwork, fold, intake, preload, withdrawal
from panel.errors import DefinitionError, SettingsError
from panel.model.load import load_study
from tests.unit import test_sample
from tests.unit.study_factory import FILES, S
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
