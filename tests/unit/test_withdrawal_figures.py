"""Figures after a withdrawal: every step of a close goes on without the member, and a rebuild gives the same."""

from __future__ import annotations

import json

import pytest

from panel.actions import fieldwork, figures, fold, gate, intake, publication, set_up, withdrawal
from panel.app import migrate, open_app
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
