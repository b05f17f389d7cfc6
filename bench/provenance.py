# SPDX-License-Identifier: Apache-2.0
"""What every result begins with: the machine, the day and the commit."""

import os
import pathlib
import platform
import subprocess
import time

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent


def _machine():
    model = next((line.split(":")[1].strip() for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown")
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, load {os.getloadavg()[0]:.1f} at the start"


def provenance():
    commit = subprocess.run(["git", "-C", str(REPOSITORY), "describe", "--always", "--dirty"],
                            capture_output=True, text=True)
    return {"machine": _machine(), "date": time.strftime("%Y-%m-%d"), "commit": commit.stdout.strip() or "unknown"}
