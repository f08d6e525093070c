"""What every operation passes through, whatever it came over: limits, authorisation, masking, its span."""

from collections.abc import Iterator, Mapping
from typing import Any

from graphql import GraphQLError, OperationDefinitionNode
from opentelemetry import trace
from strawberry.extensions import SchemaExtension

from gateway.authorization import Forbidden, authorise
from gateway.context import Context
from gateway.graphql.documents import Documents, Prepared
from gateway.graphql.errors import TooCostly, presentable
from gateway.graphql.limits import Limits

_INTROSPECTION = {"__typename", "__schema", "__type"}
tracer = trace.get_tracer("gateway.graphql")


class OperationExtension(SchemaExtension):
    """One per operation; what is worth keeping is in the schema's `Documents`."""

    def __init__(self) -> None:
        self._prepared: Prepared | None = None
        self._cost = 0

    @property
    def documents(self) -> Documents:
        return documents_of(self.execution_context.schema)

    def on_parse(self) -> Iterator[None]:
        execution = self.execution_context
        self._prepared = self.documents.prepare(execution.query or "")
        # What could not be read is read again by Strawberry, which then answers with the error.
        execution.graphql_document = self._prepared.document
        execution.parse_options = {"max_tokens": self.documents.limits.tokens}
        yield

    def on_validate(self) -> Iterator[None]:
        execution, prepared = self.execution_context, self._prepared
        errors = list(prepared.errors) if prepared else []
        operation = prepared.operation(execution.operation_name) if prepared else None
        if prepared and operation and not errors:
            errors = self._refusals(prepared, operation)
        execution.pre_execution_errors = errors
        yield

    def _refusals(self, prepared: Prepared, operation: OperationDefinitionNode) -> list[GraphQLError]:
        execution = self.execution_context
        try:
            self._cost = admit(
                self.documents, prepared, operation, execution.variables or {}, execution.context
            )
        except Forbidden as error:
            return [GraphQLError(str(error), original_error=error)]
        except TooCostly as error:
            return [error]
        describe(trace.get_current_span(), prepared, operation)
        return []

    def on_execute(self) -> Iterator[None]:
        prepared, context = self._prepared, self.execution_context.context
        operation = prepared.operation(self.execution_context.operation_name) if prepared else None
        if context.spanned or prepared is None or operation is None:
            yield
            return
        # Over a stream this is the operation's span; of a subscription it covers the start alone.
        with tracer.start_as_current_span(f"{operation.operation.value}", kind=trace.SpanKind.SERVER) as span:
            describe(span, prepared, operation)
            yield

    def on_stream_result(self, result: Any) -> Iterator[None]:
        if result.errors:
            result.errors = presentable(result.errors)
        yield

    def get_results(self) -> dict[str, Any]:
        return self.documents.extensions(self._cost)


def admit(
    documents: Documents,
    prepared: Prepared,
    operation: OperationDefinitionNode,
    variables: Mapping[str, Any],
    context: Context,
) -> int:
    """The cost of an operation the caller may run. Raises Forbidden or TooCostly."""
    root = operation.operation.value.capitalize()
    for name in sorted(prepared.root_fields(operation) - _INTROSPECTION):
        authorise(context.known, f"{root}.{name}")
    found, most = prepared.cost(operation, variables), documents.limits.cost
    if found > most:
        raise TooCostly(f"the operation costs {found}; at most {most} is answered")
    return found


def describe(span: trace.Span, prepared: Prepared, operation: OperationDefinitionNode) -> None:
    span.set_attribute("graphql.operation.type", operation.operation.value)
    span.set_attribute("throughline.graphql.document_hash", prepared.digest)
    if operation.name:
        span.set_attribute("graphql.operation.name", operation.name.value)


def documents_of(schema: Any) -> Documents:
    """The schema's own cache of documents, made on first use."""
    kept = getattr(schema, "documents", None)
    if not isinstance(kept, Documents):
        kept = Documents(schema._schema, getattr(schema, "limits", Limits()))
        schema.documents = kept
    return kept
