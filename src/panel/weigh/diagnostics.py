"""What weights cost and how well they do: the Kish effect, their range, and what is left of every margin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from panel.estimate.estimators import kish
from panel.estimate.margins import Target
from panel.model.study import Benchmarks, Study
from panel.weigh.calibrate import Calibrated
from panel.weigh.trim import Trimmed


@dataclass(frozen=True)
class Made:
    """Weights, the design weights they came from (None where the delivery brought them), and each step between."""

    weights: np.ndarray
    design: np.ndarray | None
    targets: Sequence[Target] = ()
    found: Calibrated | None = None
    cut: Trimmed | None = None


def diagnostics(made: Made, *, kind: str, waves: str, study: Study) -> dict[str, Any]:
    """
    Return what there is to know of one set of weights, ready for JSON.

    `kish_deff` is n / n_eff, the price of unequal weights (Kish 1965, sec. 11.7); `least_ratio` and `most_ratio` are
    the range of the calibration (g weights); `trimmed_share` is the share of all weight that trimming moved;
    `margins` tells for each margin the largest distance between a group's share and its benchmark.
    """
    weights, found = made.weights, made.found
    effective = kish(weights)
    said: dict[str, Any] = {
        "kind": kind,
        "waves": waves,
        "members": len(weights),
        "n_eff": round(effective, 2),
        "kish_deff": round(len(weights) / effective, 4) if effective else None,
        "least": round(float(weights.min()), 6),
        "most": round(float(weights.max()), 6),
        "method": study.weighting.calibration if made.targets else "none",
        "nonresponse": study.weighting.nonresponse if kind == "longitudinal" and found else "none",
        "rounds": found.rounds if found else 0,
        "least_ratio": round(float(found.ratio.min()), 6) if found else 1.0,
        "most_ratio": round(float(found.ratio.max()), 6) if found else 1.0,
        "margins": {target.name: round(margin_error(weights, target), 9) for target in made.targets},
        "margin_error": round(max((margin_error(weights, each) for each in made.targets), default=0.0), 9),
        "frame": _frame_name(study.benchmarks),
    }
    if made.cut is not None:
        said |= {"trimmed_share": round(made.cut.share, 6), "trimmed": made.cut.count}
    return said


def margin_error(weights: np.ndarray, target: Target) -> float:
    """Return the largest distance between a group's share, of those in any group, and its benchmark."""
    inside = target.codes >= 0
    sums = np.bincount(target.codes[inside], weights=weights[inside], minlength=len(target.groups))
    return float(np.max(np.abs(sums / sums.sum() - target.shares)))


def _frame_name(benchmarks: Benchmarks | None) -> str:
    return f"{benchmarks.frame} {benchmarks.version}" if benchmarks else ""
