"""
Cross-sectional and longitudinal weights.

`cross_sectional` and `longitudinal` follow the rules of a study; `rake` and `calibrate` move weights to known shares
or totals by any `Distance`, `trim` cuts extremes, `by_logit` and `by_class` estimate who answers.
"""

from panel.weigh.calibrate import Calibrated, calibrate, rake
from panel.weigh.distance import Distance
from panel.weigh.propensity import Response, by_class, by_logit
from panel.weigh.trim import Trimmed, trim
from panel.weigh.weighting import Weighting, cross_sectional, longitudinal

__all__ = [
    "Calibrated",
    "Distance",
    "Response",
    "Trimmed",
    "Weighting",
    "by_class",
    "by_logit",
    "calibrate",
    "cross_sectional",
    "longitudinal",
    "rake",
    "trim",
]
