"""
Predictions against what happened.

Members say at a wave what will happen; a later wave shows whether it did. Every number below is worked out by hand:
members have equal weights unless a table says otherwise, and each is a PSU of its own, so that the variance of a share
p among n of N members is N / (N - 1) * p (1 - p) / n.
"""

from dataclasses import replace

import pandas as pd
import pytest

from panel.forecast import predictions
from panel.model.instrument import Instrument, Prediction, Question, Section, Value, Variable
from panel.model.study import Domain, Group, PriceIndex, PricePoint, Study
from panel.model.text import Text
from panel.schema import ESTIMATES, PERSON_WAVES, WEIGHTS
from tests.unit import release_factory
from tests.unit.oracle_samples import BESIDE, data, expected

title = "Predictions against what happened"


def variable(name: str, kind: str, *codes: int | str) -> Variable:
    """Return a variable whose labels are its codes."""
    return Variable(
        name=name, label=Text.plain(name), kind=kind, values=tuple(Value(code, Text.plain(str(code))) for code in codes)
    )


JOB = variable("job", "single", "own", "staff", "none")
INCOME = variable("income", "money")
OUTLOOK = variable("outlook", "single", "less", "alike", "more", "who knows", "no opinion")
CHANCE = variable("chance", "probability")
RISK = variable("risk", "single", "likely", "unlikely")
DIRECTIONS = (("less", "fall"), ("alike", "same"), ("more", "rise"), ("who knows", "unclear"))
TOLD = {
    "outlook": Prediction(variable="income", kind="direction", horizon="target", threshold=0.05, directions=DIRECTIONS),
    "chance": Prediction(variable="income", kind="probability", horizon=1, event="then < now"),
    "risk": Prediction(variable="job", kind="category", horizon=2, event="then == 'none'"),
}


def study(**told: Prediction) -> Study:
    """Return a study of three yearly waves whose target year is that of the third."""
    questions = tuple(
        Question(
            key=each.name, section="A", text=each.label, variable=each, column=each.name,
            predicts=(TOLD | told).get(each.name),
        )
        for each in (JOB, INCOME, OUTLOOK, CHANCE, RISK)
    )  # fmt: skip
    instrument = Instrument(version="1", sections=(Section(key="A", label=Text.plain("A")),), questions=questions)
    small = release_factory.study()
    groups = tuple(Group(key=key, label=Text.plain(key), codes=(key,)) for key in ("own", "staff"))
    return replace(
        small,
        horizon_years=2,
        instruments=(instrument,),
        waves=tuple(replace(wave, instrument="1") for wave in small.waves),
        domains=(Domain(key="work", label=Text.plain("Work"), variable="job", groups=groups),),
        indicators=(),
        transitions=(),
    )


STUDY = study()


def panel(table: str) -> pd.DataFrame:
    """Read a table of person-waves; "-" is a missing value."""
    heading, *lines = [[cell.strip() for cell in line.split("|")] for line in table.strip().splitlines()]
    rows = [dict(zip(heading, line, strict=True)) for line in lines]
    cells = [
        {name: None if text == "-" else text if name in ("member", "job", "outlook", "risk") else float(text)
         for name, text in row.items()}
        for row in rows
    ]  # fmt: skip
    return whole(pd.DataFrame(cells))


def whole(frame: pd.DataFrame) -> pd.DataFrame:
    """Return person-waves with every variable of the study, missing where the frame has none."""
    absent = {each.name: None for each in STUDY.variables if each.name not in frame}
    return PERSON_WAVES.coerce(frame.assign(**absent), STUDY.variables)


def weights(people: pd.DataFrame, *pairs: tuple[int, int], **special: float) -> pd.DataFrame:
    """Return weights of one, or the special one of a member: cross-sectional, and longitudinal for the pairs."""
    waves = {int(wave): set(rows["member"]) for wave, rows in people.groupby("wave")}
    sets = [("cross-sectional", str(wave), wave, members) for wave, members in waves.items()]
    sets += [("longitudinal", f"{a}-{b}", b, waves[a] & waves[b]) for a, b in pairs]
    rows = [
        {"member": each, "wave": wave, "kind": kind, "waves": name, "weight": special.get(each, 1.0),
         "design_weight": 1.0}
        for kind, name, wave, members in sets
        for each in sorted(members)
    ]  # fmt: skip
    return WEIGHTS.coerce(pd.DataFrame(rows))


def found(table: pd.DataFrame, statistic: str, *, group: str = "all", waves: tuple[int, int] = (1, 2), of: str = ""):
    """Return value and estimate of the rows of a statistic."""
    rows = table[(table["statistic"] == statistic) & (table["group"] == group)]
    rows = rows[(rows["from_wave"] == waves[0]) & (rows["wave"] == waves[1])]
    rows = rows[rows["indicator"] == of] if of else rows
    return {
        None if pd.isna(value) else value: each for value, each in zip(rows["value"], rows["estimate"], strict=True)
    }


NINE = panel("""
    member | wave | job   | income | outlook
    a      | 1    | own   |  100   | less
    b      | 1    | own   |  100   | less
    c      | 1    | own   |  100   | less
    d      | 1    | own   |  100   | less
    e      | 1    | staff |  100   | more
    f      | 1    | staff |  100   | more
    g      | 1    | staff |  100   | who knows
    h      | 1    | staff |  100   | who knows
    i      | 1    | staff | -100   | alike
    a      | 2    | staff |   80   | -
    b      | 2    | own   |  100   | -
    c      | 2    | own   |   90   | -
    d      | 2    | own   |  120   | -
    e      | 2    | staff |  120   | -
    f      | 2    | staff |  104   | -
    g      | 2    | staff |   90   | -
    h      | 2    | staff |   -    | -
    i      | 2    | staff |  -50   | -
""")


@pytest.fixture(scope="module")
def outlook() -> pd.DataFrame:
    """Return what nine members predicted against what happened; the second income of one is missing."""
    return predictions(STUDY, NINE, weights(NINE, (1, 2)), wave=2)


def test_what_was_predicted_has_unclear_as_a_line_of_its_own(outlook):
    """Of eight whose outcome is known, four said less, one alike, two more, and one that nobody can know."""
    wanted = {"fall": 0.5, "same": 0.125, "rise": 0.25, "unclear": 0.125}
    assert found(outlook, "predicted_share") == wanted


def test_what_happened_is_told_of_the_same_members(outlook):
    """Three fell, two stayed within five per cent, three rose: a loss that halved is a rise."""
    assert found(outlook, "realised_share") == {"fall": 0.375, "same": 0.25, "rise": 0.375}


def test_the_cross_table_is_by_what_was_predicted(outlook):
    """Of the four who said less, two fell, one stayed, one rose; the one who could not know fell."""
    table = found(outlook, "realised_given_predicted")
    assert [table[f"fall>{outcome}"] for outcome in ("fall", "same", "rise")] == [0.5, 0.25, 0.25]
    assert [table[f"rise>{outcome}"] for outcome in ("fall", "same", "rise")] == [0.0, 0.5, 0.5]
    assert table["unclear>fall"] == table["same>rise"] == 1.0


def test_standard_errors_know_the_whole_sample(outlook):
    """9/8 * 0.25 / 8 for the half of eight who said less, 9/8 * 0.25 / 4 for the half of those four who fell."""
    rows = outlook[outlook["group"] == "all"].set_index(["statistic", "value"])
    assert rows.loc[("predicted_share", "fall"), "se"] == pytest.approx(0.1875)
    assert rows.loc[("realised_given_predicted", "fall>fall"), "se"] == pytest.approx(0.0703125**0.5)
    assert rows.loc[("realised_given_predicted", "fall>fall"), "n"] == 4


def test_groups_are_those_of_the_wave_the_claim_was_made_in(outlook):
    """Member a made the claim self-employed, and counts there, though an employee later."""
    assert found(outlook, "predicted_share", group="own") == {"fall": 1.0, "same": 0.0, "rise": 0.0, "unclear": 0.0}
    assert found(outlook, "realised_share", group="own") == {"fall": 0.5, "same": 0.25, "rise": 0.25}


def test_an_answer_without_a_direction_is_not_counted():
    """No opinion is neither a direction nor unclear."""
    people = NINE.assign(outlook=NINE["outlook"].where(NINE["member"] != "g", "no opinion"))
    assert found(predictions(STUDY, people, weights(people, (1, 2)), wave=2), "predicted_share") == {
        "fall": 4 / 7, "same": 1 / 7, "rise": 2 / 7, "unclear": 0.0,
    }  # fmt: skip


def test_weights_count():
    """With a of weight nine, the four who said less weigh 12 of 16, and 10 of those 12 fell."""
    table = predictions(STUDY, NINE, weights(NINE, (1, 2), a=9.0), wave=2)
    assert found(table, "predicted_share")["fall"] == 0.75
    assert found(table, "realised_given_predicted")["fall>fall"] == pytest.approx(10 / 12)


FOUR = panel("""
    member | wave | job   | income | chance | risk
    a      | 1    | own   |  100   |  80    | likely
    b      | 1    | own   |  100   |  50    | likely
    c      | 1    | own   |  100   |  20    | unlikely
    d      | 1    | own   |  100   |  90    | unlikely
    a      | 2    | own   |   90   |  -     | -
    b      | 2    | own   |  100   |  -     | -
    c      | 2    | own   |  150   |  -     | -
    d      | 2    | own   |   99   |  -     | -
    a      | 3    | none  |   90   |  -     | -
    b      | 3    | own   |   90   |  -     | -
    c      | 3    | own   |   90   |  -     | -
    d      | 3    | staff |   90   |  -     | -
""")


def test_a_probability_is_scored():
    """Chances .8 .5 .2 .9, of which the first and last happened: mean .6, frequency .5, Brier (.04+.25+.04+.01)/4."""
    table = predictions(STUDY, FOUR, weights(FOUR, (1, 2)), wave=2)
    rows = table[(table["indicator"] == "chance") & (table["group"] == "all")].set_index("statistic")
    wanted = {"mean_probability": 0.6, "realised_frequency": 0.5, "bias": 0.1, "brier": 0.085}
    assert rows["estimate"][list(wanted)].to_dict() == pytest.approx(wanted)
    assert rows.loc["bias", "se"] == pytest.approx(0.025**0.5)  # 4/3 * (.3**2 + .4**2 + .1**2 + .2**2) / 4**2
    assert set(rows["method"]) == {"design-based, year 1"}
    assert set(rows["status"]) == {"final"}


AFTER_A_FALL = panel("""
    member | wave | job | income | chance
    a      | 1    | own |  100   |  -
    b      | 1    | own |  100   |  -
    c      | 1    | own |  100   |  -
    d      | 1    | own |  100   |  -
    a      | 2    | own |   80   |  80
    b      | 2    | own |   90   |  60
    c      | 2    | own |   98   |  20
    d      | 2    | own |  120   |  40
    a      | 3    | own |   70   |  -
    b      | 3    | own |   90   |  -
    c      | 3    | own |   90   |  -
    d      | 3    | own |  130   |  -
""")


def test_errors_after_a_bad_year_are_what_happened_less_what_was_said():
    """Members a and b fell (c lost 2 %, which is none): their errors .2 and -.6, the others' .8 and -.4."""
    everybody_counts = replace(STUDY, disclosure_threshold=1)
    table = predictions(everybody_counts, AFTER_A_FALL, weights(AFTER_A_FALL, (2, 3)), wave=3)
    rows = table[(table["indicator"] == "chance") & (table["group"] == "all")].set_index("statistic")
    assert rows["estimate"][list(ERRORS)].to_dict() == pytest.approx(ERRORS)
    # residuals of .4 among two of four, of .6 among the other two: 4/3 of the sum of their squares over 2**2
    wanted = {"error_after_fall": 4 / 3 * 0.08, "error_otherwise": 4 / 3 * 0.18, "error_gap": 4 / 3 * 0.26}
    assert {name: rows.loc[name, "se"] ** 2 for name in wanted} == pytest.approx(wanted)
    assert {name: rows.loc[name, "n"] for name in ("error_after_fall", "error_otherwise")} == {
        "error_after_fall": 2, "error_otherwise": 2,
    }  # fmt: skip


ERRORS = {"error_after_fall": -0.2, "error_otherwise": 0.2, "error_gap": -0.4}


def test_without_a_year_before_there_are_no_errors_after_it():
    """A claim of the first wave follows no year that is known."""
    table = predictions(replace(STUDY, disclosure_threshold=1), FOUR, weights(FOUR, (1, 2)), wave=2)
    assert not table["statistic"].str.startswith("error_").any()
    assert (table["statistic"] == "hit_rate").any()


def test_a_category_is_held_against_its_event():
    """Of the two who thought it likely one lost the work two years on; of the other two nobody did."""
    table = predictions(STUDY, FOUR, weights(FOUR, (1, 2), (1, 3)), wave=3)
    table = table[(table["indicator"] == "risk") & table["statistic"].isin(WHAT)]
    assert set(zip(table["from_wave"], table["wave"], strict=True)) == {(1, 3)}
    assert found(table, "predicted_share", waves=(1, 3)) == {"likely": 0.5, "unlikely": 0.5}
    assert found(table, "realised_given_predicted", waves=(1, 3)) == {"likely>event": 0.5, "unlikely>event": 0.0}
    assert found(table, "realised_share", waves=(1, 3)) == {"event": 0.25}


def test_answers_that_say_yes_are_one_share():
    """Where the study says which answers mean yes, two of four said so, and one of the four met it."""
    asked = study(risk=replace(TOLD["risk"], yes=("likely",)))
    table = predictions(asked, FOUR, weights(FOUR, (1, 2), (1, 3)), wave=3)
    assert found(table, "predicted_yes_share", waves=(1, 3)) == {"event": 0.5}
    assert found(table, "realised_share", waves=(1, 3), of="risk") == {"event": 0.25}


WHAT = ("predicted_share", "realised_share", "realised_given_predicted")


def horizons(people: pd.DataFrame, *pairs: tuple[int, int], wave: int = 3) -> dict[tuple[int, int], tuple[str, str]]:
    """Return method and status of the readings of the outlook, by pair of waves."""
    table = predictions(STUDY, people, weights(people, *pairs), wave=wave)
    rows = table[(table["indicator"] == "outlook") & (table["statistic"] == "predicted_share")]
    rows = rows.drop_duplicates(["from_wave", "wave"])
    return {(row.from_wave, row.wave): (row.method, row.status) for row in rows.itertuples()}


EVERY_YEAR = pd.concat([NINE.assign(wave=wave, outlook=NINE["outlook"].fillna("less")).iloc[:9] for wave in (1, 2, 3)])


def test_the_target_year_is_read_in_between_and_then_for_good():
    """A claim about 2027 made in 2025 is provisional in 2026; in 2027 it is final, as is the one made in 2026."""
    assert horizons(EVERY_YEAR, (1, 2), (2, 3), (1, 3)) == {
        (1, 2): ("design-based, interim, 1 of 2 years", "provisional"),
        (1, 3): ("design-based, year 2", "final"),
        (2, 3): ("design-based, year 1", "final"),
    }


def test_nothing_is_read_from_waves_to_come():
    """At the second wave only the first pair is read, whatever else is there."""
    assert set(horizons(EVERY_YEAR, (1, 2), (2, 3), (1, 3), wave=2)) == {(1, 2)}


def test_nothing_is_read_beyond_the_target_year():
    """With a horizon of one year, a claim about 2026 is not held against 2027."""
    nearer = replace(STUDY, horizon_years=1)
    table = predictions(nearer, EVERY_YEAR, weights(EVERY_YEAR, (1, 2), (2, 3), (1, 3)), wave=3)
    read = table[(table["indicator"] == "outlook") & (table["statistic"] == "realised_share")]
    assert set(read["wave"]) == {2}


def test_a_pair_without_its_own_weight_says_which_it_used():
    """Waves 2 and 3 have no longitudinal weight: the later wave's serves the eight members of both, named."""
    people = EVERY_YEAR[~((EVERY_YEAR["member"] == "a") & (EVERY_YEAR["wave"] == 2))]
    table = predictions(STUDY, people, weights(people, (1, 2), i=4.0), wave=3)
    rows = table[(table["statistic"] == "predicted_share") & (table["group"] == "all") & (table["from_wave"] == 2)]
    assert set(rows["weight"]) == {"cross-sectional 3, members of 2 and 3"}
    assert set(rows["n"]) == {8}
    assert dict(zip(rows["value"], rows["estimate"], strict=True))["same"] == pytest.approx(4 / 11)


def test_real_terms_take_the_rise_of_prices_out():
    """Prices rise by a tenth: 104 for 100 is a fall, and provisional while the index is."""
    told = replace(TOLD["outlook"], terms="real")
    points = (PricePoint(2025, 100.0), PricePoint(2026, 110.0, is_provisional=True), PricePoint(2027, 110.0))
    index = PriceIndex(source="made up", base_year=2025, points=points)
    priced = replace(study(outlook=replace(told, horizon=1)), prices=index)
    table = predictions(priced, NINE, weights(NINE, (1, 2)), wave=2)
    assert found(table, "realised_share", of="outlook") == {"fall": 5 / 8, "same": 0.0, "rise": 3 / 8}
    rows = table[table["indicator"] == "outlook"]
    assert (set(rows["terms"]), set(rows["status"])) == ({"real"}, {"provisional"})


def test_the_baseline_alone_resolves_nothing():
    """With one wave there is what was predicted for the target year, and nothing that happened."""
    table = predictions(STUDY, NINE[NINE["wave"] == 1], weights(NINE[NINE["wave"] == 1]), wave=1)
    assert (set(table["statistic"]), list(table)) == ({"horizon_predicted"}, ESTIMATES.names)
    assert set(table["from_wave"].isna()) == {True}


def test_inputs_are_left_alone():
    """Neither the person-waves nor the weights change."""
    people, given = NINE.copy(deep=True), weights(NINE, (1, 2))
    kept = given.copy(deep=True)
    predictions(STUDY, people, given, wave=2)
    pd.testing.assert_frame_equal(people, NINE)
    pd.testing.assert_frame_equal(given, kept)


class TestAgainstR:
    """The same figures from R's survey package."""

    pytestmark = BESIDE

    def test_brier_score_and_bias(self):
        """o12: Brier score, bias and base rate with standard errors, over households in strata."""
        people, given = r_panel(data("forecast"))
        table = predictions(STUDY, people, given, wave=2)
        rows = table[(table["indicator"] == "chance") & (table["group"] == "all")].set_index("statistic")
        wanted = expected("o12")
        for statistic, place in (("brier", ("brier", "bs")), ("bias", ("bias", "bias"))):
            told = wanted[place[0]][place[1]]
            assert rows.loc[statistic, "estimate"] == pytest.approx(told["est"], rel=1e-8)
            assert rows.loc[statistic, "se"] == pytest.approx(told["se"], rel=1e-8)
        assert rows.loc["realised_frequency", "estimate"] == pytest.approx(wanted["base"]["o"]["est"], rel=1e-8)

    def test_brier_score_by_group(self):
        """o12: the score of the self-employed and of employees, as domains of the whole sample."""
        people, given = r_panel(data("forecast"))
        table = predictions(STUDY, people, given, wave=2)
        rows = table[table["statistic"] == "brier"].set_index("group")
        for group, name in (("own", "zzp"), ("staff", "employee")):
            told = expected("o12")["brier_by"][name]
            assert rows.loc[group, ["estimate", "se"]].tolist() == pytest.approx([told["est"], told["se"]], rel=1e-8)


def r_panel(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return R's forecasts as two waves: the income falls where R says the event happened."""
    fixed = {
        "member": frame["id"].astype("str"),
        "stratum": frame["stratum"].astype("str"),
        "psu": frame["hh"].astype("str"),
        "job": frame["status"].map({"employee": "staff", "zzp": "own"}),
        "chance": 100 * frame["pred"],
    }
    incomes = {1: 1.0, 2: 1 - frame["o"]}
    waves = [pd.DataFrame(fixed | {"wave": wave, "income": income}) for wave, income in incomes.items()]
    people = whole(pd.concat(waves, ignore_index=True))
    return people, weights(people, (1, 2), **dict(zip(fixed["member"], frame["w"], strict=True)))
