"""Limits of a document, counted in one pass that looks at each fragment once.

Strawberry's own limiters walk fragments without memory: 790 bytes of doubled fragments never end.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    DirectiveNode,
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    VariableNode,
    Visitor,
    visit,
)

from gateway.graphql.errors import TooCostly

PAGED = {"engagements": 20, "timeline": 50, "deadLetters": 20}
"""Fields that take `first`, and what it is when it is not given."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    depth: int = 15
    aliases: int = 30
    root_fields: int = 20
    fields: int = 2_000
    directives: int = 50
    operations: int = 10
    tokens: int = 2_000
    document_bytes: int = 128_000
    cost: int = 10_000


@dataclass(frozen=True)
class Size:
    """Of a selection with every fragment expanded; sums may be astronomical, Python counts on."""

    depth: int = 0
    aliases: int = 0
    fields: int = 0
    directives: int = 0

    def under(self, other: "Size") -> "Size":
        """Both, side by side."""
        return Size(
            max(self.depth, other.depth),
            self.aliases + other.aliases,
            self.fields + other.fields,
            self.directives + other.directives,
        )


@dataclass
class Measure:
    """One pass over a document. A fragment's own height is remembered, never where it was first met."""

    fragments: Mapping[str, FragmentDefinitionNode]
    known: dict[str, Size] = field(default_factory=dict)

    def selection(self, selected: SelectionSetNode | None) -> Size:
        total = Size()
        for node in selected.selections if selected else ():
            total = total.under(self._node(node))
        return total

    def _node(self, node: SelectionNode) -> Size:
        directives = Size(directives=len(node.directives or ()))
        if isinstance(node, FieldNode):
            inner = self.selection(node.selection_set)
            own = Size(inner.depth + 1, bool(node.alias), 1, 0)
            return Size(own.depth, own.aliases + inner.aliases, 1 + inner.fields, inner.directives).under(
                directives
            )
        if isinstance(node, InlineFragmentNode):
            return self.selection(node.selection_set).under(directives)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value).under(directives)
        return directives

    def _fragment(self, name: str) -> Size:
        if name not in self.known:
            # A fragment that leads back to itself counts as nothing here; validation refuses it.
            self.known[name] = Size()
            fragment = self.fragments.get(name)
            self.known[name] = self.selection(fragment.selection_set) if fragment else Size()
        return self.known[name]


def check(document: DocumentNode, limits: Limits) -> list[TooCostly]:
    """What is over a limit, before validation: its rules are slow on just such documents."""
    operations = [d for d in document.definitions if isinstance(d, OperationDefinitionNode)]
    measure = Measure(fragments_of(document))
    found = list(_over("operations", len(operations), limits.operations))
    for fragment in measure.fragments.values():
        found += _sized(measure.selection(fragment.selection_set), limits)
    for operation in operations[: limits.operations]:
        size = measure.selection(operation.selection_set)
        found += _sized(size.under(Size(directives=len(operation.directives or ()))), limits)
        found += _over("root fields", len(operation.selection_set.selections), limits.root_fields)
    return found[:3]


def fragments_of(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {d.name.value: d for d in document.definitions if isinstance(d, FragmentDefinitionNode)}


def page_variables(document: DocumentNode) -> bool:
    """Whether a page's size is given by a variable anywhere in the document."""
    finder = _Variables()
    visit(document, finder)
    return finder.paging


def directive_variables(document: DocumentNode) -> tuple[str, ...]:
    """Names of the variables that `@skip` and `@include` look at, sorted."""
    finder = _Variables()
    visit(document, finder)
    return tuple(sorted(finder.deciding))


class _Variables(Visitor):
    def __init__(self) -> None:
        super().__init__()
        self.paging, self.deciding = False, set[str]()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        given = {a.name.value: a.value for a in node.arguments or ()}
        self.paging |= node.name.value in PAGED and isinstance(given.get("first"), VariableNode)

    def enter_directive(self, node: DirectiveNode, *_: Any) -> None:
        values = [a.value for a in node.arguments or ()]
        self.deciding |= {value.name.value for value in values if isinstance(value, VariableNode)}


def _sized(size: Size, limits: Limits) -> Iterable[TooCostly]:
    yield from _over("levels", size.depth, limits.depth)
    yield from _over("aliases", size.aliases, limits.aliases)
    yield from _over("fields", size.fields, limits.fields)
    yield from _over("directives", size.directives, limits.directives)


def _over(what: str, found: int, most: int) -> Iterable[TooCostly]:
    if found > most:
        # Sums of doubled fragments have thousands of digits: nobody wants to read them.
        yield TooCostly(f"the document has {min(found, 10**6)} {what}; at most {most} are answered")


def cost(
    operation: OperationDefinitionNode,
    fragments: Mapping[str, FragmentDefinitionNode],
    variables: Mapping[str, Any],
) -> int:
    """Objects that could be asked for: one each, times the page size of the list it is in."""
    return _Cost(fragments, variables).selection(operation.selection_set)


@dataclass
class _Cost:
    fragments: Mapping[str, FragmentDefinitionNode]
    variables: Mapping[str, Any]
    known: dict[str, int] = field(default_factory=dict)

    def selection(self, selected: SelectionSetNode | None) -> int:
        return sum(self._node(node) for node in selected.selections) if selected else 0

    def _node(self, node: SelectionNode) -> int:
        if isinstance(node, FieldNode):
            if node.selection_set is None:
                return 0
            return 1 + self._page(node) * self.selection(node.selection_set)
        if isinstance(node, InlineFragmentNode):
            return self.selection(node.selection_set)
        if isinstance(node, FragmentSpreadNode):
            return self._fragment(node.name.value)
        return 0

    def _fragment(self, name: str) -> int:
        if name not in self.known:
            self.known[name] = 0
            fragment = self.fragments.get(name)
            self.known[name] = self.selection(fragment.selection_set) if fragment else 0
        return self.known[name]

    def _page(self, node: FieldNode) -> int:
        if node.name.value not in PAGED:
            return 1
        given = next((a.value for a in node.arguments or () if a.name.value == "first"), None)
        if isinstance(given, IntValueNode):
            return max(1, int(given.value[:9]))
        if isinstance(given, VariableNode):
            value = self.variables.get(given.name.value)
            return max(1, value) if isinstance(value, int) else 100
        return PAGED[node.name.value]
