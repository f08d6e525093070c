"""The doctor judges by the numbers and limits of the alerts, and names the way out."""

import re
from pathlib import Path

import pytest
import yaml

from runtime.diagnosis import SYMPTOMS, Symptom, judge, numbers_in

ROOT = Path(__file__).parents[3]
RULES = {
    rule["alert"]: rule
    for group in yaml.safe_load((ROOT / "deploy/prometheus/alerts.yaml").read_text())["groups"]
    for rule in group["rules"]
}
BEHIND = """\
# TYPE throughline_consumer_lag_messages gauge
throughline_consumer_lag_messages{service="intake",topic="a"} 600
throughline_consumer_lag_messages{service="intake",topic="b"} 600
throughline_consumer_lag_messages{service="design",topic="a"} 1000
# TYPE throughline_waiting_messages gauge
throughline_waiting_messages{service="intake",kind="failed"} 9
throughline_waiting_messages{service="intake",kind="gap"} 0
"""


@pytest.mark.parametrize("symptom", SYMPTOMS, ids=[symptom.name for symptom in SYMPTOMS])
def test_a_symptom_has_the_metric_limit_and_runbook_of_its_alert(symptom: Symptom) -> None:
    rule = RULES[symptom.alert]
    limit = re.search(r"> (\d+)$", rule["expr"])

    assert symptom.metric in rule["expr"]
    assert limit is not None
    assert float(limit[1]) == symptom.limit
    assert rule["annotations"]["runbook_url"] == f"docs/runbooks/{symptom.runbook}.md"


def test_what_is_over_the_limit_is_failed_per_service_with_command_and_page() -> None:
    failed = [finding for finding in judge(numbers_in(BEHIND)) if finding.level == "failed"]

    assert [(one.name, one.detail, one.fix, one.runbook) for one in failed] == [
        ("lag", "intake: 1200 messages behind", "throughline lag", "docs/runbooks/lag.md")
    ]


def test_a_number_that_nobody_tells_is_no_good_news() -> None:
    levels = {finding.name: finding.level for finding in judge({})}

    # Of dead letters only services that have some are named.
    assert levels.pop("letters") == "passed"
    assert set(levels.values()) == {"warning"}
