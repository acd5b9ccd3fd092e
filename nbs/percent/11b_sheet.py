# %% [markdown]
# # All steps together
# > From a picture of any size to lines of pieces, and what each step is worth.

# %% [markdown]
# We can find ink, take out rules and group pieces into lines. This notebook runs the steps one after the other on any picture. One question is left for that: how large are the letters, before anything else is known?
# At the end you have `analyse`, which turns a picture into a `Sheet`, and you know what each step is worth on real pages.

# %%
#| default_exp layout.sheet

# %%
#| export
from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from customocr.layout.ink import (
    GRAIN,
    components,
    ink_mask,
    ink_strength,
    noise_floor,
    polarity,
)
from customocr.layout.lines import (
    TextLine,
    group_lines,
    join_parts,
    letter_height,
    line_pieces,
    part_lines,
    single,
)
from customocr.layout.rules import find_rules, frames, maybe_text, remove_rules, straight_runs
from customocr.statistics import distinct, median

# %%
#| code-fold: true
#| code-summary: "Imports"
import time

import matplotlib.pyplot as plt
import pandas as pd

from customocr import samples
from customocr.pictures import figure, hands, on_white, outlined, sample, some_pages, worth, write
from customocr.segmentation import tutorial_boxes
from customocr.writing.compose import box_scores
from customocr.writing.papers import PAPERS, Paper

# %% [markdown]
# ## Nine sizes of one line
# [The tutorial](00_data.ipynb#the-tutorial) keeps boxes of 14 to 140 pixels, takes its threshold from blocks of 11 pixels and dilates by one pixel. These numbers are made for letters of one size. We write the same line at nine sizes and count which share of the letters gets a right box ([recall](glossary.html#recall)).

# %%
#| label: fig-sheet-sizes
#| fig-cap: "The tutorial's numbers fit letters of about 64 to 110 pixels; much smaller and larger ones are lost."
#| fig-alt: "Recall of the tutorial's boxes against letter height: 1 at 64 and 110 pixels, zero below 16 and from 200 on."
heights = [9, 12, 16, 24, 40, 64, 110, 200, 400]


def at_height(h, k):
    "The line at one size, in hand k."
    paper = Paper(texture=1, noise=1, blur=0.02 * h)
    return write(["HEIGHT 4711"], paper, k, list(hands())[k], h, letter_gap=0.3)


def mean_recall(find):
    "Recall of a way to boxes at each size."
    score = lambda page: box_scores(find(page.image), page.all_boxes)[1]
    return [np.mean([score(page) for page in pages]) for pages in sized.values()]


sized = {h: [at_height(h, k) for k in range(3)] for h in heights}
recall = {"tutorial": mean_recall(tutorial_boxes)}
style = {"logx": True, "style": "o-", "figsize": (5.5, 2.6), "color": ["#d9822b", "#1b7f79"]}
axis = {"xlabel": "letter height, pixels", "ylabel": "recall", "ylim": (-0.05, 1.05)}
ticks = {"xticks": heights, "xticklabels": heights}
ax = pd.DataFrame(recall, index=heights).plot(legend=False, **style)
ax.minorticks_off()
ax.set(**axis, **ticks);

# %% [markdown]
# *Needs*: a minute and no data. The figures of real pages are stored, with the command that repeats them.
#
# *Terms*: [precision](glossary.html#precision), [recall](glossary.html#recall), [character error rate](glossary.html#cer).

# %% [markdown]
# ## One size for all
# So we measure how high the letters of the page are, and bring the page to *one* size, at which a letter is 32 pixels high. Every step then sees letters of one size, whatever the camera's was.
#
# To find the height we take a first, coarse look. We reduce the picture to 800 pixels, find its ink with a kernel that suits most pens, and ask `letter_height`. The look also tells where the writing is, so that the rest of a large photo is left out: it keeps what is about as high as a letter, and what is long and low like a row.
#
# Letters may hang on rules. On squared paper all of them can be one single component; underlined rows are one component each. Then `_parted` takes out what runs straight for longer than a stroke, and the letters come apart.

# %%
#| export
LETTER = 32.0  # pixels: height of a typical character on the page that is worked on
FIRST_SIDE = 800  # pixels, longest side at which the character height is first looked for
MOST_PIXELS = 4_000_000  # of the page that is worked on: bounds time and memory
MOST_ENLARGED = 6.0  # times: an enlarged letter gains no detail, only pixels
NO_LETTER = 0.55  # of the shorter side: letter height where nothing looks like one, a single glyph
ROW_WIDTH, ROW_SHAPE = 0.3, 4.0  # of the picture's width, times its height: a row in one piece
JOINED, FEWEST = 0.7, 8  # share of all ink in one component or in rows, and the parts it comes to
AGREE, FEWEST_AGREE = 0.3, 3  # in log height, components that must confirm a height
LEAST_PART = 8  # pixels of the reduced picture, height of a part that counts
LONGEST_STROKE = 80  # pixels of the reduced picture: what runs straight for longer is a rule
GOOD_GUESS = (0.65, 1.5)  # letter height over LETTER between which the first look was right


def _rows(stats: np.ndarray, width: int) -> np.ndarray:  # bool (N,)
    "Which components are as long and low as rows that hang together, on a rule mostly."
    _, _, w, h, _ = stats.T
    return (w > ROW_WIDTH * width) & (w > ROW_SHAPE * h)


def _where_written(
    stats: np.ndarray, rows: np.ndarray, height: float, f: float
) -> tuple[slice, slice]:
    """Rows and columns of the full picture around rows and what is about as high as its letters; f
    is the reduction."""
    h = stats[:, 3]
    like = (h >= 0.45 * height) & ((h <= 2.6 * height) | rows)
    x, y, w, h, _ = stats[like].T
    if not len(x):
        return np.s_[:, :]
    margin = 1.5 * height
    between = lambda a, b: slice(
        max(0, int((a.min() - margin) / f)), int((b.max() + margin) / f) + 1
    )
    return between(y, y + h), between(x, x + w)


class _First(NamedTuple):
    "A picture seen as a whole."

    strength: np.ndarray  # uint8 (h, w), 0..255, of the picture reduced
    mask: np.ndarray  # uint8 (h, w), its ink
    f: float  # the reduction
    stroke: float  # pixels of the picture, more than the widest stroke of most pens


def _first(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
    grain: float = GRAIN,
) -> _First:
    "Ink of the picture, reduced."
    f = min(1.0, FIRST_SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=f, fy=f, interpolation=cv2.INTER_AREA) if f < 1 else grey
    stroke = max(15, 0.1 * min(small.shape))
    strength = ink_strength(small, stroke)
    return _First(strength, ink_mask(strength, 0.5 * stroke, grain), f, stroke / f)


def has_ink(
    grey: np.ndarray,  # uint8 (h, w), the picture
) -> bool:  # False: an empty sheet
    "Whether anything stands on a page, be it writing or not."
    return bool(_first(grey if polarity(grey) > 0 else 255 - grey).mask.any())


def _parted(mask: np.ndarray) -> np.ndarray:  # uint8 (h, w)
    "A mask without what runs straight for longer than a stroke."
    for size in ((LONGEST_STROKE, 1), (1, LONGEST_STROKE)):
        rules = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones(size, np.uint8))
        mask = cv2.subtract(mask, cv2.dilate(rules, np.ones((3, 3), np.uint8)))
    return mask


def first_look(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
) -> tuple[float, tuple[slice, slice]]:  # letter height in pixels; rows and columns with writing
    "A first look at the whole picture, reduced: how high its characters are, and where they stand."
    return _looked(_first(grey), grey.shape)


def _looked(first: _First, shape: tuple[int, ...]) -> tuple[float, tuple[slice, slice]]:
    "The same; shape is the full picture's."
    mask, f = first.mask, first.f
    labels, stats = components(mask)
    rows, ink = _rows(stats, mask.shape[1]), stats[:, 4]
    if max(ink[rows].sum(), ink.max(initial=0)) > JOINED * ink.sum():
        parted = components(_parted(mask))
        many = (parted[1][:, 3] >= LEAST_PART).sum() >= FEWEST
        labels, stats = parted if many else (labels, stats)
    height = letter_height(stats, mask.shape, frames(labels, stats, 12))
    if height is None:
        return NO_LETTER * min(shape), np.s_[:, :]
    return height / f, _where_written(stats, _rows(stats, mask.shape[1]), height, f)


# %%
guesses = {h: np.mean([first_look(page.image)[0] for page in sized[h]]) for h in heights}
assert all(0.6 < guess / h < 1.6 for h, guess in guesses.items())
pd.Series(guesses, name="first look, pixels").rename_axis("written, pixels").round(1).to_frame().T

# %% [markdown]
# Three rows, each on a line of its own that joins its letters. The height of a row's component would be taken for that of a letter:

# %%
#| label: fig-sheet-underlined
#| fig-cap: "Each row is one component. Without what runs straight, the letters come apart, and the height of each is known (boxes)."
#| fig-alt: "Three underlined rows of capitals; below, the letters without the lines, each in a box."
rows = write(["TAKE 20 PENS", "TO ROOM 39", "AT NOON"], None, 1, height=60, line_gap=2.0)
underlined = rows.image.copy()
for boxes in rows.boxes:
    bottom = int(np.median(boxes[:, 1] + boxes[:, 3])) - 3
    cv2.line(underlined, (0, bottom), (int(boxes[:, 0].max()) + 90, bottom), 70, 3)
mask = _first(underlined).mask
parted = _parted(mask)
parts = components(parted)[1]
boxed_parts = outlined(on_white(parted), parts[parts[:, 3] >= LEAST_PART, :4])
height = first_look(underlined)[0]
assert len(components(mask)[1]) < 8 and 45 < height < 75
print(f"written 60 pixels high, first look {height:.0f}")
figure({"ink of the first look": on_white(mask), "parted": boxed_parts}, columns=1)

# %% [markdown]
# ## A mat around the picture
# Some pictures lie in a mat: a blank margin of exactly one colour, which a program or a phone laid around them. The mat is no paper. Its edge is straight, long and thin, so it looks like a ruled line, and it changes what is found beside it. `inside_mat` cuts it off. A mat
# is known by two signs. It has one colour to within two grey levels, which paper in a photo never has. And the picture begins along all of its inner edge: a frame drawn on white paper is followed by white again.

# %%
#| export
MAT_FLAT = 2  # grey levels that a mat's pixels may differ from its corner
MAT_EDGE = 0.4  # share of each inner edge that must be unlike the mat
MAT_DEEPER = 0.1  # of the shorter side: so far inside, beyond any frame, it is still unlike it


def inside_mat(
    grey: np.ndarray,  # uint8 (h, w), the picture
) -> tuple[slice, slice]:  # its rows and columns without a mat; all of them where there is none
    "The picture within a margin of one colour."
    colour = int(grey[0, 0])
    unlike = 255 - cv2.inRange(grey, colour - MAT_FLAT, colour + MAT_FLAT)
    x, y, w, h = cv2.boundingRect(unlike)
    inside = np.s_[y : y + h, x : x + w]
    deep = max(4, int(MAT_DEEPER * min(w, h)))
    if (h, w) == grey.shape or 2 * deep >= min(w, h):
        return np.s_[:, :]
    part = unlike[inside] > 0
    edges = [edge for at in (0, deep, -1 - deep, -1) for edge in (part[at], part[:, at])]
    return inside if min(edge.mean() for edge in edges) >= MAT_EDGE else np.s_[:, :]


# %%
photo = sample("note")
matted = cv2.copyMakeBorder(photo, 30, 30, 50, 50, cv2.BORDER_CONSTANT, value=(200,))
framed = np.full((100, 300), 255, np.uint8)
cv2.rectangle(framed, (20, 20), (280, 80), 0, 3)
assert np.array_equal(matted[inside_mat(matted)], photo)
assert inside_mat(framed) == inside_mat(photo) == np.s_[:, :]
print("cut off:", [a - b for a, b in zip(matted.shape, matted[inside_mat(matted)].shape)])

# %% [markdown]
# The guess need not be exact. It brings the page near the one size; there the height is measured again.
#
# ## Every stage on one sheet
# A `Sheet` keeps the page at every stage. It also knows the way back: from its own pixels to those of the picture that was given.

# %%
#| export
Box = tuple[int, int, int, int]  # x, y, w, h in pixels
GRAINY = 20  # of 255: noise floor that plain paper has not; cheques and woven paper have more


@dataclass(frozen=True)
class Sheet:
    "A page at each stage of its segmentation, all in pixels of the page that is worked on."

    grey: np.ndarray  # uint8 (h, w), dark ink on lighter paper, a character about 32 pixels high
    strength: np.ndarray  # uint8 (h, w), 0..255
    mask: np.ndarray  # uint8 (h, w), ink before rules were taken out
    rules: np.ndarray  # uint8 (h, w), rules and frames
    ink: np.ndarray  # uint8 (h, w), ink that is left
    labels: np.ndarray  # int32 (h, w), its components
    stats: np.ndarray  # int (N, 5): x, y, w, h, ink pixels
    text: np.ndarray  # bool (N,), components that can be text
    lines: tuple[TextLine, ...]  # top to bottom, not cut yet
    letter: float  # pixels
    slope: float  # of the lines before the page was turned upright, dy/dx
    inverted: bool  # light ink on a dark page
    matrix: np.ndarray  # float64 (2, 3), from pixels here to pixels of the picture given

    @property
    def grainy(self) -> bool:
        "Whether the paper is so rough or so patterned that it may hide a pen."
        return noise_floor(self.strength) > GRAINY

    def to_page(
        self,
        box: Box,  # here
        scale: float = 1.0,  # page pixels per pixel of the picture given
    ) -> Box:  # on the page
        "The upright box on the page around a box here."
        x, y, w, h = box
        corners = np.array([[x, y, 1], [x + w, y, 1], [x, y + h, 1], [x + w, y + h, 1]])
        corners = corners @ self.matrix.T * scale
        lo, hi = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
        return int(lo[0]), int(lo[1]), int(hi[0] - lo[0]), int(hi[1] - lo[1])


# %% [markdown]
# `_stages` runs the steps of the last three notebooks on a page of the right size, in their order.

# %%
#| export
@dataclass(frozen=True)
class _Stages:
    "What `Sheet` keeps, before the way back is known."

    strength: np.ndarray
    mask: np.ndarray
    rules: np.ndarray
    ink: np.ndarray
    labels: np.ndarray
    stats: np.ndarray
    text: np.ndarray
    groups: list[np.ndarray]  # components of each line
    slope: float
    letter: float


def _good(letter: float) -> bool:
    "Whether a page was brought to about the size that was wanted."
    return GOOD_GUESS[0] < letter / LETTER < GOOD_GUESS[1]


def _letter(
    mask: np.ndarray, strength: np.ndarray, labels: np.ndarray, stats: np.ndarray
) -> float:  # pixels
    """The letters' height. Where it is another than expected, a rule may have joined the letters,
    and the specks told: then what is left without rules may confirm what was expected."""
    height = lambda labels, stats: (
        letter_height(stats, mask.shape, frames(labels, stats, 0.5 * LETTER)) or LETTER
    )
    letter = height(labels, stats)
    if _good(letter):
        return letter
    rules = find_rules(mask, labels, stats, LETTER)
    without = components(remove_rules(mask, rules, strength))
    again = height(*without)
    agree = (np.abs(np.log(without[1][:, 3] / again)) < AGREE).sum() >= FEWEST_AGREE
    return again if agree and _good(again) else letter


def _stages(grey: np.ndarray, grain: float) -> _Stages:
    "All steps on a page whose letters are about `LETTER` pixels high."
    strength = ink_strength(grey, LETTER)
    mask = ink_mask(strength, LETTER, grain)
    labels, stats = components(mask)
    letter = _letter(mask, strength, labels, stats)
    rules = find_rules(mask, labels, stats, letter)
    ink = remove_rules(mask, rules, strength)
    labels, stats = components(ink)
    text = maybe_text(stats, letter, ink.shape) if len(stats) else np.zeros(0, bool)
    parted = part_lines(ink, labels, stats, np.flatnonzero(text), letter)
    if parted is not ink:
        ink = parted
        labels, stats = components(ink)
        text = maybe_text(stats, letter, ink.shape)
    index = np.flatnonzero(text)
    lines, slope = group_lines(stats[index], letter)
    groups = [index[line] for line in lines]
    return _Stages(strength, mask, rules, ink, labels, stats, text, groups, slope, letter)


def _brought(
    grey: np.ndarray, height: float, over: Callable[[float], bool], grain: float
) -> tuple[np.ndarray, float, _Stages]:
    """The page at its working size, the scale, its stages. Where the first look misjudged the
    height, a second try."""
    for last in (False, True):
        scale = min(LETTER / height, MOST_ENLARGED, math.sqrt(MOST_PIXELS / grey.size))
        scale = 1.0 if abs(scale - 1) < 0.05 else scale
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        page = cv2.resize(grey, None, fx=scale, fy=scale, interpolation=how) if scale != 1 else grey
        stages = _stages(page, grain)
        if last or _good(stages.letter) or over(TO_ANALYSE):
            break
        height = stages.letter / scale
    return page, scale, stages


# %% [markdown]
# ## Print weaker than the pen
# Squared paper is the hardest of all papers. Its squares join all letters to one component. Where the squares are smaller than a letter, strokes cross every rule, and not all rules are found. Each square that stays looks like a character, or like the stem of one.
#
# But most print is weaker than the pen, to be written on. Then ink comes in two strengths, and one number parts them. Strokes fade at their edges, so we look only at ridges: pixels that are as strong as any beside them. [Otsu's threshold](https://docs.opencv.org/4.x/d7/d4d/tutorial_py_thresholding.html) divides their strengths into a weaker and a stronger half. That is print that hides a pen if four things hold:
#
# - The pen is half as strong again as the print, and at least four pixels wide: a stroke loses its faint edges with the print.
# - The two are far apart, measured by how much each varies.
# - Much of the weaker ink hangs together over three tenths of the page and more. Letters of a weaker pen do not; squares and rules do.
# - The pen touches it. What only lies around the writing, such as the edges of a table, does no harm.
#
# Then what is not clearly stronger than the print is made paper, before anything else is looked at. The pen loses as much of its strength. Strength is only ever compared with what is nearby, so a wide stroke takes no harm.

# %%
#| export
TWO_INKS = 1.5  # times as strong as the print: the pen
APART = 3  # standard deviations of both, by which they are apart
RIDGES = 30  # pixels of each, in the reduced picture, that must tell
HALF_PEN = 2.0  # pixels: half the width of a pen that keeps its strokes
PRINT_LENGTH = 0.3  # of the longer side: what is longer is no letter
PRINTED = 0.4  # share of the weaker ink that must be so long
TOUCHED = 0.05  # share of the pen's ink in pieces that touch the print
LIFTED = 0.25  # of the way from the print to the pen: what is weaker becomes paper


def _print_level(
    first: _First,  # a page seen as a whole
) -> float:  # 0..255; 0 where there is no print, or none that is weaker than the pen
    "The strength up to which ink is print that the pen touches: squares and rules, mostly."
    strength, mask = first.strength, first.mask
    ridge = (strength == cv2.dilate(strength, np.ones((3, 3), np.uint8))) & (mask > 0)
    some = strength[ridge]
    if len(some) < 2 * RIDGES:
        return 0.0
    between, _ = cv2.threshold(some[:, None], 0, 255, cv2.THRESH_OTSU)
    weak, strong = some[some <= between], some[some > between]
    if min(len(weak), len(strong)) < RIDGES:
        return 0.0
    low, high = median(weak), median(strong)
    if high < TWO_INKS * low or high - low < APART * (weak.std() + strong.std()):
        return 0.0
    pen = cv2.compare(strength, between, cv2.CMP_GT) & mask
    half = cv2.distanceTransform(pen, cv2.DIST_L2, 3)[ridge & (pen > 0)]
    if median(half) < HALF_PEN * first.f:
        return 0.0
    labels, stats = components(mask & (1 - cv2.dilate(pen, np.ones((5, 5), np.uint8))))
    long = stats[:, 2:4].max(1, initial=0) > PRINT_LENGTH * max(mask.shape)
    printed = stats[long, 4].sum() > PRINTED * stats[:, 4].sum()
    print_ = np.r_[False, long].astype(np.uint8)[labels]
    return float(low + LIFTED * (high - low)) if printed and _touch(pen, print_) else 0.0


def _touch(pen: np.ndarray, print_: np.ndarray) -> bool:
    "Whether the print runs through some of the writing: then it joins letters, and hides strokes."
    labels, stats = components(pen)
    met = distinct(labels[cv2.dilate(print_, np.ones((9, 9), np.uint8)) > 0])
    return stats[met[met > 0] - 1, 4].sum() > TOUCHED * stats[:, 4].sum()


def _lifted(page: np.ndarray, level: float, stroke: float) -> np.ndarray:  # uint8 (h, w)
    "The page without what is weaker than a level of strength."
    over = np.rint(np.maximum(np.arange(256) - level, 0))
    stretched = np.rint(np.minimum(over * 255 / (255 - level), 255))
    return cv2.LUT(ink_strength(page, stroke), (255 - stretched).astype(np.uint8))


# %%
#| label: fig-sheet-lifted
#| fig-cap: "Capitals on squared paper, the ink that the first look finds, and the page with its print lifted."
#| fig-alt: "Three lines across many squares; their ink and the squares' in one; the lines alone on white."
rows = ["TAKE 20 PENS", "TO ROOM 39", "AT NOON"]
squared = Paper(rules="grid", rule_width=0.13, rule_colour=(190, 150, 130), noise=2)
on_squares = write(rows, squared, 3, height=40).image
first = _first(on_squares)
level = _print_level(first)
figure(
    {
        "squared paper": on_squares,
        "ink of the first look": on_white(first.mask),
        "the print lifted": _lifted(on_squares, level, first.stroke),
    },
    columns=1,
)

# %% [markdown]
# ## Steep rules
# Ruled lines are taken out as straight runs along the page ([Rules and frames](10_rules.ipynb)). Nine slopes are tried across the page, up to 7 degrees, and seven down the page, up to 5. Steeper rules stay, and the letters hang on them; on squared paper some stay from 4 degrees on. Then nothing looks like a letter any more, and the page is lost before its slope is known.
#
# Then the rules themselves tell how steep the page is. A component that is wide and climbs is a rule, or letters on one. [Hough's transform](https://docs.opencv.org/4.x/d9/db0/tutorial_hough_lines.html) finds its straight runs. Where most of them agree on one slope, the page is turned before anything else. The search is slow, so a component with a level run is left out of it: most frames of forms have one.

# %%
#| export
TOO_STEEP = 0.06  # dy/dx of rules, 3.4 degrees, from which a page is turned before anything else
RULE_LENGTH = 0.38  # of the picture's width, from which a straight run may be a rule
MOST_RULED = 0.45  # share of the picture that rules and the letters on them may ink
LEVEL = (0, -0.025, 0.025)  # dy/dx of rules that are not steep
HOUGH_STEP = math.pi / 720  # a quarter of a degree
VOTES, GAP = 100, 4  # pixels of a run that must agree, pixels that may be missing in it
SAME_SLOPE, MOST_AGREE = 0.03, 0.6  # dy/dx between runs of one slope; share of them that must be
SEVERAL = 0.1  # of the picture's height, that rules must lie apart: a single one may be a drawing's


def _straight_runs(mask: np.ndarray) -> np.ndarray:  # float (n, 4): x0, y0, x1, y1
    "Long straight runs across a page, in components that are wide and climb: rules, mostly."
    labels, stats = components(mask)
    _, _, w, h, _ = stats.T
    length = RULE_LENGTH * mask.shape[1]
    wide = np.r_[False, (w > length) & (h > TOO_STEEP * w)].astype(np.uint8)
    if not wide.any():
        return np.zeros((0, 4))
    wide[labels[straight_runs(wide[labels], length, 0, LEVEL) > 0]] = 0
    some = wide[labels]
    if not 0 < some.mean() <= MOST_RULED:
        return np.zeros((0, 4))
    found = cv2.HoughLinesP(some, 1, HOUGH_STEP, VOTES, minLineLength=length, maxLineGap=GAP)
    runs = np.zeros((0, 4)) if found is None else found.reshape(-1, 4).astype(float)
    return runs[np.abs(runs[:, 2] - runs[:, 0]) > np.abs(runs[:, 3] - runs[:, 1])]


def rule_slope(
    mask: np.ndarray,  # uint8 (h, w), 1 ink, of a page seen as a whole
) -> float:  # dy/dx; 0 where no rules are steep
    "How steep the page's rules are, if they are too steep to be found as rules."
    runs = _straight_runs(mask)
    if not len(runs):
        return 0.0
    x0, y0, x1, y1 = runs.T
    slopes = (y1 - y0) / (x1 - x0)
    usual = median(slopes)
    agree = np.abs(slopes - usual) < SAME_SLOPE
    if abs(usual) < TOO_STEEP or agree.mean() < MOST_AGREE:
        return 0.0
    left = (y0 - usual * x0)[agree]  # where the rules meet the picture's left edge
    return usual if np.ptp(left) > SEVERAL * mask.shape[0] else 0.0


def _levelled(page: np.ndarray, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """The page turned so that lines of a slope lie level, enlarged to hold all of it; float64 (2,
    3) how it was turned."""
    h, w = page.shape
    turn = cv2.getRotationMatrix2D((w / 2, h / 2), math.degrees(math.atan(slope)), 1)
    c, s = abs(turn[0, 0]), abs(turn[0, 1])
    size = int(h * s + w * c), int(h * c + w * s)
    turn[:, 2] += (size[0] - w) / 2, (size[1] - h) / 2
    level = cv2.warpAffine(
        page, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return level, turn


# %%
#| label: fig-sheet-steep
#| fig-cap: "A ruled page that was photographed askew, and the same page after it was turned along its rules. Beyond the photo its rim goes on, so the rules bend and widen there."
#| fig-alt: "Three lines of handwriting on ruled paper, turned by 12 degrees; below the page is level."
ruled = Paper(rules="ruled", rule_width=0.06, rule_colour=(150, 150, 150), noise=2)
askew = write(rows, ruled, 1, height=40, rotation=12).image
slope = rule_slope(_first(askew).mask)
assert abs(slope + math.tan(math.radians(12))) < 0.02
figure({"as it was photographed": askew, "turned": _levelled(askew, slope)[0]}, columns=1)

# %% [markdown]
# ## Level lines
# Steep lines give slanted boxes, and slanted boxes overlap. If the lines slope by more than 3.5 degrees, the page is turned level and analysed again. It must hold ten pieces or more: three slanted digits say nothing about a page.

# %%
#| export
STEEP = 0.06  # dy/dx, about 3.5 degrees: slope of the lines from which a page is turned level
TO_ANALYSE = 0.5  # share of a page's time after which no step of the search for lines is repeated
ENOUGH_TO_LEVEL = 10  # components on lines that a page must have to be turned


def _text_line(stages: _Stages, group: np.ndarray) -> TextLine | None:
    "A line of pieces, at the height of its own letters; None where no piece is left."
    heights = stages.stats[group, 3]
    tall = heights[heights >= 0.5 * stages.letter]
    usual = median(tall) if len(tall) else stages.letter
    height = float(np.clip(usual, 0.6 * stages.letter, 1.6 * stages.letter))
    pieces = line_pieces(stages.strength, stages.labels, stages.stats, group)
    pieces = join_parts(pieces, height)
    return single(height, pieces) if pieces else None


def analyse(
    grey: np.ndarray,  # uint8 (h, w), the picture
    dark: bool | None = None,  # dark ink on lighter paper; None: found out
    # whether a share of the page's time is used up; then neither a second try nor a turn is made
    over: Callable[[float], bool] = lambda share: False,
    grain: float = GRAIN,  # times the median strength that the paper's grain reaches
) -> Sheet:
    "From a picture to lines of pieces; everything relative to the height of the characters on it."
    dark = polarity(grey) > 0 if dark is None else dark
    page, turned = grey if dark else 255 - grey, np.eye(3)
    first = _first(page, grain)
    if level := _print_level(first):
        page = _lifted(page, level, first.stroke)
        first = _first(page, grain)
    if slope := rule_slope(first.mask):
        page, turned[:2] = _levelled(page, slope)
        first = _first(page, grain)
    height, region = _looked(first, page.shape)
    page, scale, s = _brought(page[region], height, over, grain)
    left, top = region[1].start or 0, region[0].start or 0
    shift = scale * (0.5 - left) - 0.5, scale * (0.5 - top) - 0.5
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]]) @ turned
    slope = slope or s.slope
    steep = abs(s.slope) > STEEP and sum(map(len, s.groups)) >= ENOUGH_TO_LEVEL
    if steep and not over(TO_ANALYSE):
        page, turn = _levelled(page, s.slope)
        matrix = turn @ np.vstack([matrix, [0, 0, 1]])
        s = _stages(page, grain)
    lines = tuple(line for group in s.groups if (line := _text_line(s, group)))
    back = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    return Sheet(
        *(page, s.strength, s.mask, s.rules, s.ink, s.labels, s.stats, s.text),
        *(lines, s.letter, slope, not dark, back),
    )


# %%
#| code-fold: true
#| code-summary: "The picture of six stages"
#| label: fig-sheet-stages
#| fig-cap: "One page at each stage. Blue are the rules that were taken out; each line has its colour."
#| fig-alt: "The sample page with rules at six stages: grey, strength, mask, rules, ink, pieces by line."
sheet = analyse(sample("ruled"))
pieces_view = on_white(sheet.ink)
for text_line, colour in zip(sheet.lines, ((60, 140, 0), (200, 80, 0), (0, 110, 220))):
    pieces_view = outlined(pieces_view, [p.box for p in text_line.pieces], colour)
rules_view = cv2.cvtColor(on_white(sheet.ink), cv2.COLOR_GRAY2BGR)
rules_view[(sheet.rules > 0) & (sheet.ink == 0)] = (255, 150, 60)
figure(
    {
        "grey, brought to size": sheet.grey,
        "strength": 255 - cv2.multiply(sheet.strength, 1.5),
        "ink mask": on_white(sheet.mask),
        "rules out": rules_view,
        "ink": on_white(sheet.ink),
        "pieces by line": pieces_view,
    }
)

# %%
assert len(sheet.lines) == 3 and not sheet.inverted
print(f"{len(sheet.lines)} lines, letters {sheet.letter:.0f} pixels high, slope {sheet.slope:+.3f}")


# %% [markdown]
# Five hands on ruled and on squared paper, at five angles. Which share of the characters has a box of its own? `TOO_STEEP` out of reach turns the new step off. The rules are nearly as dark as the pens, so that they are not lifted as print.

# %%
#| code-fold: true
#| code-summary: "With the turn along the rules and without it"
def piece_boxes(grey):
    "Boxes on the page of all pieces in lines."
    sheet = analyse(grey)
    return [sheet.to_page(p.tight) for text_line in sheet.lines for p in text_line.pieces]


def boxed(page):
    "Share of the characters whose middle lies in the box of a piece about as large as a letter."
    written = page.all_boxes
    middle, height = written[:, :2] + written[:, 2:] / 2, np.median(written[:, 3])
    boxes = np.array(piece_boxes(page.image)).reshape(-1, 4)
    boxes = boxes[(boxes[:, 3] < 1.7 * height) & (boxes[:, 2] < 2 * height)]
    inside = (middle[:, None] > boxes[:, :2]) & (middle[:, None] < boxes[:, :2] + boxes[:, 2:])
    return inside.all(2).any(1).mean()


def boxed_at(angle, kind):
    "The same, over five pages turned by an angle."
    paper = Paper(rules=kind, rule_width=0.06, rule_colour=(60, 60, 60), noise=2)
    some = (write(rows, paper, k, h, 36, rotation=angle) for k, h in enumerate(hands()))
    return np.mean([boxed(page) for page in some])


angles, chosen, turned = (0, 5, 8, 12, 16), TOO_STEEP, {}
for way, TOO_STEEP in (("as it is", 9.0), ("turned along the rules", chosen)):
    for name, kind in (("ruled", "ruled"), ("squared", "grid")):
        turned[name, way] = [boxed_at(angle, kind) for angle in angles]
TOO_STEEP = chosen
turned = pd.DataFrame(turned, index=pd.Index(angles, name="degrees")).T
assert turned.loc["squared", "turned along the rules"].min() > 0.9
turned.round(2)

# %% [markdown]
# The same hands on paper with lighter rules, level, with the print lifted and without. `TWO_INKS` out of reach turns that step off. Thick rules and squares hurt most:

# %%
#| code-fold: true
#| code-summary: "With the print lifted and without it"
chosen, lifted = TWO_INKS, {}
for way, TWO_INKS in (("as it is", 9.0), ("print lifted", chosen)):
    for width in (0.05, 0.13):
        for name, kind in (("ruled", "ruled"), ("squared", "grid")):
            paper = Paper(rules=kind, rule_width=width, rule_colour=(190, 150, 130), noise=2)
            some = (write(rows, paper, k, h, 40) for k, h in enumerate(hands()))
            lifted[name, width, way] = np.mean([boxed(page) for page in some])
TWO_INKS = chosen
lifted = pd.Series(lifted).unstack().rename_axis(["paper", "rules, letter heights thick"])
assert lifted["print lifted"].min() > 0.95 > lifted["as it is"].min()
lifted.round(2)

# %% [markdown]
# Now the nine sizes again. The boxes are those of the pieces, before any cut.

# %%
#| label: fig-sheet-sizes-after
#| fig-cap: "With the page brought to one size, letters from 9 to 400 pixels are boxed."
#| fig-alt: "Recall against letter height: the tutorial's curve has a hump from 30 to 110 pixels, ours stays high from 9 to 400."
recall["ours"] = mean_recall(piece_boxes)
assert min(recall["ours"]) > 0.8 > max(recall["tutorial"][0], recall["tutorial"][-1])
ax = pd.DataFrame(recall, index=heights).plot(**style)
ax.minorticks_off()
ax.legend(frameon=False)
ax.set(**axis, **ticks);

# %%
#| hide
assert len(analyse(np.full((50, 50), 255, np.uint8)).lines) == 0

# %% [markdown]
# On real pages, without bringing the page to size, without turning it level, and with both:

# %%
worth("scale", "turning")

# %% [markdown]
# ## What it is worth
# ### Box by box
# We compare the tutorial's boxes with those of the whole reader, cuts, judge and decoding included ([Recognition](03_recognition.ipynb)). The pages are composed on every kind of paper by five hands that took no part in any training. A box is right if
# it shares at least half of the joint area with the true one.

# %%
#| code-fold: true
#| code-summary: "Eight pages of each kind of paper, read both ways"
from customocr.recognition import Reader

reader = Reader()


def both_ways(image, boxes):
    "Precision and recall of the tutorial's boxes and of the reader's."
    found = [c.box for c in reader.read(image).characters]
    return *box_scores(tutorial_boxes(image), boxes), *box_scores(found, boxes)


composed = some_pages(PAPERS, 8, seed=5)
scored = [both_ways(page.image, page.all_boxes) for _, page in composed]
columns = pd.MultiIndex.from_product([["tutorial", "ours"], ["precision", "recall"]])
by_paper = pd.DataFrame(scored, [kind for kind, _ in composed], columns).groupby(level=0).mean()
by_paper = by_paper.sort_values(("ours", "recall"))
by_paper.loc["all"] = by_paper.mean()
assert by_paper["ours"].loc["all"].min() > by_paper["tutorial"].loc["all"].max()

# %%
by_paper.round(2)

# %% [markdown]
# The same on the sample pages of the package:

# %%
every_box = lambda p: np.concatenate([np.reshape(b, (-1, 4)) for b in p.boxes])
scored = {p.name: both_ways(sample(p.name), every_box(p)) for p in samples.pages()}
on_samples = pd.DataFrame(scored, columns).T
assert on_samples["ours", "recall"].mean() > 0.9
on_samples.round(2)

# %% [markdown]
# ### On real pages
# Fonts are not hands, and the damages of composed pages are our guesses. The figures that count are those of real pages: photos, scans, form fields and table cells by other people. We may not show them, but we can say how much of them is read. The measure is the
# [character error rate](glossary.html#cer): characters to insert, delete or change, over those written. Spaces do not count. "tutorial" stands for the tutorial's boxes with *our* network, so only the segmentation differs. The two files come from
#
# ```
# python benchmarks/page_errors.py DATA --reader customocr tutorial --csv nbs/stored/pages/readers.csv
# python benchmarks/page_errors.py DATA --reader customocr --without all --csv nbs/stored/pages/stages.csv
# ```

# %%
readers = pd.read_csv("stored/pages/readers.csv")
rates = readers.pivot(index="kind", columns="reader", values="cer")[["tutorial", "customocr"]]
assert (rates.customocr < rates.tutorial).all()
shown = rates.map("{:.3f}".format)
shown.insert(0, "images", readers.groupby("kind").images.first())
shown

# %% [markdown]
# What is each step worth? The table switches off one step at a time. A figure above that of *all steps* is what the step saves. A figure below it means that on this kind of page the step does more harm than good.

# %%
stages = pd.read_csv("stored/pages/stages.csv")
order = list(dict.fromkeys(stages.reader))
table = stages.pivot(index="reader", columns="kind", values="cer").loc[order]
table.rename(index={"customocr": "all steps"}).round(3)

# %%
#| label: fig-sheet-loss
#| fig-cap: "What leaving out one step costs on real pages, all kinds together."
#| fig-alt: "Bars: by how much the error rate on all pages rises when one step is left out."
loss = (table["all"].drop("customocr") - table.loc["customocr", "all"]).sort_values()
ax = loss.plot.barh(figsize=(5.5, 3), color="#1b7f79")
ax.set(xlabel="change of the character error rate on all pages", ylabel="");


# %% [markdown]
# ### What it costs
# The left plot shows the time against the pixels of a page, with a hundred characters on it. The right plot shows it against the characters, on 2 megapixels. The unit is the time of one adaptive threshold of 1 megapixel in the same run. All times are processor time on one core.

# %%
#| code-fold: true
#| code-summary: "Crowded pages and how their time is taken"
def crowded(characters, pixels):
    "A square page of so many characters on so many pixels."
    side, columns = int(pixels**0.5), int(np.ceil(characters**0.5))
    page, cell = np.full((side, side), 235, np.uint8), side / columns
    for i in range(characters):
        letter, size = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i * 7 % 36], cell / 45
        at = int((i % columns + 0.2) * cell), int((i // columns + 0.8) * cell)
        pen = 40, max(1, round(2.5 * size)), cv2.LINE_AA
        cv2.putText(page, letter, at, cv2.FONT_HERSHEY_SIMPLEX, size, *pen)
    return page


def seconds(call, repeats=3):
    "Least processor time of several runs."
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def twenty_thresholds(image):
    "Twenty adaptive thresholds: one alone is too quick to be timed."
    how = 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, 11, 9
    for _ in range(20):
        cv2.adaptiveThreshold(image, *how)


# %%
#| label: fig-sheet-cost
#| fig-cap: "Time grows far slower than the pixels (left), and in proportion to the characters (right)."
#| fig-alt: "Two plots of the time of analyse: against pixels it rises slowly, against characters along a straight line."
threads = cv2.getNumThreads()
cv2.setNumThreads(1)
noise = np.random.default_rng(0).integers(200, 255, (1000, 1000), dtype=np.uint8)
unit = seconds(lambda: twenty_thresholds(noise), 5) / 20
relative = lambda page: seconds(lambda: analyse(page)) / unit
megapixels, many = [0.25, 0.5, 1, 2, 4, 8, 12], [10, 50, 100, 200, 400, 800]
by_pixels = [relative(crowded(100, n * 1e6)) for n in megapixels]
by_characters = [relative(crowded(n, 2e6)) for n in many]
cv2.setNumThreads(threads)
_, axes = plt.subplots(1, 2, figsize=(7.5, 2.6), layout="constrained")
axes[0].plot(megapixels, by_pixels, "o-", color="#1b7f79")
axes[0].set(xlabel="megapixels, 100 characters", ylabel="adaptive thresholds", ylim=(0, None))
axes[1].plot(many, by_characters, "o-", color="#1b7f79")
axes[1].set(xlabel="characters, 2 megapixels", ylim=(0, None));

# %% [markdown]
# Time grows far slower than the pixels, because the page is worked on at the size of its letters. It grows in proportion to the characters.
#
# ## What stays unsolved
# - Letters that are written *over* each other share ink. No cut parts them.
# - Joined-up writing has strokes between letters that belong to neither. We read capitals and digits that stand alone or touch.
# - A sheet photographed from far to the side is turned, not straightened.
# - Two columns side by side come out line by line across both.
#
# ## Recap
# - A first look finds the height of the letters; then every page is worked on at one size.
# - Print that is weaker than the pen is lifted. Steep rules are turned level before anything else, steep lines when they are known.
# - A `Sheet` keeps every stage and knows the way back to the picture's pixels.
#
# ## Exercises
# **1.** The tutorial's limits could at least be relative. Write `relative_boxes(grey)`: the tutorial's outline, boxes kept from 0.4 to 2.5 times the median height of the contours. Over which range of heights does its recall hold?
#
# <details><summary>Solution</summary>
#
# ```python
# from customocr.segmentation import tutorial_contours, tutorial_stages
#
# def relative_boxes(grey):
#     contours = tutorial_contours(tutorial_stages(grey)["outline"])
#     boxes = np.array([cv2.boundingRect(c) for c in contours]).reshape(-1, 4)
#     median = np.median(boxes[:, 3]) if len(boxes) else 0
#     return boxes[(boxes[:, 3] > 0.4 * median) & (boxes[:, 3] < 2.5 * median)]
#
# dict(zip(heights, mean_recall(relative_boxes)))
# ```
# It hardly helps. In large letters a block of 11 pixels hollows strokes that are wider than that, and the median is one of fragments. Small letters stay lost, because the dilations by a pixel glue them together. The constants before the boxes would have to be relative as well.
#
# </details>
#
# **2.** `LETTER` is 32 pixels. Set it to 16 and to 64 in this kernel and measure recall and time again. What do you pay, what do you get?
#
# **3.** Build `thumbnail(path)`: the part of a photo that holds the writing, turned level. `first_look` and `Sheet.grey` have all you need.
#
# ## What the next notebook builds on
# A `Sheet` has lines of pieces. Where letters touch, a piece holds several of them. [Where would one cut?](12_cuts.ipynb) proposes cuts.
