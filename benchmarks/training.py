#!/usr/bin/env python3
"""Time to accuracy: the tutorial's network and recipe beside ours, on the same data in one run.

    python benchmarks/training.py [DATA] [--epochs 20] [--share 0.1] [--long 480000] [--json OUT]

MNIST and the A-Z letters are joined and split 80/20, stratified, as in the tutorial. The tutorial's
network trains for its 20 epochs; ours has to reach the best validation accuracy of all 20 in
`--share` of the wall time that took, drawing its glyphs included. Several budgets are tried from
small to large, each from new weights with a rate schedule of its own length; the first that reaches
it counts. Processor time stands beside wall time: on a busy machine it is the steadier of the two.
A last, longer run of ours (--long) shows what is left in the same data; both recipes' reports are
kept.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np

from customocr import training
from customocr.data import Characters, class_weights, join, load_az, load_mnist, split_stratified
from customocr.model import predict, report, to_input, tutorial_network
from customocr.training import drawn_ahead, fit, image_source, logits_of, softmax

BUDGETS = (12_000, 24_000, 36_000, 48_000, 64_000, 72_000, 96_000, 192_000)  # glyphs shown
DRAWINGS = 4  # parts in which a budget is drawn
# share of the glyphs that stay as they are: what the recipe leaves of MNIST, of which this data set
# mostly is
SAME = 0.65


def table(
    probabilities: np.ndarray, held: Characters
) -> dict:  # class -> precision, recall, f1, as columns
    "The classification report of all classes, to four places."
    return report(probabilities, held.labels).round(4).to_dict()


def tutorial(
    training_part: Characters, held: Characters, epochs: int
) -> tuple[list[dict], dict]:  # a row an epoch; the best epoch's report
    "The tutorial's training: 128 glyphs a step, Adam, class weights, augmentation in the graph."
    model = tutorial_network(seed=1)
    weights = {c: float(w) for c, w in enumerate(class_weights(training_part)) if w}
    images, rows, best, seconds, cpu = to_input(training_part.images), [], {}, 0.0, 0.0
    for epoch in range(epochs):
        start, start_cpu = time.perf_counter(), time.process_time()
        model.fit(images, training_part.labels, batch_size=128, class_weight=weights, verbose=0)
        seconds, cpu = seconds + time.perf_counter() - start, cpu + time.process_time() - start_cpu
        probabilities = predict(model, held.images)
        accuracy = float((probabilities.argmax(1) == held.labels).mean())
        if accuracy > max((row["accuracy"] for row in rows), default=0):
            best = table(probabilities, held)
        rows.append(
            dict(
                recipe="tutorial",
                glyphs=(epoch + 1) * len(images),
                accuracy=round(accuracy, 4),
                seconds=round(seconds, 1),
                cpu_seconds=round(cpu, 1),
            )
        )
        print(rows[-1], flush=True)
    return rows, best


def ours(
    training_part: Characters, held: Characters, count: int
) -> tuple[dict, dict]:  # a row; the report
    "Our recipe on the same glyphs: about `count` of them shown, half of them drawn."
    start, cpu = time.perf_counter(), time.process_time()
    rng = np.random.default_rng(1)
    rows = np.concatenate(
        [rng.permutation(len(training_part)) for _ in range(-(-count // len(training_part)))]
    )[: count // training.PASSES]
    source = image_source("joined", training_part, (1.0, 1.0), SAME)
    parts = np.array_split(
        rows[: len(rows) // (DRAWINGS * training.BATCH) * DRAWINGS * training.BATCH], DRAWINGS
    )
    model = training.trainable(training.PASSES * sum(map(len, parts)) // training.BATCH, seed=1)
    draw = lambda i: (source.draw(parts[i], rng), training_part.labels[parts[i]])
    for _, images, labels in drawn_ahead(draw, range(DRAWINGS)):
        fit(model, images, labels, training.PASSES)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    probabilities = softmax(logits_of(model, held.images))
    accuracy = float((probabilities.argmax(1) == held.labels).mean())
    row = dict(
        recipe="ours",
        glyphs=training.PASSES * sum(map(len, parts)),
        accuracy=round(accuracy, 4),
        seconds=round(seconds, 1),
        cpu_seconds=round(cpu, 1),
    )
    print(row, flush=True)
    return row, table(probabilities, held)


def main():
    ask = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ask.add_argument("data", nargs="?", default=os.environ.get("CUSTOMOCR_DATA"))
    ask.add_argument("--epochs", type=int, default=20)
    ask.add_argument(
        "--share", type=float, default=0.1, help="of the tutorial's wall time, which ours may use"
    )
    ask.add_argument(
        "--long", type=int, default=0, help="glyphs of a last, longer run; 0 leaves it out"
    )
    ask.add_argument("--json", type=Path, help="write the figures here as well")
    options = ask.parse_args()
    if not options.data:
        ask.error("name the data folder or set CUSTOMOCR_DATA")
    part, held = split_stratified(
        join(load_mnist(options.data), load_az(options.data).without_repeats())
    )
    reports = {}
    rows, reports["tutorial"] = tutorial(part, held, options.epochs)
    goal, limit = max(row["accuracy"] for row in rows), options.share * rows[-1]["seconds"]
    print(f"the tutorial's best: {goal}; ours may take {limit:.0f} s")
    whole = rows[-1]
    for count in BUDGETS:
        row, reports["ours"] = ours(part, held, count)
        rows.append(row)
        if row["accuracy"] >= goal:
            break
    share, cpu_share = row["seconds"] / whole["seconds"], row["cpu_seconds"] / whole["cpu_seconds"]
    reached = row["accuracy"] >= goal
    print(
        f"{'reached' if reached else 'NOT reached'} with {share:.3f} of the wall time,"
        f" {cpu_share:.3f} of the processor time"
    )
    if options.long:
        row, reports["ours"] = ours(part, held, options.long)
        rows.append(dict(row, recipe="ours, longer"))
    if options.json:
        options.json.write_text(
            json.dumps(
                dict(
                    goal=goal,
                    reached=reached,
                    share=round(share, 4),
                    cpu_share=round(cpu_share, 4),
                    rows=rows,
                    reports=reports,
                ),
                indent=1,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
