# %% [markdown]
# # Where is the ink?
# > Light or dark ink, shadows, faint pencil: one mask for all of them.

# %% [markdown]
# Which pixels of a photo belong to the writing? [Segmentation](02_segmentation.ipynb) used one threshold with two fixed numbers and ended with pages
# where these numbers fail. This notebook finds the ink on such pages. At the end you can turn a photo of any light into a mask: 1 where there is ink, 0 where there is paper.

# %%
#| default_exp layout.ink

# %%
#| export
from __future__ import annotations

import cv2
import numpy as np

from customocr.statistics import median, percentile

# %%
#| code-fold: true
#| code-summary: "Imports"
import pandas as pd

from customocr import samples
from customocr.pictures import (
    figure,
    hands,
    on_white,
    outlined,
    sample,
    show,
    some_pages,
    tiles,
    worth,
    write,
)
from customocr.segmentation import tutorial_boxes, tutorial_glyphs, tutorial_stages
from customocr.writing.papers import PAPERS, Paper, woven_paper

# %% [markdown]
# ## Is the ink dark or light?
# The letters below are chalk on a blackboard. The boxes of [the tutorial](00_data.ipynb#the-tutorial) hold letters, because an edge is found whether it goes from light to dark or from dark to light. But its glyphs are wrong: Otsu's inverted threshold takes the board for ink.
# The network would get dark letters on white, which it has never seen.

# %%
#| code-fold: true
#| code-summary: "Chalk on a board, and the tutorial on it"
#| label: fig-ink-chalk
#| fig-cap: "The boxes hold letters, but the glyphs are negatives."
#| fig-alt: "White letters CHALK 20 on black with the tutorial's boxes, and the cut-out glyphs: dark letters on white."
board = Paper(colour=(48, 52, 46), ink=(225, 230, 230), grain=0.4, noise=2)
chalk = write(["CHALK 20"], board, letter_gap=0.3)
wrong = tutorial_boxes(chalk.image)
glyphs = tiles(tutorial_glyphs(chalk.image, wrong))
boxed = outlined(chalk.image, wrong)
figure({"chalk, the tutorial's boxes": boxed, "its glyphs": cv2.resize(glyphs, None, fx=3, fy=3)})

# %% [markdown]
# We answer three questions, one after the other. Is the ink darker or lighter than the paper? How much darker is each pixel than the paper around it? Which pixels are dark enough to be ink?
#
# *Needs*: half a minute and no data. All pages shown are written with the handwriting fonts of the package ([Pictures](pictures.ipynb)), so we know which pixels were inked.
#
# *Terms*: [Otsu's threshold](glossary.html#otsu), [adaptive threshold](glossary.html#adaptive-threshold), [connected component](glossary.html#connected-component),
# [character error rate](glossary.html#cer).

# %% [markdown]
# A dark page does not mean light ink: a white sheet on a dark table is a dark page, too. A better sign is the shape. Ink comes in *thin strokes*, paper does not.
#
# Two filters of OpenCV find thin details. A *closing* with a small kernel fills dark details that are narrower than the kernel; what it changes is called the *black hat*. An *opening* removes light
# details that are narrower than the kernel; what it changes is called the *top hat*. On the chalk page the letters are in the top hat.

# %%
#| label: fig-ink-hats
#| fig-cap: "The chalk is in the top hat (right); the black hat (left) is nearly empty."
#| fig-alt: "The chalk page's black hat, which is faint, beside its top hat, which shows the letters."
kernel = np.ones((9, 9), np.uint8)
black = cv2.morphologyEx(chalk.image, cv2.MORPH_BLACKHAT, kernel)
top = cv2.morphologyEx(chalk.image, cv2.MORPH_TOPHAT, kernel)
figure({"black hat, 9 pixels": black, "top hat, 9 pixels": top})

# %% [markdown]
# So we compare how much each of the two filters finds. A kernel must be as wide as the pen to find its strokes. We do not know the pen's width yet, so we try five kernels and let them vote:
# each says +1 where only dark details were found, -1 where only light ones were. `polarity` is the mean of the votes. Where the votes cancel each other, a light page gets a small bonus, because most ink is dark.
#
# A kernel can also be too wide. On a dense page it spans the gaps between letters and lines. Then the paper in the gaps is a light detail too, and there is more paper than ink. Such a kernel changes nearly
# the whole page, a good one only the surroundings of the ink. So a kernel that changes the page evenly has no vote.

# %%
#| export
POLARITY_SIDE = 500  # pixels: longest side at which polarity is looked for; strokes stay visible
POLARITY_KERNELS = (3, 5, 9, 15, 25)  # pixels: from a thin pen to a marker at that size
LIGHT_PAGE = 0.45  # median brightness, 0..1, from which a page counts as light
LIGHT_BONUS = 0.2  # in votes, for each unit of brightness over that
MOSTLY_LIGHT = 0.8  # of the way from the darkest twentieth to the lightest: a page's usual grey
IN_DOUBT = 0.15  # the least polarity of such a page: both are tried, dark ink is the likelier
EVEN = 0.6  # evenness from which a kernel is too wide to vote; 0.4 to 0.8 do the same


def _vote(grey: np.ndarray, k: int) -> tuple[float, float]:  # -1..1, 0..1
    """Dark against light details narrower than k pixels: 1 where all are dark, -1 where all are
    light. How evenly they lie on the page: 1 where every pixel is changed alike."""
    kernel = np.ones((k, k), np.uint8)
    padded = cv2.copyMakeBorder(grey, k, k, k, k, cv2.BORDER_REPLICATE)
    changed = lambda hat: cv2.morphologyEx(padded, hat, kernel)[k:-k, k:-k]
    squared = lambda change: np.square(change, dtype=np.float32).mean() + 1e-3
    dark, light = changed(cv2.MORPH_BLACKHAT), changed(cv2.MORPH_TOPHAT)
    both, d, l = cv2.add(dark, light), squared(dark), squared(light)
    return float((d - l) / (d + l)), float(both.mean() ** 2 / squared(both))


def polarity(
    grey: np.ndarray,  # uint8 (h, w)
) -> float:  # about -1..1, over 0: dark ink on lighter paper
    "Which of dark and light is the ink: the one that comes in the thinner strokes."
    f = min(1.0, POLARITY_SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=f, fy=f, interpolation=cv2.INTER_AREA) if f < 1 else grey
    small = cv2.GaussianBlur(small, (3, 3), 0.6)
    votes = [_vote(small, k) for k in POLARITY_KERNELS if k <= 0.5 * min(small.shape)]
    told = [vote for vote, even in votes if even < EVEN] or [vote for vote, _ in votes[:1]]
    brightness = median(small) / 255
    vote = float(np.mean(told or [0.0])) + LIGHT_BONUS * (brightness - LIGHT_PAGE)
    low, high = (percentile(small, q) / 255 for q in (5, 95))
    mostly_light = brightness - low > MOSTLY_LIGHT * (high - low)
    return max(vote, IN_DOUBT) if mostly_light else vote


# %%
signs = {"chalk": chalk.image, "its negative": 255 - chalk.image, "dark table": sample("note")}
signs = {name: polarity(image) for name, image in signs.items()}
assert signs["chalk"] < 0 < min(signs["its negative"], signs["dark table"])
pd.Series(signs, name="polarity").round(2).to_frame().T

# %% [markdown]
# One case is left: a pen that is wider than the widest kernel, such as a marker for one large letter. Then the gaps of the letter are the thin details, and they are light. But most of the picture is paper. So where the usual grey of the page is nearly its lightest, light ink is not believed: such a page is in doubt at most.

# %%
#| label: fig-ink-marker
#| fig-cap: "A marker's letter: the light gaps are narrower than the strokes, but most of the page is light."
#| fig-alt: "A large W written with a very thick marker on light paper."
marker = write(["W"], height=500, pen_width=100).image
votes = [_vote(cv2.resize(marker, None, fx=0.4, fy=0.4), k)[0] for k in POLARITY_KERNELS]
print(f"mean vote {np.mean(votes):+.2f}, polarity {polarity(marker):+.2f}")
assert np.mean(votes) < 0 < polarity(marker)
show(cv2.resize(marker, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA))

# %% [markdown]
# How often is it right? We take composed pages of all kinds of paper and the negative of each. The rule "ink is always dark" is right on one of the two. The rule "a page that is dark on average has light ink" fails on dark tables and tinted paper.

# %%
#| code-fold: true
#| code-summary: "Three rules on composed pages and their negatives"
rows = []
for kind, page in some_pages(PAPERS, 5):
    for image, dark in ((page.image, kind != "dark"), (255 - page.image, kind == "dark")):
        rows.append((dark, (image.mean() > 127) == dark, (polarity(image) > 0) == dark))
guess = pd.DataFrame(rows, columns=["always dark ink", "light on average", "polarity"]).mean()
assert guess["polarity"] > 0.93

# %%
guess.round(3).to_frame("share of pages right").T

# %% [markdown]
# Where the vote is close, the reader tries both and keeps the reading that looks more like characters ([Recognition](03_recognition.ipynb)).
#
# What does this step bring on real pages? Photos and forms of other people may be measured but not shown. So each section of this second part ends with a small table: the [character error rate](glossary.html#cer) of the whole
# reader without the step and with it, for each kind of page. Lower is better. How it is measured stands in [All steps together](11b_sheet.ipynb#on-real-pages).

# %%
worth("polarity")

# %% [markdown]
# Light ink is rare on these pages. Where it occurs, the page is lost without this step.
#
# ## How much darker than the paper?
# A page lies in a deep shadow. Otsu's threshold takes the shadow for ink. The adaptive threshold does not, but its C = 9 grey levels are fixed. In the shade, ink is hardly 9 levels darker than the paper, so the strokes fray.

# %%
#| label: fig-ink-shadow
#| fig-cap: "In the shadow, Otsu's threshold loses the page; the adaptive one frays the letters."
#| fig-alt: "A page under a deep shadow; Otsu's threshold blackens half of it; the adaptive one frays the letters in the shade, whose boxes are fragments."
dark_corner = Paper(shadow=0.8, gradient=0.2, noise=4, blur=0.8)
shady = write(["MEET ME AT", "PIER 39 BY 6"], dark_corner, height=40)
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
# A lamp makes paper and ink brighter by the same factor. Say the paper returns 80 % of the light and the ink returns 20 %. Then the paper is four times as bright as the ink, under every lamp and in every shadow. So we should *divide* by the paper.
#
# What is the paper's brightness under a letter? A closing that is wider than the pen wipes the writing off. Paper, shadow and table remain. We subtract the page from this paper and divide by it. The result says how much darker each pixel is, as a share of the paper there.

# %%
#| export
QUIET = 32  # grey levels added to the paper before dividing: noise in black regions stays small
WIDEST = 100  # pixels of the closing: for a wider one the picture is reduced, paper changes slowly


def _paper(smooth: np.ndarray, stroke: float) -> np.ndarray:  # uint8 (h, w)
    "The paper's brightness, under the ink too."
    if stroke > WIDEST:
        f = WIDEST / stroke
        small = cv2.resize(smooth, None, fx=f, fy=f, interpolation=cv2.INTER_AREA)
        return cv2.resize(_paper(small, WIDEST), smooth.shape[::-1])
    k = int(stroke) | 1
    padded = cv2.copyMakeBorder(smooth, k, k, k, k, cv2.BORDER_REPLICATE)
    paper = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((k, k), np.uint8))
    return cv2.blur(paper, (k // 2 | 1, k // 2 | 1))[k:-k, k:-k]


def ink_strength(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
    stroke: float,  # pixels, more than the widest stroke of the pen
) -> np.ndarray:  # uint8 (h, w), 0 paper .. 255 black
    "How much darker each pixel is than the paper around it, as a share of the paper's brightness."
    smooth = cv2.GaussianBlur(grey, (3, 3), 0.8)
    paper = _paper(smooth, stroke)
    lighter = cv2.add(paper, QUIET)  # type: ignore[call-overload] # one number for all pixels
    return cv2.divide(cv2.subtract(paper, smooth), lighter, scale=255)


# %%
#| label: fig-ink-strength
#| fig-cap: "Left the paper without the writing, right the page divided by it: the shadow is gone."
#| fig-alt: "The paper without writing, with its shadow; and the ink's strength, even from light to shade."
strength = ink_strength(shady.image, 40)
paper_alone = cv2.morphologyEx(shady.image, cv2.MORPH_CLOSE, np.ones((41, 41), np.uint8))
figure({"the paper alone": paper_alone, "ink strength": 255 - cv2.multiply(strength, 1.4)})


# %% [markdown]
# Is the ink now equally strong everywhere? For each letter's box we take the difference between its dark and its light pixels. The table says by how much these differences vary from letter to letter, as a share of their mean. 0 would be perfectly even.

# %%
def contrasts(image):
    "Difference between the ink's level and the paper's in each letter's box."
    cuts = [image[y : y + h, x : x + w] for x, y, w, h in shady.all_boxes]
    return np.array([np.subtract(*np.percentile(cut, [95, 10])) for cut in cuts])


spread = {"255 - grey": contrasts(255 - shady.image), "ink strength": contrasts(strength)}
spread = {name: c.std() / c.mean() for name, c in spread.items()}
assert spread["ink strength"] < spread["255 - grey"]
pd.Series(spread, name="variation of the contrast").round(3).to_frame().T

# %%
worth("light")

# %% [markdown]
# ## Which pixels are ink?
# Faint pencil on rough paper: in places a stroke is hardly darker than the grain of the paper. A high threshold keeps the grain out and breaks the stroke. A low threshold keeps the stroke and lets the grain in.

# %%
#| label: fig-ink-pencil
#| fig-cap: "The fixed threshold breaks the strokes and keeps the specks."
#| fig-alt: "Faint grainy pencil; the tutorial's threshold breaks strokes and shows specks."
faint = Paper(opacity=0.22, grain=0.7, fade=0.6, texture=2, noise=3)
pencil = write(["FAINT PENCIL", "NUMBER 2"], faint, 3, height=40)
by_adaptive = tutorial_stages(pencil.image)["threshold"]
figure({"faint pencil": pencil.image, "the tutorial's adaptive threshold": by_adaptive})

# %% [markdown]
# The eye follows a faint stroke because it goes on. Three rules imitate that:
#
# 1. A pixel is ink if it is half as strong as the strongest ink within two letters.
# 2. A pixel on a *ridge* may be weaker, down to a sixth of the strongest. It is on a ridge if it is stronger than the mean of its surroundings.
# 3. A connected component stays only if one of its pixels is surely ink. Specks of grain have none.
#
# The third rule is the hysteresis that Canny uses for edges, here used for strokes.

# %%
#| export
REACH = 2.0  # letter heights: how far the strongest ink nearby is looked for
STRONG = 0.5  # of the strongest ink nearby: ink by rule 1
RIDGE = 0.17  # of the strongest ink nearby: ink by rule 2, on a ridge; tried below
RIDGE_WIDTH = 0.14  # letter heights, sigma of the surroundings: about the width of a pen
SURELY = 0.4  # of the strongest ink nearby: rule 3, one pixel of each component must reach it
LEAST_STRENGTH = 6  # of 255: weaker than this nothing is ink, on perfectly clean paper either
GRAIN = 3.0  # times the median strength: what the paper's own grain reaches


def noise_floor(
    strength: np.ndarray,  # uint8 (h, w), from `ink_strength`
    grain: float = GRAIN,  # times the median strength that the paper's grain reaches
) -> int:  # of 255
    "The strength that the paper's own grain reaches."
    return int(max(LEAST_STRENGTH, grain * median(strength[::2, ::2])))


def ink_mask(
    strength: np.ndarray,  # uint8 (h, w), from `ink_strength`
    letter: float,  # pixels, height of a character
    grain: float = GRAIN,  # times the median strength that the paper's grain reaches
) -> np.ndarray:  # uint8 (h, w), 1 ink, 0 paper
    """Ink: half as strong as the strongest nearby, or a weak ridge that is connected to surely
    inked pixels."""
    k, floor = int(REACH * letter) | 1, noise_floor(strength, grain)
    nearby = cv2.blur(cv2.dilate(strength, np.ones((k, k), np.uint8)), (k, k))
    over = lambda share, least: cv2.compare(
        strength, cv2.max(cv2.multiply(nearby, share), least), cv2.CMP_GT
    )
    around = cv2.GaussianBlur(strength, (0, 0), max(1.0, RIDGE_WIDTH * letter))
    ridge = cv2.bitwise_and(cv2.compare(strength, around, cv2.CMP_GT), over(RIDGE, floor))
    mask = cv2.bitwise_or(ridge, over(STRONG, int(1.5 * floor)))
    _, labels = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    sure = np.zeros(labels.max() + 1, np.uint8)
    sure[labels[over(SURELY, 2 * floor) > 0]] = 1
    sure[0] = 0
    return sure[labels]


# %% [markdown]
# From here on we work with the pieces of the mask, its *connected components*: pixels of ink that touch each other, diagonals included. They take the place of the tutorial's external contours. A contour is only an outline; a component says which pixels belong to it.

# %%
#| export
MOST_COMPONENTS = 1500  # of a page that are looked at one by one: bounds time on noise


def components(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
) -> tuple[np.ndarray, np.ndarray]:  # labels int32 (h, w), 0 paper; int (N, 5): x, y, w, h, pixels
    """Connected pieces of ink (8 neighbours). Row i of the second array tells of the pixels
    labelled i + 1."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return labels, stats[1:].astype(int)


# %%
labels, stats = components(ink_mask(ink_strength(pencil.image, 40), 40))
print(f"{len(stats)} components, {len(pencil.all_boxes)} characters; the first three:")
pd.DataFrame(stats[:3], columns=["x", "y", "width", "height", "ink pixels"])


# %% [markdown]
# To see what the ridges do, we compare with a mask that knows the first rule only.

# %%
#| code-fold: true
#| code-summary: "The masks that are compared: Otsu, adaptive, half as strong, with ridges"
def otsu_mask(grey, height):
    return cv2.threshold(grey, 0, 1, cv2.THRESH_BINARY_INV + cv2.THRESH_OTSU)[1]


def adaptive_mask(grey, height):
    return tutorial_stages(grey)["inverted"] // 255


def half_mask(grey, height):
    "Half as strong as the strongest ink within two letters, without ridges."
    strength, k = ink_strength(grey, height), int(2 * height) | 1
    nearby = cv2.blur(cv2.dilate(strength, np.ones((k, k), np.uint8)), (k, k))
    return (strength > np.maximum(0.5 * nearby, 12)).astype(np.uint8)


def ridge_mask(grey, height):
    "Ridges as well: what the package does."
    return ink_mask(ink_strength(grey, height), height)


# %%
#| label: fig-ink-ridges
#| fig-cap: "With ridges the faint parts of the strokes stay."
#| fig-alt: "The pencil page as ink: with a threshold at half strength strokes have gaps, with ridges most are closed."
figure(
    {
        "half as strong as the strongest nearby": on_white(half_mask(pencil.image, 40)),
        "with ridges": on_white(ridge_mask(pencil.image, 40)),
    }
)

# %% [markdown]
# The composer knows which pixels it inked, so we can measure the masks. *F1* is the harmonic mean of two shares: how much of the mask was written, and how much of what was written is in the mask. 1 is perfect.
# *Components a character* should be 1. More means broken strokes or specks, less means letters that were glued together.

# %%
#| code-fold: true
#| code-summary: "Three damages, six pages each"
DAMAGES = {
    "shadow": Paper(shadow=0.7, gradient=0.2, noise=4, blur=0.8),
    "pencil": Paper(opacity=0.25, grain=0.7, fade=0.6, texture=2, noise=3),
    "failing pen": Paper(fade=0.9, opacity=0.8, texture=1, noise=1),
}
damaged = [
    (name, write(["TAKE 20 PENS", "TO ROOM 39"], paper, k, list(hands())[k % 5], 40))
    for name, paper in DAMAGES.items()
    for k in range(6)
]


def quality(mask, page):
    "F1 of the inked pixels, and components for each character."
    written = page.ink > 127
    f1 = 2 * (written & (mask > 0)).sum() / (written.sum() + (mask > 0).sum())
    return f1, (cv2.connectedComponents(mask)[0] - 1) / len(page.all_boxes)


def measured(recipes):
    "Mean quality of each recipe for a mask, by damage."
    columns = ["mask", "damage", "F1", "components a character"]
    rows = [
        (name, damage, *quality(recipe(page.image, 40), page))
        for name, recipe in recipes.items()
        for damage, page in damaged
    ]
    table = pd.DataFrame(rows, columns=columns)
    table = table.pivot_table(index="mask", columns="damage", values=columns[2:])
    return table.loc[list(recipes)].round(2)


# %%
masks = measured(
    {"otsu": otsu_mask, "adaptive": adaptive_mask, "half": half_mask, "ridge": ridge_mask}
)
assert (masks["components a character"].loc["ridge"] - 1).abs().max() < 0.2
masks

# %% [markdown]
# The next steps need one component a character, and only the last row has it for all three damages. Counted in pixels, it is not always the best mask, because it draws the strokes a little bolder.
#
# How weak may a ridge be? `RIDGE` decides. A small value lets the grain in, a large one breaks strokes. We try five:

# %%
chosen, tried = RIDGE, {}
for RIDGE in (0.05, 0.1, 0.17, 0.3, 0.5):
    tried[RIDGE] = measured({"ridge": ridge_mask}).loc["ridge"]
RIDGE = chosen
pd.DataFrame(tried).T.rename_axis("RIDGE")

# %% [markdown]
# Up to 0.17 every character is one component. At 0.3 the pencil's strokes begin to break. On real pages:

# %%
worth("ridges")

# %% [markdown]
# ### Paper as strong as the pen
# `noise_floor` says how strong the paper's own grain is: three times the median strength, because most of a page is paper. A component stays only if one of its pixels is twice as strong as that. On woven paper a pen may be weaker. Then whole letters are missing, and what is left looks perfectly clear.
#
# With `grain=2` they come back:

# %%
#| label: fig-ink-woven
#| fig-cap: "The same woven paper: with three times the median as its grain, nothing is left; with twice, all letters are there."
#| fig-alt: "Handwriting on woven paper; below an empty mask, and a mask with all letters."
woven = [
    write(["WOVEN PAPER", "HIDES THE PEN"], woven_paper(np.random.default_rng(k)), k, hand, 40)
    for k, hand in enumerate([*hands(), *hands()])
]
grains = (GRAIN, 2.0, 1.5)
of_grain = lambda page, grain: ink_mask(ink_strength(page.image, 40), 40, grain)
page = min(woven, key=lambda page: quality(of_grain(page, GRAIN), page)[0])
views = {f"grain={grain:g}": on_white(of_grain(page, grain)) for grain in grains[:2]}
figure({"woven paper": page.image, **views}, columns=1)

# %% [markdown]
# Why not always? The table has ten pages on woven paper, and the damaged ones of before:

# %%
papers = {"woven paper": woven, "shadow, pencil, failing pen": [page for _, page in damaged]}
columns, by_grain = ["F1", "components a character"], {}
for name, pages in papers.items():
    scores = [[quality(of_grain(page, grain), page) for page in pages] for grain in grains]
    by_grain[name] = pd.DataFrame(np.mean(scores, axis=1), grains, columns)
by_grain = pd.concat(by_grain, axis=1).rename_axis("grain")
assert by_grain["woven paper", "F1"].idxmax() != GRAIN
by_grain.T.round(2)

# %% [markdown]
# On other paper, twice keeps some specks, and 1.5 lets the weave itself in. So three times stays the rule.

# %% [markdown]
# ### What repeats is no writing
# A weave, printed waves and small squares have something that writing has not: they repeat. The [Fourier transform](glossary.html#fourier) shows it. It writes the page as a sum of waves, slow ones of few repeats and fast ones of many. A pattern consists of a few strong waves. Writing has a little of every wave. So the pattern stands out as single bright points.
#
# Each wave that is much stronger than the waves around it (`PEAK`) is brought down to their strength. What is left is paper with writing. Engineers call it a notch filter (Gonzalez and Woods, *Digital Image Processing*, the section on periodic noise).

# %%
#| export
PATTERN_SIDE = 1600  # pixels: on a larger picture the pattern is found on a reduced copy
PEAK = 5.0  # times the strength of the waves around it, from which a wave belongs to a pattern
NEAR = 9  # waves to each side that one is compared with
LEAST_REPEATS = 6  # along the picture's shorter side; slower waves are light and lines of text
LEAST_WAVES = 60  # of a pattern
FADES = 32  # pixels that are added to a side: the transform takes the picture for a tile


def _compared(strength: np.ndarray) -> np.ndarray:  # float32, natural logarithm
    "How much stronger each wave is than the median of those around it."
    logs = np.log(strength + 1e-3)
    low, high = float(logs.min()), float(logs.max())
    grey = cv2.convertScaleAbs(logs - low, alpha=255 / max(high - low, 1e-6))
    edged = cv2.copyMakeBorder(grey, NEAR, NEAR, NEAR, NEAR, cv2.BORDER_REFLECT)
    around = cv2.medianBlur(edged, 2 * NEAR + 1)[NEAR:-NEAR, NEAR:-NEAR]
    return logs - (around * np.float32((high - low) / 255) + low)


def _pattern(
    page: np.ndarray,  # float32 (h, w)
) -> np.ndarray | None:  # float32 (h, w), what the pattern adds to the paper
    "What repeats on a page; None where nothing does."
    (h, w), short = page.shape, min(page.shape)
    more = [cv2.getOptimalDFTSize(n + FADES) - n for n in (h, w)]
    tile = cv2.copyMakeBorder(page, 0, more[0], 0, more[1], cv2.BORDER_REFLECT)
    tile = cv2.subtract(tile, cv2.blur(tile, (short // 3 | 1, short // 3 | 1)))
    waves = np.fft.fftshift(np.fft.rfft2(tile), axes=0)
    excess = _compared(np.abs(waves).astype(np.float32))
    down = np.fft.fftshift(np.fft.fftfreq(tile.shape[0]))
    across = np.fft.rfftfreq(tile.shape[1])
    fast = np.hypot(down[:, None], across[None]) > LEAST_REPEATS / short
    peaks = ((excess > np.log(PEAK)) & fast).astype(np.uint8)
    peaks = cv2.dilate(peaks, np.ones((3, 3), np.uint8)) > 0
    if peaks.sum() < LEAST_WAVES:
        return None
    taken = np.where(peaks, waves * (1 - np.exp(-np.maximum(excess, 0))), 0)
    found = np.fft.irfft2(np.fft.ifftshift(taken, axes=0), s=tile.shape)
    return found[:h, :w].astype(np.float32)


def without_pattern(
    grey: np.ndarray,  # uint8 (h, w)
) -> np.ndarray | None:  # uint8 (h, w); None where nothing repeats
    "A page without what is woven or printed all over it: a notch filter on its Fourier transform."
    f = min(1.0, PATTERN_SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=f, fy=f, interpolation=cv2.INTER_AREA) if f < 1 else grey
    pattern = _pattern(small.astype(np.float32))
    if pattern is None:
        return None
    if f < 1:
        pattern = cv2.resize(pattern, grey.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.clip(np.rint(grey - pattern), 0, 255).astype(np.uint8)


# %%
#| label: fig-ink-pattern
#| fig-cap: "Above: woven paper, and what is left of it. Below: the strength of their waves, slow ones in the middle of the left side. The points of the weave are gone."
#| fig-alt: "Handwriting on woven paper, and beside it the same writing on nearly plain paper; below, the spectra: a grid of bright points, and the same without them."
plain = without_pattern(page.image)
spectrum = lambda image: np.log(
    np.abs(np.fft.fftshift(np.fft.rfft2(image - image.mean()), axes=0)) + 1
)
light = lambda values: cv2.convertScaleAbs(values, alpha=255 / 12)
figure(
    {
        "woven paper": page.image,
        "without its pattern": plain,
        "its waves": light(spectrum(page.image)),
        "without the pattern's": light(spectrum(plain)),
    }
)

# %% [markdown]
# The mask of the ten pages, with the same grain as always:

# %%
free = [without_pattern(some.image) for some in woven]
assert all(image is not None for image in free)
mask_of = lambda image: ink_mask(ink_strength(image, 40), 40)
scores = {
    "as they are": [quality(mask_of(some.image), some) for some in woven],
    "without the pattern": [quality(mask_of(image), some) for image, some in zip(free, woven)],
}
by_pattern = pd.DataFrame({name: np.mean(some, axis=0) for name, some in scores.items()}, columns)
assert by_pattern.loc["F1", "without the pattern"] > by_grain["woven paper", "F1"].max()
by_pattern.T.round(2)

# %% [markdown]
# Should every page go through the filter? Rows of boxes and ruled lines repeat, too. None of the package's sample pages is woven, and yet the filter finds something on many of them, even on a single letter:

# %%
names = [one.name for one in samples.pages()]
repeats = [name for name in names if without_pattern(sample(name)) is not None]
print(f"{len(repeats)} of {len(names)}: {', '.join(repeats)}")

# %% [markdown]
# There it takes ink as well. So it is no step of every page: a page on grainy paper is read once more without its pattern, and the better reading counts ([Recognition](03_recognition.ipynb#paper-that-hides-the-pen) shows both).

# %% [markdown]
# ## Recap
# - Ink comes in thin strokes. Five kernels vote on whether the strokes are dark or light.
# - Light changes paper and ink by the same factor, so we divide by the paper. A closing wider than the pen shows the paper.
# - A weak ridge is ink if it is connected to strong ink.
# - The paper's grain sets a floor. On woven paper the usual floor hides letters, and a lower one shows them.
# - What is woven or printed all over the paper repeats. A few strong waves hold it, and without them the writing stays.
#
# ## Exercises
# **1.** Photograph a page under a lamp, load it with `cv2.imread(file, cv2.IMREAD_GRAYSCALE)` and show its paper, its strength and its mask. What is `letter` on your photo?
#
# **2.** Leave the division out: return `cv2.subtract(paper, smooth)`. What becomes of the letters in the shade?
#
# <details><summary>Solution</summary>
#
# ```python
# def difference(grey, stroke):
#     k = int(stroke) | 1
#     paper = cv2.morphologyEx(grey, cv2.MORPH_CLOSE, np.ones((k, k), np.uint8))
#     return cv2.subtract(paper, grey)
#
# figure({"difference": 255 - difference(shady.image, 40), "strength": 255 - strength})
# ```
# In the shade they are as many times weaker as the shade is dark.
#
# </details>
#
# **3.** Build a worse photo: add the printed waves of a cheque, `Paper(pattern=8)`, to `DAMAGES` and call `measured` again. Which mask survives them, and which constant would you change?
#
# ## What the next notebook builds on
# `ink_mask` marks all ink: letters, but also ruled lines, frames and specks. [What is not text?](10_rules.ipynb) takes those out.
