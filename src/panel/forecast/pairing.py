"""Whose claims are read over a pair of waves, and under which weight."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panel.estimate import Pair, Sample
from panel.estimate.sample import WEIGHT_COLUMNS, Chosen


def pair_of(sample: Sample, weights: pd.DataFrame, waves: tuple[int, int]) -> Pair | None:
    """
    Return the members who answered both waves: under their longitudinal weight where there is one.

    Else under the cross-sectional weight of the later wave, which the label of the weight then says: it stands for
    everybody at the later wave, and does not make up for those who left in between.

    Returns:
        None where nobody answered both.
    """
    name = "-".join(map(str, waves))
    if ((weights["kind"] == "longitudinal") & (weights["waves"] == name)).any():
        return Pair.of(sample, weights, waves)
    first, second = waves
    later = np.flatnonzero((sample.wave == second) & sample.is_weighted)
    earlier = sample.row_of(first)[sample.member[later]]
    places = (earlier[earlier >= 0], later[earlier >= 0])
    if not len(places[0]):
        return None
    own = pd.DataFrame({name: getattr(sample, name)[places[1]] for name in WEIGHT_COLUMNS})
    label = f"cross-sectional {second}, members of {first} and {second}"
    now, then = (Chosen(sample, each, own, label=label) for each in places)
    return Pair(waves, now, then)
