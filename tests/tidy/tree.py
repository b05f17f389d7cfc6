# SPDX-License-Identifier: Apache-2.0
"""The files of the repository that people write: no build trees, no state, no sample pictures."""
import os
import pathlib

_SKIPPED_AT_TOP = {".git", "build", "state", "sample-bucket"}
_SKIPPED_ANYWHERE = {"__pycache__", "node_modules", ".cache"}


def files(root):
    """Paths relative to `root`, sorted."""
    root = pathlib.Path(root)
    found = []
    for folder, folders, names in os.walk(root):
        here = pathlib.Path(folder).relative_to(root)
        skipped = _SKIPPED_ANYWHERE | (_SKIPPED_AT_TOP if here == pathlib.Path(".") else set())
        folders[:] = [name for name in folders if name not in skipped]
        for name in names:
            path = here / name
            if not (root / path).is_symlink() and path != pathlib.Path(".git"):
                found.append(path)
    return sorted(found)


def is_script(root, path):
    """True for what a shell or Python runs: by extension, or by its first line."""
    if path.suffix in {".sh", ".py"}:
        return True
    if path.suffix:
        return False
    with open(pathlib.Path(root) / path, "rb") as file:
        return file.read(2) == b"#!"


def is_shell(root, path):
    if path.suffix == ".sh":
        return True
    if path.suffix:
        return False
    with open(pathlib.Path(root) / path, "rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and (b"bash" in first or first.rstrip().endswith(b"sh"))
