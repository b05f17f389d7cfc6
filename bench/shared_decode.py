#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a page's set costs (one photograph at six widths, all asked for at the same time) when the six share a decode, beside
the same six asked for by six users, whose tasks never share. New variants in every round; the result cache is off. Rounds of
both alternate on one fleet; the answers are compared byte for byte.

    bench/shared_decode.py --photo <12 MP JPEG> [--rounds 15] [--workers 1] [--binaries build/bench/bin]
                           [--out bench/results/shared_decode]
"""
import argparse
import concurrent.futures
import http.client
import json
import pathlib
import shutil
import statistics
import tempfile
import time
import urllib.parse

from fleet import Millrace
from provenance import REPOSITORY, provenance

WIDTHS = (320, 480, 640, 960, 1280, 1920)
CONFIG = """gateway:
  trusted_proxies: ["127.0.0.0/8"]
  tiers: {{free: {{rate_per_s: 0, burst: 0, concurrency_max: 0}}}}
  users: {{{users}}}
agent:
  workers: {{image: {{count: {workers}}}}}
"""


def get(media, target, user):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(media).netloc)
    connection.request("GET", target, headers={"X-Millrace-User": user})
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"{target}: {response.status} {body[:300]}")
    return body


def page(fleet, pool, pages, shared):
    """`pages` sets, one after the other: wall and processor milliseconds of each, and the files."""
    before, begun, files = fleet.processes.cpu_s(), time.monotonic(), []
    for key in pages:
        asked = [pool.submit(get, fleet.media, f"/photos/{key}?imageView2/2/w/{width}", "page" if shared else f"u{i}")
                 for i, width in enumerate(WIDTHS)]
        files.append([answer.result() for answer in asked])
    wall_ms = (time.monotonic() - begun) * 1e3 / len(pages)
    after = fleet.processes.cpu_s()
    cpu_ms = {name: (after[name] - before.get(name, 0)) * 1e3 / len(pages) for name in after}
    return {"wall_ms": wall_ms, "worker_cpu_ms": cpu_ms["millrace-image-worker"], "cpu_ms": sum(cpu_ms.values())}, files


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--pages", type=int, default=4, help="in a round")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build/bench/bin")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    report = provenance()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "photos").mkdir()
        keys = [f"{i}.jpg" for i in range(arguments.pages)]
        for key in keys:
            shutil.copy(arguments.photo, folder / "photos" / key)
        users = ", ".join(f"{user}: {{tier: free}}" for user in ["page"] + [f"u{i}" for i in range(len(WIDTHS))])
        fleet = Millrace(arguments.binaries, folder, {"photos": folder / "photos"},
                         CONFIG.format(users=users, workers=arguments.workers), {"MILLRACE_AGENT_CACHE_RESULTS": "false"})
        with concurrent.futures.ThreadPoolExecutor(len(WIDTHS)) as pool:
            rounds = {True: [], False: []}
            for number in range(arguments.rounds + 1):
                for shared in (True, False) if number % 2 else (False, True):
                    row, files = page(fleet, pool, keys, shared)
                    if number:
                        rounds[shared].append(row)
                    if number == 0 and not shared:
                        alone = files
                    elif files != alone:
                        raise SystemExit("who shares a decode got other bytes than who does not")
        fleet.stop()
    report.update(photo=arguments.photo.name, widths=WIDTHS, workers=arguments.workers, rounds=arguments.rounds)
    for what, shared in (("shared", True), ("apart", False)):
        report[what] = {field: round(statistics.median(row[field] for row in rounds[shared]), 2) for field in rounds[shared][0]}
    report["worker_cpu_ratio"] = round(statistics.median(
        apart["worker_cpu_ms"] / together["worker_cpu_ms"] for apart, together in zip(rounds[False], rounds[True])), 2)
    report["wall_ratio"] = round(statistics.median(
        apart["wall_ms"] / together["wall_ms"] for apart, together in zip(rounds[False], rounds[True])), 2)
    print(json.dumps(report, indent=1))
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
