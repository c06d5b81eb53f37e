"""
Say how much of what slipped into SYNTHETIC deliveries the checks find, and how much of what they find had slipped in.

    python benchmarks/check_recall.py --seeds 20

For every seed: six waves of `creative-ai`, taken in, merged and judged. A slip is found where a check of its line below
fails the member in the wave of the slip; precision is of all rows that those checks fail. `can know` counts the slips
that a rule has something to hold against, and the recall among those: a second amount, an earlier interview. Nothing is
asserted.

The simulation makes the first seven kinds, and duplicates and corrections, which intake settles. The others are made
here, on one response in a hundred: answers copied under another member, interviews in a third of the usual time,
interviews a week after fieldwork, and a year of birth that is asked in every wave and mistyped by ten. Honest
times vary by 30 % (one standard deviation of the log), which is an assumption.
"""

import argparse
import logging
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from panel import merge as merging
from panel.checks import SuiteChecker
from panel.harmonise import harmonise
from panel.model.load import load_study
from panel.model.study import Study
from panel.sources.files import source_for
from panel.sources.studyfile import study_files
from panel.sources.synthetic import load_plan, simulate

STUDY = "creative-ai"
RATE = 0.01
UNITS = ("month_for_year", "in_thousands")
UNIT_CHECKS = ("hold:unit_of_profit", "hold:unit_of_wage", "hold:profit_in_thousands", "hold:wage_in_thousands",
               "hold:unit_above_profit", "hold:unit_above_wage")  # fmt: skip
FINDERS: Mapping[str, tuple[str, ...]] = {
    "month_for_year": UNIT_CHECKS,
    "in_thousands": UNIT_CHECKS,
    "first_month_for_year": ("panel:profit_beside_turnover", "panel:wage_beside_hours"),
    "turnover_as_profit": ("panel:profit_is_turnover",),
    "composition_sum": ("sum:role_time", "sum:stage"),
    "off_route": ("route:",),
    "birth_year": ("panel:age",),
    "swapped_ids": ("panel:another_person",),
    "second_identity": ("responses:copied",),
    "speeder": ("responses:fast",),
    "late": ("responses:late",),
    "birth_year_each_wave": ("panel:fact:birth_year",),
}
Keys = set[tuple[str, int]]


@dataclass(frozen=True)
class Judged:
    """What one seed gave: slips, who failed what, and of each kind the slips that a rule can know."""

    slips: pd.DataFrame
    failing: set[tuple[str, int, str]]
    knowable: Mapping[str, Keys]
    settled: Mapping[str, tuple[int, int, int, int]]


def main() -> None:
    """Judge every seed and print recall and precision by kind of slip."""
    logging.disable(logging.WARNING)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--first", type=int, default=1)
    options.add_argument("--members", type=int)
    given = options.parse_args()
    total: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(6, dtype=int))
    for seed in range(given.first, given.first + given.seeds):
        found = judged(seed, given.members)
        for kind in FINDERS:
            total[kind] += counts(kind, found)
        for kind, (made, hit, failed, true) in found.settled.items():
            total[kind] += np.array([made, hit, made, hit, failed, true])
    print(f"{'slip':<22}{'slips':>7}{'recall':>8}{'can know':>10}{'recall':>8}{'failed':>8}{'precision':>11}")
    for kind, (made, hit, known, hit_known, failed, true) in total.items():
        middle = f"{share(hit, made):>8}{known:>10}{share(hit_known, known):>8}"
        print(f"{kind:<22}{made:>7}{middle}{failed:>8}{share(true, failed):>11}")


def share(part: int, whole: int) -> str:
    """Return a share with two digits, or a dash."""
    return f"{part / whole:.2f}" if whole else "-"


def counts(kind: str, found: Judged) -> np.ndarray:
    """Return slips, of them found, those a rule can know, of them found, rows failed, of them slipped."""
    failed = {(member, wave) for member, wave, check in found.failing if check.startswith(FINDERS[kind])}
    mine = keys(found.slips, "month_for_year" if kind == "first_month_for_year" else kind)
    if kind == "first_month_for_year":
        mine -= found.knowable["month_for_year"]
    known = mine & found.knowable.get(kind, mine)
    alike = UNITS if kind in (*UNITS, "first_month_for_year") else (kind,)  # one family of checks finds both
    true = {key for each in alike for key in keys(found.slips, each)}
    return np.array([len(mine), len(mine & failed), len(known), len(known & failed), len(failed), len(failed & true)])


def keys(slips: pd.DataFrame, kind: str) -> Keys:
    """Return member and wave of the slips of a kind."""
    return set(slips.loc[slips["kind"] == kind, ["member", "wave"]].itertuples(index=False, name=None))


def judged(seed: int, members: int | None) -> Judged:
    """Return what the checks say of one simulated panel, in which further slips were made."""
    files = study_files(STUDY)
    study = load_study(files)
    made = simulate(study, load_plan(files["simulation.toml"], study), seed=seed, members=members)
    draw = np.random.default_rng(seed)
    responses, names = {}, {}
    for wave, content in made.deliveries.items():
        table = source_for("x.csv", content).table("x.csv", content)
        rows = harmonise(
            table, study=study, wave=wave, delivery=f"d{wave}", received_at=datetime(2031, 1, 1, tzinfo=UTC), key=b"k"
        ).rows
        names |= dict(zip(table.loc[rows["row"].astype(int), study.layout.member], rows["member"], strict=True))
        responses[wave] = rows
    index = pd.concat(responses.values())
    merged = merging.merge(responses, study=study, index=index, fielded=sorted(responses), open_waves=())
    panel = pd.concat(merged.person_waves.values(), ignore_index=True)
    slips = made.ledger.assign(member=made.ledger["member"].map(names))
    more: list[pd.DataFrame] = []
    failing = _panel_failures(study, panel, sorted(responses))
    failing |= _response_failures(study, responses, draw, more)
    failing |= _fact_failures(study, panel, draw, more)
    return Judged(pd.concat([slips, *more]), failing, knowable(slips, panel), settled(slips, responses, panel))


def _failures(study: Study, wave: int, stage: str, frame: pd.DataFrame) -> set[tuple[str, int, str]]:
    gate = SuiteChecker().check(study, study.instrument_of(wave), wave, stage, frame)
    return {(*key, each.check) for each in gate.verdicts for key in each.failing}


def _panel_failures(study: Study, panel: pd.DataFrame, waves: Iterable[int]) -> set[tuple[str, int, str]]:
    return set().union(*(_failures(study, wave, "panel", panel[panel["wave"] <= wave]) for wave in waves))


def _response_failures(
    study: Study, responses: Mapping[int, pd.DataFrame], draw: np.random.Generator, more: list[pd.DataFrame]
) -> set[tuple[str, int, str]]:
    """Make second identities, speeders and late interviews, and judge the responses."""
    found = set()
    for wave, rows in responses.items():
        current = merging.current(rows).reset_index(drop=True)
        hit = {kind: _hit(draw, len(current)) for kind in ("second_identity", "speeder", "late")}
        asked = [each.variable.name for each in study.instrument_of(wave).questions]
        whole = (current[asked].notna().sum(axis=1) > len(asked) // 2).to_numpy()
        hit["second_identity"] = hit["second_identity"][whole[hit["second_identity"]]]
        copies = current.iloc[hit["second_identity"]].copy()
        copies["member"] = [f"copy-{member}" for member in copies["member"]]
        seconds = np.round(draw.lognormal(np.log(900), 0.3, len(current)))
        seconds[hit["speeder"]] = np.round(900 * draw.uniform(0.2, 0.4, len(hit["speeder"])))
        end = pd.Timestamp(study.wave(wave).fieldwork.end, tz="UTC")
        current.loc[hit["late"], "submitted_at"] = end + pd.Timedelta(days=7)
        timed = current.assign(duration_seconds=pd.array(seconds.astype(int), dtype="Int64"))
        more += [_slips(current.loc[hit[kind], "member"], wave, kind) for kind in ("speeder", "late")]
        originals = [*copies["member"], *current.loc[hit["second_identity"], "member"]]
        more.append(_slips(originals, wave, "second_identity"))
        found |= _failures(study, wave, "responses", pd.concat([timed, copies], ignore_index=True))
    return found


def _fact_failures(
    study: Study, panel: pd.DataFrame, draw: np.random.Generator, more: list[pd.DataFrame]
) -> set[tuple[str, int, str]]:
    """Ask the year of birth in every wave, mistype some, and judge them against the mode over waves."""
    instruments = tuple(
        replace(
            each,
            questions=tuple(
                replace(question, asked="every") if question.variable.name == "birth_year" else question
                for question in each.questions
            ),
        )
        for each in study.instruments
    )
    asking = replace(study, instruments=instruments)
    typed = panel.reset_index(drop=True)
    hit = _hit(draw, len(typed))
    typed.loc[hit, "birth_year"] = typed.loc[hit, "birth_year"] + 10
    hit = hit[typed.loc[hit, "birth_year"].notna().to_numpy()]
    more.append(
        pd.DataFrame(
            {"member": typed.loc[hit, "member"], "wave": typed.loc[hit, "wave"].astype(int),
             "kind": "birth_year_each_wave", "variable": "birth_year"}
        )
    )  # fmt: skip
    failing = _panel_failures(asking, typed, sorted(int(wave) for wave in typed["wave"].unique()))
    return {each for each in failing if each[2] == "panel:fact:birth_year"}


def _hit(draw: np.random.Generator, size: int) -> np.ndarray:
    return np.flatnonzero(draw.random(size) < RATE)


def _slips(members: Iterable[str], wave: int, kind: str) -> pd.DataFrame:
    return pd.DataFrame({"member": list(members), "wave": wave, "kind": kind, "variable": ""})


def knowable(slips: pd.DataFrame, panel: pd.DataFrame) -> Mapping[str, Keys]:
    """Return by kind the slips that there is something to hold against."""
    first = panel.groupby("member")["wave"].min()
    later = {(member, wave) for member, wave in keys(slips, "swapped_ids") if wave > first.get(member, wave)}
    found: dict[str, Keys] = {"swapped_ids": later, "birth_year": set(), "first_month_for_year": set()}
    for kind in UNITS:
        found[kind] = set()
        for member, wave, variable in slips.loc[
            slips["kind"] == kind, ["member", "wave", "variable"]
        ].itertuples(index=False, name=None):  # fmt: skip
            own = panel[panel["member"] == member]
            beside = "turnover_eur" if variable == "profit_eur" else "hours_week"
            has_other = kind == "in_thousands" and own.loc[own["wave"] == wave, beside].notna().any()
            if has_other or own.loc[own["wave"] < wave, variable].notna().any():
                found[kind].add((member, wave))
    both = panel[panel["turnover_eur"].notna() & (panel["profit_eur"] >= 12_000)]
    given = set(both[["member", "wave"]].itertuples(index=False, name=None))
    found["turnover_as_profit"] = keys(slips, "turnover_as_profit") & given
    repeated = panel[panel["wave"] > panel["member"].map(first)]
    found["birth_year_each_wave"] = set(repeated[["member", "wave"]].itertuples(index=False, name=None))
    return found


def settled(
    slips: pd.DataFrame, responses: Mapping[int, pd.DataFrame], panel: pd.DataFrame
) -> Mapping[str, tuple[int, int, int, int]]:
    """Return what intake and merge settle: corrections that became the answer, and members who are there twice."""
    corrected = keys(slips, "correction")
    revised = panel[panel["revision"] > 1]
    again = set(revised[["member", "wave"]].itertuples(index=False, name=None))
    twice = keys(slips, "duplicate")
    rows = pd.concat([merging.current(each)[["member", "wave"]] for each in responses.values()])
    once = set(rows[~rows.duplicated(keep=False)].itertuples(index=False, name=None))
    return {
        "correction": (len(corrected), len(corrected & again), len(again), len(again & corrected)),
        "duplicate": (len(twice), len(twice & once), len(twice), len(twice & once)),
    }


if __name__ == "__main__":
    main()
