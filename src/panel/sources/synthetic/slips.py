"""The slips people and platforms make, each written down as it is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.random import Generator

from panel.model.instrument import Instrument, SumGroup, Variable
from panel.model.study import Study
from panel.sources.synthetic.plan import Plan

_WORTH_A_SLIP = 5_000  # of smaller amounts a twelfth or a thousandth would be no unit error that anybody makes


class Ledger:
    """Every slip that is in a delivery: wave, member as in the file, kind, variable."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, str, str, str]] = []

    def add(self, wave: int, member: str, kind: str, variable: str = "") -> None:
        """Write down one slip."""
        self._rows.append((wave, member, kind, variable))

    def add_all(self, wave: int, members: Iterable[str], kind: str, variable: str = "") -> None:
        """Write down one slip of several members."""
        for member in members:
            self.add(wave, member, kind, variable)

    def frame(self) -> pd.DataFrame:
        """Return the ledger, one row a slip."""
        return pd.DataFrame(self._rows, columns=["wave", "member", "kind", "variable"])


@dataclass(frozen=True, slots=True)
class Slip:
    """A wrong value in one cell; `named` is what the ledger says, a variable or a sum group."""

    place: int
    kind: str
    variable: str
    named: str


class Entered:
    """What people enter: their answers, but for slips. A cell slips once at most, and only where it is heard."""

    def __init__(self, said: pd.DataFrame, heard: Mapping[str, np.ndarray], plan: Plan, draw: Generator) -> None:
        self.answers = said.copy()
        self.slips: list[Slip] = []
        self._heard, self._plan, self._draw = heard, plan, draw
        self._taken: set[tuple[int, str]] = set()

    def hits(self, kind: str) -> np.ndarray:
        """Return the places that a kind of slip strikes, at the rate of the plan."""
        return np.flatnonzero(self._draw.random(len(self.answers)) < self._plan.errors.get(kind, 0.0))

    def change(self, place: int, kind: str, variable: Variable, value: object, named: str = "") -> None:
        """Enter `value` instead, where there is an answer, within the range of the instrument and different."""
        name = variable.name
        true = self.answers.at[place, name]
        free = self._heard[name][place] and (place, name) not in self._taken
        if free and true is not None and value != true and _within(variable, float(value)):  # type: ignore[arg-type]
            self.answers.at[place, name] = value
            self._taken.add((place, name))
            self.slips.append(Slip(place, kind, name, named or name))

    def hears_all(self, place: int, names: Iterable[str]) -> bool:
        """Say whether every one of `names` is answered by a person."""
        return all(self._heard[name][place] for name in names)


def enter(
    said: pd.DataFrame, heard: Mapping[str, np.ndarray], plan: Plan, instrument: Instrument, draw: Generator
) -> Entered:
    """
    Return what people enter, with slips of unit, sum and year at the rates of the plan.

    Args:
        said: what everybody would answer, one column a variable. Not modified.
        heard: for each variable, who is asked it in this wave and is not silent; routes come later.
        plan: rates, and which variables are amounts and multiples of one.
        instrument: ranges and sum groups.
        draw: the generator of slips of this wave.
    """
    entered = Entered(said, heard, plan, draw)
    for name, shape in plan.draws.items():
        if name in said and shape["kind"] == "amount":
            _unit(entered, instrument.variable(name), "month_for_year", 12)
            _unit(entered, instrument.variable(name), "in_thousands", 1_000)
        if name in said and shape["kind"] == "multiple" and shape["of"] in said:
            other = instrument.variable(shape["of"])
            for place in entered.hits("turnover_as_profit"):
                entered.change(place, "turnover_as_profit", other, said.at[place, name])
    for group in instrument.sum_groups:
        _sum(entered, group, instrument)
    for question in instrument.questions:
        if question.variable.is_immutable and question.variable.is_numeric:
            _year(entered, question.variable)
    return entered


def _within(variable: Variable, value: float) -> bool:
    low = -np.inf if variable.minimum is None else variable.minimum
    return bool(low <= value <= (np.inf if variable.maximum is None else variable.maximum))


def _unit(entered: Entered, variable: Variable, kind: str, divisor: int) -> None:
    for place in entered.hits(kind):
        value = entered.answers.at[place, variable.name]
        if value is not None and value >= _WORTH_A_SLIP:
            entered.change(place, kind, variable, float(round(value / divisor)))


def _sum(entered: Entered, group: SumGroup, instrument: Instrument) -> None:
    """Let the smallest part be ten too high, so that it stays within its range."""
    for place in entered.hits("composition_sum"):
        parts = entered.answers.loc[place, list(group.members)]
        if entered.hears_all(place, group.members):
            smallest = min(group.members, key=lambda name: parts[name])
            wrong = parts[smallest] + group.tolerance + 10
            entered.change(place, "composition_sum", instrument.variable(smallest), int(wrong), group.key)


def _year(entered: Entered, variable: Variable) -> None:
    """Let the tens of a fact be one off."""
    for place in entered.hits("birth_year"):
        true = entered.answers.at[place, variable.name]
        off = -10 if true is not None and _within(variable, true - 10) else 10
        entered.change(place, "birth_year", variable, None if true is None else true + off)


def exchanged(ids: np.ndarray, plan: Plan, draw: Generator, ledger: Ledger, wave: int) -> np.ndarray:
    """Return ids as the file shows them: some pairs of members have each other's."""
    shown = ids.copy()
    hit = np.flatnonzero(draw.random(len(ids)) < plan.errors.get("swapped_ids", 0.0))
    hit = hit[: len(hit) // 2 * 2]
    shown[hit] = ids[hit].reshape(-1, 2)[:, ::-1].ravel()
    ledger.add_all(wave, shown[hit], "swapped_ids")
    return shown


def repeat_some(
    table: pd.DataFrame, study: Study, plan: Plan, draw: Generator, ledger: Ledger, wave: int
) -> pd.DataFrame:
    """Return the delivery with some rows sent twice as they are, and some sent again later with other amounts."""
    twice = table.iloc[np.flatnonzero(draw.random(len(table)) < plan.errors.get("duplicate", 0.0))]
    ledger.add_all(wave, twice[study.layout.member], "duplicate")
    hit = np.flatnonzero(draw.random(len(table)) < plan.errors.get("correction", 0.0))
    corrected = _corrected(table.iloc[hit], study, plan, wave)
    ledger.add_all(wave, corrected[study.layout.member], "correction")
    return pd.concat([table, twice, corrected], ignore_index=True)


def _corrected(rows: pd.DataFrame, study: Study, plan: Plan, wave: int) -> pd.DataFrame:
    """Return rows with every amount a tenth higher, sent later within fieldwork; those without amounts are left out."""
    later = rows.copy()
    for question in study.instrument_of(wave).questions:
        if plan.draws.get(question.variable.name, {}).get("kind") in ("amount", "multiple"):
            before = pd.to_numeric(rows[question.column], errors="coerce")
            low, high = question.variable.minimum, question.variable.maximum
            after = (before * 1.1).round().clip(lower=low, upper=high)
            changed = after.notna() & (after != before)
            later.loc[changed, question.column] = after[changed].astype(int).astype(str)
    moment = study.layout.submitted_at
    differs = (later != rows).any(axis=1)
    if moment:
        fieldwork = study.wave(wave).fieldwork
        shift = pd.Timedelta(seconds=max((fieldwork.end - fieldwork.start).days * 86_400 // 20, 60))
        later[moment] = (pd.to_datetime(rows[moment]) + shift).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return later[differs]
