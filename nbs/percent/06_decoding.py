# %% [markdown]
# # Decoding
# > Let the evidence decide: the network's probabilities, the cuts of the line and what you know about the text.

# %%
#| default_exp decoding

# %%
#| export
from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np

from customocr.errors import KnowledgeError
from customocr.glyphs import CLASSES

# %%
#| export
@dataclass(frozen=True)
class Lattice:
    "One text line as a graph: nodes are cut positions from left to right, edges are candidate characters between two cuts."
    n_nodes: int  # cut positions, the first is the line's left end, the last its right end
    start: np.ndarray  # int32 (E,), node where each candidate begins
    end: np.ndarray  # int32 (E,), node where it ends, always after `start`
    score: np.ndarray  # float32 (E,), log-score of the segmentation: edges of a path add up, higher = more surely one character
    logp: np.ndarray  # float32 (E, 36), log of the class probabilities
    space: np.ndarray  # float32 (n_nodes,), probability in 0..1 that a word space stands at this cut

    @classmethod
    def linear(
        cls,
        probs: np.ndarray,  # float (T, 36), one row of class probabilities per character, rows sum to 1
        spaces: Sequence[int] = (),  # a word space stands before each of these characters
    ) -> Lattice:  # T edges one after the other
        "The lattice of characters that are already cut: one path."
        probs = np.asarray(probs, np.float32).reshape(-1, len(CLASSES))
        t = len(probs)
        space = np.zeros(t + 1, np.float32)
        space[list(spaces)] = 1
        at = np.arange(t, dtype=np.int32)
        return cls(t + 1, at, at + 1, np.zeros(t, np.float32), np.log(np.maximum(probs, 1e-30)), space)

# %%
#| export
@dataclass(frozen=True)
class WordReading:
    "One decoded word."
    text: str  # the characters, rejected ones as placeholders
    probability: float  # 0..1, that every character of the word is right
    first: int  # index of its first character in the line's decoding
    last: int  # index after its last character


@dataclass(frozen=True)
class Decoding:
    "What a line says: the most probable path through its lattice, with the probability of each character."
    text: str  # words separated by blanks; characters below `reject` are `PLACEHOLDER`
    log_probability: float  # log of the product of the words' probabilities, at most 0
    edges: np.ndarray  # int32 (T,), the chosen edges from left to right
    characters: str  # T characters before rejection
    probabilities: np.ndarray  # float32 (T,), 0..1, probability of each character given everything known
    alternatives: tuple  # per character ((text, probability), ...), most probable first, the chosen character among them
    words: tuple  # WordReading per word
    matched: bool  # False where nothing in the line fits the pattern or the strict lexicon: the reading then ignores it

# %%
#| export
PLACEHOLDER = "?"  # stands for a character whose probability is below `reject`
N = len(CLASSES)
BORDER = 0  # symbol of the word's border in the n-gram table; letters are 1..26
ORDER = 4  # letters in a row that the shipped table counts
NEUTRAL = math.log(N)  # added per character, so that a uniform prior costs nothing whatever the number of characters

# Language states: word contexts (three symbols), then one state each for numbers, initials and codes, then the lexicon's trie.
WORD, NUMBER, LETTERS_ONLY, CODE, LEXICON = range(5)
N_CONTEXT = 27 ** (ORDER - 1)
TRIE_ROOT = N_CONTEXT + 3
UNIFORM = (  # regime, its classes, and the chance that it ends after a character (mean lengths 5, 4 and 7)
    (NUMBER, slice(0, 10), 1 / 5),
    (LETTERS_ONLY, slice(10, 36), 1 / 4),
    (CODE, slice(0, 36), 1 / 7),
)
REGIME = np.array([0.50, 0.22, 0.05, 0.23])  # share of words, numbers, initials and codes among what people print on forms
STICKY = 0.3  # share of a word's regime that is taken from the word before it


def witten_bell(
    counts: np.ndarray,  # unsigned (27,) * n, how often n symbols follow each other
) -> np.ndarray:  # float64 (27,) * n, probability of the last symbol given the ones before it
    "Smoothed n-gram probabilities: each order leans on the shorter one, the more so the fewer examples it has (Witten and Bell, 1991)."
    counts = counts.astype(np.float64)
    lower = np.full(27, 1 / 27) if counts.ndim == 1 else witten_bell(counts.sum(0))
    total, kinds = counts.sum(-1, keepdims=True), (counts > 0).sum(-1, keepdims=True)
    known = np.maximum(total + kinds, 1)
    return np.where(total > 0, (counts + kinds * lower) / known, lower)


@dataclass(frozen=True)
class Language:
    "What may follow what: one row per language state, one column per class."
    follow: np.ndarray  # int64 (S, 36), next state, -1 where impossible
    weight: np.ndarray  # float32 (S, 36), log-probability + NEUTRAL
    finish: np.ndarray  # float32 (S,), log-probability that the word ends in this state


def build_language(
    counts: np.ndarray,  # unsigned (27, 27, 27, 27), the shipped counts
) -> Language:
    "The three regimes of free text as one table: words by letter n-grams, numbers and codes uniform."
    p = witten_bell(counts).reshape(N_CONTEXT, 27)
    follow = np.full((TRIE_ROOT, N), -1, np.int64)
    weight = np.full((TRIE_ROOT, N), -np.inf, np.float32)
    finish = np.full(TRIE_ROOT, -np.inf, np.float32)
    follow[:N_CONTEXT, 10:] = np.arange(N_CONTEXT)[:, None] % 27 ** (ORDER - 2) * 27 + np.arange(1, 27)
    weight[:N_CONTEXT, 10:] = np.log(p[:, 1:]) + NEUTRAL
    finish[1:N_CONTEXT] = np.log(p[1:, BORDER])
    for regime, classes, stop in UNIFORM:
        state = N_CONTEXT + regime - 1
        follow[state, classes] = state
        weight[state, classes] = math.log((1 - stop) / len(CLASSES[classes])) + NEUTRAL
        finish[state] = math.log(stop / (1 - stop))  # no word is empty: its first character is certain
    return Language(follow, weight, finish)


@lru_cache(maxsize=1)
def shipped_language() -> Language:
    "The prior in `customocr/models/prior.npz`, loaded once."
    with np.load(Path(__file__).parent / "models" / "prior.npz") as z:
        return build_language(z["counts"])

# %%
#| export
@dataclass(frozen=True)
class Automaton:
    "A deterministic automaton over the 36 classes and the blank; state 0 is the start."
    follow: np.ndarray  # int32 (S, 37), next state, -1 where the text leaves the pattern; column 36 is the blank
    accept: np.ndarray  # bool (S,), whether the text may end here


MAX_STATES = 20_000  # states of a compiled pattern; beyond it the pattern repeats too much to be meant
BLANK = N  # symbol of the word space in automata
ANY = frozenset(range(N))
DIGITS, LETTERS = frozenset(range(10)), frozenset(range(10, N))


class _Parser:
    "Recursive descent over a pattern; builds the fragments of Thompson's construction (1968)."

    def __init__(self, text: str, regular: bool):
        self.text, self.regular, self.at = text, regular, 0
        self.step, self.free = [], []  # per state: (symbols, target) or None, and targets reached without a symbol

    def fail(self, what: str, at: int | None = None):
        at = self.at if at is None else at
        raise KnowledgeError(f"pattern {self.text!r}, position {at + 1}: {what}\n    {self.text}\n    {' ' * at}^")

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def state(self) -> int:
        self.step.append(None)
        self.free.append([])
        return len(self.step) - 1

    def symbols(self, some: frozenset):
        a, b = self.state(), self.state()
        self.step[a] = (some, b)
        return a, b

    def nothing(self):
        a = self.state()
        return a, a

    def chain(self, one, two):
        self.free[one[1]].append(two[0])
        return one[0], two[1]

    def choice(self):
        a, b = self.state(), self.state()
        while True:
            part = self.sequence()
            self.free[a].append(part[0])
            self.free[part[1]].append(b)
            if not (self.regular and self.peek() == "|"):
                return a, b
            self.at += 1

    def sequence(self):
        whole = self.nothing()
        while self.at < len(self.text) and not (self.regular and self.peek() in "|)"):
            begin = self.at
            part = self.atom()
            low, high = self.repeat()
            if (low, high) != (1, 1):
                part = self.repeated(begin, self.at, part, low, high)
            whole = self.chain(whole, part)
        return whole

    def repeated(self, begin, end, part, low, high):
        "The fragment `low` to `high` times; the source is parsed again for each copy."
        copies = [part]
        for _ in range(max(low, 1 if high is None else high) - 1):
            self.at = begin
            copies.append(self.atom())
        self.at = end
        out = self.state()
        whole = self.nothing()
        for i, copy in enumerate(copies):
            if i >= low:
                self.free[whole[1]].append(out)
            whole = self.chain(whole, copy)
        self.free[whole[1]].append(out)
        if high is None:
            self.free[whole[1]].append(copies[-1][0])
        return (whole[0], out) if high != 0 else self.nothing()

    def repeat(self):
        c = self.peek()
        if self.regular and c and c in "*+?":
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[c]
        if c != "{":
            return 1, 1
        close = self.text.find("}", self.at)
        if close < 0:
            self.fail("the brace is never closed")
        body = self.text[self.at + 1 : close].split(",")
        if len(body) > 2 or not body[0].isdigit() or (len(body) == 2 and body[1] and not body[1].isdigit()):
            self.fail("a repeat is {n}, {n,} or {n,m} with whole numbers")
        low = int(body[0])
        high = low if len(body) == 1 else (int(body[1]) if body[1] else None)
        if high is not None and (high < low or high == 0):
            self.fail("a repeat needs its second number at least as large as its first, and above 0")
        if max(low, high or 0) > 200:
            self.fail("a repeat goes up to 200")
        self.at = close + 1
        if self.peek() and self.peek() in ("{*+?" if self.regular else "{"):
            self.fail("a repeat follows another repeat")
        return low, high

    def literal(self, c: str):
        "A letter or digit stands for itself, a blank for a word space; punctuation is not read by the network and matches nothing."
        if c == " ":
            return self.symbols(frozenset([BLANK]))
        if c.upper() in CLASSES:
            return self.symbols(frozenset([CLASSES.index(c.upper())]))
        if c.isalnum():
            self.fail(f"{c!r} is not among the characters that the reader knows (0-9, A-Z)", self.at - 1)
        return self.nothing()

    def escape(self):
        self.at += 1
        c = self.peek()
        if not c:
            self.fail("a backslash ends the pattern", self.at - 1)
        self.at += 1
        if self.regular and c in "dDwsS":
            return {"d": DIGITS, "D": LETTERS | {BLANK}, "w": ANY, "s": frozenset([BLANK]), "S": ANY}[c]
        if self.regular and c.isalnum():
            self.fail(f"\\{c} is not part of the syntax: use \\d, \\w, \\s or [...]", self.at - 2)
        return c

    def atom(self):
        c = self.peek()
        if c == "\\":
            got = self.escape()
            return self.literal(got) if isinstance(got, str) else self.symbols(got)
        if c == "{":
            self.fail("a repeat with nothing before it")
        self.at += 1
        if not self.regular:
            mask = {"A": LETTERS, "9": DIGITS, "*": ANY}.get(c)
            return self.symbols(mask) if mask else self.literal(c)
        if c == ".":
            return self.symbols(ANY | {BLANK})
        if c == "(":
            begin = self.at - 1
            if self.text.startswith("?:", self.at):
                self.at += 2
            elif self.peek() == "?":
                self.fail("of the groups that begin with ? only (?:...) is known")
            inner = self.choice()
            if self.peek() != ")":
                self.fail("the bracket is never closed", begin)
            self.at += 1
            return inner
        if c == "[":
            return self.symbols(self.bracket())
        if c in "*+?":
            self.fail("a repeat with nothing before it", self.at - 1)
        if c in "]}":
            self.fail(f"{c!r} closes nothing", self.at - 1)
        if c in "^$":
            if (c == "^" and self.at > 1) or (c == "$" and self.at < len(self.text)):
                self.fail("^ and $ stand only at the ends: a pattern always describes a whole line", self.at - 1)
            return self.nothing()
        return self.literal(c)

    def bracket(self) -> frozenset:
        begin = self.at - 1
        negative = self.peek() == "^"
        self.at += negative
        some = set()
        while self.peek() != "]":
            if not self.peek():
                self.fail("the bracket is never closed", begin)
            if self.peek() == "\\":
                got = self.escape()
            else:
                got, self.at = self.peek(), self.at + 1
            if not isinstance(got, str):
                some |= got
                continue
            if self.peek() == "-" and self.text[self.at + 1 : self.at + 2] not in ("]", ""):
                low, high = got.upper(), self.text[self.at + 1].upper()
                if low not in CLASSES or high not in CLASSES or CLASSES.index(low) > CLASSES.index(high):
                    self.fail("a range runs from a lower to a higher letter or digit")
                some |= set(range(CLASSES.index(low), CLASSES.index(high) + 1))
                self.at += 2
            elif got == " ":
                some.add(BLANK)
            elif got.upper() in CLASSES:
                some.add(CLASSES.index(got.upper()))
        self.at += 1
        some = (ANY | {BLANK}) - some if negative else some
        if not some:
            self.fail("the set holds no character that the reader knows (0-9, A-Z, blank)", begin)
        return frozenset(some)


def compile_pattern(
    pattern: str,  # a mask, or a regular expression after `re:`
) -> Automaton:
    "Compile a mask or a regular expression for a whole line; `KnowledgeError` names the spot that makes no sense."
    if not isinstance(pattern, str):
        raise KnowledgeError(f"pattern is a text such as 'AA999AA' or 're:[A-Z]+ \\d{{4}}', not {type(pattern).__name__}")
    regular = pattern.startswith("re:")
    parser = _Parser(pattern[3:] if regular else pattern, regular)
    start, end = parser.choice()
    if parser.at < len(parser.text):
        parser.fail(f"{parser.peek()!r} closes nothing")

    def reach(states) -> frozenset:
        seen, todo = set(states), list(states)
        while todo:
            for t in parser.free[todo.pop()]:
                if t not in seen:
                    seen.add(t)
                    todo.append(t)
        return frozenset(seen)

    sets = [reach([start])]
    number, follow = {sets[0]: 0}, []
    for here in sets:
        to: list[set] = [set() for _ in range(N + 1)]
        for s in here:
            if parser.step[s]:
                for symbol in parser.step[s][0]:
                    to[symbol].add(parser.step[s][1])
        row = []
        for targets in to:
            key = reach(targets) if targets else None
            if key is not None and key not in number:
                if len(sets) >= MAX_STATES:
                    raise KnowledgeError(f"pattern {pattern!r} needs more than {MAX_STATES} states: use fewer or smaller repeats")
                number[key] = len(sets)
                sets.append(key)
            row.append(-1 if key is None else number[key])
        follow.append(row)
    accept = np.array([end in s for s in sets])
    if not accept[1:].any() :
        raise KnowledgeError(f"pattern {pattern!r} fits no text with a character in it: A is a letter, 9 a digit, * either")
    return Automaton(np.array(follow, np.int32), accept)

# %%
#| export
class Lexicon:
    "Words as a trie in flat arrays: the children of a node stand one after the other."

    def __init__(
        self,
        words: Iterable[str] | str | Path,  # words, or a text file with one word per line (`#` begins a comment line)
    ):
        "Index the words; lower case counts as capitals. `KnowledgeError` names the word with a character that cannot be read."
        if isinstance(words, (str, Path)):
            where = f"lexicon {str(words)!r}, line "
            try:
                lines = Path(words).read_text(encoding="utf8").splitlines()
            except OSError as error:
                raise KnowledgeError(f"lexicon {str(words)!r}: {error.strerror or error}; give a list of words or a text file with one word per line") from None
            except UnicodeDecodeError as error:
                raise KnowledgeError(f"lexicon {str(words)!r}, byte {error.start}: not UTF-8 text; save the word list as UTF-8, one word per line") from None
            rows = ["" if line.startswith("#") else line.strip().upper() for line in lines]
        else:
            where = "lexicon, word "
            try:
                rows = [word.strip().upper() for word in words]
            except (AttributeError, TypeError):
                raise KnowledgeError("lexicon is a list of words or the path of a text file") from None
        text = "".join(rows)
        if not text:
            raise KnowledgeError(f"{where.rsplit(',', 1)[0]}: no words in it")
        if text.strip(CLASSES):
            for i, row in enumerate(rows):
                bad = row.strip(CLASSES)
                bad = next((c for c in row if c not in CLASSES), "") if bad else ""
                if bad:
                    raise KnowledgeError(f"{where}{i + 1}, {row!r}: {bad!r} is not among the characters that the reader knows (0-9, A-Z); leave it out or spell it with them")
        if max(map(len, rows)) > 100:
            i = max(range(len(rows)), key=lambda i: len(rows[i]))
            raise KnowledgeError(f"{where}{i + 1}: a word of {len(rows[i])} characters; one word per line, at most 100 characters")
        self._build(np.unique(np.array([r for r in rows if r], "S")))

    def _build(self, words: np.ndarray):
        self.size = len(words)
        chars = words.view(np.uint8).reshape(len(words), -1)
        length = (chars > 0).sum(1)
        table = np.zeros(256, np.uint8)
        table[list(CLASSES.encode())] = np.arange(N)
        symbol, parent = [np.zeros(1, np.uint8)], np.zeros(len(words), np.int64)
        count, last = [], []
        known = 1  # nodes so far
        above = 1  # nodes on the level above
        for d in range(chars.shape[1]):
            keep = np.flatnonzero(length > d)
            c, p = chars[keep, d], parent[keep]
            new = np.ones(len(keep), bool)
            new[1:] = (c[1:] != c[:-1]) | (p[1:] != p[:-1])
            node = known + np.cumsum(new) - 1
            symbol.append(table[c[new]])
            count.append(np.bincount(p[new] - (known - above), minlength=above))
            above = int(new.sum())
            known += above
            parent[keep] = node
        count.append(np.zeros(above, np.int64))
        self.symbol = np.concatenate(symbol)  # uint8 (M,), class on the edge that leads to the node
        self.count = np.concatenate(count).astype(np.int32)  # int32 (M,), children of the node
        self.first = (1 + np.cumsum(self.count) - self.count).astype(np.int32)  # int32 (M,), first child
        self.word = np.zeros(known, bool)  # bool (M,), whether a word ends in the node
        self.word[parent] = True

    def __len__(self) -> int:
        return self.size

    def __repr__(self) -> str:
        return f"Lexicon({self.size} words)"

    def __contains__(self, word: str) -> bool:
        node = 0
        for c in word.upper():
            children = np.arange(self.first[node], self.first[node] + self.count[node])
            hit = children[self.symbol[children] == CLASSES.find(c)] if c in CLASSES else children[:0]
            if not len(hit):
                return False
            node = int(hit[0])
        return bool(self.word[node])

# %%
#| export
@lru_cache(maxsize=4)
def _lexicon_of_file(path: Path, size: int, changed: int) -> Lexicon:
    return Lexicon(path)


def _lexicon_of(words) -> Lexicon:
    "The index of words or of a file; a file that did not change since is not read again."
    if isinstance(words, (str, Path)):
        try:
            about = Path(words).stat()
        except OSError:
            return Lexicon(words)  # raises the error that names the file
        return _lexicon_of_file(Path(words), about.st_size, about.st_mtime_ns)
    return Lexicon(words)

# %%
#| export
ALPHABETS = {"digits": CLASSES[:10], "letters": CLASSES[10:], "alphanumeric": CLASSES}


def alphabet_mask(
    alphabet: str | None,  # "digits", "letters", "alphanumeric" or the characters themselves; None = all
) -> np.ndarray:  # bool (36,), the classes that may be read
    "Which classes an alphabet allows; `KnowledgeError` names a character that cannot be read."
    if alphabet is None:
        return np.ones(N, bool)
    if not isinstance(alphabet, str):
        raise KnowledgeError(f"alphabet is 'digits', 'letters', 'alphanumeric' or a text with the characters, not {type(alphabet).__name__}")
    if not alphabet.strip():
        raise KnowledgeError("alphabet is empty: name at least one character, or 'digits', 'letters', 'alphanumeric'")
    mask = np.zeros(N, bool)
    for i, c in enumerate(ALPHABETS.get(alphabet, alphabet).upper()):
        if c == " ":
            continue
        if c not in CLASSES:
            raise KnowledgeError(f"alphabet {alphabet!r}, position {i + 1}: {c!r} is not among the characters that the reader knows (0-9, A-Z)")
        mask[CLASSES.index(c)] = True
    return mask


@dataclass(frozen=True)
class Knowledge:
    "What is known about the text before it is read; every part is optional and all can be combined."
    alphabet: str | None = None  # "digits", "letters", "alphanumeric" or the characters that may occur
    pattern: str | None = None  # mask for a whole line (A letter, 9 digit, * either), or `re:` and a regular expression
    lexicon: Iterable[str] | str | Path | Lexicon | None = None  # words, a file of words, or an index made once
    strict: bool = False  # True: every word is one of the lexicon's
    prior: bool | float = True  # weigh readings by how words, numbers and codes are built; a number is the weight, True = `PRIOR_WEIGHT`
    reject: float = 0.0  # 0..1, characters less probable than this come out as `PLACEHOLDER`
    classes: np.ndarray = field(init=False, repr=False, compare=False)  # bool (36,), from the alphabet
    automaton: Automaton | None = field(init=False, repr=False, compare=False)  # from the pattern
    index: Lexicon | None = field(init=False, repr=False, compare=False)  # from the lexicon

    def __post_init__(self):
        if isinstance(self.reject, bool) or not isinstance(self.reject, (int, float)) or not 0 <= self.reject <= 1:
            raise KnowledgeError(f"reject is a probability from 0 to 1, not {self.reject!r}")
        if not isinstance(self.prior, (bool, int, float)) or not 0 <= self.prior <= 10:
            raise KnowledgeError(f"prior is True, False or a weight from 0 to 10, not {self.prior!r}")
        if self.strict and self.lexicon is None:
            raise KnowledgeError("strict=True needs a lexicon to be strict about")
        put = object.__setattr__
        put(self, "classes", alphabet_mask(self.alphabet))
        put(self, "automaton", None if self.pattern is None else compile_pattern(self.pattern))
        lexicon = self.lexicon
        put(self, "index", lexicon if lexicon is None or isinstance(lexicon, Lexicon) else _lexicon_of(lexicon))

# %%
#| export
EVIDENCE_WEIGHT = 1.0  # on the network's log-probabilities
SEGMENT_WEIGHT = 1.0  # on the log-scores of the cuts
PRIOR_WEIGHT = 0.7  # on the log-probabilities of the language
CLASS_FLOOR = 1e-4  # probability that any class keeps, whatever the network says: knowledge may overrule it at a price
LIKELY = 1e-3  # classes less probable than this share of the best are not followed where nothing constrains the text
MARGIN = 14.0  # nats below the best reading of the same ink at which a partial reading is given up
STRICT_MARGIN = 20.0  # the same under a strict lexicon, where the best-looking start may lead nowhere
WIDE_MARGIN = 60.0  # the same under a pattern, and for a strict lexicon when nothing came through
SPACE_FLOOR = 1e-3  # a pattern may deny or demand a word space at this probability
SPACE_SHARE = 1 / 6  # of the gaps between characters, how many are word spaces: words of five letters
LEXICON_SIZE = 5000  # words that a shorter lexicon is weighed as: a list of three names must not overrule a clear reading
LEXICON_SHARE = 0.7  # probability that a word is one of a soft lexicon's


def _spread(count: np.ndarray, first: np.ndarray):
    "For runs of `count` items from `first`: the index of each item's owner, and the item."
    owner = np.arange(len(count)).repeat(count)
    return owner, np.arange(len(owner)) + (first - count.cumsum() + count)[owner]


def _heads(x: np.ndarray) -> np.ndarray:
    "Where a new value begins in a sorted array."
    new = np.empty(len(x), bool)
    new[:1] = True
    np.not_equal(x[1:], x[:-1], out=new[1:])
    return new.nonzero()[0]


def _sizes(heads: np.ndarray, n: int) -> np.ndarray:
    "Lengths of the runs that begin at `heads` in an array of length n."
    size = np.empty(len(heads), np.int64)
    np.subtract(heads[1:], heads[:-1], out=size[:-1])
    size[-1] = n - heads[-1]
    return size


class _Search:
    "Forward pass of one batch of lattices: Viterbi and sum over all readings side by side."

    def __init__(self, lattices: Sequence[Lattice], knowledge: Knowledge, margin: float):
        self.lattices, self.margin = lattices, margin
        self.automaton, self.index = knowledge.automaton, knowledge.index
        self.strict, self.prior = knowledge.strict, bool(knowledge.prior)
        self.n_q = len(self.automaton.accept) if self.automaton else 1
        self.n_lang = TRIE_ROOT + (len(self.index.word) if self.index is not None else 0)
        self.language = shipped_language()
        self.weight = PRIOR_WEIGHT if isinstance(knowledge.prior, bool) else float(knowledge.prior or 1)
        sizes = np.array([len(x.start) for x in lattices])
        self.lattice = np.repeat(np.arange(len(lattices)), sizes)
        self.edge0 = np.cumsum(sizes) - sizes
        self.n_nodes = np.array([x.n_nodes for x in lattices])
        self.node0 = np.cumsum(self.n_nodes) - self.n_nodes
        self.start = np.concatenate([x.start for x in lattices]) + self.node0[self.lattice]
        self.end = np.concatenate([x.end for x in lattices])
        self.score = SEGMENT_WEIGHT * np.concatenate([x.score for x in lattices]).astype(np.float64)
        self.space = np.concatenate([x.space for x in lattices]).astype(np.float64)
        p = np.exp(np.concatenate([x.logp for x in lattices]).astype(np.float64)) + CLASS_FLOOR
        p *= knowledge.classes
        p /= p.sum(1, keepdims=True)
        with np.errstate(divide="ignore"):
            self.logp = EVIDENCE_WEIGHT * np.log(p)
        likely = p > (0 if self.automaton else LIKELY) * p.max(1, keepdims=True)
        if self.strict:
            likely[:] = False
        self.n_likely = likely.sum(1)
        self.first_likely = np.cumsum(self.n_likely) - self.n_likely
        self.likely = np.nonzero(likely)[1]
        self.starts = self._starts()
        self._run()

    def _starts(self):
        "Language states at a word's beginning with their log-probabilities, and the table by the regime before it."
        if not self.prior:
            state, share = [TRIE_ROOT - 1], np.ones(1)
        else:
            state, share = [0, N_CONTEXT, N_CONTEXT + 1, N_CONTEXT + 2], REGIME
        if self.index is not None:
            keep = 0.0 if self.strict else 1 - LEXICON_SHARE
            share = np.append(share * keep, 1 - keep)
            state = state + [TRIE_ROOT]
        ok = share > 0
        state, share = np.array(state)[ok], share[ok]
        table = np.log((1 - STICKY) * share + STICKY * (self._regime(state)[:, None] == self._regime(state)))
        bonus = np.zeros(len(state))
        if self.index is not None:
            bonus[-1] = -math.log(max(len(self.index), LEXICON_SIZE))
        first = self.weight * (np.log(share) + bonus)
        return state, first, self.weight * (table + bonus)

    @staticmethod
    def _regime(state):
        return np.where(state < N_CONTEXT, WORD, np.minimum(state - N_CONTEXT + 1, LEXICON))

    def _finish(self, state):
        "Log-probability that a word ends in these language states."
        out = np.zeros(len(state))
        plain = state < TRIE_ROOT
        if self.prior:
            out[plain] = self.weight * self.language.finish[state[plain]]
        if self.index is not None:
            trie = ~plain
            out[trie] = np.where(self.index.word[state[trie] - TRIE_ROOT], 0, -np.inf)
        return out

    def _run(self):
        n_lat, (state, first, _), k = len(self.lattices), self.starts, len(self.starts[0])
        self.n_states = self.n_arcs = 0
        self.flat = [np.empty(4096, np.int64), np.empty(4096, np.int64), np.empty(4096), np.empty(4096)]
        self.back, self.arcs = [np.full(n_lat * k, -1)], []
        self.finals, self.final_lattice = [], []
        self._append((np.zeros(n_lat * k, np.int64), np.tile(state, n_lat), np.tile(first, n_lat), np.tile(first, n_lat)))
        self.first = np.zeros(int(self.n_nodes.sum()), np.int64)  # per node: its first state and how many it has
        self.count = np.zeros_like(self.first)
        self.first[self.node0], self.count[self.node0] = np.arange(n_lat) * k, k
        order = np.lexsort((self.lattice, self.end))
        bounds = [*_heads(self.end[order]), len(order)]
        for a, b in zip(bounds[:-1], bounds[1:]):
            self._level(order[a:b], int(self.end[order[a]]))
        self._close()

    def _append(self, columns):
        "Put new states' pattern state, language state, score and sum behind the others."
        n = len(columns[0])
        self.n_states += n
        need = self.n_states
        if need > len(self.flat[0]):
            self.flat = [np.resize(x, max(need, 2 * len(x))) for x in self.flat]
        for x, c in zip(self.flat, columns):
            x[need - n : need] = c

    def _merge(self, lat, q, lang, score, total, source, edge, cls):
        "Arcs (sorted by lattice) into states: equal ones fall together, hopeless ones go. Returns the new states."
        if not len(lat):
            return
        begin = _heads(lat)
        best = np.maximum.reduceat(score, begin)
        keep = (score > best.repeat(_sizes(begin, len(lat))) - self.margin).nonzero()[0]
        key = ((lat * self.n_q + q) * self.n_lang + lang)[keep]
        order = key.argsort(kind="stable")
        keep, key = keep[order], key[order]
        score, total = score[keep], total[keep]
        head = _heads(key)
        size = _sizes(head, len(key))
        top = np.maximum.reduceat(score, head)
        group = np.arange(len(head)).repeat(size)
        winner = np.empty(len(head), np.int64)
        hit = (score == top[group]).nonzero()[0]
        winner[group[hit]] = hit
        high = np.maximum.reduceat(total, head)  # the largest term of each sum, so that none underflows
        share = np.exp(total - high[group])
        summed = np.add.reduceat(share, head)
        share /= summed[group]
        summed = np.log(summed) + high
        pick = keep[head]
        base = self.n_states
        lat, q, lang = lat[pick], q[pick], lang[pick]
        self._append((q, lang, top, summed))
        self.back.append(self.n_arcs + winner)
        self.arcs.append((source[keep], edge[keep], cls[keep], base + group, share))
        self.n_arcs += len(keep)
        return base, lat, q, lang, top, summed

    def _follow(self, lang, cls):
        "Next language state and its log-probability for free text."
        if not self.prior:
            return lang, np.zeros(len(lang))
        return self.language.follow[lang, cls], self.language.weight[lang, cls]

    def _level(self, edges, level):
        "All edges that end at this node of their lattice."
        node = self.start[edges]
        pe, ps = _spread(self.count[node], self.first[node])
        if not len(pe):
            return
        pe = edges[pe]
        lang = self.flat[1][ps]
        if self.index is None:
            own, nth = _spread(self.n_likely[pe], self.first_likely[pe])
            cls, lang = self.likely[nth], lang[own]
            to, gain = self._follow(lang, cls)
        else:
            plain = lang < TRIE_ROOT
            trie = np.where(plain, 0, lang - TRIE_ROOT)
            count = np.where(plain, self.n_likely[pe], self.index.count[trie])
            own, nth = _spread(count, np.where(plain, self.first_likely[pe], self.index.first[trie]))
            free = plain[own].nonzero()[0]
            cls = self.index.symbol[np.minimum(nth, len(self.index.symbol) - 1)].astype(np.int64)
            cls[free] = self.likely[nth[free]]
            to, gain = TRIE_ROOT + nth, np.full(len(own), NEUTRAL)
            to[free], gain[free] = self._follow(lang[own[free]], cls[free])
        e, s = pe[own], ps[own]
        lat = self.lattice[e]
        q = self.flat[0][s]
        step = self.score[e] + self.logp[e, cls] + self.weight * gain
        ok = step > -np.inf
        if self.automaton:
            q = self.automaton.follow[q, cls].astype(np.int64)
            ok &= q >= 0
        if not ok.all():
            ok = ok.nonzero()[0]
            lat, q, to, step, s, e, cls = lat[ok], q[ok], to[ok], step[ok], s[ok], e[ok], cls[ok]
        made = self._merge(lat, q, to, self.flat[2][s] + step, self.flat[3][s] + step, s, e, cls)
        if made is None:
            return
        self._place(made, level)

    def _place(self, made, level):
        "Enter the level's states at their nodes, with words that end there; keep the states at the ends of lines."
        base, lat, q, lang, score, total = made
        last = self.n_nodes[lat] - 1 == level
        if last.any():
            self.finals.append(base + np.flatnonzero(last))
            self.final_lattice.append(lat[last])
        space = self.space[self.node0[lat] + level]
        if self.automaton:
            space = np.clip(space, SPACE_FLOOR, 1 - SPACE_FLOOR)
        if not space.any() or last.all():
            self._enter(base, lat, level)
            return
        # Words may end here: each state stays inside its word or ends it and begins the next in any regime.
        begin, _, table = self.starts
        with np.errstate(divide="ignore"):
            stay, end = np.log(1 - space), np.log(space) + self._finish(lang)
        if self.prior:  # the language counts how often words end, and so does the probability of the space: once is enough
            stay, end = stay - self.weight * math.log(1 - SPACE_SHARE), end - self.weight * math.log(SPACE_SHARE)
        to_q = q
        if self.automaton:
            to_q = self.automaton.follow[q, BLANK].astype(np.int64)
            end = np.where(to_q >= 0, end, -np.inf)
        end[last] = -np.inf
        k = len(begin)
        n = len(lat)
        regime = self._regime(begin)
        row = np.argmax(self._regime(lang)[:, None] == regime, axis=1)
        step = np.concatenate([stay[:, None], end[:, None] + table[row]], 1).ravel()
        source = np.repeat(np.arange(n), k + 1)
        new_lang = np.concatenate([lang[:, None], np.broadcast_to(begin, (n, k))], 1).ravel()
        new_q = np.concatenate([q[:, None], np.broadcast_to(to_q[:, None], (n, k))], 1).ravel()
        cls = np.tile(np.array([-1] + [BLANK] * k), n)
        ok = (step > -np.inf).nonzero()[0]
        source, new_lang, new_q, cls, step = source[ok], new_lang[ok], new_q[ok], cls[ok], step[ok]
        made = self._merge(lat[source], new_q, new_lang, score[source] + step, total[source] + step, source + base, len(self.start) + self.node0[lat[source]] + level, cls)
        if made is not None:
            self._enter(made[0], made[1], level)

    def _enter(self, base, lat, level):
        head = _heads(lat)
        node = self.node0[lat[head]] + level
        self.first[node] = base + head
        self.count[node] = _sizes(head, len(lat))

    def _close(self):
        "End every line, then send each reading's probability back along its arcs."
        self.q, self.lang, self.best, self.total = self.flat
        self.back = np.concatenate(self.back)
        columns = [np.concatenate(c) if c else np.zeros(0, np.int64) for c in zip(*self.arcs)] or [np.zeros(0, np.int64)] * 5
        self.source, self.edge, self.cls, self.target, self.share = columns
        mass = np.zeros(self.n_states)
        self.last, lat = {}, np.concatenate(self.final_lattice) if self.finals else np.zeros(0, int)
        states = np.concatenate(self.finals) if self.finals else np.zeros(0, np.int64)
        bonus = self._finish(self.lang[states])
        if self.automaton:
            bonus = np.where(self.automaton.accept[self.q[states]], bonus, -np.inf)
        for i in np.unique(lat[np.isfinite(bonus)]):
            here, more = states[lat == i], bonus[lat == i]
            total = self.total[here] + more
            share = np.exp(total - total.max())
            mass[here] = share / share.sum()
            self.last[int(i)] = int(here[(self.best[here] + more).argmax()])
        # Arcs were appended in the order of their levels; walk the levels back.
        flow = np.zeros(len(self.source))
        at = len(self.source)
        for _, _, _, target, share in reversed(self.arcs):
            a = at - len(target)
            flow[a:at] = mass[target] * share
            low = int(self.source[a:at].min())
            part = np.bincount(self.source[a:at] - low, weights=flow[a:at])
            mass[low : low + len(part)] += part
            at = a
        real = self.edge < len(self.start)
        self.posterior = np.bincount(self.edge[real] * N + self.cls[real], weights=flow[real], minlength=len(self.start) * N).reshape(-1, N)
        self.mass, self.onward = mass, flow / np.maximum(mass[self.source], 1e-300)
        key = self.edge * (N + 2) + self.cls + 1  # what an arc reads: arcs that differ only in state fall together
        self.by_key = np.argsort(key, kind="stable")
        self.key = key[self.by_key]

    def path(self, i: int) -> list[int]:
        "The arcs of the best reading of lattice i, from left to right."
        out, state = [], self.last[i]
        while (arc := int(self.back[state])) >= 0:
            out.append(arc)
            state = int(self.source[arc])
        return out[::-1]

    def probability(self, arcs: Sequence[int]) -> float:
        "Probability that the text runs through what these successive arcs read, whatever the states."
        key = self.edge[arcs] * (N + 2) + self.cls[arcs] + 1
        low, high = self.key.searchsorted(key), self.key.searchsorted(key, "right")
        joint = base = None
        for a, b in zip(low, high):
            some = self.by_key[a:b]
            source, target, chance = self.source[some], self.target[some], self.onward[some]
            if joint is None:
                chance = chance * self.mass[source]
            else:
                # A source outside the span of the states reached so far holds nothing: it stands on the zero at the end.
                source = source - base
                source[(source < 0) | (source >= len(joint))] = -1
                chance = chance * np.append(joint, 0.0)[source]
            base = int(target.min())
            joint = np.bincount(target - base, weights=chance)
        return float(min(1.0, joint.sum()))


def _read(search: _Search, i: int, knowledge: Knowledge, matched: bool, n_alternatives: int) -> Decoding:
    "Lattice i of a finished search as a Decoding."
    arcs = search.path(i)
    n_edges = len(search.start)
    edges, classes, words, chars, first = [], [], [], [], 0
    spans = []  # per word: its arcs
    span = []
    for arc in arcs:
        e, c = int(search.edge[arc]), int(search.cls[arc])
        if e < n_edges:
            edges.append(e)
            classes.append(c)
        span.append(arc)
        if c == BLANK:
            spans.append((span, first, len(edges)))
            span, first = [], len(edges)
    spans.append((span, first, len(edges)))
    post = search.posterior[edges]
    prob = np.minimum(post[np.arange(len(edges)), classes], 1).astype(np.float32)
    order = np.argsort(-post, axis=1)[:, :n_alternatives]
    alternatives = []
    for row, c, best in zip(post, classes, order):
        best = [int(k) for k in best if row[k] > 1e-6]
        best = best if c in best else [*best[: n_alternatives - 1], c]
        alternatives.append(tuple((CLASSES[k], float(min(1, row[k]))) for k in best))
    plain = "".join(CLASSES[c] for c in classes)
    shown = "".join(c if p >= knowledge.reject and matched or not knowledge.reject else PLACEHOLDER for c, p in zip(plain, prob))
    words = tuple(WordReading(shown[a:b], search.probability(s), a, b) for s, a, b in spans)
    return Decoding(
        " ".join(w.text for w in words), sum(math.log(max(w.probability, 1e-300)) for w in words), np.array(edges, np.int32) - search.edge0[i], plain, prob, tuple(alternatives), words, matched
    )


EMPTY = Decoding("", 0.0, np.zeros(0, np.int32), "", np.zeros(0, np.float32), (), (), True)


def decode_lines(
    lattices: Sequence[Lattice],  # the lines of a page
    knowledge: Knowledge = Knowledge(),  # what is known about every one of them
    n_alternatives: int = 5,  # alternatives listed per character
) -> list[Decoding]:  # one per lattice
    "Read the lines of a page in one sweep; each line is decoded by itself."
    out: list[Decoding] = [EMPTY] * len(lattices)
    todo = [i for i, x in enumerate(lattices) if len(x.start)]
    relaxed = Knowledge(alphabet=knowledge.alphabet, lexicon=knowledge.index, prior=knowledge.prior, reject=knowledge.reject)
    margins = (STRICT_MARGIN, WIDE_MARGIN) if knowledge.strict else (WIDE_MARGIN,) if knowledge.automaton else (MARGIN,)
    constrained = knowledge.strict or knowledge.automaton is not None
    for known, margin, matched in [*((knowledge, m, True) for m in margins), (relaxed, math.inf, not constrained)]:
        if not todo:
            break
        search = _Search([lattices[i] for i in todo], known, margin)
        for k, i in enumerate(todo):
            if k in search.last:
                out[i] = _read(search, k, known, matched, n_alternatives)
        todo = [i for k, i in enumerate(todo) if k not in search.last]
    return out


def decode(
    lattice: Lattice,  # one line
    knowledge: Knowledge = Knowledge(),  # what is known about it
    n_alternatives: int = 5,  # alternatives listed per character
) -> Decoding:
    "The most probable reading of a line, with the probability of each character and word."
    return decode_lines([lattice], knowledge, n_alternatives)[0]
