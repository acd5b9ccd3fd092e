#!/usr/bin/env python3
"""What knowledge wins and breaks when text is decoded, and what it costs in time.

    python benchmarks/decoding.py [DATA] [--json OUT] [--only SECTION ...]

DATA is a data folder (default: $CUSTOMOCR_DATA) with pages/truth.tsv and
characters/train/unipen.npz; without one the package's own pages and glyphs are read. Sections:

  codes        500 random codes (seed 0) spelled with UNIPEN test writers' glyphs, half digits half
               letters: accuracy with and
               without the prior; and names, numbers and addresses spelled the same way, for the
               other direction
  confusions   look-alike errors and CER by kind on pages: bare network, blanket fix, neighbour
  rule, prior
  hints        CER on digit kinds with alphabet="digits", on words with alphabet="letters"; words
               with the names of all other
               images as a soft lexicon
  calibration  expected calibration error of the characters that were segmented right (images with
  as many characters read as
               written); error rate with the least sure 5 % of the characters left out
  time         share of a page's reading time that is decoding
"""

import argparse
import csv
import json
import os
import re
import statistics
import time
from collections import Counter
from pathlib import Path

import numpy as np

import customocr.recognition as recognition
from customocr.confusion_fixes import RULES, align, look_alike_errors, random_codes, spell
from customocr.data import load_samples, load_unipen, split_unipen
from customocr.decoding import Knowledge, Lattice, decode_lines
from customocr.glyphs import CLASSES

SAMPLES = Path(__import__("customocr").__file__).parent / "samples" / "pages"
LOWER = str.maketrans("", "", "".join(chr(c) for c in range(33, 127) if chr(c) not in CLASSES))
ADDRESSES = [
    "1000 HILLTOP CIR",
    "BALTIMORE MD 21250",
    "12 OAK STREET",
    "LEEDS LS2 9JT",
    "PO BOX 1550",
    "75011 PARIS",
    "8 RUE DES LILAS",
    "FLAT 5B",
]


def solid(text):
    "The characters of a text without blanks and line breaks."
    return "".join(c for c in text if c in CLASSES)


def load_pages(root):
    "Path, kind and text of each page whose text is in capitals."
    with open(root / "truth.tsv", encoding="utf8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            if row.get("lower") != "yes":
                yield root / row["path"], row["kind"], row["text"].replace("\\n", "\n")


def edits(true, read):
    "Edit distance."
    return sum(t != r for t, r in align(true, read))


def cer_by_kind(pages, texts):
    "Errors over characters of each kind, and the share of images without error."
    out = {}
    for kind in sorted({k for _, k, _ in pages}):
        pairs = [(solid(t), solid(x)) for (_, k, t), x in zip(pages, texts) if k == kind]
        out[kind] = dict(
            cer=sum(edits(*p) for p in pairs) / sum(len(t) for t, _ in pairs),
            exact=float(np.mean([t == x for t, x in pairs])),
        )
    return out


def look_alikes(pages, texts):
    "Look-alike errors over all pages."
    return sum(
        (look_alike_errors(solid(t), solid(x)) for (_, _, t), x in zip(pages, texts)), Counter()
    )


def codes(reader, data, results):
    "Random codes and ordinary text spelled from glyphs."
    if data:
        unipen = load_unipen(data)
        glyphs = unipen[split_unipen(unipen)[2]]
    else:
        glyphs = load_samples()
    chances = reader.likelihoods(glyphs.images)
    rng = np.random.default_rng(0)
    names = (
        "SOPHIE OLIVIER ISABEL BORIS SILVIO LOUISE BENOIT JOSEPH IRIS OSCAR ZOE SUZIE DUBOIS"
        " BOISSON ROSSI GOZZI LIZ COLLINS SOLIS VUONG QUINN".split()
    )
    texts = {
        "codes": random_codes(500, rng),
        "names": names * 10,
        "numbers": [
            "".join(rng.choice(list("0123456789"), rng.integers(1, 9))) for _ in range(300)
        ],
        "addresses": ADDRESSES * 20,
    }
    table = {}
    for kind, some in texts.items():
        lattices = []
        for text in some:
            spaces = [len(text[:i].replace(" ", "")) for i, c in enumerate(text) if c == " "]
            lattices.append(
                Lattice.linear(chances[spell(text, glyphs.labels, glyphs.writer, rng)], spaces)
            )
        table[kind] = {}
        for name, prior in (("bare", False), ("prior", True)):
            read = decode_lines(lattices, Knowledge(prior=prior))
            right = [a == b for t, d in zip(some, read) for a, b in zip(solid(t), d.characters)]
            table[kind][name] = float(np.mean(right))
        print(
            f"{kind:10s} {len(some):4d} texts  characters right: bare {table[kind]['bare']:.4f} "
            f" with prior {table[kind]['prior']:.4f}"
        )
    cost = 100 * (table["codes"]["bare"] - table["codes"]["prior"])
    print(f"the prior costs {cost:.2f} points on random codes (target: at most 1)")
    results["codes"] = table


def confusions(reader, pages, results):
    "Rules and prior on pages."
    bare = [reader.read(p, prior=False).text for p, *_ in pages]
    texts = {
        "bare": bare,
        "blanket": [RULES["blanket"](t) for t in bare],
        "neighbours": [RULES["neighbours"](t) for t in bare],
        "prior": [reader.read(p).text for p, *_ in pages],
    }
    results["confusions"] = {}
    for name, read in texts.items():
        look, kinds = look_alikes(pages, read), cer_by_kind(pages, read)
        results["confusions"][name] = dict(look_alikes=dict(look), kinds=kinds)
        print(
            f"{name:10s} look-alike errors {sum(look.values()):4d} {dict(look)}  CER "
            + "  ".join(f"{k} {v['cer']:.4f}" for k, v in kinds.items())
        )
    gone = 1 - sum(look_alikes(pages, texts["prior"]).values()) / max(
        1, sum(look_alikes(pages, bare).values())
    )
    before, after = (results["confusions"][n]["kinds"] for n in ("bare", "prior"))
    rise = max(after[k]["cer"] - before[k]["cer"] for k in after)
    print(
        f"look-alike errors gone: {gone:.1%} (target: 80 %); largest rise of a kind's CER:"
        f" {rise:+.4f} (target: at most 0.002)"
    )


def hints(reader, pages, results):
    "Alphabets and lexicon."
    results["hints"] = {}
    groups = {
        "digits": [p for p in pages if p[1] != "page" and solid(p[2]).isdigit()],
        "letters": [p for p in pages if p[1] == "word" and solid(p[2]).isalpha()],
    }
    for alphabet, some in groups.items():
        if not some:
            continue
        for kind in sorted({k for _, k, _ in some}):
            part = [p for p in some if p[1] == kind]
            without, given = (
                [reader.read(p, **o).text for p, *_ in part] for o in ({}, {"alphabet": alphabet})
            )
            a, b = (cer_by_kind(part, t)[kind]["cer"] for t in (without, given))
            results["hints"][f"{alphabet}/{kind}"] = dict(without=a, given=b)
            print(
                f"alphabet={alphabet:8s} {kind:10s} {len(part):4d} images  CER without {a:.4f} "
                f" with {b:.4f}  ratio {b / max(a, 1e-9):.2f} (target: at most 0.8)"
            )
    words = [p for p in pages if p[1] == "word"]
    split = [re.findall(r"[0-9A-Z]+", t) for *_, t in words]
    read = {"without": [], "soft": [], "strict": []}
    for i, (path, *_) in enumerate(words):
        others = sorted({w for k, some in enumerate(split) if k != i for w in some})
        read["without"].append(reader.read(path).text)
        if others:
            read["soft"].append(reader.read(path, lexicon=others).text)
            read["strict"].append(reader.read(path, lexicon=others, strict=True).text)
    listed = np.mean(
        [
            all(any(w in s for k, s in enumerate(split) if k != i) for w in some)
            for i, some in enumerate(split)
        ]
    )
    print(
        f"lexicon: the names of all other images; {listed:.1%} of {len(words)} images hold only"
        " names that are in it"
    )
    for name, texts in read.items():
        if len(texts) == len(words):
            results["hints"][f"lexicon/{name}"] = v = cer_by_kind(words, texts)["word"]
            print(
                f"  {name:8s} CER {v['cer']:.4f}  exact {v['exact']:.3f}"
                + ("  (target: exact at least 0.85)" if name == "soft" else "")
            )


def calibration(reader, pages, results):
    "Confidence against correctness."
    every, fitting = [], []
    for path, _, text in pages:
        characters = [
            c for line in reader.read(path).lines for w in line.words for c in w.characters
        ]
        pairs = align(solid(text), "".join(c.text for c in characters))
        sure = iter(c.confidence for c in characters)
        rows = [(next(sure), t == r) for t, r in pairs if r]
        every += rows
        if all(t and r for t, r in pairs):
            fitting += rows
    for name, rows in (("segmented right", fitting), ("all", every)):
        sure, right = np.array(rows).T
        bins = np.minimum((sure * 15).astype(int), 14)
        ece = sum(
            abs(sure[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
            for b in range(15)
            if (bins == b).any()
        )
        keep = np.argsort(-sure, kind="stable")[: round(0.95 * len(sure))]
        whole, answered = 1 - right.mean(), 1 - right[keep].mean()
        results.setdefault("calibration", {})[name] = dict(
            n=len(rows), ece=float(ece), error=float(whole), error_at_95=float(answered)
        )
        print(
            f"{name:16s} {len(rows):5d} characters  ECE {ece:.4f} (target: 0.03)  error"
            f" {whole:.4f}, with 95 % answered {answered:.4f} (target: half)"
        )


def timing(reader, pages, results):
    "Time in the decoder as a share of reading."
    spent, shares, inner = [0.0], [], recognition.decode_lines

    def timed(*args, **options):
        start = time.perf_counter()
        out = inner(*args, **options)
        spent[0] += time.perf_counter() - start
        return out

    recognition.decode_lines = timed
    rows = []
    for path, *_ in pages[:: max(1, len(pages) // 100)]:
        spent[0], start = 0.0, time.perf_counter()
        reader.read(path)
        rows.append((spent[0], time.perf_counter() - start))
    recognition.decode_lines = inner
    shares = [a / b for a, b in rows]
    results["time"] = dict(
        median_share=statistics.median(shares),
        worst_share=max(shares),
        median_ms=1e3 * statistics.median(a for a, _ in rows),
    )
    print(
        f"decoding: median {results['time']['median_ms']:.1f} ms, {statistics.median(shares):.1%}"
        f" of the reading time, at most {max(shares):.1%} over {len(rows)} images (target: a third)"
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", nargs="?", type=Path, default=os.environ.get("CUSTOMOCR_DATA"))
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--only", nargs="+", choices=("codes", "confusions", "hints", "calibration", "time")
    )
    a = parser.parse_args()
    reader, results = recognition.Reader(), {}
    pages = list(load_pages(Path(a.data) / "pages" if a.data else SAMPLES))
    print(f"{len(pages)} pages from {'the data folder' if a.data else 'the samples'}")
    for name, run in (
        ("codes", lambda: codes(reader, Path(a.data) if a.data else None, results)),
        *(
            (f.__name__ if f is not timing else "time", lambda f=f: f(reader, pages, results))
            for f in (confusions, hints, calibration, timing)
        ),
    ):
        if not a.only or name in a.only:
            print(f"\n-- {name}")
            run()
    if a.json:
        a.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
