# %% [markdown]
# # Gallery
# > Every page that comes with the package, read.
#
# What does customocr make of ruled paper, frames, shadows and chalk? Here are all the sample pages, each with what was read on it. At the end you know which pages it reads well. You can also look at every step of its work on a page of your own.

# %%
#| code-fold: true
#| code-summary: "Imports"
import cv2
from IPython.display import Image, Markdown

from customocr import samples
from customocr.confusion_fixes import align
from customocr.recognition import Reader

# %%
#| code-fold: true
#| code-summary: "How they are read and compared"
reader = Reader()
truth = {page.name: page for page in samples.pages()}
read = {name: reader.read(page.path) for name, page in truth.items()}


def wrong(name: str) -> list:
    "The characters to change, insert or delete in what was read, as (written, read)."
    return [pair for pair in align(truth[name].text, read[name].text) if pair[0] != pair[1]]


def told(pair: tuple[str, str]) -> str:
    "A mistake in words; a blank is a space between words, or a new line."
    name = {" ": "a space", "\n": "a line break"}
    written, seen = (name.get(c, c) for c in pair)
    return (
        f"{written} read as {seen}"
        if pair[0] and pair[1]
        else f"{written} missed"
        if pair[0]
        else f"{seen} added"
    )


# %%
#| code-fold: true
#| code-summary: "How the figures are made"
def jpeg(picture) -> Image:
    "A picture as a JPEG: as PNG, photos would make the notebook ten times as large."
    return Image(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes())


def steps(name: str) -> Image:
    "A page at each stage of its reading."
    return jpeg(reader.explain(truth[name].path).draw())


def show(name: str) -> Image:
    "What was read, and the picture with its boxes: the redder, the less sure."
    print(read[name].text)
    return jpeg(read[name].draw())


# %%
#| label: fig-gallery-lines
#| fig-cap: "What was read stands above each box. A redder box is a less certain one."
#| fig-alt: "Four lines of handwriting with each character boxed and its reading above."
show("lines")

# %% [markdown]
# No page is left out and no picture is touched up. A table below lists every mistake. The pages are our own, written with openly licensed handwriting fonts ([Composed pages](06_composing.ipynb) tells how). Fonts are more regular than people. How well people's handwriting is read stands in the [results](results.qmd).
#
# *Needs*: 20 seconds, no data.
#
# ## One page, step by step
# @fig-gallery-steps-lines shows the same page at each step between photo and text. Each step has its section in [Segmentation](02_segmentation.ipynb) and [Recognition](03_recognition.ipynb).

# %%
#| label: fig-gallery-steps-lines
#| fig-cap: "Follow one letter from the photo (first) to its box (last picture) and to its glyph in the rows below. The network sees only the glyphs."
#| fig-alt: "Six pictures of one page, in grey, as ink, in black and white, without rules, with coloured boxes for each line, with the final boxes, and below them all glyphs with what each is and how sure."
steps("lines")

# %% [markdown]
# ## All pages at once
# Each page is read without any help: no alphabet, no word list. The table lists every page with the characters that were read wrong. The line below it gives the share of wrong characters over all pages, spaces and line breaks counted.

# %%
#| code-fold: true
#| code-summary: "The table"
rows = [
    f"| {name} | {page.notes.split('; font')[0]} | {len(page.text)} |"
    f" {', '.join(map(told, wrong(name))) or 'nothing'} |"
    for name, page in truth.items()
]
Markdown(
    "\n".join(
        ["| Page | What is on it | Characters | What is wrong |", "|---|------|---|------|", *rows]
    )
)

# %%
errors, length = (
    sum(len(wrong(name)) for name in truth),
    sum(len(page.text) for page in truth.values()),
)
print(
    f"{errors} wrong of {length} characters, spaces and line breaks counted: CER"
    f" {errors / length:.3f}"
)

# %%
#| hide
assert errors / length < 0.1

# %% [markdown]
# ## Plain pages
# The rules of @fig-gallery-ruled touch the letters. Some are as dark as the ink. They differ from letters in one thing: they are long, straight and thin.

# %%
#| label: fig-gallery-letter-m
#| fig-cap: "One letter, 30 × 30 pixels: a page can be as small as that."
#| fig-alt: "A hand-printed M in a box, read as M."
show("letter_m")

# %%
#| label: fig-gallery-hello
#| fig-cap: "Ten letters, ten boxes, and a wider gap where one word ends."
#| fig-alt: "The words HELLO WORLD, each letter in a box with its reading above."
show("hello")

# %%
#| label: fig-gallery-ruled
#| fig-cap: "The rules run under and through the letters, and no box holds one: they were removed first."
#| fig-alt: "Three lines on ruled paper, boxes around the letters and none around the rules."
show("ruled")

# %% [markdown]
# ## Forms
# A form has frames and lines besides the writing. They are straight and long, so they are found and removed. @fig-gallery-steps-fields shows where they go. If you know what a field holds, say so: `reader.read(path, alphabet="digits")`. [Decoding](15_decoding.ipynb) tells more.

# %%
#| label: fig-gallery-fields
#| fig-cap: "The frames of the two fields are not boxed. Only the characters are."
#| fig-alt: "Two framed fields with a name and a number, boxes around the characters only."
show("fields")

# %%
#| label: fig-gallery-comb
#| fig-cap: "Each cell holds one character. The lines between the cells are gone, and the row is read in order."
#| fig-alt: "Two rows of cells with one character each, read in order."
show("comb")

# %%
#| label: fig-gallery-cell
#| fig-cap: "The lines of the table run close to the digits. None is read as a 1."
#| fig-alt: "The number 14600 between the lines of a table."
show("cell")

# %%
#| label: fig-gallery-scan
#| fig-cap: "Letters 12 pixels high, shown enlarged: blurred to the eye, and still boxed one by one."
#| fig-alt: "The words JEAN PIERRE DUVAL in small blurred letters, each boxed."
show("scan")

# %%
#| label: fig-gallery-steps-fields
#| fig-cap: "See where the frames go: they are in the second picture and missing in the fourth."
#| fig-alt: "Six pictures of one page from the photo to the final boxes, and below them all glyphs with what each is and how sure."
steps("fields")

# %% [markdown]
# ## Light and paper
# With one threshold for the whole page, the shadow of @fig-gallery-shadow and the table of @fig-gallery-note would be ink. So each pixel is compared with the paper around it. @fig-gallery-steps-note shows the result.

# %%
#| label: fig-gallery-shadow
#| fig-cap: "Letters in the shade are boxed like those in the light, because ink is what is darker than the paper *around it*."
#| fig-alt: "Three lines half in shadow, all letters boxed."
show("shadow")

# %%
#| label: fig-gallery-chalk
#| fig-cap: "Light writing on a dark board: the picture is inverted first, then read like any other."
#| fig-alt: "Two lines of white writing on a dark board, all letters boxed."
show("chalk")

# %%
#| label: fig-gallery-pencil
#| fig-cap: "The strokes are hardly darker than the paper and are found. The dots are left out, because no dot is among the 36 classes."
#| fig-alt: "Two lines of pale grey writing, all letters boxed."
show("pencil")

# %%
#| label: fig-gallery-note
#| fig-cap: "The dark table and the edge of the note have no boxes: neither is taken for writing."
#| fig-alt: "A yellow note on a dark table with three lines, all letters boxed."
show("note")

# %%
#| label: fig-gallery-steps-note
#| fig-cap: "The table is the darkest area of the photo. It is gone as soon as each pixel is compared with its surroundings."
#| fig-alt: "Six pictures of one page from the photo to the final boxes, and below them all glyphs with what each is and how sure."
steps("note")

# %% [markdown]
# ## Crooked pages
# The lines of @fig-gallery-tilted climb. Such a page is turned level first. Lines that sag are followed from letter to letter.

# %%
#| label: fig-gallery-tilted
#| fig-cap: "The boxes climb with their lines, and no letter is lost to the other line."
#| fig-alt: "Two lines that climb to the right, letters boxed along them."
show("tilted")

# %%
#| label: fig-gallery-address
#| fig-cap: "The grain of the desk is as dark as the pen. Only the writing on the sheet is boxed."
#| fig-alt: "A sheet on a desk with a three-line address, letters boxed."
show("address")

# %% [markdown]
# ## Recap
# - All sample pages are shown, with every mistake.
# - `reader.read(path)` gives the text and the boxes; `reader.explain(path).draw()` shows the steps.
# - If you know what a page holds, an alphabet or a word list helps.
#
# ## Exercises
# **1.** Read the page `lines` with `alphabet="ABCDEFGHIJKLMNOPQRSTUVWXYZ"`. Which characters change?
#
# **2.** Build a gallery of your own: `gallery(folder)`, which reads every photo of a folder and shows each with its boxes, the least certain page first.
#
# <details><summary>Solution</summary>
#
# ```python
# from pathlib import Path
#
# def gallery(folder):
#     pages = [reader.read(path) for path in sorted(Path(folder).glob("*.jpg"))]
#     sure = lambda page: min((c.confidence for c in page.characters), default=1)
#     for page in sorted(pages, key=sure):
#         print(page.text)
#         display(jpeg(page.draw()))
# ```
#
# </details>
#
# ## Your turn
# Write something on paper, photograph it, and run `reader.read("photo.jpg")`; or draw it on [the drawing
# page](../draw/index.html), where the same network runs in your browser.
