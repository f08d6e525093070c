"""What changed between two schemas of one version, change by change, and whether it breaks somebody.

The yardstick is FULL_TRANSITIVE inside a version: old messages are read by new readers (streams are kept for
ever), and new messages by readers not yet updated. Readers of open objects ignore fields they do not know.
"""

from collections.abc import Iterator
from typing import Any

from schemas.contracts import keywords
from schemas.contracts.keywords import NEW_UNREADABLE, OLD_UNREADABLE, Change
from schemas.contracts.snapshots import Schema

__all__ = ["Change", "compare", "retired"]


def compare(old: Schema, new: Schema) -> list[Change]:
    """Every change from the older schema of a version to the newer; equal contracts give none."""
    comparison = _Comparison(old, new)
    changes = [*keywords.facts(old, new), *comparison.nodes("data", old, new)]
    return sorted(changes, key=lambda change: (not change.breaking, change.path, change.kind))


def retired(old: Schema, new: Schema) -> list[str]:
    """Paths of fields that this version once had: their names stay taken."""
    gone = [change.path for change in compare(old, new) if change.kind == "optional field removed"]
    return sorted({*old.get("x-retired", []), *gone})


class _Comparison:
    def __init__(self, old: Schema, new: Schema) -> None:
        self._old_root, self._new_root = old, new
        self._retired = frozenset(old.get("x-retired", []))
        self._open: set[tuple[str, str]] = set()

    def nodes(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        pair = (str(old.get("$ref")), str(new.get("$ref")))
        if "$ref" in old and pair in self._open:
            return
        self._open.add(pair)
        yield from self._plain(path, _resolve(self._old_root, old), _resolve(self._new_root, new))
        self._open.discard(pair)

    def _plain(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        yield from keywords.documentation(path, old, new)
        if "anyOf" in old or "anyOf" in new:
            yield from self._unions(path, _branches(old), _branches(new))
            return
        changed = keywords.type_change(path, old, new)
        if changed:
            yield changed
            return
        for rule in (
            keywords.enum,
            keywords.bounds,
            keywords.pattern,
            keywords.format_,
            keywords.unique,
            keywords.multiple,
            keywords.other,
        ):
            yield from rule(path, old, new)
        yield from self._objects(path, old, new)
        yield from self._maps(path, old, new)
        yield from self._arrays(path, old, new)

    def _objects(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        yield from keywords.openness(path, old, new)
        before, after = old.get("properties", {}), new.get("properties", {})
        closed = old.get("additionalProperties") is False
        for name in before.keys() - after.keys():
            yield keywords.removed(f"{path}.{name}", name in old.get("required", ()), closed)
        for name in after.keys() - before.keys():
            yield self._added(f"{path}.{name}", name in new.get("required", ()), closed)
        for name in before.keys() & after.keys():
            at = f"{path}.{name}"
            yield from keywords.presence(at, name in old.get("required", ()), name in new.get("required", ()))
            yield from keywords.default(at, before[name], after[name])
            yield from self.nodes(at, before[name], after[name])

    def _added(self, path: str, required: bool, closed: bool) -> Change:
        if path in self._retired:
            return Change(path, "retired name used again", True, "old messages carry something else under it")
        if required:
            return Change(path, "required field added", True, OLD_UNREADABLE)
        order = "; bring out its reader before its senders, since it refuses unknown fields" if closed else ""
        return Change(path, "optional field added", False, "old messages mean its default" + order)

    def _maps(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        (old_keys, old_values), (new_keys, new_values) = _map(old), _map(new)
        if old_values is None or new_values is None:
            if old_values != new_values:
                yield Change(path, "map values changed", True, "an object and a map are different shapes")
            return
        if old_keys != new_keys:
            yield Change(path, "map key pattern changed", True, f"{old_keys} became {new_keys}")
        yield from self.nodes(f"{path}{{}}", old_values, new_values)

    def _arrays(self, path: str, old: Schema, new: Schema) -> Iterator[Change]:
        if len(old.get("prefixItems", [])) != len(new.get("prefixItems", [])):
            yield Change(path, "tuple length changed", True, "positions mean something else")
            return
        for index, (one, other) in enumerate(
            zip(old.get("prefixItems", []), new.get("prefixItems", []), strict=True)
        ):
            yield from self.nodes(f"{path}[{index}]", one, other)
        if isinstance(old.get("items"), dict) and isinstance(new.get("items"), dict):
            yield from self.nodes(f"{path}[]", old["items"], new["items"])
        elif old.get("items") != new.get("items"):
            yield Change(path, "items changed", True, "the items' type appeared or vanished")

    def _unions(self, path: str, old: list[Schema], new: list[Schema]) -> Iterator[Change]:
        yield from keywords.nullability(path, old, new)
        before = [branch for branch in old if branch != {"type": "null"}]
        after = [branch for branch in new if branch != {"type": "null"}]
        if len(before) == len(after) == 1:
            yield from self.nodes(path, before[0], after[0])
            return
        for branch in before:
            match = self._take(after, branch)
            if match is None:
                yield Change(path, "union branch removed", True, OLD_UNREADABLE)
            else:
                yield from self.nodes(path, branch, match)
        for _ in after:
            yield Change(path, "union branch added", True, NEW_UNREADABLE)

    def _take(self, branches: list[Schema], like: Schema) -> Schema | None:
        """The new branch that an old one became: the equal one, else one of the same type and title."""
        wanted = _shape(_resolve(self._old_root, like))
        same = [branch for branch in branches if _shape(_resolve(self._new_root, branch)) == wanted]
        if not same:
            return None
        match = like if like in same else same[0]
        branches.remove(match)
        return match


def _shape(schema: Schema) -> tuple[Any, Any]:
    return schema.get("type"), schema.get("title")


def _resolve(root: Schema, node: Schema) -> Schema:
    """Follow `$ref`; what stands beside it (description, default) belongs to the field."""
    while "$ref" in node:
        target = root["$defs"][node["$ref"].rpartition("/")[2]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    return node


def _branches(schema: Schema) -> list[Schema]:
    kept = {key: value for key, value in schema.items() if key not in ("default", "description", "title")}
    branches: list[Schema] = schema.get("anyOf", [kept])
    return branches


def _map(schema: Schema) -> tuple[Any, Schema | None]:
    """Key pattern and value schema of a free map; (None, None) for what is none."""
    if "patternProperties" in schema:
        ((pattern, values),) = schema["patternProperties"].items()
        return pattern, values
    extra = schema.get("additionalProperties")
    if isinstance(extra, dict):
        return schema.get("propertyNames"), extra
    return None, None
