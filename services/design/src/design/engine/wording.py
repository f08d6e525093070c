"""Money, short names and sentences, as a proposal writes them."""

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256

from schemas.design import Product

RUNNING_YEARS = 3
_REF_LENGTH, _TEXT_LENGTH, _PROSE_LENGTH = 64, 200, 8000


def cents(amount: Decimal) -> int:
    return int(amount * 100)


def amount(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2)


def lifetime_cost(product: Product) -> int:
    """One-off price and three years of running cost, in cents."""
    return cents(product.price) + RUNNING_YEARS * cents(product.yearly_cost)


def money(value: int, currency: str) -> str:
    return f"{amount(value):,.2f} {currency}"


def points(hundredths: int) -> str:
    return f"{hundredths / 100:.2f}"


def listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def short_ref(*parts: str) -> str:
    """The parts joined by hyphens; where that is too long for a name, cut, and kept apart by a digest."""
    joined = "-".join(parts)
    if len(joined) <= _REF_LENGTH:
        return joined
    return f"{joined[: _REF_LENGTH - 9]}-{sha256(joined.encode()).hexdigest()[:8]}"


def text(sentence: str) -> str:
    return _clip(sentence, _TEXT_LENGTH)


def prose(sentences: str) -> str:
    return _clip(sentences, _PROSE_LENGTH)


def _clip(value: str, length: int) -> str:
    return value if len(value) <= length else value[: length - 1].rstrip() + "…"
