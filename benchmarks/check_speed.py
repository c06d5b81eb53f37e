"""
Time sixty checks of sixty columns and 300,000 SYNTHETIC rows: ours, hand-written pandas, and pandera where it is there.

    python benchmarks/check_speed.py --rows 300000

Every way returns the failing rows of each check by key; medians of three, imports left out, on one core.
"""

import argparse
import importlib.util
import statistics
import time
import tracemalloc
from collections.abc import Callable

import numpy as np
import pandas as pd

from panel.checks.entries import holding
from panel.checks.run import judge

COLUMNS, LOW, HIGH, CODES = 60, 0.0, 100_000.0, 7


def frame_of(rows: int) -> pd.DataFrame:
    """Return rows of thirty amounts and thirty codes, one in a thousand of each beyond what is allowed."""
    draw = np.random.default_rng(1)
    made: dict[str, object] = {"member": np.char.add("m", np.arange(rows).astype(str)).astype(object), "wave": 2}
    for place in range(COLUMNS):
        wrong = draw.random(rows) < 0.001
        if place % 2:
            made[f"x{place}"] = np.where(wrong, 99, draw.integers(1, CODES + 1, rows))
        else:
            made[f"x{place}"] = np.where(wrong, -1.0, draw.uniform(LOW, HIGH, rows).round())
    return pd.DataFrame(made)


def _holds(values: pd.Series, place: int) -> np.ndarray:
    sound = values.isin(range(1, CODES + 1)) if place % 2 else values.between(LOW, HIGH)
    return sound.to_numpy()


def by_hand(frame: pd.DataFrame) -> int:
    """Return how many cells fail, having listed the failing members of each column."""
    failing = {}
    for place in range(COLUMNS):
        failing[place] = frame.loc[~_holds(frame[f"x{place}"], place), "member"].tolist()
    return sum(map(len, failing.values()))


def ours(frame: pd.DataFrame) -> int:
    """Return the same from the checks of a suite."""
    columns = {f"c{place}": _holds(frame[f"x{place}"], place).astype(float) for place in range(COLUMNS)}
    entries = [holding(f"c{place}", f"holds:c{place}", columns=(f"x{place}",)) for place in range(COLUMNS)]
    verdicts = judge({"rows": frame[["member", "wave"]]}, entries, columns)
    return sum(verdict.failing_count for verdict in verdicts)


def pandera(frame: pd.DataFrame) -> int:
    """Return the same from a pandera schema, judged lazily."""
    import pandera.pandas as pa

    checks = {
        f"x{place}": pa.Column(None, pa.Check.isin(range(1, CODES + 1)) if place % 2 else pa.Check.between(LOW, HIGH))
        for place in range(COLUMNS)
    }
    try:
        pa.DataFrameSchema(checks).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        return len(error.failure_cases)
    return 0


def measured(function: Callable[[pd.DataFrame], int], frame: pd.DataFrame) -> tuple[float, float, int]:
    """Return the median of three CPU times in seconds, the peak of what was allocated in MB, and the count."""
    found = function(frame)  # imports, and what is made once
    times = []
    for _ in range(3):
        start = time.process_time()
        function(frame)
        times.append(time.process_time() - start)
    tracemalloc.start()
    function(frame)
    peak = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    return statistics.median(times), peak, found


def main() -> None:
    """Print seconds, memory and the ratio to hand-written pandas."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=300_000)
    frame = frame_of(options.parse_args().rows)
    ways = {"pandas by hand": by_hand, "ours": ours}
    if importlib.util.find_spec("pandera"):
        ways["pandera"] = pandera
    else:
        print("pandera is not installed here, so it is left out: pip install pandera")
    base = 0.0
    for name, function in ways.items():
        seconds, peak, found = measured(function, frame)
        base = base or seconds
        print(f"{name:<16}{seconds:>8.2f} s{peak:>9.0f} MB{seconds / base:>8.1f} x   {found} failing cells")


if __name__ == "__main__":
    main()
