#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs the servers from npm that `millrace-bench compare` measures Millrace beside, in the versions of
# bench/peers/package-lock.json, into state/bench-peers. With nothing to do it compares two files.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

from=$ROOT/bench/peers
to=$ROOT/state/bench-peers
if cmp -s "$from/package-lock.json" "$to/installed.json"; then exit 0; fi

command -v npm >/dev/null || die "npm is missing: scripts/install.sh bench installs it"
node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 9) ? 0 : 1)' ||
  die "the servers from npm need Node.js 20.9 or newer, here is $(node --version); without them the bench measures beside nginx and what --peer names"
say "installing sharp and ipx into state/bench-peers"
mkdir -p "$to"
rm -f "$to/installed.json"
cp "$from/package.json" "$from/package-lock.json" "$to/"
log=$ROOT/build/install-bench-peers.log
mkdir -p "$ROOT/build"
# Their prebuilt libraries are packages of their own; no script of any package is run.
npm ci --prefix "$to" --ignore-scripts --no-audit --no-fund --fetch-retries=2 </dev/null >"$log" 2>&1 || {
  tail -n 20 "$log" >&2
  die "npm ci failed; see above"
}
cp "$from/package-lock.json" "$to/installed.json"
