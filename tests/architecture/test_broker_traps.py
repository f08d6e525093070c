"""FastStream's traps are used nowhere: defaults and options of it that lose, repeat or slow down messages.

Measured reasons are in docs/explanation/ordering-and-delivery.md; each finding says what to write instead.
"""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

Finding = tuple[int, str]

ACK_INSTEAD = "AckPolicy.{} acknowledges or rewinds on its own and loses or loops: use AckPolicy.MANUAL"
BATCH_INSTEAD = (
    "publish_batch sends every key to one partition without its headers: use messaging.Producer.publish"
)
WORKERS_INSTEAD = "max_workers loses order and commits nothing at shutdown: use batch=True and one subscriber"
POLICY_INSTEAD = (
    "a subscriber without ack_policy acknowledges before it handles: pass ack_policy=AckPolicy.MANUAL"
)
RESET_INSTEAD = 'a new group would begin at the end: pass auto_offset_reset="earliest"'
GRACE_INSTEAD = "graceful_timeout=None or 0 cancels the batch in hand at shutdown: give it seconds"
TYPES_INSTEAD = "a broker that applies types hops threads per message: pass apply_types=False"
INJECTED_INSTEAD = (
    'injected parameters cost a thread hop per message: use broker.context.get_local("message")'
)
TELEMETRY_INSTEAD = (
    "KafkaTelemetryMiddleware makes a new trace per batch: messaging.tracing keeps a flow together"
)
ADMIN_INSTEAD = (
    "make_ping_asgi stays green while the consumer is stuck: use telemetry.health_routes with Consumer.check"
)
SECURITY_INSTEAD = (
    "a client with an address of its own speaks plain text where the others speak TLS: "
    "pass **client_arguments(settings), or security=broker_security(settings) to KafkaBroker"
)

CLIENTS = {"AIOKafkaConsumer", "AIOKafkaProducer", "AIOKafkaAdminClient"}
INJECTED = {"Context", "Depends", "Logger", "ContextRepo", "NoCast"}


def findings(source: str) -> list[Finding]:
    """Line and message of every trap in a module's source, in order of lines."""
    tree = ast.parse(source)
    return sorted({finding for node in ast.walk(tree) for check in CHECKS for finding in check(node)})


def acknowledging(node: ast.AST) -> Iterator[Finding]:
    if isinstance(node, ast.Attribute) and name_of(node.value) == "AckPolicy" and node.attr != "MANUAL":
        yield node.lineno, ACK_INSTEAD.format(node.attr)


def calling(node: ast.AST) -> Iterator[Finding]:
    if not isinstance(node, ast.Call):
        return
    called, given = name_of(node.func), {word.arg: word.value for word in node.keywords}
    if called == "publish_batch":
        yield node.lineno, BATCH_INSTEAD
    if called == "make_ping_asgi":
        yield node.lineno, ADMIN_INSTEAD
    if "graceful_timeout" in given and constant(given["graceful_timeout"]) in (None, 0):
        yield node.lineno, GRACE_INSTEAD
    if called == "KafkaBroker" and constant(given.get("apply_types")) is not False:
        yield node.lineno, TYPES_INSTEAD
    if called == "KafkaBroker" and "security" not in given:
        yield node.lineno, SECURITY_INSTEAD
    if called in CLIENTS and not secured(given.get(None)):
        yield node.lineno, SECURITY_INSTEAD
    # Our own hub of change notices has subscribers too; only a topic subscription has these options.
    if (
        called == "subscriber"
        and isinstance(node.func, ast.Attribute)
        and "broker" in ast.unparse(node.func.value)
    ):
        yield from subscribing(node, given)


def subscribing(node: ast.Call, given: dict[str | None, ast.expr]) -> Iterator[Finding]:
    if "max_workers" in given:
        yield node.lineno, WORKERS_INSTEAD
    if "ack_policy" not in given:
        yield node.lineno, POLICY_INSTEAD
    if constant(given.get("auto_offset_reset")) != "earliest":
        yield node.lineno, RESET_INSTEAD


def secured(unpacked: ast.expr | None) -> bool:
    return isinstance(unpacked, ast.Call) and name_of(unpacked.func) == "client_arguments"


def importing(node: ast.AST) -> Iterator[Finding]:
    if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("faststream"):
        return
    for alias in node.names:
        if alias.name in INJECTED or node.module == "faststream.kafka.annotations":
            yield node.lineno, INJECTED_INSTEAD
        if alias.name == "KafkaTelemetryMiddleware":
            yield node.lineno, TELEMETRY_INSTEAD


CHECKS: tuple[Callable[[ast.AST], Iterator[Finding]], ...] = (acknowledging, calling, importing)


def name_of(node: ast.AST) -> str:
    match node:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def constant(node: ast.expr | None) -> object:
    """The value of a literal; something that equals nothing for any other expression."""
    return node.value if isinstance(node, ast.Constant) else object()


def test_no_trap_is_used(root: Path) -> None:
    sources = [*root.glob("libs/*/src/**/*.py"), *root.glob("services/*/src/**/*.py")]
    found = [
        f"{p.relative_to(root)}:{line}: {text}" for p in sources for line, text in findings(p.read_text())
    ]

    assert sources
    assert found == []


SAFE = 'broker.subscriber("a", ack_policy=AckPolicy.MANUAL, auto_offset_reset="earliest"{})'


@pytest.mark.parametrize(
    ("planted", "message"),
    [
        ("await broker.publish_batch(m, topic='a')", BATCH_INSTEAD),
        ("policy = AckPolicy.NACK_ON_ERROR", ACK_INSTEAD.format("NACK_ON_ERROR")),
        ("policy = faststream.AckPolicy.ACK_FIRST", ACK_INSTEAD.format("ACK_FIRST")),
        (SAFE.format(", max_workers=4"), WORKERS_INSTEAD),
        ('self.broker.subscriber("a", auto_offset_reset="earliest")', POLICY_INSTEAD),
        ('broker.subscriber("a", ack_policy=AckPolicy.MANUAL)', RESET_INSTEAD),
        ("KafkaBroker(apply_types=False, security=s, graceful_timeout=None)", GRACE_INSTEAD),
        ("KafkaBroker(apply_types=False, security=s, graceful_timeout=0)", GRACE_INSTEAD),
        ("KafkaBroker(security=s)", TYPES_INSTEAD),
        ("KafkaBroker(apply_types=False)", SECURITY_INSTEAD),
        ("AIOKafkaConsumer(bootstrap_servers=address)", SECURITY_INSTEAD),
        ("AIOKafkaProducer(**arguments)", SECURITY_INSTEAD),
        ("from faststream import Context", INJECTED_INSTEAD),
        ("from faststream.kafka.annotations import KafkaMessage", INJECTED_INSTEAD),
        ("from faststream.kafka.opentelemetry import KafkaTelemetryMiddleware", TELEMETRY_INSTEAD),
        ("make_ping_asgi(broker, timeout=5.0)", ADMIN_INSTEAD),
    ],
)
def test_a_planted_trap_is_found_and_told_what_to_use_instead(planted: str, message: str) -> None:
    assert findings(planted) == [(1, message)]


@pytest.mark.parametrize(
    "allowed",
    [
        SAFE.format(", batch=True"),
        "KafkaBroker(apply_types=False, security=broker_security(settings), graceful_timeout=20.0)",
        "AIOKafkaAdminClient(**client_arguments(settings))",
        "ThreadPoolExecutor(max_workers=4)",
        "from schemas.rules import Context",
        "hub.subscriber(engagement)",
    ],
)
def test_what_is_safe_is_left_alone(allowed: str) -> None:
    assert findings(allowed) == []
