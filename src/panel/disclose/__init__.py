"""What may be published."""

from panel.disclose.protect import protect

__all__ = ["protect"]
