"""Write what the site draws from other files: the API reference, the list of exercises, the tables
of results.

    python tools/build_pages.py

Quarto runs this before each render (`pre-render` in _quarto.yml). Made anew each time and not kept
in git: nbs/api.qmd and nbs/api_*.qmd (api_page.py), nbs/exercises.qmd and its second part from the
notebooks' "Exercises" sections, and the parts of nbs/architecture.qmd (architecture.py). The pages
in TABLED are written by hand but for their tables, which come from the stored figures of the
benchmarks (nbs/stored): no figure is copied by hand. Which figures stand in a table, and what they
are called there, is all that the code below knows; no library knows it.
"""

import json
import re
import sys
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tools"), str(ROOT)]
import architecture
import figures
import reliability_page
from api_page import api_pages
from figures import rows_of
from site_filter import fold

PACKAGE = ROOT / "customocr"
NOTEBOOKS = ROOT / "nbs"
# ---- the exercises


def title_of(cells: list[str]) -> str:
    return re.search(r"^# (.+)$", "\n".join(cells), re.M)[1]


def exercises_of(notebook: Path) -> tuple[str, list[str]] | None:
    "Title and numbered exercises of a notebook; None where it has none."
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    texts = ["".join(c["source"]) for c in cells if c["cell_type"] == "markdown"]
    joined = "\n\n".join(texts)
    section = re.search(r"^## Exercises[^\n]*\n(.*?)(?=^## |\Z)", joined, re.M | re.S)
    if not section:
        return None
    body = re.sub(r"<details.*?</details>", "", section[1], flags=re.S)
    starts = r"(?m)^(?:#{3,4}\s*)?(?:\*\*)?(?:Exercise\s*)?(\d+)[.:)]\s*(?:\*\*)?\s*"
    pieces = re.split(starts, body)[1:]
    tasks = [" ".join(text.split()) for text in pieces[1::2]]
    return title_of(texts), tasks


PAGES_FROM = "07"  # number of the notebook from which on pages are read: the second part begins


def exercises_page(
    part: str,  # "1" or "2"
    head: str,  # Markdown above the exercises
) -> str:  # Markdown
    "The exercises of the notebooks before or from `PAGES_FROM` on."
    parts = ["---", f"title: Exercises, part {part}", "---", "", head]
    for notebook in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        found = exercises_of(notebook)
        if not found or not found[1] or (notebook.name >= PAGES_FROM) != (part == "2"):
            continue
        title, tasks = found
        parts.append(
            f"## {title}\n\n[{notebook.name}, with the solutions]({notebook.name}#exercises)\n"
        )
        parts += [f"{number}. {task}" for number, task in enumerate(tasks, 1)]
        parts.append("")
    return "\n".join(parts)


def exercises_pages() -> dict[str, str]:  # file name -> Markdown
    "Both parts, each below its picture."
    how = (
        "Each notebook ends with a few exercises, and at least one of them builds something. You do"
        " them in the notebook itself: open it, run it, and try before you unfold the solution."
    )
    first = (
        f"{how} Here are those of the first eleven notebooks, about characters and how they are"
        " written. [Part 2](exercises_2.qmd) is about pages and how they are read.\n\n"
        "{{< include _look_alikes.qmd >}}\n"
    )
    second = (
        f"{how} Here are those about pages and how they are read. [Part 1](exercises.qmd) is about"
        " characters and how they are written.\n\n"
        "![From this photo to its boxes and letters there are about ten steps. Most exercises below"
        " change one of them.](images/address_read.jpg)\n"
    )
    return {
        "exercises.qmd": exercises_page("1", first),
        "exercises_2.qmd": exercises_page("2", second),
    }


# ---- the minutes of the learning path

WORDS_A_MINUTE, LINES_A_MINUTE = (
    100,
    20,
)  # of prose, and of code that is visible: slow enough to think


def minutes(notebook: Path) -> int:  # rounded to five
    "How long a notebook takes to read: its prose, and the code that the site does not fold."
    words = lines = 0
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            words += len(re.sub(r"<details.*?</details>", "", source, flags=re.S).split())
        elif not re.search(r"#\|\s*(hide|default_exp|echo: false|include: false)", source):
            shown = {"source": source}
            fold(shown)
            if "code-fold: true" not in shown["source"]:
                lines += sum(not line.startswith("#|") for line in source.splitlines())
    return 5 * max(1, round((words / WORDS_A_MINUTE + lines / LINES_A_MINUTE) / 5))


def with_minutes(text: str) -> str:
    "The learning path with the minutes of each entry as its notebooks have them."
    entries = re.split(r"(?m)^(?=\d+\w* · )", text)
    for n, entry in enumerate(entries):
        there = [
            NOTEBOOKS / name for name in re.findall(r"\]\((\d\w+\.ipynb)\)", entry.split("\n")[0])
        ]
        total = sum(minutes(notebook) for notebook in there if notebook.exists())
        if total:
            entries[n] = re.sub(r"About \d+ minutes", f"About {total} minutes", entry, count=1)
    return "".join(entries)


# ---- the results

STORED = NOTEBOOKS / "stored"
READERS = {
    "customocr": "**customocr**",
    "tutorial": "tutorial",
    "tesseract": "Tesseract",
    "rapidocr": "RapidOCR 1.4.4, as installed",
    "rapidocr3": "RapidOCR 3.10, set with care",
}
KINDS = {
    "page": "page",
    "word": "word",
    "field": "form field",
    "boxed_row": "comb",
    "digits": "digits",
    "all": "all",
}


def table(head: list, rows: list) -> str:
    "A Markdown table; all but the first column to the right."
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def share(value) -> str:
    return f"{float(value):.3f}"


def pages_table() -> str:
    "CER and share exact of each reader by kind of picture."
    found = {(row["reader"], row["kind"]): row for row in rows_of(STORED / "pages" / "readers.csv")}
    kinds = [kind for kind in KINDS if ("customocr", kind) in found]
    head = [f"{KINDS[kind]} ({found['customocr', kind]['images']})" for kind in kinds]
    there = {reader: name for reader, name in READERS.items() if (reader, "all") in found}
    of = lambda figure, reader: [share(found[reader, kind][figure]) for kind in kinds]
    errors = [[name, *of("cer", reader)] for reader, name in there.items()]
    right = [[name, *of("exact", reader)] for reader, name in there.items()]
    right.insert(1, ["**customocr**, with the layout", *of("layout", "customocr")])
    return table(["CER", *head], errors) + "\n\n" + table(["Exact", *head], right)


SETS = {  # name in characters.json -> (name here, name in stored/tutorial/sets.csv)
    "chars74k_hnd_36": ("Chars74K, drawn on a tablet", "chars74k_hnd_36"),
    "bishwaprotapi_36": ("bishwaprotapi, photographed", "bishwaprotapi_36"),
    "binaryalphadigits_36": ("Binary Alphadigits, 20 × 16 pixels", ""),
    "usps_digits_5000": ("USPS, digits from envelopes", ""),
    "mnist_test": ("MNIST, its test part", ""),
    "unipen_unseen_writers": ("UNIPEN, 30 writers kept apart", "UNIPEN, 30 held-out writers"),
}


def stored(name: str) -> dict:
    path = STORED / "results" / name
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def characters_table() -> str:
    "Accuracy of the shipped network by set, the tutorial's beside it."
    ours = json.loads((PACKAGE / "models" / "characters.json").read_text(encoding="utf-8")).get(
        "test", {}
    )
    before = {row["set"]: row for row in rows_of(STORED / "tutorial" / "sets.csv")}
    rows = []
    for key, (name, old) in SETS.items():
        if key in ours:
            theirs = before.get(old)
            tutorial = [share(theirs["top1"]), share(theirs["merged"])] if theirs else ["", ""]
            rows.append(
                [
                    name,
                    ours[key]["n"],
                    share(ours[key]["top1"]),
                    share(ours[key]["merged"]),
                    share(ours[key]["ece"]),
                    *tutorial,
                ]
            )
    return table(
        ["Set", "Glyphs", "Top 1", "Merged", "ECE", "Tutorial's network: top 1", "merged"], rows
    )


def milliseconds(value) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.1f}"


FAST = 0.35  # of the processor time of RapidOCR 3.10: the goal


def speed_table() -> str:
    "Median time of a read by kind, each reader beside the others; then photos and fresh processes."
    run = stored("pages.json")
    if not run:
        return ""
    found = run["read"]
    kinds = [kind for kind in KINDS if kind in found["files"]]
    names = {
        "tesseract (library)": "Tesseract, as a library",
        "tesseract (process)": "Tesseract, a process a page",
        "rapidocr3": "RapidOCR 3.10, set with care",
    }
    heads = [f"{KINDS[kind]} ({found['files'][kind]})" for kind in kinds]
    tables = []
    for title, medians in (
        ("Milliseconds, median", found["median_ms"]),
        ("Processor milliseconds, median", found["median_cpu_ms"]),
    ):
        rows = [
            [names.get(reader, "**customocr**"), *(milliseconds(by_kind[kind]) for kind in kinds)]
            for reader, by_kind in medians.items()
        ]
        tables.append(table([title, *heads], rows))
    started = {
        "customocr read": "**customocr read**",
        "tesseract": "Tesseract",
        "keras network": "Python that only loads the same network in Keras",
    }
    tables.append(
        table(
            ["A fresh process on a 1-megapixel page", "milliseconds"],
            [[started[name], milliseconds(taken)] for name, taken in run["process"].items()],
        )
    )
    ours, theirs = (found["median_cpu_ms"][reader] for reader in ("customocr", "rapidocr3"))
    shares = {kind: ours[kind] / theirs[kind] for kind in kinds}
    goal = all(shares[kind] <= FAST for kind in ("word", "field", "digits"))
    tables.append(
        "customocr's share of the processor time of RapidOCR 3.10, one thread each: "
        + ", ".join(f"{KINDS[kind]} {value:.2f}" for kind, value in shares.items())
        + f". The goal was {FAST} on words, form fields and numbers; it is"
        + (" reached." if goal else " missed.")
    )
    photo = run["photo"]
    tables.append(
        f"A photo of 12 megapixels takes {milliseconds(photo['ms'])} ms in process; a process that"
        f" reads nothing else peaks at {photo['peak_mib']:.0f} MiB."
    )
    tables.append(f"Measured on: {run['machine']}.")
    return "\n\n".join(tables)


def classify_table() -> str:
    found = stored("../better_model/classify.json")
    return (
        table(
            ["Classifying glyphs", ""],
            [
                [name, f"{value:,}" if isinstance(value, int) else value]
                for name, value in found.items()
                if name != "load"
            ],
        )
        if found
        else ""
    )


def rules_table() -> str:
    "CER and look-alike errors of the same pages, read with and without rules and prior."
    found = stored("decoding.json").get("confusions", {})
    if not found:
        return ""
    kinds = [kind for kind in KINDS if kind in found["bare"]["kinds"]]
    names = {
        "bare": "network alone",
        "blanket": "tutorial's fix",
        "neighbours": "neighbour rule",
        "prior": "**decoder**",
    }
    rows = [
        [
            names[key],
            *(share(row["kinds"][kind]["cer"]) for kind in kinds),
            sum(row["look_alikes"].values()),
        ]
        for key, row in found.items()
        if key in names
    ]
    return table(["CER", *(KINDS[kind] for kind in kinds), "look-alike errors"], rows)


def hints_table() -> str:
    found = stored("decoding.json").get("hints", {})
    said = {
        "digits/digits": 'digit strings, `alphabet="digits"`',
        "letters/word": 'words, `alphabet="letters"`',
    }
    rows = [
        [said[key], share(found[key]["without"]), share(found[key]["given"])]
        for key in said
        if key in found
    ]
    if "lexicon/soft" in found:
        rows.append(
            [
                "words, all other names as `lexicon`",
                share(found["lexicon/without"]["cer"]),
                share(found["lexicon/soft"]["cer"]),
            ]
        )
    return table(["CER", "without", "with"], rows) if rows else ""


def spelled_table() -> str:
    found = stored("decoding.json").get("codes", {})
    rows = [[name, share(row["bare"]), share(row["prior"])] for name, row in found.items()]
    return (
        table(["Characters right", "network alone", "with the letter prior"], rows) if rows else ""
    )


def ladder_table() -> str:
    "Mean and spread over the seeds of each rung."
    path = STORED / "better_model" / "ladder.csv"
    if not path.exists():
        return ""
    rungs: dict[str, list[dict]] = {}
    for row in rows_of(path):
        rungs.setdefault(row["rung"], []).append(row)

    def cell(rows: list[dict], column: str, digits: int = 3) -> str:
        values = [float(row[column]) for row in rows if row[column] not in ("", "nan")]
        spread = f" ± {stdev(values):.{digits}f}" if len(values) > 1 else ""
        return f"{mean(values):.{digits}f}{spread}" if values else ""

    columns = {
        "top1": "UNIPEN, new writers",
        "merged": "the same, merged",
        "foreign": "foreign capitals",
        "mnist": "MNIST",
    }
    lines = [
        [f"{n}. {name}", *(cell(rows, c) for c in columns), cell(rows, "cpu_seconds", 0)]
        for n, (name, rows) in enumerate(rungs.items(), 1)
    ]
    return table(["Rung", *columns.values(), "CPU seconds"], lines)


def boxes_table() -> str:
    "What the box network was trained on, and how often it is right."
    found = json.loads((PACKAGE / "models" / "boxes.json").read_text(encoding="utf-8"))
    rows = [
        ["Parameters", f"{found['parameters']:,}"],
        ["Composed pages, writers", f"{found['pages']:,}, {found['writers']}"],
    ]
    rows += [[f"Boxes: {kind}", f"{count:,}"] for kind, count in found["kinds"].items()]
    rows += [
        ["Epochs, seed", f"{found['epochs']}, {found['seed']}"],
        ["Minutes, composing included", found["minutes"]],
    ]
    rows.append(
        [
            (
                f"Right on {found['validation_boxes']:,} boxes of {found['validation_writers']}"
                " other writers"
            ),
            share(found["validation_accuracy"]),
        ]
    )
    rows.append(
        [
            "Characters of theirs that the segmentation offers as a candidate at all",
            share(found["characters_with_a_candidate"]),
        ]
    )
    return table(["Box network", ""], rows)


def race_table() -> str:
    "The tutorial's training and ours on the same data: the last state of each run."
    path = STORED / "better_model" / "training.json"
    if not path.exists():
        return ""
    run = json.loads(path.read_text(encoding="utf-8"))
    last = {row["recipe"]: row for row in run["rows"]}
    rows = [
        [
            name,
            f"{row['glyphs']:,}",
            share(row["accuracy"]),
            f"{row['seconds']:.0f}",
            f"{row['cpu_seconds']:.0f}",
        ]
        for name, row in last.items()
    ]
    goal = (
        f"The tutorial's best of all epochs is {share(run['goal'])}; ours"
        f" {'reached' if run['reached'] else 'did not reach'} it"
    )
    return (
        table(["Recipe", "Glyphs shown", "Right", "Seconds", "CPU seconds"], rows)
        + f"\n\n{goal} in {run['share']:.1%} of its wall time."
    )


def empty_table() -> str:
    "Pictures without text that were read as text, by kind."
    run = stored("empty_pictures.json")
    if not run:
        return ""
    each = run["pictures"] // len(run["found"])
    rows = [[EMPTY[kind], each, count] for kind, count in run["found"].items()]
    rows.append(["**all**", run["pictures"], sum(run["found"].values())])
    return table(["Pictures without text", "pictures", "read as text"], rows)


EMPTY = {
    "paper": "empty paper",
    "woven": "woven and patterned paper",
    "noise": "noise",
    "light": "light and shadow",
    "rules": "rules, grids and frames",
    "lines": "straight lines",
    "curves": "curves, loops and spirals",
    "outlines": "outlines of things",
}


def composed_table() -> str:
    "Composed pages by way of writing and by paper, ours and RapidOCR's."
    run = stored("composed_pages.json")
    if not run:
        return ""
    cell = lambda r: f"{r['cer']:.3f} ({r['exact']:.2f})"
    names = {"customocr": "customocr", "rapidocr3": "RapidOCR 3.10"}
    rows = [[said, *(cell(run[name][group]) for name in names)] for group, said in COMPOSED.items()]
    return table(["Composed pages: CER (exact)", *names.values()], rows)


COMPOSED = {
    "usual": "lines apart",
    "close": "lines so close that letters touch the line below",
    "askew": "turned by 8 to 14 degrees",
    "large": "one large word",
    "plain": "all of these on plain paper",
    "photo": "photos",
    "ruled": "ruled and squared paper",
    "table": "a sheet on a table",
    "woven": "woven and printed paper",
    "all": "**all**",
}

TABLES = {
    "composed": composed_table,
    "empty": empty_table,
    "boxes": boxes_table,
    "race": race_table,
    "ladder": ladder_table,
    "pages": pages_table,
    "characters": characters_table,
    "speed": speed_table,
    "classify": classify_table,
    "rules": rules_table,
    "hints": hints_table,
    "spelled": spelled_table,
    **reliability_page.TABLES,
}


TABLED = (
    "results.qmd",
    "diary.qmd",
    "model_card.qmd",
    "reliability.qmd",
)  # pages written by hand but for their tables


def with_tables(text: str) -> str:
    "A page with its tables drawn anew, between `<!-- table NAME -->` and `<!-- end -->`."
    fill = lambda found: (
        f"{found[1]}\n\n{TABLES[found[2]]() or found[3].strip()}\n\n{found[4]}"
    )  # no figures stored: as it was
    return re.sub(r"(<!-- table (\w+) -->)\n(.*?)(<!-- end -->)", fill, text, flags=re.S)


def write(name: str, text: str):
    "Write a page only when it changed, so that Quarto's preview does not turn in circles."
    path = NOTEBOOKS / name
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    reference = api_pages()
    for old in NOTEBOOKS.glob("api_*.qmd"):
        if old.name not in reference:
            old.unlink()
    for name, text in {**reference, **exercises_pages()}.items():
        write(name, text)
    write("_map.qmd", architecture.map_page())
    write("_modules.qmd", architecture.list_page())
    write("_journey.qmd", architecture.journey_page())
    write("_results.qmd", figures.results_chart())
    write("_ladder.qmd", figures.ladder_chart())
    write("_reliability.qmd", reliability_page.chart())
    write("_card.qmd", figures.card_chart({key: name for key, (name, _) in SETS.items()}))
    write("_path.qmd", figures.path_picture())
    write("_terms.qmd", figures.terms_picture())
    write("_look_alikes.qmd", figures.look_alikes_picture())
    path = NOTEBOOKS / "learning_path.qmd"
    write(path.name, with_minutes(path.read_text(encoding="utf-8")))
    for name in TABLED:
        write(name, with_tables((NOTEBOOKS / name).read_text(encoding="utf-8")))
