"""The map of the package: every module is on it, and reading never leads to making."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))
import architecture

READING = ("recognition", "decoding", "images", "glyphs", "confusion_fixes", "segmentation")
READING += ("errors", "samples", "layout", "engine", "formats", "batch")


def files() -> set[str]:
    "Every module file of the package, as it is imported."
    paths = [p.relative_to(ROOT / "customocr") for p in (ROOT / "customocr").rglob("*.py")]
    names = {".".join(p.with_suffix("").parts).removesuffix(".__init__") for p in paths}
    return names - {"_modidx", "__main__", "__init__"}


@pytest.mark.parametrize("width", [860, 370], ids=["wide", "phone"])
def test_every_module_is_on_the_map(width):
    picture = architecture.svg(architecture.modules(), width)
    missing = {
        n
        for n in files()
        if f'href="{architecture.api_file(n, "html")}"' not in picture and f">{n}<" not in picture
    }
    assert missing == set()
    assert all(float(x) < width for x in re.findall(r' x="([\d.-]+)"', picture))


def test_reading_never_leads_to_making():
    found = architecture.modules()
    must_read = [n for n in found if n.split(".")[0] in READING]
    assert "recognition" in must_read
    ways = {n: " -> ".join(architecture.chain(found, n)) for n in must_read}
    assert {n: way for n, way in ways.items() if way} == {}


def test_a_forbidden_import_is_found_through_sub_packages(tmp_path, monkeypatch):
    (tmp_path / "layout").mkdir()
    (tmp_path / "__init__.py").write_text('"Front."\n_LATER = {"Reader": ".reader"}\n')
    (tmp_path / "reader.py").write_text('"Reads."\nfrom .layout import page\n')
    (tmp_path / "layout" / "__init__.py").write_text('"Lays out."\n')
    page = '"Pages."\nfrom ..training import cut\nfrom customocr.layout.ink import mask\n'
    (tmp_path / "layout" / "page.py").write_text(page)
    (tmp_path / "layout" / "ink.py").write_text('"Ink."\nimport numpy\nmask = 1\n')
    (tmp_path / "training.py").write_text('"Trains."\ndef cut():\n    import keras\n')
    monkeypatch.setattr(architecture, "PACKAGE", tmp_path)
    found = architecture.modules()
    assert found["customocr"].uses == {"reader": ()}
    assert found["layout.page"].uses == {"training": ("cut",), "layout.ink": ("mask",)}
    assert architecture.chain(found, "reader") == ["reader", "layout.page", "training"]
    assert architecture.chain(found, "layout.ink") == []
    boxes, arrows = architecture.boxes_of(found)
    assert boxes["layout"].lines == ["page", "ink"]  # users above what they use
    assert ("reader", "layout") in arrows


def test_the_journey_goes_from_a_file_to_a_page():
    steps = architecture.journey("ruled")
    told = {step.name: step for step in steps}
    assert (steps[0].name, steps[0].gives) == ("Reader.read", "Page")
    assert told["load_image"].module == "images"
    assert told["normalise_glyph"].gives == "uint8 (28, 28)"
    assert "float32 (36,)" in architecture.form([np.zeros(36, np.float32)])
    assert all(step.purpose for step in steps)
