"""The backbone: consume, commit, publish, dead letters, work items."""

from messaging.service import Activity, Again, LeaseLost, Service, Work
from messaging.settings import KafkaSettings, ServiceSettings

__all__ = [
    "Activity",
    "Again",
    "KafkaSettings",
    "LeaseLost",
    "Service",
    "ServiceSettings",
    "Work",
]
