"""How good a wave is, told by count; failing rows by id only with a permission; a report without any answer."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest

from panel.actions import gate as gates
from panel.actions import quality, quarantine
from panel.errors import DisclosureRefused, UnknownKey
from panel.model.results import Gate, Override, Verdict
from panel.publish.quality import quality_pages
from panel.schema import HELD
from tests.unit.test_quarantine import STUDY, SUM, WAVE, app, home  # noqa: F401 - fixtures

HOSTILE = '<script>alert("x")</script> https://example.org/'


def test_the_overview_counts_every_check_and_what_waits(app):  # noqa: F811
    """Every judged stage has a row; its checks are passed, failed or broken, and what is held adds up."""
    rows = quality.overview(app, STUDY)
    assert [(row.wave, row.stage) for row in rows] == [
        (wave, stage) for wave in ("2025", "2026") for stage in ("responses", "panel")
    ]
    assert all(row.checks == row.passed + row.failed + row.broken and row.is_open for row in rows)
    assert rows[3].held == rows[3].undecided == sum(each.is_held for each in quarantine.waiting(app, STUDY, WAVE))


def test_what_failed_comes_first_and_has_no_answers(app):  # noqa: F811
    """The checks of a wave are listed by state and severity, with counts, owner and reason."""
    rows = quality.of_wave(app, STUDY, WAVE)
    states = [row.state for row in rows]
    assert states == sorted(states, key=["broken", "failed", "passed"].index)
    found = next(row for row in rows if row.check == SUM)
    assert (found.state, found.action, found.owner) == ("failed", "hold_cell", "operator")
    assert 0 < found.failing_count < found.checked_count


def test_a_newer_suite_says_what_changed(app):  # noqa: F811
    """Judging again by the same rules changes nothing; another version and other rows are told by check."""
    assert quality.changes(app, STUDY, WAVE) == []
    gates.check(app, STUDY, WAVE, "panel")
    assert quality.changes(app, STUDY, WAVE) == []
    judged = next(each for each in app.store.gates(STUDY, 2) if each.stage == "panel")
    newer = [
        replace(each, version=2, failing=each.failing[1:], failing_count=each.failing_count - 1)
        if each.check == SUM
        else each
        for each in judged.verdicts
    ]
    app.store.save_gate(replace(judged, verdicts=tuple(newer)), app.clock.now())
    (change,) = quality.changes(app, STUDY, WAVE)
    assert (change.check, change.version_before, change.version) == (SUM, 1, 2)
    assert (change.new_count, change.no_longer_count, change.failing) == (0, 1, change.failing_before - 1)


def test_failing_rows_are_shown_with_the_permission_only(app, caplog):  # noqa: F811
    """Without it nobody sees a member; with it the ids are listed, and the log says that somebody looked."""
    with pytest.raises(DisclosureRefused, match="not given that permission"):
        quality.failing_rows(app, STUDY, WAVE, SUM)
    allowed = replace(app, permissions=frozenset({"members"}))
    with caplog.at_level("INFO"):
        rows = quality.failing_rows(allowed, STUDY, WAVE, SUM)
    assert {row.member for row in rows} == {each.member for each in quarantine.waiting(app, STUDY, WAVE, check=SUM)}
    assert f"check={SUM}" in caplog.text
    assert not any(row.member in caplog.text for row in rows)
    with pytest.raises(UnknownKey, match="was not judged"):
        quality.failing_rows(allowed, STUDY, WAVE, "sum:nothing")


def test_a_held_row_that_nobody_decided_about_is_overdue_after_its_age_limit(app):  # noqa: F811
    """Fourteen days are in time, fifteen are not; a decision ends it."""
    now = app.clock.now()

    class Later:
        days = 14

        def now(self):
            return now + timedelta(days=self.days, hours=1)

    clock = Later()
    late = replace(app, clock=clock)
    assert quality.overview(late, STUDY)[3].overdue == 0
    clock.days = 15
    row = quality.overview(late, STUDY)[3]
    assert row.overdue == row.undecided > 0
    quarantine.decide(late, STUDY, WAVE, SUM, "accept", reason="rounded")
    assert quality.overview(late, STUDY)[3].overdue < row.overdue


def _verdict(**values: object) -> Verdict:
    made = {
        "check": "hold:x", "expectation": "e", "columns": ("x",), "severity": "warning", "owner": "operator",
        "why": HOSTILE, "state": "failed", "checked_count": 731, "failing_count": 1,
        "failing": (("M-secret-member", 2),), "observed": "98765.4", "action": "hold_cell", "catalogue": "S15",
        "proposed": (("M-secret-member", 2, 43210.5),),
    }  # fmt: skip
    return Verdict(**{**made, **values})


@pytest.fixture
def pages(app):  # noqa: F811
    """Return the report of a gate with a failed, a broken and a passed check, in either language."""
    let_pass = Override(by="M. Onitor", reason="the export rounds", at=app.clock.now())
    verdicts = (
        _verdict(override=let_pass),
        _verdict(check="fact:y", state="broken", failing=(), proposed=()),
        _verdict(check="fine:z", state="passed", failing=(), failing_count=0, proposed=()),
    )
    judged = Gate(study=STUDY, wave=2, stage="panel", suite_digest="s", data_digest="d", verdicts=verdicts)
    held = pd.DataFrame([{"wave": 2, "member": "M-secret-member", "variable": "x", "check": "hold:x", "reason": "r"}])
    return quality_pages(app.study(STUDY), 2, [judged], HELD.coerce(held), is_synthetic=True)


@pytest.mark.parametrize("name", ["quality.html", "quality.nl.html"])
def test_a_report_shows_no_answer_and_loads_nothing(pages, name):
    """No member, value or script is in it, every address is text only, and its checks, counts and decisions are."""
    page = pages[name]
    for secret in ("M-secret-member", "98765", "43210", "<script"):
        assert secret not in page
    assert not re.search(r"""(src|href)=["'](?!#)|@import|url\(""", page)
    assert "SYNTHETIC" in page.upper() or "SYNTHETISCH" in page.upper()
    for told in ("hold:x", "fact:y", "fine:z", "S15", "731", "M. Onitor: the export rounds"):
        assert told in page


def test_a_report_is_written_on_demand(app):  # noqa: F811
    """Both languages of a judged wave; a wave that was not judged is refused."""
    assert set(quality.report(app, STUDY, WAVE)) == {"quality.html", "quality.nl.html"}
    with pytest.raises(UnknownKey, match="not judged"):
        quality.report(app, STUDY, "2028")
