"""Figures of the pages that are not notebooks, made anew at each render (build_pages.py calls this)
and not kept in git.

Charts come from the stored figures, as SVG whose colours follow the page's scheme; pictures from
the package's sample pages.
"""

import base64
import csv
import html
import io
import json
import re
from pathlib import Path
from statistics import mean, stdev

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = ROOT / "nbs"
STORED = NOTEBOOKS / "stored"
IMAGES = NOTEBOOKS / "images"
MODELS = ROOT / "customocr" / "models"
INK, OURS, THEIRS = "#123456", "#1b7a4b", "#b4641e"  # INK becomes the colour of the page's text
LEGEND = {"loc": "lower center", "bbox_to_anchor": (0.3, 1), "ncols": 2, "frameon": False}
LEGEND |= {"labelcolor": INK}  # above the plot, where it hides nothing
CROPS = ("word", "field", "boxed_row", "digits")  # pictures that are cut to what is to be read
NAMES = {
    "customocr": "customocr",
    "tutorial": "tutorial",
    "tesseract": "Tesseract 5",
    "rapidocr": "RapidOCR 1.4",
    "rapidocr3": "RapidOCR 3.10",
}


# reader -> side of its name that stands at the dot, points above it: no name lies on another
LABELS = {
    "tesseract": ("right", -14),
    "rapidocr": ("center", 9),
    "rapidocr3": ("right", -16),
}


def rows_of(path: Path) -> list[dict]:
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# ---- charts


def plot(width: float, height: float):  # inches
    "A figure and its axes, drawn in INK on nothing."
    import matplotlib as mpl

    mpl.use("svg")
    from matplotlib import pyplot as plt

    keys = "text.color axes.edgecolor axes.labelcolor xtick.color ytick.color".split()
    plt.rcParams.update(dict.fromkeys(keys, INK))
    plt.rcParams.update({"svg.fonttype": "none", "font.size": 11, "font.family": "sans-serif"})
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False})
    plt.rcParams["svg.hashsalt"] = "customocr"  # the same picture has the same ids at each render
    return plt.subplots(figsize=(width, height), layout="constrained")


def svg(figure, about: str) -> str:  # HTML
    "A figure as an inline picture with a text for those who cannot see it."
    from matplotlib import pyplot as plt

    file = io.StringIO()
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    plt.close(figure)
    text = file.getvalue()
    text = text[text.index("<svg") :].replace(INK, "currentColor")
    text = re.sub(r"<metadata>.*?</metadata>|<dc:.*?>", "", text, flags=re.DOTALL)
    label = f'<svg class="figure chart" role="img" aria-label="{html.escape(about)}" '
    return text.replace("<svg ", label, 1)


def raw(*parts: str, kind: str = "charts") -> str:  # Markdown
    "HTML as a block of a page."
    return f'```{{=html}}\n<div class="{kind}">\n' + "\n".join(parts) + "\n</div>\n```\n"


def sizes() -> dict[str, float]:  # reader -> megabytes of its models
    """How large what each reader has learnt is: ours from the files, the others as noted in
    sizes.csv."""
    noted = {r["reader"]: int(r["bytes"]) / 1e6 for r in rows_of(STORED / "pages" / "sizes.csv")}
    ours = sum(p.stat().st_size for p in MODELS.iterdir() if p.suffix in (".onnx", ".npz")) / 1e6
    tutorial = (MODELS / "characters.onnx").stat().st_size / 1e6
    return {"customocr": ours, "tutorial": tutorial, **noted}


def errors() -> dict[str, tuple[float, float]]:  # reader -> error of whole pages and of crops
    "Character error rate of whole pages, and of all crops together."
    found: dict[str, dict[str, tuple[int, float]]] = {}
    for row in rows_of(STORED / "pages" / "readers.csv"):
        counts = int(row["characters"]), float(row["cer"])
        found.setdefault(row["reader"], {})[row["kind"]] = counts
    pooled = lambda kinds: sum(n * e for n, e in kinds) / sum(n for n, _ in kinds)
    return {
        name: (kinds["page"][1], pooled([kinds[k] for k in CROPS if k in kinds]))
        for name, kinds in found.items()
        if name in NAMES
    }


def results_chart() -> str:  # Markdown
    "Error against size of every reader, whole pages and crops apart."
    size, error = sizes(), errors()
    parts = []
    for n, title in enumerate(("Whole pages", "Words, fields, combs and numbers")):
        figure, axes = plot(4.1, 3.3)
        for name, both in error.items():
            colour = OURS if name == "customocr" else THEIRS
            axes.plot(size[name], 100 * both[n], "o", color=colour, markersize=8)
            side, up = LABELS.get(name, ("left", 6))
            axes.annotate(
                NAMES[name],
                (size[name], 100 * both[n]),
                ({"left": 8, "center": 0, "right": -8}[side], up),
                textcoords="offset points",
                ha=side,
                color=colour,
            )
        axes.set(xscale="log", yscale="log", xlim=(0.5, 60), ylim=(0.4, 150), title=title)
        axes.set(xlabel="size of what it learnt, MB", ylabel="characters read wrong, %")
        axes.set_xticks([1, 3, 10, 30], ["1", "3", "10", "30"])
        axes.set_yticks([1, 3, 10, 30, 100], ["1", "3", "10", "30", "100"])
        axes.minorticks_off()
        told = "; ".join(f"{NAMES[k]} {size[k]:.1f} MB, {b[n]:.3f}" for k, b in error.items())
        parts.append(svg(figure, f"{title}, character error rate against size. {told}."))
    return raw(*parts)


def ladder_chart() -> str:  # Markdown
    "The rungs of the ladder: mean and spread over the seeds."
    rungs: dict[str, list[dict]] = {}
    for row in rows_of(STORED / "better_model" / "ladder.csv"):
        rungs.setdefault(row["rung"], []).append(row)
    figure, axes = plot(4.8, 4.4)
    columns = (("merged", "UNIPEN, new writers", OURS), ("mnist", "MNIST", THEIRS))
    for column, label, colour in columns:
        values = [[float(row[column]) for row in rows] for rows in rungs.values()]
        spread = [stdev(v) if len(v) > 1 else 0 for v in values]
        places = range(len(values))
        means = [100 * mean(v) for v in values]
        spread = [100 * s for s in spread]
        axes.errorbar(means, places, xerr=spread, fmt="o", color=colour, label=label)
    axes.set_yticks(range(len(rungs)), [f"{n}. {name}" for n, name in enumerate(rungs, 1)])
    axes.invert_yaxis()
    axes.set(xlabel="characters right, %")
    axes.legend(**LEGEND)
    about = (
        "The rungs of the ladder from the tutorial's network to the shipped recipe, with the share"
        " of characters right."
    )
    return raw(svg(figure, about))


def card_chart(names: dict[str, str]) -> str:  # Markdown
    "Accuracy of the shipped network on each set of other people's characters."
    card = json.loads((MODELS / "characters.json").read_text(encoding="utf-8")).get("test", {})
    there = [key for key in names if key in card]
    figure, axes = plot(4.8, 2.9)
    for column, label, colour in (("merged", "0 = O, 1 = I", OURS), ("top1", "36 classes", THEIRS)):
        axes.plot(
            [100 * card[k][column] for k in there],
            range(len(there)),
            "o",
            color=colour,
            label=label,
        )
    axes.set_yticks(range(len(there)), [names[k] for k in there])
    axes.invert_yaxis()
    axes.set(xlabel="characters right, %")
    axes.legend(**LEGEND)
    told = "; ".join(f"{names[k]} {card[k]['top1']:.3f}" for k in there)
    return raw(svg(figure, f"Share of characters right by set. {told}."))


# ---- pictures


def _save(name: str, image) -> None:
    import cv2

    IMAGES.mkdir(exist_ok=True)
    cv2.imwrite(str(IMAGES / name), image, [cv2.IMWRITE_JPEG_QUALITY, 82])


def path_picture() -> str:  # Markdown
    "The stages of a page, each with the notebook that makes it."
    from customocr import samples
    from customocr.recognition import Reader

    found = Reader().explain(samples.page("ruled"))
    stages = list(found.stages().values())
    shown = (  # stage, its caption, the notebook
        (stages[0], "The page, grey", "00_data.ipynb", "what there is to learn from"),
        (stages[2], "Ink or paper", "02_segmentation.ipynb", "where the characters are"),
        (stages[-1][: 74 * 2], "One glyph each", "01_model.ipynb", "what a glyph is"),
        (found.page.draw(), "Read", "03_recognition.ipynb", "what the page says"),
    )
    parts = []
    for n, (image, caption, notebook, question) in enumerate(shown):
        _save(f"_path_{n}.jpg", image)
        link = f"[{question}]({notebook})"
        parts.append(f'![{caption}: {link}](images/_path_{n}.jpg){{fig-alt="{caption}"}}\n')
    return "::: {.strip}\n" + "\n".join(parts) + "\n:::\n"


def terms_picture() -> str:  # HTML in Markdown
    "A page with the words for its parts written on it."
    from customocr import samples
    from customocr.recognition import Reader

    page = Reader().read(samples.page("address"))
    line, word, character = (
        page.lines[0],
        page.lines[1].words[-1],
        page.lines[2].words[0].characters[0],
    )
    boxes = [word.box for word in line.words]
    x0, y0 = min(b[0] for b in boxes), min(b[1] for b in boxes)
    x1, y1 = max(b[0] + b[2] for b in boxes), max(b[1] + b[3] for b in boxes)
    marks = (
        ("line", (x0, y0, x1 - x0, y1 - y0), "#1b62a8"),
        ("word", word.box, "#a3340c"),
        ("bounding box", character.box, "#1b7a4b"),
    )
    photo = base64.b64encode(samples.page("address").read_bytes()).decode()
    parts = [f'<image href="data:image/jpeg;base64,{photo}" width="626" height="422"/>']
    for name, (x, y, w, h), colour in marks:
        right = name == "word"
        at = (x + w + 6, y + h / 2 + 6) if right else (x, y - 9 if name == "line" else y + h + 26)
        parts.append(
            f'<rect x="{x - 4}" y="{y - 4}" width="{w + 8}" height="{h + 8}" fill="none"'
            f' stroke="{colour}" stroke-width="3"/><text x="{at[0]:.0f}" y="{at[1]:.0f}"'
            f' fill="{colour}" font-size="21" font-weight="600" font-family="system-ui,'
            f' sans-serif">{name}</text>'
        )
    about = (
        "A photo of an address with one line, one word and the bounding box of one character"
        " marked."
    )
    return raw(
        f'<svg class="figure" role="img" aria-label="{about}" viewBox="0 0 626 422"'
        f' width="520">{"".join(parts)}</svg>'
    )


def look_alikes_picture() -> str:  # Markdown
    "Pairs of glyphs that look alike, from the sample glyphs."
    import cv2
    import numpy as np

    from customocr import samples
    from customocr.glyphs import CLASSES

    with np.load(samples.glyphs()) as kept:
        images, labels = kept["x"], kept["y"]
    rows = []
    for pair in ("0O", "1I", "5S"):
        tiles = [images[labels == CLASSES.index(pair[n % 2])][3 + 5 * (n // 2)] for n in range(10)]
        rows.append(np.hstack([np.pad(255 - tile, 4, constant_values=255) for tile in tiles]))
    _save(
        "_look_alikes.jpg",
        cv2.resize(np.vstack(rows), None, fx=1.8, fy=1.8, interpolation=cv2.INTER_CUBIC),
    )
    caption = (
        "0 and O, 1 and I, 5 and S in turn, by five hands each. In which pairs would you know one"
        " from the other without a neighbour?"
    )
    return f"![{caption}](images/_look_alikes.jpg)\n"
