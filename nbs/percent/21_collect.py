# %% [markdown]
# # Your own examples
# > A sheet, a page or a folder becomes labelled glyphs in one folder with a manifest.

# %% [markdown]
# How does your own handwriting become examples that a network can learn from? A network learns from pairs: a
# [glyph](glossary.html#glyph), which is a picture of 28 x 28 pixels, and its label, which is the character it shows. This notebook
# collects such pairs in three ways: from a sheet that you print, fill and photograph, from a page whose text you know, and from a
# folder of pictures. All three end in one folder, and a table in it says what each picture is.
#
# *Needs*: a minute, no data.
#
# *Terms*: [glyph](glossary.html#glyph), [manifest](glossary.html#manifest), [label](glossary.html#label).

# %%
#| default_exp collecting

# %%
#| export
from __future__ import annotations

import csv
import io
import os
import re
import shutil
import unicodedata
import uuid
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from customocr.errors import DataError
from customocr.glyphs import SIDE, normalise_glyph
from customocr.images import load_image

# %%
#| code-fold: true
#| code-summary: "Imports"
import tempfile

from customocr.pictures import hands, show, tiles
from customocr.writing.compose import rasterise

# %% [markdown]
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
        text = chr(int(text[2:], 16))
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
    return float(text.replace(",", ".")) if text.strip() else None


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
        box = tuple(int(float(n)) for n in re.split("[,; ]+", get("box")) if n)
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
    missing = {"file", "label"} - set(table.fieldnames or ())
    if missing:
        raise DataError(f"{path}: no column {' and '.join(sorted(missing))} in the first line")
    try:
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
# step. If the disk fills up on the way, the new files go and the folder is as it was.

# %%
#| export
def save_examples(
    folder: str | Path,  # made where it is missing; examples in it stay
    glyphs: np.ndarray,  # uint8 (N, 28, 28), light ink on black
    labels: Sequence[str],  # N characters
    source: str = "",  # the file that they come from
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
            new.append(Row(file, label, source, tuple(map(int, box)), True, doubt))
        write_manifest(folder, [*old, *new])
    except BaseException as error:
        for file in made:
            file.unlink(missing_ok=True)
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
    entries = [e for e in archive.infolist() if not e.is_dir()]
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
        except (zipfile.BadZipFile, EOFError, NotImplementedError) as error:
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
