"""Cross-sectional and longitudinal weights."""

from panel.weigh.weighting import Weighting, cross_sectional, longitudinal

__all__ = ["Weighting", "cross_sectional", "longitudinal"]
