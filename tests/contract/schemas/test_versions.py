"""A new version of a message beside the old: the registry reads both into the newest class."""

from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar

import pytest
from pydantic import ValidationError

from schemas import registry
from schemas.base import Event


class Moved(Event):
    type: ClassVar[str] = "intake.moved"
    site: str


class MovedV2(Event):
    """Version 3 says where from; version 1 knew only one origin."""

    type: ClassVar[str] = "intake.moved"
    version: ClassVar[int] = 3
    origin: str
    site: str

    @classmethod
    def upcast(cls, version: int, data: dict[str, Any]) -> dict[str, Any]:
        if version == 1:
            return {**data, "origin": "Leeds"}
        return super().upcast(version, data)


@pytest.fixture(autouse=True)
def _two_versions(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    module = ModuleType("moved")
    module.__dict__.update(MovedV2=MovedV2, Moved=Moved)
    monkeypatch.setattr(registry, "MODULES", (*registry.MODULES, module))
    registry.payloads.cache_clear()
    yield
    monkeypatch.undo()
    registry.payloads.cache_clear()


def test_the_newest_class_is_found_whatever_version_is_asked_for() -> None:
    assert registry.find("intake.moved.v1") == (MovedV2, 1)
    assert registry.find("intake.moved.v3") == (MovedV2, 3)


def test_an_old_message_is_read_into_the_newest_class() -> None:
    assert registry.parse("intake.moved.v1", b'{"site":"Gdansk"}') == MovedV2(origin="Leeds", site="Gdansk")


def test_a_message_of_the_newest_version_is_not_upcast() -> None:
    with pytest.raises(ValidationError, match="origin"):
        registry.parse("intake.moved.v3", b'{"site":"Gdansk"}')


def test_a_version_nobody_can_read_any_more_is_named() -> None:
    with pytest.raises(registry.UnknownVersion, match=r"version 2 of intake\.moved can no longer be read"):
        registry.parse("intake.moved.v2", b'{"site":"Gdansk"}')


def test_a_version_from_the_future_is_named() -> None:
    with pytest.raises(
        registry.UnknownVersion, match=r"version 4 of intake\.moved is not known; the newest is 3"
    ):
        registry.parse("intake.moved.v4", b"{}")
