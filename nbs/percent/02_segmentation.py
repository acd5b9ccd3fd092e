# %% [markdown]
# # Segmentation
# > From a photo to the box of every character: the tutorial's way, and where it ends.

# %% [markdown]
# Where on the page are the characters? This notebook goes [the tutorial](00_data.ipynb#the-tutorial)'s way from a photo to glyphs, a picture a step. At the end you can cut a clean page into glyphs, and you have seen six pages on which this way fails.

# %%
#| default_exp segmentation

# %%
#| export
from __future__ import annotations

import cv2
import numpy as np

# %%
#| code-fold: true
#| code-summary: "Imports"
import imutils
import pandas as pd
from imutils.contours import sort_contours

from customocr import samples
from customocr.pictures import figure, outlined, sample, show, tiles, write
from customocr.writing.compose import box_scores
from customocr.writing.papers import Paper

# %%
#| fig-cap: "The tutorial's kind of page: one photographed line, darker towards the right. Every letter should get a box of its own."
#| fig-alt: "A photographed line of handwriting in blue: READ MY LINE 27, the paper darker towards one side."
#| label: fig-segmentation-line
paper = Paper(gradient=0.3, texture=2, noise=2, blur=0.7, ink=(120, 60, 40))
line = write(["READ MY LINE 27"], paper, 4, height=42, letter_gap=0.3, grey=False)
grey = cv2.cvtColor(line.image, cv2.COLOR_BGR2GRAY)
print(line.image.shape, "->", grey.shape, "from", grey.min(), "to", grey.max())
figure({"the photo": line.image, "grey": grey})

# %% [markdown]
# A photo has three colours a pixel. For shapes one number is enough, the grey level from 0 (black) to 255 (white). The line above says how large the photo is, and its darkest and lightest grey.
#
# *Needs*: twenty seconds and no data. Every page shown was written with the handwriting fonts of the package ([Pictures](pictures.ipynb)), so every true box is known.
#
# *Terms*: [threshold](glossary.html#threshold), [adaptive threshold](glossary.html#adaptive-threshold), [dilation](glossary.html#dilation),
# [Canny edges](glossary.html#canny), [contour](glossary.html#contour), [bounding box](glossary.html#bounding-box), [region of interest](glossary.html#roi),
# [margin](glossary.html#margin), [Otsu's threshold](glossary.html#otsu), [glyph](glossary.html#glyph).

# %% [markdown]
# ## Preprocess, one picture a step
# **Blur.** Sensors and paper are grainy, and a threshold turns grain into dots. A Gaussian blur gives each pixel the weighted mean of its 3 x 3 neighbourhood.

# %%
blurred = cv2.GaussianBlur(grey, (3, 3), 0)
grain = lambda image: float(np.std(cv2.subtract(image, cv2.blur(image, (9, 9)))[:30, :60]))
assert grain(blurred) < grain(grey)
print(f"grain of the empty corner: {grain(grey):.2f} -> {grain(blurred):.2f} grey levels")

# %% [markdown]
# **Adaptive threshold.** A threshold parts ink from paper: what is darker is ink. One threshold for the whole page would have to be darker than the shaded paper and lighter than the lit ink. Often there is no such number. So every pixel gets its own: the mean of the 11 x 11 pixels around it, in which near pixels count most, minus C = 9. The block of 11 must be wider than the pen's stroke, and C larger than the grain.

# %%
how = cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY
threshold = cv2.adaptiveThreshold(blurred, 255, *how, 11, 9)
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
# **Canny edges** are found with two limits. An edge starts where the grey changes by more than 150 a pixel, and goes on while it changes by more than 40. A second **dilation** closes the edges.

# %%
#| label: fig-segmentation-steps
#| fig-cap: "From the blurred page to closed outlines. After the last step each letter has one closed outline."
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
# Are these numbers good? In Jupyter, run the second cell below and move the sliders. On this page, look at four settings.

# %%
#| label: fig-segmentation-settings
#| fig-cap: "With C too small the paper comes through; with C too large the pen is lost; a wide block does no harm on this page."
#| fig-alt: "The outline of the line at four settings: good, paper let through, strokes lost, and a wide block."
def outline_at(block=11, c=9, low=40, high=150):
    "The last picture of the chain at other settings."
    how = cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY_INV
    binary = cv2.adaptiveThreshold(blurred, 255, *how, block, c)
    return cv2.dilate(cv2.Canny(cv2.dilate(binary, square), low, high), square)


assert np.array_equal(outline_at(), outline)
figure({f"block {b}, C {c}": outline_at(b, c) for b, c in ((11, 9), (11, 1), (11, 40), (51, 9))})

# %%
#| eval: false
from ipywidgets import interact

tried = lambda block, c, low, high: show(outline_at(block, c, low, high))
interact(tried, block=(3, 61, 2), c=(0, 40), low=(0, 255), high=(0, 255))

# %% [markdown]
# ## Contours and boxes
# A contour is the closed line around something white. *External* contours lie in no other, so an O gives one and not two. `imutils` sorts the contours from left to right.

# %%
found = cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
contours, _ = sort_contours(imutils.grab_contours(found), method="left-to-right")
assert len(contours) == 12
len(contours)

# %% [markdown]
# Each contour has a bounding rectangle. The tutorial drops what is narrower than 4 or wider than 160 pixels, lower than 14 or higher than 140. It takes these for dirt or for a frame.

# %%
#| fig-cap: "Twelve boxes for twelve characters. On this page the tutorial's way has no fault."
#| fig-alt: "The line with a box around each of the twelve characters."
#| label: fig-segmentation-boxes
rectangles = [cv2.boundingRect(c) for c in contours]
boxes = [(x, y, w, h) for x, y, w, h in rectangles if 4 <= w <= 160 and 14 <= h <= 140]
print("precision {:.2f}, recall {:.2f}".format(*box_scores(boxes, line.all_boxes)))
show(outlined(line.image, boxes))

# %% [markdown]
# *Precision* is the share of the found boxes that are right. A box is right if it shares at least half of the joint area with a true one. *Recall* is the share of the true boxes that were found.
#
# ## From box to glyph
# Each box is cut out of the grey page as a region of interest (ROI). Otsu's threshold, inverted, makes white ink on black. One threshold is enough this time, because the light is even inside so small a cut.

# %%
#| fig-cap: "The first box, and its ink. The threshold has removed the paper."
#| fig-alt: "The letter R in grey and as white ink on black."
#| label: fig-segmentation-roi
x, y, w, h = boxes[0]
roi = grey[y : y + h, x : x + w]
level, ink = cv2.threshold(roi, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)
print(f"Otsu's threshold {level:.0f}, {w} x {h} pixels")
show(np.hstack([roi, np.full((h, 6), 128, np.uint8), ink]), 3)


# %% [markdown]
# The network wants 28 x 28. If we just resize, an I becomes as wide as an M. So the longer side becomes 28, the other side follows in proportion, and black fills up the rest:

# %%
#| label: fig-segmentation-glyph
#| fig-cap: "Find the I. Above, each box was stretched to a square, and the I is as wide as the M. Below, it is a bar again."
#| fig-alt: "Above I, M and 7 resized to a square, the I as wide as the M; below the same with their proportions kept."
def padded(ink, side=28):
    "The tutorial's glyph: longer side to 28, black around the shorter."
    f, out = side / max(ink.shape), np.zeros((side, side), np.uint8)
    size = max(1, round(f * ink.shape[1])), max(1, round(f * ink.shape[0]))
    small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    top, left = (side - size[1]) // 2, (side - size[0]) // 2
    out[top : top + size[1], left : left + size[0]] = small
    return out


def cut(box, margin=0):
    "White ink on black of a box and a margin around it."
    x, y, w, h = box
    roi = grey[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]
    return cv2.threshold(roi, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]


three = [cut(boxes[k]) for k in (7, 4, 11)]
resized = tiles([cv2.resize(ink, (28, 28)) for ink in three])
show(np.vstack([resized, tiles([padded(ink) for ink in three])]), 4)

# %% [markdown]
# **A margin.** The ink now nearly touches the glyph's border, and training glyphs never do that. The tutorial cuts a second time, 2 pixels larger on every side. How much is right? A large margin makes the letter small, lets the neighbours in where letters stand close, and is a number of pixels again.

# %%
#| label: fig-segmentation-margin
#| fig-cap: "One D, and four pictures for the network. A number that we chose, the margin, decides which one it gets."
#| fig-alt: "The letter D as a glyph with margins of 0, 2, 6 and 14 pixels: larger margins make it smaller."
with_margin = lambda margin, k=3: padded(cut(boxes[k], margin))
fill = [(with_margin(m) > 0).mean() for m in (0, 2, 6)]
assert fill[0] > fill[1] > fill[2]
show(tiles([with_margin(m) for m in (0, 2, 6, 14)]), 4)

# %%
#| eval: false
interact(lambda margin: show(tiles([with_margin(margin, k) for k in range(12)]), 2), margin=(0, 20))

# %% [markdown]
# Divided by 255 and with a channel axis, the twelve glyphs are one array (12, 28, 28, 1). [Recognition](03_recognition.ipynb) hands it to the network in one call.
#
# ## The same as functions
# The tutorial's helpers write globals and draw while they compute. Here is its whole way as functions that take what they need and return what they made. All its constants stand in one place.

# %%
#| export
# The tutorial's own numbers; it gives no experiment for them
TUTORIAL_BLOCK, TUTORIAL_C = 11, 9  # pixels, grey levels: adaptive threshold
TUTORIAL_CANNY = (40, 150)  # grey levels a pixel: an edge goes on above 40, starts above 150
TUTORIAL_WIDTHS, TUTORIAL_HEIGHTS = (4, 160), (14, 140)  # pixels, of a character
TUTORIAL_SHEET = 0.5  # of the page's width and height: a contour that large is a sheet
TUTORIAL_EDGE = 8  # pixels, cut off the sheet on each side


def tutorial_stages(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
) -> dict[str, np.ndarray]:  # caption -> uint8 (h, w), in order; contours are found in the last
    "The tutorial's page, a picture a step."
    square, how = np.ones((3, 3), np.uint8), (cv2.ADAPTIVE_THRESH_GAUSSIAN_C, cv2.THRESH_BINARY)
    out = {"grey": grey, "blurred": cv2.GaussianBlur(grey, (3, 3), 0)}
    limits = TUTORIAL_BLOCK, TUTORIAL_C
    out["threshold"] = cv2.adaptiveThreshold(out["blurred"], 255, *how, *limits)
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
    edges = cv2.Canny(cv2.GaussianBlur(grey, (3, 3), sigma), *TUTORIAL_CANNY)
    return cv2.dilate(edges, np.ones((3, 3), np.uint8))


def tutorial_contours(
    outline: np.ndarray,  # uint8 (h, w), white on black
) -> tuple[np.ndarray, ...]:  # int32 (n, 1, 2) points of each external contour, left to right
    "External contours, sorted by their left side."
    import imutils
    from imutils.contours import sort_contours

    found = cv2.findContours(outline, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    contours = imutils.grab_contours(found)
    return tuple(sort_contours(contours, method="left-to-right")[0]) if len(contours) else ()


# %% [markdown]
# For further pages the tutorial shortens the chain: a blur with a sigma of 7, Canny on the grey page, one dilation. In a 3 x 3 kernel this blur is a plain mean. No threshold of brightness is left, only one of steepness.

# %%
#| label: fig-segmentation-short
#| fig-cap: "Compare with the last picture of the longer chain: the lines are thinner, and still no outline is open."
#| fig-alt: "The outline of the line by the short chain: thinner than before, every character closed."
short = tutorial_outline(grey)
long = tutorial_stages(grey)["outline"]
print(f"contours: {len(tutorial_contours(short))} by the short chain,", end=" ")
print(f"{len(tutorial_contours(long))} by the long one")
show(short)

# %%
#| hide
assert np.array_equal(long, outline) and len(tutorial_contours(outline)) == len(contours)
assert tutorial_contours(np.zeros((20, 20), np.uint8)) == ()

# %% [markdown]
# ## A sheet on a dark table
# Then the tutorial meets a page on which *nothing* is found:

# %%
#| label: fig-segmentation-sheet
#| fig-cap: "The sheet's own edge is the only external contour."
#| fig-alt: "A white sheet with two lines on a dark table, and its outline: one rectangle around everything."
table = Paper(table="dark", texture=1.5, blur=0.6, noise=2)
meeting = write(["MEET ME", "AT NOON"], table, 2, letter_gap=0.3)
outside = tutorial_stages(meeting.image)["outline"]
print(len(tutorial_contours(outside)), "external contour")
figure({"a sheet on a table": meeting.image, "outline": outside})


# %% [markdown]
# The outermost contour is the sheet's own edge, and external contours hide everything within. The tutorial's fix: take the contour with the largest area. If it covers at least half the width and half the height of the page, cut
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
    (x, y, w, h), (height, width) = cv2.boundingRect(contours[0]), outline.shape
    small = w < TUTORIAL_SHEET * width or h < TUTORIAL_SHEET * height
    if small or min(w, h) <= 2 * TUTORIAL_EDGE:
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
    like = lambda w, h: least_w <= w <= most_w and least_h <= h <= most_h
    return [(x + left, y + top, w, h) for left, top, w, h in found if like(w, h)]


def tutorial_glyphs(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
    boxes: list[tuple[int, int, int, int]],  # x, y, w, h
    margin: int = 2,  # pixels around each box, as far as the picture goes
    side: int = 28,  # pixels
) -> np.ndarray:  # uint8 (N, 28, 28), white on black
    "Each box by Otsu's threshold, its longer side brought to 28 pixels, black around the shorter."
    out = np.zeros((len(boxes), side, side), np.uint8)
    for k, (x, y, w, h) in enumerate(boxes):
        roi = grey[max(0, y - margin) : y + h + margin, max(0, x - margin) : x + w + margin]
        ink = cv2.threshold(roi, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]
        f = side / max(ink.shape)
        size = max(1, round(f * ink.shape[1])), max(1, round(f * ink.shape[0]))
        small = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
        top, left = (side - small.shape[0]) // 2, (side - small.shape[1]) // 2
        out[k, top : top + small.shape[0], left : left + small.shape[1]] = small
    return out


# %%
#| label: fig-segmentation-sheet-cut
#| fig-cap: "Cut to the sheet, less 8 pixels, all letters are found."
#| fig-alt: "The sheet on the table, now with a box around each letter."
inside = tutorial_boxes(meeting.image)
assert box_scores(inside, meeting.all_boxes) == (1.0, 1.0)
show(outlined(meeting.image, inside))

# %%
#| hide
twelve = tutorial_glyphs(grey, boxes)
assert twelve.shape == (12, 28, 28) and tutorial_glyphs(grey, []).shape == (0, 28, 28)
assert np.abs(twelve[3].astype(int) - with_margin(2)).max() < 40
assert tutorial_boxes(np.full((40, 60), 255, np.uint8)) == []
assert tutorial_sheet(np.zeros((40, 60), np.uint8)) is None

# %% [markdown]
# ## What this way is worth
# The package brings fourteen sample pages. Box by box, this is what the tutorial's way finds on them:

# %%
every_box = lambda p: np.concatenate([np.reshape(b, (-1, 4)) for b in p.boxes])
scores = {p.name: box_scores(tutorial_boxes(sample(p.name)), every_box(p)) for p in samples.pages()}
first = pd.DataFrame(scores, index=["precision", "recall"]).T
first["on it"] = [p.notes.split("; font")[0] for p in samples.pages()]
first.round(2)

# %%
#| hide
assert first.recall["hello"] == 1 and first.recall[["fields", "cell", "scan"]].max() < 0.2

# %% [markdown]
# The table gives shares between 0 and 1. On plain pages with letters of the right size all boxes are right. A shadow or pale rules do no harm, and the note on its dark table comes out whole. In frames, and for small letters, nothing is found.
#
# ## Where it ends
# On six more pages this way fails. The table below the picture says why, and which notebook mends it.

# %%
#| label: fig-segmentation-failures
#| fig-cap: "Six pages on which fixed numbers fail: no box, fragments, several letters in one box, or no lines."
#| fig-alt: "Six pages with the tutorial's boxes: a sheet far away without a box, a deep shadow with fragments, a form field without a box, strong rules with few boxes, three lines, touching letters with boxes around several letters."
far = cv2.copyMakeBorder(meeting.image, 230, 230, 330, 330, cv2.BORDER_CONSTANT, value=38)
deep = Paper(shadow=0.8, gradient=0.2, noise=4, blur=0.8)
field = Paper(frame="box", rule_colour=(60, 60, 60), texture=1)
strong = Paper(rules="ruled", rule_colour=(110, 90, 70), rule_width=0.07, texture=1)
failures = {
    "a step back from the table": far,
    "a deep shadow": write(["MEET ME AT", "PIER 39 BY 6"], deep, height=40).image,
    "a form field": write(["KOWALSKI", "48 620"], field, letter_gap=0.25).image,
    "strong rules": write(["EGGS 12", "BREAD 3"], strong, 2).image,
    "three lines": write(["ONE", "TWO", "3 OF"], Paper(texture=1), slope=5, letter_gap=0.3).image,
    "letters that touch": write(["SAVE 177 NOW"], touching=1.0).image,
}
figure({name: outlined(image, tutorial_boxes(image)) for name, image in failures.items()})

# %%
#| hide
assert tutorial_boxes(far) == [] and tutorial_boxes(failures["a form field"]) == []

# %% [markdown]
# | page | what goes wrong | cured in |
# |---|---|---|
# | a step back | limits in pixels fit one size of letters | [All steps together](11b_sheet.ipynb) |
# | a deep shadow | 9 grey levels are much in the dark, little in the light | [Where is the ink?](09_ink.ipynb) |
# | a form field, strong rules | a frame hides what it holds; letters and rules are one contour | [What is not text?](10_rules.ipynb) |
# | three lines | boxes come from left to right, not line by line | [Which line does it stand on?](11_lines.ipynb) |
# | letters that touch | one contour holds several letters | [Where would one cut?](12_cuts.ipynb) |
#
# ## Recap
# - Blur, adaptive threshold, dilation and edges turn a photo into closed outlines.
# - External contours give boxes. Otsu's threshold and a square with the proportions kept give glyphs.
# - Every number of this way is in pixels or grey levels, so it fits one kind of page.
#
# ## Exercises
# **1.** Which of the fourteen sample pages does the shorter chain box better than the long one? Write `short_boxes(grey)` with `tutorial_outline` and make the table again.
#
# <details><summary>Solution</summary>
#
# ```python
# def short_boxes(grey):
#     found = [cv2.boundingRect(c) for c in tutorial_contours(tutorial_outline(grey))]
#     return [(x, y, w, h) for x, y, w, h in found if 4 <= w <= 160 and 14 <= h <= 140]
#
# {p.name: box_scores(short_boxes(sample(p.name)), every_box(p)) for p in samples.pages()}
# ```
#
# </details>
#
# **2.** [Connected components](glossary.html#connected-component) would do as well as contours: give every pixel the number of the piece of ink it belongs to, and take each piece's box. Find the boxes of the line with `cv2.connectedComponentsWithStats(dilated)`. Are they the same?
#
# <details><summary>Solution</summary>
#
# ```python
# _, _, stats, _ = cv2.connectedComponentsWithStats(dilated)
# print(len(stats) - 1, "components,", len(contours), "contours")
# ```
# There are twelve of both. The boxes differ by the pixels by which the edges are wider. The second part works with components, because they know their pixels.
#
# </details>
#
# **3.** Build `reading_order(boxes)` for pages of level lines: sort boxes by rows first, then from left to right. On which of the sample pages does it give the right order?
#
# <details><summary>Solution</summary>
#
# ```python
# def reading_order(boxes):
#     height = np.median([h for _, _, _, h in boxes])
#     rows = []
#     for box in sorted(boxes, key=lambda b: b[1] + b[3] / 2):
#         middle = box[1] + box[3] / 2
#         if rows and abs(middle - np.mean([b[1] + b[3] / 2 for b in rows[-1]])) < 0.7 * height:
#             rows[-1].append(box)
#         else:
#             rows.append([box])
#     return [b for row in rows for b in sorted(row)]
# ```
#
# </details>
#
# ## What the next notebook builds on
# We have boxes and glyphs of a page. [Recognition](03_recognition.ipynb) asks the network what they are.
