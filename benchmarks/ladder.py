#!/usr/bin/env python3
"""The ladder of notebook 05: from the tutorial's network to ours, one change a rung, each with
several seeds on a small budget.

    python benchmarks/ladder.py [DATA] [--seeds 3] [--glyphs 30000] [--out runs/ladder.csv] [--rungs
    NAME ...]

DATA is the data folder (default: $CUSTOMOCR_DATA) with MNIST, the A-Z letters and UNIPEN. Every run
shows the network the same number of glyphs and is judged on UNIPEN's validation writers, on crops
from pages composed in their hands, on MNIST's validation digits and, where the folder has them, on
foreign capitals (train_unlicensed). Rows already in --out are not run again: an interrupted ladder
goes on where it was.
"""

import argparse
import csv
import os
import time
from functools import partial
from pathlib import Path

import numpy as np

from customocr import training
from customocr.data import (
    class_weights,
    find_file,
    join,
    load_az,
    load_mnist,
    load_npz,
    load_samples,
    load_unipen,
    split_stratified,
    split_unipen,
)
from customocr.model import predict, scores, to_input, tutorial_network
from customocr.training import figures, fit, load_sources, logits_of, softmax

RUNGS = (
    "tutorial",
    "more hands",
    "one layout",
    "balanced",
    "drawn anew",
    "our network",
    "one-cycle",
    "smoothed labels",
    "bfloat16",
    "crops",
    "as they are",
    "looser hands",
    "digits on top",
)
FOREIGN = (
    "kishieel_upper",
    "mingyanying_upper",
    "mohneesh7_upper",
    "mutikara_upper",
    "xxmrphdxx_upper",
)  # for measuring only
FOREIGN_EACH = 1_000
COLUMNS = (
    "rung",
    "seed",
    "top1",
    "merged",
    "0/O",
    "1/I",
    "5/S",
    "2/Z",
    "crops",
    "mnist",
    "foreign",
    "seconds",
    "cpu_seconds",
)


def at_least(rung: str, name: str) -> bool:
    "Whether the rung has the change of that name: each keeps those before it."
    return RUNGS.index(rung) >= RUNGS.index(name)


def foreign_capitals(data) -> tuple[np.ndarray, np.ndarray] | None:
    """Capitals by hands and pens of other projects, a thousand of each; None where the folder has
    none."""
    parts = []
    for name in FOREIGN:
        path = find_file(
            [f"../train_unlicensed/{name}.npz", f"characters/train_unlicensed/{name}.npz"], data
        )
        if path:
            part = load_npz(path).normalised()
            parts.append(part[np.random.default_rng(0).permutation(len(part))[:FOREIGN_EACH]])
    return (
        (np.concatenate([p.images for p in parts]), np.concatenate([p.labels for p in parts]))
        if parts
        else None
    )


def pictures(rung: str, data):
    "The glyphs of the first rungs: those of the files, as they are."
    mnist, az = (
        load_mnist(data, "train")[: -training.MNIST_HELD],
        split_stratified(load_az(data).without_repeats(), training.AZ_HELD)[0],
    )
    parts = [mnist, az.normalised() if at_least(rung, "one layout") else az]
    if at_least(rung, "more hands"):
        unipen = load_unipen(data)
        parts += [unipen[split_unipen(unipen)[0]], load_samples()]
    return join(*parts)


def sources_of(rung: str, final: dict):
    "What a rung draws from: the final mixture, or what came before it."
    if at_least(rung, "digits on top"):
        return list(final.values())
    shares = dict(unipen=(0.40, 0.65), mnist=(0.48, 0.0), az=(0.0, 0.20), fonts=(0.12, 0.15))
    if at_least(rung, "crops"):
        shares = dict(
            unipen=(0.23, 0.44),
            crops=(0.22, 0.31),
            mnist=(0.50, 0.0),
            az=(0.0, 0.14),
            fonts=(0.05, 0.11),
        )
    if at_least(rung, "as they are"):
        shares = {name: source.shares for name, source in final.items()} | dict(mnist=(0.50, 0.0))
    how = {} if at_least(rung, "looser hands") else dict(low=0.0)
    pixels = how if at_least(rung, "as they are") else dict(how, same=training.SAME_SHARE)
    pens = dict(how, loose=False) if how else {}
    return [
        training.Source(
            name,
            final[name].labels,
            share,
            partial(final[name].draw, **(pens if name == "unipen" else pixels)),
            final[name].weight,
        )
        for name, share in shares.items()
    ]


def plain_sources(sources, data):
    "Our sources with the files' glyphs in place of drawings."
    glyphs = pictures("balanced", data)
    plain = []
    for source in sources:
        part = glyphs[glyphs.source == glyphs.source_names.index(source.name)]
        plain.append(
            training.Source(
                source.name,
                part.labels,
                source.shares,
                lambda indices, rng, part=part: part.images[indices],
                source.weight,
            )
        )
    return plain


def run(rung: str, seed: int, data, final: dict, count: int):
    "Train one network; returns it with the wall and processor seconds of drawing and training."
    import keras

    rng = np.random.default_rng(seed)
    keras.config.set_dtype_policy("float32")
    sources = sources_of(rung, final)
    glyphs = None if at_least(rung, "balanced") else pictures(rung, data)
    start, cpu = time.perf_counter(), time.process_time()
    if glyphs is not None:
        rows = np.concatenate(
            [rng.permutation(len(glyphs)) for _ in range(-(-count // len(glyphs)))]
        )[:count]
        images, labels = glyphs.images[rows], glyphs.labels[rows]
    else:
        images, labels = training.draw_epoch(
            sources if at_least(rung, "drawn anew") else plain_sources(sources, data), count, rng
        )
    if not at_least(rung, "our network"):
        model = tutorial_network(seed, augment=not at_least(rung, "drawn anew"))
        weights = (
            {c: float(w) for c, w in enumerate(class_weights(glyphs))}
            if glyphs is not None
            else None
        )
        model.fit(
            to_input(images), labels, batch_size=128, epochs=1, class_weight=weights, verbose=0
        )
        return model, time.perf_counter() - start, time.process_time() - cpu
    fast, smooth = training.fast_bfloat16, training.LABEL_SMOOTHING
    training.fast_bfloat16 = fast if at_least(rung, "bfloat16") else lambda: False
    training.LABEL_SMOOTHING = smooth if at_least(rung, "smoothed labels") else 0.0
    model = training.trainable(len(labels) // training.BATCH, seed=seed)
    training.fast_bfloat16, training.LABEL_SMOOTHING = fast, smooth
    if not at_least(rung, "one-cycle"):
        model.compile(
            "adam", keras.losses.CategoricalCrossentropy(from_logits=True), jit_compile=False
        )
        model.fit(to_input(images), np.eye(36, dtype=np.float32)[labels], batch_size=128, verbose=0)
    else:
        fit(model, images, labels)
    return model, time.perf_counter() - start, time.process_time() - cpu


def main():
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("data", nargs="?", default=os.environ.get("CUSTOMOCR_DATA"))
    ask.add_argument("--seeds", type=int, default=3)
    ask.add_argument("--glyphs", type=int, default=30_000)
    ask.add_argument("--out", type=Path, default=Path("runs/ladder.csv"))
    ask.add_argument("--rungs", nargs="+", choices=RUNGS, default=RUNGS)
    options = ask.parse_args()
    if not options.data:
        ask.error("name the data folder or set CUSTOMOCR_DATA")
    sources, validation = load_sources(options.data, None, options.out.parent / "pages")
    final = {source.name: source for source in sources}
    foreign = foreign_capitals(options.data)
    options.out.parent.mkdir(parents=True, exist_ok=True)
    if not options.out.exists():
        options.out.write_text(",".join(COLUMNS) + "\n")
    with options.out.open() as file:
        done = {(row["rung"], row["seed"]) for row in csv.DictReader(file)}
    for seed in range(1, options.seeds + 1):
        for rung in options.rungs:
            if (rung, str(seed)) in done:
                continue
            model, wall, cpu = run(rung, seed, options.data, final, options.glyphs)
            ask_it = (
                (lambda x: predict(model, x))
                if not at_least(rung, "our network")
                else (lambda x: softmax(logits_of(model, x)))
            )
            held = validation["unipen"]
            found = figures(ask_it(held.images), held.labels)
            row = dict(
                rung=rung,
                seed=seed,
                **{k: round(found[k], 4) for k in COLUMNS[2:8]},
                crops=round(
                    scores(ask_it(validation["crops"].images), validation["crops"].labels)[
                        "merged"
                    ],
                    4,
                ),
                mnist=round(
                    scores(ask_it(validation["mnist"].images), validation["mnist"].labels)[
                        "merged"
                    ],
                    4,
                ),
                foreign=round(scores(ask_it(foreign[0]), foreign[1])["merged"], 4)
                if foreign
                else "",
                seconds=round(wall, 1),
                cpu_seconds=round(cpu, 1),
            )
            with open(options.out, "a") as file:
                csv.DictWriter(file, COLUMNS).writerow(row)
            print(row, flush=True)


if __name__ == "__main__":
    main()
