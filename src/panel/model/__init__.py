"""Frozen values: studies, instruments, people, results. Standard library only."""
