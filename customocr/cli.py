"""The command `customocr`: reads images, trains the network, says its version.

Exit code 0: done. 1: with --strict, a line fits neither pattern nor lexicon. 2: something the user can mend, said in one line on stderr. 130: stopped with Ctrl-C. Whatever takes time to
import is imported when it is needed.
"""

import argparse
import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from customocr import __version__
from customocr.errors import CustomOCRError, ImageError

STDIN = "-"
TRAINING_NEEDS = ("tensorflow", "keras", "tf2onnx", "onnx", "pandas", "sklearn")


def parser() -> argparse.ArgumentParser:  # of the whole command
    "The commands and their options; options have the names of `Reader.read`'s and `training.train`'s parameters."
    top = argparse.ArgumentParser(
        prog="customocr",
        description="Reads hand-printed digits and capitals from photos, scans and form fields.",
    )
    top.add_argument("--version", action="version", version=f"customocr {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    read = commands.add_parser(
        "read", help="print the text of images", description="Prints the text of each image."
    )
    read.set_defaults(run=read_images)
    read.add_argument(
        "images",
        nargs="+",
        metavar="IMAGE",
        help="image files; - reads one image from standard input",
    )
    read.add_argument(
        "--format",
        choices=("text", "json"),
        default="text",
        help="json: one object a line for each image, with boxes and confidences",
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
        help="the characters that can occur: digits, letters, alphanumeric, or the characters themselves",
    )
    know.add_argument(
        "--pattern",
        metavar="MASK",
        help="what a line looks like: A letter, 9 digit, * either, {n} after one repeats it; or re: and a regular expression",
    )
    know.add_argument(
        "--lexicon", type=Path, metavar="FILE", help="the words to expect, one a line"
    )
    know.add_argument(
        "--strict",
        action="store_true",
        default=None,
        help="read nothing but what fits the lexicon or the pattern; exit code 1 where something does not",
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
        help="another network (ONNX) than the one that comes with the package",
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
    budget.add_argument("--minutes", type=float, metavar="N", help="about how long to train")
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
        help="train the network that judges boxes instead of the one for characters; needs the data folder's UNIPEN strokes",
    )
    train.add_argument("--pages", type=_count, metavar="N", help="pages composed for --boxes")
    return top


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
) -> int:  # exit code: 2 where an image could not be read, 1 where one does not fit with --strict
    "Read each image; a bad one is reported and does not stop the others."
    for folder in filter(None, (options.overlay, options.explain)):
        if folder.exists() and not folder.is_dir():
            raise CustomOCRError(f"{folder} is a file; name a folder to write pictures into")
        folder.mkdir(parents=True, exist_ok=True)
    from customocr.recognition import Reader

    reader = Reader(**given(options, "model"))
    settings = given(
        options, "alphabet", "pattern", "lexicon", "strict", "prior", "reject", "rotate"
    )
    code, taken = 0, set()
    for image in options.images:
        try:
            source = image if image != STDIN else standard_input()
            stages = reader.explain(source, **settings) if options.explain else None
            page = stages.page if stages else reader.read(source, **settings)
        except ImageError as error:
            complain(str(error).replace("the image bytes", "standard input"))
            code = 2
            continue
        name = file_name(image, taken)
        if options.overlay:
            write_picture(options.overlay / name, page.draw())
        if stages:
            write_picture(options.explain / name, stages.draw())
        if not page.matched:
            left = "left out" if options.strict else "read all the same"
            complain(f"{image}: what does not fit the pattern or the lexicon is {left}")
            code = max(code, 1 if options.strict else 0)
        if options.format == "json":
            print(json.dumps({"source": image, **page.to_dict()}, ensure_ascii=False), flush=True)
        else:
            if len(options.images) > 1:
                print(f"==> {image} <==")
            if page.text:
                print(page.text, flush=True)
            elif page.matched:
                complain(f"{image}: no characters found")
    return code


def standard_input() -> bytes:  # content of an image file
    "The image on standard input."
    if sys.stdin is None or sys.stdin.isatty():
        raise ImageError("standard input: is the keyboard: pipe an image into `customocr read -`")
    return sys.stdin.buffer.read()


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


def write_picture(
    file: Path,  # PNG file
    picture,  # uint8 (h, w) or (h, w, 3) BGR
) -> None:
    "Write a picture."
    import cv2

    file.write_bytes(cv2.imencode(".png", picture)[1].tobytes())


def train_model(
    options: argparse.Namespace,  # of `customocr train`
) -> int:  # exit code
    "Train, with progress; needs the extra `train`."
    missing = [name for name in TRAINING_NEEDS if find_spec(name) is None]
    if missing:
        complain(f"training needs {', '.join(missing)}: pip install 'customocr[train]'")
        return 2
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if options.boxes:
        from customocr.boxes import train as train_boxes

        for name in ("az", "minutes"):
            if getattr(options, name) is not None:
                raise CustomOCRError(
                    f"--{name} does not go with --boxes: composed pages are its only data, --pages and --epochs its measure"
                )
        train_boxes(**given(options, "data", "out", "pages", "epochs", "seed", "resume"))
        return 0
    if options.pages is not None:
        raise CustomOCRError("--pages goes with --boxes")
    from customocr.training import train

    train(**given(options, "data", "az", "out", "epochs", "minutes", "seed", "resume"))
    return 0


def complain(
    message: str,  # what was wrong and what to do
) -> None:
    "One line on stderr."
    print(f"customocr: {message}", file=sys.stderr, flush=True)


def main(
    arguments: list[str] | None = None,  # without the command's name; None: those of this process
) -> int:  # exit code
    "Run the command."
    options = parser().parse_args(arguments)
    try:
        return options.run(options)
    except CustomOCRError as error:
        complain(str(error))
        return 2
    except BrokenPipeError:  # the reader of our output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        complain(
            "stopped"
            + ("; go on with the same command and --resume" if options.command == "train" else "")
        )
        return 130
    except OSError as error:
        complain(f"{error.filename or 'file system'}: {error.strerror or error}")
        return 2


if __name__ == "__main__":
    sys.exit(main())
