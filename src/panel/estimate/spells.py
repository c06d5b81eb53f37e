"""Spells in a category: of those at risk, who moves to another, by year and by how long they have been there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.estimators import Estimand
from panel.estimate.hazards import survival
from panel.estimate.rows import Figure, Label
from panel.estimate.steps import Steps, Taken

SPELLS = ("spell_hazard", "spell_survival")


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """The move that is asked about: from any of some codes to any of others."""

    source: tuple[object, ...]
    target: tuple[object, ...]


def hazards(taken: Taken, labels: Sequence[Label], move: Move, *, method: str) -> list[Figure]:
    """
    Return the hazards of a move, and how many have not made it, for each group.

        h = sum_moved w / sum_at risk w,   S_d = prod_(k <= d) (1 - h_k)

    `hazard` is that of each step between two waves, and of all steps together; `spell_hazard` and `spell_survival` are
    by the year of the spell (`value`), year 1 being the first step that begins after the member was first seen there
    without a gap. At risk are those in the source when a step begins who answer at its end. Who goes elsewhere than the
    target, or is not seen, leaves the life table there (censored). Who was in the source when first seen may have been
    there before: so years of the spell are years seen, and the denominator says of how many members that holds. A spell
    ends where a wave was missed, or where waves lie further apart than the steps.

    Source: Kaplan and Meier (1958), JASA 53, in discrete time as Cox (1972), JRSS B 34, sec. 5; design-based by ratios
    and the delta method. Oracle: o07 (hazard); survival against arithmetic and the joint covariance.

    Args:
        taken: the steps, by group of the earlier wave.
        labels: what the figures of each group are about.
        move: from where to where.
        method: how the intervals are meant.

    Raises:
        EstimateError: source and target overlap, or nobody of these groups is at risk.
    """
    if set(move.source) & set(move.target) or not (move.source and move.target):
        raise EstimateError("A move is from some codes to others, none of them both.", fix="name two codes")
    source, target = (taken.places(codes) for codes in (move.source, move.target))
    at_risk = taken.inside & np.isin(taken.source, source)
    if not at_risk.any():
        codes = ", ".join(printable(str(code)) for code in move.source)
        raise EstimateError(
            f"Nobody in these groups has '{printable(taken.variable)}' in {codes} at the beginning of a step.",
            fix="choose another source, or other groups",
        )
    table = _Table(taken, at_risk, np.isin(taken.target, target), _spells(taken, at_risk, source), method)
    value = f"{_text(move.source)}>{_text(move.target)}"
    return [figure for place, label in enumerate(labels) for figure in table.of_group(label, place, value)]


@dataclass(frozen=True)
class _Spells:
    """For each row the year of its spell, and whether its beginning was seen."""

    year: np.ndarray
    is_begun: np.ndarray


def _spells(taken: Taken, at_risk: np.ndarray, source: Sequence[int]) -> _Spells:
    """Return the spells of rows at risk: one more than the step that ends where this begins, if that was one too."""
    steps = taken.steps
    year, is_begun = np.zeros(len(at_risk), dtype=np.int64), np.zeros(len(at_risk), dtype=bool)
    size = int(steps.whole.member.max(initial=-1)) + 1
    seen: dict[int, tuple[np.ndarray, np.ndarray]] = {}  # by wave: the year of the spell, did it begin in sight
    start = 0
    for pair in steps.pairs:
        own = slice(start, start + len(pair.now.weight))
        start, member = own.stop, steps.member[own]
        before, known = seen.get(pair.waves[0], (np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)))
        risk = at_risk[own]
        year[own] = np.where(risk, before[member] + 1, 0)
        is_begun[own] = risk & known[member]
        stays = risk & np.isin(taken.target[own], source)
        years, known_then = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
        years[member[stays]] = year[own][stays]
        known_then[member[stays]] = is_begun[own][stays]
        known_then[member[~risk & taken.inside[own]]] = True  # was elsewhere: what begins here is seen to begin
        seen[pair.waves[1]] = (years, known_then)
    return _Spells(year, is_begun)


@dataclass(frozen=True)
class _Table:
    taken: Taken
    at_risk: np.ndarray
    moved: np.ndarray
    spells: _Spells
    method: str

    @property
    def steps(self) -> Steps:
        return self.taken.steps

    def of_group(self, label: Label, place: int, value: str) -> Iterator[Figure]:
        """Yield the hazards of a group by step, over all steps, and by year of the spell; nothing where it has none."""
        own = self.at_risk & (self.taken.groups == place)
        if not own.any():
            return
        yield from self._by_step(replace(label, unit="share", value=value), own)
        yield from self._life_table(replace(label, unit="share"), own)

    def _by_step(self, label: Label, own: np.ndarray) -> Iterator[Figure]:
        told = self.steps.told(self.method)
        for pair in self.steps.pairs:
            rows = own & (self.steps.begun == pair.waves[0])
            if rows.any():
                step = replace(told, waves=pair.waves, weight=pair.now.label)
                yield self._figure(step, label, "hazard", [self.steps.mean(self.moved, rows)], rows)
        yield self._figure(told, label, "pooled_hazard", [self.steps.mean(self.moved, own)], own)

    def _life_table(self, label: Label, own: np.ndarray) -> Iterator[Figure]:
        told, found = self.steps.told(self.method), []
        for year in range(1, int(self.spells.year[own].max()) + 1):
            rows = own & (self.spells.year == year)
            if not rows.any():
                return
            found.append(self.steps.mean(self.moved, rows))
            unseen = np.unique(self.steps.member[rows & ~self.spells.is_begun]).size
            words = replace(
                label, value=f"year {year}", denominator=f"{label.denominator}, {unseen} members there when first seen"
            )
            yield self._figure(told, words, "spell_hazard", found[-1:], rows)
            yield self._figure(told, words, "spell_survival", found, rows)

    def _figure(self, told: Between, label: Label, statistic: str, found: list[Estimand], rows: np.ndarray) -> Figure:
        one = survival(found) if statistic == "spell_survival" else found[0]
        least = min(found, key=lambda each: each.n)
        se = float(np.sqrt(max(self.steps.covariance([one])[0, 0], 0.0)))
        return told.figure(
            self.steps.words(label, rows), statistic, value=one.value, se=se, degrees=self.steps.degrees(one.rows),
            n=least.n, n_eff=least.n_eff,
        )  # fmt: skip


def _text(codes: Sequence[object]) -> str:
    return ",".join(map(str, codes))
