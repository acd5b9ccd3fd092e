# %% [markdown]
# # Writing
# > How does one pen stroke become a thousand different ones?

# %% [markdown]
# How does one pen stroke become a thousand different ones? At the end of this notebook you can turn the recorded movement of a pen into as many training glyphs as you like, with other pens, hands and scans.

# %%
#| default_exp writing.strokes

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from customocr.data import open_arrays
from customocr.errors import DataError
from customocr.glyphs import CLASSES, SIDE, normalise_glyph, normalise_glyphs

# %%
#| code-fold: true
#| code-summary: "Imports for the pictures"
import matplotlib.pyplot as plt

from customocr.data import load_samples
from customocr.pictures import figure, show

# %%
#| code-fold: true
#| code-summary: "The picture: thirty glyphs from one K"
#| fig-cap: "Where we are going: thirty glyphs, all drawn from the same six points. No two have the same pen, slant and scan."
#| fig-alt: "Thirty small drawings of one K: thin and thick pens, slanted, blurred, with jagged edges."
from customocr.writing import strokes as finished

lines_of_k = [[(120, 0), (90, 1000)], [(640, 20), (110, 560)], [(250, 480), (700, 980)]]
a_k = finished.Strokes(
    points=np.int16(sum(lines_of_k, [])),
    stroke_start=np.array([0, 2, 4, 6]),
    sample_start=np.array([0, 3]),
    labels=np.uint8([CLASSES.index("K")]),
    writer=np.array([0]),
)
thirty = finished.render_strokes(a_k, np.zeros(30, int), np.random.default_rng(8))
show(np.vstack([np.hstack(list(thirty[:15])), np.hstack(list(thirty[15:]))]), 1.8)

# %% [markdown]
# A network should know the K of a marker, of a hard pencil and of a bad fax. No collection has them all. So we draw glyphs ourselves, new ones in every epoch. The last function draws 96,000 of them within a minute.
#
# *Needs*: a few seconds, no data. A K of our own and the fonts' glyphs of the package take the place of UNIPEN's strokes and of MNIST.
#
# *Terms*: [glyph](glossary.html#glyph), [slant](glossary.html#slant), [augmentation](glossary.html#augmentation), [threshold](glossary.html#threshold).
#
# ## A character is a movement
# UNIPEN recorded where the pen was: points along strokes, no width and no paper. Our K has three strokes of two points each. The longer side of a character is 1,000 units. x runs to the right and y down.

# %%
#| fig-cap: "A K as a pen's movement: three strokes, numbered in the order in which they are written."
#| fig-alt: "Three coloured lines with dots at their ends form a K; the numbers 1 to 3 stand at their beginnings."
k = [
    np.int16(s) for s in ([(120, 0), (90, 1000)], [(640, 20), (110, 560)], [(250, 480), (700, 980)])
]
_, ax = plt.subplots(figsize=(2.2, 2.4), layout="constrained")
for number, stroke in enumerate(k, 1):
    ax.plot(*stroke.T, "o-", ms=4)
    ax.annotate(number, stroke[0] + (25, -20))
_ = ax.set(xlabel="x, units", ylabel="y, units", aspect="equal", ylim=(1060, -90))


# %% [markdown]
# Tens of thousands of characters are stored without gaps: all points in one array, and two arrays that say where a stroke and where a sample begins.

# %%
#| export
@dataclass(frozen=True)
class Strokes:
    """Isolated characters as pen movements.

    Sample i has the strokes `sample_start[i]` to `sample_start[i + 1] - 1`."""

    points: np.ndarray  # int16 (P, 2), x to the right, y down, longer side of a sample 0..1000
    stroke_start: np.ndarray  # uint32 (K + 1,), first point of each stroke
    sample_start: np.ndarray  # uint32 (N + 1,), first stroke of each sample
    labels: np.ndarray  # uint8 (N,), index into `CLASSES`
    writer: np.ndarray  # int (N,), index of the writer

    def __len__(self) -> int:
        return len(self.labels)

    def sample(
        self,
        i: int,  # index of the sample
    ) -> list[np.ndarray]:  # one int16 (n, 2) array a stroke
        "The pen strokes of one sample."
        bounds = self.stroke_start[self.sample_start[i] : self.sample_start[i + 1] + 1].tolist()
        return [self.points[a:b] for a, b in zip(bounds[:-1], bounds[1:])]


def load_strokes(
    path: str | Path,  # `unipen_strokes.npz`
) -> Strokes:
    "Read a stroke file; raises `DataError` where it is missing or its parts do not fit together."
    with open_arrays(path, ["points", "stroke_start", "sample_start", "y", "writer"]) as z:
        strokes = Strokes(
            z["points"], z["stroke_start"], z["sample_start"], z["y"], z["writer"].astype(int)
        )
    counts = (len(strokes.points), len(strokes.stroke_start) - 1, len(strokes.labels))
    starts = strokes.stroke_start, strokes.sample_start
    ends = (*(int(start[-1]) for start in starts), len(strokes.sample_start) - 1)
    if counts != ends:
        raise DataError(
            f"{path}: damaged, points, strokes and samples are {counts}, the index says {ends}; "
            "fetch it again"
        )
    return strokes


# %%
one_k = Strokes(
    points=np.concatenate(k),
    stroke_start=np.array([0, 2, 4, 6]),
    sample_start=np.array([0, 3]),
    labels=np.uint8([CLASSES.index("K")]),
    writer=np.array([0]),
)
assert all(np.array_equal(a, b) for a, b in zip(one_k.sample(0), k))
one_k.sample(0)

# %% [markdown]
# ## A pen draws it
# A drawing needs a width. Chance decides: from a fiftieth of the character's height (a hard pencil, a large letter) to a fifth (a marker, a small one). Chance decides on everything else too. Each glyph gets a row of numbers between 0 and 1, and each step uses its own places of that row. So the same row draws the same glyph again.
#
# The limits in these cells are our judgement, found by eye beside real scans. The [diary](diary.qmd) measures what all of them together bring.

# %%
#| export
CANVAS = 72  # pixels, longer side of a clean drawing: 2.5 glyphs, finer than any real pen
MARGIN = 14  # pixels round the drawing: the pen's width, the blur, a neighbour's ink
PEN_WIDTH = (0.02, 0.22)  # of the longer side: hard pencil, large letter .. marker, small letter
TURN = 0.25  # radians to either side, 14 degrees
SLANT = 0.35  # x per y, to either side
BENT_SHARE = 0.7  # characters that are bent
BEND = 0.05  # of the longer side: largest shift by each of a bend's waves
SQUARE_SHARE = 0.12  # characters stretched to a square, as a form reader fills its box
NEIGHBOUR_SHARE = 0.12  # characters with ink of a neighbour at the edge
ZERO, ONE, LETTER_I, LETTER_O = map(CLASSES.index, "01IO")
ROUND = (ZERO, LETTER_O)  # told apart by their width alone, which therefore changes little


def _ease(r: float, limits: tuple[float, float]) -> float:
    "A number of 0..1 as one between the limits, uniform in its logarithm."
    return limits[0] * (limits[1] / limits[0]) ** r


def _affine(
    r: np.ndarray,  # (6,), uniform 0..1: two for the turn, two for the slant, aspect, square
    width: float,  # of the character, any unit
    height: float,
    label: int,  # index into `CLASSES`, -1 where it is not known
) -> np.ndarray:  # float32 (2, 2), turns, slants and stretches column vectors
    "A random hand: turned, slanted, narrowed or widened, at times stretched to a square."
    angle, slant = (r[0] + r[1] - 1) * TURN, (r[2] + r[3] - 1) * SLANT
    aspect = float(np.exp((r[4] - 0.5) * (0.1 if label in ROUND else 0.5)))
    if label not in ROUND and r[5] < SQUARE_SHARE and width > 0.2 * height:  # a bar stays a bar
        aspect *= min(max(0.8 * height / max(width, 1e-6), 0.6), 2.2)
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c * aspect, -s + slant * c], [s * aspect, c + slant * s]], np.float32)


def _bent(
    points: np.ndarray,  # float (n, 2), longer side 1
    strength: float,  # 0..1
    phase: np.ndarray,  # (4,), 0..1
    turns: np.ndarray,  # (2,), 0..1: long waves .. short ones
) -> np.ndarray:  # float (n, 2)
    "Points moved by slow waves, differently at each place."
    (x, y), phase, turns = points.T, 6.28 * phase, 3 + 6 * turns
    shift = [
        np.sin(turns[0] * y + phase[0]) + np.sin(turns[1] * x + phase[1]),
        np.sin(turns[1] * x + phase[2]) + np.sin(turns[0] * y + phase[3]),
    ]
    return points + BEND * strength * np.stack(shift, 1)


# %%
#| fig-cap: "Points of the K bent by waves of growing strength, before the pen has a width."
#| fig-alt: "Five line drawings of a K with finely sampled strokes, straight on the left, with curved strokes on the right."
fine = [np.stack([np.linspace(a, b, 12) for a, b in zip(s[0], s[-1])], 1) / 1000 - 0.5 for s in k]
_, axes = plt.subplots(1, 5, figsize=(6, 1.6), layout="constrained")
for ax, strength in zip(axes, (0, 0.5, 1, 2, 3)):
    for stroke in fine:
        ax.plot(*_bent(stroke, strength, np.float32([0, 0.2, 0.6, 0.4]), np.float32([0.5, 0.8])).T)
    ax.set(title=f"strength {strength}", aspect="equal", ylim=(0.7, -0.7))
    ax.axis("off")

# %% [markdown]
# Chance takes strengths from 0 to 1. Beyond 1, a K becomes another sign.
#
# ## Habits of people
# Some habits change more than the shape of a line. Most people in the world write a 1 with a flag. Many zeros begin and end with a hook, because the pen is already on its way. An I can be a short bar with a dot.

# %%
#| export
FLAG_SHARE = 0.5  # bars of a 1 that get a flag
HOOK_SHARE = 0.35  # zeros that get hooks
DOT_SHARE = 0.2  # bars of an I that get a dot


def is_bar(
    strokes: Sequence[np.ndarray],  # (n, 2) points a stroke, any unit
) -> bool:
    "Whether a character is one upright stroke, as a 1 or an I often is."
    if len(strokes) != 1 or len(strokes[0]) < 2:
        return False
    low, high = strokes[0].min(0), strokes[0].max(0)
    width, height = float(high[0] - low[0]), float(high[1] - low[1])
    return width < 0.4 * height and float(np.ptp(strokes[0][[0, -1], 1])) > 0.8 * height


def flag_one(
    bar: np.ndarray,  # (n, 2) points of a 1 that is only a bar, any unit, y down
    length: float,  # 0..1: a tick .. a stroke that comes all the way up from the baseline
    angle: float,  # 0..1: steep .. flat
    bend: float,  # 0..1: bowed to one side .. to the other
) -> np.ndarray:  # float32 (n + 3, 2), the flag first: most write it without lifting the pen
    "The 1 of continental Europe and of those who learnt from it: an upstroke, then the bar."
    bar = np.asarray(bar, np.float32)
    bar = bar if bar[0, 1] < bar[-1, 1] else bar[::-1]
    top, height = bar[0], float(np.ptp(bar[:, 1]))
    turn = 0.35 + 0.7 * angle  # radians from the vertical
    reach = height * (0.15 + 0.8 * length)
    way = min(reach, 0.95 * height / max(np.cos(turn), 0.1))
    foot = top + np.array([-np.sin(turn), np.cos(turn)], np.float32) * way
    aside = np.array([np.cos(turn), np.sin(turn)], np.float32) * reach * 0.2 * (bend - 0.5)
    middle = (top + foot) / 2 + aside
    curve = lambda t: (1 - t) ** 2 * foot + 2 * t * (1 - t) * middle + t**2 * top
    flag = np.stack([curve(t) for t in (0.0, 0.35, 0.7)]).astype(np.float32)
    return np.concatenate([flag, bar])


def hook_zero(
    ring: np.ndarray,  # (n, 2) points of a zero written in one stroke, any unit, y down
    lead: float,  # 0..1: how far the pen comes from the left before the ring begins
    leave: float,  # 0..1: how far it goes on to the right after the ring is closed
    lift: float,  # 0..1: both hooks fall .. rise to the right
) -> np.ndarray:  # float32 (n + 2, 2); the ring as it was where it does not begin at its top
    "A zero in haste: the pen lands before it turns and leaves towards the next digit."
    ring = np.asarray(ring, np.float32)
    width, height = np.maximum(np.ptp(ring, 0), 1)
    if ring[0, 1] > ring[:, 1].min() + 0.35 * height:
        return ring
    rise = 0.25 * height * (0.5 - lift)
    first = ring[0] - np.array([0.05 * width + 0.45 * width * lead, rise], np.float32)
    last = ring[-1] + np.array([0.05 * width + 0.45 * width * leave, rise], np.float32)
    return np.concatenate([first[None], ring, last[None]])


# %% [markdown]
# `draw_strokes` puts habits, bend, slant and pen together:

# %%
#| export
def _with_habits(
    strokes: list[np.ndarray], label: int, chance: float, r: np.ndarray
) -> list[np.ndarray]:
    "Strokes as they are, or a 1 with its flag, or a zero with its hooks; r: two numbers of 0..1."
    if label == ONE and chance < FLAG_SHARE and is_bar(strokes):
        return [flag_one(strokes[0], (chance / FLAG_SHARE) ** 0.6, r[0], r[1])]
    if label == ZERO and chance < HOOK_SHARE and len(strokes) == 1:
        return [hook_zero(strokes[0], chance / HOOK_SHARE, r[0], r[1])]
    return strokes


def _dot_above(points: np.ndarray, side: float, r: np.ndarray) -> np.ndarray:
    "float32 (1, 2): where the dot of an I stands; `side`: longer side of the bar, r: two numbers."
    x = points[:, 0].mean() + 0.1 * (r[0] - 0.5)
    return np.array([[x, points[:, 1].min() - side * (0.2 + 0.15 * r[1])]], np.float32)


def _ink_of(
    pixels: np.ndarray,  # float (n, 2)
    lengths: list[int],  # points of each stroke
    size: tuple[int, int],  # width and height of the drawing, pixels
    pen: int,  # width of the pen, pixels
) -> np.ndarray:  # uint8 (h, w), white ink on black
    "Lines as a round pen draws them, without smoothing: the scanner will do that."
    ink = np.zeros(size[::-1], np.uint8)
    points = np.rint(pixels * 16).astype(np.int32)  # OpenCV's sixteenths of a pixel
    for stroke in np.split(points, np.cumsum(lengths)[:-1]):
        cv2.polylines(ink, [stroke], False, 255, pen, cv2.LINE_8, 4)
    return ink


def _add_neighbour(ink: np.ndarray, pen: int, r: np.ndarray) -> None:
    "Draw the rest of a neighbour's stroke at the left or right edge, in place; r: five numbers."
    h, w = ink.shape
    x = int(r[0] * 6) + pen // 2 if r[1] < 0.5 else w - 1 - int(r[0] * 6) - pen // 2
    y = int(r[2] * h)
    end = (x + int(r[3] * 10 - 5), y + int((r[4] - 0.5) * 0.5 * h))
    cv2.line(ink, (x, y), end, 255, pen)


def draw_strokes(
    strokes: list[np.ndarray],  # (n, 2) points a stroke, any unit
    r: np.ndarray,  # (24,), uniform 0..1: all that chance decides
    label: int = -1,  # index into `CLASSES`: a 0, 1 or I gets its habits; -1: none
) -> np.ndarray:  # uint8 (h, w), white ink on black, longer side about `CANVAS` + 2 `MARGIN`
    "Draw pen strokes with a pen of random width, the points slanted, turned, stretched and bent."
    strokes = _with_habits(strokes, label, r[14], r[16:18])
    lengths = [len(s) for s in strokes]
    points = np.concatenate(strokes).astype(np.float32)
    low, high = points.min(0), points.max(0)
    size = np.maximum(high - low, 1)
    points = (points - (low + high) / 2) / size.max()  # -0.5 .. 0.5 on the longer side
    if r[6] < BENT_SHARE:
        points = _bent(points, r[7], r[8:12], r[12:14])
    points = points @ _affine(r[:6], size[0], size[1], label).T
    bar = len(strokes) == 1 and size[0] < 0.4 * size[1]
    dotted = label == LETTER_I and r[14] < DOT_SHARE and bar
    if dotted:
        points[:, 1] *= 0.75
    low, high = points.min(0), points.max(0)
    side = max(float((high - low).max()), 1e-3)
    if dotted:
        top = _dot_above(points, side, r[16:18])
        points, low, lengths = np.concatenate([points, top]), np.minimum(low, top[0]), [*lengths, 1]
    scale, pen = CANVAS / side, max(1, round(CANVAS * _ease(r[15], PEN_WIDTH)))
    margin = MARGIN + pen // 2
    w, h = ((high - low) * scale).astype(int) + 2 * margin + 1
    ink = _ink_of((points - low) * scale + margin, lengths, (w, h), pen)
    if r[18] < NEIGHBOUR_SHARE:
        _add_neighbour(ink, pen, r[19:24])
    return ink


# %%
#| code-fold: true
#| code-summary: "Six Ks, four bars and two rings, drawn"
#| fig-cap: "Above: the K with six rows of chance. Below: a bar drawn as a 1, with and without a flag, and a ring with hooks."
#| fig-alt: "Twelve drawings in white on black: six Ks with thin and thick pens, bars with flags of several lengths, rings with hooks at their tops."
turn = np.linspace(-1.57, -7.85, 24)
ring = [np.stack([400 + 380 * np.cos(turn), 500 + 500 * np.sin(turn)], 1)]
bar = [np.int16([(60, 0), (0, 1000)])]
chances = np.random.default_rng(7).random((12, 24))
chances[6:, 14] = [0.9, 0.05, 0.2, 0.45, 0.1, 0.3]  # decides on the habit
characters = [(k, -1)] * 6 + [(bar, ONE)] * 4 + [(ring, ZERO)] * 2
drawn = [normalise_glyph(draw_strokes(s, r, label)) for (s, label), r in zip(characters, chances)]
show(np.vstack([np.hstack(drawn[:6]), np.hstack(drawn[6:])]), 3)

# %%
#| hide
assert np.ptp(flag_one(bar[0], 1, 0.5, 0.5)[:, 0]) > np.ptp(flag_one(bar[0], 0, 0.5, 0.5)[:, 0])
assert is_bar(bar) and not is_bar(k) and not is_bar(ring)
assert len({glyph.tobytes() for glyph in drawn}) == 12

# %% [markdown]
# ## A hand that nobody has
# These are many pens and only one hand: the lower arm always leaves the stem at the same place. A network reads writers it knows better than others, whatever their pens. So hands are what we lack.
#
# With strokes we can invent some. `loosen` moves, turns and bends each stroke by itself, rounds its corners, and lets it stop short or run on. `between` takes the mean of two people who write a character in the same strokes.

# %%
#| export
BOX = 1000  # units, the longer side of a sample in the stroke file
ALIKE = 0.13  # of the longer side: mean distance up to which two hands write a character alike


def along(
    stroke: np.ndarray,  # (n, 2) points, any unit
    at: np.ndarray,  # float (m,), places along it, 0..1
) -> np.ndarray:  # float64 (m, 2)
    "Points of a stroke at given shares of the pen's way."
    stroke = np.asarray(stroke, np.float64)
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    return np.stack([np.interp(at * way[-1], way, axis) for axis in stroke.T], 1)


def _loose_ends(
    stroke: np.ndarray,  # float (n, 2)
    way: float,  # its length in longer sides of the character
    rng: np.random.Generator,
    strength: float,
) -> np.ndarray:  # float64 (m, 2)
    "A stroke that stops short or runs on at either end, its corners rounded, each by chance."
    r, short = rng.random(7), np.abs(rng.normal(0, 0.035 * strength, 2))
    ends = short[0] * (r[0] < 0.25), 1 - short[1] * (r[1] < 0.25)
    stroke = along(stroke, np.linspace(*ends, min(max(int(way * 14), 6), 40)))
    if r[2] < 0.35:  # corners
        middle = (stroke[:-2] + stroke[2:]) / 2
        stroke[1:-1] += 0.5 * strength * r[3] * (middle - stroke[1:-1])
    if r[4] < 0.25:  # runs on
        last = stroke[-1:] + (stroke[-1:] - stroke[-2:-1]) * 1.2 * strength * r[5]
        stroke = np.concatenate([stroke, last])
    if r[6] < 0.15:  # begins early
        first = stroke[:1] + (stroke[:1] - stroke[1:2]) * 8 * strength * r[6]
        stroke = np.concatenate([first, stroke])
    return stroke


def _moved(
    stroke: np.ndarray,  # float (n, 2)
    size: float,  # longer side of the character
    n: np.ndarray,  # (5,), normal: turn, two stretches, two shifts
) -> np.ndarray:  # float64 (n, 2)
    "A stroke turned, stretched and moved by itself."
    turn, middle = 0.07 * n[0], stroke.mean(0)
    c, s = np.cos(turn), np.sin(turn)
    turned = (stroke - middle) * np.exp(0.07 * n[1:3]) @ np.array([[c, s], [-s, c]])
    return turned + middle + 0.03 * size * n[3:]


def loosen(
    strokes: list[np.ndarray],  # (n, 2) points a stroke, any unit
    rng: np.random.Generator,  # source of chance
    strength: float = 1.2,  # 0 leaves the shape as it is
) -> list[np.ndarray]:  # float64 (m, 2) points a stroke
    "Write a character less exactly: every stroke with ends, corners and a place of its own."
    size = max(float(np.ptp(np.concatenate(strokes), 0).max()), 1.0)
    loose = []
    for stroke in strokes:
        stroke = np.asarray(stroke, np.float64)
        way = float(np.hypot(*np.diff(stroke, axis=0).T).sum()) / size if len(stroke) > 2 else 0.0
        if way > 0.15:
            stroke = _loose_ends(stroke, way, rng, strength)
        if len(strokes) > 1 and rng.random() < 0.8:
            stroke = _moved(stroke, size, rng.normal(size=5) * strength)
        loose.append(stroke)
    return loose


def between(
    one: list[np.ndarray],  # (n, 2) points a stroke, any unit
    other: list[np.ndarray],  # the same character
    weight: float,  # 0..1: the one .. the other
) -> list[np.ndarray] | None:  # float64 (20, 2) points a stroke, longer side about `BOX`
    "A hand between two, their points averaged; None where the two write the character differently."
    laid = []
    for strokes in (one, other):
        points = np.stack([along(stroke, np.linspace(0, 1, 20)) for stroke in strokes])
        points /= max(float(np.ptp(points.reshape(-1, 2), 0).max()), 1e-6)
        laid.append(points - points.reshape(-1, 2).mean(0))
    if len(laid[0]) != len(laid[1]) or np.sqrt(((laid[0] - laid[1]) ** 2).sum(-1)).mean() > ALIKE:
        return None
    return list(((1 - weight) * laid[0] + weight * laid[1]) * BOX)


# %% [markdown]
# Here is a second K, narrow and with long arms. We go from the first to it in five steps and loosen each. The pen is the same for all:

# %%
#| fig-cap: "Above: from one hand to another in five steps. Below: the same six, each stroke a little off."
#| fig-alt: "Upper row: six Ks, from a wide one with short arms to a narrow one with long arms. Lower row: the same six, each with strokes that lie a little otherwise."
second = ([(60, 30), (100, 980)], [(520, -60), (90, 500)], [(180, 420), (560, 1040)])
narrow = [np.int16(stroke) for stroke in second]
steps = [between(k, narrow, weight) for weight in np.linspace(0, 1, 6)]
looser = [loosen(step, np.random.default_rng(seed)) for seed, step in enumerate(steps)]
still = np.full(24, 0.75)  # one pen, no slant
laid = [normalise_glyph(draw_strokes(character, still)) for character in steps + looser]
show(np.vstack([np.hstack(laid[:6]), np.hstack(laid[6:])]), 3)

# %%
assert between(k, k[::-1], 0.5) is None  # the stem last: these two do not write it alike


# %% [markdown]
# ## What happens on the way to us
# A clean drawing never reaches a reader. Ink runs dry, lenses blur, sensors add grain, JPEG adds ripples, and a program may keep black and white only. Each of these is a function. Their noise comes from a long strip that is drawn once, because drawing noise for each glyph would take longer than the glyph.

# %%
#| export
def noise_tape(
    rng: np.random.Generator,  # source of chance
) -> np.ndarray:  # int16 (1 << 16,), standard normal times 64
    "A long strip of noise, read from random places."
    return (rng.standard_normal(1 << 16) * 64).astype(np.int16)


def stray_dots(
    ink: np.ndarray,  # uint8 (h, w), white ink on black
    number: float,  # 0..1: one dot .. three
    where: float,  # 0..1: place on the strip that decides on places and sizes
    noise: np.ndarray,  # from `noise_tape`
) -> np.ndarray:  # uint8 (h, w)
    "Specks beside the character."
    ink, (h, w) = ink.copy(), ink.shape
    for k in range(1 + int(number * 3)):
        n = int(where * 60000) + 3 * k
        x, y = (int(v) % side for v, side in zip(noise[n : n + 2] * 7, (w, h)))
        cv2.circle(ink, (x, y), 1 + int(abs(int(noise[n + 2])) * 0.03), 255, -1)
    return ink


def fill_box(
    ink: np.ndarray,  # uint8 (h, w), white ink on black
    r: np.ndarray,  # (3,), 0..1: width and height of the box, threshold
) -> np.ndarray | None:  # uint8 (18..22, 13..18), two levels
    "The ink stretched to a small box, as form readers do it; None for a bar: it would be a block."
    ys, xs = np.flatnonzero(ink.max(1) > 64), np.flatnonzero(ink.max(0) > 64)
    if len(xs) <= 0.2 * len(ys):
        return None
    size = (13 + int(r[0] * 6), 18 + int(r[1] * 5))
    inside = ink[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
    small = cv2.resize(inside, size, interpolation=cv2.INTER_AREA)
    cut = int(small.max() * (0.3 + 0.3 * r[2]))
    return cv2.threshold(small, cut, 255, cv2.THRESH_BINARY)[1]


def run_dry(
    ink: np.ndarray,  # uint8 (h, w), white ink on black
    r: np.ndarray,  # (3,), 0..1: place on the strip, loss, unevenness
    noise: np.ndarray,  # from `noise_tape`
) -> np.ndarray:  # uint8 (h, w)
    "Ink that runs dry: slow noise lowers it in places."
    n, (h, w) = int(r[0] * 60000), ink.shape
    patch = noise[n : n + 36].reshape(6, 6).astype(np.float32)
    slow = cv2.resize(patch, (w, h), interpolation=cv2.INTER_LINEAR)
    left = np.minimum(np.maximum(1 - 0.5 * r[1] + slow * np.float32(0.006 * r[2]), 0.12), 1)
    return (ink * left).astype(np.uint8)


def shrink(
    ink: np.ndarray,  # uint8 (h, w)
    scale: float,  # below 1
    least: tuple[int, int] = (4, 4),  # pixels, smallest width and height
) -> np.ndarray:  # uint8 (h * scale, w * scale)
    "What a scanner with larger pixels sees: each is the mean of what it covers."
    h, w = ink.shape
    size = max(least[0], round(w * scale)), max(least[1], round(h * scale))
    return cv2.resize(ink, size, interpolation=cv2.INTER_AREA)


def add_grain(
    small: np.ndarray,  # uint8 (h, w)
    where: float,  # 0..1: place on the strip
    strength: float,  # 0..1
    noise: np.ndarray,  # from `noise_tape`
) -> np.ndarray:  # uint8 (h, w); as it was where the strip is too short for it
    "Grain of paper and sensor."
    n = int(where * 50000)
    if small.size >= 15000:
        return small
    grain = noise[n : n + small.size].reshape(small.shape) * (0.16 * strength)
    return np.minimum(np.maximum(small + grain, 0), 255).astype(np.uint8)


def as_jpeg(
    small: np.ndarray,  # uint8 (h, w)
    quality: int,  # 1..100
) -> np.ndarray:  # uint8 (h, w)
    "A picture after it was stored as JPEG."
    stored = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE))


def two_levels(
    small: np.ndarray,  # uint8 (h, w)
    at: float,  # 0..1: low threshold .. high one
) -> np.ndarray:  # uint8 (h, w), 0 and 255
    "A fax, a form filled on a screen, a drawing program."
    return cv2.threshold(small, int(small.max() * (0.25 + 0.4 * at)), 255, cv2.THRESH_BINARY)[1]


def levelled(
    small: np.ndarray,  # uint8 (h, w)
    at: float,  # 0..1: little .. much
) -> np.ndarray:  # uint8 (h, w)
    "What a page reader does: the paper's level taken away, the rest stretched to 0..255."
    cut = int(small.max() * (0.05 + 0.3 * at))
    factor = 255 / (255 - cut)
    return cv2.convertScaleAbs(np.maximum(small, cut), alpha=factor, beta=-factor * cut)


def cut_short(
    small: np.ndarray,  # uint8 (h, w)
    share: float,  # 0..1: nothing but the margin .. a tenth of the ink
    side: float,  # 0..1: left, right, top or bottom
) -> np.ndarray:  # uint8, smaller; as it was where there is hardly any ink
    "A box that cuts the character on one side."
    ys, xs = np.flatnonzero(small.max(1) > 80), np.flatnonzero(small.max(0) > 80)
    if len(xs) <= 6 or len(ys) <= 6:
        return small
    cut_x, cut_y = int(0.1 * share * len(xs)), int(0.1 * share * len(ys))
    return (
        small[:, xs[0] + cut_x :],
        small[:, : xs[-1] + 1 - cut_x],
        small[ys[0] + cut_y :],
        small[: ys[-1] + 1 - cut_y],
    )[int(side * 4)]


# %%
#| code-fold: true
#| code-summary: "Each damage by itself"
#| fig-cap: "One K and what can happen to it, at 26 pixels. Compare each with the clean one: which damage would make you misread it?"
#| fig-alt: "Nine small pictures of a K: clean, with dots, in a form's box, with faint ink, blurred, grainy, as JPEG, in two levels, with its left side cut off."
clean, tape = draw_strokes(k, np.full(24, 0.55)), noise_tape(np.random.default_rng(1))
small = shrink(clean, 26 / CANVAS)
damages = {
    "clean": small,
    "stray_dots": shrink(stray_dots(clean, 0.9, 0.3, tape), 26 / CANVAS),
    "fill_box": fill_box(clean, np.array([0.9, 0.5, 0.5])),
    "run_dry": shrink(run_dry(clean, np.array([0.1, 0.9, 1.0]), tape), 26 / CANVAS),
    "lens": cv2.GaussianBlur(small, (0, 0), 1.2),
    "add_grain": add_grain(small, 0.4, 1.0, tape),
    "as_jpeg": as_jpeg(small, 15),
    "two_levels": two_levels(small, 0.5),
    "cut_short": cut_short(small, 1.0, 0.0),
}
figure({name: cv2.resize(v, (84, 108), interpolation=0) for name, v in damages.items()}, 9, 800)

# %%
#| hide
assert set(np.unique(damages["two_levels"])) == {0, 255}
assert fill_box(draw_strokes(bar, np.full(24, 0.55)), np.zeros(3)) is None

# %% [markdown]
# `weather` lets chance choose among them, in the order in which they happen to a page. `scan_low` imitates the collections of the 1980s: a dozen pixels high, with many greys.

# %%
#| export
SCAN_SIDE = (10, 64)  # pixels, height of a character: small print at 100 dpi .. a close photo
LOW_SIDE = (12, 18)  # pixels, longer side of a low scan (USPS: 16)
DOTS_SHARE = 0.06  # glyphs with stray dots
FORM_SHARE = 0.1  # glyphs of a form reader
DRY_SHARE = 0.25  # glyphs whose ink runs dry
LENS_SHARE = 0.5  # glyphs that are blurred
FAINT_SHARE = 0.5  # glyphs that are fainter than black on white
GRAIN_SHARE = 0.4  # glyphs with grain
JPEG_SHARE = 0.12  # glyphs that were stored as JPEG
LEVELS = (0.25, 0.75)  # up to the first: two levels; up to the second: paper's level taken away
CUT_SHARE = 0.12  # glyphs that a box cuts short


def weather(
    ink: np.ndarray,  # uint8 (h, w), a clean drawing
    r: np.ndarray,  # (24,), uniform 0..1
    noise: np.ndarray,  # from `noise_tape`
) -> np.ndarray:  # uint8 (h, w) of a random size, as if cut from a scan, a photo or a screen
    "What pen, paper, lens, scanner and threshold do to a character on its way to a page crop."
    if r[19] < DOTS_SHARE:
        ink = stray_dots(ink, r[20], r[21], noise)
    elif r[19] > 1 - FORM_SHARE:
        boxed = fill_box(ink, r[20:23])
        if boxed is not None:
            return boxed
    if r[0] < DRY_SHARE:
        ink = run_dry(ink, r[1:4], noise)
    small = _scan(ink, r[4:9])
    if r[9] < GRAIN_SHARE:
        small = add_grain(small, r[10], r[11], noise)
    if r[12] < JPEG_SHARE and min(small.shape) >= 8:
        small = as_jpeg(small, 15 + int(r[13] * 60))
    if r[14] < LEVELS[0]:
        small = two_levels(small, r[15])
    elif r[14] < LEVELS[1]:
        small = levelled(small, r[15])
    return cut_short(small, r[17], r[18]) if r[16] < CUT_SHARE else small


def _scan(ink: np.ndarray, r: np.ndarray) -> np.ndarray:
    "Ink at a random size, at times blurred, brought to a random level; r: five numbers of 0..1."
    side = _ease(r[0], SCAN_SIDE)
    small = shrink(ink, side / CANVAS)
    if r[1] < LENS_SHARE:
        blur = (0.35 + 0.9 * r[2] ** 2) * (1 if side < 24 else side / 24)
        small = cv2.GaussianBlur(small, (0, 0), blur)
    level = 0.35 + 0.65 * r[3] if r[4] < FAINT_SHARE else 1.0
    return cv2.convertScaleAbs(small, alpha=255 * level / max(int(small.max()), 1))


def scan_low(
    ink: np.ndarray,  # uint8 (h, w), a clean drawing
    r: np.ndarray,  # (24,), uniform 0..1
    noise: np.ndarray,  # from `noise_tape`
) -> np.ndarray:  # uint8 (h, w), about `LOW_SIDE` pixels high
    "A scan with few pixels and many greys."
    small = shrink(ink, _ease(r[0], LOW_SIDE) / CANVAS, (3, 4))
    if r[1] < 0.5:
        small = cv2.GaussianBlur(small, (0, 0), 0.3 + 0.6 * r[2])
    small = cv2.convertScaleAbs(small, alpha=255 / max(1, int(small.max())) * (1 + 0.5 * r[3]))
    if r[4] < 0.3:
        n = int(r[5] * 50000)
        grain = noise[n : n + small.size].reshape(small.shape) * (0.1 * r[6])
        small = np.clip(small + grain, 0, 255).astype(np.uint8)
    return small


# %%
#| fig-cap: "The same clean K after `weather` (above) and after `scan_low` (below), eight times each. The lower row shows how few pixels are still a K."
#| fig-alt: "Sixteen small pictures of one K, enlarged: above sharp, blurred, grainy, faint or black and white ones of many sizes, below coarse grey ones."
fit = lambda image: cv2.resize(image, (90, 110), interpolation=cv2.INTER_NEAREST)
rows = np.random.default_rng(5).random((8, 24))
views = [[step(clean, row, tape) for row in rows] for step in (weather, scan_low)]
show(np.vstack([np.hstack([fit(view) for view in row]) for row in views]))

# %% [markdown]
# ## Glyphs that exist only as pixels
# MNIST, the A-Z letters and fonts have no strokes. But their pixels can be turned, slanted and bent. `vary_image` makes a picture of 72 pixels. For each of its pixels, it looks up the place in the glyph of 28 pixels that it comes from.

# %%
#| export
FIELDS = 64  # elastic fields drawn once, then scaled and shared out


def elastic_fields(
    rng: np.random.Generator,  # source of chance
    count: int = FIELDS,  # number of fields
) -> np.ndarray:  # float32 (count, 2, S, S), S = CANVAS + 2 MARGIN, deviation about 1
    """Smooth random displacements.

    After Simard et al., 2003, Best practices for convolutional neural networks."""
    fields = rng.normal(size=(count, 2, 5, 5)).astype(np.float32)
    side = CANVAS + 2 * MARGIN
    grow = lambda field: cv2.resize(field, (side, side), interpolation=cv2.INTER_CUBIC)
    big = [grow(field) for field in fields.reshape(-1, 5, 5)]
    return np.stack(big).reshape(count, 2, side, side)


def _looked_up(
    glyph: np.ndarray,  # uint8 (28, 28)
    back: np.ndarray,  # float32 (2, 2): from a step on the drawing to one on the glyph
    middle: tuple[float, float],  # of the glyph's ink
    size: tuple[int, int],  # width and height of the drawing
    field: np.ndarray | None,  # float32 (2, S, S), displacement in the glyph's pixels
) -> np.ndarray:  # uint8 (h, w)
    "Each pixel of the drawing from its place in the glyph, displaced by the field if there is one."
    w, h = size
    if field is None:
        centre = np.array([(w - 1) / 2, (h - 1) / 2], np.float32)
        matrix = np.column_stack([back, np.array(middle, np.float32) - back @ centre])
        return cv2.warpAffine(glyph, matrix, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    across = np.arange(w, dtype=np.float32) - np.float32((w - 1) / 2)
    down = (np.arange(h, dtype=np.float32) - np.float32((h - 1) / 2))[:, None]
    map_x = field[0] + (back[0, 0] * across + np.float32(middle[0])) + back[0, 1] * down
    map_y = field[1] + (back[1, 0] * across + np.float32(middle[1])) + back[1, 1] * down
    return cv2.remap(glyph, map_x, map_y, cv2.INTER_LINEAR)


def _other_pen(ink: np.ndarray, size: float, thicker: bool) -> np.ndarray:
    "Lines thicker or thinner by 1 to 3 pixels of the drawing; size: 0..1."
    kernel = np.ones((2 + int(size * 3),) * 2, np.uint8)
    ink = cv2.dilate(ink, kernel) if thicker else cv2.erode(ink, kernel)
    thinned_away = int(ink.max()) < 128
    return cv2.dilate(ink, np.ones((5, 5), np.uint8)) if thinned_away else ink


def vary_image(
    glyph: np.ndarray,  # uint8 (28, 28), white on black
    r: np.ndarray,  # (24,), uniform 0..1
    fields: np.ndarray,  # from `elastic_fields`
    label: int = -1,  # index into `CLASSES`; -1 where it is not known
) -> np.ndarray:  # uint8 (h, w), white on black, longer side about `CANVAS` + 2 `MARGIN`
    "Turn, slant, stretch and bend a glyph of pixels; its lines thinned or thickened at times."
    mask = glyph > 64
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(xs):
        return np.zeros((SIDE, SIDE), np.uint8)
    width, height = xs[-1] - xs[0] + 1, ys[-1] - ys[0] + 1
    back = np.linalg.inv(_affine(r[:6], width, height, label)).astype(np.float32)
    turned = np.abs(np.linalg.inv(back)) @ np.array([width, height])
    back *= float(turned.max()) / CANVAS
    middle = ((xs[0] + xs[-1]) / 2, (ys[0] + ys[-1]) / 2)
    inside = np.minimum(turned / turned.max() * CANVAS, CANVAS)
    wide, high = (inside + 2 * MARGIN).astype(int).tolist()
    field = None
    if r[6] < BENT_SHARE:
        field = fields[int(r[7] * len(fields))][:, :high, :wide] * np.float32(0.9 * r[8])
    ink = _looked_up(glyph, back, middle, (wide, high), field)
    return _other_pen(ink, r[10], r[11] < 0.55) if r[9] < 0.5 else ink


# %%
#| fig-cap: "A font's R as it is, and seven variations of its pixels. They vary less than drawn strokes do: the arm leaves the bowl at the same place in all."
#| fig-alt: "Eight glyphs of an R: the first even and upright, the others slanted, bent, thinner and thicker."
r_glyph = load_samples().only("R").images[5]
fields = elastic_fields(np.random.default_rng(2))
varied = [vary_image(r_glyph, row, fields) for row in np.random.default_rng(3).random((7, 24))]
show(np.hstack([r_glyph, *map(normalise_glyph, varied)]), 3)

# %% [markdown]
# ## A thousand of them
# Two functions put it all together, and [training](14_better_model.ipynb) calls nothing else. Both lay glyphs out with `normalise_glyph`, as every glyph cut from a page is. A quarter of the drawn glyphs are spared the weather, because good scans exist too. Three in ten of the pixel glyphs stay as they are.

# %%
#| export
RANDOMS = 49  # numbers of a glyph's row: 24 for its drawing, 24 for its weather, 1 for a low scan
CLEAN_SHARE = 0.25  # drawings that are spared the weather
SAME_SHARE = 0.3  # images that stay as they are: a collection's look tells that it is one
LOW_SHARE = 0.2  # glyphs scanned a dozen pixels high
LOOSE_SHARE = 0.5  # characters whose strokes are moved and bent one by one
BLEND_SHARE = 0.25  # characters drawn between two hands, where these two write them alike


def _scanned(
    clean: np.ndarray,  # uint8 (h, w), a clean drawing
    r: np.ndarray,  # (RANDOMS,), uniform 0..1
    noise: np.ndarray,  # from `noise_tape`
    same: float,  # share of the glyphs that never came here
    low: float,  # share that is scanned small
) -> np.ndarray:  # uint8 (28, 28)
    "A drawing after its way to the reader, laid out; the drawing itself where nothing is left."
    if r[48] < low:
        view = scan_low(clean, r[24:48], noise)
    elif r[47] >= same + CLEAN_SHARE * (1 - same):
        view = weather(clean, r[24:48], noise)
    else:
        view = clean
    glyph = normalise_glyph(view)
    return glyph if glyph.any() else normalise_glyph(clean)


def _blended(
    strokes: Strokes,
    sample: list[np.ndarray],  # strokes of one character
    partners: list[int],  # samples of the same class with as many strokes
    chance: np.ndarray,  # (3,), 0..1: whether, with whom, how far
) -> list[np.ndarray]:
    "One character in four between this hand and another, where both write it alike."
    if chance[0] >= BLEND_SHARE or min(map(len, sample)) < 2 or is_bar(sample):
        return sample
    other = strokes.sample(partners[int(chance[1] * len(partners))])
    if min(map(len, other)) < 2:
        return sample
    return between(sample, other, 0.15 + 0.35 * chance[2]) or sample


def render_strokes(
    strokes: Strokes,  # the samples
    indices: np.ndarray,  # int (N,), which of them, repeats allowed
    rng: np.random.Generator,  # the same state gives the same glyphs
    low: float = LOW_SHARE,  # share that is scanned small
    loose: bool = True,  # with hands of their own: between two that are drawn here, and less exact
) -> np.ndarray:  # uint8 (N, 28, 28), white on black, in the layout of `normalise_glyph`
    "Draw samples with a new hand, pen and scan each."
    indices = np.asarray(indices)
    r, noise = rng.random((len(indices), RANDOMS)), noise_tape(rng)
    counts = np.diff(strokes.sample_start.astype(int))
    alike: dict[tuple[int, int], list[int]] = {}  # samples of each class and number of strokes
    for i in indices.tolist() if loose else ():
        alike.setdefault((int(strokes.labels[i]), int(counts[i])), []).append(i)
    out = np.empty((len(indices), SIDE, SIDE), np.uint8)
    for k, i in enumerate(indices.tolist()):
        sample, label = strokes.sample(i), int(strokes.labels[i])
        if loose:
            sample = _blended(strokes, sample, alike[label, int(counts[i])], rng.random(3))
            if rng.random() < LOOSE_SHARE:
                sample = loosen(sample, rng)
        out[k] = _scanned(draw_strokes(sample, r[k, :24], label), r[k], noise, 0.0, low)
    return out


def render_images(
    glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
    rng: np.random.Generator,  # the same state gives the same glyphs
    labels: np.ndarray | None = None,  # int (N,), index into `CLASSES`; None = not known
    same: float = SAME_SHARE,  # share that stays as it is, apart from the layout
    low: float = LOW_SHARE,  # share of the others that is scanned small
) -> np.ndarray:  # uint8 (N, 28, 28), white on black, in the layout of `normalise_glyph`
    "Vary glyphs that exist only as pixels and give each a new scan."
    r, noise, fields = rng.random((len(glyphs), RANDOMS)), noise_tape(rng), elastic_fields(rng)
    out = normalise_glyphs(glyphs)
    for k in np.flatnonzero(r[:, 47] >= same).tolist():
        label = -1 if labels is None else int(labels[k])
        varied = vary_image(glyphs[k], r[k, :24], fields, label)
        made = _scanned(varied, r[k], noise, same, low)
        out[k] = made if made.any() else normalise_glyph(glyphs[k])
    return out


# %%
#| fig-cap: "Sixty glyphs from six points of one K. All are Ks, and none is like another. Some are hard to read even for us, as on real pages."
#| fig-alt: "Sixty small drawings of one K: thin and thick pens, slanted, blurred, with jagged edges, some with dots beside them."
sixty = render_strokes(one_k, np.zeros(60, int), np.random.default_rng(3))
show(sixty.reshape(4, 15, SIDE, SIDE).transpose(0, 2, 1, 3).reshape(4 * SIDE, 15 * SIDE), 1.9)

# %%
again = render_strokes(one_k, np.zeros(60, int), np.random.default_rng(3))
assert np.array_equal(sixty, again) and len(np.unique(sixty.reshape(60, -1), axis=0)) == 60
assert (normalise_glyphs(sixty) == sixty).all((1, 2)).mean() > 0.8  # laid out as pages' glyphs are

# %% [markdown]
# Does that help? The rung "drawn anew" of [the ladder](diary.qmd) is half a point better on writers it never saw, and two points on 5 and S.
#
# ## Recap
# - A stroke has no width and no paper. So one recording can be drawn with any pen.
# - Hands are rarer than pens. Loosened and averaged strokes give new ones.
# - Whatever is drawn gets the one layout of all glyphs.
#
# ## Exercises
# **1.** Draw the K with a marker only. Which of the two dozen numbers that `draw_strokes` takes decides on the pen?
#
# <details><summary>Solution</summary>
#
# ```python
# r = np.random.default_rng(2).random((10, 24))
# r[:, 15] = 0.95
# show(np.hstack([normalise_glyph(draw_strokes(k, row)) for row in r]), 2)
# ```
# Number 15: `draw_strokes` takes the width from it, from a fiftieth to a fifth of the character's height.
#
# </details>
#
# **2.** At which height does a K stop being one? Scan the clean K at 4 to 16 pixels and look.
#
# <details><summary>Solution</summary>
#
# ```python
# views = [shrink(clean, height / CANVAS) for height in (4, 6, 8, 12, 16)]
# show(np.hstack([cv2.resize(view, (90, 120), interpolation=cv2.INTER_NEAREST) for view in views]))
# ```
# At 6 pixels the arms and the stem share pixels. The limits of the [model card](model_card.qmd) say about 8.
#
# </details>
#
# **3.** *Build a habit of your own*: a 7 with a bar through its stem. Where in `draw_strokes` does it belong?
#
# <details><summary>Solution</summary>
#
# ```python
# def cross_seven(stroke, height):
#     middle = along(stroke, np.array([0.7]))[0]
#     return [stroke, np.float32([middle - (0.25 * height, 0), middle + (0.25 * height, 0)])]
#
# seven = np.int16([(0, 0), (600, 0), (200, 1000)])
# show(normalise_glyph(draw_strokes(cross_seven(seven, 1000), np.full(24, 0.6))), 4)
# ```
# In `_with_habits`, before the points are turned and bent: then the bar leans with its 7.
#
# </details>
#
# ## What the next notebook builds on
# We can draw any character that somebody has written once. [Composed pages](06_composing.ipynb) sets such characters in lines. [A better model](14_better_model.ipynb) trains on what `render_strokes` and `render_images` draw.
