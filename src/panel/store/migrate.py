"""Create the tables, bring an older database up to date, and refuse a newer one."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine

from panel.errors import SettingsError
from panel.store.engine import make_engine, reading, writing


def migrate(url: str) -> str:
    """
    Create or upgrade the tables and views, all in one transaction; return the revision.

    Raises:
        SettingsError: the database was made by a newer version, or cannot be reached.
    """
    engine = make_engine(url)
    try:
        config = _config()
        if _present(engine) not in (None, *_known(config)):
            raise _newer()
        with writing(engine) as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        return str(_present(engine))
    finally:
        engine.dispose()


def need_current(engine: Engine) -> None:
    """
    Refuse a database that is not of this version.

    Raises:
        SettingsError: it has no tables, or older or newer ones; says which.
    """
    config = _config()
    present, head = _present(engine), ScriptDirectory.from_config(config).get_current_head()
    if present == head:
        return
    if present is None:
        raise SettingsError("The database has no tables of this program.", fix="run `panelctl init`")
    if present in _known(config):
        raise SettingsError("The database is of an older version.", fix="back it up, and run `panelctl init`")
    raise _newer()


def _newer() -> SettingsError:
    return SettingsError(
        "The database was made by a newer version of this program.",
        fix="install that version or a later one; nothing was changed",
    )


def _config() -> Config:
    folder = import_module("panel.db.migrations").__path__[0]
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    return config


def _known(config: Config) -> Sequence[str]:
    return [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]


def _present(engine: Engine) -> str | None:
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()
