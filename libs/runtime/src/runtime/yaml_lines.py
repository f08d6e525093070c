"""YAML read into plain values with the line of every key and item, and all duplicate keys found at once."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from runtime.errors import CommandFailed, Exit
from schemas.engagement_file import Path as Where

Complaint = tuple[int, str]
"""The line and the whole message."""
_TAG = "tag:yaml.org,2002:"


@dataclass(slots=True)
class Document:
    """`data` holds only dict, list, str, int, float, bool and None; dates stay as written."""

    file: Path
    data: Any = None
    lines: dict[Where, int] = field(default_factory=dict)
    duplicates: list[Complaint] = field(default_factory=list)

    def line(self, where: Where) -> int:
        """The line of the deepest part of `where` that is in the file; from 1."""
        while where and where not in self.lines:
            where = where[:-1]
        return self.lines.get(where, 1)

    def complaint(self, where: Where, message: str) -> Complaint:
        return self.line(where), f"{self.file.name}:{self.line(where)}: {spell(where)}: {message}"


def spell(where: Where) -> str:
    """`("requirements", 2, "kpi")` as `requirements[2].kpi`."""
    text = ""
    for part in where:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "the file"


def read(file: Path) -> Document:
    """Raises CommandFailed (bad data) for a file that is absent, not UTF-8, or not YAML."""
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise CommandFailed(Exit.BAD_DATA, f"{file}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(Exit.BAD_DATA, f"{file}: cannot be read: {error}") from None
    try:
        root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        raise CommandFailed(Exit.BAD_DATA, f"{file.name}:{line}: not YAML: {error.problem}") from None
    document = Document(file)
    document.data = _plain(root, (), document) if root is not None else None
    return document


def _plain(node: Node, where: Where, document: Document) -> Any:
    document.lines.setdefault(where, node.start_mark.line + 1)
    if isinstance(node, MappingNode):
        return _mapping(node, where, document)
    if isinstance(node, SequenceNode):
        return [_plain(item, (*where, i), document) for i, item in enumerate(node.value)]
    assert isinstance(node, ScalarNode)
    return _scalar(node)


def _mapping(node: MappingNode, where: Where, document: Document) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in found:
            first = document.lines[(*where, name)]
            message = f"{spell((*where, name))}: this key is already on line {first}"
            document.duplicates.append((line, f"{document.file.name}:{line}: {message}"))
            continue
        document.lines[(*where, name)] = line
        found[name] = _plain(value, (*where, name), document)
    return found


def _scalar(node: ScalarNode) -> Any:
    text, kind = str(node.value), str(node.tag).removeprefix(_TAG)
    try:
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int":
            return int(text.replace("_", ""), 0 if text.lstrip("+-")[:2] in ("0x", "0o") else 10)
        if kind == "float":
            return float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan"))
    except ValueError:
        return text
    return text
