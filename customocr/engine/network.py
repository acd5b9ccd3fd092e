"""ONNX networks on the CPU.

Written by hand, not exported from a notebook: it is plumbing round ONNX Runtime without a story.
"""

from __future__ import annotations

import os
from pathlib import Path

import onnxruntime

from customocr.errors import ModelError

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
) -> Network:
    "An ONNX network on the CPU. Raises `ModelError` where the file is missing or damaged."
    if not Path(path).is_file():
        raise ModelError(
            f"{path}: no such model; `customocr train` makes one, without model= the shipped one"
            " is used"
        )
    try:
        network = Network(Path(path).read_bytes(), threads)
    except Exception as error:  # onnxruntime has one exception class for each of its error codes
        raise ModelError(
            f"{path}: not an ONNX model that can be loaded ({str(error).splitlines()[0][:120]})"
        ) from None
    if len(network.get_inputs()) != 1:
        raise ModelError(f"{path}: has {len(network.get_inputs())} inputs; one is needed")
    return network
