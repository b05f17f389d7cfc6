#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A cached variant from `millrace up` beside nginx as a keep-alive reverse proxy before an nginx that serves the same bytes
as a file, on the same cores: requests a second in alternating rounds of one run, and their ratio; processor time for each
request.

    bench/cached_variant.py [--rounds 7] [--seconds 3] [--connections 32] [--binaries build/bench/bin]
                            [--out bench/results/cached_variant]
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import skeleton
from fleet import Millrace
from provenance import REPOSITORY, provenance

ASKED = 0.8
NO_LIMITS = "gateway: {tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}}\n"
# Squares cut out of a picture of noise, which no encoder makes small: about 2, 30, 100 and 300 KB.
WIDTHS = [64, 275, 500, 870]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=3, help="of a round of one size and server")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build/bench/bin")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    report = provenance()
    report.update(asked=ASKED, rounds=arguments.rounds, connections=arguments.connections, rows=[])
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        folder = pathlib.Path(name)
        photos, root = folder / "photos", folder / "www"
        photos.mkdir()
        root.mkdir()
        subprocess.run(["vips", "gaussnoise", str(folder / "noise.v"), "1000", "1000", "--mean", "128", "--sigma", "40"], check=True)
        subprocess.run(["vips", "cast", str(folder / "noise.v"), str(photos / "noise.jpg[Q=90]"), "uchar"], check=True)
        fleet = Millrace(arguments.binaries, folder, {"photos": photos}, NO_LIMITS)
        paths = {width: f"/photos/noise.jpg?imageMogr2/crop/{width}x{width}" for width in WIDTHS}
        for width, path in paths.items():
            (root / f"{width}.jpg").write_bytes(skeleton.get(fleet.media + path))
        nginx = skeleton.Nginx(folder / "nginx", root)
        for width, path in paths.items():
            size = (root / f"{width}.jpg").stat().st_size
            ours, theirs = [], []
            for round_number in range(arguments.rounds + 1):
                pair = [skeleton.measured(nginx, folder, [f"/{width}.jpg"], arguments.connections, arguments.seconds),
                        skeleton.measured(fleet, folder, [path], arguments.connections, arguments.seconds)]
                if round_number > 0:  # the first warms both
                    theirs.append(pair[0])
                    ours.append(pair[1])
            ratios = [o["per_s"] / t["per_s"] for o, t in zip(ours, theirs)]
            row = {"size_bytes": size, "ratio": round(statistics.median(ratios), 3), "held": statistics.median(ratios) >= ASKED,
                   "ratios": [round(ratio, 3) for ratio in ratios],
                   "millrace_per_s": round(skeleton.median(ours, "per_s"), 1), "nginx_per_s": round(skeleton.median(theirs, "per_s"), 1),
                   "millrace_cpu_us": {program: statistics.median(o["cpu_us"][program] for o in ours) for program in ours[0]["cpu_us"]},
                   "nginx_cpu_us": round(statistics.median(sum(t["cpu_us"].values()) for t in theirs), 1),
                   "p99_ms": [skeleton.median(ours, "p99_ms"), skeleton.median(theirs, "p99_ms")]}
            report["rows"].append(row)
            print(json.dumps(row), flush=True)
        nginx.stop()
        fleet.stop()
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
