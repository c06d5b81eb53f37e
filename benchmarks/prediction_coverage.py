"""
Count how often the intervals about predictions hold the truth, on SYNTHETIC creative workers whose truth is known.

    python benchmarks/prediction_coverage.py --seeds 100

30,000 simulated people answer the waves of 2025, 2026 and 2030 in full: their scores are the truth. Each seed draws 730
of them, once with everybody answering every wave, once with those leaving whom the simulation lets leave (more of them
where fortune turned, so not at random), weighs them and scores their predictions through the very functions that a
close of a wave calls. A figure counts in a seed where it has an interval; the aim is 93 of 100 seeds or more.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panel.forecast import predictions, view_of
from panel.harmonise import derive
from panel.model.load import load_study
from panel.model.people import INTERVIEWED
from panel.model.study import Study
from panel.schema import PERSON_WAVES, TRACKING
from panel.sources.studyfile import study_files
from panel.sources.synthetic import load_plan
from panel.sources.synthetic.answers import answers, remember
from panel.sources.synthetic.people import found, next_wave
from panel.sources.synthetic.routing import Heard, routed
from panel.weigh import cross_sectional, longitudinal

WAVES, PEOPLE, SAMPLE = (1, 2, 6), 30_000, 730
PAIRS = ((1, 2), (1, 6), (2, 6))
KEY = ["indicator", "statistic", "value", "group", "from_wave", "wave"]
ABOUT_UNSEEN = ("horizon_unseen", "horizon_tipping", "horizon_tipping_apart")
LEAST = 5  # members on either side of a share: below, no interval means much, and the release hides most of them


@dataclass(frozen=True)
class Population:
    """Everybody's answers of each wave, one row a person, and who took part."""

    study: Study
    waves: dict[int, pd.DataFrame]
    took_part: dict[int, np.ndarray]

    def sample(self, places: np.ndarray, *, leaving: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Return person-waves and tracking of some people: of all of them, or of those who took part."""
        frames, tracks = [], []
        for wave in WAVES:
            here = np.ones(len(places), dtype=bool) if leaving == "nobody" else self.took_part[wave][places]
            frame = self.waves[wave].iloc[places].reset_index(drop=True)
            frames.append(frame[here])
            track = {"member": frame["member"], "wave": wave, "cohort": 1, "is_interviewed": here}
            disposition = np.where(here, INTERVIEWED[0], "no_response")
            tracks.append(pd.DataFrame(track | {"disposition": disposition, "is_returning": False}))
        return pd.concat(frames, ignore_index=True), TRACKING.coerce(pd.concat(tracks, ignore_index=True))


def population(seed: int) -> Population:
    """Return simulated people: what each would say in each wave, and whether the simulation lets them take part."""
    files = study_files("creative-ai")
    whole = load_study(files)
    plan = replace(load_plan(files["simulation.toml"], whole), missing={}, errors={})
    domains = tuple(each for each in whole.domains if each.key in ("employment", "age"))
    waves = tuple(each for each in whole.waves if each.number in WAVES)
    study = replace(whole, domains=domains, waves=waves, benchmarks=None)
    people = found(plan, seed=seed, members=PEOPLE)
    kept, took_part = {}, {}
    for wave in whole.waves:
        if wave.number > 1:
            next_wave(people, plan, seed=seed, wave=wave.number, top_up_to=0)
        instrument, year = whole.instrument(wave.instrument), wave.fieldwork.start.year
        said = answers(people, plan, instrument, seed=seed, wave=wave.number, year=year)
        remember(people, plan, said, np.arange(PEOPLE))
        took_part[wave.number] = people.answers.copy()
        people.answered_before = people.answered_before + people.answers
        if wave.number in WAVES:
            kept[wave.number] = _person_waves(study, said, wave.number, year)
    return Population(study, kept, took_part)


def _person_waves(study: Study, said: pd.DataFrame, wave: int, year: int) -> pd.DataFrame:
    instrument = study.instrument_of(wave)
    every = np.ones(len(said), dtype=bool)
    names = [each.variable.name for each in instrument.questions]
    asked = {
        each.variable.name: every if each.asked != "later" or wave > 1 else ~every for each in instrument.questions
    }
    silent = {name: np.full(len(said), "", dtype=object) for name in names}
    answered = {name: asked[name] & said[name].notna().to_numpy() for name in names}
    member = [f"SYN{place:06d}" for place in range(len(said))]
    fixed = {"member": member, "psu": member, "wave": wave, "revision": 1, "disposition": INTERVIEWED[0], "cohort": 1,
             "stratum": "1", "design_weight": 1.0, "response": ""}  # fmt: skip
    typed = PERSON_WAVES.coerce(routed(said, Heard(asked, silent, answered), instrument), study.variables)
    full = derive(typed.assign(**fixed), instrument, wave_year=year)
    return PERSON_WAVES.coerce(full, study.variables)


def scored(study: Study, people: pd.DataFrame, tracking: pd.DataFrame) -> pd.DataFrame:
    """Weigh, and return the figures about predictions, as the close of the last wave would."""
    made = [cross_sectional(people[people["wave"] == wave], study=study, wave=wave) for wave in WAVES]
    made += [longitudinal(people, tracking, study=study, waves=pair) for pair in PAIRS]
    weights = pd.concat([each.rows for each in made], ignore_index=True)
    table = predictions(study, people, weights, wave=WAVES[-1])
    return table[table["group"].isin(["all", "zzp", "employee"])].set_index(KEY)


def covered(truth: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return for each figure with an interval whether it holds the truth, and how far off the estimate is."""
    both = table.join(truth["estimate"].rename("truth"), how="inner")
    few = np.minimum(both["estimate"], 1 - both["estimate"]) * both["n"] < LEAST
    use = both["low"].notna() & ~((both["unit"] == "share") & few) & (both["se"] > 0)
    own = both[use]
    held = (own["low"] <= own["truth"]) & (own["truth"] <= own["high"])
    return pd.DataFrame({"held": held.astype(float), "off": own["estimate"] - own["truth"], "se": own["se"]})


def told(runs: list[pd.DataFrame]) -> pd.DataFrame:
    """Return coverage by figure, then by statistic: all figures together, the lowest, and bias over spread."""
    by_figure = pd.concat(runs).astype("float64").groupby(KEY, dropna=False).agg(
        held=("held", "mean"), runs=("held", "size"), bias=("off", "mean"), sd=("off", "std"), se=("se", "mean"),
    )  # fmt: skip
    full = by_figure[by_figure["runs"] >= 0.9 * len(runs)].reset_index()
    full["view"] = view_of(full)
    full["bias_sd"], full["se_sd"] = full["bias"] / full["sd"], full["se"] / full["sd"]
    return full


def show(name: str, full: pd.DataFrame) -> None:
    """Print a line a statistic: figures, mean and least coverage in 100, se over sd, bias over sd."""
    print(f"\n{name}: {len(full)} figures, mean {100 * full['held'].mean():.1f}")
    print(f"{'statistic':<28}{'figures':>8}{'mean':>7}{'least':>7}{'below 93':>10}{'se/sd':>7}{'bias/sd':>9}")
    for (_, statistic), rows in full.groupby(["view", "statistic"], sort=False):
        below = int((rows["held"] < 0.93 - 1e-9).sum())
        print(
            f"{statistic:<28}{len(rows):>8}{100 * rows['held'].mean():>7.1f}{100 * rows['held'].min():>7.0f}"
            f"{below:>10}{rows['se_sd'].median():>7.2f}{rows['bias_sd'].median():>9.2f}"
        )


def main() -> None:
    """Simulate, score a hundred samples, count and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=100)
    options.add_argument("--csv", help="write the coverage of each figure to this file")
    given = options.parse_args()
    started = time.monotonic()
    of = population(seed=1)
    truth = scored(of.study, *of.sample(np.arange(PEOPLE), leaving="nobody"))
    unseen = scored(of.study, *of.sample(np.arange(PEOPLE), leaving="some"))
    about_unseen = unseen.index.get_level_values("statistic").isin(ABOUT_UNSEEN)
    of_leaving = pd.concat([truth.drop(unseen.index[about_unseen], errors="ignore"), unseen[about_unseen]])
    print(f"truth of {PEOPLE:,} SYNTHETIC people in {time.monotonic() - started:.0f} s", flush=True)
    tables = []
    for leaving in ("nobody", "some"):
        runs = []
        for seed in range(1, given.seeds + 1):
            places = np.random.default_rng([2, seed]).choice(PEOPLE, SAMPLE, replace=False)
            wanted = truth if leaving == "nobody" else of_leaving
            runs.append(covered(wanted, scored(of.study, *of.sample(places, leaving=leaving))))
        tables.append(told(runs).assign(leaving=leaving))
        show(f"{given.seeds} seeds, {leaving} leaving", tables[-1])
        print(f"{time.monotonic() - started:.0f} s", flush=True)
    if given.csv:
        pd.concat(tables).to_csv(given.csv, index=False)


if __name__ == "__main__":
    main()
