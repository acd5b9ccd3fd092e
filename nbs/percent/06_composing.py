# ---
# jupyter:
#   kernelspec:
#     display_name: python3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Composed pages
# > Write the page yourself, and you know where every letter is.

# %% [markdown]
# How good are the boxes? A page's text can be typed off and compared; but nobody has drawn the box of each letter on the photos we
# read, and nobody will draw them on the ten thousand pages that a segmentation network learns from. So this notebook turns the
# work round: `customocr.compose` *writes* a page, in one hand, on paper, under light, before a camera, and knows each
# character's box and ink because it put them there. We then measure two simple recipes box by box and see which damage breaks which.
#
# *Needs*: about 20 seconds and no data. With the environment variable `CUSTOMOCR_DATA` set to the data folder, the last section also writes
# pages in the hands of UNIPEN's writers; of those, only figures are stored here, every picture is drawn with handwriting fonts.
#
# *Terms*: [bounding box](glossary.html#bounding-box), [baseline](glossary.html#baseline), [slant](glossary.html#slant),
# [Otsu's threshold](glossary.html#otsu), [adaptive threshold](glossary.html#adaptive-threshold),
# [precision](glossary.html#precision), [recall](glossary.html#recall).

# %%
import os
from dataclasses import replace
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Image

from customocr import samples
from customocr.compose import (
    PAPERS,
    FontHand,
    Hand,
    Paper,
    Shape,
    box_iou,
    box_scores,
    compose_line,
    compose_page,
    random_page,
    random_paper,
    rasterise,
    unipen_hands,
)
from customocr.data import picture

# %% [markdown]
# ## A hand
# A `Hand` is asked for a character and answers with its outline. The package brings five handwriting fonts (OFL, see
# `customocr/samples`); here is what one of them answers.

# %%
hands = {name: FontHand(path) for name, path in samples.fonts().items()}
hand = hands["architects-daughter"]
shape = hand.shape("R")
len(shape.strokes), [s.shape for s in shape.strokes], round(shape.weight, 3)

# %% [markdown]
# Two closed outlines, the letter and its eye, in units of the capitals' height with the baseline at y = 0. No pixels yet: that is the whole
# trick. All that happens to a letter from here on - size, slant, wobble, a sloping line, the tilt of the sheet - moves *points*, and only
# the last step, `rasterise`, makes pixels. A letter 9 pixels high is drawn at 9 pixels, not shrunk from a larger picture, and its box is
# exact at any size.


# %%
def beside(images, pad=10, ground=255):
    "Images side by side, their middles level."
    height = max(i.shape[0] for i in images)
    cells = []
    for i in images:
        top = (height - i.shape[0]) // 2
        border = ((top + pad, height - i.shape[0] - top + pad), (pad, pad)) + ((0, 0),) * (
            i.ndim - 2
        )
        cells.append(np.pad(i, border, constant_values=ground))
    return np.hstack(cells)


def photo(image):
    "A photograph as the cell's value, stored as JPEG: a tenth of a PNG's size."
    return Image(
        cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes(), format="jpeg"
    )


drawn = [
    rasterise([s * height for s in shape.strokes], 0, filled=True)[0] for height in (120, 40, 20, 9)
]
picture(
    255
    - beside(
        [
            cv2.resize(d, None, fx=k, fy=k, interpolation=cv2.INTER_NEAREST)
            for d, k in zip(drawn, (1, 3, 6, 13))
        ],
        ground=0,
    )
)

# %%
#| hide
assert abs(drawn[0].shape[0] - 122) < 12 and drawn[3].shape[0] < 14

# %% [markdown]
# ## A line
# `compose_line` asks the hand for each character, varies it a little (nobody writes the same E twice), spaces the characters and gives back a
# `Composed`: the picture, the text, the boxes, and for each pixel the character it belongs to.

# %%
line = compose_line("FIRST LINE 42", hand, np.random.default_rng(1), height_px=48)
line

# %%
colours = cv2.cvtColor(
    np.uint8([[[25 * i % 180, 200, 200] for i in range(len(line.characters))]]), cv2.COLOR_HSV2BGR
)[0]
owners = np.full((*line.labels.shape, 3), 255, np.uint8)
owners[line.labels >= 0] = colours[line.labels[line.labels >= 0]]
picture(np.vstack([line.draw(), owners]))

# %% [markdown]
# Above the boxes, below the owner of every pixel. The box is nothing but the extent of a character's own ink:

# %%
ys, xs = np.nonzero(line.labels == 0)
x, y, w, h = line.all_boxes[0]
assert (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1) == (x, y, w, h)
line.all_boxes[0], line.characters[0]

# %% [markdown]
# How somebody writes is a `Style`, in cap heights, so that it holds at any size. Space is measured as the eye does it, between the rows
# where two letters come closest, not between their boxes: that is why the boxes of an A and a V may overlap although the letters do not touch.

# %%
rows = {
    "wide": dict(letter_gap=0.6, word_gap=1.6),
    "tight": dict(letter_gap=0.0, word_gap=0.6),
    "leaning": dict(slant=0.3, letter_gap=0.15),
    "touching": dict(touching=1.0),
    "restless": dict(jitter=2.5),
    "uphill": dict(slope=5, curve=0.5),
}
lines = {
    name: compose_line("SAVE AVA 177", hand, np.random.default_rng(3), height_px=34, **style)
    for name, style in rows.items()
}
sheets = [l.draw() for l in lines.values()]
width = max(s.shape[1] for s in sheets)
picture(
    np.vstack(
        [np.pad(s, ((0, 0), (0, width - s.shape[1]), (0, 0)), constant_values=255) for s in sheets]
    )
)

# %% [markdown]
# In "touching" there is no column without ink inside a word: whoever cuts at white columns gets one box for four letters. The overlap
# of neighbouring boxes says it in figures:

# %%
overlap = {
    name: sum(box_iou(l.all_boxes, l.all_boxes)[i, i + 1] > 0 for i in range(9))
    for name, l in lines.items()
}
assert overlap["touching"] > overlap["wide"] == 0
pd.Series(overlap, name="overlapping pairs of 9").to_frame().T

# %% [markdown]
# Pen strokes can take on habits that a font cannot. Much of the world writes its 1 with a flag, lets zeros hang on one another, and starts and leaves them with a hook. A reader that never saw it takes the first for an A and
# the last for a D. A hand of our own, one bar and one ring, as it is and with the habits of a clerk in a hurry:


# %%
#| fig-alt: "The number 1100 in plain bars and rings, and again with flags on the ones and zeros hooked and tied to each other."
class Pen(Hand):
    "A bar for 1, a ring for 0."

    def shape(self, character, rng):
        turn = np.linspace(-1.6, -1.6 - 2 * np.pi, 24)
        ring = np.float32(np.stack([0.3 + 0.28 * np.cos(turn), -0.5 + 0.5 * np.sin(turn)], 1))
        return Shape((np.float32([(0.1, -1), (0.06, -0.5), (0, 0)]) if character == "1" else ring,))


plain, hasty = (
    compose_line("1100", Pen(), np.random.default_rng(4), 44, 4, **habits)
    for habits in (dict(), dict(flagged_one=1, joined_zeros=1))
)
assert hasty.text == plain.text and hasty.all_boxes[0, 2] > 2 * plain.all_boxes[0, 2]
picture(
    np.hstack(
        [
            np.pad(l.image, ((0, 110 - l.image.shape[0]), (0, 20)), constant_values=255)
            for l in (plain, hasty)
        ]
    )
)

# %% [markdown]
# ## A page
# `compose_page` lays lines on a `Paper`: its colour and rules, what lies under the sheet, how light falls, how the picture was taken. Each
# field is a damage that can be turned on by itself. The same words in the same hand, six times:

# %%
text = ["MEET ME AT", "PIER 39 BY 6"]
papers = {
    "clean": Paper(),
    "ruled": Paper(rules="ruled", texture=2),
    "shadow": Paper(shadow=0.55, gradient=0.2, noise=2, blur=0.6),
    "sheet on wood": Paper(table="wood", texture=1.5, blur=0.6),
    "chalk": Paper(colour=(48, 52, 46), ink=(225, 230, 230), grain=0.4, noise=2),
    "faint": Paper(opacity=0.35, grain=0.5, fade=0.5, texture=2, noise=2),
}
pages = {
    name: compose_page(
        text,
        hands["patrick-hand"],
        np.random.default_rng(6),
        paper,
        height_px=30,
        tilt=0.1 if paper.table != "none" else 0,
    )
    for name, paper in papers.items()
}
cells = [cv2.resize(p.image, (250, 125), interpolation=cv2.INTER_AREA) for p in pages.values()]
photo(np.vstack([beside(cells[:3], 3), beside(cells[3:], 3)]))

# %% [markdown]
# For training and measuring nobody wants to set twenty fields by hand. `random_paper(name, rng)` draws them from ranges that were fitted, by
# eye and side by side, to real scans and photos, and `random_page` leaves everything to chance, words included. The words are made up and mean nothing: a
# segmentation must not learn that Q is followed by U.

# %%
rng = np.random.default_rng(11)
some = [
    random_page(list(hands.values())[i % 5], rng, name, grey=False) for i, name in enumerate(PAPERS)
]
fit = lambda image: cv2.resize(
    image,
    None,
    fx=(k := min(220 / image.shape[1], 90 / image.shape[0], 3)),
    fy=k,
    interpolation=cv2.INTER_AREA,
)
tiles = [
    cv2.copyMakeBorder(
        t, 0, 94 - t.shape[0], 0, 224 - t.shape[1], cv2.BORDER_CONSTANT, value=(160,) * 3
    )
    for t in (fit(p.image) for p in some)
]
tiles += [np.full_like(tiles[0], 160)] * (-len(tiles) % 3)
photo(np.vstack([np.hstack(tiles[i : i + 3]) for i in range(0, len(tiles), 3)]))

# %% [markdown]
# ## Two recipes, box by box
# Now the point of it all. A found box counts as right when it covers a true one well: the area both share, over the area that either covers
# (intersection over union, IoU), must reach 0.5, and every true box may be found once. *Precision* is the share of the found boxes that are right,
# *recall* the share of the true boxes that were found.

# %%
truth = [(0, 0, 10, 10), (20, 0, 10, 10)]
found = [
    (1, 0, 10, 10),
    (20, 0, 10, 4),
    (40, 0, 10, 10),
]  # a good one, one half too low, one on nothing
print(box_iou(found, truth).round(2))
assert box_scores(found, truth) == (1 / 3, 1 / 2)
box_scores(found, truth)

# %% [markdown]
# Two recipes, as short as they come: threshold, then one box for each connected piece of ink. The first asks Otsu for one threshold
# for the whole page, the second compares each pixel with its surroundings, as the tutorial does.


# %%
def pieces(mask):
    "The boxes of the connected pieces of a mask, without crumbs."
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    return stats[1:, :4][stats[1:, 4] >= 8]


def otsu(grey):
    return pieces(cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1])


def adaptive(grey):
    return pieces(
        cv2.adaptiveThreshold(
            cv2.GaussianBlur(grey, (3, 3), 0),
            255,
            cv2.ADAPTIVE_THRESH_GAUSSIAN_C,
            cv2.THRESH_BINARY_INV,
            21,
            9,
        )
    )


shaded = pages["shadow"]
grey = cv2.cvtColor(shaded.image, cv2.COLOR_BGR2GRAY)
views = []
for recipe in (otsu, adaptive):
    view = shaded.image.copy()
    for x, y, w, h in recipe(grey):
        cv2.rectangle(view, (x - 1, y - 1), (x + w, y + h), (0, 140, 255), 1)
    views.append(view)
    print(
        f"{recipe.__name__:9} precision {box_scores(recipe(grey), shaded.all_boxes)[0]:.2f}  recall {box_scores(recipe(grey), shaded.all_boxes)[1]:.2f}"
    )
photo(beside(views, 3))

# %% [markdown]
# For Otsu the shadow is ink, and one box swallows what stands in it. The local threshold does not mind. One page proves little, so: twenty pages
# on each kind of paper, five hands, both recipes. Text, hands and seeds are the same for both.


# %%
def measure(hands, n, seed=0):
    "Mean recall and precision of both recipes on n random pages of each paper."
    rows = []
    for paper in PAPERS:
        rng = np.random.default_rng([seed, PAPERS.index(paper)])
        pages = [random_page(hands[i % len(hands)], rng, paper) for i in range(n)]
        for recipe in (otsu, adaptive):
            precision, recall = np.mean(
                [box_scores(recipe(p.image), p.all_boxes) for p in pages], 0
            )
            rows.append((paper, recipe.__name__, precision, recall))
    return pd.DataFrame(rows, columns=["paper", "recipe", "precision", "recall"])


scores = measure(list(hands.values()), 20)
table = scores.pivot(index="paper", columns="recipe", values=["recall", "precision"]).sort_values(
    ("recall", "adaptive")
)
table.round(2)

# %%
#| hide
recall = table["recall"]
assert (
    recall.loc["plain"].min() > 0.8 > 0.5 > recall.loc["shadow", "otsu"]
    and recall.loc["dark"].max() < 0.5
)

# %%
ax = table["recall"].plot.barh(figsize=(6, 4.2), width=0.75, color=["#1b7f79", "#d9822b"])
ax.set(xlabel="recall, IoU at least 0.5", ylabel="", xlim=(0, 1))
ax.legend(title=None, frameon=False, loc="lower right")
plt.tight_layout()

# %% [markdown]
# What to notice. No single threshold is the answer. Light on dark defeats both: they take the paper for ink. The shadow costs Otsu more than half
# of the letters and the local threshold almost none. Rules and cell borders make one piece of everything that touches them, faint pencil
# falls into several pieces a letter. Precision is mostly worse than recall: paper grain, combs and the table's edge give boxes on nothing. And even on
# plain paper one letter in twenty is missed, because it touches its neighbour or consists of strokes that do not meet. That list is the work
# plan of [segmentation](02_segmentation.ipynb).

# %% [markdown]
# ## Real hands
# A font is too even: every stroke has its width, the same letter its shape. `UnipenHand` takes the pen strokes of one writer of UNIPEN
# instead and draws them with a pen of any width; a letter that the writer never gave is borrowed from the writer with the most similar slant,
# of the same side of the split. The same measurement with 30 writers on whom nothing here is trained (the validation writers of
# [data](00_data.ipynb)):

# %%
folder = os.environ.get("CUSTOMOCR_DATA")
if folder:
    strokes_file = Path(folder) / "characters" / "train" / "unipen_strokes.npz"
    names = np.load(strokes_file)["writer_names"].tolist()
    from customocr.data import unipen_validation_writers

    writers = unipen_hands(strokes_file, [names.index(n) for n in unipen_validation_writers()])
    both = pd.concat({"fonts": scores, "30 writers": measure(writers, 20)}, names=["hand"])
    display(both.groupby(["hand", "recipe"])[["precision", "recall"]].mean().round(3))
else:
    print("CUSTOMOCR_DATA is not set: only fonts write here")

# %% [markdown]
# What a composed page is not: a judge. Its damages are our guesses of what happens to paper, and a method tuned on them alone learns our guesses. It serves
# to train on (with boxes and ink for free, as many pages as wanted) and to find *which* part fails. Whether a change is
# an improvement is decided on real pages.

# %% [markdown]
# ## Exercises
# **1.** Which damage hurts the local threshold most? Start from `Paper()`, turn on one field at a time (`blur=3`, `shadow=0.7`, `opacity=0.2`, `noise=25`, `rules="grid"`) and
# compare the recall.
#
# <details><summary>Solution</summary>
#
# ```python
# damages = dict(blur=3, shadow=0.7, opacity=0.2, noise=25, rules="grid")
# for name, value in damages.items():
#     p = compose_page(text, hand, np.random.default_rng(0), replace(Paper(), **{name: value}), grey=True)
#     print(name, box_scores(adaptive(p.image), p.all_boxes))
# ```
# The grid ties everything into one piece. Noise costs precision rather than recall: crumbs are found everywhere.
#
# </details>
#
# **2.** At which letter heights does the recipe break? Compose the same line at 8 to 320 pixels and plot the recall of `adaptive`. What in the recipe is a number
# of pixels?
#
# <details><summary>Solution</summary>
#
# ```python
# def recall(height, seed):
#     line = compose_line("HEIGHT 4711", hand, np.random.default_rng(seed), height_px=height)
#     return box_scores(adaptive(line.image), line.all_boxes)[1]
#
# heights = [8, 12, 20, 40, 80, 160, 320]
# plt.semilogx(heights, [np.mean([recall(h, s) for s in range(5)]) for h in heights], "o-")
# ```
# Small letters suffer: at 8 pixels the blur of 3 pixels joins neighbours, and without it the recall is higher. Large ones keep their boxes but are
# hollow: look at the mask at 320 pixels, where the pen is wider than the window of 21 and the inside of a stroke looks like paper. Boxes alone do not tell; the
# network would.
#
# </details>
#
# **3.** Write your own hand. Subclass `customocr.compose.Hand`, return a `Shape` with pen strokes for each of the letters you need (a few points in cap
# heights, baseline at 0, y down), and compose a line in it.
#
# <details><summary>Solution</summary>
#
# ```python
# from customocr.compose import Hand, Shape
#
# class Sticks(Hand):
#     letters = {"L": [[(0, -1), (0, 0), (0.5, 0)]], "T": [[(0, -1), (0.6, -1)], [(0.3, -1), (0.3, 0)]], "I": [[(0, -1), (0, 0)]]}
#     def shape(self, character, rng):
#         return Shape(tuple(np.float32(s) for s in self.letters[character]))
#
# picture(compose_line("TILL IT", Sticks(), np.random.default_rng(0), height_px=60).draw())
# ```
#
# </details>
#
# ## What the next notebook builds on
# [Segmentation](02_segmentation.ipynb) trains its small network on such pages and measures its boxes with `box_scores`; the sample pages
# in `customocr/samples` that all notebooks show were composed here (`python tools/make_samples.py`).
