"""Publish one event straight to Kafka: python over_kafka.py ENG-7F3K [127.0.0.1:8401]."""

import sys

from cloudevents.core.bindings.kafka import to_binary_event
from cloudevents.core.v1.event import CloudEvent
from confluent_kafka import Producer

engagement, address = (*sys.argv[1:], "127.0.0.1:8401")[:2]
attributes = {"type": "inbound.samples_taken.v1", "source": "/my/collector", "engagement": engagement}
attributes["datacontenttype"] = "application/json"
points = [{"at": "2027-03-01T09:00:00Z", "value": 212.5}]
data = {"series": "erp_response_ms", "component": "erp", "unit": "ms", "points": points}
message = to_binary_event(CloudEvent({**attributes, "tenant": "demo", "partitionkey": engagement}, data))
producer = Producer({"bootstrap.servers": address})
producer.produce("monitoring.samples", message.value, message.key, headers=list(message.headers.items()))
print("published" if producer.flush(10) == 0 else "not acknowledged")
