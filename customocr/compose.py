"""Pages that we write ourselves: known text in one hand, on varied paper, with every character's box and ink known.

A `Hand` gives the outline of a character: `UnipenHand` takes one writer's pen strokes from UNIPEN, `FontHand` a
handwriting font. `compose_line` sets a text in that hand, `compose_page` puts lines on paper, under light and before a
camera. Everything stays geometry until the last moment (slant, wobble, sloping lines and perspective move points, not
pixels), so the boxes and the per-character ink are exact, and letters stay sharp at 8 pixels as at 300.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from customocr.errors import DataError
from customocr.glyphs import CLASSES
from customocr.writing.strokes import Strokes, flag_one, hook_zero, is_bar, load_strokes

MARKS = (
    "-.,:;'/!+()_"  # signs that can be written but are not among the 36 classes: they get no box
)
INK_SHARE = 0.4  # share of a character's darkest pixel from which a pixel belongs to the character
SHIFT = 4  # fractional bits of OpenCV's drawing coordinates: 1/16 pixel
ROWS = (
    32  # bands between the top and the foot of a line in which neighbours' distances are measured
)
TOP, FOOT = -1.5, 0.6  # the extent of those bands in cap heights, baseline at 0, y down


# ---------------------------------------------------------------- hands
@dataclass(frozen=True)
class Shape:
    "One character as drawn by a hand: baseline y=0, cap height 1, y down, leftmost ink at x=0."

    strokes: tuple  # float32 (n, 2) arrays: pen strokes, or closed outlines when `filled`
    filled: bool = False  # outlines to fill (fonts) or strokes to draw with a pen
    weight: float = 0.0  # natural stroke width in cap heights, 0 for pen strokes


class Hand:
    "Draws characters, each time a little differently."

    name = "hand"
    weight = 0.1  # natural stroke width in cap heights

    def shape(
        self,
        character: str,  # one of the 36 classes
        rng: np.random.Generator,  # picks the sample
    ) -> Shape:  # the character's strokes or outlines
        "A fresh drawing of one character."
        raise NotImplementedError


def writer_slants(
    strokes: Strokes,  # all samples
) -> (
    np.ndarray
):  # float64 (highest writer + 1,), x per y: 0 upright, negative leans right as y points down
    "Mean slant of each writer's ink, from its second moments."
    first = strokes.stroke_start[strokes.sample_start].astype(np.int64)
    counts = np.maximum(np.diff(first), 1)
    x, y = strokes.points.T.astype(np.float64)
    mean = lambda v: np.add.reduceat(v, first[:-1]) / counts
    mx, my = mean(x), mean(y)
    sums = np.zeros((int(strokes.writer.max()) + 1, 2))
    np.add.at(sums, strokes.writer, np.stack([mean(x * y) - mx * my, mean(y * y) - my * my], 1))
    return sums[:, 0] / np.maximum(sums[:, 1], 1)


class UnipenHand(Hand):
    "One UNIPEN writer; classes that the writer lacks come from the writer with the most similar slant."

    weight = 0.09

    def __init__(
        self,
        strokes: Strokes
        | str
        | Path,  # as `customocr.strokes.load_strokes` gives them, or the path of unipen_strokes.npz
        writer: int,  # whose samples
        borrow_from=None,  # writers that may lend missing classes (those of the same split); None: all
        slants: np.ndarray
        | None = None,  # of `writer_slants`; None: worked out when something must be borrowed
    ):
        self.strokes = s = strokes if isinstance(strokes, Strokes) else load_strokes(strokes)
        self.writer, self.name = int(writer), f"unipen writer {writer}"
        mine = np.flatnonzero(s.writer == writer)
        if not len(mine):
            raise DataError(
                f"no samples by writer {writer}; there are writers 0 to {int(s.writer.max())}"
            )
        self.samples = {c: mine[s.labels[mine] == k] for k, c in enumerate(CLASSES)}
        missing = [c for c, found in self.samples.items() if not len(found)]
        if missing:
            slants = writer_slants(s) if slants is None else slants
            allowed = np.isin(
                s.writer,
                np.arange(len(slants)) if borrow_from is None else np.asarray(list(borrow_from)),
            )
            for c in missing:
                pool = np.flatnonzero(allowed & (s.labels == CLASSES.index(c)))
                if len(pool):
                    far = np.abs(slants[s.writer[pool]] - slants[writer])
                    self.samples[c] = pool[far == far.min()]

    def shape(self, character: str, rng: np.random.Generator) -> Shape:
        "A random sample of the character by this writer."
        found = self.samples.get(character, ())
        if not len(found):
            raise DataError(
                f"{self.name} has no sample of {character!r}, nor has any writer it may borrow from"
            )
        strokes = self.strokes.sample(int(rng.choice(found)))
        points = np.concatenate(strokes)
        (x0, y0), (x1, y1) = points.min(0), points.max(0)
        scale = min(
            1 / max(y1 - y0, 250), 1.6 / max(x1 - x0, 1)
        )  # to cap height, unless that makes it absurdly wide
        return Shape(tuple((s - (x0, y1)) * np.float32(scale) for s in strokes))


def unipen_hands(
    strokes: Strokes | str | Path,  # as for `UnipenHand`
    writers,  # of one split; they lend one another what they lack
) -> list[UnipenHand]:  # one a writer
    "The hands of a split's writers."
    strokes = strokes if isinstance(strokes, Strokes) else load_strokes(strokes)
    writers, slants = list(writers), writer_slants(strokes)
    return [UnipenHand(strokes, w, writers, slants) for w in writers]


class FontHand(Hand):
    "A handwriting font; `compose_line` bends every letter a little, so no two are alike."

    def __init__(
        self,
        path,  # of a .ttf, .otf, .woff or .woff2 file
        name: str | None = None,  # for display; None: the file's name
    ):
        from fontTools.ttLib import TTFont  # lazily: only whoever draws with fonts needs fontTools

        try:
            font = TTFont(str(path), fontNumber=0)
        except Exception as e:  # fontTools raises many kinds
            raise DataError(f"{path}: cannot be read as a font ({e})") from e
        self.name, self._glyphs, self._map, self._cache = (
            name or Path(path).stem,
            font.getGlyphSet(),
            font.getBestCmap(),
            {},
        )
        missing = [c for c in CLASSES if ord(c) not in self._map]
        if missing:
            raise DataError(f"{path}: the font has no glyph for {''.join(missing)}")
        outlines = self._outlines("H")
        self._unit = max(float(np.concatenate(outlines)[:, 1].max()), 1.0)
        self.weight = float(np.median([_stroke_width(self.shape(c).strokes) for c in "EHLTN"]))

    def _outlines(self, character: str) -> list[np.ndarray]:
        from fontTools.pens.basePen import BasePen

        steps = np.linspace(0, 1, 7)[1:, None]

        class Flatten(BasePen):
            def __init__(self, glyphs):
                super().__init__(glyphs)
                self.contours = []

            def _moveTo(self, p):
                self.contours.append([np.array([p], float)])

            def _lineTo(self, p):
                a = self.contours[-1][-1][-1]
                n = max(
                    1, int(np.hypot(p[0] - a[0], p[1] - a[1]) // 60)
                )  # short pieces, so that long edges bend too
                self.contours[-1].append(a + (np.array(p) - a) * np.linspace(0, 1, n + 1)[1:, None])

            def _curveToOne(self, b, c, d):
                a, b, c, d = self.contours[-1][-1][-1], *map(np.array, (b, c, d))
                t = steps
                self.contours[-1].append(
                    (1 - t) ** 3 * a + 3 * (1 - t) ** 2 * t * b + 3 * (1 - t) * t**2 * c + t**3 * d
                )

            def _closePath(self):
                pass

            _endPath = _closePath

        pen = Flatten(self._glyphs)
        self._glyphs[self._map[ord(character)]].draw(pen)
        outlines = [np.concatenate(c).astype(np.float32) for c in pen.contours]
        outlines = [c for c in outlines if len(c) > 2]
        if not outlines:
            raise DataError(f"{self.name}: the font's {character!r} is empty")
        return outlines

    def shape(self, character: str, rng: np.random.Generator | None = None) -> Shape:
        "The font's glyph for the character."
        if character not in self._cache:
            outlines = [
                c * np.float32([1, -1]) / np.float32(self._unit) for c in self._outlines(character)
            ]
            left = min(float(c[:, 0].min()) for c in outlines)
            self._cache[character] = tuple(c - np.float32([left, 0]) for c in outlines)
        return Shape(self._cache[character], True, self.weight)


def _stroke_width(outlines) -> float:
    "Mean stroke width of filled outlines: area over half the perimeter."
    patch, _, _ = rasterise([c * 200 for c in outlines], 0, True)
    length = sum(float(np.hypot(*np.diff(np.vstack([c, c[:1]]), axis=0).T).sum()) for c in outlines)
    return 2 * float(patch.sum()) / 255 / 200**2 / max(length, 1e-6)


def mark_shape(
    mark: str,  # one of MARKS
    rng: np.random.Generator,
) -> Shape:  # pen strokes in cap heights
    "A punctuation mark as a pen draws it."
    n = lambda *at: np.array(at, np.float32) + rng.normal(0, 0.02, (len(at), 2)).astype(np.float32)
    dot = lambda y: n((0.03, y), (0.05, y + 0.02))
    if mark == "-":
        strokes = (n((0, -0.45), (0.15, -0.46), (rng.uniform(0.25, 0.5), -0.45)),)
    elif mark == "_":
        strokes = (n((0, 0.05), (0.6, 0.06)),)
    elif mark in ".":
        strokes = (dot(-0.03),)
    elif mark == ",":
        strokes = (n((0.1, -0.08), (0.1, 0.03), (0.02, 0.18)),)
    elif mark == ":":
        strokes = (dot(-0.1), dot(-0.6))
    elif mark == ";":
        strokes = (dot(-0.6), n((0.1, -0.08), (0.02, 0.15)))
    elif mark == "'":
        strokes = (n((0.06, -1.0), (0.02, -0.75)),)
    elif mark == "/":
        strokes = (n((0.5, -1.05), (0.25, -0.5), (0, 0.1)),)
    elif mark == "!":
        strokes = (n((0.05, -1.0), (0.05, -0.35)), dot(-0.03))
    elif mark == "+":
        strokes = (n((0, -0.4), (0.5, -0.4)), n((0.25, -0.65), (0.25, -0.15)))
    elif mark in "()":
        t = np.linspace(-0.9, 0.9, 7, dtype=np.float32)
        bow = 0.25 * np.cos(t)
        strokes = (np.stack([(0.25 - bow) if mark == "(" else bow, 0.7 * t - 0.45], 1),)
    else:
        raise DataError(f"cannot write {mark!r}; a line may hold 0-9, A-Z, blanks and {MARKS}")
    left = min(float(s[:, 0].min()) for s in strokes)
    return Shape(tuple(s - np.float32([left, 0]) for s in strokes))


# ---------------------------------------------------------------- from strokes to pixels
def rasterise(
    strokes,  # float32 (n, 2) arrays in pixels; pixel i covers i..i+1
    pen_width: float,  # in pixels; for outlines the wanted stroke width, 0: as it is
    filled: bool = False,  # closed outlines to fill, or pen strokes
    weight: float = 0.0,  # stroke width that the outlines have by themselves, in pixels
) -> tuple[np.ndarray, int, int]:  # uint8 (h, w) coverage 0-255, x and y of its upper left pixel
    "Draw strokes or outlines as antialiased ink."
    factor = (
        4 if max(pen_width, weight) < 5 else 2 if max(pen_width, weight) < 16 else 1
    )  # drawn larger, then averaged
    points = np.concatenate(strokes)
    pad = pen_width / 2 + 1
    lo, hi = np.floor(points.min(0) - pad).astype(int), np.ceil(points.max(0) + pad).astype(int)
    w, h = (hi - lo).tolist()
    canvas = np.zeros((h * factor, w * factor), np.uint8)
    unit = factor * 2**SHIFT
    fixed = [np.rint((s - lo) * unit - 2 ** (SHIFT - 1)).astype(np.int32) for s in strokes]
    kind = cv2.LINE_AA if factor == 1 else cv2.LINE_8
    if filled:
        winding = np.zeros(canvas.shape, np.int8)
        for s, f in zip(
            strokes, fixed
        ):  # non-zero winding, as fonts mean it: overlapping outlines stay full
            turn = np.sign(
                float(np.sum(s[:-1, 0] * s[1:, 1] - s[1:, 0] * s[:-1, 1]))
                + float(s[-1, 0] * s[0, 1] - s[0, 0] * s[-1, 1])
            )
            layer = np.zeros(canvas.shape, np.uint8)
            cv2.fillPoly(layer, [f], 1, cv2.LINE_8, SHIFT)
            winding += (layer * turn).astype(np.int8)
        canvas = np.where(winding != 0, np.uint8(255), np.uint8(0))
        change = (pen_width - weight) * factor if pen_width and weight else 0
        if abs(change) >= 1:
            cv2.polylines(
                canvas,
                fixed,
                True,
                255 if change > 0 else 0,
                max(1, round(abs(change))),
                kind,
                SHIFT,
            )
    else:
        thick = max(1, round(pen_width * factor))
        for f in fixed:
            if len(f) == 1:
                cv2.circle(
                    canvas,
                    (int(f[0, 0]), int(f[0, 1])),
                    max(1, thick * 2 ** (SHIFT - 1)),
                    255,
                    -1,
                    kind,
                    SHIFT,
                )
            else:
                cv2.polylines(canvas, [f], False, 255, thick, kind, SHIFT)
    if factor > 1:
        canvas = cv2.resize(canvas, (w, h), interpolation=cv2.INTER_AREA)
    return canvas, int(lo[0]), int(lo[1])


def _wobble(strokes, amount: float, rng: np.random.Generator) -> list[np.ndarray]:
    "Bend strokes by a smooth random field of about `amount` cap heights."
    if amount <= 0:
        return list(strokes)
    waves = rng.uniform(1.5, 5.0, (2, 2)).astype(np.float32) * rng.choice((-1, 1), (2, 2))
    phase = rng.uniform(0, 6.28, (2, 2)).astype(np.float32)
    return [
        s
        + np.float32(amount) * np.sin(s[:, ::-1] * waves[0] + phase[0])
        + np.float32(amount / 2) * np.sin(s * waves[1] + phase[1])
        for s in strokes
    ]


# ---------------------------------------------------------------- a line of text
@dataclass(frozen=True)
class Style:
    "How somebody writes; lengths in cap heights, so that it holds at any size."

    letter_gap: float = 0.22  # white between neighbours, along the closest rows
    word_gap: float = 0.9  # white between words
    line_gap: float = 1.9  # from baseline to baseline
    jitter: float = 1.0  # multiplies the variation in size, angle, slant and height above the line
    slant: float = 0.0  # shear added to every character, x per y; positive leans right
    width: float = 1.0  # widens (over 1) or narrows every character
    touching: float = 0.0  # probability that a character touches the one before it
    dotted_i: float = 0.0  # probability that an I is written as a short bar with a dot
    flagged_one: float = (
        0.0  # probability that a 1 written as a bar gets a flag, as on the European continent
    )
    joined_zeros: float = 0.0  # probability that a zero has hooks, and hangs on the zero before it by a stroke along their tops
    word_size: float = 0.0  # spread of the words' sizes (standard deviation of the logarithm)
    accents: float = 0.0  # probability of an accent above A C E I O U (ink that is not text)
    pitch: float = 0.0  # when over 0: characters stand in cells that wide, as in comb boxes


def random_style(
    rng: np.random.Generator,
    **fixed,  # fields of `Style` that are not left to chance
) -> Style:  # plausible for block letters
    "A random way of writing."
    style = Style(
        letter_gap=float(
            rng.choice(
                [rng.uniform(0.08, 0.25), rng.uniform(0.2, 0.5), rng.uniform(0.4, 0.9)],
                p=[0.4, 0.4, 0.2],
            )
        ),
        line_gap=float(rng.uniform(1.5, 2.6)),
        jitter=float(rng.uniform(0.5, 1.6)),
        slant=float(rng.normal(0, 0.1)),
        width=float(np.exp(rng.normal(0, 0.12))),
        touching=float(
            rng.choice(
                [0, rng.uniform(0, 0.15), rng.uniform(0.1, 0.5), rng.uniform(0.5, 1)],
                p=[0.45, 0.35, 0.15, 0.05],
            )
        ),
        dotted_i=float(rng.choice([0, 0.5, 1], p=[0.7, 0.15, 0.15])),
        flagged_one=float(rng.choice([0, 1])),
        joined_zeros=float(rng.choice([0, 0.6], p=[0.6, 0.4])),
        word_size=float(rng.choice([0, rng.uniform(0.1, 0.25)], p=[0.7, 0.3])),
        accents=float(rng.choice([0, 0.1], p=[0.8, 0.2])),
    )
    style = replace(style, word_gap=style.letter_gap + float(rng.uniform(0.5, 1.3)))
    return replace(style, **fixed)


@dataclass(frozen=True)
class Placed:
    "One character or mark, where it stands in its line."

    character: str
    strokes: list  # float32 (n, 2), cap heights, line's left end at x=0, baseline y=0
    filled: bool
    weight: float  # natural stroke width in cap heights


def _profile(strokes, pen: float) -> tuple[np.ndarray, np.ndarray]:
    "Leftmost and rightmost ink in each of ROWS bands; inf and -inf where there is none."
    left, right = np.full(ROWS, np.inf, np.float32), np.full(ROWS, -np.inf, np.float32)
    for s in strokes:
        if len(s) > 1:  # long straight pieces need points in every band
            reach = np.abs(np.diff(s[:, 1])).max()
            if reach > 0.06:
                t = np.linspace(
                    0, len(s) - 1, int((len(s) - 1) * min(np.ceil(reach / 0.06), 24)) + 1
                )
                s = np.stack([np.interp(t, np.arange(len(s)), s[:, i]) for i in (0, 1)], 1)
        band = np.clip(((s[:, 1] - TOP) * (ROWS / (FOOT - TOP))).astype(int), 0, ROWS - 1)
        np.minimum.at(left, band, s[:, 0])
        np.maximum.at(right, band, s[:, 0])
    left, right = left - pen / 2, right + pen / 2
    spread = lambda v, f: f(
        f(v, np.roll(v, 1)), np.roll(v, -1)
    )  # a pen is as thick as a band or two
    return spread(left, np.minimum), spread(right, np.maximum)


def layout_line(
    text: str,  # 0-9, A-Z, blanks and MARKS
    hand: Hand,
    rng: np.random.Generator,
    style: Style = Style(),
    pen: float = 0.1,  # pen width in cap heights
) -> list[Placed]:  # in reading order, marks and accents included
    "Write a line: pick, vary and space the characters. Units are cap heights."
    placed, reach, edge, gap_extra, j = (
        [],
        np.full(ROWS, -np.inf, np.float32),
        None,
        0.0,
        style.jitter,
    )
    word_size = lambda: (
        float(np.clip(np.exp(style.word_size * rng.normal()), 0.65, 1.6))
        if style.word_size
        else 1.0
    )
    cell, word, last = 0, word_size(), ""
    for c in text:
        if c == " ":
            word, last = word_size(), ""
            gap_extra += (style.word_gap - style.letter_gap) * float(
                np.clip(1 + 0.2 * j * rng.normal(), 0.5, 2)
            )
            cell += 1
            continue
        is_mark = c not in CLASSES
        if not is_mark and c == "I" and rng.random() < style.dotted_i:
            top = -float(rng.uniform(0.55, 0.85))
            bar = np.float32([(0.03, top), (0.02, top / 2), (0.0, 0.0)])
            shape = Shape((bar, np.float32([(0.04, top - 0.28), (0.05, top - 0.25)])))
        else:
            shape = mark_shape(c, rng) if is_mark else hand.shape(c, rng)
            if (
                c == "1"
                and style.flagged_one
                and not shape.filled
                and is_bar(shape.strokes)
                and rng.random() < style.flagged_one
            ):
                shape = replace(
                    shape,
                    strokes=(flag_one(shape.strokes[0], rng.random() ** 0.6, *rng.random(2)),),
                )
            elif (
                c == "0"
                and style.joined_zeros
                and not shape.filled
                and len(shape.strokes) == 1
                and rng.random() < style.joined_zeros
            ):
                shape = replace(shape, strokes=(hook_zero(shape.strokes[0], *rng.random(3)),))
        size = word * float(np.clip(1 + 0.05 * j * rng.normal(), 0.7, 1.35))
        wide = size * style.width * float(np.exp(0.05 * j * rng.normal()))
        shear, turn = style.slant + 0.03 * j * rng.normal(), 0.03 * j * rng.normal()
        matrix = np.float32(
            [[wide, -shear * size], [turn * wide, size]]
        )  # y is down, so a right slant is -shear
        strokes = _wobble(
            [s @ matrix.T for s in shape.strokes], 0.012 * j * (2 if shape.filled else 1), rng
        )
        lift = np.float32([0, 0.035 * j * rng.normal()])
        strokes = [s + lift for s in strokes]
        points = np.concatenate(strokes)
        x0, x1 = float(points[:, 0].min()) - pen / 2, float(points[:, 0].max()) + pen / 2
        left, right = _profile(strokes, pen)
        joined = False
        if style.pitch:
            x = (cell + 0.5 + 0.07 * j * rng.normal()) * style.pitch - (x0 + x1) / 2
            cell += 1
        elif edge is None:
            x = -x0
        else:
            gap = style.letter_gap * float(np.clip(1 + 0.35 * j * rng.normal(), 0.2, 3)) + gap_extra
            by_box = edge + gap - x0
            near = float((reach - left).max())  # x at which the closest rows meet
            joined = c == last == "0" and not shape.filled and rng.random() < style.joined_zeros
            if not np.isfinite(near):
                x = by_box
            elif joined:
                x = near + float(rng.uniform(-0.05, 0.25))
            elif not gap_extra and rng.random() < style.touching:
                x = near - float(rng.uniform(0, 0.12)) - pen * 0.3
            else:
                x = max(
                    0.6 * (near + gap) + 0.4 * by_box, by_box - 0.35, near + 0.3 * min(gap, 0.2)
                )
            x = max(
                x, edge - 0.4 * (x1 - x0) - x0
            )  # neighbours reach into one another's box, they do not lie on one another
        gap_extra, offset = 0.0, np.float32([x, 0])
        strokes = [s + offset for s in strokes]
        if joined:
            before = np.concatenate(placed[-1].strokes)
            a, b = (p[p[:, 1].argmin()] for p in (before, np.concatenate(strokes)))
            strokes.append(np.stack([a, (a + b) / 2 + np.float32([0, rng.uniform(-0.03, 0.1)]), b]))
        placed.append(Placed(c, strokes, shape.filled, shape.weight * size))
        reach, edge, last = np.maximum(reach, right + x), x1 + x, c
        if not is_mark and c in "ACEIOU" and rng.random() < style.accents:
            middle, lean = x + (x0 + x1) / 2, float(rng.choice((-0.1, 0.1, 0.02)))
            top = float(points[:, 1].min()) - 0.15 - pen
            accent = np.float32([(middle - lean, top), (middle + lean, top - 0.14)])
            placed.append(Placed("'", [accent], False, 0.0))
    return placed


@dataclass(frozen=True)
class Composed:
    "A composed image and all that is known about it."

    image: np.ndarray  # uint8 (H, W) grey or (H, W, 3) BGR
    text: str  # lines by newline, words by blank; marks are left out
    boxes: tuple  # per line int32 (n, 4): x, y, w, h of each character's own ink, in reading order
    ink: np.ndarray  # uint8 (H, W), coverage by the characters' ink, 0-255
    other: (
        np.ndarray
    )  # uint8 (H, W), coverage by ink that is not text: marks, accents, rules, frames
    labels: (
        np.ndarray
    )  # int16 (H, W), index of the character that owns the pixel, -1 none; at overlaps the later

    @property
    def characters(self) -> str:
        "All characters in the order of `labels` and `all_boxes`."
        return "".join(self.text.split())

    @property
    def all_boxes(self) -> np.ndarray:
        "int32 (N, 4), the boxes of all lines."
        return np.concatenate([*self.boxes, np.zeros((0, 4), np.int32)]).astype(np.int32)

    def draw(self) -> np.ndarray:
        "BGR uint8 (H, W, 3): the image with its boxes."
        out = (
            self.image.copy()
            if self.image.ndim == 3
            else cv2.cvtColor(self.image, cv2.COLOR_GRAY2BGR)
        )
        for x, y, w, h in self.all_boxes.tolist():
            cv2.rectangle(out, (x - 1, y - 1), (x + w, y + h), (0, 140, 255), 1)
        return out

    def __repr__(self) -> str:
        return f"Composed({self.text!r}, {self.image.shape[1]} x {self.image.shape[0]} pixels, {len(self.all_boxes)} characters)"

    def _repr_png_(self) -> bytes:
        return cv2.imencode(".png", self.image)[1].tobytes()


def plain_text(
    line: str,  # as written, marks included
) -> str:  # 0-9, A-Z and single blanks
    "What a reader should give for a written line: marks inside a word vanish."
    return " ".join(
        w for w in ("".join(c for c in word if c in CLASSES) for word in line.split()) if w
    )


def _pens(pen: float, n: int, rng: np.random.Generator) -> list[float]:
    "Pen widths of n characters: pressure varies by some per cent."
    return (pen * np.clip(1 + 0.08 * rng.standard_normal(n), 0.7, 1.3)).tolist()


def _lay(target: np.ndarray, patch: np.ndarray, x: int, y: int) -> None:
    "Add a patch of ink to a page in place; what sticks out is cut off."
    x0, y0, x1, y1 = (
        max(x, 0),
        max(y, 0),
        min(x + patch.shape[1], target.shape[1]),
        min(y + patch.shape[0], target.shape[0]),
    )
    if x0 < x1 and y0 < y1:
        part = target[y0:y1, x0:x1]
        np.maximum(part, patch[y0 - y : y1 - y, x0 - x : x1 - x], out=part)


def _draw(lines, pens, size, pen, height) -> tuple[np.ndarray, np.ndarray, np.ndarray, tuple]:
    "Rasterise placed lines (points in pixels): ink, other, labels, boxes."
    w, h = size
    ink, other, labels = (
        np.zeros((h, w), np.uint8),
        np.zeros((h, w), np.uint8),
        np.full((h, w), -1, np.int16),
    )
    boxes, index = [], 0
    for line in lines:
        found = []
        for p, own in zip(
            line, pens
        ):  # a font's letters share one pen: a quarter of a pixel more or less would show
            patch, x, y = rasterise(
                p.strokes, pen if p.filled else own, p.filled, p.weight * height
            )
            x0, y0, x1, y1 = (
                max(x, 0),
                max(y, 0),
                min(x + patch.shape[1], w),
                min(y + patch.shape[0], h),
            )
            owned = p.character in CLASSES
            if x0 < x1 and y0 < y1:
                patch = patch[y0 - y : y1 - y, x0 - x : x1 - x]
                target = ink if owned else other
                np.maximum(target[y0:y1, x0:x1], patch, out=target[y0:y1, x0:x1])
                mask = patch >= max(INK_SHARE * int(patch.max()), 1)
            else:
                mask = np.zeros((0, 0), bool)
            if owned:
                if mask.any():
                    labels[y0:y1, x0:x1][mask] = index
                    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                    found.append((x0 + xs[0], y0 + ys[0], xs[-1] - xs[0] + 1, ys[-1] - ys[0] + 1))
                else:
                    found.append((x0, y0, 0, 0))
                index += 1
        boxes.append(np.array(found, np.int32).reshape(-1, 4))
    return ink, other, labels, tuple(boxes)


def _bend(points: np.ndarray, slope: float, curve: float, length: float) -> np.ndarray:
    "Move a line's points (cap heights) onto a sloping, bowed baseline."
    t = points[:, 0] / max(length, 1e-6)
    angle = np.deg2rad(slope)
    y = points[:, 1] + curve * np.sin(np.pi * t)
    return np.stack(
        [
            points[:, 0] * np.cos(angle) + y * np.sin(angle),
            y * np.cos(angle) - points[:, 0] * np.sin(angle),
        ],
        1,
    ).astype(np.float32)


def compose_line(
    text: str,  # 0-9, A-Z, blanks and MARKS; marks are drawn but not part of the result's text
    hand: Hand,
    rng: np.random.Generator,
    height_px: float = 32,  # cap height
    pen_width: float | None = None,  # in pixels; None: the hand's own weight
    slope: float = 0.0,  # degrees, positive rises to the right
    curve: float = 0.0,  # cap heights by which the middle of the line sags
    margin: float = 0.5,  # white around the ink, in cap heights
    **style,  # fields of `Style`
) -> Composed:  # ink and boxes; the image is black ink on white
    "Write one line of text in a hand, cropped to its ink plus a margin."
    pen = hand.weight * height_px if pen_width is None else pen_width
    placed = layout_line(text, hand, rng, Style(**style), pen / height_px)
    if not placed:
        raise DataError("a line needs at least one character that can be written")
    length = max(float(np.concatenate(p.strokes)[:, 0].max()) for p in placed)
    placed = [
        replace(p, strokes=[_bend(s, slope, curve, length) * height_px for s in p.strokes])
        for p in placed
    ]
    points = np.concatenate([s for p in placed for s in p.strokes])
    lo = points.min(0) - (pen / 2 + margin * height_px)
    size = np.ceil(points.max(0) + (pen / 2 + margin * height_px) - lo).astype(int)
    placed = [replace(p, strokes=[s - lo for s in p.strokes]) for p in placed]
    pens = _pens(pen, len(placed), rng)
    ink, other, labels, boxes = _draw([placed], pens, size.tolist(), pen, height_px)
    return Composed(255 - np.maximum(ink, other), plain_text(text), boxes, ink, other, labels)


# ---------------------------------------------------------------- paper, light and camera
@dataclass(frozen=True)
class Paper:
    "What the text stands on and how the picture was taken. Lengths in cap heights unless said otherwise."

    colour: tuple = (244, 247, 248)  # of the paper, BGR 0-255
    ink: tuple = (45, 38, 34)  # of the pen, BGR
    opacity: float = 1.0  # of the ink: 0.3 is faint pencil
    fade: float = 0.0  # unevenness of the pen, 0 even, 1 strokes break
    grain: float = 0.0  # pencil grain, 0-1
    texture: float = 0.0  # paper grain, standard deviation in grey levels
    rules: str = "none"  # none, ruled, grid, underline
    frame: str = "none"  # none, box (one frame a line), comb (cells side by side), boxes (separate cells), cell (a table's cell, rules at the border)
    rule_colour: tuple = (190, 160, 130)  # BGR
    rule_width: float = 0.05
    table: str = "none"  # none, dark, wood, light: what the sheet lies on
    gradient: float = 0.0  # share of light lost from one side to the other
    shadow: float = 0.0  # share of light lost in a cast shadow
    vignette: float = 0.0  # share of light lost in the corners
    pattern: float = 0.0  # printed waves as on cheques, amplitude in grey levels
    specks: int = 0  # dirt, number of dots
    slivers: int = 0  # ends of other lines' strokes at the picture's upper and lower edge
    blur: float = 0.0  # standard deviation, pixels
    noise: float = 0.0  # sensor noise, standard deviation in grey levels
    jpeg: int = 0  # quality 1-100, 0: none
    scan: str = "none"  # none, binary (black and white), clip (contrast stretched until paper is white and faint ink is lost)
    margin: tuple = (0.6, 1.6)  # range of the white around the text


def _tint(rng, low, high, spread=6):
    level = rng.uniform(low, high)
    return tuple(float(np.clip(level + rng.normal(0, spread), 0, 255)) for _ in range(3))


def _pen_colour(rng):
    kind = rng.random()
    if kind < 0.6:
        return _tint(rng, 10, 70)
    return (
        float(rng.uniform(110, 190)),
        float(rng.uniform(40, 90)),
        float(rng.uniform(20, 70)),
    )  # blue, in BGR


def _coloured(rng):
    return [
        (238, 225, 205),
        (205, 240, 250),
        (225, 215, 245),
        (215, 240, 220),
        (160, 225, 250),
        (130, 190, 215),
    ][rng.integers(6)]


def random_paper(
    name: str,  # one of PAPERS
    rng: np.random.Generator,
) -> Paper:  # of that kind, details by chance
    "A sheet, its light and its camera, drawn from what real pictures of that kind look like."
    u = rng.uniform
    photo = dict(
        texture=u(0.5, 4),
        gradient=u(0, 0.3),
        vignette=u(0, 0.2),
        blur=u(0.3, 1.0),
        noise=u(0.5, 4),
        jpeg=int(u(50, 95)),
    )
    if name == "plain":
        return Paper(
            ink=_pen_colour(rng),
            colour=_tint(rng, 225, 255, 2),
            texture=u(0, 2),
            blur=u(0.2, 0.7),
            noise=u(0, 2),
            jpeg=int(u(70, 95)),
        )
    if name == "tinted":
        return Paper(**photo, ink=_pen_colour(rng), colour=_coloured(rng))
    if name == "photo":
        return Paper(**photo, ink=_pen_colour(rng), colour=_tint(rng, 150, 250))
    if name == "shadow":
        return Paper(
            **photo, ink=_pen_colour(rng), colour=_tint(rng, 190, 250), shadow=u(0.25, 0.6)
        )
    if name == "ruled":
        return Paper(
            **photo,
            ink=_pen_colour(rng),
            colour=_tint(rng, 180, 250),
            rules=str(rng.choice(["ruled", "ruled", "grid", "underline"])),
            rule_colour=[(200, 160, 130), (150, 150, 150), (190, 150, 200), (90, 80, 80)][
                rng.integers(4)
            ],
            rule_width=u(0.02, 0.09),
        )
    if name == "form":
        grey = float(rng.choice([u(0, 60), u(100, 190)]))
        return Paper(
            ink=_pen_colour(rng),
            colour=_tint(rng, 225, 255, 2),
            frame=str(rng.choice(["box", "comb", "boxes"])),
            rule_colour=(grey,) * 3,
            rule_width=u(0.03, 0.14),
            texture=u(0, 2),
            blur=u(0.2, 0.7),
            noise=u(0, 3),
            jpeg=int(u(60, 95)),
            scan=str(rng.choice(["none", "binary", "clip"])),
            fade=u(0, 0.2),
        )
    if name == "note":
        return Paper(
            **photo,
            ink=_tint(rng, 20, 60),
            colour=_coloured(rng),
            table="dark",
            shadow=float(rng.choice([0, u(0.1, 0.3)])),
        )
    if name == "table":
        return Paper(
            **photo,
            ink=_pen_colour(rng),
            colour=_tint(rng, 190, 250),
            table=str(rng.choice(["dark", "wood", "wood", "light"])),
            shadow=float(rng.choice([0, u(0.1, 0.5)])),
        )
    if name == "cheque":
        return Paper(
            **photo,
            ink=_pen_colour(rng),
            colour=_coloured(rng),
            pattern=u(3, 14),
            rules=str(rng.choice(["none", "underline"])),
            rule_colour=_tint(rng, 60, 140),
            slivers=int(rng.choice([0, 2])),
        )
    if name == "dark":
        return Paper(
            colour=_tint(rng, 0, 60),
            ink=_tint(rng, 200, 255),
            texture=u(0, 3),
            blur=u(0, 0.8),
            noise=u(0, 3),
            jpeg=int(u(60, 95)),
            gradient=u(0, 0.3),
        )
    if name == "pencil":
        return Paper(
            **{**photo, "gradient": u(0, 0.2)},
            ink=_tint(rng, 70, 120),
            colour=_tint(rng, 180, 240),
            opacity=u(0.25, 0.7),
            fade=u(0.1, 0.5),
            grain=u(0.2, 0.6),
        )
    if name == "scan":
        return Paper(
            ink=(0, 0, 0),
            colour=(255, 255, 255),
            blur=u(0.2, 0.7),
            noise=u(0, 8),
            fade=u(0, 0.4),
            scan="binary",
            specks=int(u(0, 8)),
        )
    if name == "lowres":
        return Paper(
            ink=_tint(rng, -80, 60, 0),
            colour=(255, 255, 255),
            fade=float(rng.choice([0, u(0.1, 0.5), u(0.4, 0.7)], p=[0.5, 0.3, 0.2])),
            blur=u(0.2, 0.45),
            scan="clip",
            specks=int(rng.choice([0, 0, 1, 3])),
            slivers=int(rng.choice([0, 0, 0, 1, 2])),
            margin=(0.3, 1.2),
        )
    if name == "cell":
        level = float(rng.choice([u(60, 110), u(140, 235)], p=[0.15, 0.85]))
        return Paper(
            ink=_tint(rng, 0, 50, 0),
            colour=(level,) * 3,
            opacity=u(0.3 if level > 120 else 0.8, 1.0),
            frame="cell",
            rule_colour=(level * 0.4,) * 3,
            rule_width=u(0.03, 0.1),
            gradient=u(0, 0.15),
            texture=u(0.5, 2),
            blur=u(0.5, 1.0),
            noise=u(0.3, 2),
            jpeg=int(u(50, 90)),
            margin=(0.15, 0.9),
            rules=str(rng.choice(["none", "none", "underline"])),
        )
    raise DataError(f"no paper called {name!r}; there are {', '.join(PAPERS)}")


PAPERS = (
    "plain",
    "tinted",
    "photo",
    "shadow",
    "ruled",
    "form",
    "note",
    "table",
    "dark",
    "pencil",
    "scan",
    "lowres",
    "cell",
    "cheque",
)


def _field(rng, w: int, h: int, cells: float) -> np.ndarray:
    "float32 (h, w): a smooth random field, about `cells` hills along the longer side, mean 0, deviation about 1."
    side = max(w, h)
    small = rng.standard_normal(
        (max(2, round(cells * h / side) + 2), max(2, round(cells * w / side) + 2))
    ).astype(np.float32)
    return cv2.resize(small, (w, h), interpolation=cv2.INTER_CUBIC)


def _light(paper: Paper, w: int, h: int, rng) -> np.ndarray:
    "float32 (h, w): the share of light that reaches each pixel; worked out small, it is smooth anyway."
    sw, sh = max(8, min(w, 96)), max(8, min(h, 96))
    ys, xs = np.mgrid[0:sh, 0:sw].astype(np.float32)
    xs, ys = xs / (sw - 1) - 0.5, ys / (sh - 1) - 0.5
    light = np.ones((sh, sw), np.float32)
    if paper.gradient:
        a = rng.uniform(0, 2 * np.pi)
        light -= paper.gradient * (0.5 + 0.7 * (xs * np.cos(a) + ys * np.sin(a)))
    if paper.vignette:
        light *= 1 - paper.vignette * 2 * (xs**2 + ys**2)
    light = cv2.resize(light, (w, h), interpolation=cv2.INTER_LINEAR)
    if paper.shadow:
        cx, cy, a = rng.uniform(-0.3, 0.3), rng.uniform(-0.3, 0.3), rng.uniform(0, 2 * np.pi)
        edge = (xs - cx) * np.cos(a) + (ys - cy) * np.sin(a) + 0.05 * _field(rng, sw, sh, 3)
        soft = rng.uniform(0.006, 0.05)
        shade = 1 / (1 + np.exp(-np.clip(edge / soft, -30, 30)))
        light *= 1 - paper.shadow * cv2.resize(
            shade.astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC
        ).clip(0, 1)
    return light.clip(0.05, 1.5)


def _table(kind: str, w: int, h: int, rng) -> np.ndarray:
    "float32 (h, w, 3): what lies under the sheet."
    if kind == "wood":
        base = np.float32([(60, 95, 140), (40, 65, 105), (25, 40, 65)][rng.integers(3)])
        grain = 0.12 * _field(rng, w, h, 3) + 0.1 * cv2.resize(
            rng.standard_normal((h, 4)).astype(np.float32), (w, h), interpolation=cv2.INTER_CUBIC
        )
    elif kind == "light":
        base, grain = np.float32(_tint(rng, 120, 180, 15)), 0.05 * _field(rng, w, h, 6)
    else:
        base, grain = np.float32(_tint(rng, 10, 50, 3)), 0.25 * _field(rng, w, h, 5)
    return (base * (1 + grain[..., None])).clip(0, 255)


def _frames(paper: Paper, extents, style: Style, cells, rng) -> list[np.ndarray]:
    "Closed or open polylines in cap heights, for each line's (left, top, right, bottom)."
    out = []
    rect = lambda a, b, c, d: np.float32([(a, b), (c, b), (c, d), (a, d), (a, b)])
    for (a, b, c, d), n in zip(extents, cells):
        if paper.frame == "box":
            m = rng.uniform(0.25, 0.7, 4)
            out.append(rect(a - m[0], b - m[1] * 0.7, c + m[2], d + m[3] * 0.7))
        elif paper.frame in ("comb", "boxes"):
            p, top, foot = style.pitch, -1 - 0.3, 0.3
            y = d - 0  # baseline is given as bottom for cells
            n = n + int(rng.integers(0, 3))
            if paper.frame == "comb":
                short = rng.random() < 0.4  # combs: only the feet of the walls
                out.append(
                    rect(0, y + top, n * p, y + foot)
                    if not short
                    else np.float32([(0, y + foot), (n * p, y + foot)])
                )
                out += [
                    np.float32([(i * p, y + (foot - 0.5 if short else top)), (i * p, y + foot)])
                    for i in range(0 if short else 1, n + 1 if short else n)
                ]
            else:
                m = 0.06 * p
                out += [rect(i * p + m, y + top, (i + 1) * p - m, y + foot) for i in range(n)]
    return out


def compose_page(
    lines: list[str],  # texts of the lines, top to bottom: 0-9, A-Z, blanks and MARKS
    hand: Hand,
    rng: np.random.Generator,
    paper="plain",  # a `Paper`, or the name of one of PAPERS
    height_px: float = 40,  # cap height in the picture
    pen_width: float | None = None,  # in pixels; None: the hand's own weight
    slope: float = 0.0,  # degrees, mean slope of the lines on the sheet
    curve: float = 0.0,  # cap heights by which the lines sag
    rotation: float = 0.0,  # degrees by which the sheet is turned, anticlockwise
    tilt: float = 0.0,  # perspective, 0 none, 0.3 strong
    indent: float = 0.5,  # cap heights by which line starts vary
    grey: bool = False,  # one channel instead of three (faster)
    **style,  # fields of `Style`
) -> Composed:  # picture, text, boxes and per-character ink
    "Write lines on a sheet and take its picture."
    if isinstance(lines, str):
        lines = lines.split("\n")
    paper = random_paper(paper, rng) if isinstance(paper, str) else paper
    style = Style(**style)
    cells = paper.frame in ("comb", "boxes")
    if cells and not style.pitch:
        style = replace(style, pitch=float(rng.uniform(1.15, 1.7)))
    height = float(height_px)
    pen = hand.weight * height if pen_width is None else float(pen_width)
    placed, extents, gap = [], [], style.line_gap
    if paper.frame in ("box", "comb", "boxes"):
        gap = max(gap, 2.6 if paper.frame == "box" else 2.1)
    for i, text in enumerate(lines):  # cap heights, first baseline at y=0
        line = layout_line(text, hand, rng, style, pen / height)
        if not line:
            raise DataError(f"line {i + 1} has no character that can be written")
        length = max(float(np.concatenate(p.strokes)[:, 0].max()) for p in line)
        start = np.float32([0 if cells else indent * rng.uniform(0, 1), i * gap])
        bend = (
            (0.3 if paper.frame == "box" else 1.0) * (slope + 0.4 * style.jitter * rng.normal())
            if not cells
            else 0.0
        )
        line = [
            replace(
                p,
                strokes=[_bend(s, bend, 0 if cells else curve, length) + start for s in p.strokes],
            )
            for p in line
        ]
        points = np.concatenate([s for p in line for s in p.strokes])
        lo, hi = points.min(0), points.max(0)
        extents.append((lo[0], lo[1], hi[0], i * gap if cells else hi[1]))
        placed.append(line)
    drawn = _frames(paper, extents, style, [len(t) for t in lines], rng)
    points = np.concatenate([s for line in placed for p in line for s in p.strokes] + drawn)
    lo, hi = points.min(0), points.max(0)
    margin = rng.uniform(*paper.margin, 4)
    sheet = np.float32(
        [(lo[0] - margin[0], lo[1] - margin[1]), (hi[0] + margin[2], hi[1] + margin[3])]
    )
    if paper.table != "none":
        sheet += np.float32([(-1, -1), (1, 1)]) * rng.uniform(0.2, 1.5)
    x0, y0, x1, y1 = sheet.ravel().tolist()
    rules = _rules(paper, (x0, y0, x1, y1), extents, gap, rng)
    if paper.frame == "cell":
        rules += _cell_rules((x0, y0, x1, y1), rng)
    # the sheet in the picture: turned, tilted, then moved so that all of it (or, without a table, all text) is inside
    corners = np.float32([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    matrix = _camera(corners, rotation, tilt, height, rng)
    project = lambda p: cv2.perspectiveTransform(np.ascontiguousarray(p, np.float32)[None], matrix)[
        0
    ]
    quad = project(corners)
    if paper.table != "none":
        border = rng.uniform(0.3, 2.5, 4) * height
        lo, hi = quad.min(0) - border[:2], quad.max(0) + border[2:]
    elif rotation or tilt:
        inside = project(points)
        lo, hi = inside.min(0) - margin[:2] * height, inside.max(0) + margin[2:] * height
    else:
        lo, hi = quad.min(0), quad.max(0)
    w, h = np.ceil(hi - lo).astype(int).tolist()
    place = lambda p: project(p) - lo.astype(np.float32)
    placed = [[replace(p, strokes=[place(s) for s in p.strokes]) for p in line] for line in placed]
    pens = _pens(pen, max(map(len, placed)), rng)
    ink, other, labels, boxes = _draw(placed, pens, (w, h), pen, height)
    printed = np.zeros((h, w), np.uint8)
    for s in drawn + rules:
        _lay(printed, *rasterise([place(s)], max(paper.rule_width * height, 0.7)))
    for _ in range(paper.specks):
        x, y, size = rng.uniform(0, w), rng.uniform(0, h), rng.uniform(0.2, max(0.5, 0.05 * height))
        cv2.circle(
            other,
            (int(x * 16), int(y * 16)),
            int(size * 16),
            int(rng.integers(120, 256)),
            -1,
            cv2.LINE_8,
            SHIFT,
        )
    for _ in range(paper.slivers):
        x, edge, reach = (
            rng.uniform(0, w),
            float(rng.choice((0, h))),
            rng.uniform(0.05, 0.3) * height,
        )
        tip = (x + rng.normal(0, 0.2) * height, edge + (reach if edge == 0 else -reach))
        _lay(other, *rasterise([np.float32([(x, edge), tip])], pen))
    image = _picture(paper, ink, other, printed, place(corners), rng, grey)
    text = "\n".join(plain_text(t) for t in lines)
    return Composed(image, text, boxes, ink, np.maximum(other, printed), labels)


def _camera(corners, rotation: float, tilt: float, height: float, rng) -> np.ndarray:
    "3 x 3 homography from cap heights to pixels (before the final shift)."
    a = np.deg2rad(rotation)
    turn = np.float32([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    middle = corners.mean(0)
    target = (corners - middle) @ turn.T
    if tilt:
        span = target.max(0) - target.min(0)
        target = target + (rng.uniform(-0.5, 0.5, (4, 2)) * tilt * span.min()).astype(np.float32)
    return cv2.getPerspectiveTransform(corners, (target * height).astype(np.float32))


def _rules(paper: Paper, sheet, extents, gap: float, rng) -> list[np.ndarray]:
    "Printed rules in cap heights, bowed by nothing: long straight polylines."
    if paper.rules == "none":
        return []
    x0, y0, x1, y1 = sheet
    reach = 4 * (x1 - x0 + y1 - y0)  # beyond the picture also when the sheet is turned
    if paper.table != "none":
        reach = 0
    under = rng.uniform(-0.05, 0.35)
    if paper.rules == "underline":
        return [
            np.float32(
                [
                    (a - rng.uniform(0, 1.5), i * gap + under),
                    (c + rng.uniform(0, 3), i * gap + under),
                ]
            )
            for i, (a, _, c, _) in enumerate(extents)
        ]
    step = gap if paper.rules == "ruled" else float(rng.choice([gap, gap / 2, gap / 3]))
    levels = np.arange(
        under - step * np.ceil((under - y0 + reach * 0.1) / step), y1 + reach * 0.1, step
    )
    out = [
        np.float32([(x0 - reach * 0.1, y), ((x0 + x1) / 2, y), (x1 + reach * 0.1, y)])
        for y in levels
        if paper.table == "none" or y0 < y < y1
    ]
    if paper.rules == "grid":
        out += [
            np.float32([(x, y0 - reach * 0.1), (x, y1 + reach * 0.1)])
            for x in np.arange(x0 - reach * 0.1 + rng.uniform(0, step), x1 + reach * 0.1, step)
            if paper.table == "none" or x0 < x < x1
        ]
    return out


def _cell_rules(sheet, rng) -> list[np.ndarray]:
    "A table cell's own rules, near the borders of the picture, some of them missing."
    x0, y0, x1, y1 = sheet
    out = []
    for side in range(4):
        if rng.random() < 0.6:
            t, lean = rng.uniform(0, 0.14), rng.normal(0, 0.01)
            cut = (0, 1) if rng.random() < 0.7 else sorted(rng.uniform(0, 1, 2))
            along = np.float32(cut)
            if side < 2:
                y = y0 + t * (y1 - y0) if side == 0 else y1 - t * (y1 - y0)
                out.append(
                    np.stack([x0 + along * (x1 - x0), y + lean * along * (x1 - x0)], 1).astype(
                        np.float32
                    )
                )
            else:
                x = x0 + t * (x1 - x0) * 0.5 if side == 2 else x1 - t * (x1 - x0) * 0.5
                out.append(
                    np.stack([x + lean * along * (y1 - y0), y0 + along * (y1 - y0)], 1).astype(
                        np.float32
                    )
                )
    return out


def _picture(paper: Paper, ink, other, printed, quad, rng, grey: bool) -> np.ndarray:
    "Lay ink on paper, let light fall on it, and photograph or scan it."
    h, w = ink.shape
    level = lambda c: np.float32(c) if not grey else np.float32([np.dot(c, (0.114, 0.587, 0.299))])
    image = np.empty((h, w, 1 if grey else 3), np.float32)
    image[:] = level(paper.colour)
    if paper.texture:
        grain = rng.standard_normal((h, w), np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), 0.8) * 2 + _field(rng, w, h, 12)
        image += (paper.texture * grain)[..., None]
    if paper.pattern:
        ys, xs = np.mgrid[0:h, 0:w].astype(np.float32)
        step = rng.uniform(6, 40)
        bent = step * 0.8 * np.sin(ys / step + xs / (2 * step))
        waves = [
            np.sin(2 * np.pi * (xs * np.cos(a) + ys * np.sin(a) + bent) / step)
            for a in rng.uniform(0, np.pi, 2)
        ]
        image += (paper.pattern * waves[0] * waves[1])[..., None].astype(np.float32)
    marks = np.maximum(ink, other).astype(np.float32) / 255 * paper.opacity
    if paper.fade:
        marks *= (1.1 - paper.fade * (0.6 + 0.5 * _field(rng, w, h, max(w, h) / 60))).clip(0.3, 1)
    if paper.grain:
        marks *= (
            1 + paper.grain * cv2.GaussianBlur(rng.standard_normal((h, w), np.float32), (0, 0), 0.7)
        ).clip(0, 1.6)
    rule = printed.astype(np.float32)[..., None] / 255
    image += (level(paper.rule_colour) - image) * rule
    image += (level(paper.ink) - image) * marks.clip(0, 1)[..., None]
    if paper.table != "none":
        mask = np.zeros((h, w), np.uint8)
        cv2.fillConvexPoly(mask, np.rint(quad * 2**SHIFT).astype(np.int32), 255, cv2.LINE_AA, SHIFT)
        table = _table(paper.table, w, h, rng)
        table = table if not grey else (table @ np.float32([0.114, 0.587, 0.299]))[..., None]
        drop = (
            cv2.GaussianBlur(np.roll(mask, (4, 3), (0, 1)), (0, 0), 4).astype(np.float32)[..., None]
            / 255
        )
        m = mask.astype(np.float32)[..., None] / 255
        image = image * m + table * (1 - 0.4 * drop) * (1 - m)
    if paper.gradient or paper.shadow or paper.vignette:
        image *= _light(paper, w, h, rng)[..., None]
    if paper.blur:
        image = cv2.GaussianBlur(image, (0, 0), paper.blur).reshape(image.shape)
    if paper.noise:
        image += paper.noise * rng.standard_normal((h, w, 1), np.float32)
    if paper.scan == "binary":
        low, high = float(image.min()), float(image.max())
        cut = low + (high - low) * rng.uniform(0.4, 0.75)
        image = np.where(
            image.mean(2, keepdims=True) > cut, np.float32(255), np.float32(0)
        ) + np.zeros_like(image)
    elif paper.scan == "clip":
        black, white = rng.uniform(0, 50), rng.uniform(175, 245)
        image = (image - black) * (255 / (white - black))
    image = image.clip(0, 255).astype(np.uint8)
    image = image[..., 0] if grey else image
    if paper.jpeg:
        image = cv2.imdecode(
            cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, paper.jpeg])[1],
            cv2.IMREAD_UNCHANGED,
        )
    return image


# ---------------------------------------------------------------- texts and pages by chance
def random_number(
    rng: np.random.Generator,
    most: int = 6,  # digits
) -> str:
    "A number as people write them down: a third any digits, the others round (1200) or with a digit repeated (4477)."
    n, kind = int(rng.integers(1, most + 1)), rng.random()
    digits = "".join(rng.choice(list(CLASSES[:10]), n))
    if n < 2 or kind < 0.35:
        return digits
    if kind < 0.85:
        return digits[: (head := int(rng.integers(1, min(n, 4))))] + "0" * (n - head)
    at = int(rng.integers(0, n - 1))
    return digits[:at] + digits[at] * 2 + digits[at + 2 :]


def random_text(
    rng: np.random.Generator,
    words: tuple[int, int] = (1, 3),  # fewest and most words
    letters: tuple[int, int] = (2, 10),  # fewest and most characters a word
    digits: float = 0.25,  # probability that a word is a number
    marks: float = 0.05,  # probability of a mark after or inside a word
) -> str:  # capitals, digits, blanks and marks
    "Made-up words and numbers: no dictionary, so that nothing can be learnt about language."
    vowels, consonants = "AEIOUY", "BCDFGHJKLMNPQRSTVWXZ"
    out = []
    for _ in range(int(rng.integers(words[0], words[1] + 1))):
        n, kind = int(rng.integers(letters[0], letters[1] + 1)), rng.random()
        if kind < digits:
            word = random_number(rng, min(n, 6))
        elif kind < digits + (1 - digits) * 0.4:
            word = "".join(rng.choice(list(CLASSES[10:]), n))
        elif kind < digits + (1 - digits) * 0.9:
            word = "".join(
                rng.choice(list(vowels if rng.random() < 0.45 else consonants)) for _ in range(n)
            )
        else:
            word = "".join(rng.choice(list(CLASSES), n))
        if rng.random() < marks:
            at = int(rng.integers(1, len(word) + 1))
            word = word[:at] + str(rng.choice(list("--..,,:'/"))) + word[at:]
        out.append(word)
    return " ".join(out)


def random_page(
    hand: Hand,
    rng: np.random.Generator,
    paper: str | None = None,  # one of PAPERS; None: by chance
    lines: list[str] | None = None,  # texts; None: made up
    grey: bool = True,  # one channel
) -> Composed:  # a page as real ones of its kind come
    "A page of a kind with everything else left to chance: for training and measuring a segmentation."
    paper = (
        str(rng.choice(PAPERS, p=np.array([8, 6, 8, 8, 10, 12, 6, 8, 5, 8, 7, 14, 10, 4]) / 114))
        if paper is None
        else paper
    )
    if paper == "cell":
        lines = lines or [random_text(rng, (1, 1), (1, 5), 1.0, 0.0)]
    elif paper in ("lowres", "scan") or rng.random() < 0.3:
        lines = lines or [random_text(rng, (1, 2), (2, 10))]
    else:
        lines = lines or [random_text(rng, (1, 3), (1, 8)) for _ in range(int(rng.integers(1, 5)))]
    height = {"lowres": rng.uniform(7, 20), "cell": rng.uniform(11, 24)}.get(
        paper, float(np.exp(rng.uniform(np.log(14), np.log(70))))
    )
    thin, thick = (0.05, 0.16) if paper != "lowres" else (0.07, 0.22)
    pen = max(0.7, height * float(np.exp(rng.uniform(np.log(thin), np.log(thick)))))
    style = random_style(rng)
    if paper == "cell":  # numbers noted in haste
        style = replace(
            style,
            touching=float(
                rng.choice([0, rng.uniform(0, 0.4), rng.uniform(0.4, 1)], p=[0.4, 0.4, 0.2])
            ),
        )
    if paper == "lowres":  # block letters on forms stand wide apart
        style = replace(
            style, letter_gap=float(rng.uniform(0.12, 0.8)), touching=style.touching / 3
        )
        style = replace(style, word_gap=style.letter_gap + float(rng.uniform(0.5, 1.3)))
    turned = 0.0 if paper in ("lowres", "cell") else float(rng.normal(0, 2))
    return compose_page(
        lines,
        hand,
        rng,
        paper,
        height,
        pen,
        slope=float(rng.normal(0, 1.2)),
        curve=float(rng.normal(0, 0.08)),
        rotation=turned,
        tilt=float(rng.uniform(0, 0.15)) if paper in ("photo", "table", "note", "shadow") else 0.0,
        grey=grey,
        **vars(style),
    )


# ---------------------------------------------------------------- measuring boxes
def box_iou(
    a: np.ndarray,  # (N, 4) boxes x, y, w, h
    b: np.ndarray,  # (M, 4)
) -> np.ndarray:  # float64 (N, M), area of the intersection over the area of the union
    "How well boxes agree, each with each."
    a, b = np.asarray(a, float).reshape(-1, 4), np.asarray(b, float).reshape(-1, 4)
    lo = np.maximum(a[:, None, :2], b[None, :, :2])
    hi = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    both = np.prod(np.clip(hi - lo, 0, None), 2)
    return both / np.maximum(
        np.prod(a[:, 2:], 1)[:, None] + np.prod(b[:, 2:], 1)[None] - both, 1e-9
    )


def box_matches(
    found: np.ndarray,  # (N, 4) boxes x, y, w, h
    truth: np.ndarray,  # (M, 4)
    iou: float = 0.5,  # least overlap that counts
) -> list[tuple[int, int]]:  # pairs (index in found, index in truth), each index once
    "Pair found boxes with true ones, best overlap first."
    table = box_iou(found, truth)
    pairs = np.argwhere(table >= iou)
    used_f, used_t, out = set(), set(), []
    for f, t in pairs[np.argsort(-table[pairs[:, 0], pairs[:, 1]], kind="stable")].tolist():
        if f not in used_f and t not in used_t:
            used_f.add(f), used_t.add(t), out.append((f, t))
    return out


def box_scores(
    found: np.ndarray,  # (N, 4) boxes x, y, w, h
    truth: np.ndarray,  # (M, 4)
    iou: float = 0.5,  # least intersection over union that counts as found
) -> tuple[float, float]:  # precision, recall: 0-1; of nothing found out of nothing both are 1
    "Share of the found boxes that are right, and share of the true boxes that were found."
    found, truth = np.asarray(found).reshape(-1, 4), np.asarray(truth).reshape(-1, 4)
    hits = len(box_matches(found, truth, iou))
    return (hits / len(found) if len(found) else float(not len(truth))), (
        hits / len(truth) if len(truth) else 1.0
    )
