# %% [markdown]
# # Formats
# > Pages come in files of many pages, and others want the text in a form of their own.

# %% [markdown]
# In what form do others want the text? A script wants lines of JSON, an archive wants an XML format called ALTO, and a person wants a PDF in which words can be searched. At the end you can write a page in nine formats, and you have seen other programs read what was written.

# %%
#| default_exp formats.writers

# %%
#| code-fold: true
#| code-summary: "Imports"
import io
import json
import shutil
import subprocess
import tempfile

import cv2
import jsonschema
import pandas as pd
import pypdfium2

from customocr import samples
from customocr.pictures import show
from customocr.recognition import Reader

# %%
#| export
from __future__ import annotations

import io
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from xml.etree import ElementTree

import numpy as np

from customocr import __version__
from customocr.files import plain_name
from customocr.formats.sources import PageSource, needed, open_file
from customocr.images import load_image
from customocr.recognition import Line, Page
from customocr.statistics import straight_line


# %%
#| export
#| code-fold: true
#| code-summary: "`Result`: a page and its source"
@dataclass(frozen=True)
class Result:
    "A page that was read, or why it was not."

    source: PageSource
    page: Page | None  # None where it could not be read
    error: str = ""  # one line, empty where it was read
    seconds: float = 0.0  # from opening the file to the text

    @property
    def text(self) -> str:
        "Text of the page, empty where there is none."
        return self.page.text if self.page else ""

    @property
    def confidence(self) -> float | None:  # 0..1, None without characters
        "Mean confidence of the characters."
        sure = [c.confidence for c in self.page.characters] if self.page else []
        return float(np.mean(sure)) if sure else None

    def _repr_markdown_(self) -> str:
        return (
            f"{self.source.label}: {self.error}"
            if self.page is None
            else self.page._repr_markdown_()
        )


# %%
#| code-fold: true
#| code-summary: "A page is read"
#| label: "fig-formats-page"
#| fig-cap: "All that you see here goes into the formats: what was read, each box, and how sure the reader is of it (the redder, the less sure). Mistakes go with it, such as IS for 15."
#| fig-alt: "Four lines of handwriting with each character boxed and its reading above."
folder, reader = tempfile.TemporaryDirectory(), Reader()
result = Result(PageSource("lines.png"), reader.read(samples.page("lines")))
show(result.page.draw())

# %% [markdown]
# *Needs*: a minute, no data, and the extra `pdf` (`pip install 'customocr[pdf]'`).
#
# *Terms*: [bounding box](glossary.html#bounding-box), [confidence](glossary.html#confidence).
#
# ## What was read
# Every format is written from the same `Result` (its code is folded above). It holds four things: what was read, where it stands, how sure the reader is, and [which page of which file](17b_sources.html) it is. A page that could not be read has a reason in place of a text.
#
# ## JSON
# JSON has one object for each page. It gives boxes in pixels of the page, confidences from 0 to 1, and what else a character could be. Other
# programs build on it, so it has a version and a [schema](https://customocr.github.io/customocr/customocr/schema/page-1.json). Version 1 may get more fields. None will be taken away, and none will change its meaning. `jsonl` is the same, with a page in each line of one file.

# %%
#| export
SCHEMA_VERSION = 1  # of the JSON below; the schema is customocr/schema/page-1.json


def to_json(
    result: Result,
) -> dict:  # JSON types only
    "A result for programs; a page that could not be read has `error` in place of text."
    source = dict(
        source=plain_name(result.source.name), page=result.source.page, pages=result.source.pages
    )
    head = dict(version=SCHEMA_VERSION, **source)
    return head | (result.page.to_dict() if result.page else dict(error=result.error))


# %%
document = to_json(result)
{key: value for key, value in document.items() if key != "lines"} | {
    "lines": len(document["lines"])
}

# %%
with open("../customocr/schema/page-1.json", encoding="utf8") as file:
    schema = json.load(file)
jsonschema.validate(document, schema)
document["lines"][0]["words"][0]["characters"][0]

# %% [markdown]
# ## TSV
# Tesseract writes a table with a row for each page, block, line and word, and many programs read it. Ours has the same
# columns. Positions are in pixels. Confidences run from 0 to 100, and -1 stands where a row has none. The rows below are the first four words. All words are of level 5, so that column is left out.

# %%
#| export
TSV_COLUMNS = (
    "level page_num block_num par_num line_num word_num left top width height conf text".split()
)


def tsv_rows(
    page: Page,
    number: int = 1,  # of the page
) -> list[tuple]:  # in the order of `TSV_COLUMNS`
    "A page as the rows of Tesseract's TSV: levels 1 page, 2 block, 3 paragraph, 4 line, 5 word."
    rows: list[tuple] = [(1, number, 0, 0, 0, 0, 0, 0, *page.size, -1, "")]
    if page.lines:
        block = around([line.box for line in page.lines])
        rows += [(2, number, 1, 0, 0, 0, *block, -1, ""), (3, number, 1, 1, 0, 0, *block, -1, "")]
    for n, line in enumerate(page.lines, 1):
        rows.append((4, number, 1, 1, n, 0, *line.box, -1, ""))
        for k, word in enumerate(line.words, 1):
            rows.append(
                (5, number, 1, 1, n, k, *word.box, round(100 * word.confidence, 4), word.text)
            )
    return rows


def around(
    boxes: Sequence[tuple[int, int, int, int]],  # x, y, w, h, at least one
) -> tuple[int, int, int, int]:  # x, y, w, h
    "The smallest box around boxes."
    x, y, w, h = np.array(boxes).T
    left, top = int(x.min()), int(y.min())
    return left, top, int((x + w).max()) - left, int((y + h).max()) - top


def tsv(
    result: Result,
) -> str:  # rows, each with its line break
    "A page as rows of Tesseract's TSV, without the header."
    if result.page is None:
        return ""
    rows = tsv_rows(result.page, result.source.page)
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


# %%
table = pd.read_csv(io.StringIO("\t".join(TSV_COLUMNS) + "\n" + tsv(result)), sep="\t")
table[table.level == 5].drop(columns="level").head(4).round({"conf": 1})


# %% [markdown]
# ## hOCR, ALTO and PAGE
# These are three forms of XML. hOCR is a web page that carries boxes. Libraries use ALTO. Researchers use PAGE. Each of them can
# hold lines, words and characters, and ours do. Python's own ElementTree writes them, because it escapes what must be escaped.
# We know no maintained library that writes all three from another program's results.
#
# Some pages lie sideways in their file, and the reader turns them to read. Their boxes are still given as the page lies in the
# file. An attribute tells the turn: `textangle` in hOCR, `ROTATION` in ALTO, `orientation` in PAGE.

# %%
#| export
def _element(parent, tag, text=None, **attributes):
    "A new element; attributes with `None` are left out."
    given = {name: str(value) for name, value in attributes.items() if value is not None}
    new = ElementTree.SubElement(parent, tag, given)
    new.text = text
    return new


def _bbox(box, *more):
    "The title of an hOCR element: its box by two corners, and further properties."
    x, y, w, h = box
    return "; ".join([f"bbox {x} {y} {x + w} {y + h}", *more])


def baseline(
    line: Line,
    rotation: int = 0,  # of the page
) -> tuple[float, int]:  # slope, pixels from the box's lower left corner, down is positive
    """The line that the characters stand on, for upright pages; a straight line through the lower
    edges of the characters."""
    boxes = np.array([c.box for word in line.words for c in word.characters], float)
    x, _, _, h = line.box
    if rotation or len(boxes) < 4 or np.ptp(boxes[:, 0]) == 0:
        return 0.0, 0
    slope, at = straight_line(boxes[:, 0] + boxes[:, 2] / 2 - x, boxes[:, 1] + boxes[:, 3])
    return round(slope, 4), min(0, round(at - line.box[1] - h))


def hocr(
    result: Result,
) -> str:  # one <div>
    "A page as an element of hOCR 1.2 (https://kba.github.io/hocr-spec/1.2/)."
    source, page = result.source, result.page
    size = page.size if page else (0, 0)
    image = plain_name(source.name.replace("\\", "/").replace('"', "%22"))
    title = _bbox((0, 0, *size), f'image "{image}"', f"ppageno {source.page - 1}")
    div = ElementTree.Element(
        "div", {"class": "ocr_page", "id": f"page_{source.page}", "title": title}
    )
    if page and page.lines:
        key, block = source.page, _bbox(around([line.box for line in page.lines]))
        area = _element(
            div, "div", **{"class": "ocr_carea", "id": f"block_{key}_1", "title": block}
        )
        paragraph = _element(
            area, "p", **{"class": "ocr_par", "id": f"par_{key}_1", "title": block}
        )
        for n, line in enumerate(page.lines, 1):
            _hocr_line(paragraph, line, f"{key}_{n}", page.rotation)
    return ElementTree.tostring(div, encoding="unicode") + "\n"


def _hocr_line(parent, line, key, rotation):
    "A line of hOCR with its words and characters."
    more = [f"textangle {rotation}"] if rotation else ["baseline {} {}".format(*baseline(line))]
    span = _element(
        parent,
        "span",
        **{"class": "ocr_line", "id": f"line_{key}", "title": _bbox(line.box, *more)},
    )
    for k, word in enumerate(line.words, 1):
        title = _bbox(word.box, f"x_wconf {round(100 * word.confidence)}")
        inner = _element(
            span, "span", **{"class": "ocrx_word", "id": f"word_{key}_{k}", "title": title}
        )
        inner.tail = " "
        for c in word.characters:
            title = (
                f"x_bboxes {' '.join(map(str, _corners(c.box)))}; x_confs {100 * c.confidence:.2f}"
            )
            _element(inner, "span", c.text, **{"class": "ocrx_cinfo", "title": title})


def _corners(box):
    "Left, top, right and bottom of a box."
    x, y, w, h = box
    return x, y, x + w, y + h


HOCR_HEAD = f"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" \
"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="en" lang="en">
<head>
<title></title>
<meta http-equiv="Content-Type" content="text/html;charset=utf-8"/>
<meta name="ocr-system" content="customocr {__version__}"/>
<meta name="ocr-capabilities" content="ocr_page ocr_carea ocr_par ocr_line ocrx_word ocrx_cinfo"/>
</head>
<body>
"""
HOCR_TAIL = "</body>\n</html>\n"

# %%
hocr(result)[:420]

# %% [markdown]
# A schema says what an ALTO file may contain, and another one does so for PAGE. The tests check our files against both.

# %%
#| export
ALTO = "http://www.loc.gov/standards/alto/ns-v4#"  # version 4.4 of the schema
PAGE_XML = "http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"


def _xml(root):
    "An XML file."
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="UTF-8", xml_declaration=True).decode() + "\n"


def _place(box):
    "A box as ALTO's attributes."
    return dict(zip(("HPOS", "VPOS", "WIDTH", "HEIGHT"), box))


def alto(
    result: Result,
) -> str:  # an XML file
    "A page as ALTO 4 (https://www.loc.gov/standards/alto/)."
    source, page = result.source, result.page
    root = ElementTree.Element("alto", {"xmlns": ALTO, "SCHEMAVERSION": "4.4"})
    description = _element(root, "Description")
    _element(description, "MeasurementUnit", "pixel")
    _element(_element(description, "sourceImageInformation"), "fileName", plain_name(source.name))
    step = _element(description, "Processing", ID="reading")
    _element(step, "processingCategory", "contentGeneration")
    software = _element(step, "processingSoftware")
    _element(software, "softwareName", "customocr")
    _element(software, "softwareVersion", __version__)
    w, h = page.size if page else (0, 0)
    sheet = _element(
        _element(root, "Layout"),
        "Page",
        ID=f"page_{source.page}",
        PHYSICAL_IMG_NR=source.page,
        WIDTH=w,
        HEIGHT=h,
    )
    if page and page.lines:
        _alto_block(_element(sheet, "PrintSpace", **_place((0, 0, w, h))), page)
    return _xml(root)


def _alto_block(space, page):
    "The block of text of an ALTO page."
    place = _place(around([line.box for line in page.lines]))
    block = _element(space, "TextBlock", ID="block_1", ROTATION=page.rotation or None, **place)
    for n, line in enumerate(page.lines, 1):
        row = _element(block, "TextLine", ID=f"line_{n}", **_place(line.box))
        for k, word in enumerate(line.words, 1):
            if k > 1:
                _element(row, "SP")
            string = _element(
                row,
                "String",
                ID=f"word_{n}_{k}",
                CONTENT=word.text,
                WC=round(word.confidence, 4),
                **_place(word.box),
            )
            for c in word.characters:
                glyph = _element(
                    string, "Glyph", CONTENT=c.text, GC=round(c.confidence, 4), **_place(c.box)
                )
                for text, p in c.alternatives[1:]:
                    _element(glyph, "Variant", CONTENT=text, VC=round(p, 4))


# %%
#| export
def page_xml(
    result: Result,
) -> str:  # an XML file
    "A page as PAGE XML of 2019-07-15 (https://github.com/PRImA-Research-Lab/PAGE-XML)."
    source, page = result.source, result.page
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    root = ElementTree.Element("PcGts", {"xmlns": PAGE_XML})
    metadata = _element(root, "Metadata")
    for tag, text in (
        ("Creator", f"customocr {__version__}"),
        ("Created", now),
        ("LastChange", now),
    ):
        _element(metadata, tag, text)
    w, h = page.size if page else (0, 0)
    sheet = _element(
        root, "Page", imageFilename=plain_name(source.name), imageWidth=w, imageHeight=h
    )
    if page and page.lines:
        turn = (page.rotation + 180) % 360 - 180 if page.rotation != 180 else 180
        region = _element(sheet, "TextRegion", id="region_1", orientation=turn or None)
        _points(region, around([line.box for line in page.lines]))
        for n, line in enumerate(page.lines, 1):
            _page_line(_element(region, "TextLine", id=f"line_{n}"), line, n)
        _reading(region, page.text)
    return _xml(root)


def _page_line(row, line, n):
    "The words and characters of a line of PAGE XML."
    _points(row, line.box)
    for k, word in enumerate(line.words, 1):
        inner = _element(row, "Word", id=f"word_{n}_{k}")
        _points(inner, word.box)
        for i, c in enumerate(word.characters, 1):
            glyph = _element(inner, "Glyph", id=f"glyph_{n}_{k}_{i}")
            _points(glyph, c.box)
            _reading(glyph, c.text, c.confidence)
        _reading(inner, word.text, word.confidence)
    _reading(row, line.text)


def _points(parent, box):
    "The corners of a box, clockwise; nothing lies left of or above the page."
    left, top, right, bottom = (max(0, v) for v in _corners(box))
    _element(
        parent, "Coords", points=f"{left},{top} {right},{top} {right},{bottom} {left},{bottom}"
    )


def _reading(parent, text, confidence=None):
    "What stands there, and how sure that is."
    sure = None if confidence is None else round(min(1.0, max(0.0, confidence)), 4)
    _element(_element(parent, "TextEquiv", conf=sure), "Unicode", text)


# %%
for write in (alto, page_xml):
    root = ElementTree.fromstring(write(result).encode())
    words = [e for e in root.iter() if e.tag.rpartition("}")[2] in ("String", "Word")]
    print(root.tag, len(words), "words")

# %% [markdown]
# ## A PDF that can be searched
# This PDF has the page's picture and, on top of it, its text in letters that are not drawn. Somebody who selects a word with the mouse should select the word on the picture. So each word is stretched to the width of its box. A PDF needs a font even for letters that nobody sees. We make one of empty glyphs, all half as wide as high, for the characters that occur.
#
# [fpdf2](https://py-pdf.github.io/fpdf2/) writes the pages. It puts a JPEG into the file unchanged, so the picture loses nothing.
# [pikepdf](https://pikepdf.readthedocs.io) joins the pages. It can also lay our text over a PDF that is there already.

# %%
#| export
POINTS = 72  # PDF's units to the inch
DPI = 200  # dots per inch of a picture that does not say


@lru_cache(maxsize=8)
def _empty_font(characters: str) -> bytes:
    "A TrueType font of empty glyphs, half as wide as high, for these characters."
    from fontTools.fontBuilder import FontBuilder
    from fontTools.ttLib.tables._g_l_y_f import Glyph

    names = {ord(c): f"u{ord(c):05X}" for c in characters}
    font = FontBuilder(1000, isTTF=True)
    order = [".notdef", *names.values()]
    font.setupGlyphOrder(order)
    font.setupCharacterMap(names)
    font.setupGlyf({name: Glyph() for name in order})
    font.setupHorizontalMetrics(dict.fromkeys(order, (500, 0)))
    font.setupHorizontalHeader(ascent=1000, descent=0)
    font.setupNameTable({"familyName": "Invisible", "styleName": "Regular", "psName": "Invisible"})
    font.setupOS2(sTypoAscender=1000, sTypoDescender=0, usWinAscent=1000, usWinDescent=0)
    font.setupPost()
    out = io.BytesIO()
    font.save(out)
    return out.getvalue()


def text_layer(
    pdf,  # fpdf.FPDF with a page, in points
    page: Page,
    scale: float,  # points per pixel
) -> None:
    "Write the words of a page where they stand, in letters that are not drawn."
    from fpdf.enums import TextMode

    words = [word for line in page.lines for word in line.words]
    if not words:
        return
    characters = "".join(sorted({c for word in words for c in word.text} | {" "}))
    with tempfile.TemporaryDirectory() as folder:
        file = os.path.join(folder, "invisible.ttf")
        with open(file, "wb") as out:
            out.write(_empty_font(characters))
        pdf.add_font("invisible", fname=file)
    pdf.text_mode = TextMode.INVISIBLE
    for word in words:
        _put_word(pdf, word, page.rotation, scale)


def _put_word(pdf, word, rotation, scale):
    """A word, stretched to its box; on a page that was read turned, turned back around the corner
    it begins at."""
    left, top, right, bottom = (v * scale for v in _corners(word.box))
    x, y = {0: (left, bottom), 90: (right, bottom), 180: (right, top), 270: (left, top)}[rotation]
    wide, high = right - left, bottom - top
    if rotation in (90, 270):
        wide, high = high, wide
    pdf.set_font("invisible", size=max(1.0, high))
    pdf.set_stretching(100 * wide / max(1e-3, 0.5 * pdf.font_size_pt * len(word.text)))
    with pdf.rotation(rotation, x, y):
        pdf.text(
            x, y, word.text + " "
        )  # the blank keeps words apart where a program joins what it finds


# %% [markdown]
# How large is the sheet? A scanner notes its dots per inch in the file. If nothing is noted, we assume 200.

# %%
#| export
def _image_for_pdf(picture, page):
    """What to put into the PDF, and its dots per inch: a JPEG as it is where it stands upright,
    else the full pixels."""
    from PIL import Image, UnidentifiedImageError

    data = picture
    if isinstance(picture, str):
        with open(picture, "rb") as file:
            data = file.read()
    dpi = None
    if isinstance(data, bytes):
        try:
            image = Image.open(io.BytesIO(data))
            dpi = image.info.get("dpi", (None,))[0]
            if (
                image.format == "JPEG"
                and image.size == page.size
                and image.getexif().get(0x0112, 1) == 1
            ):
                return io.BytesIO(data), float(dpi or DPI)
        except (UnidentifiedImageError, OSError):
            pass
    pixels = load_image(picture, max_pixels=None).pixels
    drawn = Image.fromarray(pixels if pixels.ndim == 2 else pixels[..., ::-1].copy())
    if pixels.ndim == 2 and not ((pixels > 0) & (pixels < 255)).any():
        drawn = drawn.convert(
            "1", dither=Image.Dither.NONE
        )  # stored as a fax is, a twentieth of the size
    return drawn, float(dpi or DPI)


def _sheet(size):
    "An empty PDF with a page of that size in points."
    FPDF = needed("fpdf", "pdf", "writing a PDF").FPDF
    pdf = FPDF(unit="pt", format=size)
    pdf.set_auto_page_break(False)
    pdf.set_margin(0)
    pdf.set_creator(f"customocr {__version__}")
    pdf.add_page()
    return pdf


def text_pdf(
    page: Page,
    width: float,  # of the sheet in points
) -> bytes:  # a PDF of one page
    "The words of a page where they stand, and nothing that can be seen."
    scale = width / page.size[0]
    pdf = _sheet((width, page.size[1] * scale))
    text_layer(pdf, page, scale)
    return bytes(pdf.output())


def searchable_pdf(
    result: Result,
    picture,  # what was read: a path, the bytes of an image file, pixels or a PIL image
) -> bytes:  # a PDF of one page
    """A page's picture with its text, invisible, in the right place. Raises `CustomOCRError`
    without the extra `pdf`."""
    page = result.page
    if page is None:
        return b""
    if result.source.content is not None and result.source.content[:4] == b"%PDF":
        return _over_pdf(result, io.BytesIO(result.source.content))
    if isinstance(picture, np.ndarray) and result.source.name.lower().endswith(".pdf"):
        with open_file(result.source.name) as file:
            return _over_pdf(result, file)
    image, dpi = _image_for_pdf(picture, page)
    scale = POINTS / dpi
    pdf = _sheet((page.size[0] * scale, page.size[1] * scale))
    pdf.image(image, 0, 0, page.size[0] * scale, page.size[1] * scale)
    text_layer(pdf, page, scale)
    return bytes(pdf.output())


def _over_pdf(result, file):
    "A page of a PDF with our text over it: nothing of it is drawn anew."
    pikepdf = needed("pikepdf", "pdf", "writing a PDF")
    with pikepdf.open(file) as document, pikepdf.new() as out:
        out.pages.append(document.pages[result.source.page - 1])
        sheet = pikepdf.Page(out.pages[0])
        box = [float(v) for v in sheet.trimbox]
        wide, high = box[2] - box[0], box[3] - box[1]
        turned = int(sheet.obj.get("/Rotate", 0)) % 180 == 90
        with pikepdf.open(io.BytesIO(text_pdf(result.page, high if turned else wide))) as layer:
            sheet.add_overlay(pikepdf.Page(layer.pages[0]), pikepdf.Rectangle(*box))
        return _saved(out)


def join_pdfs(
    parts: Sequence[bytes],  # PDFs
) -> bytes:  # one PDF
    "Pages of many PDFs in one."
    pikepdf = needed("pikepdf", "pdf", "writing a PDF")
    with pikepdf.new() as out:
        for part in filter(None, parts):
            with pikepdf.open(io.BytesIO(part)) as document:
                out.pages.extend(document.pages)
        return _saved(out)


def _saved(pdf):
    "A PDF's bytes."
    out = io.BytesIO()
    pdf.save(out)
    return out.getvalue()


# %% [markdown]
# Does the invisible text stand in the right place? We ask a program that knows nothing of us. `pdftotext -bbox` lists the words
# of a PDF with their boxes, and we draw these boxes over the page.

# %%
#| code-fold: true
#| code-summary: "The words that pdftotext finds"
searchable = searchable_pdf(result, str(samples.page("lines")))
with open(f"{folder.name}/lines.pdf", "wb") as file:
    file.write(searchable)


def found_words(path: str) -> list:  # word, left, top, right, bottom in points
    "What poppler's pdftotext finds; pdfium's own search where it is not installed."
    if not shutil.which("pdftotext"):
        page = pypdfium2.PdfDocument(path)[0].get_textpage()
        boxes = [page.get_charbox(k, loose=True) for k in range(page.count_chars())]
        return [(page.get_text_range(k, 1), *b) for k, b in enumerate(boxes)]
    said = subprocess.run(["pdftotext", "-bbox", path, "-"], capture_output=True, text=True).stdout
    tree = ElementTree.fromstring(said[said.index("<html") :])
    words = [e for e in tree.iter() if e.tag.endswith("word")]
    return [(e.text, *(float(e.get(k)) for k in ("xMin", "yMin", "xMax", "yMax"))) for e in words]


found = found_words(f"{folder.name}/lines.pdf")
drawn = cv2.imread(str(samples.page("lines")))
for _, *corners in found:
    left, top, right, bottom = (round(v * DPI / POINTS) for v in corners)
    cv2.rectangle(drawn, (left, top), (right, bottom), (200, 80, 0), 2)

# %%
#| label: fig-formats-layer
#| fig-cap: "Each blue box is a word of the invisible text, as pdftotext finds it. Each lies on the written word, so a search marks the right place."
#| fig-alt: "Four lines of handwriting; around each word a blue box that fits it closely."
show(drawn)

# %%
#| hide
if shutil.which("pdftotext"):
    assert [word for word, *_ in found] == result.text.split()


# %% [markdown]
# ## One table of formats
# A format has a suffix and a function that writes a page. It also says what stands before, between and after the pages of one file.
# A format that holds one page gets a file for each page. The others get one file for each file that was read. The table shows which is which, and the size of this page in bytes.

# %%
#| export
@dataclass(frozen=True)
class Format:
    "How results are written."

    suffix: str
    write: Callable  # (Result, what was read) -> bytes of one page
    head: str = ""  # before the first page
    between: str = ""  # between two pages
    tail: str = ""  # after the last
    single: bool = False  # True: a file for each page
    text: bool = True  # False: bytes that a terminal cannot show

    def join(
        self,
        parts: Sequence[bytes],  # one for each page
    ) -> bytes:  # the file
        "A file of its pages."
        if self.suffix == ".pdf":
            return parts[0] if len(parts) == 1 else join_pdfs(parts)
        return self.head.encode() + self.between.encode().join(parts) + self.tail.encode()


def _overlay(result, picture):
    "The page with its boxes as PNG."
    return result.page._repr_png_() if result.page else b""


def _json_line(result, picture):
    "A line of JSON."
    return (json.dumps(to_json(result), ensure_ascii=False) + "\n").encode()


def _text(result, picture):
    "The text; lines end with a line break."
    return (result.text + "\n").encode() if result.text else b""


FORMATS = {
    "text": Format(".txt", _text, between="\f"),  # pages by form feed, as pdftotext does
    "json": Format(".json", _json_line, single=True),
    "jsonl": Format(".jsonl", _json_line),
    "tsv": Format(".tsv", lambda r, _: tsv(r).encode(), head="\t".join(TSV_COLUMNS) + "\n"),
    "hocr": Format(".hocr", lambda r, _: hocr(r).encode(), head=HOCR_HEAD, tail=HOCR_TAIL),
    "alto": Format(".alto.xml", lambda r, _: alto(r).encode(), single=True),
    "page": Format(".page.xml", lambda r, _: page_xml(r).encode(), single=True),
    "pdf": Format(".pdf", searchable_pdf, text=False),
    "overlay": Format(".overlay.png", _overlay, single=True, text=False),
}

# %%
made = {name: f.join([f.write(result, str(samples.page("lines")))]) for name, f in FORMATS.items()}
pd.DataFrame(
    [
        (name, f.suffix, "page" if f.single else "file", len(made[name]))
        for name, f in FORMATS.items()
    ],
    columns=["--format", "suffix", "one for each", "bytes for this page"],
)

# %%
#| hide
assert made["text"].decode() == result.text + "\n" and made["pdf"][:4] == b"%PDF"
assert json.loads(made["json"]) == document


# %% [markdown]
# ## For people who switch
# EasyOCR and pytesseract return shapes of their own, and programs are built on them. `reader.readtext(image)` and
# `reader.image_to_data(image)` return the same shapes, so that one import is all that changes.
#
# | what you call today | here | what is the same, what is not |
# |---|---|---|
# | `easyocr.Reader(["en"]).readtext(image)` | `Reader().readtext(image)` | a list of (four corners, text, confidence), one for each line; `detail=0` gives texts only, `allowlist=` is an alphabet; the image can be a path, bytes or an array |
# | `pytesseract.image_to_data(image, output_type=Output.DICT)` | `Reader().image_to_data(image)` | a dictionary of twelve columns with Tesseract's names and levels; confidences from 0 to 100, -1 for what is no word |
# | `pytesseract.image_to_string(image)` | `Reader().read(image).text` | the text without a final form feed |
# | `tesseract image out hocr pdf tsv` | `customocr read image --out out --format hocr --format pdf --format tsv` | the same kinds of file |

# %%
#| export
def easyocr_rows(
    page: Page,
    detail: int = 1,  # 0: only the texts
) -> list:  # of (four corners clockwise from the upper left, text, confidence), or of texts
    """A page in the shape of `easyocr.Reader.readtext`: one row for each line; its confidence is
    that of all its words together."""
    if not detail:
        return [line.text for line in page.lines]
    rows = []
    for line in page.lines:
        left, top, right, bottom = _corners(line.box)
        corners = [[left, top], [right, top], [right, bottom], [left, bottom]]
        rows.append((corners, line.text, float(np.prod([w.confidence for w in line.words]))))
    return rows


def tesseract_columns(
    page: Page,
) -> dict[str, list]:  # column -> values, a row for each page, block, paragraph, line and word
    "A page in the shape of `pytesseract.image_to_data(..., output_type=Output.DICT)`."
    return {name: list(values) for name, values in zip(TSV_COLUMNS, zip(*tsv_rows(page)))}


# %%
easyocr_rows(result.page)[0]

# %%
words = tesseract_columns(result.page)
[(t, c) for t, c in zip(words["text"], words["conf"]) if c >= 0][:4]

# %% [markdown]
# ## OCRmyPDF
# [OCRmyPDF](https://ocrmypdf.readthedocs.io) puts text under scanned PDFs, and does far more than we do: it keeps what is in the
# file, straightens pages, compresses pictures and writes PDF/A. It calls Tesseract to read. With our plugin it calls customocr:
#
# ```
# pip install 'customocr[ocrmypdf]'
# ocrmypdf --plugin customocr.ocrmypdf in.pdf out.pdf
# ```
#
# The plugin is [one small file](https://github.com/customocr/customocr/blob/main/customocr/ocrmypdf.py): OCRmyPDF hands it the picture of a page and takes our hOCR.
#
# ## Recap
# - Every format is written from the same `Result`: text, boxes, confidences, source.
# - JSON for programs, hOCR, ALTO and PAGE for archives, a PDF for people who search.
# - `FORMATS` is the one table of them; a new format is a new row.
#
# ## What comes next
# Now one page can go into any form. [Ten thousand pages](20_many_pages.html) does that for whole folders, with several processes
# or machines, and goes on where it was interrupted.
#
# ## Exercises
# 1. Which words of the page are least sure? Use `tesseract_columns`.
# 2. Build a format of your own: a CSV with a row for each character, its box and its second choice.
#
# <details><summary>Solutions</summary>
#
# 1. `sorted((c, t) for t, c in zip(words["text"], words["conf"]) if c >= 0)[:3]`
# 2. `Format(".csv", lambda r, _: "".join(f"{c.text},{c.box},{c.alternatives[1:2]}\n" for c in r.page.characters).encode())`, and put
#    it into `FORMATS`.
#
# </details>

# %%
#| hide
folder.cleanup()
