"""Where the database is."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MongoSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MONGO_", frozen=True)

    url: str = "mongodb://127.0.0.1:8402/"
    database_prefix: str = Field(
        default="", pattern=r"^[a-z0-9_]{0,20}$", description="before the service's name"
    )
