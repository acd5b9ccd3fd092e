# %% [markdown]
# # Composed pages
# > Write the text yourself, and you know where every letter is.

# %% [markdown]
# How good are the boxes that a segmentation finds? To know it, we need pages on which the true box of every letter is known. At the end of this notebook you can write such pages, as many as you like, with your own text.

# %%
#| default_exp writing.compose

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from customocr.errors import DataError
from customocr.glyphs import CLASSES
from customocr.writing.strokes import Strokes, flag_one, hook_zero, is_bar, load_strokes

# %%
#| code-fold: true
#| code-summary: "Imports for the examples"
import pandas as pd

from customocr import samples
from customocr.pictures import figure, show, write

# %%
#| code-fold: true
#| code-summary: "The picture: a line, its boxes, its pixels"
#| fig-cap: "A line we wrote. Above its boxes. Below, in a colour for each character, who owns each pixel: also where letters touch, the border between them is known."
#| fig-alt: "FIRST LINE 42 in handwriting with an orange box around each character; below, the same line with each character in its own colour."
line = write(["FIRST LINE 42"], height=48)
hue = [[[25 * i % 180, 200, 200] for i in range(len(line.characters))]]
colours = cv2.cvtColor(np.uint8(hue), cv2.COLOR_HSV2BGR)[0]
owners = np.full((*line.labels.shape, 3), 255, np.uint8)
owners[line.labels >= 0] = colours[line.labels[line.labels >= 0]]
show(np.vstack([line.draw(), owners]))

# %%
#| hide
ys, xs = np.nonzero(line.labels == 0)
x, y, w, h = line.all_boxes[0]
assert (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1) == (x, y, w, h)


# %% [markdown]
# Nobody has drawn the box of each letter on real photos, and nobody will do it for ten thousand pages. So we go the other way. We *write* the text, in one hand, and keep the box and the ink of each character as we put it there.
#
# *Needs*: ten seconds and no data. Fonts write here. With UNIPEN's strokes, people do.
#
# *Terms*: [bounding box](glossary.html#bounding-box), [baseline](glossary.html#baseline), [slant](glossary.html#slant), [precision](glossary.html#precision), [recall](glossary.html#recall).
#
# ## A hand
# A `Hand` is asked for a character and answers with its shape. The unit is the height of capitals, the *cap height*. The baseline lies at y = 0, the top of a capital at y = -1. A shape is a list of pen strokes, or of closed outlines to fill.

# %%
#| export
@dataclass(frozen=True)
class Shape:
    "One character as drawn by a hand: baseline y=0, cap height 1, y down, leftmost ink at x=0."

    strokes: tuple[np.ndarray, ...]  # float32 (n, 2): pen strokes, or outlines when `filled`
    filled: bool = False  # closed outlines to fill (fonts), or strokes to draw with a pen
    weight: float = 0.0  # natural stroke width in cap heights, 0 for pen strokes


class Hand:
    "Draws characters, each time a little differently."

    name: str = "hand"
    weight: float = 0.1  # natural stroke width in cap heights

    def shape(
        self,
        character: str,  # one of the 36 classes
        rng: np.random.Generator,  # picks the sample
    ) -> Shape:  # the character's strokes or outlines
        "A fresh drawing of one character."
        raise NotImplementedError


# %% [markdown]
# ### From shape to pixels
# A shape has no pixels yet. Size, slant, wobble, a sloping line and the tilt of the sheet all move *points*. Only the last step, `rasterise`, makes pixels. So a letter 9 pixels high is drawn at 9 pixels and not shrunk from a larger picture, and its box is exact at any size.

# %%
#| export
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates: 1/16 pixel


def _filled(
    outlines: Sequence[np.ndarray],  # float (n, 2), pixels
    fixed: Sequence[np.ndarray],  # int32 (n, 2), the same in sixteenths on the canvas
    shape: tuple[int, ...],  # of the canvas
) -> np.ndarray:  # uint8 (h, w), 0 or 255
    "Outlines filled by non-zero winding, as fonts mean it: where two overlap, both stay full."
    winding = np.zeros(shape, np.int8)
    for outline, points in zip(outlines, fixed):
        first, last, following = outline[:-1], outline[-1], outline[1:]
        area = float(np.sum(first[:, 0] * following[:, 1] - following[:, 0] * first[:, 1]))
        turn = np.sign(area + float(last[0] * outline[0, 1] - outline[0, 0] * last[1]))
        layer = np.zeros(shape, np.uint8)
        cv2.fillPoly(layer, [points], 1, cv2.LINE_8, SHIFT)
        winding += (layer * turn).astype(np.int8)
    return np.where(winding != 0, np.uint8(255), np.uint8(0))


def _stroked(canvas: np.ndarray, fixed: Sequence[np.ndarray], thick: int, kind: int) -> None:
    "Draw lines, and single points as dots, in place."
    for points in fixed:
        if len(points) == 1:
            centre = (int(points[0, 0]), int(points[0, 1]))
            cv2.circle(canvas, centre, max(1, thick * 2 ** (SHIFT - 1)), 255, -1, kind, SHIFT)
        else:
            cv2.polylines(canvas, [points], False, 255, thick, kind, SHIFT)


def rasterise(
    strokes: Sequence[np.ndarray],  # float32 (n, 2) in pixels; pixel i covers i..i+1
    pen_width: float,  # in pixels; for outlines the wanted stroke width, 0: as it is
    filled: bool = False,  # closed outlines to fill, or pen strokes
    weight: float = 0.0,  # stroke width that the outlines have by themselves, in pixels
) -> tuple[np.ndarray, int, int]:  # uint8 (h, w) coverage 0-255, x and y of its upper left pixel
    "Draw strokes or outlines as antialiased ink."
    widest = max(pen_width, weight)
    factor = 4 if widest < 5 else 2 if widest < 16 else 1  # drawn larger, then averaged
    kind = cv2.LINE_AA if factor == 1 else cv2.LINE_8
    points, pad = np.concatenate(strokes), pen_width / 2 + 1
    lo, hi = np.floor(points.min(0) - pad).astype(int), np.ceil(points.max(0) + pad).astype(int)
    w, h = (hi - lo).tolist()
    canvas = np.zeros((h * factor, w * factor), np.uint8)
    unit = factor * 2**SHIFT
    fixed = [np.rint((s - lo) * unit - 2 ** (SHIFT - 1)).astype(np.int32) for s in strokes]
    if filled:
        canvas = _filled(strokes, fixed, canvas.shape)
        change = (pen_width - weight) * factor if pen_width and weight else 0
        if abs(change) >= 1:
            ink, thick = 255 if change > 0 else 0, max(1, round(abs(change)))
            cv2.polylines(canvas, fixed, True, ink, thick, kind, SHIFT)
    else:
        _stroked(canvas, fixed, max(1, round(pen_width * factor)), kind)
    if factor > 1:
        canvas = cv2.resize(canvas, (w, h), interpolation=cv2.INTER_AREA)
    return canvas, int(lo[0]), int(lo[1])


# %% [markdown]
# ### A font's hand
# The package brings five handwriting fonts (Open Font License, listed in `customocr/samples`). Their outlines are curves. We take short straight pieces for them, so that every letter can be bent later.

# %%
#| export
def _flattening_pen(glyphs: Any) -> Any:
    "A pen of fontTools that notes a glyph's outlines as points, curves as six pieces."
    from fontTools.pens.basePen import BasePen

    steps = np.linspace(0, 1, 7)[1:, None]

    class Flatten(BasePen):
        def __init__(self, glyphs):
            super().__init__(glyphs)
            self.contours = []

        def _moveTo(self, p):
            self.contours.append([np.array([p], float)])

        def _lineTo(self, p):  # long edges in pieces, so that they bend too
            a = self.contours[-1][-1][-1]
            n = max(1, int(np.hypot(p[0] - a[0], p[1] - a[1]) // 60))
            self.contours[-1].append(a + (np.array(p) - a) * np.linspace(0, 1, n + 1)[1:, None])

        def _curveToOne(self, b, c, d):
            a, b, c, d = self.contours[-1][-1][-1], *map(np.array, (b, c, d))
            t, s = steps, 1 - steps
            self.contours[-1].append(s**3 * a + 3 * s**2 * t * b + 3 * s * t**2 * c + t**3 * d)

        def _closePath(self):
            pass

        _endPath = _closePath

    return Flatten(glyphs)


def _stroke_width(outlines: Sequence[np.ndarray]) -> float:
    "Mean stroke width of filled outlines: area over half the perimeter."
    patch, _, _ = rasterise([c * 200 for c in outlines], 0, True)
    length = sum(float(np.hypot(*np.diff(np.vstack([c, c[:1]]), axis=0).T).sum()) for c in outlines)
    return 2 * float(patch.sum()) / 255 / 200**2 / max(length, 1e-6)


class FontHand(Hand):
    "A handwriting font; `compose_line` bends every letter a little, so no two are alike."

    def __init__(
        self,
        path: str | Path,  # of a .ttf, .otf, .woff or .woff2 file
        name: str | None = None,  # for display; None: the file's name
    ):
        "Raises `DataError` where the file is no font or lacks one of the 36 classes."
        from fontTools.ttLib import TTFont  # lazily: only whoever draws with fonts needs fontTools

        try:
            font = TTFont(str(path), fontNumber=0)
        except Exception as e:  # fontTools raises many kinds
            raise DataError(f"{path}: cannot be read as a font ({e})") from e
        self.name, self._glyphs = name or Path(path).stem, font.getGlyphSet()
        self._map: dict[int, str] = font.getBestCmap()
        self._cache: dict[str, Any] = {}
        missing = [c for c in CLASSES if ord(c) not in self._map]
        if missing:
            raise DataError(f"{path}: the font has no glyph for {''.join(missing)}")
        outlines = self._outlines("H")
        self._unit = max(float(np.concatenate(outlines)[:, 1].max()), 1.0)
        self.weight = float(np.median([_stroke_width(self.shape(c).strokes) for c in "EHLTN"]))

    def _outlines(self, character: str) -> list[np.ndarray]:
        "float32 (n, 2) arrays in the font's own units, y up."
        pen = _flattening_pen(self._glyphs)
        self._glyphs[self._map[ord(character)]].draw(pen)
        outlines = [np.concatenate(c).astype(np.float32) for c in pen.contours]
        outlines = [c for c in outlines if len(c) > 2]
        if not outlines:
            raise DataError(f"{self.name}: the font's {character!r} is empty")
        return outlines

    def shape(self, character: str, rng: np.random.Generator | None = None) -> Shape:
        "The font's glyph for the character."
        if character not in self._cache:
            unit = np.float32(self._unit)
            outlines = [c * np.array([1, -1], np.float32) / unit for c in self._outlines(character)]
            left = min(float(c[:, 0].min()) for c in outlines)
            self._cache[character] = tuple(c - np.array([left, 0], np.float32) for c in outlines)
        return Shape(self._cache[character], True, self.weight)


# %% [markdown]
# An R has two outlines, the letter and its eye. We draw it at four sizes:

# %%
#| fig-cap: "One R drawn at 120, 40, 20 and 9 pixels, enlarged to one height. The eye of the R is still there at 9 pixels, because each size is drawn from the outline."
#| fig-alt: "Four pictures of a handwritten R, from smooth on the left to a few grey squares on the right."
hands = {name: FontHand(path) for name, path in samples.fonts().items()}
hand = hands["architects-daughter"]
r = hand.shape("R")
drawn = [
    rasterise([s * height for s in r.strokes], 0, filled=True)[0] for height in (120, 40, 20, 9)
]
level = [cv2.resize(255 - ink, (110, 130), interpolation=cv2.INTER_NEAREST) for ink in drawn]
show(np.hstack(level))

# %%
assert abs(drawn[0].shape[0] - 122) < 12 and drawn[3].shape[0] < 14
len(r.strokes), [outline.shape for outline in r.strokes], round(r.weight, 3)


# %% [markdown]
# ### A person's hand
# A font is too even: the same letter has always the same shape. `UnipenHand` takes the pen strokes of one writer of UNIPEN and picks one of that writer's samples each time. Hardly anybody wrote all 36 characters. A missing one is borrowed from the writer whose letters lean most alike, from the same side of the split.

# %%
#| export
def writer_slants(
    strokes: Strokes,  # all samples
) -> np.ndarray:  # float64 (highest writer + 1,), x per y: 0 upright, negative leans right
    "Mean slant of each writer's ink, from its second moments."
    first = strokes.stroke_start[strokes.sample_start].astype(np.int64)
    counts = np.maximum(np.diff(first), 1)
    x, y = strokes.points.T.astype(np.float64)
    mean = lambda v: np.add.reduceat(v, first[:-1]) / counts
    mx, my = mean(x), mean(y)
    sums = np.zeros((int(strokes.writer.max()) + 1, 2))
    np.add.at(sums, strokes.writer, np.stack([mean(x * y) - mx * my, mean(y * y) - my * my], 1))
    return sums[:, 0] / np.maximum(sums[:, 1], 1)


class UnipenHand(Hand):
    "One UNIPEN writer; classes that the writer lacks come from the writer with the nearest slant."

    weight = 0.09

    def __init__(
        self,
        strokes: Strokes | str | Path,  # from `load_strokes`, or the path of unipen_strokes.npz
        writer: int,  # whose samples
        borrow_from: Iterable[int] | None = None,  # writers of the same split; None: all
        slants: np.ndarray | None = None,  # of `writer_slants`; None: worked out when needed
    ):
        "Raises `DataError` where there is no sample by this writer."
        self.strokes = s = strokes if isinstance(strokes, Strokes) else load_strokes(strokes)
        self.writer, self.name = int(writer), f"unipen writer {writer}"
        mine = np.flatnonzero(s.writer == writer)
        if not len(mine):
            last = int(s.writer.max())
            raise DataError(f"no samples by writer {writer}; there are writers 0 to {last}")
        self.samples = {c: mine[s.labels[mine] == k] for k, c in enumerate(CLASSES)}
        missing = [c for c, found in self.samples.items() if not len(found)]
        if missing:
            slants = writer_slants(s) if slants is None else slants
            lenders = range(len(slants)) if borrow_from is None else list(borrow_from)
            self._borrow(missing, np.isin(s.writer, np.asarray(lenders)), slants)

    def _borrow(self, missing: list[str], allowed: np.ndarray, slants: np.ndarray) -> None:
        "Fill classes from the allowed sample whose writer's slant is nearest."
        s = self.strokes
        for c in missing:
            pool = np.flatnonzero(allowed & (s.labels == CLASSES.index(c)))
            if len(pool):
                far = np.abs(slants[s.writer[pool]] - slants[self.writer])
                self.samples[c] = pool[far == far.min()]

    def shape(self, character: str, rng: np.random.Generator) -> Shape:
        "A random sample of the character by this writer, at cap height unless absurdly wide then."
        found = self.samples.get(character, ())
        if not len(found):
            raise DataError(
                f"{self.name} has no sample of {character!r}, nor has any writer it may borrow from"
            )
        strokes = self.strokes.sample(int(rng.choice(found)))
        points = np.concatenate(strokes)
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        scale = min(1 / max(y1 - y0, 250), 1.6 / max(x1 - x0, 1))
        return Shape(tuple((s - (x0, y1)) * np.float32(scale) for s in strokes))


def unipen_hands(
    strokes: Strokes | str | Path,  # as for `UnipenHand`
    writers: Iterable[int],  # of one split; they lend one another what they lack
) -> list[UnipenHand]:  # one a writer
    "The hands of a split's writers."
    strokes = strokes if isinstance(strokes, Strokes) else load_strokes(strokes)
    writers, slants = list(writers), writer_slants(strokes)
    return [UnipenHand(strokes, w, writers, slants) for w in writers]


# %% [markdown]
# UNIPEN's strokes may not be shown here. So three writers of our own show it, with one bar each. The first two wrote an I, one upright and one slanted. The third wrote only a slanted 1. Whose I does the third borrow?

# %%
#| code-fold: true
#| code-summary: "Three writers with a bar each"
bars = [[(0, 0), (0, 1000)], [(300, 0), (0, 1000)], [(280, 0), (0, 1000)]]
three = Strokes(
    points=np.int16(sum(bars, [])),
    stroke_start=np.array([0, 2, 4, 6]),
    sample_start=np.array([0, 1, 2, 3]),
    labels=np.uint8([CLASSES.index(c) for c in "II1"]),
    writer=np.array([0, 1, 2]),
)
third = UnipenHand(three, 2)
assert third.samples["I"].tolist() == [1]  # the slanted writer's
writer_slants(three).round(2), third.samples["I"]

# %% [markdown]
# The first array is the slant of each writer (x for each y). The third borrows from the second, number 1.
#
# ### Marks
# Real lines hold dashes, commas and dots. The reader does not read them. They must be on our pages too, as ink that is no text. A mark is a few points, each a little off.

# %%
#| export
MARKS = "-.,:;'/!+()_"  # can be written but are not among the 36 classes: they get no box
DASH = (0.25, 0.5)  # cap heights, length of a dash
MARK_STROKES = {  # cap heights
    "_": [[(0, 0.05), (0.6, 0.06)]],
    ".": [[(0.03, -0.03), (0.05, -0.03 + 0.02)]],
    ",": [[(0.1, -0.08), (0.1, 0.03), (0.02, 0.18)]],
    ":": [[(0.03, -0.1), (0.05, -0.1 + 0.02)], [(0.03, -0.6), (0.05, -0.6 + 0.02)]],
    ";": [[(0.03, -0.6), (0.05, -0.6 + 0.02)], [(0.1, -0.08), (0.02, 0.15)]],
    "'": [[(0.06, -1.0), (0.02, -0.75)]],
    "/": [[(0.5, -1.05), (0.25, -0.5), (0, 0.1)]],
    "!": [[(0.05, -1.0), (0.05, -0.35)], [(0.03, -0.03), (0.05, -0.03 + 0.02)]],
    "+": [[(0, -0.4), (0.5, -0.4)], [(0.25, -0.65), (0.25, -0.15)]],
}


def _bracket(mark: str) -> np.ndarray:
    "float32 (7, 2): an arc, opening to the left or to the right."
    t = np.linspace(-0.9, 0.9, 7, dtype=np.float32)
    bow = 0.25 * np.cos(t)
    return np.stack([(0.25 - bow) if mark == "(" else bow, 0.7 * t - 0.45], 1)


def mark_shape(
    mark: str,  # one of MARKS
    rng: np.random.Generator,
) -> Shape:  # pen strokes in cap heights
    "A punctuation mark as a pen draws it; raises `DataError` for another sign."
    if mark in tuple("()"):
        strokes = [_bracket(mark)]
    elif mark in MARK_STROKES or mark == "-":
        dash = lambda: [[(0, -0.45), (0.15, -0.46), (rng.uniform(*DASH), -0.45)]]
        shaken = lambda at: rng.normal(0, 0.02, (len(at), 2)).astype(np.float32)
        lines = MARK_STROKES.get(mark) or dash()
        strokes = [np.array(line, np.float32) + shaken(line) for line in lines]
    else:
        raise DataError(f"cannot write {mark!r}; a line may hold 0-9, A-Z, blanks and {MARKS}")
    left = min(float(s[:, 0].min()) for s in strokes)
    return Shape(tuple(s - np.array([left, 0], np.float32) for s in strokes))


# %%
#| code-fold: true
#| code-summary: "The twelve marks, drawn"
#| fig-cap: "The twelve marks, in the order of `MARKS`. Several look like a part of a letter."
#| fig-alt: "A dash, a dot, a comma, a colon, a semicolon, an apostrophe, a slash, an exclamation mark, a plus, two brackets and an underscore, each in its cell."
cells = []
for mark in MARKS:
    cell = np.full((76, 56), 255, np.uint8)
    shape = mark_shape(mark, np.random.default_rng(1))
    ink, x, y = rasterise([s * 44 + np.float32([12, 56]) for s in shape.strokes], 3)
    cell[y : y + ink.shape[0], x : x + ink.shape[1]] -= ink
    cells.append(cell)
show(np.hstack(cells))


# %% [markdown]
# ## A line
# How somebody writes is a `Style`. Its lengths are in cap heights, so it holds at any size.

# %%
#| export
@dataclass(frozen=True)
class Style:
    "How somebody writes; lengths in cap heights, probabilities 0..1."

    letter_gap: float = 0.22  # white between neighbours, along the closest rows
    word_gap: float = 0.9  # white between words
    line_gap: float = 1.9  # from baseline to baseline
    jitter: float = 1.0  # multiplies the variation in size, angle, slant, height above the line
    slant: float = 0.0  # shear added to every character, x per y; positive leans right
    width: float = 1.0  # widens (over 1) or narrows every character
    touching: float = 0.0  # probability that a character touches the one before it
    dotted_i: float = 0.0  # probability that an I is written as a short bar with a dot
    flagged_one: float = 0.0  # probability that a 1 written as a bar gets a flag
    joined_zeros: float = 0.0  # probability that a zero has hooks and hangs on the zero before it
    word_size: float = 0.0  # spread of the words' sizes (standard deviation of the logarithm)
    accents: float = 0.0  # probability of an accent above A C E I O U (ink that is not text)
    pitch: float = 0.0  # when over 0: characters stand in cells that wide, as in comb boxes


def random_style(
    rng: np.random.Generator,
    **fixed: Any,  # fields of `Style` that are not left to chance
) -> Style:  # plausible for block letters
    "A random way of writing."
    u, one_of = rng.uniform, lambda options, p: float(rng.choice(options, p=p))
    gap = one_of([u(0.08, 0.25), u(0.2, 0.5), u(0.4, 0.9)], [0.4, 0.4, 0.2])
    style = Style(
        letter_gap=gap,
        line_gap=float(u(1.5, 2.6)),
        jitter=float(u(0.5, 1.6)),
        slant=float(rng.normal(0, 0.1)),
        width=float(np.exp(rng.normal(0, 0.12))),
        touching=one_of([0, u(0, 0.15), u(0.1, 0.5), u(0.5, 1)], [0.45, 0.35, 0.15, 0.05]),
        dotted_i=one_of([0, 0.5, 1], [0.7, 0.15, 0.15]),
        flagged_one=float(rng.choice([0, 1])),
        joined_zeros=one_of([0, 0.6], [0.6, 0.4]),
        word_size=one_of([0, u(0.1, 0.25)], [0.7, 0.3]),
        accents=one_of([0, 0.1], [0.8, 0.2]),
    )
    style = replace(style, word_gap=style.letter_gap + float(u(0.5, 1.3)))
    return replace(style, **fixed)


# %% [markdown]
# The hand gives the shape; habits and chance vary it. Nobody writes the same E twice.

# %%
#| export
def _wobble(
    strokes: Iterable[np.ndarray],  # float32 (n, 2), cap heights
    amount: float,  # cap heights, about; 0 leaves them
    rng: np.random.Generator,
) -> list[np.ndarray]:
    "Bend strokes by a smooth random field."
    if amount <= 0:
        return list(strokes)
    waves = rng.uniform(1.5, 5.0, (2, 2)).astype(np.float32) * rng.choice((-1, 1), (2, 2))
    phase = rng.uniform(0, 6.28, (2, 2)).astype(np.float32)
    slow = lambda s: np.float32(amount) * np.sin(s[:, ::-1] * waves[0] + phase[0])
    fast = lambda s: np.float32(amount / 2) * np.sin(s * waves[1] + phase[1])
    return [s + slow(s) + fast(s) for s in strokes]


def _dotted_i(rng: np.random.Generator) -> Shape:
    "An I as a short bar with a dot."
    top = -float(rng.uniform(0.55, 0.85))
    bar = np.array([(0.03, top), (0.02, top / 2), (0.0, 0.0)], np.float32)
    return Shape((bar, np.array([(0.04, top - 0.28), (0.05, top - 0.25)], np.float32)))


def _shape_of(c: str, hand: Hand, style: Style, rng: np.random.Generator) -> Shape:
    "A character as this hand and style write it, or a mark."
    if c == "I" and rng.random() < style.dotted_i:
        return _dotted_i(rng)
    if c not in CLASSES:
        return mark_shape(c, rng)
    shape = hand.shape(c, rng)
    if shape.filled:
        return shape
    pen = shape.strokes
    if c == "1" and style.flagged_one and is_bar(pen) and rng.random() < style.flagged_one:
        return replace(shape, strokes=(flag_one(pen[0], rng.random() ** 0.6, *rng.random(2)),))
    if c == "0" and style.joined_zeros and len(pen) == 1 and rng.random() < style.joined_zeros:
        return replace(shape, strokes=(hook_zero(pen[0], *rng.random(3)),))
    return shape


def _varied(
    shape: Shape,
    word: float,  # size of its word, 1 is usual
    style: Style,
    rng: np.random.Generator,
) -> tuple[list[np.ndarray], float]:  # strokes, and the size in cap heights
    "A shape with a size, width, slant, turn and height above the line of its own."
    j = style.jitter
    size = word * float(np.clip(1 + 0.05 * j * rng.normal(), 0.7, 1.35))
    wide = size * style.width * float(np.exp(0.05 * j * rng.normal()))
    shear, turn = style.slant + 0.03 * j * rng.normal(), 0.03 * j * rng.normal()
    matrix = np.array([[wide, -shear * size], [turn * wide, size]], np.float32)  # y is down: -shear
    amount = 0.012 * j * (2 if shape.filled else 1)
    strokes = _wobble([s @ matrix.T for s in shape.strokes], amount, rng)
    lift = np.array([0, 0.035 * j * rng.normal()], np.float32)
    return [s + lift for s in strokes], size


# %% [markdown]
# ### Space between letters
# How far apart are two letters? The distance of their boxes is no answer. In AVA the boxes overlap although the letters stand well apart. So we cut the line into 32 bands from top to foot and note, for each letter and band, its leftmost and its rightmost point. Two neighbours are as close as they are in their closest band.

# %%
#| export
ROWS = 32  # bands between the top and the foot of a line in which distances are measured
TOP, FOOT = -1.5, 0.6  # cap heights, the extent of those bands; baseline at 0, y down


def _profile(
    strokes: Sequence[np.ndarray],  # float32 (n, 2), cap heights
    pen: float,  # cap heights
) -> tuple[np.ndarray, np.ndarray]:  # float32 (ROWS,) each; inf and -inf where there is no ink
    "Leftmost and rightmost ink in each band."
    left, right = np.full(ROWS, np.inf, np.float32), np.full(ROWS, -np.inf, np.float32)
    for s in strokes:
        if len(s) > 1:  # long straight pieces need points in every band
            reach = np.abs(np.diff(s[:, 1])).max()
            if reach > 0.06:
                count = int((len(s) - 1) * min(np.ceil(reach / 0.06), 24)) + 1
                t = np.linspace(0, len(s) - 1, count)
                s = np.stack([np.interp(t, np.arange(len(s)), s[:, i]) for i in (0, 1)], 1)
        band = np.clip(((s[:, 1] - TOP) * (ROWS / (FOOT - TOP))).astype(int), 0, ROWS - 1)
        np.minimum.at(left, band, s[:, 0])
        np.maximum.at(right, band, s[:, 0])
    left, right = left - pen / 2, right + pen / 2
    spread = lambda v, f: f(f(v, np.roll(v, 1)), np.roll(v, -1))  # a pen covers a band or two
    return spread(left, np.minimum), spread(right, np.maximum)


# %%
#| fig-cap: "White of a twentieth of the cap height between the closest bands. The boxes of V and A overlap, the letters do not."
#| fig-alt: "AVA, the letters close together but apart, an orange box around each; the last two boxes overlap."
av = write(["AVA"], hand="architects-daughter", height=90, letter_gap=0.05, slant=0.1, jitter=0.0)
show(av.draw(), 0.6)


# %% [markdown]
# `layout_line` goes through a text and remembers only how far right the ink reaches in each band.

# %%
#| export
@dataclass(frozen=True)
class Placed:
    "One character or mark, where it stands in its line."

    character: str
    strokes: list[np.ndarray]  # float32 (n, 2), cap heights, line's left end x=0, baseline y=0
    filled: bool
    weight: float  # natural stroke width in cap heights


@dataclass
class _Line:
    "A line while it is written."

    style: Style
    pen: float  # cap heights
    rng: np.random.Generator
    placed: list[Placed] = field(default_factory=list)
    reach: np.ndarray = field(default_factory=lambda: np.full(ROWS, -np.inf, np.float32))
    edge: float | None = None  # right end of the ink; None: nothing written yet
    blanks: float = 0.0  # white of blanks since the last character, cap heights
    cell: int = 0  # cells used up, where characters stand in cells
    last: str = ""  # character before, empty after a blank

    def blank(self) -> None:
        "Leave the white between two words."
        style = self.style
        some = float(np.clip(1 + 0.2 * style.jitter * self.rng.normal(), 0.5, 2))
        self.blanks += (style.word_gap - style.letter_gap) * some
        self.cell, self.last = self.cell + 1, ""

    def put(self, c: str, shape: Shape, strokes: list[np.ndarray], size: float) -> None:
        "Place a character behind what is written, and at times an accent above it."
        points = np.concatenate(strokes)
        x0 = float(points[:, 0].min()) - self.pen / 2
        x1 = float(points[:, 0].max()) + self.pen / 2
        left, right = _profile(strokes, self.pen)
        x, joined = self._place(c, shape.filled, x0, x1, left)
        strokes = [s + np.array([x, 0], np.float32) for s in strokes]
        if joined:
            strokes.append(self._tie(strokes))
        self.placed.append(Placed(c, strokes, shape.filled, shape.weight * size))
        self.reach, self.edge = np.maximum(self.reach, right + x), x1 + x
        self.blanks, self.last = 0.0, c
        if c in tuple("ACEIOU") and self.rng.random() < self.style.accents:
            self._accent(x + (x0 + x1) / 2, float(points[:, 1].min()))

    def _place(
        self, c: str, filled: bool, x0: float, x1: float, left: np.ndarray
    ) -> tuple[float, bool]:
        "The x by which a character moves, and whether it is tied to the zero before it."
        style, rng, j = self.style, self.rng, self.style.jitter
        if style.pitch:
            middle = (self.cell + 0.5 + 0.07 * j * rng.normal()) * style.pitch
            self.cell += 1
            return middle - (x0 + x1) / 2, False
        if self.edge is None:
            return -x0, False
        some = float(np.clip(1 + 0.35 * j * rng.normal(), 0.2, 3))
        gap = style.letter_gap * some + self.blanks
        by_box = self.edge + gap - x0
        near = float((self.reach - left).max())  # x at which the closest rows meet
        zeros = c == self.last == "0" and not filled
        joined = zeros and rng.random() < style.joined_zeros
        if not np.isfinite(near):
            x = by_box
        elif joined:
            x = near + float(rng.uniform(-0.05, 0.25))
        elif not self.blanks and rng.random() < style.touching:
            x = near - float(rng.uniform(0, 0.12)) - self.pen * 0.3
        else:
            by_rows = 0.6 * (near + gap) + 0.4 * by_box
            x = max(by_rows, by_box - 0.35, near + 0.3 * min(gap, 0.2))
        return max(x, self.edge - 0.4 * (x1 - x0) - x0), joined  # nobody writes letters on letters

    def _tie(self, strokes: list[np.ndarray]) -> np.ndarray:
        "float32 (3, 2): a stroke from the top of the last character to the top of this one."
        before = np.concatenate(self.placed[-1].strokes)
        a, b = (p[p[:, 1].argmin()] for p in (before, np.concatenate(strokes)))
        sag = np.array([0, self.rng.uniform(-0.03, 0.1)], np.float32)
        return np.stack([a, (a + b) / 2 + sag, b])

    def _accent(self, middle: float, top: float) -> None:
        "Write an accent above a letter: ink that is not text."
        lean, y = float(self.rng.choice((-0.1, 0.1, 0.02))), top - 0.15 - self.pen
        accent = np.array([(middle - lean, y), (middle + lean, y - 0.14)], np.float32)
        self.placed.append(Placed("'", [accent], False, 0.0))


def _word_size(style: Style, rng: np.random.Generator) -> float:
    "The size of a word, 1 is usual."
    if not style.word_size:
        return 1.0
    return float(np.clip(np.exp(style.word_size * rng.normal()), 0.65, 1.6))


def layout_line(
    text: str,  # 0-9, A-Z, blanks and MARKS
    hand: Hand,
    rng: np.random.Generator,
    style: Style = Style(),
    pen: float = 0.1,  # pen width in cap heights
) -> list[Placed]:  # in reading order, marks and accents included
    "Write a line: pick, vary and space the characters. Units are cap heights."
    line, word = _Line(style, pen, rng), _word_size(style, rng)
    for c in text:
        if c == " ":
            word = _word_size(style, rng)
            line.blank()
        else:
            shape = _shape_of(c, hand, style, rng)
            line.put(c, shape, *_varied(shape, word, style, rng))
    return line.placed


# %% [markdown]
# ### Ink, boxes, owners
# Now come the pixels. Each character is drawn by itself before it is laid on the page, so we know which pixels are its own. `Composed` keeps everything, with the text that a reader should give. Marks are left out of that text.

# %%
#| export
INK_SHARE = 0.4  # of a character's darkest pixel: from there on a pixel belongs to the character


@dataclass(frozen=True)
class Composed:
    "A composed image and all that is known about it."

    image: np.ndarray  # uint8 (H, W) grey or (H, W, 3) BGR
    text: str  # lines by newline, words by blank; marks are left out
    boxes: tuple[np.ndarray, ...]  # per line int32 (n, 4): x, y, w, h of each character's own ink
    ink: np.ndarray  # uint8 (H, W), coverage by the characters' ink, 0-255
    other: np.ndarray  # uint8 (H, W), coverage by other ink: marks, accents, rules, frames
    labels: np.ndarray  # int16 (H, W), index of the pixel's character, -1 none; the later wins

    @property
    def characters(self) -> str:
        "All characters in the order of `labels` and `all_boxes`."
        return "".join(self.text.split())

    @property
    def all_boxes(self) -> np.ndarray:
        "int32 (N, 4), the boxes of all lines."
        return np.concatenate([*self.boxes, np.zeros((0, 4), np.int32)]).astype(np.int32)

    def draw(self) -> np.ndarray:
        "BGR uint8 (H, W, 3): the image with its boxes."
        grey = self.image.ndim == 2
        out = cv2.cvtColor(self.image, cv2.COLOR_GRAY2BGR) if grey else self.image.copy()
        for x, y, w, h in self.all_boxes.tolist():
            cv2.rectangle(out, (x - 1, y - 1), (x + w, y + h), (0, 140, 255), 1)
        return out

    def __repr__(self) -> str:
        h, w = self.image.shape[:2]
        return f"Composed({self.text!r}, {w} x {h} pixels, {len(self.all_boxes)} characters)"

    def _repr_png_(self) -> bytes:
        return cv2.imencode(".png", self.image)[1].tobytes()


def plain_text(
    line: str,  # as written, marks included
) -> str:  # 0-9, A-Z and single blanks
    "What a reader should give for a written line: marks inside a word vanish."
    words = ("".join(c for c in word if c in CLASSES) for word in line.split())
    return " ".join(word for word in words if word)


def pen_widths(
    pen: float,  # mean width, any unit
    n: int,  # characters
    rng: np.random.Generator,
) -> list[float]:  # same unit
    "Pen widths of n characters: pressure varies by some per cent."
    return (pen * np.clip(1 + 0.08 * rng.standard_normal(n), 0.7, 1.3)).tolist()


def lay_ink(
    target: np.ndarray,  # uint8 (H, W), changed in place
    patch: np.ndarray,  # uint8 (h, w)
    x: int,  # of the patch's upper left pixel
    y: int,
) -> tuple[np.ndarray, int, int]:  # what lies inside, and its own x and y
    "Add a patch of ink to a page; what sticks out is cut off."
    h, w = target.shape
    x0, x1 = max(x, 0), min(x + patch.shape[1], w)
    y0, y1 = max(y, 0), min(y + patch.shape[0], h)
    if x0 >= x1 or y0 >= y1:
        return patch[:0, :0], x0, y0
    inside, part = patch[y0 - y : y1 - y, x0 - x : x1 - x], target[y0:y1, x0:x1]
    np.maximum(part, inside, out=part)
    return inside, x0, y0


def draw_lines(
    lines: Sequence[Sequence[Placed]],  # points in pixels
    pens: Sequence[float],  # pixels, pen of a line's first, second ... character
    size: tuple[int, int],  # width and height of the page
    pen: float,  # pixels, for fonts: their letters share one pen
    height: float,  # pixels, cap height
) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple[np.ndarray, ...]]:  # as in `Composed`
    "Rasterise placed lines: ink, other, labels, boxes."
    w, h = size
    ink, other = np.zeros((h, w), np.uint8), np.zeros((h, w), np.uint8)
    labels, boxes, index = np.full((h, w), -1, np.int16), [], 0
    for line in lines:
        found = []
        for p, own in zip(line, pens):
            drawn = rasterise(p.strokes, pen if p.filled else own, p.filled, p.weight * height)
            if p.character not in CLASSES:
                lay_ink(other, *drawn)
                continue
            patch, x, y = lay_ink(ink, *drawn)
            found.append(_own(labels, patch, x, y, index))
            index += 1
        boxes.append(np.array(found, np.int32).reshape(-1, 4))
    return ink, other, labels, tuple(boxes)


def _own(
    labels: np.ndarray, patch: np.ndarray, x: int, y: int, index: int
) -> tuple[int, int, int, int]:
    "Give a patch's ink to a character, in place; its box, without extent where it lies outside."
    mask = patch >= max(INK_SHARE * int(patch.max()), 1) if patch.size else np.zeros((0, 0), bool)
    if not mask.any():
        return x, y, 0, 0
    labels[y : y + mask.shape[0], x : x + mask.shape[1]][mask] = index
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return x + xs[0], y + ys[0], xs[-1] - xs[0] + 1, ys[-1] - ys[0] + 1


def bend_line(
    points: np.ndarray,  # float32 (n, 2), cap heights
    slope: float,  # degrees, positive rises to the right
    curve: float,  # cap heights by which the middle sags
    length: float,  # cap heights, of the line
) -> np.ndarray:  # float32 (n, 2)
    "Move a line's points onto a sloping, bowed baseline."
    t = points[:, 0] / max(length, 1e-6)
    angle = np.deg2rad(slope)
    x, y = points[:, 0], points[:, 1] + curve * np.sin(np.pi * t)
    across, up = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    return np.stack([across, up], 1).astype(np.float32)


def right_end(
    line: Sequence[Placed],
) -> float:  # same unit as its points
    "Where the ink of a line ends."
    return max(float(np.concatenate(p.strokes)[:, 0].max()) for p in line)


def compose_line(
    text: str,  # 0-9, A-Z, blanks and MARKS; marks are drawn but not part of the result's text
    hand: Hand,
    rng: np.random.Generator,
    height_px: float = 32,  # cap height
    pen_width: float | None = None,  # in pixels; None: the hand's own weight
    slope: float = 0.0,  # degrees, positive rises to the right
    curve: float = 0.0,  # cap heights by which the middle of the line sags
    margin: float = 0.5,  # white around the ink, in cap heights
    **style: Any,  # fields of `Style`
) -> Composed:  # ink and boxes; the image is black ink on white
    "Write one line of text in a hand, cropped to its ink plus a margin."
    pen = hand.weight * height_px if pen_width is None else pen_width
    placed = layout_line(text, hand, rng, Style(**style), pen / height_px)
    if not placed:
        raise DataError("a line needs at least one character that can be written")
    length = right_end(placed)
    bent = lambda s: bend_line(s, slope, curve, length) * height_px
    placed = [replace(p, strokes=[bent(s) for s in p.strokes]) for p in placed]
    points, border = (
        np.concatenate([s for p in placed for s in p.strokes]),
        pen / 2 + margin * height_px,
    )
    lo = points.min(0) - border
    w, h = np.ceil(points.max(0) + border - lo).astype(int).tolist()
    placed = [replace(p, strokes=[s - lo for s in p.strokes]) for p in placed]
    pens = pen_widths(pen, len(placed), rng)
    ink, other, labels, boxes = draw_lines([placed], pens, (w, h), pen, height_px)
    return Composed(255 - np.maximum(ink, other), plain_text(text), boxes, ink, other, labels)


# %%
#| fig-cap: "One text, six styles. In 'touching' no column inside a word is free of ink, so nobody could cut at white columns."
#| fig-alt: "SAVE AVA 177 six times with boxes: set wide, set tight, leaning, touching, restless, uphill."
rows = {
    "wide": dict(letter_gap=0.6, word_gap=1.6),
    "tight": dict(letter_gap=0.0, word_gap=0.6),
    "leaning": dict(slant=0.3, letter_gap=0.15),
    "touching": dict(touching=1.0),
    "restless": dict(jitter=2.5),
    "uphill": dict(slope=5, curve=0.5),
}
compose = lambda **how: compose_line("SAVE AVA 177", hand, np.random.default_rng(3), 34, **how)
lines = {name: compose(**style) for name, style in rows.items()}
figure({name: line.draw() for name, line in lines.items()})


# %% [markdown]
# Pen strokes can have habits that a font cannot. A line can tie two zeros to each other. A reader that never saw that takes the first for an A and the last for a D. Here is a hand of our own, with one bar and one ring:

# %%
#| code-fold: true
#| code-summary: "A hand of a bar and a ring"
#| fig-cap: "Would you read 1100 in the second picture? A flag makes the 1 a 7, and a tie makes one shape of two zeros."
#| fig-alt: "The number 1100 in plain bars and rings, and again with flags on the ones and zeros hooked and tied to each other."
class Pen(Hand):
    "A bar for 1, a ring for 0."

    def shape(self, character, rng):
        turn = np.linspace(-1.6, -1.6 - 2 * np.pi, 24)
        ring = np.float32(np.stack([0.3 + 0.28 * np.cos(turn), -0.5 + 0.5 * np.sin(turn)], 1))
        bar = np.float32([(0.1, -1), (0.06, -0.5), (0, 0)])
        return Shape((bar if character == "1" else ring,))


habits = {"plain": {}, "in a hurry": dict(flagged_one=1, joined_zeros=1)}
written = {
    name: compose_line("1100", Pen(), np.random.default_rng(4), 44, 4, **habit)
    for name, habit in habits.items()
}
figure({name: line.image for name, line in written.items()}, width=560)

# %%
#| hide
plain, hasty = written.values()
assert hasty.text == plain.text and hasty.all_boxes[0, 2] > 2 * plain.all_boxes[0, 2]


# %% [markdown]
# ## Is a found box right?
# Now we can judge boxes that others find. We divide the area that a found box shares with a true one by the area that both cover together (intersection over union, IoU). If it is at least 0.5, the found box is right. Every true box may be found once.
#
# *Precision* is the share of the found boxes that are right. *Recall* is the share of the true boxes that were found.

# %%
#| export
def box_iou(
    a: Any,  # (N, 4) boxes x, y, w, h
    b: Any,  # (M, 4)
) -> np.ndarray:  # float64 (N, M), area of the intersection over the area of the union
    "How well boxes agree, each with each."
    a, b = np.asarray(a, float).reshape(-1, 4), np.asarray(b, float).reshape(-1, 4)
    lo = np.maximum(a[:, None, :2], b[None, :, :2])
    hi = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    both = np.prod(np.clip(hi - lo, 0, None), 2)
    either = np.prod(a[:, 2:], 1)[:, None] + np.prod(b[:, 2:], 1)[None] - both
    return both / np.maximum(either, 1e-9)


def box_matches(
    found: Any,  # (N, 4) boxes x, y, w, h
    truth: Any,  # (M, 4)
    iou: float = 0.5,  # least overlap that counts
) -> list[tuple[int, int]]:  # pairs (index in found, index in truth), each index once
    "Pair found boxes with true ones, best overlap first."
    table = box_iou(found, truth)
    pairs = np.argwhere(table >= iou)
    used_f, used_t, out = set(), set(), []
    for f, t in pairs[np.argsort(-table[pairs[:, 0], pairs[:, 1]], kind="stable")].tolist():
        if f not in used_f and t not in used_t:
            used_f.add(f), used_t.add(t), out.append((f, t))
    return out


def box_scores(
    found: Any,  # (N, 4) boxes x, y, w, h
    truth: Any,  # (M, 4)
    iou: float = 0.5,  # least intersection over union that counts as found
) -> tuple[float, float]:  # precision, recall: 0-1; of nothing found out of nothing both are 1
    "Share of the found boxes that are right, and share of the true boxes that were found."
    found, truth = np.asarray(found).reshape(-1, 4), np.asarray(truth).reshape(-1, 4)
    hits = len(box_matches(found, truth, iou))
    precision = hits / len(found) if len(found) else float(not len(truth))
    return precision, hits / len(truth) if len(truth) else 1.0


# %% [markdown]
# We try three found boxes against two true ones: a good box, one that is too low by more than half, and one on nothing.

# %%
truth = [(0, 0, 10, 10), (20, 0, 10, 10)]
found = [(1, 0, 10, 10), (20, 0, 10, 4), (40, 0, 10, 10)]
assert box_scores(found, truth) == (1 / 3, 1 / 2)
box_iou(found, truth).round(2), box_scores(found, truth)

# %% [markdown]
# The array is the IoU of each found box (row) with each true one (column). Precision is 1/3, recall 1/2.
#
# Back to the six styles. Who cuts at white columns gets one box for four letters in "touching". The table counts the neighbours whose boxes overlap:

# %%
overlap = {
    name: sum(box_iou(l.all_boxes, l.all_boxes)[i, i + 1] > 0 for i in range(9))
    for name, l in lines.items()
}
assert overlap["touching"] > overlap["wide"] == 0
pd.Series(overlap, name="overlapping pairs of 9").to_frame().T

# %% [markdown]
# ## Recap
# - Whoever writes the page knows each box and each pixel's owner.
# - Everything moves points until the last step, so boxes are exact at any size and slope.
# - A box is right from an IoU of 0.5. Precision and recall count the right ones.
#
# ## Exercises
# **1.** At which letter heights does a simple recipe break? Compose the same line at 8 to 320 pixels, threshold it, take the connected pieces as boxes, and plot the recall.
#
# <details><summary>Solution</summary>
#
# ```python
# def recall(height, seed):
#     line = compose_line("HEIGHT 4711", hand, np.random.default_rng(seed), height_px=height)
#     mask = cv2.adaptiveThreshold(line.image, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, 21, 9)
#     pieces = cv2.connectedComponentsWithStats(mask)[2][1:, :4]
#     return box_scores(pieces, line.all_boxes)[1]
#
# pd.Series({height: np.mean([recall(height, s) for s in range(5)]) for height in (8, 12, 20, 40, 80, 160, 320)})
# ```
# Letters at 8 pixels touch. At 320 pixels the pen is wider than the window of 21 pixels, and the inside of a stroke looks like paper: the boxes stay, but look at the mask.
#
# </details>
#
# **2.** *Build your own hand.* Subclass `Hand`, return a `Shape` with pen strokes for each of the letters you need (a few points in cap heights, baseline at 0, y down), and compose a line in it.
#
# <details><summary>Solution</summary>
#
# ```python
# class Sticks(Hand):
#     letters = {"L": [[(0, -1), (0, 0), (0.5, 0)]], "T": [[(0, -1), (0.6, -1)], [(0.3, -1), (0.3, 0)]], "I": [[(0, -1), (0, 0)]]}
#     def shape(self, character, rng):
#         return Shape(tuple(np.float32(s) for s in self.letters[character]))
#
# show(compose_line("TILL IT", Sticks(), np.random.default_rng(0), height_px=60).draw())
# ```
#
# </details>
#
# **3.** Set SAVE AVA with the boxes at equal distances instead of the bands. Which pairs look wrong?
#
# <details><summary>Solution</summary>
#
# Replace `by_rows` in `_Line._place` by `by_box`, or look at the letters by themselves: A and V need less white between their boxes than H and I, because their slanted strokes run along each other.
#
# </details>
#
# ## What the next notebook builds on
# We have lines of black ink on white. [Papers](06b_papers.ipynb) lays them on sheets, under light and before a camera. [Segmentation](02_segmentation.ipynb) measures its boxes with `box_scores`, and [the judge of boxes](13_boxes.ipynb) learns from such pages.
