"""Files named by the hash of their bytes: written once, never changed, checked when read."""

from __future__ import annotations

import hashlib
import os
import threading
from pathlib import Path

from panel.errors import StorageError
from panel.store.engine import spoken


class Blobs:
    """A folder of files under their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, sha256: str) -> Path:
        """Return where the bytes of a hash lie."""
        return self._folder / sha256[:2] / sha256

    def keep(self, content: bytes) -> str:
        """Keep bytes for ever and return their SHA-256; they are on the disk when this returns."""
        sha256 = hashlib.sha256(content).hexdigest()
        path = self.path(sha256)
        if path.exists():
            return sha256
        with spoken():
            _make_folder(path.parent)
            draft = path.with_name(f".{sha256}.{os.getpid()}-{threading.get_ident()}")
            try:
                _write(draft, content)
                draft.rename(path)
            finally:
                draft.unlink(missing_ok=True)
            _sync_folder(path.parent)
        return sha256

    def read(self, sha256: str) -> bytes:
        """
        Return the bytes of a hash.

        Raises:
            StorageError: they are gone, or no longer what was kept.
        """
        try:
            content = self.path(sha256).read_bytes()
        except OSError as error:
            raise StorageError(f"The kept file {sha256[:12]}… is gone.", fix="restore it from the backup") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise StorageError(f"The kept file {sha256[:12]}… was changed.", fix="restore it from the backup")
        return content

    def all(self) -> set[str]:
        """Return the hashes of all files there are."""
        return {path.name for path in self._folder.glob("??/*") if not path.name.startswith(".")}

    def remove(self, sha256: str) -> None:
        """Remove a file; gone is gone. Only an erasure does."""
        path = self.path(sha256)
        with spoken():
            path.unlink(missing_ok=True)
            if path.parent.exists():
                _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each entry on the disk: a file in a folder that is lost is lost."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
