"""Documents, parsed, limited, validated and planned once each: what a request then costs is one look-up."""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionNode,
    SelectionSetNode,
    parse,
    validate,
)
from graphql.execution.values import VariableValues

from gateway.graphql.errors import SHOWN_ERRORS, TooCostly
from gateway.graphql.limits import Limits, check, cost, directive_variables, fragments_of, page_variables
from gateway.graphql.plan import Compiler, Root, Unplannable

KEPT_DOCUMENTS = 500
KEPT_BYTES = 8_000_000
KEPT_PLANS = 8
"""Of one document: each set of values of the variables in its directives has a plan of its own."""


@dataclass(frozen=True)
class Prepared:
    """`document` is None where it could not be read; `errors` are those of reading, limits or validation."""

    digest: str
    document: DocumentNode | None
    errors: list[GraphQLError] = field(default_factory=list)
    plans: OrderedDict[Any, list[Root] | None] = field(default_factory=OrderedDict)
    _roots: dict[int, frozenset[str]] = field(default_factory=dict)
    _costs: dict[int, int] = field(default_factory=dict)

    @cached_property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        return fragments_of(self.document) if self.document else {}

    @cached_property
    def operations(self) -> list[OperationDefinitionNode]:
        definitions = self.document.definitions if self.document else ()
        return [d for d in definitions if isinstance(d, OperationDefinitionNode)]

    @cached_property
    def deciding(self) -> tuple[str, ...]:
        """Variables that decide what is selected."""
        return directive_variables(self.document) if self.document else ()

    @cached_property
    def paged(self) -> bool:
        """Whether the cost depends on variables."""
        return self.document is not None and page_variables(self.document)

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation a request means: the named one, or the only one."""
        if name:
            return next((one for one in self.operations if one.name and one.name.value == name), None)
        return self.operations[0] if len(self.operations) == 1 else None

    def cost(self, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
        if self.paged:
            return cost(operation, self.fragments, variables)
        if id(operation) not in self._costs:
            self._costs[id(operation)] = cost(operation, self.fragments, {})
        return self._costs[id(operation)]

    def root_fields(self, operation: OperationDefinitionNode) -> frozenset[str]:
        """Names of the fields asked of the root, through all fragments."""
        if id(operation) not in self._roots:
            self._roots[id(operation)] = frozenset(self._root_fields(operation))
        return self._roots[id(operation)]

    def _root_fields(self, operation: OperationDefinitionNode) -> set[str]:
        names: set[str] = set()
        seen: set[str] = set()
        todo: list[SelectionNode] = list(operation.selection_set.selections)
        while todo:
            node = todo.pop()
            if isinstance(node, FieldNode):
                names.add(node.name.value)
                continue
            todo.extend(self._inside(node, seen))
        return names

    def _inside(self, node: SelectionNode, seen: set[str]) -> tuple[SelectionNode, ...]:
        inner: SelectionSetNode | None = None
        if isinstance(node, InlineFragmentNode):
            inner = node.selection_set
        elif isinstance(node, FragmentSpreadNode) and node.name.value not in seen:
            seen.add(node.name.value)
            fragment = self.fragments.get(node.name.value)
            inner = fragment.selection_set if fragment else None
        return tuple(inner.selections) if inner else ()


class Documents:
    """Keeps what was prepared, bounded by count and by bytes."""

    def __init__(self, schema: GraphQLSchema, limits: Limits) -> None:
        self.schema, self.limits = schema, limits
        self._kept: OrderedDict[str, tuple[int, Prepared]] = OrderedDict()
        self._bytes = 0

    def prepare(self, query: str) -> Prepared:
        digest = hashlib.sha256(query.encode("utf-8", "surrogatepass")).hexdigest()
        if digest in self._kept:
            self._kept.move_to_end(digest)
            return self._kept[digest][1]
        prepared = self._prepare(query, digest)
        self._kept[digest] = (len(query), prepared)
        self._bytes += len(query)
        while len(self._kept) > KEPT_DOCUMENTS or self._bytes > KEPT_BYTES:
            self._bytes -= self._kept.popitem(last=False)[1][0]
        return prepared

    def plan(
        self, prepared: Prepared, operation: OperationDefinitionNode, values: VariableValues
    ) -> list[Root] | None:
        """How to answer an operation of a valid document without graphql-core; None where that cannot be."""
        key = (id(operation), *(values.coerced.get(name) for name in prepared.deciding))
        if key not in prepared.plans:
            prepared.plans[key] = self._plan(prepared, operation, values)
            while len(prepared.plans) > KEPT_PLANS:
                prepared.plans.popitem(last=False)
        return prepared.plans[key]

    def _plan(
        self, prepared: Prepared, operation: OperationDefinitionNode, values: VariableValues
    ) -> list[Root] | None:
        kind = self.schema.query_type
        try:
            return Compiler(self.schema, prepared.fragments, operation, values).roots(kind) if kind else None
        except Unplannable:
            return None

    def extensions(self, cost: int) -> dict[str, Any]:
        """What an answer tells of its cost."""
        return {"cost": {"requested": cost, "maximum": self.limits.cost}} if cost else {}

    def _prepare(self, query: str, digest: str) -> Prepared:
        most = self.limits.document_bytes
        if len(query) > most:
            return Prepared(digest, None, [TooCostly(f"the document is longer than {most} characters")])
        try:
            document = parse(query, max_tokens=self.limits.tokens)
        except GraphQLError as error:
            return Prepared(digest, None, [error])
        except RecursionError:
            return Prepared(digest, None, [TooCostly("the document is nested too deeply")])
        over: list[GraphQLError] = list(check(document, self.limits))
        return Prepared(digest, document, over or validate(self.schema, document, max_errors=SHOWN_ERRORS))
