"""Where the tests find the optional data folder."""

import os
from pathlib import Path

import pytest


def pytest_collection_modifyitems(items) -> None:
    "Mark the tests that look at the data folder: `pytest -m data` runs these alone."
    for item in items:
        if "data_dir" in item.fixturenames:
            item.add_marker("data")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    "The data folder named by CUSTOMOCR_DATA; tests that need it are skipped where it is not set."
    folder = os.environ.get("CUSTOMOCR_DATA")
    if not folder:
        pytest.skip("CUSTOMOCR_DATA is not set: the real sets are not tested")
    if not Path(folder).is_dir():
        pytest.fail(f"CUSTOMOCR_DATA names {folder}, which is no folder")
    return Path(folder)
