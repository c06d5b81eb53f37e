"""Outcome rates by their proper names: response rates of a probability sample, participation rates of an opt-in one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A rate with the numbers it is made of; None where nobody is in the denominator."""

    key: str
    label: str
    formula: str
    numerator: float
    denominator: float

    @property
    def value(self) -> float | None:
        """Return numerator over denominator."""
        return self.numerator / self.denominator if self.denominator else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispositions:
    """
    Cases of a finished wave by class: interviews, partials, refusals and break-offs, non-contacts, others, unknown.

    `unknown_household` (UH) is always 0 here, where persons are named; `not_eligible` and cases that were not issued
    are in no response rate.
    """

    interviews: int = 0
    partials: int = 0
    refusals: int = 0
    non_contacts: int = 0
    others: int = 0
    unknown: int = 0
    not_eligible: int = 0
    break_offs: int = 0  # of the refusals

    @property
    def eligible(self) -> int:
        """Return the cases known to be eligible: (I + P) + (R + NC + O)."""
        return self.interviews + self.partials + self.refusals + self.non_contacts + self.others


def dispositions(codes: Mapping[str, int]) -> Dispositions:
    """Return counted outcome codes (AAPOR 2015, internet surveys of named persons) by class."""

    def count(*starts: str) -> int:
        return sum(number for code, number in codes.items() if code.startswith(starts))

    return Dispositions(
        interviews=count("1.1"),
        partials=count("1.2"),
        refusals=count("2.1"),
        non_contacts=count("2.2"),
        others=count("2.3"),
        unknown=count("3."),
        not_eligible=count("4."),
        break_offs=count("2.12"),
    )


def response_rates(found: Dispositions, e: float) -> tuple[Rate, ...]:
    """
    Return RR1 to RR6 of a probability sample.

    Args:
        found: the cases by class.
        e: the share of cases of unknown eligibility that is eligible, between 0 and 1; it has to be stated.

    Source: AAPOR (2015), Standard Definitions, 8th ed., response rates 1 to 6.
    """
    whole, part = float(found.interviews), float(found.interviews + found.partials)
    known, unknown = float(found.eligible), float(found.unknown)
    base = "(I+P)+(R+NC+O)"
    return (
        _rate("RR1", f"I/({base}+(UH+UO))", whole, known + unknown),
        _rate("RR2", f"(I+P)/({base}+(UH+UO))", part, known + unknown),
        _rate("RR3", f"I/({base}+e(UH+UO)), e={e:g}", whole, known + e * unknown),
        _rate("RR4", f"(I+P)/({base}+e(UH+UO)), e={e:g}", part, known + e * unknown),
        _rate("RR5", f"I/({base})", whole, known),
        _rate("RR6", f"(I+P)/({base})", part, known),
    )


def _rate(key: str, formula: str, numerator: float, denominator: float) -> Rate:
    label = f"response rate {key[2:]}"
    return Rate(key=key, label=label, formula=formula, numerator=numerator, denominator=denominator)


def participation_rates(found: Dispositions, invited: int) -> tuple[Rate, ...]:
    """
    Return the rates of an opt-in sample: participation among the invited, completion among those who started.

    Nobody knows an opt-in member's chance of being asked, so there is no response rate.

    Source: Callegaro and DiSogra (2008), Public Opinion Quarterly 72(5); ISO 26362 (2009).
    """
    done = found.interviews + found.partials
    started = done + found.break_offs
    return (
        Rate(
            key="participation",
            label="participation rate",
            formula="(I+P)/invited",
            numerator=done,
            denominator=invited,
        ),
        Rate(
            key="completion",
            label="completion rate",
            formula="I/(I+P+break-offs)",
            numerator=found.interviews,
            denominator=started,
        ),
    )


def retention(kept: int, due: int, cohort: str) -> Rate:
    """Return the share of a cohort's members interviewed in the wave they entered in that is interviewed now."""
    return Rate(
        key="retention",
        label=f"retention rate, cohort {cohort}",
        formula="interviewed now / interviewed at entry",
        numerator=kept,
        denominator=due,
    )
