# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Sourced by the scripts. Sets ROOT, the repository's folder.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export ROOT

say() { printf 'millrace: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}

# Runs a command as root. A question for the password is only asked of a terminal.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif [ -z "$(command -v sudo)" ]; then
    die "this needs root, and there is no sudo: $*"
  elif [ -t 0 ]; then
    sudo "$@"
  else
    sudo -n "$@"
  fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 \
    -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" </dev/null
}

# How many compilers may run side by side: one a core, and 0.9 GB for each, which is what a translation unit with
# Beast takes. MILLRACE_BUILD_JOBS overrides.
build_jobs() {
  local cores available_kib by_memory
  if [ -n "${MILLRACE_BUILD_JOBS:-}" ]; then
    echo "$MILLRACE_BUILD_JOBS"
    return
  fi
  cores=$(nproc)
  available_kib=$(awk '/^MemAvailable:/ {print $2}' /proc/meminfo)
  by_memory=$((available_kib / 900000))
  if [ "$by_memory" -lt 1 ]; then by_memory=1; fi
  if [ "$by_memory" -lt "$cores" ]; then echo "$by_memory"; else echo "$cores"; fi
}

# "2 min 10 s" from seconds.
duration_words() {
  if [ "$1" -ge 60 ]; then echo "$(($1 / 60)) min $(($1 % 60)) s"; else echo "$1 s"; fi
}

# Reads ninja's lines ("@@finished total text", by NINJA_STATUS below) and says now and then how far it is. What is not
# such a line is a diagnostic and passes as it is.
report_progress() {
  local line finished total last=0 start=$SECONDS spent
  while IFS= read -r line; do
    case $line in
      @@*)
        read -r finished total _ <<<"${line#@@}"
        spent=$((SECONDS - start))
        if [ "$((SECONDS - last))" -ge 5 ] && [ "$finished" -gt 0 ] && [ "$spent" -ge 5 ]; then
          say "built $finished of $total, about $(duration_words $((spent * (total - finished) / finished))) left"
          last=$SECONDS
        fi
        ;;
      "ninja: no work to do.") ;;
      *) printf '%s\n' "$line" >&2 ;;
    esac
  done
}

# build_preset PRESET: configures when needed and builds build/PRESET. Nothing to do costs well under a second.
build_preset() {
  local preset=$1 jobs
  jobs=$(build_jobs)
  cd "$ROOT" || exit
  if [ ! -f "build/$preset/build.ninja" ]; then
    say "configuring build/$preset"
    mkdir -p "build/$preset"
    if ! cmake --preset "$preset" >"build/$preset/configure.log" 2>&1; then
      tail -n 40 "build/$preset/configure.log" >&2
      die "CMake refused; the whole of what it said is in build/$preset/configure.log"
    fi
  fi
  say "building build/$preset with $jobs jobs"
  NINJA_STATUS='@@%f %t ' cmake --build "build/$preset" --parallel "$jobs" 2>&1 | report_progress
}
