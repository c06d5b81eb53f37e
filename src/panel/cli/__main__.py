"""Run the command as `python -m panel.cli`."""

from panel.cli.main import main

main()
