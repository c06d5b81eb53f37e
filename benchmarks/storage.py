"""
Compare layouts for the wide answers: Parquet files, a wide table, one row an answer, a JSON object a person-wave.

    python benchmarks/storage.py --members 50000 --layouts parquet,wide,json,long

Every layout keeps the same SYNTHETIC frames: `--waves` waves of `--members` members and `--variables` variables, each
with its missing reason, about one value in eight missing. The tables lie in SQLite with the settings of the store (WAL,
synchronous=FULL), each in the form SQLite advises (long rows by row id, short ones in the order of the key), and are
written by the driver's executemany, one transaction a wave. The Parquet files are written and read by the store's own
functions and synced to the disk. Every reading step ends by comparing what came back with what was kept.

Each cell is the median of --repeats processes, after the same frames were made; peaks are of the whole process, frames
included. `write` keeps all waves, `frames` reads every wave back into typed frames, one after the other, `variable`
reads one variable of all waves. The ratios are to Parquet in the same run. Nothing is asserted.
"""

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import orjson
import pandas as pd

from panel.schema import REASON_DTYPE, reason_column
from panel.store.blobs import Blobs
from panel.store.frames import from_parquet, to_parquet

KINDS = ("Int64", "Float64", "str")
STEPS = ("write", "frames", "variable")
ONE = "v1"
CHUNK = 20_000


def main() -> None:
    """Measure every step of every layout in processes of their own, and print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--members", type=int, default=300_000)
    options.add_argument("--waves", type=int, default=6)
    options.add_argument("--variables", type=int, default=60)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--layouts", default=",".join(LAYOUTS))
    options.add_argument("--home", type=Path, help="a folder on the disk to measure; a temporary one by default")
    options.add_argument("--step", help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.step:
        print(json.dumps(run(given)))
        return
    with tempfile.TemporaryDirectory(prefix="panel-storage-", dir=given.home) as folder:
        given.home = Path(folder)
        report(given)


def report(given: argparse.Namespace) -> None:
    """Print one line a layout: seconds and ratio of each step, size, and the highest peak."""
    print(f"{given.members:,} members x {given.waves} waves x {given.variables} variables; median of {given.repeats}")
    heads = "".join(f"{step + ' s':>12}{'ratio':>8}" for step in STEPS)
    print(f"{'layout':<10}{heads}{'MiB':>10}{'ratio':>8}{'peak write':>12}{'peak read':>12}", flush=True)
    base: list[float] | None = None
    for layout in given.layouts.split(","):
        results = {step: [measure(given, layout, step) for _ in range(given.repeats)] for step in STEPS}
        figures = [statistics.median(each["seconds"] for each in results[step]) for step in STEPS]
        figures.append(results["write"][-1]["mib"])
        base = base or figures
        cells = [f"{figure:>12.2f}{figure / other:>8.1f}" for figure, other in zip(figures[:3], base[:3], strict=True)]
        write, read = (statistics.median(each["peak"] for each in results[step]) for step in STEPS[:2])
        size = f"{figures[3]:>10.0f}{figures[3] / base[3]:>8.1f}"
        print(f"{layout:<10}{''.join(cells)}{size}{write:>12.0f}{read:>12.0f}", flush=True)


def measure(given: argparse.Namespace, layout: str, step: str) -> dict[str, float]:
    """Run one step in a new process; return its seconds, MiB on disk and peak MiB."""
    numbers = [f"--{name}={getattr(given, name)}" for name in ("members", "waves", "variables")]
    command = [sys.executable, __file__, *numbers, f"--layouts={layout}", f"--step={step}", f"--home={given.home}"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if child.stdout is None:
        raise RuntimeError("the child was started without a pipe")
    with child.stdout:
        answer = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        sys.exit(f"{layout} {step} ended with {child.returncode}")
    return {**json.loads(answer), "peak": usage.ru_maxrss / 1024}


def run(given: argparse.Namespace) -> dict[str, float]:
    """Do one step of one layout; only the layout's own work is timed."""
    home = given.home / given.layouts
    layout = LAYOUTS[given.layouts](home, given.variables)
    if given.step == "write":
        layout.clear()
        seconds = 0.0
        for wave in range(1, given.waves + 1):
            frame = made(given.members, wave, given.variables)
            started = time.monotonic()
            layout.write(wave, frame)
            seconds += time.monotonic() - started
        layout.finish()
    else:
        read = layout.frame if given.step == "frames" else layout.variable
        started = time.monotonic()
        rows = sum(len(read(wave)) for wave in range(1, given.waves + 1))
        seconds = time.monotonic() - started
        if rows != given.members * given.waves:
            sys.exit(f"{rows} rows came back")
        same(read(1), made(given.members, 1, given.variables))
    size = sum(each.stat().st_size for each in home.rglob("*") if each.is_file())
    return {"seconds": seconds, "mib": size / 2**20}


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Stop where a layout does not give back what it was given, values, reasons and dtypes."""
    found = found.sort_values("member", ignore_index=True)[[name for name in expected if name in found]]
    pd.testing.assert_frame_equal(found, expected[list(found)])


def kind(place: int) -> str:
    """Return the dtype of the variable at a place: whole numbers, amounts and codes in turn."""
    return KINDS[place % len(KINDS)]


def made(members: int, wave: int, variables: int) -> pd.DataFrame:
    """Return the same person-waves every time, sorted by member: a value, or null and a reason."""
    random = np.random.default_rng([wave, members, variables])
    columns: dict[str, object] = {"member": pd.array([f"m{each:015x}" for each in range(members)], dtype="str")}
    for place in range(variables):
        name = f"v{place}"
        missing = random.random(members) < 0.125
        values = {
            "Int64": lambda: random.integers(1, 8, members),
            "Float64": lambda: random.normal(40_000, 15_000, members).round(2),
            "str": lambda: np.array(["employee", "self_employed", "both", "none"])[random.integers(0, 4, members)],
        }[kind(place)]()
        columns[name] = pd.Series(values).astype(kind(place)).mask(missing)
        codes = np.where(missing, random.integers(1, len(REASON_DTYPE.categories), members), 0)
        columns[reason_column(name)] = pd.Categorical.from_codes(codes, dtype=REASON_DTYPE)
    return pd.DataFrame(columns)


def plain(series: pd.Series) -> list[object]:
    """Return a column as Python values, None for null."""
    if isinstance(series.dtype, pd.CategoricalDtype):
        return series.astype("object").tolist()
    return series.astype("object").where(series.notna(), None).tolist()


class Parquet:
    """Files named by their hash, as the store keeps them."""

    def __init__(self, home: Path, variables: int) -> None:
        self.variables = variables
        self.home = home
        self.blobs = Blobs(home / "blobs")

    def clear(self) -> None:
        """Start from nothing."""
        for each in self.home.rglob("*"):
            if each.is_file():
                each.unlink()
        self.home.mkdir(exist_ok=True)

    def write(self, wave: int, frame: pd.DataFrame) -> None:
        """Keep a wave."""
        (self.home / f"wave-{wave}").write_text(self.blobs.keep(to_parquet(frame)))

    def finish(self) -> None:
        """Do nothing: every file is on the disk already."""

    def _read(self, wave: int, columns: list[str] | None = None) -> pd.DataFrame:
        return from_parquet(self.blobs.read((self.home / f"wave-{wave}").read_text()), columns)

    def frame(self, wave: int) -> pd.DataFrame:
        """Read a wave."""
        return self._read(wave)

    def variable(self, wave: int) -> pd.DataFrame:
        """Read one variable of a wave."""
        return self._read(wave, ["member", ONE, reason_column(ONE)])


class Sqlite:
    """What the layouts in SQLite share."""

    def __init__(self, home: Path, variables: int) -> None:
        self.variables = variables
        self.path = home / "answers.db"
        home.mkdir(exist_ok=True)
        self.connection = sqlite3.connect(self.path, isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = FULL")

    def clear(self) -> None:
        """Start from nothing."""
        for name in self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            self.connection.execute(f"DROP TABLE {name[0]}")
        self.connection.execute("VACUUM")
        self.connection.execute(self.table())

    def table(self) -> str:
        """Return the statement that makes the table."""
        raise NotImplementedError

    def rows(self, wave: int, frame: pd.DataFrame) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a wave."""
        raise NotImplementedError

    def places(self) -> int:
        """Return how many columns the table has."""
        raise NotImplementedError

    def write(self, wave: int, frame: pd.DataFrame) -> None:
        """Keep a wave in one transaction."""
        marks = ", ".join("?" * self.places())
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(f"INSERT INTO answer VALUES ({marks})", self.rows(wave, frame))
        self.connection.execute("COMMIT")

    def finish(self) -> None:
        """Fold the log into the database, so that its size is counted once."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def columns(self) -> list[str]:
        """Return the names of the variables and their reasons, in turn."""
        return [name for place in range(self.variables) for name in (f"v{place}", reason_column(f"v{place}"))]


class Wide(Sqlite):
    """One table, one column a variable and one its reason."""

    def table(self) -> str:
        """Return the statement that makes the table."""
        types = {"Int64": "INTEGER", "Float64": "REAL", "str": "TEXT"}
        answers = ", ".join(
            f"v{place} {types[kind(place)]}, {reason_column(f'v{place}')} TEXT" for place in range(self.variables)
        )
        return f"CREATE TABLE answer (wave INTEGER, member TEXT, {answers}, PRIMARY KEY (wave, member))"

    def places(self) -> int:
        """Return how many columns the table has."""
        return 2 + 2 * self.variables

    def rows(self, wave: int, frame: pd.DataFrame) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a wave."""
        for start in range(0, len(frame), CHUNK):
            part = frame.iloc[start : start + CHUNK]
            yield from zip([wave] * len(part), *(plain(part[name]) for name in part), strict=True)

    def _read(self, wave: int, names: list[str]) -> pd.DataFrame:
        wanted = ["member", *names]
        cursor = self.connection.execute(f"SELECT {', '.join(wanted)} FROM answer WHERE wave = ?", (wave,))
        pieces = []
        while rows := cursor.fetchmany(CHUNK):
            pieces.append(typed(dict(zip(wanted, zip(*rows, strict=True), strict=True))))
        return pd.concat(pieces, ignore_index=True)

    def frame(self, wave: int) -> pd.DataFrame:
        """Read a wave."""
        return self._read(wave, self.columns())

    def variable(self, wave: int) -> pd.DataFrame:
        """Read one variable of a wave."""
        return self._read(wave, [ONE, reason_column(ONE)])


class Json(Sqlite):
    """One row a person-wave, all answers in one JSON object of [value, reason]."""

    def table(self) -> str:
        """Return the statement that makes the table."""
        return "CREATE TABLE answer (wave INTEGER, member TEXT, core TEXT, PRIMARY KEY (wave, member))"

    def places(self) -> int:
        """Return how many columns the table has."""
        return 3

    def rows(self, wave: int, frame: pd.DataFrame) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a wave."""
        names = [f"v{place}" for place in range(self.variables)]
        for start in range(0, len(frame), CHUNK):
            part = frame.iloc[start : start + CHUNK]
            pairs = [list(zip(plain(part[name]), plain(part[reason_column(name)]), strict=True)) for name in names]
            texts = (orjson.dumps(dict(zip(names, row, strict=True))).decode() for row in zip(*pairs, strict=True))
            yield from zip([wave] * len(part), part["member"].tolist(), texts, strict=True)

    def frame(self, wave: int) -> pd.DataFrame:
        """Read a wave."""
        cursor = self.connection.execute("SELECT member, core FROM answer WHERE wave = ?", (wave,))
        pieces = []
        while rows := cursor.fetchmany(CHUNK):
            objects = [orjson.loads(text) for _, text in rows]
            columns: dict[str, object] = {"member": [member for member, _ in rows]}
            for place in range(self.variables):
                name = f"v{place}"
                columns[name] = [each[name][0] for each in objects]
                columns[reason_column(name)] = [each[name][1] for each in objects]
            pieces.append(typed(columns))
        return pd.concat(pieces, ignore_index=True)

    def variable(self, wave: int) -> pd.DataFrame:
        """Read one variable of a wave, taken out of the object by the database."""
        query = f"SELECT member, core ->> '$.{ONE}[0]', core ->> '$.{ONE}[1]' FROM answer WHERE wave = ?"
        names = ("member", ONE, reason_column(ONE))
        return typed(
            dict(zip(names, zip(*self.connection.execute(query, (wave,)).fetchall(), strict=True), strict=True))
        )


class Long(Sqlite):
    """One row an answer."""

    def table(self) -> str:
        """Return the statement that makes the table: short rows, kept in the order of the key and nowhere else."""
        columns = "wave INTEGER, variable TEXT, member TEXT, value, reason TEXT"
        return f"CREATE TABLE answer ({columns}, PRIMARY KEY (wave, variable, member)) WITHOUT ROWID"

    def places(self) -> int:
        """Return how many columns the table has."""
        return 5

    def rows(self, wave: int, frame: pd.DataFrame) -> Iterator[tuple[object, ...]]:
        """Yield the rows of a wave, in the order of the key."""
        members = frame["member"].tolist()
        for name in sorted(f"v{place}" for place in range(self.variables)):
            values = zip(members, plain(frame[name]), plain(frame[reason_column(name)]), strict=True)
            yield from ((wave, name, *answer) for answer in values)

    def _column(self, wave: int, name: str) -> pd.DataFrame:
        query = "SELECT member, value, reason FROM answer WHERE wave = ? AND variable = ?"
        rows = self.connection.execute(query, (wave, name)).fetchall()
        names = ("member", name, reason_column(name))
        return typed(dict(zip(names, zip(*rows, strict=True), strict=True)))

    def frame(self, wave: int) -> pd.DataFrame:
        """Read a wave, a variable at a time; the key gives every variable its members in one order."""
        whole = [self._column(wave, f"v{place}") for place in range(self.variables)]
        answers = [each.drop(columns="member") for each in whole[1:]]
        return pd.concat([whole[0], *answers], axis=1)

    def variable(self, wave: int) -> pd.DataFrame:
        """Read one variable of a wave."""
        return self._column(wave, ONE)


def typed(columns: dict[str, object]) -> pd.DataFrame:
    """Return plain Python values as a frame of the panel's dtypes."""
    made_of = {}
    for name, values in columns.items():
        if name.endswith(reason_column("")):
            made_of[name] = pd.Series(pd.Categorical(list(values), dtype=REASON_DTYPE))  # type: ignore[call-overload]
        else:
            dtype = "str" if name == "member" else kind(int(name.removeprefix("v")))
            made_of[name] = pd.Series(list(values), dtype=dtype)  # type: ignore[call-overload]
    return pd.DataFrame(made_of)


LAYOUTS = {"parquet": Parquet, "wide": Wide, "json": Json, "long": Long}

if __name__ == "__main__":
    main()
