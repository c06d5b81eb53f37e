"""Pseudonyms of members, and the identity of responses."""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from collections.abc import Iterable

import numpy as np
import pandas as pd


def pseudonyms(external: pd.Series, *, study: str, key: bytes) -> pd.Series:
    """
    Return the member of every external id: "m" and 16 hexadecimal digits.

    Keyed (HMAC-SHA256), so that nobody without the key can tell whose it is; the same id, in any Unicode form, is the
    same member for life.
    """
    codes, distinct = pd.factorize(external.to_numpy(dtype=object))
    made = [_pseudonym(str(each), study, key) for each in distinct]
    return pd.Series(pd.array(made, dtype="str").take(codes), index=external.index)


def _pseudonym(external: str, study: str, key: bytes) -> str:
    return "m" + hmac.new(key, f"{study}\0{plain_id(external)}".encode(), hashlib.sha256).hexdigest()[:16]


def plain_id(external: str) -> str:
    """Return an external id in one form: full-width marks as plain ones, without spaces around it."""
    return unicodedata.normalize("NFKC", external).strip()


class Fingerprint:
    """
    A keyed 96-bit hash per row over named columns, in any order of columns.

    Keyed, because the hash of a few answers would confirm a guess of them. Each distinct cell is hashed once with its
    column's name (BLAKE2b, 128 bits), and a row is the sum of its cells modulo 2^64 in each half. It depends on no
    library's internals, so it is the same on every machine and version.
    """

    def __init__(self, rows: int, *, key: bytes) -> None:
        self._key = hashlib.sha256(b"response\0" + key).digest()
        self._high = np.zeros(rows, dtype=np.uint64)
        self._low = np.zeros(rows, dtype=np.uint64)

    def add(self, name: str, codes: np.ndarray, distinct: Iterable[str]) -> None:
        """Add a column: `codes` into the distinct texts of its cells."""
        digests = b"".join(
            hashlib.blake2b(f"{name}\x1f{text}".encode(), digest_size=16, key=self._key).digest() if text else bytes(16)
            for text in distinct
        )
        halves = np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 2)
        self._high += halves[codes, 0]
        self._low += halves[codes, 1]

    def add_texts(self, name: str, texts: pd.Series) -> None:
        """Add a column of texts."""
        codes, distinct = pd.factorize(texts.to_numpy(dtype=object))
        self.add(name, codes, [str(each) for each in distinct])

    def hexadecimal(self) -> np.ndarray:
        """Return 24 hexadecimal digits a row."""
        return np.array(
            [f"{high:016x}{low:016x}"[:24] for high, low in zip(self._high.tolist(), self._low.tolist(), strict=True)],
            dtype=object,
        )
