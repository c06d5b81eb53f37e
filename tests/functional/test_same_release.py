"""The same answers give the same release: derived anew, in any order of arrival, on either database."""

import csv
import io
import json
import random
import re
from pathlib import Path

import pytest

from tests.functional.conftest import Command

pytestmark = pytest.mark.prefect
WAVES = ("2025", "2026", "2027")


def tracked(home: Path, address: str, **environment: str) -> Command:
    """Return a home in which 120 synthetic members went through three waves, so that what was predicted has come."""
    command = Command(home, PREFECT_API_URL=address, **environment)
    command.done("init")
    command.done("study", "load", "creative-ai")
    for wave in WAVES:
        command.done("simulate", "creative-ai", "--members", "120", "--seed", "3", "--wave", wave)
    command.done("track", "creative-ai")
    return command


@pytest.fixture(scope="module")
def three_years(tmp_path_factory: pytest.TempPathFactory, prefect_address: str) -> Command:
    """Return the home of the study, tracked on SQLite."""
    return tracked(tmp_path_factory.mktemp("three") / "home", prefect_address)


def digest(command: Command) -> str:
    """Return the digest of the newest release, that of the last wave."""
    shown = command.done("show", "creative-ai")
    assert f"release,creative-ai {WAVES[-1]}.1" in shown
    return re.search(r"digest,([0-9a-f]{64})", shown)[1]


def test_a_rebuild_gives_the_same_digest(three_years):
    """Everything derived is dropped and derived anew from the deliveries, to the same digest."""
    before = digest(three_years)
    rebuilt = json.loads(three_years.done("rebuild", "creative-ai", "--format", "json"))
    assert rebuilt[0]["digest"] == before


def test_any_order_of_arrival_gives_the_same_release(three_years, tmp_path, prefect_address):
    """Files cut in two, shuffled, and delivered from the last wave to the first give the same digest."""
    other = Command(tmp_path / "home", PREFECT_API_URL=prefect_address)
    other.done("init")
    other.done("study", "load", "creative-ai")
    for wave in reversed(WAVES):  # before any of them is opened: a wave opens only after the one before has ended
        (original,) = (three_years.home / "inbox" / "creative-ai" / wave).iterdir()
        for part in shuffled_halves(original, tmp_path):
            other.done("collect", "creative-ai", wave, str(part))
    for wave in WAVES:
        other.done("wave", "open", "creative-ai", wave)
        other.done("wave", "close", "creative-ai", wave)
    assert digest(other) == digest(three_years)


def shuffled_halves(path: Path, folder: Path) -> list[Path]:
    """Return two files that hold the rows of one in another order."""
    heading, *rows = csv.reader(io.StringIO(path.read_text("utf-8")))
    random.Random(7).shuffle(rows)
    parts = []
    for number, part in enumerate((rows[::2], rows[1::2])):
        target = folder / f"{path.stem}-{number}.csv"
        with target.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([heading, *part])
        parts.append(target)
    return parts


@pytest.mark.postgres
def test_postgresql_gives_the_same_release(three_years, tmp_path, prefect_address, postgres_url):
    """The same answers and key give the same digest on PostgreSQL."""
    other = tracked(tmp_path / "home", prefect_address, PANEL_DATABASE_URL=postgres_url)
    assert digest(other) == digest(three_years)
