"""One engagement's view of 20 kB through GraphQL, against bare Starlette and orjson with the same bytes."""

import asyncio
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import orjson
from form import Result, Row, paired
from stage import HERE, Stage, cpu_seconds, free_port, stage, until_ready
from view_load import QUERY, TENANT, key, stored

from gateway.ports import Standing
from gateway.store import MongoStore
from persistence import connect
from runtime.tokens import ROLES, ensure_key, mint

ENGAGEMENTS, MANY, CONNECTIONS = 200, 500, 16
BARE, GATEWAY = (
    "bare Starlette + orjson, the same bytes",
    "gateway: token, limits, span, view from the database",
)
ANEW = f"gateway: {MANY} engagements, each parsed and projected anew"
COUNT = {BARE: ENGAGEMENTS, GATEWAY: ENGAGEMENTS, ANEW: MANY}
NOTES = (
    f"wrk with one thread and {CONNECTIONS} connections asks for {ENGAGEMENTS} engagements in turn; one "
    "process each side. The gateway checks token and limits, makes a span, and reads the view from the "
    "database for every request.",
    f"What was parsed and projected is used again where the bytes that were read are the same; the row with "
    f"{MANY} engagements asks for more than are kept, so it never is.",
    "Of the gateway's processor time a request: the span 33 us, parsing 42 us and projecting 75 us "
    "where they are not saved, the rest of GraphQL and HTTP 110 us; the driver and its threads take 100 us.",
)


def lacks() -> str | None:
    return None if shutil.which("wrk") else "no wrk; fix: apt-get install wrk"


def run(quick: bool) -> Result:
    seconds, repeats = (2, 1) if quick else (8, 5)
    found, size = asyncio.run(_measure(seconds, repeats))
    rates = {side: [one["requests"] / one["seconds"] for one in runs] for side, runs in found.items()}
    floor = Row(what=BARE, value=median(rates[BARE]), unit="req/s")
    rows = [
        floor,
        paired(GATEWAY, rates[GATEWAY], "req/s", floor, rates[BARE], ">= 0.15"),
        paired(ANEW, rates[ANEW], "req/s", floor, rates[BARE]),
        *(_of(side, what, unit, runs) for side, runs in found.items() for what, unit in COSTS),
    ]
    return Result(
        name="engagement_query",
        title=f"An engagement's view of {size:,} bytes",
        repeats=repeats,
        rows=rows,
        notes=NOTES,
    )


SHORT = {BARE: "bare", GATEWAY: "gateway", ANEW: "gateway, anew"}
COSTS = (("p50", "ms"), ("p99", "ms"), ("CPU", "us/req"), ("the database's CPU", "us/req"))


def _of(side: str, what: str, unit: str, runs: Sequence[dict[str, Any]]) -> Row:
    return Row(what=f"{SHORT[side]}: {what}", value=median(one[what] for one in runs), unit=unit)


async def _measure(seconds: int, repeats: int) -> tuple[dict[str, list[dict[str, Any]]], int]:
    async with stage() as on:
        await _fill(on)
        with TemporaryDirectory() as name, ExitStack() as stack:
            folder, ports = Path(name), {side: free_port() for side in (BARE, GATEWAY)}
            secret = folder / "key"
            ensure_key(secret)
            token = mint(secret, tenant=TENANT, actor="bench", roles=ROLES)
            settings = {"HTTP_PORT": str(ports[GATEWAY]), "GATEWAY_JWT_KEY_FILE": str(secret)}
            pids = {GATEWAY: stack.enter_context(on.process("-m", "gateway", **settings)).pid}
            await until_ready([ports[GATEWAY]])
            answers = await _answers(ports[GATEWAY], token, folder)
            (folder / "documents").write_bytes(orjson.dumps({k: orjson.loads(a) for k, a in answers.items()}))
            words = ("bare_worker.py", str(folder / "documents"), str(ports[BARE]))
            pids[BARE] = stack.enter_context(on.process(*words)).pid
            await until_ready([ports[BARE]])
            if await _answers(ports[BARE], token, folder) != answers:
                raise RuntimeError("the two sides answer with different bytes")
            ports[ANEW], pids[ANEW] = ports[GATEWAY], pids[GATEWAY]
            found: dict[str, list[dict[str, Any]]] = {BARE: [], GATEWAY: [], ANEW: []}
            for _ in range(repeats):
                for side, runs in found.items():
                    load = partial(_load, ports[side], token, folder, COUNT[side])
                    runs.append(await _wrk(on, pids[side], load, seconds))
            return found, len(answers[key(0)])


async def _fill(on: Stage) -> None:
    database = connect(on.mongo, "gateway")
    nothing = Standing(cursor=0, view_version=0, edition=0, equal=False)
    await MongoStore(database.db).replace([(stored(number), nothing) for number in range(MANY)])
    database.close()


async def _answers(port: int, token: str, folder: Path) -> dict[str, bytes]:
    """What each engagement's request is answered with; the requests are written for wrk."""
    found = {}
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    async with httpx.AsyncClient(trust_env=False, headers=headers) as http:
        for number in range(MANY):
            body = json.dumps({"query": QUERY, "variables": {"id": key(number)}})
            (folder / f"{number}.json").write_text(body)
            answer = await http.post(f"http://127.0.0.1:{port}/graphql", content=body)
            answer.raise_for_status()
            if b'"errors"' in answer.content or b'"engagement":null' in answer.content:
                raise RuntimeError(answer.text[:500])
            found[key(number)] = answer.content
    return found


async def _wrk(on: Stage, pid: int, load: Callable[[int], dict[str, Any]], seconds: int) -> dict[str, Any]:
    await asyncio.to_thread(load, 1)
    before, database = cpu_seconds(pid), cpu_seconds(on.database_pid)
    done = await asyncio.to_thread(load, seconds)
    if done["bad"]:
        raise RuntimeError(f"{done['bad']} of {done['requests']} requests failed")
    per = 1e6 / done["requests"]
    return {
        **done,
        "CPU": round((cpu_seconds(pid) - before) * per, 1),
        "the database's CPU": round((cpu_seconds(on.database_pid) - database) * per, 1),
    }


def _load(port: int, token: str, folder: Path, count: int, seconds: int) -> dict[str, Any]:
    words = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "-s", str(HERE / "engagement_query.lua")]
    words += [f"http://127.0.0.1:{port}/graphql", "--", str(count), token, str(folder)]
    said = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found
