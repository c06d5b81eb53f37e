"""Reading a study: a small valid one, and everything that can be wrong with it, one thing at a time."""

import pytest

from panel.errors import DefinitionError
from panel.model.load import load_study
from panel.model.validate_instrument import RESERVED
from panel.schema import PERSON_WAVES, RESPONSES, TRACKING, WEIGHTS
from tests.unit.study_factory import BENCHMARKS, FILES, INSTRUMENT, PRICES, STUDY, B, P, Q, S, changed


def faults(files):
    """Return the faults of a study that must be refused."""
    with pytest.raises(DefinitionError) as refused:
        load_study(files)
    assert refused.value.exit_code == 10
    return refused.value.faults


def test_a_valid_study_is_read():
    """What the files say is what the study is."""
    study = load_study(FILES)
    job, income, *_ = study.instruments[0].questions
    assert [wave.key for wave in study.waves] == ["2025", "2026"]
    assert study.target_year == 2027
    assert study.waves[1].reference_year == 2025
    assert job.is_required
    assert job.variable.label_of(2, "nl") == "In dienst"
    assert (income.variable.minimum, income.variable.maximum, income.column) == (-100, 1000, "income_eur")
    assert study.variable("outlook").off_scale == (9,)
    assert study.variable("outlook").groups == (("down", (1,)), ("up", (2,)))
    assert dict(study.layout.outcomes) == {"done": "complete", "no": "refused"}
    assert study.layout.wave_codes == (("one", 1), ("two", 2))
    assert study.layout.given_weights[0].waves == (1, 2)
    assert study.benchmarks.margins[0].shares == (("own", 0.3), ("staff", 0.7))
    assert study.prices.point(2025).is_provisional
    assert not study.prices.point(2024).is_provisional
    assert study.instruments[0].questions[5].predicts.directions == ((1, "fall"), (2, "rise"), (9, "unclear"))


def test_benchmarks_and_prices_may_be_left_out():
    """A study needs neither unless it asks for real terms."""
    plain = STUDY.replace("in_real_terms = true\n", "")
    questions = INSTRUMENT.replace('terms = "real", ', "")
    study = load_study({"study.toml": plain, "instrument-1.toml": questions})
    assert (study.benchmarks, study.prices) == (None, None)


def test_other_files_are_left_alone():
    """A folder may hold more than the study."""
    assert load_study(FILES | {"simulation.toml": "not = TOML = at all", "README.md": "# Bakers"}).key == "bakers"


def test_a_scale_may_add_to_an_earlier_one():
    """A scale that extends another has the values of both."""
    more = '[scales.more]\nextends = "change"\nvalues = [{code = 8, nl = "Anders", en = "Other"}]\n\n[[section]]'
    files = changed(Q, "[[section]]", more)
    files[Q] = files[Q].replace('scale = "change"\nroute', 'scale = "more"\nroute')
    assert load_study(files).variable("band").codes == (1, 2, 9, 8)


def test_versions_are_ordered_as_numbers():
    """Version 2025.10 is newer than 2025.9, so its variables are the study's."""
    nine = INSTRUMENT.replace('version = "1"', 'version = "2025.9"')
    ten = INSTRUMENT.replace('version = "1"', 'version = "2025.10"').replace('en = "Bread"', 'en = "All bread"')
    study = load_study(
        {
            S: STUDY.replace('instrument = "1"', 'instrument = "2025.9"'),
            "instrument-2025.10.toml": ten,
            "instrument-2025.9.toml": nine,
            P: PRICES,
        }
    )
    assert study.variable("bread_share").label.in_("en") == "All bread"


ABOUT_INCOME = 'variable = "income_eur", kind = "direction", horizon = "target", terms = "real"'

READING = [
    (S, 'key = "bakers"\n', 'key = "bakers"\ncolour = "red"\n', "colour"),
    (S, "horizon_years = 2\n", "", "horizon_years"),
    (S, "horizon_years = 2", 'horizon_years = "two"', "horizon_years"),
    (S, "horizon_years = 2", "horizon_years = true", "horizon_years"),
    (S, "horizon_years = 2", "horizon_years = 0", "horizon_years"),
    (S, 'key = "bakers"', 'key = "../bakers"', "key"),
    (S, '["nl", "en"]', "[]", "languages"),
    (S, '["nl", "en"]', '["nl", "en", "nl"]', "languages"),
    (S, 'title = {nl = "Bakkers", en = "Bakers"}', 'title = {nl = "Bakkers"}', "title.en"),
    (S, 'title = {nl = "Bakkers", en = "Bakers"}', 'title = {nl = "Bakkers", en = " "}', "title.en"),
    (S, 'title = {nl = "Bakkers", en = "Bakers"}', 'title = {nl = "a", en = "b", de = "c"}', "title.de"),
    (S, 'title = {nl = "Bakkers", en = "Bakers"}', 'title = "Bakers"', "title"),
    (S, '"Europe/Amsterdam"', '"Europe/Rotterdam"', "time_zone"),
    (S, '"Europe/Amsterdam"', '"Europe"', "time_zone"),
    (S, "start = 2026-10-01, ", "", "wave[1].fieldwork.start"),
    (S, "start = 2026-10-01", "start = 2026-10-01T10:00:00", "wave[1].fieldwork.start"),
    (S, "start = 2026-10-01", 'start = "2026-10-01"', "wave[1].fieldwork.start"),
    (S, "start = 2026-10-01, end = 2026-11-30", "start = 2026-11-30, end = 2026-10-01", "wave[1].fieldwork"),
    (S, "reference = {start = 2025-01-01, end = 2025-12-31}\n", "", "wave[1].reference"),
    (S, '"complete"', "7", "layout.outcomes.done"),
    (S, 'missing = {X = "refused"}', 'missing = {X = "refused"}\nlonely_psu = "ignore"', "layout.lonely_psu"),
    (S, "[layout]", '[weighting]\ncalibration = "rake"\n\n[layout]', "weighting.calibration"),
    (S, "[layout]", "[weighting]\ntrim = [2, 3]\n\n[layout]", "weighting.trim"),
    (S, "[layout]", '[weighting]\nnonresponse = "hot deck"\n\n[layout]', "weighting.nonresponse"),
    (S, "one = 1", 'one = "1"', "layout.wave_codes.one"),
    (S, "codes = [1]},", "codes = [true]},", "domain[0].group[0].codes"),
    (S, 'statistic = "share"', 'statistic = "shares"', "indicator[1].statistic"),
    (S, "value = 0.4", "value = nan", "indicator[1].published.value"),
    (Q, "required = true", "requird = true", "question[0].requird"),
    (Q, "required = true", 'required = "yes"', "question[0].required"),
    (
        Q,
        '{code = 2, nl = "In dienst", en = "Employee"}',
        '{nl = "In dienst", en = "Employee"}',
        "question[0].values[1].code",
    ),
    (
        Q,
        '{code = 2, nl = "In dienst", en = "Employee"}',
        '{code = true, nl = "a", en = "b"}',
        "question[0].values[1].code",
    ),
    (
        Q,
        '{code = 2, nl = "In dienst", en = "Employee"}',
        '{code = 2, nl = "Nee", en = false}',
        "question[0].values[1].en",
    ),
    (Q, '{code = 2, nl = "In dienst", en = "Employee"}', '{code = 2, nl = "In dienst"}', "question[0].values[1].en"),
    (Q, '{code = 2, nl = "In dienst", en = "Employee"}', '{code = 1, nl = "a", en = "b"}', "question[0].values"),
    (Q, '{code = 2, nl = "In dienst", en = "Employee"}', '{code = "2", nl = "a", en = "b"}', "question[0].values"),
    (Q, "off_scale = [9]", "off_scale = [8]", "scales.change.off_scale"),
    (Q, "up = [2]", "up = [3]", "scales.change.groups.up"),
    (Q, "up = [2]", "up = 2", "scales.change.groups.up"),
    (Q, 'scale = "change"\nroute', 'scale = "chnage"\nroute', "question[2].scale"),
    (Q, 'kind = "money"', 'kind = "euros"', "question[1].kind"),
    (Q, 'section = "A"', 'section = "B"', "question[0].section"),
    (Q, 'unit = "EUR"', 'unit = "EUR"\nscale = "change"', "question[1].scale"),
    (Q, 'route = "job in (1, 2)"', 'route = "job in (1, 2"', "question[1].route"),
    (Q, 'route = "job in (1, 2)"', "route = \"__import__('os')\"", "question[1].route"),
    (Q, "horizon = 1", 'horizon = "soon"', "question[6].predicts.horizon"),
    (Q, "horizon = 1", "horizon = 0", "question[6].predicts.horizon"),
    (Q, "horizon = 1, ", "", "question[6].predicts.horizon"),
    (Q, "fall = [1]", "drop = [1], fall = [1]", "question[5].predicts.directions"),
    (Q, 'expression = "wave_year - 2000"\n', "", "derived[0].expression"),
    (Q, 'version = "1"', 'version = "2"', "version"),
    (B, 'frame = "the bakers\' register"\n', "", "frame"),
    (B, "own = 0.3", 'own = "0.3"', "margin[0].shares.own"),
    (B, 'version = "2024"', 'version = "2024"\nweight_bounds = [5, 0.2]', "weight_bounds"),
    (B, "shares = {own = 0.3, staff = 0.7}\n", "", "margin[0].shares"),
    (P, "index = 97.1", 'index = "97,1"', "year[0].index"),
]

FITTING = [
    (S, "number = 2", "number = 3", "wave[1].number"),
    (S, 'key = "2026"', 'key = "2025"', "wave[1].key"),
    (S, 'key = "2026"', 'key = "1"', "wave[1].key"),
    (S, 'key = "2026"', 'key = "20/26"', "wave[1].key"),
    (S, "start = 2026-10-01", "start = 2025-11-30", "wave[1].fieldwork"),
    (S, 'instrument = "1"', 'instrument = "11"', "wave[0].instrument"),
    (S, "baseline = 1", "baseline = 3", "baseline"),
    (S, '"refused"}\nmissing', '"refsued"}\nmissing', "layout.outcomes.no"),
    (S, 'X = "refused"', 'X = "unknown"', "layout.missing.X"),
    (S, "[layout]", '[weighting]\nnonresponse_domains = ["klass"]\n\n[layout]', "weighting.nonresponse_domains"),
    (S, 'missing = {X', 'sampled_share = {north = 1.5}\nmissing = {X', "layout.sampled_share.north"),
    (S, "two = 2", "two = 3", "layout.wave_codes.two"),
    (S, "waves = [1, 2]", "waves = [1, 3]", "layout.given_weight[0].waves"),
    (S, 'variable = "job"\ngroup', 'variable = "jobs"\ngroup', "domain[0].variable"),
    (S, "codes = [2]},", "codes = [3]},", "domain[0].group[1].codes"),
    (S, "codes = [2]},", 'codes = ["2"]},', "domain[0].group[1].codes"),
    (S, "codes = [2]},", "codes = [2, 1]},", "domain[0].group[1].codes"),
    (S, "codes = [2]},", "codes = []},", "domain[0].group[1].codes"),
    (S, 'variable = "income_eur"', 'variable = "incme_eur"', "indicator[0].variable"),
    (S, 'key = "self_employed"', 'key = "income_mean"', "indicator[1].key"),
    (S, 'statistic = "share"\ncodes = [1]', 'statistic = "share"', "indicator[1].codes"),
    (S, 'statistic = "share"\ncodes = [1]', 'statistic = "share"\ncodes = [7]', "indicator[1].codes"),
    (S, 'domain = "class"\ngroups', 'domain = "klass"\ngroups', "indicator[1].domain"),
    (S, 'domain = "class"\ngroups', "groups", "indicator[1].groups"),
    (S, '["own", "staff"]', '["own", "stuff"]', "indicator[1].groups"),
    (S, "wave = 1, source", "wave = 9, source", "indicator[1].published.wave"),
    (S, 'variable = "income_eur"', 'variable = "bread_share"', "indicator[0].in_real_terms"),
    (S, '[[transition]]\nvariable = "job"', '[[transition]]\nvariable = "income_eur"', "transition[0].variable"),
    (S, '[[transition]]\nvariable = "job"', '[[transition]]\nvariable = "joob"', "transition[0].variable"),
    (Q, 'key = "outlook"', 'key = "band"', "question[5].key"),
    (Q, 'key = "cake_share"', 'key = "cake_share"\ncolumn = "bread_share"', "question[4].column"),
    (Q, 'name = "sweet_share"', 'name = "bread_share"', "derived[1].name"),
    (Q, 'key = "band"', 'key = "band"\nvariable = "wave"', "question[2].variable"),
    (Q, 'key = "band"', 'key = "band"\nvariable = "a__missing"', "question[2].variable"),
    (Q, 'key = "band"', 'key = "band"\nvariable = "2nd band"', "question[2].variable"),
    (Q, "minimum = -100", "minimum = 2000", "question[1].minimum"),
    (Q, "required = true", "minimum = 1", "question[0].minimum"),
    (Q, 'route = "job in (1, 2)"', 'route = "band == 1"', "question[1].route"),
    (Q, 'route = "job in (1, 2)"', 'route = "income_eur > 1"', "question[1].route"),
    (Q, 'route = "job in (1, 2)"', 'route = "jop in (1, 2)"', "question[1].route"),
    (Q, 'route = "job in (1, 2)"', 'route = "job in (1, 3)"', "question[1].route"),
    (Q, 'route = "job in (1, 2)"', 'route = "sweet_share > 1"', "question[1].route"),
    (Q, "('refused', 'dont_know')", "('refused', 'dk')", "question[2].route"),
    (Q, 'check = "income_eur > -50"', 'check = "cake_share > 1"', "question[1].check"),
    (Q, "wave_year - 2000", "sweet_share - 2000", "derived[0].expression"),
    (Q, '["bread_share", "cake_share"]', '["bread_share", "pie_share"]', "sum_group[0].members"),
    (Q, '["bread_share", "cake_share"]', '["bread_share", "job"]', "sum_group[0].members"),
    (Q, '["bread_share", "cake_share"]', '["bread_share", "bread_share"]', "sum_group[0].members"),
    (Q, 'variable = "income_eur"', 'variable = "income"', "question[5].predicts.variable"),
    (Q, ABOUT_INCOME, 'variable = "job", kind = "direction", horizon = "target"', "question[5].predicts.variable"),
    (Q, "unclear = [9]", "unclear = []", "question[5].predicts.directions"),
    (Q, "unclear = [9]", "unclear = [9, 1]", "question[5].predicts.directions"),
    (Q, "unclear = [9]", "unclear = [9, 7]", "question[5].predicts.directions"),
    (Q, "horizon = 1", "horizon = 3", "question[6].predicts.horizon"),
    (Q, ', event = "then == 2"', "", "question[6].predicts.event"),
    (Q, "then == 2", "then == job", "question[6].predicts.event"),
    (Q, ', event = "then == 2"', ', event = "then == 2", better = "rise"', "question[6].predicts.better"),
    (Q, ', event = "then == 2"', ', event = "then == 2", yes = [4]', "question[6].predicts.yes"),
    (Q, "then == 2", "now == 2", "question[6].predicts.event"),
    (Q, "then == 2", "then == 3", "question[6].predicts.event"),
    (Q, 'kind = "probability"\npredicts', 'kind = "share"\npredicts', "question[6].predicts.kind"),
    (Q, 'horizon = 1, event', 'horizon = 1, terms = "real", event', "question[6].predicts.terms"),
    (B, 'domain = "class"', 'domain = "klass"', "margin[0].domain"),
    (B, "{own = 0.3, staff = 0.7}", "{own = 0.3, stuff = 0.7}", "margin[0].shares"),
    (B, "staff = 0.7", "staff = 0.69", "margin[0].shares"),
    (P, "base_year = 2025", "base_year = 2023", "base_year"),
    (P, "index = 97.1", "index = 0", "year[0].index"),
    (P, "year = 2024", "year = 2025", "year[1].year"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "key"), READING + FITTING)
def test_one_fault_is_found_at_its_key(file, old, new, key):
    """One thing wrong gives one fault, at the file and key where it stands."""
    assert [(fault.where.file, fault.where.key) for fault in faults(changed(file, old, new))] == [(file, key)]


@pytest.mark.parametrize(("old", "new"), [("staff = 0.7", "staff = 0.6995"), ("staff = 0.7", "staff = 0.7009")])
def test_shares_may_be_rounded(old, new):
    """A margin may miss 1 by a thousandth, as rounded shares do."""
    assert load_study(changed(B, old, new)).key == "bakers"


def test_duplicates_inside_a_domain():
    """Domains and groups have keys of their own, and no group is called as everybody is."""
    twice = changed(S, 'key = "staff"', 'key = "own"')
    assert "domain[0].group[1].key" in [fault.where.key for fault in faults(twice)]
    everybody = changed(S, 'key = "staff"', 'key = "all"')
    assert "domain[0].group[1].key" in [fault.where.key for fault in faults(everybody)]


def test_an_unknown_key_is_answered_with_the_nearest():
    """A misspelt key names the one that was meant."""
    (fault,) = faults(changed(Q, "required = true", "requird = true"))
    assert "'required'" in fault.fix


def test_all_faults_are_told_at_once():
    """Faults of different files and kinds come together, each with its own place."""
    files = changed(S, "baseline = 1", "baseline = 3") | {
        Q: INSTRUMENT.replace("job in (1, 2)", "jop == 1"),
        B: BENCHMARKS.replace("0.7", "0.9"),
        P: PRICES.replace("97.1", "-1"),
    }
    assert {(fault.where.file, fault.where.key) for fault in faults(files)} == {
        (S, "baseline"),
        (Q, "question[1].route"),
        (B, "margin[0].shares"),
        (P, "year[0].index"),
    }


def test_a_syntax_error_has_its_row_and_column():
    """What is not TOML is found where it stands, and hides no fault of another file."""
    broken = 'version = "1"\n\n[[section]\n'
    first, second = faults(FILES | {Q: broken, P: PRICES.replace("97.1", "0")})
    assert (first.where.file, first.where.row, first.where.column) == (Q, 3, "10")
    assert (second.where.file, second.where.key) == (P, "year[0].index")


@pytest.mark.parametrize("text", ["a = [1,", "x = " + "[" * 5000, "x = " + "9" * 5000, 'a = "\x00"'])
def test_no_text_breaks_the_reader(text):
    """However wrong a file is, the answer is a fault with the file's name."""
    (fault,) = faults(FILES | {S: text})
    assert fault.where.file == S
    assert fault.where.row is not None


def test_hostile_values_are_made_printable():
    """A value in a message cannot move the cursor."""
    (fault,) = faults(changed(S, '"Europe/Amsterdam"', '"\\u001b[2J"'))
    assert "\x1b" not in str(fault.lines())


def test_a_study_without_a_study_file():
    """A folder without study.toml is told so."""
    (fault,) = faults({Q: INSTRUMENT})
    assert fault.where.file == S


def test_a_study_without_an_instrument():
    """A study needs a questionnaire; that it is absent is said first."""
    assert faults({S: STUDY, P: PRICES})[0].where.file == S


def test_real_terms_need_a_price_index():
    """An amount in real terms cannot be made without prices, in an indicator or a prediction."""
    files = {name: text for name, text in FILES.items() if name != P}
    assert [(fault.where.file, fault.where.key) for fault in faults(files)] == [
        (Q, "question[5].predicts.terms"),
        (S, "indicator[0].in_real_terms"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('kind = "share"', 'kind = "decimal"', "question[3].kind"),
        ('unit = "EUR"', 'unit = "kEUR"', "question[1].unit"),
        ('{code = 2, nl = "In dienst"', '{code = 2, nl = "Ondernemer"', "question[0].values"),
        (
            '{code = 2, nl = "In dienst", en = "Employee"}',
            '{code = 2, nl = "In dienst", en = "Employee"}, {code = 3, nl = "Beide", en = "Both"}',
            "question[0].values",
        ),
    ],
)
def test_a_changed_question_is_a_new_variable(old, new, key):
    """A later version may not use a name for another kind, unit or set of values."""
    later = INSTRUMENT.replace('version = "1"', 'version = "2"').replace(old, new, 1).replace('terms = "real", ', "")
    assert [(fault.where.file, fault.where.key) for fault in faults(FILES | {"instrument-2.toml": later})] == [
        ("instrument-2.toml", key)
    ]


def test_a_later_version_may_reword_and_add():
    """The wording of a question and the order of its values may change, and questions may come."""
    later = INSTRUMENT.replace('version = "1"', 'version = "2"').replace("How do you work?", "In what way do you work?")
    later += '[[derived]]\nname = "twice_eur"\nlabel = {nl = "a", en = "b"}\nkind = "money"\n'
    later += 'expression = "2 * income_eur"\n'
    assert load_study(FILES | {"instrument-2.toml": later}).variable("twice_eur").kind == "money"


def test_no_variable_takes_the_name_of_a_column_of_the_frames():
    """The names that every frame has are reserved."""
    assert {name for frame in (RESPONSES, PERSON_WAVES, TRACKING, WEIGHTS) for name in frame.names} <= RESERVED
