"""The sweep through lattices: the best reading of each line, and the probability of everything.

All lines go through in step, node by node from left to right, so that numpy sees long arrays. A
*state* is a place in the line (a node), in the pattern and in the language. An *arc* leads from
state to state and reads one class on one edge, or a word space. Each state keeps the best way to
it (Viterbi, 1967) and the sum over all ways. From the sums the probabilities flow back along the
arcs (the forward-backward algorithm of Baum et al., 1970).

Two things keep time and memory bounded. A reading that falls more than a margin behind the best
one of the same ink is given up; this is a beam search (Lowerre, 1976). And a line keeps at most
some hundred arcs at a node, the best ones. Most arcs are hopeless, and are told from their scores
before the language is asked about them.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from customocr.engine.patterns import Automaton
from customocr.statistics import distinct

EVIDENCE_WEIGHT = 1.0  # on the network's log-probabilities
SEGMENT_WEIGHT = 1.0  # on the log-scores of the cuts
CLASS_FLOOR = 1e-4  # probability any class keeps: knowledge may overrule the network, at a price
LIKELY = 1e-3  # share of the best class's probability below which a class is not followed
OF_ITS_KIND = 0.1  # under a pattern: the same share beside the best digit, or the best letter
SPACE_FLOOR = 1e-3  # a pattern may deny or demand a word space at this probability
MAX_ARCS = 500  # of one line that end at one node; with 100 all our 516 images still read the same
MIN_ARCS = 100  # the same where lines are so many or so long that `PAGE_ARCS` is used up
PAGE_ARCS = 500_000  # of all lines together: some seconds, however little the networks know
AT_ONCE = 200_000  # arcs of several lines that are looked at in one go: memory
FEW = 100  # arcs up to which telling hopeless ones early costs more than it saves
EFFORT = 20_000  # arcs that a search for the alternatives of a word may look at
RARE = 1e-4  # probability below which a partial reading is no alternative

NOTHING = -1  # what an arc reads that reads no class


@dataclass(frozen=True)
class Starts:
    "How words begin."

    state: np.ndarray  # int64 (R,), language states in which a word can begin
    first: np.ndarray  # float64 (R,), log-weight of each at the beginning of a line
    after: np.ndarray  # float64 (regimes, R), log-weight of each after a word of some regime


def spread(count: np.ndarray, first: np.ndarray):
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
    size[-1:] = n - heads[-1:]
    return size


def _best_of_line(line: np.ndarray, score: np.ndarray):
    "The best score of each item's line; one number where all are of one line. Sorted by line."
    if line[0] == line[-1]:
        return score.max()
    head = _heads(line)
    return np.maximum.reduceat(score, head).repeat(_sizes(head, len(line)))


def arcs_at_a_node(
    n_nodes: int,  # of all lines of a page together
) -> int:  # arcs of one line that may end at one node
    "What keeps a page's time bounded."
    return min(MAX_ARCS, max(MIN_ARCS, PAGE_ARCS // max(1, n_nodes)))


def _best_few(line: np.ndarray, score: np.ndarray, most: int) -> np.ndarray:
    "Indices, in order, of the best items of each line, about `most`; items are sorted by line."
    head = _heads(line)
    keep = np.ones(len(line), bool)
    for begin, size in zip(head.tolist(), _sizes(head, len(line)).tolist()):
        if size > most:
            some = score[begin : begin + size]
            worse = np.argpartition(some, size - most)[: size - most]
            keep[begin + worse] = False
    return keep.nonzero()[0]


class Sweep:
    "Forward and backward pass over one batch of lattices."

    def __init__(
        self,
        lattices: Sequence,  # `Lattice`s, each with at least one edge
        language,  # `Language`: what may follow what within words
        starts: Starts,  # how words begin
        knowledge,  # `Knowledge`: its classes, automaton, index and strict
        every: bool,  # whether every class is followed, not only the likely ones
        margin: float,  # nats behind the best reading of the same ink at which one is given up
        most: int = MAX_ARCS,  # arcs of one line that may end at one node
    ):
        self.language, self.starts, self.symbols = language, starts, knowledge.symbols
        self.n = self.blank = len(knowledge.symbols)  # classes; behind them the word space
        self.kinds = self.n + 2  # what an arc can read: a class, the word space, nothing
        self.margin, self.most = margin, most
        self.automaton: Automaton | None = knowledge.automaton
        self.index = knowledge.index
        self.trie0 = language.n_states  # language states from here on are nodes of the lexicon
        self.n_q = len(self.automaton.accept) if self.automaton else 1
        self.n_lang = self.trie0 + (len(self.index.word) if self.index is not None else 0)
        self._take_edges(lattices)
        self._take_spaces(lattices)
        self._take_options(lattices, knowledge, every)
        self._begin()
        for edges in self._levels():
            self._level(*edges)
        self._gather()
        self._flow_back(self._end_lines())

    # -- What goes in

    def _take_edges(self, lattices):
        "The edges of all lines in one row, in the order in which the sweep meets them."
        sizes = np.array([len(x.start) for x in lattices])
        self.n_edges = int(sizes.sum())
        self.edge0 = np.cumsum(sizes) - sizes
        self.n_nodes = np.array([x.n_nodes for x in lattices])
        self.node0 = np.cumsum(self.n_nodes) - self.n_nodes
        lattice = np.repeat(np.arange(len(lattices)), sizes)
        end = np.concatenate([x.end for x in lattices])
        self.order = np.lexsort((lattice, end))  # position in the sweep -> edge
        self.lattice, self.end = lattice[self.order], end[self.order]
        start = np.concatenate([x.start for x in lattices])
        self.start = start[self.order] + self.node0[self.lattice]

    def _take_spaces(self, lattices):
        "Per node: weights of staying inside the word and of ending it, and whether ending can pay."
        space = np.concatenate([x.space for x in lattices]).astype(np.float64)
        if self.automaton:
            space = np.clip(space, SPACE_FLOOR, 1 - SPACE_FLOOR)
        space[self.node0 + self.n_nodes - 1] = 0
        within, between = self.language.gap
        with np.errstate(divide="ignore"):
            self.stay = np.where(space > 0, np.log1p(-space) - within, 0.0)
            self.part = np.log(space) - between
        self.may_part = self.part + self.starts.after.max() > self.stay - self.margin

    def _take_options(self, lattices, knowledge, every):
        "Per edge: the classes worth following, and their weights. A blank edge has one option."
        p = np.exp(np.concatenate([x.logp for x in lattices]).astype(np.float64)) + CLASS_FLOOR
        p *= knowledge.classes
        p /= p.sum(1, keepdims=True)
        blank = np.concatenate(
            [np.zeros(len(x.start), bool) if x.blank is None else x.blank for x in lattices]
        )[self.order]
        p = p[self.order]
        follow = np.empty((self.n_edges, self.n + 1), bool)
        follow[:, self.n] = self.edge_blank = blank
        follow[:, : self.n] = self._likely(p, every) & ~blank[:, None]
        if knowledge.strict and self.index is not None:
            follow[:, : self.n] = False  # only the lexicon says what may follow
        score = np.concatenate([x.score for x in lattices]).astype(np.float64)[self.order]
        self.weight = np.empty((self.n_edges, self.n + 1))
        with np.errstate(divide="ignore"):
            self.weight[:, : self.n] = EVIDENCE_WEIGHT * np.log(p)
        self.weight[:, self.n] = 0
        self.weight += SEGMENT_WEIGHT * score[:, None]
        self.n_option = follow.sum(1)
        self.option0 = np.append(0, self.n_option.cumsum())
        edge, cls = follow.nonzero()
        self.o_edge, self.o_weight = edge, self.weight[edge, cls]
        self.o_most = self.o_weight + np.append(self.language.most, 0.0)[cls]  # cannot be better
        self.o_lattice, self.o_node = self.lattice[edge], self.start[edge]
        cls[cls == self.n] = NOTHING
        self.o_cls = cls

    def _likely(self, p, every):
        "Classes worth following; a pattern may ask for the best digits or the best letters too."
        likely = p > (0 if every else LIKELY) * p.max(1, keepdims=True)
        if self.automaton is not None:
            best = np.repeat([p[:, :10].max(1), p[:, 10:].max(1)], [10, self.n - 10], axis=0).T
            likely |= p > OF_ITS_KIND * best
        return likely

    # -- Forward

    def _begin(self):
        "The states in which each line begins."
        n_lat, k = len(self.n_nodes), len(self.starts.state)
        self.n_states = self.n_arcs = 0
        self.flat = [np.empty(4096, t) for t in (np.int64, np.int64, np.float64, np.float64)]
        self.backs, self.arcs, self.finals = [np.full(n_lat * k, -1)], [], []
        first = np.tile(self.starts.first, n_lat)
        state = np.tile(self.starts.state, n_lat)
        self._append((np.zeros(n_lat * k, np.int64), state, first, first))
        total = int(self.n_nodes.sum())
        self.first = np.zeros(total, np.int64)  # per node: its first state,
        self.count = np.zeros(total, np.int64)  # how many it has
        self.leader = np.zeros(total, np.int64)  # and the best of them
        self.first[self.node0], self.count[self.node0] = np.arange(n_lat) * k, k
        self.leader[self.node0] = np.arange(n_lat) * k + self.starts.first.argmax()

    def _append(self, columns):
        "Put new states' pattern state, language state, score and sum behind the others."
        before, self.n_states = self.n_states, self.n_states + len(columns[0])
        if self.n_states > len(self.flat[0]):
            size = max(self.n_states, 2 * len(self.flat[0]))
            self.flat = [np.concatenate([x, np.empty(size - len(x), x.dtype)]) for x in self.flat]
        for x, c in zip(self.flat, columns):
            x[before : self.n_states] = c

    def _levels(self) -> Iterator[tuple[int, int]]:
        "Runs of edges that end at the same node of their lines, from left to right."
        bounds = [*_heads(self.end).tolist(), self.n_edges]
        return itertools.pairwise(bounds)

    def _level(self, a, b):
        "The edges from a to b, which end at the same node of their lines: from arcs to states."
        found = self._arcs(a, b) if self.index is None else self._listed_arcs(a, b)
        if found is None:
            return
        edge, s, cls, to, step = found
        lat = self.lattice[edge]
        q = self.flat[0][s]
        score = self.flat[2][s] + step
        if self.automaton:
            q = np.where(cls < 0, q, self.automaton.follow[q, cls])
            score[q < 0] = -np.inf
        made = self._merge(lat, q, to, score, self.flat[3][s] + step, s, edge, cls)
        if made is not None:
            self._place(made, int(self.end[a]))

    def _arcs(self, a, b):
        "Arcs along edges a to b: edge, state, class, next state and weight of each."
        o = np.arange(self.option0[a], self.option0[b])
        count = self.count[self.o_node[o]]
        n = int(count.sum())
        if n > AT_ONCE and (cut := self._between_lines(a, b)):
            return self._joined(self._arcs(a, cut), self._arcs(cut, b))
        if n > FEW:
            least = self._least(o, count)
            best = self.o_most[o] + self.flat[2][self.leader[self.o_node[o]]]
            keep = ((best > least) & (count > 0)).nonzero()[0]
            o, count = o[keep], count[keep]
            least = least[keep] if np.ndim(least) else least
        if not len(o):
            return None
        own, s = spread(count, self.first[self.o_node[o]])
        if n > FEW:
            rough = self.o_most[o][own] + self.flat[2][s]
            keep = (rough > (least[own] if np.ndim(least) else least)).nonzero()[0]
            if len(keep) > 4 * self.most:
                keep = keep[_best_few(self.o_lattice[o][own[keep]], rough[keep], 4 * self.most)]
            own, s = own[keep], s[keep]
        if not len(own):
            return None
        o = o[own]
        cls = self.o_cls[o]
        to, gain = self._step(s, cls)
        return self.o_edge[o], s, cls, to, self.o_weight[o] + gain

    def _between_lines(self, a, b) -> int:
        "An edge near the middle with which another line begins; 0: all are of one line."
        head = a + _heads(self.lattice[a:b])[1:]
        return int(head[np.abs(head - (a + b) // 2).argmin()]) if len(head) else 0

    @staticmethod
    def _joined(one, two):
        "Two results of `_arcs`, one behind the other."
        if one is None or two is None:
            return two if one is None else one
        return [np.concatenate(pair) for pair in zip(one, two)]

    def _least(self, o, count):
        "The score that arcs must beat: what those reach that leave the best state of each node."
        usable = count > 0
        s = self.leader[self.o_node[o]]
        cls = self.o_cls[o]
        _, gain = self._step(s, cls)
        if self.automaton:
            usable &= (cls < 0) | (self.automaton.follow[self.flat[0][s], cls] >= 0)
        score = np.where(usable, self.flat[2][s] + self.o_weight[o] + gain, -np.inf)
        return _best_of_line(self.o_lattice[o], score) - self.margin

    def _step(self, s, cls):
        "Next language states, and weights of reading classes. To read nothing changes nothing."
        lang = self.flat[1][s]
        to, gain = self.language.step(lang, cls)
        if (cls < 0).any():
            to, gain = np.where(cls < 0, lang, to), np.where(cls < 0, 0.0, gain)
        return to, gain

    def _listed_arcs(self, a, b):
        "As `_arcs` with a lexicon: states within a listed word go on to their node's children."
        edge = np.arange(a, b)
        own, s = spread(self.count[self.start[a:b]], self.first[self.start[a:b]])
        if not len(own):
            return None
        edge, lang = edge[own], self.flat[1][s]
        free = (lang < self.trie0) | self.edge_blank[edge]  # these follow the edge's options
        node = np.where(free, 0, lang - self.trie0)
        count = np.where(free, self.n_option[edge], self.index.count[node])
        own, item = spread(count, np.where(free, self.option0[edge], self.index.first[node]))
        edge, s, free = edge[own], s[own], free[own]
        cls = np.empty(len(own), np.int64)
        cls[free], cls[~free] = self.o_cls[item[free]], self.index.symbol[item[~free]]
        step = self.weight[edge, cls]
        rough = step + self.flat[2][s]
        if len(rough) > 4 * self.most:
            keep = _best_few(self.lattice[edge], rough, 4 * self.most)
            edge, s, free, item, cls, step = (x[keep] for x in (edge, s, free, item, cls, step))
        to, gain = self.trie0 + item, np.full(len(cls), self.language.neutral)
        plain = free & (self.flat[1][s] < self.trie0)
        to[plain], gain[plain] = self._step(s[plain], cls[plain])
        still = cls < 0
        to[still], gain[still] = self.flat[1][s[still]], 0.0
        return edge, s, cls, to, step + gain

    def _merge(self, lat, q, lang, score, total, source, edge, cls):
        "Arcs, sorted by line, into states: equal ones fall together, hopeless ones go."
        if not len(lat):
            return None
        keep = (score > _best_of_line(lat, score) - self.margin).nonzero()[0]
        if len(keep) > self.most:
            keep = keep[_best_few(lat[keep], score[keep], self.most)]
        if not len(keep):
            return None
        key = (lat[keep] * self.n_q + q[keep]) * self.n_lang + lang[keep]
        order = key.argsort(kind="stable")
        keep, key = keep[order], key[order]
        head = _heads(key)
        size = _sizes(head, len(key))
        group = np.arange(len(head)).repeat(size)
        top, winner = self._winners(score[keep], head, group)
        summed, share = self._sums(total[keep], head, group)
        pick, base = keep[head], self.n_states
        lat, q, lang = lat[pick], q[pick], lang[pick]
        self._append((q, lang, top, summed))
        self.backs.append(self.n_arcs + winner)
        self.arcs.append((source[keep], edge[keep], cls[keep], base + group, share))
        self.n_arcs += len(keep)
        return base, lat, q, lang, top, summed

    @staticmethod
    def _winners(score, head, group):
        "The best score of each group of arcs, and the arc that has it."
        top = np.maximum.reduceat(score, head)
        winner = np.empty(len(head), np.int64)
        hit = (score == top[group]).nonzero()[0]
        winner[group[hit]] = hit
        return top, winner

    @staticmethod
    def _sums(total, head, group):
        "Log of the sum of each group of arcs, and each arc's share. The largest term is taken out."
        high = np.maximum.reduceat(total, head)
        share = np.exp(total - high[group])
        summed = np.add.reduceat(share, head)
        share /= summed[group]
        return np.log(summed) + high, share

    def _place(self, made, level):
        "Enter the level's states at their nodes, and those of words that begin there."
        base, lat, q, lang, score, total = made
        node = self.node0[lat] + level
        last = level == self.n_nodes[lat] - 1
        if last.any():
            self.finals.append((base + last.nonzero()[0], lat[last]))
        stay = self.stay[node]
        if self.may_part[node].any():
            end = self._ends(made, node, stay)
            if end.max() > -np.inf:
                made = self._with_spaces(made, node, stay, end)
                if made is not None:
                    self._enter(made[0], made[1], made[4], level)
                return
        score = score + stay
        self.flat[2][base : self.n_states] = score
        self.flat[3][base : self.n_states] = total + stay
        self._enter(base, lat, score, level)

    def _ends(self, made, node, stay):
        "Weight of each state's word ending here; -inf where that is hopeless."
        _, lat, q, lang, score, _ = made
        end = self.part[node] + self._finish(lang)
        if self.automaton:
            end[self.automaton.follow[q, self.blank] < 0] = -np.inf
        best = np.maximum(stay, end + self.starts.after.min())  # of what certainly exists
        least = _best_of_line(lat, score + best) - self.margin
        end[score + end + self.starts.after.max() <= least] = -np.inf
        return end

    def _with_spaces(self, made, node, stay, end):
        "Each state stays inside its word, or ends it and begins the next in any regime."
        base, lat, q, lang, score, total = made
        begin, k, n = self.starts.state, len(self.starts.state), len(lat)
        step = np.empty((n, k + 1))
        step[:, 0] = stay
        step[:, 1:] = end[:, None] + self.starts.after[self.language.kind(lang)]
        source, which = (step > -np.inf).nonzero()
        step = step[source, which]
        ends = which > 0
        new_q = q[source]
        if self.automaton:
            new_q = np.where(ends, self.automaton.follow[new_q, self.blank], new_q)
        return self._merge(
            lat[source],
            new_q,
            np.where(ends, begin[which - 1], lang[source]),
            score[source] + step,
            total[source] + step,
            source + base,
            self.n_edges + node[source],
            np.where(ends, self.blank, NOTHING),
        )

    def _finish(self, state):
        "Log-probability that a word ends in these language states."
        if self.index is None:
            return self.language.end(state)
        trie = state >= self.trie0
        out = self.language.end(np.where(trie, 0, state))
        out[trie] = np.where(self.index.word[state[trie] - self.trie0], 0, -np.inf)
        return out

    def _enter(self, base, lat, score, level):
        "Note for each node where its states are and which is the best."
        head = _heads(lat)
        node = self.node0[lat[head]] + level
        self.first[node] = base + head
        self.count[node] = _sizes(head, len(lat))
        hit = (score == _best_of_line(lat, score)).nonzero()[0]
        self.leader[self.node0[lat[hit]] + level] = base + hit

    # -- Backward

    def _gather(self):
        "States and arcs as long arrays. A key says what an arc reads, whatever its states."
        self.q, self.lang, self.best, self.total = (x[: self.n_states] for x in self.flat)
        self.back = np.concatenate(self.backs)
        self.backs.clear()
        columns = [np.concatenate(c) for c in zip(*self.arcs)] or [np.zeros(0, np.int64)] * 5
        self.source, edge, self.cls, self.target, self.share = columns
        self.edge = np.append(self.order, self.n_edges + np.arange(len(self.first)))[edge]
        self.real = (edge < self.n_edges) & (self.cls >= 0)  # arcs that read a character
        key = self.edge * self.kinds + self.cls + 1
        self.by_key = np.argsort(key, kind="stable")
        self.key = key[self.by_key]
        self.ways = None  # made when alternatives are asked for

    def _end_lines(self) -> np.ndarray:
        "End every line: the probability of each state to be its line's last, float (states,)."
        mass = np.zeros(self.n_states)
        self.last: dict[int, int] = {}
        if not self.finals:
            return mass
        states, lat = (np.concatenate(x) for x in zip(*self.finals))
        bonus = self._finish(self.lang[states])
        if self.automaton:
            bonus = np.where(self.automaton.accept[self.q[states]], bonus, -np.inf)
        for i in distinct(lat[np.isfinite(bonus)]):
            here, more = states[lat == i], bonus[lat == i]
            total = self.total[here] + more
            share = np.exp(total - total.max())
            mass[here] = share / share.sum()
            self.last[int(i)] = int(here[(self.best[here] + more).argmax()])
        return mass

    def _flow_back(self, mass):
        "Send each reading's probability back along its arcs: level by level, the last first."
        flow = np.zeros(len(self.source))
        at = len(self.source)
        for source, _, _, target, share in reversed(self.arcs):
            a = at - len(target)
            flow[a:at] = mass[target] * share
            low = int(source.min())
            part = np.bincount(source - low, weights=flow[a:at])
            mass[low : low + len(part)] += part
            at = a
        real = self.real
        self.posterior = np.bincount(
            self.edge[real] * self.n + self.cls[real],
            weights=flow[real],
            minlength=self.n_edges * self.n,
        ).reshape(-1, self.n)
        self.mass, self.onward = mass, flow / np.maximum(mass[self.source], 1e-300)

    # -- What is asked of it

    def path(self, i: int) -> list[int]:
        "The arcs of the best reading of lattice i, from left to right."
        out, state = [], self.last[i]
        while (arc := int(self.back[state])) >= 0:
            out.append(arc)
            state = int(self.source[arc])
        return out[::-1]

    def probability(self, arcs: Sequence[int] | np.ndarray) -> float:
        "Probability that the text runs through what these arcs read, whatever the states."
        key = self.edge[arcs] * self.kinds + self.cls[arcs] + 1
        low, high = self.key.searchsorted(key), self.key.searchsorted(key, "right")
        joint = base = None
        for a, b in zip(low.tolist(), high.tolist()):
            some = self.by_key[a:b]
            source, target, chance = self.source[some], self.target[some], self.onward[some]
            if joint is None:
                chance = chance * self.mass[source]
            else:
                # A source that was not reached holds nothing: it stands on the zero at the end.
                source = source - base
                source[(source < 0) | (source >= len(joint))] = -1
                chance = chance * np.append(joint, 0.0)[source]
            base = int(target.min())
            joint = np.bincount(target - base, weights=chance)
        assert joint is not None, "a text has at least one arc"
        return float(min(1.0, joint.sum()))

    def readings(
        self,
        before: int | None,  # the arc of the word space before the word; None: the line begins
        i: int,  # lattice
        n: int,  # how many texts
        patience: int,  # partial readings to look at before it stops with what it has
    ) -> list[tuple[tuple[int, ...], float]]:  # classes and probability, most probable first
        """The most probable readings of one word, over all cuts.

        A beginning of the text has the states that it can have led to, whatever edges were cut.
        Its probability is the sum over all of them. The most probable one is made longer first.
        """
        count = itertools.count()  # settles ties, so that texts are never compared
        begin = self._word_begins(before, i)
        heap: list = [(-sum(begin.values()), next(count), (), begin)]
        found: dict[tuple, float] = {}
        effort = EFFORT
        while heap and patience and len(found) < n:
            chance, _, text, states = heapq.heappop(heap)
            patience -= 1
            if states is None:
                found[text] = -chance
            elif effort > 0:
                ended, ways, looked = self._onward(states)
                effort -= looked
                if ended > RARE:
                    heapq.heappush(heap, (-ended, next(count), text, None))
                for cls, to in ways.items():
                    total = sum(to.values())
                    if total > RARE:
                        heapq.heappush(heap, (-total, next(count), (*text, cls), to))
        return list(found.items())

    def _word_begins(self, before, i) -> dict[int, float]:
        "The states in which a word begins, and their probability."
        if before is None:
            k = len(self.starts.state)
            return dict(enumerate(self.mass[i * k : i * k + k].tolist(), i * k))
        key = self.edge[before] * self.kinds + self.blank + 1
        some = self.by_key[self.key.searchsorted(key) : self.key.searchsorted(key, "right")]
        mass = self.mass[self.source[some]] * self.onward[some]
        out: dict[int, float] = {}
        for state, m in zip(self.target[some].tolist(), mass.tolist()):
            out[state] = out.get(state, 0.0) + m
        return out

    def _ways(self):
        "Arcs by the state they leave, as plain lists: few are walked faster so than as arrays."
        if self.ways is None:
            order = np.argsort(self.source, kind="stable")
            bounds = self.source[order].searchsorted(np.arange(self.n_states + 1))
            columns = (self.cls, self.target, self.onward)
            self.ways = bounds.tolist(), *(x[order].tolist() for x in columns)
        return self.ways

    def _onward(self, states: dict[int, float]):
        "From weighed states: the chance of the word's end, what each class leads to, arcs seen."
        bounds, cls, target, onward = self._ways()
        ended, looked = 0.0, 0
        ways: dict[int, dict[int, float]] = {}
        todo = sorted(
            states
        )  # arcs lead to later states: all that reaches a state is known in time
        while todo:
            state = heapq.heappop(todo)
            mass = states[state]
            a, b = bounds[state], bounds[state + 1]
            looked += b - a
            if a == b:  # the line's end: there is no way on
                ended += mass
            for arc in range(a, b):
                flow, to = mass * onward[arc], target[arc]
                if cls[arc] == self.blank:
                    ended += flow
                elif cls[arc] == NOTHING:
                    if to not in states:
                        heapq.heappush(todo, to)
                    states[to] = states.get(to, 0.0) + flow
                else:
                    some = ways.setdefault(cls[arc], {})
                    some[to] = some.get(to, 0.0) + flow
        return ended, ways, looked
