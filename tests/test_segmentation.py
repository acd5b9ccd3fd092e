"""From pixels to boxes: what holds for any size, light, polarity, ruling and slope of a page."""

import cv2
import numpy as np
import pytest

from customocr import samples
from customocr.layout.cuts import (
    MOST_PIECES,
    WINDOW,
    cut_piece,
    notches,
    propose,
    seams,
    windows,
)
from customocr.layout.ink import components, ink_mask, ink_strength, polarity
from customocr.layout.lines import (
    Piece,
    group_lines,
    join_parts,
    letter_height,
    part_lines,
    single,
    union,
)
from customocr.layout.rules import find_rules, frames, maybe_text, remove_rules
from customocr.layout.sheet import analyse, first_look
from customocr.segmentation import (
    tutorial_boxes,
    tutorial_contours,
    tutorial_glyphs,
    tutorial_outline,
    tutorial_sheet,
    tutorial_stages,
)
from customocr.writing.compose import FontHand, box_scores
from customocr.writing.papers import Paper, compose_page

pytest.importorskip("fontTools", reason="writing pages with fonts needs fontTools (extra train)")
PATRICK = FontHand(samples.fonts()["patrick-hand"])


def write(lines, paper=Paper(), seed=1, height=40, **how):
    "A page with these lines, grey."
    return compose_page(
        lines,
        PATRICK,
        np.random.default_rng(seed),
        paper,
        height,
        grey=True,
        **{"letter_gap": 0.3, **how},
    )


def mask_of(page, height=40):
    "The page's ink."
    return ink_mask(ink_strength(page.image, height), height)


def without_rules(page, height=40):
    "The page's ink, and what is left of it."
    mask, strength = mask_of(page, height), ink_strength(page.image, height)
    return mask, remove_rules(mask, find_rules(mask, *components(mask), height), strength)


def found_boxes(grey):
    "Boxes on the page of the ink of all pieces in lines."
    sheet, out = analyse(grey), []
    for line in sheet.lines:
        for p in line.pieces:
            x, y, w, h = cv2.boundingRect((p.ink > 96).astype(np.uint8))
            out.append(sheet.to_page((p.x + x, p.y + y, w, h)))
    return out


# ---- the tutorial's way
def test_the_tutorials_page_comes_out_box_by_box():
    grey = cv2.imread(str(samples.page("hello")), cv2.IMREAD_GRAYSCALE)
    truth = np.concatenate(
        [np.reshape(b, (-1, 4)) for p in samples.pages() if p.name == "hello" for b in p.boxes]
    )
    boxes = tutorial_boxes(grey)
    assert box_scores(boxes, truth) == (1, 1) and [b[0] for b in boxes] == sorted(
        b[0] for b in boxes
    )
    assert list(tutorial_stages(grey)) == [
        "grey",
        "blurred",
        "threshold",
        "inverted",
        "dilated",
        "edges",
        "outline",
    ]
    assert len(tutorial_contours(tutorial_outline(grey))) == 10
    glyphs = tutorial_glyphs(grey, boxes)
    assert (
        glyphs.shape == (10, 28, 28)
        and glyphs.dtype == np.uint8
        and (glyphs.reshape(10, -1).max(1) > 200).all()
    )


def test_the_tutorials_sheet_is_cut_from_its_table():
    page = write(["MEET ME", "AT NOON"], Paper(table="dark", texture=1.5, blur=0.6, noise=2), 2, 44)
    assert tutorial_sheet(tutorial_stages(page.image)["outline"]) is not None
    assert box_scores(tutorial_boxes(page.image), page.all_boxes)[1] > 0.9


def test_the_tutorials_functions_bear_empty_pages_and_boxes_at_the_edge():
    white = np.full((60, 80), 255, np.uint8)
    assert (
        tutorial_boxes(white) == []
        and tutorial_glyphs(white, []).shape == (0, 28, 28)
        and tutorial_sheet(white * 0) is None
    )
    assert tutorial_glyphs(white, [(0, 0, 5, 20), (70, 40, 10, 20)]).shape == (2, 28, 28)


# ---- ink
@pytest.mark.parametrize(
    "paper",
    [
        Paper(),
        Paper(table="dark"),
        Paper(shadow=0.6),
        Paper(rules="ruled"),
        Paper(opacity=0.3, texture=2),
    ],
    ids=["plain", "table", "shadow", "ruled", "pencil"],
)
def test_ink_is_told_from_paper_whichever_is_darker(paper):
    page = write(["TAKE 20", "PENS"], paper)
    assert polarity(page.image) > 0 > polarity(255 - page.image)


def test_ink_is_told_from_paper_on_a_page_full_of_small_letters():
    text, page = "READ 4711 THIS WORD 20 " * 6, np.full((1400, 1400), 235, np.uint8)
    for y in range(24, 1400, 28):
        cv2.putText(page, text, (6, y), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 40, 2, cv2.LINE_AA)
    assert polarity(page) > 0 > polarity(255 - page)


def test_light_does_not_change_the_ink():
    page = write(["TAKE 20 PENS"])
    light = np.linspace(1.0, 0.35, page.image.shape[1])[None]
    lit, shaded = (
        ink_strength(page.image, 40),
        ink_strength((page.image * light).astype(np.uint8), 40),
    )
    letters = page.ink > 200
    assert (
        abs(float(lit[letters].mean()) - float(shaded[letters].mean())) < 0.2 * lit[letters].mean()
    )
    assert (ink_mask(lit, 40) != ink_mask(shaded, 40)).mean() < 0.02


def test_faint_grainy_strokes_stay_in_one_piece():
    page = write(["FAINT PENCIL"], Paper(opacity=0.25, grain=0.7, fade=0.6, texture=2, noise=3), 3)
    _, stats = components(mask_of(page))
    assert len(stats) <= 1.3 * len(page.all_boxes)
    _, adaptive, _, _ = cv2.connectedComponentsWithStats(tutorial_stages(page.image)["inverted"])
    assert len(adaptive) > 2 * len(page.all_boxes), "what the fixed threshold makes of it"


def test_blank_paper_has_no_ink():
    assert not ink_mask(ink_strength(np.full((100, 150), 230, np.uint8), 32), 32).any()


# ---- size
@pytest.mark.parametrize("height", [10, 20, 48, 110, 300])
def test_letters_of_any_height_are_measured_and_boxed(height):
    page = write(["HEIGHT 4711"], Paper(blur=0.01 * height), 1, height)
    labels, stats = components(mask_of(page, height))
    assert (
        0.75 * height
        < letter_height(stats, page.image.shape, frames(labels, stats, 0.7 * height))
        < 1.35 * height
    )
    precision, recall = box_scores(found_boxes(page.image), page.all_boxes)
    assert precision >= 0.8 and recall >= 0.8


def test_nothing_has_no_letter_height():
    assert letter_height(np.zeros((0, 5), int), (50, 50)) is None


def test_letters_of_three_lines_in_one_piece_are_three_letters():
    mask = np.zeros((150, 300), np.uint8)
    for top in (10, 54, 98):
        for left in range(10, 290, 40):
            mask[top : top + 34, left : left + 24] = 1
            mask[top + 6 : top + 28, left + 6 : left + 18] = 0
    mask[10:130, 101:103] = 1  # a stem through three lines
    labels, stats = components(mask)
    text = np.flatnonzero(maybe_text(stats, 34, mask.shape))
    assert len(text) == 3 * 7 - 3
    _, stats = components(part_lines(mask, labels, stats, text, 34))
    assert maybe_text(stats, 34, mask.shape).sum() == 3 * 7


# ---- rules and frames
@pytest.mark.parametrize(
    "paper",
    [
        Paper(rules="ruled", rule_colour=(110, 90, 70), rule_width=0.06),
        Paper(frame="box", rule_colour=(60, 60, 60)),
        Paper(frame="comb", rule_colour=(60, 60, 60)),
        Paper(rules="grid", rule_colour=(120, 100, 90), rule_width=0.05),  # along the stems
    ],
    ids=["ruled", "box", "comb", "grid"],
)
def test_rules_go_and_letters_stay(paper):
    page = write(["EGGS 12", "BREAD 3"], paper, 2)
    mask, left = without_rules(page)
    ruling, letters = (
        (page.other > 200) & (page.ink < 20) & (mask > 0),
        (page.ink > 200) & (mask > 0),
    )
    assert left[ruling].mean() < 0.1 < 0.9 < left[letters].mean()


def test_a_page_without_rules_is_left_alone():
    page = write(["ILLTTHH1177", "EEFFLL"])
    mask, left = without_rules(page)
    assert (left == mask).mean() > 0.999


def test_rows_that_hang_on_a_sloping_line_belong_to_the_writing():
    long = "TAKE TWENTY PENS HOME AND SEVEN PAPERS TOO"
    page = write([long, "HALF PAST SEVEN", long], Paper(), 1, 40, line_gap=2.0)
    image, (height, width) = page.image.copy(), page.image.shape
    for boxes in (page.boxes[0], page.boxes[2]):
        bottom = int(np.median(boxes[:, 1] + boxes[:, 3])) - 3
        cv2.line(image, (0, bottom), (width, bottom), 70, 3)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), -3, 1)
    image = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    _, (rows, _) = first_look(image)
    assert (rows.start or 0) < 0.15 * height and (rows.stop or height) > 0.85 * height


def test_a_frame_holds_something_an_o_does_not():
    picture = np.zeros((120, 300), np.uint8)
    cv2.rectangle(picture, (10, 10), (140, 110), 1, 3)
    cv2.putText(picture, "A7", (30, 80), cv2.FONT_HERSHEY_SIMPLEX, 1.5, 1, 4)
    cv2.rectangle(picture, (200, 30), (240, 90), 1, 5)  # a square O
    labels, stats = components(picture)
    assert [s[0] < 20 for s in stats[frames(labels, stats, 28)]] == [True]


# ---- lines
@pytest.mark.parametrize("slope", [-7, 0, 7])
def test_sloping_sagging_lines_come_top_to_bottom_and_left_to_right(slope):
    page = write(["ABCD", "EFGH", "KLMN"], Paper(), 5, 30, slope=slope, curve=0.3, line_gap=1.8)
    labels, stats = components(mask_of(page, 30))
    lines, found = group_lines(stats, 30)
    number = np.repeat(np.arange(3), 4)
    for k, line in enumerate(lines):
        owners = [
            number[np.bincount(page.labels[(labels == i + 1) & (page.labels >= 0)]).argmax()]
            for i in line
        ]
        assert set(owners) == {k}
        assert list(stats[line, 0]) == sorted(stats[line, 0])
    assert len(lines) == 3 and abs(found + np.tan(np.deg2rad(slope))) < 0.06


def test_no_components_no_lines():
    assert group_lines(np.zeros((0, 5), int), 32) == ([], 0.0)


# ---- pieces and cuts
def blob(x, y, w, h):
    return Piece(x, y, np.full((h, w), 255, np.uint8))


def test_union_keeps_all_ink_in_place():
    both = union([blob(10, 20, 5, 30), blob(12, 60, 20, 4)])
    assert both.box == (10, 20, 22, 44) and int((both.ink > 0).sum()) == 5 * 30 + 20 * 4


def test_a_dot_above_is_dropped_and_bars_on_one_another_are_joined():
    stem, dot = blob(40, 40, 5, 24), blob(40, 26, 5, 5)
    bars = [blob(80, 30, 18, 4), blob(82, 42, 14, 4), blob(80, 56, 18, 4)]
    assert [p.box for p in join_parts([stem, dot], 32)] == [stem.box]
    assert [p.box for p in join_parts(bars, 32)] == [(80, 30, 18, 30)]


def two_touching():
    "Two rings that touch in a thin bridge."
    picture = np.zeros((40, 70), np.uint8)
    cv2.circle(picture, (18, 20), 13, 255, 4)
    cv2.circle(picture, (50, 20), 13, 255, 4)
    picture[19:22, 31:38] = 255
    return Piece(5, 7, picture)


def test_a_seam_goes_through_the_bridge_and_loses_no_ink():
    piece = two_touching()
    total, steps = seams(piece.ink)
    assert 31 <= 28 + int(total[28:42].argmin()) <= 40
    parts = cut_piece(piece, total, steps, (5, 7), 32)
    assert len(parts) >= 2 and (union(parts).ink > 0).sum() == (piece.ink > 0).sum()
    assert any(abs(p.right - 39) < 5 for p in parts)


def test_rings_that_share_their_strokes_are_cut_from_notch_to_notch():
    picture = np.zeros((40, 70), np.uint8)
    cv2.circle(picture, (20, 20), 14, 255, 4)
    cv2.circle(picture, (46, 20), 14, 255, 4)  # both rings' strokes lie over each other
    (cut,) = notches(picture, 32)
    assert len(cut) == 40 and (abs(cut - 33) < 3).all()
    assert not notches(two_touching().ink[:, :34], 32)  # a ring has no notch
    parts = cut_piece(Piece(0, 0, picture), *seams(picture), (0, 0), 32)
    assert (
        any(abs(p.right - 33) < 4 for p in parts)
        and (union(parts).ink > 0).sum() == (picture > 0).sum()
    )


def test_candidates_hold_both_letters_and_the_pair():
    line = propose(single(36, [two_touching()]), np.array([False]))
    widths = [c.piece.ink.shape[1] for c in line.candidates]
    assert max(widths) >= 58 and sum(25 < w < 40 for w in widths) >= 2
    assert all(1 <= c.end - c.start <= MOST_PIECES for c in line.candidates)


def test_what_is_sure_is_neither_cut_nor_joined():
    line = propose(single(32, [two_touching(), blob(78, 10, 6, 30)]), np.array([True, False]))
    assert [(c.start, c.end) for c in line.candidates] == [(0, 1), (1, 2)]


def test_windows_show_the_candidate_among_its_neighbours():
    line = single(32, [blob(10, 10, 8, 30), blob(30, 10, 8, 30), blob(50, 10, 8, 30)])
    views = windows(line)
    assert views.shape == (3, *WINDOW, 2) and views.dtype == np.uint8
    context, own = views[1, ..., 0] > 100, views[1, ..., 1] > 100
    assert context.sum() > 2 * own.sum() > 0 and own[:, 32].any() and not own[:, :20].any()
    assert len(windows(line, np.array([False, True, False]))) == 1


# ---- the whole chain
def test_boxes_here_are_boxes_there_on_scaled_and_turned_pages():
    for page in (
        write(["TAKE 20 PENS", "TO ROOM 39"], Paper(), 1, 90),
        write(["TAKE 20 PENS", "TO ROOM 39"], Paper(), 1, 30, slope=7),
    ):
        sheet = analyse(page.image)
        centres = np.array(
            [
                (x + w / 2, y + h / 2)
                for x, y, w, h in (
                    sheet.to_page(p.box) for line in sheet.lines for p in line.pieces
                )
            ]
        )
        true = page.all_boxes[:, :2] + page.all_boxes[:, 2:] / 2
        assert np.abs(centres[:, None] - true[None]).max(2).min(0).max() < 0.25 * 90
        assert len(sheet.lines) == 2


def test_negative_is_read_as_the_page():
    page = write(["TAKE 20 PENS"])
    dark, light = analyse(page.image), analyse(255 - page.image)
    assert (
        light.inverted
        and not dark.inverted
        and len(light.lines[0].pieces) == len(dark.lines[0].pieces) == 10
    )


@pytest.mark.parametrize("shape", [(2, 2), (40, 40), (300, 500), (20, 900)])
def test_pages_without_writing_give_no_lines(shape):
    for level in (0, 128, 255):
        assert analyse(np.full(shape, level, np.uint8)).lines == ()


def test_work_is_bounded_on_noise():
    noise = np.random.default_rng(0).integers(0, 256, (700, 900), dtype=np.uint8)
    sheet = analyse(noise)
    assert sheet.grey.size <= 4_200_000 and sum(len(line.pieces) for line in sheet.lines) < 20_000
