"""`bare_worker.py FILE PORT`: Starlette and orjson answering with the documents of a file, and nothing else.

FILE holds {engagement: document}; a request is the GraphQL request that the gateway gets.
"""

import sys
from pathlib import Path

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def app(documents: dict[str, object]) -> Starlette:
    async def answer(request: Request) -> Response:
        asked = orjson.loads(await request.body())
        body = orjson.dumps(documents[asked["variables"]["id"]])
        return Response(body, media_type="application/graphql-response+json")

    async def ready(_: Request) -> Response:
        return Response(b"")

    return Starlette(routes=[Route("/graphql", answer, methods=["POST"]), Route("/health/ready", ready)])


if __name__ == "__main__":
    uvicorn.run(
        app(orjson.loads(Path(sys.argv[1]).read_bytes())),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        log_level="error",
        access_log=False,
    )
