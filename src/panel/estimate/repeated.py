"""What yearly from-to tables, one after the other, would make of a longer span, beside what members did over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.between import Between
from panel.estimate.grouped import Grouped, means
from panel.estimate.grouping import Grouping
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.split import Split
from panel.estimate.strands import Strand, Strands, degrees_of

REPEATED = ("transition_repeated", "transition_apart")
SIGNS = ((0.0, 1.0), (1.0, -1.0))
"""How often the table of the whole span, and those of the steps, count in either."""


def repeated(
    span: Pair, steps: Sequence[Pair], labels: Sequence[Label], variable: str, groups: Callable[[Pair], Grouping],
    *, method: str,
) -> list[Figure]:  # fmt: skip
    """
    Return the product of the from-to tables of steps, and how far the table of the whole span lies from it.

        Q = P_1 P_2 ... P_k,   `transition_repeated` = Q_ac,   `transition_apart` = P_ac - Q_ac

    P_j are row shares of step j, P those of the whole span; `value` is "a>c". Were moving a matter of the present
    category alone, the two would differ by chance only: more who are where they began than the steps make expect is
    a sign of people who never move, or of slips that are taken back. All tables share members, and the error is joint:
    a row of step j in s that ends in t moves Q_ac by

        (P_1 ... P_j-1)_as ((P_j+1 ... P_k)_tc - (P_j ... P_k)_sc) / W_js

    W being the weight of the group's members in s. `n` is that of the smallest category that is passed through.

    Source: Shorrocks (1976), Economic Journal 86; delta method on the kernel. No program to hold it against: checked by
    hand, by moving weights, and on chains that were made so, in tests/unit/test_repeated.py.

    Args:
        span: the first and the last wave.
        steps: the pairs of waves between them, one after the other.
        labels: what the figures of each group are about.
        variable: a coded variable.
        groups: gives who is in which group, by rows of a pair: of each step the group when it begins.
        method: how the intervals are meant.

    Raises:
        EstimateError: no group has members in every category that is passed through; names the variable.
    """
    codes = _codes([span, *steps], variable, groups)
    tables = [_Table.of(each, variable, groups(each), codes) for each in (span, *steps)] if codes else []
    found = [
        figure
        for one in range(len(codes))
        for two in range(len(codes))
        for figure in _Cell.of(tables, one, two, method).figures(labels, f"{codes[one]}>{codes[two]}")
    ]
    if not found:
        raise EstimateError(
            f"No group has members in every category of '{printable(variable)}' in each step of waves "
            f"{', '.join(str(each.waves[0]) for each in steps)} and {span.waves[1]}.",
            fix="choose waves that all asked it, or larger groups",
        )
    at = {label.group: place for place, label in enumerate(labels)}
    return sorted(found, key=lambda figure: at[figure.label.group])


def _codes(pairs: Sequence[Pair], variable: str, groups: Callable[[Pair], Grouping]) -> list[object]:
    """Return the codes that anybody of a group has in any of these waves, in the order of the questionnaire."""
    known = list(pairs[0].now.study.variable(variable).codes)
    seen = {code for pair in pairs for code in _seen(pair, variable, groups(pair))}
    return [*(code for code in known if code in seen), *sorted(seen - set(known), key=str)]


def _seen(pair: Pair, variable: str, groups: Grouping) -> list[object]:
    coded = pair.coded(variable)
    inside = (groups.codes[pair.part.places] >= 0) & (coded.source >= 0) & (coded.target >= 0)
    return [coded.codes[place] for place in np.union1d(coded.source[inside], coded.target[inside])]


@dataclass(frozen=True)
class _Table:
    """The from-to tables of every group of a pair: row shares, and who is in each row."""

    pair: Pair
    split: Split  # by group and source
    by_group: Split
    target: np.ndarray
    share: np.ndarray  # groups by sources by targets
    held: np.ndarray  # groups by sources
    n: np.ndarray
    n_eff: np.ndarray

    @classmethod
    def of(cls, pair: Pair, variable: str, groups: Grouping, codes: Sequence[object]) -> _Table:
        coded, weight, many = pair.coded(variable), pair.part.weight, len(codes)
        at = np.array([*(codes.index(each) if each in codes else -1 for each in coded.codes), -1])
        source, target = at[coded.source], at[coded.target]
        own = groups.codes[pair.part.places]
        cells = np.where((own >= 0) & (source >= 0) & (target >= 0), own * many + source, -1)
        count, split = len(groups.keys), Split.of(cells, len(groups.keys) * many)
        shares = [means((target == end).astype(float), weight, split).value for end in range(many)]
        mass = split.mass(weight)
        by_group = Split(split.rows, split.owner // many, count, split.is_whole)
        held, n, n_eff = (each.reshape(count, many) for each in (mass.held, split.n, mass.n_eff))
        share = np.stack(shares, axis=1).reshape(count, many, many)
        return cls(pair, split, by_group, split.at(target), share, held, n, n_eff)

    def strand(self, before: np.ndarray, after: np.ndarray) -> Strand:
        """Return how rows move before' P after, by group: `before` is groups by sources, `after` groups by targets."""
        many = self.share.shape[1]
        ends = np.einsum("gst,gt->gs", self.share, after)
        safe = np.where(self.held > 0, self.held, 1.0)
        pull = np.take(after, self.by_group.owner * many + self.target) - np.take(ends, self.split.owner)
        pull *= np.take(before / safe, self.split.owner)
        value, n = np.einsum("gs,gs->g", before, ends), self.by_group.n
        return Strand.of_pair(self.pair, Grouped(value, n, n.astype(float), n > 0, self.by_group, pull))


@dataclass(frozen=True)
class _Cell:
    """One cell of the product, for every group: its value and that of the whole span, and who is passed through."""

    value: np.ndarray  # estimates by groups
    strands: Strands
    degrees: list[list[int]]
    there: np.ndarray
    n: np.ndarray
    n_eff: np.ndarray
    told: Between
    is_joint: bool

    @classmethod
    def of(cls, tables: Sequence[_Table], one: int, two: int, method: str) -> _Cell:
        span, steps = tables[0], tables[1:]
        count, many = span.held.shape
        first, last = (np.tile(np.eye(many)[place], (count, 1)) for place in (one, two))
        before, after = [first], [last]
        for each in steps[:-1]:
            before.append(np.einsum("gs,gst->gt", before[-1], each.share))
        for each in reversed(steps[1:]):
            after.append(np.einsum("gst,gt->gs", each.share, after[-1]))
        after.reverse()
        passed = [(span, first), *zip(steps, before, strict=True)]
        strands = [span.strand(first, last)]
        strands += [each.strand(*ends) for each, *ends in zip(steps, before, after, strict=True)]
        fewest = [_fewest(table, weight) for table, weight in passed]
        place = np.argmin([n for n, _ in fewest], axis=0)
        n, n_eff = (np.choose(place, [each[at] for each in fewest]) for at in (0, 1))
        there = np.logical_and.reduce([((weight == 0) | (table.held > 0)).all(axis=1) for table, weight in passed])
        whole, observed, product = span.pair.now.whole, strands[0].found.value, strands[1].found.value
        weight = f"longitudinal {'-'.join(map(str, span.pair.waves))}, and of each step"
        return cls(
            np.stack([product, observed - product]), Strands(whole, strands),
            [degrees_of(whole.design, strands[1:]), degrees_of(whole.design, strands)], there, n, n_eff,
            Between(waves=span.pair.waves, weight=weight, method=whole.design.said(method)), span.pair.is_joint,
        )  # fmt: skip

    def figures(self, labels: Sequence[Label], value: str) -> Iterator[Figure]:
        """Yield the product and the difference, of each group that has members all along."""
        for place, label in enumerate(labels):
            if not self.there[place]:
                continue
            slopes = np.array([[whole, *([each] * (len(self.strands.each) - 1))] for whole, each in SIGNS])
            spread = np.sqrt(np.maximum(self.strands.variances(place, slopes), 0.0))
            for at, (statistic, unit) in enumerate(zip(REPEATED, ("share", "points"), strict=True)):
                degrees = self.degrees[at][place]
                yield self.told.figure(
                    replace(label, unit=unit, value=value), statistic, value=float(self.value[at, place]),
                    se=float(spread[at]), degrees=degrees, n=int(self.n[place]), n_eff=float(self.n_eff[place]),
                    influence=self._influence(place, slopes[at], degrees),
                )  # fmt: skip

    def _influence(self, place: int, slope: np.ndarray, degrees: int) -> Influence | None:
        return self.strands.influence(place, slope, degrees) if self.is_joint else None


def _fewest(table: _Table, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return n and effective n of the smallest category of each group that is passed through."""
    n = np.where(weight > 0, table.n, np.iinfo(np.int64).max)
    place = n.argmin(axis=1)[:, None]
    return np.take_along_axis(n, place, axis=1)[:, 0], np.take_along_axis(table.n_eff, place, axis=1)[:, 0]
