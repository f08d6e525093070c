"""The process of an Apache Kafka broker: formats storage that is new, then becomes the server."""

import os
import subprocess
import sys
from pathlib import Path

from runtime.apache_kafka import java_command


def main() -> None:
    folder, cluster, server = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    settings = str(folder / "server.properties")
    # Written last by the formatter: a start that was killed half-way formats again.
    if not (folder / "log" / "meta.properties").exists():
        flags = ("--cluster-id", cluster, "--config", settings, "--ignore-formatted")
        subprocess.run(java_command(server, "kafka.tools.StorageTool", "format", *flags), check=True)
    os.execv(*_program(java_command(server, "kafka.Kafka", settings)))


def _program(command: tuple[str, ...]) -> tuple[str, list[str]]:
    return command[0], list(command)


if __name__ == "__main__":
    main()
