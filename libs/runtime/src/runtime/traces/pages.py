"""The pages: the newest traces as a list, one trace as a waterfall. Nothing is loaded from anywhere."""

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any, Protocol
from urllib.parse import quote

import orjson
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from runtime.trace_summary import Found, Search, Summary, latest
from runtime.traces.model import Span
from runtime.traces.query import normal_id
from runtime.traces.store import Trace

LIST_LIMIT = 200
ENGAGEMENT_QUERY = "query Engagement($id: ID!) { engagement(id: $id) { id title } }"


class Traces(Protocol):
    """Where the pages find traces: the embedded store, or a Jaeger."""

    async def search(self, query: Search) -> Found: ...
    async def get(self, trace_id: str) -> Trace | None: ...


def page_routes(traces: Traces, gateway_url: str) -> list[Route]:
    async def home(_: Request) -> Response:
        return RedirectResponse("/traces")

    async def listing(request: Request) -> Response:
        engagement, lone = (request.query_params.get(name, "") for name in ("engagement", "lone"))
        found = await traces.search(latest(engagement=engagement, depth=LIST_LIMIT, lone=bool(lone)))
        values = {
            "ROWS": "".join(_row(one) for one in found.summaries),
            "COUNT": f"{'more than ' if found.cut else ''}{found.total}",
            "LONE": f"{found.lone} of a single span not shown" if found.lone else "",
            "ENGAGEMENT": escape(engagement),
        }
        return _html("list.html", values)

    async def waterfall(request: Request) -> Response:
        trace_id = normal_id(request.path_params["trace_id"])
        trace = await traces.get(trace_id) if trace_id else None
        if trace is None:
            return _html("missing.html", {"ID": escape(request.path_params["trace_id"])}, status=404)
        return _html("waterfall.html", {"TITLE": escape(_title(trace)), "DATA": _data(trace, gateway_url)})

    return [
        Route("/", home),
        Route("/traces", listing),
        Route("/traces/{trace_id}", waterfall),
    ]


@cache
def _template(name: str) -> str:
    return (files("runtime.traces") / "pages" / name).read_text(encoding="utf-8")


def _html(name: str, values: dict[str, str], status: int = 200) -> Response:
    """Attributes come from anywhere, so scripts run by nonce alone and nothing may be fetched."""
    nonce = secrets.token_urlsafe(16)
    values = {"STYLE": _template("style.css"), "SCRIPT": _template("waterfall.js"), "NONCE": nonce, **values}
    page = re.sub(r"@@([A-Z]+)@@", lambda mark: values[mark[1]], _template(name))
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-{nonce}'; base-uri 'none'"
    headers = {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    return HTMLResponse(page, status, headers=headers)


def _title(trace: Trace) -> str:
    return f"{trace.root.service}: {trace.root.name}"


def _row(trace: Summary) -> str:
    started = datetime.fromtimestamp(trace.start / 1e9, UTC)
    services = " ".join(f"<span class=chip>{escape(name)}</span>" for name in trace.services)
    engagements = " ".join(
        f'<a href="/traces?engagement={quote(e)}">{escape(e)}</a>' for e in sorted(trace.engagements)
    )
    errors = f"<b class=bad>{trace.errors} failed</b>" if trace.errors else "0"
    title = escape(f"{trace.service}: {trace.operation}")
    return (
        f"<tr><td><time>{started:%Y-%m-%d %H:%M:%S}</time></td>"
        f'<td><a href="/traces/{trace.id}">{title}</a><br><code>{trace.id}</code></td>'
        f"<td class=name>{engagements}</td><td>{services}</td>"
        f"<td class=n>{trace.spans}</td><td class=n>{errors}</td>"
        f"<td class=n>{_duration(trace.end - trace.start)}</td></tr>"
    )


def _duration(nanoseconds: int) -> str:
    if nanoseconds < 10**6:
        return f"{nanoseconds / 1e3:.0f} µs"
    if nanoseconds < 10**9:
        return f"{nanoseconds / 1e6:.1f} ms"
    if nanoseconds < 60 * 10**9:
        return f"{nanoseconds / 1e9:.2f} s"
    return f"{nanoseconds / 60e9:.1f} min"


def _data(trace: Trace, gateway_url: str) -> str:
    """What the waterfall draws, as JSON that may stand inside a script element."""
    sources: dict[int, int] = {}
    resources: list[dict[str, Any]] = []
    for span in trace.spans.values():
        if id(span.source) not in sources:
            sources[id(span.source)] = len(resources)
            resources.append(_readable({**span.source.resource, "otel.scope.name": span.source.scope_name}))
    document = {
        "id": trace.id,
        "title": _title(trace),
        "start": trace.start / 1e6,
        "duration": (trace.end - trace.start) / 1e3,
        "engagements": [{"id": e, "query": _query_url(gateway_url, e)} for e in sorted(trace.engagements)],
        "resources": resources,
        "spans": _spans(trace, sources),
    }
    return orjson.dumps(document).decode().replace("<", "\\u003c")


def _spans(trace: Trace, sources: dict[int, int]) -> list[dict[str, Any]]:
    return [
        {
            "id": span.span_id,
            "parent": span.parent_id,
            "name": span.name,
            "kind": span.kind_name,
            "service": span.service,
            "source": sources[id(span.source)],
            "start": (span.start - trace.start) / 1e3,
            "duration": (span.end - span.start) / 1e3,
            "failed": span.failed,
            "message": span.status_message,
            "attributes": _readable(span.attributes),
            "events": [
                {"name": e.name, "at": (e.time - trace.start) / 1e3, "attributes": _readable(e.attributes)}
                for e in span.events
            ],
            "links": [
                {"trace": x.trace_id, "span": x.span_id, "attributes": _readable(x.attributes)}
                for x in span.links
            ],
        }
        for span in _by_start(trace.spans.values())
    ]


def _by_start(spans: Iterable[Span]) -> list[Span]:
    return sorted(spans, key=lambda span: (span.start, -span.end))


def _readable(attributes: Any) -> dict[str, str]:
    return {
        key: value if isinstance(value, str) else _text(value)
        for key, value in attributes.items()
        if value != ""
    }


def _text(value: Any) -> str:
    return orjson.dumps(value, default=repr, option=orjson.OPT_PASSTHROUGH_SUBCLASS).decode()


def _query_url(gateway_url: str, engagement: str) -> str:
    if not gateway_url:
        return ""
    variables = orjson.dumps({"id": engagement}).decode()
    return f"{gateway_url.rstrip('/')}/graphql?query={quote(ENGAGEMENT_QUERY)}&variables={quote(variables)}"
