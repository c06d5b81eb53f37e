"""The command and the Prefect server of the documentation tests."""

from tests.functional.conftest import loaded, loaded_home, panelctl, prefect_address

__all__ = ["loaded", "loaded_home", "panelctl", "prefect_address"]
