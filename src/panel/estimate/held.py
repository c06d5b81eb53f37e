"""How many members checks hold out of each figure, and what the figure would be with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pandas as pd

from panel.model.study import Study
from panel.schema import ESTIMATES


def touched(study: Study, held: Iterable[str]) -> Study | None:
    """
    Return the study with only the indicators and transitions that held variables can change; None where there is none.

    Args:
        study: the study.
        held: variables of which a cell is held, and all that derive from them. A variable of a domain changes who is in
            which group, and with it every figure.
    """
    names = set(held)
    if names & {domain.variable for domain in study.domains}:
        return study
    indicators = tuple(each for each in study.indicators if each.variable in names)
    transitions = tuple(each for each in study.transitions if each.variable in names)
    return replace(study, indicators=indicators, transitions=transitions) if indicators or transitions else None


def touches_predictions(study: Study, held: Iterable[str]) -> bool:
    """
    Say whether held variables can change a figure about predictions.

    Args:
        study: the study.
        held: as for `touched`: what was predicted, what came of it, or who is in which group.
    """
    asked = (each for instrument in study.instruments for each in instrument.predictions)
    used = {name for each in asked if each.predicts for name in (each.variable.name, each.predicts.variable)}
    return bool(set(held) & (used | {domain.variable for domain in study.domains}))


def beside_held(figures: pd.DataFrame, with_held: pd.DataFrame) -> pd.DataFrame:
    """
    Return figures with `n_held` and `estimate_with_held`, in their order.

    `n_held` is how many more members the figure would count if nothing were held. A figure that nothing held touches
    has 0, and the estimate itself.

    Args:
        figures: schema.ESTIMATES, with what is held set aside. Not modified.
        with_held: the same figures, or some of them, with nothing set aside. Not modified.
    """
    key = list(ESTIMATES.key)
    other = with_held[[*key, "n", "estimate"]].rename(columns={"n": "n_all", "estimate": "estimate_all"})
    both = figures[[*key, "n", "estimate"]].merge(other, on=key, how="left", validate="one_to_one")
    told = both["n_all"].notna()
    more = (both["n_all"] - both["n"]).clip(lower=0).where(told, 0)
    value = both["estimate_all"].where(told, both["estimate"])
    made = {"n_held": more.to_numpy(), "estimate_with_held": value.to_numpy()}
    return ESTIMATES.coerce(figures.assign(**made))[ESTIMATES.names]
