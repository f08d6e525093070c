"""The GraphQL schema: the contents page of the edge."""

from functools import cache
from typing import Any

import strawberry
from strawberry.schema.config import StrawberryConfig

from gateway.graphql.mutations import mutation_type
from gateway.graphql.operation import OperationExtension
from gateway.graphql.queries import Query
from gateway.graphql.scalars import SCALARS
from gateway.graphql.subscriptions import Subscription
from gateway.graphql.types.common import value_of
from gateway.graphql.types.engagement import Engagement


class Schema(strawberry.Schema):
    """Strawberry's own logging of errors prints the document: whoever sends one could fill the log."""

    def process_errors(self, *_: Any, **__: Any) -> None:
        return None


@cache
def build_schema() -> Schema:
    """The schema as it is served, built once; `OperationExtension` is what every operation passes through."""
    return Schema(
        query=Query,
        mutation=mutation_type(),
        subscription=Subscription,
        types=[Engagement],
        extensions=[OperationExtension],
        config=StrawberryConfig(
            default_resolver=value_of, disable_field_suggestions=True, scalar_map=SCALARS
        ),
    )
