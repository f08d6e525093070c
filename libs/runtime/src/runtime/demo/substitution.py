"""Times relative to the start of the play, and values saved by earlier steps, put into a step's data."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

_MOMENT = re.compile(r"^@(?P<day>date)?(?P<offset>(?:[+-](?:\d+[dhms])+)?)$")
_PART = re.compile(r"(\d+)([dhms])")
_NAME = re.compile(r"\$\{([^}]+)\}")
_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


class Unsaved(LookupError):
    """A `${name}` that no earlier step has saved, or a path that leads nowhere."""


def substitute(value: Any, start: datetime, saved: Mapping[str, Any]) -> Any:
    """`@-30d`, `@+2h30m` become timestamps, `@date+30d` a date, `${name}` the saved value with its type."""
    if isinstance(value, dict):
        return {key: substitute(item, start, saved) for key, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, start, saved) for item in value]
    if not isinstance(value, str):
        return value
    if value.startswith("@") and (match := _MOMENT.match(value)) and value != "@":
        return _moment(match, start)
    return _filled(value, saved)


def _moment(match: re.Match[str], start: datetime) -> str:
    offset = match["offset"]
    distance = timedelta(**_sum(offset))
    moment = (start - distance if offset.startswith("-") else start + distance).astimezone(UTC)
    if match["day"]:
        return moment.date().isoformat()
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _sum(offset: str) -> dict[str, float]:
    total: dict[str, float] = {}
    for number, unit in _PART.findall(offset):
        total[_UNITS[unit]] = total.get(_UNITS[unit], 0) + int(number)
    return total


def _filled(text: str, saved: Mapping[str, Any]) -> Any:
    whole = _NAME.fullmatch(text)
    if whole:
        return _saved(whole[1], saved)
    return _NAME.sub(lambda match: str(_saved(match[1], saved)), text)


def _saved(name: str, saved: Mapping[str, Any]) -> Any:
    if name in saved:
        return saved[name]
    first, _, rest = name.partition(".")
    if first not in saved or not rest:
        raise Unsaved(f"${{{name}}}: no step before this one saved it")
    return pick(saved[first], rest)


def pick(data: Any, path: str) -> Any:
    """The value at a dotted path; list positions are numbers, as in `plan.phases.0.title`."""
    for part in path.split("."):
        try:
            data = data[int(part)] if isinstance(data, list) else data[part]
        except (KeyError, IndexError, ValueError, TypeError):
            raise Unsaved(f"{path}: there is no {part!r}") from None
    return data
