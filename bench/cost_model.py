#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How near the agent's predictions are after so many tasks: real pictures in random order, random commands, sizes and formats,
each answer asked for its X-Millrace-Cost. A ratio is predicted / actual of one task, both by the node's own word; a factor is
that ratio or its inverse, whichever is above one. The node starts with nothing learned.

    bench/cost_model.py --media FOLDER [--media FOLDER…] [--tasks 1500] [--binaries build/release/bin] \\
        [--out bench/results/cost_model]
"""
import argparse
import json
import pathlib
import random
import statistics
import tempfile
import urllib.error
import urllib.parse
import urllib.request

from fleet import Millrace
from provenance import REPOSITORY, provenance

CONFIG = """
gateway:
  tiers: {free: {rate_per_s: 0, burst: 0, concurrency_max: 0}}
  threads: 1
agent:
  cache: {results: false}
  limits: {source_bytes_max: 104857600}
"""
WINDOWS = [1, 10, 30, 100, 300, 1000, 3000, 10000]
# name, how often, template; {w} and {h} are drawn for each task
COMMANDS = [
    ("thumbnail", 4, "imageView2/1/w/{w}/h/{h}"),
    ("fit", 4, "imageView2/2/w/{w}"),
    ("webp", 3, "imageView2/2/w/{w}/format/webp"),
    ("png", 1, "imageView2/2/w/{w}/format/png"),
    ("avif", 1, "imageView2/2/w/{w}/format/avif"),
    ("info", 1, "imageInfo"),
]


def ask(url):
    """The fields of X-Millrace-Cost; None for an answer without work, a word for an error."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers={"X-Millrace-Cost": "1"}), timeout=60) as answer:
            answer.read()
            cost = answer.headers.get("X-Millrace-Cost")
    except urllib.error.HTTPError as error:
        return json.loads(error.read())["reason"]
    return cost and {name: float(value) for name, value in (word.split("=") for word in cost.split(", "))}


def quantile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def summary(costs):
    """Of ratios the middle, of factors the middle and the ninth tenth; processor time also weighed by itself."""
    row = {"tasks": len(costs)}
    for what, predicted, actual in (("cpu", "predicted", "actual"), ("memory", "memory_predicted", "memory_peak")):
        ratios = [cost[predicted] / cost[actual] for cost in costs if cost[actual] > 0]
        factors = [max(ratio, 1 / ratio) for ratio in ratios]
        row[what] = {"ratio_median": round(statistics.median(ratios), 3),
                     "factor_median": round(statistics.median(factors), 3), "factor_p90": round(quantile(factors, 0.9), 3)}
    row["cpu"]["sum_predicted_over_actual"] = round(
        sum(cost["predicted"] for cost in costs) / sum(cost["actual"] for cost in costs), 3)
    row["actual_cpu_ms"] = {"median": round(statistics.median(cost["actual"] for cost in costs), 2),
                            "p90": round(quantile([cost["actual"] for cost in costs], 0.9), 2)}
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--media", action="append", required=True, type=pathlib.Path, help="a folder of pictures")
    parser.add_argument("--tasks", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--binaries", type=pathlib.Path, default=REPOSITORY / "build/release/bin")
    parser.add_argument("--out", help="without suffix")
    options = parser.parse_args()
    dice = random.Random(options.seed)
    names, weights, templates = zip(*COMMANDS)
    done, failed = [], {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        files = [f"media{index}/{urllib.parse.quote(path.name)}" for index, source in enumerate(options.media)
                 for path in sorted(source.iterdir()) if path.is_file()]
        result = {**provenance(), "seed": options.seed, "files": len(files)}
        buckets = {f"media{index}": source.resolve() for index, source in enumerate(options.media)}
        server = Millrace(options.binaries, folder, buckets, CONFIG)
        try:
            while len(done) < options.tasks:
                index = dice.choices(range(len(names)), weights)[0]
                w, h = dice.randint(60, 1200), dice.randint(60, 1200)
                cost = ask(f"{server.media}/{dice.choice(files)}?{templates[index].format(w=w, h=h)}")
                if isinstance(cost, dict):
                    done.append((names[index], cost))
                else:
                    failed[str(cost)] = failed.get(str(cost), 0) + 1
        finally:
            server.stop()
    result["answers_without_a_cost"] = failed
    costs = [cost for _, cost in done]
    bounds = [bound for bound in WINDOWS if bound <= len(costs)] + [len(costs)]
    result["after_tasks"] = [{"from": first, "to": last} | summary(costs[first - 1:last])
                             for first, last in zip(bounds, bounds[1:]) if last - first >= 5]
    settled = done[min(300, len(done) // 2):]
    result["by_command_when_settled"] = {
        name: summary([cost for command, cost in settled if command == name])
        for name in names if any(command == name for command, _ in settled)}
    text = json.dumps(result, indent=1)
    print(text)
    if options.out:
        pathlib.Path(options.out + ".json").write_text(text + "\n")


if __name__ == "__main__":
    main()
