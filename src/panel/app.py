"""Name every adapter once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from panel.alerts import AppriseSender
from panel.checks import SuiteChecker, held_cells
from panel.contacts.book import SealedBook
from panel.contacts.letters import JinjaLetters
from panel.contacts.smtp import SmtpMailer
from panel.contacts.vault import Vault, new_key
from panel.errors import SettingsError
from panel.model.load_routing import load_routing
from panel.model.study import Study
from panel.ports import Adapters, Correspondence
from panel.ports.contacts import Letters
from panel.publish import FolderPublisher
from panel.settings import Settings, address_of
from panel.sources.files import source_for
from panel.sources.studyfile import study_files
from panel.sources.synthetic import load_plan, simulate
from panel.store import migrate as migrate_database
from panel.store import open_store
from panel.store.contact_book import SealedRow, SealedRows


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
        letter_faults=JinjaLetters().faults,
    )


def open_correspondence(settings: Settings | None = None) -> Adapters:
    """
    Open what `open_app` opens, and contact details besides: for those who write to members, and nobody else.

    Raises:
        SettingsError: as `open_app`; or there is no key for contact details, or they would lie in the panel database.
    """
    chosen = settings or Settings.from_environment()
    if chosen.contacts_url == chosen.database_url:
        fix = "name another in PANEL_CONTACTS_URL"
        raise SettingsError("Contact details may not lie in the database of the panel.", fix=fix)
    vault = Vault(chosen.contacts_keys.read())
    mailer = SmtpMailer(chosen.mail_url) if chosen.mail_url else None
    app = open_app(chosen)
    book = SealedBook(SealedRows(chosen.contacts_url), vault, SealedRow, app.clock.now)
    post = Correspondence(book=book, mailer=mailer, letters=JinjaLetters())
    return replace(app, correspondence=lambda: post)


def open_keeper(settings: Settings | None = None) -> Adapters:
    """Open what the keeper of the calendar may reach: contact details too, where their keys are on this machine."""
    chosen = settings or Settings.from_environment()
    return open_correspondence(chosen) if chosen.contacts_keys.path.exists() else open_app(chosen)


def letters() -> Letters:
    """Return what makes letters of templates; it knows nobody."""
    return JinjaLetters()


def make_contacts_key(settings: Settings) -> None:
    """Make a key for contact details and put it before those that are there."""
    settings.contacts_keys.add(new_key())


def _simulate(
    study: Study, files: Mapping[str, str], *, seed: int, waves: Sequence[int], members: int | None
) -> Mapping[int, bytes]:
    plan = load_plan(files.get("simulation.toml", ""), study)
    return simulate(study, plan, seed=seed, waves=waves, members=members).deliveries


def migrate(settings: Settings) -> str:
    """Create or upgrade the database that `settings` names, and return its revision."""
    return migrate_database(settings.database_url)
