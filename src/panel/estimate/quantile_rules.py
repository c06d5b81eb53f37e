"""
Where a quantile lies between weighted values: twelve rules.

"math" is the definition, inf{y: F(y) >= p}, and what figures of this service use. The others are there to reproduce
figures made elsewhere. hf1 to hf9 are those of Hyndman and Fan (1996, The American Statistician 50) with weights for
counts; "school" takes the middle where the definition would allow a whole step; "shahvaish" is that of Shah and Vaish
(2006, Proceedings of the ASA Section on Survey Research Methods). Oracle: o02.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

from panel.errors import UnknownKey, did_you_mean

Rule = Literal["math", "school", "shahvaish", "hf1", "hf2", "hf3", "hf4", "hf5", "hf6", "hf7", "hf8", "hf9"]
RULES: tuple[Rule, ...] = get_args(Rule)
_CLOSE = 1e-12  # shares that differ by less are equal: sums of weights are not exact
# the share of the weight at each value, from the weight up to it (its own included) and its own
_POSITIONS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "hf4": lambda up_to, _: up_to / up_to[-1],
    "hf5": lambda up_to, own: (up_to - own / 2) / up_to[-1],
    "hf6": lambda up_to, own: up_to / (up_to[-1] + own[-1]),
    "hf7": lambda up_to, own: (up_to - own) / (up_to[-1] - own[-1]),
    "hf8": lambda up_to, own: (up_to - own / 3) / (up_to[-1] + own[-1] / 3),
    "hf9": lambda up_to, own: (up_to - own * 3 / 8) / (up_to[-1] + own[-1] / 4),
}


def quantile_by(rule: str, y: np.ndarray, weights: np.ndarray, p: float) -> float:
    """
    Return a weighted quantile by a rule.

    Args:
        rule: one of `RULES`.
        y: values, in rising order.
        weights: a weight each; those of zero are left out.
        p: which quantile, from 0 to 1; beyond, the least and the largest value.

    Raises:
        UnknownKey: there is no such rule.
    """
    if rule not in RULES:
        raise UnknownKey(f"There is no quantile rule '{rule}'.", fix=did_you_mean(rule, RULES))
    values, own = y[weights > 0], weights[weights > 0]
    up_to = np.cumsum(own)
    if len(values) == 1:
        return float(values[0])
    if rule in _POSITIONS:
        return float(np.interp(p, _POSITIONS[rule](up_to, own), values))
    if rule == "shahvaish":
        return _shah_vaish(values, own, p)
    return _stepwise(rule, values, up_to, p)


def _shah_vaish(values: np.ndarray, weights: np.ndarray, p: float) -> float:
    own = weights / weights.mean()
    positions = (np.cumsum(own) + 0.5 - own / 2) / (len(own) + 1)
    return float(values[max(int(np.searchsorted(positions, p, side="right")) - 1, 0)])


def _stepwise(rule: str, values: np.ndarray, up_to: np.ndarray, p: float) -> float:
    """Return the first value at which a share of the weight is reached; what happens on a step is the rule's."""
    if rule == "hf3":  # counts steps, so equal values are one
        last = np.append(np.flatnonzero(np.diff(values)), len(values) - 1)
        values, up_to = values[last], up_to[last]
    wanted = min(max(p, 0.0), 1.0) * up_to[-1]
    place = min(int(np.searchsorted(up_to, wanted * (1 - _CLOSE))), len(values) - 1)
    following = min(place + 1, len(values) - 1)
    if abs(up_to[place] - wanted) > _CLOSE * up_to[-1]:
        return float(values[place])
    if rule in ("school", "hf2"):
        return float((values[place] + values[following]) / 2)
    if rule == "hf3" and place % 2 == 0:  # the odd ones, counted from one: the even neighbour above
        return float(values[following])
    return float(values[place])
