"""Apache Kafka as child processes of a test run: one broker, or three of which one may die."""

import asyncio
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

from runtime.apache_kafka import FIX, Broker, missing
from runtime.readiness import cluster_id
from testkit.servers import child, free_port

START_SECONDS = 90


class Cluster:
    """Brokers by number, from 1; the storage of each outlives its process."""

    def __init__(self, brokers: list[Broker]) -> None:
        self._brokers = {broker.number: broker for broker in brokers}
        self._running: dict[int, tuple[ExitStack, subprocess.Popen[bytes]]] = {}

    @property
    def addresses(self) -> str:
        """All of them, for bootstrap.servers."""
        return ",".join(broker.address for broker in self._brokers.values())

    @property
    def numbers(self) -> list[int]:
        return list(self._brokers)

    def start(self, number: int) -> None:
        """Start a broker on the storage and the ports it had; does not wait."""
        broker, context = self._brokers[number], ExitStack()
        broker.write_settings()
        log = broker.folder / "out.log"
        self._running[number] = (context, context.enter_context(child(broker.command(), log=log)))

    def wait(self, number: int, seconds: float = START_SECONDS) -> None:
        """Until it answers as one of this cluster. Raises RuntimeError with the end of its log."""
        broker, deadline = self._brokers[number], time.monotonic() + seconds
        while asyncio.run(cluster_id(broker.address)) != broker.cluster:
            if self._running[number][1].poll() is not None or time.monotonic() > deadline:
                last = (broker.folder / "out.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"broker {number} did not come up:\n{last}")
            time.sleep(0.05)

    def signal(self, number: int, what: signal.Signals) -> None:
        """SIGSTOP and SIGCONT pause it and let it go on; the storage stays."""
        os.kill(self._running[number][1].pid, what)

    def kill(self, number: int) -> None:
        """kill -9: no goodbye to the controllers, no flush."""
        context, process = self._running.pop(number)
        process.kill()
        process.wait()
        context.close()

    def restart(self, number: int) -> None:
        """Kill -9 if it lives, start again, wait."""
        if number in self._running:
            self.kill(number)
        self.start(number)
        self.wait(number)

    def revive(self) -> None:
        """Start those that are down; wait until every one answers."""
        down = [number for number in self._brokers if number not in self._running]
        for number in down:
            self.start(number)
        for number in down:
            self.wait(number)

    def segments(self, topic: str) -> list[Path]:
        """The log files of a topic that hold something, on every broker."""
        found = [path for broker in self._brokers.values() for path in broker.data.glob(f"{topic}-*/*.log")]
        return [path for path in found if path.stat().st_size]

    def close(self) -> None:
        for number in list(self._running):
            self.kill(number)


@contextmanager
def apache_kafka(count: int = 1, folder: Path | None = None) -> Iterator[Cluster]:
    """`count` brokers, all answering. Raises RuntimeError where Java or the server is missing."""
    if lack := missing():
        raise RuntimeError(f"{lack}; fix: {FIX}")
    with tempfile.TemporaryDirectory() as scratch:
        controllers = {number: free_port() for number in range(1, count + 1)}
        one = Broker(folder=folder or Path(scratch), cluster="test-apache", port=0, controllers=controllers)
        cluster = Cluster(
            [replace(one, folder=one.folder / str(n), port=free_port(), number=n) for n in controllers]
        )
        try:
            for number in cluster.numbers:
                cluster.start(number)
            for number in cluster.numbers:
                cluster.wait(number)
            yield cluster
        finally:
            cluster.close()
