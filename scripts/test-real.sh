#!/bin/sh
# The suites of the embedded broker on Apache Kafka, on one broker and on three, and whole stacks on one.
# Takes paths to run those only. Ends with 2 where Java is missing.
set -eu
cd "$(dirname "$0")/.."

scripts/kafka.sh
backbone="tests/component/messaging tests/component/gateway tests/faults tests/connected"
failed=0
# shellcheck disable=SC2086 - lists of paths on purpose
{
    .venv/bin/pytest --kafka=apache ${*:-$backbone tests/journeys} || failed=1
    .venv/bin/pytest --kafka=apache3 ${*:-$backbone} || failed=1
}
exit $failed
