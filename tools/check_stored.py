#!/usr/bin/env python3
"""Compare every table that a notebook prints from nbs/stored/ with the files there.

A stored file is measured anew, the notebook that shows it is not run again, and the two disagree.
Running whole notebooks takes minutes. So this takes, of each notebook, the cells that show
something of a stored file, and with each only the statements it depends on: imports, definitions
and the reading of the file. They run in a copy of nbs/stored, and what they print and show must be
what the notebook stores. Pictures are not compared.

    python tools/check_stored.py [NOTEBOOK...]    exit code 1 where an output and a file disagree
"""

import __future__

import argparse
import ast
import contextlib
import difflib
import io
import os
import re
import shutil
import sys
import tempfile
import warnings
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

import nbformat

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "nbs"
STORED = "stored"  # folder in nbs/, as the notebooks name it
KINDS = ("text/plain", "text/html", "text/markdown")
NOT_RUN = re.compile(r"^#\|\s*eval:\s*false", re.MULTILINE)


LOCAL = (ast.FunctionDef, ast.Lambda, ast.ClassDef, ast.ListComp, ast.SetComp, ast.DictComp)
LOCAL += (ast.GeneratorExp,)


@dataclass
class Statement:
    "A top-level statement of a notebook."

    node: ast.stmt
    cell: int  # its cell's place in the notebook
    binds: set[str]  # names it gives a new object, whatever they held
    changes: set[str]  # names it binds perhaps, or whose object it may change
    uses: set[str]  # names it reads, in the bodies of its functions too


def root_name(
    node: ast.AST,  # such as the target of `table.loc[3] = 0`
) -> str:  # "table"; empty where there is none
    "The name at the left of attributes and subscripts."
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def names_of(
    node: ast.AST,
) -> tuple[set[str], set[str]]:  # stored and loaded, as seen from outside of functions
    """Names that a piece of code binds and reads; what is local to a function or comprehension
    stays there."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(name.asname or name.name).split(".")[0] for name in node.names}, set()
    if isinstance(node, ast.Name):
        return (set(), {node.id}) if isinstance(node.ctx, ast.Load) else ({node.id}, set())
    stored, loaded = set(), set()
    for child in ast.iter_child_nodes(node):
        some, others = names_of(child)
        stored, loaded = stored | some, loaded | others
    if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store):
        stored.add(root_name(node))
    if isinstance(node, ast.arg):
        stored.add(node.arg)
    if isinstance(node, LOCAL):
        loaded, stored = loaded - stored, set()
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        stored.add(node.name)
    return stored, loaded


def statement(
    node: ast.stmt,
    cell: int,  # its cell's place in the notebook
) -> Statement:
    "What a statement binds, changes and uses."
    changes, uses = names_of(node)
    whole = (ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Assign)
    binds = changes - uses if isinstance(node, whole) else set()
    if isinstance(node, ast.Assign):
        binds -= {root_name(t) for t in node.targets if not isinstance(t, ast.Name | ast.Tuple)}
    call = node.value if isinstance(node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):  # `table.insert(...)`
        changes.add(root_name(call.func))
    return Statement(node, cell, binds, changes - {""}, uses)


def statements(
    notebook: nbformat.NotebookNode,
) -> list[Statement]:
    "All statements in order, without cells that a test does not run."
    from IPython.core.inputtransformer2 import TransformerManager

    found: list[Statement] = []
    imported: set[str] = set()  # `plt.show()` changes nothing of ours
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and not NOT_RUN.search(cell.source):
            code = TransformerManager().transform_cell(cell.source)
            for node in ast.parse(code).body:
                one = statement(node, place)
                if isinstance(node, ast.Import | ast.ImportFrom):
                    imported |= one.binds
                else:
                    one.changes -= imported - one.binds
                found.append(one)
    return found


def needed_for(
    cell: int,  # place in the notebook
    all_of: list[Statement],
) -> list[Statement]:  # in order, the cell's own included
    "The statements of a cell, and those above that it depends on."
    in_bodies: set[str] = set()  # what a function needs may be defined below it
    while True:
        chosen: list[Statement] = []
        uses = set(in_bodies)
        for one in reversed([one for one in all_of if one.cell <= cell]):
            if one.cell == cell or one.changes & uses:
                chosen.append(one)
                uses = (uses - one.binds) | one.uses
        functions = [one for one in chosen if isinstance(one.node, ast.FunctionDef | ast.ClassDef)]
        more = set().union(*(one.uses for one in functions)) - in_bodies
        if not more:
            return chosen[::-1]
        in_bodies |= more


def names_stored(
    code: ast.AST,
) -> bool:
    "Does it name a file or folder in nbs/stored?"
    return any(
        isinstance(part, ast.Constant)
        and isinstance(part.value, str)
        and re.match(rf"{STORED}(/|$)", part.value)
        for part in ast.walk(code)
    )


def imported_code(
    node: ast.stmt,
) -> list[ast.stmt]:  # functions of this package that it imports
    "Where a notebook imports what reads the file, as `customocr.pictures.worth` does."
    if not isinstance(node, ast.ImportFrom) or not (node.module or "").startswith("customocr."):
        return []
    file = ROOT / f"{node.module.replace('.', '/')}.py"
    names = {name.name for name in node.names}
    body = ast.parse(file.read_text("utf8")).body if file.exists() else []
    return [one for one in body if isinstance(one, ast.FunctionDef) and one.name in names]


def reads_stored(
    chosen: list[Statement],
) -> bool:
    "Does one of the statements read a stored file?"
    return any(
        names_stored(code) for one in chosen for code in [one.node, *imported_code(one.node)]
    )


def shows(
    outputs: list,  # of a cell
) -> dict[str, str]:  # kind: text
    "What a cell stores apart from pictures."
    said = {"printed": "".join(o.text for o in outputs if o.get("name") == "stdout")}
    for output in outputs:
        if output.output_type == "execute_result":
            said |= {kind: "".join(output.data[kind]) for kind in KINDS if kind in output.data}
    return {kind: text.strip() for kind, text in said.items() if text.strip()}


def compiled(
    tree: ast.Expression | ast.Module,
    mode: str,  # "eval" or "exec"
) -> CodeType:
    "Code whose annotations stay text, as exported cells have them."
    flags = __future__.annotations.compiler_flag
    return compile(tree, "cell", mode, flags, dont_inherit=True)


def shown_now(
    chosen: list[Statement],
    cell: int,  # the one whose output is asked for
) -> dict[str, str]:  # kind: text
    "Run the statements; what the cell prints, and the value it ends in."
    from IPython.core.formatters import DisplayFormatter

    printed, value, names = io.StringIO(), None, {"__name__": "__main__"}
    for one in chosen:
        into = printed if one.cell == cell else io.StringIO()
        with contextlib.redirect_stdout(into), contextlib.redirect_stderr(io.StringIO()):
            if one is chosen[-1] and isinstance(one.node, ast.Expr):
                value = eval(compiled(ast.Expression(one.node.value), "eval"), names)
            else:
                exec(compiled(ast.Module([one.node], []), "exec"), names)
    said = {"printed": printed.getvalue()}
    if value is not None:
        data = DisplayFormatter().format(value, include=KINDS)[0]
        said |= {kind: text for kind, text in data.items() if kind in KINDS}
    # nbdev's cleaning takes places in memory out of stored outputs
    said = {kind: re.sub(r"(<.*?) at 0x[0-9a-fA-F]+>", r"\1>", text) for kind, text in said.items()}
    return {kind: text.strip() for kind, text in said.items() if text.strip()}


def compared_outputs(
    stored: dict[str, str],  # kind: text
    now: dict[str, str],  # kind: text
) -> list[str]:  # differences in words
    "A table once, as HTML; its plain text is as wide as a terminal was."
    kinds = [kind for kind in stored if kind != "text/plain" or "text/html" not in stored]
    return [
        f"the notebook stores (-), the files in nbs/{STORED} give (+)\n"
        + "\n".join(
            difflib.unified_diff(
                stored[kind].splitlines(), now.get(kind, "").splitlines(), n=0, lineterm=""
            )
        )
        for kind in kinds
        if stored[kind] != now.get(kind, "") and not stored[kind].startswith("<Figure size")
    ]


def disagreements(
    file: Path,  # a notebook
) -> tuple[int, list[str]]:  # cells compared; in words, where output and file disagree
    "Compare one notebook, in the folder that we are in."
    notebook = nbformat.read(file, as_version=4)
    all_of, compared, found = statements(notebook), 0, []
    for place, cell in enumerate(notebook.cells):
        stored = shows(cell.get("outputs", []))
        chosen = needed_for(place, all_of) if stored else []
        if not any(one.cell == place for one in chosen) or not reads_stored(chosen):
            continue
        compared += 1
        try:
            now = shown_now(chosen, place)
        except Exception as error:  # whatever a notebook's code raises
            found.append(f"{file.name}, cell {place}: {type(error).__name__}: {error}")
            continue
        where = f"{file.name}, cell {place}"
        found += [f"{where}: {said}" for said in compared_outputs(stored, now)]
    return compared, found


def main() -> int:  # exit code
    "Compare the notebooks that are named, or all."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("notebooks", nargs="*", help="without suffix; all when none is named")
    chosen = parser.parse_args().notebooks or sorted(f.stem for f in NOTEBOOKS.glob("*.ipynb"))
    os.environ.pop(
        "CUSTOMOCR_DATA", None
    )  # with a data folder, cells measure and write stored files anew
    os.environ.update(MPLBACKEND="agg", TF_CPP_MIN_LOG_LEVEL="3")
    sys.path.insert(0, str(ROOT))
    warnings.simplefilter("ignore")
    compared, found = 0, []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(NOTEBOOKS / STORED, Path(folder) / "nbs" / STORED)
        (Path(folder) / "customocr").symlink_to(ROOT / "customocr")
        with contextlib.chdir(Path(folder) / "nbs"):
            for name in chosen:
                count, wrong = disagreements(NOTEBOOKS / f"{name}.ipynb")
                compared, found = compared + count, found + wrong
    print("\n".join(found) or f"{compared} outputs that show stored files agree with them")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
