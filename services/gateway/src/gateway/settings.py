"""What the gateway reads from its environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from messaging import ServiceSettings


class GatewaySettings(BaseSettings):
    """One of the three keys must be given: a shared secret (HS256), or public keys by file or address."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_", frozen=True)

    jwt_key_file: Path | None = None
    jwks_file: Path | None = None
    jwks_url: str | None = None
    audience: str = "throughline"
    issuer: str = "throughline"
    operator_tenant: str = Field(
        default="", description="whose operators look after messages whose own tenant nobody could read"
    )
    allowed_origins: tuple[str, ...] = ()
    body_bytes: int = Field(default=1_000_000, ge=10_000, description="of a GraphQL request")
    event_bytes: int = Field(default=1_000_000, ge=10_000, description="of posted CloudEvents and webhooks")


class Settings(ServiceSettings):
    """Everything the gateway needs to run."""

    gateway: GatewaySettings = Field(default_factory=GatewaySettings)
