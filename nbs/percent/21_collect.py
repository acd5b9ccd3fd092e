# %% [markdown]
# # Your own examples
# > A sheet, a page or a folder becomes labelled glyphs in one folder with a manifest.

# %% [markdown]
# How does your own handwriting become examples that a network can learn from? A network learns from pairs: a
# [glyph](glossary.html#glyph), which is a picture of 28 x 28 pixels, and its label, which is the character it shows. This notebook
# collects such pairs in three ways: from a sheet that you print, fill and photograph, from a page whose text you know, and from a
# folder of pictures. All three end in one folder, and a table in it says what each picture is. At the end you can collect the
# characters of any hand, look them over, and leave out what is wrong.

# %%
#| default_exp collecting

# %%
#| export
from __future__ import annotations

import csv
import io
import lzma
import math
import os
import re
import shutil
import unicodedata
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from customocr.errors import DataError
from customocr.formats.sources import needed
from customocr.glyphs import CLASSES, SIDE, normalise_glyph
from customocr.images import load_image
from customocr.layout.ink import ink_strength
from customocr.recognition import Reader

# %%
#| code-fold: true
#| code-summary: "Imports"
import tempfile
from dataclasses import replace

from customocr.collecting import sheet_picture as a_sheet
from customocr.pictures import figure, hands, outlined, show, tiles, write
from customocr.writing.compose import rasterise
from customocr.writing.signs import SIGNS, sign_hand, sign_shape

# %%
#| label: fig-collect-start
#| fig-cap: "The upper part of a sheet for 40 characters. You write each one three times, once into each pale box; the pale name above says which."
#| fig-alt: "The upper part of a white page with black square marks at the edges, a strip of black and white cells and rows of pale boxes."
show(a_sheet("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ+-=/", 3)[:1300], 0.25)

# %% [markdown]
# *Needs*: a minute, no data.
#
# *Terms*: [glyph](glossary.html#glyph), [manifest](glossary.html#manifest), [label](glossary.html#label).
#
# ## A folder of examples
# An example is a glyph and what is known of it. The glyphs are PNG files. The file `manifest.csv` beside them is the manifest: a table
# with one row for each glyph. You can open it in a spreadsheet program. To leave an example out, set `keep` to 0; to correct a
# label, write another character.

# %%
#| export
MANIFEST = "manifest.csv"  # name of the table in a folder of examples
COLUMNS = ("file", "label", "source", "box", "keep", "doubt")
YES, NO = ("1", "1.0", "yes", "true", "x"), ("0", "0.0", "no", "false", "")


@dataclass(frozen=True)
class Row:
    "One row of the manifest: an example without its pixels."

    file: str  # path of the PNG below the folder, with forward slashes
    label: str  # one character
    source: str = ""  # the file it was cut from
    box: tuple[int, ...] = ()  # x, y, w, h in pixels of the source; empty where it is not known
    keep: bool = True  # False: it is not learned from
    doubt: float | None = None  # 0..1, what the network says against the label; None: not known


def label_of(
    name: str,  # a character, or its code point as U+0041
) -> str | None:  # the character, in Unicode's composed form; None where the name is neither
    "The character that a folder's name or a table's cell stands for."
    text = unicodedata.normalize("NFC", name.strip())
    if re.fullmatch(r"[Uu]\+[0-9A-Fa-f]{4,6}", text) and int(text[2:], 16) <= 0x10FFFF:
        text = unicodedata.normalize("NFC", chr(int(text[2:], 16)))
    fits = len(text) == 1 and unicodedata.category(text)[0] not in "CZ"
    return text if fits else None


def folder_name(
    label: str,  # one character
) -> str:  # such as U+0041
    "The name of a class's folder: one that every disk can hold, whatever the character."
    return f"U+{ord(label):04X}"


# %% [markdown]
# A spreadsheet program writes CSV in its own way: with semicolons, with other line ends, with a mark at the start, and with a comma
# in a number. All of these are read. What cannot be understood is an error that names the row.

# %%
#| export
def _number(text: str) -> float | None:
    "A number, or None for an empty cell. Raises `ValueError`, also for infinity."
    value = float(text.replace(",", ".")) if text.strip() else None
    if value is not None and not math.isfinite(value):
        raise ValueError
    return value


def _row(cells: dict[str, str], where: str) -> Row:
    "A row of the table. Raises `DataError`, which begins with `where`."
    get = lambda name: (cells.get(name) or "").strip()
    file, label, keep = get("file").replace("\\", "/"), label_of(get("label")), get("keep").lower()
    path = PurePosixPath(file)
    if not file or path.is_absolute() or ".." in path.parts or ":" in file:
        raise DataError(f"{where}: file {file!r} is not a path below the folder")
    if label is None:
        raise DataError(
            f"{where}: label {get('label')!r} is not one character; write it, or its code as U+0041"
        )
    if keep not in YES + NO:
        raise DataError(f"{where}: keep is {keep!r}; write 1 or 0")
    try:
        box = tuple(int(_number(n) or 0) for n in re.split("[,; ]+", get("box")) if n)
        doubt = _number(get("doubt"))
    except ValueError:
        raise DataError(f"{where}: box and doubt are numbers, or empty") from None
    return Row(file, label, get("source"), box, keep in YES, doubt)


def read_manifest(
    folder: str | Path,
) -> list[Row]:  # in the order of the file
    "The rows of a folder's manifest. Raises `DataError`, which names the row."
    path = Path(folder) / MANIFEST
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise DataError(f"{path}: not UTF-8; save it as 'CSV UTF-8'") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror or error}") from None
    head = text.split("\n", 1)[0]
    sign = max(",;\t", key=head.count)
    table = csv.DictReader(io.StringIO(text, newline=""), delimiter=sign)
    try:
        missing = {"file", "label"} - set(table.fieldnames or ())
        if missing:
            raise DataError(f"{path}: no column {' and '.join(sorted(missing))} in the first line")
        return [
            _row(cells, f"{path}, row {n}")
            for n, cells in enumerate(table, 2)
            if any(cells.values())
        ]
    except csv.Error as error:
        raise DataError(f"{path}: not a table: {error}") from None


def write_manifest(
    folder: str | Path,
    rows: Iterable[Row],
) -> None:
    "Write a folder's manifest: whole, or not at all. Raises `OSError`."
    out = io.StringIO(newline="")
    table = csv.writer(out)
    table.writerow(COLUMNS)
    for r in rows:
        doubt = "" if r.doubt is None else f"{r.doubt:.3f}"
        table.writerow([r.file, r.label, r.source, ",".join(map(str, r.box)), int(r.keep), doubt])
    path = Path(folder) / MANIFEST
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(out.getvalue().encode("utf-8-sig"))
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


# %% [markdown]
# Adding examples to a folder overwrites nothing: new glyphs get names of their own, and the manifest is replaced at the end in one
# step. If the disk fills up on the way, the new files are deleted and the folder is as it was.

# %%
#| export
def save_examples(
    folder: str | Path,  # made where it is missing; examples in it stay
    glyphs: np.ndarray,  # uint8 (N, 28, 28), light ink on black
    labels: Sequence[str],  # N characters
    source: str | Sequence[str] = "",  # the file that they come from; or N of them
    boxes: Sequence[tuple[int, ...]] = (),  # N of x, y, w, h in the source; empty: not known
    doubts: Sequence[float | None] = (),  # N of 0..1; empty: not known
) -> list[Row]:  # the rows that were added
    "Add examples to a folder: all of them, or none. Raises `DataError`."
    folder = Path(folder)
    wrong = [label for label in labels if label_of(label) != label]
    if wrong or glyphs.shape != (len(labels), SIDE, SIDE) or glyphs.dtype != np.uint8:
        what = f"label {wrong[0]!r}" if wrong else f"{len(labels)} labels, glyphs {glyphs.shape}"
        raise DataError(f"{what}: examples are uint8 (N, 28, 28) and N single characters")
    existed, made = folder.exists(), []
    run, new = uuid.uuid4().hex[:8], []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        old = read_manifest(folder) if (folder / MANIFEST).exists() else []
        for n, (glyph, label) in enumerate(zip(glyphs, labels)):
            file = f"{folder_name(label)}/{run}-{n:04d}.png"
            (folder / file).parent.mkdir(exist_ok=True)
            made.append(folder / file)
            made[-1].write_bytes(cv2.imencode(".png", glyph)[1].tobytes())
            box, doubt = boxes[n] if boxes else (), doubts[n] if doubts else None
            come = source if isinstance(source, str) else source[n]
            new.append(Row(file, label, come, tuple(map(int, box)), True, doubt))
        write_manifest(folder, [*old, *new])
    except BaseException as error:
        for path in made:
            path.unlink(missing_ok=True)
        if not existed:
            shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError):
            raise DataError(f"{folder}: cannot be written: {error.strerror or error}") from None
        raise
    return new


# %% [markdown]
# ## A folder for each class
# Many collections have no manifest but one folder for each class, and the drawing page hands out such a folder as a zip file. The
# folder's name is the character, or its code point (`U+002F` for `/`, which no file name can hold). The pictures may be of any size, with dark ink or light ink.

# %%
#| export
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm")
MOST_FILES = 200_000  # in one folder or zip
MOST_BYTES = 20_000_000  # of one picture of a character, unpacked
MOST_IN_ZIP = 1_000_000_000  # bytes, of all of them
UNREADABLE_ZIP = (  # what zipfile raises for a damaged one, found by fuzzing
    *(zipfile.BadZipFile, zlib.error, lzma.LZMAError),
    *(EOFError, NotImplementedError, UnicodeDecodeError),
)
LEAST_CONTRAST = 24  # grey levels between paper and ink: below it a picture is empty


def picture_glyph(
    source: Any,  # picture of one character, as for `images.load_image`
) -> np.ndarray:  # uint8 (28, 28), light on black; all zero where there is no ink
    "A picture of one character as a glyph; what its border shows is paper. Raises `ImageError`."
    pixels = load_image(source).pixels
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    light = float(grey.max()) - paper > paper - float(grey.min())
    ink = grey - paper if light else paper - grey
    if ink.max() < LEAST_CONTRAST:
        return np.zeros((SIDE, SIDE), np.uint8)
    return normalise_glyph(np.clip(ink, 0, 255).astype(np.uint8))


def _class_files(folder: Path) -> list[tuple[str, str]]:  # label, path below the folder
    files = (p for p in sorted(folder.glob("*/*")) if p.suffix.lower() in PICTURES)
    found = [(label_of(p.parent.name), p.relative_to(folder).as_posix()) for p in files]
    return [(label, file) for label, file in found if label]


def _zip_files(archive: zipfile.ZipFile, name: str) -> list[tuple[str, zipfile.ZipInfo]]:
    "Label and entry of each picture. Raises `DataError` for an archive that is not to be trusted."
    named = [e for e in archive.infolist() if e.filename.strip("./\\")]  # found by fuzzing: no name
    entries = [e for e in named if not e.is_dir()]
    if len(entries) > MOST_FILES or sum(e.file_size for e in entries) > MOST_IN_ZIP:
        raise DataError(f"{name}: holds more than {MOST_FILES} files or {MOST_IN_ZIP // 10**9} GB")
    found = []
    for e in entries:
        path = PurePosixPath(e.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
            raise DataError(f"{name}: the entry {e.filename!r} leads out of its folder")
        if e.flag_bits & 1:
            raise DataError(f"{name}: is encrypted; unpack it and give its folder")
        if e.file_size > MOST_BYTES:
            raise DataError(f"{name}: {e.filename} has more than {MOST_BYTES // 10**6} MB")
        label = label_of(path.parts[-2]) if len(path.parts) > 1 else None
        if label and path.suffix.lower() in PICTURES and path.parts[0] != "__MACOSX":
            found.append((label, e))
    return found


def load_classes(
    place: str | Path,  # folder with one folder for each class, or a zip of such folders
) -> tuple[np.ndarray, list[str], list[str]]:  # uint8 (N, 28, 28); N labels; N file names
    "Pictures sorted by class, as glyphs; empty pictures are left out. Raises `DataError`."
    place, glyphs = Path(place), []
    labels: list[str] = []
    names: list[str] = []

    def add(label, name, source):
        glyph = picture_glyph(source)
        if glyph.any():
            glyphs.append(glyph), labels.append(label), names.append(name)

    if place.is_dir():
        for label, file in _class_files(place):
            add(label, file, place / file)
    else:
        try:
            with zipfile.ZipFile(place) as archive:
                for label, entry in _zip_files(archive, str(place)):
                    add(label, entry.filename, archive.read(entry))
        except UNREADABLE_ZIP as error:
            raise DataError(f"{place}: a damaged zip file ({error})") from None
        except OSError as error:
            raise DataError(f"{place}: cannot be read: {error.strerror or error}") from None
    if not glyphs:
        raise DataError(
            f"{place}: no pictures in folders that are named after a character, such as A/1.png"
        )
    return np.stack(glyphs), labels, names


# %%
#| export
def load_examples(
    folder: str | Path,  # with a manifest; or one folder for each class; or a zip of such folders
    all_rows: bool = False,  # True: also those whose `keep` is 0
) -> tuple[np.ndarray, list[str], list[Row]]:  # uint8 (N, 28, 28), light on black; N labels; rows
    "The examples of a folder. Raises `DataError`, which says what is missing or damaged."
    folder = Path(folder)
    if not folder.exists():
        raise DataError(f"{folder}: there is no such folder")
    if not (folder / MANIFEST).exists():
        glyphs, labels, names = load_classes(folder)
        return glyphs, labels, [Row(file, label) for file, label in zip(names, labels)]
    rows = [r for r in read_manifest(folder) if r.keep or all_rows]
    out = np.zeros((len(rows), SIDE, SIDE), np.uint8)
    for n, r in enumerate(rows):
        glyph = load_image(folder / r.file).pixels
        if glyph.shape != (SIDE, SIDE) or glyph.dtype != np.uint8:
            glyph = picture_glyph(folder / r.file)
        out[n] = glyph
    return out, [r.label for r in rows], rows


# %% [markdown]
# Two characters from two hands, saved and loaded again.

# %%
#| label: fig-collect-saved
#| fig-cap: "Examples from a folder: what was saved comes back, light ink on black."
#| fig-alt: "Four small white glyphs on black: A, A, 7, 7."
rng = np.random.default_rng(3)


def written(character: str, hand: str, size: float = 40) -> np.ndarray:
    "uint8 (h, w): a character in one of the package's hands, light ink on black."
    shape = hands()[hand].shape(character, rng)
    return rasterise([s * size for s in shape.strokes], 0, shape.filled)[0]


temporary = tempfile.TemporaryDirectory()
place = Path(temporary.name)
pairs = [(c, hand) for c in "A7" for hand in ("patrick-hand", "shadows-into-light")]
glyphs = np.stack([normalise_glyph(written(*pair)) for pair in pairs])
save_examples(place / "mine", glyphs, [c for c, _ in pairs], source="two hands")
again, labels, rows = load_examples(place / "mine")
assert (again == glyphs).all() and labels == ["A", "A", "7", "7"]
show(tiles(again), 3)

# %%
print(re.sub("[0-9a-f]{8}-", "...-", (place / "mine" / MANIFEST).read_text("utf-8-sig")))

# %% [markdown]
# ## A sheet to fill
# The sheet has a box for each character and eight marks around them. The marks are ArUco markers (Garrido-Jurado et al., 2014,
# "Automatic generation and detection of highly reliable fiducial markers under occlusion"): small black squares, each with its own
# number, so that a photo tells which mark is which and which way is up. A strip of black and white cells says which characters the
# sheet holds. So the photo is all that you need to keep.

# %%
#| export
PAGE = (210, 297)  # millimetres: A4
MARK = 12.0  # millimetres, side of a mark
MARKS = tuple((x, y) for y in (8, 142.5, 277) for x in (8, 99, 190) if (x, y) != (99, 142.5))
MARK_NAMES = (
    "upper left", "upper middle", "upper right", "middle left",
    "middle right", "lower left", "lower middle", "lower right",
)  # fmt: skip
CORNERS = (0, 2, 5, 7)  # marks that a photo has to show; the others say where the sheet is bent
STRIP = (25.0, 24.0, 2.0, 80, 10)  # left, top, side of a cell in millimetres; columns, rows
BOX, PITCH = 12.0, (15.6, 18.0)  # millimetres: side of a box; from box to box
FIRST, GRID = (28.6, 51.0), (10, 12)  # millimetres of the first box; columns, rows
PALE = 205  # grey of what is printed around the boxes: paler than any pen


def mark_images() -> list[np.ndarray]:  # uint8 (6, 6) each, 0 and 255
    "The marks as cells, from OpenCV's dictionary of 4 x 4 markers."
    markers = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    return [cv2.aruco.generateImageMarker(markers, k, 6) for k in range(len(MARKS))]


def strip_cells(
    characters: str,
    copies: int,  # boxes for each character, 1 to 100
    page: int,  # from 1
) -> np.ndarray:  # bool (rows, columns), True is black
    "What a sheet holds, as cells: copies, page, length, UTF-8, and a checksum (CRC-32)."
    text = characters.encode()
    data = bytes([copies, page, len(text)]) + text
    data += zlib.crc32(data).to_bytes(4, "big")
    columns, rows = STRIP[3:]
    bits = np.unpackbits(np.frombuffer(data.ljust(columns * rows // 8, b"\x55"), np.uint8))
    return bits.reshape(rows, columns).astype(bool)


def strip_text(
    cells: np.ndarray,  # bool (rows, columns), True is black
) -> tuple[str, int, int] | None:  # characters, copies, page; None: the checksum does not fit
    "What `strip_cells` wrote."
    data = np.packbits(cells).tobytes()
    n = 3 + data[2]
    if zlib.crc32(data[:n]).to_bytes(4, "big") != data[n : n + 4]:
        return None
    return data[3:n].decode(), data[0], data[1]


def split_pages(
    characters: str,  # spaces and repetitions are left out
    copies: int,
) -> list[str]:  # the characters of each page
    "Which page has which characters. Raises `DataError`."
    every = dict.fromkeys(c for c in unicodedata.normalize("NFC", characters) if not c.isspace())
    wrong = [c for c in every if label_of(c) != c]
    if not every or wrong:
        what = f"U+{ord(wrong[0]):04X} is no character to write" if wrong else "no characters"
        raise DataError(f"{what}: name the characters of the sheet, such as --chars 'ABC+='")
    most = GRID[0] * GRID[1] // copies if copies > 0 else 0
    if not most or copies > 100:
        raise DataError(f"{copies} copies do not fit; a sheet takes 1 to 100 of a character")
    pages, room = [""], STRIP[3] * STRIP[4] // 8 - 7
    for c in every:
        if len(pages[-1]) == most or len((pages[-1] + c).encode()) > room:
            pages.append("")
        pages[-1] += c
    if len(pages) > 250:
        raise DataError(f"{len(pages)} pages are too many; name fewer characters or copies")
    return pages


def box_places(
    count: int,  # of boxes on the page
) -> np.ndarray:  # float (count, 2), millimetres, upper left corners
    "Where the boxes are, row by row."
    rows, columns = np.divmod(np.arange(count), GRID[0])
    return np.stack([columns * PITCH[0] + FIRST[0], rows * PITCH[1] + FIRST[1]], 1)


# %% [markdown]
# What is drawn is a list of rectangles and texts in millimetres. A PDF draws them as they are, and a picture at 300 dots per inch.
# 0 and O look alike, so each box says the character's name too.

# %%
#| export
def _sheet_parts(characters: str, copies: int, page: int, pages: int) -> tuple[list, list, list]:
    "Filled rectangles x, y, w, h; frames x, y, w, h; texts x, y, points, grey, text: millimetres."
    filled = []
    for (x, y), cells in zip(MARKS, mark_images()):
        u = MARK / 6
        filled += [(x + u * c, y + u * r, u, u) for r, c in np.argwhere(cells == 0).tolist()]
    left, top, u = STRIP[:3]
    cells = strip_cells(characters, copies, page)
    filled += [(left + u * c, top + u * r, u, u) for r, c in np.argwhere(cells).tolist()]
    boxes = box_places(len(characters) * copies).tolist()
    frames = [(x, y, BOX, BOX) for x, y in boxes]
    texts = [
        (25, 11, 8, 90, f"customocr, page {page} of {pages}"),
        (25, 15, 7, 90, "One character a box, with a dark pen."),
        (25, 19, 7, 90, "Photograph the whole sheet, flat, in even light."),
    ]
    for (x, y), c in zip(boxes, (c for c in characters for _ in range(copies))):
        name = unicodedata.name(c, f"U+{ord(c):04X}").lower()
        name = re.sub("^latin | letter .$", "", name)[:17]
        texts += [(x, y - 0.8, 9, 150, c), (x + 3, y - 0.8, 4, 170, name)]
    return filled, frames, texts


def sheet_picture(
    characters: str,  # of one page, from `split_pages`
    copies: int,
    page: int = 1,
    pages: int = 1,
    dpi: float = 300,
) -> np.ndarray:  # uint8 (h, w)
    "A page of the sheet as pixels; what OpenCV cannot print is there as U+..."
    f = dpi / 25.4
    out = np.full((round(PAGE[1] * f), round(PAGE[0] * f)), 255, np.uint8)
    filled, frames, texts = _sheet_parts(characters, copies, page, pages)
    corner = lambda x, y: (round(x * f), round(y * f))
    for x, y, w, h in filled:
        (left, top), (right, foot) = corner(x, y), corner(x + w, y + h)
        out[top:foot, left:right] = 0
    for x, y, w, h in frames:
        ends = corner(x, y), corner(x + w, y + h)
        cv2.rectangle(out, *ends, PALE, max(1, round(0.3 * f)))
    for x, y, points, grey, text in texts:
        text = text if text.isascii() else f"U+{ord(text):04X}" if len(text) == 1 else "?"
        scale = points * 0.3528 * f / 31  # Hershey's simplex is about 31 pixels high with its line
        font, thick = cv2.FONT_HERSHEY_SIMPLEX, max(1, round(0.2 * f))
        cv2.putText(out, text, corner(x, y), font, scale, grey, thick, cv2.LINE_AA)
    return out


def sheet_pdf(
    parts: Sequence[str],  # the characters of each page
    copies: int,
) -> bytes:  # of a PDF file
    "The sheet as vectors; what the PDF's own fonts lack is there as U+... Needs the extra `pdf`."
    pdf = needed("fpdf", "pdf", "writing a PDF").FPDF(unit="mm", format="A4")
    pdf.set_auto_page_break(False)
    for n, characters in enumerate(parts, 1):
        pdf.add_page()
        filled, frames, texts = _sheet_parts(characters, copies, n, len(parts))
        pdf.set_fill_color(0)
        for part in filled:
            pdf.rect(*part, style="F")
        pdf.set_draw_color(PALE)
        pdf.set_line_width(0.3)
        for part in frames:
            pdf.rect(*part)
        for x, y, points, grey, text in texts:
            pdf.set_font("helvetica", size=points)
            pdf.set_text_color(grey)
            fits = all(ord(c) < 256 for c in text)
            pdf.text(x, y, text if fits else f"U+{ord(text[0]):04X}")
    return bytes(pdf.output())


def write_sheet(
    out: str | Path,  # a .pdf, or a .png; of several pages each gets its number
    characters: str,
    copies: int = 3,  # boxes for each character
) -> list[Path]:  # the files that were written
    "Write a sheet to print. Raises `DataError`, also where the file is there already."
    out, parts = Path(out), split_pages(characters, copies)
    if out.suffix.lower() == ".pdf":
        files = {out: sheet_pdf(parts, copies)}
    elif out.suffix.lower() == ".png":
        name = lambda n: out if len(parts) == 1 else out.with_stem(f"{out.stem}-{n}")
        picture = lambda n: sheet_picture(parts[n - 1], copies, n, len(parts))
        files = {
            name(n): cv2.imencode(".png", picture(n))[1].tobytes() for n in range(1, len(parts) + 1)
        }
    else:
        raise DataError(f"{out}: a sheet is a .pdf or a .png")
    for path in files:
        if path.exists():
            raise DataError(f"{path}: is there already; name another file")
    for path, data in files.items():
        write_new(path, data)
    return list(files)


def write_new(
    path: Path,
    data: bytes,
) -> None:
    "Write a file: whole, or not at all. Raises `DataError`."
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        part.unlink(missing_ok=True)


# %%
#| label: fig-collect-sheet
#| fig-cap: "The sheet: marks at the edges, the strip that says what it holds, a box for each copy of a character."
#| fig-alt: "A white page with eight square marks, a strip of black and white cells and twelve rows of pale boxes."
CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ+-=/"
page = sheet_picture(CHARACTERS, 3)
assert strip_text(strip_cells(CHARACTERS, 3, 1)) == (CHARACTERS, 3, 1)
show(page, 0.25)

# %% [markdown]
# ## Find the marks and set the sheet straight
# Four points would do for a flat sheet: a [homography](glossary.html#homography) takes any view of a plane to any other. A bent corner is not in the
# plane. So each mark that is not where the homography puts it pulls the paper near it into place: a thin-plate spline (Bookstein, 1989, "Principal warps")
# spreads the eight differences over the sheet.

# %%
#| export
SCALE = 6.0  # pixels for a millimetre of the straight sheet
LEAST_SCALE = 2.5  # pixels for a millimetre of the photo: below it a pen's stroke is lost


def find_marks(
    grey: np.ndarray,  # uint8 (h, w)
) -> dict[
    int, np.ndarray
]:  # mark -> float (4, 2), its corners in the photo, clockwise from its own
    "The sheet's marks in a photo. Raises `DataError` where there are none, or those of two sheets."
    settings = cv2.aruco.DetectorParameters()
    settings.cornerRefinementMethod = cv2.aruco.CORNER_REFINE_SUBPIX
    settings.minMarkerPerimeterRate = 0.02
    markers = cv2.aruco.getPredefinedDictionary(cv2.aruco.DICT_4X4_50)
    corners, ids, _ = cv2.aruco.ArucoDetector(markers, settings).detectMarkers(grey)
    numbers = [] if ids is None else [int(k) for k in ids.ravel()]
    found = [(k, c.reshape(4, 2)) for k, c in zip(numbers, corners) if k < len(MARKS)]
    if not found:
        raise DataError("no sheet in the photo: none of its marks is seen")
    if len({k for k, _ in found}) < len(found):
        raise DataError("more than one sheet in the photo; photograph each by itself")
    missing = [MARK_NAMES[k] for k in CORNERS if k not in dict(found)]
    if missing:
        raise DataError(f"the {' and '.join(missing)} mark is covered, cut off or blurred")
    return dict(found)


def _spline(points: np.ndarray, values: np.ndarray, at: np.ndarray) -> np.ndarray:
    "A thin-plate spline through `values` (N, 2) at `points` (N, 2), looked up at `at` (M, 2)."
    squares = lambda a, b: ((a[:, None] - b[None]) ** 2).sum(-1)
    bend = lambda r2: r2 * np.log(np.maximum(r2, 1e-9))
    plane = lambda p: np.column_stack([np.ones(len(p)), p])
    n = len(points)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n], system[:n, n:] = bend(squares(points, points)), plane(points)
    system[n:, :n] = plane(points).T
    weights = np.linalg.solve(system, np.vstack([values, np.zeros((3, 2))]))
    return bend(squares(at, points)) @ weights[:n] + plane(at) @ weights[n:]


def sheet_map(
    marks: dict[int, np.ndarray],  # from `find_marks`
) -> Callable[[np.ndarray], np.ndarray]:  # millimetres (N, 2) -> pixels of the photo (N, 2)
    "Where each point of the sheet is in the photo. Raises `DataError` for a photo too small."
    square = np.array([(0, 0), (1, 0), (1, 1), (0, 1)]) * MARK
    here = np.concatenate([np.array(MARKS[k]) + square for k in marks])
    there = np.concatenate(list(marks.values())).astype(float)
    plane, _ = cv2.findHomography(here, there, cv2.RANSAC, 0.01 * float(np.ptp(there[:, 0])))
    if plane is None:
        raise DataError("the marks do not fit a sheet; photograph it flat")
    flat = lambda p: cv2.perspectiveTransform(p.reshape(-1, 1, 2).astype(float), plane)[:, 0]
    scale = min(float(np.linalg.norm(m[0] - m[1])) for m in marks.values()) / MARK
    if scale < LEAST_SCALE:
        raise DataError(
            f"the sheet is too small in the photo: {scale:.1f} pixels for a millimetre, "
            f"at least {LEAST_SCALE} are needed"
        )
    middle = lambda values: values.reshape(-1, 4, 2).mean(1)
    knots, off = middle(here), middle(there - flat(here))
    return lambda p: flat(p) + _spline(knots / 100, off, p / 100)


def straighten(
    grey: np.ndarray,  # uint8 (h, w), the photo
    where: Callable[[np.ndarray], np.ndarray],  # from `sheet_map`
) -> np.ndarray:  # uint8 (h, w), `SCALE` pixels a millimetre
    "The sheet as if it lay flat under a scanner."
    w, h = (round(side * SCALE) for side in PAGE)
    step = 8  # pixels: the map is smooth, so it is worked out for some of them
    xs, ys = np.arange(0, w + step, step), np.arange(0, h + step, step)
    grid = np.stack(np.meshgrid(xs, ys), -1).reshape(-1, 2)
    coarse = where((grid + 0.5) / SCALE).reshape(len(ys), len(xs), 2).astype(np.float32) - 0.5
    at = np.stack(np.meshgrid(np.arange(w), np.arange(h)), -1).astype(np.float32) / step
    fine = cv2.remap(coarse, at[..., 0], at[..., 1], cv2.INTER_LINEAR)
    x, y = fine[..., 0], fine[..., 1]
    return cv2.remap(grey, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


# %% [markdown]
# ## Cut and label
# In the straight sheet each box is where it was drawn. The strip says which character it was for. The frame is paler than a pen, so a threshold
# takes it away. Ink that sticks out of a box belongs to it as long as its middle is inside.

# %%
#| export
PEN = 4.0  # millimetres, more than the widest stroke
LEAST_INK = 0.22, 0.35  # of the paper's brightness, square millimetres: less is an empty box
DOTS = ".,:;'·`\""  # signs that are small: a thin pen's dot is a few grey pixels of the photo
LEAST_DOT = 0.17, 0.1  # the same for these: empty boxes in a shadow's edge stay below 0.15
REACH = 1.6  # millimetres around a box in which its character may end


def read_strip(
    sheet: np.ndarray,  # uint8 (h, w), from `straighten`
) -> tuple[str, int, int]:  # characters, copies, page
    "What the sheet says of itself. Raises `DataError`."
    left, top, u, columns, rows = STRIP
    at = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1) + 0.5
    soft = cv2.blur(sheet, (7, 7))
    for dx, dy in ((0, 0), (0.4, 0), (-0.4, 0), (0, 0.4), (0, -0.4)):  # millimetres: a wavy sheet
        x, y = (((at * u + (left + dx, top + dy)) * SCALE).astype(int)).transpose(2, 0, 1)
        level = cv2.dilate(soft, np.ones((61, 61), np.uint8))[y, x].astype(float)
        said = strip_text(soft[y, x] < 0.6 * level)
        if said:
            return said
    raise DataError("the strip of cells above the boxes is covered or blurred; take another photo")


def cut_box(
    strength: np.ndarray,  # uint8 (h, w), from `ink_strength`
    place: np.ndarray,  # float (2,), millimetres, upper left corner of the box
    ink: tuple[float, float] = LEAST_INK,  # 0..1, square millimetres: less is an empty box
) -> np.ndarray:  # uint8 (28, 28); all zero where the box is empty
    "What is written in a box, as a glyph."
    x0, y0 = ((place - REACH) * SCALE).round().astype(int)
    side = round((BOX + 2 * REACH) * SCALE)
    patch = strength[y0 : y0 + side, x0 : x0 + side]
    core = patch[round(2.2 * REACH * SCALE) : -round(2.2 * REACH * SCALE)]
    least = max(255 * ink[0], 0.45 * float(np.percentile(core, 99)))
    mask = (patch > least).astype(np.uint8)
    _, labels, stats, middles = cv2.connectedComponentsWithStats(mask, connectivity=8)
    edge = REACH * SCALE
    inside = ((middles > edge) & (middles < side - edge)).all(1) & (stats[:, 4] > 2)
    inside[0] = False
    kept = inside[labels].astype(np.uint8)
    if kept.sum() < ink[1] * SCALE**2:
        return np.zeros((SIDE, SIDE), np.uint8)
    return normalise_glyph(patch * cv2.dilate(kept, np.ones((3, 3), np.uint8)))


@dataclass(frozen=True)
class Collected:
    "What was found in one picture."

    glyphs: np.ndarray  # uint8 (N, 28, 28), light ink on black
    labels: tuple[str, ...]  # N
    boxes: tuple[tuple[int, ...], ...]  # N of x, y, w, h in pixels of the picture
    left: tuple[str, ...] = ()  # what was not taken, in words


def collect_sheet(
    source: Any,  # a photo of a filled sheet, as for `images.load_image`
) -> Collected:
    "The characters on a photographed sheet. Raises `DataError` and `ImageError`."
    image = load_image(source)
    grey = _grey(image.pixels)
    try:
        where = sheet_map(find_marks(grey))
        sheet = straighten(grey, where)
        characters, copies, page = read_strip(sheet)
    except DataError as error:
        raise DataError(f"{image.name}: {error}") from None
    strength = ink_strength(sheet, PEN * SCALE)
    labels = [c for c in characters for _ in range(copies)]
    places = box_places(len(labels))
    least = [LEAST_DOT if label in DOTS else LEAST_INK for label in labels]
    glyphs = np.stack([cut_box(strength, place, ink) for place, ink in zip(places, least)])
    full = np.flatnonzero(glyphs.any((1, 2)))
    if not len(full):
        raise DataError(f"{image.name}: every box of the sheet is empty")
    bare = np.flatnonzero(~glyphs.any((1, 2)))
    faint = lambda label: ", or its dot is too pale" if label in DOTS else ""
    empty = [f"page {page}: a box for {labels[k]} is empty{faint(labels[k])}" for k in bare]
    square = np.array([(0, 0), (BOX, 0), (BOX, BOX), (0, BOX)])
    corners = [where(places[k] + square) * image.scale for k in full]
    around = [np.concatenate([c.min(0), np.ptp(c, 0)]) for c in corners]
    boxes = [tuple(box.round().astype(int).tolist()) for box in around]
    return Collected(glyphs[full], tuple(labels[k] for k in full), tuple(boxes), tuple(empty))


def _grey(pixels: np.ndarray) -> np.ndarray:
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)


# %% [markdown]
# Hands of the package fill the sheet, and a camera looks at it: from the side, in a shadow, with a corner that is bent up, 1,200 pixels
# wide.

# %%
#| code-fold: true
#| code-summary: "Fill a sheet and photograph it"
def filled_sheet(characters: str, copies: int, hand: str, empty: tuple = (), dpi: float = 200):
    "uint8 (h, w): a sheet whose boxes are written in; `empty` are boxes that are not."
    out, f = sheet_picture(characters, copies, dpi=dpi), dpi / 25.4
    labels = [c for c in characters for _ in range(copies)]
    signs = sign_hand(rng)
    for k, (c, (x, y)) in enumerate(zip(labels, box_places(len(labels)))):
        if k in empty:
            continue
        size = f * rng.uniform(6.5, 8)
        if c in SIGNS:
            points = [s * size for s in sign_shape(c, signs, rng).strokes]
            ink = rasterise(points, max(0.5 * f, signs.pen * size))[0]
        else:
            ink = written(c, hand, size)
        h, w = ink.shape
        left, top = (round((a + BOX / 2 + rng.uniform(-1, 1)) * f) for a in (x, y))
        view = out[top - h // 2 :, left - w // 2 :][:h, :w]
        view[:] = np.minimum(view, 255 - (0.85 * ink).astype(np.uint8))
    return out


def photographed(sheet, degrees=25, turn=0, width=1200, bend=6.0, shadow=0.45):
    "uint8 (h, w): a sheet as a phone sees it; `bend` are millimetres that a corner is off."
    h, w = sheet.shape
    unit = np.stack(np.meshgrid(np.arange(width), np.arange(round(1.45 * width))), -1) + 0.0
    f, t = 2.2 * width, np.radians(degrees)
    rays = (unit - np.array([width / 2, 0.725 * width])) / f
    # the plane leans away from the camera about an axis between upright and level
    n = np.array([np.sin(t) * 0.6, np.sin(t) * 0.8, np.cos(t)])
    u = np.cross([0, 1, 0], n) / np.linalg.norm(np.cross([0, 1, 0], n))
    v, depth = np.cross(n, u), 2.75 * PAGE[0] / 210
    rays = np.concatenate([rays, np.ones((*rays.shape[:2], 1))], -1)
    points = rays * (depth * n[2] / (rays @ n))[..., None] - [0, 0, depth]
    a = np.radians(turn)
    x, y = points @ u, points @ v
    x, y = np.cos(a) * x + np.sin(a) * y, np.cos(a) * y - np.sin(a) * x
    mm = np.stack([x * 210 + 105, y * 210 + 148.5], -1)
    off = np.clip((mm[..., 0] - 130) / 80, 0, 1) * np.clip((mm[..., 1] - 200) / 97, 0, 1)
    mm = mm + bend * (off**1.5)[..., None]
    at = (mm * h / PAGE[1]).astype(np.float32)
    seen = cv2.remap(sheet, at, None, cv2.INTER_AREA, borderValue=70).astype(np.float32)
    fall = 1 / (1 + np.exp(-(unit @ [0.8, 0.6] - 0.8 * width) / (0.02 * width)))
    seen = cv2.GaussianBlur(seen * 0.9 * (1 - shadow * fall), (0, 0), 0.8)
    noisy = seen + np.random.default_rng(0).normal(0, 3, seen.shape)
    jpeg = cv2.imencode(".jpg", np.clip(noisy, 0, 255).astype(np.uint8), [1, 85])[1]
    return cv2.imdecode(jpeg, cv2.IMREAD_GRAYSCALE)


photo = photographed(filled_sheet(CHARACTERS, 3, "patrick-hand"))

# %%
#| label: fig-collect-marks
#| fig-cap: "The photo with the marks found (orange), and the sheet set straight. The shadow stays: ink is looked for against the paper near it."
#| fig-alt: "Left a sheet seen from the side with orange outlines around eight marks, right the same sheet upright."
marks = find_marks(photo)
seen = cv2.cvtColor(photo, cv2.COLOR_GRAY2BGR)
for corners in marks.values():
    cv2.polylines(seen, [corners.astype(np.int32)], True, (0, 120, 255), 6)
straight = straighten(photo, sheet_map(marks))
assert len(marks) == 8 and read_strip(straight) == (CHARACTERS, 3, 1)
figure({"photo and marks": seen, "straight": straight})

# %%
#| label: fig-collect-glyphs
#| fig-cap: "What was cut from the sheet: three copies of each character."
#| fig-alt: "Rows of white characters on black."
got = collect_sheet(photo)
assert len(got.labels) == 120 and not got.left
show(np.vstack([tiles(got.glyphs[k : k + 24]) for k in range(0, 120, 24)]), 1)

# %% [markdown]
# ## A page and its text
# Perhaps you have a page already and know what it says. The reader cuts it into characters, and the text is laid beside them. Two rows of
# characters are aligned by [dynamic programming](glossary.html#edit-distance), as for the edit distance: a pair costs what the network says against
# it, and a character without a partner costs 0.8. A pair is kept where the network agrees, or where the pairs around it fit and none is
# missing. So a letter that the network misreads, which is the one to learn from, is kept too.

# %%
#| export
ALONE = 0.8  # cost of a character without a partner; a pair costs 0 to 1
UNKNOWN = 0.5  # cost of a pair whose label is none of the network's classes
AGREES = 0.5  # a pair below this cost is sure by itself
AROUND = 0.5  # mean cost of a pair and two on each side, at most, where it is not sure by itself
LEAST_ALIGNED = 0.3  # share of a text's characters: below it text and page do not belong together


def pair_costs(
    probabilities: np.ndarray,  # float (N, classes), what the network says of the page's characters
    text: str,  # M characters, no spaces
    classes: str = CLASSES,
) -> np.ndarray:  # float (N, M), 0..1
    "What speaks against each pair; a small letter is compared with its capital."
    columns = [classes.find(c) if c in classes else classes.find(c.upper()) for c in text]
    known = np.array(columns) >= 0
    return np.where(known, 1 - probabilities[:, columns], UNKNOWN)


def align(
    costs: np.ndarray,  # float (N, M), from `pair_costs`
    alone: float = ALONE,  # cost of a character without a partner
) -> list[tuple[int, int]]:  # pairs in order, at the least cost of all
    "Needleman and Wunsch's alignment (1970)."
    n, m = costs.shape
    steps = alone * np.arange(m + 1)
    best = np.empty((n + 1, m + 1))
    best[0] = steps
    for i in range(n):
        row = best[i] + alone
        row[1:] = np.minimum(row[1:], best[i, :-1] + costs[i])
        best[i + 1] = np.minimum.accumulate(row - steps) + steps
    pairs, i, j = [], n, m
    while i and j:
        if np.isclose(best[i, j], best[i - 1, j - 1] + costs[i - 1, j - 1]):
            i, j = i - 1, j - 1
            pairs.append((i, j))
        elif np.isclose(best[i, j], best[i - 1, j] + alone):
            i -= 1
        else:
            j -= 1
    return pairs[::-1]


def sure_pairs(
    costs: np.ndarray,  # float (N, M)
    pairs: list[tuple[int, int]],  # from `align`
) -> list[tuple[int, int]]:  # those to learn from
    "The pairs where the network agrees, or those around do and none of them is missing."
    n, m = costs.shape
    known, sure = {*pairs, (-1, -1), (n, m)}, []
    for k, (i, j) in enumerate(pairs):
        near = [costs[p] for p in pairs[max(0, k - 2) : k + 3]]
        joined = (i - 1, j - 1) in known and (i + 1, j + 1) in known
        if costs[i, j] < AGREES or (joined and np.mean(near) <= AROUND):
            sure.append((i, j))
    return sure


def _apart(sure: list[tuple[int, int]], chosen: Sequence, labels: str) -> list[tuple[int, int]]:
    "Without ink that stands for two characters: the line network may read two in one piece."
    said: dict[bytes, set[str]] = {}
    for i, j in sure:
        said.setdefault(chosen[i][2].ink.tobytes(), set()).add(labels[j])
    return [(i, j) for i, j in sure if len(said[chosen[i][2].ink.tobytes()]) == 1]


def collect_page(
    source: Any,  # a page, as for `images.load_image`
    text: str,  # what it says, line by line; spaces do not count
    reader: Reader | None = None,  # None: the shipped networks
) -> Collected:
    "The characters of a page whose text is known. Raises `DataError` and `ImageError`."
    image, reader = load_image(source), reader or Reader()
    seen = reader.explain(source)
    boxes = [c.box for line in seen.page.lines for word in line.words for c in word.characters]
    lines = [unicodedata.normalize("NFC", line).split() for line in text.splitlines()]
    asked = [(n, c) for n, line in enumerate(lines, 1) for c in "".join(line)]
    labels = "".join(c for _, c in asked)
    if not labels or not boxes:
        what = "the text is empty" if not labels else "no characters are found on the page"
        raise DataError(f"{image.name}: {what}")
    costs = pair_costs(np.stack([p for *_, p in seen.chosen]), labels, reader.symbols)
    sure = _apart(sure_pairs(costs, align(costs)), seen.chosen, labels)
    if len(sure) < LEAST_ALIGNED * len(labels):
        raise DataError(
            f"{image.name}: the text does not fit the page: {len(sure)} of {len(labels)} characters"
            " are found; is it this page's text, line by line?"
        )
    there = {j for _, j in sure}
    left = [
        f"line {n}: {c} is not surely found" for j, (n, c) in enumerate(asked) if j not in there
    ]
    glyphs = np.stack([normalise_glyph(seen.chosen[i][2].ink) for i, _ in sure])
    places = tuple(boxes[i] for i, _ in sure)
    return Collected(glyphs, tuple(labels[j] for _, j in sure), places, tuple(left))


# %%
#| label: fig-collect-page
#| fig-cap: "A page with its text: what is aligned surely, with its labels from the text."
#| fig-alt: "A handwritten page with an orange box around each character."
TEXT = "PIZZA 24\nSHAWARMA 17\nTEA 305"
known = write(TEXT.split("\n"), seed=5).image
found = collect_page(known, TEXT)
assert len(found.labels) >= 20
assert all(label in TEXT for label in found.labels)
print(len(found.labels), "kept:", "".join(found.labels), "| left:", *found.left)
show(outlined(known, found.boxes), min(1, 700 / known.shape[1]))

# %% [markdown]
# ## Look before you learn
# A network learns wrong labels as readily as right ones. The shipped network helps to find them: it gives each label a doubt, which is one minus the
# probability of that label. The contact sheet shows all glyphs, the doubtful ones first, each with its label and its row in the manifest. A high doubt does not mean that the label is wrong:
# the network does not know your hand yet. Look at the picture, then set `keep` to 0 in the rows of wrong glyphs, or write the right label.

# %%
#| export
CONTACT = (16, 640)  # columns; glyphs at most on a contact sheet


def doubts_of(
    reader: Reader,
    glyphs: np.ndarray,  # uint8 (N, 28, 28)
    labels: Sequence[str],  # N
) -> list[float | None]:  # 0..1; None where the network does not know the class
    "How much the network speaks against each label."
    said = reader.likelihoods(glyphs)
    known = [reader.symbols.find(label) for label in labels]
    return [None if k < 0 else float(1 - p[k]) for p, k in zip(said, known)]


def contact_sheet(
    folder: str | Path,  # of examples
) -> np.ndarray:  # uint8 (h, w, 3) BGR
    "All glyphs, doubtful labels first, with label and row of the manifest. Raises `DataError`."
    glyphs, labels, rows = load_examples(folder, all_rows=True)
    if not rows:
        raise DataError(f"{folder}: holds no examples")
    order = sorted(range(len(rows)), key=lambda k: -(rows[k].doubt or 0.0))[: CONTACT[1]]
    cells = []
    for k in order:
        cell = np.full((84, 62, 3), 255, np.uint8)
        glyph = 255 - cv2.resize(glyphs[k], (56, 56), interpolation=cv2.INTER_CUBIC)
        cell[3:59, 3:59] = glyph[..., None] if rows[k].keep else 255 - (255 - glyph[..., None]) // 4
        doubt = rows[k].doubt or 0.0
        colour = (60, 60, 220) if doubt > 0.5 else (0, 140, 230) if doubt > 0.1 else (170, 170, 170)
        cv2.rectangle(cell, (2, 2), (59, 59), colour, 1 + (doubt > 0.1))
        name = labels[k] if labels[k].isascii() else f"U+{ord(labels[k]):04X}"
        font, aa = cv2.FONT_HERSHEY_SIMPLEX, cv2.LINE_AA
        cv2.putText(cell, name, (3, 76), font, 0.5 if len(name) == 1 else 0.3, (0, 0, 0), 1, aa)
        cv2.putText(cell, str(k + 2), (32, 76), font, 0.33, (120, 120, 120), 1, aa)
        cells.append(cell)
    columns = min(CONTACT[0], len(cells))
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[k : k + columns]) for k in range(0, len(cells), columns)])


# %% [markdown]
# The same photo may be collected twice, perhaps under another name. A glyph that is in the folder already, pixel for pixel, is not
# added again, whatever its label or its `keep` says there: you may have corrected it.

# %%
#| export
def glyphs_in(
    folder: str | Path,  # of examples; need not be there
) -> set[bytes]:  # the pixels of each glyph
    "The glyphs that a folder's manifest names, those left out too. Raises `DataError`."
    folder, found = Path(folder), set()
    for row in read_manifest(folder) if (folder / MANIFEST).exists() else ():
        try:
            data = np.frombuffer((folder / row.file).read_bytes(), np.uint8)
        except OSError:  # deleted by hand: it may come again
            continue
        glyph = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE) if len(data) else None
        if glyph is not None:
            found.add(glyph.tobytes())
    return found


def only_new(
    got: Collected,
    known: set[bytes],  # pixels of glyphs; those of `got` are added
) -> tuple[Collected, int]:  # without the known ones; how many these were
    "What is not in the folder yet. Two glyphs of one picture may be alike."
    pixels = [glyph.tobytes() for glyph in got.glyphs]
    new = [k for k, p in enumerate(pixels) if p not in known]
    known.update(pixels)
    labels, boxes = tuple(got.labels[k] for k in new), tuple(got.boxes[k] for k in new)
    return Collected(got.glyphs[new], labels, boxes, got.left), len(pixels) - len(new)


# %%
#| export
def collect(
    sources: Sequence[str | Path],  # photos of sheets, folders and zips of classes; or one page
    out: str | Path,  # folder of examples; what is in it stays
    text: str | None = None,  # what the page says; None: sheets, folders and zips
    reader: Reader | None = None,  # that doubts; None: the shipped one
) -> tuple[list[Row], list[str]]:  # the rows added; what was not taken, in words
    "Collect from all sources, then add all to the folder, or nothing. Raises `CustomOCRError`."
    reader, known = reader or Reader(), glyphs_in(out)
    parts: list[tuple[list[str], Collected]] = []
    left: list[str] = []
    if text is not None and len(sources) != 1:
        raise DataError("a text belongs to one page; name one picture")
    for source in map(Path, sources):
        if text is not None:
            got = collect_page(source, text, reader)
        elif source.is_dir() or source.suffix.lower() == ".zip":
            glyphs, labels, rows = load_examples(source)
            got = Collected(glyphs, tuple(labels), tuple(r.box for r in rows))
        else:
            got = collect_sheet(source)
        left += [f"{source}: {said}" for said in got.left]
        got, again = only_new(got, known)
        if again:
            left.append(f"{source}: {again} of its examples are in {out} already")
        parts.append(([str(source)] * len(got.labels), got))
    if not any(got.labels for _, got in parts):
        return [], left
    glyphs = np.concatenate([got.glyphs for _, got in parts])
    labels = [label for _, got in parts for label in got.labels]
    names = [name for these, _ in parts for name in these]
    boxes = [box for _, got in parts for box in got.boxes]
    doubts = doubts_of(reader, glyphs, labels)
    return save_examples(out, glyphs, labels, names, boxes, doubts), left


# %%
#| label: fig-collect-contact
#| fig-cap: "The contact sheet of one filled sheet, its first rows. A 5 that was put into the folder as an S comes first (red: the network doubts the label)."
#| fig-alt: "Rows of small dark characters, each in a frame with its label and a row number; some first frames are red or orange."
cv2.imwrite(str(place / "photo.jpg"), photo)
rows, _ = collect([place / "photo.jpg"], place / "folder")
wrong = rows[15]
assert wrong.label == "5"
(doubt,) = doubts_of(Reader(), got.glyphs[15:16], ["S"])
write_manifest(place / "folder", [replace(wrong, label="S", doubt=doubt), *rows[:15], *rows[16:]])
show(contact_sheet(place / "folder")[: 84 * 3], 0.75)

# %% [markdown]
# To leave the wrong one out, change one cell of the table: `keep` becomes 0.

# %%
table = read_manifest(place / "folder")
write_manifest(place / "folder", [replace(table[0], keep=False), *table[1:]])
assert len(load_examples(place / "folder")[1]) == 119

# %% [markdown]
# ## What a bad photo says
# A covered mark is named, so that the next photo can be better.

# %%
covered = photo.copy()
x, y = marks[2].mean(0).astype(int)
cv2.circle(covered, (int(x), int(y)), 40, 90, -1)
try:
    collect_sheet(covered)
except DataError as error:
    said = str(error)
assert "upper right mark is covered" in said
print(said)

# %% [markdown]
# ## Recap
# - A sheet, a page with its text and a folder of pictures all end as labelled glyphs in one folder with a manifest.
# - Marks set the photo of a sheet straight; the strip says what each box holds.
# - The contact sheet shows doubtful labels first. You decide which rows to keep.
#
# ## What comes next
# The folder now holds labelled glyphs of one hand. In the terminal the same steps are
# `customocr sheet --chars "ABC123+=" --out sheet.pdf`, `customocr collect photo.jpg --out FOLDER` and
# `customocr collect --look FOLDER --out contact.png`. A network can learn from the folder.
#
# ## Exercises
# 1. Photograph the sheet at 40 degrees. Which step fails first?
# 2. Cover a mark in the middle of an edge. Why is the sheet still read?
# 3. Leave ten boxes empty. What does `collect_sheet` say of them?
# 4. Build a sheet of your own: choose ten characters, print it with `customocr sheet`, fill and photograph it, collect it and look at the contact sheet.
#    Which of your characters does the network doubt?
#
# <details><summary>Solutions</summary>
#
# 1. `collect_sheet(photographed(filled_sheet(CHARACTERS, 3, "patrick-hand"), degrees=40))`: the far marks become small; an error says what was not seen.
# 2. The four corner marks fix the plane; those between them only say where the sheet is bent.
# 3. `collect_sheet(photographed(filled_sheet(CHARACTERS, 3, "patrick-hand", empty=range(10)))).left` names each of them.
#
# </details>

# %%
#| hide
temporary.cleanup()
