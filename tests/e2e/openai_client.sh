#!/usr/bin/env bash
# tillite openai-emulator, driven by OpenAI's official client: openai_client.sh PROGRAM. Ends with status 77 where there is no Node.
set -euo pipefail
folder=$(cd "$(dirname "$0")" && pwd)
export TILLITE_TOOLS=${TILLITE_TOOLS:-$folder/../../build/tools}
node=$TILLITE_TOOLS/bin/node
if ! "$node" -e "process.exit(parseInt(process.versions.node) >= 20 ? 0 : 1)" 2>/dev/null; then
  echo "SKIPPED: there is no $node of version 20 or newer, so that OpenAI's client could not be tried: run scripts/setup test"
  exit 77
fi
exec "$node" "$folder/openai_client.mjs" "$1"
