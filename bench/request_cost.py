#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a request costs beside the codec: processor time of all processes for each request whose original and result are
new to the fleet, and next to nothing to compute (imageInfo of a tiny JPEG, which reads its header; a thumbnail of it for
comparison). From a local bucket and from a kept-alive HTTP origin.

    bench/request_cost.py [--rounds 5] [--seconds 3] [--connections 16] [--binaries build/bench/bin]
                          [--out bench/results/request_cost]
"""
import argparse
import atexit
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from fleet import Millrace, free_port
from provenance import REPOSITORY, provenance

ASKED_MS = 0.3
LINKS_MAX = 50_000
# No limits on the one client; and a queue that takes all of its requests: one of the default length, which is counted in
# service times, refuses some when the pipeline changes to one of longer service times.
CONFIG = """gateway: {{tiers: {{free: {{rate_per_s: 0, burst: 0, concurrency_max: 0}}}}}}
agent: {{tiers: {{free: {{queue_per_worker: 1000, weight: 1, order: fifo}}}}}}
buckets: {{remote: {{kind: http, origin: "http://127.0.0.1:{port}"}}}}
"""
PIPELINES = {"nothing to compute": "imageInfo", "a thumbnail of 16 px": "imageView2/2/w/16"}
# Every request asks for another original. Answers are counted by status and reason, as the body of an error names it.
SCRIPT = """
local at = {first}
local threads = {{}}
answers = {{}}
function setup(thread)
  threads[#threads + 1] = thread
end
function request()
  at = at + 1
  return wrk.format("GET", "/{bucket}/" .. at .. ".jpg?{pipeline}")
end
function response(status, headers, body)
  local what = "ok"
  if status ~= 200 then what = status .. " " .. (body:match('"reason":"([%a_]+)"') or "without a reason") end
  answers[what] = (answers[what] or 0) + 1
end
function done(summary, latency, requests)
  local broken = summary.errors.read + summary.errors.write + summary.errors.connect + summary.errors.timeout
  io.write(string.format('RESULT {{"requests":%d,"seconds":%f,"broken":%d,"answers":{{', summary.requests,
    summary.duration / 1e6, broken))
  local separator = ""
  for _, thread in ipairs(threads) do
    for what, count in pairs(thread:get("answers")) do
      io.write(string.format('%s"%s":%d', separator, what, count))
      separator = ","
    end
  end
  io.write("}}}}\\n")
end
"""


class Origin:
    """nginx that serves the originals and keeps its connections."""

    def __init__(self, folder, root, port):
        (folder / "nginx").mkdir()
        user = "user root;" if pathlib.Path(root).owner() == "root" else ""
        temporary = " ".join(f"{kind}_temp_path {folder}/nginx/t;" for kind in
                             ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        config = folder / "nginx.conf"
        config.write_text(f"""{user} daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 1024; }}
http {{ access_log off; {temporary} default_type image/jpeg; keepalive_requests 1000000;
  server {{ listen 127.0.0.1:{port}; root {root}; }} }}""")
        self.process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(config)])
        atexit.register(self.stop)

    def stop(self):
        atexit.unregister(self.stop)
        self.process.terminate()
        self.process.wait(20)


def ask(fleet, folder, bucket, pipeline, first, seconds, connections):
    """One round: requests, seconds, and processor milliseconds of each program for a request. A run with a single request
    that was not served ends here: what a refusal costs is another figure."""
    script = folder / "requests.lua"
    script.write_text(SCRIPT.format(first=first, bucket=bucket, pipeline=pipeline))
    before = fleet.processes.cpu_s()
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), fleet.media],
                         capture_output=True, text=True, check=True).stdout
    after = fleet.processes.cpu_s()
    told = json.loads(out[out.index("RESULT ") + len("RESULT "):])
    failed = {what: count for what, count in told["answers"].items() if what != "ok"}
    if told["broken"]:
        failed["connection broken or timed out"] = told["broken"]
    if failed or not told["requests"]:
        sys.exit(f"invalid: of {told['requests']} requests to {bucket} with {pipeline} these failed: {failed}")
    cpu = {name: (after[name] - before.get(name, 0)) * 1e3 / told["requests"] for name in after}
    return {"requests": told["requests"], "requests_per_s": told["requests"] / told["seconds"],
            "cpu_ms": {name: round(ms, 4) for name, ms in cpu.items()}, "cpu_ms_all": round(sum(cpu.values()), 4)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of a round of one pipeline and bucket")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build/bench/bin")
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    report = provenance()
    report.update(asked_cpu_ms=ASKED_MS, rounds=arguments.rounds, connections=arguments.connections, rows=[])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        originals = folder / "originals"
        originals.mkdir()
        subprocess.run(["vips", "black", str(folder / "tiny.jpg[Q=80,strip]"), "32", "32", "--bands", "3"], check=True)
        most = arguments.rounds * len(PIPELINES) * arguments.seconds * 8000
        for i in range(most):
            # A file of ext4 has 65,000 names at most.
            one = folder / f"tiny-{i // LINKS_MAX}.jpg"
            if i % LINKS_MAX == 0:
                shutil.copy(folder / "tiny.jpg", one)
            (originals / f"{i + 1}.jpg").hardlink_to(one)
        port = free_port()
        origin = Origin(folder, originals, port)
        fleet = Millrace(arguments.binaries, folder, {"local": originals}, CONFIG.format(port=port))
        time.sleep(1)
        rounds = {}
        asked = {"local": 0, "remote": 0}
        for _ in range(arguments.rounds):
            for bucket in asked:
                for what, pipeline in PIPELINES.items():
                    row = ask(fleet, folder, bucket, pipeline, asked[bucket], arguments.seconds, arguments.connections)
                    # wrk has asked for a few whose answers it did not wait for.
                    asked[bucket] += row["requests"] + arguments.connections
                    rounds.setdefault((bucket, what), []).append(row)
                    if asked[bucket] > most:
                        sys.exit("there are too few originals for so many requests")
        fleet.stop()
        origin.stop()
    for (bucket, what), rows in rounds.items():
        middle = sorted(rows, key=lambda row: row["cpu_ms_all"])[len(rows) // 2]
        row = {"bucket": bucket, "what": what, **middle,
               "cpu_ms_all_of_rounds": [row["cpu_ms_all"] for row in rows],
               "requests_per_s": round(statistics.median(row["requests_per_s"] for row in rows), 1)}
        if what == "nothing to compute":
            row["held"] = row["cpu_ms_all"] <= ASKED_MS
        report["rows"].append(row)
        print(f"{bucket:7} {what:22} {row['cpu_ms_all']:.3f} ms  {row['cpu_ms']}")
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
