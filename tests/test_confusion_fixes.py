"""The rules on text: what each mends, what each breaks, and the counting of confusions."""

from collections import Counter

import numpy as np
import pytest

from customocr.confusion_fixes import (
    LOOK_ALIKES,
    align,
    blanket_fix,
    confused_pairs,
    confusion_counts,
    fix_text,
    look_alike_errors,
    neighbour_fix,
    random_codes,
    spell,
)
from customocr.errors import KnowledgeError
from customocr.glyphs import CLASSES


def test_blanket_fix_mends_words_and_destroys_digits():
    assert blanket_fix("H0U5E") == "HOUSE"
    assert blanket_fix("1050") == "IOSO"


@pytest.mark.parametrize(
    "read, mended",
    [
        ("H0U5E", "HOUSE"),
        ("2O47", "2047"),
        ("C1R", "CIR"),
        ("7I", "71"),
        ("1OOO HILLT0P C1R\nBALT1M0RE MD 2I2SO", "1OOO HILLTOP CIR\nBALTIMORE MD 21250"),
        ("", ""),
        (" \n ", " \n "),
    ],
)
def test_neighbour_rule_mends_both_ways(read, mended):
    assert neighbour_fix(read) == mended


@pytest.mark.parametrize("read", ["5O5", "0", "SOS", "X07"])
def test_neighbour_rule_leaves_what_neighbours_do_not_settle(read):
    assert neighbour_fix(read) == read


def test_neighbour_rule_stops_at_words_and_lines():
    assert neighbour_fix("A\n0\n7") == "A\n0\n7"
    assert neighbour_fix("AB 10 CD") == "AB 10 CD"


def test_pairs_can_be_added():
    assert neighbour_fix("PI22A") == "PI22A"
    assert neighbour_fix("PI22A", LOOK_ALIKES) == "PIZZA"


def test_rule_is_switched_by_name():
    assert (fix_text("H0", "none"), fix_text("H0", "blanket"), fix_text("2O")) == ("H0", "HO", "20")
    with pytest.raises(KnowledgeError, match="'wishful'.*neighbours"):
        fix_text("H0", "wishful")


def test_alignment_uses_the_fewest_edits():
    assert align("KITTEN", "SITTING") == [
        ("K", "S"),
        ("I", "I"),
        ("T", "T"),
        ("T", "T"),
        ("E", "I"),
        ("N", "N"),
        ("", "G"),
    ]
    rng = np.random.default_rng(0)
    for _ in range(30):
        a, b = ("".join(rng.choice(list("AB1"), rng.integers(0, 8))) for _ in range(2))
        pairs = align(a, b)
        assert "".join(t for t, _ in pairs) == a and "".join(r for _, r in pairs) == b
        assert sum(t != r for t, r in pairs) <= max(len(a), len(b))


def test_confusions_are_counted_both_ways():
    counts = confusion_counts(np.array([0, 0, 24, 24, 1]), np.array([24, 0, 0, 0, 2]))
    assert counts.shape == (36, 36) and counts.sum() == 5 and counts[24, 0] == 2
    assert confused_pairs(counts)[0] == ("0", "O", 1, 2, 0.75)
    assert look_alike_errors("1000 S", "IO00 5") == Counter({"1/I": 1, "0/O": 1, "5/S": 1})


def test_spelling_keeps_to_one_writer_where_it_can():
    labels, writers = np.tile(np.arange(36), 3), np.repeat([4, 7, 9], 36)
    rng = np.random.default_rng(1)
    chosen = spell("A1 B2", labels, writers, rng)
    assert "".join(CLASSES[i] for i in labels[chosen]) == "A1B2" and len(set(writers[chosen])) == 1
    lone = (labels != 10) | (writers == 4)
    assert labels[lone][spell("A", labels[lone], writers[lone], rng)] == [10]


def test_random_codes_are_half_digits():
    codes = random_codes(400, np.random.default_rng(0))
    share = np.mean([c.isdigit() for code in codes for c in code])
    assert all(4 <= len(c) <= 8 for c in codes) and 0.45 < share < 0.55
