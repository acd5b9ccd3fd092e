"""Write the API reference from the package's files: signatures, docstrings, and the comments beside
parameters (docments).

What kept libraries do of it, and why this stays: quartodoc and griffe read docstrings only, and
here a parameter is told by the comment beside it. fastcore's `docments`, which nbdev's `show_doc`
uses, needs the modules imported, TensorFlow with them (23 s against 0.3 s), and loses the comment
of 26 in 495 parameters, those whose annotation takes several lines. So the files are read with
`ast` and `tokenize`, and Quarto does the rest.
"""

import ast
import html
import io
import re
import tokenize
from pathlib import Path

from architecture import LEFT_OUT, PACKAGE, api_file, halves, modules

FRONT = (
    "recognition",
    "images",
    "decoding",
    "confusion_fixes",
    "glyphs",
)  # what a user meets first
INNER = {"cli"}  # the command, which --help explains


def comments(source: str) -> dict[int, str]:
    "Comment of each line, without its hash."
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    found, above = {}, []
    for token in tokens:
        if token.type == tokenize.COMMENT:
            text, line = token.string.lstrip("# ").strip(), token.start[0]
            if text.startswith("%%"):  # where a cell of the notebook begins
                above = []
            elif token.line.lstrip().startswith("#"):  # a long one stands above what it is about
                above = (
                    [*above, (line, text)] if above and above[-1][0] == line - 1 else [(line, text)]
                )
            else:
                found[line] = text
        elif above and token.start[0] == above[-1][0] + 1 and token.string.strip():
            found.setdefault(token.start[0], " ".join(text for _, text in above))
    return found


def plain(text: str) -> str:
    "Text of a comment or docstring, safe in Markdown; what stands in backticks is code and stays."
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [re.sub(r"([*_$\[\]])", r"\\\1", html.escape(p, quote=False)) for p in parts[::2]]
    return "".join(parts)


def code(text: str) -> str:
    "Code, or nothing."
    if "`" in text:  # a longer fence, and a space that Markdown takes away
        return f"`` {text} ``"
    return f"`{text}`" if text else ""


def doc(node) -> str:
    text = ast.get_docstring(node) or ""
    return plain(re.sub(r"[ \t]+\n", "\n", text))


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
    parts = [f"## {node.name} {{#{module}.{node.name}}}\n"]
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
            parts.append(function_entry(method, notes, title, title, 3, f"{module}.{title}", True))
    return "\n".join(parts)


def public_names(tree: ast.Module) -> list[str] | None:
    for node in tree.body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    return None


def source_of(name: str) -> Path:
    path = PACKAGE.joinpath(*name.split(".")) if name != "customocr" else PACKAGE
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def told() -> dict[str, str]:  # module -> what it is for
    "Modules in the order a reader meets them: the front, what else reads, what makes."
    found = modules()
    half = halves(found)
    place = {name: n for n, name in enumerate(FRONT)}
    key = lambda n: (half[n] == "making", place.get(n, len(place)), n)
    names = [n for n in sorted(found, key=key) if n not in INNER | LEFT_OUT]
    return {n: found[n].purpose for n in names if n != "customocr"}


def module_page(
    name: str,  # of a module
    purpose: str,  # its first sentence
) -> str:  # Markdown
    "The page of one module: its constants, functions and classes."
    source = source_of(name).read_text(encoding="utf-8")
    tree, notes = ast.parse(source), comments(source)
    chosen = public_names(tree)
    parts = [f"---\ntitle: {name}\ntoc-depth: 3\n---\n", plain(purpose)]
    notebook = re.search(r"File to edit: (?:\.\./)+nbs/(\S+)\.ipynb", source)
    if notebook:
        parts[-1] += f" Made in the notebook [{notebook[1]}]({notebook[1]}.ipynb)."
    parts[-1] += " All modules: [API reference](api.qmd).\n"
    inner = [n for n in modules() if n.startswith(f"{name}.")]
    parts += [f"- [`{n}`]({api_file(n)})" for n in inner] + [""] * bool(inner)
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
                    function_entry(node, notes, node.name, node.name, 2, f"{name}.{node.name}")
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
        parts += [f"## Constants {{#{name}.constants}}\n", entries(constants)]
    return "\n".join(parts)


def api_pages() -> dict[str, str]:  # file name -> Markdown
    "A page for each module, and one that leads to them."
    there = told()
    pages = {api_file(name): module_page(name, purpose) for name, purpose in there.items()}
    return {"api.qmd": front_page(there)} | pages


def front_page(
    there: dict[str, str],  # module -> what it is for
) -> str:  # Markdown
    "The map of the modules, and a table of them."
    parts = ["---", "title: API reference", "---", ""]
    parts.append(
        "Where is the function that you need? Each module has a page. It tells every public"
        " function with the shape, type, unit and range of what goes in and comes out. Most"
        " programs need"
        f" only [`recognition.Reader`]({api_file('recognition')}#recognition.Reader).\n"
    )
    parts.append("{{< include _map.qmd >}}\n")
    parts.append(
        "The modules that read come first, then those that make ([Architecture](architecture.qmd)"
        " says why they are apart). Shapes are NumPy's: `(N, 28, 28)` is N glyphs.\n"
    )
    parts.append("| Module | What for |\n| --- | --- |")
    parts += [f"| [`{name}`]({api_file(name)}) | {purpose} |" for name, purpose in there.items()]
    return "\n".join([*parts, ""])
