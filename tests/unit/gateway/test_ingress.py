"""Events from outside: taken when right, pointed at when wrong, and on the broker before a 202."""

import json

import pytest

from schemas.inbound import AlertsNotified

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
DATA = {
    "series": "order-lead-time",
    "component": "erp",
    "unit": "days",
    "points": [{"at": "2026-03-02T12:00:00Z", "value": 11.5}],
}
EVENT = {
    "specversion": "1.0",
    "id": "s-1",
    "source": "/plant/collector",
    "type": "inbound.samples_taken.v1",
    "time": "2026-03-02T12:00:01Z",
    "engagement": "ENG-TEST1",
    "datacontenttype": "application/json",
    "data": DATA,
}


def binary(**changes):
    named = {
        f"ce-{name}": value
        for name, value in {**EVENT, **changes}.items()
        if name not in ("data", "datacontenttype")
    }
    return {name: value for name, value in named.items() if value is not None}


@pytest.fixture
async def post(house, kit):
    await house.broker.events(kit.opened())

    async def send(
        body=EVENT, kind=STRUCTURED, path="/events", roles=("publisher",), tenant="acme", **headers
    ):
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        given = {
            "authorization": f"Bearer {kit.token(*roles, tenant=tenant, actor='collector')}",
            "content-type": kind,
        }
        return await house.client.post(path, content=content, headers={**given, **headers})

    return send


def pointers(response):
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert problem["status"] == response.status_code
    assert {"type", "title", "detail", "instance"} <= problem.keys()
    return [(error["pointer"], error["code"]) for error in problem.get("errors", [])]


async def test_a_structured_event_is_taken_as_it_is(house, post):
    response = await post()

    assert (response.status_code, response.json()) == (202, {"ids": ["s-1"]})
    (sent,) = house.broker.sent
    assert sent.payload.points[0].value == 11.5
    envelope = sent.envelope
    assert (envelope.id, envelope.source, envelope.type) == (
        "s-1",
        "/plant/collector",
        "inbound.samples_taken.v1",
    )
    assert (envelope.engagement, envelope.tenant, envelope.actor) == ("ENG-TEST1", "acme", "collector")
    assert envelope.time.isoformat() == "2026-03-02T12:00:01+00:00"


async def test_a_binary_event_is_taken_as_it_is(house, post):
    response = await post(DATA, "application/json", **binary())

    assert response.status_code == 202
    assert house.broker.sent[0].envelope.id == "s-1"
    assert house.broker.sent[0].payload.series == "order-lead-time"


async def test_attributes_in_headers_are_percent_decoded(house, post):
    response = await post(DATA, "application/json", **binary(id="caf%C3%A9%201"))

    assert response.status_code == 202
    assert house.broker.sent[0].envelope.id == "café 1"


async def test_a_batch_is_taken_in_its_order(house, post):
    response = await post([{**EVENT, "id": f"s-{number}"} for number in range(5)], BATCH)

    assert response.json() == {"ids": [f"s-{number}" for number in range(5)]}
    assert [message.envelope.id for message in house.broker.sent] == response.json()["ids"]


async def test_the_subject_may_name_the_engagement(house, post):
    event = {name: value for name, value in EVENT.items() if name != "engagement"}

    assert (await post({**event, "subject": "ENG-TEST1"})).status_code == 202


async def test_an_empty_batch_takes_nothing(house, post):
    response = await post([], BATCH)

    assert (response.status_code, response.json()) == (202, {"ids": []})


def without(*names):
    return {name: value for name, value in EVENT.items() if name not in names}


def with_data(**changes):
    return {**EVENT, "data": {**DATA, **changes}}


WRONG = {
    "no id": (without("id"), 400, ("/id", "missing")),
    "empty id": ({**EVENT, "id": ""}, 400, ("/id", "string-too-short")),
    "id is a number": ({**EVENT, "id": 3}, 400, ("/id", "string-type")),
    "no source": (without("source"), 400, ("/source", "missing")),
    "source with a blank": ({**EVENT, "source": "a b"}, 400, ("/source", "string-pattern-mismatch")),
    "no type": (without("type"), 400, ("/type", "missing")),
    "no specversion": (without("specversion"), 400, ("/specversion", "missing")),
    "old specversion": ({**EVENT, "specversion": "0.3"}, 400, ("/specversion", "string-pattern-mismatch")),
    "bad time": ({**EVENT, "time": "yesterday"}, 400, ("/time", "datetime-from-date-parsing")),
    "time without zone": ({**EVENT, "time": "2026-03-02T12:00:00"}, 400, ("/time", "timezone-aware")),
    "nested attribute": ({**EVENT, "extra": {"a": 1}}, 400, ("/extra", "invalid")),
    "list attribute": ({**EVENT, "extra": [1]}, 400, ("/extra", "invalid")),
    "attribute in capitals": ({**EVENT, "myExtra": "x"}, 400, ("/myExtra", "invalid")),
    "attribute with a dash": ({**EVENT, "my-extra": "x"}, 400, ("/my-extra", "invalid")),
    "attribute name too long": ({**EVENT, "a" * 21: "x"}, 400, ("/" + "a" * 21, "invalid")),
    "no engagement": (without("engagement"), 400, ("/engagement", "invalid")),
    "bad engagement": ({**EVENT, "engagement": "ENG-1"}, 400, ("/engagement", "invalid")),
    "operator as engagement": ({**EVENT, "engagement": '{"$ne": 1}'}, 400, ("/engagement", "invalid")),
    "unknown engagement": ({**EVENT, "engagement": "ENG-NONE9"}, 404, ("/engagement", "unknown")),
    "no data": (without("data"), 400, ("/data", "missing")),
    "binary data": ({**without("data"), "data_base64": "eA=="}, 422, ("/data_base64", "unsupported")),
    "data of another kind": (
        {**EVENT, "datacontenttype": "text/xml"},
        422,
        ("/datacontenttype", "unsupported"),
    ),
    "unknown type": ({**EVENT, "type": "inbound.nothing.v1"}, 422, ("/type", "unknown-type")),
    "type without version": ({**EVENT, "type": "inbound.samples_taken"}, 422, ("/type", "unknown-type")),
    "unknown version": ({**EVENT, "type": "inbound.samples_taken.v9"}, 422, ("/type", "unknown-type")),
    "a service's own event": ({**EVENT, "type": "intake.plan_agreed.v1"}, 422, ("/type", "not-inbound")),
    "a command": ({**EVENT, "type": "intake.agree_plan.v1"}, 422, ("/type", "not-inbound")),
    "field missing": (
        {**EVENT, "data": {k: v for k, v in DATA.items() if k != "unit"}},
        422,
        ("/data/unit", "missing"),
    ),
    "field unknown": (with_data(colour="red"), 422, ("/data/colour", "extra-forbidden")),
    "field deep inside": (
        with_data(points=[{"at": "now", "value": 1}]),
        422,
        ("/data/points/0/at", "datetime-from-date-parsing"),
    ),
    "not a number": (
        with_data(points=[{"at": "2026-03-02T12:00:00Z", "value": "NaN"}]),
        422,
        ("/data/points/0/value", "finite-number"),
    ),
    "no points": (with_data(points=[]), 422, ("/data/points", "too-short")),
    "data is null": ({**EVENT, "data": None}, 422, ("/data", "model-type")),
    "not an object": ([EVENT], 400, ("", "malformed")),
    "not JSON": (b"{", 400, ("", "malformed")),
    "not UTF-8": (b'{"id": "\xff"}', 400, ("", "malformed")),
    "nested too deeply": (b"[" * 100_000, 400, ("", "malformed")),
    "foreign tenant": ({**EVENT, "tenant": "other"}, 403, ("/tenant", "not-yours")),
}


@pytest.mark.parametrize(("body", "status", "fault"), WRONG.values(), ids=WRONG.keys())
async def test_a_wrong_event_is_pointed_at_and_not_taken(house, post, body, status, fault):
    response = await post(body)

    assert response.status_code == status
    assert fault in pointers(response)
    assert house.broker.sent == []


async def test_one_bad_event_refuses_its_batch_and_names_each_fault(house, post):
    batch = [EVENT, without("id"), with_data(unit=3), EVENT]

    response = await post(batch, BATCH)

    assert response.status_code == 400
    assert pointers(response) == [("/1/id", "missing"), ("/2/data/unit", "string-type")]
    assert house.broker.sent == []


async def test_values_are_not_repeated_in_a_problem(post):
    response = await post({**EVENT, "id": 3, "time": "hunter2"})

    assert "hunter2" not in response.text


KINDS = [
    "text/plain",
    "application/xml",
    "application/cloudevents+xml",
    "application/cloudevents",
    "application/cloudevents+json; charset=latin1",
    "",
]


@pytest.mark.parametrize("kind", KINDS)
async def test_other_media_types_are_not_taken(post, kind):
    assert (await post(kind=kind)).status_code == 415


async def test_a_charset_and_capitals_in_the_media_type_are_fine(post):
    assert (await post(kind="Application/CloudEvents+JSON; Charset=UTF-8")).status_code == 202


async def test_json_without_attributes_is_no_event(post):
    assert (await post(DATA, "application/json")).status_code == 400


async def test_binary_mode_says_its_content_type_in_content_type_alone(post):
    response = await post(DATA, "application/json", **binary(), **{"ce-datacontenttype": "application/json"})

    assert pointers(response) == [("header:ce-datacontenttype", "invalid")]


async def test_a_header_that_is_no_utf8_is_pointed_at(post):
    response = await post(DATA, "application/json", **binary(source="%ff"))

    assert pointers(response) == [("header:ce-source", "invalid")]


async def test_a_body_over_the_limit_is_too_large(post):
    assert (await post({**EVENT, "padding": "x" * 1_000_001})).status_code == 413


async def test_a_batch_of_too_many_is_too_large(post):
    assert (await post([EVENT] * 101, BATCH)).status_code == 413


async def test_a_compressed_body_is_not_taken(post):
    assert (await post(**{"content-encoding": "gzip"})).status_code == 415


async def test_without_a_token_nothing_is_taken(house, post):
    response = await post(authorization="")

    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert house.broker.sent == []


@pytest.mark.parametrize("role", ["viewer", "client", "consultant", "operator"])
async def test_only_publishers_may_publish(house, post, role):
    assert (await post(roles=[role])).status_code == 403
    assert house.broker.sent == []


async def test_anothers_engagement_looks_exactly_like_none(post):
    foreign = await post(tenant="other")
    missing = await post({**EVENT, "engagement": "ENG-NONE9"}, tenant="other")

    bodies = [{**answer.json(), "traceId": None} for answer in (foreign, missing)]
    assert (foreign.status_code, bodies[0]) == (404, bodies[1])


async def test_nothing_is_promised_while_the_broker_is_away(house, post):
    house.broker.down = True

    response = await post()

    assert response.status_code == 503
    assert response.headers["retry-after"] == "2"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_other_methods_and_paths_are_problems_too(house, method):
    refused = await house.client.request(method, "/events")
    nowhere = await house.client.get("/nothing/here")

    assert (refused.status_code, refused.headers["content-type"]) == (405, "application/problem+json")
    assert (nowhere.status_code, nowhere.headers["content-type"]) == (404, "application/problem+json")


def alert(**changes):
    labels = {"alertname": "SlowOrders", "severity": "critical", "component": "erp"}
    return {
        "status": "firing",
        "labels": labels,
        "annotations": {"summary": "Orders take too long"},
        "startsAt": "2026-03-02T12:00:00.123456789Z",
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus/graph",
        "fingerprint": "a1b2c3d4e5f60718",
        **changes,
    }


def notification(*alerts, **changes):
    return {
        "version": "4",
        "groupKey": '{}:{alertname="SlowOrders"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "throughline",
        "groupLabels": {"alertname": "SlowOrders"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager",
        "alerts": list(alerts),
        **changes,
    }


HOOK = "/webhooks/alertmanager?engagement=ENG-TEST1"
JSON = "application/json"


async def test_alertmanagers_webhook_is_taken_as_it_is(house, post):
    response = await post(
        notification(alert(), alert(status="resolved", endsAt="2026-03-02T13:00:00Z")), JSON, HOOK
    )

    assert response.status_code == 202
    (sent,) = house.broker.sent
    assert isinstance(sent.payload, AlertsNotified)
    one, two = sent.payload.alerts
    assert (one.name, one.firing, one.ends_at, one.severity.value) == ("SlowOrders", True, None, "critical")
    assert one.summary == "Orders take too long"
    assert (two.firing, two.ends_at.isoformat()) == (False, "2026-03-02T13:00:00+00:00")


async def test_a_repeated_notification_has_the_same_id_and_another_has_not(house, post):
    for body in (notification(alert()), notification(alert()), notification(alert(fingerprint="ff"))):
        await post(body, JSON, HOOK)

    one, again, other = (message.envelope.id for message in house.broker.sent)
    assert one == again != other


async def test_labels_may_name_the_engagement_of_each_alert(house, kit, post):
    await house.broker.events(kit.opened(), engagement="ENG-TEST2")
    labels = alert()["labels"]
    alerts = [alert(labels={**labels, "engagement": f"ENG-TEST{number}"}) for number in (1, 2, 1)]

    await post(notification(*alerts), JSON, "/webhooks/alertmanager")

    found = {message.envelope.engagement: len(message.payload.alerts) for message in house.broker.sent}
    assert found == {"ENG-TEST1": 2, "ENG-TEST2": 1}


ALERTS = {
    "no component": (alert(labels={"alertname": "A", "severity": "info"}), "/alerts/0/labels/component"),
    "no severity": (alert(labels={"alertname": "A", "component": "erp"}), "/alerts/0/labels/severity"),
    "unknown severity": (
        alert(labels={"alertname": "A", "component": "erp", "severity": "page"}),
        "/alerts/0/labels/severity",
    ),
    "no name": (alert(labels={"component": "erp", "severity": "info"}), "/alerts/0/labels/alertname"),
    "bad component": (alert(labels={**alert()["labels"], "component": "a b"}), "/alerts/0/component"),
}


@pytest.mark.parametrize(("wrong", "pointer"), ALERTS.values(), ids=ALERTS.keys())
async def test_an_alert_without_what_we_need_names_the_label(house, post, wrong, pointer):
    response = await post(notification(wrong, alert()), JSON, HOOK)

    assert response.status_code == 422
    assert pointer in [at for at, _ in pointers(response)]
    assert house.broker.sent == []


async def test_an_alert_of_no_engagement_names_the_label(post):
    response = await post(notification(alert()), JSON, "/webhooks/alertmanager")

    assert pointers(response) == [("/alerts/0/labels/engagement", "missing")]


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b"{}", json.dumps(notification(alert(), version="3")).encode()]
)
async def test_what_is_no_notification_is_malformed(post, body):
    assert (await post(body, JSON, HOOK)).status_code == 400


async def test_a_notification_of_nothing_is_refused(post):
    assert (await post(notification(), JSON, HOOK)).status_code == 422


async def test_a_webhook_for_an_unknown_engagement_is_not_found(post):
    assert (await post(notification(alert()), JSON, HOOK.replace("TEST1", "NONE9"))).status_code == 404
