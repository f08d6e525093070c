#!/bin/sh
# Puts Apache Kafka into .tools from its Maven artifacts; does nothing when it is there. Needs Java 17 and Maven.
set -eu
cd "$(dirname "$0")/.."

source=libs/runtime/kafka
version=$(sed -n 's:^  <version>\(.*\)</version>$:\1:p' "$source/pom.xml")
target=.tools/kafka-$version
digest=$(cat "$source/pom.xml" "$source/log4j2.properties" "$source/SHA256SUMS" | sha256sum | cut -d' ' -f1)

say() { printf '  %-10s %s\n' kafka "$*" >&2; }
for tool in java mvn; do
    command -v "$tool" >/dev/null || { say "needs $tool on PATH (Java 17 or newer, Maven 3.8 or newer)"; exit 2; }
done
# The archive of classes below suits the Java that wrote it.
stamp="$digest $(java -version 2>&1 | head -n1)"
[ "$(cat "$target/complete" 2>/dev/null)" = "$stamp" ] && exit 0

say "fetching Apache Kafka $version"
rm -rf "$target" && mkdir -p "$target/lib"
mvn -q -B -f "$source/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$PWD/$target/lib" >&2
# Not --quiet alone: a jar that is in no list would be loaded all the same.
[ "$(find "$target/lib" -name '*.jar' | wc -l)" = "$(wc -l < "$source/SHA256SUMS")" ] \
    || { say "other jars than in $source/SHA256SUMS"; exit 1; }
(cd "$target/lib" && sha256sum --quiet --check "$OLDPWD/$source/SHA256SUMS") \
    || { say "a jar differs from $source/SHA256SUMS"; exit 1; }
cp "$source/log4j2.properties" "$target/"

# A broker that ends leaves the classes it has loaded parsed for the next one: half the start-up time.
.venv/bin/python -m runtime.apache_archive "$target" || say "no class archive; a broker starts slower"
echo "$stamp" > "$target/complete"
say "Apache Kafka $version is in $target"
