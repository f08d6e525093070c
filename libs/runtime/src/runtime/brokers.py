"""The brokers that a local stack can start."""

from enum import StrEnum


class BrokerKind(StrEnum):
    """The values are those of KAFKA_PROFILE."""

    EMBEDDED = "embedded"
    APACHE = "apache"
