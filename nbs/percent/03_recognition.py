# %% [markdown]
# # Recognition
# > From boxes to text, with how sure it is of every character.

# %% [markdown]
# How does a page become text? [Segmentation](02_segmentation.ipynb) gave us boxes, and the network knows characters. Here both meet. At the end you have a class, `Reader`. It takes anything that holds a picture and gives a `Page`: the text, the place of every character, and how sure the reader is.

# %%
#| default_exp recognition

# %%
#| code-fold: true
#| code-summary: "The picture: one call of the reader"
#| label: fig-recognition-first
#| fig-cap: "Where we are going: a box for each character, and above it the reading. Every letter has its box. Three things are wrong: `15` is read as `IS`, `SO` as `50`, and the last line has no spaces. [Reading a page](#reading-a-page) explains them."
#| fig-alt: "A sample page of four handwritten lines, a box around each character and its reading above."
from customocr import recognition as finished
from customocr import samples
from customocr.pictures import show

show(finished.Reader().read(samples.page("lines")).draw(), 0.8)

# %% [markdown]
# *Needs*: half a minute, no data and no TensorFlow. Reading takes NumPy, OpenCV and ONNX Runtime. All pages shown are our own, written with handwriting fonts. The figures of real pages near the end are stored, with the command that repeats them.
#
# *Terms*: [ONNX](glossary.html#onnx), [confidence](glossary.html#confidence), [calibration](glossary.html#calibration), [lattice](glossary.html#lattice),
# [decoding](glossary.html#decoding), [reading order](glossary.html#reading-order), [character error rate](glossary.html#cer).

# %%
#| export
from __future__ import annotations

from customocr.errors import require_opencv

require_opencv()  # where OpenCV's wheel does not load, one sentence names the cure

# %%
#| export
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TypedDict

import cv2
import numpy as np

from customocr.decoding import Decoding, Knowledge, Lattice, decode_lines
from customocr.engine.network import CURE, Network, check_chances, open_network, tried
from customocr.errors import CustomOCRError, KnowledgeError, ModelError
from customocr.glyphs import CLASSES, MOST_CLASSES, SIDE, normalise_glyph, normalise_glyphs
from customocr.images import load_image
from customocr.layout.cuts import WINDOW, propose, windows
from customocr.layout.ink import GRAIN, polarity, without_pattern
from customocr.layout.lines import SOLID, Candidate, Piece, TextLine, union
from customocr.layout.sheet import Sheet, analyse, has_ink, inside_mat
from customocr.limits import Clock, Limits
from customocr.line_network import (
    EVIDENCE,
    LINES,
    SPACE,
    TAUGHT_LINES,
    LineNetwork,
    LineReading,
    StepLattice,
    greedy_text,
    least_ink,
    line_strip,
    normalised,
    picture_strip,
    second_opinion,
    step_lattice,
    taught_lines,
    window_logs,
)
from customocr.statistics import median, percentile

# %%
#| code-fold: true
#| code-summary: "Imports"
import io
import subprocess
import sys
import tempfile
import time

import matplotlib.pyplot as plt
import pandas as pd

from customocr import samples, segmentation
from customocr.confusion_fixes import align
from customocr.errors import CustomOCRError, ImageError
from customocr.pictures import figure, hands, sample, show, write
from customocr.writing.papers import Paper, woven_paper

# %% [markdown]
# ## A network without TensorFlow
# TensorFlow trained the network. To run it, the file and ONNX Runtime are enough:

# %%
#| export
MODELS = (
    Path(__file__).parent / "models" if "__file__" in globals() else Path("../customocr/models")
)
CHARACTERS = "characters.onnx"  # glyph -> 36 probabilities
BOXES = (
    "boxes.onnx"  # candidate among its neighbours -> one character, not one, or no character at all
)


def load_network(
    path: Path,
    outputs: int,  # numbers it must give for each input
    form: tuple[int, ...] = (SIDE, SIDE, 1),  # of each input: height, width, channels
) -> Network:
    """An ONNX network on the CPU. Raises `ModelError` where the file is missing, damaged or of
    another kind."""
    return _with_outputs(open_network(path), path, outputs, form)[0]


def _with_outputs(
    network: Network, path: Path, outputs: int, form: tuple[int, ...]
) -> tuple[Network, np.ndarray]:
    "The network, and what it says of empty paper and of ink, if it gives that many numbers."
    batch = np.zeros((2, *form), np.float32)
    batch[1, 4:20, 12:16] = 1
    said = tried(network, path, batch)
    if said.shape != (2, outputs):
        raise ModelError(
            f"{path}: gives {said.shape} for two inputs, a network with one input and"
            f" {outputs} outputs is needed; {CURE}"
        )
    return network, said


def taught_classes(
    network: Network,  # a character network
    path: Path,  # of its file, for the message
) -> str:  # its classes: the 36, and behind them what it was taught
    "The classes that a model's file notes. Raises `ModelError` where they make no sense."
    noted = network.get_modelmeta().custom_metadata_map.get("classes", CLASSES)
    bad = len(set(noted)) < len(noted) or len(noted) > MOST_CLASSES or any(map(str.isspace, noted))
    if bad or not noted.startswith(CLASSES):
        raise ModelError(
            f"{path}: its classes are {noted[:60]!r}; a model of ours has the 36 digits and"
            " capitals first, and every further class once"
        )
    return noted


def _class_shares(network, path: Path, classes: int):
    """How often the network expects each class before it looks, float32 (classes,), as the file
    notes it; all the same where it does not."""
    noted = network.get_modelmeta().custom_metadata_map.get("class_shares", "")
    try:
        shares = np.array(noted.split() or [1] * classes, np.float32)
    except ValueError:
        shares = np.zeros(0, np.float32)
    if shares.shape != (classes,) or not (np.isfinite(shares) & (shares > 0)).all():
        raise ModelError(f"{path}: its class_shares are no {classes} numbers above 0; {CURE}")
    return shares


def _levelled(probabilities, shares):
    "Probabilities without what the network expects before it looks."
    level = probabilities / shares
    return level / level.sum(1, keepdims=True)


AT_ONCE = 16  # images that go through a network together: bounds the memory of its layers


def _run(network, images):
    "Images through a network: uint8 (N, h, w, c) -> float32 (N, outputs)."
    name = network.get_inputs()[0].name
    some = (images[k : k + AT_ONCE] for k in range(0, max(1, len(images)), AT_ONCE))
    said = [network.run(None, {name: part.astype(np.float32) / 255})[0] for part in some]
    return np.concatenate(said)


# %%
network = load_network(MODELS / CHARACTERS, len(CLASSES))
entry, exit_ = network.get_inputs()[0], network.get_outputs()[0]
print(entry.name, entry.shape, "->", exit_.name, exit_.shape)
print(f"{(MODELS / CHARACTERS).stat().st_size / 1e6:.1f} MB")

# %% [markdown]
# Whatever is wrong with a model file becomes one sentence:

# %%
try:
    load_network(MODELS / "characters.json", len(CLASSES))
except ModelError as error:
    print(str(error)[:110])

# %%
#| hide
light = (
    "import sys, customocr.recognition; assert not {'tensorflow', 'keras', 'pandas', 'matplotlib'}"
    " & set(sys.modules)"
)
assert subprocess.run([sys.executable, "-c", light]).returncode == 0

# %% [markdown]
# ## The tutorial's reading
# We take the boxes and glyphs of one line, as [the tutorial](00_data.ipynb#the-tutorial) does. All glyphs go in as *one* array (N, 28, 28, 1).

# %%
line = write(
    ["READ MY LINE 27"],
    Paper(gradient=0.3, texture=2, noise=2, blur=0.7),
    4,
    height=42,
    letter_gap=0.3,
)
boxes = segmentation.tutorial_boxes(line.image)
glyphs = segmentation.tutorial_glyphs(line.image, boxes, margin=0)
probabilities = _run(network, glyphs[..., None])
glyphs.shape, probabilities.shape


# %% [markdown]
# One array is faster, because every call has a cost of its own:

# %%
def seconds(call, repeats=5):
    "Shortest of several runs."
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return min(times)


thirty = np.repeat(glyphs, 3, 0)[:30]
together, apart = (
    seconds(lambda: _run(network, thirty[..., None])),
    seconds(lambda: [_run(network, g[None, ..., None]) for g in thirty]),
)
f"thirty glyphs one by one take {apart / together:.1f} times as long as together"


# %% [markdown]
# For each glyph we take the most probable class and its probability:

# %%
#| fig-cap: "The tutorial's reading, drawn on the page. The I is read as 1: alone, it is a bar like any other."
#| fig-alt: "The line with a box around each character and the answer above it."
#| label: fig-recognition-tutorial
def drawn(image, boxes, probabilities):
    "The page with boxes and the likeliest class of each."
    out = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for (x, y, w, h), row in zip(boxes, probabilities):
        cv2.rectangle(out, (x, y), (x + w, y + h), (255, 100, 0), 2)
        cv2.putText(
            out,
            CLASSES[row.argmax()],
            (x + 4, y - 8),
            cv2.FONT_HERSHEY_SIMPLEX,
            1.0,
            (0, 0, 230),
            2,
            cv2.LINE_AA,
        )
    return out


print("   ".join(f"{CLASSES[row.argmax()]} {row.max():.1%}" for row in probabilities))
show(drawn(line.image, boxes, probabilities))

# %% [markdown]
# The tutorial then cuts with a margin of 2 pixels. The glyphs get some air, as training glyphs have, and the network is surer. The layout of the training glyphs is better still: `normalise_glyph` crops to the ink, brings the longer side to 20 pixels and the centre of mass to the middle. Then no margin has to be chosen. The rows compare four ways; confidences are probabilities:

# %%
layouts = {
    f"margin {m}": segmentation.tutorial_glyphs(line.image, boxes, margin=m) for m in (0, 2, 6)
}
layouts["normalised"] = normalise_glyphs(layouts["margin 2"])
rows = {name: _run(network, g[..., None]) for name, g in layouts.items()}
margins = pd.DataFrame(
    {
        name: ["".join(CLASSES[k] for k in row.argmax(1)), row.max(1).mean(), row.max(1).min()]
        for name, row in rows.items()
    },
    index=["read", "mean confidence", "least"],
).T
margins

# %%
#| hide
assert (
    margins.loc["normalised", "read"].replace("0", "O").replace("1", "I") == "READMYLINE27"
    and margins.loc["normalised", "mean confidence"] >= margins.loc["margin 0", "mean confidence"]
)

# %% [markdown]
# This is where the tutorial ends. Three sample pages show what is missing; below each reading stands the truth:

# %%
#| code-fold: true
#| code-summary: "Three pages, read the tutorial's way"
reads = lambda image: "".join(
    CLASSES[k]
    for k in _run(
        network,
        normalise_glyphs(segmentation.tutorial_glyphs(image, segmentation.tutorial_boxes(image)))[
            ..., None
        ],
    ).argmax(1)
)
tutorial_text = {name: reads(sample(name)) for name in ("lines", "note", "pencil")}
for name, text in tutorial_text.items():
    print(
        f"{name:7} {text}\n       "
        f" {' / '.join(next(p.text for p in samples.pages() if p.name == name).splitlines())}"
    )

# %% [markdown]
# The letters are right, and they make no text. Lines run through one another, words have no spaces, a dot becomes a character. Letters that touch got one box for two.
#
# ## What a reading is
# A page holds lines, a line holds words, a word holds characters. Each character has its text, its confidence, its box on the page, and its alternatives. None of it can be changed afterwards.

# %%
#| export
Box = tuple[int, int, int, int]  # x, y, w, h in page pixels


@dataclass(frozen=True)
class Character:
    "One character on the page."

    text: str  # one of 0-9, A-Z, or the placeholder of a rejected one
    confidence: float  # 0..1, probability that it is right given all that is known
    box: tuple[int, int, int, int]  # x, y, w, h in page pixels
    alternatives: tuple[
        tuple[str, float], ...
    ]  # readings and their probabilities, most probable first


@dataclass(frozen=True)
class Word:
    "Characters without a space between them."

    characters: tuple[Character, ...]
    confidence: float  # 0..1, probability that all of them are right

    @property
    def text(self) -> str:
        return "".join(c.text for c in self.characters)

    @property
    def box(self) -> tuple[int, int, int, int]:  # x, y, w, h in page pixels
        return _around(c.box for c in self.characters)


@dataclass(frozen=True)
class Line:
    "Words on one line, left to right."

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(w.text for w in self.words)

    @property
    def box(self) -> tuple[int, int, int, int]:  # x, y, w, h in page pixels
        return _around(w.box for w in self.words)


def _around(boxes: Iterable[Box]) -> Box:
    "The box around boxes, at least one."
    x0, y0, x1, y1 = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes]).T
    return int(x0.min()), int(y0.min()), int(x1.max() - x0.min()), int(y1.max() - y0.min())


# %% [markdown]
# A `Page` shows itself in a notebook, draws itself, and turns into JSON with the same levels.

# %%
#| export
class CharacterDict(TypedDict):
    "A character as JSON."

    text: str
    confidence: float  # 0..1
    box: list[int]  # x, y, w, h in page pixels
    alternatives: list[list[str | float]]  # [reading, probability], most probable first


class WordDict(TypedDict):
    "A word as JSON."

    text: str
    confidence: float  # 0..1
    box: list[int]
    characters: list[CharacterDict]


class LineDict(TypedDict):
    "A line as JSON."

    text: str
    box: list[int]
    words: list[WordDict]


class PageDict(TypedDict):
    "A page as JSON."

    text: str
    width: int  # pixels
    height: int
    rotation: int  # degrees clockwise
    matched: bool
    complete: bool
    lines: list[LineDict]


def _character_dict(c: Character) -> CharacterDict:
    alternatives: list[list[str | float]] = [[text, round(p, 4)] for text, p in c.alternatives]
    return {
        "text": c.text,
        "confidence": round(c.confidence, 4),
        "box": list(c.box),
        "alternatives": alternatives,
    }


def _word_dict(w: Word) -> WordDict:
    return {
        "text": w.text,
        "confidence": round(w.confidence, 4),
        "box": list(w.box),
        "characters": [_character_dict(c) for c in w.characters],
    }


def _line_dict(line: Line) -> LineDict:
    words = [_word_dict(w) for w in line.words]
    return {"text": line.text, "box": list(line.box), "words": words}


# %%
#| export
@dataclass(frozen=True)
class Page:
    "What was read: lines of words of characters, in reading order."

    lines: tuple[Line, ...]
    size: tuple[int, int]  # width and height of the page in pixels
    rotation: int  # degrees by which the page was turned clockwise to be read: 0, 90, 180 or 270
    picture: np.ndarray = field(
        repr=False, compare=False
    )  # uint8, the upright pixels that were read
    scale: float = field(default=1.0, repr=False)  # page pixels per pixel of the picture
    matched: bool = True  # False where a line fits neither pattern nor strict lexicon
    complete: bool = True  # False where a limit was reached: what was read until then stands here

    @property
    def text(self) -> str:
        "Lines by newline, words by one space."
        return "\n".join(line.text for line in self.lines)

    @property
    def characters(self) -> tuple[Character, ...]:
        "All characters in reading order."
        return tuple(c for line in self.lines for w in line.words for c in w.characters)

    @property
    def has_ink(self) -> bool:
        "Whether anything stands on the page: where no text was read, it may still be writing."
        return has_ink(_grey(self.picture))

    def draw(self) -> np.ndarray:  # uint8 (h, w, 3), BGR
        "The page with each character's box and reading; the less sure, the redder."
        out = (
            self.picture
            if self.picture.ndim == 3
            else cv2.cvtColor(self.picture, cv2.COLOR_GRAY2BGR)
        )
        f = 1 / self.scale
        grow = max(
            1, round(400 / max(out.shape[:2]))
        )  # a small picture is enlarged so that letters can stand on it
        out = (
            cv2.resize(out, None, fx=grow, fy=grow, interpolation=cv2.INTER_CUBIC)
            if grow > 1
            else out.copy()
        )
        f *= grow
        heights = [c.box[3] * f for c in self.characters]
        size = float(np.clip(np.median(heights or [20]) / 55, 0.35, 3))
        thick = max(1, round(size * 1.6))
        for c in self.characters:
            x, y, w, h = (round(v * f) for v in c.box)
            colour = (40, int(150 * c.confidence), int(40 + 200 * (1 - c.confidence)))
            cv2.rectangle(out, (x, y), (x + w, y + h), colour, max(1, thick // 2), cv2.LINE_AA)
            cv2.putText(
                out,
                c.text if c.text.isascii() else "?",
                (x, max(round(22 * size), y - thick - 1)),
                cv2.FONT_HERSHEY_SIMPLEX,
                size,
                colour,
                thick,
                cv2.LINE_AA,
            )
        return out

    def to_dict(self) -> PageDict:  # JSON types only
        "Everything as plain dictionaries, for JSON."
        return {
            "text": self.text,
            "width": self.size[0],
            "height": self.size[1],
            "rotation": self.rotation,
            "matched": self.matched,
            "complete": self.complete,
            "lines": [_line_dict(line) for line in self.lines],
        }

    def _repr_markdown_(self) -> str:
        return "```\n" + self.text + "\n```"

    def _repr_png_(self) -> bytes:
        return cv2.imencode(".png", self.draw())[1].tobytes()


# %%
two = Word(
    (
        Character("4", 0.97, (10, 10, 20, 40), (("4", 0.97), ("A", 0.02))),
        Character("2", 0.91, (36, 12, 22, 38), (("2", 0.91), ("Z", 0.08))),
    ),
    0.88,
)
print(two.text, two.box)
assert two.text == "42" and two.box == (10, 10, 48, 40)
two.characters[1]

# %% [markdown]
# ## Which cuts?
# In the line below letters touch. `analyse` finds its pieces of ink ([All steps together](11b_sheet.ipynb)). `propose` cuts them where little ink is crossed ([Where would one cut?](12_cuts.ipynb)). Every run of neighbouring parts is a *candidate*: it may be one character.

# %%
#| fig-cap: "Ten letters in seven pieces of ink. Find the pairs that touch."
#| fig-alt: "A line of partly touching letters, SAVE 177 NOW."
#| label: fig-recognition-touching
touching = write(["SAVE 177 NOW"], Paper(texture=1), 2, touching=0.6)
sheet = analyse(touching.image)
cut = propose(sheet.lines[0], np.zeros(len(sheet.lines[0].pieces), bool))
print(
    f"{len(sheet.lines[0].pieces)} components, {len(cut.pieces)} parts, {len(cut.candidates)}"
    f" candidates, {len(touching.characters)} characters"
)
show(touching.image)

# %% [markdown]
# There are far more candidates than letters. Two networks look at each. The *character network* says which of the 36 classes it would be. The *judge* ([The judge of boxes](13_boxes.ipynb)) says whether it is one whole character. Half of an N is a good I to the first, and a part of something to the second.

# %%
#| code-fold: true
#| code-summary: "Both networks on twelve candidates"
#| fig-cap: "Below each candidate: what it would be (blue), and whether it is one character (green: yes, red: no). A high blue number beside a red one is a part that looks like a letter."
#| fig-alt: "Twelve candidates with the classifier's answer and the judge's probability below each."
#| label: fig-recognition-networks
judge = load_network(MODELS / BOXES, 3, (*WINDOW, 2))
logits = _run(judge, windows(cut))
whole = np.exp(logits - np.logaddexp.reduce(logits, 1, keepdims=True))
classes = _run(network, np.stack([normalise_glyph(c.piece.ink) for c in cut.candidates])[..., None])
cells = []
for k in np.linspace(0, len(cut.candidates) - 1, 12).astype(int):
    cell = np.full((100, 62, 3), 255, np.uint8)
    cell[3:59, 3:59] = (
        255 - cv2.resize(normalise_glyph(cut.candidates[k].piece.ink), (56, 56))[..., None]
    )
    cv2.putText(
        cell,
        f"{CLASSES[classes[k].argmax()]} {classes[k].max():.2f}",
        (4, 75),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.45,
        (180, 80, 0),
        1,
        cv2.LINE_AA,
    )
    cv2.putText(
        cell,
        f"one? {whole[k, 0]:.2f}",
        (2, 93),
        cv2.FONT_HERSHEY_SIMPLEX,
        0.36,
        (0, 110, 0) if whole[k, 0] > 0.5 else (0, 0, 200),
        1,
        cv2.LINE_AA,
    )
    cells.append(cell)
show(np.hstack(cells))

# %% [markdown]
# A reading of the line is a row of candidates that fit together. [Decoding](15_decoding.ipynb) finds the best row. Two more things are needed first: where words end, and what is no character.
#
# ## Spaces
# How wide is a space? On one page letters stand as far apart as the words of another. So we measure a gap in two ways: in heights of a character, and against the other gaps of its line. A rule with five numbers adds both up to a probability. The numbers were fitted on composed lines, whose spaces are known.

# %%
#| export
# Logistic regression on 5,659 gaps of 500 composed pages in the hands of UNIPEN's validation
# writers: 3.9 % of the gaps
# wrong at one half, where a fixed rule (0.62 heights, or 1.9 times the line's usual gap) had 4.3 %
# and was far less honest
# about its doubt (log loss 0.117 against 0.181). `benchmarks/spaces.py` fits it again.
SPACE_WEIGHTS = (
    10.12,
    -5.13,
    -0.97,
    -2.87,
)  # of a gap, and of the median, lower quartile and upper fifth of its line's gaps
SPACE_BIAS = -3.85


def space_probabilities(
    line: TextLine,
) -> np.ndarray:  # float32 (pieces + 1,), 0..1, probability of a word space at each cut
    "A gap is a space when it is wide for the characters' height and for this line's other gaps."
    n = len(line.pieces)
    out = np.zeros(n + 1, np.float32)
    if n < 2:
        return out
    gaps = piece_gaps(line)
    real = gaps[gaps > 0.02]
    usual = np.array([percentile(real, q) if len(real) else 0.0 for q in (50, 25, 80)])
    out[1:-1] = _logistic(SPACE_WEIGHTS[0] * gaps + usual @ SPACE_WEIGHTS[1:] + SPACE_BIAS)
    return out


def _logistic(odds: np.ndarray) -> np.ndarray:  # 0..1
    "Probabilities of log-odds."
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))


def piece_gaps(
    line: TextLine,
    # float (pieces - 1,), white before each piece but the first, in character heights; negative
    # where they overlap
) -> np.ndarray:
    "The white between neighbouring pieces of a line."
    right = np.maximum.accumulate([p.right for p in line.pieces])
    return (np.array([p.x for p in line.pieces[1:]]) - right[:-1]) / line.letter


# %%
#| code-fold: true
#| code-summary: "The plot of three lines"
#| fig-cap: "A bar in each gap, as high as the probability of a space, green above one half. In the third line several bars are undecided."
#| fig-alt: "Three lines with bars at the gaps, high and green between words, low and red between letters; on the third, of short words, some are in doubt."
#| label: fig-recognition-spaces
def gap_view(page):
    "The line with the probability of a space as a bar in every gap, green over one half."
    found = analyse(page.image)
    text_line = found.lines[0]
    view, bottom = (
        cv2.cvtColor(found.grey, cv2.COLOR_GRAY2BGR),
        max(q.bottom for q in text_line.pieces),
    )
    for k, p in enumerate(space_probabilities(text_line)[1:-1], 1):
        x = (max(q.right for q in text_line.pieces[:k]) + text_line.pieces[k].x) // 2
        cv2.line(
            view,
            (x, bottom + 4),
            (x, bottom + 4 - int(p * 36)),
            (0, 110, 0) if p > 0.5 else (0, 0, 200),
            3,
        )
    return cv2.resize(view, (380, round(380 * view.shape[0] / view.shape[1])))


lines = {
    "tight": write(["READ THIS PAGE"], letter_gap=0.15, word_gap=0.9),
    "wide": write(["READ THIS PAGE"], letter_gap=0.6, word_gap=1.6),
    "short words": write(["BY 7 30 PM"], letter_gap=0.15, word_gap=0.9),
}
views = [gap_view(page) for page in lines.values()]
height = max(v.shape[0] for v in views)
show(
    np.hstack(
        [
            cv2.copyMakeBorder(
                v, 0, height - v.shape[0], 0, 12, cv2.BORDER_CONSTANT, value=(255,) * 3
            )
            for v in views
        ]
    ),
    0.7,
)

# %%
gaps = {
    name: [round(float(p), 2) for p in space_probabilities(analyse(page.image).lines[0])[1:-1]]
    for name, page in lines.items()
}
assert all([k for k, p in enumerate(gaps[name]) if p > 0.5] == [3, 7] for name in ("tight", "wide"))
gaps

# %% [markdown]
# The third line is the hard one. Where words have one or two characters, most gaps are spaces, and none of them looks wide beside the others. There the decoder has to help, with what it knows of words and numbers.
#
# ## Marks, and the lattice
# Dots, commas and dashes are none of our 36 classes. For them the judge has the answer "no character". Above 0.9 (`MARK`) the part is left out. Between 0.5 (`MAYBE_MARK`) and 0.9 the decoder may read it or leave it out.
#
# All other candidates go into a [lattice](glossary.html#lattice). Every cut is a node, and every candidate is an edge from its left cut to its right cut. [Where would one cut?](12_cuts.ipynb) draws it.
#
# A drawing has strokes that look like a 1 or a V. So a page on which only one or two characters were found is taken for a drawing where less than 0.4 of the ink is theirs (`LEAST_INK`). Grain and noise look like many characters, of which hardly one is sure. So a page of six or more (`MANY`) is taken for noise where their mean probability is less than 0.6 (`LEAST_SURE`), unless hints tell what stands there. [Results](results.qmd) counts how many pictures without text still give some.

# %%
#| export
# probability of being one whole character from which a component is neither cut nor joined
SURE = 0.97
UNLIKELY = (
    0.01  # probability of being one whole character under which a candidate is not classified
)
MARK = 0.9  # probability of being no character from which a piece is left out
MAYBE_MARK = 0.5  # from which the decoder may leave it out
LEAST_LINE = 0.35  # mean sureness of its characters under which a line is no text
LEAST_PAGE = 0.08  # the same for the line of a page that holds most of its text
FEW = 2  # characters of a page, up to which most of its ink must be theirs:
LEAST_INK = (
    0.4  # share of the ink; the development pages of one or two characters have 0.72 and more
)
# Characters from which a page is noise where their mean probability is less than this: development
# pages of so many have 0.87 and more, drawn ones that are half right 0.61; most noise has less
MANY, LEAST_SURE = 6, 0.6
# The same for any number of them, where the time ran out before all was read: of 36 readings of
# noise that were cut short at 0.3 to 1.8 seconds the surest had 0.72
LEAST_SURE_CUT = 0.75


@dataclass(frozen=True)
class _Judged:
    "A line with what both networks say of its candidates."

    line: TextLine
    kept: np.ndarray  # indices of the candidates in the lattice
    whole: np.ndarray  # float32 (E,), probability of being one whole character
    probabilities: np.ndarray  # float32 (E, 36)
    lattice: Lattice
    said: LineReading | None = None  # what the line network says of the line
    heard: bool = False  # by the line network alone: its boxes are between steps, not around ink

    @property
    def sure(self) -> int:
        "How many of the candidates are surely a character."
        return int((self.whole * self.probabilities.max(1) > EARNS).sum())


def _mark_odds(line: TextLine, whole: np.ndarray) -> np.ndarray:
    """The probability of each piece, taken alone, of being no character; whole is float
    (candidates, 3)."""
    odds = np.zeros(len(line.pieces))
    for c, q in zip(line.candidates, whole):
        if c.end == c.start + 1:
            odds[c.start] = q[2]
    return odds


# Height of a mark, and its middle below the letters' middle: from, to; in letter heights
MARKS = {
    **{".": (0.02, 0.45, 0.15, 0.9), ",": (0.05, 0.75, 0.1, 1.0), "'": (0.05, 0.7, -1.0, -0.1)},
    **{"-": (0.02, 0.4, -0.45, 0.45), "=": (0.08, 0.8, -0.45, 0.5), "_": (0.02, 0.4, 0.25, 1.0)},
    **{"+": (0.2, 1.3, -0.5, 0.6), ":": (0.25, 1.1, -0.4, 0.6), ";": (0.25, 1.2, -0.4, 0.7)},
    **{"*": (0.1, 0.8, -1.0, 0.5), '"': (0.05, 0.7, -1.0, -0.1)},
}
FULL_SIZE = (0.45, 9.0, -0.8, 0.8)  # of every other class that a model was taught
OUT_OF_PLACE = 1e-3  # share that is left of a class whose size or place is another
ONE_OF_PARTS = 0.3  # of "not one character" that counts for a taught class: the judge knew none


def _fits(line: TextLine, symbols: str) -> np.ndarray:  # float (candidates, taught classes)
    "Whether each candidate has the size and stands at the height of each taught class."
    tall = [p for p in line.pieces if p.ink.shape[0] >= 0.5 * line.letter] or line.pieces
    across = np.array([p.x + p.ink.shape[1] / 2 for p in tall])
    middle = np.array([p.y + p.ink.shape[0] / 2 for p in tall])
    box = np.array([c.piece.tight for c in line.candidates], float)
    far = np.abs(across - (box[:, 0] + box[:, 2] / 2)[:, None])
    near = np.argsort(far, 1)[:, :3]
    height = box[:, 3] / line.letter
    below = (box[:, 1] + box[:, 3] / 2 - np.median(middle[near], 1)) / line.letter
    size = np.array([MARKS.get(c, FULL_SIZE) for c in symbols[len(CLASSES) :]]).T
    ok = (height[:, None] >= size[0]) & (height[:, None] <= size[1])
    ok &= (below[:, None] >= size[2]) & (below[:, None] <= size[3])
    return np.where(ok, 1.0, OUT_OF_PLACE)


def _with_marks(
    line: TextLine, p: np.ndarray, probabilities: np.ndarray, symbols: str
) -> tuple[np.ndarray, np.ndarray]:  # both as they came, of the same shapes
    """What the judge says where a model was taught more classes: a dot is no letter, but it may
    be the full stop that it was taught."""
    old = len(CLASSES)
    more = np.hstack([np.ones((len(p), old)), _fits(line, symbols)])
    more[:, old:] *= (p[:, [0]] + p[:, [2]] + ONE_OF_PARTS * p[:, [1]]) / np.maximum(
        p[:, [0]], 1e-6
    )
    joint = probabilities * more * p[:, [0]]
    whole = joint.sum(1)
    nothing = p[:, 2] * (1 - joint[:, old:].sum(1))
    judged = np.stack([whole, np.maximum(1 - whole - nothing, 0), np.maximum(nothing, 0)], 1)
    return judged, joint / np.maximum(whole, 1e-12)[:, None]


def line_lattice(
    line: TextLine,
    logs: np.ndarray,  # float (candidates, 3), the judge's log-probabilities
    probabilities: np.ndarray,  # float (candidates, 36), of the classes
    said: LineReading | None = None,  # what the line network says; None: it was not asked
    symbols: str = CLASSES,  # the classes
) -> _Judged:
    """The lattice of a line: pieces that are no character are stepped over, doubtful ones can be;
    every other cut is a node."""
    p, taught = np.exp(logs), probabilities.shape[1] > len(CLASSES)
    if taught:
        p, probabilities = _with_marks(line, p, probabilities, symbols)
    odds = _mark_odds(line, p)
    mark = (odds > MARK) & (not taught)
    node = np.r_[0, np.cumsum(~mark)]
    start, end = (node[[getattr(c, at) for c in line.candidates]] for at in ("start", "end"))
    # a candidate that begins or ends with a mark has a twin without it
    edge = np.array([mark[c.start] or mark[c.end - 1] for c in line.candidates], bool)
    kept = np.flatnonzero((end > start) & ~(edge & (end - start < 2)))
    whole = np.clip(p[:, 0], 1e-4, 1 - 1e-4)
    # where a mark is doubtful the text decides: an edge that reads nothing stands beside the
    # character's
    doubtful = np.flatnonzero((odds > MAYBE_MARK) & ~mark)
    n = probabilities.shape[1]
    nothing = np.full((len(doubtful), n), 1 / n)
    blank_score = np.log(odds / (1 - odds + 1e-9) + 1e-9)[doubtful]
    spaces = np.zeros(node[-1] + 1, np.float32)
    np.maximum.at(spaces, node, space_probabilities(line))
    spaces[[0, -1]] = 0
    lattice = Lattice(
        n_nodes=int(node[-1]) + 1,
        start=np.r_[start[kept], node[doubtful]].astype(np.int32),
        end=np.r_[end[kept], node[doubtful] + 1].astype(np.int32),
        score=np.r_[np.log(whole / (1 - whole))[kept], blank_score].astype(np.float32),
        logp=np.log(np.maximum(np.vstack([probabilities[kept], nothing]), 1e-12)).astype(
            np.float32
        ),
        space=spaces,
        blank=np.r_[np.zeros(len(kept), bool), np.ones(len(doubtful), bool)],
    )
    if said is not None:
        ink = [line.candidates[k].piece for k in kept] + [line.pieces[k] for k in doubtful]
        left, right = np.array([(p.x, p.right) for p in ink], float).reshape(-1, 2).T
        lattice = second_opinion(lattice, left, right, said) if len(ink) else lattice
    return _Judged(line, kept, whole[kept].astype(np.float32), probabilities[kept], lattice, said)


# %%
judged = line_lattice(cut, np.log(np.maximum(whole, 1e-9)), classes)
(decoded,) = decode_lines([judged.lattice], Knowledge())
print(f"{judged.lattice.n_nodes} nodes, {len(judged.kept)} edges, read as {decoded.text!r}")
assert len(decoded.edges) >= 8 and judged.lattice.n_nodes <= len(cut.pieces) + 1

# %% [markdown]
# ## Spaces again, when the characters are known
# The lattice has to say how likely a space is before anyone knows which candidates are the characters. So the rule measures from box to box, and it is unsure. The decoder uses every doubt. `MAR` and `BOEUF` are likelier words than `MARBOEUF`, so a space between them wins although the rule gives it only 2 %.
#
# When the line is decoded, its characters are known, and one can look closer. Three numbers then tell more than the four before:
#
# - the white before a character, along the rows where it and its neighbour are closest (`closest_white`). Ink that is no character, such as a hyphen, divides the white;
# - the median of the line's whites;
# - the space that the [line network](16_line_network.ipynb) hears between the two characters.
#
# [Logistic regression](glossary.html#logistic-regression) makes a probability of them again. Where it says something else than the decoder did, the line is decoded once more with these probabilities. The letters beside a space may change then, too.

# %%
#| export
# Fitted by `benchmarks/spaces.py --known` on 300 pages composed in the hands of UNIPEN's
# validation writers, whose letters stand 0.08 to 0.9 heights apart
WHITE_WEIGHTS = (11.18, -18.37, 0.68)  # of the three numbers of `space_evidence`, in their order
WHITE_BIAS = -0.34
SAME_ROW = 0.15  # letter heights up and down: rows that are still the same
NO_WHITE = 0.02  # letter heights: characters that touch tell nothing of the line's whites
WIDEST_WHITE = 4.0  # letter heights; more tells no more
HEARD = 1e-3  # probability, added to both sides of the odds: 7 nats are as sure as it gets
FARTHEST = 1e9  # pixels
OVERHANG = 0.1  # letter heights by which ink between two characters may reach over them


def _edges(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # float32 (h,) each, pixels
    "Where the ink of each row begins and ends; far to the right and to the left in an empty row."
    solid, width = ink > SOLID, ink.shape[1]
    inked = solid.any(1)
    first = np.where(inked, solid.argmax(1), FARTHEST)
    after = np.where(inked, width - solid[:, ::-1].argmax(1), -FARTHEST)
    return first.astype(np.float32), after.astype(np.float32)


def closest_white(
    left: Piece,
    right: Piece,  # its neighbour
    letter: float,  # pixels, height of a character
) -> float:  # letter heights; negative where one hangs over the other
    "The white between two characters along the rows where they are closest."
    reach = max(1, round(SAME_ROW * letter))
    _, after = _edges(cv2.copyMakeBorder(left.ink, reach, reach, 0, 0, cv2.BORDER_CONSTANT))
    after = cv2.dilate(after[:, None], np.ones((2 * reach + 1, 1), np.uint8))[:, 0]
    first, _ = _edges(right.ink)
    begin, end = max(left.y - reach, right.y), min(left.bottom + reach, right.bottom)
    if begin >= end:
        return (right.x - left.right) / letter
    top = left.y - reach
    white = first[begin - right.y : end - right.y] - after[begin - top : end - top]
    closest = float(white.min()) + right.x - left.x
    return (closest if closest < FARTHEST / 2 else right.x - left.right) / letter


def _undivided(
    left: Piece,
    right: Piece,
    x: np.ndarray,  # int (P,), where the pieces of the line begin
    end: np.ndarray,  # int (P,), where they end
    letter: float,
) -> float:  # letter heights; infinite where nothing stands between the two
    "The widest white between two characters beside the ink that stands between them."
    over = OVERHANG * letter
    between = (x + over >= left.right) & (end - over <= right.x)
    if not between.any():
        return math.inf
    return (
        float((np.append(x[between], right.x) - np.append(left.right, end[between])).max()) / letter
    )


# %%
#| export
def space_evidence(
    judged: _Judged,  # a line
    said: LineReading,  # what the line network says of it
    edges: np.ndarray,  # int (T,), its characters, at least two
) -> np.ndarray:  # float (T - 1, 3)
    """What tells of a space before each character but the first: the white there, the median of the
    line's whites, and the log-odds of the space that the line network hears."""
    chosen = [judged.line.candidates[judged.kept[e]].piece for e in edges]
    letter, pairs = judged.line.letter, list(zip(chosen, chosen[1:]))
    x, end = np.array([(p.x, p.right) for p in judged.line.pieces]).T
    divided = [_undivided(a, b, x, end, letter) for a, b in pairs]
    closest = [closest_white(a, b, letter) for a, b in pairs]
    white: np.ndarray = np.minimum(np.minimum(closest, divided), WIDEST_WHITE)
    usual = median(white[white > NO_WHITE]) if (white > NO_WHITE).any() else 0.0
    steps = np.exp(said.steps[:, SPACE])
    at = said.bounds(np.array([p.x + p.ink.shape[1] / 2 for p in chosen]))
    heard = np.array([1 - np.prod(1 - steps[a : max(b, a + 1)]) for a, b in zip(at, at[1:])])
    odds = np.log((heard + HEARD) / (1 - heard + HEARD))
    return np.stack([white, np.full(len(white), usual), odds], 1)


def space_chances(
    evidence: np.ndarray,  # float (T - 1, 3), from `space_evidence`
) -> np.ndarray:  # float (T - 1,), 0..1
    "The probability of a space before each character but the first."
    return _logistic(evidence @ WHITE_WEIGHTS + WHITE_BIAS)


def _with_spaces(judged: _Judged, edges: np.ndarray, chances: np.ndarray) -> _Judged:
    "The same line with other probabilities of the spaces between its characters."
    lattice, space = judged.lattice, judged.lattice.space.copy()
    for a, b, p in zip(lattice.end[edges[:-1]], lattice.start[edges[1:]], chances):
        space[a : b + 1] = 0  # what is left out between them stands at the first node
        space[a] = p
    return replace(judged, lattice=replace(lattice, space=space))


def _spaces(decoding: Decoding) -> np.ndarray:  # bool (T - 1,)
    "Before which characters but the first a word begins."
    begin = np.zeros(len(decoding.edges) + 1, bool)
    begin[[w.first for w in decoding.words]] = True
    return begin[1:-1]


# %%
#| fig-cap: "The name and the word as they were written, and the probability of a space in each gap: grey between boxes, black between known characters. At the first gap the grey rule is wrong."
#| fig-alt: "A line of large letters. Below each gap two bars: the grey ones are of middle height at the first gap and high at the space; the black ones are low everywhere but at the space."
#| label: fig-recognition-known-spaces
wide = write(["MARBOEUF LANE"], letter_gap=0.55, word_gap=1.3)
((row, read),), _ = finished.Reader()._decode(analyse(wide.image), Knowledge(), Limits().clock())
first = [row.line.candidates[row.kept[e]].start for e in read.edges[1:]]
evidence = space_evidence(row, row.said, read.edges)
rules = pd.DataFrame(
    {
        "white": evidence[:, 0],
        "between boxes": space_probabilities(row.line)[first],
        "between characters": space_chances(evidence),
    },
    index=[f"{a} {b}" for a, b in zip(read.characters, read.characters[1:])],
)
fig, (top, below) = plt.subplots(2, 1, figsize=(7, 2.6), height_ratios=(2, 1))
top.imshow(wide.image, cmap="gray", aspect="auto")
top.axis("off")
rules[["between boxes", "between characters"]].plot.bar(ax=below, color=["0.7", "0.1"], rot=0)
below.set(ylim=(0, 1), ylabel="space")
below.legend(frameon=False, fontsize=7)
plt.show()

# %%
assert read.text == "MARBOEUF LANE"
assert (rules["between characters"] > 0.5).tolist() == [k == 7 for k in range(len(rules))]
rules.round(3)

# %% [markdown]
# How much better is it? We count where all characters of a line are right: on composed pages that nothing was fitted on, and on the real pages, words and fields. The weights never saw the real ones, but we chose the three numbers with them in view. *Wrong* counts gaps on the wrong side of one half. The [log loss](glossary.html#log-loss) is low where doubt is honest, too.
#
# ```sh
# python benchmarks/spaces.py --known --pages 300 --json nbs/stored/pages/spaces.json
# ```

# %%
spaces_found = json.loads(Path("stored/pages/spaces.json").read_text())
pd.DataFrame(
    {
        (kind, rule): {"gaps": spaces_found[kind]["gaps"], **spaces_found[kind][rule]}
        for kind in ("composed", "real")
        for rule in ("between boxes", "between characters")
    }
).T.astype({"gaps": int, "wrong": int})

# %% [markdown]
# It has a price. Where letters stand very far apart, and words only twice as far, a space is lost now:

# %%
farther = write(["TALL TALES"], letter_gap=0.8, word_gap=1.6)
lost = finished.Reader().read(farther.image).text
assert lost == "TALLTALES"
lost

# %% [markdown]
# ## The reader
# The reader does all this in order, and spends time only where there is doubt:
#
# 1. The judge looks at the pieces as they are. What is surely one character (`SURE`) is neither cut nor joined. On a clean page that is nearly everything.
# 2. The rest is cut, and the judge looks at the new candidates.
# 3. The character network reads the candidates of the lines together. Its answers are divided by what it expects ([A better model](14_better_model.ipynb#idea-3-know-what-you-expect)).
# 4. The lattices of all lines are decoded.
# 5. A line whose characters look little like characters is dropped: it may be the grain of a table.
#
# Two questions stay open until the end. *Is the ink dark or light?* If it is not clear, both are read. *Which way is up?* If the characters look doubtful, some of them are tried in all four directions. Directions in which they look as good are read as well. A page whose rows are six characters long or longer does not stand on its side. The reading with the more convincing characters and the more probable text is kept.
#
# Two more looks come last. Boxes can miss a character; the line network may hear it all the same. Where the boxes leave a doubt, the line is read from its steps alone, and that reading is kept where it has no doubt (`DOUBT`, `NO_DOUBT`; [Where boxes are not enough](16_line_network.ipynb#where-boxes-are-not-enough)). And where nothing was found to read, the whole picture becomes one strip, rules, frame and all.
#
# Letters can also be missing because their paper is woven or printed all over: the pen is no stronger than the pattern ([Ink](09_ink.ipynb#paper-as-strong-as-the-pen)). What is left looks perfectly sure, so sureness does not tell. Where the paper is grainy, the page is therefore read again [without its pattern](09_ink.ipynb#what-repeats-is-no-writing): with the usual grain, and with less held for grain (`LESS_GRAIN`). Such a reading must be better by two characters of evidence (`AGAIN_WINS`): noise looks like one now and then.
#
# Noise can look like thousands of pieces, and a page has a limit of time ([Limits](api_limits.qmd)). How does the reader know that its time is well spent? It judges the first lines in any case. On a page of writing most of their pieces are surely characters (`WRITING`); on noise nearly none is. Writing is not charged for the search for its lines, and each sure character earns the page more time. Noise ends early.

# %%
#| export
#| code-fold: true
#| code-summary: "The limits: from when on a doubt is a doubt"
DOUBTFUL_POLARITY = 0.2  # |polarity| under which dark and light ink are both tried
POLARITY_WORTH = 10  # characters of evidence that a polarity of 1 is worth
ENOUGH_TO_BE_CERTAIN = 50  # characters that are read so surely only where the polarity is right
# characters a page must have for its direction to be doubted: many short numbers read both ways
ENOUGH_TO_TURN = 5
ENOUGH_UPSIDE_DOWN = 6  # characters read, below which a page is not turned upside down
CERTAIN_DIRECTION = 0.88  # mean sureness from which the direction of rows is not doubted
LONG_ROWS = 6  # characters a row, from which a page does not stand on its side
GLYPHS_TO_TURN = 24  # of a page that are looked at in all four directions
# in mean log-probability of the likeliest class, chosen on the development pages in four directions
TURN_DOUBT = 0.1  # by which six turned glyphs may look worse and the turn is still tried
RUNS_DOWN, RUNS_ACROSS = 0.3, 0.1  # for a quarter turn of columns, against one of rows
TURN_WINS = 0.6  # characters of evidence that a turned page must have more
LINE_SHAPES = (0.7, 20.0)  # width over height of a picture that may be one line
SURE_PICTURE = 0.4  # mean sureness from which a picture without a line is read as one
DOUBT, MUCH_DOUBT = 0.08, 0.2  # nats a character that boxes leave: the line network is asked alone
NO_DOUBT = 0.02  # nats a character under which it is believed
LINES_AT_ONCE = 64  # lines of a page that go through the networks together
PIECES_AT_ONCE = 250  # their pieces, where the lines have many: the clock is asked between
FIRST_LINES, FIRST_PIECES = 16, 120  # judged before the clock is asked: writing earns its time
LONGEST_LINE = 1000  # heights of its letters: no line of writing has a thousand characters
TO_JUDGE = 0.7  # share of a page's time after which no more lines are judged: the rest is decoding
WRITING = 0.5  # sure characters to pieces of the first lines, from which a page is writing
EARNS = 0.8  # sureness from which a character earns its page time: noise has nearly none
LESS_GRAIN = 2.0  # times the median strength: the grain, where a page on grainy paper is read again
AGAIN_WINS = 2.0  # characters of evidence that such a reading must have more
NOT_HIDDEN = 300  # sure characters from which a page's paper hides nothing: print, mostly
LEAST_SIDE = 8  # pixels, side below which a page is padded: no letter is that small


# %%
#| export
class Reader:
    "Reads hand-printed digits and capitals."

    def __init__(
        self,
        model: str
        | Path
        | None = None,  # a character network made by `customocr train`; None: the shipped one
        lines: str
        | Path
        | bool = True,  # a line network; True: the shipped one, False: none, cuts alone are read
        limits: Limits = Limits(),  # what a page may cost
    ):
        if not isinstance(limits, Limits):
            raise CustomOCRError(f"limits are a `Limits`, not {limits!r}")
        self.limits = limits
        path = MODELS / CHARACTERS if model is None else _model_path("model", model)
        network = open_network(path)
        self.symbols = taught_classes(network, path)  # the 36, and what the model was taught
        self.network, said = _with_outputs(network, path, len(self.symbols), (SIDE, SIDE, 1))
        check_chances(said, path)
        self.shares = _class_shares(self.network, path, len(self.symbols))
        self.lines: LineNetwork | None = None
        if lines is True:
            self.lines = self._shipped_lines(path)
        elif lines is not None and lines is not False:
            self.lines = LineNetwork(_model_path("lines", lines))

    def _shipped_lines(self, path: str | Path) -> LineNetwork:
        "The shipped line network, with what the model was taught of lines."
        note = self.network.get_modelmeta().custom_metadata_map.get(TAUGHT_LINES)
        if note is None:
            return LineNetwork(MODELS / LINES)
        return taught_lines(note, MODELS / LINES, path)

    @cached_property
    def knows_the_hand(self) -> bool:
        "Whether the model was taught examples by `customocr teach`."
        return "taught" in self.network.get_modelmeta().custom_metadata_map

    @property
    def taught(self) -> bool:
        "Whether the model has more classes than the 36."
        return len(self.symbols) > len(CLASSES)

    @cached_property
    def boxes(self) -> Network:
        "The network that judges candidate boxes."
        return load_network(MODELS / BOXES, 3, (*WINDOW, 2))

    def classify(
        self,
        glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
    ) -> np.ndarray:  # float32 (N, 36), probabilities in the order of `symbols`, rows sum to 1
        "What single characters are. Raises `ModelError` for glyphs of another shape."
        glyphs = np.asarray(glyphs)
        if glyphs.ndim != 3 or glyphs.shape[1:] != (28, 28) or glyphs.dtype != np.uint8:
            raise ModelError(
                f"glyphs are uint8 (N, 28, 28), white on black, not {glyphs.dtype} {glyphs.shape}"
            )
        if not len(glyphs):
            return np.zeros((0, len(self.symbols)), np.float32)
        return _run(self.network, normalise_glyphs(glyphs)[..., None])

    def likelihoods(
        self,
        glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
    ) -> np.ndarray:  # float32 (N, 36), rows sum to 1
        """What the shapes alone say, as if every class were as frequent as any other: what a
        decoder wants. Raises as `classify`."""
        return _levelled(self.classify(glyphs), self.shares)

    def _look(
        self, lines: list[TextLine], known: dict
    ) -> list[np.ndarray]:  # float64 (candidates, 3) each
        """What the network for boxes says of each line's candidates, as log-probabilities; `known`
        keeps it by piece."""
        new = [[id(c.piece) not in known for c in line.candidates] for line in lines]
        logits = _run(
            self.boxes, np.concatenate([windows(line, np.array(n)) for line, n in zip(lines, new)])
        ).astype(np.float64)
        logs = logits - np.logaddexp.reduce(logits, 1, keepdims=True)
        known.update(
            zip(
                (
                    id(c.piece)
                    for line, n in zip(lines, new)
                    for c, is_new in zip(line.candidates, n)
                    if is_new
                ),
                logs,
            )
        )
        return [np.stack([known[id(c.piece)] for c in line.candidates]) for line in lines]

    def ask(
        self,
        line: TextLine,
    ) -> tuple[
        np.ndarray, np.ndarray
    ]:  # float (candidates, 3) logs of the judge; float32 (candidates, 36)
        "What both networks say of every candidate of a line."
        glyphs = np.stack([normalise_glyph(c.piece.ink) for c in line.candidates])
        (logs,) = self._look([line], {})
        return logs, _levelled(_run(self.network, glyphs[..., None]), self.shares)

    def _listen(
        self, sheet: Sheet, lines: Sequence[TextLine], over: Callable[[float], bool]
    ) -> list[tuple[TextLine, LineReading | None]]:
        """Lines of a page with what the line network says of each, until the time is used up; lines
        that it finds silent go."""
        if self.lines is None:
            return [(line, None) for line in lines]
        out: list[tuple[TextLine, LineReading | None]] = []
        for line in lines:
            if over(TO_JUDGE):
                break
            strip = line_strip(sheet, line, self.lines.rows, not self.lines.own)
            (steps,) = self.lines.steps([strip.pixels])
            said = LineReading(strip, steps, self.knows_the_hand)
            out += [(line, said)] if self.taught or not said.silent else []
        return out

    def _affordable(self, lines: Sequence[TextLine], clock: Clock) -> Sequence[TextLine]:
        "The lines of a page up to the limit of components, without those of endless specks."
        pieces = np.cumsum([len(line.pieces) for line in lines])
        most = int((pieces <= self.limits.components).sum())
        some = [line for line in lines[:most] if _length(line) <= LONGEST_LINE]
        clock.complete = clock.complete and len(some) == len(lines)
        return some

    def _judge(self, sheet: Sheet, clock: Clock) -> list[_Judged]:
        """Some lines at a time, until the time for it is used up. So memory does not grow with a
        page of many lines. The first lines are judged in any case: if they are writing, the page
        gets the time for the rest."""
        out: list[_Judged] = []
        for k, some in enumerate(_together(self._affordable(sheet.lines, clock))):
            if k and clock.over(TO_JUDGE):
                break
            judged = self._judge_lines(sheet, some, clock.over if k else lambda share: False)
            sure = sum(j.sure for j in judged)
            if not k and sure >= WRITING * sum(len(line.pieces) for line in some):
                clock.start_again()
            clock.earn(sure)
            out += judged
        return out

    def _judge_lines(
        self, sheet: Sheet, some: Sequence[TextLine], over: Callable[[float], bool]
    ) -> list[_Judged]:
        """Look at the components, cut those that may be more than one character, and judge what can
        be made of the parts."""
        heard = self._listen(sheet, some, over)
        if not heard:
            return []
        known: dict[int, np.ndarray] = {}
        whole = self._look([line for line, _ in heard], known)
        lines = [
            propose(line, np.exp(logs[:, 0]) > SURE, said.valleys() if said else ())
            for (line, said), logs in zip(heard, whole)
        ]
        logs = self._look(lines, known)
        judge = np.concatenate(logs)
        likely = (judge[:, 0] > np.log(UNLIKELY)) | self.taught
        pieces = [c.piece for line in lines for c in line.candidates]
        n = len(self.symbols)
        probabilities = np.full((len(pieces), n), 1 / n, np.float32)
        if likely.any():
            glyphs = np.stack([normalise_glyph(pieces[k].ink) for k in np.flatnonzero(likely)])
            probabilities[likely] = _levelled(_run(self.network, glyphs[..., None]), self.shares)
        ends = np.cumsum([len(line.candidates) for line in lines])[:-1]
        each = zip(lines, logs, np.split(probabilities, ends), [said for _, said in heard])
        judged = [line_lattice(*one, self.symbols) for one in each]
        return [j for j in judged if len(j.kept)]

    def _decode(
        self, sheet: Sheet, knowledge: Knowledge, clock: Clock
    ) -> tuple[list[tuple[_Judged, Decoding]], bool]:
        "The lines of a page that are text, decoded, and whether all of them fit what is known."
        judged = self._judge(sheet, clock)
        lattices = [j.lattice for j in judged]
        decoded = decode_lines(lattices, knowledge, n_words=0, over=clock.over)
        read = [(j, d) for j, d in zip(judged, decoded) if len(d.edges)]
        most = max((_sureness(j, d).sum() for j, d in read), default=0)
        limit = lambda sure: LEAST_PAGE if sure.sum() == most else LEAST_LINE
        some = [(j, d) for j, d in read if _sureness(j, d).mean() >= limit(_sureness(j, d))]
        some = self._respaced(some, knowledge, clock)
        kept = [self._settled(j, d, sheet, knowledge, clock) for j, d in some]
        left = [j for j, d in zip(judged, decoded) if not (d.matched or len(d.edges))]
        matched = all(d.matched for _, d in kept)
        least = LEAST_LINE if kept else LEAST_PAGE
        return kept, matched and not _has_text(left, least, self.symbols, clock)

    def _respaced(
        self, read: list[tuple[_Judged, Decoding]], knowledge: Knowledge, clock: Clock
    ) -> list[tuple[_Judged, Decoding]]:
        """Lines whose characters, now that they are known, tell of other spaces than were read:
        decoded again with those."""
        if self.lines is None or not self.lines.own:
            return read
        again = {}
        for k, (judged, decoding) in enumerate(read):
            if len(decoding.edges) > 1 and judged.said is not None and not clock.over():
                evidence = space_evidence(judged, judged.said, decoding.edges)
                chances = space_chances(evidence)
                if ((chances > 0.5) != _spaces(decoding)).any():
                    again[k] = _with_spaces(judged, decoding.edges, chances)
        lattices = [judged.lattice for judged in again.values()]
        decoded = decode_lines(lattices, knowledge, n_words=0, over=clock.over) if again else []
        better = {k: (j, d) for (k, j), d in zip(again.items(), decoded) if len(d.edges)}
        return [better.get(k, one) for k, one in enumerate(read)]

    def _settled(
        self, judged: _Judged, decoding: Decoding, sheet: Sheet, knowledge: Knowledge, clock: Clock
    ) -> tuple[_Judged, Decoding]:
        """A line as it was decoded. Or as the line network alone reads it: where that has no doubt,
        and the boxes leave much, or some and fewer characters than it hears."""
        doubt = _doubt(decoding)
        if judged.said is None or self.taught or doubt < DOUBT:
            return judged, decoding
        heard = len(greedy_text(judged.said.steps).replace(" ", ""))
        if (heard <= len(decoding.edges) and doubt < MUCH_DOUBT) or clock.over():
            return judged, decoding
        alone = _by_ear(judged, judged.said, sheet, len(self.symbols))
        if alone is None:
            return judged, decoding
        (again,) = decode_lines([alone.lattice], knowledge, n_words=0, over=clock.over)
        more = len(again.edges) > len(decoding.edges) or doubt > MUCH_DOUBT
        believed = len(again.edges) and more and again.matched and _doubt(again) < NO_DOUBT
        return (alone, again) if believed else (judged, decoding)

    def _best(self, grey: np.ndarray, knowledge: Knowledge, rotate: bool, clock: Clock) -> _Reading:
        """The page read. Grainy paper may hide a pen: there the page is read again without what is
        woven or printed all over it, with as much held for grain as always, and with less."""
        best = self._as_it_is(grey, knowledge, rotate, clock)
        taken = clock.used()  # seconds, about what each further look will take
        if not best.sheet.grainy or best.evidence > NOT_HIDDEN or clock.lacks(taken):
            return best
        plain = without_pattern(grey)
        if plain is None:
            return best
        for grain in (GRAIN, LESS_GRAIN):
            if clock.lacks(taken):
                break
            other = self._as_it_is(plain, knowledge, rotate, clock, grain)
            best = other if other.evidence > best.evidence + AGAIN_WINS else best
        return best

    def _as_it_is(
        self,
        grey: np.ndarray,
        knowledge: Knowledge,
        rotate: bool,
        clock: Clock,
        grain: float = GRAIN,
    ) -> _Reading:
        """The page read; where its polarity or direction is in doubt, the reading that looks most
        like characters."""
        light = polarity(grey)
        doubtful = abs(light) < DOUBTFUL_POLARITY
        before = clock.used()
        read = partial(self._reading, knowledge=knowledge, clock=clock, grain=grain)
        readings = [read(grey, 0, doubtful or light > 0)]
        taken = clock.used() - before  # seconds, about what each further reading will take
        if doubtful and not readings[0].certain and not clock.lacks(taken):
            readings.append(read(grey, 0, False))
        likely = lambda r: POLARITY_WORTH * light * (-1 if r.sheet.inverted else 1)
        best = max(readings, key=lambda r: (bool(r.lines), r.evidence + likely(r)))
        turned = []
        for turn in self._turns(best) if rotate and not clock.over() else ():
            if clock.lacks(taken):
                break
            page = np.ascontiguousarray(np.rot90(grey, -turn))
            dark = not best.sheet.inverted
            turned.append(read(page, 90 * turn, dark))
        other = max(turned, key=lambda r: r.worth, default=best)
        best = other if other.worth > best.worth + TURN_WINS else best
        guessed = best.guessed(clock.complete) and not knowledge.tells
        return best.without_text() if guessed or (clock.complete and best.drawn) else best

    def _turns(
        self, reading: _Reading
    ) -> list[int]:  # quarter turns clockwise that may set the page upright, at most two
        """Turn some of the page's own glyphs in the three other directions: in which are they as
        much like characters?"""
        pieces = [
            p
            for line in reading.sheet.lines
            for p in line.pieces
            if p.ink.shape[0] >= 0.5 * line.letter
        ]
        read, rows = len(reading.sure), len(reading.lines)
        long = bool(rows) and read >= LONG_ROWS * rows
        # lines of single characters
        columns = not long and (read < 2.5 * rows or read <= 0.5 * len(pieces))
        if len(pieces) < ENOUGH_TO_TURN or (reading.mean >= CERTAIN_DIRECTION and not columns):
            return []
        some = [
            pieces[k]
            for k in np.linspace(0, len(pieces) - 1, min(len(pieces), GLYPHS_TO_TURN)).astype(int)
        ]
        turns = [0, 2] if long else [0, 1, 2, 3]
        glyphs = np.stack([normalise_glyph(np.rot90(p.ink, -k)) for k in turns for p in some])
        said = np.log(_run(self.network, glyphs[..., None]).max(1))
        likely = np.full(4, -np.inf)
        likely[turns] = said.reshape(len(turns), -1).mean(1)
        likely[[1, 3]] += RUNS_DOWN if columns else -RUNS_ACROSS
        if read < ENOUGH_UPSIDE_DOWN:  # 86 and 98, 600 and 009: short numbers read both ways
            likely[2] = -np.inf
        least = likely[0] - TURN_DOUBT * math.sqrt(6 / len(some))  # many glyphs leave less doubt
        return [int(k) for k in np.argsort(-likely)[:3] if k and likely[k] > least][:2]

    def _reading(self, grey, rotation, dark, knowledge, clock, grain):
        sheet = analyse(grey, dark, clock.over, grain)
        lines, matched = self._decode(sheet, knowledge, clock)
        if not lines and not clock.over():
            again, fits = self._whole_picture(grey, sheet, knowledge)
            lines, matched = (again, fits) if again else (lines, matched)
        lines = [(j, d) for j, d in lines if self.taught or not _unheard(j, d)]
        return _Reading(
            sheet,
            lines,
            rotation,
            np.concatenate([np.zeros(0), *(_sureness(j, d) for j, d in lines)]),
            matched,
        )

    def _whole_picture(
        self, grey: np.ndarray, sheet: Sheet, knowledge: Knowledge
    ) -> tuple[list[tuple[_Judged, Decoding]], bool]:
        "The picture read as one line, rules, frame and all, where the line network is sure of it."
        if self.lines is None or not self.lines.own:
            return [], True
        if not LINE_SHAPES[0] <= grey.shape[1] / grey.shape[0] <= LINE_SHAPES[1]:
            return [], True
        (steps,) = self.lines.steps([picture_strip(255 - grey if sheet.inverted else grey)])
        judged = _heard(steps, grey.shape, sheet, len(self.symbols))
        if judged is None:
            return [], True
        (decoding,) = decode_lines([judged.lattice], knowledge, n_words=0)
        if len(decoding.edges) and _sureness(judged, decoding).mean() >= SURE_PICTURE:
            return [(judged, decoding)], decoding.matched
        return [], True

    def read(
        self,
        # path, bytes of an image file, PIL image, or array: grey (h, w) or BGR (h, w, 3) uint8
        source,
        *,
        alphabet: str
        | None = None,  # "digits", "letters", "alphanumeric" or the characters that may occur
        pattern: str
        # what a line looks like: A letter, 9 digit, * either; or `re:` and a regular expression
        | None = None,
        lexicon=None,  # words, a file of words, or a `Lexicon`
        strict: bool = False,  # nothing but what fits the lexicon or the pattern is read
        prior: bool = True,  # weigh readings by how words, numbers and codes are built
        reject: float = 0.0,  # 0..1, characters less sure than this come out as a placeholder
        rotate: bool = True,  # turn pages that stand sideways or upside down
    ) -> Page:
        """Read a page. Raises `ImageError` for what is no picture and `KnowledgeError` for hints
        that make no sense. Where a limit of time or of components is reached, the page holds what
        was read until then and says so (`complete`)."""
        _check_rotate(rotate)
        knowledge = Knowledge(
            alphabet=alphabet,
            pattern=pattern,
            lexicon=lexicon,
            strict=strict,
            prior=prior,
            reject=reject,
            symbols=self.symbols,
        )
        clock = self.limits.clock()
        image = load_image(source, limits=self.limits)
        grey = _grey(image.pixels)
        part = inside_mat(grey)
        reading = self._best(grey[part], knowledge, rotate, clock)
        return _page(image, reading, part, clock.complete)

    def read_many(
        self,
        sources,  # files, folders, patterns, URLs; or pictures
        # `jobs`, `scheduler`, `progress`, `raise_errors`, `dpi`, and what is known of the text
        **options,
    ) -> Iterator:  # of `formats.writers.Result`, in order
        "Read pages one after the other in constant memory; see `batch.read_many`."
        from customocr.batch import read_many

        return read_many(sources, self, **options)

    def readtext(
        self,
        image,  # as for `read`
        detail: int = 1,  # 0: only the texts
        allowlist: str | None = None,  # the characters that may occur
    ) -> list:  # of (four corners, text, confidence), one for each line
        "Read a page in the shape of EasyOCR's `readtext`."
        from customocr.formats.writers import easyocr_rows

        return easyocr_rows(self.read(image, alphabet=allowlist), detail)

    def image_to_data(
        self,
        image,  # as for `read`
        **knowledge,  # as for `read`
    ) -> dict[str, list]:  # column -> values, a row for each page, block, paragraph, line and word
        "Read a page in the shape of pytesseract's `image_to_data` with `Output.DICT`."
        from customocr.formats.writers import tesseract_columns

        return tesseract_columns(self.read(image, **knowledge))

    def explain(
        self,
        source,  # as for `read`
        **knowledge,  # as for `read`
    ) -> Explanation:
        "Read a page and keep every stage on the way, as one figure. Raises what `read` raises."
        known, rotate = known_of(knowledge, self.symbols)
        clock = self.limits.clock()
        image = load_image(source, limits=self.limits)
        grey = _grey(image.pixels)
        part = inside_mat(grey)
        reading = self._best(grey[part], known, rotate, clock)
        n = len(self.symbols)
        chosen = [
            (
                d.characters[k],
                float(d.probabilities[k]),
                j.line.candidates[j.kept[e]].piece,
                np.full_like(j.probabilities[e], 1 / n) if j.heard else j.probabilities[e],
            )
            for j, d in reading.lines
            for k, e in enumerate(d.edges)
        ]
        page = _page(image, reading, part, clock.complete)
        return Explanation(page, reading.sheet, tuple(chosen))


@dataclass(frozen=True)
class _Reading:
    "A page read one way round."

    sheet: Sheet
    lines: list[tuple[_Judged, Decoding]]
    rotation: int  # degrees clockwise by which the picture was turned
    sure: np.ndarray  # float (characters,), how much each box looks like a character
    matched: bool  # whether every line fits what is known

    @property
    def evidence(self) -> float:
        return float(self.sure.sum())

    @property
    def mean(self) -> float:
        return float(self.sure.mean()) if len(self.sure) else 0.0

    @property
    def certain(self) -> bool:
        "Whether so much is read so surely that the ink cannot be the paper."
        return len(self.sure) >= ENOUGH_TO_BE_CERTAIN and self.mean >= CERTAIN_DIRECTION

    @property
    def drawn(self) -> bool:
        "Whether this looks like a drawing: one or two characters, and most ink outside of them."
        boxes = [j.line.candidates[j.kept[e]].piece.box for j, d in self.lines for e in d.edges]
        if not 0 < len(boxes) <= FEW:
            return False
        ink = self.sheet.ink > 0
        inside = np.zeros_like(ink)
        for x, y, w, h in boxes:
            inside[max(y, 0) : max(y + h, 0), max(x, 0) : max(x + w, 0)] = True
        return bool((ink & inside).sum() < LEAST_INK * ink.sum())

    def guessed(self, complete: bool) -> bool:
        """Whether this looks like noise: many characters, of which few are sure. Where the time
        ran out before the page was read, few stand for many."""
        sure = [p for _, d in self.lines for p in d.probabilities]
        many, least = (MANY, LEAST_SURE) if complete else (1, LEAST_SURE_CUT)
        return len(sure) >= many and float(np.mean(sure)) < least

    def without_text(self) -> _Reading:
        "The same page with nothing read on it."
        return replace(self, lines=[], sure=np.zeros(0))

    @property
    def worth(self) -> float:
        "Evidence, less where the text is improbable: what tells one direction from another."
        return self.evidence + sum(d.log_probability for _, d in self.lines)


def _grey(pixels):
    """Grey pixels; a page of a few pixels is padded to the right and below: OpenCV takes an (n, 1)
    array for a scalar."""
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    right, below = (max(0, LEAST_SIDE - side) for side in grey.shape[::-1])
    return (
        cv2.copyMakeBorder(grey, 0, below, 0, right, cv2.BORDER_REPLICATE)
        if right or below
        else grey
    )


def _model_path(option: str, value) -> Path:
    "The path of a model, or `ModelError` for what is none."
    if not isinstance(value, (str, os.PathLike)) or not str(value):
        more = ", True or False" if option == "lines" else " or None"
        raise ModelError(f"{option} is the path of an ONNX file{more}, not {value!r}")
    return Path(value)


def _check_rotate(rotate) -> bool:
    "Whether pages are turned, or `KnowledgeError` for what is no yes or no."
    if not isinstance(rotate, (bool, np.bool_)):
        raise KnowledgeError(f"rotate is True or False, not {rotate!r}")
    return bool(rotate)


def _length(line: TextLine) -> float:
    "Of a line, in heights of its letters."
    left, right = min(p.x for p in line.pieces), max(p.right for p in line.pieces)
    return (right - left) / line.letter


def _together(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    "Lines in groups that go through the networks together; the first is small."
    groups: list[list[TextLine]] = []
    some: list[TextLine] = []
    pieces, most_lines, most_pieces = 0, FIRST_LINES, FIRST_PIECES
    for line in lines:
        if len(some) == most_lines or (some and pieces + len(line.pieces) > most_pieces):
            groups.append(some)
            some, pieces, most_lines, most_pieces = [], 0, LINES_AT_ONCE, PIECES_AT_ONCE
        some.append(line)
        pieces += len(line.pieces)
    return [*groups, some] if some else groups


def known_of(options: dict, symbols: str) -> tuple[Knowledge, bool]:  # and whether to turn pages
    "What is known, or `KnowledgeError` for an option that there is not."
    names = [f.name for f in fields(Knowledge) if f.init and f.name != "symbols"]
    for name in options:
        if name not in (*names, "rotate"):
            raise KnowledgeError(
                f"there is no option {name!r}; there are {', '.join(names)}, rotate"
            )
    rotate = _check_rotate(options.get("rotate", True))
    known = {name: value for name, value in options.items() if name != "rotate"}
    return Knowledge(**known, symbols=symbols), rotate


def _within(
    box: Box,  # page pixels
    width: int,  # of the page
    height: int,
) -> Box:  # at least 1 x 1
    "The part of a box that lies on the page."
    x, y, w, h = box
    left, top = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
    right, below = min(max(x + w, left + 1), width), min(max(y + h, top + 1), height)
    return left, top, right - left, below - top


def _page(image, reading, part, complete=True):
    "A reading of a part of a picture as a page, boxes in the pixels of the page as it was given."
    rows, columns = (range(n)[some] for n, some in zip(image.pixels.shape, part))
    size = image.scale * len(columns), image.scale * len(rows)
    corner = round(image.scale * columns.start), round(image.scale * rows.start)

    def back(box):
        x, y, w, h = _turn_back(box, reading.rotation, *size)
        return _within((x + corner[0], y + corner[1], w, h), *image.size)

    lines = tuple(_line(reading.sheet, j, d, image.scale, back) for j, d in reading.lines)
    return Page(
        lines,
        image.size,
        reading.rotation,
        image.pixels,
        image.scale,
        reading.matched,
        complete,
    )


def _turn_back(box, rotation, width, height):
    """A box on the turned page as a box on the page as it stands; width and height are the standing
    page's."""
    x, y, w, h = box
    x, y, w, h = {
        0: (x, y, w, h),
        90: (y, height - x - w, h, w),
        180: (width - x - w, height - y - h, w, h),
        270: (width - y - h, x, h, w),
    }[rotation]
    return round(x), round(y), round(w), round(h)


def _sureness(judged: _Judged, decoding: Decoding) -> np.ndarray:  # float32 (T,), 0..1
    "How much each chosen box looks like a character: like one whole one, and like one of the 36."
    return judged.whole[decoding.edges] * judged.probabilities[decoding.edges].max(1)


def _doubt(decoding: Decoding) -> float:  # nats
    "Mean negative log-probability of the characters read."
    return -float(np.log(decoding.probabilities + 1e-9).mean())


def _judged_steps(
    found: StepLattice,
    letter: float,  # pixels, height of a character
    classes: int,  # how many the character network knows
    piece: Callable[[int, int], Piece],  # the ink between two nodes
) -> _Judged:
    "Steps as a judged line."
    more = ((0, 0), (0, classes - len(CLASSES)))
    logp = np.pad(found.lattice.logp, more, constant_values=np.log(1e-12))
    lattice = replace(found.lattice, logp=logp)
    ends = [(int(a), int(b)) for a, b in zip(lattice.start, lattice.end)]
    candidates = tuple(Candidate(a, b, piece(a, b)) for a, b in ends)
    line = TextLine(letter, tuple(c.piece for c in candidates), candidates)
    sure = np.exp(lattice.score / EVIDENCE).astype(np.float32).clip(0, 1)
    every = np.arange(len(candidates))
    return _Judged(line, every, sure, np.exp(lattice.logp), lattice, heard=True)


def _heard(steps: np.ndarray, shape: tuple[int, int], sheet: Sheet, classes: int) -> _Judged | None:
    "Steps of a whole picture as a judged line; None where they say nothing."
    found = step_lattice(steps)
    if found is None or found.silence > math.log(0.5):
        return None
    height, width = shape
    back = np.linalg.inv(np.vstack([sheet.matrix, [0, 0, 1]]))[:2]
    at = found.bounds * width / len(steps)

    def piece(first: int, last: int) -> Piece:
        corners = np.array([[at[first], 0, 1], [at[last], height, 1]]) @ back.T
        (x, y), (w, h) = corners[0].astype(int), np.ceil(np.ptp(corners, 0)).astype(int)
        return Piece(int(x), int(y), np.zeros((max(1, h), max(1, w)), np.uint8))

    return _judged_steps(found, sheet.letter, classes, piece)


def _unheard(judged: _Judged, decoding: Decoding) -> bool:
    "Whether a line is one character, and the line network would rather hear nothing there."
    if judged.said is None or len(decoding.edges) != 1:
        return False
    steps = judged.said.steps
    whole = window_logs(steps, np.array([0]), np.array([len(steps)]))
    return bool(whole.once[0, CLASSES.index(decoding.characters)] < whole.nothing[0])


def _by_ear(judged: _Judged, said: LineReading, sheet: Sheet, classes: int) -> _Judged | None:
    "A line as the line network alone hears it; None where it says nothing."
    found = step_lattice(said.steps)
    if found is None:
        return None
    whole = union(judged.line.pieces)
    columns = least_ink(said.strip.pixels, len(said.steps), found.peaks) / said.strip.factor
    at = np.clip(np.round(said.strip.x0 + columns), 0, sheet.strength.shape[1] - 1).astype(int)

    def piece(first: int, last: int) -> Piece:
        left, right = int(at[first]), int(max(at[last], at[first] + 1))
        own = whole.ink[:, max(0, left - whole.x) : max(0, right - whole.x)]
        rows = np.flatnonzero(own.any(1))
        if len(rows):  # the line's own ink, without rules and other lines
            top = int(rows[0])
            return Piece(max(left, whole.x), whole.y + top, own[top : rows[-1] + 1])
        top = max(0, whole.y)
        return Piece(left, top, normalised(sheet.strength[top : whole.bottom, left:right]))

    return _judged_steps(found, judged.line.letter, classes, piece)


def _has_text(left: list[_Judged], least: float, symbols: str, clock: Clock) -> bool:
    """Whether lines in which strict hints found nothing look like text when they are read without
    hints."""
    lattices, known = [j.lattice for j in left], Knowledge(symbols=symbols)
    free = decode_lines(lattices, known, n_words=0, over=clock.over)
    return any(len(d.edges) and _sureness(j, d).mean() >= least for j, d in zip(left, free))


def _line(sheet, judged, decoding, scale, back):
    characters = [
        Character(
            text,
            float(p),
            back(sheet.to_page(judged.line.candidates[judged.kept[e]].piece.tight, scale)),
            alternatives,
        )
        for text, p, e, alternatives in zip(
            decoding.text.replace(" ", ""),
            decoding.probabilities,
            decoding.edges,
            decoding.alternatives,
        )
    ]
    words = [
        Word(tuple(characters[w.first : w.last]), float(w.probability)) for w in decoding.words
    ]
    return Line(tuple(w for w in words if w.characters))


# %% [markdown]
# ### Reading a page

# %%
#| fig-cap: "The page from the top, read. The greener a box, the surer the reader is. `IS` is as green as the rest: the reader is sure of it, and wrong."
#| fig-alt: "The sample page with four lines, each character boxed, its reading above."
#| label: fig-recognition-page
reader = Reader()
page = reader.read(samples.page("lines"))
print(page.text)
show(page.draw())

# %% [markdown]
# What is wrong, as (written, read); "" stands where one side has nothing:

# %%
written = {p.name: p.text for p in samples.pages()}
wrong = [
    pair
    for pair in align(written["lines"].replace("\n", " "), page.text.replace("\n", " "))
    if pair[0] != pair[1]
]
assert len(page.lines) == 4 and len(wrong) <= 7
wrong

# %% [markdown]
# Why is it wrong? The page says it itself. Here are its least sure characters with what else they may be, as probabilities:

# %%
doubtful = sorted(page.characters, key=lambda c: c.confidence)[:5]
pd.DataFrame(
    [
        (c.text, c.confidence, "  ".join(f"{t} {p:.2f}" for t, p in c.alternatives[:3]))
        for c in doubtful
    ],
    columns=["read", "confidence", "alternatives"],
).round(3)

# %% [markdown]
# `15` and `IS` have the same shapes: a bar, and a curve with a top. `1` and `5` stand among the alternatives. But `IS` is a common word, and the line holds words, so the decoder takes the word. Nothing on the page says that a number stands here, and a confident reader is not a right one.
#
# `SO` and `50` have the same shapes, too, and here the decoder takes the number. Its [prior](glossary.html#prior) was counted on lists of words and names, in which `SO` stands once. In a text `SO` stands everywhere, but no text was counted.
#
# The other three mistakes are the spaces of `BY 7 30 PM`. Half of its gaps are spaces. So wide gaps look usual on this line, and both rules doubt them all. Here is the probability that the first rule gives to each space of the last two lines:

# %%
chance = [space_probabilities(row)[1:-1] for row in analyse(sample("lines")).lines]
between = {"15 | WORDS | OR | SO": (2, (1, 6, 8)), "BY | 7 | 30 | PM": (3, (1, 2, 4))}
spaces = {
    text: [round(float(chance[row][k]), 2) for k in at] for text, (row, at) in between.items()
}
assert min(spaces["15 | WORDS | OR | SO"]) > 0.5 > max(spaces["BY | 7 | 30 | PM"])
spaces

# %% [markdown]
# The reader is less sure of these words. Here is the confidence of each:

# %%
{word.text: round(word.confidence, 2) for line in page.lines for word in line.words}

# %% [markdown]
# A word's confidence is that of all its characters together. It is no product of theirs, because what makes one letter likely makes its neighbour likely too.
#
# You often know what a page can hold. [Decoding](15_decoding.ipynb) shows how to say it: with an alphabet, a pattern or a word list. `reject` gives a placeholder for what is unsure.

# %%
print(
    reader.read(samples.page("cell")).text,
    reader.read(samples.page("cell"), alphabet="digits").text,
)
assert reader.read(samples.page("cell"), alphabet="digits").text.isdigit()

# %% [markdown]
# ### Down to a character, and to JSON

# %%
first = page.lines[0].words[0]
print(first.text, f"{first.confidence:.3f}", first.box)
first.characters[0]

# %%
#| hide
assert first.text == "READ" and first.box[2] > 0 and 0 < first.confidence <= 1
assert all(
    c.alternatives and abs(sum(p for _, p in c.alternatives)) <= 1.0001 for c in page.characters
)

# %% [markdown]
# For other programs, as JSON. Boxes are x, y, width and height in the pixels of the file:

# %%
told = page.to_dict()
assert json.loads(json.dumps(told)) == told
print(json.dumps(told["lines"][3]["words"][0], indent=None)[:400])

# %% [markdown]
# A result cannot be changed by accident:

# %%
from dataclasses import FrozenInstanceError

try:
    first.characters[0].text = "X"
except FrozenInstanceError as error:
    print(type(error).__name__, error)

# %% [markdown]
# ### Single characters
# Glyphs that are cut already need no page. The rows of the answer are probabilities in the order of `CLASSES`.

# %%
with np.load(samples.glyphs()) as stored:
    some, labels = stored["x"][::40], stored["y"][::40]
answers = reader.classify(some)
assert answers.shape == (len(some), 36) and np.allclose(answers.sum(1), 1, atol=1e-4)
print(
    answers.shape,
    f"{(answers.argmax(1) == labels).mean():.0%} of {len(some)} font glyphs read right",
)

# %%
try:
    reader.classify(np.zeros((3, 32, 32), np.uint8))
except ModelError as error:
    print(error)

# %% [markdown]
# ### Which way up
# A page on its side is turned and read. Its boxes fit the picture as it was *given*:

# %%
#| fig-cap: "A page on its side, read. The boxes lie on the page as it was given."
#| fig-alt: "The sample page lying on its side, with upright boxes around the lying characters."
#| label: fig-recognition-turned
upright = sample("lines", grey=False)
turns = {k: reader.read(np.ascontiguousarray(np.rot90(upright, k))) for k in range(4)}
print(
    {
        90 * k: (p.rotation, "".join(p.text.split()) == "".join(page.text.split()))
        for k, p in turns.items()
    }
)
show(turns[1].draw(), 0.8)

# %%
assert [p.rotation for p in turns.values()] == [0, 90, 180, 270]
x, y, w, h = turns[1].characters[0].box  # on the page that was turned anticlockwise
X, Y, W, H = page.characters[0].box
assert abs(x - Y) < 6 and abs(y - (upright.shape[1] - X - W)) < 6

# %% [markdown]
# A phone stores the pixels as its sensor gave them and notes in the file (EXIF) how to turn them. Loading does so, even with `rotate=False`:

# %%
from PIL import Image as PilImage

exif = PilImage.Exif()
exif[0x0112] = 6  # turn clockwise by 90 degrees to see it upright
stored = io.BytesIO()
PilImage.fromarray(np.ascontiguousarray(np.rot90(upright)[..., ::-1])).save(
    stored, "JPEG", exif=exif, quality=97
)
phone = reader.read(stored.getvalue(), rotate=False)
assert phone.rotation == 0 and phone.size == (upright.shape[1], upright.shape[0])
print(phone.text == page.text, phone.size)

# %% [markdown]
# ### Paper that hides the pen
# The weave of this paper is as strong as the pen. Without the second look nothing is read on it:

# %%
#| fig-cap: "Woven paper, and the same without its pattern: the weave goes, the pen stays."
#| fig-alt: "Handwriting on strongly woven paper; below, the weave is gone and the writing stands out."
#| label: fig-recognition-woven
paper = woven_paper(np.random.default_rng(1))
woven = write(["WOVEN PAPER", "HIDES THE PEN"], paper, 1, list(hands())[1], 34).image
assert not reader._as_it_is(woven, Knowledge(), True, Limits().clock()).lines
read = reader.read(woven).text
assert read == "WOVEN PAPER\nHIDES THE PEN"
print(read)
figure({"woven": woven, "without its pattern": without_pattern(woven)}, columns=1)

# %% [markdown]
# Why not take the pattern from every page? Boxes that one writes in repeat as well, and ink goes with them:

# %%
comb = without_pattern(sample("comb"))
assert comb is not None and reader.read(sample("comb")).text == written["comb"]
{"as it is": reader.read(sample("comb")).text, "without its pattern": reader.read(comb).text}

# %% [markdown]
# ### Anything that holds a picture
# A path, the bytes of a file, a PIL image, an array in grey or colour: [`customocr.images`](07_images.ipynb) brings them to the same pixels. A large photo is reduced to 3 megapixels first, and its boxes are scaled back.

# %%
#| code-fold: true
#| code-summary: "The same page in nine forms"
hello = samples.page("hello")
pixels = cv2.imread(str(hello))
sources = {
    "path": hello,
    "bytes": hello.read_bytes(),
    "PIL": PilImage.open(hello),
    "BGR": pixels,
    "grey": cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY),
    "16 bits": pixels.astype(np.uint16) * 257,
    "four channels": cv2.cvtColor(pixels, cv2.COLOR_BGR2BGRA),
    "negative": 255 - pixels,
}
texts = {name: reader.read(source).text for name, source in sources.items()}
assert set(texts.values()) == {"HELLO WORLD"}
large = cv2.resize(pixels, None, fx=6, fy=6, interpolation=cv2.INTER_CUBIC)
texts[f"{large.shape[1]} x {large.shape[0]} pixels"] = reader.read(large).text
big, small = reader.read(large).characters[0].box, reader.read(pixels).characters[0].box
assert np.abs(np.array(big) / 6 - small).max() < 4
texts


# %% [markdown]
# ### What happened? `explain`
# When a page comes out wrong, you want to know at which step. `explain` reads as `read` does and keeps every step:

# %%
#| export
def _panel(image, width, caption):
    "A stage as a BGR picture of that width with its caption above."
    image = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    f = width / image.shape[1]
    image = cv2.resize(
        image,
        (width, max(1, round(image.shape[0] * f))),
        interpolation=cv2.INTER_AREA if f < 1 else cv2.INTER_CUBIC,
    )
    head = np.full((26, width, 3), 255, np.uint8)
    cv2.putText(head, caption, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
    return np.vstack([head, image, np.full((8, width, 3), 255, np.uint8)])


@dataclass(frozen=True)
class Explanation:
    "A page at each stage of its reading; displays itself as one figure."

    page: Page
    sheet: Sheet
    # per character: text, confidence, its ink as `Piece`, float32 (36,) what the network for
    # characters says alone: all classes alike where it was not asked
    chosen: tuple

    def stages(self) -> dict[str, np.ndarray]:  # caption -> uint8 picture
        "The pictures of the figure, in order."
        s = self.sheet
        paper = lambda mask: np.where(mask > 0, 0, 255).astype(np.uint8)
        rules = cv2.cvtColor(paper(s.ink), cv2.COLOR_GRAY2BGR)
        rules[(s.rules > 0) & (s.ink == 0)] = (255, 150, 60)
        parts, boxes = (
            cv2.cvtColor(paper(s.ink), cv2.COLOR_GRAY2BGR),
            cv2.cvtColor(s.grey, cv2.COLOR_GRAY2BGR),
        )
        for n, line in enumerate(s.lines):
            for p in line.pieces:
                cv2.rectangle(
                    parts,
                    (p.x, p.y),
                    (p.right, p.bottom),
                    ((60, 140, 0), (200, 80, 0), (0, 110, 220))[n % 3],
                    2,
                )
        for text, confidence, p, _ in self.chosen:
            cv2.rectangle(boxes, (p.x, p.y), (p.right, p.bottom), (0, 140, 0), 1)
        out = {
            "grey, brought to one character height": s.grey,
            "ink strength": 255 - cv2.convertScaleAbs(s.strength, alpha=1.6),
            "ink mask": paper(s.mask),
        }
        out |= {
            "rules and frames taken out (blue)": rules,
            "components, coloured by line": parts,
            "boxes the lattice chose": boxes,
        }
        if self.chosen:
            out["glyphs, what each is and how sure"] = self._glyphs()
        return out

    def _glyphs(self):
        cells = []
        for text, confidence, p, _ in self.chosen[:120]:
            cell = np.full((74, 60, 3), 255, np.uint8)
            glyph = cv2.resize(normalise_glyph(p.ink), (56, 56), interpolation=cv2.INTER_NEAREST)
            cell[2:58, 2:58] = glyph[..., None]
            cv2.putText(
                cell,
                f"{text} {confidence:.2f}",
                (4, 71),
                cv2.FONT_HERSHEY_SIMPLEX,
                0.4,
                (40, int(150 * confidence), int(240 - 200 * confidence)),
                1,
                cv2.LINE_AA,
            )
            cells.append(cell)
        columns = min(len(cells), 14)
        cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
        return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])

    def draw(self) -> np.ndarray:  # uint8 (h, w, 3), BGR
        "All stages in one figure, two beside each other where the page is tall."
        panels = [(caption, image) for caption, image in self.stages().items()]
        tall = self.sheet.grey.shape[0] > 0.5 * self.sheet.grey.shape[1]
        width, columns = (420, 2) if tall else (840, 1)
        pictures = [
            _panel(image, width if "glyphs" not in caption else 840, caption)
            for caption, image in panels
        ]
        rows = []
        stage, last = (
            [p for p in pictures if p.shape[1] == width],
            [p for p in pictures if p.shape[1] != width],
        )
        for i in range(0, len(stage), columns):
            row = stage[i : i + columns]
            row += [np.full_like(row[0], 255)] * (columns - len(row))
            rows.append(
                np.hstack(
                    [
                        cv2.copyMakeBorder(
                            p,
                            0,
                            max(q.shape[0] for q in row) - p.shape[0],
                            0,
                            0,
                            cv2.BORDER_CONSTANT,
                            value=(255,) * 3,
                        )
                        for p in row
                    ]
                )
            )
        return np.vstack(rows + last)

    def _repr_png_(self) -> bytes:
        return cv2.imencode(".png", self.draw())[1].tobytes()


# %%
#| fig-cap: "A page at every step. If letters are blue in the fourth picture, the rules took a stroke. If a box in the sixth holds two letters, the cuts are wrong. If a glyph is good and its class is not, it is the network."
#| fig-alt: "A ruled page at seven stages, from grey to the glyphs with their classes and confidences."
#| label: fig-recognition-explain
explanation = reader.explain(samples.page("ruled"))
show(explanation.draw(), 0.75)

# %%
#| hide
assert explanation.page.text == reader.read(samples.page("ruled")).text and list(
    explanation.stages()
)[-1].startswith("glyphs")

# %% [markdown]
# ## Bad input
# People hand over what they have: a wrong path, a text file called `.png`, half a download. Each gives one sentence that says what is wrong and what to do. Everything that a user can get wrong is a `CustomOCRError`.

# %%
#| code-fold: true
#| code-summary: "Seven wrong inputs"
folder = tempfile.TemporaryDirectory()
bad = {
    name: Path(folder.name, name) for name in ("letter.png", "empty.png", "half.jpg", "scan.png")
}
bad["letter.png"].write_text("Dear Sir or Madam,\n" * 20)
bad["empty.png"].write_bytes(b"")
bad["half.jpg"].write_bytes(samples.page("lines").read_bytes()[:9000])
bad["scan.png"].write_bytes(b"%PDF-1.7\n")
said = {}
for name, source in {
    "missing.png": Path(folder.name, "missing.png"),
    **bad,
    "None": None,
    "5 channels": np.zeros((9, 9, 5), np.uint8),
}.items():
    try:
        reader.read(source)
    except ImageError as error:
        said[name] = str(error).replace(folder.name + "/", "")
        print(said[name])
assert len(said) == 7

# %% [markdown]
# A hint that makes no sense is refused before the page is read. A page without writing is no mistake, its text is empty.

# %%
try:
    reader.read(hello, pattern="re:(")
except CustomOCRError as error:
    print(type(error).__name__, "-", error)
white, dot = (reader.read(np.full(shape, 255, np.uint8)) for shape in ((300, 200), (1, 1)))
assert white.text == dot.text == "" and white.lines == ()
white.to_dict()


# %% [markdown]
# ## From the shell
# Text goes to standard output, messages to standard error. The exit code is 0; 1 if a file could not be read or a limit was reached before all of a page was read, or if `--strict` found a line that does not fit; 2 if the command makes no sense.

# %%
#| code-fold: true
#| code-summary: "Three commands"
def shell(*arguments):
    "Run the command line as people do."
    done = subprocess.run(
        [sys.executable, "-m", "customocr", *arguments], capture_output=True, text=True
    )
    print("$ customocr", " ".join(Path(a).name for a in arguments))
    print(
        (done.stdout + done.stderr)
        .replace(f"{folder.name}/", "")
        .replace(f"{samples.FOLDER}/pages/", ""),
        end="",
    )
    return done.returncode


assert shell("read", str(hello)) == 0
assert shell("read", str(bad["letter.png"])) == 1
assert shell("read", "--format", "json", str(samples.page("letter_m"))) == 0

# %% [markdown]
# `customocr read --help` has the rest. `--overlay DIR` writes pages with boxes, `--explain DIR` the steps above.
#
# ## What it is worth
# First our own samples. They are written with fonts, so they are easy. `wrong` counts characters, spaces and line breaks:

# %%
rows = []
for p in samples.pages():
    text = reader.read(p.path).text
    pairs = align(p.text, text)
    rows.append(
        (p.name, p.kind, len(p.text), sum(a != b for a, b in pairs), text.replace("\n", " / "))
    )
on_samples = pd.DataFrame(rows, columns=["page", "kind", "characters", "wrong", "read"])
on_samples

# %%
print(
    f"CER {on_samples.wrong.sum() / on_samples.characters.sum():.3f}, spaces and line breaks"
    " counted"
)
assert on_samples.wrong.sum() / on_samples.characters.sum() < 0.1

# %% [markdown]
# Then real pages by real people: photos, scans of names, form fields, boxes, numbers in table cells. They are not ours to show. All readers had the same files and no hints, but Tesseract (5, `--psm 6`) knew the 36 characters. "tutorial" is the tutorial's boxes with our network. The [character error rate](glossary.html#cer) counts 0-9 and A-Z only. It can exceed 1 for a reader that invents text.
#
# ```
# python benchmarks/page_errors.py DATA --reader customocr tutorial tesseract --csv nbs/stored/pages/readers.csv
# ```
#
# RapidOCR (`--reader rapidocr`) was measured in a run of its own.

# %%
stored = pd.read_csv("stored/pages/readers.csv")
order = [
    name
    for name in ("customocr", "rapidocr", "tesseract", "tutorial")
    if name in set(stored.reader)
]
cer = stored.pivot(index="kind", columns="reader", values="cer")[order]
cer.insert(0, "images", stored.groupby("kind").images.first())
cer.round(3)

# %%
assert (cer["customocr"] < cer[order[1:]].min(axis=1)).all()

# %%
#| code-fold: true
#| code-summary: "The chart"
#| fig-cap: "The lower, the better. The hardest kind for us are numbers in table cells."
#| fig-alt: "Bars of the error rate of the readers for each kind of page; ours is the lowest in every kind."
#| label: fig-recognition-peers
ax = (
    cer[order]
    .clip(upper=1)
    .plot.bar(
        figsize=(7.2, 2.8), width=0.8, color=["#1b7f79", "#5b7fb5", "#d9822b", "#b9b9b9"], rot=0
    )
)
ax.set(xlabel="", ylabel="character error rate", ylim=(0, 1))
ax.legend(frameon=False, fontsize=8, ncols=4, loc="upper center", bbox_to_anchor=(0.5, 1.18))
plt.tight_layout()

# %% [markdown]
# Numbers in cells have few pixels, one wrong digit in four is a large share, and no word helps. Our own figures once more: *exact* is the share of images whose characters are all right, *layout* the share that is right to the space and the line break.

# %%
stored[stored.reader == "customocr"].set_index("kind")[
    ["images", "characters", "cer", "exact", "layout"]
].round(3)

# %% [markdown]
# [Results](results.qmd) has more engines, the size of letters, and speed.
#
# ## Recap
# - Two networks look at each candidate: which character would it be, and is it one?
# - The decoder chooses cuts, spaces and characters of a line together, with what is known of words and numbers.
# - Every character comes with a confidence and alternatives. They say where a page may be wrong.
#
# ## Exercises
# **1.** Which sample page is the reader least sure of? Rank the pages by the mean confidence of their characters, and compare with where it is wrong.
#
# <details><summary>Solution</summary>
#
# ```python
# sure = {p.name: np.mean([c.confidence for c in reader.read(p.path).characters]) for p in samples.pages()}
# on_samples.assign(confidence=on_samples.page.map(sure)).sort_values("confidence")[["page", "wrong", "confidence"]]
# ```
#
# </details>
#
# **2.** *Build your own overlay*: a function `draw_words(page, image)` with a box around each word and its text above.
#
# <details><summary>Solution</summary>
#
# ```python
# def draw_words(page, image):
#     out = image.copy()
#     for line in page.lines:
#         for word in line.words:
#             x, y, w, h = word.box
#             cv2.rectangle(out, (x - 3, y - 3), (x + w + 3, y + h + 3), (200, 80, 0), 2)
#             cv2.putText(out, word.text, (x, y - 8), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (200, 80, 0), 2)
#     return out
#
# show(draw_words(page, sample("lines", grey=False)))
# ```
#
# </details>
#
# **3.** How much is the judge worth? Give `line_lattice` the same answer of the judge for every candidate and read the touching line again.
#
# <details><summary>Solution</summary>
#
# ```python
# same = np.log(np.tile([0.5, 0.4, 0.1], (len(cut.candidates), 1)))
# decode_lines([line_lattice(cut, same, classes).lattice], Knowledge())[0].text
# ```
# Now a cut is as good as any, if the character network finds a name for its parts. A part of a W makes a good V.
#
# </details>
#
# **4.** At what angle does reading break? Turn the sample `hello` by 0 to 45 degrees (`cv2.warpAffine`, white outside) and plot the share of characters that are right.
#
# <details><summary>Solution</summary>
#
# ```python
# def turned(angle):
#     h, w = pixels.shape[:2]
#     side = int(np.hypot(h, w))
#     matrix = cv2.getRotationMatrix2D((w / 2, h / 2), angle, 1)
#     matrix[:, 2] += (side - w) / 2, (side - h) / 2
#     return cv2.warpAffine(pixels, matrix, (side, side), borderValue=(255,) * 3)
#
# angles = range(0, 46, 5)
# right = [sum(a == b for a, b in align("HELLOWORLD", "".join(reader.read(turned(a)).text.split()))) / 10 for a in angles]
# plt.plot(angles, right, "o-")
# ```
#
# </details>
#
# ## What the next notebook builds on
# We have a `Page` with alternatives for every character. A 0 and an O by the same hand are the same ring. [Confusion fixes](04_confusion_fixes.ipynb) counts such mistakes and looks at their neighbours.
