"""A panel of a release made by hand, or of R's small panel, to ask the analyst's questions of."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from panel.analysis import Panel, Weight
from panel.estimate import Figure, to_frame
from panel.model.instrument import Instrument, Question, Section, Value, Variable
from panel.model.study import Domain, Group, Period, Study, Wave
from panel.schema import PERSON_WAVES, WEIGHTS
from tests.unit import release_factory
from tests.unit.held_panel import HeldRelease
from tests.unit.oracle_samples import data
from tests.unit.release_factory import both

STATUS = {"zzp": 1, "employee": 2, "hybrid": 3}
ROLES = {"creator": 1, "mixed": 2, "executor": 3}


def coded(name: str, codes: dict[str, int]) -> Variable:
    """Return a coded variable."""
    values = tuple(Value(code, both(key, key)) for key, code in codes.items())
    return Variable(name=name, label=both(name, name), kind="single", values=values)


VARIABLES = (
    coded("emp_class", STATUS),
    coded("role", ROLES),
    Variable(name="profit", label=both("Winst", "Profit"), kind="money", unit="EUR", concept="income"),
)


def study(years: tuple[int, ...] = (2025, 2026, 2027, 2028), **overrides: Any) -> Study:
    """Return a study with a wave in each of these years, about class of worker, role and profit."""
    questions = tuple(
        Question(key=each.name, section="B", text=each.label, variable=each, column=each.name) for each in VARIABLES
    )
    instrument = Instrument(
        version="2025", sections=(Section(key="B", label=both("B", "B")),), questions=questions, derived=()
    )
    groups = tuple(Group(key=key, label=both(key, key), codes=(code,)) for key, code in STATUS.items())
    waves = tuple(
        Wave(
            number=number,
            key=str(year),
            fieldwork=Period(start=date(year, 10, 1), end=date(year, 11, 30)),
            reference=Period(start=date(year, 1, 1), end=date(year, 12, 31)),
            instrument="2025",
        )
        for number, year in enumerate(years, start=1)
    )
    made = release_factory.study(
        waves=waves,
        instruments=(instrument,),
        domains=(Domain(key="work", label=both("Werk", "Work"), variable="emp_class", groups=groups),),
        indicators=(),
        transitions=(),
    )
    return replace(made, **overrides)


class Open(Panel):
    """A panel that hides nothing, to count figures of a few members by hand."""

    def _protected(self, figures: list[Figure], *_: Any) -> pd.DataFrame:
        return to_frame(figures)

    def _hide(self, table: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:  # noqa: ARG002 - as the panel's own
        return table


def opened(people: Panel) -> Open:
    """Return the same panel, hiding nothing."""
    return Open(people.release, people.weight, people.division, people.conditions)


def people_of(frame: pd.DataFrame, made: Study | None = None, *, weight: Weight = "longitudinal") -> Panel:
    """
    Return the panel of these person-waves: member, wave, emp_class, role, profit, weight, stratum, psu.

    Every two waves that share members have a longitudinal weight, and all waves together: that of the first of them.
    """
    whole = made or study()
    text = frame.astype({"member": "str", "stratum": "str", "psu": "str"})
    kept = [text[["member", "wave", "weight"]].assign(kind="cross-sectional", waves=text["wave"].astype("str"))]
    numbers = sorted(map(int, text["wave"].unique()))
    sets = {(first, second) for first in numbers for second in numbers if first < second}
    for waves in sorted(sets | ({tuple(numbers)} if len(numbers) > 1 else set())):
        answered = text[text["wave"].isin(waves)].groupby("member")["wave"].nunique()
        there = answered.index[answered == len(waves)]
        own = text[(text["wave"] == waves[0]) & text["member"].isin(there)][["member", "weight"]]
        kept.append(own.assign(kind="longitudinal", waves="-".join(map(str, waves)), wave=waves[-1]))
    weights = WEIGHTS.coerce(pd.concat(kept, ignore_index=True).assign(design_weight=0.0))
    panel = PERSON_WAVES.coerce(text.drop(columns="weight").assign(cohort=1), whole.variables)
    return Panel(HeldRelease(whole, {"person_waves": panel, "weights": weights}), weight)


def small(*, weight: Weight = "longitudinal", threshold: int = 1, only_steps: bool = False) -> Panel:
    """
    Return R's small panel (oracles o05, o07, o08): four years, 2,557 members, weights of the year.

    With `only_steps` those who never answered two waves in a row are no part of the sample, as in R's table of moves:
    ours counts their PSUs with zero, which is right, and differs by a factor n / (n - 1).
    """
    raw = data("panel_small")
    if only_steps:
        later = raw[["id", "wave"]].assign(wave=raw["wave"] - 1)
        raw = raw[raw["id"].isin(raw.merge(later, on=["id", "wave"])["id"])]
    frame = raw.assign(
        emp_class=raw["status"].map(STATUS), role=raw["role"].map(ROLES), profit=raw["income"], member=raw["id"],
        weight=raw["w"], psu=raw["hh"],
    )  # fmt: skip
    columns = ["member", "wave", "emp_class", "role", "profit", "weight", "stratum", "psu"]
    return people_of(frame[columns], study(disclosure_threshold=threshold), weight=weight)


def row(table: pd.DataFrame, statistic: str, **where: Any) -> pd.Series:
    """Return the one figure of a statistic with these values in its columns; "all" is the group where none is told."""
    found = table[table["statistic"] == statistic]
    for name, value in ({"group": "all"} | where).items():
        found = found[found[name] == value]
    assert len(found) == 1, f"{statistic} {where}: {len(found)} figures"
    return found.iloc[0]
