"""Composed pages: what is known about them is true of their pixels."""

import numpy as np
import pytest

from customocr.errors import DataError
from customocr.writing import compose, papers


class StickHand(compose.Hand):
    "Vertical bars with a foot: enough of a hand to test layout without fonts or data."

    name, weight = "sticks", 0.1

    def shape(self, character, rng):
        return compose.Shape((np.float32([(0, -1), (0, 0), (0.5, 0)]),))


HAND = StickHand()


def rng(seed=0):
    return np.random.default_rng(seed)


def test_line_has_a_box_per_character_tight_around_its_own_ink():
    c = compose.compose_line("AB 12", HAND, rng(), height_px=40, pen_width=4)
    assert c.text == "AB 12" and c.characters == "AB12"
    assert len(c.all_boxes) == 4
    for i, (x, y, w, h) in enumerate(c.all_boxes.tolist()):
        ys, xs = np.nonzero(c.labels == i)
        assert (xs.min(), ys.min(), xs.max() + 1, ys.max() + 1) == (x, y, x + w, y + h)
        assert 34 < h < 60
    gaps = np.diff(c.all_boxes[:, 0])
    assert gaps[1] > gaps[0] and gaps[1] > gaps[2]  # the word gap is the widest


def test_ink_and_labels_cover_the_same_pixels():
    c = compose.compose_line("HELLO", HAND, rng(), height_px=24)
    assert (c.ink[c.labels >= 0] > 0).all()
    assert (c.labels[c.ink > 200] >= 0).all()
    assert c.image.dtype == c.ink.dtype == c.other.dtype == np.uint8 and c.labels.dtype == np.int16


def test_marks_are_ink_but_not_text():
    c = compose.compose_line("A-B, C.", HAND, rng())
    assert c.text == "AB C" and len(c.all_boxes) == 3
    assert c.other.max() > 0
    assert compose.compose_line("ABC", HAND, rng()).other.max() == 0


@pytest.mark.parametrize("paper", papers.PAPERS)
def test_every_paper_keeps_its_boxes_inside_and_on_ink(paper):
    for seed in range(3):
        c = papers.random_page(HAND, rng(seed), paper)
        h, w = c.image.shape[:2]
        assert c.ink.shape == c.labels.shape == (h, w)
        assert len(c.characters) == len(c.all_boxes) and len(c.boxes) == len(c.text.split("\n"))
        x, y, bw, bh = c.all_boxes.T
        assert (x >= 0).all() and (y >= 0).all() and (x + bw <= w).all() and (y + bh <= h).all()
        assert (bw > 0).all() and (bh > 0).all()


def test_ink_shows_in_the_picture():
    for paper, darker in (("plain", True), ("dark", False), ("note", True)):
        c = papers.compose_page(
            ["ABC", "123"], HAND, rng(1), paper, height_px=50, pen_width=6, grey=True
        )
        sheet = (c.labels < 0) & (c.other == 0)
        x, y, w, h = c.all_boxes[0].tolist()
        around = sheet[y : y + h, x : x + w]
        ink, ground = c.image[c.labels == 0].mean(), c.image[y : y + h, x : x + w][around].mean()
        assert (ink < ground - 30) == darker and abs(ink - ground) > 30


def test_same_seed_same_page_other_seed_other_page():
    a, b, c = (papers.random_page(HAND, rng(s)) for s in (5, 5, 6))
    assert np.array_equal(a.image, b.image) and np.array_equal(a.labels, b.labels)
    assert a.image.shape != c.image.shape or not np.array_equal(a.image, c.image)


def test_touching_characters_touch():
    apart = compose.compose_line("HHHHHHHH", HAND, rng(), letter_gap=0.5, jitter=0.0)
    joined = compose.compose_line("HHHHHHHH", HAND, rng(), letter_gap=0.5, touching=1.0, jitter=0.0)
    assert (np.diff(apart.all_boxes[:, 0]) > apart.all_boxes[:-1, 2]).all()
    assert (np.diff(joined.all_boxes[:, 0]) <= joined.all_boxes[:-1, 2]).all()


def test_a_zero_hangs_on_the_zero_before_it_where_asked():
    apart, joined = (
        compose.compose_line("1001", HAND, rng(), joined_zeros=p, letter_gap=0.5, jitter=0.0)
        for p in (0.0, 1.0)
    )
    assert joined.text == apart.text == "1001" and len(joined.all_boxes) == 4
    one, two = joined.all_boxes[1:3]
    assert one[0] + one[2] >= two[0] >= one[0]  # the second's own ink begins on the first
    assert apart.all_boxes[1][:3:2].sum() < apart.all_boxes[2][0]


def test_words_differ_in_size_where_asked():
    page = compose.compose_line("HHH HHH HHH HHH HHH", HAND, rng(), word_size=0.3, jitter=0.0)
    heights = page.all_boxes[:, 3].reshape(5, 3)
    assert (np.ptp(heights, axis=1) <= 1).all() and np.ptp(heights[:, 0]) > 5


def test_numbers_are_often_round():
    numbers = [papers.random_number(rng(k), 6) for k in range(300)]
    assert all(n.isdigit() and 1 <= len(n) <= 6 for n in numbers)
    assert sum(n.endswith("00") for n in numbers) > 45


def test_slope_raises_the_end_of_the_line():
    level = compose.compose_line("HHHHHHHH", HAND, rng(), jitter=0.0)
    rising = compose.compose_line("HHHHHHHH", HAND, rng(), jitter=0.0, slope=10)
    assert np.ptp(level.all_boxes[:, 1]) <= 2
    first, last = rising.all_boxes[0], rising.all_boxes[-1]
    angle = np.degrees(np.arctan2(first[1] - last[1], last[0] - first[0]))
    assert angle == pytest.approx(10, abs=1.5)


def test_comb_boxes_hold_one_character_each():
    paper = papers.Paper(frame="comb")
    c = papers.compose_page(["AB 12"], HAND, rng(), paper, height_px=40, pitch=1.5, jitter=0.3)
    centres = c.all_boxes[:, 0] + c.all_boxes[:, 2] / 2
    cells = np.floor((centres - centres[0]) / 60 + 0.5)
    assert cells.tolist() == [0, 1, 3, 4]
    assert c.other.max() == 255


def test_what_cannot_be_written_is_refused():
    with pytest.raises(DataError, match="'é'"):
        compose.compose_line("é", HAND, rng())
    with pytest.raises(DataError, match="at least one"):
        compose.compose_line("  ", HAND, rng())
    with pytest.raises(DataError, match="papyrus.*plain"):
        papers.compose_page(["A"], HAND, rng(), "papyrus")
    with pytest.raises(DataError, match="no such file"):
        compose.load_strokes("nowhere.npz")
    with pytest.raises(DataError, match="font"):
        compose.FontHand(__file__)


def test_box_scores():
    truth = [(0, 0, 10, 10), (20, 0, 10, 10)]
    assert compose.box_scores(truth, truth) == (1.0, 1.0)
    assert compose.box_scores([(0, 0, 10, 10), (40, 0, 10, 10), (1, 0, 10, 10)], truth) == (
        1 / 3,
        0.5,
    )  # a second box on one character is wrong
    assert compose.box_scores([(0, 0, 30, 10)], truth) == (0.0, 0.0)  # two characters in one box
    assert compose.box_scores([(0, 0, 10, 5)], truth[:1], iou=0.6) == (0.0, 0.0)
    assert compose.box_scores([], truth) == (0.0, 0.0) and compose.box_scores([], []) == (1.0, 1.0)
    assert compose.box_iou([(0, 0, 10, 10)], [(5, 0, 10, 10)]) == pytest.approx(1 / 3)


def test_unipen_writer_keeps_to_own_samples_and_borrows_the_rest(data_dir):
    strokes = compose.load_strokes(data_dir / "characters" / "train" / "unipen_strokes.npz")
    n = int(strokes.writer.max()) + 1
    counts = np.zeros((n, 36), int)
    np.add.at(counts, (strokes.writer, strokes.labels), 1)
    writer = int(np.argmin((counts > 0).sum(1)))
    lenders = [w for w in range(n) if w % 2]
    hand = compose.UnipenHand(strokes, writer, borrow_from=lenders)
    for k, c in enumerate(compose.CLASSES):
        writers = set(strokes.writer[hand.samples[c]].tolist())
        assert writers == {writer} if counts[writer, k] else writers <= set(lenders)
    c = compose.compose_line(compose.CLASSES, hand, rng(), height_px=32)
    heights = c.all_boxes[:, 3]
    assert len(heights) == 36 and 25 < np.median(heights) < 45
