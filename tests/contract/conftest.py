"""One store on each kind of database."""

import pytest

from panel.store import migrate, open_store
from tests.contract.deliveries import NOW, STUDY
from tests.unit.study_factory import FILES


@pytest.fixture(params=["sqlite", "postgres"])
def url(request, tmp_path):
    """Return the address of a new database of each kind."""
    if request.param == "postgres":
        return request.getfixturevalue("postgres_url")
    return f"sqlite:///{tmp_path / 'panel.db'}"


@pytest.fixture
def store(url, tmp_path):
    """Return a store on a new database with the small study kept."""
    migrate(url)
    made = open_store(url, tmp_path)
    made.keep_study(STUDY.key, FILES, NOW)
    yield made
    made.close()
