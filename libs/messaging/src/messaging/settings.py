"""Addresses and limits, read from the environment; services compose their own settings from these."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from persistence import MongoSettings
from telemetry import HttpSettings, TelemetrySettings


class KafkaProfile(StrEnum):
    """Which broker is there: the embedded one needs short waits and has no idempotent producer."""

    EMBEDDED = "embedded"
    APACHE = "apache"


class KafkaSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True)

    bootstrap_servers: str = "127.0.0.1:8401"
    profile: KafkaProfile = KafkaProfile.EMBEDDED
    partitions: int = Field(default=12, ge=1, le=256)
    replication_factor: int = Field(default=1, ge=1, le=5)
    batch_records: int = Field(default=500, ge=1, le=5000)
    batch_wait_ms: int = Field(default=200, ge=1, le=5000, description="of an empty poll")
    max_message_bytes: int = Field(default=1_000_000, ge=10_000)
    session_timeout_ms: int = Field(default=0, description="0: by profile, 3 s embedded, 15 s Apache")
    fetch_wait_ms: int = Field(default=0, description="0: by profile, 50 ms embedded, 500 ms Apache")

    @model_validator(mode="after")
    def _by_profile(self) -> Self:
        embedded = self.profile is KafkaProfile.EMBEDDED
        if not self.session_timeout_ms:
            object.__setattr__(self, "session_timeout_ms", 3_000 if embedded else 15_000)
        if not self.fetch_wait_ms:
            object.__setattr__(self, "fetch_wait_ms", 50 if embedded else 500)
        return self


class ServiceSettings(BaseSettings):
    """What every service has; a service's own Settings adds its fields with its own prefix."""

    model_config = SettingsConfigDict(frozen=True)

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    mongo: MongoSettings = Field(default_factory=MongoSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
