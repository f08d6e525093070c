"""Traces, logs, metrics and health, started by one call."""

from telemetry.settings import HttpSettings, TelemetrySettings

__all__ = ["HttpSettings", "TelemetrySettings"]
