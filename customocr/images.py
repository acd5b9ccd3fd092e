"""From whatever holds a picture (a path, bytes, a PIL image, an array) to upright grey or BGR pixels.

What a phone, a scanner or a drawing program does to a file is undone here, so that everything behind it sees ink on
paper: EXIF orientation, palettes, transparency, 16 bits a channel, formats other than the name says. Nothing here knows
of characters.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from customocr.errors import ImageError

MAX_PIXELS = 3_000_000  # a 12-megapixel photo halved on each side: its strokes are still 4 pixels wide and it decodes 3 times faster
OPAQUE_SHARE = 0.5  # a picture with less opaque area than this is a drawing on nothing, not a sheet with cut corners
FORMATS = "JPEG, PNG, TIFF, WebP, GIF or BMP"
NOT_PIXELS = {  # first bytes of what people hand over by mistake: what it is and what to do
    b"%PDF": "is a PDF: turn its pages into PNG files first (for example with pdftoppm -png -r 200)",
    b"<svg": "is an SVG drawing: export it as PNG first",
    b"<?xml": "is an XML or SVG text: export it as PNG first",
    b"<!DOC": "is a web page, not a picture: save the picture itself",
    b"<html": "is a web page, not a picture: save the picture itself",
    b"PK\x03\x04": "is a zip archive or an office document: unpack it or export the page as PNG first",
}
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")


@dataclass(frozen=True)
class LoadedImage:
    "Pixels ready to be read, and how they relate to the page they came from."

    pixels: np.ndarray  # uint8 (h, w) grey or (h, w, 3) BGR, upright
    scale: float  # page pixels per pixel here, at least 1: a box here times `scale` is a box on the page
    name: str  # how messages call the source


def load_image(
    source,  # path, bytes of an image file, PIL image, or array: grey (h, w), BGR (h, w, 3) or BGRA (h, w, 4)
    max_pixels: int
    | None = MAX_PIXELS,  # larger pictures are reduced to about this many pixels, None keeps them
) -> LoadedImage:
    """Read a picture from any source as upright grey or BGR pixels; of an animation the first frame.

    Arrays may be uint8, uint16, bool, float (0 to 1, or 0 to 255) or integers from 0 to 255.
    Raises `ImageError`, which names the source, what is wrong with it and what to do.
    """
    if isinstance(source, np.ndarray):
        name, (pixels, scale) = "the array", (_from_array(source, "the array"), 1.0)
    elif type(source).__module__.split(".")[0] == "PIL":
        name = str(getattr(source, "filename", "") or "the PIL image")
        pixels, scale = _from_pil(source, name), 1.0
    elif isinstance(source, (bytes, bytearray, memoryview)):
        name = "the image bytes"
        pixels, scale = _from_bytes(bytes(source), name, max_pixels)
    elif isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        pixels, scale = _from_bytes(_file_bytes(Path(source)), name, max_pixels)
    else:
        raise ImageError(
            f"cannot read an image from {type(source).__name__}: give a path, the bytes of an image file, a PIL image or a numpy array"
        )
    pixels, reduced = _reduce(pixels, max_pixels)
    return LoadedImage(np.ascontiguousarray(pixels), scale * reduced, name)


def _file_bytes(
    path: Path,
) -> bytes:  # the file's content
    "Read a file, or say in one sentence why not."
    try:
        return path.read_bytes()
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


def _from_bytes(
    data: bytes,  # content of an image file
    name: str,  # for messages
    max_pixels: int | None,  # a larger JPEG is decoded at a half, quarter or eighth of its size
) -> tuple[np.ndarray, float]:  # uint8 (h, w) or (h, w, 3), file pixels per pixel
    "Decode an image file by what it is, not by what it is called."
    if not data:
        raise ImageError(f"{name}: is empty (0 bytes): copy or save it again")
    flags, factor = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH, 1
    if data[:3] == b"\xff\xd8\xff":
        flags, factor = _jpeg_flags(data, name, max_pixels)
    elif data[:4] == b"\x89PNG" and b"IEND" not in data[-4096:]:
        raise ImageError(f"{name}: is a truncated PNG, its end is missing: copy or save it again")
    elif _may_be_transparent(data):
        flags = cv2.IMREAD_UNCHANGED
    try:
        with _quiet_opencv():
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if (
            "IMAGE_PIXELS" in str(error)
            or "IMAGE_WIDTH" in str(error)
            or "IMAGE_HEIGHT" in str(error)
        ):
            raise ImageError(
                f"{name}: claims to be larger than 2^30 pixels: cut it or make it smaller"
            ) from None
        pixels = None
    except MemoryError:
        raise ImageError(f"{name}: does not fit in memory: cut it or make it smaller") from None
    if pixels is None:
        raise ImageError(f"{name}: {_why_undecoded(data)}")
    return _from_array(pixels, name), float(factor)


def _jpeg_flags(
    data: bytes,  # content of a JPEG file
    name: str,  # for messages
    max_pixels: int | None,
) -> tuple[int, int]:  # flags for cv2.imdecode, the factor by which they reduce each side
    "How to decode a JPEG: reduced in the frequency domain when it is large, which is several times faster."
    frame = _jpeg_frame(data)
    if frame is None:
        raise ImageError(
            f"{name}: is a JPEG without a picture in it (truncated or damaged): copy or save it again"
        )
    height, width, channels, scan = frame
    if (
        data.rfind(b"\xff\xd9") < scan
    ):  # a decoder would fill the missing rows with grey, and we would read the rest as all
        raise ImageError(f"{name}: is a truncated JPEG, its end is missing: copy or save it again")
    factor = 1
    while max_pixels and factor < 8 and height * width / (2 * factor) ** 2 >= max_pixels * 0.99:
        factor *= 2
    kind = "GRAYSCALE" if channels == 1 else "COLOR"
    return getattr(
        cv2, f"IMREAD_{kind}" if factor == 1 else f"IMREAD_REDUCED_{kind}_{factor}"
    ), factor


def _jpeg_frame(
    data: bytes,  # content of a JPEG file
) -> (
    tuple[int, int, int, int] | None
):  # height, width, channels, offset of the first scan; None where there is none
    "Walk the JPEG's segments (ITU-T T.81, annex B) up to the first scan: the thumbnail in the EXIF segment is stepped over."
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


def _may_be_transparent(
    data: bytes,  # content of an image file that is no JPEG
) -> bool:  # True: decode it with its alpha channel
    "Whether the file's header allows transparency."
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return data[25:26] in (b"\x04", b"\x06") or b"tRNS" in data[: max(0, data.find(b"IDAT"))]
    if data[:4] == b"RIFF":
        return data[12:16] == b"VP8L" or (data[12:16] == b"VP8X" and bool(data[20] & 0x10))
    return data[:4] in (b"GIF8", b"II*\0", b"MM\0*")


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


def _from_pil(
    image,  # PIL.Image.Image
    name: str,  # for messages
) -> np.ndarray:  # uint8 (h, w) or (h, w, 3)
    "Pixels of a PIL image, turned upright by its EXIF orientation."
    from PIL import Image, ImageOps

    try:
        image = ImageOps.exif_transpose(image)
        if image.mode in ("I", "F") or image.mode.startswith("I;16"):
            return _from_array(np.asarray(image), name)
        if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
            return _from_array(
                cv2.cvtColor(np.asarray(image.convert("RGBA")), cv2.COLOR_RGBA2BGRA), name
            )
        if image.mode in ("L", "1"):
            return _from_array(np.asarray(image.convert("L")), name)
        return _from_array(np.asarray(image.convert("RGB"))[..., ::-1], name)
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise ImageError(f"{name}: PIL cannot decode it ({error}): copy or save it again") from None


def _from_array(
    array: np.ndarray,  # (h, w), (h, w, 1), (h, w, 3) BGR or (h, w, 4) BGRA
    name: str,  # for messages
) -> np.ndarray:  # uint8 (h, w) or (h, w, 3) BGR
    "Bring an array of any usual kind to grey or BGR bytes without transparency."
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] not in (3, 4)):
        raise ImageError(
            f"{name}: has shape {array.shape}: give (height, width) grey, (height, width, 3) BGR or (height, width, 4) BGRA"
        )
    if array.size == 0:
        raise ImageError(f"{name}: has no pixels, its shape is {array.shape}: give at least one")
    array = _as_bytes(array, name)
    return _on_paper(array) if array.ndim == 3 and array.shape[2] == 4 else array


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
            f"{name}: holds values from {low} to {high}: give pixels from 0 to 1 or from 0 to 255, without NaN"
        )
    if array.dtype.kind == "f":
        full = 1.0 if high <= 1 else 255.0
    else:  # sensors fill 10, 12, 14 or 16 of 16 bits: the next power of two above the brightest pixel is white
        full = 2.0 ** max(8, int(np.ceil(np.log2(high + 1)))) - 1
    if high > full:
        raise ImageError(
            f"{name}: holds floats up to {high}: give pixels from 0 to 1 or from 0 to 255"
        )
    return np.rint(array.astype(np.float32) * np.float32(255 / full)).astype(np.uint8)


def _on_paper(
    bgra: np.ndarray,  # uint8 (h, w, 4)
) -> np.ndarray:  # uint8 (h, w, 3) BGR
    "Lay a transparent picture on white paper; light ink drawn on nothing is laid on black, where it can be seen."
    alpha = bgra[..., 3]
    if alpha.min() == 255:
        return bgra[..., :3]
    cover = alpha.astype(np.float32)[..., None] / 255
    lightness = float((bgra[..., :3].mean(2, keepdims=True) * cover).sum() / max(cover.sum(), 1e-6))
    paper = 0 if lightness > 127 and cover.mean() < OPAQUE_SHARE and cover.any() else 255
    return np.rint(bgra[..., :3] * cover + paper * (1 - cover)).astype(np.uint8)


def _reduce(
    pixels: np.ndarray,  # uint8 (h, w) or (h, w, 3)
    max_pixels: int | None,
) -> tuple[np.ndarray, float]:  # pixels, input pixels per output pixel
    "Reduce a picture of more than `max_pixels` pixels to about that many, each the mean of those it replaces."
    height, width = pixels.shape[:2]
    if not max_pixels or height * width <= max_pixels * 1.02:
        return pixels, 1.0
    scale = (height * width / max_pixels) ** 0.5
    size = (max(1, round(width / scale)), max(1, round(height / scale)))
    return cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), scale


@contextmanager
def _quiet_opencv() -> Iterator[None]:
    "OpenCV prints its own lines about damaged files; ours says it in one."
    log = getattr(cv2.utils, "logging", cv2)  # OpenCV 5 moved these two functions there
    level = log.getLogLevel()
    log.setLogLevel(0)
    try:
        yield
    finally:
        log.setLogLevel(level)
