"""Masks and regular expressions for whole lines, compiled to a deterministic automaton over the 36 classes and the blank.

A mask says what stands where: `A` a letter, `9` a digit, `*` either, `{n}`, `{n,}` or `{n,m}` after one repeats it, a backslash
takes the next character as it is; any other letter or digit stands for itself, a blank for a word space. After `re:` it is
a regular expression: `[...]`, `.`, `\\d`, `\\D`, `\\w`, `\\s`, `\\S`, `(...)`, `(?:...)`, `|`, `*`, `+`, `?` and the repeats. Lower
case counts as capitals. Punctuation is not read by the network and so matches nothing: `99/99/9999` fits 12051980.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from customocr.errors import KnowledgeError
from customocr.glyphs import CLASSES

N = len(CLASSES)
BLANK = N  # symbol of the word space in automata
MAX_STATES = (
    20_000  # states of a compiled pattern; beyond it the pattern repeats too much to be meant
)
MAX_REPEAT = 200  # times that one part may be repeated
ANY = frozenset(range(N))
DIGITS, LETTERS = frozenset(range(10)), frozenset(range(10, N))


@dataclass(frozen=True)
class Automaton:
    "A deterministic automaton over the 36 classes and the blank; state 0 is the start."

    follow: (
        np.ndarray
    )  # int32 (S, 37), next state, -1 where the text leaves the pattern; column 36 is the blank
    accept: np.ndarray  # bool (S,), whether the text may end here


class _Parser:
    "Recursive descent over a pattern; builds the fragments of Thompson's construction (1968)."

    def __init__(self, text: str, regular: bool):
        self.text, self.regular, self.at = text, regular, 0
        self.step, self.free = (
            [],
            [],
        )  # per state: (symbols, target) or None, and targets reached without a symbol

    def fail(self, what: str, at: int | None = None):
        at = self.at if at is None else at
        raise KnowledgeError(
            f"pattern {self.text!r}, position {at + 1}: {what}\n    {self.text}\n    {' ' * at}^"
        )

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
        if (
            len(body) > 2
            or not body[0].isdigit()
            or (len(body) == 2 and body[1] and not body[1].isdigit())
        ):
            self.fail("a repeat is {n}, {n,} or {n,m} with whole numbers")
        low = int(body[0])
        high = low if len(body) == 1 else (int(body[1]) if body[1] else None)
        if high is not None and (high < low or high == 0):
            self.fail(
                "a repeat needs its second number at least as large as its first, and above 0"
            )
        if max(low, high or 0) > MAX_REPEAT:
            self.fail(f"a repeat goes up to {MAX_REPEAT}")
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
            self.fail(
                f"{c!r} is not among the characters that the reader knows (0-9, A-Z)", self.at - 1
            )
        return self.nothing()

    def escape(self):
        self.at += 1
        c = self.peek()
        if not c:
            self.fail("a backslash ends the pattern", self.at - 1)
        self.at += 1
        if self.regular and c in "dDwsS":
            return {
                "d": DIGITS,
                "D": LETTERS | {BLANK},
                "w": ANY,
                "s": frozenset([BLANK]),
                "S": ANY,
            }[c]
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
            mask = {"A": LETTERS, "9": DIGITS, "*": ANY}.get(c.upper())
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
                self.fail(
                    "^ and $ stand only at the ends: a pattern always describes a whole line",
                    self.at - 1,
                )
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
                if (
                    low not in CLASSES
                    or high not in CLASSES
                    or CLASSES.index(low) > CLASSES.index(high)
                ):
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
        raise KnowledgeError(
            f"pattern is a text such as 'AA999AA' or 're:[A-Z]+ \\d{{4}}', not {type(pattern).__name__}"
        )
    return _compile(pattern)


@lru_cache(maxsize=64)
def _compile(pattern: str) -> Automaton:
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
                    raise KnowledgeError(
                        f"pattern {pattern!r} needs more than {MAX_STATES} states: use fewer or smaller repeats"
                    )
                number[key] = len(sets)
                sets.append(key)
            row.append(-1 if key is None else number[key])
        follow.append(row)
    accept = np.array([end in s for s in sets])
    if not accept[1:].any():
        raise KnowledgeError(
            f"pattern {pattern!r} fits no text with a character in it: A is a letter, 9 a digit, * either"
        )
    return Automaton(np.array(follow, np.int32), accept)
