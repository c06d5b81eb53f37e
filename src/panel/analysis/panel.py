"""The panel of a release."""

from __future__ import annotations

from panel.analysis.apart import Apart
from panel.analysis.attrition import Attrition
from panel.analysis.balanced import Balanced
from panel.analysis.contrasts import Contrasts
from panel.analysis.foreseen import Foreseen
from panel.analysis.models import Models
from panel.analysis.moves import Moves
from panel.analysis.parts import Parts
from panel.analysis.spread import Spread
from panel.analysis.yearly import Yearly


class Panel(Spread, Balanced, Yearly, Parts, Apart, Moves, Models, Attrition, Contrasts, Foreseen):
    """
    The panel of a release: every question an analyst may ask, each answered in one frame shape (schema.ESTIMATES).

    What it is about is told by `by` and `where`; see `panel.analysis.subject`.
    """
