"""The propensities of a cohort to stay, by a study's own variables, and figures about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panel.errors import EstimateError
from panel.estimate import Cohort, Figure, Grouping, Label
from panel.estimate.estimators import kish
from panel.estimate.explained import Term, explaining, terms
from panel.estimate.grouping import grouping
from panel.estimate.kernel import t_quantile
from panel.estimate.representativity import Propensities, Spread, log_odds, partials, r_indicator
from panel.weigh import by_logit

NONE = "none"
"""The key of those in none of a domain's groups."""


@dataclass(frozen=True)
class Staying:
    """
    The propensities of the members who were due to answer every wave, and the variables they were estimated from.

    `slopes` is None where everybody stayed.
    """

    cohort: Cohort
    of: Propensities
    slopes: np.ndarray | None
    terms: list[Term]
    divisions: list[Grouping]
    denominator: str
    method: str

    @classmethod
    def of_cohort(cls, cohort: Cohort, inside: np.ndarray, denominator: str, method: str) -> Staying:
        """
        Return the propensities of those of a cohort who are inside (a mask over the sample's rows).

        Raises:
            EstimateError: nobody was due, nobody stayed, or all design weights are zero.
        """
        sample, study = cohort.sample, cohort.sample.study
        label = Label(indicator="", variable="", domain=None, group="everybody", denominator="", unit="")
        own = cohort.codes(np.where(inside, 0, -1), [label]) >= 0
        places = cohort.part.at(np.flatnonzero(own))
        frame = sample.frame.take(places).reset_index(drop=True)
        weight = frame["design_weight"].fillna(1.0).to_numpy(dtype=float)
        stayed = cohort.stayed[own]
        if not stayed.any():
            raise EstimateError(f"Nobody answered all of waves {cohort.name}.", fix="choose other waves")
        columns = terms(frame, study)
        x = np.stack([term.column for term in columns], axis=1)
        found = by_logit(x, stayed, weight)
        of = Propensities(stayed, found.propensity, x, weight, sample.design.take(places))
        divided = [grouping(sample, domain) for domain in explaining(study)]
        divisions = [replace(each, codes=each.codes[places]) for each in divided]
        return cls(
            cohort, of, found.slopes, columns, divisions, f"{denominator} in the first wave, due in the others", method
        )

    def representativity(self) -> Iterator[Figure]:
        """Yield the R-indicator and its parts."""
        found, everybody = r_indicator(self.of), np.ones(len(self.of.stayed), dtype=bool)
        whole = self._label(None, "all", "index")
        for name, value, interval in (
            ("r_indicator", found.value, found.interval),
            ("r_indicator_adjusted", found.adjusted, found.adjusted_interval),
        ):
            yield self._figure(whole, name, value, found.se, interval, everybody)
        for division, parts in zip(self.divisions, partials(self.of, self.divisions), strict=True):
            label = replace(whole, value=division.domain)
            for name, spread in _both(parts.whole.unconditional, parts.whole.conditional):
                yield self._part(label, f"partial_{name}", spread, everybody, least=0.0)
            for key, inside in _categories(division):
                part = parts.categories[int(division.codes[inside][0])]
                own = self._label(division.domain, key, "index")
                yield self._part(own, "partial_unconditional", part.unconditional, inside, least=-np.inf)
                yield self._part(own, "partial_conditional", part.conditional, inside, least=0.0)

    def leaving(self) -> Iterator[Figure]:
        """Yield the log odds to leave of each group, against the first of its variable."""
        slopes = np.zeros(len(self.terms)) if self.slopes is None else self.slopes
        for term, found in zip(self.terms[1:], log_odds(self.of, slopes)[1:], strict=True):
            if found is None:
                continue
            label = self._label(term.domain, term.group, "log odds")
            reach = t_quantile(self.of.degrees) * found.se
            edges = (found.value - reach, found.value + reach)
            yield self._figure(label, "leaving_log_odds", found.value, found.se, edges, term.column > 0)

    def told_by_few(self, table: pd.DataFrame, fewest: int, threshold: int) -> np.ndarray:
        """
        Return which figures would tell how many of a category stayed or left, where those are fewer than `fewest`.

        That is the category itself and its variable as a whole, which with the others gives it away; of odds every
        category, for each is held against another; and the whole indicator where there is one variable only. A category
        below the threshold takes its variable along, too.
        """
        few, variables = self._few(fewest), self._variables_with_few(fewest, threshold)
        alone = len(self.divisions) == 1 and bool(variables)
        keys = zip(table["domain"], table["group"], table["value"], table["statistic"], strict=True)
        return np.array(
            [
                (domain, group) in few
                or value in variables
                or (domain in variables and statistic == "leaving_log_odds")
                or (alone and str(statistic).startswith("r_indicator"))
                for domain, group, value, statistic in keys
            ],
            dtype=bool,
        )

    def _few(self, fewest: int) -> set[tuple[str | None, str]]:
        """Return the categories of which some stayed or left, but fewer than this."""
        return {
            (division.domain, key)
            for division in self.divisions
            for key, inside in _categories(division)
            if 0 < self._least(inside) < fewest
        }

    def _variables_with_few(self, fewest: int, threshold: int) -> set[str | None]:
        small = {
            division.domain
            for division in self.divisions
            for _, inside in _categories(division)
            if inside.sum() < threshold
        }
        return small | {domain for domain, _ in self._few(fewest)}

    def _least(self, inside: np.ndarray) -> int:
        """Return how many of a category stayed, or left, whichever is fewer."""
        stayed = int(self.of.stayed[inside].sum())
        return min(stayed, int(inside.sum()) - stayed)

    def _label(self, domain: str | None, group: str, unit: str) -> Label:
        return Label(
            indicator="attrition", variable="attrition", domain=domain, group=group, denominator=self.denominator,
            unit=unit,
        )  # fmt: skip

    def _part(self, label: Label, name: str, spread: Spread, inside: np.ndarray, *, least: float) -> Figure:
        if spread.se is None:
            return self._figure(label, name, spread.value, None, (np.nan, np.nan), inside)
        reach = t_quantile(self.of.degrees) * spread.se
        edges = (max(spread.value - reach, least), spread.value + reach)
        return self._figure(label, name, spread.value, spread.se, edges, inside)

    def _figure(
        self, label: Label, name: str, value: float, se: float | None, edges: tuple[float, float], inside: np.ndarray
    ) -> Figure:
        return Figure(
            label=label, statistic=name, from_wave=self.cohort.waves[0], wave=self.cohort.waves[-1], estimate=value,
            se=np.nan if se is None else se, low=edges[0], high=edges[1], n=int(inside.sum()),
            n_eff=kish(self.of.weight[inside]), weight=f"design weight {self.cohort.waves[0]}",
            method=self.cohort.sample.design.said(self.method),
        )  # fmt: skip


def _categories(division: Grouping) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the key of each category that has members, and who is in it (a mask)."""
    for code in np.unique(division.codes):
        yield division.keys[code] if code >= 0 else NONE, division.codes == code


def _both(unconditional: Spread, conditional: Spread) -> tuple[tuple[str, Spread], tuple[str, Spread]]:
    return ("unconditional", unconditional), ("conditional", conditional)
