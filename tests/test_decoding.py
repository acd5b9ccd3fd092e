"""What users of the decoder rely on: exactness, knowledge in each form, calibrated numbers,
errors."""

import itertools
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from customocr import decoding as D
from customocr.decoding import Knowledge, Lattice, Lexicon, decode, decode_lines
from customocr.engine import sweep
from customocr.engine.patterns import compile_pattern
from customocr.errors import KnowledgeError
from customocr.glyphs import CLASSES

PAIRS = ("0O", "1I", "5S", "2Z", "8B")
ADDRESS = ("1000 HILLTOP CIR", "BALTIMORE MD 21250")


def row(*chances):
    "Class probabilities from (character, probability) pairs; the rest is spread evenly."
    p = np.zeros(36)
    for c, chance in chances:
        p[CLASSES.index(c)] = chance
    return p + max(0, 1 - p.sum()) / 36


def undecided(text, sure=0.97):
    "A lattice in which each 0/O, 1/I, 5/S, 2/Z, 8/B could be either, all others are clear."
    rows, spaces = [], []
    for c in text:
        if c == " ":
            spaces.append(len(rows))
            continue
        pair = next((p for p in PAIRS if c in p), None)
        rows.append(row((pair[0], 0.49), (pair[1], 0.49)) if pair else row((c, sure)))
    return Lattice.linear(np.array(rows), spaces)


def joined(left, middle, right, whole):
    "A lattice with a choice of cuts: `left` and `right` between three nodes, or `whole` over both."
    logp = np.log([left, right, whole])
    return Lattice(
        3,
        np.array([0, 1, 0]),
        np.array([1, 2, 2]),
        np.array([middle / 2, middle / 2, 0.0], np.float32),
        logp,
        np.zeros(3, np.float32),
    )


def test_mixed_address_without_hints():
    assert [d.text for d in decode_lines([undecided(t) for t in ADDRESS])] == list(ADDRESS)


@pytest.mark.parametrize("text", ["SIZZLING", "BOOKS", "OLIVIER", "10580", "2015", "75011"])
def test_prior_settles_what_the_shape_leaves_open(text):
    assert decode(undecided(text)).text == text


@pytest.mark.parametrize("text", ["7PZ9", "A21I17Q", "TH3", "AB0Z", "B00K", "XQ7", "QXZJ", "5AM0"])
def test_clear_codes_are_not_corrected_into_words(text):
    probs = np.array(
        [row((c, 0.998), *((o, 0.001) for p in PAIRS if c in p for o in p if o != c)) for c in text]
    )
    assert decode(Lattice.linear(probs)).text == text


def test_without_the_prior_the_evidence_alone_decides():
    probs = np.array(
        [row((c, 0.6), *((o, 0.39) for p in PAIRS if c in p for o in p if o != c)) for c in "W0RD5"]
    )
    assert decode(Lattice.linear(probs), Knowledge(prior=False)).text == "W0RD5"
    assert decode(Lattice.linear(probs)).text == "WORDS"


def brute_force(lattice, mask=None):
    "Every path with its posterior under evidence and cuts only."

    def paths(node):
        if node == lattice.n_nodes - 1:
            yield ()
        for e in np.flatnonzero(lattice.start == node):
            for rest in paths(lattice.end[e]):
                yield (int(e), *rest)

    p = np.exp(lattice.logp.astype(float)) + sweep.CLASS_FLOOR
    p = p * (1 if mask is None else mask)
    p /= p.sum(1, keepdims=True)
    total, edge_class = {}, np.zeros((len(p), 36))
    for path in paths(0):
        for classes in itertools.product(range(3), repeat=len(path)):
            w = np.exp(sweep.SEGMENT_WEIGHT * lattice.score[list(path)].sum()) * np.prod(
                [p[e, c] ** sweep.EVIDENCE_WEIGHT for e, c in zip(path, classes)]
            )
            total[path, classes] = w
            for e, c in zip(path, classes):
                edge_class[e, c] += w
    z = sum(total.values())
    return max(total, key=total.get), edge_class / z


def test_best_path_and_posteriors_equal_brute_force():
    rng = np.random.default_rng(3)
    for _ in range(5):
        start, end = np.array([0, 0, 1, 1, 2, 3, 2]), np.array([1, 2, 2, 3, 3, 4, 4])
        probs = np.zeros((7, 36))
        probs[:, :3] = rng.dirichlet([1, 1, 1], 7)
        lattice = Lattice(
            5,
            start,
            end,
            rng.normal(size=7).astype(np.float32),
            np.log(probs + 1e-30),
            np.zeros(5, np.float32),
        )
        got = decode(lattice, Knowledge(alphabet="012", prior=False))
        (path, classes), posterior = brute_force(lattice, np.arange(36) < 3)
        assert tuple(got.edges) == path and got.characters == "".join(CLASSES[c] for c in classes)
        np.testing.assert_allclose(
            got.probabilities, [posterior[e, c] for e, c in zip(path, classes)], rtol=1e-4
        )
        for e, options in zip(path, got.alternatives):
            assert dict(options) == pytest.approx(
                {CLASSES[c]: posterior[e, c] for c in range(3)}, rel=1e-4
            )


def test_cuts_and_classes_are_chosen_together():
    one, i, ell = row(("H", 0.55), ("N", 0.4)), row(("I", 0.9)), row(("I", 0.9))
    split, whole = joined(i, 0.0, ell, one), joined(i, -6.0, ell, one)
    assert decode(split, Knowledge(prior=False)).text == "II"
    assert decode(whole, Knowledge(prior=False)).text == "H"
    assert decode(split, Knowledge(pattern="A")).text == "H"


def test_soft_word_spaces_follow_the_language():
    lattice = undecided("MAINSTREET")
    space = np.zeros(11, np.float32)
    space[4] = 0.5
    space[7] = 0.02
    soft = Lattice(11, lattice.start, lattice.end, lattice.score, lattice.logp, space)
    assert decode(soft).text == "MAIN STREET"
    assert decode(soft, Knowledge(pattern="A{10}")).text == "MAINSTREET"
    assert [(w.text, w.first, w.last) for w in decode(soft).words] == [
        ("MAIN", 0, 4),
        ("STREET", 4, 10),
    ]


def test_batch_reads_as_single_lines_do():
    lattices = [undecided(t) for t in (*ADDRESS, "A", "10 ST")]
    for one, many in zip(map(decode, lattices), decode_lines(lattices)):
        assert one.text == many.text and one.edges.tolist() == many.edges.tolist()


def leaning(text, to, share):
    "The lattice of a word of which one character looks a little more like another."
    lattice = undecided(text)
    at, logp = text.index(to[0]), lattice.logp.copy()
    logp[at] = np.log(1e-6)
    logp[at, [CLASSES.index(c) for c in to]] = np.log([1 - share, share])
    return replace(lattice, logp=logp)


def test_a_page_tells_which_kinds_of_text_it_has():
    words = ["WIND", "THROUGH", "PLASTIC", "FEELING", "HAPPY"]
    numbers = ["48137", "903364", "77249", "36943"]
    doubtful = leaning("DO", "O0", 0.9)
    assert decode(doubtful).text == "D0"
    assert decode_lines([doubtful, *map(undecided, words)])[0].text == "DO"
    assert decode_lines([doubtful, *map(undecided, numbers)])[0].text == "D0"


def test_digits_on_both_sides_make_a_digit():
    assert decode(leaning("155", "5S", 0.8)).text == "155"


def test_empty_lattice_reads_as_nothing():
    empty = decode(Lattice.linear(np.zeros((0, 36))))
    assert empty.text == "" and empty.words == () and len(empty.probabilities) == 0
    assert decode_lines([]) == []


def flat(n_nodes, reach, space=0.02):
    "A lattice about which the networks know nothing: every cut and every class is as good as any."
    pairs = [(a, b) for a in range(n_nodes) for b in range(a + 1, min(a + reach, n_nodes - 1) + 1)]
    start, end = np.array(pairs).T
    logp = np.full((len(start), 36), -np.log(36), np.float32)
    spaces = np.r_[0, np.full(n_nodes - 2, space), 0].astype(np.float32)
    return Lattice(n_nodes, start, end, np.zeros(len(start), np.float32), logp, spaces)


def test_arcs_are_bounded_where_the_networks_know_nothing(monkeypatch):
    sweeps, inner = [], D.Sweep
    monkeypatch.setattr(D, "Sweep", lambda *a: sweeps.append(inner(*a)) or sweeps[-1])
    (got,) = decode_lines([flat(200, 5)])
    assert len(got.characters) >= 40 and all(0 < p <= 1 for p in got.probabilities)
    # at each node arcs of characters, then of word spaces
    assert sweeps[-1].n_arcs <= 200 * 2 * sweep.MAX_ARCS
    assert sweep.arcs_at_a_node(200) == sweep.MAX_ARCS > sweep.arcs_at_a_node(10**6)
    many = decode_lines([flat(30, 4)] * 60)
    assert len({d.text for d in many}) == 1


def test_sums_are_right_where_many_edges_read_the_same_ink():
    "As windows of a network that slides along the line: edges that overlap read the same."
    rng = np.random.default_rng(8)
    pairs = [(a, b) for a in range(4) for b in range(a + 1, 5)] * 2  # each edge twice
    start, end = np.array(pairs).T
    probs = np.zeros((len(pairs), 36))
    probs[:, :2] = rng.dirichlet([1, 1], len(pairs))
    score = rng.normal(size=len(pairs)).astype(np.float32)
    blank = np.zeros(len(pairs), bool)
    blank[[3, 9, 14]] = True
    lattice = Lattice(5, start, end, score, np.log(probs + 1e-30), np.zeros(5), blank)
    p = np.exp(lattice.logp.astype(float))[:, :2] + sweep.CLASS_FLOOR
    p /= p.sum(1, keepdims=True)
    texts, best, edge_class = {}, (0.0, None), np.zeros((len(pairs), 2))

    def paths(node):
        if node == 4:
            yield ()
        for e in np.flatnonzero(start == node):
            for rest in paths(end[e]):
                yield (int(e), *rest)

    for path in paths(0):
        real = [e for e in path if not blank[e]]
        for classes in itertools.product(range(2), repeat=len(real)):
            w = np.exp(score[list(path)].sum()) * np.prod([p[e, c] for e, c in zip(real, classes)])
            text = "".join(map(str, classes))
            texts[text] = texts.get(text, 0) + w
            best = max(best, (w, real))
            for e, c in zip(real, classes):
                edge_class[e, c] += w
    z = sum(texts.values())
    got = decode(lattice, Knowledge(alphabet="01", prior=False))
    assert got.edges.tolist() == best[1]
    read = [int(c) for c in got.characters]
    np.testing.assert_allclose(got.probabilities, edge_class[got.edges, read] / z, rtol=1e-3)
    for text, chance in got.words[0].alternatives[:3]:
        assert chance == pytest.approx(texts[text] / z, rel=1e-3)


# -- Alphabet and rejection --


def test_alphabet_takes_the_mass_from_other_classes():
    glyph = Lattice.linear(np.array([row(("O", 0.7), ("0", 0.25))]))
    digits, letters = (
        decode(glyph, Knowledge(alphabet="digits")),
        decode(glyph, Knowledge(alphabet="letters")),
    )
    assert (digits.text, letters.text) == ("0", "O")
    assert digits.probabilities[0] > 0.8
    assert all(c in "0123456789" for c, _ in digits.alternatives[0])
    assert decode(glyph, Knowledge(alphabet="xyz0")).text == "0"
    assert decode(glyph, Knowledge(alphabet="Digits")).text == "0"


def test_reject_leaves_a_placeholder_instead_of_a_guess():
    lattice = Lattice.linear(
        np.array([row(("7", 0.99)), row(("4", 0.4), ("9", 0.38)), row(("3", 0.99))])
    )
    got = decode(lattice, Knowledge(reject=0.6))
    assert got.text == f"7{D.PLACEHOLDER}3" and got.characters == "743"
    assert got.probabilities[1] < 0.6 < got.probabilities[0]
    assert decode(lattice, Knowledge()).text == "743"


# -- Patterns --


@pytest.mark.parametrize(
    "pattern, text",
    [
        ("AA999AA", "IO105SO"),
        ("9{5}", "10580"),
        ("aa9", "IO1"),
        ("A{2,7} 9{4}", "BOSS 2015"),
        ("99/99/9999", "12051980"),
        ("\\A9{3}", "A105"),
        ("FR-9*9", "FR1O5"),
        ("re:[A-Z]+ \\d{4}", "SOS 1050"),
        ("re:(?:IBO|\\d{3})S?", "1805"),
        ("re:^[0-9]{2}[^\\d ]{2}$", "10SO"),
        ("re:\\w{3}[5]", "IO15"),
    ],
)
def test_pattern_decides_between_look_alikes(pattern, text):
    lattice = undecided(text)
    got = decode(lattice, Knowledge(pattern=pattern))
    automaton, state = compile_pattern(pattern), 0
    for c in got.text:
        state = automaton.follow[state, len(CLASSES) if c == " " else CLASSES.index(c)]
    assert got.matched and automaton.accept[state]
    assert len(got.text) == len(text)


def test_mask_reads_the_field_as_it_is():
    assert decode(undecided("IO105SO"), Knowledge(pattern="AA999AA")).text == "IO105SO"
    assert (
        decode(undecided("BOSS 2015"), Knowledge(pattern="A+".replace("+", "{1,9}") + " 9{4}")).text
        == "BOSS 2015"
    )


def test_line_that_fits_no_pattern_is_read_and_marked():
    got = decode(undecided("HELLO"), Knowledge(pattern="99"))
    assert not got.matched and got.text == "HELLO"
    assert decode(undecided("HELLO"), Knowledge(pattern="99", reject=0.5)).text == D.PLACEHOLDER * 5


@pytest.mark.parametrize(
    "pattern, spot",
    [
        ("A{", 2),
        ("A{x}", 2),
        ("{3}A", 1),
        ("A{3}{2}", 5),
        ("é9", 1),
        ("A\\", 2),
        ("re:[A-Z", 1),
        ("re:(AB", 1),
        ("re:A)", 2),
        ("re:*A", 1),
        ("re:[Z-A]", 3),
        ("re:A^B", 2),
        ("re:\\q", 1),
        ("re:(?=A)", 2),
        ("A{5,2}", 2),
        ("9{999}", 2),
        ("re:[-]", 1),
        ("re:A|*", 3),
        ("A{²}", 2),
        ("A{1,²}", 2),
        ("A{" + 900 * "9" + "}", 2),
        ("ﬆ9", 1),
        ("re:" + 60 * "(" + "A" + 60 * ")", 51),
    ],
)
def test_malformed_pattern_names_the_spot(pattern, spot):
    with pytest.raises(KnowledgeError) as error:
        Knowledge(pattern=pattern)
    assert f"position {spot}" in str(error.value), str(error.value)
    assert "^" in str(error.value).splitlines()[-1]


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "--/", "re:", 7),
        "re:(" + "[AB]*A" + "." * 20 + ")",
        "re:((((A{200}){200}){200}){200})",
        "re:(.{0,200}){0,200}",
        "re:" + 5000 * "(" + "A" + 5000 * ")",
        20_000 * "A",
    ],
)
def test_pattern_that_cannot_be_meant_is_refused(pattern):
    with pytest.raises(KnowledgeError, match="pattern"):
        Knowledge(pattern=pattern)


# -- Lexicon --


def test_soft_lexicon_helps_and_can_be_left():
    words = ["MARTIN", "BERNARD", "DUBOIS", "1ER"]
    shaky = Lattice.linear(
        np.array(
            [
                row(("D", 0.5), ("O", 0.4)),
                row(("V", 0.6), ("U", 0.3)),
                row(("8", 0.6), ("B", 0.3)),
                row(("0", 0.6), ("O", 0.3)),
                row(("1", 0.6), ("I", 0.3)),
                row(("5", 0.6), ("S", 0.3)),
            ]
        )
    )
    assert decode(shaky, Knowledge(lexicon=words)).text == "DUBOIS"
    clear = Lattice.linear(np.array([row((c, 0.99)) for c in "MARTYN"]))
    assert decode(clear, Knowledge(lexicon=words)).text == "MARTYN"
    assert decode(clear, Knowledge(lexicon=words, strict=True)).text == "MARTIN"


def test_lexicon_picks_the_cut():
    lattice = joined(row(("I", 0.8)), 1.0, row(("I", 0.8)), row(("H", 0.5), ("N", 0.4)))
    assert decode(lattice, Knowledge(lexicon=["N", "X"], strict=True)).text == "N"


def test_strict_reads_nothing_in_a_line_that_does_not_fit():
    for known in (dict(lexicon=["A", "BB"]), dict(pattern="99")):
        got, fits = decode_lines(
            [undecided("HELLO"), undecided("BB" if "lexicon" in known else "15")],
            Knowledge(**known, strict=True),
        )
        assert not got.matched and got.text == "" and got.words == () and not len(got.edges)
        assert fits.matched and fits.text in ("BB", "15")


def test_everything_combines():
    lattice = undecided("SOS 105")
    got = decode(
        lattice,
        Knowledge(
            alphabet="SO015",
            pattern="A{3} 9{3}",
            lexicon=["SOS", "105", "505"],
            strict=True,
            reject=0.2,
        ),
    )
    assert got.text == "SOS 105" and got.matched


def test_lexicon_index_holds_exactly_its_words(tmp_path):
    rng = np.random.default_rng(0)
    words = {"".join(rng.choice(list("ABC12"), rng.integers(1, 7))) for _ in range(500)}
    index = Lexicon(words)
    assert len(index) == len(words) and all(w in index for w in words)
    assert not any(w in index for w in ("", "ABCABCABC", "Z", "é") if w not in words)
    file = tmp_path / "words.txt"
    file.write_text("# a comment\n" + "\n\n".join(w.lower() for w in words) + "\n", encoding="utf8")
    assert len(Lexicon(file)) == len(words)


@pytest.mark.parametrize(
    "lexicon, message",
    [
        (["MARTIN", "O'BRIEN"], "word 2.*O'BRIEN.*\"'\""),
        ([], "no words"),
        (["GARÇON"], "word 1.*Ç"),
        ("no/such/file.txt", "no/such/file.txt"),
        ([3], "list of words"),
        (7, "list of words"),
        (["JEAN PAUL"], "word 1"),
        ("a\0b", "null"),
        (".", "directory"),
    ],
)
def test_bad_lexicon_names_the_spot(lexicon, message):
    with pytest.raises(KnowledgeError, match=message):
        Knowledge(lexicon=lexicon)


def test_bad_lexicon_file_names_the_line(tmp_path):
    file = tmp_path / "names.txt"
    file.write_text("MARTIN\n\nD-DAY\n", encoding="utf8")
    with pytest.raises(KnowledgeError, match=r"names\.txt.*line 3.*D-DAY"):
        Knowledge(lexicon=file)
    file.write_bytes(b"MARTIN\nGAR\xc7ON\n")
    with pytest.raises(KnowledgeError, match="byte 10.*UTF-8"):
        Knowledge(lexicon=str(file))


def test_lexicon_that_is_too_large_is_refused_before_it_is_indexed(monkeypatch, tmp_path):
    monkeypatch.setattr(D, "MAX_WORDS", 100)
    endless = ("AB" for _ in itertools.count())
    with pytest.raises(KnowledgeError, match="more than 100 words"):
        Lexicon(endless)
    monkeypatch.setattr(D, "MAX_CHARACTERS", 10)
    file = tmp_path / "words.txt"
    file.write_text(50 * "A\n", encoding="utf8")
    with pytest.raises(KnowledgeError, match=r"words\.txt.*larger"):
        Lexicon(file)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_lexicon_that_is_no_regular_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(KnowledgeError, match="no regular file"):
        Lexicon(tmp_path / "pipe")


@pytest.mark.parametrize("alphabet", ["digit", "Digts", "letter", "numbers", "ALPHA", "alphanum"])
def test_alphabet_that_looks_like_a_misspelt_name_is_refused(alphabet):
    with pytest.raises(KnowledgeError, match="meant"):
        Knowledge(alphabet=alphabet)
    spaced = " ".join(alphabet)  # the message says so
    assert decode(Lattice.linear(np.array([row(("T", 0.9))])), Knowledge(alphabet=spaced)).text


@pytest.mark.parametrize("alphabet", ["GITD", "0123456789X", "AEIOU", "xyz0", "GILET", "ABCDEF"])
def test_other_alphabets_are_taken_as_characters(alphabet):
    assert Knowledge(alphabet=alphabet).classes.sum() == len(alphabet)


@pytest.mark.parametrize(
    "options",
    [
        dict(alphabet="digits", pattern="AAA"),
        dict(alphabet="letters", pattern="re:[0-9]{2}[A-Z]"),
        dict(alphabet="digits", lexicon=["MARTIN", "A1"]),
        dict(pattern="9{5}", lexicon=["MARTIN", "123"], strict=True),
        dict(pattern="A{4} A{4}", lexicon=["MARTIN", "ANNA1"], strict=True),
        dict(alphabet="ABCDEFGHIJKLM", pattern="A{6}", lexicon=["MARTIN"], strict=True),
    ],
)
def test_hints_that_exclude_each_other_are_refused(options):
    with pytest.raises(KnowledgeError, match="exclude"):
        Knowledge(**options)


def test_hints_that_go_together_are_not_refused():
    Knowledge(alphabet="letters", pattern="A9*{3}".replace("9", ""), lexicon=["ABCD"], strict=True)
    Knowledge(pattern="A{4} A{4}", lexicon=["ANNA", "JOHN"], strict=True)
    Knowledge(pattern="9{5}", lexicon=["MARTIN"])  # a soft list can be left


@pytest.mark.parametrize(
    "options, message",
    [
        (dict(alphabet=""), "empty"),
        (dict(alphabet="  "), "empty"),
        (dict(alphabet="AB$"), r"position 3.*\$"),
        (dict(alphabet=5), "alphabet"),
        (dict(reject=1.5), "reject"),
        (dict(reject="x"), "reject"),
        (dict(strict=True), "strict"),
        (dict(strict="yes", lexicon=["A"]), "strict"),
        (dict(reject=float("nan")), "reject"),
        (dict(prior="no"), "prior"),
        (dict(prior=float("nan")), "prior"),
    ],
)
def test_other_bad_knowledge_is_refused(options, message):
    with pytest.raises(KnowledgeError, match=message):
        Knowledge(**options)


def test_decoding_imports_nothing_but_numpy():
    heavy = ("tensorflow", "keras", "onnxruntime", "pandas", "matplotlib", "scipy", "sklearn")
    code = f"import sys, customocr.decoding; print([m for m in {heavy} if m in sys.modules])"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()
        == "[]"
    )


def test_ink_that_may_be_no_character_is_stepped_over_when_that_reads_better():
    start, end = np.array([0, 1, 1, 2]), np.array([1, 2, 2, 3])
    logp = np.log([row(("A", 0.9)), row(("I", 0.9)), row(), row(("7", 0.9))])
    blank = np.array([False, False, True, False])
    for odds, text in ((4.0, "A7"), (-4.0, "AI7")):
        score = np.array([2.0, 0.0, odds, 2.0], np.float32)
        lattice = Lattice(4, start, end, score, logp, np.zeros(4, np.float32), blank)
        got = decode(lattice, Knowledge(prior=False))
        assert got.text == text and len(got.edges) == len(text)
    unsure = Lattice(
        4,
        start,
        end,
        np.array([2.0, 0.0, 1.0, 2.0], np.float32),
        logp,
        np.zeros(4, np.float32),
        blank,
    )
    assert (
        decode(unsure, Knowledge(pattern="A9")).text == "A7"
        and decode(unsure, Knowledge(pattern="AA9")).text == "AI7"
    )
    assert decode(unsure, Knowledge(lexicon=["AI7", "B"], strict=True)).text == "AI7"
    assert decode(unsure, Knowledge(prior=False)).words[0].probability < 0.8


def test_word_alternatives_carry_their_probabilities():
    sos = decode(undecided("SOS 105")).words[0]
    texts = dict(sos.alternatives)
    assert {"SOS", "505"} <= set(texts) and sos.alternatives[0][0] == sos.text
    assert texts[sos.text] == pytest.approx(sos.probability, rel=1e-4)
    assert [p for _, p in sos.alternatives] == sorted(
        (p for _, p in sos.alternatives), reverse=True
    ) and sum(texts.values()) <= 1 + 1e-6


def test_word_alternatives_equal_brute_force_over_all_cuts():
    rng = np.random.default_rng(5)
    start, end = np.array([0, 0, 1, 1, 2, 3, 2]), np.array([1, 2, 2, 3, 3, 4, 4])
    probs = np.zeros((7, 36))
    probs[:, :2] = rng.dirichlet([1, 1], 7)
    lattice = Lattice(
        5,
        start,
        end,
        rng.normal(size=7).astype(np.float32),
        np.log(probs + 1e-30),
        np.zeros(5, np.float32),
    )
    (word,) = decode(lattice, Knowledge(alphabet="01", prior=False)).words
    p = np.exp(lattice.logp.astype(float))[:, :2] + sweep.CLASS_FLOOR
    p /= p.sum(1, keepdims=True)
    chances = {}
    for path in ((0, 2, 4, 5), (0, 2, 6), (1, 4, 5), (1, 6), (0, 3, 5)):
        for classes in itertools.product(range(2), repeat=len(path)):
            text = "".join(map(str, classes))
            chances[text] = chances.get(text, 0) + np.exp(
                lattice.score[list(path)].sum()
            ) * np.prod([p[e, c] for e, c in zip(path, classes)])
    total = sum(chances.values())
    best = max(chances, key=chances.get)
    assert dict(word.alternatives)[best] == pytest.approx(chances[best] / total, rel=1e-3)
