#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a checker over every file it is for. usage: tools.py format|shellcheck ROOT"""
import concurrent.futures
import os
import pathlib
import subprocess
import sys

import tree

_FILES_AT_ONCE = 16
_LINES_SHOWN_MAX = 60


def _files(tool, root):
    if tool == "format":
        return [path for path in tree.files(root) if path.suffix in {".h", ".cc"}]
    return [path for path in tree.files(root) if tree.is_shell(root, path)]


_COMMANDS = {
    "format": ["clang-format-19", "--dry-run", "-Werror"],
    "shellcheck": ["shellcheck", "--external-sources", "--source-path=SCRIPTDIR"],
}


def main(tool, root):
    root = pathlib.Path(root)
    files = [str(path) for path in _files(tool, root)]
    batches = [files[i : i + _FILES_AT_ONCE] for i in range(0, len(files), _FILES_AT_ONCE)]

    def run(batch):
        done = subprocess.run(_COMMANDS[tool] + batch, cwd=root, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        return done.returncode, done.stdout

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        answers = list(pool.map(run, batches))
    lines = [line for code, output in answers if code for line in output.splitlines()]
    print(*lines[:_LINES_SHOWN_MAX], sep="\n")
    if len(lines) > _LINES_SHOWN_MAX:
        print(f"… and {len(lines) - _LINES_SHOWN_MAX} lines more")
    print(f"{len(files)} files")
    return 1 if not files or any(code for code, _ in answers) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2]))
