"""Releases: the immutable folder, its digest, its page and its citation."""

from panel.publish.folder import FolderPublisher

__all__ = ["FolderPublisher"]
