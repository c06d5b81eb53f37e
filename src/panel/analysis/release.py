"""Releases of a study, as an analyst reads them."""

from __future__ import annotations

import pandas as pd

from panel.analysis.panel import Panel
from panel.analysis.subject import Weight
from panel.analysis.tables import Tables
from panel.cite import cite
from panel.codebook import Codebook


class Release(Tables):
    """An immutable, citable cut of a study."""

    def __repr__(self) -> str:
        label = " · SYNTHETIC" if self.record.is_synthetic else ""
        return f"<Release {self.study.key} {self.record.key} · digest {self.record.digest[:12]}{label}>"

    @property
    def codebook(self) -> Codebook:
        """Return the codebook, by variable name."""
        return Codebook(self.study)

    def estimates(self) -> pd.DataFrame:
        """Return the published figures (schema.ESTIMATES)."""
        return self.table("estimates")

    def attrition(self) -> pd.DataFrame:
        """Return members by cohort, wave and disposition: one row each, with `members`."""
        tracking = self.table("tracking")
        return tracking.groupby(["cohort", "wave", "disposition"]).size().reset_index(name="members")

    def cite(self, language: str = "en") -> str:
        """Return a line for the footnote, with the digest; SYNTHETIC where nobody answered."""
        return cite(self.record, self.study, language=language)

    def panel(self, *, weight: Weight = "longitudinal") -> Panel:
        """
        Return the panel of the release.

        Args:
            weight: decides what a change is. "longitudinal" follows the same members; "cross-sectional" compares
                everybody in one wave with everybody in another. Levels are always cross-sectional.
        """
        return Panel(self, weight)
