"""Medians, percentiles, distinct values and straight lines, as numpy gives them.

Written by hand, not exported from a notebook: it is plumbing without a story. `np.median` and
`np.unique` load numpy.ma when they are first called, which takes a third of a process' first page.
On some dozen values these and `np.polyfit` spend most of their time on preparations.
"""

from __future__ import annotations

import numpy as np


def distinct(
    values: np.ndarray,
) -> np.ndarray:  # sorted
    "The values, each once."
    values = np.sort(values, axis=None)
    new = np.ones(len(values), bool)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return values[new]


def percentile(
    values: np.ndarray,  # any shape, no NaN
    share: float,  # 0..100, per cent of the values that lie below
) -> float:  # NaN where there are no values
    "Between two values in proportion, as `np.percentile` does."
    flat = values.ravel()
    if not len(flat):
        return float("nan")
    at = (len(flat) - 1) * (share / 100)
    low = int(at)
    high = min(low + 1, len(flat) - 1)
    some = np.partition(flat, (low, high))
    a, b, t = float(some[low]), float(some[high]), at - low
    return a + (b - a) * t if t < 0.5 else b - (b - a) * (1 - t)


def median(
    values: np.ndarray,  # any shape, no NaN
) -> float:  # NaN where there are no values
    "The middle value, or the mean of the two in the middle."
    flat = values.ravel()
    if not len(flat):
        return float("nan")
    half = len(flat) // 2
    if len(flat) % 2:
        return float(np.partition(flat, half)[half])
    some = np.partition(flat, (half - 1, half))
    return (float(some[half - 1]) + float(some[half])) / 2


def straight_line(
    x: np.ndarray,  # float (n,), not all the same
    y: np.ndarray,  # float (n,)
) -> tuple[float, float]:  # its slope, and its height where x is 0
    "The line with the least squared distances from the points, as `np.polyfit(x, y, 1)` finds it."
    middle, height = float(x.mean()), float(y.mean())
    away = x - middle
    slope = float(away @ (y - height)) / float(away @ away)
    return slope, height - slope * middle
