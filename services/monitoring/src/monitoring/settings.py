"""Monitoring's settings, read from MONITORING_* and the backbone's own variables."""

from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from messaging import ServiceSettings
from monitoring.model import LOOPBACK


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(env_prefix="MONITORING_", frozen=True)

    secrets_dir: Path = Path(".run/secrets")
    probe_networks: Annotated[tuple[IPv4Network | IPv6Network, ...], NoDecode] = Field(
        default=LOOPBACK, min_length=1, description="networks that probes may reach, comma-separated"
    )

    @field_validator("probe_networks", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return [part.strip() for part in value.split(",")] if isinstance(value, str) else value
