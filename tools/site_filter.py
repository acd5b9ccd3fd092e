"""Notebook in, notebook out: what a notebook shows as HTML or as a widget, made fit for a page
without a network.

Quarto pipes each notebook through this (`ipynb-filters` in _quarto.yml). For any HTML output, a
table of pandas too, it would load scripts from elsewhere in case they are wanted; as raw HTML
inside Markdown the table is the same and nothing is loaded. A widget needs a kernel: on a page it
is left out, and the prose and figures around it stand alone. A figure with a text of its own is
numbered: its `fig-cap` is the caption, or what its `fig-alt` says where it has no other. A figure
without a `fig-alt` gets the paragraph that leads to it as its text for those who cannot see it.
Imports, checks and long code are folded; the line that unfolds them says what is inside.
"""

import ast
import json
import re
import sys

LONGEST = 240  # characters of a text for a figure: who has it read aloud cannot skim it
LONG = 15  # lines of code that a reader takes in at one look
SHORT = 2  # lines of imports or checks that are left to stand
WIDGET = "application/vnd.jupyter.widget-view+json"


def fit(
    output: dict,
) -> list[dict]:  # what the page shows in its place: nothing, one or two outputs
    data = output.get("data", {})
    picture = {kind: value for kind, value in data.items() if kind.startswith("image/")}
    if WIDGET in data:
        return []
    if picture:  # a page of text shows both, and of the two Quarto would show the text alone
        text = (
            [{**output, "data": {"text/markdown": data["text/markdown"]}}]
            if "text/markdown" in data
            else []
        )
        return [{**output, "data": picture}, *text]
    if "text/html" in data:
        html = "".join(data["text/html"])
        return [{**output, "data": {"text/markdown": f"\n```{{=html}}\n{html}\n```\n"}}]
    return [output]


def last_paragraph(markdown: str) -> str:
    "The last paragraph of a prose cell as plain text; empty where it ends otherwise."
    paragraphs = [
        p
        for p in re.split(r"\n\s*\n", markdown.strip())
        if not re.match(r"\s*(#|>|```|<|\||:::|[-*] )", p)
    ]
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", paragraphs[-1]) if paragraphs else ""
    text = " ".join(re.sub(r"[*`@\\]", "", text).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rsplit(" ", 1)[0] + " …"


def tell(cell: dict, lead: str, number: int) -> int:  # the next figure's number
    """Number a cell's figure and caption it, with its `fig-alt` where it has no `fig-cap`; where it
    has no `fig-alt`, the text that leads to it says what it is."""
    source = "".join(cell["source"])
    figures = sum(any(k.startswith("image/") for k in o.get("data", {})) for o in cell["outputs"])
    alt = re.search(r"^#\| *fig-alt: *(.*)$", source, re.M)
    own = "fig-cap" in source
    if figures and lead and not alt:
        texts = (
            lead if figures == 1 else [f"{lead} ({i} of {figures})" for i in range(1, figures + 1)]
        )
        source = f"#| fig-alt: {json.dumps(texts, ensure_ascii=False)}\n{source}"
    if figures == 1 and (alt or own) and "label:" not in source:
        caption = "" if own or not alt else f"#| fig-cap: {alt[1]}\n"
        source = f"#| label: fig-{number}\n{caption}{source}"
        number += 1
    cell["source"] = source
    return number


def parsed(source: str) -> list[ast.stmt]:
    "The statements of a cell; none where it holds what is not Python, a magic for example."
    try:
        return ast.parse(source).body
    except SyntaxError:
        return []


def title(source: str) -> str:
    "What a folded cell holds: its names and what they are for, or the comment it begins with."
    body = parsed(source)
    if body and all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in body):
        return "Imports"
    if body and all(isinstance(node, ast.Assert) for node in body):
        return "Checks"
    named = [n for n in body if isinstance(n, (ast.FunctionDef, ast.ClassDef))]
    shown = [n for n in named if not n.name.startswith("_")] or named
    if len(shown) == 1:
        said = (ast.get_docstring(shown[0]) or "").split("\n")[0]
        said = re.split(r"(?<=[.:;])\s", said)[0].rstrip(".:;")
        return shown[0].name + (f": {said[:1].lower() + said[1:]}" if said else "")
    if shown:
        rest = len(shown) - 5
        return ", ".join(n.name for n in shown[:5]) + (f" and {rest} more" if rest > 0 else "")
    comment = re.match(r"\s*# *(?![|%])(.+)", re.sub(r"(?m)^#\|.*\n", "", source))
    return comment[1].strip() if comment else "Code"


def fold(cell: dict) -> None:
    "Fold what the story does not need: imports, checks, and code that is longer than one look."
    source = "".join(cell["source"])
    if "code-fold" in source or "echo: false" in source:
        return
    lines = [line for line in source.strip().split("\n") if not line.startswith("#|")]
    name = title(source)
    if len(lines) > (SHORT if name in ("Imports", "Checks") else LONG):
        summary = json.dumps(f"{name} ({len(lines)} lines)", ensure_ascii=False)
        cell["source"] = f"#| code-fold: true\n#| code-summary: {summary}\n{source}"


if __name__ == "__main__":
    notebook = json.load(sys.stdin)
    lead, number = "", 1
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            lead = last_paragraph("".join(cell["source"])) or lead
        if "outputs" in cell:
            cell["outputs"] = [new for output in cell["outputs"] for new in fit(output)]
            number = tell(cell, lead, number)
            fold(cell)
        cell["source"] = "".join(cell["source"]).splitlines(
            keepends=True
        )  # the form in which Quarto keeps line breaks
    notebook.get("metadata", {}).pop("widgets", None)
    json.dump(notebook, sys.stdout)
