"""What members predicted, against what has happened since."""

from __future__ import annotations

from typing import Literal

import pandas as pd

from panel.analysis.subject import Subject
from panel.errors import EstimateError, UnknownKey, did_you_mean
from panel.forecast import VIEWS, View, questions_of, tally, view_of

Predicted = View | Literal["ledger", "claims"]


class Foreseen(Subject):
    """Questions about predictions."""

    def predictions(self, question: str | None = None, *, show: Predicted = "outcomes") -> pd.DataFrame:
        """
        Return what members predicted against what has happened to them since, of one question or of all.

        Args:
            question: key of a question that predicts.
            show: "outcomes" (predicted, happened, who was right), "scores", "revisions" or "horizon" (the view to the
                target year): published figures (schema.ESTIMATES) of everybody, or by the domain that `by` names.
                "ledger" counts the claims by question, wave and state, "claims" has one a row (schema.CLAIMS without
                hashes): about single members, for researchers, not protected.

        Raises:
            UnknownKey: the question predicts nothing, `show` is none of these, or `by` names what is no domain.
            EstimateError: `where` marked a subpopulation, or `by` divides the ledger.
        """
        known = questions_of(self.release.study)
        if question is not None and question not in known:
            raise UnknownKey(f"No question '{question}' predicts anything.", fix=did_you_mean(question, known))
        if show not in (*VIEWS, "ledger", "claims"):
            raise UnknownKey(f"Nothing to show as '{show}'.", fix=did_you_mean(show, [*VIEWS, "ledger", "claims"]))
        in_ledger = show in ("ledger", "claims")
        if self.conditions or (in_ledger and self.division):
            raise EstimateError("Only published groups have figures, the ledger none.", fix="by(domain).predictions()")
        table = self.release.table("claims" if in_ledger else "predictions")
        if question is not None:
            table = table[table["question" if in_ledger else "indicator"] == question]
        if in_ledger:
            return tally(table) if show == "ledger" else table.reset_index(drop=True)
        return self._divided(table[view_of(table) == show])

    def _divided(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return of published figures those about everybody, or about the groups of the domain chosen."""
        if self.division is None:
            return table[table["group"] == "all"].reset_index(drop=True)
        if self.is_simultaneous:
            raise EstimateError(
                "Published figures have no intervals that hold together.", fix="by(domain) without simultaneous"
            )
        domain = self.release.study.domain(self.division.key)
        return table[table["domain"] == domain.key].reset_index(drop=True)
