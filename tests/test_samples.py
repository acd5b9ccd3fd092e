"""The samples that come with the package are complete and say the truth about themselves."""

import cv2
import numpy as np
import pytest

from customocr import samples
from customocr.errors import DataError
from customocr.glyphs import CLASSES, is_normalised, normalise_glyphs


def test_every_page_opens_and_has_a_box_on_ink_for_each_character():
    pages = samples.pages()
    assert len(pages) >= 10
    for p in pages:
        image = cv2.imread(str(p.path), cv2.IMREAD_GRAYSCALE)
        lines = p.text.split("\n")
        assert [len(b) for b in p.boxes] == [sum(c in CLASSES for c in line) for line in lines], (
            p.name
        )
        for x, y, w, h in (b for line in p.boxes for b in line):
            crop = image[y : y + h, x : x + w]
            assert crop.shape == (h, w) and np.ptp(crop.astype(int)) > 15, (p.name, x, y)


def test_a_page_by_name():
    assert samples.page().name == "hello.png"
    assert cv2.imread(str(samples.page("letter_m")), cv2.IMREAD_GRAYSCALE).shape == (30, 30)
    with pytest.raises(DataError, match="'helo'.*hello"):
        samples.page("helo")


def test_glyphs_cover_all_classes_in_many_fonts_and_the_reader_s_layout():
    with np.load(samples.glyphs()) as z:
        x, y, fonts, licences = z["x"], z["y"], z["font_names"], z["licences"]
    assert x.shape[1:] == (28, 28) and x.dtype == np.uint8
    assert (np.bincount(y, minlength=36) == len(fonts)).all() and len(fonts) >= 60
    assert len(licences) == len(fonts) and all(
        name.startswith(("OFL", "Apache")) for name in licences
    )
    assert is_normalised(x).mean() > 0.99
    assert np.array_equal(normalise_glyphs(x[is_normalised(x)]), x[is_normalised(x)])


def test_page_fonts_are_not_glyph_fonts():
    with np.load(samples.glyphs()) as z:
        names = set(z["font_names"].tolist())
    used = {p.notes.split("font ")[-1] for p in samples.pages()}
    assert used and not used & names


def test_shipped_fonts_draw_and_come_with_their_licence():
    compose = pytest.importorskip("customocr.writing.compose")
    pytest.importorskip("fontTools", reason="drawing with fonts needs fontTools (extra train)")
    assert len(samples.fonts()) >= 3
    for name, path in samples.fonts().items():
        assert "SIL Open Font License" in path.with_name(f"{name}.LICENSE.txt").read_text(
            encoding="utf8"
        )
        c = compose.compose_line(
            "AB 12", compose.FontHand(path), np.random.default_rng(0), height_px=30
        )
        assert len(c.all_boxes) == 4 and 18 < np.median(c.all_boxes[:, 3]) < 40
