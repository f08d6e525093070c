"""Where telemetry goes and where a service's own health answers."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class TelemetrySettings(BaseSettings):
    """The standard OpenTelemetry variables that we honour. An empty endpoint exports nothing."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", frozen=True)

    exporter_otlp_endpoint: str = ""
    traces_sampler_arg: float = Field(default=1.0, ge=0, le=1)
    service_instance: str = Field(default="", description="empty: a random id per process")
    log_level: str = Field(default="INFO", pattern=r"^(?i:debug|info|warning|error|critical)$")


class HttpSettings(BaseSettings):
    """Health and metrics of a service; everything of the gateway."""

    model_config = SettingsConfigDict(env_prefix="HTTP_", frozen=True)

    host: str = "127.0.0.1"
    port: int = Field(default=0, ge=0, le=65535, description="0: any free port")
