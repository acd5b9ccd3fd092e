"""Measuring a network on labelled glyphs and on pages with text."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from customocr import evaluating, samples
from customocr.cli import main
from customocr.collecting import read_manifest, save_examples, write_manifest
from customocr.errors import DataError
from customocr.glyphs import CLASSES
from customocr.recognition import MODELS, Reader

PAGES = Path(samples.__file__).parent / "pages"


class Says:
    "A reader that says what it is told, glyph by glyph."

    def __init__(self, said, symbols=CLASSES):
        self.said, self.symbols = said, symbols

    def classify(self, glyphs):
        p = np.full((len(glyphs), len(self.symbols)), 0.1 / len(self.symbols), np.float32)
        for row, c in zip(p, self.said):
            row[self.symbols.index(c)] = 0.9
        return p


def blank(n: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (n, 28, 28)).astype(np.uint8)


@pytest.fixture(scope="module")
def mine(tmp_path_factory) -> Path:
    "A folder of examples: some of the package's glyphs, and six plus signs."
    from customocr.data import load_samples
    from customocr.writing.signs import draw_signs

    found = load_samples()
    some = np.arange(len(found.images))[::7]
    glyphs = np.concatenate([found.images[some], draw_signs("+", 6)[0]])
    labels = [CLASSES[k] for k in found.labels[some]] + ["+"] * 6
    folder = tmp_path_factory.mktemp("examples") / "mine"
    save_examples(folder, glyphs, labels, "made here")
    return folder


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text("utf-8-sig").splitlines()))


def test_recall_precision_and_confusions_are_those_of_the_counts():
    scores = evaluating.evaluate_glyphs(Says("AABBBA"), blank(6), "AAABBB")
    assert scores.top1 == pytest.approx(4 / 6)
    a, b = scores.classes()
    assert (a.label, a.count, a.recall, a.precision) == ("A", 3, pytest.approx(2 / 3), 2 / 3)
    assert (a.taken_for, b.taken_for) == ("B", "A")
    assert [c.label + c.said for c in scores.confusions()] == ["AB", "BA"]


def test_an_unknown_class_is_wrong_and_a_small_letter_is_its_capital_where_there_are_none():
    scores = evaluating.evaluate_glyphs(Says("1AB"), blank(3), "/ab")
    assert scores.labels == ("/", "A", "B") and scores.small == 2
    assert scores.top1 == pytest.approx(2 / 3) and scores.top1_known == 1
    (slash,) = [c for c in scores.classes() if c.label == "/"]
    assert not slash.known and slash.precision is None and slash.taken_for == "1"
    taught = evaluating.evaluate_glyphs(Says("/aA", CLASSES + "/ab"), blank(3), "/ab")
    assert taught.top1 == pytest.approx(2 / 3) and taught.small == 0
    assert [c.label for c in taught.classes()] == ["/", "a", "b"]


def test_the_command_measures_glyphs_and_writes_its_report_once(mine, tmp_path, capsys):
    out = tmp_path / "report"
    assert main(["evaluate", str(mine), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "not a class of this model" in said and "top-1 0." in said and "confused most" in said
    assert sorted(p.name for p in out.iterdir()) == sorted(evaluating.GLYPH_FILES)
    rows = {row["class"]: row for row in table(out / "classes.csv")}
    assert rows["+"]["recall"] == "0.0" and rows["+"]["known"] == "0" and len(rows) == 37
    assert len(table(out / "examples.csv")) == len(read_manifest(mine))
    assert min(cv2.imread(str(out / "confusions.png")).shape[:2]) > 400
    assert cv2.imread(str(out / "worst.png")).shape[1] > 400
    before = {p: p.read_bytes() for p in out.iterdir()}
    assert main(["evaluate", str(mine), "--out", str(out)]) == 2
    assert "is there already" in capsys.readouterr().err
    assert {p: p.read_bytes() for p in out.iterdir()} == before


def test_json_has_the_figures_and_what_is_left_out_does_not_count(mine, tmp_path, capsys):
    shutil.copytree(mine, tmp_path / "mine")
    rows = [r for r in read_manifest(mine) if r.label != "+"]
    write_manifest(tmp_path / "mine", rows)
    assert main(["evaluate", str(tmp_path / "mine"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["kind"] == "glyphs" and found["count"] == len(rows)
    assert found["top1"] == found["top1_known"] > 0.85 and len(found["classes"]) == 36


def test_a_model_with_more_classes_is_measured(mine, tmp_path, capsys):
    onnx = pytest.importorskip("onnx", reason="needs the extra train")
    symbols = CLASSES + "+é/."
    model = onnx.load(MODELS / "characters.onnx")
    last = {node.op_type: node for node in model.graph.node}
    for part in model.graph.initializer:
        values = onnx.numpy_helper.to_array(part)
        if part.name in last["MatMul"].input:
            wider = np.pad(values, ((0, 0), (0, 4)))
        elif part.name in last["Add"].input:
            wider = np.pad(values, (0, 4), constant_values=-20)
        else:
            continue
        part.CopyFrom(onnx.numpy_helper.from_array(wider, part.name))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = len(symbols)
    del model.metadata_props[:]
    model.metadata_props.add(key="classes", value=symbols)
    onnx.save(model, tmp_path / "taught.onnx")
    assert main(["evaluate", str(mine), "--model", str(tmp_path / "taught.onnx"), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = {row["label"]: row for row in found["classes"]}
    assert rows["+"]["known"] and rows["+"]["recall"] == 0 and rows["A"]["recall"] > 0.5
    with pytest.raises(SystemExit):
        main(["evaluate", str(mine), "--model"])


def test_pages_with_texts_beside_them_the_worst_first(tmp_path, capsys):
    for name, text in (("hello.png", "HELLO, WORLD"), ("letter_m.png", "W"), ("chalk.jpg", None)):
        (tmp_path / "pages").mkdir(exist_ok=True)
        shutil.copy(PAGES / name, tmp_path / "pages" / name)
        if text:
            (tmp_path / "pages" / name).with_suffix(".txt").write_text(text)
    out = tmp_path / "report"
    assert main(["evaluate", str(tmp_path / "pages"), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "CER 0.0909, 0.500 of 2 pages exact" in said and "W read as M: 1" in said
    assert "1 characters do not count" in said and "1 pictures are left out" in said
    worst, good = table(out / "pages.csv")
    assert worst["file"].endswith("letter_m.png") and worst["cer"] == "1.0"
    assert good["exact"] == "1" and good["characters"] == "10"
    assert sorted(p.name for p in out.iterdir()) == sorted(evaluating.PAGE_FILES)
    assert cv2.imread(str(out / "worst.png")).shape[1] >= 400


def test_a_table_of_texts_as_the_data_folder_has_it():
    scores = evaluating.evaluate(PAGES.parent)
    assert len(scores.pages) == 14 and scores.cer < 0.05 and scores.exact > 0.8
    assert scores.to_dict()["pages"][0]["errors"] >= scores.to_dict()["pages"][-1]["errors"]


def test_a_page_that_cannot_be_read_is_told_and_does_not_count(tmp_path, capsys):
    shutil.copy(PAGES / "hello.png", tmp_path / "a.png")
    (tmp_path / "a.txt").write_text("HELLO WORLD")
    (tmp_path / "b.png").write_bytes(b"no picture")
    (tmp_path / "b.txt").write_text("NOTHING")
    assert main(["evaluate", str(tmp_path), "--json"]) == 1
    got = capsys.readouterr()
    assert json.loads(got.out)["cer"] == 0 and "b.png" in got.err and got.err.count("\n") == 1


@pytest.mark.parametrize(
    ("written", "read", "errors"),
    [("PIZZA", "PILLA", 2), ("ABC", "", 3), ("", "AB", 2), ("KITTEN", "SITTING", 3), ("", "", 0)],
)
def test_texts_are_aligned_with_the_fewest_changes(written, read, errors):
    pairs = evaluating.aligned(written, read)
    assert sum(a != b for a, b in pairs) == errors
    assert "".join(a for a, _ in pairs) == written and "".join(b for _, b in pairs) == read


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: None, "no such folder"),
        (lambda f: f.write_text("A"), "is a file; name a folder"),
        (lambda f: f.mkdir(), "no pictures in folders .* nor pages with a .txt"),
        (lambda f: save_examples(f, blank(1), "A") and drop_all(f), "keeps no example"),
        (lambda f: page(f, b"\xff\xfe\xff"), "not UTF-8"),
        (lambda f: page(f, b"A") or (f / "truth.tsv").write_text("a\tb\n"), "no column path"),
        (lambda f: page(f, b"A") or (f / "truth.tsv").write_text("path\ttext\np.png"), "row 2"),
    ],
    ids=["missing", "file", "empty", "all left out", "text", "table", "row"],
)
def test_bad_input_is_one_line(tmp_path, capsys, make, said):
    import re

    make(tmp_path / "it")
    assert main(["evaluate", str(tmp_path / "it"), "--out", str(tmp_path / "out")]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and re.search(said, err) and not (tmp_path / "out").exists()


def drop_all(folder: Path) -> None:
    from dataclasses import replace

    write_manifest(folder, [replace(r, keep=False) for r in read_manifest(folder)])


def page(folder: Path, text: bytes) -> None:
    folder.mkdir()
    shutil.copy(PAGES / "hello.png", folder / "p.png")
    (folder / "p.txt").write_bytes(text)


def test_a_disk_that_fills_up_leaves_no_half_report(mine, tmp_path, monkeypatch):
    scores, done = evaluating.evaluate(mine, Reader(lines=False)), []

    def full(path, data):
        if len(done) == 2:
            raise DataError(f"{path}: cannot be written: No space left on device")
        done.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(evaluating, "write_new", full)
    with pytest.raises(DataError, match="No space left"):
        evaluating.write_scores(scores, tmp_path / "report")
    assert not (tmp_path / "report").exists()
