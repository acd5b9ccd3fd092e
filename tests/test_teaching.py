"""Teaching the network one's own hand and signs."""

import base64
import itertools
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("onnx", reason="teaching needs onnx, of the extra `teach`")

from customocr import teaching
from customocr.cli import main
from customocr.collecting import read_manifest, save_examples, write_manifest
from customocr.data import load_samples
from customocr.errors import CustomOCRError, DataError, ModelError
from customocr.glyphs import CLASSES, normalise_glyphs
from customocr.recognition import MODELS, Reader
from customocr.writing.signs import draw_signs

NEW = "+=("
SHORT = {"OWN_LINES": 60, "REPLAY_LINES": 60, "HELD_LINES": 60, "LINE_STEPS": 40}


@pytest.fixture(scope="module", autouse=True)
def drawn_once():
    "The replay of a seed is drawn once for all tests."
    drawn, draw = {}, teaching.draw_replay

    def kept(n, rng, uneven=False):
        key = n, uneven, rng.bit_generator.state["state"]["state"]
        if key not in drawn:
            drawn[key] = *draw(n, rng, uneven), rng.bit_generator.state
        *found, rng.bit_generator.state = drawn[key]
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(teaching, "draw_replay", kept)
        for name, few in SHORT.items():  # lines cost most of a lesson's time
            patch.setattr(teaching, name, few)
        yield


@pytest.fixture(scope="module")
def mine(tmp_path_factory) -> Path:
    "Examples: six of each of three signs, and capitals of the fonts."
    signs, names, _ = draw_signs(NEW, 8, seed=1)
    fonts = load_samples()
    some = np.flatnonzero(fonts.labels >= 30)[::12]
    glyphs = np.concatenate([signs, fonts.images[some]])
    labels = names + [CLASSES[k] for k in fonts.labels[some]]
    folder = tmp_path_factory.mktemp("own") / "mine"
    save_examples(folder, glyphs, labels, "drawn here")
    return folder


@pytest.fixture(scope="module")
def taught(mine) -> teaching.Taught:
    return teaching.teach(mine, mine.parent / "mine.onnx", seed=3)


def test_new_signs_are_read_in_hands_that_were_not_shown(taught):
    glyphs, names, _ = draw_signs(NEW, 30, seed=2)
    reader = Reader(model=taught.path)
    said = [reader.symbols[k] for k in reader.classify(glyphs).argmax(1)]
    assert reader.symbols == taught.symbols == CLASSES + "".join(sorted(NEW))
    assert np.mean([a == b for a, b in zip(said, names)]) >= 0.9


def test_what_it_knew_it_still_knows(taught):
    fonts = load_samples()
    before, after = (
        (Reader(model=path).classify(fonts.images).argmax(1) == fonts.labels).mean()
        for path in (None, taught.path)
    )
    assert after >= before - 0.01
    replay = taught.parts[-1]
    assert replay.after >= replay.before - 2 * teaching.LOST


def test_the_table_measures_on_examples_that_were_not_learnt_from(taught):
    names = [part.name for part in taught.parts]
    assert names[0] == "your hand, not learnt from" and "new characters" in names
    new = taught.parts[names.index("new characters")]
    assert new.before == 0 and new.after > 0.8 and new.count == 2 * len(NEW)
    assert "new characters" in str(taught)


def test_the_file_says_what_it_was_taught(taught):
    import onnx

    noted = {p.key: p.value for p in onnx.load(taught.path).metadata_props}
    about = json.loads(noted["taught"])
    assert about["new"] == "".join(sorted(NEW)) and about["examples"]["+"] == 8
    assert len(noted["class_shares"].split()) == len(taught.symbols)


def test_the_same_seed_and_examples_give_the_same_network(mine, taught, tmp_path):
    again = teaching.teach(mine, tmp_path / "again.onnx", seed=3)
    glyphs = load_samples().images[::20]
    first, second = (Reader(model=one.path).classify(glyphs) for one in (taught, again))
    np.testing.assert_allclose(first, second, atol=1e-6)
    assert note_of(taught.path) == note_of(again.path)


def note_of(path: Path) -> str:
    return Reader(model=path).network.get_modelmeta().custom_metadata_map["taught_lines"]


def with_note(path: Path, note: str, out: Path) -> Path:
    "The same network with another note of what it was taught of lines."
    import onnx

    graph = onnx.load(path)
    noted = {p.key: p.value for p in graph.metadata_props} | {"taught_lines": note}
    del graph.metadata_props[:]
    onnx.helper.set_model_props(graph, noted)
    onnx.save(graph, out)
    return out


@pytest.fixture(scope="module")
def own_hand() -> teaching.Examples:
    "One font as a hand that leans, a little different each time."
    fonts = load_samples()
    lean = np.float32([[1, 0.5, -7], [0, 1, 0]])
    drawn = [cv2.warpAffine(g, lean, (28, 28)) for g in fonts.images]
    return teaching.distinct(normalise_glyphs(np.stack(drawn)), [CLASSES[k] for k in fonts.labels])


def test_lines_of_a_hand_are_read_better_after_a_lesson_and_other_lines_no_worse(
    own_hand, monkeypatch
):
    for name, some in {"OWN_LINES": 200, "LINE_STEPS": 120, "REPLAY_LINES": 150}.items():
        monkeypatch.setattr(teaching, name, some)
    parts, after, whole = teaching.measured_lines(teaching.LineTeacher(), own_hand)
    hand, replay = parts
    assert whole and hand.after > hand.before + 0.03
    assert replay.after >= replay.before - teaching.LOST


def test_a_reader_has_the_taught_line_network_without_another_option(taught):
    strip = teaching.replay_lines(1, np.random.default_rng(1))[0][0]
    shipped, mine = (Reader(model=path).lines.steps([strip])[0] for path in (None, taught.path))
    ending = teaching.open_line_ending(taught.path)
    (features,) = ending.features([strip])
    np.testing.assert_allclose(np.exp(mine), np.exp(ending.logs(features)), atol=1e-4)
    assert np.abs(np.exp(mine) - np.exp(shipped)).max() > 0.01


def test_probabilities_of_a_text_are_the_sum_over_all_ways_to_write_it():
    rng = np.random.default_rng(0)
    logs = np.log(rng.dirichlet(np.ones(38), (2, 5)))
    texts, lengths = ["AA", "B"], np.array([5, 3])
    shares, total = teaching.ctc_shares(logs, lengths, texts)
    for line, length, text, found, share in zip(logs, lengths, texts, total, shares):
        symbol = CLASSES.index(text[0]) + 1
        ways = []
        for way in itertools.product((0, symbol), repeat=length):
            runs = [k for k, _ in itertools.groupby(way) if k]
            if len(runs) == len(text):
                ways.append((way, np.exp(line[np.arange(length), way].sum())))
        assert np.isclose(np.exp(found), sum(p for _, p in ways))
        expected = sum(p for way, p in ways if way[1] == symbol) / np.exp(found)
        assert np.isclose(share[1, symbol], expected)
        assert np.isclose(share[:length].sum(), length) and not share[length:].any()


def test_a_part_that_is_damaged_or_belongs_to_another_line_network_is_refused(taught, tmp_path):
    note = json.loads(note_of(taught.path))
    name, weights = next(iter(note["weights"].items()))
    nothing = base64.b64encode(np.full(160 * 38, np.nan, "<f4").tobytes()).decode()
    wrong = {
        "damaged": [
            "", "[1]", "[" * 100_000, json.dumps(note)[:-9], json.dumps(note | {"weights": {}}),
            json.dumps(note | {"weights": {name: weights[:-8]}}),
            json.dumps(note | {"weights": {name: nothing}}),
            json.dumps(note | {"weights": {"other": weights}}),
            json.dumps(note | {"weights": {name: 3}}),
        ],
        "another line network": [json.dumps(note | {"of": "0" * 64})],
    }  # fmt: skip
    for said, notes in wrong.items():
        for bad in notes:
            path = with_note(taught.path, bad, tmp_path / "bad.onnx")
            with pytest.raises(ModelError, match=said):
                Reader(model=path)
            assert Reader(model=path, lines=False).lines is None


def test_ctrl_c_while_lines_are_composed_keeps_the_characters(mine, tmp_path, monkeypatch):
    def stopped(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(teaching, "replay_lines", stopped)
    early = teaching.teach(mine, tmp_path / "early.onnx")
    shipped, read = Reader(), Reader(model=early.path)
    assert not early.whole and read.symbols == early.symbols
    assert read.lines.network.content == shipped.lines.network.content


def test_ctrl_c_in_the_lesson_on_lines_keeps_what_was_learnt(mine, tmp_path, monkeypatch):
    lesson, learnt = teaching.LineTeacher.lesson, []

    def stopped(self, own, say):
        def told(done, of):
            if done == 20:
                raise KeyboardInterrupt

        learnt.append(lesson(self, own, told))
        return learnt[-1]

    monkeypatch.setattr(teaching.LineTeacher, "lesson", stopped)
    early = teaching.teach(mine, tmp_path / "early.onnx")
    kept = teaching.open_line_ending(early.path)
    assert not early.whole and len(learnt) == 1
    np.testing.assert_allclose(kept.kernel, learnt[0][0].kernel, atol=1e-6)


def test_a_taught_network_is_taught_again(taught, tmp_path):
    glyphs, names, _ = draw_signs("/", 6, seed=4)
    save_examples(tmp_path / "more", glyphs, names, "drawn here")
    again = teaching.teach(tmp_path / "more", tmp_path / "more.onnx", model=taught.path)
    assert again.symbols == taught.symbols + "/" and again.new == "/"


def test_a_hand_that_writes_a_class_its_own_way_is_read(tmp_path):
    "This hand writes an E like the shape of another class."
    three = load_samples()
    glyphs = three.images[three.labels == 3][:12]
    own = teaching.distinct(glyphs, ["E"] * len(glyphs))
    teacher = teaching.Teacher()
    after, whole = teacher.lesson(own[np.arange(6)])
    features = teacher.start.features(normalise_glyphs(glyphs[6:]))
    e = CLASSES.index("E")
    assert whole
    assert after.chances(features)[:, e].mean() > 3 * teacher.start.chances(features)[:, e].mean()


@pytest.mark.parametrize("at", [(1, 40), (2, 0), (2, 40)])
def test_ctrl_c_keeps_what_was_learnt(mine, tmp_path, monkeypatch, at):
    "In the first lesson, while the second draws its examples, and in the second."
    lesson, lessons, learnt = teaching.Teacher.lesson, [], []

    def stopped(self, own, say):
        lessons.append(own)
        if at == (len(lessons), 0):
            raise KeyboardInterrupt

        def told(done, of):
            if at == (len(lessons), done):
                raise KeyboardInterrupt
            say(done, of)

        learnt.append(lesson(self, own, told))
        return learnt[-1]

    monkeypatch.setattr(teaching.Teacher, "lesson", stopped)
    taught = teaching.teach(mine, tmp_path / "early.onnx")
    assert not taught.whole and Reader(model=taught.path).symbols == taught.symbols
    kept = teaching.open_ending(taught.path)  # the first lesson's, of which the table tells
    assert np.array_equal(kept.kernel, learnt[0][0].kernel)
    assert len(lessons) == at[0]


def test_too_few_examples_are_named(tmp_path):
    folder = tmp_path / "few"
    save_examples(folder, draw_signs("+=", 3)[0][:5], ["+", "+", "+", "=", "="], "drawn here")
    with pytest.raises(DataError, match=r"fewer than 3 different examples of = \(2\)"):
        teaching.own_examples(folder)
    rows = [replace(row, keep=row.label != "=") for row in read_manifest(folder)]
    write_manifest(folder, rows)
    assert set(teaching.own_examples(folder).labels) == {"+"}


def test_one_picture_with_two_labels_is_refused():
    glyph = load_samples().images[:1]
    with pytest.raises(DataError, match="labelled 'O' and '0'"):
        teaching.distinct(np.repeat(glyph, 2, 0), ["O", "0"])


@pytest.mark.parametrize(
    "name, said",
    [("there.onnx", "is there already"), ("new.txt", "is no name"), ("a/b.onnx", "folder")],
)
def test_nothing_is_overwritten(mine, tmp_path, name, said):
    (tmp_path / "there.onnx").write_bytes(b"mine")
    with pytest.raises(CustomOCRError, match=said):
        teaching.teach(mine, tmp_path / name)
    assert (tmp_path / "there.onnx").read_bytes() == b"mine"


def test_a_foreign_network_is_refused(mine, tmp_path):
    with pytest.raises(ModelError):
        teaching.teach(mine, tmp_path / "new.onnx", model=MODELS / "boxes.onnx")
    assert not (tmp_path / "new.onnx").exists()


def test_the_command_teaches_and_reads(mine, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(teaching, "STEPS", 20)
    out = tmp_path / "mine.onnx"
    assert main(["teach", str(mine), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "looking at the examples" in said.splitlines()[0] and "3 of them new: ( + =" in said
    assert main(["evaluate", str(mine), "--model", str(out)]) == 0
    assert main(["teach", str(mine), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_a_taught_reader_trusts_what_was_taught_more_than_the_line_network(taught):
    from customocr.decoding import Lattice
    from customocr.line_network import LineReading, Strip, second_opinion

    assert Reader(model=taught.path).knows_the_hand and not Reader().knows_the_hand
    p = np.full((1, 36), 1e-3)
    p[0, CLASSES.index("Z")] = 0.96
    steps = np.full((4, 38), 1e-3)
    steps[:, 0], steps[2] = 0.96, 1e-3
    steps[2, 1 + CLASSES.index("L")] = 0.96
    strip = Strip(np.zeros((32, 16), np.uint8), 0.0, 1.0)
    sure = [
        second_opinion(
            Lattice.linear(p / p.sum(), []), np.zeros(1), np.full(1, 16.0),
            LineReading(strip, np.log(steps / steps.sum(1, keepdims=True)), hand),
        ).logp[0, CLASSES.index("Z")]
        for hand in (False, True)
    ]  # fmt: skip
    assert sure[1] > sure[0] + 0.5


def test_teaching_needs_no_tensorflow(mine):
    "So the extra `teach` is onnx alone."
    code = """
import sys
sys.modules.update(dict.fromkeys(("tensorflow", "keras", "pandas", "matplotlib", "fontTools")))
from customocr import teaching
teaching.REPLAY_DRAWN, teaching.REPLAY_HELD = 60, 30
print(teaching.Teacher().lesson(teaching.own_examples(sys.argv[1]))[1])
"""
    done = subprocess.run([sys.executable, "-c", code, mine], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr
