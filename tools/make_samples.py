#!/usr/bin/env python3
"""Make customocr/samples: glyphs of 36 classes and pages with known text, drawn with openly
licensed handwriting fonts.

tools/fonts/fonts.tsv pins each font: package, version, licence, and its use (glyphs: drawn into
glyphs.npz; pages: only on pages, so that no page is written in a hand the glyphs were drawn from;
ship: a page font whose file is also in the package).

    python tools/make_samples.py                   fetch the fonts (npm, and apt-get for Debian's),
                                                   make everything
    python tools/make_samples.py --fonts FOLDER    take the font files from a folder (searched to
                                                   the bottom)
    python tools/make_samples.py --only pages      or glyphs, or fonts
"""

import argparse
import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from customocr.glyphs import CLASSES, normalise_glyph
from customocr.writing.compose import FontHand, rasterise
from customocr.writing.papers import Paper, compose_page

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "tools" / "fonts" / "fonts.tsv"
SAMPLES = ROOT / "customocr" / "samples"
CACHE = Path.home() / ".cache" / "customocr" / "fonts"
SEED = 2024
JPEG_QUALITY = 80  # what phones use is higher; at 80 a page takes 20-30 kB
# pixels, cap height at which a glyph is drawn before it becomes 20: enough for smooth grey edges
GLYPH_HEIGHT = 80


@dataclass(frozen=True)
class Font:
    "A row of fonts.tsv."

    name: str
    registry: str  # npm or deb
    package: str
    version: str
    licence: str
    file: str  # name inside the package
    use: str  # glyphs, pages or ship


def read_list() -> list[Font]:
    "The pinned fonts."
    return [Font(*line.split("\t")) for line in LIST.read_text(encoding="utf8").splitlines()[1:]]


def run(command: list[str], folder: Path) -> None:
    "Run a package manager; a failure ends the script with what it said."
    if shutil.which(command[0]) is None:
        sys.exit(
            f"{command[0]} is not installed; get the fonts of tools/fonts/fonts.tsv in another way"
            " and pass their folder with --fonts"
        )
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command[:3])} failed in {folder}:\n{done.stderr[-2000:]}")


def fetch(fonts: list[Font], folder: Path) -> None:
    "Install the pinned packages into a folder: npm's in one go, Debian's one by one."
    folder.mkdir(parents=True, exist_ok=True)
    pins = {f.package: f.version for f in fonts if f.registry == "npm"}
    (folder / "package.json").write_text(
        json.dumps({"name": "fonts", "private": True, "dependencies": pins})
    )
    run(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], folder)
    for package, version in sorted({(f.package, f.version) for f in fonts if f.registry == "deb"}):
        if not (folder / package).is_dir():
            run(["apt-get", "download", f"{package}={version}"], folder)
            run(["dpkg-deb", "-x", str(next(folder.glob(f"{package}_*.deb"))), package], folder)


def locate(fonts: list[Font], folder: Path) -> dict[str, Path]:
    "Where each font's file lies."
    files = {p.name: p for p in folder.rglob("*") if p.suffix in (".woff", ".ttf", ".otf")}
    missing = [f.file for f in fonts if f.file not in files]
    if missing:
        sys.exit(f"{folder} lacks {len(missing)} font files: {', '.join(missing[:5])} ...")
    return {f.name: files[f.file] for f in fonts}


def make_glyphs(fonts: list[Font], files: dict[str, Path], out: Path) -> None:
    "glyphs.npz: every class in every font of use `glyphs`."
    used = [f for f in fonts if f.use == "glyphs"]
    x, y, font = [], [], []
    for i, f in enumerate(used):
        hand = FontHand(files[f.name], f.name)
        for k, c in enumerate(CLASSES):
            ink, _, _ = rasterise([s * GLYPH_HEIGHT for s in hand.shape(c).strokes], 0, True)
            x.append(normalise_glyph(ink)), y.append(k), font.append(i)
    np.savez_compressed(
        out,
        x=np.array(x),
        y=np.uint8(y),
        font=np.uint8(font),
        font_names=np.array([f.name for f in used]),
        licences=np.array([f.licence for f in used]),
        names=np.array(list(CLASSES)),
    )
    print(f"{out.name}: {len(x)} glyphs of {len(used)} fonts, {out.stat().st_size / 1000:.0f} kB")


@dataclass(frozen=True)
class Spec:
    "One sample page."

    file: str
    kind: str  # as in truth.tsv of the data folder: page, word, field, boxed_row, digits
    font: str
    text: str
    paper: Paper
    page: dict  # further arguments of compose_page
    notes: str
    polarity: str = "dark-on-light"


PHOTO = dict(texture=2.0, noise=1.5, blur=0.6)
SPECS = (
    Spec(
        "letter_m.png",
        "page",
        "patrick-hand",
        "M",
        Paper(colour=(205,) * 3, ink=(50,) * 3, texture=3, noise=3, blur=0.8, margin=(0.14, 0.15)),
        dict(height_px=22, pen_width=3, grey=True),
        "30 x 30 pixels, one letter",
    ),
    Spec(
        "hello.png",
        "page",
        "architects-daughter",
        "HELLO WORLD",
        Paper(texture=0.4, blur=0.4),
        dict(height_px=44, grey=True),
        "one plain line",
    ),
    Spec(
        "lines.jpg",
        "page",
        "schoolbell",
        "READ THIS PAGE\nIN 4 LINES AND\n15 WORDS OR SO\nBY 7 30 PM",
        Paper(**PHOTO, colour=(236, 240, 242), ink=(110, 50, 30)),
        dict(height_px=40),
        "several lines, words and numbers; blue pen",
    ),
    Spec(
        "ruled.jpg",
        "page",
        "patrick-hand",
        "BUY 12 EGGS\nBREAD AND JAM\n250 G COFFEE",
        Paper(
            **PHOTO,
            colour=(225, 236, 240),
            ink=(50, 40, 40),
            rules="ruled",
            rule_colour=(205, 165, 140),
            rule_width=0.05,
            gradient=0.15,
        ),
        dict(height_px=40, line_gap=1.7, jitter=1.2, rotation=-1.5),
        "ruled paper, rules under and through the letters",
    ),
    Spec(
        "fields.png",
        "field",
        "covered-by-your-grace",
        "MARTA KOWALSKI\n48 620 17",
        Paper(
            ink=(40, 40, 40),
            frame="box",
            rule_colour=(60,) * 3,
            rule_width=0.08,
            blur=0.5,
            noise=0.4,
        ),
        dict(height_px=34, grey=True, letter_gap=0.25),
        "two framed form fields",
    ),
    Spec(
        "comb.png",
        "boxed_row",
        "shadows-into-light",
        "QUARTZ 59\nB1204X",
        Paper(
            ink=(35, 35, 35),
            frame="comb",
            rule_colour=(120,) * 3,
            rule_width=0.07,
            blur=0.5,
            noise=0.4,
        ),
        dict(height_px=34, pen_width=3.4, pitch=1.35, grey=True),
        "comb boxes, one character each",
    ),
    Spec(
        "note.jpg",
        "page",
        "nanum-pen-script",
        "CALL DAVE\nAT 6 PM\nROOM 214",
        Paper(
            **PHOTO,
            colour=(120, 215, 245),
            ink=(60, 45, 40),
            table="dark",
            gradient=0.1,
            margin=(0.8, 1.6),
        ),
        dict(height_px=38, rotation=4, tilt=0.08),
        "sticky note on a dark table",
    ),
    Spec(
        "shadow.jpg",
        "page",
        "gochi-hand",
        "MEET ME BY\nTHE BRIDGE\nON MAY 31",
        Paper(
            **PHOTO,
            colour=(225, 230, 235),
            ink=(55, 45, 40),
            shadow=0.5,
            gradient=0.2,
            vignette=0.15,
        ),
        dict(height_px=42, slope=1.0),
        "a shadow across the page",
    ),
    Spec(
        "chalk.jpg",
        "page",
        "permanent-marker",
        "OPEN 8 TO 20\nFRESH FISH",
        Paper(
            colour=(48, 52, 46),
            ink=(225, 232, 232),
            opacity=0.9,
            grain=0.35,
            texture=3,
            noise=2,
            blur=0.5,
        ),
        dict(height_px=42),
        "light on dark",
        "light-on-dark",
    ),
    Spec(
        "scan.png",
        "word",
        "because-we-organize",
        "JEAN PIERRE DUVAL",
        Paper(
            colour=(255,) * 3, ink=(0,) * 3, fade=0.25, blur=0.35, scan="clip", margin=(0.5, 1.2)
        ),
        dict(height_px=12, pen_width=1.1, letter_gap=0.35, grey=True),
        "letters 12 pixels high, as in a 200 dpi form scan",
    ),
    Spec(
        "tilted.jpg",
        "page",
        "short-stack",
        "THE LINE GOES\nUPHILL 2 4 6 8",
        Paper(**PHOTO, colour=(215, 228, 238), ink=(45, 40, 38), gradient=0.15),
        dict(height_px=36, rotation=9, slope=2, curve=0.2, slant=0.12),
        "turned by 9 degrees, sagging lines",
    ),
    Spec(
        "address.jpg",
        "page",
        "reenie-beanie",
        "ANNA BECKER\n27 OAK STREET\nLEEDS LS2 9JT",
        Paper(
            **PHOTO,
            colour=(190, 222, 240),
            ink=(120, 55, 35),
            table="wood",
            shadow=0.25,
            margin=(0.8, 2.0),
        ),
        dict(height_px=36, pen_width=4, rotation=-3, tilt=0.1, letter_gap=0.18),
        "an address on a sheet on a wooden desk, thin blue pen",
    ),
    Spec(
        "cell.png",
        "digits",
        "playpen-sans",
        "14600",
        Paper(
            colour=(150,) * 3,
            ink=(60,) * 3,
            opacity=0.8,
            frame="cell",
            rule_colour=(85,) * 3,
            rule_width=0.06,
            texture=1,
            noise=1,
            blur=0.9,
            margin=(0.25, 0.5),
        ),
        dict(height_px=20, pen_width=2.2, letter_gap=0.12, grey=True),
        "a number in a photographed table cell",
    ),
    Spec(
        "pencil.jpg",
        "page",
        "shadows-into-light",
        "FAINT PENCIL\nNUMBER 2",
        Paper(**PHOTO, colour=(214, 220, 222), ink=(95, 95, 95), opacity=0.5, grain=0.4, fade=0.2),
        dict(height_px=40, pen_width=3.2),
        "faint pencil; dots are not in the text: FAINT PENCIL. NUMBER 2.",
    ),
)


def make_pages(files: dict[str, Path], out: Path) -> None:
    "pages/: pictures, truth.tsv (columns as in the data folder) and boxes.json."
    out.mkdir(parents=True, exist_ok=True)
    rows, boxes = ["path\tkind\tlower\tpolarity\ttext\tnotes"], {}
    for i, s in enumerate(SPECS):
        written = s.text if s.file != "pencil.jpg" else "FAINT PENCIL.\nNUMBER 2."
        page = compose_page(
            written.split("\n"),
            FontHand(files[s.font], s.font),
            np.random.default_rng([SEED, i]),
            s.paper,
            **{"letter_gap": 0.22, "jitter": 0.8, **s.page},
        )
        assert page.text == s.text, (page.text, s.text)
        image, found = page.image, page.boxes
        if s.file == "letter_m.png":  # the tutorial's first picture is 30 x 30
            h, w = image.shape
            found = tuple(np.rint(b * [30 / w, 30 / h, 30 / w, 30 / h]).astype(int) for b in found)
            image = cv2.resize(image, (30, 30), interpolation=cv2.INTER_AREA)
        cv2.imwrite(
            str(out / s.file),
            image,
            (
                [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
                if s.file.endswith("jpg")
                else [cv2.IMWRITE_PNG_COMPRESSION, 9]
            ),
        )
        rows.append(
            "\t".join(
                (
                    s.file,
                    s.kind,
                    "no",
                    s.polarity,
                    s.text.replace("\n", "\\n"),
                    f"{s.notes}; font {s.font}",
                )
            )
        )
        boxes[s.file] = [b.tolist() for b in found]
        print(
            f"{s.file}: {image.shape[1]} x {image.shape[0]},"
            f" {(out / s.file).stat().st_size / 1000:.0f} kB"
        )
    (out / "truth.tsv").write_text("\n".join(rows) + "\n", encoding="utf8")
    (out / "boxes.json").write_text(
        json.dumps(boxes, separators=(",", ":")).replace('],"', '],\n"') + "\n"
    )


def make_fonts(fonts: list[Font], files: dict[str, Path], out: Path) -> None:
    "fonts/: the few fonts that come with the package, unchanged, each with its licence."
    out.mkdir(parents=True, exist_ok=True)
    for f in fonts:
        if f.use == "ship":
            shutil.copy(files[f.name], out / f"{f.name}.woff")
            shutil.copy(files[f.name].parents[1] / "LICENSE", out / f"{f.name}.LICENSE.txt")


def main() -> None:
    ap = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ap.add_argument("--fonts", type=Path, help="folder with the font files; default: fetch them")
    ap.add_argument("--out", type=Path, default=SAMPLES)
    ap.add_argument("--only", choices=("glyphs", "pages", "fonts"))
    a = ap.parse_args()
    fonts = read_list()
    if a.fonts is None:
        fetch(fonts, CACHE)
    files = locate(fonts, a.fonts or CACHE)
    a.out.mkdir(parents=True, exist_ok=True)
    if a.only in (None, "glyphs"):
        make_glyphs(fonts, files, a.out / "glyphs.npz")
    if a.only in (None, "pages"):
        make_pages(files, a.out / "pages")
    if a.only in (None, "fonts"):
        make_fonts(fonts, files, a.out / "fonts")


if __name__ == "__main__":
    main()
