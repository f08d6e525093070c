"""Traces, logs, metrics and health, started by one call."""

from telemetry.context import (
    ENGAGEMENT_ATTRIBUTE,
    EngagementAttribute,
    context_from,
    current_engagement,
    current_traceparent,
    engagement_id,
    engagement_scope,
    engagement_span,
)
from telemetry.health import Check, failures, health_app, health_routes
from telemetry.http import serve
from telemetry.logs import configure_logs
from telemetry.settings import HttpSettings, TelemetrySettings
from telemetry.tracing import Telemetry, start_telemetry

__all__ = [
    "ENGAGEMENT_ATTRIBUTE",
    "Check",
    "EngagementAttribute",
    "HttpSettings",
    "Telemetry",
    "TelemetrySettings",
    "configure_logs",
    "context_from",
    "current_engagement",
    "current_traceparent",
    "engagement_id",
    "engagement_scope",
    "engagement_span",
    "failures",
    "health_app",
    "health_routes",
    "serve",
    "start_telemetry",
]
