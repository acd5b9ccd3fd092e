"""OCRmyPDF reads with customocr: `ocrmypdf --plugin customocr.ocrmypdf in.pdf out.pdf`.

OCRmyPDF hands over the picture of a page and takes hOCR, from which it makes the invisible text.
With `--rotate-pages` it asks first how a page must be turned. Its other engine, Tesseract, need not
be installed.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from ocrmypdf import OcrEngine, OrientationConfidence, hookimpl

from customocr import __version__
from customocr.formats.sources import PageSource
from customocr.formats.writers import HOCR_HEAD, HOCR_TAIL, POINTS, Result, hocr, text_pdf
from customocr.recognition import Page, Reader

SURE_OF_DIRECTION = (
    15.0  # OCRmyPDF turns a page from 14 on, unless --rotate-pages-threshold says otherwise
)


@lru_cache(maxsize=1)
def reader(
    process: int,  # each process and its children make their own
) -> Reader:
    "The reader of this process."
    return Reader()


def read(
    picture: Path,  # of a page
) -> Page:
    "A page as OCRmyPDF rasterised it."
    return reader(os.getpid()).read(picture)


class CustomOCREngine(OcrEngine):
    "What OCRmyPDF asks an engine for."

    @staticmethod
    def version() -> str:
        "Of customocr."
        return __version__

    @staticmethod
    def creator_tag(options) -> str:
        "Who made the text, for the PDF's metadata."
        return f"customocr {__version__}"

    def __str__(self) -> str:
        return f"customocr {__version__}"

    @staticmethod
    def languages(options) -> set[str]:
        "Digits and capitals belong to no language: whatever is asked for is there."
        return set(options.languages)

    @staticmethod
    def get_orientation(input_file: Path, options) -> OrientationConfidence:
        "How the page must be turned, clockwise."
        page = read(input_file)
        return OrientationConfidence(page.rotation, SURE_OF_DIRECTION if page.characters else 0.0)

    @staticmethod
    def get_deskew(input_file: Path, options) -> float:
        "Tilted lines are read as they are."
        return 0.0

    @staticmethod
    def generate_hocr(input_file: Path, output_hocr: Path, output_text: Path, options) -> None:
        "Read a page and write it as hOCR and as text."
        result = Result(PageSource(str(input_file)), read(input_file))
        Path(output_hocr).write_text(HOCR_HEAD + hocr(result) + HOCR_TAIL, encoding="utf8")
        Path(output_text).write_text(result.text, encoding="utf8")

    @staticmethod
    def generate_pdf(input_file: Path, output_pdf: Path, output_text: Path, options) -> None:
        """Read a page and write its text as a PDF in which nothing is seen (--pdf-renderer
        sandwich)."""
        from PIL import Image

        page = read(input_file)
        with Image.open(input_file) as image:
            dpi = float(image.info.get("dpi", (POINTS,))[0])
        Path(output_pdf).write_bytes(text_pdf(page, page.size[0] * POINTS / dpi))
        Path(output_text).write_text(page.text, encoding="utf8")


@hookimpl
def get_ocr_engine(options=None):
    "Our engine, unless the user chose another."
    chosen = getattr(options, "ocr_engine", "auto")
    return CustomOCREngine() if chosen in ("auto", "customocr") else None
