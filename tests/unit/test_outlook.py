"""Predictions on the page of a release: in words, with charts, and their data beside them."""

import altair as alt
import pandas as pd
import pytest

from panel.publish.figures import Reader
from panel.publish.outlook import in_order, newest, outlook
from panel.publish.outlook_charts import outlook_charts, outlook_specification, outlook_svg
from panel.publish.outlook_words import MEASURES, OUTLOOK_WORDS
from tests.unit import release_factory as given

NL, EN = (Reader(study=given.study(), language=language) for language in ("nl", "en"))


def test_both_languages_have_every_word():
    """No key is left untranslated, and every measure has words."""
    assert set(OUTLOOK_WORDS["nl"]) == set(OUTLOOK_WORDS["en"])
    assert set(MEASURES) <= set(OUTLOOK_WORDS["en"])


def test_who_was_right_is_told_by_group():
    """Everybody first, then the groups of the main division; a hidden share has no width and no figure."""
    first, own = outlook(given.predictions(), EN)["right"]
    assert [(each["kind"], each["figure"], each["width"]) for each in first["cells"]] == [
        ("right", "45.0 %", 45), ("too_gloomy", "36.0 %", 36), ("too_hopeful", "19.0 %", 19),
    ]  # fmt: skip
    assert (first["group"], own["group"], first["from"], first["to"]) == ("everybody", "Self-employed", "2025", "2027")
    assert {(each["figure"], each["width"]) for each in own["cells"]} == {("not shown: too few members", 0)}


def test_everybody_comes_first_whatever_the_order_of_rows():
    """A released table is sorted by key, groups before everybody: the page turns that round."""
    shuffled = given.predictions().sort_values(["domain", "group", "statistic"], na_position="last")
    turned = in_order(shuffled, given.study())
    assert [row["group"] for row in outlook(turned, EN)["right"]] == ["everybody", "Self-employed"]


def test_answers_and_outcomes_stand_in_rising_order():
    """Codes as the question lists them, then chances and directions by size, whatever the alphabet makes of them."""
    about = {"indicator": "expect", "statistic": "predicted_share", "from_wave": 1, "wave": 3}
    said = ["100", "20-40", "0", "unclear", "rise", "same", "fall", "2", "1"]
    rows = given.figures(*(given.figure(**about, value=each) for each in said))
    found = in_order(rows, given.study())["value"].tolist()
    assert [each for each in found if each in ("1", "2")] == ["1", "2"]
    assert [each for each in found if each not in ("1", "2")] == [
        "0",
        "20-40",
        "100",
        "fall",
        "same",
        "rise",
        "unclear",
    ]


def test_the_way_to_the_target_year_is_a_sentence():
    """What was predicted, how it stands, what must follow, and that nothing the unseen met would overturn it."""
    ((line,),) = ([*each["lines"]] for each in outlook(given.predictions(), EN)["years"])
    assert line == (
        "In 2025 65.0 % said: fall. In 2027 it stands so for 41.0 % (35.0 to 47.0 %); another 24.0 points must follow. "
        "30.0 % were not seen; nothing that befell them would make the prediction just right."
    )


def changed(**given_values) -> pd.DataFrame:
    """Return the predictions with other numbers in a row of the view to the target year, by statistic."""
    table = given.predictions()
    for statistic, values in given_values.items():
        for column, value in values.items():
            table.loc[table["statistic"] == statistic, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (changed(horizon_to_come={"low": -0.1, "high": 0.1}), "within chance of what was predicted"),
        (changed(horizon_to_come={"low": -0.3, "high": -0.1}), "more than were predicted"),
        (changed(horizon_tipping={"estimate": 0.4}), "just right if it were so for 40.0 % of them"),
    ],
)
def test_the_sentence_follows_the_figures(table, said):
    """Chance is allowed for in what is called more, and what would be needed of the unseen is told where it can be."""
    ((line,),) = ([*each["lines"]] for each in outlook(table, EN)["years"])
    assert said in line


def test_after_the_target_year_nothing_must_follow():
    """In the year itself fewer than predicted is fewer, not something still to come."""
    over = Reader(study=given.study(horizon_years=2), language="en")
    ((line,),) = ([*each["lines"]] for each in outlook(given.predictions(), over)["years"])
    assert "In 2027 it was so for 41.0 % (35.0 to 47.0 %), fewer than were predicted." in line


def test_a_hidden_figure_makes_no_sentence():
    """Where what happened is hidden, nothing is said of it in words either."""
    table = given.predictions()
    hidden = table["statistic"] == "horizon_happened"
    table.loc[hidden, ["estimate", "low", "high", "n"]] = None
    table.loc[hidden, "status"] = "hidden"
    (only,) = outlook(table, EN)["years"]
    assert only["lines"] == []
    assert only["parts"][0]["rows"][0]["happened"]["figure"] == "not shown: too few members"


def test_what_happened_to_those_who_said_so_reads_as_a_table():
    """Of those who said fall, 45 % fell: by the words of the page, in Dutch too."""
    (table,) = outlook(given.predictions(), NL)["given"]
    assert (table["columns"], table["rows"][0]["label"]) == (["gedaald"], "daling")
    assert table["rows"][0]["cells"][0]["figure"] == "45,0 %"


def test_the_newest_reading_is_made_as_early_as_there_is():
    """Of readings in 2027 made in 2025 and in 2026 the page takes the first; one of 2026 is older."""
    rows = given.figures(
        *(
            given.figure(indicator="expect", statistic="predicted_share", value="fall", from_wave=first, wave=last)
            for first, last in ((1, 2), (2, 3), (1, 3))
        )
    )
    assert newest(rows)[["from_wave", "wave"]].to_numpy().tolist() == [[1, 3]]


@pytest.mark.parametrize("reader", [NL, EN], ids=["nl", "en"])
def test_charts_are_vega_lite_with_their_data_as_a_table(reader):
    """Both charts are valid, carry each point once, and their table has the figures of the picture."""
    found = list(outlook_charts(given.predictions(), reader, ["SYNTHETIC"]))
    assert [chart.key for chart in found] == ["predicted-and-happened", "reliability"]
    for chart in found:
        drawn = outlook_specification(chart, reader)
        alt.Chart.from_dict(drawn, validate=True)
        assert len(drawn["datasets"]["points"]) == len(chart.rows) == len(chart.points)
        assert "SYNTHETIC" in drawn["title"]["subtitle"]
        assert all(len(row) == len(chart.columns) for row in chart.rows)
    compared, reliability = found
    assert compared.points[["said", "came"]].to_numpy().tolist() == [[0.65, 0.41]]
    assert reliability.points["outcome"].tolist() == ["0-20 %", "50 %", "80-100 %"]


def test_a_hidden_point_is_neither_drawn_nor_told():
    """A bin that is hidden has no number in the picture, and "not shown" in its table."""
    reliability = list(outlook_charts(given.predictions(), EN, []))[1]
    hidden = outlook_specification(reliability, EN)["datasets"]["points"][2]
    assert [hidden[name] for name in ("said", "came", "low", "high")] == [None] * 4
    assert reliability.rows[2][2:4] == ("not shown: too few members",) * 2


def test_a_chart_speaks_and_loads_nothing():
    """The SVG is an image with a label, and has no outside address."""
    for chart in outlook_charts(given.predictions(), NL, []):
        drawn = outlook_svg(chart, NL)
        assert drawn.startswith('<svg role="img" aria-label="')
        assert 'href="http' not in drawn


def test_without_predictions_there_is_nothing_to_draw():
    """A study that asks for none, or a first wave, has no chart and an empty outlook."""
    nothing = given.predictions().iloc[:0]
    assert list(outlook_charts(nothing, EN, [])) == []
    found = outlook(nothing, EN)
    assert [found[name] for name in ("right", "years", "given", "measures", "pairs")] == [[]] * 5
