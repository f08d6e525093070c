#!/bin/sh
# The suites of the embedded servers on others: Apache Kafka, one broker with whole stacks and three, a second
# server of MongoDB's protocol, and Jaeger. Takes paths to run those only. Ends with 2 where Java, Maven or Go is missing.
set -eu
cd "$(dirname "$0")/.."

scripts/kafka.sh
scripts/mongo-java-server.sh
scripts/jaeger.sh
backbone="tests/component/messaging tests/component/gateway tests/faults tests/connected"
failed=0
# shellcheck disable=SC2086 - lists of paths on purpose
{
    .venv/bin/pytest --kafka=apache ${*:-$backbone tests/journeys} || failed=1
    .venv/bin/pytest --kafka=apache3 ${*:-$backbone} || failed=1
    # The other two component suites start stacks of their own.
    .venv/bin/pytest --mongo=java ${*:-tests/component --ignore=tests/component/runtime --ignore=tests/component/traces} \
        || failed=1
}
traced="tests/component/traces tests/journeys/test_stories.py tests/connected/test_jaeger.py tests/connected/test_jaeger_config.py"
if [ $# = 0 ]; then
    # shellcheck disable=SC2086 - a list of paths on purpose
    .venv/bin/pytest --traces=jaeger --kafka=apache $traced || failed=1
fi
exit $failed
