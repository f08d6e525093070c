"""Shows that the harness sees what it has to see: `python -m testkit.faults.proofs [BUG ...]`.

Each seeded bug runs in one service under a small load; the promises it breaks are written into a table.
Exit code 1 when one goes unseen.
"""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.layout import project_root
from testkit.faults.bugs import BUGS
from testkit.faults.faults import Fault
from testkit.faults.run import Result, run, say
from testkit.faults.scale import Scale
from testkit.faults.system import altered

PAGE = "docs/reference/seeded-bugs.md"
SEED = 1
SCALE = Scale(
    name="proof", operations=700, engagements=25, seconds=18, faults=0, restless_seconds=0, poison=0.04,
    patience_seconds=20, rss_megabytes=300,
)  # fmt: skip


@dataclass(frozen=True)
class Proof:
    """Which service has the bug, and the faults without which it does no harm."""

    service: str = "intake"
    faults: Sequence[Fault] = ()


KILLS = [Fault(2 + n * 2.2, "kill", "intake") for n in range(6)]
# A database that is killed is back before anything but the driver has noticed.
TROUBLE = [Fault(3 + n * 7, "full disk of", "mongo", 3) for n in range(2)]
PROOFS = {
    "offsets-first": Proof(faults=KILLS),
    "trouble-skips": Proof(faults=TROUBLE),
    "no-dedupe": Proof(),
    "owes-nothing": Proof(faults=KILLS),
    "overtakes": Proof(),
    "poison-vanishes": Proof(),
    "poison-is-stripped": Proof(),
    "work-is-lost": Proof("design"),
    "memory-grows": Proof(),
    "view-misses": Proof("gateway"),
}


async def prove(bug: str, folder: Path) -> Result:
    """One run with the bug in its service."""
    proof = PROOFS[bug]
    changed = {proof.service: altered(bug, proof.service)}
    return await run(SEED, SCALE, folder, changed=changed, faults=proof.faults)


def seen(result: Result) -> list[str]:
    """The promises that the harness found broken."""
    return [finding.promise for finding in result.findings if not finding.holds]


def page(results: dict[str, dict[str, object]]) -> str:
    """The table, made of what `python -m testkit.faults.proofs` found."""
    head = (
        "# Seeded bugs that the fault harness catches\n\n"
        "Made by `make faults-prove`, not by hand. Each bug (`testkit.faults.bugs`) runs in one service\n"
        "under a load; the others are as they are. *Seconds* are of the whole run, start and judgement\n"
        "included. The [simulation](../explanation/simulation.md) has its own.\n\n"
        "| bug | what it does | in | faults meanwhile | broken promise: places | seconds |\n"
        "|---|---|---|---|---|---|\n"
    )
    return head + "".join(_row(bug, results[bug]) for bug in PROOFS if bug in results)


def _row(bug: str, result: dict[str, object]) -> str:
    what = (BUGS[bug].__doc__ or "").strip()
    cells = (bug, what, PROOFS[bug].service, result["faults"], result["seen"], result["seconds"])
    return f"| {' | '.join(map(str, cells))} |\n"


def _told(bug: str, result: Result) -> dict[str, object]:
    broken = [f"{one.promise}: {len(one.broken)}" for one in result.findings if not one.holds]
    return {
        "faults": _counted(PROOFS[bug].faults),
        "seen": "; ".join(broken) or "NOT SEEN",
        "seconds": round(sum(result.seconds.values())),
    }


def _counted(faults: Sequence[Fault]) -> str:
    named = Counter(f"{one.kind} {one.victim}" for one in faults)
    return "; ".join(f"{name}, {count} times" for name, count in named.items()) or "none"


def main(wanted: Sequence[str]) -> int:
    root = project_root()
    kept = root / ".run" / "faults-proofs.json"
    results: dict[str, dict[str, object]] = json.loads(kept.read_text()) if wanted and kept.exists() else {}
    unseen = []
    for bug in wanted or PROOFS:
        result = asyncio.run(prove(bug, root / ".run" / f"faults-{bug}"))
        results[bug] = _told(bug, result)
        say(f"{bug}: {results[bug]['seen']}")
        unseen += [] if seen(result) else [bug]
        kept.write_text(json.dumps(results, indent=2))
    (root / PAGE).write_text(page(results))
    say(f"faults-prove: {len(results)} bugs, not seen: {', '.join(unseen) or 'none'}")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
