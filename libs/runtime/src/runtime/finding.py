"""One thing that was looked at, and where something is wrong the way out of it."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from runtime.console import Console


@dataclass(frozen=True)
class Finding:
    """`fix` is the first command to run, or what to do; `runbook` the page that has the rest."""

    name: str
    level: Literal["passed", "warning", "failed"]
    detail: str
    fix: str = ""
    runbook: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)

    def as_lines(self, console: Console) -> Iterator[str]:
        style = {"passed": "good", "warning": "warn", "failed": "bad"}[self.level]
        yield f"{console.styled(f'{self.level:<8}', style)} {self.name:<10} {self.detail}"
        if self.fix:
            yield f"{'':<20}first: {self.fix}"
        if self.runbook:
            yield f"{'':<20}then:  {self.runbook}"
