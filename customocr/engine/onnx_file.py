"""What an ONNX file holds, before ONNX Runtime is asked to run it: operators and weights.

Written by hand, not exported from a notebook: it reads a file format without a story. A file is
a protocol buffer: fields of a number, a wire type and a value, some of which hold fields again.
The numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types
MOST_FIELDS = 1_000_000  # of a file: a network of 20 MB has 30,000; a million take a second
FLOATS = {1: "<f4", 10: "<f2", 11: "<f8"}  # element types of a tensor that can be no number


def _varint(data: memoryview, at: int) -> tuple[int, int]:  # the number, the place behind it
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _fields(
    data: memoryview,
    left: Iterator,  # gives something for each field that may still come
) -> Iterator[tuple[int, int | memoryview]]:  # number, value
    "The fields of a message. Raises `ValueError` or `IndexError` where it is none."
    at = 0
    while at < len(data):
        if next(left, None) is None:
            raise ValueError("more fields than a network has")
        key, at = _varint(data, at)
        kind, value = key & 7, 0
        if kind == VARINT:
            value, at = _varint(data, at)
            yield key >> 3, value
            continue
        size = {FIXED64: 8, FIXED32: 4}.get(kind)
        if kind == BYTES:
            size, at = _varint(data, at)
        if size is None or at + size > len(data):
            raise ValueError("a field that ends behind the file")
        yield key >> 3, data[at : at + size]
        at += size


def _text(value: int | memoryview) -> str:
    return bytes(value).decode("utf8", "replace")[:60] if not isinstance(value, int) else ""


def _tensor(data: memoryview, left: Iterator) -> str:
    "What is wrong with a tensor of weights; empty where nothing is."
    kind, raw = 1, None
    for number, value in _fields(data, left):
        if number == 2 and isinstance(value, int):
            kind = value
        elif number == 13 or (number == 14 and value == 1):
            return "keeps weights in another file"
        elif number in (4, 9, 10) and not isinstance(value, int):
            raw = value  # floats or doubles one by one, or the bytes of any type
    if raw is None or kind not in FLOATS:
        return ""
    numbers = np.frombuffer(raw, FLOATS[kind])
    infinite = numbers.size > 1 and np.isinf(numbers).any()  # one alone may be a bound
    return "has weights that are no finite numbers" if infinite or np.isnan(numbers).any() else ""


def _attribute(data: memoryview, left: Iterator) -> str:
    "What is wrong with an attribute of a node."
    for number, value in _fields(data, left):
        if number in (6, 11):
            return "a graph within the graph"
        if number in (5, 10) and not isinstance(value, int) and (wrong := _tensor(value, left)):
            return wrong
    return ""


def _node(data: memoryview, left: Iterator) -> str:
    "What is wrong with a node."
    operator, domain, wrong = "", "", ""
    for number, value in _fields(data, left):
        if number == 4:
            operator = _text(value)
        elif number == 7:
            domain = _text(value)
        elif number == 5 and not isinstance(value, int):
            wrong = wrong or _attribute(value, left)
    if operator in ("Loop", "Scan", "If", "SequenceMap") or wrong.startswith("a graph"):
        return f"has the operator {operator}, which runs another graph"
    if domain not in ("", "ai.onnx"):
        return f"has the operator {operator} of {domain}, which is not one of ONNX itself"
    return wrong


GRAPH, FUNCTIONS = 7, 25  # fields of the model
PARTS = {1: _node, 5: _tensor}  # fields of the graph: its nodes and its weights


def what_is_wrong(
    content: bytes,  # of an ONNX file
) -> str:  # empty where nothing is
    """What a network of ours never has: weights that are no numbers or in another file, operators
    that run other graphs, and custom operators."""
    graphs, left = 0, iter(range(MOST_FIELDS))
    try:
        for number, value in _fields(memoryview(content), left):
            if number == FUNCTIONS:
                return "has functions of its own"
            if number != GRAPH or isinstance(value, int):
                continue
            graphs += 1
            for part, inner in _fields(value, left):
                check = PARTS.get(part)
                if check and not isinstance(inner, int) and (wrong := check(inner, left)):
                    return wrong
                if part == 15:
                    return "has sparse weights"
    except (ValueError, IndexError):
        return "is no ONNX model, cut short, or has more parts than a network"
    return "" if graphs == 1 else "is no ONNX model"


def with_weights(
    content: bytes,  # of an ONNX file
    weights: Mapping[str, bytes],  # tensors by name, as the file keeps them
) -> bytes:
    """The same network with other numbers in these tensors. Raises `ValueError` where it has no
    tensor of that name and size."""
    changed, missing = bytearray(content), set(weights)
    left = iter(range(MOST_FIELDS))
    for number, graph in _fields(memoryview(changed), left):
        if number != GRAPH or isinstance(graph, int):
            continue
        for part, tensor in _fields(graph, left):
            if part != 5 or isinstance(tensor, int):
                continue
            inner = dict(_fields(tensor, left))
            name, raw = inner.get(8, 0), inner.get(9, 0)
            if isinstance(name, int) or isinstance(raw, int):
                continue
            key = bytes(name).decode("utf8", "replace")
            if key in missing and len(raw) == len(weights[key]):
                raw[:] = weights[key]
                missing.remove(key)
    if missing:
        raise ValueError(f"has no weights of that size named {min(missing)[:60]}")
    return bytes(changed)
