#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether work grows with the workers: requests/s of op 1 (12 MP JPEG to 800 px wide) with two workers and with one, where
the machine has room for both. On a machine of two cores two workers share the cores with the gateway, the agent, the origin and
the generator, and what is measured is the machine (`millrace-bench compare` measures that). So here each worker is held to a
share of a core by a control group; everything else runs free. That is not the figure asked of two
busy cores: it only tells whether the work itself grows. Rounds alternate; originals come from a kept-alive HTTP origin, each
is asked for once. Needs root (control groups), nginx and wrk.

    bench/worker_scaling.py --photo <12 MP JPEG> ... [--share 0.4] [--rounds 5] [--seconds 10] [--binaries build/bench/bin]
                            [--out bench/results/worker_scaling]
"""
import argparse
import atexit
import json
import os
import pathlib
import shutil
import statistics
import sys
import tempfile
import time

from fleet import Millrace, free_port
from provenance import REPOSITORY, provenance
from request_cost import Origin, ask

CONNECTIONS = 16
ORIGINALS = 20_000
PERIOD_US = 20_000
PIPELINE = "imageView2/2/w/800/q/80!"
CONFIG = """gateway: {{tiers: {{free: {{rate_per_s: 0, burst: 0, concurrency_max: 0}}}}}}
agent:
  cache: {{bytes_max: 268435456}}
  workers: {{image: {{count: {workers}}}}}
  tiers: {{free: {{queue_per_worker: 1000, weight: 1, order: fifo}}}}
buckets: {{remote: {{kind: http, origin: "http://127.0.0.1:{port}"}}}}
"""


class Share:
    """Holds a process to a share of a core: a control group of its own, version 2 or 1."""

    def __init__(self, pid, share):
        unified = pathlib.Path("/sys/fs/cgroup/cgroup.controllers")
        root = pathlib.Path("/sys/fs/cgroup" if unified.exists() else "/sys/fs/cgroup/cpu")
        self.group = root / f"millrace-bench-{os.getpid()}-{pid}"
        try:
            self.group.mkdir()
            quota_us = int(PERIOD_US * share)
            if unified.exists():
                (self.group / "cpu.max").write_text(f"{quota_us} {PERIOD_US}")
            else:
                (self.group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
                (self.group / "cpu.cfs_quota_us").write_text(str(quota_us))
            (self.group / "cgroup.procs").write_text(str(pid))
        except OSError as error:
            sys.exit(f"a worker cannot be held to a share of a core: {error}")
        atexit.register(self.remove)

    def remove(self):
        for _ in range(100):  # its process may still be ending
            try:
                self.group.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.05)


def workers_of(fleet):
    found = set()
    for pid in fleet.processes.tree():
        try:
            name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
            word = pathlib.Path(f"/proc/{pid}/comm").read_text().strip()
        except OSError:
            continue
        if name == "millrace-image-worker" and word != "image-template":
            found.add(pid)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=pathlib.Path, nargs="+", required=True)
    parser.add_argument("--share", type=float, default=0.4, help="of a core, for each worker")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=10, help="of a round")
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build/bench/bin")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    report = provenance()
    report.update(share_of_a_core=arguments.share, rounds=arguments.rounds, seconds=arguments.seconds,
                  connections=CONNECTIONS, pipeline=PIPELINE, photos=[photo.name for photo in arguments.photo])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        originals = folder / "originals"
        originals.mkdir()
        copies = [shutil.copy(photo, folder) for photo in arguments.photo]
        for i in range(ORIGINALS):
            (originals / f"{i + 1}.jpg").hardlink_to(copies[i % len(copies)])
        port = free_port()
        origin = Origin(folder, originals, port)
        fleets, held, shares, asked = {}, {}, [], 0
        for workers in (1, 2):
            (folder / str(workers)).mkdir()
            fleets[workers] = Millrace(arguments.binaries, folder / str(workers), {}, CONFIG.format(port=port, workers=workers))
            time.sleep(1)
            held[workers] = workers_of(fleets[workers])
            shares += [Share(pid, arguments.share) for pid in held[workers]]
        rounds = {1: [], 2: []}
        for turn in range(arguments.rounds):
            for workers in (1, 2) if turn % 2 == 0 else (2, 1):
                row = ask(fleets[workers], folder, "remote", PIPELINE, asked, arguments.seconds, CONNECTIONS)
                asked += row["requests"] + CONNECTIONS
                rounds[workers].append(row)
                print(f"{workers} worker(s): {row['requests_per_s']:.2f}/s, {row['cpu_ms_all']:.1f} ms", flush=True)
                if asked > ORIGINALS or workers_of(fleets[workers]) != held[workers]:
                    sys.exit("invalid: the originals ran out, or a worker was replaced and is not held")
        for fleet in fleets.values():
            fleet.stop()
        origin.stop()
        for share in shares:
            share.remove()
    ratios = [two["requests_per_s"] / one["requests_per_s"] for one, two in zip(rounds[1], rounds[2])]
    report.update(one_per_s=[round(row["requests_per_s"], 2) for row in rounds[1]],
                  two_per_s=[round(row["requests_per_s"], 2) for row in rounds[2]],
                  one_cpu_ms=[row["cpu_ms_all"] for row in rounds[1]], two_cpu_ms=[row["cpu_ms_all"] for row in rounds[2]],
                  ratios=[round(ratio, 3) for ratio in ratios], ratio=round(statistics.median(ratios), 3))
    print(f"two workers over one: {report['ratio']} ({min(ratios):.3f} to {max(ratios):.3f})")
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
