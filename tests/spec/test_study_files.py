"""The studies that ship, and how the files of a study are found."""

import gzip
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from panel.errors import SourceError, UnknownKey
from panel.model.load import load_study
from panel.sources.studyfile import shipped_studies, study_files

SHARED = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="module")
def creative_ai():
    """Return the first study."""
    return load_study(study_files("creative-ai"))


def test_four_studies_ship():
    """The wheel brings the Dutch study, two national surveys and a tutorial."""
    assert shipped_studies() == ("creative-ai", "gss-2006", "sce-earnings", "young-men")


@pytest.mark.parametrize("key", shipped_studies())
def test_what_ships_is_valid(key):
    """Every study that ships loads, under its own key."""
    assert load_study(study_files(key)).key == key


def test_a_folder_is_a_study_too(tmp_path):
    """An operator's folder is read as one that ships: only its TOML, with or without a byte order mark."""
    for name, text in study_files("young-men").items():
        (tmp_path / name).write_text(text, encoding="utf-8-sig")
    (tmp_path / "README.md").write_text("# Notes", encoding="utf-8")
    assert study_files(str(tmp_path)) == study_files("young-men")


def test_an_unknown_key_is_answered_with_the_nearest():
    """A misspelt key names the study that was meant."""
    with pytest.raises(UnknownKey) as refused:
        study_files("creative-al")
    assert "creative-ai" in refused.value.fix


@pytest.mark.parametrize("key", ["", "../migrations", "__pycache__", "a" * 5000, "a\x00b"])
def test_a_key_is_no_way_out_of_the_shelf(key, tmp_path, monkeypatch):
    """A key that is no study's is unknown, whatever folder it could lead to."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownKey):
        study_files(key)


def test_a_file_that_is_not_utf8_is_refused(tmp_path):
    """A study saved in a Windows code page is told so, by file name."""
    (tmp_path / "study.toml").write_bytes('title = "Caf\xe9"'.encode("cp1252"))
    with pytest.raises(SourceError) as refused:
        study_files(str(tmp_path))
    assert refused.value.where.file == "study.toml"


def test_six_yearly_waves_to_the_target_year(creative_ai):
    """From the baseline of 2025 the horizon of five years ends in 2030, with a wave every autumn."""
    assert [wave.key for wave in creative_ai.waves] == ["2025", "2026", "2027", "2028", "2029", "2030"]
    assert (creative_ai.baseline, creative_ai.horizon_years, creative_ai.target_year) == (1, 5, 2030)
    assert [wave.fieldwork.start.year for wave in creative_ai.waves] == [2025, 2026, 2027, 2028, 2029, 2030]
    assert {(wave.fieldwork.start.month, wave.fieldwork.end.month) for wave in creative_ai.waves} == {(10, 11)}
    assert all(wave.reference_year == wave.fieldwork.start.year - 1 for wave in creative_ai.waves)
    assert not creative_ai.is_probability_sample


def test_about_sixty_questions_in_sections_b_to_j(creative_ai):
    """The draft's sections are all there, worked out to sixty questions or more."""
    (instrument,) = creative_ai.instruments
    assert len(instrument.questions) >= 60
    assert {question.section for question in instrument.questions} == set("BCDEFGHIJ")


def test_every_text_is_in_dutch_and_english(creative_ai):
    """No question, label, value or group lacks one of the two languages, and none holds a placeholder."""
    (instrument,) = creative_ai.instruments
    texts = [question.text for question in instrument.questions]
    texts += [variable.label for variable in creative_ai.variables]
    texts += [value.label for variable in creative_ai.variables for value in variable.values]
    texts += [group.label for domain in creative_ai.domains for group in domain.groups]
    texts += [each.label for each in (*instrument.sections, *creative_ai.domains, *creative_ai.indicators)]
    texts += [creative_ai.title, creative_ai.population]
    assert {text.languages for text in texts} == {("nl", "en")}
    assert [text for text in texts if not all(words.strip() for _, words in text.entries)] == []
    assert [text for text in texts if any("{" in words for _, words in text.entries)] == []


def test_what_is_expected_is_expected_for_the_target_year(creative_ai):
    """The year in the wording of the five-year questions is the study's target year, in both languages."""
    year = str(creative_ai.target_year)
    asked = [each for each in creative_ai.instruments[0].questions if each.key.startswith("exp5_")]
    named = [each for each in asked if all(year in each.text.in_(language) for language in ("nl", "en"))]
    assert len(asked) == 8
    # each of the two pairs "income" and "assignments" names the year; so does every other question
    assert [each.key for each in asked if each not in named] == []


def test_the_class_of_worker_may_change(creative_ai):
    """The class is asked in every wave, must be answered, is core, and its own transitions are published."""
    question = next(each for each in creative_ai.instruments[0].questions if each.key == "emp_class")
    assert (question.asked, question.is_required) == ("every", True)
    assert question.variable.is_core
    assert not question.variable.is_immutable
    assert "emp_class" in [transition.variable for transition in creative_ai.transitions]


def test_hybrids_count_as_self_employed(creative_ai):
    """Who combines self-employment and a job (5) is zzp in the published figures."""
    groups = {group.key: group.codes for group in creative_ai.domain("employment").groups}
    assert groups == {"zzp": (1, 5), "employee": (3, 4), "employer": (2,), "none": (6,)}


@pytest.mark.parametrize(
    ("indicator", "value", "codes"),
    [
        ("ai_income_fell", 0.18, (1, 2)),
        ("ai_assignments_fell", 0.18, (1, 2)),
        ("expects_pressure", 0.65, (1, 2)),
        ("fund_support", 0.57, (4, 5)),
    ],
)
def test_the_published_baseline(creative_ai, indicator, value, codes):
    """The four figures of December 2025 stand beside ours, for the self-employed."""
    found = creative_ai.indicator(indicator)
    assert (found.published.value, found.published.wave, found.codes) == (value, 1, codes)
    assert (found.domain, found.groups) == ("employment", ("zzp",))


def test_too_early_to_say_has_its_own_line(creative_ai):
    """The answer is a value off the scale, and a figure of its own."""
    assert creative_ai.variable("ai_income_change").off_scale == (6,)
    assert creative_ai.indicator("ai_too_early").codes == (6,)


def test_shares_that_must_add_up(creative_ai):
    """Working time and the moment of being brought in are divided over parts of 100 %."""
    groups = {group.key: (len(group.members), group.total) for group in creative_ai.instruments[0].sum_groups}
    assert groups == {"role_time": (5, 100.0), "stage": (3, 100.0)}


def test_predictions_resolve_in_a_year_or_at_the_target(creative_ai):
    """Five-year claims resolve in the target year and one-year claims at the next wave, in the terms they were put."""
    told = {each.key: each.predicts for each in creative_ai.instruments[0].predictions}
    assert {key: claim.horizon for key, claim in told.items()} == {
        "exp5_employment": "target",
        "exp5_employment_p": "target",
        "exp5_income": "target",
        "exp5_income_p": "target",
        "exp5_assignments": "target",
        "exp5_assignments_p": "target",
        "exp5_stay_p": "target",
        "exp1_income_p": 1,
        "exp1_assignments_p": 1,
    }
    assert (told["exp5_income_p"].event, told["exp5_income_p"].terms) == ("then < 0.9 * now", "real")
    assert (told["exp1_income_p"].event, told["exp1_income_p"].terms) == ("then < 0.95 * now", "nominal")


def test_the_core_is_small(creative_ai):
    """A dozen variables or so are kept in the database for the views."""
    core = {variable.name for variable in creative_ai.variables if variable.is_core}
    assert 10 <= len(core) <= 15
    assert {"emp_class", "income_eur", "assignments_count", "main_role"} <= core


def test_margins_are_the_arithmetic_they_say(creative_ai):
    """Shares of artists (164,000) and other creative occupations (263,000) of CBS 2017/2019, taken together."""
    margins = {margin.domain: dict(margin.shares) for margin in creative_ai.benchmarks.margins}
    parts = {"zzp": 0.57 * 164 + 0.32 * 263, "employer": 0.04 * 164 + 0.03 * 263, "employee": 0.39 * 164 + 0.64 * 263}
    known = sum(parts.values())
    # four decimals that add up to 1, so one may be off in the last
    assert margins["employment"] == pytest.approx({key: part / known for key, part in parts.items()}, abs=1e-4)
    under = (0.60 * 164 + 0.61 * 263) / (164 + 263)
    assert margins["age"] == pytest.approx({"under_45": under, "from_45": 1 - under}, abs=5e-5)


def test_prices_are_provisional_from_2026(creative_ai):
    """The published years are final, later ones are assumptions, and every reference year has its index."""
    points = creative_ai.prices.points
    assert [point.year for point in points if not point.is_provisional] == [2019, 2020, 2021, 2022, 2023, 2024, 2025]
    assert creative_ai.prices.point(2025).index == 100
    assert all(creative_ai.prices.point(wave.reference_year).index > 0 for wave in creative_ai.waves)


def test_the_gss_has_the_outcome_of_every_attempt():
    """Three waves two years apart, a disposition for every outcome, and a claim about work that resolves."""
    study = load_study(study_files("gss-2006"))
    assert [wave.key for wave in study.waves] == ["2006", "2008", "2010"]
    assert Counter(meaning for _, meaning in study.layout.outcomes) == {
        "complete": 2,
        "no_response": 1,
        "not_issued": 1,
        "deceased": 1,
        "out_of_scope": 3,
    }
    assert study.is_probability_sample
    assert [given.waves for given in study.layout.given_weights] == [(1, 2), (1, 2, 3)]
    (question,) = study.instruments[0].predictions
    assert (question.key, question.predicts.variable, question.predicts.horizon) == ("joblose", "wrkstat", 2)


@pytest.mark.shared
def test_every_text_of_the_gss_is_known():
    """No outcome and no code of the file is missing from the study; 2,000, 1,536 and 1,276 were interviewed."""
    file = SHARED / "gss_panel06_long.csv.gz"
    if not file.exists():
        pytest.skip("the General Social Survey panel is not beside the project")
    with gzip.open(file, "rt", encoding="utf-8") as opened:
        data = pd.read_csv(opened, dtype="str", keep_default_na=False)
    study = load_study(study_files("gss-2006"))
    outcome = data[study.layout.outcome].map(dict(study.layout.outcomes))
    assert outcome.notna().all()
    assert (outcome == "complete").groupby(data[study.layout.wave]).sum().to_dict() == {"1": 2000, "2": 1536, "3": 1276}
    for question in study.instruments[0].questions:
        if question.variable.kind == "single":
            known = {str(code) for code in question.variable.codes} | {"NA"}
            known |= {value.label.in_("en") for value in question.variable.values}
            assert set(data[question.column]) <= known, question.key


def test_the_young_men_are_in_their_package():
    """The study reads the columns and codes of `wage_panel` as linearmodels delivers it: 545 men, eight years."""
    panel = pytest.importorskip("linearmodels.datasets.wage_panel")
    data = panel.load()
    study = load_study(study_files("young-men"))
    assert dict(study.layout.wave_codes) == {str(year): number for number, year in enumerate(range(1980, 1988), 1)}
    assert data.groupby(study.layout.wave)[study.layout.member].nunique().to_dict() == dict.fromkeys(
        range(1980, 1988), 545
    )
    for question in study.instruments[0].questions:
        if question.variable.kind == "single":
            assert set(data[question.column]) <= set(question.variable.codes), question.key
        else:
            assert data[question.column].between(question.variable.minimum, question.variable.maximum).all()
