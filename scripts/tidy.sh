#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# clang-tidy, with the list in .clang-tidy, over sources of the dev preset.
#
#   scripts/tidy.sh              what differs from origin/main, or from main where there is no origin
#   scripts/tidy.sh --all        every source
#   scripts/tidy.sh FILE...      these
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
"$ROOT/scripts/install.sh" build test dev

files=()
if [ "${1:-}" = --all ]; then
  while IFS= read -r file; do files+=("$file"); done < <(cd "$ROOT" && git ls-files '*.cc')
elif [ $# -gt 0 ]; then
  for file in "$@"; do files+=("$(realpath --relative-to="$ROOT" "$file")"); done
else
  cd "$ROOT"
  base=main
  if git rev-parse --verify --quiet origin/main >/dev/null; then base=origin/main; fi
  while IFS= read -r file; do
    if [ -f "$file" ]; then files+=("$file"); fi
  done < <({
    git diff --name-only "$(git merge-base "$base" HEAD)" -- '*.cc'
    git ls-files --others --exclude-standard -- '*.cc'
  } | sort -u)
fi
if [ "${#files[@]}" = 0 ]; then
  say "no source has changed"
  exit 0
fi

cd "$ROOT"
if [ ! -f build/dev/compile_commands.json ]; then cmake --preset dev >&2; fi
say "clang-tidy over ${#files[@]} files"
printf '%s\0' "${files[@]}" |
  xargs -0 -n 1 -P "$(build_jobs)" clang-tidy-19 --quiet -p build/dev
