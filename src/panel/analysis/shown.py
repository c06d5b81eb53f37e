"""What may be shown of figures that are made of each other."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from panel.disclose import HIDDEN, protect


def together(table: pd.DataFrame, statistics: Sequence[str], *, threshold: int) -> pd.DataFrame:
    """
    Return the table protected, and of these statistics of a group all or none shown: one could be had from the others.

    Args:
        table: schema.ESTIMATES of one question. Not modified.
        statistics: those made of each other.
        threshold: the fewest members a shown figure may be about.
    """
    shown = protect(table, threshold=threshold)
    own = shown["statistic"].isin(list(statistics))
    group = shown["domain"].fillna("") + "\x1f" + shown["group"]
    while True:
        is_hidden = shown["status"] == HIDDEN
        more = own & ~is_hidden & group.isin(group[own & is_hidden])
        if not more.any():
            return shown
        shown = protect(shown.assign(status=shown["status"].mask(more, HIDDEN)), threshold=threshold)
