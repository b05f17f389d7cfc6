# SPDX-License-Identifier: Apache-2.0
"""Starts what the programs of this folder measure, and watches its processes."""
import atexit
import json
import os
import pathlib
import socket
import subprocess
import sys
import time

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
CHILDREN_OF = {"millrace-agent": "millrace-image-worker"}


class Processes:
    """CPU and memory of a process tree, by binary."""

    def __init__(self, root):
        self.root = root

    def tree(self):
        parent = {}
        for entry in pathlib.Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_text()
                except OSError:
                    continue
                parent[int(entry.name)] = int(stat[stat.rindex(")") + 2:].split()[1])
        found = []
        for pid in parent:
            at = pid
            while at and at != self.root:
                at = parent.get(at, 0)
            if at == self.root:
                found.append(pid)
        return found

    def cpu_s(self):
        total = {}
        for pid in self.tree():
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
                name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
            except OSError:
                continue
            fields = stat[stat.rindex(")") + 2:].split()
            total[name] = total.get(name, 0) + (int(fields[11]) + int(fields[12])) / TICKS_PER_S
            # What has ended and was reaped (a recycled worker) goes on counting.
            child = CHILDREN_OF.get(name)
            if child:
                total[child] = total.get(child, 0) + (int(fields[13]) + int(fields[14])) / TICKS_PER_S
        return total

    def memory_mib(self):
        """Resident without shared memory (the cache's own pages have a budget of their own)."""
        total = {}
        for pid in self.tree():
            try:
                name = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
                status = pathlib.Path(f"/proc/{pid}/status").read_text()
            except OSError:
                continue
            fields = {line.split(":")[0]: line.split(":")[1] for line in status.splitlines()}
            kib = int(fields["RssAnon"].split()[0]) + int(fields["RssFile"].split()[0])
            total[name] = total.get(name, 0) + kib / 1024
        return total


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Millrace:
    """`millrace up` on free ports of loopback, with its state and log in `folder`, ready when this returns. `buckets`: name to
    folder; `config`: YAML; `environment`: beside this process's own. Ended by stop(), at the latest when Python ends."""

    def __init__(self, binaries, folder, buckets, config, environment=None):
        file, ready, log = folder / "millrace.yaml", folder / f"ready-{time.time_ns()}.json", folder / "millrace.log"
        file.write_text(config)
        with open(log, "ab") as output:
            self.process = subprocess.Popen(
                [str(binaries / "millrace"), "up", "--config", str(file), "--listen", "127.0.0.1:0", "--api-listen", "127.0.0.1:0",
                 "--ops-listen", "127.0.0.1:0", "--state-dir", str(folder / "state"), "--ready-file", str(ready)]
                + [word for name, path in buckets.items() for word in ("--bucket", f"{name}={path}")],
                env=dict(os.environ, MILLRACE_AGENT_OPS_LISTEN="127.0.0.1:0", **(environment or {})),
                stdout=output, stderr=output)
        atexit.register(self.stop)
        end = time.time() + 60
        while not ready.exists():
            if time.time() > end or self.process.poll() is not None:
                sys.exit(f"millrace did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        urls = json.loads(ready.read_text())
        self.media, self.api, self.ops = (urls[port].rstrip("/") for port in ("media", "api", "ops"))
        self.processes = Processes(self.process.pid)

    def stop(self):
        atexit.unregister(self.stop)
        self.process.terminate()
        self.process.wait(60)
