"""Publish one event over HTTP: python over_http.py ENG-7F3K "$(throughline token --role publisher)" [URL]."""

import sys

import httpx
from cloudevents.core.bindings.http import to_binary_event
from cloudevents.core.v1.event import CloudEvent

engagement, token, url = (*sys.argv[1:], "http://127.0.0.1:8400")[:3]
attributes = {"type": "inbound.samples_taken.v1", "source": "/my/collector", "engagement": engagement}
attributes["datacontenttype"] = "application/json"
points = [{"at": "2027-03-01T09:00:00Z", "value": 212.5}]
data = {"series": "erp_response_ms", "component": "erp", "unit": "ms", "points": points}
message = to_binary_event(CloudEvent(attributes, data))
headers = {**message.headers, "Authorization": f"Bearer {token}"}
answer = httpx.post(f"{url}/events", content=message.body, headers=headers)
print(answer.status_code, answer.text)
