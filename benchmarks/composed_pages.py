#!/usr/bin/env python3
"""Composed pages as people write and photograph them: the same pages read by several readers.

    python benchmarks/composed_pages.py [DATA] [--each N] [--reader NAME ...] [--json OUT]

DATA is the data folder with UNIPEN's strokes (default: $CUSTOMOCR_DATA). The hands are UNIPEN's
validation writers: no network was trained on them, though models were chosen by them, and the
steps from picture to lines were tried on other pages of the same hands. Each page has three to six
lines of common words and numbers. There are N pages (default: 8) for each of five papers and each
of these ways to write and to take the picture:

  usual     from line to line 1.6 to 2.4 capitals, turned by 2 degrees (standard deviation)
  close     from line to line 1.2 to 1.4 capitals: letters touch the line below
  askew     turned by 8 to 14 degrees
  large     one word, 150 to 300 pixels high

NAME is a reader of benchmarks/page_errors.py. Spaces and line breaks do not count.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
from page_errors import edit_distance, load_reader, solid

from customocr.data import find_file, load_unipen, split_unipen
from customocr.writing.compose import Hand, unipen_hands
from customocr.writing.papers import compose_page, random_paper, woven_paper

PAPERS = ("plain", "photo", "ruled", "table", "woven")
WAYS = ("usual", "close", "askew", "large")
SEED = 2026  # of pages that nobody looked at: a limit of the reader was chosen on others
WORDS = """RETURN DELIVERY WINDOW GARDEN MUSIC QUALITY SYSTEM JOURNEY BOTTLE YELLOW KITCHEN FOREST
OXYGEN PUZZLE HAMMER VICTORY EXAMPLE ZEBRA SILVER NUMBER BRIDGE COFFEE ANSWER STREET PAPER MODEL
TRAVEL WINTER SUMMER COPPER NIGHT SHADOW FLIGHT DOCTOR ANIMAL JACKET WEATHER GUITAR HARBOR LINEN
VOLUME CANDLE MIRROR PENCIL TICKET""".split()


def text_for(way: str, rng: np.random.Generator) -> list[str]:
    "Lines of words and numbers."
    number = lambda: "".join(map(str, rng.integers(0, 10, rng.integers(2, 9))))
    word = lambda: str(rng.choice(WORDS))
    if way == "large":
        return [word()]
    some = lambda: word() if rng.random() < 0.75 else number()
    return [" ".join(some() for _ in range(rng.integers(2, 5))) for _ in range(rng.integers(3, 7))]


def compose(way: str, kind: str, k: int, hands: list[Hand]):  # -> Composed
    "Page k of one way and one kind of paper; the same numbers write the same page."
    rng = np.random.default_rng([SEED, k, WAYS.index(way), PAPERS.index(kind)])
    paper = woven_paper(rng) if kind == "woven" else random_paper(kind, rng)
    height = float(np.exp(rng.uniform(np.log(20), np.log(60))))
    height = float(rng.uniform(150, 300)) if way == "large" else height
    askew = float(rng.uniform(8, 14) * rng.choice([-1, 1]))
    return compose_page(
        text_for(way, rng),
        hands[rng.integers(len(hands))],
        rng,
        paper,
        height,
        max(1.2, height * rng.uniform(0.05, 0.16)),
        rotation=askew if way == "askew" else float(rng.normal(0, 2)),
        letter_gap=float(rng.uniform(0.1, 0.4)),
        word_gap=float(rng.uniform(0.8, 1.4)),
        line_gap=float(rng.uniform(1.2, 1.4) if way == "close" else rng.uniform(1.6, 2.4)),
    )


def measure(names: list[str], hands: list[Hand], each: int) -> dict:
    "Character error rate and share of exact pages of each reader, by way and by paper."
    readers, rows = {name: load_reader(name) for name in names}, []
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "page.png")
        for way in WAYS:
            for kind in PAPERS:
                for k in range(each):
                    page = compose(way, kind, k, hands)
                    cv2.imwrite(file, page.image)
                    truth = solid(page.text)
                    for name, read in readers.items():
                        errors = edit_distance(truth, solid(read(file)))
                        rows.append((name, way, kind, len(truth), errors))
            print(way, flush=True)
    out: dict = {}
    for name in names:
        for group in (*WAYS, *PAPERS, "all"):
            some = [r for r in rows if r[0] == name and group in (*r[1:3], "all")]
            cer = sum(r[4] for r in some) / sum(r[3] for r in some)
            exact = sum(not r[4] for r in some) / len(some)
            out.setdefault(name, {})[group] = {"cer": round(cer, 4), "exact": round(exact, 3)}
    return out


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = os.environ.get("CUSTOMOCR_DATA")
    parser.add_argument("data", nargs="?", default=data)
    parser.add_argument("--each", type=int, default=8)
    parser.add_argument("--reader", nargs="+", default=["customocr"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    strokes = find_file(["unipen_strokes.npz"], options.data) if options.data else None
    if strokes is None:
        parser.error("DATA must hold characters/train/unipen_strokes.npz")
    unipen = load_unipen(options.data)
    _, validation, _ = split_unipen(unipen)
    hands = list(unipen_hands(strokes, sorted(set(unipen.writer[validation].tolist()))))
    found = measure(options.reader, hands, options.each)
    for name, groups in found.items():
        print(name, {group: tuple(v.values()) for group, v in groups.items()})
    if options.json:
        options.json.write_text(json.dumps({"each": options.each, **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
