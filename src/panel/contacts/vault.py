"""Seal and open contact details: AES-GCM, bound to the place of the row, by a ring of keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Sequence

from panel.errors import SettingsError, StorageError

KEY_BYTES, NONCE_BYTES, NAME_BYTES = 32, 12, 4
_FIX = "write one key a line, newest first; `panelctl contacts key FILE` makes such a file"


def new_key() -> str:
    """Return a new random key as text."""
    return base64.urlsafe_b64encode(secrets.token_bytes(KEY_BYTES)).decode()


class Vault:
    """
    Seals with the first key of a ring and opens with any, so that keys can be changed without a stop.

    What is sealed is bound to its place (study, member, part): put elsewhere, it does not open.

    Raises:
        SettingsError: the ring is empty, or a key is not 32 random bytes.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        ring = [_key(text) for text in keys]
        if not ring:
            raise SettingsError("There is no key for contact details.", fix=_FIX)
        self._ring = {hashlib.sha256(key).digest()[:NAME_BYTES]: key for key in ring}
        self._newest = next(iter(self._ring))

    def seal(self, text: str, place: str) -> bytes:
        """Return a text sealed for a place."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_BYTES)
        return self._newest + nonce + AESGCM(self._ring[self._newest]).encrypt(nonce, text.encode(), place.encode())

    def open(self, sealed: bytes, place: str) -> str:
        """
        Return what was sealed for a place.

        Raises:
            StorageError: no key of the ring fits, or it was changed or put elsewhere.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        name, nonce, rest = sealed[:NAME_BYTES], sealed[NAME_BYTES : NAME_BYTES + NONCE_BYTES], sealed[16:]
        key = self._ring.get(name)
        try:
            if key is None:
                raise InvalidTag
            return AESGCM(key).decrypt(nonce, rest, place.encode()).decode()
        except (InvalidTag, ValueError) as error:
            what = "Contact details do not open: the key is another, or they were changed."
            raise StorageError(what, fix="restore the key file, or the contact database from its backup") from error


def _key(text: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(text.encode())
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != KEY_BYTES or len(set(key)) < 8:
        raise SettingsError("A key for contact details is not 32 random bytes.", fix=_FIX)
    return key
