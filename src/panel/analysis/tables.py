"""The tables of a release, each checked against its manifest before it is read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import pandas as pd

from panel.errors import StorageError, Where
from panel.estimate import Pair, Sample
from panel.model.results import ReleaseRecord
from panel.model.study import Study


class Tables:
    """
    The tables of an immutable, citable cut of a study.

    `sample` and `weights` are read once, for every question to the release.
    """

    def __init__(self, study: Study, record: ReleaseRecord) -> None:
        self.study = study
        self.record = record

    @property
    def key(self) -> str:
        """Return the key of the release, such as 2026.1."""
        return self.record.key

    @property
    def folder(self) -> Path:
        """Return where the release lies."""
        return Path(self.record.path)

    @cached_property
    def _hashes(self) -> Mapping[str, str]:
        found = json.loads(self.record.manifest)["files"]
        listed = found.items() if isinstance(found, dict) else ((each["name"], each) for each in found)
        return {name: each["sha256"] if isinstance(each, dict) else each for name, each in listed}

    def table(self, name: str) -> pd.DataFrame:
        """
        Return a table of the release: person_waves, weights, tracking, estimates, predictions or claims.

        Raises:
            StorageError: the file is gone, or is not what was released.
        """
        file = self.folder / f"{name}.parquet"
        try:
            content = file.read_bytes()
        except OSError as error:
            raise StorageError("A file of the release is gone.", where=Where(file=file.name)) from error
        if hashlib.sha256(content).hexdigest() != self._hashes.get(file.name):
            raise StorageError(
                "A file is not what was released.",
                where=Where(file=file.name),
                fix="restore the folder from the backup",
            )
        return pd.read_parquet(file)

    @cached_property
    def weights(self) -> pd.DataFrame:
        """Return the weights (schema.WEIGHTS)."""
        return self.table("weights")

    @cached_property
    def sample(self) -> Sample:
        """Return the person-waves as arrays, under their cross-sectional weights."""
        cross = self.weights[self.weights["kind"] == "cross-sectional"]
        keys = ("member", "wave")
        return Sample(self.study, self.table("person_waves"), cross, label="cross-sectional", keys=keys)

    def pair(self, waves: tuple[int, ...]) -> Pair:
        """
        Return the members who answered both waves, or all of a set, under their longitudinal weight; made once.

        Raises:
            EstimateError: there is no such weight.
        """
        if waves not in self._pairs:
            self._pairs[waves] = Pair.of(self.sample, self.weights, waves)
        return self._pairs[waves]

    @cached_property
    def _pairs(self) -> dict[tuple[int, ...], Pair]:
        return {}
