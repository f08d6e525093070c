#!/bin/sh
# Puts mongo-java-server into .tools from its Maven artifacts; does nothing when it is there. Needs a JDK 17 and Maven.
set -eu
cd "$(dirname "$0")/.."

source=libs/testkit/mongo-java-server
version=$(sed -n 's:^  <version>\(.*\)</version>$:\1:p' "$source/pom.xml")
target=.tools/mongo-java-server-$version
stamp=$(cat "$source/pom.xml" "$source/Server.java" "$source/SHA256SUMS" | sha256sum | cut -d' ' -f1)

say() { printf '  %-10s %s\n' mongo "$*" >&2; }
for tool in javac mvn; do
    command -v "$tool" >/dev/null || { say "needs $tool on PATH (a JDK 17 or newer, Maven 3.8 or newer)"; exit 2; }
done
[ "$(cat "$target/complete" 2>/dev/null)" = "$stamp" ] && exit 0

say "fetching mongo-java-server $version"
rm -rf "$target" && mkdir -p "$target/lib"
mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$PWD/$target/lib" >&2
# Not --quiet alone: a jar that is in no list would be loaded all the same.
[ "$(find "$target/lib" -name '*.jar' | wc -l)" = "$(wc -l < "$source/SHA256SUMS")" ] \
    || { say "other jars than in $source/SHA256SUMS"; exit 1; }
(cd "$target/lib" && sha256sum --quiet --check "$OLDPWD/$source/SHA256SUMS") \
    || { say "a jar differs from $source/SHA256SUMS"; exit 1; }

javac --release 17 -cp "$target/lib/*" -d "$target" "$source/Server.java"
echo "$stamp" > "$target/complete"
say "mongo-java-server $version is in $target"
