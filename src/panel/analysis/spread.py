"""Where a number lies and how far members moved: quantiles by any rule, own change, thresholds, balances of opinion."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from panel.analysis.changes import Changes
from panel.analysis.net import Errors
from panel.errors import EstimateError
from panel.estimate import (
    Kind,
    Percentile,
    Redrawn,
    Rule,
    Threshold,
    Variance,
    beyond_threshold,
    by_rank,
    own_change,
    percentiles,
    ruled,
)
from panel.model.instrument import Code

Waves = tuple[int | str, int | str]


class Spread(Changes):
    """Questions about distributions and their change."""

    def quantile(
        self, variable: str, *, p: float = 0.5, wave: int | str | None = None, waves: Waves | None = None,
        rule: str = "math", interval: str = "mean", in_real_terms: bool = False, variance: Variance = "kernel",
        replicates: int = 500, seed: int = 1,
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return a quantile of a number in a wave, or in two with its change, by any of twelve rules.

        See `panel.estimate.percentiles`. A change of a quantile is of the group, not of its members: `individual` has
        theirs.

        Args:
            variable: a number.
            p: the share below, 0.5 for the median.
            wave: of this wave; every wave by itself where neither is told.
            waves: the earlier and the later, for the change.
            rule: how a quantile lies between values (`panel.estimate.quantile_rules`); "math" is its definition.
            interval: of the share below ("mean", "xlogit", "beta", "asin", "wilson", "likelihood").
            in_real_terms: amounts in prices of the index's base year.
            variance: of the change: "kernel" (by densities), or "rao-wu", see `change`.
            replicates: how often "rao-wu" draws the sample again.
            seed: of the draws.

        Raises:
            UnknownKey: there is no such rule, interval or variance.
            EstimateError: nobody has a value, `p` is no share, or the change of a quantile has no such variance.
        """
        errors = Errors(variance, replicates, seed)
        asked = Percentile(p=p, rule=rule, interval=interval)
        labels = self._in_terms(self._labels(self._number(variable).name), in_real_terms)
        sample = self._sample
        if waves is not None:
            pairs = [self._pair_of(waves)]
        else:
            numbers = [self._number_of(wave)] if wave is not None else list(sample.waves)
            pairs = [(each, each) for each in numbers]
        figures = [
            figure
            for pair in pairs
            for figure in percentiles(
                sample, labels, self._amount(variable, pair, in_real_terms), self._groups(sample), asked,
                method=self._method, redrawn=self._of_quantiles(waves, errors),
            )
        ]  # fmt: skip
        if waves is not None and all(each.statistic == "quantile" for each in figures):
            figures = []  # a change was asked for, and no group is in both waves
        return self._protected(figures, variable, sorted({each for pair in pairs for each in pair}))

    def _of_quantiles(self, waves: Waves | None, errors: Errors) -> Redrawn | None:
        """Return the draws a change of a quantile takes its error from; None by the kernel."""
        if errors.variance == "kernel":
            return None
        if errors.variance != "rao-wu" or waves is None:
            raise EstimateError(
                f"The variance '{errors.variance}' is not of a quantile in a wave by itself, or of its change.",
                fix="the kernel's, or 'rao-wu' of a change between two waves",
            )
        return self._redrawn(self._pair_of(waves), errors)

    def individual(
        self, variable: str, *, waves: Waves, kind: Kind = "amount", in_real_terms: bool = False, groups: Rule = "first"
    ) -> pd.DataFrame:
        """
        Return mean and percentiles of members' own change: in amounts, relative to the first, or symmetric ("arc").

        See `panel.estimate.own_change`.

        Args:
            variable: a number.
            waves: the earlier and the later.
            kind: "amount", "relative" or "arc".
            in_real_terms: amounts in prices of the index's base year.
            groups: "first" (in the group in the earlier wave), "both" or "second".

        Raises:
            UnknownVariable: it is no number.
            EstimateError: these waves have no longitudinal weight, nobody gave both amounts, or there is no such kind.
        """
        Threshold(beyond=0.0, kind=kind)  # refuses what is no kind
        numbers = self._pair_of(waves)
        amount = self._amount(variable, numbers, in_real_terms)
        pair = self._pair(numbers)
        labels = self._by_rule(self._in_terms(self._labels(variable), in_real_terms), groups)
        rule = ruled(self._groups(pair.now), self._groups(pair.then), groups)
        found = own_change(pair, labels, amount, rule, method=self._method, kind=kind)
        return self._protected(found, variable, numbers)

    def thresholds(
        self, variable: str, *, waves: Waves, beyond: float, kind: Kind = "relative", interval: str = "logit",
        in_real_terms: bool = False, groups: Rule = "first",
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return the shares of members whose number fell, stayed and rose beyond a threshold.

        One threshold a call: figures at two thresholds, one less the other, would tell of those between them. See
        `panel.estimate.own_change.beyond_threshold`.

        Args:
            variable: a number.
            waves: the earlier and the later.
            beyond: the change that still counts as none: 0.05 for five per cent, or an amount by kind="amount".
            kind: "relative" to the first, "amount", or "arc".
            interval: of the shares: "logit", "beta" (for few members), "wilson", "likelihood", "asin", "mean".
            in_real_terms: amounts in prices of the index's base year.
            groups: "first" (in the group in the earlier wave), "both" or "second".

        Raises:
            UnknownVariable: it is no number.
            UnknownKey: there is no such kind or interval.
            EstimateError: the threshold is negative, these waves have no longitudinal weight, or nobody gave both.
        """
        asked, numbers = Threshold(beyond=beyond, kind=kind, interval=interval), self._pair_of(waves)
        amount = self._amount(variable, numbers, in_real_terms)
        pair = self._pair(numbers)
        labels = self._by_rule(self._in_terms(self._labels(variable), in_real_terms), groups)
        rule = ruled(self._groups(pair.now), self._groups(pair.then), groups)
        return self._protected(
            beyond_threshold(pair, labels, amount, rule, asked, method=self._method), variable, numbers
        )

    def ranks(
        self, variable: str, *, waves: Waves, parts: int = 5, in_real_terms: bool = False, groups: Rule = "first"
    ) -> pd.DataFrame:
        """
        Return how members' amounts changed by the fifth (or tenth) of the distribution they began in.

        Mean own change, who fell, who is in the same part later. See `panel.estimate.ranks`: slips and lucky years
        make low parts rise and high ones fall.

        Args:
            variable: a number.
            waves: the earlier and the later.
            parts: 5 for fifths, 10 for tenths.
            in_real_terms: amounts in prices of the index's base year.
            groups: "first" (in the group in the earlier wave), "both" or "second".

        Raises:
            UnknownVariable: it is no number.
            EstimateError: these waves have no longitudinal weight, or nobody gave both amounts.
        """
        numbers = self._pair_of(waves)
        amount = self._amount(variable, numbers, in_real_terms)
        pair = self._pair(numbers)
        labels = self._by_rule(self._in_terms(self._labels(variable), in_real_terms), groups)
        rule = ruled(self._groups(pair.now), self._groups(pair.then), groups)
        return self._protected(by_rank(pair, labels, amount, rule, parts, method=self._method), variable, numbers)

    def balance(
        self, variable: str, *, positive: Sequence[Code], negative: Sequence[Code], wave: int | str | None = None,
        waves: Waves | None = None,
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return the balance of an opinion: the share of positive answers less that of negative ones, and its change.

        Everybody who answered counts, "too early to say" and the middle as neither. The balance hides how many chose a
        side: read it beside `share`.

        Args:
            variable: a coded variable.
            positive: codes that count as one.
            negative: codes that count as minus one.
            wave: of this wave; every wave where neither is told.
            waves: the earlier and the later, for the change.

        Raises:
            UnknownVariable: the release has no such variable.
            UnknownKey: it has no such code.
            EstimateError: a code is on both sides, or nobody answered.
        """
        self._variable(variable)
        one, other = self._codes(variable, positive), self._codes(variable, negative)
        if not one or not other or set(one) & set(other):
            raise EstimateError("A balance is of some codes against others.", fix="name codes for each side")
        sample = self._sample
        values = sample.among(variable, list(one)).astype(float) - sample.among(variable, list(other))
        both = self._pair_of(waves) if waves else None
        text = f"{','.join(map(str, positive))}-{','.join(map(str, negative))}"
        table = self._levels(
            variable, "mean", values, sample.known(variable), wave, waves=both, unit="points", value=text
        )
        told = table[table["statistic"] != "relative_change"].reset_index(drop=True)
        return told.assign(statistic=told["statistic"].replace("mean", "balance"))
