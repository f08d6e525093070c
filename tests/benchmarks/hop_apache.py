"""The hop on one Apache Kafka broker, against the bare consumer and producer on the same broker."""

import hop
from form import Result

from runtime.apache_kafka import FIX, missing


def lacks() -> str | None:
    lack = missing()
    return f"{lack}; fix: {FIX}" if lack else None


def run(quick: bool) -> Result:
    return hop.run(quick, "apache", ">= 0.15")
