"""Glyphs drawn anew at every epoch: pen strokes and images become scans, photos and drawings, then 28 x 28 glyphs.

Steps, each seeded: `between` and `loosen` make a new hand of one or two that were recorded; `draw_strokes` (UNIPEN's pen movements) or
`vary_image` (a glyph that exists only as pixels) makes a clean character of `CANVAS` pixels; `weather` prints, scans or photographs it,
or `scan_low` scans it small; `normalise_glyph` lays it out, as it does with every glyph cut from a page. Constants below are shares of
the character's longer side unless they say pixels.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from customocr.data import open_arrays
from customocr.errors import DataError
from customocr.glyphs import CLASSES, SIDE, normalise_glyph, normalise_glyphs

BOX = 1000  # units, the longer side of a sample in the stroke file
CANVAS = 72  # pixels, longer side of a clean drawing: 2.5 glyphs wide, so that one pixel of pen is thinner than any real pen
MARGIN = 14  # pixels round the drawing, room for the pen's width, the blur and a neighbour's ink
PEN_WIDTH = (0.02, 0.22)  # a hard pencil on a large letter .. a marker on a small one
SCAN_SIDE = (
    10,
    64,
)  # pixels, height of a character: small print on a 100 dpi scan .. a close photo
RANDOMS = 49  # numbers drawn for each glyph, in one call for all of them
FIELDS = 64  # elastic fields drawn once, then scaled, turned and shared out
CLEAN_SHARE = 0.25  # glyphs that go straight from the drawing to the layout: tablets and good scans look like that
SAME_SHARE = 0.3  # images of glyphs that stay as they are: what a scanned digit looks like tells that it is one
FORM_SHARE = 0.1  # glyphs of a form reader: stretched to fill a small box, two levels
DOTS_SHARE = 0.06  # glyphs with stray dots beside them
LOW_SHARE = 0.2  # glyphs scanned a dozen pixels high
LOW_SIDE = (
    12,
    18,
)  # pixels, longer side of such a scan: the collections of the 1980s (USPS: 16), forms scanned small
LOOSE_SHARE = 0.5  # characters whose strokes are moved and bent one by one
BLEND_SHARE = 0.25  # characters drawn between two hands, where these two write them alike
ALIKE = 0.13  # mean distance of two hands' points up to which they write a character alike
LETTER_I, ZERO, ONE = map(CLASSES.index, "I01")
ROUND = (
    CLASSES.index("0"),
    CLASSES.index("O"),
)  # told apart by their width alone, which therefore changes little


@dataclass(frozen=True)
class Strokes:
    "Isolated characters as pen movements; sample i has the strokes `sample_start[i]` to `sample_start[i + 1] - 1`."

    points: np.ndarray  # int16 (P, 2), x to the right, y down, longer side of a sample 0..1000
    stroke_start: np.ndarray  # uint32 (K + 1,), first point of each stroke
    sample_start: np.ndarray  # uint32 (N + 1,), first stroke of each sample
    labels: np.ndarray  # uint8 (N,), index into `CLASSES`
    writer: np.ndarray  # int (N,), index of the writer

    def __len__(self) -> int:
        return len(self.labels)

    def sample(
        self,
        i: int,  # index of the sample
    ) -> list[np.ndarray]:  # one int16 (n, 2) array a stroke
        "The pen strokes of one sample."
        bounds = self.stroke_start[self.sample_start[i] : self.sample_start[i + 1] + 1].tolist()
        return [self.points[a:b] for a, b in zip(bounds[:-1], bounds[1:])]


def load_strokes(
    path: str | Path,  # `unipen_strokes.npz`
) -> Strokes:
    "Read a stroke file; raises `DataError` where it is missing or its parts do not fit together."
    with open_arrays(path, ["points", "stroke_start", "sample_start", "y", "writer"]) as z:
        strokes = Strokes(
            z["points"], z["stroke_start"], z["sample_start"], z["y"], z["writer"].astype(int)
        )
    counts = (len(strokes.points), len(strokes.stroke_start) - 1, len(strokes.labels))
    ends = (
        int(strokes.stroke_start[-1]),
        int(strokes.sample_start[-1]),
        len(strokes.sample_start) - 1,
    )
    if counts != ends:
        raise DataError(
            f"{path}: damaged, points, strokes and samples are {counts}, the index says {ends}; fetch it again"
        )
    return strokes


def _ease(
    r: float,  # 0..1, uniform
    limits: tuple[float, float],  # smallest and largest value
) -> float:  # log-uniform between the limits
    return limits[0] * (limits[1] / limits[0]) ** r


def _affine(
    r: np.ndarray,  # (6,), uniform 0..1: angle, slant, aspect, stretch, two spare
    width: float,  # of the character, any unit
    height: float,
    label: int = -1,  # index into `CLASSES` where it matters
) -> np.ndarray:  # float32 (2, 2), turns, slants and stretches column vectors
    "A random hand: turned by up to 14 degrees, slanted by up to 0.35, narrowed or widened, at times stretched to a square."
    angle = (r[0] + r[1] - 1) * 0.25
    slant = (r[2] + r[3] - 1) * 0.35
    aspect = float(np.exp((r[4] - 0.5) * (0.1 if label in ROUND else 0.5)))
    if (
        label not in ROUND and r[5] < 0.12 and width > 0.2 * height
    ):  # a form reader that fills its box; not for bars, which would turn into blocks
        aspect *= min(max(0.8 * height / max(width, 1e-6), 0.6), 2.2)
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c * aspect, -s + slant * c], [s * aspect, c + slant * s]], np.float32)


def is_bar(
    strokes,  # (n, 2) points a stroke, any unit
) -> bool:
    "Whether a character is one upright stroke, as a 1 or an I often is."
    if len(strokes) != 1 or len(strokes[0]) < 2:
        return False
    low, high = strokes[0].min(0), strokes[0].max(0)
    return float(high[0] - low[0]) < 0.4 * float(high[1] - low[1]) and float(
        np.ptp(strokes[0][[0, -1], 1])
    ) > 0.8 * float(high[1] - low[1])


def flag_one(
    bar: np.ndarray,  # (n, 2) points of a 1 that is only a bar, any unit, y down
    length: float,  # 0..1: a tick .. a stroke that comes all the way up from the baseline
    angle: float,  # 0..1: steep .. flat
    bend: float,  # 0..1: bowed to one side .. to the other
) -> np.ndarray:  # float32 (n + 3, 2), the flag first: most write it without lifting the pen
    "The 1 of continental Europe and of those who learnt from it: an upstroke, then the bar."
    bar = np.asarray(bar, np.float32)
    bar = bar if bar[0, 1] < bar[-1, 1] else bar[::-1]
    top, height = bar[0], float(np.ptp(bar[:, 1]))
    turn = 0.35 + 0.7 * angle  # radians from the vertical
    reach = height * (0.15 + 0.8 * length)
    foot = top + np.float32([-np.sin(turn), np.cos(turn)]) * min(
        reach, 0.95 * height / max(np.cos(turn), 0.1)
    )
    middle = (top + foot) / 2 + np.float32([np.cos(turn), np.sin(turn)]) * reach * 0.2 * (
        bend - 0.5
    )
    quarter = lambda t: (1 - t) ** 2 * foot + 2 * t * (1 - t) * middle + t**2 * top
    return np.concatenate(
        [np.stack([quarter(t) for t in (0.0, 0.35, 0.7)]).astype(np.float32), bar]
    )


def hook_zero(
    ring: np.ndarray,  # (n, 2) points of a zero written in one stroke, any unit, y down
    lead: float,  # 0..1: how far the pen comes from the left before the ring begins
    leave: float,  # 0..1: how far it goes on to the right after the ring is closed
    lift: float,  # 0..1: both hooks fall .. rise to the right
) -> np.ndarray:  # float32 (n + 2, 2)
    "A zero written in haste: the pen lands before it turns and leaves towards the next digit, which gives the ring corners at its top."
    ring = np.asarray(ring, np.float32)
    width, height = np.maximum(np.ptp(ring, 0), 1)
    if ring[0, 1] > ring[:, 1].min() + 0.35 * height:  # it does not begin at the top
        return ring
    rise = 0.25 * height * (0.5 - lift)
    first = ring[0] - np.float32([0.05 * width + 0.45 * width * lead, rise])
    last = ring[-1] + np.float32([0.05 * width + 0.45 * width * leave, rise])
    return np.concatenate([first[None], ring, last[None]])


def along(
    stroke: np.ndarray,  # (n, 2) points, any unit
    at: np.ndarray,  # float (m,), places along it, 0..1
) -> np.ndarray:  # float64 (m, 2)
    "Points of a stroke at equal or other distances of the pen's way."
    stroke = np.asarray(stroke, np.float64)
    way = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    return np.stack([np.interp(at * way[-1], way, axis) for axis in stroke.T], 1)


def loosen(
    strokes: list[np.ndarray],  # (n, 2) points a stroke, any unit
    rng: np.random.Generator,  # source of chance
    strength: float = 1.2,  # 0 leaves the shape as it is
) -> list[np.ndarray]:  # float64 (m, 2) points a stroke
    "Write a character less exactly: each stroke moved, turned and scaled by itself, its corners rounded, its ends short or running on."
    points = np.concatenate(strokes)
    size = max(float(np.ptp(points, 0).max()), 1.0)
    loose = []
    for stroke in strokes:
        stroke = np.asarray(stroke, np.float64)
        way = float(np.hypot(*np.diff(stroke, axis=0).T).sum()) / size if len(stroke) > 2 else 0.0
        if way > 0.15:
            r, short = rng.random(7), np.abs(rng.normal(0, 0.035 * strength, 2))
            stroke = along(
                stroke,
                np.linspace(
                    short[0] * (r[0] < 0.25),
                    1 - short[1] * (r[1] < 0.25),
                    min(max(int(way * 14), 6), 40),
                ),
            )
            if r[2] < 0.35:
                middle = (stroke[:-2] + stroke[2:]) / 2
                stroke[1:-1] += 0.5 * strength * r[3] * (middle - stroke[1:-1])
            if r[4] < 0.25:
                stroke = np.concatenate(
                    [stroke, stroke[-1:] + (stroke[-1:] - stroke[-2:-1]) * 1.2 * strength * r[5]]
                )
            if r[6] < 0.15:
                stroke = np.concatenate(
                    [stroke[:1] + (stroke[:1] - stroke[1:2]) * 8 * strength * r[6], stroke]
                )
        if len(strokes) > 1 and rng.random() < 0.8:
            n = rng.normal(size=5) * strength
            turn, middle = 0.07 * n[0], stroke.mean(0)
            c, s = np.cos(turn), np.sin(turn)
            stroke = (
                (stroke - middle) * np.exp(0.07 * n[1:3]) @ np.array([[c, s], [-s, c]])
                + middle
                + 0.03 * size * n[3:]
            )
        loose.append(stroke)
    return loose


def between(
    one: list[np.ndarray],  # (n, 2) points a stroke, any unit
    other: list[np.ndarray],  # the same character, in as many strokes
    weight: float,  # 0..1: the one .. the other
) -> (
    list[np.ndarray] | None
):  # float64 (20, 2) points a stroke, longer side about `BOX`; None where the two write differently
    "A hand between two: their strokes laid over each other and averaged point by point."
    laid = []
    for strokes in (one, other):
        points = np.stack([along(stroke, np.linspace(0, 1, 20)) for stroke in strokes])
        points /= max(float(np.ptp(points.reshape(-1, 2), 0).max()), 1e-6)
        laid.append(points - points.reshape(-1, 2).mean(0))
    if len(laid[0]) != len(laid[1]) or np.sqrt(((laid[0] - laid[1]) ** 2).sum(-1)).mean() > ALIKE:
        return None
    return list(((1 - weight) * laid[0] + weight * laid[1]) * BOX)


def draw_strokes(
    strokes: list[np.ndarray],  # (n, 2) points a stroke, any unit
    r: np.ndarray,  # (24,), uniform 0..1: all that chance decides
    label: int = -1,  # index into `CLASSES`; a single bar gets at times a dot as an I, a flag as a 1; a zero hooks
) -> np.ndarray:  # uint8 (h, w), white ink on black, longer side about `CANVAS` + 2 `MARGIN`
    "Draw pen strokes with a pen of random width, the points slanted, turned, stretched and bent."
    if label == ONE and r[14] < 0.5 and is_bar(strokes):
        strokes = [flag_one(strokes[0], (r[14] / 0.5) ** 0.6, r[16], r[17])]
    elif label == ZERO and r[14] < 0.35 and len(strokes) == 1:
        strokes = [hook_zero(strokes[0], r[14] / 0.35, r[16], r[17])]
    lengths = [len(s) for s in strokes]
    p = np.concatenate(strokes).astype(np.float32)
    low, high = p.min(0), p.max(0)
    size = np.maximum(high - low, 1)
    q = (p - (low + high) / 2) / size.max()  # -0.5 .. 0.5 on the longer side
    if r[6] < 0.7:  # bend: slow waves move the points, differently at each place
        strength = 0.05 * r[7]
        phase = 6.28 * r[8:12]
        turns = 3 + 6 * r[12:14]
        q = q + strength * np.stack(
            [
                np.sin(turns[0] * q[:, 1] + phase[0]) + np.sin(turns[1] * q[:, 0] + phase[1]),
                np.sin(turns[1] * q[:, 0] + phase[2]) + np.sin(turns[0] * q[:, 1] + phase[3]),
            ],
            1,
        )
    q = q @ _affine(r[:6], *size, label).T
    dotted = label == LETTER_I and len(strokes) == 1 and r[14] < 0.2 and size[0] < 0.4 * size[1]
    if dotted:
        q[:, 1] *= 0.75
    low, high = q.min(0), q.max(0)
    side = max(float((high - low).max()), 1e-3)
    scale = CANVAS / side
    pen = max(1, round(CANVAS * _ease(r[15], PEN_WIDTH)))
    margin = MARGIN + pen // 2
    if dotted:
        top = np.array(
            [[q[:, 0].mean() + 0.1 * (r[16] - 0.5), low[1] - side * (0.2 + 0.15 * r[17])]],
            np.float32,
        )
        q, low, lengths = np.concatenate([q, top]), np.minimum(low, top[0]), [*lengths, 1]
    pixels = (q - low) * scale + margin
    w, h = ((high - low) * scale).astype(int) + 2 * margin + 1
    ink = np.zeros((h, w), np.uint8)
    points = np.rint(pixels * 16).astype(np.int32)
    start = 0
    for n in lengths:
        cv2.polylines(ink, [points[start : start + n]], False, 255, pen, cv2.LINE_8, 4)
        start += n
    if r[18] < 0.12:  # ink of a neighbour at the edge
        x = int(r[19] * 6) + pen // 2 if r[20] < 0.5 else w - 1 - int(r[19] * 6) - pen // 2
        y = int(r[21] * h)
        cv2.line(ink, (x, y), (x + int(r[22] * 10 - 5), y + int((r[23] - 0.5) * 0.5 * h)), 255, pen)
    return ink


def elastic_fields(
    rng: np.random.Generator,  # source of chance
    count: int = FIELDS,  # number of fields
) -> np.ndarray:  # float32 (count, 2, S, S), S = CANVAS + 2 MARGIN, displacement with a standard deviation about 1
    "Smooth random displacements (Simard et al., 2003, Best practices for convolutional neural networks)."
    fields = rng.normal(size=(count, 2, 5, 5)).astype(np.float32)
    side = CANVAS + 2 * MARGIN
    big = [
        cv2.resize(f, (side, side), interpolation=cv2.INTER_CUBIC) for f in fields.reshape(-1, 5, 5)
    ]
    return np.stack(big).reshape(count, 2, side, side)


def vary_image(
    glyph: np.ndarray,  # uint8 (28, 28), white on black
    r: np.ndarray,  # (24,), uniform 0..1
    fields: np.ndarray,  # from `elastic_fields`
    label: int = -1,  # index into `CLASSES` where it matters
) -> np.ndarray:  # uint8 (h, w), white on black, longer side about `CANVAS` + 2 `MARGIN`
    "Turn, slant, stretch and bend a glyph that exists only as pixels; its lines thinned or thickened at times."
    mask = glyph > 64
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(xs):
        return np.zeros((SIDE, SIDE), np.uint8)
    width, height = xs[-1] - xs[0] + 1, ys[-1] - ys[0] + 1
    back = np.linalg.inv(_affine(r[:6], width, height, label)).astype(np.float32)
    turned = np.abs(np.linalg.inv(back)) @ np.array([width, height])
    back *= float(turned.max()) / CANVAS
    middle = ((xs[0] + xs[-1]) / 2, (ys[0] + ys[-1]) / 2)
    wide, high = (
        (np.minimum(turned / turned.max() * CANVAS, CANVAS) + 2 * MARGIN).astype(int).tolist()
    )
    if r[6] < 0.7:
        field = fields[int(r[7] * len(fields))][:, :high, :wide] * np.float32(0.9 * r[8])
        across = np.arange(wide, dtype=np.float32) - np.float32((wide - 1) / 2)
        down = (np.arange(high, dtype=np.float32) - np.float32((high - 1) / 2))[:, None]
        map_x = field[0] + (back[0, 0] * across + np.float32(middle[0])) + back[0, 1] * down
        map_y = field[1] + (back[1, 0] * across + np.float32(middle[1])) + back[1, 1] * down
        ink = cv2.remap(glyph, map_x, map_y, cv2.INTER_LINEAR)
    else:
        shift = np.array(middle, np.float32) - back @ np.array(
            [(wide - 1) / 2, (high - 1) / 2], np.float32
        )
        ink = cv2.warpAffine(
            glyph,
            np.column_stack([back, shift]),
            (wide, high),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        )
    if r[9] < 0.5:
        kernel = np.ones((2 + int(r[10] * 3),) * 2, np.uint8)
        ink = cv2.dilate(ink, kernel) if r[11] < 0.55 else cv2.erode(ink, kernel)
        if int(ink.max()) < 128:  # thinned away
            ink = cv2.dilate(ink, np.ones((5, 5), np.uint8))
    return ink


def weather(
    ink: np.ndarray,  # uint8 (h, w), a clean drawing
    r: np.ndarray,  # (24,), uniform 0..1
    noise: np.ndarray,  # int16 (1 << 16,), standard normal times 64, read from a random place
) -> np.ndarray:  # uint8 (h, w) of a random size, as if cut from a scan, a photo or a screen
    "What pen, paper, lens, scanner and threshold do to a character on its way to a page crop."
    h, w = ink.shape
    if r[19] < DOTS_SHARE:
        ink = ink.copy()
        for k in range(1 + int(r[20] * 3)):
            n = int(r[21] * 60000) + 3 * k
            x, y = (int(v) % side for v, side in zip(noise[n : n + 2] * 7, (w, h)))
            cv2.circle(ink, (x, y), 1 + int(abs(int(noise[n + 2])) * 0.03), 255, -1)
    elif r[19] > 1 - FORM_SHARE:
        ys, xs = np.flatnonzero(ink.max(1) > 64), np.flatnonzero(ink.max(0) > 64)
        if len(xs) > 0.2 * len(ys):  # bars would turn into blocks
            size = (13 + int(r[20] * 6), 18 + int(r[21] * 5))
            small = cv2.resize(
                ink[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1], size, interpolation=cv2.INTER_AREA
            )
            return cv2.threshold(
                small, int(small.max() * (0.3 + 0.3 * r[22])), 255, cv2.THRESH_BINARY
            )[1]
    if r[0] < 0.25:  # ink that runs dry: slow noise lowers it in places
        n = int(r[1] * 60000)
        patch = noise[n : n + 36].reshape(6, 6).astype(np.float32)
        slow = cv2.resize(patch, (w, h), interpolation=cv2.INTER_LINEAR)
        ink = (
            ink * np.minimum(np.maximum(1 - 0.5 * r[2] + slow * np.float32(0.006 * r[3]), 0.12), 1)
        ).astype(np.uint8)
    side = _ease(r[4], SCAN_SIDE)
    scale = side / CANVAS
    small = cv2.resize(
        ink, (max(4, round(w * scale)), max(4, round(h * scale))), interpolation=cv2.INTER_AREA
    )
    if r[5] < 0.5:  # lens
        small = cv2.GaussianBlur(
            small, (0, 0), (0.35 + 0.9 * r[6] ** 2) * (1 if side < 24 else side / 24)
        )
    peak = max(int(small.max()), 1)
    level = 0.35 + 0.65 * r[7] if r[8] < 0.5 else 1.0
    small = cv2.convertScaleAbs(small, alpha=255 * level / peak)
    if r[9] < 0.4:  # grain
        n = int(r[10] * 50000)
        count = small.size
        if count < 15000:
            grain = noise[n : n + count].reshape(small.shape) * (0.16 * r[11])
            small = np.minimum(np.maximum(small + grain, 0), 255).astype(np.uint8)
    if r[12] < 0.12 and min(small.shape) >= 8:  # JPEG
        small = cv2.imdecode(
            cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 15 + int(r[13] * 60)])[1],
            cv2.IMREAD_GRAYSCALE,
        )
    way = r[14]
    if way < 0.25:  # two levels: a fax, a fill-in form, a drawing program
        cut = int(small.max() * (0.25 + 0.4 * r[15]))
        small = cv2.threshold(small, cut, 255, cv2.THRESH_BINARY)[1]
    elif way < 0.75:  # a page reader takes the paper's level away
        cut = small.max() * (0.05 + 0.3 * r[15])
        small = cv2.convertScaleAbs(
            cv2.max(small, int(cut)),
            alpha=255 / (255 - int(cut)),
            beta=-255 / (255 - int(cut)) * int(cut),
        )
    if r[16] < 0.12:  # a box that cuts the character short
        ys, xs = np.flatnonzero(small.max(1) > 80), np.flatnonzero(small.max(0) > 80)
        if len(xs) > 6 and len(ys) > 6:
            share = 0.1 * r[17]
            cut_x, cut_y = int(share * len(xs)), int(share * len(ys))
            where = int(r[18] * 4)
            if where == 0:
                small = small[:, xs[0] + cut_x :]
            elif where == 1:
                small = small[:, : xs[-1] + 1 - cut_x]
            elif where == 2:
                small = small[ys[0] + cut_y :]
            else:
                small = small[: ys[-1] + 1 - cut_y]
    return small


def scan_low(
    ink: np.ndarray,  # uint8 (h, w), a clean drawing
    r: np.ndarray,  # (24,), uniform 0..1
    noise: np.ndarray,  # int16 (1 << 16,), standard normal times 64, read from a random place
) -> np.ndarray:  # uint8 (h, w), about `LOW_SIDE` pixels high
    "A scan with few pixels and many greys."
    h, w = ink.shape
    scale = _ease(r[0], LOW_SIDE) / CANVAS
    small = cv2.resize(
        ink, (max(3, round(w * scale)), max(4, round(h * scale))), interpolation=cv2.INTER_AREA
    )
    if r[1] < 0.5:
        small = cv2.GaussianBlur(small, (0, 0), 0.3 + 0.6 * r[2])
    small = cv2.convertScaleAbs(small, alpha=255 / max(1, int(small.max())) * (1 + 0.5 * r[3]))
    if r[4] < 0.3:
        n = int(r[5] * 50000)
        small = np.clip(
            small + noise[n : n + small.size].reshape(small.shape) * (0.1 * r[6]), 0, 255
        ).astype(np.uint8)
    return small


def noise_tape(
    rng: np.random.Generator,  # source of chance
) -> np.ndarray:  # int16 (1 << 16,), standard normal times 64
    "A long strip of noise, drawn once and read from random places: drawing it for each glyph would cost more than the glyph."
    return (rng.standard_normal(1 << 16) * 64).astype(np.int16)


def _scanned(clean, r, noise, same, low):
    "A clean drawing after its way to the reader, laid out; the drawing itself where nothing of it is left."
    if r[48] < low:
        glyph = normalise_glyph(scan_low(clean, r[24:48], noise))
    else:
        glyph = normalise_glyph(
            weather(clean, r[24:48], noise) if r[47] >= same + CLEAN_SHARE * (1 - same) else clean
        )
    return glyph if glyph.any() else normalise_glyph(clean)


def render_strokes(
    strokes: Strokes,  # the samples
    indices: np.ndarray,  # int (N,), which of them, repeats allowed
    rng: np.random.Generator,  # source of chance: the same generator state gives the same glyphs
    low: float = LOW_SHARE,  # share that is scanned small
    loose: bool = True,  # with hands of their own: between two that are drawn here, and less exact
) -> np.ndarray:  # uint8 (N, 28, 28), white on black, in the layout of `normalise_glyph`
    "Draw samples with a new hand, pen and scan each."
    indices = np.asarray(indices)
    r, noise = rng.random((len(indices), RANDOMS)), noise_tape(rng)
    counts = np.diff(strokes.sample_start.astype(int))
    alike = {}  # the samples at hand of each class and number of strokes
    for i in indices.tolist() if loose else ():
        alike.setdefault((int(strokes.labels[i]), int(counts[i])), []).append(i)
    out = np.empty((len(indices), SIDE, SIDE), np.uint8)
    for k, i in enumerate(indices.tolist()):
        sample, label = strokes.sample(i), int(strokes.labels[i])
        if loose:
            chance, partners = rng.random(3), alike[label, int(counts[i])]
            if chance[0] < BLEND_SHARE and min(map(len, sample)) > 1 and not is_bar(sample):
                other = strokes.sample(partners[int(chance[1] * len(partners))])
                if min(map(len, other)) > 1:
                    sample = between(sample, other, 0.15 + 0.35 * chance[2]) or sample
            if rng.random() < LOOSE_SHARE:
                sample = loosen(sample, rng)
        out[k] = _scanned(draw_strokes(sample, r[k, :24], label), r[k], noise, 0.0, low)
    return out


def render_images(
    glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
    rng: np.random.Generator,  # source of chance
    labels: np.ndarray | None = None,  # int (N,), index into `CLASSES`; None = not known
    same: float = SAME_SHARE,  # share that stays as it is, apart from the layout where it lacks it
    low: float = LOW_SHARE,  # share of the others that is scanned small
) -> np.ndarray:  # uint8 (N, 28, 28), white on black, in the layout of `normalise_glyph`
    "Vary glyphs that exist only as pixels and give each a new scan."
    r = rng.random((len(glyphs), RANDOMS))
    noise = noise_tape(rng)
    fields = elastic_fields(rng)
    out = normalise_glyphs(glyphs)
    for k in np.flatnonzero(r[:, 47] >= same).tolist():
        made = _scanned(
            vary_image(glyphs[k], r[k, :24], fields, -1 if labels is None else int(labels[k])),
            r[k],
            noise,
            same,
            low,
        )
        out[k] = made if made.any() else normalise_glyph(glyphs[k])
    return out
