"""Predictions against realisations."""

from panel.forecast.predictions import predictions

__all__ = ["predictions"]
