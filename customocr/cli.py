"""The command `customocr`: reads images, collects examples, teaches and trains the network.

Exit code 0: done. 1: some pages could not be read, or not to their end before a limit was reached,
or with --strict did not fit, each said in one line on stderr. 2: something the user can mend
before anything is read. 130: stopped with Ctrl-C.
Whatever takes time to import is imported when it is needed.
"""

import argparse
import json
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

from customocr import __version__
from customocr.errors import NO_CHARACTERS, CustomOCRError, require_opencv
from customocr.files import plain_name, write_picture, write_whole

STDIN = STDOUT = "-"
FORMAT_NAMES = (
    "text",
    "json",
    "jsonl",
    "tsv",
    "hocr",
    "alto",
    "page",
    "pdf",
    "overlay",
)  # writers.FORMATS
BEGUN = time.monotonic()  # from here on `train --minutes` counts
TRAINING_NEEDS = ("tensorflow", "keras", "tf2onnx", "onnx", "pandas", "sklearn")


def parser() -> argparse.ArgumentParser:  # of the whole command
    """The commands and their options; options have the names of `Reader.read`'s and
    `training.train`'s parameters."""
    top = argparse.ArgumentParser(
        prog="customocr",
        description="Reads hand-printed digits and capitals from photos, scans and form fields.",
    )
    top.add_argument("--version", action="version", version=f"customocr {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    read = commands.add_parser(
        "read",
        help="read images, PDFs and folders",
        description=(
            "Reads each page of images, PDFs and folders, and prints or writes what stands there."
        ),
    )
    read.set_defaults(run=read_images)
    read.add_argument(
        "images",
        nargs="+",
        metavar="SOURCE",
        help="files, folders, patterns, URLs; - reads one file from standard input",
    )
    read.add_argument(
        "--format",
        action="append",
        choices=FORMAT_NAMES,
        metavar="NAME",
        help=f"{', '.join(FORMAT_NAMES)} (default: text); several are written into one folder",
    )
    read.add_argument(
        "--out",
        default=STDOUT,
        metavar="PLACE",
        help=(
            "a folder, which mirrors the folders that are read and is gone on with by a second run;"
            " or a file, for one source; - is standard output (default)"
        ),
    )
    work = read.add_argument_group("how much at once")
    work.add_argument(
        "--jobs",
        type=_count,
        default=1,
        metavar="N",
        help="processes that read (default: 1)",
    )
    work.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="a Dask cluster that reads, such as tcp://host:8786 (needs the extra cluster)",
    )
    read.add_argument(
        "--dpi",
        type=_count,
        metavar="N",
        help="dots per inch at which a PDF is drawn (default: 200)",
    )
    work.add_argument(
        "--limit",
        action="append",
        default=[],
        metavar="NAME=N",
        help="what a page may cost: bytes, pixels, aspect, pages, components, seconds or"
        " character_seconds",
    )
    read.add_argument(
        "--overlay",
        type=Path,
        metavar="DIR",
        help="write the image with boxes and text over it into this folder",
    )
    read.add_argument(
        "--explain",
        type=Path,
        metavar="DIR",
        help="write one picture of all stages from page to text into this folder",
    )
    know = read.add_argument_group("what you know of the text")
    know.add_argument(
        "--alphabet",
        metavar="CHARACTERS",
        help=(
            "the characters that can occur: digits, letters, alphanumeric, or the characters"
            " themselves"
        ),
    )
    know.add_argument(
        "--pattern",
        metavar="MASK",
        help=(
            "what a line looks like: A letter, 9 digit, * either, {n} after one repeats it; or re:"
            " and a regular expression"
        ),
    )
    know.add_argument(
        "--lexicon", type=Path, metavar="FILE", help="the words to expect, one a line"
    )
    know.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help=(
            "read nothing but what fits the lexicon or the pattern; exit code 1 where something"
            " does not"
        ),
    )
    know.add_argument(
        "--no-prior",
        dest="prior",
        action="store_false",
        default=None,
        help="no knowledge of which characters follow each other in names, words and numbers",
    )
    know.add_argument(
        "--reject",
        type=_share,
        metavar="P",
        help="a character less probable than this comes out as a placeholder (0 to 1)",
    )
    read.add_argument(
        "--no-rotate",
        dest="rotate",
        action="store_false",
        default=None,
        help="take the page as upright, do not try it turned",
    )
    read.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="another character network (ONNX) than the one that comes with the package",
    )
    read.add_argument(
        "--lines",
        type=Path,
        default=None,
        metavar="FILE",
        help="another line network (ONNX): one of our own, or one that PaddleOCR publishes",
    )
    read.add_argument(
        "--no-lines",
        dest="lines",
        action="store_false",
        default=None,
        help="read by cuts alone, without a line network",
    )

    train = commands.add_parser(
        "train",
        help="train the network again",
        description="Trains the network and writes it as .keras and ONNX with its card.",
    )
    train.set_defaults(run=train_model)
    train.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="data folder (default: $CUSTOMOCR_DATA, else the package's own glyphs)",
    )
    train.add_argument(
        "--az",
        type=Path,
        metavar="FILE",
        help="the full A-Z set, its zip or CSV, in place of the data folder's sample",
    )
    train.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="folder for checkpoint, log, model and card (default: runs/customocr)",
    )
    budget = train.add_mutually_exclusive_group()
    budget.add_argument("--epochs", type=_count, metavar="N", help="passes over the training set")
    budget.add_argument(
        "--minutes", type=float, metavar="N", help="how long it may take, everything counted"
    )
    train.add_argument("--seed", type=int, metavar="N", help="seed of everything random")
    train.add_argument(
        "--resume",
        action="store_true",
        default=None,
        help="go on from the last checkpoint in --out",
    )
    train.add_argument(
        "--boxes",
        action="store_true",
        help=(
            "train the network that judges boxes instead of the one for characters; needs the data"
            " folder's UNIPEN strokes"
        ),
    )
    train.add_argument("--pages", type=_count, metavar="N", help="pages composed for --boxes")
    train.add_argument(
        "--lines",
        nargs="?",
        const=True,
        type=_count,
        metavar="N",
        help="train the network that reads whole lines, on N composed lines or for --minutes, "
        "at most 90; needs the data folder's UNIPEN strokes",
    )
    train.add_argument(
        "--start", type=Path, metavar="FILE", help="with --lines: go on from this line network"
    )
    train.add_argument(
        "--rate",
        type=float,
        metavar="R",
        help="with --lines: the largest rate of learning (default: 0.002, with --start 0.001)",
    )
    add_collecting(commands)
    add_teaching(commands)
    add_evaluating(commands)
    return top


def add_collecting(
    commands,  # argparse's sub-commands
) -> None:
    "The commands that make examples of your own."
    sheet = commands.add_parser(
        "sheet",
        help="a sheet to print and fill",
        description="Writes a sheet with a box for each character, to print, fill and photograph.",
    )
    sheet.set_defaults(run=write_sheet)
    sheet.add_argument("--chars", required=True, metavar="CHARACTERS", help="what is to be written")
    sheet.add_argument(
        "--copies", type=_count, metavar="N", help="boxes for each character (default: 3)"
    )
    sheet.add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="a new .pdf, or a .png"
    )
    collect = commands.add_parser(
        "collect",
        help="examples from sheets, pages and folders",
        description=(
            "Cuts labelled characters from photos of filled sheets, from a page and its text, or "
            "from folders and zips with a folder for each class, and adds them to a folder."
        ),
    )
    collect.set_defaults(run=collect_examples)
    collect.add_argument("sources", nargs="*", metavar="SOURCE", help="photos, folders, zips")
    collect.add_argument(
        "--out", type=Path, required=True, metavar="PLACE", help="folder; with --look a new .png"
    )
    collect.add_argument(
        "--text", type=Path, metavar="FILE", help="what the one page says, line by line"
    )
    collect.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="the character network (ONNX) that says which labels are doubtful, and reads the page"
        " of --text (default: the shipped one)",
    )
    collect.add_argument(
        "--look",
        type=Path,
        metavar="FOLDER",
        help="a contact sheet of a folder of examples, doubtful labels first",
    )


def add_teaching(
    commands,  # argparse's sub-commands
) -> None:
    "The command that makes a network of your own."
    teach = commands.add_parser(
        "teach",
        help="a network that reads your hand and your signs",
        description=(
            "Teaches the character network a folder of examples, as `customocr collect` makes it,"
            " and writes a new network for `customocr read --model`. New characters become new"
            " classes. Prints what it reads before and after, on examples that it did not learn"
            " from. Ctrl-C ends it early, and what was learnt is kept."
        ),
    )
    teach.set_defaults(run=teach_network)
    teach.add_argument("folder", type=Path, metavar="FOLDER", help="examples")
    teach.add_argument("--out", type=Path, required=True, metavar="FILE", help="a new .onnx file")
    teach.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="the character network (ONNX) to start from (default: the shipped one)",
    )
    teach.add_argument("--seed", type=int, metavar="N", help="of all chance (default: 0)")


def add_evaluating(
    commands,  # argparse's sub-commands
) -> None:
    "The command that measures a network."
    evaluate = commands.add_parser(
        "evaluate",
        help="measure a network on labelled glyphs or on pages with text",
        description=(
            "Measures on a folder of labelled glyphs (with a manifest, or a folder for each class,"
            " or a zip of these), or of pages, each with its text in a .txt of the same name or in"
            " a truth.tsv. Prints a table, the totals and what is confused with what."
        ),
    )
    evaluate.set_defaults(run=evaluate_folder)
    evaluate.add_argument("folder", type=Path, metavar="FOLDER", help="glyphs, or pages with text")
    evaluate.add_argument(
        "--model",
        type=Path,
        metavar="FILE",
        help="the character network (ONNX) to measure (default: the shipped one)",
    )
    evaluate.add_argument(
        "--lines",
        type=Path,
        default=None,
        metavar="FILE",
        help="the line network (ONNX) that reads pages with it (default: the shipped one)",
    )
    evaluate.add_argument(
        "--no-lines",
        dest="lines",
        action="store_false",
        default=None,
        help="read pages by cuts alone, without a line network",
    )
    evaluate.add_argument(
        "--out",
        type=Path,
        metavar="FOLDER",
        help="write tables (CSV), the confusions and the worst examples as pictures in here",
    )
    evaluate.add_argument("--json", action="store_true", help="print all figures as JSON")


def teach_network(
    options: argparse.Namespace,  # of `customocr teach`
) -> int:  # exit code
    "Teach, with progress; needs onnx, of the extra `teach`."
    if find_spec("onnx") is None:
        complain("teaching needs onnx: pip install 'customocr[teach]'")
        return 2
    require_opencv()
    print(f"{options.folder}: looking at the examples", flush=True)
    from customocr import teaching

    taught = teaching.teach(
        options.folder,
        options.out,
        **given(options, "model", "seed"),
        say=lambda line: print(line, flush=True),
    )
    print(taught)
    new = f", {len(taught.new)} of them new: {' '.join(taught.new)}" if taught.new else ""
    print(f"{taught.path}: written; it has {len(taught.symbols)} classes{new}")
    if not taught.whole:
        complain("stopped early; the network holds what was learnt until then")
    print(f"customocr read photo.jpg --model {taught.path}")
    return 0


def evaluate_folder(
    options: argparse.Namespace,  # of `customocr evaluate`
) -> int:  # exit code, 1 where a page could not be read
    "Measure, print, and write the report where one is asked for."
    require_opencv()
    from customocr import evaluating
    from customocr.recognition import Reader

    if options.out:
        evaluating.refuse_existing(options.out)
    seen = sys.stderr.isatty()

    def told(n: int, of: int) -> None:
        print(f"\r{n} of {of} pages", end="" if n < of else "\n", file=sys.stderr, flush=True)

    reader = Reader(**given(options, "model", "lines"))
    scores = evaluating.evaluate(options.folder, reader, told if seen else None)
    if options.json:
        what = {"folder": str(options.folder), "model": str(options.model or "shipped")}
        print(json.dumps(what | scores.to_dict(), ensure_ascii=False, indent=1))
    else:
        print(evaluating.report_of(scores))
    for path in evaluating.write_scores(scores, options.out) if options.out else ():
        complain(f"{path}: written")
    problems = getattr(scores, "problems", ())
    for problem in problems:
        complain(problem)
    return 1 if problems else 0


def write_sheet(
    options: argparse.Namespace,  # of `customocr sheet`
) -> int:  # exit code
    "Write a sheet and say what to do with it."
    require_opencv()
    from customocr import collecting

    for path in collecting.write_sheet(options.out, options.chars, **given(options, "copies")):
        print(f"{path}: print it at 100 %, fill it, photograph it, then customocr collect PHOTO")
    return 0


def collect_examples(
    options: argparse.Namespace,  # of `customocr collect`
) -> int:  # exit code
    "Add examples to a folder, or draw the contact sheet of one."
    require_opencv()
    if bool(options.sources) == bool(options.look):
        raise CustomOCRError("name photos, folders or zips to collect from, or --look FOLDER")
    from customocr import collecting

    if options.look:
        if options.out.suffix.lower() != ".png" or options.out.exists():
            raise CustomOCRError(f"{options.out}: name a .png that is not there yet")
        import cv2

        picture = collecting.contact_sheet(options.look)
        collecting.write_new(options.out, cv2.imencode(".png", picture)[1].tobytes())
        return 0
    try:
        text = options.text.read_text("utf-8-sig") if options.text else None
    except UnicodeDecodeError:
        raise CustomOCRError(f"{options.text}: not UTF-8; save it as UTF-8 text") from None
    from customocr.recognition import Reader

    reader = Reader(**given(options, "model"))
    rows, left = collecting.collect(options.sources, options.out, text, reader)
    for said in left:
        complain(said)
    if not rows:
        print(f"nothing new for {options.out}")
        return 0
    print(f"{len(rows)} examples added to {options.out}; look at them before you learn from them:")
    print(f"customocr collect --look {options.out} --out contact.png")
    return 0


def _share(
    text: str,  # what the user gave
) -> float:  # from 0 to 1
    "A number from 0 to 1, or argparse's error."
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not between 0 and 1")
    return value


_share.__name__ = "number"  # argparse puts the name into its message


def _count(
    text: str,  # what the user gave
) -> int:  # at least 1
    "A whole number above 0, or argparse's error."
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not at least 1")
    return value


_count.__name__ = "whole number"


def given(
    options: argparse.Namespace,
    *names: str,  # options that the called function has a default for
) -> dict:  # those the user changed
    "Only what the user said, so that each default stands in one place, the called function."
    values = {name: getattr(options, name) for name in names}
    return {name: value for name, value in values.items() if value is not None}


def read_images(
    options: argparse.Namespace,  # of `customocr read`
) -> int:  # exit code, 1 where at least one page could not be read
    "Read each page; a bad one is reported and does not stop the others."
    require_opencv()
    formats = list(dict.fromkeys(options.format or ()))
    single = None  # the one format of a file
    if options.out != STDOUT and not os.path.isdir(options.out):
        single = format_of(options.out)
    if options.out != STDOUT and not single:
        if options.overlay or options.explain:
            raise CustomOCRError(
                "--overlay and --explain go with standard output; with --out say --format overlay"
            )
        return read_into_folder(options, formats or ["text"])
    if single and formats not in ([], [single]):
        raise CustomOCRError(
            f"{options.out} holds {single} only; name a folder for {', '.join(formats)}"
        )
    if len(formats) > 1:
        raise CustomOCRError(f"{' and '.join(formats)} need a folder: --out FOLDER")
    return read_into_one(options, single or (formats or ["text"])[0])


def format_of(
    name: str,  # of a file for results
) -> str | None:  # name of a format
    "The format that a file's suffix means, if any."
    from customocr.formats.writers import FORMATS

    return next(
        (key for key, f in reversed(FORMATS.items()) if name.lower().endswith(f.suffix)), None
    )


def settings_of(
    options: argparse.Namespace,  # of `customocr read`
) -> dict:  # keyword arguments of `read_many` and `write_many`
    "What the user said of the text and of the work."
    names = "alphabet pattern lexicon strict prior reject rotate dpi scheduler jobs".split()
    return given(options, *names)


def reader_of(
    options: argparse.Namespace,  # of `customocr read`
):  # a Reader
    "The reader that the user asked for. Raises `ModelError`, and `CustomOCRError` for a limit."
    from customocr.limits import limits_of
    from customocr.recognition import Reader

    return Reader(**given(options, "model", "lines"), limits=limits_of(options.limit))


def read_into_folder(
    options: argparse.Namespace,  # of `customocr read`
    formats: list[str],
) -> int:  # exit code
    "Write results into a folder, with a progress line on a terminal."
    from customocr.batch import write_many

    seen = sys.stderr.isatty()
    summary = write_many(
        options.images,
        options.out,
        formats,
        reader_of(options),
        progress=seen,
        on_error=lambda message: complain(message, seen),
        **settings_of(options),
    )
    complain(str(summary))
    unfit = options.strict and summary.unmatched
    return 1 if summary.failed or summary.incomplete or unfit else 0


def read_into_one(
    options: argparse.Namespace,  # of `customocr read`
    name: str,  # of the format
) -> int:  # exit code
    "Write results one after the other to standard output, or all into one file."
    for folder in filter(None, (options.overlay, options.explain)):
        if folder.exists() and not folder.is_dir():
            raise CustomOCRError(f"{folder} is a file; name a folder to write pictures into")
        folder.mkdir(parents=True, exist_ok=True)
    from customocr.batch import read_many
    from customocr.formats.sources import find, load_page
    from customocr.formats.writers import FORMATS

    form, to_file = FORMATS[name], options.out != STDOUT
    several = len(options.images) > 1 or any(map(is_many, options.images))
    if several and (to_file or name not in ("text", "json", "jsonl", "overlay")):
        raise CustomOCRError(f"{name} of several files needs a folder: --out FOLDER")
    if not form.text and not to_file and sys.stdout.isatty():
        raise CustomOCRError(f"{name} is not for a terminal: --out FILE, or send it into a pipe")
    reader = reader_of(options)
    settings = settings_of(options)
    code = 0
    parts: list = []
    taken: set[str] = set()
    for result in read_many(find(options.images, limits=reader.limits), reader, **settings):
        several = several or result.source.pages > 1
        if result.error:
            complain(result.error)
            code = 1
        else:
            code = code if fits(result, options.strict) else 1
            if not draw(options, result, reader, load_page, settings, taken):
                code = 1
        picture = (
            load_page(result.source, limits=reader.limits)
            if name == "pdf" and result.page
            else None
        )
        if to_file or not form.text or name in ("tsv", "hocr"):
            if parts and form.single:
                raise CustomOCRError(f"{name} of several pages needs a folder: --out FOLDER")
            parts.append(form.write(result, picture))
        else:
            say(result, form, name, several)
    if parts:
        write_out(options.out, form.join(parts), options.images)
    return code


def fits(
    result,  # a Result with a page
    strict: bool | None,
) -> bool:  # False where something that was asked for is missing
    "Say where something on a page fits neither pattern nor lexicon, or was not read."
    if not result.page.matched:
        left = "left out" if strict else "read all the same"
        complain(f"{result.source.label}: what does not fit the pattern or the lexicon is {left}")
    if not result.page.complete:
        complain(f"{result.source.label}: a limit was reached before all of the page was read")
    return result.page.complete and (result.page.matched or not strict)


def say(
    result,  # a Result
    form,  # its Format
    name: str,  # of the format
    several: bool,  # True: say which page it is
) -> None:
    "Print a page at once, so that it can be seen before the next is read."
    if name != "text":
        print(form.write(result, None).decode(), end="", flush=True)
    elif not result.error:
        if several:
            print(f"==> {result.source.label if result.source.name != STDIN else STDIN} <==")
        if result.text:
            print(result.text, flush=True)
        elif result.page.matched:
            blank = "no characters found: the page is blank"
            said = NO_CHARACTERS if result.page.has_ink else blank
            complain(f"{result.source.label}: {said}")


def is_many(
    name: str,  # as the user gave it
) -> bool:  # True: a folder or a pattern
    "Whether a name can stand for several files."
    return os.path.isdir(name) or (any(c in name for c in "*?[") and not os.path.exists(name))


def draw(options, result, reader, load_page, settings, taken) -> bool:  # False: one is missing
    """Write the pictures that were asked for beside the text; one that cannot be written is told
    and stops nothing."""
    if not (options.overlay or options.explain):
        return True
    import cv2

    know = {k: v for k, v in settings.items() if k not in ("dpi", "scheduler", "jobs")}
    explained = lambda: reader.explain(
        load_page(result.source, limits=reader.limits), **know
    ).draw()
    name, done = file_name(result.source.name, taken), True
    for folder, make in ((options.overlay, result.page.draw), (options.explain, explained)):
        if not folder:
            continue
        try:
            png = cv2.imencode(".png", make())[1].tobytes()
            write_picture(folder / name, png, inputs=options.images)
        except CustomOCRError as error:
            complain(str(error))
            done = False
        except Exception as error:  # of OpenCV, or for lack of memory; the text is still printed
            complain(f"{result.source.label}: cannot be drawn: {type(error).__name__}: {error}")
            done = False
    return done


def write_out(
    place: str,  # a file or `-`
    data: bytes,
    inputs: list[str],  # what was read, which is not replaced
) -> None:
    "Write all at once; a file is whole or absent."
    if place == STDOUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    if Path(place).exists() and not Path(place).is_file():  # a pipe or a device, as /dev/null
        Path(place).write_bytes(data)
        return
    write_whole(place, data, inputs=inputs)


def file_name(
    image: str,  # as the user gave it
    taken: set[str],  # names given out before, the new one is added
) -> str:  # name of a PNG file
    "A name for an image's overlay: its own, with a number where two images share it."
    stem = "stdin" if image == STDIN else Path(image).stem
    name, number = f"{stem}.png", 1
    while name in taken:
        number += 1
        name = f"{stem}-{number}.png"
    taken.add(name)
    return name


def train_model(
    options: argparse.Namespace,  # of `customocr train`
) -> int:  # exit code
    "Train, with progress; needs the extra `train`."
    missing = [name for name in TRAINING_NEEDS if find_spec(name) is None]
    if missing:
        complain(f"training needs {', '.join(missing)}: pip install 'customocr[train]'")
        return 2
    require_opencv()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.lines is not None:
        return train_lines(options)
    if options.boxes:
        print("composing pages", flush=True)
        from customocr.boxes import train as train_boxes

        for name in ("az", "minutes"):
            if getattr(options, name) is not None:
                raise CustomOCRError(
                    f"--{name} does not go with --boxes: composed pages are its only data, --pages"
                    " and --epochs its measure"
                )
        train_boxes(**given(options, "data", "out", "pages", "epochs", "seed", "resume"))
        return 0
    if options.pages is not None:
        raise CustomOCRError("--pages goes with --boxes")
    for name in ("start", "rate"):
        if getattr(options, name) is not None:
            raise CustomOCRError(f"--{name} goes with --lines")
    print("loading TensorFlow", flush=True)
    from customocr.training import train

    said = given(options, "data", "az", "out", "epochs", "minutes", "seed", "resume")
    train(**said, begun=BEGUN)
    return 0


def train_lines(
    options: argparse.Namespace,  # of `customocr train --lines`
) -> int:  # exit code
    "Train the network that reads whole lines."
    for name in ("az", "epochs", "pages", "boxes"):
        if getattr(options, name):
            raise CustomOCRError(
                f"--{name} does not go with --lines: composed lines are its only data, "
                "--minutes or a number after --lines its measure"
            )
    from customocr.line_training import train

    said = given(options, "data", "out", "minutes", "seed", "resume", "start", "rate")
    if options.lines is not True:
        said["lines"] = options.lines
    train(**said)
    return 0


def complain(
    message: str,  # what was wrong and what to do
    over: bool = False,  # True: over a line of progress
) -> None:
    "One line on stderr."
    start = "\r\x1b[K" if over else ""
    print(f"{start}customocr: {plain_name(message)}", file=sys.stderr, flush=True)


def main(
    arguments: list[str] | None = None,  # without the command's name; None: those of this process
) -> int:  # exit code
    "Run the command."
    for stream in (sys.stdout, sys.stderr):  # a file's name may not be writable in its encoding
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    top = parser()
    options, more = top.parse_known_args(arguments)
    if options.command != "read" or any(m.startswith("-") and m != STDIN for m in more):
        more and top.error(f"unrecognized arguments: {' '.join(more)}")
    else:  # sources after an option, as in `read a.png --format json b.png`
        options.images += more
    try:
        return options.run(options)
    except CustomOCRError as error:
        complain(str(error))
        return 2
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        hint = {"train": "; go on with the same command and --resume"}.get(options.command, "")
        if options.command == "read" and options.out != STDOUT:
            hint = "; the same command goes on"
        complain(f"stopped{hint}")
        return 130
    except OSError as error:
        complain(f"{error.filename or 'file system'}: {error.strerror or error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
