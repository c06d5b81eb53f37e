"""Name every adapter once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from panel.alerts import AppriseSender
from panel.checks import SuiteChecker, held_cells
from panel.model.load_routing import load_routing
from panel.model.study import Study
from panel.ports import Adapters
from panel.publish import FolderPublisher
from panel.settings import Settings, address_of
from panel.sources.files import source_for
from panel.sources.studyfile import study_files
from panel.sources.synthetic import load_plan, simulate
from panel.store import migrate as migrate_database
from panel.store import open_store


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)


def open_app(settings: Settings | None = None) -> Adapters:
    """
    Open the database that `settings` names and return everything the actions need.

    Raises:
        SettingsError: the home has no key, or the database is absent, of another version, or out of reach.
        DefinitionError: `alerts.toml` is wrong; with every fault of it.
    """
    chosen = settings or Settings.from_environment()
    key = chosen.read_key()
    routing = load_routing(chosen.read_alerts())
    return Adapters(
        home=chosen.home,
        store=open_store(chosen.database_url, chosen.home),
        checker=SuiteChecker(),
        publisher=FolderPublisher(),
        clock=SystemClock(),
        sender=AppriseSender(address_of),
        routing=routing,
        pseudonym_key=key,
        permissions=chosen.permissions,
        source_for=source_for,
        study_files=study_files,
        held_cells=held_cells,
        simulate=_simulate,
    )


def _simulate(
    study: Study, files: Mapping[str, str], *, seed: int, waves: Sequence[int], members: int | None
) -> Mapping[int, bytes]:
    plan = load_plan(files.get("simulation.toml", ""), study)
    return simulate(study, plan, seed=seed, waves=waves, members=members).deliveries


def migrate(settings: Settings) -> str:
    """Create or upgrade the database that `settings` names, and return its revision."""
    return migrate_database(settings.database_url)
