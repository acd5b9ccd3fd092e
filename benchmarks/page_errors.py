#!/usr/bin/env python3
"""How much of real pages is read right: character error rate by kind of page, for any reader, or
with one stage left out.

    python benchmarks/page_errors.py [DATA] [--reader NAME ...] [--without STAGE ...] [--csv OUT]
    [--worst N]

DATA is a data folder with pages/truth.tsv (default: $CUSTOMOCR_DATA); without one the package's own
sample pages are read. Readers: customocr (default), tutorial (its boxes, our network), tesseract,
rapidocr (1.4.4, as installed) and rapidocr3 (3.10, PP-OCRv6 small, set with care: pip install
rapidocr==3.10.0) where they are installed, or MODULE:FUNCTION, a function from path to text.
--without measures customocr with one stage switched off, so that one sees what the stage is worth;
`--without all` takes them in turn.

  cer     characters to insert, delete or change, over the characters written; 0-9 A-Z only, spaces
          and line breaks do not count
  exact   share of images whose characters are all right, in order
  layout  share of images right to the space and the line break
"""

import argparse
import csv
import importlib
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import cv2
import numpy as np

from customocr import recognition
from customocr.glyphs import CLASSES
from customocr.images import load_image
from customocr.layout import cuts, sheet
from customocr.layout.ink import noise_floor

SAMPLES = Path(__import__("customocr").__file__).parent / "samples"
COLUMNS = ("reader", "kind", "images", "characters", "cer", "exact", "layout")


def edit_distance(a: str, b: str) -> int:
    "Insertions, deletions and changes that turn one text into the other (Levenshtein, 1966)."
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def solid(text: str) -> str:
    "The characters of a text, nothing between them."
    return "".join(c for c in text.upper() if c in CLASSES)


def laid_out(text: str) -> list[str]:
    "The lines of a text, words by one blank, only 0-9 A-Z."
    return [
        " ".join(solid(word) for word in line.split()) for line in text.splitlines() if line.strip()
    ]


def truth(
    root: Path,  # data folder
) -> list[tuple[Path, str, str]]:  # file, kind, text
    "The pages to read; those with small letters are not ours to read."
    with open(root / "pages" / "truth.tsv", encoding="utf8", newline="") as file:
        rows = [
            row
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
            if row.get("lower") != "yes"
        ]
    return [
        (root / "pages" / row["path"], row["kind"], row["text"].replace("\\n", "\n"))
        for row in rows
    ]


LINE_HEIGHT = 128  # pixels, up to which a picture wider than high is taken for one line
LINE_SHAPE = 1.15, 8  # width over height of such a line; from the second on, of any height
LOW = 70  # pixels, up to which a picture of any shape is one line


def careful_rapidocr():
    """RapidOCR 3.10 as a careful user sets it: a crop of one line is recognised as it is, a page is
    searched for text first."""
    from rapidocr import RapidOCR

    settings = {"Global.log_level": "error", "Global.text_score": 0.3, "Global.use_cls": False}
    settings |= {"EngineConfig.onnxruntime.intra_op_num_threads": 1}
    settings |= {"Det.limit_type": "max", "Det.limit_side_len": 960}
    engine = RapidOCR(params=settings)

    def read(path: str) -> str:
        image = load_image(path).pixels
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR) if image.ndim == 2 else image
        h, w = image.shape[:2]
        line = (h <= LINE_HEIGHT and (w / h >= LINE_SHAPE[0] or h <= LOW)) or w / h >= LINE_SHAPE[1]
        found = None if line else engine(image, use_det=True, use_cls=False, use_rec=True).txts
        whole = lambda: engine(image, use_det=False, use_cls=False, use_rec=True).txts
        return "\n".join(found or whole() or ())

    return read


def load_reader(name: str):
    "A function from path to text."
    if name == "customocr":
        reader = recognition.Reader()
        return lambda path: reader.read(path).text
    if name == "tesseract":
        import pytesseract
        from PIL import Image

        return lambda path: pytesseract.image_to_string(
            Image.open(path), config=f"--psm 6 -c tessedit_char_whitelist={CLASSES}"
        )
    if name == "rapidocr":
        from rapidocr_onnxruntime import RapidOCR

        engine = RapidOCR()
        return lambda path: "\n".join(line[1] for line in engine(str(path))[0] or [])
    if name == "rapidocr3":
        return careful_rapidocr()
    module, function = ("tutorial_reader", "read") if name == "tutorial" else name.split(":")
    return getattr(importlib.import_module(module), function)


# ---- one stage switched off
def _darkness(grey, stroke):
    "Ink by how dark it is, not by how much darker than the paper around it."
    return cv2.subtract(np.full_like(grey, int(np.percentile(grey, 95))), grey)


def _half_as_strong(strength, letter, grain):
    "The ink mask without ridges."
    k = int(2 * letter) | 1
    local = cv2.blur(cv2.dilate(strength, np.ones((k, k), np.uint8)), (k, k))
    least = int(1.5 * noise_floor(strength, grain))
    return (cv2.compare(strength, cv2.max(cv2.multiply(local, 0.5), least), cv2.CMP_GT) > 0).astype(
        np.uint8
    )


def _own_size(grey, height, over, grain):
    "The page at the size it was photographed in."
    return grey, 1.0, sheet._stages(grey, grain)


def _level(stats, letter, group=sheet.group_lines):
    lines, _ = group(stats, letter)
    return lines, 0.0


def _indifferent(self, lines, known):
    "Every candidate is as likely a character as any other."
    return [np.log(np.tile([0.8, 0.15, 0.05], (len(line.candidates), 1))) for line in lines]


STAGES = {  # name -> what is put in place of what
    "polarity": [(recognition, "polarity", lambda grey: 1.0)],
    "light": [(sheet, "ink_strength", _darkness)],
    "ridges": [(sheet, "ink_mask", _half_as_strong)],
    "scale": [(sheet, "_brought", _own_size)],
    "rules": [(sheet, "find_rules", lambda mask, labels, stats, letter: np.zeros_like(mask))],
    "turning": [(sheet, "group_lines", _level), (sheet, "rule_slope", lambda mask: 0.0)],
    "parts": [(sheet, "join_parts", lambda pieces, letter: pieces)],
    "cuts": [(cuts, "cut_piece", lambda piece, *_: [piece])],
    "notches": [(cuts, "notches", lambda ink, letter: [])],
    "joins": [(cuts, "MOST_PIECES", 1)],
    "judge": [(recognition.Reader, "_look", _indifferent)],
}


@contextmanager
def without(stage: str):
    "customocr with one stage switched off."
    patches = [patch.object(*each) for each in STAGES[stage]]
    for each in patches:
        each.start()
    try:
        yield
    finally:
        for each in patches:
            each.stop()


def measure(
    name: str,  # for the table
    read,  # function from path to text
    pages: list,  # from `truth`
    worst: int = 0,  # images to list
) -> list[dict]:  # a row a kind, and one for all
    "Read every page; a reader that raises has read nothing."
    groups: dict[str, list] = {}
    for n, (path, kind, text) in enumerate(pages, 1):
        try:
            got = read(str(path))
        except Exception as error:  # any failure of any reader is a page not read
            got = ""
            print(f"\n{path.name}: {error!r}"[:200], file=sys.stderr)
        wrong = edit_distance(solid(text), solid(got))
        record = (
            len(solid(text)),
            wrong,
            wrong == 0,
            laid_out(text) == laid_out(got),
            path,
            text,
            got,
        )
        groups.setdefault(kind, []).append(record)
        groups.setdefault("all", []).append(record)
        if sys.stderr.isatty():
            print(f"\r{name}: {n} of {len(pages)}", end="", file=sys.stderr)
    if sys.stderr.isatty():
        print(file=sys.stderr)
    for record in sorted(groups["all"], key=lambda r: -r[1])[:worst]:
        print(
            f"{record[1]:3d}  {record[4].parent.name}/{record[4].name}  {record[5]!r} read as"
            f" {record[6]!r}"
        )
    rows = []
    for kind in sorted(groups, key=lambda k: (k == "all", k)):
        length, wrong, exact, layout = (sum(r[i] for r in groups[kind]) for i in range(4))
        images = len(groups[kind])
        values = (
            name,
            kind,
            images,
            length,
            round(wrong / max(1, length), 4),
            round(exact / images, 4),
            round(layout / images, 4),
        )
        rows.append(dict(zip(COLUMNS, values)))
        print(
            f"{name:24s} {kind:10s} images {images:4d}  characters {length:5d}  cer {values[4]:.3f}"
            f"  exact {values[5]:.3f}  layout {values[6]:.3f}",
            flush=True,
        )
    return rows


def main() -> None:
    "Measure each reader asked for."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "data", nargs="?", type=Path, default=os.environ.get("CUSTOMOCR_DATA") or SAMPLES
    )
    parser.add_argument("--reader", nargs="+", default=["customocr"])
    parser.add_argument("--without", nargs="+", choices=[*STAGES, "all"], default=[])
    parser.add_argument(
        "--csv", type=Path, help="write the rows there; rows of other readers in the file stay"
    )
    parser.add_argument("--worst", type=int, default=0, help="list the N images with most errors")
    options = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parent))
    pages, rows = truth(Path(options.data)), []
    for name in options.reader:
        rows += measure(name, load_reader(name), pages, options.worst)
    for stage in STAGES if "all" in options.without else options.without:
        with without(stage):
            rows += measure(f"without {stage}", load_reader("customocr"), pages, options.worst)
        if rows[-1]["cer"] == 1:
            parser.error(f"without {stage}: no page was read; its stand-in in STAGES does not fit")
    if options.csv:
        options.csv.parent.mkdir(parents=True, exist_ok=True)
        if options.csv.exists():
            new = {row["reader"] for row in rows}
            with open(options.csv, newline="", encoding="utf8") as file:
                rows = [r for r in csv.DictReader(file) if r["reader"] not in new] + rows
        with open(options.csv, "w", newline="", encoding="utf8") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
