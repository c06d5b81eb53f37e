"""The door to a panel database."""

from __future__ import annotations

from panel.analysis.release import Release
from panel.errors import UnknownKey, did_you_mean
from panel.model.load import load_study
from panel.ports import Store


class Connection:
    """A panel database, for reading its releases."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<Connection · studies {', '.join(self._store.study_keys()) or 'none'}>"

    def releases(self, study: str) -> tuple[str, ...]:
        """Return the keys of a study's releases, oldest first."""
        self._store.study_files(study)
        return tuple(record.key for record in self._store.releases(study))

    def release(self, study: str, key: str | None = None) -> Release:
        """Return a release by key, the newest by default, or raise UnknownKey with a suggestion."""
        found = load_study(self._store.study_files(study))
        records = {record.key: record for record in self._store.releases(study)}
        if not records or (key is not None and key not in records):
            what = f"Study '{study}' has no release" + (f" '{key}'." if key else " yet.")
            raise UnknownKey(what, fix=did_you_mean(key or "", records))
        return Release(found, records[key] if key else list(records.values())[-1])
