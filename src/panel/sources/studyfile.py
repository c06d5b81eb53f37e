"""Find the files of a study: a folder of the operator's, or one that ships with the package."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from panel.errors import SourceError, UnknownKey, Where, did_you_mean, printable


def shipped_studies() -> tuple[str, ...]:
    """Return the keys of the studies that ship with the package."""
    return tuple(sorted(each.name for each in _shelf().iterdir() if each.is_dir() and not each.name.startswith("_")))


def study_files(path_or_key: str) -> Mapping[str, str]:
    """
    Return the TOML texts of a study by file name, and its templates as `templates/NAME`.

    Args:
        path_or_key: a folder, or the key of a study that ships.

    Raises:
        UnknownKey: it is neither; with the nearest key.
        SourceError: a file cannot be read as UTF-8.
    """
    folder: Traversable = Path(path_or_key)
    if not _is_folder(path_or_key):
        folder = _shelf() / path_or_key
        if path_or_key not in shipped_studies():
            raise UnknownKey(
                f"'{printable(path_or_key)}' is neither a folder nor a study that ships.",
                fix=did_you_mean(path_or_key, shipped_studies()),
            )
    templates = folder / "templates"
    letters = {f"templates/{name}": text for name, text in _texts(templates, ".txt")} if templates.is_dir() else {}
    return dict(_texts(folder, ".toml")) | letters


def _is_folder(path: str) -> bool:
    try:
        return path != "" and Path(path).is_dir()
    except (OSError, ValueError):  # too long for a path, or no path at all
        return False


def _shelf() -> Traversable:
    return files("panel.db") / "studies"


def _texts(folder: Traversable, suffix: str) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.iterdir(), key=lambda each: each.name):
        if file.name.endswith(suffix):
            try:
                yield file.name, file.read_bytes().decode("utf-8-sig")
            except (UnicodeDecodeError, OSError) as error:
                raise SourceError(
                    "The file is not UTF-8 text.", where=Where(file=file.name), fix="save it as UTF-8"
                ) from error
