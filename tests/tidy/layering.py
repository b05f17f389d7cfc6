#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares every #include line with layers.txt. usage: layering.py ROOT; exit status 1 with one line a violation."""
import pathlib
import re
import sys

import tree

_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)


class Layers:
    def __init__(self, text):
        self.allowed = {}  # folder -> set of folders
        self.only = []  # (prefix, [(folder, needs to be .cc)])
        for line in text.splitlines():
            line = line.split("#")[0].strip()
            if not line:
                continue
            if line.startswith("<"):
                prefix, places = line[1:].split(" : ")
                self.only.append((prefix, [self._place(place) for place in places.split()]))
            else:
                folder, others = line.split("->")
                self.allowed[folder.strip()] = set(others.split())

    @staticmethod
    def _place(text):
        folder, _, pattern = text.partition("/*")
        return folder, pattern

    def violations(self, path, text, own):
        """`own`: the repository's headers, by path."""
        folder = path.parts[0]
        if folder not in self.allowed:
            yield f"{path}: layers.txt says nothing about the folder {folder}"
            return
        header = str(path.with_suffix(".h"))
        if path.suffix == ".cc" and header in own and _INCLUDE.findall(text)[:1] != [('"', header)]:
            yield f'{path}: the first include must be "{header}", which shows that it compiles alone'
        for bracket, name in _INCLUDE.findall(text):
            if bracket == '"':
                yield from self._own(path, folder, name)
            elif name in own:
                yield f'{path}: <{name}> is ours; write "{name}"'
            else:
                yield from self._foreign(path, folder, name)

    def _own(self, path, folder, name):
        target = name.split("/")[0]
        if "/" not in name or target not in self.allowed:
            yield f'{path}: "{name}" is not a full path from the root'
        elif target != folder and target not in self.allowed[folder]:
            yield f'{path}: {folder} may not include {target} ("{name}")'

    def _foreign(self, path, folder, name):
        for prefix, places in self.only:
            if not name.startswith(prefix):
                continue
            if not any(folder == place and path.name.endswith(end) for place, end in places):
                yield f"{path}: <{name}> does not belong here"
            return


def main(root):
    root = pathlib.Path(root)
    layers = Layers((root / "tests/tidy/layers.txt").read_text())
    sources = [path for path in tree.files(root) if path.suffix in {".h", ".cc"}]
    own = {str(path) for path in sources}
    found = []
    for path in sources:
        found += layers.violations(path, (root / path).read_text(), own)
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(sources)} files, {len(found)} violations")
    return 1 if found or not sources else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
