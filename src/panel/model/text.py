"""Words in the languages of a study."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """One text in several languages; the first language is the fallback."""

    entries: tuple[tuple[str, str], ...]

    @classmethod
    def plain(cls, text: str, language: str = "en") -> Text:
        """Return a text in one language."""
        return cls(((language, text),))

    def in_(self, language: str) -> str:
        """Return the text in `language`, or in the first language it has."""
        return dict(self.entries).get(language, self.entries[0][1])

    @property
    def languages(self) -> tuple[str, ...]:
        """Return the languages, in the order of the file."""
        return tuple(language for language, _ in self.entries)

    def __str__(self) -> str:
        """Return the English text, or the first."""
        return self.in_("en")
