"""The reader as a user meets it: the same text whatever the size, light, polarity or direction of
the page, in order, with boxes that fit."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError

import cv2
import numpy as np
import pytest

from customocr import recognition, samples
from customocr.confusion_fixes import align
from customocr.errors import ImageError, KnowledgeError, ModelError
from customocr.glyphs import CLASSES
from customocr.layout.ink import without_pattern
from customocr.limits import Limits
from customocr.pictures import hands, write
from customocr.recognition import Page, Reader
from customocr.writing.compose import FontHand, box_scores, compose_line
from customocr.writing.papers import Paper, woven_paper

SAMPLES = {p.name: p for p in samples.pages()}


@pytest.fixture(scope="module")
def reader() -> Reader:
    "The shipped reader."
    return Reader()


@pytest.fixture(scope="module")
def hello() -> np.ndarray:
    "One plain line, BGR."
    return cv2.imread(str(samples.page("hello")))


def solid(text: str) -> str:
    "The characters without what stands between them."
    return "".join(text.split())


def wrong(name: str, page: Page) -> float:
    "Share of the characters to change."
    pairs = align(solid(SAMPLES[name].text), solid(page.text))
    return sum(a != b for a, b in pairs) / len(solid(SAMPLES[name].text))


def true_boxes(name: str) -> np.ndarray:
    return np.concatenate([np.reshape(b, (-1, 4)) for b in SAMPLES[name].boxes])


# ---- text
@pytest.mark.parametrize("name", list(SAMPLES))
def test_sample_pages_are_read(reader, name):
    page = reader.read(SAMPLES[name].path)
    assert wrong(name, page) <= 0.15
    assert len(page.lines) == len(SAMPLES[name].text.splitlines()), "lines come out as lines"


def test_hardly_a_character_of_all_samples_is_wrong(reader):
    assert np.mean([wrong(name, reader.read(page.path)) for name, page in SAMPLES.items()]) < 0.04


def test_words_and_lines_are_in_reading_order(reader):
    page = reader.read(samples.page("ruled"))
    assert [line.text.split()[0][:1] for line in page.lines] == ["B", "B", "2"]
    tops = [line.box[1] for line in page.lines]
    assert tops == sorted(tops)
    for line in page.lines:
        lefts = [c.box[0] for word in line.words for c in word.characters]
        assert lefts == sorted(lefts)
    assert reader.read(samples.page("hello")).text == "HELLO WORLD"
    assert [len(line.words) for line in reader.read(samples.page("hello")).lines] == [2]


@pytest.mark.parametrize("factor", [0.4, 0.7, 2, 5])
def test_size_does_not_matter(reader, hello, factor):
    size = cv2.resize(
        hello,
        None,
        fx=factor,
        fy=factor,
        interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC,
    )
    assert solid(reader.read(size).text) == "HELLOWORLD"


def test_polarity_and_shadow_do_not_matter(reader, hello):
    assert reader.read(255 - hello).text == "HELLO WORLD"
    shade = np.where(np.arange(hello.shape[1]) > hello.shape[1] // 2, 0.4, 1.0)[None, :, None]
    assert (
        solid(
            reader.read(
                (hello * cv2.blur(shade.repeat(len(hello), 0), (31, 1))[..., None]).astype(np.uint8)
            ).text
        )
        == "HELLOWORLD"
    )


@pytest.mark.parametrize("colour", [0, 120, 255])
def test_a_blank_mat_around_a_photo_does_not_matter(reader, colour):
    photo = cv2.imread(str(samples.page("shadow")))
    mat = cv2.copyMakeBorder(photo, 30, 40, 50, 60, cv2.BORDER_CONSTANT, value=(colour,) * 3)
    bare, matted = reader.read(photo), reader.read(mat)
    assert matted.text == bare.text != ""
    moved = [(x + 50, y + 30, w, h) for x, y, w, h in (c.box for c in bare.characters)]
    assert [c.box for c in matted.characters] == moved


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_direction_does_not_matter_and_boxes_fit_the_page_as_given(reader, turns):
    upright = cv2.imread(str(samples.page("lines")))
    page = reader.read(np.ascontiguousarray(np.rot90(upright, turns)))
    assert page.rotation == 90 * turns and wrong("lines", page) <= 0.1
    assert page.size == (upright.shape[1], upright.shape[0])[:: 1 if turns == 2 else -1]
    x, y, w, h = true_boxes("lines").T
    height, width = upright.shape[:2]
    expected = {
        1: (y, width - x - w, h, w),
        2: (width - x - w, height - y - h, w, h),
        3: (height - y - h, x, h, w),
    }[turns]
    assert box_scores([c.box for c in page.characters], np.stack(expected, 1))[1] > 0.85


@pytest.mark.parametrize("word", ["MARION", "PIERRE", "THOMAS", "ALEXIS", "KAHOUL"])
def test_one_word_of_six_characters_is_set_upright(reader, word):
    hand = FontHand(samples.fonts()["patrick-hand"])
    upright = compose_line(word, hand, np.random.default_rng(1)).image
    found = [reader.read(np.ascontiguousarray(np.rot90(upright, turns))).text for turns in range(4)]
    assert found == [word] * 4


def test_turning_can_be_switched_off(reader):
    upside_down = np.ascontiguousarray(np.rot90(cv2.imread(str(samples.page("lines"))), 2))
    assert reader.read(upside_down, rotate=False).rotation == 0


def test_rules_and_frames_are_not_read(reader):
    for name in ("ruled", "fields", "comb"):
        assert len(reader.read(samples.page(name)).characters) <= len(solid(SAMPLES[name].text)) + 1


# ---- boxes
@pytest.mark.parametrize("name", ["hello", "lines", "ruled", "note", "chalk"])
def test_boxes_are_those_of_the_characters(reader, name):
    precision, recall = box_scores(
        [c.box for c in reader.read(SAMPLES[name].path).characters], true_boxes(name)
    )
    assert precision > 0.85 and recall > 0.85


def test_boxes_of_a_large_photo_are_in_its_own_pixels(reader, hello):
    large = cv2.resize(hello, None, fx=7, fy=7, interpolation=cv2.INTER_CUBIC)
    assert large.shape[0] * large.shape[1] > 3_500_000
    page = reader.read(large)
    assert page.size == (large.shape[1], large.shape[0])
    assert box_scores([c.box for c in page.characters], true_boxes("hello") * 7)[1] > 0.85


def test_boxes_of_words_and_lines_hold_their_characters(reader):
    for line in reader.read(samples.page("lines")).lines:
        for outer, inner in [(line.box, [w.box for w in line.words])] + [
            (w.box, [c.box for c in w.characters]) for w in line.words
        ]:
            for x, y, w, h in inner:
                assert (
                    outer[0] <= x
                    and outer[1] <= y
                    and x + w <= outer[0] + outer[2]
                    and y + h <= outer[1] + outer[3]
                )


# ---- the result
def test_results_are_values(reader):
    page = reader.read(samples.page("hello"))
    for value, name in (
        (page, "rotation"),
        (page.lines[0], "words"),
        (page.lines[0].words[0], "confidence"),
        (page.characters[0], "text"),
    ):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)
    assert page == reader.read(samples.page("hello")), "the same page gives the same result"


def test_confidence_and_alternatives_are_probabilities(reader):
    for c in reader.read(samples.page("lines")).characters:
        assert 0 < c.confidence <= 1 and c.text in CLASSES
        chances = [p for _, p in c.alternatives]
        assert chances == sorted(chances, reverse=True) or c.text in dict(c.alternatives)
        assert c.text in dict(c.alternatives) and sum(chances) <= 1.001


def test_to_dict_is_json_and_complete(reader):
    page = reader.read(samples.page("lines"))
    told = json.loads(json.dumps(page.to_dict()))
    assert (
        told["text"] == page.text
        and (told["width"], told["height"]) == page.size
        and told["rotation"] == 0
    )
    texts = [
        "".join(c["text"] for c in w["characters"]) for line in told["lines"] for w in line["words"]
    ]
    assert texts == page.text.split()
    assert told["lines"][0]["words"][0]["characters"][0]["box"] == list(page.characters[0].box)


def test_pages_show_themselves(reader, hello):
    page = reader.read(hello)
    drawn = page.draw()
    assert (
        drawn.ndim == 3 and drawn.dtype == np.uint8 and min(drawn.shape[:2]) >= min(hello.shape[:2])
    )
    assert page._repr_png_().startswith(b"\x89PNG") and "HELLO WORLD" in page._repr_markdown_()
    assert (page.picture == hello).all(), "drawing leaves the picture alone"


@pytest.mark.parametrize("shape", [(1, 1), (1, 60), (50, 50), (400, 300, 3)])
def test_a_page_without_writing_gives_no_text(reader, shape):
    for level in (0, 255):
        page = reader.read(np.full(shape, level, np.uint8))
        assert page.text == "" and page.lines == () and page.characters == ()
        page.draw(), json.dumps(page.to_dict())


def test_a_lone_character_is_read_and_a_stroke_of_a_drawing_is_not(reader, monkeypatch):
    from customocr import recognition

    alone, letter = np.full((160, 420), 235, np.uint8), samples.page("letter_m")
    points = np.array([(30, 140), (75, 30), (120, 140)], np.int32)
    cv2.polylines(alone, [points], False, 30, 4, cv2.LINE_AA)
    assert len(solid(reader.read(alone).text)) == 1 and reader.read(letter).text == "M"
    drawing = np.full((400, 400), 235, np.uint8)
    cv2.line(drawing, (10, 380), (390, 300), 30, 4, cv2.LINE_AA)
    roof = np.array([(60, 60), (85, 20), (110, 60)], np.int32)
    cv2.polylines(drawing, [roof], False, 30, 4, cv2.LINE_AA)
    cv2.ellipse(drawing, (320, 80), (90, 60), 30, 20, 330, 30, 4, cv2.LINE_AA)
    monkeypatch.setattr(recognition, "FEW", 0)
    found = len(reader.read(drawing).characters)
    monkeypatch.undo()
    page = reader.read(drawing)
    assert found in (1, 2), "the example is one that the rule decides"
    assert page.text == "" and page.lines == ()


# ---- settings
def test_an_alphabet_holds_and_unsure_characters_can_be_rejected(reader):
    assert set(solid(reader.read(samples.page("lines"), alphabet="digits").text)) <= set(
        "0123456789"
    )
    rejected = reader.read(samples.page("lines"), reject=1.0)
    assert any(c.text not in CLASSES for c in rejected.characters)
    assert len(rejected.characters) == len(reader.read(samples.page("lines")).characters)


def test_mistakes_get_one_error(reader, tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        reader.read(tmp_path / "missing.png")
    with pytest.raises(ImageError):
        reader.read(None)
    with pytest.raises(KnowledgeError):
        reader.read(samples.page("hello"), alphabet="")
    with pytest.raises(ModelError, match="no such model"):
        Reader(tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(ModelError, match="text.onnx"):
        Reader(tmp_path / "text.onnx")


# ---- single glyphs
def test_classify_gives_probabilities_for_any_28_x_28(reader):
    with np.load(samples.glyphs()) as stored:
        glyphs, labels = stored["x"][::29], stored["y"][::29]
    rows = reader.classify(glyphs)
    assert (
        rows.shape == (len(glyphs), 36)
        and rows.dtype == np.float32
        and np.allclose(rows.sum(1), 1, atol=1e-4)
    )
    assert (rows.argmax(1) == labels).mean() > 0.8
    small = np.zeros((28, 28), np.uint8)
    small[2:12, 3:13] = cv2.resize(glyphs[5], (10, 10), interpolation=cv2.INTER_AREA)
    assert reader.classify(small[None]).shape == (1, 36), "laid out before it is looked at"
    assert reader.classify(np.zeros((0, 28, 28), np.uint8)).shape == (0, 36)


def test_likelihoods_leave_out_how_often_classes_were_shown(reader):
    with np.load(samples.glyphs()) as stored:
        glyphs = stored["x"][np.isin(stored["y"], [CLASSES.index(c) for c in "0O"])][:50]
    shown, level = reader.classify(glyphs), reader.likelihoods(glyphs)
    assert np.allclose(level.sum(1), 1, atol=1e-5)
    zero, letter = CLASSES.index("0"), CLASSES.index("O")
    gained = np.log(level[:, letter] / level[:, zero]) - np.log(shown[:, letter] / shown[:, zero])
    assert np.allclose(gained, np.log(reader.shares[zero] / reader.shares[letter]), atol=1e-3)


@pytest.mark.parametrize(
    "glyphs",
    [
        np.zeros((28, 28), np.uint8),
        np.zeros((2, 32, 32), np.uint8),
        np.zeros((2, 28, 28), np.float32),
        np.zeros((2, 28, 28, 1), np.uint8),
    ],
    ids=["one", "size", "type", "channel"],
)
def test_classify_says_what_it_needs(reader, glyphs):
    with pytest.raises(ModelError, match=r"uint8 \(N, 28, 28\)"):
        reader.classify(glyphs)


# ---- how it works
def test_glyphs_of_all_lines_go_through_the_network_together():
    from customocr import recognition

    class Counting:
        def __init__(self, network):
            self.network, self.calls = network, []

        def run(self, outputs, feed):
            self.calls.append(len(next(iter(feed.values()))))
            return self.network.run(outputs, feed)

        def __getattr__(self, name):
            return getattr(self.network, name)

    reader = Reader()
    reader.network = Counting(reader.network)
    page = reader.read(samples.page("lines"), rotate=False)
    asked = sum(reader.network.calls)
    assert asked >= len(page.characters)
    assert len(reader.network.calls) == -(-asked // recognition.AT_ONCE)


def test_an_explanation_keeps_every_stage(reader):
    explanation = reader.explain(samples.page("ruled"))
    stages = explanation.stages()
    assert len(stages) == 7 and all(s.dtype == np.uint8 for s in stages.values())
    assert explanation.page.text == reader.read(samples.page("ruled")).text
    assert explanation.draw().shape[1] == 840 and explanation._repr_png_().startswith(b"\x89PNG")
    assert reader.explain(np.full((50, 50), 255, np.uint8)).draw().ndim == 3, (
        "a page without text as well"
    )


def test_reading_needs_no_training_libraries():
    code = (
        "import sys, customocr.recognition; print([m for m in ('tensorflow', 'keras', 'pandas',"
        " 'matplotlib', 'seaborn', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_reading_a_page_loads_nothing_that_only_many_pages_need():
    code = (
        "import sys; from customocr.cli import main; main(['read', sys.argv[1]]);"
        " print([m for m in ('multiprocessing', 'concurrent.futures', 'sqlite3', 'hashlib')"
        " if m in sys.modules], file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, str(samples.page("hello"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.stdout.strip(), done.stderr.strip()) == ("HELLO WORLD", "[]")


# ---- real pages
def test_real_pages_stay_right(reader, data_dir):
    rows = [
        line.split("\t")
        for line in (data_dir / "pages" / "truth.tsv").read_text(encoding="utf8").splitlines()[1:]
    ]
    rows = [r for r in rows if r[1] == "field" and r[2] != "yes"]
    if not rows:
        pytest.skip("the data folder has no form fields")
    errors = length = 0
    for path, _, _, _, text, *_ in rows:
        true = "".join(c for c in text if c in CLASSES)
        pairs = align(
            true, "".join(c for c in reader.read(data_dir / "pages" / path).text if c in CLASSES)
        )
        errors, length = errors + sum(a != b for a, b in pairs), length + len(true)
    assert errors / length < 0.1


LINES = ["SIEL 760 MBOKO", "BESING YVAN", "WARCONNOTATI ISAAC", "MS DALENTICES"]


def test_lines_whose_letters_hang_on_a_rule_are_not_cut_off():
    image = write(LINES, "ruled", 18, grey=True).image
    assert Reader().read(image).text.split("\n") == LINES


def test_squared_paper_that_joins_all_letters_keeps_its_lines():
    page = write(LINES, "plain", 0, grey=True)
    image, step = page.image.copy(), int(page.boxes[0][0][3])
    image[3::step] = np.minimum(image[3::step], 120)
    image[:, 3::step] = np.minimum(image[:, 3::step], 120)
    read = Reader().read(image).text.split("\n")
    assert len(read) == len(LINES)
    right = sum(c == d for a, b in zip(read, LINES) for c, d in align(a, b))
    assert right >= 0.9 * sum(map(len, LINES))


CLOSE = ["TAKE 20 PENS", "TO ROOM 39", "AT HALF PAST", "SEVEN PLEASE"]


def rightly_read(text, lines):
    "Share of the characters that are right, where as many lines were read as were written."
    read = text.split("\n")
    if len(read) != len(lines):
        return 0.0
    right = sum(c == d for a, b in zip(read, lines) for c, d in align(a, b))
    return right / sum(map(len, lines))


@pytest.mark.parametrize("hand", ["patrick-hand", "shadows-into-light", "nanum-pen-script"])
def test_lines_that_touch_come_out_as_lines(reader, hand):
    shares = [
        rightly_read(reader.read(write(CLOSE, None, k, hand, 36, line_gap=1.2).image).text, CLOSE)
        for k in range(4)
    ]
    assert min(shares) > 0.75 and sum(shares) / 4 > 0.9


@pytest.mark.parametrize("hand", ["architects-daughter", "patrick-hand", "shadows-into-light"])
@pytest.mark.parametrize("rule_width", [0.05, 0.13])
def test_squares_weaker_than_the_pen_hide_no_letter(reader, hand, rule_width):
    paper = Paper(rules="grid", rule_width=rule_width, rule_colour=(190, 150, 130), noise=2)
    page = write(CLOSE[:3], paper, 3, hand, 60)
    assert rightly_read(reader.read(page.image).text, CLOSE[:3]) > 0.95


def test_letters_of_a_weak_pen_are_not_taken_for_print(reader):
    image = write(["CAT"], Paper(ink=(130, 130, 130), noise=2), 1, height=200).image.copy()
    for k, text in enumerate(("FORM 12", "PAGE 7")):  # small, and blacker than the pen
        cv2.putText(image, text, (12, 30 + 20 * k), cv2.FONT_HERSHEY_SIMPLEX, 0.5, 20, 1)
    assert "CAT" in reader.read(image).text.split("\n")


@pytest.mark.parametrize("angle", [-9, 6, 12])
def test_squared_paper_that_was_photographed_askew_is_read(reader, angle):
    paper = Paper(rules="grid", rule_width=0.06, rule_colour=(110, 110, 110), noise=2)
    page = write(CLOSE[:3], paper, 1, "architects-daughter", 36, rotation=angle)
    read = reader.read(page.image).text
    right = sum(a == b for a, b in align("".join(CLOSE[:3]), "".join(read.split("\n"))))
    assert right >= 0.9 * len("".join(CLOSE[:3]))


@pytest.mark.parametrize("seed", [1, 3, 7])
def test_a_pen_no_stronger_than_the_weave_of_its_paper_is_read(reader, seed):
    lines, hand = ["WOVEN PAPER", "HIDES THE PEN"], list(hands())[seed % 5]
    page = write(lines, woven_paper(np.random.default_rng(seed)), seed, hand, 34)
    assert rightly_read(reader.read(page.image).text, lines) > 0.9


@pytest.mark.parametrize("seed", [4, 7])
def test_letters_that_woven_paper_hides_are_found_though_the_rest_is_sure(reader, seed):
    hand = list(hands())[seed % 5]
    page = write(CLOSE[:3], woven_paper(np.random.default_rng(seed)), seed, hand, 34)
    assert reader.read(page.image).text.split("\n") == CLOSE[:3]


@pytest.mark.parametrize("seed", [0, 10, 18, 48])
def test_noise_is_no_text_unless_a_hint_says_that_there_is_some(seed):
    reader = Reader(limits=Limits(seconds=60))  # so that no slow machine cuts the reading short
    noise = np.random.default_rng(seed).normal(0, 1, (150, 380)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 2.5)
    image = np.where(noise > noise.mean() + noise.std(), 0, 255).astype(np.uint8)
    page = reader.read(image)
    assert not page.text and page.has_ink
    assert len(reader.read(image, alphabet="alphanumeric").text) > 5


@pytest.mark.parametrize("seconds", [0.3, 0.9, 1.8])
def test_noise_that_time_cuts_short_is_no_text_either(seconds):
    noise = np.random.default_rng(7).normal(0, 1, (150, 380)).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 2.5)
    image = np.where(noise > noise.mean() + noise.std(), 0, 255).astype(np.uint8)
    assert not Reader(limits=Limits(seconds=seconds)).read(image).text


@pytest.mark.parametrize("angle", [0, 4.5])
@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_rows_that_hang_on_a_line_under_them_are_read(reader, seed, angle):
    hand = list(hands())[seed % 5]
    page = write(CLOSE[:3], None, seed, hand, 60, line_gap=2.0, pen_width=5)
    image = page.image.copy()
    for boxes in page.boxes:
        bottom = int(np.median(boxes[:, 1] + boxes[:, 3])) - 3
        cv2.line(image, (0, bottom), (int(boxes[:, 0].max()) + 90, bottom), 70, 3)
    middle = image.shape[1] / 2, image.shape[0] / 2
    turn = cv2.getRotationMatrix2D(middle, angle, 1)
    image = cv2.warpAffine(image, turn, image.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    assert rightly_read(reader.read(image).text, CLOSE[:3]) > 0.8


@pytest.mark.parametrize("letter", "WMXK")
def test_one_large_letter_of_a_marker_is_read(reader, letter):
    page = write([letter], None, 0, "patrick-hand", 500, pen_width=100)
    assert reader.read(page.image).text == letter


@pytest.mark.parametrize("hand", sorted(hands()))
@pytest.mark.parametrize("text", ["MARBOEUF LANE", "HOCQUARD", "FRIBOURG 1700"])
def test_a_name_whose_letters_stand_apart_is_one_word(reader, text, hand):
    page = write([text], hand=hand, letter_gap=0.55, word_gap=1.3)
    assert reader.read(page.image).text == text


@pytest.mark.parametrize("hand", sorted(hands()))
def test_a_hyphen_joins_what_would_be_two_words(reader, hand):
    image = write(["JEAN MICHEL"], hand=hand, letter_gap=0.3, word_gap=1.1).image
    apart = reader.read(image)
    assert apart.text == "JEAN MICHEL"
    (x, y, w, h), (right, *_) = apart.characters[3].box, apart.characters[4].box
    quarter, middle = (right - x - w) // 4, y + h // 2
    cv2.line(image, (x + w + quarter, middle), (right - quarter, middle), 40, 3)
    assert reader.read(image).text == "JEANMICHEL"


def test_boxes_of_lines_that_only_the_ear_reads_hold_no_other_line(monkeypatch):
    lines = ["JACKET WINDOW GARDEN", "PENCIL SUMMER COFFEE"]
    image = write(lines, line_gap=1.6, rotation=-8).image
    eyes = Reader().read(image)
    for name, value in (("DOUBT", -1.0), ("MUCH_DOUBT", -1.0), ("NO_DOUBT", 9.0)):
        monkeypatch.setattr(recognition, name, value)
    ears = Reader().read(image)
    assert ears.text == eyes.text == "\n".join(lines)
    heights = [c.box[3] for c in eyes.characters]
    assert max(c.box[3] for c in ears.characters) <= 1.3 * max(heights)


@pytest.mark.parametrize("hand", sorted(hands()))
@pytest.mark.parametrize("strength", [45, 60])
def test_printed_bars_as_strong_as_the_pen_hide_no_letter(reader, hand, strength):
    image = write(CLOSE[:3], None, 1, hand, 44, line_gap=2.0, pen_width=4).image
    bars = strength * np.sin(np.arange(len(image))[:, None] * 2 * np.pi / 9)
    noise = np.random.default_rng(1).normal(0, 4, image.shape)
    photo = np.clip(0.3 * image + 120 - bars + noise, 0, 255).astype(np.uint8)
    assert rightly_read(reader.read(photo).text, CLOSE[:3]) > 0.95


def test_a_page_without_a_pattern_keeps_its_pixels(hello):
    assert without_pattern(cv2.cvtColor(hello, cv2.COLOR_BGR2GRAY)) is None
    assert without_pattern(np.full((8, 8), 200, np.uint8)) is None


def test_a_pattern_goes_and_the_writing_stays_where_it_was():
    page = write(CLOSE[:3], None, 1, height=44, line_gap=2.0).image
    rows, columns = np.indices(page.shape)
    weave = 20 * np.sin(rows * 0.9) * np.sin(columns * 1.1)
    woven = np.clip(0.7 * page + 40 + weave, 0, 255).astype(np.uint8)
    plain = without_pattern(woven)
    assert plain is not None and plain.shape == page.shape and plain.dtype == np.uint8
    paper, ink = page > 240, page < 60
    assert plain[paper].std() < 0.75 * woven[paper].std()
    assert plain[ink].mean() < plain[paper].mean() - 80
