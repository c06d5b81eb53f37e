"""The panel as arrays: what every estimate of a study reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from panel.errors import EstimateError, UnknownVariable, did_you_mean
from panel.estimate.calibration import Calibration
from panel.estimate.domains import domain_codes
from panel.estimate.grouped import Grouped, quantiles
from panel.estimate.kept import Kept
from panel.estimate.kernel import Design, covariance, t_quantile, variances
from panel.estimate.margins import Target, targets_by
from panel.estimate.overlap import Crowd, Overlap
from panel.estimate.part import Part
from panel.estimate.response import Lost
from panel.estimate.split import Split
from panel.model.study import Domain, Study

WEIGHT_COLUMNS = ("weight", "design_weight", "calibrated_weight")
MOST_NUMBERS = 1 << 22
"""As many numbers are held at once for the influence of groups: some 32 MiB."""
MOST_SPLITS = 12
"""As many ways to divide a part are kept: of six waves, by the answers to two questions."""
SPLITS_OF_CHOSEN = 2
"""The same of some rows of a sample, of which there are many: by who has both amounts, and the first above zero."""


class Sample:
    """
    Person-waves of a study with one weight each, and the design they share.

    Args:
        study: domains, benchmarks and prices.
        person_waves: schema.PERSON_WAVES with the variables asked about; every wave of the contrasts. Not modified.
        weights: one row a member and wave (or one a member, for a longitudinal weight): member, weight,
            design_weight, and wave where `by_wave`. Not modified.
        label: which weight this is, in words.
        keys: the columns that tie a weight to a row.
        design: of these rows, where they are part of a larger sample whose other PSUs count too.
        lost: those who were due and did not answer, where the weights make up for them.
    """

    def __init__(
        self,
        study: Study,
        person_waves: pd.DataFrame,
        weights: pd.DataFrame,
        *,
        label: str,
        keys: Sequence[str],
        design: Design | None = None,
        lost: Lost | None = None,
    ) -> None:
        if weights.empty:
            raise EstimateError(f"There is no weight {label}.", fix="panelctl weigh computes the weights of a wave")
        frame = person_waves.reset_index(drop=True)
        found = _beside(frame, weights.reindex(columns=[*keys, *WEIGHT_COLUMNS]), keys)
        self.frame = frame
        self.wave = frame["wave"].to_numpy(dtype=np.int64)
        self._begin(study, found, label, design, lost)

    def _begin(self, study: Study, found: pd.DataFrame, label: str, design: Design | None, lost: Lost | None) -> None:
        self.study = study
        self.label = label
        self.weight = found["weight"].fillna(0.0).to_numpy(dtype=float)
        self.design_weight = found["design_weight"].fillna(0.0).to_numpy(dtype=float)
        self.calibrated_weight = found["calibrated_weight"].to_numpy(dtype=float, na_value=np.nan)
        self.lost = lost
        self.is_weighted = self.weight > 0
        self._design = design
        self._numbers: dict[str, np.ndarray] = {}
        self._groups: dict[Domain, np.ndarray] = {}
        self._masks: dict[tuple[object, ...], np.ndarray] = {}
        self._parts: dict[int, Part] = {}
        self._rows: dict[int, np.ndarray] = {}
        self._crowds: dict[Part, Crowd | None] = {}
        self._overlaps: dict[tuple[Crowd, Crowd], Overlap] = {}
        self._kept = Kept()
        self._splits = Kept(most=MOST_SPLITS)
        self._paired = Kept(most=1)

    @cached_property
    def design(self) -> Design:
        """Return the design of all rows, members of one PSU in different waves together."""
        if self._design is not None:
            return self._design
        layout = self.study.layout
        share = pd.Series(dict(layout.sampled_share), dtype=float) if layout.sampled_share else None
        return Design.of(self.frame, sampled_share=share, lonely=layout.lonely_psu)

    @cached_property
    def calibrations(self) -> dict[int, Calibration]:
        """Return the calibration of each wave, to credit it in standard errors."""
        targets = targets_by(self.groups, self.study)
        return {int(wave): self._calibration(int(wave), targets) for wave in np.unique(self.wave[self.is_weighted])}

    def _calibration(self, wave: int, targets: list[Target]) -> Calibration:
        rows = self.rows(wave)
        if not self.design_weight[rows].any():  # nothing was calibrated
            targets = []
        calibrated = np.where(np.isnan(self.calibrated_weight), self.weight, self.calibrated_weight)
        return Calibration.of(rows, targets, self.design_weight, calibrated, self.weight)

    @cached_property
    def waves(self) -> tuple[int, ...]:
        """Return the waves that have rows, in order."""
        return tuple(map(int, np.unique(self.wave)))

    @cached_property
    def _members(self) -> tuple[np.ndarray, pa.Array]:
        codes, known = pd.factorize(pd.Index(self.frame["member"]))
        return codes, pa.Array.from_pandas(known)

    @property
    def member(self) -> np.ndarray:
        """Return the number of the member of each row, counted from 0."""
        return np.asarray(self._members[0])

    def numbers_of(self, members: pd.Series) -> np.ndarray:
        """Return the number of each of these members; -1 for one who has no row."""
        every = self._members[1]
        found = pc.index_in(pa.Array.from_pandas(members).cast(every.type), value_set=every)
        return np.asarray(found.fill_null(-1))

    def rows_of(self, numbers: np.ndarray, wave: int) -> np.ndarray:
        """Return the row of each of these members, by number, in a wave; -1 for one who has none."""
        return np.where(numbers >= 0, self.row_of(wave)[numbers], -1)

    def row_of(self, wave: int) -> np.ndarray:
        """Return for each member, by number, its row in a wave; -1 where it has none."""
        if wave not in self._rows:
            rows = np.flatnonzero(self.wave == wave)
            found = np.full(int(self.member.max(initial=-1)) + 1, -1)
            found[self.member[rows]] = rows
            self._rows[wave] = found
        return self._rows[wave]

    def rows(self, *waves: int) -> np.ndarray:
        """Return which rows are of these waves and have a weight (a mask)."""
        return np.asarray(np.isin(self.wave, waves) & self.is_weighted)

    def part(self, wave: int) -> Part:
        """Return the weighted rows of a wave."""
        if wave not in self._parts:
            design, calibrations = self._made
            self._parts[wave] = Part.of(design, self.weight, self.rows(wave), calibrations.get(wave))
        return self._parts[wave]

    @cached_property
    def _made(self) -> tuple[Design, dict[int, Calibration]]:
        with ThreadPoolExecutor(1) as beside:  # neither needs the other
            design, calibrations = beside.submit(lambda: self.design), self.calibrations
        return design.result(), calibrations

    def _mask(self, key: tuple[object, ...], make: Callable[[], object]) -> np.ndarray:
        if key not in self._masks:
            self._masks[key] = np.asarray(make(), dtype=bool)
        return self._masks[key]

    def need(self, name: str) -> pd.Series:
        """Return a column, or raise UnknownVariable."""
        if name not in self.frame:
            raise UnknownVariable(
                f"The panel has no variable '{name}'.", fix=did_you_mean(name, map(str, self.frame.columns))
            )
        return self.frame[name]

    def number(self, name: str, *, in_real_terms: bool = False) -> np.ndarray:
        """Return a variable as floats, NaN where missing; amounts in prices of the index's base year if asked."""
        key = f"{name}|{in_real_terms}"
        if key not in self._numbers:
            values = self.need(name).to_numpy(dtype=float, na_value=np.nan)
            self._numbers[key] = values * self._deflator() if in_real_terms else values
        return self._numbers[key]

    def _deflator(self) -> np.ndarray:
        if self.study.prices is None:
            raise EstimateError(f"Study '{self.study.key}' has no price index.", fix="add price-index.toml")
        prices = self.study.prices
        base = prices.point(prices.base_year).index
        factors = {wave: base / prices.point(self.study.wave(wave).reference_year).index for wave in self.waves}
        return np.array([factors[wave] for wave in self.waves])[np.searchsorted(self.waves, self.wave)]

    def known(self, name: str) -> np.ndarray:
        """Return which rows have a value (a mask)."""
        return self._mask((name,), lambda: self.need(name).notna())

    def among(self, name: str, codes: Sequence[object]) -> np.ndarray:
        """Return which rows have one of these codes (a mask)."""
        return self._mask((name, *codes), lambda: self.need(name).isin(list(codes)))

    def groups(self, domain: str | Domain) -> np.ndarray:
        """Return for each row the place of its group in a domain (of the study, by key), -1 where it has none."""
        whole = self.study.domain(domain) if isinstance(domain, str) else domain
        if whole not in self._groups:
            self._groups[whole] = domain_codes(self.frame, whole)
        return self._groups[whole]

    def influence(self, linear: np.ndarray, *waves: int) -> np.ndarray:
        """Return weighted influence a row, with the calibration of each wave credited."""
        credited = linear
        for wave in waves:
            calibration = self.calibrations.get(wave)
            if calibration is not None:
                credited = calibration.credited(credited)
        return np.asarray(self.weight * credited)

    def totals(self, linear: np.ndarray) -> np.ndarray:
        """
        Return the weighted influence of an estimate by PSU, with all that weighting did to it credited.

        That is the calibration of each wave, and the estimated propensities where some were lost. `linear` is a number
        a row. The totals are those of `variance_design`.
        """
        weighted = self.influence(linear, *self.waves)
        if self.lost is None:
            return self.design.totals(weighted)
        return self.lost.totals(weighted)

    @property
    def variance_design(self) -> Design:
        """Return the design whose PSUs `totals` are about: with those of the lost, where some were."""
        return self.design if self.lost is None else self.lost.design

    def covariance(self, *linear: np.ndarray) -> np.ndarray:
        """Return the covariance matrix of estimates from their linearised variables, all weighting credited."""
        return covariance(np.stack([self.totals(each) for each in linear], axis=1), self.variance_design)

    def totals_by_group(self, part: Part, found: Grouped, groups: range | None = None) -> np.ndarray:
        """
        Return `totals` of the estimates of groups of a part: groups by PSUs of `variance_design`.

        A part is one of this sample's, with the calibration of its wave; some groups only, where they are told.
        """
        weighted = part.influences(found, range(found.count) if groups is None else groups)
        if self.lost is None:
            return self.design.totals(weighted, part.places)
        return self.lost.totals(part.spread(weighted, len(self.wave)))

    def crowd(self, part: Part) -> Crowd | None:
        """Return the PSUs of a part, where they are one row each and drawn in one stage; None else."""
        if part not in self._crowds:
            self._crowds[part] = Crowd.of(part, *self._psus(part), self.lost)
        return self._crowds[part]

    def _psus(self, part: Part) -> tuple[Design, np.ndarray | slice]:
        """Return the design that a part's PSUs are numbered in, and where they are in it."""
        return (self.design, part.places) if self.lost is None else (self.lost.design, slice(None))

    def overlap(self, first: Crowd, second: Crowd) -> Overlap:
        """Return what the PSUs of two waves share."""
        if (first, second) not in self._overlaps:
            self._overlaps[first, second] = Overlap(first, second, self._paired)
        return self._overlaps[first, second]

    def variances(self, part: Part, found: Grouped) -> np.ndarray:
        """Return the variance of the estimate of each group of a part, all weighting credited."""
        crowd = self.crowd(part)
        pulls = None if crowd is None else crowd.pulls(found)
        if pulls is None or not pulls.is_sound.all():
            return self._long_variances(part, found)
        return pulls.variance

    def _long_variances(self, part: Part, found: Grouped) -> np.ndarray:
        at_once = max(1, MOST_NUMBERS // max(len(part.weight), len(self.variance_design.stratum)))
        chunks = [range(start, min(start + at_once, found.count)) for start in range(0, found.count, at_once)]
        return np.concatenate([
            variances(self.totals_by_group(part, found, each), self.variance_design) for each in chunks
        ])  # fmt: skip

    def present(self, part: Part, found: Grouped) -> np.ndarray:
        """Return which PSUs have rows of each group of a part: groups by PSUs."""
        return self.design.present_by(found.owner, found.count, part.at(found.rows))

    def degrees(self, part: Part, found: Grouped) -> list[int]:
        """Return the degrees of freedom of each group of a part."""
        crowd = self.crowd(part)
        if crowd is not None:
            return crowd.degrees(found)
        return [self.design.degrees(row) for row in self.present(part, found)]

    def of_part(self, values: np.ndarray, part: Part) -> np.ndarray:
        """Return the numbers of a part's rows, from a number a row; the same array each time."""
        return self._kept.get("part", (values, part), lambda: values[part.places])

    def rising(self, y: np.ndarray) -> np.ndarray:
        """Return the places of numbers in rising order, missing ones last; sorted once for the same array."""
        return self._kept.get("rising", (y,), lambda: np.argsort(y).astype(np.int32))

    def split(self, part: Part, codes: np.ndarray, count: int, known: np.ndarray) -> Split:
        """
        Return the rows of a part that are in a group and have an answer; the same each time for the same arrays.

        `codes` are the groups of all rows; `known` says which of the part's rows have an answer (a mask).
        """
        return self._splits.get(
            f"{count}", (part, codes, known),
            lambda: Split.of(np.where(known, codes[part.places], -1), count),
        )  # fmt: skip

    def quantiles(self, part: Part, y: np.ndarray, split: Split, *, p: float = 0.5) -> Grouped:
        """
        Return a quantile of each group of a part with Woodruff's interval, all weighting credited in it.

        `y` and `split` are of the part's rows; see `panel.estimate.grouped.quantiles`.
        """
        return quantiles(
            y, part.weight, split, self.rising(y),
            variance=lambda below: self.variances(part, below),
            reach=lambda below: np.array([t_quantile(each) for each in self.degrees(part, below)]),
            p=p,
        )  # fmt: skip

    def is_provisional(self, *waves: int) -> bool:
        """Say whether the price index of any of these waves is provisional."""
        if self.study.prices is None:
            return False
        return any(self.study.prices.point(self.study.wave(wave).reference_year).is_provisional for wave in waves)


class Chosen(Sample):
    """
    Some rows of a sample, under weights of their own.

    Variables are read from the whole and not held twice; `frame` is made where it is asked for.

    Args:
        whole: the sample.
        places: which rows of it, in the order wanted.
        weights: weight, design_weight and calibrated_weight, one row each, in that order. Not modified.
        label: which weight this is, in words.
        lost: those who were due and did not answer, where the weights make up for them.
    """

    def __init__(
        self, whole: Sample, places: np.ndarray, weights: pd.DataFrame, *, label: str, lost: Lost | None = None
    ) -> None:
        self.whole = whole
        self.places = places
        self.wave = whole.wave[places]
        found = weights.reindex(columns=list(WEIGHT_COLUMNS))
        self._begin(whole.study, found, label, whole.design.take(places), lost)
        self._splits = Kept(most=SPLITS_OF_CHOSEN)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """Return the person-waves of the rows."""
        return self.whole.frame.take(self.places).reset_index(drop=True)

    @cached_property
    def member(self) -> np.ndarray:
        """Return the number of the member of each row, as the whole counts them."""
        return np.asarray(self.whole.member[self.places])

    def _psus(self, part: Part) -> tuple[Design, np.ndarray | slice]:
        if self.lost is None:
            return self.whole.design, self.places[part.places]
        if self.lost.places is None:
            return self.lost.design, slice(None)
        return self.whole.design, self.lost.places

    def need(self, name: str) -> pd.Series:
        """Return a column, or raise UnknownVariable."""
        return self.whole.need(name).take(self.places).reset_index(drop=True)

    def number(self, name: str, *, in_real_terms: bool = False) -> np.ndarray:
        """Return a variable as floats, see `Sample.number`."""
        return np.asarray(self.whole.number(name, in_real_terms=in_real_terms)[self.places])

    def known(self, name: str) -> np.ndarray:
        """Return which rows have a value (a mask)."""
        return np.asarray(self.whole.known(name)[self.places])

    def among(self, name: str, codes: Sequence[object]) -> np.ndarray:
        """Return which rows have one of these codes (a mask)."""
        return np.asarray(self.whole.among(name, codes)[self.places])

    def groups(self, domain: str | Domain) -> np.ndarray:
        """Return for each row the place of its group in a domain, -1 where it has none."""
        whole = self.study.domain(domain) if isinstance(domain, str) else domain
        if whole not in self._groups:
            self._groups[whole] = self.whole.groups(whole)[self.places]
        return self._groups[whole]


def _beside(frame: pd.DataFrame, weights: pd.DataFrame, keys: Sequence[str]) -> pd.DataFrame:
    """Return the weights in the order of the rows; as they are where they already lie so."""
    own = weights.reset_index(drop=True)
    if len(own) == len(frame) and all(bool((own[key] == frame[key]).all()) for key in keys):
        return own
    return frame[list(keys)].merge(own, on=list(keys), how="left")
