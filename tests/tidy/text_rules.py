#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""House rules that need no compiler. usage: text_rules.py ROOT; exit status 1 with one line a violation."""
import os
import pathlib
import re
import sys

import tree

_CODE = {".h", ".cc", ".py", ".sh", ".cmake"}
_TEXT = _CODE | {".md", ".txt", ".yaml", ".yml", ".json", ".tsv", ".js", ".css", ".html"}
_LINES_MAX = 700
_LATER = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X|HA" + r"CK)\b")
# A path of one machine. A letter or dot before it means that it is part of a longer, relative one.
_MACHINE_PATH = re.compile(r"(?<![\w.$})])/(work|home|root)/")
_SHARED_TEMP = re.compile(r"(?<![\w.$})])/tmp/")
_SLEEP = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep)\s*\(|(?<!\w)::sleep\s*\(")
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def _named(path):
    """True for files that carry the licence line."""
    return path.suffix in _CODE or path.name in {"CMakeLists.txt", "layers.txt", "packages.txt"}


def _whole_file(path, raw):
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        yield "is not UTF-8"
        return
    if "\r" in text:
        yield "has carriage returns"
    if text and not text.endswith("\n"):
        yield "does not end with a line break"
    if "\t" in text and path.suffix != ".tsv":
        yield "has tabs"
    lines = text.splitlines()
    if path.suffix in _CODE and len(lines) > _LINES_MAX:
        yield f"has {len(lines)} lines; {_LINES_MAX} is the limit"
    if any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:3]):
        return
    if _named(path) or raw.startswith(b"#!"):
        yield "has no SPDX line at its head"


def _line_by_line(path, text):
    code = path.suffix in _CODE or not path.suffix
    in_test = path.parts[0] == "tests" and path.name != "text_rules.py"
    lines = text.splitlines()
    for number, line in enumerate(lines, 1):
        if line != line.rstrip() and path.suffix != ".md":
            yield f"{number}: trailing blanks"
        if _LATER.search(line):
            yield f"{number}: work left for later"
        if code and path.name != "text_rules.py" and _MACHINE_PATH.search(line):
            yield f"{number}: a path of one machine"
        if code and in_test and _SHARED_TEMP.search(line):
            yield f"{number}: a test makes a temporary folder of its own"
        # The one way to wait for what nothing announces: a loop that asks again.
        asks = any("while (!" in before for before in lines[max(0, number - 4) : number - 1])
        if in_test and not asks and _SLEEP.search(line):
            yield f"{number}: a test waits for events, it does not sleep"


def _links(root, path, text):
    for target in _LINK.findall(text):
        if "://" in target or target.startswith("mailto:"):
            continue
        if not (root / path.parent / target).exists():
            yield f"links to {target}, which does not exist"


def _unlisted(root, sources):
    """C++ files that no CMakeLists.txt names: they would never be compiled, or their tests never run."""
    lists, fuzzed = {}, {}
    for path in sources:
        if path.suffix != ".cc" or "commands" in path.parts:
            continue
        named = False
        folder = path.parent
        while not named and folder != pathlib.Path("."):
            if folder not in lists:
                file = root / folder / "CMakeLists.txt"
                text = file.read_text() if file.exists() else ""
                lists[folder] = set(re.findall(r"[\w./-]+\.cc", text))
                fuzzed[folder] = set(re.findall(r"millrace_fuzz\((\w+)", text))
            name = str(path.relative_to(folder))
            named = name in lists[folder] or name.removesuffix("_fuzz.cc") in fuzzed[folder]
            folder = folder.parent
        if not named:
            yield f"{path}: no CMakeLists.txt names it"


def violations(root):
    root = pathlib.Path(root)
    paths = tree.files(root)
    for path in paths:
        script = tree.is_script(root, path)
        if path.suffix not in _TEXT and not script:
            continue
        raw = (root / path).read_bytes()
        text = raw.decode("utf-8", errors="replace")
        for sentence in _whole_file(path, raw):
            yield f"{path}: {sentence}"
        for sentence in _line_by_line(path, text):
            yield f"{path}:{sentence}"
        if path.suffix == ".md":
            for sentence in _links(root, path, text):
                yield f"{path}: {sentence}"
        if raw.startswith(b"#!") != os.access(root / path, os.X_OK):
            yield f"{path}: a #! line and the executable bit go together"
    yield from _unlisted(root, paths)


def main(root):
    found = list(violations(root))
    print(*found, sep="\n", end="\n" if found else "")
    print(f"{len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
