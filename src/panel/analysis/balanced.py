"""How a number moved by those who answered every wave, beside available pairs and everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from panel.analysis.changes import Changes
from panel.analysis.shown import together
from panel.disclose import HIDDEN, protect
from panel.errors import EstimateError
from panel.estimate import BALANCED, Definitions, Rule, steps_of
from panel.estimate import balanced as figures_of


class Balanced(Changes):
    """Questions about the same members over several waves."""

    def balanced(
        self, variable: str, *, waves: Sequence[int | str] | None = None, in_real_terms: bool = False,
        groups: Rule = "first",
    ) -> pd.DataFrame:  # fmt: skip
        """
        Return levels and changes of a mean by three definitions of the sample, side by side, each with its `n`.

        `balanced_mean` and `balanced_change`: those who gave the number in every one of the waves, under the
        longitudinal weight of all of them. `stayers_change`: whoever gave it in both waves of a step, under the weight
        of these two, where the release has one. `mean`, `change`, `relative_change`: everybody, under cross-sectional
        weights. Steps are from each wave to the next, and from the first to the last. See `panel.estimate.balanced`.

        A release has the weight of each wave with the next, of the baseline with each later one, and of all waves from
        the baseline to its newest. Of fewer waves from the baseline, ask the release of the last of them.

        Where available pairs are so few more than the balanced panel that these few could be told, they are hidden.

        Args:
            variable: a number.
            waves: two or more; all from the baseline on where not told.
            in_real_terms: amounts in prices of the index's base year.
            groups: of the same members: "first" (in the group in the first wave), "both" (in every wave) or "second"
                (in the last).

        Raises:
            UnknownVariable: it is no number.
            EstimateError: the release has no longitudinal weight of all of these waves, nobody gave the number in
                every one of them, or there is no price index.
        """
        self._number(variable)
        numbers = self._set_of(waves)
        amount = self._amount(variable, (numbers[0], numbers[-1]), in_real_terms)
        sample, known = self._sample, self._sets()
        asked = Definitions(
            sample=sample,
            waves=numbers,
            whole=self.release.pair(numbers),
            pairs=[self.release.pair(step) for step in steps_of(numbers) if step in known],
            groups=self._groups(sample),
            rule=groups,
        )
        labels = self._in_terms(self._labels(variable), in_real_terms)
        found = figures_of(asked, labels, replace(amount, is_provisional=in_real_terms), method=self._method)
        if not found:
            raise EstimateError(self._nobody(variable, numbers), fix="choose other groups, waves or variables")
        return self._without_the_few(self._frame(found))

    def _set_of(self, waves: Sequence[int | str] | None) -> tuple[int, ...]:
        """Return the numbers of waves in order, or raise EstimateError where they have no weight together."""
        known = self._sets()
        if waves is None:
            longest = max(known, key=len, default=())
            if not longest:
                raise EstimateError(f"Release {self.release.key} has no longitudinal weight.", fix="panelctl weigh")
            return longest
        numbers = tuple(sorted({self._number_of(wave) for wave in waves}))
        if len(numbers) < 2:
            raise EstimateError("Nothing changes within one wave.", fix="name two waves or more")
        if numbers not in known:
            there = ", ".join("-".join(map(str, each)) for each in known) or "none"
            name = "-".join(map(str, numbers))
            raise EstimateError(
                f"Waves {name} have no longitudinal weight; release {self.release.key} has: {there}.",
                fix="choose among these, or ask the release of the last of these waves",
            )
        return numbers

    def _sets(self) -> list[tuple[int, ...]]:
        """Return the sets of waves that have a longitudinal weight."""
        names = self._weights.loc[self._weights["kind"] == "longitudinal", "waves"].unique()
        return sorted(tuple(map(int, name.split("-"))) for name in names)

    def _without_the_few(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return the table protected; without pairs whose members are the balanced panel's and a few more."""
        limit = self.release.study.disclosure_threshold
        step = table["group"] + "\x1f" + table["from_wave"].astype("str") + "\x1f" + table["wave"].astype("str")
        whole = table.assign(step=step)[table["statistic"] == "balanced_change"].set_index("step")["n"]
        more = table["n"] - step.map(whole)
        hide = ((table["statistic"] == "stayers_change") & (more > 0) & (more < limit)).fillna(value=False)
        shown = together(table, BALANCED, threshold=limit)
        return protect(shown.assign(status=shown["status"].mask(hide, HIDDEN)), threshold=limit)
