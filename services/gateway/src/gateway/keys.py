"""The keys tokens are signed with: a shared secret, or public keys by `kid`; rotation is followed."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

import httpx
import jwt
from jwt import PyJWKSet

SYMMETRIC = ("HS256",)
ASYMMETRIC = ("RS256", "PS256", "ES256", "EdDSA")
SHORTEST_SECRET = 32
REFRESH_SECONDS = 300.0
PAUSE_SECONDS = 10.0
logger = logging.getLogger("gateway.keys")


class Keys(Protocol):
    @property
    def algorithms(self) -> tuple[str, ...]:
        """The only algorithms taken: a public key must never serve as a shared secret."""

    def find(self, token: str) -> Any:
        """The key for a token. Raises KeyError, ValueError or jwt.PyJWTError where there is none."""


class FileKeys:
    """Keys from a file that is read again when it changes; one that turns bad leaves the last good ones."""

    def __init__(
        self, file: Path, load: Callable[[Path], Callable[[str], Any]], algorithms: tuple[str, ...]
    ) -> None:
        self._file, self._load, self.algorithms = file, load, algorithms
        self._stamp = file.stat().st_mtime_ns
        self._find = load(file)

    def find(self, token: str) -> Any:
        with suppress(OSError):
            stamp = self._file.stat().st_mtime_ns
            if stamp != self._stamp:
                self._stamp = stamp
                self._reload()
        return self._find(token)

    def _reload(self) -> None:
        try:
            self._find = self._load(self._file)
        except (OSError, ValueError, jwt.PyJWTError) as error:
            logger.error("the key file changed and cannot be used: %s", error)


def shared(file: Path) -> FileKeys:
    """HS256 with the content of a file. Raises ValueError when it is shorter than 32 bytes, or OSError."""
    return FileKeys(file, _secret, SYMMETRIC)


def from_jwks_file(file: Path) -> FileKeys:
    """Public keys from a JWKS file. Raises OSError, ValueError or jwt.PyJWTError."""
    return FileKeys(file, lambda path: _by_kid(path.read_text()), ASYMMETRIC)


class RemoteKeys:
    """Public keys from a JWKS address, fetched in the background: a forged `kid` costs nobody a wait."""

    algorithms = ASYMMETRIC

    def __init__(self, url: str, client: httpx.AsyncClient | None = None) -> None:
        self._url, self._client = url, client or httpx.AsyncClient(timeout=3.0)
        self._find: Callable[[str], Any] = _none_yet
        self._wanted = asyncio.Event()

    def find(self, token: str) -> Any:
        try:
            return self._find(token)
        except KeyError:
            self._wanted.set()
            raise

    async def refresh(self) -> None:
        """Fetch the set; what cannot be fetched leaves the last good one."""
        try:
            answer = await self._client.get(self._url)
            self._find = _by_kid(answer.raise_for_status().text)
        except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
            logger.warning("keys were not fetched: %s", type(error).__name__)

    async def follow(self) -> None:
        """Fetch now, every five minutes, and when a key is not known; never more than every ten seconds."""
        while True:
            await self.refresh()
            await asyncio.sleep(PAUSE_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._wanted.wait()
            self._wanted.clear()


def _secret(file: Path) -> Callable[[str], bytes]:
    secret = file.read_bytes().strip()
    if len(secret) < SHORTEST_SECRET:
        raise ValueError(
            f"the key in {file.name} has {len(secret)} bytes; HS256 needs at least {SHORTEST_SECRET}"
        )
    return lambda _: secret


def _by_kid(text: str) -> Callable[[str], Any]:
    found = PyJWKSet.from_json(text)
    return lambda token: found[_kid(token)].key


def _none_yet(_: str) -> Any:
    raise KeyError("kid")


def _kid(token: str) -> str:
    kid = jwt.get_unverified_header(token).get("kid")
    if not isinstance(kid, str):
        raise KeyError("kid")
    return kid
