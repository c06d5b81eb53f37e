"""Spells in a category: of those at risk, who moves to another, by year and by how long they have been there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.cells import Cells, Made
from panel.estimate.hazards import survival
from panel.estimate.pooling import Pool
from panel.estimate.rows import Figure, Influence, Label
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
    at_risk, moved, spells = at_risk_of(taken, move)
    table = _Table(
        taken, np.where(at_risk, taken.groups, -1), len(labels), moved, spells, taken.steps.told(method)
    )  # fmt: skip
    value = f"{_text(move.source)}>{_text(move.target)}"
    moves = [replace(label, unit="share", value=value) for label in labels]
    by_label = zip(*table.by_step(moves), strict=True)
    lives = table.life_table([replace(label, unit="share") for label in labels])
    return [
        figure for steps, life in zip(by_label, lives, strict=True) for figure in (*steps, *life) if figure is not None
    ]


@dataclass(frozen=True)
class Spells:
    """For each row the year of its spell, and whether its beginning was seen."""

    year: np.ndarray
    is_begun: np.ndarray


def at_risk_of(taken: Taken, move: Move) -> tuple[np.ndarray, np.ndarray, Spells]:
    """
    Return who is at risk of a move and whose step ends in its target (masks), and the spell of each row.

    Raises:
        EstimateError: source and target overlap, or nobody of these groups is at risk.
    """
    if set(move.source) & set(move.target) or not (move.source and move.target):
        raise EstimateError("A move is from some codes to others, none of them both.", fix="name two codes")
    source, target = (taken.places(codes) for codes in (move.source, move.target))
    at_risk = taken.inside & taken.is_one(taken.source, source)
    if not at_risk.any():
        codes = ", ".join(printable(str(code)) for code in move.source)
        raise EstimateError(
            f"Nobody in these groups has '{printable(taken.variable)}' in {codes} at the beginning of a step.",
            fix="choose another source, or other groups",
        )
    return at_risk, taken.is_one(taken.target, target), _spells(taken, at_risk, taken.is_one(taken.target, source))


def _spells(taken: Taken, at_risk: np.ndarray, ends_there: np.ndarray) -> Spells:
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
        stays = risk & ends_there[own]
        years, known_then = np.zeros(size, dtype=np.int64), np.zeros(size, dtype=bool)
        years[member[stays]] = year[own][stays]
        known_then[member[stays]] = is_begun[own][stays]
        known_then[member[~risk & taken.inside[own]]] = True  # was elsewhere: what begins here is seen to begin
        seen[pair.waves[1]] = (years, known_then)
    return Spells(year, is_begun)


@dataclass(frozen=True)
class _Table:
    taken: Taken
    owner: np.ndarray  # the group of each row at risk, -1 of others
    count: int
    moved: np.ndarray
    spells: Spells
    steps_told: Between

    @property
    def steps(self) -> Steps:
        return self.taken.steps

    @cached_property
    def whole(self) -> Pool:
        """Return all rows at risk, by group."""
        return Pool(self.steps, self.owner, self.count)

    @cached_property
    def _edges(self) -> np.ndarray:
        return np.cumsum([0, *(len(pair.now.weight) for pair in self.steps.pairs)])

    @cached_property
    def _kinds(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the step and the year of the spell of each kind of row at risk, and the kind of each row."""
        step = np.repeat(np.arange(len(self.steps.pairs)), np.diff(self._edges))
        wide = int(self.spells.year.max()) + 1
        key = step * wide + self.spells.year
        seen = np.flatnonzero(np.bincount(key[self.owner >= 0]))
        place = np.zeros(int(key.max()) + 1, dtype=np.int32)
        place[seen] = np.arange(len(seen))
        return np.stack(np.divmod(seen, wide)), place[key]

    @cached_property
    def cells(self) -> Cells:
        """Return the rows at risk by kind, those who stayed before those who moved."""
        (steps, _), kind = self._kinds
        return Cells(self.steps, self.whole, kind * 2 + self.moved, 2 * len(steps))

    def _hazard(self, kinds: np.ndarray) -> Made:
        """Return the share of some kinds of rows (a mask) that moved, of each group."""
        return self.cells.ratio(np.tile([0.0, 1.0], len(kinds)), np.repeat(kinds.astype(float), 2))

    def by_step(self, labels: Sequence[Label]) -> list[list[Figure | None]]:
        """Return the hazards of each step, and of all steps together: for each a figure a group, None where none."""
        columns, (step, _) = [], self._kinds[0]
        for place, (pair, (start, stop)) in enumerate(zip(self.steps.pairs, pairwise(self._edges), strict=True)):
            pool = Pool(Steps((pair,), self.steps.years), self.owner[start:stop], self.count)
            told = replace(self.steps_told, waves=pair.waves, weight=pair.now.label)
            columns.append(self._hazards(pool, self._hazard(step == place), told, labels, "hazard"))
        found = self._hazard(np.ones(len(step)))
        return [*columns, self._hazards(self.whole, found, self.steps_told, labels, "pooled_hazard")]

    def _hazards(
        self, pool: Pool, found: Made, told: Between, labels: Sequence[Label], statistic: str
    ) -> list[Figure | None]:
        se, joint = self.cells.se(found.slopes), self.cells.influences(found.slopes, pool.degrees)
        return [
            told.figure(
                self.steps.words(label, int(pool.rows[place])), statistic, value=float(found.value[place]),
                se=float(se[place]), degrees=pool.degrees[place], n=int(pool.n[place]), n_eff=float(pool.n_eff[place]),
                influence=joint[place],
            )
            if pool.rows[place]
            else None
            for place, label in enumerate(labels)
        ]  # fmt: skip

    def life_table(self, labels: Sequence[Label]) -> list[list[Figure]]:
        """Return for each group the hazard and the survival by year of the spell, up to the first year with nobody."""
        years, (_, seen) = int(self.spells.year.max()), self._kinds[0]
        owner = np.where(self.owner >= 0, self.owner * years + self.spells.year - 1, -1)
        pool = Pool(self.steps, owner, self.count * years)
        unseen = Pool(self.steps, np.where(self.spells.is_begun, -1, owner), pool.count).n.reshape(-1, years)
        life: list[list[Figure]] = [[] for _ in labels]
        ended = np.zeros(self.count, dtype=bool)
        found: list[Made] = []
        for year in range(1, years + 1):
            ended |= pool.rows.reshape(self.count, years)[:, year - 1] == 0
            found.append(self._hazard(seen == year))
            by_then = Pool(self.steps, np.where(self.spells.year <= year, self.owner, -1), self.count).degrees
            hazards, stayed = self._each(found[-1], pool.degrees[year - 1 :: years]), self._each(_stay(found), by_then)
            for place in map(int, np.flatnonzero(~ended)):
                cell = place * years + year - 1
                words = self._words(labels[place], year, int(unseen[place, year - 1]), int(pool.rows[cell]))
                life[place] += [
                    self._told(words, "spell_hazard", hazards[place], pool, [cell]),
                    self._told(words, "spell_survival", stayed[place], pool, range(cell - year + 1, cell + 1)),
                ]
        return life

    def _each(self, found: Made, degrees: Sequence[int]) -> list[_Of]:
        """Return a figure of each group, with its error."""
        told = zip(
            found.value, self.cells.se(found.slopes), degrees, self.cells.influences(found.slopes, degrees), strict=True
        )  # fmt: skip
        return [_Of(float(value), float(error), freedom, own) for value, error, freedom, own in told]

    def _words(self, label: Label, year: int, unseen: int, rows: int) -> Label:
        said = f"{label.denominator}, {unseen} members there when first seen"
        return self.steps.words(replace(label, value=f"year {year}", denominator=said), rows)

    def _told(self, label: Label, statistic: str, own: _Of, pool: Pool, cells: Sequence[int]) -> Figure:
        """Return a figure made of some cells of a pool: its n is that of the smallest."""
        least = min(cells, key=lambda cell: int(pool.n[cell]))
        return self.steps_told.figure(
            label, statistic, value=own.value, se=own.se, degrees=own.degrees, n=int(pool.n[least]),
            n_eff=float(pool.n_eff[least]), influence=own.influence,
        )  # fmt: skip


def _stay(hazards: Sequence[Made]) -> Made:
    """Return the share of each group that has not moved after the years that hazards are given of."""
    found = survival(np.stack([each.value for each in hazards], axis=1))
    slopes = np.einsum("gy,ygc->gc", found.slope, np.stack([each.slopes for each in hazards]))
    return Made(found.value, slopes)


@dataclass(frozen=True)
class _Of:
    """What a group was estimated at, and how sure that is."""

    value: float
    se: float
    degrees: int
    influence: Influence | None


def _text(codes: Sequence[object]) -> str:
    return ",".join(map(str, codes))
