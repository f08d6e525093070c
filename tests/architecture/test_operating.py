"""Alerts, runbooks and the dashboard belong together, and speak of metrics that the code has."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy/prometheus"
RUNBOOKS = ROOT / "docs/runbooks"
SECTIONS = ["## Symptom", "## First command", "## Causes", "## Fix", "## Verify"]
OF_OURS = re.compile(r"\bthroughline_[a-z_]+")
PANEL_OF = re.compile(r"[Aa]lerts? (Throughline\w+)(?: and (Throughline\w+))?")

Alert = dict[str, Any]


def _yaml(name: str) -> Any:
    return yaml.safe_load((PROMETHEUS / name).read_text())


ALERTS: list[Alert] = [rule for group in _yaml("alerts.yaml")["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((ROOT / "deploy/grafana/throughline.json").read_text())
PAGES = sorted(path for path in RUNBOOKS.glob("*.md") if path.name != "README.md")


def alerts() -> Any:
    return pytest.mark.parametrize("alert", ALERTS, ids=[alert["alert"] for alert in ALERTS])


def runbooks() -> Any:
    return pytest.mark.parametrize("page", PAGES, ids=[page.stem for page in PAGES])


def metrics_in(expression: str) -> set[str]:
    """Names of ours, a histogram's without what its series end in."""
    return {re.sub(r"_(bucket|sum|count)$", "", name) for name in OF_OURS.findall(expression)}


@alerts()
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: Alert) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    runbook = ROOT / alert["annotations"]["runbook_url"]
    assert runbook.exists()
    assert alert["alert"] in runbook.read_text()


@alerts()
def test_an_alert_asks_for_metrics_that_exist(alert: Alert, metric_names: set[str]) -> None:
    asked = metrics_in(alert["expr"])

    assert asked or alert["expr"].startswith("up{")
    assert asked <= metric_names


@alerts()
def test_an_alert_has_a_test_that_fires_and_one_that_does_not(alert: Alert) -> None:
    tests = [
        bool(asked["exp_alerts"])
        for test in _yaml("alerts_test.yaml")["tests"]
        for asked in test["alert_rule_test"]
        if asked["alertname"] == alert["alert"]
    ]

    assert sorted(tests) == [False, True]


@runbooks()
def test_a_runbook_has_its_sections_and_its_alerts_exist(page: Path) -> None:
    text = page.read_text()
    named = set(re.findall(r"`(Throughline\w+)`", text))

    assert [line for line in text.splitlines() if line.startswith("## ")] == SECTIONS
    assert named
    assert named <= {alert["alert"] for alert in ALERTS}
    assert f"({page.name})" in (RUNBOOKS / "README.md").read_text()


@runbooks()
def test_a_command_in_a_runbook_exists(page: Path) -> None:
    """Every `throughline` line of the page is asked for its help, options included."""
    lines = re.findall(r"^\$ throughline (.+)$", page.read_text(), re.MULTILINE)

    assert lines
    for words in {tuple(_verb(line)) for line in lines}:
        shown = _help(words)
        for option in {o for line in lines if tuple(_verb(line)) == words for o in _options(line)}:
            assert option in shown, f"throughline {' '.join(words)} has no {option}"


def _verb(line: str) -> list[str]:
    words = line.split("#")[0].split()
    groups = ("engagement", "events", "dlq", "blocked", "work", "views")
    return words[:2] if words[0] in groups else words[:1]


def _options(line: str) -> list[str]:
    return re.findall(r"(?<= )--?[a-z][a-z-]*", line.split("#")[0].split(" | ")[0])


def _help(words: tuple[str, ...]) -> str:
    program = [sys.executable, "-c", "from runtime.cli import main; main()"]
    done = subprocess.run([*program, *words, "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"throughline {' '.join(words)} is no command: {done.stderr}"
    return done.stdout


def test_the_dashboard_asks_for_metrics_that_exist(metric_names: set[str]) -> None:
    asked = {name for _, expression in _expressions() for name in metrics_in(expression)}

    assert asked <= metric_names
    assert (
        metric_names - asked - {"throughline_commits_total", "throughline_observed_timestamp_seconds"}
        == set()
    )


def test_a_panel_draws_the_line_at_which_its_alert_fires() -> None:
    at = {alert["alert"]: re.search(r"> (\d+)$", alert["expr"]) for alert in ALERTS}
    drawn = 0
    for panel in DASHBOARD["panels"]:
        steps = panel.get("fieldConfig", {}).get("defaults", {}).get("thresholds", {}).get("steps", [])
        for name in _named(panel):
            limit = at[name]
            if limit is not None and len(steps) > 1:
                assert steps[1]["value"] == float(limit[1]), panel["title"]
                drawn += 1

    assert drawn >= 8


def _named(panel: dict[str, Any]) -> list[str]:
    return [name for found in PANEL_OF.findall(panel.get("description", "")) for name in found if name]


def test_panels_do_not_overlap_and_ids_are_unique() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}  # fmt: skip
        assert not cells & taken, panel["title"]
        taken |= cells
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))


def mounted(compose: dict[str, Any], service: str) -> dict[str, str]:
    """Path in the container to the file of this repository that is there."""
    pairs = [volume.removesuffix(":ro").split(":") for volume in compose["services"][service]["volumes"]]
    return {inside: outside.removeprefix("./") for outside, inside in pairs if outside.startswith("./")}


def test_compose_gives_prometheus_the_rules_that_are_checked(compose: dict[str, Any]) -> None:
    files = mounted(compose, "prometheus")
    config = "/etc/prometheus/prometheus.yaml"

    assert files[config] == "deploy/prometheus/prometheus.yaml"
    assert f"--config.file={config}" in compose["services"]["prometheus"]["command"]
    rules = {files[str(Path(config).parent / name)] for name in _yaml("prometheus.yaml")["rule_files"]}
    assert rules == {"deploy/prometheus/alerts.yaml"}


def test_compose_gives_grafana_the_dashboard_and_a_source_it_can_ask(compose: dict[str, Any]) -> None:
    files = mounted(compose, "grafana")
    dashboards = yaml.safe_load((ROOT / "deploy/grafana/dashboards.yaml").read_text())["providers"]
    sources = yaml.safe_load((ROOT / "deploy/grafana/datasources.yaml").read_text())["datasources"]

    (folder,) = [provider["options"]["path"] for provider in dashboards]
    assert files[f"{folder}/throughline.json"] == "deploy/grafana/throughline.json"
    assert files["/etc/grafana/provisioning/dashboards/throughline.yaml"] == "deploy/grafana/dashboards.yaml"
    assert (
        files["/etc/grafana/provisioning/datasources/throughline.yaml"] == "deploy/grafana/datasources.yaml"
    )
    for source in sources:
        assert re.fullmatch(r"http://(\w+):\d+", source["url"])[1] in compose["services"], source["name"]
    kinds = {v["query"] for v in DASHBOARD["templating"]["list"] if v["type"] == "datasource"}
    assert kinds == {source["type"] for source in sources if source.get("isDefault")}


def test_metrics_are_defined_in_one_place_of_a_package(project_files: list[Path]) -> None:
    defining = re.compile(
        r"^[A-Z_]+: Final = (?:Counter|Gauge|Histogram|Summary)\(|\b(?:Counter|Gauge)\(\"", re.M
    )
    sources = [file for file in project_files if file.suffix == ".py" and "/src/" in file.as_posix()]

    assert {file.name for file in sources if defining.search(file.read_text())} == {"metrics.py"}


def test_promtool_accepts_the_rules_their_tests_and_every_expression() -> None:
    if shutil.which("promtool") is None:
        pytest.skip("needs promtool: apt-get install --no-install-recommends prometheus")

    script = [sys.executable, str(ROOT / "scripts/check_alerts.py"), "--required"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def _expressions() -> list[tuple[str, str]]:
    return [
        (panel["title"], target["expr"])
        for panel in DASHBOARD["panels"]
        for target in panel.get("targets", ())
    ]
