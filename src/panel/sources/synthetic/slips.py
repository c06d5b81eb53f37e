"""The slips people and platforms make, each written down as it is made."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.random import Generator

from panel.model.instrument import Instrument
from panel.model.study import Study
from panel.sources.synthetic.plan import Plan


class Ledger:
    """Every slip that was injected: wave, member as in the file, kind, variable."""

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


def slip(
    said: pd.DataFrame, ids: np.ndarray, plan: Plan, instrument: Instrument, draw: Generator, ledger: Ledger, wave: int
) -> pd.DataFrame:
    """Return answers with slips of unit, sum, year and identity, at the rates of the plan."""
    out = said.copy()
    money = [name for name, shape in plan.draws.items() if shape.get("kind") == "amount" and name in out]
    for name in money:
        _change(out, ids, name, plan, draw, ledger, wave, "month_for_year", lambda value: round(value / 12))
        _change(out, ids, name, plan, draw, ledger, wave, "in_thousands", lambda value: round(value / 1_000))
    for name, shape in plan.draws.items():
        if shape.get("kind") == "multiple" and name in out and shape["of"] in out:
            hit = _hits(len(out), plan, "turnover_as_profit", draw)
            out.loc[hit, shape["of"]] = out.loc[hit, name]
            ledger.add_all(wave, ids[hit], "turnover_as_profit", shape["of"])
    for group in instrument.sum_groups:
        hit = _hits(len(out), plan, "composition_sum", draw)
        first = group.members[0]
        out.loc[hit, first] = out.loc[hit, first].astype(int) + 10
        ledger.add_all(wave, ids[hit], "composition_sum", group.key)
    for variable in instrument.variables:
        if variable.is_immutable and variable.is_numeric and variable.name in out:
            hit = _hits(len(out), plan, "birth_year", draw)
            out.loc[hit, variable.name] = out.loc[hit, variable.name].astype(int) - 10
            ledger.add_all(wave, ids[hit], "birth_year", variable.name)
    return out


def _hits(size: int, plan: Plan, kind: str, draw: Generator) -> np.ndarray:
    return np.flatnonzero(draw.random(size) < plan.errors.get(kind, 0.0))


def _change(
    out: pd.DataFrame,
    ids: np.ndarray,
    name: str,
    plan: Plan,
    draw: Generator,
    ledger: Ledger,
    wave: int,
    kind: str,
    by: object,
) -> None:
    hit = [place for place in _hits(len(out), plan, kind, draw) if out.at[place, name] >= 5_000]
    for place in hit:
        out.at[place, name] = by(out.at[place, name])  # type: ignore[operator]
        ledger.add(wave, ids[place], kind, name)


def repeat_some(
    table: pd.DataFrame, study: Study, plan: Plan, draw: Generator, ledger: Ledger, wave: int
) -> pd.DataFrame:
    """Return the delivery with some rows sent twice, some corrected later, and some ids exchanged."""
    layout = study.layout
    members = table[layout.member].to_numpy(dtype=object)
    twice = table.iloc[_hits(len(table), plan, "duplicate", draw)]
    ledger.add_all(wave, twice[layout.member], "duplicate")
    corrected = table.iloc[_hits(len(table), plan, "correction", draw)].copy()
    amounts = [name for name, shape in plan.draws.items() if shape.get("kind") == "amount"]
    for name in amounts:
        known = pd.to_numeric(corrected[name], errors="coerce").notna() if name in corrected else pd.Series(dtype=bool)
        if known.any():
            changed = pd.to_numeric(corrected.loc[known, name]) + 1_000
            corrected.loc[known, name] = changed.astype(int).astype(str)
    if layout.submitted_at and len(corrected):
        later = pd.to_datetime(corrected[layout.submitted_at]) + pd.Timedelta(days=2)
        corrected[layout.submitted_at] = later.dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    ledger.add_all(wave, corrected[layout.member], "correction")
    swapped = _hits(len(table), plan, "swapped_ids", draw)
    swapped = swapped[: len(swapped) // 2 * 2]
    members[swapped] = members[swapped].reshape(-1, 2)[:, ::-1].ravel()
    ledger.add_all(wave, members[swapped], "swapped_ids")
    return pd.concat([table.assign(**{layout.member: members}), twice, corrected], ignore_index=True)
