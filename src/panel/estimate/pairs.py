"""Change within the same people: stayers' change, who fell, stayed and rose, and transitions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np
import pandas as pd

from panel.errors import EstimateError
from panel.estimate.estimators import logit_interval
from panel.estimate.explained import regressors
from panel.estimate.grouped import Grouped, means
from panel.estimate.grouping import Grouping
from panel.estimate.kernel import t_quantile
from panel.estimate.part import Part
from panel.estimate.response import Lost, ResponseCredit
from panel.estimate.rows import Figure, Influence, Label
from panel.estimate.sample import Chosen, Sample
from panel.estimate.split import Split


@dataclass(frozen=True)
class Amounts:
    """An amount of the members of a pair in both waves: its change, and the relative one of who has a first amount."""

    change: np.ndarray
    ratio: np.ndarray
    in_both: np.ndarray  # who has both amounts
    has_base: np.ndarray  # and the first above zero

    @classmethod
    def of(cls, first: np.ndarray, second: np.ndarray) -> Amounts:
        """Return the changes from first to second amounts."""
        in_both = np.isfinite(first) & np.isfinite(second)
        has_base = in_both & (first > 0)
        ratio = np.divide(second, first, out=np.ones_like(first), where=has_base) - 1
        with np.errstate(invalid="ignore"):
            return cls(second - first, ratio, in_both, has_base)

    def in_prices(self, first: np.ndarray, second: np.ndarray) -> Amounts:
        """Return the same in other prices, in which the same members have an amount, and one above zero."""
        return replace(Amounts.of(first, second), in_both=self.in_both, has_base=self.has_base)


@dataclass(frozen=True)
class Coded:
    """
    What a coded variable was of the members of a pair in both waves: places in `codes`, -1 without an answer.

    `codes` are those of the questionnaire, `listed` in number, and after them others that occur.
    """

    codes: tuple[object, ...]
    listed: int
    source: np.ndarray
    target: np.ndarray

    @classmethod
    def of(cls, codes: Sequence[object], *columns: pd.Series) -> Coded:
        """Return the places of the values of two columns."""
        numbered = [pd.factorize(each) for each in columns]
        seen = {value for _, values in numbered for value in values}
        every = (*codes, *sorted(seen - set(codes), key=str))
        place = {code: at for at, code in enumerate(every)}
        source, target = (
            np.array([*(place[value] for value in values), -1], dtype=np.int32)[own] for own, values in numbered
        )
        return cls(every, len(codes), source, target)

    def among(self, rows: np.ndarray) -> list[int]:
        """Return the places of the codes that some rows (a mask) have in either wave: listed ones, else others."""
        seen = np.union1d(self.source[rows], self.target[rows])
        return [int(place) for place in seen if place < self.listed] or [int(place) for place in seen]


@dataclass(frozen=True)
class Pair:
    """
    The members who answered two waves, once each, with their longitudinal weight.

    `now` and `then` are samples over the same members in the same order: their rows of the earlier and later wave.
    They are a domain of the whole sample: its other PSUs count in the variance, with zero. Figures carry their
    influence where they are `is_joint`.
    """

    waves: tuple[int, int]
    now: Chosen
    then: Chosen
    is_joint: bool = False
    _amounts: dict[tuple[str, bool], Amounts] = field(default_factory=dict, repr=False, compare=False)
    _coded: dict[str, Coded] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(cls, sample: Sample, weights: pd.DataFrame, waves: tuple[int, ...]) -> Pair:
        """
        Return the pair of two waves; of a longer set the first and the last, of those who answered all of it.

        Args:
            sample: any sample of the study's person-waves; its own weights are not used.
            weights: schema.WEIGHTS with the longitudinal weight of exactly these waves.
            waves: the earlier and the later, or the whole set in order.

        Raises:
            EstimateError: there is no such weight: a gap of two years is never called one.
        """
        name = "-".join(map(str, waves))
        own = weights[(weights["kind"] == "longitudinal") & (weights["waves"] == name)]
        if own.empty:
            raise EstimateError(f"Waves {name} have no longitudinal weight.", fix="panelctl weigh")
        ends = (waves[0], waves[-1])
        gone = weights[(weights["kind"] == "lost") & (weights["waves"] == name)]
        due = pd.concat([own, gone], ignore_index=True)
        numbers = sample.numbers_of(due["member"])
        places = [_places(sample, numbers[: len(own)], wave) for wave in ends]
        lost = _lost(sample, due, len(own), places[0], _places(sample, numbers[len(own) :], waves[0]))
        now, then = (Chosen(sample, each, own, label=f"longitudinal {name}", lost=lost) for each in places)
        return cls(ends, now, then)

    @property
    def part(self) -> Part:
        """Return the members with a weight, as rows of `now`."""
        return self.now.part(self.waves[0])

    def amounts(self, variable: str, *, in_real_terms: bool) -> Amounts:
        """Return an amount of the members with a weight in both waves; NaN where one of them is missing."""
        key = (variable, in_real_terms)
        if key not in self._amounts:
            both = (each.number(variable, in_real_terms=in_real_terms) for each in (self.now, self.then))
            first, second = (each[self.part.places] for each in both)
            nominal = self.amounts(variable, in_real_terms=False) if in_real_terms else None
            self._amounts[key] = nominal.in_prices(first, second) if nominal else Amounts.of(first, second)
        return self._amounts[key]

    def coded(self, variable: str) -> Coded:
        """Return a coded variable of the members with a weight in both waves."""
        if variable not in self._coded:
            both = (each.need(variable).iloc[self.part.places] for each in (self.now, self.then))
            self._coded[variable] = Coded.of(self.now.study.variable(variable).codes, *both)
        return self._coded[variable]

    def split(self, groups: Grouping, known: np.ndarray) -> Split:
        """Return the members in groups by rows of `now`, of those of `part` who are known (a mask); kept."""
        return self.now.split(self.part, groups.codes, len(groups.keys), known)

    def degrees(self, found: Grouped) -> list[int]:
        """Return the degrees of freedom of each group."""
        return self.now.degrees(self.part, found)

    def totals_of_whole(self, linear: np.ndarray) -> np.ndarray:
        """
        Return the weighted influence of an estimate by PSU of the whole sample, all weighting credited.

        So it may stand beside estimates of other waves and under other weights. `linear` is a number a row of `now`.
        """
        weighted, where = self.now.influence(linear, self.waves[0]), self.now.places
        if self.now.lost is not None and self.now.lost.places is not None:
            weighted, where = self.now.lost.influence(weighted), self.now.lost.places
        return self.now.whole.design.totals(weighted, where)

    def figures(
        self, labels: Sequence[Label], statistic: str, found: Grouped, degrees: Sequence[int], *, method: str,
        is_provisional: bool = False,
    ) -> list[Figure | None]:  # fmt: skip
        """
        Return the figure of each group with its interval: by the logit for a share, Woodruff's for a quantile.

        None for a group that nobody is in. `found` is over the rows of `part`.
        """
        if found.se is None or found.low is None or found.high is None:
            se = np.sqrt(self.now.variances(self.part, found))
            edges = [_interval(found, place, se[place], degrees[place], label) for place, label in enumerate(labels)]
        else:
            se, edges = found.se, list(zip(found.low, found.high, strict=True))
        said, joint = self.now.design.said(method), self._influences(found, degrees)
        return [
            Figure(
                label=label,
                statistic=statistic,
                from_wave=self.waves[0],
                wave=self.waves[1],
                estimate=float(found.value[place]),
                se=float(se[place]),
                low=float(edges[place][0]),
                high=float(edges[place][1]),
                n=int(found.n[place]),
                n_eff=float(found.n_eff[place]),
                weight=self.now.label,
                method=said,
                is_provisional=is_provisional,
                influence=joint[place],
            )
            if found.there[place]
            else None
            for place, label in enumerate(labels)
        ]

    def _influences(self, found: Grouped, degrees: Sequence[int]) -> Sequence[Influence | None]:
        """Return the influence of each group by PSU of the whole sample, where it was asked for."""
        if not self.is_joint:
            return [None] * found.count
        at, design = self.part.at(found.rows), self.now.whole.design
        linear = np.zeros((found.count, len(self.now.weight)))
        linear[found.owner, at] = found.pull
        totals = (self.totals_of_whole(each) for each in linear)
        return [Influence(own, design, freedom) for own, freedom in zip(totals, degrees, strict=True)]


def _interval(found: Grouped, place: int, se: float, degrees: int, label: Label) -> tuple[float, float]:
    value = float(found.value[place])
    if label.unit == "share":
        return logit_interval(value, float(se), degrees, float(found.n_eff[place]))
    reach = t_quantile(degrees) * float(se)
    return value - reach, value + reach


def _lost(sample: Sample, due: pd.DataFrame, own: int, here: np.ndarray, gone: np.ndarray) -> Lost | None:
    """
    Return those who were due and did not answer, after those who did; None where no propensity was estimated.

    The first `own` of `due` answered and are `here`, the others are `gone`: rows of the sample.
    """
    if not due["propensity"].iloc[:own].notna().all():
        return None
    places = np.concatenate([here, gone])
    chance = due["propensity"].to_numpy(dtype=float)
    answered = (np.arange(len(due)) < own).astype(float)
    read = ["cohort", *dict.fromkeys(domain.variable for domain in sample.study.domains)]
    x = regressors(sample.frame[read].take(places), sample.study)
    base = due["design_weight"].to_numpy(dtype=float) * chance
    return Lost(ResponseCredit(answered, chance, x, base), sample.design.take(places), places)


def _places(sample: Sample, numbers: np.ndarray, wave: int) -> np.ndarray:
    """Return which row of the sample is each member's, by number, in a wave."""
    found = sample.rows_of(numbers, wave)
    if (found < 0).any():
        raise EstimateError(
            f"{int((found < 0).sum())} members have a weight for wave {wave} and no answers in it.",
            fix="panelctl weigh computes the weights anew",
        )
    return found


def stayers(
    pair: Pair, labels: Sequence[Label], variable: str, groups: Grouping, *, in_real_terms: bool, method: str
) -> list[Figure]:
    """
    Return how an amount changed within the same members: mean and median change, and who fell, stayed and rose.

    Who fell, stayed or rose counts everybody who gave both amounts: the share that fell, by any amount, as the
    statistics office defines it; zero and negative amounts are counted like any other. The median relative change is
    of members whose first amount is above zero; how many that leaves out is said in the denominator.

    Oracle: o05 (stayers); o07 for shares.

    Args:
        pair: the two waves.
        labels: what the figures of each group are about.
        variable: an amount.
        groups: who is in which, by rows of `pair.now`.
        in_real_terms: amounts in prices of the index's base year.
        method: how the intervals are meant.
    """
    amounts = pair.amounts(variable, in_real_terms=in_real_terms)
    change, split = amounts.change, pair.split(groups, amounts.in_both)
    if not len(split.rows):
        return []
    tell = partial(pair.figures, method=method, is_provisional=in_real_terms and pair.now.is_provisional(*pair.waves))
    found = means(change, pair.part.weight, split)
    degrees = pair.degrees(found)
    out = [
        tell(labels, "stayers_mean_change", found, degrees),
        tell(labels, "stayers_median_change", pair.now.quantiles(pair.part, change, split), degrees),
    ]
    shares = [replace(label, unit="share") for label in labels]
    for name, hit in (("fell", change < 0), ("same", change == 0), ("rose", change > 0)):
        found = means(hit.astype(float), pair.part.weight, split)
        out.append(tell(shares, f"stayers_share_{name}", found, degrees))
    out.append(_relative(pair, labels, amounts, groups, tell))
    return _by_group(out)


def _relative(
    pair: Pair, labels: Sequence[Label], amounts: Amounts, groups: Grouping, tell: Callable[..., list[Figure | None]],
) -> list[Figure | None]:  # fmt: skip
    own = pair.split(groups, amounts.has_base)
    left_out = pair.split(groups, amounts.in_both).n - own.n
    found = pair.now.quantiles(pair.part, amounts.ratio, own)
    said = [
        replace(
            label,
            unit="ratio",
            denominator=f"{label.denominator}; {left_out[place]} with a first amount of zero or less left out",
        )
        for place, label in enumerate(labels)
    ]
    return tell(said, "stayers_median_relative_change", found, pair.degrees(found))


def _by_group(columns: Sequence[Sequence[Figure | None]]) -> list[Figure]:
    return [figure for row in zip(*columns, strict=True) for figure in row if figure is not None]


def transitions(pair: Pair, labels: Sequence[Label], variable: str, groups: Grouping, *, method: str) -> list[Figure]:
    """
    Return the from-to table of a coded variable: of those who were in one category, the share that is in another.

    Rows of the table add up to one. `value` is "from>to". Members without an answer in either wave are in no cell.

    Source: kernel, row shares as ratios. Oracle: o07 (row_shares and their logit intervals).

    Args:
        pair: the two waves.
        labels: what the figures of each group are about.
        variable: a coded variable.
        groups: who is in which, by rows of `pair.now`.
        method: how the intervals are meant.
    """
    coded, part = pair.coded(variable), pair.part
    own = groups.codes[part.places]
    both = (own >= 0) & (coded.source >= 0) & (coded.target >= 0)
    there = coded.among(both)
    if not there:
        return []
    many = len(coded.codes)
    rows = [(label, coded.codes[place]) for label in labels for place in there]
    at = np.full(many, -1)
    at[there] = np.arange(len(there))
    source = at[coded.source]
    split = Split.of(np.where(both & (source >= 0), own * len(there) + source, -1), len(rows))
    degrees, out = list[int](), []
    for place in there:
        found = means((coded.target == place).astype(float), part.weight, split)
        degrees = degrees or pair.degrees(found)
        told = [replace(label, value=f"{each}>{coded.codes[place]}", unit="share") for label, each in rows]
        out.append(pair.figures(told, "transition", found, degrees, method=method))
    return _by_group(out)
