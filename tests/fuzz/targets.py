"""What is fuzzed: each target takes bytes, and fails on anything but an answer or our own error.

Used by `tests/fuzz/run.py`, which searches with coverage, by `tests/test_properties.py`, which
tries what hypothesis makes, and for the inputs kept in `tests/fuzz/seeds`, which once went wrong.
"""

from __future__ import annotations

import io
import re
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import cv2
import material
import numpy as np

from customocr import samples
from customocr.collecting import MANIFEST, load_examples, read_manifest, write_manifest
from customocr.data import load_npz, read_az
from customocr.decoding import Knowledge, Lexicon
from customocr.engine.patterns import MAX_STATES, compile_pattern
from customocr.errors import CustomOCRError
from customocr.formats.sources import load_page, pages_of
from customocr.recognition import Reader

SEEDS = Path(__file__).parent / "seeds"  # inputs that once went wrong, a folder for each target
MOST_PIXELS = 200_000  # of a picture that a target reads: fuzzing is about many, not about large


class BrokenPromise(AssertionError):
    "Neither an answer that keeps what it promises nor our own error."


@lru_cache(maxsize=1)
def reader() -> Reader:
    return Reader()


def refuses_well(error: CustomOCRError) -> None:
    "Our errors say something, and never show another library's traceback."
    if len(str(error)) < 10 or "Traceback" in str(error):
        raise BrokenPromise(f"says only {str(error)!r}")


def check_read(picture) -> None:
    "Read a picture, and hold the page to its promises."
    if wrong := material.broken_promises(reader().read(picture)):
        raise BrokenPromise("; ".join(wrong))


def image(data: bytes) -> None:
    "The content of an image file."
    try:
        for source, _ in zip(pages_of("file", "file", data), range(2)):
            picture = load_page(source)
            small = not isinstance(picture, np.ndarray) or picture.size < MOST_PIXELS
            if small and len(data) < MOST_PIXELS:
                check_read(picture)
    except CustomOCRError as error:
        refuses_well(error)


SHAPES = [(1, 1), (1, 40), (8, 8), (20, 90), (28, 28), (48, 160)]
KINDS = ["u1", "?", "<u2", "<f4", "<i4", "<f8"]


def array(data: bytes) -> None:
    "An array: its shape and type from the first bytes, its numbers from the others."
    if len(data) < 4:
        return
    shape: tuple[int, ...] = SHAPES[data[0] % len(SHAPES)]
    shape += [(), (1,), (3,), (4,), (2,)][data[1] % 5]
    kind = np.dtype(KINDS[data[2] % len(KINDS)])
    size = int(np.prod(shape)) * kind.itemsize
    numbers = (data[3:] * (size // len(data[3:]) + 1))[:size]
    try:
        check_read(np.frombuffer(numbers, kind).reshape(shape))
    except CustomOCRError as error:
        refuses_well(error)


def page(data: bytes) -> None:
    "Strokes on paper: every four bytes are a line or a letter."
    paper = np.full((64, 200), 230, np.uint8)
    for a, b, c, d in zip(*[iter(data[:400])] * 4):
        if d % 3:
            ends = (a % 200, b % 64), (c % 200, (d * 7) % 64)
            cv2.line(paper, *ends, 20 + d % 100, 1 + d % 4)
        else:
            letter, at = chr(48 + c % 43), (a % 190, 10 + b % 54)
            cv2.putText(paper, letter, at, cv2.FONT_HERSHEY_SIMPLEX, 0.3 + d / 200, 30, 2)
    check_read(paper)


def pattern(data: bytes) -> None:
    "A pattern for a line."
    text = data.decode("utf8", "replace")
    try:
        automaton = compile_pattern(text)
        states = len(automaton.accept)
        if not 1 <= states <= MAX_STATES + 1 or automaton.follow.max() >= states:
            raise BrokenPromise(f"{text!r} makes an automaton that leads outside itself")
        Knowledge(pattern=text)
    except CustomOCRError as error:
        refuses_well(error)


def on_disk(data: bytes, name: str, call: Callable[[Path], object]) -> None:
    "Give data to a reader of files."
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            call(path)
        except CustomOCRError as error:
            refuses_well(error)


def lexicon(data: bytes) -> None:
    "A file of words."

    def words(path: Path) -> None:
        index = Lexicon(path)
        text = path.read_text("utf8").splitlines()
        for word in (w.strip() for w in text[:50]):
            if re.fullmatch("[0-9A-Z]+", word) and word not in index:
                raise BrokenPromise(f"{word} is not in the lexicon that holds it")

    on_disk(data, "words.txt", words)


def model(data: bytes) -> None:
    "A character network."
    hello = samples.page("hello")

    def use(path: Path) -> None:
        page = Reader(path).read(hello)
        if wrong := material.broken_promises(page):
            raise BrokenPromise("; ".join(wrong))

    on_disk(data, "network.onnx", use)


def glyphs(data: bytes) -> None:
    "Glyphs as arrays, the A-Z set as CSV or zip, and a zip with a folder for each class."
    on_disk(data, "glyphs.npz", load_npz)
    on_disk(data, "letters.csv", read_az)
    on_disk(data, "classes.zip", load_examples)


def manifest(data: bytes) -> None:
    "The table of a folder of examples, beside two pictures."

    def examples(path: Path) -> None:
        for name in ("one.png", "two.png"):
            (path.parent / name).write_bytes(cv2.imencode(".png", np.eye(28) * 255)[1].tobytes())
        rows = read_manifest(path.parent)
        write_manifest(path.parent, rows)
        again = read_manifest(path.parent)
        doubts = [None if r.doubt is None else round(r.doubt, 3) for r in rows]
        if [replace(r, doubt=d) for r, d in zip(rows, doubts)] != again:
            raise BrokenPromise(f"{rows} is written and read as {again}")
        images, labels, kept = load_examples(path.parent)
        if not len(images) == len(labels) == len(kept):
            raise BrokenPromise(f"{len(images)} glyphs, {len(labels)} labels, {len(kept)} rows")

    on_disk(data, MANIFEST, examples)


TARGETS: dict[str, Callable[[bytes], None]] = {
    f.__name__: f for f in (image, pattern, page, array, lexicon, model, glyphs, manifest)
}


# ---- what a search begins with


def _network() -> bytes:
    "The smallest character network: one matrix from 28 x 28 pixels to 36 classes."
    from onnx import TensorProto, helper, numpy_helper

    weights = np.random.default_rng(0).normal(0, 0.1, (784, 36)).astype(np.float32)
    nodes = [
        helper.make_node("Reshape", ["x", "shape"], ["flat"]),
        helper.make_node("MatMul", ["flat", "w"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["y"]),
    ]
    ends = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 28, 28, 1]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [None, 36]),
    ]
    constants = [
        numpy_helper.from_array(weights, "w"),
        numpy_helper.from_array(np.array([-1, 784]), "shape"),
    ]
    graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], constants)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return made.SerializeToString()


def _arrays(**arrays) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _zip(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for label, content in files.items():
            archive.writestr(f"{label}/1.png", content)
    return file.getvalue()


def first_inputs(name: str) -> list[bytes]:  # small ones, all made here
    "Inputs from which a search goes on: good ones of every kind."
    glyph = np.zeros((3, 28, 28), np.uint8)
    glyph[:, 8:20, 12:16] = 255
    label = np.arange(3)
    row = ",".join(["4", *map(str, glyph[0].ravel())])
    small = np.full((24, 40, 3), 255, np.uint8)
    cv2.putText(small, "A1", (2, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.7, (0, 0, 0), 2)
    texts = {
        "pattern": [
            "AA999AA",
            "99/99/9999",
            r"re:[A-Z]+ \d{4}",
            "re:(A|B{2,3})*[^0-9]?",
            "A{3} 9{2,}",
        ],
        "manifest": [
            'file,label,source,box,keep,doubt\none.png,A,page.png,"1,2,3,4",1,0.25\n',
            "\ufefffile;label;keep\r\none.png;U+0041;yes\r\ntwo.png;B;0\r\n",
        ],
        "lexicon": ["ANNA\nBERT\n# names\nC3PO\n", "\ufeffone\r\ntwo\r\n"],
    }
    return {
        "image": [
            data
            for k in material.FILES
            if k not in ("PDF", "HEIC")
            for data in [material.FILES[k](small)]
        ],
        "array": [bytes([k, 0, k, *range(50)]) for k in range(6)],
        "page": [bytes(range(k, k + 80)) for k in range(0, 170, 40)],
        "model": [_network()],
        "glyphs": [
            _arrays(x=glyph, y=label),
            _arrays(x=glyph, y=label, writer=label, writer_names=np.array(["a", "b", "c"])),
            "\n".join([row] * 3).encode(),
            _zip(A=cv2.imencode(".png", glyph[0])[1].tobytes()),
        ],
        **{key: [t.encode() for t in some] for key, some in texts.items()},
    }[name]
