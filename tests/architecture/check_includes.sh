#!/usr/bin/env bash
# The rooms' includes run one way: each room includes itself and what the table below allows, nothing else.
set -euo pipefail
cd "$(dirname "$0")/../../src"
allowed() {
  case $1 in
    base) echo "base" ;;
    ports) echo "ports base" ;;
    receipts) echo "receipts ports base" ;;
    vectors) echo "vectors receipts ports base" ;;
    embedding) echo "embedding vectors receipts ports base" ;;
    steps) echo "steps embedding vectors receipts ports base" ;;
    lambda) echo "lambda steps embedding vectors receipts ports base" ;;
    expressions) echo "expressions ports base" ;;
    workflow) echo "workflow expressions ports base" ;;
    server) echo "server workflow expressions ports base" ;;
    emulator) echo "emulator embedding vectors receipts ports base" ;;
    adapters) echo "adapters ports base" ;;
    library) echo "library steps adapters embedding vectors receipts ports base" ;;
    app) echo "app server emulator lambda steps workflow expressions adapters embedding vectors receipts ports base" ;;
    *) return 1 ;;
  esac
}
wrong=0
for folder in */; do
  room=${folder%/}
  rooms=$(allowed "$room") || { echo "the room $room is not in the table"; wrong=1; continue; }
  while IFS=: read -r file _ included; do
    target=${included%%/*}
    if ! grep -qw "$target" <<<"$rooms"; then
      echo "src/$file includes $included: the room $room may include $rooms"
      wrong=1
    fi
  done < <(grep -rnoP '^#include "\K[^"]+' "$room" | sed 's/^\([^:]*\):\([^:]*\):/\1:\2:/')
done
# In a room of many files, each folder includes itself and those named before it.
while read -r room folders; do
  below=
  for folder in $folders; do
    below="$below $folder"
    while IFS=: read -r file included; do
      target=${included#"$room"/}
      target=${target%%/*}
      if ! grep -qw "$target" <<<"$below"; then
        echo "src/$file includes $included: the folder $room/$folder may include those of$below"
        wrong=1
      fi
    done < <(grep -roP "^#include \"\K$room/[^\"]+" "$room/$folder")
  done
done <<<"vectors files records deltas versions hnsw chroma snapshots merge queries"
# Output is the command line's; <iostream> also brings static initialisation into every program that links the room.
while IFS= read -r file; do
  echo "src/$file includes <iostream>: only the room app may"
  wrong=1
done < <(grep -rl '^#include <iostream>' . | sed 's|^\./||' | grep -v '^app/')
# What is installed stands alone: nothing of the rooms, and nothing that is not C++'s own.
while IFS=: read -r file included; do
  [[ $included =~ ^\<(tillite/)?[a-z_]+(\.h)?\>$ && ( $included != *.h* || -e ../include/${included//[<>]/} ) ]] && continue
  echo "$file includes $included: an installed header may include the standard library and include/tillite only"
  wrong=1
done < <(grep -oHP '^#include \K.+' ../include/tillite/*.h | sed 's|^\.\./||')
shopt -s nullglob
for target in ../tests/fuzz/fuzz_*.cpp; do
  seeds=../tests/fuzz/seeds/$(basename "$target" .cpp)
  [ -n "$(ls -A "$seeds" 2>/dev/null)" ] || { echo "$target has no seeds in $seeds"; wrong=1; }
done
[ $wrong = 0 ] && echo "the includes of all rooms run one way"
exit $wrong
