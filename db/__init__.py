"""Migrations and study files."""
