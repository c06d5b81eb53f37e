"""Members' own change: its mean and percentiles in amounts, and who moved beyond a threshold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from panel.errors import EstimateError, UnknownKey, did_you_mean, printable
from panel.estimate.between import Between
from panel.estimate.decomposition import Amount
from panel.estimate.estimators import INTERVALS, Estimand, logit_interval, mean, share_interval
from panel.estimate.grouped import Grouped, means
from panel.estimate.grouping import Grouping
from panel.estimate.pairs import Pair
from panel.estimate.rows import Figure, Label
from panel.estimate.split import Split

Kind = Literal["relative", "amount", "arc"]
KINDS: tuple[Kind, ...] = get_args(Kind)
PERCENTILES = (10, 20, 25, 40, 50, 60, 75, 80, 90)
DIRECTIONS = ("fell", "same", "rose", "no_base")
NEGLIGIBLE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """From which change on somebody has moved: a share of the first amount, an amount, or a share of the middle."""

    beyond: float
    kind: Kind = "relative"
    interval: str = "logit"

    def __post_init__(self) -> None:
        """Refuse what is no threshold, kind or interval."""
        if not 0 <= self.beyond < np.inf:
            raise EstimateError("A threshold is zero or more.", fix="beyond=0.05 is five per cent, by kind=relative")
        for given, known in ((self.kind, KINDS), (self.interval, INTERVALS)):
            if given not in known:
                raise UnknownKey(f"There is no '{printable(given)}' here.", fix=did_you_mean(given, known))


@dataclass(frozen=True)
class _Changes:
    """The change of every member, who has one, and the group of each (-1 outside), over the rows of a pair's part."""

    change: np.ndarray
    has_base: np.ndarray
    codes: np.ndarray

    @classmethod
    def of(cls, pair: Pair, amount: Amount, groups: Grouping, kind: Kind) -> _Changes:
        first, second = (amount.values[each.places][pair.part.places] for each in (pair.now, pair.then))
        both = np.isfinite(first) & np.isfinite(second)
        codes = np.where(both & (pair.part.weight > 0), groups.codes[pair.part.places], -1)
        if (codes < 0).all():
            raise EstimateError(
                f"Nobody in these groups gave '{printable(amount.variable)}' in both waves {pair.waves[0]} and "
                f"{pair.waves[1]}.",
                fix="choose waves that both asked it, or other groups",
            )
        base = {"relative": first, "amount": np.ones_like(first), "arc": (first + second) / 2}[kind]
        has_base = both & (base > 0)
        return cls(np.divide(second - first, base, out=np.zeros_like(first), where=has_base), has_base, codes)


def own_change(
    pair: Pair, labels: Sequence[Label], amount: Amount, groups: Grouping, *, method: str, kind: Kind = "amount"
) -> list[Figure]:
    """
    Return mean and percentiles of members' own change: in amounts, relative, or symmetric (arc).

        amount: y2 - y1      relative: (y2 - y1) / y1      arc: 2 (y2 - y1) / (y1 + y2)

    The arc is a share of the middle of both amounts: between -2 and 2 where none is negative, it treats a doubling and
    a halving alike and takes first amounts of zero. Members whose base is zero or less have no change of that kind; the
    denominator says how many.

    Source: kernel and Woodruff (1952); arc: Törnqvist, Vartia and Vartia (1985), American Statistician 39. Oracle: o05
    (stayers_mean_change, median_pct_change), arc by hand.

    Args:
        pair: the two waves, with their longitudinal weight.
        labels: what the figures of each group are about.
        amount: values by rows of the whole sample.
        groups: who is in which, by rows of the pair.
        method: how the intervals are meant.
        kind: what a change is.

    Raises:
        EstimateError: nobody of these groups gave both amounts.
    """
    found = _Changes.of(pair, amount, groups, kind)
    count, part = len(labels), pair.part
    split = Split.of(np.where(found.has_base, found.codes, -1), count)
    left = np.bincount(found.codes[(found.codes >= 0) & ~found.has_base], minlength=count)
    words = [
        replace(
            each, unit=each.unit if kind == "amount" else "ratio", value=kind,
            denominator=each.denominator + (f"; {left[place]} without a base left out" if kind != "amount" else ""),
        )
        for place, each in enumerate(labels)
    ]  # fmt: skip
    columns: list[tuple[str, Grouped]] = [("own_change_mean", means(found.change, part.weight, split))]
    if len(split.rows):
        columns += [
            (f"own_change_p{each}", pair.now.quantiles(part, found.change, split, p=each / 100)) for each in PERCENTILES
        ]
    told = [
        pair.figures(words, name, each, pair.degrees(each), method=method, is_provisional=amount.is_provisional)
        for name, each in columns
    ]
    return [figure for row in zip(*told, strict=True) for figure in row if figure is not None]


def beyond_threshold(
    pair: Pair, labels: Sequence[Label], amount: Amount, groups: Grouping, asked: Threshold, *, method: str
) -> list[Figure]:
    """
    Return the shares of members who fell, stayed and rose beyond a threshold, with the interval that is asked for.

    Those whose base is zero or less have no relative change and are a line of their own; the four add up to one. A
    change on the threshold counts as none.

    Source: as CBS counts at a threshold of zero (StatLine 83781NED); intervals by `panel.estimate.share_intervals`.
    Oracle: o04 (share_drop), o05 (share_dec_unch_inc_by_status, share_dec_ci_zzp).

    Args and errors: as `own_change`; `asked` is the threshold.
    """
    found, reach = _Changes.of(pair, amount, groups, asked.kind), asked.beyond + NEGLIGIBLE
    moves = (
        found.has_base & (found.change < -reach),
        found.has_base & (np.abs(found.change) <= reach),
        found.has_base & (found.change > reach),
        ~found.has_base,
    )
    told = Between(
        waves=pair.waves, weight=pair.now.label, is_provisional=amount.is_provisional,
        method=pair.now.design.said(f"{method}, interval {asked.interval}"),
    )  # fmt: skip
    words = f"{asked.beyond:g}" + ("" if asked.kind == "amount" else f" {asked.kind}")
    return [
        figure
        for place, label in enumerate(labels)
        for figure in _shares(pair, replace(label, unit="share", value=words), found.codes == place, moves, told, asked)
    ]


def _shares(
    pair: Pair, label: Label, own: np.ndarray, moves: Sequence[np.ndarray], told: Between, asked: Threshold
) -> Iterator[Figure]:
    if not own.any():
        return
    rows = np.zeros(len(pair.now.weight), dtype=bool)
    rows[pair.part.places] = own
    for name, move in zip(DIRECTIONS, moves, strict=True):
        hit = np.zeros(len(rows))
        hit[pair.part.places] = move
        share = mean(hit, pair.now.weight, rows)
        se = float(np.sqrt(max(pair.now.covariance(share.linear)[0, 0], 0.0)))
        degrees = pair.now.design.degrees_of_freedom(rows)
        figure = told.figure(
            label, f"threshold_share_{name}", value=share.value, se=se, degrees=degrees, n=share.n, n_eff=share.n_eff
        )
        low, high = _edges(asked.interval, share, se, degrees)
        yield replace(figure, low=low, high=high)


def _edges(interval: str, share: Estimand, se: float, degrees: int) -> tuple[float, float]:
    if 0 < share.value < 1 and se > 0:
        return share_interval(interval, share, se, degrees)
    return logit_interval(share.value, se, degrees, share.n_eff)
