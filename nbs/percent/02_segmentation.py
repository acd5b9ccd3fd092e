# ---
# jupyter:
#   kernelspec:
#     display_name: python3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Segmentation
# > From a photo to lines of boxes.

# %%
#| default_exp segmentation

# %%
#| export
from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from customocr.glyphs import normalise_glyph

# %%
#| export
LETTER = 32.0  # pixels: the page is brought to a size at which a typical character is this high; all later limits are shares of it
FIRST_SIDE = 1000  # pixels, longest side at which the character height is first looked for
MOST_PIXELS = 4_000_000  # of the page that is worked on, so that time and memory stay bounded
MOST_COMPONENTS = 1500  # per page that are looked at one by one

# %%
#| export
def polarity(
    grey: np.ndarray,  # uint8 (h, w)
) -> float:  # -1..1, over 0: dark ink on lighter paper
    """Which of dark and light is the ink: the one that comes in the thinner strokes.

    At each of five sizes a closing finds the dark details narrower than the kernel, an opening the light ones; ink
    shows first, the paper between the strokes only at larger kernels. Where the two balance, a light page is paper.
    """
    f = min(1.0, 500 / max(grey.shape))
    small = cv2.resize(grey, None, fx=f, fy=f, interpolation=cv2.INTER_AREA) if f < 1 else grey
    small = cv2.GaussianBlur(small, (3, 3), 0.6)
    votes = [0.0]
    for k in (3, 5, 9, 15, 25):
        if k > 0.5 * min(small.shape):
            break
        kernel, padded = np.ones((k, k), np.uint8), cv2.copyMakeBorder(small, k, k, k, k, cv2.BORDER_REPLICATE)
        dark = np.square(cv2.morphologyEx(padded, cv2.MORPH_BLACKHAT, kernel)[k:-k, k:-k], dtype=np.float32).mean()
        light = np.square(cv2.morphologyEx(padded, cv2.MORPH_TOPHAT, kernel)[k:-k, k:-k], dtype=np.float32).mean()
        votes.append(float((dark - light) / (dark + light + 1e-3)))
    return float(np.mean(votes[1:] or votes)) + 0.2 * (float(np.median(small)) / 255 - 0.45)

# %%
#| export
def ink_strength(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
    stroke: float,  # pixels, more than the widest stroke of the pen
) -> np.ndarray:  # uint8 (h, w), 0 paper .. 255 black
    """How much darker each pixel is than the paper around it, as a share of the paper's brightness.

    A closing wider than the pen wipes the writing off and leaves paper, shadow and table; dividing by it makes ink in
    the shade as strong as ink in the light.
    """
    k = int(stroke) | 1
    smooth = cv2.GaussianBlur(grey, (3, 3), 0.8)
    padded = cv2.copyMakeBorder(smooth, k, k, k, k, cv2.BORDER_REPLICATE)
    paper = cv2.morphologyEx(padded, cv2.MORPH_CLOSE, np.ones((k, k), np.uint8))
    paper = cv2.blur(paper, (k // 2 | 1, k // 2 | 1))[k:-k, k:-k]
    return cv2.divide(cv2.subtract(paper, smooth), cv2.add(paper, 32), scale=255)  # + 32 grey levels: black regions stay quiet

# %%
#| export
def ink_mask(
    strength: np.ndarray,  # uint8 (h, w), from `ink_strength`
    letter: float,  # pixels, height of a character
) -> np.ndarray:  # uint8 (h, w), 1 ink, 0 paper
    """Ink is what is half as strong as the strongest ink nearby, or a weak ridge: stronger than its own surroundings.

    The ridges keep faint parts of a stroke that a threshold alone would break. Components without a pixel that is
    surely ink are left out.
    """
    k = int(2 * letter) | 1
    noise = float(np.median(strength[::2, ::2]))  # of the paper
    floor = int(max(6, 3 * noise))
    local = cv2.blur(cv2.dilate(strength, np.ones((k, k), np.uint8)), (k, k))
    share = lambda part, least: cv2.compare(strength, cv2.max(cv2.multiply(local, part), least), cv2.CMP_GT)
    around = cv2.GaussianBlur(strength, (0, 0), max(1.0, 0.14 * letter))
    ridge = cv2.compare(strength, around, cv2.CMP_GT) & share(0.17, floor)
    mask = ridge | share(0.5, int(1.5 * floor))
    _, labels = cv2.connectedComponents(mask, connectivity=8, ltype=cv2.CV_32S)
    sure = np.zeros(labels.max() + 1, np.uint8)
    sure[labels[share(0.4, 2 * floor) > 0]] = 1
    sure[0] = 0
    return sure[labels]

# %%
#| export
def components(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
) -> tuple[np.ndarray, np.ndarray]:  # labels int32 (h, w), 0 paper, and stats int (N, 5): x, y, w, h, ink pixels of label i + 1
    "Connected pieces of ink (8 neighbours): what the tutorial's external contours are, with their pixels."
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return labels, stats[1:].astype(int)


def letter_height(
    stats: np.ndarray,  # int (N, 5), from `components`
    shape: tuple[int, int],  # of the mask
    ignore: np.ndarray | None = None,  # bool (N,), components that are no characters: frames
) -> float | None:  # pixels; None where nothing looks like a character
    "The typical character's height: the peak of the components' heights on a log scale, each weighted by its ink."
    if not len(stats):
        return None
    x, y, w, h, ink = stats.T.astype(float)
    ok = (h >= 5) & (w < 6 * h) & (h < 12 * w) & (ink >= 0.04 * w * h) & (ink >= 8)
    edge = (x <= 0) | (y <= 0) | (x + w >= shape[1]) | (y + h >= shape[0])
    ok &= ~(edge & (h > 0.9 * shape[0]) & (shape[0] > 40))
    ok &= ~((w > 0.6 * shape[1]) & (ink < 0.25 * w * h) & (w > 60))
    if ignore is not None and (ok & ~ignore).any():
        ok &= ~ignore
    if not ok.any():
        return None
    logs, weight = np.log(h[ok]), np.sqrt(ink[ok]) * np.where(edge[ok], 0.5, 1)
    best = np.argsort(-weight)[:MOST_COMPONENTS]
    logs, weight = logs[best], weight[best]
    near = np.exp(-0.5 * ((logs[:, None] - logs) / 0.22) ** 2) * weight  # heights within about a fifth support each other
    return float(np.exp(np.average(logs, weights=near[near.sum(1).argmax()])))

# %%
#| export
def _is_rectangle(part: np.ndarray) -> bool:
    "Whether ink runs along nearly all of each side of the component's box."
    h, w = part.shape
    side = max(2, int(0.16 * min(w, h)), int(0.03 * max(w, h)))
    bx, by = max(1, min(side, w // 3)), max(1, min(side, h // 3))
    rows = part[:, :bx].any(1) & part[:, -bx:].any(1)
    columns = part[:by].any(0) & part[-by:].any(0)
    return rows.mean() > 0.9 and columns.mean() > 0.9


def frames(
    labels: np.ndarray,  # int32 (h, w)
    stats: np.ndarray,  # int (N, 5)
    least: float,  # pixels, smallest side of a frame
) -> np.ndarray:  # bool (N,)
    "Which components are printed boxes: rectangles that hold other ink, or are like one that does."
    out = np.zeros(len(stats), bool)
    if not len(stats):
        return out
    x, y, w, h, ink = stats.T
    area, cx, cy = w * h, x + w / 2, y + h / 2
    hollow = (w >= least) & (h >= least) & (ink < 0.5 * area)
    rectangle = np.zeros(len(stats), bool)
    for i in np.flatnonzero(hollow)[:MOST_COMPONENTS]:
        rectangle[i] = _is_rectangle(labels[y[i] : y[i] + h[i], x[i] : x[i] + w[i]] == i + 1)
    for i in np.flatnonzero(hollow & (rectangle | (area >= 16 * np.median(area)))):
        least_height, ratio = (0.2, 1.5) if rectangle[i] else (0.1, 6)
        inside = (cx > x[i]) & (cx < x[i] + w[i]) & (cy > y[i]) & (cy < y[i] + h[i]) & (h < 0.95 * h[i])
        inside &= (h > least_height * h[i]) & (ink > 0.01 * ink[i]) & (area * ratio < area[i])
        inside[i] = False
        out[i] = inside.any()
    sure = out & rectangle
    if sure.any():
        close = lambda a: np.abs(np.log(a[:, None] / a[sure])) < 0.12  # within an eighth
        out |= rectangle & (close(h) & close(w)).any(1)
        out |= hollow & ((h[:, None] > 0.88 * h[sure]) & (w[:, None] > 1.6 * w[sure])).any(1)  # cells grown together
    return out

# %%
#| export
SLOPES = (0, -0.025, 0.025, -0.05, 0.05, -0.08, 0.08, -0.12, 0.12)  # of rules that are looked for, dy/dx


def _shear(mask, slope, axis):
    h, w = mask.shape
    matrix = [[1, 0, 0], [-slope, 1, slope * w / 2]] if axis == 0 else [[1, -slope, slope * h / 2], [0, 1, 0]]
    return cv2.warpAffine(mask, np.float32(matrix), (w, h), flags=cv2.INTER_NEAREST)


def straight_runs(
    mask: np.ndarray,  # uint8 (h, w)
    length: float,  # pixels, shortest run
    axis: int,  # 0 across, 1 down
    slopes=SLOPES,  # directions tried
    beyond: float = 0,  # pixels by which a run that leaves the picture counts as longer
) -> np.ndarray:  # uint8 (h, w), the ink in straight runs
    "Openings with a long thin kernel, once for each direction: only straight runs of ink survive."
    length, pad = max(3, int(length)), int(beyond)
    if pad:
        mask = cv2.copyMakeBorder(mask, *((0, 0, pad, pad) if axis == 0 else (pad, pad, 0, 0)), cv2.BORDER_REPLICATE)
    along = (lambda n: np.ones((1, n), np.uint8)) if axis == 0 else (lambda n: np.ones((n, 1), np.uint8))
    out = np.zeros_like(mask)
    if mask.shape[1 - axis] >= length:
        for slope in slopes:
            sheared = _shear(mask, slope, axis) if slope else mask
            closed = cv2.morphologyEx(sheared, cv2.MORPH_CLOSE, along(5))
            run = cv2.morphologyEx(closed, cv2.MORPH_OPEN, along(length), borderType=cv2.BORDER_CONSTANT, borderValue=0)
            if run.any():
                out |= _shear(run, -slope, axis) if slope else run
        out &= cv2.dilate(mask, np.ones((3, 3), np.uint8))
    return out if not pad else out[:, pad:-pad] if axis == 0 else out[pad:-pad]


def _select(mask, keep):
    "The components of a mask for which keep(x, y, w, h, ink, pixels) holds."
    labels, stats = components(mask)
    kept = [False] + [bool(keep(*s, labels[s[1] : s[1] + s[3], s[0] : s[0] + s[2]] == i + 1)) for i, s in enumerate(stats)]
    return np.array(kept, np.uint8)[labels]


def find_rules(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
    labels: np.ndarray,  # int32 (h, w), its components
    stats: np.ndarray,  # int (N, 5)
    letter: float,  # pixels, height of a character
) -> np.ndarray:  # uint8 (h, w), 1 where ink belongs to a rule or frame
    """Straight thin runs of ink that are longer than writing makes them: ruled lines, frames, edges of cells and sheets.

    Across, a run counts from 2.6 character heights on. Down, strokes of 1 and I are long themselves: a run counts from
    2.6 heights, or from 1.5 where it meets a rule or the picture's edge. A small frame is measured by its own sides.
    """
    out = np.zeros_like(mask)
    if not len(stats):
        return out
    x, y, w, h, _ = stats.T
    boxes = frames(labels, stats, 0.7 * letter)
    edge = (x <= 1) | (y <= 1) | (x + w >= mask.shape[1] - 1) | (y + h >= mask.shape[0] - 1)
    big = boxes | (w > 2.6 * letter) | (h > 1.7 * letter) | (edge & ((w > letter) | (h > letter)))
    if not big.any():
        return out
    region = np.s_[y[big].min() : (y + h)[big].max(), x[big].min() : (x + w)[big].max()]
    out[region] = _rules(np.r_[False, big].astype(np.uint8)[labels[region]], labels[region], stats - [x[big].min(), y[big].min(), 0, 0, 0], boxes, letter)
    return out


def _rules(chosen, labels, stats, boxes, letter):
    x, y, w, h, _ = stats.T
    across = straight_runs(chosen, 2.6 * letter, 0, beyond=1.6 * letter)
    down = straight_runs(chosen, 1.5 * letter, 1, SLOPES[:7]) | straight_runs(chosen, 2.6 * letter, 1, SLOPES[:7], 1.6 * letter)
    for i in np.flatnonzero(boxes & ((w < 4.3 * letter) | (h < 2.5 * letter))):
        at = np.s_[y[i] : y[i] + h[i], x[i] : x[i] + w[i]]
        part = (labels[at] == i + 1).astype(np.uint8)
        across[at] |= straight_runs(part, min(2.6 * letter, 0.6 * w[i]), 0, SLOPES[:5])
        down[at] |= straight_runs(part, min(2.6 * letter, 0.7 * h[i]), 1, SLOPES[:5])
    across = _select(across, lambda x, y, w, h, ink, part: ink < 0.45 * letter * w)
    meets = cv2.dilate(across, np.ones((9, 9), np.uint8))
    meets[:3] = meets[-3:] = 1
    meets[:, :2] = meets[:, -2:] = 1
    thin_down = lambda x, y, w, h, ink, part: ink < 0.45 * letter * h and (
        h >= 2.6 * letter or (meets[y : y + h, x : x + w] & part).any()
    )
    return across | _select(down, thin_down)


def remove_rules(
    mask: np.ndarray,  # uint8 (h, w), 1 ink
    rules: np.ndarray,  # uint8 (h, w), from `find_rules`
) -> np.ndarray:  # uint8 (h, w), the ink that is left
    "Take rules out, and put back what bridges ink on both sides of one: the stroke that crosses it."
    if not rules.any():
        return mask
    grown = cv2.dilate(rules, np.ones((3, 3), np.uint8))
    half = cv2.distanceTransform(grown, cv2.DIST_L2, 3)[rules > 0]
    thick = int(min(2 * np.percentile(half, 80) + 1, 20)) + 4
    left = mask & (1 - grown)
    bridges = cv2.morphologyEx(left, cv2.MORPH_CLOSE, np.ones((thick, 3), np.uint8))
    bridges |= cv2.morphologyEx(left, cv2.MORPH_CLOSE, np.ones((3, thick), np.uint8))
    return left | (bridges & grown & mask)

# %%
#| export
def maybe_text(
    stats: np.ndarray,  # int (N, 5)
    letter: float,  # pixels
    shape: tuple[int, int],  # of the page
) -> np.ndarray:  # bool (N,)
    "Which components can be a character or a part of one, by size and by where they stand."
    x, y, w, h, ink = stats.T.astype(float)
    ok = (ink >= max(4, 0.004 * letter**2)) & ((h >= 0.12 * letter) | (w >= 0.12 * letter))  # not a speck
    ok &= (h <= 2.6 * letter) & (w <= 9 * letter)  # not a picture
    ok &= ~((w > 1.2 * letter) & (h < 0.25 * letter))  # not a long dash
    ok &= ~((ink > 0.75 * w * h) & (w > 0.8 * letter) & (h > 0.8 * letter))  # not a blot
    edge = (x <= 0) | (y <= 0) | (x + w >= shape[1]) | (y + h >= shape[0])
    ok &= ~(edge & ((h > 1.9 * letter) | (w > 3.5 * letter)))
    ok &= ~(edge & ((h < 0.3 * letter) | (w < 0.12 * letter)) & (ink < 0.08 * letter**2))
    return ok

# %%
#| export
def _neighbours(x0, x1, cy, h, letter, slope):
    "Pairs (i, j) where j is i's nearest to the right on a line of this slope, and i is j's nearest to the left."
    middle = (x0 + x1) / 2
    level = cy - slope * middle
    gap = np.maximum(x0[None] - x1[:, None], 0)
    dx, off = middle[None] - middle[:, None], np.abs(level[None] - level[:, None])
    ok = (dx > 0) & (off < 0.5 * np.maximum(h[:, None], h[None])) & (off < 0.62 * letter + 0.05 * gap)
    cost = np.where(ok, gap + 0.15 * dx + off, 1e9)
    right, left, i = cost.argmin(1), cost.argmin(0), np.arange(len(x0))
    good = (cost[i, right] < 1e9) & (left[right] == i)
    return i[good], right[good]


def _slope(x0, x1, cy, h, letter):
    "Median slope between neighbours that stand close and are about equally high."
    slope = 0.0
    for _ in range(3):
        i, j = _neighbours(x0, x1, cy, h, letter, slope)
        near = (x0[j] - x1[i] < 2 * letter) & (np.minimum(h[i], h[j]) > 0.6 * np.maximum(h[i], h[j]))
        if near.sum() < 2:
            break
        dx, dy = ((x0 + x1)[j] - (x0 + x1)[i])[near] / 2, (cy[j] - cy[i])[near]
        order = np.argsort(dy / dx)
        weight = dx[order].cumsum()
        new = float((dy / dx)[order][np.searchsorted(weight, weight[-1] / 2)])
        new = new if abs(new) < 0.6 else 0.0
        done = abs(new - slope) < 0.003
        slope = new
        if done:
            break
    return slope


def group_lines(
    stats: np.ndarray,  # int (N, 5), components of a page
    letter: float,  # pixels
) -> tuple[list[np.ndarray], float]:  # component indices of each line, top to bottom and left to right; the lines' slope, dy/dx
    """Text lines: chains of mutual neighbours, chains on one level joined, small parts given to the line they stand in."""
    if not len(stats):
        return [], 0.0
    x, y, w, h, _ = stats.T.astype(float)
    tall = np.flatnonzero(h >= 0.45 * letter)
    tall = tall if len(tall) else np.arange(len(stats))
    tall = tall[np.argsort(-h[tall])[:MOST_COMPONENTS]]
    x0, x1, cy, height = x[tall], (x + w)[tall], (y + h / 2)[tall], h[tall]
    slope = _slope(x0, x1, cy, height, letter)
    chain = np.arange(len(tall))
    for i, j in zip(*_neighbours(x0, x1, cy, height, letter, slope)):
        chain[chain == chain[j]] = chain[i]
    level, middle = cy - slope * (x0 + x1) / 2, (x0 + x1) / 2
    pieces = sorted((np.flatnonzero(chain == c) for c in np.unique(chain)), key=len, reverse=True)
    lines: list[np.ndarray] = []
    for piece in pieces:
        offs = []
        for line in lines:
            near = line[np.argsort(np.abs(middle[line] - middle[piece].mean()))[:4]]
            off = abs(np.median(level[near]) - level[piece].mean())
            overlap = np.minimum(x1[piece].max(), x1[line]) - np.maximum(x0[piece].min(), x0[line])
            shared = (overlap > 0.5 * np.minimum(x1[line] - x0[line], letter)).any()
            offs.append(off if off < letter * (0.3 if shared else 0.47) else np.inf)
        if offs and min(offs) < np.inf:
            k = int(np.argmin(offs))
            lines[k] = np.concatenate([lines[k], piece])
        else:
            lines.append(piece)
    lines.sort(key=lambda line: np.median(level[line]))
    out = [list(tall[line]) for line in lines]
    for k in np.setdiff1d(np.arange(len(stats)), tall):
        at, best = (y + h / 2)[k] - slope * (x + w / 2)[k], (0.35 * letter, None)
        for n, line in enumerate(lines):
            d = np.abs(middle[line] - (x + w / 2)[k])
            near = line[np.argsort(d)[:3]]
            off = max((level[near] - height[near] / 2).min() - at, at - (level[near] + height[near] / 2).max(), 0) + 0.02 * d.min()
            best = min(best, (off, n), key=lambda b: b[0])
        if best[1] is not None:
            out[best[1]].append(int(k))
    return [np.array(sorted(line, key=lambda k: x[k] + w[k] / 2)) for line in out], slope

# %%
#| export
@dataclass(frozen=True)
class Piece:
    "A patch of ink: a component, a part that was cut off one, or several together."

    x: int  # of the patch's upper left, in pixels of the page that is worked on
    y: int
    ink: np.ndarray  # uint8 (h, w), 0 paper .. 255 ink

    @property
    def box(self) -> tuple[int, int, int, int]:  # x, y, w, h
        return self.x, self.y, self.ink.shape[1], self.ink.shape[0]

    @property
    def right(self) -> int:
        return self.x + self.ink.shape[1]

    @property
    def bottom(self) -> int:
        return self.y + self.ink.shape[0]


def union(
    pieces: list[Piece],
) -> Piece:  # all their ink in one patch
    "Lay pieces over one another."
    if len(pieces) == 1:
        return pieces[0]
    x, y = min(p.x for p in pieces), min(p.y for p in pieces)
    out = np.zeros((max(p.bottom for p in pieces) - y, max(p.right for p in pieces) - x), np.uint8)
    for p in pieces:
        view = out[p.y - y : p.bottom - y, p.x - x : p.right - x]
        np.maximum(view, p.ink, out=view)
    return Piece(x, y, out)

# %%
#| export
SIDESTEP = 0.08  # cost of one step to the side, in pixels of full ink: a cut may lean, but not wander


def seams(
    ink: np.ndarray,  # uint8 (h, w), a line's ink
) -> tuple[np.ndarray, np.ndarray]:  # float32 (w,) ink crossed by the best cut ending at each column; int8 (h, w) steps back
    "Cheapest ways from the top to the bottom of a line, one step down at a time (as in seam carving, Avidan and Shamir 2007)."
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


def _trace(steps, columns):
    "The seams that end at the given columns: int (n, h)."
    path = np.empty((len(columns), len(steps)), int)
    path[:, -1] = columns
    for row in range(len(steps) - 1, 0, -1):
        path[:, row - 1] = path[:, row] + steps[row, path[:, row]]
    return path


def _cut_columns(total, stroke, letter):
    "Columns where a seam crosses little ink: local minima, cheapest first, a stroke or two at most, not too close together."
    edge = max(1, int(0.12 * letter))
    inner = np.arange(edge, len(total) - edge)
    if not len(inner):
        return []
    low = inner[(total[inner] <= total[inner - 1]) & (total[inner] <= total[inner + 1]) & (total[inner] <= 3.2 * stroke + 4)]
    chosen: list[int] = []
    for c in low[np.argsort(total[low], kind="stable")]:
        if all(abs(c - q) >= 0.15 * letter for q in chosen):
            chosen.append(int(c))
        if len(chosen) >= 2 + 2.5 * len(total) / letter:
            break
    return sorted(chosen)


def line_pieces(
    strength: np.ndarray,  # uint8 (h, w), of the page
    labels: np.ndarray,  # int32 (h, w)
    stats: np.ndarray,  # int (N, 5)
    line: np.ndarray,  # component indices of one line
) -> list[Piece]:  # one per component, left to right
    "The components of a line as soft ink, as dark as the line's own pen."
    x, y, w, h, _ = stats[line].T
    X, Y = max(0, x.min() - 2), max(0, y.min() - 2)
    at = np.s_[Y : (y + h).max() + 2, X : (x + w).max() + 2]
    own = np.zeros(len(stats) + 1, bool)
    own[line + 1] = True
    label = np.where(own[labels[at]], labels[at], 0)
    level = max(float(np.percentile(strength[at][label > 0], 70)), 1.0)
    soft = cv2.multiply(strength[at], 255 / level)
    grown = np.where(label > 0, label, cv2.dilate(label.astype(np.float32), np.ones((3, 3), np.uint8)).astype(label.dtype))
    grown[(labels[at] > 0) & (label == 0)] = 0  # the soft edge belongs to its component, other components' ink does not
    pieces = []
    for k, i in enumerate(line):
        bx, by = max(0, x[k] - X - 1), max(0, y[k] - Y - 1)
        here = np.s_[by : y[k] - Y + h[k] + 1, bx : x[k] - X + w[k] + 1]
        pieces.append(Piece(int(bx + X), int(by + Y), np.where(grown[here] == i + 1, soft[here], 0).astype(np.uint8)))
    return sorted(pieces, key=lambda p: p.x + p.right)


def cut_piece(
    piece: Piece,
    total: np.ndarray,  # float32 (w,), from `seams` of its line
    steps: np.ndarray,  # int8 (h, w), likewise
    origin: tuple[int, int],  # x, y of the line's upper left
    letter: float,  # pixels
) -> list[Piece]:  # left to right
    "A piece cut wherever a seam crosses little ink; the piece itself where none does."
    part, x, y = piece.ink, piece.x - origin[0], piece.y - origin[1]
    solid = (part > 96).astype(np.uint8)
    rim = int(solid.sum() - cv2.erode(solid, np.ones((3, 3), np.uint8)).sum())
    columns = _cut_columns(total[x : x + part.shape[1]], 2 * solid.sum() / max(1, rim), letter)
    if not columns:
        return [piece]
    paths = _trace(steps, np.array(columns) + x)[:, y : y + part.shape[0]] - x
    side = (np.arange(part.shape[1])[None, None] > paths[:, :, None]).sum(0)
    slices: list[np.ndarray] = []
    for n in range(len(columns) + 1):
        cut = np.where(side == n, part, 0).astype(np.uint8)
        if slices and min((cut > 96).sum(), (slices[-1] > 96).sum()) < 0.006 * letter**2:
            slices[-1] = np.maximum(slices[-1], cut)  # a sliver stays with its neighbour
        else:
            slices.append(cut)
    out = []
    for cut in slices:
        ys, xs = np.flatnonzero(cut.any(1)), np.flatnonzero(cut.any(0))
        if len(xs):
            out.append(Piece(int(piece.x + xs[0]), int(piece.y + ys[0]), cut[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]))
    return out

# %%
#| export
def join_parts(
    pieces: list[Piece],  # of one line, left to right
    letter: float,  # pixels
) -> list[Piece]:  # left to right
    "Drop dots and accents that float above a letter; join parts that stand above each other, as the bars of an E do."
    tall = [q for q in pieces if q.ink.shape[0] >= 0.5 * letter]
    shared = lambda p, q: min(p.right, q.right) - max(p.x, q.x)
    floats = lambda p: p.ink.shape[0] <= 0.42 * letter and p.ink.shape[1] < 0.45 * letter and any(
        shared(p, q) > 0.3 * p.ink.shape[1] and q.y - p.bottom >= 0.06 * letter - 1 for q in tall
    )
    out = [p for p in pieces if not floats(p)]
    k = 0
    while k < len(out):  # narrower pieces into the wider one that covers them
        p, width = out[k], out[k].ink.shape[1]
        for n in range(max(0, k - 4), min(len(out), k + 5)):
            q = out[n]
            if n == k or width > q.ink.shape[1] or max(p.right, q.right) - min(p.x, q.x) >= 1.3 * letter:
                continue
            share = shared(p, q) / width
            if share > 0.95 or (share >= 0.75 and p.ink.shape[0] < 0.6 * letter):
                joined = union([p, q])
                out = sorted([r for i, r in enumerate(out) if i not in (k, n)] + [joined], key=lambda r: r.x + r.right)
                k = -1
                break
        k += 1
    return out

# %%
#| export
MOST_PIECES = 6  # that one character may be made of


@dataclass(frozen=True)
class Candidate:
    "A run of neighbouring pieces that may be one character."

    start: int  # first piece
    end: int  # after the last piece
    piece: Piece  # their ink together


@dataclass(frozen=True)
class TextLine:
    "One line of a page."

    letter: float  # pixels, height of its characters
    pieces: tuple[Piece, ...]  # left to right: whole components, or parts of them once it is cut
    candidates: tuple[Candidate, ...]  # what may be a character


def single(
    letter: float,  # pixels
    pieces: list[Piece],
) -> TextLine:  # each piece is a candidate
    "A line before it is cut."
    return TextLine(letter, tuple(pieces), tuple(Candidate(k, k + 1, p) for k, p in enumerate(pieces)))


def propose(
    line: TextLine,  # not cut yet
    sure: np.ndarray,  # bool (pieces,), those that are one whole character for certain
) -> TextLine:  # with cut pieces, and all runs of neighbours that may be a character
    """Cut what may hold more than one character, and propose every run of neighbouring pieces that is no wider than a
    character and has no wide gap inside. What is sure is neither cut nor joined to anything.
    """
    letter = line.letter
    pieces, fixed = [], []
    seam = None
    for p, certain in zip(line.pieces, sure):
        parts = [p]
        if not certain and p.ink.shape[1] > 0.5 * letter and p.ink.shape[0] > 0.3 * letter:
            if seam is None:
                whole = union(line.pieces)
                seam = *seams(whole.ink), (whole.x, whole.y)
            parts = cut_piece(p, *seam, letter)
        pieces += parts
        fixed += [bool(certain)] * len(parts)
    order = sorted(range(len(pieces)), key=lambda k: pieces[k].x + pieces[k].right)
    pieces, fixed = [pieces[k] for k in order], [fixed[k] for k in order]
    out = []
    for i, first in enumerate(pieces):
        left, right = first.x, first.right
        for j in range(i, i + 1 if fixed[i] else min(len(pieces), i + MOST_PIECES)):
            p = pieces[j]
            if j > i and (fixed[j] or p.x - right > 0.3 * letter or max(right, p.right) - min(left, p.x) > 1.75 * letter):
                break
            left, right = min(left, p.x), max(right, p.right)
            out.append(Candidate(i, j + 1, union(pieces[i : j + 1])))
    return TextLine(letter, tuple(pieces), tuple(out))

# %%
#| export
WINDOW = (40, 64)  # pixels, height and width of the picture in which a candidate is judged
WINDOW_LETTER = 24.0  # pixels, height of the line's characters in it


def windows(
    line: TextLine,
    chosen: np.ndarray | None = None,  # bool (candidates,), those to look at; None: all
) -> np.ndarray:  # uint8 (E, 40, 64, 2): the line's ink around each candidate, and the candidate's own ink
    "What a box looks like among its neighbours: the candidate in the middle, the line's level at half the height."
    pieces, letter = line.pieces, line.letter
    context, f = union(pieces), WINDOW_LETTER / letter
    height, width = WINDOW
    middle = np.array([p.x + p.ink.shape[1] / 2 for p in pieces])
    centre = np.array([p.y + p.ink.shape[0] / 2 for p in pieces])
    tall = np.array([p.ink.shape[0] >= 0.5 * letter for p in pieces])
    look = [c for k, c in enumerate(line.candidates) if chosen is None or chosen[k]]
    out = np.zeros((len(look), height, width, 2), np.uint8)
    for k, c in enumerate(look):
        p = c.piece
        cx = p.x + p.ink.shape[1] / 2
        near = tall & (np.abs(middle - cx) < 3 * letter)
        cy = float(np.median(centre[near])) if near.any() else p.y + p.ink.shape[0] / 2
        place = lambda q: cv2.warpAffine(
            q.ink, np.float32([[f, 0, width / 2 - f * (cx - q.x)], [0, f, height / 2 - f * (cy - q.y)]]), (width, height)
        )
        out[k, :, :, 0], out[k, :, :, 1] = place(context), place(p)
    return out

# %%
#| export
@dataclass(frozen=True)
class Sheet:
    "A page at each stage of its segmentation, all in pixels of the page that is worked on."

    grey: np.ndarray  # uint8 (h, w), dark ink on lighter paper, a character about 40 pixels high
    strength: np.ndarray  # uint8 (h, w), 0..255
    mask: np.ndarray  # uint8 (h, w), ink before rules were taken out
    rules: np.ndarray  # uint8 (h, w), rules and frames
    ink: np.ndarray  # uint8 (h, w), ink that is left
    labels: np.ndarray  # int32 (h, w), its components
    stats: np.ndarray  # int (N, 5): x, y, w, h, ink pixels
    text: np.ndarray  # bool (N,), components that can be text
    lines: tuple[TextLine, ...]  # top to bottom, not cut yet
    letter: float  # pixels
    slope: float  # of the lines before the page was turned upright, dy/dx
    inverted: bool  # light ink on a dark page
    matrix: np.ndarray  # float64 (2, 3), from pixels here to pixels of the picture given

    def to_page(
        self,
        box: tuple[int, int, int, int],  # x, y, w, h here
        scale: float = 1.0,  # page pixels per pixel of the picture given
    ) -> tuple[int, int, int, int]:  # x, y, w, h on the page
        "The upright box on the page around a box here."
        x, y, w, h = box
        corners = np.array([[x, y, 1], [x + w, y, 1], [x, y + h, 1], [x + w, y + h, 1]]) @ self.matrix.T * scale
        lo, hi = np.floor(corners.min(0)).astype(int), np.ceil(corners.max(0)).astype(int)
        return int(lo[0]), int(lo[1]), int(hi[0] - lo[0]), int(hi[1] - lo[1])

# %%
#| export
def first_letter_height(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
) -> float:  # pixels of the picture given
    "A first look at the whole picture, only to learn how high its characters are."
    f = min(1.0, FIRST_SIDE / max(grey.shape))
    small = cv2.resize(grey, None, fx=f, fy=f, interpolation=cv2.INTER_AREA) if f < 1 else grey
    stroke = max(15, 0.1 * min(small.shape))
    mask = ink_mask(ink_strength(small, stroke), 0.5 * stroke)
    labels, stats = components(mask)
    height = letter_height(stats, small.shape, frames(labels, stats, 12))
    return (height or 0.55 * min(small.shape)) / f


def _stages(grey):
    strength = ink_strength(grey, LETTER)
    mask = ink_mask(strength, LETTER)
    labels, stats = components(mask)
    letter = letter_height(stats, mask.shape, frames(labels, stats, 0.5 * LETTER)) or LETTER
    rules = find_rules(mask, labels, stats, letter)
    ink = remove_rules(mask, rules)
    labels, stats = components(ink)
    text = maybe_text(stats, letter, ink.shape) if len(stats) else np.zeros(0, bool)
    index = np.flatnonzero(text)
    lines, slope = group_lines(stats[index], letter)
    return strength, mask, rules, ink, labels, stats, text, [index[line] for line in lines], slope, letter


def analyse(
    grey: np.ndarray,  # uint8 (h, w), the picture
    dark: bool | None = None,  # dark ink on lighter paper; None: found out
) -> Sheet:
    "From a picture to lines of candidate characters; everything relative to the height of the characters on it."
    dark = polarity(grey) > 0 if dark is None else dark
    page = grey if dark else 255 - grey
    scale = min(LETTER / first_letter_height(page), 6.0, math.sqrt(MOST_PIXELS / page.size))
    scale = 1.0 if abs(scale - 1) < 0.05 else scale
    matrix = np.array([[scale, 0, 0.5 * scale - 0.5], [0, scale, 0.5 * scale - 0.5]])
    if scale != 1:
        page = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    stages = _stages(page)
    slope = stages[8]
    if abs(slope) > 0.06:  # about 3.5 degrees: turn the page so that its lines lie level
        h, w = page.shape
        turn = cv2.getRotationMatrix2D((w / 2, h / 2), math.degrees(math.atan(slope)), 1)
        c, s = abs(turn[0, 0]), abs(turn[0, 1])
        size = int(h * s + w * c), int(h * c + w * s)
        turn[:, 2] += (size[0] - w) / 2, (size[1] - h) / 2
        page = cv2.warpAffine(page, turn, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        matrix = turn @ np.vstack([matrix, [0, 0, 1]])
        stages = _stages(page)
    strength, mask, rules, ink, labels, stats, text, groups, _, letter = stages
    lines = []
    for group in groups:
        tall = [h for h in stats[group, 3] if h >= 0.5 * letter]
        height = float(np.clip(np.median(tall or [letter]), 0.6 * letter, 1.6 * letter))
        pieces = join_parts(line_pieces(strength, labels, stats, group), height)
        if pieces:
            lines.append(single(height, pieces))
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    return Sheet(page, strength, mask, rules, ink, labels, stats, text, tuple(lines), letter, slope, not dark, inverse)
