"""Rates of the panel from the cases of the store, and what a study file may say of its recruitment."""

from __future__ import annotations

import pytest

from panel.actions import cases
from panel.actions.rates import panel_rates
from panel.errors import DefinitionError
from panel.model.load import load_study
from tests.unit import test_progress, test_sample
from tests.unit.study_factory import FILES
from tests.unit.test_sample import of

app = test_sample.app
waved = test_progress.waved
COHORTS = """
[[sample.cohort]]
key = "2025"
recruitment_rate = 0.5
profile_rate = 0.8

[[sample.cohort]]
key = "refresh"
recruitment_rate = 0.25
"""
THIRD = """
[[wave]]
number = 3
key = "2027"
fieldwork = {start = 2027-10-01, end = 2027-11-30}
reference = {start = 2026-01-01, end = 2026-12-31}
instrument = "1"
"""


def stated(files, *, is_probability_sample="true"):
    """Return the files with the recruitment of both cohorts."""
    text = files["study.toml"].replace(
        "is_probability_sample = true", f"is_probability_sample = {is_probability_sample}"
    )
    return {**files, "study.toml": text + COHORTS}


def test_rates_are_counted_by_wave_and_cohort(waved):
    """Of the four of 2025 three were interviewed at entry and one now; of four issued one, of the refreshment one."""
    waved.store.keep_study("bakers", stated(waved.store.study_files("bakers")), waved.clock.now())
    found = {(each.wave, each.cohort, each.key): each for each in panel_rates(waved, "bakers")}
    told = {key: each.value for key, each in found.items() if key[0] == "2026"}
    assert told == pytest.approx(
        {
            ("2026", "2025", "RETR"): 1.0,
            ("2026", "2025", "COMR"): 0.25,
            ("2026", "2025", "CUMRR1"): 0.5 * 0.8 * 0.25,
            ("2026", "2025", "CUMRR2"): 0.5 * 0.8 * 0.25,
            ("2026", "2025", "retention"): 1 / 3,
            ("2026", "2025", "cumulative_retention"): 1 / 3,
            ("2026", "refresh", "RETR"): 1.0,
            ("2026", "refresh", "COMR"): 1.0,
            ("2026", "refresh", "CUMRR1"): 0.25,
            ("2026", "refresh", "CUMRR2"): 0.25,
            ("2026", "refresh", "retention"): 1.0,
            ("2026", "refresh", "cumulative_retention"): 1.0,
            ("2026", "all", "CUMRR1"): (4 * 0.1 + 1 * 0.25) / 5,
            ("2026", "all", "CUMRR2"): (4 * 0.1 + 1 * 0.25) / 5,
        }
    )
    assert {each.is_final for key, each in found.items() if key[0] == "2025"} == {True}
    assert {each.is_final for key, each in found.items() if key[0] == "2026"} == {False}
    only = panel_rates(waved, "bakers", "2026")
    assert [each for each in only if each.wave != "2026"] == []
    assert {(each.cohort, each.key): each.value for each in only} == {key[1:]: each for key, each in told.items()}


def test_cumulative_retention_only_falls(waved):
    """Who was away in one wave and is back counts as retained now, never again as there in every wave."""
    files = dict(waved.store.study_files("bakers"))
    files["study.toml"] += THIRD
    waved.store.keep_study("bakers", files, waved.clock.now())
    cases.act(waved, "bakers", 2, of("bob"), "refuse")
    cases.finalise(waved, "bakers", 2)
    cases.issue(waved, "bakers", 3)
    for name in ("ann", "bob"):
        cases.act(waved, "bakers", 3, of(name), "complete")
    third = {each.key: each for each in panel_rates(waved, "bakers", 3) if each.cohort == "2025"}
    assert (third["retention"].numerator, third["cumulative_retention"].numerator) == (2, 1)
    assert third["retention"].denominator == 3


def test_an_opt_in_study_states_no_recruitment(waved):
    """A rate that nobody can know is refused with its place; without it there is no response rate either."""
    with pytest.raises(DefinitionError, match="no recruitment rate"):
        load_study(stated(FILES, is_probability_sample="false"))
    files = dict(waved.store.study_files("bakers"))
    files["study.toml"] = files["study.toml"].replace("is_probability_sample = true", "is_probability_sample = false")
    waved.store.keep_study("bakers", files, waved.clock.now())
    keys = {each.key for each in panel_rates(waved, "bakers")}
    assert keys == {"participation", "completion", "retention", "cumulative_retention"}


@pytest.mark.parametrize("wrong", ["recruitment_rate = 1.5", 'recruitment_rate = "half"', "profile_rate = 0.5"])
def test_what_a_study_says_of_its_recruitment_is_a_share(wrong):
    """A share lies between 0 and 1, is a number, and the recruitment rate has to be there."""
    text = f'{FILES["study.toml"]}\n[[sample.cohort]]\nkey = "2025"\n{wrong}\n'
    with pytest.raises(DefinitionError) as refused:
        load_study({**FILES, "study.toml": text})
    assert "sample.cohort" in str(refused.value)


def test_a_cohort_is_stated_once():
    """Two statements about one cohort are a fault, not the last one's victory."""
    text = FILES["study.toml"] + COHORTS.replace('"refresh"', '"2025"')
    with pytest.raises(DefinitionError, match="twice"):
        load_study({**FILES, "study.toml": text})
