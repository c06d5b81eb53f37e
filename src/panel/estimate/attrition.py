"""Who stayed and who was lost: response by pattern, stayers against leavers, and what the lost could have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from panel.errors import EstimateError, printable
from panel.estimate.cohort import Cohort, Told
from panel.estimate.contrasts import Contrast, complex_step, contrast, difference
from panel.estimate.grouped import Grouped, means
from panel.estimate.kernel import covariance
from panel.estimate.rows import Figure, Label
from panel.estimate.split import Split


def patterns(cohort: Cohort, labels: Sequence[Label], groups: np.ndarray, *, method: str) -> list[Figure]:
    """
    Return for each group who answered which waves, weighted and unweighted: shares of those who were due.

    `response_share`: answered a wave. `attrition_share`: "stayed" (every wave), "left" (for good: a monotone pattern)
    or "interrupted" (missed a wave and answered a later one). `pattern_share`: one a pattern that occurs, "101" for
    the first and third of three waves. Patterns, and the three ways, add up to one. How many members there are is n
    times the unweighted share.

    Source: Lynn (2009), Methodology of Longitudinal Surveys, ch. 1 (monotone and other patterns); shares as means of
    the kernel. Oracle: none holds patterns; by hand in tests/unit/test_attrition.py.

    Args:
        cohort: who was due.
        labels: what the figures of each group are about; the unit is a share.
        groups: the group of each row of the sample, -1 for none, by the first wave.
        method: how the intervals are meant.

    Raises:
        EstimateError: nobody of these groups was due.
    """
    split = Split.of(codes := cohort.codes(groups, labels), len(labels))
    weighted = Told.weighted(cohort, method)
    out = []
    for told in (weighted, weighted.unweighted()):
        for statistic, value, wave, hit in _shares(cohort, codes >= 0):
            found = means(hit.astype(float), told.part.weight, split)
            out += replace(told, wave=wave).levels([replace(each, value=value) for each in labels], statistic, found)
    return out


def _shares(cohort: Cohort, due: np.ndarray) -> Iterator[tuple[str, str | None, int, np.ndarray]]:
    """Yield each share's statistic, value, wave, and who is in it."""
    for wave, came in zip(cohort.waves[1:], cohort.came[1:], strict=True):
        yield "response_share", None, wave, came
    last, left = cohort.waves[-1], ~cohort.stayed & ~cohort.interrupted
    for name, hit in (("stayed", cohort.stayed), ("left", left), ("interrupted", cohort.interrupted)):
        yield "attrition_share", name, last, hit
    bits = 1 << np.arange(len(cohort.waves))[::-1]
    pattern = (cohort.came * bits[:, None]).sum(axis=0)
    for each in sorted(map(int, np.unique(pattern[due])), reverse=True):
        yield "pattern_share", format(each, f"0{len(bits)}b"), last, pattern == each


def leavers(
    cohort: Cohort, labels: Sequence[Label], values: np.ndarray, groups: np.ndarray, *, method: str
) -> list[Figure]:
    """
    Return how those who were lost differed from those who stayed, in the first wave: levels, difference, standardised.

        d = (leavers - stayers) / sqrt((V_leavers + V_stayers) / 2)

    V being the weighted variance within each. All from one joint covariance: members of a PSU are in both. A group in
    which nobody was lost, or nobody stayed, has no row.

    Source: kernel and delta method; the standardised difference as in Rosenbaum and Rubin (1985), American
    Statistician 39. Oracle: none holds it; the difference is that of two domain means, which o01 and o05 hold.

    Args:
        cohort: who was due.
        labels: what the figures of each group are about.
        values: a number a row of the sample, NaN where missing; 0 and 1 for a share.
        groups: the group of each row of the sample, -1 for none, by the first wave.
        method: how the intervals are meant.

    Raises:
        EstimateError: nobody of these groups was due, or there are not both stayers and leavers with a value.
    """
    codes, own = cohort.codes(groups, labels), values[cohort.part.places]
    codes = np.where(np.isfinite(own), codes, -1)
    told, count = Told.weighted(cohort, method), len(labels)
    sides = [Split.of(np.where(mask, codes, -1), count) for mask in (cohort.stayed, ~cohort.stayed)]
    centre = float(own[codes >= 0].mean()) if (codes >= 0).any() else 0.0
    own = np.where(codes >= 0, own, centre)
    found = [means(y, told.part.weight, side) for side in sides for y in (own, (own - centre) ** 2)]
    both = found[0].there & found[2].there
    if not both.any():
        raise EstimateError(
            f"There are not both members who stayed in waves {cohort.name} and members who were lost, with a value of "
            f"'{printable(labels[0].variable)}'.",
            fix="choose other groups, waves or variables",
        )
    totals = np.stack([cohort.sample.totals_by_group(told.part, each) for each in found])
    return [
        figure
        for place in map(int, np.flatnonzero(both))
        for figure in _apart(told, labels[place], [_at(each, place) for each in found], totals[:, place], centre)
    ]


@dataclass(frozen=True)
class _Level:
    """The level of one group: its value, how many are in it, and the PSUs that have any of them."""

    value: float
    n: int
    n_eff: float
    rows: np.ndarray


def _at(found: Grouped, place: int) -> _Level:
    rows = found.rows[found.owner == place]
    return _Level(float(found.value[place]), int(found.n[place]), float(found.n_eff[place]), rows)


def _apart(told: Told, label: Label, found: list[_Level], totals: np.ndarray, centre: float) -> Iterator[Figure]:
    """Yield the levels of stayers and leavers, and how far they are apart."""
    design, part = told.cohort.sample.design, told.part
    matrix = covariance(totals.T, design)
    values = np.array([each.value for each in found])
    present = [np.zeros(len(design.stratum), dtype=bool) for _ in (0, 1)]
    for mask, level in zip(present, found[::2], strict=True):
        mask[design.psu[part.at(level.rows)]] = True
    for name, at in (("stayers_level", 0), ("leavers_level", 2)):
        one = Contrast(float(values[at]), float(np.sqrt(max(matrix[at, at], 0.0))))
        own = found[at]
        yield told.figure(label, name, one, design.degrees(present[at // 2]), own.n, own.n_eff, totals[at])
    n, n_eff = min(found[0].n, found[2].n), min(found[0].n_eff, found[2].n_eff)
    degrees = design.degrees(present[0] | present[1])
    apart = difference(values[[0, 2]], matrix[np.ix_([0, 2], [0, 2])])
    points = replace(label, unit="points" if label.unit == "share" else label.unit)
    yield told.figure(points, "leavers_difference", apart, degrees, n, n_eff, totals[2] - totals[0])
    moved = values - np.array([centre, 0.0, centre, 0.0])
    spread = moved[1] - moved[0] ** 2 + moved[3] - moved[2] ** 2
    if spread > 1e-12 * (moved[1] + moved[3]):
        made = contrast(moved, matrix, _standardised)
        along = np.einsum("k,ku->u", complex_step(_standardised, moved), totals)
        sd = replace(label, unit="sd")
        yield told.figure(sd, "leavers_standardised_difference", made, degrees, n, n_eff, along)


def _standardised(v: np.ndarray) -> float:
    """Return a difference of means in standard deviations, from means and mean squares: stayers', then leavers'."""
    return (v[2] - v[0]) / ((v[1] - v[0] ** 2 + v[3] - v[2] ** 2) / 2) ** 0.5


@dataclass(frozen=True)
class Guess:
    """The least and the most that those who were not seen could have said, a number a member of a cohort."""

    least: np.ndarray
    most: np.ndarray


def bounds(
    cohort: Cohort, labels: Sequence[Label], values: np.ndarray, guess: Guess, groups: np.ndarray, *, method: str
) -> list[Figure]:
    """
    Return between which values the level of the last wave, and its change since the first, lie for all who were due.

        least = sum w (seen ? y : a) / sum w,   most = sum w (seen ? y : b) / sum w

    a and b being the least and the most a member who was not seen could have said: the floor and ceiling of the answer
    for the worst case, or a range of one's own, such as a change between -20 % and +10 % of the first answer. Nothing
    is assumed about why somebody was lost. The interval from the low end of `bound_least` to the high end of
    `bound_most` holds the whole range at least 95 times in 100. `unseen_share` is what was not seen, of those due.
    For the change, who gave no first value is left out. The `n` of `unseen_share` is the fewer of those seen and those
    not: with few of either, bounds would tell what one of them said.

    Source: Manski (1989), Journal of Human Resources 24; Horowitz and Manski (2000), JASA 95. Oracle: none holds it; a
    bound is a mean of the kernel, by hand in tests/unit/test_attrition.py.

    Args:
        cohort: who was due.
        labels: what the figures of each group are about.
        values: a number a row of the sample, NaN where missing; 0 and 1 for a share.
        guess: what the others could have said; NaN where even that cannot be told: such a member is left out.
        groups: the group of each row of the sample, -1 for none, by the first wave.
        method: how the intervals are meant.

    Raises:
        EstimateError: nobody of these groups was due, or was seen; or the least is above the most.
    """
    if (guess.least > guess.most).any():
        raise EstimateError("The least somebody could have said is above the most.", fix="give low and high in order")
    first, last = values[cohort.part.places], cohort.later(values)
    seen = np.isfinite(last)
    can = seen | (np.isfinite(guess.least) & np.isfinite(guess.most))
    codes = np.where(can, cohort.codes(groups, labels), -1)
    if not ((codes >= 0) & seen).any():
        raise EstimateError(
            f"Nobody of these groups has a value of '{printable(labels[0].variable)}' in wave {cohort.waves[-1]}.",
            fix="choose another last wave",
        )
    told, count = Told.weighted(cohort, method), len(labels)
    ends = [("least", np.where(seen, last, guess.least)), ("most", np.where(seen, last, guess.most))]
    both = np.where(np.isfinite(first), codes, -1)
    can_be, in_both = (Split.of(each, count) for each in (codes, both))
    out = _unseen(told, labels, codes, seen)
    for name, end in ends:
        found = means(np.where(codes >= 0, end, 0.0), told.part.weight, can_be)
        out += told.levels(labels, f"bound_{name}", found)
    moved = [replace(each, unit="points" if each.unit == "share" else each.unit) for each in labels]
    for name, end in ends:
        found = means(np.where(both >= 0, end - first, 0.0), told.part.weight, in_both)
        out += told.levels(moved, f"change_bound_{name}", found)
    return out


def _unseen(told: Told, labels: Sequence[Label], codes: np.ndarray, seen: np.ndarray) -> list[Figure]:
    """Return the share that was not seen, its n the fewer of those seen and those not."""
    found = means((~seen).astype(float), told.part.weight, Split.of(codes, len(labels)))
    lost = np.bincount(codes[(codes >= 0) & ~seen], minlength=len(labels))
    fewer = np.where(lost > 0, np.minimum(lost, found.n - lost), found.n)
    words = "n is the fewer of those seen and those not"
    shares = [replace(each, unit="share", denominator=f"{each.denominator}; {words}") for each in labels]
    return told.levels(shares, "unseen_share", replace(found, n=fewer))
