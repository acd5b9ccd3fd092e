# %% [markdown]
# # Decoding
# > What the network sees, the line's cuts and what you know about the text, weighed together.

# %% [markdown]
# Is it a 0 or an O, when its shape leaves that open? In this notebook we build the decoder, which weighs what the network sees
# against what is known about the text. At the end you can give it such knowledge and say how far to trust the result.

# %%
#| default_exp decoding

# %%
#| export
#| code-fold: true
#| code-summary: "Imports"
from __future__ import annotations

import itertools
import math
import threading
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from customocr.engine.patterns import Automaton, compile_pattern
from customocr.engine.sweep import Starts, Sweep, arcs_at_a_node, spread
from customocr.errors import KnowledgeError
from customocr.glyphs import CLASSES, class_of
from customocr.statistics import distinct

# %%
#| code-fold: true
#| code-summary: "Imports for the examples"
import csv
import os
import time
from collections import Counter

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.colors import PowerNorm
from matplotlib.ticker import NullFormatter

from customocr.confusion_fixes import (
    LOOK_ALIKES,
    align,
    blanket_fix,
    look_alike_errors,
    neighbour_fix,
    random_codes,
    spell,
)
from customocr.data import load_samples, load_unipen, split_unipen
from customocr.recognition import Reader
from customocr.samples import FOLDER as SAMPLES

# %% [markdown]
# ## What pages confuse
#
# Read without any knowledge first: the network's best class for each character, on every page there is. Which characters
# are taken for which?

# %%
#| code-fold: true
#| code-summary: "Reading every page without knowledge"
folder = Path(os.environ["CUSTOMOCR_DATA"]) if os.environ.get("CUSTOMOCR_DATA") else None
root = folder / "pages" if folder else SAMPLES / "pages"
LEAVE_OUT = str.maketrans("", "", "".join(chr(c) for c in range(33, 127) if chr(c) not in CLASSES))
with open(root / "truth.tsv", encoding="utf8", newline="") as file:
    rows = [
        r
        for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if r.get("lower") != "yes"
    ]
truth = [(r["kind"], r["text"].replace("\\n", "\n").translate(LEAVE_OUT)) for r in rows]
reader = Reader()


def solid(text):
    "The characters without blanks and line breaks."
    return "".join(text.split())


def read_all(**knowledge):
    "The text of every page."
    return [reader.read(root / r["path"], **knowledge).text for r in rows]


bare = read_all(prior=False)
confused = Counter(
    p
    for (_, t), r in zip(truth, bare)
    for p in align(solid(t), solid(r))
    if p[0] and p[1] and p[0] != p[1]
)
print("  ".join(f"{t}>{r} {n}" for (t, r), n in confused.most_common(20)))


# %%
#| label: fig-decoding-confusions
#| fig-cap: "Look for the dark cells. Most confusions are a few pairs of similar shape: I and 1, O and 0, 0 and D."
#| fig-alt: "Heat map of 36 by 36 classes, written against read; the dark cells are I read as 1, O read as 0 and 0 read as D."
#| code-fold: true
#| code-summary: "Drawing the confusions"
def show_confusions(
    confused,  # Counter of (true, read)
    title,
):  # matplotlib figure
    "Heat map of the counts."
    grid = np.zeros((36, 36))
    for (t, r), n in confused.items():
        grid[CLASSES.index(t), CLASSES.index(r)] = n
    figure, axes = plt.subplots(figsize=(6.0, 5.4), dpi=90)
    image = axes.imshow(grid, cmap="Blues", norm=PowerNorm(0.35))
    axes.set_xticks(range(36), CLASSES, fontsize=7)
    axes.set_yticks(range(36), CLASSES, fontsize=7)
    axes.set(xlabel="read as", ylabel="written", title=title)
    figure.colorbar(image, label="times", shrink=0.8)
    figure.tight_layout()
    plt.close(figure)  # shown once, as the value of the cell
    return figure


show_confusions(confused, f"Confusions on {len(rows)} pages, read without knowledge")


# %% [markdown]
# The [rules](04_confusion_fixes.ipynb) worked on finished text. They could not know that one 0 was nearly certain and another
# a toss-up. Here the probabilities stay to the end. The network gives one for each character, the segmentation one for each
# cut, and our knowledge of the text gives more. We multiply all of them. The reading is the most
# probable way through the line.
#
# *Needs*: about a minute, 1 GB of memory. With `CUSTOMOCR_DATA` set, it uses the glyphs of UNIPEN's writers and real pages, of
# which only figures are stored. Without it, everything runs on what comes with the package.
#
# *Terms*: [lattice](glossary.html#lattice), [Viterbi](glossary.html#viterbi), [n-gram](glossary.html#n-gram),
# [prior](glossary.html#prior), [calibration](glossary.html#calibration), [lexicon](glossary.html#lexicon).

# %% [markdown]
# ## The line as a graph
#
# Two letters can touch, and one letter can fall into two strokes. Then there are several ways to cut a line, and each gives
# other glyphs. One graph holds them all. The cut positions are *nodes*. Each candidate character is an *edge* between two
# nodes. A way from the first node to the last is a reading.

# %%
#| export
@dataclass(frozen=True)
class Lattice:
    "One text line as a graph: nodes are cuts from left to right, edges candidate characters."

    n_nodes: int  # cut positions, the first is the line's left end, the last its right end
    start: np.ndarray  # int32 (E,), node where each candidate begins
    end: np.ndarray  # int32 (E,), node where it ends, always after `start`
    score: np.ndarray  # float32 (E,), log-odds of being one character; those of a path add up
    logp: np.ndarray  # float32 (E, 36), log of the class probabilities
    space: np.ndarray  # float32 (n_nodes,), 0..1, probability of a word space at each cut
    blank: np.ndarray | None = None  # bool (E,), edges that read nothing: ink that may be no
    # character, with the log-odds of that as `score`

    @classmethod
    def linear(
        cls,
        probs: np.ndarray,  # float (T, 36), class probabilities per character, rows sum to 1
        spaces: Sequence[int] = (),  # a word space stands before each of these characters
    ) -> Lattice:  # T edges one after the other
        "The lattice of characters that are already cut: one path."
        probs = np.atleast_2d(np.asarray(probs, np.float32))
        probs = probs if probs.size else np.zeros((0, len(CLASSES)), np.float32)
        t = len(probs)
        space = np.zeros(t + 1, np.float32)
        space[list(spaces)] = 1
        at = np.arange(t, dtype=np.int32)
        return cls(
            t + 1, at, at + 1, np.zeros(t, np.float32), np.log(np.maximum(probs, 1e-30)), space
        )


# %% [markdown]
# Two strokes may be an H or two I's, and two more characters follow. The numbers are the two best classes of each edge.

# %%
def row(*chances):
    "Class probabilities from pairs of character and probability; the rest is spread evenly."
    p = np.zeros(len(CLASSES))
    for c, chance in chances:
        p[CLASSES.index(c)] = chance
    return p + (1 - p.sum()) / len(CLASSES)


edges = [  # from, to, log-score of the cut, classes
    (0, 1, 0.0, row(("I", 0.6), ("1", 0.35))),
    (1, 2, 0.0, row(("I", 0.55), ("1", 0.4))),
    (0, 2, -0.4, row(("H", 0.6), ("N", 0.3))),
    (2, 3, 0.0, row(("0", 0.5), ("O", 0.48))),
    (3, 4, 0.0, row(("T", 0.7), ("7", 0.25))),
]
columns = list(zip(*edges))
touching = Lattice(
    5,
    np.array(columns[0]),
    np.array(columns[1]),
    np.array(columns[2]),
    np.log(np.array(columns[3])),
    np.zeros(5),
)


def draw_lattice(
    lattice,
    chosen=(),  # edges to draw in colour
):  # matplotlib figure
    "Nodes on a line, edges with their two best classes; those over several cuts as arcs."
    figure, axes = plt.subplots(figsize=(6.5, 1.9), dpi=90)
    for e, (a, b) in enumerate(zip(lattice.start, lattice.end)):
        x = np.linspace(a, b, 30)
        y = 0.5 * (b - a - 1) * np.sin(np.pi * (x - a) / (b - a))
        axes.plot(x, y, color="tab:red" if e in chosen else "grey", lw=2 if e in chosen else 1)
        p = np.exp(lattice.logp[e])
        label = "  ".join(f"{CLASSES[k]} {p[k]:.2f}" for k in np.argsort(-p)[:2])
        axes.text(
            (a + b) / 2, y.max() + (0.06 if b - a > 1 else -0.2), label, ha="center", fontsize=8
        )
    axes.plot(range(lattice.n_nodes), np.zeros(lattice.n_nodes), "ko", ms=5)
    axes.set(ylim=(-0.3, 0.75))
    axes.axis("off")
    plt.close(figure)
    return figure


# %%
#| label: fig-decoding-lattice
#| fig-cap: "Follow the line from left to right: the first two strokes are two letters, or over the arc one."
#| fig-alt: "Five nodes on a line; the arc over the first two edges says H or N, the edges below say I or 1."
draw_lattice(touching)


# %% [markdown]
# ## The best path
#
# There are too many ways to try them all: two ways to cut at ten places already give a thousand. But the best way *to a
# node* does not depend on what follows. So we keep only one way for each node. This is the Viterbi algorithm (1967):

# %%
def best_path(
    lattice,
):  # text, log-weight
    "Viterbi over the nodes: the best class of each edge, the best edges to each node."
    best = {0: (0.0, "")}
    for e in np.argsort(lattice.end, kind="stable"):
        a, b = int(lattice.start[e]), int(lattice.end[e])
        k = lattice.logp[e].argmax()
        weight = best[a][0] + lattice.score[e] + lattice.logp[e, k]
        if b not in best or weight > best[b][0]:
            best[b] = (weight, best[a][1] + CLASSES[k])
    return best[lattice.n_nodes - 1][1], best[lattice.n_nodes - 1][0]


best_path(touching)

# %% [markdown]
# An H, a toss-up between 0 and O, a T. To settle the toss-up we need to say what text is like.
#
# ## What may follow what
#
# Most hand-printed text is of one of four kinds: words and names, numbers, initials, and codes that mix letters and digits.
# In a number every digit is equally likely. In a code letters come in runs, and digits too (`AB123`), so a change from one to
# the other costs a little. In words, an O is likely after `HILLT` and a 0 is not. We count which letter follows which four
# letters in word lists (`tools/make_prior.py` names the sources). Then we smooth the counts: a run of letters that the lists
# do not have is rare, but not impossible.

# %%
#| export
N = len(CLASSES)
BORDER = 0  # symbol of the word's border in the n-gram table; letters are 1..26
ORDER = 5  # letters in a row that the shipped table counts
NEUTRAL = math.log(N)  # added per character: a uniform prior then costs nothing
WORD, NUMBER, INITIALS, CODE, LISTED = range(5)  # kinds of text; LISTED: a word of a lexicon


def witten_bell(
    counts: np.ndarray,  # unsigned (..., 27), how often each symbol follows each context
    lower: np.ndarray | None = None,  # float (..., 27), the same chances from one symbol less
) -> np.ndarray:  # float64 (..., 27), probability of each symbol after each context
    """Smoothed n-gram probabilities (Witten and Bell, 1991).

    Each order leans on the shorter one, the more so the fewer examples it has. Without `lower`
    the counts are a whole table, (27,) * n, from which the shorter orders follow.
    """
    counts = counts.astype(np.float64)
    if lower is None:
        lower = np.full(27, 1 / 27) if counts.ndim == 1 else witten_bell(counts.sum(0))
    total, kinds = counts.sum(-1, keepdims=True), (counts > 0).sum(-1, keepdims=True)
    known = np.maximum(total + kinds, 1)
    return np.where(total > 0, (counts + kinds * lower) / known, lower)


# %%
counted = np.zeros((27, 27), np.uint16)
counted[1, 2], counted[1, 3] = 6, 2  # after an A: six times B, twice C
p = witten_bell(counted)
assert np.allclose(p.sum(1), 1) and p[1, 2] > p[1, 3] > p[1, 4] > 0
{"B after A": p[1, 2].round(3), "C after A": p[1, 3].round(3), "D after A": p[1, 4].round(3)}


# %% [markdown]
# D never followed A, but it keeps a small probability.
#
# All runs of five letters would be 14 million. Only 190,000 occur, so we keep those, sorted, and search among them.

# %%
#| export
@dataclass(frozen=True)
class Runs:
    "How often runs of symbols occur: only those that do, as numbers in base 27, sorted."

    run: np.ndarray  # int (K,), the runs
    count: np.ndarray  # int (K,), how often each occurs

    def after(
        self,
        context: np.ndarray,  # int64 (A,), all symbols of a run but the last
    ) -> np.ndarray:  # int64 (A, 27)
        "How often each symbol follows each context."
        context = context.astype(self.run.dtype) * 27  # of one type: searching converts no list
        low, high = self.run.searchsorted(context), self.run.searchsorted(context + 27)
        own, item = spread(high - low, low)
        out = np.zeros((len(context), 27), np.int64)
        out[own, self.run[item] % 27] = self.count[item]
        return out


# %% [markdown]
# Each kind of text has *states*. For words a state is the last four letters. Reading a class in a state costs something and
# leads to the next state. Longer text would always cost more, so each character gets $\log 36$ back: what it would cost if
# nothing were known. The probabilities of a state are computed when it is first met.

# %%
#| export
N_CONTEXT = 27 ** (ORDER - 1)  # states of words: the last four symbols
N_LOWER = 27 ** (ORDER - 2)
RUN = 0.7  # probability that in a code a letter follows a letter, a digit a digit
UNIFORM = (  # kind, share of digits, chance that it ends after a character (mean lengths 5, 6, 7)
    (NUMBER, 1.0, 1 / 5),
    (INITIALS, 0.0, 1 / 6),
    (CODE, 0.5, 1 / 7),  # at its beginning
    (CODE, 1 - RUN, 1 / 7),  # after a letter
    (CODE, RUN, 1 / 7),  # after a digit
)
KIND = np.array([WORD, *(kind for kind, _, _ in UNIFORM), LISTED])
SHARE = np.array([0.55, 0.33, 0.05, 0.07])  # how often words, numbers, initials, codes are expected
STICKY = 0.7  # probability that a word is of the kind of the word before it, beyond chance
SPACE_SHARE = 1 / 6  # of the gaps between characters, how many are word spaces: words of five
PRIOR_WEIGHT = 1.0  # on the log-probabilities of the language; chosen below, validation writers
LETTER = np.r_[np.zeros(10, int), 1:27]  # symbol of each class, 0 for digits
COLUMN = np.r_[np.full(10, 27), 1:27]  # column of each class in a language's table
MARK = 28  # the column of what is neither letter nor digit


def _letter_of(c: str) -> int:
    "Symbol of the letter A-Z that a character is, whatever its case and accent; -1: none."
    plain = unicodedata.normalize("NFKD", c)[0].upper()
    return LETTER[CLASSES.index(plain)] if plain in CLASSES[10:] else -1


class Language:
    "What may follow what within a word. States: the last four letters, or those of other kinds."

    n_states = N_CONTEXT + len(UNIFORM)
    code = N_CONTEXT + 2  # the state in which a code begins

    def __init__(
        self,
        longest: Runs,  # runs of five symbols
        shorter: Runs,  # runs of four
        weight: float = PRIOR_WEIGHT,  # on all log-probabilities
        symbols: str = CLASSES,  # the classes that are read
    ):
        "Nothing is worked out yet but the three kinds that need no counts."
        letter = [_letter_of(c) for c in symbols[N:]]
        self.letter = np.r_[LETTER, letter].astype(int)
        self.column = np.r_[COLUMN, [k if k > 0 else MARK for k in letter]].astype(int)
        self.longest, self.shorter, self.weight = longest, shorter, weight
        of_three = np.bincount(shorter.run % N_LOWER, shorter.count, N_LOWER)
        self.shortest = witten_bell(of_three.reshape(27, 27, 27)).reshape(-1, 27)
        self._lock = threading.Lock()
        # Rows of weights: ending the word, the 26 letters, any digit. Row 0 is no state's.
        self._table = np.full((1024, MARK + 1), -np.inf, np.float32)
        self._table[:, MARK] = 0  # a mark may stand anywhere, and changes nothing
        self._rows = 1 + len(UNIFORM)
        # For each state the number of its row, 0: not met yet. Then the same for contexts of three
        # letters, which all longer ones share that were never counted.
        self._row = np.zeros(self.n_states + N_LOWER, np.int32)
        self._row[N_CONTEXT : self.n_states] = np.arange(1, self._rows)
        for row, (_, digits, stop) in enumerate(UNIFORM, 1):
            chances = np.r_[stop / (1 - stop), np.full(26, (1 - digits) / 26), digits / 10]
            chances[1:] *= 1 - stop  # the first character is certain
            self._table[row, :MARK] = self._weights(chances)

    @property
    def neutral(self) -> float:
        "Weight of a character of which nothing is known."
        return self.weight * NEUTRAL

    @property
    def gap(self) -> tuple[float, float]:
        "Weights that the language gives a gap without and with a space, so that they count once."
        return self.weight * math.log(1 - SPACE_SHARE), self.weight * math.log(SPACE_SHARE)

    @property
    def most(self) -> np.ndarray:  # float (36,)
        "The largest weight that each class can get in any state."
        digit = self._table[1 : 1 + len(UNIFORM), 27].max()
        return np.where(self.column == 27, digit, np.where(self.column == MARK, 0, self.neutral))

    def step(
        self,
        state: np.ndarray,  # int64 (A,)
        cls: np.ndarray,  # int64 (A,), class read in each
    ) -> tuple[np.ndarray, np.ndarray]:  # next states, weights (-inf where impossible)
        "Read one class in each state."
        row = self._rows_of(state)
        letter = self.letter[cls]
        to = np.where(state < N_CONTEXT, state % N_LOWER * 27 + letter, state)
        to = np.where(state >= self.code, self.code + np.where(letter, 1, 2), to)
        if len(self.letter) > N:
            to = np.where(letter < 0, state, to)
        return to, self._table[row, self.column[cls]]

    def end(
        self,
        state: np.ndarray,  # int64 (A,)
    ) -> np.ndarray:  # float (A,), weight of the word ending; -inf for one without a character
        "End the word."
        row = self._rows_of(state)
        return self._table[row, BORDER]

    def kind(
        self,
        state: np.ndarray,  # int64 (A,), states of the lexicon included
    ) -> np.ndarray:  # int (A,)
        "Kind of text of each state."
        return KIND[np.clip(state - (N_CONTEXT - 1), 0, len(KIND) - 1)]

    def chances(
        self,
        context: np.ndarray,  # int64 (A,), symbols before as a number in base 27
        n: int = ORDER - 1,  # how many symbols that are: 2, 3 or 4
    ) -> np.ndarray:  # float64 (A, 27), probability of each symbol
        "What follows letters of a word."
        if n == 2:
            return self.shortest[context]
        runs = self.longest if n == ORDER - 1 else self.shorter
        return witten_bell(runs.after(context), self.chances(context % 27 ** (n - 1), n - 1))

    def _weights(self, chances):
        "Weights from probabilities of the end and of characters."
        with np.errstate(divide="ignore"):
            logs = np.log(chances)
        logs[..., 1:] += NEUTRAL
        return self.weight * logs

    def _rows_of(self, state):
        "Rows of the table for states; the table is read after this, as it may grow."
        row = self._row[state]
        if not row.all():
            self._learn(distinct(state[row == 0]))
            row = self._row[state]
        return row

    def _learn(self, state):
        "Work out the rows of states that are met for the first time. Threads take turns."
        with self._lock:
            counted = self.longest.after(state).any(1)
            key = np.where(counted, state, self.n_states + state % N_LOWER)
            new = distinct(key[self._row[key] == 0])
            known, other = new[new < N_CONTEXT], new[new >= N_CONTEXT] - self.n_states
            chances = np.concatenate([self.chances(known), self.chances(other, ORDER - 2)])
            rows = np.full((len(new), MARK + 1), -np.inf, np.float32)
            rows[:, :27], rows[:, MARK] = self._weights(chances), 0
            rows[new == 0, BORDER] = -np.inf  # no word without a character
            while self._rows + len(rows) > len(self._table):
                self._table = np.concatenate([self._table, np.empty_like(self._table)])
            self._table[self._rows : self._rows + len(rows)] = rows
            self._row[new] = np.arange(self._rows, self._rows + len(rows))
            self._rows += len(rows)
            self._row[state] = self._row[key]


@dataclass(frozen=True)
class NoLanguage:
    "One state in which every class may follow every class, at no cost: the evidence alone decides."

    neutral: float = PRIOR_WEIGHT * NEUTRAL  # weight of a character of a lexicon's word
    gap: tuple[float, float] = (0.0, 0.0)
    n_states: int = 1
    classes: int = N

    @property
    def most(self) -> np.ndarray:  # float (36,)
        "The largest weight of each class."
        return np.zeros(self.classes)

    def step(self, state, cls):
        "Stay in the state."
        return state, np.zeros(len(state))

    def end(self, state):
        "A word may end anywhere."
        return np.zeros(len(state))

    def kind(self, state):
        "A code, or a word of the lexicon."
        return np.where(state > 0, LISTED, CODE)


def load_runs(
    file: Path,  # as `tools/make_prior.py` writes it
) -> tuple[Runs, Runs]:  # of five symbols and of four
    "The counts of the prior, unpacked."
    with np.load(file) as z:
        columns = []
        for name in ("step", "count"):  # one byte each; 255: the number stands among the large ones
            column = z[name].astype(np.int32)
            column[column == 255] = z[f"large_{name}"]
            columns.append(column)
        cut = int(z["five"])
    steps, counts = columns
    parts = (slice(None, cut), slice(cut, None))
    five, four = (Runs(steps[part].cumsum(dtype=np.int32), counts[part]) for part in parts)
    return five, four


@lru_cache(maxsize=4)
def shipped_language(
    weight: float = PRIOR_WEIGHT,  # on all log-probabilities of the language
    symbols: str = CLASSES,  # the classes that are read
) -> Language:
    "The prior that comes with the package, loaded once."
    return Language(*load_runs(Path(__file__).parent / "models" / "prior.npz"), weight, symbols)


# %%
#| hide
# In a notebook there is no `__file__`: the installed package's prior is taken.
from customocr.decoding import shipped_language


# %% [markdown]
# We weigh some words, once as a word and once as a code:

# %%
def weight_of(
    word,
    kind,
):  # log-weight
    "Sum along the states."
    language = shipped_language(1.0)
    state, total = (
        {WORD: 0, NUMBER: N_CONTEXT, INITIALS: N_CONTEXT + 1, CODE: N_CONTEXT + 2}[kind],
        math.log(SHARE[kind]),
    )
    for c in word:
        to, gain = language.step(np.array([state]), np.array([CLASSES.index(c)]))
        state, total = int(to[0]), total + float(gain[0])
    return total + language.end(np.array([state]))[0]


names = ["word", "number", "initials", "code"]
pd.DataFrame(
    {
        w: [f"{weight_of(w, k):.1f}" for k in range(4)]
        for w in ("HILLTOP", "HILLT0P", "BALTIMORE", "1000", "IOOO", "7PZ9", "QXZJ")
    },
    index=names,
)

# %% [markdown]
# Within each column the largest number wins. As a word, `HILLTOP` is worth far more than any code; `HILLT0P` can only be a
# code. `1000` is a number and `IOOO` is nothing in particular, so between the two the language has a clear opinion. Between
# `7PZ9` and, say, `7P29` it has hardly any: both are codes. That is how a prior can help words without "correcting" part
# numbers.
#
# ## What the user knows: patterns
#
# A form field has a shape, such as two letters, three digits, two letters. A mask describes it: `A` is a letter, `9` a digit,
# `*` either, and repeats stand in braces. `re:` begins a regular expression, for what masks cannot say. Both become a small
# automaton that runs along the path (`customocr/engine/patterns.py`).

# %%
mask = compile_pattern("AA999AA")
print(
    f"{len(mask.accept)} states; in state 0 may come",
    "".join(CLASSES[k] for k in range(N) if mask.follow[0, k] >= 0),
)
regular = compile_pattern(r"re:\d{1,4} [A-Z]+ (?:ST|AVE|CIR)")
print(f"{len(regular.accept)} states for a street address")

# %% [markdown]
# A wrong pattern is refused, and the message points at the spot. The last one would have 1.6 billion places:

# %%
for bad in ("AA9{3", "re:[Z-A]+", "99É", "re:((((A{200}){200}){200}){200})"):
    try:
        compile_pattern(bad)
    except KnowledgeError as error:
        print(error, end="\n\n")

# %% [markdown]
# ## What the user knows: words
#
# A list of the possible words is the strongest knowledge. It may hold half a million words, too many to walk through for each
# character. A *trie* shares the beginnings: each node is a beginning, and its children are the letters that may follow.

# %%
#| export
MAX_WORDS = 1_000_000  # of a lexicon
MAX_CHARACTERS = 12_000_000  # of all its words together: its index then needs about 200 MB
MAX_WORD = 100  # characters of a word


def _words_of_file(file: Path, name: str) -> list[str]:
    "Lines of a word list; comment lines are empty."
    try:
        if file.exists() and not file.is_file():
            raise OSError("is a directory" if file.is_dir() else "is no regular file")
        if file.stat().st_size > 4 * MAX_CHARACTERS:
            raise OSError(f"is larger than {4 * MAX_CHARACTERS // 1_000_000} MB")
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise KnowledgeError(
            f"{name}, byte {error.start}: not UTF-8 text; save the word list as UTF-8,"
            " one word per line"
        ) from None
    except (OSError, ValueError) as error:
        raise KnowledgeError(
            f"{name}: {getattr(error, 'strerror', None) or error}; give a list of words or"
            " a text file with one word per line"
        ) from None
    return ["" if line.startswith("#") else line for line in lines]


def _words_of(words: Iterable[str]) -> list[str]:
    "The words of a list or of anything that yields words, not more than can be indexed."
    try:
        return [word.strip() for word in itertools.islice(words, MAX_WORDS + 1)]
    except (AttributeError, TypeError):
        raise KnowledgeError("lexicon is a list of words or the path of a text file") from None


def _check_words(rows: list[str], name: str, place: str, classes: str) -> None:
    "Raise `KnowledgeError` for an empty or too large list, or the first word that cannot be read."
    text = "".join(rows)
    if not text:
        raise KnowledgeError(f"{name}: no words in it")
    if len(rows) > MAX_WORDS or len(text) > MAX_CHARACTERS:
        raise KnowledgeError(
            f"{name}: more than {MAX_WORDS:,} words or {MAX_CHARACTERS:,} characters;"
            " give only the words that can occur"
        )
    if text.strip(classes):
        for i, row in enumerate(rows):
            if bad := row.strip(classes):
                bad = next(c for c in bad if c not in classes)
                raise KnowledgeError(
                    f"{name}, {place} {i + 1}, {row[:MAX_WORD]!r}: {bad!r} is not among the"
                    f" characters that the reader knows ({_told(classes)}); leave it out or spell"
                    " it with them"
                )
    i = max(range(len(rows)), key=lambda i: len(rows[i]))
    if len(rows[i]) > MAX_WORD:
        raise KnowledgeError(
            f"{name}, {place} {i + 1}: a word of {len(rows[i])} characters; one word per line,"
            f" at most {MAX_WORD} characters"
        )


def _told(classes: str) -> str:
    "The classes of a model, for a message."
    return ", ".join(["0-9, A-Z", *classes[N:]])


class Lexicon:
    "Words as a trie in flat arrays: the children of a node stand one after the other."

    def __init__(
        self,
        words: Iterable[str] | str | Path,  # words, or a text file, one a line (`#`: a comment)
        classes: str = CLASSES,  # of the model that reads: `Reader.symbols`
    ):
        "Index the words; lower case counts as capitals. `KnowledgeError` names a word at fault."
        if isinstance(words, (str, Path)):
            name, place = f"lexicon {str(words)!r}", "line"
            rows = _words_of_file(Path(words), name)
        else:
            name, place = "lexicon", "word"
            rows = _words_of(words)
        self.classes = classes
        rows = [self._spelt(row.strip()) for row in rows]
        _check_words(rows, name, place, classes)
        code = {ord(c): k + 1 for k, c in enumerate(classes)}  # a class as a byte, in their order
        coded = [r.translate(code).encode("latin-1") for r in rows if r]
        self._build(np.unique(np.array(coded, "S")))

    def _spelt(self, word: str) -> str:
        "Capitals for what the model has no lower case of."
        if self.classes == CLASSES:
            return word.upper()
        at = ((c, class_of(c, self.classes)) for c in word)
        return "".join(self.classes[k] if k >= 0 else c for c, k in at)

    def _build(self, words: np.ndarray):
        "Nodes level by level: one for each beginning of that length. The words are sorted."
        self.size = len(words)
        chars = words.view(np.uint8).reshape(len(words), -1)
        length = (chars > 0).sum(1)
        symbol, count = [np.zeros(1, np.uint8)], []
        node = np.zeros(len(words), np.int64)  # of each word, as far as it has been followed
        known = above = 1  # nodes so far, and on the last level
        for d in range(chars.shape[1]):
            some = np.flatnonzero(length > d)
            c, parent = chars[some, d], node[some]
            new = np.ones(len(some), bool)
            new[1:] = (c[1:] != c[:-1]) | (parent[1:] != parent[:-1])
            symbol.append(c[new] - 1)
            count.append(np.bincount(parent[new] - (known - above), minlength=above))
            node[some] = known + np.cumsum(new) - 1
            above = int(new.sum())
            known += above
        count.append(np.zeros(above, np.int64))
        self.symbol = np.concatenate(symbol)  # uint8 (M,), class on the edge to the node
        self.count = np.concatenate(count).astype(np.int32)  # int32 (M,), children of the node
        self.first = (1 + np.cumsum(self.count) - self.count).astype(np.int32)  # first child
        self.word = np.zeros(known, bool)  # bool (M,), whether a word ends in the node
        self.word[node] = True

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"Lexicon({self.size} words)"

    def __contains__(self, word: str) -> bool:
        node = 0
        for c in map(self.classes.find, self._spelt(word)):
            children = np.arange(self.first[node], self.first[node] + self.count[node])
            hit = children[self.symbol[children] == c] if c >= 0 else children[:0]
            if not len(hit):
                return False
            node = int(hit[0])
        return bool(self.word[node])


# %%
names = Lexicon(["MARTIN", "MARTINEZ", "MARIE", "BERNARD", "DUBOIS"])
print(names, len(names.symbol), "nodes;", "MARIE" in names, "MAR" in names)
rng = np.random.default_rng(0)
syllables = ["".join(s) for s in itertools.product("BDFGKLMNPRSTVZ", "AEIOU")]
many = {"".join(rng.choice(syllables, rng.integers(3, 6))) for _ in range(520_000)}
start = time.perf_counter()
large = Lexicon(many)
print(
    f"{large}: {len(large.symbol):,} nodes, built in {time.perf_counter() - start:.1f} s",
    "on the machine that made this page",
)

# %% [markdown]
# ## Everything that is known, as one value
#
# Each part is optional, and all can be combined. A mistake is reported before the first page is read.

# %%
#| export
PLACEHOLDER = "?"  # stands for a character whose probability is below `reject`


@lru_cache(maxsize=4)
def _lexicon_of_file(path: Path, size: int, changed: int, classes: str) -> Lexicon:
    return Lexicon(path, classes)


def _lexicon_of(words, classes: str) -> Lexicon:
    "The index of words or of a file; a file that did not change since is not read again."
    if isinstance(words, (str, Path)):
        try:
            about = Path(words).stat()
        except (OSError, ValueError):
            return Lexicon(words, classes)  # raises the error that names the file
        return _lexicon_of_file(Path(words), about.st_size, about.st_mtime_ns, classes)
    return Lexicon(words, classes)


ALPHABETS = {"digits": CLASSES[:10], "letters": CLASSES[10:], "alphanumeric": CLASSES}
OTHER_NAMES = {"numbers": "digits", "numeric": "digits", "numerals": "digits", "alpha": "letters",
               "capitals": "letters", "uppercase": "letters", "alnum": "alphanumeric"}  # fmt: skip
LIKE_A_NAME = 0.75  # share of letters in common (difflib) from which a text is a misspelt name


def _refuse_misspelt(alphabet: str) -> None:
    "`digit` hardly means D, I, G and T. Raises `KnowledgeError` with the name that is meant."
    import difflib

    names = [*ALPHABETS, *OTHER_NAMES]
    near = difflib.get_close_matches(alphabet.strip().lower(), names, 1, LIKE_A_NAME)
    if near:
        name = OTHER_NAMES.get(near[0], near[0])
        raise KnowledgeError(
            f"alphabet {alphabet!r}: is {name!r} meant? For the characters themselves put"
            f" blanks between them: {' '.join(alphabet)!r}"
        )


def alphabet_mask(
    alphabet: str | None,  # "digits", "letters", "alphanumeric" or the characters; None: all
    classes: str = CLASSES,  # of the model that reads
) -> np.ndarray:  # bool (36,), the classes that may be read
    "Which classes an alphabet allows. `KnowledgeError` for a misspelt name or unknown character."
    if alphabet is None:
        return np.ones(len(classes), bool)
    if not isinstance(alphabet, str):
        raise KnowledgeError(
            "alphabet is 'digits', 'letters', 'alphanumeric' or a text with the characters,"
            f" not {type(alphabet).__name__}"
        )
    if not alphabet.strip():
        raise KnowledgeError(
            "alphabet is empty: name at least one character, or 'digits', 'letters', 'alphanumeric'"
        )
    name = alphabet.strip().lower()
    characters = ALPHABETS.get(name)
    if characters is None:
        _refuse_misspelt(alphabet)
        characters = alphabet
    elif name != "digits":
        characters += "".join(c for c in classes[N:] if c.isalpha())
    mask = np.zeros(len(classes), bool)
    for i, c in enumerate(characters):
        at = class_of(c, classes)
        if at < 0 and c != " ":
            raise KnowledgeError(
                f"alphabet {alphabet!r}, position {i + 1}: {c!r} is not among the characters"
                f" that the reader knows ({_told(classes)})"
            )
        if at >= 0:
            mask[at] = True
    return mask


# %% [markdown]
# Two hints can exclude each other, such as the alphabet `digits` and the pattern `AAA`. We follow all pairs of states of
# pattern and list until one of them may end. If none does, no text fits both, and the hints are refused.

# %%
#| export
MAX_PAIRS = 300_000  # pairs of states looked at; beyond, hints are taken as possible


@lru_cache(maxsize=8)
def _has_text(allowed: bytes, pattern: str | None, index: Lexicon | None, symbols: str) -> bool:
    "Whether any line fits an alphabet, a pattern and a list of words that are all there is."
    classes = np.frombuffer(allowed, bool)
    automaton, n = None if pattern is None else compile_pattern(pattern, symbols), len(symbols)
    n_nodes = 1 if index is None else len(index.word)
    todo, seen = np.zeros(1, np.int64), {0}
    while len(todo) and len(seen) < MAX_PAIRS:
        q, node = np.divmod(todo, n_nodes)
        if index is None:
            own = np.repeat(np.arange(len(q)), n)
            cls, child = np.tile(np.arange(n), len(q)), np.zeros(n * len(q), np.int64)
        else:
            own, child = spread(index.count[node], index.first[node])
            cls = index.symbol[child].astype(np.int64)
        may = classes[cls]
        own, cls, child = own[may], cls[may], child[may]
        to = q[own] if automaton is None else automaton.follow[q[own], cls].astype(np.int64)
        own, child, to = own[to >= 0], child[to >= 0], to[to >= 0]
        ends = np.ones(len(to), bool) if index is None else index.word[child]
        if (ends if automaton is None else ends & automaton.accept[to]).any():
            return True
        reached = to * n_nodes + child
        if automaton is not None:  # a word space, and the next word begins
            blank = automaton.follow[to[ends], n].astype(np.int64)
            reached = np.concatenate([reached, blank[blank >= 0] * n_nodes])
        new = set(reached.tolist()) - seen
        seen |= new
        todo = np.fromiter(new, np.int64, len(new))
    return len(todo) > 0


def _refuse_contradictions(knowledge: Knowledge) -> None:
    "Raise `KnowledgeError` where no text fits what is said to be known."
    allowed, pattern, index = knowledge.classes.tobytes(), knowledge.pattern, knowledge.index
    symbols = knowledge.symbols
    if pattern is not None and not _has_text(allowed, pattern, None, symbols):
        raise KnowledgeError(
            f"alphabet {knowledge.alphabet!r} and pattern {pattern!r} exclude each other:"
            " no text fits both"
        )
    if index is not None and not _has_text(allowed, None, index, symbols):
        raise KnowledgeError(
            f"alphabet {knowledge.alphabet!r} and the lexicon exclude each other: it holds no word"
            " of these characters"
        )
    both = knowledge.strict and index is not None and pattern is not None
    if both and not _has_text(allowed, pattern, index, symbols):
        raise KnowledgeError(
            f"pattern {pattern!r} and the strict lexicon exclude each other: none of its"
            " words fits, alone or in a row"
        )


def _is_number(value, most: float) -> bool:
    "Whether an option is a number from 0 to `most`."
    return isinstance(value, (int, float, np.number)) and bool(0 <= value <= most)


@dataclass(frozen=True)
class Knowledge:
    "What is known about the text before it is read. Every part is optional, all can be combined."

    alphabet: str | None = None  # "digits", "letters", "alphanumeric" or the characters
    pattern: str | None = None  # of a whole line: a mask (A letter, 9 digit, * either) or `re:`
    lexicon: Iterable[str] | str | Path | Lexicon | None = None  # words, a file, or an index
    strict: bool = False  # read nothing but what fits: words of the lexicon, lines of the pattern
    prior: bool | float = True  # weigh readings by how text is built; a number is the weight
    reject: float = 0.0  # 0..1, characters less probable than this come out as `PLACEHOLDER`
    symbols: str = field(default=CLASSES, repr=False)  # the classes of the model that reads
    classes: np.ndarray = field(init=False, repr=False, compare=False)  # bool, the alphabet's
    automaton: Automaton | None = field(init=False, repr=False, compare=False)  # the pattern's
    index: Lexicon | None = field(init=False, repr=False, compare=False)  # the lexicon's

    def __post_init__(self):
        if not isinstance(self.strict, (bool, np.bool_)):
            raise KnowledgeError(f"strict is True or False, not {self.strict!r}")
        if not _is_number(self.reject, 1) or isinstance(self.reject, bool):
            raise KnowledgeError(f"reject is a probability from 0 to 1, not {self.reject!r}")
        if not _is_number(self.prior, 10):
            raise KnowledgeError(
                f"prior is True, False or a weight from 0 to 10, not {self.prior!r}"
            )
        if self.strict and self.lexicon is None and self.pattern is None:
            raise KnowledgeError("strict=True needs a lexicon or a pattern to be strict about")
        put = object.__setattr__
        put(self, "classes", alphabet_mask(self.alphabet, self.symbols))
        compiled = None if self.pattern is None else compile_pattern(self.pattern, self.symbols)
        put(self, "automaton", compiled)
        words = self.lexicon
        ready = words is None or isinstance(words, Lexicon)
        put(self, "index", words if ready else _lexicon_of(words, self.symbols))
        if self.index is not None and not self.symbols.startswith(self.index.classes):
            raise KnowledgeError(
                "the Lexicon was made for other classes than this model's: make it with"
                " Lexicon(words, reader.symbols)"
            )
        _refuse_contradictions(self)

    @property
    def tells(self) -> bool:
        "Whether it tells what may be read, not only how to weigh it."
        return any(hint is not None for hint in (self.alphabet, self.pattern, self.lexicon))


# %%
for mistake in (
    dict(alphabet=""),
    dict(alphabet="01€"),
    dict(lexicon=["MARTIN", "O'BRIEN"]),
    dict(reject=60),
    dict(strict=True),
    dict(alphabet="digit"),
    dict(alphabet="digits", pattern="AAA"),
):
    try:
        Knowledge(**mistake)
    except KnowledgeError as error:
        print(error)

# %% [markdown]
# ## The sweep
#
# A partial reading now has three states: the node of the line, the state of the pattern, the state of the language. We keep
# the best way to each combination, as Viterbi did for nodes. So the best way to a node *as part of a word* and the best way
# to it *as a number* are kept apart. `customocr/engine/sweep.py` does this for all lines of a page at once. It also keeps the
# sum over all ways, which gives the probability of each character.
#
# A partial reading that is 22,000 times (10 nats) less probable than the best one of the same ink is dropped. This is called a
# *beam*. Where the network has no idea, nothing is far behind, so a line also keeps at most 500 ways into a node.
#
# A word may be of any of the four kinds, by their shares; the kind of the word before it is more likely. A soft lexicon adds a
# fifth: seven words in ten come from the list. A short list is weighed as if it had 5,000 words, because three names should
# not overrule a clear reading.

# %%
#| export
LEXICON_SIZE = 5000  # words that a shorter lexicon is weighed as
LEXICON_SHARE = 0.7  # probability that a word is one of a soft lexicon's
MARGIN = 10.0  # nats below the best reading of the same ink at which a partial one is given up
LISTED_MARGIN = 14.0  # the same with a lexicon, whose words pay for their number at the start
TIED_MARGIN = 20.0  # under a pattern or strict: the best-looking start may lead nowhere
WIDE_MARGIN = 40.0  # the same when nothing came through
UNSURE = 0.9  # probability of a word below which its alternatives are looked for
PATIENCE = 100  # partial readings that are looked at for the alternatives of a word
BATCH = 1024  # nodes that go through one sweep: a book needs no more memory than a page


def word_starts(
    knowledge: Knowledge,  # what is known
    weight: float,  # on the log-probabilities
    share: np.ndarray,  # float (4,), how often each kind is expected; adds up to 1
) -> Starts:
    "In which states words begin, and how likely."
    state, share = (
        (np.array([0, N_CONTEXT, N_CONTEXT + 1, N_CONTEXT + 2]), share)
        if knowledge.prior
        else (np.array([0]), np.ones(1))
    )
    kind = np.array([WORD, NUMBER, INITIALS, CODE]) if knowledge.prior else np.array([CODE])
    bonus = np.zeros(len(state))
    if knowledge.index is not None:
        trie = (
            N_CONTEXT + len(UNIFORM) if knowledge.prior else 1
        )  # the lexicon's states follow the language's
        listed = 1.0 if knowledge.strict else LEXICON_SHARE
        state, kind, share = (
            np.append(state, trie),
            np.append(kind, LISTED),
            np.append(share * (1 - listed), listed),
        )
        bonus = np.append(bonus, -math.log(max(len(knowledge.index), LEXICON_SIZE)))
    used = share > 0
    state, kind, share, bonus = state[used], kind[used], share[used], bonus[used]
    after = np.log((1 - STICKY) * share + STICKY * (np.arange(LISTED + 1)[:, None] == kind))
    return Starts(state, weight * (np.log(share) + bonus), weight * (after + bonus))


# %% [markdown]
# Most pages are of one kind. After thirteen sure words the fourteenth is hardly a code: `D0` there is `DO`. So we read the
# lines once with the usual shares and count the sure words of each kind. Then we read doubtful lines again with the page's shares.
#
# The result says what was chosen, how sure each character and word is, and what else it could be.

# %%
#| export
@dataclass(frozen=True)
class WordReading:
    "One decoded word."

    text: str  # the characters, rejected ones as placeholders
    probability: float  # 0..1, that every character of the word is right
    first: int  # index of its first character in the line's decoding
    last: int  # index after its last character
    alternatives: tuple = ()  # ((text, probability), ...), most probable first, over all cuts


@dataclass(frozen=True)
class Decoding:
    "What a line says: the most probable path through its lattice, with its probabilities."

    text: str  # words separated by blanks; characters below `reject` are `PLACEHOLDER`
    log_probability: float  # log of the product of the words' probabilities, at most 0
    edges: np.ndarray  # int32 (T,), the chosen edges from left to right
    characters: str  # T characters before rejection
    probabilities: np.ndarray  # float32 (T,), 0..1, of each character given everything known
    alternatives: tuple  # per character ((text, probability), ...), most probable first
    words: tuple  # WordReading per word
    matched: bool  # False where nothing fits the pattern or the strict lexicon: they are ignored


def _alternatives(
    chances: np.ndarray,  # float (36,), probability of each class
    chosen: int,  # class of the reading, listed whatever its probability
    n: int,  # how many to list
    symbols: str,  # the classes
) -> tuple:  # ((text, probability), ...), most probable first
    "The most probable classes of a character."
    best = [int(k) for k in np.argsort(-chances)[:n] if chances[k] > 1e-6]
    if chosen not in best:
        best = [*best[: n - 1], chosen]
    return tuple((symbols[k], min(1.0, float(chances[k]))) for k in best)


def _words(sweep: Sweep, i: int, arcs: np.ndarray, shown: str, n_words: int):
    "The words of a line: a word goes up to and with the space behind it."
    cls, real = sweep.cls[arcs], sweep.real[arcs]
    words, begin, first = [], 0, 0
    for stop in [*np.flatnonzero(cls == sweep.blank) + 1, len(arcs)]:
        read = cls[begin:stop][real[begin:stop]]
        last = first + len(read)
        probability = sweep.probability(arcs[begin:stop])
        text = "".join(sweep.symbols[k] for k in read)
        others: tuple[tuple[str, float], ...] = ((text, probability),)
        if probability < UNSURE and n_words > 1:
            found = sweep.readings(arcs[begin - 1] if begin else None, i, n_words, PATIENCE)
            others = tuple(("".join(sweep.symbols[k] for k in t), p) for t, p in found) or others
        words.append(WordReading(shown[first:last], probability, first, last, others))
        begin, first = stop, last
    return tuple(words)


def _read(
    sweep: Sweep,  # finished
    i: int,  # which of its lattices
    reject: float,  # characters less probable become placeholders
    matched: bool,  # whether the line fits what is known
    n_alternatives: int,  # listed per character
    n_words: int,  # listed per unsure word
) -> Decoding:
    "One line of a finished sweep."
    arcs = np.array(sweep.path(i))
    chosen = arcs[sweep.real[arcs]]
    edges, read = sweep.edge[chosen], sweep.cls[chosen]
    chances = sweep.posterior[edges]
    probabilities = np.minimum(chances[np.arange(len(edges)), read], 1)
    characters = "".join(sweep.symbols[k] for k in read)
    shown = "".join(
        c if not reject or (matched and p >= reject) else PLACEHOLDER
        for c, p in zip(characters, probabilities)
    )
    words = _words(sweep, i, arcs, shown, n_words)
    return Decoding(
        text=" ".join(w.text for w in words),
        log_probability=sum(math.log(max(w.probability, 1e-300)) for w in words),
        edges=(edges - sweep.edge0[i]).astype(np.int32),
        characters=characters,
        probabilities=probabilities.astype(np.float32),
        alternatives=tuple(
            _alternatives(c, k, n_alternatives, sweep.symbols) for c, k in zip(chances, read)
        ),
        words=words,
        matched=matched,
    )


EMPTY = Decoding("", 0.0, np.zeros(0, np.int32), "", np.zeros(0, np.float32), (), (), True)


@dataclass(frozen=True)
class _Round:
    "One attempt at the lines that nothing has come through for so far."

    known: Knowledge
    margin: float  # nats behind the best at which a partial reading is given up
    every: bool = False  # follow every class, not only the likely ones
    breadth: int = 1  # times the usual number of arcs
    matched: bool = True  # whether what comes through fits what is known


def _rounds(knowledge: Knowledge) -> list[_Round]:
    "From the quickest attempt to the most patient one; at last without what the line does not fit."
    if not knowledge.strict and knowledge.automaton is None:
        margin = MARGIN if knowledge.index is None else LISTED_MARGIN
        return [_Round(knowledge, margin), _Round(knowledge, math.inf)]
    index = knowledge.index
    prior = knowledge.prior if index is not None and knowledge.strict else False
    rounds = [
        _Round(knowledge, TIED_MARGIN, breadth=2),
        _Round(knowledge, TIED_MARGIN, every=True, breadth=4),
        _Round(replace(knowledge, lexicon=index, prior=prior), WIDE_MARGIN, every=True, breadth=8),
    ]
    if not knowledge.strict:
        free = replace(knowledge, pattern=None, lexicon=index)
        rounds.append(_Round(free, math.inf, matched=False))
    return rounds


def _sweep(lattices: list[Lattice], step: _Round, most: int, share: np.ndarray) -> Sweep:
    "One round over some lines."
    known = step.known
    weight = PRIOR_WEIGHT if isinstance(known.prior, bool) else float(known.prior or PRIOR_WEIGHT)
    if known.prior:
        language: Language | NoLanguage = shipped_language(weight, known.symbols)
    else:
        language = NoLanguage(classes=len(known.symbols))
    starts = word_starts(known, weight, share)
    most *= step.breadth
    return Sweep(lattices, language, starts, known, step.every, step.margin, most)


def _batches(lattices: Sequence[Lattice]) -> Iterator[list[int]]:
    "Numbers of lines in groups of at most `BATCH` nodes; lines without an edge are left out."
    group: list[int] = []
    nodes = 0
    for i, x in enumerate(lattices):
        if not len(x.start):
            continue
        if group and nodes + x.n_nodes > BATCH:
            yield group
            group, nodes = [], 0
        group.append(i)
        nodes += x.n_nodes
    if group:
        yield group


SURE = 0.95  # probability from which a word tells what kinds of text a page has
ONE_WORD = 5  # characters that count as one word of its kind
BEFORE = 2.0  # words that the usual shares count as, beside the page's own


def shares_of(
    decoded: Sequence[Decoding],  # the lines of a page
) -> np.ndarray | None:  # float (4,), adding up to 1; None where no word is sure
    "How often each kind of text is expected on a page, from the words on it that are sure."
    counts = np.zeros(len(SHARE))
    for text, probability in ((w.text, w.probability) for d in decoded for w in d.words):
        if text and probability >= SURE and PLACEHOLDER not in text:
            digits = sum(c.isdigit() for c in text)
            kind = WORD if not digits else NUMBER if digits == len(text) else CODE
            counts[kind] += min(1.0, len(text) / ONE_WORD)
    letters = SHARE[[WORD, INITIALS]]  # what has letters only may be either
    counts[[WORD, INITIALS]] = counts[WORD] * letters / letters.sum()
    return (BEFORE * SHARE + counts) / (BEFORE + counts.sum()) if counts.any() else None


def _decode(lattices, knowledge, share, n_alternatives, n_words, over) -> list[Decoding]:
    "Read lines with given shares of the kinds of text, until the time is over."
    out: list[Decoding] = [EMPTY] * len(lattices)
    most = arcs_at_a_node(sum(x.n_nodes for x in lattices))
    for todo in _batches(lattices):
        for step in _rounds(knowledge):
            if over():
                return out
            sweep = _sweep([lattices[i] for i in todo], step, most, share)
            for k, i in enumerate(todo):
                if k in sweep.last:
                    out[i] = _read(
                        sweep, k, knowledge.reject, step.matched, n_alternatives, n_words
                    )
            todo = [i for k, i in enumerate(todo) if k not in sweep.last]
            if not todo:
                break
        for i in todo:
            out[i] = replace(EMPTY, matched=not knowledge.strict and knowledge.automaton is None)
    return out


def decode_lines(
    lattices: Sequence[Lattice],  # the lines of a page
    knowledge: Knowledge = Knowledge(),  # what is known about every one of them
    n_alternatives: int = 5,  # alternatives listed per character
    n_words: int = 5,  # alternatives listed per word that is unsure; 0: none are looked for
    over: Callable[[], bool] = lambda: False,  # whether the time is used up; what is left is empty
) -> list[Decoding]:  # one per lattice
    """Read the lines of a page together.

    Lines with a word in doubt are read again, with the kinds of text that the page's sure words
    are of. A line that does not fit what is known is read without it and marked (`matched`); with
    `strict` nothing is read in it. Time and memory are bounded whatever comes in.
    """
    out = _decode(lattices, knowledge, SHARE, n_alternatives, n_words, over)
    doubtful = [i for i, d in enumerate(out) if any(w.probability < SURE for w in d.words)]
    share = shares_of(out) if knowledge.prior and doubtful else None
    if share is not None:
        again = [lattices[i] for i in doubtful]
        better = _decode(again, knowledge, share, n_alternatives, n_words, over)
        for i, d in zip(doubtful, better):
            out[i] = d if d is not EMPTY else out[i]
    return out


def decode(
    lattice: Lattice,  # one line
    knowledge: Knowledge = Knowledge(),  # what is known about it
    n_alternatives: int = 5,  # alternatives listed per character
) -> Decoding:
    "The most probable reading of a line, with the probability of each character and word."
    return decode_lines([lattice], knowledge, n_alternatives)[0]


# %% [markdown]
# The two strokes from the beginning, now with a language, and then with other things known about the field:

# %%
known = {
    "nothing but the evidence": Knowledge(prior=False),
    "the prior": Knowledge(),
    "alphabet='letters'": Knowledge(alphabet="letters"),
    "alphabet='digits'": Knowledge(alphabet="digits"),
    "pattern='AA9A'": Knowledge(pattern="AA9A"),
    "pattern='A9*'": Knowledge(pattern="A9*"),
    "lexicon=['NUT', 'NOT'], strict": Knowledge(lexicon=["NUT", "NOT"], strict=True),
    "reject=0.9": Knowledge(reject=0.9),
}
decoded = {name: decode(touching, k) for name, k in known.items()}
pd.DataFrame(
    {
        name: [
            d.text,
            " ".join(f"{p:.2f}" for p in d.probabilities),
            f"{np.exp(d.log_probability):.2f}",
        ]
        for name, d in decoded.items()
    },
    index=["text", "each character", "the whole word"],
).T

# %%
#| label: fig-decoding-chosen
#| fig-cap: "With the prior the arc is chosen, and the third character is the letter O."
#| fig-alt: "The same five nodes; the arc H, the edge O and the edge T are red."
draw_lattice(touching, decoded["the prior"].edges)

# %%
#| hide
assert decoded["nothing but the evidence"].text == best_path(touching)[0] == "H0T"
assert (
    decoded["the prior"].text == "HOT"
    and decoded["pattern='AA9A'"].text == "II0T"
    and decoded["lexicon=['NUT', 'NOT'], strict"].text == "NOT"
)
assert decoded["alphabet='digits'"].text.isdigit() and "?" in decoded["reject=0.9"].text


# %% [markdown]
# The pattern with four places chooses two strokes, though the segmentation prefers one letter.
#
# ## How sure must the network be?
#
# One character is in doubt, and all others are clear. We move the network's probability of a 0 from 0 to 1, give the rest to O,
# and watch the decoder's probability.

# %%
def in_doubt(
    text,  # with _ where the doubtful character stands
    p,  # probability of 0, the rest is O
    **knowledge,
):  # probability of 0 after decoding
    "The posterior probability of a zero at the place in doubt."
    at = text.index("_")
    rows = [
        row(("0", p * 0.998), ("O", (1 - p) * 0.998)) if c == "_" else row((c, 0.99)) for c in text
    ]
    result = decode(Lattice.linear(np.array(rows)), Knowledge(**knowledge), n_alternatives=36)
    return dict(result.alternatives[at]).get("0", 0.0)


def show_doubt(
    texts=("7P_9", "2_47", "B_OK"),
    mark=None,  # probability to mark with a line
    **knowledge,
):  # matplotlib figure
    "Probability of a zero before and after decoding, for several contexts."
    chances = np.concatenate(
        [
            np.geomspace(1e-4, 0.01, 12),
            np.linspace(0.02, 0.98, 33),
            1 - np.geomspace(0.01, 1e-4, 12),
        ]
    )
    figure, axes = plt.subplots(figsize=(5.4, 3.2), dpi=90)
    for text in texts:
        axes.plot(
            chances,
            [in_doubt(text, p, **knowledge) for p in chances],
            label=text.replace("_", "▢"),
        )
    axes.plot(chances, chances, "k:", lw=1, label="the network alone")
    if mark is not None:
        axes.axvline(mark, color="grey", lw=1)
    axes.set(
        xscale="logit",
        xlim=(1e-4, 1 - 1e-4),
        xlabel="network: probability of 0 (else O)",
        ylabel="after decoding",
        title="What the neighbours add",
    )
    axes.set_xticks(
        [1e-3, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999],
        ["0.001", "0.01", "0.1", "0.5", "0.9", "0.99", "0.999"],
        fontsize=8,
    )
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.minorticks_off()
    axes.legend(fontsize=8)
    figure.tight_layout()
    plt.close(figure)
    return figure


# %%
#| label: fig-decoding-doubt
#| fig-cap: "The context moves the curve: between digits the 0 wins early, in a word late."
#| fig-alt: "Three curves of the probability of 0 after decoding over that before; the one for 2_47 lies left, 7P_9 near the diagonal, B_OK far right."
show_doubt()

# %%
doubt = {t: in_doubt(t, 0.5) for t in ("7P_9", "2_47", "B_OK")}
{t: f"{p:.2f}" for t, p in doubt.items()}

# %%
#| hide
assert 0.4 < doubt["7P_9"] < 0.75 and doubt["2_47"] > 0.8 and doubt["B_OK"] < 0.05

# %% [markdown]
# In the code `7P▢9` the curve stays close to the network's own. Between digits the 0 wins early. In `B▢OK` the O stays until
# the network is nearly certain, so a clearly printed `B0OK` is still read as written.
#
# The steps at both ends come from a short cut. The decoder does not try a class with less than a thousandth of the best
# class's probability, unless a pattern or a list asks for it.
#
# In a running kernel, the next cell has sliders: change the word, the probability, the alphabet, and see it decode.

# %%
#| eval: false
from ipywidgets import Dropdown, FloatSlider, Text, interact


@interact(
    text=Text("H_USE", description="text"),
    p=FloatSlider(0.5, min=0, max=1, step=0.01, description="p(0)"),
    alphabet=Dropdown(options=[None, "digits", "letters"], description="alphabet"),
)
def settle(text, p, alphabet):
    "Type any word with one _ in it; the grey line is the network's probability."
    if text.count("_") == 1:
        display(show_doubt((text.upper(),), p, alphabet=alphabet))
        print(
            f"after decoding: 0 with probability {in_doubt(text.upper(), p, alphabet=alphabet):.3f}"
        )


# %% [markdown]
# ## What each kind of knowledge wins, and what it breaks
#
# We spell texts with glyphs of writers whom neither the network nor any constant has seen. The names are in the lexicon, among
# 30 others; the words are not. Every hint is tried on every kind of text, also where it is wrong. The table shows the share
# of characters that are right; higher is better.

# %%
#| code-fold: true
#| code-summary: "Spelling text with glyphs of real writers"
@lru_cache(maxsize=2)
def glyphs_of(part):
    "Labels, writers and probabilities of UNIPEN's validation (1) or test (2) writers, or samples."
    if folder:
        unipen = load_unipen(folder)
        some = unipen[split_unipen(unipen)[part]]
    else:
        some = load_samples()
    return some.labels, some.writer, reader.likelihoods(some.images)


NAMES = """
SOPHIE OLIVIER ISABEL BORIS SILVIO LOUISE BENOIT JOSEPH IRIS OSCAR ZOE SUZIE DUBOIS BOISSON
ROSSI GOZZI LIZ COLLINS SOLIS VUONG QUINN BUSH SILVA ZOLA GIZA PEREZ BRUNO UDO ULI VITO
""".split()
OTHERS = """
MARTIN BERNARD THOMAS PETIT ROBERT RICHARD DURAND MOREAU SIMON LAURENT MICHEL GARCIA DAVID
BERTRAND ROUX VINCENT FOURNIER MOREL GIRARD ANDRE MERCIER DUPONT LAMBERT BONNET FRANCOIS
MARTINEZ LEGRAND GARNIER FAURE ROUSSEAU
""".split()
WORDS = """
SIZE BOSS SISTER ISSUE SOLO OASIS BISON ZOO HILLTOP MISSION POSITION SESSION OBVIOUS BUSINESS
SERIOUS SCHOOL INVOICE POLICY SERVICE PROVISION DIVISION BOOKS ROOMS ISLAND CIRCLE QUIZ DOZEN
VISUAL VOUCHER UNUSUAL
""".split()


def text_kinds(rng):
    "Four kinds of text."
    return {
        "words": WORDS * 6,
        "names": NAMES * 6,
        "numbers": [
            "".join(rng.choice(list("0123456789"), rng.integers(2, 9))) for _ in range(180)
        ],
        "codes": random_codes(500, rng),
    }


def lattices_of(texts, labels, writers, chances, rng):
    "Each text as a row of one writer's glyphs."
    return {
        kind: [Lattice.linear(chances[spell(t, labels, writers, rng)]) for t in some]
        for kind, some in texts.items()
    }


def accuracy(texts, read):
    "Share of characters that are right."
    return np.mean([a == b for t, r in zip(texts, read) for a, b in zip(t, r)])


# %%
rng = np.random.default_rng(6)
texts = text_kinds(rng)
spelled = lattices_of(texts, *glyphs_of(2), rng)
hints = {
    "bare": dict(prior=False),
    "prior": {},
    "alphabet letters": dict(alphabet="letters"),
    "alphabet digits": dict(alphabet="digits"),
    "soft lexicon": dict(lexicon=NAMES + OTHERS),
    "strict lexicon": dict(lexicon=NAMES + OTHERS, strict=True),
    "pattern A{1,20}": dict(pattern="A{1,20}"),
    "pattern 9{1,20}": dict(pattern="9{1,20}"),
}
read = {
    name: {
        kind: [d.characters for d in decode_lines(spelled[kind], Knowledge(**hint), 1)]
        for kind in texts
    }
    for name, hint in hints.items()
}
for name, rule in (("blanket fix", blanket_fix), ("neighbour rule", neighbour_fix)):
    read[name] = {kind: [rule(t) for t in read["bare"][kind]] for kind in texts}
won = pd.DataFrame(
    {name: {kind: accuracy(texts[kind], r[kind]) for kind in texts} for name, r in read.items()}
).T
won.loc[["bare", "blanket fix", "neighbour rule", *list(hints)[1:]]].style.format(
    "{:.3f}"
).background_gradient(cmap="RdYlGn", vmin=0.6, vmax=1)

# %%
cost = 100 * (won.codes["bare"] - won.codes["prior"])
print(
    f"on {len(texts['codes'])} random codes the prior changes the accuracy by {-cost:+.2f} points"
)

# %%
#| hide
assert (
    cost < 1.5
    and won.names["prior"] > won.names["bare"]
    and won.numbers["prior"] > won.numbers["bare"]
)
assert (
    won.names["soft lexicon"] >= won.names["prior"]
    and won.numbers["alphabet digits"] > won.numbers["bare"]
)

# %% [markdown]
# Read it by columns. The blanket fix helps words and ruins numbers. The neighbour rule helps both and costs codes a little.
# The prior helps words, names and numbers more than either, and changes codes by less than a point. A true hint beats the
# prior. A false hint, such as digits for words, costs nearly everything. Only the soft lexicon does little harm, because a
# word outside the list can still be read.
#
# ## How much weight for the language
#
# The prior's log-probabilities are multiplied by a weight. A weight of 1 is right if both network and language can be believed.
# We choose it on UNIPEN's *validation* writers, who are not in the table above.

# %%
#| label: fig-decoding-weight
#| fig-cap: "Find the grey line at 1: words and numbers gain up to there, and codes hardly lose."
#| fig-alt: "Share of characters right over the weight of the prior for words, names, numbers and codes; a grey line at one."
weights = [0, 0.2, 0.4, 0.6, 0.8, PRIOR_WEIGHT, 1.25, 1.5]
tuned = lattices_of(texts, *glyphs_of(1), np.random.default_rng(7))
curve = {
    kind: [
        accuracy(
            texts[kind],
            [d.characters for d in decode_lines(tuned[kind], Knowledge(prior=w or False), 1)],
        )
        for w in weights
    ]
    for kind in texts
}
figure, axes = plt.subplots(figsize=(5.2, 3.2), dpi=90)
for kind, values in curve.items():
    axes.plot(weights, values, "o-", ms=4, label=kind)
axes.axvline(PRIOR_WEIGHT, color="grey", lw=1)
axes.set(xlabel="weight of the prior", ylabel="characters right", title="Validation writers")
axes.legend(fontsize=8)
figure.tight_layout()

# %% [markdown]
# ## On pages
#
# On whole pages the cuts are in doubt as well. The first table has the [CER](glossary.html#cer) by kind of page, from 0 to 1,
# and lower is better. The second counts errors within the five look-alike pairs. The rules change the bare reading; the prior
# chooses cuts and characters together.

# %%
pages = [reader.read(root / r["path"]) for r in rows]
with_prior = [page.text for page in pages]
page_texts = {
    "bare": bare,
    "blanket fix": [blanket_fix(t) for t in bare],
    "neighbour rule": [neighbour_fix(t) for t in bare],
    "prior": with_prior,
}


def cer(read, kind, rows=truth):
    "Edit distance over length of the truth, blanks and line breaks left out."
    pairs = [(solid(t), solid(r)) for (k, t), r in zip(rows, read) if k == kind]
    return sum(t != r for p in pairs for t, r in align(*p)) / sum(len(t) for t, _ in pairs)


def count_look_alikes(read):
    "Errors within the five pairs."
    return sum((look_alike_errors(solid(t), solid(r)) for (_, t), r in zip(truth, read)), Counter())


kinds = sorted({k for k, _ in truth})
pd.DataFrame(
    {name: [cer(r, k) for k in kinds] for name, r in page_texts.items()}, index=kinds
).style.format("{:.3f}").set_caption("CER")

# %%
pairs = ["/".join(p) for p in LOOK_ALIKES]
left = pd.DataFrame(
    {name: [count_look_alikes(r)[p] for p in pairs] for name, r in page_texts.items()}, index=pairs
)
left.loc["all"] = left.sum()
if left.bare["all"]:
    print(
        f"{1 - left.prior['all'] / left.bare['all']:.0%} of the bare network's look-alike errors",
        "are gone",
    )
left


# %% [markdown]
# In this address every 0, O, 1, I, 5, S, 2, Z, 8 and B is given to the decoder as a toss-up. It gets no hint:

# %%
def toss_up(line):
    "A line in which every look-alike is as probable as its twin."
    twins = {c: pair for pair in LOOK_ALIKES for c in pair}
    chances = [
        row(*((t, 0.49) for t in twins[c])) if c in twins else row((c, 0.97))
        for c in line
        if c != " "
    ]
    return Lattice.linear(
        np.array(chances), [len(solid(line[:i])) for i, c in enumerate(line) if c == " "]
    )


address = [
    d.text
    for d in decode_lines([toss_up(line) for line in ("1000 HILLTOP CIR", "BALTIMORE MD 21250")])
]
assert address == ["1000 HILLTOP CIR", "BALTIMORE MD 21250"]
address


# %% [markdown]
# Every 0, O, 1, I, 5, S, 2, Z, 8 and B in it was given to the decoder as a toss-up.
#
# ## Hints on pages
#
# What does it help to say that a column holds numbers, or to give a list of names? As lexicon for each word we take the words of
# all *other* images. We read every third word image; `benchmarks/decoding.py` reads all.

# %%
def some_of(kind):
    "Indices of the pages of a kind; of words every third."
    return [i for i, (k, _) in enumerate(truth) if k == kind][:: 3 if kind == "word" else 1]


digit_kinds = [k for k in kinds if all(solid(t).isdigit() for kind, t in truth if kind == k)]
table = {}
for kind, hint in [(k, "digits") for k in digit_kinds] + [("word", "letters")]:
    some = some_of(kind)
    hinted = [reader.read(root / rows[i]["path"], alphabet=hint).text for i in some]
    table[kind, hint] = [
        cer([read[i] for i in some], kind, [truth[i] for i in some])
        for read in (bare, with_prior, dict(zip(some, hinted)))
    ]
pd.DataFrame(table, index=["bare", "prior", "with the alphabet"]).T.style.format(
    "{:.3f}"
).set_caption("CER")

# %%
exact = {"prior": [], "soft lexicon of the others": []}
for i in some_of("word"):
    others = {w for j, (k, t) in enumerate(truth) if k == "word" and j != i for w in t.split()}
    listed = reader.read(root / rows[i]["path"], lexicon=others or {"NONE"}).text
    exact["prior"].append(solid(with_prior[i]) == solid(truth[i][1]))
    exact["soft lexicon of the others"].append(solid(listed) == solid(truth[i][1]))
pd.DataFrame({name: [np.mean(e), len(e)] for name, e in exact.items()}, index=["exact", "images"]).T

# %% [markdown]
# ## Is it as sure as it says?
#
# Of the characters given 90 %, nine in ten should be right. We test this on images with the right number of characters, so
# that each can be compared with the truth. `reject` leaves out the least sure characters; the figure's right half shows what
# that gains.

# %%
#| label: fig-decoding-calibration
#| fig-cap: "Left: points on the dotted line would be perfectly honest. Right: errors fall as unsure characters are left out."
#| fig-alt: "Left, share right over confidence; right, error rate over the share of characters answered."
sure, right = [], []
for page, (_, text) in zip(pages, truth):
    characters = [c for line in page.lines for w in line.words for c in w.characters]
    if len(characters) == len(solid(text)):
        sure += [c.confidence for c in characters]
        right += [c.text == t for c, t in zip(characters, solid(text))]
sure, right = np.array(sure), np.array(right)
bins = np.minimum((sure * 15).astype(int), 14)
filled = [b for b in range(15) if (bins == b).any()]
means = np.array(
    [[sure[bins == b].mean(), right[bins == b].mean(), (bins == b).mean()] for b in filled]
)
ece = (abs(means[:, 0] - means[:, 1]) * means[:, 2]).sum()
order = np.argsort(-sure, kind="stable")
answered = np.arange(1, len(order) + 1) / len(order)
error = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
figure, (a, b) = plt.subplots(1, 2, figsize=(7.6, 3.2), dpi=90)
a.plot([0, 1], [0, 1], "k:", lw=1)
a.scatter(means[:, 0], means[:, 1], s=8 + 200 * means[:, 2])
a.set(xlabel="confidence", ylabel="share right", title=f"{len(sure):,} characters, ECE {ece:.3f}")
b.plot(100 * answered, 100 * error)
b.axvline(95, color="grey", lw=1)
b.set(
    xlabel="% of characters answered",
    ylabel="% of these wrong",
    xlim=(60, 100),
    title="What rejecting buys",
)
figure.tight_layout()

# %%
at95 = error[round(0.95 * len(error)) - 1]
print(f"error with all answered {error[-1]:.4f}, with 95 % answered {at95:.4f}")

# %% [markdown]
# ## Geometry, measured
#
# An O is rounder than a 0. Should the aspect, width over height, be evidence too? We fit a logistic model on the network's
# log-odds, with and without the aspect, on validation writers. The table shows the share right on test writers.

# %%
from sklearn.linear_model import LogisticRegression


def odds_and_aspect(part, pair):
    "Network's log-odds within the pair, the glyph's aspect, and whether it is the second one."
    labels, _, chances = glyphs_of(part)
    images = (
        load_unipen(folder)[split_unipen(load_unipen(folder))[part]] if folder else load_samples()
    ).images
    a, b = (CLASSES.index(c) for c in pair)
    some = np.isin(labels, (a, b))
    size = [
        np.ptp(np.flatnonzero((images[some] > 64).any(axis)[i])) + 1
        for axis in (1, 2)
        for i in range(some.sum())
    ]
    width, height = np.array(size).reshape(2, -1)
    odds = np.log(chances[some, b] + 1e-6) - np.log(chances[some, a] + 1e-6)
    return np.c_[odds, width / height], labels[some] == b


geometry = {}
for pair in LOOK_ALIKES:
    (x, y), (u, v) = odds_and_aspect(1, pair), odds_and_aspect(2, pair)
    geometry["/".join(pair)] = [
        LogisticRegression().fit(x[:, c], y).score(u[:, c], v) for c in ([0], [1], [0, 1])
    ]
pd.DataFrame(geometry, index=["network", "aspect", "both"]).T.style.format("{:.3f}")

# %% [markdown]
# The aspect adds nothing beyond chance. The network has seen it already. So the decoder does not use it.
#
# ## What it costs

# %%
some = [spelled[kind][i] for kind in ("words", "numbers", "words", "codes") for i in range(3)]
start = time.perf_counter()
for _ in range(20):
    decode_lines(some)
took = (time.perf_counter() - start) / 20
n = sum(len(x.start) for x in some)
samples = load_samples().images
start = time.perf_counter()
for _ in range(20):
    reader.classify(samples[:n])
network = (time.perf_counter() - start) / 20
print(
    f"{n} characters in {len(some)} lines: decoding takes {took / network:.1f} times as long",
    "as one pass of the network over them",
)

# %% [markdown]
# `benchmarks/decoding.py` measures the share of whole page readings, together with everything else on this page.
#
# ## Recap
#
# - The decoder keeps all probabilities to the end and decides once, for the whole line.
# - The prior helps words without harming codes, because codes are one of its kinds of text.
# - A true hint helps most. A false hint does damage without a warning; a soft lexicon does the least.
#
# Three touching zeros that no cut divides stay a problem. In [Reading without cutting](16_line_network.ipynb) a network slides
# along the line and gives what it sees to this decoder.
#
# ## Exercises
#
# 1. Build a field for cheques: write a pattern for amounts such as `1250` or `89`, at most five digits with no leading zero.
# 2. Read the `codes` with a prior in which every word is expected to be a word (`SHARE`). How many points does it cost?
# 3. Give the soft lexicon to the *words*, with and without its own words left out. When does it begin to do harm?
# 4. `decode` gives each character's alternatives. Find the spelled words in which the right one is second.
#
# <details><summary>Solutions</summary>
#
# ```python
# # 1
# Knowledge(pattern=r"re:[1-9]\d{0,4}")
#
# # 2
# import customocr.decoding as decoding
# decoding.SHARE = np.array([0.97, 0.01, 0.01, 0.01])
# accuracy(texts["codes"], [d.characters for d in decoding.decode_lines(spelled["codes"])])
#
# # 3
# for share in (0.0, 0.5, 1.0):
#     k = int(share * len(WORDS))
#     print(share, accuracy(texts["words"], [d.characters for d in decode_lines(spelled["words"], Knowledge(lexicon=NAMES + WORDS[:k]))]))
#
# # 4
# [(t, d.characters) for t, x in zip(texts["words"], spelled["words"]) for d in [decode(x)]
#  if any(c != r and len(a) > 1 and a[1][0] == c for c, r, a in zip(t, d.characters, d.alternatives))][:5]
# ```
#
# </details>
