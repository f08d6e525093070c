"""Addresses and limits, read from the environment; services compose their own settings from these."""

from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from persistence import MongoSettings
from telemetry import HttpSettings, TelemetrySettings


class KafkaProfile(StrEnum):
    """Which broker is there: the embedded one needs short waits and has no idempotent producer."""

    EMBEDDED = "embedded"
    APACHE = "apache"


class SecurityProtocol(StrEnum):
    """Kafka's own names: whether the connection is encrypted, and whether a user name is given over it."""

    PLAINTEXT = "PLAINTEXT"
    SSL = "SSL"
    SASL_PLAINTEXT = "SASL_PLAINTEXT"
    SASL_SSL = "SASL_SSL"

    @property
    def encrypted(self) -> bool:
        return self.name.endswith("SSL")

    @property
    def authenticated(self) -> bool:
        """By user name and password; a client certificate needs no SASL."""
        return self.name.startswith("SASL")


class SaslMechanism(StrEnum):
    """SCRAM alone: it never sends the password, whatever the connection is."""

    SCRAM_SHA_256 = "SCRAM-SHA-256"
    SCRAM_SHA_512 = "SCRAM-SHA-512"


class KafkaSettings(BaseSettings):
    """Secrets come as files, never as values: an environment is shown by too many tools."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True)

    bootstrap_servers: str = Field(default="127.0.0.1:8401", description="host:port, several by commas")
    profile: KafkaProfile = KafkaProfile.EMBEDDED
    partitions: int = Field(default=12, ge=1, le=256)
    replication_factor: int = Field(default=1, ge=1, le=5)
    batch_records: int = Field(default=500, ge=1, le=5000)
    batch_wait_ms: int = Field(default=200, ge=1, le=5000, description="of an empty poll")
    max_message_bytes: int = Field(default=1_000_000, ge=10_000)
    session_timeout_ms: int = Field(default=0, description="0: by profile, 3 s embedded, 15 s Apache")
    fetch_wait_ms: int = Field(default=0, description="0: by profile, 50 ms embedded, 500 ms Apache")
    security_protocol: SecurityProtocol = SecurityProtocol.PLAINTEXT
    ssl_ca_file: Path | None = Field(default=None, description="PEM; None: the machine's own authorities")
    ssl_certificate_file: Path | None = Field(default=None, description="PEM, the client's chain")
    ssl_key_file: Path | None = Field(default=None, description="PEM, not encrypted")
    sasl_mechanism: SaslMechanism = SaslMechanism.SCRAM_SHA_512
    sasl_username: str | None = None
    sasl_password_file: Path | None = None

    @property
    def brokers(self) -> list[str]:
        """One by one: FastStream takes a text with commas for a single host's name."""
        return [broker.strip() for broker in self.bootstrap_servers.split(",") if broker.strip()]

    @model_validator(mode="after")
    def _by_profile(self) -> Self:
        embedded = self.profile is KafkaProfile.EMBEDDED
        if not self.session_timeout_ms:
            object.__setattr__(self, "session_timeout_ms", 3_000 if embedded else 15_000)
        if not self.fetch_wait_ms:
            object.__setattr__(self, "fetch_wait_ms", 50 if embedded else 500)
        return self

    @model_validator(mode="after")
    def _security_is_whole(self) -> Self:
        protocol = self.security_protocol
        tls = {"ssl_ca_file", "ssl_certificate_file", "ssl_key_file"}
        sasl = {"sasl_username", "sasl_password_file"}
        given = {name for name in tls | sasl if getattr(self, name)}
        # Security that is set and not used would be believed in.
        if (
            unused := given
            - (tls if protocol.encrypted else set())
            - (sasl if protocol.authenticated else set())
        ):
            raise ValueError(f"{_variables(unused)} has no effect with KAFKA_SECURITY_PROTOCOL={protocol}")
        if protocol.authenticated and (missing := sasl - given):
            raise ValueError(f"KAFKA_SECURITY_PROTOCOL={protocol} needs {_variables(missing)}")
        if len(pair := given & {"ssl_certificate_file", "ssl_key_file"}) == 1:
            raise ValueError(f"{_variables(pair)} alone: a certificate and its key come together")
        return self


def _variables(fields: set[str]) -> str:
    return ", ".join(sorted(f"KAFKA_{field}".upper() for field in fields))


class ServiceSettings(BaseSettings):
    """What every service has; a service's own Settings adds its fields with its own prefix."""

    model_config = SettingsConfigDict(frozen=True)

    kafka: KafkaSettings = Field(default_factory=KafkaSettings)
    mongo: MongoSettings = Field(default_factory=MongoSettings)
    telemetry: TelemetrySettings = Field(default_factory=TelemetrySettings)
    http: HttpSettings = Field(default_factory=HttpSettings)
