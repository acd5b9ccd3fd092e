#!/usr/bin/env python3
"""How fast, how light and how safe the reading of many pages is: every target of `customocr read
FOLDER` in one run.

    python benchmarks/many_pages.py [--pages N] [--memory FEW MANY] [--skip SECTION ...] [--json
    OUT]

Needs the extras pdf and cluster and an otherwise idle machine with two cores or more. The figures
of the notebook are made by
`python benchmarks/many_pages.py --json nbs/stored/batch/many_pages.json` (half an hour). Sections:

  help      `customocr --help` beside `python -c pass`
  overhead  what decoding, writing and scheduling add to the bare reading of pages of one megapixel
  speed     a folder of N pages (default 500): one process, two, two workers of Dask, and two
            commands at once that know nothing of each other and read half of the pages each: the
            most that the machine gives; three turns, the quickest of each
  memory    peak memory of the process that hands out the work, for FEW and MANY pages (default 100
            and 5000)
  lost      one of two Dask workers is killed in the middle: pages lost, pages there twice
"""

import argparse
import csv
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2

from customocr import __version__, samples
from customocr.batch import write_many
from customocr.recognition import Reader

MEGAPIXEL = 1_000_000
FORMATS = ("json", "hocr")  # what the runs write
TURNS = 3  # of the speed of each kind of worker; the quickest counts
SECTIONS = ("help", "overhead", "speed", "memory", "lost")
TARGETS = {  # figure -> what it must be
    "help: seconds over python": ("at most", 0.1),
    "overhead: share of the reading": ("at most", 0.15),
    "speed: two processes over one": ("at least", 1.7),
    "speed: Dask over two processes, seconds": ("at most", 1.2),
    "memory: many over few": ("at most", 1.1),
    "lost: pages lost or there twice": ("at most", 0),
}


def make_pages(
    folder: Path,
    count: int,
    pixels: int = MEGAPIXEL,  # of each page
) -> Path:
    "A folder of sample pages, enlarged to that many pixels, a hundred to a folder."
    pictures = []
    for page in samples.pages():
        picture = cv2.imread(str(page.path))
        height, width = picture.shape[:2]
        if height * width > 40_000:  # a single letter enlarged to a megapixel is no page
            scale = (pixels / (height * width)) ** 0.5
            picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
            pictures.append(cv2.imencode(".jpg", picture)[1].tobytes())
    for k in range(count):
        file = folder / f"{k // 100:03}" / f"{k:05}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pictures[k % len(pictures)])
    return folder


def command(*arguments, also: tuple = ()) -> float:  # seconds
    """Run `customocr read`, and at the same time another one with the arguments `also`; what it
    says on standard error is shown where it fails."""
    start = time.perf_counter()
    running = [
        subprocess.Popen(
            [sys.executable, "-m", "customocr", "read", *map(str, one)],
            **{"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True},
        )
        for one in (arguments, also)
        if one
    ]
    said = [one.communicate()[1] for one in running]
    if any(one.returncode for one in running):
        sys.exit("\n".join(said))
    return time.perf_counter() - start


def measure_help(work: Path, options) -> dict:
    "Seconds of both commands, the median of turns."
    lines = {
        "help": [sys.executable, "-m", "customocr", "--help"],
        "python": [sys.executable, "-c", "pass"],
    }
    seconds = {name: [] for name in lines}
    for _ in range(21):
        for name, line in lines.items():
            start = time.perf_counter()
            subprocess.run(line, capture_output=True, check=True)
            seconds[name].append(time.perf_counter() - start)
    help_, python = (statistics.median(seconds[name]) for name in ("help", "python"))
    return {"help": help_, "python": python, "help: seconds over python": help_ - python}


def measure_overhead(work: Path, options) -> dict:
    "Bare reading of decoded pages against a whole run in the same process, in turns."
    pages, reader = make_pages(work / "overhead", min(24, options.pages)), Reader()
    pictures = [cv2.imread(str(f)) for f in sorted(pages.rglob("*.jpg"))]
    reader.read(pictures[0])
    bare, whole = [], []
    for turn in range(7):
        start = time.process_time()
        for picture in pictures:
            reader.read(picture)
        bare.append(time.process_time() - start)
        start = time.process_time()
        write_many([str(pages)], work / f"overhead-{turn}", FORMATS, reader)
        whole.append(time.process_time() - start)
    bare, whole = min(bare), min(whole)
    figures = {"bare": bare / len(pictures), "whole": whole / len(pictures)}
    return figures | {"overhead: share of the reading": whole / bare - 1}


def measure_speed(work: Path, options) -> dict:
    "The same folder, read by each kind of worker."
    from distributed import LocalCluster

    pages = make_pages(work / "speed", options.pages)
    halves = [make_pages(work / f"half {k}", options.pages // 2) for k in (1, 2)]
    formats = [a for f in FORMATS for a in ("--format", f)]
    turns: dict[str, list[float]] = {}

    def read(name: str, *more: str) -> None:
        out = work / f"{name} {len(turns.setdefault(name, []))}"
        turns[name].append(command(pages, *formats, "--out", out, *more))

    cluster = dict(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1")
    for turn in range(TURNS):
        read("one process")
        read("two processes", "--jobs", "2")
        with LocalCluster(**cluster) as local:
            read("two workers of Dask", "--scheduler", local.scheduler_address)
        places = [(half, *formats, "--out", f"{half} out {turn}") for half in halves]
        turns.setdefault("two separate commands", []).append(command(*places[0], also=places[1]))
    seconds = {name: min(each) for name, each in turns.items()}
    size = sum(f.stat().st_size for f in (work / "two processes 0").rglob("*.json")) / options.pages
    return {
        "pages": options.pages,
        "seconds": seconds,
        "bytes of JSON a page": size,
        "the machine: two commands over one": seconds["one process"]
        / seconds["two separate commands"],
        "speed: two processes over one": seconds["one process"] / seconds["two processes"],
        "speed: Dask over two processes, seconds": seconds["two workers of Dask"]
        / seconds["two processes"],
    }


PEAK = """
import re, sys
from customocr.batch import write_many
if __name__ == "__main__":
    write_many([sys.argv[1]], sys.argv[2], ("text",), jobs=2)
    print(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])
"""


def measure_memory(work: Path, options) -> dict:
    "Peak memory of the parent, in MB, with small pages that are read quickly."
    script = work / "peak.py"
    script.write_text(PEAK)
    figures = {}
    for count in options.memory:
        pages = make_pages(work / f"memory-{count}", count, 30_000)
        line = [sys.executable, str(script), str(pages), str(work / f"memory-out-{count}")]
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        figures[f"{count} pages"] = int(done.stdout) / 1024
    few, many = figures.values()
    return figures | {"memory: many over few": many / few}


def measure_lost(work: Path, options) -> dict:
    "Kill a worker when a fifth of the pages is there."
    from distributed import Client, LocalCluster

    count = max(20, options.pages // 10)
    pages, out = make_pages(work / "lost", count), work / "lost-out"
    cluster = dict(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1")
    with LocalCluster(**cluster) as local, Client(local) as client:
        victim = next(iter(client.run(os.getpid).values()))

        def kill():
            while len(list(out.rglob("*.json"))) < count // 5:
                time.sleep(0.05)
            os.kill(victim, 9)

        threading.Thread(target=kill, daemon=True).start()
        write_many([str(pages)], out, FORMATS, scheduler=client)
    with (out / "report.csv").open(newline="") as file:
        rows = [row["source"] for row in csv.DictReader(file) if not row["error"]]
    made = len(list(out.rglob("*.json")))
    wrong = (count - made) + (count - len(set(rows))) + (len(rows) - len(set(rows)))
    return {"pages": count, "lost: pages lost or there twice": wrong}


def store(figures: dict, file: Path | None) -> None:
    "Write what has been measured so far."
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(figures, indent=1) + "\n")


def main() -> None:
    "Measure, print each target with what was reached, and store."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--pages", type=int, default=500, help="in the folder of section speed")
    parser.add_argument("--memory", type=int, nargs=2, default=(100, 5000), metavar=("FEW", "MANY"))
    parser.add_argument("--skip", nargs="+", choices=SECTIONS, default=())
    parser.add_argument("--json", type=Path, help="where to store the figures")
    options = parser.parse_args()
    full = (options.pages, *options.memory) == (500, 100, 5000) and not options.skip
    figures = {
        "full": full,  # False: a small run, or one on a busy machine; measure again before quoting
        "load before": round(os.getloadavg()[0], 2),
        "cores": os.cpu_count(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "customocr": __version__,
    }
    for section in SECTIONS:
        if section not in options.skip:
            work = Path(tempfile.mkdtemp())
            try:
                figures[section] = globals()[f"measure_{section}"](work, options)
            finally:
                shutil.rmtree(work, ignore_errors=True)
            print(section, json.dumps(figures[section], indent=1), flush=True)
            store(figures, options.json)
    for name, (kind, wanted) in TARGETS.items():
        got = figures.get(name.split(":")[0], {}).get(name)
        if got is not None:
            met = got <= wanted if kind == "at most" else got >= wanted
            print(f"{name}: {got:.3f} ({kind} {wanted}): {'met' if met else 'MISSED'}")


if __name__ == "__main__":
    main()
