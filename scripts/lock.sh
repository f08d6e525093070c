#!/bin/sh
# Writes requirements.lock anew: every package of every part, with hashes and without download addresses.
set -eu
cd "$(dirname "$0")/.."

uv=uv
command -v uv >/dev/null 2>&1 || uv=.venv-boot/bin/uv
[ "$uv" = uv ] || [ -x "$uv" ] || { echo "no uv here; run scripts/setup.sh first" >&2; exit 2; }

sources="pyproject.toml schemas/pyproject.toml"
for file in libs/*/pyproject.toml services/*/pyproject.toml; do
    sources="$sources $file"
done
own=""
for file in $sources; do
    name=$(sed -n 's/^name = "\(.*\)"$/\1/p' "$file" | head -n1)
    own="$own --no-emit-package $name"
done

# shellcheck disable=SC2086 - lists of words on purpose
"$uv" pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
    --group dev --all-extras $own $sources --output-file requirements.lock "$@"
