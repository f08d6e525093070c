"""What a run has shown, for a reader and for a file."""

import json
from dataclasses import asdict
from pathlib import Path

from testkit.faults.run import Result

SHOWN = 12


def lines(result: Result) -> list[str]:
    """One line per promise, and under it where it was broken."""
    said = []
    for finding in result.findings:
        said.append(f"  {'holds ' if finding.holds else 'BROKEN'}  {finding.promise}: {finding.looked_at}")
        said += [f"            {fault}" for fault in finding.broken[:SHOWN]]
        if len(finding.broken) > SHOWN:
            said.append(f"            and {len(finding.broken) - SHOWN} more")
    said += [f"  SKIPPED {why}" for why in result.skipped]
    broken = sum(not finding.holds for finding in result.findings)
    verdict = "all promises held" if not broken else f"{broken} promises BROKEN"
    took = ", ".join(f"{name} {seconds:.0f} s" for name, seconds in result.seconds.items())
    storm = f"{len(result.done)} faults done, {result.kills} kills"
    said.append(f"faults: seed {result.seed}, {result.scale.name}: {storm}, {verdict} ({took})")
    return said


def write(result: Result, file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({**asdict(result), "holds": result.holds}, indent=2) + "\n")
