#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The study behind the defaults (docs/capacity.md): how many workers, how many tasks at once, how long a queue, one big
process or one a core, and what a gateway carries by itself. Ratios within one run; the cells of a part are measured in
rounds, each round in another order, and the median counts.

    bench/capacity.py [--parts processes,queues,gateway] [--rounds 2] [--out bench/results] [--images docs/images]

Writes OUT/capacity-<part>.json for each part, and draws the plots of every part that is in OUT.
"""
import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile

import capacity_plots
from provenance import REPOSITORY, provenance

BINARIES = REPOSITORY / "build" / "bench" / "bin"
SOURCES = {"small": (1632, 1224), "large": (6000, 4000)}  # px

# name: the source, what bare libvips is told, the command: h binds nothing, so results differ and cost the same
KINDS = {
    "small": ("small", ["--width", "200"], "imageView2/2/w/200/h/8{r}"),
    "large": ("large", ["--width", "800"], "imageView2/2/w/800/h/8{r}"),
    "webp": ("large", ["--width", "800", "--format", "webp"], "imageView2/2/w/800/h/8{r}/format/webp"),
    "avif": ("small", ["--width", "400", "--format", "avif", "--quality", "50"], "imageView2/2/w/400/h/8{r}/format/avif"),
}
# processes, tasks at once in each, threads of libvips for one task
SHAPES = [(1, 1, 1), (2, 1, 1), (4, 1, 1), (8, 1, 1), (1, 2, 1), (1, 4, 1), (1, 8, 1), (1, 1, 2), (1, 2, 2), (1, 4, 2)]
WORKERS = [1, 2, 4]
QUEUES = [1, 4, 10]
OVERLOAD_X = 2
PICTURES = 8


def shuffled(cells, round_number):
    cells = list(cells)
    random.Random(round_number).shuffle(cells)
    return cells


def medians(rows):
    """Of each figure over the rounds of one cell."""
    return {key: round(statistics.median(row[key] for row in rows), 3) for key in rows[0]}


def make_photos(folder):
    for name, (width, height) in SOURCES.items():
        first = folder / f"{name}-0.jpg"
        subprocess.run([str(BINARIES / "millrace-bench-picture"), str(width), str(height), "88", str(first)], check=True)
        for n in range(1, PICTURES):
            (folder / f"{name}-{n}.jpg").write_bytes(first.read_bytes())


def part_processes(arguments, photos):
    """Bare libvips: so many processes, tasks at once and libvips threads, always as busy as they can be."""
    found = {}
    for number in range(arguments.rounds):
        for kind, shape in shuffled([(k, s) for k in KINDS for s in SHAPES], number):
            processes, tasks, threads = shape
            source, options, _ = KINDS[kind]
            pinned = tasks == threads == 1 and processes <= os.cpu_count()
            out = subprocess.run(
                [str(BINARIES / "millrace-bench-bare-vips"), "--processes", str(processes), "--tasks", str(tasks), "--threads",
                 str(threads), "--seconds", str(arguments.seconds), *([] if pinned else ["--no-pin"]), *options,
                 *map(str, sorted(photos.glob(f"{source}-*.jpg")))], capture_output=True, text=True, check=True)
            found.setdefault((kind, shape), []).append(json.loads(out.stdout))
            print(kind, shape, out.stdout.strip(), flush=True)
    return [dict(kind=kind, processes=shape[0], tasks=shape[1], threads=shape[2], **medians(rows))
            for (kind, shape), rows in sorted(found.items(), key=lambda item: (list(KINDS).index(item[0][0]), item[0][1]))]


def scenario(name, photos, kind, workers, config, steps, pipeline, calibration):
    lines = "\n".join("    " + line for line in config.splitlines())
    return f"""
name: {name}
summary: a cell of bench/capacity.py
connections_max: 8000
warm_up_ms: 1000
drain_ms: 20000
calibration: {calibration}
server:
  workers: {workers}
  config: |
{lines}
  buckets: {{photos: {{folder: "{photos}"}}}}
mixes:
  work:
    keys: ["{KINDS[kind][0]}-{{n}}.jpg"]
    keys_count: {PICTURES}
    pipeline: "{pipeline}"
    deadline_ms: 60000
steps: {steps}
"""


def run_scenario(folder, text):
    file = folder / "cell.yaml"
    file.write_text(text)
    result = subprocess.run([str(BINARIES / "millrace-bench"), "run", str(file), "--out", str(folder), "--quiet"],
                            capture_output=True, text=True)
    name = next(line.split(": ")[1] for line in text.splitlines() if line.startswith("name: "))
    if result.returncode > 1:
        sys.exit(f"{name}: {result.stderr}\n{text}")
    return json.loads((folder / f"{name}.json").read_text())


NO_LIMITS = "gateway:\n  tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}\n"


def part_queues(arguments, photos, folder):
    """The whole of Millrace at twice its capacity: workers and places in the queue of each."""
    found = {}

    def run(kind, workers, queue, rate, capacity):
        calibration = f"{{in_flight_per_worker: 2, duration_ms: {arguments.seconds * 1000}, capacity_per_s: {capacity}}}"
        config = NO_LIMITS + f"agent:\n  cache: {{results: false}}\n  tiers: {{free: {{queue_per_worker: {queue}, order: fifo}}}}\n"
        steps = f"{{only: {{rate: {rate}, duration_ms: {arguments.seconds * 1000}}}}}"
        return run_scenario(folder, scenario("cell", photos, kind, workers, config, steps, KINDS[kind][2], calibration))

    capacities = {}
    kinds = arguments.kinds.split(",")
    for kind in kinds:
        # What two workers do in a closed loop: the load of every cell is a multiple of it.
        capacities[kind] = run(kind, os.cpu_count(), 10, "0.5x", 0)["capacity_per_s"]
        print(kind, "capacity", capacities[kind], flush=True)
    for number in range(arguments.rounds):
        for kind, workers, queue in shuffled([(k, w, q) for k in kinds for w in WORKERS for q in QUEUES], number):
            result = run(kind, workers, queue, f"{OVERLOAD_X}x", capacities[kind])
            row = result["steps"][0]["total"]
            # What is queued when the load ends is good too, and is done in the time that it waits.
            busy_s = arguments.seconds + row["good_latency_ms"]["p50"] / 1e3
            found.setdefault((kind, workers, queue), []).append({
                "goodput_per_s": row["goodput_per_s"], "goodput_x": round(row["good"] / busy_s / capacities[kind], 3),
                "p50_ms": row["good_latency_ms"]["p50"], "p99_ms": row["good_latency_ms"]["p99"], "refused_p99_ms": row["refused_latency_ms"]["p99"],
                "rss_mib": sum(p["rss_mib_max"] for p in result["steps"][0]["processes"].values())})
            print(kind, workers, queue, found[kind, workers, queue][-1], flush=True)
    return {"capacity_per_s": capacities, "offered_x": OVERLOAD_X,
            "cells": [dict(kind=kind, workers=workers, queue_per_worker=queue, **medians(rows))
                      for (kind, workers, queue), rows in sorted(found.items(),
                                                                 key=lambda i: (list(KINDS).index(i[0][0]), i[0][1:]))]}


# name: configuration, pipeline
GATEWAY_LOADS = {
    "cached variant": (NO_LIMITS, "imageView2/1/w/200/h/200"),
    "refused by the throttle": ("gateway:\n  tiers: {free: {rate_per_s: 1, burst: 1, concurrency_max: 0}}\n",
                                "imageView2/1/w/{r}/h/200"),
    "bad parameter": (NO_LIMITS, "imageView2/9/w/{r}"),
}
GATEWAY_RATES = [500, 1000, 2000, 4000, 6000, 8000, 12000, 16000]


def part_gateway(arguments, photos, folder):
    """Requests that no worker sees, more and more of them a second, until they are not answered in time any more."""
    rows = []
    for load, (config, pipeline) in GATEWAY_LOADS.items():
        steps = "\n" + "".join(f"  r{rate}: {{rate: {rate}/s, duration_ms: {arguments.seconds * 1000}, pause_before_ms: 3000}}\n"
                               for rate in GATEWAY_RATES)
        found = {}
        for _ in range(arguments.rounds):
            result = run_scenario(folder, scenario("cell", photos, "small", os.cpu_count(), config, steps, pipeline,
                                                   "{duration_ms: 1000}"))
            for rate, step in zip(GATEWAY_RATES, result["steps"]):
                total, gateway = step["total"], step["processes"]["millrace-gateway"]
                latency = total["answer_latency_ms"]
                found.setdefault(rate, []).append({
                    "answered_per_s": total["answered"] / (step["end_s"] - step["begin_s"]), "p50_ms": latency["p50"],
                    "p99_ms": latency["p99"], "lost": total["offered"] - total["answered"],
                    "gateway_cpu_us": (gateway["cpu_user_ms"] + gateway["cpu_system_ms"]) * 1e3 / max(total["offered"], 1),
                    "generator_cpu_us": step["generator"]["cpu_us_per_request"],
                    "generator_late_p99_ms": step["generator"]["late_start_ms"]["p99"]})
        for rate in GATEWAY_RATES:
            rows.append(dict(load=load, offered_per_s=rate, **medians(found[rate])))
            print(rows[-1], flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", default="processes,queues,gateway", help="which; empty: only the plots")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--kinds", default=",".join(KINDS), help="of tasks, for the queues")
    parser.add_argument("--seconds", type=int, default=4, help="of each cell")
    parser.add_argument("--out", type=pathlib.Path, default=REPOSITORY / "bench" / "results")
    parser.add_argument("--images", type=pathlib.Path, default=REPOSITORY / "docs" / "images")
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="millrace-capacity-") as name:
        folder = pathlib.Path(name)
        photos = folder / "photos"
        photos.mkdir()
        for part in filter(None, arguments.parts.split(",")):
            if not any(photos.iterdir()):
                make_photos(photos)
            report = provenance()
            if part == "processes":
                report["cells"] = part_processes(arguments, photos)
            elif part == "queues":
                report |= part_queues(arguments, photos, folder)
            elif part == "gateway":
                report["cells"] = part_gateway(arguments, photos, folder)
            else:
                sys.exit(f"there is no part {part}")
            (arguments.out / f"capacity-{part}.json").write_text(json.dumps(report, indent=1) + "\n")
    capacity_plots.draw(arguments.out, arguments.images)


if __name__ == "__main__":
    main()
