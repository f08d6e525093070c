"""An engagement with promises to keep, with good defaults."""

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from feedback import model
from schemas.design import Component, Layer
from schemas.feedback import (
    AdoptComponents,
    AdoptKpis,
    ReceiveMail,
    RecordGoLive,
    RecordMeasurements,
    RecordSurvey,
    Stage,
    Survey,
    SurveyKind,
)
from schemas.intake import Direction, Kpi, Need, Requirement
from schemas.monitoring import Point
from testkit.scenario import NOON, Scenario, scenario

LIVE = datetime(2026, 4, 1, tzinfo=UTC)


def day(count: float) -> datetime:
    """Days since go-live."""
    return LIVE + timedelta(days=count)


def kpi(**changes: Any) -> Kpi:
    base = Kpi(
        metric="lead-time", unit="days", direction=Direction.DECREASE, baseline=9, target=4,
        due_on=date(2026, 7, 1), owner="anna",
    )  # fmt: skip
    return base.model_copy(update=changes)


def requirement(**changes: Any) -> Requirement:
    base = Requirement(
        id="R-1", title="Orders are entered once", description="No retyping", solves=("P-1",), importance=5,
        urgency=2, effort_days=30, needs=(Need(slot="erp"),), kpi=kpi(),
    )  # fmt: skip
    return base.model_copy(update=changes)


def measurements(
    *values: float, metric: str = "lead-time", first: float = 0, unit: str | None = "days"
) -> Any:
    """One value a day from day `first` on."""
    points = tuple(Point(at=day(first + n), value=value) for n, value in enumerate(values))
    return RecordMeasurements(metric=metric, points=points, unit=unit)


def mail(message_id: str, **changes: Any) -> ReceiveMail:
    base = ReceiveMail(
        message_id=message_id, sender="Kim <kim@client.example>", subject="Printer",
        body="It does not print.",
        received_at=NOON,
    )  # fmt: skip
    return base.model_copy(update=changes)


def survey(name: str, score: int, **changes: Any) -> RecordSurvey:
    base = Survey(
        id=name, kind=SurveyKind.CSAT, score=score, stage=Stage.MIGRATION, respondent_role="key_user",
        answered_at=NOON,
    )  # fmt: skip
    return RecordSurvey(survey=base.model_copy(update=changes))


def adopt(*requirements: Requirement, cycle: int = 1) -> AdoptKpis:
    return AdoptKpis(cycle=cycle, requirements=requirements or (requirement(),))


@pytest.fixture
def make() -> SimpleNamespace:
    erp = Component(id="erp", name="Order system", layer=Layer.APPLICATION, product="erp-1")
    shop = Component(id="web-shop", name="Customer web shop", layer=Layer.APPLICATION, product="shop-1")
    return SimpleNamespace(
        erp=erp,
        day=day, kpi=kpi, requirement=requirement, measurements=measurements, mail=mail, survey=survey,
        adopt=adopt, components=AdoptComponents(components=(erp, shop)),
    )  # fmt: skip


@pytest.fixture
def empty() -> Scenario:
    return scenario(model)


@pytest.fixture
def agreed(empty: Scenario) -> Scenario:
    return empty.when(adopt(), at=NOON)


@pytest.fixture
def live(agreed: Scenario) -> Scenario:
    return agreed.when(RecordGoLive(), at=LIVE)
