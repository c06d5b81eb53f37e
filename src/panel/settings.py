"""The environment, read once."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from panel.errors import SettingsError
from panel.model.routing import Target

KEY_FILE = "pseudonym.key"
ALERTS_FILE = "alerts.toml"
CONTACTS_KEY_FILE = "contacts.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """
    Where things are kept.

    `home` (PANEL_HOME, default `panel-data` here) holds the embedded database, answers, inboxes and releases.
    `database_url` (PANEL_DATABASE_URL) is SQLite in `home` unless it names PostgreSQL. `pseudonym_key`
    (PANEL_PSEUDONYM_KEY) turns the ids of deliveries into pseudonyms; without it, `panelctl init` makes one in `home`.
    `alerts_file` (PANEL_ALERTS, default `alerts.toml` in `home`) says who hears of incidents.
    `contacts_url` (PANEL_CONTACTS_URL, by default SQLite in `contacts.db` in `home`) is the database of contact
    details, never that of the panel; `contacts_key_file` (PANEL_CONTACTS_KEY_FILE, default `contacts.key` in `home`)
    has its keys, `mail_url` (PANEL_MAIL_URL) is the mail server, a secret.
    `permissions` (PANEL_PERMISSIONS, with commas between) are what whoever runs the command may see besides counts:
    `members`, failing rows by id. They keep from seeing by accident; who may read the database may read all of it.
    """

    home: Path
    database_url: str
    pseudonym_key: bytes | None = None
    alerts_file: Path | None = None
    permissions: frozenset[str] = frozenset()
    contacts_url: str = ""
    contacts_key_file: Path | None = None
    mail_url: str = ""

    @classmethod
    def from_environment(
        cls,
        *,
        home: str | Path | None = None,
        database_url: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Settings:
        """Return the settings of `environment` (the process's own by default), overridden by what is given."""
        given = os.environ if environment is None else environment
        place = Path(home or given.get("PANEL_HOME") or "panel-data").expanduser().absolute()
        key = given.get("PANEL_PSEUDONYM_KEY")
        return cls(
            home=place,
            database_url=database_url or given.get("PANEL_DATABASE_URL") or f"sqlite:///{place / 'panel.db'}",
            pseudonym_key=key.encode() if key else None,
            alerts_file=Path(given["PANEL_ALERTS"]).expanduser().absolute() if given.get("PANEL_ALERTS") else None,
            contacts_url=given.get("PANEL_CONTACTS_URL") or f"sqlite:///{place / 'contacts.db'}",
            contacts_key_file=_file(given.get("PANEL_CONTACTS_KEY_FILE")),
            mail_url=given.get("PANEL_MAIL_URL", "").strip(),
            permissions=frozenset(filter(None, map(str.strip, given.get("PANEL_PERMISSIONS", "").split(",")))),
        )

    def read_alerts(self) -> str:
        """
        Return the text of the file that says who hears of incidents; "" where there is none.

        Raises:
            SettingsError: PANEL_ALERTS names a file that is not there, or it cannot be read as UTF-8.
        """
        path = self.alerts_file or self.home / ALERTS_FILE
        if self.alerts_file is None and not path.exists():
            return ""
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
            raise SettingsError(f"{path} cannot be read: {why}.", fix="correct PANEL_ALERTS, or the file") from error

    def make_home(self) -> None:
        """Create `home`, and the pseudonym key in it, unless they are there."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            if self.pseudonym_key is None:
                self._make_key()
        except OSError as error:
            raise SettingsError(
                f"The folder {self.home} cannot be made: {error.strerror}.",
                fix="set PANEL_HOME to a folder you may write to",
            ) from error

    def _make_key(self) -> None:
        path = self.home / KEY_FILE
        try:
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            os.fsync(file.fileno())

    def read_key(self) -> bytes:
        """
        Return the pseudonym key.

        Raises:
            SettingsError: there is none, or it is empty; another key would give every member another identity.
        """
        if self.pseudonym_key:
            return self.pseudonym_key
        path = self.home / KEY_FILE
        try:
            key = path.read_text().strip()
        except OSError:
            key = ""
        if not key:
            raise SettingsError(
                f"There is no pseudonym key in {self.home}.",
                fix="run `panelctl init`, or restore the key from the backup; a new key would give every member "
                "a new identity",
            )
        return key.encode()

    @property
    def contacts_keys(self) -> KeyFile:
        """Return the file of keys for contact details."""
        return KeyFile(path=self.contacts_key_file or self.home / CONTACTS_KEY_FILE)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyFile:
    """A file of keys, one a line, newest first, readable by its owner alone."""

    path: Path

    def read(self) -> tuple[str, ...]:
        """
        Return the keys.

        Raises:
            SettingsError: it is not there or cannot be read.
        """
        try:
            return tuple(filter(None, map(str.strip, self.path.read_text("ascii").splitlines())))
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(
                "The keys of contact details cannot be read.",
                fix="set PANEL_CONTACTS_KEY_FILE where members are written to, or make one: panelctl contacts key",
            ) from error

    def add(self, key: str) -> None:
        """Put a key before the others, whole or not at all."""
        there = self.read() if self.path.exists() else ()
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(4)}")
        try:
            handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                file.write("\n".join((key, *there)) + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self.path)
        except OSError as error:
            what = f"The keys of contact details cannot be written: {error.strerror}."
            raise SettingsError(what, fix="check the rights on the folder of PANEL_CONTACTS_KEY_FILE") from error


def _file(path: str | None) -> Path | None:
    return Path(path).expanduser().absolute() if path else None


def address_of(target: Target) -> str | None:
    """Return the address of a target from the variable or file that has it, or None; it is a secret."""
    if target.address_variable:
        return os.environ.get(target.address_variable, "").strip() or None
    try:
        return Path(target.address_file).read_text("utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None
