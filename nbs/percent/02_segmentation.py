# %% [markdown]
# # Segmentation
# > From a photo to the box of every character, when the photo is as photos are.

# %% [markdown]
# Where on the page are the characters, and in what order? The first half of this notebook walks the tutorial's page from photo to glyphs, a picture a
# step. The second half takes what that leaves unsolved, one failure at a time: light ink, shadows, faint pencil, letters of any size, rules and frames, dots,
# sloping lines, characters in pieces and characters grown together. Each time we first see it fail, then the idea, then the smallest code
# that does it, then the picture, and at last a figure before and after.
#
# *Needs*: two minutes and no data: every page shown was written with the handwriting fonts that come with the package ([Composed pages](06_composing.ipynb)), so
# every true box is known. The figures of real pages near the end are stored, with the command that repeats them.
#
# *Terms*: [threshold](glossary.html#threshold), [adaptive threshold](glossary.html#adaptive-threshold), [dilation](glossary.html#dilation),
# [Canny edges](glossary.html#canny), [contour](glossary.html#contour), [connected component](glossary.html#connected-component),
# [bounding box](glossary.html#bounding-box), [region of interest](glossary.html#roi), [margin](glossary.html#margin),
# [Otsu's threshold](glossary.html#otsu), [glyph](glossary.html#glyph), [reading order](glossary.html#reading-order),
# [lattice](glossary.html#lattice).

# %%
#| default_exp segmentation

# %%
#| export
from __future__ import annotations
import math
from dataclasses import dataclass
import cv2
import numpy as np
from customocr.glyphs import normalise_glyph

# %%
import json
import time
from pathlib import Path

import imutils
import matplotlib.pyplot as plt
import pandas as pd
from imutils.contours import sort_contours
from IPython.display import Image

from customocr import samples
from customocr.boxes import KINDS, kind_of, label_page
from customocr.writing.compose import FontHand, box_scores
from customocr.writing.papers import PAPERS, Paper, compose_page, random_page

# %%
#| code-fold: true
#| code-summary: "How pages are written and figures drawn"
hands = {name: FontHand(path) for name, path in samples.fonts().items()}


def write(lines, paper=Paper(), seed=1, hand="patrick-hand", height=44, **how):
    "A page with these lines, grey."
    return compose_page(
        lines, hands[hand], np.random.default_rng(seed), paper, height, grey=True, **how
    )


def sample(name):
    "A sample page in grey."
    return cv2.imread(str(samples.page(name)), cv2.IMREAD_GRAYSCALE)


def on_white(mask):
    "A mask as black ink on white paper."
    return np.where(mask > 0, 0, 255).astype(np.uint8)


def outlined(image, boxes, colour=(0, 120, 255), thick=2):
    "The picture with boxes."
    out = image.copy() if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for x, y, w, h in np.asarray(boxes).reshape(-1, 4).tolist():
        cv2.rectangle(out, (x, y), (x + w, y + h), colour, thick)
    return out


def worth(stage):
    "Error rates on real pages without a stage and with it, stored from the run described at the end."
    table = pd.read_csv("stored/pages/stages.csv").pivot(
        index="reader", columns="kind", values="cer"
    )
    return (
        table.loc[[f"without {stage}", "customocr"]]
        .rename(index={"customocr": "with it"})
        .rename_axis(index=None, columns=None)
        .round(3)
    )


def show(image, scale=1.0):
    "One picture, as JPEG or PNG, whichever is smaller."
    if scale != 1:
        image = cv2.resize(
            image,
            None,
            fx=scale,
            fy=scale,
            interpolation=cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA,
        )
    stored = {
        "jpeg": cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 78])[1].tobytes(),
        "png": cv2.imencode(".png", image)[1].tobytes(),
    }
    kind = min(stored, key=lambda kind: len(stored[kind]))
    return Image(stored[kind], format=kind)


def figure(panels, columns=2, width=760):
    "Captioned pictures in columns."
    cell, rows, cells = width // columns - 8, [], []
    for caption, image in panels.items():
        image = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
        f = cell / image.shape[1]
        image = cv2.resize(
            image,
            (cell, max(1, round(f * image.shape[0]))),
            interpolation=cv2.INTER_AREA if f < 1 else cv2.INTER_CUBIC,
        )
        head = np.full((24, cell, 3), 255, np.uint8)
        cv2.putText(
            head, caption, (2, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (60, 60, 60), 1, cv2.LINE_AA
        )
        cells.append(
            cv2.copyMakeBorder(
                np.vstack([head, image]), 0, 6, 4, 4, cv2.BORDER_CONSTANT, value=(255,) * 3
            )
        )
    for i in range(0, len(cells), columns):
        row = cells[i : i + columns]
        row += [np.full_like(row[0], 255)] * (columns - len(row))
        tallest = max(c.shape[0] for c in row)
        rows.append(
            np.hstack(
                [
                    np.pad(c, ((0, tallest - c.shape[0]), (0, 0), (0, 0)), constant_values=255)
                    for c in row
                ]
            )
        )
    return show(np.vstack(rows))


# %% [markdown]
# ## The tutorial's page
# ### A photo, and grey
# One line of capitals, photographed under uneven light. The photo has three colours a pixel; for shapes, one number is enough, from 0 (black) to 255 (white).

# %%
#| label: fig-segmentation-line
#| fig-cap: "The tutorial's kind of page: one photographed line."
#| fig-alt: "A photographed line of handwriting in blue: READ MY LINE 27, the paper darker towards one side."
paper = Paper(gradient=0.3, texture=2, noise=2, blur=0.7, ink=(120, 60, 40))
line = compose_page(
    ["READ MY LINE 27"], hands["patrick-hand"], np.random.default_rng(4), paper, 42, letter_gap=0.3
)
grey = cv2.cvtColor(line.image, cv2.COLOR_BGR2GRAY)
print(line.image.shape, "->", grey.shape, "from", grey.min(), "to", grey.max())
figure({"the photo": line.image, "grey": grey})

# %% [markdown]
# ### Preprocess, one picture a step
# **Blur.** Sensors and paper are grainy, and a threshold turns grain into dots. A Gaussian blur gives each pixel the weighted mean of its 3 x 3 neighbourhood.

# %%
blurred = cv2.GaussianBlur(grey, (3, 3), 0)
grain = lambda image: float(
    np.std(cv2.subtract(image[:30, :60], cv2.blur(image, (9, 9))[:30, :60]))
)
assert grain(blurred) < grain(grey)
print(f"grain of the empty corner: {grain(grey):.2f} -> {grain(blurred):.2f} grey levels")

# %% [markdown]
# **Adaptive threshold.** One threshold for the whole page would have to lie below the shaded paper and above the lit ink, and such a number need not exist. So every pixel gets its own:
# the mean of the 11 x 11 pixels around it, near ones weighing most, less C = 9. What is darker than that becomes 0. The block has to be wider than the pen's
# stroke, and C larger than the grain.

# %%
threshold = cv2.adaptiveThreshold(
    blurred, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, 11, 9
)
np.unique(threshold)

# %% [markdown]
# **Inversion.** From here on ink is white, because OpenCV's contours follow what is white. **Dilation** lets the ink grow by one pixel all round and so closes small gaps:

# %%
square = np.ones((3, 3), np.uint8)
inverted = 255 - threshold
dilated = cv2.dilate(inverted, square)
assert (dilated >= inverted).all()
f"ink on {(inverted > 0).mean():.1%} of the page, after the dilation on {(dilated > 0).mean():.1%}"

# %% [markdown]
# **Canny edges**, with limits 40 and 150: an edge starts where the grey changes by more than 150 a pixel and goes on while it changes by more than 40. A second **dilation** closes the edges. On a
# picture that is black and white already, Canny adds little. On a grey one it is a threshold of its own, which the tutorial's helpers will use below.

# %%
#| label: fig-segmentation-steps
#| fig-cap: "From the blurred page to closed outlines, a picture a step."
#| fig-alt: "Six pictures of the line: blurred, thresholded, inverted, dilated, Canny edges, edges dilated."
edges = cv2.Canny(dilated, 40, 150)
outline = cv2.dilate(edges, square)
figure(
    {
        "Gaussian blur 3 x 3": blurred,
        "adaptive threshold, block 11, C 9": threshold,
        "inverted": inverted,
        "dilated 3 x 3": dilated,
        "Canny 40, 150": edges,
        "edges dilated 3 x 3": outline,
    }
)


# %% [markdown]
# Are these numbers good ones? In Jupyter, run the next cell and move the sliders. Without a kernel, four settings say most of it: the tutorial's own; C too small, and the paper comes
# through; C too large, and the pen is lost; a block of 51, which does no harm on this page and would in a shadow.

# %%
#| label: fig-segmentation-settings
#| fig-cap: "Four settings of the adaptive threshold: the tutorial's, C too small, C too large, a wide block."
#| fig-alt: "The outline of the line at four settings: good, paper let through, strokes lost, and a wide block."
def outline_at(block=11, c=9, low=40, high=150):
    "The last picture of the chain at other settings."
    binary = cv2.adaptiveThreshold(
        blurred, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV, block, c
    )
    return cv2.dilate(cv2.Canny(cv2.dilate(binary, square), low, high), square)


assert np.array_equal(outline_at(), outline)
figure({f"block {b}, C {c}": outline_at(b, c) for b, c in ((11, 9), (11, 1), (11, 40), (51, 9))})

# %%
#| eval: false
from ipywidgets import interact

interact(
    lambda block, c, low, high: show(outline_at(block, c, low, high)),
    block=(3, 61, 2),
    c=(0, 40),
    low=(0, 255),
    high=(0, 255),
)

# %% [markdown]
# ### Contours
# A contour is the closed line around something white. *External* contours are those that lie in no other: the ring of an O gives one, not two. `imutils` hides that OpenCV's versions
# return different things, and sorts them from left to right.

# %%
found = imutils.grab_contours(cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE))
contours, _ = sort_contours(found, method="left-to-right")
len(contours)

# %% [markdown]
# [Connected components](glossary.html#connected-component) would do as well: give every pixel the number of the piece of ink that it belongs to, and take each piece's box. On the dilated threshold, before any
# edges, that gives the same twelve boxes, but for the pixels by which the edges are wider. The second half of this notebook works with components, since they know their pixels.

# %%
_, _, stats, _ = cv2.connectedComponentsWithStats(dilated)
print(len(stats) - 1, "components,", len(contours), "external contours")
assert len(stats) - 1 == len(contours) == 12

# %% [markdown]
# ### Boxes
# The bounding rectangle of each contour. What is narrower than 4 or wider than 160 pixels, lower than 14 or higher than 140, is taken for dirt or for a frame.

# %%
#| label: fig-segmentation-boxes
#| fig-cap: "Bounding boxes of the external contours."
#| fig-alt: "The line with a box around each of the twelve characters."
rectangles = [cv2.boundingRect(c) for c in contours]
boxes = [(x, y, w, h) for x, y, w, h in rectangles if 4 <= w <= 160 and 14 <= h <= 140]
print("precision {:.2f}, recall {:.2f}".format(*box_scores(boxes, line.all_boxes)))
show(outlined(line.image, boxes))

# %% [markdown]
# Twelve boxes for twelve characters. *Precision* is the share of the found boxes that are right (share at least half their joint area with a true one), *recall* the share of
# the true boxes that were found; [Composed pages](06_composing.ipynb) has the details.
#
# ### From box to glyph
# Each box is cut out of the grey page as a region of interest (ROI), and Otsu's threshold, inverted, makes white ink on black. This time one threshold is enough, because inside so small a cut the light is even.

# %%
#| label: fig-segmentation-roi
#| fig-cap: "A region of interest, and the same after Otsu's threshold, inverted."
#| fig-alt: "The letter R in grey and as white ink on black."
x, y, w, h = boxes[0]
roi = grey[y : y + h, x : x + w]
level, ink = cv2.threshold(roi, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
print(f"Otsu's threshold {level:.0f}, {w} x {h} pixels")
show(np.hstack([roi, np.full((h, 6), 128, np.uint8), ink]), 3)


# %% [markdown]
# The network wants 28 x 28. To resize plainly stretches an I to the width of an M. So the longer side becomes 28, the other in proportion, and black fills up the rest:

# %%
#| label: fig-segmentation-glyph
#| fig-cap: "Above plainly resized, below with the longer side brought to 28 and padded."
#| fig-alt: "Above I, M and 7 resized to a square, the I as wide as the M; below the same with their proportions kept."
def padded(ink, side=28):
    "The tutorial's glyph: longer side to 28, black around the shorter."
    h, w = ink.shape
    size = (side, max(1, round(h * side / w))) if w > h else (max(1, round(w * side / h)), side)
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
    return cv2.copyMakeBorder(
        small,
        top,
        side - small.shape[0] - top,
        left,
        side - small.shape[1] - left,
        cv2.BORDER_CONSTANT,
        value=0,
    )


def cut(box, margin=0):
    "White ink on black of a box and a margin around it."
    x, y, w, h = box
    roi = grey[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]
    return cv2.threshold(roi, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]


three = [cut(boxes[k]) for k in (7, 4, 11)]
grid = lambda glyphs: np.hstack(
    [cv2.copyMakeBorder(g, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=110) for g in glyphs]
)
show(
    np.vstack(
        [grid([cv2.resize(ink, (28, 28)) for ink in three]), grid([padded(ink) for ink in three])]
    ),
    4,
)


# %% [markdown]
# **A margin.** The dilations leave a pixel of air at most, so the ink nearly touches the glyph's border, and training glyphs never do that. The tutorial cuts a second time, 2 pixels larger on every side. How much is right? The slider
# tells; so does the row below, with 0, 2, 6 and 14 pixels. A margin grows into the neighbours before long, and it is a number of pixels again.

# %%
#| label: fig-segmentation-margin
#| fig-cap: "Margins of 0, 2, 6 and 14 pixels."
#| fig-alt: "The letter D as a glyph with margins of 0, 2, 6 and 14 pixels: larger margins make it smaller and let the neighbour in."
def with_margin(margin, k=3):
    return padded(cut(boxes[k], margin))


fill = [(with_margin(m) > 0).mean() for m in (0, 2, 6)]
assert fill[0] > fill[1] > fill[2]
show(grid([with_margin(m) for m in (0, 2, 6, 14)]), 4)

# %%
#| eval: false
interact(lambda margin: show(grid([with_margin(margin, k) for k in range(12)]), 2), margin=(0, 20))

# %% [markdown]
# Divided by 255 and with a channel axis, the twelve glyphs are one array (12, 28, 28, 1): what [recognition](03_recognition.ipynb) hands to the network in one call.
#
# ### The same as functions
# The tutorial's helpers write globals and draw while they compute. Here is its whole way as functions that take what they need and return what they made; all its constants stand in one place.

# %%
#| export
TUTORIAL_BLOCK, TUTORIAL_C = 11, 9  # pixels, grey levels: adaptive threshold
TUTORIAL_CANNY = (
    40,
    150,
)  # change of grey a pixel: an edge goes on above the lower, starts above the higher limit
TUTORIAL_WIDTHS, TUTORIAL_HEIGHTS = (4, 160), (14, 140)  # pixels, of a character
TUTORIAL_SHEET = (
    0.5  # share of the page's width and height from which the largest contour is taken for a sheet
)
TUTORIAL_EDGE = 8  # pixels, cut off the sheet on each side


def tutorial_stages(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
) -> dict[
    str, np.ndarray
]:  # caption -> uint8 (h, w), in order; the last is what contours are looked for in
    "The tutorial's page, a picture a step."
    square = np.ones((3, 3), np.uint8)
    out = {"grey": grey, "blurred": cv2.GaussianBlur(grey, (3, 3), 0)}
    out["threshold"] = cv2.adaptiveThreshold(
        out["blurred"],
        255,
        cv2.ADAPTIVE_THRESH_GAUSSIAN_C,
        cv2.THRESH_BINARY,
        TUTORIAL_BLOCK,
        TUTORIAL_C,
    )
    out["inverted"] = 255 - out["threshold"]
    out["dilated"] = cv2.dilate(out["inverted"], square)
    out["edges"] = cv2.Canny(out["dilated"], *TUTORIAL_CANNY)
    out["outline"] = cv2.dilate(out["edges"], square)
    return out


def tutorial_outline(
    grey: np.ndarray,  # uint8 (h, w)
    sigma: float = 7,  # pixels, of the 3 x 3 blur: so large that it weighs all nine the same
) -> np.ndarray:  # uint8 (h, w), white outlines
    "The shorter way of the tutorial's helpers for further pages: blur, Canny, dilation."
    return cv2.dilate(
        cv2.Canny(cv2.GaussianBlur(grey, (3, 3), sigma), *TUTORIAL_CANNY), np.ones((3, 3), np.uint8)
    )


def tutorial_contours(
    outline: np.ndarray,  # uint8 (h, w), white on black
) -> tuple[np.ndarray, ...]:  # int32 (n, 1, 2) points of each external contour, left to right
    "External contours, sorted by their left side."
    import imutils
    from imutils.contours import sort_contours

    found = imutils.grab_contours(
        cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    )
    return tuple(sort_contours(found, method="left-to-right")[0]) if len(found) else ()


# %% [markdown]
# For further pages the tutorial shortens the chain: blur with a sigma of 7 (in a 3 x 3 kernel that is a plain mean), Canny on the grey page, one dilation. No threshold of brightness is left, only one of steepness, and light ink
# gives edges as dark ink does.

# %%
#| label: fig-segmentation-short
#| fig-cap: "Outlines by the helpers' shorter chain."
#| fig-alt: "The outline of the line by the short chain: thinner than before, every character closed."
short = tutorial_outline(grey)
print(
    len(tutorial_contours(short)),
    "contours by the short chain,",
    len(tutorial_contours(tutorial_stages(grey)["outline"])),
    "by the long one",
)
show(short)

# %%
#| hide
assert np.array_equal(tutorial_stages(grey)["outline"], outline) and len(
    tutorial_contours(outline)
) == len(contours)
assert tutorial_contours(np.zeros((20, 20), np.uint8)) == ()

# %% [markdown]
# ### A sheet on a dark table
# Then the tutorial meets a page on which *nothing* is found:

# %%
#| label: fig-segmentation-sheet
#| fig-cap: "The sheet's own edge is the only external contour."
#| fig-alt: "A white sheet with two lines on a dark table, and its outline: one rectangle around everything."
meeting = write(
    ["MEET ME", "AT NOON"], Paper(table="dark", texture=1.5, blur=0.6, noise=2), 2, letter_gap=0.3
)
outside = tutorial_contours(tutorial_stages(meeting.image)["outline"])
print(len(outside), "external contour")
figure({"a sheet on a table": meeting.image, "outline": tutorial_stages(meeting.image)["outline"]})


# %% [markdown]
# The outermost contour is the sheet's own edge, and external contours hide everything within. The tutorial's fix: sort the contours by area; if the largest covers at least half the width and half the height, cut
# its rectangle, less 8 pixels, and start again.

# %%
#| export
def tutorial_sheet(
    outline: np.ndarray,  # uint8 (h, w), white on black
) -> tuple[int, int, int, int] | None:  # x, y, w, h; None where there is no sheet
    "The inside of the largest contour, where that is at least half as wide and high as the page."
    contours = sorted(tutorial_contours(outline), key=cv2.contourArea, reverse=True)
    if not contours:
        return None
    x, y, w, h = cv2.boundingRect(contours[0])
    if (
        w < TUTORIAL_SHEET * outline.shape[1]
        or h < TUTORIAL_SHEET * outline.shape[0]
        or min(w, h) <= 2 * TUTORIAL_EDGE
    ):
        return None
    return x + TUTORIAL_EDGE, y + TUTORIAL_EDGE, w - 2 * TUTORIAL_EDGE, h - 2 * TUTORIAL_EDGE


def tutorial_boxes(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
) -> list[tuple[int, int, int, int]]:  # x, y, w, h, left to right
    "The boxes of the tutorial's way through a page, its cut for a sheet on a table included."
    outline = tutorial_stages(grey)["outline"]
    x, y, w, h = tutorial_sheet(outline) or (0, 0, 0, 0)
    if w:
        outline = tutorial_stages(grey[y : y + h, x : x + w])["outline"]
    (least_w, most_w), (least_h, most_h) = TUTORIAL_WIDTHS, TUTORIAL_HEIGHTS
    found = [cv2.boundingRect(c) for c in tutorial_contours(outline)]
    return [
        (x + left, y + top, w, h)
        for left, top, w, h in found
        if least_w <= w <= most_w and least_h <= h <= most_h
    ]


def tutorial_glyphs(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
    boxes: list[tuple[int, int, int, int]],  # x, y, w, h
    margin: int = 2,  # pixels around each box
    side: int = 28,  # pixels
) -> np.ndarray:  # uint8 (N, 28, 28), white on black
    "Each box by Otsu's threshold, its longer side brought to 28 pixels, black around the shorter; boxes end at the picture's edge."
    out = np.zeros((len(boxes), side, side), np.uint8)
    for k, (x, y, w, h) in enumerate(boxes):
        roi = grey[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]
        ink = cv2.threshold(roi, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]
        f = side / max(ink.shape)
        small = cv2.resize(
            ink,
            (max(1, round(f * ink.shape[1])), max(1, round(f * ink.shape[0]))),
            interpolation=cv2.INTER_AREA,
        )
        top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
        out[k, top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


# %%
#| label: fig-segmentation-sheet-cut
#| fig-cap: "Cut to the sheet, less 8 pixels."
#| fig-alt: "The sheet on the table, now with a box around each letter."
inside = tutorial_boxes(meeting.image)
print("precision {:.2f}, recall {:.2f}".format(*box_scores(inside, meeting.all_boxes)))
show(outlined(meeting.image, inside))

# %%
#| hide
assert box_scores(inside, meeting.all_boxes) == (1.0, 1.0)
ours_glyphs = tutorial_glyphs(grey, boxes)
assert ours_glyphs.shape == (12, 28, 28) and tutorial_glyphs(grey, []).shape == (0, 28, 28)
assert np.abs(ours_glyphs[3].astype(int) - with_margin(2)).max() < 40
assert (
    tutorial_boxes(np.full((40, 60), 255, np.uint8)) == []
    and tutorial_sheet(np.zeros((40, 60), np.uint8)) is None
)

# %% [markdown]
# The fix holds while the sheet fills half of the picture. One step back from the table, and it is neither a sheet by this rule nor a character by the limits:

# %%
#| label: fig-segmentation-further
#| fig-cap: "The same sheet from further away: no box."
#| fig-alt: "The same sheet smaller, in the middle of a dark table: nothing is boxed."
further = cv2.copyMakeBorder(meeting.image, 230, 230, 330, 330, cv2.BORDER_CONSTANT, value=38)
print(len(tutorial_boxes(further)), "boxes")
show(outlined(further, tutorial_boxes(further)), 0.4)

# %% [markdown]
# ### What this way is worth
# On all sample pages, box by box:

# %%
truth = {p.name: np.concatenate([np.reshape(b, (-1, 4)) for b in p.boxes]) for p in samples.pages()}
first = pd.DataFrame(
    {name: box_scores(tutorial_boxes(sample(name)), boxes) for name, boxes in truth.items()},
    index=["precision", "recall"],
).T
first["on it"] = [p.notes.split("; font")[0] for p in samples.pages()]
first.round(2)

# %%
#| hide
assert (
    first.recall["hello"] == 1
    and first.recall[["fields", "cell", "scan"]].max() < 0.2
    and tutorial_boxes(further) == []
)

# %% [markdown]
# Plain pages with letters of the right size: all boxes right, a shadow and rules in pale ink included. The note on its dark table comes out whole, thanks to the fix. In frames and for small letters: none. And a box says nothing
# yet of the ink in it, or of which line it belongs to. What follows starts anew, from the pixels.
#
# ## Pages as people write and photograph them
# ### Which is the ink?
# The letters below are chalk. Edges are found where they were, more or less, so most boxes hold a letter. But Otsu's inverted cut makes ink of the board: the network would get negatives, dark on white, which it has never seen.

# %%
#| label: fig-segmentation-chalk
#| fig-cap: "Light on dark: the boxes hold letters, the glyphs are negatives."
#| fig-alt: "White letters CHALK 20 on black with the tutorial's boxes, and the cut-out glyphs: dark letters on white."
chalk = write(
    ["CHALK 20"],
    Paper(colour=(48, 52, 46), ink=(225, 230, 230), grain=0.4, noise=2),
    letter_gap=0.3,
)
wrong = tutorial_boxes(chalk.image)
print("precision {:.2f}, recall {:.2f}".format(*box_scores(wrong, chalk.all_boxes)))
figure(
    {
        "chalk, the tutorial's boxes": outlined(chalk.image, wrong),
        "its glyphs": cv2.resize(grid(tutorial_glyphs(chalk.image, wrong)), None, fx=3, fy=3),
    }
)


# %% [markdown]
# A dark page is not the sign: a sheet on a dark table is dark too. Ink is what comes in *thin strokes*. A closing with a small kernel fills dark details narrower than it (what it changes is called black hat), an opening removes light ones (top hat).
# At the size where strokes vanish, the ink's hat is the fuller. As no one knows that size yet, five kernels vote.

# %%
#| export
def polarity(
    grey: np.ndarray,  # uint8 (h, w)
) -> float:  # -1..1, over 0: dark ink on lighter paper
    """Which of dark and light is the ink: the one that comes in the thinner strokes.

    At each of five sizes a closing finds the dark details narrower than the kernel, an opening the light ones; ink
    shows first, the paper between the strokes only at larger kernels. Where the two balance, a light page is paper.
    """
    f = min(1.0, 500 / max(grey.shape))
    small = cv2.resize(grey, None, fx=f, fy=f, interpolation=cv2.INTER_AREA) if f < 1 else grey
    small = cv2.GaussianBlur(small, (3, 3), 0.6)
    votes = [0.0]
    for k in (3, 5, 9, 15, 25):
        if k > 0.5 * min(small.shape):
            break
        kernel, padded = (
            np.ones((k, k), np.uint8),
            cv2.copyMakeBorder(small, k, k, k, k, cv2.BORDER_REPLICATE),
        )
        dark = np.square(
            cv2.morphologyEx(padded, cv2.MORPH_BLACKHAT, kernel)[k:-k, k:-k], dtype=np.float32
        ).mean()
        light = np.square(
            cv2.morphologyEx(padded, cv2.MORPH_TOPHAT, kernel)[k:-k, k:-k], dtype=np.float32
        ).mean()
        votes.append(float((dark - light) / (dark + light + 1e-3)))
    return float(np.mean(votes[1:] or votes)) + 0.2 * (float(np.median(small)) / 255 - 0.45)


# %%
#| label: fig-segmentation-hats
#| fig-cap: "What a small closing and a small opening change: chalk is in the top hat."
#| fig-alt: "The chalk page's black hat, which is faint, beside its top hat, which shows the letters."
kernel = np.ones((9, 9), np.uint8)
hats = {
    "black hat, 9 pixels": cv2.morphologyEx(chalk.image, cv2.MORPH_BLACKHAT, kernel),
    "top hat, 9 pixels": cv2.morphologyEx(chalk.image, cv2.MORPH_TOPHAT, kernel),
}
print(
    f"chalk {polarity(chalk.image):+.2f}, its negative {polarity(255 - chalk.image):+.2f}, a note on a dark table {polarity(sample('note')):+.2f}"
)
figure(hats)

# %%
assert polarity(chalk.image) < 0 < min(polarity(255 - chalk.image), polarity(sample("note")))


# %% [markdown]
# How often is it right? Composed pages of all kinds of paper, and the negative of each. "Always dark" is right on one of the two, "the page is light on average" falls for tables and tinted paper.

# %%
def some_pages(kinds, each, seed=0):
    "Random pages of some kinds of paper, the five hands in turn."
    out = []
    for kind in kinds:
        rng = np.random.default_rng([seed, PAPERS.index(kind)])
        out += [
            (kind, random_page(list(hands.values())[k % len(hands)], rng, kind))
            for k in range(each)
        ]
    return out


mixed = some_pages(PAPERS, 5)
rows = []
for kind, page in mixed:
    for image, dark in ((page.image, kind != "dark"), (255 - page.image, kind == "dark")):
        rows.append((dark, (image.mean() > 127) == dark, (polarity(image) > 0) == dark))
guess = pd.DataFrame(rows, columns=["always dark ink", "light on average", "polarity"]).mean()
guess.round(3).to_frame("share right").T

# %%
#| hide
assert guess["polarity"] > 0.93

# %% [markdown]
# Where the vote is close, the reader will try both and keep what looks more like characters ([Recognition](03_recognition.ipynb)).
#
# And on real pages? Of other people's photos, scans and forms we may store figures but no pictures. So each section ends with two rows: the [character error rate](glossary.html#cer) of the whole reader with this stage switched off, and with it. How it is measured stands [at the
# end](#on-real-pages). Light ink is rare there, and where it occurs it is all or nothing:

# %%
worth("polarity")

# %% [markdown]
# ### Light
# A deep shadow. Otsu's threshold takes the shadow for ink. The adaptive one does not, but C = 9 grey levels mean much in the dark and little in the light: in the shade ink is hardly 9 levels darker
# than paper, and strokes fray.

# %%
#| label: fig-segmentation-shadow
#| fig-cap: "Under a deep shadow."
#| fig-alt: "A page under a deep shadow; Otsu's threshold blackens half of it; the adaptive one frays the letters in the shade, whose boxes are fragments."
shady = write(
    ["MEET ME AT", "PIER 39 BY 6"], Paper(shadow=0.8, gradient=0.2, noise=4, blur=0.8), 1, height=40
)
_, by_otsu = cv2.threshold(shady.image, 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
figure(
    {
        "a deep shadow": shady.image,
        "Otsu": by_otsu,
        "the tutorial's adaptive threshold": tutorial_stages(shady.image)["threshold"],
        "the tutorial's boxes": outlined(shady.image, tutorial_boxes(shady.image)),
    }
)


# %% [markdown]
# Light multiplies: paper that returns 80 % and ink that returns 20 % are in a ratio of 4 whatever the lamp. So estimate the paper, by a closing wider than the pen, which wipes the writing off and leaves paper, shadow and table; subtract, and *divide*. What remains
# is how much darker each pixel is than the paper there, as a share.

# %%
#| export
def ink_strength(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
    stroke: float,  # pixels, more than the widest stroke of the pen
) -> np.ndarray:  # uint8 (h, w), 0 paper .. 255 black
    """How much darker each pixel is than the paper around it, as a share of the paper's brightness.

    A closing wider than the pen wipes the writing off and leaves paper, shadow and table; dividing by it makes ink in
    the shade as strong as ink in the light.
    """
    k = int(stroke) | 1
    smooth = cv2.GaussianBlur(grey, (3, 3), 0.8)
    padded = cv2.copyMakeBorder(smooth, k, k, k, k, cv2.BORDER_REPLICATE)
    paper = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((k, k), np.uint8))
    paper = cv2.blur(paper, (k // 2 | 1, k // 2 | 1))[k:-k, k:-k]
    return cv2.divide(
        cv2.subtract(paper, smooth), cv2.add(paper, 32), scale=255
    )  # + 32 grey levels: black regions stay quiet


# %%
#| label: fig-segmentation-strength
#| fig-cap: "Paper estimated and divided out."
#| fig-alt: "The paper without writing, with its shadow; and the ink's strength, even from light to shade."
strength = ink_strength(shady.image, 40)
closing = cv2.morphologyEx(shady.image, cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8))
figure(
    {
        "the paper, by a closing of 41 pixels": closing,
        "ink strength": 255 - cv2.multiply(strength, 1.4),
    }
)


# %%
def levels(image):
    "The ink's level above the paper's in each letter's box."
    return np.array(
        [
            np.subtract(*np.percentile(image[y : y + h, x : x + w], [95, 10]))
            for x, y, w, h in shady.all_boxes
        ]
    )


spread = {
    name: levels(image).std() / levels(image).mean()
    for name, image in {"255 - grey": 255 - shady.image, "ink strength": strength}.items()
}
assert spread["ink strength"] < spread["255 - grey"]
pd.Series(spread, name="contrast of the letters: deviation over mean").round(3).to_frame().T

# %%
worth("light")

# %% [markdown]
# ### Faint and broken strokes
# Pencil on rough paper: in places a stroke is hardly darker than the grain. A threshold high enough to keep the grain out breaks it, a lower one lets the paper in.

# %%
#| label: fig-segmentation-pencil
#| fig-cap: "Faint pencil and what a fixed threshold makes of it."
#| fig-alt: "Faint grainy pencil; the tutorial's threshold breaks strokes and shows specks."
pencil = write(
    ["FAINT PENCIL", "NUMBER 2"],
    Paper(opacity=0.22, grain=0.7, fade=0.6, texture=2, noise=3),
    3,
    height=40,
)
figure(
    {
        "faint pencil": pencil.image,
        "the tutorial's adaptive threshold": tutorial_stages(pencil.image)["threshold"],
    }
)


# %% [markdown]
# What keeps the eye on a faint stroke is that it goes on. Two things help. *A local measure*: ink is what is half as strong as the strongest ink within two letters. *Ridges*: a pixel stronger than its own
# surroundings (a Gaussian mean over a seventh of a letter) may be as faint as a sixth of the strongest, as long as its component holds a pixel that is surely ink. This is the
# hysteresis that Canny uses for edges, here for strokes.

# %%
#| export
def ink_mask(
    strength: np.ndarray,  # uint8 (h, w), from `ink_strength`
    letter: float,  # pixels, height of a character
) -> np.ndarray:  # uint8 (h, w), 1 ink, 0 paper
    """Ink is what is half as strong as the strongest ink nearby, or a weak ridge: stronger than its own surroundings.

    The ridges keep faint parts of a stroke that a threshold alone would break. Components without a pixel that is
    surely ink are left out.
    """
    k = int(2 * letter) | 1
    noise = float(np.median(strength[::2, ::2]))  # of the paper
    floor = int(max(6, 3 * noise))
    local = cv2.blur(cv2.dilate(strength, np.ones((k, k), np.uint8)), (k, k))
    share = lambda part, least: cv2.compare(
        strength, cv2.max(cv2.multiply(local, part), least), cv2.CMP_GT
    )
    around = cv2.GaussianBlur(strength, (0, 0), max(1.0, 0.14 * letter))
    ridge = cv2.compare(strength, around, cv2.CMP_GT) & share(0.17, floor)
    mask = ridge | share(0.5, int(1.5 * floor))
    _, labels = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    sure = np.zeros(labels.max() + 1, np.uint8)
    sure[labels[share(0.4, 2 * floor) > 0]] = 1
    sure[0] = 0
    return sure[labels]


# %%
def half_mask(grey, height):
    "Half as strong as the strongest ink within two letters, without ridges."
    strength, k = ink_strength(grey, height), int(2 * height) | 1
    return (
        strength
        > np.maximum(0.5 * cv2.blur(cv2.dilate(strength, np.ones((k, k), np.uint8)), (k, k)), 12)
    ).astype(np.uint8)


def ridge_mask(grey, height):
    "Ridges as well: what the package does."
    return ink_mask(ink_strength(grey, height), height)


# %%
#| label: fig-segmentation-ridges
#| fig-cap: "Ridges keep faint parts of strokes."
#| fig-alt: "The pencil page as ink: with a threshold at half strength strokes have gaps, with ridges most are closed."
figure(
    {
        "half as strong as the strongest nearby": on_white(half_mask(pencil.image, 40)),
        "with ridges": on_white(ridge_mask(pencil.image, 40)),
    }
)


# %% [markdown]
# The composer knows which pixels it inked, so the masks can be measured: F1 of the ink pixels (the harmonic mean of precision and recall), and the components for each
# character: 1 would be perfect, more is broken strokes and specks.

# %%
def f1(mask, page):
    "Agreement of a mask with the ink that was written."
    written = page.ink > 127
    return 2 * (written & (mask > 0)).sum() / (written.sum() + (mask > 0).sum())


def otsu_mask(grey, height):
    return cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]


def adaptive_mask(grey, height):
    return tutorial_stages(grey)["inverted"] // 255


damages = {
    "shadow": lambda k: Paper(shadow=0.7, gradient=0.2, noise=4, blur=0.8),
    "pencil": lambda k: Paper(opacity=0.25, grain=0.7, fade=0.6, texture=2, noise=3),
    "failing pen": lambda k: Paper(fade=0.9, opacity=0.8, texture=1, noise=1),
}
measured = []
for damage, make in damages.items():
    for k in range(6):
        page = write(["TAKE 20 PENS", "TO ROOM 39"], make(k), k, list(hands)[k % 5], 40)
        for recipe in (otsu_mask, adaptive_mask, half_mask, ridge_mask):
            mask = recipe(page.image, 40)
            measured.append(
                (
                    damage,
                    recipe.__name__.removesuffix("_mask"),
                    f1(mask, page),
                    (cv2.connectedComponents(mask)[0] - 1) / len(page.all_boxes),
                )
            )
inked = pd.DataFrame(
    measured, columns=["damage", "mask", "F1", "components a character"]
).pivot_table(index="mask", columns="damage", values=["F1", "components a character"])
inked.loc[["otsu", "adaptive", "half", "ridge"]].round(2)

# %%
assert (inked["components a character"].loc["ridge"] - 1).abs().max() < 0.2

# %% [markdown]
# One component a character: that is what the next steps need, and only the last row has it on all three. By pixels alone it is not always the best mask, as it draws the strokes a little bolder. On real pages:

# %%
worth("ridges")

# %% [markdown]
# ### Any size
# Limits of 14 to 140 pixels, a block of 11, a dilation by one: every number of the tutorial is made for letters some 40 pixels high. The same line at nine sizes:

# %%
#| label: fig-segmentation-sizes
#| fig-cap: "The same line at nine sizes: the tutorial's numbers fit letters of 40 to 110 pixels."
#| fig-alt: "Recall of the tutorial's boxes against letter height: good from 40 to 110 pixels, zero below 16 and above 200."
heights = [9, 12, 16, 24, 40, 64, 110, 200, 400]
sized = {
    h: [
        write(
            ["HEIGHT 4711"],
            Paper(texture=1, noise=1, blur=0.02 * h),
            k,
            list(hands)[k],
            h,
            letter_gap=0.3,
        )
        for k in range(3)
    ]
    for h in heights
}
recall = {
    "tutorial": [
        np.mean([box_scores(tutorial_boxes(p.image), p.all_boxes)[1] for p in sized[h]])
        for h in heights
    ]
}
ax = pd.DataFrame(recall, index=heights).plot(
    logx=True, style="o-", figsize=(5.5, 2.6), legend=False, color="#d9822b"
)
ax.set(
    xlabel="letter height, pixels",
    ylabel="recall",
    ylim=(-0.05, 1.05),
    xticks=heights,
    xticklabels=heights,
)
ax.minorticks_off()
plt.tight_layout()

# %% [markdown]
# The remedy is to let the page say how large its letters are, and to bring it to *one* size: a character 32 pixels high. Every limit below is a share of that height. To find it, take the ink's connected components,
# leave out what cannot be a character (touches both edges, is mostly empty, is very long), and look for the peak of the heights on a logarithmic scale; heights within a fifth of each
# other support each other, and more ink counts more than specks.

# %%
#| export
LETTER = 32.0  # pixels: the page is brought to a size at which a typical character is this high; all later limits are shares of it
FIRST_SIDE = 800  # pixels, longest side at which the character height is first looked for
MOST_PIXELS = 4_000_000  # of the page that is worked on, so that time and memory stay bounded
MOST_COMPONENTS = 1500  # per page that are looked at one by one
ENOUGH_TO_LEVEL = 10  # components on lines that a page must have to be turned by their slope: three slanted digits say nothing of the page


# %%
#| export
def components(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
) -> tuple[
    np.ndarray, np.ndarray
]:  # labels int32 (h, w), 0 paper, and stats int (N, 5): x, y, w, h, ink pixels of label i + 1
    "Connected pieces of ink (8 neighbours): what the tutorial's external contours are, with their pixels."
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return labels, stats[1:].astype(int)


def letter_height(
    stats: np.ndarray,  # int (N, 5), from `components`
    shape: tuple[int, int],  # of the mask
    ignore: np.ndarray | None = None,  # bool (N,), components that are no characters: frames
) -> float | None:  # pixels; None where nothing looks like a character
    "The typical character's height: the peak of the components' heights on a log scale, each weighted by its ink."
    if not len(stats):
        return None
    x, y, w, h, ink = stats.T.astype(float)
    ok = (h >= 5) & (w < 6 * h) & (h < 12 * w) & (ink >= 0.04 * w * h) & (ink >= 8)
    edge = (x <= 0) | (y <= 0) | (x + w >= shape[1]) | (y + h >= shape[0])
    ok &= ~(edge & (h > 0.9 * shape[0]) & (shape[0] > 40))
    ok &= ~((w > 0.6 * shape[1]) & (ink < 0.25 * w * h) & (w > 60))
    if ignore is not None and (ok & ~ignore).any():
        ok &= ~ignore
    if not ok.any():
        return None
    logs, weight = np.log(h[ok]), np.minimum(np.sqrt(ink[ok]), h[ok]) * np.where(edge[ok], 0.25, 1)
    best = np.argsort(-weight)[:MOST_COMPONENTS]
    logs, weight = logs[best], weight[best]
    near = (
        np.exp(-0.5 * ((logs[:, None] - logs) / 0.22) ** 2) * weight
    )  # heights within about a fifth support each other
    return float(np.exp(np.average(logs, weights=near[near.sum(1).argmax()])))


# %%
#| label: fig-segmentation-height
#| fig-cap: "The typical height is where the components agree."
#| fig-alt: "Heights of the components of a noisy page: many specks below 5 pixels, a cluster around 40, which the estimate hits."
speckled = write(["TAKE 20 PENS", "TO ROOM 39"], Paper(specks=30, texture=4, noise=4), 2, height=40)
labels, stats = components(ridge_mask(speckled.image, 40))
estimate = letter_height(stats, speckled.image.shape)
plt.figure(figsize=(5.5, 2.2))
plt.hist(stats[:, 3], bins=np.geomspace(1, 200, 40), color="#1b7f79")
plt.axvline(estimate, color="#d9822b")
plt.gca().set(
    xscale="log",
    xlabel="height of a component, pixels",
    ylabel="components",
    title=f"estimate {estimate:.0f} pixels, written 40 high",
)
plt.tight_layout()

# %%
assert 32 < estimate < 48

# %% [markdown]
# How the page is brought to size comes further below, with [all steps together](#all-together). First, what stands among the letters.
#
# ### Frames and rules
# Form fields. To the tutorial the frame *is* the contour, and what is written in it is hidden. The sheet on the table was of the same kind. Where letters touch a rule, letter and rule are one piece of ink.

# %%
#| label: fig-segmentation-frames
#| fig-cap: "A frame hides what it holds; rules tie letters together."
#| fig-alt: "A framed field and a ruled page whose letters stand on strong rules, with the tutorial's boxes: none in the frame, letters glued to the rule."
framed = write(
    ["KOWALSKI", "48 620"], Paper(frame="box", rule_colour=(60, 60, 60), texture=1), letter_gap=0.25
)
ruled = write(
    ["EGGS 12", "BREAD 3"],
    Paper(rules="ruled", rule_colour=(110, 90, 70), rule_width=0.07, texture=1),
    2,
)
for name, page in dict(framed=framed, ruled=ruled).items():
    print(
        name,
        "precision {:.2f}, recall {:.2f}".format(
            *box_scores(tutorial_boxes(page.image), page.all_boxes)
        ),
    )
figure(
    {
        "a form field": outlined(framed.image, tutorial_boxes(framed.image)),
        "strong rules": outlined(ruled.image, tutorial_boxes(ruled.image)),
    }
)


# %% [markdown]
# A frame is a component whose ink runs along nearly all of all four sides of its own box, and that holds other ink (an O fulfils the first, but is empty), or that is as large as one that does.

# %%
#| export
def _is_rectangle(part: np.ndarray) -> bool:
    "Whether ink runs along nearly all of each side of the component's box."
    h, w = part.shape
    side = max(2, int(0.16 * min(w, h)), int(0.03 * max(w, h)))
    bx, by = max(1, min(side, w // 3)), max(1, min(side, h // 3))
    rows = part[:, :bx].any(1) & part[:, -bx:].any(1)
    columns = part[:by].any(0) & part[-by:].any(0)
    return rows.mean() > 0.9 and columns.mean() > 0.9


def frames(
    labels: np.ndarray,  # int32 (h, w)
    stats: np.ndarray,  # int (N, 5)
    least: float,  # pixels, smallest side of a frame
) -> np.ndarray:  # bool (N,)
    "Which components are printed boxes: rectangles that hold other ink, or are like one that does."
    out = np.zeros(len(stats), bool)
    if not len(stats):
        return out
    x, y, w, h, ink = stats.T
    area, cx, cy = w * h, x + w / 2, y + h / 2
    hollow = (w >= least) & (h >= least) & (ink < 0.5 * area)
    rectangle = np.zeros(len(stats), bool)
    for i in np.flatnonzero(hollow)[:MOST_COMPONENTS]:
        rectangle[i] = _is_rectangle(labels[y[i] : y[i] + h[i], x[i] : x[i] + w[i]] == i + 1)
    for i in np.flatnonzero(hollow & (rectangle | (area >= 16 * np.median(area)))):
        least_height, ratio = (0.2, 1.5) if rectangle[i] else (0.1, 6)
        inside = (
            (cx > x[i]) & (cx < x[i] + w[i]) & (cy > y[i]) & (cy < y[i] + h[i]) & (h < 0.95 * h[i])
        )
        inside &= (h > least_height * h[i]) & (ink > 0.01 * ink[i]) & (area * ratio < area[i])
        inside[i] = False
        out[i] = inside.any()
    sure = out & rectangle
    if sure.any():
        close = lambda a: np.abs(np.log(a[:, None] / a[sure])) < 0.12  # within an eighth
        out |= rectangle & (close(h) & close(w)).any(1)
        out |= hollow & ((h[:, None] > 0.88 * h[sure]) & (w[:, None] > 1.6 * w[sure])).any(
            1
        )  # cells grown together
    return out


# %%
labels, stats = components(ridge_mask(framed.image, 44))
is_frame = frames(labels, stats, 0.7 * 44)
assert is_frame.sum() == 2
stats[is_frame]

# %% [markdown]
# Knowing the frame is not enough: letters touch it. What tells a rule from a letter is that it is *straight for longer than letters are*. A morphological opening with a kernel one pixel high and 2.6 letters wide keeps exactly such runs.
# As rules are rarely level, the page is sheared a little and the opening repeated, at nine slopes of up to 7 degrees.

# %%
#| export
SLOPES = (
    0,
    -0.025,
    0.025,
    -0.05,
    0.05,
    -0.08,
    0.08,
    -0.12,
    0.12,
)  # of rules that are looked for, dy/dx


def _shear(mask, slope, axis):
    h, w = mask.shape
    matrix = (
        [[1, 0, 0], [-slope, 1, slope * w / 2]]
        if axis == 0
        else [[1, -slope, slope * h / 2], [0, 1, 0]]
    )
    return cv2.warpAffine(mask, np.float32(matrix), (w, h), flags=cv2.INTER_NEAREST)


def straight_runs(
    mask: np.ndarray,  # uint8 (h, w)
    length: float,  # pixels, shortest run
    axis: int,  # 0 across, 1 down
    slopes=SLOPES,  # directions tried
    beyond: float = 0,  # pixels by which a run that leaves the picture counts as longer
) -> np.ndarray:  # uint8 (h, w), the ink in straight runs
    "Openings with a long thin kernel, once for each direction: only straight runs of ink survive."
    length, pad = max(3, int(length)), int(beyond)
    if pad:
        mask = cv2.copyMakeBorder(
            mask, *((0, 0, pad, pad) if axis == 0 else (pad, pad, 0, 0)), cv2.BORDER_REPLICATE
        )
    along = (
        (lambda n: np.ones((1, n), np.uint8))
        if axis == 0
        else (lambda n: np.ones((n, 1), np.uint8))
    )
    out = np.zeros_like(mask)
    if mask.shape[1 - axis] >= length:
        for slope in slopes:
            closed = cv2.morphologyEx(
                _shear(mask, slope, axis) if slope else mask, cv2.MORPH_CLOSE, along(5)
            )
            run = cv2.morphologyEx(
                closed, cv2.MORPH_OPEN, along(length), borderType=cv2.BORDER_CONSTANT, borderValue=0
            )
            if run.any():
                out |= _shear(run, -slope, axis) if slope else run
        out &= cv2.dilate(mask, np.ones((3, 3), np.uint8))
    return out if not pad else out[:, pad:-pad] if axis == 0 else out[pad:-pad]


# %%
#| label: fig-segmentation-runs
#| fig-cap: "Only rules are straight for so long."
#| fig-alt: "The ruled page's ink, and the straight runs across found in it: only the rules."
across = straight_runs(ridge_mask(ruled.image, 44), 2.6 * 44, 0)
figure({"ink": on_white(ridge_mask(ruled.image, 44)), "straight runs across": on_white(across)})


# %% [markdown]
# Down the page it is harder, because I, 1 and the stem of every E are straight as well. A vertical run counts from 2.6 letter heights on, or from 1.5 where it meets a rule or the picture's edge. The cells of a small frame are measured by their own sides. And
# a run thicker than a pen (0.45 of a letter) is no rule.

# %%
#| export
def _select(mask, keep):
    "The components of a mask for which keep(x, y, w, h, ink, pixels) holds."
    labels, stats = components(mask)
    kept = [False] + [
        bool(keep(*s, labels[s[1] : s[1] + s[3], s[0] : s[0] + s[2]] == i + 1))
        for i, s in enumerate(stats)
    ]
    return np.array(kept, np.uint8)[labels]


def find_rules(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
    labels: np.ndarray,  # int32 (h, w), its components
    stats: np.ndarray,  # int (N, 5)
    letter: float,  # pixels, height of a character
) -> np.ndarray:  # uint8 (h, w), 1 where ink belongs to a rule or frame
    """Straight thin runs of ink that are longer than writing makes them: ruled lines, frames, edges of cells and sheets.

    Across, a run counts from 2.6 character heights on. Down, strokes of 1 and I are long themselves: a run counts from
    2.6 heights, or from 1.5 where both its ends meet a rule or the picture's edge. A small frame is measured by its own sides.
    """
    out = np.zeros_like(mask)
    if not len(stats):
        return out
    x, y, w, h, _ = stats.T
    boxes = frames(labels, stats, 0.7 * letter)
    edge = (x <= 1) | (y <= 1) | (x + w >= mask.shape[1] - 1) | (y + h >= mask.shape[0] - 1)
    big = boxes | (w > 2.6 * letter) | (h > 1.7 * letter) | (edge & ((w > letter) | (h > letter)))
    if not big.any():
        return out
    region = np.s_[y[big].min() : (y + h)[big].max(), x[big].min() : (x + w)[big].max()]
    out[region] = _rules(
        np.r_[False, big].astype(np.uint8)[labels[region]],
        labels[region],
        stats - [x[big].min(), y[big].min(), 0, 0, 0],
        boxes,
        letter,
    )
    return out


def _rules(chosen, labels, stats, boxes, letter):
    x, y, w, h, _ = stats.T
    across = straight_runs(chosen, 2.6 * letter, 0, beyond=1.6 * letter)
    down = straight_runs(chosen, 1.5 * letter, 1, SLOPES[:7]) | straight_runs(
        chosen, 2.6 * letter, 1, SLOPES[:7], 1.6 * letter
    )
    for i in np.flatnonzero(boxes & ((w < 4.3 * letter) | (h < 2.5 * letter))):
        at = np.s_[y[i] : y[i] + h[i], x[i] : x[i] + w[i]]
        part = (labels[at] == i + 1).astype(np.uint8)
        across[at] |= straight_runs(part, min(2.6 * letter, 0.6 * w[i]), 0, SLOPES[:5])
        down[at] |= straight_runs(part, min(2.6 * letter, 0.7 * h[i]), 1, SLOPES[:5])
    across = _select(across, lambda x, y, w, h, ink, part: ink < 0.45 * letter * w)
    meets = cv2.dilate(across, np.ones((9, 9), np.uint8))
    meets[:3] = meets[-3:] = 1
    meets[:, :2] = meets[:, -2:] = 1
    near = int(0.3 * letter)
    met = lambda rows, x, w: meets[rows, x : x + w].any()
    thin_down = lambda x, y, w, h, ink, part: (
        ink < 0.45 * letter * h
        and (
            h >= 2.6 * letter
            or (
                met(np.s_[max(0, y - near) : y + near], x, w)
                and met(np.s_[y + h - near : y + h + near], x, w)
            )
        )
    )
    return across | _select(down, thin_down)


# %% [markdown]
# Taking rules out cuts through every letter that crosses one. So what was taken out is put back where it bridges ink: a closing across the rule's thickness joins what stands on both sides.

# %%
#| export
def remove_rules(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
    rules: np.ndarray,  # uint8 (h, w), from `find_rules`
) -> np.ndarray:  # uint8 (h, w), the ink that is left
    "Take rules out, and put back what bridges ink on both sides of one: the stroke that crosses it."
    if not rules.any():
        return mask
    grown = cv2.dilate(rules, np.ones((3, 3), np.uint8))
    half = cv2.distanceTransform(grown, cv2.DIST_L2, 3)[rules > 0]
    thick = int(min(2 * np.percentile(half, 80) + 1, 20)) + 4
    left = mask & (1 - grown)
    bridges = cv2.morphologyEx(left, cv2.MORPH_CLOSE, np.ones((thick, 3), np.uint8))
    bridges |= cv2.morphologyEx(left, cv2.MORPH_CLOSE, np.ones((3, thick), np.uint8))
    return left | (bridges & grown & mask)


# %%
#| label: fig-segmentation-removed
#| fig-cap: "Rules and frames taken out (blue), strokes bridged."
#| fig-alt: "The field and the ruled page with rules in blue and the remaining ink: letters whole, frame and rules gone."
def without_rules(page, height=44):
    "Mask, rules and the ink that is left."
    mask = ridge_mask(page.image, height)
    rules = find_rules(mask, *components(mask), height)
    return mask, rules, remove_rules(mask, rules)


panels = {}
for name, page in {"a form field": framed, "strong rules": ruled}.items():
    mask, rules, left = without_rules(page)
    view = cv2.cvtColor(on_white(left), cv2.COLOR_GRAY2BGR)
    view[(rules > 0) & (left == 0)] = (255, 150, 60)
    panels[name] = view
figure(panels)


# %% [markdown]
# Measured on pages with rules and frames of every kind: how many of the rules' pixels are gone, how many of the letters' are left, and what share of the letters is now a component of its own.

# %%
def own_component(mask, page, height):
    "Recall of the boxes of the components that could be text."
    _, stats = components(mask)
    return (
        box_scores(stats[maybe_like(stats, height), :4], page.all_boxes)[1] if len(stats) else 0.0
    )


maybe_like = lambda stats, height: (
    (stats[:, 3] > 0.3 * height) & (stats[:, 2] < 3 * height) & (stats[:, 3] < 2.5 * height)
)
kinds = {
    f"{rules}": Paper(rules=rules, rule_colour=(120, 100, 90), rule_width=0.05, texture=1)
    for rules in ("ruled", "grid", "underline")
}
kinds |= {
    f"{frame}": Paper(frame=frame, rule_colour=(60, 60, 60), rule_width=0.06, texture=1)
    for frame in ("box", "comb", "boxes")
}
table = []
for kind, paper in kinds.items():
    for k in range(5):
        page = write(["TAKE 20 PENS", "TO ROOM 39"], paper, k, list(hands)[k], 36)
        mask, rules, left = without_rules(page, 36)
        letters, ruling = page.ink > 127, (page.other > 127) & (page.ink < 20) & (mask > 0)
        table.append(
            (
                kind,
                own_component(mask, page, 36),
                own_component(left, page, 36),
                1 - left[ruling].mean(),
                left[letters].sum() / max(1, mask[letters].sum()),
            )
        )
removed = (
    pd.DataFrame(
        table, columns=["paper", "recall before", "recall after", "rules gone", "letters' ink left"]
    )
    .groupby("paper")
    .mean()
)
removed.round(2)

# %% [markdown]
# Nearly all ruling goes, and on most papers nearly all ink stays. Squared paper is the worst of them: its lines lie on stems as often as beside them, and what coincides goes with the grid.

# %%
#| hide
assert (
    removed["recall after"].mean() > removed["recall before"].mean() + 0.04
    and removed["rules gone"].min() > 0.9
)

# %%
worth("rules")


# %% [markdown]
# ### Ink that is no text
# Specks, blots, long dashes, the edge of the sheet, pictures: what cannot be part of a character by its size and place is set aside before any line is looked for. What stays doubtful, such as dots and commas, stays in; the learnt judge [below](#the-judge) will see it among its neighbours.

# %%
#| export
def maybe_text(
    stats: np.ndarray,  # int (N, 5)
    letter: float,  # pixels
    shape: tuple[int, int],  # of the page
) -> np.ndarray:  # bool (N,)
    "Which components can be a character or a part of one, by size and by where they stand."
    x, y, w, h, ink = stats.T.astype(float)
    ok = (ink >= max(4, 0.004 * letter**2)) & (
        (h >= 0.12 * letter) | (w >= 0.12 * letter)
    )  # not a speck
    ok &= (h <= 2.6 * letter) & (w <= 9 * letter)  # not a picture
    ok &= ~((w > 1.2 * letter) & (h < 0.25 * letter))  # not a long dash
    ok &= ~((ink > 0.75 * w * h) & (w > 0.8 * letter) & (h > 0.8 * letter))  # not a blot
    edge = (x <= 0) | (y <= 0) | (x + w >= shape[1]) | (y + h >= shape[0])
    ok &= ~(edge & ((h > 1.9 * letter) | (w > 3.5 * letter)))
    ok &= ~(edge & ((h < 0.3 * letter) | (w < 0.12 * letter)) & (ink < 0.08 * letter**2))
    return ok


# %%
#| label: fig-segmentation-junk
#| fig-cap: "Orange may be text, blue is set aside."
#| fig-alt: "A page with specks; components that may be text boxed in orange, those set aside in blue."
labels, stats = components(without_rules(speckled, 40)[2])
may = maybe_text(stats, 40, speckled.image.shape)
assert may.sum() >= len(speckled.all_boxes) - 1
print(f"{len(stats)} components, {may.sum()} may be text, {len(speckled.all_boxes)} characters")
show(
    outlined(
        outlined(speckled.image, stats[~may, :4] + [-3, -3, 6, 6], (255, 150, 60), 2),
        stats[may, :4],
    )
)

# %% [markdown]
# ### Lines
# The tutorial sorts boxes from left to right. With three lines that gives one jumbled row:

# %%
#| label: fig-segmentation-sloping
#| fig-cap: "Three lines that slope and sag."
#| fig-alt: "Three sloping, sagging lines of handwriting."
sloped = write(
    ["THE LINE GOES", "UP AND SAGS", "IN 3 ROWS"],
    Paper(texture=1),
    3,
    "architects-daughter",
    36,
    slope=5,
    curve=0.4,
    line_gap=1.7,
)
by_x = np.argsort(sloped.all_boxes[:, 0])
print("left to right:", "".join(sloped.characters[k] for k in by_x))
show(sloped.image)


# %% [markdown]
# To cut between rows of empty pixels fails as well, because these lines slope: no row is empty. What the eye does is to go from a letter to its neighbour. Two characters are *mutual neighbours* if each is the other's nearest, to the right and to the left, on about the same level.
# Chains of mutual neighbours follow a curve, since every step only looks as far as the next letter. The median slope of the steps tells the page's slope, and the neighbours are then looked for again along it.

# %%
#| export
def _neighbours(x0, x1, cy, h, letter, slope):
    "Pairs (i, j) where j is i's nearest to the right on a line of this slope, and i is j's nearest to the left."
    middle = (x0 + x1) / 2
    level = cy - slope * middle
    gap = np.maximum(x0[None] - x1[:, None], 0)
    dx, off = middle[None] - middle[:, None], np.abs(level[None] - level[:, None])
    ok = (
        (dx > 0)
        & (off < 0.5 * np.maximum(h[:, None], h[None]))
        & (off < 0.62 * letter + 0.05 * gap)
    )
    cost = np.where(ok, gap + 0.15 * dx + off, 1e9)
    right, left, i = cost.argmin(1), cost.argmin(0), np.arange(len(x0))
    good = (cost[i, right] < 1e9) & (left[right] == i)
    return i[good], right[good]


def _slope(x0, x1, cy, h, letter):
    "Median slope between neighbours that stand close and are about equally high."
    slope = 0.0
    for _ in range(3):
        i, j = _neighbours(x0, x1, cy, h, letter, slope)
        near = (x0[j] - x1[i] < 2 * letter) & (
            np.minimum(h[i], h[j]) > 0.6 * np.maximum(h[i], h[j])
        )
        if near.sum() < 2:
            break
        dx, dy = ((x0 + x1)[j] - (x0 + x1)[i])[near] / 2, (cy[j] - cy[i])[near]
        order = np.argsort(dy / dx)
        weight = dx[order].cumsum()
        new = float((dy / dx)[order][np.searchsorted(weight, weight[-1] / 2)])
        new = new if abs(new) < 0.6 else 0.0
        done = abs(new - slope) < 0.003
        slope = new
        if done:
            break
    return slope


# %% [markdown]
# Chains on one level become one line (a wide gap between words breaks a chain), and what is too small to lead a line, a comma, the bar of a broken E, goes to the line it stands in.

# %%
#| export
def group_lines(
    stats: np.ndarray,  # int (N, 5), components of a page
    letter: float,  # pixels
) -> tuple[
    list[np.ndarray], float
]:  # component indices of each line, top to bottom and left to right; the lines' slope, dy/dx
    """Text lines: chains of mutual neighbours, chains on one level joined, small parts given to the line they stand in."""
    if not len(stats):
        return [], 0.0
    x, y, w, h, _ = stats.T.astype(float)
    tall = np.flatnonzero(h >= 0.45 * letter)
    tall = tall if len(tall) else np.arange(len(stats))
    tall = tall[np.argsort(-h[tall])[:MOST_COMPONENTS]]
    x0, x1, cy, height = x[tall], (x + w)[tall], (y + h / 2)[tall], h[tall]
    slope = _slope(x0, x1, cy, height, letter)
    chain = np.arange(len(tall))
    for i, j in zip(*_neighbours(x0, x1, cy, height, letter, slope)):
        chain[chain == chain[j]] = chain[i]
    level, middle = cy - slope * (x0 + x1) / 2, (x0 + x1) / 2
    pieces = sorted((np.flatnonzero(chain == c) for c in np.unique(chain)), key=len, reverse=True)
    lines: list[np.ndarray] = []
    for piece in pieces:
        offs = []
        for line in lines:
            near = line[np.argsort(np.abs(middle[line] - middle[piece].mean()))[:4]]
            off = abs(np.median(level[near]) - level[piece].mean())
            overlap = np.minimum(x1[piece].max(), x1[line]) - np.maximum(x0[piece].min(), x0[line])
            shared = (overlap > 0.5 * np.minimum(x1[line] - x0[line], letter)).any()
            offs.append(off if off < letter * (0.3 if shared else 0.47) else np.inf)
        if offs and min(offs) < np.inf:
            k = int(np.argmin(offs))
            lines[k] = np.concatenate([lines[k], piece])
        else:
            lines.append(piece)
    lines.sort(key=lambda line: np.median(level[line]))
    out = [list(tall[line]) for line in lines]
    for k in np.setdiff1d(np.arange(len(stats)), tall):
        at, best = (y + h / 2)[k] - slope * (x + w / 2)[k], (0.35 * letter, None)
        for n, line in enumerate(lines):
            d = np.abs(middle[line] - (x + w / 2)[k])
            near = line[np.argsort(d)[:3]]
            off = (
                max(
                    (level[near] - height[near] / 2).min() - at,
                    at - (level[near] + height[near] / 2).max(),
                    0,
                )
                + 0.02 * d.min()
            )
            best = min(best, (off, n), key=lambda b: b[0])
        if best[1] is not None:
            out[best[1]].append(int(k))
    return [np.array(sorted(line, key=lambda k: x[k] + w[k] / 2)) for line in out], slope

# %%
#| label: fig-segmentation-chains
#| fig-cap: "Chains of mutual neighbours."
#| fig-alt: "The three lines, each joined by a path from letter to letter in a colour of its own."
_, stats = components(ridge_mask(sloped.image, 36))
lines, slope = group_lines(stats, 36)
view = cv2.cvtColor(sloped.image, cv2.COLOR_GRAY2BGR)
for members, colour in zip(lines, ((60, 140, 0), (200, 80, 0), (0, 110, 220))):
    centres = (stats[members, :2] + stats[members, 2:4] / 2).astype(int)
    cv2.polylines(view, [centres.reshape(-1, 1, 2)], False, colour, 2, cv2.LINE_AA)
print(f"{len(lines)} lines, slope {slope:+.3f}, written {-np.tan(np.deg2rad(5)):+.3f}")
show(view)

# %%
assert len(lines) == 3 and abs(slope + np.tan(np.deg2rad(5))) < 0.05


# %% [markdown]
# On forty pages of three lines, some level, some steep, some sagging: how many came out with exactly their lines?

# %%
def line_of(page):
    "The number of the line that owns each pixel, -1 for none."
    number = np.repeat(np.arange(len(page.boxes)), [len(b) for b in page.boxes])
    return np.where(page.labels >= 0, number[page.labels], -1)


def by_rows(stats, height):
    "Lines between empty rows."
    rows = np.zeros(stats[:, [1, 3]].sum(1).max() + 1, bool)
    for y, h in stats[:, [1, 3]]:
        rows[y : y + h] = True
    band = np.cumsum(np.diff(np.r_[False, rows].astype(int)) == 1)[stats[:, 1]]
    return [np.flatnonzero(band == b) for b in np.unique(band)]


def lines_right(page, labels, lines):
    "Whether each line holds the ink of one written line, and there are as many."
    owner = line_of(page)
    of = [set(owner[np.isin(labels, line + 1) & (owner >= 0)]) - {-1} for line in lines]
    return (
        len(of) == len(page.boxes)
        and all(len(o) == 1 for o in of)
        and len(set.union(*of)) == len(of)
    )


rng, right = np.random.default_rng(1), []
for k in range(40):
    steep = float(rng.uniform(-8, 8))
    page = write(
        ["TAKE 20 PENS", "TO ROOM 39", "AT NOON"],
        Paper(),
        k,
        list(hands)[k % 5],
        30,
        slope=steep,
        curve=float(rng.normal(0, 0.4)),
        line_gap=float(rng.uniform(1.5, 2.4)),
    )
    labels, stats = components(ridge_mask(page.image, 30))
    right.append(
        (
            abs(steep) > 3,
            lines_right(page, labels, by_rows(stats, 30)),
            lines_right(page, labels, group_lines(stats, 30)[0]),
        )
    )
in_lines = (
    pd.DataFrame(right, columns=["steeper than 3 degrees", "empty rows", "chains"])
    .groupby("steeper than 3 degrees")
    .mean()
)
in_lines.round(2)

# %%
#| hide
assert in_lines["chains"].min() > 0.8 > in_lines["empty rows"].loc[True]


# %% [markdown]
# ### Characters in pieces
# Within a line, a `Piece` is a patch of soft ink: grey values are kept, because the network's training glyphs have soft edges too. A component brings only its own ink, even where boxes overlap.

# %%
#| export
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
        x, y, w, h = cv2.boundingRect((self.ink > 96).astype(np.uint8))
        return (self.x + x, self.y + y, w, h) if w else self.box

    @property
    def right(self) -> int:
        return self.x + self.ink.shape[1]

    @property
    def bottom(self) -> int:
        return self.y + self.ink.shape[0]


def union(
    pieces: list[Piece],
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
    labels: np.ndarray,  # int32 (h, w)
    stats: np.ndarray,  # int (N, 5)
    line: np.ndarray,  # component indices of one line
) -> list[Piece]:  # one per component, left to right
    "The components of a line as soft ink, as dark as the line's own pen."
    x, y, w, h, _ = stats[line].T
    X, Y = max(0, x.min() - 2), max(0, y.min() - 2)
    at = np.s_[Y : (y + h).max() + 2, X : (x + w).max() + 2]
    own = np.zeros(len(stats) + 1, bool)
    own[line + 1] = True
    label = np.where(own[labels[at]], labels[at], 0)
    level = max(float(np.percentile(strength[at][label > 0], 70)), 1.0)
    soft = cv2.multiply(strength[at], 255 / level)
    grown = np.where(
        label > 0,
        label,
        cv2.dilate(label.astype(np.float32), np.ones((3, 3), np.uint8)).astype(label.dtype),
    )
    grown[(labels[at] > 0) & (label == 0)] = (
        0  # the soft edge belongs to its component, other components' ink does not
    )
    pieces = []
    for k, i in enumerate(line):
        bx, by = max(0, x[k] - X - 1), max(0, y[k] - Y - 1)
        here = np.s_[by : y[k] - Y + h[k] + 1, bx : x[k] - X + w[k] + 1]
        pieces.append(
            Piece(
                int(bx + X),
                int(by + Y),
                np.where(grown[here] == i + 1, soft[here], 0).astype(np.uint8),
            )
        )
    return sorted(pieces, key=lambda p: p.x + p.right)


# %% [markdown]
# An E of three bars that hang loose, an I with a dot, an accent: components are not characters. Two rules are safe enough to be applied by hand. What stands above each other within a letter's width belongs together; a small mark that floats above a letter is dropped, as none of the 36 has one.

# %%
#| export
def join_parts(
    pieces: list[Piece],  # of one line, left to right
    letter: float,  # pixels
) -> list[Piece]:  # left to right
    "Drop dots and accents that float above a letter; join parts that stand above each other, as the bars of an E do."
    tall = [q for q in pieces if q.ink.shape[0] >= 0.5 * letter]
    shared = lambda p, q: min(p.right, q.right) - max(p.x, q.x)
    floats = lambda p: (
        p.ink.shape[0] <= 0.42 * letter
        and p.ink.shape[1] < 0.45 * letter
        and any(
            shared(p, q) > 0.3 * p.ink.shape[1] and q.y - p.bottom >= 0.06 * letter - 1
            for q in tall
        )
    )
    out = [p for p in pieces if not floats(p)]
    k = 0
    while k < len(out):  # narrower pieces into the wider one that covers them
        p, width = out[k], out[k].ink.shape[1]
        for n in range(max(0, k - 4), min(len(out), k + 5)):
            q = out[n]
            if (
                n == k
                or width > q.ink.shape[1]
                or max(p.right, q.right) - min(p.x, q.x) >= 1.3 * letter
            ):
                continue
            share = shared(p, q) / width
            if share > 0.95 or (share >= 0.75 and p.ink.shape[0] < 0.6 * letter):
                joined = union([p, q])
                out = sorted(
                    [r for i, r in enumerate(out) if i not in (k, n)] + [joined],
                    key=lambda r: r.x + r.right,
                )
                k = -1
                break
        k += 1
    return out


# %%
#| label: fig-segmentation-parts
#| fig-cap: "Components, and what belongs together."
#| fig-alt: "Letters with dots and loose bars: boxes of the components, and boxes after joining."
loose = write(
    ["FIVE PIES"], Paper(fade=0.95, opacity=0.9), 6, "shadows-into-light", 44, dotted_i=1.0
)
mask = ridge_mask(loose.image, 44)
labels, stats = components(mask)
parts = line_pieces(ink_strength(loose.image, 44), labels, stats, np.flatnonzero(stats[:, 4] > 3))
whole = join_parts(parts, 44)
print(f"{len(parts)} components, {len(whole)} after joining, {len(loose.all_boxes)} characters")
figure(
    {
        "components": outlined(loose.image, [p.box for p in parts]),
        "joined": outlined(loose.image, [p.box for p in whole]),
    }
)

# %%
assert len(whole) < len(parts)

# %%
worth("parts")

# %% [markdown]
# ### Characters grown together
# The opposite: letters that touch are one component, and no rule by hand says where to cut: the cheapest cut through a row of letters often goes through the middle of an N or U. So do not decide. **Cut wherever a cut may be**,
# then offer every run of neighbouring parts as a candidate and leave the choice to those who know characters. This is called over-segmentation.

# %%
#| label: fig-segmentation-touching
#| fig-cap: "Touching letters are one component."
#| fig-alt: "A line of touching letters; its components are groups of letters."
touching = write(["SAVE 177 NOW"], Paper(), 1, touching=1.0)
mask = ridge_mask(touching.image, 44)
labels, stats = components(mask)
print(
    "characters that are one component: {:.0%}".format(
        box_scores(stats[:, :4], touching.all_boxes)[1]
    )
)
show(outlined(touching.image, stats[:, :4]))

# %% [markdown]
# Where may a cut be? A **seam** is a path from the top of the line to its bottom, one step down at a time, that crosses as little ink as possible; it may lean and step aside, at a price. Seam carving shrinks pictures with it (Avidan and Shamir, 2007). One pass from top to
# bottom gives, for *every* column, the cheapest seam that ends there, and the steps to trace it back.

# %%
#| export
SIDESTEP = (
    0.08  # cost of one step to the side, in pixels of full ink: a cut may lean, but not wander
)


def seams(
    ink: np.ndarray,  # uint8 (h, w), a line's ink
) -> tuple[
    np.ndarray, np.ndarray
]:  # float32 (w,) ink crossed by the best cut ending at each column; int8 (h, w) steps back
    "Cheapest ways from the top to the bottom of a line, one step down at a time (as in seam carving, Avidan and Shamir 2007)."
    cost = ink.astype(np.float32) / 255
    total, steps = cost[0].copy(), np.zeros(ink.shape, np.int8)
    left, right = np.full_like(total, 1e9), np.full_like(total, 1e9)
    for row in range(1, len(ink)):
        left[1:], right[:-1] = total[:-1] + SIDESTEP, total[1:] + SIDESTEP
        best = np.minimum(np.minimum(left, right), total)
        steps[row] = (right == best).astype(np.int8) - (left == best)
        steps[row][total == best] = 0
        total = best + cost[row]
    return total, steps


def _trace(steps, columns):
    "The seams that end at the given columns: int (n, h)."
    path = np.empty((len(columns), len(steps)), int)
    path[:, -1] = columns
    for row in range(len(steps) - 1, 0, -1):
        path[:, row - 1] = path[:, row] + steps[row, path[:, row]]
    return path


# %%
#| export
def _cut_columns(total, stroke, letter):
    "Columns where a seam crosses little ink: local minima, cheapest first, a stroke or two at most, not too close together."
    edge = max(1, int(0.12 * letter))
    inner = np.arange(edge, len(total) - edge)
    if not len(inner):
        return []
    low = inner[
        (total[inner] <= total[inner - 1])
        & (total[inner] <= total[inner + 1])
        & (total[inner] <= 3.2 * stroke + 4)
    ]
    chosen: list[int] = []
    for c in low[np.argsort(total[low], kind="stable")]:
        if all(abs(c - q) >= 0.15 * letter for q in chosen):
            chosen.append(int(c))
        if len(chosen) >= 2 + 2.5 * len(total) / letter:
            break
    return sorted(chosen)


def cut_piece(
    piece: Piece,
    total: np.ndarray,  # float32 (w,), from `seams` of its line
    steps: np.ndarray,  # int8 (h, w), likewise
    origin: tuple[int, int],  # x, y of the line's upper left
    letter: float,  # pixels
) -> list[Piece]:  # left to right
    "A piece cut wherever a seam crosses little ink and at its notches; the piece itself where there is neither."
    part, x, y = piece.ink, piece.x - origin[0], piece.y - origin[1]
    solid = (part > 96).astype(np.uint8)
    rim = int(solid.sum() - cv2.erode(solid, np.ones((3, 3), np.uint8)).sum())
    columns = _cut_columns(total[x : x + part.shape[1]], 2 * solid.sum() / max(1, rim), letter)
    paths = _trace(steps, np.array(columns, int) + x)[:, y : y + part.shape[0]] - x
    own = [
        path
        for path in notches(part, letter)
        if not len(paths) or np.abs(paths - path).mean(1).min() > 0.1 * letter
    ]
    paths = np.concatenate([paths, own]) if own else paths
    if not len(paths):
        return [piece]
    side = (np.arange(part.shape[1])[None, None] > paths[:, :, None]).sum(0)
    slices: list[np.ndarray] = []
    for n in range(len(paths) + 1):
        cut = np.where(side == n, part, 0).astype(np.uint8)
        if slices and min((cut > 96).sum(), (slices[-1] > 96).sum()) < 0.006 * letter**2:
            slices[-1] = np.maximum(slices[-1], cut)  # a sliver stays with its neighbour
        else:
            slices.append(cut)
    out = []
    for cut in slices:
        ys, xs = np.flatnonzero(cut.any(1)), np.flatnonzero(cut.any(0))
        if len(xs):
            out.append(
                Piece(
                    int(piece.x + xs[0]),
                    int(piece.y + ys[0]),
                    cut[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1],
                )
            )
    return out


# %%
#| label: fig-segmentation-seams
#| fig-cap: "Seams that cross little ink."
#| fig-alt: "The touching letters with thin seams at all places where little ink is crossed: between letters and through some."
pieces = line_pieces(ink_strength(touching.image, 44), labels, stats, np.arange(len(stats)))
whole = union(pieces)
total, steps = seams(whole.ink)
view = cv2.cvtColor(touching.image, cv2.COLOR_GRAY2BGR)
for p in pieces:
    stroke = 0.16 * 44
    columns = (
        np.array(_cut_columns(total[p.x - whole.x : p.right - whole.x], stroke, 44), int)
        + p.x
        - whole.x
    )
    for path in _trace(steps, columns) if len(columns) else ():
        cv2.polylines(
            view,
            [
                np.stack([path + whole.x, np.arange(len(path)) + whole.y], 1)
                .astype(np.int32)
                .reshape(-1, 1, 2)
            ],
            False,
            (0, 0, 230),
            1,
            cv2.LINE_AA,
        )
show(view, 1.5)

# %% [markdown]
# Seams fail where two round strokes have become one. In `60` written in a hurry the 6 and the 0 share a stretch of ink as tall as a third of a letter: the way down through
# the hollow of the zero is cheaper, so no seam ends between the two. But the outline still tells: a **notch** from above and one from below. They are the dents in the profile of the
# topmost ink, and of the lowest; from one straight to the other goes the cut. (`cut_piece`, above, makes both kinds.)

# %%
#| export
NOTCH = 0.1  # of the letter height: how much deeper a notch is than the ink on both sides of it


def _dents(profile, least):
    "Middles and depths of the places where a profile is deeper than on both sides."
    out, falling, low = [], False, profile[0]
    for i, depth in enumerate(profile):
        if falling:
            if depth > deepest:
                deepest, first, last = depth, i, i
            elif depth == deepest and last == i - 1:
                last = i
            elif depth <= deepest - least:
                out.append(((first + last) / 2, deepest))
                falling, low = False, depth
        elif depth >= low + least:
            falling, deepest, first, last = True, depth, i, i
        else:
            low = min(low, depth)
    return out


def notches(
    ink: np.ndarray,  # uint8 (h, w), one piece
    letter: float,  # pixels
) -> list[np.ndarray]:  # float (h,), the column at which the cut crosses each row
    "Straight cuts from a notch in the upper outline to the nearest one in the lower, or straight through where there is none."
    solid = ink > 96
    height, inked = len(solid), solid.any(0)
    upper, lower = (
        _dents(np.where(inked, half.argmax(0), height).tolist(), NOTCH * letter)
        for half in (solid, solid[::-1])
    )
    out, met = [], set()
    for x, depth in upper:
        other = min(lower, key=lambda dent: abs(dent[0] - x), default=None)
        if other and abs(other[0] - x) <= 0.4 * letter:
            met.add(other)
            out.append(
                np.interp(
                    np.arange(height), (depth, max(depth, height - 1 - other[1])), (x, other[0])
                )
            )
        else:
            out.append(np.full(height, x))
    return out + [np.full(height, x) for x, depth in lower if (x, depth) not in met]


# %%
#| label: fig-segmentation-notches
#| fig-cap: "Zeros that share their strokes, cut from notch to notch."
#| fig-alt: "The number 6008, its digits grown together; red lines stand where the outline is dented from above and below: between the digits."
tied = write(["6008"], Paper(), 3, touching=1.0, letter_gap=0.0)
dark = ink_strength(tied.image, 44)
view = cv2.cvtColor(tied.image, cv2.COLOR_GRAY2BGR)
found = notches(dark, 44)
for path in found:
    cv2.polylines(
        view,
        [np.stack([path, np.arange(len(path))], 1).astype(np.int32).reshape(-1, 1, 2)],
        False,
        (0, 0, 230),
        1,
        cv2.LINE_AA,
    )
assert len(found) >= 2
show(view, 1.5)

# %%
cut_up = sorted(
    (q for p in pieces for q in cut_piece(p, total, steps, (whole.x, whole.y), 44)),
    key=lambda q: q.x,
)
assert len(cut_up) > len(touching.all_boxes)
f"{len(pieces)} components, {len(cut_up)} parts, {len(touching.all_boxes)} characters"

# %% [markdown]
# Too many, as intended. A `Candidate` is a run of up to six neighbouring parts, no wider than a wide character, without a wide gap inside. A `TextLine` holds the parts and the candidates.

# %%
#| export
MOST_PIECES = 6  # that one character may be made of


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
    letter: float,  # pixels
    pieces: list[Piece],
) -> TextLine:  # each piece is a candidate
    "A line before it is cut."
    return TextLine(
        letter, tuple(pieces), tuple(Candidate(k, k + 1, p) for k, p in enumerate(pieces))
    )


def propose(
    line: TextLine,  # not cut yet
    sure: np.ndarray,  # bool (pieces,), those that are one whole character for certain
) -> TextLine:  # with cut pieces, and all runs of neighbours that may be a character
    """Cut what may hold more than one character, and propose every run of neighbouring pieces that is no wider than a
    character and has no wide gap inside. What is sure is neither cut nor joined to anything.
    """
    letter = line.letter
    pieces, fixed = [], []
    seam = None
    for p, certain in zip(line.pieces, sure):
        parts = [p]
        if not certain and p.ink.shape[1] > 0.5 * letter and p.ink.shape[0] > 0.3 * letter:
            if seam is None:
                whole = union(line.pieces)
                seam = *seams(whole.ink), (whole.x, whole.y)
            parts = cut_piece(p, *seam, letter)
        pieces += parts
        fixed += [bool(certain)] * len(parts)
    order = sorted(range(len(pieces)), key=lambda k: pieces[k].x + pieces[k].right)
    pieces, fixed = [pieces[k] for k in order], [fixed[k] for k in order]
    out = []
    for i, first in enumerate(pieces):
        left, right = first.x, first.right
        for j in range(i, i + 1 if fixed[i] else min(len(pieces), i + MOST_PIECES)):
            p = pieces[j]
            if j > i and (
                fixed[j]
                or p.x - right > 0.3 * letter
                or max(right, p.right) - min(left, p.x) > 1.75 * letter
            ):
                break
            left, right = min(left, p.x), max(right, p.right)
            out.append(Candidate(i, j + 1, union(pieces[i : j + 1])))
    return TextLine(letter, tuple(pieces), tuple(out))


# %%
#| label: fig-segmentation-candidates
#| fig-cap: "Parts in the first row; below, what each makes with its right neighbours."
#| fig-alt: "The first parts of the line and all candidates that begin with each of them, a row for each number of parts."
proposed = propose(single(44, pieces), np.zeros(len(pieces), bool))
tile = lambda p: cv2.copyMakeBorder(
    255 - cv2.resize(p.ink, None, fx=64 / 80, fy=64 / 80, interpolation=cv2.INTER_AREA),
    2,
    2,
    2,
    2,
    cv2.BORDER_CONSTANT,
    value=170,
)
place = lambda t: np.pad(
    t, ((0, max(0, 60 - t.shape[0])), (0, max(0, 76 - t.shape[1]))), constant_values=255
)[:60, :76]
rows = []
for n in range(1, 5):
    row = {c.start: c.piece for c in proposed.candidates if c.end - c.start == n}
    rows.append(
        np.hstack(
            [
                place(tile(row[s])) if s in row else np.full((60, 76), 255, np.uint8)
                for s in range(9)
            ]
        )
    )
print(f"{len(proposed.pieces)} parts, {len(proposed.candidates)} candidates")
show(np.vstack(rows))


# %% [markdown]
# Column by column the parts, and below each what it makes with its right neighbours. Somewhere among them is every letter. How surely? A character counts as *reachable* if a candidate holds at least 80 % of its ink and little else. On composed pages whose letters touch more or less:

# %%
def reachable(page, candidates):
    "How many characters of a page are one of the candidates."
    sizes = np.bincount(page.labels[page.labels >= 0], minlength=len(page.characters))
    kinds = [kind_of(c.piece, page.labels, page.other, sizes) for c in candidates]
    return len({k for kind, k in kinds if kind == 0})


counts = []
for share in (0.0, 0.3, 0.7, 1.0):
    for k in range(5):
        page = write(
            ["SAVE 177 NOW", "TAKE ME OUT"], Paper(texture=1), k, list(hands)[k], 40, touching=share
        )
        labels, stats = components(ridge_mask(page.image, 40))
        strength = ink_strength(page.image, 40)
        lines = [
            single(40, join_parts(line_pieces(strength, labels, stats, l), 40))
            for l in group_lines(stats, 40)[0]
        ]
        cut_lines = [propose(l, np.zeros(len(l.pieces), bool)) for l in lines]
        alone = [Candidate(0, 1, p) for l in cut_lines for p in l.pieces]
        with_notches, notches = notches, lambda ink, letter: []
        seams_alone = [
            c for l in lines for c in propose(l, np.zeros(len(l.pieces), bool)).candidates
        ]
        notches = with_notches
        sets = (
            [c for l in lines for c in l.candidates],
            alone,
            seams_alone,
            [c for l in cut_lines for c in l.candidates],
        )
        counts.append((share, *(reachable(page, c) / len(page.characters) for c in sets)))
reached = (
    pd.DataFrame(
        counts,
        columns=["share that touches", "components", "every cut made", "seams alone", "candidates"],
    )
    .groupby("share that touches")
    .mean()
)
reached.round(3)

# %% [markdown]
# Making every cut breaks letters that stood alone, making none keeps groups together; candidates have the better of both. Notches reach most of what seams leave: with every pair touching, five characters in six instead of three in five. What stays out of reach
# has neither a cheap seam nor a dent: letters written over each other.

# %%
#| hide
assert (
    reached["candidates"] >= reached[["components", "every cut made"]].max(axis=1)
).all() and reached["candidates"].loc[0.3] > 0.85

# %% [markdown]
# On real pages, first without any cut, then without those at notches, then with all cuts but no parts put together:

# %%
pd.concat([worth("cuts").iloc[:1], worth("notches").iloc[:1], worth("joins")])

# %% [markdown]
# ### The judge
# Which candidates are characters? The character network cannot tell: it was only ever shown characters, and half an H is a perfectly good I. Hand-made rules on width and gaps reach their end here too, since I and W
# differ by a factor of five. But a person sees it at once, *by looking at the neighbours*. So a small network gets to see what the person sees: the candidate's own ink, and in a second channel all ink of the line around it, both at the size of the characters next to it and on their level.

# %%
#| export
WINDOW = (40, 64)  # pixels, height and width of the picture in which a candidate is judged
WINDOW_LETTER = 24.0  # pixels, height of the characters around it in the picture


def _middle(values):
    "The median, several times faster for a handful of values than NumPy's."
    values = np.sort(values)
    return float(values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def windows(
    line: TextLine,
    chosen: np.ndarray | None = None,  # bool (candidates,), those to look at; None: all
) -> (
    np.ndarray
):  # uint8 (E, 40, 64, 2): the line's ink around each candidate, and the candidate's own ink
    "What a box looks like among its neighbours: the candidate in the middle, at their height and on their level."
    pieces, letter = line.pieces, line.letter
    context, (height, width) = union(pieces), WINDOW
    middle = np.array([p.x + p.ink.shape[1] / 2 for p in pieces])
    centre = np.array([p.y + p.ink.shape[0] / 2 for p in pieces])
    heights = np.array([p.ink.shape[0] for p in pieces])
    look = [c for k, c in enumerate(line.candidates) if chosen is None or chosen[k]]
    out = np.zeros((len(look), height, width, 2), np.uint8)
    for k, c in enumerate(look):
        p = c.piece
        cx = p.x + p.ink.shape[1] / 2
        near = (heights >= 0.5 * letter) & (np.abs(middle - cx) < 3 * letter)
        cy, tall = (
            (_middle(v[near]) for v in (centre, heights))
            if near.any()
            else (p.y + p.ink.shape[0] / 2, letter)
        )
        f = WINDOW_LETTER / min(max(tall, 0.7 * letter), 1.7 * letter)
        place = lambda q: cv2.warpAffine(
            q.ink,
            np.float32([[f, 0, width / 2 - f * (cx - q.x)], [0, f, height / 2 - f * (cy - q.y)]]),
            (width, height),
        )
        out[k, :, :, 0], out[k, :, :, 1] = place(context), place(p)
    return out


# %%
#| label: fig-segmentation-windows
#| fig-cap: "What the judge sees: a candidate (orange) among its neighbours."
#| fig-alt: "Windows of six candidates: the line's ink in grey, the candidate's own in orange; some are whole letters, some halves, some two letters."
views = windows(proposed)
chosen = np.linspace(0, len(views) - 1, 12).astype(int)
coloured = [
    np.where(v[..., 1:] > 60, np.array((0, 110, 220), np.uint8), 255 - v[..., :1] // 2)
    for v in views[chosen]
]
framed_tiles = [
    cv2.copyMakeBorder(
        cv2.resize(c, None, fx=1.8, fy=1.8), 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(170,) * 3
    )
    for c in coloured
]
show(np.vstack([np.hstack(framed_tiles[:6]), np.hstack(framed_tiles[6:])]))

# %% [markdown]
# Three answers: *one whole character*, *not one* (a part, or two together), *no character at all* (a comma, a rest of a rule, a speck). The labels cost nothing: a composed page knows who owns every pixel, so a candidate's label follows from its ink, and
# the pages go through this very segmentation with all its mistakes. `customocr/boxes.py` composes them in the hands of UNIPEN's training writers and trains a network of four convolutions and 86,000 weights; `customocr train --boxes` does it
# again. Here is a page of ours with its labels, and what the card of the shipped network says:

# %%
from customocr import segmentation

page = write(["SAVE 177 NOW", "A-B, C."], Paper(texture=1), 2, touching=0.5)
labelled = label_page(
    page, segmentation.analyse(page.image)
)  # `analyse`: all steps in one call, below
counts = np.bincount(labelled.kinds, minlength=3)
assert counts.min() > 0
pd.Series(dict(zip(KINDS, counts)), name="candidates").to_frame().T

# %%
card_file = Path(samples.FOLDER).parent / "models" / "boxes.json"
card = json.loads(card_file.read_text()) if card_file.exists() else {}
pd.Series(
    {
        name: card.get(name)
        for name in (
            "pages",
            "boxes",
            "writers",
            "validation_writers",
            "validation_boxes",
            "validation_accuracy",
            "characters_with_a_candidate",
            "parameters",
            "minutes",
            "command",
        )
    },
    name="card",
).to_frame()

# %% [markdown]
# Without it, every candidate counts as a character as much as any other:

# %%
worth("judge")


# %% [markdown]
# The judge's answers do not become decisions yet. They become scores on the edges of a [lattice](glossary.html#lattice): its nodes are the cuts, its edges the candidates, and a way from left to right is one reading of the line. Which way is best, the classifier and the
# language have a say in as well; that is the next notebook's work.
#
# ### All together
# A `Sheet` keeps a page at every stage, and knows the way back from its own pixels to those of the picture.

# %%
#| export
@dataclass(frozen=True)
class Sheet:
    "A page at each stage of its segmentation, all in pixels of the page that is worked on."

    grey: np.ndarray  # uint8 (h, w), dark ink on lighter paper, a character about 40 pixels high
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

    def to_page(
        self,
        box: tuple[int, int, int, int],  # x, y, w, h here
        scale: float = 1.0,  # page pixels per pixel of the picture given
    ) -> tuple[int, int, int, int]:  # x, y, w, h on the page
        "The upright box on the page around a box here."
        x, y, w, h = box
        corners = (
            np.array([[x, y, 1], [x + w, y, 1], [x, y + h, 1], [x + w, y + h, 1]])
            @ self.matrix.T
            * scale
        )
        lo, hi = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
        return int(lo[0]), int(lo[1]), int(hi[0] - lo[0]), int(hi[1] - lo[1])


# %% [markdown]
# `analyse` runs the chain twice over: a first look at a reduced picture, only for the letters' height and where they stand; then that part of the page is brought to the one size, and everything else runs on it. If its lines slope by more than 3.5 degrees and hold ten characters or more (three slanted digits say nothing of a page), the page is turned level and
# analysed again. `MOST_PIXELS` and `MOST_COMPONENTS`, from above, bound time and memory whatever is on the page.

# %%
#| export
def first_look(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
) -> tuple[
    float, tuple[slice, slice]
]:  # pixels of the picture given; rows and columns that hold all the writing
    "A first look at the whole picture, reduced: how high its characters are, and where they stand."
    f = min(1.0, FIRST_SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=f, fy=f, interpolation=cv2.INTER_AREA) if f < 1 else grey
    stroke = max(15, 0.1 * min(small.shape))
    mask = ink_mask(ink_strength(small, stroke), 0.5 * stroke)
    labels, stats = components(mask)
    height = letter_height(stats, small.shape, frames(labels, stats, 12))
    if height is None:
        return 0.55 * min(grey.shape), np.s_[:, :]
    x, y, w, h, _ = stats[
        (stats[:, 3] >= 0.45 * height) & (stats[:, 3] <= 2.6 * height) & (stats[:, 2] <= 9 * height)
    ].T
    margin = 1.5 * height
    between = lambda a, b: slice(
        max(0, int((a.min() - margin) / f)), int((b.max() + margin) / f) + 1
    )
    return height / f, (between(y, y + h), between(x, x + w)) if len(x) else np.s_[:, :]


def _stages(grey):
    strength = ink_strength(grey, LETTER)
    mask = ink_mask(strength, LETTER)
    labels, stats = components(mask)
    letter = letter_height(stats, mask.shape, frames(labels, stats, 0.5 * LETTER)) or LETTER
    rules = find_rules(mask, labels, stats, letter)
    ink = remove_rules(mask, rules)
    labels, stats = components(ink)
    text = maybe_text(stats, letter, ink.shape) if len(stats) else np.zeros(0, bool)
    index = np.flatnonzero(text)
    lines, slope = group_lines(stats[index], letter)
    return (
        strength,
        mask,
        rules,
        ink,
        labels,
        stats,
        text,
        [index[line] for line in lines],
        slope,
        letter,
    )


# %%
#| export
def _brought(grey, height):
    "The picture at its working size, the scale, its stages. Where the first look misjudged the height, a second try."
    before = None
    while True:
        scale = min(LETTER / height, 6.0, math.sqrt(MOST_PIXELS / grey.size))
        scale = 1.0 if abs(scale - 1) < 0.05 else scale
        page = (
            grey
            if scale == 1
            else cv2.resize(
                grey,
                None,
                fx=scale,
                fy=scale,
                interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC,
            )
        )
        stages = _stages(page)
        letter = stages[-1]
        if before is not None or 0.65 < letter / LETTER < 1.5:
            return page, scale, stages
        before, height = scale, letter / scale


def analyse(
    grey: np.ndarray,  # uint8 (h, w), the picture
    dark: bool | None = None,  # dark ink on lighter paper; None: found out
) -> Sheet:
    "From a picture to lines of candidate characters; everything relative to the height of the characters on it."
    dark = polarity(grey) > 0 if dark is None else dark
    page = grey if dark else 255 - grey
    height, region = first_look(page)
    top, left = region[0].start or 0, region[1].start or 0
    page, scale, stages = _brought(page[region], height)
    matrix = np.array(
        [[scale, 0, scale * (0.5 - left) - 0.5], [0, scale, scale * (0.5 - top) - 0.5]]
    )
    slope = stages[8]
    if (
        abs(slope) > 0.06 and sum(map(len, stages[7])) >= ENOUGH_TO_LEVEL
    ):  # about 3.5 degrees: turn the page so that its lines lie level
        h, w = page.shape
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), math.degrees(math.atan(slope)), 1)
        c, s = abs(turn[0, 0]), abs(turn[0, 1])
        size = int(h * s + w * c), int(h * c + w * s)
        turn[:, 2] += (size[0] - w) / 2, (size[1] - h) / 2
        page = cv2.warpAffine(
            page, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        matrix = turn @ np.vstack([matrix, [0, 0, 1]])
        stages = _stages(page)
    strength, mask, rules, ink, labels, stats, text, groups, _, letter = stages
    lines = []
    for group in groups:
        tall = [h for h in stats[group, 3] if h >= 0.5 * letter]
        height = float(np.clip(np.median(tall or [letter]), 0.6 * letter, 1.6 * letter))
        pieces = join_parts(line_pieces(strength, labels, stats, group), height)
        if pieces:
            lines.append(single(height, pieces))
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    return Sheet(
        page,
        strength,
        mask,
        rules,
        ink,
        labels,
        stats,
        text,
        tuple(lines),
        letter,
        slope,
        not dark,
        inverse,
    )


# %%
#| label: fig-segmentation-stages
#| fig-cap: "A page at each stage of `analyse`."
#| fig-alt: "The sample page with rules at six stages: grey, strength, mask, rules, ink, pieces by line."
sheet = analyse(sample("ruled"))
pieces_view = cv2.cvtColor(on_white(sheet.ink), cv2.COLOR_GRAY2BGR)
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
len(sheet.lines), round(sheet.letter, 1), round(sheet.slope, 3), sheet.inverted


# %% [markdown]
# Now the plot of sizes again. The boxes are the components', before any cut, so that nothing learnt helps:

# %%
#| label: fig-segmentation-sizes-after
#| fig-cap: "The nine sizes again."
#| fig-alt: "Recall against letter height: the tutorial's curve has a hump from 30 to 110 pixels, ours stays high from 9 to 400."
def tight(piece):
    "The box of a piece's ink, without its soft rim."
    x, y, w, h = cv2.boundingRect((piece.ink > 96).astype(np.uint8))
    return piece.x + x, piece.y + y, w, h


def component_boxes(grey):
    "Boxes on the page of all pieces in lines, before anything is cut."
    sheet = analyse(grey)
    return [sheet.to_page(tight(p)) for text_line in sheet.lines for p in text_line.pieces]


recall["ours"] = [
    np.mean([box_scores(component_boxes(p.image), p.all_boxes)[1] for p in sized[h]])
    for h in heights
]
ax = pd.DataFrame(recall, index=heights).plot(
    logx=True, style="o-", figsize=(5.5, 2.6), color=["#d9822b", "#1b7f79"]
)
ax.set(
    xlabel="letter height, pixels",
    ylabel="recall",
    ylim=(-0.05, 1.05),
    xticks=heights,
    xticklabels=heights,
)
ax.minorticks_off()
ax.legend(frameon=False)
plt.tight_layout()

# %%
#| hide
assert min(recall["ours"]) > 0.8 > max(recall["tutorial"][0], recall["tutorial"][-1])
assert len(analyse(np.full((50, 50), 255, np.uint8)).lines) == 0

# %% [markdown]
# On real pages, the page at its own size instead, and its lines left sloping:

# %%
pd.concat([worth("scale").iloc[:1], worth("turning")])

# %% [markdown]
# ## What it is worth
# ### Box by box
# The tutorial's boxes against those of the whole reader, judge and decoding included (a glance ahead: `Reader` is the [next notebook](03_recognition.ipynb)), on composed pages of every kind of paper. Five hands, the same pages for both; a box is right from an intersection over union
# of 0.5 on. These hands took no part in the judge's training.

# %%
from customocr.recognition import Reader

reader = Reader()
scored = []
for kind, page in some_pages(PAPERS, 8, seed=5):
    found = [c.box for c in reader.read(page.image).characters]
    scored.append(
        (
            kind,
            *box_scores(tutorial_boxes(page.image), page.all_boxes),
            *box_scores(found, page.all_boxes),
        )
    )
columns = pd.MultiIndex.from_product([["tutorial", "ours"], ["precision", "recall"]])
by_paper = (
    pd.DataFrame([row[1:] for row in scored], [row[0] for row in scored], columns)
    .groupby(level=0)
    .mean()
    .sort_values(("ours", "recall"))
)
by_paper.loc["all"] = by_paper.mean()
by_paper.round(2)

# %%
#| hide
assert by_paper["ours"].loc["all"].min() > by_paper["tutorial"].loc["all"].max()

# %%
samples_scored = {
    p.name: (
        *box_scores(tutorial_boxes(sample(p.name)), truth[p.name]),
        *box_scores([c.box for c in reader.read(p.path).characters], truth[p.name]),
    )
    for p in samples.pages()
}
on_samples = pd.DataFrame(samples_scored, columns).T
on_samples.round(2)

# %%
#| hide
assert on_samples["ours", "recall"].mean() > 0.9

# %% [markdown]
# ### On real pages
# Fonts are not hands, and our damages are our guesses. The figures that count are those of real pages: photos, scans, form fields and table cells by other people. They are not ours to show; what can be shown is how much of them is
# read. `benchmarks/page_errors.py` measures any reader by [character error rate](glossary.html#cer), the characters to insert, delete or change over those written; spaces do not count. The tutorial's way is its boxes with *our* network, so that only the
# segmentation differs. Stored from the run
#
# ```
# python benchmarks/page_errors.py DATA --reader customocr tutorial --csv nbs/stored/pages/readers.csv
# python benchmarks/page_errors.py DATA --reader customocr --without all --csv nbs/stored/pages/stages.csv
# ```

# %%
stored = Path("stored/pages")
readers = pd.read_csv(stored / "readers.csv")
rates = readers[readers.reader.isin(["tutorial", "customocr"])].pivot(
    index="kind", columns="reader", values="cer"
)
rates.insert(0, "images", readers.groupby("kind").images.first())
rates[["images", "tutorial", "customocr"]].round(3)

# %%
assert (rates.customocr < rates.tutorial).all()

# %% [markdown]
# And what is each idea worth? The same pages with one stage switched off at a time. All rows are of one run with the shipped networks. A figure above the first row's is what its absence costs; one below it says that on this kind of page the stage does more harm than good.

# %%
stages = pd.read_csv(stored / "stages.csv")
order = list(dict.fromkeys(stages.reader))
stages.pivot(index="reader", columns="kind", values="cer").loc[order].rename(
    index={"customocr": "all stages"}
).round(3)

# %%
#| label: fig-segmentation-loss
#| fig-cap: "What leaving out one stage costs on real pages."
#| fig-alt: "Bars: by how much the error rate on all pages rises when one stage is left out."
loss = stages[stages.kind == "all"].set_index("reader").cer
ax = (
    (loss.drop("customocr") - loss["customocr"])
    .sort_values()
    .plot.barh(figsize=(5.5, 3), color="#1b7f79")
)
ax.set(xlabel="change of the error rate on all pages", ylabel="")
plt.tight_layout()


# %% [markdown]
# ### What it costs
# Time against pixels, with the same hundred characters on the page, and against characters, on the same 2 megapixels. The unit is the time of one adaptive threshold of 1 megapixel in the same run; both are processor time on one core, which a busy machine disturbs least.

# %%
#| label: fig-segmentation-cost
#| fig-cap: "Cost against pixels and against characters."
#| fig-alt: "Two plots of the time of analyse: it levels off with pixels and grows in proportion to characters."
def crowded(characters, pixels):
    "A square page of so many characters on so many pixels."
    side, columns = int(pixels**0.5), int(np.ceil(characters**0.5))
    page, cell = np.full((side, side), 235, np.uint8), side / columns
    for i in range(characters):
        letter, scale = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i * 7 % 36], cell / 45
        cv2.putText(
            page,
            letter,
            (int((i % columns + 0.2) * cell), int((i // columns + 0.8) * cell)),
            cv2.FONT_HERSHEY_SIMPLEX,
            scale,
            40,
            max(1, round(2.5 * scale)),
            cv2.LINE_AA,
        )
    return page


def seconds(call, repeats=3):
    "Least processor time of several runs."
    times = []
    for _ in range(repeats):
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


threads = cv2.getNumThreads()
cv2.setNumThreads(1)
million = np.random.default_rng(0).integers(200, 255, (1000, 1000), dtype=np.uint8)
unit = (
    seconds(
        lambda: [
            cv2.adaptiveThreshold(
                million, 255, cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY, 11, 9
            )
            for _ in range(20)
        ],
        5,
    )
    / 20
)
relative = lambda page: seconds(lambda: analyse(page)) / unit
megapixels, many = [0.25, 0.5, 1, 2, 4, 8, 12], [10, 50, 100, 200, 400, 800]
by_pixels = [relative(crowded(100, n * 1e6)) for n in megapixels]
by_characters = [relative(crowded(n, 2e6)) for n in many]
cv2.setNumThreads(threads)
_, axes = plt.subplots(1, 2, figsize=(7.5, 2.6), layout="constrained")
axes[0].plot(megapixels, by_pixels, "o-", color="#1b7f79")
axes[0].set(xlabel="megapixels, 100 characters", ylabel="adaptive thresholds", ylim=(0, None))
axes[1].plot(many, by_characters, "o-", color="#1b7f79")
axes[1].set(xlabel="characters, 2 megapixels", ylim=(0, None))

# %% [markdown]
# Time grows far slower than the pixels, because the page is worked on at the size of its letters, whatever the camera's. With the characters it grows in proportion.
#
# ### What stays unsolved
# Letters that are written *over* each other share ink and cannot be parted by a cut. Joined-up writing has strokes between the letters that belong to neither; we read capitals and digits that stand by themselves or touch. A sheet photographed from
# far to the side is turned, not rectified. Columns side by side come out line by line across both.
#
# ## Exercises
# **1.** The tutorial's limits could at least be relative. Write `relative_boxes(grey)`: the tutorial's outline, boxes kept from 0.4 to 2.5 times the median height of the contours. Over which range of `heights` does its recall hold?
#
# <details><summary>Solution</summary>
#
# ```python
# def relative_boxes(grey):
#     boxes = np.array([cv2.boundingRect(c) for c in tutorial_contours(tutorial_stages(grey)["outline"])]).reshape(-1, 4)
#     median = np.median(boxes[:, 3]) if len(boxes) else 0
#     return boxes[(boxes[:, 3] > 0.4 * median) & (boxes[:, 3] < 2.5 * median)]
#
# {h: round(float(np.mean([box_scores(relative_boxes(p.image), p.all_boxes)[1] for p in sized[h]])), 2) for h in heights}
# ```
# It hardly helps. In large letters a block of 11 pixels hollows strokes that are wider than that, and the median is one of fragments. Small ones stay lost, as the dilations by a pixel glue them together. The constants before the boxes would have to be relative as well.
#
# </details>
#
# **2.** From which rule width on are letters damaged? Compose `Paper(rules="ruled", rule_width=w)` for w from 0.02 to 0.3 and plot what share of the letters' ink `remove_rules` leaves.
#
# <details><summary>Solution</summary>
#
# ```python
# def left(w):
#     page = write(["TAKE 20 PENS"], Paper(rules="ruled", rule_width=w, rule_colour=(90, 80, 70)), 1)
#     mask, rules, ink = without_rules(page)
#     return ink[page.ink > 127].sum() / max(1, mask[page.ink > 127].sum())
#
# widths = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3]
# plt.plot(widths, [left(w) for w in widths], "o-")
# ```
#
# </details>
#
# **3.** `SIDESTEP` is the price of a step to the side. Set it to 0 and to 10 (in this kernel: `SIDESTEP = 10`, then `seams(whole.ink)` again) and draw the seams of the touching line. What does each do to an A beside a V?
#
# <details><summary>Solution</summary>
#
# ```python
# for SIDESTEP in (0, 0.08, 10):
#     total, steps = seams(whole.ink)
#     paths = _trace(steps, np.arange(10, whole.ink.shape[1], 12))
#     view = cv2.cvtColor(255 - whole.ink, cv2.COLOR_GRAY2BGR)
#     for path in paths:
#         cv2.polylines(view, [np.stack([path, np.arange(len(path))], 1).astype(np.int32).reshape(-1, 1, 2)], False, (0, 0, 230), 1)
#     display(show(view))
# ```
# At 0 seams wander far along the white and many end in the same gap; at 10 they are straight columns, which cannot pass between a leaning A and V without crossing ink.
#
# </details>
#
# **4.** Which candidates would *you* take? Print the labels of `labelled` for the first line beside pictures of its candidates (`labelled.glyphs`), and find a candidate that is labelled "not one character" though its glyph looks like one.
#
# <details><summary>Solution</summary>
#
# ```python
# parts = labelled.glyphs[labelled.kinds == 1]
# show(np.hstack(parts[:14]), 2)
# ```
# The stem of an E is a fine I, and the right half of a W a V. Only the neighbours tell, which is why the judge sees them.
#
# </details>
#
# ## What the next notebook builds on
# `analyse` gives a `Sheet` of `TextLine`s, `propose` their candidates, `windows` what the judge looks at. [Recognition](03_recognition.ipynb) asks both networks about every candidate, finds the best way through each line's lattice, and makes it a `Page`.
