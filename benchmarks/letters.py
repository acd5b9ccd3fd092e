#!/usr/bin/env python3
"""Time and peak memory of reading an A-Z CSV of the full set's size: first from the CSV, then from
the cache, beside plain pandas.

    python benchmarks/letters.py [--rows 372450] [--pandas]

The file is made of random digits drawn like letters (a fifth of the pixels inked), so no data set
is needed; 700 MB of disk are.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

MEASURE = """
import resource, sys, time
start = time.perf_counter()
{code}
print(time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
OURS = "from customocr.data import load_az; assert len(load_az(sys.argv[1])) == {rows}"
PANDAS = (
    "import pandas as pd; t = pd.read_csv(sys.argv[1]); x = t.drop(t.columns[0],"
    " axis=1).to_numpy().reshape(-1, 28, 28).astype('float32')"
)


def write_csv(
    path: Path,
    rows: int,  # lines
) -> None:
    "A CSV in the A-Z set's form with `rows` lines."
    rng = np.random.default_rng(1)
    pixels = np.where(rng.random((1000, 784)) < 0.2, rng.integers(1, 256, (1000, 784)), 0)
    lines = [
        f"{label}," + ",".join(map(str, row)) + "\n"
        for label, row in zip(rng.integers(0, 26, 1000), pixels)
    ]
    with open(path, "w") as file:
        for start in range(0, rows, 1000):
            file.writelines(lines[: min(1000, rows - start)])


def measure(
    code: str,
    path: Path,  # the CSV
    cache: Path,
) -> str:  # seconds and peak memory, in words
    "Run code in a process of its own."
    done = subprocess.run(
        [sys.executable, "-c", MEASURE.format(code=code), path],
        capture_output=True,
        text=True,
        env={**os.environ, "CUSTOMOCR_CACHE": str(cache)},
    )
    if done.returncode:
        return f"failed: {done.stderr.strip().splitlines()[-1]}"
    seconds, memory = map(float, done.stdout.split())
    return f"{seconds:6.1f} s   {memory / 1024:5.2f} GB"


def main() -> None:
    "Parse the command line."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", type=int, default=372_450, help="lines of the CSV (default: the full set's)"
    )
    parser.add_argument(
        "--pandas",
        action="store_true",
        help="also the usual way, a table of 64-bit integers: needs 5 GB",
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path, cache = Path(folder, "az.csv"), Path(folder, "cache")
        write_csv(path, options.rows)
        print(
            f"{options.rows:,} rows, {path.stat().st_size / 1e6:,.0f} MB, {os.cpu_count()} cores,"
            f" {time.strftime('%Y-%m-%d')}"
        )
        print("first time ", measure(OURS.format(rows=options.rows), path, cache), flush=True)
        print("from cache ", measure(OURS.format(rows=options.rows), path, cache), flush=True)
        if options.pandas:
            print("pandas     ", measure(PANDAS, path, cache))


if __name__ == "__main__":
    main()
