#!/usr/bin/env python3
"""Pictures without any text: how many of them are read as if there were some?

    python benchmarks/empty_pictures.py [--each N] [--reader NAME] [--json OUT] [--save DIR]

N pictures of each of eight kinds (default: 25, so 200 in all), drawn with cv2 from seeds: empty
paper, woven paper, noise, light and shadow, rules and frames, straight lines, curves, outlines of
things. Any character that is read counts. NAME is a reader of benchmarks/page_errors.py.
"""

import argparse
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from page_errors import load_reader

from customocr.writing.papers import random_paper, woven_paper

Draw = Callable[[np.random.Generator], np.ndarray]
EACH = 25
PLAIN = ("plain", "tinted", "photo", "shadow", "cheque", "scan")


def _sheet(rng: np.random.Generator) -> np.ndarray:  # uint8 (h, w)
    "Light paper with a little noise."
    h, w = rng.integers(150, 700, 2)
    grey = rng.uniform(170, 250) + rng.normal(0, rng.uniform(0.5, 4), (h, w))
    return np.clip(grey, 0, 255).astype(np.uint8)


def _pen(rng: np.random.Generator) -> tuple[int, int]:
    "Grey level and width of a stroke."
    return int(rng.integers(10, 90)), int(rng.integers(1, 7))


def _photographed(paper, rng: np.random.Generator) -> np.ndarray:
    "A paper that fills the picture."
    from customocr.writing.papers import photograph

    h, w = (int(n) for n in rng.integers(120, 500, 2))
    corners = np.array([(0, 0), (w, 0), (w, h), (0, h)], np.float32)
    empty = np.zeros((h, w), np.uint8)
    return photograph(paper, empty, empty.copy(), corners, rng, True)


def paper(rng: np.random.Generator) -> np.ndarray:
    "Paper that nobody has written on."
    return _photographed(random_paper(str(rng.choice(PLAIN)), rng), rng)


def woven(rng: np.random.Generator) -> np.ndarray:
    "Woven or patterned paper."
    return _photographed(woven_paper(rng), rng)


def noise(rng: np.random.Generator) -> np.ndarray:
    "Noise, fine or coarse, some of it only black and white."
    h, w = rng.integers(60, 400, 2)
    some = rng.normal(128, rng.uniform(10, 70), (h, w)).astype(np.float32)
    some = cv2.GaussianBlur(some, (0, 0), float(rng.uniform(0.3, 3)))
    if rng.random() < 0.4:
        some = np.where(some > some.mean() + rng.uniform(-1, 2) * some.std(), 0.0, 255.0)
    return np.clip(some, 0, 255).astype(np.uint8)


def light(rng: np.random.Generator) -> np.ndarray:
    "Gradients and soft blobs."
    image = _sheet(rng).astype(np.float32)
    h, w = image.shape
    x, y = np.meshgrid(np.linspace(0, 1, w), np.linspace(0, 1, h))
    image -= rng.uniform(0, 120) * (x * rng.random() + y * rng.random())
    for _ in range(int(rng.integers(1, 6))):
        at, size = rng.random(2), rng.uniform(0.02, 0.4)
        image -= rng.uniform(-40, 90) * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / size**2)
    return np.clip(image, 0, 255).astype(np.uint8)


def rules(rng: np.random.Generator) -> np.ndarray:
    "Rules, grids and frames."
    image = _sheet(rng)
    h, w = image.shape
    grey, width = _pen(rng)
    width = min(width, 3)
    step = int(rng.integers(14, 70))
    for y in range(int(rng.integers(2, step)), h, step):
        cv2.line(image, (0, y), (w, y + int(rng.integers(-2, 3))), grey, width)
    if rng.random() < 0.5:
        for x in range(int(rng.integers(2, step)), w, step):
            cv2.line(image, (x, 0), (x, h), grey, width)
    return cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.3, 1.2)))


def lines(rng: np.random.Generator) -> np.ndarray:
    "Straight lines, most of them long."
    image = _sheet(rng)
    h, w = image.shape
    for _ in range(int(rng.integers(2, 12))):
        ends = rng.uniform(-0.1, 1.1, (2, 2)) * (w, h)
        grey, width = _pen(rng)
        cv2.line(image, *map(tuple, ends.astype(int).tolist()), grey, width, cv2.LINE_AA)
    return image


def curves(rng: np.random.Generator) -> np.ndarray:
    "Waves, spirals and loops."
    image = _sheet(rng)
    h, w = image.shape
    for _ in range(int(rng.integers(1, 7))):
        t = np.linspace(0, 1, 80)[:, None]
        turns, size = rng.uniform(0.3, 5), rng.uniform(0.1, 0.6) * min(h, w)
        angle = 2 * np.pi * (turns * t + rng.random())
        circle = np.hstack([np.cos(angle), np.sin(angle)]) * size * (1 - rng.random() * t)
        points = rng.random(2) * (w, h) + circle + t * rng.normal(0, 0.5, 2) * (w, h)
        grey, width = _pen(rng)
        cv2.polylines(image, [points.astype(np.int32)], False, grey, width, cv2.LINE_AA)
    return image


def outlines(rng: np.random.Generator) -> np.ndarray:
    "Outlines of things: polygons, some with another inside."
    image = _sheet(rng)
    h, w = image.shape
    for _ in range(int(rng.integers(2, 8))):
        n, middle = int(rng.integers(3, 9)), rng.random(2) * (w, h)
        angle = np.sort(rng.random(n)) * 2 * np.pi
        far = rng.uniform(0.05, 0.35) * min(h, w) * rng.uniform(0.5, 1.2, (n, 1))
        points = middle + np.stack([np.cos(angle), np.sin(angle)], 1) * far
        grey, width = _pen(rng)
        for inner in (1.0, 0.6)[: int(rng.integers(1, 3))]:
            shape = (middle + (points - middle) * inner).astype(np.int32)
            cv2.polylines(image, [shape], True, grey, width, cv2.LINE_AA)
    return image


KINDS: tuple[Draw, ...] = (paper, woven, noise, light, rules, lines, curves, outlines)


def main() -> None:
    "Draw, read and count."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--each", type=int, default=EACH, help="pictures of each kind")
    parser.add_argument("--reader", default="customocr")
    parser.add_argument("--json", type=Path, help="where to store the figures")
    parser.add_argument("--save", type=Path, help="keep the pictures that were read as text here")
    options = parser.parse_args()
    read = load_reader(options.reader)
    found: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, draw in enumerate(KINDS):
            name = draw.__name__
            found[name] = 0
            for k in range(options.each):
                image = draw(np.random.default_rng([7, number, k]))
                file = Path(folder) / f"{name}{k:03}.png"
                cv2.imwrite(str(file), image)
                text = "".join(read(str(file)).split())
                found[name] += bool(text)
                if text and options.save:
                    options.save.mkdir(parents=True, exist_ok=True)
                    cv2.imwrite(str(options.save / f"{file.stem}_{text[:12]}.png"), image)
            print(f"{name:10s} {found[name]:3d} of {options.each}", flush=True)
    pictures = options.each * len(KINDS)
    share = sum(found.values()) / pictures
    print(f"read as text: {sum(found.values())} of {pictures} ({share:.1%}; at most 2 % wanted)")
    if options.json:
        said = dict(reader=options.reader, pictures=pictures, found=found, share=round(share, 4))
        options.json.write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    main()
