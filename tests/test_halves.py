"""What reads loads nothing of what makes; the front door opens lazily."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import customocr

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "customocr"
DECLARED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf8"))["tool"]["customocr"]
MAKING = [f"customocr.{name}" for name in DECLARED["making"]]


def modules() -> list[str]:
    "Every module of the package, from its files."
    paths = [file.relative_to(ROOT).with_suffix("") for file in sorted(PACKAGE.rglob("*.py"))]
    names = [".".join(path.parts).removesuffix(".__init__") for path in paths]
    return [name for name in names if not name.endswith(("__main__", "_modidx"))]


def makes(name: str) -> bool:
    "Is it a making module, or part of a making sub-package?"
    return any(name == made or name.startswith(f"{made}.") for made in MAKING)


def python(code: str, **environment: str) -> subprocess.CompletedProcess:
    "Run some lines in a fresh interpreter."
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def test_every_module_that_is_declared_to_make_exists():
    assert [made for made in MAKING if made not in modules()] == []


def test_reading_loads_nothing_of_making():
    reading = [name for name in modules() if not makes(name)]
    assert "customocr.recognition" in reading and "customocr.cli" in reading
    code = f"""
import importlib, json, sys
found, before = {{}}, set(sys.modules)
for name in {reading}:
    importlib.import_module(name)
    found[name] = sorted(set(sys.modules) - before)
    before |= set(sys.modules)
print(json.dumps(found))
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
    loads = {
        name: [new for new in loaded if makes(new) or new in DECLARED["making-libraries"]]
        for name, loaded in json.loads(done.stdout).items()
    }
    assert {name: what for name, what in loads.items() if what} == {}


def test_the_front_door_gives_the_reader_and_loads_nothing_before():
    code = """
import sys, customocr
assert not {"numpy", "cv2", "onnxruntime", "customocr.recognition"} & set(sys.modules)
from customocr import Page, Reader
from customocr import recognition
assert Reader is recognition.Reader and Page is recognition.Page
"""
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert {"Page", "Reader", "__version__"} <= set(dir(customocr))
    assert not hasattr(customocr, "Raeder")


def test_an_opencv_that_does_not_load_is_said_in_one_line_with_its_cure(tmp_path):
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object')")
    paths = os.pathsep.join([str(tmp_path), str(ROOT)])
    for command in ("read page.png", "train"):
        done = subprocess.run(
            [sys.executable, "-m", "customocr", *command.split()],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": paths},
        )
        if "training needs" in done.stderr:  # the extra is not installed, which is said first
            continue
        assert done.returncode == 2 and done.stderr.count("\n") == 1
        assert "libGL.so.1" in done.stderr and "opencv-python-headless" in done.stderr
    done = python("import customocr.recognition", PYTHONPATH=paths)
    assert "opencv-python-headless" in done.stderr.splitlines()[-1]
    assert "cv2" not in done.stderr, "the way through OpenCV's own loader helps nobody"
