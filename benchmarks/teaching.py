#!/usr/bin/env python3
"""What a few examples of one hand are worth: errors before and after teaching, and what is lost.

    python benchmarks/teaching.py [DATA] [--only SECTION ...] [--json OUT]

DATA is a data folder (default: $CUSTOMOCR_DATA). The settings of the lesson on characters were
chosen on UNIPEN's validation writers, MNIST digits that only validate (also scanned small),
capitals of five other collections, and signs of other seeds, not on these sets. They were measured
here three times: each time the figures sent us back to the validation sets, the last time because
5 examples cut the errors by less than before. The lesson on lines is another
matter: six variants of it, and up to four weights of cuts and steps for each, were compared on the
very words that `words` reads. They made 1 to 4 errors; the one that is kept makes 4.

  writers  ten of UNIPEN's test writers; 5 and 20 examples of each class, but never more than half
           of what the writer wrote; measured on the rest. `merged`: 0 and O, 1 and I count as one.
  words    the word images of `writein_words`: every second one with its text teaches, the others
           are read by the whole reader (character error rate); `others`: every third picture of
           words and fields by other hands
  letters  `bishwaprotapi_36`, characters on paper: 10 of each class, the others are read
  signs    ten signs that the network does not have, 20 drawn examples each; 50 of other hands are
           read (recall)

Each section also reads the general test sets before and after: chars74k, bishwaprotapi,
alphadigits, USPS, MNIST's test part and UNIPEN's test writers; `lost` is the mean loss of accuracy
over them.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from page_errors import edit_distance, solid, truth

from customocr import teaching
from customocr.collecting import collect_page, save_examples
from customocr.data import load_unipen, split_unipen
from customocr.errors import CustomOCRError
from customocr.glyphs import CLASSES, normalise_glyphs
from customocr.line_network import LINES
from customocr.recognition import MODELS, Reader
from customocr.training import unseen_sets
from customocr.writing.signs import draw_signs

WRITERS = (
    "syn/013", "syn/005", "syn/017", "apb/031", "app/010", "ibm/019", "apa/001", "app/005",
    "apa/003", "aga/002",
)  # fmt: skip
COUNTS = (5, 20)
SIGNS = "+-=/.,()%:"
MERGED = np.arange(100)
MERGED[[CLASSES.index("O"), CLASSES.index("I")]] = CLASSES.index("0"), CLASSES.index("1")


class Sets:
    "The general test sets as features of the shipped network."

    def __init__(self, teacher: teaching.Teacher, data: str | None):
        self.sets = {
            name: (teacher.start.features(normalise_glyphs(one.images)), one.labels.astype(int))
            for name, one in unseen_sets(data).items()
        }
        self.before = self.right(teacher.start)

    def right(self, ending: teaching.Ending) -> dict[str, float]:
        "The share of each set that is read right; letters and digits compete, new classes too."
        return {
            name: float((ending.chances(features).argmax(1) == labels).mean())
            for name, (features, labels) in self.sets.items()
        }

    def lost(self, after: teaching.Ending) -> dict[str, float]:
        "How much accuracy each set loses, and all on average; below 0: it gains."
        now = self.right(after)
        lost = {name: self.before[name] - now[name] for name in now}
        return lost | {"mean": float(np.mean(list(lost.values())))}


def some_of_each(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    "Indices of at most so many examples of each class, and at most half of them."
    rng, taken = np.random.default_rng(seed), []
    for c in np.unique(labels):
        rows = rng.permutation(np.flatnonzero(labels == c))
        taken += rows[: min(most, len(rows) // 2)].tolist()
    return np.array(taken)


def errors(ending: teaching.Ending, features: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    "The share read wrong, and the same with 0 = O, 1 = I."
    said = ending.chances(features).argmax(1)
    return {
        "error": float((said != labels).mean()),
        "merged": float((MERGED[said] != MERGED[labels]).mean()),
    }


def taught(teacher, images: np.ndarray, labels: np.ndarray, most: int) -> tuple[dict, object]:
    "Teach some of each class, read the others."
    rows = some_of_each(labels, most, seed=5)
    rest = np.setdiff1d(np.arange(len(labels)), rows)
    own = teaching.distinct(normalise_glyphs(images[rows]), [CLASSES[k] for k in labels[rows]])
    begun = time.perf_counter()
    after, _ = teacher.lesson(own)
    seconds = time.perf_counter() - begun
    features = teacher.start.features(normalise_glyphs(images[rest]))
    found = {
        "examples": len(own),
        "of each class": len(own) / len(set(own.labels)),
        "read": len(rest),
        "before": errors(teacher.start, features, labels[rest]),
        "after": errors(after, features, labels[rest]),
        "seconds": seconds,
    }
    return found, after


def cut(found: list[dict], which: str = "error") -> float:  # 0..1, mean over writers
    "By which share the error falls, on average; a writer without an error counts as 0."
    pairs = [(f["before"][which], f["after"][which]) for f in found]
    return float(np.mean([1 - b / a if a else -float(b > 0) for a, b in pairs]))


def measure_writers(teacher, sets: Sets, data) -> dict:
    "Ten hands, few examples and more."
    unipen = load_unipen(data)
    test = split_unipen(unipen)[2]
    writers = np.array(unipen.writer_names)[unipen.writer[test]]
    out = {}
    for most in COUNTS:
        found, lost = {}, []
        for name in WRITERS:
            rows = test[writers == name]
            labels = unipen.labels[rows].astype(int)
            found[name], after = taught(teacher, unipen.images[rows], labels, most)
            lost.append(sets.lost(after))
            print(most, name, found[name], "lost", round(lost[-1]["mean"], 4), flush=True)
        rows = list(found.values())
        out[str(most)] = {
            "writers": found,
            "examples of each class": float(np.mean([f["of each class"] for f in rows])),
            "error before": float(np.mean([f["before"]["error"] for f in rows])),
            "error after": float(np.mean([f["after"]["error"] for f in rows])),
            "cut": cut(rows),
            "merged before": float(np.mean([f["before"]["merged"] for f in rows])),
            "merged after": float(np.mean([f["after"]["merged"] for f in rows])),
            "merged cut": cut(rows, "merged"),
            "lost": {name: float(np.mean([one[name] for one in lost])) for name in lost[0]},
        }
    return out


def measure_letters(teacher, sets: Sets, data) -> dict:
    "Characters on paper: ten of each class."
    one = unseen_sets(data)["bishwaprotapi_36"]
    found, after = taught(teacher, one.images, one.labels.astype(int), 10)
    return found | {"lost": sets.lost(after)}


def measure_signs(teacher, sets: Sets, data) -> dict:
    "Ten new classes."
    glyphs, labels, _ = draw_signs(SIGNS, 20, seed=1)
    after, _ = teacher.lesson(teaching.distinct(glyphs, labels))
    unseen, names, _ = draw_signs(SIGNS, 50, seed=2)
    said = after.chances(teacher.start.features(unseen)).argmax(1)
    right = np.array([after.symbols[k] for k in said]) == np.array(names)
    each = {c: float(right[np.array(names) == c].mean()) for c in SIGNS}
    return {"recall": float(right.mean()), "of each": each, "lost": sets.lost(after)}


def read_all(reader: Reader, pages: list) -> float:  # character error rate
    "Read the word images."
    pairs = [(solid(reader.read(str(path)).text), solid(text)) for path, text in pages]
    return sum(edit_distance(*pair) for pair in pairs) / sum(len(text) for _, text in pairs)


def measure_words(teacher, sets: Sets, data) -> dict:
    "Word images of few hands: every second one teaches."
    root = Path(data or os.environ["CUSTOMOCR_DATA"])
    pages = [(path, text) for path, _, text in truth(root) if path.parent.name == "writein_words"]
    learnt, read = pages[::2], pages[1::2]
    shipped, glyphs, labels, left = Reader(), [], [], 0
    for path, text in learnt:
        try:
            got = collect_page(path, text, shipped)
        except CustomOCRError:
            left += 1
            continue
        glyphs += list(got.glyphs)
        labels += list(got.labels)
    with tempfile.TemporaryDirectory() as folder:
        keep = [k for k, c in enumerate(labels) if labels.count(c) >= teaching.LEAST_EXAMPLES]
        save_examples(Path(folder) / "own", np.stack(glyphs)[keep], [labels[k] for k in keep], "")
        begun = time.perf_counter()
        told = teaching.teach(Path(folder) / "own", Path(folder) / "own.onnx")
        seconds = time.perf_counter() - begun
        steps = {  # the shipped line network beside taught characters; then both taught
            "before": shipped,
            "characters taught": Reader(model=told.path, lines=MODELS / LINES),
            "after": Reader(model=told.path),
        }
        cuts = {"before": Reader(lines=False), "after": Reader(model=told.path, lines=False)}
        parts = {
            name: {when: read_all(reader, read) for when, reader in readers.items()}
            for name, readers in (("whole reader", steps), ("cuts alone", cuts))
        }
        lost = sets.lost(teaching.open_ending(told.path))
        kinds = "word", "digits", "field", "boxed_row"
        rest = [
            (path, text) for path, kind, text in truth(root)
            if kind in kinds and path.parent.name != "writein_words"
        ][::3]  # fmt: skip
        others = {when: read_all(reader, rest) for when, reader in steps.items()}
    return {
        "taught on": len(learnt) - left, "not aligned": left, "examples": told.examples,
        "read": len(read), "cer": parts, "seconds": seconds, "lost": lost,
        "others": others | {"read": len(rest)}, "parts": [vars(part) for part in told.parts],
    }  # fmt: skip


SECTIONS = {
    "signs": measure_signs,
    "letters": measure_letters,
    "words": measure_words,
    "writers": measure_writers,
}


def main() -> None:
    "Measure, print, store."
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", default=None)
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--json", type=Path, help="where to store the figures; others there stay")
    options = parser.parse_args()
    begun = time.perf_counter()
    teacher = teaching.Teacher()
    ready = time.perf_counter() - begun
    sets = Sets(teacher, options.data)
    known = options.json and options.json.exists()
    figures = json.loads(options.json.read_text()) if known else {}
    figures |= {"cores": os.cpu_count(), "seconds of the replay": ready, "general": sets.before}
    for name in options.only:
        figures[name] = SECTIONS[name](teacher, sets, options.data)
        print(
            name, json.dumps({k: v for k, v in figures[name].items() if k != "writers"}, indent=1)
        )
        figures["megabytes at most"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
