"""Notebook in, notebook out: what a notebook shows as HTML or as a widget, made fit for a page without a network.

Quarto pipes each notebook through this (`ipynb-filters` in _quarto.yml). For any HTML output, a table of pandas too, it would
load scripts from elsewhere in case they are wanted; as raw HTML inside Markdown the table is the same and nothing is loaded.
A widget needs a kernel: on a page it is left out, and the prose and figures around it stand alone. A figure is numbered, and
what its `fig-alt` says is its caption too; one without gets the paragraph that leads to it as its text for those who cannot
see it. Long code is folded, its names in the line that unfolds it.
"""

import json
import re
import sys

LONGEST = 240  # characters of a text for a figure: who has it read aloud cannot skim it
LONG = 45  # lines of code that fill a screen
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
    "Number and caption a cell's figure with its `fig-alt`; where it has none, the text that leads to it says what it is."
    source = "".join(cell["source"])
    figures = sum(any(k.startswith("image/") for k in o.get("data", {})) for o in cell["outputs"])
    alt = re.search(r"^#\| *fig-alt: *(.*)$", source, re.M)
    if figures == 1 and alt and "fig-cap" not in source and "label:" not in source:
        cell["source"] = f"#| label: fig-{number}\n#| fig-cap: {alt[1]}\n{source}"
        return number + 1
    if figures and lead and not alt:
        texts = (
            lead if figures == 1 else [f"{lead} ({i} of {figures})" for i in range(1, figures + 1)]
        )
        cell["source"] = f"#| fig-alt: {json.dumps(texts, ensure_ascii=False)}\n{source}"
    return number


def fold(cell: dict) -> None:
    "Fold code that is longer than a screen."
    source = "".join(cell["source"])
    if source.count("\n") >= LONG and "code-fold" not in source:
        names = re.findall(r"^(?:def|class) (\w+)", source, re.M)
        shown = [name for name in names if not name.startswith("_")] or names
        title = (
            ", ".join(shown)
            if len(shown) <= 6
            else ", ".join(shown[:5]) + f" and {len(shown) - 5} more"
        )
        summary = f"{title or 'Code'} ({source.count(chr(10)) + 1} lines)"
        cell["source"] = f"#| code-fold: true\n#| code-summary: {json.dumps(summary)}\n{source}"


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
