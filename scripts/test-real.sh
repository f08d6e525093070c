#!/bin/sh
# The suites of the embedded broker on Apache Kafka, on one broker and on three. Ends with 2 where Java is missing.
set -eu
cd "$(dirname "$0")/.."

scripts/kafka.sh
suites=${*:-tests/component/messaging}
failed=0
for brokers in apache apache3; do
    # shellcheck disable=SC2086 - a list of paths on purpose
    .venv/bin/pytest --kafka="$brokers" $suites || failed=1
done
exit $failed
