"""Our medians and percentiles are numpy's, and the first page does without numpy.ma."""

import subprocess
import sys

import numpy as np
import pytest

from customocr.statistics import distinct, median, percentile, straight_line


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.float64])
@pytest.mark.parametrize("size", [1, 2, 3, 10, 101])
def test_they_agree_with_numpy(size, dtype):
    rng = np.random.default_rng(size)
    values = rng.integers(0, 256, (size, 1)).astype(dtype)
    assert median(values) == np.median(values)
    assert distinct(values).tolist() == np.unique(values).tolist()
    for share in (0, 20, 50, 70, 99.5, 100):
        assert percentile(values, share) == pytest.approx(np.percentile(values, share), abs=1e-9)


def test_nothing_has_no_middle():
    assert np.isnan(median(np.zeros(0))) and np.isnan(percentile(np.zeros(0), 70))


def test_a_straight_line_is_polyfits():
    x, y = np.random.default_rng(1).normal(size=(2, 30))
    assert straight_line(x, y) == pytest.approx(tuple(np.polyfit(x, y, 1)))


def test_reading_a_page_does_not_load_what_only_some_numpy_functions_need():
    code = (
        "import sys; from customocr import Reader, samples;"
        " Reader().read(samples.page('lines')); sys.exit('numpy.ma' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=300).returncode == 0
