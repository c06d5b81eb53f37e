from __future__ import annotations

from dataclasses import replace
from html.parser import HTMLParser

from panel.codebook import codebook, codebook_html
from panel.model.instrument import Instrument, Question, Section, Value, Variable
from panel.model.text import Text
from tests.unit.release_factory import study


class Tags(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.words += data


def row(name: str, instrument: str = "2025") -> dict[str, object]:
    """Return the line of the codebook about one variable."""
    table = codebook(study()).set_index(["instrument", "name"])
    return dict(table.loc[(instrument, name)])


def test_every_variable_of_every_version_has_one_row():
    """Seven questions and one derived variable in two versions are sixteen rows, keyed by version and name."""
    table = codebook(study())
    assert len(table) == 16
    assert not table.duplicated(["instrument", "name"]).any()


def test_values_are_listed_in_both_languages():
    """A reader of the table sees every code with its label, in the order of the instrument."""
    assert row("role")["values_nl"] == "1 = Maker; 2 = Uitvoerder"
    assert row("role")["values_en"] == "1 = Creator; 2 = Executor"


def test_a_row_says_how_the_variable_came_about():
    """Route, when it was asked, its waves, and the expression of a derived variable are on record."""
    assert row("profit")["route"] == "emp_class == 1"
    assert row("birth_year")["asked"] == "first"
    assert row("profit", "2027")["waves"] == "2027"
    assert row("profit")["waves"] == "2025, 2026"
    assert row("profit_fell")["derived_from"] == "1 if profit < 0 else 0"
    assert row("own_words")["sensitivity"] == "open_text"
    assert row("expect")["resolves_with"] == "profit (direction, horizon target year)"


def test_an_opinion_is_marked():
    """The table says yes, the page says in its language that it is never shown again; a fact says nothing."""
    opinion = Question(
        key="mood",
        section="s",
        text=Text.plain("How are you?"),
        variable=Variable(name="mood", label=Text.plain("Mood"), kind="whole"),
        column="mood",
        is_opinion=True,
    )
    fact = replace(opinion, key="age", variable=replace(opinion.variable, name="age"), is_opinion=False)
    made = replace(study(), instruments=(Instrument(version="2025", sections=(), questions=(opinion, fact)),))
    assert codebook(made)["is_opinion"].tolist() == ["yes", ""]
    assert codebook_html(made, "en").count("never shown to a member again") == 1
    assert codebook_html(made, "nl").count("nooit opnieuw getoond") == 1


def test_the_page_is_in_the_language_asked_for():
    """The Dutch page says so in its lang attribute and shows Dutch labels, the English one English labels."""
    dutch, english = codebook_html(study(), "nl"), codebook_html(study(), "en")
    assert '<html lang="nl">' in dutch
    assert "Uitvoerder" in dutch
    assert "Executor" not in dutch
    assert '<html lang="en">' in english
    assert "Executor" in english


def test_the_page_has_no_script_and_loads_nothing():
    """The page works offline: no script, no image, no link out of itself."""
    page = Tags(codebook_html(study(), "en"))
    assert not {"script", "img", "link", "iframe", "object"} & set(page.tags)
    assert all((value or "").startswith("#") for name, value in page.attributes if name in ("href", "src"))


def test_the_contents_lead_to_every_section():
    """Each line of the table of contents points at a heading that is there, and no heading repeats its id."""
    page = Tags(codebook_html(study(), "en"))
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(ids) == len(set(ids))
    assert {(value or "")[1:] for name, value in page.attributes if name == "href"} <= set(ids)


def test_hostile_text_stays_text():
    """A label with markup in it is shown as it is written and adds no tag."""
    bad = Variable(
        name="x",
        label=Text.plain("<script>alert(1)</script>"),
        kind="single",
        values=(Value(1, Text.plain("<b>x</b>")),),
    )
    question = Question(key="x", section="<s>", text=Text.plain('"><img src=x>'), variable=bad, column="x")
    instrument = Instrument(
        version="v", sections=(Section(key="<s>", label=Text.plain("<i>s</i>")),), questions=(question,)
    )
    page = Tags(codebook_html(study(instruments=(instrument,)), "en"))
    assert not {"script", "img", "b", "i"} & set(page.tags)
    assert "<script>alert(1)</script>" in page.words
