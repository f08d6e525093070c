"""Views that were read lately, parsed once for as long as their bytes are the same."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import orjson

KEPT_BYTES = 5_000_000
"""Of views as they are stored. Parsed and with its answers, one takes ten times as much memory."""
ANSWERS_OF_A_VIEW = 4


class KeptView(dict[str, Any]):
    """A view as it was read, and what selections of it were answered: both follow from its bytes alone.

    Shared by everyone who asks: nobody may change it.
    """

    __slots__ = ("_answers",)

    def __init__(self, view: dict[str, Any]) -> None:
        super().__init__(view)
        self._answers: OrderedDict[Callable[[Any], Any], orjson.Fragment] = OrderedDict()

    def answer(self, convert: Callable[[Any], Any]) -> orjson.Fragment:
        """What this conversion makes of the view, as JSON. Raises what the conversion raises."""
        found = self._answers.get(convert)
        if found is None:
            found = self._answers[convert] = orjson.Fragment(orjson.dumps(convert(self)))
            if len(self._answers) > ANSWERS_OF_A_VIEW:
                self._answers.popitem(last=False)
        return found


class KeptViews:
    """The ones used last, up to a number of bytes.

    Parsed ones from the second read on: to keep what is asked for once costs more than it ever gives back.
    """

    def __init__(self, most: int = KEPT_BYTES) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[str, tuple[bytes, KeptView | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def parsed(self, engagement: str, raw: bytes) -> dict[str, Any]:
        """The view that these bytes are; nobody may change it."""
        before, view = self._kept.pop(engagement, (b"", None))
        self._size += len(raw) - len(before)
        if before != raw:
            view = None
        elif view is None:
            view = KeptView(orjson.loads(raw))
        self._kept[engagement] = raw, view
        self._drop()
        return orjson.loads(raw) if view is None else view

    def _drop(self) -> None:
        while self._size > self._most and len(self._kept) > 1:
            _, (dropped, _) = self._kept.popitem(last=False)
            self._size -= len(dropped)
