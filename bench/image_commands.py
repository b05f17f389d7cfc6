#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""millrace-bench-image-commands with what every result begins with: each command of the image worker against bare
libvips calls, on a photograph of 12 megapixels and on the same at 2.

    bench/image_commands.py --photo FILE.jpg [--rounds 15] [--out bench/results/image_commands]
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

from provenance import REPOSITORY, provenance

PROGRAM = REPOSITORY / "build/bench/bin/millrace-bench-image-commands"
MODEL = REPOSITORY / "state/models/ultraface-rfb-320.onnx"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photo", required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--program", type=pathlib.Path, default=PROGRAM)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    report = provenance()
    report["rounds"] = arguments.rounds
    with tempfile.NamedTemporaryFile(suffix=".json") as rows:
        command = [arguments.program, "--rounds", str(arguments.rounds), "--photo", arguments.photo, "--out", rows.name]
        if MODEL.exists():
            command += ["--face-model", MODEL]
        done = subprocess.run(command, check=False)
        report["rows"] = json.load(open(rows.name))
    held = [row for row in report["rows"] if "held" in row]
    report["held"] = f"{sum(row['held'] for row in held)} of {len(held)} rows that give the same picture"
    print(report["held"])
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
