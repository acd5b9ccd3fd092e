# ---
# jupyter:
#   kernelspec:
#     display_name: python3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Recognition
# > From boxes to text.

# %%
#| default_exp recognition

# %%
#| export
from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from customocr.decoding import Decoding, Knowledge, Lattice, decode_lines
from customocr.errors import ModelError
from customocr.glyphs import CLASSES, normalise_glyph, normalise_glyphs
from customocr.images import load_image
from customocr.segmentation import Sheet, TextLine, analyse, polarity, propose, windows

# %%
#| export
MODELS = Path(__file__).parent / "models" if "__file__" in globals() else Path("../customocr/models")
CHARACTERS = "characters.onnx"  # glyph -> 36 probabilities
BOXES = "boxes.onnx"  # candidate among its neighbours -> one character, not one, or no character at all


def load_network(
    path: Path,
    outputs: int,  # numbers it must give for each input
) -> onnxruntime.InferenceSession:
    "An ONNX network on the CPU. Raises `ModelError` where the file is missing, damaged or of another kind."
    if not Path(path).is_file():
        raise ModelError(f"{path}: no such model; `customocr train` makes one, without model= the shipped one is used")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        network = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime has one exception class for each of its error codes
        raise ModelError(f"{path}: not an ONNX model that can be loaded ({str(error).splitlines()[0][:120]})") from None
    shape = network.get_outputs()[0].shape
    if len(network.get_inputs()) != 1 or shape[-1] != outputs:
        raise ModelError(f"{path}: gives {shape}, a network with one input and {outputs} outputs is needed")
    return network


def _run(network, images):
    "All images through a network in one call: uint8 (N, h, w, c) -> float32 (N, outputs)."
    return network.run(None, {network.get_inputs()[0].name: images.astype(np.float32) / 255})[0]

# %%
#| export
@dataclass(frozen=True)
class Character:
    "One character on the page."

    text: str  # one of 0-9, A-Z, or the placeholder of a rejected one
    confidence: float  # 0..1, probability that it is right given all that is known
    box: tuple[int, int, int, int]  # x, y, w, h in page pixels
    alternatives: tuple[tuple[str, float], ...]  # readings and their probabilities, most probable first


@dataclass(frozen=True)
class Word:
    "Characters without a space between them."

    characters: tuple[Character, ...]
    confidence: float  # 0..1, probability that all of them are right

    @property
    def text(self) -> str:
        return "".join(c.text for c in self.characters)

    @property
    def box(self) -> tuple[int, int, int, int]:  # x, y, w, h in page pixels
        return _around(c.box for c in self.characters)


@dataclass(frozen=True)
class Line:
    "Words on one line, left to right."

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(w.text for w in self.words)

    @property
    def box(self) -> tuple[int, int, int, int]:  # x, y, w, h in page pixels
        return _around(w.box for w in self.words)


def _around(boxes):
    x0, y0, x1, y1 = np.array([(x, y, x + w, y + h) for x, y, w, h in boxes]).T
    return int(x0.min()), int(y0.min()), int(x1.max() - x0.min()), int(y1.max() - y0.min())


@dataclass(frozen=True)
class Page:
    "What was read: lines of words of characters, in reading order."

    lines: tuple[Line, ...]
    size: tuple[int, int]  # width and height of the page in pixels
    rotation: int  # degrees by which the page was turned clockwise to be read: 0, 90, 180 or 270
    picture: np.ndarray = field(repr=False, compare=False)  # uint8, the upright pixels that were read
    scale: float = field(default=1.0, repr=False)  # page pixels per pixel of the picture

    @property
    def text(self) -> str:
        "Lines by newline, words by one space."
        return "\n".join(line.text for line in self.lines)

    @property
    def characters(self) -> tuple[Character, ...]:
        "All characters in reading order."
        return tuple(c for line in self.lines for w in line.words for c in w.characters)

    def draw(self) -> np.ndarray:  # uint8 (h, w, 3), BGR
        "The page with each character's box and reading; the less sure, the redder."
        out = self.picture if self.picture.ndim == 3 else cv2.cvtColor(self.picture, cv2.COLOR_GRAY2BGR)
        f = 1 / self.scale
        grow = max(1, round(400 / max(out.shape[:2])))  # a small picture is enlarged so that letters can stand on it
        out = cv2.resize(out, None, fx=grow, fy=grow, interpolation=cv2.INTER_CUBIC) if grow > 1 else out.copy()
        f *= grow
        heights = [c.box[3] * f for c in self.characters]
        size = float(np.clip(np.median(heights or [20]) / 55, 0.35, 3))
        thick = max(1, round(size * 1.6))
        for c in self.characters:
            x, y, w, h = (round(v * f) for v in c.box)
            colour = (40, int(150 * c.confidence), int(40 + 200 * (1 - c.confidence)))
            cv2.rectangle(out, (x, y), (x + w, y + h), colour, max(1, thick // 2), cv2.LINE_AA)
            cv2.putText(out, c.text if c.text in CLASSES else "?", (x, max(round(22 * size), y - thick - 1)), cv2.FONT_HERSHEY_SIMPLEX, size, colour, thick, cv2.LINE_AA)
        return out

    def to_dict(self) -> dict:  # JSON types only
        "Everything as plain dictionaries, for JSON."
        character = lambda c: dict(text=c.text, confidence=round(c.confidence, 4), box=list(c.box), alternatives=[[t, round(p, 4)] for t, p in c.alternatives])
        word = lambda w: dict(text=w.text, confidence=round(w.confidence, 4), box=list(w.box), characters=[character(c) for c in w.characters])
        lines = [dict(text=line.text, box=list(line.box), words=[word(w) for w in line.words]) for line in self.lines]
        return dict(text=self.text, width=self.size[0], height=self.size[1], rotation=self.rotation, lines=lines)

    def _repr_markdown_(self) -> str:
        return "```\n" + self.text + "\n```"

    def _repr_png_(self) -> bytes:
        return cv2.imencode(".png", self.draw())[1].tobytes()

# %%
#| export
# Logistic regression on 5,659 gaps of 500 composed pages in the hands of UNIPEN's validation writers: 3.9 % of the gaps
# wrong at one half, where a fixed rule (0.62 heights, or 1.9 times the line's usual gap) had 4.3 % and was far less honest
# about its doubt (log loss 0.117 against 0.181). `benchmarks/spaces.py` fits it again.
SPACE_WEIGHTS = (10.12, -5.13, -0.97, -2.87)  # of a gap, and of the median, lower quartile and upper fifth of its line's gaps
SPACE_BIAS = -3.85


def space_probabilities(
    line: TextLine,
) -> np.ndarray:  # float32 (pieces + 1,), 0..1, probability of a word space at each cut
    "A gap is a space when it is wide for the characters' height and for this line's other gaps."
    n = len(line.pieces)
    out = np.zeros(n + 1, np.float32)
    if n < 2:
        return out
    gaps = piece_gaps(line)
    real = gaps[gaps > 0.02]
    usual = np.percentile(real, (50, 25, 80)) if len(real) else np.zeros(3)
    out[1:-1] = 1 / (1 + np.exp(-np.clip(SPACE_WEIGHTS[0] * gaps + usual @ SPACE_WEIGHTS[1:] + SPACE_BIAS, -30, 30)))
    return out


def piece_gaps(
    line: TextLine,
) -> np.ndarray:  # float (pieces - 1,), white before each piece but the first, in character heights; negative where they overlap
    "The white between neighbouring pieces of a line."
    right = np.maximum.accumulate([p.right for p in line.pieces])
    return (np.array([p.x for p in line.pieces[1:]]) - right[:-1]) / line.letter


SURE = 0.97  # probability of being one whole character from which a component is neither cut nor joined
UNLIKELY = 0.01  # probability of being one whole character under which a candidate is not classified
MARK = 0.5  # probability of being no character from which a piece is left out
LEAST_LINE = 0.35  # mean sureness of its characters under which a line is no text
LEAST_PAGE = 0.08  # the same for the line of a page that holds most of its text
DOUBTFUL_POLARITY = 0.06  # |polarity| under which dark and light ink are both tried
ENOUGH_TO_TURN = 6  # characters a page must have for its direction to be doubted: many short numbers read both ways
CERTAIN_DIRECTION = 0.93  # mean sureness from which the direction is not doubted
GLYPHS_TO_TURN = 24  # of a page that are looked at in all four directions
TURN_GAIN = 0.1  # in mean log-probability of the likeliest class, that a turned page must win to be tried



@dataclass(frozen=True)
class _Judged:
    "A line with what both networks say of its candidates."

    line: TextLine
    kept: np.ndarray  # indices of the candidates in the lattice
    whole: np.ndarray  # float32 (E,), probability of being one whole character
    probabilities: np.ndarray  # float32 (E, 36)
    lattice: Lattice


def _lattice(line, logs, probabilities):
    "The lattice of a line: pieces that are no character are stepped over, every other cut is a node."
    p, n = np.exp(logs), len(line.pieces)
    mark = np.zeros(n, bool)
    for c, q in zip(line.candidates, p):
        if c.end == c.start + 1:
            mark[c.start] = q[2] > MARK
    node = np.r_[0, np.cumsum(~mark)]
    start, end = (node[[getattr(c, at) for c in line.candidates]] for at in ("start", "end"))
    # a candidate that begins or ends with a mark has a twin without it
    edge = np.array([mark[c.start] or mark[c.end - 1] for c in line.candidates], bool)
    kept = np.flatnonzero((end > start) & ~(edge & (end - start < 2)))
    whole = np.clip(p[:, 0], 1e-4, 1 - 1e-4)
    score = np.log(whole / (1 - whole))
    space = space_probabilities(line)
    spaces = np.zeros(node[-1] + 1, np.float32)
    np.maximum.at(spaces, node, space)
    spaces[[0, -1]] = 0
    lattice = Lattice(
        int(node[-1]) + 1, start[kept].astype(np.int32), end[kept].astype(np.int32), score[kept].astype(np.float32),
        np.log(np.maximum(probabilities[kept], 1e-12)), spaces,
    )
    return _Judged(line, kept, whole[kept].astype(np.float32), probabilities[kept], lattice)

# %%
#| export
class Reader:
    "Reads hand-printed digits and capitals."

    def __init__(
        self,
        model: str | Path | None = None,  # a character network made by `customocr train`; None: the shipped one
    ):
        self.network = load_network(Path(model) if model is not None else MODELS / CHARACTERS, len(CLASSES))

    @cached_property
    def boxes(self) -> onnxruntime.InferenceSession:
        "The network that judges candidate boxes."
        return load_network(MODELS / BOXES, 3)

    def classify(
        self,
        glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
    ) -> np.ndarray:  # float32 (N, 36), probabilities in the order of `CLASSES`, rows sum to 1
        "What single characters are. Raises `ModelError` for glyphs of another shape."
        glyphs = np.asarray(glyphs)
        if glyphs.ndim != 3 or glyphs.shape[1:] != (28, 28) or glyphs.dtype != np.uint8:
            raise ModelError(f"glyphs are uint8 (N, 28, 28), white on black, not {glyphs.dtype} {glyphs.shape}")
        if not len(glyphs):
            return np.zeros((0, len(CLASSES)), np.float32)
        return _run(self.network, normalise_glyphs(glyphs)[..., None])

    def _look(self, lines: list[TextLine], known: dict) -> list[np.ndarray]:  # float64 (candidates, 3) each
        "What the network for boxes says of each line's candidates, as log-probabilities; `known` keeps it by piece."
        new = [[id(c.piece) not in known for c in line.candidates] for line in lines]
        logits = _run(self.boxes, np.concatenate([windows(line, np.array(n)) for line, n in zip(lines, new)])).astype(np.float64)
        logs = logits - np.logaddexp.reduce(logits, 1, keepdims=True)
        known.update(zip((id(c.piece) for line, n in zip(lines, new) for c, is_new in zip(line.candidates, n) if is_new), logs))
        return [np.stack([known[id(c.piece)] for c in line.candidates]) for line in lines]

    def _judge(self, sheet: Sheet) -> list[_Judged]:
        "Look at the components, cut those that may be more than one character, and judge what can be made of the parts."
        if not sheet.lines:
            return []
        known: dict[int, np.ndarray] = {}
        lines = [propose(line, np.exp(logs[:, 0]) > SURE) for line, logs in zip(sheet.lines, self._look(sheet.lines, known))]
        logs = self._look(lines, known)
        likely = np.concatenate(logs)[:, 0] > np.log(UNLIKELY)
        pieces = [c.piece for line in lines for c in line.candidates]
        probabilities = np.full((len(pieces), len(CLASSES)), 1 / len(CLASSES), np.float32)
        if likely.any():
            glyphs = np.stack([normalise_glyph(pieces[k].ink) for k in np.flatnonzero(likely)])
            probabilities[likely] = _run(self.network, glyphs[..., None])
        probabilities = np.split(probabilities, np.cumsum([len(line.candidates) for line in lines])[:-1])
        judged = [_lattice(*each) for each in zip(lines, logs, probabilities)]
        return [j for j in judged if len(j.kept)]

    def _decode(self, sheet: Sheet, knowledge: Knowledge) -> list[tuple[_Judged, Decoding]]:
        "The lines of a page that are text, decoded."
        judged = self._judge(sheet)
        read = [(j, d) for j, d in zip(judged, decode_lines([j.lattice for j in judged], knowledge)) if len(d.edges)]
        most = max((_sureness(j, d).sum() for j, d in read), default=0)
        limit = lambda sure: LEAST_PAGE if sure.sum() == most else LEAST_LINE
        return [(j, d) for j, d in read if _sureness(j, d).mean() >= limit(_sureness(j, d))]

    def _best(self, grey: np.ndarray, knowledge: Knowledge, rotate: bool) -> _Reading:
        "The page read; where its polarity or direction is in doubt, the reading that looks most like characters."
        light = polarity(grey)
        doubtful = abs(light) < DOUBTFUL_POLARITY
        readings = [self._reading(grey, 0, dark, knowledge) for dark in ((True, False) if doubtful else (light > 0,))]
        best = max(readings, key=lambda r: r.evidence)
        turn = self._direction(best) if rotate and best.mean < CERTAIN_DIRECTION else 0
        if turn:
            turned = self._reading(np.ascontiguousarray(np.rot90(grey, -turn)), 90 * turn, not best.sheet.inverted, knowledge)
            if turned.mean > best.mean:
                best = turned
        return best

    def _direction(self, reading: _Reading) -> int:  # quarter turns clockwise that would set the page upright
        "Turn some of the page's own glyphs in the three other directions: in which are they most like characters?"
        lines = [[p for p in line.pieces if p.ink.shape[0] >= 0.5 * line.letter] for line in reading.sheet.lines]
        pieces = [p for line in lines for p in line]
        if len(pieces) < ENOUGH_TO_TURN:
            return 0
        some = [pieces[k] for k in np.linspace(0, len(pieces) - 1, min(len(pieces), GLYPHS_TO_TURN)).astype(int)]
        glyphs = np.stack([normalise_glyph(np.rot90(p.ink, -k)) for k in range(4) for p in some])
        likely = np.log(_run(self.network, glyphs[..., None]).max(1)).reshape(4, -1).mean(1)
        likely[0] += TURN_GAIN
        if len(pieces) < 2.5 * sum(map(bool, lines)):  # columns of single characters: lines that run down the page
            likely[[1, 3]] += 2 * TURN_GAIN
        return int(likely.argmax())

    def _reading(self, grey, rotation, dark, knowledge):
        sheet = analyse(grey, dark)
        lines = self._decode(sheet, knowledge)
        return _Reading(sheet, lines, rotation, np.concatenate([np.zeros(0), *(_sureness(j, d) for j, d in lines)]))

    def read(
        self,
        source,  # path, bytes of an image file, PIL image, or array: grey (h, w) or BGR (h, w, 3) uint8
        *,
        alphabet: str | None = None,  # "digits", "letters", "alphanumeric" or the characters that may occur
        pattern: str | None = None,  # what a line looks like: A letter, 9 digit, * either; or `re:` and a regular expression
        lexicon=None,  # words, a file of words, or a `Lexicon`
        strict: bool = False,  # only words of the lexicon
        prior: bool = True,  # weigh readings by how words, numbers and codes are built
        reject: float = 0.0,  # 0..1, characters less sure than this come out as a placeholder
        rotate: bool = True,  # turn pages that stand sideways or upside down
    ) -> Page:
        "Read a page. Raises `ImageError` for what is no picture and `KnowledgeError` for hints that make no sense."
        knowledge = Knowledge(alphabet=alphabet, pattern=pattern, lexicon=lexicon, strict=strict, prior=prior, reject=reject)
        image = load_image(source)
        return _page(image, self._best(_grey(image.pixels), knowledge, rotate))

    def explain(
        self,
        source,  # as for `read`
        **knowledge,  # as for `read`
    ) -> Explanation:
        "Read a page and keep every stage on the way, as one figure. Raises what `read` raises."
        rotate = knowledge.pop("rotate", True)
        image = load_image(source)
        reading = self._best(_grey(image.pixels), Knowledge(**knowledge), rotate)
        chosen = [(d.characters[k], float(d.probabilities[k]), j.line.candidates[j.kept[e]].piece, j.probabilities[e]) for j, d in reading.lines for k, e in enumerate(d.edges)]
        return Explanation(_page(image, reading), reading.sheet, tuple(chosen))


@dataclass(frozen=True)
class _Reading:
    "A page read one way round."

    sheet: Sheet
    lines: list[tuple[_Judged, Decoding]]
    rotation: int  # degrees clockwise by which the picture was turned
    sure: np.ndarray  # float (characters,), how much each box looks like a character

    @property
    def evidence(self) -> float:
        return float(self.sure.sum())

    @property
    def mean(self) -> float:
        return float(self.sure.mean()) if len(self.sure) else 0.0


def _grey(pixels):
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)


def _page(image, reading):
    "A reading as a page, boxes in the pixels of the page as it was given."
    h, w = image.pixels.shape[:2]
    back = lambda box: _turn_back(box, reading.rotation, image.scale * w, image.scale * h)
    lines = tuple(_line(reading.sheet, j, d, image.scale, back) for j, d in reading.lines)
    return Page(lines, (round(w * image.scale), round(h * image.scale)), reading.rotation, image.pixels, image.scale)


def _turn_back(box, rotation, width, height):
    "A box on the turned page as a box on the page as it stands; width and height are the standing page's."
    x, y, w, h = box
    x, y, w, h = {0: (x, y, w, h), 90: (y, height - x - w, h, w), 180: (width - x - w, height - y - h, w, h), 270: (width - y - h, x, h, w)}[rotation]
    return round(x), round(y), round(w), round(h)


def _sureness(judged: _Judged, decoding: Decoding) -> np.ndarray:  # float32 (T,), 0..1
    "How much each chosen box looks like a character: like one whole one, and like one of the 36."
    return judged.whole[decoding.edges] * judged.probabilities[decoding.edges].max(1)


def _line(sheet, judged, decoding, scale, back):
    characters = [
        Character(text, float(p), back(sheet.to_page(judged.line.candidates[judged.kept[e]].piece.box, scale)), alternatives)
        for text, p, e, alternatives in zip(decoding.text.replace(" ", ""), decoding.probabilities, decoding.edges, decoding.alternatives)
    ]
    words = [Word(tuple(characters[w.first : w.last]), float(w.probability)) for w in decoding.words]
    return Line(tuple(w for w in words if w.characters))

# %%
#| export
def _panel(image, width, caption):
    "A stage as a BGR picture of that width with its caption above."
    image = image if image.ndim == 3 else cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    f = width / image.shape[1]
    image = cv2.resize(image, (width, max(1, round(image.shape[0] * f))), interpolation=cv2.INTER_AREA if f < 1 else cv2.INTER_CUBIC)
    head = np.full((26, width, 3), 255, np.uint8)
    cv2.putText(head, caption, (4, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
    return np.vstack([head, image, np.full((8, width, 3), 255, np.uint8)])


@dataclass(frozen=True)
class Explanation:
    "A page at each stage of its reading; displays itself as one figure."

    page: Page
    sheet: Sheet
    chosen: tuple  # per character: text, confidence, its ink as `Piece`, float32 (36,) what the network says alone

    def stages(self) -> dict[str, np.ndarray]:  # caption -> uint8 picture
        "The pictures of the figure, in order."
        s = self.sheet
        paper = lambda mask: np.where(mask > 0, 0, 255).astype(np.uint8)
        rules = cv2.cvtColor(paper(s.ink), cv2.COLOR_GRAY2BGR)
        rules[(s.rules > 0) & (s.ink == 0)] = (255, 150, 60)
        parts, boxes = cv2.cvtColor(paper(s.ink), cv2.COLOR_GRAY2BGR), cv2.cvtColor(s.grey, cv2.COLOR_GRAY2BGR)
        for n, line in enumerate(s.lines):
            for p in line.pieces:
                cv2.rectangle(parts, (p.x, p.y), (p.right, p.bottom), ((60, 140, 0), (200, 80, 0), (0, 110, 220))[n % 3], 2)
        for text, confidence, p, _ in self.chosen:
            cv2.rectangle(boxes, (p.x, p.y), (p.right, p.bottom), (0, 140, 0), 1)
        out = {"grey, brought to one character height": s.grey, "ink strength": 255 - cv2.multiply(s.strength, 1.6), "ink mask": paper(s.mask)}
        out |= {"rules and frames taken out (blue)": rules, "components, coloured by line": parts, "boxes the lattice chose": boxes}
        if self.chosen:
            out["glyphs, what each is and how sure"] = self._glyphs()
        return out

    def _glyphs(self):
        cells = []
        for text, confidence, p, _ in self.chosen[:120]:
            cell = np.full((74, 60, 3), 255, np.uint8)
            glyph = cv2.resize(normalise_glyph(p.ink), (56, 56), interpolation=cv2.INTER_NEAREST)
            cell[2:58, 2:58] = glyph[..., None]
            cv2.putText(cell, f"{text} {confidence:.2f}", (4, 71), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (40, int(150 * confidence), int(240 - 200 * confidence)), 1, cv2.LINE_AA)
            cells.append(cell)
        columns = min(len(cells), 14)
        cells += [np.full_like(cells[0], 255)] * (-len(cells) % columns)
        return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])

    def draw(self) -> np.ndarray:  # uint8 (h, w, 3), BGR
        "All stages in one figure, two beside each other where the page is tall."
        panels = [(caption, image) for caption, image in self.stages().items()]
        tall = self.sheet.grey.shape[0] > 0.5 * self.sheet.grey.shape[1]
        width, columns = (420, 2) if tall else (840, 1)
        pictures = [_panel(image, width if "glyphs" not in caption else 840, caption) for caption, image in panels]
        rows = []
        stage, last = [p for p in pictures if p.shape[1] == width], [p for p in pictures if p.shape[1] != width]
        for i in range(0, len(stage), columns):
            row = stage[i : i + columns]
            row += [np.full_like(row[0], 255)] * (columns - len(row))
            rows.append(np.hstack([cv2.copyMakeBorder(p, 0, max(q.shape[0] for q in row) - p.shape[0], 0, 0, cv2.BORDER_CONSTANT, value=(255,) * 3) for p in row]))
        return np.vstack(rows + last)

    def _repr_png_(self) -> bytes:
        return cv2.imencode(".png", self.draw())[1].tobytes()
