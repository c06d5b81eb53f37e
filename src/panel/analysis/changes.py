"""What changed between two waves."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panel.analysis.levels import Levels
from panel.estimate import Pair, stayers


class Changes(Levels):
    """Questions about a number in two waves."""

    def change(self, variable: str, *, waves: tuple[int | str, int | str]) -> pd.DataFrame:
        """
        Return how a number changed between two waves, nominal.

        Under the longitudinal weight: within the same members, by the group they were in first. Under the
        cross-sectional weight: everybody in the later wave against everybody in the earlier, with the overlap in the
        standard error.

        Raises:
            EstimateError: the release has no longitudinal weight for these two waves.
        """
        self._number(variable)
        first, second = self._pair_of(waves)
        if self.weight == "cross-sectional":
            values = self._sample.number(variable)
            table = self._levels(variable, "mean", values, np.isfinite(values), None, waves=[first, second])
            return table[table["statistic"].isin(["change", "relative_change"])].reset_index(drop=True)
        pair = Pair.of(self._sample, self._weights, (first, second))
        labels, groups = self._labels(variable), self._groups(pair.now)
        return self._protected(stayers(pair, labels, variable, groups, in_real_terms=False, method=self._method))
