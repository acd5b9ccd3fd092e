"""Fit again when a gap is a word space: `python benchmarks/spaces.py --data DIR` prints
`SPACE_WEIGHTS` and `SPACE_BIAS`.

Pages are composed in the hands of UNIPEN's validation writers, where it is known between which
characters a space stands.
"""

import argparse
import os
from pathlib import Path

import cv2
import numpy as np
from sklearn.linear_model import LogisticRegression

from customocr.data import unipen_validation_writers
from customocr.layout.sheet import analyse
from customocr.recognition import piece_gaps
from customocr.writing.compose import unipen_hands
from customocr.writing.papers import random_page

KINDS = ("plain", "photo", "lowres", "ruled", "form", "scan")


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


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=os.environ.get("CUSTOMOCR_DATA"), help="the data folder"
    )
    parser.add_argument("--pages", type=int, default=500)
    options = parser.parse_args()
    folder, rng = Path(options.data) / "characters" / "train", np.random.default_rng(5)
    held = set(unipen_validation_writers())
    writers = [
        i for i, n in enumerate(np.load(folder / "unipen.npz")["writer_names"]) if str(n) in held
    ]
    hands = unipen_hands(folder / "unipen_strokes.npz", writers)
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
