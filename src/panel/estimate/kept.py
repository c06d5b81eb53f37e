"""What was made of an array once, kept for whoever asks for it of the same array again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

import numpy as np

MOST = 24
"""So many results are kept; the one not asked for the longest goes first."""


class Kept:
    """
    Results by what they were made of: a name and the very arrays, not their values.

    The arrays are held as long as the result is, and are not to be written to.
    """

    def __init__(self) -> None:
        self._found: OrderedDict[tuple[object, ...], tuple[tuple[object, ...], np.ndarray]] = OrderedDict()

    def get(self, name: str, sources: tuple[object, ...], make: Callable[[], np.ndarray]) -> np.ndarray:
        """Return what `make` gives, or gave before of the same sources."""
        key = (name, *map(id, sources))
        if key not in self._found:
            self._found[key] = (sources, make())
            if len(self._found) > MOST:
                self._found.popitem(last=False)
        self._found.move_to_end(key)
        return self._found[key][1]
