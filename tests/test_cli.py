"""The command line as a shell sees it: what it prints where, and its exit codes."""

import json
import subprocess
import sys
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from customocr import __version__, cli, errors


class FakePage:
    "What `Reader.read` gives, of an image that says how wide it is."

    matched = complete = True
    has_ink = False

    def __init__(self, text):
        self.text = text

    def draw(self):
        return np.zeros((4, 6, 3), np.uint8)

    def to_dict(self):
        return {"text": self.text}


@pytest.fixture
def calls(monkeypatch):
    "A reader that reads nothing but remembers how it was called."
    from customocr.images import load_image

    seen = SimpleNamespace(model=None, settings=None)

    class FakeReader:
        def __init__(self, model=None, limits=None):
            seen.model, self.limits = model, limits

        def read(self, source, **settings):
            seen.settings = settings
            if settings.get("pattern") == "[":
                raise errors.KnowledgeError("pattern [: the bracket at 1 is not closed")
            pixels = load_image(source).pixels
            return FakePage("" if pixels.min() == 255 else f"WIDTH {pixels.shape[1]}")

        def explain(self, source, **settings):
            return SimpleNamespace(
                page=self.read(source, **settings), draw=lambda: np.zeros((4, 6, 3), np.uint8)
            )

    monkeypatch.setattr("customocr.recognition.Reader", FakeReader)
    return seen


@pytest.fixture
def images(tmp_path):
    "Two image files of the same name and a file that is no image."
    for folder, width in (("a", 30), ("b", 40)):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "page.png"), np.zeros((20, width), np.uint8))
    (tmp_path / "broken.png").write_text("no image")
    return SimpleNamespace(
        a=str(tmp_path / "a/page.png"),
        b=str(tmp_path / "b/page.png"),
        broken=str(tmp_path / "broken.png"),
        folder=tmp_path,
    )


def test_one_image_gives_its_text_only(calls, images, capsys):
    assert cli.main(["read", images.a]) == 0
    assert capsys.readouterr().out == "WIDTH 30\n"
    assert calls.settings == {}, "the reader's own defaults hold where the user says nothing"


def test_several_images_are_named_and_a_bad_one_stops_none(calls, images, capsys):
    assert cli.main(["read", images.a, images.broken, images.b]) == 1
    shown = capsys.readouterr()
    assert shown.out == f"==> {images.a} <==\nWIDTH 30\n==> {images.b} <==\nWIDTH 40\n"
    assert shown.err.startswith(f"customocr: {images.broken}: ") and shown.err.count("\n") == 1


def test_json_is_one_object_a_line(calls, images, capsys):
    assert cli.main(["read", "--format", "json", images.a, images.b]) == 0
    objects = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    head = {"version": 1, "page": 1, "pages": 1}
    assert objects == [
        head | {"source": images.a, "text": "WIDTH 30"},
        head | {"source": images.b, "text": "WIDTH 40"},
    ]


def test_sources_may_stand_after_options(calls, images, capsys):
    assert cli.main(["read", images.a, "--format", "json", images.b]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_formats_are_those_of_the_writers():
    from customocr.formats.writers import FORMATS

    assert tuple(FORMATS) == cli.FORMAT_NAMES


def test_options_have_the_names_of_the_readers_parameters(calls, images):
    words = images.folder / "words.txt"
    words.write_text("12\n345\n")
    options = (
        "--alphabet digits --pattern 999 --strict --no-prior --reject 0.6 --no-rotate --model"
        " net.onnx"
    )
    assert cli.main(["read", *options.split(), "--lexicon", str(words), images.a]) == 0
    assert len(calls.settings.pop("lexicon")) == 2, "the words are indexed once, not for each page"
    settings = {name: str(value) for name, value in calls.settings.items()}
    assert settings == {
        "alphabet": "digits", "pattern": "999", "strict": "True",
        "prior": "False", "reject": "0.6", "rotate": "False",
    }  # fmt: skip
    assert str(calls.model) == "net.onnx"


def test_overlays_of_images_with_the_same_name_do_not_overwrite_each_other(calls, images):
    out = images.folder / "new" / "overlays"
    assert (
        cli.main(
            [
                "read",
                images.a,
                images.b,
                "--overlay",
                str(out),
                "--explain",
                str(images.folder / "explained"),
            ]
        )
        == 0
    )
    assert sorted(file.name for file in out.iterdir()) == ["page-2.png", "page.png"]
    assert cv2.imread(str(images.folder / "explained" / "page.png")).shape == (4, 6, 3)


def test_an_empty_page_is_no_error(calls, images, capsys):
    white = str(images.folder / "white.png")
    cv2.imwrite(white, np.full((20, 20), 255, np.uint8))
    assert cli.main(["read", white]) == 0
    shown = capsys.readouterr()
    assert shown.out == "" and "no characters" in shown.err


def test_user_mistakes_give_one_line_and_code_2(calls, images, capsys):
    for arguments, said in (
        (["read", "--pattern", "[", images.a, images.b], "pattern '['"),
        (["read", images.a, "--overlay", images.b], images.b),
        (["read", images.a, "--format", "json", "--format", "text"], "need a folder"),
        (["read", images.a, images.b, "--format", "hocr"], "needs a folder"),
        (["read", images.a, "--out", images.b + ".txt", "--format", "hocr"], "holds text only"),
    ):
        assert cli.main(arguments) == 2
        shown = capsys.readouterr()
        assert shown.out == "" and said in shown.err and shown.err.count("\n") == 1, arguments


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["read"],
        ["read", "--reject", "2", "x.png"],
        ["read", "--format", "xml", "x.png"],
        ["train", "--epochs", "0"],
        ["write"],
    ],
)
def test_usage_errors_have_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        cli.main(arguments)
    assert stopped.value.code == 2 and "usage: customocr" in capsys.readouterr().err


def test_ctrl_c_prints_a_line(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "read_images", interrupted)
    assert cli.main(["read", "x.png"]) == 130
    assert capsys.readouterr().err == "customocr: stopped\n"


def test_train_passes_on_what_the_user_said(monkeypatch, tmp_path):
    heard = {}
    monkeypatch.setattr(cli, "find_spec", lambda name: True)
    monkeypatch.delenv("CUSTOMOCR_DATA", raising=False)
    monkeypatch.setitem(
        sys.modules, "customocr.training", SimpleNamespace(train=lambda **said: heard.update(said))
    )
    assert (
        cli.main(["train", "--out", str(tmp_path), "--minutes", "3", "--seed", "7", "--resume"])
        == 0
    )
    assert heard.pop("begun") <= time.monotonic(), "minutes count from the start of the command"
    assert heard == {"out": tmp_path, "minutes": 3.0, "seed": 7, "resume": True}


def test_train_without_its_extra_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(cli, "find_spec", lambda name: None if name == "tensorflow" else True)
    assert cli.main(["train"]) == 2
    assert (
        capsys.readouterr().err
        == "customocr: training needs tensorflow: pip install 'customocr[train]'\n"
    )


def run(*arguments, **options):
    "The command in a process of its own."
    return subprocess.run(
        [sys.executable, "-m", "customocr", *arguments], capture_output=True, timeout=120, **options
    )


def test_version_is_instant_and_imports_nothing_heavy():
    done = run("--version")
    assert done.returncode == 0 and done.stdout.decode() == f"customocr {__version__}\n"
    code = (
        "import sys, customocr.cli; print([m for m in ('numpy', 'cv2', 'onnxruntime', 'tensorflow')"
        " if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True).stdout.decode().strip()
        == "[]"
    )
