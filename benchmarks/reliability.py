#!/usr/bin/env python3
"""What bad files, hostile pages, kills, long runs and small changes do to reading: all in one run.

    python benchmarks/reliability.py [DATA] [--part PART ...] [--skip PART ...] [--short]
                                     [--count N] [--minutes M] [--seed S] [--work DIR] [--json OUT]

The figures of the site's page are made by
`python benchmarks/reliability.py DATA --json nbs/stored/reliability/reliability.json`.
Every case is made from the seed and its number alone. A part that was stopped goes on where it
was: what is done stands in DIR (default: .reliability in this folder). What goes wrong is kept
there as a file of its own. `--short` does a little of each part, in some minutes. Parts:

  mutated  sample pages in nine formats with flipped bits, cut ends, changed headers (20,000)
  hostile  composed pages of noise, texture, scribble, frames, specks and extreme sizes (1,000)
  reads    one process reads again and again: memory and open files (10,000)
  kills    folder reading is killed and started again, until 100 kills are done: nothing is lost,
           nothing is there twice, the results are those of a run that was left alone
  collect  the same for `customocr collect`: the table of examples is the old one or the new one
  train    the same for `customocr train --resume`, with a small training (needs the extra `train`)
  teach    the same for `customocr teach`: the taught network is there whole, or not at all
  fuzz     every target of tests/fuzz is searched for 1,800 processor seconds (needs atheris)
  steady   how many texts change when a picture is shifted, framed, saved as JPEG, enlarged or
           turned; DATA is a data folder with pages/truth.tsv (default: $CUSTOMOCR_DATA), else the
           sample pages

Times are processor seconds of a process with one thread: other work on the machine hardly
changes them.
"""

import argparse
import collections
import contextlib
import ctypes
import json
import multiprocessing
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("CUSTOMOCR_THREADS", "1")
import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "fuzz"))
import material
import targets

from customocr import __version__, samples
from customocr.batch import HIDDEN
from customocr.collecting import MANIFEST, load_examples, save_examples
from customocr.data import load_samples
from customocr.errors import CustomOCRError, ImageError
from customocr.formats.sources import load_page, pages_of
from customocr.glyphs import CLASSES
from customocr.recognition import Page, Reader

MOST_SECONDS, MOST_MEMORY = 3.0, 600.0  # processor seconds, MB: what a page may take
PATIENCE = 60.0  # processor seconds without an answer from which a process counts as hanging
FOREVER = 900.0  # seconds on the clock likewise
MOST_PAGES = 3  # of one damaged file that are read
OUTCOMES = ("read", "refused", "wrong", "foreign", "crash")


# ---- one case in a process of its own


def peak(reset: bool = False) -> float:  # MB
    "The most memory that this process has had since the last reset (Linux)."
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
        return 0.0
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024


def broken_promises(page: Page) -> list[str]:
    "What a page promises and does not keep; the same promises that tests/test_properties.py has."
    return material.broken_promises(page)


def give_back() -> None:
    "What earlier cases freed goes back to the system, so that it counts for them alone (glibc)."
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def attempt(
    reader: Reader, content: bytes | np.ndarray
) -> tuple[str, str, float, bool]:  # outcome, what was wrong, seconds of the slowest page, complete
    "Read what one case holds: `read`, `refused`, `wrong` (a promise) or `foreign` (an exception)."
    most, complete, start = 0.0, True, time.process_time()
    outcome, what = "read", ""
    try:
        files = pages_of("file", "file", content) if isinstance(content, bytes) else [content]
        for source, _ in zip(files, range(MOST_PAGES)):
            picture = load_page(source) if isinstance(content, bytes) else source
            page = reader.read(picture)
            complete = complete and page.complete
            now = time.process_time()
            most, start = max(most, now - start), now
            if wrong := broken_promises(page):
                outcome, what = "wrong", "; ".join(wrong)
    except CustomOCRError as error:
        outcome = "refused"
        if "\n" in str(error) or len(str(error)) < 10:
            outcome, what = "wrong", f"message {str(error)!r}"
    except Exception as error:  # the point of it all
        outcome, what = "foreign", f"{type(error).__name__}: {error}"[:300]
    return outcome, what, max(most, time.process_time() - start), complete


def case_of(part: str, seed: int, number: int) -> tuple[bytes | np.ndarray, str]:
    "A case from its seed and number alone, and of which kind it is."
    rng = np.random.default_rng([seed, number])
    return (material.mutated if part == "mutated" else material.hostile)(rng)


def work(part: str, seed: int, connection) -> None:
    "A process that is sent numbers and answers with what became of each case."
    cv2.setNumThreads(1)
    reader = Reader()
    reader.read(samples.page("hello"))
    while (number := connection.recv()) is not None:
        content, kind = case_of(part, seed, number)
        give_back()
        peak(reset=True)
        outcome, what, seconds, complete = attempt(reader, content)
        row = number, kind, outcome, what, round(seconds, 3), round(peak(), 1), complete
        connection.send(row)


def used(pid: int) -> float:  # processor seconds
    "What a process has used so far (Linux)."
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Worker:
    "A process for cases; a new one where the last one died or hangs."

    def __init__(self, part: str, seed: int):
        self.part, self.seed, self.process = part, seed, None

    def start(self) -> None:
        spawn = multiprocessing.get_context("spawn")
        self.connection, other = spawn.Pipe()
        self.process = spawn.Process(target=work, args=(self.part, self.seed, other), daemon=True)
        self.process.start()
        other.close()

    def __call__(self, number: int) -> tuple:
        "What became of a case."
        if self.process is None:
            self.start()
        self.connection.send(number)
        begun, spent = time.monotonic(), used(self.process.pid)
        try:
            while not self.connection.poll(2):
                late = used(self.process.pid) - spent > PATIENCE
                if late or time.monotonic() - begun > FOREVER:
                    break
            else:
                return self.connection.recv()
            what = "hangs"
        except (EOFError, ConnectionResetError):
            self.process.join()
            what = f"process died, exit code {self.process.exitcode}"
        self.process.kill()
        self.process = None
        return number, "", "crash", what, PATIENCE, 0.0, False

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()


def measure_cases(part: str, options, log: Path, until: float) -> dict:
    "Cases of one part, each in a process that may die of it."
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    worker, target = Worker(part, options.seed), wanted(part, options)
    with log.open("a") as file:
        for number in range(len(done), target):
            if time.monotonic() > until:
                break
            row = list(worker(number))
            slow, large = row[4] > MOST_SECONDS, row[5] > MOST_MEMORY
            if row[2] not in ("read", "refused") or slow or large:
                keep(part, options, row)
            done.append(row)
            file.write(json.dumps(row) + "\n")
            file.flush()
            progress(part, len(done), target)
    worker.close()
    each = {"seconds of each page": seconds_of_kinds(done)} if part == "hostile" else {}
    return summary(done) | each


def keep(part: str, options, row: list) -> None:
    "A case that went wrong, as a file."
    content, kind = case_of(part, options.seed, row[0])
    if not isinstance(content, bytes):
        content = cv2.imencode(".png", content)[1].tobytes()
    (options.work / f"{part}-{row[0]}.bin").write_bytes(content)
    print(f"\n{part} {row[0]} {kind}: {row[2:]}", flush=True)


def summary(rows: list) -> dict:
    "Figures of cases: how many, what became of them, the slowest and the largest."
    seconds, memory = [row[4] for row in rows], [row[5] for row in rows]
    what = collections.Counter(row[2] for row in rows)
    return {
        "cases": len(rows),
        **{name: what[name] for name in OUTCOMES},
        "incomplete": sum(not row[6] for row in rows),
        "over the time": sum(s > MOST_SECONDS for s in seconds),
        "over the memory": sum(m > MOST_MEMORY for m in memory),
        "seconds": {
            "median": round(statistics.median(seconds), 3),
            "99 %": round(float(np.percentile(seconds, 99)), 3),
            "most": max(seconds),
        },
        "MB": {"median": statistics.median(memory), "most": max(memory)},
        "kinds": {
            kind: {
                "cases": sum(row[1] == kind for row in rows),
                "most seconds": max(row[4] for row in rows if row[1] == kind),
                "most MB": max(row[5] for row in rows if row[1] == kind),
            }
            for kind in sorted({row[1] for row in rows})
        },
    }


def seconds_of_kinds(rows: list) -> dict[str, list[float]]:  # seconds of each page, largest first
    kinds = sorted({row[1] for row in rows})
    return {k: sorted((round(r[4], 2) for r in rows if r[1] == k), reverse=True) for k in kinds}


def progress(part: str, n: int, target: int) -> None:
    if n % 20 == 0 or n == target:
        print(f"\r{part}: {n} of {target}", end="\n" if n == target else "", flush=True)


# ---- steadiness


def pictures(options) -> Iterator[tuple[str, np.ndarray, str]]:
    "Name, pixels and text of every picture with a known text."
    if options.data is None:
        for page in samples.pages():
            yield page.name, cv2.imread(str(page.path)), page.text
        return
    head, *rows = (options.data / "pages" / "truth.tsv").read_text("utf8").splitlines()
    for line in rows:
        row = dict(zip(head.split("\t"), line.split("\t")))
        if row["lower"] != "yes":
            yield row["path"], options.data / "pages" / row["path"], row["text"]


def shifted(pixels: np.ndarray) -> np.ndarray:
    "One pixel to the right and down."
    return cv2.copyMakeBorder(pixels, 1, 0, 1, 0, cv2.BORDER_REPLICATE)[:-1, :-1]


def framed(pixels: np.ndarray) -> np.ndarray:
    "A blank margin of 10 %, as bright as the picture's rim usually is."
    h, w = pixels.shape[:2]
    rim = [pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]]
    colour = np.median(np.concatenate(rim), 0)
    sides = round(0.1 * h), round(0.1 * h), round(0.1 * w), round(0.1 * w)
    return cv2.copyMakeBorder(
        pixels, *sides, cv2.BORDER_CONSTANT, value=np.atleast_1d(colour).tolist()
    )


def jpeg(pixels: np.ndarray) -> np.ndarray:
    "Saved as a JPEG of quality 85."
    data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
    return cv2.imdecode(data, cv2.IMREAD_UNCHANGED)


CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "shift by 1 pixel": shifted,
    "margin of 10 %": framed,
    "JPEG 85": jpeg,
    "twice as large": lambda p: cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC),
    "turned by 90°": lambda p: np.ascontiguousarray(np.rot90(p, -1)),
    "turned by 180°": lambda p: np.ascontiguousarray(np.rot90(p, 2)),
    "turned by 270°": lambda p: np.ascontiguousarray(np.rot90(p, 1)),
}
LONG = 6  # characters from which a text tells which way up it is


def characters(text: str) -> str:
    return "".join(c for c in text.upper() if c.isascii() and c.isalnum())


def measure_steady(options, log: Path, until: float) -> dict:
    "Every picture as it is and with each change."
    from customocr.images import load_image

    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    reader, every = Reader(), list(pictures(options))
    count = min(len(every), wanted("steady", options))
    chosen = [every[k] for k in np.linspace(0, len(every) - 1, count).astype(int)]
    with log.open("a") as file:
        for name, source, truth in chosen[len(done) :]:
            if time.monotonic() > until:
                break
            pixels = load_image(source).pixels
            texts = {"as it is": reader.read(pixels).text}
            texts |= {change: reader.read(make(pixels)).text for change, make in CHANGES.items()}
            done.append([name, truth.replace("\\n", "\n"), texts])
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
            progress("steady", len(done), count)
    return steadiness(done)


def steadiness(rows: list) -> dict:
    "For each change: shares of texts that changed, got worse or better; long ones that stayed."
    out = {}
    for change in CHANGES:
        was = [(characters(t), characters(texts["as it is"])) for _, t, texts in rows]
        now = [characters(texts[change]) for _, _, texts in rows]
        right = [k for k, (truth, text) in enumerate(was) if truth == text]
        worse = sum(now[k] != was[k][0] for k in right)
        better = sum(now[k] == w[0] != w[1] for k, w in enumerate(was))
        long = [k for k, (truth, text) in enumerate(was) if len(truth) >= LONG]
        out[change] = {
            "pictures": len(rows),
            "changed": sum(now[k] != was[k][1] for k in range(len(rows))),
            "right before": len(right),
            "worse": worse,
            "better": better,
            "long texts": len(long),
            "long texts the same": sum(now[k] == was[k][1] for k in long),
        }
    return out


# ---- many reads by one process


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def resident() -> float:  # MB
    status = Path("/proc/self/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


WARM = 500  # reads after which memory must stay


def reads(count: int, until: float, connection) -> None:
    "Read sample pages and damaged files again and again; memory and open files now and then."
    cv2.setNumThreads(1)
    reader, rng = Reader(), np.random.default_rng(0)
    sources = [p.path for p in samples.pages() if p.path.stat().st_size < 40_000]
    sources += [material.mutated(rng)[0] for _ in range(20)]
    rows = []
    for n in range(count):
        try:
            reader.read(sources[n % len(sources)])
        except ImageError:
            pass
        if (n + 1) % WARM == 0 or n + 1 == count:
            rows.append((n + 1, round(resident(), 1), open_files()))
            progress("reads", n + 1, count)
        if time.monotonic() > until:
            break
    connection.send(rows or [(n + 1, round(resident(), 1), open_files())])


def measure_reads(options, log: Path, until: float) -> dict:
    "Memory after the first 500 reads and after the last one, in a process of its own."
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = spawn.Pipe()
    count = wanted("reads", options)
    process = spawn.Process(target=reads, args=(count, until, theirs))
    process.start()
    rows = ours.recv()
    process.join()
    (first, before, files), (last, after, at_end) = rows[0], rows[-1]
    return {
        "reads": last,
        "MB": {str(n): memory for n, memory, _ in rows[:: max(1, len(rows) // 10)]},
        f"MB after {first}": before,
        "MB at the end": after,
        "growth": round(after / before - 1, 4),
        "files left open": at_end - files,
    }


# ---- kills


def command(*arguments) -> list[str]:
    return [sys.executable, "-m", "customocr", *map(str, arguments)]


def whole_results(out: Path) -> list[str]:
    "Results that are there: each is whole, or this raises."
    found = sorted(out.rglob("*.json"))
    for file in found:
        json.loads(file.read_text("utf8"))
    return [str(file.relative_to(out)) for file in found]


def without_seconds(file: Path) -> str:
    "A result as text; how long it took differs from run to run."
    return re.sub(r'"seconds": *[0-9.]+', '"seconds": 0', file.read_text("utf8"))


def reported(out: Path) -> list[str]:
    "Sources in the report, as often as they stand there."
    import csv

    with (out / "report.csv").open(newline="") as file:
        return sorted(row["source"] for row in csv.DictReader(file))


def interrupted(line: list[str], least: float, most: float, rng: np.random.Generator) -> bool:
    """Run a command and kill it and its children after `least` to `most` seconds; whether it was
    killed before its end."""
    process = subprocess.Popen(
        line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        process.wait(rng.uniform(least, most))
        return False
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True


def killed_folder(folder: Path, undisturbed: Path, out: Path, rng, seconds: float) -> list:
    "One folder, read by a command that is killed again and again; what is wrong in the end."
    pages, kills, done, wrong = sorted(folder.glob("*.png")), 0, set(), []
    jobs = int(rng.integers(1, 3))
    line = command("read", folder, "--format", "json", "--out", out, "--jobs", jobs)
    while interrupted(line, 0.2 * seconds, seconds, rng):
        kills += 1
        now = set(whole_results(out))
        wrong += [f"{name} is lost" for name in done - now]
        done, seconds = now, seconds * 1.1  # it must come to an end
    names = whole_results(out)
    if names != whole_results(undisturbed):
        wrong.append("not the same files")
    wrong += [n for n in names if without_seconds(out / n) != without_seconds(undisturbed / n)]
    if reported(out) != [str(page) for page in pages]:
        wrong.append("the report does not have every page once")
    wrong += [str(f) for f in (out / HIDDEN).rglob("*") if f.parent.name == "new"]
    return [kills, wrong]


def measure_kills(options, log: Path, until: float) -> dict:
    "Folders of small pages, each read by a command that is killed until it comes to its end."
    with tempfile.TemporaryDirectory() as name:
        folder, undisturbed = Path(name) / "pages", Path(name) / "undisturbed"
        folder.mkdir()
        for k in range(40):
            cv2.imwrite(str(folder / f"{k:02}.png"), material.pages()[k % len(material.pages())])
        line = command("read", folder, "--format", "json", "--out", undisturbed)
        seconds = 0.6 * taken(line)

        def once(number: int, rng: np.random.Generator) -> list:
            out = Path(name) / f"out-{number}"
            return killed_folder(folder, undisturbed, out, rng, seconds)

        return until_killed("kills", once, options, log, until)


def taken(line: list[str]) -> float:  # seconds on the clock
    "Run a command undisturbed."
    start = time.monotonic()
    subprocess.run(line, check=True, capture_output=True)
    return time.monotonic() - start


def until_killed(part: str, once: Callable, options, log: Path, until: float) -> dict:
    "Do something that is killed again and again, until there were as many kills as asked for."
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    target = wanted(part, options)
    with log.open("a") as file:
        while sum(kills for kills, _ in done) < target and time.monotonic() < until:
            rng = np.random.default_rng([options.seed, len(done)])
            done.append(once(len(done), rng))
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
            progress(part, sum(kills for kills, _ in done), target)
    return {
        "kills": sum(kills for kills, _ in done),
        "runs": len(done),
        "wrong": [what for _, wrong in done for what in wrong],
    }


def wrong_examples(folder: Path, each: int) -> tuple[int, list[str]]:  # rows, what is wrong
    "A folder after a kill: whole additions of `each` examples, and every picture there."
    if not (folder / MANIFEST).exists():
        return 0, []
    try:
        glyphs, _, rows = load_examples(folder)
    except CustomOCRError as error:
        return 0, [str(error)]
    wrong = [f"{len(rows)} rows are no whole additions"] if len(rows) % each else []
    wrong += ["an example is there twice"] if len({r.file for r in rows}) < len(rows) else []
    return len(rows), wrong + (["an example is empty"] if not glyphs.any((1, 2)).all() else [])


def measure_collect(options, log: Path, until: float) -> dict:
    "Examples are added to one folder by commands that are killed."
    with tempfile.TemporaryDirectory() as name:
        out, said = Path(name) / "examples", Path(name) / "text.txt"
        page = next(page for page in samples.pages() if page.name == "ruled")
        said.write_text(page.text)
        line = command("collect", page.path, "--text", said, "--out", out)
        seconds = taken(line)
        each = len(load_examples(out)[2])

        def once(number: int, rng: np.random.Generator) -> list:
            before, _ = wrong_examples(out, each)
            killed = interrupted(line, 0.6 * seconds, 1.1 * seconds, rng)
            after, wrong = wrong_examples(out, each)
            allowed = (before, before + each) if killed else (before + each,)
            return [int(killed), wrong + ([] if after in allowed else [f"{before} -> {after}"])]

        return until_killed("collect", once, options, log, until)


TRAIN = """
import os, sys
os.environ.pop("CUSTOMOCR_DATA", None)
from customocr import training
training.GLYPHS_AN_EPOCH, training.SAVE_EVERY, training.STEPS_TOGETHER = 36 * 58, 0.2, 1
training.train(out=sys.argv[1], epochs=2, resume=True)
"""  # a training of half a minute on the package's own glyphs: what is killed is the same code


def wrong_network(file: Path, expected: np.ndarray, glyphs: np.ndarray) -> list[str]:
    "A network that is there says of the glyphs what it says after work that was left alone."
    if not file.exists():
        return []
    try:
        off = float(np.abs(Reader(file).classify(glyphs) - expected).max())
    except CustomOCRError as error:
        return [str(error)]
    return [f"probabilities differ by {off:.4f}"] if off > 1e-4 else []


def measure_train(options, log: Path, until: float) -> dict:
    "A small training is killed, and goes on from its checkpoint until it comes to its end."
    with tempfile.TemporaryDirectory() as name:
        line = [sys.executable, "-c", TRAIN]
        seconds = taken([*line, str(Path(name) / "undisturbed")])
        glyphs = load_samples().images[:200]
        expected = Reader(Path(name) / "undisturbed" / "characters.onnx").classify(glyphs)

        def once(number: int, rng: np.random.Generator) -> list:
            out, kills = Path(name) / f"run-{number}", 0
            while interrupted([*line, str(out)], 0.3 * seconds, 1.1 * seconds, rng):
                kills += 1
            model = out / "characters.onnx"
            there = [] if model.exists() else ["the run ended without a model"]
            return [kills, there + wrong_network(model, expected, glyphs)]

        return until_killed("train", once, options, log, until)


def measure_teach(options, log: Path, until: float) -> dict:
    "A lesson is killed, and begun again until it comes to its end."
    with tempfile.TemporaryDirectory() as name:
        folder, known = Path(name) / "examples", load_samples()
        some = np.flatnonzero(known.labels < 5)[:40]
        glyphs = known.images[some]
        save_examples(folder, glyphs, [CLASSES[k] for k in known.labels[some]])
        lesson = lambda out: command("teach", folder, "--out", out)
        undisturbed = Path(name) / "undisturbed.onnx"
        seconds = taken(lesson(undisturbed))
        expected = Reader(undisturbed).classify(glyphs)

        def once(number: int, rng: np.random.Generator) -> list:
            out, kills, wrong = Path(name) / f"lesson-{number}.onnx", 0, []
            while interrupted(lesson(out), 0.3 * seconds, 1.1 * seconds, rng):
                kills += 1
                wrong += wrong_network(out, expected, glyphs)
                out.unlink(missing_ok=True)  # a lesson writes no file that is there
            wrong += [] if out.exists() else ["the lesson ended without a network"]
            return [kills, wrong + wrong_network(out, expected, glyphs)]

        return until_killed("teach", once, options, log, until)


# ---- search guided by coverage


def measure_fuzz(options, log: Path, until: float) -> dict:
    "Every target for as long as asked for, in a process of its own."
    done = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    run, found = ROOT / "tests" / "fuzz" / "run.py", options.work / "fuzz"
    with log.open("a") as file:
        for name in targets.TARGETS:
            if name in {row[0] for row in done} or time.monotonic() > until:
                continue
            line = [sys.executable, run, name, "--found", found]
            line += ["--seconds", wanted("fuzz", options)]
            said = subprocess.run(list(map(str, line)), capture_output=True, text=True).stdout
            tried = re.match(rf"{name}: (\d+) inputs in (\d+) s", said)
            done.append([name, *map(int, tried.groups())] if tried else [name, 0, 0])
            done[-1].append("" if tried else said[-600:])
            file.write(json.dumps(done[-1]) + "\n")
            file.flush()
    return {name: {"inputs": n, "seconds": s, "broken": said} for name, n, s, said in done}


# ---- the command line


PARTS: dict[str, tuple[Callable, int, int]] = {  # what measures it, how much of it, and --short
    "mutated": (lambda *a: measure_cases("mutated", *a), 20_000, 200),
    "hostile": (lambda *a: measure_cases("hostile", *a), 1_000, 20),
    "reads": (measure_reads, 10_000, 600),
    "kills": (measure_kills, 100, 5),
    "collect": (measure_collect, 20, 3),
    "train": (measure_train, 20, 2),
    "teach": (measure_teach, 20, 2),
    "fuzz": (measure_fuzz, 1_800, 10),
    "steady": (measure_steady, 10**6, 10),
}


def wanted(part: str, options) -> int:
    "How many cases, reads, kills, pictures, or seconds of a target."
    return options.count or PARTS[part][2 if options.short else 1]


def commit() -> str:
    "The commit that is measured; `+` behind it where files differ from it."
    line = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(line, capture_output=True, text=True).stdout.strip()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    data = os.environ.get("CUSTOMOCR_DATA")
    parser.add_argument("data", nargs="?", type=Path, default=Path(data) if data else None)
    parser.add_argument("--part", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--skip", nargs="+", choices=PARTS, default=[])
    parser.add_argument("--short", action="store_true", help="a little of each part")
    parser.add_argument(
        "--count", type=int, help="cases, reads, kills, pictures or seconds of a target, each part"
    )
    parser.add_argument("--minutes", type=float, default=1e6, help="for each part, at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(".reliability"), help="what is done")
    parser.add_argument("--json", type=Path, help="the figures; parts that are not run are kept")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    figures = {}
    if options.json and options.json.exists():
        figures = json.loads(options.json.read_text())
    for part in (part for part in options.part if part not in options.skip):
        measure = PARTS[part][0]
        log = options.work / f"{part}-{options.seed}.jsonl"
        figures[part] = measure(options, log, time.monotonic() + 60 * options.minutes)
        print(f"\n{part}: {json.dumps(figures[part], indent=1, ensure_ascii=False)}", flush=True)
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python"
        machine += f" {platform.python_version()}, OpenCV {cv2.__version__}"
        figures[part] |= {
            "made": {
                "date": time.strftime("%Y-%m-%d", time.gmtime()),
                "version": __version__,
                "commit": commit(),
                "seed": options.seed,
                "machine": machine,
            }
        }
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(figures, indent=1, ensure_ascii=False)
            text = re.sub(r"(?<=[\[\d,])\n +(?=[\d\]])", " ", text)  # a list of numbers in one row
            options.json.write_text(text + "\n", encoding="utf8")


if __name__ == "__main__":
    main()
