"""One change by three definitions of the sample: who answered every wave, available pairs, and everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from panel.estimate.decomposition import Amount
from panel.estimate.dynamics import Rule
from panel.estimate.grouped import means
from panel.estimate.grouping import Grouping
from panel.estimate.levels import Measure, series
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.sample import Sample
from panel.estimate.split import Split
from panel.estimate.strands import Strand

BALANCED = ("balanced_mean", "balanced_change")
"""What is told together: one could be had from the others."""


def steps_of(waves: Sequence[int]) -> list[tuple[int, int]]:
    """Return the pairs of waves of which a change is told: each with the next, and the first with the last."""
    return list(dict.fromkeys([*pairwise(waves), (waves[0], waves[-1])]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """
    Who may count: everybody of a sample, the members of pairs of its waves, and those who answered all of a set.

    `whole` is under the longitudinal weight of all `waves`; `pairs` are those of `steps_of` that have a weight of their
    own. `groups` are by rows of the sample; of the same members the rule says in which wave of a set it counts.
    """

    sample: Sample
    waves: tuple[int, ...]
    whole: Pair
    pairs: Sequence[Pair]
    groups: Grouping
    rule: Rule


def balanced(asked: Definitions, labels: Sequence[Label], amount: Amount, *, method: str) -> list[Figure]:
    """
    Return for each group how a mean moved, by those who gave it in every wave, in each two waves, and by everybody.

        balanced_mean_t = sum w y_t / sum w,   balanced_change = balanced_mean_t' - balanced_mean_t

    over the same members in every wave, w the longitudinal weight of the whole set: year-on-year changes add up to that
    from the first to the last. `stayers_change` is that of whoever gave the amount in both waves of a step, under the
    weight of these two; `mean`, `change` and `relative_change` are of everybody under cross-sectional weights.

    Source: kernel, the mean change of members as one ratio, all weighting credited. Oracles: o05
    (stayers_mean_change_by_status, change_income_by_status); a set of three waves by R's survey, in
    tests/unit/test_balanced.py.

    Args:
        asked: who counts.
        labels: what the figures of each group are about.
        amount: values by rows of the sample, NaN where missing.
        method: how the intervals are meant.

    Returns:
        Figures group by group; none where no group has anybody who gave the amount in every wave.
    """
    told = _Told(asked, labels, amount, method)
    own = [*told.of_set(), *(each for pair in asked.pairs for each in told.of_pair(pair))]
    if not own or all(each is None for each in own[0]):
        return []
    measure = Measure(
        labels=labels, statistic="mean", values=amount.values, answered=np.isfinite(amount.values),
        in_real_terms=amount.is_provisional, is_joint=amount.is_joint,
    )  # fmt: skip
    everybody = series(
        asked.sample, measure, asked.groups, asked.waves, method=method, between=steps_of(asked.waves)
    )  # fmt: skip
    return [
        figure
        for place, label in enumerate(labels)
        for figure in (
            *(column[place] for column in own),
            *(each for each in everybody if (each.label.domain, each.label.group) == (label.domain, label.group)),
        )
        if figure is not None
    ]


@dataclass(frozen=True, slots=True)
class _Followed:
    """Members who gave an amount in every one of some waves: the amounts, waves by members, and their groups."""

    values: np.ndarray
    split: Split


@dataclass(frozen=True, slots=True)
class _Told:
    asked: Definitions
    labels: Sequence[Label]
    amount: Amount
    method: str

    def of_set(self) -> Iterator[list[Figure | None]]:
        """Yield the levels and changes of those who answered every wave, each for every group."""
        waves, followed = self.asked.waves, self._followed(self.asked.whole, self.asked.waves)
        words = self._words(f"in every wave {', '.join(map(str, waves))}")
        for place, wave in enumerate(waves):
            yield self._figures(self.asked.whole, words, "balanced_mean", followed.values[place], followed, (wave,))
        for one, two in steps_of(waves):
            moved = followed.values[waves.index(two)] - followed.values[waves.index(one)]
            yield self._figures(self.asked.whole, words, "balanced_change", moved, followed, (one, two))

    def of_pair(self, pair: Pair) -> Iterator[list[Figure | None]]:
        """Yield the change of those who answered both waves of a pair, for every group."""
        followed = self._followed(pair, pair.waves)
        moved = followed.values[1] - followed.values[0]
        yield self._figures(pair, self._words("in both waves"), "stayers_change", moved, followed, pair.waves)

    def _words(self, when: str) -> list[Label]:
        return [replace(each, denominator=f"{each.denominator} {when}") for each in self.labels]

    def _followed(self, pair: Pair, waves: Sequence[int]) -> _Followed:
        sample, member = self.asked.sample, pair.now.member[pair.part.places]
        rows = np.stack([sample.row_of(wave)[member] for wave in waves])
        values, codes = self.amount.values[rows], self.asked.groups.codes[rows]
        held: dict[Rule, Callable[[], np.ndarray]] = {
            "first": lambda: codes[0],
            "second": lambda: codes[-1],
            "both": lambda: np.where((codes == codes[0]).all(axis=0), codes[0], -1),
        }
        own = np.where(np.isfinite(values).all(axis=0), held[self.asked.rule](), -1)
        return _Followed(values, Split.of(own, len(self.labels)))

    def _figures(
        self, pair: Pair, words: Sequence[Label], name: str, values: np.ndarray, followed: _Followed,
        waves: Sequence[int],
    ) -> list[Figure | None]:  # fmt: skip
        found = means(values, pair.part.weight, followed.split)
        degrees = pair.degrees(found)
        provisional = self.amount.is_provisional and self.asked.sample.is_provisional(*waves)
        made = pair.figures(words, name, found, degrees, method=self.method, is_provisional=provisional)
        first = waves[0] if len(waves) > 1 else None
        strand = Strand.of_pair(pair, found) if self.amount.is_joint else None
        design = self.asked.sample.design
        return [
            None
            if each is None
            else replace(
                each,
                from_wave=first,
                wave=waves[-1],
                influence=None if strand is None else Influence(strand.totals(place), design, degrees[place]),
            )
            for place, each in enumerate(made)
        ]
