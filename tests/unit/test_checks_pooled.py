"""Checks that are judged together: each keeps its verdict, its rows and its state."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panel.checks import run
from panel.checks.entries import Entry, at_most, holding

ROWS = pd.DataFrame({"member": ["a", "b", "c", "d"], "wave": [2, 2, 2, 2]})
COLUMNS = {
    "one": np.array([1.0, 0.0, np.nan, 1.0]),
    "two": np.array([1.0, 1.0, 1.0, 1.0]),
    "three": np.array([0.0, np.nan, np.nan, 0.0]),
}
ANSWERS = [holding(name, f"holds:{name}") for name in COLUMNS]


def judged(entries: list[Entry], **facts: float) -> dict[str, tuple[object, ...]]:
    """Return state, rows with a say and failing keys of every entry."""
    table = pd.DataFrame({"member": ["all"], "wave": [2], **{name: [each] for name, each in facts.items()}})
    verdicts = run.judge({"rows": ROWS, "facts": table}, entries, COLUMNS)
    return {each.check: (each.state, each.checked_count, each.failing) for each in verdicts}


def test_every_check_keeps_its_own_rows():
    """Each check names its failing rows and how many it had a say about, whatever else failed there."""
    assert judged(ANSWERS) == {
        "one": ("failed", 3, (("b", 2),)),
        "two": ("passed", 4, ()),
        "three": ("failed", 2, (("a", 2), ("d", 2))),
    }


def test_a_fact_is_held_against_both_its_bounds():
    """A fact on its bound passes, one beyond either fails, and one that could not be told never passes."""
    low = Entry(id="low", expectation="expect_column_max_to_be_between", table="facts",
                arguments={"column": "share", "min_value": 0.5})  # fmt: skip
    unknown = at_most("unknown", "nothing", 1.0)
    entries = [at_most("edge", "share", 0.25), at_most("over", "share", 0.2), low, unknown]
    states = {check: state for check, (state, *_) in judged(entries, share=0.25, nothing=float("nan")).items()}
    assert states == {"edge": "passed", "over": "failed", "low": "failed", "unknown": "failed"}


def test_a_table_that_came_back_short_breaks_its_checks(monkeypatch):
    """When Great Expectations judged fewer rows than it was given, none of the checks passed: all are broken."""
    real = run._Batches.validate
    monkeypatch.setattr(run._Batches, "validate", lambda self, frame, *rest: real(self, frame.iloc[:-1], *rest))
    entries = [*ANSWERS, at_most("edge", "share", 0.25)]
    assert {state for state, *_ in judged(entries, share=0.25).values()} == {"broken"}
