"""Masks and regular expressions for whole lines, compiled to automata over classes and blank.

A mask says what stands where: `A` a letter, `9` a digit, `*` either, `{n}`, `{n,}` or `{n,m}`
after one repeats it, a backslash takes the next character as it is; any other letter or digit
stands for itself, a blank for a word space. After `re:` it is a regular expression: `[...]`, `.`,
`\\d`, `\\D`, `\\w`, `\\s`, `\\S`, `(...)`, `(?:...)`, `|`, `*`, `+`, `?` and the repeats. Lower
case counts as capitals. Punctuation that the network does not read matches nothing: `99/99/9999`
fits 12051980. A model that was taught more classes has them in patterns too: with `/` among them
the same mask fits 12/05/1980.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from customocr.errors import KnowledgeError
from customocr.glyphs import CLASSES, class_of

MAX_LENGTH = 1000  # characters of a pattern's text
MAX_STATES = 20_000  # states of a compiled pattern; beyond, it repeats too much to be meant
MAX_PARTS = 20_000  # places of a pattern with every repeat written out
MAX_WORK = 4_000_000  # steps of compiling: about two seconds
MAX_DEPTH = 50  # brackets in brackets
MAX_REPEAT = 200  # times that one part may be repeated


@dataclass(frozen=True)
class Automaton:
    "A deterministic automaton over the classes and the blank; state 0 is the start."

    follow: np.ndarray  # int32 (S, classes + 1), next state, -1: none; the last: the word space
    accept: np.ndarray  # bool (S,), whether the text may end here


def _too_large(pattern: str) -> KnowledgeError:
    return KnowledgeError(
        f"pattern {pattern!r} needs more than {MAX_STATES:,} states: use fewer or smaller repeats"
    )


class _Parser:
    "Recursive descent over a pattern; builds the fragments of Thompson's construction (1968)."

    def __init__(self, text: str, regular: bool, classes: str = CLASSES):
        self.text, self.regular, self.at, self.depth = text, regular, 0, 0
        self.classes, self.blank = classes, len(classes)
        kind = lambda test: frozenset(k for k, c in enumerate(classes) if test(c))
        self.any, self.digits = kind(bool), kind(lambda c: c in CLASSES[:10])
        self.letters, self.alnum = kind(str.isalpha), kind(str.isalnum)
        # Per state: (symbols, target) or None, and the targets reached without a symbol.
        self.step: list[tuple[frozenset[int], int] | None] = []
        self.free: list[list[int]] = []

    def fail(self, what: str, at: int | None = None):
        at = self.at if at is None else at
        raise KnowledgeError(
            f"pattern {self.text!r}, position {at + 1}: {what}\n    {self.text}\n    {' ' * at}^"
        )

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def state(self) -> int:
        if len(self.step) >= MAX_PARTS:
            raise _too_large(self.text)
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
        number = re.compile("[0-9]{1,9}")
        numbers = [number.fullmatch(part) or (i == 1 and not part) for i, part in enumerate(body)]
        if len(body) > 2 or not all(numbers):
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
        "A letter or digit stands for itself, a blank for a word space. Punctuation is not read."
        if c == " ":
            return self.symbols(frozenset([self.blank]))
        if (index := class_of(c, self.classes)) >= 0:
            return self.symbols(frozenset([index]))
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
                "d": self.digits,
                "D": (self.any - self.digits) | {self.blank},
                "w": self.alnum,
                "s": frozenset([self.blank]),
                "S": self.any,
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
            mask = {"A": self.letters, "9": self.digits, "*": self.alnum}.get(c.upper())
            return self.symbols(mask) if mask else self.literal(c)
        if c == ".":
            return self.symbols(self.any | {self.blank})
        if c == "(":
            begin = self.at - 1
            if self.text.startswith("?:", self.at):
                self.at += 2
            elif self.peek() == "?":
                self.fail("of the groups that begin with ? only (?:...) is known")
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self.fail(f"brackets go {MAX_DEPTH} deep, not deeper", begin)
            inner = self.choice()
            self.depth -= 1
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
                ends = (class_of(c, self.classes) for c in (got, self.text[self.at + 1]))
                first, last = (self.classes[k] if k >= 0 else "" for k in ends)
                if not first or last < first:
                    self.fail("a range runs from a lower to a higher letter or digit")
                some |= {k for k, c in enumerate(self.classes) if first <= c <= last}
                self.at += 2
            elif got == " ":
                some.add(self.blank)
            elif (index := class_of(got, self.classes)) >= 0:
                some.add(index)
        self.at += 1
        some = set(self.any | {self.blank}) - some if negative else some
        if not some:
            self.fail("the set holds no character that the reader knows (0-9, A-Z, blank)", begin)
        return frozenset(some)


def compile_pattern(
    pattern: str,  # a mask, or a regular expression after `re:`
    classes: str = CLASSES,  # of the model that reads
) -> Automaton:
    "Compile a mask or regular expression for a line; `KnowledgeError` names the spot at fault."
    if not isinstance(pattern, str):
        raise KnowledgeError(
            "pattern is a text such as 'AA999AA' or 're:[A-Z]+ \\d{4}',"
            f" not {type(pattern).__name__}"
        )
    if len(pattern) > MAX_LENGTH:
        raise KnowledgeError(
            f"pattern of {len(pattern):,} characters: at most {MAX_LENGTH:,};"
            " give words as a lexicon"
        )
    return _compile(pattern, classes)


@lru_cache(maxsize=64)
def _compile(pattern: str, classes: str) -> Automaton:
    regular = pattern.startswith("re:")
    parser = _Parser(pattern[3:] if regular else pattern, regular, classes)
    start, end = parser.choice()
    if parser.at < len(parser.text):
        parser.fail(f"{parser.peek()!r} closes nothing")
    follow, sets = _Subsets(parser, pattern).build(start)
    accept = np.array([end in s for s in sets])
    if not accept[1:].any():
        raise KnowledgeError(
            f"pattern {pattern!r} fits no text with a character in it:"
            " A is a letter, 9 a digit, * either"
        )
    return Automaton(np.array(follow, np.int32), accept)


class _Subsets:
    "From fragments to an automaton whose states are sets of theirs (Rabin and Scott, 1959)."

    def __init__(self, parser: _Parser, pattern: str):
        self.parser, self.pattern, self.work = parser, pattern, MAX_WORK

    def spend(self, steps: int):
        self.work -= steps
        if self.work < 0:
            raise _too_large(self.pattern)

    def reach(self, states) -> frozenset:
        "States and all that can be reached from them without reading."
        seen, todo = set(states), list(states)
        while todo:
            free = self.parser.free[todo.pop()]
            self.spend(1 + len(free))
            for t in free:
                if t not in seen:
                    seen.add(t)
                    todo.append(t)
        return frozenset(seen)

    def after(self, here: frozenset) -> list:
        "The set that each symbol leads to, None where it leads nowhere."
        to: list[set] = [set() for _ in range(self.parser.blank + 1)]
        for s in here:
            if self.parser.step[s]:
                some, target = self.parser.step[s]
                self.spend(len(some))
                for symbol in some:
                    to[symbol].add(target)
        known: dict[frozenset, frozenset] = {}  # symbols that lead to the same places
        keys = [frozenset(targets) for targets in to]
        for key in set(keys):
            known[key] = self.reach(key)
        return [known[key] if key else None for key in keys]

    def build(self, start: int) -> tuple[list[list[int]], list[frozenset]]:
        "All states, and where each symbol leads from each."
        sets = [self.reach([start])]
        number, follow = {sets[0]: 0}, []
        for here in sets:
            row = []
            for key in self.after(here):
                if key is not None and key not in number:
                    if len(sets) >= MAX_STATES:
                        raise _too_large(self.pattern)
                    number[key] = len(sets)
                    sets.append(key)
                row.append(-1 if key is None else number[key])
            follow.append(row)
        return follow, sets
