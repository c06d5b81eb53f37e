"""Every figure of a study up to a wave."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panel.estimate.levels import Measure, series
from panel.estimate.pairs import Pair, stayers, transitions
from panel.estimate.rows import Figure, Label, to_frame
from panel.estimate.sample import Sample
from panel.model.study import Indicator, Study

ALL = "all"


@dataclass(frozen=True)
class Slice:
    """A domain and group, or everybody, and who is in it (a mask)."""

    domain: str | None
    group: str
    name: str
    inside: np.ndarray


def method_of(study: Study) -> str:
    """Return how the intervals of a study are meant."""
    return "design-based" if study.is_probability_sample else "model-assisted"


def report(
    study: Study, person_waves: pd.DataFrame, tracking: pd.DataFrame, weights: pd.DataFrame, *, wave: int
) -> pd.DataFrame:
    """
    Return every indicator of a study for every wave up to `wave`, every change, and the transitions.

    Levels and net changes are of everybody at each wave, by the group they are in then, under cross-sectional weights.
    Stayers' changes and transitions follow the same members, by the group they were in first, under the longitudinal
    weight of exactly the two waves. An answer off the scale, such as "too early to say", has its own line
    (`share_unclear`) and stays in the denominator. Amounts come in nominal and, where asked, in real terms.

    Args:
        study: indicators, domains, transitions, prices.
        person_waves: all waves so far, held cells set aside. Not modified.
        tracking: every case; unused by the figures themselves.
        weights: schema.WEIGHTS as computed at `wave`.
        wave: the newest wave.

    Returns:
        schema.ESTIMATES, unprotected: see `panel.disclose.protect`.
    """
    del tracking
    waves = sorted(int(each) for each in person_waves["wave"].unique() if each <= wave)
    cross = weights[weights["kind"] == "cross-sectional"]
    sample = Sample(study, person_waves, cross, label="cross-sectional", keys=("member", "wave"))
    pairs = [Pair.of(sample, weights, each) for each in _paired(weights)]
    figures = [figure for indicator in study.indicators for figure in _indicator(sample, pairs, indicator, waves)]
    figures += list(_transitions(study, pairs))
    return to_frame(figures)


def _paired(weights: pd.DataFrame) -> list[tuple[int, int]]:
    names = weights.loc[weights["kind"] == "longitudinal", "waves"].unique()
    sets = [tuple(int(part) for part in name.split("-")) for name in names]
    return sorted((first, second) for first, second in (each for each in sets if len(each) == 2))


def slices(sample: Sample, *, leaving_out: str | None = None) -> Iterator[Slice]:
    """Yield everybody, and every group of every domain but one."""
    yield Slice(None, ALL, "everybody", np.ones(len(sample.wave), dtype=bool))
    for domain in sample.study.domains:
        if domain.key != leaving_out:
            codes = sample.groups(domain.key)
            for place, group in enumerate(domain.groups):
                yield Slice(domain.key, group.key, str(group.label), codes == place)


def among(sample: Sample, indicator: Indicator) -> np.ndarray:
    """Return whom an indicator is about (a mask)."""
    if indicator.domain is None or not indicator.groups:
        return np.ones(len(sample.wave), dtype=bool)
    places = [
        place
        for place, group in enumerate(sample.study.domain(indicator.domain).groups)
        if group.key in indicator.groups
    ]
    return np.isin(sample.groups(indicator.domain), places)


def _indicator(sample: Sample, pairs: list[Pair], indicator: Indicator, waves: list[int]) -> Iterator[Figure]:
    method = method_of(sample.study)
    restricted = indicator.domain if indicator.groups else None
    everyone = among(sample, indicator)
    for each in slices(sample, leaving_out=restricted):
        inside = everyone & each.inside
        for measure in _measures(sample, indicator, each):
            yield from series(sample, measure, inside, waves, method=method)
    if indicator.statistic == "share":
        return
    for pair in pairs:
        chosen = among(pair.now, indicator)
        for each in slices(pair.now, leaving_out=restricted):
            for in_real_terms in _terms(indicator):
                label = _label(sample, indicator, each, in_real_terms=in_real_terms)
                yield from stayers(
                    pair, label, indicator.variable, chosen & each.inside, in_real_terms=in_real_terms, method=method
                )


def _terms(indicator: Indicator) -> tuple[bool, ...]:
    return (False, True) if indicator.in_real_terms else (False,)


def _measures(sample: Sample, indicator: Indicator, each: Slice) -> Iterator[Measure]:
    if indicator.statistic == "share":
        yield _share(sample, indicator, each, indicator.codes, "share")
        unclear = [code for code in sample.study.variable(indicator.variable).off_scale if code not in indicator.codes]
        if unclear:
            yield _share(sample, indicator, each, tuple(unclear), "share_unclear")
        return
    for in_real_terms in _terms(indicator):
        values = sample.number(indicator.variable, in_real_terms=in_real_terms)
        yield Measure(
            label=_label(sample, indicator, each, in_real_terms=in_real_terms),
            statistic=indicator.statistic,
            values=values,
            answered=sample.known(indicator.variable),
            in_real_terms=in_real_terms,
        )


def _share(sample: Sample, indicator: Indicator, each: Slice, codes: tuple[object, ...], statistic: str) -> Measure:
    label = _label(sample, indicator, each, in_real_terms=False)
    return Measure(
        label=replace(label, unit="share", terms="", value=",".join(map(str, codes))),
        statistic=statistic,
        values=sample.among(indicator.variable, codes).astype(float),
        answered=sample.known(indicator.variable),
    )


def _label(sample: Sample, indicator: Indicator, each: Slice, *, in_real_terms: bool) -> Label:
    variable = sample.study.variable(indicator.variable)
    terms = ("real" if in_real_terms else "nominal") if variable.kind == "money" else ""
    return Label(
        indicator=indicator.key,
        variable=indicator.variable,
        domain=each.domain,
        group=each.group,
        denominator=denominator(sample.study, indicator, each),
        unit=variable.unit or "count",
        terms=terms,
    )


def denominator(study: Study, indicator: Indicator, each: Slice) -> str:
    """Return in words among whom a figure is: the indicator's groups, the slice, and what counts as an answer."""
    whom = [each.name] if each.domain else []
    if indicator.domain and indicator.groups:
        domain = study.domain(indicator.domain)
        whom.append(" or ".join(str(domain.group(key).label) for key in indicator.groups))
    answers = "with an answer"
    variable = study.variable(indicator.variable)
    if variable.off_scale:
        off = ", ".join(f'"{variable.label_of(code)}"' for code in variable.off_scale)
        answers += f", {off} included"
    return f"{', '.join(reversed(whom)) or 'everybody'} {answers}"


def _transitions(study: Study, pairs: list[Pair]) -> Iterator[Figure]:
    method = method_of(study)
    for pair in pairs:
        for transition in study.transitions:
            for each in slices(pair.now):
                if each.domain not in (None, transition.domain):
                    continue
                label = Label(
                    indicator=f"transition:{transition.variable}",
                    variable=transition.variable,
                    domain=each.domain,
                    group=each.group,
                    denominator=f"{each.name} in the first category, who answered both waves",
                    unit="share",
                )
                yield from transitions(pair, label, transition.variable, each.inside, method=method)
