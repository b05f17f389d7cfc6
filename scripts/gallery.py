#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes docs/gallery: every example of every image command, asked of a running `millrace up`, as a page to look through.

    scripts/gallery.py [--binaries build/release/bin]

The examples are those of the commands' specs. What they begin with is drawn here, but for one photograph:
sample-bucket/astronaut.png (scripts/fetch-assets.sh samples; NASA, public domain). Run it again when examples change;
a test fails while an example is missing from the page.
"""
import argparse
import json
import pathlib
import shutil
import struct
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench"))
from fleet import Millrace  # noqa: E402

GALLERY = ROOT / "docs/gallery"
PICTURES = "pictures"
ENDINGS = {"image/jpeg": "jpg", "image/png": "png", "image/webp": "webp", "image/gif": "gif", "image/avif": "avif",
           "image/jxl": "jxl", "image/heic": "heic", "image/tiff": "tiff", "image/bmp": "bmp"}
BROWSER = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", "Host": "media.example"}
DOCUMENT_CHARACTERS_MAX = 700

DRAWING = """<svg xmlns="http://www.w3.org/2000/svg" width="240" height="160" viewBox="0 0 240 160">
<rect width="240" height="160" fill="#a9d6f5"/><circle cx="188" cy="38" r="20" fill="#ffd25e"/>
<path d="M0 112 L58 56 L104 112 Z" fill="#7c8fa6"/><path d="M44 70 L58 56 L70 71 L58 66 Z" fill="#ffffff"/>
<path d="M70 116 L132 44 L200 116 Z" fill="#5f738c"/><path d="M117 62 L132 44 L149 62 L132 58 Z" fill="#ffffff"/>
<path d="M0 108 Q60 88 120 108 T240 104 V160 H0 Z" fill="#7fb069"/><path d="M0 132 Q70 116 140 134 T240 130 V160 H0 Z" fill="#5a8f4b"/>
<rect x="150" y="104" width="34" height="26" fill="#e07a5f"/><path d="M145 106 L167 86 L189 106 Z" fill="#81423a"/>
<rect x="163" y="114" width="9" height="16" fill="#4a2a20"/></svg>"""


def pdf():
    """One page with a heading, lines and a bar chart."""
    lines = ["BT /F1 26 Tf 40 250 Td (Page one) Tj ET", "0.4 G"]
    lines += [f"40 {y} m {260 - (y * 7) % 60} {y} l S" for y in range(225, 150, -12)]
    lines += [f"{0.2 + i * 0.15:.2f} 0.45 0.6 rg {50 + i * 42} 40 28 {30 + (i * 37) % 80} re f" for i in range(5)]
    content = "\n".join(lines).encode()
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
               b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 290]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
               b"<</Length " + str(len(content)).encode() + b">>\nstream\n" + content + b"\nendstream",
               b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"]
    file, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        places.append(len(file))
        file += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return (file + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table
            + b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(file)))


def gif(width=120, height=80, frames=16):
    """A ball that rolls over a green field. Codes of eight bits and a reset before the table grows: no compression, no
    table to keep."""
    colors = [(0xa9, 0xd6, 0xf5), (0x5a, 0x8f, 0x4b), (0xe0, 0x7a, 0x5f), (0xff, 0xff, 0xff)]
    palette = b"".join(bytes(c) for c in colors) + bytes(3 * (128 - len(colors)))
    file = b"GIF89a" + struct.pack("<HHBBB", width, height, 0xf6, 0, 0) + palette
    file += b"\x21\xff\x0bNETSCAPE2.0\x03\x01\x00\x00\x00"
    for frame in range(frames):
        x = 14 + (width - 28) * frame / (frames - 1)
        y = height - 26 - 30 * abs(((frame * 4 / frames) % 2) - 1)

        def pixel(px, py):
            inside = (px - x) ** 2 + (py - y) ** 2 <= 144
            return (3 if (px - x + 4) ** 2 + (py - y + 4) ** 2 <= 12 else 2) if inside else (1 if py > height - 16 else 0)

        codes = []
        for index in range(width * height):
            if index % 100 == 0:
                codes.append(128)
            codes.append(pixel(index % width, index // width))
        codes.append(129)
        file += b"\x21\xf9\x04\x04" + struct.pack("<H", 7) + b"\x00\x00"
        file += b"\x2c" + struct.pack("<HHHHB", 0, 0, width, height, 0) + b"\x07"
        data = bytes(codes)
        file += b"".join(bytes([len(data[i:i + 255])]) + data[i:i + 255] for i in range(0, len(data), 255)) + b"\x00"
    return file + b"\x3b"


def with_exif(jpeg):
    """The same JPEG with a few tags of EXIF."""
    texts = {0x010f: b"Millrace", 0x0110: b"Gallery", 0x0132: b"2026:01:31 12:00:00", 0x8298: b"NASA, public domain"}
    entries, data, offset = b"", b"", 8 + 2 + 12 * len(texts) + 4
    for tag, text in sorted(texts.items()):
        text += b"\0"
        entries += struct.pack("<HHII", tag, 2, len(text), offset + len(data))
        data += text
    tiff = b"II*\0" + struct.pack("<IH", 8, len(texts)) + entries + struct.pack("<I", 0) + data
    block = b"Exif\0\0" + tiff
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def get(url, headers=None):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers or {}), timeout=60) as answer:
            return answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        sys.exit(f"{url}: {error.code} {error.read().decode(errors='replace')}")


# What an example begins with, where it is not the photograph: the first of these that its pipeline begins with.
SOURCES = [
    ("page/1/dpi/150", "document.pdf"), ("page/1/dpi/144", "drawing.svg"), ("page/", "ball.gif"),
    ("qrcode/1", "note.txt"), ("imageMogr2/border/20x30", "drawing.svg"), ("trim", "framed.png"),
    ("roundPic", "drawing.png"), ("imageslim/zlevel", "drawing.png"), ("imageMogr2/thumbnail/400x/rotate/8", "drawing.svg"),
]
TITLES = {
    "photo.jpg": "A photograph: NASA's portrait of Eileen Collins, public domain; with EXIF of our own.",
    "drawing.svg": "A drawing.", "drawing.png": "The same as PNG.", "framed.png": "The same in a white frame.",
    "bikes.jpg": "The drawing as a JPEG, for pipelines that name another picture.",
    "pier.jpg": "The photograph without its colours, likewise.",
    "pier-edited.jpg": "The photograph a little blurred, likewise.",
    "logo.png": "A round mark, likewise.",
    "ball.gif": "An animation of sixteen frames.", "document.pdf": "A document of one page.", "note.txt": "A few words.",
}


def source_of(pipeline):
    return next((source for begin, source in SOURCES if pipeline.startswith(begin)), "photo.jpg")


def make_sources(folder, server, astronaut):
    photos = f"{server}/photos"
    shutil.copy(astronaut, folder / "astronaut.png")
    (folder / "drawing.svg").write_text(DRAWING)
    (folder / "document.pdf").write_bytes(pdf())
    (folder / "ball.gif").write_bytes(gif())
    (folder / "note.txt").write_text("https://millrace.example/note\n")
    photo, _ = get(f"{photos}/astronaut.png?imageMogr2/gravity/North/crop/512x341/thumbnail/360x/format/jpg/quality/90")
    (folder / "photo.jpg").write_bytes(with_exif(photo))
    (folder / "drawing.png").write_bytes(get(f"{photos}/drawing.svg?imageView2/0/format/png")[0])
    # What pipelines of several pictures name; all of the photograph's size.
    (folder / "bikes.jpg").write_bytes(get(f"{photos}/drawing.svg?imageMogr2/thumbnail/360x240!/format/jpg")[0])
    (folder / "pier.jpg").write_bytes(get(f"{photos}/photo.jpg?imageMogr2/colorspace/gray")[0])
    (folder / "pier-edited.jpg").write_bytes(get(f"{photos}/photo.jpg?imageMogr2/blur/2x1")[0])
    (folder / "logo.png").write_bytes(
        get(f"{photos}/drawing.svg?imageMogr2/gravity/Center/crop/150x150|roundPic/radius/!50p")[0])
    (folder / "framed.png").write_bytes(
        get(f"{photos}/drawing.png?imageMogr2/border/36x24/bordercolor/d2hpdGU=")[0])


def shown(name, number, answer, headers):
    """The lines that show an answer; a picture is written beside the page."""
    kind = headers["Content-Type"]
    told = [f"`{key}: {value}`" for key, value in headers.items()
            if key.startswith("X-Millrace-") and key not in ("X-Millrace-Cache",)]
    if kind not in ENDINGS:
        text = json.dumps(json.loads(answer), indent=1, ensure_ascii=False)
        if len(text) > DOCUMENT_CHARACTERS_MAX:
            text = text[:DOCUMENT_CHARACTERS_MAX] + "\n…"
        return ["```json", *text.splitlines(), "```"]
    file = f"{PICTURES}/{name}-{number}.{ENDINGS[kind]}"
    (GALLERY / file).write_bytes(answer)
    facts = ", ".join([kind, f"{len(answer):,} bytes", *told])
    return [f"![{name} {number}]({file})", "", facts]


def section(command, server):
    name = command["name"]
    lines = [f"## {name}", "", f"{command['summary']} [All about it](../commands/{name}.md).", ""]
    for number, example in enumerate(command["examples"], 1):
        pipeline = example["pipeline"]
        source = source_of(pipeline)
        url = f"{server}/photos/{source}?{urllib.parse.quote(pipeline, safe='/|!$()<>=&@,.-_~')}"
        answer, headers = get(url, BROWSER)
        lines += [f"`{source}?{pipeline}`", "", example["shows"], "", *shown(name, number, answer, headers), ""]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binaries", type=pathlib.Path, default=ROOT / "build/release/bin")
    arguments = parser.parse_args()
    astronaut = ROOT / "sample-bucket/astronaut.png"
    if not astronaut.exists():
        sys.exit("sample-bucket/astronaut.png is missing: run scripts/fetch-assets.sh samples")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="millrace-gallery-"))
    (folder / "photos").mkdir()
    model = ROOT / "state/models/ultraface-rfb-320.onnx"
    server = Millrace(arguments.binaries, folder, {"photos": folder / "photos"},
                      f"agent: {{workers: {{image: {{face_model: {model}}}}}}}\n")
    make_sources(folder / "photos", server.media, astronaut)
    shutil.rmtree(GALLERY / PICTURES, ignore_errors=True)
    (GALLERY / PICTURES).mkdir(parents=True)
    commands = json.loads(get(f"{server.api}/v1/commands")[0])["commands"]
    commands = sorted((c for c in commands if c["kind"] == "image"), key=lambda c: c["name"].lower())
    lines = ["# Gallery", "",
             "Every example of every image command, as it was answered. Made by `scripts/gallery.py`; do not edit.", "",
             " · ".join(f"[{c['name']}](#{c['name'].lower()})" for c in commands), "", "## What the examples begin with", ""]
    for source, title in TITLES.items():
        if source.endswith((".jpg", ".png", ".svg", ".gif")):
            shutil.copy(folder / "photos" / source, GALLERY / PICTURES / source)
            lines += [f"![{source}]({PICTURES}/{source})", ""]
        lines += [f"`{source}`: {title}", ""]
    for command in commands:
        lines += section(command, server.media)
    (GALLERY / "README.md").write_text("\n".join(lines).rstrip() + "\n")
    server.stop()
    shutil.rmtree(folder)
    total = sum(file.stat().st_size for file in GALLERY.rglob("*") if file.is_file())
    print(f"{len(commands)} commands, {total / 1024:.0f} KiB in {GALLERY}")


if __name__ == "__main__":
    main()
