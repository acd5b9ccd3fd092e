# %% [markdown]
# # How good is it on your examples?
# > One command measures a network on labelled glyphs or on pages whose text is known.

# %% [markdown]
# How good is a network on your own examples? A figure from somebody else's test set does not tell you: it was measured on other
# hands. This notebook builds `customocr evaluate`. You give it a folder of labelled [glyphs](glossary.html#glyph), as
# [collected](21_collect.ipynb), or a folder of pages with their texts. It answers with a table for each class or page, with what is
# confused with what, and with the worst examples as a picture. At the end you can say what a network gets wrong, and whether another
# one is better.

# %%
#| default_exp evaluating

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from customocr.collecting import MANIFEST, PICTURES, align, load_examples, write_new
from customocr.errors import CustomOCRError, DataError
from customocr.glyphs import class_of
from customocr.images import load_image
from customocr.recognition import Reader

# %%
#| code-fold: true
#| code-summary: "Imports for the examples"
import tempfile

from customocr.collecting import save_examples
from customocr.glyphs import CLASSES, normalise_glyph
from customocr.pictures import hands, show
from customocr.writing.compose import rasterise
from customocr.writing.signs import draw_signs

# %% [markdown]
# *Needs*: half a minute, no data.
#
# *Terms*: [glyph](glossary.html#glyph), [class](glossary.html#class), [confusion matrix](glossary.html#confusion-matrix).
#
# ## Something to measure on
# We write each of the 36 characters once in each of the package's hands, and four signs that the shipped network was not taught.

# %%
#| label: fig-evaluate-confusions
#| fig-cap: "What the shipped network reads on glyphs written by the package's hands. Rows are what was written, columns what was read. The diagonal is right. Off it, 0 is read as O and 1 as I, and the signs can only be read as something else."
#| fig-alt: "A square grid with characters at its edges, a green diagonal and a few red cells off it."
#| code-fold: true
#| code-summary: "Write the glyphs, and look at the confusions"
from customocr.evaluating import confusion_picture, evaluate_glyphs

rng = np.random.default_rng(0)


def written(character: str, hand: str) -> np.ndarray:
    "uint8 (28, 28): a character of a hand, its outline turned and slanted a little."
    shape = hands()[hand].shape(character, rng)
    turn = np.eye(2) + rng.normal(0, 0.08, (2, 2))
    return normalise_glyph(rasterise([s @ turn * 40 for s in shape.strokes], 0, shape.filled)[0])


letters = [(c, hand) for c in CLASSES for hand in hands()]
signs, names, _ = draw_signs("+-=/", each=8, seed=4)
glyphs = np.concatenate([[written(*pair) for pair in letters], signs])
labels = [c for c, _ in letters] + names
show(confusion_picture(evaluate_glyphs(Reader(lines=False), glyphs, labels)), 0.6)


# %% [markdown]
# ## Three figures
# *Top-1* is the share of the glyphs that are read right. [*Recall*](glossary.html#recall) asks of one class: of those written, how many were read? [*Precision*](glossary.html#precision)
# asks the other way round: of those that were read as this class, how many are? A network that reads everything as 0 has a recall of 1
# for 0 and a precision of 1 in 36. So both stand in the table.
#
# A class that the network does not have counts as wrong, and the table says that it is unknown. A small letter counts as its capital
# where the network has no small letters. A label decides what is right: where your 0 and your O look alike, no network can part them.

# %%
#| export
@dataclass(frozen=True)
class ClassScore:
    "How one class is read."

    label: str  # what was written
    count: int  # examples
    recall: float  # 0..1, of those written, how many were read
    precision: float | None  # 0..1, of those read as this, how many are; None: it was never read
    known: bool  # whether the network has the class
    taken_for: str  # what it is read as most often where that is wrong; empty: never wrong


@dataclass(frozen=True)
class Confusion:
    "Two characters of which one is read as the other."

    label: str  # what was written; empty: nothing was
    said: str  # what was read; empty: nothing was
    count: int
    share: float  # of the label's examples, 0..1


@dataclass(frozen=True)
class GlyphScores:
    "What a network reads on labelled glyphs."

    glyphs: np.ndarray  # uint8 (N, 28, 28)
    labels: tuple[str, ...]  # N, what was written, as the network's classes say it
    said: tuple[str, ...]  # N, what was read
    sure: np.ndarray  # float (N,), probability of what was read
    files: tuple[str, ...]  # N, where each is from
    symbols: str  # the network's classes
    small: int = 0  # small letters that count as capitals

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        "What was written and what was read."
        return tuple(zip(self.labels, self.said))

    @property
    def right(self) -> np.ndarray:  # bool (N,)
        "Which glyphs are read right."
        return np.array([a == b for a, b in self.pairs], bool)

    @property
    def top1(self) -> float:  # 0..1
        "Share of the glyphs that are read right."
        return float(self.right.mean())

    @property
    def top1_known(self) -> float | None:  # 0..1; None: the network has none of the classes
        "The same, of the classes that the network has."
        known = np.array([label in self.symbols for label in self.labels])
        return float(self.right[known].mean()) if known.any() else None

    def classes(self) -> list[ClassScore]:  # in the order of the network's classes
        "A row for each class that was written."
        order = lambda c: (self.symbols.find(c) % (1 << 30), c)
        pairs, read = Counter(self.pairs), Counter(self.said)
        rows = []
        for label, count in sorted(Counter(self.labels).items(), key=lambda kv: order(kv[0])):
            hits = pairs[label, label]
            wrong = {b: n for (a, b), n in pairs.items() if a == label != b}
            worst = max(wrong, key=lambda b: (wrong[b], b), default="")
            precision = hits / read[label] if read[label] else None
            known = label in self.symbols
            rows.append(ClassScore(label, count, hits / count, precision, known, worst))
        return rows

    def confusions(self) -> list[Confusion]:  # the most frequent first
        "Every pair that is confused."
        return _confusions(self.pairs, Counter(self.labels))

    def to_dict(self) -> dict[str, Any]:  # JSON types only
        "All figures, without pixels."
        return {
            "kind": "glyphs",
            "count": len(self.labels),
            "top1": _short(self.top1),
            "top1_known": _short(self.top1_known),
            "small_as_capitals": self.small,
            "classes": [_as_dict(row) for row in self.classes()],
            "confusions": [_as_dict(row) for row in self.confusions()],
        }

    def __repr__(self) -> str:
        return f"GlyphScores({len(self.labels)} glyphs, top-1 {self.top1:.3f})"


def _confusions(pairs, written: Counter) -> list[Confusion]:
    "Pairs that differ, the most frequent first."
    counts = Counter(pair for pair in pairs if pair[0] != pair[1])
    rows = [Confusion(a, b, n, n / written[a] if a else 1.0) for (a, b), n in counts.items()]
    return sorted(rows, key=lambda c: (-c.count, -c.share, c.label, c.said))


def _short(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value


def _as_dict(row: Any) -> dict[str, Any]:
    return {name: _short(value) for name, value in vars(row).items()}


def evaluate_glyphs(
    reader: Reader,
    glyphs: np.ndarray,  # uint8 (N, 28, 28), light on black
    labels: Sequence[str],  # N characters
    files: Sequence[str] = (),  # N names; empty: numbers
) -> GlyphScores:
    "Read labelled glyphs. Raises `DataError` where there are none."
    if not len(labels):
        raise DataError("no labelled glyphs to measure on")
    target = [class_of(label, reader.symbols) for label in labels]
    known = [reader.symbols[k] if k >= 0 else label for k, label in zip(target, labels)]
    said, sure = [], []
    for first in range(0, len(labels), 4096):  # memory does not grow with the folder
        p = reader.classify(glyphs[first : first + 4096])
        said += [reader.symbols[k] for k in p.argmax(1)]
        sure += p.max(1).tolist()
    small = sum(a != b for a, b in zip(known, labels))
    names = tuple(files) or tuple(map(str, range(len(labels))))
    return GlyphScores(
        glyphs, tuple(known), tuple(said), np.array(sure), names, reader.symbols, small
    )


# %%
scores = evaluate_glyphs(Reader(lines=False), glyphs, labels)
for row in scores.classes():
    if row.recall < 1:
        name = f"{row.label}, {'known' if row.known else 'unknown'}"
        print(f"{name}: recall {row.recall:.2f}, precision {row.precision}, as {row.taken_for}")
assert scores.top1_known > 0.9 > scores.top1
assert not any(row.known for row in scores.classes() if row.label in "+-=/")

# %% [markdown]
# ## Two pictures
# The [confusion matrix](glossary.html#confusion-matrix) counts for each pair how often the one was read as the other. Only classes that
# occur have a row, so that a network with 100 classes fits the screen. The second picture shows the glyphs that are read wrong, the
# surest mistakes first. A sure mistake is most often a wrong label, or a way of writing that the network has never seen.

# %%
#| export
GREEN, RED, PALE = (120, 190, 120), (70, 70, 225), (236, 236, 236)  # BGR
CELLS = (10, 28, 1200)  # pixels: least and most side of a cell, side of the whole picture
WORST = (14, 140)  # columns; examples at most


def _name(label: str) -> str:
    return label if label.isascii() else f"U+{ord(label):04X}"


def _write(picture: np.ndarray, text: str, x: float, y: float, size: float, grey: int = 0) -> None:
    at, font = (round(x), round(y)), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, text, at, font, size, (grey,) * 3, 1, cv2.LINE_AA)


def confusion_picture(
    scores: GlyphScores | PageScores,
) -> np.ndarray:  # uint8 (h, w, 3) BGR
    "What was written (rows) and what was read (columns); the fuller the colour, the more often."
    pairs = Counter(scores.pairs)
    order = lambda c: (scores.symbols.find(c) % (1 << 30), c)
    seen = sorted({c for pair in pairs for c in pair if c}, key=order)
    side = int(np.clip(CELLS[2] // max(len(seen), 1), *CELLS[:2]))
    edge, size = 46, side / 44
    out = np.full((edge + side * len(seen) + 8, edge + side * len(seen) + 8, 3), 255, np.uint8)
    written = Counter(dict.fromkeys(seen, 0))
    for (a, _), n in pairs.items():
        written[a] += n
    for i, a in enumerate(seen):
        across, down = (edge + i * side, edge - 6), (edge - 8 - 9 * len(_name(a)), edge + i * side)
        _write(out, _name(a), across[0] + side * 0.2, across[1], max(size, 0.3))
        _write(out, _name(a), down[0], down[1] + side * 0.75, max(size, 0.3))
        for j, b in enumerate(seen):
            n = pairs[a, b]
            share = n / max(written[a], 1)
            colour = np.array(GREEN if a == b else RED)
            fill = (1 - share) * 255 + share * colour if n else np.array(PALE)
            fill = 0.8 * fill + 0.2 * colour if n else fill
            corner = edge + j * side, edge + i * side
            end = corner[0] + side - 2, corner[1] + side - 2
            cv2.rectangle(out, corner, end, fill.tolist(), -1)
            if n and side >= 18:
                _write(out, str(n), corner[0] + side * 0.2, corner[1] + side * 0.7, side / 60, 60)
    return out


def worst_glyphs(
    scores: GlyphScores,
) -> np.ndarray | None:  # uint8 (h, w, 3) BGR; None: all are right
    "The glyphs that are read wrong, the surest mistakes first: written > read, and how surely."
    wrong = np.flatnonzero(~scores.right)
    cells = []
    for k in wrong[np.argsort(-scores.sure[wrong], kind="stable")][: WORST[1]]:
        cell = np.full((84, 68, 3), 255, np.uint8)
        big = cv2.resize(scores.glyphs[k], (56, 56), interpolation=cv2.INTER_CUBIC)
        cell[3:59, 6:62] = 255 - big[..., None]
        cv2.rectangle(cell, (5, 2), (62, 59), RED, 1)
        text = f"{_name(scores.labels[k])} > {_name(scores.said[k])}"
        _write(cell, text, 5, 72, 0.42 if len(text) < 6 else 0.28)
        _write(cell, f"{scores.sure[k]:.2f}", 40, 81, 0.28, 120)
        cells.append(cell)
    if not cells:
        return None
    columns = min(WORST[0], len(cells))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)])


# %% [markdown]
# ## Pages
# A page is measured by its [character error rate](glossary.html#cer): the characters to insert, delete or change, over the characters
# written. Spaces and line breaks do not count, and neither do characters that the network has no class for. A page is *exact* where
# nothing has to be changed. The text stands beside the picture in a file of the same name (`page.jpg`, `page.txt`), or in a table
# `truth.tsv` with the columns `path` and `text`.

# %%
#| export
TRUTH = "truth.tsv"  # table of pages, as the data folder has it


@dataclass(frozen=True)
class PageScore:
    "How one page is read."

    file: str
    characters: int  # written, of the network's classes
    errors: int  # characters to insert, delete or change
    text: str  # what is written
    read: str  # what was read
    problem: str = ""  # why the page could not be read

    @property
    def cer(self) -> float | None:  # None where nothing is written
        "Errors over characters."
        return self.errors / self.characters if self.characters else None

    @property
    def exact(self) -> bool:
        "Whether nothing has to be changed."
        return not self.errors and not self.problem


@dataclass(frozen=True)
class PageScores:
    "What a reader reads on pages whose text is known."

    pages: tuple[PageScore, ...]  # the worst first; those that could not be read last
    pairs: tuple[tuple[str, str], ...]  # written and read characters, aligned; empty: none
    symbols: str  # the network's classes
    left_out: int = 0  # characters of the texts that the network has no class for
    small: int = 0  # pages of a table with small letters, left out
    untold: int = 0  # pictures without a text, left out

    @property
    def done(self) -> list[PageScore]:
        "The pages that could be read."
        return [p for p in self.pages if not p.problem]

    @property
    def problems(self) -> list[str]:
        "Why pages could not be read."
        return [p.problem for p in self.pages if p.problem]

    @property
    def cer(self) -> float | None:
        "Errors over characters, of all pages together."
        characters = sum(p.characters for p in self.done)
        return sum(p.errors for p in self.done) / characters if characters else None

    @property
    def exact(self) -> float | None:
        "Share of the pages that are exact."
        return float(np.mean([p.exact for p in self.done])) if self.done else None

    def confusions(self) -> list[Confusion]:  # the most frequent first
        "Every pair that is confused; an empty side is a character too many, or missing."
        return _confusions(self.pairs, Counter(a for a, _ in self.pairs))

    def to_dict(self) -> dict[str, Any]:  # JSON types only
        "All figures and texts."
        rows = [_as_dict(p) | {"cer": _short(p.cer), "exact": p.exact} for p in self.pages]
        return {
            "kind": "pages",
            "count": len(self.pages),
            "cer": _short(self.cer),
            "exact": _short(self.exact),
            "left_out": self.left_out,
            "small_letter_pages_left_out": self.small,
            "pictures_without_text": self.untold,
            "pages": rows,
            "confusions": [_as_dict(row) for row in self.confusions()],
        }

    def __repr__(self) -> str:
        return f"PageScores({len(self.pages)} pages, CER {self.cer}, exact {self.exact})"


def aligned(
    written: str,
    read: str,
) -> list[tuple[str, str]]:  # written and read; an empty string where one has no partner
    "Two texts side by side with the fewest insertions, deletions and changes (Levenshtein, 1966)."
    a, b = np.array(list(written), "U1"), np.array(list(read), "U1")
    if not len(a) or not len(b):
        return [(c, "") for c in written] + [("", c) for c in read]
    out, i, j = [], 0, 0
    for p, q in [*align((a[:, None] != b).astype(float), 1.0), (len(a), len(b))]:
        out += [(c, "") for c in written[i:p]] + [("", c) for c in read[j:q]]
        out += [(written[p], read[q])] if p < len(a) else []
        i, j = p + 1, q + 1
    return out


def readable(
    text: str,
    symbols: str,  # the network's classes
) -> tuple[str, int]:  # without spaces; how many characters were left out
    "A text as the network could say it at best."
    solid = "".join(text.split())
    found = [class_of(c, symbols) for c in solid]
    return "".join(symbols[k] for k in found if k >= 0), sum(k < 0 for k in found)


def evaluate_pages(
    reader: Reader,
    pages: Sequence[tuple[Path, str]],  # file and text
    progress: Callable[[int, int], None] | None = None,  # pages read, of how many
) -> PageScores:
    "Read pages whose text is known. Raises `DataError` where there are none."
    if not pages:
        raise DataError("no pages with text to measure on")
    rows: list[PageScore] = []
    pairs: list[tuple[str, str]] = []
    left_out = 0
    for n, (file, text) in enumerate(pages):
        truth, left = readable(text, reader.symbols)
        try:
            read = reader.read(str(file)).text
        except CustomOCRError as error:
            rows.append(PageScore(str(file), len(truth), len(truth), text, "", str(error)))
        else:
            side = aligned(truth, readable(read, reader.symbols)[0])
            errors, left_out = sum(a != b for a, b in side), left_out + left
            pairs += side
            rows.append(PageScore(str(file), len(truth), errors, text, read))
        if progress:
            progress(n + 1, len(pages))
    worst = lambda p: (bool(p.problem), -p.errors / max(p.characters, 1), -p.errors, p.file)
    return PageScores(tuple(sorted(rows, key=worst)), tuple(pairs), reader.symbols, left_out)


# %% [markdown]
# ## What is in the folder?
# The folder itself tells whether it holds glyphs or pages: a manifest or folders named after characters are glyphs, a table of texts
# or text files beside pictures are pages.

# %%
#| export
@dataclass(frozen=True)
class KnownPages:
    "Pages of a folder and what they say."

    pages: tuple[tuple[Path, str], ...]  # file and text of each
    small: int = 0  # pages left out, for the table says that they have small letters
    untold: int = 0  # pictures left out, for there is no text beside them


def pages_in(
    folder: str | Path,
    small: bool = True,  # False: pages that the table marks as having small letters are left out
) -> KnownPages:
    "Pages with their texts, in order of their names. Raises `DataError`."
    folder = Path(folder)
    for table in (folder / TRUTH, folder / "pages" / TRUTH):
        if table.exists():
            return _table_pages(table, small)
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PICTURES)
    told = [p for p in files if p.with_suffix(".txt").exists()]
    texts = [(p, _utf8(p.with_suffix(".txt"))) for p in told]
    return KnownPages(tuple(texts), untold=len(files) - len(told))


def _utf8(file: Path) -> str:
    try:
        return file.read_text("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{file}: not UTF-8; save it as UTF-8 text") from None
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror or error}") from None


def _table_pages(table: Path, small: bool) -> KnownPages:
    "The rows of a table of texts."
    text = io.StringIO(_utf8(table), newline="")
    rows = csv.DictReader(text, delimiter="\t", quoting=csv.QUOTE_NONE)
    missing = {"path", "text"} - set(rows.fieldnames or ())
    if missing:
        raise DataError(f"{table}: no column {' and '.join(sorted(missing))} in the first line")
    found, left = [], 0
    for n, row in enumerate(rows, 2):
        if not row["path"] or row["text"] is None:
            raise DataError(f"{table}, row {n}: path and text are needed")
        if row.get("lower") == "yes" and not small:
            left += 1
        else:
            found.append((table.parent / row["path"], row["text"].replace("\\n", "\n")))
    return KnownPages(tuple(found), small=left)


def evaluate(
    folder: str | Path,  # labelled glyphs (also as a zip), or pages with their texts
    reader: Reader | None = None,  # None: the shipped networks
    progress: Callable[[int, int], None] | None = None,  # pages read, of how many
) -> GlyphScores | PageScores:
    "Measure a reader on what the folder holds. Raises `CustomOCRError`."
    folder, reader = Path(folder), reader or Reader()
    if not folder.exists():
        raise DataError(f"{folder}: there is no such folder")
    if folder.is_file() and folder.suffix.lower() != ".zip":
        raise DataError(f"{folder}: is a file; name a folder, or a zip of glyphs")
    if folder.is_dir() and not (folder / MANIFEST).exists():
        known = pages_in(folder, any(c != c.upper() for c in reader.symbols))
        if known.pages or known.small:
            scores = evaluate_pages(reader, known.pages, progress)
            return replace(scores, small=known.small, untold=known.untold)
    try:
        glyphs, labels, rows = load_examples(folder)
    except DataError as error:
        if folder.is_dir() and (folder / MANIFEST).exists():
            raise
        raise DataError(f"{error}; nor pages with a .txt of the same name") from None
    if not labels:
        raise DataError(f"{folder}: its manifest keeps no example")
    return evaluate_glyphs(reader, glyphs, labels, [row.file for row in rows])


# %%
#| label: fig-evaluate-worst
#| fig-cap: "Glyphs that are read wrong, the surest mistakes first: written > read, and how surely."
#| fig-alt: "Rows of dark characters in red frames with two characters and a number below each."
with tempfile.TemporaryDirectory() as place:
    save_examples(Path(place) / "mine", glyphs, labels, "the package's hands")
    found = evaluate(Path(place) / "mine", Reader(lines=False))
assert isinstance(found, GlyphScores) and found.top1 == scores.top1
show(worst_glyphs(found)[: 84 * 3], 0.8)

# %% [markdown]
# The package's sample pages have a table of texts, so they can be measured as they are.

# %%
pages = evaluate(Path("../customocr/samples/pages"))
assert isinstance(pages, PageScores) and pages.cer < 0.1
for page in pages.pages[:3]:
    print(f"{Path(page.file).name:20} CER {page.cer:.3f}, {page.errors} of {page.characters}")
print(f"all {len(pages.pages)}: CER {pages.cer:.3f}, exact {pages.exact:.3f}")

# %% [markdown]
# ## Tables and pictures in a folder
# `--out` writes tables that a spreadsheet program opens, and both pictures. A file that is there already is refused before anything is
# measured, and a disk that fills up leaves no half of them.

# %%
#| export
GLYPH_FILES = ("classes.csv", "confusions.csv", "examples.csv", "confusions.png", "worst.png")
PAGE_FILES = ("pages.csv", "confusions.csv", "confusions.png", "worst.png")


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> bytes:
    "A table as CSV that a spreadsheet program opens."
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(head)
    for row in rows:
        table.writerow(["" if cell is None else _short(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _png(picture: np.ndarray) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def worst_pages(
    scores: PageScores,
) -> np.ndarray | None:  # uint8 (h, w, 3) BGR; None: all are right
    "The worst pages, each above what is written and what was read."
    cells = []
    for page in [p for p in scores.done if p.errors][:12]:
        pixels = load_image(page.file).pixels
        picture = pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR)
        f = min(380 / picture.shape[1], 300 / picture.shape[0])
        size = max(1, round(picture.shape[1] * f)), max(1, round(picture.shape[0] * f))
        small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        cell = np.full((380, 400, 3), 255, np.uint8)
        cell[8 : 8 + size[1], 8 : 8 + size[0]] = small
        said = f"{page.errors} of {page.characters}: {Path(page.file).name}"
        shown = lambda text: re.sub("[^ -~]", "?", " / ".join(text.splitlines()))
        _write(cell, shown(said)[:52], 8, 328, 0.42)
        _write(cell, shown(page.text)[:52], 8, 348, 0.42, 110)
        _write(cell, shown(page.read)[:52], 8, 368, 0.42, 0)
        cells.append(cell)
    if not cells:
        return None
    columns = min(3, len(cells))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)])


def _page_table(scores: PageScores) -> bytes:
    head = ("file", "characters", "errors", "cer", "exact", "text", "read", "problem")
    cells = lambda p: (p.file, p.characters, p.errors, p.cer, int(p.exact), p.text, p.read)
    return _table(head, [(*cells(p), p.problem) for p in scores.pages])


def _class_table(scores: GlyphScores) -> bytes:
    head = ("class", "count", "recall", "precision", "known", "taken for")
    cells = lambda c: (c.label, c.count, c.recall, c.precision, int(c.known), c.taken_for)
    return _table(head, [cells(c) for c in scores.classes()])


def files_of(
    scores: GlyphScores | PageScores,
) -> dict[str, bytes]:  # file name -> content
    "Tables and pictures; `worst.png` only where something is wrong."
    confused = [(c.label, c.said, c.count, c.share) for c in scores.confusions()]
    files = {"confusions.csv": _table(("written", "read", "count", "share"), confused)}
    if isinstance(scores, PageScores):
        files["pages.csv"], worst = _page_table(scores), worst_pages(scores)
    else:
        files["classes.csv"], worst = _class_table(scores), worst_glyphs(scores)
        each = zip(scores.files, scores.labels, scores.said, scores.sure.tolist())
        files["examples.csv"] = _table(("file", "written", "read", "sure"), list(each))
    files["confusions.png"] = _png(confusion_picture(scores))
    return files | ({} if worst is None else {"worst.png": _png(worst)})


def refuse_existing(
    out: str | Path,  # folder for the tables and pictures
) -> None:
    "Raises `DataError` where a file of ours is there already, or the folder is a file."
    out = Path(out)
    if out.exists() and not out.is_dir():
        raise DataError(f"{out}: is a file; name a folder")
    for name in dict.fromkeys(GLYPH_FILES + PAGE_FILES):
        if (out / name).exists():
            raise DataError(f"{out / name}: is there already; name another folder")


def write_scores(
    scores: GlyphScores | PageScores,
    out: str | Path,  # folder, made where it is missing
) -> list[Path]:  # what was written
    "Write tables and pictures: all of them, or none. Raises `DataError`."
    out, done = Path(out), []
    refuse_existing(out)
    existed = out.exists()
    try:
        out.mkdir(parents=True, exist_ok=True)
        for name, data in files_of(scores).items():
            write_new(out / name, data)
            done.append(out / name)
    except BaseException as error:
        for path in done:
            path.unlink(missing_ok=True)
        if not existed and out.is_dir():
            out.rmdir()
        if isinstance(error, OSError):
            raise DataError(f"{out}: cannot be written: {error.strerror or error}") from None
        raise
    return done


# %%
with tempfile.TemporaryDirectory() as place:
    print(*[path.name for path in write_scores(scores, Path(place) / "report")])

# %% [markdown]
# ## What the command prints

# %%
#| export
MOST_ROWS = 12  # confusions and pages that are printed


def report_of(
    scores: GlyphScores | PageScores,
) -> str:  # lines for a terminal
    "The figures as text."
    lines = _page_lines(scores) if isinstance(scores, PageScores) else _glyph_lines(scores)
    worst = scores.confusions()
    for c in worst[:MOST_ROWS]:
        a, b = c.label or "nothing", c.said or "nothing"
        lines.append(f"  {a} read as {b}: {c.count}" + (f" ({c.share:.0%})" if c.label else ""))
    if len(worst) > MOST_ROWS:
        lines.append(f"  and {len(worst) - MOST_ROWS} more")
    return "\n".join(lines)


def _glyph_lines(scores: GlyphScores) -> list[str]:
    "Table and totals of glyphs."
    lines = ["class  count  recall  precision  taken for"]
    for c in scores.classes():
        precision = "-" if c.precision is None else f"{c.precision:.3f}"
        note = c.taken_for if c.known else f"{c.taken_for}  (not a class of this model)"
        lines.append(f"{c.label:5}  {c.count:5}  {c.recall:6.3f}  {precision:>9}  {note}".rstrip())
    known = sum(label in scores.symbols for label in scores.labels)
    lines.append(f"top-1 {scores.top1:.4f} of {len(scores.labels)} glyphs")
    if 0 < known < len(scores.labels):
        lines.append(f"top-1 {scores.top1_known:.4f} of the {known} that the model has a class for")
    if scores.small:
        lines.append(f"{scores.small} small letters count as capitals: the model has no small ones")
    return [*lines, "confused most:"] if scores.confusions() else lines


def _page_lines(scores: PageScores) -> list[str]:
    "Table and totals of pages."
    lines = ["  cer  errors  of  page"]
    for p in scores.done[:MOST_ROWS]:
        cer = "-" if p.cer is None else f"{p.cer:.3f}"
        lines.append(f"{cer:>5}  {p.errors:6}  {p.characters}  {p.file}")
    if len(scores.done) > MOST_ROWS:
        lines.append(f"and {len(scores.done) - MOST_ROWS} pages that are read no worse")
    if scores.cer is not None:
        done = f"of {len(scores.done)} pages"
        lines.append(f"CER {scores.cer:.4f}, {scores.exact:.3f} {done} exact")
    if scores.left_out:
        lines.append(f"{scores.left_out} characters do not count: the model has no class for them")
    if scores.small:
        lines.append(f"{scores.small} pages with small letters are left out: the model has none")
    if scores.untold:
        lines.append(f"{scores.untold} pictures are left out: no .txt of the same name")
    return [*lines, "confused most:"] if scores.confusions() else lines


# %%
print(report_of(pages))

# %% [markdown]
# ## Recap
# - Recall asks what became of those written, precision what those read were. Top-1 is the share that is right.
# - The character error rate counts what has to be inserted, deleted or changed on pages.
# - Unknown classes count as wrong for glyphs, because somebody wrote them. Pages leave them out and say how many.
#
# In the terminal: `customocr evaluate FOLDER`, with `--model mine.onnx` for a network of your own, `--out REPORT` for tables and
# pictures, and `--json` for programs.
#
# ## Exercises
# **1.** A network reads every glyph as 0. What are recall and precision of 0 and of 1 on a folder with ten of each digit?
#
# <details><summary>Solution</summary>
#
# Recall of 0 is 1, its precision 0.1. Recall of 1 is 0; its precision does not exist, since 1 was never read.
#
# </details>
#
# **2.** Which characters would the shipped network get right if 0 and O, and 1 and I, counted as one?
#
# <details><summary>Solution</summary>
#
# ```python
# one = lambda c: {"O": "0", "I": "1"}.get(c, c)
# np.mean([one(a) == one(b) for a, b in zip(scores.labels, scores.said) if a in CLASSES])
# ```
#
# </details>
#
# **3.** *Build a comparison.* Measure two readers on the sample pages, one with and one without the line network
# (`Reader(lines=False)`). On which pages do they differ?
#
# <details><summary>Solution</summary>
#
# ```python
# folder = "../customocr/samples/pages"
# with_lines, without = (evaluate(folder, Reader(lines=lines)) for lines in (True, False))
# errors = {p.file: p.errors for p in without.pages}
# [(Path(p.file).name, p.errors, errors[p.file]) for p in with_lines.pages if p.errors != errors[p.file]]
# ```
#
# </details>
#
# ## What comes next
# You can now tell whether a network of your own is better than the shipped one, and on what. The [gallery](18_gallery.ipynb) shows
# what the shipped one makes of difficult pages.
