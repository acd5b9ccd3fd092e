#!/usr/bin/env python3
"""Cuts, lines and both together on real handwriting: character error rate and exact pictures.

    python benchmarks/lines.py DIR [--csv FILE]
    python benchmarks/lines.py DIR --composed 1800 [--csv FILE]

DIR is the data folder; its pages/truth.tsv names the pictures. With --composed the pictures are
lines that UNIPEN's validation writers never wrote, composed from their strokes, and the question is
what it wins to read by ear where boxes leave a doubt.
"""

import argparse
import math
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from page_errors import edit_distance, truth

from customocr import recognition
from customocr.decoding import Knowledge, decode_lines
from customocr.glyphs import CLASSES
from customocr.images import load_image
from customocr.layout.sheet import analyse
from customocr.line_network import LineNetwork, line_strip, step_lattice
from customocr.writing.lines import LineMaker, line_maker

PAPERS = ("cell", "cheque", "lowres", "form", "photo", "ruled", "pencil", "woven", "scan")


def by_steps(network: LineNetwork):
    "A reader that never cuts."

    def read(path: Path) -> str:
        sheet = analyse(recognition._grey(load_image(path).pixels))
        strips = [line_strip(sheet, line).pixels for line in sheet.lines]
        found = [step_lattice(steps) for steps in network.steps(strips)]
        lattices = [f.lattice for f in found if f and f.silence < -0.7]
        return "\n".join(d.text for d in decode_lines(lattices, Knowledge())) if lattices else ""

    return read


def readers() -> dict:  # name -> function from a path to its text
    "Who is compared."
    cuts, both = recognition.Reader(lines=False), recognition.Reader()
    return {
        "cuts": lambda path: cuts.read(path).text,
        "lines": by_steps(both.lines),
        "both": lambda path: both.read(path).text,
    }


def plain(text: str) -> str:
    "Only what counts: the 36 classes."
    return "".join(c for c in text.upper() if c in CLASSES)


class Pictures(LineMaker):
    "Pictures of one line in place of strips."

    def _strips(self, page, lines, height, dark, rng):
        return [(page.image, page.text)] if lines == 1 else []


def composed_pictures(data: Path, n: int, seed: int = 1) -> list:  # (picture, text)
    "Lines by writers and pictures that nothing was trained on."
    held = line_maker(data, held=True)
    maker = Pictures(held.hands, held.fonts, held.digits, held.letters, held.texts)
    rng, pictures = np.random.default_rng(seed), []
    while len(pictures) < n:
        pictures += maker.written(str(rng.choice(PAPERS)), rng)
    return pictures[:n]


def by_ear(data: Path, n: int) -> pd.DataFrame:
    "Composed pictures read with and without the ear's word."
    pictures, reader, doubt = composed_pictures(data, n), recognition.Reader(), recognition.DOUBT
    right = {}
    for name, least in (("boxes", math.inf), ("boxes and ear", doubt)):
        recognition.DOUBT = least
        read = [plain(reader.read(image).text) for image, _ in pictures]
        right[name] = np.array([a == plain(text) for a, (_, text) in zip(read, pictures)])
        print(f"{name}: {right[name].mean():.4f} exact", flush=True)
    recognition.DOUBT = doubt
    before, after = right.values()
    table = pd.DataFrame({"pictures": n, "exact": {k: some.mean() for k, some in right.items()}})
    table["won"] = [0, int((after & ~before).sum())]
    table["lost"] = [0, int((before & ~after).sum())]
    return table.rename_axis("reader").round(4)


def main() -> None:
    "Measure and print."
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="data folder")
    parser.add_argument("--csv", type=Path, help="where to store the table")
    parser.add_argument("--composed", type=int, metavar="N", help="N composed pictures instead")
    options = parser.parse_args()
    if options.composed:
        table = by_ear(options.data, options.composed)
        print(table.to_string())
        if options.csv:
            table.to_csv(options.csv)
        return
    rows = []
    for name, read in readers().items():
        sums: dict = defaultdict(lambda: [0, 0, 0, 0])
        for path, kind, text in truth(options.data):
            want, have = plain(text), plain(read(options.data / "pages" / path))
            parts = edit_distance(want, have), len(want), want == have, 1
            sums[kind] = [a + b for a, b in zip(sums[kind], parts)]
        rows += [
            dict(reader=name, kind=kind, images=n, cer=round(e / c, 4), exact=round(x / n, 4))
            for kind, (e, c, x, n) in sums.items()
        ]
    table = pd.DataFrame(rows)
    print(table.pivot(index="reader", columns="kind", values=["cer", "exact"]).to_string())
    if options.csv:
        table.to_csv(options.csv, index=False)


if __name__ == "__main__":
    main()
