"""Answers of one instrument version, as delivered, into typed rows."""

from panel.harmonise.cells import CellFault, reader
from panel.harmonise.derived import correct_cells, derive, hold_cells, with_sources
from panel.harmonise.rows import Harmonised, harmonise

__all__ = ["CellFault", "Harmonised", "correct_cells", "derive", "harmonise", "hold_cells", "reader", "with_sources"]
