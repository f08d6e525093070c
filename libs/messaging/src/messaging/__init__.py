"""The backbone: consume, commit, publish, dead letters, work items."""

from messaging.app import ServiceApp, background, database_check, run, until_prepared
from messaging.consumer import Consumer
from messaging.dead_letters import DeadLetters
from messaging.envelope import Envelope, Message, Unreadable, command_message, inbound_message
from messaging.producer import NotPublished, Producer, TooLarge
from messaging.service import Activity, Again, LeaseLost, Service, Work
from messaging.settings import KafkaProfile, KafkaSettings, ServiceSettings
from messaging.stream import Received, Record

__all__ = [
    "Activity",
    "Again",
    "Consumer",
    "DeadLetters",
    "Envelope",
    "KafkaProfile",
    "KafkaSettings",
    "LeaseLost",
    "Message",
    "NotPublished",
    "Producer",
    "Received",
    "Record",
    "Service",
    "ServiceApp",
    "ServiceSettings",
    "TooLarge",
    "Unreadable",
    "Work",
    "background",
    "command_message",
    "database_check",
    "inbound_message",
    "run",
    "until_prepared",
]
