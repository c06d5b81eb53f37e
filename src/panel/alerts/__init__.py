"""The only door to Apprise: what people are told of incidents, and how it gets there."""

from panel.alerts.sender import AppriseSender

__all__ = ["AppriseSender"]
