"""Fault tests run on the embedded servers."""

from testkit.fixtures import backbone, kafka_address, mongo_url

__all__ = ["backbone", "kafka_address", "mongo_url"]
