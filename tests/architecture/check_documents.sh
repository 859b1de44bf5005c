#!/usr/bin/env bash
# Every relative link of the documents leads to a file that is there.
set -euo pipefail
cd "$(dirname "$0")/../.."
wrong=0
count=0
while IFS= read -r document; do
  while IFS= read -r link; do
    count=$((count + 1))
    target=${link%%#*}
    [ -z "$target" ] || [ -e "$(dirname "$document")/$target" ] || { echo "$document links to $link, which is not there"; wrong=1; }
  done < <(grep -oP '\]\(\K[^)]+' "$document" | grep -vE '^[a-z]+:' || true)
done < <(find . -maxdepth 1 -name '*.md'; find docs data -name '*.md'; echo infra/README.md)
[ $count -gt 0 ] || { echo "found no links: is this the project's root?"; wrong=1; }
[ $wrong != 0 ] || echo "all $count links lead somewhere"
exit $wrong
