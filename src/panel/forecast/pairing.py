"""Which pairs of waves a prediction is read over, and under which weight."""

from __future__ import annotations

import numpy as np
import pandas as pd

from panel.estimate import Pair, Sample
from panel.model.instrument import Prediction
from panel.model.study import Study


def is_due(study: Study, told: Prediction, first: int, second: int) -> bool:
    """
    Say whether a claim made at one wave is read at another.

    One over a number of years is read that many years on, by the years of fieldwork. One for the target year is read
    in every later wave, up to the target year and not beyond it.
    """
    made, read = (study.wave(number).fieldwork.start.year for number in (first, second))
    return read <= study.target_year if told.horizon == "target" else read - made == told.horizon


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
