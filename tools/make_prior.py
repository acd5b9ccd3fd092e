"""Make customocr/models/prior.npz, the character n-gram prior of the decoder, from freely licensed
word lists.

    pip install faker==40.54.0; apt-get install wamerican wbritish    (or unpack the packages and
                                                                      pass --dict)
    python tools/make_prior.py [--dict /usr/share/dict] [--out customocr/models/prior.npz]

Sources: SCOWL's American and British words (Debian's wamerican and wbritish 2020.12.07; free to
use, copy, modify, distribute and sell), first and last names, street words, cities and months of
Faker (MIT). Only counts of five letters in a row go into the file, no word list. Nothing here is
drawn at random, so the same sources give the same file.
"""

import argparse
import importlib
import pkgutil
import re
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np

ORDER = 5  # letters in a row that are counted
COMMON_WEIGHT = (
    40  # what an address abbreviation, a month or the alphabet counts for against a dictionary word
)
NAME_WEIGHT = (
    2  # names are what forms hold most, but the lists have four times as many words as names
)
NAME_LISTS = (
    "first_names",
    "first_names_male",
    "first_names_female",
    "first_names_nonbinary",
    "last_names",
)
PLACE_LISTS = (
    "cities",
    "city_suffixes",
    "city_prefixes",
    "street_suffixes",
    "street_prefixes",
    "countries",
    "departments",
    "regions",
    "states",
    "states_abbr",
)


def capitals(text: str) -> list[str]:
    "The words of a text as capitals A-Z, accents dropped; words in other scripts are left out."
    plain = unicodedata.normalize(
        "NFKD",
        text.replace("ß", "ss")
        .replace("ø", "o")
        .replace("Ø", "O")
        .replace("ł", "l")
        .replace("Ł", "L"),
    )
    plain = "".join(c for c in plain if not unicodedata.combining(c)).upper()
    if not re.fullmatch(r"[A-Z0-9 .,'\-()/&]*", plain):
        return []
    return re.findall(r"[A-Z]+", plain)


def strings(value) -> list[str]:
    "All strings in Faker's nested lists, tuples and weighted dictionaries."
    if isinstance(value, str):
        return [value]
    if isinstance(value, (dict, list, tuple, set)):
        return [s for item in value for s in strings(item)]
    return []


def faker_words(kind: str, lists: tuple) -> set[str]:
    "Words of the named lists of every locale of one of Faker's providers."
    package = importlib.import_module(f"faker.providers.{kind}")
    out = set()
    for locale in pkgutil.iter_modules(package.__path__):
        provider = importlib.import_module(f"{package.__name__}.{locale.name}").Provider
        for name in lists:
            for text in strings(getattr(provider, name, ())):
                out.update(capitals(text))
    return out


def dictionary_words(folder: Path) -> set[str]:
    "Words of both English lists, possessives left out."
    out = set()
    for name in ("american-english", "british-english"):
        for line in (folder / name).read_text(encoding="utf8").splitlines():
            if not line.endswith("'s"):
                out.update(capitals(line))
    return out


def common_words() -> set[str]:
    """Months, weekdays, address abbreviations, and the alphabet itself: what forms and samples hold
    again and again."""
    import calendar

    from faker.providers.address.en_US import Provider

    words = set(strings(Provider.states_abbr)) | set(strings(Provider.street_suffixes))
    words |= set(
        "ST AVE RD DR LN CT PL BLVD CIR HWY PKWY SQ TER APT STE PO BOX NO MR MRS MS DR ID REF TEL"
        " FAX ATTN".split()
    )
    words |= set(
        list(calendar.month_name)[1:]
        + list(calendar.month_abbr)[1:]
        + list(calendar.day_name)
        + list(calendar.day_abbr)
    )
    words |= set(
        "THE OF AND TO IN IS YOU THAT IT HE WAS FOR ON ARE AS WITH HIS THEY AT BE THIS FROM OR HAD"
        " BY HOT WORD BUT WHAT SOME WE CAN OUT OTHER WERE ALL THERE WHEN UP USE YOUR HOW SAID AN"
        " EACH SHE".split()
    )
    words |= {"ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
    return {w.upper() for w in words}


def count(
    weights: dict[str, int],
) -> tuple[np.ndarray, np.ndarray]:  # runs as numbers in base 27, sorted, and their counts
    """Weighted counts of ORDER symbols in a row: 0 is the word's border, put in front ORDER - 1
    times and once behind; 1-26 are the letters."""
    counts: Counter = Counter()
    for word, weight in weights.items():
        run = 0
        for symbol in [ord(c) - 64 for c in word] + [0]:
            run = run * 27 % 27**ORDER + symbol
            counts[run] += weight
    runs = np.array(sorted(counts), np.int64)
    return runs, np.array([counts[run] for run in runs.tolist()], np.int64)


def write(
    runs: np.ndarray,  # int64 (K,), runs of five symbols, sorted
    counts: np.ndarray,  # int64 (K,), how often each occurs
    out: Path,  # the file to write
) -> None:
    """Counts of five and of four symbols in a form that loads fast: one byte each, large numbers
    apart."""
    counts = np.minimum(counts, 65535)
    four, where = np.unique(runs % 27 ** (ORDER - 1), return_inverse=True)
    columns = {
        "step": np.concatenate([np.diff(runs, prepend=0), np.diff(four, prepend=0)]),
        "count": np.concatenate([counts, np.bincount(where, counts).astype(np.int64)]),
    }
    out.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(
        out,
        five=len(runs),
        **{name: np.minimum(v, 255).astype(np.uint8) for name, v in columns.items()},
        **{f"large_{name}": v[v >= 255].astype(np.int32) for name, v in columns.items()},
    )


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dict", type=Path, default=Path("/usr/share/dict"))
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent.parent / "customocr/models/prior.npz"
    )
    a = parser.parse_args()
    words, names = dictionary_words(a.dict), faker_words("person", NAME_LISTS)
    places = faker_words("address", PLACE_LISTS)
    weights: dict[str, int] = {}
    for group, weight in (
        (words, 1),
        (names, NAME_WEIGHT),
        (places, 1),
        (common_words(), COMMON_WEIGHT),
    ):
        for word in group:
            weights[word] = weights.get(word, 0) + weight
    runs, counts = count(weights)
    write(runs, counts, a.out)
    print(
        f"{len(words)} dictionary words, {len(names)} names, {len(places)} place words: {len(runs)}"
        f" different runs of {ORDER} letters, {a.out.stat().st_size / 1e3:.0f} kB in {a.out}"
    )


if __name__ == "__main__":
    main()
