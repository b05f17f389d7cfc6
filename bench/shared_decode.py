#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a page's set costs (one photograph at six widths, all asked for at the same time) when the six share a decode, beside
the same six asked for by six users, whose tasks never share. New variants in every round; the result cache is off. Rounds of
both alternate on one fleet; the answers are compared byte for byte.

    bench/shared_decode.py --photo <12 MP JPEG> [--rounds 15] [--binaries build/bench/bin]
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
PAGES = 4  # in a round
CONFIG = """gateway:
  trusted_proxies: ["127.0.0.0/8"]
  tiers: {{free: {{rate_per_s: 0, burst: 0, concurrency_max: 0}}}}
  users: {{{users}}}
agent:
  workers: {{image: {{count: {workers}}}}}
  tiers: {{free: {{queue_per_worker: 100}}}}
"""


def get(media, target, user):
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(media).netloc)
    connection.request("GET", target, headers={"X-Millrace-User": user})
    response = connection.getresponse()
    body = response.read()
    if response.status != 200:
        raise SystemExit(f"{target}: {response.status} {body[:300]}")
    return body


def ask_pages(fleet, pool, keys, at_once, shared):
    """The sets of all keys, `at_once` of them at the same time: wall and processor milliseconds of each, and the files."""
    before, begun, files = fleet.processes.cpu_s(), time.monotonic(), []
    for first in range(0, len(keys), at_once):
        asked = [pool.submit(get, fleet.media, f"/photos/{key}?imageView2/2/w/{width}", "page" if shared else f"u{i}")
                 for key in keys[first:first + at_once] for i, width in enumerate(WIDTHS)]
        files += [answer.result() for answer in asked]
    wall_ms = (time.monotonic() - begun) * 1e3 / len(keys)
    after = fleet.processes.cpu_s()
    cpu_ms = {name: (after[name] - before.get(name, 0)) * 1e3 / len(keys) for name in after}
    return {"wall_ms": wall_ms, "worker_cpu_ms": cpu_ms["millrace-image-worker"], "cpu_ms": sum(cpu_ms.values())}, files


def compare(arguments, folder, keys, workers, at_once):
    users = ", ".join(f"{user}: {{tier: free}}" for user in ["page"] + [f"u{i}" for i in range(len(WIDTHS))])
    fleet = Millrace(arguments.binaries, folder, {"photos": folder / "photos"},
                     CONFIG.format(users=users, workers=workers), {"MILLRACE_AGENT_CACHE_RESULTS": "false"})
    rounds, alone = {True: [], False: []}, None
    with concurrent.futures.ThreadPoolExecutor(len(WIDTHS) * at_once) as pool:
        for number in range(arguments.rounds + 1):
            for shared in (True, False) if number % 2 else (False, True):
                row, files = ask_pages(fleet, pool, keys, at_once, shared)
                alone = alone or files
                if files != alone:
                    raise SystemExit("who shares a decode got other bytes than who does not")
                if number:  # the first warms up
                    rounds[shared].append(row)
    fleet.stop()
    row = {"workers": workers, "pages_at_once": at_once}
    for what, shared in (("shared", True), ("apart", False)):
        row[what] = {field: round(statistics.median(one[field] for one in rounds[shared]), 1) for field in rounds[shared][0]}
    for field in ("worker_cpu_ms", "wall_ms"):
        ratios = [apart[field] / together[field] for apart, together in zip(rounds[False], rounds[True])]
        row[f"apart_by_shared_{field}"] = round(statistics.median(ratios), 2)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", type=pathlib.Path, required=True)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build/bench/bin")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    report = provenance()
    report.update(photo=arguments.photo.name, widths=WIDTHS, rounds=arguments.rounds, rows=[])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "photos").mkdir()
        keys = [f"{i}.jpg" for i in range(PAGES)]
        for key in keys:
            shutil.copy(arguments.photo, folder / "photos" / key)
        for workers, at_once in ((1, 1), (1, 4), (2, 1), (2, 4)):
            report["rows"].append(compare(arguments, folder, keys, workers, at_once))
            print(json.dumps(report["rows"][-1]))
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
