"""Results as files: whole or absent under their name, and never in place of what was read.

Written by hand, not exported from a notebook: every half of the package writes through it.
"""

from __future__ import annotations

import os
import re
import struct
import uuid
import zlib
from collections.abc import Iterable
from pathlib import Path

from customocr.errors import CustomOCRError

MARK = b"Software\0customocr"  # a text chunk of the pictures written here (PNG, 11.3.3.2)


def write_whole(
    target: str | Path,
    data: bytes,
    hidden: str | Path | None = None,  # folder on the same disk for the file until it is whole
    inputs: Iterable[str] = (),  # files that must not be replaced
) -> None:
    """Write a file under another name and rename it, so that it is whole or absent, and a link is
    replaced but not what it points to. Raises `CustomOCRError`."""
    target = Path(target)
    if any(same_file(target, name) for name in inputs):
        raise CustomOCRError(f"{target}: is what was read, and is not replaced: name another place")
    part = Path(hidden or target.parent) / f".{uuid.uuid4().hex}.part"
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        os.replace(part, target)
    except OSError as error:
        raise CustomOCRError(f"{target}: cannot be written: {error.strerror or error}") from None
    finally:
        try:
            part.unlink(missing_ok=True)
        except OSError:  # the folder itself cannot be reached
            pass


def plain_name(
    text: str,  # a file's name, or a message with one
) -> str:  # the same where it is printable UTF-8
    r"Bytes that are not UTF-8, and control characters, written as `\xe9`."
    try:
        data = text.encode("utf8", "surrogateescape")
    except UnicodeEncodeError:  # half a character, of a file system of Windows
        data = text.encode("utf8", "surrogatepass")
    plain = data.decode("utf8", "backslashreplace")
    return re.sub(r"[\x00-\x1f\x7f]", lambda c: f"\\x{ord(c[0]):02x}", plain)


def same_file(one: str | Path, other: str | Path) -> bool:
    "Whether two names are one file, however each is reached; False where one of them is none."
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return False


def marked(
    png: bytes,  # content of a PNG
) -> bytes:  # the same picture, which says who wrote it
    "Put our mark behind the header of a PNG."
    body = b"tEXt" + MARK
    chunk = struct.pack(">I", len(MARK)) + body + struct.pack(">I", zlib.crc32(body))
    return png[:33] + chunk + png[33:]


def write_picture(
    target: str | Path,
    png: bytes,
    inputs: Iterable[str] = (),  # files that must not be replaced
) -> None:
    "Write a picture; a file of that name must be one of ours. Raises `CustomOCRError`."
    if os.path.lexists(target):
        try:
            with open(target, "rb") as file:
                ours = MARK in file.read(100)
        except OSError:
            ours = False
        if not ours:
            raise CustomOCRError(
                f"{target}: stands there already and was not written by customocr: name another"
                " folder"
            )
    write_whole(target, marked(png), inputs=inputs)
