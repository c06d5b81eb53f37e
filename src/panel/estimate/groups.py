"""
The mean of a variable for every group of a domain in every wave, and every change between waves.

Source and oracle: as `panel.estimate.kernel`; held to it, and to o05 (change_income_by_status), in
tests/unit/test_groups.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from panel.errors import EstimateError, printable
from panel.estimate.grouped import means
from panel.estimate.joint import Joint
from panel.estimate.kernel import refuse_lonely, t_quantile
from panel.estimate.sample import Sample
from panel.estimate.split import Split


@dataclass(frozen=True)
class Means:
    """The means of every group and wave of a sample, and how they vary together."""

    groups: tuple[str, ...]
    joint: Joint

    def changes(self, pairs: Sequence[tuple[int, int]]) -> pd.DataFrame:
        """
        Return the net change of every group between pairs of waves: one row a pair and group.

        Columns group, from_wave, wave, estimate, se, low, high (95 %, t on the degrees of freedom of the group), n (the
        smaller of both). A group that a wave has nobody of has no row.
        """
        return pd.concat([self._change(pair) for pair in pairs], ignore_index=True)

    def _change(self, pair: tuple[int, int]) -> pd.DataFrame:
        joint, (one, two) = self.joint, pair
        first, second = (joint.found[wave] for wave in pair)
        variance = joint.covariance(one, one) + joint.covariance(two, two) - 2 * joint.covariance(one, two)
        se = np.sqrt(np.maximum(variance, 0.0))
        reach = se * [t_quantile(int(each)) for each in joint.degrees(one, two)]
        change = second.value - first.value
        rows = {
            "group": self.groups, "from_wave": one, "wave": two, "estimate": change, "se": se,
            "low": change - reach, "high": change + reach, "n": np.minimum(first.n, second.n),
        }  # fmt: skip
        return pd.DataFrame(rows)[(first.n > 0) & (second.n > 0)]


def means_by_group(
    sample: Sample, variable: str, domain: str, waves: Sequence[int], *, in_real_terms: bool = False
) -> Means:
    """
    Return the mean of a variable for every group of a domain in some waves, ready for any change between them.

    Args:
        sample: cross-sectional weights of every wave; calibration is credited.
        variable: a numeric variable; rows without a value are in no group.
        domain: its groups, as each row has them in its own wave.
        waves: wave numbers.
        in_real_terms: amounts in prices of the index's base year.

    Raises:
        EstimateError: a wave has no weighted row, or none with a value; or a stratum has a single PSU and the study
            has not said what it does.
    """
    if sample.design.alone.any():
        refuse_lonely(sample.design, sample.design.lonely)
    groups = sample.study.domain(domain).groups
    y, code = sample.number(variable, in_real_terms=in_real_terms), sample.groups(domain)
    found = {}
    for wave in waves:
        part = sample.part(wave)
        if not len(part.weight):
            raise EstimateError(f"Wave {wave} has no row with a weight.", fix="panelctl weigh")
        own = np.where(np.isfinite(y[part.places]), code[part.places], -1)
        if (own < 0).all():
            raise EstimateError(
                f"Nobody of a group of '{printable(domain)}' has a value of '{printable(variable)}' in wave {wave}.",
                fix="leave the wave out, or look at its held cells",
            )
        found[wave] = means(y[part.places], part.weight, Split.of(own, len(groups)))
    return Means(tuple(group.key for group in groups), Joint(sample, found))
