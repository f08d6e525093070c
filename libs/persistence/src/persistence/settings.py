"""Where the database is."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MongoSettings(BaseSettings):
    """An address with credentials comes as a file; its TLS files are options of the address itself."""

    model_config = SettingsConfigDict(env_prefix="MONGO_", frozen=True)

    url: str = "mongodb://127.0.0.1:8402/"
    url_file: Path | None = Field(default=None, description="holds the address; taken before `url`")
    database_prefix: str = Field(
        default="", pattern=r"^[a-z0-9_]{0,20}$", description="before the service's name"
    )

    def address(self) -> str:
        """The database's address. Raises ValueError when its file cannot be read or is empty."""
        if self.url_file is None:
            return self.url
        try:
            address = self.url_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"MONGO_URL_FILE cannot be read: {error}") from error
        if not address:
            raise ValueError(f"MONGO_URL_FILE: {self.url_file} is empty")
        return address
