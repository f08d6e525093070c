"""Media types of requests and answers."""

from collections.abc import Sequence

GRAPHQL_JSON = "application/graphql-response+json"
JSON = "application/json"
SSE = "text/event-stream"


def media_type(header: str) -> tuple[str, dict[str, str]]:
    """A Content-Type and its parameters, both in lower case."""
    name, *rest = header.split(";")
    pairs = (part.partition("=") for part in rest)
    parameters = {key.strip().lower(): value.strip().strip('"').lower() for key, _, value in pairs}
    return name.strip().lower(), parameters


def accepted(header: str | None, offered: Sequence[str]) -> str | None:
    """The offered type a client likes best; among equals the first offered. None where none will do."""
    if not header or not header.strip():
        return offered[0]
    ranges = [_range(part) for part in header.split(",")[:30] if part.strip()]
    ranked = [(-_quality(ranges, name), place, name) for place, name in enumerate(offered)]
    quality, _, best = min(ranked)
    return best if quality < 0 else None


def _range(part: str) -> tuple[str, float]:
    name, parameters = media_type(part)
    try:
        quality = min(max(float(parameters.get("q", "1")), 0.0), 1.0)
    except ValueError:
        quality = 0.0
    return name, quality


def _quality(ranges: Sequence[tuple[str, float]], name: str) -> float:
    """The quality of the most specific range that matches (RFC 9110, 12.5.1)."""
    for pattern in (name, f"{name.partition('/')[0]}/*", "*/*"):
        found = [quality for given, quality in ranges if given == pattern]
        if found:
            return max(found)
    return 0.0
