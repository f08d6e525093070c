"""OTLP in both encodings: a request's bytes to spans, spans to OTLP JSON.

JSON carries ids as hex, where protobuf's own JSON mapping would read base64 (OTLP specification 1.x).
"""

import base64
import binascii
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

import orjson
from google.protobuf import json_format  # type: ignore[import-untyped]
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as ProtoSpan

from runtime.traces.model import Link, Source, Span, SpanEvent

BODY_LIMIT = 64 * 1024 * 1024
UNKNOWN_SERVICE = "unknown_service"
_ID_FIELDS = ("traceId", "spanId", "parentSpanId")


class Unreadable(ValueError):
    """The body is not an OTLP trace request."""


def unzip(body: bytes) -> bytes:
    """Undo gzip. Raises Unreadable for what is not gzip or would unpack to more than BODY_LIMIT bytes."""
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = reader.decompress(body, BODY_LIMIT)
    except zlib.error as error:
        raise Unreadable(f"the body is not gzip: {error}") from error
    if reader.unconsumed_tail or not reader.eof:
        raise Unreadable(f"the gzip body is cut off or unpacks to more than {BODY_LIMIT} bytes")
    return plain


def from_protobuf(body: bytes) -> list[Span]:
    """Raises Unreadable."""
    try:
        return list(_spans(ExportTraceServiceRequest.FromString(body)))
    except DecodeError as error:
        raise Unreadable(f"the body is no ExportTraceServiceRequest: {error}") from error


def from_json(body: bytes) -> list[Span]:
    """Raises Unreadable."""
    try:
        return from_document(orjson.loads(body))
    except orjson.JSONDecodeError as error:
        raise Unreadable(f"the body is no OTLP JSON trace request: {error}") from error


def from_document(document: Any) -> list[Span]:
    """Of `{"resourceSpans": [...]}`, which is used up. Raises Unreadable."""
    try:
        for span in _json_spans(document):
            for item in (span, *span.get("links", ())):
                _ids_to_base64(item)
        request = json_format.ParseDict(document, ExportTraceServiceRequest(), ignore_unknown_fields=True)
        return list(_spans(request))
    except (json_format.ParseError, binascii.Error, TypeError, AttributeError) as error:
        raise Unreadable(f"the body is no OTLP JSON trace request: {error}") from error


def to_json(spans: Iterable[Span]) -> dict[str, Any]:
    """`{"resourceSpans": [...]}`, spans of one source together, in order of start within it."""
    by_source: dict[int, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start):
        by_source[id(span.source)].append(span)
    return {"resourceSpans": [_resource_spans(group) for group in by_source.values()]}


def _resource_spans(spans: list[Span]) -> dict[str, Any]:
    source = spans[0].source
    return {"resource": {"attributes": _key_values(source.resource)}, "scopeSpans": [_scope(source, spans)]}


def _scope(source: Source, spans: list[Span]) -> dict[str, Any]:
    scope = {"name": source.scope_name, "version": source.scope_version}
    return {"scope": {k: v for k, v in scope.items() if v}, "spans": [_span_json(span) for span in spans]}


def _span_json(span: Span) -> dict[str, Any]:
    document: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start),
        "endTimeUnixNano": str(span.end),
        "attributes": _key_values(span.attributes),
        "events": [
            {"timeUnixNano": str(e.time), "name": e.name, "attributes": _key_values(e.attributes)}
            for e in span.events
        ],
        "links": [
            {"traceId": x.trace_id, "spanId": x.span_id, "attributes": _key_values(x.attributes)}
            for x in span.links
        ],
    }
    status = {"code": span.status, "message": span.status_message}
    return {k: v for k, v in document.items() if v} | {"status": {k: v for k, v in status.items() if v}}


def _spans(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for resource_spans in request.resource_spans:
        resource = resource_spans.resource.SerializeToString()
        for scope_spans in resource_spans.scope_spans:
            source = _source(resource, scope_spans.scope.name, scope_spans.scope.version)
            for span in scope_spans.spans:
                yield _span(span, source)


@lru_cache(maxsize=1024)
def _source(resource: bytes, scope_name: str, scope_version: str) -> Source:
    """One object per process and scope, however many requests it sends."""
    attributes = _attributes(Resource.FromString(resource).attributes)
    service = str(attributes.get("service.name") or UNKNOWN_SERVICE)
    return Source(service, attributes, scope_name, scope_version)


def _span(span: ProtoSpan, source: Source) -> Span:
    if len(span.trace_id) != 16 or len(span.span_id) != 8:
        raise Unreadable("a span needs a trace id of 16 bytes and a span id of 8")
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        name=span.name,
        kind=span.kind,
        start=span.start_time_unix_nano,
        end=max(span.end_time_unix_nano, span.start_time_unix_nano),
        source=source,
        attributes=_attributes(span.attributes),
        events=tuple(SpanEvent(e.time_unix_nano, e.name, _attributes(e.attributes)) for e in span.events),
        links=tuple(Link(x.trace_id.hex(), x.span_id.hex(), _attributes(x.attributes)) for x in span.links),
        status=span.status.code,
        status_message=span.status.message,
        trace_state=span.trace_state,
        flags=span.flags,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, Any]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_value(item) for item in value.array_value.values]
        case "kvlist_value":
            return _attributes(value.kvlist_value.values)
        case kind:
            return getattr(value, kind)


def _key_values(attributes: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _any_value(value)} for key, value in attributes.items()]


def _any_value(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case str():
            return {"stringValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case bytes():
            return {"bytesValue": base64.b64encode(value).decode()}
        case list():
            return {"arrayValue": {"values": [_any_value(item) for item in value]}}
        case dict():
            return {"kvlistValue": {"values": _key_values(value)}}
        case _:
            return {}


def _json_spans(document: Any) -> Iterator[dict[str, Any]]:
    for resource_spans in document.get("resourceSpans", ()):
        for scope_spans in resource_spans.get("scopeSpans", ()):
            yield from scope_spans.get("spans", ())


def _ids_to_base64(item: dict[str, Any]) -> None:
    for field in _ID_FIELDS:
        if field in item:
            item[field] = base64.b64encode(binascii.unhexlify(item[field])).decode()
