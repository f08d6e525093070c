"""A process of a service whose work ends the process; started by test_killing_work.py."""

import os
import sys

from messaging import Activity, KafkaSettings, ServiceApp, ServiceSettings, Work, run
from persistence import MongoSettings
from schemas import intake
from telemetry import HttpSettings, TelemetrySettings
from testkit.register import register_service, stakeholder


async def work(event: intake.StakeholderRegistered, _: Work) -> None:
    if event.stakeholder.id == "killer":
        os._exit(9)


def instead(event: intake.StakeholderRegistered, error: str) -> intake.RegisterStakeholder:
    return stakeholder("deputy")


if __name__ == "__main__":
    kafka, mongo, prefix = sys.argv[1:]
    activity = Activity(
        on=intake.StakeholderRegistered, run=work, give_up=instead, max_cut_off=2, lease_seconds=1
    )
    settings = ServiceSettings(
        kafka=KafkaSettings(bootstrap_servers=kafka, partitions=3, session_timeout_ms=2_000),
        mongo=MongoSettings(url=mongo, database_prefix=prefix),
        telemetry=TelemetrySettings(),
        http=HttpSettings(port=0),
    )
    run(ServiceApp(register_service(activities=[activity]), settings))
