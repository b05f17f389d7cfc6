#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What an idle connection costs: resident memory of millrace-gateway, alone, with thousands of connections that have never
sent a byte, and with as many kept alive after one request. The kernel's socket memory is reported beside it, not counted.

    bench/idle_connections.py [--connections 10000] [--out bench/results/idle_connections]
"""
import argparse
import json
import os
import pathlib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

from provenance import REPOSITORY, provenance

ASKED_BELOW_BYTES = 16 << 10
HEALTH_ROUNDS = 50


class Gateway:
    """millrace-gateway on ports that the kernel chose, with an empty bucket."""

    def __init__(self, binaries, folder):
        (folder / "photos").mkdir()
        (folder / "key").write_text("k" * 48)
        os.chmod(folder / "key", 0o600)
        (folder / "millrace.yaml").write_text(
            "gateway:\n  listen: 127.0.0.1:0\n  api_listen: 127.0.0.1:0\n  ops_listen: 127.0.0.1:0\n"
            f"  fleet_key_file: {folder}/key\n  idle_timeout_ms_max: 600000\n"
            "  tiers: { free: { rate_per_s: 0, burst: 0, concurrency_max: 0 } }\n"  # all ask from a few addresses
            f"buckets:\n  photos: {{ kind: local, folder: {folder}/photos }}\n")
        told, tell = os.pipe()
        self.log = open(folder / "gateway.log", "wb")
        self.process = subprocess.Popen(
            [str(binaries / "millrace-gateway"), "--config", str(folder / "millrace.yaml"), "--notify-fd", str(tell)],
            pass_fds=[tell], stdout=self.log, stderr=self.log)
        os.close(tell)
        with os.fdopen(told) as pipe:
            line = pipe.readline()
        message = json.loads(line) if line else {"error": (folder / "gateway.log").read_text()}
        if "error" in message:
            sys.exit(f"millrace-gateway did not start: {message['error']}")
        self.media = ("127.0.0.1", int(message["media"].rsplit(":", 1)[1]))
        self.ops = f"http://{message['ops']}"

    def resident_bytes(self):
        """What the process alone has: anonymous pages, after a moment for its allocator to settle."""
        time.sleep(1.5)
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("RssAnon"))) << 10

    def connections(self):
        text = urllib.request.urlopen(self.ops + "/metrics", timeout=10).read().decode()
        line = next(x for x in text.splitlines() if x.startswith('millrace_http_connections{server="media"}'))
        return int(float(line.split()[-1]))

    def health_ms(self):
        spans = []
        for _ in range(HEALTH_ROUNDS):
            begun = time.perf_counter()
            urllib.request.urlopen(self.ops + "/livez", timeout=10).read()
            spans.append((time.perf_counter() - begun) * 1e3)
        return statistics.median(spans)

    def stop(self):
        self.process.terminate()
        self.process.wait(60)


def kernel_tcp_bytes():
    """Pages that all TCP sockets of the machine hold for data, and the slabs of their structures."""
    line = next(x for x in pathlib.Path("/proc/net/sockstat").read_text().splitlines() if x.startswith("TCP:"))
    pages = int(line.split()[line.split().index("mem") + 1])
    slabs = 0
    try:
        for row in pathlib.Path("/proc/slabinfo").read_text().splitlines()[2:]:
            fields = row.split()
            if fields[0] in ("TCP", "TCPv6", "sock_inode_cache", "filp", "dentry", "eventpoll_epi", "eventpoll_pwq"):
                slabs += int(fields[1]) * int(fields[3])
    except OSError:
        slabs = None
    return {"data_bytes": pages * resource.getpagesize(), "structure_bytes": slabs}


def connect(gateway, count, source):
    """From several addresses of loopback, so that the ports of one do not run out."""
    made = []
    for i in range(count):
        s = socket.socket()
        s.bind((f"127.0.{source}.{1 + i // 5000}", 0))
        s.connect(gateway.media)
        made.append(s)
    return made


def ask(connection):
    connection.sendall(b"GET /photos/none.jpg HTTP/1.1\r\nHost: bench\r\nUser-Agent: idle_connections\r\nAccept: */*\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, body = answer.split(b"\r\n\r\n", 1)
    length = next(int(x.split(b":")[1]) for x in head.split(b"\r\n") if x.lower().startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return int(head.split()[1])


def settled(gateway, count):
    end = time.time() + 30
    while gateway.connections() != count:
        if time.time() > end:
            sys.exit(f"{gateway.connections()} connections are open, not {count}")
        time.sleep(0.05)


def measure(gateway, count, source, asks):
    before, kernel_before = gateway.resident_bytes(), kernel_tcp_bytes()
    connections = connect(gateway, count, source)
    settled(gateway, count)
    if asks:
        for connection in connections:
            if ask(connection) != 404:
                sys.exit("the request was not answered as expected")
    after, kernel_after = gateway.resident_bytes(), kernel_tcp_bytes()
    row = {"connections": count, "resident_before_mib": round(before / 2**20, 2), "resident_mib": round(after / 2**20, 2),
           "bytes_each": round((after - before) / count), "asked_below_bytes": ASKED_BELOW_BYTES,
           "health_ms": round(gateway.health_ms(), 2),
           "kernel_bytes_each_both_ends": {
               k: None if kernel_after[k] is None else round((kernel_after[k] - kernel_before[k]) / count) for k in kernel_after}}
    for connection in connections:
        connection.close()
    settled(gateway, 0)
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build" / "bench" / "bin")
    parser.add_argument("--out", type=pathlib.Path, help="writes OUT.json")
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    report = provenance()
    for source, (name, asks) in enumerate((("never_sent_a_byte", False), ("kept_alive_after_one_request", True)), 1):
        with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:  # a fresh process for each
            gateway = Gateway(arguments.binaries, pathlib.Path(folder))
            try:
                report[name] = measure(gateway, arguments.connections, source, asks)
            finally:
                gateway.stop()
        print(json.dumps({name: report[name]}), flush=True)
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    failed = [n for n in ("never_sent_a_byte", "kept_alive_after_one_request") if report[n]["bytes_each"] >= ASKED_BELOW_BYTES]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
