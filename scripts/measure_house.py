"""Prints how the code is written, in the figures that stand in docs/explanation/house.md."""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).parents[1]
ROOMS = {
    "schemas": ["schemas/src"],
    "libs": ["libs/*/src"],
    "services": ["services/*/src"],
    "all of it": ["schemas/src", "libs/*/src", "services/*/src"],
    "tests": ["tests"],
}
SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:|fmt:\s*(skip|off))")
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Module:
    """`lines` are those that are neither blank nor only a comment."""

    lines: int
    comments: int
    suppressions: int
    functions: Sequence[int]
    annotated: int
    documented: int
    definitions: int


def measure(path: Path) -> Module:
    text = path.read_text()
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, Definition)]
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    comments = [t.string for t in _tokens(text) if t.type == tokenize.COMMENT]
    reasons = [comment for comment in comments if not SUPPRESSION.search(comment)]
    lines = [line for line in text.splitlines() if line.strip() and not line.strip().startswith("#")]
    return Module(
        lines=len(lines),
        comments=len(reasons),
        suppressions=len(comments) - len(reasons),
        functions=[(node.end_lineno or node.lineno) - node.lineno + 1 for node in functions],
        annotated=sum(_is_annotated(node) for node in functions),
        documented=sum(ast.get_docstring(node) is not None for node in (*functions, *classes)),
        definitions=len(functions) + len(classes),
    )


def _tokens(text: str) -> Iterator[tokenize.TokenInfo]:
    return tokenize.generate_tokens(io.StringIO(text).readline)


def _is_annotated(node: Definition) -> bool:
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    given = [a for a in arguments if a.arg not in ("self", "cls")]
    return node.returns is not None and all(a.annotation is not None for a in given)


def row(name: str, modules: Sequence[Module]) -> str:
    lines = sum(m.lines for m in modules)
    functions = [length for m in modules for length in m.functions]
    sizes = [m.lines for m in modules if m.lines > 1]
    definitions = sum(m.definitions for m in modules)
    cells = [
        name,
        len(modules),
        f"{lines:,}",
        f"{100 * sum(m.comments for m in modules) / lines:.1f}",
        f"{100 * sum(m.documented for m in modules) / definitions:.0f}",
        f"{1000 * sum(m.suppressions for m in modules) / lines:.1f}",
        f"{median(functions):.0f} / {_p90(functions):.0f}",
        f"{median(sizes):.0f} / {_p90(sizes):.0f}",
        f"{100 * sum(m.annotated for m in modules) / len(functions):.0f}",
    ]
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def _p90(values: Sequence[int]) -> float:
    return quantiles(values, n=10)[-1]


def main() -> None:
    head = (
        "code", "files", "LOC", "comments/100", "docstring %", "suppressions/1k",
        "fn median / p90", "module median / p90", "annotated %",
    )  # fmt: skip
    out = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for name, patterns in ROOMS.items():
        folders = [folder for pattern in patterns for folder in sorted(ROOT.glob(pattern))]
        files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
        out.append(row(name, [measure(path) for path in files]))
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
