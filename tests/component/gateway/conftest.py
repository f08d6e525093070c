"""A whole gateway in this process, on the embedded servers."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import jwt
import pytest

from gateway.main import GatewayApp, build_app
from gateway.settings import GatewaySettings, Settings
from telemetry import HttpSettings, TelemetrySettings
from testkit.backbone import Backbone

SECRET = b"a secret that only tests know, 32+ bytes"


def _token(*roles: str, tenant: str = "acme", actor: str = "tester") -> str:
    claims = {
        "tenant": tenant,
        "sub": actor,
        "roles": list(roles),
        "aud": "throughline",
        "iss": "throughline",
    }
    return jwt.encode({**claims, "exp": time.time() + 600}, SECRET, algorithm="HS256")


@pytest.fixture
def token() -> object:
    return _token


@pytest.fixture
def gateway_settings(backbone: Backbone, tmp_path: Path) -> Settings:
    key = tmp_path / "key"
    key.write_bytes(SECRET)
    return Settings(
        kafka=backbone.kafka,
        mongo=backbone.mongo,
        telemetry=TelemetrySettings(),
        http=HttpSettings(port=0),
        gateway=GatewaySettings(jwt_key_file=key, operator_tenant="acme"),
    )


@pytest.fixture
async def gateway(gateway_settings: Settings) -> AsyncIterator[GatewayApp]:
    app = build_app(gateway_settings)
    async with app.running():
        yield app


@pytest.fixture
async def client(gateway: GatewayApp) -> AsyncIterator[httpx.AsyncClient]:
    base = f"http://127.0.0.1:{gateway.port}"
    async with httpx.AsyncClient(base_url=base, timeout=20) as made:
        yield made
