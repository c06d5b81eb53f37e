"""Every number R gave in cases o01 to o05, o07 and o08 is held against something: a leaf nobody names fails here."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from panel.estimate.contrasts import Contrast, contrast, difference, gap_change, log_change, relative
from panel.estimate.estimators import Estimand
from tests.unit.oracle_samples import (
    BESIDE,
    EXACT,
    Sampled,
    data,
    designed,
    expected,
    near,
    raw_results,
    results,
    stratified_schools,
)

pytestmark = BESIDE
ROOT = Path(__file__).parents[2]

HELD = {  # case: leaves by pattern, and the test that holds them
    "o01": {
        "strat_mean_nofpc/.*": "test_oracles::test_levels_without_the_correction",
        "strat_(mean|total|ratio|prop)/.*": "test_oracles::test_levels_of_a_stratified_sample",
        "by_schwide(_vcov)?/.*|by_stype/.*": "test_oracles::test_levels_by_domain_and_their_covariance",
        "domain_(total_awardsYes|ratio_by)/.*": "test_oracles::test_totals_and_ratios_by_domain",
        "clus1_.*": "test_oracles::test_levels_of_a_sample_of_districts",
        "clus2_.*": "test_oracles::test_levels_of_a_sample_in_two_stages",
        "degf/.*": "test_oracles::test_degrees_of_freedom",
        "deff_w(o)?r|var/.*": "test_oracle_leaves::test_design_effects_and_a_variance",
    },
    "o03": {
        "pop_.*": "test_oracles_calibration::test_margins_as_shares_give_the_same_weights_and_errors",
        "(raw|rake|cal_.*|greg_api99|poststrat)/w/.*": "test_oracles_calibration::test_calibrated_weights",
        "(raw|rake|cal_[a-z_]*|greg_api99|poststrat)/(api00|growth|tot|bysw|ratio)/.*": (
            "test_oracles_calibration::test_standard_errors_that_credit_calibration"
        ),
        "trim/.*": "test_oracles_calibration::test_trimmed_weights",
        "naive_rake_as_fixed_weights/.*": "test_oracles_calibration::test_raked_weights_taken_as_fixed",
        "g_range/.*": "test_oracles_calibration::test_the_range_of_the_calibration",
        "rake_jk1/.*": "test_oracles_calibration::test_a_jackknife_that_rakes_anew",
    },
    "o04": {
        "by_wave/.*|logratio/.*|naive_indep_se|did_E_minus_H/.*": "test_oracle_leaves::test_more_of_full_overlap",
        "vcov/.*|change/.*|pct/.*|domain_change/.*": "test_oracles_change::test_change_with_full_overlap",
        "paired/.*|share_dec_unch_inc/.*|median_individual_change/.*|share_drop_gt5pct/.*": (
            "test_oracles_change::test_change_within_the_same_schools"
        ),
    },
    "o05": {
        "n/.*|change_.*/(naive_se|corr)|gap_ratio_.*": "test_oracle_leaves::test_more_of_partial_overlap",
        "by_(status_)?wave(_vcov)?/.*": "test_oracles_change::test_levels_of_a_panel_and_their_covariance",
        "change_all/.*": "test_oracles_change::test_change_of_a_panel_with_partial_overlap",
        "change_(income|assign)_by_status/.*": "test_oracles_change::test_change_by_class_of_worker",
        "did_1_4/.*": "test_oracles_change::test_a_gap_between_groups_and_its_change",
        "real_pct_zzp_1_4/.*": "test_oracles_change::test_change_in_real_terms",
        "(matched_ratio_zzp|chained_index_zzp_1_4)/.*": (
            "test_oracles_change::test_change_of_matched_members_and_their_chain"
        ),
        "stayers_mean_change.*|n_stayers_12|share_dec_unch_inc_.*|share_dec_ci_zzp/.*": (
            "test_oracles_change::test_change_within_the_same_members"
        ),
        "median_pct_change_.*": "test_oracles_change::test_quantiles_of_change_within_the_same_members",
        "vardchanges/.*": "test_oracles_change::test_change_with_the_overlap_held_fixed",
    },
}
HELD["o08"] = {
    "(hh_cluster|person)/(qsr|arpr|arpt|rmpg|atk1|gei1|gei0)/.*": "test_inequality::test_official_indicators",
    "laeken/gini|panel_gini_jkn/.*": "test_inequality::test_gini_is_the_exact_one",
    "vardpoor/.*": "test_inequality::test_a_third_program_is_near",
    "(hh_cluster|person)/gini/.*|gini_by_(region|sex)/.*|panel_gini_.*": (
        "test_inequality::test_the_gini_by_ranks_is_convey_s_to_the_last_digit"
    ),
    "laeken/(qsr|arpr|rmpg|median|q/.*)": "test_inequality::test_other_official_values",
}
HELD["o02"] = {
    "q/.*|strat/(math|school|hf[1-9])/.*": "test_oracles::test_quantile_rules",
    "strat/shahvaish/.*": "test_oracles::test_r_s_shah_and_vaish_is_ours_but_for_the_raw_weight",
    "strat_(xlogit|beta)/.*": "test_oracles::test_quantile_intervals",
    "median_(change_)?by_stype/.*": "test_oracles::test_medians_by_domain",
}
HELD["o07"] = {
    "n|dimn/.*|table/.*|cells/.*|cell_totals/.*|inflow_outflow/.*|net/.*": (
        "test_oracles_moves::test_cells_of_the_table_and_net_flow"
    ),
    "row_(props|ci)/.*": "test_oracles_moves::test_transitions",
    "row_props_by_status/.*": "test_oracles_moves::test_transitions_by_class_of_worker",
    "pooled_row_props/.*": "test_oracles_moves::test_transitions_over_all_pairs_of_waves",
    "chisq_F/.*": "test_oracles_moves::test_whether_the_role_depends_on_the_role_before",
    "hazard/.*": "test_oracles_moves::test_hazards_of_becoming_an_executor",
    "cloglog/.*": "test_oracles_moves::test_a_model_of_hazards",
    "males_union(_counts)?/.*": "test_oracles_moves::test_transitions_of_real_people",
}
NOT_OFFERED = {"o02": "strat_score/.*|old/.*", "o08": "(hh_cluster|person)/zenga/.*|laeken/gini_boot_se_R50"}
"""Zenga's index is in no list of official indicators; a bootstrap of fifty draws is chance, not a number to hold. R's
score interval reads the distribution without weights, and `old` is what R gave before version 4.1."""


def leaves(tree: Any, path: str = "") -> Iterator[str]:
    """Yield the path of every number and text."""
    if isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from leaves(value, f"{path}/{key}" if path else str(key))
    else:
        yield path


@pytest.mark.parametrize("case", HELD)
def test_every_leaf_is_held_somewhere(case):
    """A number in a case that no pattern names is a number nobody checks."""
    patterns = [*HELD[case], "meta/.*", NOT_OFFERED.get(case, "")]
    assert [leaf for leaf in leaves(raw_results(case)) if not any(re.fullmatch(each, leaf) for each in patterns)] == []


@pytest.mark.parametrize("case", HELD)
def test_every_pattern_names_leaves_and_a_test(case):
    """No pattern is left over from a case that changed, and the test it names is there."""
    import importlib

    found = list(leaves(raw_results(case)))
    for pattern, where in HELD[case].items():
        assert any(re.fullmatch(pattern, leaf) for leaf in found), pattern
        module, name = where.split("::")
        assert hasattr(importlib.import_module(f"tests.unit.{module}"), name), where


def test_every_number_of_r_is_looked_at(tmp_path):
    """The tests named above are run, and what they took out of R's results is counted: no number is left over."""
    modules = sorted({where.split("::")[0] for case in HELD.values() for where in case.values()})
    files = [f"tests/unit/{name}.py" for name in modules]
    read = tmp_path / "read"
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "tests.unit.leaf_watch", "-p", "no:cacheprovider",
         "-p", "no:xdist", "-k", "not looked_at", *files],
        cwd=ROOT, env=os.environ | {"PANEL_LEAVES": str(read), "OMP_NUM_THREADS": "1"}, capture_output=True, text=True,
        timeout=300, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-2000:]
    looked_at = set(read.read_text("utf-8").splitlines())
    left = {
        case: [
            leaf
            for leaf in results(raw_results(case), case)
            if leaf not in looked_at and not re.fullmatch(f"{case}/(meta/.*|{NOT_OFFERED.get(case, '')})", leaf)
        ]
        for case in HELD
    }
    assert left == {case: [] for case in HELD}


def agrees(found: Contrast, wanted: dict[str, Any]) -> None:
    """Hold a contrast against R's."""
    figure = wanted.get("contrast", wanted)
    assert (found.value, found.se) == near((figure["est"], figure["se"]), rel=EXACT)


def joint(sampled: Sampled, *found: Estimand) -> tuple[np.ndarray, np.ndarray]:
    """Return values and covariance."""
    return np.array([each.value for each in found]), sampled.covariance(*found)


def test_design_effects_and_a_variance():
    """o01: variance over that of a simple random sample, with and without replacement, and svyvar's estimate."""
    schools, wanted = stratified_schools(), expected("o01")
    y, w = schools.frame["api00"].to_numpy(float), schools.weights
    found, n, total = schools.mean("api00"), len(y), w.sum()
    spread = (w * (y - found.value) ** 2).sum() / total * n / (n - 1)
    design = schools.se(found) ** 2
    assert design / (spread / n * (1 - n / total)) == near(wanted["deff_wor"], rel=EXACT)
    assert design / (spread / n) == near(wanted["deff_wr"], rel=EXACT)
    agrees_with = schools.mean((y - found.value) ** 2 * n / (n - 1))
    assert (agrees_with.value, schools.se(agrees_with)) == near(
        (wanted["var"]["api00"]["est"], wanted["var"]["api00"]["se"]), rel=EXACT
    )


def test_more_of_full_overlap():
    """o04: levels, logarithm of the ratio, waves as if independent, and a difference in differences."""
    wanted, schools = expected("o04"), stratified_schools()
    first, second = schools.mean("api99"), schools.mean("api00")
    for each, wave in ((first, "0"), (second, "1")):
        schools.agrees(each, wanted["by_wave"][wave])
    values, matrix = joint(schools, first, second)
    agrees(log_change(values, matrix), wanted["logratio"])
    assert difference(values, np.diag(np.diag(matrix))).se == near(wanted["naive_indep_se"], rel=EXACT)
    kinds = {kind: (schools.frame["stype"] == kind).to_numpy() for kind in "EH"}
    cells = [schools.mean(name, kinds[kind]) for kind in "EH" for name in ("api99", "api00")]
    agrees(contrast(*joint(schools, *cells), lambda v: v[1] - v[0] - v[3] + v[2]), wanted["did_E_minus_H"])


def test_more_of_partial_overlap():
    """o05: members a wave, standard errors as if independent, correlations, and the ratio of two groups."""
    wanted, frame = expected("o05"), data("panel_small")
    panel = Sampled(frame, frame["w"].to_numpy(), designed(frame, member="id", stratum="stratum", psu="hh"))
    wave, status = frame["wave"].to_numpy(), frame["status"].to_numpy()
    assert [int((wave == each).sum()) for each in (1, 2, 3, 4)] == wanted["n"]
    everybody = np.ones(len(frame), dtype=bool)
    blocks = {"": everybody} | {each: status == each for each in wanted["change_income_by_status"]}
    for name, own in blocks.items():
        block = wanted["change_income_by_status"][name] if name else wanted["change_all"]
        for pair in [*pairwise((1, 2, 3, 4)), (1, 4)]:
            figures = block[f"{pair[0]}_{pair[1]}"]
            values, matrix = joint(panel, *(panel.mean("income", own & (wave == each)) for each in pair))
            assert difference(values, np.diag(np.diag(matrix))).se == near(figures["naive_se"], rel=EXACT)
            assert matrix[0, 1] / np.sqrt(matrix[0, 0] * matrix[1, 1]) == near(figures["corr"], rel=EXACT)
    cells = [panel.mean("income", (status == each) & (wave == when)) for each in ("zzp", "employee") for when in (1, 4)]
    values, matrix = joint(panel, *cells)
    agrees(gap_change(values, matrix), wanted["gap_ratio_change_1_4"])
    ratio = relative(values[[2, 0]], matrix[np.ix_([2, 0], [2, 0])])
    agrees(Contrast(ratio.value + 1, ratio.se), wanted["gap_ratio_w1"])
