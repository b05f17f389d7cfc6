#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a request waits when Redis is slow or gone: latencies of one client on one kept-alive connection after another, at a
gateway whose limits are in Redis, while Redis is well, stopped (SIGSTOP: connections stay, nothing is answered), well
again, and killed; and of a gateway without Redis, for what the machine itself costs. The server's processes and the client go
before others of the machine where they may, for the waits are to be Redis's and not the machine's.

    bench/redis_away.py [--requests 3000] [--out bench/results/redis_away]
"""
import argparse
import json
import os
import pathlib
import signal
import socket
import sys
import tempfile
import time

from provenance import REPOSITORY, provenance
from refusal_cost import Redis, metric, start_millrace

ASKED_BELOW_MS = 10
# Limits that are counted and never reached.
LIMITS = "  tiers: { free: { rate_per_s: 1000000, burst: 1000000, concurrency_max: 1000000 } }\n"
REQUEST = b"HEAD /photos/a.txt HTTP/1.1\r\nHost: bench\r\n\r\n"
SHARE, BY_REDIS = "millrace_gateway_share_decisions_total", "millrace_gateway_redis_decisions_total"


def connect(media):
    host, port = media.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def latencies_ms(media, count):
    """A new connection every hundred requests, so that every thread of the gateway gets some."""
    spans = []
    while len(spans) < count:
        with connect(media) as connection:
            for _ in range(100):
                begun = time.perf_counter()
                connection.sendall(REQUEST)
                answer = b""
                while not answer.endswith(b"\r\n\r\n"):
                    answer += connection.recv(65536)
                spans.append((time.perf_counter() - begun) * 1e3)
                if b" 200 " not in answer[:16]:
                    sys.exit(f"not served: {answer[:200]!r}")
    return spans


def row(server, name, count):
    share, redis, slow = metric(server, SHARE), metric(server, BY_REDIS), metric(server, SHARE, 'why="slow"')
    spans = latencies_ms(server.media, count)
    ordered = sorted(spans)
    made = {"case": name, "requests": len(spans),
            "p50_ms": round(ordered[len(spans) // 2], 2), "p99_ms": round(ordered[len(spans) * 99 // 100], 2),
            "most_ms": round(ordered[-1], 2), "above_10_ms": sum(s > ASKED_BELOW_MS for s in spans),
            "by_redis": int(metric(server, BY_REDIS) - redis), "by_share": int(metric(server, SHARE) - share),
            "that_waited_for_redis": int(metric(server, SHARE, 'why="slow"') - slow)}
    print(json.dumps(made), flush=True)
    return made


def wait_for(server, threads, how):
    end = time.time() + 60
    while not how(metric(server, "millrace_gateway_redis_threads"), threads):
        if time.time() > end:
            sys.exit("Redis was not found")
        time.sleep(0.02)


def put_first(pids):
    """Every thread of these and this one. True where priorities may be raised."""
    try:
        for pid in pids:
            for thread in os.listdir(f"/proc/{pid}/task"):
                os.sched_setscheduler(int(thread), os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(1))
    except PermissionError:
        return False
    return True


def measure(arguments, folder, report):
    (folder / "photos").mkdir()
    (folder / "photos" / "a.txt").write_text("an original")
    server = start_millrace(arguments.binaries, folder, LIMITS, 1)
    try:
        report["put_first"] = put_first(server.processes.tree())  # else the waits are the machine's as well
        latencies_ms(server.media, 500)
        report["cases"].append(row(server, "without Redis", arguments.requests))
    finally:
        server.stop()
    redis = Redis(folder)
    threads = os.cpu_count()
    keys = LIMITS + f"  gateways_count: 2\n  redis: {{ address: \"127.0.0.1:{redis.port}\" }}\n"
    server = start_millrace(arguments.binaries, folder, keys, 1)
    try:
        put_first([*server.processes.tree(), redis.process.pid])
        wait_for(server, threads, lambda now, all_of_them: now == all_of_them)
        latencies_ms(server.media, 500)
        report["cases"].append(row(server, "Redis is well", arguments.requests))
        redis.process.send_signal(signal.SIGSTOP)
        report["cases"].append(row(server, "Redis is stopped", arguments.requests))
        redis.process.send_signal(signal.SIGCONT)
        wait_for(server, threads, lambda now, all_of_them: now == all_of_them)
        report["cases"].append(row(server, "Redis is well again", arguments.requests))
        redis.process.kill()
        report["cases"].append(row(server, "Redis is killed", arguments.requests))
    finally:
        redis.process.send_signal(signal.SIGCONT)
        redis.stop()
        server.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=3_000, help="of each case")
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build" / "bench" / "bin")
    parser.add_argument("--out", type=pathlib.Path, help="writes OUT.json")
    arguments = parser.parse_args()
    report = {**provenance(), "answer_timeout_ms_max": 5, "asked_below_ms": ASKED_BELOW_MS, "cases": []}
    with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
        measure(arguments, pathlib.Path(folder), report)
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    away = [c for c in report["cases"] if c["case"] in ("Redis is stopped", "Redis is killed")]
    return 1 if any(c["above_10_ms"] for c in away) else 0


if __name__ == "__main__":
    sys.exit(main())
