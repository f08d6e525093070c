"""The plan of faults of a seed, and how each is done to a running system."""

import asyncio
import random
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass

import httpx

from persistence import DatabaseError, connect
from runtime.servers import SERVICES
from testkit.faults.scale import Scale
from testkit.faults.system import DISK_KILOBYTES, System, altered, resize_disk, used_kilobytes

SESSION_SECONDS = 3.0
STARTS_SECONDS = 4.0
"""What a process takes to be ready on a busy machine."""
LASTS_SECONDS = 2.5
LONGER_SECONDS = 12
OLDER = {"design": "intake.statement_recorded", "feedback": "intake.statement_recorded"}
"""A service that can run in an older version, and the event that this version does not know."""


@dataclass(frozen=True)
class Fault:
    """`at` is seconds after the load began; `seconds` how long it lasts, 0 for a kill."""

    at: float
    kind: str
    victim: str
    seconds: float = 0.0

    def __str__(self) -> str:
        lasting = f" for {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.at:6.1f} s  {self.kind} {self.victim}{lasting}"


def plan_of(seed: int, scale: Scale, brokers: int = 0) -> list[Fault]:
    """Every kind at least once; what is left of the number is killed and stopped at random."""
    choice = random.Random(f"{seed}/faults")
    wanted = [*_once_each(choice, scale, brokers), *_kill_each(brokers)]
    while len(wanted) < scale.faults or sum(kind == "kill" for kind, _, _ in wanted) < scale.kills:
        wanted.append(_at_random(choice, brokers))
    choice.shuffle(wanted)
    # What lasts begins in turn, and is over before the load is: a fault that meets no messages shows nothing.
    lasting = [what for what in wanted if what[2] > LASTS_SECONDS or "of" in what[0].split()]
    brief = [what for what in wanted if what not in lasting]
    last = scale.seconds - max(seconds for _, _, seconds in lasting) - STARTS_SECONDS
    planned = [*_spread(choice, lasting, last), *_spread(choice, brief, scale.seconds)]
    return sorted(planned, key=lambda fault: fault.at)


def _spread(choice: random.Random, wanted: Sequence["_What"], seconds: float) -> list[Fault]:
    step = seconds / (len(wanted) + 1)
    return [Fault(step * (n + choice.uniform(0.6, 1.2)), *what) for n, what in enumerate(wanted)]


def leaping_service(seed: int) -> str:
    return random.Random(f"{seed}/clock").choice(("intake", "feedback", "monitoring", "design"))


_What = tuple[str, str, float]


def _once_each(choice: random.Random, scale: Scale, brokers: int) -> list[_What]:
    restless = scale.restless_seconds
    return [
        ("stop", choice.choice(SERVICES), choice.uniform(0.3, 2.0)),
        ("stop", choice.choice(SERVICES), SESSION_SECONDS + choice.uniform(1.5, 4.0)),
        ("stop", "mongo", choice.uniform(0.5, 2.0)),
        ("stop", "broker 0" if brokers else "kafka", choice.uniform(0.5, 2.0)),
        ("rebalance storm of", choice.choice(("intake", "feedback", "gateway")), restless + 4),
        ("slow", "mongo", restless),
        ("full disk of", "mongo", restless / 2),
        ("clock leap of", "one service", restless),
        ("older version of", choice.choice(list(OLDER)), restless + 6),
    ]


def _kill_each(brokers: int) -> list[_What]:
    victims = [*SERVICES, "mongo", *(f"broker {n}" for n in range(brokers))]
    return [("kill", name, 0.0) for name in victims]


def _at_random(choice: random.Random, brokers: int) -> _What:
    victims = [*SERVICES, "mongo", *([f"broker {n}" for n in range(brokers)] or ["kafka"])]
    victim = choice.choice(victims)
    if victim != "kafka" and choice.random() < 0.7:
        return ("kill", victim, 0.0)
    return ("stop", victim, choice.choice((0.3, 1.0, 2.0, SESSION_SECONDS + 3)))


class CannotBe(Exception):
    """A fault that this machine cannot have, and why."""


@dataclass(frozen=True)
class Shown:
    """What shows that a fault happened; `is_real` is False when it met nothing, and so proves nothing."""

    said: str
    is_real: bool = True


Do = Callable[[System, Fault], Awaitable[Shown]]
"""Does the fault and returns when it is over. Raises CannotBe."""


async def _kill(system: System, fault: Fault) -> Shown:
    system.keeper.signal(fault.victim, signal.SIGKILL)
    return Shown("SIGKILL")


async def _stop(system: System, fault: Fault) -> Shown:
    system.keeper.signal(fault.victim, signal.SIGSTOP)
    await asyncio.sleep(fault.seconds)
    system.keeper.signal(fault.victim, signal.SIGCONT)
    return Shown("SIGSTOP")


async def _storm(system: System, fault: Fault) -> Shown:
    """Others of the group join and leave every two seconds, some without a word."""
    choice = random.Random(f"{fault}")
    loop = asyncio.get_running_loop()
    end, there, joined, left = loop.time() + fault.seconds, list[str](), 0, 0
    while loop.time() < end:
        if len(there) < 2:
            there.append(await system.add_replica(fault.victim))
            joined += 1
        else:
            await system.keeper.dismiss(there.pop(0), kindly=choice.random() < 0.5)
            left += 1
        await asyncio.sleep(2)
    await asyncio.gather(*(system.keeper.dismiss(name) for name in there))
    return Shown(f"{joined} joined, {left} of them left meanwhile", joined > 1)


async def _slow(system: System, fault: Fault) -> Shown:
    system.delays.write_text("50 500")
    slowest, end = 0.0, time.monotonic() + fault.seconds
    with closing(connect(system.slowed, "faults")) as database:
        while time.monotonic() < end:
            asked = time.monotonic()
            with suppress(DatabaseError):
                await database.ping()
                slowest = max(slowest, time.monotonic() - asked)
            await asyncio.sleep(0.2)
    system.delays.write_text("")
    return Shown(f"an answer took up to {slowest * 1000:.0f} ms", slowest > 0.1)


async def _full_disk(system: System, fault: Fault) -> Shown:
    if system.disk is None:
        raise CannotBe("no disk of its own could be mounted for the database")
    kept = system.keeper.kept["mongo"]
    kept.may_end = True
    if not resize_disk(system.disk, used_kilobytes(system.disk)):
        raise CannotBe("the disk could not be made smaller")
    least = shutil.disk_usage(system.disk).free
    await asyncio.sleep(fault.seconds)
    least = min(least, shutil.disk_usage(system.disk).free)
    resize_disk(system.disk, DISK_KILOBYTES)
    # A database that has met a full disk is started again by whoever runs it.
    system.keeper.signal("mongo", signal.SIGKILL)
    await system.keeper.until_ready("mongo")
    kept.may_end = False
    return Shown(f"{least} bytes were free", least < 65_536)


async def _leap(system: System, fault: Fault) -> Shown:
    if system.leaping is None:
        raise CannotBe("libfaketime is not installed (Debian package faketime)")
    offset = random.Random(f"{fault}").choice(("+1d", "-1d"))
    system.set_clock(offset)
    await asyncio.sleep(fault.seconds)
    dated = await _until_some(lambda: system.dated_off(system.leaping))
    system.set_clock("+0d")
    return Shown(f"{system.leaping} {offset}, {dated} commits", dated > 0)


async def _older(system: System, fault: Fault) -> Shown:
    """A replica that knows one event type less works beside the new version, as in a rolling upgrade."""
    argv = altered("knows-less", fault.victim, OLDER[fault.victim])
    name = await system.add_replica(fault.victim, argv)
    await system.keeper.until_ready(name)
    await asyncio.sleep(fault.seconds)
    written = await _until_some(lambda: system.commits(name))
    await system.keeper.dismiss(name)
    return Shown(f"it wrote {written} commits", written > 0)


async def _until_some(count: Callable[[], Awaitable[int]]) -> int:
    """What other faults hold up at this moment may take a while; 0 when it never came."""
    found = 0
    for _ in range(LONGER_SECONDS):
        with suppress(DatabaseError, httpx.HTTPError):
            found = await count()
        if found:
            break
        await asyncio.sleep(1)
    return found


DOINGS: dict[str, Do] = {
    "kill": _kill,
    "stop": _stop,
    "rebalance storm of": _storm,
    "slow": _slow,
    "full disk of": _full_disk,
    "clock leap of": _leap,
    "older version of": _older,
}
