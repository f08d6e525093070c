"""The process of an Apache Kafka broker: formats storage that is new, then becomes the server."""

import os
import subprocess
import sys
from pathlib import Path

from runtime.apache_kafka import java_command, stored_cluster


def main() -> None:
    folder, cluster, server = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    settings = str(folder / "server.properties")
    # Written last by the formatter: a start that was killed half-way formats again.
    if not stored_cluster(folder):
        flags = ("--cluster-id", cluster, "--config", settings, "--ignore-formatted")
        subprocess.run(  # noqa: S603 - our own program
            java_command(server, "kafka.tools.StorageTool", "format", *flags), check=True
        )
    program = java_command(server, "kafka.Kafka", settings)
    os.execv(program[0], program)  # noqa: S606 - one process is one thing to stop


if __name__ == "__main__":
    main()
