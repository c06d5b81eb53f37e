"""The figures about predictions by what a reader asks, the view year by year, and the ledger counted."""

import pandas as pd

from panel.forecast import VIEWS, questions_of, tally, view_of, years
from panel.schema import CLAIMS
from tests.unit import release_factory as given

ABOUT = {"indicator": "expect", "variable": "profit", "value": "fall"}


def horizon() -> pd.DataFrame:
    """Return the view to the target year: 65 % said fall, of whom 41 % did by 2026 and 50 % by 2027."""
    later = [
        given.figure(**ABOUT, statistic=f"horizon_{name}", estimate=estimate, from_wave=1, wave=wave)
        for wave, happened in ((2, 0.41), (3, 0.50))
        for name, estimate in (("happened", happened), ("to_come", 0.65 - happened), ("unseen", 0.3))
    ]
    score = given.figure(**ABOUT | {"value": None}, statistic="horizon_hit_rate", from_wave=1, wave=2)
    other = given.figure(**ABOUT, statistic="predicted_share", from_wave=1, wave=2)
    return given.figures(given.figure(**ABOUT, statistic="horizon_predicted", estimate=0.65), *later, score, other)


def test_every_figure_is_in_one_view():
    """What was predicted, scores, revisions and the view to the target year share nothing and leave nothing out."""
    names = ("predicted_share", "brier", "bin_frequency", "martingale_p", "revised_up_share", "horizon_unseen")
    rows = given.figures(*(given.figure(**ABOUT, statistic=name, from_wave=1, wave=2) for name in names))
    assert view_of(rows).tolist() == ["outcomes", "scores", "scores", "revisions", "revisions", "horizon"]
    assert set(view_of(rows)) <= set(VIEWS)


def test_the_bounds_of_what_nothing_resolves_belong_to_the_horizon():
    """Best-case bounds at the baseline are part of the outlook; those of a pair of waves are scores."""
    rows = given.figures(
        given.figure(**ABOUT, statistic="best_case_low"),
        given.figure(**ABOUT, statistic="best_case_low", from_wave=1, wave=2),
    )
    assert view_of(rows).tolist() == ["horizon", "scores"]


def test_each_year_has_what_was_predicted_beside_it():
    """Two later waves are two years, each with the baseline's prediction; scores of all outcomes are none."""
    found = list(years(horizon()))
    assert [(each.question, each.group, each.value, each.wave) for each in found] == [
        ("expect", "all", "fall", 2), ("expect", "all", "fall", 3),
    ]  # fmt: skip
    assert [each.figures["predicted"]["estimate"] for each in found] == [0.65, 0.65]
    assert [each.figures["happened"]["estimate"] for each in found] == [0.41, 0.50]


def test_a_baseline_alone_is_a_year():
    """Before anything happened there is what was predicted."""
    (only,) = years(given.figures(given.figure(**ABOUT, statistic="horizon_predicted", estimate=0.65)))
    assert (only.wave, set(only.figures)) == (1, {"predicted"})


def test_the_ledger_is_counted_by_question_and_wave():
    """Two claims of one wave, one on track and one open and corrected, and one of a later wave that came true."""
    later = given.claims().iloc[[0]].assign(wave=2, state="resolved", is_true=True)
    counted = tally(CLAIMS.coerce(pd.concat([given.claims(), later], ignore_index=True)))
    assert counted[["question", "wave", "claims_count"]].to_numpy().tolist() == [["expect", 1, 2], ["expect", 2, 1]]
    first, second = (row for _, row in counted.iterrows())
    assert (first["open_count"], first["on_track_count"], first["corrected_count"]) == (1, 1, 1)
    assert (second["resolved_count"], second["true_count"], second["untrue_count"]) == (1, 1, 0)


def test_states_add_up_to_the_claims():
    """Every claim is in one state."""
    counted = tally(given.claims())
    states = ["open_count", "on_track_count", "resolved_count", "censored_count", "void_count"]
    assert (counted[states].sum(axis=1) == counted["claims_count"]).all()


def test_the_questions_that_predict_are_named_once():
    """Two versions of the instrument ask the same question."""
    assert questions_of(given.study()) == ("expect",)
