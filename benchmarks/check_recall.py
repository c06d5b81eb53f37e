"""
Say how much of what slipped into SYNTHETIC deliveries the checks find, and how much of what they find had slipped in.

    python benchmarks/check_recall.py --seeds 20

For every seed: six waves of `creative-ai`, taken in, merged and judged. A slip is found where a check of its line below
fails the member in the wave of the slip; precision is of all rows that those checks fail in waves of any slip.
Nothing is asserted. A slip in a first interview has no earlier answer to be held against: the column `later` is the
recall among members who were interviewed before.
"""

import argparse
import logging
from collections import defaultdict
from datetime import UTC, datetime

import pandas as pd

from panel import merge as merging
from panel.checks import SuiteChecker
from panel.harmonise import harmonise
from panel.model.load import load_study
from panel.sources.files import source_for
from panel.sources.studyfile import study_files
from panel.sources.synthetic import load_plan, simulate

STUDY = "creative-ai"
FINDERS = {
    "month_for_year": ("hold:unit_of_profit", "hold:unit_of_wage"),
    "in_thousands": ("hold:unit_of_profit", "hold:unit_of_wage", "hold:profit_in_thousands", "hold:wage_in_thousands"),
    "turnover_as_profit": ("panel:profit_is_turnover",),
    "composition_sum": ("sum:role_time", "sum:stage"),
    "off_route": ("route:",),
    "birth_year": ("panel:age",),
    "swapped_ids": ("panel:another_occupation",),
}
UNITS = ("month_for_year", "in_thousands")


def main() -> None:
    """Judge every seed and print recall and precision by kind of slip."""
    logging.disable(logging.WARNING)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--members", type=int)
    given = options.parse_args()
    total: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0, 0, 0, 0])
    for seed in range(1, given.seeds + 1):
        slips, failing, before = judged(seed, given.members)
        for kind in FINDERS:
            total[kind] = [
                old + new for old, new in zip(total[kind], counts(kind, slips, failing, before), strict=True)
            ]
    print(f"{'slip':<20}{'slips':>7}{'recall':>8}{'later':>8}{'failed':>8}{'precision':>11}")
    for kind, (made, found, later, found_later, failed, true) in total.items():
        ratios = [share(found, made), share(found_later, later), share(true, failed)]
        print(f"{kind:<20}{made:>7}{ratios[0]:>8}{ratios[1]:>8}{failed:>8}{ratios[2]:>11}")


def share(part: int, whole: int) -> str:
    """Return a share with two digits, or a dash."""
    return f"{part / whole:.2f}" if whole else "-"


def counts(kind: str, slips: pd.DataFrame, failing: set, before: set) -> list[int]:
    """Return slips, of them found, slips of those interviewed before, of them found, rows failed, of them slipped."""
    names = FINDERS[kind]
    failed = {(member, wave) for member, wave, check in failing if check.startswith(names)}
    mine = set(slips.loc[slips["kind"] == kind, ["member", "wave"]].itertuples(index=False, name=None))
    later = mine & before
    alike = UNITS if kind in UNITS else (kind,)  # both unit slips are found by the same checks
    true = set(slips.loc[slips["kind"].isin(alike), ["member", "wave"]].itertuples(index=False, name=None))
    return [len(mine), len(mine & failed), len(later), len(later & failed), len(failed), len(failed & true)]


def judged(seed: int, members: int | None) -> tuple[pd.DataFrame, set, set]:
    """Return the ledger with members as in the panel, who failed what, and who was interviewed before."""
    files = study_files(STUDY)
    study = load_study(files)
    made = simulate(study, load_plan(files["simulation.toml"], study), seed=seed, members=members)
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
    checker, failing = SuiteChecker(), set()
    for wave in sorted(responses):
        instrument = study.instrument_of(wave)
        current = merging.current(responses[wave])
        for stage, frame in (("responses", current), ("panel", panel[panel["wave"] <= wave])):
            gate = checker.check(study, instrument, wave, stage, frame)
            failing |= {(*key, each.check) for each in gate.verdicts for key in each.failing}
    slips = made.ledger.assign(member=made.ledger["member"].map(names))
    before = {
        (member, wave) for member, first in panel.groupby("member")["wave"].min().items()
        for wave in study_waves(study) if wave > first
    }  # fmt: skip
    return slips, failing, before


def study_waves(study: object) -> list[int]:
    """Return the numbers of the waves."""
    return [wave.number for wave in study.waves]


if __name__ == "__main__":
    main()
