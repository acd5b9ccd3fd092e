# %% [markdown]
# # Pictures
# > How the pictures of this course are made.

# %% [markdown]
# How does a notebook show a page, with what was found on it? Every notebook of this course writes pages, draws boxes on them and shows the result. The few functions that do this are written once, here. At the end you can write a page of your own, draw on it and lay pictures side by side.

# %%
#| default_exp pictures

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from customocr import samples

if TYPE_CHECKING:
    import pandas as pd
    from IPython.display import Image

    from customocr.writing.compose import Composed, FontHand
    from customocr.writing.papers import Paper

# %%
#| export
#| code-fold: true
#| code-summary: "`show`: one picture"
JPEG_QUALITY = 78  # of 100: above it files grow faster than a reader sees a difference


def show(
    image: np.ndarray,  # uint8 (h, w) grey or (h, w, 3) BGR, as OpenCV has it
    scale: float = 1.0,  # enlargement; whole pixels stay sharp
) -> Image:  # shows itself at the end of a cell
    "One picture, as JPEG or PNG, whichever is smaller."
    from IPython.display import Image

    if scale != 1:
        how = cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=how)
    jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()
    png = cv2.imencode(".png", image)[1].tobytes()
    return Image(jpeg, format="jpeg") if len(jpeg) < len(png) else Image(png, format="png")


# %%
#| export
#| code-fold: true
#| code-summary: "`sample`: a page of the package"
def sample(
    name: str,  # the file's name without its ending, as `customocr.samples.pages` has it
    grey: bool = True,  # False: in colour
) -> np.ndarray:  # uint8 (h, w), or (h, w, 3) BGR
    "The picture of a sample page."
    how = cv2.IMREAD_GRAYSCALE if grey else cv2.IMREAD_COLOR
    pixels = cv2.imread(str(samples.page(name)), how)
    assert pixels is not None, f"{name}: the package's file cannot be decoded"
    return pixels


# %%
#| label: fig-pictures-sample
#| fig-cap: "The sample page `note` at half its size. `show` kept it as JPEG, because photos are smaller that way."
#| fig-alt: "A photographed note in capitals on a dark table."
show(sample("note", grey=False), 0.5)


# %% [markdown]
# *Needs*: five seconds and no data. You need none of these functions to read a page, but you may want them for the exercises.
#
# *Terms*: [bounding box](glossary.html#bounding-box), [glyph](glossary.html#glyph).
#
# ## One picture
# `sample` loads one of the pages that come with the package. `show` makes a picture visible: a notebook shows the value at the end of a cell, and `show` gives such a value. Notebooks and their pictures live in git, so small files matter. Photos are smaller as JPEG, drawings are smaller as PNG. `show` tries both and keeps the smaller one. The code of both functions is folded above.
#
# ## A page of one's own
# `write` writes a new page with the handwriting fonts of the package. It gives back a `Composed`: the picture, and the true box of every character.
# The same seed gives the same page. How it works is the story of [Composed pages](06_composing.ipynb).

# %%
#| export
#| code-fold: true
#| code-summary: "`hands`, `write` and `some_pages`"
@cache
def hands() -> dict[str, FontHand]:  # font's name -> hand, in order of their names
    "The handwriting fonts of the package as hands that can write."
    from customocr.writing.compose import FontHand

    return {name: FontHand(path) for name, path in samples.fonts().items()}


def write(
    lines: Sequence[str],  # digits, capitals and blanks
    paper: Paper | None = None,  # None: plain and white
    seed: int = 1,  # the same seed writes the same page
    hand: str = "patrick-hand",  # a key of `hands()`
    height: float = 44,  # pixels, of a capital
    **how: Any,  # further arguments of `customocr.writing.papers.compose_page`
) -> Composed:  # its `image` is grey, uint8 (h, w)
    "A page with these lines, written in one of the package's hands."
    from customocr.writing.papers import Paper, compose_page

    rng, how = np.random.default_rng(seed), {"grey": True, **how}
    return compose_page(lines, hands()[hand], rng, paper or Paper(), height, **how)


def some_pages(
    kinds: Sequence[str],  # of paper, from `customocr.writing.papers.PAPERS`
    each: int,  # pages of each kind
    seed: int = 0,
) -> list[tuple[str, Composed]]:  # kind, page
    "Random pages of some kinds of paper, written by all hands in turn."
    from customocr.writing.papers import PAPERS, random_page

    writers, out = list(hands().values()), []
    for kind in kinds:
        rng = np.random.default_rng([seed, PAPERS.index(kind)])
        out += [(kind, random_page(writers[k % len(writers)], rng, kind)) for k in range(each)]
    return out


# %%
#| label: fig-pictures-written
#| fig-cap: "Two lines by one hand: no two Es are quite alike, because each letter is varied a little."
#| fig-alt: "Two lines of handwriting: WRITE 2 LINES, OF TEXT."
page = write(["WRITE 2 LINES", "OF TEXT"], seed=3)
assert np.array_equal(page.image, write(["WRITE 2 LINES", "OF TEXT"], seed=3).image)
page


# %% [markdown]
# ## Drawing on it
# `outlined` draws boxes. `on_white` turns a mask (not 0 is ink) into black ink on white paper. `tiles` puts glyphs side by side with a grey line between them.
# None of them changes the picture that it is given.

# %%
#| export
#| code-fold: true
#| code-summary: "`outlined`, `on_white` and `tiles`"
def outlined(
    image: np.ndarray,  # uint8 (h, w) or (h, w, 3) BGR
    boxes: Any,  # (N, 4): x, y, w, h in pixels; N may be 0
    colour: tuple[int, int, int] = (0, 120, 255),  # BGR; orange
    thick: int = 2,  # pixels, of the line
) -> np.ndarray:  # uint8 (h, w, 3) BGR
    "A copy of the picture with boxes drawn on it."
    out = image.copy() if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    for x, y, w, h in np.asarray(boxes).reshape(-1, 4).tolist():
        cv2.rectangle(out, (x, y), (x + w, y + h), colour, thick)
    return out


def on_white(
    mask: np.ndarray,  # (h, w), not 0 where there is ink
) -> np.ndarray:  # uint8 (h, w)
    "A mask as black ink on white paper."
    return np.where(mask > 0, 0, 255).astype(np.uint8)


def tiles(
    glyphs: Sequence[np.ndarray],  # uint8 (h, w) each, all of one height
) -> np.ndarray:  # uint8 (h + 2, sum of w + 2)
    "Glyphs side by side, a grey line around each."
    framed = [cv2.copyMakeBorder(g, 1, 1, 1, 1, cv2.BORDER_CONSTANT, value=110) for g in glyphs]
    return np.hstack(framed)


# %%
#| label: fig-pictures-outlined
#| fig-cap: "Each orange box fits its character closely. These are the true boxes: `write` knows where it put each letter."
#| fig-alt: "Two lines of handwriting, each character in an orange box."
assert outlined(page.image, []).shape == (*page.image.shape, 3)
show(outlined(page.image, page.all_boxes))


# %% [markdown]
# ## Pictures side by side
# Most figures compare: before and after, step by step. `figure` brings pictures to one width, writes the caption of each above it and lays them out in columns.

# %%
#| export
#| code-fold: true
#| code-summary: "`figure`"
def _panel(caption, image, width):
    "One picture brought to a width, its caption above it."
    image = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    f = width / image.shape[1]
    how = cv2.INTER_AREA if f < 1 else cv2.INTER_CUBIC
    image = cv2.resize(image, (width, max(1, round(f * image.shape[0]))), interpolation=how)
    head, font = np.full((24, width, 3), 255, np.uint8), cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(head, caption, (2, 16), font, 0.45, (60, 60, 60), 1, cv2.LINE_AA)
    both, white = np.vstack([head, image]), (255,) * 3
    return cv2.copyMakeBorder(both, 0, 6, 4, 4, cv2.BORDER_CONSTANT, value=white)


def figure(
    panels: dict[str, np.ndarray],  # caption -> uint8 (h, w) or (h, w, 3) BGR
    columns: int = 2,
    width: int = 760,  # pixels, of all columns together
) -> Image:  # shows itself at the end of a cell
    "Captioned pictures in columns."
    cells = [_panel(c, image, width // columns - 8) for c, image in panels.items()]
    cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
    rows = []
    for i in range(0, len(cells), columns):
        tallest = max(c.shape[0] for c in cells[i : i + columns])
        below = lambda c: ((0, tallest - c.shape[0]), (0, 0), (0, 0))
        rows.append(
            np.hstack([np.pad(c, below(c), constant_values=255) for c in cells[i : i + columns]])
        )
    return show(np.vstack(rows))


# %%
#| label: fig-pictures-figure
#| fig-cap: "One page in two forms. `figure` brings both to one width, so they can be compared line by line."
#| fig-alt: "The same page twice, once as it is and once as black ink on white."
figure({"the page": page.image, "its ink": on_white(page.ink > 127)})


# %% [markdown]
# ## What a stage is worth
# The second part of the course takes one stage of the reader at a time. Each section ends with the error rates on real pages, without this stage and with it.
# Real pages are other people's, so the rates stand in a file (`nbs/stored/pages/stages.csv`) that this command makes:
#
# ```
# python benchmarks/page_errors.py DATA --reader customocr --without all --csv nbs/stored/pages/stages.csv
# ```
#
# `worth` reads them from there.

# %%
#| export
#| code-fold: true
#| code-summary: "`worth`"
def worth(
    *stages: str,  # names of stages, as the file has them
    file: str = "stored/pages/stages.csv",  # as seen from the notebooks' folder
) -> pd.DataFrame:  # a row without each stage, last the whole reader; a column a kind of page
    "Character error rates of the reader on real pages, without some stages and with all."
    import pandas as pd

    rates = pd.read_csv(file).pivot(index="reader", columns="kind", values="cer")
    rows = rates.loc[[*(f"without {stage}" for stage in stages), "customocr"]]
    rows = rows.rename(index={"customocr": "with all stages"})
    return rows.rename_axis(index=None, columns=None).round(3)


# %%
worth("light")

# %% [markdown]
# The unit is the [character error rate](glossary.html#cer): characters to insert, delete or change, over those written. Lower is better. Each column is a kind of page. The first row is without the division by the paper's brightness, the second with it: compare the two in each column.
#
# ## Recap
# - `write` makes a page and knows the true box of every character.
# - `outlined`, `on_white` and `tiles` draw; `show` and `figure` show.
# - `worth` says what one stage of the reader is worth on real pages.
#
# ## Exercises
# **1.** Write the same text in all of `hands()` and show the pages with `figure`. Which hand is the hardest to read?
#
# **2.** Build `numbered(image, boxes)`: a copy of the picture with each box's number above it. It helps to see the order in which boxes were found.
#
# <details><summary>Solution</summary>
#
# ```python
# def numbered(image, boxes):
#     out = outlined(image, boxes)
#     for k, (x, y, w, h) in enumerate(boxes):
#         cv2.putText(out, str(k), (x, y - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (0, 120, 255), 1)
#     return out
#
# show(numbered(page.image, page.all_boxes.astype(int)))
# ```
#
# </details>
