"""
Time every figure of a large panel: the report of a release, and every question an analyst has, by every domain.

    python benchmarks/full_report.py --home /some/large/disk --persons 300000

On the SYNTHETIC panel of `estimation_speed.py`, weighted once (not timed as the report): the report of the study, with
levels, changes between all waves and the moves of stayers, nominal and real; then the verbs of a panel, each for
everybody and by each domain, for the change over the last year, or for all years where a verb takes them. Printed:
seconds of each, how many figures, and together; peak memory of the process. The aim is 60 s on two cores. Nothing is
asserted.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pandas as pd
import panel_made

LAST = (5, 6)
INDICES = ("gini", "quintile_share_ratio", "p90_p10", "theil", "atkinson", "poverty_rate")


def main() -> None:
    """Make the panel and its weights, ask everything, print the table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--home", type=Path, required=True)
    options.add_argument("--persons", type=int, default=300_000)
    given = options.parse_args()
    given.home.mkdir(parents=True, exist_ok=True)
    study, tables = made(panel_made.write(given.home, given.persons))
    print(f"{given.persons:,} SYNTHETIC persons x 6 waves", flush=True)
    print(f"{'':<28}{'seconds':>9}{'figures':>9}")
    whole = told("report", partial(report_of, study, tables))
    whole += sum(told(name, ask) for name, ask in questions(study, tables))
    print(f"{'together':<28}{whole:>9.1f}   peak {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


def told(name: str, ask: Callable[[], int]) -> float:
    """Ask a question, print what it took, and return the seconds."""
    started = time.perf_counter()
    figures = ask()
    seconds = time.perf_counter() - started
    print(f"{name:<28}{seconds:>9.2f}{figures:>9,}", flush=True)
    return seconds


def made(path: Path) -> tuple[object, dict[str, pd.DataFrame]]:
    """Return the study and the tables of its release: person-waves, weights, tracking."""
    from panel.weigh import cross_sectional, longitudinal

    study = asked()
    frame = pd.read_parquet(path).assign(cohort=1, revision=1, response="made", disposition="complete")
    frame = frame.assign(psu=frame["member"], role=(frame["grp"] // 3).astype("int8"))
    tracking = frame[["member", "wave", "cohort", "disposition"]].assign(is_returning=True, is_interviewed=True)
    waves = panel_made.WAVES
    sets = [*pairwise(waves), *((1, wave) for wave in waves[2:])]
    each = [cross_sectional(frame[frame["wave"] == wave], study=study, wave=wave).rows for wave in waves]
    each += [longitudinal(frame, tracking, study=study, waves=two).rows for two in sets]
    return study, {"person_waves": frame, "weights": pd.concat(each, ignore_index=True), "tracking": tracking}


def asked() -> object:
    """Return the study of the panel, with what is to be told of it."""
    from panel.model.instrument import Instrument, Question, Section, Value, Variable
    from panel.model.study import Indicator, PriceIndex, PricePoint, Transition
    from panel.model.text import Text

    def question(name: str, kind: str, codes: int = 0, unit: str | None = None) -> Question:
        text = Text.plain(name)
        values = tuple(Value(code, Text.plain(str(code)), ()) for code in range(codes))
        variable = Variable(name=name, label=text, kind=kind, values=values, unit=unit)
        return Question(key=name, section="A", text=text, variable=variable, column=name)

    coded = [question(name, "single", count) for name, count in (*panel_made.MARGINS.items(), ("role", 4))]
    sections = (Section(key="A", label=Text.plain("All")),)
    instrument = Instrument(version="1", sections=sections, questions=(question("income", "money", unit="EUR"), *coded))
    indicators = [
        Indicator(key=name, label=Text.plain(name), variable="income", statistic=name, in_real_terms=name == "mean")
        for name in ("mean", "median", *INDICES[:3])
    ]
    share = Indicator(key="executor", label=Text.plain("executor"), variable="role", statistic="share", codes=(3,))
    points = tuple(PricePoint(year=2020 + place, index=100.0 + 2 * place) for place in range(1, 7))
    return replace(
        panel_made.study(),
        instruments=(instrument,),
        indicators=(*indicators, share),
        transitions=tuple(Transition(variable="role", domain=name) for name in (None, *panel_made.MARGINS)),
        prices=PriceIndex(source="made", base_year=2026, points=points),
    )  # fmt: skip


def report_of(study: object, tables: dict[str, pd.DataFrame]) -> int:
    """Return how many figures the report of a release has."""
    from panel.estimate import report

    return len(report(study, tables["person_waves"], tables["tracking"], tables["weights"], wave=6))


def questions(study: object, tables: dict[str, pd.DataFrame]) -> list[tuple[str, Callable[[], int]]]:
    """Return every verb with what asks it for everybody and by each domain."""
    release = _release(study, tables)
    followed, crossed = release.panel(), release.panel(weight="cross-sectional")
    verbs: dict[str, Callable[[object], pd.DataFrame]] = {
        "mean": lambda panel: panel.mean("income"),
        "median": lambda panel: panel.median("income"),
        "share": lambda panel: panel.share("role", codes=[3]),
        **{index: partial(_index, index) for index in INDICES},
        "change": lambda panel: panel.change("income", waves=LAST, in_real_terms=True),
        "composite": lambda panel: panel.composite("income", waves=LAST),
        "chained": lambda panel: panel.chained("income", waves=(1, 6)),
        "dynamics": lambda panel: panel.dynamics("income", waves=LAST),
        "decomposition": lambda panel: panel.decomposition("income", waves=LAST),
        "transitions": lambda panel: panel.transitions("role", waves=LAST),
        "flows": lambda panel: panel.flows("role", waves=LAST),
        "independence": lambda panel: panel.independence("role", waves=LAST),
        "mobility": lambda panel: panel.mobility("role", waves=LAST),
        "pooled": lambda panel: panel.pooled("role"),
        "hazards": lambda panel: panel.hazards("role", source=0, target=3),
    }
    domains = list(panel_made.MARGINS)
    asked = [(name, partial(_by_every, verb, followed, domains)) for name, verb in verbs.items()]
    asked.append(("net change", partial(_by_every, verbs["change"], crossed, domains)))
    return [*asked, ("gap", partial(_gaps, followed, domains))]


def _index(index: str, panel: object) -> pd.DataFrame:
    return panel.inequality("income", index=index, waves=LAST)


def _by_every(verb: Callable[[object], pd.DataFrame], panel: object, domains: list[str]) -> int:
    return len(verb(panel)) + sum(len(verb(panel.by(domain))) for domain in domains)


def _gaps(panel: object, domains: list[str]) -> int:
    return sum(
        len(panel.by(domain).gap("income", groups=("0", "1"), waves=LAST, middle=middle))
        for domain in domains
        for middle in ("mean", "median")
    )


def _release(study: object, tables: dict[str, pd.DataFrame]) -> object:
    """Return a release whose tables are in memory."""
    from panel.analysis.release import Release
    from panel.model.results import ReleaseRecord

    class Held(Release):
        @property
        def key(self) -> str:
            return "made"

        def table(self, name: str) -> pd.DataFrame:
            return tables[name]

    return Held(study, ReleaseRecord.__new__(ReleaseRecord))


if __name__ == "__main__":
    main()
