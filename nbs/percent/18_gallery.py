# %% [markdown]
# # Gallery
# > Every page that comes with the package, read.
#
# What does customocr make of real trouble: rules, frames, shadows, chalk, a note on a dark table? Here are all the sample
# pages with what was found on them. Nothing is chosen or touched up: what is wrong is listed as wrong. The pages are our own,
# written with openly licensed handwriting fonts ([Composed pages](06_composing.ipynb) tells how). How well it reads people's
# handwriting is another question: see the [results](results.qmd).
#
# *Needs*: 20 seconds, no data.

# %%
#| code-fold: true
#| code-summary: "Imports"
import cv2
from IPython.display import Image, Markdown

from customocr import samples
from customocr.confusion_fixes import align
from customocr.recognition import Reader

# %% [markdown]
# ## All pages at once
# A page is read as anyone would read it: no alphabet, no word list, nothing said beforehand.

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
# ## One page, step by step
# What happens between a photo and its text is in @fig-gallery-steps-lines; @fig-gallery-lines is its last stage, larger. Each
# step has its section in [Segmentation](02_segmentation.ipynb) and [Recognition](03_recognition.ipynb).

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
#| label: fig-gallery-steps-lines
#| fig-cap: "A page at each stage of its reading: its ink, what is taken out, the pieces of each line, the boxes that were chosen, and the glyphs that the network saw."
#| fig-alt: "Six pictures of one page, in grey, as ink, in black and white, without rules, with coloured boxes for each line, with the final boxes, and below them all glyphs with what each is and how sure."
steps("lines")

# %%
#| label: fig-gallery-lines
#| fig-cap: "The page as it is read."
#| fig-alt: "Four lines of handwriting with each character boxed and its reading above."
show("lines")

# %% [markdown]
# ## Plain pages
# The rules of @fig-gallery-ruled touch the letters. Some are as dark as ink; what tells those from letters is that they are long, straight and thin.

# %%
#| label: fig-gallery-letter-m
#| fig-cap: "One letter, 30 × 30 pixels: the tutorial's last step of its first notebook."
#| fig-alt: "A hand-printed M in a box, read as M."
show("letter_m")

# %%
#| label: fig-gallery-hello
#| fig-cap: "One line."
#| fig-alt: "The words HELLO WORLD, each letter in a box with its reading above."
show("hello")

# %%
#| label: fig-gallery-ruled
#| fig-cap: "Ruled paper: the rules run under and through the letters and are taken out before boxes are looked for."
#| fig-alt: "Three lines on ruled paper, boxes around the letters and none around the rules."
show("ruled")

# %% [markdown]
# ## Forms
# What a form has besides writing is straight and long. Where a field's content is known beforehand, say so: `reader.read(path, alphabet="0123456789")` ([Decoding](15_decoding.ipynb)). @fig-gallery-steps-fields shows where the frames go.

# %%
#| label: fig-gallery-fields
#| fig-cap: "Two form fields: their frames are rules too."
#| fig-alt: "Two framed fields with a name and a number, boxes around the characters only."
show("fields")

# %%
#| label: fig-gallery-comb
#| fig-cap: "A comb, one character to a cell."
#| fig-alt: "Two rows of cells with one character each, read in order."
show("comb")

# %%
#| label: fig-gallery-cell
#| fig-cap: "A number in a photographed table cell."
#| fig-alt: "The number 14600 between the lines of a table."
show("cell")

# %%
#| label: fig-gallery-scan
#| fig-cap: "Letters 12 pixels high, as in a form scanned at 200 dpi; shown enlarged."
#| fig-alt: "The words JEAN PIERRE DUVAL in small blurred letters, each boxed."
show("scan")

# %%
#| label: fig-gallery-steps-fields
#| fig-cap: "The form fields, step by step."
#| fig-alt: "Six pictures of one page from the photo to the final boxes, and below them all glyphs with what each is and how sure."
steps("fields")

# %% [markdown]
# ## Light and paper
# One threshold for a whole page fails on @fig-gallery-shadow and @fig-gallery-note; @fig-gallery-steps-note shows what is done instead.

# %%
#| label: fig-gallery-shadow
#| fig-cap: "A shadow across the page: ink is what is darker than the paper *around it*."
#| fig-alt: "Three lines half in shadow, all letters boxed."
show("shadow")

# %%
#| label: fig-gallery-chalk
#| fig-cap: "Chalk on a board, light on dark: turned over before anything else."
#| fig-alt: "Two lines of white writing on a dark board, all letters boxed."
show("chalk")

# %%
#| label: fig-gallery-pencil
#| fig-cap: "Faint pencil. The dots are found and left out, since they are none of the 36 classes."
#| fig-alt: "Two lines of pale grey writing, all letters boxed."
show("pencil")

# %%
#| label: fig-gallery-note
#| fig-cap: "A sticky note on a dark table, where the outermost contour is the note's edge."
#| fig-alt: "A yellow note on a dark table with three lines, all letters boxed."
show("note")

# %%
#| label: fig-gallery-steps-note
#| fig-cap: "The note on the dark table, step by step."
#| fig-alt: "Six pictures of one page from the photo to the final boxes, and below them all glyphs with what each is and how sure."
steps("note")

# %% [markdown]
# ## Crooked pages
# A page whose lines climb, as in @fig-gallery-tilted, is turned before it is cut; lines that sag are followed from letter to letter.

# %%
#| label: fig-gallery-tilted
#| fig-cap: "Lines that climb and sag."
#| fig-alt: "Two lines that climb to the right, letters boxed along them."
show("tilted")

# %%
#| label: fig-gallery-address
#| fig-cap: "A thin blue pen, on a sheet on a wooden desk."
#| fig-alt: "A sheet on a desk with a three-line address, letters boxed."
show("address")

# %% [markdown]
# ## Your turn
# Write something on paper, photograph it, and run `reader.read("photo.jpg")`; or draw it on [the drawing
# page](../draw/index.html), where the same network runs in your browser.
