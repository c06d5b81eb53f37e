"""What checks hold and who releases it, through the real actions on a small synthetic study."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import asdict, replace

import pandas as pd
import pytest

from panel.actions import fieldwork, figures, fold, gate, intake, set_up
from panel.actions.quarantine import counted, decide, settling, waiting
from panel.app import migrate, open_app
from panel.errors import CheckFailed, DefinitionError, UnknownKey
from panel.estimate.held import touches_predictions
from panel.forecast import ledger
from panel.model.quarantine import Decision
from panel.settings import Settings

STUDY, WAVE, SUM = "creative-ai", "2026", "sum:role_time"
PART = "role_make_share"


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a home whose first two waves were judged, on 150 SYNTHETIC members."""
    settings = Settings(
        home=tmp_path_factory.mktemp("quarantine"), database_url="", pseudonym_key=b"a key for the tests"
    )
    settings = replace(settings, database_url=f"sqlite:///{settings.home / 'panel.db'}")
    settings.make_home()
    migrate(settings)
    app = open_app(settings)
    set_up.load_study(app, STUDY)
    set_up.simulate(app, STUDY, waves=["2025", "2026"], seed=11, members=150)
    for wave in ("2025", "2026"):
        fieldwork.open_wave(app, STUDY, wave)
        intake.collect(app, STUDY, wave)
        gate.check(app, STUDY, wave, "responses")
        fold.merge(app, STUDY)
        gate.check(app, STUDY, wave, "panel")
        fieldwork.begin_close(app, STUDY, wave)
    app.store.close()
    return settings


@pytest.fixture
def app(home, tmp_path):
    """Return the adapters of a copy of that home."""
    import shutil

    shutil.copytree(home.home, tmp_path / "home")
    made = open_app(replace(home, home=tmp_path / "home", database_url=f"sqlite:///{tmp_path / 'home' / 'panel.db'}"))
    yield made
    made.store.close()


def cells(app, member, name=PART):
    """Return a cell of the clean panel, and what derives from it."""
    panel = fold.clean_panel(app, app.study(STUDY), [2]).set_index("member")
    return panel.at[member, name], panel.at[member, "creator_share"]


def record(app, study, judged, rows):
    """Keep another gate of the wave, with what it says of cells and rows."""
    app.store.save_gate(judged, app.clock.now(), settling=settling(app, study, rows))


def held(app):
    """Return who is held by the sum, once a member."""
    return sorted({each.member for each in waiting(app, STUDY, WAVE, check=SUM) if each.is_held})


def test_what_a_check_holds_waits_with_an_owner_and_an_age(app):
    """Each held cell is listed by member and variable, open, with owner and age, and without its value."""
    rows = waiting(app, STUDY, WAVE, check=SUM)
    assert rows
    assert {(row.state, row.is_held, row.owner, row.age_days) for row in rows} == {("open", True, "operator", 0)}
    assert {row.variable for row in rows} == set(app.study(STUDY).instrument_of(2).sum_groups[0].members)
    assert all(pd.isna(cells(app, member)[0]) for member in held(app))


def test_an_accepted_cell_counts_again(app):
    """One member's cells are released with who and why; the others stay held."""
    first, *others = held(app)
    decide(app, STUDY, WAVE, SUM, "accept", reason="rounded", members=[first])
    assert held(app) == others
    assert pd.notna(cells(app, first)[0])
    row = next(each for each in waiting(app, STUDY, WAVE, check=SUM) if each.member == first)
    assert (row.state, row.reason) == ("accept", "rounded")
    assert row.decided_by


def test_a_decision_in_bulk_is_about_everything_a_check_failed(app):
    """Without members, every cell of the check is decided about at once."""
    count = len(waiting(app, STUDY, WAVE, check=SUM))
    assert decide(app, STUDY, WAVE, SUM, "accept", reason="the export rounds") == count
    assert held(app) == []


def test_a_waived_verdict_stays_waived_until_value_or_rule_changes(app):
    """Judging again keeps the decision; another version of the rule, or another value, asks anew."""
    decide(app, STUDY, WAVE, SUM, "accept", reason="rounded")
    gate.check(app, STUDY, WAVE, "panel")
    assert held(app) == []
    study = app.study(STUDY)
    judged = next(each for each in app.store.gates(STUDY, 2) if each.stage == "panel")
    rows = app.store.person_waves(STUDY, [2])
    newer = [replace(each, version=each.version + (each.check == SUM)) for each in judged.verdicts]
    record(app, study, replace(judged, verdicts=tuple(newer)), rows)
    assert {each.state for each in waiting(app, STUDY, WAVE, check=SUM)} == {"open"}
    record(app, study, judged, rows)
    assert {each.state for each in waiting(app, STUDY, WAVE, check=SUM)} == {"accept"}
    record(app, study, judged, rows.assign(**{PART: rows[PART] + 1}))
    states = {each.variable: each.state for each in waiting(app, STUDY, WAVE, check=SUM)}
    assert states.pop(PART) == "open"
    assert set(states.values()) == {"accept"}


def test_a_check_that_was_overridden_holds_nothing_when_judged_again(app):
    """The decision to let a check pass is about its rows: they count, and come back when it is about others."""
    assert held(app)
    gate.override(app, STUDY, WAVE, "panel", SUM, reason="the export rounds")
    gate.check(app, STUDY, WAVE, "panel")
    assert SUM not in set(app.store.held(STUDY, 2)["check"])


def test_verdicts_are_added_once(app):
    """Judging the same answers by the same rules twice adds nothing, and nothing is ever removed."""
    before = app.store.standing(STUDY, 2)
    gate.check(app, STUDY, WAVE, "panel")
    assert app.store.standing(STUDY, 2) == before


def test_a_corrected_cell_has_the_decided_value_and_the_answer_stays(app):
    """The clean panel has the value and what derives from it; the person-wave as merged has what was said."""
    member = held(app)[0]
    raw = app.store.person_waves(STUDY, [2]).set_index("member").at[member, PART]
    decide(app, STUDY, WAVE, SUM, "accept", reason="one part was wrong", members=[member])
    study = app.study(STUDY)
    verdict = next(
        each.verdict for each in app.store.standing(STUDY, 2)
        if each.verdict.key == (2, member, PART, SUM)
    )  # fmt: skip
    by_phone = Decision(outcome="correct", by="me", reason="by phone", at=app.clock.now(), value="12")
    app.store.decide([(verdict, by_phone)])
    part, creator = cells(app, member)
    concept = app.store.person_waves(STUDY, [2]).set_index("member").at[member, "role_concept_share"]
    assert (part, creator) == (12, concept + 12)
    assert app.store.person_waves(STUDY, [2]).set_index("member").at[member, PART] == raw
    assert len(fold.corrections(app, study, [2])) == 1


def test_what_a_check_proposes_is_the_default_correction(app):
    """A unit slip is corrected to its probable unit; a check that proposes nothing asks for the value."""
    slips = [each for each in waiting(app, STUDY, WAVE) if each.has_proposal]
    assert slips
    slip = slips[0]
    decide(app, STUDY, WAVE, slip.check, "correct", reason="another unit", members=[slip.member])
    said = app.store.person_waves(STUDY, [2]).set_index("member").at[slip.member, slip.variable]
    assert cells(app, slip.member, slip.variable)[0] / said == pytest.approx(12, rel=0.3) or (
        cells(app, slip.member, slip.variable)[0] / said == pytest.approx(1000, rel=0.3)
    )
    with pytest.raises(DefinitionError, match="proposes no value"):
        decide(app, STUDY, WAVE, SUM, "correct", reason="?")


def claims(app):
    """Return the claims of the baseline as they stand after the second wave, with the uncorrected ones beside."""
    study = app.study(STUDY)
    panel = fold.clean_panel(app, study, [1, 2])
    first = fold.as_first_given(app, study, panel)
    rows = ledger(study, panel, app.store.tracking(STUDY), wave=2, first_given=first)
    return rows[rows["wave"] == 1].set_index(["question", "member"])


def test_a_correction_resolves_the_claims_that_read_the_answer_and_says_so(app):
    """A held income leaves claims unread; corrected they resolve, marked with what the first answer would have told."""
    slip = next(each for each in waiting(app, STUDY, WAVE) if each.has_proposal)
    before = claims(app)
    question = ("exp1_income_p", slip.member)
    assert (before.at[question, "state"], before.at[question, "reason"]) == ("censored", "invalid")
    corrected = before["is_corrected"]
    decide(app, STUDY, WAVE, slip.check, "correct", reason="another unit", members=[slip.member])
    after = claims(app)
    assert after.at[question, "state"] == "resolved"
    told = after[after["is_corrected"] & ~corrected.reindex(after.index, fill_value=False)]
    assert set(told.index.get_level_values("member")) == {slip.member}
    assert told["before"].notna().all()
    assert ("exp5_income", slip.member) in told.index
    before_it = told.at[("exp5_income", slip.member), "before"]
    assert re.fullmatch("(fall|same|rise|unclear): (open|on_track) (fall|same|rise)", before_it)


def test_a_correction_that_was_never_needed_marks_nothing(app):
    """Where the decided value tells every claim the same, none is called corrected."""
    slip = next(each for each in waiting(app, STUDY, WAVE) if each.has_proposal)
    said = app.store.person_waves(STUDY, [2]).set_index("member").at[slip.member, slip.variable]
    decide(app, STUDY, WAVE, slip.check, "correct", reason="as said", members=[slip.member], value=f"{said:.0f}")
    own = claims(app).xs(slip.member, level="member")
    assert not own["is_corrected"].any()


@pytest.mark.parametrize("value", ["-5", "101", "a lot", "1e3"])
def test_a_correction_is_a_value_of_the_variable(app, value):
    """A value outside the instrument's kind or range is refused, and nothing is decided."""
    with pytest.raises(DefinitionError, match="no value of the variable"):
        decide(app, STUDY, WAVE, SUM, "correct", reason="?", value=value)
    assert {each.state for each in waiting(app, STUDY, WAVE, check=SUM)} == {"open"}


def test_a_flagged_cell_can_be_rejected(app):
    """What a check only flags stays in figures until somebody rejects it."""
    rows = waiting(app, STUDY, WAVE)
    out = {(each.member, each.variable) for each in rows if each.is_held}
    one = next(
        each for each in rows if each.check.startswith("panel:jump:") and (each.member, each.variable) not in out
    )
    assert pd.notna(cells(app, one.member, one.variable)[0])
    decide(app, STUDY, WAVE, one.check, "reject", reason="asked by phone", members=[one.member])
    assert pd.isna(cells(app, one.member, one.variable)[0])
    decide(app, STUDY, WAVE, one.check, "accept", reason="the books say so", members=[one.member])
    assert pd.notna(cells(app, one.member, one.variable)[0])


def test_the_count_of_what_waits_names_nobody_and_leaves_nothing_out(app):
    """Every cell and row is counted once; no member is in it, also where one stands alone."""
    rows = waiting(app, STUDY, WAVE)
    found = counted(rows)
    assert sum(each.count for each in found) == len(rows)
    assert sum(each.overdue_count for each in found) == sum(each.is_overdue for each in rows)
    assert not {str(value) for each in found for value in asdict(each).values()} & {each.member for each in rows}


def test_a_rejected_row_is_in_no_figure(app):
    """A row that a check fails and somebody rejects is not in the clean panel, and its person-wave stays."""
    judged = next(each for each in app.store.gates(STUDY, 2) if each.stage == "panel")
    member = app.store.person_waves(STUDY, [2])["member"].iloc[0]
    careless = next(each for each in judged.verdicts if each.check == "panel:careless")
    failed = replace(careless, state="failed", failing=((member, 2),), failing_count=1)
    others = tuple(each for each in judged.verdicts if each is not careless)
    changed = replace(judged, verdicts=(*others, failed))
    record(app, app.study(STUDY), changed, app.store.person_waves(STUDY, [2]))
    assert member not in set(fold.clean_panel(app, app.study(STUDY), [2])["member"])
    decide(app, STUDY, WAVE, "panel:careless", "accept", reason="known person")
    assert member in set(fold.clean_panel(app, app.study(STUDY), [2])["member"])


def test_every_figure_says_what_is_held_and_what_it_would_be_with_it(app):
    """Role shares lack a few members until they are let stand; what no check touches lacks nobody."""
    figures.weigh(app, STUDY, WAVE)
    before = figures.estimate(app, STUDY, WAVE)
    assert before.equals(app.store.estimates(STUDY, 2))
    decide(app, STUDY, WAVE, SUM, "accept", reason="rounded")
    decide(app, STUDY, "2025", SUM, "accept", reason="rounded")
    figures.weigh(app, STUDY, WAVE)
    after = figures.estimate(app, STUDY, WAVE)

    def told(table, indicator):
        rows = table[(table["indicator"] == indicator) & (table["group"] == "all") & (table["statistic"] == "mean")]
        rows = rows.set_index("wave")
        return rows["n"], rows["n_held"], rows["estimate"], rows["estimate_with_held"]

    lacking, few, _, _ = told(before, "creator_share")
    whole, none, value, with_held = told(after, "creator_share")
    assert few.isna().all()  # fewer than ten are held: how many is not told
    assert (whole > lacking).all()
    assert (none == 0).all()
    assert with_held.equals(value.rename("estimate_with_held"))
    assert (told(before, "ai_evaluation_mean")[1] == 0).all()


def test_figures_about_predictions_tell_what_is_held_too(app):
    """A held answer that was predicted about stands beside the figures about it; an untouched question has 0."""
    figures.weigh(app, STUDY, WAVE)
    figures.estimate(app, STUDY, WAVE)
    shown = app.store.estimates(STUDY, 2, "predictions").query("status != 'hidden'")
    questions = {each.variable.name: each.predicts for each in app.study(STUDY).instrument_of(2).predictions}
    held = fold.held_variables(app, app.study(STUDY), [1, 2])
    assert held is None or touches_predictions(app.study(STUDY), held)
    touched = shown[shown["n_held"].ne(0).fillna(value=True)]
    assert 0 < len(touched) < len(shown)
    assert set(touched["indicator"]) <= set(questions)
    rest = shown.drop(touched.index)
    assert rest["estimate_with_held"].equals(rest["estimate"].rename("estimate_with_held"))


def test_an_unknown_check_or_member_is_refused(app):
    """A decision about nothing is an error, not a success."""
    for check, members in (("sum:nothing", ()), (SUM, ("M-nobody",))):
        with pytest.raises(UnknownKey):
            decide(app, STUDY, WAVE, check, "accept", reason="r", members=members)


def test_a_fact_that_differs_is_held_by_a_check_and_released_by_a_decision(app):
    """A year of birth that differs from the wave before is out of figures, told once, and back when it is accepted."""
    study, name = app.study(STUDY), "birth_year"
    frame = app.store.person_waves(STUDY, [1, 2])
    said = frame[frame["wave"] == 2].reset_index(drop=True)
    one = next(row for row in said.index if pd.notna(said.at[row, name]) and said.at[row, "cohort"] == 1)
    member, year = said.at[one, "member"], int(said.at[one, name]) + 1
    said.loc[one, name] = year
    core = [each.name for each in study.variables if each.is_core]
    app.store.save_person_waves(STUDY, {2: said}, core)

    def clean():
        return fold.clean_panel(app, study, [2]).set_index("member").at[member, name]

    def about():
        return [each for each in app.store.incidents(STUDY) if each.check == f"panel:fact:{name}"]

    assert clean() == year
    for _ in range(2):
        gate.check(app, STUDY, WAVE, "panel")
    assert pd.isna(clean())
    assert [(each.failing_count, each.state) for each in about()] == [(1, "open")]
    (row,) = waiting(app, STUDY, WAVE, check=f"panel:fact:{name}")
    assert (row.member, row.is_held, row.has_proposal) == (member, True, True)
    decide(app, STUDY, WAVE, f"panel:fact:{name}", "accept", reason="the passport says so")
    assert clean() == year
    decide(app, STUDY, WAVE, f"panel:fact:{name}", "correct", reason="a slip")
    assert clean() == year - 1


def test_a_fact_that_a_later_wave_settles_has_the_earlier_one_judged_again(app):
    """Two waves against the first: when the third is judged, the first is too, and what it says is held."""
    name = "birth_year"
    frame = app.store.person_waves(STUDY, [1, 2])
    both = frame[frame["wave"] == 2].reset_index(drop=True)
    one = next(row for row in both.index if pd.notna(both.at[row, name]) and both.at[row, "cohort"] == 1)
    both.loc[one, name] = int(both.at[one, name]) + 1
    core = [each.name for each in app.study(STUDY).variables if each.is_core]
    fieldwork.open_wave(app, STUDY, "2027")
    app.store.save_person_waves(STUDY, {2: both, 3: both.assign(wave=3, reference_year=2026)}, core)
    with suppress(CheckFailed):
        gate.check(app, STUDY, "2027", "panel")
    rows = waiting(app, STUDY, check=f"panel:fact:{name}")
    assert [(each.wave, each.member) for each in rows] == [("2025", both.at[one, "member"])]
