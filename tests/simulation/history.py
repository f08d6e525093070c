"""What happens in one run: who says what and when, what breaks, and how hard it is."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from messaging.envelope import Envelope, Headers, to_headers
from schemas import design
from schemas.base import Payload
from simulation.faults import Plan, Random
from simulation.loop import EPOCH
from simulation.service import FOREIGN, NEWER, QUIET, REJECTED
from testkit.register import stakeholder

ENGAGEMENTS = ("ENG-AAAA", "ENG-BBBB", "ENG-CCCC")
KINDS = ("ok", "ok", "no", "bad", "once", "once", "work", "long", "flaky", "doom", "timer", "same", "same")


@dataclass(frozen=True)
class Said:
    """One record that somebody puts on a topic at a moment."""

    at: float
    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    poison: bool = False


@dataclass(frozen=True)
class History:
    seed: int
    said: Sequence[Said]
    plan: Plan
    replicas: int = 2
    upheavals: Sequence[tuple[float, str]] = ()
    """Moments at which a replica is frozen, taken for dead, stopped, or one more joins."""
    mended: dict[str, float] = field(default_factory=dict)
    """When the bug on a name is mended; names that are not in it are for operators to skip."""
    upgraded: float = 0.0
    """Until then every other replica is of an older release."""
    loses: bool = False
    """Upstream events are missing for good; operators declare them lost."""
    most: int = 4
    """Records in a fetched batch."""

    @property
    def ends(self) -> float:
        """After this nothing new goes wrong."""
        return max(
            [
                12.0,
                self.upgraded,
                *(s.at for s in self.said),
                *(at for at, _ in self.upheavals),
                *self.mended.values(),
            ]
        )


def message(
    payload: Payload, engagement: str, identity: str, **about: str | int | None
) -> tuple[bytes, Headers]:
    """The bytes and headers of a message from outside, at the same time of day in every run."""
    envelope = Envelope(
        **{
            "id": identity,
            "source": "/client",
            "type": payload.wire_type(),
            "time": EPOCH,
            "engagement": engagement,
            "tenant": "acme",
            "correlation": identity,
            **about,
        }  # type: ignore[arg-type]
    )
    return payload.model_dump_json().encode(), to_headers(envelope)


def command(at: float, engagement: str, name: str, identity: str, tenant: str = "acme") -> Said:
    value, headers = message(stakeholder(name), engagement, identity, tenant=tenant)
    return Said(at, "intake.commands", engagement.encode(), value, headers)


def upstream(
    at: float, engagement: str, name: str, sequence: int, *, quiet: bool = False, wire_type: str = REJECTED
) -> Said:
    event = design.ProposalRejected(proposal_version=1, rejected_by=name, comments=QUIET if quiet else "loud")
    identity = f"{engagement}/design/{sequence}"
    value, headers = message(
        event,
        engagement,
        identity,
        sequence=sequence,
        source="/throughline/design",
        type=wire_type,
    )
    return Said(at, "design.events", engagement.encode(), value, headers)


def poison(at: float, engagement: str, number: int) -> Said:
    return Said(
        at, "intake.commands", engagement.encode(), b"{", [("ce_id", f"poison-{number}".encode())], True
    )


def random_history(seed: int) -> History:
    """A history of a few seconds; equal seeds give equal ones."""
    rng = random.Random(seed)
    engagements = ENGAGEMENTS[: rng.randint(1, 3)]
    said: list[Said] = []
    for engagement in engagements:
        said += _commands(rng, engagement)
        said += _upstream(rng, engagement)
    said += [poison(rng.uniform(0, 4), rng.choice(engagements), n) for n in range(rng.choice((0, 0, 1)))]
    bad = sorted({n for s in said for n in _bad_names(s)})
    return History(
        seed,
        sorted(said, key=lambda s: s.at),
        Random(random.Random(seed + 1), rng.choice((0.0, 0.01, 0.04, 0.15)), until=10.0),
        replicas=rng.randint(1, 3),
        upheavals=_upheavals(rng),
        mended={name: rng.uniform(1, 10) for name in bad if rng.random() < 0.5},
        most=rng.choice((1, 3, 8)),
    )


def contended_history(seed: int) -> History:
    """A queue of gaps, a failure and what waits behind it, and three replicas that try it at once."""
    rng = random.Random(seed)
    one = ENGAGEMENTS[0]
    said = [upstream(0.2, one, "ok-u2", 2), upstream(0.25, one, "ok-u3", 3), upstream(0.6, one, "bad-u1", 1)]
    said += [command(0.9, one, f"ok-{n}", f"c{n}") for n in range(6)]
    plan = Random(random.Random(seed + 1), rng.choice((0.0, 0.01, 0.04)), until=10.0)
    return History(seed, said, plan, replicas=3, mended={"bad-u1": rng.uniform(1, 4)}, most=8)


def upgrade_history(seed: int) -> History:
    """Two releases side by side, and events of which only the newer one knows what to do with them."""
    rng = random.Random(seed)
    said: list[Said] = []
    for engagement in ENGAGEMENTS[: rng.randint(1, 2)]:
        said += _commands(rng, engagement)
        at = rng.uniform(0, 3)
        for sequence in range(1, rng.randint(2, 7)):
            wire_type = rng.choice((REJECTED, FOREIGN, *NEWER))
            quiet = wire_type == FOREIGN or (wire_type == REJECTED and rng.random() < 0.25)
            name = f"{rng.choice(('ok', 'once', 'work'))}-u{sequence}"
            said.append(upstream(at, engagement, name, sequence, quiet=quiet, wire_type=wire_type))
            at += rng.choice((0, 0.4, 2))
    bad = sorted({n for s in said for n in _bad_names(s)})
    return History(
        seed,
        sorted(said, key=lambda s: s.at),
        Random(random.Random(seed + 1), rng.choice((0.0, 0.01, 0.04)), until=10.0),
        replicas=rng.randint(1, 3),
        upheavals=_upheavals(rng),
        mended={name: rng.uniform(1, 10) for name in bad},
        upgraded=rng.uniform(4, 12),
        most=rng.choice((1, 3, 8)),
    )


def lost_history(seed: int) -> History:
    """Some upstream events never come, and some of the others cannot be handled."""
    rng = random.Random(seed)
    said: list[Said] = []
    for engagement in ENGAGEMENTS[: rng.randint(1, 2)]:
        numbers = sorted(rng.sample(range(2, 9), rng.randint(1, 3)))
        kinds = [rng.choice(("ok", "once", "bad", "work")) for _ in numbers]
        said += [
            upstream(rng.uniform(0, 3), engagement, f"{kind}-u{number}", number)
            for kind, number in zip(kinds, numbers, strict=True)
        ]
    plan = Random(random.Random(seed + 1), rng.choice((0.0, 0.01, 0.04)), until=10.0)
    bad = sorted({n for s in said for n in _bad_names(s) if not n.startswith("bad-u")})
    return History(
        seed,
        sorted(said, key=lambda s: s.at),
        plan,
        replicas=rng.randint(1, 3),
        upheavals=_upheavals(rng),
        mended={name: rng.uniform(1, 10) for name in bad},
        loses=True,
    )


def killer_history(seed: int) -> History:
    """A run that takes its process along each time, and others that would be done if they were left alone."""
    rng = random.Random(seed)
    names = [f"killer-{n}" for n in range(rng.randint(1, 2))]
    names += [f"{rng.choice(('work', 'long', 'timer'))}-i{n}" for n in range(rng.randint(1, 5))]
    rng.shuffle(names)
    said = [command(0.2 + n / 50, ENGAGEMENTS[n % 3], name, f"c{n}") for n, name in enumerate(names)]
    plan = Random(random.Random(seed + 1), 0.0, until=0.0)
    return History(seed, said, plan, replicas=rng.randint(1, 2))


def short_histories(plan: Plan) -> dict[str, History]:
    """Small enough to try every fault at every call: answers, order, failures and work."""
    one, two = ENGAGEMENTS[:2]
    said = {
        "a command, its repetition, a refusal": [
            command(0.2, one, "ok-0", "c0"),
            command(0.2, one, "no-1", "c1"),
            command(0.3, one, "once-2", "c2"),
            command(0.3, one, "once-2", "c2"),
            command(0.3, two, "ok-0", "d0"),
        ],
        "events out of order, and poison": [
            upstream(0.2, one, "ok-u2", 2),
            poison(0.2, one, 0),
            command(0.2, one, "ok-same", "c0"),
            upstream(0.4, one, "once-u1", 1),
            upstream(0.4, one, "ok-u3", 3, quiet=True),
            upstream(0.5, one, "ok-same", 4),
            upstream(0.5, one, "once-u1", 1),
        ],
        "a failure, what waits behind it, and a neighbour": [
            command(0.2, one, "bad-0", "c0"),
            command(0.2, one, "once-1", "c1"),
            command(0.2, two, "ok-0", "d0"),
            command(0.8, one, "once-2", "c2"),
        ],
        "work that is done, fails once, and is given up": [
            command(0.2, one, "work-0", "c0"),
            command(0.2, one, "flaky-1", "c1"),
            command(0.2, one, "doom-2", "c2"),
        ],
    }
    return {
        name: History(number, lines, plan, replicas=1, mended={"bad-0": 1.0} if "failure" in name else {})
        for number, (name, lines) in enumerate(said.items())
    }


def _commands(rng: random.Random, engagement: str) -> list[Said]:
    said, at = [], rng.uniform(0, 1)
    for number in range(rng.randint(1, 6)):
        kind = rng.choice(KINDS)
        name = "ok-same" if kind == "same" else f"{kind}-{number}"
        tenant = "other" if rng.random() < 0.04 else "acme"
        one = command(at, engagement, name, f"{engagement[-1]}{number}", tenant)
        said.append(one)
        if rng.random() < 0.15:
            said.append(
                command(at + rng.choice((0, 0.05, 3)), engagement, name, f"{engagement[-1]}{number}", tenant)
            )
        at += rng.choice((0, 0, 0.01, 0.5, 2))
    return said


def _upstream(rng: random.Random, engagement: str) -> list[Said]:
    said, at = [], rng.uniform(0, 2)
    for sequence in range(1, rng.randint(0, 4) + 1):
        name = f"{rng.choice(('ok', 'once', 'bad', 'work', 'no'))}-u{sequence}"
        if rng.random() < 0.2:
            name = "ok-same"
        quiet = rng.random() < 0.25
        early = at + rng.choice((0, 0, 0, 0.3, 1.5))
        for _ in range(rng.choice((1, 1, 1, 2))):
            said.append(upstream(early, engagement, name, sequence, quiet=quiet))
            early += rng.choice((0, 0.5))
        at += rng.choice((0, 0.01, 0.4))
    return said


def _bad_names(said: Said) -> list[str]:
    return [word for word in (said.value or b"").decode().split('"') if word.startswith("bad-")]


def _upheavals(rng: random.Random) -> list[tuple[float, str]]:
    kinds = ("freeze", "zombie", "stop", "join", "kill")
    return sorted((rng.uniform(0, 8), rng.choice(kinds)) for _ in range(rng.choice((0, 1, 2, 4))))
