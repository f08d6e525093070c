"""Renders docs/reference/metrics.md: every metric the code defines, with its type, labels and meaning."""

from types import ModuleType

from prometheus_client.metrics import MetricWrapperBase

import gateway.metrics
import messaging.metrics

INTRODUCTION = """# Metrics

Every service answers `GET /metrics` in Prometheus' text format, the gateway too. This page is generated from
the code (`make contracts-update`). The [alert rules](../../deploy/prometheus/alerts.yaml) and the
[dashboard](../../deploy/grafana/throughline.json) use these names and no others of ours; a test holds them to
it. What to do about an alert: [runbooks](../runbooks/README.md).

Gauges that are counted in a database, asked of the broker or taken from the checks of `/health/ready` are
looked at every five seconds, beside the handling of messages and without its locks: they move while all else
stands still. One that cannot be looked at keeps its last value, and `throughline_dependency_up` is 0
meanwhile. What is counted in a database is the same in every replica of a service (`max by (service)`); lag
and batches are each replica's own (`sum by (service)`).

Scrape with `honor_labels: true`: `service` is the service that the number is about.
"""
SECTIONS = (("Of every service", messaging.metrics), ("Of the gateway", gateway.metrics))


def render() -> str:
    return INTRODUCTION + "".join(_section(title, module) for title, module in SECTIONS)


def _section(title: str, module: ModuleType) -> str:
    metrics = [value for value in vars(module).values() if isinstance(value, MetricWrapperBase)]
    rows = "".join(_row(metric) for metric in metrics)
    return f"\n## {title}\n\n| metric | type | labels | what it says |\n|---|---|---|---|\n{rows}"


def _row(metric: MetricWrapperBase) -> str:
    name = f"{metric._name}_total" if metric._type == "counter" else metric._name
    labels = ", ".join(f"`{label}`" for label in metric._labelnames) or "-"
    return f"| `{name}` | {metric._type} | {labels} | {metric._documentation} |\n"
