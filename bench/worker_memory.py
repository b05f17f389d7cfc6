#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the processes of a fleet have in memory (proportional set sizes, summed), idle and at the most under a load of several
connections, and how long it takes from the death of the only worker until a request is served again. Two builds may be held
side by side: their rounds alternate. The result cache is off, so that every request is work.

    bench/worker_memory.py --photos <JPEG> … [--binaries build/bench/bin] [--beside <binaries of another build>]
                           [--face-model FILE] [--rounds 3] [--requests 600] [--connections 16] [--kills 15]
                           [--out bench/results/worker_memory]
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import statistics
import tempfile
import time
import urllib.error
import urllib.request

from fleet import Millrace
from provenance import REPOSITORY, provenance

# No limits on the one client, and a queue that takes all of its requests.
CONFIG = """gateway: {tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}}
agent: {tiers: {free: {queue_per_worker: 1000, weight: 1, order: fifo}}, cache: {results: false}}
"""
PIPELINES = ("imageView2/2/w/800", "imageView2/1/w/200/h/200", "imageView2/2/w/800/format/webp")
WORKER = "millrace-image-worker"


def pss_mib(pid):
    try:
        rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    except OSError:
        return 0  # it has ended
    return int(re.search(r"^Pss:\s+(\d+)", rollup, re.M)[1]) / 1024


def by_name(fleet):
    """Of each process: its name, as the kernel has it (a template is told apart by that), and its share of the memory."""
    found = []
    for pid in fleet.processes.tree():
        try:
            found.append((pathlib.Path(f"/proc/{pid}/comm").read_text().strip(), round(pss_mib(pid), 1)))
        except OSError:
            continue
    return sorted(found)


def start(binaries, folder, arguments, **more):
    folder.mkdir()
    environment = {"MILLRACE_AGENT_CACHE_DIR": str(folder / "cache")}
    if arguments.face_model:
        environment["MILLRACE_AGENT_WORKERS_IMAGE_FACE_MODEL"] = str(arguments.face_model)
    for name, value in more.items():
        environment["MILLRACE_AGENT_WORKERS_IMAGE_" + name] = str(value)
    bucket = folder / "photos"
    bucket.mkdir()
    for photo in arguments.photos:
        shutil.copy(photo, bucket)
    return Millrace(binaries, folder, {"photos": bucket}, CONFIG, environment)


def get(fleet, key, pipeline):
    with urllib.request.urlopen(f"{fleet.media}/photos/{key}?{pipeline}", timeout=60) as answer:
        return len(answer.read())


def get_once_served(fleet, key, pipeline):
    while True:
        try:
            return get(fleet, key, pipeline)
        except urllib.error.HTTPError as refused:
            if refused.code != 503:
                raise


def memory(binaries, folder, arguments, keys):
    fleet = start(binaries, folder, arguments, COUNT=2)
    time.sleep(3)
    idle = by_name(fleet)
    before, most = fleet.processes.cpu_s(), 0
    with concurrent.futures.ThreadPoolExecutor(arguments.connections) as pool:
        asked = [pool.submit(get, fleet, keys[i % len(keys)], f"{PIPELINES[i % len(PIPELINES)]}/q/{60 + i % 30}")
                 for i in range(arguments.requests)]
        while not all(answer.done() for answer in asked):
            most = max(most, sum(pss_mib(pid) for pid in fleet.processes.tree()))
            time.sleep(0.1)
        for answer in asked:
            answer.result()
    cpu_ms = (fleet.processes.cpu_s()[WORKER] - before[WORKER]) * 1e3 / arguments.requests
    fleet.stop()
    return {"idle_mib": round(sum(mib for _, mib in idle), 1), "peak_mib": round(most, 1),
            "worker_cpu_ms": round(cpu_ms, 2), "idle_processes_mib": idle}


def the_worker(fleet):
    """The one that works, which is the one that gives way."""
    for pid in fleet.processes.tree():
        try:
            if os.path.basename(os.readlink(f"/proc/{pid}/exe")) == WORKER and os.getpriority(os.PRIO_PROCESS, pid) >= 10:
                return pid
        except OSError:
            continue
    raise SystemExit("there is no worker")


def kill(pid):
    """Returns when the agent knows."""
    os.kill(pid, signal.SIGKILL)
    while pathlib.Path(f"/proc/{pid}").exists():
        pass


def served_again(binaries, folder, arguments, key):
    """Milliseconds from the death of the only worker (there is no spare) until a small request is served: the agent's record
    reaches the gateway, which has no node meanwhile, and comes back."""
    fleet = start(binaries, folder, arguments, COUNT=1, SPARES=0)
    took_ms = []
    for i in range(arguments.kills):
        get_once_served(fleet, key, f"imageView2/2/w/{20 + i}")  # one that has worked is replaced at once
        kill(the_worker(fleet))
        begun = time.monotonic()
        get_once_served(fleet, key, f"imageView2/2/w/{40 + i}")
        took_ms.append((time.monotonic() - begun) * 1e3)
    fleet.stop()
    return round(statistics.median(took_ms), 1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build/bench/bin")
    parser.add_argument("--beside", type=pathlib.Path)
    parser.add_argument("--face-model", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=600)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    keys = [path.name for path in arguments.photos]
    builds = {"ours": arguments.binaries} | ({"beside": arguments.beside} if arguments.beside else {})
    rounds = {name: [] for name in builds}
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        for i in range(arguments.rounds):
            for build, binaries in builds.items():
                row = memory(binaries, pathlib.Path(name) / f"memory-{build}-{i}", arguments, keys)
                row["served_again_after_ms"] = served_again(binaries, pathlib.Path(name) / f"kills-{build}-{i}", arguments, keys[0])
                rounds[build].append(row)
                print(build, {what: value for what, value in row.items() if what != "idle_processes_mib"}, flush=True)
    report = provenance()
    report.update(requests=arguments.requests, connections=arguments.connections, photos=keys, builds={})
    for build, rows in rounds.items():
        middle = {what: round(statistics.median(row[what] for row in rows), 2) for what in rows[0] if what != "idle_processes_mib"}
        report["builds"][build] = {**middle, "idle_processes_mib": rows[0]["idle_processes_mib"],
                                   "peak_mib_of_rounds": [row["peak_mib"] for row in rows]}
        print(build, middle)
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
