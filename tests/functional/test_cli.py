"""The command: what it prints, and what it says when something is wrong."""

import json

import pytest


def test_bad_usage_is_code_2(panelctl):
    """An unknown command or option is a usage error, in a sentence."""
    for arguments in (["fly"], ["wave", "close"], ["check", "creative-ai", "2025", "--stage", "moon"]):
        outcome = panelctl(*arguments)
        assert outcome.returncode == 2
        assert "Traceback" not in outcome.stderr


def test_a_home_that_was_never_made_is_said(panelctl):
    """Without `panelctl init`, every command says to run it."""
    outcome = panelctl("wave", "status", "creative-ai")
    assert outcome.returncode == 19
    assert "panelctl init" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.usefixtures("loaded")
def test_an_unknown_study_wave_or_figure_is_answered_with_the_nearest(panelctl):
    """Names that are not there exit with 15 and a suggestion."""
    for arguments, suggestion in (
        (["wave", "status", "creative-ia"], "creative-ai"),
        (["study", "load", "creativ-ai"], "creative-ai"),
        (["collect", "creative-ai", "2052"], "Did you mean"),
        (["trends", "creative-ai"], "panelctl wave close"),
    ):
        outcome = panelctl(*arguments)
        assert (outcome.returncode, suggestion in outcome.stderr) == (15, True), outcome.stderr
        assert "Traceback" not in outcome.stderr


@pytest.mark.usefixtures("loaded")
def test_a_malformed_study_is_refused_with_every_fault(panelctl, tmp_path):
    """A broken study file exits with 10 and names file and place."""
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "study.toml").write_text('key = "broken"\ntitle = 3\nwaves = [\n')
    outcome = panelctl("study", "load", str(folder))
    assert outcome.returncode == 10
    assert "study.toml" in outcome.stderr
    assert "Traceback" not in outcome.stderr


@pytest.mark.usefixtures("loaded")
def test_a_delivery_without_its_columns_is_refused_and_kept(panelctl, tmp_path):
    """A file that lacks required columns exits with 11, says which, and its bytes stay."""
    file = tmp_path / "export.csv"
    file.write_text("colour,shape\nred,round\n")
    panelctl("wave", "open", "creative-ai", "2025")
    outcome = panelctl("collect", "creative-ai", "2025", str(file))
    assert outcome.returncode == 11
    assert "member" in outcome.stderr
    assert "export.csv" in outcome.stderr
    status = json.loads(panelctl("wave", "status", "creative-ai", "--format", "json").stdout)
    assert status[0]["deliveries"] == 1


@pytest.mark.usefixtures("loaded")
def test_a_step_out_of_order_is_refused(panelctl):
    """Closing a wave that was never opened exits with 16 and says what is legal."""
    outcome = panelctl("wave", "close", "creative-ai", "2026")
    assert outcome.returncode == 16
    assert "open" in outcome.stderr


@pytest.mark.parametrize("form", ["csv", "json"])
@pytest.mark.usefixtures("loaded")
def test_data_go_to_stdout_and_progress_to_stderr(panelctl, form):
    """What is piped is data and nothing else."""
    outcome = panelctl("study", "list", "--format", form)
    assert outcome.returncode == 0
    if form == "json":
        assert json.loads(outcome.stdout)[0]["study"] == "creative-ai"
    else:
        assert outcome.stdout.splitlines()[0] == "study,title,waves"
