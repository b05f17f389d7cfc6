# SPDX-License-Identifier: Apache-2.0
"""The plots of docs/capacity.md, as SVG, from the JSON that bench/capacity.py wrote."""
import json
import math

COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"]
WIDTH, HEIGHT = 430, 300
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 34, 76


def escaped(text):
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def ticks(low, high, log):
    if log:
        marks = [m * 10 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1) for m in (1, 2, 5)]
        return [t for t in marks if low * 0.999 <= t <= high * 1.001]
    step = 10 ** math.floor(math.log10((high - low) / 4))
    step *= next(m for m in (1, 2, 5, 10) if (high - low) / (step * m) <= 5)
    return [step * i for i in range(math.ceil(low / step), math.floor(high / step + 1e-9) + 1)]


def panel(x0, y0, title, x_label, y_label, series, log_x=False, log_y=False, words=None):
    """One plot as SVG elements at x0, y0. series: [(name, [(x, y)])]; words: names of whole x, instead of ticks."""
    points = [p for _, line in series for p in line]
    if not points:
        return ""
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    x_low, x_high = (min(xs) - 0.4, max(xs) + 0.4) if words else (min(xs), max(xs))
    if x_low == x_high:
        x_low, x_high = x_low * 0.9, x_high * 1.1 + 1
    y_low, y_high = (min(y for y in ys if y > 0) * 0.8, max(ys) * 1.25) if log_y else (0, max(ys) * 1.1 or 1)
    inner_w, inner_h = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(value, low, high, log):
        if log:
            value, low, high = math.log(max(value, low)), math.log(low), math.log(high)
        return (value - low) / (high - low)

    def px(x):
        return x0 + LEFT + at(x, x_low, x_high, log_x) * inner_w

    def py(y):
        return y0 + TOP + (1 - at(y, y_low, y_high, log_y)) * inner_h

    out = [f'<text x="{x0 + LEFT}" y="{y0 + 20}" class="title">{escaped(title)}</text>']
    for tick in ticks(y_low, y_high, log_y):
        out.append(f'<line x1="{px(x_low):.1f}" x2="{px(x_high):.1f}" y1="{py(tick):.1f}" y2="{py(tick):.1f}" class="grid"/>'
                   f'<text x="{x0 + LEFT - 6}" y="{py(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>')
    marks = list(enumerate(words)) if words else [(t, f"{t:g}") for t in (sorted(set(xs)) if log_x else ticks(x_low, x_high, 0))]
    for x, word in marks:
        out.append(f'<text x="{px(x):.1f}" y="{y0 + HEIGHT - BOTTOM + 16}" text-anchor="middle">{escaped(word)}</text>')
    out.append(f'<text x="{x0 + LEFT + inner_w / 2}" y="{y0 + HEIGHT - BOTTOM + 34}" text-anchor="middle">{escaped(x_label)}</text>')
    middle = y0 + TOP + inner_h / 2
    out.append(f'<text x="{x0 + 14}" y="{middle}" text-anchor="middle" transform="rotate(-90 {x0 + 14} {middle})">'
               f'{escaped(y_label)}</text>')
    for index, (name, line) in enumerate(series):
        colour = COLOURS[index % len(COLOURS)]
        path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in sorted(line) if not log_y or y > 0)
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        out += [f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="3" fill="{colour}"/>' for x, y in line if not log_y or y > 0]
        column, row = index % 3, index // 3
        left, top = x0 + LEFT + column * (inner_w / 3), y0 + HEIGHT - BOTTOM + 52 + row * 16
        out.append(f'<line x1="{left}" x2="{left + 14}" y1="{top - 4}" y2="{top - 4}" stroke="{colour}" stroke-width="2"/>'
                   f'<text x="{left + 18}" y="{top}">{escaped(name)}</text>')
    return "\n".join(out)


def page(file, panels, columns=2):
    """panels: arguments of panel() without its place."""
    rows = -(-len(panels) // columns)
    body = "\n".join(panel(i % columns * WIDTH, i // columns * HEIGHT, *p[0], **p[1]) for i, p in enumerate(panels))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDTH} {rows * HEIGHT}" \
width="{columns * WIDTH}" height="{rows * HEIGHT}">
<style>text {{ font: 12px system-ui, sans-serif; fill: #57606a }} text.title {{ font-size: 14px; font-weight: 600; \
fill: #1b1f24 }} .grid {{ stroke: #e3e6ea }}</style>
<rect width="100%" height="100%" fill="#fff"/>
{body}
</svg>
""")


def plot(*args, **kwargs):
    return args, kwargs


def draw_processes(cells, images):
    def line(kind, of, figure, one):
        rows = [c for c in cells if c["kind"] == kind and of(c)]
        return [(c["processes"] * c["tasks"], c[figure] / one if one else c[figure]) for c in rows]

    kinds = list(dict.fromkeys(c["kind"] for c in cells))
    sets = [("processes of one task", lambda c: c["tasks"] == c["threads"] == 1),
            ("one process", lambda c: c["processes"] == c["threads"] == 1),
            ("one, 2 vips threads", lambda c: c["processes"] == 1 and c["threads"] == 2)]
    panels = []
    for kind in kinds:
        best = next(c["per_s"] for c in cells if c["kind"] == kind and (c["processes"], c["tasks"], c["threads"]) == (2, 1, 1))
        panels.append(plot(f"{kind}: throughput", "tasks at once, in all", "of that of one process a core",
                           [(name, line(kind, of, "per_s", best)) for name, of in sets]))
        panels.append(plot(f"{kind}: what the slowest 1 % take", "tasks at once, in all", "p99, ms",
                           [(name, line(kind, of, "p99_ms", 0)) for name, of in sets]))
    page(images / "capacity-processes.svg", panels)


def draw_queues(report, images):
    panels = []
    for kind in dict.fromkeys(c["kind"] for c in report["cells"]):
        cells = [c for c in report["cells"] if c["kind"] == kind]
        workers = sorted({c["workers"] for c in cells})
        for figure, label, log in (("goodput_x", "good, as a multiple of capacity", False), ("p99_ms", "p99 of good answers, ms", True)):
            panels.append(plot(f"{kind}: {label.split(',')[0]}", "places in the queue, for each worker", label,
                               [(f"{w} workers" if w > 1 else "1 worker", [(c["queue_per_worker"], c[figure]) for c in cells
                                                                           if c["workers"] == w]) for w in workers],
                               log_x=True, log_y=log))
    page(images / "capacity-queues.svg", panels)


def draw_gateway(cells, images):
    loads = list(dict.fromkeys(c["load"] for c in cells))
    lines = {figure: [(load, [(c["offered_per_s"], c[figure]) for c in cells if c["load"] == load]) for load in loads]
             for figure in ("answered_per_s", "p99_ms", "gateway_cpu_us", "generator_cpu_us")}
    page(images / "capacity-gateway.svg", [
        plot("Answered", "offered a second", "answered a second", lines["answered_per_s"]),
        plot("Latency of all answers", "offered a second", "p99, ms", lines["p99_ms"], log_y=True),
        plot("Gateway", "offered a second", "CPU of a request, us", lines["gateway_cpu_us"]),
        plot("Load generator, on the same cores", "offered a second", "CPU of a request, us", lines["generator_cpu_us"])])


def draw(results, images):
    for part, draw_part in (("processes", lambda r: draw_processes(r["cells"], images)), ("queues", lambda r: draw_queues(r, images)),
                            ("gateway", lambda r: draw_gateway(r["cells"], images))):
        file = results / f"capacity-{part}.json"
        if file.exists():
            draw_part(json.loads(file.read_text()))
