"""What is asked of the system: commands and outside events of many engagements, all drawn from one seed."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from messaging import Message, command_message
from messaging.envelope import inbound_message
from schemas import design, feedback, inbound, intake, migration, monitoring, provisioning
from schemas.base import Command, Event
from testkit.faults.scale import Scale

TENANT, SOURCE = "demo", "/faults/load"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
Payload = Command | Event


class Way(StrEnum):
    KAFKA = "kafka"
    HTTP = "http"


@dataclass(frozen=True)
class Operation:
    """One thing asked once; `once` is the event that it leaves exactly one of, unless it is refused."""

    id: str
    engagement: str
    payload: Payload
    once: str
    way: Way = Way.KAFKA
    repeats: str | None = field(default=None)

    @property
    def message(self) -> Message:
        if isinstance(self.payload, Command):
            return command_message(
                self.payload,
                engagement=self.engagement,
                tenant=TENANT,
                actor="load",
                source=SOURCE,
                id=self.id,
            )
        return inbound_message(
            self.payload, engagement=self.engagement, tenant=TENANT, actor="load", source=SOURCE, id=self.id
        )


Make = Callable[[random.Random, int], tuple[Payload, str]]


def operations(seed: int, scale: Scale) -> list[Operation]:
    """The whole load in its order. The same seed and scale give the same list."""
    choice = random.Random(f"{seed}/load")
    names = _names(choice, scale.engagements)
    per = max(6, scale.operations // scale.engagements)
    queues = {name: list(_of_engagement(choice, name, per)) for name in names}
    merged = _merged(choice, queues)[: scale.operations]
    return _with_duplicates(choice, merged, scale.duplicates)


def _names(choice: random.Random, count: int) -> list[str]:
    found: set[str] = set()
    while len(found) < count:
        found.add("ENG-F" + "".join(choice.choices(_LETTERS, k=6)))
    return sorted(found)


def _merged(choice: random.Random, queues: dict[str, list[Operation]]) -> list[Operation]:
    """Engagements mixed at random, each one's own operations in their order."""
    merged = []
    while queues:
        name = choice.choice(list(queues))
        merged.append(queues[name].pop(0))
        if not queues[name]:
            del queues[name]
    return merged


def _with_duplicates(choice: random.Random, load: list[Operation], share: float) -> list[Operation]:
    """Some of them once more, somewhere later: the very same message."""
    originals = [n for n, operation in enumerate(load) if operation.way is Way.KAFKA]
    chosen = choice.sample(originals, int(len(load) * share))
    placed = [(choice.uniform(n, len(load)), replace(load[n], repeats=load[n].id)) for n in chosen]
    keyed = [(float(n), operation) for n, operation in enumerate(load)] + placed
    return [operation for _, operation in sorted(keyed, key=lambda pair: pair[0])]


def _of_engagement(choice: random.Random, name: str, count: int) -> Iterator[Operation]:
    """It is opened first; then commands in their order, and outside events shuffled among them."""
    steps = [*_journey(choice), *(choice.choice(COMMANDS) for _ in range(count))]
    outside = [choice.choice(OUTSIDE) for _ in range(count)]
    wanted = steps[: max(1, count * 6 // 10)]
    rest = outside[: count - len(wanted)]
    places = sorted(choice.uniform(0.5, len(wanted)) for _ in rest)
    keyed = [(float(n), make) for n, make in enumerate(wanted)] + list(zip(places, rest, strict=True))
    for number, (_, make) in enumerate(sorted(keyed, key=lambda pair: pair[0])):
        payload, once = make(choice, number)
        way = Way.HTTP if choice.random() < 0.1 else Way.KAFKA
        yield Operation(f"{name}-{number}", name, payload, once, way)


def _journey(choice: random.Random) -> list[Make]:
    """The way from a brief to a plan, as far as this engagement goes."""
    first: list[Make] = [_open, _catalogue, _pain_point, _requirement]
    agreeing: list[Make] = [_score, _plan, _agree]
    return first + (agreeing if choice.random() < 0.4 else [])


def _open(choice: random.Random, _: int) -> tuple[Payload, str]:
    people = (
        intake.Stakeholder(
            id="anna", name="Anna Berg", role=intake.StakeholderRole.SPONSOR, department="Board"
        ),
        intake.Stakeholder(id="tom", name="Tom Lis", role=intake.StakeholderRole.KEY_USER, department="Desk"),
    )
    session = intake.Session(
        id="S-1", kind=intake.SessionKind.MEETING, title="Interview", held_at=NOON, attendees=("anna", "tom")
    )
    form = intake.Questionnaire(
        id="Q-1",
        title="How is it",
        questions=(intake.Question(id="q1", text="How good?", kind=intake.QuestionKind.SCALE),),
        invited=("anna", "tom"),
    )
    command = intake.OpenEngagement(
        title=f"Order system {choice.randrange(10**6)}",
        client=intake.Client(name="Hallmark Fittings", industry="Valves", sites=("Leeds",)),
        currency="EUR",
        budget=Decimal("850000.00"),
        start_on=date(2026, 12, 1),
        target_on=date(2027, 6, 30),
        brief=intake.Brief(stakeholders=people, sessions=(session,), questionnaires=(form,)),
    )
    return command, "intake.engagement_opened"


def _catalogue(_: random.Random, number: int) -> tuple[Payload, str]:
    product = design.Product(
        id="PG-M",
        name="PostgreSQL M",
        vendor="Elder Bay",
        slot="database",
        layer=design.Layer.DATA,
        price=Decimal("48000.00"),
        yearly_cost=Decimal("9600.00"),
        ratings={"maturity": 5, "stability": 5, "scalability": 4, "compatibility": 4},
    )
    catalogue = design.Catalogue(id="standard", version=number + 1, products=(product,))
    return design.OfferCatalogue(catalogue=catalogue), "design.catalogue_offered"


def _stakeholder(choice: random.Random, number: int) -> tuple[Payload, str]:
    role = choice.choice(list(intake.StakeholderRole))
    person = intake.Stakeholder(id=f"p{number}", name=f"Person {number}", role=role, department="Sales")
    return intake.RegisterStakeholder(stakeholder=person), "intake.stakeholder_registered"


def _said(choice: random.Random, number: int) -> intake.Statement:
    text = f"Orders are typed {choice.randrange(2, 9)} times."
    return intake.Statement(
        id=f"ST-{number}", session="S-1", speaker=choice.choice(("anna", "tom")), text=text
    )


def _statement(choice: random.Random, number: int) -> tuple[Payload, str]:
    return intake.RecordStatement(statement=_said(choice, number)), "intake.statement_recorded"


def _pain_point(choice: random.Random, number: int) -> tuple[Payload, str]:
    point = intake.PainPoint(
        id=f"P-{number}",
        title="Typed twice",
        causes=(intake.Cause(id="c1", text="No interface between order desk and stores."),),
        solution_idea=choice.choice((None, "Connect them.")),
    )
    return intake.RecordPainPoint(pain_point=point), "intake.pain_point_recorded"


def _requirement(choice: random.Random, number: int) -> tuple[Payload, str]:
    kpi = intake.Kpi(
        metric="lead-time",
        unit="hours",
        direction=intake.Direction.DECREASE,
        baseline=52,
        target=24,
        due_on=date(2027, 3, 31),
        owner="anna",
    )
    requirement = intake.Requirement(
        id=f"R-{number}",
        title="Shorter lead time",
        description="An order is confirmed the same day.",
        importance=choice.randint(1, 5),
        urgency=choice.randint(1, 5),
        effort_days=choice.randint(5, 60),
        needs=(intake.Need(slot="database"),),
        kpi=kpi,
    )
    return intake.RecordRequirement(requirement=requirement), "intake.requirement_recorded"


def _score(_: random.Random, __: int) -> tuple[Payload, str]:
    return intake.ScoreRequirements(), "intake.requirements_scored"


def _plan(_: random.Random, __: int) -> tuple[Payload, str]:
    return intake.ProposePlan(), "intake.plan_proposed"


def _agree(_: random.Random, __: int) -> tuple[Payload, str]:
    return intake.AgreePlan(plan_version=1, agreed_by="anna"), "intake.plan_agreed"


def _ticket(choice: random.Random, number: int) -> tuple[Payload, str]:
    channel = choice.choice((feedback.Channel.PHONE, feedback.Channel.CHAT))
    command = feedback.OpenTicket(
        subject=f"Printer {number}",
        body="It prints nothing.",
        reporter="tom@hallmark.example",
        channel=channel,
    )
    return command, "feedback.ticket_opened"


def _answer_ticket(choice: random.Random, _: int) -> tuple[Payload, str]:
    ticket = f"T-{choice.randint(1, 4)}"
    command = feedback.AnswerTicket(ticket=ticket, body="We look into it.", answered_by="desk")
    return command, "feedback.ticket_answered"


def _resolve_ticket(choice: random.Random, _: int) -> tuple[Payload, str]:
    ticket = f"T-{choice.randint(1, 4)}"
    command = feedback.ResolveTicket(ticket=ticket, solution="New driver.", resolved_by="desk")
    return command, "feedback.ticket_resolved"


def _surveyed(choice: random.Random, number: int) -> feedback.Survey:
    return feedback.Survey(
        id=f"V-{number}",
        kind=feedback.SurveyKind.CSAT,
        score=choice.randint(1, 5),
        stage=choice.choice((feedback.Stage.INTAKE, feedback.Stage.MONITORING)),
        respondent_role="key_user",
        answered_at=NOON + timedelta(minutes=number),
    )


def _survey(choice: random.Random, number: int) -> tuple[Payload, str]:
    return feedback.RecordSurvey(survey=_surveyed(choice, number)), "feedback.survey_recorded"


def _rule(choice: random.Random, number: int) -> tuple[Payload, str]:
    rule = monitoring.Rule(
        id=f"rule-{number}",
        series="lead-time",
        comparison=monitoring.Comparison.ABOVE,
        threshold=choice.randint(20, 60),
        severity=choice.choice(list(monitoring.Severity)),
        component="order-db",
    )
    return monitoring.DefineRule(rule=rule), "monitoring.rule_defined"


def _slo(choice: random.Random, number: int) -> tuple[Payload, str]:
    slo = monitoring.Slo(
        id=f"slo-{number}",
        title="Confirmed in time",
        series="lead-time",
        comparison=monitoring.Comparison.ABOVE,
        threshold=36,
        objective=choice.choice((0.9, 0.95, 0.99)),
    )
    return monitoring.DefineSlo(slo=slo), "monitoring.slo_defined"


def _people(choice: random.Random, number: int) -> tuple[Payload, str]:
    person = provisioning.Person(
        id=f"dev-{choice.randint(1, 5)}", name="Iris Vogel", roles=("engineer",), available_days=number + 1
    )
    return provisioning.OfferPeople(people=(person,)), "provisioning.people_offered"


def _source(choice: random.Random, _: int) -> tuple[Payload, str]:
    source = migration.Source(kind=migration.SourceKind.SQLITE, location=f"old-{choice.randint(1, 3)}.sqlite")
    return migration.RegisterSource(source=source), "migration.source_registered"


def _captured(choice: random.Random, number: int) -> tuple[Payload, str]:
    return inbound.StatementCaptured(statement=_said(choice, number)), "intake.statement_recorded"


def _answered(choice: random.Random, _: int) -> tuple[Payload, str]:
    answers = intake.Answers(
        questionnaire="Q-1",
        respondent=choice.choice(("anna", "tom")),
        answered_at=NOON + timedelta(minutes=choice.randrange(10_000)),
        answers={"q1": choice.randint(1, 5)},
    )
    return inbound.QuestionnaireAnswered(answers=answers), "intake.answers_recorded"


def _survey_sent(choice: random.Random, number: int) -> tuple[Payload, str]:
    return inbound.SurveyAnswered(survey=_surveyed(choice, number)), "feedback.survey_recorded"


def _mail(_: random.Random, number: int) -> tuple[Payload, str]:
    event = inbound.MailReceived(
        message_id=f"<m{number}@hallmark.example>",
        sender="tom@hallmark.example",
        subject=f"Order {number} is missing",
        body="It was here yesterday.",
        received_at=NOON + timedelta(minutes=number),
    )
    return event, "feedback.ticket_opened"


def _samples(choice: random.Random, number: int) -> tuple[Payload, str]:
    points = tuple(
        monitoring.Point(at=NOON + timedelta(minutes=number, seconds=n), value=choice.randint(1, 90))
        for n in range(choice.randint(1, 5))
    )
    event = inbound.SamplesTaken(series="lead-time", component="order-db", unit="hours", points=points)
    return event, "monitoring.samples_quarantined"


def _alert(choice: random.Random, number: int) -> tuple[Payload, str]:
    alert = monitoring.ExternalAlert(
        fingerprint=f"f{number}",
        name="DiskFull",
        firing=True,
        severity=choice.choice(list(monitoring.Severity)),
        component="order-db",
        starts_at=NOON + timedelta(minutes=number),
        summary="The disk is full.",
    )
    event = inbound.AlertsNotified(receiver="throughline", group_key="{}", alerts=(alert,))
    return event, "monitoring.alert_quarantined"


COMMANDS: list[Make] = [
    _statement, _statement, _stakeholder, _pain_point, _ticket, _ticket, _answer_ticket, _resolve_ticket,
    _survey, _rule, _slo, _people, _source, _requirement,
]  # fmt: skip
OUTSIDE: list[Make] = [_captured, _captured, _answered, _survey_sent, _survey_sent, _mail, _samples, _alert]
