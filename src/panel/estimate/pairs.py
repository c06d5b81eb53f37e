"""Change within the same people: stayers' change, who fell, stayed and rose, and transitions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from panel.errors import EstimateError
from panel.estimate.estimators import Estimand, Quantile, logit_interval, mean, quantile
from panel.estimate.explained import regressors
from panel.estimate.kernel import t_quantile
from panel.estimate.response import Lost, ResponseCredit
from panel.estimate.rows import Figure, Label
from panel.estimate.sample import Part, Sample


@dataclass(frozen=True)
class Pair:
    """
    The members who answered two waves, once each, with their longitudinal weight.

    `now` and `then` are samples over the same members in the same order: their rows of the earlier and later wave.
    They are a domain of the whole sample: its other PSUs count in the variance, with zero.
    """

    waves: tuple[int, int]
    now: Sample
    then: Sample

    @classmethod
    def of(cls, sample: Sample, weights: pd.DataFrame, waves: tuple[int, int]) -> Pair:
        """
        Return the pair of two waves.

        Args:
            sample: any sample of the study's person-waves; its own weights are not used.
            weights: schema.WEIGHTS with the longitudinal weight of exactly these two waves.
            waves: the earlier and the later.

        Raises:
            EstimateError: there is no such weight: a gap of two years is never called one.
        """
        name = "-".join(map(str, waves))
        own = weights[(weights["kind"] == "longitudinal") & (weights["waves"] == name)]
        if own.empty:
            raise EstimateError(f"Waves {name} have no longitudinal weight.", fix="panelctl weigh")
        places = [_places(sample, own["member"], wave) for wave in waves]
        design = sample.design.take(places[0])
        lost = _lost(sample, own, weights[(weights["kind"] == "lost") & (weights["waves"] == name)], waves[0])
        now, then = (
            Sample(
                sample.study,
                sample.frame.iloc[each],
                own,
                label=f"longitudinal {name}",
                keys=("member",),
                design=design,
                lost=lost,
            )
            for each in places
        )
        return cls(waves, now, then)

    def figure(
        self,
        label: Label,
        statistic: str,
        found: Estimand,
        *,
        method: str,
        is_provisional: bool = False,
        part: Part | None = None,
    ) -> Figure:
        """
        Return a figure of the pair with its interval: by the logit for a share, Woodruff's for a quantile.

        `found` is over all rows of the pair, or over those of `part`.
        """
        design = part.design if part else self.now.design
        se = float(
            np.sqrt(self.now.covariance(part.spread(found.linear, len(self.now.wave)) if part else found.linear)[0, 0])
        )
        degrees = design.degrees_of_freedom(found.rows)
        if isinstance(found, Quantile):
            se, low, high = found.se, found.low, found.high
        elif label.unit == "share":
            low, high = logit_interval(found.value, se, degrees, found.n_eff)
        else:
            reach = t_quantile(degrees) * se
            low, high = found.value - reach, found.value + reach
        return Figure(
            label=label,
            statistic=statistic,
            from_wave=self.waves[0],
            wave=self.waves[1],
            estimate=found.value,
            se=se,
            low=low,
            high=high,
            n=found.n,
            n_eff=found.n_eff,
            weight=self.now.label,
            method=design.said(method),
            is_provisional=is_provisional,
        )


def _lost(sample: Sample, own: pd.DataFrame, lost: pd.DataFrame, wave: int) -> Lost | None:
    """Return those who were due and did not answer, after those who did; None where no propensity was estimated."""
    if not own["propensity"].notna().all():
        return None
    due = pd.concat([own, lost], ignore_index=True)
    places = _places(sample, due["member"], wave)
    chance = due["propensity"].to_numpy(dtype=float)
    answered = (np.arange(len(due)) < len(own)).astype(float)
    x = regressors(sample.frame.iloc[places], sample.study)
    base = due["design_weight"].to_numpy(dtype=float) * chance
    return Lost(ResponseCredit(answered, chance, x, base), sample.design.take(places))


def _places(sample: Sample, members: pd.Series, wave: int) -> np.ndarray:
    """Return which row of the sample is each member's in a wave."""
    own = np.flatnonzero(sample.wave == wave)
    found = pd.Index(sample.frame["member"].iloc[own]).get_indexer(members)
    if (found < 0).any():
        raise EstimateError(
            f"{int((found < 0).sum())} members have a weight for wave {wave} and no answers in it.",
            fix="panelctl weigh computes the weights anew",
        )
    return np.asarray(own[found])


def stayers(
    pair: Pair, label: Label, variable: str, inside: np.ndarray, *, in_real_terms: bool, method: str
) -> list[Figure]:
    """
    Return how an amount changed within the same members: mean and median change, and who fell, stayed and rose.

    Who fell, stayed or rose counts everybody who gave both amounts: the share that fell, by any amount, as the
    statistics office defines it; zero and negative amounts are counted like any other. The median relative change is
    of members whose first amount is above zero; how many that leaves out is said in the denominator.

    Oracle: o05 (stayers); o07 for shares.
    """
    first = pair.now.number(variable, in_real_terms=in_real_terms)
    second = pair.then.number(variable, in_real_terms=in_real_terms)
    both = inside & np.isfinite(first) & np.isfinite(second)
    if not both.any():
        return []
    part = Part.of(pair.now.design, pair.now.weight, both)
    first, second = first[part.places], second[part.places]
    change, everybody = second - first, np.ones(len(first), dtype=bool)
    provisional = in_real_terms and pair.now.is_provisional(*pair.waves)
    out = [
        pair.figure(
            label, "stayers_mean_change", mean(change, part.weight, everybody), method=method,
            is_provisional=provisional, part=part,
        ),
        pair.figure(
            label, "stayers_median_change", quantile(change, part.weight, everybody, part.design), method=method,
            is_provisional=provisional, part=part,
        ),
    ]  # fmt: skip
    share = replace(label, unit="share")
    for name, hit in (("fell", change < 0), ("same", change == 0), ("rose", change > 0)):
        found = mean(hit.astype(float), part.weight, everybody)
        out.append(
            pair.figure(share, f"stayers_share_{name}", found, method=method, is_provisional=provisional, part=part)
        )
    return out + _relative(pair, part, label, first, second, method, provisional)


def _relative(
    pair: Pair,
    part: Part,
    label: Label,
    first: np.ndarray,
    second: np.ndarray,
    method: str,
    provisional: bool,
) -> list[Figure]:
    positive = first > 0
    if not positive.any():
        return []
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(positive, second / first - 1, 0.0)
    left_out = int(np.count_nonzero(~positive))
    said = f"{label.denominator}; {left_out} with a first amount of zero or less left out"
    own = replace(label, unit="ratio", denominator=said)
    found = quantile(ratio, part.weight, positive, part.design)
    return [
        pair.figure(own, "stayers_median_relative_change", found, method=method, is_provisional=provisional, part=part)
    ]


def transitions(pair: Pair, label: Label, variable: str, inside: np.ndarray, *, method: str) -> list[Figure]:
    """
    Return the from-to table of a coded variable: of those who were in one category, the share that is in another.

    Rows of the table add up to one. `value` is "from>to". Members without an answer in either wave are in no cell.

    Source: kernel, row shares as ratios. Oracle: o07 (row_shares and their logit intervals).
    """
    now, then = pair.now.need(variable), pair.then.need(variable)
    both = inside & pair.now.known(variable) & pair.then.known(variable)
    codes = _codes(pair, variable, now[both], then[both])
    out = []
    for source in codes:
        rows = both & pair.now.among(variable, [source])
        if not rows.any():
            continue
        part = Part.of(pair.now.design, pair.now.weight, rows)
        everybody = np.ones(len(part.weight), dtype=bool)
        for target in codes:
            hit = pair.then.among(variable, [target])[part.places].astype(float)
            own = replace(label, value=f"{source}>{target}", unit="share")
            found = mean(hit, part.weight, everybody)
            out.append(pair.figure(own, "transition", found, method=method, part=part))
    return out


def _codes(pair: Pair, variable: str, now: pd.Series, then: pd.Series) -> Sequence[object]:
    known = pair.now.study.variable(variable).codes
    present = set(now.unique()) | set(then.unique())
    return [code for code in known if code in present] or sorted(present)
