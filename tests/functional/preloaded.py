"""What every forked command has imported already: the program, and Prefect as quiet as the program has it."""

import os
from importlib import import_module

from panel.flows.server import QUIET

_BEFORE = dict(os.environ)
os.environ.update(QUIET | {"GX_ANALYTICS_ENABLED": "false"})  # as the program says it before it imports them
for _name in ("panel.app", "panel.cli.main", "panel.checks.custom", "panel.flows.calendar", "panel.flows.waves"):
    import_module(_name)
os.environ.clear()
os.environ.update(_BEFORE)
