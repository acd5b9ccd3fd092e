"""Many pages: what `Reader` withstands, folders that are gone on with, and the same on processes
and on a Dask cluster."""

import csv
import json
import multiprocessing
import os
import pickle
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest

from customocr import samples
from customocr.batch import Journal, read_many, write_many
from customocr.errors import CustomOCRError
from customocr.formats.writers import FORMATS
from customocr.recognition import Reader

psutil = pytest.importorskip("psutil", reason="psutil looks after the processes")


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


# --- folders


@pytest.fixture
def scans(tmp_path) -> Path:
    "A folder with a tree of pages, one of them broken, and a TIFF of three pages."
    root = tmp_path / "scans"
    for name in ("box 1/hello", "box 1/letter_m", "box 2/hello"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(samples.page(Path(name).name), root / f"{name}.png")
    (root / "box 2/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n torn off")
    page = cv2.imread(str(samples.page("letter_m")), 0)
    cv2.imwritemulti(str(root / "book.tif"), [page, 255 - page, page])
    return root


def run(*arguments, **options) -> subprocess.CompletedProcess:
    "`customocr read` as a shell runs it."
    line = [sys.executable, "-m", "customocr", "read", *map(str, arguments)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, **options)
    assert "Traceback" not in done.stderr, done.stderr
    return done


def files(folder: Path) -> dict:  # name -> time of change
    "Results in a folder, without what is hidden."
    return {
        str(f.relative_to(folder)): f.stat().st_mtime_ns
        for f in folder.rglob("*")
        if f.is_file() and ".customocr" not in f.parts and f.name != "report.csv"
    }


def report(out: Path) -> list[dict]:
    with (out / "report.csv").open(newline="", encoding="utf8") as file:
        return list(csv.DictReader(file))


def test_a_folder_is_mirrored_and_a_bad_page_is_listed(scans, tmp_path):
    out = tmp_path / "out"
    done = run(scans, "--out", out, "--format", "json", "--format", "text")
    assert done.returncode == 1 and done.stdout == ""
    errors = [line for line in done.stderr.splitlines() if "broken.png" in line]
    assert len(errors) == 1 and "truncated" in errors[0]
    pages = ("box 1/hello", "box 1/letter_m", "box 2/hello")
    wanted = [f"{name}.{suffix}" for name in pages for suffix in ("json", "txt")]
    wanted += ["book.txt", "book-0001.json", "book-0002.json", "book-0003.json"]
    assert sorted(files(out)) == sorted(wanted)
    assert (out / "box 2/hello.txt").read_text() == "HELLO WORLD\n"
    assert (out / "book.txt").read_text() == "M\n\fM\n\fM\n"
    assert json.loads((out / "book-0002.json").read_text())["page"] == 2
    rows = report(out)
    assert [(Path(r["source"]).name, r["page"]) for r in rows] == [
        ("book.tif", "1"), ("book.tif", "2"), ("book.tif", "3"), ("hello.png", "1"),
        ("letter_m.png", "1"), ("broken.png", "1"), ("hello.png", "1"),
    ]  # fmt: skip
    assert rows[3]["characters"] == "10" and 0 < float(rows[3]["confidence"]) <= 1
    assert float(rows[3]["seconds"]) > 0 and "truncated" in rows[5]["error"]


def test_a_second_run_reads_what_changed_and_nothing_else(scans, tmp_path):
    out = tmp_path / "out"
    (scans / "box 2/broken.png").unlink()
    first = write_many([str(scans)], out)
    before = files(out)
    again = write_many([str(scans)], out)
    assert (first.read, again.read, again.kept) == (6, 0, 6) and files(out) == before
    shutil.copy(samples.page("lines"), scans / "box 2/hello.png")  # changed
    (out / "box 1/hello.txt").unlink()  # lost
    shutil.copy(samples.page("letter_m"), scans / "new.png")
    third = write_many([str(scans)], out)
    assert (third.read, third.kept) == (3, 4)
    changed = {name for name, time in files(out).items() if before.get(name) != time}
    assert changed == {"box 1/hello.txt", "box 2/hello.txt", "new.txt"}
    assert write_many([str(scans)], out, alphabet="letters").read == 7, (
        "other settings, other results"
    )


def test_a_page_that_became_unreadable_leaves_no_old_result(scans, tmp_path):
    out = tmp_path / "out"
    write_many([str(scans)], out)
    (scans / "box 1/hello.png").write_bytes(b"\x89PNG\r\n\x1a\n torn off")
    summary = write_many([str(scans)], out)
    assert summary.failed == 2 and "box 1/hello.txt" not in files(out)


def test_pages_of_a_book_that_failed_are_tried_again(tmp_path, monkeypatch):
    page = cv2.imread(str(samples.page("letter_m")), 0)
    cv2.imwritemulti(str(tmp_path / "book.tif"), [page, page, page])
    out, read = tmp_path / "out", Reader.read
    calls = []

    def failing(self, *arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError("no memory")
        return read(self, *arguments, **options)

    monkeypatch.setattr(Reader, "read", failing)
    first = write_many([str(tmp_path / "book.tif")], out)
    assert (first.read, first.failed) == (3, 1)
    assert (out / "book.txt").read_text() == "M\n\f\fM\n"
    assert "MemoryError" in report(out)[1]["error"]
    second = write_many([str(tmp_path / "book.tif")], out)
    assert (second.read, second.failed, second.kept) == (1, 0, 2)
    assert (out / "book.txt").read_text() == "M\n\fM\n\fM\n"


def test_a_killed_run_is_gone_on_with(tmp_path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    for k in range(12):
        shutil.copy(samples.page("hello"), scans / f"{k}.png")
    page = cv2.imread(str(samples.page("letter_m")), 0)
    cv2.imwritemulti(str(scans / "book.tif"), [page] * 50)
    line = [sys.executable, "-m", "customocr", "read", str(scans), "--out", str(out), "--jobs", "2"]
    line += ["--format", "hocr", "--format", "json"]
    env = os.environ | {"TMPDIR": str(tmp_path)}
    process = subprocess.Popen(line, stderr=subprocess.DEVNULL, env=env)
    deadline = time.monotonic() + 120
    while len(list(out.rglob("*.json"))) < 15 and time.monotonic() < deadline:
        time.sleep(0.02)
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    gone, alive = psutil.wait_procs(children, timeout=20)
    assert not alive, "workers end with the process that started them"
    assert not list(tmp_path.glob("*.job")), "and leave nothing behind"
    done = files(out)
    assert 15 <= len(done) < 75
    for name in done:  # whole or absent
        if name.endswith(".json"):
            json.loads((out / name).read_text())
        else:
            ElementTree.parse(out / name)
    finished = run(*line[4:])
    assert finished.returncode == 0, finished.stderr
    read, kept = map(int, re.findall(r"(\d+) pages read.*?(\d+) had been read", finished.stderr)[0])
    assert read + kept == 62 and kept >= 10
    assert len(files(out)) == 12 * 2 + 50 + 1
    assert len(ElementTree.parse(out / "book.hocr").findall(".//*[@class='ocr_page']")) == 50
    assert len(report(out)) == 62
    assert not list((out / ".customocr/new").glob("*")) and not list(
        (out / ".customocr").glob("parts/book/*")
    )


def test_two_runs_do_not_share_a_folder(scans, tmp_path):
    out = tmp_path / "out"
    journal = Journal(out)
    done = run(scans, "--out", out)
    journal.close()
    assert done.returncode == 2 and "another run writes there" in done.stderr
    assert done.stderr.count("\n") == 1 and not files(out)
    assert run(scans, "--out", out).returncode == 1


def test_a_limit_on_file_size_stops_the_run_with_one_line(tmp_path):
    resource = pytest.importorskip("resource", reason="this system has no limits on file size")
    out, limit = tmp_path / "out", 200_000
    page = tmp_path / "lines.png"
    cv2.imwrite(str(page), cv2.resize(cv2.imread(str(samples.page("lines"))), None, fx=2, fy=2))
    write_many([str(page)], out)  # the journal is there
    done = run(
        page, samples.page("hello"), "--out", out, "--format", "overlay",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "cannot be written: File too large" in done.stderr
    assert not [name for name in files(out) if name.endswith("png")] and not list(
        (out / ".customocr/new").glob("*")
    )
    again = run(page, samples.page("hello"), "--out", out, "--format", "overlay")
    assert again.returncode == 0 and {"lines.overlay.png", "hello.overlay.png"} < set(files(out))


def test_a_full_disk_stops_the_run_with_one_line(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        scans = tmp_path / "scans"
        scans.mkdir()
        for k in range(8):
            shutil.copy(samples.page("lines"), scans / f"{k}.png")
        done = run(scans, "--out", disk / "out", "--format", "overlay")
        assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
        assert "No space left on device" in done.stderr
        made = list((disk / "out").glob("*.png"))
        assert 0 < len(made) < 8 and all(cv2.imread(str(f)) is not None for f in made)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def test_out_is_not_the_folder_that_is_read(scans):
    done = run(scans, "--out", scans)
    assert done.returncode == 2 and "is the folder that is read" in done.stderr
    assert run(scans, "--out", scans / "out").returncode == 1
    assert run(scans, "--out", scans / "out").returncode == 1
    assert len(report(scans / "out")) == 7, "results below the folder are not read as pages"


def test_no_progress_line_in_a_pipe_and_one_on_a_terminal(tmp_path):
    pty = pytest.importorskip("pty", reason="this system has no terminals to test with")
    page, out = samples.page("hello"), tmp_path / "out"
    assert "\r" not in run(page, "--out", out).stderr
    scans = tmp_path / "scans"
    scans.mkdir()
    for k in range(80):
        shutil.copy(samples.page("hello"), scans / f"{k}.png")
    master, slave = pty.openpty()
    line = [sys.executable, "-m", "customocr", "read", str(scans), "--out", str(out)]
    process = subprocess.Popen(line, stderr=slave)
    os.close(slave)
    said = b""
    while True:
        try:
            said += os.read(master, 4096)
        except OSError:
            break
    assert process.wait() == 0 and b"/80 pages, " in said


# --- processes and a cluster


def test_processes_give_the_same_in_the_same_order(scans, reader):
    one, two = (list(read_many(str(scans), reader, jobs=n)) for n in (1, 2))
    plain = lambda results: [(r.source, r.page, r.error) for r in results]
    assert plain(one) == plain(two) and len(one) == 7


def test_an_error_is_a_result_unless_asked(scans, reader):
    assert sum(bool(r.error) for r in reader.read_many([str(scans)])) == 1
    with pytest.raises(CustomOCRError, match=r"broken\.png"):
        list(reader.read_many(str(scans), raise_errors=True))
    with pytest.raises(CustomOCRError, match="pattern"):
        list(reader.read_many(str(scans), pattern="["))


def test_arrays_bytes_and_images_can_be_read_in_many(reader):
    image = cv2.imread(str(samples.page("hello")))
    for jobs in (1, 2):
        results = list(
            reader.read_many([image, samples.page("hello").read_bytes(), image[:0]], jobs=jobs)
        )
        assert [r.text for r in results] == ["HELLO WORLD", "HELLO WORLD", ""]
        assert results[2].error.startswith("image 3: has no pixels")


class Deadly(Reader):
    "A reader whose process dies of pages that are thirty pixels wide."

    def read(self, source, **options):
        if cv2.imread(str(source)).shape[1] == 30:
            os.kill(os.getpid(), 9)
        return super().read(source, **options)


def test_a_page_that_kills_its_process_is_given_up_and_stops_no_other(scans):
    results = list(
        read_many([str(scans / "box 1"), str(scans / "box 2/hello.png")], Deadly(), jobs=2)
    )
    assert [r.text for r in results] == ["HELLO WORLD", "", "HELLO WORLD"]
    assert "was killed" in results[1].error


def test_processes_that_cannot_start_end_in_an_error(tmp_path):
    code = "from customocr import batch, samples\n"
    code += "print([r.error for r in batch.read_many([str(samples.page('hello'))], jobs=2)])"
    env = os.environ | {"TMPDIR": str(tmp_path)}
    done = subprocess.run(  # a script from a pipe has no file that a new process could import
        [sys.executable, "-"], input=code, capture_output=True, text=True, timeout=120, env=env
    )
    assert "the process that read it was killed" in done.stdout, done.stderr
    assert not list(tmp_path.glob("*.job")), "nothing is left behind"


@pytest.fixture(scope="module")
def cluster():
    "A Dask cluster of two processes on this machine."
    distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")
    local = distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None, host="127.0.0.1"
    )
    with local:
        yield local


def test_a_cluster_reads_the_same(cluster, scans, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    assert run(scans, "--out", one, "--format", "jsonl").returncode == 1
    done = run(scans, "--out", two, "--format", "jsonl", "--scheduler", cluster.scheduler_address)
    assert done.returncode == 1, done.stderr
    assert sorted(files(one)) == sorted(files(two))
    for name in files(one):
        assert (one / name).read_text() == (two / name).read_text()


def test_a_lost_worker_loses_no_page(cluster, tmp_path):
    from distributed import Client

    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    for k in range(40):
        shutil.copy(samples.page("hello"), scans / f"{k:02}.png")
    with Client(cluster) as client:
        pids = list(client.run(os.getpid).values())

        def kill_one():
            while len(list(out.glob("*.txt"))) < 8:
                time.sleep(0.02)
            os.kill(pids[0], 9)

        killer = threading.Thread(target=kill_one, daemon=True)
        killer.start()
        summary = write_many([str(scans)], out, scheduler=client)
        killer.join(10)
        assert (summary.read, summary.failed) == (40, 0)
        rows = report(out)
        assert len({r["source"] for r in rows}) == len(rows) == 40, (
            "none is lost, none is there twice"
        )
        assert all((out / f"{k:02}.txt").read_text() == "HELLO WORLD\n" for k in range(40))


def test_no_scheduler_is_said_in_one_line(tmp_path):
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    done = run(samples.page("hello"), "--out", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9")
    assert done.returncode == 2 and "no Dask scheduler answers" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "library, extra", [("pypdfium2", "pdf"), ("fpdf", "pdf"), ("distributed", "cluster")]
)
def test_a_missing_library_is_named_with_its_extra(library, extra, tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="pillow makes the PDF")
    page = tmp_path / "page.pdf"
    Image.open(samples.page("hello")).convert("RGB").save(page)
    source = page if library == "pypdfium2" else samples.page("hello")
    options = {
        "fpdf": ["--format", "pdf", "--out", tmp_path / "out"],
        "distributed": ["--scheduler", "tcp://x:1"],
    }
    code = (
        f"import sys; sys.modules[{library!r}] = None; from customocr.cli import main;"
        " sys.exit(main(sys.argv[1:]))"
    )
    line = [sys.executable, "-c", code, "read", source, *options.get(library, [])]
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, timeout=120)
    assert done.returncode in (1, 2) and f"customocr[{extra}]" in done.stderr.splitlines()[0]


# --- names


def contents(out: Path) -> dict:  # name -> text of each result
    return {name: (out / name).read_text("utf8") for name in files(out)}


def pictures() -> dict:  # text -> picture that says it
    pages = {"M": "letter_m", "HELLO WORLD": "hello"}
    made = {text: cv2.imread(str(samples.page(name)), 0) for text, name in pages.items()}
    return made | {"": np.full((40, 40), 255, np.uint8)}


NAMES = {  # where the pictures lie, what is named, and where their results are
    "in two folders": ("a/page.png b/page.png", "a/page.png b/page.png", "page.txt page-2.txt"),
    "a number that is taken": (
        "page-2.png a/page.png b/page.png",
        "page-2.png b/page.png a/page.png",
        "page-2.txt page-3.txt page.txt",
    ),
    "two folders of one name": ("a/s/page.png b/s/page.png", "a/s b/s", "s/page.txt s/page-2.txt"),
    "the suffix of another": ("s/p.png s/p.png.png", "s", "p.txt p.png.txt"),
    "a folder and a file": ("s/p.png t/s/p.jpg", "s t", "s/p.txt t/s/p.txt"),
}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("jobs", [1, 2])
def test_two_files_never_share_a_result(tmp_path, kind, jobs):
    places, named, results = (part.split() for part in NAMES[kind])
    for place, picture in zip(places, pictures().values()):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / place), picture)
    out, named = tmp_path / "out", [str(tmp_path / name) for name in named]
    write_many(named, out, jobs=jobs)
    found = contents(out)
    for result, text in zip(results, pictures()):
        assert found[result].strip() == text
    assert write_many(named, out, jobs=jobs).read == 0, "the same names the next time"
    assert contents(out) == found


def test_pages_of_a_book_and_files_with_numbers_keep_apart(tmp_path):
    scans, out = tmp_path / "scans", tmp_path / "out"
    (scans / "book").mkdir(parents=True)
    m, hello, _ = pictures().values()
    cv2.imwritemulti(str(scans / "book.tif"), [m, m])
    cv2.imwritemulti(str(scans / "book/two.tif"), [m, m])
    cv2.imwrite(str(scans / "book-0002.png"), hello)
    assert write_many([str(scans)], out, ["json", "text"]).read == 5
    texts = {n: json.loads(t)["text"] for n, t in contents(out).items() if n.endswith(".json")}
    assert sorted(texts.values()) == ["HELLO WORLD", "M", "M", "M", "M"] and len(texts) == 5
    assert texts["book-0002.json"] == "HELLO WORLD"
    assert (out / "book/two.txt").read_text() == "M\n\fM\n"


def test_a_later_run_replaces_no_result_of_a_file_that_is_still_there(tmp_path):
    one, two, out = tmp_path / "one", tmp_path / "two", tmp_path / "out"
    for folder, name in ((one, "hello"), (two, "letter_m")):
        folder.mkdir()
        shutil.copy(samples.page(name), folder / "page.png")
    write_many([str(one)], out)
    write_many([str(two)], out)
    assert contents(out) == {"page.txt": "HELLO WORLD\n", "page-2.txt": "M\n"}
    shutil.rmtree(one)
    shutil.move(two, one)  # what was made from a file that is gone is made again
    write_many([str(one)], out)
    assert contents(out)["page.txt"] == "M\n"


def test_a_result_never_replaces_an_input(tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="pillow makes the PDF")
    pytest.importorskip("pypdfium2", reason="the extra pdf is not installed")
    pytest.importorskip("fpdf", reason="the extra pdf is not installed")
    (tmp_path / "other").mkdir()
    shutil.copy(samples.page("letter_m"), tmp_path / "other/scan.png")
    page = tmp_path / "scan.pdf"
    Image.open(samples.page("hello")).convert("RGB").save(page)
    before = page.read_bytes()
    summary = write_many([str(tmp_path / "other/scan.png"), str(page)], tmp_path, ["pdf"])
    assert (summary.read, summary.failed) == (2, 0) and page.read_bytes() == before
    assert {f.name for f in tmp_path.glob("*.pdf")} == {"scan.pdf", "scan-2.pdf", "scan-3.pdf"}


def test_a_file_named_twice_is_read_once(tmp_path):
    page, out = str(samples.page("hello")), tmp_path / "out"
    summary = write_many([page, str(Path(page).parent / "hell*.png"), page], out)
    assert (summary.read, summary.failed) == (1, 0)
    assert contents(out) == {"hello.txt": "HELLO WORLD\n"}


def test_an_archive_writes_nothing_outside_the_folder(tmp_path):
    pytest.importorskip("fsspec", reason="the extra cluster is not installed")
    with zipfile.ZipFile(tmp_path / "pages.zip", "w") as archive:
        archive.write(samples.page("hello"), "../../evil.png")
    out = tmp_path / "a/b/out"
    assert write_many([f"zip://::{tmp_path / 'pages.zip'}"], out).failed == 0
    assert not list(tmp_path.glob("*.txt")) and not list(tmp_path.glob("a/*.txt"))
    assert contents(out) == {"evil.txt": "HELLO WORLD\n"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_name_that_is_not_utf8_is_read_kept_and_reported(tmp_path, jobs):
    scans, out = tmp_path / "scans", tmp_path / "out"
    scans.mkdir()
    for name in (b"caf\xe9.png", b"bad\xe9.png"):
        try:
            shutil.copy(samples.page("hello"), scans / os.fsdecode(name))
        except OSError:
            pytest.skip("this file system wants names in UTF-8")
    (scans / os.fsdecode(b"bad\xe9.png")).write_bytes(b"no picture")
    formats = [name for name in FORMATS if name not in ("pdf",)]
    first = write_many([str(scans)], out, formats, jobs=jobs)
    assert (first.read, first.failed) == (2, 1)
    again = write_many([str(scans)], out, formats, jobs=jobs)
    assert (again.read, again.kept) == (1, 1)
    made = out / os.fsdecode(b"caf\xe9.txt")
    assert made.read_text() == "HELLO WORLD\n"
    bad, good = report(out)
    assert good["source"].endswith(r"caf\xe9.png") and r"bad\xe9.png" in bad["error"]
    for file in out.glob("*"):  # what others read is UTF-8
        if file.is_file() and file.suffix != ".png":
            file.read_text("utf8")
    ElementTree.parse(out / os.fsdecode(b"caf\xe9.hocr"))
    done = run(scans / os.fsdecode(b"caf\xe9.png"), "--out", tmp_path / "o.json")
    assert done.returncode == 0 and "caf" in (tmp_path / "o.json").read_text("utf8")


def test_a_page_that_was_not_read_to_its_end_is_named(scans, tmp_path):
    out = tmp_path / "out"
    hello = scans / "box 1/hello.png"
    done = run(hello, "--out", out, "--limit", "components=3")
    assert done.returncode == 1 and "a limit was reached" in done.stderr
    assert "1 not read to the end" in done.stderr
    assert [row["complete"] for row in report(out)] == ["no"]
    again = run(hello, "--out", out, "--limit", "components=3")
    assert again.returncode == 1 and [row["complete"] for row in report(out)] == ["no"]
    whole = run(hello, "--out", out)
    assert whole.returncode == 0, "another limit: the page is read again"
    assert [row["complete"] for row in report(out)] == ["yes"]
    assert run(hello, "--limit", "components=3").returncode == 1


def test_a_folder_of_an_earlier_version_is_gone_on_with(scans, tmp_path):
    out = tmp_path / "out"
    first = write_many([str(scans)], out)
    journal = sqlite3.connect(out / ".customocr/journal.sqlite")
    journal.execute("ALTER TABLE pages DROP COLUMN complete")
    journal.execute("DROP TABLE results")
    journal.close()
    again = write_many([str(scans)], out)
    assert (again.read, again.kept) == (1, first.read - 1)
