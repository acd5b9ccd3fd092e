#!/usr/bin/env python3
"""Cuts, lines and both together on real handwriting: character error rate and exact pictures.

    python benchmarks/lines.py DIR [--csv FILE]

DIR is the data folder; its pages/truth.tsv names the pictures. RapidOCR 3.10 is measured too where
it is installed (pip install rapidocr==3.10.0), set with care: see benchmarks/page_errors.py.
"""

import argparse
from collections import defaultdict
from pathlib import Path

import pandas as pd
from page_errors import edit_distance, truth

from customocr import recognition
from customocr.decoding import Knowledge, decode_lines
from customocr.glyphs import CLASSES
from customocr.images import load_image
from customocr.layout.sheet import analyse
from customocr.line_network import LineNetwork, line_strip, step_lattice


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


def main() -> None:
    "Measure and print."
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="data folder")
    parser.add_argument("--csv", type=Path, help="where to store the table")
    options = parser.parse_args()
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
