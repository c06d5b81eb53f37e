"""A SYNTHETIC panel for the benchmarks of estimation, and the study that describes it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

WAVES = (1, 2, 3, 4, 5, 6)
STRATA, GROUPS, REGIONS, AGES, SEXES = 48, 12, 12, 4, 2
MARGINS = {"sex": SEXES, "age": AGES, "region": REGIONS, "grp": GROUPS}
ROTATION = 0.05


def write(folder: Path, persons: int) -> Path:
    """
    Write `persons` members in each of six waves as Parquet, one row a member and wave, and return its path.

    A twentieth is replaced from wave to wave; incomes are log-normal and follow the member; one in fifty changes group.
    """
    path = folder / f"panel_{persons}.parquet"
    if path.exists():
        return path
    draw, move = np.random.default_rng(2027), round(persons * ROTATION)
    whole = persons + move * (len(WAVES) - 1)
    stratum = draw.integers(0, STRATA, whole)
    fixed = {name: draw.integers(0, MARGINS[name], whole) for name in ("sex", "age", "region")}
    level, group = draw.normal(10, 0.6, whole), draw.integers(0, GROUPS, whole)
    weight = draw.uniform(0.5, 2.0, STRATA)[stratum]
    frames = []
    for place, wave in enumerate(WAVES):
        own = np.arange(place * move, place * move + persons)
        group = np.where(draw.random(whole) < 0.02, draw.integers(0, GROUPS, whole), group)
        income = np.exp(level + 0.02 * place - 0.01 * place * (group == 0) + draw.normal(0, 0.2, whole))
        columns = {"member": [f"m{each:07d}" for each in own], "wave": wave, "stratum": stratum[own].astype(str)}
        answers = {name: codes[own].astype(np.int8) for name, codes in fixed.items()}
        rest = {"grp": group[own].astype(np.int8), "income": income[own].round(2), "design_weight": weight[own]}
        frames.append(pd.DataFrame({**columns, **answers, **rest}))
    pd.concat(frames, ignore_index=True).to_parquet(path, index=False)
    return path


def shares(groups: int) -> dict[int, float]:
    """Return the population shares of a margin: a little more of each group than of the one before."""
    raw = np.linspace(0.9, 1.1, groups)
    return {place: float(share) for place, share in enumerate(raw / raw.sum())}


def study() -> object:
    """Return the study: four domains, raked to all of them."""
    from panel.model.study import Benchmarks, Domain, Group, Layout, Margin, Period, Study, Wave
    from panel.model.text import Text

    domains = tuple(
        Domain(
            key=name, label=Text.plain(name), variable=name,
            groups=tuple(Group(key=str(code), label=Text.plain(str(code)), codes=(code,)) for code in range(count)),
        )
        for name, count in MARGINS.items()
    )  # fmt: skip
    margins = tuple(
        Margin(domain=name, shares=tuple((str(code), share) for code, share in shares(count).items()), source="made")
        for name, count in MARGINS.items()
    )
    waves = tuple(
        Wave(
            number=wave, key=str(wave), instrument="1",
            fieldwork=Period(start=date(2020 + wave, 10, 1), end=date(2020 + wave, 11, 30)),
            reference=Period(start=date(2020 + wave, 1, 1), end=date(2020 + wave, 12, 31)),
        )
        for wave in WAVES
    )  # fmt: skip
    return Study(
        key="made", title=Text.plain("SYNTHETIC"), population=Text.plain("nobody"), languages=("en",),
        time_zone="UTC", currency="EUR", is_probability_sample=True, baseline=1, horizon_years=5, waves=waves,
        instruments=(), domains=domains, indicators=(), transitions=(), layout=Layout(), prices=None,
        benchmarks=Benchmarks(frame="made", version="1", margins=margins, weight_bounds=(0.01, 100.0)),
    )  # fmt: skip
