"""Alembic migrations of the panel database."""
