"""ONNX networks on the CPU.

Written by hand, not exported from a notebook: it is plumbing round ONNX Runtime without a story.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

from customocr.engine.onnx_file import what_is_wrong, with_weights
from customocr.errors import ModelError

MOST_BYTES = 200_000_000  # of a model; ours have up to 2 million
CURE = "take another model, or leave it out: then the shipped one is used"
THREADS = "CUSTOMOCR_THREADS"  # environment variable: threads of each network


class Network:
    """An ONNX network on the CPU.

    It can be pickled, and a forked process makes its own session instead of waiting for threads
    that only its parent has. One thread is the usual: on networks as small as ours a second one
    mostly waits and doubles the processor time.
    """

    def __init__(
        self,
        content: bytes,  # of an ONNX file
        threads: int = 1,  # 0: as many as there are cores; the variable CUSTOMOCR_THREADS wins
    ):
        self.content, self.threads = content, threads
        self.sessions: dict[int, onnxruntime.InferenceSession] = {}  # by process, the parent's kept
        self._session()

    def _session(self) -> onnxruntime.InferenceSession:
        "This process' session."
        if os.getpid() not in self.sessions:
            options = onnxruntime.SessionOptions()
            options.log_severity_level = 3
            options.intra_op_num_threads = int(os.environ.get(THREADS) or self.threads)
            # Its arena would keep what the largest page took: 830 MB after three bad pages, 330 MB
            # without it (benchmarks/reliability.py), in the same time.
            options.enable_cpu_mem_arena = False
            self.sessions[os.getpid()] = onnxruntime.InferenceSession(
                self.content, options, providers=["CPUExecutionProvider"]
            )
        return self.sessions[os.getpid()]

    def __getattr__(self, name: str):
        "What onnxruntime's session has: `run`, `get_inputs`, `get_modelmeta` and the rest."
        if name.startswith("_") or name in ("content", "sessions", "threads"):
            raise AttributeError(name)
        return getattr(self._session(), name)

    def __reduce__(self) -> tuple:
        return Network, (self.content, self.threads)


def open_network(
    path: str | Path,  # of an ONNX file
    threads: int = 1,  # as for `Network`
    weights: Mapping[str, bytes] | None = None,  # tensors that stand in place of the file's own
) -> Network:
    """An ONNX network on the CPU. Raises `ModelError` where the file is missing, damaged, too
    large, or holds what no network of ours has (`onnx_file.what_is_wrong`)."""
    if not Path(path).is_file():
        raise ModelError(
            f"{path}: no such model; `customocr train` makes one, without model= the shipped one"
            " is used"
        )
    try:
        if (size := Path(path).stat().st_size) > MOST_BYTES:
            raise ModelError(
                f"{path}: has {size / 1e6:,.0f} MB, a model has up to"
                f" {MOST_BYTES / 1e6:.0f}; {CURE}"
            )
        content = Path(path).read_bytes()
        content = with_weights(content, weights) if weights else content
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (ValueError, IndexError) as error:
        raise ModelError(f"{path}: {error}; {CURE}") from None
    if wrong := what_is_wrong(content):
        raise ModelError(f"{path}: {wrong}; {CURE}")
    try:
        network = Network(content, threads)
    except Exception as error:  # onnxruntime has one exception class for each of its error codes
        raise ModelError(f"{path}: not an ONNX model that can be loaded ({_said(error)})") from None
    _check_ends(network, path)
    return network


def _said(error: Exception) -> str:
    "The first line of another library's message."
    return (str(error).splitlines() or [type(error).__name__])[0][:120]


def _check_ends(network: Network, path: str | Path) -> None:
    "Raise `ModelError` unless one array of floats goes in and one comes out."
    for name, ends in (("input", network.get_inputs()), ("output", network.get_outputs())):
        if len(ends) != 1:
            raise ModelError(f"{path}: has {len(ends)} {name}s; one is needed; {CURE}")
        if ends[0].type != "tensor(float)":
            raise ModelError(f"{path}: its {name} is a {ends[0].type}, float32 is needed; {CURE}")


def tried(
    network: Network,  # from `open_network`
    path: str | Path,  # of its file, for the message
    images: np.ndarray,  # float32, as it is asked later
) -> np.ndarray:  # what it says of them
    "A trial run. Raises `ModelError` where it fails, or gives what are no finite numbers."
    try:
        (said,) = network.run(None, {network.get_inputs()[0].name: images})
    except Exception as error:  # as in `open_network`
        shape = " x ".join(map(str, images.shape))
        raise ModelError(
            f"{path}: does not run on a batch of {shape} ({_said(error)}); {CURE}"
        ) from None
    if not np.isfinite(said).all():
        raise ModelError(f"{path}: answers with what are no finite numbers; {CURE}")
    return said


def check_chances(
    chances: np.ndarray,  # float (N, classes), from `tried`
    path: str | Path,  # of the network's file, for the message
) -> None:
    "Raise `ModelError` unless these are probabilities that sum to 1."
    if chances.min() < 0 or np.abs(chances.sum(-1) - 1).max() > 0.01:
        raise ModelError(
            f"{path}: answers with numbers that are no probabilities (from"
            f" {chances.min():.3g}, sums up to {chances.sum(-1).max():.3g}): its last layer must"
            f" be a softmax; {CURE}"
        )
