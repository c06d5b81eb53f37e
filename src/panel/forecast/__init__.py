"""Predictions against realisations: the ledger of claims, their scores, and the view to the target year."""

from panel.forecast.ledger import STATES, ledger
from panel.forecast.predictions import predictions
from panel.forecast.probabilities import BINS
from panel.forecast.views import VIEWS, View, Year, questions_of, tally, view_of, years

__all__ = [
    "BINS",
    "STATES",
    "VIEWS",
    "View",
    "Year",
    "ledger",
    "predictions",
    "questions_of",
    "tally",
    "view_of",
    "years",
]
