# %% [markdown]
# # Training a line network
# > What makes a line network read?

# %% [markdown]
# A [line](06c_lines.ipynb) has a text and a picture, but nobody says which pixel belongs to which letter. How can a network learn to read from that? At the end you can work out the answer, *CTC*, by hand, build a network for it, and train a small one. This is how the training of the package's network went:

# %%
#| default_exp line_training

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

import customocr
from customocr.errors import DataError, ModelError
from customocr.glyphs import CLASSES
from customocr.line_network import LineNetwork
from customocr.model import keras  # from there: it starts without greeting
from customocr.recognition import CHARACTERS, MODELS
from customocr.writing.lines import (
    ROWS,
    SHARD,
    STEP,
    Sample,
    compose_lines,
    line_maker,
    load_lines,
    make_shards,
    save_lines,
    shard_file,
    steps_needed,
)

# %%
#| code-fold: true
#| code-summary: "Imports for the examples"
from itertools import groupby, product

import matplotlib.pyplot as plt
import pandas as pd

from customocr.pictures import hands
from customocr.writing.lines import LineMaker

# %%
#| fig-cap: "Two runs, one after the other. The error jumps where the second run begins with large steps again, and ends below the end of the first."
#| fig-alt: "Two curves against lines shown; both fall, fast at first, and once more at the end when the rate of learning falls."
#| label: "fig-training-log"
#| code-fold: true
#| code-summary: "The log of the run, drawn"
log = pd.read_csv("stored/lines/log.csv")
fig, axes = plt.subplots(1, 2, figsize=(7, 2.4), layout="constrained")
for ax, name, title in zip(axes, ("loss", "cer"), ("loss", "character error rate")):
    part = log.dropna(subset=name)
    ax.plot(part["lines"] / 1000, part[name], color="#1b7f79", marker="." * (name == "cer"))
    ax.set(xlabel="lines shown, thousands", ylabel=title, ylim=(0, None))
checked = log.dropna(subset="cer")
assert checked["cer"].iloc[-1] < 0.5 * checked["cer"].iloc[0]

# %% [markdown]
# *Needs*: two minutes and no data. `customocr train --lines --data DIR` makes the network of the package: at most 90 minutes a run on two cores, 1.5 GB of memory.
#
# *Terms*: [CTC](glossary.html#ctc), [logit](glossary.html#logit), [softmax](glossary.html#softmax), [temperature](glossary.html#temperature).
#
# ## CTC by hand
# The network walks along the strip in steps. At each step it gives a probability to every character, and to a *blank*, which says "nothing new here". Three steps and two letters are enough to see how that becomes a text. The numbers are made up; each row
# sums to 1.

# %%
steps = pd.DataFrame(
    [[0.1, 0.8, 0.1], [0.5, 0.3, 0.2], [0.2, 0.1, 0.7]],
    columns=["blank", "A", "B"],
    index=["step 1", "step 2", "step 3"],
)
steps

# %% [markdown]
# A *path* takes one entry of each row. It becomes a text by two rules. Equal entries that follow each other count once. Then the blanks go. So `A - B`, `A A B` and `A B B` all say AB. The blank also keeps equal letters apart: `A - A` is AA, and `A A`
# is A.
#
# The probability of a path is the product of its entries. The probability of a text is the sum over all paths that say it:

# %%
names = ["", "A", "B"]  # the blank is empty


def says(path):
    return "".join(names[k] for k, _ in groupby(path))


table, chance = steps.to_numpy(), {}
for path in product(range(3), repeat=3):
    probability = np.prod([table[t, k] for t, k in enumerate(path)])
    chance[says(path)] = chance.get(says(path), 0) + probability
by_hand = -np.log(chance["AB"])
assert abs(sum(chance.values()) - 1) < 1e-9
pd.Series(chance, name="probability").sort_values(ascending=False).head(6).round(4).to_frame()

# %% [markdown]
# Five of the 27 paths say AB, and together they have 0.613. The *CTC loss* is minus the logarithm of that number (Graves et al., 2006, *Connectionist temporal classification*). Training makes it small: it raises the probability of every path that says
# the right text, and no one has to say where the letters stand. Keras gets the same number, without trying all paths:

# %%
logits = np.log(table)[None].astype(np.float32)
target, length, ends = np.array([[1, 2]]), np.array([2]), np.array([3])
by_keras = keras.ops.ctc_loss(target, logits, length, ends, mask_index=0)
assert abs(float(by_keras[0]) - by_hand) < 1e-4
f"by hand {by_hand:.4f}, Keras {float(by_keras[0]):.4f}"

# %% [markdown]
# ## The network
# Six convolutions as in the [character network](14_better_model.ipynb) bring 32 rows to 4 and every 4 columns to one step. Their kernels are the character network's: strokes and corners look the same in a line. One convolution folds the 4 rows into a list
# of 160 numbers a step. Three more look along the line, so a step knows what stands beside it.

# %%
#| export
SYMBOLS = CLASSES + " "  # the network's outputs after the blank
OUTPUTS = 1 + len(SYMBOLS)  # output 0 is the blank
SHARED = tuple(f"c{k}" for k in range(1, 7))  # convolutions that start as the character network's


def _convolution(x, channels, size=3, stride=1, relu=True, name=None):
    "A convolution with batch norm."
    layers = keras.layers
    x = layers.Conv2D(
        channels, size, strides=stride, padding="same", use_bias=False,
        kernel_initializer="he_normal", name=name,
    )(x)  # fmt: skip
    x = layers.BatchNormalization(momentum=0.98)(x)
    return layers.ReLU()(x) if relu else x


def _along(x, channels: int):
    "A convolution along the line, added to what came in."
    layers = keras.layers
    y = layers.Conv1D(channels, 3, padding="same", use_bias=False)(x)
    y = layers.BatchNormalization(momentum=0.98)(y)
    return layers.ReLU()(layers.Add()([x, y]))


def network(
    widths: tuple[int, int, int] = (32, 64, 96),  # channels at 16, 8 and 4 rows
    channels: int = 160,  # numbers a step
    blocks: int = 3,  # convolutions along the line
    dropout: float = 0.1,
) -> keras.Model:  # float32 (N, ROWS, w, 1) in 0..1 -> logits (N, ceil(w / 4), OUTPUTS)
    "The line network before training."
    layers, (narrow, middle, wide) = keras.layers, widths
    inputs = x = keras.Input((ROWS, None, 1))
    x = _convolution(x, narrow, 5, 2, name="c1")
    x = _convolution(x, narrow, name="c2")
    x = shortcut = _convolution(x, middle, 3, 2, name="c3")
    x = _convolution(x, middle, name="c4")
    x = _convolution(x, middle, relu=False, name="c5")
    x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = _convolution(x, wide, 3, (2, 1), name="c6")
    x = layers.Conv2D(channels, (4, 1), use_bias=False, name="collapse")(x)
    x = layers.ReLU()(layers.BatchNormalization(momentum=0.98)(x))
    x = layers.Reshape((-1, channels))(x)
    for _ in range(blocks):
        x = _along(x, channels)
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(OUTPUTS, name="logits")(x))


def _stored_layers(path: str | Path) -> tuple[list, float]:
    "Kernels and shifts of an ONNX network of ours in order, and the factor of its logits."
    import onnx
    from onnx.numpy_helper import to_array

    graph = onnx.load(path).graph
    stored = {one.name: to_array(one) for one in graph.initializer}
    found: list[list] = []
    factor = 1.0
    for node in graph.node:
        constants = [stored[name] for name in node.input if name in stored]
        if node.op_type == "Conv":
            found.append([constants[0], constants[1] if len(constants) > 1 else 0.0])
        elif node.op_type == "MatMul":
            found.append([constants[0], 0.0])
        elif node.op_type == "Mul" and constants and found and constants[0].ndim:
            found[-1][0] = found[-1][0] * constants[0].reshape(-1, 1, 1, 1)
        elif node.op_type == "Mul" and constants and found:
            factor = float(constants[0])
        elif node.op_type == "Add" and constants:
            found[-1][1] = constants[0].ravel()
    return found, factor


def start_from_characters(
    model: keras.Model,  # from `network`, changed in place
    characters: str | Path | None = None,  # an ONNX file; None: the package's character network
) -> None:
    "Give the first convolutions the kernels of the character network."
    path = characters or MODELS / CHARACTERS
    kernels = [kernel for kernel, _ in _stored_layers(path)[0] if kernel.ndim == 4]
    own = [model.get_layer(name) for name in SHARED]
    kernels = [kernel.transpose(2, 3, 1, 0) for kernel in kernels]
    if [kernel.shape for kernel in kernels] != [tuple(layer.kernel.shape) for layer in own]:
        raise ModelError(f"{path}: its convolutions are not those of a line network")
    for layer, kernel in zip(own, kernels):
        layer.kernel.assign(kernel)


# %%
model = network()
start_from_characters(model)
assert model.output_shape == (None, None, OUTPUTS)
f"{model.count_params():,} parameters, {OUTPUTS} outputs a step"


# %% [markdown]
# A run may also start from a finished network. The file has no batch norms any more: each was multiplied into the convolution before it. So we put the kernels
# back, and give each batch norm the mean and the spread that it sees on some strips, with a scale and a shift that undo them. The network says what the file says.

# %%
#| export
def _means_and_spreads(
    inside: keras.Model, some: Sequence[np.ndarray]
) -> list[tuple[np.ndarray, np.ndarray]]:
    "Mean and variance of each channel at each output, averaged over batches."
    found: list[list] = [[] for _ in inside.outputs]
    for strips in some:
        for rows, values in zip(found, map(keras.ops.convert_to_numpy, inside(strips))):
            values = values.reshape(-1, values.shape[-1])
            rows.append((values.mean(0), values.var(0)))
    return [tuple(np.mean(rows, 0)) for rows in found]


def start_from_lines(
    model: keras.Model,  # from `network`, changed in place
    path: str | Path,  # an ONNX file that `export_lines` wrote
    some: Sequence[np.ndarray],  # float32 (N, ROWS, w, 1) in 0..1: strips to set batch norms by
) -> None:
    "Give a network the weights of a finished one. Raises `ModelError` where they do not fit."
    layers = keras.layers
    own = [one for one in model.layers if isinstance(one, layers.Conv2D | layers.Conv1D)]
    norms = [one for one in model.layers if isinstance(one, layers.BatchNormalization)]
    found, factor = _stored_layers(path) if LineNetwork(path).own else ([], 1.0)
    if len(found) != len(own) + 1:
        raise ModelError(f"{path}: is no line network of this kind; train one from the beginning")
    dense = model.get_layer("logits")
    dense.kernel.assign(found[-1][0] * factor)
    dense.bias.assign(found[-1][1] * factor)
    for layer, norm, (kernel, shift) in zip(own, norms, found):
        kernel = kernel.transpose(2, 3, 1, 0).reshape(layer.kernel.shape)
        layer.kernel.assign(kernel)
        norm.gamma.assign(np.full(norm.gamma.shape, np.sqrt(1 + norm.epsilon)))
        norm.beta.assign(np.broadcast_to(shift, norm.beta.shape))
    inside = keras.Model(model.inputs[0], [norm.input for norm in norms])
    for norm, (mean, spread) in zip(norms, _means_and_spreads(inside, some)):
        norm.beta.assign(norm.beta + mean)
        norm.gamma.assign(np.sqrt(spread + norm.epsilon))
        norm.moving_mean.assign(mean)
        norm.moving_variance.assign(spread)


# %%
shipped = Path(customocr.__file__).parent / "models" / "lines.onnx"
again, noise = network(), np.random.default_rng(0).random((2, ROWS, 64, 1), np.float32)
start_from_lines(again, shipped, [noise])
said = keras.ops.log_softmax(again(noise))
known = LineNetwork(shipped).network.run(None, {"lines": 255 * noise})[0]
assert float(np.abs(said - known).max()) < 1e-3
f"at most {float(np.abs(said - known).max()):.0e} between the file and the network made of it"

# %% [markdown]
# ## Batches
# Lines are of many widths. Filling all up to the widest would waste most of the work, so a batch holds lines of about one width. Every time a line is shown it is varied a little: stretched, sheared, blurred, made thicker or thinner, noisy.

# %%
#| export
WIDTHS = (*range(32, 193, 16), 224, 256, *range(320, 833, 64))  # pixels, of a batch's strips
COLUMNS = 12_288  # pixels of width in a batch, about
FEWEST, MOST = 8, 192  # lines of a batch
LEAST = 1 / 3  # of a full batch: a smaller rest is left out

Batch = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # strips, labels, lengths, steps


def varied(
    strip: np.ndarray,  # uint8 (ROWS, w)
    rng: np.random.Generator,
) -> np.ndarray:  # float32 (ROWS, w'), about 0..1
    "A strip as another camera and another pen might have given it."
    h, w = strip.shape
    u = rng.random(8)
    wide, high = np.exp(rng.normal(0, 0.09)), np.exp(rng.normal(0, 0.05))
    shear = rng.normal(0, 0.05) if u[0] < 0.5 else 0
    middle, size = ROWS / 2, (max(8, int(round(w * wide))), h)
    matrix = np.array(
        [[wide, shear, -shear * middle], [0, high, middle - middle * high + rng.normal(0, 0.8)]],
        np.float32,
    )
    strip = cv2.warpAffine(strip, matrix, size, flags=cv2.INTER_LINEAR)
    if u[1] < 0.12:
        strip = cv2.GaussianBlur(strip, (0, 0), 0.4 + 0.6 * u[2])
    if u[3] < 0.06:
        strip = cv2.dilate(strip, np.ones((2, 2), np.uint8))
    elif u[3] < 0.10:
        strip = cv2.erode(strip, np.ones((2, 1) if u[4] < 0.5 else (1, 2), np.uint8))
    out = strip.astype(np.float32) * np.float32(1 / 255)
    if u[5] < 0.3:
        out = out ** np.float32(np.exp(rng.normal(0, 0.3)))
    if u[6] < 0.2:
        out = out + rng.standard_normal(out.shape, np.float32) * np.float32(0.08 * u[7])
    return out


def steps_of(
    width: int,  # pixels, of a strip
) -> int:
    "Steps that the network makes along a strip."
    return -(-width // STEP)


def batch_of(
    lines: Sequence[tuple[np.ndarray, str]],  # strips float32 (ROWS, w), texts
    width: int,  # pixels, at least that of the widest strip
) -> Batch:  # float32 (N, ROWS, width, 1); int32 (N, longest), 0 behind the text; (N,); (N,)
    "Strips side by side in one array, black behind their ends."
    n, longest = len(lines), max(1, *(len(text) for _, text in lines), 1)
    strips = np.zeros((n, ROWS, width, 1), np.float32)
    labels = np.zeros((n, longest), np.int32)
    for k, (strip, text) in enumerate(lines):
        strips[k, :, : strip.shape[1], 0] = strip
        labels[k, : len(text)] = [1 + SYMBOLS.index(c) for c in text]
    lengths = np.array([len(text) for _, text in lines], np.int32)
    return strips, labels, lengths, np.array([steps_of(s.shape[1]) for s, _ in lines], np.int32)


def batches(
    lines: Sequence[Sample],
    rng: np.random.Generator,
    least: float = LEAST,
) -> list[Batch]:  # in random order
    "Lines varied and put together by width; a few that find no company are left out."
    by_width: dict[int, list] = {}
    for strip, text in lines:
        strip = varied(strip, rng)
        width = next((w for w in WIDTHS if w >= strip.shape[1]), None)
        if width and steps_of(strip.shape[1]) > steps_needed(text):
            by_width.setdefault(width, []).append((strip, text))
    out = []
    for width, some in by_width.items():
        size = max(FEWEST, min(MOST, COLUMNS // width))
        groups = [some[k : k + size] for k in range(0, len(some), size)]
        out += [batch_of(group, width) for group in groups if len(group) >= int(size * least)]
    return [out[k] for k in rng.permutation(len(out))]


# %% [markdown]
# ## One step of training
# Long lines have larger losses, and the batch would learn from them alone. So we divide the loss of a line by the root of its length. A strip without text is right only if every step says blank. Its loss is that of this one path.

# %%
#| export
def line_losses(
    logits,  # float32 (N, steps, OUTPUTS)
    labels,  # int32 (N, longest), 0 behind the text
    lengths,  # int32 (N,), of the texts
    steps,  # int32 (N,), of the strips
):  # float32 (N,), minus the logarithm of the text's probability
    "The CTC loss of each line."
    import tensorflow as tf

    empty = lengths == 0
    first = tf.where(empty, 1, labels[:, 0])[:, None]  # TensorFlow wants at least one label
    labels = tf.concat([first, labels[:, 1:]], 1)
    inputs = tf.concat([logits[..., 1:], logits[..., :1]], -1)  # its blank is the last output
    where = tf.where(labels > 0)
    losses = tf.raw_ops.CTCLoss(
        inputs=tf.transpose(inputs, (1, 0, 2)),
        labels_indices=where,
        labels_values=tf.gather_nd(labels, where) - 1,
        sequence_length=steps,
        ignore_longer_outputs_than_inputs=True,
    )[0]
    seen = tf.sequence_mask(steps, tf.shape(logits)[1])
    blanks = tf.where(seen, tf.nn.log_softmax(logits)[..., 0], 0.0)
    return tf.where(empty, -tf.reduce_sum(blanks, 1), losses)


def training_step(
    model: keras.Model,
    optimiser: keras.optimizers.Optimizer,
) -> Callable:  # a batch -> its loss
    "A function that shows the network one batch and corrects it."
    import tensorflow as tf

    whole = lambda *shape: tf.TensorSpec(shape, tf.int32)
    strips = tf.TensorSpec((None, ROWS, None, 1), tf.float32)
    signature = [strips, whole(None, None), whole(None), whole(None)]  # one graph for all batches

    @tf.function(input_signature=signature)
    def step(strips, labels, lengths, steps):
        with tf.GradientTape() as tape:
            losses = line_losses(model(strips, training=True), labels, lengths, steps)
            loss = tf.reduce_mean(losses / tf.cast(tf.maximum(lengths, 1), tf.float32) ** 0.5)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimiser.apply(gradients, model.trainable_variables)
        return loss

    return lambda batch: float(step(*map(tf.constant, batch)))


# %%
#| hide
hand_made = np.concatenate([logits, np.full((1, 3, OUTPUTS - 3), -30, np.float32)], 2)
ours = line_losses(hand_made, np.int32([[1, 2]]), np.int32([2]), np.int32([3]))
nothing = line_losses(hand_made, np.int32([[0]]), np.int32([0]), np.int32([3]))
assert abs(float(ours[0]) - by_hand) < 1e-4
assert abs(float(nothing[0]) + np.log(chance[""])) < 1e-4


# %% [markdown]
# ## Reading, in its simplest form
# Take the likeliest entry of each step and apply the two rules. That is *greedy* decoding. It is enough to follow the training; [the reader](16_line_network.ipynb) does better.

# %%
#| export
def greedy(
    logits: np.ndarray,  # float (steps, OUTPUTS)
) -> str:
    "The text of the likeliest path."
    best = logits.argmax(-1)
    new = best[np.r_[True, best[1:] != best[:-1]]] if len(best) else best
    return "".join(SYMBOLS[k - 1] for k in new if k)


def edits(a: str, b: str) -> int:
    "Fewest insertions, deletions and replacements from one text to the other (Levenshtein, 1966)."
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        new = [i]
        for j, y in enumerate(b, 1):
            new.append(min(row[j] + 1, new[-1] + 1, row[j - 1] + (x != y)))
        row = new
    return row[-1]


def answering(
    model: keras.Model,
) -> Callable:  # float32 (N, ROWS, w, 1) -> logits float32 (N, steps, OUTPUTS)
    "The network as a function of strips of any width; made once, it is quick from then on."
    import tensorflow as tf

    signature = [tf.TensorSpec((None, ROWS, None, 1), tf.float32)]
    answer = tf.function(lambda x: model(x, training=False), input_signature=signature)
    return lambda strips: answer(tf.constant(strips)).numpy()


def line_logits(
    answer: Callable,  # of `answering`
    lines: Sequence[Sample],
) -> list[np.ndarray]:  # float32 (steps, OUTPUTS) each
    "What the network says along each line."
    out: list = [None] * len(lines)
    order = np.argsort([strip.shape[1] for strip, _ in lines], kind="stable")
    for rows in (order[k : k + 64] for k in range(0, len(order), 64)):
        some = [(lines[k][0].astype(np.float32) / 255, lines[k][1]) for k in rows]
        strips, _, _, steps = batch_of(some, STEP * steps_of(some[-1][0].shape[1]))
        for k, said, n in zip(rows, answer(strips), steps):
            out[k] = said[:n]
    return out


def scores(
    answers: Sequence[np.ndarray],  # of `line_logits`
    lines: Sequence[Sample],
) -> dict[str, float]:  # cer, exact: 0..1; ghosts: share of strips without text that got one
    "Character error rate, lines without an error, texts where there is none; blanks do not count."
    said = [greedy(a).replace(" ", "") for a in answers]
    true = [text.replace(" ", "") for _, text in lines]
    pairs = [(s, t) for s, t in zip(said, true) if t]
    empty = [bool(s) for s, t in zip(said, true) if not t]
    wrong, written = sum(edits(s, t) for s, t in pairs), sum(len(t) for _, t in pairs)
    exact = sum(s == t for s, t in pairs)
    return dict(
        cer=wrong / max(written, 1),
        exact=exact / max(len(pairs), 1),
        ghosts=sum(empty) / max(len(empty), 1),
    )


# %% [markdown]
# ## A run
# The rate of learning says how large the steps are. It rises over 300 batches, stays, and falls almost to nothing over the last two fifths. Lines are stored in files, the *shards*. A *round* shows 3,000 lines from three shards. Two are chosen among all shards, one among the newest six. New shards come in while the training goes on, because a second process composes lines. After each round the state is stored. A run that was stopped goes on from there, and makes the same network as one that was not.

# %%
#| export
PEAK_RATE, WEIGHT_DECAY, CLIP = 2e-3, 0.02, 2.0  # of AdamW; CLIP: of the whole gradient's norm
WARM_UP = 300  # batches
FALL = 0.4  # share of the run in which the rate falls
LEAST_RATE = 0.002  # of the peak
ROUND = 3000  # lines shown in a round
NEWEST = 6  # shards of which each round takes one
ROUNDS_A_SHARD = 4  # rounds for each new shard: a second process composes it in that time, and more
LINES, MINUTES = 680_000, 90.0  # a run ends with what comes first
HELD = 1200  # lines that validate
COLUMNS_OF_LOG = ("round", "lines", "minutes", "rate", "loss", "cer", "exact", "ghosts")


@dataclass
class State:
    "How far a run is."

    round: int = 0
    batches: int = 0
    lines: int = 0  # shown so far
    minutes: float = 0.0  # spent so far
    log: list[list[float]] = field(default_factory=list)  # rows of COLUMNS_OF_LOG


def shards_for(
    round: int,
) -> int:  # at least 1
    "How many shards a round may draw from."
    return 1 + round // ROUNDS_A_SHARD


def lines_of_round(
    round: int,
    seed: int,
    shard: Callable[[int], list[Sample]],  # number -> its lines; waits until they are made
    most: int = ROUND,
    least: float = LEAST,  # as in `batches`
) -> list[Batch]:
    "The batches of a round: the same for the same seed, whenever and wherever it is drawn."
    rng, n = np.random.default_rng([seed, 7, round]), shards_for(round)
    chosen = [*rng.choice(n, min(2, n), replace=False), n - 1 - rng.integers(min(NEWEST, n))]
    lines = [sample for k in chosen for sample in shard(int(k))]
    return batches([lines[k] for k in rng.permutation(len(lines))[:most]], rng, least)


def rate_at(
    batch: int,  # batches before this one
    done: float,  # share of the run, 0..1
    started: bool = False,  # from a finished network
    peak: float | None = None,  # the largest rate; None: PEAK_RATE, half of it where started
) -> float:
    "The rate of learning: it rises, stays and falls; after a finished network it falls at once."
    peak, fall = peak or PEAK_RATE / (2 if started else 1), 1.0 if started else FALL
    return peak * min(1.0, (batch + 1) / WARM_UP) * max(min(1.0, (1 - done) / fall), LEAST_RATE)


def _ahead(
    make: Callable[[int], list[Batch]], first: int
) -> Generator[tuple[int, list[Batch]], None, None]:
    "Rounds one after the other; the next is drawn in a second thread."
    pool = ThreadPoolExecutor(1)
    try:
        coming = pool.submit(make, first)
        while True:
            now, coming = coming.result(), pool.submit(make, first + 1)
            yield first, now
            first += 1
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def save_state(
    path: Path,  # checkpoint.npz
    model: keras.Model,
    optimiser: keras.optimizers.Optimizer,
    state: State,
) -> None:
    "Store a run, whole or not at all."
    part, to_array = path.with_suffix(".part.npz"), keras.ops.convert_to_numpy
    values = {f"model{k}": to_array(v) for k, v in enumerate(model.variables)}
    values |= {f"optimiser{k}": to_array(v) for k, v in enumerate(optimiser.variables)}
    np.savez(part, state=json.dumps(asdict(state)), **values)
    os.replace(part, path)


def load_state(path: Path, model: keras.Model, optimiser: keras.optimizers.Optimizer) -> State:
    "Bring model and optimiser to where a run was."
    arrays = np.load(path)
    for name, variables in (("model", model.variables), ("optimiser", optimiser.variables)):
        for k, variable in enumerate(variables):
            variable.assign(arrays[f"{name}{k}"])
    return State(**json.loads(str(arrays["state"])))


def fit(
    model: keras.Model,
    shard: Callable[[int], list[Sample]],  # number -> its lines
    held: Sequence[Sample],  # lines that validate
    out: Path,  # folder, for checkpoint.npz and log.csv
    lines: int = LINES,  # the run ends when so many were shown
    minutes: float = MINUTES,  # or after so long
    seed: int = 1,
    most: int = ROUND,  # lines of a round
    least: float = LEAST,  # of a full batch, as in `batches`
    every: float = 5.0,  # minutes between validations
    started: bool = False,  # from a finished network: the rate is lower and falls at once
    peak: float | None = None,  # the largest rate, as in `rate_at`
    say: Callable[[str], None] = print,
) -> State:
    "Train until lines or minutes are used up, from a checkpoint in `out` where there is one."
    optimiser = keras.optimizers.AdamW(PEAK_RATE, weight_decay=WEIGHT_DECAY, global_clipnorm=CLIP)
    optimiser.build(model.trainable_variables)
    checkpoint = out / "checkpoint.npz"
    found = checkpoint.exists()
    state = load_state(checkpoint, model, optimiser) if found else State()
    step, answer = training_step(model, optimiser), answering(model)
    start, before = time.perf_counter(), state.minutes
    share = lambda: max(state.lines / lines, state.minutes / minutes)
    rounds = _ahead(lambda k: lines_of_round(k, seed, shard, most, least), state.round)
    while share() < 1:
        _, some = next(rounds)
        if not some:
            raise DataError("too few lines of one width for a batch: compose more lines")
        losses = []
        for batch in some:
            optimiser.learning_rate.assign(rate_at(state.batches, share(), started, peak))
            losses.append(step(batch))
            state.batches, state.lines = state.batches + 1, state.lines + len(batch[0])
            state.minutes = before + (time.perf_counter() - start) / 60
            if share() >= 1:
                break
        state.round += 1
        _note(state, answer, held, losses, every if share() < 1 else 0, optimiser, say)
        save_state(checkpoint, model, optimiser, state)
        _write_log(out / "log.csv", state)
    rounds.close()
    return state


def _note(state: State, answer, held, losses, every: float, optimiser, say) -> None:
    "Say how the run goes; validate where the last time is long ago, and always at the end."
    row = [state.round, state.lines, state.minutes, float(optimiser.learning_rate)]
    row.append(float(np.mean(losses)))
    text = f"{state.minutes:.1f} min  {state.lines:,} lines  loss {row[-1]:.3f}"
    last = state.log[-1][2] if state.log else 0.0
    if state.minutes - last >= every:
        found = scores(line_logits(answer, held), held)
        state.log.append([round(float(v), 5) for v in (*row, *found.values())])
        text += f"  validation: CER {found['cer']:.4f}, exact {found['exact']:.3f}"
    say(text)


def _write_log(path: Path, state: State) -> None:
    "The log as CSV."
    rows = [",".join(COLUMNS_OF_LOG), *(",".join(f"{v:g}" for v in row) for row in state.log)]
    path.write_text("\n".join(rows) + "\n")


# %% [markdown]
# Now a training of seconds: a narrow network, sixty short lines in the hands of fonts, shown two dozen times. That is too little to read anything, and the rate of learning is still rising when it ends. It shows that the parts fit together, and that the
# loss falls.

# %%
from tempfile import TemporaryDirectory

maker = LineMaker(list(hands().values())[:2])
some = compose_lines(maker, 160, 1)
few = [(strip, text) for strip, text in some if strip.shape[1] <= 160][:64]
keras.utils.set_random_seed(1)
narrow = network((12, 24, 32), 48, 1, 0.0)
with TemporaryDirectory() as folder:
    run = fit(
        narrow, lambda k: few, few, Path(folder), lines=64 * 24, seed=1,
        least=0, every=0.02, say=lambda text: None,
    )  # fmt: skip
small_log = pd.DataFrame(run.log, columns=COLUMNS_OF_LOG)
small_log.iloc[[0, -1]][["round", "lines", "loss", "cer"]].round(2)

# %%
#| fig-cap: "The loss falls from the left to the right, though these two dozen rounds are far too few to read."
#| fig-alt: "A falling curve: loss against lines shown."
fig, ax = plt.subplots(figsize=(5, 2.2), layout="constrained")
ax.plot(small_log["lines"], small_log["loss"], color="#1b7f79")
ax.set(xlabel="lines shown", ylabel="loss", ylim=(0, None))
assert small_log["loss"].iloc[-1] < 0.8 * small_log["loss"].iloc[0]

# %% [markdown]
# ## Honest probabilities
# A trained network is surer than it should be. One number mends most of it, as for [characters](14_better_model.ipynb): we divide the logits by a *temperature*. We try several and keep the one with the smallest loss on lines that were not trained on. The division becomes part of the stored network, so the reader needs no second number.

# %%
#| export
TEMPERATURES = np.geomspace(0.5, 2.5, 25)


def best_temperature(
    answers: Sequence[np.ndarray],  # of `line_logits`
    lines: Sequence[Sample],  # not trained on
) -> float:
    "The temperature with the smallest mean CTC loss."
    longest = max(len(a) for a in answers)
    logits = np.zeros((len(answers), longest, OUTPUTS), np.float32)
    for k, answer in enumerate(answers):
        logits[k, : len(answer)] = answer
    empty = [(np.zeros((ROWS, 1), np.float32), text) for _, text in lines]
    _, labels, lengths, _ = batch_of(empty, 1)
    steps = np.array([len(a) for a in answers], np.int32)
    loss = lambda t: float(np.mean(line_losses(logits / np.float32(t), labels, lengths, steps)))
    return float(min(TEMPERATURES, key=loss))


ONNX_OPSET = 15
TOLERANCE = 1e-3  # of a logarithm of a probability: how far Keras and ONNX Runtime may differ


def export_lines(
    model: keras.Model,  # from `network`, trained
    path: Path,  # lines.onnx
    temperature: float,
    lines: Sequence[Sample],  # to compare on
) -> float:  # largest difference between Keras and ONNX Runtime
    "Write the network as ONNX: uint8 levels as float32 in, logarithms of probabilities out."
    import onnx
    import onnxruntime
    import tensorflow as tf
    import tf2onnx

    inputs = keras.Input((ROWS, None, 1), name="lines")
    logits = model(inputs / 255.0) / temperature
    whole = keras.Model(inputs, keras.ops.log_softmax(logits, axis=-1))
    signature = [tf.TensorSpec((None, ROWS, None, 1), tf.float32, name="lines")]
    answer = tf.function(lambda lines: whole(lines, training=False), input_signature=signature)
    graph, _ = tf2onnx.convert.from_function(answer, input_signature=signature, opset=ONNX_OPSET)
    graph.metadata_props.add(key="character", value="\n".join(CLASSES))
    some = [(strip.astype(np.float32), text) for strip, text in lines[:50]]
    strips = batch_of(some, max(strip.shape[1] for strip, _ in some))[0]
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    found = session.run(None, {"lines": strips})[0]
    difference = float(np.abs(found - answer(tf.constant(strips)).numpy()).max())
    if not difference <= TOLERANCE:
        raise ModelError(f"{path} not written: ONNX Runtime and Keras differ by {difference:.2g}")
    onnx.save(graph, path)
    return difference


# %% [markdown]
# ## The whole run
# `train` puts it together, and `customocr train --lines` calls it. A second process composes lines while the first one trains. @fig-training-log shows the log that it wrote for the package's network.

# %%
#| export
WEIGHTS_AT_MOST = 2_000_000  # bytes: weights that are larger are not kept beside the network


@contextmanager
def shards_beside(
    folder: Path,
    data: str | Path,
    seed: int,
    count: int,  # shards
    size: int = SHARD,  # lines of a shard
) -> Iterator[Callable[[int], list[Sample]]]:  # number -> its lines
    "A second process that composes shards; asking for one waits until it is made, and says so."
    context = get_context("spawn")  # TensorFlow does not survive a fork
    made = context.Value("i", 0)
    worker = context.Process(
        target=make_shards, args=(folder, data, seed, count, size, made), daemon=True
    )
    worker.start()
    stopped: list = []
    kept: dict = {}

    def shard(k: int) -> list[Sample]:
        last = 0.0
        while not shard_file(folder, k).exists():
            if stopped or not worker.is_alive():
                raise DataError("the process that composes lines has ended; go on with --resume")
            if time.monotonic() - last > 5:
                last = time.monotonic()
                print(f"composed {made.value:,} lines, waiting for {(k + 1) * size:,}", flush=True)
            time.sleep(0.2)
        if k not in kept:
            kept[k] = load_lines(shard_file(folder, k))
        return kept[k]

    try:
        yield shard
    finally:
        stopped.append(True)
        worker.terminate()
        worker.join()


def card(
    about: dict,  # as in lines.json
) -> str:  # Markdown
    "The line network's section of the card."
    found = about["validation"]
    return f"""# Line network

A strip of {ROWS} rows in, at each {STEP} pixels the probabilities of 0-9, A-Z, the space between
words and the blank out. {about["parameters"]:,} parameters, {about["bytes"]:,} bytes of ONNX
(opset {ONNX_OPSET}). Input `lines`, float32 (N, {ROWS}, w, 1), white ink on black, 0..255;
output: natural logarithms of probabilities, float32 (N, steps, {OUTPUTS}), blank first, space
last. Its first convolutions began as the character network's.

Trained on {about["lines"]:,} composed lines (`customocr/writing/lines.py`) in
{about["minutes"]:.0f} minutes: UNIPEN's training writers, the package's fonts, pictures of MNIST
digits and A-Z letters; strips without text besides. Temperature {about["temperature"]:.2f}, from
lines of other writers.

| lines of UNIPEN's validation writers, greedy | |
|---|---|
| lines | {about["held"]:,} |
| character error rate | {found["cer"]:.4f} |
| lines without an error | {found["exact"]:.3f} |
| strips without text that got one | {found["ghosts"]:.3f} |

Made again with `{about["command"]}`.
"""


def finish(
    model: keras.Model,  # trained
    state: State,
    held: Sequence[Sample],
    out: Path,
    seed: int,
    start: str | Path | None = None,  # the finished network that the run began with
    rate: float | None = None,  # as in `train`
) -> dict:  # as in lines.json
    "Calibrate, measure and write lines.onnx, lines.json, CARD.md and, where small, the weights."
    answers = line_logits(answering(model), held)
    temperature = best_temperature(answers, held)
    path, weights = out / "lines.onnx", out / "lines.weights.h5"
    difference = export_lines(model, path, temperature, held)
    model.save_weights(weights)
    if weights.stat().st_size > WEIGHTS_AT_MOST:
        weights.unlink()
    about = dict(
        format=1, seed=seed, parameters=model.count_params(), bytes=path.stat().st_size,
        temperature=round(temperature, 4), lines=state.lines, rounds=state.round,
        minutes=round(state.minutes, 1), held=len(held), keras_difference=difference,
        validation={k: round(v, 5) for k, v in scores(answers, held).items()},
        command=f"customocr train --lines --data DIR --seed {seed}"
        + (f" --start {Path(start).name}" if start is not None else "")
        + (f" --rate {rate:g}" if rate is not None else ""),
        log=[dict(zip(COLUMNS_OF_LOG, row)) for row in state.log],
    )  # fmt: skip
    (out / "lines.json").write_text(json.dumps(about, indent=1) + "\n")
    (out / "CARD.md").write_text(card(about))
    return about


def _ready(out: Path, seed: int, resume: bool) -> None:
    "Refuse to write over a run, or to go on with one of another seed."
    settings = out / "settings.json"
    if settings.exists():
        if not resume:
            raise ModelError(
                f"{out} holds a training run already; go on with it (--resume), "
                "or choose another folder (--out)"
            )
        before = json.loads(settings.read_text())["seed"]
        if before != seed:
            raise ModelError(f"{out} holds a run with seed {before}, not {seed}")
        return
    out.mkdir(parents=True, exist_ok=True)
    settings.write_text(json.dumps(dict(seed=seed)) + "\n")


def train(
    data: str | Path | None = None,  # data folder with UNIPEN's strokes; None: $CUSTOMOCR_DATA
    out: str | Path = "runs/lines",  # for checkpoint, lines, log, network and card
    lines: int = LINES,  # shown at most
    minutes: float = MINUTES,  # at most
    seed: int = 1,
    resume: bool = False,  # go on with the run in `out`
    start: str | Path | None = None,  # a finished line network; None: the characters' kernels
    rate: float | None = None,  # the largest rate of learning; None: 0.002, with `start` 0.001
) -> dict:  # as in lines.json
    """Compose lines, train the line network on them, write it with its card.

    Raises `DataError` without UNIPEN's strokes, `ModelError` where `out` holds another run."""
    out, data = Path(out), data if data is not None else os.environ.get("CUSTOMOCR_DATA")
    if data is None:
        raise DataError(
            "lines are written with UNIPEN's strokes: give the data folder with --data "
            "or CUSTOMOCR_DATA"
        )
    if not lines > 0 or not minutes > 0 or not (rate is None or rate > 0):
        raise ModelError("lines, minutes and rate must be above 0")
    maker = line_maker(data, held=True)  # refuses a folder without strokes before anything is made
    _ready(out, seed, resume)
    keras.utils.set_random_seed(seed)
    model = network()
    if start is None:
        start_from_characters(model)
    print(f"line network: {model.count_params():,} parameters; composing lines", flush=True)
    folder, count = out / "shards", 1 + shards_for(int(lines / (0.8 * ROUND)))
    folder.mkdir(exist_ok=True)
    with shards_beside(folder, data, seed, count) as shard:
        held = _held_lines(folder / "held.npz", maker, seed)
        say = lambda text: print(text, flush=True)
        if start is not None:
            some = batches(held, np.random.default_rng(seed))
            start_from_lines(model, start, [strips for strips, *_ in some])
        started = start is not None
        state = fit(
            model, shard, held, out, lines, minutes, seed, started=started, peak=rate, say=say
        )
    about = finish(model, state, held, out, seed, start, rate)
    say(f"written: {out / 'lines.onnx'}, {about['bytes']:,} bytes")
    return about


def _held_lines(path: Path, maker, seed: int) -> list[Sample]:
    "The lines that validate, composed once."
    if not path.exists():
        save_lines(path, compose_lines(maker, HELD, [seed, 1_000_000]))
    return load_lines(path)

# %% [markdown]
# ## Recap
# - CTC adds up all paths that say the right text. Nobody has to say where a letter stands.
# - The convolutions start with the character network's kernels and then look along the line.
# - A temperature makes the network's probabilities honest.
#
# ## Exercises
# **1.** Which text is the likeliest in the table of three steps, and which path is? Are they the same?
#
# <details><summary>Solution</summary>
#
# ```python
# max(chance, key=chance.get), says(steps.to_numpy().argmax(1))
# ```
# Both are AB here. They need not be: many middling paths of one text can outweigh the best path of another.
#
# </details>
#
# **2.** Why does a text with two equal letters in a row need one step more?
#
# <details><summary>Solution</summary>
#
# Without a blank between them, the two rules make one letter of both: `steps_needed("AA") == 3`.
#
# </details>
#
# **3.** What changes if the loss is not divided by the root of the text's length? Train the small network both ways and compare short and long lines.
#
# <details><summary>Solution</summary>
#
# Replace the division in `training_step` by 1. Long lines then have most of the gradient, and short ones are learnt later.
#
# </details>
#
# **4.** Build `spaced(text)`: the shortest path that says a text, with `-` for the blank. Check it with `says`.
#
# <details><summary>Solution</summary>
#
# ```python
# def spaced(text):
#     return "".join(c if k == 0 or c != text[k - 1] else "-" + c for k, c in enumerate(text))
#
# path = spaced("ABBA")  # AB-BA
# assert says(["-AB".index(c) for c in path]) == "ABBA"
# ```
#
# </details>
#
# ## What the next notebook builds on
# A network that gives probabilities along a line. [Reading without cutting](16_line_network.ipynb) decodes them, with boxes and with what is known of the text.
