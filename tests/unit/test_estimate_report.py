"""The report of a study on eight members who can be counted by hand."""

from dataclasses import replace

import pandas as pd
import pytest

from panel.errors import EstimateError
from panel.estimate import Pair, Sample, report
from panel.model.study import Indicator, Transition
from panel.model.text import Text
from panel.schema import ESTIMATES, PERSON_WAVES, WEIGHTS
from tests.unit import release_factory

PROFIT = Indicator(key="profit_mean", label=Text.plain("Profit"), variable="profit", statistic="mean")
SMALL = release_factory.study()
STUDY = replace(
    SMALL, indicators=(*SMALL.indicators, PROFIT), transitions=(Transition(variable="emp_class", domain="work"),)
)


def person_waves() -> pd.DataFrame:
    """Return eight members in two waves: four self-employed, of whom one is an employee in the second."""
    rows = [
        {
            "member": f"m{number}",
            "wave": wave,
            "emp_class": 1 if number < 4 - (wave == 2) else 2,
            "profit": 100.0 * (number + 1) + (10.0 if wave == 2 else 0.0),
        }
        for wave in (1, 2)
        for number in range(8)
    ]
    return PERSON_WAVES.coerce(pd.DataFrame(rows), STUDY.variables)


def weights() -> pd.DataFrame:
    """Return weights of one for each wave and for the pair."""
    sets = [("cross-sectional", 1, "1"), ("cross-sectional", 2, "2"), ("longitudinal", 2, "1-2")]
    rows = [
        {"member": f"m{number}", "wave": wave, "kind": kind, "waves": name, "weight": 1.0, "design_weight": 1.0}
        for kind, wave, name in sets
        for number in range(8)
    ]
    return WEIGHTS.coerce(pd.DataFrame(rows))


@pytest.fixture(scope="module")
def figures() -> pd.DataFrame:
    """Return the report."""
    return report(STUDY, person_waves(), pd.DataFrame(), weights(), wave=2)


def rows(figures: pd.DataFrame, statistic: str, group: str = "all") -> pd.DataFrame:
    """Return the rows of one statistic and group, by value or wave."""
    return figures[(figures["statistic"] == statistic) & (figures["group"] == group)]


def test_a_share_and_its_change_use_the_overlap(figures):
    """Half, then three of eight: -1/8; one member of eight moved, so 8/7 (49 + 7)/8^4 is the variance, 1/64."""
    assert rows(figures, "share")["estimate"].tolist() == [0.5, 0.375]
    change = rows(figures[figures["indicator"] == "income_fell"], "change").iloc[0]
    assert (change["estimate"], change["se"]) == pytest.approx((-0.125, 0.125))
    assert (change["unit"], change["from_wave"], change["wave"]) == ("points", 1, 2)


def test_a_level_of_a_group_is_of_the_group_at_each_wave(figures):
    """The self-employed have 100 to 400 at first, then 110 to 310."""
    own = rows(figures, "mean", "self")
    assert own["estimate"].tolist() == [250.0, 210.0]
    assert own["n"].tolist() == [4, 3]


def test_change_within_members_is_by_their_first_group(figures):
    """All four rose by ten, so there is no spread."""
    own = rows(figures, "stayers_mean_change", "self").iloc[0]
    assert (own["estimate"], own["se"], own["n"], own["weight"]) == (10.0, 0.0, 4, "longitudinal 1-2")
    shares = [rows(figures, f"stayers_share_{name}", "self")["estimate"].item() for name in ("fell", "same", "rose")]
    assert shares == [0.0, 0.0, 1.0]


def test_transitions_are_by_row(figures):
    """Of four self-employed one went; of four employees nobody."""
    table = rows(figures, "transition")
    found = dict(zip(table["value"], table["estimate"], strict=True))
    assert found == {"1>1": 0.75, "1>2": 0.25, "2>1": 0.0, "2>2": 1.0}


def test_every_figure_is_whole_and_has_a_key_of_its_own(figures):
    """Keys are unique; estimate, interval, n, effective n and denominator stand on every row; opt-in is said."""
    assert not figures.duplicated(list(ESTIMATES.key)).any()
    whole = ["estimate", "se", "low", "high", "n", "n_eff", "denominator", "weight"]
    assert figures[whole].notna().all().all()
    wanted = "design-based" if STUDY.is_probability_sample else "model-assisted"
    assert set(figures["method"]) == {wanted}


def test_everybody_has_one_table_however_many_domains_it_is_asked_by():
    """A variable whose transitions are published twice, by a domain and without, has those of everybody once."""
    twice = replace(STUDY, transitions=(Transition(variable="emp_class"), *STUDY.transitions))
    found = report(twice, person_waves(), pd.DataFrame(), weights(), wave=2)
    assert not found.duplicated(list(ESTIMATES.key)).any()
    assert set(found.loc[found["statistic"] == "transition", "group"]) == {"all", "self", "staff"}


def test_a_gap_is_never_called_a_year():
    """A pair without a weight of exactly its waves is refused, and named."""
    cross = weights().query("kind == 'cross-sectional'")
    sample = Sample(STUDY, person_waves(), cross, label="cross-sectional", keys=("member", "wave"))
    with pytest.raises(EstimateError, match="1-3"):
        Pair.of(sample, weights(), (1, 3))


def test_a_weight_without_answers_is_a_sentence():
    """Weights of an older panel name members who are no longer there: said, with their number."""
    panel = person_waves()
    fewer = panel[~((panel["member"] == "m7") & (panel["wave"] == 2))]
    with pytest.raises(EstimateError, match="1 members have a weight for wave 2"):
        report(STUDY, fewer, pd.DataFrame(), weights(), wave=2)


def _alone() -> pd.DataFrame:
    panel = person_waves()
    return panel.assign(stratum=(panel["member"] == "m7").map({True: "b", False: "a"}).astype("str"))


def test_a_stratum_with_one_psu_is_refused_by_name():
    """m7 alone in stratum b: no standard error is made up, and the sentence says what to do."""
    with pytest.raises(EstimateError, match="'b'") as refused:
        report(STUDY, _alone(), pd.DataFrame(), weights(), wave=2)
    assert "lonely_psu" in (refused.value.fix or "")


def test_a_choice_for_strata_with_one_psu_is_said():
    """A study that chose to adjust gets its figures, and each says so."""
    chosen = replace(STUDY, layout=replace(STUDY.layout, lonely_psu="adjust"))
    found = report(chosen, _alone(), pd.DataFrame(), weights(), wave=2)
    assert found["se"].notna().all()
    assert found["method"].str.endswith("strata with one PSU centred at the mean of all").all()
