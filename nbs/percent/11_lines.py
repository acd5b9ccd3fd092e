# %% [markdown]
# # Which line does it stand on?
# > From pieces of ink to lines, however high the letters are and however the lines slope.

# %% [markdown]
# A page is now a set of pieces of ink that may be text ([What is not text?](10_rules.ipynb)). Which of them belong to one line, and in what order? At the end you can follow lines that slope and sag, and measure the height of their letters.

# %%
#| default_exp layout.lines

# %%
#| export
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from customocr.layout.ink import MOST_COMPONENTS
from customocr.statistics import distinct, median, percentile

# %%
#| code-fold: true
#| code-summary: "Imports, and the ink mask of a page"
import matplotlib.pyplot as plt
import pandas as pd

from customocr.layout.ink import components, ink_mask, ink_strength
from customocr.pictures import figure, hands, outlined, show, worth, write
from customocr.writing.papers import Paper


def mask_of(page, height):
    "The ink of a page whose letters are this high, in pixels."
    return ink_mask(ink_strength(page.image, height), height)


# %% [markdown]
# ## Three lines that slope
# [The tutorial](00_data.ipynb#the-tutorial) sorts boxes from left to right. With three lines that gives one jumbled row:

# %%
#| label: fig-lines-sloping
#| fig-cap: "Three lines that slope and sag. No row of pixels between them is empty."
#| fig-alt: "Three sloping, sagging lines of handwriting."
rows = ["THE LINE GOES", "UP AND SAGS", "IN 3 ROWS"]
how = {"slope": 5, "curve": 0.4, "line_gap": 1.7}
sloped = write(rows, Paper(texture=1), 3, "architects-daughter", 36, **how)
by_x = np.argsort(sloped.all_boxes[:, 0])
print("left to right:", "".join(sloped.characters[k] for k in by_x))
show(sloped.image)

# %% [markdown]
# *Needs*: half a minute and no data.
#
# *Terms*: [connected component](glossary.html#connected-component), [reading order](glossary.html#reading-order), [bounding box](glossary.html#bounding-box).

# %% [markdown]
# A common way out is to cut the page between rows of empty pixels. It fails here, because the lines slope and no row is empty.
#
# ## How high are the letters?
# Before we look for neighbours, we need a measure for "near". The height of the letters is that measure; from here on every limit is a share of it. The tutorial wrote its limits in pixels, and they fit letters of one size only.
#
# Most components of a page are letters, so their heights agree. Specks and pictures do not. We look for the height around which most ink gathers: heights within a fifth of each other support each other, and components with more ink count more.

# %%
#| export
SUPPORT = 0.22  # in log height: heights within about a fifth support each other
EDGE_WEIGHT = 0.25  # of a component at the picture's edge, which may be cut off


def _on_edge(stats: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    "Which components touch the picture's edge."
    x, y, w, h, _ = stats.T
    return (x <= 0) | (y <= 0) | (x + w >= shape[1]) | (y + h >= shape[0])


def _like_letters(stats: np.ndarray, shape: Sequence[int]) -> np.ndarray:
    """Which components may tell the letters' height: no specks, no long or nearly empty ones, no
    bars from edge to edge."""
    _, _, w, h, ink = stats.T.astype(float)
    ok = (h >= 5) & (w < 6 * h) & (h < 12 * w) & (ink >= 0.04 * w * h) & (ink >= 8)
    ok &= ~(_on_edge(stats, shape) & (h > 0.9 * shape[0]) & (shape[0] > 40))
    return ok & ~((w > 0.6 * shape[1]) & (ink < 0.25 * w * h) & (w > 60))


def letter_height(
    stats: np.ndarray,  # int (N, 5), from `components`
    shape: Sequence[int],  # of the mask: height, width
    ignore: np.ndarray | None = None,  # bool (N,), components that are no characters: frames
) -> float | None:  # pixels; None where nothing looks like a character
    "The typical character's height: where the components' heights agree, each weighted by its ink."
    if not len(stats):
        return None
    ok = _like_letters(stats, shape)
    if ignore is not None and (ok & ~ignore).any():
        ok &= ~ignore
    if not ok.any():
        return None
    h, ink = stats[ok, 3].astype(float), stats[ok, 4].astype(float)
    weight = np.minimum(np.sqrt(ink), h)
    weight *= np.where(_on_edge(stats[ok], shape), EDGE_WEIGHT, 1)
    best = np.argsort(-weight)[:MOST_COMPONENTS]
    logs, weight = np.log(h)[best], weight[best]
    near = np.exp(-0.5 * ((logs[:, None] - logs) / SUPPORT) ** 2) * weight
    return float(np.exp(np.average(logs, weights=near[near.sum(1).argmax()])))


# %%
#| label: fig-lines-height
#| fig-cap: "Many specks are lower than 5 pixels; the estimate (orange) is where the letters are."
#| fig-alt: "Heights of the components of a noisy page: many specks below 5 pixels, a cluster around 40, which the estimate hits."
dirty = Paper(specks=30, texture=4, noise=4)
speckled = write(["TAKE 20 PENS", "TO ROOM 39"], dirty, 2, height=40)
_, stats = components(mask_of(speckled, 40))
estimate = letter_height(stats, speckled.image.shape)
assert 32 < estimate < 48
fig, ax = plt.subplots(figsize=(5.5, 2.2), layout="constrained")
ax.hist(stats[:, 3], bins=np.geomspace(1, 200, 40), color="#1b7f79")
ax.axvline(estimate, color="#d9822b")
ax.set(xscale="log", xlabel="height of a component, pixels", ylabel="components")
ax.set_title(f"estimate {estimate:.0f} pixels, written 40 high", fontsize=10);


# %% [markdown]
# ## From neighbour to neighbour
# The eye goes from a letter to its neighbour. Two characters are *mutual neighbours* if two things hold: the second is the nearest to the right of the first, and the first is the nearest to the left of the second. Both must stand on about the same level.
#
# Mutual neighbours form chains. A chain follows a curved line, because each step looks only as far as the next letter. The median slope of the steps tells how the page slopes. Then we look for neighbours again, along that slope.

# %%
#| export
@dataclass(frozen=True)
class _Boxes:
    "Components as columns of floats, in pixels."

    x0: np.ndarray  # left
    x1: np.ndarray  # right
    cy: np.ndarray  # middle
    h: np.ndarray  # height

    @property
    def middle(self) -> np.ndarray:  # across
        return (self.x0 + self.x1) / 2

    def level(self, slope: float) -> np.ndarray:  # height on the page once its lines lie level
        return self.cy - slope * self.middle


def _neighbours(b: _Boxes, letter: float, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (i, j) where j is i's nearest to the right on a line of this slope, and i is j's
    nearest to the left."""
    level, middle = b.level(slope), b.middle
    gap = np.maximum(b.x0[None] - b.x1[:, None], 0)
    dx, off = middle[None] - middle[:, None], np.abs(level[None] - level[:, None])
    ok = (dx > 0) & (off < 0.5 * np.maximum(b.h[:, None], b.h[None]))
    ok &= off < 0.62 * letter + 0.05 * gap
    cost = np.where(ok, gap + 0.15 * dx + off, 1e9)
    right, left, i = cost.argmin(1), cost.argmin(0), np.arange(len(level))
    good = (cost[i, right] < 1e9) & (left[right] == i)
    return i[good], right[good]


def _slope(b: _Boxes, letter: float) -> float:
    """Median slope, dy/dx, between neighbours that stand close and are about equally high; long
    steps count more."""
    slope = 0.0
    for _ in range(3):
        i, j = _neighbours(b, letter, slope)
        alike = np.minimum(b.h[i], b.h[j]) > 0.6 * np.maximum(b.h[i], b.h[j])
        near = (b.x0[j] - b.x1[i] < 2 * letter) & alike
        if near.sum() < 2:
            break
        dx, dy = ((b.x0 + b.x1)[j] - (b.x0 + b.x1)[i])[near] / 2, (b.cy[j] - b.cy[i])[near]
        order = np.argsort(dy / dx)
        weight = dx[order].cumsum()
        new = float((dy / dx)[order][np.searchsorted(weight, weight[-1] / 2)])
        new = new if abs(new) < 0.6 else 0.0  # no line is that steep
        slope, before = new, slope
        if abs(slope - before) < 0.003:
            break
    return slope


# %% [markdown]
# A wide gap between words breaks a chain. So chains on one level become one line. What is too small to lead a line, such as a comma or the loose bar of an E, goes to the line it stands in.
#
# Two more things are needed. A T may fall into a bar and a stem, and some stems may form a chain of their own. It is low (`STUMP`) and stands within a line, so it belongs to it. And the slope of a few letters is a guess. Level is tried as well, and what makes fewer lines is kept.

# %%
#| export
ENOUGH_FOR_SLOPE = 15  # components of a page whose slope is believed
SPANS = 1.55  # letter heights from which a component may hang together with the line below
LEADS = 0.45  # letter heights from which a component is tall enough to lead a line
SAME_LEVEL = 0.47  # letter heights between the levels of two chains of one line
ABOVE_ANOTHER = 0.3  # the same where the chains overlap: they may be two lines close together
STUMP = 0.75  # letter heights under which a chain may be parts of letters: stems of Ts
MOSTLY = 0.8  # share of its height that must stand within the line then
BESIDE_LINE = 0.35  # letter heights by which a small part may stand above or below its line


def _chains(b: _Boxes, letter: float, slope: float) -> list[np.ndarray]:
    "Chains of mutual neighbours, the longest first."
    chain = np.arange(len(b.h))
    for i, j in zip(*_neighbours(b, letter, slope)):
        chain[chain == chain[j]] = chain[i]
    return sorted((np.flatnonzero(chain == c) for c in distinct(chain)), key=len, reverse=True)


def _within_line(
    near: np.ndarray, chain: np.ndarray, b: _Boxes, level: np.ndarray, letter: float
) -> bool:
    "Whether a chain is low and stands between the tops and bottoms of a line's letters near it."
    tops, bottoms = level - b.h / 2, level + b.h / 2
    top, bottom = (
        max(tops[near].min(), tops[chain].min()),
        min(bottoms[near].max(), bottoms[chain].max()),
    )
    low = b.h[chain].max() < STUMP * letter
    return bool(low and bottom - top > MOSTLY * (bottoms[chain].max() - tops[chain].min()))


def _off(line: np.ndarray, chain: np.ndarray, b: _Boxes, level: np.ndarray, letter: float) -> float:
    """By how much a chain is off a line's level where it stands; infinite where it cannot be part
    of it."""
    near = line[np.argsort(np.abs(b.middle[line] - b.middle[chain].mean()))[:4]]
    off = abs(median(level[near]) - float(level[chain].mean()))
    overlap = np.minimum(b.x1[chain].max(), b.x1[line]) - np.maximum(b.x0[chain].min(), b.x0[line])
    shared = (overlap > 0.5 * np.minimum(b.x1[line] - b.x0[line], letter)).any()
    level_enough = off < letter * (ABOVE_ANOTHER if shared else SAME_LEVEL)
    return off if level_enough or _within_line(near, chain, b, level, letter) else np.inf


def _joined(
    chains: list[np.ndarray], b: _Boxes, level: np.ndarray, letter: float
) -> list[np.ndarray]:
    "Lines, top to bottom: each chain goes to the line on its level, or begins a new one."
    lines: list[np.ndarray] = []
    low, high = np.zeros(len(chains)), np.zeros(len(chains))  # levels that a line covers
    for chain in chains:
        own, most, n = level[chain].mean(), letter * SAME_LEVEL, len(lines)
        near = np.flatnonzero((low[:n] - most <= own) & (own <= high[:n] + most))
        offs = [_off(lines[k], chain, b, level, letter) for k in near]
        if offs and min(offs) < np.inf:
            k = int(near[np.argmin(offs)])
            lines[k] = np.concatenate([lines[k], chain])
        else:
            k = n
            lines.append(chain)
        low[k], high[k] = level[lines[k]].min(), level[lines[k]].max()
    return sorted(lines, key=lambda line: median(level[line]))


def _sloped(b: _Boxes, letter: float) -> tuple[float, list[np.ndarray]]:
    """The slope of a page and its lines. The slope of a few letters is a guess: level is tried as
    well, and where that makes fewer lines of them it is right."""
    slope = _slope(b, letter)
    some = [slope, 0.0] if len(b.h) < ENOUGH_FOR_SLOPE else [slope]
    found = [(v, _joined(_chains(b, letter, v), b, b.level(v), letter)) for v in some]
    return min(found, key=lambda each: len(each[1]))


def _line_of(
    middle: float,
    level: float,
    lines: list[np.ndarray],
    b: _Boxes,
    levels: np.ndarray,
    tops: np.ndarray,
    bottoms: np.ndarray,
    most: float,
) -> int | None:
    """The line in which a small part stands, or next to which it stands no farther than `most`
    pixels."""
    best, found = most, None
    for n in np.flatnonzero(np.maximum(tops - level, level - bottoms) < most):
        line = lines[n]
        distance = np.abs(b.middle[line] - middle)
        near = line[np.argsort(distance)[:3]]
        above = float((levels[near] - b.h[near] / 2).min() - level)
        below = float(level - (levels[near] + b.h[near] / 2).max())
        off = max(above, below, 0) + 0.02 * float(distance.min())
        if off < best:
            best, found = off, int(n)
    return found


def _leaders(h: np.ndarray, letter: float) -> np.ndarray:  # int (n,), tallest first
    """Components that lead lines: tall enough, and not so high that they may hang together with the
    next line, unless most are."""
    tall = np.flatnonzero(h >= LEADS * letter)
    usual = tall[h[tall] <= SPANS * letter]
    if len(usual) > 0.5 * len(tall):
        tall = usual
    elif not len(tall):
        tall = np.arange(len(h))
    return tall[np.argsort(-h[tall])[:MOST_COMPONENTS]]


def group_lines(
    stats: np.ndarray,  # int (N, 5), components of a page
    letter: float,  # pixels
) -> tuple[list[np.ndarray], float]:  # components of each line in reading order; slope, dy/dx
    """Text lines: chains of mutual neighbours, chains on one level joined, small parts given to the
    line they stand in."""
    if not len(stats):
        return [], 0.0
    x, y, w, h, _ = stats.T.astype(float)
    tall = _leaders(h, letter)
    b = _Boxes(x[tall], (x + w)[tall], (y + h / 2)[tall], h[tall])
    slope, lines = _sloped(b, letter)
    levels = b.level(slope)
    out = [list(tall[line]) for line in lines]
    tops = np.array([(levels[line] - b.h[line] / 2).min() for line in lines])
    bottoms = np.array([(levels[line] + b.h[line] / 2).max() for line in lines])
    leads = np.zeros(len(stats), bool)
    leads[tall] = True
    small = np.flatnonzero(~leads)
    most = small[np.argsort(-stats[small, 4], kind="stable")[: 2 * MOST_COMPONENTS]]
    for k in np.sort(most).tolist():
        middle = x[k] + w[k] / 2
        level = y[k] + h[k] / 2 - slope * middle
        n = _line_of(middle, level, lines, b, levels, tops, bottoms, BESIDE_LINE * letter)
        if n is not None:
            out[n].append(int(k))
    return [np.array(sorted(line, key=lambda k: x[k] + w[k] / 2)) for line in out], slope


# %%
#| label: fig-lines-chains
#| fig-cap: "The lines slope and sag, and no chain jumps to a neighbouring line."
#| fig-alt: "The three lines, each joined by a path from letter to letter in a colour of its own."
labels, stats = components(mask_of(sloped, 36))
lines, slope = group_lines(stats, 36)
view = cv2.cvtColor(sloped.image, cv2.COLOR_GRAY2BGR)
for members, colour in zip(lines, ((60, 140, 0), (200, 80, 0), (0, 110, 220))):
    centres = (stats[members, :2] + stats[members, 2:4] / 2).astype(np.int32)
    cv2.polylines(view, [centres.reshape(-1, 1, 2)], False, colour, 2, cv2.LINE_AA)
print(f"{len(lines)} lines, slope {slope:+.3f}, written {-np.tan(np.deg2rad(5)):+.3f}")
assert len(lines) == 3 and abs(slope + np.tan(np.deg2rad(5))) < 0.05
show(view)


# %% [markdown]
# We write forty pages of three lines, some level, some steep, some sagging. On which share of them does each way find exactly the lines that were written?

# %%
#| code-fold: true
#| code-summary: "Two ways to lines, on forty pages"
def by_empty_rows(stats):
    "Lines between empty rows."
    rows = np.zeros(stats[:, [1, 3]].sum(1).max() + 1, bool)
    for y, h in stats[:, [1, 3]]:
        rows[y : y + h] = True
    band = np.cumsum(np.diff(np.r_[False, rows].astype(int)) == 1)[stats[:, 1]]
    return [np.flatnonzero(band == b) for b in np.unique(band)]


def lines_right(page, labels, lines):
    "Whether each line holds the ink of one written line, and there are as many."
    number = np.repeat(np.arange(len(page.boxes)), [len(b) for b in page.boxes])
    owner = np.where(page.labels >= 0, number[page.labels], -1)
    held = [set(owner[np.isin(labels, line + 1) & (owner >= 0)]) for line in lines]
    one_each = len(held) == len(page.boxes) and all(len(owners) == 1 for owners in held)
    return one_each and len(set.union(*held)) == len(held)


rng, right = np.random.default_rng(1), []
for k in range(40):
    steep, sag = float(rng.uniform(-8, 8)), float(rng.normal(0, 0.4))
    how = {"slope": steep, "curve": sag, "line_gap": float(rng.uniform(1.5, 2.4))}
    text = ["TAKE 20 PENS", "TO ROOM 39", "AT NOON"]
    page = write(text, None, k, list(hands())[k % 5], 30, **how)
    labels, stats = components(mask_of(page, 30))
    ways = by_empty_rows(stats), group_lines(stats, 30)[0]
    right.append((abs(steep) > 3, *(lines_right(page, labels, way) for way in ways)))
columns = ["steeper than 3 degrees", "empty rows", "chains"]
in_lines = pd.DataFrame(right, columns=columns).groupby(columns[0]).mean()
assert in_lines["chains"].min() > 0.8 > in_lines["empty rows"].loc[True]

# %%
in_lines.round(2)

# %% [markdown]
# ## Lines that touch
# Lines that are written closely touch: the tail of a letter runs into the head of the one below. Then two letters are one component, as high as two lines. Its middle lies between the lines, and a chain that steps on it goes on in the wrong one.

# %%
#| label: fig-lines-touching
#| fig-cap: "Orange: components that reach from one line into the next."
#| fig-alt: "Four closely written lines; some letters hang together with the letter below and are outlined."
rows, how = ["TAKE 20 PENS", "TO ROOM 39", "AT HALF PAST", "SEVEN PLEASE"], {"line_gap": 1.2}
close = write(rows, None, 2, "shadows-into-light", 36, **how)
labels, stats = components(mask_of(close, 36))
reaching = stats[stats[:, 3] > SPANS * 36]
assert len(reaching) >= 2
show(outlined(close.image, reaching[:, :4]))

# %% [markdown]
# So a component that is higher than `SPANS` letter heights leads no line, and the lines are found without it. They tell how high each line stands at its place. It is cut between two of them, along the row with the least ink, which slopes as the lines do.
#
# Letters of three lines can hang together, too. Such a piece is too high to be text, and it would be gone with what is no text. So what is at most six letters high and three wide (`CHAIN`) is cut as well, whether it can be text or not. What no two lines run through stays as it is.
#
# A line from which to cut needs two whole letters of its own. Otherwise the halves of a broken 2 would be two lines, and the 3 beside it would be cut.

# %%
#| export
WHOLE = 0.7  # letter heights of a component that is no mere part; a line to cut from has two
AROUND = 0.25  # of the way from line to line: how far from its middle a cut may be
APART = 0.5  # letter heights between lines that can be cut apart
REACHES = 0.15  # letter heights beyond the middle of a line, from which a component is in it
CHAIN = (6.0, 3.0)  # letter heights: how high and wide letters of several lines in one piece are


def _levels_near(
    stats: np.ndarray, lines: list[np.ndarray], middle: float, slope: float
) -> list[float]:
    "How high each line stands at a place across the page, by its three components nearest to it."
    x, y, w, h, _ = stats.T.astype(float)
    centre, level = x + w / 2, y + h / 2 - slope * (x + w / 2)
    out = []
    for line in lines:
        near = line[np.argsort(np.abs(centre[line] - middle))[:3]]
        out.append(median(level[near]) + slope * middle)
    return sorted(out)


def part_lines(
    ink: np.ndarray,  # uint8 (h, w), 1 ink
    labels: np.ndarray,  # int32 (h, w), its components
    stats: np.ndarray,  # int (N, 5), likewise
    index: np.ndarray,  # int (n,), components that can be text
    letter: float,  # pixels
) -> np.ndarray:  # uint8 (h, w); `ink` itself where nothing was cut
    "Cut components that reach from one line into the next, where they have least ink between them."
    _, _, w, h, _ = stats.T
    high = h > SPANS * letter
    text = np.isin(np.arange(len(stats)), index)
    reach = high & (text | ((h <= CHAIN[0] * letter) & (w <= CHAIN[1] * letter)))
    if not reach.any() or 2 * high[index].sum() >= len(index):
        return ink
    low = stats[index[~high[index]]]
    found, slope = group_lines(low, letter)
    lines = [line for line in found if (low[line, 3] > WHOLE * letter).sum() >= 2]
    out = ink
    for k in np.flatnonzero(reach):
        x, y, w, h, _ = stats[k]
        levels = _levels_near(low, lines, x + w / 2, slope)
        within = [v for v in levels if y + REACHES * letter < v < y + h - REACHES * letter]
        apart = [pair for pair in zip(within, within[1:]) if pair[1] - pair[0] > APART * letter]
        for upper, lower in apart:
            out = ink.copy() if out is ink else out
            _cut_between(out, labels, int(k) + 1, stats[k], upper, lower, slope)
    return out


def _cut_between(
    ink: np.ndarray,
    labels: np.ndarray,
    label: int,
    box: np.ndarray,
    upper: float,
    lower: float,
    slope: float,
) -> None:
    "Take two rows out of a component between two levels, along the slope, where its ink is least."
    x, y, w, h, _ = box
    columns = np.arange(w)
    tilt = np.round(slope * (columns - w / 2)).astype(int)
    middle, reach = (upper + lower) / 2, AROUND * (lower - upper)
    rows = np.arange(int(middle - reach), int(middle + reach) + 1)
    at = np.clip(rows[:, None] + tilt, y, y + h - 2)  # (rows, columns)
    here = labels[at, x + columns] == label
    far = np.abs(rows - middle) / (lower - upper)
    best = at[np.argmin(here.sum(1) + far)]
    for row in (best, best + 1):
        own = labels[row, x + columns] == label
        ink[row[own], x + columns[own]] = 0


# %%
#| code-fold: true
#| code-summary: "Which characters are in their line"
def share_in_line(page, labels, lines):
    "Share of the characters with most of their ink where most of their written line is."
    line_of = np.full(labels.max() + 1, -1)
    for n, line in enumerate(lines):
        line_of[line + 1] = n
    found = line_of[labels]
    most = lambda some: np.bincount(some + 1).argmax() - 1
    own = [most(found[page.labels == k]) for k in range(len(page.all_boxes))]
    written = np.split(np.array(own), np.cumsum([len(b) for b in page.boxes])[:-1])
    modes = [most(line) for line in written]
    good = [(line == mode).sum() for line, mode in zip(written, modes) if mode >= 0]
    return sum(good) / len(own) if len(set(modes)) == len(modes) else 0.0


# %%
#| label: fig-lines-parted
#| fig-cap: "The same page, cut: each component now lies in one line, and each line has its colour."
#| fig-alt: "Four closely written lines; the boxes of each line's letters have one colour, no box reaches into two lines."
ink = mask_of(close, 36)
labels, stats = components(ink)
parted = part_lines(ink, labels, stats, np.arange(len(stats)), 36)
labels, stats = components(parted)
lines, _ = group_lines(stats, 36)
assert share_in_line(close, labels, lines) == 1
view = cv2.cvtColor(close.image, cv2.COLOR_GRAY2BGR)
for members, colour in zip(lines, ((60, 140, 0), (200, 80, 0), (0, 110, 220), (170, 0, 170))):
    view = outlined(view, stats[members, :4], colour)
show(view)

# %% [markdown]
# Forty pages again, from lines that touch everywhere to lines that stand apart. A cut leaves a few pixels of a letter in the other line, so we ask for less than before: which share of the characters has most of its ink in the line where its neighbours are?

# %%
#| code-fold: true
#| code-summary: "With the cut and without it, on forty pages"
rng, right = np.random.default_rng(2), []
for k in range(40):
    gap = (1.0, 1.1, 1.25, 1.5)[k % 4]
    how = {"slope": float(rng.uniform(-3, 3)), "line_gap": gap}
    page = write(rows, None, k, list(hands())[k // 4 % 5], 30, **how)
    ink = mask_of(page, 30)
    row = [gap]
    for cut in (False, True):
        labels, stats = components(ink)
        if cut:
            labels, stats = components(part_lines(ink, labels, stats, np.arange(len(stats)), 30))
        row.append(share_in_line(page, labels, group_lines(stats, 30)[0]))
    right.append(row)
columns = ["from line to line, in cap heights", "not cut", "cut"]
touching = pd.DataFrame(right, columns=columns).groupby(columns[0]).mean()
assert touching["cut"].mean() > touching["not cut"].mean()
touching.round(2)

# %% [markdown]
# ## Letters in pieces
# A component is not always a character. An E may have three bars that hang loose, an I may have a dot.
#
# Within a line we work with *pieces*. A `Piece` is a small picture of ink with its place on the page. It keeps the grey values, because the glyphs that the network was trained on have soft edges, too. Each piece holds only its own ink, also where the boxes of two letters overlap.

# %%
#| export
SOLID = 96  # of 255: ink that counts, without the soft rim


@dataclass(frozen=True)
class Piece:
    "A patch of ink: a component, a part that was cut off one, or several together."

    x: int  # of the patch's upper left, in pixels of the page that is worked on
    y: int
    ink: np.ndarray  # uint8 (h, w), 0 paper .. 255 ink

    @property
    def box(self) -> tuple[int, int, int, int]:  # x, y, w, h
        return self.x, self.y, self.ink.shape[1], self.ink.shape[0]

    @property
    def tight(self) -> tuple[int, int, int, int]:  # x, y, w, h of the ink without its soft rim
        x, y, w, h = cv2.boundingRect((self.ink > SOLID).astype(np.uint8))
        return (self.x + x, self.y + y, w, h) if w else self.box

    @property
    def right(self) -> int:
        return self.x + self.ink.shape[1]

    @property
    def bottom(self) -> int:
        return self.y + self.ink.shape[0]


def union(
    pieces: Sequence[Piece],  # at least one
) -> Piece:  # all their ink in one patch
    "Lay pieces over one another."
    if len(pieces) == 1:
        return pieces[0]
    x, y = min(p.x for p in pieces), min(p.y for p in pieces)
    out = np.zeros((max(p.bottom for p in pieces) - y, max(p.right for p in pieces) - x), np.uint8)
    for p in pieces:
        view = out[p.y - y : p.bottom - y, p.x - x : p.right - x]
        np.maximum(view, p.ink, out=view)
    return Piece(x, y, out)


def line_pieces(
    strength: np.ndarray,  # uint8 (h, w), of the page
    labels: np.ndarray,  # int32 (h, w), of its components
    stats: np.ndarray,  # int (N, 5), likewise
    line: np.ndarray,  # int (n,), components of one line
) -> list[Piece]:  # one for each component, left to right
    "The components of a line as soft ink, as dark as the line's own pen."
    x, y, w, h, _ = stats[line].T
    left, top = max(0, x.min() - 2), max(0, y.min() - 2)
    at = np.s_[top : (y + h).max() + 2, left : (x + w).max() + 2]
    own = np.zeros(len(stats) + 1, bool)
    own[line + 1] = True
    label = np.where(own[labels[at]], labels[at], 0)
    level = max(percentile(strength[at][label > 0], 70), 1.0)
    soft = cv2.multiply(strength[at], 255 / level)  # type: ignore[call-overload] # one number
    rim = cv2.dilate(label.astype(np.float32), np.ones((3, 3), np.uint8)).astype(label.dtype)
    grown = np.where(label > 0, label, rim)
    grown[(labels[at] > 0) & (label == 0)] = 0  # other lines' ink is not this one's soft edge
    pieces = []
    for k, i in enumerate(line):
        bx, by = max(0, x[k] - left - 1), max(0, y[k] - top - 1)
        here = np.s_[by : y[k] - top + h[k] + 1, bx : x[k] - left + w[k] + 1]
        ink = np.where(grown[here] == i + 1, soft[here], 0).astype(np.uint8)
        pieces.append(Piece(int(bx + left), int(by + top), ink))
    return sorted(pieces, key=lambda p: p.x + p.right)


# %% [markdown]
# Two rules are safe enough to be written by hand:
#
# - A small mark that floats above a letter is dropped: none of our 36 characters has a dot or an accent.
# - Pieces that stand above each other, within the width of a letter, are one character.

# %%
#| export
# All in letter heights
FLOATS = (0.42, 0.45)  # height and width up to which a mark above a letter is a dot or accent
CLEAR = 0.06  # white between a dot and its letter
ONE_LETTER = 1.3  # width up to which pieces above each other are one character
BAR = 0.6  # height under which a piece may stick out: the bar of an E does


def _shared(p: Piece, q: Piece) -> int:
    "Columns that two pieces have in common; negative where they stand apart."
    return min(p.right, q.right) - max(p.x, q.x)


def _without_marks(pieces: list[Piece], letter: float) -> list[Piece]:
    "The pieces without dots and accents that float above a letter."
    tall = [q for q in pieces if q.ink.shape[0] >= 0.5 * letter]

    def floats(p: Piece) -> bool:
        h, w = p.ink.shape
        small = h <= FLOATS[0] * letter and w < FLOATS[1] * letter
        below = (q for q in tall if _shared(p, q) > 0.3 * w)
        return small and any(q.y - p.bottom >= CLEAR * letter - 1 for q in below)

    return [p for p in pieces if not floats(p)]


def _belongs(p: Piece, q: Piece, letter: float) -> bool:
    "Whether a piece stands above or below a wider one, within the width of a letter."
    h, w = p.ink.shape
    if w > q.ink.shape[1] or max(p.right, q.right) - min(p.x, q.x) >= ONE_LETTER * letter:
        return False
    share = _shared(p, q) / w
    return share > 0.95 or (share >= 0.75 and h < BAR * letter)


def _first_pair(pieces: list[Piece], letter: float) -> tuple[int, int] | None:
    "The first piece that belongs to another, and that other; only near neighbours are looked at."
    for k, p in enumerate(pieces):
        for n in range(max(0, k - 4), min(len(pieces), k + 5)):
            if n != k and _belongs(p, pieces[n], letter):
                return k, n
    return None


def join_parts(
    pieces: list[Piece],  # of one line, left to right
    letter: float,  # pixels
) -> list[Piece]:  # left to right
    """Drop dots and accents that float above a letter; join parts that stand above each other, as
    the bars of an E do."""
    out = _without_marks(pieces, letter)
    while pair := _first_pair(out, letter):
        rest = [p for i, p in enumerate(out) if i not in pair]
        out = sorted([*rest, union([out[i] for i in pair])], key=lambda p: p.x + p.right)
    return out


# %%
#| label: fig-lines-parts
#| fig-cap: "Left the components; right each character is one piece."
#| fig-alt: "Letters with dots and loose bars: boxes of the components, and boxes after joining."
failing, how = Paper(fade=0.95, opacity=0.9), {"dotted_i": 1.0}
loose = write(["FIVE PIES"], failing, 6, "shadows-into-light", 44, **how)
labels, stats = components(mask_of(loose, 44))
members = np.flatnonzero(stats[:, 4] > 3)
parts = line_pieces(ink_strength(loose.image, 44), labels, stats, members)
whole = join_parts(parts, 44)
print(f"{len(parts)} components, {len(whole)} after joining, {len(loose.all_boxes)} characters")
assert len(whole) < len(parts)
views = {"components": parts, "joined": whole}
figure({name: outlined(loose.image, [p.box for p in found]) for name, found in views.items()})

# %%
worth("parts")


# %% [markdown]
# ## What a line is
# A `TextLine` holds the height of its letters and its pieces. It also holds *candidates*: runs of neighbouring pieces that may be one character. Before anything is cut, each piece is its own candidate.

# %%
#| export
@dataclass(frozen=True)
class Candidate:
    "A run of neighbouring pieces that may be one character."

    start: int  # first piece
    end: int  # after the last piece
    piece: Piece  # their ink together


@dataclass(frozen=True)
class TextLine:
    "One line of a page."

    letter: float  # pixels, height of its characters
    pieces: tuple[Piece, ...]  # left to right: whole components, or parts of them once it is cut
    candidates: tuple[Candidate, ...]  # what may be a character


def single(
    letter: float,  # pixels, height of a character
    pieces: Sequence[Piece],  # left to right
) -> TextLine:  # each piece is a candidate
    "A line before it is cut."
    candidates = tuple(Candidate(k, k + 1, p) for k, p in enumerate(pieces))
    return TextLine(letter, tuple(pieces), candidates)


# %%
one_line = single(44, whole)
assert [c.piece for c in one_line.candidates] == whole
len(one_line.pieces), len(one_line.candidates)

# %% [markdown]
# ## Recap
# - The letters' height is the one at which most ink agrees. Every limit is a share of it.
# - Lines are chains of mutual neighbours. Chains follow slopes and curves.
# - Pieces above each other are one character; a mark that floats above a letter is dropped.
#
# ## Exercises
# **1.** Write the three lines with `line_gap=1.2` and look at the chains. From which gap on do two lines mix?
#
# **2.** Write a page in two columns (join two pictures with `np.hstack`) and group it. Then build `columns(stats, letter)`, which parts components at a wide gap that goes through all lines, and group each part.
#
# <details><summary>Solution</summary>
#
# ```python
# def columns(stats, letter, gap=2.5):
#     inked = np.zeros((stats[:, 0] + stats[:, 2]).max() + 1, bool)
#     for x, w in stats[:, [0, 2]]:
#         inked[x : x + w] = True
#     grown = cv2.dilate(inked.astype(np.uint8)[None], np.ones((1, int(gap * letter)), np.uint8))[0]
#     number = np.cumsum(np.diff(np.r_[0, grown]) == 1)[stats[:, 0]]
#     return [np.flatnonzero(number == n) for n in np.unique(number)]
# ```
#
# </details>
#
# **3.** In `_slope`, take the plain mean instead of the median. On how many of the forty pages does that go wrong?
#
# ## What the next notebook builds on
# Ink, rules, lines: [All steps together](11b_sheet.ipynb) runs them one after the other on any picture.
