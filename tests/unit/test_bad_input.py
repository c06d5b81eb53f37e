"""Input that no figure can be made of: every verb and every command answers with a sentence, never with a NaN."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import panel.analysis
from panel.analysis import Panel, Term
from panel.cli import change
from panel.cli.main import run
from panel.errors import EstimateError, PanelError
from panel.estimate import report
from panel.model.study import Indicator
from tests.unit.held_panel import STUDY, members, panel_of, person_waves

PAIR = (1, 2)
ROWS = members(80, 8)


def _frame(**changed: Any) -> pd.DataFrame:
    return person_waves([row | changed for row in ROWS])


def _weighted(factor: Callable[[pd.DataFrame], Any]) -> Panel:
    whole = panel_of(_frame())
    weights = whole.release.weights
    return panel_of(_frame(), weights=weights.assign(weight=factor(weights)))


def _apart() -> Panel:
    rows = [row | ({"member": row["member"] + "-other"} if row["wave"] == 2 else {}) for row in ROWS if row["wave"] < 3]
    return panel_of(person_waves(rows))


CASES: dict[str, Callable[[], Panel]] = {
    "a subpopulation nobody is in": lambda: panel_of(_frame()).where(emp_class=3),
    "no group that anybody is in": lambda: panel_of(_frame()).where(emp_class=3).by("work"),
    "a single PSU": lambda: panel_of(_frame(psu="one")),
    "no income": lambda: panel_of(_frame(profit=None)),
    "no income in one wave": lambda: panel_of(
        person_waves([row | ({"profit": None} if row["wave"] == 2 else {}) for row in ROWS])
    ),
    "no answers": lambda: panel_of(_frame(role=None)),
    "weights of zero": lambda: _weighted(lambda _: 0.0),
    "weights of zero in one wave": lambda: _weighted(lambda own: own["weight"].where(own["wave"] != 2, 0.0)),
    "waves nobody shares": _apart,
    "a wave that was never fielded": lambda: panel_of(person_waves([row for row in ROWS if row["wave"] != 2])),
}
SIDES = ("self", "staff")
TERMS = {str(wave): Term(variable="profit", wave=wave) for wave in PAIR}
AMOUNT = {
    "mean": lambda people: people.mean("profit", wave=2),
    "median": lambda people: people.median("profit", wave=2),
    "inequality": lambda people: people.inequality("profit", waves=PAIR),
    "change": lambda people: people.change("profit", waves=PAIR),
    "change of everybody": lambda people: _crossed(people).change("profit", waves=PAIR),
    "change with a fixed overlap": lambda people: _crossed(people).change(
        "profit", waves=PAIR, variance="fixed-overlap"
    ),
    "change by replicates": lambda people: _crossed(people).change(
        "profit", waves=PAIR, variance="rao-wu", replicates=20
    ),
    "quantile by replicates": lambda people: people.quantile("profit", waves=PAIR, variance="rao-wu", replicates=20),
    "year on year": lambda people: people.year_on_year("profit"),
    "year on year of everybody": lambda people: _crossed(people).year_on_year("profit"),
    "balanced": lambda people: people.balanced("profit", waves=PAIR),
    "composite": lambda people: people.composite("profit", waves=PAIR),
    "chained": lambda people: people.chained("profit", waves=PAIR),
    "dynamics": lambda people: people.dynamics("profit", waves=PAIR, in_real_terms=False),
    "decomposition": lambda people: people.decomposition("profit", waves=PAIR),
    "gap": lambda people: _divided(people).gap("profit", groups=("self", "staff"), waves=PAIR),
    "quantile": lambda people: people.quantile("profit", waves=PAIR),
    "individual": lambda people: people.individual("profit", waves=PAIR),
    "thresholds": lambda people: people.thresholds("profit", waves=PAIR, beyond=0.05),
    "ranks": lambda people: people.ranks("profit", waves=PAIR),
    "contrast": lambda people: people.contrast(lambda v: v[1] - v[0], TERMS, name="rise"),
    "event-study": lambda people: _divided(people).event_study("profit", groups=SIDES, waves=PAIR),
    "event-study of everybody": lambda people: _divided(people).event_study(
        "profit", groups=SIDES, waves=PAIR, member_effects=False
    ),
    "regression": lambda people: replace(people, division=None).regression("profit", waves=PAIR),
    "regression of everybody": lambda people: people.regression("profit", waves=PAIR, member_effects=False),
    "leavers": lambda people: people.leavers("profit", waves=PAIR),
    "bounds": lambda people: people.bounds("profit", waves=PAIR, low=0, high=100_000),
    "bounds by drift": lambda people: people.bounds("profit", waves=PAIR, drift=(-0.1, 0.1)),
}
ANSWER = {
    "share": lambda people: people.share("role", codes=[1], wave=2),
    "balance": lambda people: people.balance("role", positive=[1], negative=[2], wave=2),
    "transitions": lambda people: people.transitions("role", waves=PAIR),
    "mobility": lambda people: people.mobility("role", waves=PAIR),
    "flows": lambda people: people.flows("role", waves=PAIR),
    "independence": lambda people: people.independence("role", waves=PAIR),
    "corrected": lambda people: people.corrected("role", waves=PAIR, slips=0.01),
    "pooled": lambda people: people.pooled("role"),
    "repeated": lambda people: people.repeated("role", waves=(1, 3)),
    "hazards": lambda people: people.hazards("role", source=1, target=2),
    "hazard-model": lambda people: people.hazard_model("role", source=1, target=2, covariates=["work"]),
    "leavers of a share": lambda people: people.leavers("role", codes=[1], waves=PAIR),
    "bounds of a share": lambda people: people.bounds("role", codes=[1], waves=PAIR),
}
PRESENCE = {
    "response": lambda people: people.response(waves=PAIR),
    "representativity": lambda people: replace(people, division=None).representativity(waves=PAIR),
    "leaving": lambda people: replace(people, division=None).leaving(waves=PAIR),
}
VERBS = AMOUNT | ANSWER | PRESENCE
REFUSED: dict[str, tuple[set[str], str]] = {  # which verbs must refuse, and what they must name
    "a subpopulation nobody is in": (set(VERBS), "profit|role|wave 1"),
    "no group that anybody is in": (set(VERBS), "profit|role|wave 1"),
    "a single PSU": (set(VERBS), "Stratum 's' has a single PSU"),
    "no income": (set(AMOUNT), "profit"),
    "no income in one wave": (set(AMOUNT) - {"leavers"}, "profit"),
    "no answers": (set(ANSWER), "role"),
    "weights of zero": (set(VERBS), "weight|profit|role"),
    "weights of zero in one wave": (
        set(VERBS) - set(PRESENCE) - {"pooled", "hazards", "hazard-model", "leavers", "leavers of a share"}
        - {"bounds", "bounds by drift", "bounds of a share", "year on year"},
        "profit|role|weight",
    ),
    "waves nobody shares": (
        set(VERBS) - {"mean", "median", "share", "inequality", "change of everybody", "response"}
        - {"quantile", "balance", "contrast", "change by replicates", "quantile by replicates"}
        - {"year on year of everybody", "event-study of everybody", "regression of everybody"},
        "1-2|1 and 2|wave 2|1 years apart|wave '2027'",
    ),
    "a wave that was never fielded": (set(VERBS), "wave '2026'|1 years apart|between 1 and 3"),
}  # fmt: skip


def _crossed(people: Panel) -> Panel:
    return replace(people, weight="cross-sectional")


def _divided(people: Panel) -> Panel:
    return people if people.division else people.by("work")


@cache
def case(name: str) -> Panel:
    """Return the panel of a case, made once."""
    return CASES[name]()


def numbers_of(table: pd.DataFrame) -> np.ndarray:
    """Return the estimates that are shown, as floats."""
    return table.loc[table["status"] != "hidden", "estimate"].to_numpy(dtype=float, na_value=np.nan)


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("name", CASES)
def test_a_verb_answers_with_figures_or_a_sentence(name, verb):
    """Whatever cannot be told is an error that names it; whatever can is a number."""
    refusing, said = REFUSED[name]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if verb in refusing:
            with pytest.raises(PanelError, match=said) as caught:
                VERBS[verb](case(name))
            assert re.search(r"nan\b", str(caught.value), re.IGNORECASE) is None
            return
        found = VERBS[verb](case(name))
    assert len(found)
    assert np.isfinite(numbers_of(found)).all()


def reported(people: Panel) -> pd.DataFrame:
    """Return what a study publishes about the profit, the role and the class of its members."""
    asked = tuple(
        Indicator(key=f"profit_{each}", label=STUDY.title, variable="profit", statistic=each)
        for each in ("mean", "median", "gini")
    )
    study, release = replace(STUDY, indicators=(*STUDY.indicators, *asked)), people.release
    return report(study, release.table("person_waves"), release.table("tracking"), release.weights, wave=3)


@pytest.mark.parametrize("name", CASES)
def test_the_report_has_no_figure_that_is_none(name):
    """What a study publishes leaves out what cannot be told, or says why there is nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        if name == "a single PSU":
            with pytest.raises(EstimateError, match="single PSU"):
                reported(case(name))
            return
        found = reported(case(name))
    assert np.isfinite(numbers_of(found)).all()
    assert ("profit_mean" in set(found["indicator"])) == (name not in ("no income", "weights of zero"))


COMMANDS = {
    "change": ["-v", "profit"],
    "change with a fixed overlap": ["-v", "profit", "--everybody", "--variance", "fixed-overlap"],
    "change by replicates": ["-v", "profit", "--everybody", "--variance", "rao-wu", "--replicates", "20"],
    "quantile by replicates": ["-v", "profit", "--variance", "rao-wu", "--replicates", "20"],
    "balanced": ["-v", "profit"],
    "composite": ["-v", "profit"],
    "chained": ["-v", "profit"],
    "decomposition": ["-v", "profit"],
    "dynamics": ["-v", "profit", "--nominal"],
    "gap": ["-v", "profit", "--by", "work", "-g", "self", "-g", "staff"],
    "mobility": ["-v", "role"],
    "flows": ["-v", "role"],
    "independence": ["-v", "role"],
    "quantile": ["-v", "profit"],
    "inequality": ["-v", "profit"],
    "individual": ["-v", "profit"],
    "thresholds": ["-v", "profit", "--beyond", "0.05"],
    "ranks": ["-v", "profit"],
    "corrected": ["-v", "role", "--slips", "0.01"],
    "balance": ["-v", "role", "--positive", "1", "--negative", "2"],
    "attrition": ["--show", "response"],
    "attrition of whom": ["--show", "representativity"],
    "attrition by what": ["--show", "leaving"],
    "attrition of leavers": ["--show", "leavers", "-v", "profit"],
    "attrition in bounds": ["--show", "bounds", "-v", "profit", "--low", "0", "--high", "1"],
}
BAD = {"a single PSU": "single PSU", "weights of zero": "weight", "a wave that was never fielded": "2026"}


STEPS = {
    "pooled": ["-v", "role"],
    "hazards": ["-v", "role", "--source", "1", "--target", "2"],
    "hazard-model": ["-v", "role", "--source", "1", "--target", "2", "-c", "work"],
    "event-study": ["-v", "profit", "--by", "work", "-g", "self", "-g", "staff", "-w", "2025", "-w", "2026"],
    "event-study of everybody": [
        "-v", "profit", "--by", "work", "-g", "self", "-g", "staff", "-w", "2025", "-w", "2026", "--everybody"
    ],
    "regression": ["-v", "profit", "-w", "2025", "-w", "2026"],
}  # fmt: skip
"""Commands that are not about two waves, --from one --to the other."""


@pytest.mark.parametrize("command", [*COMMANDS, *STEPS])
@pytest.mark.parametrize("name", BAD)
def test_a_command_ends_in_a_sentence_and_21(monkeypatch, capsys, name, command):
    """The command says what the verb says, prints no figure, and exits as an estimate that cannot be made."""
    people = case(name)
    store = SimpleNamespace(release=lambda *_: SimpleNamespace(panel=lambda: people, study=STUDY))
    monkeypatch.setattr(panel.analysis, "Connection", lambda _: store)
    for module in (change, panel.cli.figures):
        monkeypatch.setattr(module, "connect", lambda: SimpleNamespace(store=None))
    asked = STEPS.get(command) or [*COMMANDS[command], "--from", "2025", "--to", "2026"]
    assert run([command.split()[0], "small", *asked]) == 21
    told = capsys.readouterr()
    assert told.out == ""
    assert re.search(f"{BAD[name]}|profit|role|years apart", told.err)
    assert "Traceback" not in told.err
