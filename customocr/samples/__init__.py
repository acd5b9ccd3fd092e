"""Pages, glyphs and fonts that come with the package, all made or openly licensed (see README.md
beside this file)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from customocr.errors import DataError

FOLDER = Path(str(files(__package__)))


@dataclass(frozen=True)
class SamplePage:
    "A self-made page and what stands on it."

    path: Path  # of the picture
    kind: str  # page, word, field, boxed_row or digits
    text: str  # lines by newline, words by blank
    boxes: tuple  # per line, per character (x, y, w, h) in pixels
    notes: str  # pen, paper, light

    @property
    def name(self) -> str:
        "The file's name without its ending."
        return self.path.stem


def pages() -> tuple[SamplePage, ...]:  # in the order of truth.tsv, the easiest first
    "All sample pages."
    table = (FOLDER / "pages" / "truth.tsv").read_text(encoding="utf8").splitlines()
    names, *rows = (line.split("\t") for line in table)
    boxes = json.loads((FOLDER / "pages" / "boxes.json").read_text())
    return tuple(
        SamplePage(
            FOLDER / "pages" / r["path"],
            r["kind"],
            r["text"].replace("\\n", "\n"),
            tuple(tuple(map(tuple, line)) for line in boxes[r["path"]]),
            r["notes"],
        )
        for r in (dict(zip(names, row)) for row in rows)
    )


def page(
    name: str = "hello",  # the file's name without its ending
) -> Path:  # of the picture
    "One sample page; raises `DataError` where there is none of that name."
    found = {p.name: p.path for p in pages()}
    if name not in found:
        raise DataError(f"no sample page {name!r}; there are {', '.join(found)}")
    return found[name]


def glyphs() -> Path:  # .npz with x uint8 (N, 28, 28), y, font, font_names, licences, names
    "The glyphs of all 36 classes, drawn with handwriting fonts that no sample page uses."
    return FOLDER / "glyphs.npz"


def fonts() -> dict[str, Path]:  # name -> .woff
    "The handwriting fonts that come with the package, for `customocr.writing.compose.FontHand`."
    return {p.stem: p for p in sorted((FOLDER / "fonts").glob("*.woff"))}
