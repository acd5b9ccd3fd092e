# %% [markdown]
# # How does a crop become a glyph?
# > The one way a glyph is made: training data, page crops and drawings all pass through here.

# %% [markdown]
# A network answers well for pictures like those it was trained on. So every glyph, whether it comes from MNIST, from a pen, from a page or from a finger on a screen, is laid out in one way. This notebook builds that way: `normalise_glyph`.
# At the end you can turn any crop of ink into the 28 x 28 picture that the network knows.

# %%
#| default_exp glyphs

# %%
#| export
from __future__ import annotations

import math

import cv2
import numpy as np

# %%
#| code-fold: true
#| code-summary: "Imports"
from customocr.layout.sheet import analyse
from customocr.pictures import sample, show, tiles, write
from customocr.writing.papers import Paper


# %% [markdown]
# ## Three crops of one letter
# The same A from three pages: large, small and in faint pencil. Plainly resized to 28 x 28 they are three different pictures.

# %%
#| code-fold: true
#| code-summary: "Three crops of an A"
#| label: fig-glyphs-crops
#| fig-cap: "To us this is one letter. To a network that compares pixels, these are three pictures with little in common."
#| fig-alt: "Three pictures of a letter A, resized to squares: small, off the middle, the second blurred, the third faint."
def crop(height, opacity=1.0, hand="patrick-hand"):
    "An A as white ink on black, with some black around it."
    page = write(["A"], Paper(opacity=opacity, blur=0.6), 3, hand, height)
    paper = np.full_like(page.image, np.median(page.image) - 8)
    return np.pad(cv2.subtract(paper, page.image), 4)


crops = [crop(120), crop(14), crop(48, 0.3)]
show(tiles([cv2.resize(ink, (28, 28), interpolation=cv2.INTER_AREA) for ink in crops]), 4)

# %% [markdown]
# The layout is that of MNIST (LeCun et al., 1998, "Gradient-based learning applied to document recognition", section III.A): the ink's longest side is 20 pixels, and its centre of mass is in the middle of 28 x 28.
#
# *Needs*: five seconds and no data.
#
# *Terms*: [glyph](glossary.html#glyph), [bounding box](glossary.html#bounding-box).

# %% [markdown]
# ## Find the ink
# First we crop to the ink: to the pixels that are at least a quarter as bright as the brightest. A limit relative to the brightest pixel works for pencil and for marker.

# %%
#| export
CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # index = label
MOST_CLASSES = 250  # of a model: the 36 and those that it was taught


def class_of(
    c: str,  # a character
    classes: str = CLASSES,  # of a model: the 36, and behind them what it was taught
) -> int:  # -1 where it is none, or two as a capital
    "Index of a character; lower case counts as the capital where the model has none of its own."
    if c in classes:
        return classes.find(c) if len(c) == 1 else -1
    return classes.find(c.upper()) if len(c.upper()) == 1 else -1


SIDE = 28  # pixels, side of a glyph
INK_SIDE = 20  # pixels, longest side of the ink in a glyph (MNIST's choice)
INK_LEVEL = 0.25  # of the brightest pixel: from here on a pixel is ink when the crop is found
FULL_LEVEL = 90  # percentile of the ink that is brought to 255: pencil and marker look alike


def ink_box(
    ink: np.ndarray,  # uint8 (h, w), white ink on black
) -> tuple[int, int, int, int] | None:  # x, y, w, h in pixels, None where there is no ink
    "Bounding box of the pixels at least `INK_LEVEL` as bright as the brightest."
    top = cv2.minMaxLoc(ink)[1] if ink.size else 0
    if top < 8:
        return None
    _, mask = cv2.threshold(ink, math.ceil(INK_LEVEL * top) - 1, 255, cv2.THRESH_BINARY)
    x, y, w, h = cv2.boundingRect(mask)
    return x, y, w, h


# %%
boxes = [ink_box(ink) for ink in crops]
assert all(w < ink.shape[1] and h < ink.shape[0] for (_, _, w, h), ink in zip(boxes, crops))
assert ink_box(np.zeros((9, 9), np.uint8)) is None
boxes


# %% [markdown]
# ## One size, one place, one brightness
# Then three steps follow:
#
# 1. The longest side of the ink becomes 20 pixels, the other side follows in proportion.
# 2. The ink is brightened until nine tenths of its pixels are at most white. Faint pencil then looks like marker.
# 3. The centre of mass goes to the middle of 28 x 28.

# %%
#| export
def normalise_glyph(
    ink: np.ndarray,  # uint8 (h, w), white ink on black, any size
) -> np.ndarray:  # uint8 (28, 28), white on black; all zero where there is no ink
    """Crop to the ink, bring its longest side to 20 pixels and its centre of mass to the middle of
    28 x 28."""
    box = ink_box(ink)
    glyph = np.zeros((SIDE, SIDE), np.uint8)
    if box is None:
        return glyph
    x, y, w, h = box
    crop = ink[y : y + h, x : x + w]
    scale = INK_SIDE / max(w, h)
    if scale != 1:
        size = (max(1, round(w * scale)), max(1, round(h * scale)))
        crop = cv2.resize(
            crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
    bright = np.sort(crop[crop >= INK_LEVEL * cv2.minMaxLoc(crop)[1]])
    crop = cv2.convertScaleAbs(crop, alpha=255 / float(bright[len(bright) * FULL_LEVEL // 100]))
    h, w = crop.shape
    moments = cv2.moments(crop)
    left = round(SIDE / 2 - 0.5 - moments["m10"] / moments["m00"])
    top = round(SIDE / 2 - 0.5 - moments["m01"] / moments["m00"])
    left, top = min(max(left, 0), SIDE - w), min(max(top, 0), SIDE - h)
    glyph[top : top + h, left : left + w] = crop
    return glyph


# %%
#| label: fig-glyphs-normalised
#| fig-cap: "After `normalise_glyph` the three crops are nearly one picture."
#| fig-alt: "The same three letters A, now of one size, place and brightness."
glyphs = np.stack([normalise_glyph(ink) for ink in crops])
ink = glyphs.reshape(3, -1) > 127
assert min((ink[0] & ink[k]).sum() / (ink[0] | ink[k]).sum() for k in (1, 2)) > 0.5
show(tiles(glyphs), 4)


# %% [markdown]
# ## Is it one already?
# MNIST's own digits have the layout. To lay them out again would blur them, so `normalise_glyphs` leaves alone what has it.

# %%
#| export
def is_normalised(
    glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
) -> np.ndarray:  # bool (N,), True where the glyph already has the layout
    """Whether each glyph's ink is 18-20 pixels long, centred within 1.5 pixels and bright: MNIST's
    own digits are."""
    top = glyphs.reshape(len(glyphs), -1).max(1)
    mask = glyphs >= np.maximum(1, INK_LEVEL * top)[:, None, None]
    sides = []
    for axis in (1, 2):
        line = mask.any(axis)
        sides.append(SIDE - line.argmax(1) - line[:, ::-1].argmax(1))
    longest = np.maximum(*sides)
    columns, rows = glyphs.sum(1, dtype=np.float32), glyphs.sum(2, dtype=np.float32)
    total = np.maximum(columns.sum(1), 1)
    middle = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    off = np.maximum(np.abs(columns @ middle), np.abs(rows @ middle)) / total
    return (longest >= INK_SIDE - 2) & (longest <= INK_SIDE) & (off <= 1.5) & (top >= 200)


def normalise_glyphs(
    glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
) -> np.ndarray:  # uint8 (N, 28, 28), in the layout of `normalise_glyph`
    "Bring glyphs from any source to the one layout; a glyph already in it stays as it is."
    out = np.array(glyphs, np.uint8)
    for i in np.flatnonzero(~is_normalised(out)) if len(out) else ():
        out[i] = normalise_glyph(out[i])
    return out


# %%
again = normalise_glyphs(glyphs)
assert is_normalised(glyphs).all() and np.array_equal(again, glyphs)
shifted = np.roll(glyphs, 5, axis=2)
print("laid out:", is_normalised(glyphs), "moved by 5 pixels:", is_normalised(shifted))

# %% [markdown]
# ## The glyphs of a page
# These are the pieces of a sample page ([All steps together](11b_sheet.ipynb)), each as the network sees it:

# %%
#| label: fig-glyphs-page
#| fig-cap: "Ten pieces of the page `hello` as glyphs."
#| fig-alt: "The letters HELLOWORLD as white glyphs of one size."
pieces = [p for line in analyse(sample("hello")).lines for p in line.pieces]
assert len(pieces) == 10
show(tiles([normalise_glyph(p.ink) for p in pieces]), 2)

# %% [markdown]
# ## Recap
# - One function lays out every glyph, in training and in reading.
# - Longest side 20 pixels, centre of mass in the middle of 28 x 28, bright ink.
# - A glyph that has the layout stays as it is.
#
# ## Exercises
# **1.** The layout forgets the size: a small o and a large O become one picture. Find two characters of our 36 that differ mostly in size or place, and say what a reader could do about it.
#
# **2.** Set `FULL_LEVEL` to 100 in this kernel and normalise the faint crop again. What has changed?
#
# **3.** Build `as_mnist(path)`: a photo of one letter on paper in, a glyph out. `ink_strength` from [Where is the ink?](09_ink.ipynb) makes the ink white.
#
# <details><summary>Solution</summary>
#
# ```python
# from customocr.layout.ink import ink_strength
#
# def as_mnist(path):
#     grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
#     return normalise_glyph(ink_strength(grey, 0.3 * min(grey.shape)))
#
# show(as_mnist(samples.page("letter_m")), 4)
# ```
#
# </details>
#
# ## What the next notebook builds on
# Glyphs are what a network reads, crops are where they come from. [Where is the ink?](09_ink.ipynb) begins with a page.
