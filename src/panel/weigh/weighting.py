"""Cross-sectional weights of a wave, and longitudinal weights of a set of waves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from panel.errors import EstimateError
from panel.estimate.domains import domain_codes
from panel.estimate.estimators import kish
from panel.model.study import Benchmarks, Margin, Study
from panel.schema import WEIGHTS
from panel.weigh.propensity import response_propensity
from panel.weigh.rake import Raked, Target, rake

OUT_OF_SCOPE = ("deceased", "out_of_scope")
LEAST_PROPENSITY = 0.05


@dataclass(frozen=True)
class Weighting:
    """One set of weights (schema.WEIGHTS) and how it came about."""

    rows: pd.DataFrame
    diagnostics: dict[str, Any]


def cross_sectional(person_waves: pd.DataFrame, *, study: Study, wave: int) -> Weighting:
    """
    Return weights that make one wave's members stand for the population: design weights raked to the benchmarks.

    Members without a design weight have 1; those in no group of a margin keep their share. Where the study has no
    benchmarks the design weights stand as they are. Weights add up to the number of members.

    Args:
        person_waves: those of `wave`, with the variables of the margins. Not modified.
        study: domains and benchmarks.
        wave: its number.

    Raises:
        EstimateError: a margin cannot be met; names it and the group.
    """
    design = person_waves["design_weight"].fillna(1.0).to_numpy(dtype=float)
    raked = _raked(person_waves, design, study)
    return _weighting(person_waves["member"], raked, design, study, kind="cross-sectional", waves=(wave,))


def longitudinal(
    person_waves: pd.DataFrame, tracking: pd.DataFrame, *, study: Study, waves: Sequence[int]
) -> Weighting:
    """
    Return weights that make the members who answered every wave of a set stand for those of its first wave.

    A weight that the delivery brings for the set is taken as it is. Otherwise it is the design weight of the first
    wave over the estimated propensity to answer the others, raked to the benchmarks as of the first wave. Members
    who died or left the scope since are neither counted as lost nor given a weight.

    Source: Kalton and Flores-Cervantes (2003), Journal of Official Statistics 19.

    Args:
        person_waves: with at least those of `waves`. Not modified.
        tracking: every case, for who was still in scope.
        study: domains, benchmarks, given weights.
        waves: two or more wave numbers.

    Raises:
        EstimateError: nobody answered all of the waves, or a margin cannot be met.
    """
    first, *later = sorted(waves)
    start = person_waves[person_waves["wave"] == first].reset_index(drop=True)
    answered = _members_of_all(person_waves, later)
    stayed = start["member"].isin(answered).to_numpy()
    if not stayed.any():
        raise EstimateError(f"Nobody answered all of waves {', '.join(map(str, sorted(waves)))}.")
    given = next((each.column for each in study.layout.given_weights if set(each.waves) == set(waves)), None)
    design = start["design_weight"].fillna(1.0).to_numpy(dtype=float)
    if given is not None:
        own = start[f"given_weight:{given}"].to_numpy(dtype=float, na_value=np.nan)
        has = stayed & np.isfinite(own) & (own > 0)
        fixed = Raked(own[has], 0, 0.0)
        return _weighting(start["member"][has], fixed, own[has], study, kind="longitudinal", waves=tuple(sorted(waves)))
    gone = tracking.loc[tracking["wave"].isin(later) & tracking["disposition"].isin(OUT_OF_SCOPE), "member"]
    due = ~start["member"].isin(gone).to_numpy() | stayed
    propensity = response_propensity(_covariates(start[due], study), stayed[due], design[due])
    adjusted = design[stayed] / np.maximum(propensity[stayed[due]], LEAST_PROPENSITY)
    raked = _raked(start[stayed].reset_index(drop=True), adjusted, study)
    return _weighting(
        start["member"][stayed], raked, adjusted, study, kind="longitudinal", waves=tuple(sorted(waves)),
        propensity=propensity,
    )  # fmt: skip


def _members_of_all(person_waves: pd.DataFrame, waves: Sequence[int]) -> set[str]:
    found: set[str] | None = None
    for wave in waves:
        members = set(person_waves.loc[person_waves["wave"] == wave, "member"])
        found = members if found is None else found & members
    return found or set()


def _covariates(frame: pd.DataFrame, study: Study) -> np.ndarray:
    """Return an intercept and a column for each group of each domain but the first, "none of them" among them."""
    columns = [np.ones(len(frame))]
    for domain in study.domains:
        codes = domain_codes(frame, domain)
        columns += [(codes == place).astype(float) for place in [*range(1, len(domain.groups)), -1]]
    return np.stack([column for column in columns if column.any()], axis=1)


def _raked(frame: pd.DataFrame, design: np.ndarray, study: Study) -> Raked:
    if study.benchmarks is None or not study.benchmarks.margins:
        return Raked(design * (len(design) / design.sum()), 0, 0.0)
    targets = [_target(frame, margin, study) for margin in study.benchmarks.margins]
    raked = rake(design, targets, bounds=study.benchmarks.weight_bounds)
    return Raked(raked.weights * (len(design) / raked.weights.sum()), raked.rounds, raked.error)


def _target(frame: pd.DataFrame, margin: Margin, study: Study) -> Target:
    domain = study.domain(margin.domain)
    codes = domain_codes(frame, domain)
    names = tuple(name for name, _ in margin.shares)
    place = {group.key: names.index(group.key) for group in domain.groups if group.key in names}
    lookup = np.array([place.get(group.key, -1) for group in domain.groups] + [-1])
    shares = np.array([share for _, share in margin.shares])
    return Target(margin.domain, names, lookup[codes], shares / shares.sum())


def _weighting(
    members: pd.Series,
    raked: Raked,
    design: np.ndarray,
    study: Study,
    *,
    kind: str,
    waves: tuple[int, ...],
    propensity: np.ndarray | None = None,
) -> Weighting:
    name = "-".join(map(str, waves))
    rows = pd.DataFrame(
        {
            "member": members.to_numpy(),
            "wave": waves[-1],
            "kind": kind,
            "waves": name,
            "weight": raked.weights,
            "design_weight": design,
        }
    )
    effective = kish(raked.weights)
    diagnostics: dict[str, Any] = {
        "kind": kind,
        "waves": name,
        "members": len(rows),
        "n_eff": round(effective, 2),
        "kish_deff": round(len(rows) / effective, 4) if effective else None,
        "least": round(float(raked.weights.min()), 6),
        "most": round(float(raked.weights.max()), 6),
        "rounds": raked.rounds,
        "margin_error": float(f"{raked.error:.1e}"),
        "frame": _frame_name(study.benchmarks),
    }
    if propensity is not None:
        diagnostics["mean_propensity"] = round(float(propensity.mean()), 4)
    return Weighting(WEIGHTS.coerce(rows), diagnostics)


def _frame_name(benchmarks: Benchmarks | None) -> str:
    return f"{benchmarks.frame} {benchmarks.version}" if benchmarks else ""
