"""What held cells do to figures, kept apart: only the few figures that they touch have rows."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from panel.schema import ESTIMATES

COLUMNS = [name for name in ESTIMATES.names if name not in ("n_held", "estimate_with_held")]
_KEY = list(ESTIMATES.key)


def held_table(table: str) -> str:
    """Return the name under which a table's figures with what is held are kept."""
    return f"{table}_with_held"


def split_held(table: str, figures: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the figures, and of those that held cells touch n held and the figure with them, each under its name."""
    yield table, figures[COLUMNS]
    untouched = figures["n_held"].eq(0).fillna(value=False) | figures["status"].eq("hidden")
    beside = figures[~untouched]
    yield held_table(table), beside[COLUMNS].assign(n=beside["n_held"], estimate=beside["estimate_with_held"])


def with_held(figures: pd.DataFrame, beside: pd.DataFrame) -> pd.DataFrame:
    """Return figures (schema.ESTIMATES) with what `split_held` kept beside them."""
    rows = ESTIMATES.coerce(figures)[ESTIMATES.names]
    kept = ESTIMATES.coerce(beside)[[*_KEY, "n", "estimate"]]
    kept = kept.rename(columns={"n": "n_held", "estimate": "estimate_with_held"})
    found = rows[_KEY].merge(kept, on=_KEY, how="left", indicator=True)
    untouched = (found["_merge"] == "left_only").to_numpy() & (rows["status"] != "hidden").to_numpy(dtype=bool)
    rows["n_held"] = found["n_held"].mask(untouched, 0)
    rows["estimate_with_held"] = found["estimate_with_held"].mask(untouched, rows["estimate"])
    return rows
