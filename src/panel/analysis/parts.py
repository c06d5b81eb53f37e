"""What a net change is made of."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from panel.analysis.subject import Subject
from panel.estimate import Amount, decomposition


class Parts(Subject):
    """Questions about who makes a net change."""

    def decomposition(
        self, variable: str, *, waves: tuple[int | str, int | str], in_real_terms: bool = False
    ) -> pd.DataFrame:
        """
        Return the net change of a mean, and what stayers, entrants, leavers and those who changed group add to it.

        The parts add up to the net change, which is that of `change` under the cross-sectional weight; both waves have
        their cross-sectional weights, whatever the panel's own. A part that nobody is in has no row: it is zero. Where
        a part is about too few people, a second goes with it, so that it cannot be had by subtraction. See
        `panel.estimate.decomposition`.

        Args:
            variable: a number.
            waves: the earlier and the later.
            in_real_terms: amounts in prices of the index's base year.

        Raises:
            UnknownVariable: it is no number.
            EstimateError: no group has anybody with a value in both waves, or there is no price index.
        """
        self._number(variable)
        sample, (first, second) = self._sample, self._pair_of(waves)
        amount = Amount(
            variable=variable,
            values=sample.number(variable, in_real_terms=in_real_terms),
            waves=(first, second),
            is_provisional=in_real_terms and sample.is_provisional(first, second),
            is_joint=self.is_simultaneous,
        )
        terms = "real" if in_real_terms else None
        labels = [replace(each, terms=terms or each.terms) for each in self._labels(variable)]
        return self._protected(decomposition(sample, labels, amount, self._groups(sample), method=self._method))
