"""Keep a panel of people under observation for years, and say what changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from panel.analysis import Connection

__all__ = ["Connection", "Panel", "PanelError", "Release", "connect"]


def connect(database_url: str | None = None, *, home: str | Path | None = None) -> Connection:
    """
    Return a connection to a panel database, for reading its releases.

    Args:
        database_url: its address; PANEL_DATABASE_URL, or SQLite in the home, by default.
        home: the folder of the panel; PANEL_HOME by default.

    Raises:
        SettingsError: it cannot be reached, or is not of this version.
    """
    from panel.analysis import Connection
    from panel.app import open_app
    from panel.settings import Settings

    settings = Settings.from_environment(home=home, database_url=database_url)
    return Connection(open_app(settings).store)


def __getattr__(name: str) -> Any:
    """Load the public classes when they are first asked for, so that importing `panel` does no work."""
    if name in ("Connection", "Panel", "Release"):
        from panel import analysis

        return getattr(analysis, name)
    if name == "PanelError":
        from panel.errors import PanelError

        return PanelError
    raise AttributeError(f"module 'panel' has no attribute '{name}'")
