# %% [markdown]
# # What is not text?
# > Ruled lines, frames and specks go, and the letters that touch them stay whole.

# %% [markdown]
# A mask of all ink ([Where is the ink?](09_ink.ipynb)) holds more than letters: ruled lines, the frames of form fields, specks, the edge of the sheet. This notebook finds and removes them.
# At the end you can take the rules out of a form and keep every stroke that crosses one.

# %%
#| default_exp layout.rules

# %%
#| export
from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from customocr.layout.ink import MOST_COMPONENTS, components
from customocr.statistics import median, percentile

# %%
#| code-fold: true
#| code-summary: "Imports, and the ink mask of a page"
import pandas as pd

from customocr.layout.ink import ink_mask, ink_strength
from customocr.pictures import figure, hands, on_white, outlined, show, worth, write
from customocr.segmentation import tutorial_boxes
from customocr.writing.compose import box_scores
from customocr.writing.papers import Paper


def mask_of(page, height):
    "The ink of a page whose letters are this high, in pixels."
    return ink_mask(ink_strength(page.image, height), height)


# %% [markdown]
# ## A frame hides what it holds
# Two pages: a form field, and writing on strong rules. On the first, [the tutorial](00_data.ipynb#the-tutorial) finds no letter. Its external contour is the frame, and what lies inside a contour is hidden. On the second, letters touch the rules, so letter and rule are one piece of ink.

# %%
#| code-fold: true
#| code-summary: "A form field, a ruled page, and the tutorial on both"
#| label: fig-rules-frames
#| fig-cap: "In the frame nothing is boxed. On strong rules most letters are lost: letter and rule are one contour."
#| fig-alt: "A framed field and a ruled page whose letters stand on strong rules, with the tutorial's boxes: none in the frame, three letters and two holes of letters on the rules."
field = Paper(frame="box", rule_colour=(60, 60, 60), texture=1)
framed = write(["KOWALSKI", "48 620"], field, letter_gap=0.25)
strong = Paper(rules="ruled", rule_colour=(110, 90, 70), rule_width=0.07, texture=1)
ruled = write(["EGGS 12", "BREAD 3"], strong, 2)
boxed = {
    name: outlined(page.image, tutorial_boxes(page.image))
    for name, page in {"a form field": framed, "strong rules": ruled}.items()
}
figure(boxed)

# %% [markdown]
# *Needs*: half a minute and no data.
#
# *Terms*: [connected component](glossary.html#connected-component), [contour](glossary.html#contour), [bounding box](glossary.html#bounding-box),
# [recall](glossary.html#recall).

# %% [markdown]
# ## What is a frame?
# We look at each connected component of the ink. A frame has two marks:
#
# - its ink runs along nearly all of all four sides of its own box;
# - it holds other ink. An O has the first mark, but it is empty.
#
# Once one frame is sure, rectangles of the same size are frames, too: the empty boxes of a form.

# %%
#| export
SIDE_INKED = 0.9  # share of each side along which a rectangle must have ink
FRAME_DENSITY = 0.5  # share of its box that a frame may ink at most: a blot inks more


def _is_rectangle(part: np.ndarray) -> bool:
    "Whether ink runs along nearly all of each side of the component's box."
    h, w = part.shape
    side = max(2, int(0.16 * min(w, h)), int(0.03 * max(w, h)))
    bx, by = max(1, min(side, w // 3)), max(1, min(side, h // 3))
    rows = part[:, :bx].any(1) & part[:, -bx:].any(1)
    columns = part[:by].any(0) & part[-by:].any(0)
    return bool(rows.mean() > SIDE_INKED and columns.mean() > SIDE_INKED)


def _holds_ink(stats: np.ndarray, i: int, rectangle: bool) -> bool:
    """Whether component i has a smaller one inside its box; a box that is no clear rectangle needs
    clearer ink."""
    x, y, w, h, ink = stats.T
    cx, cy, area = x + w / 2, y + h / 2, w * h
    least_height, ratio = (0.2, 1.5) if rectangle else (0.1, 6)
    inside = (cx > x[i]) & (cx < x[i] + w[i]) & (cy > y[i]) & (cy < y[i] + h[i])
    inside &= (h > least_height * h[i]) & (h < 0.95 * h[i])
    inside &= (ink > 0.01 * ink[i]) & (area * ratio < area[i])
    inside[i] = False
    return bool(inside.any())


def frames(
    labels: np.ndarray,  # int32 (h, w)
    stats: np.ndarray,  # int (N, 5), both from `components`
    least: float,  # pixels, smallest side of a frame
) -> np.ndarray:  # bool (N,)
    "Which components are printed boxes: rectangles that hold other ink, or are like one that does."
    out, rectangle = np.zeros(len(stats), bool), np.zeros(len(stats), bool)
    if not len(stats):
        return out
    x, y, w, h, ink = stats.T
    hollow = (w >= least) & (h >= least) & (ink < FRAME_DENSITY * w * h)
    for i in np.flatnonzero(hollow)[:MOST_COMPONENTS]:
        rectangle[i] = _is_rectangle(labels[y[i] : y[i] + h[i], x[i] : x[i] + w[i]] == i + 1)
    for i in np.flatnonzero(hollow & (rectangle | (w * h >= 16 * median(w * h)))):
        out[i] = _holds_ink(stats, int(i), bool(rectangle[i]))
    sure = out & rectangle
    if sure.any():
        close = lambda a: np.abs(np.log(a[:, None] / a[sure])) < 0.12  # within an eighth
        out |= rectangle & (close(h) & close(w)).any(1)
        grown = (h[:, None] > 0.88 * h[sure]) & (w[:, None] > 1.6 * w[sure])
        out |= hollow & grown.any(1)  # cells that grew together
    return out


# %%
labels, stats = components(mask_of(framed, 44))
is_frame = frames(labels, stats, 0.7 * 44)
assert is_frame.sum() == 2
pd.DataFrame(stats[is_frame], columns=["x", "y", "width", "height", "ink pixels"])

# %% [markdown]
# Both fields are found. But their letters may touch the frame, so we cannot simply delete the component.
#
# ## What is a rule?
# A rule is *straight for longer than letters are*. A morphological opening with a kernel one pixel high and 2.6 letters wide keeps only ink that goes straight for that long. Rules are rarely level, so we shear the page a little and
# repeat the opening, for nine slopes of up to 7 degrees.

# %%
#| export
SLOPES = (0, -0.025, 0.025, -0.05, 0.05, -0.08, 0.08, -0.12, 0.12)  # dy/dx of rules looked for
FEWER, FEWEST = SLOPES[:7], SLOPES[:5]  # down the page, and inside a small frame


def _shear(mask: np.ndarray, slope: float, axis: int) -> np.ndarray:
    "The mask with lines of this slope laid level (axis 0) or upright (axis 1)."
    h, w = mask.shape
    level, upright = (
        [[1, 0, 0], [-slope, 1, slope * w / 2]],
        [[1, -slope, slope * h / 2], [0, 1, 0]],
    )
    matrix = np.array(level if axis == 0 else upright, np.float32)
    return cv2.warpAffine(mask, matrix, (w, h), flags=cv2.INTER_NEAREST)


def _opened(mask: np.ndarray, length: int, axis: int) -> np.ndarray | None:
    """Ink that goes straight for a length across (axis 0) or down (axis 1), None where there is
    none; gaps of up to 4 pixels are bridged first."""
    along = lambda n: np.ones((1, n) if axis == 0 else (n, 1), np.uint8)
    closed = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, along(5))
    if cv2.reduce(closed, 1 - axis, cv2.REDUCE_SUM, dtype=cv2.CV_32S).max() < length:
        return None  # no row or column has as much ink: most masks end here, in half the time
    edge = cv2.BORDER_CONSTANT  # no ink beyond the picture
    opened = cv2.morphologyEx(
        closed, cv2.MORPH_OPEN, along(length), borderType=edge, borderValue=(0,)
    )
    return opened if cv2.countNonZero(opened) else None


def straight_runs(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
    length: float,  # pixels, shortest run
    axis: int,  # 0 across, 1 down
    slopes: Sequence[float] = SLOPES,  # directions tried, dy/dx across or dx/dy down
    beyond: float = 0,  # pixels by which a run that leaves the picture counts as longer
) -> np.ndarray:  # uint8 (h, w), the ink in straight runs
    "Openings with a long thin kernel, once for each direction: only straight runs of ink survive."
    length, pad = max(3, int(length)), int(beyond)
    if pad:
        sides = (0, 0, pad, pad) if axis == 0 else (pad, pad, 0, 0)
        mask = cv2.copyMakeBorder(mask, *sides, cv2.BORDER_REPLICATE)
    out = np.zeros_like(mask)
    if mask.shape[1 - axis] >= length:
        for slope in slopes:
            run = _opened(_shear(mask, slope, axis) if slope else mask, length, axis)
            if run is not None:
                out |= _shear(run, -slope, axis) if slope else run
        out &= cv2.dilate(mask, np.ones((3, 3), np.uint8))
    if not pad:
        return out
    return out[:, pad:-pad] if axis == 0 else out[pad:-pad]


# %%
#| label: fig-rules-runs
#| fig-cap: "Of all ink (left) only the rules are straight for 2.6 letters (right)."
#| fig-alt: "The ruled page's ink, and the straight runs across found in it: only the rules."
ink = mask_of(ruled, 44)
across = straight_runs(ink, 2.6 * 44, 0)
figure({"ink": on_white(ink), "straight runs across": on_white(across)})

# %% [markdown]
# Down the page it is harder: I, 1 and the stem of every E are straight as well. So a run down the page is a rule only if it is longer than 2.6 letters, or longer than 1.5 and both its ends meet a rule or the picture's edge.
# A small frame is measured by its own sides. And a run thicker than 0.45 letters is no rule but a blot.

# %%
#| export
# All in letter heights
RUN = 2.6  # shortest rule: longer than the strokes of letters
RUN_DOWN = 1.5  # shortest rule down the page whose ends meet other rules
RULE_WIDTH = 0.45  # thickest rule
LEAVES = 1.6  # by how much a run at the picture's edge counts as longer
SMALL_FRAME = (4.3, 2.5)  # width and height under which a frame is measured by its own sides


def _select(mask: np.ndarray, keep: Callable[..., bool]) -> np.ndarray:
    "The components of a mask for which keep(x, y, w, h, ink) holds."
    labels, stats = components(mask)
    return np.array([False, *(bool(keep(*s)) for s in stats)], np.uint8)[labels]


def _thin_across(runs: np.ndarray, letter: float) -> np.ndarray:
    "Runs across the page that are no thicker than a rule."
    return _select(runs, lambda x, y, w, h, ink: ink < RULE_WIDTH * letter * w)


def _thin_down(runs: np.ndarray, across: np.ndarray, letter: float) -> np.ndarray:
    "Runs down the page that are thin, and long or between two rules (or the picture's edges)."
    meets = cv2.dilate(across, np.ones((9, 9), np.uint8))
    meets[:3] = meets[-3:] = 1
    meets[:, :2] = meets[:, -2:] = 1
    near = int(0.3 * letter)
    met = lambda at, x, w: bool(meets[max(0, at - near) : at + near, x : x + w].any())
    between = lambda x, y, w, h: met(y, x, w) and met(y + h, x, w)
    return _select(
        runs,
        lambda x, y, w, h, ink: (
            ink < RULE_WIDTH * letter * h and (h >= RUN * letter or between(x, y, w, h))
        ),
    )


def _rules(
    chosen: np.ndarray,  # uint8 (h, w), ink of components that are large enough to hold a rule
    labels: np.ndarray,  # int32 (h, w)
    stats: np.ndarray,  # int (N, 5)
    boxes: np.ndarray,  # bool (N,), frames
    letter: float,  # pixels
) -> np.ndarray:  # uint8 (h, w)
    "Rules among the chosen ink, small frames by their own sides."
    x, y, w, h, _ = stats.T
    beyond = LEAVES * letter
    across = straight_runs(chosen, RUN * letter, 0, beyond=beyond)
    down = straight_runs(chosen, RUN_DOWN * letter, 1, FEWER)
    down |= straight_runs(chosen, RUN * letter, 1, FEWER, beyond)
    small = (w < SMALL_FRAME[0] * letter) | (h < SMALL_FRAME[1] * letter)
    for i in np.flatnonzero(boxes & small):
        at = np.s_[y[i] : y[i] + h[i], x[i] : x[i] + w[i]]
        part = (labels[at] == i + 1).astype(np.uint8)
        across[at] |= straight_runs(part, min(RUN * letter, 0.6 * w[i]), 0, FEWEST)
        down[at] |= straight_runs(part, min(RUN * letter, 0.7 * h[i]), 1, FEWEST)
    across = _thin_across(across, letter)
    return across | _thin_down(down, across, letter)


def find_rules(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
    labels: np.ndarray,  # int32 (h, w), its components
    stats: np.ndarray,  # int (N, 5)
    letter: float,  # pixels, height of a character
) -> np.ndarray:  # uint8 (h, w), 1 where ink belongs to a rule or frame
    """Straight thin runs of ink, longer than writing makes them: ruled lines, frames, edges of
    cells and sheets."""
    out = np.zeros_like(mask)
    if not len(stats):
        return out
    x, y, w, h, _ = stats.T
    boxes = frames(labels, stats, 0.7 * letter)
    edge = (x <= 1) | (y <= 1) | (x + w >= mask.shape[1] - 1) | (y + h >= mask.shape[0] - 1)
    big = boxes | (w > RUN * letter) | (h > 1.7 * letter) | (edge & ((w > letter) | (h > letter)))
    if not big.any():
        return out
    left, top = x[big].min(), y[big].min()
    region = np.s_[top : (y + h)[big].max(), left : (x + w)[big].max()]
    chosen = np.r_[False, big].astype(np.uint8)[labels[region]]
    out[region] = _rules(chosen, labels[region], stats - [left, top, 0, 0, 0], boxes, letter)
    return out


# %% [markdown]
# ## Take the rule, leave the stroke
# Where a letter crosses a rule, both share ink. If we take all of the rule, we cut the letter. So we put back what *bridges* ink: a closing across the rule's thickness joins what stands on both sides of it.
#
# A stroke that runs *along* a rule bridges nothing. But most pens are darker than printed rules. We compare two strengths: the upper quartile of the rules' pixels, and the median of the ink beside them. Where the pen is at least 1.2 times as strong (`DARKER`), ink on a rule stays if it is stronger than the middle of the two.

# %%
#| export
MOST_THICKNESS = 20  # pixels: a bridge over a thicker rule would join the letters of two lines
DARKER = 1.2  # times as strong as most of the rules: a pen that shows on them


def _pen_on_rules(
    strength: np.ndarray,  # uint8 (h, w), 0..255
    rules: np.ndarray,  # uint8 (h, w), 1 rules
    left: np.ndarray,  # uint8 (h, w), 1 ink beside the rules
) -> np.ndarray:  # uint8 (h, w), 1 where the ink is more like the pen's than the rules'
    "What is darker than the rules, where the pen is; else nothing."
    if not left.any():
        return left
    rule, pen = percentile(strength[rules > 0], 75), median(strength[left > 0])
    if pen < DARKER * rule:
        return np.zeros_like(left)
    return (strength > (rule + pen) / 2).astype(np.uint8)


def remove_rules(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
    rules: np.ndarray,  # uint8 (h, w), from `find_rules`
    strength: np.ndarray,  # uint8 (h, w), 0..255, from `ink_strength`
) -> np.ndarray:  # uint8 (h, w), the ink that is left
    """Take rules out, but not the strokes on them: what bridges ink on both sides of a rule stays,
    and what is darker than the rules, where the pen is."""
    if not rules.any():
        return mask
    grown: np.ndarray = cv2.dilate(rules, np.ones((3, 3), np.uint8))
    half = cv2.distanceTransform(grown, cv2.DIST_L2, 3)[rules > 0]
    thick = int(min(2 * percentile(half, 80) + 1, MOST_THICKNESS)) + 4
    left = mask & (1 - grown)
    left |= mask & _pen_on_rules(strength, rules, left)
    closed = [
        cv2.morphologyEx(left, cv2.MORPH_CLOSE, np.ones(side, np.uint8))
        for side in ((thick, 3), (3, thick))
    ]
    bridges: np.ndarray = cv2.bitwise_or(*closed)
    return left | (bridges & grown & mask)


# %%
def without_rules(page, height, darker=True):
    "Mask, rules and the ink that is left; by bridges alone, where what is darker does not count."
    mask = mask_of(page, height)
    rules = find_rules(mask, *components(mask), height)
    strength = ink_strength(page.image, height) if darker else np.zeros_like(mask)
    return mask, rules, remove_rules(mask, rules, strength)


# %%
#| label: fig-rules-removed
#| fig-cap: "Blue was taken out; the strokes that crossed it are whole."
#| fig-alt: "The field and the ruled page with rules in blue and the remaining ink: letters whole, frame and rules gone."
panels = {}
for name, page in {"a form field": framed, "strong rules": ruled}.items():
    mask, rules, left = without_rules(page, 44)
    view = cv2.cvtColor(on_white(left), cv2.COLOR_GRAY2BGR)
    view[(rules > 0) & (left == 0)] = (255, 150, 60)
    panels[name] = view
figure(panels)

# %% [markdown]
# How good is it? We write pages with rules and frames of every kind and count three things: what share of the letters is a component of its own before and after, what share of the rules' pixels is gone, and what share of the letters' ink is left, by bridges alone and with what is darker.

# %%
#| code-fold: true
#| code-summary: "Six kinds of ruling, five pages each"
ruling = {"rule_colour": (120, 100, 90), "rule_width": 0.05, "texture": 1}
framing = {"rule_colour": (60, 60, 60), "rule_width": 0.06, "texture": 1}
kinds = {kind: Paper(rules=kind, **ruling) for kind in ("ruled", "grid", "underline")}
kinds |= {kind: Paper(frame=kind, **framing) for kind in ("box", "comb", "boxes")}


def own_component(mask, page, height):
    "Recall of the boxes of components that are about as large as letters."
    _, stats = components(mask)
    w, h = stats[:, 2], stats[:, 3]
    like = (h > 0.3 * height) & (w < 3 * height) & (h < 2.5 * height)
    return box_scores(stats[like, :4], page.all_boxes)[1] if len(stats) else 0.0


def counted(page, height=36):
    "What the removal does to a page."
    mask, rules, left = without_rules(page, height)
    *_, bridged = without_rules(page, height, darker=False)
    letters, others = page.ink > 127, (page.other > 127) & (page.ink < 20) & (mask > 0)
    return {
        "letters alone before": own_component(mask, page, height),
        "letters alone after": own_component(left, page, height),
        "rules gone": 1 - left[others].mean(),
        "ink left by bridges": bridged[letters].sum() / max(1, mask[letters].sum()),
        "letters' ink left": left[letters].sum() / max(1, mask[letters].sum()),
    }


table = [
    {"paper": kind}
    | counted(write(["TAKE 20 PENS", "TO ROOM 39"], paper, k, list(hands())[k % 5], 36))
    for kind, paper in kinds.items()
    for k in range(5)
]
removed = pd.DataFrame(table).groupby("paper").mean()
gain = removed["letters alone after"].mean() - removed["letters alone before"].mean()
assert gain > 0.04 and removed["rules gone"].min() > 0.9
assert removed["letters' ink left"]["grid"] > 0.95 > 0.85 > removed["ink left by bridges"]["grid"]

# %%
removed.round(2)

# %% [markdown]
# Nearly all ruling goes, and nearly all ink stays; least in joined cells, whose walls run close to the letters. By bridges alone squared paper would be the worst: its lines run along the stems of letters, and a fifth of the ink would go with them. Where pen and rule are equally dark it still does. On real pages:

# %%
worth("rules")


# %% [markdown]
# ## Specks, blots and pictures
# What is left may still be no text. A component that is too small, too large, too long or too full cannot be part of a character. It is set aside before we look for lines. What remains doubtful, such as dots and commas, stays in:
# the judge of boxes will see it among its neighbours ([Where would one cut?](12_cuts.ipynb)).

# %%
#| export
def maybe_text(
    stats: np.ndarray,  # int (N, 5), components of the ink without rules
    letter: float,  # pixels
    shape: tuple[int, ...],  # of the page
) -> np.ndarray:  # bool (N,)
    "Which components can be a character or a part of one, by size and by where they stand."
    x, y, w, h, ink = stats.T.astype(float)
    ok = ink >= max(4, 0.004 * letter**2)
    ok &= (h >= 0.12 * letter) | (w >= 0.12 * letter)  # not a speck
    ok &= (h <= 2.6 * letter) & (w <= 9 * letter)  # not a picture
    ok &= ~((w > 1.2 * letter) & (h < 0.25 * letter))  # not a long dash
    ok &= ~((ink > 0.75 * w * h) & (w > 0.8 * letter) & (h > 0.8 * letter))  # not a blot
    edge = (x <= 0) | (y <= 0) | (x + w >= shape[1]) | (y + h >= shape[0])
    ok &= ~(edge & ((h > 1.9 * letter) | (w > 3.5 * letter)))
    ok &= ~(edge & ((h < 0.3 * letter) | (w < 0.12 * letter)) & (ink < 0.08 * letter**2))
    return ok


# %%
#| label: fig-rules-junk
#| fig-cap: "Every letter is orange: it may be text. So are a few large specks, and the judge has to find them. The blue specks are set aside."
#| fig-alt: "A page with specks; components that may be text boxed in orange, those set aside in blue."
dirty = Paper(specks=30, texture=4, noise=4)
speckled = write(["TAKE 20 PENS", "TO ROOM 39"], dirty, 2, height=40)
_, stats = components(without_rules(speckled, 40)[2])
may = maybe_text(stats, 40, speckled.image.shape)
assert may.sum() >= len(speckled.all_boxes) - 1
print(f"{len(stats)} components, {may.sum()} may be text, {len(speckled.all_boxes)} characters")
aside = stats[~may, :4] + [-3, -3, 6, 6]
show(outlined(outlined(speckled.image, aside, (255, 150, 60)), stats[may, :4]))

# %% [markdown]
# ## Recap
# - A frame is a rectangle of ink that holds other ink.
# - A rule is straight for longer than letters are. An opening with a long thin kernel finds it.
# - What bridges ink on both sides of a rule is a stroke and is put back; so is what is darker than the rules, where the pen is.
#
# ## Exercises
# **1.** From which width on does a rule damage letters? Write pages with `rule_width` from 0.02 to 0.3 and plot the share of the letters' ink that `remove_rules` leaves.
#
# <details><summary>Solution</summary>
#
# ```python
# import matplotlib.pyplot as plt
#
# def left(width):
#     paper = Paper(rules="ruled", rule_width=width, rule_colour=(90, 80, 70))
#     return counted(write(["TAKE 20 PENS"], paper), 44)["letters' ink left"]
#
# widths = [0.02, 0.05, 0.1, 0.15, 0.2, 0.3]
# plt.plot(widths, [left(w) for w in widths], "o-")
# ```
#
# </details>
#
# **2.** Set `RUN = 1.2` in this kernel and remove the rules of a page without any: `write(["TTTT HHHH"])`. What goes?
#
# **3.** Build `table_cells(page)`: from the rules that `find_rules` gives, the boxes of the cells between them. Connected components of `1 - rules` will help.
#
# <details><summary>Solution</summary>
#
# ```python
# def table_cells(page, height=36):
#     _, rules, _ = without_rules(page, height)
#     _, stats = components(1 - cv2.dilate(rules, np.ones((5, 5), np.uint8)))
#     return stats[(stats[:, 2] > height) & (stats[:, 3] > height), :4]
#
# comb = write(["4711"], kinds["comb"], height=36)
# show(outlined(comb.image, table_cells(comb)))
# ```
#
# </details>
#
# ## What the next notebook builds on
# The components that are left may be characters. [Which line does it stand on?](11_lines.ipynb) puts them into lines.
