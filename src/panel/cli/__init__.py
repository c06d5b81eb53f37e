"""The command `panelctl`: parse, call one action or flow, print, exit code."""

from panel.cli.main import main

__all__ = ["main"]
