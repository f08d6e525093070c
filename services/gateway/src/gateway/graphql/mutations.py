"""Every public command as a mutation, made from the vocabulary; and the operators' own."""

import inspect
from collections.abc import Awaitable, Callable
from typing import Any

import strawberry

from gateway.commands import Outcome, Request
from gateway.context import GatewayInfo
from gateway.graphql.errors import BadInput
from gateway.graphql.inputs import command_input, plain
from gateway.graphql.operators import OperatorMutation
from gateway.graphql.results import CommandResult
from gateway.graphql.scalars import JSON
from schemas import registry
from schemas.base import Command

_SENDING = ("engagement", "idempotency_key", "wait_ms")


async def _submit_command(
    info: GatewayInfo,
    type: str,
    data: JSON,
    engagement: strawberry.ID | None = None,
    idempotency_key: str | None = None,
    wait_ms: int = 5000,
) -> CommandResult:
    if not isinstance(data, dict):
        raise BadInput("data must be a JSON object")
    request = Request(
        type=type, data=data, engagement=engagement, idempotency_key=idempotency_key, wait_ms=wait_ms
    )
    return await info.context.desk.submit(info.context.known, request)


@strawberry.type
class GenericMutation:
    submit_command: CommandResult = strawberry.mutation(
        resolver=_submit_command,
        description="Any command by its type (intake.score_requirements), its data in snake_case.",
    )


def mutation_type() -> type:
    """The root of all mutations. A new public command is in it by being in the vocabulary."""
    public = [command for command in registry.commands() if not command.internal]
    fields = {command.type.partition(".")[2]: _mutation(command) for command in public}
    bases = (GenericMutation, OperatorMutation)
    return strawberry.type(type("Mutation", bases, dict(fields)), name="Mutation")


def _mutation(command: type[Command]) -> Any:
    given = command_input(command)

    async def resolve(info: GatewayInfo, input: Any) -> Outcome:
        asked = plain(input)
        data = {name: value for name, value in asked.items() if name not in _SENDING}
        request = Request(
            type=command.type,
            data=data,
            engagement=asked.get("engagement"),
            idempotency_key=asked.get("idempotency_key"),
            wait_ms=asked["wait_ms"],
        )
        return await info.context.desk.submit(info.context.known, request)

    return strawberry.mutation(resolver=_typed(resolve, given), description=_description(command))


def _typed(resolve: Callable[..., Awaitable[Outcome]], given: type) -> Callable[..., Awaitable[Outcome]]:
    resolve.__annotations__ = {"info": GatewayInfo, "input": given, "return": CommandResult}
    return resolve


def _description(command: type[Command]) -> str | None:
    doc = vars(command).get("__doc__")
    return inspect.cleandoc(doc) if doc else None
