"""Who moved from one answer to another."""

from __future__ import annotations

import pandas as pd

from panel.analysis.subject import Subject
from panel.estimate import Pair, transitions


class Moves(Subject):
    """Questions about a coded variable in two waves or more."""

    def transitions(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """Return the from-to table of a coded variable: row shares, under the longitudinal weight of the two waves."""
        self._variable(variable)
        pair = Pair.of(self._sample, self._weights, self._pair_of(waves))
        labels, groups = self._labels(variable, unit="share"), self._groups(pair.now)
        return self._protected(transitions(pair, labels, variable, groups, method=self._method))
