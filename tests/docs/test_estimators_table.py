"""The table of estimators is true: verbs, commands, functions and tests are there, and both languages tell of each."""

import importlib
import re
from pathlib import Path

import pytest

from panel.analysis import Panel
from tests.docs.test_reference import commands

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "estimation.md").read_text("utf-8")
MEANING = (ROOT / "docs" / "explanation" / "what-the-figures-mean.md").read_text("utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if re.match(r"\| (E\d+|own) \|", line)
]
NOT_OFFERED = re.findall(r"E\d+", PAGE.partition("Not offered: ")[2].partition("\n\n")[0])


def test_every_estimator_is_in_the_table_or_said_to_be_missing():
    """E1 to E25, E34 and E36 have a row each, in order; what has none is named below."""
    listed = [row[0] for row in ROWS if row[0] != "own"]
    assert listed == sorted(listed, key=lambda name: int(name[1:]))
    wanted = {f"E{number}" for number in (*range(1, 26), 34, 36)}
    assert wanted - set(listed) <= set(NOT_OFFERED)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_a_row_names_is_there(row):
    """Verbs of the panel, commands, the function that computes it and the test that holds it."""
    asked, computed, held = (re.findall(r"`([^`]+)`", cell) for cell in row[2:5])
    assert asked
    for name in asked:
        if name.startswith("panelctl"):
            assert name in commands()
        else:
            assert callable(getattr(Panel, name))
    for name in computed:
        module, _, function = name.partition(".")
        assert callable(getattr(importlib.import_module(f"panel.estimate.{module}"), function))
    for name in held:
        module, _, test = name.partition("::")
        found = importlib.import_module(f"tests.unit.{module}")
        assert hasattr(found, test or "__doc__")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_both_languages_tell_what_it_means(row):
    """The paragraph of a figure is on the page, English before the Dutch half and Dutch in it."""
    english, dutch = (name.strip() for name in row[5].split(", **"))
    upper, lower = MEANING.split("# Wat de cijfers betekenen")
    assert english in upper
    assert f"**{dutch}" in lower


def test_the_caveats_are_told_in_both_languages():
    """Self-reports, opt-in samples and model-assisted intervals are explained on each half of the page."""
    upper, lower = MEANING.split("# Wat de cijfers betekenen")
    assert all(word in upper for word in ("model-assisted", "opt-in", "what people said"))
    assert all(word in lower for word in ("modelgesteund", "aanmelders", "wat mensen opgaven"))
