# %% [markdown]
# # The judge of boxes
# > Is this box one character?

# %% [markdown]
# [Where would one cut?](12_cuts.ipynb) proposes more boxes than there are characters: half an H, an H, an H with the I beside it. Which of them is one character? The network for characters cannot tell: it was only ever shown characters, and half an H looks like an I. A person looks at the *neighbours* and sees it at once. So a second,
# smaller network, the *judge*, gets to see the neighbours too. At the end of this notebook you can label such boxes without work by hand, train a judge on them, and ask it about a line.

# %%
#| default_exp boxes

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from customocr.errors import DataError, ModelError
from customocr.glyphs import CLASSES, normalise_glyph
from customocr.layout.cuts import WINDOW, propose, windows
from customocr.layout.lines import Piece
from customocr.layout.sheet import Sheet, analyse

if TYPE_CHECKING:
    from customocr.writing.compose import Composed, Hand

# %%
#| code-fold: true
#| code-summary: "Imports for the examples"
import matplotlib.pyplot as plt
import onnxruntime
import pandas as pd

import customocr.model  # noqa: F401  Keras starts from there without its greeting
from customocr import samples
from customocr.pictures import figure, hands, show, write
from customocr.writing.papers import Paper


# %% [markdown]
# ## What it sees
# `windows` shows each candidate twice: all ink of its line around it, and its own ink, both at the size of its neighbours and on their level. Here are twelve candidates of a line in which letters touch:

# %%
#| code-fold: true
#| code-summary: "Twelve candidates of a line, drawn"
#| fig-cap: "What the judge sees: the line's ink in grey, the candidate's own in orange."
#| fig-alt: "Twelve windows into a handwritten line, an orange candidate in the middle of each: whole letters, halves of letters, and two letters together."
def orange(views):
    "Windows as pictures, the candidate's own ink in orange."
    grey, own = 255 - views[..., :1] // 2, views[..., 1:] > 60
    coloured = np.where(own, np.uint8([0, 110, 220]), grey)
    large = [cv2.resize(view, None, fx=1.8, fy=1.8) for view in coloured]
    return [cv2.copyMakeBorder(v, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=(170,) * 3) for v in large]


page = write(["SAVE 177 NOW"], Paper(texture=1), 2, touching=0.5)
sheet = analyse(page.image)
cut = propose(sheet.lines[0], np.zeros(len(sheet.lines[0].pieces), bool))
views = windows(cut)
some = orange(views[np.linspace(0, len(views) - 1, 12).astype(int)])
show(np.vstack([np.hstack(some[:6]), np.hstack(some[6:])]))

# %% [markdown]
# *Needs*: about a minute, the `train` extra. Training to the end takes 10,000 composed pages and UNIPEN's strokes; here a few pages by fonts train a small version, and the card of the shipped network is shown.
#
# *Terms*: [bounding box](glossary.html#bounding-box), [lattice](glossary.html#lattice), [logit](glossary.html#logit), [epoch](glossary.html#epoch).

# %% [markdown]
# ## Where the labels come from
# The judge gives one of three answers: *one whole character*, *not one* (a part, or two together), *no character at all* (a comma, a rest of a rule, a speck). Nobody has to label them. A [composed page](06_composing.ipynb) knows who owns every pixel, so what a candidate is follows from its ink. It must hold most of a
# character, and little else.

# %%
#| export
KINDS = ("character", "not one character", "no character")  # the network's outputs
WHOLE = 0.8  # share of a character's ink that a candidate must hold to be that character
PURE = 0.86  # share of the candidate's ink that must be that character's
OWNED = 0.2  # share of the candidate's ink that must be any character's, for it not to be "none"
FOREIGN = 0.3  # share of other ink (rules, marks) up to which it may still be a character


def kind_of(
    piece: Piece,
    owner: np.ndarray,  # int16 (h, w), character that owns each pixel of the page, -1 none
    other: np.ndarray,  # uint8 (h, w), coverage by ink that is not text
    size: np.ndarray,  # int (characters,), pixels each character owns
) -> tuple[int, int]:  # index into KINDS, and the character, -1 where it is none
    "What a candidate is, from who owns its ink."
    at = np.s_[max(0, piece.y) : piece.bottom, max(0, piece.x) : piece.right]
    h, w = owner[at].shape
    ink = (piece.ink > 96)[max(0, -piece.y) :, max(0, -piece.x) :][:h, :w]
    owners, n = owner[at][ink], int(ink.sum())
    owners = owners[owners >= 0]
    if len(owners) < OWNED * n or not n:
        return 2, -1
    count = np.bincount(owners)
    k = int(count.argmax())
    whole = count[k] >= WHOLE * size[k] and count[k] >= PURE * len(owners)
    clean = (other[at][ink] > 100).sum() <= FOREIGN * n
    return (0, k) if whole and clean else (1, -1)


# %% [markdown]
# The page is not judged as it was composed. It goes through the very segmentation that will ask the judge, with all its mistakes: turned, rescaled, cut. `label_page` brings the owners of the pixels along and labels every candidate.

# %%
#| export
@dataclass(frozen=True)
class Boxes:
    "Labelled candidates of composed pages."

    windows: np.ndarray  # uint8 (N, 40, 64, 2)
    kinds: np.ndarray  # uint8 (N,), index into KINDS
    glyphs: np.ndarray  # uint8 (N, 28, 28), each candidate as the character network sees it
    labels: np.ndarray  # uint8 (N,), index into CLASSES where it is a character, else 255
    found: int  # characters with at least one candidate that is them
    written: int  # characters on the pages


def _to_sheet(image: np.ndarray, sheet: Sheet, how: int, outside: float) -> np.ndarray:
    "A picture in the pixels of the sheet, which is turned and rescaled."
    size, flags = sheet.ink.shape[::-1], how | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(image, sheet.matrix, size, flags=flags, borderValue=outside)


def _candidates(sheet: Sheet) -> Iterator[tuple[np.ndarray, list[Piece]]]:
    "Of each line the candidates when everything is cut, then the wider ones left out by that."
    for line in sheet.lines:
        cut = propose(line, np.zeros(len(line.pieces), bool))
        yield windows(cut, None), [c.piece for c in cut.candidates]
        seen = {c.piece.box for c in cut.candidates}
        wide = np.array([c.piece.box not in seen for c in line.candidates])
        yield windows(line, wide), [c.piece for c, new in zip(line.candidates, wide) if new]


def label_page(
    composed: Composed,
    sheet: Sheet,  # of its image
) -> Boxes | None:  # None where the segmentation found nothing
    "The candidates of a composed page with what each of them is."
    owner = _to_sheet(composed.labels, sheet, cv2.INTER_NEAREST, -1)
    other = _to_sheet(composed.other, sheet, cv2.INTER_LINEAR, 0)
    size = np.bincount(owner[owner >= 0], minlength=len(composed.characters))
    views, pieces = [], []
    for some, of_line in _candidates(sheet):
        views.append(some)
        pieces += of_line
    if not pieces:
        return None
    kinds, characters = zip(*(kind_of(piece, owner, other, size) for piece in pieces))
    label = lambda k: CLASSES.index(composed.characters[k]) if k >= 0 else 255
    return Boxes(
        np.concatenate(views),
        np.array(kinds, np.uint8),
        np.stack([normalise_glyph(piece.ink) for piece in pieces]),
        np.array([label(k) for k in characters], np.uint8),
        len(set(characters) - {-1}),
        len(composed.characters),
    )


def join(
    parts: Sequence[Boxes],
) -> Boxes:
    "All candidates in one value."
    return Boxes(
        np.concatenate([part.windows for part in parts]),
        np.concatenate([part.kinds for part in parts]),
        np.concatenate([part.glyphs for part in parts]),
        np.concatenate([part.labels for part in parts]),
        sum(part.found for part in parts),
        sum(part.written for part in parts),
    )


# %% [markdown]
# We take a line with touching letters and one with marks, and show the candidates of each kind.

# %%
#| fig-cap: "Up to eight candidates of each kind, as labelled by who owns their ink."
#| fig-alt: "Three rows of windows: whole letters in orange; halves and pairs of letters; dots, commas and dashes."
page = write(["SAVE 177 NOW", "A-B, C."], Paper(texture=1), 2, touching=0.5)
labelled = label_page(page, analyse(page.image))
rows = []
for kind in range(3):
    of_kind = orange(labelled.windows[labelled.kinds == kind][::3][:8])
    blank = np.full_like(of_kind[0], 255)
    rows.append(np.hstack([*of_kind, *[blank] * (8 - len(of_kind))]))
figure(dict(zip(KINDS, rows)), 1)

# %%
counts = np.bincount(labelled.kinds, minlength=3)
assert counts.min() > 0 and ((labelled.labels < 36) == (labelled.kinds == 0)).all()
pd.Series(dict(zip(KINDS, counts)), name="candidates").to_frame().T

# %% [markdown]
# Most candidates are not one character. The judge needs to see many of them, because turning them down is its task.
#
# ## Ten thousand pages
# No page depends on another, so several processes share the work. Each hundred pages have a seed of their own. So the result does not depend on the number of processes, and an interrupt loses only the pages that are being composed. The glyphs of the candidates are kept as well:
# [A better model](14_better_model.ipynb) trains the network for characters on such crops.

# %%
#| export
LOWRES = 0.3  # share of pages like small scans and table cells, on top of the composer's mixture
CHUNK = 100  # pages composed by a process at a time, with a seed of their own


def compose_boxes(
    hands: Sequence[Hand],  # one a writer
    pages: int,
    seed: int | list[int] = 0,
) -> Boxes:
    "Candidates of that many composed pages; raises `DataError` where none gave a box."
    from customocr.writing.papers import random_page

    rng = np.random.default_rng(seed)
    parts = []
    for _ in range(pages):
        paper = str(rng.choice(["lowres", "cell"])) if rng.random() < LOWRES else None
        page = random_page(hands[int(rng.integers(len(hands)))], rng, paper)
        part = label_page(page, analyse(page.image))
        if part is not None:
            parts.append(part)
    if not parts:
        raise DataError("no composed page gave a box: compose more pages")
    return join(parts)


def _chunk(strokes_file: Path, writers: list[int], pages: int, seed: list[int]) -> Boxes:
    "What a process composes at a time."
    from customocr.writing.compose import unipen_hands

    cv2.setNumThreads(1)
    return compose_boxes(unipen_hands(strokes_file, writers), pages, seed)


def _keep(boxes: Boxes, file: Path) -> None:
    "Write whole or not at all."
    part = file.with_suffix(".part.npz")
    np.savez(part, **vars(boxes))
    part.replace(file)


def _kept(file: Path) -> Boxes:
    "What `_keep` wrote."
    with np.load(file) as z:
        arrays: dict[str, Any] = {k: z[k] if z[k].ndim else int(z[k]) for k in z.files}
        return Boxes(**arrays)


def compose_many(
    strokes_file: Path,  # unipen_strokes.npz
    writers: list[int],
    pages: int,
    seed: int,
    keep: Path,  # folder where each finished chunk is kept, for a run that is interrupted
    processes: int = 2,
    until: float | None = None,  # of `time.monotonic()`: from then on no further chunk is begun
) -> Boxes:
    "Candidates of many pages, composed by several processes, with progress; at least one chunk."
    from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
    from multiprocessing import get_context

    keep.mkdir(parents=True, exist_ok=True)
    sizes = [min(CHUNK, pages - i) for i in range(0, pages, CHUNK)]
    files = [keep / f"seed{seed}-chunk{i}-{n}pages.npz" for i, n in enumerate(sizes)]
    todo = [i for i, file in enumerate(files) if not file.is_file()]
    done, start = len(files) - len(todo), time.monotonic()
    jobs: dict[Any, int] = {}
    in_time = lambda: until is None or time.monotonic() < until or not (done or jobs)
    if todo and in_time():
        with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
            while jobs or (todo and in_time()):
                while todo and len(jobs) < processes and in_time():
                    i = todo.pop(0)
                    jobs[pool.submit(_chunk, strokes_file, writers, sizes[i], [seed, i])] = i
                for job in wait(jobs, return_when=FIRST_COMPLETED).done:
                    _keep(job.result(), files[jobs.pop(job)])
                    done += 1
                    took = time.monotonic() - start
                    text = f"composed {done} of {len(files)} parts of {CHUNK} pages, {took:.0f} s"
                    print("\r" + text, end="", flush=True)
        print()
    return join([_kept(file) for file in files if file.is_file()])


# %% [markdown]
# A few pages by the package's fonts, for the small version below:

# %%
writers = list(hands().values())
boxes, check = compose_boxes(writers[:4], 24, seed=1), compose_boxes(writers[4:], 6, seed=2)
found = pd.DataFrame(
    {
        name: dict(zip(KINDS, np.bincount(b.kinds, minlength=3).tolist()))
        for name, b in (("four hands", boxes), ("a fifth", check))
    }
)
found


# %% [markdown]
# ## The network
# Four convolutions turn 40 x 64 pixels into 5 x 8 places with 48 answers each. Two dense layers weigh these answers. The network is asked about every candidate of a page, and a page has some hundreds of them. So it must be small.

# %%
#| export
def network() -> Any:  # Keras model: float32 (N, 40, 64, 2) in 0..1 -> logits (N, 3)
    "The network for boxes: 85,963 parameters, 1.7 million multiplications a box."
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
    verbose: int = 2,  # Keras' progress: 0 none, 2 a line an epoch
) -> tuple[Any, dict[str, list[float]]]:  # the Keras model; its history
    "Cross-entropy with AdamW under a cosine schedule."
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(seed)
    batch, n = 256, len(boxes.kinds)
    scale = lambda x, y: (tf.cast(x, tf.float32) / 255, y)
    order = np.random.default_rng(seed).permutation(n)
    pairs = tf.data.Dataset.from_tensor_slices((boxes.windows[order], boxes.kinds[order]))
    data = pairs.shuffle(20000, seed=seed).batch(batch).map(scale).prefetch(4)
    other = tf.data.Dataset.from_tensor_slices((check.windows, check.kinds)).batch(1000).map(scale)
    model = network()
    rate = keras.optimizers.schedules.CosineDecay(
        2e-4, epochs * -(-n // batch), warmup_target=2e-3, warmup_steps=100
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), loss, metrics=["accuracy"])
    history = model.fit(
        data, epochs=epochs, validation_data=other, shuffle=False, verbose=verbose
    ).history
    return model, {k: [round(float(v), 4) for v in values] for k, values in history.items()}


# %%
small, history = train_network(boxes, check, epochs=12, verbose=0)
usual = float((check.kinds == 1).mean())  # always "not one character"
assert small.count_params() == 85_963 and history["val_accuracy"][-1] > usual + 0.05
round(usual, 3), history["val_accuracy"][-1]

# %% [markdown]
# Below are two shares of right answers, on a hand that was not trained on. The first belongs to a judge that always says "not one character". The second belongs to our small network. The plot shows the shipped network, which was trained on ten thousand pages by 236 people:

# %%
card = json.loads((samples.FOLDER.parent / "models" / "boxes.json").read_text())
shown = ("pages", "boxes", "writers", "validation_writers", "validation_boxes")
worth = ("validation_accuracy", "characters_with_a_candidate", "parameters", "minutes", "command")
pd.Series({name: card.get(name) for name in shown + worth}, name="card").to_frame()

# %%
#| fig-cap: "The shipped network's share right over its eight epochs: the validation writers follow, one point below at the end."
#| fig-alt: "Two rising curves over eight epochs: accuracy in training from 0.90 to 0.96, on validation writers from 0.93 to 0.95."
_, ax = plt.subplots(figsize=(5, 2.4), layout="constrained")
for name, label in (("accuracy", "training"), ("val_accuracy", "validation writers")):
    ax.plot(range(1, card["epochs"] + 1), card["history"][name], "o-", ms=3, label=label)
ax.set(xlabel="epoch", ylabel="share right")
ax.spines[["top", "right"]].set_visible(False)
_ = ax.legend(frameon=False)

# %% [markdown]
# Nine in ten characters have a candidate that holds the whole character and little else. The tenth was lost in segmentation, and no judge can bring it back. Here is the line of the beginning again, with the probability that the shipped network gives to eight candidates:

# %%
#| fig-cap: "The shipped judge on candidates of the line above: probability that each is one character, near 0 for halves and pairs."
#| fig-alt: "Eight windows with probabilities above them: near 1 for whole letters, near 0 for halves and pairs."
session = onnxruntime.InferenceSession(
    str(samples.FOLDER.parent / "models" / "boxes.onnx"), providers=["CPUExecutionProvider"]
)
logits = session.run(None, {"windows": views.astype(np.float32) / 255})[0]
one = np.exp(logits[:, 0]) / np.exp(logits).sum(1)
ranked = np.argsort(one)[[0, 8, 16, 24, -10, -7, -4, -1]]
panels = {
    f"{one[k]:.3f}" + " " * i: view
    for i, (k, view) in enumerate(zip(ranked, orange(views[ranked])))
}
figure(panels, 8, 900)

# %% [markdown]
# Halves and pairs get probabilities near 0. Whole letters that touch a neighbour, here the V and the N, get less than the others: the network is in doubt.
#
# Nothing is decided here yet. The answers become scores on the edges of a [lattice](glossary.html#lattice). [Recognition](03_recognition.ipynb) adds the characters' probabilities and what is known of the language, and decides by all three.
#
# ## As `customocr train --boxes` does it
# The command composes pages, trains, checks on writers who are never trained on, and exports. ONNX Runtime must give the same logits as Keras, otherwise nothing is written.

# %%
#| export
TOLERANCE = 1e-3  # largest difference of a logit between Keras and ONNX Runtime


def export(
    model: Any,  # Keras model
    path: Path,
    example: np.ndarray,  # uint8 (N, 40, 64, 2), to compare on
) -> None:
    "Write the network as ONNX; raises `ModelError` where ONNX Runtime and Keras differ."
    import onnx
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    signature = [tf.TensorSpec((None, *WINDOW, 2), tf.float32, name="windows")]
    function = tf.function(lambda x: model(x, training=False), input_signature=signature)
    graph, _ = tf2onnx.convert.from_function(function, signature, opset=17)
    x = example.astype(np.float32) / 255
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"windows": x})[0]
    if not np.allclose(found, model.predict(x, verbose=0), atol=TOLERANCE):
        raise ModelError(f"{path} not written: ONNX Runtime and Keras differ")
    onnx.save(graph, path)


def _writers_of(
    folder: Path,  # with UNIPEN's strokes and pictures
) -> tuple[Path, list[int], list[int]]:  # stroke file, training writers, validation writers
    "UNIPEN's writers on their sides; raises `DataError` where the strokes are missing."
    from customocr.data import unipen_test_writers, unipen_validation_writers

    strokes = folder / "unipen_strokes.npz"
    if not strokes.is_file():
        raise DataError(
            f"{strokes}: no such file; give the data folder with "
            "characters/train/unipen_strokes.npz"
        )
    names = [str(n) for n in np.load(folder / "unipen.npz")["writer_names"]]
    test, validation = set(unipen_test_writers()), set(unipen_validation_writers())
    training = [i for i, n in enumerate(names) if n not in test | validation]
    return strokes, training, [i for i, n in enumerate(names) if n in validation]


def train(
    data: str | Path | None = None,  # data folder with UNIPEN's strokes; None: $CUSTOMOCR_DATA
    out: str | Path = "runs/boxes",  # for boxes.onnx and boxes.json, and for what is done so far
    pages: int = 10_000,  # composed for training
    epochs: int = 8,
    seed: int = 0,
    resume: bool = False,  # go on with the composed pages of an interrupted run
) -> dict[str, Any]:  # the card: data, split, figures, minutes
    """Compose pages in training writers' hands, cut, train, check on validation writers, export.

    Raises `DataError` where the strokes are missing."""
    start, out = time.time(), Path(out)
    data = data if data is not None else os.environ.get("CUSTOMOCR_DATA")
    if data is None:
        raise DataError(
            "the network for boxes is trained on UNIPEN's strokes: give the data folder with "
            "--data or CUSTOMOCR_DATA"
        )
    strokes, writers, others = _writers_of(Path(data) / "characters" / "train")
    parts = out / "parts"
    if not resume:
        shutil.rmtree(parts, ignore_errors=True)
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
        command=f"customocr train --boxes --data DIR --pages {pages} --epochs {epochs} "
        f"--seed {seed}",
    )
    (out / "boxes.json").write_text(json.dumps(card, indent=1) + "\n")
    shutil.rmtree(parts)
    return card


# %%
try:
    train(data="nowhere")
except DataError as error:
    print(error)

# %% [markdown]
# ## Recap
# - The judge sees a candidate among its neighbours and says whether it is one whole character.
# - A composed page knows who owns each pixel, so its candidates are labelled without work by hand.
# - The answers become scores. Recognition decides later, together with the character network.
#
# ## Exercises
# **1.** How sure is the judge of the first letter of a line, which has neighbours on one side only? Compare its probability for the first and for a middle letter of ten composed lines.
#
# <details><summary>Solution</summary>
#
# ```python
# def probability(seed):
#     page = write(["NNNNNNN"], Paper(), seed)
#     line = analyse(page.image).lines[0]
#     logits = session.run(None, {"windows": windows(line).astype(np.float32) / 255})[0]
#     one = np.exp(logits[:, 0]) / np.exp(logits).sum(1)
#     return one[0], one[len(one) // 2]
#
# np.mean([probability(seed) for seed in range(10)], 0)
# ```
#
# </details>
#
# **2.** What becomes of the labels when a candidate need hold only half of a character (`WHOLE = 0.5`)? Which candidates change sides?
#
# <details><summary>Solution</summary>
#
# ```python
# WHOLE = 0.5
# np.bincount(label_page(page, analyse(page.image)).kinds, minlength=3), counts
# ```
# Hs without a leg become characters: a reader would read them as Is and Ns, and the judge would agree.
#
# </details>
#
# **3.** Train the small version on the candidates' own ink alone, the context set to zero. How much worse is it?
#
# <details><summary>Solution</summary>
#
# ```python
# from dataclasses import replace
# alone = lambda b: replace(b, windows=b.windows * np.uint8([0, 1]))
# train_network(alone(boxes), alone(check), epochs=12, verbose=0)[1]["val_accuracy"][-1]
# ```
# The difference is what the neighbours are worth to the judge.
#
# </details>
#
# **4.** Build `doubtful(picture)`: a reader's eye for its own work. It takes a page, asks the judge about every candidate of every line, and draws a red box around those with a probability between 0.3 and 0.7. Try it on the sample pages. What do the boxes have in common?
#
# ## What the next notebook builds on
# Candidates now have a score each. [A better model](14_better_model.ipynb) trains the network for characters on the crops that `compose_many` keeps, and [recognition](03_recognition.ipynb) asks both networks.
