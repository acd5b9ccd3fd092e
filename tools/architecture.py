"""Draw the map of the package's modules from their imports, and follow one page through them.

    python tools/architecture.py            what nbs/architecture.qmd shows: nbs/_map.qmd and
                                            nbs/_journey.qmd
    python tools/architecture.py FILE.svg   the map alone, as a picture of its own

Quarto runs the first form before each render. Nothing here names a module: sub-packages, halves and
arrows come from the files. A module belongs to the half that *makes* when it needs, itself or
through another, one of the libraries for making (MAKING); all others *read*. The command opens both
halves and stands above them.
"""

import ast
import html
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "customocr"
PAGES = ROOT / "nbs"
MAKING = {"tensorflow", "keras", "tf2onnx", "onnx", "sklearn", "pandas", "seaborn", "matplotlib"}
MAKING |= {"IPython"}
DOORS = {"customocr", "cli"}  # what a user opens: the package itself and the command
LEFT_OUT = {"_modidx", "__main__"}  # nbdev's index; `python -m customocr`, which is the command


# ---- what imports what


@dataclass(frozen=True)
class Module:
    "A module of the package and what it imports, also inside functions."

    name: str  # without "customocr.", the package itself is "customocr"
    purpose: str  # how its docstring opens
    uses: dict[str, tuple[str, ...]]  # module -> names taken from it
    libraries: frozenset[str]  # other packages
    at_once: frozenset[
        str
    ]  # of what it uses: imported with the module, not later inside a function

    @property
    def folder(self) -> str:  # the sub-package it stands in, "" for none
        return self.name.rpartition(".")[0]


def modules() -> dict[str, Module]:
    "All modules of the package by name, sub-packages included."
    files = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts) or "customocr"
        if name not in LEFT_OUT:
            files[name] = path
    return {name: _module(name, path, files) for name, path in files.items()}


def opening(
    text: str,  # a docstring
) -> str:
    "Its first line, or its first sentence where that goes on in the next line."
    lines = text.split("\n\n")[0].split("\n")
    if lines[0].endswith((".", "?", "!", ":")):
        return lines[0]
    joined = " ".join(line.strip() for line in lines)
    sentence = re.match(r".+?[.?!](?= [A-Z`]|$)", joined)
    return sentence[0] if sentence else joined


def _module(name: str, path: Path, names: Iterable[str]) -> Module:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    uses: dict[str, list[str]] = {}
    libraries, at_once = set(), set()
    first = {node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))}
    inside = name if path.stem == "__init__" else name.rpartition(".")[0]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = inside.split(".") if inside not in ("", "customocr") else []
            above = above[: len(above) + 1 - node.level] if node.level else []
            start = ["customocr", *above] if node.level else []
            base = ".".join(start + ([node.module] if node.module else []))
            found = [(base, alias.name) for alias in node.names]
        else:
            continue
        for base, taken in found:
            if base.split(".")[0] != "customocr":
                libraries.add(base.split(".")[0])
                continue
            base = base.removeprefix("customocr").removeprefix(".")
            whole = f"{base}.{taken}".removeprefix(".")
            target, taken = (whole, "") if whole in names else (base or "customocr", taken)
            uses.setdefault(target, []).extend([taken] if taken else [])
            at_once |= {target} if node in first else set()
    if path.stem == "__init__":  # names that it opens only when they are asked for stand in texts
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant)]
        short = [str(t).removeprefix("customocr.").removeprefix(".") for t in texts]
        for target in set(short) & set(names) - {name}:
            uses.setdefault(target, [])
    uses.pop(name, None)
    purpose = opening(ast.get_docstring(tree) or "")
    taken = {target: tuple(dict.fromkeys(names)) for target, names in uses.items()}
    return Module(name, purpose, taken, frozenset(libraries), frozenset(at_once))


def chain(
    found: dict[str, Module],
    name: str,  # where to start
) -> list[str]:  # modules from `name` to one that needs a library for making; empty where none does
    "The shortest way on which a module comes to need a library for making."
    ways, seen = [[name]], {name}
    for way in ways:
        if found[way[-1]].libraries & MAKING:
            return way
        new = [n for n in found[way[-1]].uses if n in found and n not in seen]
        seen |= set(new)
        ways += [[*way, n] for n in new]
    return []


def halves(found: dict[str, Module]) -> dict[str, str]:  # module -> "door", "making" or "reading"
    "Which half each module belongs to."
    inside = lambda name: [n for n in found if n == name or n.startswith(name + ".")]
    made = lambda name: "making" if any(chain(found, n) for n in inside(name)) else "reading"
    return {name: "door" if name in DOORS else made(name) for name in found}


# ---- the map: boxes in rows, those above use those below


@dataclass
class Box:
    "A module, or a sub-package with its modules as lines."

    name: str
    lines: list[str]  # modules of a sub-package, those above use those below
    half: str
    takes: tuple[str, ...] = ()  # boxes that it uses without an arrow
    x: float = 0
    y: float = 0
    w: float = 0
    h: float = 0


LINE, HEAD, GAP, TEXT = 19, 28, 34, 8.3  # pixels: a line, a head, between rows; a character's width


def ordered(names: list[str], uses: dict[str, set[str]]) -> dict[str, int]:
    "Depth of each name: longest way down to it along `uses` from one that nobody in `names` uses."

    @cache
    def depth(name: str) -> int:
        above = [n for n in names if name in uses.get(n, ()) and n != name]
        return 1 + max(map(depth, above), default=-1)

    return {name: depth(name) for name in names}


def boxes_of(found: dict[str, Module]) -> tuple[dict[str, Box], dict[tuple[str, str], list[str]]]:
    """Boxes by name, and arrows (box, box) -> names taken along it; those imported at once come
    first."""
    half = halves(found)
    packages = {m.folder for m in found.values() if m.folder}
    packages -= {"customocr"}
    box_of = {name: found[name].folder or name for name in found}
    boxes: dict[str, Box] = {}
    for name in found:
        box = box_of[name]
        boxes.setdefault(box, Box(box, [], half[name]))
        if name not in packages and box != name:
            boxes[box].lines.append(name.rpartition(".")[2])
        if half[name] == "making":
            boxes[box].half = "making"
    for box in boxes.values():
        inner = {
            n: {u.rpartition(".")[2] for u in found[f"{box.name}.{n}"].uses} for n in box.lines
        }
        depths = ordered(box.lines, inner)
        box.lines.sort(key=lambda n: (depths[n], n))
    arrows: dict[tuple[str, str], list[str]] = {}
    for early in (True, False):
        for name, module in found.items():
            for target, taken in module.uses.items():
                pair = box_of[name], box_of.get(target, target)
                if pair[0] == pair[1] or pair[1] not in boxes or pair[1] in DOORS:
                    continue
                if early == (target in module.at_once):
                    arrows.setdefault(pair, []).extend(taken)
    return boxes, arrows


Arrow = tuple[str, str]


def without_circles(arrows: Iterable[Arrow]) -> tuple[list[Arrow], list[Arrow]]:  # drawn, left over
    "Take arrows one after the other; one that would close a circle is left over."
    next_of: dict[str, set[str]] = {}

    def leads(a: str, b: str) -> bool:
        return a == b or any(leads(n, b) for n in next_of.get(a, ()))

    drawn, over = [], []
    for a, b in arrows:
        if leads(b, a):
            over.append((a, b))
        else:
            next_of.setdefault(a, set()).add(b)
            drawn.append((a, b))
    return drawn, over


def reduced(arrows: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    "Arrows without those that a longer way says as well."
    next_of: dict[str, set[str]] = {}
    for a, b in arrows:
        next_of.setdefault(a, set()).add(b)

    def reaches(a: str, b: str, seen: set[str]) -> bool:
        new = next_of.get(a, set()) - seen
        return b in new or any(reaches(n, b, seen | new) for n in new)

    return {
        (a, b)
        for a in next_of
        for b in next_of[a]
        if not any(reaches(n, b, {a}) for n in next_of[a] - {b})
    }


def _middle(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def place(
    boxes: list[Box],
    arrows: set[tuple[str, str]],
    left: float,
    top: float,
    width: float,  # of the panel
) -> float:  # y under the last row
    "Put the boxes of one half in rows, users above what they use."
    names = [b.name for b in boxes]
    uses = {n: {b for a, b in arrows if a == n} for n in names}
    depths = ordered(names, uses)
    deepest = max(depths.values(), default=0)
    alone = [n for n in names if not any(n in pair for pair in arrows)]
    depths |= dict.fromkeys(alone, deepest)  # they would part those that belong together
    by_depth: dict[int, list[Box]] = {}
    for box in boxes:
        texts = [box.name + "/", *("  " + n for n in box.lines), *box.takes]
        under = len(texts) - 1
        box.w = max(map(len, texts)) * TEXT + 16
        box.h = HEAD + LINE * under + 6 * bool(under)
        by_depth.setdefault(depths[box.name], []).append(box)
    users_of = {n: [a for a, b in arrows if b == n] for n in names}
    where: dict[str, float] = {}
    y = top
    for depth in sorted(by_depth):
        centre = lambda b: _middle([where[u] for u in users_of[b.name]], left + width / 2)
        waiting = sorted(by_depth[depth], key=lambda b: (centre(b), b.name))
        while waiting:
            row = [waiting.pop(0)]
            while waiting and sum(b.w + 16 for b in [*row, waiting[0]]) <= width:
                row.append(waiting.pop(0))
            gap = (width - sum(b.w for b in row)) / (len(row) + 1)
            x = left + gap
            for box in row:
                box.x, box.y = x, y
                where[box.name] = x + box.w / 2
                x += box.w + gap
            y += max(b.h for b in row) + GAP
    return y - GAP


def api_file(
    name: str,  # of a module
    suffix: str = "qmd",  # html where Quarto does not turn links
) -> str:  # the page of the API reference that tells of it
    return f"api_{name.replace('.', '_')}.{suffix}"


def _box_svg(box: Box, found: dict[str, Module]) -> str:
    told = found[box.name].purpose if box.name in found else ""
    parts = [
        f'<g class="box {box.half}"><title>{html.escape(told)}</title>',
        f'<rect x="{box.x:.0f}" y="{box.y:.0f}" width="{box.w:.0f}" height="{box.h:.0f}" rx="5"/>',
    ]
    label = box.name + "/" * bool(box.lines)
    texts = [("name", label, box.name)]
    texts += [("part", line, f"{box.name}.{line}") for line in box.lines]
    texts += [("take", take, take[2:]) for take in box.takes]
    for i, (kind, text, target) in enumerate(texts):
        x = box.x + (22 if kind == "part" else 10)
        y = box.y + 19 + (LINE * i + 3 if i else 0)
        inner = f'<text class="{kind}" x="{x:.0f}" y="{y:.0f}">{text}</text>'
        page = api_file(target, "html")
        parts.append(inner if target in DOORS else f'<a href="{page}">{inner}</a>')
    return "".join(parts) + "</g>"


def _curve(a: Box, b: Box, others: list[Box]) -> str:
    """The way from under `a` to above `b` that passes behind the fewest other boxes and stays among
    them."""
    left = min(box.x for box in [a, b, *others]) - 6
    right = max(box.x + box.w for box in [a, b, *others]) + 6
    shares, y0, y1 = (0.5, 0.25, 0.75), a.y + a.h, b.y - 5
    best = None
    for start in shares:
        for end in shares:
            for shift in (0, -50, 50, -90, 90, -160, 160):
                xs = a.x + start * a.w, b.x + end * b.w
                bend = max(16, (y1 - y0) / 2)
                p = [
                    (xs[0], y0),
                    (xs[0] + shift, y0 + bend),
                    (xs[1] + shift, y1 - bend),
                    (xs[1], y1),
                ]
                hits = sum(_inside(_point(p, t / 24), box) for t in range(1, 24) for box in others)
                out = sum(not left < _point(p, t / 24)[0] < right for t in range(1, 24))
                cost = (
                    1000 * hits + 400 * out + abs(shift) + 20 * (start != 0.5) + 20 * (end != 0.5)
                )
                if best is None or cost < best[0]:
                    best = cost, p
    p = [f"{x:.0f},{y:.0f}" for x, y in best[1]]
    return f"M{p[0]} C{p[1]} {p[2]} {p[3]}"


def _point(p: list[tuple[float, float]], t: float) -> tuple[float, float]:
    "A point of a Bézier curve with four corners, t from 0 to 1."
    weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
    return sum(w * x for w, (x, _) in zip(weights, p)), sum(w * y for w, (_, y) in zip(weights, p))


def _inside(point: tuple[float, float], box: Box) -> bool:
    x, y = point
    return box.x - 4 <= x <= box.x + box.w + 4 and box.y - 4 <= y <= box.y + box.h + 4


def _arrow_svg(a: Box, b: Box, names: list[str], others: list[Box]) -> str:
    told = f"{a.name} uses {', '.join(dict.fromkeys(names)) or b.name} of {b.name}"
    path = _curve(a, b, [box for box in others if box is not a and box is not b])
    return f'<path d="{path}" marker-end="url(#tip)"><title>{html.escape(told)}</title></path>'


TITLES = {
    "reading": ("What reads", "NumPy, OpenCV, ONNX Runtime"),
    "making": ("What makes", "data, training, writing; Keras"),
}
STYLE = """<style>
.map { max-width: 100%; height: auto; }
.map text { font: 14px ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
  fill: var(--bs-body-color, #22262b); }
.map text.part { font-size: 13px; } .map text.take { font-size: 13px; fill: #7d8ca0; }
.map .title { font: 600 16px system-ui, sans-serif; } .map .under { font: 13px system-ui, sans-serif; }
.map rect { fill: var(--bs-body-bg, #fff); stroke: #7d8ca0; } .map .panel { stroke: none; }
.map .panel.reading { fill: rgba(27, 98, 168, .10); } .map .panel.making { fill: rgba(180, 100, 20, .11); }
.map .box.making rect { stroke: #b4641e; } .map .box.reading rect { stroke: #1b62a8; }
.map path { fill: none; stroke: #7d8ca0; stroke-width: 1.4; } .map marker path { fill: #7d8ca0; stroke: none; }
.map path:hover { stroke-width: 3.5; } .map a { text-decoration: none; } .map a:hover text { text-decoration: underline; }
</style>"""  # noqa: E501
TIP = (
    '<defs><marker id="tip" viewBox="0 0 8 8" refX="4" refY="4" markerWidth="6" markerHeight="6" '
    'orient="auto"><path d="M0,0 L8,4 L0,8 z"/></marker></defs>'
)
EDGE = 10  # pixels around the panels
MANY = 7  # boxes that use a box from which on it stands apart, without arrows


def svg(
    found: dict[str, Module],
    width: int,  # pixels; from 700 on the halves stand beside each other
) -> str:
    "The map as an SVG picture."
    boxes, arrows = boxes_of(found)
    users = lambda name: sum(b == name for _, b in arrows)
    ground = sorted(n for n, b in boxes.items() if b.half == "reading" and users(n) >= MANY)
    arrows = {(a, b): names for (a, b), names in arrows.items() if not {a, b} & set(ground)}
    same = [(a, b) for a, b in arrows if boxes[a].half == boxes[b].half != "door"]
    drawn, circles = without_circles(same)
    within = reduced(drawn)
    for a, b in sorted(arrows):
        if boxes[a].half != boxes[b].half:
            boxes[a].takes += ("→ " + b,)
    for a, b in sorted(circles):
        boxes[a].takes += ("⇢ " + b,)
    half_of = lambda half: [b for n, b in boxes.items() if b.half == half and n not in ground]
    beside = width >= 700
    panel = (width - 3 * EDGE) / 2 if beside else width - 2 * EDGE
    parts, start, stops = [], place(half_of("door"), set(), EDGE, EDGE, width - 2 * EDGE) + 20, []
    for n, half in enumerate(TITLES):
        left = EDGE + n * (panel + EDGE) * beside
        top = start if beside or not n else stops[-1] + 16
        stops.append(place(half_of(half), within, left, top + 58, panel) + 14)
        parts.append((half, left, top))
    texts = []
    for (half, left, top), stop in zip(parts, stops):
        stop = max(stops) if beside else stop
        title, under = TITLES[half]
        texts.append(
            f'<rect class="panel {half}" x="{left:.0f}" y="{top:.0f}" width="{panel:.0f}" '
            f'height="{stop - top:.0f}" rx="8"/>'
            f'<text class="title" x="{left + 12:.0f}" y="{top + 24:.0f}">{title}</text>'
            f'<text class="under" x="{left + 12:.0f}" y="{top + 43:.0f}">{under}</text>'
        )
    end = max(stops)
    bottom = place([boxes[n] for n in ground], set(), EDGE, end + 40, width - 2 * EDGE)
    texts.append(
        f'<text class="under" x="{EDGE + 12}" y="{end + 26:.0f}">'
        "Used by so many that no arrow is drawn:</text>"
    )
    for a, b in sorted(within):
        texts.append(_arrow_svg(boxes[a], boxes[b], arrows[a, b], half_of(boxes[a].half)))
    texts += [_box_svg(box, found) for box in boxes.values()]
    about = f"Map of the {len(found)} modules in two halves, what reads and what makes."
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="map figure" width="{width}" '
        f'viewBox="0 0 {width} {bottom + EDGE:.0f}" role="img" aria-label="{about}">'
        f"{STYLE}{TIP}{''.join(texts)}</svg>"
    )


def map_page() -> str:  # Markdown
    "The map for a wide screen and for a phone."
    found = modules()
    pictures = [
        f'<div class="{kind}">{svg(found, width)}</div>'
        for kind, width in (("on-wide", 860), ("on-phone", 370))
    ]
    return "```{=html}\n" + "\n".join(pictures) + "\n```\n"


def list_page() -> str:  # Markdown
    "The modules of each half with what each is for."
    found = modules()
    half = halves(found)
    parts = []
    for chosen, title in (("door", "What opens it"), *((h, t[0]) for h, t in TITLES.items())):
        parts.append(f"**{title}**\n")
        names = [n for n in found if half[n] == chosen]
        said = lambda n: f"`{n}`" if n in DOORS else f"[`{n}`]({api_file(n)})"
        parts += [f"- {said(n)}: {found[n].purpose}" for n in names]
        parts.append("")
    return "\n".join(parts)


# ---- the journey of one page


@dataclass
class Step:
    "A function on the way of a page, as it was called there."

    module: str  # without "customocr."
    name: str
    depth: int  # of the call, within those that are told
    purpose: str  # how its docstring opens
    gives: str
    times: int = 1


def form(value: object) -> str:
    "What a value is, in a few characters: type and shape, or how many of what."
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return f"{value.dtype} {value.shape}" if value.shape else str(value.dtype)
    if isinstance(value, (list, tuple)) and value:
        kinds = list(dict.fromkeys(map(form, value)))
        if len(kinds) == 1:
            return f"{len(value)} × {kinds[0]}"
        few = len(value) == len(kinds) < 4
        return ", ".join(kinds) if few else f"{len(value)} × {kinds[0]}, …"
    return type(value).__name__


PLAIN = (bool, int, str, bytes, type(None), Path)  # what a helper gives, not what a page becomes
DEEPEST = 6  # calls within calls that are told


def journey(
    page: str = "ruled",  # a sample page
) -> list[Step]:  # in the order of the calls, each function once
    """Read a sample page and note which function made what.

    Told are the reader's own functions and the first function of each other module that a call
    enters.
    """
    from customocr import samples
    from customocr.recognition import Reader

    reader, source = Reader(), samples.page(page)
    reader.read(source)  # the tables are loaded before anything is noted
    steps: dict[tuple[str, str], Step] = {}
    calls: list[tuple[str, str, bool]] = []  # module, function, told

    def note(frame: FrameType, event: str, value: object) -> None:
        module, code = frame.f_globals.get("__name__", ""), frame.f_code
        if not module.startswith("customocr."):
            return
        module, name = module.removeprefix("customocr."), code.co_qualname
        if event == "call":
            entered = not calls or calls[-1][0] != module
            known = code.co_consts[0] if code.co_consts else None
            told = isinstance(known, str) and "<" not in name and "__" not in name
            told = told and ("." not in name or name.startswith("Reader."))
            told = told and (module == "recognition" or (entered and not name.startswith("_")))
            calls.append((module, name, told))
            if told and (module, name) not in steps:
                depth = sum(call[2] for call in calls) - 1
                steps[module, name] = Step(module, name, depth, opening(known), "", 0)
        elif event == "return" and calls and calls.pop()[2]:
            step = steps[module, name]
            step.times += 1
            step.gives = step.gives or ("" if isinstance(value, PLAIN) else form(value))

    sys.setprofile(note)
    try:
        reader.read(source)
    finally:
        sys.setprofile(None)
    return [s for s in steps.values() if s.gives and s.depth <= DEEPEST]


def journey_page() -> str:  # Markdown
    "The steps as a list, calls within calls set in."
    return "\n".join(
        f"{'  ' * s.depth}- `{s.name}` ([{s.module}]({api_file(s.module)})) → `{s.gives}`."
        f" {s.purpose}"
        for s in journey()
    )


if __name__ == "__main__":
    if sys.argv[1:]:
        Path(sys.argv[1]).write_text(svg(modules(), 860), encoding="utf-8")
    else:
        (PAGES / "_map.qmd").write_text(map_page(), encoding="utf-8")
        (PAGES / "_modules.qmd").write_text(list_page(), encoding="utf-8")
        (PAGES / "_journey.qmd").write_text(journey_page(), encoding="utf-8")
