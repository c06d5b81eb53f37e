"""The loader of suites: a suite that is broken in any way never passes as green."""

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from panel.checks import SuiteChecker
from panel.checks.lint import lint, sample
from panel.errors import DefinitionError
from panel.model.study import Threshold
from tests.factories import BORN, CHANGED, JOB, PROFIT, question, study

STUDY = study(
    question(JOB, is_required=True),
    question(PROFIT, route="job == 1"),
    question(BORN),
    question(CHANGED, asked="later"),
)
GOOD = """
[[expect]]
id = "one"
type = "expect_column_values_to_not_be_null"
column = "member"
severity = "warning"
owner = "operator"
action = "flag"
version = 1
why = {nl = "Het lid.", en = "The member."}
"""
ENTRY = """
[[expect]]
id = "two"
severity = "warning"
owner = "operator"
action = "flag"
version = 1
why = {nl = "Omdat.", en = "Because."}
"""


def checker(folder: Path, responses: str, panel: str = GOOD, **more: str) -> SuiteChecker:
    """Return a checker of suites written into a folder."""
    for name, text in {"any/responses.toml": responses, "any/panel.toml": panel, **more}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return SuiteChecker(folder)


def refusal(folder: Path, responses: str, **more: str) -> str:
    """Return what lint says of a suite that it must refuse."""
    with pytest.raises(DefinitionError) as caught:
        lint(checker(folder, responses, **more), STUDY)
    return str(caught.value)


def test_a_sound_suite_is_counted(tmp_path):
    """Every stage says how many checks are written, implied and judged, and by which action."""
    responses, panel = lint(checker(tmp_path, GOOD), STUDY)
    assert (responses.stage, responses.written, panel.stage, panel.written) == ("responses", 1, "panel", 1)
    assert responses.judged == responses.written + responses.implied
    assert responses.judged == responses.flag + responses.hold_cell + responses.hold_row + responses.block_wave


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ('type = "expect_column_values_to_not_be_nul"\ncolumn = "member"', "there is no expectation"),
        ('type = "expect_column_values_to_not_be_null"\ncolumn = "membr"', "Did you mean 'member'"),
        ('type = "expect_column_max_to_be_between"\ntable = "facts"\ncolumn = "row_cout"\nmin_value = 1', "row_count"),
        ('type = "expect_column_values_to_be_between"\ncolumn = "profit"', "refuses its arguments"),
        ('type = "expect_column_values_to_be_between"\ncolumn = "profit"\nmin_value = 0\nminn = 1', "refuses"),
        ('type = "expect_column_values_to_be_between"\ncolumn = "submitted_at"\nmin_value = 2027-10-01', "bare date"),
        ('type = "expect_column_values_to_be_between"\ncolumn = "submitted_at"\nmin_value = "2027-10-01"', "bare date"),
        ('type = "expect_column_values_to_be_between"\ncolumn = "profit"\nmin_value = 0\nmostly = 0', "never pass"),
        ('holds = "profit >"', "not an expression"),
        ('holds = "profitt > 0"', "no column"),
        ('holds = "member > 1"', "could not run"),
        ('holds = "profit > 0"\ncolumns = ["profitt"]', "no column"),
        ('holds = "profit > 0"\ntype = "expect_column_values_to_not_be_null"', "one of type and holds"),
        ('type = "expect_column_psi_to_be_small"\ncolumn = "job"\nreference = {from = "counts"}', "nothing computes"),
        ('holds = "profit > 0"\nneeds = ["duration_second"]', "duration_seconds"),
        ('holds = "profit > 0"\neach = "amounts"', "each"),
        ('holds = "profit > 0"\nproposes = "profit_meant"', "no column"),
        ('holds = "profit > 0"\ncatalogue = "S19"', "S1 to S18"),
    ],
)  # fmt: skip
def test_a_broken_entry_is_refused_with_its_place(tmp_path, entry, words):
    """A misspelt type, a missing column or fact, a bare date, a name nobody computes: each is said, none is skipped."""
    assert words in refusal(tmp_path, GOOD + ENTRY + entry)


@pytest.mark.parametrize("key", ["id", "severity", "owner", "action", "version", "why"])
def test_an_entry_says_who_what_and_why(tmp_path, key):
    """Without an id, severity, owner, action, version or a reason in both languages there is no check."""
    lines = [line for line in ENTRY.splitlines() if not line.startswith(f"{key} =")]
    assert f".{key}" in refusal(tmp_path, GOOD + "\n".join(lines) + '\nholds = "profit > 0"')


def test_a_reason_in_one_language_is_none(tmp_path):
    """The monitor reads Dutch, the release English: both are there."""
    text = ENTRY.replace('nl = "Omdat.", ', "") + 'holds = "profit > 0"'
    assert "nl and en" in refusal(tmp_path, GOOD + text)


@pytest.mark.parametrize("text", ["", "# nothing\n", "[[expect", "[other]\na = 1\n", "expect = 3\n", "expect = [1]\n"])
def test_a_suite_without_entries_is_refused(tmp_path, text):
    """An empty file, one that is no TOML, and one with other tables never pass."""
    assert refusal(tmp_path, text)


def test_a_suite_of_every_study_that_is_absent_is_refused(tmp_path):
    """A folder without the file is not a folder without checks."""
    suite = checker(tmp_path, GOOD)
    (tmp_path / "any" / "panel.toml").unlink()
    with pytest.raises(DefinitionError, match="faults"):
        lint(suite, STUDY)


def test_an_id_twice_is_refused_also_across_files(tmp_path):
    """Results are paired by id, so two checks never share one."""
    assert "two checks have the id 'one'" in refusal(tmp_path, GOOD + GOOD)
    assert "two checks have the id 'one'" in refusal(tmp_path, GOOD, **{f"{STUDY.key}/responses.toml": GOOD})


def test_a_moment_with_its_offset_is_compared(tmp_path):
    """A moment in UTC is judged against moments, and fails where it must."""
    entry = 'type = "expect_column_values_to_be_between"\ncolumn = "submitted_at"\n'
    suite = checker(tmp_path, GOOD + ENTRY + entry + "min_value = 2027-10-06T00:00:00Z")
    frame = sample(STUDY.instrument_of(1), 1, "responses")
    (verdict,) = [each for each in _verdicts(suite, frame) if each.check == "two"]
    assert (verdict.state, verdict.failing_count) == ("failed", len(frame))


def _verdicts(suite: SuiteChecker, frame: pd.DataFrame, stage="responses", of=STUDY):
    return suite.check(of, of.instrument_of(1), 1, stage, frame).verdicts


def test_a_check_that_raised_is_broken_and_blocks(tmp_path):
    """It is neither passed nor failed, says what went wrong, and nobody gets by without overriding it."""
    suite = checker(tmp_path, GOOD + ENTRY + 'holds = "member > 1"')
    gate = suite.check(STUDY, STUDY.instrument_of(1), 1, "responses", sample(STUDY.instrument_of(1), 1, "responses"))
    (verdict,) = [each for each in gate.verdicts if each.check == "two"]
    assert (verdict.state, verdict.blocks, gate.is_open) == ("broken", True, False)
    assert "uses a text as a number" in verdict.observed


def test_a_column_that_vanished_breaks_its_check(tmp_path):
    """A delivery without a column that a check reads is refused, not judged on fewer checks."""
    frame = sample(STUDY.instrument_of(1), 1, "responses").drop(columns=["profit"])
    suite = checker(tmp_path, GOOD + ENTRY + 'type = "expect_column_values_to_not_be_null"\ncolumn = "profit"')
    with pytest.raises(DefinitionError, match="fault"):
        _verdicts(suite, frame)


def test_a_check_that_had_nothing_to_judge_says_so(tmp_path):
    """Where a column is missing in every row, the number of rows checked is none."""
    frame = sample(STUDY.instrument_of(1), 1, "responses")
    frame["profit"] = pd.array([None] * len(frame), dtype="Float64")
    suite = checker(tmp_path, GOOD + ENTRY + 'holds = "profit > 0"')
    (verdict,) = [each for each in _verdicts(suite, frame) if each.check == "two"]
    assert (verdict.state, verdict.checked_count) == ("passed", 0)


def test_a_study_may_set_a_limit_with_its_reason(tmp_path):
    """A threshold of the study takes the place of the suite's; one that fits no check is refused."""
    suite = checker(tmp_path, GOOD + ENTRY + 'holds = "profit < most"\nlimits = {most = 100000}')
    frame = sample(STUDY.instrument_of(1), 1, "responses")

    def failing(value: float) -> int:
        stricter = replace(STUDY, thresholds=(Threshold(check="two", argument="most", value=value, reason="r"),))
        lint(suite, stricter)
        return next(each.failing_count for each in _verdicts(suite, frame, of=stricter) if each.check == "two")

    assert (failing(-1000), failing(2000)) == (len(frame), 0)
    for check, argument in (("two", "mst"), ("three", "most")):
        with pytest.raises(DefinitionError):
            lint(suite, replace(STUDY, thresholds=(Threshold(check=check, argument=argument, value=1, reason="r"),)))


@pytest.mark.parametrize("key", ["creative-ai", "gss-2006", "young-men"])
def test_the_suites_that_ship_are_sound(key):
    """Every check of every study that ships runs on rows of its kinds; none is lost, none is broken."""
    from panel.model.load import load_study
    from panel.sources.studyfile import study_files

    rows = lint(SuiteChecker(), load_study(study_files(key)))
    assert {row.stage for row in rows} == {"responses", "panel"}
    assert all(row.written for row in rows)
