"""Rates that follow a panel from its recruitment on, by cohort: cumulative response or participation, and retention."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from panel.model.rates import Dispositions, Rate, participation_rates

SOURCE = "Callegaro and DiSogra (2008), Public Opinion Quarterly 72(5); AAPOR (2023), Standard Definitions, 10th ed."


@dataclass(frozen=True, slots=True, kw_only=True)
class Recruited:
    """
    How a cohort came to be: what no delivery can say, so the study file does.

    `recruitment_rate` (RECR) is the share of the drawn that agreed to join, `profile_rate` (PROR) the share of those
    that filled in the first questionnaire and so became members. Only a probability sample has them.
    """

    cohort: str
    recruitment_rate: float
    profile_rate: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CohortWave:
    """
    One cohort in one wave, by count.

    `joined` were loaded with the sample, `issued` of them have a case that was issued in this wave. Of the `entered`,
    interviewed in the wave they entered in, `present` are interviewed in this wave and `steady` in every one since.
    """

    cohort: str
    joined: int
    issued: int
    found: Dispositions
    entered: int
    present: int
    steady: int
    recruited: Recruited | None = None


def cohort_rates(seen: CohortWave, *, is_probability_sample: bool) -> tuple[Rate, ...]:
    """
    Return the rates of one cohort in one wave, by the names its sample allows.

    A probability sample has RETR (still in the panel), COMR (interviewed, of the issued) and, where the study says how
    it was recruited, CUMRR1 = RECR x PROR x COMR and CUMRR2 = RECR x PROR x RETR x COMR. In COMR everybody issued
    belongs, for a member is known to: the formula is that of RR2. An opt-in sample has participation and completion
    only. Both have retention.

    Source: see SOURCE; the example there is three rates multiplied.
    """
    own = _response(seen) if is_probability_sample else participation_rates(seen.found, seen.issued)
    return (*own, *_retention(seen))


def _response(seen: CohortWave) -> tuple[Rate, ...]:
    done = float(seen.found.interviews + seen.found.partials)
    base = float(seen.found.eligible + seen.found.unknown)
    retained, completed = (seen.issued, seen.joined), (done, base)
    rates = (
        _rate("RETR", "panel retention rate", "issued / joined", *retained),
        _rate("COMR", "completion rate of the panel", "(I+P)/((I+P)+(R+NC+O)+(UH+UO))", *completed),
    )
    if seen.recruited is None:
        return rates
    asked = seen.recruited.recruitment_rate * seen.recruited.profile_rate
    said = f"RECR x PROR = {seen.recruited.recruitment_rate:g} x {seen.recruited.profile_rate:g}"
    return (
        *rates,
        _rate("CUMRR1", "cumulative response rate 1", f"RECR x PROR x COMR, {said}", asked * done, base),
        _rate(
            "CUMRR2",
            "cumulative response rate 2",
            f"RECR x PROR x RETR x COMR, {said}",
            asked * seen.issued * done,
            seen.joined * base,
        ),
    )


def _retention(seen: CohortWave) -> tuple[Rate, ...]:
    return (
        _rate("retention", "retention rate", "interviewed now / interviewed at entry", seen.present, seen.entered),
        _rate(
            "cumulative_retention",
            "cumulative retention rate",
            "interviewed in every wave since / interviewed at entry",
            seen.steady,
            seen.entered,
        ),
    )


def _rate(key: str, label: str, formula: str, numerator: float, denominator: float) -> Rate:
    return Rate(key=key, label=label, formula=formula, numerator=numerator, denominator=denominator)


def whole_panel(cohorts: Sequence[CohortWave]) -> tuple[Rate, ...]:
    """
    Return the cumulative response rates of a panel of several cohorts: each cohort's, weighted by its issued cases.

    Nothing where a cohort's recruitment is not stated, or none has a case: a rate of the rest is not one of the panel.

    Source: DiSogra and Callegaro (2010), Computing response rates for probability-based web panels, JSM Proceedings.
    """
    issued = sum(each.issued for each in cohorts)
    if not issued or any(each.recruited is None for each in cohorts):
        return ()
    found = [
        (each, {rate.key: rate for rate in cohort_rates(each, is_probability_sample=True)})
        for each in cohorts
        if each.issued
    ]
    return tuple(
        _rate(
            key,
            f"cumulative response rate {key[-1]}",
            "mean over cohorts, by issued cases",
            sum(each.issued * (rates[key].value or 0.0) for each, rates in found),
            issued,
        )
        for key in ("CUMRR1", "CUMRR2")
    )
