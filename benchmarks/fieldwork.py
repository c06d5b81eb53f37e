"""
Time the books of fieldwork on a large sample, step by step, each in a process of its own, beside plain SQL or pandas.

    python benchmarks/fieldwork.py --members 300000 --home /some/large/disk

Loads a SYNTHETIC sample of `creative-ai` and made-up contact details, issues its cases, selects the invitations, lets
two thirds of the members answer, and draws `wave status`. Seconds on the clock, of the processor (which other work on
the machine changes little) and peak memory of each, with the start of Python.
The peer does the least that gives the same: bulk statements of `sqlite3` for what is written, with the same keys and
indices, pandas on the same tables for what is counted, each in a process of its own too. Nothing is asserted.
"""

import argparse
import csv
import gc
import os
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

STUDY, WAVE = "creative-ai", "2025"
PEERS = {"load": "sql_load", "issue": "sql_issue", "select": "sql_select", "answer": "sql_answer", "status": "pandas"}
STEPS = ("load", "details", "issue", "select", "answer", "status", "rates")


def main() -> None:
    """Prepare the home, run every step and its peer, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--members", type=int, default=300_000)
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--step")
    given = options.parse_args()
    home = given.home.absolute()
    os.environ["PANEL_HOME"] = str(home)
    if given.step:
        gc.set_threshold(200_000, 50, 100)  # as `panelctl` does
        (OURS | THEIRS)[given.step](home, given.members)
        return
    measure("prepare", home, given.members)
    print(f"{given.members:,} members, one run each\n")
    print("| step | seconds | processor | peak MiB | peer | seconds | processor | peak MiB | ratio of processor |")
    print("| --- | ---: | ---: | ---: | --- | ---: | ---: | ---: | ---: |")
    for step in STEPS:
        own = measure(step, home, given.members)
        line = f"| {step} | {own} |"
        if step in PEERS:
            beside = measure(PEERS[step], home, given.members)
            line += f" {PEERS[step].partition('_')[0]} | {beside} | {own.processor / beside.processor:.1f} |"
        print(line if step in PEERS else f"{line} | | | | |", flush=True)


@dataclass(frozen=True)
class Taken:
    """What a step took."""

    seconds: float
    processor: float
    peak_mib: float

    def __str__(self) -> str:
        return f"{self.seconds:.1f} | {self.processor:.1f} | {self.peak_mib:,.0f}"


def measure(step: str, home: Path, members: int) -> Taken:
    """Return what a step takes in a process of its own."""
    started = time.monotonic()
    words = ["--home", str(home), "--members", str(members), "--step", step]
    child = subprocess.Popen([sys.executable, __file__, *words])
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status):
        sys.exit(f"{step} did not end well")
    return Taken(time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def prepare(home: Path, members: int) -> None:
    """Make a new home with the study, and the file of the sample."""
    from panel.actions import set_up
    from panel.app import make_contacts_key, migrate, open_app
    from panel.settings import Settings

    if (home / "panel.db").exists():
        sys.exit(f"{home} is no new folder")
    settings = Settings.from_environment()
    settings.make_home()
    migrate(settings)
    make_contacts_key(settings)
    set_up.load_study(open_app(settings), STUDY)
    with (home / "sample.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["member"])
        rows.writerows([f"P-{number:07d}"] for number in range(members))


def load(home: Path, _: int) -> None:
    """Load the sample."""
    from panel.actions.sample import load_sample
    from panel.app import open_app

    load_sample(open_app(), STUDY, WAVE, home / "sample.csv")


def details(_: Path, __: int) -> None:
    """Keep made-up contact details, sealed."""
    from panel.app import open_correspondence
    from panel.ports.contacts import Addressee

    app = open_correspondence()
    members = [each.member for each in app.store.members(STUDY)]
    people = {each: Addressee(name="A B", email=f"{each}@example.org", language="nl") for each in members}
    app.correspondence().book.keep(STUDY, people, app.clock.now())


def issue(_: Path, __: int) -> None:
    """Issue the cases of the wave."""
    from panel.actions import cases, fieldwork
    from panel.app import open_app

    app = open_app()
    if not app.store.wave_states(STUDY):
        fieldwork.open_wave(app, STUDY, WAVE)  # issues them
    else:
        cases.issue(app, STUDY, WAVE)


def select(_: Path, __: int) -> None:
    """Select the invitations."""
    from panel.actions.contacts import select as act
    from panel.app import open_correspondence

    act(open_correspondence(), STUDY, WAVE, "invite")


def answer(_: Path, __: int) -> None:
    """Let two of three members answer, as a delivery would."""
    from panel.app import open_app
    from panel.model.case import CaseEvent

    app = open_app()
    now = app.clock.now()
    cases = [each for number, each in enumerate(app.store.cases(STUDY, 1)) if number % 3]
    app.store.move_cases(
        [
            CaseEvent(
                study=STUDY, wave=1, member=each.member, event="complete", from_state=each.state, to_state="complete",
                source="response", key="response:made-up", why="", by="benchmark", at=now, recorded_at=now,
            )
            for each in cases
        ]
    )  # fmt: skip


def status(_: Path, __: int) -> None:
    """Draw the view of the wave."""
    from panel.actions.progress import view
    from panel.app import open_app

    found = view(open_app(), STUDY, WAVE)
    print(f"done {found.done:,} of {found.issued:,}, contacts {len(found.contacts)}", file=sys.stderr)


def rates(_: Path, __: int) -> None:
    """Compute the rates by cohort."""
    from panel.actions.rates import panel_rates
    from panel.app import open_app

    panel_rates(open_app(), STUDY)


def peer(home: Path) -> sqlite3.Connection:
    """Return the database of the peer, as safe on the disk as ours."""
    connection = sqlite3.connect(home / "peer.db")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def ours(home: Path, query: str) -> list[tuple]:
    """Return rows of our database, for the peer to write."""
    with sqlite3.connect(home / "panel.db") as connection:
        return connection.execute(query).fetchall()


def copied(home: Path, *tables: str) -> None:
    """Write into the peer's database what ours holds, with its keys and indices, one bulk statement a table."""
    with sqlite3.connect(home / "panel.db") as connection:
        query = "SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL AND type IN ('table', 'index')"
        made = connection.execute(query + " ORDER BY type DESC").fetchall()
    with peer(home) as connection:
        for statement in (statement for name, statement in made if name in tables):
            connection.execute(statement)
        for table in tables:
            rows = ours(home, f"SELECT * FROM {table}")
            places = ", ".join("?" * len(rows[0]))
            connection.executemany(f"INSERT INTO {table} VALUES ({places})", rows)


def sql_load(home: Path, _: int) -> None:
    """Write members and their first events."""
    copied(home, "member", "member_event")


def sql_issue(home: Path, _: int) -> None:
    """Write cases and their first events."""
    copied(home, "member_case", "case_event")


def sql_select(home: Path, _: int) -> None:
    """Write contacts, the decisions about them, and the hashes of codes."""
    copied(home, "contact", "contact_decision", "access_code")


def sql_answer(home: Path, _: int) -> None:
    """Move the same cases, and write the same events."""
    names = "study, wave, member, event, from_state, to_state, source, key, why, by, at, recorded_at"
    events = ours(home, f"SELECT {names} FROM case_event WHERE event = 'complete'")
    with peer(home) as connection:
        connection.executemany(
            "INSERT INTO case_event (study, wave, member, event, from_state, to_state, source, key, why, by, at, "
            "recorded_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            events,
        )
        connection.executemany(
            "UPDATE member_case SET state = ?, since = ? WHERE study = ? AND wave = ? AND member = ?",
            [(row[5], row[10], row[0], row[1], row[2]) for row in events],
        )


def pandas(home: Path, _: int) -> None:
    """Count states, groups and contacts."""
    import pandas as pd

    with sqlite3.connect(home / "panel.db") as connection:
        cases = pd.read_sql("SELECT member, state, why FROM member_case WHERE wave = 1", connection)
        members = pd.read_sql("SELECT member, stratum, cohort FROM member", connection)
        events = pd.read_sql("SELECT member, event FROM case_event WHERE wave = 1", connection)
        contacts = pd.read_sql("SELECT kind, ordinal, state, reason FROM contact WHERE wave = 1", connection)
    joined = cases.merge(members, on="member")
    for name in ("stratum", "cohort"):
        joined.groupby([name, "state"]).size()
    cases["state"].value_counts()
    events.loc[events["event"] == "contact", "member"].nunique()
    contacts.groupby(["kind", "ordinal", "state", "reason"]).size()


OURS = {"prepare": prepare, "load": load, "details": details, "issue": issue, "select": select, "answer": answer,
        "status": status, "rates": rates}  # fmt: skip
THEIRS = {"sql_load": sql_load, "sql_issue": sql_issue, "sql_select": sql_select, "sql_answer": sql_answer,
          "pandas": pandas}  # fmt: skip


if __name__ == "__main__":
    main()
