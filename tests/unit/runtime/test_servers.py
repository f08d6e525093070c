"""What the processes of a stack are started with."""

from pathlib import Path

import pytest

from runtime.layout import Layout
from runtime.ports import plan
from runtime.servers import SERVICES, StackPlan, names_of, service_specs


@pytest.fixture
def stack(tmp_path: Path) -> StackPlan:
    names = names_of(SERVICES, jaeger=True)
    return StackPlan(layout=Layout(tmp_path), run_id="1", ports=plan(8400, names), with_jaeger=True)


def test_nothing_around_leads_a_service_to_servers_that_are_not_its_stacks(
    stack: StackPlan, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As `make up KAFKA=apache` hands it down: to a service, KAFKA would be all its settings of that name.
    monkeypatch.setenv("KAFKA", "apache")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "elsewhere:9092")
    monkeypatch.setenv("MONGO_DATABASE_PREFIX", "elsewhere")

    for spec in service_specs(stack):
        found = {name: value for name, value in spec.env.items() if name.startswith(("KAFKA", "MONGO"))}
        assert found == {
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:8401",
            "KAFKA_PROFILE": "embedded",
            "MONGO_URL": "mongodb://127.0.0.1:8402/",
        }


def test_services_send_their_spans_to_jaeger_where_there_is_one(stack: StackPlan) -> None:
    assert {spec.env["OTEL_EXPORTER_OTLP_ENDPOINT"] for spec in service_specs(stack)} == {
        "http://127.0.0.1:8404"
    }
