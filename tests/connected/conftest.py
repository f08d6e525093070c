"""What only Apache Kafka can show; on the embedded broker these tests are skipped aloud."""

from testkit.fixtures import apache_cluster, backbone, kafka_address, mongo_url

__all__ = ["apache_cluster", "backbone", "kafka_address", "mongo_url"]
