#!/usr/bin/env bash
# The Pulumi program of infra/: its types, its style, its tests. check_infra.sh PRINT_KEYS, the program that prints example keys.
# Ends with status 77, which ctest shows as skipped, where Node or its packages are missing.
set -euo pipefail
sources=$(cd "$(dirname "$0")/../.." && pwd)
node=${TILLITE_TOOLS:-$sources/build/tools}/bin/node
skip() { echo "SKIPPED: $*, so that infra/ could not be tested: run scripts/setup test"; exit 77; }
"$node" -e 'process.exit(process.features.typescript ? 0 : 1)' 2>/dev/null || skip "there is no $node that runs TypeScript (22.18 or newer)"
TILLITE_KEYS=$("$1")
export TILLITE_KEYS
cd "$sources/infra"
[ -e node_modules/@pulumi/pulumi ] || skip "infra/node_modules is not there"
python3 "$sources/tests/infra/test_recorded_call.py"
"$node" node_modules/typescript/bin/tsc
"$node" node_modules/eslint/bin/eslint.js .
"$node" --test 'tests/*.test.ts'
