# %% [markdown]
# # Where would one cut?
# > Letters that touch are one piece of ink. Cut wherever a cut may be, and choose later.

# %% [markdown]
# Where does one letter end and the next begin, when both share their ink? No rule answers this from the ink alone. So we propose many cuts, and two networks that know characters choose among them.
# At the end you can cut a line of touching letters into parts and put the parts together in every sensible way. You can also show each proposal to a network as a person would look at it.

# %%
#| default_exp layout.cuts

# %%
#| export
from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from customocr.layout.lines import SOLID, Candidate, Piece, TextLine, union

# %%
#| code-fold: true
#| code-summary: "Imports, and pages cut into pieces"
import matplotlib.pyplot as plt
import pandas as pd

from customocr.boxes import KINDS, kind_of, label_page
from customocr.decoding import Knowledge, decode_lines
from customocr.glyphs import CLASSES
from customocr.layout.ink import components, ink_mask, ink_strength
from customocr.layout.lines import group_lines, join_parts, line_pieces, single
from customocr.layout.sheet import analyse
from customocr.pictures import hands, outlined, show, worth, write
from customocr.writing.compose import box_scores
from customocr.writing.papers import Paper


def components_of(page, height):
    "Strength, labels and components of a page whose letters are this high."
    strength = ink_strength(page.image, height)
    return strength, *components(ink_mask(strength, height))


def with_paths(page, paths, left=0, top=0):
    "The page with cuts drawn in red; a cut has a column for each row below `top`."
    view = cv2.cvtColor(page.image, cv2.COLOR_GRAY2BGR)
    for path in paths:
        points = np.stack([path + left, np.arange(len(path)) + top], 1).astype(np.int32)
        cv2.polylines(view, [points.reshape(-1, 1, 2)], False, (0, 0, 230), 1, cv2.LINE_AA)
    return view


# %% [markdown]
# ## Letters that touch
# In this line most letters touch the next one. Each box is one component of the ink.

# %%
#| code-fold: true
#| code-summary: "A line whose letters touch, and its components"
#| label: fig-cuts-touching
#| fig-cap: "Ten letters, six boxes: find the boxes that hold more than one letter."
#| fig-alt: "A line of touching letters; its components are groups of letters."
touching = write(["SAVE 177 NOW"], touching=1.0)
strength, labels, stats = components_of(touching, 44)
pieces = line_pieces(strength, labels, stats, np.arange(len(stats)))
alone = box_scores(stats[:, :4], touching.all_boxes)[1]
print(f"{len(pieces)} components; {alone:.0%} of the characters are one of them")
show(outlined(touching.image, stats[:, :4]))

# %% [markdown]
# *Needs*: half a minute and no data.
#
# *Terms*: [lattice](glossary.html#lattice), [connected component](glossary.html#connected-component), [glyph](glossary.html#glyph).

# %% [markdown]
# One might cut where least ink is crossed. But the cheapest cut often goes through the middle of an N or U. So we do not decide. We cut wherever a cut *may* be, and offer every run of neighbouring parts as a candidate. The field calls this *over-segmentation*.
#
# ## Seams
# A *seam* is a path from the top of a line to its bottom. It goes down one row at a time and may step one column aside, at a price. We want the seams that cross least ink. The idea comes from seam carving, which shrinks pictures (Avidan and Shamir, 2007).
#
# One pass from top to bottom finds, for every column, the cheapest seam that ends there. For each pixel it takes the cheapest of the three pixels above and notes which one it was, so that the seam can be traced back.

# %%
#| export
SIDESTEP = 0.08  # cost of one step to the side, in pixels of full ink; exercise 1 tries others


def seams(
    ink: np.ndarray,  # uint8 (h, w), a line's ink
) -> tuple[np.ndarray, np.ndarray]:  # float32 (w,) ink crossed by the best; int8 (h, w) steps back
    """Cheapest ways from the top to each column of the last row, as in seam carving (Avidan and
    Shamir 2007)."""
    cost = ink.astype(np.float32) / 255
    total, steps = cost[0].copy(), np.zeros(ink.shape, np.int8)
    left, right = np.full_like(total, 1e9), np.full_like(total, 1e9)
    for row in range(1, len(ink)):
        left[1:], right[:-1] = total[:-1] + SIDESTEP, total[1:] + SIDESTEP
        best = np.minimum(np.minimum(left, right), total)
        steps[row] = (right == best).astype(np.int8) - (left == best)
        steps[row][total == best] = 0
        total = best + cost[row]
    return total, steps


def trace(
    steps: np.ndarray,  # int8 (h, w), from `seams`
    columns: np.ndarray,  # int (n,), in which the seams end
) -> np.ndarray:  # int (n, h), the column of each seam in each row
    "The seams that end in the given columns."
    path = np.empty((len(columns), len(steps)), int)
    path[:, -1] = columns
    for row in range(len(steps) - 1, 0, -1):
        path[:, row - 1] = path[:, row] + steps[row, path[:, row]]
    return path


# %% [markdown]
# Nearly every column ends a seam of its own. We keep those that are cheaper than their neighbours and cross no more than about three strokes of the pen, the cheapest first, not too close together.

# %%
#| export
# In letter heights, where nothing else is said
MARGIN = 0.12  # from the ends of a piece: no cut
APART = 0.15  # between two cuts: half an I
CROSSED = 3.2, 4.0  # strokes, and pixels more, that a cut may cross
CUTS = 2, 2.5  # cuts of a piece at most: 2, and 2.5 for each letter height of its width


def cut_columns(
    total: np.ndarray,  # float32 (w,), from `seams`, of one piece
    stroke: float,  # pixels, width of the pen
    letter: float,  # pixels, height of a character
) -> list[int]:  # from left to right
    """Columns where a seam crosses little ink: local minima, not too close together, the cheapest
    ones first chosen."""
    edge = max(1, int(MARGIN * letter))
    inner = np.arange(edge, len(total) - edge)
    if not len(inner):
        return []
    low = (total[inner] <= total[inner - 1]) & (total[inner] <= total[inner + 1])
    cheap = inner[low & (total[inner] <= CROSSED[0] * stroke + CROSSED[1])]
    chosen: list[int] = []
    for c in cheap[np.argsort(total[cheap], kind="stable")]:
        if all(abs(c - q) >= APART * letter for q in chosen):
            chosen.append(int(c))
        if len(chosen) >= CUTS[0] + CUTS[1] * len(total) / letter:
            break
    return sorted(chosen)


# %%
#| label: fig-cuts-seams
#| fig-cap: "Look for the seams that go through a letter. A cut there would be wrong, so no seam is a decision yet."
#| fig-alt: "The touching letters with thin seams at all places where little ink is crossed: between letters and through some."
whole = union(pieces)
total, steps = seams(whole.ink)
columns = [
    p.x - whole.x + c
    for p in pieces
    for c in cut_columns(total[p.x - whole.x : p.right - whole.x], 0.16 * 44, 44)
]
show(with_paths(touching, trace(steps, np.array(columns)), whole.x, whole.y), 1.5)

# %% [markdown]
# ## Notches
# Seams fail where two round strokes became one. When `60` is written in a hurry, the 6 and the 0 share a stretch of ink as tall as a third of a letter. The way down through the hollow of the zero is cheaper, so no seam ends between the two.
#
# The outline still tells: it has a dent from above and a dent from below. We call them *notches*. We look at the depth of the topmost ink in each column, and of the lowest. A notch is a place where this profile is deeper than on both sides. The cut goes straight from an upper notch to the lower one next to it.

# %%
#| export
NOTCH = 0.1  # letter heights: how much deeper a notch is than the ink on both sides of it
OPPOSITE = 0.4  # letter heights, across, between an upper notch and the lower one it is joined to


def _dents(profile: Sequence[int], least: float) -> list[tuple[float, int]]:
    "Middles and depths of the places where a profile is deeper than on both sides."
    out: list[tuple[float, int]] = []
    falling, low, deepest, first, last = False, profile[0], profile[0], 0, 0
    for i, depth in enumerate(profile):
        if falling:
            if depth > deepest:
                deepest, first, last = depth, i, i
            elif depth == deepest and last == i - 1:
                last = i
            elif depth <= deepest - least:
                out.append(((first + last) / 2, deepest))
                falling, low = False, depth
        elif depth >= low + least:
            falling, deepest, first, last = True, depth, i, i
        else:
            low = min(low, depth)
    return out


def notches(
    ink: np.ndarray,  # uint8 (h, w), one piece
    letter: float,  # pixels
) -> list[np.ndarray]:  # float (h,), the column at which the cut crosses each row
    """Straight cuts from a notch above to the nearest one below, or straight through where there is
    none."""
    solid = ink > SOLID
    height, inked = len(solid), solid.any(0)
    depths = (np.where(inked, half.argmax(0), height).tolist() for half in (solid, solid[::-1]))
    upper, lower = (_dents(profile, NOTCH * letter) for profile in depths)
    out, met = [], set()
    for x, depth in upper:
        other = min(lower, key=lambda dent: abs(dent[0] - x), default=None)
        if other and abs(other[0] - x) <= OPPOSITE * letter:
            met.add(other)
            ends = depth, max(depth, height - 1 - other[1])
            out.append(np.interp(np.arange(height), ends, (x, other[0])))
        else:
            out.append(np.full(height, x))
    return out + [np.full(height, x) for x, depth in lower if (x, depth) not in met]


# %%
#| label: fig-cuts-notches
#| fig-cap: "Zeros that share their strokes are cut from notch to notch."
#| fig-alt: "The number 6008, its digits grown together; red lines stand where the outline is dented from above and below: between the digits."
tied = write(["6008"], seed=3, touching=1.0, letter_gap=0.0)
found = notches(ink_strength(tied.image, 44), 44)
assert len(found) >= 2
show(with_paths(tied, found), 1.5)

# %% [markdown]
# `cut_piece` makes both kinds of cuts. A notch's cut is left out where a seam goes the same way. A sliver of ink that comes off at a cut stays with its neighbour.

# %%
#| export
SAME_WAY = 0.1  # letter heights, mean distance up to which a notch's cut goes the way of a seam
SLIVER = 0.006  # letter heights squared: ink that is too little to be a part


def _stroke(ink: np.ndarray) -> float:
    "The width of the pen in pixels: the ink's area over half of its outline."
    solid = (ink > SOLID).astype(np.uint8)
    rim = int(solid.sum() - cv2.erode(solid, np.ones((3, 3), np.uint8)).sum())
    return float(2 * solid.sum() / max(1, rim))


def _slices(ink: np.ndarray, paths: np.ndarray, letter: float) -> list[np.ndarray]:
    "The ink between neighbouring cuts, left to right; a sliver stays with its neighbour."
    side = (np.arange(ink.shape[1])[None, None] > paths[:, :, None]).sum(0)
    out: list[np.ndarray] = []
    for n in range(len(paths) + 1):
        cut = np.where(side == n, ink, 0).astype(np.uint8)
        if out and min((cut > SOLID).sum(), (out[-1] > SOLID).sum()) < SLIVER * letter**2:
            out[-1] = np.maximum(out[-1], cut)
        else:
            out.append(cut)
    return out


def _cropped(ink: np.ndarray, x: int, y: int) -> Piece | None:
    """A patch of ink whose upper left is at (x, y), without empty rows and columns around it; None
    where it is empty."""
    ys, xs = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(xs):
        return None
    return Piece(int(x + xs[0]), int(y + ys[0]), ink[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1])


def cut_piece(
    piece: Piece,
    total: np.ndarray,  # float32 (w,), from `seams` of its line
    steps: np.ndarray,  # int8 (h, w), likewise
    origin: tuple[int, int],  # x, y of the line's upper left
    letter: float,  # pixels
    more: Sequence[float] | np.ndarray = (),  # page columns of further cuts, straight down
) -> list[Piece]:  # left to right
    """A piece cut where a seam crosses little ink, at its notches and where told; itself where
    there is none."""
    x, y = piece.x - origin[0], piece.y - origin[1]
    height, width = piece.ink.shape
    columns = cut_columns(total[x : x + width], _stroke(piece.ink), letter)
    paths = trace(steps, np.array(columns, int) + x)[:, y : y + height] - x
    new = lambda cut: not len(paths) or np.abs(paths - cut).mean(1).min() > SAME_WAY * letter
    edge = MARGIN * letter
    told = [np.full(height, c - piece.x) for c in more if edge < c - piece.x < width - edge]
    own = [cut for cut in [*notches(piece.ink, letter), *told] if new(cut)]
    paths = np.concatenate([paths, own]) if own else paths
    if not len(paths):
        return [piece]
    cropped = (_cropped(ink, piece.x, piece.y) for ink in _slices(piece.ink, paths, letter))
    return [part for part in cropped if part is not None]


# %%
origin = whole.x, whole.y
cut_up = [part for p in pieces for part in cut_piece(p, total, steps, origin, 44)]
assert len(cut_up) > len(touching.all_boxes)
f"{len(pieces)} components, {len(cut_up)} parts, {len(touching.all_boxes)} characters"

# %% [markdown]
# There are more parts than characters, as intended.
#
# ## Candidates
# `propose` cuts the pieces of a line and offers every run of up to six neighbouring parts, if it is no wider than a wide character and has no wide gap inside. A piece that is surely one character is neither cut nor joined.

# %%
#| export
MOST_PIECES = 6  # that one character may be made of
# In letter heights
WORTH_A_CUT = (0.5, 0.3)  # width and height from which a piece may hold two characters
WIDE_GAP = 0.3  # white inside a character at most
WIDEST = 1.75  # width of a character at most


def _parts(
    line: TextLine, sure: np.ndarray, more: Sequence[float] | np.ndarray
) -> list[tuple[Piece, bool]]:
    "All pieces of a line, cut where they may hold two characters; with whether each is sure."
    out, seam = [], None
    for p, certain in zip(line.pieces, sure):
        h, w = p.ink.shape
        wide = w > WORTH_A_CUT[0] * line.letter and h > WORTH_A_CUT[1] * line.letter
        if certain or not wide:
            out.append((p, bool(certain)))
            continue
        if seam is None:
            whole = union(line.pieces)
            seam = *seams(whole.ink), (whole.x, whole.y)
        out += [(part, False) for part in cut_piece(p, *seam, line.letter, more)]
    return sorted(out, key=lambda part: part[0].x + part[0].right)


def _runs(parts: list[tuple[Piece, bool]], letter: float) -> list[tuple[int, int]]:
    "First part and part after the last of every run that may be one character."
    out = []
    for i, (first, certain) in enumerate(parts):
        left, right = first.x, first.right
        for j in range(i, i + 1 if certain else min(len(parts), i + MOST_PIECES)):
            p, fixed = parts[j]
            wide = max(right, p.right) - min(left, p.x) > WIDEST * letter
            if j > i and (fixed or wide or p.x - right > WIDE_GAP * letter):
                break
            left, right = min(left, p.x), max(right, p.right)
            out.append((i, j + 1))
    return out


def propose(
    line: TextLine,  # not cut yet
    sure: np.ndarray,  # bool (pieces,), those that are one whole character for certain
    more: Sequence[float] | np.ndarray = (),  # page columns of further cuts
) -> TextLine:  # with cut pieces, and all runs of neighbours that may be a character
    "Cut what may hold two characters, and propose every run of parts that may be one."
    parts = _parts(line, sure, more)
    pieces = [p for p, _ in parts]
    runs = _runs(parts, line.letter)
    candidates = tuple(Candidate(i, j, union(pieces[i:j])) for i, j in runs)
    return TextLine(line.letter, tuple(pieces), candidates)


# %% [markdown]
# Below, the first row shows the parts. The rows under it show what each part makes with one, two and three right neighbours. Somewhere among them is every letter.

# %%
#| label: fig-cuts-candidates
#| fig-cap: "Parts in the first row; below, what each makes with its right neighbours."
#| fig-alt: "The first parts of the line and all candidates that begin with each of them, a row for each number of parts."
def tile(piece, height=60, width=76):
    "A piece in black on white in a grey frame, on a field of fixed size."
    small = cv2.resize(255 - piece.ink, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    small = cv2.copyMakeBorder(small, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=170)[:height, :width]
    missing = (0, height - small.shape[0]), (0, width - small.shape[1])
    return np.pad(small, missing, constant_values=255)


proposed = propose(single(44, pieces), np.zeros(len(pieces), bool))
by_run = {(c.start, c.end - c.start): tile(c.piece) for c in proposed.candidates}
empty = np.full((60, 76), 255, np.uint8)
print(f"{len(proposed.pieces)} parts, {len(proposed.candidates)} candidates")
show(np.vstack([np.hstack([by_run.get((s, n), empty) for s in range(9)]) for n in range(1, 5)]))


# %% [markdown]
# Is every character among the candidates? A composed page knows who owns each pixel, so we can count. A character is *reachable* if one candidate holds at least 80 % of its ink and little else. The table shows the share of reachable characters, on pages whose letters touch more or less often.

# %%
#| code-fold: true
#| code-summary: "Reachable characters on twenty pages"
def reachable(page, candidates):
    "Share of a page's characters that are one of the candidates."
    sizes = np.bincount(page.labels[page.labels >= 0], minlength=len(page.characters))
    kinds = [kind_of(c.piece, page.labels, page.other, sizes) for c in candidates]
    return len({k for kind, k in kinds if kind == 0}) / len(page.characters)


def uncut_lines(page, height=40):
    "The lines of a page, their pieces joined but not cut."
    strength, labels, stats = components_of(page, height)
    groups = group_lines(stats, height)[0]
    pieces = (line_pieces(strength, labels, stats, group) for group in groups)
    return [single(height, join_parts(p, height)) for p in pieces]


def all_cut(lines):
    "All lines proposed, nothing sure."
    return [propose(line, np.zeros(len(line.pieces), bool)) for line in lines]


every, counts = lambda lines: [c for line in lines for c in line.candidates], []
for share in (0.0, 0.3, 0.7, 1.0):
    for k in range(5):
        text, hand = ["SAVE 177 NOW", "TAKE ME OUT"], list(hands())[k]
        page = write(text, Paper(texture=1), k, hand, 40, touching=share)
        lines = uncut_lines(page)
        cut = all_cut(lines)
        kept, notches = notches, lambda ink, letter: []
        seams_alone = every(all_cut(lines))
        notches = kept
        parts = [Candidate(0, 1, p) for line in cut for p in line.pieces]
        sets = every(lines), parts, seams_alone, every(cut)
        counts.append((share, *(reachable(page, candidates) for candidates in sets)))
columns = ["share that touches", "components", "every cut made", "seams alone", "candidates"]
reached = pd.DataFrame(counts, columns=columns).groupby(columns[0]).mean()
others = reached[["components", "every cut made"]].max(axis=1)
assert (reached["candidates"] >= others).all() and reached["candidates"].loc[0.3] > 0.85

# %%
reached.round(3)

# %% [markdown]
# If we make every cut, we break letters that stood alone. If we make none, groups stay together. Candidates have the better of both. Notches add most of what seams do not reach. What stays out of reach has neither a cheap seam nor a notch: letters written over each other.
#
# On real pages, without any cut, without those at notches, and with all cuts but without putting parts together:

# %%
worth("cuts", "notches", "joins")

# %% [markdown]
# ## What the judge sees
# Which candidates are characters? The character network cannot tell: it was only ever shown characters, and half an H looks like an I. Rules on width fail as well, because an I is five times as narrow as a W.
#
# A person looks at the *neighbours* and sees it at once. So a second network, the *judge*, gets to see the neighbours too. Its picture has two channels: the candidate's own ink, and all ink of the line around it. Both are shown at the size of the characters next to it and on their level.

# %%
#| export
WINDOW = (40, 64)  # pixels, height and width of the picture in which a candidate is judged
WINDOW_LETTER = 24.0  # pixels, height of the characters around it in the picture
NEIGHBOURHOOD = 3.0  # letter heights to each side: whose height and level count
SIZES = (0.7, 1.7)  # of the line's letter height: the neighbours' height is taken to be within


def _middle(values: np.ndarray) -> float:
    "The median, several times faster for a handful of values than NumPy's."
    values = np.sort(values)
    return float(values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def _placed(piece: Piece, f: float, cx: float, cy: float) -> np.ndarray:
    "A piece's ink enlarged f times in a window whose middle is (cx, cy)."
    height, width = WINDOW
    shift = width / 2 - f * (cx - piece.x), height / 2 - f * (cy - piece.y)
    matrix = np.array([[f, 0, shift[0]], [0, f, shift[1]]], np.float32)
    return cv2.warpAffine(piece.ink, matrix, (width, height))


def windows(
    line: TextLine,
    chosen: np.ndarray | None = None,  # bool (candidates,), those to look at; None: all
) -> np.ndarray:  # uint8 (E, 40, 64, 2): the line's ink around each candidate, the candidate's own
    """What a box looks like among its neighbours: the candidate in the middle, at their height and
    on their level."""
    context, letter = union(line.pieces), line.letter
    middle = np.array([p.x + p.ink.shape[1] / 2 for p in line.pieces])
    centre = np.array([p.y + p.ink.shape[0] / 2 for p in line.pieces])
    heights = np.array([p.ink.shape[0] for p in line.pieces])
    look = [c.piece for k, c in enumerate(line.candidates) if chosen is None or chosen[k]]
    out = np.zeros((len(look), *WINDOW, 2), np.uint8)
    for k, p in enumerate(look):
        cx = p.x + p.ink.shape[1] / 2
        near = (heights >= 0.5 * letter) & (np.abs(middle - cx) < NEIGHBOURHOOD * letter)
        cy, tall = p.y + p.ink.shape[0] / 2, letter
        if near.any():
            cy, tall = _middle(centre[near]), _middle(heights[near])
        f = WINDOW_LETTER / min(max(tall, SIZES[0] * letter), SIZES[1] * letter)
        out[k, :, :, 0], out[k, :, :, 1] = _placed(context, f, cx, cy), _placed(p, f, cx, cy)
    return out


# %%
#| label: fig-cuts-windows
#| fig-cap: "What the judge sees: a candidate (orange) among its neighbours (grey)."
#| fig-alt: "Windows of twelve candidates: the line's ink in grey, the candidate's own in orange; some are whole letters, some halves, some two letters."
def coloured(view):
    "A window as a picture: the candidate in orange on the line's grey ink."
    own, context = view[..., 1:] > 60, 255 - view[..., :1] // 2
    picture = cv2.resize(np.where(own, np.uint8([0, 110, 220]), context), None, fx=1.8, fy=1.8)
    return cv2.copyMakeBorder(picture, 2, 2, 2, 2, cv2.BORDER_CONSTANT, value=(170,) * 3)


views = windows(proposed)
some = [coloured(views[k]) for k in np.linspace(0, len(views) - 1, 12).astype(int)]
show(np.vstack([np.hstack(some[:6]), np.hstack(some[6:])]))

# %% [markdown]
# The judge gives one of three answers: *one whole character*, *not one* (a part, or two together), *no character at all* (a comma, a rest of a rule, a speck). [The judge of boxes](13_boxes.ipynb) shows how it learns them. Nobody has to write labels, because a composed page knows whose ink a candidate holds:

# %%
page = write(["SAVE 177 NOW", "A-B, C."], Paper(texture=1), 2, touching=0.5)
labelled = label_page(page, analyse(page.image))
counts = np.bincount(labelled.kinds, minlength=3)
assert counts.min() > 0
pd.Series(dict(zip(KINDS, counts)), name="candidates").to_frame().T

# %% [markdown]
# Without the judge, every candidate counts as a character as much as any other:

# %%
worth("judge")

# %% [markdown]
# ## The lattice
# The judge's answers are not decisions yet. They become scores in a [lattice](glossary.html#lattice). Its nodes are the cuts of a line. Its edges are the candidates, each from its left cut to its right one. A path from the first node to the last is one reading of the line.
#
# Each edge has two things: the judge's score, and the character network's probabilities of the 36 classes. The best path is found from left to right: the best way to a node does not depend on how one goes on from it ([Decoding](15_decoding.ipynb)). The picture shows all edges as arcs. The chosen path is green, and each of its arcs has the network's best class: six components became ten characters. The network takes the W for an N. The decoder reads `NOW` all the same, because it knows which letters follow one another.

# %%
#| code-fold: true
#| code-summary: "Both networks asked about every candidate, and the arcs drawn"
from customocr.recognition import Reader, line_lattice

reader = Reader()
judged = line_lattice(proposed, *reader.ask(proposed))
(decoded,) = decode_lines([judged.lattice], Knowledge())


def arcs(judged, decoded):
    "Edges as arcs above the ink, the chosen ones green."
    ink = union(judged.line.pieces)
    _, ax = plt.subplots(figsize=(7.6, 2.4), layout="constrained")
    extent = (ink.x, ink.right, -ink.ink.shape[0], 0)
    ax.imshow(255 - ink.ink, cmap="gray", extent=extent, aspect="equal")
    t = np.linspace(0, np.pi, 20)
    for e, k in enumerate(judged.kept):
        piece, chosen = judged.line.candidates[k].piece, e in decoded.edges
        middle, half = (piece.x + piece.right) / 2, (piece.right - piece.x) / 2
        look = {"color": "#d9822b", "lw": 0.5, "alpha": float(0.25 + 0.7 * judged.whole[e])}
        if chosen:
            look = {"color": "#1b7f79", "lw": 2}
            what = judged.lattice.logp[e].argmax()
            ax.text(middle, 9 + 1.1 * half, CLASSES[what], ha="center", fontsize=9, color="#1b7f79")
        ax.plot(middle - half * np.cos(t), 6 + 1.1 * half * np.sin(t), **look)
    ax.axis("off")


# %%
#| label: fig-cuts-lattice
#| fig-cap: "Many arcs end at each cut: so many ways there are to read this ink. Green is the way that was chosen."
#| fig-alt: "The line's lattice: edges as arcs above the ink, the chosen path in green with its classes."
print(f"{judged.lattice.n_nodes} nodes, {len(judged.kept)} edges, read as {decoded.text!r}")
assert len(decoded.edges) >= 8
arcs(judged, decoded)

# %% [markdown]
# ## Recap
# - Cut wherever a cut may be: at cheap seams and at notches.
# - Offer every run of neighbouring parts as a candidate.
# - The judge looks at a candidate among its neighbours. The lattice holds all readings.
#
# ## Exercises
# **1.** `SIDESTEP` is the price of a step to the side. Set it to 0 and to 10 and draw the seams of the touching line. What does each do to an A beside a V?
#
# <details><summary>Solution</summary>
#
# ```python
# for SIDESTEP in (0, 10, 0.08):
#     _, steps = seams(whole.ink)
#     paths = trace(steps, np.arange(10, whole.ink.shape[1], 12))
#     display(show(with_paths(touching, paths, whole.x, whole.y)))
# ```
# At 0 seams wander far along the white and many end in the same gap. At 10 they are straight columns, which cannot pass between a leaning A and V without crossing ink.
#
# </details>
#
# **2.** Which candidates would *you* take? Show the glyphs that are labelled "not one character" and find some that look like one.
#
# <details><summary>Solution</summary>
#
# ```python
# parts = labelled.glyphs[labelled.kinds == 1]
# show(np.hstack(parts[:14]), 2)
# ```
# The stem of an E is a fine I, and the right half of a W a V. Only the neighbours tell, which is why the judge sees them.
#
# </details>
#
# **3.** How much is the judge worth on this line? Give `line_lattice` the same answer of the judge for every candidate and decode again.
#
# <details><summary>Solution</summary>
#
# ```python
# _, classes = reader.ask(proposed)
# same = np.log(np.tile([0.5, 0.4, 0.1], (len(proposed.candidates), 1)))
# decode_lines([line_lattice(proposed, same, classes).lattice], Knowledge())[0].text
# ```
# Without the judge, a cut through a letter wins whenever the classifier takes the halves for characters.
#
# </details>
#
# **4.** Build a third kind of cut: a vertical one in the middle of every piece that is wider than a letter is high. Does the table of reachable characters gain? What do the extra candidates cost?
#
# ## What the next notebook builds on
# `windows` shows a candidate as a person would look at it. [The judge of boxes](13_boxes.ipynb) learns from such pictures which candidates are characters.
