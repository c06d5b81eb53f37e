"""
Time the whole close of a wave, step by step, each in a process of its own.

    python benchmarks/close_wave.py --members 300000 --home /some/large/disk

Makes SYNTHETIC deliveries of `creative-ai` for every wave (once a home), takes in and merges all but the last, and then
runs each step of the last wave's close: seconds and peak memory, medians of --repeats runs. The last line sums merge,
check, weigh and estimate, whose aim is 60 s and 4 GiB on two cores. Nothing is asserted.
"""

import argparse
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

STUDY = "creative-ai"
STEPS = ("collect", "check responses", "merge", "check panel", "weigh", "estimate", "release")
AIMED_AT = ("check responses", "merge", "check panel", "weigh", "estimate")


def main() -> None:
    """Prepare the home, run every step, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--members", type=int, default=300_000)
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--step")
    given = options.parse_args()
    os.environ["PANEL_HOME"] = str(given.home.absolute())
    if given.step == "prepare":
        prepare(given.members)
        return
    if given.step:
        run(given.step)
        return
    # In a process of its own: a child is charged for the memory that its parent had when it was started.
    subprocess.run([sys.executable, __file__, *sys.argv[1:], "--step", "prepare"], check=True)
    print(f"{'step':<18}{'seconds':>10}{'peak MiB':>10}   (median of {given.repeats})")
    taken = {step: measure(step, given.home, 1 if step == "collect" else given.repeats) for step in STEPS}
    for step, (seconds, peak) in taken.items():
        print(f"{step:<18}{seconds:>10.1f}{peak:>10.0f}")
    seconds = sum(taken[step][0] for step in AIMED_AT)
    print(f"{'check to estimate':<18}{seconds:>10.1f}{max(taken[step][1] for step in AIMED_AT):>10.0f}")


def prepare(members: int) -> None:
    """Set up the home and take in every wave but the last, unless it was done before."""
    from panel.actions import fieldwork, fold, intake, set_up
    from panel.app import migrate, open_app
    from panel.settings import Settings

    settings = Settings.from_environment()
    settings.make_home()
    migrate(settings)
    app = open_app(settings)
    study = set_up.load_study(app, STUDY).study
    if app.store.deliveries(STUDY):
        return
    started = time.monotonic()
    set_up.simulate(app, STUDY, members=members, seed=1)
    print(f"simulated {len(study.waves)} waves of about {members:,} members in {time.monotonic() - started:.0f} s")
    for wave in study.waves[:-1]:
        started = time.monotonic()
        fieldwork.open_wave(app, STUDY, wave.number)
        intake.collect(app, STUDY, wave.number)
        fieldwork.begin_close(app, STUDY, wave.number)
        print(f"collected {wave.key} in {time.monotonic() - started:.0f} s", flush=True)
    fieldwork.open_wave(app, STUDY, study.waves[-1].number)
    fold.merge(app, STUDY)


def run(step: str) -> None:
    """Run one step of the last wave's close."""
    from panel.actions import figures, fold, gate, intake, publication
    from panel.app import open_app
    from panel.errors import CheckFailed

    app = open_app()
    last = app.study(STUDY).waves[-1].number
    actions = {
        "collect": lambda: intake.collect(app, STUDY, last),
        "check responses": lambda: gate.check(app, STUDY, last, "responses"),
        "merge": lambda: fold.merge(app, STUDY),
        "check panel": lambda: gate.check(app, STUDY, last, "panel"),
        "weigh": lambda: figures.weigh(app, STUDY, last),
        "estimate": lambda: figures.estimate(app, STUDY, last),
        "release": lambda: publication.release(app, STUDY, last),
    }
    try:
        actions[step]()
    except CheckFailed as error:
        print(error, file=sys.stderr)


def measure(step: str, home: Path, repeats: int) -> tuple[float, float]:
    """Return the median seconds and peak MiB of a step over several processes."""
    seconds, peaks = [], []
    for _ in range(repeats):
        started = time.monotonic()
        child = subprocess.Popen([sys.executable, __file__, "--home", str(home), "--step", step])
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            sys.exit(f"{step} ended with {child.returncode}")
        seconds.append(time.monotonic() - started)
        peaks.append(usage.ru_maxrss / 1024)
    return statistics.median(seconds), statistics.median(peaks)


if __name__ == "__main__":
    main()
