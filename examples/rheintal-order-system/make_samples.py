"""Makes samples/*.jsonl: what collectors measured before and after go-live, and one bad afternoon.

    python make_samples.py

Equal output every time; the files are committed. Times are relative to the moment the story is played.
"""

import json
import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLES = Path(__file__).with_name("samples")
MINUTES_A_DAY = 1_440
# The afternoon two days after go-live: minutes from its first measurement.
SLOW_FROM, SLOW_UNTIL, LAST = 320, 385, 840
POINTS_A_MESSAGE = 360


@dataclass(frozen=True)
class Kpi:
    """A measured KPI: its level before, its level once people are used to the new system, and the noise."""

    metric: str
    component: str
    unit: str
    before: float
    after: float
    noise: float
    every_days: int = 1


KPIS = (
    Kpi("order_entry_minutes", "erp", "minutes", 14.2, 5.1, 0.9),
    Kpi("order_correction_percent", "erp", "percent of orders", 7.8, 1.9, 0.5),
    Kpi("on_time_delivery_percent", "erp", "percent of orders", 82.0, 95.2, 1.4),
    Kpi("portal_order_percent", "portal", "percent of orders", 4.0, 22.5, 1.6),
    Kpi("partner_order_delay_minutes", "integration", "minutes", 340.0, 8.0, 3.0),
    Kpi("restore_minutes", "backup", "minutes", 480.0, 46.0, 6.0, 4),
    Kpi("password_tickets_per_week", "identity", "tickets", 38.0, 8.0, 1.5, 3),
    Kpi("plant_link_outage_minutes", "network", "minutes per week", 95.0, 7.0, 3.0, 3),
    Kpi("detection_minutes", "monitoring", "minutes", 47.0, 2.8, 0.8, 2),
    Kpi("certificate_search_minutes", "storage", "minutes", 35.0, 1.6, 0.4),
    Kpi("report_age_hours", "analytics", "hours", 72.0, 2.2, 0.6),
    Kpi("query_response_ms", "database", "milliseconds", 2400.0, 210.0, 25.0),
)

Point = dict[str, object]


def at(minutes: int) -> str:
    days, rest = divmod(abs(minutes), MINUTES_A_DAY)
    hours, minute = divmod(rest, 60)
    parts = ((days, "d"), (hours, "h"), (minute, "m"))
    return "@" + ("-" if minutes < 0 else "+") + ("".join(f"{n}{unit}" for n, unit in parts if n) or "0m")


def message(series: str, component: str, unit: str, points: Sequence[Point]) -> dict[str, object]:
    data = {"series": series, "component": component, "unit": unit, "points": list(points)}
    return {"type": "inbound.samples_taken", "data": data}


def history(kpi: Kpi, days: range, level: Callable[[int], float]) -> dict[str, object]:
    rng = random.Random(f"{kpi.metric} {days}")
    points: list[Point] = []
    for day in days:
        value = max(0.0, rng.gauss(level(day), kpi.noise))
        value = min(value, 100.0) if "percent" in kpi.metric else value
        points.append({"at": at(day * MINUTES_A_DAY + rng.randrange(120)), "value": round(value, 2)})
    return message(kpi.metric, kpi.component, kpi.unit, points)


def before(kpi: Kpi) -> dict[str, object]:
    return history(kpi, range(-56, -1, kpi.every_days), lambda _: kpi.before)


def after(kpi: Kpi) -> dict[str, object]:
    """People get used to it: the first days still carry a trace of the old trouble."""
    change = kpi.before - kpi.after
    return history(
        kpi, range(1, 43, kpi.every_days), lambda day: kpi.after + change * 0.05 * math.exp(-day / 3)
    )


def minute_by_minute(
    series: str, component: str, unit: str, minutes: range, level: Callable[[int], float], noise: float
) -> list[dict[str, object]]:
    rng = random.Random(f"{series} {minutes}")
    start = 2 * MINUTES_A_DAY
    points: list[Point] = [
        {"at": at(start + m), "value": round(max(0.0, rng.gauss(level(m), noise)), 1)} for m in minutes
    ]
    batches = (points[i : i + POINTS_A_MESSAGE] for i in range(0, len(points), POINTS_A_MESSAGE))
    return [message(series, component, unit, batch) for batch in batches]


def response_ms(minute: int) -> float:
    """A short peak that is over before anybody need care, then an hour in which a report locks the orders."""
    if 100 <= minute < 103:
        return 950
    if SLOW_FROM <= minute < SLOW_UNTIL:
        return min(1_750, 900 + 60 * (minute - SLOW_FROM))
    return 230 + 40 * math.sin(minute / 60)


def connections_percent(minute: int) -> float:
    return 88 if SLOW_FROM <= minute < SLOW_UNTIL else 42 + 6 * math.sin(minute / 90)


def latency_ms(minute: int) -> float:
    return 24 + 4 * math.sin(minute / 45)


def write(name: str, messages: Sequence[dict[str, object]]) -> None:
    lines = (json.dumps(one, ensure_ascii=False, separators=(",", ":")) for one in messages)
    (SAMPLES / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def main() -> None:
    SAMPLES.mkdir(exist_ok=True)
    write("kpi-before.jsonl", [before(kpi) for kpi in KPIS])
    write("kpi-after.jsonl", [after(kpi) for kpi in KPIS])
    # The first part ends while the order form is slow; the second starts there and sees it recover.
    first, second = range(SLOW_UNTIL - 25), range(SLOW_UNTIL - 25, LAST)
    for name, part in (("afternoon-slow.jsonl", first), ("afternoon-recovered.jsonl", second)):
        write(
            name,
            [
                *minute_by_minute("erp_response_ms", "erp", "milliseconds", part, response_ms, 30),
                *minute_by_minute(
                    "database_connections_percent", "database", "percent", part, connections_percent, 0.5
                ),
                *minute_by_minute("plant_link_latency_ms", "network", "milliseconds", part, latency_ms, 2),
            ],
        )


if __name__ == "__main__":
    main()
