"""Whatever comes in, reading answers within its promises or raises our own error."""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

sys.path.insert(0, str(Path(__file__).parent / "fuzz"))
import material
import targets

from customocr.collecting import Row, label_of, read_manifest, write_manifest
from customocr.decoding import Lexicon
from customocr.engine.patterns import compile_pattern
from customocr.errors import CustomOCRError
from customocr.glyphs import CLASSES
from customocr.images import load_image

few = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,  # the same examples on every run
    database=None,
    suppress_health_check=list(HealthCheck),
)
many = settings(few, max_examples=150)
KEPT = sorted(path for path in targets.SEEDS.glob("*/*") if path.is_file())


def test_inputs_are_kept_for_each_kind():
    kinds = {"image", "pattern", "lexicon", "glyphs", "manifest", "model"}
    assert {path.parent.name for path in KEPT} >= kinds


@pytest.mark.parametrize("path", KEPT, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_inputs_that_once_went_wrong_do_so_no_more(path):
    assert targets.TARGETS[path.parent.name](path.read_bytes()) is None


# ---- arrays and files
pixels = st.one_of(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=40)),
    arrays(
        st.sampled_from([np.dtype(k) for k in ("u1", "?", "u2", "i4", "f4", "f8", "c8", "U2")]),
        array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=6),
    ),
)


@few
@given(pixels)
def test_an_array_is_read_within_the_promises_or_refused(array):
    try:
        page = targets.reader().read(array)
    except CustomOCRError as error:
        assert str(error)
    else:
        assert material.broken_promises(page) == []
        assert page.size == (array.shape[1], array.shape[0])


@many
@given(pixels)
def test_a_picture_that_is_loaded_is_bytes_in_two_or_three_dimensions(array):
    try:
        image = load_image(array)
    except CustomOCRError as error:
        assert str(error)
    else:
        assert image.pixels.dtype == np.uint8 and image.pixels.shape[:2] == array.shape[:2]
        assert image.pixels.ndim == 2 or image.pixels.shape[2] == 3


@few
@given(st.integers(0, 2**32 - 1))
def test_a_damaged_file_is_read_within_the_promises_or_refused(seed):
    data, _ = material.mutated(np.random.default_rng(seed))
    assert targets.image(data) is None


@settings(few, max_examples=8)
@given(st.integers(0, 2**32 - 1))
def test_a_hostile_page_is_read_within_the_promises(seed):
    page, _ = material.hostile(np.random.default_rng(seed))
    assume(page.size < 300_000)
    assert material.broken_promises(targets.reader().read(page)) == []


# ---- what is known of the text
@many
@given(st.text("A9*{},0123re:()[]|+?.\\dws-^$ ab²ß", max_size=30))
def test_a_pattern_compiles_to_states_that_lead_nowhere_else_or_is_refused(text):
    assert targets.pattern(text.encode()) is None
    assert targets.pattern(f"re:{text}".encode()) is None


@many
@given(st.lists(st.sampled_from(["A", "9", "*"]), min_size=1, max_size=12))
def test_a_mask_accepts_what_it_says(signs):
    automaton = compile_pattern("".join(signs))
    state = 0
    for sign in signs:
        state = automaton.follow[state, CLASSES.index("7" if sign == "9" else "K")]
    assert state >= 0 and automaton.accept[state]


@many
@given(st.sets(st.text(CLASSES, min_size=1, max_size=8), min_size=1, max_size=30))
def test_a_lexicon_holds_its_words_and_no_beginnings_of_them(words):
    index = Lexicon(words)
    assert len(index) == len(words) and all(word in index for word in words)
    assert all((word[:-1] in index) == (word[:-1] in words) for word in words)


@many
@given(st.binary(max_size=200))
def test_a_lexicon_file_of_any_bytes_is_indexed_or_refused(data):
    assert targets.lexicon(data) is None


# ---- files that others made
damage = st.lists(
    st.tuples(st.floats(0, 1), st.one_of(st.binary(max_size=6), st.integers(0, 400))), max_size=4
)


def damaged(data: bytes, steps: list) -> bytes:
    "Bytes written over, and stretches left out."
    out = bytearray(data)
    for where, what in steps:
        at = int(where * len(out))
        if isinstance(what, bytes):
            out[at : at + len(what)] = what
        else:
            del out[at : at + what]
    return bytes(out)


@few
@given(st.sampled_from(targets.first_inputs("glyphs")), damage)
def test_damaged_arrays_and_tables_are_refused_with_our_own_error(data, steps):
    assert targets.glyphs(damaged(data, steps)) is None


cells = st.one_of(
    st.sampled_from(["one.png", "A", "U+0041", "1,2,3,4", "0.5", "yes", "inf", "1e999", "../x"]),
    st.text('A1.,;-"\n\r\t\0é/', max_size=6),
)


@few
@given(st.lists(st.lists(cells, min_size=6, max_size=7), max_size=4), st.sampled_from(",;\t"))
def test_a_table_of_examples_is_read_and_written_alike_or_refused(rows, sign):
    quoted = [[f'"{cell}"' if n % 2 else cell for n, cell in enumerate(row)] for row in rows]
    head = ["file", "label", "source", "box", "keep", "doubt"]
    text = "\n".join(sign.join(row) for row in [head, *quoted])
    assert targets.manifest(text.encode()) is None


rows_of_examples = st.builds(
    Row,
    st.from_regex(r"[a-z]{1,8}/[a-z0-9 ,]{1,8}\.png", fullmatch=True),
    st.characters().filter(lambda c: label_of(c) == c),
    st.text('page 1,;"é', max_size=8).map(str.strip),
    st.one_of(st.just(()), st.tuples(*[st.integers(0, 9999)] * 4)),
    st.booleans(),
    st.one_of(st.none(), st.integers(0, 1000).map(lambda n: n / 1000)),
)


@many
@given(st.lists(rows_of_examples, max_size=5))
def test_what_is_written_to_a_table_of_examples_comes_back(rows):
    with tempfile.TemporaryDirectory() as folder:
        write_manifest(folder, rows)
        assert read_manifest(folder) == rows


@few
@given(damage)
def test_a_damaged_model_reads_within_the_promises_or_is_refused(steps):
    assert targets.model(damaged(targets.first_inputs("model")[0], steps)) is None
