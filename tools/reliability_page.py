"""Tables and chart of the site's page on reliability, from what `benchmarks/reliability.py` stored.

build_pages.py calls this at each render. A part that was not run leaves its table out.
"""

import json
from statistics import median

import figures

STORED = figures.STORED / "reliability" / "reliability.json"
GOAL_SECONDS, GOAL_MEMORY = 3, 600  # as in benchmarks/reliability.py
CASES = {"mutated": "damaged files", "hostile": "hostile pages"}
KILLED = {
    "kills": "`customocr read` of a folder",
    "collect": "`customocr collect`",
    "train": "training, with `resume`",
    "teach": "`customocr teach`",
}
KINDS = {
    "grain": "noise",
    "texture": "waves and hatching",
    "scribble": "scribble",
    "specks": "thousands of specks",
    "frames": "frames in frames",
    "extreme": "extreme sizes",
    "crowd": "letters over letters",
}
TARGETS = {
    "image": "the content of an image file",
    "pattern": "a pattern for a line",
    "page": "strokes on paper",
    "array": "an array of pixels",
    "lexicon": "a file of words",
    "model": "a character network",
    "glyphs": "arrays, tables and zips of glyphs",
    "manifest": "a table of examples",
}


def stored() -> dict:
    return json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else {}


def table(head: list, rows: list) -> str:
    "A Markdown table; all but the first column to the right."
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def cases_table() -> str:
    "Damaged files and hostile pages: what became of them, the slowest and the largest."
    run = stored()
    there = [key for key in CASES if key in run]
    row = lambda name, of: [name, *(of(run[key]) for key in there)]
    count = lambda name: lambda part: f"{part[name]:,}"
    return table(
        ["", *(CASES[key] for key in there)],
        [
            row("tried", count("cases")),
            row("read", count("read")),
            row("refused in one line", count("refused")),
            row("crashes and hangs", count("crash")),
            row("exceptions that are not ours", count("foreign")),
            row("read, but a promise broken", count("wrong")),
            row("not read to the end (`complete` is `False`)", count("incomplete")),
            row("median of a page, seconds", lambda p: f"{p['seconds']['median']:.3f}"),
            row("99 of 100 are done within, seconds", lambda p: f"{p['seconds']['99 %']:.2f}"),
            row("slowest page, seconds", lambda p: f"{p['seconds']['most']:.1f}"),
            row(f"slower than {GOAL_SECONDS} seconds", count("over the time")),
            row("most memory of the process, MB", lambda p: f"{p['MB']['most']:.0f}"),
            row(f"above {GOAL_MEMORY} MB", count("over the memory")),
        ],
    )


def kills_table() -> str:
    "What was killed, how often, and what was wrong afterwards."
    run = stored()
    rows = [
        [name, run[key]["kills"], run[key]["runs"], len(run[key]["wrong"])]
        for key, name in KILLED.items()
        if key in run
    ]
    return table(["", "kills", "runs", "lost, doubled or different"], rows)


def reads_table() -> str:
    "Memory and open files of one process that reads again and again."
    run = stored()["reads"]
    first = next(iter(run["MB"]))
    return table(
        ["One process", ""],
        [
            ["reads", f"{run['reads']:,}"],
            [f"memory after {first} reads, MB", f"{run[f'MB after {first}']:.0f}"],
            ["memory at the end, MB", f"{run['MB at the end']:.0f}"],
            ["growth", f"{run['growth']:.1%}"],
            ["files left open", run["files left open"]],
        ],
    )


def steady_table() -> str:
    "What small changes of a picture do to its text."
    run = stored()["steady"]
    rows = [
        [
            name,
            of["changed"],
            of["better"],
            of["worse"],
            f"{of['worse'] / of['right before']:.1%}",
            f"{of['long texts the same'] / of['long texts']:.1%}",
        ]
        for name, of in run.items()
        if name != "made"
    ]
    any_of = next(of for name, of in run.items() if name != "made")
    head = [
        f"{any_of['pictures']} pictures, {any_of['right before']} read right",
        *("texts changed", "now right", "now wrong", "of those read right"),
        f"the same, of {any_of['long texts']} long texts",
    ]
    return table(head, rows)


def fuzz_table() -> str:
    "Inputs that each target was given by the search."
    run = stored()["fuzz"]
    rows = [
        [
            what,
            f"{run[name]['inputs']:,}",
            run[name]["seconds"],
            "yes" if run[name]["broken"] else "no",
        ]
        for name, what in TARGETS.items()
        if name in run
    ]
    return table(["Target", "inputs", "processor seconds", "broken"], rows)


def made_table() -> str:
    "When and where each part was run."
    names = CASES | KILLED | {"reads": "reads by one process", "fuzz": "search"}
    names |= {"steady": "changed pictures"}
    made = {name: stored()[key]["made"] for key, name in names.items() if key in stored()}
    rows = [[name, m["date"], f"`{m['commit']}`", m["machine"]] for name, m in made.items()]
    return table(["Part", "date", "commit", "machine"], rows)


TABLES = {
    "reliability_cases": cases_table,
    "reliability_kills": kills_table,
    "reliability_reads": reads_table,
    "reliability_steady": steady_table,
    "reliability_fuzz": fuzz_table,
    "reliability_made": made_table,
}


def chart() -> str:  # Markdown
    "Seconds of hostile pages by kind: the median and the way to the slowest."
    each = stored()["hostile"]["seconds of each page"]
    there = sorted((k for k in KINDS if k in each), key=lambda k: max(each[k]))
    figure, axes = figures.plot(6.2, 3.1)
    for row, kind in enumerate(there):
        middle, most = (max(0.01, f(each[kind])) for f in (median, max))
        axes.plot([middle, most], [row, row], color=figures.INK, linewidth=1)
        axes.plot(middle, row, "o", color=figures.OURS, label="median" if not row else None)
        slowest = "slowest page" if not row else None
        axes.plot(most, row, "D", color=figures.THEIRS, label=slowest)
    axes.axvline(GOAL_SECONDS, color=figures.INK, linewidth=0.8, linestyle="--")
    axes.set_yticks(range(len(there)), [KINDS[k] for k in there])
    axes.set(xscale="log", xlabel="processor seconds a page", xlim=(0.008, 60))
    axes.set_xticks([0.01, 0.1, 1, 3, 10], ["0.01", "0.1", "1", "3", "10"])
    axes.minorticks_off()
    axes.legend(**figures.LEGEND)
    told = "; ".join(f"{KINDS[k]} {median(each[k]):.2f}, {max(each[k]):.2f}" for k in there)
    about = "Processor seconds of hostile pages by kind, median and slowest."
    return figures.raw(figures.svg(figure, f"{about} {told}."))
