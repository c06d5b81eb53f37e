"""What a study says of its sample: strata, targets, when a member is dormant, and what is fed forward."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from panel.model.panel_rates import Recruited


@dataclass(frozen=True, slots=True, kw_only=True)
class Preloaded:
    """
    A variable whose last answer is fed forward into the next wave.

    `mode` proactive shows it and asks whether it still holds; reactive asks first, and compares behind the member's
    back. Opinions and predictions are never fed forward: people repeat what they are shown. `shown` is the column of
    the delivery that says whether the member saw it, "" where the platform does not tell.
    """

    variable: str
    mode: Literal["proactive", "reactive"]
    shown: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRules:
    """
    How the sample of a study is kept.

    `strata` are the names a sample file may use (any, where none is named). `target` is the number of interviews that a
    wave should bring (every issued case, where it is 0). A member is dormant after `dormant_after` waves in a row
    without an interview. `eligible_share` is e of response rates 3 and 4: the share of cases of unknown eligibility
    that is eligible; 1 supposes that all are. A share `independent_share` of the members, drawn anew for each wave by
    their id and `independent_salt`, is asked without being shown anything, so that what showing does can be measured.
    `recruited` says how cohorts came to be.
    """

    strata: tuple[str, ...] = ()
    target: int = 0
    dormant_after: int = 2
    eligible_share: float = 1.0
    preload: tuple[Preloaded, ...] = ()
    independent_share: float = 0.0
    independent_salt: str = ""
    recruited: tuple[Recruited, ...] = ()
