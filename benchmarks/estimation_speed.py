"""
Time all year-on-year changes of a large panel, side by side with the peers, each in an environment of its own.

    python benchmarks/estimation_speed.py --home /some/large/disk --persons 300000 --repeats 3

On a SYNTHETIC panel of six waves (48 strata, persons as PSUs, a twentieth replaced each year): read Parquet, rake every
wave to four margins, and give the 60 year-on-year changes of 12 groups with standard errors that credit the raking and
the overlap. Peers: svy (the same), samplics (paired differences of who stayed, weights taken as fixed: it can do no
more), and R's survey where Rscript and survey are installed (one pair of waves, calibrated to the sample's own totals,
times five). Environments are made below --home by pip. Then Rao-Wu with 500 replicates, raked anew in each, and
growth from a tenth to ten times the persons with --growth.

Printed: seconds from reading to the last figure (without start-up), seconds of the whole process, its processor
seconds, peak MiB, medians of --repeats; how many times as long as ours; and the largest relative distance of a standard
error from ours.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import venv
from itertools import pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
HERE = Path(__file__).resolve()
PEERS = {"svy": "svy==0.35.0", "samplics": "samplics==0.6.1"}
OURS = ("ours", "ours-bootstrap")
R_SCRIPT = """
library(survey); args <- commandArgs(TRUE); t0 <- Sys.time(); d <- read.csv(args[1])
for (v in c("sex", "age", "region", "grp", "wave")) d[[v]] <- factor(d[[v]])
cell <- interaction(d$grp, d$wave); k <- nlevels(cell)
inside <- model.matrix(~ cell - 1); d[paste0("y", 1:k)] <- inside * d$income; d[paste0("n", 1:k)] <- inside
des <- svydesign(id = ~member, strata = ~stratum, weights = ~design_weight, data = d)
f <- ~ wave:sex + wave:age + wave:region + wave:grp - 1
pop <- colSums(model.matrix(f, d) * d$design_weight)
g <- calibrate(des, f, pop, calfun = "raking")
t <- svytotal(reformulate(c(paste0("y", 1:k), paste0("n", 1:k))), g)
v <- coef(t); y <- v[1:k]; n <- v[k + 1:k]; j <- cbind(diag(1 / n), diag(-y / n^2))
m <- j %*% vcov(t) %*% t(j); h <- k / 2
se <- sqrt(diag(m)[1:h] + diag(m)[h + 1:h] - 2 * m[cbind(1:h, h + 1:h)])
cat(sprintf('{"seconds": %f}', as.numeric(difftime(Sys.time(), t0, units = "secs")) * 5))
"""


def main() -> None:
    """Make the data and the environments, run everybody, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--persons", type=int, default=300_000)
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--only", nargs="*", default=[*OURS, *PEERS, "R"])
    options.add_argument("--growth", action="store_true")
    options.add_argument("--child")
    options.add_argument("--data", type=Path)
    given = options.parse_args()
    if given.child:
        print(json.dumps(CHILDREN[given.child](given.data)))
        return
    from panel_made import write

    given.home.mkdir(parents=True, exist_ok=True)
    if given.growth:
        growth(given.home, given.persons, given.repeats)
        return
    path, results = write(given.home, given.persons), {}
    print(f"{given.persons:,} SYNTHETIC persons x 6 waves, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"{'':<16}{'compute s':>10}{'whole s':>9}{'cpu s':>8}{'peak MiB':>10}{'times ours':>12}{'se apart':>10}")
    for name in given.only:
        found = measure(name, path, given.home, given.repeats)
        if found:
            results[name] = found
            ours = results.get("ours", found)
            told = f"{found['seconds']:>10.2f}{found['whole']:>9.1f}{found['cpu']:>8.1f}{found['peak']:>10.0f}"
            print(f"{name:<16}{told}{found['seconds'] / ours['seconds']:>12.1f}{apart(ours, found):>10}", flush=True)


def growth(home: Path, persons: int, repeats: int) -> None:
    """Print our own time at a tenth of the persons, at them, and at ten times as many."""
    from panel_made import write

    print(f"{'persons':>10}{'compute s':>11}{'peak MiB':>10}{'s a million rows':>18}")
    for count in (persons // 10, persons, persons * 10):
        found = measure("ours", write(home, count), home, repeats)
        print(f"{count:>10,}{found['seconds']:>11.2f}{found['peak']:>10.0f}{found['seconds'] / count / 6 * 1e6:>18.2f}")


def measure(name: str, path: Path, home: Path, repeats: int) -> dict:
    """Return the medians of a child over several processes; empty where it cannot run here."""
    command = command_of(name, path, home)
    if not command:
        print(f"{name:<16} not installed here")
        return {}
    runs = []
    for _ in range(repeats if name not in PEERS else min(repeats, 3)):
        started = time.monotonic()
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert child.stdout is not None
        said = child.stdout.read()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            print(f"{name:<16} ended with {child.returncode}")
            return {}
        found = json.loads(said.strip().splitlines()[-1])
        spent = {"whole": time.monotonic() - started, "cpu": usage.ru_utime + usage.ru_stime}
        runs.append(found | spent | {"peak": usage.ru_maxrss / 1024})
    middle = {key: statistics.median(run[key] for run in runs) for key in ("seconds", "whole", "cpu", "peak")}
    return runs[0] | middle


def command_of(name: str, path: Path, home: Path) -> list[str]:
    """Return the command that runs a child in its environment, made if it is not there."""
    if name == "R":
        return r_command(path, home)
    python = sys.executable
    if name in PEERS:
        place = home / f"venv-{name}"
        if not place.exists():
            venv.create(place, with_pip=True)
            subprocess.run([place / "bin" / "pip", "install", "-q", PEERS[name], "pyarrow", "pandas"], check=True)
        python = str(place / "bin" / "python")
    return [python, str(HERE), "--home", str(home), "--child", name, "--data", str(path)]


def r_command(path: Path, home: Path) -> list[str]:
    """Return the command for R on the first two waves, where it is installed; empty else."""
    script = shutil.which("Rscript")
    if script is None or subprocess.run([script, "-e", "library(survey)"], check=False, capture_output=True).returncode:
        return []
    import pandas as pd

    pair, code = path.with_suffix(".pair.csv"), home / "survey.R"
    frame = pd.read_parquet(path)
    frame[frame["wave"] <= 2].to_csv(pair, index=False)
    code.write_text(R_SCRIPT)
    return [script, str(code), str(pair)]


def apart(ours: dict, found: dict) -> str:
    """Return the largest relative distance of a standard error from ours, where both gave the same ones."""
    if set(ours.get("se", {})) != set(found.get("se", {})) or not found.get("se"):
        return "-"
    return f"{max(abs(found['se'][key] / se - 1) for key, se in ours['se'].items()):.1e}"


def ours(path: Path) -> dict:
    """Read, rake every wave, and give all changes of all groups, as the verb `year_on_year` does."""
    import numpy as np
    from panel_made import WAVES

    from panel.estimate import Label, Measure, grouping, series
    from panel.weigh import cross_sectional  # noqa: F401 - start-up is not timed, ours or theirs

    started = time.perf_counter()
    sample = weighed(path)
    groups, values = grouping(sample, sample.study.domain("grp")), sample.number("income")
    about = {"indicator": "income", "variable": "income", "domain": "grp", "denominator": "all", "unit": "EUR"}
    labels = [Label(group=key, **about) for key in groups.keys]
    measure = Measure(labels=labels, statistic="mean", values=values, answered=np.isfinite(values))
    figures = series(sample, measure, groups, WAVES, method="design-based", between=list(pairwise(WAVES)))
    seconds = time.perf_counter() - started
    se = {f"{each.label.group}:{each.from_wave}": each.se for each in figures if each.statistic == "change"}
    return {"seconds": seconds, "se": se}


def weighed(path: Path) -> object:
    """Return the sample of every wave with its raked weights."""
    import numpy as np
    import pyarrow.parquet as pq
    from panel_made import WAVES, study

    from panel.estimate import Sample
    from panel.weigh import cross_sectional

    # split and let go, so that a column is not held twice
    frame, made = pq.read_table(path).to_pandas(split_blocks=True, self_destruct=True), study()
    frame = frame.assign(psu=frame["member"], cohort=1)
    ends = np.searchsorted(frame["wave"], [*WAVES, WAVES[-1] + 1])
    weights = [
        cross_sectional(frame.iloc[start:end], study=made, wave=wave).rows["weight"].to_numpy(dtype=float)
        for wave, start, end in zip(WAVES, ends[:-1], ends[1:], strict=True)
    ]
    rows = frame[["member", "wave", "design_weight"]].assign(weight=np.concatenate(weights))
    return Sample(made, frame, rows, label="cross-sectional", keys=("member", "wave"))


def ours_bootstrap(path: Path) -> dict:
    """Read, draw 500 Rao-Wu replicates, rake every wave anew in each, and give all changes of all groups."""
    import numpy as np
    import pandas as pd
    from panel_made import GROUPS, WAVES, study

    from panel.estimate.kernel import Design
    from panel.estimate.replicates import rao_wu
    from panel.weigh import by_wave

    started = time.perf_counter()
    frame = pd.read_parquet(path)
    frame = frame.assign(psu=frame["member"], cohort=1)
    design, reweigh = Design.of(frame), by_wave(frame, study())
    cell = (frame["wave"].to_numpy() - 1) * GROUPS + frame["grp"].to_numpy()
    income, count = frame["income"].to_numpy(), len(WAVES) * GROUPS

    def changes(weights: np.ndarray) -> np.ndarray:
        held = np.bincount(cell, weights=weights, minlength=count)
        means = (np.bincount(cell, weights=weights * income, minlength=count) / held).reshape(len(WAVES), GROUPS)
        return np.diff(means, axis=0).ravel()

    found = rao_wu(design, 500, seed=1).estimate(changes, frame["design_weight"].to_numpy(), reweigh=reweigh)
    seconds, se = time.perf_counter() - started, found.se.reshape(len(WAVES) - 1, GROUPS)
    told = {f"{group}:{wave + 1}": float(se[wave, group]) for wave in range(len(WAVES) - 1) for group in range(GROUPS)}
    return {"seconds": seconds, "se": told}


def svy_peer(path: Path) -> dict:
    """Do the same with svy: one long design, margins crossed with the wave, contrasts of the joint covariance."""
    import polars as pl
    import svy
    from panel_made import GROUPS, MARGINS, WAVES, shares

    started = time.perf_counter()
    frame = pl.read_parquet(path)
    crossed = [(pl.col("wave").cast(str) + "_" + pl.col(name).cast(str)).alias(f"w_{name}") for name in MARGINS]
    both = (pl.col("wave").cast(str) + "_" + pl.col("grp").cast(str)).alias("cell")
    frame = frame.with_columns(*crossed, both)
    design = svy.Design(case_id="member", wave="wave", stratum="stratum", psu="member", wgt="design_weight")
    sample = svy.Sample(frame, design)
    total = {wave: float(frame.filter(pl.col("wave") == wave).height) for wave in WAVES}
    controls = {
        f"w_{name}": {f"{wave}_{code}": share * total[wave] for wave in WAVES for code, share in shares(count).items()}
        for name, count in MARGINS.items()
    }
    sample = sample.weighting.rake(controls=controls, tol=1e-8, max_iter=500)
    means = sample.estimation.mean("income", by="cell")
    asked = {
        f"{group}:{wave}": svy.estd(f"{wave + 1}_{group}") - svy.estd(f"{wave}_{group}")
        for wave in WAVES[:-1]
        for group in range(GROUPS)
    }
    table = means.contrast(asked).to_polars()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "se": dict(zip(table["contrast"], table["se"], strict=True))}


def samplics_peer(path: Path) -> dict:
    """Give paired differences of who stayed, by group of the first wave, weights of the second taken as fixed."""
    import pandas as pd
    from panel_made import WAVES
    from samplics.estimation import TaylorEstimator
    from samplics.utils.types import PopParam

    started = time.perf_counter()
    frame = pd.read_parquet(path)
    for wave in WAVES[:-1]:
        now, then = frame[frame["wave"] == wave], frame[frame["wave"] == wave + 1]
        both = now.merge(then[["member", "income"]], on="member", suffixes=("", "_next"))
        TaylorEstimator(PopParam.mean).estimate(
            y=(both["income_next"] - both["income"]).to_numpy(),
            samp_weight=both["design_weight"].to_numpy(),
            stratum=both["stratum"].to_numpy(),
            psu=both["member"].to_numpy(),
            domain=both["grp"].to_numpy(),
        )
    return {"seconds": time.perf_counter() - started}


CHILDREN = {"ours": ours, "ours-bootstrap": ours_bootstrap, "svy": svy_peer, "samplics": samplics_peer}

if __name__ == "__main__":
    main()
