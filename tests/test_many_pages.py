"""Many pages: what `Reader` withstands, folders that are gone on with, and the same on processes and on a Dask cluster."""

import multiprocessing
import os
import pickle

import pytest

from customocr import samples
from customocr.recognition import Reader


@pytest.fixture(scope="module")
def reader() -> Reader:
    "A reader that has read, so that its networks have threads."
    reader = Reader()
    reader.read(samples.page("hello"))
    return reader


def test_a_pickled_reader_reads_the_same(reader):
    copy = pickle.loads(pickle.dumps(reader))
    assert copy.read(samples.page("lines")) == reader.read(samples.page("lines"))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_reader_survives_fork(reader):
    want = reader.read(samples.page("lines")).text
    with multiprocessing.get_context("fork").Pool(1) as pool:
        page = pool.apply_async(reader.read, [samples.page("lines")]).get(timeout=60)
    assert page.text == want
