"""Documents, parsed, limited and validated once each: what a request then costs is one look-up."""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import cached_property

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

from gateway.graphql.errors import SHOWN_ERRORS, TooCostly
from gateway.graphql.limits import Limits, check, fragments_of

KEPT_DOCUMENTS = 500
KEPT_BYTES = 8_000_000


@dataclass(frozen=True)
class Prepared:
    """`document` is None where it could not be read; `errors` are those of reading, limits or validation."""

    digest: str
    document: DocumentNode | None
    errors: list[GraphQLError] = field(default_factory=list)

    @cached_property
    def fragments(self) -> dict[str, FragmentDefinitionNode]:
        return fragments_of(self.document) if self.document else {}

    def operation(self, name: str | None) -> OperationDefinitionNode | None:
        """The operation a request means: the named one, or the only one."""
        definitions = self.document.definitions if self.document else ()
        found = [d for d in definitions if isinstance(d, OperationDefinitionNode)]
        if name:
            return next((one for one in found if one.name and one.name.value == name), None)
        return found[0] if len(found) == 1 else None

    def root_fields(self, operation: OperationDefinitionNode) -> set[str]:
        """Names of the fields asked of the root, through all fragments."""
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
        self._schema, self.limits = schema, limits
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
        return Prepared(digest, document, over or validate(self._schema, document, max_errors=SHOWN_ERRORS))
