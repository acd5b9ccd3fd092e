# %% [markdown]
# # customocr
#
# > Build your own OCR for hand-printed digits and capitals, and use it.

# %% [markdown]
# customocr reads digits and capitals that people write by hand: on photos, on scans, in the fields of a form. It runs on any
# computer, without a graphics card and without the internet.
#
# ![A photo of an address as the reader sees it: a box around each character, and above it what was
# read.](images/address_read.jpg)
#
# - **[Learn](learning_path.qmd)** how it works. Each notebook answers one question. It shows where the simple way fails, and
#   measures what the better way wins. The code of the notebooks *is* the package.
# - **[Use](#install-and-read)** it. One command reads a photo, and one Python class reads from a program. Tell it what you
#   know of a field, and it reads better.
# - **[Make it yours](22_teach.ipynb)**. Print a sheet, write on it and photograph it. One command turns the photo into
#   [labelled examples](21_collect.ipynb), and another teaches the network your hand, and signs that it does not know.

# %% [markdown]
# ## Install and read
#
# With Python 3.11 or later, in a copy of this repository, this makes a virtual environment, installs the package into it and
# reads a page that comes with it:
#
# ```sh
# python3 -m venv .venv && . .venv/bin/activate &&
#   pip install . && pip install --force-reinstall --no-deps opencv-python-headless &&
#   customocr read customocr/samples/pages/ruled.jpg
# ```
#
# And this installs everything that the notebooks need and runs all tests, notebooks included:
#
# ```sh
# python3 -m venv .venv && . .venv/bin/activate &&
#   pip install -e ".[dev]" && pip install --force-reinstall --no-deps opencv-python-headless &&
#   nbdev_test --n_workers 2 --do_print --timing && python -m pytest
# ```
#
# The second `pip install` replaces OpenCV by its version without windows. That version needs no system library, so both
# commands work in a bare container too. On a desktop you can leave it out. Debian and Ubuntu keep `venv` in a package of its
# own, `python3-venv`.

# %% [markdown]
# ## Read from Python
#
# A page is read from a path, the bytes of a file, a PIL image or an array. What comes back knows its lines, words and
# characters. It also knows where each of them stands on the page, and how sure the reader is of it.

# %%
from customocr import Reader, samples

reader = Reader()
page = reader.read(samples.page("ruled"))
print(page.text)

# %%
#| hide
truth = {sample.name: sample.text for sample in samples.pages()}
assert page.text == truth["ruled"]
assert (
    reader.read(samples.page("address")).text == truth["address"]
)  # the picture above: tools/draw_home.py

# %%
for word in page.lines[-1].words:
    for character in word.characters:
        print(character.text, f"{character.confidence:.2f}", character.box)

# %% [markdown]
# The page displays itself in a notebook: the picture with its boxes, and the text.

# %%
page

# %% [markdown]
# A round shape in an amount is a zero. If you know such a thing of a field, say so: with an `alphabet`, a `pattern` or a
# `lexicon`. With `reject`, an unsure guess becomes a placeholder. The words are the same in Python and on the command line.

# %%
reader.read(samples.page("cell"), alphabet="digits").text

# %% [markdown]
# ```sh
# customocr read photo.jpg scan.png --format json            # boxes and confidences, one object a line
# customocr read field.png --pattern AA999AA --reject 0.6    # two letters, three digits, two letters
# customocr read form.png --lexicon names.txt --strict       # only these words
# customocr read photo.jpg --overlay seen --explain stages   # pictures of what was found, and how
# customocr train --data DIR                                 # make the network again (extra: train)
# customocr sheet --chars 'ABC+=' --out sheet.png            # a sheet to print, fill and photograph
# customocr collect filled.jpg --out mine                    # its characters, as labelled examples
# customocr teach mine --out mine.onnx                       # a network of your hand (extra: teach)
# customocr read photo.jpg --model mine.onnx                 # it reads
# ```

# %% [markdown]
# ## The notebooks
#
# | | question | builds |
# |-----------------|------------------------------------|-------------------------------|
# | [Data](00_data.ipynb) | Which characters can we learn from, and what is in them? | `customocr.data` |
# | [Network](00b_network.ipynb) | How does a network look at a glyph, and how does it learn? | |
# | [Model](01_model.ipynb) | How does a small network learn 36 characters? | `customocr.model` |
# | [Segmentation](02_segmentation.ipynb) | Where on a page are the characters, and in what order? | `customocr.segmentation` |
# | [Recognition](03_recognition.ipynb) | How does a page become text? | `customocr.recognition` |
# | [Confusion fixes](04_confusion_fixes.ipynb) | Is it a 0 or an O? | `customocr.confusion_fixes` |
# | [Writing](05_writing.ipynb) | How does one pen stroke become a thousand different ones? | `customocr.writing.strokes` |
# | [Composed pages](06_composing.ipynb) | How do we get text whose every box is known? | `customocr.writing.compose` |
# | [Papers](06b_papers.ipynb) | What happens to a page before it reaches us? | `customocr.writing.papers` |
# | [Lines to learn from](06c_lines.ipynb) | How do we get half a million lines whose text is known? | `customocr.writing.lines` |
# | [Signs beyond the alphabet](06d_signs.ipynb) | How do we draw signs that no data set of ours holds? | `customocr.writing.signs` |
# | [Images](07_images.ipynb) | What is in an image file? | `customocr.images` |
# | [Glyphs](08_glyphs.ipynb) | How does a crop become a glyph? | `customocr.glyphs` |
# | [Ink](09_ink.ipynb) | Where is the ink, in any light? | `customocr.layout.ink` |
# | [Rules](10_rules.ipynb) | What is not text? | `customocr.layout.rules` |
# | [Lines](11_lines.ipynb) | Which line does it stand on? | `customocr.layout.lines` |
# | [All steps together](11b_sheet.ipynb) | How do a page's pixels become lines and words? | `customocr.layout.sheet` |
# | [Cuts](12_cuts.ipynb) | Where would one cut letters that touch? | `customocr.layout.cuts` |
# | [The judge of boxes](13_boxes.ipynb) | Is this box one character? | `customocr.boxes` |
# | [A better model](14_better_model.ipynb) | What makes the network read hands it has never seen? | `customocr.training` |
# | [Decoding](15_decoding.ipynb) | How do the evidence of the page and our knowledge meet? | `customocr.decoding` |
# | [Reading without cutting](16_line_network.ipynb) | What can be read where no cut is right? | `customocr.line_network` |
# | [Training a line network](17_line_training.ipynb) | What makes a line network read? | `customocr.line_training` |
# | [Sources](17b_sources.ipynb) | Where do pages come from? | `customocr.formats.sources` |
# | [Gallery](18_gallery.ipynb) | What does it make of rules, frames, shadows and chalk? | |
# | [Formats](19_formats.ipynb) | In what form do others want the text? | `customocr.formats.writers` |
# | [Ten thousand pages](20_many_pages.ipynb) | How are whole folders read, without anyone watching? | `customocr.batch` |
# | [Your own examples](21_collect.ipynb) | How does your own handwriting become examples? | `customocr.collecting` |
# | [Make it yours](22_teach.ipynb) | How does a network learn to read you? | `customocr.teaching` |
# | [How good is it on your examples?](23_evaluate.ipynb) | How good is a network on them, and what does it get wrong? | `customocr.evaluating` |
#
# `jupyter lab` opens the notebooks to work in. The second installation above has all that they need. With
# [Quarto](https://quarto.org) 1.7 or later, `quarto render` makes a site of them, with a gallery, a glossary, exercises and a
# page to draw on. Any static server shows it, such as `python -m http.server -d _site`.

# %% [markdown]
# ## Data
#
# Everything runs on the pages and glyphs in `customocr/samples`. They were made for this project with openly licensed
# handwriting fonts. The collections of real handwriting are not part of the package. If you have them, set the variable
# `CUSTOMOCR_DATA` to their folder. Then notebooks and tests use them too.
#
# ```text
# what the network is trained on
#   characters/train/   mnist.npz, unipen.npz, unipen_strokes.npz, az_sample.csv.zip
# what it is measured on
#   characters/test/    *.npz: x uint8 (N, 28, 28), y uint8, names
# what reading is measured on
#   pages/              truth.tsv and the images it names
# ```

# %% [markdown]
# ## How good, how fast
#
# Each figure stands on one page, with its data, its split, its machine and its command:
#
# - [Results](results.qmd): accuracy and speed, beside Tesseract and RapidOCR.
# - [Card](model_card.qmd): the network, and what it was trained on.
# - [Reliability](reliability.qmd): what damaged files, hostile pages and kills do.
#
# Speed is measured against the others in the same run:
#
# ```sh
# python benchmarks/pages.py DIR   # DIR is the data folder; without it, the sample pages
# ```

# %% [markdown]
# ## Working on it
#
# [Architecture](architecture.qmd) has the map of the modules and the way of one page through them. `python
# tools/architecture.py map.svg` draws the map as a picture.
#
# A notebook has a twin in `nbs/percent`, a Python script with the same cells. You edit the twin, in any editor or in
# JupyterLab. The notebook adds outputs and cell ids. Module and README are made from it.
#
# ```sh
# make sync                     # clean, twin -> notebook -> module -> README.md
# make run NB=02_segmentation   # execute, store the outputs, sync
# make check                    # do all of them agree?
# make test                     # notebooks, then pytest
# make lint                     # ruff and mypy
# ```
#
# `.ci/run` does all of this from nothing, in new environments.

# %% [markdown]
# ## Licence
#
# Apache-2.0. The fonts in `customocr/samples/fonts` are under their own open licences, each beside its font. What
# the network was trained on, and whom to cite for it, is said in its [card](model_card.qmd).
