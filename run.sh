#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From a fresh clone to a running Millrace: installs what is missing, builds the release preset, makes a sample bucket
# if there is none, and runs `millrace up` in the foreground. Arguments go to `millrace up`.
#
#   ./run.sh [--setup-only] [arguments of millrace up]
#
# --setup-only (first argument) stops after the build.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/scripts/common.sh"

setup_only=false
if [ "${1:-}" = --setup-only ]; then
  setup_only=true
  shift
fi
caller_folder=$PWD

"$ROOT/scripts/install.sh" build

bucket=$ROOT/sample-bucket
if [ -z "$(ls -A "$bucket" 2>/dev/null)" ]; then
  say "making a sample bucket in $bucket"
  "$ROOT/scripts/fetch-assets.sh" samples || say "going on without: put pictures of your own into $bucket"
  mkdir -p "$bucket"
fi
model=${MILLRACE_FACE_MODEL:-$ROOT/state/models/ultraface-rfb-320.onnx}
"$ROOT/scripts/fetch-assets.sh" model || say "going on without a face model"

build_preset release
if $setup_only; then
  say "ready; ./run.sh starts it"
  exit 0
fi

# A configuration of the caller's own says for itself which model and buckets there are.
defaults=(--bucket "photos=$bucket")
for argument in "$@"; do
  case $argument in
    --config | --config=*)
      defaults=()
      model=
      ;;
    --bucket | --bucket=*) defaults=() ;;
    *) ;;
  esac
done
if [ -n "$model" ] && [ -r "$model" ]; then
  export MILLRACE_AGENT_WORKERS_IMAGE_FACE_MODEL=${MILLRACE_AGENT_WORKERS_IMAGE_FACE_MODEL-$model}
fi
say "starting millrace up; Ctrl-C stops it"
cd "$caller_folder"
exec "$ROOT/build/release/bin/millrace" up "${defaults[@]+"${defaults[@]}"}" "$@"
