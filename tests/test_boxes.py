"""The learnt judge of boxes: what its labels say, and the form of its network."""

import numpy as np
import pytest

from customocr import boxes as judge
from customocr import samples
from customocr.boxes import KINDS, join, kind_of, label_page
from customocr.layout.cuts import WINDOW
from customocr.layout.lines import Piece
from customocr.layout.sheet import analyse
from customocr.writing.compose import FontHand
from customocr.writing.papers import Paper, compose_page


def piece(x, y, w, h):
    return Piece(x, y, np.full((h, w), 255, np.uint8))


@pytest.fixture
def owners():
    "Two characters of 10 x 20 pixels side by side, and a comma that belongs to none."
    owner, other = np.full((40, 60), -1, np.int16), np.zeros((40, 60), np.uint8)
    owner[10:30, 5:15], owner[10:30, 20:30] = 0, 1
    other[26:32, 40:44] = 255
    return owner, other, np.bincount(owner[owner >= 0])


@pytest.mark.parametrize(
    "box, kind, character",
    [
        ((5, 10, 10, 20), 0, 0),
        ((20, 10, 10, 20), 0, 1),
        ((19, 9, 12, 22), 0, 1),
        ((5, 10, 5, 20), 1, -1),
        ((5, 10, 25, 20), 1, -1),
        ((40, 26, 4, 6), 2, -1),
        ((45, 2, 8, 8), 2, -1),
    ],
    ids=["first", "second", "with_a_rim", "half", "both", "comma", "paper"],
)
def test_a_candidate_is_what_its_ink_is(owners, box, kind, character):
    assert kind_of(piece(*box), *owners) == (kind, character)


def test_a_candidate_that_leaves_the_page_is_judged_by_what_is_on_it(owners):
    owner, other, size = owners
    assert kind_of(piece(-2, 10, 17, 20), owner, other, size)[0] in (0, 2)


def test_labels_of_a_composed_page_follow_from_its_ink():
    pytest.importorskip(
        "fontTools", reason="writing pages with fonts needs fontTools (extra train)"
    )
    hand = FontHand(samples.fonts()["patrick-hand"])
    page = compose_page(
        ["TAKE 20 PENS", "A-B, C."],
        hand,
        np.random.default_rng(1),
        Paper(texture=1),
        40,
        grey=True,
        letter_gap=0.3,
    )
    boxes = label_page(page, analyse(page.image))
    assert boxes.written == 13 and boxes.found >= 12
    n = len(boxes.kinds)
    assert (
        boxes.windows.shape == (n, *WINDOW, 2)
        and boxes.glyphs.shape == (n, 28, 28)
        and boxes.labels.shape == (n,)
    )
    assert ((boxes.labels < 36) == (boxes.kinds == 0)).all(), (
        "a class exactly where it is a character"
    )
    assert set(boxes.kinds) == set(range(len(KINDS))), (
        "the marks are no characters, the parts not one"
    )
    both = join([boxes, boxes])
    assert len(both.kinds) == 2 * n and both.written == 26
    assert label_page(page, analyse(np.full((40, 40), 255, np.uint8))) is None


def test_the_network_takes_windows_and_gives_three_logits():
    pytest.importorskip("keras", reason="training needs keras (extra train)")
    from customocr.boxes import network

    model = network()
    assert model.input_shape == (None, *WINDOW, 2) and model.output_shape == (None, len(KINDS))
    assert model.count_params() < 150_000, "a few hundred kilobytes"


def test_out_of_time_one_part_is_composed_and_the_others_when_it_goes_on(tmp_path, monkeypatch):
    rng = np.random.default_rng(1)
    points = np.int16(rng.integers(0, 1000, (36, 4, 2)))
    points[:, 0, 1], points[:, -1, 1] = 0, 1000  # as high as a sample is
    np.savez(
        tmp_path / "strokes.npz",
        points=points.reshape(-1, 2),
        stroke_start=np.arange(0, 36 * 4 + 1, 4),
        sample_start=np.arange(37),
        y=np.arange(36, dtype=np.uint8),
        writer=np.zeros(36, int),
    )
    monkeypatch.setattr(judge, "CHUNK", 2)
    compose = lambda until: judge.compose_many(
        tmp_path / "strokes.npz", [0], 4, 0, tmp_path / "parts", 1, until
    )
    assert len(compose(0.0).kinds) > 0 and len(list((tmp_path / "parts").iterdir())) == 1
    assert compose(0.0).written < compose(None).written
    assert len(list((tmp_path / "parts").iterdir())) == 2
