#!/usr/bin/env bash
# Installs a build into a folder of its own, builds a program against what lies there, and lets it search a sample home:
# tests/package/check_package.sh BUILD_FOLDER
set -euo pipefail
build=$(realpath "$1")
consumer=$(realpath "$(dirname "$0")")
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
prefix=$room/prefix
die() { echo "check_package: $*" >&2; exit 1; }

cmake --install "$build" --prefix "$prefix" >"$room/install.log"
for file in bin/tillite include/tillite/collection.h include/tillite/error.h share/doc/tillite/LICENSE; do
  [ -s "$prefix/$file" ] || die "$file was not installed"
done
cmake -S "$consumer" -B "$room/build" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Wpedantic -Werror" \
  >"$room/configure.log"
cmake --build "$room/build" >"$room/build.log" || { cat "$room/build.log" >&2; die "the consumer was not built"; }

tillite=$prefix/bin/tillite
home=$room/home
"$tillite" sample --receipts 3 >"$room/receipts.jsonl"
"$tillite" --home "$home" --log-level WARNING import "$room/receipts.jsonl" >"$room/import.log"
"$tillite" --home "$home" --log-level WARNING run --entity line >"$room/run.log"
"$tillite" --home "$home" snapshot export receipt_lines "$room/export" >"$room/export.log"
documents=$("$tillite" --home "$home" --json query total | grep -oP '"document":"\K[^"\\]+(?=")')
text=${documents%%$'\n'*}
for place in "home $home" "export $room/export"; do
  read -r kind folder <<<"$place"
  "$room/build/consumer" "$kind" "$folder" "$text" >"$room/found"
  grep -qxF "$text" "$room/found" || { cat "$room/found" >&2; die "'$text' was not found in the $kind"; }
done
if "$room/build/consumer" home "$room/nowhere" "$text" 2>"$room/error"; then die "a home that is not there was opened"; fi
grep -q "$room/nowhere" "$room/error" || die "the error does not name the folder: $(cat "$room/error")"
echo "a program built against the installed package finds '$text'"
