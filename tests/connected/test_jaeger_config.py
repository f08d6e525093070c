"""The configuration that deploy/ gives to Jaeger, read by a real one: an older one than the deployed."""

import re
import secrets
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from runtime.jaeger import VERSION, home
from runtime.trace_reader import fetch
from testkit.jaeger import answers
from testkit.servers import child, free_port, until

pytestmark = pytest.mark.usefixtures("on_jaeger")

CONFIG = Path("deploy/k8s/components/jaeger/config.yaml")
OPEN = re.compile(r"^0\.0\.0\.0:(\d+)$")


def on_loopback(part: Any, ports: dict[str, int]) -> Any:
    """The same, with each address that is open to all at a free port of 127.0.0.1; `ports` says which."""
    if isinstance(part, dict):
        return {name: on_loopback(value, ports) for name, value in part.items()}
    if isinstance(part, str) and (address := OPEN.match(part)):
        return f"127.0.0.1:{ports.setdefault(address[1], free_port())}"
    return part


def test_the_binary_is_the_version_that_its_folder_says() -> None:
    said = subprocess.run([home() / "jaeger", "version"], capture_output=True, text=True, check=True)

    assert f'"gitVersion":"v{VERSION}"' in said.stdout


async def test_the_deployed_configuration_starts_answers_its_probe_and_keeps_spans(root: Path) -> None:
    ports: dict[str, int] = {}
    config = on_loopback(yaml.safe_load((root / CONFIG).read_text()), ports)
    # Its own metrics go to 8888 by default, a port that is not the test's.
    config["service"]["telemetry"]["metrics"] = {"level": "none"}
    trace, now = secrets.token_hex(16), time.time_ns()
    span = {
        "traceId": trace,
        "spanId": "1" * 16,
        "name": "ask",
        "startTimeUnixNano": str(now),
        "endTimeUnixNano": str(now + 1),
    }
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "intake"}}]}

    with tempfile.TemporaryDirectory() as folder:
        file, log = Path(folder) / "config.yaml", Path(folder) / "log"
        file.write_text(yaml.safe_dump(config))
        with child((str(home() / "jaeger"), "--config", str(file)), log=log) as process:
            until(lambda: answers(f"http://127.0.0.1:{ports['13133']}/status"), process, 30)
            async with httpx.AsyncClient(trust_env=False) as client:
                sent = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
                accepted = await client.post(f"http://127.0.0.1:{ports['4318']}/v1/traces", json=sent)
            # It answers before it has written: the deployed one batches.
            deadline = time.monotonic() + 10
            while not (found := await fetch(f"http://127.0.0.1:{ports['16686']}", trace)):
                assert time.monotonic() < deadline, log.read_text()[-2000:]

    assert accepted.status_code == 200
    assert [row.name for row in found] == ["ask"]
    assert set(ports) == {"4317", "4318", "13133", "16685", "16686"}
