"""A panel an analyst asks, made of person-waves by hand: no database, no folder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from panel.analysis import Panel
from panel.analysis.release import Release
from panel.errors import EstimateError
from panel.model.results import ReleaseRecord
from panel.model.study import Study
from panel.schema import PERSON_WAVES, TRACKING, WEIGHTS
from panel.weigh import cross_sectional, longitudinal
from tests.unit import release_factory

STUDY = release_factory.study()


class HeldRelease(Release):
    """A release whose tables are in memory."""

    def __init__(self, study: Study, tables: dict[str, pd.DataFrame]) -> None:
        record = ReleaseRecord.__new__(ReleaseRecord)
        super().__init__(study, record)
        self._tables = tables

    @property
    def key(self) -> str:
        """Return the key of the release."""
        return "by hand"

    def table(self, name: str) -> pd.DataFrame:
        """Return a table."""
        return self._tables[name]


def person_waves(rows: Sequence[dict[str, Any]], study: Study = STUDY) -> pd.DataFrame:
    """Return person-waves; what a row does not say is that of a plain member, drawn alone, in one stratum."""
    plain = {
        "revision": 1,
        "response": "r",
        "disposition": "complete",
        "cohort": 1,
        "stratum": "s",
        "design_weight": 1.0,
    }
    frame = pd.DataFrame([plain | {"psu": row["member"]} | row for row in rows])
    return PERSON_WAVES.coerce(frame, study.variables)


def panel_of(
    frame: pd.DataFrame,
    *,
    study: Study = STUDY,
    weights: pd.DataFrame | None = None,
    gone: Sequence[tuple[str, int]] = (),
) -> Panel:
    """
    Return the panel of person-waves, weighted by the study's rules unless weights are told.

    `gone` are members who had died by a wave.
    """
    made = _weights(frame, study) if weights is None else weights
    tables = {"person_waves": frame, "weights": made, "tracking": _tracking(frame, gone)}
    return Panel(HeldRelease(study, tables), "longitudinal")


def _tracking(frame: pd.DataFrame, gone: Sequence[tuple[str, int]]) -> pd.DataFrame:
    there = set(zip(frame["member"], frame["wave"], strict=True))
    rows = [
        {
            "member": member, "wave": wave, "cohort": 1, "is_returning": False,
            "disposition": _disposition((member, wave), there, gone),
            "is_interviewed": (member, wave) in there,
        }
        for member in frame["member"].unique()
        for wave in sorted(frame["wave"].unique())
    ]  # fmt: skip
    return TRACKING.coerce(pd.DataFrame(rows))


def _disposition(case: tuple[str, int], there: set[tuple[str, int]], gone: Sequence[tuple[str, int]]) -> str:
    if case in there:
        return "complete"
    return "deceased" if case in gone else "no_answer"


def _weights(frame: pd.DataFrame, study: Study) -> pd.DataFrame:
    waves = sorted(map(int, frame["wave"].unique()))
    made = [cross_sectional(frame[frame["wave"] == wave], study=study, wave=wave).rows for wave in waves]
    tracking = _tracking(frame, ())
    pairs = [(one, two) for one in waves for two in waves if one < two]
    for own in [*pairs, *([tuple(waves)] if len(waves) > 2 else [])]:
        try:
            made.append(longitudinal(frame, tracking, study=study, waves=own).rows)
        except EstimateError:
            continue  # nobody answered all
    return WEIGHTS.coerce(pd.concat(made, ignore_index=True))


def members(count: int, seed: int = 1, *, waves: Sequence[int] = (1, 2, 3), stay: float = 0.8) -> list[dict[str, Any]]:
    """Return rows of members by chance: a class, a role, a profit, and who answers which waves after the first."""
    draw = np.random.default_rng(seed)
    rows = []
    for number in range(count):
        work, base = int(draw.integers(1, 3)), float(draw.normal(20_000, 4_000))
        for wave in waves:
            if wave == waves[0] or draw.random() < stay - 0.15 * (work == 1):
                role, profit = int(draw.integers(1, 3)), base + float(draw.normal(0, 900)) + 300 * wave
                rows.append(
                    {"member": f"m{number:04d}", "wave": wave, "emp_class": work, "role": role, "profit": profit}
                )
    return rows
