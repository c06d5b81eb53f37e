"""The enquiry: its waves, domains, indicators, margins, prices and the layout of its deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Literal, get_args

from panel.errors import UnknownKey, UnknownVariable, did_you_mean
from panel.model.agenda import AS_USUAL, CalendarRules
from panel.model.contact import ContactRules
from panel.model.instrument import Code, Instrument, Variable
from panel.model.sample import SampleRules
from panel.model.text import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Days from `start` to `end`, both included."""

    start: date
    end: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Wave:
    """One planned occasion: when it is in the field, which period it asks about, with which instrument."""

    number: int
    key: str
    fieldwork: Period
    reference: Period
    instrument: str

    @property
    def reference_year(self) -> int:
        """Return the year that amounts are about."""
        return self.reference.end.year


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """One group of a domain: the codes of the domain's variable that belong to it."""

    key: str
    label: Text
    codes: tuple[Code, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A way to divide the population: a variable, and the groups its codes form."""

    key: str
    label: Text
    variable: str
    groups: tuple[Group, ...]

    def group(self, key: str) -> Group:
        """Return the group `key`, or raise UnknownKey."""
        for group in self.groups:
            if group.key == key:
                return group
        raise UnknownKey(
            f"Domain '{self.key}' has no group '{key}'.", fix=did_you_mean(key, [group.key for group in self.groups])
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A figure published elsewhere, shown beside ours."""

    value: float
    wave: int
    source: str


Index = Literal[
    "gini", "quintile_share_ratio", "p90_p10", "p90_p50", "p50_p10", "poverty_rate", "poverty_gap", "theil",
    "mean_log_deviation", "atkinson",
]  # fmt: skip
INDICES: tuple[Index, ...] = get_args(Index)
"""Indices of inequality; `panel.estimate.inequality` has what each means."""
SHARES_OF_INEQUALITY: tuple[Index, ...] = ("poverty_rate", "poverty_gap")
"""Those of them that are shares; the others have a unit of their own, or rather none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """
    A figure the study follows: the share of `codes`, the mean or median, or an index of inequality, of `variable`.

    `domain` and `groups` say among whom; every other answer of the variable, "too early to say" among them, stays in
    the denominator. `in_real_terms` divides amounts by the price index before anything else.
    """

    key: str
    label: Text
    variable: str
    statistic: Literal["share", "mean", "median"] | Index
    codes: tuple[Code, ...] = ()
    domain: str | None = None
    groups: tuple[str, ...] = ()
    in_real_terms: bool = False
    published: Published | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Margin:
    """Known population shares of a domain's groups, to which weights are raked."""

    domain: str
    shares: tuple[tuple[str, float], ...]
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmarks:
    """The population frame to which weights are raked."""

    frame: str
    version: str
    margins: tuple[Margin, ...] = ()
    weight_bounds: tuple[float, float] = (0.2, 5.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class WeightingRules:
    """
    How weights are made: the calibration to the benchmarks, trimming, and what is done about those who did not answer.

    `trim` are limits in times the mean weight. `nonresponse` is the estimated propensity (a logit), the response rate
    of classes, or nothing; `nonresponse_domains` are what it depends on, every domain where none is named.
    """

    calibration: Literal["raking", "linear", "logit"] = "raking"
    trim: tuple[float, float] | None = None
    nonresponse: Literal["propensity", "classes", "none"] = "propensity"
    nonresponse_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PricePoint:
    """The index of one year; provisional until the office has fixed it."""

    year: int
    index: float
    is_provisional: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceIndex:
    """A consumer price index by year."""

    source: str
    base_year: int
    points: tuple[PricePoint, ...]

    def point(self, year: int) -> PricePoint:
        """Return the index of `year`, or raise UnknownKey."""
        for point in self.points:
            if point.year == year:
                return point
        raise UnknownKey(
            f"The price index has no figure for {year}.",
            fix=f"add {year} to price-index.toml, marked provisional until it is final",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenWeight:
    """A longitudinal weight that the delivery itself brings for a set of waves."""

    waves: tuple[int, ...]
    column: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """
    The columns of a delivery that are not answers, and how it writes what is missing.

    `wave_codes` and `outcomes` are (text in the file, meaning) pairs; `missing` are (text, reason) pairs, and holds
    for every question. A blank cell is no answer. `holds_every_wave` says that a delivery carries the rows of all
    waves, as public long files do: the rows of other waves are then ignored, instead of the file being refused.
    `sampled_share` are (stratum, sampling fraction) pairs, for the finite population correction; `lonely_psu` is what a
    stratum with a single PSU does to standard errors.
    """

    member: str = "member"
    wave: str = "wave"
    submitted_at: str | None = "submitted_at"
    outcome: str | None = None
    stratum: str | None = None
    psu: str | None = None
    design_weight: str | None = None
    given_weights: tuple[GivenWeight, ...] = ()
    outcomes: tuple[tuple[str, str], ...] = ()
    missing: tuple[tuple[str, str], ...] = ()
    wave_codes: tuple[tuple[str, int], ...] = ()
    holds_every_wave: bool = False
    sampled_share: tuple[tuple[str, float], ...] = ()
    lonely_psu: Literal["fail", "adjust", "average", "certainty", "remove"] = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A from-to table to publish: a variable, within each group of a domain."""

    variable: str
    domain: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """A limit of a check that this study sets otherwise, and why: `argument` of `check` becomes `value`."""

    check: str
    argument: str
    value: float
    reason: str


@dataclass(frozen=True, kw_only=True)
class Study:
    """The whole enquiry."""

    key: str
    title: Text
    population: Text
    languages: tuple[str, ...]
    time_zone: str
    currency: str
    is_probability_sample: bool
    baseline: int
    horizon_years: int
    waves: tuple[Wave, ...]
    instruments: tuple[Instrument, ...]
    domains: tuple[Domain, ...]
    indicators: tuple[Indicator, ...]
    transitions: tuple[Transition, ...]
    layout: Layout
    benchmarks: Benchmarks | None
    prices: PriceIndex | None
    disclosure_threshold: int = 10
    weighting: WeightingRules = WeightingRules()
    thresholds: tuple[Threshold, ...] = ()
    sample: SampleRules = field(default_factory=SampleRules)
    contact: ContactRules | None = None
    calendar: CalendarRules = AS_USUAL

    @property
    def target_year(self) -> int:
        """Return the year in which the horizon ends, counted from the baseline's fieldwork."""
        return self.wave(self.baseline).fieldwork.start.year + self.horizon_years

    def wave(self, number_or_key: int | str) -> Wave:
        """Return a wave by number or key, or raise UnknownKey."""
        for wave in self.waves:
            if number_or_key in (wave.number, wave.key) or str(number_or_key) == wave.key:
                return wave
        raise UnknownKey(
            f"Study '{self.key}' has no wave '{number_or_key}'.",
            fix=did_you_mean(str(number_or_key), [wave.key for wave in self.waves]),
        )

    def instrument(self, version: str) -> Instrument:
        """Return an instrument by version, or raise UnknownKey."""
        for instrument in self.instruments:
            if instrument.version == version:
                return instrument
        raise UnknownKey(
            f"Study '{self.key}' has no instrument '{version}'.",
            fix=did_you_mean(version, [each.version for each in self.instruments]),
        )

    def instrument_of(self, wave: int | str) -> Instrument:
        """Return the instrument that a wave fields."""
        return self.instrument(self.wave(wave).instrument)

    def domain(self, key: str) -> Domain:
        """Return a domain by key, or raise UnknownKey."""
        for domain in self.domains:
            if domain.key == key:
                return domain
        raise UnknownKey(
            f"Study '{self.key}' has no domain '{key}'.", fix=did_you_mean(key, [each.key for each in self.domains])
        )

    def indicator(self, key: str) -> Indicator:
        """Return an indicator by key, or raise UnknownKey."""
        for indicator in self.indicators:
            if indicator.key == key:
                return indicator
        raise UnknownKey(
            f"Study '{self.key}' has no indicator '{key}'.",
            fix=did_you_mean(key, [each.key for each in self.indicators]),
        )

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Return every variable of every instrument; of one name the newest version's."""
        newest = {variable.name: variable for each in self.instruments for variable in each.variables}
        return tuple(newest.values())

    def variable(self, name: str) -> Variable:
        """Return a variable by name from the newest instrument that has it, or raise UnknownVariable."""
        for instrument in reversed(self.instruments):
            if instrument.has(name):
                return instrument.variable(name)
        raise UnknownVariable(
            f"Study '{self.key}' has no variable '{name}'.",
            fix=did_you_mean(name, [variable.name for variable in self.variables]),
        )
