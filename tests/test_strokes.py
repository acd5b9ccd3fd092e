"""Pen strokes and glyph images become training glyphs."""

import numpy as np
import pytest

from customocr.errors import DataError
from customocr.glyphs import CLASSES, INK_SIDE, normalise_glyphs
from customocr.writing.strokes import (
    LOW_SIDE,
    Strokes,
    between,
    elastic_fields,
    flag_one,
    hook_zero,
    is_bar,
    load_strokes,
    loosen,
    noise_tape,
    render_images,
    render_strokes,
    scan_low,
    vary_image,
)


@pytest.fixture
def strokes() -> Strokes:
    "A 7 with its bar, an L and an I of one stroke: 3 samples, 4 strokes."
    lines = [
        [(0, 0), (600, 0), (200, 1000)],
        [(150, 500), (500, 480)],
        [(0, 0), (20, 1000), (600, 980)],
        [(0, 0), (10, 1000)],
    ]
    starts = np.cumsum([0] + [len(line) for line in lines])
    labels = np.array([CLASSES.index(c) for c in "7LI"], np.uint8)
    return Strokes(
        np.array(sum(lines, []), np.int16),
        starts,
        np.array([0, 2, 3, 4]),
        labels,
        np.array([0, 0, 1]),
    )


def test_a_sample_has_its_own_strokes(strokes):
    assert [len(s) for s in strokes.sample(0)] == [3, 2]
    assert strokes.sample(2)[0].tolist() == [[0, 0], [10, 1000]]


def test_the_same_seed_draws_the_same_glyphs_and_another_seed_others(strokes):
    indices = np.array([0, 1, 2] * 20)
    first, again, other = (
        render_strokes(strokes, indices, np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.shape == (60, 28, 28) and first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_glyphs_are_in_the_layout_that_reading_uses_and_never_empty(strokes):
    glyphs = render_strokes(strokes, np.array([0, 1, 2] * 100), np.random.default_rng(3))
    assert (glyphs.reshape(len(glyphs), -1).max(1) > 150).all()
    ink = glyphs > 64
    longest = np.maximum(ink.any(1).sum(1), ink.any(2).sum(1))
    assert longest.max() <= INK_SIDE
    assert np.median(longest) >= INK_SIDE - 1
    same = (normalise_glyphs(glyphs) == glyphs).all((1, 2))
    assert same.mean() > 0.8  # laid out once, most stay as they are


def test_pens_are_thin_and_thick(strokes):
    glyphs = render_strokes(strokes, np.full(200, 1), np.random.default_rng(4))
    share = (glyphs > 127).mean((1, 2))
    assert np.quantile(share, 0.9) > 2.5 * np.quantile(share, 0.1)


def test_an_l_stays_upright(strokes):
    glyphs = (
        render_strokes(strokes, np.full(300, 1), np.random.default_rng(5)).astype(float).mean(0)
    )
    assert glyphs[18:24].sum() > 1.5 * glyphs[4:10].sum()  # its foot is below
    assert glyphs[:14, :14].sum() > glyphs[:14, 14:].sum()  # its stem is left


def test_a_bar_becomes_a_one_with_its_flag_to_the_left_above_the_baseline(strokes):
    bar = strokes.sample(2)
    assert is_bar(bar) and not is_bar(strokes.sample(0)) and not is_bar(strokes.sample(1))
    for length in (0.0, 1.0):
        one = flag_one(bar[0], length, 0.5, 0.5)
        assert np.array_equal(one[-len(bar[0]) :], bar[0])  # the bar itself stays
        flag = one[: -len(bar[0])]
        assert (flag[:, 0] < 0).all() and (flag[:, 1] > 0).all() and (flag[:, 1] <= 1000).all()
    assert np.ptp(flag_one(bar[0], 1.0, 0.5, 0.5)[:, 0]) > 3 * np.ptp(
        flag_one(bar[0], 0.0, 0.5, 0.5)[:, 0]
    )


def test_a_zero_gets_hooks_at_its_top_and_keeps_its_ring():
    turn = np.linspace(-np.pi / 2, -np.pi / 2 - 2 * np.pi, 30)
    ring = np.stack([300 + 300 * np.cos(turn), 500 + 500 * np.sin(turn)], 1)
    hooked = hook_zero(ring, 1.0, 1.0, 0.5)
    assert np.array_equal(hooked[1:-1], ring.astype(np.float32))
    assert hooked[0, 0] < ring[0, 0] - 100 and hooked[-1, 0] > ring[-1, 0] + 100
    below = ring[::-1] * [1, -1] + [0, 1000]  # begins at the foot
    assert np.array_equal(hook_zero(below, 1.0, 1.0, 0.5), below.astype(np.float32))


def test_a_loosened_character_keeps_its_strokes_and_about_their_places(strokes):
    seven = strokes.sample(0)
    loose = [loosen(seven, np.random.default_rng(seed)) for seed in range(40)]
    assert all(len(one) == len(seven) for one in loose)
    middles = np.array([[stroke.mean(0) for stroke in one] for one in loose])
    assert (middles.std(0) > 5).all()  # each stroke by itself, not all together
    assert np.abs(middles.mean(0) - [[267, 333], [325, 490]]).max() < 150
    exact = loosen(seven, np.random.default_rng(0), strength=0.0)
    assert exact[0][[0, -1]] == pytest.approx(seven[0][[0, -1]].astype(float)) and exact[
        1
    ] == pytest.approx(seven[1].astype(float))


def test_a_hand_between_two_lies_between_them_and_unlike_hands_are_not_mixed(strokes):
    ell = strokes.sample(1)
    wider = [ell[0] * [1.3, 1.0]]
    half = between(ell, wider, 0.5)
    width = lambda character: np.ptp(character[0][:, 0]) / np.ptp(character[0][:, 1])
    assert width(ell) < width(half) < width(wider)
    assert width(between(ell, wider, 0.0)) == pytest.approx(width(ell), rel=0.01)
    assert between(ell, [ell[0][::-1]], 0.5) is None  # written from its foot
    assert between(strokes.sample(0), ell, 0.5) is None  # other strokes


def test_a_low_scan_has_few_pixels():
    r = np.random.default_rng(0).random((50, 24))
    ink = np.zeros((100, 100), np.uint8)
    ink[14:86, 40:60] = 255
    heights = [
        np.flatnonzero(scan_low(ink, row, noise_tape(np.random.default_rng(1))).max(1) > 64).size
        for row in r
    ]
    assert LOW_SIDE[0] - 2 <= min(heights) and max(heights) <= LOW_SIDE[1] + 4


def test_images_keep_their_shape_on_average(strokes):
    glyphs = render_strokes(strokes, np.full(40, 1), np.random.default_rng(6))
    varied = render_images(glyphs, np.random.default_rng(7))
    assert varied.shape == glyphs.shape and varied.any((1, 2)).all()
    correlation = np.corrcoef(varied.mean(0).ravel(), glyphs.mean(0).ravel())[0, 1]
    assert correlation > 0.7


def test_an_empty_image_stays_empty():
    r = np.random.default_rng(0).random(24)
    assert not vary_image(
        np.zeros((28, 28), np.uint8), r, elastic_fields(np.random.default_rng(0), 2)
    ).any()
    assert not render_images(np.zeros((2, 28, 28), np.uint8), np.random.default_rng(0)).any()


def test_a_missing_or_damaged_stroke_file_is_refused_with_the_reason(tmp_path, strokes):
    with pytest.raises(DataError, match="no such file"):
        load_strokes(tmp_path / "none.npz")
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"not a zip")
    with pytest.raises(DataError, match="bad.npz"):
        load_strokes(bad)
    np.savez(
        bad,
        points=strokes.points[:-1],
        stroke_start=strokes.stroke_start,
        sample_start=strokes.sample_start,
        y=strokes.labels,
        writer=strokes.writer,
    )
    with pytest.raises(DataError, match="damaged"):
        load_strokes(bad)


def test_real_pens_can_be_drawn(data_dir):
    path = data_dir / "characters" / "train" / "unipen_strokes.npz"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the data folder")
    strokes = load_strokes(path)
    indices = np.arange(0, len(strokes), 200)
    glyphs = render_strokes(strokes, indices, np.random.default_rng(0))
    assert len(glyphs) == len(indices) and glyphs.any((1, 2)).all()
