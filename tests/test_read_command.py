"""`customocr read` as a process, with the shipped network, on what people give it: the text or one
clear line, never a traceback."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest

from customocr import samples
from customocr.recognition import Reader

TEXT = {page.name: page.text for page in samples.pages()}


@pytest.fixture(scope="module")
def said() -> str:
    """What the reader says of the sample page as it is: every disguise of the page must give the
    same."""
    return Reader().read(samples.page("lines")).text + "\n"


def read(*arguments: str, **options) -> subprocess.CompletedProcess:
    """Run `customocr read`; whatever happens, it happens without a traceback and with exit code 0,
    1 or 2."""
    done = subprocess.run(
        [sys.executable, "-m", "customocr", "read", *map(str, arguments)],
        capture_output=True,
        timeout=120,
        **options,
    )
    done.out, done.err = done.stdout.decode(), done.stderr.decode()
    assert "Traceback" not in done.err, done.err
    assert done.returncode in (0, 1, 2), done.err
    return done


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    "A sample page's pixels, BGR."
    return cv2.imread(str(samples.page("lines")))


def test_a_sample_page_is_read(said):
    done = read(samples.page("hello"))
    assert (done.returncode, done.out, done.err) == (0, TEXT["hello"] + "\n", "")
    assert read(samples.page("lines")).out == said


def test_standard_input_and_json(pixels, said):
    height, width = pixels.shape[:2]
    done = read("-", "--format", "json", input=samples.page("lines").read_bytes())
    page = json.loads(done.out)
    assert page["source"] == "-" and page["text"] + "\n" == said
    characters = [
        character
        for line in page["lines"]
        for word in line["words"]
        for character in word["characters"]
    ]
    assert "".join(character["text"] for character in characters) == "".join(said.split())
    for character in characters:
        x, y, w, h = character["box"]
        assert 0 <= x < x + w <= width and 0 <= y < y + h <= height
        assert 0 < character["confidence"] <= 1


def test_overlay_and_explanation_are_pictures(tmp_path):
    assert (
        read(
            samples.page("hello"), "--overlay", tmp_path / "seen", "--explain", tmp_path / "stages"
        ).returncode
        == 0
    )
    for file in (tmp_path / "seen" / "hello.png", tmp_path / "stages" / "hello.png"):
        picture = cv2.imread(str(file))
        assert picture is not None and picture.std() > 1


def test_a_file_where_a_folder_is_wanted_is_named_and_stays(tmp_path):
    file = tmp_path / "seen.png"
    file.write_text("mine")
    result = read(samples.page("hello"), "--overlay", file)
    assert result.returncode == 2 and "seen.png is a file; name a folder" in result.err
    assert file.read_text() == "mine"


def transparent(page: np.ndarray) -> np.ndarray:
    "The page's ink on a transparent ground."
    ink = 255 - cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    ink[ink < 70] = 0
    return np.dstack([np.zeros_like(page), ink])


@pytest.mark.parametrize(
    "change",
    [
        lambda page: cv2.cvtColor(page, cv2.COLOR_BGR2BGRA),
        lambda page: page.astype(np.uint16) * 257,
        lambda page: cv2.cvtColor(page, cv2.COLOR_BGR2GRAY).astype(np.uint16) * 257,
    ],
    ids=["four_channels", "sixteen_bits", "sixteen_bits_grey"],
)
def test_pngs_of_unusual_depth_give_the_text(pixels, change, said, tmp_path):
    file = tmp_path / "page.png"
    cv2.imwrite(str(file), change(pixels))
    assert read(file).out == said


def test_ink_on_transparent_ground_gives_the_text(tmp_path):
    file = tmp_path / "page.png"
    cv2.imwrite(str(file), transparent(cv2.imread(str(samples.page("hello")))))
    assert read(file).out == TEXT["hello"] + "\n"


def test_a_sideways_photo_is_read_by_its_exif_tag(pixels, said, tmp_path):
    Image = pytest.importorskip("PIL.Image", reason="pillow writes the EXIF tag")
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise by 90 degrees to see it upright
    file = tmp_path / "photo.jpg"
    Image.fromarray(np.ascontiguousarray(np.rot90(pixels)[..., ::-1])).save(
        file, exif=exif, quality=98, subsampling=0
    )
    assert read("--no-rotate", file).out == said


def test_pages_without_text(tmp_path):
    for name, picture in (
        ("dot", np.full((1, 1), 255, np.uint8)),
        ("white", np.full((600, 400, 3), 255, np.uint8)),
        ("black", np.zeros((300, 300), np.uint8)),
    ):
        file = tmp_path / f"{name}.png"
        cv2.imwrite(str(file), picture)
        done = read(file)
        assert (done.returncode, done.out) == (0, ""), name
        assert "no characters found" in done.err


def test_files_that_are_no_picture(tmp_path):
    whole = samples.page("lines").read_bytes()
    (tmp_path / "text.png").write_text("call me a picture\n" * 20)
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "nothing").mkdir()
    names = ["missing.png", "text.png", "empty.png", "truncated.jpg", "nothing"]
    done = read(*[tmp_path / name for name in names], samples.page("hello"))
    assert done.returncode == 1
    assert done.out.endswith(TEXT["hello"] + "\n"), (
        "bad files do not keep a good one from being read"
    )
    lines = done.err.splitlines()
    assert len(lines) == len(names)
    for line, name, said in zip(
        lines, names, ("no such file", "text file", "empty", "truncated", "no image files")
    ):
        assert line.startswith("customocr: ") and said in line and name in line


@pytest.mark.parametrize(
    "arguments",
    [
        ("--pattern", "["),
        ("--alphabet", ""),
        ("--lexicon", "no_such_file.txt"),
        ("--model", "no_such_model.onnx"),
        ("--model", __file__),
    ],
    ids=["pattern", "alphabet", "lexicon", "model_missing", "model_not_onnx"],
)
def test_settings_that_make_no_sense(arguments):
    done = read(*arguments, samples.page("hello"), samples.page("lines"))
    assert (done.returncode, done.out) == (2, "")
    assert done.err.startswith("customocr: ") and done.err.count("\n") == 1, (
        "said once, not for each image"
    )


def test_hints_that_do_not_fit_are_said(tmp_path):
    page = samples.page("hello")
    loose = read(page, "--pattern", "99")
    assert (loose.returncode, loose.out) == (0, TEXT["hello"] + "\n")
    assert "does not fit" in loose.err and len(loose.err.splitlines()) == 1
    strict = read(page, "--pattern", "99", "--strict")
    assert (strict.returncode, strict.out) == (1, "") and "left out" in strict.err
    words = tmp_path / "words.txt"
    words.write_text("INCOMPREHENSIBILITIES\n", encoding="utf8")
    strict = read(page, "--lexicon", words, "--strict", "--format", "json")
    told = json.loads(strict.out)
    assert strict.returncode == 1 and told["matched"] is False and told["text"] == ""
    words.write_text("\n".join(TEXT["hello"].split()), encoding="utf8")
    fits = read(page, "--lexicon", words, "--strict", "--format", "json")
    told = json.loads(fits.out)
    assert fits.returncode == 0 and told["matched"] and told["text"] == TEXT["hello"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_pipe_that_closes_early_is_no_error(jobs):
    command = (
        f'"{sys.executable}" -m customocr read "{samples.page("lines")}" "{samples.page("hello")}"'
        f" --jobs {jobs} | head -n 1"
    )
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}"], capture_output=True, timeout=120
    )
    assert done.stderr == b"" and done.returncode == 0
