"""Every figure of a study up to a wave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pandas as pd

from panel.estimate.grouping import Grouping, groupings, inside_groups
from panel.estimate.levels import Measure, several
from panel.estimate.pairs import Pair, stayers, transitions
from panel.estimate.rows import Figure, Label, to_frame
from panel.estimate.sample import Sample
from panel.model.instrument import Variable
from panel.model.study import INDICES, SHARES_OF_INEQUALITY, Indicator, Study


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
    with ThreadPoolExecutor(max_workers=1) as beside:  # levels and pairs of waves read the sample, and share no result
        followed = beside.submit(_followed, sample, weights)
        return to_frame([*_levels(sample, waves), *followed.result()])


def _followed(sample: Sample, weights: pd.DataFrame) -> list[Figure]:
    """Return what happened to the same members, a pair of waves after the other: each holds what it reads."""
    out: list[Figure] = []
    for each in _paired(weights):
        pair = Pair.of(sample, weights, each)
        out += _stayers(pair)
        out += _transitions(pair)
    return out


def _paired(weights: pd.DataFrame) -> list[tuple[int, int]]:
    names = weights.loc[weights["kind"] == "longitudinal", "waves"].unique()
    sets = [tuple(int(part) for part in name.split("-")) for name in names]
    return sorted((first, second) for first, second in (each for each in sets if len(each) == 2))


def _levels(sample: Sample, waves: list[int]) -> list[Figure]:
    """Return the levels and net changes of every indicator, by indicator; those of the same groups together."""
    found: dict[tuple[int, int], list[Figure]] = {}
    for indicators in _together(sample.study.indicators):
        for place, groups in enumerate(_groupings(sample, indicators[0][1])):
            asked = [(at, each) for at, indicator in indicators for each in _measures(sample, indicator, groups)]
            told = several(sample, [each for _, each in asked], groups, waves, method=method_of(sample.study))
            for (at, _), figures in zip(asked, told, strict=True):
                found.setdefault((at, place), []).extend(figures)
    return [figure for _, figures in sorted(found.items()) for figure in figures]


def _stayers(pair: Pair) -> list[Figure]:
    """Return what happened to the members of a pair of waves, by indicator; told once for those that ask the same."""
    asked = [each for each in pair.now.study.indicators if each.statistic in ("mean", "median")]
    found: dict[tuple[int, int, int], list[Figure]] = {}
    for indicators in _together(asked):
        for place, groups in enumerate(_groupings(pair.now, indicators[0][1])):
            known: dict[tuple[str, bool], list[Figure]] = {}
            for at, indicator in indicators:
                for in_real_terms in _terms(indicator):
                    key = (indicator.variable, in_real_terms)
                    if key not in known:
                        labels = _labels(pair.now, indicator, groups, in_real_terms=in_real_terms)
                        known[key] = stayers(
                            pair, labels, indicator.variable, groups, in_real_terms=in_real_terms,
                            method=method_of(pair.now.study),
                        )  # fmt: skip
                    found[at, int(in_real_terms), place] = [
                        replace(each, label=replace(each.label, indicator=indicator.key)) for each in known[key]
                    ]
    return [figure for _, figures in sorted(found.items()) for figure in figures]


def _together(indicators: Sequence[Indicator]) -> list[list[tuple[int, Indicator]]]:
    """Return indicators that are about the same groups together, each with its place."""
    out: dict[tuple[str | None, tuple[str, ...]], list[tuple[int, Indicator]]] = {}
    for at, each in enumerate(indicators):
        out.setdefault((each.domain, tuple(each.groups)), []).append((at, each))
    return list(out.values())


def _groupings(sample: Sample, indicator: Indicator) -> Iterator[Grouping]:
    """Yield everybody and the groups of each domain, of those an indicator is about."""
    inside = inside_groups(sample, indicator.domain, indicator.groups)
    for each in groupings(sample, leaving_out=indicator.domain if indicator.groups else None):
        yield each.among(inside)


def _terms(indicator: Indicator) -> tuple[bool, ...]:
    return (False, True) if indicator.in_real_terms else (False,)


def _measures(sample: Sample, indicator: Indicator, groups: Grouping) -> Iterator[Measure]:
    if indicator.statistic == "share":
        yield _share(sample, indicator, groups, indicator.codes, "share")
        unclear = [code for code in sample.study.variable(indicator.variable).off_scale if code not in indicator.codes]
        if unclear:
            yield _share(sample, indicator, groups, tuple(unclear), "share_unclear")
        return
    for in_real_terms in _terms(indicator):
        yield Measure(
            labels=_labels(sample, indicator, groups, in_real_terms=in_real_terms),
            statistic=indicator.statistic,
            values=sample.number(indicator.variable, in_real_terms=in_real_terms),
            answered=sample.known(indicator.variable),
            in_real_terms=in_real_terms,
        )


def _share(
    sample: Sample, indicator: Indicator, groups: Grouping, codes: tuple[object, ...], statistic: str
) -> Measure:
    value = ",".join(map(str, codes))
    return Measure(
        labels=[
            replace(label, unit="share", terms="", value=value)
            for label in _labels(sample, indicator, groups, in_real_terms=False)
        ],
        statistic=statistic,
        values=sample.among(indicator.variable, codes).astype(float),
        answered=sample.known(indicator.variable),
    )


def _labels(sample: Sample, indicator: Indicator, groups: Grouping, *, in_real_terms: bool) -> list[Label]:
    variable = sample.study.variable(indicator.variable)
    terms = ("real" if in_real_terms else "nominal") if variable.kind == "money" else ""
    unit = unit_of(indicator.statistic, variable)
    return [
        Label(
            indicator=indicator.key,
            variable=indicator.variable,
            domain=groups.domain,
            group=key,
            denominator=denominator(sample.study, indicator, name if groups.domain else None),
            unit=unit,
            terms=terms,
        )
        for key, name in zip(groups.keys, groups.names, strict=True)
    ]


def unit_of(statistic: str, variable: Variable) -> str:
    """Return the unit of a statistic of a variable: that of an amount, or "share" or "index" for inequality."""
    if statistic in INDICES:
        return "share" if statistic in SHARES_OF_INEQUALITY else "index"
    return variable.unit or "count"


def denominator(study: Study, indicator: Indicator, group: str | None) -> str:
    """Return in words among whom a figure is: the indicator's groups, a group by name, and what counts as an answer."""
    whom = [group] if group else []
    if indicator.domain and indicator.groups:
        domain = study.domain(indicator.domain)
        whom.append(" or ".join(str(domain.group(key).label) for key in indicator.groups))
    answers = "with an answer"
    variable = study.variable(indicator.variable)
    if variable.off_scale:
        off = ", ".join(f'"{variable.label_of(code)}"' for code in variable.off_scale)
        answers += f", {off} included"
    return f"{', '.join(reversed(whom)) or 'everybody'} {answers}"


def _transitions(pair: Pair) -> Iterator[Figure]:
    told: set[tuple[str, str | None]] = set()
    for transition in pair.now.study.transitions:
        for groups in groupings(pair.now):
            asked = (transition.variable, groups.domain)
            if groups.domain in (None, transition.domain) and asked not in told:
                told.add(asked)
                labels = _labels_of_transition(transition.variable, groups)
                yield from transitions(pair, labels, transition.variable, groups, method=method_of(pair.now.study))


def _labels_of_transition(variable: str, groups: Grouping) -> list[Label]:
    return [
        Label(
            indicator=f"transition:{variable}",
            variable=variable,
            domain=groups.domain,
            group=key,
            denominator=f"{name} in the first category, who answered both waves",
            unit="share",
        )
        for key, name in zip(groups.keys, groups.names, strict=True)
    ]
