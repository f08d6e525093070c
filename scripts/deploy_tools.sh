#!/bin/sh
# Installs into .tools what checks the deployment files: kustomize, checkov, dclint; nothing to do where it is there.
set -eu
cd "$(dirname "$0")/.."
TOOLS=.tools
LOCKS=deploy/tools

say() { printf '  %-10s %s\n' tools "$*" >&2; }

# Each tool is digested with its lock and this folder's path, which its environment points at.
digest() { { pwd; cat "$@"; } | sha256sum | cut -d' ' -f1; }
is_current() { [ "$(cat "$TOOLS/.$1" 2>/dev/null)" = "$2" ]; }
keep() { echo "$2" > "$TOOLS/.$1"; }

missing=""
need() {
    command -v "$1" >/dev/null 2>&1 || missing="$missing
  $2"
}

install_kustomize() {
    (cd $LOCKS && GOTOOLCHAIN=local GOFLAGS=-mod=readonly \
        go build -trimpath -o "../../$TOOLS/bin/kustomize" sigs.k8s.io/kustomize/kustomize/v5)
}

install_checkov() {
    uv=uv
    command -v uv >/dev/null 2>&1 || uv=.venv-boot/bin/uv
    "$uv" venv --quiet --allow-existing --python "$(readlink -f .venv/bin/python)" "$TOOLS/checkov"
    "$uv" pip sync --quiet --require-hashes --python "$TOOLS/checkov" $LOCKS/checkov.lock
}

install_dclint() {
    mkdir -p "$TOOLS/node"
    cp $LOCKS/package.json $LOCKS/package-lock.json "$TOOLS/node/"
    npm ci --silent --no-audit --no-fund --prefix "$TOOLS/node"
}

kustomize=$(digest $LOCKS/go.mod $LOCKS/go.sum)
checkov=$(digest $LOCKS/checkov.lock)
dclint=$(digest $LOCKS/package-lock.json)
is_current kustomize "$kustomize" || need go "Go 1.25 or newer builds kustomize: install the package golang of your system, or the one of the Go project"
is_current dclint "$dclint" || need npm "Node 20.19 or newer with npm runs dclint: install the packages nodejs and npm of your system"
if [ -n "$missing" ]; then
    say "the deployment files cannot be checked here:$missing
  Everything else runs without them: make lint types boundaries contracts test"
    exit 2
fi

mkdir -p "$TOOLS/bin"
for tool in kustomize checkov dclint; do
    eval "wanted=\$$tool"
    is_current $tool "$wanted" && continue
    started=$(date +%s)
    say "installing $tool"
    install_$tool
    keep $tool "$wanted"
    say "$tool is there   $(($(date +%s) - started)) s"
done
