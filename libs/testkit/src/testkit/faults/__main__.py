"""`python -m testkit.faults --seed 1`: exit code 0 when every promise held, 1 when one did not."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from runtime.apache_kafka import FIX, missing
from runtime.layout import project_root
from testkit.faults.faults import plan_of
from testkit.faults.report import lines, write
from testkit.faults.run import run
from testkit.faults.scale import SCALES


def main() -> int:
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", choices=SCALES, default="short")
    parser.add_argument("--brokers", type=int, default=0, help="of Apache Kafka; 0: the embedded one")
    parser.add_argument("--only", help="a kind of fault: no others are done")
    parser.add_argument("--out", type=Path, help="where the result is written as JSON")
    wish = parser.parse_args()
    # What is mounted and started is put away on SIGTERM as on Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = project_root() / ".run" / f"faults-{wish.seed}"
    if wish.brokers and (lack := missing()):
        parser.error(f"{lack}; fix: {FIX}")
    scale = SCALES[wish.scale]
    planned = plan_of(wish.seed, scale, wish.brokers)
    faults = [fault for fault in planned if wish.only in (None, fault.kind)]
    result = asyncio.run(run(wish.seed, scale, folder, faults=faults, brokers=wish.brokers))
    sys.stdout.write("\n".join(lines(result)) + "\n")
    write(result, wish.out or folder / "result.json")
    return 0 if result.holds else 1


if __name__ == "__main__":
    sys.exit(main())
