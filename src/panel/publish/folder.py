"""Write a release as an immutable folder: whole or not at all, never twice, never over another."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from panel.cite import SYNTHETIC, citation
from panel.codebook import codebook_html
from panel.errors import ReleaseExists, StorageError, Where
from panel.model.results import Gate
from panel.model.study import Study
from panel.ports import PublishedFolder, ReleaseContent
from panel.publish.content import Table, tables
from panel.publish.digest import content_digest, table_hash
from panel.publish.formats import records, write_csv, write_json, write_parquet
from panel.publish.page import pages
from panel.publish.quality import quality_pages
from panel.publish.readme import readme

MANIFEST = "manifest.json"
FORMAT = 1
_LOG = logging.getLogger(__name__)
_PARQUET = ("person_waves", "tracking", "weights", "estimates", "predictions", "claims")
_NO_FILE = ("terms",)


class FolderPublisher:
    """Writes releases into folders of this machine."""

    def __init__(self) -> None:
        self._last: _Prepared | None = None

    def _prepared(self, content: ReleaseContent) -> _Prepared:
        """Return the tables of a release and their digest, made once: asking for the digest comes before publishing."""
        if self._last is None or self._last.content is not content:
            self._last = _Prepared.of(content)
        return self._last

    def digest(self, content: ReleaseContent) -> str:
        """Return the SHA-256 of the canonical content, the same for any row order, database and machine."""
        return self._prepared(content).digest

    def publish(self, content: ReleaseContent, folder: Path) -> PublishedFolder:
        """
        Write the release into `folder`, whole or not at all; the same content into the same folder is a no-op.

        It is written beside `folder`, brought to the disk and renamed. What a killed run left beside it is removed.

        Raises:
            ReleaseExists: the folder holds other content, or something that is not a release.
            DisclosureRefused: the estimates are not protected.
            StorageError: the disk is full, or a file of the release was changed after it was published.
        """
        made = self._prepared(content)
        digest = made.digest
        if _is_taken(folder):
            return _same_release(folder, digest)
        with _storage_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            _clean(folder)
            with _temporary(folder) as temporary:
                _write(content, made.tables, digest, temporary)
                _write_manifest(made.tables, _facts(content) | {"digest": digest}, made.hashes, temporary)
                _seal(temporary)
                if not _renamed(temporary, folder):
                    return _same_release(folder, digest)
        _LOG.info("published study=%s wave=%s digest=%s", content.study.key, content.wave, digest)
        return PublishedFolder(path=folder, digest=digest, manifest=(folder / MANIFEST).read_text(encoding="utf-8"))

    def retract(self, folder: Path, notice: str) -> None:
        """
        Say beside the folder of a release, which never changes, that it was retracted and why.

        Raises:
            StorageError: the disk is full.
        """
        with _storage_errors(folder):
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.with_name(f"{folder.name}.RETRACTED.txt").write_text(notice + "\n", encoding="utf-8")

    def quality(
        self, study: Study, wave: int, gates: Sequence[Gate], held: pd.DataFrame, *, is_synthetic: bool
    ) -> dict[str, str]:
        """Return the quality report of a wave by file name; see `panel.publish.quality`."""
        return quality_pages(study, wave, gates, held, is_synthetic=is_synthetic)


@dataclass(frozen=True)
class _Prepared:
    """What a release publishes, and the hashes that prove it."""

    content: ReleaseContent
    tables: Sequence[Table]
    hashes: dict[str, str]
    digest: str

    @classmethod
    def of(cls, content: ReleaseContent) -> _Prepared:
        published = tables(content)
        hashes = {table.name: table_hash(table.frame, table.key, digits=table.digits) for table in published}
        return cls(content, published, hashes, content_digest(_facts(content), hashes))


def _facts(content: ReleaseContent) -> dict[str, object]:
    return {
        "study": content.study.key,
        "wave": content.wave,
        "is_synthetic": content.is_synthetic,
        "threshold": content.study.disclosure_threshold,
    }


def _write(content: ReleaseContent, published: Sequence[Table], digest: str, folder: Path) -> None:
    for table in published:
        if table.name in _PARQUET:
            write_parquet(table.frame, folder / f"{table.name}.parquet")
        if table.name == "checks":
            write_json(_checks(content, table), folder / "checks.json")
        elif table.name not in _NO_FILE:
            write_csv(table.frame, folder / f"{table.name}.csv")
    for language in ("nl", "en"):
        _text(folder / f"codebook.{language}.html", codebook_html(content.study, language))
    _text(folder / "weight_diagnostics.json", content.weight_diagnostics + "\n")
    lines = [
        citation(content.study, wave=content.wave, digest=digest, is_synthetic=content.is_synthetic, language=language)
        for language in ("en", "nl")
    ]
    _text(folder / "CITATION.txt", "\n".join(lines) + f"\n\nSHA-256 {digest}\n")
    _text(folder / "README.md", readme(content, digest))
    told = quality_pages(content.study, content.wave, content.gates, content.held, is_synthetic=content.is_synthetic)
    for name, text in told.items():
        _text(folder / name, text)
    (folder / "charts").mkdir()
    for name, text in pages(content, published, digest).items():
        _text(folder / name, text)


def _checks(content: ReleaseContent, table: Table) -> dict[str, object]:
    return {
        "study": content.study.key,
        "wave": content.wave,
        "is_synthetic": content.is_synthetic,
        "suites": [
            {"wave": gate.wave, "stage": gate.stage, "suite_sha256": gate.suite_digest} for gate in content.gates
        ],
        "verdicts": records(table.frame),
    }


def _write_manifest(published: Sequence[Table], facts: dict[str, object], hashes: dict[str, str], folder: Path) -> None:
    audiences = {table.name: table.audience for table in published} | {"weight_diagnostics": "research"}
    files = [
        {
            "name": path.relative_to(folder).as_posix(),
            "sha256": _sha256(path),
            "bytes": path.stat().st_size,
            "audience": audiences.get(path.stem, "public"),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    ]
    manifest = facts | {
        "format": FORMAT,
        "software": f"panel-tracker {version('panel-tracker')}",
        "label": SYNTHETIC["en"] if facts["is_synthetic"] else "",
        "tables": {
            table.name: {"rows": len(table.frame), "columns": table.frame.shape[1], "sha256": hashes[table.name]}
            for table in published
        },
        "files": files,
    }
    write_json(manifest, folder / MANIFEST)


def _is_taken(folder: Path) -> bool:
    return folder.exists() and not (folder.is_dir() and not any(folder.iterdir()))


def _same_release(folder: Path, digest: str) -> PublishedFolder:
    """Return the release that stands in `folder`, where it is this one and still whole."""
    try:
        text = (folder / MANIFEST).read_text(encoding="utf-8")
        manifest = json.loads(text)
        found = str(manifest["digest"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReleaseExists(
            "The folder of the release is taken by something that is not a release.",
            where=Where(file=str(folder)),
            fix="move it away, or release under another key",
        ) from error
    if found != digest:
        raise ReleaseExists(
            f"The folder holds a release with other content ({found[:12]} there, {digest[:12]} here).",
            where=Where(file=str(folder)),
            fix="release under a new key; a published release is never changed",
        )
    _verify(folder, manifest["files"])
    return PublishedFolder(path=folder, digest=digest, manifest=text)


def _verify(folder: Path, files: Sequence[dict[str, object]]) -> None:
    for entry in files:
        path = folder / str(entry["name"])
        if not path.is_file() or _sha256(path) != entry["sha256"]:
            raise StorageError(
                "A file of a published release is missing or was changed.",
                where=Where(file=str(path)),
                fix="restore the folder from a backup, or move it away and release again",
            )


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[Path]:
    """Make a folder beside `folder`, locked for as long as this process lives, and remove it if it is still there."""
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    handle = os.open(temporary, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        os.close(handle)


def _clean(folder: Path) -> None:
    """Remove what killed runs left; a folder whose lock is held belongs to a run that lives."""
    for left in folder.parent.glob(f".{folder.name}.*.partial"):
        try:
            handle = os.open(left, os.O_RDONLY)
        except FileNotFoundError:
            continue  # its own run has just removed or renamed it
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            _LOG.info("left alone, in use: %s", left.name)
        finally:
            os.close(handle)


def _seal(folder: Path) -> None:
    """Make every file read-only and bring all of it to the disk."""
    folder.chmod(0o755)
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            path.chmod(0o444)
        _sync(path)
    _sync(folder)


def _renamed(temporary: Path, folder: Path) -> bool:
    """Put the folder in its place; False where another run was first."""
    try:
        temporary.rename(folder)
    except OSError as error:
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            return False
        raise
    _sync(folder.parent)
    return True


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _storage_errors(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        raise StorageError(
            "The release could not be written: " + ("the disk is full." if full else f"{error.strerror or error}."),
            where=Where(file=str(folder)),
            fix="make room and release again" if full else "see that the folder may be written to, and release again",
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
