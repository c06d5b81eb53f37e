"""
Estimators over one variance kernel.

`report` computes every figure of a study; `series` levels and changes of one measure; `stayers`, `transitions`
and `dynamics` what happened to the same members. All give schema.ESTIMATES, by way of `to_frame`.
"""

from panel.estimate.attrition import Guess, bounds, leavers, patterns
from panel.estimate.balanced import BALANCED, Definitions, balanced, steps_of
from panel.estimate.berger_priam import FIXED_OVERLAP
from panel.estimate.between import Between
from panel.estimate.chains import chained
from panel.estimate.cohort import Cohort
from panel.estimate.composite import COMPOSITE, Roads, composite
from panel.estimate.contrasts import Contrast, contrast
from panel.estimate.decomposition import Amount, decomposition
from panel.estimate.dynamics import RULES, Dynamics, Rule, dynamics, ruled
from panel.estimate.effects import Asked, Covariate, coefficients, event_study
from panel.estimate.estimators import Estimand, mean, quantile
from panel.estimate.flows import SIDES, TESTS, flows, pooled_transitions, tests_of_table, without_errors
from panel.estimate.gaps import GAPS, Sides, gaps, middle_of
from panel.estimate.grouping import Grouping, Slice, everybody, grouping, groupings, slices
from panel.estimate.hazard_ratios import RATIOS, as_ratio, hazard_ratios
from panel.estimate.independence import holm
from panel.estimate.inequality import ESTIMATORS as INDEX_OF
from panel.estimate.joint import Joint
from panel.estimate.levels import CovarianceOf, Measure, series
from panel.estimate.mobility import mobility
from panel.estimate.net_change import VARIANCES, Redrawn, Variance, fixed_overlap
from panel.estimate.own_change import Kind, Threshold, beyond_threshold, own_change
from panel.estimate.pairs import Pair, stayers, transitions
from panel.estimate.percentiles import Percentile, percentiles
from panel.estimate.ranks import by_rank
from panel.estimate.repeated import REPEATED, repeated
from panel.estimate.report import method_of, report, unit_of
from panel.estimate.rows import Figure, Influence, Label, to_frame
from panel.estimate.sample import Sample
from panel.estimate.simultaneous import simultaneous
from panel.estimate.slips import corrected
from panel.estimate.spells import SPELLS, Move, hazards
from panel.estimate.stacked import Stacked, wave_sets
from panel.estimate.steps import Steps, Taken

__all__ = [
    "BALANCED",
    "COMPOSITE",
    "FIXED_OVERLAP",
    "GAPS",
    "INDEX_OF",
    "RATIOS",
    "REPEATED",
    "RULES",
    "SIDES",
    "SPELLS",
    "TESTS",
    "VARIANCES",
    "Amount",
    "Asked",
    "Between",
    "Cohort",
    "Contrast",
    "CovarianceOf",
    "Covariate",
    "Definitions",
    "Dynamics",
    "Estimand",
    "Figure",
    "Grouping",
    "Guess",
    "Influence",
    "Joint",
    "Kind",
    "Label",
    "Measure",
    "Move",
    "Pair",
    "Percentile",
    "Redrawn",
    "Roads",
    "Rule",
    "Sample",
    "Sides",
    "Slice",
    "Stacked",
    "Steps",
    "Taken",
    "Threshold",
    "Variance",
    "as_ratio",
    "balanced",
    "beyond_threshold",
    "bounds",
    "by_rank",
    "chained",
    "coefficients",
    "composite",
    "contrast",
    "corrected",
    "decomposition",
    "dynamics",
    "event_study",
    "everybody",
    "fixed_overlap",
    "flows",
    "gaps",
    "grouping",
    "groupings",
    "hazard_ratios",
    "hazards",
    "holm",
    "leavers",
    "mean",
    "method_of",
    "middle_of",
    "mobility",
    "own_change",
    "patterns",
    "percentiles",
    "pooled_transitions",
    "quantile",
    "repeated",
    "report",
    "ruled",
    "series",
    "simultaneous",
    "slices",
    "stayers",
    "steps_of",
    "tests_of_table",
    "to_frame",
    "transitions",
    "unit_of",
    "wave_sets",
    "without_errors",
]
