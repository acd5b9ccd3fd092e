# %% [markdown]
# # What is in an image file?
# > A path, bytes, a PIL image or an array becomes upright grey or BGR bytes, or one error that says what to do.

# %% [markdown]
# A phone stores a photo lying on its side and notes how to turn it. A scanner stores 16 bits a pixel. A drawing program stores ink on nothing. This notebook undoes all of that: `load_image` takes a picture as people have it and gives the pixels that a reader needs.
# At the end you can hand over a file of any of these kinds, and a file that is broken is refused in one sentence.

# %%
#| default_exp images

# %%
#| export
from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from customocr.errors import ImageError
from customocr.limits import Limits

# %%
#| code-fold: true
#| code-summary: "Imports, and two helpers: a picture as a file, and a file's numbers as they stand"
import io
import tempfile
import time

from PIL import Image, ImageFile

from customocr.pictures import figure, sample, write


def encoded(
    image: np.ndarray,  # uint8 or uint16 (h, w), (h, w, 3) BGR or (h, w, 4) BGRA
    suffix: str = ".png",
) -> bytes:
    "The picture as the content of a file."
    return cv2.imencode(suffix, image)[1].tobytes()


def plain(data: bytes) -> np.ndarray:  # uint8 (h, w) or (h, w, 3)
    "The numbers as they stand in the file: no turn, no transparency, the low byte of each."
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    pixels = np.asarray(Image.open(io.BytesIO(data)))
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    return (pixels[..., :3] if pixels.ndim == 3 else pixels).astype(np.uint8)


# %% [markdown]
# ## One page, four files
# We write a page and save it in four ways that are all in use. The picture shows the numbers as they stand in each file.

# %%
#| code-fold: true
#| code-summary: "The page and its four files"
page = write(["FOUR FILES", "1 PAGE 2025"], seed=4).image


def phone_file(
    image: np.ndarray,  # uint8 (h, w), upright
) -> bytes:  # a JPEG that lies on its side
    "A photo as a phone stores it: turned left, with the tag that says how to turn it back."
    exif, out = Image.Exif(), io.BytesIO()
    exif[0x0112] = 6  # orientation: turn right by 90 degrees
    Image.fromarray(np.rot90(image)).save(out, "JPEG", exif=exif, quality=90)
    return out.getvalue()


def drawing(
    image: np.ndarray,  # uint8 (h, w), dark ink on white
    ink: int = 0,  # grey of the ink, 0 to 255
) -> np.ndarray:  # uint8 (h, w, 4) BGRA
    "The ink alone: one colour, and alpha where there is ink."
    colour = np.full_like(image, ink) * (image < 255)
    return np.dstack([colour, colour, colour, 255 - image])


def scan(
    image: np.ndarray,  # uint8 (h, w)
) -> np.ndarray:  # uint16 (h, w): the picture in the high byte, noise in the low one
    "A page as a scanner of 16 bits sees it."
    noise = np.random.default_rng(1).integers(256, size=image.shape, dtype=np.uint16)
    return image * np.uint16(256) + noise


photo = encoded(page, ".jpg")
files = {
    "phone: lies on its side": phone_file(page),
    "scanner: 16 bits": encoded(scan(page)),
    "drawing: ink on nothing": encoded(drawing(page)),
    "download: cut off": photo[: len(photo) * 6 // 10],
}

# %%
#| label: fig-images-plain
#| fig-cap: "The numbers as they stand in the files: on its side, noise, all black, half grey."
#| fig-alt: "A page turned left, a rectangle of noise, a black rectangle, and a page whose lower half is grey."
figure({caption: plain(data) for caption, data in files.items()}, columns=4)


# %% [markdown]
# *Needs*: five seconds and no data. All files are made here, from pages written with the handwriting fonts of the package ([Pictures](pictures.ipynb)).

# %% [markdown]
# - The *phone* stores what its sensor saw, here lying on its side. A number in the file's EXIF data, the *orientation*, says how to turn it.
# - The *scanner* stores 16 bits a channel.
# - The *drawing program* stores black ink and how opaque each pixel is, its *alpha*. The paper is transparent, and its colour is black, too.
# - The *download* was cut off: the second half of a JPEG is missing.
#
# A reader can use none of them as they are. It needs upright pixels with ink on paper, and it should not have to know about files. So what we return is small: the pixels, and how they relate to the page they came from.

# %%
#| export
@dataclass(frozen=True)
class LoadedImage:
    "Pixels ready to be read, and how they relate to the page they came from."

    pixels: np.ndarray  # uint8 (h, w) grey or (h, w, 3) BGR, upright
    scale: float  # page pixels per pixel here, at least 1: a box here times it is one on the page
    name: str  # how messages call the source
    size: tuple[int, int]  # width and height of the page, in its own pixels


# %% [markdown]
# ## How bright is white?
# Arrays come as bytes, as 16-bit numbers, as floats, as truth values. We need to know which number is white:
#
# - Floats up to 1 have 1 as white, other floats 255.
# - Sensors fill 10, 12, 14 or 16 of 16 bits. So we count the bits of the brightest pixel. White is the highest number with that many bits, and at least 255.

# %%
#| export
#| code-fold: true
#| code-summary: "`_as_bytes`: any number type to bytes"
def _as_bytes(
    array: np.ndarray,  # any shape and number type
    name: str,  # for messages
) -> np.ndarray:  # uint8, same shape
    "Scale bool, 16-bit, float and wide integer pixels to bytes."
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    if array.dtype.kind not in "uif":
        raise ImageError(
            f"{name}: has number type {array.dtype}: give uint8, uint16, bool or float pixels"
        )
    low, high = float(array.min()), float(array.max())
    if not np.isfinite([low, high]).all() or low < 0:
        raise ImageError(
            f"{name}: holds values from {low} to {high}: "
            "give pixels from 0 to 1 or from 0 to 255, without NaN"
        )
    if array.dtype.kind == "f":
        full = 1.0 if high <= 1 else 255.0
    else:
        full = 2.0 ** max(8, int(np.ceil(np.log2(high + 1)))) - 1
    if high > full:
        raise ImageError(
            f"{name}: holds floats up to {high}: give pixels from 0 to 1 or from 0 to 255"
        )
    return np.rint(array.astype(np.float32) * np.float32(255 / full)).astype(np.uint8)


# %%
#| label: fig-images-bits
#| fig-cap: "A 12-bit sensor's page: in its low bytes paper and ink are nearly the same grey, `_as_bytes` gives the page."
#| fig-alt: "Grey letters on grey with bright edges, beside the same page as it was written."
sensor = np.rint(page / 255 * 4095).astype(np.uint16)
for same in (sensor, page / 255, page.astype(np.float32), page.astype(np.int64)):
    assert np.array_equal(_as_bytes(same, "page"), page), same.dtype
figure({"low bytes of 12 bits": sensor.astype(np.uint8), "as bytes": _as_bytes(sensor, "page")})

# %% [markdown]
# ## Ink on nothing
# A transparent picture is laid on paper: each pixel is the mean of ink and paper, weighted with alpha. White paper would hide white ink, as on a drawing made on a dark screen. So where the ink is light and most of the picture is transparent, the paper is black.

# %%
#| export
OPAQUE_SHARE = 0.5  # with less opaque area it is a drawing on nothing, not a sheet with cut corners


def _on_paper(
    bgra: np.ndarray,  # uint8 (h, w, 4)
) -> np.ndarray:  # uint8 (h, w, 3) BGR
    "Lay a transparent picture on white paper; light ink on nothing on black, where it is seen."
    alpha = bgra[..., 3]
    if alpha.min() == 255:
        return bgra[..., :3]
    cover = alpha.astype(np.float32)[..., None] / 255
    lightness = float((bgra[..., :3].mean(2, keepdims=True) * cover).sum() / max(cover.sum(), 1e-6))
    paper = 0 if lightness > 127 and cover.mean() < OPAQUE_SHARE and cover.any() else 255
    return np.rint(bgra[..., :3] * cover + paper * (1 - cover)).astype(np.uint8)


# %%
#| label: fig-images-alpha
#| fig-cap: "Without alpha the black drawing is gone. On paper both drawings can be read."
#| fig-alt: "A black area; the page with black letters on white; the page with white letters on black."
dark, light = drawing(page), drawing(page, ink=255)
laid = {"black ink": _on_paper(dark), "white ink": _on_paper(light)}
assert dark[..., :3].max() == 0 and np.array_equal(laid["black ink"][..., 0], page)
assert np.array_equal(laid["white ink"][..., 0], 255 - page)
figure({"black ink, alpha ignored": dark[..., :3], **laid}, columns=3)


# %% [markdown]
# Arrays of every usual shape go through both steps:

# %%
#| export
#| code-fold: true
#| code-summary: "`_from_array`: any usual array to grey or BGR bytes"
def _from_array(
    array: np.ndarray,  # (h, w), (h, w, 1), (h, w, 3) BGR or (h, w, 4) BGRA
    name: str,  # for messages
) -> np.ndarray:  # uint8 (h, w) or (h, w, 3) BGR
    "Bring an array of any usual kind to grey or BGR bytes without transparency."
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(
            f"{name}: has shape {array.shape}: "
            "give (height, width) grey, (height, width, 3) BGR or (height, width, 4) BGRA"
        )
    if array.size == 0:
        raise ImageError(f"{name}: has no pixels, its shape is {array.shape}: give at least one")
    array = _as_bytes(array, name)
    return _on_paper(array) if array.ndim == 3 and array.shape[2] == 4 else array


# %%
shapes = [a.shape for a in (page, page[..., None], dark, dark[..., :3])]
assert all(_from_array(np.zeros(s, bool), "page").shape[:2] == page.shape for s in shapes)
try:
    _from_array(np.zeros((3, *page.shape)), "the array")
except ImageError as error:
    print(error)

# %% [markdown]
# ## A large photo
# A phone's photo has 12 million pixels or more. Its strokes stay readable at a quarter of that, and all later steps take a quarter of the time. So a larger picture is reduced to about `MAX_PIXELS`, each pixel the mean of those it replaces.

# %%
#| export
MAX_PIXELS = 3_000_000  # a 12-megapixel photo halved on each side: strokes are still 4 pixels wide


def _reduce(
    pixels: np.ndarray,  # uint8 (h, w) or (h, w, 3)
    max_pixels: int | None,  # None: as it is
) -> tuple[np.ndarray, float]:  # pixels, input pixels per output pixel
    "Reduce to about `max_pixels` pixels, each the mean of those it replaces."
    height, width = pixels.shape[:2]
    if not max_pixels or height * width <= max_pixels * 1.02:
        return pixels, 1.0
    scale = (height * width / max_pixels) ** 0.5
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), scale


# %% [markdown]
# A JPEG need not be decoded in full for that. It stores blocks of 8 x 8 pixels as frequencies. A decoder that leaves out the high frequencies gives a picture of half, a quarter or an eighth of the size, in a fraction of the time.
# OpenCV does so when it is told before it decodes. So we look up the size first, in the file's *segments*: each begins with a marker and, with few exceptions, its length. A photo's small preview sits in a segment of its own, which we skip.

# %%
#| export
#| code-fold: true
#| code-summary: "`_jpeg_frame`: walk the segments of a JPEG"
def _jpeg_frame(
    data: bytes,  # content of a JPEG file
) -> tuple[int, int, int, int] | None:  # height, width, channels, offset of the first scan, or None
    "Walk the segments (ITU-T T.81, annex B) to the first scan; None where there is none."
    at, size = 2, None
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
        elif marker == 0x01 or 0xD0 <= marker <= 0xD8:  # markers without a length
            at += 2
        else:
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                size = (
                    int.from_bytes(data[at + 5 : at + 7]),
                    int.from_bytes(data[at + 7 : at + 9]),
                    data[at + 9],
                )
            if marker == 0xDA:
                return (*size, at) if size else None
            at += 2 + int.from_bytes(data[at + 2 : at + 4])
    return None


# %%
preview = encoded(page[::8, ::8], ".jpg")
segment = b"\xff\xe1" + (len(preview) + 2).to_bytes(2) + preview
with_preview = photo[:2] + segment + photo[2:]
assert _jpeg_frame(with_preview)[:3] == _jpeg_frame(photo)[:3] == (*page.shape, 1)
print("height, width, channels, offset of the scan:", _jpeg_frame(photo))


# %% [markdown]
# From the size follows how to decode. A JPEG ends with the two bytes `FF D9`. If they are missing, the file was cut off. A decoder fills the rest with grey, and a reader would take what is left for the whole page.

# %%
#| export
#| code-fold: true
#| code-summary: "`_jpeg_flags`: how to decode a JPEG"
def _jpeg_flags(
    data: bytes,  # content of a JPEG file
    name: str,  # for messages
    max_pixels: int | None,  # the reduced picture has at least about so many; None: in full
) -> tuple[int, int]:  # flags for cv2.imdecode, the factor by which they reduce each side
    "How to decode a JPEG: a large one reduced, which is several times faster."
    frame = _jpeg_frame(data)
    if frame is None:
        raise ImageError(
            f"{name}: is a JPEG without a picture in it (truncated or damaged): "
            "copy or save it again"
        )
    height, width, channels, scan = frame
    if data.rfind(b"\xff\xd9") < scan:
        raise ImageError(f"{name}: is a truncated JPEG, its end is missing: copy or save it again")
    factor = 1
    while max_pixels and factor < 8 and height * width / (2 * factor) ** 2 >= max_pixels * 0.99:
        factor *= 2
    kind = "GRAYSCALE" if channels == 1 else "COLOR"
    how = f"IMREAD_{kind}" if factor == 1 else f"IMREAD_REDUCED_{kind}_{factor}"
    return getattr(cv2, how), factor


# %%
#| label: fig-images-reduced
#| fig-cap: "A part of a photo of 12 million pixels, decoded in full and reduced and decoded at half its size: no difference can be seen."
#| fig-alt: "The same handwritten letters twice, equally sharp."
large = cv2.resize(sample("note", grey=False), (4000, 3000), interpolation=cv2.INTER_CUBIC)
large_file = encoded(large, ".jpg")
ways = {"full": (cv2.IMREAD_COLOR, 1), "reduced": _jpeg_flags(large_file, "photo", MAX_PIXELS)}
decoded, seconds = {}, {}
for way, (flags, factor) in ways.items():
    start = time.perf_counter()
    in_file = cv2.imdecode(np.frombuffer(large_file, np.uint8), flags)
    decoded[way] = _reduce(in_file, MAX_PIXELS)[0]
    seconds[way] = time.perf_counter() - start
assert ways["reduced"][1] == 2 and decoded["full"].shape == decoded["reduced"].shape
assert np.abs(decoded["full"].astype(int) - decoded["reduced"]).mean() < 2
figure({way: pixels[420:700, 500:1060] for way, pixels in decoded.items()})

# %%
print(*(f"{way}: {s:.3f} s" for way, s in seconds.items()), sep="\n")


# %% [markdown]
# ## How large is it?
# A file of one megabyte can hold a picture of a thousand megapixels, all white. Decoding it would take 15 seconds and 2 GB.
# So the size is read from the first bytes, before anything is decoded.

# %%
#| export
#| code-fold: true
#| code-summary: "`picture_size`: width and height from a file's first bytes; what is refused"
def _tiff_size(data: bytes, skip: int = 0) -> tuple[int, int] | None:
    "Width and height in a directory of a TIFF, `skip` behind the first (TIFF 6.0, section 2)."
    order: Any = "little" if data[:2] == b"II" else "big"
    number = lambda at, n: int.from_bytes(data[at : at + n], order)
    at, found = number(4, 4), {}
    for _ in range(skip):
        at = number(at + 2 + 12 * number(at, 2), 4)
    for entry in range(at + 2, min(at + 2 + 12 * number(at, 2), len(data)), 12):
        tag, kind = number(entry, 2), number(entry + 2, 2)
        if tag in (256, 257) and kind in (3, 4):
            found[tag] = number(entry + 8, 2 if kind == 3 else 4)
    return (found[256], found[257]) if len(found) == 2 else None


def _webp_size(data: bytes) -> tuple[int, int] | None:
    "Width and height of the three kinds of WebP (RFC 9649)."
    little = lambda at, n: int.from_bytes(data[at : at + n], "little")
    if data[12:16] == b"VP8X":
        return 1 + little(24, 3), 1 + little(27, 3)
    if data[12:16] == b"VP8L":
        bits = little(21, 4)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    return (little(26, 2) & 0x3FFF, little(28, 2) & 0x3FFF) if data[12:16] == b"VP8 " else None


def picture_size(
    data: bytes,  # content of an image file
    page: int = 0,  # of a TIFF of many, counted from 0
) -> tuple[int, int] | None:  # width, height in pixels; None where the header does not say
    "How large a picture is, without decoding it."
    big = lambda at, n: int.from_bytes(data[at : at + n])
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return big(16, 4), big(20, 4)
    if data[:3] == b"\xff\xd8\xff":
        frame = _jpeg_frame(data)
        return frame and (frame[1], frame[0])
    if data[:4] == b"GIF8":
        return int.from_bytes(data[6:8], "little"), int.from_bytes(data[8:10], "little")
    if data[:2] == b"BM":
        sizes = [int.from_bytes(data[at : at + 4], "little", signed=True) for at in (18, 22)]
        return abs(sizes[0]), abs(sizes[1])
    if data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_size(data, page)
    if data[:4] == b"RIFF":
        return _webp_size(data)
    for box, skip, first in ((b"ihdr", 4, "height"), (b"ispe", 8, "width")):  # JPEG 2000; AVIF
        at = data.find(box, 0, 4096)
        if at >= 0:
            sizes = [big(at + skip, 4), big(at + skip + 4, 4)]
            return (sizes[1], sizes[0]) if first == "height" else (sizes[0], sizes[1])
    return None


def refuse_bytes(
    size: int,  # bytes
    name: str,  # for messages
    limits: Limits = Limits(),
) -> None:
    "Raise `ImageError` for a file that is larger than may be."
    if size > limits.bytes:
        raise ImageError(
            f"{name}: has {size:,} bytes, more than {limits.bytes:,.0f}: make it smaller,"
            " or allow more (Limits, --limit bytes=N)"
        )


def refuse_size(
    width: int,  # pixels
    height: int,  # pixels
    name: str,  # for messages
    limits: Limits = Limits(),
) -> None:
    "Raise `ImageError` for a picture that is larger or longer than a page may be."
    if width * height > limits.pixels:
        raise ImageError(
            f"{name}: has {width} x {height} pixels, more than {limits.pixels:,.0f}: "
            "cut it or make it smaller, or allow more (Limits, --limit pixels=N)"
        )
    if max(width, height) > limits.aspect * min(width, height) > 0:
        raise ImageError(
            f"{name}: has {width} x {height} pixels, one side is more than {limits.aspect:g} times"
            " the other: cut it into pages, or allow more (Limits, --limit aspect=N)"
        )


# %%
colour = cv2.cvtColor(page, cv2.COLOR_GRAY2BGR)
for suffix in (".png", ".jpg", ".bmp", ".webp", ".tiff", ".gif"):
    assert picture_size(encoded(colour, suffix)) == page.shape[::-1]
    print(suffix, picture_size(encoded(colour, suffix)))

# %% [markdown]
# A picture of 32,000 x 32,000 white pixels fits into a small file. It is refused by its header:

# %%
bomb = bytearray(encoded(np.full((8, 8), 255, np.uint8), ".png"))
bomb[16:24] = (32_000).to_bytes(4) + (32_000).to_bytes(4)
try:
    refuse_size(*picture_size(bytes(bomb)), "bomb.png", Limits())
except ImageError as error:
    print(error)
else:
    raise AssertionError

# %% [markdown]
# ## What is wrong with this file?
# People hand over a PDF, a web page, a photo in a format that OpenCV does not know. The first bytes tell what it is, whatever the file's name says. The sentence then says what to do.

# %%
#| export
FORMATS = "JPEG, PNG, TIFF, WebP, GIF or BMP"
NOT_PIXELS = {  # first bytes of what people hand over by mistake: what it is and what to do
    b"%PDF": "is a PDF: `customocr read` and `Reader.read_many` read its pages "
    "(with the extra: pip install 'customocr[pdf]')",
    b"<svg": "is an SVG drawing: export it as PNG first",
    b"<?xml": "is an XML or SVG text: export it as PNG first",
    b"<!DOC": "is a web page, not a picture: save the picture itself",
    b"<html": "is a web page, not a picture: save the picture itself",
    b"PK\x03\x04": "is a zip archive or an office document: "
    "unpack it or export the page as PNG first",
}
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")


# %%
#| export
#| code-fold: true
#| code-summary: "`_why_undecoded`: a sentence for a file that could not be decoded"
def _why_undecoded(
    data: bytes,  # content of a file that is no image we know
) -> str:  # what it is and what to do
    "A sentence for a file that could not be decoded."
    start = data[:64].lstrip()
    for magic, advice in NOT_PIXELS.items():
        if start.upper().startswith(magic.upper()):
            return advice
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        return (
            "is a HEIC photo: export it as JPEG first (on the phone: share it as 'most compatible')"
        )
    known = (
        data[:4] in (b"\x89PNG", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
        or data[:3] == b"\xff\xd8\xff"
        or data[:2] == b"BM"
    )
    if known:
        return "is truncated or damaged: copy or save it again"
    if not any(byte < 9 for byte in data[:512]):
        return f"is a text file, not an image: give a {FORMATS} file"
    return f"is not an image of a known format: give a {FORMATS} file"


# %% [markdown]
# Now all kinds of files can be decoded. JPEG is decoded as above, a format that may be transparent with its alpha, everything else as it is. OpenCV turns a photo by its orientation, except where it decodes alpha.

# %%
#| export
#| code-fold: true
#| code-summary: "Two helpers: does the header allow transparency, and OpenCV's own messages"
def _may_be_transparent(
    data: bytes,  # content of an image file that is no JPEG
) -> bool:  # True: decode it with its alpha channel
    "Whether the file's header allows transparency."
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return data[25:26] in (b"\x04", b"\x06") or b"tRNS" in data[: max(0, data.find(b"IDAT"))]
    if data[:4] == b"RIFF":
        return data[12:16] == b"VP8L" or (data[12:16] == b"VP8X" and bool(data[20] & 0x10))
    return data[:4] in (b"GIF8", b"II*\0", b"MM\0*")


_quiet: list[int] = []  # OpenCV's level before, once for each thread that wants it quiet now
_quiet_lock = threading.Lock()


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    """OpenCV prints its own lines about damaged files; ours says it in one. The level is one for
    all threads: the last that leaves restores it."""
    log: Any = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved these two functions there
    with _quiet_lock:
        _quiet.append(_quiet[0] if _quiet else log.getLogLevel())
        log.setLogLevel(0)
    try:
        yield
    finally:
        with _quiet_lock:
            level = _quiet.pop()
            if not _quiet:
                log.setLogLevel(level)


# %%
#| export
#| code-fold: true
#| code-summary: "`_from_bytes`: decode a file by what it is"
def _chunk_beyond_end(
    data: bytes,  # content of a PNG file
) -> bool:  # True: a chunk claims more bytes than the file has
    "Walk the chunks of a PNG: OpenCV takes as much memory as a damaged length says, 4 GB of it."
    at = 8
    while at + 8 <= len(data) and data[at + 4 : at + 8] != b"IEND":
        at += 12 + int.from_bytes(data[at : at + 4])
    return at + 8 > len(data)


def _from_bytes(
    data: bytes,  # content of an image file
    name: str,  # for messages
    max_pixels: int | None,  # a larger JPEG is decoded at a half, quarter or eighth of its size
    limits: Limits = Limits(),
) -> tuple[np.ndarray, float, tuple[int, int]]:  # uint8 (h, w) or (h, w, 3), scale, full size
    "Decode an image file by what it is, not by what it is called."
    if not data:
        raise ImageError(f"{name}: is empty (0 bytes): copy or save it again")
    refuse_bytes(len(data), name, limits)
    size = picture_size(data)
    if size:
        refuse_size(*size, name, limits)
    flags, factor = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH, 1
    if data[:3] == b"\xff\xd8\xff":
        flags, factor = _jpeg_flags(data, name, max_pixels)
    elif data[:4] == b"\x89PNG" and (b"IEND" not in data[-4096:] or _chunk_beyond_end(data)):
        raise ImageError(f"{name}: is a truncated PNG, its end is missing: copy or save it again")
    elif _may_be_transparent(data):
        flags = cv2.IMREAD_UNCHANGED
    try:
        with _quiet_opencv():
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if any(f"IMAGE_{limit}" in str(error) for limit in ("PIXELS", "WIDTH", "HEIGHT")):
            raise ImageError(
                f"{name}: claims to be larger than 2^30 pixels: cut it or make it smaller"
            ) from None
        pixels = None
    except MemoryError:
        raise ImageError(f"{name}: does not fit in memory: cut it or make it smaller") from None
    if pixels is None:
        raise ImageError(f"{name}: {_why_undecoded(data)}")
    pixels = _from_array(pixels, name)
    return pixels, float(factor), _full_size(pixels, factor, size)


def _full_size(
    pixels: np.ndarray,  # upright, decoded at a part of the file's size
    factor: int,  # file pixels per pixel
    size: tuple[int, int] | None,  # width and height as the file's header has them
) -> tuple[int, int]:  # upright
    "Width and height of a picture; a decoder rounds what it reduces."
    height, width = pixels.shape[:2]
    if factor == 1 or size is None:
        return width * factor, height * factor
    return size if -(-size[0] // factor) == width else size[::-1]


# %% [markdown]
# A program that has a PIL image already need not save it. PIL leaves a photo as it lies, so here we apply the orientation ourselves.

# %%
#| export
#| code-fold: true
#| code-summary: "`_from_pil`: the pixels of a PIL image, upright"
def _from_pil(
    image: Any,  # PIL.Image.Image
    name: str,  # for messages
    limits: Limits = Limits(),
) -> np.ndarray:  # uint8 (h, w) or (h, w, 3)
    "Pixels of a PIL image, turned upright by its EXIF orientation."
    from PIL import Image, ImageOps

    width, height = image.size
    refuse_size(width, height, name, limits)
    try:
        image = ImageOps.exif_transpose(image)
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):
            return _from_array(np.asarray(image), name)
        if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
            rgba = np.asarray(image.convert("RGBA"))
            return _from_array(cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA), name)
        if image.mode in ("L", "1"):
            return _from_array(np.asarray(image.convert("L")), name)
        return _from_array(np.asarray(image.convert("RGB"))[..., ::-1], name)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name}: PIL cannot decode it ({error}): copy or save it again") from None


# %%
#| label: fig-images-exif
#| fig-cap: "The phone's file: as it is stored, from its bytes, and from PIL. The last two are upright."
#| fig-alt: "The page lying on its side, then twice upright."
phone = files["phone: lies on its side"]
upright = _from_bytes(phone, "phone", None)[0]
by_pil = _from_pil(Image.open(io.BytesIO(phone)), "phone")
assert upright.shape == by_pil.shape == page.shape
assert np.abs(upright.astype(int) - page).mean() < 3
figure({"as stored": plain(phone), "from bytes": upright, "from PIL": by_pil}, columns=3)


# %% [markdown]
# ## The front door
# `load_image` looks at what it is given and takes the fitting way. A path is read first; what can go wrong there is said in a sentence, too.
# How much a file may have stands in one place, `customocr.limits.Limits`, and can be set: `Reader(limits=Limits(pixels=2e8))`.

# %%
#| export
#| code-fold: true
#| code-summary: "`_file_bytes`: read a file, or say why not"
def _file_bytes(
    path: Path,
    limits: Limits = Limits(),
) -> bytes:  # the file's content
    """Read a file, or say in one sentence why not. A pipe or a device would never end, so only a
    regular file is read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{path}: is no regular file: copy the picture into one, or use `-`")
        refuse_bytes(status.st_size, str(path), limits)
        with path.open("rb") as file:  # it may grow while it is read
            data = file.read(min(int(min(limits.bytes, 2**62)) + 1, 2**62))
        refuse_bytes(len(data), str(path), limits)
        return data
    except FileNotFoundError:
        if str(path).startswith(("http:/", "https:/")):
            raise ImageError(
                f"{path}: web addresses are not fetched: download the picture and give its path"
            ) from None
        raise ImageError(f"{path}: there is no such file: check the path") from None
    except IsADirectoryError:
        raise ImageError(f"{path}: is a folder: name the image files in it") from None
    except PermissionError:
        raise ImageError(f"{path}: may not be read: check the file's permissions") from None
    except (OSError, ValueError) as error:
        raise ImageError(
            f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None


# %%
#| export
#| code-fold: true
#| code-summary: "`load_image`: from any source"
def load_image(
    source: Any,  # path, bytes of an image file, PIL image, or array: grey, BGR or BGRA
    max_pixels: int | None = MAX_PIXELS,  # larger pictures are reduced to about that many; None: no
    limits: Limits = Limits(),  # what a file and a picture may have, checked before it is decoded
) -> LoadedImage:
    """Read a picture from any source as upright grey or BGR pixels; the first frame of many.

    Arrays are (h, w), (h, w, 3) or (h, w, 4), of uint8, uint16, bool, float (0 to 1, or 0 to 255)
    or integers from 0 to 255; bytes of only 0 and 1 are a mask.
    Raises `ImageError`, which names the source, what is wrong with it and what to do.
    """
    if isinstance(source, np.ndarray):
        name, scale, size = "the array", 1.0, None
        if source.ndim >= 2:
            refuse_size(source.shape[1], source.shape[0], name, limits)
        pixels = _from_array(source, name)
        if source.dtype == np.uint8 and pixels.max() == 1:  # a mask
            pixels = pixels * np.uint8(255)
    elif type(source).__module__.split(".")[0] == "PIL":
        name = str(getattr(source, "filename", "") or "the PIL image")
        pixels, scale, size = _from_pil(source, name, limits), 1.0, None
    elif isinstance(source, (bytes, bytearray, memoryview)):
        name = "the image bytes"
        pixels, scale, size = _from_bytes(bytes(source), name, max_pixels, limits)
    elif isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        data = _file_bytes(Path(source), limits)
        pixels, scale, size = _from_bytes(data, name, max_pixels, limits)
    else:
        raise ImageError(
            f"cannot read an image from {type(source).__name__}: "
            "give a path, the bytes of an image file, a PIL image or a numpy array"
        )
    size = size or (pixels.shape[1], pixels.shape[0])
    pixels, reduced = _reduce(pixels, max_pixels)
    return LoadedImage(np.ascontiguousarray(pixels), scale * reduced, name, size)


# %% [markdown]
# The four files of the beginning again. Three are the page; the fourth is refused.

# %%
#| label: fig-images-loaded
#| fig-cap: "The phone's, the scanner's and the drawing program's file through `load_image`: three times the page."
#| fig-alt: "The same upright page three times, dark letters on light paper."
loaded = {}
for caption, data in files.items():
    try:
        loaded[caption] = load_image(data).pixels
    except ImageError as error:
        refusal = str(error)
assert list(loaded) == list(files)[:3] and "truncated JPEG" in refusal
print(refusal)
figure(loaded, columns=3)

# %% [markdown]
# And these are the sentences for files that are no pictures. A program's user sees one line and no traceback.

# %%
#| code-fold: true
#| code-summary: "Seven files that cannot be read, and what is said"
bad = {
    "empty.png": b"",
    "half.png": encoded(page)[:2000],
    "letter.pdf": b"%PDF-1.7\n",
    "IMG_1.HEIC": b"\0\0\0\x18ftypheic" + bytes(50),
    "words.jpg": b"just some words",
    "saved.jpg": b"<!DOCTYPE html><html>",
    "unknown.bin": bytes(range(9)) * 9,
}
said = {}
with tempfile.TemporaryDirectory() as folder:
    for name, content in bad.items():
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            load_image(path)
        except ImageError as error:
            said[name] = str(error).removeprefix(f"{folder}{os.sep}")
assert list(said) == list(bad) and not any("\n" in sentence for sentence in said.values())
print(*said.values(), sep="\n")

# %% [markdown]
# ## Recap
# - A file's kind is told by its first bytes, not by its name.
# - Orientation, bits, transparency and size are undone here; everything behind sees upright grey or BGR bytes.
# - A large JPEG is decoded at a fraction of its size. `scale` brings a box back to the page.
# - A file that is cut off is refused. A part is not read as if it were all.
#
# ## Exercises
# **1.** A box of the reduced photo is (10, 20, 30, 40). Where is it on the photo of 4000 x 3000 pixels?
#
# **2.** Make a file with each of the eight orientations from the same page and check that `load_image` gives the page every time. Pillow's `Image.Transpose` has all the turns.
#
# **3.** Save a drawing with half of its area opaque grey and light ink on it. Which paper does `_on_paper` choose, and would you choose the same?
#
# **4.** Build `contact_sheet(folder)`: one picture with a small version of every image of a folder, upright, and the error's sentence for each file that is refused.
#
# <details><summary>Solution</summary>
#
# ```python
# scale = load_image(large).scale  # 2.0
# print([round(scale * n) for n in (10, 20, 30, 40)])  # [20, 40, 60, 80]
# ```
#
# </details>
#
# ## What the next notebook builds on
# Pixels of any source are now bytes of one kind. Pieces of them become what the network reads: [How does a crop become a glyph?](08_glyphs.ipynb)
