"""What is hidden before anything is published, on tables small enough to see it."""

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from panel.disclose import protect
from panel.schema import ESTIMATES
from tests.unit.release_factory import figure, figures

NUMBERS = ["estimate", "se", "low", "high", "n", "n_eff"]


def level(group: str, n: int, estimate: float = 5.0, **given: object) -> dict[str, object]:
    """Return a row of a mean: of a group of the domain work, or of everybody."""
    where = {"domain": None if group == "all" else "work", "group": group}
    return figure(**({"statistic": "mean", "unit": "EUR", "n": n, "estimate": estimate} | where | given))


def share(n: int, estimate: float, **given: object) -> dict[str, object]:
    """Return a row of a share of everybody."""
    return figure(n=n, estimate=estimate, **given)


def hidden(*rows: dict[str, object], threshold: int = 10) -> list[bool]:
    """Return which of these rows are hidden."""
    return (protect(figures(*rows), threshold=threshold)["status"] == "hidden").tolist()


def test_a_figure_about_too_few_loses_all_its_numbers():
    """Nine members: estimate, error, interval, n and effective n are null; what it is about stays."""
    out = protect(figures(level("all", 9)), threshold=10)
    assert out[NUMBERS].isna().all().all()
    assert (out.loc[0, "status"], out.loc[0, "indicator"]) == ("hidden", "income_fell")


def test_the_threshold_itself_is_enough():
    """Ten members are shown with all their numbers."""
    out = protect(figures(level("all", 10)), threshold=10)
    assert out.loc[0, ["estimate", "n", "status"]].tolist() == [5.0, 10, "final"]


def test_a_figure_without_an_n_is_hidden():
    """What cannot be counted is not shown."""
    assert hidden(figure(n=None)) == [True]


def test_a_share_that_one_or_two_make_up_is_hidden():
    """One or two of twenty are hidden, and all but one or two; nobody, three and everybody are shown."""
    counts = [0, 1, 2, 3, 17, 18, 19, 20]
    found = hidden(*(share(20, count / 20, wave=count) for count in counts))
    assert found == [False, True, True, False, False, True, True, False]


def test_a_mean_is_never_taken_for_a_count():
    """A mean chance of 0.05 among twenty is not one person."""
    assert hidden(share(20, 0.05, statistic="mean_probability")) == [False]


def test_a_lone_hidden_group_takes_the_smallest_other_with_it():
    """Group a would be everybody less b and c, so b goes too."""
    assert hidden(level("all", 100), level("a", 4), level("b", 30), level("c", 66)) == [False, True, True, False]


def test_two_hidden_groups_that_are_few_together_take_a_third():
    """Everybody less c and d would be seven members, so c goes too."""
    rows = [level("all", 107), level("a", 3), level("b", 4), level("c", 20), level("d", 80)]
    assert hidden(*rows) == [False, True, True, True, False]


def test_two_hidden_groups_that_are_enough_together_are_enough():
    """Everybody less c are fourteen members, which may be told."""
    assert hidden(level("all", 100), level("a", 7), level("b", 7), level("c", 86)) == [False, True, True, False]


def test_groups_are_compared_within_one_figure_only():
    """A hidden group in one wave hides nothing in another."""
    rows = [level("a", 4), level("b", 30), level("a", 40, wave=2), level("b", 30, wave=2)]
    assert hidden(*rows) == [True, True, False, False]


def test_equal_groups_are_chosen_by_name():
    """Of two groups of thirty the first by name goes, in any order of rows."""
    assert hidden(level("c", 30), level("a", 4), level("b", 30)) == [False, True, True]


def cell(value: str, estimate: float, n: int = 40, **given: object) -> dict[str, object]:
    """Return a cell of a from-to table."""
    return figure(statistic="transition", value=value, estimate=estimate, n=n, from_wave=1, wave=2, **given)


def test_a_hidden_cell_of_a_row_takes_the_next_smallest():
    """One of forty moved to b: what is left of the row would say so, so the four who moved to c go too."""
    assert hidden(cell("a>a", 0.875), cell("a>b", 0.025), cell("a>c", 0.1)) == [False, True, True]


def test_hiding_nobody_hides_no_one():
    """Beside one who moved to b, the empty cell d protects nothing: c goes, d is shown."""
    rows = [cell("a>a", 0.875), cell("a>b", 0.025), cell("a>c", 0.1), cell("a>d", 0.0)]
    assert hidden(*rows) == [False, True, True, False]


def test_other_rows_of_the_table_stay():
    """What came of those in b is another row."""
    rows = [cell("a>a", 0.875), cell("a>b", 0.025), cell("a>c", 0.1), cell("b>a", 0.5), cell("b>b", 0.5)]
    assert hidden(*rows) == [False, True, True, False, False]


def test_those_who_fell_stayed_and_rose_are_parts_of_one_whole():
    """Two of forty stayed, so those who fell, fewer than those who rose, go too."""
    shares = {"fell": 0.25, "same": 0.05, "rose": 0.7}
    rows = [figure(statistic=f"stayers_share_{name}", estimate=each, n=40) for name, each in shares.items()]
    assert hidden(*rows) == [True, True, False]


def test_a_change_is_hidden_with_either_level():
    """The first wave is about four members: its change to the second goes, that from the second to the third stays."""
    change = {"statistic": "change", "unit": "EUR", "estimate": 1.0}
    rows = [level("all", 4), level("all", 40, wave=2), level("all", 40, wave=3)]
    rows += [level("all", 40, from_wave=1, wave=2, **change), level("all", 40, from_wave=2, wave=3, **change)]
    assert hidden(*rows) == [True, False, False, True, False]


def test_a_relative_change_goes_with_the_change():
    """A change in per cent gives away as much as one in euros."""
    change = level("all", 40, statistic="relative_change", unit="ratio", from_wave=1, wave=2, estimate=0.1)
    assert hidden(level("all", 4), level("all", 40, wave=2), change) == [True, False, True]


def test_the_scores_of_a_forecast_go_with_its_frequency():
    """Mean chance less bias would be the frequency, which one of twenty make up."""
    about = {"n": 20, "from_wave": 1, "wave": 2}
    rows = [
        figure(statistic="mean_probability", estimate=0.4, **about),
        figure(statistic="realised_frequency", estimate=0.05, **about),
        figure(statistic="bias", unit="points", estimate=0.35, **about),
        figure(statistic="brier", unit="score", estimate=0.2, **about),
    ]
    assert hidden(*rows) == [False, True, True, True]


CLAIMED = {"n": 40, "from_wave": 1, "wave": 2}


def verdicts(**counts: int) -> list[dict[str, object]]:
    """Return who of forty was right, too gloomy and too hopeful."""
    return [figure(**CLAIMED, statistic=f"{name}_share", value=name, estimate=n / 40) for name, n in counts.items()]


def test_who_was_right_too_gloomy_and_too_hopeful_are_parts_of_one_whole():
    """One who was too hopeful takes the next smallest along, so that one less the rest tells nothing."""
    assert hidden(*verdicts(right=26, too_gloomy=13, too_hopeful=1)) == [False, True, True]


def test_hits_go_with_who_was_right():
    """Where it is hidden who was right, so are hits, their lead over chance, and Peirce's score: they would tell."""
    rows = verdicts(right=12, too_gloomy=27, too_hopeful=1)
    hits = [
        figure(**CLAIMED, statistic="hit_rate", estimate=0.3),
        figure(**CLAIMED, statistic="hit_by_chance", estimate=0.25),
        figure(**CLAIMED, statistic="hit_over_chance", unit="points", estimate=0.05),
        figure(**CLAIMED, statistic="peirce", unit="points", estimate=0.07),
    ]
    assert hidden(*rows, *hits) == [True, False, True, True, False, True, True]


def test_the_mean_revision_goes_with_who_revised():
    """One who said less than before is hidden, and the mean that would tell is too."""
    shares = {"down": 1, "same": 14, "up": 25}
    rows = [
        figure(**CLAIMED, statistic=f"revised_{name}_share", value=name, estimate=n / 40) for name, n in shares.items()
    ]
    mean = figure(**CLAIMED, statistic="revision_mean", unit="score", estimate=0.6)
    assert hidden(*rows, mean) == [True, True, False, True]


def curve(**bins: tuple[int, float]) -> list[dict[str, object]]:
    """Return a reliability curve: for each bin its n and how often it happened, with the mean chance beside."""
    rows = []
    for name, (n, frequency) in bins.items():
        about = {"n": n, "from_wave": 1, "wave": 2, "value": name}
        rows.append(figure(**about, statistic="bin_probability", estimate=0.5))
        rows.append(figure(**about, statistic="bin_frequency", estimate=frequency))
    return rows


def test_both_figures_of_a_bin_go_together():
    """A bin of nine loses chance and frequency; so does one in which it happened to one of twenty."""
    found = hidden(*curve(a=(9, 0.5), b=(20, 0.05), c=(40, 0.5)))
    assert found == [True, True, True, True, False, False]


def test_a_lone_hidden_bin_takes_the_smallest_other_with_it():
    """A single hidden bin could be had from the whole: the smallest of the others goes too."""
    assert hidden(*curve(a=(9, 0.5), b=(30, 0.5), c=(20, 0.5))) == [True, True, False, False, True, True]


def test_hidden_bins_that_are_few_together_take_another():
    """Everybody less the shown bins would be eight members: a third bin is hidden."""
    whole = figure(statistic="realised_frequency", estimate=0.5, n=58, from_wave=1, wave=2)
    found = hidden(*curve(a=(4, 0.5), b=(4, 0.5), c=(20, 0.5), d=(30, 0.5)), whole)
    assert found == [True, True, True, True, True, True, False, False, False]


def outlook(predicted: float, happened: float) -> list[dict[str, object]]:
    """Return the view to the target year of twenty members: predicted, and for one later wave what came of it."""
    later = {"n": 20, "from_wave": 1, "wave": 2, "value": "fall"}
    named = {"happened": happened, "to_come": 0.2, "to_come_of_others": 0.3, "tipping": 0.4, "tipping_apart": 0.1}
    units = {"happened": "share"}
    return [
        figure(statistic="horizon_predicted", estimate=predicted, n=20, value="fall"),
        *(
            figure(**later, statistic=f"horizon_{name}", estimate=estimate, unit=units.get(name, "points"))
            for name, estimate in named.items()
        ),
    ]


def test_what_must_still_happen_goes_with_what_was_predicted():
    """One of twenty said fall: that share is hidden, and everything from which it could be had."""
    assert hidden(*outlook(0.05, 0.5)) == [True, False, True, True, True, True]


def test_what_must_still_happen_goes_with_what_has_happened():
    """It happened to one of twenty: that is hidden, and what is left of the prediction is too."""
    assert hidden(*outlook(0.5, 0.05)) == [False, True, True, True, True, True]


def test_what_was_predicted_and_what_happened_are_parts_of_their_wholes():
    """One of forty fell: the next smallest outcome of that wave goes too; other waves stay."""
    rows = [
        figure(statistic="horizon_happened", value=name, n=40, from_wave=1, wave=wave, estimate=n / 40)
        for wave, parts in ((2, (1, 15, 24)), (3, (10, 10, 20)))
        for name, n in zip(("fall", "same", "rise"), parts, strict=True)
    ]
    assert hidden(*rows) == [True, True, False, False, False, False]


def test_bounds_go_with_the_share_they_are_made_of():
    """Half the share that said fall is the lower bound: where one of twenty said so, neither is told."""
    about = {"n": 20, "from_wave": 1, "wave": 2, "value": "fall"}
    rows = [
        figure(**about, statistic="predicted_share", estimate=0.05),
        figure(**about, statistic="best_case_low", estimate=0.025),
        figure(**about, statistic="best_case_high", estimate=0.525),
    ]
    assert hidden(*rows) == [True, True, True]
    at_base = [row | {"from_wave": None} for row in rows]
    assert hidden(at_base[0] | {"statistic": "horizon_predicted"}, *at_base[1:]) == [True, True, True]


def test_who_said_yes_goes_with_the_answers_it_is_made_of():
    """One of forty said very likely: with yes and fairly likely shown, that one would be told."""
    counts = {"very": 1, "fairly": 9, "not": 30}
    said = [figure(**CLAIMED, statistic="predicted_share", value=name, estimate=n / 40) for name, n in counts.items()]
    yes = figure(**CLAIMED, statistic="predicted_yes_share", value="event", estimate=10 / 40)
    assert hidden(*said, yes) == [True, True, False, True]


def test_an_empty_table_stays_one():
    """No rows in, no rows out, the same columns."""
    assert list(protect(ESTIMATES.empty(), threshold=10)) == ESTIMATES.names


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    """Draw estimates of one domain: levels, changes and from-to rows, some of few members."""
    size = st.integers(0, 40)
    part = st.integers(0, 20).map(lambda count: count / 20)
    rows = []
    for group in ("all", "a", "b", "c"):
        where = {"domain": None if group == "all" else "work", "group": group}
        rows += [figure(**where, wave=wave, n=draw(size), estimate=draw(part), value="1") for wave in (1, 2)]
        rows.append(figure(**where, statistic="change", unit="points", from_wave=1, wave=2, n=draw(size), value="1"))
        count = draw(size)
        rows += [cell(f"1>{to}", draw(part), n=count, **where) for to in (1, 2, 3)]
    return figures(*rows)


@given(table=tables())
@settings(max_examples=40, deadline=None)
def test_protecting_twice_is_protecting_once(table):
    """Nothing more is found in what was protected."""
    once = protect(table, threshold=10)
    pd.testing.assert_frame_equal(protect(once, threshold=10), once)


@given(table=tables(), seed=st.integers(0, 999))
@settings(max_examples=40, deadline=None)
def test_the_order_of_rows_does_not_matter(table, seed):
    """Shuffled rows come out as the same rows, shuffled."""
    shuffled = protect(table.sample(frac=1, random_state=seed), threshold=10)
    pd.testing.assert_frame_equal(shuffled.sort_index(), protect(table, threshold=10))


@given(table=tables())
@settings(max_examples=40, deadline=None)
def test_no_group_can_be_had_by_subtraction(table):
    """Where a group is hidden, another is too, or no group is shown; and the table given is left as it was."""
    kept = table.copy(deep=True)
    out = protect(table, threshold=10)
    pd.testing.assert_frame_equal(table, kept)
    inside = out[out["domain"].notna()]
    for _, rows in inside.groupby(["statistic", "value", "wave"]):
        assert (rows["status"] == "hidden").sum() != 1
    shown = out[out["status"] != "hidden"]
    assert (shown["n"] >= 10).all()
