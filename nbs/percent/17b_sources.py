# %% [markdown]
# # Sources
# > One page of one file: what people hand over, found and opened.

# %% [markdown]
# Where do pages come from? Until now a page was a picture with a path. People also have TIFFs of fifty pages, PDFs, folders of folders, and files on other machines. At the end you can turn any of these into pages, one after the other, and each page knows which page of which file it is.
#
# *Needs*: 20 seconds, no data, and the extra `pdf` (`pip install 'customocr[pdf]'`).

# %%
#| default_exp formats.sources

# %%
#| code-fold: true
#| code-summary: "Imports"
import tempfile

from PIL import Image as PILImage

from customocr import samples
from customocr.pictures import show
from customocr.recognition import Reader

# %%
#| export
from __future__ import annotations

import glob
import io
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from customocr.errors import CustomOCRError, ImageError
from customocr.images import picture_size, refuse_bytes, refuse_size
from customocr.limits import Limits

# %%
#| code-fold: true
#| code-summary: "Three sample pages in one TIFF and in one PDF"
folder = tempfile.TemporaryDirectory()
names = ("hello", "lines", "fields")
pages = [cv2.imread(str(samples.page(name))) for name in names]
tiff = f"{folder.name}/three.tif"
cv2.imwritemulti(tiff, pages)
stack = [PILImage.open(samples.page(name)).convert("RGB") for name in names]
stack[0].save(f"{folder.name}/three.pdf", save_all=True, append_images=stack[1:], resolution=150)
files = [tiff, f"{folder.name}/three.pdf"]


def beside(pictures, height=130):
    "Pictures in a row, brought to one height."
    row = [
        cv2.resize(
            p, (round(p.shape[1] * height / p.shape[0]), height), interpolation=cv2.INTER_AREA
        )
        for p in pictures
    ]
    return np.hstack(
        [cv2.copyMakeBorder(p, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=(200, 200, 200)) for p in row]
    )


# %%
#| label: fig-sources-pages
#| fig-cap: "One TIFF, three pages. Most programs show the first and say nothing of the others."
#| fig-alt: "Three pages side by side: a line, four lines, and a form with two fields."
show(beside(pages))

# %% [markdown]
# ## A page and where it comes from
# A page is more than a file: it may be the third page of a PDF, a file on another machine, or what another program sends
# through a pipe. A `PageSource` names it, so that every result says which page of which file it belongs to.

# %%
#| export
STDIN = "-"  # the name of standard input, as in other commands
SUFFIXES = frozenset(  # what a folder is searched for
    ".png .jpg .jpeg .jpe .jp2 .tif .tiff .webp .gif .bmp .avif .pdf .heic .heif".split()
)
MANY_PAGES = (".tif", ".tiff", ".gif", ".pdf")  # files that may hold more than one page


@dataclass(frozen=True)
class PageSource:
    "One page of one file."

    name: str  # path, URL or `-`, as the user wrote it
    page: int = 1  # counted from 1
    pages: int = 1  # of the file
    base: str = (
        ""  # where it lies below the folder that was named, without suffix: its place below --out
    )
    content: Any = field(default=None, repr=False)  # bytes or a picture, if handed over
    problem: str = ""  # why it cannot be opened, where that is known already

    @property
    def label(self) -> str:
        "The file, and the page where it has several."
        name = "standard input" if self.name == STDIN else self.name
        return name if self.pages == 1 else f"{name}, page {self.page} of {self.pages}"


def needed(
    library: str,  # name that is imported
    extra: str,  # of customocr that brings it
    what: str,  # that cannot be done without it
):  # the library
    """Import a library that few need. Raises `CustomOCRError`, which names the extra, where it is
    missing."""
    from importlib import import_module

    try:
        return import_module(library)
    except ImportError:
        raise CustomOCRError(f"{what} needs {library}: pip install 'customocr[{extra}]'") from None


# %% [markdown]
# Files may lie anywhere that [fsspec](https://filesystem-spec.readthedocs.io) knows: on the web, in S3, in a zip archive. A
# name with `://` in it goes there, everything else is a path.

# %%
#| export
def is_url(
    name: str,
) -> bool:  # True: fsspec opens it
    "Whether a name is an address such as s3://bucket/page.png."
    return "://" in name


def read_bounded(
    file,  # binary file
    name: str,  # for messages
    limits: Limits = Limits(),
) -> bytes:  # its content
    "All of a file, or an `ImageError` where that is more than may be."
    data = file.read(int(min(limits.bytes, 2**62)) + 1)
    refuse_bytes(len(data), name, limits)
    return data


def open_file(
    name: str,  # path or URL
):  # binary file that can be read and sought in
    "Open a page's file, if it is a regular one: a pipe never ends. Raises `ImageError`."
    try:
        if is_url(name):
            fs, path = needed("fsspec", "cluster", f"reading {name}").core.url_to_fs(name)
            file = fs.open(path, "rb")
            file.fs = fs  # an archive that nobody holds closes its files
            return file
        if not stat.S_ISREG(mode := os.stat(name).st_mode) and not stat.S_ISDIR(mode):
            raise ImageError(f"{name}: is no regular file: copy the picture into one, or use `-`")
        return open(name, "rb")
    except FileNotFoundError:
        raise ImageError(f"{name}: there is no such file: check the path") from None
    except IsADirectoryError:
        raise ImageError(f"{name}: is a folder") from None
    except PermissionError:
        raise ImageError(f"{name}: may not be read: check the file's permissions") from None
    except (OSError, ValueError, ImportError) as error:
        raise ImageError(f"{name}: cannot be opened: {error}") from None


def stamp(
    name: str,  # path or URL
) -> str:  # differs after a change
    """Size and time of change of a file, to tell whether it is still the one that was read; empty
    where it cannot be had."""
    try:
        if is_url(name):
            fs, path = needed("fsspec", "cluster", f"reading {name}").core.url_to_fs(name)
            info = fs.info(path)
            changed = next(
                (info[k] for k in ("mtime", "LastModified", "etag", "ETag") if k in info), ""
            )
            return f"{info.get('size')} {changed}"
        status = os.stat(name)
        return f"{status.st_size} {status.st_mtime_ns}"
    except (
        Exception
    ):  # fsspec's file systems have many kinds of errors; the reading will say what is wrong
        return ""


# %% [markdown]
# ## Files of many pages
# `cv2.imread` takes the first page of a TIFF and says nothing of the others. Fifty scanned pages become one, and nobody
# is told. So we count first. A TIFF is a chain of directories, one for each picture, and each has the address of the
# next. Some pictures are thumbnails of the page before. They are no pages, so they are not counted.

# %%
#| export
# TIFF's tag NewSubfileType; its lowest bit says: a smaller version of another picture (TIFF 6.0,
# page 36)
THUMBNAIL = 254
MOST_TAGS = 4096  # of a directory; a scanner writes twenty


def tiff_pages(
    file,  # binary file that can be sought in
) -> list[int]:  # positions of the pages in the chain of directories
    """The pages of a TIFF or BigTIFF, without thumbnails. Only the directories are read, not the
    pictures."""
    head = file.read(16)
    order = "<" if head[:2] == b"II" else ">"
    big = head[2:4] in (b"\x2b\0", b"\0\x2b")
    count, entry, offset = ("Q", "HHQQ", "Q") if big else ("H", "HHII", "I")
    size = struct.calcsize(order + entry)
    at = struct.unpack_from(order + offset, head, 8 if big else 4)[0]
    pages, seen = [], set()
    while at and at not in seen:  # a damaged chain can run in a circle
        seen.add(at)
        file.seek(at)
        n = struct.unpack(order + count, file.read(struct.calcsize(order + count)))[0]
        if n > MOST_TAGS or len(seen) > Limits.pages:
            raise struct.error("a directory that no scanner writes")
        tags = [file.read(size) for _ in range(n)]
        small = any(_tag(tag, order, entry) == (THUMBNAIL, 1) for tag in tags)
        if not small:
            pages.append(len(seen) - 1)
        at = struct.unpack(order + offset, file.read(struct.calcsize(order + offset)))[0]
    return pages or [0]


def _tag(data, order, entry):
    "Number of a tag, and whether its value's lowest bit is set."
    number, kind, _, value = struct.unpack(order + entry, data)
    if order == ">" and kind == 3:  # two bytes stand at the front of the field
        value >>= 8 * (struct.calcsize(order + entry[-1]) - 2)
    return number, value & 1


# %% [markdown]
# A PDF is drawn at 200 dots an inch. The strokes of a pen on a sheet of A4 are then about four pixels wide, as on a photo. A poster would become a picture of a billion pixels, so the size is limited.

# %%
#| export
PDF_DPI = 200  # dots per inch at which a PDF is drawn
# a PDF's page is drawn with at most this many: a sheet of A3 at 200 dpi is 7.7 million
PDF_PIXELS = 12_000_000


def _pdf(file):
    "An open PDF."
    pdfium = needed("pypdfium2", "pdf", "reading a PDF")
    try:
        return pdfium.PdfDocument(file)
    except pdfium.PdfiumError as error:
        locked = "password" in str(error).lower()
        raise ImageError(
            "is locked with a password: save it without" if locked else "is a damaged PDF"
        ) from None


def _pdf_page(data, number, dpi):
    "A page of a PDF as pixels, BGR."
    document = _pdf(data)
    pdfium = needed("pypdfium2", "pdf", "reading a PDF")
    try:
        page = document[number - 1]
        width, height = page.get_size()
        scale = min(dpi / 72, (PDF_PIXELS / max(1.0, width * height)) ** 0.5)
        return page.render(scale=scale, rev_byteorder=False).to_numpy()[..., :3].copy()
    except pdfium.PdfiumError:
        raise ImageError("is a damaged page of a PDF") from None
    finally:
        document.close()


def _gif(data, limits=Limits()):
    "The frames of a GIF, BGRA; as many as have four times the pixels of one large picture."
    width, height = picture_size(data) or (1, 1)
    refuse_size(width, height, "a GIF", limits)
    most = min(2**15, max(1, int(4 * limits.pixels // max(1, width * height))))
    done, animation = cv2.imdecodeanimation(np.frombuffer(data, np.uint8), 0, most)
    if not done or not len(animation.frames):
        raise ImageError("is a damaged GIF: save it again")
    return animation.frames


def count_pages(
    name: str,  # path or URL, for the messages
    file=None,  # binary file; None: open it
) -> int:  # at least 1
    """How many pages a file has; one, where it cannot be told, so that reading says what is wrong.
    Raises `CustomOCRError`."""
    if file is None:
        with open_file(name) as file:
            return count_pages(name, file)
    start = file.read(4)
    file.seek(0)
    try:
        if start in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return len(tiff_pages(file))
        if start == b"GIF8":
            return len(_gif(read_bounded(file, name)))
        if start == b"%PDF":
            document = _pdf(file)
            try:
                return max(1, len(document))
            finally:
                document.close()
    except (struct.error, ImageError, cv2.error):
        pass
    return 1


# %% [markdown]
# `load_page` gives what `Reader.read` takes. That is a path where OpenCV can read the file, and pixels where the page is one of several in a file. A file of many pages is opened once, not once for each page.

# %%
#| export
@lru_cache(maxsize=1)
def _content(name, stamped, limits):
    "Content of a file of many pages, kept for the next page."
    with open_file(name) as file:
        return read_bounded(file, name, limits)


def load_page(
    source: PageSource,
    dpi: int = PDF_DPI,  # at which a PDF is drawn
    limits: Limits = Limits(),  # what a file and a picture may have
):  # what `Reader.read` takes: a path, the bytes of an image file, pixels or a PIL image
    "A page as the reader takes it. Raises `ImageError`, which names file and page."
    if source.problem:
        raise ImageError(source.problem)
    if source.content is not None and not isinstance(source.content, bytes):
        return source.content
    plain = source.content is None and not is_url(source.name)
    if plain and Path(source.name).suffix.lower() not in (*MANY_PAGES, ".heic", ".heif", ""):
        return source.name
    data = source.content
    if data is None:
        data = _content(source.name, stamp(source.name), limits)
    try:
        picture = _decoded(data, source, dpi, limits)
    except ImageError as error:
        raise ImageError(f"{source.label}: {error}") from None
    return source.name if picture is data and plain else picture


def _decoded(data, source, dpi, limits):
    "The page as pixels, or the data as it is where the reader decodes it."
    if data[:4] == b"%PDF":
        return _pdf_page(data, source.page, dpi)
    if data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1"):
        return _heic(data, limits)
    if source.pages == 1:
        return data
    if data[:4] == b"GIF8":
        return _gif(data, limits)[source.page - 1]
    at = tiff_pages(io.BytesIO(data))[source.page - 1]
    if size := picture_size(data, at):
        refuse_size(*size, "the page", limits)
    try:
        done, pages = cv2.imdecodemulti(
            np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(at, at + 1)
        )
    except cv2.error:  # headers that contradict one another
        done, pages = False, ()
    if not done or not len(pages):
        raise ImageError("is damaged or of an unusual kind of TIFF: save it again")
    return pages[0]


def _heic(data, limits):
    "A phone's HEIC photo as a PIL image."
    try:
        import pillow_heif
    except ImportError:
        raise ImageError("is a HEIC photo: pip install pillow-heif, or save it as JPEG") from None
    try:
        photo = pillow_heif.open_heif(io.BytesIO(data))  # not decoded yet
        width, height = photo.size
        refuse_size(width, height, "the photo", limits)
        return photo.to_pillow()
    except (ValueError, OSError, RuntimeError, EOFError, SyntaxError, LookupError) as error:
        said = " ".join(str(error).split())  # libheif's words can have several lines
        raise ImageError(f"is a damaged HEIC photo ({said})") from None


# %%
reader = Reader()
for file in files:
    n = count_pages(file)
    for k in range(1, n + 1):
        source = PageSource(file, k, n)
        text = reader.read(load_page(source)).text
        print(source.label.replace(folder.name + "/", ""), "|", text.replace("\n", " / "))

# %%
#| hide
assert [count_pages(f) for f in files] == [3, 3] and count_pages(str(samples.page())) == 1


# %% [markdown]
# ## Folders and patterns
# People name pages by the folder. `find` turns what they name into pages, one after the other. It keeps only the list of the folder
# at hand, so a million pages need no more memory than ten. Pages come in the order of their names, and numbers are compared as
# numbers: page 10 comes after page 9.

# %%
#| export
def natural(
    name: str,
) -> list:  # key for sorting
    "A key that sorts page 10 after page 9."
    import re

    return [
        (0, int(part), "") if part.isdigit() else (1, 0, part)
        for part in re.split(r"(\d+)", name)
        if part
    ]


def find(
    names: list[str],  # files, folders, patterns, URLs or `-`
    leave_out: str | Path | None = None,  # a folder that is not searched: that of the results
    limits: Limits = Limits(),  # what standard input may have
) -> Iterator[PageSource]:
    """The pages of what a user named, in order. What cannot be opened comes as a page that fails
    when it is read. Two files can have one place; `batch.write_many` keeps their results apart."""
    several = len(names) > 1
    for name in names:
        try:
            if name == STDIN:
                yield from pages_of(STDIN, "stdin", standard_input(limits))
            else:
                for file, base in _files(name, several, leave_out):
                    yield from pages_of(file, base)
        except CustomOCRError as error:
            base = os.path.splitext(os.path.basename(name))[0] or "page"
            yield PageSource(name, base=base, problem=str(error))


def _files(name, several, leave_out):
    "Files behind a name, each with its place below the folder of the results."
    if is_url(name):
        yield from _remote(name)
    elif os.path.isdir(name):
        prefix = os.path.basename(os.path.abspath(name)) if several else ""
        found = False
        for found in _walk(name, prefix, leave_out):
            yield found
        if not found:
            raise ImageError(f"{name}: no image files in this folder")
    elif glob.has_magic(name) and not os.path.exists(name):
        files = sorted(filter(os.path.isfile, glob.iglob(name, recursive=True)), key=natural)
        if not files:
            raise ImageError(f"{name}: no file has a name like that")
        root = os.path.dirname(name[: name.index(next(c for c in name if c in "*?["))])
        for file in files:
            yield file, os.path.splitext(os.path.relpath(file, root or "."))[0]
    else:
        yield name, os.path.splitext(os.path.basename(name))[0] or "page"


def _walk(root, prefix, leave_out):
    """Image files below a folder; those that differ only in the suffix keep it in the names of
    their results."""
    skip = os.path.realpath(leave_out) if leave_out else None
    for folder, below, files in os.walk(root):
        below[:] = sorted(
            (
                d
                for d in below
                if not d.startswith(".") and os.path.realpath(os.path.join(folder, d)) != skip
            ),
            key=natural,
        )
        files = [
            f for f in files if not f.startswith(".") and os.path.splitext(f)[1].lower() in SUFFIXES
        ]
        stems = [os.path.splitext(f)[0] for f in files]
        for file in sorted(files, key=natural):
            stem = os.path.splitext(file)[0]
            place = os.path.join(
                prefix, os.path.relpath(folder, root), stem if stems.count(stem) == 1 else file
            )
            yield os.path.join(folder, file), os.path.normpath(place)


def _remote(url):
    "Files behind an address: one, those of a folder or those of a pattern."
    core = needed("fsspec", "cluster", f"reading {url}").core
    try:
        fs, path = core.url_to_fs(url)
        single = not glob.has_magic(path) and not fs.isdir(path)
        paths = [path] if single else fs.glob(path) if glob.has_magic(path) else fs.find(path)
    except Exception as error:  # each file system of fsspec has its own
        raise ImageError(f"{url}: cannot be opened: {error}") from None
    if single:
        yield url, os.path.splitext(os.path.basename(path))[0]
        return
    paths = [p for p in paths if os.path.splitext(p)[1].lower() in SUFFIXES]
    if not paths:
        raise ImageError(f"{url}: no image files there")
    root = os.path.dirname(path[: path.index("*")]) if "*" in path else path.rstrip("/")
    _, chain, inside = url.partition("::")  # an archive, and where it lies
    for p in sorted(paths, key=natural):
        yield (
            fs.unstrip_protocol(p) + chain + inside,
            os.path.splitext(p[len(root) :].lstrip("/"))[0],
        )


def pages_of(
    name: str,  # path or URL
    base: str = "",  # its place below the folder of the results
    content: bytes | None = None,  # of the file, where it was handed over
) -> Iterator[PageSource]:
    "The pages of one file."
    pages = 1
    if content is not None or os.path.splitext(name)[1].lower() in (*MANY_PAGES, ""):
        try:
            pages = count_pages(name, None if content is None else io.BytesIO(content))
        except CustomOCRError:  # the reading will say it
            pass
    for page in range(1, pages + 1):
        yield PageSource(name, page, pages, base, content)


def standard_input(limits: Limits = Limits()) -> bytes:  # content of an image file
    "The file on standard input. Raises `ImageError` where that is the keyboard."
    import sys

    if sys.stdin is None or sys.stdin.isatty():
        raise ImageError("standard input: is the keyboard: pipe an image into `customocr read -`")
    return read_bounded(sys.stdin.buffer, "standard input", limits)


# %%
for source in find([folder.name]):
    print(source.label.replace(folder.name + "/", ""))

# %%
#| hide
assert len(list(find([folder.name]))) == 6 and sorted(["p10", "p9"], key=natural) == ["p9", "p10"]
assert len(list(find([f"{folder.name}/*.tif"]))) == 3

# %% [markdown]
# ## Recap
# - `find` turns folders, patterns and addresses into a list of pages, one at a time.
# - A `PageSource` says which page of which file a result belongs to.
# - `load_page` opens that page; a PDF is drawn at 200 dots an inch.
#
# ## What comes next
# Pages of any file can now be read. [Formats](19_formats.html) writes them down in the form that others want, and
# [Ten thousand pages](20_many_pages.html) reads them by the folder.
#
# ## Exercises
# 1. A TIFF's directories can form a circle. Make one by hand and see that `tiff_pages` ends.
# 2. Build `contact_sheet(folder)`: one picture with all pages of a folder, made small, three in a row. `beside` draws a row.
# 3. Put the folder into a zip archive and read a page of it: `zip://three.tif::three.zip` is an address that fsspec knows.
#
# <details><summary>Solutions</summary>
#
# 1. Change the last four bytes of the last directory of `three.tif` from zero to the address of the first: `tiff_pages` remembers
#    where it has been.
# 2. `all_pages = [cv2.imread(s.name) if s.pages == 1 else load_page(s) for s in find([folder.name])]`, then
#    `[show(beside(all_pages[k : k + 3])) for k in range(0, len(all_pages), 3)]`.
# 3. `shutil.make_archive(folder.name + "-pages", "zip", folder.name)`, then
#    `[reader.read(load_page(s)).text for s in find([f"zip://three.tif::{folder.name}-pages.zip"])]`.
#
# </details>

# %%
#| hide
folder.cleanup()
