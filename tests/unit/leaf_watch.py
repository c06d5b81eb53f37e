"""A plugin of pytest: after all tests, write which results of R were looked at to the file PANEL_LEAVES names."""

import os
from pathlib import Path

from tests.unit.oracle_samples import READ


def pytest_sessionfinish() -> None:
    """Write one path a line."""
    Path(os.environ["PANEL_LEAVES"]).write_text("\n".join(sorted(READ)), "utf-8")
