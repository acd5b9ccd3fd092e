#!/usr/bin/env python3
"""How fast glyphs are classified: the shipped model in ONNX Runtime beside the same network in
Keras, in one run.

    python benchmarks/classify.py [--json OUT]

Keras is optional (the `train` extra). Each figure is the median of calls that take turns, ten in a
row each as in use, so that a busy machine slows all alike, with the best beside it; glyphs are the
package's own, in the layout of `normalise_glyph`.
"""

import argparse
import json
import os
import statistics
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from customocr.data import load_samples
from customocr.recognition import Reader

BATCH = 1_000
REPEATS = 12
IN_A_ROW = 10


def measured(
    calls: dict,  # name -> function without arguments
    repeats: int = REPEATS,
) -> dict[str, tuple[float, float]]:  # seconds: median and best
    "Wall time of each call; they take turns, some in a row."
    times = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(repeats):
        for name, call in calls.items():
            for _ in range(IN_A_ROW):
                start = time.perf_counter()
                call()
                times[name].append(time.perf_counter() - start)
    return {name: (statistics.median(t), min(t)) for name, t in times.items()}


def main():
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("--json", type=Path, help="write the figures here as well")
    options = ask.parse_args()
    glyphs = load_samples().images
    glyphs = np.concatenate([glyphs] * (BATCH // len(glyphs) + 1))[:BATCH]
    reader = Reader()
    calls = {
        "classify 1000": lambda: reader.classify(glyphs),
        "classify 1": lambda: reader.classify(glyphs[:1]),
    }
    if find_spec("keras"):
        from customocr.training import network

        twin = network(folded=True)  # the shipped layers; untrained weights cost the same time
        batch = glyphs[..., None].astype(np.float32) / 255
        calls["keras 1000"] = lambda: twin.predict(batch, batch_size=BATCH, verbose=0)
        calls["keras 1"] = lambda: twin.predict(batch[:1], verbose=0)
    timed = measured(calls)
    seconds, best = ({name: t[i] for name, t in timed.items()} for i in (0, 1))
    found = {
        "glyphs a second, batch 1000": round(BATCH / seconds["classify 1000"]),
        "the same, best of the repeats": round(BATCH / best["classify 1000"]),
        "milliseconds for one": round(1e3 * seconds["classify 1"], 3),
        "the same, best": round(1e3 * best["classify 1"], 3),
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
    }
    if "keras 1" in seconds:
        found["Keras model.predict, milliseconds for one"] = round(1e3 * seconds["keras 1"], 1)
        found["times faster than Keras, one glyph"] = round(
            seconds["keras 1"] / seconds["classify 1"]
        )
        found["times faster than Keras, batch 1000"] = round(
            seconds["keras 1000"] / seconds["classify 1000"], 1
        )
    for name, value in found.items():
        print(f"{name:45s} {value}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
