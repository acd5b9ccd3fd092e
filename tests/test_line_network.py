"""Reading in steps: sums over windows, lattices of steps, strips, networks of another house."""

import cv2
import numpy as np
import pytest

from customocr import samples
from customocr.decoding import Knowledge, decode_lines
from customocr.errors import ModelError
from customocr.glyphs import CLASSES
from customocr.layout.sheet import analyse
from customocr.line_network import (
    BLANK,
    SPACE,
    LineNetwork,
    greedy_text,
    line_strip,
    picture_strip,
    step_lattice,
    window_logs,
)
from customocr.pictures import write
from customocr.recognition import MODELS, Reader


def said(text: str, sure: float = 0.98, apart: int = 2) -> np.ndarray:
    "Steps that say a text, `_` a blank step: one step a character, blanks between."
    columns = [BLANK]
    for c in text:
        columns += [SPACE if c == " " else 1 + CLASSES.index(c)] + [BLANK] * apart
    steps = np.full((len(columns), SPACE + 1), (1 - sure) / SPACE)
    steps[np.arange(len(columns)), columns] = sure
    return np.log(steps)


def brute(steps: np.ndarray, k: int) -> float:
    "Probability of exactly one run of class k, by listing all ways: blank or space, k, blank."
    quiet = np.exp(steps[:, BLANK]) + np.exp(steps[:, SPACE])
    run, n = np.exp(steps[:, 1 + k]), len(steps)
    return sum(
        np.prod(quiet[:a]) * np.prod(run[a:b]) * np.prod(quiet[b:])
        for a in range(n)
        for b in range(a + 1, n + 1)
    )


def test_a_window_sums_all_ways_to_say_one_character():
    rng = np.random.default_rng(0)
    steps = np.log(rng.dirichlet(np.ones(SPACE + 1), 9))
    logs = window_logs(steps, np.array([0, 2, 5]), np.array([4, 1, 4]))
    for row, (a, n) in enumerate([(0, 4), (2, 1), (5, 4)]):
        for k in (0, 17, 35):
            assert np.exp(logs.once[row, k]) == pytest.approx(brute(steps[a : a + n], k))


def test_two_windows_count_every_way_once():
    "Once in either and nothing in the other, or begun in one and ended in the next: together all."
    steps = np.log(np.random.default_rng(1).dirichlet(np.ones(SPACE + 1), 6))
    w = window_logs(steps, np.array([0, 3]), np.array([3, 3]))
    parts = [
        w.once[0] + w.nothing[1],
        w.nothing[0] + w.once[1],
        w.begun[0] + w.ended[1],
    ]
    whole = window_logs(steps, np.array([0]), np.array([6])).once[0]
    assert np.allclose(np.logaddexp.reduce(parts), whole)


@pytest.mark.parametrize("text", ["HELLO", "3000", "A1 B22", "7"])
def test_steps_are_read_as_they_say(text):
    found = step_lattice(said(text))
    (decoding,) = decode_lines([found.lattice], Knowledge(prior=False))
    assert greedy_text(said(text)) == text and decoding.text == text


def test_silent_steps_are_no_lattice():
    steps = np.full((8, SPACE + 1), 1e-9)
    steps[:, BLANK] = 1
    assert step_lattice(np.log(steps)) is None


def test_a_strip_is_level_and_of_one_height():
    page = write(["LEVEL LINE 27"], seed=3, slope=4, height=60).image
    sheet = analyse(page)
    strip = line_strip(sheet, sheet.lines[0])
    rows = np.flatnonzero((strip.pixels > 128).sum(1))
    assert strip.pixels.shape[0] == 32
    assert 15 <= rows[-1] - rows[0] + 1 <= 28  # 20 rows of letters, whatever the slope


def test_the_network_reads_a_line_without_cuts():
    sheet = analyse(write(["TAKE 3000 HOME"], seed=5, touching=0.9, height=44).image)
    network = LineNetwork(MODELS / "lines.onnx")
    (steps,) = network.steps([line_strip(sheet, sheet.lines[0]).pixels])
    assert np.allclose(np.exp(steps).sum(1), 1, atol=1e-3)
    assert "3000" in greedy_text(steps).replace("O", "0")


def test_a_picture_of_one_line_is_a_strip():
    page = write(["4203"], seed=2, height=30).image[4:-4]
    (steps,) = LineNetwork(MODELS / "lines.onnx").steps([picture_strip(page)])
    assert greedy_text(steps) == "4203"


def test_a_character_without_a_box_is_heard():
    image = write(["6406924"], "cheque", 31, grey=True, touching=0.8, height=24).image
    read = Reader().read(image)
    assert read.text == "6406924"
    boxes = np.array([c.box for line in read.lines for w in line.words for c in w.characters])
    assert (np.diff(boxes[:, 0]) > 0).all() and (boxes[:, 2:] > 0).all()
    ends = boxes[:, :2] + boxes[:, 2:]
    assert (boxes[:, :2] >= 0).all() and (ends <= np.array(image.shape[1::-1])).all()
    assert Reader().read(image, pattern="9999999", strict=True).text == "6406924"


def below(image: np.ndarray, height: int, seed: int) -> np.ndarray:
    "A picture with room below, and a short scribble there."
    out = cv2.copyMakeBorder(image, 0, 3 * height, 0, 0, cv2.BORDER_REPLICATE)
    x = np.random.default_rng(seed).uniform(2 * height, image.shape[1] - 2 * height)
    rng = np.random.default_rng([seed, 1])
    points = np.array([x, len(out) - 1.5 * height]) + rng.normal(0, 0.35 * height, (4, 2))
    cv2.polylines(out, [points.astype(np.int32)], False, 60, max(1, height // 10), cv2.LINE_AA)
    return out


@pytest.mark.parametrize("seed", [31, 48, 69])
def test_a_scribble_that_the_line_network_does_not_hear_is_no_line(seed):
    page = write(["PIER 39"], "plain", seed, grey=True)
    image = below(page.image, int(page.boxes[0][0][3]), seed)
    assert Reader().read(image).text == "PIER 39"
    assert Reader(lines=False).read(image).text != "PIER 39"  # cuts take it for a character


def test_a_true_lone_character_stays():
    image = write(["PIER 39", "4"], "plain", 48, grey=True).image
    assert Reader().read(image).text == "PIER 39\n4"


def test_a_page_is_read_with_and_without_the_line_network():
    for reader in (Reader(), Reader(lines=False)):
        assert reader.read(samples.page("hello")).text == "HELLO WORLD"


@pytest.fixture
def foreign(tmp_path):
    "A network in PaddleOCR's form: 3 x 48 x W in, probabilities of its own characters out."
    onnx = pytest.importorskip("onnx", reason="onnx is not installed")
    from onnx import TensorProto, helper

    symbols = ["a", "A", "?", "7"]
    score = np.full((1, 5, len(symbols) + 2), 1e-3, np.float32)
    for t, k in enumerate([1, 0, 3, 0, 4]):  # a, blank, ?, blank, 7
        score[0, t, k] = 1
    score /= score.sum(-1, keepdims=True)
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["m", "zero"], ["z"]),
        helper.make_node("Add", ["score", "z"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 48, "W"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 5, len(symbols) + 2])],
        [
            helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
            helper.make_tensor("score", TensorProto.FLOAT, score.shape, score.ravel()),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    named = model.metadata_props.add()
    named.key, named.value = "character", "\n".join(symbols)
    onnx.save(model, tmp_path / "foreign.onnx")
    return tmp_path / "foreign.onnx"


def test_a_network_of_another_house_is_folded_to_our_classes(foreign):
    network = LineNetwork(foreign)
    assert (network.rows, network.channels) == (48, 3)
    (steps,) = network.steps([np.zeros((48, 60), np.uint8)])
    assert steps.shape == (5, SPACE + 1)
    assert greedy_text(steps) == "A7"  # a is A, a question mark is nothing


def test_a_page_goes_through_a_network_of_another_house(foreign):
    page = Reader(lines=foreign).read(samples.page("hello"))
    assert page.size[0] > 0 and all(c.box[2] > 0 for c in page.characters)


def test_what_is_no_line_network_is_said(tmp_path):
    with pytest.raises(ModelError, match="no such model"):
        LineNetwork(tmp_path / "none.onnx")
    with pytest.raises(ModelError, match="characters"):
        LineNetwork(MODELS / "characters.onnx")
