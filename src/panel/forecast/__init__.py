"""Predictions against realisations."""
