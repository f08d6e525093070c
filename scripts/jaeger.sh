#!/bin/sh
# Builds Jaeger into .tools from its Go module; does nothing when it is there. Needs Go; takes some minutes, once.
set -eu
cd "$(dirname "$0")/.."

source=libs/runtime/jaeger
package=github.com/jaegertracing/jaeger/cmd/jaeger
version=$(sed -n 's:^// Jaeger \([0-9.]*\) .*:\1:p' "$source/go.mod")
target=.tools/jaeger-$version
digest=$(cat "$source/go.mod" "$source/go.sum" | sha256sum | cut -d' ' -f1)
[ "$(cat "$target/complete" 2>/dev/null)" = "$digest" ] && exit 0

say() { printf '  %-10s %s\n' jaeger "$*" >&2; }
command -v go >/dev/null || { say "needs go on PATH ($(sed -n 's/^go /Go /p' "$source/go.mod") or newer)"; exit 2; }

say "building Jaeger $version, once; some 1,500 packages"
rm -rf "$target" && mkdir -p "$target"
flags="-s -w -X github.com/jaegertracing/jaeger/internal/version.latestVersion=v$version"
go build -C "$source" -mod=readonly -trimpath -ldflags "$flags" -o "$PWD/$target/jaeger" "$package" >&2
echo "$digest" > "$target/complete"
say "Jaeger $version is in $target"
