"""Which requirement or component a message speaks of: its id named, or the words of its title used."""

import re
from collections.abc import Mapping

ENOUGH = 0.6
"""Share of a title's words that must occur when its id does not."""
_WORD = re.compile(r"[^\W_]{3,}")
_COMMON = {
    "all", "and", "any", "are", "but", "can", "for", "from", "has", "have", "into", "its", "less", "more",
    "new", "not", "our", "out", "per", "solution", "system", "than", "that", "the", "their", "this", "was",
    "when", "will", "with", "you",
}  # fmt: skip


def best_match(text: str, titles: Mapping[str, str]) -> str | None:
    """The id in `titles` (id to title) that `text` speaks of; None where none or several fit."""
    named = [identity for identity in titles if _names(text, identity)]
    if named:
        return named[0] if len(named) == 1 else None
    words = _words(text)
    shares = {identity: _share(words, title) for identity, title in titles.items()}
    best = max(shares.values(), default=0.0)
    winners = [identity for identity, share in shares.items() if share == best]
    return winners[0] if best >= ENOUGH and len(winners) == 1 else None


def _names(text: str, identity: str) -> bool:
    return re.search(rf"(?<![\w-]){re.escape(identity)}(?![\w-])", text, re.IGNORECASE) is not None


def _words(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold())) - _COMMON


def _share(words: frozenset[str], title: str) -> float:
    wanted = _words(title)
    return len(wanted & words) / len(wanted) if wanted else 0.0
