#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing, fetches the tests' assets, builds the dev preset and runs every test. Arguments go to ctest:
#   ./test.sh -L unit          ./test.sh -R TokenBucket
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/scripts/common.sh"

"$ROOT/scripts/install.sh" build test
"$ROOT/scripts/fetch-assets.sh" || die "the tests need what is missing above"
build_preset dev
say "testing"
cd "$ROOT/build/dev"
exec ctest --output-on-failure -j2 "$@" </dev/null
