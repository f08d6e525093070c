"""A process that outlives the supervisor by seconds: when its pipe closes, the run is swept away."""

import signal
import sys
from pathlib import Path

from runtime.sweep import sweep

GRACE_SECONDS = 3.0


def main() -> None:
    run_id, data = sys.argv[1], Path(sys.argv[2])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    # Nothing is ever written: the read ends when the supervisor does, however it ends.
    sys.stdin.read()
    sweep(run_id, data, grace_seconds=GRACE_SECONDS)


if __name__ == "__main__":
    main()
