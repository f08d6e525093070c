"""Where migration may read and where the passwords are."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from messaging import ServiceSettings


class MigrationSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MIGRATION_", frozen=True)

    data_dir: Path = Field(default=Path(".run/legacy"), description="legacy databases; nothing else is read")
    secrets_dir: Path = Field(default=Path(".run/secrets"), description="one file per password")


class Settings(ServiceSettings):
    migration: MigrationSettings = Field(default_factory=MigrationSettings)
