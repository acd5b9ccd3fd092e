"""Measure every page of the rendered site as a reader meets it: a table in Markdown.

    quarto render && python tools/measure_site.py

Each page of _site is opened in Chromium, on a screen of 1280 x 900 pixels and on a phone of 390 x
844.

words     of prose: headings, paragraphs, lists, tables and captions; no code, no output, no folded
          part
lines     of code that is visible without unfolding
longest   visible code block, in lines
figures   pictures and drawings of the page
picture   where the first of them begins, in screens of 900 pixels from the top; below 1 it is in
the first screen minutes   to read it, at 100 words and 20 lines of code a minute
cut       code blocks and outputs that do not fit their box at 1280 pixels
stuck     those at 390 pixels that do not fit and do not scroll either
wider     pixels by which the whole page is wider than the phone
"""

import contextlib
import functools
import http.server
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_site"
WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
WORDS_A_MINUTE, LINES_A_MINUTE = 100, 20
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
FLAGS = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync"]

COUNT = """() => {
  const main = document.querySelector("main");
  const seen = (e) => e.checkVisibility();
  const blocks = [...main.querySelectorAll("div.sourceCode pre, pre.sourceCode")].filter(seen);
  const lines = blocks.map((pre) => pre.innerText.replace(/\\n+$/, "").split("\\n").length);
  const text = main.cloneNode(true);
  const leave = "pre, script, style, svg, nav, .cell-output, details, .notebook-link, #title-block-header .quarto-title-meta";
  text.querySelectorAll(leave).forEach((e) => e.remove());
  const words = text.textContent.split(/\\s+/).filter((w) => /[\\p{L}\\p{N}]/u.test(w)).length;
  const drawn = [...main.querySelectorAll("img, svg.figure, canvas, .figure svg")].filter(
    (e) => seen(e) && e.getBoundingClientRect().width > 60);
  const tops = drawn.map((e) => e.getBoundingClientRect().top + scrollY);
  return {words, lines: lines.reduce((a, b) => a + b, 0), longest: Math.max(0, ...lines),
          figures: drawn.length, picture: tops.length ? Math.min(...tops) / 900 : null};
}"""  # noqa: E501

FIT = """() => {
  const boxes = [...document.querySelectorAll("main pre, main .cell-output-display, main table")].filter((e) => e.checkVisibility());
  const over = boxes.filter((e) => e.scrollWidth > e.clientWidth + 1);
  const scrolls = (e) => {
    for (let box = e; box && box.tagName !== "MAIN"; box = box.parentElement)
      if (["auto", "scroll"].includes(getComputedStyle(box).overflowX)) return true;
    return false;
  };
  const say = (e) => e.innerText.trim().split("\\n").reduce((a, b) => (b.length > a.length ? b : a), "").slice(0, 90);
  const root = document.documentElement;
  return {over: over.filter((e) => e.tagName === "PRE").map(say), stuck: over.filter((e) => !scrolls(e)).map(say),
          wider: Math.max(0, root.scrollWidth - innerWidth)};
}"""  # noqa: E501


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(
    folder: Path,  # what to serve
) -> Iterator[str]:  # its address
    "A static server on a free port of this machine."
    handler = functools.partial(_Quiet, directory=folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


def measure(
    page,  # a page of playwright
    address: str,  # of the page to measure
) -> dict:  # the columns of the table
    "Open a page at both widths and measure it."
    page.set_viewport_size(WIDE)
    page.goto(address, wait_until="load")
    page.evaluate("document.querySelectorAll('img').forEach((i) => (i.loading = 'eager'))")
    page.wait_for_function("[...document.images].every((i) => i.complete)")
    found = page.evaluate(COUNT)
    found["cut"] = page.evaluate(FIT)["over"]
    found["minutes"] = found["words"] / WORDS_A_MINUTE + found["lines"] / LINES_A_MINUTE
    page.set_viewport_size(PHONE)
    narrow = page.evaluate(FIT)
    return {**found, "stuck": narrow["stuck"], "wider": narrow["wider"]}


def pages(
    folder: Path = SITE,  # the rendered site
) -> list[str]:  # addresses within it, in the order of their names
    "The pages of the site that hold text."
    inner = sorted(f"nbs/{path.name}" for path in (folder / "nbs").glob("*.html"))
    return inner + ["draw/index.html"] * (folder / "draw" / "index.html").exists()


def table(
    rows: dict[str, dict],  # page -> what `measure` gives
) -> str:  # Markdown
    "The table of all pages, and a line for each block that is cut."
    heads = [
        "page",
        "words",
        "lines",
        "longest",
        "figures",
        "picture",
        "minutes",
        "cut",
        "stuck",
        "wider",
    ]
    lines = ["| " + " | ".join(heads) + " |", "| --- " + "| ---: " * (len(heads) - 1) + "|"]
    for name, row in rows.items():
        first = "none" if row["picture"] is None else f"{row['picture']:.1f}"
        cells = [
            Path(name).stem if name.startswith("nbs/") else name,
            row["words"],
            row["lines"],
            row["longest"],
        ]
        cells += [row["figures"], first, round(row["minutes"])]
        cells += [len(row["cut"]), len(row["stuck"]), row["wider"]]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    for name, row in rows.items():
        lines += [f"\n{name}, {kind}: {text}" for kind in ("cut", "stuck") for text in row[kind]]
    return "\n".join(lines)


def main() -> int:  # exit code
    "Measure all pages, or those whose names are given, and print the table."
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None or not (SITE / "nbs").exists():
        print(
            "measure_site: needs Chromium on PATH and a rendered site (quarto render)",
            file=sys.stderr,
        )
        return 1
    flags = FLAGS + ["--no-sandbox"] * (os.geteuid() == 0)
    chosen = [p for p in pages() if not sys.argv[1:] or Path(p).stem in sys.argv[1:]]
    with served(SITE) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        page = browser.new_page()
        print(table({name: measure(page, f"{address}/{name}") for name in chosen}))
        browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
