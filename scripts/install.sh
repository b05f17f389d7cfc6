#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Installs what is missing of the given sets of scripts/packages.txt (default: build). With nothing missing it only
# asks dpkg, in a tenth of a second. --list prints the packages that apply here and installs nothing.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

list_only=false
sets=()
for argument in "$@"; do
  case $argument in
    --list) list_only=true ;;
    build | test | dev | bench | assets | distros) sets+=("$argument") ;;
    *) die "unknown set $argument; the sets are build, test, dev, bench, assets, distros" ;;
  esac
done
if [ "${#sets[@]}" = 0 ]; then sets=(build); fi

[ -r /etc/debian_version ] || die "this installs with apt, on Debian 12 or 13 or Ubuntu 24.04; elsewhere install by hand what scripts/packages.txt lists"
codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")

applies() {  # CONDITION
  case $1 in
    -) return 0 ;;
    not-on:*) [ "${1#not-on:}" != "$codename" ] ;;
    unless-command:*) ! command -v "${1#unless-command:}" >/dev/null ;;
    *) die "scripts/packages.txt: unknown condition $1" ;;
  esac
}

wanted=()
while IFS='|' read -r package set condition _; do
  package=${package//[[:space:]]/}
  set=${set//[[:space:]]/}
  condition=${condition//[[:space:]]/}
  case $package in '' | '#'*) continue ;; esac
  case " ${sets[*]} " in *" $set "*) ;; *) continue ;; esac
  if applies "$condition"; then wanted+=("$package"); fi
done <"$ROOT/scripts/packages.txt"

if $list_only; then
  printf '%s\n' "${wanted[@]}"
  exit 0
fi
# The servers from npm that the bench measures beside; it also runs without them.
finish() {
  case " ${sets[*]} " in
    *" bench "*) "$ROOT/scripts/install-bench-peers.sh" || say "going on without the servers from npm" ;;
  esac
  exit 0
}
if [ "${#wanted[@]}" = 0 ]; then finish; fi

declare -A installed=()
while read -r status package; do
  if [ "$status" = installed ]; then installed[$package]=1; fi
done < <(dpkg-query -W -f='${db:Status-Status} ${Package}\n' "${wanted[@]}" 2>/dev/null || true)

missing=()
for package in "${wanted[@]}"; do
  if [ -z "${installed[$package]:-}" ]; then missing+=("$package"); fi
done
if [ "${#missing[@]}" = 0 ]; then finish; fi

say "installing ${#missing[@]} missing packages (a few minutes on a fresh machine): ${missing[*]}"
mkdir -p "$ROOT/build"
log=$ROOT/build/install.log
run_apt() {
  if [ -t 2 ]; then
    apt_get "$@" >&2
  else
    apt_get "$@" >>"$log" 2>&1 || {
      tail -n 30 "$log" >&2
      return 1
    }
  fi
}
: >"$log"
run_apt update || die "apt-get update failed; see above"
run_apt install -y --no-install-recommends "${missing[@]}" ||
  die "apt-get install failed; see above. Needed: ${missing[*]}"
say "installed"
finish
