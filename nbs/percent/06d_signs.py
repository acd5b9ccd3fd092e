# %% [markdown]
# # Signs beyond the alphabet
# > How do we draw `+ - = / . , ( ) %` in a hundred hands, when no data set of ours holds them?

# %% [markdown]
# A network that is to learn new signs needs examples of them. Your own come from [your pen](21_collect.ipynb). To try the teaching, to test it on hands that it has not
# seen, and to show it here, we need examples from many hands. A sign has few strokes, so we draw it from a formula. At the end of this
# notebook a function draws any number of glyphs of twelve signs, each [glyph](glossary.html#glyph) in the layout that a page's own ink
# gets.

# %%
#| default_exp writing.signs

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from customocr.errors import DataError
from customocr.glyphs import SIDE, normalise_glyph
from customocr.layout.sheet import LETTER
from customocr.writing.compose import Shape, rasterise
from customocr.writing.strokes import levelled, loosen, two_levels

# %%
#| code-fold: true
#| code-summary: "Imports for the examples"
from customocr.glyphs import is_normalised
from customocr.layout.sheet import analyse
from customocr.pictures import figure, hands, show, tiles
from customocr.writing.compose import lay_ink

# %%
#| code-fold: true
#| code-summary: "The picture: one sign in a row, another hand in each column"
#| label: fig-signs-first
#| fig-cap: "Where we are going: four signs, and another hand in each column. In some hands the rings of % are dots, and the star is a blot. A reader has to know them all the same."
#| fig-alt: "Four rows of small glyphs, white on black: plus, per cent, question mark and star by twenty-four hands."
from customocr.writing import signs as finished

first = finished.draw_signs("+%?*", each=24, seed=2)[0]
show(np.vstack([tiles(first[k : k + 24]) for k in range(0, len(first), 24)]), 1)

# %% [markdown]
# *Needs*: some seconds and no data.
#
# *Terms*: [glyph](glossary.html#glyph), [baseline](glossary.html#baseline), [slant](glossary.html#slant).
#
# ## A form with six knobs
# A sign is a list of strokes, and a stroke is a row of points. Units are cap heights: the [baseline](glossary.html#baseline) is at
# y = 0, a capital's top at y = -1. Each form has six knobs from 0 to 1. They decide what people do differently: how long a bar is, how
# deep a bracket, whether the dot is a dot or a short dash, whether `+` is written without lifting the pen.

# %%
#| export
Knobs = np.ndarray  # float (6,), 0..1: how a person writes a sign
Drawn = list[np.ndarray]  # strokes, float (n, 2) each, cap heights, baseline at y = 0, y down


def bar(
    start: tuple[float, float],
    end: tuple[float, float],
    bow: float = 0.0,  # how far its middle is off, as a share of its length
) -> np.ndarray:  # float (9, 2)
    "A straight or bowed stroke."
    a, b, t = np.array(start, float), np.array(end, float), np.linspace(0, 1, 9)[:, None]
    across = np.array([a[1] - b[1], b[0] - a[0]])
    return a + (b - a) * t + 4 * bow * t * (1 - t) * across


def ring(
    middle: tuple[float, float],
    size: tuple[float, float],  # width and height
    start: float = 0.0,  # turns, 0 is the top, clockwise
    sweep: float = 1.0,  # turns, negative runs the other way
) -> np.ndarray:  # float (18, 2)
    "A round stroke, closed or not."
    t = 2 * np.pi * np.linspace(start, start + sweep, 18)
    return np.array(middle) + np.stack([np.sin(t), -np.cos(t)], 1) * np.array(size) / 2


def dot(
    at: tuple[float, float],
    k: float,  # 0..1: a point, a short dash, a small filled ring
    turn: float,  # 0..1: direction of the dash
) -> np.ndarray:  # float (n, 2)
    "A dot as hands make it."
    if k < 0.55:
        return np.array([at], float)
    if k > 0.85:
        return ring(at, (0.06, 0.06), turn)
    reach = 0.08 * k * np.array([np.cos(np.pi * turn), np.sin(np.pi * turn)])
    return np.array([np.array(at) - reach / 2, np.array(at) + reach / 2])


# %% [markdown]
# ## The twelve forms

# %%
#| export
def _plus(k: Knobs) -> Drawn:
    w, h, y = 0.4 + 0.3 * k[0], 0.4 + 0.35 * k[1], -0.5 + 0.12 * k[2]
    x = w * (0.4 + 0.2 * k[3])
    across = bar((0, y), (w, y - 0.08 * (k[4] - 0.5)), 0.1 * (k[4] - 0.5))
    down = bar((x, y - h / 2), (x - 0.06 * (k[4] - 0.5), y + h / 2), 0.06 * (k[3] - 0.5))
    return [np.concatenate([down, across])] if k[5] < 0.08 else [across, down]


def _minus(k: Knobs) -> Drawn:
    y, w = -0.5 + 0.14 * k[0], 0.28 + 0.4 * k[1]
    return [bar((0, y), (w, y + 0.08 * (k[2] - 0.5)), 0.12 * (k[3] - 0.5))]


def _equals(k: Knobs) -> Drawn:
    w, gap, y = 0.36 + 0.34 * k[0], 0.2 + 0.16 * k[1], -0.45 + 0.1 * k[2]
    tilt, left = 0.1 * (k[3] - 0.5), 0.12 * (k[4] - 0.5)
    upper = bar((0, y - gap / 2), (w, y - gap / 2 + tilt), 0.08 * (k[4] - 0.5))
    end = left + w * (0.85 + 0.3 * k[2])
    lower = bar((left, y + gap / 2), (end, y + gap / 2 + tilt * k[0]), 0.08 * (k[3] - 0.5))
    return [upper, lower]


def _slash(k: Knobs) -> Drawn:
    top, foot = (0.22 + 0.4 * k[0], -1.1 + 0.2 * k[1]), (0, 0.2 * k[2])
    return [bar(top, foot, 0.1 * (k[3] - 0.5))]


def _stop(k: Knobs) -> Drawn:
    return [dot((0.05, -0.04), k[0], k[1])]


def _comma(k: Knobs) -> Drawn:
    tail = bar((0.1, -0.08), (0.08 * (k[0] - 0.3), 0.1 + 0.15 * k[1]), -0.3 * (k[2] - 0.15))
    head = ring((0.08, -0.06), (0.05, 0.05), k[3])
    return [np.concatenate([head, tail])] if k[5] < 0.3 else [tail]


def _bracket(k: Knobs, side: int) -> Drawn:
    t, deep = np.linspace(-1, 1, 17), 0.1 + 0.24 * k[0]
    top, foot = -1.2 + 0.25 * k[1], 0.25 * k[2]
    bow = deep * np.abs(t - 0.3 * (k[3] - 0.5)) ** (1.6 + 1.4 * k[4])
    return [np.stack([side * bow, (top + foot) / 2 + t * (foot - top) / 2], 1)]


def _percent(k: Knobs) -> Drawn:
    r, w = 0.2 + 0.14 * k[0], 0.5 + 0.3 * k[1]
    upper, lower = (0.1, -0.8 + 0.1 * k[2]), (w - 0.05, -0.18 + 0.08 * k[3])
    slash = bar((w - 0.02, -1.0), (0.02, 0.0), 0.05 * (k[4] - 0.5))
    if k[5] < 0.1:
        return [dot(upper, 0.3, 0), slash, dot(lower, 0.3, 0)]
    sweep = -(0.86 + 0.22 * k[4])
    first = ring(upper, (r, r * (0.9 + 0.4 * k[3])), 0.12 * k[2], sweep)
    last = ring(lower, (r * (0.85 + 0.3 * k[1]), r), 0.12 * k[3], sweep)
    joined = [np.concatenate([first, slash])]
    return [*(joined if k[5] < 0.3 else [first, slash]), last]


def _colon(k: Knobs) -> Drawn:
    across, up = 0.05 * (k[3] - 0.5), 0.36 + 0.3 * k[2]
    return [dot((0.05, -0.08), k[0], k[1]), dot((0.05 + across, -0.08 - up), k[0], k[4])]


def _question(k: Knobs) -> Drawn:
    w, neck = 0.36 + 0.2 * k[0], -0.62 + 0.1 * k[1]
    hook = ring((0.2, (neck - 1) / 2), (w, 1 + neck), -0.25 - 0.06 * k[2], 0.56 + 0.1 * k[3])
    tail = bar(tuple(hook[-1]), (0.2 + 0.08 * (k[4] - 0.5), -0.26), 0.2 * (k[2] - 0.3))
    return [np.concatenate([hook, tail]), dot((0.2, -0.04), k[5], k[1])]


def _star(k: Knobs) -> Drawn:
    r, middle = 0.2 + 0.12 * k[0], np.array([0.2, -0.65 + 0.15 * k[1]])
    turns = np.pi * (np.arange(3) / 3 + 0.15 * (k[2] - 0.5) + 0.5 * (k[5] < 0.5))
    ends = [r * np.array([np.cos(t), np.sin(t)]) for t in turns]
    return [bar(tuple(middle - e), tuple(middle + e), 0.06 * (k[3] - 0.5)) for e in ends]


FORMS: dict[str, Callable[[Knobs], Drawn]] = {
    **{"+": _plus, "-": _minus, "=": _equals, "/": _slash, ".": _stop, ",": _comma},
    **{"(": lambda k: _bracket(k, 1), ")": lambda k: _bracket(k, -1), "%": _percent},
    **{":": _colon, "?": _question, "*": _star},
}
SIGNS = "".join(FORMS)  # what can be drawn

# %% [markdown]
# ## A hand
# A hand is a pen, a [slant](glossary.html#slant), a width and six knobs for each sign. Each time it writes the sign, the knobs move a
# little, and each stroke gets a place and ends of its own ([`loosen`](05_writing.ipynb)).

# %%
#| export
PEN = (0.05, 0.16)  # cap heights, width of the line: hard pencil .. marker
SAME = 0.08  # spread of the knobs when one hand writes a sign again


@dataclass(frozen=True)
class SignHand:
    "How one person writes all signs."

    pen: float  # cap heights
    slant: float  # x per y, positive leans right
    wide: float  # 1 is usual
    loose: float  # 0 exact .. 2 in haste
    knobs: np.ndarray  # float (signs, 6), 0..1, in the order of SIGNS


def sign_hand(
    rng: np.random.Generator,  # the same state gives the same hand
) -> SignHand:
    "A random hand."
    low, high = PEN
    return SignHand(
        pen=float(low * (high / low) ** rng.random()),
        slant=float(rng.normal(0, 0.12)),
        wide=float(np.exp(rng.normal(0, 0.15))),
        loose=float(rng.uniform(0.2, 1.6)),
        knobs=rng.random((len(SIGNS), 6)),
    )


def sign_shape(
    sign: str,  # one of SIGNS
    hand: SignHand,
    rng: np.random.Generator,
) -> Shape:  # pen strokes in cap heights, baseline at y = 0, leftmost ink at x = 0
    "A sign as the hand writes it this time. Raises `DataError` for another sign."
    if sign not in FORMS:
        raise DataError(f"no form for {sign!r}; there are {SIGNS}")
    knobs = np.clip(hand.knobs[SIGNS.index(sign)] + rng.normal(0, SAME, 6), 0, 1)
    strokes = loosen(FORMS[sign](knobs), rng, 0.8 * hand.loose)
    size = np.clip(1 + 0.07 * hand.loose * rng.normal(size=2), 0.7, 1.4)
    shear, turn = -hand.slant + 0.04 * rng.normal(), 0.05 * hand.loose * rng.normal()
    matrix = np.array([[hand.wide * size[0], turn], [shear, size[1]]])
    strokes = [s @ matrix for s in strokes]
    left = min(float(s[:, 0].min()) for s in strokes)
    return Shape(tuple((s - (left, 0)).astype(np.float32) for s in strokes))


# %%
#| label: fig-signs-hands
#| fig-cap: "Twelve signs in eight hands. A row is a hand: its pen, its slant and its habits stay the same."
#| fig-alt: "Eight rows of the signs + - = / . , ( ) % : ? * in different thickness, slant and width."
def row_of(hand: SignHand, size: int = 44) -> np.ndarray:
    "uint8 (h, w): all signs in one hand, dark on white."
    out, rng = np.zeros((round(1.8 * size), len(SIGNS) * 62), np.uint8), np.random.default_rng(3)
    for k, sign in enumerate(SIGNS):
        points = [
            s * size + (62 * k + 12, 1.35 * size) for s in sign_shape(sign, hand, rng).strokes
        ]
        lay_ink(out, *rasterise(points, hand.pen * size))
    return 255 - out


some = [sign_hand(np.random.default_rng([6, k])) for k in range(8)]
show(np.vstack([row_of(hand) for hand in some]))

# %% [markdown]
# ## What a page does to a small sign
# A page's ink becomes a glyph in one way only ([How does a crop become a glyph?](08_glyphs.ipynb)): its longest side is brought to 20
# pixels. This holds for a dot too. So a full stop of 4 pixels fills the glyph's box as a soft disc, a minus is a thick bar, and a comma
# is as tall as a bracket. The glyph does not tell the size. The reader therefore looks at size and place on the line besides.
#
# We draw in the same way: at the size that a page has, 16 to 60 pixels for a capital, with a little blur, and then the same
# normalisation. The [segmentation](11b_sheet.ipynb) of a page with the same signs shows that both agree.

# %%
#| export
CAPITAL = (16.0, 60.0)  # pixels, cap height: a small scan .. a close photo


def sign_glyph(
    sign: str,  # one of SIGNS
    hand: SignHand,
    rng: np.random.Generator,
) -> np.ndarray:  # uint8 (28, 28), light on black, in the layout of `normalise_glyph`
    "A sign as it comes from a page: written, scanned, normalised."
    size = CAPITAL[0] * (CAPITAL[1] / CAPITAL[0]) ** rng.random()
    pen = max(1.2, hand.pen * size * float(np.clip(1 + 0.1 * rng.normal(), 0.7, 1.4)))
    ink = rasterise([s * size for s in sign_shape(sign, hand, rng).strokes], pen)[0]
    ink = cv2.copyMakeBorder(ink, 3, 3, 3, 3, cv2.BORDER_CONSTANT, value=0)
    seen = cv2.GaussianBlur(ink, (0, 0), rng.uniform(0.3, 0.9))
    seen = cv2.convertScaleAbs(seen, alpha=255 / max(1, int(seen.max())))
    seen = cv2.add(seen, rng.integers(0, 16, seen.shape, np.uint8))
    how, at = rng.random(2)
    sharp = how < 0.2 and pen > 2  # a fax would lose thinner lines
    seen = two_levels(seen, at) if sharp else levelled(seen, 0.2 + 0.8 * at)
    if size < LETTER:  # the reader enlarges a small page before it looks for ink
        grow = LETTER / size
        seen = cv2.resize(seen, None, fx=grow, fy=grow, interpolation=cv2.INTER_CUBIC)
    return normalise_glyph(seen)


def draw_signs(
    signs: str = SIGNS,  # which ones
    each: int = 20,  # glyphs of each sign
    seed: int = 0,  # the same seed gives the same hands and glyphs, another seed other hands
    hands: int | Sequence[SignHand] | None = None,  # how many, in turn; None: `each` of them
) -> tuple[np.ndarray, list[str], np.ndarray]:  # uint8 (N, 28, 28); N signs; int (N,), the hands
    "Glyphs of signs in many hands, sign by sign. Raises `DataError` for a sign without a form."
    if hands is None or isinstance(hands, int):
        count = each if hands is None else hands
        hands = [sign_hand(np.random.default_rng([seed, k])) for k in range(max(1, count))]
    rng, labels, writers = np.random.default_rng([seed, 1 << 20]), list[str](), list[int]()
    glyphs = np.zeros((len(signs) * each, SIDE, SIDE), np.uint8)
    for sign in signs:
        for k in range(each):
            glyphs[len(labels)] = sign_glyph(sign, hands[k % len(hands)], rng)
            labels.append(sign), writers.append(k % len(hands))
    return glyphs, labels, np.array(writers, int)


# %%
#| label: fig-signs-glyphs
#| fig-cap: "Glyphs of the twelve signs, each in another hand. Dot, comma and minus fill the box as all else does."
#| fig-alt: "Twelve rows of small white signs on black: plus, minus, equals, slash, dot, comma, brackets, per cent, colon, question mark, star."
glyphs, signs, writers = draw_signs(each=24, seed=1)
assert glyphs.shape == (288, 28, 28) and is_normalised(glyphs).mean() > 0.9
show(np.vstack([tiles(glyphs[k : k + 24]) for k in range(0, 288, 24)]), 1)


# %%
#| label: fig-signs-page
#| fig-cap: "Above a line of signs between letters, as a page has it. Below what the segmentation cuts from it, as glyphs. The bars of = and the parts of % are one piece each, and the dots of : are two."
#| fig-alt: "A line of handwritten letters with signs between them, and a row of small glyphs."
def sign_line(text: str, hand: SignHand, size: int = 48) -> np.ndarray:
    "uint8 (h, w): letters of a font and signs of a hand on one line, dark on white."
    out, rng, x = np.zeros((3 * size, 40 * size), np.uint8), np.random.default_rng(5), size
    for c in text:
        letters = hands()["patrick-hand"]
        shape = sign_shape(c, hand, rng) if c in SIGNS else letters.shape(c, rng)
        points = [s * size + (x, 2 * size) for s in shape.strokes]
        patch, left, top = rasterise(points, 0 if shape.filled else hand.pen * size, shape.filled)
        lay_ink(out, patch, left, top)
        x = left + patch.shape[1] + size // 3
    return 255 - out[:, : x + size]


line = sign_line("A+2-B=3/C.D,(E)4%F:7", some[3])
pieces = [p for found in analyse(line).lines for p in found.pieces]
cut = np.stack([normalise_glyph(p.ink) for p in pieces])
figure({"the line": line, f"its {len(cut)} pieces": 255 - tiles(cut)}, 1, 700)

# %% [markdown]
# ## Recap
# - A sign is a form with six knobs. A hand is a pen, a slant and the knobs' positions.
# - Every glyph is normalised in the one way. So dot, comma and minus are as large as letters, and only their place on the line tells
#   their size.
# - Another seed gives other hands. So examples to learn from and examples to test with come from different hands.
#
# ## Exercises
# **1.** Which signs would a reader of glyphs alone take for a digit or a letter?
#
# <details><summary>Solution</summary>
#
# ```python
# from customocr.recognition import Reader
#
# reader = Reader(lines=False)
# said = reader.classify(glyphs)
# for sign in SIGNS:
#     mine = said[[s == sign for s in signs]]
#     print(sign, reader.symbols[mine.mean(0).argmax()], mine.max(1).mean().round(2))
# ```
# A slash and brackets are taken for a 1 or an I, a comma and a dot for anything round or upright.
#
# </details>
#
# **2.** *Build a sign.* Write a form for `#` with four bars and six knobs, add it to a copy of `FORMS`, and draw it.
#
# <details><summary>Solution</summary>
#
# ```python
# def hash_form(k):
#     w, gap = 0.6 + 0.2 * k[0], 0.2 + 0.1 * k[1]
#     across = [bar((0, y), (w, y)) for y in (-0.5 - gap / 2, -0.5 + gap / 2)]
#     down = [bar((x, -0.95), (x - 0.1 * k[2], -0.05)) for x in (w / 2 - gap / 2, w / 2 + gap / 2)]
#     return across + down
#
# strokes = [s * 60 for s in hash_form(np.full(6, 0.5))]
# show(255 - rasterise(strokes, 5)[0])
# ```
#
# </details>
#
# **3.** How alike are two dots of different hands? Compare the glyphs' pixels with those of two plus signs.
#
# <details><summary>Solution</summary>
#
# ```python
# from itertools import combinations
#
# far = lambda sign: np.mean([
#     np.abs(a.astype(float) - b).mean()
#     for a, b in combinations([g for g, s in zip(glyphs, signs) if s == sign], 2)
# ])
# {sign: round(far(sign), 1) for sign in ".+"}
# ```
#
# </details>
#
# ## What the next notebook builds on
# The signs fill the sheets of [Your own examples](21_collect.ipynb). First, [What is in an image file?](07_images.ipynb) goes on with
# single pages.
