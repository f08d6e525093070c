"""A digest of a table's content that does not depend on the order of its rows."""

import hashlib
from collections.abc import Iterable

_MODULUS = 1 << 256


def row_hash(canonical: bytes) -> bytes:
    return hashlib.sha256(canonical).digest()


def content_digest(hashes: Iterable[bytes]) -> tuple[int, str]:
    """(rows, hexadecimal sum of their SHA-256 hashes modulo 2^256). Unlike exclusive-or, a sum tells a row
    that is there twice from one that is not there."""
    rows = total = 0
    for value in hashes:
        total += int.from_bytes(value, "big")
        rows += 1
    return rows, f"{total % _MODULUS:064x}"
