"""The plan of faults of a seed, and how each is done to a running system."""

import asyncio
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from runtime.servers import SERVICES
from testkit.faults.scale import Scale
from testkit.faults.system import DISK_MEGABYTES, System, altered, resize_disk, used_megabytes

SESSION_SECONDS = 3.0
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
    while len(wanted) < scale.faults:
        wanted.append(_at_random(choice, brokers))
    choice.shuffle(wanted)
    step = scale.seconds / (len(wanted) + 1)
    times = [step * (n + choice.uniform(0.6, 1.2)) for n in range(len(wanted))]
    return [Fault(at, *what) for at, what in zip(times, wanted, strict=True)]


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


Do = Callable[[System, Fault], Awaitable[str | None]]
"""Does the fault and returns when it is over: None, or why it could not be done."""


async def _kill(system: System, fault: Fault) -> str | None:
    system.keeper.signal(fault.victim, signal.SIGKILL)
    return None


async def _stop(system: System, fault: Fault) -> str | None:
    system.keeper.signal(fault.victim, signal.SIGSTOP)
    await asyncio.sleep(fault.seconds)
    system.keeper.signal(fault.victim, signal.SIGCONT)
    return None


async def _storm(system: System, fault: Fault) -> str | None:
    """Others of the group join and leave every two seconds, some without a word."""
    choice = random.Random(f"{fault}")
    loop = asyncio.get_running_loop()
    end, there = loop.time() + fault.seconds, list[str]()
    while loop.time() < end:
        if len(there) < 2:
            there.append(await system.add_replica(fault.victim))
        else:
            await system.keeper.dismiss(there.pop(0), kindly=choice.random() < 0.5)
        await asyncio.sleep(2)
    await asyncio.gather(*(system.keeper.dismiss(name) for name in there))
    return None


async def _slow(system: System, fault: Fault) -> str | None:
    system.delays.write_text("50 500")
    await asyncio.sleep(fault.seconds)
    system.delays.write_text("")
    return None


async def _full_disk(system: System, fault: Fault) -> str | None:
    if system.disk is None:
        return "no disk of its own could be mounted for the database"
    kept = system.keeper.kept["mongo"]
    kept.may_end = True
    if not resize_disk(system.disk, used_megabytes(system.disk) + 1):
        return "the disk could not be made smaller"
    await asyncio.sleep(fault.seconds)
    resize_disk(system.disk, DISK_MEGABYTES)
    # A database that has met a full disk is started again by whoever runs it.
    system.keeper.signal("mongo", signal.SIGKILL)
    await system.keeper.until_ready("mongo")
    kept.may_end = False
    return None


async def _leap(system: System, fault: Fault) -> str | None:
    if system.leaping is None:
        return "libfaketime is not installed (Debian package faketime)"
    system.set_clock(random.Random(f"{fault}").choice(("+1d", "-1d")))
    await asyncio.sleep(fault.seconds)
    system.set_clock("+0d")
    return None


async def _older(system: System, fault: Fault) -> str | None:
    """A replica that knows one event type less works beside the new version, as in a rolling upgrade."""
    argv = altered("knows-less", fault.victim, OLDER[fault.victim])
    name = await system.add_replica(fault.victim, argv)
    await system.keeper.until_ready(name)
    await asyncio.sleep(fault.seconds)
    await system.keeper.dismiss(name)
    return None


DOINGS: dict[str, Do] = {
    "kill": _kill,
    "stop": _stop,
    "rebalance storm of": _storm,
    "slow": _slow,
    "full disk of": _full_disk,
    "clock leap of": _leap,
    "older version of": _older,
}
