"A model may have more classes than the 36: decoder, hints and lattice work with them."

import numpy as np
import pytest

from customocr.decoding import Knowledge, Lattice, Lexicon, alphabet_mask, decode
from customocr.engine.patterns import compile_pattern
from customocr.errors import KnowledgeError, ModelError
from customocr.glyphs import CLASSES, class_of
from customocr.layout.lines import Candidate, Piece, TextLine
from customocr.recognition import line_lattice, taught_classes

SYMBOLS = CLASSES + "/.ae"


def line(text, sure=0.9, other="I"):
    "A lattice of characters that are cut: each surely as written, else `other`."
    cells = text.replace(" ", "")
    p = np.full((len(cells), len(SYMBOLS)), 1e-4)
    for row, c in zip(p, cells):
        row[SYMBOLS.index(other)] = 1 - sure
        row[SYMBOLS.index(c)] = sure
    spaces = [len(text[:k].replace(" ", "")) for k, c in enumerate(text) if c == " "]
    return Lattice.linear(p / p.sum(1, keepdims=True), spaces)


def test_lower_case_counts_as_capital_only_where_the_model_has_no_lower_case():
    assert class_of("b") == CLASSES.index("B") == class_of("b", SYMBOLS)
    assert class_of("a", SYMBOLS) == SYMBOLS.index("a")
    assert class_of("/") == -1


@pytest.mark.parametrize("text", ["12/05/1980", "ROSE. 24.5", "Bea", "1/2 B"])
def test_taught_classes_are_read(text):
    assert decode(line(text), Knowledge(symbols=SYMBOLS)).text == text


def test_alternatives_name_taught_classes():
    decoding = decode(line("1/2", sure=0.6), Knowledge(symbols=SYMBOLS))
    assert {"/", "I"} <= {c for c, _ in decoding.alternatives[1]}


def test_an_alphabet_holds_taught_classes():
    knowledge = Knowledge(alphabet="0123456789/", symbols=SYMBOLS)
    assert decode(line("12/05", sure=0.3), knowledge).text == "12/05"
    assert alphabet_mask("letters", SYMBOLS)[-2:].all()
    assert not alphabet_mask("digits", SYMBOLS)[10:].any()
    with pytest.raises(KnowledgeError, match="'/' is not among"):
        alphabet_mask("0/1")
    with pytest.raises(KnowledgeError, match=r"0-9, A-Z, /, \., a, e"):
        alphabet_mask("0#1", SYMBOLS)


def test_a_mask_demands_punctuation_that_the_model_reads_and_passes_over_the_other():
    knowledge = Knowledge(pattern="99/99", strict=True, symbols=SYMBOLS)
    assert decode(line("12/05", sure=0.3), knowledge).text == "12/05"
    assert compile_pattern("99/99").accept.size == compile_pattern("9999").accept.size
    assert compile_pattern("re:[a-e]+", SYMBOLS).follow[0].nonzero()[0].size


def test_a_lexicon_holds_taught_classes():
    words = Lexicon(["Bea", "A/C"], SYMBOLS)
    assert "Bea" in words and "A/C" in words and "BEA" not in words
    knowledge = Knowledge(lexicon=words, strict=True, symbols=SYMBOLS)
    assert decode(line("Bea", sure=0.5), knowledge).text == "Bea"
    with pytest.raises(KnowledgeError, match="other classes"):
        Knowledge(lexicon=words)


class File:
    "Stands for a network whose file notes some classes."

    def __init__(self, classes):
        self.custom_metadata_map = {"classes": classes}

    def get_modelmeta(self):
        return self


def test_a_file_names_its_classes_or_is_refused():
    assert taught_classes(File(SYMBOLS), "m.onnx") == SYMBOLS
    for classes in ("ABC", CLASSES + "..", CLASSES + " "):
        with pytest.raises(ModelError, match="m.onnx: its classes"):
            taught_classes(File(classes), "m.onnx")


def test_a_dot_that_the_judge_takes_for_no_character_is_read_where_dots_were_taught():
    ink = lambda h, w: np.full((h, w), 255, np.uint8)
    pieces = Piece(0, 0, ink(32, 20)), Piece(24, 27, ink(5, 5)), Piece(34, 0, ink(32, 20))
    text = TextLine(32.0, pieces, tuple(Candidate(k, k + 1, p) for k, p in enumerate(pieces)))
    logs = np.log([[0.98, 0.01, 0.01], [0.01, 0.01, 0.98], [0.98, 0.01, 0.01]])
    probabilities = np.full((3, len(SYMBOLS)), 1e-3)
    for row, c in zip(probabilities, "2.5"):
        row[SYMBOLS.index(c)] = 1
    probabilities /= probabilities.sum(1, keepdims=True)
    judged = line_lattice(text, logs, probabilities, symbols=SYMBOLS)
    assert decode(judged.lattice, Knowledge(symbols=SYMBOLS)).text == "2.5"
    old = probabilities[:, :36] / probabilities[:, :36].sum(1, keepdims=True)
    assert decode(line_lattice(text, logs, old).lattice).text == "25"
