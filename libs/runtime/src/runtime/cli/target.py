"""Which gateway a command talks to, and as whom."""

import asyncio
import os
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from runtime import state
from runtime.errors import CommandFailed, Exit
from runtime.layout import Layout, base_port
from runtime.state import RunState
from runtime.tokens import LOCAL_TENANT, mint

T = TypeVar("T")
TENANT = LOCAL_TENANT
TRACES_URL = "THROUGHLINE_TRACES_URL"


@dataclass(frozen=True)
class Target:
    url: str
    token: str


def local_layout() -> Layout:
    return Layout.for_port(base_port())


def local_state() -> RunState | None:
    return state.load(local_layout().state_file)


def require_local() -> RunState:
    """The running local stack. Raises CommandFailed (69)."""
    found = local_state()
    if found is None:
        raise CommandFailed(Exit.UNREACHABLE, _no_stack())
    return found


def target(roles: Sequence[str]) -> Target:
    """From the environment, or the local stack with a token minted for these roles."""
    url, token = os.environ.get("THROUGHLINE_URL"), os.environ.get("THROUGHLINE_TOKEN")
    if not url:
        url = require_local().gateway_url
    if not token:
        try:
            token = mint(local_layout().jwt_key, tenant=TENANT, actor=actor(), roles=roles)
        except OSError:
            raise CommandFailed(Exit.UNREACHABLE, _no_key()) from None
    return Target(url, token)


def kafka_address() -> str:
    """Of KAFKA_BOOTSTRAP_SERVERS, else of the local stack. Raises CommandFailed (69)."""
    return os.environ.get("KAFKA_BOOTSTRAP_SERVERS") or require_local().kafka


def mongo_url() -> str:
    """Of MONGO_URL, else of the local stack. Raises CommandFailed (69)."""
    return os.environ.get("MONGO_URL") or require_local().mongo


def query_url() -> str:
    """Whose /api/v3 is read: THROUGHLINE_TRACES_URL, else the local stack. Raises CommandFailed (69)."""
    return os.environ.get(TRACES_URL) or require_local().query_url


def trace_page(trace_id: str) -> str:
    """Where a person sees the trace: Jaeger's own page, or the local stack's. Raises CommandFailed (69)."""
    if jaeger := os.environ.get(TRACES_URL):
        return f"{jaeger.rstrip('/')}/trace/{trace_id}"
    return f"{require_local().traces_url}/traces/{trace_id}"


def actor() -> str:
    return os.environ.get("THROUGHLINE_ACTOR") or os.environ.get("USER") or "local"


def _no_stack() -> str:
    return f"no stack on localhost:{base_port()}; start one with: throughline up"


def _no_key() -> str:
    return "no token: set THROUGHLINE_TOKEN, or start a local stack with: throughline up"


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
