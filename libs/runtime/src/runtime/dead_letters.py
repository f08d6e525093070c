"""Dead letters as the gateway lists them, page by page."""

from datetime import datetime

from runtime import documents
from runtime.client import GatewayClient, Json

PAGE = 100


class DeadLetterList:
    """Newest state of every letter since a moment, whichever service wrote it."""

    def __init__(
        self,
        client: GatewayClient,
        since: datetime | None = None,
        status: str | None = None,
        service: str | None = None,
    ) -> None:
        self._client, self._since, self._status, self._service = client, since, status, service

    async def all(self) -> list[Json]:
        letters: list[Json] = []
        after: str | None = None
        while True:
            page = (
                await self._client.ask(
                    documents.DEAD_LETTERS,
                    first=PAGE,
                    after=after,
                    status=self._status,
                    service=self._service,
                )
            )["deadLetters"]
            letters += [letter for letter in page["nodes"] if self._is_wanted(letter)]
            if not page["hasNextPage"]:
                return letters
            after = page["endCursor"]

    def _is_wanted(self, letter: Json) -> bool:
        return self._since is None or datetime.fromisoformat(letter["at"]) >= self._since
