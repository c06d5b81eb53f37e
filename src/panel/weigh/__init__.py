"""
Cross-sectional and longitudinal weights.

`cross_sectional` and `longitudinal` follow the rules of a study; `rake` and `calibrate` move weights to known shares
or totals by any `Distance`, `trim` cuts extremes, `by_logit` and `by_class` estimate who answers.
`by_wave` and `of_stayers` do a study's weighting anew in every replicate.
"""

from panel.weigh.calibrate import Calibrated, Raker, calibrate, rake
from panel.weigh.distance import Distance
from panel.weigh.propensity import Response, by_class, by_logit
from panel.weigh.recipe import by_wave, of_stayers
from panel.weigh.trim import Trimmed, trim
from panel.weigh.weighting import OUT_OF_SCOPE, Weighting, cross_sectional, longitudinal

__all__ = [
    "OUT_OF_SCOPE",
    "Calibrated",
    "Distance",
    "Raker",
    "Response",
    "Trimmed",
    "Weighting",
    "by_class",
    "by_logit",
    "by_wave",
    "calibrate",
    "cross_sectional",
    "longitudinal",
    "of_stayers",
    "rake",
    "trim",
]
