"""A TCP proxy that can be told to be slow: `python -m testkit.faults.slow_proxy PORT UPSTREAM DELAY_FILE`.

The file holds the least and the most milliseconds that every piece from the client waits, as in `50 500`.
"""

import asyncio
import random
import sys
from contextlib import suppress
from pathlib import Path

HOST = "127.0.0.1"
PIECE = 262_144
LOOK_SECONDS = 0.2


class SlowProxy:
    def __init__(self, upstream: int, delays: Path) -> None:
        self._upstream, self._delays = upstream, delays
        self._least = self._most = 0.0

    async def follow(self) -> None:
        """Reads the delays anew every so often; never returns."""
        while True:
            words = self._delays.read_text().split() if self._delays.exists() else []
            self._least, self._most = (
                (float(word) / 1000 for word in words) if len(words) == 2 else (0.0, 0.0)
            )
            await asyncio.sleep(LOOK_SECONDS)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(HOST, self._upstream)
        except OSError:
            writer.close()
            return
        await asyncio.gather(self._pump(reader, far_writer, is_slow=True), self._pump(far_reader, writer))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_slow: bool = False
    ) -> None:
        with suppress(OSError):
            while piece := await reader.read(PIECE):
                if is_slow and self._most:
                    await asyncio.sleep(random.uniform(self._least, self._most))
                writer.write(piece)
                await writer.drain()
        with suppress(OSError):
            writer.close()


async def _main(port: int, upstream: int, delays: Path) -> None:
    proxy = SlowProxy(upstream, delays)
    server = await asyncio.start_server(proxy.serve, HOST, port)
    async with server:
        await proxy.follow()


if __name__ == "__main__":
    import uvloop

    uvloop.run(_main(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
