"""Prefect flows: order, retries, and who hears of a failure."""
