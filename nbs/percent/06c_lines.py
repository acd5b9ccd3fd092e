# %% [markdown]
# # Lines to learn from
# > How do we get half a million handwritten lines whose text is known?

# %% [markdown]
# How do we get half a million handwritten lines whose text is known? A network that reads whole lines learns from lines, and nobody has that many. At the end of this notebook you can compose them: a random text, in a random hand, on a random [paper](06b_papers.ipynb), cut to the strip that the network sees.

# %%
#| default_exp writing.lines

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing import parent_process
from pathlib import Path
from typing import Any

import cv2
import numpy as np

import customocr
from customocr.decoding import load_runs
from customocr.errors import DataError
from customocr.glyphs import CLASSES, ink_box
from customocr.layout.ink import ink_strength
from customocr.layout.sheet import LETTER
from customocr.line_network import LETTER_ROWS, ROWS, level_strip, normalised, picture_strip
from customocr.writing.compose import (
    Composed,
    Hand,
    Shape,
    Style,
    lay_ink,
    plain_text,
    random_style,
    rasterise,
)
from customocr.writing.papers import (
    Paper,
    cell_rules,
    compose_page,
    photograph,
    random_number,
    random_paper,
    woven_paper,
)
from customocr.writing.strokes import loosen

# %%
#| code-fold: true
#| code-summary: "Imports for the examples"
from customocr.pictures import figure, hands, write

# %%
#| code-fold: true
#| code-summary: "The picture: a line and its strip"
#| fig-cap: "A photographed line, and what the network sees of it: 32 rows, white ink on black. The rules of the paper are fainter than the ink, but they are still there."
#| fig-alt: "A handwritten line PIER 39 BY 6 on grey ruled paper, and below it the same words white on black in a narrow strip."
photo = write(["PIER 39 BY 6"], "ruled", 3, grey=True).image
strip = picture_strip(photo)
assert strip.shape[0] == ROWS and strip.dtype == np.uint8
figure({"picture": photo, f"strip, {strip.shape[1]} x {ROWS} pixels": strip}, 1, 500)

# %% [markdown]
# *Needs*: half a minute and no data. With the data folder, `customocr train --lines` writes with UNIPEN's pens and MNIST's digits. Here the package's fonts write.
#
# *Terms*: [n-gram](glossary.html#n-gram), [prior](glossary.html#prior), [baseline](glossary.html#baseline).
#
# ## The strip
# The network sees a strip of 32 rows. There are two ways to get one. Where the page's lines are known, `level_strip` cuts a line out of the page's *ink strength* ([Where is the ink?](09_ink.ipynb)), turns it level, and brings its letters to a height of 20 pixels. Where a picture is one line and nothing else, `picture_strip` takes all of it. Both are functions of [the reader](16_line_network.ipynb), so the network trains on what it will read.
#
# ## What is written
# Half of the words follow the [prior](15_decoding.ipynb), a table of how often five characters follow each other. So their letters stand beside each other as in names and words. The others are numbers, codes of capitals, and mixtures. A network that saw only words would read words into everything.

# %%
#| export
LONGEST = 30  # characters of a line
FLATTER = 0.7  # power of the five-grams' counts: below 1, rare words become less rare
MARKS_IN_LINES = "--..,,:'/!+()"  # what may stand between characters, some more often


class Texts:
    "Random words after the prior's five-grams, numbers and codes."

    def __init__(self):
        prior = load_runs(Path(customocr.__file__).parent / "models" / "prior.npz")[0]
        self._runs = prior.run  # five symbols as a number of base 27
        self._counts = prior.count.astype(float)
        self._before = self._runs // 27  # the first four symbols

    def word(
        self,
        rng: np.random.Generator,
        most: int = 12,  # letters
    ) -> str:  # at least one letter
        "Letters one after the other, each after the four before it."
        state, out = 0, ""
        while len(out) < most:
            a, b = np.searchsorted(self._before, [state, state + 1])
            if a == b:
                break
            chance = self._counts[a:b] ** FLATTER
            symbol = int(self._runs[a + rng.choice(b - a, p=chance / chance.sum())] % 27)
            if symbol == 0:  # the word ends
                break
            out += chr(64 + symbol)
            state = state % 27**3 * 27 + symbol
        return out or "A"

    def number(
        self,
        rng: np.random.Generator,
        most: int = 8,  # digits
    ) -> str:  # may hold a mark
        "Digits, at times round, at times with a mark inside."
        if rng.random() < 0.35:
            return random_number(rng, most)
        n = int(rng.integers(1, most + 1))
        digits = "".join(rng.choice(list(CLASSES[:10]), n))
        if rng.random() < 0.15 and n > 2:
            at = int(rng.integers(1, n))
            digits = digits[:at] + str(rng.choice(list(",.-/:"))) + digits[at:]
        return digits

    def token(self, rng: np.random.Generator) -> str:
        "A word, a number, a code of capitals or a mixture."
        kind = rng.random()
        if kind < 0.50:
            return self.word(rng)
        if kind < 0.72:
            return self.number(rng)
        if kind < 0.90:
            return "".join(rng.choice(list(CLASSES[10:]), int(rng.integers(1, 9))))
        return "".join(rng.choice(list(CLASSES), int(rng.integers(2, 9))))

    def line(self, rng: np.random.Generator) -> str:
        "One to four tokens, at times with a mark."
        kind = rng.random()
        n = 1 if kind < 0.55 else 2 if kind < 0.8 else 3 if kind < 0.93 else 4
        text = " ".join(self.token(rng) for _ in range(n))
        if rng.random() < 0.08:
            at = int(rng.integers(1, len(text) + 1))
            text = text[:at] + str(rng.choice(list(MARKS_IN_LINES))) + text[at:]
        return text[:LONGEST].strip()


# %%
texts, rng = Texts(), np.random.default_rng(2)
assert texts.line(np.random.default_rng(5)) == texts.line(np.random.default_rng(5))
[texts.word(rng) for _ in range(6)], [texts.number(rng) for _ in range(6)], texts.line(rng)

# %% [markdown]
# Six words, six numbers and one line, as they were drawn.
#
# ## Hands and papers
# On paper, people write less exactly than UNIPEN's writers did on tablets. `LooseHand` loosens a writer's strokes for some of the characters: corners get round, and strokes stop short or run on. The papers are those of [Papers](06b_papers.ipynb), printed and woven ones among them.
#
# In much of the world a 1 begins with a long upstroke, and a 7 has a bar. Few of UNIPEN's writers and almost none of MNIST's write so. A quarter of the hands get a 1 of this kind, with a stroke of their own length, and half of these a barred 7.

# %%
#| export
FLAGGED = 0.25  # of the hands write a 1 with an upstroke
BARRED = 0.5  # of these bar their 7


def flagged_one(
    up: float,  # cap heights, of the upstroke: 1 begins at the baseline
    wide: float,  # cap heights, from the upstroke's foot to the top
    slant: float,  # x per y, of the downstroke
    rng: np.random.Generator,
) -> Shape:
    "A 1 with an upstroke, in one go or with the pen lifted."
    top, bend = np.array([wide, -1.0]), rng.normal(0, 0.05)
    foot, end = np.array([0.0, up - 1.0]), np.array([wide - slant, 0.0])
    middle = (foot + top) / 2 + [bend, abs(bend)]
    stroke = np.array([foot, middle, top, (top + end) / 2 + [bend / 2, 0], end], np.float32)
    stroke[:, 0] -= stroke[:, 0].min()
    return Shape((stroke,) if rng.random() < 0.8 else (stroke[:3], stroke[2:]))


def barred_seven(
    wide: float,  # cap heights
    rng: np.random.Generator,
) -> Shape:
    "A 7 with a bar through its stem."
    foot, y = wide * rng.uniform(0.1, 0.6), -rng.uniform(0.4, 0.6)
    stem = foot + (wide - foot) * -y
    seven = np.array([(0, -rng.uniform(0.88, 1)), (wide, -1), (stem, y), (foot, 0)], np.float32)
    reach = rng.uniform(0.15, 0.4, 2) * wide
    bar = np.array([(stem - reach[0], y + rng.normal(0, 0.03)), (stem + reach[1], y)], np.float32)
    left = np.array([min(bar[0, 0], 0.0), 0], np.float32)
    return Shape((seven - left, bar - left))


# %%
#| export
class LooseHand(Hand):
    "A hand that writes a share of its characters less exactly."

    def __init__(self, hand: Hand, rng: np.random.Generator):
        self.hand, self.weight, self.name = hand, hand.weight, hand.name
        self.share = rng.choice([0, 0.5, 1], p=[0.4, 0.3, 0.3])
        self.strength = rng.uniform(0.4, 1.2)
        self.flagged = bool(rng.random() < FLAGGED)
        self.barred = self.flagged and bool(rng.random() < BARRED)
        self.up, self.wide = float(rng.uniform(0.2, 1)), float(rng.uniform(0.25, 0.6))

    def _own(self, character: str, rng: np.random.Generator) -> Shape:
        "The hand's shape, or its flagged 1 and barred 7."
        wide = self.wide * float(np.exp(rng.normal(0, 0.1)))
        if character == "1" and self.flagged:
            up = float(np.clip(self.up + rng.normal(0, 0.08), 0.1, 1.1))
            return flagged_one(up, wide, float(rng.normal(0.05, 0.06)), rng)
        if character == "7" and self.barred:
            return barred_seven(1.2 * wide, rng)
        return self.hand.shape(character, rng)

    def shape(self, character: str, rng: np.random.Generator) -> Shape:
        "The hand's shape, at times loosened."
        shape = self._own(character, rng)
        if shape.filled or rng.random() >= self.share:
            return shape
        loose = loosen(list(shape.strokes), rng, self.strength)
        strokes = [np.asarray(s, np.float32) for s in loose if len(s)]
        left = np.array([np.concatenate(strokes)[:, 0].min(), 0], np.float32)
        return replace(shape, strokes=tuple(s - left for s in strokes))


PAPER_SHARES = dict(  # of 100 lines that are written
    plain=5, tinted=5, photo=8, shadow=5, ruled=8, form=9, dark=4,
    pencil=6, scan=7, lowres=14, cell=16, cheque=6, woven=7,
)  # fmt: skip
MAY_BE_WOVEN = ("cell", "photo", "tinted", "lowres")


def line_paper(
    name: str,  # a key of PAPER_SHARES
    rng: np.random.Generator,
) -> Paper:
    "A paper for a line: any kind may be woven, most cheques have a guilloche."
    if name == "woven":
        return woven_paper(rng)
    paper = random_paper(name, rng)
    if name in MAY_BE_WOVEN and rng.random() < 0.12:
        paper = replace(paper, weave=rng.uniform(2, 10))
    if name == "cheque" and rng.random() < 0.6:
        waves = rng.uniform(4, 25)
        paper = replace(paper, guilloche=waves, pattern=paper.pattern * rng.integers(0, 2))
    return paper


# %% [markdown]
# ## From a page to its strips
# A composed page knows its boxes. The reader has to find them and will not find them exactly. So the strip's height, slope and place are each a little wrong, by chance.

# %%
#| export
Sample = tuple[np.ndarray, str]  # strip uint8 (ROWS, w), white ink on black, and its text
HEIGHT_ERROR = 0.1  # standard deviation of the logarithm of the letters' height
SLOPE_ERROR, PLACE_ERROR = 0.008, 0.06  # of the line's slope; of its middle, in letter heights


def slope_of(
    boxes: np.ndarray,  # (n, 4) x, y, w, h of a line's characters
) -> float:  # pixels down for each pixel to the right, -0.4..0.4
    "The slope of a line, from the middles of its tall boxes."
    b = boxes.astype(float)
    x, y, middle = b[:, 0] + b[:, 2] / 2, b[:, 1] + b[:, 3] / 2, np.median(b[:, 3])
    tall = b[:, 3] >= 0.5 * middle
    x, y = x[tall], y[tall]
    if len(x) < 3 or np.ptp(x) < 4 * middle:
        return 0.0
    return float(np.clip(np.polyfit(x, y, 1)[0], -0.4, 0.4))


def _about(value: float, rng: np.random.Generator) -> float:
    "A height with the error that a reader may make."
    return value * float(np.exp(rng.normal(0, HEIGHT_ERROR)))


def _resized(image: np.ndarray, factor: float) -> np.ndarray:
    "A picture at another size."
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=how)


def _line_strip(strength: np.ndarray, boxes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    "A line's strip, from the page's ink and the line's boxes."
    x, y, w, h = boxes.T
    tall = np.median(h[h >= 0.5 * h.max()])
    letter = _about(float(np.clip(tall, 8, 200)), rng)
    slope = slope_of(boxes) + rng.normal(0, SLOPE_ERROR)
    left, right = x.min(), (x + w).max()
    level = y + h / 2 - slope * (x + w / 2 - (left + right) / 2)
    middle = float(np.median(level)) + rng.normal(0, PLACE_ERROR) * letter
    margin = rng.uniform(0.05, 1.0, 2) * letter
    ends = left - margin[0], right + margin[1]
    return normalised(level_strip(strength, LETTER_ROWS / letter, slope, *ends, middle))


def page_strips(
    page: Composed,
    height: float,  # pixels, cap height
    light_ink: bool,
    rng: np.random.Generator,
) -> list[Sample]:
    "The strips of a composed page, one a line, as a reader would cut them."
    factor = _about(LETTER / height, rng)
    grey = page.image if page.image.ndim == 2 else cv2.cvtColor(page.image, cv2.COLOR_BGR2GRAY)
    grey = 255 - grey if light_ink and grey.mean() < 110 else grey
    strength = ink_strength(_resized(grey, factor), LETTER)
    lines = zip(page.boxes, page.text.split("\n"))
    seen = [(boxes[boxes[:, 2] > 0] * factor, text) for boxes, text in lines]
    return [(_line_strip(strength, boxes, rng), text) for boxes, text in seen if len(boxes)]


# %% [markdown]
# ## Characters that exist as pixels
# MNIST's digits and the A-Z letters have no strokes. They are laid in a row. Each is scaled and slanted, and some are close enough to touch.

# %%
#| export
@dataclass(frozen=True)
class Pixels:
    "Characters that exist as pictures."

    images: np.ndarray  # uint8 (N, 28, 28), white on black
    labels: np.ndarray  # (N,), index into CLASSES

    def one(self, character: str, rng: np.random.Generator) -> np.ndarray:  # uint8 (28, 28)
        "A random picture of a character."
        rows = np.flatnonzero(self.labels == CLASSES.index(character))
        return self.images[rows[rng.integers(len(rows))]]


def _slanted(
    glyph: np.ndarray,  # uint8 (h, w), cropped to its ink
    height: float,  # pixels
    slant: float,  # x per y
    wide: float,  # factor
) -> tuple[np.ndarray, int]:  # the picture, and its width before it was slanted
    "A glyph at another size, width and slant."
    factor = height / max(glyph.shape[0], glyph.shape[1] * 0.55)
    w = max(1, round(glyph.shape[1] * factor * wide))
    h = max(1, round(glyph.shape[0] * factor))
    move = 0 if slant < 0 else slant * h
    matrix = np.array(
        [[w / glyph.shape[1], -slant * factor, move], [0, h / glyph.shape[0], 0]], np.float32
    )
    size = int(w + abs(slant) * h + 1), h
    return cv2.warpAffine(glyph, matrix, size, flags=cv2.INTER_LINEAR), w


def row_of_images(
    text: str,  # characters that `pixels` has, and blanks
    pixels: Pixels,
    height: float,  # pixels, about
    rng: np.random.Generator,
) -> np.ndarray:  # uint8 (h, w), coverage by ink
    "Pictures of characters side by side, some of them touching."
    x, patches = int(height * 0.6), []
    gaps = [rng.uniform(-0.12, 0.05), rng.uniform(0.02, 0.25), rng.uniform(0.2, 0.6)]
    gap = rng.choice(gaps, p=[0.3, 0.5, 0.2])
    top, slant, wide = int(height * 0.6), rng.normal(0, 0.1), np.exp(rng.normal(0, 0.1))
    rng.integers(0, 3)  # not used; it keeps the numbers that follow
    slope = rng.normal(0, 0.04)
    for c in text:
        if c == " ":
            x += int(height * rng.uniform(0.5, 1))
            continue
        glyph = pixels.one(c, rng)
        box = ink_box(glyph)
        if box is None:
            continue
        left, upper, w, h = box
        own = height * float(np.clip(1 + 0.07 * rng.normal(), 0.75, 1.3))
        patch, w = _slanted(glyph[upper : upper + h, left : left + w], own, slant, wide)
        y = int(top + height - patch.shape[0] + height * 0.04 * rng.normal() + slope * x)
        patches.append((patch, x, y))
        x += int(max(0.15 * height, w + gap * height * (1 + 0.3 * rng.normal())))
    w = x + int(height * 0.6)
    climb = int(abs(slope) * w)
    ink = np.zeros((int(height * 2.2) + climb, w), np.uint8)
    for patch, x, y in patches:
        lay_ink(ink, patch, x, y + (climb if slope < 0 else 0))
    return ink


# %% [markdown]
# ## Pictures without text
# One sample in twenty has ink and no text: scribbles, dots, triangles, ends of rules, bare cloth. From them the network learns to say nothing.

# %%
#| export
def _scribble(w: int, h: int, rng: np.random.Generator) -> np.ndarray:  # float32 (n, 2), pixels
    "A stroke that is no character: a bar, a triangle, a ring, a dot, a zigzag or a wandering line."
    n, start, step = (
        int(rng.integers(2, 14)),
        rng.uniform(0, 1, 2) * (w, h),
        rng.uniform(2, 0.35 * h),
    )
    line = start + np.cumsum(rng.normal(0, 1, (n, 2)) * step * rng.uniform(0.3, 1, 2), 0)
    kind = rng.random()
    if kind < 0.25:
        ends = [(rng.uniform(-5, w + 5), rng.uniform(-5, h + 5)) for _ in range(2)]
        line = np.array(ends, np.float32)
    elif kind < 0.4:
        corners = start + rng.normal(0, 0.3 * h, (3, 2))
        line = np.concatenate([corners, corners[:1]])
    elif kind < 0.5:
        a = np.linspace(0, rng.uniform(2, 9), 16)
        line = start + np.stack([np.cos(a), np.sin(a)], 1) * rng.uniform(0.4, 3) * h
    elif kind < 0.6:
        line = start + rng.uniform(0, 3, (2, 2))
    elif kind < 0.7:
        k = np.arange(int(rng.integers(6, 16)))
        across, up = k * rng.uniform(1.5, 5), (k % 2) * rng.uniform(0.2, 0.9) * h
        line = start + np.stack([across, up], 1)
    return line.astype(np.float32)


def _loose_rule(w: int, h: int, rng: np.random.Generator) -> np.ndarray:  # float32 (2, 2), pixels
    "A printed line across the picture, or down."
    y, upright, x = rng.uniform(0, h), rng.random() < 0.4, rng.uniform(0, w)
    if upright:
        return np.array([(x, -5), (x + rng.normal(0, 2), h + 5)], np.float32)
    return np.array([(-5, y), (w + 5, y + rng.normal(0, 2))], np.float32)


def _pictured(
    paper: Paper, ink: np.ndarray, printed: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    "A grey picture of ink on a paper that fills it."
    h, w = ink.shape
    return photograph(
        paper, ink, printed, np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32), rng, True
    )


WITHOUT_TEXT = ("cell", "plain", "photo", "cheque", "woven", "pencil", "ruled", "shadow", "lowres")


def no_text(
    rng: np.random.Generator,
) -> Sample:  # its text is empty
    "Empty paper, print, rules or scribbles."
    h, w = int(rng.integers(24, 60)), int(rng.integers(20, 260))
    paper = line_paper(str(rng.choice(list(WITHOUT_TEXT))), rng)
    ink, printed = np.zeros((h, w), np.uint8), np.zeros((h, w), np.uint8)
    if rng.random() < 0.55:
        for _ in range(int(rng.integers(1, 5))):
            lay_ink(ink, *rasterise([_scribble(w, h, rng)], float(rng.uniform(0.8, 4))))
    if rng.random() < 0.4:
        for _ in range(int(rng.integers(1, 4))):
            lay_ink(printed, *rasterise([_loose_rule(w, h, rng)], float(rng.uniform(0.7, 3))))
    return picture_strip(_pictured(paper, ink, printed, rng)), ""


def drawing(
    rng: np.random.Generator,
) -> Sample:  # its text is empty
    "A strip that a reader would cut out of a drawing: as high as one of its parts."
    h, w = int(rng.integers(60, 220)), int(rng.integers(80, 320))
    paper = line_paper(str(rng.choice(list(WITHOUT_TEXT))), rng)
    ink, pen = np.zeros((h, w), np.uint8), float(rng.uniform(1, 5))
    for _ in range(int(rng.integers(3, 12))):
        lay_ink(ink, *rasterise([_scribble(w, h, rng)], pen))
    picture = _pictured(paper, ink, np.zeros_like(ink), rng)
    parts = cv2.connectedComponentsWithStats((ink > 100).astype(np.uint8))[2][1:, :4]
    tall = parts[parts[:, 3] >= 8]
    one = tall[rng.integers(len(tall))] if len(tall) else np.zeros(4)
    middles = parts[:, 1] + parts[:, 3] / 2
    beside = parts[(middles > one[1]) & (middles < one[1] + one[3])]
    if len(beside) < 2:  # a stroke alone may be a 1 or a V
        return picture_strip(picture), ""
    factor = LETTER / max(float(np.median(beside[:, 3])), 8.0)
    strength = ink_strength(_resized(picture, factor), LETTER)
    return _line_strip(strength, beside * factor, rng), ""


# %%
#| fig-cap: "Strips without text. Which would you take for a letter? The network has to answer with nothing."
#| fig-alt: "Nine narrow strips, white on black: loops, bars, triangles and textures, none of them a character."
rng = np.random.default_rng(4)
nothing = [no_text(rng) for _ in range(9)]
assert all(text == "" and strip.shape[0] == ROWS for strip, text in nothing)
figure({str(k + 1): strip for k, (strip, _) in enumerate(nothing)}, 3, 700)

# %% [markdown]
# ## A maker of lines
# `LineMaker` puts it all together. One call gives the strips of one composed picture: mostly one, two or three where a page has more lines.

# %%
#| export
NOTHING, DRAWN, IMAGES = 0.04, 0.02, 0.25  # shares: no text, drawings, characters that are pixels
FONT_SHARE = 0.12  # of the written lines, where there are fonts beside people's hands
IMAGE_PAPERS = (
    "cell", "cell", "plain", "photo", "cheque", "woven", "lowres", "scan", "ruled", "form",
)  # fmt: skip


def _line_style(name: str, rng: np.random.Generator) -> Style:
    "A way of writing on a kind of paper: wide on small scans, at times touching or narrow."
    style = random_style(rng)
    if name == "lowres":
        gap, touching = float(rng.uniform(0.1, 0.8)), style.touching / 2
        word_gap = gap + float(rng.uniform(0.5, 1.3))
        style = replace(style, letter_gap=gap, word_gap=word_gap, touching=touching)
    if rng.random() < 0.15:
        style = replace(style, touching=float(rng.uniform(0.3, 1)))
    if rng.random() < 0.1:
        style = replace(style, letter_gap=float(rng.uniform(0.02, 0.1)))
    return style


def _between(low: float, high: float, rng: np.random.Generator) -> float:
    "A number between two, small ones as often as large ones."
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


@dataclass(frozen=True)
class LineMaker:
    "Composes strips with their texts."

    hands: Sequence[Hand]  # people's
    fonts: Sequence[Hand] = ()
    digits: Pixels | None = None  # characters that exist as pictures; None: without such lines
    letters: Pixels | None = None
    texts: Texts = Texts()

    def __call__(self, rng: np.random.Generator) -> list[Sample]:
        "Some strips; now and then none, where the lines could not be written."
        kind = rng.random()
        if kind < NOTHING:
            return [no_text(rng)]
        if kind < NOTHING + DRAWN:
            return [drawing(rng)]
        if kind < NOTHING + DRAWN + IMAGES and self.digits and self.letters:
            return [self.pixel_line(rng)]
        shares = np.array(list(PAPER_SHARES.values())) / 100
        return self.written(str(rng.choice(list(PAPER_SHARES), p=shares)), rng)

    def hand(self, rng: np.random.Generator) -> Hand:
        "A random hand, loosened, or a font."
        if self.fonts and rng.random() < FONT_SHARE:
            return self.fonts[int(rng.integers(len(self.fonts)))]
        return LooseHand(self.hands[int(rng.integers(len(self.hands)))], rng)

    def _texts(
        self, name: str, style: Style, several: bool, rng: np.random.Generator
    ) -> tuple[list[str], Style]:
        "What is written on a kind of paper, and how."
        if name == "cell":
            number = self.texts.number(rng, 7)
            some = [0, rng.uniform(0, 0.4), rng.uniform(0.4, 1)]
            return [number], replace(style, touching=float(rng.choice(some, p=[0.4, 0.4, 0.2])))
        if several:
            lines = [self.texts.line(rng) for _ in range(int(rng.integers(2, 4)))]
            return lines, replace(style, line_gap=float(rng.uniform(1.2, 2.0)))
        if rng.random() < 0.25:
            return [self.texts.number(rng, 8)], style
        if name == "form" and rng.random() < 0.1:
            alphabet = list(CLASSES if rng.random() < 0.4 else CLASSES[10:])
            return ["".join(rng.choice(alphabet, int(rng.integers(12, 28))))], style
        return [self.texts.line(rng)], style

    def written(self, name: str, rng: np.random.Generator) -> list[Sample]:
        "Lines in a hand on a kind of paper."
        paper, style = line_paper(name, rng), _line_style(name, rng)
        height = _between(9, 34, rng)
        several = name not in ("lowres", "cell") and rng.random() < 0.25
        lines, style = self._texts(name, style, several, rng)
        lines = [line if plain_text(line) else "A" for line in lines]
        pen = max(
            0.7, height * _between(*((0.07, 0.22) if name == "lowres" else (0.05, 0.17)), rng)
        )
        try:
            page = compose_page(
                lines, self.hand(rng), rng, paper, height, pen,
                slope=float(rng.normal(0, 1.3)),
                curve=float(rng.normal(0, 0.08)),
                rotation=float(rng.normal(0, 1.0)) if several else 0.0,
                grey=True,
                **vars(style),
            )  # fmt: skip
        except (DataError, ValueError, cv2.error):  # nothing to write, or no room for it
            return []
        return self._strips(page, len(lines), height, name == "dark", rng)

    def _strips(
        self, page: Composed, lines: int, height: float, dark: bool, rng: np.random.Generator
    ) -> list[Sample]:
        "The whole picture, or each line cut out of it."
        if lines == 1 and rng.random() < 0.35 and page.image.shape[0] < 3 * height:
            light = dark and page.image.mean() < 110
            return [(picture_strip(255 - page.image if light else page.image), page.text)]
        return page_strips(page, height, dark, rng)

    def pixel_line(self, rng: np.random.Generator) -> Sample:
        "A line of MNIST digits, or of A-Z letters."
        if rng.random() < 0.8:
            pixels, text = self.digits, self.texts.number(rng, 7)
            text = "".join(c for c in text if c.isdigit()) or "0"
        else:
            pixels, words = self.letters, rng.random() < 0.6
            any_letters = lambda: "".join(rng.choice(list(CLASSES[10:]), int(rng.integers(1, 9))))
            text = self.texts.word(rng) if words else any_letters()
        assert pixels is not None, "asked for only where there are pictures"
        return self.pictured(text, pixels, rng)

    def pictured(
        self,
        text: str,  # characters that `pixels` has, and blanks
        pixels: Pixels,
        rng: np.random.Generator,
    ) -> Sample:
        "A line of pictures of characters on a paper."
        height = _between(9, 30, rng)
        ink = row_of_images(text, pixels, height, rng)
        name = str(rng.choice(list(IMAGE_PAPERS)))
        paper = line_paper(name, rng)
        printed = _print_around(paper, name, ink.shape, height, rng)
        picture = _pictured(paper, ink, printed, rng)
        cut = rng.uniform(0, 0.35, 2) * height
        picture = np.ascontiguousarray(picture[int(cut[0]) : len(ink) - int(cut[1])])
        return self._pixel_strip(picture, ink, int(cut[0]), height, rng), text

    def _pixel_strip(
        self, picture: np.ndarray, ink: np.ndarray, cut: int, height: float, rng
    ) -> np.ndarray:
        "The whole picture, or the band of its ink."
        if rng.random() < 0.5:
            return picture_strip(picture)
        factor = LETTER / height
        page = _resized(picture, factor)
        rows = cv2.resize(ink, None, fx=factor, fy=factor)[int(cut * factor) :]
        inked = np.flatnonzero((rows > 100).any(1))
        if not len(inked):
            return picture_strip(picture)
        middle = (inked[0] + inked[-1]) / 2
        letter = _about(min(inked[-1] - inked[0] + 1, 40), rng)
        middle += rng.normal(0, PLACE_ERROR) * letter
        strength = ink_strength(page, LETTER)
        factor = LETTER_ROWS / letter
        return normalised(level_strip(strength, factor, 0, 0, page.shape[1], middle))


def _print_around(
    paper: Paper, name: str, shape: tuple[int, int], height: float, rng: np.random.Generator
) -> np.ndarray:  # uint8 (h, w), coverage by print
    "Cell borders, a rule under the line, a box around it."
    h, w = shape
    printed, width = np.zeros(shape, np.uint8), max(paper.rule_width * height, 0.7)
    draw = lambda line: lay_ink(printed, *rasterise([np.array(line, np.float32)], width))
    if name == "cell" and rng.random() < 0.7:
        for line in cell_rules((0, 0, w, h), rng):
            draw(line)
    elif paper.rules != "none" or rng.random() < 0.15:
        y = h / 2 + height * rng.uniform(0.3, 0.9)
        draw([(-5, y), (w + 5, y + rng.normal(0, 1))])
    if paper.frame == "box" or rng.random() < 0.08:
        a, b, c, d = rng.uniform(0, 0.25, 4) * height
        draw([(a, b), (w - c, b), (w - c, h - d), (a, h - d), (a, b)])
    return printed


# %%
#| fig-cap: "Twelve strips as the network sees them in training. Rules, borders and ends of other lines are still there. The network learns to look past them."
#| fig-alt: "Twelve narrow strips with words and numbers, white on black; some faint, some with rules or woven texture behind them."
maker, rng, lines = LineMaker(list(hands().values())), np.random.default_rng(6), []
while len(lines) < 12:
    lines += maker(rng)
figure({text or "(no text)": strip for strip, text in lines[:12]}, 2, 760)

# %%
#| hide
again, rng = [], np.random.default_rng(6)
while len(again) < 12:
    again += maker(rng)
assert all((a == b).all() and s == t for (a, s), (b, t) in zip(lines, again))

# %% [markdown]
# A reader of single characters has to cut such rests away, and fails where it cannot.
#
# ## Lines by the thousand
# The way this network is trained ([CTC](17_line_training.ipynb)) needs a step of 4 pixels for each character, and one more between two equal ones. `fits` keeps strips that have enough steps. Lines are stored in *shards*, files of 2,000 lines. Each shard has a seed of its own, so it does not matter which process makes it.

# %%
#| export
STEP = 4  # pixels of a strip for one step of the network
WIDEST = 720  # pixels, of a strip that is trained on
SHARD = 2000  # lines of a shard


def steps_needed(
    text: str,
) -> int:  # least steps of the network
    "One step a character, and a blank between two equal ones."
    return len(text) + sum(a == b for a, b in zip(text, text[1:]))


def fits(
    strip: np.ndarray,  # uint8 (ROWS, w)
    text: str,
) -> bool:
    "Whether a strip is long enough for its text, and not too long to train on."
    return strip.shape[1] <= WIDEST and strip.shape[1] // STEP > steps_needed(text)


def compose_lines(
    maker: LineMaker,
    n: int,
    seed: int | Sequence[int],
    told=None,  # called with the lines made so far; None: nobody is told
) -> list[Sample]:  # n lines
    "Lines for training; the same seed gives the same lines."
    rng = np.random.default_rng(seed)
    lines: list[Sample] = []
    while len(lines) < n:
        lines += [sample for sample in maker(rng) if fits(*sample)]
        told and told(min(len(lines), n))
    return lines[:n]


def save_lines(
    path: Path,  # .npz
    lines: Sequence[Sample],
) -> None:
    "Store lines in one file, whole or not at all."
    part = path.with_suffix(".part.npz")
    np.savez(
        part,
        pixels=np.concatenate([strip.T for strip, _ in lines]),
        width=np.array([strip.shape[1] for strip, _ in lines], np.int32),
        texts=np.array([text for _, text in lines]),
    )
    os.replace(part, path)


def load_lines(
    path: Path,  # as `save_lines` wrote it
) -> list[Sample]:
    "Stored lines."
    arrays = np.load(path)
    strips = np.split(arrays["pixels"], np.cumsum(arrays["width"])[:-1])
    return [(np.ascontiguousarray(s.T), str(t)) for s, t in zip(strips, arrays["texts"])]


# %% [markdown]
# UNIPEN's training writers and the package's fonts write for training. The thirty validation writers write for checking. Some samples of MNIST and of the A-Z set are kept apart in the same way.

# %%
#| export
def line_maker(
    data: str | Path,  # data folder with characters/train/unipen_strokes.npz
    held: bool = False,  # True: the hands and pictures that validate
) -> LineMaker:
    "The maker for training or for validation; raises `DataError` without UNIPEN's strokes."
    from customocr import samples
    from customocr.data import find_file, load_unipen, split_unipen
    from customocr.writing.compose import FontHand, unipen_hands

    strokes = find_file(["unipen_strokes.npz"], data)
    if strokes is None:
        raise DataError(
            f"{data}: holds no unipen_strokes.npz; lines are written with UNIPEN's strokes: "
            "give the data folder that has characters/train/unipen_strokes.npz"
        )
    unipen = load_unipen(data)
    training, validation, _ = split_unipen(unipen)
    writers = sorted(set(unipen.writer[validation if held else training].tolist()))
    fonts = [] if held else [FontHand(path) for path in samples.fonts().values()]
    return LineMaker(unipen_hands(strokes, writers), fonts, *_pixel_sources(data, held))


MNIST_HELD, AZ_HELD = 5_000, 0.1  # digits and share of letters that validate


def _pixel_sources(
    data: str | Path, held: bool
) -> tuple[Pixels | None, Pixels | None]:  # digits, letters; None what is not at hand
    "MNIST's digits and the A-Z letters of one part."
    from customocr.data import AZ_FILES, find_file, load_az, load_mnist, split_stratified

    digits = letters = None
    if find_file(["mnist.npz"], data):
        mnist = load_mnist(data, "train")
        some = np.s_[-MNIST_HELD:] if held else np.s_[:-MNIST_HELD]
        digits = Pixels(mnist.images[some], mnist.labels[some])
    if find_file(AZ_FILES, data):
        parts = split_stratified(load_az(data).without_repeats().normalised(), AZ_HELD)
        letters = Pixels(parts[held].images, parts[held].labels)
    return digits, letters


def make_shards(
    folder: Path,
    data: str | Path,
    seed: int,
    count: int,  # shards
    size: int,  # lines of a shard
    made: Any,  # a shared number, set to the lines made so far
) -> None:
    """Work of a second process: one shard after the other; those that are there stay. It ends with
    the process that started it, even if that one was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that trains
    cv2.setNumThreads(1)
    maker, parent = None, parent_process()
    for k in range(count):
        file = shard_file(folder, k)
        if not file.exists():
            maker = maker or line_maker(data)

            def told(n: int, before: int = k * size) -> None:
                if parent is not None and not parent.is_alive():
                    raise SystemExit
                made.value = before + n

            save_lines(file, compose_lines(maker, size, [seed, k], told))
        made.value = (k + 1) * size


def shard_file(folder: Path, k: int) -> Path:
    "Where shard k is stored."
    return folder / f"train{k:04d}.npz"

# %% [markdown]
# ## Recap
# - A strip has 32 rows. Training strips are cut by the reader's own functions.
# - Texts are words, numbers and codes, so the network cannot rely on words alone.
# - Chance makes every strip a little wrong, as a reader's cut is.
#
# ## Exercises
# **1.** How often are the strips of a page cut with a slope that is more than a degree wrong? `SLOPE_ERROR` is a standard deviation of pixels down for each pixel to the right.
#
# <details><summary>Solution</summary>
#
# ```python
# wrong = np.random.default_rng(0).normal(0, SLOPE_ERROR, 10_000)
# (np.abs(np.degrees(np.arctan(wrong))) > 1).mean()
# ```
# About one in thirty.
#
# </details>
#
# **2.** *Build a maker of telephone numbers.* Which method of `Texts` has to change?
#
# <details><summary>Solution</summary>
#
# ```python
# class Telephone(Texts):
#     def token(self, rng):
#         return "0" + "".join(rng.choice(list(CLASSES[:10]), 8))
#
# maker = LineMaker(list(hands().values()), texts=Telephone())
# [text for _, text in maker(np.random.default_rng(1))]
# ```
#
# </details>
#
# **3.** How many steps does `BALLOON` need at least, and how wide must its strip be?
#
# <details><summary>Solution</summary>
#
# ```python
# steps_needed("BALLOON"), steps_needed("BALLOON") * STEP
# ```
# Seven characters, and one more between the two L and between the two O.
#
# </details>
#
# ## What the next notebook builds on
# We have lines with their texts, and a rule which of them can be learnt. [What makes a line network read?](17_line_training.ipynb) trains on them. First, [What is in an image file?](07_images.ipynb) goes on with single pages.
