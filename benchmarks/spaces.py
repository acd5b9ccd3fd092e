"""Fit again when a gap is a word space.

    python benchmarks/spaces.py [--data DIR] [--pages N]
    python benchmarks/spaces.py [--data DIR] [--pages N] --known [--json OUT]

The first fits the rule for gaps between boxes, `SPACE_WEIGHTS` and `SPACE_BIAS`, the second the
rule once the characters are known, `WHITE_WEIGHTS` and `WHITE_BIAS`.
Pages are composed in the hands of UNIPEN's validation writers, where it is known between which
characters a space stands. With --known the letters of a page stand 0.08 to 0.9 heights apart, and
both rules, with the weights of the package, are counted on as many other composed pages and on the
real pages of DIR. No weight is fitted on those. Only lines whose characters are all right count.
Which those are depends on the weights, so a fit again moves them in the last digits.
"""

import argparse
import json
import os
from pathlib import Path

import cv2
import numpy as np
from composed_pages import PAPERS, WORDS
from page_errors import laid_out, truth
from sklearn.linear_model import LogisticRegression

from customocr import recognition
from customocr.data import unipen_validation_writers
from customocr.decoding import Knowledge
from customocr.images import load_image
from customocr.layout.sheet import analyse
from customocr.recognition import piece_gaps
from customocr.writing.compose import unipen_hands
from customocr.writing.papers import compose_page, random_page, random_paper, woven_paper

KINDS = ("plain", "photo", "lowres", "ruled", "form", "scan")
LETTERS = "AEIOULMNRSTBCDGHKPVZ"  # of made-up names


def space_before(
    text: str,  # lines by newline, words by blank
) -> dict[
    int, bool
]:  # index of a character -> whether a space stands before it; the first of a line is left out
    "Where the spaces of a composed text stand."
    out, k, before = {}, 0, "\n"
    for c in text:
        if c not in " \n":
            if before != "\n":
                out[k] = before == " "
            k += 1
        before = c
    return out


def gaps_of(
    page,
) -> list[tuple]:  # (gap, median, lower quartile, upper fifth of the line's gaps, is a space)
    "Gaps between neighbouring characters of a composed page, as the segmentation finds them."
    sheet, spaces, out = analyse(page.image), space_before(page.text), []
    owner = cv2.warpAffine(
        page.labels,
        sheet.matrix,
        sheet.ink.shape[::-1],
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderValue=-1,
    )
    for line in sheet.lines:
        owners = []
        for p in line.pieces:
            here = owner[max(0, p.y) : p.bottom, max(0, p.x) : p.right]
            ink = (p.ink > 96)[: here.shape[0], : here.shape[1]]
            named = here[ink][here[ink] >= 0]
            owners.append(int(np.bincount(named).argmax()) if len(named) > 0.3 * ink.sum() else -1)
        gaps = piece_gaps(line) if len(owners) > 1 else np.zeros(0)
        real = gaps[gaps > 0.02]
        if len(real):
            usual = np.percentile(real, (50, 25, 80))
            out += [
                (g, *usual, spaces[b])
                for g, a, b in zip(gaps, owners, owners[1:])
                if a >= 0 and b == a + 1 and b in spaces
            ]
    return out


def token(rng: np.random.Generator) -> str:
    "A word, a number, initials or a name that no list has."
    kind = rng.choice(4, p=(0.55, 0.2, 0.1, 0.15))
    if kind == 0:
        return str(rng.choice(WORDS))
    if kind == 1:
        return "".join(map(str, rng.integers(0, 10, rng.integers(1, 9))))
    low, high = ((1, 4), (4, 11))[kind - 2]
    return "".join(rng.choice(list(LETTERS), rng.integers(low, high)))


def spaced_page(hands, rng: np.random.Generator):  # -> Composed
    "A page whose letters stand close together or far apart."
    kind = str(rng.choice(PAPERS))
    paper = woven_paper(rng) if kind == "woven" else random_paper(kind, rng)
    words = lambda: " ".join(token(rng) for _ in range(rng.choice([1, 1, 2, 3, 4])))
    lines = [words() for _ in range(rng.integers(2, 6))]
    height = float(np.exp(rng.uniform(np.log(24), np.log(60))))
    gap = float(np.exp(rng.uniform(np.log(0.08), np.log(0.9))))
    return compose_page(
        *(lines, hands[rng.integers(len(hands))], rng, paper, height),
        max(1.2, height * rng.uniform(0.05, 0.16)),
        rotation=float(rng.normal(0, 2)),
        letter_gap=gap,
        word_gap=float(max(0.55, gap * rng.uniform(1.5, 2.5)) + rng.uniform(0.1, 0.8)),
        line_gap=float(rng.uniform(1.5, 2.4)),
    )


def known_gaps(reader: recognition.Reader, image: np.ndarray, text: str) -> list[tuple]:
    """Gaps of the lines whose characters are all right: the evidence, what the rule before says,
    and whether a space stands there."""
    clock, out = reader.limits.clock(), []
    read, _ = reader._decode(analyse(recognition._grey(image)), Knowledge(), clock)
    written = laid_out(text)
    if len(written) != len(read):
        return []
    for (judged, decoding), line in zip(read, written):
        solid = line.replace(" ", "")
        if judged.heard or decoding.characters != solid or len(solid) < 2:
            continue
        space = recognition.space_probabilities(judged.line)
        node = {c.start: space[c.start] for c in judged.line.candidates}
        first = [judged.line.candidates[judged.kept[e]].start for e in decoding.edges]
        begins = np.cumsum([len(word) for word in line.split()])[:-1]
        evidence = recognition.space_evidence(judged, judged.said, decoding.edges)
        for k, told in enumerate(evidence, 1):
            out.append((*told, float(node[first[k]]), float(k in begins)))
    return out


def composed_gaps(reader, hands, pages: int, seed: int) -> np.ndarray:  # float (gaps, 5)
    "Gaps of composed pages."
    rng, out = np.random.default_rng(seed), []
    for _ in range(pages):
        page = spaced_page(hands, rng)
        out += known_gaps(reader, page.image, page.text)
    return np.array(out)


def real_gaps(reader, root: Path) -> np.ndarray:  # float (gaps, 5)
    "Gaps of real pages, words and fields."
    out = []
    for path, kind, text in truth(root):
        if kind in ("page", "word", "field"):
            out += known_gaps(reader, load_image(path).pixels, text)
    return np.array(out)


def scored(p: np.ndarray, space: np.ndarray) -> dict:
    "How many gaps are wrong at one half, and the mean log loss."
    p = np.clip(p, 1e-4, 1 - 1e-4)
    loss = -np.log(np.where(space, p, 1 - p)).mean()
    return {"wrong": int(((p > 0.5) != space).sum()), "log_loss": round(float(loss), 4)}


def known(options, hands) -> None:
    "Fit the rule for known characters and compare it with the rule before."
    reader = recognition.Reader()
    fit = composed_gaps(reader, hands, options.pages, 1)
    model = LogisticRegression(C=10, max_iter=3000).fit(fit[:, :3], fit[:, 4] > 0)
    print("WHITE_WEIGHTS =", tuple(model.coef_[0].round(2).tolist()))
    print("WHITE_BIAS =", round(float(model.intercept_[0]), 2))
    found = {"pages": options.pages, "gaps of the fit": len(fit)}
    other = composed_gaps(reader, hands, options.pages, 2)
    for name, rows in (("composed", other), ("real", real_gaps(reader, Path(options.data)))):
        space = rows[:, 4] > 0
        counts = {"gaps": len(rows), "spaces": int(space.sum())}
        found[name] = counts | {
            "between boxes": scored(rows[:, 3], space),
            "between characters": scored(recognition.space_chances(rows[:, :3]), space),
        }
    print(json.dumps(found, indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("CUSTOMOCR_DATA"), help="the data folder"
    )
    parser.add_argument("--pages", type=int, default=500)
    parser.add_argument("--known", action="store_true", help="once the characters are known")
    parser.add_argument("--json", type=Path, help="where to store what --known finds")
    options = parser.parse_args()
    folder, rng = Path(options.data) / "characters" / "train", np.random.default_rng(5)
    held = set(unipen_validation_writers())
    writers = [
        i for i, n in enumerate(np.load(folder / "unipen.npz")["writer_names"]) if str(n) in held
    ]
    hands = unipen_hands(folder / "unipen_strokes.npz", writers)
    if options.known:
        known(options, hands)
        return
    rows = np.array(
        [
            row
            for _ in range(options.pages)
            for row in gaps_of(
                random_page(hands[rng.integers(len(hands))], rng, str(rng.choice(KINDS)))
            )
        ]
    )
    x, y = rows[:, :4], rows[:, 4] > 0
    model = LogisticRegression(C=100, max_iter=2000).fit(x, y)
    p = model.predict_proba(x)[:, 1]
    print(
        f"{len(y)} gaps, {y.mean():.3f} of them spaces; wrong at one half"
        f" {((p > 0.5) != y).mean():.4f}, log loss {-np.log(np.where(y, p, 1 - p)).mean():.4f}"
    )
    print(
        "SPACE_WEIGHTS =",
        tuple(model.coef_[0].round(2).tolist()),
        " SPACE_BIAS =",
        round(float(model.intercept_[0]), 2),
    )


if __name__ == "__main__":
    main()
