"""Figures and releases after a withdrawal: a close goes on without the member, and every release has its state."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from panel.actions import fieldwork, figures, fold, gate, intake, publication, releases, set_up, withdrawal
from panel.analysis.connection import Connection
from panel.app import migrate, open_app
from panel.errors import ReleaseState, UnknownKey
from panel.settings import Settings

STUDY = "creative-ai"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """Return the adapters after one wave of 200 SYNTHETIC members was closed, with a release."""
    home = tmp_path_factory.mktemp("withdrawn")
    settings = Settings(home=home, database_url=f"sqlite:///{home / 'panel.db'}", pseudonym_key=b"a key for the tests")
    settings.make_home()
    migrate(settings)
    made = open_app(settings)
    set_up.load_study(made, STUDY)
    set_up.simulate(made, STUDY, waves=["2025"], seed=11, members=200)
    fieldwork.open_wave(made, STUDY, "2025")
    close(made)
    yield made
    made.store.close()


def close(app):
    """Take the wave through the steps of a close; return the release."""
    fieldwork.begin_close(app, STUDY, "2025")
    intake.collect(app, STUDY, "2025")
    gate.check(app, STUDY, "2025", "responses")
    fold.merge(app, STUDY)
    gate.check(app, STUDY, "2025", "panel")
    figures.weigh(app, STUDY, "2025")
    figures.estimate(app, STUDY, "2025")
    release = publication.release(app, STUDY, "2025")
    fieldwork.finish_close(app, STUDY, "2025")
    return release


def test_a_wave_is_closed_again_without_who_withdrew(app):
    """After `no_use` and `erase` the next release counts two members fewer, and a rebuild gives its very digest."""
    members = sorted(app.store.person_waves(STUDY, columns=[])["member"])
    first = app.store.releases(STUDY)[-1]
    withdrawal.withdraw(app, STUDY, members[0], "no_use", reason="asked")
    done = withdrawal.withdraw(app, STUDY, members[1], "erase", reason="asked")
    assert done.releases == (first.key,)
    release = close(app)
    assert release.key != first.key
    weights = app.store.weights(STUDY, 1)
    assert sorted(weights["member"]) == members[2:]
    assert json.loads(release.manifest)
    assert publication.rebuild(app, STUDY).digest == release.digest
    assert sorted(app.store.person_waves(STUDY, columns=[])["member"]) == members[2:]
    index = set(app.store.response_index(STUDY)["member"])
    assert (members[0] in index, members[1] in index) == (True, False)


def test_a_release_tells_how_it_came_about(app):
    """Each step of a close is on record, in order; the release after the withdrawals superseded the first one."""
    first, second = (each for each in releases.standing(app, STUDY) if each.state in ("superseded", "published"))
    assert (first.state, second.state) == ("superseded", "published")
    told = [each.event for each in releases.history(app, STUDY, first.release)]
    assert told == ["validate", "weigh", "estimate", "review", "publish", "supersede"]
    with pytest.raises(UnknownKey):
        releases.history(app, STUDY, "2025.99")


def test_no_step_is_made_with_stale_figures(app):
    """What is taken back to the start is neither estimated nor released before its gates are passed anew."""
    releases.changed(app, app.study(STUDY), 1, "a test")
    for step in (figures.weigh, figures.estimate):
        with pytest.raises(ReleaseState, match="is ingested"):
            step(app, STUDY, "2025")
    gate.check(app, STUDY, "2025", "panel")
    with pytest.raises(ReleaseState, match="is validated"):
        figures.estimate(app, STUDY, "2025")


def test_a_retracted_release_is_given_to_nobody(app):
    """It needs a reason, is told beside its folder, and a reader is refused and sent to the one that stands."""
    first, second = app.store.releases(STUDY)
    connection = Connection(app.store)
    with pytest.raises(ReleaseState, match="reason"):
        releases.prepare_retraction(app, STUDY, first.key, reason=" ")
    planned = releases.prepare_retraction(app, STUDY, first.key, reason="in cents")
    assert planned.successor == second.key
    assert connection.release(STUDY, first.key).record == first
    releases.retract(app, planned)
    notice = Path(first.path).with_name(f"{first.key}.RETRACTED.txt").read_text("utf-8")
    assert "in cents" in notice
    assert second.key in notice
    with pytest.raises(ReleaseState, match="in cents") as refused:
        connection.release(STUDY, first.key)
    assert second.key in refused.value.fix
    assert connection.releases(STUDY) == (second.key,)
    with pytest.raises(ReleaseState, match="is retracted"):
        releases.prepare_retraction(app, STUDY, first.key, reason="again")
    releases.retract(app, releases.prepare_retraction(app, STUDY, second.key, reason="too"))
    with pytest.raises(ReleaseState, match="Every release"):
        connection.release(STUDY)
    with pytest.raises(UnknownKey, match="was retracted"):
        publication.find_release(app, STUDY)


def test_what_was_retracted_is_not_published_again_under_another_number(app):
    """The very content of a retracted release is refused, whatever key it would get."""
    figures.weigh(app, STUDY, "2025")
    figures.estimate(app, STUDY, "2025")
    with pytest.raises(ReleaseState, match="which was retracted"):
        publication.release(app, STUDY, "2025")
