# %% [markdown]
# # Papers
# > What happens to a page before it reaches us?

# %% [markdown]
# What happens to a page before it reaches us? Between the pen and our pixels lie a sheet, its rules, a table, a lamp, a lens and a scanner. At the end you can put any text on any of fourteen kinds of paper, and you know which damage breaks which of two simple recipes.

# %%
#| default_exp writing.papers

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np

from customocr.errors import DataError
from customocr.glyphs import CLASSES
from customocr.writing.compose import (
    SHIFT,
    Composed,
    Hand,
    Placed,
    Style,
    bend_line,
    draw_lines,
    lay_ink,
    layout_line,
    pen_widths,
    plain_text,
    random_style,
    rasterise,
    right_end,
)

# %%
#| code-fold: true
#| code-summary: "Imports for the examples"
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from customocr.data import data_folder, find_file, unipen_validation_writers
from customocr.pictures import figure, hands, outlined, write
from customocr.writing.compose import box_scores, unipen_hands

# %%
#| fig-cap: "The same words, clean and on a sheet on a table. A reader gets the right picture."
#| fig-alt: "MEET ME AT PIER 39 BY 6 in black on white, and on a sheet that lies on a dark table, a shadow across it."
text = ["MEET ME AT", "PIER 39 BY 6"]
first = {
    name: write(text, paper, 2, grey=False)
    for name, paper in dict(clean=None, table="table").items()
}
figure({name: page.image for name, page in first.items()})


# %% [markdown]
# *Needs*: half a minute and no data. With `CUSTOMOCR_DATA` set to the data folder, the last section measures the hands of UNIPEN's writers again; its figures are stored.
#
# *Terms*: [Otsu's threshold](glossary.html#otsu), [adaptive threshold](glossary.html#adaptive-threshold), [precision](glossary.html#precision), [recall](glossary.html#recall), [homography](glossary.html#homography).
#
# ## A sheet
# A `Paper` says what the text stands on and how the picture was taken. Each field is one damage, and can be turned on by itself. Without any, the page is clean.

# %%
#| export
@dataclass(frozen=True)
class Paper:
    "What the text stands on and how the picture was taken; lengths in cap heights unless said."

    colour: tuple[float, ...] = (244, 247, 248)  # of the paper, BGR 0-255
    ink: tuple[float, ...] = (45, 38, 34)  # of the pen, BGR
    opacity: float = 1.0  # of the ink: 0.3 is faint pencil
    fade: float = 0.0  # unevenness of the pen, 0 even, 1 strokes break
    grain: float = 0.0  # pencil grain, 0-1
    texture: float = 0.0  # paper grain, standard deviation in grey levels
    rules: str = "none"  # none, ruled, grid, underline
    frame: str = "none"  # none, box, comb, boxes or cell: see `frames_of` and `cell_rules`
    rule_colour: tuple[float, ...] = (190, 160, 130)  # BGR
    rule_width: float = 0.05
    table: str = "none"  # none, dark, wood, light: what the sheet lies on
    gradient: float = 0.0  # share of light lost from one side to the other
    shadow: float = 0.0  # share of light lost in a cast shadow
    vignette: float = 0.0  # share of light lost in the corners
    pattern: float = 0.0  # printed waves as on cheques, amplitude in grey levels
    specks: int = 0  # dirt, number of dots
    slivers: int = 0  # ends of other lines' strokes at the picture's upper and lower edge
    blur: float = 0.0  # standard deviation, pixels
    noise: float = 0.0  # sensor noise, standard deviation in grey levels
    jpeg: int = 0  # quality 1-100, 0: none
    scan: str = "none"  # none, binary (black and white), clip (paper white, faint ink lost)
    margin: tuple[float, float] = (0.6, 1.6)  # range of the white around the text
    weave: float = 0.0  # woven print or cloth, standard deviation in grey levels
    guilloche: float = 0.0  # families of fine printed waves, amplitude in grey levels


# %% [markdown]
# ### Printed lines
# Rules, boxes and combs are long straight lines. They are drawn as ink that is no text. Each kind of frame is a function of its own.

# %%
#| export
LINE_GAPS = {"box": 2.6, "comb": 2.1, "boxes": 2.1}  # cap heights, least line gap of a form
CELLS = ("comb", "boxes")  # frames in which each character has a cell
CELL_TOP, CELL_FOOT = -1.3, 0.3  # cap heights, from the baseline

Extent = tuple[float, float, float, float]  # left, top, right, bottom in cap heights


def _rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    "float32 (5, 2), a closed line."
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)], np.float32)


def _box(extent: Extent, rng: np.random.Generator) -> list[np.ndarray]:
    "One frame round a line."
    (x0, y0, x1, y1), m = extent, rng.uniform(0.25, 0.7, 4)
    return [_rectangle(x0 - m[0], y0 - m[1] * 0.7, x1 + m[2], y1 + m[3] * 0.7)]


def _comb(baseline: float, pitch: float, n: int, rng: np.random.Generator) -> list[np.ndarray]:
    "Cells side by side; at times only the feet of their walls."
    short = rng.random() < 0.4
    top, foot = baseline + CELL_TOP, baseline + CELL_FOOT
    walls = range(n + 1) if short else range(1, n)
    start = baseline + (CELL_FOOT - 0.5 if short else CELL_TOP)
    rim = np.array([(0, foot), (n * pitch, foot)], np.float32)
    around = rim if short else _rectangle(0, top, n * pitch, foot)
    return [around, *(np.array([(i * pitch, start), (i * pitch, foot)], np.float32) for i in walls)]


def _boxes(baseline: float, pitch: float, n: int) -> list[np.ndarray]:
    "Separate cells."
    m, top, foot = 0.06 * pitch, baseline + CELL_TOP, baseline + CELL_FOOT
    return [_rectangle(i * pitch + m, top, (i + 1) * pitch - m, foot) for i in range(n)]


def frames_of(
    paper: Paper,
    extents: Sequence[Extent],  # of each line; the bottom is the baseline where there are cells
    pitch: float,  # cap heights, width of a cell
    characters: Sequence[int],  # of each line, blanks included
    rng: np.random.Generator,
) -> list[np.ndarray]:  # float32 (n, 2) lines in cap heights
    "The frames of a form: a box a line, a comb of cells, or separate boxes."
    out: list[np.ndarray] = []
    for extent, n in zip(extents, characters):
        if paper.frame == "box":
            out += _box(extent, rng)
        elif paper.frame in CELLS:
            baseline, n = extent[3], n + int(rng.integers(0, 3))
            comb = paper.frame == "comb"
            out += _comb(baseline, pitch, n, rng) if comb else _boxes(baseline, pitch, n)
    return out


def rules_of(
    paper: Paper,
    sheet: Extent,
    extents: Sequence[Extent],  # of each line
    gap: float,  # cap heights from baseline to baseline
    rng: np.random.Generator,
) -> list[np.ndarray]:  # float32 (n, 2) lines in cap heights
    "Printed rules: under each line, or over the whole sheet and beyond it."
    if paper.rules == "none":
        return []
    x0, y0, x1, y1 = sheet
    on_table = paper.table != "none"
    reach = 0 if on_table else 4 * (x1 - x0 + y1 - y0)  # beyond the picture also when it is turned
    beyond, under = reach * 0.1, rng.uniform(-0.05, 0.35)
    if paper.rules == "underline":
        y = [i * gap + under for i in range(len(extents))]
        ends = [(a - rng.uniform(0, 1.5), c + rng.uniform(0, 3)) for a, _, c, _ in extents]
        return [np.array([(a, level), (c, level)], np.float32) for (a, c), level in zip(ends, y)]
    step = gap if paper.rules == "ruled" else float(rng.choice([gap, gap / 2, gap / 3]))
    levels = np.arange(under - step * np.ceil((under - y0 + beyond) / step), y1 + beyond, step)
    out = [
        np.array([(x0 - beyond, y), ((x0 + x1) / 2, y), (x1 + beyond, y)], np.float32)
        for y in levels
        if not on_table or y0 < y < y1
    ]
    if paper.rules == "grid":
        columns = np.arange(x0 - beyond + rng.uniform(0, step), x1 + beyond, step)
        inside = [x for x in columns if not on_table or x0 < x < x1]
        out += [np.array([(x, y0 - beyond), (x, y1 + beyond)], np.float32) for x in inside]
    return out


def cell_rules(
    sheet: Extent,
    rng: np.random.Generator,
) -> list[np.ndarray]:  # float32 (2, 2) lines in cap heights
    "A table cell's own rules, near the borders of the picture, some of them missing."
    x0, y0, x1, y1 = sheet
    out = []
    for side in range(4):  # top, foot, left, right
        if rng.random() >= 0.6:
            continue
        t, lean = rng.uniform(0, 0.14), rng.normal(0, 0.01)
        ends = (0, 1) if rng.random() < 0.7 else sorted(rng.uniform(0, 1, 2))
        along = np.array(ends, np.float32)
        if side < 2:
            y = y0 + t * (y1 - y0) if side == 0 else y1 - t * (y1 - y0)
            line = [x0 + along * (x1 - x0), y + lean * along * (x1 - x0)]
        else:
            x = x0 + t * (x1 - x0) * 0.5 if side == 2 else x1 - t * (x1 - x0) * 0.5
            line = [x + lean * along * (y1 - y0), y0 + along * (y1 - y0)]
        out.append(np.stack(line, 1).astype(np.float32))
    return out


# %%
#| fig-cap: "The three frames of a form for six characters. In a comb and in boxes each character has a cell, and it may touch the cell's lines."
#| fig-alt: "Three drawings of lines: one rectangle, a row of joined cells, and a row of separate boxes."
_, axes = plt.subplots(1, 3, figsize=(7, 1.1), layout="constrained")
for ax, kind in zip(axes, ("box", "comb", "boxes")):
    extent = (0.0, -1.0, 7.0, 0.0)
    for stroke in frames_of(Paper(frame=kind), [extent], 1.2, [6], np.random.default_rng(5)):
        ax.plot(*stroke.T, color="grey", lw=1)
    ax.set(title=kind, aspect="equal", ylim=(0.8, -1.9), xticks=[], yticks=[])

# %% [markdown]
# ### Light
# A lamp at one side, a shadow with a soft edge, dark corners: each takes away a share of the light at each pixel. Light changes slowly over a page. So it is worked out at 96 pixels and enlarged. `smooth_field` makes the unevenness, here and for paper, wood and pale ink.

# %%
#| export
LIGHT_SIDE = 96  # pixels, size at which light is worked out


def smooth_field(
    rng: np.random.Generator,
    w: int,
    h: int,
    cells: float,  # hills along the longer side, about
) -> np.ndarray:  # float32 (h, w), mean 0, deviation about 1
    "A smooth random field."
    side = max(w, h)
    size = max(2, round(cells * h / side) + 2), max(2, round(cells * w / side) + 2)
    small = rng.standard_normal(size).astype(np.float32)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)


def _cast_shadow(
    xs: np.ndarray,  # float32 (h, w), -0.5..0.5
    ys: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:  # float32 (h, w), 0 in the light, 1 in the shadow
    "A shadow with a bent, soft edge."
    cx, cy, a = rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3), rng.uniform(0, 2 * np.pi)
    bent = 0.05 * smooth_field(rng, xs.shape[1], xs.shape[0], 3)
    edge = (xs - cx) * np.cos(a) + (ys - cy) * np.sin(a) + bent
    soft = rng.uniform(0.006, 0.05)
    return (1 / (1 + np.exp(-np.clip(edge / soft, -30, 30)))).astype(np.float32)


def light_on(
    paper: Paper,
    w: int,
    h: int,
    rng: np.random.Generator,
) -> np.ndarray:  # float32 (h, w), share of light that reaches each pixel
    "Gradient, dark corners and a shadow, as far as the paper asks for them."
    sw, sh = max(8, min(w, LIGHT_SIDE)), max(8, min(h, LIGHT_SIDE))
    ys, xs = np.mgrid[0:sh, 0:sw].astype(np.float32)
    xs, ys = xs / (sw - 1) - 0.5, ys / (sh - 1) - 0.5
    light = np.ones((sh, sw), np.float32)
    if paper.gradient:
        a = rng.uniform(0, 2 * np.pi)
        light -= paper.gradient * (0.5 + 0.7 * (xs * np.cos(a) + ys * np.sin(a)))
    if paper.vignette:
        light *= 1 - paper.vignette * 2 * (xs**2 + ys**2)
    light = cv2.resize(light, (w, h), interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
    if paper.shadow:
        shade = cv2.resize(_cast_shadow(xs, ys, rng), (w, h), interpolation=cv2.INTER_CUBIC)
        light *= 1 - paper.shadow * shade.clip(0, 1)
    return light.clip(0.05, 1.5)


# %%
#| fig-cap: "Light that falls on a sheet; white is full light. Only the shadow has an edge."
#| fig-alt: "Three grey pictures: one darkens evenly towards a side, one towards its corners, one has a dark region with a soft bent edge."
lamps = {"gradient": dict(gradient=0.6), "vignette": dict(vignette=0.8), "shadow": dict(shadow=0.6)}
lit = {
    name: light_on(Paper(**lamp), 240, 130, np.random.default_rng(2))
    for name, lamp in lamps.items()
}
figure({name: (light.clip(0, 1) * 255).astype(np.uint8) for name, light in lit.items()}, 3)

# %% [markdown]
# ### Printed and woven paper
# Cheques and vouchers are printed all over, so that nobody can erase what stands on them. Two prints are common. A *weave* is a small tile that is repeated over the sheet, as in cloth. A *guilloche* is a family of fine parallel waves. Both are as thin as a pen's stroke. So only their contrast tells them from writing.

# %%
#| export
TILE = (3, 13)  # pixels, least side of a tile of a weave, and one more than the largest
WAVE_STEP, WAVE_SWING, WAVE_LENGTH = (4, 14), (0, 12), (15, 90)  # pixels, of a guilloche's lines


def _tile(rng: np.random.Generator) -> np.ndarray:  # float32 (h, w), mean 0, deviation 1
    "A small random patch whose edges fit each other."
    shape = rng.integers(*TILE, 2)
    noise = np.tile(rng.standard_normal(shape).astype(np.float32), (3, 3))
    smooth = cv2.GaussianBlur(noise, (0, 0), rng.uniform(0.5, 1.2))
    h, w = shape.tolist()
    middle = smooth[h : 2 * h, w : 2 * w]
    return (middle - middle.mean()) / (middle.std() + 1e-6)


def woven(
    rng: np.random.Generator,
    w: int,
    h: int,
) -> np.ndarray:  # float32 (h, w), mean about 0, deviation about 1
    "A tile repeated over the page; at times every other row is shifted, at times all is turned."
    tile = _tile(rng)
    th, tw = tile.shape
    cloth = np.tile(tile, (h // th + 2, w // tw + 2))
    if rng.random() < 0.5:
        for row in range(1, h // th + 2, 2):
            band = np.s_[row * th : (row + 1) * th]
            cloth[band] = np.roll(cloth[band], tw // 2, 1)
    cloth = np.ascontiguousarray(cloth[:h, :w])
    if rng.random() < 0.5:
        angle, scale = rng.uniform(-45, 45), rng.uniform(0.7, 1.6)
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), angle, scale)
        cloth = cv2.warpAffine(cloth, turn, (w, h), borderMode=cv2.BORDER_WRAP)
    return cloth


def guilloche(
    rng: np.random.Generator,
    w: int,
    h: int,
) -> np.ndarray:  # float32 (h, w), 0 between the lines, -1 on a line, less where lines cross
    "One to three families of fine parallel waves."
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
    lines = np.zeros((h, w), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        step, swing = rng.uniform(*WAVE_STEP), rng.uniform(*WAVE_SWING)
        length, a = rng.uniform(*WAVE_LENGTH), rng.uniform(-0.6, 0.6)
        bent = swing * np.sin(2 * np.pi * xs / length + rng.uniform(0, 6.28))
        y = ys * np.cos(a) + xs * np.sin(a) + bent
        lines -= np.clip(np.cos(2 * np.pi * y / step) * 2 - 1, 0, 1)
    return lines


# %%
#| fig-cap: "Two weaves and two guilloches, as they lie under the ink. Their lines are as fine as a pen's."
#| fig-alt: "Four grey textures: horizontal bars, a fine dotted cloth, and two sheets of fine wavy lines that cross."
printed = {
    f"{name}, seed {seed}": (128 + level * draw(np.random.default_rng(seed), 240, 90))
    for name, draw, level in (("weave", woven, 22), ("guilloche", guilloche, 45))
    for seed in (3, 8)
}
figure({name: image.clip(0, 255).astype(np.uint8) for name, image in printed.items()})

# %%
#| hide
assert abs(woven(np.random.default_rng(1), 90, 60).std() - 1) < 0.4
assert guilloche(np.random.default_rng(1), 90, 60).max() == 0

# %% [markdown]
# ### Ink on paper, before a camera
# There is one small function for each thing that happens. `photograph` calls them in the order in which they happen: sheet, ink, table, light, lens, sensor, scanner, file.

# %%
#| export
GREY = (0.114, 0.587, 0.299)  # weights of blue, green and red in a grey level (Rec. 601)


def _level(colour: Sequence[float], grey: bool) -> np.ndarray:
    "A colour as float32 (3,), or its grey level as (1,)."
    return np.array([np.dot(colour, GREY)] if grey else colour, np.float32)


def _blank_sheet(
    paper: Paper, w: int, h: int, rng: np.random.Generator, grey: bool
) -> np.ndarray:  # float32 (h, w, 1 or 3), 0-255
    "Paper with its grain and prints."
    image = np.empty((h, w, 1 if grey else 3), np.float32)
    image[:] = _level(paper.colour, grey)
    if paper.texture:
        grain = rng.standard_normal((h, w), np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), 0.8) * 2 + smooth_field(rng, w, h, 12)
        image += (paper.texture * grain)[..., None]
    if paper.pattern:
        one, other = _waves(w, h, rng)
        image += (paper.pattern * one * other)[..., None].astype(np.float32)
    if paper.weave:
        image += (paper.weave * woven(rng, w, h))[..., None]
    if paper.guilloche:
        image += (paper.guilloche * guilloche(rng, w, h))[..., None]
    return image


def _waves(w: int, h: int, rng: np.random.Generator) -> list[np.ndarray]:
    "Two waves as printed on cheques, to be multiplied: (h, w), -1..1."
    ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
    step = rng.uniform(6, 40)  # pixels
    bent = step * 0.8 * np.sin(ys / step + xs / (2 * step))
    wave = lambda a: np.sin(2 * np.pi * (xs * np.cos(a) + ys * np.sin(a) + bent) / step)
    return [wave(a) for a in rng.uniform(0, np.pi, 2)]


def _ink_cover(
    paper: Paper, ink: np.ndarray, rng: np.random.Generator
) -> np.ndarray:  # float32 (h, w), 0..1, about
    "How much of the paper the ink covers: paler where the pen runs dry, grainy for a pencil."
    h, w = ink.shape
    cover = ink.astype(np.float32) / 255 * paper.opacity
    if paper.fade:
        slow = smooth_field(rng, w, h, max(w, h) / 60)
        cover *= (1.1 - paper.fade * (0.6 + 0.5 * slow)).clip(0.3, 1)
    if paper.grain:
        grain = cv2.GaussianBlur(rng.standard_normal((h, w), np.float32), (0, 0), 0.7)
        cover *= (1 + paper.grain * grain).clip(0, 1.6)
    return cover


def _table(kind: str, w: int, h: int, rng: np.random.Generator) -> np.ndarray:
    "float32 (h, w, 3): what lies under the sheet."
    if kind == "wood":
        base = np.array([(60, 95, 140), (40, 65, 105), (25, 40, 65)][rng.integers(3)], np.float32)
        grain = 0.12 * smooth_field(rng, w, h, 3)
        fibres = rng.standard_normal((h, 4)).astype(np.float32)
        grain = grain + 0.1 * cv2.resize(fibres, (w, h), interpolation=cv2.INTER_CUBIC)
    elif kind == "light":
        base, grain = (
            np.array(_tint(rng, 120, 180, 15), np.float32),
            0.05 * smooth_field(rng, w, h, 6),
        )
    else:
        base, grain = np.array(_tint(rng, 10, 50, 3), np.float32), 0.25 * smooth_field(rng, w, h, 5)
    return (base * (1 + grain[..., None])).clip(0, 255)


def _on_table(
    image: np.ndarray,  # float32 (h, w, 1 or 3)
    paper: Paper,
    quad: np.ndarray,  # float32 (4, 2), corners of the sheet in pixels
    rng: np.random.Generator,
) -> np.ndarray:  # float32, as `image`
    "The sheet on a table, with the shadow it drops."
    h, w = image.shape[:2]
    mask = np.zeros((h, w), np.uint8)
    corners = np.rint(quad * 2**SHIFT).astype(np.int32)
    cv2.fillConvexPoly(mask, corners, 255, cv2.LINE_AA, SHIFT)
    table = _table(paper.table, w, h, rng)
    table = table if image.shape[2] == 3 else (table @ np.array(GREY, np.float32))[..., None]
    drop = cv2.GaussianBlur(np.roll(mask, (4, 3), (0, 1)), (0, 0), 4)
    drop, sheet = drop.astype(np.float32)[..., None] / 255, mask.astype(np.float32)[..., None] / 255
    return image * sheet + table * (1 - 0.4 * drop) * (1 - sheet)


def _scanned(image: np.ndarray, kind: str, rng: np.random.Generator) -> np.ndarray:
    "What a scanner makes of a picture: two levels, or its contrast stretched; float32."
    if kind == "binary":
        low, high = float(image.min()), float(image.max())
        cut = low + (high - low) * rng.uniform(0.4, 0.75)
        bright = image.mean(2, keepdims=True) > cut
        return np.where(bright, np.float32(255), np.float32(0)) + np.zeros_like(image)
    if kind == "clip":
        black, white = rng.uniform(0, 50), rng.uniform(175, 245)
        return (image - black) * (255 / (white - black))
    return image


def photograph(
    paper: Paper,
    ink: np.ndarray,  # uint8 (h, w), coverage by everything a pen drew
    printed: np.ndarray,  # uint8 (h, w), coverage by rules and frames
    quad: np.ndarray,  # float32 (4, 2), corners of the sheet in pixels
    rng: np.random.Generator,
    grey: bool = False,  # one channel instead of three
) -> np.ndarray:  # uint8 (h, w) or (h, w, 3) BGR
    "Lay ink on paper, let light fall on it, and photograph or scan it."
    h, w = ink.shape
    image = _blank_sheet(paper, w, h, rng, grey)
    cover = _ink_cover(paper, ink, rng)
    image += (_level(paper.rule_colour, grey) - image) * (
        printed.astype(np.float32)[..., None] / 255
    )
    image += (_level(paper.ink, grey) - image) * cover.clip(0, 1)[..., None]
    if paper.table != "none":
        image = _on_table(image, paper, quad, rng)
    if paper.gradient or paper.shadow or paper.vignette:
        image *= light_on(paper, w, h, rng)[..., None]
    if paper.blur:
        image = cv2.GaussianBlur(image, (0, 0), paper.blur).reshape(image.shape)
    if paper.noise:
        image += paper.noise * rng.standard_normal((h, w, 1), np.float32)
    image = _scanned(image, paper.scan, rng).clip(0, 255).astype(np.uint8)
    image = image[..., 0] if grey else image
    if paper.jpeg:
        stored = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, paper.jpeg])[1]
        image = np.asarray(cv2.imdecode(stored, cv2.IMREAD_UNCHANGED))
    return image


# %% [markdown]
# ## A page
# `compose_page` takes five steps: write the lines, measure the sheet they need, place the camera, draw, photograph. Up to the third step everything is points. The camera is a *homography*, a 3 x 3 matrix that turns and tilts a plane.

# %%
#| export
@dataclass(frozen=True)
class _Written:
    "Lines on a sheet, in cap heights, the first baseline at y = 0."

    lines: list[list[Placed]]
    extents: list[Extent]  # of each line's ink; the bottom is the baseline where there are cells
    gap: float  # from baseline to baseline


def _moved(line: Sequence[Placed], move: Callable[[np.ndarray], np.ndarray]) -> list[Placed]:
    "A line with all its points moved."
    return [replace(p, strokes=[move(s) for s in p.strokes]) for p in line]


def _points(lines: Sequence[Sequence[Placed]]) -> np.ndarray:
    "float32 (n, 2): all points of all lines."
    return np.concatenate([s for line in lines for p in line for s in p.strokes])


def _write_lines(
    texts: Sequence[str],
    hand: Hand,
    rng: np.random.Generator,
    frame: str,  # of the paper
    style: Style,
    pen: float,  # cap heights
    slope: float,  # degrees
    curve: float,  # cap heights
    indent: float,  # cap heights
) -> _Written:
    "Write each line and put it on its own sloping baseline; in cells it lies level."
    cells, lines, extents = frame in CELLS, [], []
    gap = max(style.line_gap, LINE_GAPS.get(frame, 0.0))
    for i, text in enumerate(texts):
        line = layout_line(text, hand, rng, style, pen)
        if not line:
            raise DataError(f"line {i + 1} has no character that can be written")
        length = right_end(line)
        start = np.array([0 if cells else indent * rng.uniform(0, 1), i * gap], np.float32)
        bend = 0.0 if cells else slope + 0.4 * style.jitter * rng.normal()
        bend *= 0.3 if frame == "box" else 1.0
        sag = 0 if cells else curve
        line = _moved(line, lambda s: bend_line(s, bend, sag, length) + start)
        points = _points([line])
        lo, hi = points.min(0), points.max(0)
        extents.append((lo[0], lo[1], hi[0], i * gap if cells else hi[1]))
        lines.append(line)
    return _Written(lines, extents, gap)


@dataclass(frozen=True)
class _Camera:
    "From cap heights on the sheet to pixels of the picture."

    matrix: np.ndarray  # float64 (3, 3)
    corner: np.ndarray | float = 0.0  # (2,), pixels, what becomes the picture's upper left corner

    def __call__(self, points: np.ndarray) -> np.ndarray:  # float32 (n, 2)
        points = np.ascontiguousarray(points, np.float32)[None]
        return cv2.perspectiveTransform(points, self.matrix)[0] - self.corner


def _camera(
    corners: np.ndarray,  # float32 (4, 2), of the sheet in cap heights
    rotation: float,  # degrees
    tilt: float,  # share of the shorter side by which corners move
    height: float,  # pixels, cap height
    rng: np.random.Generator,
) -> _Camera:
    "A camera that sees the sheet turned and tilted."
    a = np.deg2rad(rotation)
    turn = np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]], np.float32)
    target = (corners - corners.mean(0)) @ turn.T
    if tilt:
        span = target.max(0) - target.min(0)
        target = target + (rng.uniform(-0.5, 0.5, (4, 2)) * tilt * span.min()).astype(np.float32)
    return _Camera(cv2.getPerspectiveTransform(corners, (target * height).astype(np.float32)))


def _seen(
    quad: np.ndarray,  # float32 (4, 2), the sheet's corners in pixels
    ink: np.ndarray | None,  # float32 (n, 2), pixels; None: the picture is the sheet
    table: bool,  # whether a table shows around it
    margin: np.ndarray,  # (4,), white at left, top, right, bottom, pixels
    height: float,  # pixels, cap height
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:  # upper left and lower right corner, pixels
    "What of the plane the picture shows: the sheet with some table, or the text with its margin."
    if table:
        border = rng.uniform(0.3, 2.5, 4) * height
        return quad.min(0) - border[:2], quad.max(0) + border[2:]
    if ink is not None:
        return ink.min(0) - margin[:2], ink.max(0) + margin[2:]
    return quad.min(0), quad.max(0)


def _dirt(
    other: np.ndarray,  # uint8 (h, w), changed in place
    paper: Paper,
    height: float,  # pixels, cap height
    pen: float,  # pixels
    rng: np.random.Generator,
) -> None:
    "Specks, and the ends of strokes that belong to lines above and below."
    h, w = other.shape
    for _ in range(paper.specks):
        x, y, size = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.2, max(0.5, 0.05 * height))
        dark, centre = int(rng.integers(120, 256)), (int(x * 16), int(y * 16))
        cv2.circle(other, centre, int(size * 16), dark, -1, cv2.LINE_8, SHIFT)
    for _ in range(paper.slivers):
        x, edge = rng.uniform(0, w), float(rng.choice((0, h)))
        reach = rng.uniform(0.05, 0.3) * height
        tip = (x + rng.normal(0, 0.2) * height, edge + (reach if edge == 0 else -reach))
        lay_ink(other, *rasterise([np.array([(x, edge), tip], np.float32)], pen))


def compose_page(
    lines: Sequence[str] | str,  # texts of the lines, top to bottom: 0-9, A-Z, blanks and MARKS
    hand: Hand,
    rng: np.random.Generator,
    paper: Paper | str = "plain",  # a `Paper`, or the name of one of PAPERS
    height_px: float = 40,  # cap height in the picture
    pen_width: float | None = None,  # in pixels; None: the hand's own weight
    slope: float = 0.0,  # degrees, mean slope of the lines on the sheet
    curve: float = 0.0,  # cap heights by which the lines sag
    rotation: float = 0.0,  # degrees by which the sheet is turned, anticlockwise
    tilt: float = 0.0,  # perspective, 0 none, 0.3 strong
    indent: float = 0.5,  # cap heights by which line starts vary
    grey: bool = False,  # one channel instead of three (faster)
    **style: Any,  # fields of `Style`
) -> Composed:  # picture, text, boxes and per-character ink
    "Write lines on a sheet and take its picture; raises `DataError` for what cannot be written."
    texts = lines.split("\n") if isinstance(lines, str) else lines
    paper = random_paper(paper, rng) if isinstance(paper, str) else paper
    how = Style(**style)
    if paper.frame in CELLS and not how.pitch:
        how = replace(how, pitch=float(rng.uniform(1.15, 1.7)))
    height = float(height_px)
    pen = hand.weight * height if pen_width is None else float(pen_width)
    written = _write_lines(texts, hand, rng, paper.frame, how, pen / height, slope, curve, indent)
    printed = frames_of(paper, written.extents, how.pitch, [len(t) for t in texts], rng)
    points = np.concatenate([_points(written.lines), *printed])
    margin = rng.uniform(*paper.margin, 4)
    sheet = np.array([points.min(0) - margin[:2], points.max(0) + margin[2:]], np.float32)
    if paper.table != "none":
        sheet += np.array([(-1, -1), (1, 1)], np.float32) * rng.uniform(0.2, 1.5)
    x0, y0, x1, y1 = sheet.ravel().tolist()
    printed += rules_of(paper, (x0, y0, x1, y1), written.extents, written.gap, rng)
    if paper.frame == "cell":
        printed += cell_rules((x0, y0, x1, y1), rng)
    corners = np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)
    camera = _camera(corners, rotation, tilt, height, rng)
    inside = camera(points) if rotation or tilt else None
    table = paper.table != "none"
    lo, hi = _seen(camera(corners), inside, table, margin * height, height, rng)
    size = tuple(np.ceil(hi - lo).astype(int).tolist())
    camera = replace(camera, corner=lo.astype(np.float32))
    return _taken(
        written.lines, texts, printed, paper, camera, corners, size, pen, height, rng, grey
    )


def _taken(
    lines: list[list[Placed]],  # cap heights
    texts: Sequence[str],
    printed: list[np.ndarray],  # lines of rules and frames, cap heights
    paper: Paper,
    camera: _Camera,
    corners: np.ndarray,  # float32 (4, 2), of the sheet in cap heights
    size: tuple[int, int],  # width and height of the picture, pixels
    pen: float,  # pixels
    height: float,  # pixels, cap height
    rng: np.random.Generator,
    grey: bool,
) -> Composed:
    "From points on the sheet to the picture."
    placed = [_moved(line, camera) for line in lines]
    pens = pen_widths(pen, max(map(len, placed)), rng)
    ink, other, labels, boxes = draw_lines(placed, pens, size, pen, height)
    form = np.zeros(size[::-1], np.uint8)
    for s in printed:
        lay_ink(form, *rasterise([camera(s)], max(paper.rule_width * height, 0.7)))
    _dirt(other, paper, height, pen, rng)
    image = photograph(paper, np.maximum(ink, other), form, camera(corners), rng, grey)
    text = "\n".join(plain_text(t) for t in texts)
    return Composed(image, text, boxes, ink, np.maximum(other, form), labels)


# %% [markdown]
# The same words in the same hand, six times:

# %%
#| code-fold: true
#| code-summary: "Six papers"
#| fig-cap: "One text on six papers. On which do you still see every stroke? On the slate, ink is lighter than paper."
#| fig-alt: "MEET ME AT PIER 39 BY 6 on clean paper, on rules, under a shadow, on a wooden table, as chalk on slate, and in faint pencil."
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
        text, hands()["patrick-hand"], np.random.default_rng(6), paper, height_px=30,
        tilt=0.1 if paper.table != "none" else 0,
    )
    for name, paper in papers.items()
}  # fmt: skip
figure({name: cv2.resize(page.image, (250, 125)) for name, page in pages.items()}, 3)

# %%
#| hide
assert all(page.text == "\n".join(text) and len(page.all_boxes) == 17 for page in pages.values())

# %% [markdown]
# ## Kinds of paper
# Nobody wants to set twenty fields by hand for each page. A kind of paper is a table. For each field it holds a constant, or a way to draw it by chance. The ranges were fitted by eye beside real scans and photos of that kind.

# %%
#| export
Draw = Callable[[np.random.Generator, dict], Any]  # chance, and what was drawn before it -> a value


def _tint(
    rng: np.random.Generator,
    low: float,  # grey level, 0-255
    high: float,
    spread: float = 6,  # standard deviation of each channel
) -> tuple[float, ...]:  # BGR
    "A nearly grey colour."
    level = rng.uniform(low, high)
    return tuple(float(np.clip(level + rng.normal(0, spread), 0, 255)) for _ in range(3))


def _pen_colour(rng: np.random.Generator, _: dict | None = None) -> tuple[float, ...]:
    "Black or grey ink for three in five, blue for the others; BGR."
    if rng.random() < 0.6:
        return _tint(rng, 10, 70)
    u = rng.uniform
    return float(u(110, 190)), float(u(40, 90)), float(u(20, 70))


def tint(low: float, high: float, spread: float = 6) -> Draw:
    "Draw a nearly grey colour."
    return lambda rng, _: _tint(rng, low, high, spread)


def span(low: float, high: float) -> Draw:
    "Draw a number, uniform between two."
    return lambda rng, _: rng.uniform(low, high)


def whole(low: float, high: float) -> Draw:
    "Draw a whole number."
    return lambda rng, _: int(rng.uniform(low, high))


def pick(*options: Any) -> Draw:
    "Draw one of some values."
    return lambda rng, _: options[rng.integers(len(options))]


def one_of(*options: Any, p: Sequence[float] | None = None) -> Draw:
    "Draw one of some words or numbers; a number may itself be drawn. p: probabilities."

    def draw(rng, drawn):
        values = [option(rng, drawn) if callable(option) else option for option in options]
        value = rng.choice(values, p=p)
        return {"i": int, "f": float}.get(value.dtype.kind, str)(value)

    return draw


def greys(level: Draw) -> Draw:
    "Draw a grey colour."
    return lambda rng, drawn: (level(rng, drawn),) * 3


COLOURED = pick(
    (238, 225, 205),
    (205, 240, 250),
    (225, 215, 245),
    (215, 240, 220),
    (160, 225, 250),
    (130, 190, 215),
)  # BGR, of coloured paper and sticky notes
RULE_COLOURS = pick((200, 160, 130), (150, 150, 150), (190, 150, 200), (90, 80, 80))  # BGR
PHOTO = dict(  # what every photo has
    texture=span(0.5, 4),
    gradient=span(0, 0.3),
    vignette=span(0, 0.2),
    blur=span(0.3, 1.0),
    noise=span(0.5, 4),
    jpeg=whole(50, 95),
)
KINDS: dict[str, dict[str, Any]] = {  # kind -> field of `Paper` -> constant, or how to draw it
    "plain": dict(
        ink=_pen_colour,
        colour=tint(225, 255, 2),
        texture=span(0, 2),
        blur=span(0.2, 0.7),
        noise=span(0, 2),
        jpeg=whole(70, 95),
    ),
    "tinted": dict(ink=_pen_colour, colour=COLOURED),
    "photo": dict(ink=_pen_colour, colour=tint(150, 250)),
    "shadow": dict(ink=_pen_colour, colour=tint(190, 250), shadow=span(0.25, 0.6)),
    "ruled": dict(
        ink=_pen_colour,
        colour=tint(180, 250),
        rules=one_of("ruled", "ruled", "grid", "underline"),
        rule_colour=RULE_COLOURS,
        rule_width=span(0.02, 0.09),
    ),
    "form": dict(
        rule_colour=greys(one_of(span(0, 60), span(100, 190))),
        ink=_pen_colour,
        colour=tint(225, 255, 2),
        frame=one_of("box", "comb", "boxes"),
        rule_width=span(0.03, 0.14),
        texture=span(0, 2),
        blur=span(0.2, 0.7),
        noise=span(0, 3),
        jpeg=whole(60, 95),
        scan=one_of("none", "binary", "clip"),
        fade=span(0, 0.2),
    ),
    "note": dict(
        ink=tint(20, 60),
        colour=COLOURED,
        table="dark",
        shadow=one_of(0.0, span(0.1, 0.3)),
    ),
    "table": dict(
        ink=_pen_colour,
        colour=tint(190, 250),
        table=one_of("dark", "wood", "wood", "light"),
        shadow=one_of(0.0, span(0.1, 0.5)),
    ),
    "dark": dict(
        colour=tint(0, 60),
        ink=tint(200, 255),
        texture=span(0, 3),
        blur=span(0, 0.8),
        noise=span(0, 3),
        jpeg=whole(60, 95),
        gradient=span(0, 0.3),
    ),
    "pencil": dict(
        gradient=span(0, 0.2),
        ink=tint(70, 120),
        colour=tint(180, 240),
        opacity=span(0.25, 0.7),
        fade=span(0.1, 0.5),
        grain=span(0.2, 0.6),
    ),
    "scan": dict(
        ink=(0, 0, 0),
        colour=(255, 255, 255),
        blur=span(0.2, 0.7),
        noise=span(0, 8),
        fade=span(0, 0.4),
        scan="binary",
        specks=whole(0, 8),
    ),
    "lowres": dict(
        ink=tint(-80, 60, 0),
        colour=(255, 255, 255),
        fade=one_of(0.0, span(0.1, 0.5), span(0.4, 0.7), p=(0.5, 0.3, 0.2)),
        blur=span(0.2, 0.45),
        scan="clip",
        specks=one_of(0, 0, 1, 3),
        slivers=one_of(0, 0, 0, 1, 2),
        margin=(0.3, 1.2),
    ),
    "cell": dict(
        colour=greys(one_of(span(60, 110), span(140, 235), p=(0.15, 0.85))),
        ink=tint(0, 50, 0),
        opacity=lambda rng, drawn: rng.uniform(0.3 if drawn["colour"][0] > 120 else 0.8, 1.0),
        frame="cell",
        rule_colour=lambda rng, drawn: (drawn["colour"][0] * 0.4,) * 3,
        rule_width=span(0.03, 0.1),
        gradient=span(0, 0.15),
        texture=span(0.5, 2),
        blur=span(0.5, 1.0),
        noise=span(0.3, 2),
        jpeg=whole(50, 90),
        margin=(0.15, 0.9),
        rules=one_of("none", "none", "underline"),
    ),
    "cheque": dict(
        ink=_pen_colour,
        colour=COLOURED,
        pattern=span(3, 14),
        rules=one_of("none", "underline"),
        rule_colour=tint(60, 140),
        slivers=one_of(0, 2),
    ),
}
PAPERS = tuple(KINDS)
PHOTOGRAPHED = ("tinted", "photo", "shadow", "ruled", "note", "table", "cheque", "pencil")


def _drawn(fields: dict[str, Any], rng: np.random.Generator) -> dict[str, Any]:
    "Each field's value, drawn in the order of the table."
    drawn: dict[str, Any] = {}
    for name, how in fields.items():
        drawn[name] = how(rng, drawn) if callable(how) else how
    return drawn


WOVEN: dict[
    str, Any
] = {  # printed and woven paper; not in PAPERS, so random pages stay as they are
    "level": span(130, 245),  # grey level of the paper
    "ink": tint(5, 90),
    "colour": lambda rng, drawn: (
        tint(drawn["level"], drawn["level"], 4) if rng.random() < 0.5 else COLOURED
    )(rng, drawn),
    "weave": one_of(0.0, span(4, 25), p=(0.25, 0.75)),
    "guilloche": one_of(0.0, span(4, 25)),
    "texture": one_of(span(0.5, 2), span(3, 10)),
    "gradient": span(0, 0.2),
    "blur": span(0.3, 1),
    "noise": span(0.5, 4),
    "jpeg": whole(40, 95),
    "opacity": span(0.6, 1),
    "rules": one_of("none", "none", "underline"),
    "rule_colour": tint(60, 140),
    "slivers": one_of(0, 0, 2),
    "margin": (0.2, 1.2),
}


def woven_paper(
    rng: np.random.Generator,
) -> Paper:
    "Paper printed or woven all over, as cheques and vouchers are."
    fields = _drawn(WOVEN, rng)
    return Paper(**{name: value for name, value in fields.items() if name != "level"})


def random_paper(
    name: str,  # one of PAPERS
    rng: np.random.Generator,
) -> Paper:  # of that kind, details by chance
    "A sheet, its light and its camera as real pictures of that kind have them."
    if name not in KINDS:
        raise DataError(f"no paper called {name!r}; there are {', '.join(PAPERS)}")
    photo = _drawn(PHOTO, rng)  # for every kind: so the next numbers do not depend on the kind
    fields = _drawn(KINDS[name], rng)
    return Paper(**({**photo, **fields} if name in PHOTOGRAPHED else fields))


# %%
#| fig-cap: "A number on printed and woven paper. The print is as dark as some of the strokes."
#| fig-alt: "The number 4200 handwritten on six small pieces of paper with cloth-like textures or wavy lines."
cloths = {
    f"seed {seed}": write(["4200"], woven_paper(np.random.default_rng(seed)), seed, height=34)
    for seed in range(6)
}
figure({name: cv2.resize(page.image, (240, 110)) for name, page in cloths.items()}, 3)

# %%
#| hide
assert woven_paper(np.random.default_rng(1)) == woven_paper(np.random.default_rng(1))

# %% [markdown]
# ### Words that mean nothing
# The words are made up. A network that learns from these pages must not learn that Q is followed by U. Numbers are as people write them down, often round.

# %%
#| export
VOWELS, CONSONANTS = "AEIOUY", "BCDFGHJKLMNPQRSTVWXZ"


def random_number(
    rng: np.random.Generator,
    most: int = 6,  # digits
) -> str:
    "A number: a third any digits, the others round (1200) or with a digit repeated (4477)."
    n, kind = int(rng.integers(1, most + 1)), rng.random()
    digits = "".join(rng.choice(list(CLASSES[:10]), n))
    if n < 2 or kind < 0.35:
        return digits
    if kind < 0.85:
        head = int(rng.integers(1, min(n, 4)))
        return digits[:head] + "0" * (n - head)
    at = int(rng.integers(0, n - 1))
    return digits[:at] + digits[at] * 2 + digits[at + 2 :]


def _random_word(n: int, kind: float, digits: float, rng: np.random.Generator) -> str:
    "A number, a code of capitals, something that sounds like a word, or a mixture; kind: 0..1."
    if kind < digits:
        return random_number(rng, min(n, 6))
    if kind < digits + (1 - digits) * 0.4:
        return "".join(rng.choice(list(CLASSES[10:]), n))
    if kind < digits + (1 - digits) * 0.9:
        letter = lambda: rng.choice(list(VOWELS if rng.random() < 0.45 else CONSONANTS))
        return "".join(letter() for _ in range(n))
    return "".join(rng.choice(list(CLASSES), n))


def random_text(
    rng: np.random.Generator,
    words: tuple[int, int] = (1, 3),  # fewest and most words
    letters: tuple[int, int] = (2, 10),  # fewest and most characters a word
    digits: float = 0.25,  # probability that a word is a number
    marks: float = 0.05,  # probability of a mark after or inside a word
) -> str:  # capitals, digits, blanks and marks
    "Made-up words and numbers: no dictionary, so that nothing can be learnt about language."
    out = []
    for _ in range(int(rng.integers(words[0], words[1] + 1))):
        n, kind = int(rng.integers(letters[0], letters[1] + 1)), rng.random()
        word = _random_word(n, kind, digits, rng)
        if rng.random() < marks:
            at = int(rng.integers(1, len(word) + 1))
            word = word[:at] + str(rng.choice(list("--..,,:'/"))) + word[at:]
        out.append(word)
    return " ".join(out)


# %%
words = np.random.default_rng(4)
assert random_text(np.random.default_rng(1)) == random_text(np.random.default_rng(1))
[random_text(words) for _ in range(4)], [random_number(words) for _ in range(8)]

# %% [markdown]
# `random_page` leaves everything to chance: kind, words, size, pen, style, slope, tilt.

# %%
#| export
HOW_OFTEN = dict(  # of 114 pages
    plain=8, tinted=6, photo=8, shadow=8, ruled=10, form=12, note=6, table=8,
    dark=5, pencil=8, scan=7, lowres=14, cell=10, cheque=4,
)  # fmt: skip
TILTED = ("photo", "table", "note", "shadow")  # kinds that a camera sees from the side


def _lines_on(paper: str, lines: list[str] | None, rng: np.random.Generator) -> list[str]:
    "The given lines, or such as stand on that paper: a number in a cell, one line on a small scan."
    if paper == "cell":
        return lines or [random_text(rng, (1, 1), (1, 5), 1.0, 0.0)]
    single = paper in ("lowres", "scan") or rng.random() < 0.3
    if lines:
        return lines
    if single:
        return [random_text(rng, (1, 2), (2, 10))]
    return [random_text(rng, (1, 3), (1, 8)) for _ in range(int(rng.integers(1, 5)))]


def _random_height(paper: str, rng: np.random.Generator) -> float:
    "Cap height in pixels: each kind's is drawn, so that the numbers after it are the same."
    low, cell = rng.uniform(7, 20), rng.uniform(11, 24)
    usual = float(np.exp(rng.uniform(np.log(14), np.log(70))))
    return {"lowres": low, "cell": cell}.get(paper, usual)


def _style_on(paper: str, rng: np.random.Generator) -> Style:
    "A way of writing; numbers in cells are noted in haste, letters on small forms stand apart."
    style = random_style(rng)
    if paper == "cell":
        touching = one_of(0.0, span(0, 0.4), span(0.4, 1), p=(0.4, 0.4, 0.2))
        return replace(style, touching=touching(rng, {}))
    if paper == "lowres":
        gap = float(rng.uniform(0.12, 0.8))
        word_gap = gap + float(rng.uniform(0.5, 1.3))
        return replace(style, letter_gap=gap, word_gap=word_gap, touching=style.touching / 3)
    return style


def random_page(
    hand: Hand,
    rng: np.random.Generator,
    paper: str | None = None,  # one of PAPERS; None: by chance
    lines: list[str] | None = None,  # texts; None: made up
    grey: bool = True,  # one channel
) -> Composed:  # a page as real ones of its kind come
    "A page of a kind with everything else left to chance."
    if paper is None:
        often = np.array([HOW_OFTEN[kind] for kind in PAPERS])
        paper = str(rng.choice(PAPERS, p=often / often.sum()))
    lines = _lines_on(paper, lines, rng)
    height = _random_height(paper, rng)
    thin, thick = (0.07, 0.22) if paper == "lowres" else (0.05, 0.16)
    pen = max(0.7, height * float(np.exp(rng.uniform(np.log(thin), np.log(thick)))))
    style = _style_on(paper, rng)
    turned = 0.0 if paper in ("lowres", "cell") else float(rng.normal(0, 2))
    slope, curve = float(rng.normal(0, 1.2)), float(rng.normal(0, 0.08))
    tilt = float(rng.uniform(0, 0.15)) if paper in TILTED else 0.0
    return compose_page(
        lines, hand, rng, paper, height, pen, slope, curve, turned, tilt, grey=grey, **vars(style)
    )


# %%
#| code-fold: true
#| code-summary: "A random page of each kind"
#| fig-cap: "A random page of each of the fourteen kinds. Look for the ones on which you have to search for the text."
#| fig-alt: "Fourteen small pages of made-up words: on white, coloured, shaded, ruled and dark paper, forms, sticky notes, sheets on tables, pencil, scans, table cells and cheques."
rng, writers = np.random.default_rng(11), list(hands().values())
some = {
    kind: random_page(writers[i % 5], rng, kind, grey=False).image for i, kind in enumerate(PAPERS)
}


def tile(image, w=240, h=100):
    "A picture fitted into a grey tile."
    k = min(w / image.shape[1], h / image.shape[0], 3)
    image = cv2.resize(image, None, fx=k, fy=k, interpolation=cv2.INTER_AREA)
    below, beside = h - image.shape[0], w - image.shape[1]
    return np.pad(image, ((0, below), (0, beside), (0, 0)), constant_values=160)


figure({kind: tile(image) for kind, image in some.items()}, 3)


# %% [markdown]
# ## Two recipes, box by box
# Which damage breaks what? We take two short recipes: a threshold, then one box for each connected piece of ink. The first takes Otsu's threshold, one for the whole page. The second compares each pixel with its surroundings, as [the tutorial](00_data.ipynb#the-tutorial) does.

# %%
def pieces(mask):
    "The boxes of the connected pieces of a mask, without crumbs."
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
    return stats[1:, :4][stats[1:, 4] >= 8]


def otsu(grey):
    return pieces(cv2.threshold(grey, 0, 255, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1])


def adaptive(grey):
    smooth, around = cv2.GaussianBlur(grey, (3, 3), 0), cv2.ADAPTIVE_THRESH_GAUSSIAN_C
    return pieces(cv2.adaptiveThreshold(smooth, 255, around, cv2.THRESH_BINARY_INV, 21, 9))


# %%
#| fig-cap: "Boxes of both recipes on the page with the shadow."
#| fig-alt: "Left: one large box where the shadow lies, boxes on letters elsewhere. Right: a box on nearly every letter."
shaded = pages["shadow"]
grey = cv2.cvtColor(shaded.image, cv2.COLOR_BGR2GRAY)
panels = {}
for recipe in (otsu, adaptive):
    precision, recall = box_scores(recipe(grey), shaded.all_boxes)
    title = f"{recipe.__name__}: precision {precision:.2f}, recall {recall:.2f}"
    panels[title] = outlined(shaded.image, recipe(grey), thick=1)
figure(panels)


# %% [markdown]
# For Otsu's threshold the shadow is ink, and one box swallows what stands in it. The local threshold finds the letters. One page proves little. So we take twenty pages on each kind of paper, by five hands. Text, hands and seeds are the same for both recipes. The table gives shares between 0 and 1:

# %%
#| code-fold: true
#| code-summary: "Twenty pages of each kind, both recipes"
def measure(hands, n, seed=0):
    "Mean recall and precision of both recipes on n random pages of each paper."
    rows = []
    for paper in PAPERS:
        rng = np.random.default_rng([seed, PAPERS.index(paper)])
        pages = [random_page(hands[i % len(hands)], rng, paper) for i in range(n)]
        for recipe in (otsu, adaptive):
            found = [box_scores(recipe(p.image), p.all_boxes) for p in pages]
            rows.append((paper, recipe.__name__, *np.mean(found, 0)))
    return pd.DataFrame(rows, columns=["paper", "recipe", "precision", "recall"])


scores = measure(writers, 20)
wide = scores.pivot(index="paper", columns="recipe", values=["recall", "precision"])
table = wide.sort_values(("recall", "adaptive"))
table.round(2)

# %%
#| hide
recall = table["recall"]
assert recall.loc["plain"].min() > 0.8 > 0.5 > recall.loc["shadow", "otsu"]
assert recall.loc["dark"].max() < 0.5

# %%
#| fig-cap: "Share of the true boxes found, by kind of paper: the shadow breaks Otsu, light on dark breaks both."
#| fig-alt: "Bar chart with two bars for each of fourteen kinds of paper, recall of the two recipes."
ax = table["recall"].plot.barh(figsize=(6, 4.2), width=0.75, color=["#1b7f79", "#d9822b"])
ax.set(xlabel="recall, IoU at least 0.5", ylabel="", xlim=(0, 1))
ax.legend(title=None, frameon=False, loc="lower right")
plt.tight_layout()

# %% [markdown]
# No recipe is good on all papers:
#
# - Light ink on dark paper breaks both. They take the paper for ink.
# - A shadow costs Otsu half of the letters, and the local threshold hardly any.
# - Rules and cell borders become one piece with everything that touches them.
# - Faint pencil falls into several pieces a letter.
# - Precision is mostly lower than recall, because grain, combs and the table's edge give boxes on nothing.
# - Even on plain paper one letter in six is missed. It touches its neighbour, or its strokes do not meet.
#
# The notebooks [07](07_images.ipynb) to [13](13_boxes.ipynb) take these one by one.
#
# ## Real hands
# Are fonts too easy? We measure the same with 30 writers of UNIPEN from whom nothing here is learnt (the validation writers of [Data](00_data.ipynb#unipens-held-out-writers)). Their strokes may not be shown here. The figures are stored from a run with the data folder, in shares:

# %%
#| code-fold: true
#| code-summary: "Fonts and writers"
stored = Path("stored/composing/hands.csv")
strokes_file = find_file(["unipen_strokes.npz"]) if data_folder() else None
if strokes_file:
    names = np.load(strokes_file)["writer_names"].tolist()
    people = unipen_hands(strokes_file, [names.index(n) for n in unipen_validation_writers()])
    both = pd.concat({"5 fonts": scores, "30 writers": measure(people, 20)}, names=["hand"])
    means = both.groupby(["hand", "recipe"])[["precision", "recall"]].mean().round(3)
    stored.parent.mkdir(exist_ok=True)
    means.to_csv(stored)
pd.read_csv(stored, index_col=["hand", "recipe"])

# %%
#| hide
kept = pd.read_csv(stored, index_col=["hand", "recipe"])
fonts_now = scores.groupby("recipe")[["precision", "recall"]].mean()
assert np.allclose(kept.loc["5 fonts"], fonts_now, atol=0.001)  # stored figures are today's

# %% [markdown]
# People are no harder than fonts. Recall is the same to a hundredth, and precision is a little higher. For recipes as simple as these, the paper decides and not the hand.
#
# A warning: these damages are our guesses of what happens to paper. A method tuned on composed pages alone learns our guesses. They are good to train on and to find out *which* step fails. Real pages decide whether a change is an improvement.
#
# ## Recap
# - A page is points until the camera has been placed. Then come ink, light, lens, sensor and file.
# - Fourteen kinds of paper draw their damages by chance, and the true boxes stay known.
# - The paper breaks simple recipes, not the hand.
#
# ## Exercises
# **1.** Which damage hurts the local threshold most? Start from `Paper()`, turn on one field at a time (`blur=3`, `shadow=0.7`, `opacity=0.2`, `noise=25`, `rules="grid"`) and compare the recall.
#
# <details><summary>Solution</summary>
#
# ```python
# damages = dict(blur=3, shadow=0.7, opacity=0.2, noise=25, rules="grid")
# for name, value in damages.items():
#     p = compose_page(text, writers[0], np.random.default_rng(0), Paper(**{name: value}), grey=True)
#     print(name, box_scores(adaptive(p.image), p.all_boxes))
# ```
# The grid ties everything into one piece. Noise costs precision rather than recall: crumbs are found everywhere.
#
# </details>
#
# **2.** *Build a kind of your own*: a whiteboard, with a glare and coloured pens. Which fields does it need?
#
# <details><summary>Solution</summary>
#
# ```python
# board = Paper(colour=(250, 250, 250), ink=(160, 40, 30), gradient=0.25, vignette=0.2, blur=0.8, jpeg=60)
# compose_page(["MONDAY 9", "ROOM 12"], writers[1], np.random.default_rng(1), board, 44, tilt=0.2)
# ```
# A glare would need a new step in `light_on` that *adds* light.
#
# </details>
#
# **3.** Same seed, other kind: does `random_page(hand, rng(1), "photo")` hold the same words as `random_page(hand, rng(1), "shadow")`? And "cell"? Why?
#
# <details><summary>Solution</summary>
#
# ```python
# [random_page(writers[0], np.random.default_rng(1), kind).text for kind in ("photo", "shadow", "cell")]
# ```
# The words are drawn first, and by the same rules for "photo" and "shadow". A cell holds one number, so it draws less.
#
# </details>
#
# ## What the next notebook builds on
# We have pages with boxes and ink for free. [Segmentation](02_segmentation.ipynb) is measured on them. [The judge of boxes](13_boxes.ipynb) and the crops of [A better model](14_better_model.ipynb) are trained on them. The sample pages of the package were composed here too (`python tools/make_samples.py`).
#
# A page reaches a reader as a file. [What is in an image file?](07_images.ipynb) opens it.
