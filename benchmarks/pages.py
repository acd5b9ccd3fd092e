#!/usr/bin/env python3
"""How fast pages are read, beside Tesseract 5 and RapidOCR 3.10, all in one run on the same files.

    python benchmarks/pages.py [DATA] [--each N] [--json OUT] [--plot OUT.png] [--skip SECTION ...]

DATA is a data folder with pages/truth.tsv (default: $CUSTOMOCR_DATA), else the package's own sample
pages are read. The peers are optional: `pip install rapidocr==3.10.0 tesserocr` and Debian's
tesseract-ocr. RapidOCR is set with care: see benchmarks/page_errors.py. Every reader has one
thread. Sections:

  read     median time of one read in process by kind of page; every reader reads a file before the
           next file's turn, so
           that a busy machine slows all alike; and the processor time of all cores, which other
           work hardly changes. Tesseract as library (tesserocr) and as people call it
           (pytesseract's way: one process a page), both with --psm 6.
  photo    a 12-megapixel photo: time in process and peak memory of a process that does nothing else
  process  a fresh process on a 1-megapixel page: `customocr read`, `tesseract`, and Python loading
  the same network in Keras
  cost     time against pixels and against the number of characters on composed pages; --plot draws
           it
"""

import argparse
import json
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import cv2
import numpy as np
from page_errors import careful_rapidocr

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUSTOMOCR_THREADS", "1")  # as the peers have
from customocr.recognition import Reader

cv2.setNumThreads(1)
SAMPLES = Path(__import__("customocr").__file__).parent / "samples"
PAGE = SAMPLES / "pages" / "lines.jpg"  # four lines on paper, photographed
PSM = 6  # Tesseract: one block of text
PHOTO = (4000, 3000)  # pixels, a 12-megapixel phone photo


def cpu_seconds() -> float:  # of this process and of those it has waited for
    "Processor time: what a call costs, whatever else the machine does."
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def timed(
    call,  # function without arguments
    repeats: int = 1,
) -> tuple[float, float]:  # milliseconds: median wall time, median processor time of all cores
    "What a call takes."
    walls, cpus = [], []
    for _ in range(repeats):
        cpu, start = cpu_seconds(), time.perf_counter()
        call()
        walls.append(1e3 * (time.perf_counter() - start))
        cpus.append(1e3 * (cpu_seconds() - cpu))
    return statistics.median(walls), statistics.median(cpus)


def milliseconds(
    call,  # function without arguments
    repeats: int = 1,
) -> float:  # median
    "Wall time of a call."
    return timed(call, repeats)[0]


def machine() -> str:  # one line
    "What the figures were measured on."
    cpu = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        names = [
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ]
        cpu = names[0] if names else cpu
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    versions = []
    for package in (
        "customocr",
        "onnxruntime",
        "opencv-python",
        "tesserocr",
        "rapidocr",
    ):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            pass
    return (
        f"{cpu}, {os.cpu_count()} cores{load}; Python {platform.python_version()},"
        f" {', '.join(versions)}"
    )


def pages(
    data: Path | None,  # data folder
    each: int,  # at most so many of a kind, spread over the list
) -> list[tuple[str, Path]]:  # kind, file
    "The files to read."
    folder = (data or SAMPLES) / "pages"
    found: dict[str, list[Path]] = {}
    for line in (folder / "truth.tsv").read_text(encoding="utf8").splitlines()[1:]:
        path, kind, lower = line.split("\t")[:3]
        if lower != "yes":
            found.setdefault(kind, []).append(folder / path)
    return [
        (kind, files[i])
        for kind, files in found.items()
        for i in np.unique(np.linspace(0, len(files) - 1, min(each, len(files)), dtype=int))
    ]


def readers() -> dict:  # name -> function that reads a path and gives its text
    "Ours and every peer that is installed."
    reader = Reader()
    found = {"customocr": lambda file: reader.read(file).text}
    try:
        import tesserocr

        folder = next(iter(Path("/usr/share").glob("tesseract-ocr/*/tessdata")), None)
        api = tesserocr.PyTessBaseAPI(psm=PSM, **({"path": str(folder)} if folder else {}))

        def tesseract_library(file):
            from PIL import Image

            api.SetImage(Image.open(file).convert("RGB"))
            return api.GetUTF8Text()

        found["tesseract (library)"] = tesseract_library
    except ImportError:
        print("skipped: tesserocr is not installed")
    if shutil.which("tesseract"):
        found["tesseract (process)"] = lambda file: (
            subprocess.run(
                ["tesseract", str(file), "-", "--psm", str(PSM)], capture_output=True, text=True
            ).stdout
        )
    else:
        print("skipped: no tesseract on PATH")
    try:
        found["rapidocr3"] = careful_rapidocr()
    except ImportError:
        print("skipped: rapidocr is not installed")
    return found


def section_read(
    options: argparse.Namespace,
) -> dict:  # median ms by reader and kind, the slowest file, files by kind
    "Every reader on every file; ours five times, the peers once."
    engines, times = readers(), {}
    files = pages(options.data, options.each)
    for engine in engines.values():
        engine(files[0][1])  # networks are loaded, caches are warm
    for kind, file in files:
        for name, engine in engines.items():
            taken = timed(lambda: engine(file), repeats=5 if name == "customocr" else 1)
            times.setdefault(name, {}).setdefault(kind, []).append(taken)
    kinds = list(times["customocr"])
    medians = [
        {
            name: {
                kind: statistics.median(taken[what] for taken in times[name][kind])
                for kind in kinds
            }
            for name in engines
        }
        for what in (0, 1)
    ]
    for title, by_reader in zip(("milliseconds", "processor milliseconds"), medians):
        print(
            f"\nread: median {title} a file ({len(files)} files), and how many times those of"
            " customocr"
        )
        for name, by_kind in by_reader.items():
            cells = [
                f"{kind} {taken:.1f} ({taken / by_reader['customocr'][kind]:.1f}x)"
                for kind, taken in by_kind.items()
            ]
            print(f"  {name:20s} " + "   ".join(cells))
    slowest = max((max(taken)[0], kind) for kind, taken in times["customocr"].items())
    print(f"  slowest file for customocr: {slowest[0]:.0f} ms ({slowest[1]})")
    counts = {kind: len(taken) for kind, taken in times["customocr"].items()}
    return {
        "median_ms": medians[0],
        "median_cpu_ms": medians[1],
        "slowest_ms": slowest[0],
        "files": counts,
    }


def photo(
    folder: Path,  # where to
    pixels: tuple[int, int],  # width, height
) -> Path:  # JPEG file
    "A sample page as a camera with so many pixels takes it: enlarged, with the sensor's noise."
    page = cv2.resize(cv2.imread(str(PAGE)), pixels, interpolation=cv2.INTER_CUBIC)
    noise = np.random.default_rng(0).normal(0, 4, (*page.shape[:2], 1)).astype(np.float32)
    file = folder / f"photo_{pixels[0]}x{pixels[1]}.jpg"
    cv2.imwrite(
        str(file), np.clip(page + noise, 0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, 90]
    )
    return file


PEAK = """
import re, sys
from customocr.recognition import Reader
Reader().read(sys.argv[1])
try: print(int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024)
except OSError:  # not Linux; on Linux this would be the parent's peak where that was higher
    import resource
    mebibyte = 2**20 if sys.platform == "darwin" else 1024
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / mebibyte)
"""


def section_photo(
    options: argparse.Namespace,
) -> dict:
    "Time and memory of a 12-megapixel photo."
    with tempfile.TemporaryDirectory() as folder:
        file = photo(Path(folder), PHOTO)
        reader = Reader()
        reader.read(file)
        taken = milliseconds(lambda: reader.read(file), repeats=5)
        done = subprocess.run(
            [sys.executable, "-c", PEAK, str(file)], capture_output=True, text=True, check=True
        )
        peak = float(done.stdout)
    print(
        f"\nphoto: {PHOTO[0]} x {PHOTO[1]} pixels read in {taken:.0f} ms; peak memory of the"
        f" process {peak:.0f} MiB"
    )
    return {"ms": taken, "peak_mib": peak}


KERAS = """
import os; os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import sys, numpy, keras
keras.saving.load_model(sys.argv[1]).predict(numpy.zeros((50, 28, 28, 1), "float32"), verbose=0)
"""


def keras_network(
    folder: Path,  # where a file may be written
) -> Path:  # .keras file
    """The shipped network as Keras saves it; where only its ONNX form is shipped, the same layers
    untrained: as large, as slow."""
    shipped = SAMPLES.parent / "models" / "characters.keras"
    if shipped.exists():
        return shipped
    from customocr.training import network

    network(folded=True).save(folder / "network.keras")
    return folder / "network.keras"


def section_process(
    options: argparse.Namespace,
) -> dict:  # command -> median ms
    """Fresh processes in turn on a 1-megapixel page. The first round fills the disk cache, and
    compiles what an installed package has compiled."""
    compiling = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    run = partial(subprocess.run, capture_output=True, check=True, env=compiling)
    with tempfile.TemporaryDirectory() as folder:
        file = photo(Path(folder), (1155, 866))
        commands = {"customocr read": [sys.executable, "-m", "customocr", "read", str(file)]}
        if shutil.which("tesseract"):
            commands["tesseract"] = ["tesseract", str(file), "-", "--psm", str(PSM)]
        try:
            version("keras")
            commands["keras network"] = [
                sys.executable,
                "-c",
                KERAS,
                str(keras_network(Path(folder))),
            ]
        except PackageNotFoundError:
            print("skipped: keras is not installed")
        times = {name: [] for name in commands}
        for _ in range(options.repeats + 1):
            for name, command in commands.items():
                times[name].append(milliseconds(lambda: run(command)))
    medians = {name: statistics.median(taken[1:]) for name, taken in times.items()}
    ours = medians["customocr read"]
    print("\nprocess: a fresh process on a 1-megapixel page, median milliseconds")
    for name, taken in medians.items():
        print(f"  {name:16s} {taken:7.0f}   customocr takes {ours / taken:.2f} of it")
    return medians


def text_page(
    characters: int,  # how many
    pixels: int,  # of the page
) -> np.ndarray:  # uint8 (h, w)
    """A page of so many glyphs of the shipped samples' kind on so many pixels, glyphs as large as
    they fit."""
    side = round(pixels**0.5)
    page = np.full((side, side), 235, np.uint8)
    columns = max(1, round(characters**0.5))
    rows = -(-characters // columns)
    cell = side // max(columns, rows)
    for i in range(characters):
        x, y = i % columns * cell, i // columns * cell
        letter = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i * 7 % 36]
        size = cv2.getTextSize(letter, cv2.FONT_HERSHEY_DUPLEX, 1, 1)[0]
        scale = 0.6 * cell / max(size)
        at = (int(x + 0.2 * cell), int(y + 0.8 * cell))
        cv2.putText(
            page,
            letter,
            at,
            cv2.FONT_HERSHEY_DUPLEX,
            scale,
            40,
            max(1, round(scale * 1.5)),
            cv2.LINE_AA,
        )
    return page


def section_cost(
    options: argparse.Namespace,
) -> dict:  # two lists of [x, ms]
    "Time of composed pages, one thing growing at a time."
    reader = Reader()
    by_pixels = [
        (n, milliseconds(lambda page=text_page(100, n): reader.read(page), 5))
        for n in (10**5, 3 * 10**5, 10**6, 2 * 10**6, 4 * 10**6, 8 * 10**6, 12 * 10**6)
    ]
    by_characters = [
        (n, milliseconds(lambda page=text_page(n, 2 * 10**6): reader.read(page), 5))
        for n in (1, 25, 50, 100, 200, 400, 800, 1600)
    ]
    print("\ncost: 100 characters on a page of so many pixels")
    print("  " + "   ".join(f"{n / 1e6:g} MP {taken:.0f} ms" for n, taken in by_pixels))
    print("cost: so many characters on 2 megapixels")
    print("  " + "   ".join(f"{n}: {taken:.0f} ms" for n, taken in by_characters))
    if options.plot:
        import matplotlib

        matplotlib.use("Agg")
        import matplotlib.pyplot as plt

        figure, axes = plt.subplots(1, 2, figsize=(8, 3), layout="constrained", sharey=True)
        axes[0].plot([n / 1e6 for n, _ in by_pixels], [taken for _, taken in by_pixels], "o-")
        axes[0].set(xlabel="megapixels (100 characters)", ylabel="milliseconds a page")
        axes[1].plot(*zip(*by_characters), "o-")
        axes[1].set(xlabel="characters (2 megapixels)", ylim=(0, None))
        figure.savefig(options.plot, dpi=90)
    return {"by_pixels": by_pixels, "by_characters": by_characters}


SECTIONS = {
    "read": section_read,
    "photo": section_photo,
    "process": section_process,
    "cost": section_cost,
}


def main() -> None:
    "Run the sections."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("CUSTOMOCR_DATA"))
    parser.add_argument("--each", type=int, default=25, help="files of each kind (default 25)")
    parser.add_argument(
        "--repeats", type=int, default=5, help="rounds of fresh processes (default 5)"
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--plot", type=Path)
    parser.add_argument("--skip", nargs="*", choices=list(SECTIONS), default=[])
    options = parser.parse_args()
    results = {
        "machine": machine(),
        "data": "a data folder" if options.data else "the package's samples",
    }
    print(results["machine"])
    for name, section in SECTIONS.items():
        if name not in options.skip:
            results[name] = section(options)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1), encoding="utf8")


if __name__ == "__main__":
    main()
