#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a newer libvips would be worth to the worker: bare calls of two libvips, the system's and the one that the npm package
@img/sharp-libvips-linux-x64 carries, for what the worker leaves to libvips (docs/decisions/0084). One process for each,
alternating rounds, one thread, processor time; ratios are of medians.

    bench/vips_versions.py --other <libvips-cpp.so of the package> --photo <12 MP JPEG> [--media <folder>] [--rounds 15]
                           [--out bench/results/vips_versions]
"""
import argparse
import ctypes
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from provenance import provenance

SYSTEM = "libvips.so.42"


class Vips:
    """As much of libvips' C interface as the cases need."""

    def __init__(self, library):
        self.lib = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
        for name in ("vips_image_new_from_buffer", "vips_image_new_memory"):
            getattr(self.lib, name).restype = ctypes.c_void_p
        self.lib.vips_version_string.restype = ctypes.c_char_p
        self.lib.vips_error_buffer.restype = ctypes.c_char_p
        if self.lib.vips_init(b"bench"):
            sys.exit("libvips does not start")
        self.lib.vips_concurrency_set(1)
        self.lib.vips_cache_set_max(0)
        self.version = self.lib.vips_version_string().decode().split("-")[0]

    def check(self, failed):
        if failed:
            message = self.lib.vips_error_buffer().decode().strip()
            self.lib.vips_error_clear()
            raise RuntimeError(message)

    def thumbnail(self, file, width, options):
        out = ctypes.c_void_p()
        self.check(self.lib.vips_thumbnail_buffer(file, ctypes.c_size_t(len(file)), ctypes.byref(out), ctypes.c_int(width),
                                                  b"option_string", options.encode(), None))
        return out

    def save(self, image, suffix):
        data, size = ctypes.c_void_p(), ctypes.c_size_t()
        self.check(self.lib.vips_image_write_to_buffer(image, suffix.encode(), ctypes.byref(data), ctypes.byref(size), None))
        file = ctypes.string_at(data, size.value)
        self.lib.g_free(data)
        return file

    def drop(self, image):
        self.lib.g_object_unref(image)


def child(library, cases_file):
    """Answers each line of stdin, the name of a case, with its processor milliseconds and bytes."""
    vips = Vips(library)
    cases = {case["case"]: case for case in json.loads(pathlib.Path(cases_file).read_text())}
    print(json.dumps({"version": vips.version}), flush=True)
    for line in sys.stdin:
        case = cases[line.strip()]
        file = pathlib.Path(case["file"]).read_bytes()
        begun = time.process_time()
        try:
            image = vips.thumbnail(file, case["width"], case.get("options", ""))
            made = vips.save(image, case["to"])
            vips.drop(image)
            answer = {"cpu_ms": (time.process_time() - begun) * 1e3, "bytes": len(made)}
        except RuntimeError as error:
            answer = {"error": str(error)[:120]}
        print(json.dumps(answer), flush=True)


def cases_of(photo, media, folder):
    """What is left to libvips: to read what is neither JPEG nor PNG, and to write what is neither JPEG, WebP nor PNG."""
    made = []
    for name, suffix in (("webp", ".webp[Q=80]"), ("tiff", ".tif[compression=deflate]"), ("avif", ".avif[Q=60,effort=2]"),
                         ("gif", ".gif"), ("jxl", ".jxl[Q=80,effort=3]"), ("heic", ".heic[Q=60,compression=hevc]")):
        file = folder / f"photo.{name}"
        result = subprocess.run(["vipsthumbnail", str(photo), "-s", "1600", "-o", f"{file}{suffix[suffix.index('['):] if '[' in suffix else ''}"],
                                capture_output=True)
        if result.returncode == 0:
            made.append({"case": f"{name} 1600 -> 300 webp", "file": str(file), "width": 300, "to": ".webp[Q=80,effort=2]"})
    for to in (".avif[Q=60,effort=2]", ".jxl[Q=80,effort=3]", ".gif", ".png[palette]", ".webp[lossless]", ".tif[compression=deflate]"):
        made.append({"case": f"jpeg 12 MP -> 800 {to}", "file": str(photo), "width": 800, "to": to})
    if media:
        for name in ("formats/gif-anim-full.gif", "formats/svg-basic.svg", "formats/pdf-3pages.pdf"):
            if (media / name).exists():
                made.append({"case": f"{name} -> 300 webp", "file": str(media / name), "width": 300, "to": ".webp[Q=80,effort=2]"})
    return made


def main():
    if len(sys.argv) == 4 and sys.argv[1] == "--child":
        return child(sys.argv[2], sys.argv[3])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--other", required=True)
    parser.add_argument("--photo", type=pathlib.Path, required=True)
    parser.add_argument("--media", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--out", type=pathlib.Path)
    arguments = parser.parse_args()
    report = provenance()
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        cases = cases_of(arguments.photo, arguments.media, folder)
        (folder / "cases.json").write_text(json.dumps(cases))
        children = [subprocess.Popen([sys.executable, __file__, "--child", library, str(folder / "cases.json")], text=True,
                                     env=dict(os.environ, VIPS_WARNING="0"),  # any value: no warnings
                                     stdin=subprocess.PIPE, stdout=subprocess.PIPE) for library in (SYSTEM, arguments.other)]
        report["system"], report["other"] = (json.loads(one.stdout.readline())["version"] for one in children)
        report.update(rounds=arguments.rounds, rows=[])
        for case in cases:
            rounds = [[], []]
            for number in range(arguments.rounds + 1):
                for which in (0, 1) if number % 2 else (1, 0):
                    children[which].stdin.write(case["case"] + "\n")
                    children[which].stdin.flush()
                    answer = json.loads(children[which].stdout.readline())
                    if number:  # the first warms up
                        rounds[which].append(answer)
            row = {"case": case["case"]}
            for which, name in enumerate(("system", "other")):
                if "error" in rounds[which][0]:
                    row[name] = rounds[which][0]["error"]
                else:
                    row[f"{name}_cpu_ms"] = round(statistics.median(one["cpu_ms"] for one in rounds[which]), 2)
                    row[f"{name}_bytes"] = rounds[which][0]["bytes"]
            if "system_cpu_ms" in row and "other_cpu_ms" in row:
                row["system_by_other"] = round(row["system_cpu_ms"] / row["other_cpu_ms"], 2)
            report["rows"].append(row)
            print(json.dumps(row))
        for one in children:
            one.stdin.close()
            one.wait()
    if arguments.out:
        arguments.out.with_suffix(".json").write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    main()
