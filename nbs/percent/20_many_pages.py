# %% [markdown]
# # Ten thousand pages
# > Folders, processes and machines: the same reading, without anyone watching.

# %% [markdown]
# How do we read ten thousand pages without watching? In such a run the machine is switched off, the disk fills up, or a page is
# damaged. At the end of this notebook you can read whole folders, interrupt the run and go on where it stopped. After each
# page its result is whole or absent, and no finished page is read again unless it or the settings change. You can also spread the work over several processes or over
# a Dask cluster, and estimate what a million pages cost.

# %%
#| default_exp batch

# %%
#| export
from __future__ import annotations

import ctypes
import json
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby
from numbers import Integral
from pathlib import Path
from typing import Any

import cv2

from customocr import __version__
from customocr.engine.network import THREADS, Network
from customocr.errors import NO_CHARACTERS, CustomOCRError
from customocr.files import plain_name, write_whole
from customocr.formats.sources import (
    PDF_DPI,
    STDIN,
    PageSource,
    find,
    is_url,
    load_page,
    needed,
    pages_of,
    stamp,
)
from customocr.formats.writers import FORMATS, Result
from customocr.glyphs import CLASSES
from customocr.recognition import Reader, known_of

# %%
#| code-fold: true
#| code-summary: "Imports"
import json
import shutil
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from distributed import LocalCluster

from customocr import batch, samples
from customocr.pictures import figure


# %%
#| label: fig-many-folder
#| fig-cap: "Pages of a folder and what was read on each. The last file is no picture. An error stands where its text would be, and the other pages are read all the same."
#| fig-alt: "Three small pictures of handwritten pages with their text above them, and a grey area with an error above it."
def said_of(source) -> str:
    "The text of a page on one line, or what is wrong with its file."
    try:
        return Reader().read(source).text.replace("\n", " / ")
    except CustomOCRError as error:
        return "error: " + str(error).split(": ")[1]


whole = [samples.page(name) for name in ("hello", "ruled", "address")]
torn = {said_of(b"no picture"): np.full((60, 300), 220, np.uint8)}
figure({said_of(page): cv2.imread(str(page)) for page in whole} | torn, columns=2)

# %% [markdown]
# *Needs*: a minute, no data, and the extras `pdf` and `cluster`. The measured figures are stored; `benchmarks/many_pages.py` measures them again.
#
# *Terms*: [confidence](glossary.html#confidence).
#
# ## One page, whatever happens
# A `Job` holds what all pages have in common: the reader, what is known of the text, and the formats to write. A damaged page
# raises no error: the error is stored as the page's result. A full disk stops the run, because the next page would fail too.

# %%
#| export
HIDDEN = ".customocr"  # folder below the results: the journal, and files that are not whole yet
NEW = "new"  # folder in it, of the latter


@dataclass(frozen=True)
class Job:
    "What is done with each page. It is sent once to each process."

    reader: Reader
    settings: dict  # what is known of the text: keyword arguments of `Reader.read`
    dpi: int = PDF_DPI  # at which PDFs are drawn
    out: str = ""  # folder of the results, empty: they are returned
    formats: tuple[str, ...] = ()  # names in `FORMATS`
    key: str = field(default_factory=lambda: os.urandom(16).hex())  # tells one job from another

    def read(
        self,
        source: PageSource,
    ) -> tuple[Result, object]:  # the result, and what was read
        "Read a page; what is wrong with it comes back as a line of text."
        start, picture = time.perf_counter(), None
        try:
            picture = load_page(source, self.dpi, self.reader.limits)
            page, error = self.reader.read(picture, **self.settings), ""
        except CustomOCRError as problem:
            page, error = None, _named(str(problem), source)
        except Exception as problem:  # a page must not stop the others, whatever is wrong with it
            page, error = None, f"{source.label}: {type(problem).__name__}: {problem}"
        error = " ".join(error.split())
        return Result(source, page, error, round(time.perf_counter() - start, 3)), picture

    def __call__(
        self,
        source: PageSource,
    ) -> Result:  # with the page, or where it was written, with numbers about it
        """Read a page and write it, if something is to be written. Raises `CustomOCRError` where
        that fails."""
        result, picture = self.read(source)
        if not self.out:
            return result
        for target, name in self.targets(source):
            if result.error and (source.pages == 1 or FORMATS[name].single):
                Path(target).unlink(missing_ok=True)  # what an earlier run wrote is no longer true
                continue
            try:
                data = FORMATS[name].write(result, picture)
            except Exception as problem:  # of a library that writes; the next page may be fine
                known = isinstance(problem, CustomOCRError)
                what = str(problem) if known else f"{name}: {type(problem).__name__}: {problem}"
                result = replace(result, page=None, error=f"{source.label}: {what}")
                break
            if source.pages == 1:
                data = FORMATS[name].join([data])
            write_whole(target, data, self.hidden / NEW)
        return result

    @property
    def hidden(self) -> Path:
        "Folder of what is not whole yet."
        return Path(self.out) / HIDDEN

    def targets(
        self,
        source: PageSource,
    ) -> list[tuple[str, str]]:  # path, name of the format
        "Where the results of a page go: into a file of its own, or into a part of its file's."
        found = []
        for name in self.formats:
            suffix, alone = FORMATS[name].suffix, FORMATS[name].single
            if source.pages == 1:
                path = Path(self.out) / f"{source.base}{suffix}"
            elif alone:
                path = Path(self.out) / f"{source.base}-{source.page:04}{suffix}"
            else:
                path = self.parts(source) / f"{source.page:06}{suffix}"
            found.append((str(path), name))
        return found

    def parts(
        self,
        source: PageSource,  # any page of the file
    ) -> Path:  # no result's place has a folder that begins with a dot
        "Folder of the pages of a file of many pages until they are joined."
        return self.hidden / "parts" / source.base / ".pages"

    def finals(
        self,
        source: PageSource,  # any page of the file
    ) -> list[tuple[str, str]]:  # path, name of the format
        "Files into which the pages of a file of many pages are joined."
        names = [n for n in self.formats if not FORMATS[n].single and source.pages > 1]
        return [(str(Path(self.out) / f"{source.base}{FORMATS[n].suffix}"), n) for n in names]

    def join(
        self,
        source: PageSource,  # any page of the file
    ) -> None:
        "Make one file of the parts of a file of many pages. Raises `CustomOCRError`."
        for target, name in self.finals(source):
            files = sorted(self.parts(source).glob(f"*{FORMATS[name].suffix}"))
            data = FORMATS[name].join([f.read_bytes() for f in files])
            write_whole(target, data, self.hidden / NEW)


def _named(message, source):
    "A message of the reader with the page's name, where the reader was handed bytes or pixels."
    for nameless in ("the image bytes: ", "the array: ", "the PIL image: "):
        if message.startswith(nameless):
            return f"{source.label}: {message[len(nameless) :]}"
    return message if message.startswith(source.name) else f"{source.label}: {message}"


# %%
job = Job(Reader(), {})
good, bad = (job(PageSource(str(name))) for name in (samples.page("hello"), "no_such_page.png"))
good.text, bad.error

# %%
#| hide
assert good.text == "HELLO WORLD" and "no such file" in bad.error and bad.page is None

# %% [markdown]
# ## Who does the work
# There are three kinds of workers: this process, other processes on this machine, and the processes of a Dask cluster. All three
# offer one thing, `submit`, and so the rest of the program need not know which it is. The networks go to each worker once,
# not with each page. A worker uses one thread: two processes with two threads each would push each other off two cores. What only
# several processes need is imported when they start: most who read one page wait longer for Python than for the reading.

# %%
#| export
_jobs: dict[
    str, Any
] = {}  # jobs of this process by key: a pool's worker has no other place to keep its networks


def _start(content: bytes) -> None:
    "Get ready to work: one thread, and the networks."
    os.environ[THREADS] = "1"
    cv2.setNumThreads(1)
    job = pickle.loads(content)
    _jobs[job.key] = job


def _start_process(content: Path) -> None:
    "Get ready in a process of one's own, which ends when its parent does, even if that was killed."
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent says when to stop
    parent = parent_process()
    assert parent is not None, "runs in processes that a pool started"
    alive = parent.sentinel

    def end() -> None:
        wait([alive])
        content.unlink(missing_ok=True)
        os._exit(1)

    threading.Thread(target=end, daemon=True).start()
    _start(content.read_bytes())


def _work(key: str, what: str, source: PageSource):
    "Do something with a page in a worker."
    job = _jobs[key]
    return job(source) if what == "read" else job.join(source)


class Here:
    "Does the work in this process."

    window = 1  # tasks that are under way at once

    def __init__(self, job: Job):
        self.job = job

    def submit(self, what: str, source: PageSource) -> Any:
        "Do it now; an error of ours stands for its result."
        try:
            return self.job(source) if what == "read" else self.job.join(source)
        except CustomOCRError as error:
            return error

    def result(self, future: Any, what: str, source: PageSource):
        "What came of it."
        if isinstance(future, CustomOCRError):
            raise future
        return future

    def close(self) -> None:
        "Nothing to end."


# %% [markdown]
# A process can die: of a lack of memory, or because somebody killed it. Then Python's pool is broken, and the pages
# under way are lost. We start a new pool and give it the pages again. A page that kills its process three times is given up and becomes
# a result with an error.

# %%
#| export
ATTEMPTS = 3  # times that a page is read when its process dies


def _kept(job: Job) -> Path:
    """The job in a file. Sent through a pipe, it would keep us waiting for ever where a process
    dies before it reads all of it."""
    handle, name = tempfile.mkstemp(prefix="customocr-", suffix=".job")  # nobody else's to write
    with open(handle, "wb") as file:
        file.write(pickle.dumps(job))
    return Path(name)


class Processes(Here):
    "Does the work in processes on this machine, with one thread each."

    def __init__(self, job: Job, jobs: int):
        super().__init__(job)
        self.jobs, self.content = jobs, _kept(job)
        self.window = 4 * jobs
        self._new_pool()

    def _new_pool(self) -> None:
        """A fresh pool; processes are spawned, since a fork would copy locks and threads in any
        state."""
        from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor
        from multiprocessing import get_context

        self.broken = BrokenProcessPool
        self.pool = ProcessPoolExecutor(
            self.jobs, get_context("spawn"), initializer=_start_process, initargs=(self.content,)
        )

    def submit(self, what: str, source: PageSource) -> Any:
        "Put it into the queue; None where the pool broke since the last result."
        try:
            return self.pool.submit(_work, self.job.key, what, source)
        except self.broken:
            return None

    def result(self, future: Any, what: str, source: PageSource):
        "Wait for it; where its process died, try again."
        for attempt in range(ATTEMPTS):
            if attempt:
                self._end_pool()
                self._new_pool()
                future = self.submit(what, source)
            try:
                if future is not None:
                    return future.result()
            except self.broken:
                pass
        return _lost(
            what, source, "the process that read it was killed, perhaps for lack of memory"
        )

    def close(self) -> None:
        "End the processes, and forget the job."
        self._end_pool()
        self.content.unlink(missing_ok=True)

    def _end_pool(self) -> None:
        """End the processes without waiting for pages that nobody will look at.

        They are killed before the pool is told: told first, it can wait for ever for one that
        was just being started.
        """
        for process in list((self.pool._processes or {}).values()):
            process.kill()
        self.pool.shutdown(wait=True, cancel_futures=True)


def _lost(what, source, why):
    "The result of a page whose workers died."
    if what == "join":
        raise CustomOCRError(f"{source.name}: its pages could not be joined: {why}")
    return Result(source, None, f"{source.label}: {why}")


# %% [markdown]
# Dask does all of this itself. It brings the networks to workers that come later, and gives the pages of a lost worker to another. Its
# client offers the same interface as Python's pool, so a few lines are enough. Workers open the pages themselves, with fsspec,
# and write the results themselves: all of them must see the folder of the results under the same name.
#
# One of Dask's settings costs us a third of our speed. Its workers give freed memory back to the system at once, so each page pays anew
# for every array that it makes. A worker of ours may keep 64 megabytes for the next page.
#
# The other cost is messages. Each task takes about ten of them between client, scheduler and worker. So four pages go together, except at the
# beginning, where each worker should have something to do soon.

# %%
#| export
TRIM, MMAP = -1, -3  # M_TRIM_THRESHOLD and M_MMAP_THRESHOLD of mallopt(3)


def keep_freed_memory(
    kept: int = 64 << 20,  # bytes
) -> bool:  # False where the system's C library has no such setting
    """Let this process keep so much freed memory for its next arrays.

    Dask starts its workers with `MALLOC_TRIM_THRESHOLD_` at 64 kilobytes.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # not glibc; Windows has no such library
        return False
    return bool(mallopt(MMAP, kept // 2) and mallopt(TRIM, kept))


COUNT_AGAIN = 5.0  # seconds after which the workers' threads are counted again: more may have come
PARCEL = 4  # pages of a task, after the first two tasks of each thread


@dataclass
class _Parcel:
    "Pages that go to a worker together."

    work: list[tuple[str, PageSource]] = field(default_factory=list)
    task: Any = None  # its future, once it was sent


def _work_through(key: str, parcel: list[tuple[str, PageSource]]) -> list:
    "Do all that a parcel asks for; an error of ours stands for its result."
    out = []
    for what, source in parcel:
        try:
            out.append(_work(key, what, source))
        except CustomOCRError as error:
            out.append(error)
    return out


class Cluster(Here):
    "Does the work on a Dask cluster."

    def __init__(
        self,
        job: Job,
        scheduler,  # address such as tcp://host:8786, or a `distributed.Client`
    ):
        """Raises `CustomOCRError` without the extra `cluster`, or where nobody answers at the
        address."""
        super().__init__(job)
        distributed = needed("distributed", "cluster", "reading on a cluster")
        self.own = isinstance(scheduler, str)
        if not self.own and not isinstance(scheduler, distributed.Client):
            raise CustomOCRError(
                f"scheduler is an address or a `distributed.Client`, not {scheduler!r}"
            )
        try:
            self.client = distributed.Client(scheduler, timeout=10) if self.own else scheduler
        except (OSError, ValueError) as error:
            raise CustomOCRError(
                f"{scheduler}: no Dask scheduler answers there ({error})"
            ) from None
        content = pickle.dumps(job)

        class Networks(distributed.WorkerPlugin):  # type: ignore[name-defined]
            "Brings the networks to each worker, also to those that come later."

            def setup(self, worker):
                _start(content)
                keep_freed_memory()

        self.client.register_plugin(Networks(), name=job.key)
        self.executor = self.client.get_executor(pure=False)
        self.errors = (distributed.scheduler.KilledWorker, distributed.client.FutureCancelledError)
        self._threads, self._counted = 0, -COUNT_AGAIN
        self._parcel, self._sent = _Parcel(), 0

    @property
    def threads(self) -> int:
        "Threads of all workers, counted again now and then."
        if time.monotonic() - self._counted >= COUNT_AGAIN:
            self._threads = max(2, sum(self.client.nthreads().values()))
            self._counted = time.monotonic()
        return self._threads

    @property
    def window(self) -> int:  # type: ignore[override]
        "Three parcels for each thread: a worker that is done finds the next one waiting."
        return 3 * PARCEL * self.threads

    def submit(self, what: str, source: PageSource) -> tuple[_Parcel, int]:
        "Put it into a parcel, and hand that to the scheduler when it is full."
        parcel = self._parcel
        parcel.work.append((what, source))
        if len(parcel.work) >= (PARCEL if self._sent >= 2 * self.threads else 1):
            self._send(parcel)
        return parcel, len(parcel.work) - 1

    def _send(self, parcel: _Parcel) -> None:
        parcel.task = self.executor.submit(_work_through, self.job.key, parcel.work)
        self._parcel, self._sent = _Parcel(), self._sent + 1

    def result(self, future: tuple[_Parcel, int], what: str, source: PageSource):
        """Wait for it; the scheduler has given it to other workers where one was lost. Pages of a
        parcel that no worker survived are tried alone."""
        parcel, k = future
        if parcel.task is None:
            self._send(parcel)
        try:
            try:
                said = parcel.task.result()[k]
            except self.errors:
                if len(parcel.work) == 1:
                    raise
                alone = [parcel.work[k]]
                said = self.executor.submit(_work_through, self.job.key, alone).result()[0]
        except self.errors:
            return _lost(what, source, "the workers that read it were lost one after the other")
        if isinstance(said, CustomOCRError):
            raise said
        return said

    def close(self) -> None:
        "Forget the networks, and leave the cluster as it was."
        self.executor.shutdown(wait=False)
        self.client.unregister_worker_plugin(self.job.key)
        if self.own:
            self.client.close()


def _workers(job, jobs, scheduler):
    "Who does the work."
    if scheduler is not None:
        return Cluster(job, scheduler)
    return Processes(job, jobs) if jobs > 1 else Here(job)


# %% [markdown]
# ## In order, and a few at a time
# Results come in the order of the pages, and only a few pages are under way. Nothing grows with the number of pages: neither
# the list of files, which is looked up as it goes, nor the results.

# %%
#| export
def _in_order(workers, sources):
    "Results of pages in their order; no more than a window of them is under way."
    under_way: deque = deque()
    for source in sources:
        under_way.append((workers.submit("read", source), "read", source))
        while len(under_way) >= workers.window:
            yield workers.result(*under_way.popleft())
    while under_way:
        yield workers.result(*under_way.popleft())


def _as_sources(sources):
    "Pages of names, and of pictures that are handed over."
    for n, source in enumerate(_names(sources), 1):
        if isinstance(source, PageSource):
            yield source
        elif isinstance(source, (str, os.PathLike)):
            yield from find([os.fspath(source)])
        elif isinstance(source, bytes):
            yield from pages_of(f"image {n}", f"image-{n}", source)
        else:
            yield PageSource(f"image {n}", base=f"image-{n}", content=source)


def _job(reader, settings, jobs, dpi, **place):
    "What is asked for, checked once, before a page is read; words are indexed once."
    if not hasattr(reader, "read"):
        raise CustomOCRError(f"reader is a `Reader` or None, not {reader!r}")
    whole = lambda number: (
        isinstance(number, Integral) and not isinstance(number, bool) and int(number) > 0
    )
    for name, number in (("jobs", jobs), ("dpi", dpi)):
        if not whole(number):
            raise CustomOCRError(f"{name} is a whole number above 0, not {number!r}")
    knowledge, _ = known_of(settings, getattr(reader, "symbols", CLASSES))
    if knowledge.index is not None:
        settings = settings | {"lexicon": knowledge.index}
    return Job(reader, settings, dpi, **place)


def _names(sources):
    "Several sources, where one may be given alone; `CustomOCRError` for what cannot be read."
    if isinstance(sources, (str, bytes, os.PathLike, PageSource)):
        return [sources]
    if not isinstance(sources, Iterable):
        raise CustomOCRError(f"sources are names or pictures, not {sources!r}")
    return sources


def read_many(
    sources: Iterable
    | str,  # files, folders, patterns, URLs; or pictures as bytes, arrays or PIL images
    reader: Reader | None = None,  # None: the shipped one
    jobs: int = 1,  # processes with one thread each; 1 reads in this one
    scheduler=None,  # a Dask scheduler's address, or a `distributed.Client`, in place of processes
    progress: bool = False,  # say on standard error how far it is
    raise_errors: bool = False,  # True: a page that cannot be read raises `CustomOCRError`
    dpi: int = PDF_DPI,  # at which PDFs are drawn
    **settings,  # what is known of the text, as for `Reader.read`
) -> Iterator[Result]:  # one for each page, in order
    """Read pages one after the other in constant memory. An error is a result, unless asked
    otherwise."""
    job = _job(reader or Reader(), settings, jobs, dpi)
    workers, bar = _workers(job, jobs, scheduler), Progress(progress)
    try:
        for result in _in_order(workers, _as_sources(sources)):
            bar.step(result.error)
            if result.error and raise_errors:
                raise CustomOCRError(result.error)
            yield result
    finally:
        bar.close()
        workers.close()


# %% [markdown]
# A line on the terminal says how far the run is. We write it ourselves, because a library for one line would be one more to install.

# %%
#| export
class Progress:
    "A line that says how many pages are done, how fast and how many failed."

    def __init__(
        self,
        shown: bool,
        total: int = 0,  # pages to come, 0: unknown
    ):
        self.shown, self.total = shown, total
        self.done = self.failed = self.skipped = 0
        self.start = self.last = time.monotonic()

    def step(self, error: str = "", skipped: bool = False) -> None:
        "Count a page."
        self.done, self.failed = self.done + 1, self.failed + bool(error)
        self.skipped += skipped
        if self.shown and time.monotonic() - self.last > 0.2:
            self.last = time.monotonic()
            self.say(self.line())

    def line(self) -> str:
        "Pages, speed, failures and what is left."
        read, seconds = self.done - self.skipped, max(1e-9, time.monotonic() - self.start)
        parts = [f"{self.done:,}/{self.total:,} pages" if self.total else f"{self.done:,} pages"]
        parts += [f"{read / seconds:.1f} a second"] if read else []
        parts += [f"{self.failed:,} failed"] if self.failed else []
        if self.total > self.done and read:
            left = (self.total - self.done) * seconds / read
            parts.append(f"{int(left // 3600)}:{int(left // 60 % 60):02}:{int(left % 60):02} left")
        return ", ".join(parts)

    def say(self, line: str) -> None:
        "Write over the last line."
        sys.stderr.write(f"\r\x1b[K{line}")
        sys.stderr.flush()

    def close(self) -> None:
        "Leave the terminal clean."
        if self.shown:
            self.say("")


# %%
folder = tempfile.TemporaryDirectory()
scans = f"{folder.name}/scans"
for name in ("hello", "lines", "fields", "address"):
    for k in (1, 2):
        place = f"{scans}/box {k}"
        shutil.os.makedirs(place, exist_ok=True)
        shutil.copy(samples.page(name), place)
Path(f"{scans}/box 1/broken.png").write_bytes(b"\x89PNG\r\n\x1a\n torn off here")
for result in read_many(scans):
    said = result.error.split(": ")[-1] or result.text.replace("\n", " / ")
    print(f"{result.source.base:14} {said[:70]}")

# %% [markdown]
# ## Going on where it stopped
# A journal says what is done: for each page the size and time of its file, the settings, and what came of it. A second run skips
# a page when all of that is the same and its results are still there. The journal also says which file each result was made from. No
# result takes the place of an input or of another file's result: where two files would have results of one name, as `a/page.png` and
# `b/page.png`, those of the later file get a number, `page-2.txt`. The journal is a file of SQLite. It survives a `kill -9` and a power cut,
# and it lets in only one run at a time.

# %%
#| export
PAGE_COLUMNS = "base, page, source, print, seconds, characters, confidence, error, run, complete"


def _key(name: str) -> str | bytes:
    "A name as SQLite keeps it: text, or bytes where it is not valid UTF-8."
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name)
    return name


def _owner(source: PageSource) -> str | bytes:
    "The one name of a file, however it was reached."
    named = source.name == STDIN or is_url(source.name)
    return _key(source.name if named else os.path.abspath(source.name))


def _gone(owner: str | bytes) -> bool:
    "Whether a file that had results is no more."
    name = os.fsdecode(owner)
    return not is_url(name) and not os.path.exists(name)


class Journal:
    "What has been read into a folder. Raises `CustomOCRError` where another run is at work there."

    def __init__(self, out: Path):
        import sqlite3

        self.broken = sqlite3.DatabaseError
        self.file = out / HIDDEN / "journal.sqlite"
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self.db = sqlite3.connect(self.file, timeout=0, isolation_level=None)
            self._open()
        except OSError as error:
            raise CustomOCRError(f"{out}: cannot be written into: {error.strerror}") from None
        except self.broken as error:
            raise self._said(error, out) from None
        shutil.rmtree(self.file.parent / NEW, ignore_errors=True)  # what a killed run left

    def _open(self) -> None:
        "Take the lock and keep it until the connection ends, however it ends."
        self.db.execute("PRAGMA locking_mode = EXCLUSIVE")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = OFF")
        self.db.execute("BEGIN EXCLUSIVE")
        self.db.execute(
            f"CREATE TABLE IF NOT EXISTS pages ({PAGE_COLUMNS}, PRIMARY KEY (base, page)) WITHOUT"
            " ROWID"
        )
        columns = [row[1] for row in self.db.execute("PRAGMA table_info(pages)")]
        if "complete" not in columns:  # an earlier version wrote it
            self.db.execute("ALTER TABLE pages ADD COLUMN complete DEFAULT 1")
        self.db.execute(
            "CREATE TABLE IF NOT EXISTS results (path PRIMARY KEY, owner, run) WITHOUT ROWID"
        )
        (last,) = self.db.execute("SELECT coalesce(max(run), 0) FROM pages").fetchone()
        self.run, self.order = last // 10**9 + 1, 0
        self.db.execute("COMMIT")

    def _said(self, error: Exception, out: Path) -> CustomOCRError:
        "SQLite's error as a line that says what to do."
        text = str(error)
        if "locked" in text:
            return CustomOCRError(
                f"{out}: another run writes there: wait for it, or name another --out"
            )
        if "full" in text or "disk I/O" in text:
            return CustomOCRError(f"{out}: cannot be written: No space left on device")
        return CustomOCRError(f"{self.file}: is damaged ({text}): delete it, and all is read again")

    def _do(self, command: str, values: Sequence = ()):
        try:
            return self.db.execute(command, values)
        except self.broken as error:
            raise self._said(error, self.file.parents[1]) from None

    def number(self) -> int:
        "Of the run and of the page in it, so that the report has the order of the pages."
        self.order += 1
        return self.run * 10**9 + self.order

    def done(self, source: PageSource, print_: str) -> bool:
        "Whether a page was read without error from the same file with the same settings."
        row = self._do(
            "SELECT print, error FROM pages WHERE base = ? AND page = ?",
            (_key(source.base), source.page),
        ).fetchone()
        return row == (print_, "")

    def keep(self, source: PageSource) -> None:
        "Note that a page belongs to this run too."
        self._do(
            "UPDATE pages SET run = ? WHERE base = ? AND page = ?",
            (self.number(), _key(source.base), source.page),
        )

    def claim(
        self,
        paths: Sequence[str],  # of results
        owner: str | bytes,  # the file they are made from, by `_owner`
    ) -> bool:  # False where one of them is the result of another file
        "Take names for the results of a file. A name is free when the file that had it is gone."
        new = []
        for path in map(_key, paths):
            row = self._do("SELECT owner, run FROM results WHERE path = ?", (path,)).fetchone()
            if row and row[0] != owner and (row[1] == self.run or not _gone(row[0])):
                return False
            if row != (owner, self.run):
                new.append((path, owner, self.run))
        for values in new:
            self._do("REPLACE INTO results VALUES (?, ?, ?)", values)
        return True

    def note(self, result: Result, print_: str, number: int) -> None:
        "Note what came of a page, with its place in the report."
        source, page = result.source, result.page
        self._do(
            f"REPLACE INTO pages ({PAGE_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                _key(source.base),
                source.page,
                plain_name(source.name),
                print_,
                result.seconds,
                len(page.characters) if page else None,
                result.confidence,
                plain_name(result.error),
                number,
                page is None or page.complete,
            ),
        )

    def rows(self) -> Iterator[tuple]:  # the columns of the report
        "Pages of this run in order."
        yield from self._do(
            f"SELECT {', '.join(REPORT_COLUMNS)} FROM pages WHERE run > ? ORDER BY run",
            (self.run * 10**9,),
        )

    def incomplete(self) -> int:
        "Pages of this run of which a limit left something unread."
        return self._do(
            "SELECT count(*) FROM pages WHERE run > ? AND NOT complete", (self.run * 10**9,)
        ).fetchone()[0]

    def close(self) -> None:
        "Let others in."
        self.db.close()


# %% [markdown]
# At the end stands a report: a row for each page, those included that an earlier run read.

# %%
#| export
REPORT = "report.csv"  # in the folder of the results
REPORT_COLUMNS = "source page seconds characters confidence complete error".split()


def write_report(
    journal: Journal,
    out: Path,  # folder of the results
) -> Path:  # the CSV
    """Pages of a run with seconds, characters, mean confidence (0 to 1), whether no limit left
    something unread, and error. Raises `CustomOCRError`."""
    import csv

    part = out / HIDDEN / REPORT
    try:
        with part.open("w", newline="", encoding="utf8") as file:
            rows = csv.writer(file)
            rows.writerow(REPORT_COLUMNS)
            for *head, confidence, complete, error in journal.rows():
                sure = "" if confidence is None else f"{confidence:.4f}"
                rows.writerow([*head, sure, "yes" if complete and not error else "no", error])
        os.replace(part, out / REPORT)
    except OSError as error:
        raise CustomOCRError(f"{out / REPORT}: cannot be written: {error.strerror}") from None
    return out / REPORT


# %% [markdown]
# Files of many pages need one more step. Their pages are read by different workers, so each page is written as a part, and when the
# last is there, one worker joins them. If the run is killed on page 30 of 50, the second run begins with page 31.

# %%
#| export
@dataclass(frozen=True)
class Summary:
    "What a run did."

    read: int  # pages
    failed: int  # of them
    kept: int  # pages that an earlier run had read
    unmatched: int  # pages of this run with something that fits neither pattern nor lexicon
    seconds: float
    report: Path
    incomplete: int = 0  # pages, those kept too, of which a limit left something unread

    def __str__(self) -> str:
        text = f"{self.read:,} page{'s' * (self.read != 1)} read in {self.seconds:.1f} s"
        text += f", {self.failed:,} of them failed" if self.failed else ""
        text += f"; {self.incomplete:,} not read to the end" if self.incomplete else ""
        text += f"; {self.kept:,} had been read before" if self.kept else ""
        return f"{text}; see {self.report}"


def _print(job):
    "A number for the settings: a page is read again when they change."
    import hashlib

    networks = [
        network.content
        for name, value in sorted(vars(job.reader).items())
        if isinstance(network := getattr(value, "network", value), Network)
        and not isinstance(getattr(Reader, name, None), cached_property)
    ]
    words = getattr(job.settings.get("lexicon"), "words", None)
    rest = {k: v for k, v in sorted(job.settings.items()) if k != "lexicon"}
    known = (__version__, rest, job.dpi, job.formats, job.reader.limits)
    seen = hashlib.sha256(pickle.dumps(known))
    for content in networks:
        seen.update(content)
    seen.update(
        pickle.dumps(job.settings["lexicon"])
        if words is None and "lexicon" in job.settings
        else b""
    )
    seen.update(repr(words).encode())
    return seen.hexdigest()[:16]


class _Run:
    "One run over a folder: which pages are to be read, and what is done when they are."

    def __init__(self, job, workers, journal, bar, on_error, named):
        self.job, self.workers, self.journal, self.bar, self.on_error = (
            job,
            workers,
            journal,
            bar,
            on_error,
        )
        self.settings = _print(job)
        self.named = {os.path.realpath(n) for n in named if not is_url(n)}
        self.left: dict[str, int] = {}
        self.places: dict[tuple[str, int], int] = {}  # in the report, of pages that are under way
        self.joins: deque = deque()
        self.prints: dict[str, str] = {}
        self.unmatched = 0

    def to_read(self, sources):
        "Pages that are not done yet; the others are counted."
        for _, of_file in groupby(sources, key=lambda s: (s.name, s.base)):
            named = list(of_file)
            pages = self.placed(list({s.page: s for s in named}.values()))
            if pages[0].base in self.left:  # named twice, and under way
                for _ in pages:
                    self.bar.step(skipped=True)
                continue
            name = pages[0].name
            print_ = plain_name(f"{self.settings} {os.path.abspath(name)} {stamp(name)}")
            done = [self.journal.done(p, print_) for p in pages]
            finals = [path for path, _ in self.job.finals(pages[0])]
            whole = all(done) and all(map(os.path.exists, finals))
            todo = [
                p
                for p, was in zip(pages, done)
                if not (was and all(self._there(path, whole) for path, _ in self.job.targets(p)))
            ]
            self.bar.total += len(pages) - len(named) // len(pages)
            ahead = {page.page for page in todo}
            for page in pages:
                if page.page in ahead:
                    self.places[page.base, page.page] = self.journal.number()
                else:
                    self.journal.keep(page)
                    self.bar.step(skipped=True)
            if finals and not todo and not whole:  # killed between the last page and the joining
                self.join(pages[0], True)
            self.left[pages[0].base] = len(todo)
            self.prints[pages[0].base] = print_
            if not todo:
                self.forget(pages[0])
            yield from todo

    def placed(self, pages):
        "The pages of a file, with a number in their results' names where those are another's."
        base, n = os.path.normpath(os.sep + pages[0].base).lstrip(os.sep), 1  # no way out by ../
        pages = [replace(page, base=base) for page in pages]
        while not self.free(pages):
            n += 1
            pages = [replace(page, base=f"{base}-{n}") for page in pages]
        return pages

    def free(self, pages):
        "Take the names of a file's results, if they are no input's and no other file's results."
        paths = [path for page in pages for path, _ in self.job.targets(page)]
        paths = [path for path in paths if not path.startswith(str(self.job.hidden))]
        paths += [path for path, _ in self.job.finals(pages[0])]
        named = {*self.named, os.path.realpath(pages[0].name)}
        if any(os.path.realpath(path) in named for path in paths if os.path.exists(path)):
            return False
        return self.journal.claim([f"{pages[0].base}/", *paths], _owner(pages[0]))

    def _there(self, path, whole):
        "Whether a result exists; the parts of a file that was joined are gone, and not missed."
        return os.path.exists(path) or (whole and HIDDEN in Path(path).parts)

    def forget(self, source):
        "A file is done."
        del self.left[source.base], self.prints[source.base]

    def took(self, result):
        "Note a result; after the last page of a file, join it."
        source = result.source
        place = self.places.pop((source.base, source.page))
        self.journal.note(result, self.prints[source.base], place)
        self.bar.step(result.error)
        if result.error:
            self.on_error(result.error)
        elif not result.page.matched:
            self.unmatched += 1
            self.on_error(f"{source.label}: something fits neither pattern nor lexicon")
        elif not result.page.characters and result.page.complete and result.page.has_ink:
            self.on_error(f"{source.label}: {NO_CHARACTERS}")
        if result.page and not result.page.complete:
            self.on_error(f"{source.label}: a limit was reached before all of the page was read")
        self.left[source.base] -= 1
        if not self.left[source.base]:
            self.forget(source)
            if self.job.finals(source):
                self.join(source)

    def join(self, source, now=False):
        "Have the parts of a file joined, at the latest when several files wait."
        self.joins.append((self.workers.submit("join", source), "join", source))
        while self.joins and (now or len(self.joins) > self.workers.window):
            waiting = self.joins.popleft()
            self.workers.result(*waiting)
            self.tidy(waiting[2])

    def tidy(self, source):
        """Parts are needed no more when all pages of the file were read; else the failed ones are
        tried again."""
        rows = self.journal._do(
            "SELECT count(*) FROM pages WHERE base = ? AND error != ''", (_key(source.base),)
        ).fetchone()
        if rows == (0,):
            shutil.rmtree(self.job.parts(source), ignore_errors=True)

    def finish(self):
        "Wait for the last files."
        while self.joins:
            waiting = self.joins.popleft()
            self.workers.result(*waiting)
            self.tidy(waiting[2])


def write_many(
    sources: Sequence[str],  # files, folders, patterns, URLs or `-`
    out: str | Path,  # folder for the results, which mirrors the folders that are read
    formats: Sequence[str] = ("text",),  # names in `FORMATS`
    reader: Reader | None = None,  # None: the shipped one
    jobs: int = 1,  # processes with one thread each
    scheduler=None,  # a Dask scheduler's address, or a `distributed.Client`, in place of processes
    progress: bool = False,  # say on standard error how far it is
    on_error=lambda message: None,  # is told why a page could not be read
    dpi: int = PDF_DPI,  # at which PDFs are drawn
    **settings,  # what is known of the text, as for `Reader.read`
) -> Summary:
    """Read pages into a folder, and go on where an earlier run stopped.

    A page is read again where its file, the settings or the formats changed, where it failed, or
    where a result is gone. A result never replaces an input or another file's result: where two
    files would have results of one name, the later one's get a number. Raises `CustomOCRError`
    where the folder cannot be written into or another run does so, and where a hint makes no sense.
    """
    out = Path(os.path.abspath(out))
    sources = list(map(os.fspath, _names(sources)))
    _check_out(sources, out)
    job = _job(reader or Reader(), settings, jobs, dpi, out=str(out), formats=_formats(formats))
    journal, start = Journal(out), time.perf_counter()
    bar, workers = Progress(progress, _expected(sources, out) if progress else 0), None
    try:
        workers = _workers(job, jobs, scheduler)
        run = _Run(job, workers, journal, bar, on_error, sources)
        for result in _in_order(workers, run.to_read(find(list(sources), out))):
            run.took(result)
        run.finish()
        report, incomplete = write_report(journal, out), journal.incomplete()
    finally:
        bar.close()
        if workers:
            workers.close()
        journal.close()
    seconds = round(time.perf_counter() - start, 1)
    read = bar.done - bar.skipped
    return Summary(read, bar.failed, bar.skipped, run.unmatched, seconds, report, incomplete)


def _formats(formats):
    "Names of formats, each once, or `CustomOCRError` for one that there is not."
    names = [formats] if isinstance(formats, str) else list(formats)
    for name in names or [""]:
        if name not in FORMATS:
            raise CustomOCRError(f"there is no format {name!r}; there are {', '.join(FORMATS)}")
    return tuple(dict.fromkeys(names))


def _check_out(sources, out):
    """The folder of the results must be one, and not one that is read, where results would lie
    between the pages."""
    if is_url(str(out)) or (out.exists() and not out.is_dir()):
        raise CustomOCRError(f"{out} is not a folder; name a folder to write results into")
    for name in sources:
        if (
            not is_url(name)
            and os.path.isdir(name)
            and os.path.realpath(name) == os.path.realpath(out)
        ):
            raise CustomOCRError(
                f"{out} is the folder that is read; name another one for the results"
            )


def _expected(sources, out):
    "How many files there are, for the progress line."
    from customocr.formats import sources as module

    files = 0
    for name in sources:
        if not is_url(name) and os.path.isdir(name):
            files += sum(1 for _ in module._walk(name, "", out))
        else:
            files += 1
    return files


# %%
out = f"{folder.name}/out"
first = write_many([scans], out, ["json", "hocr"])
again = write_many([scans], out, ["json", "hocr"])
print(str(first).split("; see")[0])
print(str(again).split("; see")[0])

# %% [markdown]
# The second run read one page: the broken one is tried again each time. The report names it.

# %%
report = pd.read_csv(f"{out}/report.csv")
report["source"] = report.source.str.replace(scans + "/", "")
report["error"] = report.error.str.replace(scans + "/", "")
report.drop(columns="seconds")

# %%
#| hide
assert (first.read, first.failed, again.read, again.kept) == (9, 1, 1, 8) and len(report) == 9
assert json.loads(Path(f"{out}/box 1/hello.json").read_text())["text"] == "HELLO WORLD"

# %% [markdown]
# ## Two processes, two machines
# From here on, only one word changes. `jobs=2` starts two processes; `scheduler=` names a Dask cluster, here one that lives on this
# machine. Results are the same, and come in the same order. What a notebook defines cannot be sent to another process, so these cells
# use the module that was made from it.

# %%
alone = [r.text for r in batch.read_many(scans)]
with_two = [r.text for r in batch.read_many(scans, jobs=2)]
assert with_two == alone
len(with_two)

# %%
with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
    on_dask = [r.text for r in batch.read_many(scans, scheduler=cluster.scheduler_address)]
assert on_dask == alone
len(on_dask)

# %% [markdown]
# On the command line that is `--jobs 2` or `--scheduler tcp://host:8786`. A cluster of several machines is started with Dask's own commands,
# `dask scheduler` on one and `dask worker tcp://host:8786 --nthreads 1` on each; all of them need customocr, and see the folder of the results.
#
# A script that calls `read_many` with `jobs` keeps its own work under `if __name__ == "__main__":`, as all that start processes must:
# each process imports the script anew.
#
# ## What was measured
# The table shows each target and what was reached. Sample pages are enlarged to one megapixel and written as JSON and hOCR;
# `python benchmarks/many_pages.py` measures all of it again.

# %%
#| code-fold: true
#| code-summary: "The measured figures"
with open("stored/batch/many_pages.json", encoding="utf8") as file:
    measured = json.load(file)

# %%
#| code-fold: true
#| code-summary: "The table"
targets = {
    "two processes read so many times as much as one": (
        "speed",
        "speed: two processes over one",
        "≥ 1.7",
    ),
    "the same for two commands that know nothing of each other: what the machine gives": (
        "speed",
        "the machine: two commands over one",
        "",
    ),
    "two Dask workers take so many times as long as two processes": (
        "speed",
        "speed: Dask over two processes, seconds",
        "≤ 1.2",
    ),
    "decoding, writing, scheduling: share of the reading": (
        "overhead",
        "overhead: share of the reading",
        "≤ 0.15",
    ),
    "the parent's memory, many pages over few": ("memory", "memory: many over few", "≤ 1.1"),
    "pages lost or there twice after a worker was killed": (
        "lost",
        "lost: pages lost or there twice",
        "0",
    ),
    "`customocr --help`, seconds over `python -c pass`": (
        "help",
        "help: seconds over python",
        "≤ 0.1",
    ),
}


def reached(part: str, name: str) -> str:
    "A measured figure with three digits."
    return f"{measured[part][name]:.3f}" if part in measured else "not measured yet"


table = pd.DataFrame(
    [(text, goal, reached(part, name)) for text, (part, name, goal) in targets.items()],
    columns=["figure", "target", "measured"],
)
pd.set_option("display.max_colwidth", None)
table


# %%
#| code-fold: true
#| code-summary: "The plot"
def plot_speed(speed: dict):  # matplotlib figure
    "Pages a second of each kind of worker."
    names = list(speed["seconds"])
    rate = [speed["pages"] / seconds for seconds in speed["seconds"].values()]
    figure, axes = plt.subplots(figsize=(6.4, 2.2), dpi=90)
    bars = axes.barh(
        names[::-1], rate[::-1], color=["tab:blue" if "two" in n else "silver" for n in names[::-1]]
    )
    axes.bar_label(bars, fmt=" %.2f")
    axes.set(xlabel="pages a second", xlim=(0, 1.18 * max(rate)))
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    plt.close(figure)
    return figure


# %%
#| label: fig-many-speed
#| fig-cap: "Two processes read half as many again as one. That is more than two commands that know nothing of each other: the two cores of this machine get into each other's way. A Dask cluster of two workers comes close."
#| fig-alt: "Three bars of pages a second: one process, two processes, two workers of Dask."
plot_speed(measured["speed"]) if "speed" in measured else None

# %%
#| code-fold: true
#| code-summary: "How it was measured"
said = f"{measured['cores']} cores, Python {measured['python']}"
print(said if measured["full"] else f"{said}; a small run on a busy machine, not for quoting")

# %% [markdown]
# ## A million pages
# No page depends on another, so twice the cores read twice the pages. A million pages cost a million times what one page costs, in core hours and
# in disk space for the results. Put in the price of your own core hour; the five cents below are only an example.

# %%
PRICE = 0.05  # of a core hour, in dollars or euros


def cost(pages: int, cores: int) -> dict:
    "Hours, price and disk for so many pages, reckoned from two processes on two cores."
    speed = measured["speed"]
    core_seconds = 2 * speed["seconds"]["two processes"] / speed["pages"]
    return {
        "pages": pages,
        "cores": cores,
        "hours": round(pages * core_seconds / cores / 3600, 1),
        "price": round(pages * core_seconds / 3600 * PRICE),
        "GB of JSON": round(pages * speed["bytes of JSON a page"] / 1e9, 1),
    }


plans = ((10_000, 2), (1_000_000, 2), (1_000_000, 64))
pd.DataFrame([cost(*plan) for plan in plans]) if "speed" in measured else "not measured yet"

# %% [markdown]
# ## Recap
# - A page's result is whole or absent, and a second run skips what is done.
# - A page that fails, or kills its process three times, becomes a result with an error; the others go on.
# - Processes and Dask clusters do the same work behind one `submit`, and results keep the order of the pages.
#
# ## What comes next
# The reader is now a tool for every day: `customocr read SCANS/ --out OUT/ --format json --format hocr --jobs 2`. Ten lines put it [behind a web address](web_service.html).
#
# ## Exercises
# 1. Interrupt a run with Ctrl-C and start it again. How many pages are read twice?
# 2. Change `--alphabet` between two runs. Why is everything read again?
# 3. A page that kills its process three times is given up. Write a reader whose `read` ends its process for one page of the folder, and watch the others.
#
# <details><summary>Solutions</summary>
#
# 1. None that was written: at most those under way, four for each process, and they had not been written yet.
# 2. The settings are part of what the journal compares; a result under other settings would be another text.
# 3. `class Deadly(Reader)` with `os.kill(os.getpid(), 9)` in `read`, in a file of its own: a class of the notebook cannot be sent to a process. The
#    tests have one (`tests/test_many_pages.py`).
#
# </details>

# %%
#| hide
folder.cleanup()
