"""
Print what the catalogue finds in panels of real people, wave by wave, as a table of Markdown.

    python benchmarks/catalogue_on_panels.py gss-2006 FILE
    python benchmarks/catalogue_on_panels.py sce-earnings FOLDER   (files WAVE.csv)

No answer and no member is printed.
"""

import argparse
import logging
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from panel import merge as merging
from panel.checks import SuiteChecker
from panel.harmonise import harmonise
from panel.model.load import load_study
from panel.model.people import INTERVIEWED
from panel.sources.files import source_for
from panel.sources.studyfile import study_files


def main() -> None:
    """Judge every wave of a study and print the checks that failed."""
    logging.disable(logging.WARNING)
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("study")
    options.add_argument("path", type=Path)
    given = options.parse_args()
    study = load_study(study_files(given.study))
    responses = {}
    for wave in study.waves:
        path = given.path if given.path.is_file() else given.path / f"{wave.key}.csv"
        content = path.read_bytes()
        table = source_for(path.name, content).table(path.name, content)
        made = harmonise(
            table, study=study, wave=wave.number, delivery=wave.key, received_at=datetime(2031, 1, 1, tzinfo=UTC),
            key=b"k",
        )  # fmt: skip
        responses[wave.number] = made.rows
    index = pd.concat(responses.values())
    merged = merging.merge(responses, study=study, index=index, fielded=sorted(responses), open_waves=())
    panel = pd.concat(merged.person_waves.values(), ignore_index=True)
    print("| wave | stage | checks | check | catalogue | severity | failing | judged |\n" + "| --- " * 8 + "|")
    for wave, rows in responses.items():
        current = merging.current(rows)
        current = current[current["disposition"].isin(INTERVIEWED)].reset_index(drop=True)
        for stage, frame in (("responses", current), ("panel", panel[panel["wave"] <= wave])):
            gate = SuiteChecker().check(study, study.instrument_of(wave), wave, stage, frame)
            found = [each for each in gate.verdicts if each.state != "passed"]
            start = f"| {study.wave(wave).key} | {stage} | {len(gate.verdicts)} |"
            for each in found:
                count = each.failing_count or ("wave" if each.state == "failed" else "broken")
                print(f"{start} `{each.check}` | {each.catalogue} | {each.severity} | {count} | {each.checked_count} |")
            if not found:
                print(f"{start} none | | | | |")


if __name__ == "__main__":
    main()
