"""The small network that judges boxes: is this ink, among its neighbours, one whole character?

It sees each candidate twice (`layout.cuts.windows`): the line's ink around it, and its own ink. It is trained on pages
that `compose` writes in the hands of UNIPEN's training writers, where the owner of every pixel is known, after those
pages went through the very segmentation that will ask it. `customocr train --boxes` trains it again.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from customocr.errors import DataError
from customocr.glyphs import CLASSES, normalise_glyph
from customocr.layout.cuts import WINDOW, propose, windows
from customocr.layout.sheet import Sheet, analyse

KINDS = ("character", "not one character", "no character")  # the network's outputs
WHOLE = 0.8  # share of a character's ink that a candidate must hold to be that character
PURE = 0.86  # share of the candidate's ink that must be that character's
FOREIGN = 0.3  # share of other ink (rules, marks) up to which it may still be one
LOWRES = 0.3  # share of pages like low-resolution scans and table cells, on top of the composer's own mixture


@dataclass(frozen=True)
class Boxes:
    "Labelled candidates of composed pages."

    windows: np.ndarray  # uint8 (N, 40, 64, 2)
    kinds: np.ndarray  # uint8 (N,), index into KINDS
    glyphs: np.ndarray  # uint8 (N, 28, 28), each candidate as the character network sees it
    labels: (
        np.ndarray
    )  # uint8 (N,), index into CLASSES where the candidate is a character, else 255
    found: int  # characters with at least one candidate that is them
    written: int  # characters on the pages


def kind_of(
    piece,  # layout.lines.Piece
    owner: np.ndarray,  # int16 (h, w), character that owns each pixel of the page that is worked on, -1 none
    other: np.ndarray,  # uint8 (h, w), coverage by ink that is not text
    size: np.ndarray,  # int (characters,), pixels each character owns
) -> tuple[int, int]:  # index into KINDS, and the character, -1 where it is none
    "What a candidate is, from who owns its ink."
    at = np.s_[max(0, piece.y) : piece.bottom, max(0, piece.x) : piece.right]
    ink = (piece.ink > 96)[max(0, -piece.y) :, max(0, -piece.x) :][
        : owner[at].shape[0], : owner[at].shape[1]
    ]
    owners, n = owner[at][ink], int(ink.sum())
    owners = owners[owners >= 0]
    if len(owners) < 0.2 * n or not n:
        return 2, -1
    count = np.bincount(owners)
    k = int(count.argmax())
    whole = (
        count[k] >= WHOLE * size[k]
        and count[k] >= PURE * len(owners)
        and (other[at][ink] > 100).sum() <= FOREIGN * n
    )
    return (0, k) if whole else (1, -1)


def label_page(
    composed,  # compose.Composed
    sheet: Sheet,  # of its image
) -> Boxes | None:  # None where the segmentation found nothing
    "The candidates of a composed page with what each of them is."
    shape = sheet.ink.shape[::-1]
    warp = lambda image, flags: cv2.warpAffine(
        image, sheet.matrix, shape, flags=flags | cv2.WARP_INVERSE_MAP, borderValue=-1
    )
    owner, other = (
        warp(composed.labels, cv2.INTER_NEAREST),
        cv2.warpAffine(
            composed.other, sheet.matrix, shape, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        ),
    )
    size = np.bincount(owner[owner >= 0], minlength=len(composed.characters))
    views, kinds, glyphs, labels, found = [], [], [], [], set()
    for line in sheet.lines:
        cut = propose(line, np.zeros(len(line.pieces), bool))
        seen = {c.piece.box for c in cut.candidates}
        wide = np.array([c.piece.box not in seen for c in line.candidates])
        for some, chosen in ((cut, None), (line, wide)):
            views.append(windows(some, chosen))
            for c in [c for k, c in enumerate(some.candidates) if chosen is None or chosen[k]]:
                kind, k = kind_of(c.piece, owner, other, size)
                kinds.append(kind)
                glyphs.append(normalise_glyph(c.piece.ink))
                labels.append(CLASSES.index(composed.characters[k]) if k >= 0 else 255)
                found.add(k)
    if not kinds:
        return None
    return Boxes(
        np.concatenate(views),
        np.uint8(kinds),
        np.stack(glyphs),
        np.uint8(labels),
        len(found - {-1}),
        len(composed.characters),
    )


def join(
    parts: list[Boxes],
) -> Boxes:
    "All candidates in one value."
    every = (
        np.concatenate([getattr(p, name) for p in parts])
        for name in ("windows", "kinds", "glyphs", "labels")
    )
    return Boxes(*every, sum(p.found for p in parts), sum(p.written for p in parts))


def compose_boxes(
    hands: list,  # compose.Hand of each writer
    pages: int,
    seed: int | list[int] = 0,
) -> Boxes:
    "Candidates of that many composed pages."
    from customocr.writing.papers import random_page

    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(pages):
        paper = str(rng.choice(["lowres", "cell"])) if rng.random() < LOWRES else None
        page = random_page(hands[rng.integers(len(hands))], rng, paper)
        part = label_page(page, analyse(page.image))
        if part is not None:
            parts.append(part)
    if not parts:
        raise DataError("no composed page gave a box: compose more pages")
    return join(parts)


CHUNK = 100  # pages composed by a process at a time; each chunk has its own seed, so the result does not depend on the processes


def _chunk(strokes_file, writers, pages, seed):
    from customocr.writing.compose import unipen_hands

    cv2.setNumThreads(1)
    return compose_boxes(unipen_hands(strokes_file, writers), pages, seed)


def compose_many(
    strokes_file: Path,  # unipen_strokes.npz
    writers: list[int],
    pages: int,
    seed: int,
    keep: Path,  # folder where each finished chunk is kept, so that an interrupt loses at most one a process
    processes: int = 2,
) -> Boxes:
    "Candidates of many pages, composed by several processes, with progress."
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    keep.mkdir(parents=True, exist_ok=True)
    sizes = [min(CHUNK, pages - i) for i in range(0, pages, CHUNK)]
    files = [keep / f"seed{seed}-chunk{i}-{n}pages.npz" for i, n in enumerate(sizes)]
    todo = [i for i, file in enumerate(files) if not file.is_file()]
    start = time.time()
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        jobs = {pool.submit(_chunk, strokes_file, writers, sizes[i], [seed, i]): i for i in todo}
        for done, job in enumerate(as_completed(jobs), 1):
            part = files[jobs[job]].with_suffix(".part.npz")
            np.savez(part, **vars(job.result()))
            part.replace(files[jobs[job]])
            print(
                f"\rcomposed {len(files) - len(todo) + done} of {len(files)} parts of {CHUNK} pages, {time.time() - start:.0f} s",
                end="",
                flush=True,
            )
    print()
    load = lambda z: Boxes(**{k: z[k] if z[k].ndim else int(z[k]) for k in z.files})
    return join([load(np.load(file)) for file in files])


def export(
    model,  # Keras model
    path: Path,
    example: np.ndarray,  # uint8 (N, 40, 64, 2), to compare on
):
    "Write the network as ONNX once both give the same logits to 1e-3."
    import onnx
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    from customocr.errors import ModelError

    signature = [tf.TensorSpec((None, *WINDOW, 2), tf.float32, name="windows")]
    graph, _ = tf2onnx.convert.from_function(
        tf.function(lambda x: model(x, training=False), input_signature=signature),
        signature,
        opset=17,
    )
    x = example.astype(np.float32) / 255
    found = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    ).run(None, {"windows": x})[0]
    if not np.allclose(found, model.predict(x, verbose=0), atol=1e-3):
        raise ModelError(f"{path} not written: ONNX Runtime and Keras differ")
    onnx.save(graph, path)


def network():
    "The network for boxes: 85,963 parameters, 1.7 million multiplications a box. Keras model, uint8 / 255 in, logits out."
    from keras import Input, Model, layers

    def block(x, filters, size, stride):
        x = layers.Conv2D(filters, size, strides=stride, padding="same", use_bias=False)(x)
        return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(x))

    x = inputs = Input((*WINDOW, 2), name="windows")
    for filters, size, stride in ((12, 5, 2), (24, 3, 2), (32, 3, 2), (48, 3, 1)):
        x = block(x, filters, size, stride)
    x = layers.Dropout(0.2)(layers.Flatten()(x))
    x = layers.Dense(32, activation="relu")(x)
    return Model(inputs, layers.Dense(len(KINDS), name="logits")(x))


def train_network(
    boxes: Boxes,
    check: Boxes,  # of other writers
    epochs: int = 6,
    seed: int = 0,
    verbose: int = 2,
) -> tuple:  # the Keras model, its history as a dict of lists
    "Cross-entropy with AdamW under a cosine schedule."
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    batch, n = 256, len(boxes.kinds)
    scale = lambda x, y: (tf.cast(x, tf.float32) / 255, y)
    order = np.random.default_rng(seed).permutation(n)
    data = (
        tf.data.Dataset.from_tensor_slices((boxes.windows[order], boxes.kinds[order]))
        .shuffle(20000, seed=seed)
        .batch(batch)
        .map(scale)
        .prefetch(4)
    )
    other = tf.data.Dataset.from_tensor_slices((check.windows, check.kinds)).batch(1000).map(scale)
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(
        2e-4, epochs * -(-n // batch), warmup_target=2e-3, warmup_steps=100
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), loss, metrics=["accuracy"])
    history = model.fit(data, epochs=epochs, validation_data=other, verbose=verbose).history
    return model, {k: [round(float(v), 4) for v in values] for k, values in history.items()}


def train(
    data: str
    | Path
    | None = None,  # the data folder, with characters/train/unipen_strokes.npz; None: $CUSTOMOCR_DATA
    out: str
    | Path = "runs/boxes",  # folder for boxes.onnx and boxes.json, and for what is done so far
    pages: int = 10_000,  # composed for training
    epochs: int = 8,
    seed: int = 0,
    resume: bool = False,  # go on with the composed pages of an interrupted run
) -> dict:  # the card: data, split, figures, minutes
    """Compose pages in the hands of UNIPEN's training writers, cut them, train, check on the validation writers, export.

    Raises `DataError` where the strokes are missing.
    """
    from customocr.data import unipen_test_writers, unipen_validation_writers

    start, out = time.time(), Path(out)
    data = data if data is not None else os.environ.get("CUSTOMOCR_DATA")
    if data is None:
        raise DataError(
            "the network for boxes is trained on UNIPEN's strokes: give the data folder with --data or CUSTOMOCR_DATA"
        )
    folder, parts = Path(data) / "characters" / "train", out / "parts"
    if not resume:
        shutil.rmtree(parts, ignore_errors=True)
    strokes = folder / "unipen_strokes.npz"
    if not strokes.is_file():
        raise DataError(
            f"{strokes}: no such file; give the data folder with characters/train/unipen_strokes.npz"
        )
    names = [str(n) for n in np.load(folder / "unipen.npz")["writer_names"]]
    test, validation = set(unipen_test_writers()), set(unipen_validation_writers())
    writers = [i for i, n in enumerate(names) if n not in test | validation]
    others = [i for i, n in enumerate(names) if n in validation]
    check = compose_many(strokes, others, max(20, pages // 12), seed + 1, parts)
    boxes = compose_many(strokes, writers, pages, seed, parts)
    model, history = train_network(boxes, check, epochs, seed)
    export(model, out / "boxes.onnx", check.windows[:200])
    card = dict(
        pages=pages,
        boxes=len(boxes.kinds),
        kinds=dict(zip(KINDS, np.bincount(boxes.kinds, minlength=3).tolist())),
        epochs=epochs,
        seed=seed,
        writers=len(writers),
        parameters=model.count_params(),
        validation_writers=len(others),
        validation_boxes=len(check.kinds),
        validation_accuracy=history["val_accuracy"][-1],
        characters_with_a_candidate=round(check.found / check.written, 4),
        minutes=round((time.time() - start) / 60, 1),
        history=history,
        command=f"customocr train --boxes --data DIR --pages {pages} --epochs {epochs} --seed {seed}",
    )
    (out / "boxes.json").write_text(json.dumps(card, indent=1) + "\n")
    shutil.rmtree(parts)
    return card
