"""Answers of one instrument version, as delivered, into typed rows."""

from panel.harmonise.derived import derive, hold_cells, with_sources
from panel.harmonise.rows import Harmonised, harmonise

__all__ = ["Harmonised", "derive", "harmonise", "hold_cells", "with_sources"]
