"""How well the drawing page reads drawings, beside the Python reader.

    CUSTOMOCR_DATA=FOLDER python benchmarks/score_drawings.py [--count 200] [--size wide|phone]

Drawings are composed from the pen strokes of UNIPEN's test writers, whom no network has seen, on a
canvas of the page's size with its pen: single characters, words whose letters stand apart, words in
which every other letter touches the one before it, numbers likewise, and two short lines. The page
is built, opened in Chromium and given the pixels. The same pixels go to `Reader().read`, with and
without its prior of words, which the page has not. The table gives the character error rate and the
share read without an error, spaces included; in the columns "merged" O counts as 0 and I as 1, as a
single stroke cannot tell them apart.
"""

import argparse
import base64
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
from customocr.errors import DataError
from customocr.glyphs import CLASSES
from customocr.writing.compose import compose_line, unipen_hands
from customocr.writing.lines import Texts
from customocr.writing.strokes import load_strokes

PADS = {"wide": (956, 352), "phone": (354, 338)}  # pixels of the canvas
TOUCHING = 0.5  # of the letters touch the one before them, in the kinds that say so
PEN = 0.035  # of the canvas' height, as in site/draw/draw.js
KINDS = ("character", "apart", "touching", "number", "touching number", "two lines")
MERGED = str.maketrans("OI", "01")
READ = """async (cases) => {
  const { readPicture } = await import("./read.js");
  const out = [];
  for (const { w, h, grey } of cases) {
    const bytes = Uint8Array.from(atob(grey), (c) => c.charCodeAt(0));
    const begun = performance.now();
    const { lines } = await readPicture(bytes, w, h);
    const words = lines.map((line) => line.map((word) => word.map((c) => c.text).join("")));
    const sure = lines.flat(2).map((c) => c.confidence);
    out.push([words.map((line) => line.join(" ")).join("\\n"), performance.now() - begun, sure]);
  }
  return out;
}"""


def text_of(kind: str, texts: Texts, rng: np.random.Generator) -> str:
    "What is drawn: lines by newline."
    if kind == "character":
        return str(rng.choice(list(CLASSES)))
    if "number" in kind:
        return "".join(rng.choice(list(CLASSES[:10]), int(rng.integers(3, 8))))
    word = lambda: texts.word(rng, 8)
    return f"{word()}\n{word()} {word()}" if kind == "two lines" else word()


def drawing(
    kind: str,  # one of KINDS
    hand,  # of `unipen_hands`
    texts: Texts,
    size: tuple[int, int],  # pixels, width and height of the canvas
    rng: np.random.Generator,
) -> tuple[np.ndarray, str]:  # uint8 (h, w), black on white; its text
    "One drawing as the page's canvas would hold it."
    width, height = size
    text = text_of(kind, texts, rng)
    lines, pen = text.split("\n"), PEN * height
    cap = float(rng.uniform(0.3, 0.55)) * height / (1 if len(lines) == 1 else 1.7)
    style = dict(
        touching=TOUCHING if "touching" in kind else 0.0, jitter=float(rng.uniform(0.5, 1.3))
    )
    page = np.full((height, width), 255, np.uint8)
    for k, line in enumerate(lines):
        for _ in range(12):  # smaller until it fits
            image = compose_line(line, hand, rng, cap, pen, margin=0.02, **style).image
            h, w = image.shape
            if w <= 0.96 * width and h <= 0.96 * height / len(lines):
                break
            cap *= 0.85
        x = int(rng.integers(0, max(1, width - w)))
        y = int((k + 0.5) * height / len(lines) - h / 2)
        page[max(0, y) : y + h, x : x + w] = image[max(0, -y) :, : width - x]
    return page, text


def drawings(
    data: Path,  # data folder
    size: tuple[int, int],
    count: int,  # of each kind
    seed: int,
) -> list[tuple[str, np.ndarray, str]]:  # kind, drawing, text
    "Drawings of every kind in the hands of UNIPEN's test writers."
    from customocr.data import unipen_test_writers

    folder = data / "characters" / "train"
    names, held = np.load(folder / "unipen.npz")["writer_names"], set(unipen_test_writers())
    hands = unipen_hands(
        load_strokes(folder / "unipen_strokes.npz"),
        [i for i, name in enumerate(names) if str(name) in held],
    )
    texts, rng, out = Texts(), np.random.default_rng(seed), []
    for kind in KINDS:
        for _ in range(count):
            try:
                out.append(
                    (kind, *drawing(kind, hands[rng.integers(len(hands))], texts, size, rng))
                )
            except DataError:  # no writer may lend a class
                continue
    return out


def read_in_browser(
    folder: Path,  # a built drawing page
    pages: list[np.ndarray],
) -> list:  # text, milliseconds, confidence of each character
    "What the page reads of each picture."
    from measure_site import CHROMIUM, FLAGS, served
    from playwright.sync_api import sync_playwright

    flags = FLAGS + ["--no-sandbox"] * (os.geteuid() == 0)
    pack = lambda g: {"w": g.shape[1], "h": g.shape[0], "grey": base64.b64encode(g).decode()}
    out = []
    with served(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        page.goto(f"{address}/index.html")
        page.wait_for_selector("html[data-ready]")
        for k in range(0, len(pages), 20):
            out += page.evaluate(READ, [pack(grey) for grey in pages[k : k + 20]])
        browser.close()
    return out


def errors(read: str, truth: str) -> int:
    "Characters to insert, delete or change, from `read` to `truth`."
    row = list(range(len(truth) + 1))
    for i, a in enumerate(read, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(truth, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


def row_of(read: list[str], truth: list[str]) -> str:
    "CER and exact, then the same with look-alikes merged."
    cells = []
    for table in ({}, MERGED):
        pairs = [(r.translate(table), t.translate(table)) for r, t in zip(read, truth)]
        cer = sum(errors(*pair) for pair in pairs) / max(1, sum(len(t) for _, t in pairs))
        cells += [f"{cer:.3f}", f"{np.mean([r == t for r, t in pairs]):.2f}"]
    return " | ".join(cells)


def main():
    "Print a table."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--data", type=Path, default=os.environ.get("CUSTOMOCR_DATA"), help="the data folder")
    add("--count", type=int, default=100, help="drawings of each kind")
    add("--size", choices=PADS, default="wide", help="the canvas of a desktop or of a phone")
    add("--seed", type=int, default=12)
    add("--browser-only", action="store_true", help="leave out the Python reader")
    add("--errors", action="store_true", help="list what the page misreads")
    options = parser.parse_args()
    if options.data is None:
        parser.error("give the data folder: --data FOLDER or CUSTOMOCR_DATA")
    some = drawings(Path(options.data), PADS[options.size], options.count, options.seed)
    pages, truth = [page for _, page, _ in some], [text for *_, text in some]
    with tempfile.TemporaryDirectory() as folder:
        import build_draw

        answers = read_in_browser(build_draw.build(Path(folder) / "draw"), pages)
    readings = {"drawing page": [text for text, *_ in answers]}
    if not options.browser_only:
        from customocr.recognition import Reader

        reader, begun = Reader(), time.perf_counter()
        for name, prior in (("Python", True), ("Python without prior", False)):
            read = [reader.read(page, rotate=False, prior=prior).text for page in pages]
            readings[name] = read
        each = 500 * (time.perf_counter() - begun) / len(pages)
        print(f"Python: {each:.0f} ms a drawing")
    print(f"page: {np.median([ms for _, ms, _ in answers]):.0f} ms a drawing (median)")
    print("| drawings | reader | CER | exact | CER, merged | exact, merged |")
    print("| --- " * 6 + "|")
    for kind in KINDS:
        at = [k for k, (name, *_) in enumerate(some) if name == kind]
        for name, read in readings.items():
            print(f"| {kind} | {name} | {row_of([read[k] for k in at], [truth[k] for k in at])} |")
    if options.errors:
        for (kind, _, text), (read, *_) in zip(some, answers):
            if read.translate(MERGED) != text.translate(MERGED):
                print(f"{kind}: {text!r} read {read!r}")


if __name__ == "__main__":
    main()
