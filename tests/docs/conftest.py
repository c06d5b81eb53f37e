"""The command and the Prefect server of the documentation tests."""

from tests.functional.conftest import loaded, panelctl, prefect_address

__all__ = ["loaded", "panelctl", "prefect_address"]
