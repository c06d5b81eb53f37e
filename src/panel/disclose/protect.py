"""
What may be published: no figure about too few people, and none from which one could be had by subtraction.

The threshold rule counts members in the denominator, unweighted (Hundepool et al. 2010, Handbook on Statistical
Disclosure Control, ch. 4). Where a hidden figure is the only one of its domain, the smallest other group is hidden too,
for everybody less the rest would give it away. A change is hidden where either of its levels is.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

NUMBERS = ["estimate", "se", "low", "high", "n", "n_eff"]
HIDDEN = "hidden"
_TABLE = ["indicator", "statistic", "variable", "value", "domain", "from_wave", "wave", "terms", "weight"]
_CELL = ["indicator", "value", "domain", "group", "terms"]
_LEVELS = ("share", "share_unclear", "mean", "median")
_CHANGES = ("change", "relative_change")


def protect(estimates: pd.DataFrame, *, threshold: int) -> pd.DataFrame:
    """
    Return `estimates` with every figure that could disclose a member hidden, its n and effective n included.

    Pure, and the same in any order of rows; protecting twice is protecting once.

    Args:
        estimates: schema.ESTIMATES. Not modified.
        threshold: the fewest members a shown figure may be about.
    """
    hidden = (estimates["status"] == HIDDEN) | (estimates["n"].fillna(0) < threshold)
    hidden = hidden.to_numpy(dtype=bool)
    hidden |= _same_people(estimates, hidden)
    hidden |= _lone(estimates, hidden)
    hidden |= _changes_of(estimates, hidden)
    out = estimates.copy()
    out.loc[hidden, NUMBERS] = pd.NA
    out.loc[hidden, "status"] = HIDDEN
    return out


def _keys(frame: pd.DataFrame, columns: list[str]) -> pd.Series:
    """Return one text a row that stands for these columns, nulls too."""
    parts = [frame[name].astype("str").fillna("") for name in columns]
    out = parts[0]
    for part in parts[1:]:
        out = out + "\x1f" + part
    return out


def _same_people(frame: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Hide the other cells of a transition row, or other statistics, that count the same few members."""
    source = (
        frame["value"].astype("str").str.replace(r">.*", "", regex=True).where(frame["statistic"] == "transition", "")
    )
    key = _keys(frame.assign(_source=source), ["indicator", "domain", "group", "from_wave", "wave", "_source"])
    rows = (frame["statistic"] == "transition").to_numpy(dtype=bool)
    return np.asarray(rows & key.isin(set(key[hidden & rows])).to_numpy(dtype=bool))


def _lone(frame: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Hide the smallest shown group of a domain of which exactly one group is hidden."""
    grouped = frame["domain"].notna().to_numpy(dtype=bool)
    key = _keys(frame, _TABLE)
    was_hidden = (frame["status"] == HIDDEN).to_numpy(dtype=bool)
    count = pd.Series(hidden & grouped).groupby(key.to_numpy()).transform("sum").to_numpy()
    settled = pd.Series(was_hidden & grouped).groupby(key.to_numpy()).transform("sum").to_numpy() >= 1
    open_rows = grouped & ~hidden & (count == 1) & ~settled
    candidates = frame.loc[open_rows, ["group", "n"]].assign(key=key[open_rows])
    smallest = candidates.sort_values(["key", "n", "group"]).drop_duplicates("key")
    out = np.zeros(len(frame), dtype=bool)
    out[frame.index.get_indexer(smallest.index)] = True
    return out


def _changes_of(frame: pd.DataFrame, hidden: np.ndarray) -> np.ndarray:
    """Hide the changes of a level that is hidden in either wave."""
    level = frame["statistic"].isin(_LEVELS).to_numpy(dtype=bool) & hidden
    change = frame["statistic"].isin(_CHANGES).to_numpy(dtype=bool)
    cell = _keys(frame, _CELL)
    lost = set((cell + "\x1f" + frame["wave"].astype("str"))[level])
    out = np.zeros(len(frame), dtype=bool)
    for column in ("from_wave", "wave"):
        out |= (cell + "\x1f" + frame[column].astype("str")).isin(lost).to_numpy(dtype=bool)
    return np.asarray(out & change)
