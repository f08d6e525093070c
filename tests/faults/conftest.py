"""Fault tests run on the embedded servers, or on the broker that --kafka names."""

from testkit.fixtures import apache_cluster, backbone, kafka_address, mongo_url

__all__ = ["apache_cluster", "backbone", "kafka_address", "mongo_url"]
