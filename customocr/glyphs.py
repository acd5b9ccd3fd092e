"""The one way a glyph is made: training data, page crops and drawings all pass through here.

A glyph is laid out as MNIST lays out its digits (LeCun et al., 1998, "Gradient-based learning applied to document
recognition", section III.A): ink cropped, longest side 20 pixels, centre of mass in the middle of 28 x 28.
"""

import math

import cv2
import numpy as np

CLASSES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # index = label
SIDE = 28  # pixels, side of a glyph
INK_SIDE = 20  # pixels, longest side of the ink in a glyph (MNIST's choice)
INK_LEVEL = (
    0.25  # share of the brightest pixel from which a pixel counts as ink when the crop is found
)
FULL_LEVEL = 90  # percentile of the ink's pixels that is brought to 255, so faint pencil and marker look alike


def ink_box(
    ink: np.ndarray,  # uint8 (h, w), white ink on black
) -> tuple[int, int, int, int] | None:  # x, y, w, h in pixels, None where there is no ink
    "Bounding box of the pixels at least `INK_LEVEL` as bright as the brightest."
    top = cv2.minMaxLoc(ink)[1] if ink.size else 0
    if top < 8:
        return None
    _, mask = cv2.threshold(ink, math.ceil(INK_LEVEL * top) - 1, 255, cv2.THRESH_BINARY)
    return cv2.boundingRect(mask)


def normalise_glyph(
    ink: np.ndarray,  # uint8 (h, w), white ink on black, any size
) -> np.ndarray:  # uint8 (28, 28), white on black; all zero where there is no ink
    "Crop to the ink, bring its longest side to 20 pixels and its centre of mass to the middle of 28 x 28."
    box = ink_box(ink)
    glyph = np.zeros((SIDE, SIDE), np.uint8)
    if box is None:
        return glyph
    x, y, w, h = box
    crop = ink[y : y + h, x : x + w]
    scale = INK_SIDE / max(w, h)
    if scale != 1:
        size = (max(1, round(w * scale)), max(1, round(h * scale)))
        crop = cv2.resize(
            crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        )
    bright = np.sort(crop[crop >= INK_LEVEL * cv2.minMaxLoc(crop)[1]])
    crop = cv2.convertScaleAbs(crop, alpha=255 / float(bright[len(bright) * FULL_LEVEL // 100]))
    h, w = crop.shape
    moments = cv2.moments(crop)
    left = round(SIDE / 2 - 0.5 - moments["m10"] / moments["m00"])
    top = round(SIDE / 2 - 0.5 - moments["m01"] / moments["m00"])
    left, top = min(max(left, 0), SIDE - w), min(max(top, 0), SIDE - h)
    glyph[top : top + h, left : left + w] = crop
    return glyph


def is_normalised(
    glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
) -> np.ndarray:  # bool (N,), True where the glyph already has the layout
    "Whether each glyph's ink is 18-20 pixels long, centred within 1.5 pixels and bright: MNIST's own digits are."
    top = glyphs.reshape(len(glyphs), -1).max(1)
    mask = glyphs >= np.maximum(1, INK_LEVEL * top)[:, None, None]
    sides = []
    for axis in (1, 2):
        line = mask.any(axis)
        sides.append(SIDE - line.argmax(1) - line[:, ::-1].argmax(1))
    longest = np.maximum(*sides)
    columns, rows = glyphs.sum(1, dtype=np.float32), glyphs.sum(2, dtype=np.float32)
    total = np.maximum(columns.sum(1), 1)
    middle = np.arange(SIDE, dtype=np.float32) - (SIDE - 1) / 2
    off = np.maximum(np.abs(columns @ middle), np.abs(rows @ middle)) / total
    return (longest >= INK_SIDE - 2) & (longest <= INK_SIDE) & (off <= 1.5) & (top >= 200)


def normalise_glyphs(
    glyphs: np.ndarray,  # uint8 (N, 28, 28), white on black
) -> np.ndarray:  # uint8 (N, 28, 28), in the layout of `normalise_glyph`
    "Bring glyphs from any source to the one layout; a glyph already in it stays as it is."
    out = np.array(glyphs, np.uint8)
    for i in np.flatnonzero(~is_normalised(out)) if len(out) else ():
        out[i] = normalise_glyph(out[i])
    return out
