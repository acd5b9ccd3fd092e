"""What a page may cost, and that nothing beyond it is paid."""

import os
import struct
import subprocess
import sys
import threading
import time
import zlib

import cv2
import numpy as np
import pytest

import customocr
from customocr import Reader, decoding, recognition, samples
from customocr.cli import main
from customocr.errors import CustomOCRError, ImageError, KnowledgeError
from customocr.images import load_image, picture_size
from customocr.layout import sheet
from customocr.layout.lines import Piece, TextLine
from customocr.limits import Clock, Limits
from customocr.line_network import LineNetwork


@pytest.fixture(scope="module")
def reader():
    return Reader()


def bomb(width, height):
    "A PNG of white pixels that is small as a file and large when it is decoded."
    chunk = lambda kind, data: (
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    )
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    row = b"\0" + b"\xff" * ((width + 7) // 8)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(row * height, 9))
        + chunk(b"IEND", b"")
    )


def test_a_picture_too_large_is_refused_by_its_header():
    data = bomb(16_000, 16_000)
    assert len(data) < 100_000 and picture_size(data) == (16_000, 16_000)
    start = time.process_time()
    with pytest.raises(ImageError, match="256000000|16000 x 16000"):
        load_image(data)
    assert time.process_time() - start < 1


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".webp", ".tiff", ".gif", ".jp2"])
def test_the_header_says_the_size(suffix):
    done, data = cv2.imencode(suffix, np.full((310, 570, 3), 200, np.uint8))
    assert done and picture_size(data.tobytes()) == (570, 310)


def test_limits_can_be_set(tmp_path):
    picture = np.full((300, 400), 255, np.uint8)
    with pytest.raises(ImageError, match="--limit pixels"):
        Reader(limits=Limits(pixels=100_000)).read(picture)
    file = tmp_path / "page.png"
    cv2.imwrite(str(file), picture)
    with pytest.raises(ImageError, match="--limit bytes"):
        Reader(limits=Limits(bytes=50)).read(file)
    for wrong in (0, -1, "many", True, float("nan")):
        with pytest.raises(CustomOCRError, match="the limit pixels is"):
            Limits(pixels=wrong)


@pytest.mark.parametrize("shape", [(2, 4000), (4000, 2), (1, 1000)])
def test_a_strip_too_long_is_refused_in_a_sentence(reader, shape):
    with pytest.raises(ImageError, match="times the other"):
        reader.read(np.full(shape, 255, np.uint8))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_only_regular_files_are_read(tmp_path, reader):
    pipe = tmp_path / "pipe.png"
    os.mkfifo(pipe)
    for place in (pipe, "/dev/zero"):
        with pytest.raises(ImageError, match="no regular file"):
            reader.read(place)


def test_a_page_over_its_time_holds_what_was_read():
    page = Reader(limits=Limits(seconds=1e-6)).read(samples.page("lines"))
    assert not page.complete and not page.to_dict()["complete"]
    assert Reader().read(samples.page("lines")).complete


def noise():
    "A page of specks that stand in rows here and there, as letters do."
    page = np.full((400, 600), 255, np.uint8)
    for y, x in np.random.default_rng(1).integers([390, 590], size=(700, 2)):
        page[y : y + 7, x : x + 7] = 0
    return page


@pytest.fixture
def clocks(monkeypatch):
    "Every clock that is started, of 30 seconds and one more for each sure character."
    started = []
    monkeypatch.setattr(Limits, "clock", lambda self: started.append(Late(30, 1)) or started[-1])
    return started


class Late(Clock):
    "A clock that stands still; `late` seconds were used before the first line was judged."

    late = 0.0

    def used(self):
        return self.late


def test_a_page_of_sure_characters_has_more_time_and_one_of_noise_has_not(clocks, monkeypatch):
    monkeypatch.setattr(recognition, "FIRST_PIECES", 20)  # two lines
    for picture in (many_lines(8), noise()):
        Reader().read(picture)
    writing, specks = (clock.seconds for clock in clocks)
    assert writing >= 30 + 8 * 8 and specks <= 30 + 10


def test_writing_is_not_charged_for_the_search_for_its_lines_and_noise_is(clocks, monkeypatch):
    monkeypatch.setattr(Late, "late", 29.0)  # of 30, and no line is judged after 21
    monkeypatch.setattr(recognition, "FIRST_PIECES", 20)
    page = Reader().read(many_lines(8))
    assert page.complete and len(page.lines) == 8
    assert not Reader().read(noise()).complete
    writing, specks = (clock.seconds for clock in clocks)
    assert writing >= 2 * 29 and specks <= 30 + 10


@pytest.mark.parametrize("lines", [1, 3])
def test_the_first_lines_are_judged_however_late_it_is(monkeypatch, lines):
    monkeypatch.setattr(recognition, "FIRST_LINES", lines)
    monkeypatch.setattr(recognition, "WRITING", np.inf)  # nothing gets more time
    judged, judge = [], Reader._judge_lines
    note = lambda self, sheet, some, over: (
        judged.append(len(some)) or judge(self, sheet, some, over)
    )
    monkeypatch.setattr(Reader, "_judge_lines", note)
    Reader(limits=Limits(seconds=1e-6)).read(many_lines(8), rotate=False)
    assert judged == [lines]


class Worked(Clock):
    "A clock of which a step of work takes a second, whatever the machine is doing."

    def __init__(self, seconds):
        super().__init__(seconds)
        self.ticks = 0

    def used(self):
        return self.ticks

    def start_again(self):
        "Writing gets no more time either."


@pytest.fixture
def counted(monkeypatch):
    "Reads a picture within some steps of work of one kind; gives the page and how many were done."

    def read(picture, seconds, owner, name, **known):
        clock, work = Worked(seconds), getattr(owner, name)

        def step(*arguments):
            clock.ticks += 1
            return work(*arguments)

        monkeypatch.setattr(owner, name, step)
        monkeypatch.setattr(Limits, "clock", lambda self: clock)
        return Reader().read(picture, **known), clock.ticks

    return read


def many_lines(n):
    return np.tile(cv2.imread(str(samples.page("hello")), 0), (n, 1))


def test_the_clock_is_asked_between_the_lines_that_the_line_network_reads(counted, monkeypatch):
    monkeypatch.setattr(recognition, "FIRST_LINES", 2)
    page, done = counted(many_lines(30), 10, LineNetwork, "_steps")
    assert done <= 10 and not page.complete
    lines = page.text.splitlines()
    assert 3 < len(lines) <= 10 and set(lines) == {"HELLO WORLD"}  # what was heard is decoded too


def test_the_clock_is_asked_between_the_groups_of_lines_that_are_judged(counted, monkeypatch):
    monkeypatch.setattr(recognition, "FIRST_PIECES", 20)  # two lines
    monkeypatch.setattr(recognition, "PIECES_AT_ONCE", 20)
    page, done = counted(many_lines(30), 10, recognition, "propose")
    assert done <= 10 and not page.complete and len(page.lines) == done


def test_the_clock_is_asked_between_the_lines_that_are_decoded(counted, monkeypatch):
    monkeypatch.setattr(decoding, "BATCH", 1)
    page, done = counted(many_lines(30), 10, decoding, "_sweep")
    assert done <= 11 and not page.complete and 5 < len(page.lines) <= done


@pytest.mark.parametrize("seconds, readings", [(0.9, 1), (1.9, 1), (2.9, 2), (30, 3)])
def test_a_page_is_turned_only_where_there_is_time_for_it(counted, monkeypatch, seconds, readings):
    monkeypatch.setattr(Reader, "_turns", lambda self, reading: [1])
    monkeypatch.setattr(recognition, "DOUBTFUL_POLARITY", 2)  # both are tried
    monkeypatch.setattr(recognition, "TO_JUDGE", 9)
    page, done = counted(samples.page("hello"), seconds, recognition, "analyse")
    assert done == readings and page.complete == (seconds == 30)


def test_sure_characters_make_a_page_no_more_than_five_times_as_long():
    clock = Limits(seconds=2).clock()
    clock.earn(10**9)
    clock.start_again()
    assert clock.seconds == 10


def test_a_page_over_its_time_is_not_looked_at_again(monkeypatch):
    looks, stages = [], sheet._stages
    monkeypatch.setattr(sheet, "_stages", lambda *given: looks.append(1) or stages(*given))
    monkeypatch.setattr(sheet, "GOOD_GUESS", (0, 0))  # no first look is good
    picture = many_lines(3)
    sheet.analyse(picture, True)
    sheet.analyse(picture, True, lambda share: True)
    assert len(looks) == 2 + 1


def test_a_line_of_endless_specks_is_no_line(reader):
    speck = np.full((10, 10), 255, np.uint8)
    short, endless = (
        TextLine(10, tuple(Piece(x, 0, speck) for x in (0, far)), ()) for far in (900, 90_000)
    )
    clock = Limits().clock()
    assert reader._affordable([short, short], clock) == [short, short] and clock.complete
    assert reader._affordable([short, endless, short], clock) == [short, short]
    assert not clock.complete


def test_a_page_of_too_many_pieces_holds_the_first_lines(reader):
    everything = reader.read(samples.page("ruled"))
    some = Reader(limits=Limits(components=16)).read(samples.page("ruled"))
    assert not some.complete and everything.text.startswith(some.text)
    assert 0 < len(some.lines) < len(everything.lines)


def test_the_command_sets_limits(capsys):
    page = str(samples.page("ruled"))
    assert main(["read", page, "--limit", "pixels=1000"]) == 1
    assert "more than 1,000" in capsys.readouterr().err
    assert main(["read", page, "--limit", "components=16"]) == 1
    assert "a limit was reached" in capsys.readouterr().err
    for wrong in ("pixels", "pixels=lots", "colour=3"):
        assert main(["read", page, "--limit", wrong]) == 2
        assert f"--limit {wrong}" in capsys.readouterr().err


def test_a_mask_of_zeros_and_ones_is_a_picture(reader):
    grey = cv2.imread(str(samples.page("ruled")), cv2.IMREAD_GRAYSCALE)
    mask = (grey > 128).astype(np.uint8)
    assert reader.read(mask).text == reader.read(mask * 255).text != ""


def test_every_box_lies_on_its_page(reader):
    for path in (p.path for p in samples.pages()):
        page = reader.read(path)
        for turned in (page, reader.read(np.rot90(load_image(path).pixels).copy())):
            width, height = turned.size
            for x, y, w, h in (c.box for c in turned.characters):
                assert 0 <= x < x + w <= width and 0 <= y < y + h <= height


def test_options_are_refused_by_their_names(reader):
    page = samples.page("ruled")
    with pytest.raises(KnowledgeError, match="rotate is True or False"):
        reader.read(page, rotate="no")
    with pytest.raises(KnowledgeError, match="no option 'unknown'"):
        reader.explain(page, unknown=1)
    with pytest.raises(CustomOCRError, match="limits are"):
        Reader(limits=3)


@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="memory is asked of Linux")
def test_a_network_gives_back_the_memory_of_a_large_batch():
    code = """
import numpy as np
from customocr import Reader

def resident():  # MB
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS"))

reader, glyphs = Reader(), np.zeros((1, 28, 28), np.uint8)
reader.classify(glyphs)
before = resident()
reader.classify(np.repeat(glyphs, 3000, 0))
print(resident() - before)
"""  # a process of its own: what other tests freed lies where the C library will
    run = [sys.executable, "-c", code]
    out = subprocess.run(run, capture_output=True, text=True, check=True)
    assert float(out.stdout) < 60  # its layers take some hundred


def test_opencv_speaks_again_after_many_threads_read():
    log = getattr(cv2.utils, "logging", cv2)
    before = log.getLogLevel()
    data = cv2.imencode(".png", np.full((40, 40), 255, np.uint8))[1].tobytes()
    threads = [
        threading.Thread(target=lambda: [load_image(data) for _ in range(50)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert log.getLogLevel() == before


def test_customocr_offers_limits_without_reading_libraries():
    code = "import customocr.limits, sys; print('cv2' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "False" and customocr.__name__
