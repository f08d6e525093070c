"""Component tests run on the embedded servers, or on those that --kafka and --mongo name."""

from testkit.fixtures import (
    apache_cluster,
    backbone,
    kafka_address,
    mongo_url,
    only_listed_is_sent,
    unlisted,
)

__all__ = ["apache_cluster", "backbone", "kafka_address", "mongo_url", "only_listed_is_sent", "unlisted"]
