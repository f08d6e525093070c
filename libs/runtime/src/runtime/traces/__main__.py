"""`python -m runtime.traces`: the trace store as a process of the local stack."""

import argparse
import asyncio
import logging
import signal
from contextlib import AsyncExitStack

import httpx

from runtime.traces.app import build_app, build_pages
from runtime.traces.jaeger_traces import JaegerTraces
from runtime.traces.store import TraceStore
from telemetry import HttpSettings, configure_logs, serve


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="runtime.traces", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8403, help="0: any free port")
    parser.add_argument("--gateway-url", default="", help="where pages link to an engagement's query")
    parser.add_argument("--jaeger", default="", help="draw pages from the Jaeger there, and keep nothing")
    parser.add_argument("--max-traces", type=int, default=5_000)
    parser.add_argument("--max-spans", type=int, default=200_000)
    return parser.parse_args()


async def run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as around:
        if options.jaeger:
            client = httpx.AsyncClient(base_url=options.jaeger, trust_env=False, timeout=20)
            app = build_pages(JaegerTraces(await around.enter_async_context(client)), options.gateway_url)
        else:
            app = build_app(TraceStore(options.max_traces, options.max_spans), options.gateway_url)
        settings = HttpSettings(host=options.host, port=options.port)
        port = await around.enter_async_context(serve(app, settings))
        logging.getLogger("runtime.traces").info("listening", extra={"host": options.host, "port": port})
        await stop.wait()


if __name__ == "__main__":
    configure_logs("traces")
    asyncio.run(run(arguments()))
