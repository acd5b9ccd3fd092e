"""What tests, fuzzing and `benchmarks/reliability.py` throw at the reader; all made here, seeded.

`mutated` damages a sample page in one of nine formats; `hostile` composes a page that is bad for
a reader: noise, texture, scribble, frames, specks, extreme sizes. `broken_promises` says what a
page that was read promises and does not keep.
"""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from customocr import samples
from customocr.decoding import PLACEHOLDER
from customocr.glyphs import CLASSES

# ---- promises


def broken_promises(page) -> list[str]:
    "What a page promises and does not keep."
    width, height = page.size
    wrong = []
    for c in page.characters:
        x, y, w, h = c.box
        if x < 0 or y < 0 or w <= 0 or h <= 0 or x + w > width or y + h > height:
            wrong.append(f"box {c.box} of {c.text!r} on a page of {page.size}")
        if not 0 <= c.confidence <= 1:
            wrong.append(f"confidence {c.confidence} of {c.text!r}")
        if c.text not in (*CLASSES, PLACEHOLDER):
            wrong.append(f"character {c.text!r}")
    for word in (word for line in page.lines for word in line.words):
        if not 0 <= word.confidence <= 1 or not word.characters:
            wrong.append(f"word {word.text!r} with confidence {word.confidence}")
    if "".join(page.text.split()) != "".join(c.text for c in page.characters):
        wrong.append(f"text {page.text!r} is not its characters")
    return wrong


# ---- files with known pages


def _gif(frames: list[np.ndarray]) -> bytes:
    animation = cv2.Animation()
    animation.frames, animation.durations = frames, [100] * len(frames)
    return cv2.imencodeanimation(".gif", animation)[1].tobytes()


def _heic(pixels: np.ndarray) -> bytes:
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener()
    file = io.BytesIO()
    Image.fromarray(pixels[..., ::-1]).save(file, "HEIF", quality=60)
    return file.getvalue()


def _pdf(pixels: np.ndarray) -> bytes:
    from fpdf import FPDF

    document = FPDF(unit="pt", format=pixels.shape[1::-1])
    for _ in range(2):
        document.add_page()
        jpeg = io.BytesIO(cv2.imencode(".jpg", pixels)[1].tobytes())
        document.image(jpeg, 0, 0, pixels.shape[1], pixels.shape[0])
    return bytes(document.output())


FILES: dict[str, Callable[[np.ndarray], bytes]] = {
    "JPEG": lambda p: cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes(),
    "progressive JPEG": lambda p: cv2.imencode(".jpg", p, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[
        1
    ].tobytes(),
    "PNG": lambda p: cv2.imencode(".png", p)[1].tobytes(),
    "PNG of 16 bits": lambda p: cv2.imencode(".png", p[..., 0].astype(np.uint16) * 257)[
        1
    ].tobytes(),
    "TIFF": lambda p: cv2.imencode(".tif", p)[1].tobytes(),
    "TIFF of two pages": lambda p: cv2.imencodemulti(".tif", [p, p[::2, ::2].copy()])[1].tobytes(),
    "WebP": lambda p: cv2.imencode(".webp", p, [cv2.IMWRITE_WEBP_QUALITY, 80])[1].tobytes(),
    "GIF": lambda p: _gif([cv2.cvtColor(p, cv2.COLOR_BGR2BGRA)]),
    "BMP": lambda p: cv2.imencode(".bmp", p)[1].tobytes(),
    "PDF": _pdf,
    "HEIC": _heic,
}


@lru_cache(maxsize=1)
def pages() -> tuple[np.ndarray, ...]:  # uint8 (h, w, 3) each
    "The sample pages, none with a side over 500 pixels."
    out = []
    for page in samples.pages():
        pixels = cv2.imread(str(page.path))
        f = min(1.0, 500 / max(pixels.shape))
        how = cv2.INTER_AREA
        out.append(cv2.resize(pixels, None, fx=f, fy=f, interpolation=how) if f < 1 else pixels)
    return tuple(out)


@lru_cache(maxsize=200)
def whole_file(
    kind: str,  # a key of `FILES`
    page: int,  # of `pages`
) -> bytes:
    "An undamaged file; empty where the library that writes its format is missing."
    try:
        return FILES[kind](pages()[page])
    except ImportError:
        return b""


# ---- damage


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    "One to twenty bits, anywhere or near the start, where the headers stand."
    reach = len(data) if rng.random() < 0.5 else min(len(data), 200)
    for at in rng.integers(reach, size=rng.integers(1, 21)):
        data[at] ^= 1 << int(rng.integers(8))


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    "The end is missing, or a stretch in the middle."
    at = int(rng.integers(len(data)))
    del data[at : len(data) if rng.random() < 0.5 else at + int(rng.integers(1, 2000))]


EXTREME = (0, 1, 2, 255, 256, 32767, 32768, 65535, 2**24, 2**31 - 1, 2**31, 2**32 - 1)


def _header(data: bytearray, rng: np.random.Generator) -> None:
    "A number near the start becomes an extreme one, in either order of bytes."
    form = str(rng.choice(["<H", ">H", "<I", ">I"]))
    size = struct.calcsize(form)
    at = int(rng.integers(max(1, min(len(data), 120) - size)))
    value = int(rng.choice(EXTREME)) % (1 << (8 * size))
    data[at : at + size] = struct.pack(form, value)


def _swap(data: bytearray, rng: np.random.Generator) -> None:
    "Two stretches change places: chunks and segments out of order."
    a, b = sorted(int(v) for v in rng.integers(len(data), size=2))
    n = int(rng.integers(1, 200))
    one, two = data[a : a + n], data[b : b + n]
    data[b : b + n], data[a : a + n] = one, two


def _splice(data: bytearray, rng: np.random.Generator) -> None:
    "A stretch of another file stands in this one."
    other = whole_file(str(rng.choice(list(FILES))), int(rng.integers(len(pages()))))
    if other:
        at, begin = int(rng.integers(len(data))), int(rng.integers(len(other)))
        data[at : at + int(rng.integers(500))] = other[begin : begin + int(rng.integers(1, 1000))]


def _noise(data: bytearray, rng: np.random.Generator) -> None:
    "A stretch of random bytes."
    at, n = int(rng.integers(len(data))), int(rng.integers(1, 300))
    data[at : at + n] = rng.bytes(n)


DAMAGE = (_flip, _flip, _cut, _header, _header, _swap, _splice, _noise)


def mutated(
    rng: np.random.Generator,
) -> tuple[bytes, str]:  # content of a damaged file, and its format
    "A sample page in one of the formats, damaged once to three times."
    data = b""
    while not data:
        kind = str(rng.choice(list(FILES)))
        data = whole_file(kind, int(rng.integers(len(pages()))))
    out = bytearray(data)
    for k in rng.integers(len(DAMAGE), size=rng.integers(1, 4)):
        if len(out) > 8:
            DAMAGE[k](out, rng)
    return bytes(out), kind


# ---- hostile pages


def _size(rng: np.random.Generator) -> tuple[int, int]:
    "A usual size of a page or a line."
    return int(rng.integers(30, 900)), int(rng.integers(60, 1200))


def _grain(rng: np.random.Generator) -> np.ndarray:
    "Noise, fine or coarse, of any strength."
    h, w = _size(rng)
    f = int(rng.integers(1, 12))
    noise = rng.normal(rng.integers(60, 220), rng.integers(5, 100), (h // f + 1, w // f + 1))
    grown = cv2.resize(noise.clip(0, 255).astype(np.uint8), (w, h), interpolation=cv2.INTER_CUBIC)
    return grown if rng.random() < 0.5 else np.where(grown > 128, 255, 0).astype(np.uint8)


def _texture(rng: np.random.Generator) -> np.ndarray:
    "Waves, hatching or a chequerboard."
    h, w = _size(rng)
    y, x = np.mgrid[:h, :w]
    angle, period = rng.uniform(0, math.pi), rng.uniform(3, 60)
    wave = np.sin(2 * math.pi * (x * math.cos(angle) + y * math.sin(angle)) / period)
    if rng.random() < 0.5:
        wave *= np.sin(2 * math.pi * (x * math.sin(angle) - y * math.cos(angle)) / period)
    if rng.random() < 0.5:
        wave = np.sign(wave - rng.uniform(-0.8, 0.8))
    return (127 + 120 * wave).astype(np.uint8)


def _scribble(rng: np.random.Generator) -> np.ndarray:
    "Long runs of ink that may be letters: arcs, loops and zigzags without end."
    h, w = int(rng.integers(40, 200)), int(rng.integers(200, 2500))
    page = np.full((h, w), 255, np.uint8)
    rows = max(1, h // 90)
    for row in range(rows):
        t = np.linspace(0, w, 6 * w)
        size, pitch = 0.3 * h / rows, rng.uniform(8, 60)
        loop = rng.uniform(0, 1.5) * pitch / 2
        x = t + loop * np.sin(2 * math.pi * t / pitch)
        y = (row + 0.5) * h / rows + size * np.cos(2 * math.pi * t / pitch)
        y = y + rng.normal(0, 0.3 * size, 60).repeat(-(-len(t) // 60))[: len(t)].cumsum() * 0.01
        points = np.stack([x, y], 1).round().astype(np.int32)
        cv2.polylines(page, [points], False, int(rng.integers(0, 120)), int(rng.integers(1, 6)))
    return page


def _specks(rng: np.random.Generator) -> np.ndarray:
    "Very many components, in a grid or anywhere."
    h, w = int(rng.integers(200, 1600)), int(rng.integers(200, 1600))
    page = np.full((h, w), 255, np.uint8)
    side, n = int(rng.integers(1, 12)), int(rng.integers(500, 20_000))
    if rng.random() < 0.5:
        step = side + int(rng.integers(2, 10))
        at = np.stack(np.meshgrid(np.arange(0, h - side, step), np.arange(0, w - side, step)), -1)
        at = at.reshape(-1, 2)[:n]
    else:
        at = rng.integers([h - side, w - side], size=(n, 2))
    for y, x in at:
        page[y : y + side, x : x + side] = 0
    return page


def _frames(rng: np.random.Generator) -> np.ndarray:
    "Frames in frames, crossed lines, or a spiral."
    h, w = _size(rng)
    page, step, thick = np.full((h, w), 255, np.uint8), int(rng.integers(4, 40)), 2
    if rng.random() < 0.5:
        for k in range(0, min(h, w) // 2, step):
            cv2.rectangle(page, (k, k), (w - 1 - k, h - 1 - k), 0, thick)
    else:
        page[::step], page[:, ::step] = 0, 0
    if rng.random() < 0.5:
        cv2.putText(page, "AB12", (w // 4, h // 2), cv2.FONT_HERSHEY_SIMPLEX, h / 120, 0, 3)
    return page


def _extreme(rng: np.random.Generator) -> np.ndarray:
    "A few pixels, a thread, or many megapixels."
    kind = int(rng.integers(3))
    long = int(2 ** rng.uniform(0, 14))
    h, w = [(1, long), (int(rng.integers(1, 9)), long), (int(rng.integers(2000, 5000)),) * 2][kind]
    if rng.random() < 0.5:
        h, w = w, h
    page = np.full((h, w), 255, np.uint8)
    ink = rng.integers(0, 2, (min(h, 64), min(w, 64)), np.uint8) * 255
    return (
        cv2.resize(ink, (w, h), interpolation=cv2.INTER_NEAREST) if kind < 2 else _many(page, rng)
    )


def _many(page: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    "Rows of printed letters over all of a page."
    size = float(rng.uniform(0.4, 3))
    text = "".join(rng.choice(list(CLASSES), 400))
    for y in range(30, page.shape[0], int(40 * size)):
        cv2.putText(page, text, (5, y), cv2.FONT_HERSHEY_SIMPLEX, size, 0, max(1, int(2 * size)))
    return page


def _crowd(rng: np.random.Generator) -> np.ndarray:
    "Letters over letters, or a page full of them."
    h, w = _size(rng)
    page = np.full((h, w), 255, np.uint8)
    if rng.random() < 0.4:
        return _many(page, rng)
    for _ in range(int(rng.integers(10, 300))):
        at = int(rng.integers(w)), int(rng.integers(h))
        c, size = str(rng.choice(list(CLASSES))), float(rng.uniform(0.3, 3))
        cv2.putText(page, c, at, cv2.FONT_HERSHEY_SIMPLEX, size, int(rng.integers(200)), 2)
    return page


HOSTILE = (_grain, _texture, _scribble, _scribble, _specks, _frames, _extreme, _crowd)


def hostile(
    rng: np.random.Generator,
) -> tuple[np.ndarray, str]:  # uint8 (h, w), and its kind
    "A page that is bad for a reader; every fourth is turned, and every fourth light on dark."
    make = HOSTILE[int(rng.integers(len(HOSTILE)))]
    page = make(rng)
    if rng.random() < 0.25:
        page = np.rot90(page)
    if rng.random() < 0.25:
        page = 255 - page
    return np.ascontiguousarray(page), make.__name__.lstrip("_")
