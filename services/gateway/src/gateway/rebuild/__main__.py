"""`python -m gateway.rebuild`: exit code 0 all as the log says, 1 not all, 69 no database, 75 cut off."""

import argparse
import asyncio
import logging
import signal
import sys
from collections.abc import Callable, Sequence

import orjson

from gateway.ports import Mark
from gateway.rebuild import EQUAL, Finding, Rebuild, Summary
from gateway.rebuild.progress import Progress
from gateway.settings import Settings
from gateway.store import MongoStore
from gateway.view import VIEW_VERSION
from persistence import DatabaseError, connect

OK, WRONG, UNREACHABLE, CUT_OFF = 0, 1, 69, 75


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m gateway.rebuild", description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the views that differ")
    parser.add_argument("--anew", action="store_true", help="do not go on where a rebuild was cut off")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout, nothing else")
    chosen = parser.parse_args(words)
    try:
        return asyncio.run(_run(Settings(), chosen))
    except DatabaseError as error:
        _note(f"the database does not answer: {error}; run it again, it goes on where it was")
        return UNREACHABLE
    except BrokenPipeError:
        sys.stderr.close()
        return CUT_OFF


async def _run(settings: Settings, chosen: argparse.Namespace) -> int:
    database = connect(settings.mongo, "gateway")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        store = MongoStore(database.db)
        begin = None if chosen.anew or not chosen.write else _usable(await store.marked())
        progress = Progress(await store.log_documents(), begin)
        told, end = _as_json() if chosen.json else (_as_line, lambda _: None)
        rebuild = Rebuild(store, write=chosen.write, found=told, settled=progress, stop=stop)
        summary = await rebuild.run(begin=begin)
    finally:
        database.close()
    end(summary)
    return _concluded(summary)


def _usable(mark: Mark | None) -> Mark | None:
    if mark is None or mark.view_version != VIEW_VERSION:
        return None
    _note(
        f"going on behind {mark.after}: {mark.engagements:,} engagements are done since "
        f"{mark.begun_at:%Y-%m-%d %H:%M} UTC (--anew begins again)"
    )
    return mark


def _as_line(finding: Finding) -> None:
    if finding.state != EQUAL:
        sys.stdout.write(f"{finding.engagement} {finding.state}{' replaced' if finding.replaced else ''}\n")


def _as_json() -> tuple[Callable[[Finding], None], Callable[[Summary], None]]:
    """Findings are written as they come, so that a million of them need no memory."""
    separator = '{"findings": ['

    def told(finding: Finding) -> None:
        nonlocal separator
        if finding.state != EQUAL:
            sys.stdout.write(f"{separator}\n{orjson.dumps(finding).decode()}")
            separator = ","

    def end(summary: Summary) -> None:
        begun = separator if separator != "," else ""
        rest = {
            "views": summary.views,
            "states": dict(summary.states),
            "wrong": summary.wrong,
            "events": summary.mark.entries,
            "finished": summary.finished,
        }
        sys.stdout.write(f"{begun}\n], {orjson.dumps(rest).decode().removeprefix('{')}\n")

    return told, end


def _concluded(summary: Summary) -> int:
    differed = summary.views - summary.states[EQUAL]
    _note(f"{summary.views} views, {differed} not as their log says, {summary.wrong} still so")
    if not summary.finished:
        _note(f"cut off behind {summary.mark.after}; with --write the next run goes on from there")
        return CUT_OFF
    return WRONG if summary.wrong else OK


def _note(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    logging.basicConfig(level=logging.ERROR)
    sys.exit(main(sys.argv[1:]))
