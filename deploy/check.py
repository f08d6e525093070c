"""Checks the deployment files as they would be applied: rendered, valid, hardened.

python deploy/check.py           every check; exits 1 when one of them complains
python deploy/check.py render    only writes .tools/rendered/<overlay>.yaml
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kubernetes_validate
import yaml

ROOT = Path(__file__).parents[1]
TOOLS = ROOT / ".tools"
CONFIG = ROOT / "deploy/tools"
RENDERED = TOOLS / "rendered"
OVERLAYS = ("kind", "production")
OPERATORS = ("kafka.strimzi.io/", "keda.sh/", "monitoring.coreos.com/")
"""API groups of operators, which kubernetes-validate does not know; tests/architecture looks at those."""


def render() -> str:
    """`kustomize build` of every overlay, in a copy that has the key a user makes for a trial."""
    RENDERED.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        copy = shutil.copytree(ROOT / "deploy/k8s", Path(scratch) / "k8s")
        (copy / "overlays/kind/jwt.key").write_text("a key for a trial\n")
        for overlay in OVERLAYS:
            command = [TOOLS / "bin/kustomize", "build", copy / "overlays" / overlay]
            built = subprocess.run(command, capture_output=True, text=True, check=False)
            if built.returncode:
                return f"{overlay}: {built.stderr}"
            (RENDERED / f"{overlay}.yaml").write_text(built.stdout)
    return ""


def validate() -> str:
    """Every resource of Kubernetes itself against its schema, unknown fields refused."""
    faults = []
    for overlay in OVERLAYS:
        for resource in yaml.safe_load_all((RENDERED / f"{overlay}.yaml").read_text()):
            if not resource["apiVersion"].startswith(OPERATORS):
                try:
                    kubernetes_validate.validate(resource, "1.37", strict=True)
                except kubernetes_validate.ValidationError as fault:
                    path = ".".join(map(str, fault.path))
                    name = f"{resource['kind']}/{resource['metadata']['name']}"
                    faults.append(f"{overlay}: {name}: {path}: {fault.message}")
    return "\n".join(faults)


def checkov() -> str:
    files = [RENDERED / f"{overlay}.yaml" for overlay in OVERLAYS] + [ROOT / "deploy/Dockerfile"]
    return _run(TOOLS / "checkov/bin/checkov", "--config-file", CONFIG / "checkov.yaml", "--file", *files)


def hadolint() -> str:
    return _run(Path(sys.executable).parent / "hadolint", ROOT / "deploy/Dockerfile")


def dclint() -> str:
    tool = TOOLS / "node/node_modules/.bin/dclint"
    return _run(tool, "--config", CONFIG / "dclint.yaml", "--max-warnings", "0", ROOT / "docker-compose.yml")


CHECKS: tuple[Callable[[], str], ...] = (validate, checkov, hadolint, dclint)


def _run(*command: str | Path) -> str:
    """What a checker says when it complains, nothing when it does not."""
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, check=False, cwd=ROOT
    )
    return (
        "" if done.returncode == 0 else (done.stdout + done.stderr).strip() or f"exit code {done.returncode}"
    )


def _timed(check: Callable[[], str]) -> tuple[str, str, float]:
    started = time.monotonic()
    return check.__name__, check(), time.monotonic() - started


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["render"]):
        sys.stderr.write(f"{__doc__}\n")
        return 2
    results = [_timed(render)]
    if not arguments and not results[0][1]:
        with ThreadPoolExecutor() as pool:
            results += pool.map(_timed, CHECKS)
    for name, complaint, seconds in results:
        sys.stdout.write(f"  {name:<10} {'FAILED' if complaint else 'ok':<8} {seconds:5.1f} s\n")
    complaints = [f"\n{name}\n{complaint}\n" for name, complaint, _ in results if complaint]
    sys.stdout.write("".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
