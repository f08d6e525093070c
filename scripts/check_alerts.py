"""Holds alert rules, their tests and the dashboard's expressions against promtool.

`python scripts/check_alerts.py`: exit 1 on a fault. Where there is no promtool (Debian: prometheus) it says
so and checks nothing; with --required that is a fault too.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import yaml

DEPLOY = Path(__file__).parents[1] / "deploy"
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
TESTS = DEPLOY / "prometheus" / "alerts_test.yaml"
SCRAPES = DEPLOY / "prometheus" / "prometheus.yaml"
DASHBOARD = DEPLOY / "grafana" / "throughline.json"
# What Grafana puts in before it asks.
VARIABLES = {"$__rate_interval": "5m", "$service": ".*"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--required", action="store_true", help="a missing promtool is a fault")
    required = parser.parse_args().required
    promtool = shutil.which("promtool")
    if promtool is None:
        sys.stderr.write("SKIPPED: no promtool here, so alert rules and dashboard were NOT checked\n")
        sys.stderr.write("         install it with: apt-get install --no-install-recommends prometheus\n")
        return int(required)
    fault = max(_promtool(promtool, *words) for words in _checks()) or _dashboard(promtool)
    if not fault:
        sys.stdout.write(f"alert rules, their tests and {len(list(expressions()))} expressions are good\n")
    return fault


def expressions(dashboard: Path = DASHBOARD) -> Iterator[tuple[str, str]]:
    """(panel, expression) of the dashboard, with Grafana's variables replaced."""
    for panel in json.loads(dashboard.read_text())["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], _filled_in(target["expr"])


def _filled_in(expression: str) -> str:
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    if unknown := re.findall(r"\$\w+", expression):
        raise ValueError(f"unknown variable {unknown[0]} in {expression}")
    return expression


def _checks() -> Iterator[tuple[str, ...]]:
    yield "check", "rules", str(ALERTS)
    yield "check", "config", str(SCRAPES)
    yield "test", "rules", str(TESTS)


def _dashboard(promtool: str) -> int:
    """Every expression as a recording rule: that is how promtool reads one without a server."""
    rules = [{"record": f"panel:{n}", "expr": e} for n, (_, e) in enumerate(expressions())]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        return _promtool(promtool, "check", "rules", file.name)


def _promtool(promtool: str, *words: str) -> int:
    done = subprocess.run([promtool, *words], cwd=ALERTS.parent, capture_output=True, text=True)  # noqa: S603
    if done.returncode:
        sys.stderr.write(f"promtool {' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
