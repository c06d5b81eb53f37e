"""Whose claims are read over a pair of waves, and under which weight."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panel.estimate import Pair, Sample


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
    members = sample.frame["member"]
    earlier = np.flatnonzero(sample.wave == first)
    later = np.flatnonzero((sample.wave == second) & sample.is_weighted)
    found = pd.Index(members.iloc[earlier]).get_indexer(members.iloc[later])
    places = (earlier[found[found >= 0]], later[found >= 0])
    if not len(places[0]):
        return None
    own = weights[(weights["kind"] == "cross-sectional") & (weights["wave"] == second)]
    design = sample.design.take(places[0])
    label = f"cross-sectional {second}, members of {first} and {second}"
    now, then = (
        Sample(sample.study, sample.frame.iloc[each], own, label=label, keys=("member",), design=design)
        for each in places
    )
    return Pair(waves, now, then)
