"""What is held beside each figure: counted, and told only where it tells about nobody."""

from __future__ import annotations

import pandas as pd
import pytest

from panel.disclose import protect
from panel.estimate.held import beside_held
from panel.schema import ESTIMATES
from panel.store.held_figures import COLUMNS, held_table, split_held, with_held

LEVEL = {
    "indicator": "income", "statistic": "mean", "variable": "income", "domain": None, "group": "all", "wave": 1,
    "estimate": 100.0, "se": 1.0, "low": 98.0, "high": 102.0, "n": 500, "n_eff": 400.0, "unit": "EUR",
    "weight": "cross-sectional 1", "status": "final", "terms": "nominal",
}  # fmt: skip


def figures(*changes: dict[str, object]) -> pd.DataFrame:
    """Return a table of figures, each as LEVEL but for its changes."""
    return ESTIMATES.coerce(pd.DataFrame([{**LEVEL, **each} for each in changes]))[ESTIMATES.names]


def told(table: pd.DataFrame) -> list[object]:
    """Return n held of every figure after protection, None where it is not told."""
    kept = protect(table, threshold=10)
    pd.testing.assert_frame_equal(protect(kept, threshold=10), kept)
    assert (kept["n_held"].isna() == kept["estimate_with_held"].isna()).all()
    return [None if pd.isna(each) else int(each) for each in kept["n_held"]]


def group(name: str, held: int, **more: object) -> dict[str, object]:
    """Return the changes of a figure of a group with so many held."""
    return {"domain": "work", "group": name, "n": 200, "n_held": held, "estimate_with_held": 90.0, **more}


def test_a_figure_has_the_members_it_lacks_and_its_value_with_them():
    """Five more members and another mean; a figure that nothing touches has none and itself."""
    here = figures({}, {"wave": 2})
    found = beside_held(here, figures({"n": 505, "estimate": 98.0}))
    assert found["n_held"].tolist() == [5, 0]
    assert found["estimate_with_held"].tolist() == [98.0, 100.0]
    assert found[COLUMNS].equals(here[COLUMNS])


@pytest.mark.parametrize(
    ("held", "shown"),
    [
        ([25, 12, 13], [25, 12, 13]),  # enough in each
        ([12, 12, 0], [12, 12, 0]),  # nobody tells about nobody
        ([15, 12, 3], [15, None, None]),  # three in one group: the other goes, or they are had by subtraction
        ([3, 3, 0], [None, None, None]),  # too few at all
        ([26, 12, 13], [26, None, None]),  # one is in neither group
    ],
)
def test_few_held_members_are_not_told(held, shown):
    """N held and the figure with them are shown only where nobody can compute what few held members said."""
    everybody, one, other = held
    table = figures({"n_held": everybody, "estimate_with_held": 90.0}, group("own", one), group("staff", other))
    assert told(table) == shown


def test_a_change_goes_with_its_levels():
    """A change is the difference of two levels with what is held, so it tells no more than they do."""
    change = {"statistic": "change", "from_wave": 1, "wave": 2, "estimate_with_held": 1.0, "n_held": 12}
    levels = [{"n_held": 3, "estimate_with_held": 90.0}, {"wave": 2, "n_held": 12, "estimate_with_held": 91.0}]
    assert told(figures(*levels, change)) == [None, 12, None]


def test_figures_about_the_same_predictions_go_together():
    """Bins add up to the whole, so n held of a bin with few is not had by subtraction; other waves are untouched."""

    def bin_(value, held, **more):
        own = {
            "statistic": "bin_frequency",
            "unit": "share",
            "estimate": 0.5,
            "value": value,
            "from_wave": 1,
            "wave": 2,
        }
        return {**own, "n": 100, "n_held": held, "estimate_with_held": 0.4, **more}

    whole = bin_(None, 15, statistic="realised_frequency", n=200)
    assert told(figures(bin_("low", 12), bin_("high", 3), whole)) == [None, None, None]
    assert told(figures(bin_("low", 12), bin_("high", 13), {**whole, "n_held": 25})) == [12, 13, 25]
    later = {"from_wave": 2, "wave": 3}
    both = figures(bin_("low", 3), bin_("high", 12), bin_("low", 12, **later), bin_("high", 12, **later))
    assert told(both) == [None, None, 12, 12]


def test_a_hidden_figure_hides_what_is_held_too():
    """A figure about five members has nothing beside it."""
    assert told(figures({"n": 5, "n_held": 20, "estimate_with_held": 9.0})) == [None]


def test_only_figures_that_are_touched_are_kept_twice():
    """The store keeps a row more for each figure that held cells touch or hide, and gives back what it was given."""
    table = figures(
        {"n_held": 0, "estimate_with_held": 100.0},
        {"wave": 2, "n_held": 12, "estimate_with_held": 90.0},
        {"wave": 3, "n_held": None, "estimate_with_held": None},
        {"wave": 4, "status": "hidden", "estimate": None, "n": None, "n_held": None, "estimate_with_held": None},
    )
    kept = dict(split_held("estimates", table))
    assert len(kept[held_table("estimates")]) == 2
    pd.testing.assert_frame_equal(with_held(*kept.values()), table)
