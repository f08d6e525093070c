"""Tokens for the local gateway, signed with the run's own key."""

import secrets
import time
from collections.abc import Sequence
from pathlib import Path

AUDIENCE = "throughline"
ISSUER = "throughline"
LOCAL_TENANT = "demo"
LIFETIME_SECONDS = 12 * 3600
ROLES = ("viewer", "client", "consultant", "operator", "publisher")


def ensure_key(file: Path) -> None:
    """Make the key where there is none; only its owner may read it."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_hex(32))


def mint(key_file: Path, *, tenant: str, actor: str, roles: Sequence[str]) -> str:
    """A signed token. Raises OSError where the key cannot be read."""
    import jwt

    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": actor,
        "tenant": tenant,
        "roles": list(roles),
        "iat": now,
        "exp": now + LIFETIME_SECONDS,
    }
    return jwt.encode(claims, key_file.read_text().strip(), algorithm="HS256")
