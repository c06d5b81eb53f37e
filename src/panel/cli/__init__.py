"""The command `panelctl`: parse, call one action or flow, print, exit code."""
