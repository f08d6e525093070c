"""Keeps links to code true: `[Handler.handle](../../libs/.../handler.py#L60)` names a symbol and its line.

`python scripts/line_references.py` says which links are wrong, `--write` puts the right lines in.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"\[`(?P<symbol>[A-Za-z_.]+)`\]\((?P<path>[^)#\s]+\.py)#L(?P<line>\d+)\)")


def line_of(path: Path, symbol: str) -> int:
    """Where a function, class or module variable is defined. Raises LookupError."""
    body = ast.parse(path.read_text()).body
    node: ast.stmt | None = None
    for name in symbol.split("."):
        node = next((n for n in body if name in _names(n)), None)
        if node is None:
            raise LookupError(f"{path.relative_to(ROOT)} has no {symbol}")
        body = getattr(node, "body", [])
    assert node is not None
    return node.lineno


def _names(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    yield from (target.id for target in targets if isinstance(target, ast.Name))


def corrected(page: Path) -> str:
    """The page with every such link on the line its symbol is on. Raises LookupError."""

    def right(match: re.Match[str]) -> str:
        line = line_of((page.parent / match["path"]).resolve(), match["symbol"])
        return f"[`{match['symbol']}`]({match['path']}#L{line})"

    return LINK.sub(right, page.read_text())


def pages() -> list[Path]:
    return [page for page in sorted((ROOT / "docs").rglob("*.md")) if LINK.search(page.read_text())]


def main() -> int:
    stale = [page for page in pages() if corrected(page) != page.read_text()]
    for page in stale:
        if "--write" in sys.argv:
            page.write_text(corrected(page))
        else:
            sys.stderr.write(f"{page.relative_to(ROOT)}: links to lines that moved; run this with --write\n")
    return 1 if stale and "--write" not in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
