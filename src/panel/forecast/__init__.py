"""Predictions against realisations: the ledger of claims, their scores, and the view to the target year."""

from panel.forecast.ledger import STATES, ledger
from panel.forecast.predictions import predictions

__all__ = ["STATES", "ledger", "predictions"]
