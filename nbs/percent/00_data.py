# %% [markdown]
# # Data
# > Digits and letters by many hands, brought into one form.

# %% [markdown]
# Which characters can we learn from, and what is in them? At the end of this notebook you can load digits, letters and your own pictures into one form, count them, and split them so that a test is a test.

# %%
#| default_exp data

# %%
#| code-fold: true
#| code-summary: "The picture: six glyphs of each class"
#| fig-cap: "What a network learns from: small pictures, each with the name of its class. Compare 0 with O and 1 with I; those pairs will stay with us to the end of the course."
#| fig-alt: "Six white glyphs on black of each of the 36 classes, drawn with handwriting fonts."
from customocr import data as finished
from customocr.pictures import show

show(finished.contact_sheet(finished.load_samples(), per_class=6, across=4))

# %% [markdown]
# A picture of one character is a [glyph](glossary.html#glyph). Its *[class](glossary.html#class)* is the character it shows. We have 36 classes: the digits 0-9 and the capitals A-Z.
#
# *Needs*: about 20 seconds and 1 GB of memory. Without data, the notebook runs on the glyphs of the package. Set the environment variable `CUSTOMOCR_DATA` to a folder with the collections and it works on those. The numbers and plots stored here were made with such a folder.
#
# ## The tutorial
# This course began with a Keras tutorial on custom OCR in two notebooks. We call it *the tutorial*.
#
# **Its first notebook trains a network.** It joins 70,000 digits (MNIST) and 372,450 capitals (the A-Z set): 442,450 images. It gives rare classes more weight, keeps a fifth of the images for testing, and trains a network of three convolutions for 20 passes over the rest. It reports that 93.77 % of the test images are read right. The weakest class is 0: of all images that the network calls a 0, only 30 % are one.
#
# **Its second notebook reads a page.** It finds the outline of each character on a photographed line, cuts the character out, scales it to 28 x 28 pixels and asks the network. Then it meets two problems:
#
# - 0 and O, 1 and I, 5 and S look alike. Its answer: read them always as letters.
# - A sheet on a dark table hides its characters, because the sheet has an outline too. Its answer: cut the sheet out first.
#
# It leaves much open: several lines, spaces, letters that touch, printed rules, light ink on dark. The notebooks 00 to 04 follow the tutorial step by step and measure each step. The later ones solve what it leaves open.

# %%
#| export
from __future__ import annotations

import hashlib
import io
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np

from customocr.errors import DataError
from customocr.glyphs import CLASSES, SIDE, normalise_glyph, normalise_glyphs

# %%
#| code-fold: true
#| code-summary: "Imports"
import tempfile
from importlib.metadata import version
from pathlib import Path

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from customocr.pictures import show

# %%
#| code-fold: true
#| code-summary: "Versions"
for library in (
    "tensorflow",
    "keras",
    "numpy",
    "pandas",
    "matplotlib",
    "seaborn",
    "scikit-learn",
    "opencv-python",
):
    print(f"{library:14s} {version(library)}")


# %% [markdown]
# ## One value for every collection
# Every collection has a form of its own: pairs of arrays, a table of 785 columns, folders of files. We turn each into the same value, a `Characters`. It holds
#
# - the images: 28 x 28 numbers each, white ink on black
# - the label of each: its place in `0123456789ABC...Z`
# - where each came from, and who wrote it, if that is known.
#
# A `Characters` cannot be changed. You can only take a part of it or join it to another. So a name means the same samples from the top of a notebook to its end.

# %%
#| export
@dataclass(frozen=True, eq=False)
class Characters:
    """Images of single characters with their labels, sources and writers.
    `chars[mask_or_slice_or_indices]` is a part."""

    images: np.ndarray  # uint8 (N, 28, 28), white ink on black
    labels: np.ndarray  # uint8 (N,), index into `names`
    # uint8 (N,), index into `source_names`; None = all the first
    source: np.ndarray = None  # type: ignore[assignment]
    # int32 (N,), index into `writer_names`, -1 where unknown; None = all unknown
    writer: np.ndarray = None  # type: ignore[assignment]
    source_names: tuple[str, ...] = ("unnamed",)
    writer_names: tuple[str, ...] = ()
    names: str = field(default=CLASSES, init=False)  # the class of label i is names[i]

    def __post_init__(self):
        set_ = lambda name, value: object.__setattr__(self, name, value)
        n = len(self.images)
        if self.images.shape[1:] != (SIDE, SIDE) or self.images.dtype != np.uint8:
            raise DataError(
                f"images must be uint8 (N, 28, 28), not {self.images.dtype} {self.images.shape}"
            )
        set_(
            "source",
            np.zeros(n, np.uint8) if self.source is None else np.asarray(self.source, np.uint8),
        )
        set_(
            "writer",
            np.full(n, -1, np.int32) if self.writer is None else np.asarray(self.writer, np.int32),
        )
        for name in ("labels", "source", "writer"):
            if getattr(self, name).shape != (n,):
                raise DataError(
                    f"{n} images but {name} of shape {getattr(self, name).shape}; there must be one"
                    " for each image"
                )
        for name, top in (
            ("labels", len(CLASSES)),
            ("source", len(self.source_names)),
            ("writer", len(self.writer_names)),
        ):
            bad = np.flatnonzero(
                (getattr(self, name) >= top)
                | (getattr(self, name) < (-1 if name == "writer" else 0))
            )
            if len(bad):
                raise DataError(
                    f"row {bad[0]}: {name} is {getattr(self, name)[bad[0]]}, must be below {top}"
                )
        set_("labels", np.asarray(self.labels, np.uint8))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index) -> Characters:
        index = np.atleast_1d(np.arange(len(self))[index])
        parts = {
            name: getattr(self, name)[index] for name in ("images", "labels", "source", "writer")
        }
        return replace(self, **parts)

    def __repr__(self):
        return (
            f"Characters({len(self):,} of {len(np.unique(self.labels))} classes from"
            f" {', '.join(self.source_names)})"
        )

    def _repr_markdown_(self):
        rows = []
        for i, name in enumerate(self.source_names):
            mask = self.source == i
            seen, counts = np.unique(self.labels[mask], return_counts=True)
            writers = len(np.unique(self.writer[mask & (self.writer >= 0)])) or "not known"
            span = (
                f"{counts.min():,} ({CLASSES[seen[counts.argmin()]]}) to {counts.max():,}"
                f" ({CLASSES[seen[counts.argmax()]]})"
            )
            rows.append(
                f"| {name} | {mask.sum():,} | {len(seen)} | {span if len(seen) else '-'} |"
                f" {writers} |"
            )
        return "\n".join(
            [
                "| source | glyphs | classes | glyphs a class | writers |",
                "|---|---|---|---|---|",
                *rows,
            ]
        )

    def only(
        self,
        classes: str,  # the classes to keep, e.g. "0O"
    ) -> Characters:
        "The samples of some classes."
        return self[np.isin(self.labels, [CLASSES.index(c) for c in classes])]

    def normalised(self) -> Characters:
        "The same samples in the one glyph layout (`customocr.glyphs.normalise_glyphs`)."
        return replace(self, images=normalise_glyphs(self.images))

    def without_repeats(self) -> Characters:
        """Exact repeats of an image with the same label taken out; the first of each stays, in
        order."""
        keys = [
            hashlib.sha1(image.tobytes() + bytes([label])).digest()
            for image, label in zip(self.images, self.labels)
        ]
        first: dict[bytes, int] = {}
        for i, key in enumerate(keys):
            first.setdefault(key, i)
        return self[np.fromiter(first.values(), np.int64, len(first))]


# %% [markdown]
# A `Characters` refuses what cannot be right, and says which row is wrong:

# %%
try:
    Characters(np.zeros((2, 28, 28), np.uint8), np.array([0, 36]))
except DataError as error:
    refusal = str(error)
refusal

# %%
#| hide
assert "row 1" in refusal and "36" in refusal


# %% [markdown]
# To look at many glyphs at once we draw a contact sheet, class after class. This function drew the picture at the top.

# %%
#| export
def contact_sheet(
    characters: Characters,
    per_class: int = 20,  # glyphs a class, fewer where it has fewer
    across: int = 1,  # classes side by side in a row
    seed: int = 1,
) -> np.ndarray:  # uint8 (classes / across * 28, across * per_class * 28), white on black
    "Random glyphs of each class present, class after class."
    rng = np.random.default_rng(seed)
    rows = []
    for label in np.unique(characters.labels):
        of_class = np.flatnonzero(characters.labels == label)
        images = characters.images[rng.permutation(of_class)[:per_class]]
        row = np.zeros((SIDE, per_class * SIDE), np.uint8)
        row[:, : len(images) * SIDE] = np.concatenate(images, 1)
        rows.append(row)
    rows += [np.zeros_like(rows[0])] * (-len(rows) % across)
    return np.concatenate(
        [np.concatenate(rows[i : i + across], 1) for i in range(0, len(rows), across)]
    )


# %% [markdown]
# ## Where the files are
# A loader takes a file, or a folder to look in. Without either it looks in the folder that `CUSTOMOCR_DATA` names. If a file is missing, one message says what is missing, where to get it and where to put it.

# %%
#| export
DATA_VARIABLE = "CUSTOMOCR_DATA"  # environment variable that names the data folder
PLACES = ("", "characters/train", "characters/test")  # where in the data folder a file may stand


def data_folder(
    data: str | Path | None = None,  # the folder; None = what CUSTOMOCR_DATA names
) -> Path | None:  # an existing folder, None where none is named
    "The folder that holds the collections. Raises `DataError` where the named one does not exist."
    name = data or os.environ.get(DATA_VARIABLE)
    if not name:
        return None
    if not Path(name).is_dir():
        raise DataError(
            f"{name}: no such data folder; give an existing one or set {DATA_VARIABLE} to it"
        )
    return Path(name)


def find_file(
    names: Sequence[str],  # file names, the preferred first
    data: (
        str | Path | None
    ) = None,  # a file, the folder to look in, or None for the folder CUSTOMOCR_DATA names
) -> Path | None:  # the file, None where there is none
    "The first of `names` in the data folder; `data` itself if it is a file."
    if data and Path(data).is_file():
        return Path(data)
    if data and Path(data).suffix in (".npz", ".zip", ".csv"):
        raise DataError(f"{data}: no such file")
    folder = data_folder(data)
    found = (folder / place / name for name in names for place in PLACES) if folder else ()
    return next((path for path in found if path.is_file()), None)


def missing(
    what: str,  # the collection
    name: str,  # the file's name
    where_from: str,  # where a user gets it
    data: str | Path | None = None,  # where it was looked for
) -> DataError:
    """The error for a file that is not there: where it was looked for, where to get it and where to
    put it."""
    looked = data or os.environ.get(DATA_VARIABLE)
    return DataError(
        f"{what} not found in"
        f" {looked or 'any folder: none was given and ' + DATA_VARIABLE + ' is not set'}. Get"
        f" {where_from} and put it into the folder that {DATA_VARIABLE} names as '{name}', or give"
        " its path"
    )


# what a damaged zip, or an array in it, makes zipfile and NumPy raise: found by fuzzing
UNREADABLE: tuple[type[Exception], ...] = (
    *(OSError, ValueError, EOFError, AttributeError, NotImplementedError, RuntimeError),
    *(KeyError, TypeError, OverflowError, SyntaxError, MemoryError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


MOST_UNPACKED = 2_000_000_000  # bytes of a zip or npz; the whole A-Z set has 700 million as CSV


def check_archive(
    path: str | Path,  # a zip or an npz file
) -> None:
    """Raise `DataError` where an archive is encrypted, or says that it unpacks to more than any set
    has. Nothing is unpacked yet; `zipfile` gives no more bytes of an entry than it says."""
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
    if any(e.flag_bits & 1 for e in entries):
        raise DataError(f"{path}: is encrypted; unpack it and give what was in it")
    if (size := sum(e.file_size for e in entries)) > MOST_UNPACKED:
        raise DataError(
            f"{path}: unpacks to {size / 1e9:.1f} GB, more than {MOST_UNPACKED / 1e9:.0f}; unpack"
            " and divide it"
        )


def _check_entries(path: str | Path) -> None:
    "Raise `DataError` for an entry that is no array: numpy would give its bytes."
    head = np.lib.format.MAGIC_PREFIX
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as entry:
                if entry.read(len(head)) != head:
                    raise DataError(
                        f"{path}: its entry {name} is no array; save arrays with np.savez"
                    )


@contextmanager
def open_arrays(
    path: str | Path,  # an .npz file
    needed: Sequence[str],  # names of arrays that must be in it
) -> Iterator[np.lib.npyio.NpzFile]:
    """An npz file for reading. Raises `DataError` where it is damaged, is another kind of file or
    lacks an array."""
    try:
        check_archive(path)
        with np.load(path, allow_pickle=False) as arrays:
            absent = [name for name in needed if name not in arrays]
            if absent:
                raise DataError(
                    f"{path}: has no array {', '.join(absent)}; it has"
                    f" {', '.join(arrays.files) or 'none'}"
                )
            _check_entries(path)
            yield arrays
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except UNREADABLE as error:
        raise DataError(
            f"{path}: not a readable .npz file ({error}); it may be cut short, get it again"
        ) from error


def check_glyphs(
    images: np.ndarray,  # anything
    labels: np.ndarray,  # anything
    path: str | Path,  # the file, for the message
    classes: int = len(CLASSES),  # labels must be below this
) -> None:
    """Raise `DataError`, with the reason and the row, unless these are glyphs (white on black) and
    labels as we know them."""
    if not (isinstance(images, np.ndarray) and isinstance(labels, np.ndarray)):
        raise DataError(f"{path}: its images and labels are no arrays; save them with np.savez")
    if images.ndim != 3 or images.shape[1:] != (SIDE, SIDE) or images.dtype != np.uint8:
        raise DataError(
            f"{path}: images must be uint8 (N, 28, 28), found {images.dtype} {images.shape}"
        )
    if labels.shape != (len(images),) or labels.dtype.kind not in "ui":
        raise DataError(
            f"{path}: {len(images)} images need {len(images)} whole-number labels, found"
            f" {labels.dtype} {labels.shape}"
        )
    if not len(images):
        raise DataError(f"{path}: has no rows")
    bad = np.flatnonzero((labels < 0) | (labels >= classes))
    if len(bad):
        raise DataError(
            f"{path}: row {bad[0]} has label {labels[bad[0]]}, labels run from 0 to {classes - 1}"
        )
    edges = np.concatenate([images[:, 0], images[:, -1], images[:, :, 0], images[:, :, -1]], 1)
    if np.median(edges) > 127:
        raise DataError(
            f"{path}: the images are dark ink on light; invert them (255 - x), glyphs are white on"
            " black"
        )


# %% [markdown]
# ## The glyphs of the package
# One set is always there. We drew it ourselves with openly licensed handwriting fonts.

# %%
#| export
def _numbered(
    writers: np.ndarray,  # (N,), numbers or names; a number below 0 is no writer
) -> tuple[np.ndarray, np.ndarray]:  # int64 (N,), from 0; what they are called
    "Writers numbered in the order of their own numbers or names."
    known = writers >= 0 if writers.dtype.kind in "ui" else np.ones(len(writers), bool)
    names, at = np.unique(writers[known], return_inverse=True)
    numbers = np.zeros(len(writers), np.int64)
    numbers[known], numbers[~known] = at, writers[~known]
    return numbers, names


def load_npz(
    path: (
        str
        # an .npz with x uint8 (N, 28, 28) and y (N,), where known writer and writer_names (or font,
        # font_names)
        | Path
    ),
    name: str | None = None,  # name of the source; None = the file's
) -> Characters:
    """Glyphs from a file of arrays, the form in which this project keeps its own. Raises
    `DataError` where it is another."""
    with open_arrays(path, ["x", "y"]) as arrays:
        images, labels = arrays["x"], arrays["y"]
        if "names" in arrays and "".join(map(str, arrays["names"].ravel())) != CLASSES:
            raise DataError(
                f"{path}: its classes are {''.join(map(str, arrays['names'].ravel()))[:60]}, not"
                f" {CLASSES}"
            )
        hand = next((key for key in ("writer", "font") if key in arrays), None)
        writer = arrays[hand] if hand else None
        writer_names = arrays.get(f"{hand}_names") if hand else None
    check_glyphs(images, labels, path)
    if writer is not None and writer.shape != labels.shape:
        raise DataError(f"{path}: {len(labels)} images need {len(labels)} of {hand}")
    if writer is not None and (writer_names is None or writer.dtype.kind not in "ui"):
        writer, writer_names = _numbered(writer)
    return Characters(
        images,
        labels,
        writer=writer,  # type: ignore[arg-type]
        source_names=(name or Path(path).stem,),
        writer_names=() if writer_names is None else tuple(map(str, writer_names.ravel())),
    )


def load_samples() -> Characters:
    """The glyphs of all 36 classes that the package carries, drawn with handwriting fonts; the font
    is the writer."""
    from customocr.samples import glyphs

    return load_npz(glyphs(), "fonts")


# %%
samples = load_samples()
samples

# %%
#| hide
assert set(samples.labels) == set(range(36)) and (samples.writer >= 0).all()

# %% [markdown]
# The table says how many glyphs there are. Every class has 66, one by each font, and the font counts as the writer.
#
# An image is 28 rows of 28 numbers, from 0 (black paper) to 255 (white ink). Here is the middle of a 5:

# %%
five = samples.only("5").images[5]
print("\n".join("".join(f"{value:4d}" for value in row) for row in five[3:25, 6:22]))

# %%
#| fig-cap: "The same numbers as a picture. Greys appear only where the pen's edge covers a part of a pixel."
#| fig-alt: "A 5 of the package, enlarged to grey squares."
show(five, 6)

# %% [markdown]
# ## Digits: MNIST
# MNIST holds 70,000 digits by some 500 people. Its authors cut, scaled and centred them in 1998. We read a local `mnist.npz` if there is one. Otherwise Keras downloads the file once and keeps it.

# %%
#| export
PARTS = ("train", "test", "all")  # MNIST's own division


def _keras_copy() -> Path:
    return Path(os.environ.get("KERAS_HOME", Path.home() / ".keras")) / "datasets" / "mnist.npz"


def load_mnist(
    data: str
    | Path
    | None = None,  # mnist.npz or the data folder; None = CUSTOMOCR_DATA, then Keras' own copy
    part: str = "all",  # "train" (60,000), "test" (10,000) or "all", train before test
    download: bool = True,  # let `keras.datasets` fetch the file where it is not on this machine
) -> Characters:
    """MNIST's digits. Raises `DataError` where the file is missing and cannot be fetched, or is not
    MNIST."""
    if part not in PARTS:
        raise DataError(f"MNIST has the parts {', '.join(PARTS)}, not '{part}'")
    path = find_file(["mnist.npz"], data) or (_keras_copy() if _keras_copy().is_file() else None)
    if path is None and download:
        path = _download_mnist()
    if path is None:
        raise missing(
            "MNIST",
            "mnist.npz",
            "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz",
            data,
        )
    names = ["train", "test"] if part == "all" else [part]
    with open_arrays(path, [f"{letter}_{name}" for name in names for letter in "xy"]) as arrays:
        images = np.concatenate([arrays[f"x_{name}"] for name in names])
        labels = np.concatenate([arrays[f"y_{name}"] for name in names])
    check_glyphs(images, labels, path, classes=10)
    return Characters(images, labels, source_names=("mnist",))


def _download_mnist() -> Path | None:
    try:
        import keras

        keras.datasets.mnist.load_data()
    except (
        Exception
    ) as error:  # no network, no Keras, a checksum that does not match: each has its own type
        print(f"MNIST could not be downloaded: {error}", file=sys.stderr)
        return None
    return _keras_copy()


# %% [markdown]
# A collection that is not on your machine is replaced by glyphs of the package, so that the notebook runs anywhere:

# %%
def or_ours(load, classes):
    try:
        return load()
    except DataError:
        return load_samples().only(classes)


DIGITS, LETTERS = CLASSES[:10], CLASSES[10:]

# %%
train_digits = or_ours(lambda: load_mnist(part="train", download=False), DIGITS)
test_digits = or_ours(lambda: load_mnist(part="test", download=False), DIGITS)
digits = or_ours(lambda: load_mnist(download=False), DIGITS)
train_digits.images.shape, test_digits.images.shape, digits.images.shape

# %% [markdown]
# MNIST comes in two parts, 60,000 digits to train with and 10,000 to test with. We stack both, because we make splits of our own. The test part stays last, so a network can still be measured on it.
#
# We do not show the digits here: the pictures of this site are our own. `show(contact_sheet(digits))` shows them to you.

# %%
#| hide
assert set(digits.labels) == set(range(10))
if "mnist" in digits.source_names:
    assert len(digits) == 70_000 and (digits.images[60_000:] == test_digits.images).all()


# %% [markdown]
# A network learns most about what it sees most. So we count the samples of each class first.

# %%
#| export
def class_counts(
    characters: Characters,
) -> np.ndarray:  # int (36,), 0 where a class has none
    "How many samples each class has."
    return np.bincount(characters.labels, minlength=len(CLASSES))


def plot_counts(
    characters: Characters,
    ax=None,  # Matplotlib axes; None = new ones
):  # the axes
    "Samples a class, a colour for each source."
    import matplotlib.pyplot as plt
    import pandas as pd
    import seaborn as sns

    ax = ax or plt.figure(figsize=(9, 2.6)).gca()
    table = pd.DataFrame(
        dict(
            glyph=np.array(list(CLASSES))[characters.labels],
            source=np.array(characters.source_names)[characters.source],
        )
    )
    present = [c for c, n in zip(CLASSES, class_counts(characters)) if n]
    sns.countplot(table, x="glyph", hue="source", order=present, ax=ax)
    sns.move_legend(ax, "upper left", bbox_to_anchor=(1, 1), frameon=False)
    ax.set(xlabel="class", ylabel="samples")
    ax.spines[["top", "right"]].set_visible(False)
    return ax


# %%
#| fig-cap: "MNIST is even: no digit has a quarter more samples than another."
#| fig-alt: "Bars of the number of samples of each digit, all between 6,300 and 7,900."
plot_counts(digits)

# %% [markdown]
# ## Letters: the A-Z set
# The A-Z set holds 372,450 capitals. Kaggle has it as one text file of 700 MB. Each line is a label from 0 to 25 and then 784 pixels. There are two things to know about it.
#
# **It has no header.** `pd.read_csv(file)` takes the first line for the names of the columns. The first letter, an A, is lost.
#
# **It is big.** As a pandas table it needs 5.2 GB of memory at its peak (`python benchmarks/letters.py --pandas`). We read 10,000 lines at a time and store pixels as bytes. That needs 0.7 GB. The result is kept in a cache folder, so it is read only once.

# %%
#| export
AZ_FILES = (
    "A_Z Handwritten Data.csv",
    "A_Z Handwritten Data.csv.zip",
    "az-handwritten-alphabets-in-csv-format.zip",
    "archive.zip",
    "az_sample.csv.zip",
)  # names under which the set and its samples are known
AZ_PAGE = "https://www.kaggle.com/datasets/sachinpatel21/az-handwritten-alphabets-in-csv-format"
AZ_FIELDS = 1 + SIDE * SIDE  # numbers a line: the label and the pixels
AZ_PIECE = 10_000  # lines read at a time: 16 MB as int16
FIRST_LETTER = CLASSES.index("A")  # what is added to a letter's label, so that 0-9 come before A-Z


def cache_folder() -> Path:
    """Where parsed files are kept: the folder CUSTOMOCR_CACHE names, else `customocr` in the user's
    cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("CUSTOMOCR_CACHE") or Path(home) / "customocr")


def load_az(
    data: (
        str | Path | None
    ) = None,  # the CSV, a zip with it, or the data folder; None = CUSTOMOCR_DATA
    cache: bool = True,  # keep the parsed arrays, and use them if the file is unchanged
) -> Characters:
    """The A-Z letters. Raises `DataError` where the file is missing, cut short, or a line is not a
    label and 784 pixels."""
    path = find_file(AZ_FILES, data)
    if path is None:
        raise missing(
            "the A-Z letters", AZ_FILES[0], f"'{AZ_FILES[0]}' or its zip from {AZ_PAGE}", data
        )
    kept = cache_folder() / f"az-{_fingerprint(path)}.npz"
    arrays = _cached(kept) if cache else None
    if arrays is None:
        arrays = read_az(path)
        if cache:
            _keep(kept, *arrays)
    return Characters(*arrays, source_names=("az",))


def _fingerprint(path: Path) -> str:
    stat = path.stat()
    return hashlib.sha1(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}".encode()).hexdigest()[
        :16
    ]


def _cached(kept: Path) -> tuple[np.ndarray, np.ndarray] | None:
    if not kept.is_file():
        return None
    try:
        with open_arrays(kept, ["x", "y"]) as arrays:
            return arrays["x"], arrays["y"]
    except DataError:  # an interrupted or damaged cache is no reason to fail: it is written again
        return None


def _keep(kept: Path, images: np.ndarray, labels: np.ndarray) -> None:
    part = kept.with_name(f"{kept.stem}.{os.getpid()}.part")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "wb") as file:
            np.savez_compressed(file, x=images, y=labels)
        part.replace(kept)
    except OSError as error:  # a full or read-only disk costs time next time, nothing else
        part.unlink(missing_ok=True)
        print(
            f"customocr: could not keep the parsed letters in {kept.parent}: {error}",
            file=sys.stderr,
        )


LONGEST_LINE = 100_000  # characters of a CSV's line that are looked at: 785 fields have 4,000


@contextmanager
def _open_csv(path: Path) -> Iterator[io.TextIOWrapper]:
    "The CSV, or the one in the zip, as text."
    if not zipfile.is_zipfile(path):
        if path.suffix.lower() == ".zip":
            raise DataError(f"{path}: not a zip file, or cut short; get it again")
        with open(path, encoding="ascii", errors="replace", newline="") as file:
            yield file
        return
    check_archive(path)
    with zipfile.ZipFile(path) as archive:
        members = [
            name
            for name in archive.namelist()
            if name.lower().endswith(".csv") and not name.startswith("__MACOSX")
        ]
        if not members:
            raise DataError(
                f"{path}: no .csv in this zip; it has"
                f" {', '.join(archive.namelist()[:3]) or 'nothing'}"
            )
        with archive.open(members[0]) as file:
            yield io.TextIOWrapper(file, encoding="ascii", errors="replace", newline="")


def _is_header(line: str) -> bool:
    """Whether most fields of a line are not whole numbers: names, or the ones pandas makes up (0,
    0.1, 0.2)."""
    fields = line.strip().split(",")
    return sum(not field.strip().isdigit() for field in fields) > len(fields) / 2


def _first_bad_line(path: Path) -> str:
    "Which line of the CSV is not a label and 784 pixels, and why; empty where all are."
    with _open_csv(path) as file:
        for i, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), ""), 1):
            fields = [field.strip() for field in line.split(",")]
            if not line.strip() or (i == 1 and _is_header(line)):
                continue
            if len(fields) != AZ_FIELDS:
                return (
                    f"line {i} has {len(fields)} fields, expected {AZ_FIELDS} (a label and"
                    f" {SIDE * SIDE} pixels)"
                )
            wrong = next((field for field in fields if not field.isdigit()), None)
            if wrong is not None:
                return f"line {i} has '{wrong[:20]}' where a whole number belongs"
            if int(fields[0]) > 25:
                return f"line {i} has the label {fields[0]}, letters are 0 to 25"
            if max(map(int, fields[1:])) > 255:
                return f"line {i} has a pixel of {max(map(int, fields[1:]))}, pixels are 0 to 255"
    return ""


def read_az(
    path: str | Path,  # the CSV or a zip with it
) -> tuple[np.ndarray, np.ndarray]:  # uint8 (N, 28, 28) images and uint8 (N,) labels, A = 10
    "Parse the A-Z CSV piece by piece, with a line of progress for each 50,000 letters."
    import pandas as pd

    path, images, labels, done = Path(path), [], [], 0
    try:
        with _open_csv(path) as file:
            first = file.readline(LONGEST_LINE)
            if len(first) == LONGEST_LINE:
                raise DataError(f"{path}: its first line has no end; it is no CSV of glyphs")
            header = 0 if _is_header(first) else None
        with _open_csv(path) as file:
            for piece in pd.read_csv(file, header=header, dtype=np.int16, chunksize=AZ_PIECE):
                rows = piece.to_numpy()
                if (
                    rows.shape[1] != AZ_FIELDS
                    or rows[:, 0].max() > 25
                    or rows[:, 1:].max() > 255
                    or rows.min() < 0
                ):
                    raise ValueError("out of range")
                labels.append((rows[:, 0] + FIRST_LETTER).astype(np.uint8))
                images.append(rows[:, 1:].astype(np.uint8).reshape(-1, SIDE, SIDE))
                done += len(rows)
                if done % 50_000 == 0:
                    print(f"{path.name}: {done:,} letters read", file=sys.stderr)
    except UNREADABLE as error:
        try:
            reason = _first_bad_line(path)
        except UNREADABLE:
            reason = "the file is cut short or damaged"
        raise DataError(
            f"{path}: {reason or error}; it is not the A-Z set as published, get it again from"
            f" {AZ_PAGE}"
        ) from error
    if not done:
        raise DataError(f"{path}: has no rows; get it again from {AZ_PAGE}")
    return np.concatenate(images), np.concatenate(labels)


# %%
letters = or_ours(load_az, LETTERS)
letters

# %%
#| fig-cap: "Letters are uneven: O has ten times as many samples as V. These are 5,935 rows of the full set, half of them drawn evenly over the classes."
#| fig-alt: "Bars of the number of samples of each letter; O and S stand far above the others."
plot_counts(letters)

# %% [markdown]
# The classes are as uneven as the words they were taken from. The full set has 57,825 O and 1,120 I. A network that always answers O would be right for one letter in six.
#
# **Is the first letter really lost?** We try it on a file of two lines, an A and a B, and count the rows:

# %%
with tempfile.TemporaryDirectory() as folder:
    tiny = Path(folder, "A_Z Handwritten Data.csv")
    tiny.write_text(
        "\n".join(f"{label}," + ",".join(["0"] * 783 + ["255"]) for label in (0, 1)) + "\n"
    )
    usual, whole = len(pd.read_csv(tiny)), len(load_az(tiny, cache=False))
dict(pandas=usual, load_az=whole)

# %%
#| hide
assert (usual, whole) == (1, 2)

# %% [markdown]
# **What if the file is damaged?** The line and the reason are named, and nothing is loaded:

# %%
with tempfile.TemporaryDirectory() as folder:
    tiny = Path(folder, "A_Z Handwritten Data.csv")
    tiny.write_text("0," + ",".join(["0"] * 784) + "\n" + "26," + ",".join(["0"] * 784) + "\n")
    try:
        load_az(tiny, cache=False)
    except DataError as error:
        refusal = str(error).replace(folder, "my_data")
print(refusal)

# %%
#| hide
assert "line 2 has the label 26" in refusal

# %% [markdown]
# ## Pen strokes: UNIPEN
# UNIPEN recorded the movements of pens on tablets in the 1990s, by people in Europe and America. It is the one collection here that says *who* wrote each character. So it can answer the question that matters: how well do we read a hand that the network has never seen?

# %%
#| export
UNIPEN_PAGE = (
    "UNIPEN train_r01_v07 (doi 10.5281/zenodo.1195803), draw its isolated digits and capitals as 28"
    " x 28 glyphs, save them with their writers (arrays x, y, writer, writer_names)"
)


def load_unipen(
    data: str | Path | None = None,  # unipen.npz or the data folder; None = CUSTOMOCR_DATA
) -> Characters:
    """UNIPEN's isolated digits and capitals with their writers. Raises `DataError` where the file
    is missing or has no writers."""
    path = find_file(["unipen.npz"], data)
    if path is None:
        raise missing("UNIPEN", "unipen.npz", UNIPEN_PAGE, data)
    characters = load_npz(path, "unipen")
    if not characters.writer_names:
        raise DataError(f"{path}: has no array writer, so its hands cannot be kept apart")
    return characters


# %%
pens = or_ours(load_unipen, CLASSES)
pens

# %%
#| hide
assert set(pens.labels) == set(range(36)) and (pens.writer >= 0).all()

# %%
#| code-fold: true
#| code-summary: "The plot"
#| fig-cap: "A few people wrote most of it. The steps at the right are the writers with more than a thousand samples; half of all writers gave fewer than a hundred."
#| fig-alt: "Samples of each writer in ascending order on a logarithmic scale, from 6 to almost 3,000."
per_writer = np.sort(np.bincount(pens.writer, minlength=len(pens.writer_names)))
ax = plt.figure(figsize=(7, 2.2)).gca()
ax.plot(per_writer, drawstyle="steps")
ax.set(xlabel="writer", ylabel="samples", yscale="log")
ax.spines[["top", "right"]].set_visible(False)

# %% [markdown]
# Two of the 296 writers gave 12 % of all samples. Remember them when we split.
#
# **A missing file.** A program cannot fetch UNIPEN. So the error says what to do:

# %%
with tempfile.TemporaryDirectory() as folder:
    try:
        load_unipen(folder)
    except DataError as error:
        advice = str(error).replace(folder, "my_data")
print(advice)

# %%
#| hide
assert "my_data" in advice and "zenodo" in advice and DATA_VARIABLE in advice

# %% [markdown]
# The strokes themselves (`unipen_strokes.npz`) are worth even more than pictures of them. [Writing](05_writing.ipynb) draws them again and again with other pens.
#
# ## Your own folder of images
# Make one folder for each class and put images of any size into it: dark on light, light on dark, with or without transparency. `load_folder` finds the ink and lays it out with `normalise_glyph`. The same function lays out the characters of a page later, so both look alike.
#
# A file that is no image, or a folder that is no class, stops the loading with its name. Otherwise a set could lose a part without a word.

# %%
#| export
IMAGE_TYPES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


def read_ink(
    path: str | Path,  # an image of one character, any size, dark on light or light on dark
) -> np.ndarray:  # uint8 (h, w), white ink on black
    """One image as ink: alpha laid on white, grey, the border's grey taken for paper, faint specks
    dropped."""
    image = cv2.imdecode(
        np.frombuffer(Path(path).read_bytes() or b"\0", np.uint8), cv2.IMREAD_UNCHANGED
    )
    if image is None:
        raise DataError(f"{path}: not an image, or damaged")
    if image.dtype == np.uint16:
        image = (image // 256).astype(np.uint8)
    if image.ndim == 3 and image.shape[2] == 4:
        alpha = image[:, :, 3:].astype(np.float32) / 255
        image = np.rint(image[:, :, :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) if image.ndim == 3 else image
    paper = float(np.median(np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])))
    difference = np.abs(grey.astype(np.float32) - paper)
    brighter, darker = difference[grey > paper].sum(), difference[grey < paper].sum()
    ink = np.where((grey > paper) == (brighter > darker), difference, 0).astype(np.uint8)
    level, _ = cv2.threshold(ink, 0, 255, cv2.THRESH_OTSU)
    return np.where(ink < level / 2, 0, ink).astype(np.uint8)


def load_folder(
    folder: str | Path,  # has one folder per class, named 0-9 or A-Z, each with images
    name: str | None = None,  # name of the source; None = the folder's
) -> Characters:
    """A folder of images per class. Raises `DataError` for a folder that is no class, a file that
    is no image, an empty image."""
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    classes = sorted(
        path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")
    )
    wrong = [path.name for path in classes if len(path.name) != 1 or path.name not in CLASSES]
    if wrong or not classes:
        found = f"'{wrong[0]}'" if wrong else "none"
        raise DataError(f"{folder}: needs one folder per class, named 0-9 or A-Z; found {found}")
    paths = [
        path
        for sub in classes
        for path in sorted(sub.iterdir())
        if path.suffix.lower() in IMAGE_TYPES
    ]
    if not paths:
        raise DataError(
            f"{folder}: no images in its class folders (looked for {', '.join(IMAGE_TYPES)})"
        )
    images = np.stack([normalise_glyph(read_ink(path)) for path in paths])
    empty = np.flatnonzero(images.reshape(len(images), -1).max(1) == 0)
    if len(empty):
        raise DataError(f"{paths[empty[0]]}: has no ink, nothing stands out from its border")
    labels = np.array([CLASSES.index(path.parent.name) for path in paths], np.uint8)
    return Characters(images, labels, source_names=(name or folder.name,))


# %%
#| code-fold: true
#| code-summary: "Three pictures of a T, written to a folder and loaded"
#| fig-cap: "Three files, one layout. They were dark ink on paper, chalk on a board, and a drawing without a background."
#| fig-alt: "Three glyphs of the letter T, white on black, of the same size and place."
def letter_t(height, width, ink, paper):
    image = np.full((height, width, 3), paper, np.uint8)
    cv2.line(
        image, (width // 5, height // 5), (width * 4 // 5, height // 5), ink, max(2, width // 14)
    )
    cv2.line(
        image, (width // 2, height // 5), (width // 2, height * 4 // 5), ink, max(2, width // 14)
    )
    return image


drawing = np.dstack(
    [
        letter_t(150, 100, (120, 30, 10), (0, 0, 0)),
        letter_t(150, 100, (255,) * 3, (0,) * 3)[:, :, 0],
    ]
)
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "T").mkdir()
    cv2.imwrite(f"{folder}/T/paper.png", letter_t(90, 200, (60, 50, 40), (205, 220, 225)))
    cv2.imwrite(f"{folder}/T/board.jpg", letter_t(300, 260, (230, 235, 230), (60, 70, 50)))
    cv2.imwrite(f"{folder}/T/drawing.png", drawing)
    own = load_folder(folder, "own")
show(contact_sheet(own, 3), 4)

# %%
#| hide
assert (
    "".join(CLASSES[label] for label in own.labels) == "TTT"
    and (own.images.reshape(3, -1).max(1) == 255).all()
)


# %% [markdown]
# ## Join
# Digits have the labels 0-9 and letters 10-35. So joining is putting one after the other.

# %%
#| export
def join(
    *parts: Characters,  # any number of them
) -> Characters:
    "All samples of several collections; sources and writers keep their names."
    if not parts:
        raise DataError("nothing to join: no collection was given")
    sources = tuple(dict.fromkeys(name for part in parts for name in part.source_names))
    writers = tuple(dict.fromkeys(name for part in parts for name in part.writer_names))
    source = [
        np.array([sources.index(name) for name in part.source_names])[part.source] for part in parts
    ]
    writer = [
        np.array([writers.index(name) for name in part.writer_names] + [-1])[part.writer]
        for part in parts
    ]
    return Characters(
        np.concatenate([part.images for part in parts]),
        np.concatenate([part.labels for part in parts]),
        np.concatenate(source),
        np.concatenate(writer),
        sources,
        writers,
    )


def load_all(
    data: str | Path | None = None,  # the data folder; None = CUSTOMOCR_DATA
) -> Characters:
    """MNIST, the A-Z letters and UNIPEN joined, as far as the folder holds them; the package's own
    glyphs where it holds none."""
    folder = data_folder(data)
    loaders: list[tuple[Sequence[str], Callable]] = [
        (["mnist.npz"], load_mnist),
        (AZ_FILES, load_az),
        (["unipen.npz"], load_unipen),
    ]
    found = [load(folder) for names, load in loaders if folder and find_file(names, folder)]
    return join(*found) if found else load_samples()


# %%
joined = join(digits, letters)
joined

# %%
#| fig-cap: "The joined set. Every digit comes from one source, every letter from another."
#| fig-alt: "Bars of all 36 classes: ten tall bars of digits in one colour, 26 low ones of letters in another."
plot_counts(joined)

# %% [markdown]
# The colours in this plot are a warning. The two sources differ in pen, scanner, and in the program that cut and scaled the images. Any of these differences tells a digit from a letter without a look at its shape. [Model](01_model.ipynb) measures how much a network uses that.
#
# **Exact repeats.** If a sample is there twice, one copy can land in training and one in the test. Then the test has been seen. `without_repeats` keeps the first copy. The count of repeats by collection:

# %%
repeats = {
    source: len(part) - len(part.without_repeats())
    for source, part in dict(digits=digits, letters=letters, pens=pens).items()
}
repeats

# %% [markdown]
# ## What the network gets
# A network wants small numbers, and a fourth axis for the colour channels. Ours has one channel:

# %%
inputs = (joined.images[:1000].astype(np.float32) / 255)[..., None]
inputs.shape, inputs.dtype, inputs.min(), inputs.max()

# %%
#| hide
assert inputs.shape == (1000, 28, 28, 1) and inputs.min() == 0 and inputs.max() == 1

# %% [markdown]
# ### One-hot labels
# A label is a name and no size. B (11) is not more than A (10). So the network does not answer with one number, but with 36: a probability for each class. The right answer for an A is then a 1 in the place of A and 0 in all others. That is called *one-hot*.

# %%
from sklearn.preprocessing import LabelBinarizer

# %%
binarizer = LabelBinarizer().fit(np.arange(len(CLASSES)))
one_hot = binarizer.transform([CLASSES.index("3"), CLASSES.index("A")])
for character, row in zip("3A", one_hot):
    print(character, *row)


# %% [markdown]
# [The next notebook](00b_network.ipynb#a-loss-in-three-numbers) shows that the loss uses only one of these 36 numbers. So we can store the label alone, one byte in place of 36 numbers. Keras calls the loss that works this way *sparse*.
#
# ## Class weights
# A network learns common classes first and rare ones late. The tutorial helps with a weight for each class. The largest class has weight 1. A class with a tenth of its samples has weight 10, and each mistake on it counts ten times.

# %%
#| export
def class_weights(
    characters: Characters,
) -> np.ndarray:  # float32 (36,), 1 for the largest class, 0 for a class without samples
    "The tutorial's weights: samples of the largest class / samples of this class."
    counts = class_counts(characters)
    return np.where(counts > 0, counts.max() / np.maximum(counts, 1), 0).astype(np.float32)


# %%
#| code-fold: true
#| code-summary: "A table of seven classes"
weights = class_weights(joined)
shown = [CLASSES.index(c) for c in "015OISV"]
pd.DataFrame(
    {"samples": class_counts(joined)[shown], "weight": weights[shown].astype(float).round(1)},
    index=list("015OISV"),
    dtype=object,
).T

# %%
#| hide
assert weights.min() == 1 and np.allclose(
    weights * class_counts(joined), class_counts(joined).max()
)


# %% [markdown]
# The table gives the number of samples and the weight. In the full A-Z set, I has weight 51.6, 0 has 8.4 and O has 1.0. In our sample it is the other way round: digits are common, and all letters are rare, O too.
#
# A weight of 69 has a price. One badly written V counts as much as sixty-nine 1s. [A better model](14_better_model.ipynb) shows a gentler way.
#
# ## Splits
# We keep a part of the samples away from training and measure on it. The question is which part.
#
# ### By sample
# The tutorial keeps a fifth of each class, drawn at random ([stratified split](glossary.html#stratified-split)). This tests *more characters by the same people*.

# %%
#| export
def split_stratified(
    characters: Characters,
    test: float = 0.2,  # share of each class in the second part
    seed: int = 1,  # scikit-learn's random_state; the tutorial's is 1
) -> tuple[Characters, Characters]:  # train, test
    """Random split with the same share of each class in both parts. Raises `DataError` where a
    class has one sample only."""
    from sklearn.model_selection import train_test_split

    try:
        train, held = train_test_split(
            np.arange(len(characters)),
            test_size=test,
            stratify=characters.labels,
            random_state=seed,
        )
    except ValueError as error:
        raise DataError(
            f"cannot split {len(characters)} samples with {test} of each class held out: {error}"
        ) from None
    return characters[train], characters[held]


# %%
train_part, test_part = split_stratified(joined)
len(train_part), len(test_part)

# %%
#| hide
assert abs(len(test_part) / len(joined) - 0.2) < 0.001
assert np.abs(class_counts(test_part) - 0.2 * class_counts(joined)).max() <= 1


# %% [markdown]
# With the full A-Z set these are the tutorial's 353,960 and 88,490 images.
#
# ### By writer
# A page comes from somebody new. So nobody who wrote a training sample may have written a test sample ([writer-disjoint split](glossary.html#writer-disjoint-split)).

# %%
#| export
def writer_mask(
    characters: Characters,  # anything with `writer` and `writer_names`
    writers: Sequence[str],  # names
) -> np.ndarray:  # bool (N,), True for a sample by one of them
    "Which samples are by these writers."
    known = np.array([name in set(writers) for name in characters.writer_names] + [False])
    return known[characters.writer]


def split_writers(
    characters: Characters,  # all with a known writer
    test: float = 0.1,  # share of the writers in the second part
    seed: int = 1,
) -> tuple[Characters, Characters]:  # train, test; no writer is in both
    "Random split by writer. Raises `DataError` where a sample has no writer."
    unknown = np.flatnonzero(characters.writer < 0)
    if len(unknown):
        raise DataError(
            f"{len(unknown):,} samples have no known writer (the first is row {unknown[0]}); a"
            " split by writer needs all"
        )
    writers = np.unique(characters.writer)
    n = round(test * len(writers))
    if not 0 < n < len(writers):
        raise DataError(
            f"a split by writer with {test} of {len(writers)} writers held out leaves one part"
            " empty"
        )
    held = np.random.default_rng(seed).permutation(writers)[:n]
    mask = np.isin(characters.writer, held)
    return characters[~mask], characters[mask]


# %%
on_both = lambda parts: len(set(parts[0].writer) & set(parts[1].writer))
by_sample, by_writer = split_stratified(pens), split_writers(pens)
print(
    f"writers on both sides: {on_both(by_sample)} when split by sample, {on_both(by_writer)} when"
    " split by writer"
)

# %%
#| hide
assert on_both(by_writer) == 0 < on_both(by_sample)

# %% [markdown]
# ### UNIPEN's held-out writers
# One split holds for the whole project, for all notebooks and all networks. 30 of UNIPEN's 296 writers are for testing only. 30 more are for choosing between networks. We sorted the writers' names by their SHA-256 hash and took the first 30 and the next 30. That is chance, and anybody can repeat it.

# %%
#| export
HELD_OUT = 30  # writers in each held-out part, a tenth of the 296
UNIPEN_TEST = tuple(
    """
aga/002 aga/004 aga/008 aga/013 apa/001 apa/003 apb/001 apb/017 apb/031 app/005 app/010 ceb/001
ced/007 ced/018 ced/026 ibm/019 imp/014 imp/029 imp/032 kai/011 lou/001 pri/001 pri/002 syn/005
syn/013 syn/017 tos/004 tos/012 tos/013 tos/046
""".split()
)
UNIPEN_VALIDATION = tuple(
    """
apb/023 apb/033 app/001 app/004 cea/002 ced/001 ced/013 ced/014 ced/015 ced/016 ced/017 ced/031
ced/032 ced/037 ced/039 ced/041 ibm/003 ibm/004 ibm/006 ibm/020 imp/012 imp/019 imp/027 kai/001
syn/014 tos/025 tos/028 tos/031 tos/038 tos/051
""".split()
)


def unipen_test_writers() -> tuple[str, ...]:  # 30 names, sorted
    "The tenth of UNIPEN's writers that no model of this project is trained or tuned on."
    return UNIPEN_TEST


def unipen_validation_writers() -> tuple[str, ...]:  # 30 names, sorted
    "A further tenth of UNIPEN's writers: models are chosen and calibrated on them, not trained."
    return UNIPEN_VALIDATION


def draw_writers(
    names: Sequence[str],  # all writer names, any order
    n: int = HELD_OUT,  # writers in each part
) -> tuple[tuple[str, ...], tuple[str, ...]]:  # test, validation; sorted
    """The rule that chose the held-out writers: names sorted by SHA-256, the first `n` and the next
    `n`."""
    ranked = sorted(names, key=lambda name: hashlib.sha256(name.encode()).hexdigest())
    return tuple(sorted(ranked[:n])), tuple(sorted(ranked[n : 2 * n]))


def split_unipen(
    characters: Characters,  # UNIPEN's glyphs; its strokes have the same order
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # indices of train, validation and test samples
    """The project's fixed split of UNIPEN by writer. Raises `DataError` where a held-out writer is
    missing from it."""
    absent = sorted(set(UNIPEN_TEST + UNIPEN_VALIDATION) - set(characters.writer_names))
    if absent:
        raise DataError(
            f"writer {absent[0]} is not among these {len(characters.writer_names)}; "
            "the fixed split needs the 296 writers of UNIPEN train_r01_v07"
        )
    test, validation = (
        writer_mask(characters, names) for names in (UNIPEN_TEST, UNIPEN_VALIDATION)
    )
    train = ~test & ~validation
    return np.flatnonzero(train), np.flatnonzero(validation), np.flatnonzero(test)


# %%
#| code-fold: true
#| code-summary: "Samples, writers and classes of the three parts"
if set(UNIPEN_TEST) <= set(pens.writer_names):
    assert draw_writers(pens.writer_names) == (unipen_test_writers(), unipen_validation_writers())
    parts = dict(zip(("train", "validation", "test"), split_unipen(pens)))
    assert per_writer[-2:].sum() / len(pens) > 0.12 and np.median(per_writer) < 100
else:  # the package's own glyphs: the same rule with fewer writers
    test, validation = draw_writers(pens.writer_names, n=1)
    masks = writer_mask(pens, validation), writer_mask(pens, test)
    parts = dict(
        train=np.flatnonzero(~masks[0] & ~masks[1]),
        validation=np.flatnonzero(masks[0]),
        test=np.flatnonzero(masks[1]),
    )
pd.DataFrame(
    {
        name: dict(
            samples=len(i), writers=len(set(pens.writer[i])), classes=len(set(pens.labels[i]))
        )
        for name, i in parts.items()
    }
).T

# %%
#| hide
assert sum(map(len, parts.values())) == len(pens) and len(
    np.concatenate(list(parts.values()))
) == len(set(np.concatenate(list(parts.values()))))

# %% [markdown]
# Each part holds all 36 classes, and no writer stands in two parts.
#
# ## Recap
# - Every collection becomes a `Characters`: images, labels, sources, writers.
# - Counts come first. Uneven classes and uneven writers decide what a network learns and what a test is worth.
# - A split by writer tests new hands. A split by sample does not.
#
# ## Exercises
# **1.** Which class of MNIST has the most ink? Guess, then compute the mean brightness of each class.
#
# <details><summary>Solution</summary>
#
# ```python
# ink = [digits.images[digits.labels == c].mean() for c in range(10)]
# pd.Series(ink, list(DIGITS)).sort_values()
# ```
# The 1 has the least by far, the 0 the most.
#
# </details>
#
# **2.** *Build your own set.* Write your name in capitals, photograph the letters one by one, and load them with `load_folder`. What happens to a photo with a shadow across it, and why?
#
# <details><summary>Solution</summary>
#
# ```python
# show(contact_sheet(load_folder("my_letters"), 5), 3)
# ```
# `read_ink` takes one grey for the paper, the median of the border. A shadow is darker than that and counts as ink. A page needs a threshold that follows the light: [Segmentation](02_segmentation.ipynb).
#
# </details>
#
# **3.** How many test samples of `by_sample` have a writer who is also on the training side?
#
# <details><summary>Solution</summary>
#
# ```python
# np.isin(by_sample[1].writer, by_sample[0].writer).mean()
# ```
# Practically all. This test says nothing about new hands.
#
# </details>
#
# **4.** Cap the class weights at 10. How many classes does that change? What is the share of V among all weighted samples before and after?
#
# <details><summary>Solution</summary>
#
# ```python
# capped = np.minimum(weights, 10)
# share = lambda w: (w * class_counts(joined) / (w * class_counts(joined)).sum())[CLASSES.index("V")]
# (weights > 10).sum(), share(weights), share(capped)
# ```
# The tutorial's weights give each class exactly 1/36. Capped, a rare class stays rarer.
#
# </details>
#
# ## What the next notebook builds on
# `load_mnist`, `load_az`, `load_unipen`, `load_folder` and `load_samples` give a `Characters`. `join`, `class_weights` and the splits take one. [Network](00b_network.ipynb) shows how a network looks at one glyph and how it learns. [Model](01_model.ipynb) then trains the tutorial's network on `split_stratified(join(...))`.
