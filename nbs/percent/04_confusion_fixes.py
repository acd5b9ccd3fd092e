# %% [markdown]
# # Confusion fixes
# > 0 or O, 1 or I, 5 or S: measure the confusions, then try the simple rules.

# %% [markdown]
# 0 or O, 1 or I, 5 or S: which characters does the network confuse, and how far do simple rules get? At the end you can count the confusions of a reader and mend some of them by their neighbours.

# %%
#| default_exp confusion_fixes

# %%
#| code-fold: true
#| code-summary: "The picture: digits and letters of the package, mixed"
#| fig-cap: "Half of these are digits, half are letters. In the first row twelve 0 and O, then 1 and I, then 5 and S. Which are which? The shape alone does not say."
#| fig-alt: "Three rows of twelve handwritten characters: rings, bars, and shapes like 5 and S."
import numpy as np

from customocr import data as finished
from customocr.pictures import show

every, chance = finished.load_samples(), np.random.default_rng(3)
rows = []
for pair in ("0O", "1I", "5S"):
    six = [chance.permutation(every.only(c).images)[:6] for c in pair]
    rows.append(np.hstack(list(chance.permutation(np.concatenate(six)))))
show(np.vstack(rows), 2)

# %% [markdown]
# [The tutorial](00_data.ipynb#the-tutorial) ends on this problem. It reads every 0, 1 and 5 as O, I and S, and so gives up the digits. We count first, on writers whom the network has never seen. Then we try three rules, each with its figures before and after.
#
# *Needs*: a minute, 1 GB of memory. With the environment variable `CUSTOMOCR_DATA` set, glyphs come from UNIPEN's test writers
# and pages are photos and scans of real handwriting; the figures stored here are those. Without it, everything runs on the
# glyphs and pages of the package. No picture of other people's handwriting is stored here, only numbers.
#
# *Terms*: [confusion matrix](glossary.html#confusion-matrix), [CER](glossary.html#cer),
# [edit distance](glossary.html#edit-distance), [glyph](glossary.html#glyph).

# %%
#| export
from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np

from customocr.errors import KnowledgeError
from customocr.glyphs import CLASSES

# %%
import csv
import os
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd

from customocr.data import load_samples, load_unipen, split_unipen
from customocr.recognition import Reader
from customocr.samples import FOLDER as SAMPLES

# %% [markdown]
# ## What is confused with what
#
# We read one glyph at a time, without its neighbours. The glyphs must be ones that the network was not trained on. UNIPEN's 30 test
# writers are such. Without the data folder the package's own glyphs take their place. Those were drawn with fonts and are easy.

# %%
folder = os.environ.get("CUSTOMOCR_DATA")
folder = Path(folder) if folder else None
if folder:
    unipen = load_unipen(folder)
    glyphs = unipen[split_unipen(unipen)[2]]
else:
    glyphs = load_samples()
reader = Reader()
probabilities = reader.classify(glyphs.images)
predicted = probabilities.argmax(1)
glyphs


# %%
#| export
def confusion_counts(
    labels: np.ndarray,  # int (N,), true classes as indices into CLASSES
    predicted: np.ndarray,  # int (N,), what was read
) -> np.ndarray:  # int (36, 36), row = true class, column = what was read
    "How often each class was read as each."
    n = len(CLASSES)
    return np.bincount(
        np.asarray(labels, np.int64) * n + np.asarray(predicted, np.int64), minlength=n * n
    ).reshape(n, n)


def confused_pairs(
    counts: np.ndarray,  # int (36, 36) from `confusion_counts`
    top: int = 10,  # pairs to list
) -> list[
    tuple[str, str, int, int, float]
]:  # (a, b, a read as b, b read as a, share of all errors), most frequent first
    "The pairs of classes that are taken for each other most often, both directions together."
    wrong = counts - np.diag(np.diag(counts))
    both = np.triu(wrong + wrong.T)
    order = np.argsort(-both, axis=None, kind="stable")[:top]
    pairs = [np.unravel_index(i, both.shape) for i in order]
    return [
        (
            CLASSES[a],
            CLASSES[b],
            int(wrong[a, b]),
            int(wrong[b, a]),
            float(both[a, b] / max(1, wrong.sum())),
        )
        for a, b in pairs
        if both[a, b]
    ]

# %%
counts = confusion_counts(glyphs.labels, predicted)
errors = counts.sum() - np.trace(counts)
columns = ["a", "b", "a read as b", "b read as a", "share of all errors"]
print(f"{counts.sum():,} glyphs, {errors:,} errors: accuracy {np.trace(counts) / counts.sum():.4f}")
pd.DataFrame(confused_pairs(counts), columns=columns).style.format(
    {"share of all errors": "{:.1%}"}
).hide()


# %% [markdown]
# The table counts how often a is read as b and the other way round. Five pairs of a digit and a letter make up three quarters of all errors, 0 and O alone two fifths.

# %% [markdown]
# As a picture: the diagonal is left out, so that the errors are what is dark.

# %%
#| fig-cap: "The errors in per cent of each true class; what is right is left out. Look for pairs of dark squares on both sides of the diagonal: 0 and O, 1 and I."
#| fig-alt: "Heat map of 36 by 36 classes, mostly white, with dark squares at 0 read as O, O read as 0, 1 read as I, I read as 1."
def show_confusions(
    counts: np.ndarray,  # int (36, 36)
    title: str,
):  # matplotlib figure
    "Heat map of the errors in per cent of each true class."
    share = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    np.fill_diagonal(share, 0)
    figure, axes = plt.subplots(figsize=(6.2, 5.6), dpi=90)
    image = axes.imshow(np.minimum(share, 20), cmap="Blues", vmin=0, vmax=20)
    axes.set_xticks(range(36), CLASSES, fontsize=7)
    axes.set_yticks(range(36), CLASSES, fontsize=7)
    axes.set(xlabel="read as", ylabel="true class", title=title)
    figure.colorbar(image, label="% of the class (20 and more alike)", shrink=0.8)
    figure.tight_layout()
    return figure


show_confusions(counts, "Errors on writers never seen")

# %%
#| hide
assert confusion_counts([0, 0, 24], [0, 24, 24])[0, 24] == 1
assert confused_pairs(confusion_counts([0, 0, 24, 24, 1], [24, 0, 0, 0, 2]))[0][:4] == (
    "0",
    "O",
    1,
    2,
)


# %% [markdown]
# More training does not cure this. Cut out and scaled to one size, a 0 and an O by the same hand are the same picture. People cannot tell them apart either. What decides is where the character stands.
#
# ## Text from glyphs
#
# To try rules on text, we need text in real hands. For each character of a text, `spell` takes a glyph of that class from
# one writer. So a word looks as that person would have printed it.

# %%
#| export
def spell(
    text: str,  # characters of CLASSES; blanks are passed over
    labels: np.ndarray,  # int (N,), classes of the glyphs to choose from
    writers: np.ndarray,  # int (N,), who drew each
    rng: np.random.Generator,  # chooses writer and glyphs
) -> np.ndarray:  # int (T,), index of one glyph per character
    """Glyphs that spell a text in one writer's hand; where the writer has no such glyph, another's
    is taken."""
    writer = rng.choice(np.unique(writers))
    out = []
    for c in text.replace(" ", ""):
        same = np.flatnonzero(labels == CLASSES.index(c))
        own = same[writers[same] == writer]
        out.append(rng.choice(own if len(own) else same))
    return np.array(out, np.int64)


def random_codes(
    n: int,  # how many
    rng: np.random.Generator,
    lengths: tuple[int, int] = (4, 8),  # shortest and longest
) -> list[str]:  # each character a digit or a letter with equal chance
    "Codes such as 7PZ9: no neighbour says anything about a character."
    digit = lambda: CLASSES[rng.integers(10)]
    letter = lambda: CLASSES[rng.integers(10, 36)]
    return [
        "".join(
            digit() if rng.random() < 0.5 else letter()
            for _ in range(rng.integers(lengths[0], lengths[1] + 1))
        )
        for _ in range(n)
    ]


# %%
#| code-fold: true
#| code-summary: "Four kinds of text, spelled and read glyph by glyph"
rng = np.random.default_rng(4)
WORDS = """SIZE BOSS SISTER OIL ISSUE SOLO IRIS OASIS BISON ZOO HILLTOP BALTIMORE OXFORD PARIS
LISBON BOSTON SIMON OLIVIA SOPHIE LOUIS BENOIT ROSSI SILVA IBRAHIM OSCAR ISABEL SIENNA SOLIS
MISSION POSITION SESSION OBVIOUS BUSINESS SERIOUS SCHOOL INVOICE POLICY SERVICE PROVISION DIVISION
BOOKS ROOMS STREET ISLAND CIRCLE SQUARE""".split()
texts = {
    "words": WORDS * 4,
    "numbers": ["".join(rng.choice(list("0123456789"), rng.integers(3, 9))) for _ in range(200)],
    "dates and addresses": [
        f"{rng.integers(1, 2000)} {rng.choice(WORDS)} {rng.integers(10000, 99999)}"
        for _ in range(100)
    ],
    "codes": random_codes(200, rng),
}
spelled = {
    kind: [spell(t, glyphs.labels, glyphs.writer, rng) for t in some]
    for kind, some in texts.items()
}


def read_alone(text, indices):
    "What the network reads glyph by glyph, with the blanks of the true text."
    characters = iter(CLASSES[i] for i in predicted[indices])
    return "".join(" " if c == " " else next(characters) for c in text)


bare = {kind: [read_alone(t, i) for t, i in zip(texts[kind], spelled[kind])] for kind in texts}
for kind in texts:
    print(
        f"{kind:20s}",
        *[f"{t} -> {b}" for t, b in zip(texts[kind][:400], bare[kind]) if t != b][:3],
        sep="   ",
    )

# %% [markdown]
# For each kind of text, three examples: written -> read.
#
# ## The blanket fix, and what it destroys
#
# The tutorial wants to read letters. So each 0 becomes an O, each 1 an I, each 5 an S.

# %%
#| export
TUTORIAL_PAIRS = (("0", "O"), ("1", "I"), ("5", "S"))  # the tutorial's three
LOOK_ALIKES = (*TUTORIAL_PAIRS, ("2", "Z"), ("8", "B"))  # with the two more that the counts show


def blanket_fix(
    text: str,  # what was read
) -> str:  # the text without 0, 1 and 5
    "The tutorial's fix: 0, 1 and 5 are always O, I and S."
    return text.translate(str.maketrans("015", "OIS"))


# %%
blanket_fix("H0U5E 15"), blanket_fix("1000 HILLTOP CIR")


# %% [markdown]
# The first text came out as meant, but for its number. The second shows the price: an address can never have a house number again. We measure the share of characters that are right, on all four kinds of text:

# %%
#| code-fold: true
#| code-summary: "Accuracy of a rule, and the table"
def accuracy(read, true):
    "Share of characters that are right, texts of equal length."
    pairs = [(r, t) for a, b in zip(read, true) for r, t in zip(a, b) if t != " "]
    return np.mean([r == t for r, t in pairs])


def compare(**rules):
    "Character accuracy of each rule on each kind of text."
    return pd.DataFrame(
        {
            name: {kind: accuracy([rule(t) for t in bare[kind]], texts[kind]) for kind in texts}
            for name, rule in rules.items()
        }
    )


compare(bare=str, blanket=blanket_fix).style.format("{:.3f}")


# %% [markdown]
# Words win a sixth of their characters. Numbers lose: three digits in ten are now wrong, because that is how many are a 0, 1 or 5.
#
# ## The neighbour rule
#
# The tutorial names a better rule without showing it: a digit among letters is a letter. The other way round, an O among
# digits is a zero. We call a character *certain* if it is in no pair. For each other character we look for the nearest certain one of its word on each side.
#
# - If both are letters, or there is only one and it is a letter, the character becomes a letter.
# - If they are digits, it becomes a digit.
# - If they differ, or there is none, it stays.

# %%
#| export
def neighbour_fix(
    text: str,  # what was read; words are parted by blanks or line breaks
    pairs: Sequence[tuple[str, str]] = TUTORIAL_PAIRS,  # (digit, letter) that look alike
) -> str:  # the same text, look-alikes made to fit their neighbours
    """A look-alike among letters becomes the letter, among digits the digit; between the two it
    stays."""
    to_letter, to_digit = dict(pairs), {l: d for d, l in pairs}
    unsure = {*to_letter, *to_digit}

    def certain(characters) -> str:
        "The first character that is in no pair, until the word ends."
        for c in characters:
            if c.isspace():
                break
            if c not in unsure:
                return c
        return ""

    out = []
    for i, c in enumerate(text):
        kinds = {n.isdigit() for n in (certain(text[:i][::-1]), certain(text[i + 1 :])) if n}
        if c in unsure and len(kinds) == 1:
            c = to_digit.get(c, c) if kinds.pop() else to_letter.get(c, c)
        out.append(c)
    return "".join(out)


# %%
{t: neighbour_fix(t) for t in ("H0U5E", "2O47", "1OOO HILLT0P C1R", "A21I17Q", "5O5", "7PZ9")}

# %%
#| hide
assert (
    neighbour_fix("H0U5E") == "HOUSE"
    and neighbour_fix("2O47") == "2047"
    and neighbour_fix("C1R") == "CIR"
)
assert (
    neighbour_fix("5O5") == "5O5"
    and neighbour_fix("AB2O47") == "AB2047"
    and neighbour_fix("A0 0 7I") == "AO 0 71"
)
assert neighbour_fix("A0\n07") == "AO\n07", "a line break parts words"

# %% [markdown]
# `H0U5E` and `2O47` are mended. `5O5` and `1OOO` have no certain character and stay. In the code `A21I17Q` the
# rule changes a character, although nothing can be known there. One function switches between the rules, so that we can compare them:

# %%
#| export
RULES: dict[str, Callable[[str], str]] = {
    "none": str,
    "blanket": blanket_fix,
    "neighbours": neighbour_fix,
}


def fix_text(
    text: str,  # what was read
    rule: str = "neighbours",  # "none", "blanket" or "neighbours"
) -> str:  # the text after the rule
    "Apply one of the confusion rules; `KnowledgeError` for a rule that is not there."
    if rule not in RULES:
        raise KnowledgeError(f"no confusion rule {rule!r}: choose one of {', '.join(RULES)}")
    return RULES[rule](text)


# %%
compare(**RULES, neighbours_5_pairs=lambda t: neighbour_fix(t, LOOK_ALIKES)).style.format("{:.3f}")

# %%
#| hide
gain = compare(**RULES)
assert (
    gain.neighbours["words"] > gain.none["words"]
    and gain.neighbours["numbers"] > gain.none["numbers"]
)
assert gain.blanket["numbers"] < 0.8


# %% [markdown]
# On words the rule does what the blanket fix did. On numbers it wins, where the blanket fix destroyed. On codes it loses: half of
# a code's characters have neighbours of the other kind, so right characters become wrong. With all five
# pairs, words and codes lose again, because fewer characters are certain.
#
# ## On whole pages
#
# On pages, characters are missed or split, so the texts differ in length. Before we can count a confusion we must know which character was read as which. We take the fewest edits that turn one text into the other (Levenshtein, 1966):

# %%
#| export
def align(
    true: str,  # what is written
    read: str,  # what was read
) -> list[tuple[str, str]]:  # (true, read) per character; "" where one side has none
    "Pair the characters of two texts by the fewest insertions, deletions and replacements."
    cost = np.zeros((len(true) + 1, len(read) + 1), np.int32)
    cost[:, 0], cost[0] = np.arange(len(true) + 1), np.arange(len(read) + 1)
    for i, t in enumerate(true, 1):
        for j, r in enumerate(read, 1):
            cost[i, j] = min(cost[i - 1, j - 1] + (t != r), cost[i - 1, j] + 1, cost[i, j - 1] + 1)
    i, j, out = len(true), len(read), []
    while i or j:
        if i and j and cost[i, j] == cost[i - 1, j - 1] + (true[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
            out.append((true[i], read[j]))
        elif i and cost[i, j] == cost[i - 1, j] + 1:
            i -= 1
            out.append((true[i], ""))
        else:
            j -= 1
            out.append(("", read[j]))
    return out[::-1]


def look_alike_errors(
    true: str,  # what is written
    read: str,  # what was read
    pairs: Sequence[tuple[str, str]] = LOOK_ALIKES,  # (digit, letter)
) -> Counter:  # how often each pair was confused, either way
    "Confusions within the given pairs, after alignment."
    name = {frozenset(p): "/".join(p) for p in pairs}
    return Counter(name[frozenset(p)] for p in align(true, read) if frozenset(p) in name)


# %%
align("L7AUR", "L7AVRI"), look_alike_errors("1000 HILLTOP", "IO00 HILLT0P")

# %%
#| hide
assert (
    align("AB", "B") == [("A", ""), ("B", "B")]
    and align("", "A") == [("", "A")]
    and align("", "") == []
)
assert look_alike_errors("1000", "IO00") == Counter({"1/I": 1, "0/O": 1})

# %%
#| code-fold: true
#| code-summary: "All pages with their true text, read without a prior"
KEEP = str.maketrans("", "", "".join(chr(c) for c in range(128) if chr(c) not in CLASSES + " \n"))
pages = folder / "pages" if folder else SAMPLES / "pages"


def page_texts(root):
    """Path, kind and text of the pages in a truth.tsv; those with lower-case letters are passed
    over."""
    with open(root / "truth.tsv", encoding="utf8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row.get("lower") != "yes":
                yield (
                    root / row["path"],
                    row["kind"],
                    row["text"].replace("\\n", "\n").translate(KEEP),
                )


truth = list(page_texts(pages))
read = [reader.read(path, prior=False).text for path, *_ in truth]
len(truth)


# %%
#| code-fold: true
#| code-summary: "Errors of each rule by kind of page"
def cer(pairs):
    "Edit distance over the length of the truth, blanks and line breaks left out."
    flat = [("".join(t.split()), "".join(r.split())) for t, r in pairs]
    wrong = sum(t != r for true, got in flat for t, r in align(true, got))
    return wrong / sum(len(t) for t, _ in flat)


kinds = sorted({kind for _, kind, _ in truth})
by_rule = {
    rule: {
        kind: cer([(text, fix_text(r, rule)) for (_, k, text), r in zip(truth, read) if k == kind])
        for kind in kinds
    }
    for rule in RULES
}
look = {
    rule: sum(
        (
            look_alike_errors("".join(t.split()), "".join(fix_text(r, rule).split()))
            for (*_, t), r in zip(truth, read)
        ),
        Counter(),
    )
    for rule in RULES
}
pd.DataFrame(by_rule).style.format("{:.3f}").set_caption("CER on whole pages")

# %% [markdown]
# The table gives the [character error rate](glossary.html#cer): wrong, missing and extra characters as a share of the true ones. And the number of confusions within each pair:

# %%
pd.DataFrame(look, index=["/".join(p) for p in LOOK_ALIKES]).fillna(0).astype(int)

# %% [markdown]
# The neighbour rule removes most look-alike errors. The blanket fix trades 0/O and 1/I in words
# for 5/S and all the digits. What remains are missing and split characters, and confusions outside the pairs.
#
# ## Recap
#
# - Count confusions before you fix them, on writers that the network has not seen. A few pairs make up most of the errors.
# - A blanket rule trades one error for another. If no digit can occur, tell the reader beforehand.
# - Neighbours help. But a rule on text no longer knows that the network gave this 0 51 % and that one 99.9 %.
#
# [Decoding](15_decoding.ipynb) keeps these probabilities. It multiplies those of the network, of the language and of what you know, and takes the most probable text.
#
# The tutorial's second problem, the sheet whose outline hides all characters, is in [Segmentation](02_segmentation.ipynb#a-sheet-on-a-dark-table).
#
# ## Exercises
#
# **1.** Add the pair `("2", "Z")` to the blanket fix. What do words win, what do numbers lose?
#
# <details><summary>Solution</summary>
#
# ```python
# compare(blanket=blanket_fix, with_z=lambda t: blanket_fix(t).replace("2", "Z"))
# ```
#
# </details>
#
# **2.** *Build a rule of your own*: `vote_fix` lets all certain characters of the word vote in place of the nearest two. Which texts come out differently?
#
# <details><summary>Solution</summary>
#
# ```python
# def vote_fix(text, pairs=TUTORIAL_PAIRS):
#     to_letter, to_digit = dict(pairs), {l: d for d, l in pairs}
#     def word(w):
#         sure = [c.isdigit() for c in w if c not in to_letter and c not in to_digit]
#         table = to_digit if sum(sure) * 2 > len(sure) else to_letter if sum(sure) * 2 < len(sure) else {}
#         return "".join(table.get(c, c) for c in w)
#     return " ".join(map(word, text.split(" ")))
# compare(neighbours=neighbour_fix, vote=vote_fix)
# ```
#
# </details>
#
# **3.** How many of the bare errors on words could *any* rule on the five pairs mend?
#
# <details><summary>Solution</summary>
#
# ```python
# wrong = [(t, b) for true, b_ in zip(texts["words"], bare["words"]) for t, b in zip(true, b_) if t != b]
# np.mean([{t, b} in [set(p) for p in LOOK_ALIKES] for t, b in wrong])
# ```
#
# </details>
