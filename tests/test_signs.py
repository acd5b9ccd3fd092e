"""Signs beyond the alphabet, drawn in many hands."""

import numpy as np
import pytest

from customocr.errors import DataError
from customocr.glyphs import is_normalised
from customocr.writing.signs import SIGNS, draw_signs, sign_hand, sign_shape


def test_every_sign_is_drawn_in_the_layout_of_a_page_s_glyphs():
    glyphs, labels, writers = draw_signs(each=12, seed=3)
    assert glyphs.shape == (12 * len(SIGNS), 28, 28) and glyphs.dtype == np.uint8
    assert labels == [sign for sign in SIGNS for _ in range(12)]
    assert writers.tolist() == list(range(12)) * len(SIGNS)
    assert glyphs.any((1, 2)).all() and is_normalised(glyphs).mean() > 0.9
    assert set("+-=/.,()%:?") <= set(SIGNS)


def test_the_same_seed_draws_the_same_and_another_seed_other_hands():
    one, again, other = (draw_signs("+%", 5, seed)[0] for seed in (1, 1, 2))
    assert (one == again).all()
    assert all((a != b).any() for a, b in zip(one, other))


def test_a_hand_is_more_like_itself_than_like_others():
    mine = draw_signs("+?(", 12, seed=5, hands=1)[0].astype(float)
    many = draw_signs("+?(", 12, seed=6)[0].astype(float)
    spread = lambda g: np.mean([part.std(0).mean() for part in np.split(g, 3)])
    assert spread(mine) < 0.8 * spread(many)


def test_a_shape_stands_on_the_baseline_in_cap_heights():
    rng = np.random.default_rng(0)
    for k in range(40):
        hand = sign_hand(np.random.default_rng(k))
        points = {c: np.concatenate(sign_shape(c, hand, rng).strokes) for c in SIGNS}
        assert all(abs(p[:, 0].min()) < 1e-5 for p in points.values())
        assert points["."][:, 1].min() > -0.3 and points[","][:, 1].max() > 0
        assert np.ptp(points["("][:, 1]) > 0.6 and np.ptp(points["-"][:, 1]) < 0.4


def test_a_sign_without_a_form_is_refused():
    with pytest.raises(DataError, match="no form for '#'"):
        draw_signs("#", 1)
