"""Runs a broker once, to its first answer, so that Java keeps its loaded classes in an archive."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from runtime.apache_kafka import Broker, java_command
from runtime.ports import plan
from runtime.readiness import cluster_id

SECONDS = 60
CLUSTER = "archive"


def main() -> int:
    server = Path(sys.argv[1]).resolve()
    ports = plan(0, ("kafka", "controller"))
    with tempfile.TemporaryDirectory() as scratch:
        broker = Broker(
            folder=Path(scratch), cluster=CLUSTER, port=ports["kafka"], controllers={1: ports["controller"]}
        )
        broker.write_settings()
        flags = ("format", "--cluster-id", CLUSTER, "--config", str(broker.settings_file))
        subprocess.run(  # noqa: S603 - our own program
            java_command(server, "kafka.tools.StorageTool", *flags), check=True, stdout=subprocess.DEVNULL
        )
        java, *rest = java_command(server, "kafka.Kafka", str(broker.settings_file), shared=False)
        with subprocess.Popen(  # noqa: S603
            [java, f"-XX:ArchiveClassesAtExit={server / 'classes.jsa'}", *rest],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            has_answered = asyncio.run(_answer(broker.address))
            process.terminate()
    return int(not has_answered or not (server / "classes.jsa").exists())


async def _answer(address: str) -> bool:
    for _ in range(SECONDS * 10):
        if await cluster_id(address) == CLUSTER:
            return True
        await asyncio.sleep(0.1)
    return False


if __name__ == "__main__":
    sys.exit(main())
