"""Who is calling: a bearer token verified once, for every way in. Tokens are never logged."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import jwt

from gateway.keys import Keys

KEPT_SECONDS = 60.0
KEPT_TOKENS = 2_000
LONGEST_TOKEN = 8_192
REQUIRED = ["exp", "sub", "aud", "iss", "tenant", "roles"]


class Role(StrEnum):
    VIEWER = "viewer"
    CLIENT = "client"
    CONSULTANT = "consultant"
    OPERATOR = "operator"
    PUBLISHER = "publisher"


@dataclass(frozen=True, slots=True)
class Caller:
    """`expires_at` is seconds since the epoch: what is still open then is closed."""

    tenant: str
    actor: str
    roles: frozenset[Role]
    expires_at: float


class Unauthenticated(Exception):
    """No token, or one that does not hold; the text is safe to show."""


class Authenticator:
    """Verifies tokens; a good one is remembered by its hash until it expires, a minute at the most."""

    def __init__(
        self, keys: Keys, *, audience: str, issuer: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._keys, self._audience, self._issuer, self._clock = keys, audience, issuer, clock
        self._kept: OrderedDict[bytes, tuple[float, Caller]] = OrderedDict()

    def caller(self, authorization: str | None) -> Caller:
        """The caller of an `Authorization` header. Raises Unauthenticated."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise Unauthenticated("send a bearer token in the Authorization header")
        token = token.strip()
        if len(token) > LONGEST_TOKEN:
            raise Unauthenticated("the token is too long")
        digest, now = hashlib.sha256(token.encode()).digest(), self._clock()
        kept = self._kept.get(digest)
        if kept and now < min(kept[0], kept[1].expires_at):
            return kept[1]
        caller = self._verify(token)
        self._kept[digest] = (now + KEPT_SECONDS, caller)
        while len(self._kept) > KEPT_TOKENS:
            self._kept.popitem(last=False)
        return caller

    def _verify(self, token: str) -> Caller:
        try:
            claims = jwt.decode(
                token,
                self._keys.find(token),
                algorithms=list(self._keys.algorithms),
                audience=self._audience,
                issuer=self._issuer,
                options={"require": REQUIRED},
                leeway=5,
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("the token has expired") from error
        except (jwt.PyJWTError, KeyError, ValueError, TypeError) as error:
            raise Unauthenticated("the token is not valid") from error
        return _caller(claims)


def _caller(claims: Mapping[str, Any]) -> Caller:
    tenant, actor, roles = claims["tenant"], claims["sub"], claims["roles"]
    known = {role.value for role in Role}
    if not isinstance(tenant, str) or not tenant or not isinstance(actor, str) or not actor:
        raise Unauthenticated("the token names no tenant or no subject")
    if not isinstance(roles, list):
        raise Unauthenticated("the token's roles must be a list")
    granted = frozenset(Role(role) for role in roles if isinstance(role, str) and role in known)
    return Caller(tenant, actor, granted, float(claims["exp"]))
