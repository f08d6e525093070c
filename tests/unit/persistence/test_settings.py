"""Where the database's address comes from."""

from pathlib import Path

import pytest

from persistence import MongoSettings


def test_a_file_is_taken_before_the_value(tmp_path: Path) -> None:
    (tmp_path / "url").write_text("mongodb://user:secret@mongo/\n")
    settings = MongoSettings(url="mongodb://elsewhere/", url_file=tmp_path / "url")

    assert settings.address() == "mongodb://user:secret@mongo/"
    assert "secret" not in repr(settings)


def test_without_a_file_the_value_counts() -> None:
    assert MongoSettings(url="mongodb://mongo/").address() == "mongodb://mongo/"


@pytest.mark.parametrize(("content", "complaint"), [(None, "cannot be read"), (" \n", "is empty")])
def test_a_file_without_an_address_is_named(tmp_path: Path, content: str | None, complaint: str) -> None:
    if content is not None:
        (tmp_path / "url").write_text(content)

    with pytest.raises(ValueError, match=f"MONGO_URL_FILE.*{complaint}"):
        MongoSettings(url_file=tmp_path / "url").address()
