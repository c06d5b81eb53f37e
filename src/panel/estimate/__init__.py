"""Estimators over one variance kernel."""
