"""What every caller may rely on: boxes on the page, readers that travel, options by name, one
answer for one picture however it is handed over, and a word where nothing was read."""

import copy
import io
import pickle
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from customocr import Reader, samples
from customocr.batch import read_many, write_many
from customocr.cli import main
from customocr.decoding import Knowledge, Lexicon
from customocr.errors import CustomOCRError, KnowledgeError, ModelError
from customocr.limits import Limits

HELLO = samples.page("hello")


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader()


# --- boxes


def boxes(page):
    yield from (c.box for c in page.characters)
    yield from (word.box for line in page.lines for word in line.words)
    yield from (line.box for line in page.lines)


def paper(height, width, size):
    "A page of that size with the sample writing on it, scaled by `size`, cut at the page's edge."
    hello = cv2.imread(str(HELLO), 0)
    writing = cv2.resize(hello, None, fx=size, fy=size)[:height, :width]
    page = np.full((height, width), 255, np.uint8)
    page[: writing.shape[0], : writing.shape[1]] = writing
    return page


@pytest.mark.parametrize(
    "page",
    [(40, 130, 0.25), (150, 400, 1), (3, 90, 1), (31, 3000, 0.2), (2001, 5999, 9), (7, 9, 1)],
    ids=str,
)
@pytest.mark.parametrize("turns", range(4))
def test_boxes_lie_on_the_page_of_any_size_and_direction(reader, page, turns):
    picture = np.ascontiguousarray(np.rot90(paper(*page), turns))
    read = reader.read(picture)
    assert read.size == picture.shape[::-1]
    for x, y, w, h in boxes(read):
        assert 0 <= x < x + w <= read.size[0] and 0 <= y < y + h <= read.size[1]
        assert all(type(v) is int for v in (x, y, w, h))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("height, width", [(2001, 5999), (4003, 3001), (151, 401)])
def test_a_photo_has_the_size_that_its_file_says(reader, orientation, height, width):
    Image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    image, exif, file = Image.fromarray(paper(height, width, 3)), Image.Exif(), io.BytesIO()
    exif[0x0112] = orientation
    image.save(file, "JPEG", exif=exif)
    read = reader.read(file.getvalue())
    assert read.size == ((height, width) if orientation in (6, 8) else (width, height))
    for x, y, w, h in boxes(read):
        assert 0 <= x < x + w <= read.size[0] and 0 <= y < y + h <= read.size[1]


# --- copies


COPIES = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


@pytest.mark.parametrize("kind", COPIES)
@pytest.mark.parametrize("used", [False, True])
def test_a_reader_is_copied_before_and_after_it_has_read(kind, used):
    reader = Reader(limits=Limits(components=500))
    page = reader.read(HELLO) if used else Reader().read(HELLO)
    other = COPIES[kind](reader)
    assert other.read(HELLO) == page and other.limits == reader.limits
    assert reader.read(HELLO) == page, "the first one still reads"


@pytest.mark.parametrize("kind", COPIES)
def test_pages_and_what_is_known_are_copied(reader, kind):
    page = COPIES[kind](reader.read(HELLO))
    assert page == reader.read(HELLO) and page.draw().shape[2] == 3
    lexicon = COPIES[kind](Lexicon(["HELLO", "WORLD"]))
    known = COPIES[kind](Knowledge(lexicon=lexicon, strict=True))
    assert reader.read(HELLO, lexicon=lexicon, strict=known.strict).text == "HELLO WORLD"


def test_one_reader_in_many_threads_gives_one_answer(reader):
    pages, expected = [], reader.read(samples.page("lines"))
    work = lambda: pages.append(reader.read(samples.page("lines")))
    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert pages == [expected] * 6


# --- options


WRONG = {
    "alphabet": [3, ["A"], b"A", ""],
    "pattern": [5, b"A", "", ["9"]],
    "lexicon": [7, [3], b"WORD"],
    "strict": ["no", 1, None],
    "prior": ["much", None, -1],
    "reject": ["half", None, 2, float("nan"), True],
    "rotate": ["no", 1, None],
}


@pytest.mark.parametrize("option, value", [(o, v) for o, values in WRONG.items() for v in values])
def test_an_option_of_the_wrong_kind_is_refused_by_its_name(reader, tmp_path, option, value):
    calls = [
        lambda: reader.read(HELLO, **{option: value}),
        lambda: reader.explain(HELLO, **{option: value}),
        lambda: list(read_many([str(HELLO)], reader, **{option: value})),
        lambda: write_many([str(HELLO)], tmp_path / "out", reader=reader, **{option: value}),
    ]
    for call in calls:
        with pytest.raises(KnowledgeError, match=option) as error:
            call()
        assert "\n" not in str(error.value)
    assert not (tmp_path / "out").exists(), "nothing is begun"


@pytest.mark.parametrize(
    "options", [{"model": 3}, {"model": b"x"}, {"model": ""}, {"lines": 3}, {"lines": 1.5}]
)
def test_a_model_that_is_no_path_is_refused_by_its_name(options):
    with pytest.raises(ModelError, match=f"^{next(iter(options))} is"):
        Reader(**options)


@pytest.mark.parametrize(
    "options, said",
    [
        ({"jobs": "2"}, "jobs is"),
        ({"jobs": 0}, "jobs is"),
        ({"jobs": True}, "jobs is"),
        ({"dpi": "fine"}, "dpi is"),
        ({"dpi": 1.5}, "dpi is"),
        ({"reader": 3}, "reader is"),
        ({"colour": 3}, "no option 'colour'"),
        ({"sources": 7}, "sources are"),
    ],
)
def test_what_many_pages_are_asked_for_is_checked_by_name(options, said, tmp_path):
    given = {"sources": [str(HELLO)]} | options
    with pytest.raises(CustomOCRError, match=said):
        list(read_many(**given))
    with pytest.raises(CustomOCRError, match=said):
        write_many(**given, out=tmp_path / "out")


def test_one_name_and_one_format_need_no_list(reader, tmp_path):
    assert write_many(str(HELLO), tmp_path / "out", "text", reader).read == 1
    assert write_many(HELLO, tmp_path / "out", ["text"], reader).kept == 1
    for wrong in ("texts", ["text", "word"], []):
        with pytest.raises(CustomOCRError, match="there is no format"):
            write_many(HELLO, tmp_path / "out", wrong, reader)


# --- sources


def test_one_picture_gives_one_answer_however_it_is_handed_over(reader, tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="pillow is not installed")
    pixels = cv2.imread(str(samples.page("ruled")))
    path = tmp_path / "page.png"
    cv2.imwrite(str(path), pixels)
    data = path.read_bytes()
    grey = cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
    views = {
        "path": path,
        "name": str(path),
        "bytes": data,
        "bytearray": bytearray(data),
        "memoryview": memoryview(data),
        "array": pixels,
        "array upside down in memory": np.ascontiguousarray(pixels[::-1])[::-1],
        "array with opacity": np.dstack([pixels, np.full(grey.shape, 255, np.uint8)]),
        "PIL": Image.open(io.BytesIO(data)),
        "PIL of an array": Image.fromarray(pixels[..., ::-1].copy()),
    }
    expected = reader.read(path)
    assert expected.text
    for name, source in views.items():
        assert reader.read(source) == expected, name
    assert reader.read(Image.fromarray(grey)) == reader.read(grey)


# --- nothing


def drawing(kind):
    page = np.full((600, 800), 255, np.uint8)
    if kind == "ruled":
        page[::40] = 100
    return page


def test_ink_without_text_is_told_from_a_blank_page(reader, tmp_path, capsys):
    for kind in ("blank", "ruled"):
        cv2.imwrite(str(tmp_path / f"{kind}.png"), drawing(kind))
    blank, ruled = (reader.read(drawing(kind)) for kind in ("blank", "ruled"))
    assert (blank.text, blank.has_ink, ruled.text, ruled.has_ink) == ("", False, "", True)
    noise = np.random.default_rng(0).normal(230, 4, (600, 800)).clip(0, 255).astype(np.uint8)
    assert not reader.read(noise).has_ink, "the grain of paper is no ink"
    assert main(["read", str(tmp_path / "blank.png")]) == 0
    assert "the page is blank" in capsys.readouterr().err
    assert main(["read", str(tmp_path / "ruled.png")]) == 0
    assert "although there is ink" in capsys.readouterr().err
    said: list[str] = []
    write_many(tmp_path, tmp_path / "out", reader=reader, on_error=said.append)
    assert len(said) == 1 and Path(said[0].split(": ")[0]).name == "ruled.png"
