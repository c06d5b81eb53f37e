"""What was made of an array once, kept for whoever asks for it of the same array again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Kept:
    """
    Results by what they were made of: a name and the very arrays, not their values.

    The arrays are held as long as the result is, and are not to be written to. So many results are kept as `most`; the
    one not asked for the longest goes first.
    """

    def __init__(self, most: int = 24) -> None:
        self._most = most
        self._found: OrderedDict[tuple[object, ...], tuple[tuple[object, ...], Any]] = OrderedDict()

    def get(self, name: str, sources: tuple[object, ...], make: Callable[[], T]) -> T:
        """Return what `make` gives, or gave before of the same sources."""
        key = (name, *map(id, sources))
        if key not in self._found:
            self._found[key] = (sources, make())
            if len(self._found) > self._most:
                self._found.popitem(last=False)
        self._found.move_to_end(key)
        return self._found[key][1]
