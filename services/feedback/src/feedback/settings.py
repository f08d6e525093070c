"""Feedback's settings: the backbone's, and none of its own yet."""

from messaging import ServiceSettings


class Settings(ServiceSettings):
    """Read from KAFKA_*, MONGO_*, OTEL_* and HTTP_*."""
