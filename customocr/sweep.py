"""The sweep through a page's lattices: the best reading of each line and the probability of everything in it.

All lines go through in step, node by node from left to right, so that numpy sees long arrays. A state is a place in the line
(a node), in the pattern and in the language; arcs lead from state to state, each reading one class on one edge, or a word
space. Per state the sweep keeps the best way to it (Viterbi, 1967) and the sum over all ways; from the sums the
probabilities flow back along the arcs (the forward-backward algorithm of Baum et al., 1970). It is exact but for the readings
that fall more than a margin behind the best one of the same ink.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from customocr.patterns import BLANK, N, Automaton

EVIDENCE_WEIGHT = 1.0  # on the network's log-probabilities
SEGMENT_WEIGHT = 1.0  # on the log-scores of the cuts
CLASS_FLOOR = 1e-4  # probability that any class keeps, whatever the network says: knowledge may overrule it at a price
LIKELY = 1e-3  # classes less probable than this share of the best are not followed where nothing constrains the text
OF_ITS_KIND = 0.1  # under a pattern, digits and letters at least this probable beside the best digit or letter are followed too
SPACE_FLOOR = 1e-3  # a pattern may deny or demand a word space at this probability


@dataclass(frozen=True)
class Starts:
    "How words begin."

    state: np.ndarray  # int64 (R,), language states in which a word can begin
    first: np.ndarray  # float64 (R,), log-weight of each at the beginning of a line
    after: np.ndarray  # float64 (regimes, R), log-weight of each after a word of some regime


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


def _summed(states: np.ndarray, mass: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    "Equal states together with the sum of their masses."
    unique, where = np.unique(states, return_inverse=True)
    return unique, np.bincount(where, weights=mass)


class Sweep:
    "Forward pass of one batch of lattices: Viterbi and sum over all readings side by side."

    def __init__(
        self,
        lattices: Sequence,  # `Lattice`s, each with at least one edge
        language,  # `Language`: what may follow what within words
        starts: Starts,  # how words begin
        knowledge,  # `Knowledge`: its classes, automaton, index and strict
        every: bool,  # whether every class is followed, not only the likely ones
        margin: float,  # nats below the best reading of the same ink at which a partial reading is given up
    ):
        automaton, index = knowledge.automaton, knowledge.index
        self.language, self.starts, self.automaton, self.index, self.margin = (
            language,
            starts,
            automaton,
            index,
            margin,
        )
        self.trie0 = language.n_states  # language states from here on are nodes of the lexicon
        self.n_q = len(automaton.accept) if automaton else 1
        self.n_lang = self.trie0 + (len(index.word) if index is not None else 0)
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
        self.blank = np.concatenate(
            [np.zeros(len(x.start), bool) if x.blank is None else x.blank for x in lattices]
        )
        likely = self._likely(p, every) & ~self.blank[:, None] & (not knowledge.strict)
        self.n_likely = likely.sum(1)
        self.first_likely = np.cumsum(self.n_likely) - self.n_likely
        self.likely = np.append(np.nonzero(likely)[1], 0)
        self._run()

    def _likely(self, p, every):
        "Classes worth following; under a pattern the best digits and the best letters, as either may be asked for."
        likely = p > (0 if every else LIKELY) * p.max(1, keepdims=True)
        if self.automaton is not None:
            best = np.repeat([p[:, :10].max(1), p[:, 10:].max(1)], [10, N - 10], axis=0).T
            likely |= p > OF_ITS_KIND * best
        return likely

    def _finish(self, state):
        "Log-probability that a word ends in these language states."
        if self.index is None:
            return self.language.end(state)
        trie = state >= self.trie0
        out = self.language.end(np.where(trie, 0, state))
        out[trie] = np.where(self.index.word[state[trie] - self.trie0], 0, -np.inf)
        return out

    def _run(self):
        n_lat, state, first, k = (
            len(self.n_nodes),
            self.starts.state,
            self.starts.first,
            len(self.starts.state),
        )
        self.n_states = self.n_arcs = 0
        self.flat = [
            np.empty(4096, np.int64),
            np.empty(4096, np.int64),
            np.empty(4096),
            np.empty(4096),
        ]
        self.back, self.arcs = [np.full(n_lat * k, -1)], []
        self.finals, self.final_lattice = [], []
        self._append(
            (
                np.zeros(n_lat * k, np.int64),
                np.tile(state, n_lat),
                np.tile(first, n_lat),
                np.tile(first, n_lat),
            )
        )
        self.first = np.zeros(
            int(self.n_nodes.sum()), np.int64
        )  # per node: its first state and how many it has
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
        high = np.maximum.reduceat(
            total, head
        )  # the largest term of each sum, so that none underflows
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

    def _level(self, edges, level):
        "All edges that end at this node of their lattice."
        node = self.start[edges]
        pe, ps = _spread(self.count[node], self.first[node])
        if not len(pe):
            return
        pe = edges[pe]
        blank = self.blank[pe]
        nothing = None
        if blank.any():
            nothing = pe[blank], ps[blank]
            pe, ps = pe[~blank], ps[~blank]
        lang = self.flat[1][ps]
        if self.index is None:
            own, nth = _spread(self.n_likely[pe], self.first_likely[pe])
            cls, lang = self.likely[nth], lang[own]
            to, gain = self.language.step(lang, cls)
        else:
            plain = lang < self.trie0
            trie = np.where(plain, 0, lang - self.trie0)
            count = np.where(plain, self.n_likely[pe], self.index.count[trie])
            own, nth = _spread(
                count, np.where(plain, self.first_likely[pe], self.index.first[trie])
            )
            free = plain[own].nonzero()[0]
            cls = self.index.symbol[np.minimum(nth, len(self.index.symbol) - 1)].astype(np.int64)
            cls[free] = self.likely[nth[free]]
            to, gain = self.trie0 + nth, np.full(len(own), self.language.neutral)
            to[free], gain[free] = self.language.step(lang[own[free]], cls[free])
        e, s = pe[own], ps[own]
        lat = self.lattice[e]
        q = self.flat[0][s]
        step = self.score[e] + self.logp[e, cls] + gain
        ok = step > -np.inf
        if self.automaton:
            q = self.automaton.follow[q, cls].astype(np.int64)
            ok &= q >= 0
        if not ok.all():
            ok = ok.nonzero()[0]
            lat, q, to, step, s, e, cls = lat[ok], q[ok], to[ok], step[ok], s[ok], e[ok], cls[ok]
        if nothing:
            lat, q, to, step, s, e, cls = self._with_blanks(nothing, (lat, q, to, step, s, e, cls))
        made = self._merge(lat, q, to, self.flat[2][s] + step, self.flat[3][s] + step, s, e, cls)
        if made is None:
            return
        self._place(made, level)

    def _with_blanks(self, nothing, arcs):
        "Arcs along edges that read nothing, which leave pattern and language as they are, put among the others."
        e, s = nothing
        more = (
            self.lattice[e],
            self.flat[0][s],
            self.flat[1][s],
            self.score[e],
            s,
            e,
            np.full(len(e), -1),
        )
        both = [np.concatenate(pair) for pair in zip(arcs, more)]
        order = both[0].argsort(kind="stable")
        return [x[order] for x in both]

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
        begin, k, n = self.starts.state, len(self.starts.state), len(lat)
        with np.errstate(divide="ignore"):
            stay, end = np.log(1 - space), np.log(space) + self._finish(lang)
        stay, end = stay - self.language.gap[0], end - self.language.gap[1]
        to_q = q
        if self.automaton:
            to_q = self.automaton.follow[q, BLANK].astype(np.int64)
            end = np.where(to_q >= 0, end, -np.inf)
        end[last] = -np.inf
        regime = self.language.kind(lang)
        step = np.concatenate([stay[:, None], end[:, None] + self.starts.after[regime]], 1).ravel()
        source = np.repeat(np.arange(n), k + 1)
        new_lang = np.concatenate([lang[:, None], np.broadcast_to(begin, (n, k))], 1).ravel()
        new_q = np.concatenate([q[:, None], np.broadcast_to(to_q[:, None], (n, k))], 1).ravel()
        cls = np.tile(np.array([-1] + [BLANK] * k), n)
        ok = (step > -np.inf).nonzero()[0]
        source, new_lang, new_q, cls, step = source[ok], new_lang[ok], new_q[ok], cls[ok], step[ok]
        made = self._merge(
            lat[source],
            new_q,
            new_lang,
            score[source] + step,
            total[source] + step,
            source + base,
            len(self.start) + self.node0[lat[source]] + level,
            cls,
        )
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
        columns = [np.concatenate(c) if c else np.zeros(0, np.int64) for c in zip(*self.arcs)] or [
            np.zeros(0, np.int64)
        ] * 5
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
        real = (self.edge < len(self.start)) & (self.cls >= 0)
        self.posterior = np.bincount(
            self.edge[real] * N + self.cls[real], weights=flow[real], minlength=len(self.start) * N
        ).reshape(-1, N)
        self.mass, self.onward = mass, flow / np.maximum(mass[self.source], 1e-300)
        key = (
            self.edge * (N + 2) + self.cls + 1
        )  # what an arc reads: arcs that differ only in state fall together
        self.by_key = np.argsort(key, kind="stable")
        self.key = key[self.by_key]
        self.by_source = self.sources = (
            None  # arcs by the state they leave, sorted when first asked for
        )

    def path(self, i: int) -> list[int]:
        "The arcs of the best reading of lattice i, from left to right."
        out, state = [], self.last[i]
        while (arc := int(self.back[state])) >= 0:
            out.append(arc)
            state = int(self.source[arc])
        return out[::-1]

    def readings(
        self,
        before: int | None,  # the arc of the word space before the word; None: the line begins
        i: int,  # lattice
        n: int,  # how many texts
        patience: int,  # partial readings to look at before it stops with what it has
    ) -> list[
        tuple[tuple[int, ...], float]
    ]:  # classes of the word and their probability, most probable first
        "The most probable readings of one word, by extending the most probable partial one (best first)."
        if self.by_source is None:
            self.by_source = np.argsort(self.source, kind="stable")
            self.sources = self.source[self.by_source]
        if before is None:
            k = len(self.starts.state)
            states, mass = np.arange(i * k, i * k + k), self.mass[i * k : i * k + k]
        else:
            some = self.by_key[
                slice(
                    *(
                        self.key.searchsorted(self.edge[before] * (N + 2) + BLANK + 1, side)
                        for side in ("left", "right")
                    )
                )
            ]
            states, mass = _summed(
                self.target[some], self.mass[self.source[some]] * self.onward[some]
            )
        count = itertools.count()  # settles ties, so that arrays are never compared
        heap = [(-mass.sum(), next(count), (), states, mass)]
        found: dict[tuple, float] = {}
        while heap and patience and (len(found) < n or -heap[0][0] > 0.1 * min(found.values())):
            chance, _, text, states, mass = heapq.heappop(heap)
            patience -= 1
            if states is None:
                found[text] = found.get(text, 0.0) - chance
                continue
            low, high = (
                self.sources.searchsorted(states),
                self.sources.searchsorted(states, "right"),
            )
            ended = float(mass[low == high].sum())  # at the line's end there is no way on
            if ended:
                heapq.heappush(heap, (-ended, next(count), text, None, None))
            own, nth = _spread(high - low, low)
            arcs = self.by_source[nth]
            flow = mass[own] * self.onward[arcs]
            key = self.edge[arcs] * (N + 2) + self.cls[arcs] + 1
            order = key.argsort(kind="stable")
            bounds = [*_heads(key[order]), len(order)]
            for a, b in zip(bounds[:-1], bounds[1:]):
                some = order[a:b]
                total, read = float(flow[some].sum()), int(self.cls[arcs[some[0]]])
                if total < 1e-4:
                    continue
                if read == BLANK:
                    heapq.heappush(heap, (-total, next(count), text, None, None))
                else:
                    longer = text if read < 0 else (*text, read)
                    heapq.heappush(
                        heap,
                        (
                            -total,
                            next(count),
                            longer,
                            *_summed(self.target[arcs[some]], flow[some]),
                        ),
                    )
        return sorted(found.items(), key=lambda item: -item[1])[:n]

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
