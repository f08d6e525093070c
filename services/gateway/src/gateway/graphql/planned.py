"""Queries by their plan: admitted like every operation, read, projected. Without a plan: no answer here."""

import asyncio
from typing import Any, cast

from graphql import (
    GraphQLError,
    GraphQLNonNull,
    GraphQLResolveInfo,
    OperationDefinitionNode,
    OperationType,
    located_error,
)
from graphql.execution.values import VariableValues, get_argument_values, get_variable_values
from graphql.pyutils import Path, is_awaitable
from graphql.type.definition import GraphQLResolveInfoHelpers
from opentelemetry import trace
from strawberry.types import ExecutionResult

from gateway.authorization import Forbidden
from gateway.context import Context
from gateway.graphql.documents import Documents, Prepared
from gateway.graphql.errors import TooCostly
from gateway.graphql.operation import admit, describe
from gateway.graphql.plan import Root
from gateway.graphql.projection import Deviates
from gateway.view.kept import KeptView


async def answer(
    documents: Documents,
    prepared: Prepared,
    operation: OperationDefinitionNode,
    variables: dict[str, Any],
    context: Context,
) -> ExecutionResult | None:
    """The answer graphql-core would give; None where it has to be asked. A refusal is worded in one place."""
    if prepared.errors or operation.operation is not OperationType.QUERY:
        return None
    values = _values(documents, operation, variables)
    roots = documents.plan(prepared, operation, values) if values else None
    if values is None or roots is None:
        return None
    try:
        cost = admit(documents, prepared, operation, variables, context)
    except (Forbidden, TooCostly):
        return None
    describe(trace.get_current_span(), prepared, operation)
    asking = _Asking(documents, prepared, operation, values, context)
    found = await asking.all(roots)
    try:
        data, errors = _assembled(roots, found)
    except Exception:  # a value that is not as the schema says: graphql-core knows what to say of it
        return None
    return ExecutionResult(
        data=data, errors=errors or None, extensions=documents.extensions(cost) if cost else {}
    )


def _values(
    documents: Documents, operation: OperationDefinitionNode, variables: dict[str, Any]
) -> VariableValues | None:
    if not operation.variable_definitions:
        return VariableValues({}, {})
    found = get_variable_values(documents.schema, operation.variable_definitions, variables, 1)
    return found if isinstance(found, VariableValues) else None


class _Asking:
    """The fields of the root, asked of their resolvers as graphql-core would."""

    def __init__(
        self,
        documents: Documents,
        prepared: Prepared,
        operation: OperationDefinitionNode,
        values: VariableValues,
        context: Context,
    ) -> None:
        self._documents, self._prepared, self._operation = documents, prepared, operation
        self._values, self._context = values, context

    async def all(self, roots: list[Root]) -> list[Any]:
        """What each resolver gave or raised."""
        if len(roots) == 1:
            return [await self._outcome(roots[0])]
        return await asyncio.gather(*(self._outcome(root) for root in roots))

    async def _outcome(self, root: Root) -> Any:
        if root.definition is None:
            return None
        try:
            given = get_argument_values(root.definition, root.nodes[0], self._values)
            assert root.definition.resolve is not None
            found = root.definition.resolve(None, self._info(root), **given)
            return await found if is_awaitable(found) else found
        except Exception as error:
            return error

    def _info(self, root: Root) -> GraphQLResolveInfo[Any]:
        schema, definition = self._documents.schema, cast(Any, root.definition)
        return GraphQLResolveInfo(
            root.nodes[0].name.value,
            root.nodes,
            definition.type,
            cast(Any, schema.query_type),
            Path(None, root.key, "Query"),
            schema,
            self._prepared.fragments,
            None,
            self._operation,
            self._values,
            self._context,
            is_awaitable,
            None,
            _helpers,
        )


def _no_helpers(*_: Any) -> Any:
    raise Deviates("resolvers of the root gather nothing")


_helpers = GraphQLResolveInfoHelpers(_no_helpers, _no_helpers)


def _assembled(roots: list[Root], found: list[Any]) -> tuple[dict[str, Any] | None, list[GraphQLError]]:
    data: dict[str, Any] = {}
    errors: list[GraphQLError] = []
    missing = False
    for root, value in zip(roots, found, strict=True):
        if isinstance(value, Exception):
            errors.append(located_error(value, root.nodes, [root.key]))
            data[root.key] = None
            missing |= root.definition is not None and isinstance(root.definition.type, GraphQLNonNull)
        else:
            data[root.key] = (
                value.answer(root.convert) if isinstance(value, KeptView) else root.convert(value)
            )
    return (None if missing else data), errors
