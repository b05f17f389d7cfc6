#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""docs/performance.md and its plots, from what `millrace-bench compare` and `millrace-bench micro` wrote.

    bench/performance.py [--compare bench/results/compare.json] [--micro bench/results/micro.json] [--docs docs]
    bench/performance.py --check      exit status 1 when the page is not what the results make
"""
import argparse
import json
import pathlib
import statistics
import sys
import tempfile

from capacity_plots import COLOURS, escaped, ticks

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 880, 340, 62, 64, 44

HEAD = """<!-- SPDX-License-Identifier: Apache-2.0 -->
<!-- Made by bench/performance.py of {sources}: do not edit. -->
# Performance

What a picture costs that nobody has asked for before: Millrace beside other servers of pictures on the same machine, the same
photographs and the same origin. How it is measured, and how to repeat it: [the load lab](load-lab.md#beside-other-servers).
"""


def bars(file, title, label, words, series):
    """Groups of bars, one group a word; series: [(name, [value or None])]."""
    most = max((v for _, values in series for v in values if v is not None), default=1) * 1.1 or 1
    inner_w, inner_h = WIDTH - LEFT - 12, HEIGHT - TOP - BOTTOM

    def y(value):
        return TOP + inner_h * (1 - value / most)

    out = [f'<text x="{LEFT}" y="20" class="title">{escaped(title)}</text>']
    for tick in ticks(0, most, False):
        out.append(f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{y(tick):.1f}" y2="{y(tick):.1f}" class="grid"/>'
                   f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    middle = TOP + inner_h / 2
    out.append(f'<text x="14" y="{middle}" text-anchor="middle" transform="rotate(-90 14 {middle})">{escaped(label)}</text>')
    group = inner_w / max(1, len(words))
    wide = group * 0.84 / max(1, len(series))
    for index, (name, values) in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        left = LEFT + index * (inner_w / max(1, len(series)))
        out.append(f'<rect x="{left:.1f}" y="34" width="12" height="12" fill="{colour}"/>'
                   f'<text x="{left + 17:.1f}" y="45">{escaped(name)}</text>')
        for at, value in enumerate(values):
            if value is None:
                continue
            x = LEFT + at * group + group * 0.08 + index * wide
            out.append(f'<rect x="{x:.1f}" y="{y(value):.1f}" width="{wide - 1:.1f}" height="{TOP + inner_h - y(value):.1f}" '
                       f'fill="{colour}"><title>{escaped(name)}: {value:g}</title></rect>')
    for at, word in enumerate(words):
        out.append(f'<text x="{LEFT + (at + 0.5) * group:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{escaped(word)}</text>')
    body = "\n".join(out)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}">
<style>text {{ font: 12px system-ui, sans-serif; fill: #57606a }} text.title {{ font-size: 14px; font-weight: 600; \
fill: #1b1f24 }} .grid {{ stroke: #e3e6ea }}</style>
<rect width="100%" height="100%" fill="#fff"/>
{body}
</svg>
""")


def number(value, places):
    return "-" if value is None else f"{value:.{places}f}"


def row_of(report, op, system):
    return next((r for r in report["rows"] if r["op"] == op and r["system"] == system and "does_not_count" not in r), None)


def table(header, rows):
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows]) + "\n"


def summary(asked):
    count = {word: sum(a["verdict"] == word for a in asked) for word in ("held", "missed", "unmeasured")}
    text = f"Of {len(asked)} figures that are asked **{count['held']} hold and {count['missed']} do not**"
    return text + (f"; {count['unmeasured']} could not be measured." if count["unmeasured"] else ".")


def asked_table(asked):
    rows = []
    for a in asked:
        rounds = a.get("rounds", [])
        spread = f" ({min(rounds):.2f} to {max(rounds):.2f})" if len(rounds) > 1 else ""
        measured = "nothing" if a["measured"] is None else f"{a['measured']:.4g}{spread}"
        verdict = a["verdict"] if a["verdict"] == "held" else f"**{a['verdict']}**"
        rows.append([a["name"], a["asked"], measured, verdict])
    return table(["", "asked", "measured (rounds)", ""], rows)


def systems_of(report):
    return [s["name"] for s in report["systems"]]


def plots(report, images):
    ops = [o["op"] for o in report["operations"]]
    words = [f"op {op}" for op in ops]

    def series(key, best=False):
        made = []
        for system in systems_of(report):
            values = [(row_of(report, op, system) or {}).get(key) for op in ops]
            made.append((system, values))
        return made

    per_s = series("per_s")
    most = [max((v[i] for _, v in per_s if v[i] is not None), default=1) or 1 for i in range(len(ops))]
    relative = [(name, [None if v is None else round(v / most[i], 3) for i, v in enumerate(values)]) for name, values in per_s]
    bars(images / "performance-requests.svg", "Requests a second, of the fastest's", "1 = the fastest", words, relative)
    bars(images / "performance-cpu.svg", "Processor time of a request, all processes of the system", "ms", words, series("cpu_ms"))
    bars(images / "performance-memory.svg", "Peak memory of all processes", "MB (PSS)", words, series("memory_mb"))


def op_table(report, op):
    rows = []
    for system in systems_of(report):
        row = next((r for r in report["rows"] if r["op"] == op and r["system"] == system), None)
        if row is None:
            continue
        if "does_not_count" in row:
            rows.append([system, f"does not count: {row['does_not_count']}"] + [""] * 7)
            continue
        sample = row["sample"] or {}
        rows.append([f"**{system}**" if system == "millrace" else system, number(row["per_s"], 1), number(row["cpu_ms"], 1),
                     number(row["memory_mb"], 0), number(row["p50_ms"], 0), number(row["p99_ms"], 0), number(row["bytes"], 0),
                     number(sample.get("ssim"), 4), number(sample.get("psnr_db"), 2)])
    libvips = next((r for r in report["libvips"] if r["op"] == op), None)
    if libvips:
        rows.append(["libvips' own result", "", "", "", "", "", number(libvips["bytes"], 0), number(libvips["ssim"], 4),
                     number(libvips["psnr_db"], 2)])
    return table(["", "requests/s", "CPU ms", "MB", "p50 ms", "p99 ms", "bytes", "SSIM", "PSNR dB"], rows)


def programs_table(report):
    ops = [o["op"] for o in report["operations"]]
    names = sorted({name for r in report["rows"] if r["system"] == "millrace" for name in r.get("programs", {})})
    rows = []
    for name in names:
        uses = [(row_of(report, op, "millrace") or {}).get("programs", {}).get(name) for op in ops]
        rows.append([name] + ["-" if u is None else f"{u['cpu_ms']:.2f} ms, {u['memory_mb']:.0f} MB ({u['processes']})" for u in uses])
    return table([""] + [f"op {op}" for op in ops], rows)


def workers_text(workers, scaling):
    """Whether a request costs more where two workers run; requests/s alone also tells what shares the cores with them."""
    pairs = list(zip(workers.get("one_cpu_ms", []), workers.get("two_cpu_ms", [])))
    if not pairs:
        return ""
    ratios = [two / one for one, two in pairs]
    text = (f"With two workers a request of op 1 took {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f}) times the "
            "processor time that it took with one, all processes of ours together. Generator and origin run on the same cores.\n")
    if scaling.exists():
        room = json.loads(scaling.read_text())
        text += (f"Where each worker is held to {room['share_of_a_core']:g} of a core, so that there is room for all, two did {room['ratio']:.3f} "
                 f"({min(room['ratios']):.3f} to {max(room['ratios']):.3f}) times as many requests a second as one "
                 "(`bench/worker_scaling.py`).\n")
    return text


def compare_text(report, images, scaling):
    plots(report, images)
    rounds = max((len(r["rounds"].get("per_s", [])) for r in report["rows"]), default=0)
    text = [f"""
## Beside other servers

{summary(report["asked"])} Measured on {report["machine"]}, {report["date"]}, commit {report["commit"]}; {report["connections"]}
kept-alive connections with a request on each, {rounds} alternating round(s) of {report["seconds"]:g} s, medians (memory: the most of any round).
Ratios between servers are made round by round.
"""]
    text += [f"- **{s['name']}**: {s['about']}{'' if s['counts'] else ' (shown; none of those to beat)'}"
             f"{'' if s['watched'] else ' (CPU and memory not watched)'}" for s in report["systems"]]
    text.append("""
![requests a second](images/performance-requests.svg)
![processor time](images/performance-cpu.svg)
![memory](images/performance-memory.svg)

### What is asked, and what holds
""")
    text.append(asked_table(report["asked"]))
    text.append(workers_text(report["workers"], scaling))
    for operation in report["operations"]:
        text.append(f"### Op {operation['op']}: {operation['name']}\n")
        text.append(op_table(report, operation["op"]))
    text.append("### Where the time and the memory of ours are\n\nProcessor time for each request and peak memory, by program (processes):\n")
    text.append(programs_table(report))
    if report["notes"]:
        text.append("Notes:\n")
        text += [f"- {note.strip()}" for note in report["notes"]]
    return "\n".join(text) + "\n"


def micro_text(report):
    rows = []
    for row in report["rows"]:
        ours, bare = row["ours"], row["libvips"]
        rows.append([f"{row['op']}: {row['name']}", f"{ours['cpu_ms']:.1f} / {bare['cpu_ms']:.1f}", f"{row['ratio_cpu']:.2f}",
                     f"{ours['ssim']:.4f} / {bare['ssim']:.4f}", f"{ours['psnr_db']:.2f} / {bare['psnr_db']:.2f}",
                     f"{ours['bytes']:.0f} / {bare['bytes']:.0f}"])
    photos = ", ".join(p["photo"] for p in report["rows"][0]["photos"]) if report["rows"] else "none"
    return f"""
## Without a server

Processor time of one picture on one core: the image worker in-process beside bare libvips {report["libvips"]} (`thumbnail_buffer` and a
saver), in {report["rounds"]} alternating rounds, medians, means over {photos}. {report["machine"]}, {report["date"]}, commit {report["commit"]}.

{table(["ours / libvips", "CPU ms", "times as fast", "SSIM", "PSNR dB", "bytes"], rows)}"""


def write_page(compare, micro, docs):
    """False: nothing is measured yet."""
    found = [file for file in (compare, micro) if file.exists()]
    if not found:
        return False
    text = HEAD.format(sources=" and ".join(file.name for file in found))
    if compare.exists():
        text += compare_text(json.loads(compare.read_text()), docs / "images", compare.parent / "worker_scaling.json")
    if micro.exists():
        text += micro_text(json.loads(micro.read_text()))
    docs.mkdir(parents=True, exist_ok=True)
    (docs / "performance.md").write_text(text.rstrip("\n") + "\n")
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compare", type=pathlib.Path, default=REPOSITORY / "bench/results/compare.json")
    parser.add_argument("--micro", type=pathlib.Path, default=REPOSITORY / "bench/results/micro.json")
    parser.add_argument("--docs", type=pathlib.Path, default=REPOSITORY / "docs")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        with tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder:
            made = pathlib.Path(folder)
            page = write_page(arguments.compare, arguments.micro, made)
            stale = [str(file.relative_to(made)) for file in made.rglob("*.*")
                     if not (arguments.docs / file.relative_to(made)).exists()
                     or (arguments.docs / file.relative_to(made)).read_bytes() != file.read_bytes()]
            if not page and (arguments.docs / "performance.md").exists():
                stale = ["performance.md"]
        sys.exit(f"stale: {', '.join(stale)}; run bench/performance.py" if stale else 0)
    if not write_page(arguments.compare, arguments.micro, arguments.docs):
        sys.exit("nothing is measured yet: docs/load-lab.md says how")


if __name__ == "__main__":
    main()
