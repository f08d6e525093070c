"""One side of a rebuild in a process of its own.

`rebuild_worker.py read|rebuild`: reads and parses every entry of the log, or rebuilds every view from it.
Prints the seconds, this process's CPU seconds, the entries, and its memory (MB) at each settled step.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from resource import RUSAGE_SELF, getpagesize, getrusage

from gateway.rebuild import Rebuild
from gateway.rebuild.walking import parts
from gateway.store import MongoStore
from persistence import MongoSettings, connect

MEGABYTE = 1_000_000


def resident() -> float:
    """MB of memory that this process has in RAM now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize() / MEGABYTE


async def read(store: MongoStore, step: Callable[[int], None]) -> int:
    """The floor: the same reads in the same parts, each entry's data parsed, nothing folded."""
    seen = 0
    for after, upto in parts(await store.log_documents()):
        async for logged in store.walk(after, upto):
            for entry in logged.entries:
                assert entry.payload is not None
            seen += len(logged.entries)
        step(seen)
    return seen


async def rebuild(store: MongoStore, step: Callable[[int], None]) -> int:
    program = Rebuild(store, write=True, found=lambda _: None, settled=lambda mark: step(mark.entries))
    summary = await program.run()
    assert summary.finished
    assert not summary.wrong
    return summary.mark.entries


async def main(side: str) -> None:
    samples: list[tuple[int, float]] = []
    database = connect(MongoSettings(), "gateway")
    store = MongoStore(database.db)
    began, cpu = time.perf_counter(), time.process_time()
    seen = await (rebuild if side == "rebuild" else read)(store, lambda n: samples.append((n, resident())))
    found = {
        "seconds": time.perf_counter() - began,
        "cpu": time.process_time() - cpu,
        "entries": seen,
        "samples": samples,
        "peak": getrusage(RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE,
    }
    database.close()
    print(json.dumps(found), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
