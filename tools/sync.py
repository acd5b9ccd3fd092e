#!/usr/bin/env python3
"""Keep notebooks, their py:percent twins, the exported modules and README.md in step.

The twin in nbs/percent/ is the text that people edit. The notebook in nbs/ has the same cells and adds what a text
cannot hold: cell ids and outputs. The modules in customocr/ and README.md are made from the notebooks. So a sync goes
twin -> notebook (ids and outputs of cells that are still there stay) -> clean -> module -> README.

    python tools/sync.py                    all notebooks
    python tools/sync.py 02_segmentation    one notebook and its module
    python tools/sync.py --check            change nothing, list what a sync would change, exit 1 if anything
    python tools/sync.py --run [NAME...]    execute notebooks from a fresh kernel, store their outputs, then sync
    python tools/sync.py --from-notebook NAME   the other way: take the text from the notebook (after work in plain Jupyter)
"""

import argparse
import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "nbs"
TWINS = NOTEBOOKS / "percent"
MODULES = ROOT / "customocr"
README = ROOT / "README.md"
TWIN_FORMAT = "py:percent"
KERNEL = {"display_name": "python3", "language": "python", "name": "python3"}
DIRECTIVE = re.compile(r"^#\s*\|")


def names() -> list[str]:
    "Every notebook or twin there is, without suffix, in order."
    files = [*NOTEBOOKS.glob("*.ipynb"), *TWINS.glob("*.py")]
    return sorted({file.stem for file in files if not file.name.startswith(("_", "."))})


def write_if_changed(
    file: Path,  # where to
    text: str,  # the whole content
) -> bool:  # True where the file was written
    "Write a file only when its content differs, so that times and editors stay quiet."
    if file.exists() and file.read_text(encoding="utf8") == text:
        return False
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf8")
    return True


def cleaned(
    notebook: nbformat.NotebookNode,
) -> str:  # the notebook as JSON, ready to be stored
    "nbdev's cleaning (counts, times and other traces of a run go, outputs and ids stay), and one kernel name."
    from nbdev.clean import clean_nb

    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL})
    clean_nb(notebook)
    notebook.metadata["kernelspec"] = KERNEL
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return nbformat.writes(notebook).rstrip("\n") + "\n"


def sync_pair(
    name: str,  # notebook's name without suffix
    from_notebook: bool = False,  # True: the notebook's text wins over its twin
) -> None:
    "Bring one notebook and its twin together and clean the notebook."
    notebook_file, twin_file = NOTEBOOKS / f"{name}.ipynb", TWINS / f"{name}.py"
    stored = nbformat.read(notebook_file, as_version=4) if notebook_file.exists() else None
    if from_notebook or not twin_file.exists():
        stored.metadata = nbformat.from_dict({"kernelspec": KERNEL})
        if write_if_changed(twin_file, jupytext.writes(stored, fmt=TWIN_FORMAT)):
            print(f"{twin_file.relative_to(ROOT)} <- {notebook_file.relative_to(ROOT)}")
    text = jupytext.read(twin_file, fmt=TWIN_FORMAT)
    merged = combine_inputs_with_outputs(text, stored, fmt=TWIN_FORMAT) if stored else text
    if write_if_changed(notebook_file, cleaned(nbformat.from_dict(merged))):
        print(f"{notebook_file.relative_to(ROOT)} <- {twin_file.relative_to(ROOT)}")


def export(
    chosen: list[str],  # notebooks' names without suffix
) -> None:
    "Write the modules of the chosen notebooks, the version in `__init__` and nbdev's index of symbols."
    from nbdev.config import add_init, get_config
    from nbdev.doclinks import _build_modidx
    from nbdev.export import nb_export

    for name in chosen:
        nb_export(NOTEBOOKS / f"{name}.ipynb", lib_path=MODULES)
    add_init(get_config().lib_path)
    _build_modidx()


def source_and_directives(
    source: str,  # of a code cell
) -> tuple[str, str]:  # the code without directives, the directives
    "Split a code cell into what is run and nbdev's or Quarto's `#|` lines."
    lines = source.splitlines()
    return (
        "\n".join(line for line in lines if not DIRECTIVE.match(line)).strip(),
        "\n".join(line for line in lines if DIRECTIVE.match(line)),
    )


def readme_text(
    notebook: nbformat.NotebookNode,  # nbs/index.ipynb
) -> str:  # Markdown
    "The index notebook as README: prose, code and text outputs; links to its neighbours point into nbs/."
    parts = ["<!-- Made from nbs/index.ipynb by `make sync`: edit nbs/percent/index.py. -->"]
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(re.sub(r"\]\((?!https?:|#)([^)]+)\)", r"](nbs/\1)", cell.source))
        if cell.cell_type != "code":
            continue
        code, directives = source_and_directives(cell.source)
        if re.search(r"\bhide\b|include: *false", directives) or not code:
            continue
        if "echo: false" not in directives:
            parts.append(f"```python\n{code}\n```")
        for output in cell.outputs:
            data = output.get("data", {})
            text = data.get("text/markdown") or output.get("text") or data.get("text/plain")
            if not text or "image/png" in data or "text/html" in data:
                continue
            text = "".join(text).strip("\n")
            parts.append(text if "text/markdown" in data else f"```text\n{text}\n```")
    return "\n\n".join(parts) + "\n"


def sync(
    chosen: list[str],  # notebooks' names without suffix
    from_notebook: bool = False,  # True: the notebooks' text wins over their twins
) -> None:
    "Pairs, modules and README, in this order."
    for name in chosen:
        sync_pair(name, from_notebook)
    export(chosen)
    if "index" in chosen:
        write_if_changed(
            README, readme_text(nbformat.read(NOTEBOOKS / "index.ipynb", as_version=4))
        )


def run(
    name: str,  # notebook's name without suffix
) -> None:
    "Execute a notebook from a fresh kernel and store its outputs; a cell marked `#| eval: false` keeps what it shows."
    from nbclient import NotebookClient

    file = NOTEBOOKS / f"{name}.ipynb"
    notebook = nbformat.read(file, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code" and re.search(
            r"eval: *false", source_and_directives(cell.source)[1]
        ):
            cell.metadata["tags"] = ["kept"]
    start = time.perf_counter()
    client = NotebookClient(
        notebook,
        timeout=None,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],
        skip_cells_with_tag="kept",
        resources={"metadata": {"path": str(NOTEBOOKS)}},
    )
    client.execute()
    write_if_changed(file, cleaned(notebook))
    print(f"{file.relative_to(ROOT)}: executed in {time.perf_counter() - start:.0f} s", flush=True)


def slips(
    name: str,  # notebook's name without suffix
) -> list[str]:  # what must not be stored, in words
    "Stored errors, and paths of the computer it ran on."
    found = []
    here = [
        str(path)
        for path in (ROOT, Path.home(), Path(sys.prefix), Path(tempfile.gettempdir()))
        if len(str(path)) > 3
    ]
    for cell in nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4).cells:
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                found.append(f"nbs/{name}.ipynb stores an error: {output.ename}: {output.evalue}")
            text = "".join(output.get("text", "")) + "".join(
                "".join(value)
                for kind, value in output.get("data", {}).items()
                if kind.startswith("text")
            )
            found += [
                f"nbs/{name}.ipynb: an output holds the path {path}/ of this computer"
                for path in here
                if path + "/" in text
            ]
    return found


def check() -> int:  # exit code: 0 when all agree
    "Sync a copy of the project and list what became different there."
    watched = ["nbs", "customocr", "tools", "settings.ini", "README.md"]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / ROOT.name
        for item in watched:
            if (ROOT / item).is_dir():
                shutil.copytree(
                    ROOT / item,
                    copy / item,
                    ignore=shutil.ignore_patterns("__pycache__", ".*", "models", "samples"),
                )
            elif (ROOT / item).exists():
                shutil.copy2(ROOT / item, copy / item)
        done = subprocess.run(
            [sys.executable, copy / "tools/sync.py"], cwd=copy, capture_output=True, text=True
        )
        if done.returncode:
            print(done.stdout + done.stderr)
            return 1
        made = [
            file for file in copy.rglob("*") if file.is_file() and "__pycache__" not in file.parts
        ]
        problems = [
            f"{file.relative_to(copy)} differs from what `make sync` makes of its source"
            for file in sorted(made)
            if not (ROOT / file.relative_to(copy)).exists()
            or not filecmp.cmp(file, ROOT / file.relative_to(copy), shallow=False)
        ]
    for module in sorted(MODULES.glob("*.py")):
        source = re.search(
            r"AUTOGENERATED.*File to edit: \.\./(nbs/\S+\.ipynb)", module.read_text(encoding="utf8")
        )
        if source and not (ROOT / source[1]).exists():
            problems.append(f"{module.relative_to(ROOT)} was made from {source[1]}, which is gone")
    for name in names():
        if (NOTEBOOKS / f"{name}.ipynb").exists():
            problems += slips(name)
    print(
        "\n".join(problems)
        or f"{len(names())} notebooks, their twins, the modules and README.md agree"
    )
    return 1 if problems else 0


def main() -> int:  # exit code
    "Parse the command line."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="notebooks without suffix; all when none is named")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="change nothing, list differences")
    mode.add_argument("--run", action="store_true", help="execute and store outputs first")
    mode.add_argument("--from-notebook", action="store_true", help="the notebook's text wins")
    options = parser.parse_args()
    os.chdir(ROOT)  # nbdev looks for settings.ini from here
    chosen = [Path(name).stem for name in options.names] or names()
    unknown = sorted(set(chosen) - set(names()))
    if unknown:
        parser.error(
            f"no notebook named {', '.join(unknown)} in nbs/; there are {', '.join(names())}"
        )
    if options.check:
        return check()
    if options.run:
        for name in chosen:
            sync_pair(name)
        export(chosen)
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [str(ROOT), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
        ).rstrip(os.pathsep)
        for name in chosen:
            run(name)
    sync(chosen, options.from_notebook)
    return 0


if __name__ == "__main__":
    sys.exit(main())
