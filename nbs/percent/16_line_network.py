# %% [markdown]
# # Reading without cutting
# > A network slides along the line and says at each step what it sees.

# %% [markdown]
# How do we read three zeros that have grown together, when no cut divides them? So far we cut a line first and read the parts afterwards. In this notebook a network slides along the line and reads without cutting. At the end you can turn a line into steps, add up the steps by hand, and give them to the [decoder](15_decoding.ipynb).
#
# *Needs*: half a minute and no data.

# %%
#| default_exp line_network

# %%
#| export
from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from customocr.decoding import Lattice
from customocr.engine.network import CURE, open_network, tried
from customocr.errors import ModelError
from customocr.glyphs import CLASSES
from customocr.layout.ink import ink_strength
from customocr.layout.lines import TextLine
from customocr.layout.sheet import Sheet
from customocr.statistics import median, percentile, straight_line

# %%
#| code-fold: true
#| code-summary: "Imports, and a line of digits that touch"
import matplotlib.pyplot as plt
import pandas as pd

from customocr.decoding import Knowledge, decode_lines
from customocr.layout.cuts import propose
from customocr.layout.sheet import analyse
from customocr.pictures import figure, write
from customocr.recognition import MODELS, Reader

plt.rcParams.update({"figure.figsize": (7.6, 3), "figure.dpi": 90, "font.size": 8})
page = write(["TAKE 3000 HOME"], seed=5, touching=0.9, height=44).image

# %% [markdown]
# ## Where cutting ends
#
# The zeros of this line touch. [Where would one cut?](12_cuts.ipynb) proposed cuts at narrow places of the ink, and a network judged the parts. That network can choose only among the cuts that were proposed. If the right cut is missing, the zeros are lost.

# %%
#| code-fold: true
#| code-summary: "The line and its cuts, drawn"
#| label: fig-line-cuts
#| fig-cap: "Look at the three zeros: boxes overlap there, and some hold only a slice of a zero. Each box is a piece that the cuts propose."
#| fig-alt: "A handwritten line TAKE 3000 HOME whose letters touch, above the same line with many overlapping boxes."
sheet = analyse(page)
cut = propose(sheet.lines[0], np.zeros(len(sheet.lines[0].pieces), bool))
seen = cv2.cvtColor(sheet.grey, cv2.COLOR_GRAY2BGR)
for p in cut.pieces:
    cv2.rectangle(seen, (p.x, p.y), (p.right, p.bottom), (0, 120, 255), 1)
figure({"the line": page, "its pieces after cutting": seen}, columns=1)

# %% [markdown]
# ## A strip
#
# The line network reads a picture of fixed height and any length. We call it a **strip**. Each line is turned level and scaled until its letters are 20 pixels high, as on a [glyph](08_glyphs.ipynb). With 6 pixels of room above and below, a strip has 32 rows.
#
# The strip shows the ink's *strength*, light on dark. Shadows and paper are gone already. Ruled lines and frames stay, because the network has learnt to read through them.

# %%
#| export
ROWS = 32  # pixels, height of a strip
LETTER_ROWS = 20.0  # pixels, height of the letters on a strip of 32 rows: as on a glyph
FAINTEST = 48  # of 255: weaker ink is not made darker than this allows, so empty paper stays empty
BESIDE = 0.5  # letter heights of paper left and right of the ink
LEVEL_FROM = 4.0  # letter heights: shorter lines say little about their slope
STEEPEST = 0.3  # dy/dx of a line


def normalised(
    strip: np.ndarray,  # uint8 (rows, w), ink strength
) -> np.ndarray:  # uint8 (rows, w), 0 paper .. 255 the darkest ink
    "Ink as dark as the line's own pen."
    top = percentile(strip, 99.5) if strip.size else 0.0
    return cv2.convertScaleAbs(strip, alpha=255 / max(top, FAINTEST))


def level_strip(
    strength: np.ndarray,  # uint8 (h, w), of the page
    factor: float,  # strip pixels per page pixel
    slope: float,  # of the line, dy/dx
    x0: float,  # page pixels, the strip's left end
    x1: float,  # page pixels, its right end
    cy: float,  # page pixels, the middle of the letters halfway along
    rows: int = ROWS,  # pixels, height of the strip
) -> np.ndarray:  # uint8 (rows, W)
    "The part of a page that holds a line, sheared level and scaled."
    width, middle = max(8, int(np.ceil((x1 - x0) * factor))), (x0 + x1) / 2
    matrix = np.array(
        [
            [factor, 0, -x0 * factor],
            [-slope * factor, factor, (slope * middle - cy) * factor + rows / 2],
        ]
    )
    if factor < 0.6:  # reduced by area first: a warp alone would skip pixels
        g = max(factor / 0.75, 0.05)
        strength = cv2.resize(strength, None, fx=g, fy=g, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.diag([1 / g, 1 / g, 1])
    return cv2.warpAffine(strength, matrix, (width, rows), flags=cv2.INTER_LINEAR)


@dataclass(frozen=True)
class Strip:
    "A line as a network sees it, and the way back to the page."

    pixels: np.ndarray  # uint8 (rows, W), ink light on dark
    x0: float  # page pixels, the strip's left end
    factor: float  # strip pixels per page pixel


def _level(line: TextLine) -> tuple[float, float, float, float]:
    "Slope of a line, its left and right end, and the middle of its letters halfway along."
    boxes = np.array([p.box for p in line.pieces], float)
    left, right = boxes[:, 0].min(), (boxes[:, 0] + boxes[:, 2]).max()
    tall = boxes[boxes[:, 3] >= 0.5 * line.letter]
    tall = tall if len(tall) else boxes
    x, y = tall[:, 0] + tall[:, 2] / 2, tall[:, 1] + tall[:, 3] / 2
    long = len(tall) >= 3 and np.ptp(x) > LEVEL_FROM * line.letter
    slope = float(np.clip(straight_line(x, y)[0], -STEEPEST, STEEPEST)) if long else 0.0
    return slope, left, right, median(y - slope * (x - (left + right) / 2))


def line_strip(
    sheet: Sheet,
    line: TextLine,  # one of its lines
    rows: int = ROWS,  # pixels, height of the strip
    grey: bool = False,  # the paper as it is, dark ink on light, in place of the ink's strength
) -> Strip:
    "Bring a line of a page level and to one height."
    slope, left, right, cy = _level(line)
    x0, x1 = left - BESIDE * line.letter, right + BESIDE * line.letter
    factor = LETTER_ROWS * rows / ROWS / line.letter
    source = 255 - sheet.grey if grey else sheet.strength
    pixels = level_strip(source, factor, slope, x0, x1, cy, rows)
    return Strip(pixels if grey else normalised(pixels), x0, factor)


# %%
#| label: fig-line-strip
#| fig-cap: "The same line as the network gets it: level, 32 rows high, without paper. The zeros still touch."
#| fig-alt: "The line TAKE 3000 HOME as a low strip of light letters on black."
strip = line_strip(sheet, sheet.lines[0])
assert strip.pixels.shape[0] == ROWS
figure({f"a strip of {ROWS} x {strip.pixels.shape[1]} pixels": strip.pixels}, columns=1)

# %% [markdown]
# Sometimes nothing on a page looks like a line. On woven paper, for instance, the threads are as dark as a pale pen, and the number among them is not found. Then the whole picture becomes one strip.

# %%
#| export
PICTURE_ROWS = 64  # pixels: height to which a whole picture is brought before its ink is found
PICTURE_PEN = 38  # pixels: more than the widest stroke at that height


def picture_strip(
    grey: np.ndarray,  # uint8 (h, w), dark ink on lighter paper
) -> np.ndarray:  # uint8 (32, W), ink light on dark
    "A picture that is one line, whatever is on it."
    f = PICTURE_ROWS / grey.shape[0]
    width = max(16, round(grey.shape[1] * f))
    how = cv2.INTER_AREA if f < 1 else cv2.INTER_CUBIC
    page = cv2.resize(grey, (width, PICTURE_ROWS), interpolation=how)
    strength = ink_strength(page, PICTURE_PEN)
    size = max(8, width * ROWS // PICTURE_ROWS), ROWS
    return normalised(cv2.resize(strength, size, interpolation=cv2.INTER_AREA))


# %% [markdown]
# ## What a step sees
#
# The network divides the strip into **steps**, each 4 columns wide. Convolutions let a step look at its neighbours too, so it sees more than its own 4 columns.
#
# At each step the network gives 38 probabilities. 36 belong to the characters and one to the space between words. The last is the **blank**: no new character is written here. A character shows as a high probability at one step or a few. The steps between two characters say blank.
#
# You can use a network of your own, if it works in steps. It needs one input of shape (1, channels, rows, width) or (1, rows, width, channels) and one output of shape (1, steps, symbols) with the blank first. The file's metadata must list its characters under `character`, one a line. The ONNX networks of PaddleOCR fulfil this. We count a lower-case letter as its capital, and a character outside our classes as blank.

# %%
#| export
LINES = "lines.onnx"  # strip -> a row of probabilities for each step
MOST_ROWS = 256  # pixels, height of a strip that a network may ask for
BLANK, SPACE = 0, len(CLASSES) + 1  # columns of the steps; between them the 36 classes


def _columns(symbols: Sequence[str]) -> np.ndarray:
    "Column of our steps for each symbol of a network, the blank first: int (symbols,)."
    known = {c: i + 1 for i, c in enumerate(CLASSES)} | {" ": SPACE}
    return np.array([BLANK, *(known.get(s.upper(), BLANK) for s in symbols)])


def _log_softmax(values: np.ndarray) -> np.ndarray:
    "Log-probabilities of each row, from logits, probabilities or log-probabilities."
    if values.min() >= 0 and np.abs(values.sum(-1) - 1).max() < 0.01:
        return np.log(np.maximum(values, 1e-12))
    top = values.max(-1, keepdims=True)
    return values - top - np.log(np.exp(values - top).sum(-1, keepdims=True))


class LineNetwork:
    "Reads strips in steps. Raises `ModelError` for a file that is no such network."

    def __init__(
        self,
        path: str | Path,  # of an ONNX file
        weights: Mapping[str, bytes] | None = None,  # tensors in place of the file's own
    ):
        self.network = open_network(path, 1, weights)
        shape = self.network.get_inputs()[0].shape
        self.first = len(shape) == 4 and shape[1] in (1, 3)  # channels come before rows
        self.channels, self.rows = (shape[1], shape[2]) if self.first else (shape[-1], shape[1])
        symbols = self.network.get_modelmeta().custom_metadata_map.get("character", "")
        if len(shape) != 4 or self.channels not in (1, 3) or not isinstance(self.rows, int):
            raise ModelError(
                f"{path}: its input is {shape}; a line network takes strips (1, 32, W, 1)"
            )
        if not symbols:
            raise ModelError(
                f"{path}: names no characters; its metadata needs `character`, one a line"
            )
        self.symbols = symbols.split("\n") if "\n" in symbols else list(symbols)
        self.own = self.channels == 1  # of the kind trained here: ink, light on dark, 0..255
        self._try_out(path)

    def _try_out(self, path: str | Path) -> None:
        "Read two strips of paper, and refuse a network whose answer has another form."
        if not 8 <= self.rows <= MOST_ROWS:
            raise ModelError(f"{path}: takes strips of {self.rows} rows; {CURE}")
        for width in (48, 80):
            pixels = np.zeros((self.rows, width), np.uint8)
            said = tried(self.network, path, self._batch(pixels))
            if (
                said.ndim != 3
                or not 1 <= said.shape[1] <= width
                or said.shape[2] - len(self.symbols) not in (1, 2)
            ):
                raise ModelError(
                    f"{path}: gives {said.shape} for a strip of {width} columns and"
                    f" {len(self.symbols)} characters; steps of one number for each of them and"
                    f" the blank are needed; {CURE}"
                )

    def _batch(self, pixels: np.ndarray) -> np.ndarray:
        "One strip as the network takes it: float32, four dimensions."
        image = cv2.copyMakeBorder(pixels, 0, 0, 0, -pixels.shape[1] % 4, cv2.BORDER_REPLICATE)
        image = np.repeat(image[..., None].astype(np.float32), self.channels, 2)
        if not self.own:  # PaddleOCR: dark ink on light, -1..1
            image = np.subtract(255, image) / 127.5 - 1
        return (image.transpose(2, 0, 1) if self.first else image)[None]

    def _steps(self, pixels: np.ndarray) -> np.ndarray:
        "What the network says of one strip: float32 (T, symbols)."
        return self.network.run(None, {self.network.get_inputs()[0].name: self._batch(pixels)})[0][
            0
        ]

    def steps(
        self,
        strips: Sequence[np.ndarray],  # uint8 (rows, W) each
    ) -> list[np.ndarray]:  # float64 (T, 38) each: log-probabilities of blank, classes, space
        "Read strips, one after the other. Raises `ModelError` where the answer has another form."
        out = []
        for strip in strips:
            said = self._steps(strip)
            columns = _columns(self.symbols)
            if said.ndim != 2 or said.shape[1] not in (len(columns), len(columns) + 1):
                raise ModelError(
                    f"the line network gives {said.shape} for {len(columns)} symbols, blank"
                    " included"
                )
            if said.shape[1] > len(columns):  # PaddleOCR puts a space behind its characters
                columns = np.append(columns, SPACE)
            chance = np.zeros((len(said), SPACE + 1))
            np.add.at(chance.T, columns, np.exp(_log_softmax(said.astype(np.float64))).T)
            out.append(np.log(np.maximum(chance, 1e-12)))
        return out


# %% [markdown]
# `customocr teach` teaches the last layer of this network, too ([Make it yours](22_teach.ipynb)). What was learnt is noted in the
# character network's file, so that there is one file to carry. It belongs to one line network only, and says which.

# %%
#| export
#| code-fold: true
#| code-summary: "`noted_weights` and `taught_lines`: what a character network's file says of lines"
TAUGHT_LINES = "taught_lines"  # name of the note


def noted_weights(
    weights: Mapping[str, np.ndarray],  # tensors by name
    path: str | Path,  # of the line network that they belong to
) -> str:  # as it stands in the metadata of a character network
    "A note of weights for a line network."
    inside = {
        name: b64encode(np.asarray(w, "<f4").tobytes()).decode() for name, w in weights.items()
    }
    return json.dumps({"of": _fingerprint(path), "weights": inside})


def _fingerprint(path: str | Path) -> str:
    import hashlib

    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def taught_lines(
    note: str,  # from `noted_weights`
    path: str | Path,  # of a line network
    model: str | Path,  # of the character network that has the note, for the message
) -> LineNetwork:
    "A line network with the weights of a note. Raises `ModelError` where they do not fit it."
    damaged = f"{model}: what it was taught of lines is damaged; teach it again"
    try:
        said = json.loads(note)
        weights = {name: b64decode(w, validate=True) for name, w in said["weights"].items()}
        of = said["of"]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ModelError(damaged) from None
    if of != _fingerprint(path):
        raise ModelError(
            f"{model}: was taught lines for another line network than that of this version; teach"
            " it again, or read with lines=False"
        )
    if not weights:
        raise ModelError(damaged)
    try:
        return LineNetwork(path, weights)
    except ModelError:
        raise ModelError(damaged) from None


# %%
#| code-fold: true
#| code-summary: "The plot: the strip, and below it the probabilities of each step"
#| label: fig-line-steps
#| fig-cap: "Follow the curves from left to right: each character is a short peak. Count the peaks marked 0: there are three, although the zeros touch. Grey is the blank."
#| fig-alt: "Above, the strip; below, curves of probability over the steps, a peak for each of the letters and digits."
reader = LineNetwork(MODELS / LINES)
(steps,) = reader.steps([strip.pixels])
chance = np.exp(steps)
_, (above, below) = plt.subplots(2, 1, height_ratios=(1, 2))
above.imshow(strip.pixels, cmap="gray", aspect="auto")
above.axis("off")
for k in np.unique(chance[:, 1:SPACE].argmax(1) + 1):
    if chance[:, k].max() > 0.3:
        t = int(chance[:, k].argmax())
        below.plot(chance[:, k], lw=1)
below.plot(chance[:, BLANK], lw=0.6, color="0.7", label="blank")
for t in np.flatnonzero(chance[:, 1:SPACE].max(1) > 0.3):
    best = int(chance[t, 1:SPACE].argmax())
    below.annotate(CLASSES[best], (t, chance[t, best + 1]), ha="center", va="bottom")
below.set(xlim=(0, len(steps)), ylim=(0, 1.15), xlabel="step", ylabel="probability")
below.legend()
plt.show()


# %% [markdown]
# ## From steps to text
#
# How do steps become text? Two rules do it. They belong to a method called **CTC**, connectionist temporal classification (Graves et al., 2006).
#
# 1. A symbol that goes on for several steps is written once.
# 2. Blanks are left out.
#
# So `AA-B` becomes `AB`, where `-` is the blank. Two equal letters need a blank between them: `0-0` becomes `00`, but `00` becomes `0`. The simplest reading takes the most probable symbol of each step and applies the two rules.

# %%
#| export
def greedy_text(
    steps: np.ndarray,  # float (T, 38), log-probabilities
) -> str:  # classes and spaces
    "The most probable symbol of each step, repeats written once, blanks left out."
    best = steps.argmax(1)
    new = best[np.r_[True, best[1:] != best[:-1]]]
    return "".join((CLASSES + " ")[k - 1] for k in new if k != BLANK)


# %%
greedy_text(steps)


# %% [markdown]
# ## CTC by hand
#
# How probable is a text? Many rows of symbols give the same text, and all of them count. Take three steps and two letters:
#
# | | A | B | blank |
# |---|---:|---:|---:|
# | step 1 | 0.7 | 0.1 | 0.2 |
# | step 2 | 0.2 | 0.3 | 0.5 |
# | step 3 | 0.1 | 0.7 | 0.2 |
#
# *Probabilities at each step; each row sums to 1.* Five rows of symbols give `AB`:
#
# | symbols | product | probability |
# |---|---|---:|
# | `A A B` | 0.7 · 0.2 · 0.7 | 0.098 |
# | `A B B` | 0.7 · 0.3 · 0.7 | 0.147 |
# | `A B -` | 0.7 · 0.3 · 0.2 | 0.042 |
# | `A - B` | 0.7 · 0.5 · 0.7 | 0.245 |
# | `- A B` | 0.2 · 0.2 · 0.7 | 0.028 |
# | `AB` | the sum | **0.560** |
#
# *The best single row has a probability of 0.245. The text `AB` has more than twice as much.*
#
# A real line has a hundred steps and far too many such rows to list. The sum can be built step by step instead. We write the text with a blank around each letter: `-A-B-`. From one step to the next we may stay at a symbol or move to the next one. We may also skip a blank between two different letters.

# %%
def ctc_sum(steps, text):
    "Probability of a text: the sum over all rows of symbols that give it."
    states = "-" + "".join(c + "-" for c in text)
    may_skip = [s > 1 and c not in ("-", states[s - 2]) for s, c in enumerate(states)]
    ways = np.zeros(len(states))
    ways[0] = 1  # before the first step
    for step in steps:
        skipped = np.r_[0, 0, ways[:-2]] * may_skip
        ways = (ways + np.r_[0, ways[:-1]] + skipped) * [step[c] for c in states]
    return ways[-1] + ways[-2]  # the last letter is over, or still going on


three = [dict(zip("AB-", p)) for p in ((0.7, 0.1, 0.2), (0.2, 0.3, 0.5), (0.1, 0.7, 0.2))]
assert np.isclose(ctc_sum(three, "AB"), 0.56)
assert np.isclose(ctc_sum(three, "AA"), 0.7 * 0.5 * 0.1)  # only A - A: equal letters need a blank


# %% [markdown]
# Training uses the same sum. The loss is its negative logarithm for the true text. So the network is told *what* is written and never *where*.
#
# ## Steps become a lattice
#
# The network alone knows nothing of words and amounts. The [decoder](15_decoding.ipynb) does. It needs a [lattice](glossary.html#lattice): places between which one character may stand, and what that character may be.
#
# The quiet place between two peaks is a **node**. The steps between two nodes are a **window**. For each window and each class we add up all ways to say that character once, as above.
#
# A wide character can reach over a node. So we keep four sums for a window and a character:
#
# - `once`: the character begins and ends in the window.
# - `begun`: it begins here and goes on in the next window.
# - `ended`: it began in the window before and ends here.
# - `through`: it fills the window and goes on.
#
# A character over two windows is `begun` in the first and `ended` in the second.

# %%
#| export
@dataclass(frozen=True)
class WindowLogs:
    "Log-probabilities of what a window says of each class, float (windows, 36), or of nothing."

    once: np.ndarray  # the character, from beginning to end
    begun: np.ndarray  # begun in the window, still said at its end
    ended: np.ndarray  # said from the window's first step on, over before its end or at it
    through: np.ndarray  # said at every step
    nothing: np.ndarray  # float (windows,): no character at all


def window_logs(
    steps: np.ndarray,  # float (T, 38), log-probabilities
    first: np.ndarray,  # int (windows,), first step of each window
    length: np.ndarray,  # int (windows,), its steps
) -> WindowLogs:
    """How probable it is that a window says a character once, in part, or nothing.

    The forward sums of CTC (Graves et al., 2006, "Connectionist temporal classification") over
    the states before, in and after a character. A space between words counts as nothing.
    """
    quiet = np.logaddexp(steps[:, BLANK], steps[:, SPACE])
    longest = np.argsort(-length, kind="stable")  # windows that are over lie behind the others
    back, first, length = np.argsort(longest), first[longest], length[longest]
    nothing, through = np.zeros(len(first)), np.zeros((len(first), len(CLASSES)))
    begun = np.full_like(through, -1e9)
    over, ended = begun.copy(), begun.copy()
    for t in range(int(length.max(initial=0))):
        on = slice(np.searchsorted(-length, -t))  # the windows that have a step t
        at = np.minimum(first[on] + t, len(steps) - 1)
        blank, said = quiet[at][:, None], steps[at, 1:SPACE]
        over[on] = np.logaddexp(over[on], begun[on]) + blank
        ended[on] = np.logaddexp(ended[on], through[on] if t else -1e9) + blank
        begun[on] = np.logaddexp(begun[on], nothing[on, None]) + said
        through[on] += said
        nothing[on] += blank[:, 0]
    once, ended = np.logaddexp(over, begun), np.logaddexp(ended, through)
    return WindowLogs(once[back], begun[back], ended[back], through[back], nothing[back])


# %% [markdown]
# Try it on two steps and one letter. There are three ways to say one `A` in two steps: `A` then blank, blank then `A`, `A` twice.

# %%
toy = np.full((2, SPACE + 1), 1e-12)
a = 1 + CLASSES.index("A")
toy[0, [BLANK, a]], toy[1, [BLANK, a]] = (0.3, 0.7), (0.6, 0.4)
logs = window_logs(np.log(toy), np.array([0]), np.array([2]))
by_hand = 0.7 * 0.6 + 0.3 * 0.4 + 0.7 * 0.4
assert np.isclose(np.exp(logs.once[0, a - 1]), by_hand)
print(f"an A {np.exp(logs.once[0, a - 1]):.2f}, nothing {np.exp(logs.nothing[0]):.2f}")

# %%
#| export
WEAKEST = 0.02  # probability of saying anything from which a peak counts
CLOSE = 0.3  # probability on both sides from which a change of character is a boundary
DIP = 0.6  # of the lower peak: two peaks of one character with less of a dip between are one
MOST_PEAKS = 3  # windows that one character may go on over
NO_WAY = 14.0  # nats under which no character goes on over a valley
NO_GAP = 9.0  # nats under which a window does not say nothing
EVIDENCE = 1.5  # weight of the steps beside the prior's; 1 to 3 tried on the development pages


@dataclass(frozen=True)
class StepLattice:
    "A line's steps as a lattice."

    lattice: Lattice
    peaks: np.ndarray  # int (nodes - 1,), the step at which each character is said
    bounds: np.ndarray  # int (nodes,), the step at which each node stands
    silence: float  # log-probability that the line says nothing at all


def _peaks(said: np.ndarray, best: np.ndarray) -> list[int]:
    "Steps at which a character is said: local maxima, and changes from one character to the next."
    pad = np.r_[0, said, 0]
    top = (said >= WEAKEST) & (said > pad[:-2]) & (said >= pad[2:])
    change = np.zeros(len(said), bool)
    change[1:] = (np.minimum(said[1:], said[:-1]) > CLOSE) & (best[1:] != best[:-1])
    peaks: list[int] = []
    for t in np.flatnonzero(top | change):
        last = peaks[-1] if peaks else None
        if last is not None and best[last] == best[t]:
            if said[last : t + 1].min() > DIP * min(said[last], said[t]):
                peaks[-1] = max(last, int(t), key=lambda k: said[k])
                continue
        peaks.append(int(t))
    return peaks


def _bounds(said: np.ndarray, peaks: list[int]) -> np.ndarray:
    "Steps that divide the peaks: the middle of the quietest stretch between two."
    out = [0]
    for a, b in zip(peaks[:-1], peaks[1:]):
        between = said[a + 1 : b]
        low = np.flatnonzero(between <= between.min(initial=1) + 1e-6)
        out.append(a + 1 + int(low[len(low) // 2]) if len(low) else b)
    return np.array([*out, len(said)])


def _spaces(steps: np.ndarray, peaks: list[int]) -> np.ndarray:
    "Probability of a word space at each node, float32 (nodes,)."
    out = np.zeros(len(peaks) + 1, np.float32)
    chance = np.clip(np.exp(steps[:, SPACE]), 0, 0.999)
    for k, (a, b) in enumerate(zip(peaks[:-1], peaks[1:]), 1):
        out[k] = 1 - np.prod(1 - chance[a + 1 : b])
    return np.clip(out, 0, 0.995)


def step_lattice(
    steps: np.ndarray,  # float (T, 38), log-probabilities
) -> StepLattice | None:  # None where no step says anything
    "Windows between the valleys as edges; a window of one peak may also be nothing."
    quiet = np.logaddexp(steps[:, BLANK], steps[:, SPACE])
    said, best = 1 - np.exp(quiet), steps[:, 1:SPACE].argmax(1)
    peaks = _peaks(said, best)
    if not peaks:
        return None
    bounds = _bounds(said, peaks)
    window = window_logs(steps, bounds[:-1], np.diff(bounds))
    n, start, end, logs = len(peaks), [], [], []
    for over in range(MOST_PEAKS):  # an edge over one window, then over two, three
        rows = np.arange(n - over)
        whole = window.once
        if over:
            middle = [window.through[rows + k] for k in range(1, over)]
            whole = sum(middle, window.begun[rows] + window.ended[rows + over])
        keep = rows if not over else rows[whole[rows].max(1, initial=-np.inf) > -NO_WAY]
        start.append(keep), end.append(keep + over + 1), logs.append(whole[keep])
    quiet_ones = np.flatnonzero(window.nothing > -NO_GAP)
    start.append(quiet_ones), end.append(quiet_ones + 1)
    evidence = EVIDENCE * np.concatenate(logs)
    total = np.logaddexp.reduce(evidence, 1)
    even = np.full((len(quiet_ones), len(CLASSES)), -np.log(len(CLASSES)))
    lattice = Lattice(
        n + 1,
        np.concatenate(start).astype(np.int32),
        np.concatenate(end).astype(np.int32),
        np.r_[total, EVIDENCE * window.nothing[quiet_ones]].astype(np.float32),
        np.vstack([evidence - total[:, None], even]).astype(np.float32),
        _spaces(steps, peaks),
        np.r_[np.zeros(len(total), bool), np.ones(len(quiet_ones), bool)],
    )
    return StepLattice(lattice, np.array(peaks), bounds, float(quiet.sum()))


# %%
found = step_lattice(steps)
(decoding,) = decode_lines([found.lattice], Knowledge())
print(f"{found.lattice.n_nodes} nodes, {len(found.lattice.start)} edges: {decoding.text}")


# %% [markdown]
# ## Lines and cuts together
#
# The line network and the cuts fail on different pictures. The line network reads zeros that touch, and it reads through ruled lines. Cuts are better on whole pages. There most letters stand apart, and the network for characters sees each letter alone and large. So we ask both.
#
# 1. The line network proposes more cuts. Between two characters that it says, it cuts at the column with the least ink.
# 2. Each box of the cuts covers some steps. The sum over these steps is a second opinion on the box.
# 3. The decoder weighs both opinions with everything it knows of the text.
#
# Spaces between words are decided by the gaps at first. Once the characters are known, the space that the network hears counts beside the white ([Spaces again](03_recognition.ipynb#spaces-again-when-the-characters-are-known)).

# %%
#| export
def least_ink(
    pixels: np.ndarray,  # uint8 (rows, W), a strip
    steps: int,  # of the strip
    peaks: np.ndarray,  # int (n,), steps at which characters are said
) -> np.ndarray:  # float (n + 1,), columns of the strip that part the characters, its ends included
    "The column with the least ink between each two characters."
    ink, width = pixels.sum(0, dtype=float), pixels.shape[1] / steps
    out = [0.0]
    for a, b in zip(peaks[:-1], peaks[1:]):
        left = int((a + 0.5) * width)
        between = ink[left : int((b + 0.5) * width) + 1]
        low = np.flatnonzero(between <= between.min() + 0.02 * ink.max())
        out.append(left + float(low[len(low) // 2]))
    return np.array([*out, pixels.shape[1]])


CUT_WEIGHT, STEP_WEIGHT = 0.5, 0.7  # of both opinions; 0.4 to 1.4 tried on the development pages
TAUGHT_WEIGHTS = 0.7, 0.5  # the same where the networks were taught the writer's hand
LEAST = -18.0  # nats: no network is surer than this that a character is not there
SILENT = 0.5  # probability of saying nothing from which a line is no text
UNHEARD = -1.5  # nats beside its best: what it thinks of classes that it was not taught


@dataclass(frozen=True)
class LineReading:
    "What the line network says of one line of a page."

    strip: Strip
    steps: np.ndarray  # float (T, 38), log-probabilities
    taught: bool = False  # whether the character network knows this hand better

    def bounds(
        self,
        columns: np.ndarray,  # page pixels, ascending
    ) -> np.ndarray:  # int, steps, ascending
        "The steps at which columns of the page stand."
        at = np.round((columns - self.strip.x0) / self._width)
        return np.maximum.accumulate(np.clip(at, 0, len(self.steps)).astype(int))

    @property
    def _width(self) -> float:
        "Page pixels of a step."
        return self.strip.pixels.shape[1] / len(self.steps) / self.strip.factor

    @property
    def silent(self) -> bool:
        "Whether the network reads no text here."
        quiet = np.logaddexp(self.steps[:, BLANK], self.steps[:, SPACE]).sum()
        return bool(quiet > np.log(SILENT))

    def valleys(self) -> np.ndarray:  # float, page pixels
        "Where the network would cut."
        found = step_lattice(self.steps)
        if found is None:
            return np.zeros(0)
        columns = least_ink(self.strip.pixels, len(self.steps), found.peaks)[1:-1]
        return self.strip.x0 + columns / self.strip.factor


def _node_columns(lattice: Lattice, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Where on the page the nodes of a lattice stand: between the ink that ends and the ink that
    begins there."""
    ends, starts = np.full(lattice.n_nodes, -np.inf), np.full(lattice.n_nodes, np.inf)
    np.maximum.at(ends, lattice.end, right)
    np.minimum.at(starts, lattice.start, left)
    starts = np.where(np.isfinite(starts), starts, ends)
    ends = np.where(np.isfinite(ends), ends, starts)
    at = (starts + ends) / 2
    at[0], at[-1] = -1e9, 1e9
    return at


def second_opinion(
    lattice: Lattice,  # of cuts, with what the networks for boxes and characters say
    left: np.ndarray,  # float (E,), page pixels: where the ink of each edge begins
    right: np.ndarray,  # float (E,), where it ends
    reading: LineReading,
) -> Lattice:  # the same edges, weighed by both
    "Add to each box of a lattice what the line network says of the steps that it covers."
    at = reading.bounds(_node_columns(lattice, left, right))
    first, length = at[lattice.start], at[lattice.end] - at[lattice.start]
    window = window_logs(reading.steps, first, length)
    blank = lattice.blank if lattice.blank is not None else np.zeros(len(first), bool)
    once = window.once
    if more := lattice.logp.shape[1] - len(CLASSES):  # classes that a model was taught
        best = np.maximum(once.max(1), window.nothing) + UNHEARD
        once = np.hstack([once, np.tile(best[:, None], more)])
    cuts, heard = TAUGHT_WEIGHTS if reading.taught else (CUT_WEIGHT, STEP_WEIGHT)
    logs = cuts * lattice.logp + heard * np.maximum(once, LEAST)
    total = np.logaddexp.reduce(logs, 1)
    nothing = heard * np.maximum(window.nothing, LEAST)
    score = cuts * lattice.score + np.where(blank, nothing, total)
    logp = np.where(blank[:, None], lattice.logp, logs - total[:, None])
    return Lattice(
        *(lattice.n_nodes, lattice.start, lattice.end, score.astype(np.float32)),
        *(logp.astype(np.float32), lattice.space, lattice.blank),
    )


# %%
#| label: fig-line-boxes
#| fig-cap: "Compare with the first figure: each zero now has one box of its own. The last stroke of the M lies in the box of the E, and both are read right all the same."
#| fig-alt: "The line TAKE 3000 HOME with one box around each character and the character above it."
read = Reader().read(page)
assert read.text == "TAKE 3000 HOME"
figure({read.text: read.draw()}, columns=1)

# %% [markdown]
# ## Where boxes are not enough
#
# A second opinion on boxes helps only where there are boxes. Some characters get none: their ink is gone with a rule, or it hangs so closely on its neighbour that no cut parts them. The line network, our *ear*, may hear them all the same. So it is asked once more, alone, where the boxes leave a doubt. Its reading is taken where it is sure of every character and hears *more* of them than there are boxes. Where the boxes leave much doubt, it need not hear more. A line of a single character is dropped where the line network would rather hear nothing.

# %%
#| label: fig-by-ear
#| fig-cap: "Boxes alone lose a character, because no cut parts it from its neighbours. With the ear's word all seven digits are there."
#| fig-alt: "The number 6406924 in touching digits on a printed paper, twice: read without its 0 from boxes alone, and right with the line network's word."
from customocr import recognition

close = write(["6406924"], "cheque", 31, grey=True, touching=0.8, height=24).image
doubt, recognition.DOUBT = recognition.DOUBT, np.inf  # boxes always have the last word
boxes = Reader().read(close)
recognition.DOUBT = doubt
both = Reader().read(close)
assert (boxes.text, both.text) == ("646924", "6406924")
figure(
    {f"boxes: {boxes.text}": boxes.draw(), f"boxes and ear: {both.text}": both.draw()}, columns=2
)

# %% [markdown]
# Is one picture luck? The table counts many: composed lines by writers whom nothing was trained on.

# %%
#| label: tbl-by-ear
#| tbl-cap: "*exact* is the share of pictures read without an error. *won* were wrong from boxes alone and are right with the line network's word; *lost* the other way round. `python benchmarks/lines.py DIR --composed 1800` counts again."
pd.read_csv("stored/lines/by_ear.csv", index_col="reader").round(3)

# %% [markdown]
# ## What helped, and where
#
# The next table compares the ways to read on pictures of real handwriting: pages, words, form fields, combs and numbers in table cells. *cer* is the [character error rate](glossary.html#cer), from 0 to 1; lower is better. *exact* is the share of pictures read without an error; higher is better.

# %%
#| label: tbl-line-readers
#| tbl-cap: "Compare cuts with lines first: cuts make far fewer errors on whole pages, lines fewer on the numbers of table cells. Then look at both: it has the fewest errors on words, fields and numbers, and about as few as cuts on pages."
readers = pd.read_csv("stored/lines/readers.csv")
readers.pivot(index="reader", columns="kind", values=["cer", "exact"]).round(3)

# %% [markdown]
# `python benchmarks/lines.py DIR` measures the table again; DIR is the data folder. How other engines read the same pictures, and how large they are, stands in [Results](results.qmd).

# %% [markdown]
# ## Your own line network
#
# `Reader(lines="FILE.onnx")` and `customocr read --lines FILE.onnx` read with another network. Its characters are counted as our classes. All the rest stays as it is: lattice, hints and boxes. `Reader(lines=False)` reads by cuts alone.

# %% [markdown]
# ## Recap
#
# - A line network reads a strip in steps and says at each step which character it sees, or blank. So it reads zeros that no cut divides.
# - CTC adds up all rows of symbols that give a text. The same sum over a window tells how probable one character is there.
# - Cuts stay better on whole pages, so the decoder weighs cuts and steps together, box by box. Next: [how the line network was trained](17_line_training.ipynb).

# %% [markdown]
# ## Exercises
#
# 1. Write `300 00` with `touching` at 0, one half and 1. What does the network see when the zeros grow together?
# 2. Build a reader from `line_strip`, `LineNetwork.steps`, `step_lattice` and `decode_lines`, without any cut. On which sample page does it differ from `Reader`?
# 3. Set `STEP_WEIGHT` to 0, so that the cuts alone decide, and read the line of this page again.
#
# <details><summary>Solutions</summary>
#
# ```python
# # 1
# for touching in (0, 0.5, 1):
#     sheet = analyse(write(["300 00"], seed=5, touching=touching, height=44).image)
#     (steps,) = reader.steps([line_strip(sheet, sheet.lines[0]).pixels])
#     print(touching, greedy_text(steps))
#
# # 2
# def by_steps(grey):
#     sheet = analyse(grey)
#     strips = [line_strip(sheet, line).pixels for line in sheet.lines]
#     found = [step_lattice(s) for s in reader.steps(strips)]
#     return [d.text for d in decode_lines([f.lattice for f in found if f], Knowledge())]
# print(by_steps(page))
#
# # 3
# import customocr.line_network as module
# kept, module.STEP_WEIGHT = module.STEP_WEIGHT, 0.0
# print(Reader().read(page).text)
# module.STEP_WEIGHT = kept
# ```
#
# </details>
