"""The same hop on Apache Kafka."""

import hop
from form import Result


def run(quick: bool) -> Result:
    return hop.run(quick, "apache", ">= 0.15")
