"""What may be published."""

from panel.disclose.protect import HIDDEN, protect

__all__ = ["HIDDEN", "protect"]
