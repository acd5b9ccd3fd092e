"""Write what the site draws from other files: the API reference, the list of exercises, the tables of results.

    python tools/build_pages.py

Quarto runs this before each render (`pre-render` in _quarto.yml). nbs/api.qmd comes from the package's signatures,
their comments and docstrings (docments); nbs/exercises.qmd from the notebooks' "Exercises" sections. Neither is kept in git:
they cannot be out of date. nbs/results.qmd and nbs/diary.qmd are written by hand but for their tables, which come from the
stored figures of the benchmarks (nbs/stored): no figure is copied by hand. Only the standard library is used, so that TensorFlow is not
loaded to print a signature.
"""

import ast
import csv
import html
import io
import json
import re
import tokenize
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "customocr"
NOTEBOOKS = ROOT / "nbs"
MODULES = {  # in the order a reader meets them -> what for
    "recognition": "Read a picture: the package's front door.",
    "images": "Any source to upright pixels.",
    "segmentation": "From a picture to lines, words and boxes.",
    "glyphs": "The 28 × 28 layout that training and reading share.",
    "boxes": "Is this ink, among its neighbours, one whole character?",
    "decoding": "From probabilities to text, with what is known of it.",
    "confusion_fixes": "0 and O, 1 and I, 5 and S.",
    "data": "Sets of characters, loaded, joined and split.",
    "model": "The tutorial's network.",
    "training": "The shipped network's recipe.",
    "writing.strokes": "Glyphs drawn from pen strokes.",
    "writing.compose": "Hands, and lines of known text in them.",
    "writing.papers": "Paper, light and camera: pages of known text.",
    "samples": "The pages, glyphs and fonts that come with the package.",
    "errors": "What is raised when the input is at fault.",
}
INNER = {"cli"}  # the command, which --help explains


# ---- the API reference


def comments(source: str) -> dict[int, str]:
    "Comment of each line, without its hash."
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ").strip() for t in tokens if t.type == tokenize.COMMENT}


def plain(text: str) -> str:
    "Text of a comment, safe in Markdown."
    return (
        html.escape(text, quote=False).replace("*", "\\*").replace("_", "\\_").replace("$", "\\$")
    )


def code(text: str) -> str:
    "Code, or nothing."
    return f"`{text}`" if text else ""


def doc(node) -> str:
    text = ast.get_docstring(node) or ""
    return (
        html.escape(re.sub(r"[ \t]+\n", "\n", text), quote=False)
        .replace("$", "\\$")
        .replace("[", "\\[")
        .replace("]", "\\]")
    )


def default_of(node) -> str:
    text = ast.unparse(node) if node is not None else ""
    return text if len(text) <= 40 else "…"


def entries(rows: list) -> str:
    "Names with type, default and meaning, as a list: unlike a table it can be read on a phone."
    lines = []
    for name, kind, default, note in rows:
        line = f"- **{name}**" + (f" {kind}" if kind else "") + (f" = {default}" if default else "")
        lines.append(line + (f": {note}" if note else ""))
    return "\n".join(lines) + "\n"


def parameters(function: ast.FunctionDef, notes: dict[int, str], method: bool) -> list:
    "Rows (name, type, default, comment) of a function's parameters and its return."
    spec = function.args
    positional = [*spec.posonlyargs, *spec.args]
    defaults = [None] * (len(positional) - len(spec.defaults)) + list(spec.defaults)
    named = list(zip(positional, defaults))
    if spec.vararg:
        named.append((spec.vararg, None))
    named += list(zip(spec.kwonlyargs, spec.kw_defaults))
    if spec.kwarg:
        named.append((spec.kwarg, None))
    if method and named and named[0][0].arg in ("self", "cls"):
        named = named[1:]
    on_one_line = function.lineno == function.body[0].lineno or all(
        a.lineno == function.lineno for a, _ in named
    )
    rows = []
    for argument, default in named:
        kind = ast.unparse(argument.annotation) if argument.annotation else ""
        note = "" if on_one_line else notes.get((default or argument).end_lineno, "")
        rows.append([code(argument.arg), code(kind), code(default_of(default)), plain(note)])
    if function.returns is not None and ast.unparse(function.returns) != "None":
        note = notes.get(function.returns.end_lineno, "")
        rows.append(["returns", code(ast.unparse(function.returns)), "", plain(note)])
    return rows


def signature(function: ast.FunctionDef, name: str, method: bool) -> str:
    "The call, without types: they stand in the table."
    spec = ast.parse(ast.unparse(function)).body[0].args
    for argument in [*spec.posonlyargs, *spec.args, *spec.kwonlyargs, spec.vararg, spec.kwarg]:
        if argument is not None:
            argument.annotation = None
    if method and spec.args and spec.args[0].arg in ("self", "cls"):
        spec.args = spec.args[1:]
    text = ast.unparse(spec)
    return (
        f"{name}({text})"
        if len(name) + len(text) < 96
        else f"{name}(\n    " + text.replace(", ", ",\n    ") + ",\n)"
    )


def is_property(function: ast.FunctionDef) -> bool:
    return any(
        ast.unparse(d).split(".")[-1] in ("property", "cached_property")
        for d in function.decorator_list
    )


def function_entry(
    function, notes, title: str, name: str, level: int, anchor: str, method: bool = False
) -> str:
    parts = [f"{'#' * level} {title} {{#{anchor}}}\n"]
    if not is_property(function):
        parts.append(f"```python\n{signature(function, name, method)}\n```\n")
    parts.append(doc(function) + "\n")
    rows = parameters(function, notes, method)
    if rows:
        parts.append(entries(rows))
    return "\n".join(parts)


def class_entry(node: ast.ClassDef, notes, module: str) -> str:
    bases = ", ".join(ast.unparse(base) for base in node.bases)
    parts = [f"### {node.name} {{#{module}.{node.name}}}\n"]
    parts.append(f"```python\nclass {node.name}" + (f"({bases})" if bases else "") + "\n```\n")
    parts.append(doc(node) + "\n")
    fields = [
        n for n in node.body if isinstance(n, ast.AnnAssign) and not n.target.id.startswith("_")
    ]
    if fields:
        rows = [
            [
                code(f.target.id),
                code(ast.unparse(f.annotation)),
                code(default_of(f.value)),
                plain(notes.get(f.end_lineno, "")),
            ]
            for f in fields
        ]
        parts.append(entries(rows))
    for method in [n for n in node.body if isinstance(n, ast.FunctionDef)]:
        if method.name == "__init__" and parameters(method, notes, True):
            parts.append(f"```python\n{signature(method, node.name, True)}\n```\n")
            parts.append(entries(parameters(method, notes, True)))
        elif not method.name.startswith("_"):
            title = f"{node.name}.{method.name}"
            parts.append(function_entry(method, notes, title, title, 4, f"{module}.{title}", True))
    return "\n".join(parts)


def public_names(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return None


def source_of(name: str) -> Path:
    folder = PACKAGE.joinpath(*name.split("."))
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


def modules() -> dict[str, str]:
    "Modules that are there with their purpose; one that nobody put in its place comes last."
    found = [p.relative_to(PACKAGE).with_suffix("") for p in PACKAGE.rglob("[a-z]*.py")]
    names = {".".join(p.parts) for p in found}
    packages = [p.parent for p in PACKAGE.glob("[a-z]*/__init__.py")]
    names |= {folder.name for folder in packages if not any(folder.glob("[a-z]*.py"))}
    others = sorted(names - set(MODULES) - INNER)
    first = lambda name: (
        ast.get_docstring(ast.parse(source_of(name).read_text(encoding="utf-8"))) or ""
    ).split("\n")[0]
    return {n: purpose for n, purpose in MODULES.items() if n in names} | {
        n: first(n) for n in others
    }


def module_entry(name: str, purpose: str) -> str:
    source = source_of(name).read_text(encoding="utf-8")
    tree, notes = ast.parse(source), comments(source)
    chosen = public_names(tree)
    parts = [f"## {name} {{#{name}}}\n", purpose]
    notebook = re.search(r"File to edit: (?:\.\./)+nbs/(\S+)\.ipynb", source)
    if notebook:
        parts[-1] += f" Made in the notebook [{notebook[1]}]({notebook[1]}.ipynb)."
    parts[-1] += "\n"
    constants = []
    last = {
        node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))
    }
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            if last[node.name] is not node:
                continue
            if node.name.startswith("_") or (chosen is not None and node.name not in chosen):
                continue
            if isinstance(node, ast.ClassDef):
                parts.append(class_entry(node, notes, name))
            else:
                parts.append(
                    function_entry(node, notes, node.name, node.name, 3, f"{name}.{node.name}")
                )
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if (
                isinstance(target, ast.Name)
                and target.id.isupper()
                and (chosen is None or target.id in chosen)
            ):
                constants.append(
                    [
                        code(target.id),
                        "",
                        code(default_of(node.value)),
                        plain(notes.get(node.end_lineno, "")),
                    ]
                )
    if constants:
        parts += [f"### Constants of {name} {{#{name}.constants .unlisted}}\n", entries(constants)]
    return "\n".join(parts)


def api_page() -> str:
    there = modules()
    head = ["---", "title: API reference", "toc-depth: 3", "---", ""]
    head.append(
        "Every public function, with the shape, type, unit and range of what goes in and comes out. The front door is"
    )
    head.append(
        "[`recognition.Reader`](#recognition.Reader). Shapes are NumPy's: `(N, 28, 28)` is N glyphs.\n"
    )
    head.append("| Module | What for |\n| --- | --- |")
    head += [f"| [`{name}`](#{name}) | {purpose} |" for name, purpose in there.items()]
    return (
        "\n".join(head)
        + "\n\n"
        + "\n".join(module_entry(name, purpose) for name, purpose in there.items())
    )


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


def exercises_page() -> str:
    parts = ["---", "title: Exercises", "---", ""]
    parts.append(
        "Each notebook ends with a few exercises that can be done in its own kernel, with a folded solution. Here they"
    )
    parts.append("are together: open the notebook, run it, and try before you unfold.\n")
    for notebook in sorted(NOTEBOOKS.glob("[0-9]*.ipynb")):
        found = exercises_of(notebook)
        if not found or not found[1]:
            continue
        title, tasks = found
        parts.append(
            f"## {title}\n\n[{notebook.name}, with the solutions]({notebook.name}#exercises)\n"
        )
        parts += [f"{number}. {task}" for number, task in enumerate(tasks, 1)]
        parts.append("")
    return "\n".join(parts)


# ---- the results

STORED = NOTEBOOKS / "stored"
READERS = {
    "customocr": "**customocr**",
    "tutorial": "tutorial",
    "tesseract": "Tesseract",
    "rapidocr": "RapidOCR",
}
KINDS = {
    "page": "page",
    "word": "word",
    "field": "form field",
    "boxed_row": "comb",
    "digits": "digits",
    "all": "all",
}


def rows_of(path: Path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


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
        "rapidocr": "RapidOCR",
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
    photo = run["photo"]
    tables.append(
        f"A photo of 12 megapixels takes {milliseconds(photo['ms'])} ms in process; a process that reads nothing else peaks at {photo['peak_mib']:.0f} MiB."
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
            f"Right on {found['validation_boxes']:,} boxes of {found['validation_writers']} other writers",
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
    goal = f"The tutorial's best of all epochs is {share(run['goal'])}; ours {'reached' if run['reached'] else 'did not reach'} it"
    return (
        table(["Recipe", "Glyphs shown", "Right", "Seconds", "CPU seconds"], rows)
        + f"\n\n{goal} in {run['share']:.1%} of its wall time."
    )


TABLES = {
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
}


TABLED = (
    "results.qmd",
    "diary.qmd",
    "model_card.qmd",
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
    write("api.qmd", api_page())
    write("exercises.qmd", exercises_page())
    for name in TABLED:
        write(name, with_tables((NOTEBOOKS / name).read_text(encoding="utf-8")))
