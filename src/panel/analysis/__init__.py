"""
The analyst's read-only view: releases, and a panel of one that answers questions with their uncertainty.

Everything is read from the release's folder, checked against its manifest; nothing here can change anything. Every
answer is one frame shape (schema.ESTIMATES), protected as a publication is.
"""

from panel.analysis.connection import Connection
from panel.analysis.contrasts import Term
from panel.analysis.foreseen import Predicted
from panel.analysis.panel import Panel
from panel.analysis.release import Release
from panel.analysis.subject import Weight

__all__ = ["Connection", "Panel", "Predicted", "Release", "Term", "Weight"]
