"""The door to a panel database."""

from __future__ import annotations

from collections.abc import Sequence

from panel.analysis.release import Release
from panel.errors import ReleaseState, UnknownKey, did_you_mean
from panel.model.load import load_study
from panel.ports import Store


class Connection:
    """A panel database, for reading its releases."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return f"<Connection · studies {', '.join(self._store.study_keys()) or 'none'}>"

    def releases(self, study: str) -> tuple[str, ...]:
        """Return the keys of a study's releases that were not retracted, oldest first."""
        self._store.study_files(study)
        states = self._store.release_states(study)
        return tuple(each.key for each in self._store.releases(study) if states[each.key] != "retracted")

    def release(self, study: str, key: str | None = None) -> Release:
        """
        Return a release by key, by default the newest that is published.

        Raises:
            UnknownKey: there is none of this key, with a suggestion, or none at all.
            ReleaseState: it was retracted; says why, and which one stands instead.
        """
        found = load_study(self._store.study_files(study))
        records = {each.key: each for each in self._store.releases(study)}
        self._refuse_retracted(study, key, [*records])
        if not records or (key is not None and key not in records):
            what = f"Study '{study}' has no release" + (f" '{key}'." if key else " yet.")
            raise UnknownKey(what, fix=did_you_mean(key or "", records))
        return Release(found, records[key or self._standing(study)[-1]])

    def _standing(self, study: str) -> list[str]:
        states = self._store.release_states(study)
        return [each.key for each in self._store.releases(study) if states[each.key] == "published"]

    def _refuse_retracted(self, study: str, key: str | None, made: Sequence[str]) -> None:
        standing = self._standing(study)
        if made and key is None and not standing:
            raise ReleaseState(f"Every release of '{study}' was retracted.", fix=f"panelctl releases {study}")
        if key in made and self._store.release_states(study)[str(key)] == "retracted":
            why = self._store.release_events(study, str(key))[-1].reason
            instead = [each for each in standing if each.rpartition(".")[0] == str(key).rpartition(".")[0]]
            fix = f"use {instead[-1]}" if instead else "wait for the next release of its wave"
            raise ReleaseState(f"Release {study} {key} was retracted: {why}", fix=fix)
