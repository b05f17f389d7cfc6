#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a refusal costs: processor time of millrace-gateway for each answer, while one kind of refusal is nearly all that it
gives. The log is as by default, to a file (5xx get a line, 4xx do not).

    bench/refusal_cost.py [--only user_rate,…] [--rounds 5] [--out bench/results/refusal_cost]
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile
import urllib.request

from fleet import Millrace, free_port
from provenance import REPOSITORY, provenance

ASKED_BELOW_US = 100
CONNECTIONS = 64
NO_LIMITS = "  tiers: { free: { rate_per_s: 0, burst: 0, concurrency_max: 0 } }\n"
ONE_A_SECOND = "  tiers: { free: { rate_per_s: 1, burst: 1, concurrency_max: 0 } }\n"
ACME = "  users: { acme: { tier: paid, access_key: AK, secret_key: SK } }\n"

# name: configuration, target ("%d" counts), further header, status and reason, workers, with Redis
VARIANT = "/photos/a.png?imageView2/1/w/%d/h/200"
CASES = {
    "user_rate": (ONE_A_SECOND, VARIANT, None, 429, "user_rate", 0, False),
    "user_rate, a connection each": (ONE_A_SECOND, VARIANT, "Connection: close", 429, "user_rate", 0, False),
    "user_rate, by Redis": (ONE_A_SECOND, VARIANT, None, 429, "user_rate", 0, True),
    "token_invalid": (NO_LIMITS + ACME, VARIANT + "&e=4000000000&token=AK:AAAAAAAAAAAAAAAAAAAAAAAAAAA=", None, 401,
                      "token_invalid", 0, False),
    "bad_parameter": (NO_LIMITS, "/photos/a.png?imageView2/9/w/%d", None, 400, "bad_parameter", 0, False),
    "no_bucket": (NO_LIMITS, "/nosuch/%d.png", None, 404, "no_bucket", 0, False),
    # What is admitted, and what is tried at the node to see whether it is still full, is in it too.
    "queue_full": (NO_LIMITS, VARIANT, None, 503, "queue_full", 1, False),
}


class Redis:
    def __init__(self, folder):
        self.port = free_port()
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)],
            stdout=subprocess.DEVNULL)

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def start_millrace(binaries, folder, gateway_keys, workers):
    return Millrace(binaries, folder, {"photos": folder / "photos"}, "gateway:\n" + gateway_keys,
                    {"MILLRACE_AGENT_WORKERS_IMAGE_COUNT": str(workers)} if workers else {})


def metric(server, name, label=""):
    text = urllib.request.urlopen(server.ops + "/metrics", timeout=30).read().decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name) and label in line)


def gateway_cpu_s(server):
    return server.processes.cpu_s()["millrace-gateway"]


def wrk(folder, url, target, header, seconds):
    """Answers by status over so many seconds of a closed loop."""
    script = folder / "refusals.lua"
    name, value = header.split(": ") if header else (None, None)
    script.write_text(f"""
local turn, all = 0, {{}}
counts = {{}}
setup = function(thread) table.insert(all, thread) end
init = function()
  {f'wrk.headers[{json.dumps(name)}] = {json.dumps(value)}' if name else ''}
end
request = function()
  turn = turn + 1
  return wrk.format("GET", string.format({json.dumps(target)}, turn % 4000 + 1))
end
response = function(status)
  local key = tostring(status)
  counts[key] = (counts[key] or 0) + 1
end
done = function(summary, latency)
  for _, thread in ipairs(all) do
    for status, count in pairs(thread:get("counts")) do io.write("STATUS ", status, " ", count, "\\n") end
  end
  io.write("SECONDS ", summary.duration / 1e6, "\\n")
end
""")
    out = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "30s", "-s", str(script), url],
                         capture_output=True, text=True, check=True).stdout
    words = [line.split() for line in out.splitlines()]
    answers = {int(w[1]): int(w[2]) for w in words if w and w[0] == "STATUS"}
    return answers, float(next(w[1] for w in words if w and w[0] == "SECONDS"))


def measure(arguments, folder, name):
    keys, target, header, status, reason, workers, shared = CASES[name]
    redis = Redis(folder) if shared else None
    if redis:
        keys += f"  redis: {{ address: \"127.0.0.1:{redis.port}\" }}\n"
    server = start_millrace(arguments.binaries, folder, keys, workers)
    try:
        wrk(folder, server.media, target, header, 2)
        rounds, answered, refused, seconds = [], 0, 0, 0.0
        of_reason = ("millrace_gateway_requests_total", f'reason="{reason}"')
        before_all = metric(server, *of_reason)
        for _ in range(arguments.rounds):
            before = gateway_cpu_s(server)
            answers, span = wrk(folder, server.media, target, header, arguments.seconds)
            rounds.append((gateway_cpu_s(server) - before) * 1e6 / sum(answers.values()))
            answered, refused, seconds = answered + sum(answers.values()), refused + answers.get(status, 0), seconds + span
        row = {"case": name, "status": status, "reason": reason, "cpu_us": round(statistics.median(rounds), 1),
               "cpu_us_of_rounds": [round(r, 1) for r in rounds], "asked_below_us": ASKED_BELOW_US,
               "refused_share": round(refused / answered, 4), "answers_per_s": round(answered / seconds)}
        counted = metric(server, *of_reason) - before_all
        if counted < refused:  # each refusal that the client saw is of the kind that is measured
            sys.exit(f"{name}: {refused} answers with {status}, but {counted:.0f} are counted as {reason}")
        if redis:
            by_redis = metric(server, "millrace_gateway_redis_decisions_total")
            by_share = metric(server, "millrace_gateway_share_decisions_total")
            row["decided_by_redis_share"] = round(by_redis / (by_redis + by_share), 4)
        print(json.dumps(row), flush=True)
        return row
    finally:
        server.stop()
        if redis:
            redis.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=None, help="names of cases, with ';' between")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of each round")
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build" / "bench" / "bin")
    parser.add_argument("--out", type=pathlib.Path, help="writes OUT.json")
    arguments = parser.parse_args()
    report = {**provenance(), "connections": CONNECTIONS, "cases": []}
    for name in arguments.only.split(";") if arguments.only else CASES:
        with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
            (pathlib.Path(folder) / "photos").mkdir()
            subprocess.run(["vips", "gaussnoise", f"{folder}/photos/a.png", "1600", "1200"], check=True)
            report["cases"].append(measure(arguments, pathlib.Path(folder), name))
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")
    return 0 if all(row["cpu_us"] < ASKED_BELOW_US for row in report["cases"]) else 1


if __name__ == "__main__":
    sys.exit(main())
