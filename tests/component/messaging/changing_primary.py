"""Stands before a database and does to the next commit what a change of the primary does to it."""

import asyncio
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from threading import Thread

import bson

from runtime.ports import HOST

HEADER = struct.Struct("<iiii")
OP_MSG = 2013
# Behind the header: four bytes of flags and the kind of the first section, a command's body.
BODY = HEADER.size + 5


class Change(StrEnum):
    ANSWER_LOST = "written, but the answer does not arrive"
    ROLLED_BACK = "written on a primary that no majority follows, and taken back"
    NOT_PRIMARY = "refused by a member that is primary no longer"


class Primary:
    """`coming` happens to the next insert into `commits`, once; `came` is what has happened."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.coming: Change | None = None
        self.came: list[Change] = []

    async def serve(self, client: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        """One connection, a question and its answer at a time, as drivers speak that poll."""
        server, questions = await asyncio.open_connection(HOST, self._port)
        try:
            while True:
                question = await _message(client)
                change = self._change(question)
                if change in (Change.ROLLED_BACK, Change.NOT_PRIMARY):
                    answers.write(_answer(question, change))
                    continue
                questions.write(question)
                answer = await _message(server)
                if change is Change.ANSWER_LOST:
                    return
                answers.write(answer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            pass
        finally:
            for writer in (questions, answers):
                writer.close()

    def _change(self, question: bytes) -> Change | None:
        if self.coming is None or HEADER.unpack_from(question)[3] != OP_MSG:
            return None
        # Documents may follow the body as a section of their own.
        (length,) = struct.unpack_from("<i", question, BODY)
        if bson.decode(question[BODY : BODY + length]).get("insert") != "commits":
            return None
        change, self.coming = self.coming, None
        self.came.append(change)
        return change


def _answer(question: bytes, change: Change) -> bytes:
    if change is Change.NOT_PRIMARY:
        said = {"ok": 0.0, "code": 10107, "codeName": "NotWritablePrimary", "errmsg": "not primary"}
    else:
        concern = {"code": 100, "codeName": "UnsatisfiableWriteConcern", "errmsg": "no majority"}
        said = {"ok": 1.0, "n": 1, "writeConcernError": concern}
    body = bytes(5) + bson.encode(said)
    return HEADER.pack(HEADER.size + len(body), 0, HEADER.unpack_from(question)[1], OP_MSG) + body


async def _message(reader: asyncio.StreamReader) -> bytes:
    header = await reader.readexactly(HEADER.size)
    return header + await reader.readexactly(HEADER.unpack(header)[0] - HEADER.size)


@contextmanager
def changing_primary(port: int) -> Iterator[tuple[Primary, str]]:
    """Before the database on a port of this machine; with it comes the URL to use instead.

    In a thread of its own: a client that is closed says goodbye from the thread of the services.
    """
    primary, loop = Primary(port), asyncio.new_event_loop()
    thread = Thread(target=loop.run_forever, daemon=True)
    thread.start()
    started = asyncio.run_coroutine_threadsafe(asyncio.start_server(primary.serve, HOST, 0), loop)
    own = started.result().sockets[0].getsockname()[1]
    try:
        yield primary, f"mongodb://{HOST}:{own}/?directConnection=true&serverMonitoringMode=poll"
    finally:
        asyncio.run_coroutine_threadsafe(_end(started.result()), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    connections = asyncio.all_tasks() - {asyncio.current_task()}
    for connection in connections:
        connection.cancel()
    if connections:
        await asyncio.wait(connections)
