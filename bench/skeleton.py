#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the fleet's frame costs: a warmed `millrace up` against the bare libvips calls (a), against nginx before nginx
for cached variants (b), and its memory over 400,000 requests (c). Ratios, from alternating rounds in one run.

    bench/skeleton.py --photo FILE.jpg [--only uncached,cached,memory] [--rounds 5] [--out bench/results/NAME]
"""
import argparse
import atexit
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from fleet import Millrace, Processes, free_port
from provenance import REPOSITORY, provenance

# One client sends all: it must not be limited.
NO_LIMITS = "gateway: {tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}}\n"


def start_millrace(folder, cache_results):
    return Millrace(BINARIES, folder, {"photos": folder / "photos"}, NO_LIMITS,
                    {"MILLRACE_AGENT_CACHE_RESULTS": "true" if cache_results else "false"})


class Nginx:
    """nginx as a keep-alive reverse proxy before an nginx that serves files."""

    def __init__(self, folder, root):
        self.port, back = free_port(), free_port()
        folder.mkdir(parents=True, exist_ok=True)
        common = ("access_log off; client_body_temp_path {0}/t; proxy_temp_path {0}/t; fastcgi_temp_path {0}/t; "
                  "uwsgi_temp_path {0}/t; scgi_temp_path {0}/t;").format(folder)
        user = "user root;" if os.geteuid() == 0 else ""  # its workers read the same private folder
        (folder / "nginx.conf").write_text(f"""
{user} daemon off; worker_processes {os.cpu_count()}; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{ {common} default_type image/jpeg; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  upstream files {{ server 127.0.0.1:{back}; keepalive 64; keepalive_requests 1000000; }}
  server {{ listen 127.0.0.1:{back}; root {root}; open_file_cache max=100; }}
  server {{ listen 127.0.0.1:{self.port};
    location / {{ proxy_pass http://files; proxy_http_version 1.1; proxy_set_header Connection ""; }} }}
}}""")
        self.process = subprocess.Popen(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")])
        atexit.register(self.stop)
        end = time.time() + 20
        while time.time() < end:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        self.media = f"http://127.0.0.1:{self.port}"
        self.processes = Processes(self.process.pid)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def wrk(folder, url, paths, connections, seconds):
    """Requests a second over the paths in turn; the run fails on any answer that is not 200."""
    script = folder / "paths.lua"
    quoted = ", ".join(json.dumps(p) for p in paths)
    script.write_text(f"""
local paths = {{ {quoted} }}
local turn = 0
request = function()
  turn = turn % #paths + 1
  return wrk.format("GET", paths[turn])
end
done = function(summary, latency, requests)
  io.write(string.format("RESULT %d %d %d %d\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.read + summary.errors.timeout, latency:percentile(99)))
end
""")
    out = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), url],
                         capture_output=True, text=True, check=True).stdout
    line = next(x for x in out.splitlines() if x.startswith("RESULT"))
    requests, duration_us, errors, p99_us = map(int, line.split()[1:])
    if errors:
        sys.exit(f"{errors} of {requests} requests failed\n{out}")
    return {"requests": requests, "per_s": requests / (duration_us / 1e6), "p99_ms": p99_us / 1e3}


def measured(server, folder, paths, connections, seconds):
    before = server.processes.cpu_s()
    result = wrk(folder, server.media, paths, connections, seconds)
    after = server.processes.cpu_s()
    result["cpu_us"] = {name: round((after[name] - before.get(name, 0)) * 1e6 / result["requests"], 1) for name in after}
    return result


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def median(rows, key):
    return statistics.median(row[key] for row in rows)


def uncached(folder, arguments, report):
    rows = []
    cores = os.cpu_count()
    for name, source, pipeline, size in [
            ("12 MP to 800 wide", "large", "imageView2/2/w/800", ["--width", "800"]),
            ("2 MP to 200x200", "small", "imageView2/1/w/200/h/200", ["--width", "200", "--height", "200"])]:
        files = sorted((folder / "photos").glob(f"{source}-*.jpg"))
        paths = [f"/photos/{f.name}?{pipeline}" for f in files]
        server = start_millrace(folder, cache_results=False)
        wrk(folder, server.media, paths, 2 * cores, 4)
        ours, bare = [], []
        for _ in range(arguments.rounds):
            bare.append(json.loads(subprocess.run(
                [str(BINARIES / "millrace-bench-bare-vips"), "--processes", str(cores), "--seconds", str(arguments.seconds),
                 *size, *map(str, files)], capture_output=True, text=True, check=True).stdout))
            ours.append(measured(server, folder, paths, 2 * cores, arguments.seconds))
        server.stop()
        cpu = {k: statistics.median(r["cpu_us"].get(k, 0) for r in ours) for k in ours[0]["cpu_us"]}
        pairs = [o["per_s"] / b["per_s"] for o, b in zip(ours, bare)]
        rows.append({"case": name, "bare_per_s": median(bare, "per_s"), "millrace_per_s": median(ours, "per_s"),
                     "ratio": statistics.median(pairs), "ratios": [round(p, 3) for p in pairs], "asked": 0.90,
                     "bare_cpu_ms": median(bare, "cpu_ms_each"), "millrace_cpu_ms": {k: v / 1e3 for k, v in cpu.items()}})
        print(json.dumps(rows[-1]), flush=True)
    report["uncached"] = rows


def cached(folder, arguments, report):
    rows = []
    server = start_millrace(folder, cache_results=True)
    root = folder / "www"
    root.mkdir()
    variants = {"small.jpg": "/photos/small-0.jpg?imageView2/1/w/200/h/200", "large.jpg": "/photos/large-0.jpg?imageView2/2/w/800"}
    for name, path in variants.items():
        (root / name).write_bytes(get(server.media + path))
    nginx = Nginx(folder / "nginx", root)
    for name, path in variants.items():
        ours, theirs = [], []
        for target in ((server, path), (nginx, "/" + name)):
            wrk(folder, target[0].media, [target[1]], 32, 2)
        for _ in range(arguments.rounds):
            theirs.append(measured(nginx, folder, ["/" + name], 32, arguments.seconds))
            ours.append(measured(server, folder, [path], 32, arguments.seconds))
        pairs = [o["per_s"] / t["per_s"] for o, t in zip(ours, theirs)]
        cpu = {k: statistics.median(r["cpu_us"].get(k, 0) for r in ours) for k in ours[0]["cpu_us"]}
        rows.append({"case": f"cached, {(root / name).stat().st_size} bytes", "nginx_per_s": median(theirs, "per_s"),
                     "millrace_per_s": median(ours, "per_s"), "ratio": statistics.median(pairs),
                     "ratios": [round(p, 3) for p in pairs], "asked": 0.5, "millrace_cpu_us": cpu,
                     "nginx_cpu_us": statistics.median(sum(r["cpu_us"].values()) for r in theirs),
                     "p99_ms": [median(ours, "p99_ms"), median(theirs, "p99_ms")]})
        print(json.dumps(rows[-1]), flush=True)
    nginx.stop()
    server.stop()
    report["cached"] = rows


def memory(folder, arguments, report):
    """At least 400,000 requests: cached variants, and new ones all the while."""
    server = start_millrace(folder, cache_results=True)
    paths = [f"/photos/small-{i % 8}.jpg?imageView2/2/w/{100 + i}" for i in range(40)]
    for path in paths:
        get(server.media + path)
    samples, total, width = [], 0, 20
    while total < 400_000:
        fresh = [f"/photos/small-{i % 8}.jpg?imageView2/2/w/{width + i}/h/{width + 3 * i}" for i in range(20)]
        width += 20
        for path in fresh:
            get(server.media + path)
        total += wrk(folder, server.media, paths + fresh, 64, 1)["requests"]
        resident = server.processes.memory_mib()
        samples.append({"requests": total, "gateway_mib": round(resident["millrace-gateway"], 1),
                        "agent_mib": round(resident["millrace-agent"], 1)})
        print(json.dumps(samples[-1]), flush=True)
    server.stop()
    sums = [s["gateway_mib"] + s["agent_mib"] for s in samples]
    at_a_quarter = next(m for s, m in zip(samples, sums) if s["requests"] >= 100_000)
    report["memory"] = {"samples": samples, "last_mib": round(sums[-1], 1), "asked_below_mib": 100,
                        "growth_after_100000_requests_mib": round(sums[-1] - at_a_quarter, 1)}


PARTS = {"uncached": uncached, "cached": cached, "memory": memory}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photo", required=True, type=pathlib.Path, help="a JPEG of about 12 megapixels")
    parser.add_argument("--only", default="uncached,cached,memory")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=8, help="of each round")
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build" / "bench" / "bin")
    parser.add_argument("--out", type=pathlib.Path, help="writes OUT.json")
    arguments = parser.parse_args()
    global BINARIES
    BINARIES = arguments.binaries
    report = provenance()
    if arguments.out and arguments.out.with_suffix(".json").exists():  # the parts that are not measured again stay
        earlier = json.loads(arguments.out.with_suffix(".json").read_text())
        report = {**{k: v for k, v in earlier.items() if k in PARTS}, **report}
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as name:
        folder = pathlib.Path(name)
        (folder / "photos").mkdir()
        small = folder / "small.jpg"
        subprocess.run(["vipsthumbnail", str(arguments.photo), "-s", "1632x1224", "-o", f"{small}[Q=88]"], check=True)
        for i in range(8):
            shutil.copy(arguments.photo, folder / "photos" / f"large-{i}.jpg")
            shutil.copy(small, folder / "photos" / f"small-{i}.jpg")
        for part in arguments.only.split(","):
            PARTS[part](folder, arguments, report)
            if arguments.out:  # after each part, so that an interrupted run leaves what it had
                arguments.out.parent.mkdir(parents=True, exist_ok=True)
                arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
